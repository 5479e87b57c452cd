"""Many numbers as text, and many numbers out of text, at the speed of arrays.

A million triangles are some ten million numbers. Formatting them one by one takes Python many seconds; here
four digits at a time come from a table, all rows at once, and unused places are cut out at the end.
"""

import math
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from oberih.errors import InputError
from oberih.progress import Progress

__all__ = ["decimals_for", "numbers", "put_rows", "rows"]

CHUNK = 1 << 14  # rows at a time: the working arrays stay in the processor's cache
EXACT_DIGITS = 9  # what brings a float32 back
LARGEST = 1e18


def table() -> NDArray[np.uint32]:
    """Four digits in four bytes: as they are, without zeros in front, without zeros at the end, and without
    zeros in front but for a last one. A byte that is not used is zero.
    """
    number = np.arange(10_000)
    digits = np.stack([number // 10**power % 10 for power in (3, 2, 1, 0)], axis=1).astype(np.uint8)
    plain = digits + ord("0")
    led = np.where(np.cumsum(digits, axis=1) > 0, plain, 0)
    trailed = np.where(np.cumsum(digits[:, ::-1], axis=1)[:, ::-1] > 0, plain, 0)
    counted = led.copy()
    counted[0, 3] = ord("0")
    both = np.concatenate([plain, led, trailed, counted]).astype(np.uint8)
    return np.ascontiguousarray(both).view(np.uint32).ravel()


TABLE = table()
LED, TRAILED, COUNTED = 10_000, 20_000, 30_000

Piece = bytes | tuple[NDArray[np.generic], int]


def decimals_for(values: NDArray[np.floating]) -> int:
    """How many decimals keep ``values`` as exact as float32 holds the largest of them.

    Raises `InputError` if there are any that are no numbers.
    """
    if not values.size:
        return 0
    largest = max(abs(float(values.min())), abs(float(values.max())))
    if not largest < LARGEST:
        raise InputError(
            "The model has coordinates that are no numbers.", "Repair the model, then export it again."
        )
    if largest == 0:
        return 0
    return min(max(EXACT_DIGITS - 1 - math.floor(math.log10(largest)), 0), 18)


def rows(count: int, pieces: list[Piece]) -> bytes:
    """``count`` rows of text. Pieces stand one after another in each: bytes as they are, and
    ``(values (count,), decimals)`` as numbers. Nothing stands between them but what is given.
    """
    plan: list[tuple[str, str | tuple[str, int], NDArray[np.generic] | bytes]] = []
    for piece in pieces:
        name = f"p{len(plan)}"
        if isinstance(piece, bytes):
            plan.append((name, f"S{len(piece)}", piece))
        else:
            for number, (kind, column) in enumerate(digits(*piece)):
                plan.append((f"{name}_{number}", kind, column))
    out = np.empty(count, np.dtype([(name, kind) for name, kind, _ in plan]))
    for name, _, values in plan:
        out[name] = values
    return out.tobytes().translate(None, b"\0")


def digits(values: NDArray[np.generic], decimals: int) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """The columns of bytes of one column of numbers."""
    whole: NDArray[np.int64]
    if values.dtype.kind == "f":
        whole = np.rint(values.astype(np.float64) * 10.0**decimals).astype(np.int64)
    else:
        whole = values.astype(np.int64) * 10**decimals
    if whole.size and whole.min() < 0:
        yield "u1", np.where(whole < 0, np.uint8(ord("-")), np.uint8(0))
        whole = np.abs(whole)
    fraction: list[NDArray[np.uint32]] = []
    if decimals:
        groups = -(-decimals // 4)
        unit = 10**decimals
        whole, low = np.divmod(whole, unit)
        low *= 10 ** (4 * groups - decimals)
        below = np.zeros(len(low), bool)
        for _ in range(groups):
            low, group = np.divmod(low, 10_000)
            fraction.insert(0, TABLE[np.where(below, group, group + TRAILED)])
            below |= group > 0
    largest = int(whole.max()) if whole.size else 0
    integer: list[NDArray[np.uint32]] = []
    for number in range(-(-len(str(largest)) // 4)):
        rest = whole // 10_000
        group = whole - rest * 10_000
        integer.insert(0, TABLE[np.where(rest > 0, group, group + (LED if number else COUNTED))])
        whole = rest
    yield from (("u4", column) for column in integer)
    if fraction:
        yield "u1", np.where(below, np.uint8(ord(".")), np.uint8(0))
        yield from (("u4", column) for column in fraction)


def put_rows(
    file: BinaryIO, count: int, pieces: Callable[[slice], list[Piece]], progress: Progress | None = None
) -> None:
    """Write ``count`` rows, some thousands at a time; ``pieces`` gives those of some."""
    for first in range(0, count, CHUNK):
        some = slice(first, min(first + CHUNK, count))
        file.write(rows(some.stop - some.start, pieces(some)))
        if progress is not None:
            progress.check()


def numbers(text: bytes, dtype: type = np.float64) -> NDArray[np.generic]:
    """All numbers of ``text``, between blanks. Raises `ValueError` if there is anything else in it."""
    if not text or text.isspace():
        return np.zeros(0, dtype)
    return np.fromstring(text, dtype, sep=" ")  # type: ignore[no-any-return, unused-ignore]
