"""Files that lie beside a 3D file: its materials and pictures. A stranger's file names them, so a name leads
to a plain file in the same folder or below it, or nowhere.
"""

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["beside", "picture", "safe_stem"]

MAX_SIDE_PX = 16_384
MAX_PX = 200_000_000
KINDS = ("JPEG", "PNG", "BMP", "TGA", "TIFF", "WEBP", "GIF", "PPM")


def beside(main: Path, name: str) -> Path | None:
    """The file that ``main`` calls ``name``; None if it is not there, or not where it may be.

    An absolute name, as many programs write, stands for the file of that name beside ``main``.
    """
    steps = [step for step in re.split(r"[/\\]+", name.strip().strip('"')) if step not in ("", ".")]
    if not steps or "\0" in name or len(name) > 1000:
        return None
    folder = main.parent.resolve()
    tries = (
        [steps[-1:]] if ".." in steps or ":" in name or name.startswith(("/", "\\")) else [steps, steps[-1:]]
    )
    for wanted in tries:
        found = down(folder, wanted)
        if found is not None and found.is_file() and found.resolve().is_relative_to(folder):
            return found
    return None


def down(folder: Path, steps: list[str]) -> Path | None:
    """``steps`` below ``folder``, whatever letters are small or capital."""
    for step in steps:
        if step == ".." or not folder.is_dir():
            return None
        exact = folder / step
        if not exact.exists():
            alike = sorted(path for path in folder.iterdir() if path.name.lower() == step.lower())
            if not alike:
                return None
            exact = alike[0]
        folder = exact
    return folder


def picture(path: Path | BinaryIO) -> NDArray[np.uint8]:
    """``(H, W, 3)`` pixels. Raises `ValueError` or `OSError` if it is no picture or too large."""
    with Image.open(path, formats=KINDS) as image:
        width, height = image.size
        if not 0 < width <= MAX_SIDE_PX or not 0 < height <= MAX_SIDE_PX or width * height > MAX_PX:
            raise ValueError("size of the picture")
        if image.mode.startswith("I"):  # 16 bits
            grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        return np.asarray(image.convert("RGB"))


def safe_stem(path: Path) -> str:
    """The name that files beside ``path`` begin with: its own, without what readers of text stumble over."""
    return re.sub(r"[^\w.]+", "_", path.stem).strip("_") or "model"
