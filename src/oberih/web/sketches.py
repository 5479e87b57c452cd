"""Small drawings for pages, and what people draw: places in their cells, zones on the map."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, radians
from typing import Any

from oberih.errors import InputError
from oberih.i18n import say
from oberih.web.views import CellSketch, Zone

__all__ = ["Sketch", "geometry", "shapes", "sketch"]

SIDE, RIM = 200, 12
"""Of the drawing, in its own units."""


@dataclass(frozen=True)
class Sketch:
    """A cell in a square of `SIDE`: its corners as SVG writes points, and the place in it."""

    points: str
    place: tuple[float, float] | None


def sketch(cell: CellSketch) -> Sketch:
    """``cell`` with north up, in a local projection that is true to scale."""
    middle_lat = sum(lat for _, lat in cell.outline) / len(cell.outline)
    first_lon = cell.outline[0][0]

    def flat(point: tuple[float, float]) -> tuple[float, float]:
        lon = (point[0] - first_lon + 180) % 360 - 180  # a cell may lie across the 180th meridian
        return lon * cos(radians(middle_lat)), -point[1]

    corners = [flat(point) for point in cell.outline]
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    top, bottom = min(y for _, y in corners), max(y for _, y in corners)
    scale = (SIDE - 2 * RIM) / max(right - left, bottom - top, 1e-12)

    def drawn(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point
        return (
            round(SIDE / 2 + (x - (left + right) / 2) * scale, 1),
            round(SIDE / 2 + (y - (top + bottom) / 2) * scale, 1),
        )

    points = " ".join(f"{x},{y}" for x, y in map(drawn, corners))
    return Sketch(points, drawn(flat(cell.place)) if cell.place else None)


def shapes(zones: Iterable[Zone]) -> list[dict[str, Any]]:
    """Zones as the map's script reads them."""
    return [
        {"id": zone.id, "name": zone.name, "polygon": dict(zone.polygon), "margin": zone.margin_m}
        for zone in zones
    ]


def geometry(written: str) -> str:
    """What was written into the field of corners, as GeoJSON: it, or "latitude, longitude" on each line.

    Whether it makes sense as a zone is for `oberih.trust.zones` to say. Raises `InputError`.
    """
    if written.lstrip().startswith("{"):
        return written
    ring = []
    for number, line in enumerate(written.splitlines(), 1):
        parts = [part for part in re.split(r"[,;\s]+", line) if part]
        if not parts:
            continue
        try:
            latitude, longitude = map(float, parts)
        except ValueError:
            raise InputError(
                say("Line {line} is not latitude and longitude.", line=number),
                say("One corner on each line: latitude, longitude. Or paste GeoJSON."),
            ) from None
        ring.append([longitude, latitude])
    return json.dumps({"type": "Polygon", "coordinates": [[*ring, *ring[:1]]]})
