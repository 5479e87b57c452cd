"""The process that decodes one stranger's photo: it can open that file, and write one answer.

It confines itself before anything that knows pictures is imported. The answer on standard output is height
and width (two big-endian 32-bit numbers) and the pixels, or an error as JSON (exit code 3). Whoever asked has
to be ready for any other end.
"""

import contextlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from oberih.errors import InputError
from oberih.i18n import to_json
from oberih.trust.sandbox import only_files

ORIENTATION = 0x0112  # EXIF
TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (1, True), 6: (3, False), 7: (3, True), 8: (1, False)}
# Decoders of other kinds (HEIF, TIFF) turn by themselves.
TURNED_BY_US = {
    "image/jpeg": ("JPEG", "MPO"), "image/png": ("PNG",), "image/webp": ("WEBP",), "image/avif": ("AVIF",),
}  # fmt: skip
BROKEN = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, ArithmeticError)


def main() -> None:
    path = Path(sys.argv[1])
    longest_px, turned, memory, seconds = (int(word) for word in sys.argv[2:])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    try:
        only_files([path])
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (memory, memory))
        pixels = shown(path, longest_px, turned=bool(turned))
        with os.fdopen(1, "wb") as answer:
            answer.write(b"".join(n.to_bytes(4, "big") for n in pixels.shape[:2]))
            answer.write(pixels.data)
    except MemoryError:
        os._exit(4)
    except InputError as error:
        os.write(1, json.dumps([to_json(error.message), to_json(error.advice)]).encode())
        os._exit(3)
    os._exit(0)  # libraries that hang in their own ending cannot hold us


def shown(path: Path, longest_px: int, *, turned: bool) -> Any:
    """``(H, W, 3) uint8``, contiguous, at most ``longest_px`` a side (0: as it is); ``turned``: upright."""
    import numpy as np
    from PIL import Image

    from oberih.capture import read_photo

    orientation, size = header(path)
    fewer = None
    if longest_px and size is not None and max(size) > longest_px:
        fewer = max(1, round(size[0] * size[1] * (longest_px / max(size)) ** 2))
    pixels = read_photo(path, fewer)
    height, width = pixels.shape[:2]
    if longest_px and max(height, width) > longest_px:
        scale = longest_px / max(height, width)
        smaller = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(
            Image.fromarray(pixels).resize(smaller, Image.Resampling.LANCZOS, reducing_gap=2.0)
        )
    turns, mirrored = TURNS.get(orientation if turned else 1, (0, False))
    if mirrored:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.rot90(pixels, turns))


def header(path: Path) -> tuple[int, tuple[int, int] | None]:
    """How the photo has still to be turned (EXIF 1..8), and its size as stored, if that is easily known."""
    from PIL import Image

    from oberih.capture import media_type

    with path.open("rb") as file:
        kind = media_type(file.read(4096))
    value, size = None, None
    with contextlib.suppress(*BROKEN, Image.DecompressionBombError):  # `read_photo` says what is wrong
        if kind == "image/x-adobe-dng":
            exif = Image.Exif()
            with path.open("rb") as file:
                exif.load_from_fp(file)
            value = exif.get(ORIENTATION)
        elif kind in TURNED_BY_US:
            with Image.open(path, formats=TURNED_BY_US[kind]) as image:
                value, size = image.getexif().get(ORIENTATION), image.size
    return (value if isinstance(value, int) and value in TURNS else 1), size


if __name__ == "__main__":
    main()
