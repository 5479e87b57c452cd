"""Which of these files are photos, and what do they say of themselves?

A file is judged by its content: names and endings mean nothing. What cannot be used is listed with the
reason; one bad file never stops the others.
"""

import hashlib
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from PIL import Image

from oberih.capture._exif import Exif, Position, read_exif
from oberih.capture._sniff import HEAD, HEIF, JPEG, RAW, media_type, other_kind, what_to_do
from oberih.capture.listing import listed, unique_names
from oberih.capture.read import (
    COPY_AGAIN,
    MAX_RAW_PIXELS,
    BadPhoto,
    decoding,
    opened,
    raw_exif,
    refuse_large,
    unreadable,
    whole_jpeg,
)
from oberih.errors import InputError
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["Found", "Photo", "Position", "Skipped", "check_unchanged", "find_photos"]

MIN_SIDE = 160  # pixels; less shows nothing that could be measured
MAX_ASPECT = 3.0
PANORAMA_MARK = "GPano:ProjectionType"
ENDINGS = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif", ".dng"}
SINGLE = "Give the single photos that it was made of, or take single photos from many places."


@dataclass(frozen=True)
class Photo:
    """A photo that can be read, with what its file says of it. Sizes in stored pixel order."""

    path: Path
    name: str  # unique in the set, with "/" between folders
    sha256: str
    bytes: int
    width: int
    height: int
    media_type: str
    mtime_ns: int = field(default=0, repr=False)  # of the file, before it was read
    orientation: int = 1  # EXIF 1..8, for display only: pixels are never turned
    make: str = ""
    model: str = ""
    focal_mm: float | None = None
    focal_px: float | None = None  # an estimate to start from
    focal_source: str = ""  # "35 mm equivalent", "focal plane resolution" or "" (unknown)
    taken_at: datetime | None = None  # the camera's own clock
    position: Position | None = field(default=None, repr=False)  # sealed

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6


@dataclass(frozen=True)
class Skipped:
    """A file that is not used, or a folder that cannot be searched."""

    path: Path
    reason: str
    advice: str = ""  # what to do about it
    photo: bool = False  # a photo that is damaged or cannot be used, not just another file
    sha256: str = ""


@dataclass(frozen=True)
class Found:
    photos: tuple[Photo, ...]
    others: tuple[Skipped, ...]


def find_photos(
    paths: Sequence[Path | str], *, ignore: Sequence[Path] = (), progress: Progress | None = None
) -> Found:
    """All photos among ``paths``, which are files or folders (searched with all that is in them).

    The order is that of the names with numbers counted (2 before 10). Hidden files, and what lies in the
    folders ``ignore``, are passed over. Raises `InputError` only for a path that does not exist.
    """
    closed: list[OSError] = []
    files = list(listed([Path(path) for path in paths], ignore, closed.append))
    names = unique_names(files)
    photos: list[Photo] = []
    others = [closed_folder(error) for error in closed]
    progress = progress or Progress()
    with (
        progress.stage("reading", len(files)) as stage,
        warnings.catch_warnings(),  # here, for all threads
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        warnings.simplefilter("ignore")  # of odd metadata; what is wanted is checked in read_exif
        for result in pool.map(lambda path: examined(path, names[path]), names):
            if isinstance(result, Photo):
                photos.append(result)
            else:
                others.append(result)
            stage.tick()
    return Found(tuple(photos), tuple(others))


def examined(path: Path, name: str) -> Photo | Skipped:
    """The photo in a file, or the reason why there is none."""
    named = path.suffix.lower() in ENDINGS  # only for files whose content tells nothing
    try:
        status = path.stat()
        with path.open("rb") as file:
            head = file.read(HEAD)
        kind = media_type(head)
        if not kind:
            other = other_kind(head)
            lost = named and other in ("an empty file", "a file of an unknown kind")
            why = say("not a photo, but {kind}", kind=other)
            return Skipped(path, why, COPY_AGAIN if lost else what_to_do(other), photo=lost)
        width, height, exif = raw_header(path) if kind == RAW else header(path, kind)
        reason = unsuitable(width, height, exif)
        if reason:
            small = min(width, height) < MIN_SIDE
            advice = "Give the originals, not small copies of them." if small else SINGLE
            return Skipped(path, reason, advice, photo=not small, sha256=sha256(path))
        return Photo(
            path=path,
            name=name,
            sha256=sha256(path),
            bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            width=width,
            height=height,
            media_type=kind,
            orientation=1 if kind == HEIF else exif.orientation,
            make=exif.make,
            model=exif.model,
            focal_mm=exif.focal_mm,
            focal_px=exif.focal_px,
            focal_source=exif.focal_source,
            taken_at=exif.taken_at,
            position=exif.position,
        )
    except BadPhoto as error:
        return Skipped(path, error.reason, error.advice, photo=True, sha256=sha256(path))
    except OSError as error:
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            advice = "Put the file back, or leave the link out."
            return Skipped(path, "a link to a file that is not there", advice, photo=named)
        why = say("cannot be read: {why}", why=error.strerror or type(error).__name__)
        return Skipped(path, why, "Make sure that you may read the file.", photo=named)


def closed_folder(error: OSError) -> Skipped:
    """A folder that cannot be searched, in which photos may be."""
    why = say("a folder that cannot be searched: {why}", why=error.strerror or type(error).__name__)
    folder = Path(error.filename).absolute()  # "." has no name
    return Skipped(folder, why, "Make sure that you may read the folder.", photo=True)


def check_unchanged(photo: Photo) -> None:
    """Raise `InputError` if the photo's file is not what it was when the photo was found."""
    try:
        status = photo.path.stat()
        same = (status.st_size, status.st_mtime_ns) == (photo.bytes, photo.mtime_ns)
        if same or (status.st_size == photo.bytes and sha256(photo.path) == photo.sha256):
            return
    except OSError as error:
        raise unreadable(photo.path, error) from error
    raise InputError(
        say("{name} was changed by somebody while Oberih worked with it.", name=photo.name),
        "Run the same command again: it starts with the photos as they are then.",
    )


def unsuitable(width: int, height: int, exif: Exif) -> str:
    """Why an image of this size and kind cannot be used, or ""."""
    if exif.panorama or max(width, height) > MAX_ASPECT * min(width, height):
        return "a panorama; use single photos instead"
    if min(width, height) < MIN_SIDE:
        return say("only {width} x {height} pixels", width=width, height=height)
    return ""


def header(path: Path, kind: str) -> tuple[int, int, Exif]:
    """Size and metadata of an image that decodes to its end."""
    with opened(path, kind) as image:
        width, height = image.size
        with decoding(path):
            found = Image.Exif()
            if kind == HEIF:
                found.load(image.info.get("exif") or b"")
            else:
                found = image.getexif()
            exif = read_exif(found, width, height)
            xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
        if PANORAMA_MARK in (xmp if isinstance(xmp, str) else bytes(xmp).decode(errors="replace")):
            raise BadPhoto(path, reason="a 360-degree panorama; use single photos instead", advice=SINGLE)
        if unsuitable(width, height, exif):
            return width, height, exif
        if kind != JPEG or not whole_jpeg(path):
            with decoding(path):
                image.load()
    return width, height, exif


def raw_header(path: Path) -> tuple[int, int, Exif]:
    import rawpy

    with decoding(path), rawpy.imread(str(path)) as raw:
        width, height = raw.sizes.width, raw.sizes.height
        refuse_large(path, width, height, MAX_RAW_PIXELS)
        _ = raw.raw_image  # unpacks the recording
        return width, height, read_exif(raw_exif(path), width, height)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
