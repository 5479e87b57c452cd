"""Vertices as glTF has them, one for each pair of a position and a texture coordinate, and the way back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oberih.geometry import Mesh

__all__ = ["split_corners", "welded"]


def split_corners(
    mesh: Mesh,
) -> tuple[NDArray[np.integer], NDArray[np.float32] | None, NDArray[np.unsignedinteger]]:
    """Corners that share a vertex and its texture coordinates become one glTF vertex.

    Returns the mesh vertex of each, its uv ``(N, 2)`` (None without a texture), and the faces. Sorted by
    vertex and, within one, by the bits of the uv, so that the result does not depend on the order of faces.
    """
    corner = mesh.faces.ravel()
    if mesh.uv is None or mesh.texture is None:
        used = np.zeros(len(mesh.vertices), bool)
        used[corner] = True
        number = np.cumsum(used) - 1
        return np.flatnonzero(used), None, compact(number[corner], int(used.sum()))
    uv = np.ascontiguousarray(mesh.uv.reshape(-1, 2), np.float32)
    both = uv.view(np.uint64).ravel()
    order = by_vertex(corner, len(mesh.vertices))
    vertex, bits = corner[order], both[order]
    starts = np.ones(len(order), bool)
    starts[1:] = vertex[1:] != vertex[:-1]
    # Few vertices lie on a seam: only their corners need sorting by uv.
    differs = ~starts
    differs[1:] &= bits[1:] != bits[:-1]
    seam = np.zeros(len(mesh.vertices), bool)
    seam[vertex[differs]] = True
    torn = np.flatnonzero(seam[vertex])
    if len(torn):
        order[torn] = order[torn][np.lexsort((bits[torn], vertex[torn]))]
        bits = both[order]
    new = starts
    new[1:] |= bits[1:] != bits[:-1]
    faces = np.empty(len(order), np.int64)
    faces[order] = np.cumsum(new) - 1
    first = order[new]
    return corner[first], uv[first], compact(faces, len(first))


def by_vertex(corner: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """The stable order of corners by their vertex, by counting (as a sparse matrix is transposed)."""
    from scipy.sparse import csr_array

    size = len(corner)
    by_corner = csr_array((np.ones(size, np.int8), corner, np.arange(size + 1)), shape=(size, count))
    return by_corner.tocsc().indices


def compact(faces: NDArray[np.integer], count: int) -> NDArray[np.unsignedinteger]:
    """``(F, 3)`` little-endian indices, as short as they may be (65535 is not allowed as an index)."""
    return faces.reshape(-1, 3).astype("<u2" if count <= 65535 else "<u4")


def welded(faces: NDArray[np.integer], *attributes: Any) -> tuple[NDArray[np.int32], list[Any]]:
    """Vertices that are equal in all ``attributes`` become one, in the order in which they first come.

    Found by a hash of their bytes; where two vertices share a hash and are not equal, they stay apart.
    """
    count = len(next(array for array in attributes if array is not None))
    key = np.zeros(count, np.uint64)
    rows = []
    for array in attributes:
        if array is None:
            continue
        plain = np.ascontiguousarray(array)
        words: NDArray[np.uint32] = plain.view(np.uint32) if plain.itemsize == 4 else plain.astype(np.uint32)
        words = words.reshape(count, -1)
        rows.append(words)
        for column in words.T:
            key = (key ^ column) * np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(29)
    order = np.argsort(key, kind="stable")
    new = np.ones(count, bool)
    new[1:] = key[order[1:]] != key[order[:-1]]
    for words in rows:
        new[1:] |= (words[order[1:]] != words[order[:-1]]).any(axis=1)
    first = order[new]
    place = np.argsort(first)
    number = np.empty(len(first), np.int32)
    number[place] = np.arange(len(first), dtype=np.int32)
    vertex = np.empty(count, np.int32)
    vertex[order] = number[np.cumsum(new) - 1]
    kept = first[place]
    return vertex[faces], [None if array is None else array[kept] for array in attributes]
