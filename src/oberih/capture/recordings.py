"""What one act of recording left: every file, photo or not, with the little that its first bytes tell."""

import mimetypes
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from oberih.capture._exif import Exif, Position, read_exif
from oberih.capture._sniff import HEAD, HEIF, JPEG, RAW, TIFF, media_type
from oberih.capture.listing import listed, unique_names
from oberih.capture.read import decoding, heif_exif, opened, raw_exif
from oberih.errors import UnreadablePhoto

__all__ = ["Recording", "recordings"]

UNKNOWN = "application/octet-stream"
MOST_IN_MEMORY = 500_000_000  # bytes of a file


@dataclass(frozen=True)
class Recording:
    """A file as it came. Nothing of it is decoded: it need not be whole."""

    path: Path
    name: str  # unique in the capture, with "/" between folders
    media_type: str
    make: str = ""
    model: str = ""
    taken_at: datetime | None = None  # the camera's own clock
    position: Position | None = field(default=None, repr=False)  # sealed
    is_photo: bool = True  # by its first bytes, whatever its name says


def recordings(paths: Sequence[Path | str], *, ignore: Sequence[Path] = ()) -> tuple[Recording, ...]:
    """Every file among ``paths`` (files, or folders with all that is in them, hidden files too).

    In natural order. One folder alone keeps its structure; otherwise a name has as many of its folders as it
    takes to tell it from the others. Raises `InputError` for a path that does not exist, `OSError` for a
    file or folder that cannot be opened.
    """
    given = [Path(path) for path in paths]
    names = unique_names(list(listed(given, ignore, refused, everything=True)), whole=len(given) == 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata
        return tuple(glance(path, name) for path, name in names.items())


def refused(error: OSError) -> None:
    """Nothing that was recorded may be missing unnoticed."""
    raise error


def glance(path: Path, name: str) -> Recording:
    with path.open("rb") as file:
        head = file.read(HEAD)
    kind = media_type(head)
    if not kind:
        return Recording(path, name, mimetypes.guess_type(name)[0] or UNKNOWN, is_photo=False)
    exif = Exif()
    if path.stat().st_size > MOST_IN_MEMORY and kind not in (JPEG, TIFF, RAW):
        return Recording(path, name, kind)  # decoders of these kinds read the whole file first
    try:
        if kind == RAW:
            exif = read_exif(raw_exif(path), 1, 1)
        elif kind == HEIF:
            exif = read_exif(heif_exif(path), 1, 1)
        else:
            with opened(path, kind) as image, decoding(path):
                exif = read_exif(image.getexif(), *image.size)
    except (UnreadablePhoto, OSError, SyntaxError, ValueError):
        pass  # damaged, and kept all the same: nothing is known of its camera
    return Recording(path, name, kind, exif.make, exif.model, exif.taken_at, exif.position)
