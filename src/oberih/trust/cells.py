"""Where something may publicly be said to be: a cell of the H3 grid, as large as its sensitivity class asks.

A cell is ``h3.latlng_to_cell`` of the true place at the resolution of its class: the same for every true
place inside it, with no random part that could be averaged away. It is made coarser until it holds enough
known places among which the true one may hide, and what was public once never becomes finer or moves aside
by itself. Where no register says how many there are, nobody can count: then it is a region, or nothing.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

import h3
import numpy as np
from h3.api import basic_int
from numpy.typing import ArrayLike, NDArray

from oberih.errors import InputError
from oberih.i18n import say

__all__ = [
    "CLASSES",
    "RESOLUTIONS",
    "CandidateSites",
    "Generalised",
    "Precision",
    "TruePlace",
    "bounds",
    "cell_of",
    "centre",
    "coarser",
    "generalised",
    "is_cell",
    "parent",
    "polygon",
    "precision_of",
]

# Sensitivity classes, the coarsest first.
Precision = Literal["withheld", "region", "10 km", "1 km", "exact"]
CLASSES: tuple[Precision, ...] = get_args(Precision)
# H3 resolution of each class; even "exact" is a cell, about 29 m from its centre to a corner.
RESOLUTIONS: dict[Precision, int] = {"region": 3, "10 km": 5, "1 km": 7, "exact": 11}

NULL_ISLAND_DEG = 1e-3  # within about 100 m of 0, 0 lies nothing but what a device writes that has no fix
COLUMNS = {
    "lat": ("lat", "latitude", "lat_deg", "y", "широта"),
    "lon": ("lon", "lng", "long", "longitude", "lon_deg", "x", "довгота"),
}


@dataclass(frozen=True, repr=False)
class TruePlace:
    """A true location, WGS 84, degrees. Sealed: it never prints. Raises `InputError` if it can't be one."""

    latitude_deg: float
    longitude_deg: float

    def __post_init__(self) -> None:
        problem = trouble(self.latitude_deg, self.longitude_deg)
        if problem:
            raise InputError(*problem)

    def __repr__(self) -> str:
        return "TruePlace(sealed)"


def trouble(latitude_deg: object, longitude_deg: object) -> tuple[str, str] | None:
    """Why these are no coordinates, and what to do. Says no number: it may be a true one."""
    numbers: list[Any] = [
        value
        for value in (latitude_deg, longitude_deg)
        if isinstance(value, int | float | np.floating | np.integer) and not isinstance(value, bool)
    ]
    if len(numbers) != 2 or not all(-math.inf < value < math.inf for value in numbers):
        return (
            say("The latitude or the longitude is no number."),
            say("Give both in decimal degrees, such as 51.5 and 31.3."),
        )
    if abs(numbers[0]) > 90 or abs(numbers[1]) > 180:
        return (
            say("The latitude is not within 90 degrees, or the longitude not within 180."),
            say("Give decimal degrees, the latitude first; perhaps they are swapped, or metres of a map."),
        )
    if max(map(abs, numbers)) < NULL_ISLAND_DEG:
        return (
            say("The place is 0, 0 in the Gulf of Guinea, which devices write when they do not know."),
            say("Leave the place out if it is not known, or set it on the map."),
        )
    return None


def coarser(one: Precision, other: Precision) -> bool:
    """Whether class ``one`` says less than class ``other``."""
    return CLASSES.index(one) < CLASSES.index(other)


def cell_of(latitude_deg: float, longitude_deg: float, precision: Precision) -> str | None:
    """The public cell of a true place; None if it is withheld. Raises `InputError`."""
    place = TruePlace(latitude_deg, longitude_deg)
    if precision == "withheld":
        return None
    return h3.latlng_to_cell(float(place.latitude_deg), float(place.longitude_deg), RESOLUTIONS[precision])


def is_cell(cell: str, precision: Precision) -> bool:
    """Whether ``cell`` is the index of an H3 cell that is no finer than ``precision`` allows."""
    finest = RESOLUTIONS.get(precision, -1)
    return cell == cell.lower() and h3.is_valid_cell(cell) and h3.get_resolution(cell) <= finest


def precision_of(cell: str) -> Precision:
    """The class whose cells have this size. Raises `InputError`."""
    for precision, resolution in RESOLUTIONS.items():
        if is_cell(cell, precision) and h3.get_resolution(cell) == resolution:
            return precision
    raise InputError(
        say("{cell} is no public cell.", cell=repr(cell)[:40]),
        "Give an H3 index of resolution 3, 5, 7 or 11.",
    )


def parent(cell: str, precision: Precision) -> str | None:
    """The cell of a coarser (or the same) class above ``cell``: it tells nothing that ``cell`` does not.

    It is the parent in H3's index. Cells of H3 nest in their index exactly, but on the ground only nearly:
    near its border, a cell may reach a little out of its parent.
    """
    if coarser(precision_of(cell), precision):
        raise InputError(
            say("A cell of class {wanted} cannot be had from one of class {given}.",
                wanted=precision, given=precision_of(cell)),
            "Ask for a class that is not finer.",
        )  # fmt: skip
    return None if precision == "withheld" else h3.cell_to_parent(cell, RESOLUTIONS[precision])


def centre(cell: str) -> tuple[float, float]:
    """Latitude and longitude of the middle of a cell, degrees: for a marker on a map."""
    precision_of(cell)
    return h3.cell_to_latlng(cell)


def polygon(cell: str) -> tuple[tuple[float, float], ...]:
    """The outline of a cell as in GeoJSON: longitude, latitude, degrees; closed, counter-clockwise.

    Across the antimeridian longitudes run on over 180 or below -180, so that a map can draw it.
    """
    precision_of(cell)
    corners = [(longitude, latitude) for latitude, longitude in h3.cell_to_boundary(cell)]
    start = corners[0][0]
    corners = [(start + math.remainder(longitude - start, 360), latitude) for longitude, latitude in corners]
    return (*corners, corners[0])


def bounds(cell: str) -> tuple[float, float, float, float]:
    """West, south, east, north of a cell, degrees. West > east across the antimeridian (RFC 7946)."""
    corners = np.array(polygon(cell))
    resolution = h3.get_resolution(cell)
    west, south = corners.min(0).tolist()
    east, north = corners.max(0).tolist()
    for pole in (90.0, -90.0):
        if h3.latlng_to_cell(pole, 0.0, resolution) == cell:
            return -180.0, min(south, pole), 180.0, max(north, pole)
    return wrapped(west), south, wrapped(east), north


def wrapped(longitude: float) -> float:
    return longitude - 360 if longitude > 180 else longitude + 360 if longitude < -180 else longitude


class CandidateSites:
    """Known places (a register of monuments, say) among which a true place may hide. Sealed: never printed.

    Several entries within one cell of class "exact" are one place: they hide nothing from each other.
    """

    def __init__(self, latitudes_deg: ArrayLike, longitudes_deg: ArrayLike) -> None:
        """Of two arrays (N,), degrees. Raises `InputError` if any is no place."""
        latitudes, longitudes = (np.asarray(values, np.float64) for values in (latitudes_deg, longitudes_deg))
        if latitudes.ndim != 1 or latitudes.shape != longitudes.shape:
            raise InputError(
                "There are not as many latitudes as longitudes.", "Give one of each for every place."
            )
        wrong = np.flatnonzero(bad(latitudes, longitudes))
        if len(wrong):
            row = int(wrong[0])
            problem = trouble(latitudes[row], longitudes[row])
            assert problem
            raise InputError(say("Place {row} of the list: {what}", row=row + 1, what=problem[0]), problem[1])
        exact = indices(latitudes, longitudes, RESOLUTIONS["exact"])
        first = np.unique(exact, return_index=True)[1]
        latitudes, longitudes = latitudes[first], longitudes[first]
        self._arrange({
            precision: exact[first] if precision == "exact" else indices(latitudes, longitudes, resolution)
            for precision, resolution in RESOLUTIONS.items()
        })  # fmt: skip

    def _arrange(self, cells: dict[Precision, NDArray[np.uint64]]) -> None:
        self._cells = cells
        self._order = {precision: np.argsort(some) for precision, some in cells.items()}
        self._sorted = {precision: cells[precision][order] for precision, order in self._order.items()}

    @classmethod
    def from_csv(cls, path: Path) -> Self:
        """Of a table with columns for latitude and longitude, whatever else it has. Raises `InputError`."""
        return cls(*read_places(path))

    def without(self, exact: Iterable[str]) -> "CandidateSites":
        """Those that do not lie in one of these cells of class "exact", or beside it: what is public there is
        known to be something else, and hides nothing.
        """
        known = {near for cell in exact for near in h3.grid_disk(cell, 1)}
        if not known:
            return self
        taken = np.array(sorted(map(h3.str_to_int, known)), np.uint64)
        kept = ~np.isin(self._cells["exact"], taken)
        left = object.__new__(CandidateSites)
        left._arrange({precision: cells[kept] for precision, cells in self._cells.items()})
        return left

    def __len__(self) -> int:
        return len(self._cells["exact"])

    def __repr__(self) -> str:
        return f"CandidateSites({len(self)} sealed)"

    def count(self, cell: str, within: str | None = None) -> int:
        """How many lie in ``cell``; with ``within``, how many of these lie in that coarser cell too."""
        precision = precision_of(cell)
        ordered, wanted = self._sorted[precision], np.uint64(h3.str_to_int(cell))
        first = int(np.searchsorted(ordered, wanted, "left"))
        last = int(np.searchsorted(ordered, wanted, "right"))
        if within is None:
            return last - first
        these = self._order[precision][first:last]
        return int(np.count_nonzero(self._cells[precision_of(within)][these] == h3.str_to_int(within)))


def bad(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N,): which are no places. The same rule as `trouble`, for arrays."""
    with np.errstate(invalid="ignore"):
        fine = (np.abs(latitudes) <= 90) & (np.abs(longitudes) <= 180)
        return ~fine | (np.maximum(np.abs(latitudes), np.abs(longitudes)) < NULL_ISLAND_DEG)


def indices(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64], resolution: int
) -> NDArray[np.uint64]:
    """(N,) H3 indices. H3 has no call for arrays; this one takes about half a microsecond for each place."""
    cells = map(
        basic_int.latlng_to_cell, latitudes.tolist(), longitudes.tolist(), [resolution] * len(latitudes)
    )
    return np.fromiter(cells, np.uint64, len(latitudes))


@dataclass(frozen=True)
class Generalised:
    """What is public of a place, and why. Keep it: the next `generalised` of the same subject needs it.

    Only ``cell`` and ``precision`` may be public: the other two tell how few known places are near.
    """

    cell: str | None
    precision: Precision  # of the cell: the class that was asked for, or a coarser one
    asked: Precision  # the class that the custodian chose
    reason: str


def generalised(
    place: TruePlace, asked: Precision, sites: CandidateSites | None, k: int, *, before: Generalised | None
) -> Generalised:
    """The public cell of a true place: of class ``asked``, or coarser until it holds ``k`` known places.

    ``k`` = 0 asks for none; "exact" needs none, it is a custodian's word that the place is no secret.
    ``sites``: None if nobody knows which there are. Then nothing but a region is taken to hold enough of
    them, by the word of the custodian, who is told so (see `enough`).

    ``before`` is what was public of this subject until now, None if nothing ever was. As long as the
    custodian's class is the same, the answer is that cell, or one above it if known places have gone: never a
    finer one, and never one beside it, although the true place may have been corrected. (A custodian who
    means that the public place was wrong passes None, knowing that both cells are then known.) If the class
    was changed to a coarser one, the answer is the parent of what is known already; if to a finer one, only
    known places that lie in both the old cell and the new one count, since an outsider can intersect the two.
    """
    if k < 0:
        raise InputError("The number of places to hide among is negative.", "Set it to 0 or more.")
    if asked == "withheld":
        return Generalised(None, "withheld", asked, say("A custodian withholds the place."))
    unchanged = before is not None and before.asked == asked
    first = before.precision if before is not None and before.asked == asked else asked
    for precision in reversed(CLASSES[1 : CLASSES.index(first) + 1]):
        if before is None or before.cell is None or coarser(before.precision, precision):
            cell = cell_of(place.latitude_deg, place.longitude_deg, precision)
            within = before.cell if before is not None else None
        else:
            cell, within = parent(before.cell, precision), None
        assert cell
        if enough(cell, within, precision, sites, k):
            return Generalised(cell, precision, asked, why(precision, asked, sites, k, unchanged))
    return Generalised(None, "withheld", asked, why("withheld", asked, sites, k, unchanged))


def enough(cell: str, within: str | None, precision: Precision, sites: CandidateSites | None, k: int) -> bool:
    """Whether a true place hides among others in a cell (and, if it is known already, ``within`` another).

    Without a register a cell is never finer than a region, and nothing that we know ourselves stands in for
    one: what we know is sealed, and whether a cell is public would tell how many of it lie there.
    """
    if precision == "exact" or k == 0:
        return True
    if sites is None:
        return precision == "region" and within is None
    return sites.count(cell, within) >= k


def why(precision: Precision, asked: Precision, sites: CandidateSites | None, k: int, unchanged: bool) -> str:
    if precision == asked:
        return say("As the custodian chose.")
    if unchanged:
        return say("It has been public like this, or finer; it becomes finer only if the class is changed.")
    if sites is None:
        return say(
            "It is a region at most: there is no register of sites, so nobody knows among how many others "
            "it would hide in a smaller area."
        )
    if precision == "withheld":
        return say("It is withheld: not even a region around it holds {k} known places.", k=k)
    return say("It is coarser than was asked: a smaller cell holds fewer than {k} known places.", k=k)


def read_places(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitudes and longitudes (N,) of a table: UTF-8, a line of titles, columns parted by , or ; or tabs."""
    advice = say("Save it as CSV in UTF-8 with a first line of titles, among them lat and lon.")
    places: list[tuple[float, float]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = table(file.readline(), file)
            titles = [title.strip().lower() for title in next(rows, [])]
            columns = [
                next((titles.index(n) for n in names if n in titles), -1) for names in COLUMNS.values()
            ]
            if min(columns) < 0:
                raise InputError(say("{path} has no columns lat and lon.", path=path), advice)
            for line, row in enumerate(rows, 2):
                if not any(row):
                    continue
                place = numbers(row, columns)
                problem = trouble(*place)
                if problem:
                    what = say("{path}, row {row}: {what}", path=path, row=line, what=problem[0])
                    raise InputError(what, problem[1])
                places.append(place)
    except OSError as error:
        cause = error.strerror or type(error).__name__
        raise InputError(say("{path} cannot be read: {why}", path=path, why=cause), advice) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(say("{path} is no CSV table.", path=path), advice) from error
    both = np.array(places, np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def table(titles: str, rest: Iterator[str]) -> Iterator[list[str]]:
    """The rows of a table, the one of its titles first."""
    delimiter = max(",;\t", key=titles.count)
    yield from csv.reader([titles], delimiter=delimiter)
    yield from csv.reader(rest, delimiter=delimiter)


def numbers(row: Sequence[str], columns: Sequence[int]) -> tuple[float, float]:
    """The coordinates of a row, with a decimal point or comma; NaN for what is no number."""
    found = []
    for column in columns:
        text = row[column].strip().replace(",", ".") if column < len(row) else ""
        try:
            found.append(float(text))
        except ValueError:
            found.append(math.nan)
    return found[0], found[1]
