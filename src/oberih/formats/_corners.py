"""From faces whose corners have a position, a normal and a colour each of their own to one index for all.

COLLADA, 3MF and OBJ count positions, normals and colours separately; a `Mesh` has them per vertex. Where
all corners of a position agree, it stays one vertex, so that the surface stays connected; where they do not
(a hard edge, two colours side by side), there is a vertex for each.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["one_index"]


def one_index(
    position: NDArray[np.int64], *others: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[NDArray[np.int64]]]:
    """All are ``(C,)`` indices of corners.

    Returns the vertex of each corner ``(C,)``, the position of each vertex ``(V,)`` and, for each of
    ``others``, its index at each vertex ``(V,)``. Positions that no corner has are left out.
    """
    used, key = np.unique(position, return_inverse=True)
    count = len(used)
    for other in others:
        if len(other) == 0:
            continue
        first = np.zeros(count, np.int64)
        first[key] = other
        if np.array_equal(first[key], other):
            continue
        values, inner = np.unique(other, return_inverse=True)
        pairs, key = np.unique(key * len(values) + inner, return_inverse=True)
        count = len(pairs)
    corner = np.zeros(count, np.int64)  # of each vertex, one that has it
    corner[key] = np.arange(len(key))
    return key, position[corner], [other[corner] for other in others]
