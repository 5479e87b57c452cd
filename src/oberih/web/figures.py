"""Numbers as pages tell them: each language groups thousands and writes decimals in its own way."""

import math
from collections.abc import Sequence
from typing import Literal

from oberih.i18n import say

__all__ = ["error", "figure", "percent", "size"]

Unit = Literal["", "mm", "m", "dB"]
SIGNIFICANT = 3


def figure(value: float | None, unit: Unit = "", digits: int | None = None) -> str:
    """``value`` with ``digits`` decimals (None: three significant digits); empty if it is not known."""
    if value is None:
        return ""
    number = say("{x:,.{d}f}", x=value, d=decimals(value) if digits is None else digits)
    return with_unit(number, unit)


def error(metres: float | None, digits: int | None = None) -> str:
    """An error: in millimetres with ``digits`` decimals, or in metres if it is one or more."""
    if metres is None or metres < 1:
        return figure(None if metres is None else 1000 * metres, "mm", digits)
    return figure(metres, "m", 1)


def percent(share: float | None) -> str:
    return "" if share is None else say("{x:.1f} %", x=100 * share)


def size(lengths: Sequence[float], unit: Unit, digits: int | None = None) -> str:
    """Length, width and height; empty if they are not known."""
    if len(lengths) != 3:
        return ""
    x, y, z = (figure(one, "", digits) for one in lengths)
    return with_unit(say("{x} × {y} × {z}", x=x, y=y, z=z), unit)


def with_unit(number: str, unit: Unit) -> str:
    match unit:
        case "mm":
            return say("{x} mm", x=number)
        case "m":
            return say("{x} m", x=number)
        case "dB":
            return say("{x} dB", x=number)
        case _:
            return number


def decimals(value: float) -> int:
    """Decimals that leave three significant digits."""
    return max(0, SIGNIFICANT - 1 - math.floor(math.log10(abs(value)))) if value else 0
