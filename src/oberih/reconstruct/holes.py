"""Closes the smallest holes of a mesh: rims of a few edges, such as a missing cell leaves.

Larger gaps are bridged in the distance field, where it is known what was measured (see `surface`).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["close_small_holes", "rims"]

Arrays = tuple[NDArray[np.float32], NDArray[np.int32]]


def close_small_holes(vertices: NDArray[np.float32], faces: NDArray[np.int32], edges: int) -> Arrays:
    """``(V, 3)`` and ``(F, 3)`` with every rim of at most ``edges`` edges closed.

    A rim of three becomes a triangle, a longer one a fan around a new vertex in its middle. The outline of
    a small flat piece is no hole: what would close it faces against its own faces.
    """
    middles, added, count = list[NDArray[np.float32]](), list[NDArray[np.int32]](), len(vertices)
    for rim, beside in rims(faces, edges):
        corners = vertices[faces[beside]].astype(np.float64)
        around = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).sum(axis=0)
        middle = vertices[rim].mean(axis=0)
        spokes = vertices[rim].astype(np.float64) - middle
        closing = -np.cross(spokes, np.roll(spokes, -1, axis=0)).sum(axis=0)
        if closing @ around < -0.3 * np.linalg.norm(closing) * np.linalg.norm(around):
            continue
        if len(rim) == 3:
            added.append(rim[None, ::-1])
            continue
        centre = np.full(len(rim), count + len(middles), np.int32)
        middles.append(middle)
        added.append(np.stack([np.roll(rim, -1), rim, centre], axis=1))  # against the direction of the rim
    if not added:
        return vertices, faces
    points = np.concatenate([vertices, np.array(middles, np.float32).reshape(-1, 3)])
    return points, np.concatenate([faces, *added]).astype(np.int32)


def rims(faces: NDArray[np.int32], longest: int) -> list[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """Simple loops of at most ``longest`` border edges, in the direction of the faces beside them.

    Each is ``(n,)`` vertices and the ``(n,)`` faces that have the edge from each vertex to the next.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    low, high = edges.min(axis=1).astype(np.int64), edges.max(axis=1)
    key = low * (int(faces.max(initial=-1)) + 1) + high
    order = np.argsort(key)
    change = np.concatenate([[True], np.diff(key[order]) != 0, [True]])
    border = order[change[1:] & change[:-1]]  # edges of one face only
    following: dict[int, list[tuple[int, int]]] = {}
    for (a, b), face in zip(edges[border].tolist(), (border % len(faces)).tolist(), strict=True):
        following.setdefault(a, []).append((b, face))
    found = []
    while following:
        start = at = next(iter(following))
        loop, beside = list[int](), list[int]()
        while at in following:
            loop.append(at)
            nexts = following[at]
            there, face = nexts.pop()
            beside.append(face)
            if not nexts:
                del following[at]
            at = there
            if at == start:
                break
        if at == start and 3 <= len(loop) <= longest and len(set(loop)) == len(loop):
            found.append((np.array(loop, np.int32), np.array(beside)))
    return found
