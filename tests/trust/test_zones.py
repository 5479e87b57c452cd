"""Danger zones hold on their days, border and margin to the metre, and wrong ones are told plainly."""

import json
import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from oberih.errors import InputError
from oberih.trust.zones import Zone, Zones

TODAY = date(2026, 5, 9)
SQUARE = [[31.0, 51.0], [31.2, 51.0], [31.2, 51.1], [31.0, 51.1], [31.0, 51.0]]
HOLE = [[31.05, 51.04], [31.05, 51.06], [31.15, 51.06], [31.15, 51.04], [31.05, 51.04]]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def zone(*rings: Any, first: date | None = None, last: date | None = None, name: str = "z") -> Zone:
    return Zone.from_geojson(name, polygon(*rings), "Mines", first, last)


def names(
    zones: Zones, latitude: float, longitude: float, margin_m: float = 0, when: date = TODAY
) -> list[str]:
    return [found.name for found in zones.containing(latitude, longitude, when, margin_m)]


def test_a_place_in_a_zone_is_found_with_its_reason() -> None:
    zones = Zones([zone(SQUARE, name="north"), zone([[x + 1, y] for x, y in SQUARE], name="east")])
    found = zones.containing(51.05, 31.1, TODAY)
    assert [(one.name, one.reason) for one in found] == [("north", "Mines")]
    assert names(zones, 51.05, 32.1) == ["east"]
    assert names(zones, 52.0, 31.1) == []
    assert len(zones) == 2 and [one.name for one in zones] == ["north", "east"]
    assert Zones([]).containing(51.05, 31.1, TODAY, 1000) == ()


def test_the_border_belongs_to_the_zone_and_a_hole_does_not() -> None:
    zones = Zones([zone(SQUARE, HOLE)])
    for longitude, latitude in [*SQUARE, *HOLE, (31.1, 51.0), (31.0, 51.07), (31.1, 51.04)]:
        assert names(zones, latitude, longitude) == ["z"], (latitude, longitude)
    assert names(zones, 51.05, 31.1) == []  # in the hole
    assert names(zones, math.nextafter(51.0, 0), 31.1) == []
    assert names(zones, 51.05, math.nextafter(31.2, 40)) == []


def test_zones_may_have_many_parts_and_overlap() -> None:
    far = [[x + 3, y] for x, y in SQUARE]
    both = Zone.from_geojson("both", {"type": "MultiPolygon", "coordinates": [[SQUARE], [far]]}, "Shelling")
    zones = Zones([both, zone(SQUARE)])
    assert names(zones, 51.05, 31.1) == ["both", "z"]
    assert names(zones, 51.05, 34.1) == ["both"]
    assert both.geojson["type"] == "MultiPolygon"
    assert Zone.from_geojson("again", json.dumps(both.geojson), "Shelling").area == both.area


def test_a_zone_holds_from_its_first_to_its_last_day() -> None:
    zones = Zones([zone(SQUARE, first=date(2026, 5, 1), last=date(2026, 5, 9))])
    for day, holds in ((30, False), (1, True), (9, True), (10, False)):
        when = date(2026, 4 if day == 30 else 5, day)
        assert bool(names(zones, 51.05, 31.1, when=when)) is holds
    assert names(zones, 51.05, 31.1, when=datetime(2026, 5, 9, 23, 59, tzinfo=UTC)) == ["z"]
    assert names(Zones([zone(SQUARE, last=date(2026, 1, 1))]), 51.05, 31.1) == []
    assert names(Zones([zone(SQUARE, first=date(2026, 1, 1))]), 51.05, 31.1) == ["z"]


def on_earth(longitude: Any, latitude: Any) -> Any:
    """(..., 3) metres from the middle of the Earth (WGS 84): an independent way to measure."""
    a, f = 6378137.0, 1 / 298.257223563
    longitude, latitude = np.radians(longitude), np.radians(latitude)
    radius = a / np.sqrt(1 - f * (2 - f) * np.sin(latitude) ** 2)
    flat = radius * np.cos(latitude)
    up = radius * (1 - f) ** 2 * np.sin(latitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), up], -1)


def metres_to(ring: list[list[float]], latitude: float, longitude: float) -> float:
    corners, share = np.array(ring), np.linspace(0, 1, 5001)[:, None, None]
    along = corners[:-1] + share * (corners[1:] - corners[:-1])
    away = on_earth(along[..., 0], along[..., 1]) - on_earth(longitude, latitude)
    return float(np.linalg.norm(away, axis=-1).min())


@given(
    st.floats(1, 75) | st.floats(-75, -1),
    st.floats(-179, 179),
    st.floats(0, 2 * math.pi),
    st.floats(0.0005, 0.1),
)
def test_the_margin_is_metres_on_the_ground(
    latitude: float, longitude: float, bearing: float, away_deg: float
) -> None:
    ring = [[longitude + x / 10, latitude + y / 10] for x, y in ([0, 0], [5, 1], [4, 6], [-2, 3], [0, 0])]
    inside = shapely.Polygon(ring)
    place = latitude + away_deg * math.sin(bearing) * 2, longitude + away_deg * math.cos(bearing) * 2
    true_m = metres_to(ring, *place)
    zones = Zones([zone([[min(max(x, -180), 180), y] for x, y in ring])])
    if inside.intersects(shapely.Point(place[1], place[0])):
        assert names(zones, *place) == ["z"]
    elif true_m > 1 and abs(place[1]) <= 180:
        assert names(zones, *place, true_m * 0.995 - 0.5) == []
        assert names(zones, *place, true_m * 1.005 + 0.5) == ["z"]


def test_a_margin_reaches_over_the_antimeridian() -> None:
    west = zone([[179.5, -17.0], [180.0, -17.0], [180.0, -16.0], [179.5, -16.0], [179.5, -17.0]])
    zones = Zones([west])
    assert names(zones, -16.5, -180.0) == ["z"]  # the same line
    assert names(zones, -16.5, -179.99) == []
    assert names(zones, -16.5, -179.99, 1_000) == []
    assert names(zones, -16.5, -179.99, 1_200) == ["z"]


@pytest.mark.parametrize("margin_m", [-1, math.nan, 100_001])
def test_a_margin_that_is_none_is_refused(margin_m: float) -> None:
    with pytest.raises(InputError, match="margin"):
        Zones([]).containing(51.0, 31.0, TODAY, margin_m)


def test_a_place_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="Gulf of Guinea"):
        Zones([zone(SQUARE)]).containing(0, 0, TODAY)


BOW_TIE = [[31, 51], [32, 52], [32, 51], [31, 52], [31, 51]]
WRONG: list[tuple[Any, str]] = [
    ("{", "no JSON"),
    ("[" * 100_000, "no JSON"),
    ("[1]", "something else"),
    ("{" + " " * (4 << 20) + "}", "4 MiB"),
    ({"type": "Feature", "geometry": polygon(SQUARE)}, "something else"),
    ({"type": "Point", "coordinates": [31, 51]}, "something else"),
    ({"type": "Polygon"}, "something else"),
    (polygon(), "empty"),
    ({"type": "MultiPolygon", "coordinates": [[]]}, "empty"),
    ({"type": "MultiPolygon", "coordinates": [[SQUARE]] * 1001}, "1000 parts"),
    (polygon([SQUARE[0]] * 20_001), "20000 corners"),
    (polygon(SQUARE[:2]), "fewer than three"),
    (polygon("abcd"), "fewer than three"),
    (polygon(SQUARE[:4]), "not closed"),
    (polygon([["31", 51], *SQUARE[1:]]), "pair of numbers"),
    (polygon([[True, 51], *SQUARE[1:]]), "pair of numbers"),
    (polygon([[31], *SQUARE[1:]]), "pair of numbers"),
    (polygon([[math.nan, 51], *SQUARE[1:]]), "not within 180"),
    (polygon([[10**400, 51], *SQUARE[1:]]), "not within 180"),
    (polygon([[51, 131], *SQUARE[1:]]), "not within 180"),
    (polygon(BOW_TIE), "crosses or touches itself"),
    (polygon(SQUARE, [[x + 5, y] for x, y in HOLE]), "hole lies outside"),
    (polygon([SQUARE[0]] * 4), "crosses or touches itself"),
    ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}, "crosses or touches itself"),
    (polygon([[179, 1], [-179, 1], [-179, 2], [179, 2], [179, 1]]), "antimeridian"),
]


@pytest.mark.parametrize(("geometry", "said"), WRONG)
def test_a_zone_that_is_wrong_is_refused(geometry: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        Zone.from_geojson("z", geometry, "Mines")
    assert caught.value.advice


def test_a_zone_has_a_reason_and_ends_after_it_began() -> None:
    with pytest.raises(InputError, match="reason"):
        Zone.from_geojson("z", polygon(SQUARE), " ")
    with pytest.raises(InputError, match="ends before"):
        zone(SQUARE, first=date(2026, 5, 2), last=date(2026, 5, 1))


def test_many_zones_give_what_looking_at_each_gives() -> None:
    numbers = np.random.default_rng(5)
    turn = np.linspace(0, 2 * np.pi, 100)
    made = []
    for n in range(300):
        middle, size = numbers.uniform((25, 46), (38, 51)), numbers.uniform(0.02, 0.5)
        wave = size * (1 + 0.3 * np.sin(turn * 7))
        ring = np.stack([middle[0] + wave * np.cos(turn), middle[1] + wave * np.sin(turn)], 1)
        ring[-1] = ring[0]
        made.append(zone(ring.tolist(), name=str(n)))
    zones, hits = Zones(made), 0
    for longitude, latitude in numbers.uniform((25, 46), (38, 51), (300, 2)):
        point = shapely.Point(longitude, latitude)
        expected = [one.name for one in made if one.area.intersects(point)]
        assert names(zones, latitude, longitude) == expected
        assert set(expected) <= set(names(zones, latitude, longitude, 5_000))
        hits += len(expected)
    assert hits > 50
