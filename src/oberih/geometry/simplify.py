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

from oberih.geometry._bake import baked, distances, filled, owners
from oberih.geometry._charts import packed, unfolded
from oberih.geometry._collapse import Collapse
from oberih.geometry.mesh import Mesh
from oberih.progress import Progress

__all__ = ["coarser", "farthest", "packed", "repainted", "simplified", "smaller_texture", "welded"]

ENOUGH = 1.05  # so many times the triangles asked for is as asked for
CORNERS = 0.02  # of charts, against the triangles asked for: with more, the atlas is made anew


def simplified(
    mesh: Mesh,
    triangles: int,
    *,
    progress: Progress | None = None,
    locked: NDArray[np.bool_] | None = None,
) -> Mesh:
    """``mesh`` with at most about ``triangles`` faces.

    ``locked``: ``(V,)`` vertices that must stay. A surface that branches, and one in many small pieces, may
    keep more. Raises `Cancelled`.
    """
    progress = progress or Progress()
    progress.check()
    if len(mesh.faces) <= triangles:
        return mesh
    if mesh.uv is None or mesh.texture is None or chart_corners(mesh) <= CORNERS * triangles:
        coarse, _ = collapsed(mesh, triangles, progress, locked)
        if mesh.texture is None or len(coarse.faces) <= ENOUGH * triangles:
            return coarse
    bare, _ = coarser(mesh, triangles, progress=progress, locked=locked)
    assert mesh.texture is not None
    return repainted(bare, mesh, max(mesh.texture.shape[:2]))


def chart_corners(mesh: Mesh) -> int:
    """Vertices where three charts or more meet: they cannot collapse."""
    _, name = welded(mesh.vertices)
    _, of = wedges_of(mesh, name)
    return int((np.bincount(name[mesh.faces.ravel()[of]]) > 2).sum())


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
    flat = (mesh.uv * np.array([width, height], np.float32)).astype(np.float32)
    seen = owners(flat, height, width)[0] >= 0
    column, row = np.minimum(flat.mean(axis=1).astype(np.int64), [width - 1, height - 1]).T
    seen[row, column] = True  # of faces smaller than a texel
    weight = cv2.resize(seen.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    picture = np.empty((*weight.shape, 3), np.uint8)
    for k in range(3):
        total = cv2.resize(
            np.where(seen, mesh.texture[..., k], 0).astype(np.float32), small, interpolation=cv2.INTER_AREA
        )
        picture[..., k] = np.round(np.clip(total / np.maximum(weight, 1e-6), 0, 255))
    return replace(mesh, texture=filled(picture, weight > 1e-4))


def collapsed(
    mesh: Mesh, triangles: int, progress: Progress, locked: NDArray[np.bool_] | None
) -> tuple[Mesh, NDArray[np.int64]]:
    """The collapse alone: as few faces as the charts allow, and which vertices are left."""
    vertex, name = welded(mesh.vertices)
    wedges, of = wedges_of(mesh, name)
    stay = np.zeros(len(vertex), bool)
    if locked is not None:
        stay[name[locked]] = True
    work = Collapse(places(mesh, wedges, of), name[mesh.faces.ravel()[of]].astype(np.int32), wedges, stay)
    while work.step(triangles):
        progress.check()
    return taken(mesh, work.faces(), of)


def welded(vertices: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Vertices at the same place are one: the first of each, and the number of each vertex's."""
    rows = np.ascontiguousarray(vertices + np.float32(0)).view("V12").ravel()  # + 0: no negative zeros
    _, first, number = np.unique(rows, return_index=True, return_inverse=True)
    return first, number


def wedges_of(mesh: Mesh, name: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """``(F, 3)`` wedges of the corners, and a corner of each wedge."""
    at = name[mesh.faces.ravel()]
    if mesh.uv is None:
        _, first, number = np.unique(at, return_index=True, return_inverse=True)
    else:
        uv = np.ascontiguousarray(mesh.uv.reshape(-1, 2) + np.float32(0), np.float32).view(np.int64).ravel()
        rows = np.stack([at, uv], axis=1).view("V16").ravel()
        _, first, number = np.unique(rows, return_index=True, return_inverse=True)
    return number.reshape(-1, 3).astype(np.int32), first


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
        a, b, c = (space[wedges[:, i], :3] for i in range(3))
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()
        p, q = (flat[wedges[:, i]] - flat[wedges[:, 0]] for i in (1, 2))
        covered = np.abs(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()
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
