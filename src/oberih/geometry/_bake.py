"""Which face does each texel belong to, and what does a texture painted for another mesh show there?

Warp kernels on the CPU, one thread each. `owners` draws triangles in texture space; `baked` looks up, for
each texel, the nearest point of the source's surface that faces the same way, and its colour.
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc,operator"

import cv2
import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry.kernels import start_warp
from oberih.geometry.mesh import Mesh

__all__ = ["baked", "distances", "filled", "owners"]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

INSIDE = wp.constant(1e-3)  # a texel counts as doubly covered if it lies this far inside two faces


def owners(
    corners: NDArray[np.float32], height: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Of triangles ``(F, 3, 2)`` in texels: the first one at each texel's centre ``(height, width)``, -1 for
    none, and ``(F,)`` whether a triangle lies over an earlier one.
    """
    start_warp()
    owner = np.full((height, width), -1, np.int32)
    over = np.zeros(len(corners), np.uint8)
    if len(corners):
        given = wp.array(
            np.ascontiguousarray(corners, np.float32), dtype=wp.float32, device="cpu", copy=False
        )
        held = [wp.array(array, device="cpu", copy=False) for array in (owner, over)]
        wp.launch(draw, dim=len(corners), inputs=[given], outputs=held, device="cpu")
    return owner, over.astype(bool)


def baked(source: Mesh, target: Mesh, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The texture ``(height, width, 3)`` of ``target``, whose uv are set, with what ``source`` shows."""
    start_warp()
    assert source.texture is not None and source.uv is not None and target.uv is not None
    height, width = size
    flat = (target.uv * np.array([width, height], np.float32)).astype(np.float32)
    owner, _ = owners(flat, height, width)
    picture = np.zeros((height, width, 3), np.uint8)
    centre = source.vertices.mean(axis=0, dtype=np.float64)
    places = wp.array((source.vertices - centre).astype(np.float32), dtype=wp.vec3, device="cpu")
    surface = wp.Mesh(places, wp.array(source.faces.ravel(), dtype=wp.int32, device="cpu"))
    corners = (target.vertices[target.faces] - centre).astype(np.float32)
    there = source.texture.shape[0] * source.texture.shape[1] * uv_area(source.uv)
    here = height * width * uv_area(target.uv)
    step = float(np.sqrt(max(there / max(here, 1e-9), 1.0))) / 4
    inputs = [
        surface.id,
        wp.array(source.uv.astype(np.float32), dtype=wp.float32, device="cpu"),
        wp.array(np.ascontiguousarray(source.texture), dtype=wp.uint8, device="cpu", copy=False),
        wp.array(corners, dtype=wp.float32, device="cpu"),
        wp.array(flat, dtype=wp.float32, device="cpu"),
        wp.array(owner, dtype=wp.int32, device="cpu", copy=False),
        step,
    ]
    held = wp.array(picture, dtype=wp.uint8, device="cpu", copy=False)
    wp.launch(look_up, dim=(height, width), inputs=inputs, outputs=[held], device="cpu")
    return filled(picture, owner >= 0)


def distances(mesh: Mesh, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(N,)`` from each point to the nearest of the surface."""
    start_warp()
    centre = mesh.vertices.mean(axis=0, dtype=np.float64)
    places = wp.array((mesh.vertices - centre).astype(np.float32), dtype=wp.vec3, device="cpu")
    surface = wp.Mesh(places, wp.array(mesh.faces.ravel(), dtype=wp.int32, device="cpu"))
    given = wp.array((points - centre).astype(np.float32), dtype=wp.vec3, device="cpu")
    found = np.zeros(len(points), np.float32)
    held = wp.array(found, dtype=wp.float32, device="cpu", copy=False)
    wp.launch(measure, dim=len(points), inputs=[surface.id, given], outputs=[held], device="cpu")
    return found


def uv_area(uv: NDArray[np.float32]) -> float:
    a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return float(np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(dtype=np.float64) / 2)


def filled(picture: NDArray[np.uint8], covered: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Texels that are not covered take the colour of the nearest that is: nothing dark bleeds in."""
    if covered.all() or not covered.any():
        return picture
    _, label = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((label.max() + 1, 3), np.uint8)
    colours[label[covered]] = picture[covered]
    made: NDArray[np.uint8] = colours[label]
    return made


@wp.kernel
def draw(
    corners: wp.array3d(dtype=wp.float32),
    owner: wp.array2d(dtype=wp.int32),
    over: wp.array(dtype=wp.uint8),
):
    f = wp.tid()
    ax = corners[f, 0, 0]
    ay = corners[f, 0, 1]
    bx = corners[f, 1, 0] - ax
    by = corners[f, 1, 1] - ay
    cx = corners[f, 2, 0] - ax
    cy = corners[f, 2, 1] - ay
    area = bx * cy - by * cx
    if area == 0.0:
        return
    left = wp.max(int(wp.floor(ax + wp.min(0.0, wp.min(bx, cx)))), 0)
    top = wp.max(int(wp.floor(ay + wp.min(0.0, wp.min(by, cy)))), 0)
    right = wp.min(int(wp.ceil(ax + wp.max(0.0, wp.max(bx, cx)))), owner.shape[1])
    bottom = wp.min(int(wp.ceil(ay + wp.max(0.0, wp.max(by, cy)))), owner.shape[0])
    for row in range(top, bottom):
        for col in range(left, right):
            x = float(col) + 0.5 - ax
            y = float(row) + 0.5 - ay
            v = (x * cy - y * cx) / area
            w = (bx * y - by * x) / area
            inner = wp.min(wp.min(v, w), 1.0 - v - w)
            if inner >= 0.0:
                if owner[row, col] < 0:
                    owner[row, col] = f
                elif inner > INSIDE:
                    over[f] = wp.uint8(1)


@wp.kernel
def measure(surface: wp.uint64, points: wp.array(dtype=wp.vec3), found: wp.array(dtype=wp.float32)):
    i = wp.tid()
    hit = wp.mesh_query_point_no_sign(surface, points[i], 1.0e30)
    found[i] = wp.length(points[i] - wp.mesh_eval_position(surface, hit.face, hit.u, hit.v))


@wp.func
def point(corners: wp.array3d(dtype=wp.float32), f: wp.int32, k: wp.int32):
    return wp.vec3(corners[f, k, 0], corners[f, k, 1], corners[f, k, 2])


@wp.func
def bilinear(texture: wp.array3d(dtype=wp.uint8), x: float, y: float):
    """Colour at a place in texels; the texture repeats."""
    x0 = wp.floor(x - 0.5)
    y0 = wp.floor(y - 0.5)
    fx = x - 0.5 - x0
    fy = y - 0.5 - y0
    total = wp.vec3(0.0, 0.0, 0.0)
    for j in range(2):
        row = (int(y0) + j) % texture.shape[0]
        if row < 0:
            row += texture.shape[0]
        for i in range(2):
            col = (int(x0) + i) % texture.shape[1]
            if col < 0:
                col += texture.shape[1]
            weight = wp.abs(1.0 - float(i) - fx) * wp.abs(1.0 - float(j) - fy)
            colour = wp.vec3(
                float(texture[row, col, 0]), float(texture[row, col, 1]), float(texture[row, col, 2])
            )
            total += weight * colour
    return total


@wp.kernel
def look_up(
    surface: wp.uint64,
    uv: wp.array3d(dtype=wp.float32),
    texture: wp.array3d(dtype=wp.uint8),
    corners: wp.array3d(dtype=wp.float32),
    flat: wp.array3d(dtype=wp.float32),
    owner: wp.array2d(dtype=wp.int32),
    step: float,
    picture: wp.array3d(dtype=wp.uint8),
):
    row, col = wp.tid()
    f = owner[row, col]
    if f < 0:
        return
    bx = flat[f, 1, 0] - flat[f, 0, 0]
    by = flat[f, 1, 1] - flat[f, 0, 1]
    cx = flat[f, 2, 0] - flat[f, 0, 0]
    cy = flat[f, 2, 1] - flat[f, 0, 1]
    x = float(col) + 0.5 - flat[f, 0, 0]
    y = float(row) + 0.5 - flat[f, 0, 1]
    area = bx * cy - by * cx
    v = (x * cy - y * cx) / area
    w = (bx * y - by * x) / area
    a = point(corners, f, 0)
    b = point(corners, f, 1)
    c = point(corners, f, 2)
    n = wp.normalize(wp.cross(b - a, c - a))
    p = a + v * (b - a) + w * (c - a)
    hit = wp.mesh_query_point_no_sign(surface, p, 1.0e30)
    if wp.dot(wp.mesh_eval_face_normal(surface, hit.face), n) < 0.0:
        # The other side of something thin: look again from in front of this side.
        away = wp.length(p - wp.mesh_eval_position(surface, hit.face, hit.u, hit.v))
        again = wp.mesh_query_point_no_sign(surface, p + n * (2.0 * away + 1.0e-5), 1.0e30)
        if wp.dot(wp.mesh_eval_face_normal(surface, again.face), n) >= 0.0:
            hit = again
    g = hit.face
    hu = hit.u
    hv = hit.v
    hw = 1.0 - hu - hv
    tx = (hu * uv[g, 0, 0] + hv * uv[g, 1, 0] + hw * uv[g, 2, 0]) * float(texture.shape[1])
    ty = (hu * uv[g, 0, 1] + hv * uv[g, 1, 1] + hw * uv[g, 2, 1]) * float(texture.shape[0])
    colour = bilinear(texture, tx - step, ty - step) + bilinear(texture, tx + step, ty - step)
    colour = colour + bilinear(texture, tx - step, ty + step) + bilinear(texture, tx + step, ty + step)
    for k in range(3):
        picture[row, col, k] = wp.uint8(wp.clamp(colour[k] / 4.0 + 0.5, 0.0, 255.0))
