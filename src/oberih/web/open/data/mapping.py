"""A public record in the words of `oberih.archive.metadata`: what all standards are written from.

This is the only way from a record to them. It chooses field by field, from public values alone; what it makes
was checked when the record was, and is not checked again.
"""

from collections.abc import Iterator
from functools import cache
from typing import TypeVar

from pydantic import BaseModel

from oberih.archive.metadata import (
    Description,
    MeasuredError,
    ModelInfo,
    Publication,
    WebFile,
    dublin_core,
    edm,
    lido,
    schema_org,
)
from oberih.archive.metadata.description import (
    Identifier,
    Period,
    Person,
    Place,
    Relation,
    Rights,
    Term,
)
from oberih.catalogue.public import PublicFile, PublicRecord, PublicTerm
from oberih.catalogue.public.records import LEVELS
from oberih.web.open.addresses import House, file_of, page_of

__all__ = [
    "as_dublin_core",
    "as_edm",
    "as_lido",
    "as_schema_org",
    "described",
    "measured",
    "preview",
    "publication",
    "publisher",
]

MICRO, MILLI = 1e-6, 1e-3
M = TypeVar("M", bound=BaseModel)


def unchecked(kind: type[M], /, **values: object) -> M:
    """As ``kind.model_construct``, which looks for other names of each field: a tenth of a harvest."""
    one = kind.__new__(kind)
    object.__setattr__(one, "__dict__", defaults(kind) | values)
    object.__setattr__(one, "__pydantic_fields_set__", set(values))
    object.__setattr__(one, "__pydantic_extra__", None)
    object.__setattr__(one, "__pydantic_private__", None)
    return one


@cache
def defaults(kind: type[BaseModel]) -> dict[str, object]:
    fields = kind.model_fields.items()
    return {name: one.get_default(call_default_factory=True) for name, one in fields if not one.is_required()}


def described(record: PublicRecord) -> Description:
    """What is said of the subject."""
    return unchecked(
        Description,
        titles=record.titles,
        alternative_titles=record.alternative_titles,
        summary=record.summary,
        kind=record.kind,
        object_type=record.object_type or None,
        periods=tuple(
            unchecked(
                Period,
                phase=one.phase,
                label=one.label or None,
                earliest=year(one.earliest),
                latest=year(one.latest),
            )
            for one in record.periods
            if one.label or one.earliest is not None or one.latest is not None
        ),
        materials=terms(record.materials),
        subjects=terms(record.keywords),
        people=tuple(unchecked(Person, role=one.role, name=one.name, type=one.type) for one in record.people),
        rights=unchecked(
            Rights, uri=record.rights.uri, holder=record.rights.holder, credit=record.rights.credit
        )
        if record.rights
        else None,
        identifiers=tuple(
            unchecked(Identifier, value=one.value, authority=one.authority, kind="inventory number")
            for one in record.identifiers
        ),
        place=unchecked(
            Place, names=record.place.region, cell=record.place.cell, precision=record.place.precision
        ),
        relations=tuple(unchecked(Relation, kind=one.kind, identifier=one.id) for one in record.relations),
    )


def terms(given: tuple[PublicTerm, ...]) -> tuple[Term, ...]:
    return tuple(unchecked(Term, labels=one.labels, uri=one.uri) for one in given)


def year(value: int | None) -> str | None:
    """As EDTF writes it: 0988, -0450, Y-10500."""
    if value is None:
        return None
    return f"{'-' if value < 0 else ''}{abs(value):04}" if abs(value) < 10_000 else f"Y{value}"


def publication(record: PublicRecord, house: House) -> Publication:
    """Where it is public."""
    shown, address = preview(record), house.address
    return unchecked(
        Publication,
        identifier=record.id,
        page=page_of(address, record.id),
        publisher=publisher(record, house),
        files=tuple(
            unchecked(
                WebFile,
                url=file_of(address, file.path),
                media_type=file.media_type,
                role=role,
                bytes=file.bytes,
                triangles=file.triangles,
                points=file.points,
            )
            for file, role in files(record)
        ),
        preview=file_of(address, shown.path) if shown else None,
        recorded=record.recorded,
    )


def publisher(record: PublicRecord, house: House) -> dict[str, str]:
    """Who is responsible for the record: whom it names, else the house. A collection publishes nothing."""
    named = [one.name for one in record.people if one.role == "publisher"]
    return {next(iter(record.titles)): named[0]} if named else {house.language: house.called}


def files(record: PublicRecord) -> Iterator[tuple[PublicFile, str]]:
    """What anybody can fetch, the best one to show first, and each only once."""
    models = (record.files_for(level)[:1] for level in LEVELS)
    best = next((found for found in models if found), ())
    told: set[str] = set()
    for file in (
        *best,
        *record.files_for("download"),
        *record.files_for("picture"),
        *largest(record, "poster"),
    ):
        if file.sha256 in told:
            continue
        told.add(file.sha256)
        picture = file.media_type.startswith("image/")
        cloud = file.points is not None and not file.triangles
        yield file, "picture" if picture else "point cloud" if cloud else "model"


def preview(record: PublicRecord) -> PublicFile | None:
    """The picture to show where there is room for one."""
    return next(iter(largest(record, "poster")), None)


def largest(record: PublicRecord, role: str) -> tuple[PublicFile, ...]:
    found = [one for one in record.files if one.role == role]
    return tuple(sorted(found, key=lambda one: -(one.size_px or (0, 0))[0])[:1])


def measured(record: PublicRecord) -> ModelInfo:
    """What was measured on the model: only EDM has a place for it."""
    told = record.quality
    unit = "m" if told.size_mm is not None or told.error_um is not None else "unit"
    return unchecked(
        ModelInfo,
        points=told.points,
        triangles=told.triangles,
        texel=told.texel_um * MICRO if told.texel_um else None,
        unit=unit,
        size=tuple(one * MILLI for one in told.size_mm) if told.size_mm else None,
        error=unchecked(
            MeasuredError,
            value=told.error_um * MICRO if told.error_um is not None else None,
            unit=unit,
            drawing_scale=told.drawing_scale,
        ),
    )


def as_dublin_core(record: PublicRecord, house: House) -> bytes:
    return dublin_core(described(record), publication(record, house))


def as_lido(record: PublicRecord, house: House) -> bytes:
    return lido(described(record), publication(record, house))


def as_edm(record: PublicRecord, house: House) -> bytes:
    """Raises `InputError` if Europeana does not take its rights."""
    return edm(described(record), publication(record, house), measured(record))


def as_schema_org(record: PublicRecord, house: House) -> dict[str, object]:
    return schema_org(described(record), publication(record, house))
