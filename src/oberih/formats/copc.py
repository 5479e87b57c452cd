"""COPC: a LAZ file that is also an octree, so that a viewer on the web fetches the parts it shows.

Each node of the octree is one chunk of the LAZ file. A node keeps one point in each cell of a grid of 128
cells a side and leaves the others to its children; a node of few points keeps all. Points of equal input are
chosen in the same way each time.

Specification: COPC 1.0, https://copc.io
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lazrs  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from oberih.formats import las
from oberih.formats.las._header import evlr, frame_vlr, gridded, header_bytes, point_records, vlr
from oberih.formats.model import Model, points_of, z_up
from oberih.formats.writing import whole_file
from oberih.progress import Progress

__all__ = ["read", "write"]

CELLS_BITS = 7  # 128 cells a side
LEAF = 30_000  # a node of up to so many points keeps them all
DEEPEST = 13  # cells of 21 bits a side
INFO_BYTES = 160
ENTRY = np.dtype([("key", "<i4", 4), ("offset", "<u8"), ("bytes", "<i4"), ("points", "<i4")])

read = las.read


@dataclass(frozen=True)
class Node:
    """One chunk: ``key`` is level, x, y, z; ``points`` are numbers of points."""

    key: tuple[int, int, int, int]
    points: NDArray[np.int64]


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the points as COPC."""
    cloud = points_of(model)
    grid, scale = gridded(z_up(cloud.points))
    # The cube begins at the lowest corner of the points: the specification lets it lie anywhere around them,
    # but some readers take it from there.
    low = grid.min(axis=0).astype(np.int64) if len(grid) else np.zeros(3, np.int64)
    span = max(int((grid.max(axis=0) - low).max()), 1) if len(grid) else 1
    half = span * scale / 2
    middle = low * scale + half
    laz = lazrs.LazVlr.new_for_compression(7, 0, True)
    rest = [vlr("laszip encoded", 22204, bytes(laz.record_data())), frame_vlr()]
    with whole_file(path) as part, part.open("w+b") as file:
        empty = [vlr("copc", 1, bytes(INFO_BYTES), "COPC info"), *rest]
        file.write(header_bytes(grid, scale, vlrs=empty, compressed=True))
        data_at = file.tell()
        packer = lazrs.LasZipCompressor(file, laz)
        keys: list[tuple[int, int, int, int]] = []
        for node in octree(grid, low, span):
            progress.check()
            records = point_records(
                grid[node.points],
                None if cloud.colours is None else cloud.colours[node.points],
                None if cloud.intensity is None else cloud.intensity[node.points],
            )
            if keys:
                packer.finish_current_chunk()  # done() ends the last: ended twice, an empty one follows
            packer.compress_many(records.view(np.uint8))
            keys.append(node.key)
        packer.done()
        entries = hierarchy(file, laz, data_at, keys)
        hierarchy_at = file.seek(0, 2)
        file.write(evlr("copc", 1000, entries.tobytes(), "COPC hierarchy"))
        info = struct.pack(
            "<5d2Q2d", *middle, half, half * 2 / (1 << CELLS_BITS), hierarchy_at + 60, entries.nbytes, 0, 0
        ).ljust(INFO_BYTES, b"\0")
        head = header_bytes(
            grid,
            scale,
            vlrs=[vlr("copc", 1, info, "COPC info"), *rest],
            compressed=True,
            evlrs_at=hierarchy_at,
        )
        file.seek(0)
        file.write(head)


def hierarchy(
    file: Any, laz: lazrs.LazVlr, data_at: int, keys: list[tuple[int, int, int, int]]
) -> NDArray[np.void]:
    """The one page of the hierarchy, with the place of each chunk from the table that lazrs wrote."""
    entries = np.zeros(len(keys), ENTRY)
    file.flush()
    file.seek(data_at)
    table = lazrs.read_chunk_table(file, laz) if keys else []
    place = data_at + 8  # before the chunks stands where their table is
    for entry, key, (points, size) in zip(entries, keys, table, strict=True):
        entry["key"], entry["offset"], entry["bytes"], entry["points"] = key, place, size, points
        place += size
    return entries


def octree(grid: NDArray[np.int32], low: NDArray[np.int64], span: int) -> Iterator[Node]:
    """The nodes, parents first, each point in one. The cube reaches from ``low`` by ``span`` steps."""
    # Points in an order that has nothing to do with their place, so that those of a cell are picked evenly.
    left = np.random.default_rng(0).permutation(len(grid))
    level = 0
    while len(left):
        side = 1 << (level + CELLS_BITS)
        cell = np.minimum((grid[left] - low) * side // span, side - 1)
        node = packed(cell >> CELLS_BITS)
        nodes, of_node, count = np.unique(node, return_inverse=True, return_counts=True)
        taken = (count <= LEAF)[of_node] if level < DEEPEST else np.ones(len(left), bool)
        crowded = np.flatnonzero(~taken)
        _, first = np.unique(packed(cell[crowded]), return_index=True)
        taken[crowded[first]] = True
        chosen = np.flatnonzero(taken)
        order = chosen[np.lexsort((left[chosen], of_node[chosen]))]
        bounds = np.searchsorted(of_node[order], np.arange(len(nodes) + 1))
        for number, name in enumerate(nodes.tolist()):
            inside = left[order[bounds[number] : bounds[number + 1]]]
            yield Node((level, name >> 42, name >> 21 & 0x1FFFFF, name & 0x1FFFFF), inside)
        left = left[~taken]
        level += 1


def packed(cell: NDArray[np.int64]) -> NDArray[np.int64]:
    return cell[:, 0] << 42 | cell[:, 1] << 21 | cell[:, 2]
