"""Textured meshes as a camera sees them: for measuring fidelity and for pictures of models.

Texture lookups are trilinear: each face has one level of the texture's pyramid, from the ratio of its
area in texels to its area in pixels, so that a finer texture than the picture does not flicker.
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc"

from dataclasses import dataclass

import cv2
import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry.camera import View
from oberih.geometry.kernels import start_warp
from oberih.geometry.mesh import Mesh
from oberih.geometry.raster import Raster, Rasteriser

__all__ = ["Renderer", "interpolated", "looking"]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

BIAS = -0.4  # a little sharper than the exact pyramid level
PLAIN = 190  # grey of what has neither texture nor colours


@dataclass(frozen=True)
class Sheet:
    """The texture of one part and the faces ``first:stop`` that it lies on."""

    first: int
    stop: int
    uv: wp.array
    texels: NDArray[np.float64]  # (F,) twice the area of each face, in texels
    pyramid: wp.array
    shape: wp.array  # (L, 3) where each level begins in it, its height and its width
    repeats: bool


class Renderer:
    """Draws the parts of a model into views; safe to use from several threads. CPU only.

    A part without a texture shows the colours of its vertices, or a plain grey.
    """

    def __init__(self, *parts: Mesh) -> None:
        start_warp()
        wp.load_module(__name__, device="cpu")  # now: threads would each compile it
        self.mesh = joined(parts)
        self.rasteriser = Rasteriser(self.mesh.vertices, self.mesh.faces)
        self._sheets, first = [], 0
        for part in parts:
            if part.texture is not None and part.uv is not None:
                self._sheets.append(sheet(part, first))
            first += len(part.faces)

    def draw(self, view: View) -> tuple[NDArray[np.float32], Raster]:
        """``(H, W, 3)`` sRGB 0..255, black where there is nothing, and the raster behind it."""
        raster = self.rasteriser.draw(view, weights=True)
        if self.mesh.colours is None:
            image = np.zeros((*raster.face.shape, 3), np.float32)
        else:
            image = interpolated(self.mesh.colours, self.mesh, raster)
        pixels = self._pixels(view)
        for one in self._sheets:
            here = slice(one.first, one.stop)
            with np.errstate(divide="ignore", invalid="ignore"):
                level = 0.5 * np.log2(one.texels / pixels[here]) + BIAS
            level = np.clip(np.nan_to_num(level, posinf=0, neginf=0), 0, len(one.shape) - 1)
            face = raster.face
            if len(self._sheets) > 1 or one.stop - one.first < len(self.mesh.faces):
                face = np.where((face >= one.first) & (face < one.stop), face - one.first, -1)
                if (face < 0).all():
                    continue
            wp.launch(
                look_up,
                dim=face.shape,
                inputs=[
                    wp.array(face, dtype=wp.int32, device="cpu", copy=False),
                    wp.array(raster.weights, dtype=wp.vec3, device="cpu", copy=False),
                    one.uv,
                    wp.array(level.astype(np.float32), dtype=wp.float32, device="cpu", copy=False),
                    one.pyramid,
                    one.shape,
                    one.repeats,
                ],
                outputs=[wp.array(image, dtype=wp.vec3, device="cpu", copy=False)],
                device="cpu",
            )
        return image, raster

    def _pixels(self, view: View) -> NDArray[np.float64]:
        """``(F,)`` twice the area of each face on the screen; nan behind the camera."""
        pixel, depth = view.project(self.mesh.vertices.astype(np.float64))
        pixel[depth <= 0] = np.nan
        a = pixel[self.mesh.faces[:, 0]]
        (ux, uy), (vx, vy) = ((pixel[self.mesh.faces[:, k]] - a).T for k in (1, 2))
        return np.abs(ux * vy - uy * vx)


def joined(parts: tuple[Mesh, ...]) -> Mesh:
    """The shape of all parts, with colours if there are parts without a texture."""
    if len(parts) == 1 and parts[0].texture is not None:
        return Mesh(parts[0].vertices, parts[0].faces, parts[0].normals)
    before = np.cumsum([0] + [len(part.vertices) for part in parts])
    colours = None
    if any(part.texture is None for part in parts):
        colours = np.concatenate([
            np.full((len(part.vertices), 3), PLAIN, np.uint8) if part.colours is None else part.colours
            for part in parts
        ])  # fmt: skip
    normals = [part.normals if part.normals is not None else part.vertex_normals() for part in parts]
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.faces + np.int32(n) for part, n in zip(parts, before, strict=False)]),
        np.concatenate(normals),
        colours,
    )


def sheet(part: Mesh, first: int) -> Sheet:
    assert part.uv is not None and part.texture is not None
    height, width = part.texture.shape[:2]
    a, b, c = (part.uv[:, i].astype(np.float64) * (width, height) for i in range(3))
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    sizes = [(height, width)]
    while min(sizes[-1]) > 64 and len(sizes) < 8:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    starts = np.cumsum([0] + [3 * tall * wide for tall, wide in sizes])
    pyramid = np.empty(starts[-1], np.uint8)
    level = part.texture
    for (tall, wide), start, stop in zip(sizes, starts[:-1], starts[1:], strict=True):
        if level.shape[:2] != (tall, wide):
            level = cv2.resize(level, (wide, tall), interpolation=cv2.INTER_AREA).astype(np.uint8)
        pyramid[start:stop] = level.ravel()
    shape = [(start, *size) for start, size in zip(starts[:-1], sizes, strict=True)]
    return Sheet(
        first, first + len(part.faces),
        wp.array(part.uv, dtype=wp.vec2, device="cpu"),
        np.abs(ux * vy - uy * vx),
        wp.array(pyramid, dtype=wp.uint8, device="cpu", copy=False),
        wp.array(np.array(shape, np.int32), dtype=wp.int32, device="cpu"),
        bool(len(part.uv) and (part.uv.min() < 0 or part.uv.max() > 1)),
    )  # fmt: skip


def interpolated(
    values: NDArray[np.float32] | NDArray[np.uint8], mesh: Mesh, raster: Raster
) -> NDArray[np.float32]:
    """``(H, W, C)`` per-vertex values ``(V, C)`` at every covered pixel, 0 elsewhere."""
    assert raster.weights is not None
    result = np.zeros((*raster.face.shape, values.shape[1]), np.float32)
    rows, cols = np.nonzero(raster.covered)
    corners = mesh.faces[raster.face[rows, cols]]
    result[rows, cols] = np.einsum("nc,ncv->nv", raster.weights[rows, cols], values[corners])
    return result


def looking(forward: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(3, 3)`` rotation of a level camera (x right, y down, z forward)."""
    right = np.cross(forward, up)
    right /= max(float(np.linalg.norm(right)), 1e-12)
    return np.stack([right, np.cross(forward, right), forward])


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
    repeats: bool,
    image: wp.array2d(dtype=wp.vec3),
):
    row, col = wp.tid()
    i = face[row, col]
    if i < 0:
        return
    w = weights[row, col]
    at = w[0] * uv[i, 0] + w[1] * uv[i, 1] + w[2] * uv[i, 2]
    if repeats:
        at = at - wp.vec2(wp.floor(at[0]), wp.floor(at[1]))
    level = levels[i]
    fine = wp.int32(level)
    coarse = wp.min(fine + 1, shape.shape[0] - 1)
    part = level - float(fine)
    colour = bilinear(pyramid, shape, fine, at)
    if part > 0.01:
        colour = (1.0 - part) * colour + part * bilinear(pyramid, shape, coarse, at)
    image[row, col] = colour
