"""The map as pages draw it: cells of public records on coasts and borders, in Web Mercator (EPSG:3857).

What lies underneath is a file of ours (frontend/land.js), in units of which `WORLD` go round the Earth;
nothing is asked of anybody else.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import h3

from oberih.catalogue.public import Box, MapCell
from oberih.web.towns import TOWNS

__all__ = ["MOST_ZOOM", "WORLD", "Chart", "Shape", "Town", "View", "chart", "middle", "outline"]

WORLD = 65_536
TILE = 256  # pixels round the Earth at zoom 0
MOST_ZOOM = 12
NORTH = 85.05
TONES = (1, 3, 10, 30, 100)  # least number of records of each


@dataclass(frozen=True)
class View:
    """What part of the map is looked at: its middle in degrees, and a drawing of so many pixels."""

    lat: float
    lon: float
    zoom: int
    width: int = 960
    height: int = 620

    @property
    def scale(self) -> float:
        """Pixels round the Earth."""
        return float(TILE << self.zoom)

    @property
    def corner(self) -> tuple[float, float]:
        """Where the drawing's upper left corner lies, in pixels from the north-west of the world."""
        x, y = at(self.lat, self.lon)
        return x * self.scale - self.width / 2, y * self.scale - self.height / 2

    @property
    def box(self) -> Box:
        (west, north), (east, south) = self.place(0, 0), self.place(self.width, self.height)
        return Box(south=south, west=max(-180.0, west), north=north, east=min(180.0, east))

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Longitude and latitude of a pixel."""
        left, top = self.corner
        down = min(1.0, max(0.0, (top + y) / self.scale))
        lon = ((left + x) / self.scale - 0.5) * 360
        return lon, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * down))))

    def pixel(self, lat: float, lon: float) -> tuple[float, float]:
        (x, y), (left, top) = at(lat, lon), self.corner
        return round(x * self.scale - left, 1), round(y * self.scale - top, 1)


@dataclass(frozen=True)
class Shape:
    """A cell as it is drawn. ``tone``: 1 for few records, 5 for many."""

    cell: str
    points: str  # as SVG writes them
    middle: tuple[float, float]
    count: int = 0
    tone: int = 1
    small: bool = False  # hard to see


@dataclass(frozen=True)
class Town:
    names: Mapping[str, str]
    lat: float
    lon: float
    zoom: int  # from which on it is named
    at: tuple[float, float] = (0, 0)


@dataclass(frozen=True)
class Chart:
    """A drawing. The land's file is moved to ``corner`` and made ``scale`` times as large."""

    view: View
    corner: tuple[float, float]
    scale: float
    shapes: tuple[Shape, ...]
    towns: tuple[Town, ...]


def chart(view: View, cells: Iterable[MapCell], *, moves: bool = False) -> Chart:
    """What ``view`` shows of the cells. ``moves``: with all towns, also those that are named or
    seen only when somebody moves the map.
    """
    left, top = view.corner
    (west, north), (east, south) = view.place(0, 0), view.place(view.width, view.height)
    return Chart(
        view, (round(-left, 1), round(-top, 1)), view.scale / WORLD,
        tuple(shape(view, one) for one in cells),
        tuple(
            Town(names, lat, lon, zoom, view.pixel(lat, lon))
            for lat, lon, zoom, names in TOWNS
            if moves or (zoom <= view.zoom and south < lat < north and west < lon < east)
        ),
    )  # fmt: skip


def shape(view: View, cell: MapCell) -> Shape:
    corners = [view.pixel(lat, lon) for lon, lat in outline(cell.cell)]
    lat, lon = middle(cell.cell)
    return Shape(
        cell.cell, " ".join(f"{x:g},{y:g}" for x, y in corners), view.pixel(lat, lon), cell.count,
        sum(cell.count >= least for least in TONES),
        max(x for x, _ in corners) - min(x for x, _ in corners) < 14,
    )  # fmt: skip


@lru_cache(16_384)
def outline(cell: str) -> Sequence[tuple[float, float]]:
    """Corners of a cell: longitude, latitude. Across the 180th meridian they go on beyond 180."""
    corners = [(lon, lat) for lat, lon in h3.cell_to_boundary(cell)]
    if max(lon for lon, _ in corners) - min(lon for lon, _ in corners) > 180:
        corners = [(lon % 360, lat) for lon, lat in corners]
    return tuple((round(lon, 5), round(lat, 5)) for lon, lat in corners)


@lru_cache(16_384)
def middle(cell: str) -> tuple[float, float]:
    """Latitude and longitude of the middle of a cell."""
    lat, lon = h3.cell_to_latlng(cell)
    return lat, lon


def at(lat: float, lon: float) -> tuple[float, float]:
    """A place on the map of side 1, from the north-west."""
    sine = math.sin(math.radians(min(NORTH, max(-NORTH, lat))))
    return lon / 360 + 0.5, 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)
