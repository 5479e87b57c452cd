"""The unit of the coordinates in a LAS file, from its coordinate system; its place is of no interest here.

A coordinate system is told as well-known text (LAS 1.4, WKT 1 or 2) or as GeoTIFF keys (before). Keys may
name an entry of the EPSG register alone: for UTM and the few national grids below a metre is certain, of the
others the unit is not known.
"""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

WKT, KEYS = ("LASF_Projection", 2112), ("LASF_Projection", 34735)
LONGEST = 100_000  # characters of a text
MODEL_TYPE, PROJECTED, LINEAR, VERTICAL = 1024, 3072, 3076, 4099
UNITS = {9001: 1.0, 9002: 0.3048, 9003: 1200 / 3937, 9030: 1852.0, 9036: 1000.0}  # by EPSG code
METRIC_CODES = (
    (32601, 32660), (32701, 32760), (25828, 25838), (26901, 26923), (2154, 2154), (3857, 3857), (3395, 3395),
)  # fmt: skip


@dataclass(frozen=True)
class Units:
    """Metres of one unit across and up; None: not told. ``degrees``: longitude and latitude."""

    across: float | None = None
    up: float | None = None
    degrees: bool = False


def units(records: Mapping[tuple[str, int], bytes]) -> Units:
    """The units that a file's records tell."""
    if records.get(WKT, b"").strip(b"\0 \n"):
        return of_text(records[WKT].split(b"\0")[0].decode("utf-8", "replace")[:LONGEST])
    return of_keys(records.get(KEYS, b""))


def of_text(text: str) -> Units:
    """Of well-known text. The unit of a system is the last one in its brackets that belongs to no part."""
    horizontal = blocks(text, r"PROJCS|PROJCRS|PROJECTEDCRS|LOCAL_CS|ENGCRS|ENGINEERINGCRS|GEOCCS")
    vertical = blocks(text, r"VERT_CS|VERTCRS|VERTICALCRS")
    across = last_length(horizontal[0]) if horizontal else None
    up = last_length(vertical[0]) if vertical else None
    degrees = not horizontal and bool(blocks(text, r"GEOGCS|GEOGCRS|GEODCRS|GEOGRAPHICCRS"))
    return Units(across, up, degrees)


def blocks(text: str, names: str) -> list[str]:
    """The insides of the brackets that follow one of ``names``, without those of other systems in them."""
    found = []
    for match in list(re.finditer(rf"\b(?:{names})\s*[\[(]", text, re.IGNORECASE))[:1]:
        depth, end = 1, match.end()
        while end < len(text) and depth:
            depth += (text[end] in "[(") - (text[end] in "])")
            end += 1
        found.append(text[match.end() : end])
    return found


def last_length(text: str) -> float | None:
    """Metres of the unit that stands at the top of a system's brackets."""
    depth, last = 0, None
    for match in re.finditer(
        r'"[^"]*"|[\[(]|[\])]|\b(?:LENGTH)?UNIT\s*[\[(]\s*"([^"]*)"\s*,\s*([0-9.eE+-]+)', text
    ):
        if match[1] is not None:
            if depth == 0 or match[0].upper().startswith("LENGTHUNIT"):
                last = number(match[2])
            depth += 1
        elif match[0] in "[(":
            depth += 1
        elif match[0] in "])":
            depth -= 1
    return last


def number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 1e-4 <= value <= 1e4 else None


def of_keys(data: bytes) -> Units:
    """Of a GeoTIFF key directory: four shorts each, the first four a head."""
    words = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])
    keys = {words[i]: words[i + 3] for i in range(4, len(words) - 3, 4) if words[i + 1] == 0}
    if keys.get(MODEL_TYPE) == 2:
        return Units(None, UNITS.get(keys.get(VERTICAL, 0)), True)
    across = UNITS.get(keys.get(LINEAR, 0))
    code = keys.get(PROJECTED, 0)
    if across is None and any(low <= code <= high for low, high in METRIC_CODES):
        across = 1.0
    return Units(across, UNITS.get(keys.get(VERTICAL, 0)))
