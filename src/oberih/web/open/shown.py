"""A public record as its page shows it."""

from collections.abc import Iterator, Mapping
from datetime import date
from urllib.parse import urlencode

from markupsafe import Markup

from oberih.catalogue.public import (
    Glance,
    MapCell,
    PublicFile,
    PublicPeriod,
    PublicPlace,
    PublicRecord,
    PublicTerm,
)
from oberih.i18n import say
from oberih.web.charts import View, chart, middle
from oberih.web.figures import error, figure, size
from oberih.web.open.addresses import House, data_of, embed_of, file_of, persistent, tail
from oberih.web.open.data.citing import credit, sentence
from oberih.web.open.data.json_ld import json_ld
from oberih.web.open.data.links import links_of
from oberih.web.open.embed import poster_of, viewer_of
from oberih.web.views import Annotation, Card, Citations, Download, Fact, FigureRow, Picture, RecordPage, Tour
from oberih.web.views import PublicPlace as PlaceShown
from oberih.web.views.public import Texts, Value, Way

__all__ = ["card", "month", "record_page"]

SMALL_MAP = {"zoom": 6, "width": 320, "height": 200}
UNKNOWN = say("It was not measured, as the scale is unknown.")
UNMEASURED = say("It was not measured.")
AGREEMENT = say(
    "19 of 20 distances on the model are at most so far off, as the agreement of the photos tells."
)
ONE_LENGTH = say(
    "19 of 20 distances on the model are at most so far off: so the photos agree, and so exactly is the one "
    "length known that gave it its size."
)
LIGHT = say("Light: to see it in your room with a phone.")
FORMATS: Mapping[str, str] = {
    "GLB": say("For the web and most 3D programs: shape and colours in one file."),
    "USDZ": say("For iPhone and iPad: it opens at once, and stands in your room."),
    "OBJ": say("For nearly every 3D program, old ones too."),
    "PLY": say("For research: the exact shape, with colours."),
    "STL": say("For 3D printing: the shape alone."),
    "3MF": say("For 3D printing in colour, in true size."),
    "LAZ": say("A cloud of points, packed small: for maps and surveying."),
    "LAS": say("A cloud of points: for maps and surveying."),
    "E57": say("A cloud of points as laser scanners write it: for surveying and CAD."),
    "FBX": say("For animation and game engines."),
    "DXF": say("For CAD programs."),
    "GLTF": say("For the web, in several files."),
}
PHASES: Mapping[str, str] = {
    "creation": say("Made"), "alteration": say("Changed"), "use": say("In use"), "destruction": say("Lost"),
}  # fmt: skip
PEOPLE: Mapping[str, str] = {
    "creator": say("Made by"), "depicted": say("Shows"), "publisher": say("Published by"),
}  # fmt: skip
RELATED: Mapping[str, str] = {
    "is part of": say("It is a part of"), "has part": say("Its parts"),
    "is version of": say("Other versions of it"), "replaces": say("It replaces"),
    "related to": say("Related to it"),
}  # fmt: skip
NEARBY = say("In the same part of the map")


def record_page(
    record: PublicRecord, house: House, code: str = "", *, related: Mapping[str, Glance] = {},
    around: tuple[Glance, ...] = (),
) -> RecordPage:  # fmt: skip
    """``code``: the reader's language; ``related``: by their identifiers; ``around``: those nearby."""
    shown, address = record.files_for("social"), house.address
    return RecordPage(
        id=tail(record.id), titles=record.titles, kind=record.kind, summary=record.summary,
        poster=poster_of(record), place=place(record.place), citations=cited(record, house, code),
        address=persistent(address, record.id),
        rights=record.rights.uri if record.rights else "",
        holder=(record.rights.holder or "") if record.rights else "", credit=credit(record),
        facts=tuple(facts(record)), recorded=month(record.recorded) if record.recorded else None,
        published=month(record.published), version=record.version,
        credits=tuple(one.name for one in record.people if one.role == "contributor"),
        identifier=record.id, figures=tuple(figures(record)), downloads=downloads(record),
        viewer=viewer_of(record), photos=photos(record),
        annotations=tuple(Annotation(one.titles, one.texts) for one in record.annotations),
        tours=tuple(Tour(one.titles, tuple(stops(record, one.id))) for one in record.tours),
        others=tuple(ways(record, related, around)),
        social=file_of(address, shown[0].path) if shown else "", embed=embed_of(address, record.id),
        json_ld=Markup(json_ld(record, house)),  # noqa: S704 - it is made for that
        links=tuple(
            {name: value for name, value in vars(one).items() if value} for one in links_of(record, address)
        ),
    )  # fmt: skip


def cited(record: PublicRecord, house: House, code: str) -> Citations:
    return Citations(
        sentence(record, house, code), data_of(house.address, record.id, "citation.bib"),
        data_of(house.address, record.id, "citation.ris"),
    )  # fmt: skip


def photos(record: PublicRecord) -> tuple[Picture, ...]:
    """Photos that it was made of, as the public may see them."""
    found = ((one.path, one.size_px) for one in record.files_for("picture"))
    return tuple(Picture(file_of("", path), *size) for path, size in found if size)


def stops(record: PublicRecord, tour: str) -> Iterator[Texts]:
    """What is said at each halt of a tour: its own words, or those of the annotation that stands open."""
    notes = {one.id: one for one in record.annotations}
    for one in next(one for one in record.tours if one.id == tour).stops:
        note = notes.get(one.annotation or "")
        yield one.texts or (note.texts or note.titles if note else {})


def facts(record: PublicRecord) -> Iterator[Fact]:
    if record.object_type:
        yield Fact(say("What it is"), (Value(record.object_type),))
    for phase, name in PHASES.items():
        told = tuple(Value(period(one)) for one in record.periods if one.phase == phase)
        if told:
            yield Fact(name, told)
    for role, name in PEOPLE.items():
        named = tuple(Value({"": one.name}) for one in record.people if one.role == role)
        if named:
            yield Fact(name, named)
    if record.materials:
        yield Fact(say("Material"), tuple(term(one, "material") for one in record.materials))
    if record.keywords:
        yield Fact(say("Keywords"), tuple(term(one) for one in record.keywords))
    if record.collection:
        held = record.collection
        yield Fact(say("Collection"), (Value(held.titles, f"/collections/{held.id}"),))
    if record.identifiers:
        numbers = tuple(Value({"": f"{one.value} ({one.authority})"}) for one in record.identifiers)
        yield Fact(say("Inventory number"), numbers)


def term(one: PublicTerm, field: str = "") -> Value:
    value = (one.labels.get("en") or next(iter(one.labels.values()))).casefold()  # as it is searched for
    return Value(one.labels, f"/search?{urlencode({field: value})}" if field else "")


def period(one: PublicPeriod) -> Texts:
    return one.label or {
        "": "–".join(f"{year}" for year in dict.fromkeys((one.earliest, one.latest)) if year is not None)
    }


def figures(record: PublicRecord) -> Iterator[FigureRow]:
    told = record.quality
    error_m = told.error_um / 1e6 if told.error_um else None
    lengths = size([one / 1000 for one in told.size_mm or ()], "m", 2 if (error_m or 0) < 0.5 else 1)
    yield FigureRow(say("Size"), lengths, say("Width × height × depth of the model.") if lengths else UNKNOWN)
    method = UNKNOWN if told.scale is None and not lengths else UNMEASURED
    if error_m:
        method = ONE_LENGTH if told.scale == "one length" else AGREEMENT
    yield FigureRow(say("Error (95 %)"), error(error_m, 1), method)
    if told.drawing_scale:
        scale = say("1:{number}", number=told.drawing_scale)
        yield FigureRow(say("Good for drawings"), scale, say("The largest scale that the error allows."))
    yield FigureRow(
        say("Triangles"), figure(told.triangles or None, digits=0), say("Of the model that is shown here.")
    )
    yield FigureRow(
        say("Photos"), figure(told.photos or None, digits=0), say("Whose places were found, counted.")
    )
    if told.coverage_percent is not None:
        yield FigureRow(
            say("Share of the photos in the model"), say("{x:.0f} %", x=told.coverage_percent),
            say("Of what they show, so much became model; the rest is missing in it."),
        )  # fmt: skip


def downloads(record: PublicRecord) -> tuple[Download, ...]:
    """All of the model in each format, and then its light files for phones; what is the same file, once."""
    files: dict[str, PublicFile] = {}
    for one in sorted(record.files_for("download", "ar"), key=is_light):
        files.setdefault(one.sha256, one)
    return tuple(
        Download(f"/files/{one.path}", name, one.bytes, LIGHT if is_light(one) else FORMATS.get(name, ""))
        for one in files.values()
        for name in (ending(one),)
    )


def ending(file: PublicFile) -> str:
    """What people call a format: GLB, also of its compressed kind."""
    return (file.format or file.path.rpartition(".")[2]).partition("-")[0].upper()


def is_light(file: PublicFile) -> bool:
    return file.role == "ar" or file.path.rpartition("/")[2].startswith("ar.")


def ways(record: PublicRecord, related: Mapping[str, Glance], around: tuple[Glance, ...]) -> Iterator[Way]:
    for kind, label in RELATED.items():
        ids = [one.id for one in record.relations if one.kind == kind and one.id in related]
        if ids:
            yield Way(label, tuple(card(related[one]) for one in ids))
    told = tuple(card(one) for one in around if one.id not in related)
    if told:
        yield Way(NEARBY, told)


def card(record: Glance) -> Card:
    return Card(
        id=tail(record.id), titles=record.titles, kind=record.kind, picture=poster_of(record),
        place=record.place.region, published=month(record.published),
    )  # fmt: skip


def place(told: PublicPlace) -> PlaceShown:
    """With its cell on a small map: as large as the cell is, and no more exact."""
    if told.cell is None:
        return PlaceShown(told.precision, told.region)
    view = View(*middle(told.cell), **SMALL_MAP)
    return PlaceShown(told.precision, told.region, chart(view, (MapCell(told.cell, 1),)))


def month(value: str) -> date:
    return date(int(value[:4]), int(value[5:]), 1)
