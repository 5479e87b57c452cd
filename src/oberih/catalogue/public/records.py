"""What the public can know of a subject, and nothing else: types that have no room for a secret.

There is no field for a true place, a moment, a pseudonym or an original, no number with a fraction that could
be a coordinate, and unknown fields are refused: what was not made public on purpose cannot slip in. A place
is a cell as large as its class asks; dates are months; lengths are whole micrometres or millimetres.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from oberih.i18n import say
from oberih.trust.cells import Precision, is_cell

__all__ = [
    "ARK",
    "LEVELS",
    "Ark",
    "FileRole",
    "Glance",
    "GlanceFile",
    "Kind",
    "Month",
    "PublicAnnotation",
    "PublicCollection",
    "PublicFile",
    "PublicIdentifier",
    "PublicPeriod",
    "PublicPerson",
    "PublicPlace",
    "PublicRecord",
    "PublicRelation",
    "PublicRights",
    "PublicScene",
    "PublicStop",
    "PublicTerm",
    "PublicTour",
    "PublicView",
    "Quality",
    "Withdrawn",
]

# What XML 1.0 cannot hold, control characters, and what turns the direction of writing round.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def legible(text: str) -> str:
    """``text`` without spaces around it, if something of it can be seen and nothing in it harms."""
    if not text.isprintable() and FORBIDDEN.search(text):  # ends of lines are not printable, and allowed
        raise ValueError(say("has a character that nobody can see"))
    text = text.strip()
    if not text:
        raise ValueError(say("is empty"))
    return text


Line = Annotated[str, Field(max_length=2_000, pattern=r"^[^\n]*$"), AfterValidator(legible)]
Text = Annotated[str, Field(max_length=20_000), AfterValidator(legible)]
Tag = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", description="BCP 47")]
Lines = Annotated[dict[Tag, Line], Field(max_length=40, description="the main language first")]
Labels = Annotated[Lines, Field(min_length=1)]
Texts = Annotated[dict[Tag, Text], Field(max_length=40)]
ARK = re.compile(r"^ark:/[0-9a-z]{5,9}/[0-9a-z]{1,40}\Z")
Ark = Annotated[str, Field(pattern=r"^ark:/[0-9a-z]{5,9}/[0-9a-z]{1,40}$")]
Month = Annotated[str, Field(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])$", description="YYYY-MM")]
Link = Annotated[
    str, Field(pattern=r"^https?://[A-Za-z0-9.-]+(/[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]*)?$", max_length=500)
]
# Of the Art & Architecture Thesaurus only: a word of a gazetteer would say where.
Concept = Annotated[str, Field(pattern=r"^https?://vocab\.getty\.edu/(page/)?aat/[0-9]+$")]
# ASCII, and no part begins with a dot: nothing leads out of the folder of public files.
Path = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$", max_length=300)
]
CalendarYear = Annotated[int, Field(ge=-100_000, le=2_200)]
Count = Annotated[int, Field(ge=0, le=2**40)]
Micro = Annotated[int, Field(ge=-(2**50), le=2**50)]
Point = tuple[Micro, Micro, Micro]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]{1,20}$")]

FileRole = Literal[
    "full", "medium", "small", "tiles", "ar", "poster", "social", "turntable", "picture", "download"
]
LEVELS: tuple[FileRole, ...] = ("full", "medium", "small")
"""Levels of detail of a model, the finest first."""

Kind = Literal["building", "monument", "statue", "object", "site", "street", "home", "other"]


class Part(BaseModel):
    """A frozen part of what is public; unknown fields are refused, and nothing is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PublicTerm(Part):
    labels: Labels
    uri: Concept | None = None


class PublicPeriod(Part):
    phase: Literal["creation", "alteration", "use", "destruction"] = "creation"
    label: Lines = {}
    earliest: CalendarYear | None = None
    latest: CalendarYear | None = None

    @model_validator(mode="after")
    def in_order(self) -> Self:
        if self.earliest is not None and self.latest is not None and self.earliest > self.latest:
            raise ValueError(say("ends before it begins"))
        return self


class PublicPerson(Part):
    """Somebody who may be named, by the name that may be public. Never a pseudonym."""

    name: Line
    role: Literal["creator", "contributor", "publisher", "rights holder", "depicted"]
    type: Literal["person", "organisation"] = "person"


class PublicCollection(Part):
    id: Line
    titles: Labels


class PublicRights(Part):
    uri: Link = Field(description="of a licence, or of a statement of rightsstatements.org")
    holder: Line | None = None
    credit: Line | None = Field(default=None, description="how it is to be named")


class PublicIdentifier(Part):
    """A number that others have for it: an inventory number. Not of a register that says where it is."""

    value: Line
    authority: Line


class PublicPlace(Part):
    """As much of where it is as everybody may know."""

    precision: Precision = "withheld"
    cell: Annotated[str, Field(pattern=r"^8[0-9a-f]{14}$")] | None = None
    region: Lines = Field(default={}, description="names of the region")

    @model_validator(mode="after")
    def no_more_exact_than_it_says(self) -> Self:
        if self.precision == "withheld" and (self.cell or self.region):
            raise ValueError(say("is withheld, and yet said"))
        if self.cell is not None and not is_cell(self.cell, self.precision):
            raise ValueError(say("has a cell that is more exact than its precision"))
        return self


class Quality(Part):
    """What was measured on the model; None is unknown."""

    triangles: Count | None = None
    points: Count | None = None
    photos: Count | None = None
    scale: Literal["with the model", "one length"] | None = Field(
        default=None, description="known with the model, or by one length that was measured on it"
    )
    error_um: Count | None = Field(default=None, description="95 %, micrometres, with that of the scale")
    place_error_um: Count | None = Field(
        default=None, description="of it, that of a place on the model, if that of the scale is known apart"
    )
    scale_error_ppm: Count | None = Field(default=None, description="95 %, of the scale: of any length")
    texel_um: Count | None = Field(default=None, description="size of a texel, micrometres")
    drawing_scale: Count | None = Field(default=None, description="N of 1:N that the error supports")
    coverage_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    size_mm: tuple[Count, Count, Count] | None = Field(default=None, description="width, height, depth")


class PublicFile(Part):
    """A file that was made for the public from scratch, below the folder of public files."""

    path: Path
    media_type: Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+-]+$", max_length=100)]
    bytes: Count
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    role: FileRole = Field(description="full, medium and small are levels of detail of the model")
    format: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,20}$")] | None = Field(
        default=None, description="of a download: see docs/formats.md"
    )
    triangles: Count | None = None
    points: Count | None = None
    size_px: tuple[Count, Count] | None = Field(default=None, description="width and height of a picture")


class PublicView(Part):
    """From where a model is looked at."""

    eye: Point
    target: Point


class PublicScene(Part):
    """The model as a viewer shows it: y is up, the ground is at 0, lengths are millionths of its unit."""

    unit: Literal["m", "unit"] = Field(description="unit: the largest side is 1, its true length unknown")
    size: Point = Field(description="width, height and depth")
    view: PublicView = Field(description="where to begin")
    field_deg: Annotated[int, Field(ge=1, le=179)] = Field(description="vertical field of view")
    eyes: Annotated[tuple[PublicView, ...], Field(max_length=500)] = Field(
        default=(), description="where photos were taken, sorted by place; only where that may be known"
    )


class PublicAnnotation(Part):
    """Something that is said of a point of the model."""

    id: Slug
    at: Point
    titles: Labels
    texts: Texts = {}
    view: PublicView | None = Field(default=None, description="from where it is seen well")


class PublicStop(Part):
    """A halt of a tour."""

    view: PublicView
    annotation: Slug | None = Field(default=None, description="that stands open there")
    texts: Texts = {}


class PublicTour(Part):
    id: Slug
    titles: Labels
    stops: Annotated[tuple[PublicStop, ...], Field(min_length=1, max_length=50)]


class PublicRelation(Part):
    """To another record that is public."""

    kind: Literal["is part of", "has part", "is version of", "replaces", "related to"]
    id: Ark


class PublicRecord(Part):
    """Everything that is public of one subject."""

    id: Ark
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    published: Month = Field(description="when it first became public")
    titles: Labels
    alternative_titles: tuple[Labels, ...] = ()
    summary: Texts = {}
    kind: Kind = "other"
    object_type: Lines = {}
    periods: tuple[PublicPeriod, ...] = ()
    materials: tuple[PublicTerm, ...] = ()
    keywords: tuple[PublicTerm, ...] = ()
    people: tuple[PublicPerson, ...] = ()
    collection: PublicCollection | None = None
    rights: PublicRights | None = None
    identifiers: tuple[PublicIdentifier, ...] = ()
    place: PublicPlace = PublicPlace()
    recorded: Month | None = None
    quality: Quality = Quality()
    files: tuple[PublicFile, ...] = ()
    scene: PublicScene | None = None
    annotations: Annotated[tuple[PublicAnnotation, ...], Field(max_length=100)] = ()
    tours: Annotated[tuple[PublicTour, ...], Field(max_length=20)] = ()
    relations: tuple[PublicRelation, ...] = ()

    @model_validator(mode="after")
    def related_to_others(self) -> Self:
        if any(relation.id == self.id for relation in self.relations):
            raise ValueError(say("is related to itself"))
        return self

    @property
    def languages(self) -> tuple[str, ...]:
        """Of its titles and summaries, the main one first."""
        return tuple(dict.fromkeys([*self.titles, *self.summary]))

    def title(self, language: str = "") -> str:
        """In a language, or else in the main one."""
        return self.titles.get(language) or next(iter(self.titles.values()))

    def files_for(self, *roles: FileRole) -> tuple[PublicFile, ...]:
        return tuple(file for file in self.files if file.role in roles)


class GlancePlace(BaseModel):
    region: dict[str, str] = {}


class GlanceFile(BaseModel):
    path: str
    role: FileRole
    size_px: tuple[int, int] | None = None


class Glance(BaseModel):
    """What a list shows of a record. It was checked when that was, and is kept beside it: a page with many of
    them has no time to read everything else again.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    published: str
    titles: dict[str, str]
    kind: Kind = "other"
    place: GlancePlace = GlancePlace()
    files: tuple[GlanceFile, ...] = Field(default=(), description="posters")

    @classmethod
    def of(cls, record: PublicRecord) -> Self:
        return cls(
            id=record.id, published=record.published, titles=record.titles, kind=record.kind,
            place=GlancePlace(region=record.place.region),
            files=tuple(
                GlanceFile(path=one.path, role=one.role, size_px=one.size_px)
                for one in record.files_for("poster")
            ),
        )  # fmt: skip

    def files_for(self, *roles: FileRole) -> tuple[GlanceFile, ...]:
        return tuple(file for file in self.files if file.role in roles)


class Withdrawn(Part):
    """What remains of a record that was public: that it was, and until when."""

    id: Ark
    version: int
    month: Month
