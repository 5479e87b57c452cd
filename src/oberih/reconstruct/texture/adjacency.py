"""Which faces touch which: the graph that labels, charts and colour corrections live on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["Adjacency", "face_adjacency", "patches"]


@dataclass(frozen=True)
class Adjacency:
    """Faces that share an edge. Edge ``e`` of a face runs from its corner ``e`` to corner ``(e + 1) % 3``.

    Where more than two faces meet in an edge (not a surface there) they are paired by index.
    """

    neighbours: NDArray[np.int32]  # (F, 3) the face across each edge, -1 at a border
    back: NDArray[np.int32]  # (F, 3) the number of that edge in the neighbour, -1 at a border

    @property
    def pairs(self) -> NDArray[np.int32]:
        """``(E, 2)`` neighbouring faces, each pair once, lower index first."""
        face, edge = np.nonzero(self.neighbours > np.arange(len(self.neighbours))[:, None])
        return np.stack([face, self.neighbours[face, edge]], axis=1).astype(np.int32)

    def inner_edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Faces ``(E,)`` and edge numbers ``(E,)`` of the edges with two faces, each once."""
        face, edge = np.nonzero(self.neighbours > np.arange(len(self.neighbours))[:, None])
        return face, edge


def face_adjacency(faces: NDArray[np.int32]) -> Adjacency:
    """Neighbours of all faces, in one sort."""
    count = len(faces)
    start, end = faces.ravel(), faces[:, [1, 2, 0]].ravel()  # slot 3 * face + edge
    key = np.minimum(start, end).astype(np.int64) << 32 | np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(key[order[:-1]] == key[order[1:]])
    if len(same):
        # In a run of equal keys take the 1st with the 2nd, the 3rd with the 4th, ...
        begins = np.r_[True, np.diff(same) != 1]
        position = np.arange(len(same)) - np.maximum.accumulate(np.where(begins, np.arange(len(same)), 0))
        same = same[position % 2 == 0]
    one, other = order[same], order[same + 1]
    neighbours = np.full(3 * count, -1, np.int32)
    back = np.full(3 * count, -1, np.int32)
    neighbours[one], neighbours[other] = other // 3, one // 3
    back[one], back[other] = other % 3, one % 3
    return Adjacency(neighbours.reshape(-1, 3), back.reshape(-1, 3))


def patches(adjacency: Adjacency, labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """``(F,)`` number of the connected patch of equal labels that each face belongs to."""
    pairs = adjacency.pairs
    pairs = pairs[labels[pairs[:, 0]] == labels[pairs[:, 1]]]
    count = len(labels)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int32)
