"""What of a model becomes public: inside the custodian's box, and no stray pieces.

The box cuts triangles where its walls run, with what is painted on them (Sutherland & Hodgman 1974, one wall
at a time). Separate pieces that are small against the largest are most often background or noise.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from oberih.formats import Model
from oberih.geometry import Mesh, PointCloud
from oberih.geometry.simplify import welded
from oberih.products.choices import Box

__all__ = ["cropped", "pieces_of", "some_of", "without_small_pieces"]

Floats = NDArray[np.float64]

CELLS = 100  # across a cloud at most, to see what lies together
SPREAD = 3  # times the usual distance between points that a cell measures at least
SOME = 5000  # points that tell it
FARTHEST = 1e6  # cells


def cropped(model: Model, box: Box) -> Model:
    """What of ``model`` lies inside ``box``."""
    parts = model.parts
    points = model.points
    for normal, offset in walls(box):
        parts = tuple(clipped(part, normal, offset) for part in parts)
        if points is not None:
            points = some_of(points, points.points.astype(np.float64) @ normal <= offset)
    return replace(model, parts=tuple(part for part in parts if len(part.faces)), points=points)


def walls(box: Box) -> list[tuple[Floats, float]]:
    """The six planes: inside is ``x @ normal <= offset``."""
    turn = np.radians(box.turn_deg)
    x = np.array([np.cos(turn), 0, -np.sin(turn)])
    z = np.array([np.sin(turn), 0, np.cos(turn)])
    centre = np.array(box.centre)
    planes = []
    for axis, side in zip((x, np.array([0.0, 1, 0]), z), box.size, strict=True):
        planes += [(n, float(centre @ n) + side / 2) for n in (axis, -axis)]
    return planes


def some_of(points: PointCloud, chosen: NDArray[Any]) -> PointCloud:
    """Those points, by number or by mask."""
    return PointCloud(
        points.points[chosen],
        *(
            None if values is None else values[chosen]
            for values in (points.normals, points.colours, points.confidence, points.intensity)
        ),
    )


def clipped(mesh: Mesh, normal: Floats, offset: float) -> Mesh:
    """The part of ``mesh`` where ``x @ normal <= offset``. Normals are not kept."""
    beyond = mesh.vertices.astype(np.float64) @ normal - offset
    inside = (beyond <= 0)[mesh.faces]
    count = inside.sum(axis=1)
    mesh = replace(mesh, normals=None)
    if (count == 3).all():
        return mesh
    whole = count == 3
    cut = np.flatnonzero((count == 1) | (count == 2))
    # Each cut face with the corner first that is alone on its side.
    alone = np.where((count[cut] == 1)[:, None], inside[cut], ~inside[cut]).argmax(axis=1)
    turned = (alone[:, None] + np.arange(3)) % 3
    corner = np.take_along_axis(mesh.faces[cut], turned, axis=1)
    one, share, number = crossings(corner, beyond, len(mesh.vertices))
    a, b, c = corner.T
    p, q = number  # on the edges from a to b and to c
    single = count[cut] == 1
    faces = np.concatenate([
        mesh.faces[whole],
        np.stack([a, p, q], axis=1)[single],
        np.stack([p, b, c], axis=1)[~single],
        np.stack([p, c, q], axis=1)[~single],
    ]).astype(np.int32)  # fmt: skip
    uv = None
    if mesh.uv is not None:
        at_a, at_b, at_c = np.moveaxis(np.take_along_axis(mesh.uv[cut], turned[:, :, None], axis=1), 1, 0)
        at_p = at_a + (beyond[a] / (beyond[a] - beyond[b]))[:, None] * (at_b - at_a)
        at_q = at_a + (beyond[a] / (beyond[a] - beyond[c]))[:, None] * (at_c - at_a)
        uv = np.concatenate([
            mesh.uv[whole],
            np.stack([at_a, at_p, at_q], axis=1)[single],
            np.stack([at_p, at_b, at_c], axis=1)[~single],
            np.stack([at_p, at_c, at_q], axis=1)[~single],
        ]).astype(np.float32)  # fmt: skip

    def with_new(values: NDArray[Any]) -> NDArray[Any]:
        start, end = (values[one[:, i]].astype(np.float64) for i in (0, 1))
        new = start + (share * (end - start).T).T  # of rows, or of single values
        return np.concatenate([values, new.astype(values.dtype)])

    return compact(
        replace(
            mesh,
            vertices=with_new(mesh.vertices),
            faces=faces,
            uv=uv,
            colours=None if mesh.colours is None else with_new(mesh.colours),
            confidence=None if mesh.confidence is None else with_new(mesh.confidence),
        )
    )


def crossings(
    corner: NDArray[np.int32], beyond: Floats, count: int
) -> tuple[NDArray[np.int64], Floats, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """New vertices, one for each edge that is cut: its ends ``(N, 2)``, the share of the way from the first,
    and the numbers of the two on each cut face.
    """
    edges = np.concatenate([corner[:, [0, 1]], corner[:, [0, 2]]]).astype(np.int64)
    edges.sort(axis=1)  # from the lower number, so that both faces of an edge are cut at the same place
    keys, number = np.unique(edges[:, 0] * count + edges[:, 1], return_inverse=True)
    ends = np.stack([keys // count, keys % count], axis=1)
    share = beyond[ends[:, 0]] / (beyond[ends[:, 0]] - beyond[ends[:, 1]])
    first, second = np.split(number + count, 2)
    return ends, share, (first, second)


def without_small_pieces(model: Model, share: float) -> tuple[Model, int]:
    """``model`` without connected pieces whose area is below ``share`` of the largest one's, and how many; of
    points, without heaps of so few of them.
    """
    if share <= 0:
        return model, 0
    if not model.triangles:
        assert model.points is not None
        heap = heaps_of(model.points.points)
        goes = np.bincount(heap) < share * np.bincount(heap).max()
        return replace(model, points=some_of(model.points, ~goes[heap])), int(goes.sum())
    before = np.cumsum([0] + [len(part.vertices) for part in model.parts])
    piece = pieces_of(
        np.concatenate([part.vertices for part in model.parts]),
        np.concatenate([part.faces + first for part, first in zip(model.parts, before[:-1], strict=True)]),
    )
    normals = np.concatenate([part.face_normals() for part in model.parts])
    area = np.bincount(piece, np.linalg.norm(normals.astype(np.float64), axis=1))
    goes = area < share * area.max()
    stays = np.split(~goes[piece], np.cumsum([len(part.faces) for part in model.parts])[:-1])
    parts = [compact(chosen_faces(part, keep)) for part, keep in zip(model.parts, stays, strict=True)]
    return replace(model, parts=tuple(part for part in parts if len(part.faces))), int(goes.sum())


def pieces_of(vertices: NDArray[np.float32], faces: NDArray[np.integer]) -> NDArray[np.int64]:
    """``(F,)`` the number of the connected piece that each face belongs to."""
    name = welded(vertices)[1].astype(np.int32)
    corner = name[faces]
    ends = np.concatenate([corner[:, :2], corner[:, 1:]]).T
    size = int(name.max()) + 1
    graph = coo_array((np.ones(ends.shape[1], bool), (ends[0], ends[1])), shape=(size, size))
    _, of = connected_components(graph, directed=False)
    _, piece = np.unique(of[corner[:, 0]], return_inverse=True)
    return piece.astype(np.int64)


def heaps_of(points: NDArray[np.float32]) -> NDArray[np.int64]:
    """``(N,)`` the number of the heap that each point belongs to: points in cells that touch are one heap."""
    low, high = np.quantile(points, (0.05, 0.95), axis=0)
    some = points[:: max(1, len(points) // SOME)]
    apart = np.asarray(cKDTree(points).query(some, k=[2])[0])  # from the nearest other one
    cell = max(float((high - low).max()) / CELLS, SPREAD * float(np.median(apart)), 1e-9)
    near = np.clip((points.astype(np.float64) - low) / cell, -FARTHEST, FARTHEST)
    cells, at = np.unique(np.floor(near).astype(np.int64), axis=0, return_inverse=True)
    pairs = cKDTree(cells).query_pairs(1.8, output_type="ndarray").T  # those that share a corner
    graph = coo_array((np.ones(pairs.shape[1], bool), pairs), shape=(len(cells), len(cells)))
    return connected_components(graph, directed=False)[1].astype(np.int64)[at.ravel()]


def chosen_faces(mesh: Mesh, chosen: NDArray[np.bool_]) -> Mesh:
    if chosen.all():
        return mesh
    return replace(mesh, faces=mesh.faces[chosen], uv=None if mesh.uv is None else mesh.uv[chosen])


def compact(mesh: Mesh) -> Mesh:
    """``mesh`` without vertices that no face uses."""
    used, faces = np.unique(mesh.faces, return_inverse=True)
    if len(used) == len(mesh.vertices):
        return mesh
    return replace(
        mesh,
        vertices=mesh.vertices[used],
        faces=faces.reshape(-1, 3).astype(np.int32),
        normals=None if mesh.normals is None else mesh.normals[used],
        colours=None if mesh.colours is None else mesh.colours[used],
        confidence=None if mesh.confidence is None else mesh.confidence[used],
    )
