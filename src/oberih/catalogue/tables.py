"""What the catalogue knows of heritage, one class for each kind of thing. All of it is private.

What the public sees is made from this and lies elsewhere (see `public`). Every class here is `Heritage`: a
change of any of them becomes an entry of the ledger, with the whole new state, and the table can be made
again from the ledger. People are pseudonyms here; names, addresses and credentials are accounts.

Subjects, captures and models have the identifiers of their objects in the archive (ARKs); all others have
random ones. None of them can be counted through.
"""

import secrets
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, BigInteger, ColumnElement, ForeignKey, Index, String, Table, and_
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from oberih.catalogue.database import Base, now

__all__ = [
    "HERITAGE",
    "Capture",
    "CaptureState",
    "Collection",
    "ConditionReport",
    "Heritage",
    "Model",
    "Organisation",
    "Person",
    "Place",
    "Presentation",
    "Publication",
    "Review",
    "Rights",
    "Subject",
    "Zone",
    "new_id",
]

CaptureState = Literal[
    "received",  # whole, with a receipt; not in the archive yet
    "preserved",  # in the archive
    "quarantined",  # of a danger zone: nothing more happens before a custodian has looked
    "waiting",  # for a machine
    "reconstructing",
    "in review",
    "published",
    "preserved only",  # a video, documents: kept, and not reconstructed (yet)
    "not reconstructable",  # kept; `reason` and `advice` say why
    "failed",  # of no fault of the material
    "cancelled",
    "refused",  # by a custodian
    "withdrawn",
]
Precision = Literal["withheld", "region", "10 km", "1 km", "exact"]


def new_id() -> str:
    """Random, 96 bits."""
    return secrets.token_hex(12)


class Heritage:
    """What every heritage table has. ``version`` counts changes, and finds two who change the same row."""

    id: Mapped[str] = mapped_column(String(80), primary_key=True, default=new_id)
    version: Mapped[int] = mapped_column(default=1)
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - called with the class
        return {"version_id_col": cls.version}

    @classmethod
    def kind_of(cls) -> str:
        """Its name in the ledger."""
        return str(cls.__dict__["__tablename__"])

    @classmethod
    def metadata_table(cls) -> Table:
        return Base.metadata.tables[cls.kind_of()]


class Organisation(Heritage, Base):
    """An institution, a volunteer corps, a partner."""

    __tablename__ = "organisation"
    names: Mapped[dict[str, Any]]  # language -> name
    kind: Mapped[str] = mapped_column(default="institution")
    uri: Mapped[str] = mapped_column(default="")


class Person(Heritage, Base):
    """Somebody who contributed, by pseudonym (the id). The name is sealed in the archive, or nowhere."""

    __tablename__ = "person"
    organisation: Mapped[str | None] = mapped_column(ForeignKey("organisation.id"))
    credited: Mapped[bool] = mapped_column(default=False)  # wants to be named in public
    withdrawn: Mapped[datetime | None]


class Collection(Heritage, Base):
    """What belongs together, and whose custodians decide about it."""

    __tablename__ = "collection"
    titles: Mapped[dict[str, Any]]
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    organisation: Mapped[str | None] = mapped_column(ForeignKey("organisation.id"))


class Subject(Heritage, Base):
    """A heritage thing, from a cathedral to a toy or a damaged flat. ``description``: see `Description`."""

    __tablename__ = "subject"
    collection: Mapped[str] = mapped_column(ForeignKey("collection.id"), index=True)
    title: Mapped[str]
    description: Mapped[dict[str, Any]]
    precision: Mapped[str] = mapped_column(default="withheld")  # how exactly the place may be public
    sensitivity_reason: Mapped[str] = mapped_column(default="")
    sensitivity_reviewer: Mapped[str] = mapped_column(default="")
    sensitivity_due: Mapped[date | None]  # to be looked at again
    embargo_until: Mapped[datetime | None]
    names_people: Mapped[bool] = mapped_column(default=False)  # contributors who want it may be named with it
    withdrawn: Mapped[datetime | None]


class Place(Heritage, Base):
    """Where a subject, or a capture, truly is: sealed. The id is that of what it is the place of."""

    __tablename__ = "place"
    latitude_deg: Mapped[float]
    longitude_deg: Mapped[float]
    elevation_m: Mapped[float | None]
    error_m: Mapped[float | None]  # 95 %
    source: Mapped[str] = mapped_column(default="")  # "photos", "contributor", "custodian", "register"
    names: Mapped[dict[str, Any]] = mapped_column(default=dict)  # address and names, as people say them


class Capture(Heritage, Base):
    """One act of recording. Its object in the archive has the same identifier."""

    __tablename__ = "capture"
    subject: Mapped[str | None] = mapped_column(ForeignKey("subject.id"), index=True)
    collection: Mapped[str] = mapped_column(ForeignKey("collection.id"))
    person: Mapped[str] = mapped_column(default="", index=True)  # pseudonym
    account: Mapped[str] = mapped_column(default="", index=True)  # an identifier that tells no name
    credited: Mapped[bool] = mapped_column(default=False)  # who contributed wants to be named in public
    contribution: Mapped[str | None] = mapped_column(unique=True)  # by which it arrived
    received: Mapped[datetime | None]
    title: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="other")
    note: Mapped[str] = mapped_column(default="")  # of who recorded; never public
    place_in_words: Mapped[str] = mapped_column(default="")  # as who recorded said it; sealed
    state: Mapped[str] = mapped_column(default="received")
    reason: Mapped[Any | None] = mapped_column(
        JSON(none_as_null=True), default=None
    )  # why it is in this state: `i18n.to_json`
    advice: Mapped[Any | None] = mapped_column(JSON(none_as_null=True), default=None)
    files: Mapped[int] = mapped_column(default=0)
    photos: Mapped[int] = mapped_column(default=0)
    videos: Mapped[int] = mapped_column(default=0)
    unused: Mapped[list[Any]] = mapped_column(default=list)  # names of files that are neither
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    digest: Mapped[str] = mapped_column(default="")  # of its object's inventory
    receipt: Mapped[str] = mapped_column(default="")  # sha256 of the receipt
    devices: Mapped[list[Any]] = mapped_column(default=list)
    taken: Mapped[datetime | None]  # by the device's clock
    __table_args__ = (Index("capture_state", "state", "created"),)


class Model(Heritage, Base):
    """Geometry and texture, from one or more captures. Its object in the archive has the same identifier."""

    __tablename__ = "model"
    subject: Mapped[str] = mapped_column(ForeignKey("subject.id"), index=True)
    captures: Mapped[list[Any]]  # identifiers
    digest: Mapped[str] = mapped_column(default="")
    figures: Mapped[dict[str, Any]] = mapped_column(
        default=dict
    )  # what was measured; what is not there: unknown
    scale_known: Mapped[bool] = mapped_column(default=False)
    withdrawn: Mapped[datetime | None]


class Rights(Heritage, Base):
    """What somebody allowed, or a statement on the rights in something."""

    __tablename__ = "rights"
    of: Mapped[str] = mapped_column(index=True)  # subject, capture or model
    kind: Mapped[str]  # "licence", "consent", "statement"
    uri: Mapped[str] = mapped_column(default="")
    terms: Mapped[str] = mapped_column(default="")  # version of the text that was agreed to
    person: Mapped[str] = mapped_column(default="")  # who gave it: pseudonym
    holder: Mapped[str] = mapped_column(default="")  # an institution's name
    withdrawn: Mapped[datetime | None]


class ConditionReport(Heritage, Base):
    """The assessed state of a subject at a date (after ICCROM and UNESCO). There is no perpetrator in it."""

    __tablename__ = "condition_report"
    subject: Mapped[str] = mapped_column(ForeignKey("subject.id"), index=True)
    assessed: Mapped[date]
    assessor: Mapped[str] = mapped_column(default="")  # pseudonym
    grade: Mapped[str] = mapped_column(default="unknown")
    event: Mapped[str] = mapped_column(default="")
    last_seen_intact: Mapped[date | None]
    first_seen_damaged: Mapped[date | None]
    confidence: Mapped[str] = mapped_column(default="unknown")
    source: Mapped[str] = mapped_column(default="")  # which authority says so
    items: Mapped[list[Any]] = mapped_column(default=list)  # component, type, position, cause, photo
    significance: Mapped[str] = mapped_column(default="")
    risks: Mapped[str] = mapped_column(default="")
    public: Mapped[bool] = mapped_column(default=False)


class Zone(Heritage, Base):
    """Where nobody is sent, and from where uploads are quarantined. ``polygon``: GeoJSON."""

    __tablename__ = "zone"
    name: Mapped[str]
    polygon: Mapped[dict[str, Any]]
    margin_m: Mapped[float] = mapped_column(default=0.0)
    reason: Mapped[str] = mapped_column(default="")
    begins: Mapped[datetime | None]
    ends: Mapped[datetime | None]
    withdrawn: Mapped[datetime | None]


class Review(Heritage, Base):
    """A custodian's look at what is to become public, and the decision."""

    __tablename__ = "review"
    subject: Mapped[str] = mapped_column(ForeignKey("subject.id"), index=True)
    collection: Mapped[str] = mapped_column(ForeignKey("collection.id"))
    model: Mapped[str] = mapped_column(ForeignKey("model.id"))
    state: Mapped[str] = mapped_column(default="open")  # "open", "passed", "refused", "overtaken"
    number: Mapped[int | None]  # of the public version that it becomes, from when it passed
    named: Mapped[list[Any]] = mapped_column(default=list)  # then: `Account.name_mark` of who may be named
    draft: Mapped[str] = mapped_column(default="")  # where what would be public lies; empty: not made yet
    manifest: Mapped[dict[str, Any]] = mapped_column(default=dict)  # of these files
    found: Mapped[list[Any]] = mapped_column(default=list)  # regions in pictures, by the detector
    eyes: Mapped[list[Any]] = mapped_column(default=list)  # where the photos were taken, in the public frame
    known_length: Mapped[dict[str, Any]] = mapped_column(default=dict)  # `work.flow.scaling.KnownLength`
    metres_per_unit: Mapped[float | None]  # of the model, as the files were made with that length
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    checked: Mapped[dict[str, Any]] = mapped_column(default=dict)  # item of the check list -> answer
    corrections: Mapped[dict[str, Any]] = mapped_column(default=dict)  # of what is blurred
    reviewer: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    decided: Mapped[datetime | None]
    __table_args__ = (Index("review_state", "state", "created"),)


class Publication(Heritage, Base):
    """What of a subject is public, and what is about to be. The id is the subject's.

    Everything here but ``waiting`` is of what everybody sees now: what a later decision allows, becomes true
    here when what it is about becomes public. What it forbids, becomes true at once.
    """

    __tablename__ = "publication"
    review: Mapped[str | None] = mapped_column(ForeignKey("review.id"))  # what is, or was, seen passed it
    waiting: Mapped[str | None] = mapped_column(ForeignKey("review.id"))  # for its files, or its embargo
    published: Mapped[datetime | None]  # when the public could see something of it for the first time
    withdrawn: Mapped[datetime | None]
    asked: Mapped[str | None]  # the class that a custodian chose for the place; None: nothing was ever seen
    precision: Mapped[str | None]  # the class that it has
    cell: Mapped[str | None]  # never made finer by itself
    named: Mapped[list[Any]] = mapped_column(default=list)  # `Account.name_mark` of who is named with it
    __table_args__ = (Index("publication_waiting", "waiting"),)

    @hybrid_property
    def visible(self) -> bool:
        """Whether everybody can see something of it."""
        return self.published is not None and self.withdrawn is None

    @property
    def passed(self) -> str | None:
        """The review that passed last, of what is public or about to be."""
        return self.waiting or (self.review if self.visible else None)

    @visible.inplace.expression
    @classmethod
    def _visible(cls) -> ColumnElement[bool]:
        return and_(cls.published.is_not(None), cls.withdrawn.is_(None))


class Presentation(Heritage, Base):
    """How the model that passed a review is shown: the id is the review's, as its points are of that model.

    ``opening``, ``annotations`` and ``tours`` are as in `public.PublicRecord`. A change is a new version of
    it, in the ledger and in the object of the model.
    """

    __tablename__ = "presentation"
    subject: Mapped[str] = mapped_column(ForeignKey("subject.id"), index=True)
    opening: Mapped[Any | None] = mapped_column(JSON(none_as_null=True), default=None)  # where a look begins
    annotations: Mapped[list[Any]] = mapped_column(default=list)
    tours: Mapped[list[Any]] = mapped_column(default=list)
    before: Mapped[str | None]  # another subject, which shows it at an earlier time
    eyes: Mapped[bool] = mapped_column(default=False)  # whether to show where the photos were taken
    judged: Mapped[list[Any]] = mapped_column(default=list)  # warnings in its words that are harmless
    posters: Mapped[list[Any]] = mapped_column(default=list)  # public files that were drawn from there


HERITAGE: tuple[type[Heritage], ...] = (
    Organisation, Person, Collection, Subject, Place, Capture, Model, Rights, ConditionReport, Zone, Review,
    Publication, Presentation,
)  # fmt: skip
"""In an order in which each names only rows of tables before it."""
