"""Where nobody may be led and nothing is shown unseen: danger zones, with a reason and from when until when.

A zone is a GeoJSON Polygon or MultiPolygon (RFC 7946: WGS 84 degrees, longitude first, edges straight in
longitude and latitude), holes and all. Its border belongs to it. A margin in metres makes every zone larger,
for places that are not known exactly and for people who stand beside what they record.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping

from oberih.errors import InputError
from oberih.i18n import say
from oberih.trust.cells import TruePlace

__all__ = ["Zone", "Zones"]

MOST_BYTES = 4 << 20
MOST_VERTICES = 20_000
MOST_PARTS = 1_000  # polygons and holes
WIDEST_DEG = 180.0  # what seems wider goes round the other way
MOST_MARGIN_M = 100_000.0
MOST_REASON = 2_000  # characters
# WGS 84
EQUATOR_M = 6_378_137.0
ECCENTRICITY2 = 6.694379990141e-3


@dataclass(frozen=True)
class Zone:
    """One danger zone. Both days belong to it; None is always."""

    name: str  # by which the caller knows it
    area: Polygon | MultiPolygon
    reason: str
    first_day: date | None = None
    last_day: date | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip() or len(self.reason) > MOST_REASON:
            raise InputError(
                "The zone has no reason, or a very long one.",
                "Say in a sentence or two why people must keep out.",
            )
        if self.first_day and self.last_day and self.last_day < self.first_day:
            raise InputError(
                "The zone ends before it begins.", "Set the last day to the first or a later one."
            )

    @classmethod
    def from_geojson(
        cls, name: str, geometry: str | bytes | Mapping[str, Any], reason: str,
        first_day: date | None = None, last_day: date | None = None,
    ) -> Self:  # fmt: skip
        """A zone of a GeoJSON geometry. Raises `InputError`, which says what is wrong with it and where."""
        return cls(name, area_of(geometry), reason, first_day, last_day)

    @property
    def geojson(self) -> dict[str, Any]:
        """The geometry, as it came."""
        return dict(mapping(self.area))

    def on(self, day: date) -> bool:
        """Whether it holds on a day (of a moment: on its date, as its clock shows it)."""
        day = day.date() if isinstance(day, datetime) else day
        return (self.first_day or day) <= day <= (self.last_day or day)


class Zones:
    """Danger zones, indexed: made once, asked often, never changed."""

    def __init__(self, zones: Iterable[Zone]) -> None:
        self._zones = tuple(zones)
        self._areas = np.array([zone.area for zone in self._zones], object)
        shapely.prepare(self._areas)
        self._tree = shapely.STRtree(self._areas)

    def __len__(self) -> int:
        return len(self._zones)

    def __iter__(self) -> Iterator[Zone]:
        return iter(self._zones)

    def containing(
        self, latitude_deg: float, longitude_deg: float, when: date, margin_m: float = 0.0
    ) -> tuple[Zone, ...]:
        """The zones that hold on a day and contain a place, or come within ``margin_m`` metres of it.

        A place on the border is inside. Distances are within 0.5 % of those on the ellipsoid.
        Raises `InputError` if it is no place, or the margin is not within 0 to 100 km.
        """
        TruePlace(latitude_deg, longitude_deg)
        if not 0 <= margin_m <= MOST_MARGIN_M:
            raise InputError("The margin is not within 0 to 100 km.", "Give it in metres.")
        found: set[int] = set()
        for longitude in turns(latitude_deg, longitude_deg, margin_m):
            point = shapely.Point(longitude, latitude_deg)
            found |= set(self._tree.query(point, predicate="intersects").tolist())
            if margin_m > 0:
                east, north = margin_deg(latitude_deg, margin_m)
                around = shapely.box(
                    longitude - east, latitude_deg - north, longitude + east, latitude_deg + north
                )
                near = sorted(set(self._tree.query(around).tolist()) - found)
                found |= {n for n in near if distance_m(self._areas[n], point) <= margin_m}
        return tuple(self._zones[n] for n in sorted(found) if self._zones[n].on(when))


def turns(latitude: float, longitude: float, margin_m: float) -> Iterator[float]:
    """The longitudes by which zones on this side and beyond the antimeridian know the place."""
    yield longitude
    east, _ = margin_deg(latitude, margin_m)
    if longitude + east >= 180:
        yield longitude - 360
    if longitude - east <= -180:
        yield longitude + 360


def scale(latitude: float) -> tuple[float, float]:
    """Metres in a degree of longitude and of latitude, on the ellipsoid."""
    sine = math.sin(math.radians(latitude))
    shrunk = 1 - ECCENTRICITY2 * sine**2
    degree = math.radians(1)
    east = EQUATOR_M / math.sqrt(shrunk) * math.cos(math.radians(latitude))
    return max(east, 1e-6) * degree, EQUATOR_M * (1 - ECCENTRICITY2) / shrunk**1.5 * degree


def margin_deg(latitude: float, margin_m: float) -> tuple[float, float]:
    """Half the width and height, degrees, of a box that surely holds all that is so near."""
    north = margin_m / scale(0)[1] * 1.01  # degrees of latitude are shortest at the equator
    pole_side = min(abs(latitude) + north, 90.0)
    return min(margin_m / scale(pole_side)[0] * 1.01, 180.0), north


def distance_m(area: Polygon | MultiPolygon, point: shapely.Point) -> float:
    """How far a point outside lies from an area.

    The nearest place of the border is found on a plane with the scale at the point, where edges stay
    straight; the way to it is measured with the scale half way.
    """
    east, north = scale(point.y)
    stretch = np.array([east / north, 1.0])
    flat = shapely.transform(shapely.boundary(area), lambda xy: (xy - (point.x, point.y)) * stretch)
    line = shapely.shortest_line(shapely.Point(0, 0), flat)
    x, y = shapely.get_coordinates(line)[1] / stretch
    halfway_east, halfway_north = scale(point.y + y / 2)
    return math.hypot(x * halfway_east, y * halfway_north)


def area_of(geometry: str | bytes | Mapping[str, Any]) -> Polygon | MultiPolygon:
    """A GeoJSON geometry, checked. Raises `InputError`."""
    advice = say("Draw the zone again, or cut it into smaller ones.")
    value = parsed(geometry) if isinstance(geometry, str | bytes) else geometry
    kind, parts = value.get("type"), value.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(parts, list | tuple):
        raise InputError(
            "A zone is a GeoJSON Polygon or MultiPolygon, and this is something else.",
            "Give the geometry itself, without a Feature or a collection around it.",
        )
    polygons = [parts] if kind == "Polygon" else parts
    if not polygons or not all(isinstance(rings, list | tuple) and rings for rings in polygons):
        raise InputError("The zone is empty.", advice)
    if sum(map(len, polygons)) > MOST_PARTS:
        raise InputError(say("The zone has more than {most} parts.", most=MOST_PARTS), advice)
    count, made = 0, []
    for rings in polygons:
        checked = []
        for given in rings:
            count += len(given) if isinstance(given, list | tuple) else 0
            if count > MOST_VERTICES:
                raise InputError(say("The zone has more than {most} corners.", most=MOST_VERTICES), advice)
            checked.append(ring(given))
        made.append(Polygon(checked[0], checked[1:]))
    area = made[0] if kind == "Polygon" else MultiPolygon(made)
    if not shapely.is_valid(area):
        raise InputError(
            say("The border of the zone crosses or touches itself, or a hole lies outside ({what}).",
                what=shapely.is_valid_reason(area)),
            "Draw it as one line that does not meet itself.",
        )  # fmt: skip
    return area


def parsed(text: str | bytes) -> Mapping[str, Any]:
    if len(text) > MOST_BYTES:
        raise InputError("The zone is larger than 4 MiB.", "Draw it with fewer corners.")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("The zone is no JSON.", "Give a GeoJSON geometry.") from error
    return value if isinstance(value, Mapping) else {}


def ring(positions: Any) -> list[tuple[float, float]]:
    """A closed line of at least four positions, of which height is left out."""
    if not isinstance(positions, list | tuple) or len(positions) < 4:
        raise InputError("A part of the zone has fewer than three corners.", "Draw it again.")
    made = [corner(position) for position in positions]
    if made[0] != made[-1]:
        raise InputError("A part of the zone is not closed.", "End it at the corner where it begins.")
    longitudes = [longitude for longitude, _ in made]
    if max(longitudes) - min(longitudes) > WIDEST_DEG:
        raise InputError(
            "The zone crosses the antimeridian (180 degrees of longitude), or goes round half of the world.",
            "Cut it at 180 degrees into a MultiPolygon, as RFC 7946 asks.",
        )
    return made


def corner(position: Any) -> tuple[float, float]:
    if not isinstance(position, list | tuple) or not 2 <= len(position) <= 4:
        raise InputError("A corner of the zone is no pair of numbers.", "Give longitude, latitude.")
    longitude, latitude = position[:2]
    for value in (longitude, latitude):
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise InputError("A corner of the zone is no pair of numbers.", "Give longitude, latitude.")
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):  # nor are those that are not finite
        raise InputError(
            "A corner of the zone is not within 180 degrees of longitude and 90 of latitude.",
            "GeoJSON has the longitude first, in degrees.",
        )
    return float(longitude), float(latitude)
