"""A picture at half its size, a quarter, and so on, each cut into tiles of one shape that overlap.

Networks see things of some tens of pixels. What is larger is that size in a smaller picture; and a network
that is given tiles of one shape plans its work once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

STEP_PX = 32  # sides of tiles are multiples: networks halve them five times


@dataclass(frozen=True)
class Tile:
    """A piece of the picture at some scale. ``x, y`` and the pixels are those of that scale."""

    pixels: NDArray[np.uint8]  # (h, w, 3), the same for all of a scale; padded with its border
    x: int
    y: int
    scale: float  # pixels of this scale per pixel of the picture


def tiles(
    picture: NDArray[np.uint8], side: int, overlap: int, *, first: float = 1.0, least: int = 320
) -> Iterator[Tile]:
    """Tiles of at most ``side`` pixels, from scale ``first`` to where the picture has ``least`` a side."""
    height, width = picture.shape[:2]
    scale = first
    while True:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        smaller = picture if scale == 1 else cv2.resize(picture, size, interpolation=filter_for(scale))
        across, down = (min(side, -(-length // STEP_PX) * STEP_PX) for length in size)
        missing = max(0, down - size[1]), max(0, across - size[0])
        if any(missing):
            smaller = cv2.copyMakeBorder(smaller, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
        for y in starts(smaller.shape[0], down, overlap):
            for x in starts(smaller.shape[1], across, overlap):
                yield Tile(np.ascontiguousarray(smaller[y : y + down, x : x + across]), x, y, scale)
        if max(size) <= least:
            return
        scale /= 2


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where tiles of ``side`` begin so that they cover ``length`` and each two share ``overlap``."""
    if length <= side:
        return [0]
    count = -(-(length - overlap) // (side - overlap))
    return [round(n * (length - side) / (count - 1)) for n in range(count)]


def filter_for(scale: float) -> int:
    return cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
