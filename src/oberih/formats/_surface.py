"""What readers do alike: polygons become triangles, equal vertices one, and what cannot be is left out."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats._polygons import triangulated
from oberih.formats.reading import DAMAGED
from oberih.i18n import say

__all__ = ["as_triangles", "broken", "compacted", "merged", "sound_faces", "sound_points"]

FARTHEST = 1e15  # a coordinate beyond is as good as none


def broken(path: Path, problem: str) -> UnreadableModel:
    """The error for a file that is not what it should be; ``problem`` is no whole sentence."""
    return UnreadableModel(say("{path} is damaged: {problem}.", path=path.name, problem=problem), DAMAGED)


def finite(vertices: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(vertices) < FARTHEST).all(axis=1))  # false for NaN


def sound_faces(
    path: Path,
    vertices: NDArray[np.float64],
    counts: NDArray[np.int64],
    corners: NDArray[np.int64],
    notes: list[str],
) -> NDArray[np.bool_]:
    """Which polygons have three corners or more, all of them vertices that are somewhere.

    ``counts (N,)`` corners of each; ``corners (sum,)``. Raises `UnreadableModel` if no polygon is sound
    though there are some.
    """
    good = counts >= 3
    if not len(counts) or not good.any():
        return good
    inside = (corners >= 0) & (corners < len(vertices))
    if not inside.all():
        out = np.zeros(len(counts), bool)
        out[np.repeat(np.arange(len(counts)), counts)[~inside]] = True
        lost = int((out & good).sum())
        good &= ~out
        if not good.any():
            raise broken(path, say("its faces name vertices that it does not have"))
        if lost:
            notes.append(
                say(
                    "{count} face was left out: it names vertices that the file does not have.",
                    "{count} faces were left out: they name vertices that the file does not have.",
                    count=lost,
                )
            )
    there = finite(vertices)
    if not there.all():
        out = np.zeros(len(counts), bool)
        bad = ~there[np.where(inside, corners, 0)] & inside
        out[np.repeat(np.arange(len(counts)), counts)[bad]] = True
        lost = int((out & good).sum())
        good &= ~out
        if not good.any():
            raise broken(path, nowhere(vertices[~there]))
        if lost:
            notes.append(
                say(
                    "{count} face was left out: its coordinates are no numbers.",
                    "{count} faces were left out: their coordinates are no numbers.",
                    count=lost,
                )
            )
    return good


def nowhere(vertices: NDArray[np.float64]) -> str:
    """Why these vertices are not `finite`."""
    if np.isfinite(vertices).all():
        return say("its coordinates are too large")
    return say("its coordinates are no numbers")


def sound_points(path: Path, points: NDArray[np.float64], notes: list[str]) -> NDArray[np.bool_]:
    """Which points are somewhere. Raises `UnreadableModel` if there are points and none is."""
    there = finite(points)
    lost = int((~there).sum())
    if lost and lost == len(points):
        raise broken(path, nowhere(points[~there]))
    if lost:
        notes.append(
            say(
                "{count} point was left out: its coordinates are no numbers.",
                "{count} points were left out: their coordinates are no numbers.",
                count=lost,
            )
        )
    return there


def compacted(count: int, faces: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Which of ``count`` vertices the faces use, and the faces with those counted through."""
    used = np.zeros(count, bool)
    used[faces.ravel()] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    return np.flatnonzero(used), number[faces].astype(np.int32)


def merged(vertices: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices that are exactly equal become one. Returns them in the order in which they first come, and for
    each of the old ones its number.
    """
    if not len(vertices):
        return vertices, np.zeros(0, np.int32)
    plain = np.ascontiguousarray(vertices, np.float32) + np.float32(0)  # -0 is 0
    words = plain.view(np.uint32).astype(np.uint64)
    # One sort of 64 bits in the place of one of 96; what it mixes up is seen by comparing.
    mixed = words[:, 0] * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= words[:, 1] * np.uint64(0xC2B2AE3D27D4EB4F) + (mixed >> np.uint64(29))
    mixed ^= words[:, 2] * np.uint64(0x165667B19E3779F9) + (mixed >> np.uint64(32))
    del words
    order = np.argsort(mixed)
    same = same_as_before(plain, order)
    if (~same & (mixed[order[1:]] == mixed[order[:-1]])).any():
        order = np.lexsort(plain.T)
        same = same_as_before(plain, order)
    new = np.concatenate([[True], ~same])
    group = np.cumsum(new) - 1
    first = np.minimum.reduceat(order, np.flatnonzero(new))
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    number = np.empty(len(order), np.int32)
    number[order] = rank[group]
    return plain[np.sort(first)], number


def same_as_before(plain: NDArray[np.float32], order: NDArray[np.intp]) -> NDArray[np.bool_]:
    same = np.ones(len(order) - 1, bool)
    for axis in range(3):
        sorted_ones = plain[:, axis][order]
        same &= sorted_ones[1:] == sorted_ones[:-1]
    return same


def as_triangles(
    counts: NDArray[np.int64], corners: NDArray[np.int64], vertices: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``(T, 3)`` places in ``corners``, and the polygon of each triangle ``(T,)``; see `triangulated`."""
    if counts.max() == 3:
        return (np.cumsum(counts) - counts)[:, None] + np.arange(3), np.arange(len(counts))
    return triangulated(counts, vertices[corners] - vertices[corners[0]])
