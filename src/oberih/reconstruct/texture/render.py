"""A textured mesh as a camera sees it: for measuring fidelity and for previews.

Texture lookups are trilinear: each face has one level of the texture's pyramid, from the ratio of its
area in texels to its area in pixels, so that a finer texture than the picture does not flicker.
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc"

import cv2
import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry import Mesh, View
from oberih.geometry.raster import Raster, Rasteriser

__all__ = ["Renderer"]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

BIAS = -0.4  # a little sharper than the exact pyramid level


class Renderer:
    """Draws one textured mesh into views; safe to use from several threads. CPU only."""

    def __init__(self, mesh: Mesh) -> None:
        assert mesh.uv is not None and mesh.texture is not None
        self._mesh = mesh
        self.rasteriser = Rasteriser(mesh.vertices, mesh.faces)
        self._uv = wp.array(mesh.uv, dtype=wp.vec2, device="cpu")
        height, width = mesh.texture.shape[:2]
        a, b, c = (mesh.uv[:, i].astype(np.float64) * (width, height) for i in range(3))
        (ux, uy), (vx, vy) = (b - a).T, (c - a).T
        self._texels = np.abs(ux * vy - uy * vx)  # twice the area of each face
        self._levels = [mesh.texture]
        while min(self._levels[-1].shape[:2]) > 64 and len(self._levels) < 8:
            last = self._levels[-1]
            half = cv2.resize(last, (last.shape[1] // 2, last.shape[0] // 2), interpolation=cv2.INTER_AREA)
            self._levels.append(half.astype(np.uint8))
        starts = np.cumsum([0] + [level.size for level in self._levels])
        self._pyramid = wp.array(
            np.concatenate([level.ravel() for level in self._levels]), dtype=wp.uint8, device="cpu"
        )
        shape = [(start, *level.shape[:2]) for start, level in zip(starts, self._levels, strict=False)]
        self._shape = wp.array(np.array(shape, np.int32), dtype=wp.int32, device="cpu")

    def draw(self, view: View) -> tuple[NDArray[np.float32], Raster]:
        """``(H, W, 3)`` sRGB 0..255, black where there is nothing, and the raster behind it."""
        raster = self.rasteriser.draw(view, weights=True)
        pixels = self._pixels(view)
        with np.errstate(divide="ignore", invalid="ignore"):
            level = 0.5 * np.log2(self._texels / pixels) + BIAS
        level = np.clip(np.nan_to_num(level, posinf=0, neginf=0), 0, len(self._levels) - 1)
        image = np.zeros((*raster.face.shape, 3), np.float32)
        wp.launch(
            look_up,
            dim=raster.face.shape,
            inputs=[
                wp.array(raster.face, dtype=wp.int32, device="cpu", copy=False),
                wp.array(raster.weights, dtype=wp.vec3, device="cpu", copy=False),
                self._uv,
                wp.array(level.astype(np.float32), dtype=wp.float32, device="cpu", copy=False),
                self._pyramid,
                self._shape,
            ],
            outputs=[wp.array(image, dtype=wp.vec3, device="cpu", copy=False)],
            device="cpu",
        )
        return image, raster

    def _pixels(self, view: View) -> NDArray[np.float64]:
        """``(F,)`` twice the area of each face on the screen; nan behind the camera."""
        pixel, depth = view.project(self._mesh.vertices.astype(np.float64))
        pixel[depth <= 0] = np.nan
        a, b, c = (pixel[self._mesh.faces[:, i]] for i in range(3))
        (ux, uy), (vx, vy) = (b - a).T, (c - a).T
        return np.abs(ux * vy - uy * vx)


@wp.func
def texel(pyramid: wp.array(dtype=wp.uint8), start: wp.int32, width: wp.int32, row: wp.int32, col: wp.int32):
    at = start + 3 * (row * width + col)
    return wp.vec3(float(pyramid[at]), float(pyramid[at + 1]), float(pyramid[at + 2]))


@wp.func
def bilinear(
    pyramid: wp.array(dtype=wp.uint8), shape: wp.array2d(dtype=wp.int32), level: wp.int32, uv: wp.vec2
):
    start = shape[level, 0]
    height = shape[level, 1]
    width = shape[level, 2]
    x = wp.clamp(uv[0] * float(width) - 0.5, 0.0, float(width) - 1.0)
    y = wp.clamp(uv[1] * float(height) - 0.5, 0.0, float(height) - 1.0)
    col = wp.int32(x)
    row = wp.int32(y)
    right = wp.min(col + 1, width - 1)
    below = wp.min(row + 1, height - 1)
    fx = x - float(col)
    fy = y - float(row)
    a = texel(pyramid, start, width, row, col)
    b = texel(pyramid, start, width, row, right)
    c = texel(pyramid, start, width, below, col)
    d = texel(pyramid, start, width, below, right)
    return (1.0 - fy) * ((1.0 - fx) * a + fx * b) + fy * ((1.0 - fx) * c + fx * d)


@wp.kernel
def look_up(
    face: wp.array2d(dtype=wp.int32),
    weights: wp.array2d(dtype=wp.vec3),
    uv: wp.array2d(dtype=wp.vec2),
    levels: wp.array(dtype=wp.float32),
    pyramid: wp.array(dtype=wp.uint8),
    shape: wp.array2d(dtype=wp.int32),
    image: wp.array2d(dtype=wp.vec3),
):
    row, col = wp.tid()
    i = face[row, col]
    if i < 0:
        return
    w = weights[row, col]
    at = w[0] * uv[i, 0] + w[1] * uv[i, 1] + w[2] * uv[i, 2]
    level = levels[i]
    fine = wp.int32(level)
    coarse = wp.min(fine + 1, shape.shape[0] - 1)
    part = level - float(fine)
    colour = bilinear(pyramid, shape, fine, at)
    if part > 0.01:
        colour = (1.0 - part) * colour + part * bilinear(pyramid, shape, coarse, at)
    image[row, col] = colour
