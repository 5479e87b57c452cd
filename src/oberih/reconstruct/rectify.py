"""Photos without lens distortion, at the size that a stage works at."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from oberih.capture import read_photo
from oberih.geometry import View

__all__ = ["rectified", "undistort"]


def rectified(view: View, photo: Path, max_size: int) -> tuple[View, NDArray[np.uint8]]:
    """Read ``photo`` and resample it to the pinhole camera of ``view.resized(max_size)``.

    Returns the pinhole view and its ``(H, W, 3)`` sRGB image. Pixels that the photo does not cover
    (at the border of a distorted image) are black.
    """
    return undistort(view, read_photo(photo), max_size)


def undistort(view: View, image: NDArray[np.uint8], max_size: int) -> tuple[View, NDArray[np.uint8]]:
    """Like `rectified`, for a photo that is already in memory."""
    target = view.resized(max_size)
    width, height = target.camera.width, target.camera.height
    # Shrink by area first (no aliasing); what is left for the distortion map is a small move.
    if (image.shape[1], image.shape[0]) != (width, height):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
    if not view.camera.distorted:
        return target, image
    source = view.camera.scaled(width, height)
    camera = target.camera
    out = np.empty_like(image)
    for top in range(0, height, 256):  # in bands, so that the coordinate maps stay small
        rows = np.arange(top, min(top + 256, height))
        columns = np.arange(width)
        x, y = np.meshgrid((columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy)
        rays = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
        pixels = (source.project(rays) - 0.5).astype(np.float32).reshape(*x.shape, 2)
        out[top : top + len(rows)] = cv2.remap(
            image, pixels[..., 0], pixels[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT
        )
    return target, out
