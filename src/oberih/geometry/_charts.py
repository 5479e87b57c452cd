"""A new atlas for a mesh: faces that look the same way along an axis lie flat together.

For meshes whose own charts are too many to become coarser. Charts are connected faces whose (smoothed) normal
is nearest to the same of six axes, projected along it; what lies over something else in the projection
becomes a chart of its own. Charts are packed as rectangles on shelves, all at the same scale.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from oberih.geometry._bake import owners

__all__ = ["neighbours_of", "packed", "unfolded"]

SMOOTH = 8  # rounds in which normals take part of their neighbours'
STEEP = 0.2  # cosine to its chart's direction that a face must have
ROUNDS = 4  # in which overlaps are taken apart; then the rest is, face by face
PAD = 2  # texels around each chart

Int: TypeAlias = NDArray[np.int64]
Float: TypeAlias = NDArray[np.float64]


def neighbours_of(faces: NDArray[np.int32]) -> Int:
    """``(E, 2)`` pairs of faces that share an edge that no third has."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1).astype(np.int64)
    key = edges[:, 0] << 32 | edges[:, 1]
    order = np.argsort(key, kind="stable")
    key = key[order]
    same = np.flatnonzero(key[1:] == key[:-1])
    return np.stack([order[same] // 3, order[same + 1] // 3], axis=1)


def unfolded(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], size: int
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Texture coordinates ``(F, 3, 2)`` in 0..1 and the height and width, at most ``size``, they are for."""
    corners = vertices[faces].astype(np.float64)
    pairs = neighbours_of(faces)
    axis = directions(corners, pairs)
    label = np.abs(axis)
    chart = components(pairs, axis, len(faces))
    # In the plane of its axis: the two other coordinates, not mirrored.
    columns = np.array([[1, 2], [2, 0], [0, 1]])[label // 2]
    flat = np.take_along_axis(corners, np.repeat(columns[:, None, :], 3, axis=1), axis=2)
    flat[label % 2 == 1, :, 0] *= -1
    for turn in range(ROUNDS + 1):
        placed, extent = arranged(flat, chart, size)
        _, over = owners(placed.astype(np.float32), *extent)
        if not over.any() or turn == ROUNDS:
            break
        split = axis + 6 * over
        if turn == ROUNDS - 1:
            split = np.where(over, 12 + np.arange(len(faces)), split)
        chart = components(pairs, chart * (len(faces) + 12) + split, len(faces))
    height, width = extent
    return (placed / np.array([width, height])).astype(np.float32), extent


def directions(corners: Float, pairs: Int) -> Int:
    """``(F,)`` 0..5: the axis and sense that each face's surroundings look along."""
    own = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(own, axis=1, keepdims=True)
    unit = own / np.where(length > 0, length, 1)
    smooth = own.copy()
    for _ in range(SMOOTH):
        total = smooth.copy()
        for here, there in ((0, 1), (1, 0)):
            for k in range(3):
                total[:, k] += np.bincount(pairs[:, here], smooth[pairs[:, there], k], minlength=len(own))
        smooth = total
    axis = along(smooth).argmax(axis=1)
    steep = np.take_along_axis(along(unit), axis[:, None], axis=1)[:, 0] < STEEP
    axis[steep] = along(unit[steep]).argmax(axis=1)
    return axis


def along(normals: Float) -> Float:
    return np.stack([normals, -normals], axis=2).reshape(len(normals), 6)


def components(pairs: Int, label: Int, count: int) -> Int:
    """``(F,)``: a number for connected faces with the same label."""
    same = pairs[label[pairs[:, 0]] == label[pairs[:, 1]]]
    graph = coo_array((np.ones(len(same), bool), (same[:, 0], same[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def arranged(flat: Float, chart: Int, size: int) -> tuple[Float, tuple[int, int]]:
    """``(F, 3, 2)`` corners in texels, scaled so that all charts fit, and the height and width."""
    count = int(chart.max()) + 1
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, chart, flat.min(axis=1))
    np.maximum.at(high, chart, flat.max(axis=1))
    extent = high - low
    scale = np.sqrt(size**2 / max(extent.prod(axis=1).sum(), 1e-30))
    scale = min(scale, (size - 2 * PAD - 1) / max(extent.max(), 1e-30))
    while True:
        boxes = np.ceil(extent * scale).astype(np.int64) + 1 + 2 * PAD
        corner, height = packed(boxes, size)
        if height <= size or scale * extent.max() < 1:
            break
        scale *= 0.95
    placed = (flat - low[chart][:, None]) * scale + (corner[chart][:, None] + PAD + 0.5)
    width = int((corner[:, 0] + boxes[:, 0]).max())
    return placed, (height, width)


def packed(boxes: Int, width: int) -> tuple[Int, int]:
    """Upper left corners ``(N, 2)`` of boxes ``(N, 2)`` (width, height) on shelves, and the height of all."""
    order = np.lexsort((np.arange(len(boxes)), -boxes[:, 0], -boxes[:, 1]))
    corner = np.zeros_like(boxes)
    across, top, shelf = 0, 0, 0
    for i, (w, h) in zip(order.tolist(), boxes[order].tolist(), strict=True):
        if across + w > width and across:
            across, top = 0, top + shelf
        if not across:
            shelf = h
        corner[i] = across, top
        across += w
    return corner, top + shelf
