"""Colours for what no photo sees: a smooth continuation of what lies around it on the surface."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree

from oberih.geometry import Mesh
from oberih.reconstruct.texture.atlas import Atlas
from oberih.reconstruct.texture.bake import Sheet

__all__ = ["paint_unseen"]

ROUNDS = 400


def paint_unseen(mesh: Mesh, sheet: Sheet) -> None:
    """Paint the cells of all faces of no chart: Laplace's equation over them, given at their borders."""
    atlas = sheet.atlas
    unseen = np.flatnonzero(atlas.chart < 0)
    if not len(unseen):
        return
    colours, known = vertex_colours(mesh, sheet, atlas)
    used = np.unique(mesh.faces[unseen])
    free = used[~known[used]]
    colours[free] = from_nearest(mesh, colours, known, free)
    if len(free):
        index = np.full(len(mesh.vertices), -1)
        index[used] = np.arange(len(used))
        corners = index[mesh.faces[unseen]]
        i, j = corners.ravel(), corners[:, [1, 2, 0]].ravel()
        ones = np.ones(2 * len(i))
        graph = coo_array((ones, (np.r_[i, j], np.r_[j, i])), shape=(len(used), len(used))).tocsr()
        graph.data[:] = 1  # an edge of two faces counts once
        colours[used] = relax(graph, colours[used], ~known[used])
    sheet.paint_plain(unseen.astype(np.int32), colours[mesh.faces[unseen]].astype(np.float32))


def vertex_colours(mesh: Mesh, sheet: Sheet, atlas: Atlas) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean colour ``(V, 3)`` of the painted corners of each vertex, and which vertices ``(V,)`` have one."""
    seen = np.flatnonzero(np.repeat(atlas.chart >= 0, 3))
    vertex = mesh.faces.ravel()[seen]
    # A little inside the face: the very corner may lie on the outline of something else.
    middle = atlas.corners.mean(axis=1, keepdims=True)
    points = (0.7 * atlas.corners + 0.3 * middle).reshape(-1, 2)[seen]
    samples = sheet.sample(points.astype(np.float32))
    count = np.bincount(vertex, minlength=len(mesh.vertices))
    total = np.stack([np.bincount(vertex, samples[:, c], len(count)) for c in range(3)], axis=1)
    return total / np.maximum(count, 1)[:, None], count > 0


def from_nearest(
    mesh: Mesh, colours: NDArray[np.float64], known: NDArray[np.bool_], wanted: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Colours of the nearest vertices that have one; mid grey if none has."""
    if not known.any() or not len(wanted):
        return np.full((len(wanted), 3), 128.0)
    source = np.flatnonzero(known)
    _, nearest = cKDTree(mesh.vertices[source]).query(mesh.vertices[wanted], k=min(8, len(source)))
    return colours[source[nearest]].reshape(len(wanted), -1, 3).mean(axis=1)


def relax(graph: csr_array, values: NDArray[np.float64], free: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Every free value becomes the mean of its neighbours (successive over-relaxed Jacobi)."""
    rows = graph[np.flatnonzero(free)]
    degree = np.maximum(rows.sum(axis=1), 1)[:, None]
    for _ in range(ROUNDS):
        mean = rows @ values / degree
        change = mean - values[free]
        values[free] += 0.9 * change
        if np.abs(change).max(initial=0) < 0.1:
            break
    return values
