"""Charts into a rectangle: the "Tetris" packing of Lévy et al. (LSCM, 2002), on blocks of texels.

Charts fall from above onto a horizon, tallest first, each where it comes to rest lowest; their true lower
and upper outlines count, not their boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["Outline", "pack"]


@dataclass(frozen=True)
class Outline:
    """A chart in whole blocks: for each of its columns the first row used and the row after the last."""

    low: NDArray[np.int32]  # (columns,)
    high: NDArray[np.int32]  # (columns,)


def pack(outlines: Sequence[Outline], columns: int) -> tuple[NDArray[np.int32], int]:
    """Positions ``(N, 2)`` (column, row) of the charts in a strip of ``columns``, and the rows it needs."""
    horizon = np.zeros(columns, np.int32)
    places = np.zeros((len(outlines), 2), np.int32)
    tall = [(-int(outline.high.max()), -len(outline.low)) for outline in outlines]
    order = sorted(range(len(outlines)), key=lambda n: (tall[n], n))
    for n in order:
        outline = outlines[n]
        width = len(outline.low)
        rest = (sliding_window_view(horizon, width) - outline.low).max(axis=1)
        column = int(rest.argmin())
        row = int(rest[column])
        places[n] = column, row
        horizon[column : column + width] = row + outline.high
    return places, int(horizon.max(initial=0))
