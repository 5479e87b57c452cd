"""What is kept of a subject, a capture and a model: three plain JSON files, typed and versioned.

`Description` is the descriptive core, after CIDOC / ISO 21127's inventory core: it maps to Dublin Core, LIDO,
EDM, schema.org and the Smithsonian's 3D metadata. `CaptureInfo` says how a recording came about, `ModelInfo`
what a model was made from and how good it is. Condition and damage have records of their own.

There is no field for a true place, and a person is a name that they want to be known by, or a pseudonym. A
value that nobody knows is left out, which reads as "unknown".
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from oberih.archive.metadata._values import (
    Digest,
    Identity,
    Labels,
    Line,
    Lines,
    Link,
    Model,
    Moment,
    Name,
    Record,
    Text,
    Texts,
    Year,
    years,
)
from oberih.i18n import say
from oberih.trust.cells import Precision, is_cell

__all__ = [
    "CaptureInfo",
    "CaptureOf",
    "Description",
    "Identifier",
    "Kind",
    "LegalStatus",
    "MeasuredError",
    "Measurement",
    "Method",
    "ModelInfo",
    "Period",
    "Person",
    "Place",
    "Relation",
    "Repository",
    "Rights",
    "Role",
    "Term",
    "json_schema",
    "model_info",
]

Kind = Literal["building", "monument", "statue", "object", "site", "street", "home", "other"]
Role = Literal["creator", "contributor", "publisher", "rights holder", "owner", "depicted"]
Method = Literal["photogrammetry", "video", "lidar", "structured light", "laser scan", "mixed"]
Unit = Literal[
    "kilometre",
    "metre",
    "centimetre",
    "millimetre",
    "square metre",
    "cubic metre",
    "kilogram",
    "gram",
    "degree",
]


class Term(Model):
    """A word for something, in as many languages as there are, and what it is in a vocabulary."""

    labels: Labels
    uri: Link | None = Field(default=None, description="in a vocabulary, such as the Getty AAT")


class Person(Model):
    """A person or an organisation, by a name that may be public or by a pseudonym, never both."""

    role: Role
    name: Line | None = None
    pseudonym: Line | None = Field(default=None, description="the true name is not in this file")
    type: Literal["person", "organisation"] = "person"
    function: Term | None = Field(default=None, description="architect, sculptor, patron, ...")
    uri: Link | None = Field(default=None, description="in an authority file")

    @model_validator(mode="after")
    def known_by_one_name(self) -> Self:
        if (self.name is None) == (self.pseudonym is None):
            raise ValueError(say("has to have either a name or a pseudonym"))
        if self.pseudonym is not None and self.uri is not None:
            raise ValueError(say("has a pseudonym, and an address (uri) that tells who it is"))
        return self

    @property
    def known_as(self) -> str:
        return self.name or self.pseudonym or ""


class Rights(Model):
    uri: Link = Field(description="of a licence, or of a statement of rightsstatements.org")
    holder: Line | None = Field(default=None, description="a name that may be public")
    credit: Line | None = Field(default=None, description="how it is to be named")
    note: Texts = Field(default={})


class Identifier(Model):
    """A number or a name that others have for the subject."""

    value: Line
    authority: Line = Field(description="who gave it: a museum, a register, Wikidata, ...")
    kind: Literal["inventory number", "register", "authority file", "other"] = "other"
    uri: Link | None = None


class Period(Model):
    phase: Literal["creation", "alteration", "use", "destruction"] = "creation"
    label: Labels | None = Field(default=None, description="as people say it: first half of the 18th century")
    earliest: Year | None = None
    latest: Year | None = None

    @model_validator(mode="after")
    def in_order(self) -> Self:
        if self.label is None and self.earliest is None and self.latest is None:
            raise ValueError(say("says nothing: give a label, earliest or latest"))
        if self.earliest and self.latest and years(self.earliest)[0] > years(self.latest)[1]:
            raise ValueError(say("ends before it begins"))
        return self


class Measurement(Model):
    what: Literal[
        "height", "width", "depth", "length", "diameter", "perimeter", "area", "volume", "weight", "angle"
    ]
    value: float | None = Field(default=None, ge=0, description="unknown if left out")
    unit: Unit = "metre"
    error: float | None = Field(default=None, ge=0, description="95 %, in the same unit; unknown if left out")
    method: Line | None = Field(default=None, description="unknown if left out")
    part: Labels | None = Field(default=None, description="of which part; of the whole if left out")


class Repository(Model):
    """The museum, church, ... that keeps the subject or cares for it."""

    names: Labels
    uri: Link | None = None


class LegalStatus(Model):
    """Protection under the Hague Convention 1954 and its protocols: by law, and as marked on the spot."""

    hague: Literal["none", "general", "special", "enhanced", "unknown"] = "unknown"
    marking_observed: Literal["none", "emblem", "three emblems", "enhanced emblem", "unknown"] = "unknown"
    national: Texts = Field(default={}, description="protection under national law")


class Place(Model):
    """Where it is, as exactly as everybody may know. The true place is kept elsewhere, sealed."""

    names: Lines = Field(default={}, description="of the region")
    cell: str | None = Field(
        default=None, pattern=r"^8[0-9ab][0-9a-f]{13}$", description="H3 index, not finer than the precision"
    )
    precision: Precision = "region"

    @model_validator(mode="after")
    def no_more_exact_than_it_says(self) -> Self:
        if self.precision == "withheld" and (self.cell or self.names):
            raise ValueError(say("is withheld, and yet said"))
        if self.cell and not is_cell(self.cell, self.precision):
            raise ValueError(say("has a cell that is more exact than its precision"))
        return self


class Relation(Model):
    """To another object, of this archive or elsewhere."""

    kind: Literal[
        "is part of", "has part", "is model of", "made from", "is version of", "replaces", "related to"
    ]
    identifier: Identity = Field(description="ark:/... or a web address")
    titles: Lines = Field(default={})


class Description(Record):
    """The contents of ``description.json``: what is known of a subject."""

    schema_version: Literal["1"] = "1"
    titles: Labels
    alternative_titles: tuple[Labels, ...] = ()
    summary: Texts = Field(default={})
    kind: Kind = "other"
    object_type: Labels | None = Field(default=None, description="in free words: wooden church, ...")
    periods: tuple[Period, ...] = ()
    materials: tuple[Term, ...] = ()
    techniques: tuple[Term, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    people: tuple[Person, ...] = ()
    rights: Rights | None = Field(default=None, description="in what is published; not evaluated if left out")
    identifiers: tuple[Identifier, ...] = ()
    subjects: tuple[Term, ...] = Field(default=(), description="keywords")
    repository: Repository | None = None
    legal_status: LegalStatus = LegalStatus()
    place: Place | None = None
    relations: tuple[Relation, ...] = ()
    notes: Texts = Field(default={})

    @property
    def language(self) -> str:
        """The language that it is written in first of all."""
        return next(iter(self.titles))

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of its titles and summaries, the main one first."""
        return tuple(dict.fromkeys([*self.titles, *self.summary]))

    def title(self, language: str = "") -> str:
        """The title in a language, or else in the main one."""
        return self.titles.get(language) or self.titles[self.language]

    def by_role(self, *roles: Role) -> tuple[Person, ...]:
        return tuple(person for person in self.people if person.role in roles)


class CaptureInfo(Record):
    """The contents of ``capture.json``: how a recording came about."""

    schema_version: Literal["1"] = "1"
    method: Method = "photogrammetry"
    devices: tuple[Name, ...] = Field(default=(), description="maker and model, as the recordings say")
    software: tuple[Name, ...] = Field(default=(), description="that recorded, with version")
    person: Line | None = Field(default=None, description="pseudonym of who recorded")
    taken_from: Moment | None = Field(default=None, description="by the device's clock")
    taken_to: Moment | None = None
    conditions: Text | None = Field(default=None, description="light, weather, what was in the way")
    files: int | None = Field(default=None, ge=0)
    photos: int | None = Field(default=None, ge=0)
    bytes: int | None = Field(default=None, ge=0)
    scale_bar_m: float | None = Field(default=None, gt=0, description="a known distance in the pictures")
    of: Identity | None = Field(default=None, description="the object that describes the subject")
    rights: Rights | None = None
    notes: Texts = Field(default={})


class CaptureOf(Model):
    """A capture that a model was made from, exactly: this version of it and no other."""

    identifier: Identity
    inventory_digest: Digest


class MeasuredError(Model):
    """How far a place on the model may be from where it is, 95 % of the time."""

    value: float | None = Field(default=None, ge=0, description="unknown if left out")
    unit: Literal["m", "unit"] = "unit"
    method: Text | None = None
    drawing_scale: float | None = Field(default=None, gt=0, description="N of 1:N that it supports")


class ModelInfo(Record):
    """The contents of ``model.json``: what a model was made from, and what was measured on it."""

    schema_version: Literal["1"] = "1"
    captures: tuple[CaptureOf, ...] = ()
    made_at: Moment | None = None
    made_by: Line | None = Field(default=None, description="software, with version")
    software: dict[str, str] = Field(default={}, description="name -> version")
    points: int | None = Field(default=None, ge=0)
    vertices: int | None = Field(default=None, ge=0)
    triangles: int | None = Field(default=None, ge=0, description="of the full surface")
    display_triangles: int | None = Field(default=None, ge=0, description="of the simplified one")
    textures: int | None = Field(default=None, ge=0)
    texel: float | None = Field(default=None, gt=0, description="size of a texel, in the unit")
    unit: Literal["m", "unit"] = "unit"
    size: tuple[float, float, float] | None = Field(
        default=None, description="width, height, depth, in the unit"
    )
    scale_source: Text | None = None
    error: MeasuredError = MeasuredError()
    rights: Rights | None = Field(default=None, description="as the subject's if left out")

    @field_validator("size")
    @classmethod
    def has_a_size(cls, size: tuple[float, float, float] | None) -> tuple[float, float, float] | None:
        if size is not None and min(size) < 0:
            raise ValueError(say("is negative"))
        return size


def model_info(
    report: Mapping[str, Any], captures: Sequence[CaptureOf] = (), *, textures: int | None = None,
    rights: Rights | None = None,
) -> ModelInfo:  # fmt: skip
    """What ``report.json`` says of a model (as `json.loads` reads it). Raises `InputError`."""

    def part(*names: str) -> Any:
        value: Any = report
        for name in names:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    values = {
        "captures": [capture.model_dump() for capture in captures],
        "made_at": part("made_at"),
        "made_by": part("made_by"),
        "software": part("software"),
        "points": part("surface", "points"),
        "vertices": part("surface", "vertices"),
        "triangles": part("surface", "triangles"),
        "display_triangles": part("surface", "model_triangles"),
        "texel": part("surface", "texel", "value"),
        "unit": part("scale", "unit"),
        "size": part("surface", "size"),
        "scale_source": part("scale", "method"),
        "textures": textures,
        "rights": rights.model_dump() if rights else None,
        "error": {
            "value": part("error", "total", "value"),
            "unit": part("error", "total", "unit") or "unit",
            "method": part("error", "total", "method"),
            "drawing_scale": part("error", "drawing_scale", "value"),
        },
    }
    return ModelInfo.make({name: value for name, value in values.items() if value is not None})


def json_schema() -> str:
    """The JSON schema of the three files, as in ``docs/description.schema.json`` (see ``__main__``)."""
    from pydantic.json_schema import models_json_schema

    records: list[type[Record]] = [Description, CaptureInfo, ModelInfo]
    _, schema = models_json_schema(
        [(record, "validation") for record in records], ref_template="#/$defs/{model}"
    )
    files = [f"#/$defs/{record.__name__}" for record in records]
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What Oberih keeps of a subject, a capture and a model",
        "description": "description.json: Description; capture.json: CaptureInfo; model.json: ModelInfo",
        "anyOf": [{"$ref": file} for file in files],
        **schema,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
