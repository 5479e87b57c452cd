"""Which triangle does each pixel of a view see? A z-buffer rasteriser as Warp kernels (CPU and CUDA alike).

Vertices are projected and snapped to 1/256 pixel; coverage is then decided in whole numbers, so two
triangles that share an edge leave no gap and the answer is the same on every machine. Depth and face
index are kept together in one 64-bit number per pixel (``depth bits << 32 | face``): one atomic
minimum keeps the nearest triangle, and the lower index where two are equally near.

A triangle with a corner nearer than ``NEAR`` of the view's unit focal depth, or projected absurdly far
outside the image, is dropped: no clipping. On the CPU one launch runs on one thread and releases the
interpreter lock: draw different views in different threads (`Rasteriser.draw` is safe to call so).
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc"

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry.camera import View
from oberih.geometry.kernels import start_warp

__all__ = ["Raster", "Rasteriser", "rasterise"]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

NEAR = 1e-6  # smallest depth that is drawn, in world units
SUBPIXEL = wp.constant(wp.int64(256))
FAR_PX = wp.constant(wp.float64(1e6))  # corners projected further out than this drop their triangle
EMPTY = 0x7F800000_FFFFFFFF  # depth +inf, face -1


@dataclass(frozen=True)
class Raster:
    """What a view sees, pixel by pixel."""

    face: NDArray[np.int32]  # (H, W) index of the nearest face, -1 where there is none
    depth: NDArray[np.float32]  # (H, W) camera z of it, +inf where there is none
    weights: NDArray[np.float32] | None = None  # (H, W, 3) barycentric weights on the face (in 3D)

    @property
    def covered(self) -> NDArray[np.bool_]:
        """``(H, W)``: True where a face is seen."""
        return self.face >= 0


class Rasteriser:
    """Draws one mesh into many views. Holds the mesh on ``device`` (Warp's name; the CPU by default)."""

    def __init__(self, vertices: NDArray[np.float32], faces: NDArray[np.int32], device: str = "cpu") -> None:
        start_warp()
        self.device = device
        wp.load_module(__name__, device=device)  # now: threads would each compile it
        # Copies: Warp would otherwise alias an array that its owner may change.
        self._vertices = wp.array(vertices, dtype=wp.vec3, device=device)
        self._faces = wp.array(faces, dtype=wp.vec3i, device=device)

    def draw(self, view: View, weights: bool = False, cull: bool = False) -> Raster:
        """Draw the mesh into the pinhole ``view`` (lens distortion is ignored).

        ``weights`` also gives the barycentric weights; ``cull`` leaves out faces seen from behind.
        """
        height, width = view.camera.height, view.camera.width
        device = self.device
        corners = wp.empty(len(self._vertices), dtype=Corner, device=device)
        rows = [wp.vec4d(*row) for row in (view.camera.K @ np.c_[view.pose.R, view.pose.t]).tolist()]
        self._launch(project_corners, len(corners), [self._vertices, *rows, wp.float64(NEAR)], [corners])
        buffer = wp.full((height, width), wp.int64(EMPTY), dtype=wp.int64, device=device)
        self._launch(draw_faces, len(self._faces), [self._faces, corners, cull], [buffer])
        face = wp.empty((height, width), dtype=wp.int32, device=device)
        depth = wp.empty((height, width), dtype=wp.float32, device=device)
        weight = wp.empty((height, width) if weights else (1, 1), dtype=wp.vec3, device=device)
        self._launch(resolve, (height, width), [buffer, self._faces, corners, weights], [face, depth, weight])
        return Raster(face.numpy(), depth.numpy(), weight.numpy() if weights else None)

    def _launch(self, kernel: Any, dim: Any, inputs: list[Any], outputs: list[Any]) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=outputs, device=self.device)


def rasterise(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], view: View, weights: bool = False
) -> Raster:
    """Draw a mesh into one view; for several views keep a `Rasteriser`."""
    return Rasteriser(vertices, faces).draw(view, weights)


@wp.struct
class Corner:
    x: wp.int64  # 1/256 px; meaningless where inverse == 0
    y: wp.int64
    inverse: wp.float32  # 1 / camera z; 0: not drawable


@wp.kernel
def project_corners(
    vertices: wp.array(dtype=wp.vec3),
    row_x: wp.vec4d,
    row_y: wp.vec4d,
    row_z: wp.vec4d,
    near: wp.float64,
    corners: wp.array(dtype=Corner),
):
    i = wp.tid()
    v = vertices[i]
    p = wp.vec4d(wp.float64(v[0]), wp.float64(v[1]), wp.float64(v[2]), wp.float64(1.0))
    z = wp.dot(row_z, p)
    c = Corner()
    c.inverse = wp.float32(0.0)
    if z > near:
        x = wp.dot(row_x, p) / z
        y = wp.dot(row_y, p) / z
        if wp.abs(x) < FAR_PX and wp.abs(y) < FAR_PX:
            c.x = wp.int64(wp.rint(x * wp.float64(SUBPIXEL)))
            c.y = wp.int64(wp.rint(y * wp.float64(SUBPIXEL)))
            c.inverse = wp.float32(wp.float64(1.0) / z)
    corners[i] = c


@wp.func
def edge(a: Corner, b: Corner, x: wp.int64, y: wp.int64):
    """Twice the signed area of (a, b, (x, y)): positive on the right of a->b with y down."""
    return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x)


@wp.kernel
def draw_faces(
    faces: wp.array(dtype=wp.vec3i),
    corners: wp.array(dtype=Corner),
    cull: bool,
    buffer: wp.array2d(dtype=wp.int64),
):
    i = wp.tid()
    f = faces[i]
    a = corners[f[0]]
    b = corners[f[1]]
    c = corners[f[2]]
    if a.inverse <= 0.0 or b.inverse <= 0.0 or c.inverse <= 0.0:
        return
    area = edge(a, b, c.x, c.y)
    # A face whose corners run counter-clockwise seen from outside has a negative area here (y is down).
    if area == wp.int64(0) or (cull and area > wp.int64(0)):
        return
    if area < wp.int64(0):
        swapped = b
        b = c
        c = swapped
        area = -area
    # Pixel (row, col) is sampled at its centre, (col + 0.5, row + 0.5).
    half = SUBPIXEL / wp.int64(2)
    left = wp.int64(0)
    top = wp.int64(0)
    right = wp.int64(buffer.shape[1] - 1)
    bottom = wp.int64(buffer.shape[0] - 1)
    left = wp.max(left, (wp.min(a.x, wp.min(b.x, c.x)) - half) / SUBPIXEL)
    top = wp.max(top, (wp.min(a.y, wp.min(b.y, c.y)) - half) / SUBPIXEL)
    right = wp.min(right, (wp.max(a.x, wp.max(b.x, c.x)) - half) / SUBPIXEL)
    bottom = wp.min(bottom, (wp.max(a.y, wp.max(b.y, c.y)) - half) / SUBPIXEL)
    if left > right or top > bottom:
        return
    x0 = left * SUBPIXEL + half
    y0 = top * SUBPIXEL + half
    row_a = edge(b, c, x0, y0)  # opposite of corner a, zero on the edge b-c
    row_b = edge(c, a, x0, y0)
    row_c = edge(a, b, x0, y0)
    for row in range(wp.int32(top), wp.int32(bottom) + 1):
        wa = row_a
        wb = row_b
        wc = row_c
        for col in range(wp.int32(left), wp.int32(right) + 1):
            if (wa | wb | wc) >= wp.int64(0):  # the sign bit of none is set
                inverse = wp.float32(wa) * a.inverse + wp.float32(wb) * b.inverse + wp.float32(wc) * c.inverse
                depth = wp.float32(area) / inverse
                key = (wp.int64(wp.cast(depth, wp.int32)) << wp.int64(32)) | wp.int64(i)
                if key < buffer[row, col]:
                    wp.atomic_min(buffer, row, col, key)
            wa += (b.y - c.y) * SUBPIXEL
            wb += (c.y - a.y) * SUBPIXEL
            wc += (a.y - b.y) * SUBPIXEL
        row_a += (c.x - b.x) * SUBPIXEL
        row_b += (a.x - c.x) * SUBPIXEL
        row_c += (b.x - a.x) * SUBPIXEL


@wp.kernel
def resolve(
    buffer: wp.array2d(dtype=wp.int64),
    faces: wp.array(dtype=wp.vec3i),
    corners: wp.array(dtype=Corner),
    weights: bool,
    face: wp.array2d(dtype=wp.int32),
    depth: wp.array2d(dtype=wp.float32),
    weight: wp.array2d(dtype=wp.vec3),
):
    row, col = wp.tid()
    key = buffer[row, col]
    index = wp.int32(key & wp.int64(0xFFFFFFFF))  # 0xFFFFFFFF, nothing drawn, becomes -1
    face[row, col] = index
    depth[row, col] = wp.cast(wp.int32(key >> wp.int64(32)), wp.float32)
    if weights:
        w = wp.vec3(0.0, 0.0, 0.0)
        if index >= 0:
            f = faces[index]
            a = corners[f[0]]
            b = corners[f[1]]
            c = corners[f[2]]
            x = wp.int64(col) * SUBPIXEL + SUBPIXEL / wp.int64(2)
            y = wp.int64(row) * SUBPIXEL + SUBPIXEL / wp.int64(2)
            # Weights are linear on the screen once divided by depth.
            w = wp.vec3(
                wp.float32(edge(b, c, x, y)) * a.inverse,
                wp.float32(edge(c, a, x, y)) * b.inverse,
                wp.float32(edge(a, b, x, y)) * c.inverse,
            )
            w = w / (w[0] + w[1] + w[2])
        weight[row, col] = w
