"""Hides on a model what was found in the photos it was made from.

An atlas cuts a face into charts that no detector knows again. So what was found in a photo is carried
through its camera onto the surface that the photo sees there: every texel, vertex and point whose place falls
into the region, and that nothing hides from the camera, is covered by the same few colours as in a picture
(`veil`). It does not matter which photo the texture was painted from: a passer-by who stood before a wall is
on the wall.

What no face shows of a texture (gutters, remains of what was cut away) is thrown away and filled from what is
shown, after that is covered. A texture of a coarser level is treated like the finest one, with the coarser
mesh; or, better, made from the finest one afterwards. Shape is not changed: a person who kept still enough to
be measured has to be cut off by the custodian.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from oberih.geometry import Camera, Mesh, PointCloud, Pose, View
from oberih.geometry.raster import Rasteriser
from oberih.geometry.simplify import shown_texels
from oberih.trust.redaction.regions import Kind, Region
from oberih.trust.redaction.veil import REACH, cells_of, cover, painted

__all__ = ["Hiding", "Sighting", "Thing"]

SIGHT_PX = 2048  # longer side at which visibility is decided
AROUND_PX = 5  # a place is seen if it is no further than the farthest surface in such a window ...
BEHIND = 0.01  # ... and this much more, as a share of the distance: meshes are not that exact
SAME_THING = 0.7  # of the smaller radius: sightings whose middles are nearer show one thing
MOST_REPEATS = 4  # of a texture that are followed
BAND = 1024  # rows of a texture that are worked on at once
GUTTER = 16  # texels around what is shown that continue it, for filters and coarser levels
ABOVE = Pose(np.eye(3), np.zeros(3))  # of a camera that looks at a texture

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sighting:
    """What was found in one photo. ``region``: in pixels of the view's camera, the photo in stored order."""

    view: View
    region: Region

    @classmethod
    def of(cls, view: View, region: Region, shape: Sequence[int]) -> "Sighting":
        """From a region of that photo at another size, ``shape`` (rows, columns, ...)."""
        return cls(view, region.scaled(view.camera.width / shape[1], view.camera.height / shape[0]))


@dataclass(frozen=True)
class Thing:
    """Sightings of the same face or plate in several photos: what a custodian clears or keeps at once."""

    kind: Kind
    centre: Floats  # (3,) in the frame of the model
    radius: float
    sightings: tuple[Sighting, ...]

    @property
    def score(self) -> float:
        return max(one.region.score for one in self.sightings)


@dataclass(frozen=True)
class Sight:
    """What a photo sees of the surface: depth (camera z) pixel by pixel, 0 where there is no surface."""

    view: View  # pinhole, reduced
    depth: NDArray[np.float32]  # (H, W)
    farthest: NDArray[np.float32]  # (H, W) of the surface around

    @classmethod
    def of(cls, view: View, depth: NDArray[np.float32]) -> "Sight":
        depth = np.where(np.isfinite(depth), depth, 0).astype(np.float32)
        return cls(view, depth, cv2.dilate(depth, np.ones((AROUND_PX, AROUND_PX), np.uint8)))

    def sees(self, places: NDArray[np.floating]) -> NDArray[np.bool_]:
        """``(N,)``: the places that nothing hides."""
        px, depth = self.view.project(places.astype(np.float64))
        column, row = (
            np.clip(np.nan_to_num(px[:, axis]), 0, side - 1).astype(np.int64)
            for axis, side in ((0, self.depth.shape[1]), (1, self.depth.shape[0]))
        )
        limit = self.farthest[row, column]
        return (depth > 0) & ((limit == 0) | (depth <= limit * (1 + BEHIND)))


class Hiding:
    """Covers sightings on the parts of one model, which hide each other. All in one frame."""

    def __init__(self, parts: Sequence[Mesh], sightings: Sequence[Sighting]) -> None:
        self.sightings = tuple(sightings)
        solid = [part for part in parts if len(part.faces)]
        begins = np.cumsum([0, *(len(part.vertices) for part in solid)])
        self._seen: dict[str, Sight] = {}
        if solid and sightings:
            drawn = Rasteriser(
                np.concatenate([part.vertices for part in solid]),
                np.concatenate([part.faces + begin for part, begin in zip(solid, begins, strict=False)]),
            )
            for view in {one.view.name: one.view for one in sightings}.values():
                small = view.resized(SIGHT_PX)
                self._seen[view.name] = Sight.of(small, drawn.draw(small).depth)

    def mesh(self, mesh: Mesh) -> Mesh:
        """One of the parts, or a coarser level of it, with its texture and colours covered."""
        if mesh.colours is not None:
            colours = self.covered(mesh.colours, mesh.vertices, lambda one: near(one, mesh.vertices))
            mesh = replace(mesh, colours=colours)
        if mesh.texture is None or mesh.uv is None or not len(mesh.faces):
            return mesh
        touched = [touches(one, mesh) for one in self.sightings]
        texel, face, place = texels_of(mesh, np.logical_or.reduce(touched)) if touched else nothing()
        faces = dict(zip(map(id, self.sightings), touched, strict=True))
        texture = mesh.texture.reshape(-1, 3).copy()
        texture[texel] = self.covered(texture[texel], place, lambda one: np.flatnonzero(faces[id(one)][face]))
        return replace(mesh, texture=only_shown(texture.reshape(mesh.texture.shape), shown_texels(mesh)))

    def cloud(self, cloud: PointCloud) -> PointCloud:
        """Measured points with their colours covered."""
        if cloud.colours is None:
            return cloud
        return replace(
            cloud, colours=self.covered(cloud.colours, cloud.points, lambda one: near(one, cloud.points))
        )

    def covered(
        self,
        colours: NDArray[np.uint8],
        places: NDArray[np.floating],
        candidates: "Callable[[Sighting], NDArray[np.int64]]",
    ) -> NDArray[np.uint8]:
        """``(N, 3)`` colours at ``(N, 3)`` places. ``candidates``: which of them a sighting may fall on."""
        colours = colours.copy()
        for one in self.sightings:
            here = candidates(one)
            if one.view.name in self._seen:  # without a surface, nothing hides anything
                here = here[self._seen[one.view.name].sees(places[here])]
            px, _ = one.view.project(places[here].astype(np.float64))
            inside, alpha = cover(px.astype(np.float32), one.region)
            met = alpha > 0
            if met.any():
                here, inside, alpha = here[met], inside[met], alpha[met]
                cells = cells_of(colours[here], inside, alpha, one.region.kind)
                colours[here] = painted(colours[here], inside, alpha, cells)
        return colours

    def things(self) -> tuple[Thing, ...]:
        """The sightings, put together where they fall on the same place of the surface."""
        found: list[Thing] = []
        for one in sorted(self.sightings, key=lambda one: -one.region.score):
            spot = self.spot(one)
            if spot is None:
                continue
            centre, radius = spot
            for number, thing in enumerate(found):
                limit = SAME_THING * min(radius, thing.radius)
                if thing.kind == one.region.kind and np.linalg.norm(centre - thing.centre) < limit:
                    found[number] = replace(thing, sightings=(*thing.sightings, one))
                    break
            else:
                found.append(Thing(one.region.kind, centre, radius, (one,)))
        return tuple(found)

    def spot(self, one: Sighting) -> tuple[Floats, float] | None:
        """Middle and radius of the surface in a region; none if it sees no surface."""
        if one.view.name not in self._seen:
            return None
        sight = self._seen[one.view.name]
        row, column = np.nonzero(sight.depth)
        depth, c = sight.depth[row, column].astype(np.float64), sight.view.camera
        local = np.stack([(column + 0.5 - c.cx) / c.fx, (row + 0.5 - c.cy) / c.fy, np.ones(len(row))], axis=1)
        offset = one.view.camera.project(local) - one.region.centre
        inside = (np.abs(offset) <= (one.region.width / 2, one.region.height / 2)).all(axis=1)
        if not inside.any():
            return None
        points = (local[inside] * depth[inside, None] - one.view.pose.t) @ one.view.pose.R
        centre = np.median(points, axis=0)
        return centre, float(np.median(np.linalg.norm(points - centre, axis=1))) * 1.5


def near(one: Sighting, places: NDArray[np.floating]) -> NDArray[np.int64]:
    """Which of ``(N, 3)`` places may fall into a sighting."""
    px, depth = one.view.project(places.astype(np.float64))
    reach = np.array([one.region.width, one.region.height]) * REACH / 2
    return np.flatnonzero((depth > 0) & (np.abs(px - one.region.centre) <= reach).all(axis=1))


def touches(one: Sighting, mesh: Mesh) -> NDArray[np.bool_]:
    """``(F,)``: the faces that may fall into a sighting, seen or not."""
    px, depth = one.view.project(mesh.vertices.astype(np.float64))
    px[depth <= 0] = np.nan
    corners = px[mesh.faces]
    reach = np.array([one.region.width, one.region.height]) * REACH / 2
    with np.errstate(invalid="ignore"):
        outside = (corners.min(axis=1) > one.region.centre + reach) | (
            corners.max(axis=1) < one.region.centre - reach
        )
    behind = (depth[mesh.faces] <= 0).all(axis=1)
    return ~outside.any(axis=1) & ~behind  # a face partly behind the camera compares with NaN: it may


def texels_of(
    mesh: Mesh, wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Texels (row * width + column), the face each lies in, and their places, of the ``wanted`` faces.

    Each texel is told once; a face smaller than a texel has the one that its middle lies in, if it is free.
    """
    assert mesh.uv is not None and mesh.texture is not None
    height, width = mesh.texture.shape[:2]
    faces = np.flatnonzero(wanted)
    if not len(faces):
        return nothing()
    uv = mesh.uv[faces] - np.floor(mesh.uv[faces].min(axis=1, keepdims=True) + 1e-6)
    flat = uv * np.array([width, height], np.float32)
    corners = np.concatenate([flat, np.ones((*flat.shape[:2], 1), np.float32)], axis=2)
    first, last = corners[..., 1].min(axis=1), corners[..., 1].max(axis=1)
    across, down = (int(n) for n in np.ceil(corners[..., :2].max(axis=(0, 1)) + 1))
    owner, places = np.full(height * width, -1, np.int32), [np.zeros((0, 3), np.float32)]
    texels = [np.zeros(0, np.int64)]
    for top in range(0, min(down, MOST_REPEATS * height), BAND):
        here = np.flatnonzero((first < top + BAND) & (last > top))
        if not len(here):
            continue
        sheet = View("", Camera(min(across, MOST_REPEATS * width), BAND, 1, 1, 0, -top), ABOVE)
        triangles = np.arange(3 * len(here), dtype=np.int32).reshape(-1, 3)
        drawn = Rasteriser(corners[here].reshape(-1, 3), triangles).draw(sheet, weights=True)
        assert drawn.weights is not None
        row, column = np.nonzero(drawn.covered)
        face, texel = faces[here[drawn.face[row, column]]], (row + top) % height * width + column % width
        texel, once = np.unique(texel, return_index=True)
        free = owner[texel] < 0
        texel, once = texel[free], once[free]
        owner[texel] = face[once]
        weights = drawn.weights[row[once], column[once]]
        texels.append(texel)
        places.append(np.einsum("nk,nkd->nd", weights, mesh.vertices[mesh.faces[face[once]]]))
    middle = flat.mean(axis=1).astype(np.int64)
    texel, once = np.unique(middle[:, 1] % height * width + middle[:, 0] % width, return_index=True)
    free = owner[texel] < 0
    owner[texel[free]] = faces[once[free]]
    texels.append(texel[free])
    places.append(mesh.vertices[mesh.faces[faces[once[free]]]].mean(axis=1))
    told = np.concatenate(texels)
    return told, owner[told].astype(np.int64), np.concatenate(places).astype(np.float32)


def nothing() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 3), np.float32)


def only_shown(texture: NDArray[np.uint8], shown: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Texels that no face shows take the colour of the nearest that one does; far ones become mid grey."""
    made = np.full_like(texture, 128)
    for top in range(0, len(texture), BAND):
        first, last = max(top - GUTTER, 0), min(top + BAND + GUTTER, len(texture))
        part, seen = texture[first:last], shown[first:last]
        if not seen.any():
            continue
        away, label = cv2.distanceTransformWithLabels(
            (~seen).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        colours = np.zeros((int(label.max()) + 1, 3), np.uint8)
        colours[label[seen]] = part[seen]
        filled = np.where((away <= GUTTER)[..., None], colours[label], np.uint8(128))
        made[top : top + BAND] = filled[top - first : top - first + BAND]
    return made
