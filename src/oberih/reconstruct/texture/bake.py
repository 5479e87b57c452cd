"""From photos to texels.

Every texel is looked up in its photo by way of its place in space: texel -> point on the face -> pixel.
So large faces are right in perspective, and any chart orientation or scale would do.
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc"
# ruff: noqa: UP018 - float(0.0) declares a variable that a kernel's loop changes

from typing import Any

import cv2
import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry import Mesh, View
from oberih.reconstruct.texture.atlas import Atlas

__all__ = ["Sheet", "fill_gaps", "push_pull"]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

MARGIN = 1.0  # texels that a chart is painted beyond its edge
INSET = 0.7  # texels inside an outline from where its colours are taken: on it the background shines in
NEAR_FILL = 8  # texels around charts that repeat the nearest texel


class Sheet:
    """The texture of one mesh while it is painted, on the CPU: ``texels`` and which are ``filled``."""

    def __init__(self, mesh: Mesh, atlas: Atlas, continued: NDArray[np.bool_]) -> None:
        """``continued (F, 3)``: the photo that paints the face also sees what lies across the edge."""
        wp.load_module(__name__, device="cpu")  # now: threads would each compile it
        self.mesh, self.atlas = mesh, atlas
        self.texels = np.zeros((atlas.height, atlas.width, 3), np.uint8)
        self.filled = np.zeros((atlas.height, atlas.width), np.uint8)
        self._vertices = as_warp(mesh.vertices, wp.vec3)
        self._faces = as_warp(mesh.faces, wp.vec3i)
        self._corners = as_warp(atlas.corners, wp.vec2)
        self._continued = as_warp(continued, wp.bool)

    def paint(
        self, faces: NDArray[np.int32], view: View, image: NDArray[np.uint8], gain: NDArray[np.float64]
    ) -> None:
        """Paint ``faces`` from ``image`` of the pinhole ``view``, times ``gain`` (3,)."""
        if not len(faces):
            return
        if self.atlas.scale < 0.75:  # shrink by area first: no aliasing
            longer = max(view.camera.width, view.camera.height)
            view = view.resized(max(1, round(longer * self.atlas.scale)))
            size = (view.camera.width, view.camera.height)
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        matrix = (view.camera.K @ np.c_[view.pose.R, view.pose.t]).astype(np.float32)
        wp.launch(
            paint_from_photo,
            dim=len(faces),
            inputs=[
                as_warp(faces, wp.int32), self._vertices, self._faces, self._corners, self._continued,
                *(wp.vec4(*row) for row in matrix.tolist()),
                as_warp(image, wp.uint8), wp.vec3(*gain.tolist()),
            ],
            outputs=[as_warp(self.texels, wp.uint8), as_warp(self.filled, wp.uint8)],
            device="cpu",
        )  # fmt: skip

    def paint_plain(self, faces: NDArray[np.int32], colours: NDArray[np.float32]) -> None:
        """Paint the cells of unseen ``faces`` with colours ``(N, 3, 3)`` given at their corners."""
        wp.launch(
            paint_cells,
            dim=len(faces),
            inputs=[as_warp(faces, wp.int32), self._corners, as_warp(colours, wp.vec3)],
            outputs=[as_warp(self.texels, wp.uint8), as_warp(self.filled, wp.uint8)],
            device="cpu",
        )

    def sample(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(N, 3)`` colours at ``(N, 2)`` texel coordinates: bilinear over the filled texels."""
        colours = np.zeros((len(points), 3), np.float32)
        wp.launch(
            sample_filled,
            dim=len(points),
            inputs=[
                as_warp(points, wp.vec2), as_warp(self.texels, wp.uint8), as_warp(self.filled, wp.uint8),
            ],
            outputs=[as_warp(colours, wp.vec3)],
            device="cpu",
        )  # fmt: skip
        return colours

    def correct(
        self,
        faces: NDArray[np.int32],
        corrections: NDArray[np.float32],
        local: NDArray[np.float32],
        left: int,
        top: int,
        target: NDArray[np.uint8],
    ) -> None:
        """Write texels + corrections to ``target``: ``corrections (F, 3, 3)`` at the corners of all faces,
        plus ``local (h, w, 3)``, an image whose upper left texel is (left, top)."""
        for margins in (True, False):  # inside faces win over the margins of others
            wp.launch(
                add_corrections,
                dim=len(faces),
                inputs=[
                    as_warp(faces, wp.int32), self._corners, as_warp(corrections, wp.vec3),
                    as_warp(local, wp.vec3), left, top, margins, as_warp(self.texels, wp.uint8),
                ],
                outputs=[as_warp(target, wp.uint8)],
                device="cpu",
            )  # fmt: skip


def as_warp(array: NDArray[Any], kind: Any) -> wp.array:
    """The same memory as a Warp array (no copy; the CPU only)."""
    return wp.array(np.ascontiguousarray(array), dtype=kind, device="cpu", copy=False)


def fill_gaps(texels: NDArray[np.uint8], filled: NDArray[np.uint8]) -> None:
    """Fill everything between charts in place: near them with the nearest texel, further off smoothly."""
    height, width = filled.shape
    step = 16
    size = (-(-width // step), -(-height // step))
    known = cv2.resize(filled.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    masked = cv2.resize(texels * filled[..., None], size, interpolation=cv2.INTER_AREA).astype(np.float32)
    smooth = push_pull(masked, known)
    smooth = np.clip(smooth, 0, 255).astype(np.uint8)
    tile, overlap = 2048, NEAR_FILL + 2
    original = filled.copy()
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            y0, x0 = max(0, top - overlap), max(0, left - overlap)
            y1, x1 = min(height, top + tile + overlap), min(width, left + tile + overlap)
            inner = np.s_[top : min(top + tile, height), left : min(left + tile, width)]
            part = original[y0:y1, x0:x1]
            if part.any():
                distance, nearest = cv2.distanceTransformWithLabels(
                    1 - part, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
                )
                inside = np.s_[
                    top - y0 : min(top + tile, height) - y0, left - x0 : min(left + tile, width) - x0
                ]
                rows, cols = np.nonzero(part)
                colour = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
                colour[nearest[rows, cols]] = texels[y0:y1, x0:x1][rows, cols]
                near = (original[inner] == 0) & (distance[inside] <= NEAR_FILL)
                texels[inner][near] = colour[nearest[inside][near]]
                filled[inner][near] = 1
            rows, cols = np.nonzero(filled[inner] == 0)
            texels[inner][rows, cols] = smooth[(rows + top) // step, (cols + left) // step]


def push_pull(weighted: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scattered values to a smooth image: ``weighted (h, w, 3)`` sums and ``weight (h, w)`` (0: unknown).

    Averages go up a pyramid; unknown pixels take the interpolated value of the next coarser level
    (Gortler et al. 1996).
    """
    levels = [(weighted, weight)]
    while min(levels[-1][1].shape) > 1 or max(levels[-1][1].shape) > 2:
        values, weights = levels[-1]
        # A level's weights saturate at 1: many known pixels say no more than one.
        full = np.minimum(weights, 1)
        values = (values * (full / np.maximum(weights, 1e-12))[..., None]).astype(np.float32)
        size = (max(1, (weights.shape[1] + 1) // 2), max(1, (weights.shape[0] + 1) // 2))
        levels.append((cv2.pyrDown(values, dstsize=size) * 2, cv2.pyrDown(full, dstsize=size) * 2))
    values, weights = levels.pop()
    total = float(weights.sum())
    mean = values.reshape(-1, 3).sum(axis=0) / max(total, 1e-12)
    result = np.broadcast_to(mean, values.shape).astype(np.float32)
    while levels:
        values, weights = levels.pop()
        up = cv2.pyrUp(result, dstsize=(weights.shape[1], weights.shape[0]))
        full = np.minimum(weights, 1)[..., None]
        known = values / np.maximum(weights, 1e-12)[..., None]
        result = np.where(full > 1e-6, full * known + (1 - full) * up, up).astype(np.float32)
    return result


@wp.func
def pixel(image: wp.array3d(dtype=wp.uint8), row: wp.int32, col: wp.int32):
    r = wp.clamp(row, 0, image.shape[0] - 1)
    c = wp.clamp(col, 0, image.shape[1] - 1)
    return wp.vec3(float(image[r, c, 0]), float(image[r, c, 1]), float(image[r, c, 2]))


@wp.func
def cubic(t: wp.float32):
    """Catmull-Rom weights of the four neighbours of a point at 0 <= t < 1 between the middle two."""
    t2 = t * t
    t3 = t2 * t
    return wp.vec4(
        -0.5 * t + t2 - 0.5 * t3,
        1.0 - 2.5 * t2 + 1.5 * t3,
        0.5 * t + 2.0 * t2 - 1.5 * t3,
        -0.5 * t2 + 0.5 * t3,
    )


@wp.func
def bicubic(image: wp.array3d(dtype=wp.uint8), x: wp.float32, y: wp.float32):
    fx = wp.floor(x - 0.5)
    fy = wp.floor(y - 0.5)
    wx = cubic(x - 0.5 - fx)
    wy = cubic(y - 0.5 - fy)
    col = wp.int32(fx) - 1
    row = wp.int32(fy) - 1
    total = wp.vec3(0.0, 0.0, 0.0)
    for j in range(4):
        line = (
            wx[0] * pixel(image, row + j, col)
            + wx[1] * pixel(image, row + j, col + 1)
            + wx[2] * pixel(image, row + j, col + 2)
            + wx[3] * pixel(image, row + j, col + 3)
        )
        total += wy[j] * line
    return total


@wp.func
def put(target: wp.array3d(dtype=wp.uint8), row: wp.int32, col: wp.int32, colour: wp.vec3):
    for channel in range(3):
        target[row, col, channel] = wp.uint8(wp.clamp(colour[channel] + 0.5, 0.0, 255.0))


@wp.struct
class Triangle:
    """A face in the atlas: barycentric weights are ``origin + dx * x + dy * y``; its texels; its margins."""

    origin: wp.vec3
    dx: wp.vec3
    dy: wp.vec3
    slack: wp.vec3  # weights that correspond to MARGIN texels outside each edge
    left: wp.int32
    right: wp.int32
    top: wp.int32
    bottom: wp.int32


@wp.func
def triangle(a: wp.vec2, b: wp.vec2, c: wp.vec2, width: wp.int32, height: wp.int32):
    t = Triangle()
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if wp.abs(area) < 1.0e-12:
        area = 1.0e-12
    t.left = wp.max(0, wp.int32(wp.floor(wp.min(a[0], wp.min(b[0], c[0])) - MARGIN)))
    t.top = wp.max(0, wp.int32(wp.floor(wp.min(a[1], wp.min(b[1], c[1])) - MARGIN)))
    t.right = wp.min(width - 1, wp.int32(wp.max(a[0], wp.max(b[0], c[0])) + MARGIN))
    t.bottom = wp.min(height - 1, wp.int32(wp.max(a[1], wp.max(b[1], c[1])) + MARGIN))
    # Coordinates are taken from the first texel of the face, so that they stay small and exact.
    x = float(t.left)
    y = float(t.top)
    t.dx = wp.vec3(b[1] - c[1], c[1] - a[1], a[1] - b[1]) / area
    t.dy = wp.vec3(c[0] - b[0], a[0] - c[0], b[0] - a[0]) / area
    wb = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
    wc = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
    t.origin = wp.vec3(1.0 - wb - wc, wb, wc)
    for k in range(3):
        t.slack[k] = MARGIN * wp.sqrt(t.dx[k] * t.dx[k] + t.dy[k] * t.dy[k])
    return t


@wp.func
def weights(t: Triangle, row: wp.int32, col: wp.int32):
    return t.origin + t.dx * (float(col - t.left) + 0.5) + t.dy * (float(row - t.top) + 0.5)


@wp.func
def near(t: Triangle, w: wp.vec3):
    return w[0] >= -t.slack[0] and w[1] >= -t.slack[1] and w[2] >= -t.slack[2]


@wp.func
def within(w: wp.vec3):
    return w[0] >= -1.0e-4 and w[1] >= -1.0e-4 and w[2] >= -1.0e-4


@wp.func
def on_face(w: wp.vec3):
    """The weights of a point near the edge of a face, brought back to the edge."""
    held = wp.vec3(wp.clamp(w[0], 0.0, 1.0), wp.clamp(w[1], 0.0, 1.0), wp.clamp(w[2], 0.0, 1.0))
    return held / (held[0] + held[1] + held[2])


@wp.func
def within_outline(w: wp.vec3, t: Triangle, i: wp.int32, continued: wp.array2d(dtype=wp.bool)):
    """The weights moved inwards where the photo shows something else, such as the sky, beyond the edge."""
    held = w
    for k in range(3):
        if not continued[i, (k + 1) % 3]:  # the edge opposite corner k
            held[k] = wp.max(w[k], wp.min(INSET / MARGIN * t.slack[k], 0.3))
    return held / (held[0] + held[1] + held[2])


@wp.kernel
def paint_from_photo(
    chosen: wp.array(dtype=wp.int32),
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    corners: wp.array2d(dtype=wp.vec2),
    continued: wp.array2d(dtype=wp.bool),
    row_x: wp.vec4,
    row_y: wp.vec4,
    row_z: wp.vec4,
    image: wp.array3d(dtype=wp.uint8),
    gain: wp.vec3,
    texels: wp.array3d(dtype=wp.uint8),
    filled: wp.array2d(dtype=wp.uint8),
):
    i = chosen[wp.tid()]
    f = faces[i]
    # Corners in homogeneous image coordinates: a weighted sum of them is the pixel of the weighted point.
    a = vertices[f[0]]
    b = vertices[f[1]]
    c = vertices[f[2]]
    ha = wp.vec4(a[0], a[1], a[2], 1.0)
    hb = wp.vec4(b[0], b[1], b[2], 1.0)
    hc = wp.vec4(c[0], c[1], c[2], 1.0)
    pa = wp.vec3(wp.dot(row_x, ha), wp.dot(row_y, ha), wp.dot(row_z, ha))
    pb = wp.vec3(wp.dot(row_x, hb), wp.dot(row_y, hb), wp.dot(row_z, hb))
    pc = wp.vec3(wp.dot(row_x, hc), wp.dot(row_y, hc), wp.dot(row_z, hc))
    t = triangle(corners[i, 0], corners[i, 1], corners[i, 2], texels.shape[1], texels.shape[0])
    for row in range(t.top, t.bottom + 1):
        for col in range(t.left, t.right + 1):
            w = weights(t, row, col)
            if near(t, w):
                # Inside faces win over the margins of others.
                inside = within(w)
                if inside or filled[row, col] == wp.uint8(0):
                    w = within_outline(w, t, i, continued)
                    p = w[0] * pa + w[1] * pb + w[2] * pc
                    if p[2] > 0.0:
                        colour = bicubic(image, p[0] / p[2], p[1] / p[2])
                        put(texels, row, col, wp.cw_mul(colour, gain))
                        filled[row, col] = wp.uint8(1)


@wp.kernel
def paint_cells(
    chosen: wp.array(dtype=wp.int32),
    corners: wp.array2d(dtype=wp.vec2),
    colours: wp.array2d(dtype=wp.vec3),
    texels: wp.array3d(dtype=wp.uint8),
    filled: wp.array2d(dtype=wp.uint8),
):
    n = wp.tid()
    i = chosen[n]
    t = triangle(corners[i, 0], corners[i, 1], corners[i, 2], texels.shape[1], texels.shape[0])
    left = wp.int32(corners[i, 0][0])
    top = wp.int32(corners[i, 0][1])
    for row in range(top, wp.int32(corners[i, 2][1]) + 1):
        for col in range(left, wp.int32(corners[i, 1][0]) + 1):
            w = weights(t, row, col)
            put(texels, row, col, w[0] * colours[n, 0] + w[1] * colours[n, 1] + w[2] * colours[n, 2])
            filled[row, col] = wp.uint8(1)


@wp.kernel
def sample_filled(
    points: wp.array(dtype=wp.vec2),
    texels: wp.array3d(dtype=wp.uint8),
    filled: wp.array2d(dtype=wp.uint8),
    colours: wp.array(dtype=wp.vec3),
):
    i = wp.tid()
    x = points[i][0] - 0.5
    y = points[i][1] - 0.5
    col = wp.int32(wp.floor(x))
    row = wp.int32(wp.floor(y))
    total = wp.vec3(0.0, 0.0, 0.0)
    known = float(0.0)
    for j in range(2):
        for k in range(2):
            r = wp.clamp(row + j, 0, texels.shape[0] - 1)
            c = wp.clamp(col + k, 0, texels.shape[1] - 1)
            if filled[r, c] != wp.uint8(0):
                weight = (1.0 - wp.abs(x - float(col + k))) * (1.0 - wp.abs(y - float(row + j))) + 1.0e-6
                total += weight * pixel(texels, r, c)
                known += weight
    if known > 0.0:
        colours[i] = total / known


@wp.kernel
def add_corrections(
    chosen: wp.array(dtype=wp.int32),
    corners: wp.array2d(dtype=wp.vec2),
    corrections: wp.array2d(dtype=wp.vec3),
    local: wp.array2d(dtype=wp.vec3),
    left: wp.int32,
    top: wp.int32,
    margins: wp.bool,
    texels: wp.array3d(dtype=wp.uint8),
    target: wp.array3d(dtype=wp.uint8),
):
    i = chosen[wp.tid()]
    t = triangle(corners[i, 0], corners[i, 1], corners[i, 2], texels.shape[1], texels.shape[0])
    for row in range(t.top, t.bottom + 1):
        for col in range(t.left, t.right + 1):
            w = weights(t, row, col)
            if near(t, w) and within(w) != margins:
                w = on_face(w)
                more = w[0] * corrections[i, 0] + w[1] * corrections[i, 1] + w[2] * corrections[i, 2]
                y = wp.clamp(row - top, 0, local.shape[0] - 1)
                x = wp.clamp(col - left, 0, local.shape[1] - 1)
                put(target, row, col, pixel(texels, row, col) + more + local[y, x])
