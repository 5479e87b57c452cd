"""What each photo can give each face: visibility, how well it sees it, and in which colour.

Photos are looked at one after another. Every face keeps its ``CANDIDATES`` best ones, so memory grows
with the mesh and not with the number of photos. The quality of a face in a view is (after Waechter et
al. 2014, who integrate the gradient magnitude over the projection)

    projected area  x  cosine of the viewing angle  x  nearness to occlusion borders (0..1)

in pixels of the photo; sharpness is kept apart, since blur can only be judged against other views.
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc"
# ruff: noqa: UP018, RUF046 - float(0.0) declares a variable that a kernel's loop changes

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry import Mesh, View
from oberih.geometry.raster import Rasteriser

__all__ = ["CANDIDATES", "Candidates", "Glance", "Observer", "Photo", "reduced"]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

CANDIDATES = 10  # views kept per face
RASTER_PX = 1536  # longer side at which visibility is decided
BORDER_PX = 6.0  # a face this far from every depth jump (raster pixels) is not near a border
FRAME_PX = 2.0  # faces must lie this far inside the photo, raster pixels
MIN_COSINE = 0.12  # views flatter than about 83 degrees give nothing
BACK = 0.02  # quality of a face seen from behind, against its front
JUMP = 0.02  # second difference of inverse depth, relative, that is a depth jump


@dataclass(frozen=True)
class Candidates:
    """The best views of every face, K = `CANDIDATES` slots; a free slot has view -1."""

    view: NDArray[np.int32]  # (F, K)
    quality: NDArray[np.float32]  # (F, K) texture pixels, 0 in a free slot
    colour: NDArray[np.float32]  # (F, K, 3) mean sRGB around the face, 0..255
    sharpness: NDArray[np.float32]  # (F, K) local contrast at the finest scale, sRGB steps


@dataclass(frozen=True)
class Photo:
    """A photo reduced to what visibility and agreement need."""

    original: View  # with its lens distortion
    view: View  # pinhole, at raster size
    colour: NDArray[np.float32]  # (H, W, 3) blurred
    sharpness: NDArray[np.float32]  # (H, W)
    pixel_ratio: float  # texture pixels per raster pixel, by area


@dataclass(frozen=True)
class Glance:
    """One photo as it meets one mesh."""

    photo: Photo
    inside: NDArray[np.bool_]  # (V,) vertices that fall into the photo
    depth: NDArray[np.float32]  # (H, W) of the mesh
    border: NDArray[np.float32]  # (H, W) 0 at a depth jump .. 1 away from it


class Observer:
    """Collects the candidates of one mesh. `look` may run in threads; `add` in the views' order."""

    def __init__(self, mesh: Mesh, device: str = "cpu") -> None:
        self._vertices, self._device = mesh.vertices, device
        self._rasteriser = Rasteriser(mesh.vertices, mesh.faces, device)
        count = len(mesh.faces)
        self._mesh = [
            wp.array(mesh.vertices, dtype=wp.vec3, device=device),
            wp.array(mesh.faces, dtype=wp.vec3i, device=device),
        ]
        shape = (count, CANDIDATES)
        self._view = wp.full(shape, -1, dtype=wp.int32, device=device)
        self._quality = wp.zeros(shape, dtype=wp.float32, device=device)
        self._colour = wp.zeros(shape, dtype=wp.vec3, device=device)
        self._sharpness = wp.zeros(shape, dtype=wp.float32, device=device)

    def look(self, photo: Photo) -> Glance:
        """Draw the mesh into the photo's view."""
        depth = self._rasteriser.draw(photo.view).depth
        inside = inside_photo(self._vertices, photo.original, photo.view)
        return Glance(photo, inside, depth, away_from_jumps(depth))

    def add(self, index: int, glance: Glance) -> None:
        """Enter view ``index`` into the candidates of the faces that it sees."""
        photo, device = glance.photo, self._device
        view = photo.view
        matrix = (view.camera.K @ np.c_[view.pose.R, view.pose.t]).astype(np.float32)
        camera = view.camera
        arrays: list[Any] = [
            wp.array(glance.inside, dtype=wp.bool, device=device),
            *(wp.vec4(*row) for row in matrix.tolist()),
            wp.vec3(*view.pose.centre.tolist()),
            float((camera.fx + camera.fy) / 2),
            wp.array(glance.depth, dtype=wp.float32, device=device),
            wp.array(glance.border, dtype=wp.float32, device=device),
            wp.array(photo.colour, dtype=wp.vec3, device=device),
            wp.array(photo.sharpness, dtype=wp.float32, device=device),
            photo.pixel_ratio,
            index,
        ]
        wp.launch(
            enter_view,
            dim=len(self._mesh[1]),
            inputs=[*self._mesh, *arrays],
            outputs=[self._view, self._quality, self._colour, self._sharpness],
            device=device,
        )

    def candidates(self) -> Candidates:
        return Candidates(
            self._view.numpy(), self._quality.numpy(), self._colour.numpy(), self._sharpness.numpy()
        )


def inside_photo(vertices: NDArray[np.float32], original: View, view: View) -> NDArray[np.bool_]:
    """``(V,)``: vertices in front that fall into the pinhole image and into the photo it was made from."""
    local = view.pose.apply(vertices.astype(np.float64))
    inside = local[:, 2] > 1e-6
    local[~inside] = (0, 0, 1)
    for camera in (view.camera, original.camera):
        px = camera.project(local)
        margin = FRAME_PX * camera.width / view.camera.width
        inside &= (px > margin).all(1) & (px < (camera.width - margin, camera.height - margin)).all(1)
        if not original.camera.distorted:
            break
    return inside


def away_from_jumps(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(H, W)`` 0 at a depth jump rising to 1 at `BORDER_PX` from it.

    The inverse depth of a plane is linear in the image, however slanted: its second difference tells a
    jump from a slope. Where there is no surface counts as infinitely far.
    """
    inverse = np.where(np.isfinite(depth), 1 / depth, 0).astype(np.float32)
    kernel = np.array([[1, -2, 1]], np.float32)
    bend = np.abs(cv2.filter2D(inverse, -1, kernel, borderType=cv2.BORDER_REPLICATE))
    bend = np.maximum(bend, np.abs(cv2.filter2D(inverse, -1, kernel.T, borderType=cv2.BORDER_REPLICATE)))
    calm = (bend <= JUMP * np.maximum(inverse, 1e-12)).astype(np.uint8)
    distance = cv2.distanceTransform(calm, cv2.DIST_L2, 3)
    return np.minimum(distance / BORDER_PX, 1).astype(np.float32)


def reduced(original: View, view: View, image: NDArray[np.uint8]) -> Photo:
    """Prepare ``image`` of the pinhole ``view``; ``original`` is the view with its lens distortion."""
    small = view.resized(RASTER_PX)
    size = (small.camera.width, small.camera.height)
    colour = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    fine = cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 1.0))
    sharpness = cv2.resize(fine, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    scale = view.camera.width / small.camera.width
    # Windows wide enough that views compare the same structure in spite of small errors of geometry.
    return Photo(
        original, small, cv2.GaussianBlur(colour, (0, 0), 2.0), cv2.blur(sharpness, (25, 25)), scale * scale
    )


@wp.func
def to_pixel(row_x: wp.vec4, row_y: wp.vec4, row_z: wp.vec4, p: wp.vec3):
    q = wp.vec4(p[0], p[1], p[2], 1.0)
    z = wp.dot(row_z, q)
    return wp.vec3(wp.dot(row_x, q) / z, wp.dot(row_y, q) / z, z)


@wp.kernel
def enter_view(  # noqa: C901 -- one face from visibility to its slot
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    inside: wp.array(dtype=wp.bool),
    row_x: wp.vec4,
    row_y: wp.vec4,
    row_z: wp.vec4,
    centre: wp.vec3,
    focal: wp.float32,
    depth: wp.array2d(dtype=wp.float32),
    border: wp.array2d(dtype=wp.float32),
    colour: wp.array2d(dtype=wp.vec3),
    sharpness: wp.array2d(dtype=wp.float32),
    pixel_ratio: wp.float32,
    index: wp.int32,
    best_view: wp.array2d(dtype=wp.int32),
    best_quality: wp.array2d(dtype=wp.float32),
    best_colour: wp.array2d(dtype=wp.vec3),
    best_sharpness: wp.array2d(dtype=wp.float32),
):
    i = wp.tid()
    f = faces[i]
    if not (inside[f[0]] and inside[f[1]] and inside[f[2]]):
        return
    a = vertices[f[0]]
    b = vertices[f[1]]
    c = vertices[f[2]]
    middle = (a + b + c) / 3.0
    normal = wp.normalize(wp.cross(b - a, c - a))
    cosine = wp.dot(normal, wp.normalize(centre - middle))
    # A surface seen from behind is oriented wrongly (real things are not transparent): better painted with
    # what the photo shows there than with a guess, but only if no photo sees its front.
    side = 1.0
    if cosine < 0.0:
        side = BACK
        cosine = -cosine
    if not cosine > MIN_COSINE:
        return
    pa = to_pixel(row_x, row_y, row_z, a)
    pb = to_pixel(row_x, row_y, row_z, b)
    pc = to_pixel(row_x, row_y, row_z, c)
    area = 0.5 * wp.abs((pb[0] - pa[0]) * (pc[1] - pa[1]) - (pb[1] - pa[1]) * (pc[0] - pa[0]))
    # Hidden if the surface drawn at the face's middle or near its corners is nearer than the face by more
    # than a pixel's worth of slope.
    seen = float(0.0)
    fade = float(1.0)
    pm = to_pixel(row_x, row_y, row_z, middle)
    for s in range(4):
        p = pm
        if s == 1:
            p = 0.8 * pa + 0.2 * pm
        elif s == 2:
            p = 0.8 * pb + 0.2 * pm
        elif s == 3:
            p = 0.8 * pc + 0.2 * pm
        col = wp.clamp(wp.int32(p[0]), 0, depth.shape[1] - 1)
        row = wp.clamp(wp.int32(p[1]), 0, depth.shape[0] - 1)
        slope = wp.min(wp.sqrt(1.0 - wp.min(cosine * cosine, 1.0)) / cosine, 8.0)
        if p[2] <= depth[row, col] + p[2] * (1.5 * slope / focal + 1.0e-3):
            seen += 0.25
        fade = wp.min(fade, border[row, col])
    if seen < 0.7:
        return
    quality = side * area * pixel_ratio * cosine * seen * (0.02 + 0.98 * fade)
    worst = int(0)
    for k in range(best_view.shape[1]):
        if best_quality[i, k] < best_quality[i, worst]:
            worst = k
    if quality <= best_quality[i, worst]:
        return
    col = wp.clamp(wp.int32(pm[0]), 0, depth.shape[1] - 1)
    row = wp.clamp(wp.int32(pm[1]), 0, depth.shape[0] - 1)
    best_view[i, worst] = index
    best_quality[i, worst] = quality
    best_colour[i, worst] = colour[row, col]
    best_sharpness[i, worst] = sharpness[row, col]
