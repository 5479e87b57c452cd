"""Where the camera stands for the pictures of a model, and what it sees there.

The poster is taken from where most of what was photographed closely, and has most to show, is seen from its
front, a little from the side and from above, with a long lens. A model that has only one side is never shown
from behind.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from oberih.formats import Model
from oberih.geometry import Camera, Mesh, PointCloud, Pose, View
from oberih.geometry.render import Renderer, interpolated, looking
from oberih.products.cutting import pieces_of
from oberih.products.manifest import Viewpoint

__all__ = ["Seen", "Stand", "Studio"]

Floats = NDArray[np.float64]
Int = NDArray[np.int64]
Image = NDArray[np.float32]

FIELD_DEG = 28.0  # vertical field of view: a long lens, so that walls stay upright
UP = np.array([0.0, 1.0, 0.0])
WINGS = 0.03  # share that may leave the turntable's pictures at their sides
SAMPLES = 20_000
TURNS = 36  # directions that are tried
RISES_DEG = (8.0, 16.0, 26.0)
USUAL_RISE_DEG, RISE_SPREAD_DEG = 14.0, 20.0
ASIDE_DEG = 24.0  # from the direction that shows most: depth is seen from the side
STRIP = 160  # rows of a picture that are drawn at once
LOOK_PX = (160, 120)
DETAIL_PX = 1024  # texels a side that are looked at for detail
WORTH = 0.45  # of the best direction's worth that others must have, for a picture from there
MAIN = 0.02  # of the largest piece: what pieces must have to be minded in the framing
MARGIN = 0.07  # of the picture on each side
STRAIGHT = 0.9999  # of a direction: more upwards or downwards, and the picture has no upper side
BODY = 0.05  # share of the samples on each side that may be loose: nobody turns about them
OUTSIDE = 0.004  # share of the samples that may lie outside on each side


@dataclass(frozen=True)
class Stand:
    """A direction from which to look: ``turn`` from z towards x, ``rise`` above the level, in radians."""

    turn: float
    rise: float

    @property
    def towards(self) -> Floats:
        """``(3,)`` unit vector from the model to the camera."""
        level = math.cos(self.rise)
        return np.array([level * math.sin(self.turn), math.sin(self.rise), level * math.cos(self.turn)])


@dataclass(frozen=True)
class Seen:
    """What a view sees, pixel by pixel."""

    colour: NDArray[np.uint8]  # (H, W, 3) sRGB
    depth: Image  # (H, W) +inf where there is nothing
    normal: Image | None = None  # (H, W, 3) in the camera's frame, towards it; of surfaces
    back: NDArray[np.bool_] | None = None  # (H, W) the back of a surface

    @property
    def covered(self) -> NDArray[np.bool_]:
        return np.isfinite(self.depth)


class Studio:
    """Takes pictures of a model in its public frame."""

    def __init__(self, model: Model) -> None:
        self.points = None if model.parts else model.points
        self.lit = not model.parts or any(
            part.texture is not None or part.colours is not None for part in model.parts
        )
        random = np.random.default_rng(0)
        if self.points is not None:
            chosen = random.integers(0, len(self.points), SAMPLES)
            self._samples = self.points.points[chosen].astype(np.float64)
            self._spacing = spacing(self._samples, len(self.points))
            return
        self._renderer = Renderer(*model.parts)
        mesh = self._renderer.mesh
        self._face_normals = mesh.face_normals()
        self._corner_normals = mesh.normals if mesh.normals is not None else mesh.vertex_normals()
        length = np.linalg.norm(self._face_normals, axis=1).astype(np.float64)
        weight = np.concatenate([photographed(part) for part in model.parts])
        weight = weight if weight.sum() > 0 else length
        weight = of_main_pieces(mesh, weight)
        chosen = random.choice(len(weight), SAMPLES, p=weight / weight.sum())
        shares = random.dirichlet(np.ones(3), SAMPLES)
        corners = mesh.vertices[mesh.faces[chosen]].astype(np.float64)
        self._samples = np.einsum("nc,ncx->nx", shares, corners)
        self._normals = self._face_normals[chosen] / np.maximum(length[chosen], 1e-300)[:, None]
        self._detail = details(model.parts, chosen, shares)

    def best(self) -> Stand:
        """From where to take the poster."""
        if self.points is not None:
            return Stand(math.radians(ASIDE_DEG), math.radians(USUAL_RISE_DEG))
        turns = [2 * math.pi * number / TURNS for number in range(TURNS)]
        usual = math.radians(USUAL_RISE_DEG)
        front = max(turns, key=lambda turn: self.worth(Stand(turn, usual)))
        front -= 2 * math.pi * (front > math.pi)
        aside = math.radians(ASIDE_DEG)
        options = [Stand(front + side * aside, math.radians(rise)) for side in (-1, 1) for rise in RISES_DEG]
        return max(options, key=self.worth)

    def worth(self, stand: Stand) -> float:
        """How much of what was photographed is seen from its front, less where backs are seen."""
        view = self.view(stand, *LOOK_PX)
        raster = self._renderer.rasteriser.draw(view)
        pixel, depth = view.project(self._samples)
        column, row = np.clip(pixel, 0, np.array(LOOK_PX) - 1).astype(int).T
        facing = self._normals @ stand.towards
        seen = (depth <= raster.depth[row, column] * 1.02) & (facing > 0)
        shown = float(np.mean(seen * np.sqrt(np.maximum(facing, 0)) * self._detail)) * self.front(view) ** 2
        return shown * math.exp(-(((math.degrees(stand.rise) - USUAL_RISE_DEG) / RISE_SPREAD_DEG) ** 2))

    def front(self, view: View) -> float:
        """Share of what the view sees that is the front of a surface."""
        rasteriser = self._renderer.rasteriser
        everything, front = rasteriser.draw(view), rasteriser.draw(view, cull=True)
        fronts = front.covered & (front.depth <= everything.depth * 1.0001)
        return float(fronts.sum() / max(1, everything.covered.sum()))

    def around(self, count: int, best: Stand) -> list[Stand]:
        """``count`` stands all around, or from side to side if the model has no back; the angles rise."""
        if count < 1:
            return []
        step = 2 * math.pi / TURNS
        whole = [Stand(best.turn + number * step, best.rise) for number in range(TURNS)]
        good = [True] * TURNS
        if self.points is None:
            worth = [self.worth(stand) for stand in whole]
            good = [one >= WORTH * worth[0] for one in worth]
        if all(good):
            return [replace(best, turn=best.turn + 2 * math.pi * n / count) for n in range(count)]
        right = next((n for n in range(1, TURNS) if not good[n]), 1) - 1
        left = next((n for n in range(1, TURNS) if not good[-n]), 1) - 1
        turns = np.linspace(best.turn - max(left, 1) * step, best.turn + max(right, 1) * step, count)
        return [replace(best, turn=float(turn)) for turn in turns]

    def view(self, stand: Stand, width: int, height: int) -> View:
        """The view from there with the model as large as the picture holds."""
        R = looking(-stand.towards, UP)
        local = self._samples @ R.T
        focal = height / 2 / math.tan(math.radians(FIELD_DEG) / 2)
        half = np.array([width, height]) * (0.5 - MARGIN)
        centre, distance = np.zeros(2), 0.0
        for _ in range(4):  # the middle of the picture moves with the distance
            away = local[:, 2] + distance if distance else np.ones(len(local))
            screen = (local[:, :2] - centre) / away[:, None]
            low, high = np.quantile(screen, (OUTSIDE, 1 - OUTSIDE), axis=0)
            centre += (low + high) / 2 * (distance or 1.0)
            needed = (np.abs(local[:, :2] - centre) * focal / half).max(axis=1) - local[:, 2]
            distance = float(np.quantile(needed, 1 - 2 * OUTSIDE))
        middle = np.array([*centre, -distance])
        return placed(R, middle, width, height, focal)

    def view_from(self, viewpoint: Viewpoint, width: int, height: int) -> View:
        """The view from where somebody chose to look."""
        eye, target = np.array(viewpoint.eye), np.array(viewpoint.target)
        ahead = (target - eye) / max(float(np.linalg.norm(target - eye)), 1e-12)
        if abs(ahead[1]) > STRAIGHT:  # down or up: what lies behind is below in the picture
            ahead = np.array([0.0, math.copysign(STRAIGHT, ahead[1]), -math.sqrt(1 - STRAIGHT**2)])
        R = looking(ahead, UP)
        focal = height / 2 / math.tan(math.radians(viewpoint.field_deg) / 2)
        return placed(R, R @ eye, width, height, focal)

    def turning(self, stands: list[Stand], width: int, height: int) -> list[View]:
        """The views from ``stands``: around one middle, nearer where the model is narrow.

        What lies far from the middle of what was photographed may leave the picture at its sides.
        """
        low, high = np.quantile(self._samples, (OUTSIDE, 1 - OUTSIDE), axis=0)
        middle = np.median(self._samples, axis=0)
        middle[1] = (low[1] + high[1]) / 2
        focal = height / 2 / math.tan(math.radians(FIELD_DEG) / 2)
        half = np.array([width, height]) * (0.5 - MARGIN)
        distance = np.zeros(len(stands))
        for number, stand in enumerate(stands):
            local = (self._samples - middle) @ looking(-stand.towards, UP).T
            across, upright = (np.abs(local[:, k]) * focal / half[k] - local[:, 2] for k in (0, 1))
            distance[number] = max(np.quantile(across, 1 - WINGS), np.quantile(upright, 1 - 2 * OUTSIDE))
        whole = stands[-1].turn - stands[0].turn > math.pi * 1.5
        smooth = gaussian_filter1d(distance, len(stands) / 10, mode="wrap" if whole else "nearest")
        views = []
        for stand, away in zip(stands, smooth, strict=True):
            R = looking(-stand.towards, UP)
            views.append(placed(R, R @ middle - np.array([0, 0, away]), width, height, focal))
        return views

    def places(self) -> Floats:
        """``(N, 3)`` samples of the surface, most where it was photographed closely."""
        return self._samples

    def viewpoint(self, view: View) -> Viewpoint:
        """Where a viewer begins, to show what ``view`` shows, and to turn about the middle of its body."""
        eye, ahead = view.pose.centre, view.pose.direction
        middle = np.quantile(self._samples, (BODY, 1 - BODY), axis=0).mean(axis=0)
        away = float((middle - eye) @ ahead)
        digits = 4 - math.floor(math.log10(max(away, 1e-9)))  # a few more than anybody sees
        eye_, target = (tuple(round(float(v), digits) for v in place) for place in (eye, eye + away * ahead))
        return Viewpoint(eye=eye_, target=target, field_deg=FIELD_DEG)  # type: ignore[arg-type]

    def seen(self, view: View) -> Seen:
        """What ``view`` sees; drawn in strips, since a large picture takes much memory while it is drawn."""
        if self.points is not None:
            return dots(self.points, self._spacing, view)
        c = view.camera
        mesh = self._renderer.mesh
        corner = mesh.vertices[mesh.faces[:, 0]]
        towards = view.pose.centre.astype(np.float32) - corner
        back = np.einsum("fx,fx->f", towards, self._face_normals) < 0
        whole = Seen(
            np.zeros((c.height, c.width, 3), np.uint8), np.zeros((c.height, c.width), np.float32),
            None if self.lit else np.zeros((c.height, c.width, 3), np.float32),
            np.zeros((c.height, c.width), bool),
        )  # fmt: skip
        for top in range(0, c.height, STRIP):
            rows = slice(top, min(top + STRIP, c.height))
            strip = replace(c, height=rows.stop - top, cy=c.cy - top)
            colour, raster = self._renderer.draw(replace(view, camera=strip))
            whole.colour[rows] = np.clip(np.rint(colour), 0, 255)
            whole.depth[rows] = raster.depth
            whole.back[rows] = back[raster.face] & raster.covered  # type: ignore[index]
            if whole.normal is not None:
                turned = interpolated(self._corner_normals, mesh, raster) @ view.pose.R.T.astype(np.float32)
                turned /= np.maximum(np.linalg.norm(turned, axis=2, keepdims=True), 1e-6)
                whole.normal[rows] = np.where(back[raster.face][..., None], -turned, turned)
        return whole


def placed(R: Floats, middle: Floats, width: int, height: int, focal: float) -> View:
    """The view whose camera stands at ``middle``, in its own axes."""
    return View("", Camera(width, height, focal, focal, width / 2, height / 2), Pose(R, -middle))


def photographed(part: Mesh) -> Floats:
    """``(F,)`` how much of its texture each face has: what mattered was photographed from near."""
    uv, texture = part.uv, part.texture
    if uv is None or texture is None:
        return np.linalg.norm(part.face_normals(), axis=1).astype(np.float64)
    a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    texels = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).astype(np.float64)
    return texels * texture.shape[0] * texture.shape[1]


def details(parts: Sequence[Mesh], face: Int, shares: Floats) -> Floats:
    """``(N,)`` about 1: more where there is much to see in the texture, an inscription or a door, less where
    it is blank or was guessed; at places with the ``shares (N, 3)`` of the corners of ``face (N,)``.
    """
    found = np.ones(len(face))
    first = 0
    for part in parts:
        here = np.flatnonzero((face >= first) & (face < first + len(part.faces)))
        if part.texture is not None and part.uv is not None and len(here):
            scale = min(1.0, DETAIL_PX / max(part.texture.shape[:2]))
            small = cv2.resize(part.texture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
            mean, square = (cv2.blur(one, (9, 9)) for one in (grey, grey * grey))
            spread = np.sqrt(np.maximum(square - mean * mean, 0))
            at = np.einsum("nc,ncx->nx", shares[here], part.uv[face[here] - first]) % 1.0
            row, column = (at[:, ::-1] * spread.shape).astype(int).T
            found[here] = spread[row, column]
        first += len(part.faces)
    usual = float(np.mean(found))
    return np.sqrt(np.clip(found / usual, 0.1, 4.0)) if usual > 0 else np.ones(len(face))


def of_main_pieces(mesh: Mesh, weight: Floats) -> Floats:
    """``(F,)`` the weights of faces, 0 for those of pieces that weigh little."""
    piece = pieces_of(mesh.vertices, mesh.faces)
    of: Floats = np.bincount(piece, weight).astype(np.float64)
    return weight * (of >= MAIN * of.max())[piece]


def spacing(samples: Floats, count: int) -> float:
    """About how far points are from each other, if they lie on a surface."""
    apart = np.asarray(cKDTree(samples).query(samples, k=4)[0])
    near = float(np.median(apart[:, 3]))
    return near * math.sqrt(len(samples) / max(count, 1)) * 1.3


def dots(points: PointCloud, apart: float, view: View) -> Seen:
    """Points as squares that touch each other, the nearest in front."""
    height, width = view.camera.height, view.camera.width
    pixel, depth = view.project(points.points.astype(np.float64))
    size = int(np.clip(round(apart * view.camera.fx / float(np.median(depth))), 1, 24))
    colours = points.colours
    if colours is None:
        colours = np.full((len(depth), 3), 190, np.uint8)
    colour = np.zeros((height, width, 3), np.uint8)
    nearest = np.full((height, width), np.inf, np.float32)
    order = np.argsort(-depth, kind="stable")  # far ones first: what is drawn later stays
    column, row = (pixel[order] - size / 2).round().astype(np.int64).T
    for down in range(size):
        for right in range(size):
            y, x = row + down, column + right
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width) & (depth[order] > 0)
            y, x, which = y[inside], x[inside], order[inside]
            near = depth[which].astype(np.float32)
            first = near <= nearest[y, x] + apart
            colour[y[first], x[first]] = colours[which[first]]
            nearest[y[first], x[first]] = near[first]
    return Seen(colour, nearest)
