"""Fewer triangles and smaller textures for models that have their texture already.

A texture is painted for the triangles it lies on: their corners must keep their place in it. `simplified`
collapses vertices onto neighbours that are there (`_collapse`), so texture coordinates stay exact, seams
collapse along seams and borders along borders. Where many small charts hold each other, that neither leads
far nor fits well: the shape alone is collapsed and gets a new atlas (`_charts`) that is painted from the
old one (`_bake`). `smaller_texture` shrinks the picture, and keeps what lies between charts out.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from oberih.geometry._bake import baked, distances, filled, owners
from oberih.geometry._charts import packed, unfolded
from oberih.geometry._collapse import Collapse
from oberih.geometry.mesh import Mesh
from oberih.progress import Progress

__all__ = [
    "coarser",
    "farthest",
    "packed",
    "repainted",
    "shown_texels",
    "simplified",
    "smaller_texture",
    "welded",
]

STRIDE = 0.6  # what branches is parted each time that so much of the triangles is left
KEPT = 0.5  # of the triangles asked for may be the least that is left of the pieces that stay
CHUNK = 1 << 16  # faces that are measured at once
MOST_REPEATS = 4  # of a texture across one face whose texels are told one by one
CORNERS = 0.02  # of charts, against the triangles asked for: with more, the atlas is made anew


def simplified(
    mesh: Mesh,
    triangles: int,
    *,
    progress: Progress | None = None,
    locked: NDArray[np.bool_] | None = None,
) -> Mesh:
    """``mesh`` with at most about ``triangles`` faces.

    ``locked``: ``(V,)`` vertices that must stay; without them small separate pieces vanish, the smallest
    first, if there is no other way. What folds over where it gets coarser may keep more. Raises `Cancelled`.
    """
    progress = progress or Progress()
    progress.check()
    if len(mesh.faces) <= triangles:
        return mesh
    if mesh.uv is None or mesh.texture is None or chart_corners(mesh) <= CORNERS * triangles:
        hard = mesh.texture is None and locked is None
        coarse, _ = collapsed(mesh, triangles, progress, locked, hard=hard)
        if mesh.texture is None or len(coarse.faces) <= triangles:
            return coarse
    plain = replace(mesh, uv=None, texture=None)
    bare, _ = collapsed(plain, triangles, progress, locked, hard=locked is None)
    assert mesh.texture is not None
    return repainted(bare, mesh, max(mesh.texture.shape[:2]))


def chart_corners(mesh: Mesh) -> int:
    """Vertices where three charts or more meet: they cannot collapse."""
    _, name = welded(mesh.vertices)
    at = name[mesh.faces.ravel()]
    _, of = wedges_of(mesh, at)
    return int((np.bincount(at[of]) > 2).sum())


def coarser(
    mesh: Mesh, triangles: int, *, progress: Progress, locked: NDArray[np.bool_] | None = None
) -> tuple[Mesh, NDArray[np.int64]]:
    """The shape alone, without texture, and which of the mesh's vertices it has."""
    return collapsed(replace(mesh, uv=None, texture=None), triangles, progress, locked)


def farthest(one: Mesh, other: Mesh) -> float:
    """The largest distance from vertices and middles of faces of either mesh to the other's surface."""
    there, back = (
        distances(surface, np.concatenate([points.vertices, points.vertices[points.faces].mean(axis=1)]))
        for points, surface in ((one, other), (other, one))
    )
    return float(max(there.max(), back.max()))


def repainted(bare: Mesh, source: Mesh, size: int) -> Mesh:
    """``bare`` with an atlas of its own that shows what ``source`` does there.

    ``size``: of the atlas, in texels a side, at most.
    """
    uv, extent = unfolded(bare.vertices, bare.faces, size)
    target = replace(bare, uv=uv)
    return replace(target, texture=baked(source, target, extent))


def smaller_texture(mesh: Mesh, size: int) -> Mesh:
    """``mesh`` with a texture of at most ``size`` texels a side: each is the mean of those of its chart that
    it covers, and texels of no chart continue the nearest one.
    """
    if mesh.texture is None or mesh.uv is None or max(mesh.texture.shape[:2]) <= size:
        return mesh
    height, width = mesh.texture.shape[:2]
    shrink = size / max(height, width)
    small = max(1, round(width * shrink)), max(1, round(height * shrink))
    if mesh.uv.min() < 0 or mesh.uv.max() > 1:  # it repeats: all of it is seen
        return replace(mesh, texture=cv2.resize(mesh.texture, small, interpolation=cv2.INTER_AREA))
    seen = shown_texels(mesh)
    weight = cv2.resize(seen.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    picture = np.empty((*weight.shape, 3), np.uint8)
    for k in range(3):
        total = cv2.resize(
            np.where(seen, mesh.texture[..., k], 0).astype(np.float32), small, interpolation=cv2.INTER_AREA
        )
        picture[..., k] = np.round(np.clip(total / np.maximum(weight, 1e-6), 0, 255))
    return replace(mesh, texture=filled(picture, weight > 1e-4))


def shown_texels(mesh: Mesh) -> NDArray[np.bool_]:
    """``(H, W)``: the texels of the texture that lie in a face. Where faces repeat the texture, it is drawn
    as often; all of it is shown where one face repeats it many times.
    """
    assert mesh.texture is not None and mesh.uv is not None
    height, width = mesh.texture.shape[:2]
    uv = mesh.uv
    times = np.ones(2, np.int64)
    if len(uv) and (uv.min() < 0 or uv.max() > 1):
        uv = uv - np.floor(uv.min(axis=1, keepdims=True))
        times = np.maximum(np.ceil(uv.max(axis=(0, 1))).astype(np.int64), 1)
    if times.max() > MOST_REPEATS:
        return np.ones((height, width), bool)
    seen = np.zeros((height, width), bool)
    for right in range(times[0]):
        for down in range(times[1]):
            moved = uv - np.array([right, down], np.float32)
            flat = (moved * np.array([width, height], np.float32)).astype(np.float32)
            seen |= owners(flat, height, width)[0] >= 0
            middle = flat.mean(axis=1)  # of faces smaller than a texel
            column, row = np.minimum(middle.astype(np.int64), [width - 1, height - 1]).T
            inside = (middle >= 0).all(axis=1) & (middle <= [width, height]).all(axis=1)
            seen[row[inside], column[inside]] = True
    return seen


def collapsed(
    mesh: Mesh, triangles: int, progress: Progress, locked: NDArray[np.bool_] | None, *, hard: bool = False
) -> tuple[Mesh, NDArray[np.int64]]:
    """The collapse alone: as few faces as the charts allow, and which vertices are left.

    ``hard``: if that is too many, tunnels close, and if it still is, small pieces vanish.
    """
    found = once(mesh, triangles, progress, locked)
    if not hard or len(found[0].faces) <= triangles:
        return found
    found = freely(mesh, triangles, progress)
    if len(found[0].faces) > triangles:
        fewer = worth(mesh, found[1][found[0].faces], triangles)
        if len(fewer.faces) < len(mesh.faces):
            found = freely(fewer, triangles, progress)
    return found


def freely(mesh: Mesh, triangles: int, progress: Progress) -> tuple[Mesh, NDArray[np.int64]]:
    """The collapse where tunnels may close: the surface comes to branch there, and is parted anew."""
    coarse, used = mesh, np.arange(len(mesh.vertices))
    count = 0
    while len(coarse.faces) > triangles and len(coarse.faces) != count:
        count = len(coarse.faces)
        fewer, there = once(coarse, max(triangles, int(STRIDE * count)), progress, None, free=True)
        if not len(fewer.faces):
            break
        coarse, used = fewer, used[there]
    return coarse, used


def once(
    mesh: Mesh, triangles: int, progress: Progress, locked: NDArray[np.bool_] | None, *, free: bool = False
) -> tuple[Mesh, NDArray[np.int64]]:
    """One run of the collapse."""
    _, name = welded(mesh.vertices)
    corners = name[mesh.faces]
    good = (corners != np.roll(corners, 1, axis=1)).all(axis=1)
    if not good.all():
        uv = None if mesh.uv is None else mesh.uv[good]
        mesh, corners = replace(mesh, faces=mesh.faces[good], uv=uv), corners[good]
    if not len(corners):
        return taken(mesh, np.zeros((0, 3), np.int32), np.zeros(0, np.int64))
    at = parted(corners)
    stay = np.zeros(int(at.max()) + 1, bool)
    if locked is not None:
        held = np.zeros(int(name.max()) + 1, bool)
        held[name[locked]] = True
        stay[at] = held[corners.ravel()]
    del corners
    wedges, of = wedges_of(mesh, at)
    vertex = at[of].astype(np.int32)
    del at
    work = Collapse(places(mesh, wedges, of), vertex, wedges, stay, free=free)
    while work.step(triangles):
        progress.check()
    return taken(mesh, work.faces(), of)


def worth(mesh: Mesh, left: NDArray[np.int64], triangles: int) -> Mesh:
    """The separate pieces that can be kept, the largest first; ``left``: as few faces as all come to."""
    _, name = welded(mesh.vertices)
    faces, count = name[mesh.faces], int(name.max()) + 1
    ends = np.concatenate([faces[:, :2], faces[:, 1:]]).T
    pieces, of = connected_components(
        coo_array((np.ones(ends.shape[1]), ends), (count, count)), directed=False
    )
    piece = of[faces[:, 0]]
    area = np.bincount(piece, np.linalg.norm(mesh.face_normals().astype(np.float64), axis=1), pieces)
    least = np.bincount(of[name[left[:, 0]]], minlength=pieces)
    order = np.argsort(-area, kind="stable")
    stays = np.zeros(pieces, bool)
    stays[order] = np.cumsum(least[order]) <= max(KEPT * triangles, least[order[0]])
    here = stays[piece]
    return replace(mesh, faces=mesh.faces[here], uv=None if mesh.uv is None else mesh.uv[here])


def parted(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(3F,)`` a number for the vertex of each corner, so that no edge has more than two faces and the faces
    of each vertex are one fan: where surfaces touch or branch, each has vertices of its own.
    """
    count = faces.size
    corners = faces.astype(np.int32)
    start, end = corners.ravel(), np.roll(corners, -1, axis=1).ravel()
    edge = np.minimum(start, end).astype(np.int64)
    edge *= int(start.max()) + 1
    edge += np.maximum(start, end)
    edge *= 2
    edge += start > end
    order = np.argsort(edge, kind="stable").astype(np.int32)  # at an edge, first those that run one way
    edge = edge[order]
    edge >>= 1
    first = np.flatnonzero(np.r_[True, edge[1:] != edge[:-1]])
    del edge
    size = np.diff(np.r_[first, count])
    two = first[size == 2]
    left, right = [order[two]], [order[two + 1]]
    for begin, many in zip(first[size > 2], size[size > 2], strict=True):
        here = order[begin : begin + many]
        ahead = int((start[here] < end[here]).sum())
        pairs = min(ahead, many - ahead)
        left.append(here[:pairs])
        right.append(here[ahead : ahead + pairs])
    del order, first, size, two
    one, other = np.concatenate(left), np.concatenate(right)
    # The corners at both ends of an edge that two faces share are the same vertices.
    same = start[one] == start[other]
    beyond = following(other)
    rows = np.concatenate([one, following(one)])
    columns = np.concatenate([np.where(same, other, beyond), np.where(same, beyond, other)])
    del left, right, one, other, same, beyond, start, end, corners
    joined = coo_array((np.ones(len(rows), np.int8), (rows, columns)), (count, count)).tocsr()
    del rows, columns
    return connected_components(joined, directed=False)[1].astype(np.int64)


def following(corner: NDArray[np.int32]) -> NDArray[np.int32]:
    """The next corner of the same face, for each."""
    return corner - corner % 3 + (corner + 1) % 3


def welded(vertices: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Vertices at the same place are one: the first of each, and the number of each vertex's."""
    rows = np.ascontiguousarray(vertices + np.float32(0)).view("V12").ravel()  # + 0: no negative zeros
    _, first, number = np.unique(rows, return_index=True, return_inverse=True)
    return first, number


def wedges_of(mesh: Mesh, at: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """``(F, 3)`` wedges of the corners, whose vertices are ``at``, and a corner of each wedge."""
    if mesh.uv is None:
        _, first, number = np.unique(at, return_index=True, return_inverse=True)
        return number.reshape(-1, 3).astype(np.int32), first
    bits = (mesh.uv.reshape(-1, 2) + np.float32(0)).astype(np.float32, copy=False).view(np.int64).ravel()
    order = np.lexsort((bits, at))
    new = np.zeros(len(order), bool)
    new[:1] = True
    for values in (at, bits):
        there = values[order]
        new[1:] |= there[1:] != there[:-1]
    number = np.empty(len(order), np.int32)
    number[order] = np.cumsum(new, dtype=np.int32) - 1
    return number.reshape(-1, 3).astype(np.int32, copy=False), order[new].astype(np.int64, copy=False)


def places(mesh: Mesh, wedges: NDArray[np.int32], of: NDArray[np.int64]) -> NDArray[np.float64]:
    """``(W, 5)``: position and texture coordinates of each wedge in the same unit, about 0."""
    vertices = mesh.vertices[mesh.faces.ravel()[of]].astype(np.float64)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    unit = float((high - low).max()) or 1.0
    space = np.zeros((len(of), 5))
    space[:, :3] = (vertices - (low + high) / 2) / unit
    if mesh.uv is not None:
        height, width = mesh.texture.shape[:2] if mesh.texture is not None else (1, 1)
        flat = mesh.uv.reshape(-1, 2)[of] * np.array([width, height], np.float64)
        area = covered = 0.0
        for some in np.array_split(wedges, len(wedges) // CHUNK + 1):
            a, b, c = (space[some[:, i], :3] for i in range(3))
            area += float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())
            p, q = (flat[some[:, i]] - flat[some[:, 0]] for i in (1, 2))
            covered += float(np.abs(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum())
        if covered > 0:
            space[:, 3:] = (flat - flat.mean(axis=0)) * np.sqrt(area / covered)
    return space


def taken(mesh: Mesh, faces: NDArray[np.int32], of: NDArray[np.int64]) -> tuple[Mesh, NDArray[np.int64]]:
    """The mesh of ``(F, 3)`` wedges, each as its corner ``of`` says, and its vertices in the given one."""
    corner = of[faces]
    used, number = np.unique(mesh.faces.ravel()[corner], return_inverse=True)
    coarse = replace(
        mesh,
        vertices=mesh.vertices[used],
        faces=number.reshape(-1, 3).astype(np.int32),
        normals=None,
        colours=None if mesh.colours is None else mesh.colours[used],
        confidence=None if mesh.confidence is None else mesh.confidence[used],
        uv=None if mesh.uv is None else mesh.uv.reshape(-1, 2)[corner],
    )
    return coarse, used.astype(np.int64)
