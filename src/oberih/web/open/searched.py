"""What was searched for, as the gallery shows it; and collections, which are searches by another name."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Literal
from urllib.parse import quote, urlencode

from babel import Locale
from fastapi import Request
from starlette.datastructures import QueryParams

from oberih.archive.identifiers import parse
from oberih.catalogue.public import (
    FIELDS,
    FacetCount,
    Field,
    Projection,
    Query,
    at_a_glance,
    meant,
    query_of,
    record,
    value_of,
    values,
)
from oberih.catalogue.public.asking import LONGEST_CURSOR, LONGEST_TEXT
from oberih.catalogue.public.collation import sort_key
from oberih.errors import InputError, NotInArchive
from oberih.i18n import Language, say
from oberih.web.open.addresses import identifier_of, tail
from oberih.web.open.answers import MISSING
from oberih.web.open.data.oembed import identifier_in
from oberih.web.open.shown import card
from oberih.web.views import Card, Choice, GalleryPage, Paging
from oberih.web.views import Facet as FacetShown
from oberih.web.views.public import Texts
from oberih.web.views.site import CollectionCard, CollectionsPage
from oberih.web.views.words import KINDS, licence_of

__all__ = [
    "FACETS", "collection_page", "collections_page", "filters_in", "gallery_page", "identifier_searched",
    "label", "named", "order_of", "parameter", "text_in",
]  # fmt: skip

FACETS: Mapping[Field, str] = {
    "kind": say("Kind"), "collection": say("Collection"), "material": say("Material"),
    "century": say("Century"), "licence": say("Licence"), "region": say("Region"),
    "language": say("Language"), "available": say("What there is"),
}  # fmt: skip
AVAILABLE = {"model": say("To look at in 3D"), "download": say("To download")}
CENTURIES = (
    say("1st century"), say("2nd century"), say("3rd century"), say("4th century"),
    say("5th century"), say("6th century"), say("7th century"), say("8th century"),
    say("9th century"), say("10th century"), say("11th century"), say("12th century"),
    say("13th century"), say("14th century"), say("15th century"), say("16th century"),
    say("17th century"), say("18th century"), say("19th century"), say("20th century"),
    say("21st century"),
)  # fmt: skip
CENTURIES_BC = (
    say("1st century BC"), say("2nd century BC"), say("3rd century BC"), say("4th century BC"),
    say("5th century BC"), say("6th century BC"), say("7th century BC"), say("8th century BC"),
    say("9th century BC"), say("10th century BC"), say("before 1000 BC"),
)  # fmt: skip
SORTS = {"new": "newest", "title": "title", "relevance": "relevance"}
PAGE = 24
COLLECTIONS = 60  # that are shown at once
NAMED = re.compile(r"(?:([0-9A-Za-z]{5,9})/)?([A-Za-z]{1,3}[0-9][0-9A-Za-z-]{12,24})")  # of an ARK, as typed
CELL = re.compile(r"8[0-9a-f]{14}")


def gallery_page(
    projection: Projection, spoken: Language, request: Request, *, collection: FacetCount | None = None
) -> GalleryPage:
    """What was searched for, or the newest; ``collection``: only of that one."""
    given = request.query_params
    text, sort, cell = text_in(given), given.get("sort", ""), given.get("cell", "")
    filters = filters_in(given)
    if collection is not None:
        filters["collection"] = (collection.value,)
    query = query_of(
        text=text, unfinished=False, filters=filters, sort=SORTS.get(sort), language=order_of(spoken),
        size=PAGE, cursor=given.get("after", "")[:LONGEST_CURSOR] or None,
        cell=cell if CELL.fullmatch(cell) else None,
    )  # fmt: skip
    found = at_a_glance(projection, query)
    facets = []
    for name in FIELDS:
        counts = (found.facets or {}).get(name, ())
        if name in FACETS and counts and not (collection and name == "collection"):
            chosen = filters.get(name, ())
            choices = tuple(
                Choice(one.value, label(name, one, spoken), one.count, one.value in chosen) for one in counts
            )
            facets.append(FacetShown(parameter(name), FACETS[name], choices))
    kept = [(key, value) for key, value in given.multi_items() if key != "after"]
    here = f"/collections/{quote(collection.value, safe='')}" if collection else "/search"
    later = f"{here}?{urlencode([*kept, ('after', found.next)])}" if found.next else ""
    return GalleryPage(
        cards=tuple(card(one) for one in found.records), query=text, facets=tuple(facets),
        sort=sort if sort in SORTS else ("relevance" if text else "new"),  # type: ignore[arg-type]
        count=found.count or 0, capped=found.more, paging=Paging(later=later),
        cell=cell if CELL.fullmatch(cell) else "", address=here,
        titles=named(collection) if collection else None,
        meant="" if found.count else other_text(projection, query),
    )  # fmt: skip


def other_text(projection: Projection, query: Query) -> str:
    """What may have been meant by a query that found nothing; "" if that would find nothing either."""
    text = meant(projection, query.text) or ""
    asked = query.model_copy(update={"text": text, "cursor": None, "size": 1, "facets": False})
    return text if text and at_a_glance(projection, asked).records else ""


def text_in(given: QueryParams) -> str:
    """What an address searches for: ``q``, or ``text`` as in the JSON interface."""
    return (given.get("q") or given.get("text", ""))[:LONGEST_TEXT]


def identifier_searched(projection: Projection, text: str, address: str) -> str:
    """The record that a text names: by its ARK, the last part of it, or any address of it; "" if none."""
    text = text.strip()
    found = identifier_in(text, address)
    if not found and (named := NAMED.fullmatch(text)):
        naan = named[1] or naan_of_newest(projection)
        text = identifier_of(naan, named[2])
    try:
        found = found or parse(text)
    except InputError:  # it is a text like others
        return ""
    return found if record(projection, found) is not None else ""


def naan_of_newest(projection: Projection) -> str:
    newest = at_a_glance(projection, query_of(size=1, facets=False)).records
    return tail(newest[0].id).partition("/")[0] if newest else ""


def filters_in(given: QueryParams) -> dict[str, tuple[str, ...]]:
    """What of an address narrows the search."""
    told = {name: tuple(given.getlist(parameter(name))[:20]) for name in FACETS}
    return {name: values for name, values in told.items() if values}


def parameter(field: Field) -> str:
    """By which an address names a facet: ``language`` is the language of the page."""
    return "written" if field == "language" else field


def collection_page(
    projection: Projection, spoken: Language, request: Request, identifier: str
) -> GalleryPage:
    """Records of one collection."""
    known = value_of(projection, "collection", identifier)
    if known is None:
        raise NotInArchive(*MISSING)
    return gallery_page(projection, spoken, request, collection=known)


def collections_page(projection: Projection, spoken: Language) -> CollectionsPage:
    """All collections by their titles, each with its newest record."""
    order = order_of(spoken)
    known = sorted(
        values(projection, "collection", COLLECTIONS),
        key=lambda one: sort_key(label("collection", one, spoken), order),
    )
    return CollectionsPage(
        tuple(
            CollectionCard(quote(one.value, safe=""), named(one), one.count, newest(projection, one.value))
            for one in known
        )
    )


def newest(projection: Projection, collection: str) -> Card | None:
    asked = query_of(filters={"collection": (collection,)}, size=1, facets=False)
    found = at_a_glance(projection, asked).records
    return card(found[0]) if found else None


def label(field: Field, one: FacetCount, spoken: Language) -> str:
    """How a value of a facet is called."""
    if field == "kind" and one.value in KINDS:
        return KINDS[one.value].label
    if field == "licence":
        return licence_of(one.value).label
    if field == "century":
        return century(int(one.value))
    if field == "available":
        return AVAILABLE.get(one.value, one.value)
    if field == "language":
        return tongue(one.value, spoken.code)
    return one.labels.get(spoken.code) or next(iter(one.labels.values()), one.value)


def century(number: int) -> str:
    """17 is 1601 to 1700; below 0 they are before our era."""
    known = CENTURIES_BC if number < 0 else CENTURIES
    return known[min(abs(number), len(known)) - 1]


@cache
def tongue(code: str, spoken: str) -> str:
    """What a language is called in another."""
    return str(Locale.parse(spoken).languages.get(code, code))


def named(one: FacetCount) -> Texts:
    return one.labels or {"": one.value}


def order_of(spoken: Language) -> Literal["en", "uk"]:
    """The order of titles that is a reader's."""
    return "uk" if spoken.code == "uk" else "en"
