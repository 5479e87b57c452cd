"""Polygons to triangles: a fan where that is right, ears cut off where the polygon is not convex.

Ear clipping: Meisters, Polygons have ears, American Mathematical Monthly 82, 1975.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["triangulated"]

MOST_CORNERS = 500  # of a polygon whose ears are cut; larger ones become fans (cutting is quadratic)
MOST_CUT = 20_000  # polygons whose ears are cut


def triangulated(
    counts: NDArray[np.int64], positions: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``counts`` ``(P,)``: corners of each polygon; those with fewer than 3 give nothing. ``positions``
    ``(sum(counts), 3)`` of the corners, polygon after polygon; without them all become fans.

    Returns ``(T, 3)`` numbers of corners, and the polygon of each triangle ``(T,)``.
    """
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(counts) else np.zeros(0, np.int64)
    triangles = np.maximum(counts - 2, 0)
    polygon = np.repeat(np.arange(len(counts)), triangles)
    first = np.repeat(np.cumsum(triangles) - triangles, triangles)
    number = np.arange(len(polygon)) - first
    start = starts[polygon]
    fans = np.stack([start, start + number + 1, start + number + 2], axis=1)
    if positions is None or not (counts > 3).any():
        return fans, polygon
    hollow = np.flatnonzero(np.bincount(polygon, turned_away(fans, polygon, positions), len(counts)) > 0)
    hollow = hollow[(counts[hollow] > 3) & (counts[hollow] <= MOST_CORNERS)][:MOST_CUT]
    offsets = np.cumsum(triangles) - triangles
    for one in hollow:
        begin, count = int(starts[one]), int(counts[one])
        ears = cut(positions[begin : begin + count])
        if ears is not None:
            fans[offsets[one] : offsets[one] + count - 2] = ears + begin
    return fans, polygon


def turned_away(
    fans: NDArray[np.int64], polygon: NDArray[np.int64], positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``(T,)`` 1 where a triangle of a fan looks another way than its polygon."""
    a, b, c = (positions[fans[:, i]] for i in range(3))
    normals = np.cross(b - a, c - a)
    whole = np.stack([np.bincount(polygon, normals[:, axis]) for axis in range(3)], axis=1)
    return ((normals * whole[polygon]).sum(axis=1) < 0).astype(np.float64)


def cut(corners: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """``(n - 2, 3)`` triangles of one polygon ``(n, 3)``; None if it has no ear (it crosses itself)."""
    following = np.roll(corners, -1, axis=0)
    normal = np.cross(corners, following).sum(axis=0)
    axis = int(np.abs(normal).argmax())
    flat = np.delete(corners, axis, axis=1)
    if (normal[axis] < 0) != (axis == 1):  # leaving out y mirrors the plane
        flat = flat * (1, -1)
    left = list(range(len(flat)))
    ears = []
    while len(left) > 3:
        for number in range(len(left)):
            before, here, after = left[number - 1], left[number], left[(number + 1) % len(left)]
            a, b, c = flat[before], flat[here], flat[after]
            if side(a, b, c) <= 0:
                continue
            rest = flat[[one for one in left if one not in (before, here, after)]]
            inside = (side(a, b, rest) >= 0) & (side(b, c, rest) >= 0) & (side(c, a, rest) >= 0)
            if not np.any(inside):
                ears.append((before, here, after))
                del left[number]
                break
        else:
            return None
    return np.array([*ears, tuple(left)], np.int64)


def side(a: NDArray[np.float64], b: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positive where ``p`` is left of the line from ``a`` to ``b``."""
    return np.asarray((b[0] - a[0]) * (p[..., 1] - a[1]) - (b[1] - a[1]) * (p[..., 0] - a[0]))
