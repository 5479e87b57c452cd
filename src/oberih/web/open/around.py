"""The pages around the records: what is new, where things are, who recorded them, how much there is."""

import math
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from fastapi import Request

from oberih.catalogue.public import (
    Box,
    Field,
    MapView,
    Projection,
    Query,
    Totals,
    at_a_glance,
    contributors,
    map_view,
    query_of,
    totals,
)
from oberih.catalogue.public.collation import sort_key
from oberih.errors import InputError
from oberih.i18n import Language, say
from oberih.web.charts import MOST_ZOOM, View, chart, middle
from oberih.web.figures import figure
from oberih.web.open.searched import FACETS, filters_in, label, order_of, parameter, text_in
from oberih.web.open.shown import card, month
from oberih.web.views import Choice, FigureRow
from oberih.web.views.site import Bar, HomePage, MapPage, Named, StatisticsPage, ThanksPage
from oberih.web.views.words import KINDS

__all__ = ["home_page", "map_page", "statistics_page", "thanks_page"]

NEWEST = 9
UKRAINE = {"lat": 48.3, "lon": 31.4, "zoom": 6}
TEASER = View(48.3, 31.4, 5, 640, 300)
EARTH = Box(south=-90, west=-180, north=90, east=180)
TABLES: tuple[Field, ...] = ("kind", "century", "material", "region", "licence", "collection")
MOST_MONTHS = 60
MOST_NAMES = 1_000


def home_page(projection: Projection) -> HomePage:
    """What is new, and how much there is."""
    told = totals(projection)
    newest = at_a_glance(projection, query_of(size=NEWEST, facets=False)).records
    view = where_things_are(projection, TEASER)
    drawn = chart(view, map_view(projection, view.box, view.zoom + 1).cells) if told.located else None
    return HomePage(tuple(card(one) for one in newest), reach(told), drawn)


def where_things_are(projection: Projection, view: View, query: Query | None = None) -> View:
    """The same part of the map; if it is empty, as large a one around what there, or of ``query``, is most
    of.
    """
    if map_view(projection, view.box, view.zoom + 1, query).cells:
        return view
    everywhere = map_view(projection, EARTH, 0, query).cells
    if not everywhere:
        return view
    lat, lon = middle(max(everywhere, key=lambda one: one.count).cell)
    return replace(view, lat=round(lat, 3), lon=round(lon, 3))


def reach(told: Totals) -> tuple[FigureRow, ...]:
    rows = (
        (say("record", "records", count=told.records), told.records),
        (say("photo", "photos", count=told.photos), told.photos),
        (say("triangle", "triangles", count=told.triangles), told.triangles),
        (say("person named", "people named", count=told.contributors), told.contributors),
    )
    return tuple(FigureRow(name, figure(value, digits=0)) for name, value in rows if value)


def map_page(projection: Projection, spoken: Language, request: Request) -> MapPage:
    """Cells of a part of the map, of all records or of those that were searched for."""
    given = request.query_params
    text, kind = text_in(given), given.get("kind", "")
    filters = filters_in(given)
    query = query_of(text=text, unfinished=False, filters=filters, size=1)
    view = View(
        number(given.get("lat"), UKRAINE["lat"], 84), number(given.get("lon"), UKRAINE["lon"], 180),
        round(number(given.get("zoom"), UKRAINE["zoom"], MOST_ZOOM)),
    )  # fmt: skip
    if "lat" not in given:
        view = where_things_are(projection, view, query)
    seen: MapView = map_view(projection, view.box, view.zoom + 1, query)
    told = totals(projection)
    regions = (
        Choice(one.value, label("region", one, spoken), one.count) for one in told.facets.get("region", ())
    )
    return MapPage(
        chart(view, seen.cells, moves=True), sum(one.count for one in seen.cells), told.located,
        told.records, seen.more, text, kind if kind in KINDS else "", tuple(regions),
    )  # fmt: skip


def number(given: str | None, otherwise: float, most: float) -> float:
    """A number of an address, within its bounds."""
    try:
        found = float(given or otherwise)
    except ValueError as error:
        raise InputError(
            "This is no part of a map.", "Go back to the whole map, and choose there."
        ) from error
    return max(-most, min(most, found)) if math.isfinite(found) else otherwise


def thanks_page(projection: Projection, spoken: Language) -> ThanksPage:
    """All who want to be named."""
    known, told = contributors(projection, MOST_NAMES), totals(projection)
    order = order_of(spoken)
    return ThanksPage(
        tuple(
            Named(one.value, one.count)
            for one in sorted(known, key=lambda one: (sort_key(one.value, order), one.value))
        ),
        told.contributors,
    )


def statistics_page(projection: Projection, spoken: Language) -> StatisticsPage:
    """Public records in numbers."""
    told = totals(projection)
    tables = []
    for name in TABLES:
        found = told.facets.get(name, ())
        most = max((one.count for one in found), default=1)
        rows = tuple(
            Bar(label(name, one, spoken), one.count, one.count / most, address(name, one.value))
            for one in found
        )
        if rows:
            tables.append((FACETS[name], rows))
    return StatisticsPage(reach(told), tuple(tables), by_month(told.months))


def by_month(told: Mapping[str, int]) -> tuple[Bar, ...]:
    """The last months, also those in which nothing came."""
    if not told:
        return ()
    first, last = (12 * int(one[:4]) + int(one[5:]) - 1 for one in (min(told), max(told)))
    months = [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(max(first, last - MOST_MONTHS + 1), last + 1)]
    most = max(told.values())
    return tuple(Bar("", told.get(one, 0), told.get(one, 0) / most, month=month(one)) for one in months)


def address(field: Field, value: str) -> str:
    if field == "collection":
        return f"/collections/{value}"
    return f"/search?{urlencode({parameter(field): value})}"
