"""Public records on a map: cells with numbers. True places are not known here.

Whether something is in a part of the map is decided by the middle of its cell alone, so that the answer is
the same for every true place within the cell. At each level of detail a cell finer than the level is shown
as the coarser one above it; a coarse cell stays as it is. Records without a cell are on no map and in none of
its numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from h3.api import basic_int
from pydantic import ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import Connection, or_, select

from oberih.catalogue.public.asking import Query, asked
from oberih.catalogue.public.conditions import All, Any, Condition, Has
from oberih.catalogue.public.cursors import START
from oberih.catalogue.public.indexing import FINEST_LEVEL, LOCATED, ancestor, cell_token
from oberih.catalogue.public.matching import LAST, index_of
from oberih.catalogue.public.records import Glance, Part, PublicRecord, Withdrawn
from oberih.catalogue.public.searching import (
    Placed,
    are_more,
    glances_at,
    grave_at,
    limit_of,
    meaning,
    placed_at,
    shown_at,
    tiered_page,
)
from oberih.catalogue.public.tables import Projection, cells
from oberih.errors import InputError
from oberih.i18n import say

__all__ = [
    "Box",
    "MapCell",
    "MapView",
    "Surrounded",
    "box_of",
    "level_of",
    "map_view",
    "near",
    "surrounded",
]

MOST_CELLS = 4_000  # about as many lie in a box at the level that is chosen for it
MOST_COVER = 24  # coarse cells that a search on the map asks for


class Box(Part):
    """A part of the map, degrees. West is larger than east where it crosses the antimeridian."""

    model_config = ConfigDict(strict=False, allow_inf_nan=False)

    south: Annotated[float, Field(ge=-90, le=90)]
    west: Annotated[float, Field(ge=-180, le=180)]
    north: Annotated[float, Field(ge=-90, le=90)]
    east: Annotated[float, Field(ge=-180, le=180)]

    @model_validator(mode="after")
    def not_upside_down(self) -> Self:
        if self.south > self.north:
            raise ValueError(say("is upside down"))
        return self

    @property
    def share(self) -> float:
        """Of the Earth's surface."""
        width = (self.east - self.west) % 360 or (360 if self.east != self.west else 0)
        height = math.sin(math.radians(self.north)) - math.sin(math.radians(self.south))
        return width / 360 * height / 2


@dataclass(frozen=True)
class MapCell:
    cell: str  # H3 index
    count: int


@dataclass(frozen=True)
class MapView:
    """Cells in a box, by their index. ``more``: it shows only the first that were found."""

    level: int  # H3 resolution of the finest
    cells: tuple[MapCell, ...]
    more: bool = False


def box_of(**given: object) -> Box:
    """A box of what somebody sent. Raises `InputError`."""
    try:
        return Box.model_validate(given)
    except ValidationError as error:
        raise InputError(
            "This is no part of a map.",
            "Give south, west, north and east in degrees, south not above north.",
        ) from error


def level_of(box: Box, zoom: int) -> int:
    """H3 resolution for a zoom of web maps: cells of some 40 pixels, or larger if there were too many."""
    level = min(FINEST_LEVEL, max(1, (zoom * 5 - 8) // 7))
    while level > 1 and (2 + 120 * 7**level) * box.share > MOST_CELLS:
        level -= 1
    return level


def map_view(projection: Projection, box: Box, zoom: int, query: Query | None = None) -> MapView:
    """What a part of the map shows: of all records, or of those that a query finds, whatever its page."""
    level = level_of(box, zoom)
    with projection.reading() as connection:
        totals = totals_in(connection, box, level)
        said = asked(query.text, unfinished=query.unfinished) if query else None
        if query is None or said is None or not (query.text.strip() or query.filters or query.cell):
            return MapView(level, arranged(totals))
        condition = None if said.nothing else meaning(connection, said, query)
        if condition is None or not totals:
            return MapView(level, ())
        inside = All((condition, covering(list(totals))))
        index = index_of(connection, inside)
        summary = index.summary(inside, "cell", LAST, limit_of(inside))
        more = are_more(index, inside, summary)
        found = np.frombuffer(summary.data, ">u8").astype(np.int64)
        shown = np.where(found >> 52 & 0xF > level, ancestor(found, level), found)
        numbers = zip(*(part.tolist() for part in np.unique(shown, return_counts=True)), strict=True)
        return MapView(level, arranged({cell: n for cell, n in numbers if cell in totals}), more)


def totals_in(connection: Connection, box: Box, level: int) -> dict[int, int]:
    """Number of all records in each cell that is shown in a box."""
    spans = [(box.west, box.east)] if box.west <= box.east else [(box.west, 180.0), (-180.0, box.east)]
    found = select(cells.c.cell, cells.c.total).where(
        cells.c.level == level,
        cells.c.lat.between(box.south, box.north),
        or_(*(cells.c.lon.between(west, east) for west, east in spans)),
    )
    return {row.cell: row.total for row in connection.execute(found)}


def covering(shown: Sequence[int]) -> Condition:
    """Has a cell in some coarse cells that together hold all that are shown."""
    for level in range(FINEST_LEVEL, 0, -1):
        coarse = {ancestor(cell, level) if cell >> 52 & 0xF > level else cell for cell in shown}
        if len(coarse) <= MOST_COVER:
            return Any(tuple(Has((cell_token(cell),)) for cell in sorted(coarse)))
    return Has((LOCATED,))


def arranged(numbers: dict[int, int]) -> tuple[MapCell, ...]:
    return tuple(MapCell(f"{cell:x}", count) for cell, count in sorted(numbers.items()))


@dataclass(frozen=True)
class Surrounded:
    """What is public under an identifier, or that it was, and what leads on from it."""

    record: PublicRecord | Withdrawn | None
    related: tuple[Glance, ...] = ()  # those that it names
    around: tuple[Glance, ...] = ()  # others that are `near`, if it is on the map


def surrounded(projection: Projection, identifier: str, most: int) -> Surrounded:
    """A record with at most ``most`` around it: all of one state of the records."""
    with projection.reading() as connection:
        found = placed_at(connection, identifier)
        if found is None:
            return Surrounded(grave_at(connection, identifier))
        record = found.record()
        related = glances_at(connection, [one.id for one in record.relations])
        beside = shown_at(connection, ranks_near(connection, found, most), Glance)
        return Surrounded(record, related, beside)


def near(projection: Projection, identifier: str, most: int = 12) -> tuple[PublicRecord, ...]:
    """Other records in the same cell, then in the cells around it, the newest first; none that is shown less
    exactly than this one.
    """
    with projection.reading() as connection:
        found = placed_at(connection, identifier)
        return shown_at(connection, ranks_near(connection, found, most), PublicRecord) if found else ()


def ranks_near(connection: Connection, one: Placed, most: int) -> list[int]:
    if one.cell is None:
        return []
    cell = int.from_bytes(one.cell)
    same = Has((cell_token(cell),))
    others = sorted(set(basic_int.grid_disk(cell, 1)) - {cell})
    beside = Any(tuple(Has((cell_token(other),)) for other in others))
    index = index_of(connection, Any((same, beside)))
    places = tiered_page(index, [same, All((beside,), (same,))], START, most + 1)
    return [place.rank for place in places if place.rank != one.rank][:most]
