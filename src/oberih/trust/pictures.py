"""Public pictures are made anew from pixels: what else a photo's file holds has no way into them.

Cleaning a file means knowing every place where a camera may write where it stood: EXIF, XMP, IPTC, maker
notes, thumbnails, second pictures, comments, bytes after the end. Here nothing is cleaned. A photo is decoded
to an array of sRGB values, turned upright and made smaller, and a new file is written from that array alone:
no metadata, no profile (sRGB is what readers take for granted), no name, no time.

A stranger's bytes are decoded in a process of its own (`_decoding`), which can open nothing but that file,
and whose memory and time end: a file that makes a decoder crash, loop or do a stranger's will costs that
process.
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import oberih
from oberih.errors import InputError, UnreadablePhoto
from oberih.i18n import from_json, say

__all__ = ["Format", "Limits", "decoded", "encoded", "remade"]

Format = Literal["jpeg", "webp", "png"]

MAX_SIDE = 16_383  # pixels; WebP can hold no more, and no screen shows it
NAMELESS = "photo"  # a picture that comes as bytes
DAMAGED = "Most likely the file is damaged, or not what its name says. Copy it from the camera again."


@dataclass(frozen=True)
class Limits:
    """What decoding one picture may take."""

    file_bytes: int = 500_000_000
    memory_bytes: int = 6 << 30  # of addresses, most of which are never touched
    seconds: int = 120  # of the processor


def remade(
    source: Path | bytes, *, longest_px: int, quality: int = 85, format: Format = "jpeg"  # noqa: A002
) -> bytes:  # fmt: skip
    """A new picture file that shows what ``source`` shows, at most ``longest_px`` on its longer side.

    Nothing is hidden in it, but nothing that can be seen is hidden either: faces and plates are the matter of
    `oberih.trust.redaction`, which works between `decoded` and `encoded`. Raises `UnreadablePhoto`.
    """
    return encoded(decoded(source, longest_px=longest_px), format, quality=quality)


def decoded(
    source: Path | bytes,
    *,
    longest_px: int | None = None,
    upright: bool = True,
    limits: Limits | None = None,
) -> NDArray[np.uint8]:
    """``(H, W, 3) uint8`` sRGB pixels of a photo (its first frame), made smaller if need be.

    ``upright``: as it was held; else in stored order, as cameras in ``sparse/`` and `read_photo` have it.
    Raises `UnreadablePhoto` for everything that is not a photo of a kind that is read, whatever its name.
    """
    if longest_px is not None and longest_px < 1:
        raise InputError(
            "A picture has at least one pixel.", "Give the longer side in pixels, for example 2048."
        )
    limits = limits or Limits()
    with file_of(source) as path:
        if size(path) > limits.file_bytes:
            raise UnreadablePhoto(
                say("{name} is larger than {limit:.0f} MB.", name=path.name, limit=limits.file_bytes / 1e6),
                "Export it smaller: 12 to 50 megapixels are plenty.",
            )
        with tempfile.TemporaryFile() as answer:
            code = run(path, longest_px or 0, upright, limits, answer)
            answer.seek(0)
            return taken_in(answer, path, code, limits)


def encoded(pixels: NDArray[np.uint8], format: Format = "jpeg", *, quality: int = 85) -> bytes:  # noqa: A002
    """A picture file of ``(H, W, 3) uint8`` sRGB pixels and nothing else. ``quality``: 1..95, not of PNG."""
    if format not in get_args(Format) or not 1 <= quality <= 95:
        raise InputError(
            "There is no such picture format or quality.", "Formats: jpeg, webp, png; quality: 1 to 95."
        )
    if max(pixels.shape[:2]) > MAX_SIDE:
        raise InputError(
            say("A picture of more than {count} pixels a side cannot be shown.", count=MAX_SIDE),
            "Give the longer side in pixels, for example 2048.",
        )
    image = Image.fromarray(np.ascontiguousarray(pixels))  # a new image: it knows of no file
    file = io.BytesIO()
    if format == "jpeg":
        image.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
    elif format == "webp":
        image.save(file, "WEBP", quality=quality, method=4)
    else:
        image.save(file, "PNG")
    return file.getvalue()


@contextlib.contextmanager
def file_of(source: Path | bytes) -> Iterator[Path]:
    """A file that holds ``source``: decoders want one."""
    if isinstance(source, Path):
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="oberih-picture-") as folder:
        path = Path(folder, NAMELESS)
        path.write_bytes(source)
        yield path


def size(path: Path) -> int:
    """Bytes of a file. Raises `UnreadablePhoto` if there is none, or it may not be read."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UnreadablePhoto(
            say("{name} cannot be read: {why}", name=path.name, why=why),
            "Make sure that you may read the file.",
        ) from error


def run(path: Path, longest_px: int, upright: bool, limits: Limits, answer: IO[bytes]) -> int:
    """Let the child decode into the file ``answer``; its exit code, or minus the signal that ended it."""
    source = str(Path(oberih.__file__).parents[1])
    paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        "PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(paths), "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    numbers = longest_px, int(upright), limits.memory_bytes, limits.seconds
    job = [str(path.absolute()), *map(str, numbers)]
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "oberih.trust._decoding", *job], env=environment, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=answer, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return child.wait(4 * limits.seconds + 10)  # a busy machine may need more than processor seconds
    except subprocess.TimeoutExpired:
        return -signal.SIGXCPU
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def taken_in(answer: IO[bytes], path: Path, code: int, limits: Limits) -> NDArray[np.uint8]:
    """The child's pixels. It may be in a stranger's hands: nothing it says is believed unseen."""
    if code == 3:
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            message, advice = (from_json(text) for text in json.loads(answer.read(10_000)))
            raise UnreadablePhoto(message, advice)
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        raise UnreadablePhoto(
            say("Reading {path} took longer than {count} seconds.", path=path.name, count=limits.seconds),
            DAMAGED,
        )
    if code == 4:
        needed = f"{limits.memory_bytes / 1e9:.1f}"
        raise UnreadablePhoto(
            say("Reading {path} needs more than {size} GB of memory.", path=path.name, size=needed),
            DAMAGED,
        )
    shape = np.frombuffer(answer.read(8), ">u4") if code == 0 else np.zeros(0)
    if len(shape) == 2 and shape.min() >= 1:
        height, width = (int(n) for n in shape)
        if height * width * 3 == answer.seek(0, os.SEEK_END) - 8:
            answer.seek(8)
            return np.fromfile(answer, np.uint8).reshape(height, width, 3)
    raise UnreadablePhoto(say("{path} is damaged: reading it broke off.", path=path.name), DAMAGED)
