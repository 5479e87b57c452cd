"""Hides a region for good: what is left of it is a handful of averaged, rounded colours.

A plain blur can be undone, and a mosaic with many tiles still tells known faces and plates apart (McPherson
et al., Defeating Image Obfuscation with Deep Learning, 2016; Hill et al., On the (In)effectiveness of
Mosaicing and Blurring, 2016). Here all pixels of a region together give at most `CELLS` mean colours, rounded
to `STEP` levels; a smooth surface through these takes their place. A plate becomes one colour, which hundreds
of thousands of numbers have in common. The rim, outside of 1.3 times what was found, fades into the
picture.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oberih.trust.redaction.regions import Kind, Region

__all__ = ["HIDDEN", "REACH", "blurred", "cells_of", "cover", "painted"]

HIDDEN = 1.3  # times a region's sides is hidden completely
REACH = 1.6  # times its sides it takes to fade out
STEP = 16  # levels of a colour that cannot be told apart afterwards
CELLS: dict[Kind, tuple[int, int]] = {"face": (2, 2), "plate": (1, 1), "by hand": (2, 2)}  # across, down

Floats = NDArray[np.float32]


def blurred(picture: NDArray[np.uint8], regions: Sequence[Region]) -> NDArray[np.uint8]:
    """``picture`` ``(H, W, 3) uint8`` with all regions hidden; pixels away from them are untouched."""
    hidden = picture.copy()
    height, width = picture.shape[:2]
    for region in regions:
        (x, y), across, down = region.centre, region.width * REACH, region.height * REACH
        left, right = max(0, int(x - across / 2)), min(width, int(np.ceil(x + across / 2)))
        top, bottom = max(0, int(y - down / 2)), min(height, int(np.ceil(y + down / 2)))
        if left >= right or top >= bottom:
            continue
        part = hidden[top:bottom, left:right]
        columns, rows = np.meshgrid(
            np.arange(left, right, dtype=np.float32) + 0.5, np.arange(top, bottom, dtype=np.float32) + 0.5
        )
        at = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32)
        part[:] = veiled(part.reshape(-1, 3), at, region).reshape(part.shape)
    return hidden


def veiled(colours: NDArray[np.uint8], at: Floats, region: Region) -> NDArray[np.uint8]:
    """``(N, 3)`` colours that lie at ``(N, 2)`` pixels, with the region hidden."""
    inside, alpha = cover(at, region)
    cells = cells_of(colours, inside, alpha, region.kind)
    return painted(colours, inside, alpha, cells)


def cover(at: Floats, region: Region) -> tuple[Floats, Floats]:
    """For ``(N, 2)`` pixels: where they lie in the hidden part (``(N, 2)``, -1..1) and how much of them is
    hidden (``(N,)``, 0..1). The outline is a rectangle with round corners (a superellipse of degree 4).
    """
    half = np.array([region.width, region.height], np.float32) * np.float32(HIDDEN / 2)
    inside = (at - np.array(region.centre, np.float32)) / np.maximum(half, 0.5)
    radius = np.sqrt(np.sqrt((inside**4).sum(axis=1)))
    fade = np.clip((REACH / HIDDEN - radius) / (REACH / HIDDEN - 1), 0, 1)
    alpha = fade * fade * (3 - 2 * fade)
    return inside.astype(np.float32), alpha.astype(np.float32)


def cells_of(colours: NDArray[np.uint8], inside: Floats, alpha: Floats, kind: Kind) -> Floats:
    """``(down, across, 3)`` rounded means of what is hidden completely, and nothing else of it."""
    across, down = CELLS[kind]
    used = alpha >= 1
    if not used.any():
        used = alpha > 0
    column, row = (
        np.clip((inside[used, axis] + 1) / 2 * count, 0, count - 1).astype(np.int64)
        for axis, count in ((0, across), (1, down))
    )
    cell = row * across + column
    count = np.bincount(cell, minlength=across * down)
    seen = colours[used].astype(np.float64)
    total = np.stack([np.bincount(cell, seen[:, k], across * down) for k in range(3)], axis=1)
    everything = total.sum(axis=0) / max(1, len(seen))
    means = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], everything)
    rounded = np.clip(np.round(means / STEP) * STEP, 0, 255)
    return rounded.reshape(down, across, 3).astype(np.float32)


def painted(colours: NDArray[np.uint8], inside: Floats, alpha: Floats, cells: Floats) -> NDArray[np.uint8]:
    """A smooth surface through the cells in place of the ``(N, 3)`` colours, as far as ``alpha`` says."""
    down, across = cells.shape[:2]
    column = np.clip((inside[:, 0] + 1) / 2 * across - 0.5, 0, across - 1).astype(np.float32)
    row = np.clip((inside[:, 1] + 1) / 2 * down - 0.5, 0, down - 1).astype(np.float32)
    x0, y0 = np.minimum(column.astype(int), max(0, across - 2)), np.minimum(row.astype(int), max(0, down - 2))
    x1, y1 = np.minimum(x0 + 1, across - 1), np.minimum(y0 + 1, down - 1)
    x, y = eased(column - x0)[:, None], eased(row - y0)[:, None]
    surface = (1 - y) * ((1 - x) * cells[y0, x0] + x * cells[y0, x1]) + y * (
        (1 - x) * cells[y1, x0] + x * cells[y1, x1]
    )
    mixed = colours + alpha[:, None] * (surface - colours)
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def eased(share: Floats) -> Floats:
    return share * share * (3 - 2 * share)
