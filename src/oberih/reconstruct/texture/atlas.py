"""Charts and where they lie in the texture.

A chart is a connected patch of faces painted by one view. Its shape in the atlas is its projection into
that view times one scale for all charts: at most 1 (no texel is finer than the photo's pixel), less if
the atlas would not fit otherwise. Faces that no photo sees get a cell of 4 x 4 texels each, at the end.

Texel coordinates follow the image convention: the centre of texel [row, col] is (col + 0.5, row + 0.5).
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc"

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry import Mesh, View
from oberih.reconstruct.texture.adjacency import Adjacency, patches
from oberih.reconstruct.texture.packing import Outline, pack

__all__ = ["CELL", "PADDING", "Atlas", "lay_out"]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

CELL = 4  # texels: granularity of the packing and side of the cell of an unseen face
PADDING = 4  # texels around every chart, so that the next one is at least 8 away
SPARSE, SPARSE_PX = 0.45, 160.0  # charts that fill less of their box than this are cut, if larger
FILL = 0.8  # expected share of the atlas that charts use


@dataclass(frozen=True)
class Atlas:
    """The layout of a texture."""

    width: int
    height: int
    scale: float  # texels per photo pixel
    corners: NDArray[np.float32]  # (F, 3, 2) texel coordinates of the face corners
    chart: NDArray[np.int32]  # (F,) chart of each face, -1: unseen
    boxes: NDArray[np.int32]  # (C, 4) left, top, right, bottom of each chart with its padding, texels

    @property
    def uv(self) -> NDArray[np.float32]:
        """``(F, 3, 2)`` in 0..1, v down."""
        return (self.corners / np.array([self.width, self.height], np.float32)).astype(np.float32)


def lay_out(
    mesh: Mesh,
    adjacency: Adjacency,
    labels: NDArray[np.int32],
    views: Sequence[View],
    max_size: int,
    max_scale: float = 1.0,
) -> Atlas:
    """Cut the mesh into charts and pack them into at most ``max_size`` x ``max_size`` texels."""
    seen = np.flatnonzero(labels >= 0)
    unseen = np.flatnonzero(labels < 0)
    chart = np.full(len(labels), -1, np.int32)
    chart[seen] = np.unique(patches(adjacency, labels)[seen], return_inverse=True)[1]
    pixels = projected(mesh, labels, views)
    chart = divided(chart, pixels, adjacency)
    count = int(chart.max(initial=-1)) + 1
    low, high = bounds(pixels[seen], chart[seen], count)
    # Lie down: charts wider than tall.
    upright = (high - low)[:, 1] > (high - low)[:, 0]
    turned = seen[upright[chart[seen]]]
    pixels[turned] = pixels[turned][..., ::-1] * (1, -1)
    low, high = bounds(pixels[seen], chart[seen], count)
    low = np.floor(low)
    pixels[seen] -= low[chart[seen]][:, None]
    size = high - low

    used = float((size.prod(axis=1)).sum())
    scale = max_scale
    while True:
        area = used * scale**2 + (size.sum(axis=1) * scale * 2 * PADDING).sum() + CELL**2 * len(unseen)
        widest = float(size[:, 0].max(initial=1)) * scale + 2 * PADDING
        widest = CELL * (np.floor(widest / CELL) + 1)  # in whole blocks, as its outline
        width = min(max_size, ceil_to(max(np.sqrt(area / FILL), widest, 64), 64))
        local = (pixels * scale + PADDING).astype(np.float32)
        if widest <= width:
            outlines = outline(local[seen], chart[seen], (size * scale + 2 * PADDING))
            places, rows = pack(outlines, width // CELL)
            rows += -(-len(unseen) // (width // CELL))
            height = rows * CELL
            if height <= max_size:
                break
            scale *= min(0.97, np.sqrt(max_size / height) * 0.995)
        else:
            scale *= min(0.97, (max_size - CELL - 2 * PADDING) / (widest - 2 * PADDING))
    local[seen] += CELL * places[chart[seen]][:, None].astype(np.float32)
    place_cells(local, unseen, mesh, width, height)
    boxes = np.concatenate([CELL * places, CELL * places + np.ceil(size * scale + 2 * PADDING)], axis=1)
    return Atlas(width, max(height, CELL), float(scale), local, chart, boxes.astype(np.int32))


def projected(mesh: Mesh, labels: NDArray[np.int32], views: Sequence[View]) -> NDArray[np.float64]:
    """``(F, 3, 2)`` pixels of the face corners in the view that paints the face."""
    pixels = np.zeros((len(labels), 3, 2))
    order = np.argsort(labels, kind="stable")
    begins = np.searchsorted(labels[order], np.arange(len(views) + 1))
    for index, view in enumerate(views):
        faces = order[begins[index] : begins[index + 1]]
        corners = mesh.vertices[mesh.faces[faces]].reshape(-1, 3).astype(np.float64)
        pixels[faces] = view.project(corners)[0].reshape(-1, 3, 2)
    return pixels


def divided(chart: NDArray[np.int32], pixels: NDArray[np.float64], adjacency: Adjacency) -> NDArray[np.int32]:
    """Cut charts that fill little of their box (rings, hooks) in halves, again and again.

    The cut runs through one photo: unlike a seam between two it cannot be seen.
    """
    seen = np.flatnonzero(chart >= 0)
    a, b, c = (pixels[:, i] for i in range(3))
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    area = np.abs(ux * vy - uy * vx) / 2
    middle = pixels.mean(axis=1)
    for _ in range(6):
        count = int(chart.max(initial=-1)) + 1
        low, high = bounds(pixels[seen], chart[seen], count)
        size = high - low
        used = np.bincount(chart[seen], area[seen], count)
        sparse = (used < SPARSE * size.prod(axis=1)) & (size.max(axis=1) > SPARSE_PX)
        cut = seen[sparse[chart[seen]]]
        if not len(cut):
            break
        mine = chart[cut]
        axis = (size[:, 1] > size[:, 0]).astype(np.int64)[mine]
        beyond = middle[cut, axis] > (low + high)[mine, axis] / 2
        part = 2 * chart
        part[cut] += beyond
        chart = np.full_like(chart, -1)
        chart[seen] = np.unique(patches(adjacency, part)[seen], return_inverse=True)[1]
    return chart


def bounds(
    pixels: NDArray[np.float64], chart: NDArray[np.int32], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and largest coordinates ``(C, 2)`` of each chart."""
    if not count:
        return np.zeros((0, 2)), np.zeros((0, 2))
    order = np.argsort(chart, kind="stable")
    begins = np.searchsorted(chart[order], np.arange(count))
    low = np.minimum.reduceat(pixels.min(axis=1)[order], begins)
    high = np.maximum.reduceat(pixels.max(axis=1)[order], begins)
    return low, high


def outline(local: NDArray[np.float32], chart: NDArray[np.int32], size: NDArray[np.float64]) -> list[Outline]:
    """Outlines of the charts in blocks of `CELL` texels, padding included."""
    columns = (np.floor(size[:, 0] / CELL) + 1).astype(np.int64)
    starts = np.r_[0, np.cumsum(columns)]
    low = wp.full(int(starts[-1]), 1 << 30, dtype=wp.int32, device="cpu")
    high = wp.zeros(int(starts[-1]), dtype=wp.int32, device="cpu")
    wp.launch(
        grow_outline,
        dim=len(local),
        inputs=[
            wp.array(local, dtype=wp.vec2, device="cpu"),
            wp.array(starts[chart].astype(np.int32), dtype=wp.int32, device="cpu"),
            wp.array((columns[chart] - 1).astype(np.int32), dtype=wp.int32, device="cpu"),
        ],
        outputs=[low, high],
        device="cpu",
    )
    lows, highs = low.numpy(), high.numpy()
    empty = highs == 0  # a column between the faces of a chart, if any: keep it free
    lows[empty], highs[empty] = 0, 1
    return [Outline(lows[a:b], highs[a:b]) for a, b in pairwise(starts)]


@wp.kernel
def grow_outline(
    local: wp.array2d(dtype=wp.vec2),
    start: wp.array(dtype=wp.int32),
    last: wp.array(dtype=wp.int32),
    low: wp.array(dtype=wp.int32),
    high: wp.array(dtype=wp.int32),
):
    i = wp.tid()
    a = local[i, 0]
    b = local[i, 1]
    c = local[i, 2]
    pad = float(PADDING)
    block = float(CELL)
    left = wp.int32((wp.min(a[0], wp.min(b[0], c[0])) - pad) / block)
    right = wp.int32((wp.max(a[0], wp.max(b[0], c[0])) + pad) / block)
    top = wp.int32((wp.min(a[1], wp.min(b[1], c[1])) - pad) / block)
    bottom = wp.int32((wp.max(a[1], wp.max(b[1], c[1])) + pad) / block) + 1
    right = wp.min(right, last[i])  # single precision may round up into the next chart
    for column in range(left, right + 1):
        wp.atomic_min(low, start[i] + column, top)
        wp.atomic_max(high, start[i] + column, bottom)


def place_cells(
    local: NDArray[np.float32], unseen: NDArray[np.int64], mesh: Mesh, width: int, height: int
) -> None:
    """Give each unseen face a cell in the last rows; neighbours in space come near each other."""
    if not len(unseen):
        return
    middle = mesh.vertices[mesh.faces[unseen]].mean(axis=1)
    order = unseen[np.argsort(morton(middle), kind="stable")]
    across = width // CELL
    rows = -(-len(unseen) // across)
    number = np.arange(len(order))
    corner = np.stack([number % across, number // across + height // CELL - rows], axis=1) * CELL
    triangle = np.array([[0.5, 0.5], [CELL - 0.5, 0.5], [0.5, CELL - 0.5]], np.float32)
    local[order] = corner[:, None] + triangle


def morton(points: NDArray[np.float32]) -> NDArray[np.uint64]:
    """``(N,)`` codes that order points along a space-filling curve."""
    low = points.min(axis=0)
    extent = max(float((points.max(axis=0) - low).max()), 1e-30)
    grid = ((points - low) / extent * 1023).astype(np.uint64)
    code = np.zeros(len(points), np.uint64)
    for bit in range(10):
        for axis in range(3):
            code |= (grid[:, axis] >> np.uint64(bit) & np.uint64(1)) << np.uint64(3 * bit + axis)
    return code


def ceil_to(value: float, step: int) -> int:
    return int(-(-value // step)) * step
