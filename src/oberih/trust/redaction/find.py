"""Looks for what must not be public in a picture."""

import numpy as np
from numpy.typing import NDArray

from oberih.trust._decoding import TURNS
from oberih.trust.redaction.faces import find_faces
from oberih.trust.redaction.plates import find_plates
from oberih.trust.redaction.regions import Region

__all__ = ["find"]


def find(picture: NDArray[np.uint8], *, orientation: int = 1) -> tuple[Region, ...]:
    """Faces and number plates in ``(H, W, 3) uint8`` sRGB pixels, each kind with the surest first.

    What is found is to be hidden until a custodian clears it, statues included: see `Corrections`. With
    ``orientation`` (EXIF 1..8) the picture is turned upright for the search; the regions are those of the
    picture as it was given (cameras in ``sparse/`` refer to photos in stored order).
    """
    turns, mirrored = TURNS.get(orientation, (0, False))
    seen = np.ascontiguousarray(np.rot90(picture[:, ::-1] if mirrored else picture, turns))
    found = (*find_faces(seen), *find_plates(seen))
    return tuple(turned_back(one, picture.shape[:2], turns, mirrored) for one in found)


def turned_back(region: Region, shape: tuple[int, ...], turns: int, mirrored: bool) -> Region:
    """A region of the upright picture in the one of ``shape`` that was mirrored and turned to be upright."""
    left, top, width, height = region.left, region.top, region.width, region.height
    for turn in reversed(range(turns)):  # each quarter turn counter-clockwise swaps the sides
        across = shape[1] if turn % 2 == 0 else shape[0]
        left, top, width, height = across - top - height, left, height, width
    if mirrored:
        left = shape[1] - left - width
    return Region(region.kind, left, top, width, height, region.score)
