"""Fewer triangles for the same shape: the mesh to texture, and its coarser levels of detail.

Quadric edge collapse (Garland & Heckbert 1997) by fast-simplification, followed by what it leaves to
its caller: triangles without area, doubled ones and folded ones (their normal turned against the
original surface) go, and so do vertices that nothing uses. Border vertices collapse only along the
border. Attributes come from the nearest vertex of the finer mesh.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from oberih.geometry import Mesh
from oberih.progress import Progress
from oberih.reconstruct.holes import close_small_holes
from oberih.reconstruct.texture.collapse import collapse

__all__ = ["simplified"]

RIM = 8  # holes with at most so many edges, left where faces go, are closed
FOLDED = -0.2  # cosine between a face and the original surface below which it is a fold


def simplified(mesh: Mesh, triangles: int, progress: Progress) -> Mesh:
    """``mesh`` with at most about ``triangles`` faces and no degenerate, doubled or folded ones."""
    vertices, faces = mesh.vertices, mesh.faces
    if len(faces) > triangles:
        # Centred: the collapse works in single precision where coordinates are large.
        centre = vertices.mean(axis=0, dtype=np.float64)
        moved, faces = collapse((vertices - centre).astype(np.float32), faces, triangles, progress)
        vertices = (moved + centre).astype(np.float32)
    original = mesh.vertex_normals()
    _, nearest = cKDTree(mesh.vertices).query(vertices, workers=1)
    faces = faces[sound(vertices, faces, original[nearest])]
    vertices, faces = close_small_holes(vertices, faces, RIM)
    _, nearest = cKDTree(mesh.vertices).query(vertices, workers=1)
    coarse = Mesh(
        vertices,
        faces,
        colours=None if mesh.colours is None else mesh.colours[nearest],
        confidence=None if mesh.confidence is None else mesh.confidence[nearest],
    )
    coarse = without_unused(coarse)
    return replace(coarse, normals=coarse.vertex_normals())


def sound(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], normals: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """``(F,)``: True for faces to keep. ``normals`` are those of the original surface at the vertices."""
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    normal = np.cross(b - a, c - a)
    doubled_area = np.linalg.norm(normal, axis=1)
    longest = np.max([((b - a) ** 2).sum(1), ((c - b) ** 2).sum(1), ((a - c) ** 2).sum(1)], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        keep = doubled_area > 1e-4 * longest  # a height of at least 1/10000 of the longest side
        agreement = (normal * normals[faces].mean(axis=1)).sum(axis=1) / doubled_area
    keep &= ~(agreement < FOLDED)
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    once = np.zeros(len(faces), bool)
    once[first] = True
    return keep & once


def without_unused(mesh: Mesh) -> Mesh:
    """The mesh without vertices of no face."""
    used = np.zeros(len(mesh.vertices), bool)
    used[mesh.faces] = True
    index = np.cumsum(used, dtype=np.int32) - 1
    return replace(
        mesh,
        vertices=mesh.vertices[used],
        faces=index[mesh.faces],
        colours=None if mesh.colours is None else mesh.colours[used],
        confidence=None if mesh.confidence is None else mesh.confidence[used],
        normals=None if mesh.normals is None else mesh.normals[used],
    )
