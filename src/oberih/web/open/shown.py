"""Public records as pages show them."""

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

from fastapi import Request

from oberih.catalogue.public import FIELDS, Projection, PublicFile, PublicRecord, query_of, search
from oberih.i18n import say
from oberih.web.figures import figure, size
from oberih.web.pages import Pages
from oberih.web.views import Card, Choice, Download, Fact, FigureRow, GalleryPage, Paging, Picture, RecordPage
from oberih.web.views import Facet as FacetShown
from oberih.web.views import PublicPlace as PlaceShown

__all__ = ["gallery_page", "record_page"]

FACETS: Mapping[str, str] = {
    "kind": say("Kind"), "collection": say("Collection"), "material": say("Material"),
    "century": say("Century"), "licence": say("Licence"), "region": say("Region"),
    "language": say("Language"),
}  # fmt: skip
SORTS = {"new": "newest", "title": "title", "relevance": "relevance"}
UNKNOWN = say("It was not measured, as the scale is unknown.")
LIGHT = say("light, to see it in your room with a phone")
PAGE = 24


def gallery_page(projection: Projection, pages: Pages, request: Request) -> GalleryPage:
    """What was searched for, or the newest."""
    given = request.query_params
    text, sort = given.get("q", "")[:500], given.get("sort", "")
    filters = {name: tuple(given.getlist(name)[:20]) for name in FACETS if given.getlist(name)}
    tongue = pages.language_for(
        given.get("language_of_page", ""), request.cookies.get("language", ""),
        request.headers.get("Accept-Language", ""),
    ).code  # fmt: skip
    found = search(projection, query_of(
        text=text, unfinished=False, filters=filters, sort=SORTS.get(sort),
        language="uk" if tongue == "uk" else "en", size=PAGE, cursor=given.get("after") or None,
    ))  # fmt: skip
    facets = []
    for name in FIELDS:
        counts = (found.facets or {}).get(name, ())
        if name in FACETS and counts:
            chosen = filters.get(name, ())
            choices = tuple(
                Choice(one.value, label(one.labels, tongue, one.value), one.count, one.value in chosen)
                for one in counts
            )
            facets.append(FacetShown(name, FACETS[name], choices))
    kept = [(key, value) for key, value in given.multi_items() if key != "after"]
    later = f"/search?{urlencode([*kept, ('after', found.next)])}" if found.next else ""
    return GalleryPage(
        cards=tuple(card(one) for one in found.records), query=text, facets=tuple(facets),
        sort=sort if sort in SORTS else ("relevance" if text else "new"),  # type: ignore[arg-type]
        count=found.count or 0, capped=found.more, paging=Paging(later=later),
    )  # fmt: skip


def label(labels: Mapping[str, str], tongue: str, value: str) -> str:
    return labels.get(tongue) or next(iter(labels.values()), value)


def card(record: PublicRecord) -> Card:
    return Card(
        id=path_of(record), titles=dict(record.titles), kind=record.kind, picture=poster(record),
        place=next(iter(record.place.region.values()), ""), published=month(record.published),
    )  # fmt: skip


def record_page(record: PublicRecord) -> RecordPage:
    facts = []
    if record.periods:
        told = tuple(dict(one.label) or years(one.earliest, one.latest) for one in record.periods)
        facts.append(Fact(say("Period"), told))
    if record.materials:
        facts.append(Fact(say("Material"), tuple(dict(one.labels) for one in record.materials)))
    if record.collection:
        facts.append(Fact(say("Collection"), (dict(record.collection.titles),)))
    return RecordPage(
        id=path_of(record), titles=dict(record.titles), kind=record.kind, summary=dict(record.summary),
        poster=poster(record),
        place=PlaceShown(record.place.precision, next(iter(record.place.region.values()), "")),
        rights=record.rights.uri if record.rights else "",
        holder=(record.rights.holder or "") if record.rights else "",
        facts=tuple(facts), recorded=(month(record.recorded),) if record.recorded else (),
        published=month(record.published), version=record.version,
        credits=tuple(one.name for one in record.people if one.role == "contributor"),
        identifier=record.id, figures=tuple(figures(record)),
        downloads=downloads(record),
    )  # fmt: skip


def downloads(record: PublicRecord) -> tuple[Download, ...]:
    """All of the model in each format, and then its light files for phones; what is the same file, once."""
    files: dict[str, PublicFile] = {}
    for one in sorted(record.files_for("download"), key=is_light):
        files.setdefault(one.sha256, one)
    return tuple(
        Download(
            f"/files/{one.path}", (one.format or one.path.rpartition(".")[2]).upper(), one.bytes,
            LIGHT if is_light(one) else "",
        )
        for one in files.values()
    )  # fmt: skip


def is_light(file: PublicFile) -> bool:
    return file.path.rpartition("/")[2].startswith("ar.")


def figures(record: PublicRecord) -> list[FigureRow]:
    told = record.quality
    lengths = size([one / 1000 for one in told.size_mm or ()], "m", 2)
    error = figure(told.error_um / 1000 if told.error_um else None, "mm", 1)
    return [
        FigureRow(say("Size"), lengths, "" if lengths else UNKNOWN),
        FigureRow(say("Error (95 %)"), error, UNKNOWN),
        FigureRow(say("Triangles"), figure(told.triangles or None, digits=0)),
        FigureRow(say("Photos"), figure(told.photos or None, digits=0)),
    ]


def path_of(record: PublicRecord) -> str:
    return record.id.removeprefix("ark:/")


def month(value: str) -> date:
    return date.fromisoformat(f"{value}-01")


def years(earliest: int | None, latest: int | None) -> Mapping[str, str]:
    return {"en": "–".join(str(one) for one in dict.fromkeys((earliest, latest)) if one is not None)}


def poster(record: PublicRecord) -> Picture | None:
    found: tuple[PublicFile, ...] = record.files_for("poster")
    return Picture(f"/files/{found[0].path}", 1200, 900) if found else None
