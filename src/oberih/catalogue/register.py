"""Collections, organisations and condition reports: what can be said of them, and who writes it down."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.catalogue.access import Action, Who, demand, may, own, reach, unseen
from oberih.catalogue.database import Database
from oberih.catalogue.outdated import outdate_collection
from oberih.catalogue.tables import Collection, ConditionReport, Heritage, Organisation, Subject
from oberih.errors import Conflict, InputError
from oberih.i18n import say
from oberih.trust.warnings import warnings_in

__all__ = [
    "CollectionTold",
    "OrganisationTold",
    "ReportTold",
    "Told",
    "change_collection",
    "change_organisation",
    "change_report",
    "collection_of",
    "collections",
    "make_collection",
    "make_organisation",
    "make_report",
    "organisation_of",
    "organisations",
    "report_of",
    "reports",
    "subject_of",
]

MEANWHILE = ("Somebody else changed this meanwhile.", "Look at it again, and change it then.")
MOST = 500  # rows of one list
H = TypeVar("H", bound=Heritage)


def plain(text: str) -> str:
    """Letters, and ends of lines: what else there is, some database cannot keep."""
    if not all(one.isprintable() or one in "\n\t" for one in text):
        raise ValueError("it holds characters that are no text")
    return text


Language = Annotated[str, StringConstraints(pattern="^[a-z]{2,3}$")]
Line = Annotated[
    str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True), AfterValidator(plain)
]
Maybe = Annotated[str, StringConstraints(max_length=300, strip_whitespace=True), AfterValidator(plain)]
Text = Annotated[str, StringConstraints(max_length=5000, strip_whitespace=True), AfterValidator(plain)]
Names = Annotated[dict[Language, Line], Field(min_length=1, max_length=20)]
Day = Annotated[date, Field(ge=date(1800, 1, 1))]


class Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OrganisationTold(Told):
    """An institution, a volunteer corps, a partner."""

    names: Names = Field(description="language -> name")
    kind: Literal["institution", "corps", "partner", "authority"] = "institution"
    uri: Annotated[str, StringConstraints(max_length=300, pattern=r"^(https?://[!-~]+)?$")] = ""


class CollectionTold(Told):
    """What belongs together. Its title stands with every public record of it."""

    titles: Names = Field(description="language -> title")
    summary: Annotated[dict[Language, Text], Field(max_length=20)] = {}
    organisation: Annotated[str, StringConstraints(max_length=80)] | None = None


class Damage(Told):
    """One part of a thing, and what happened to it."""

    component: Line
    type: Maybe = ""
    position: Maybe = ""
    cause: Maybe = ""


class ReportTold(Told):
    """The state of a subject as somebody assessed it (after ICCROM and UNESCO). It names no perpetrator."""

    assessed: Day
    grade: Literal["unknown", "intact", "slight", "moderate", "severe", "destroyed"] = "unknown"
    event: Maybe = Field("", description="what happened")
    last_seen_intact: Day | None = None
    first_seen_damaged: Day | None = None
    confidence: Literal["unknown", "low", "medium", "high"] = "unknown"
    source: Maybe = Field("", description="which authority says so")
    items: Annotated[tuple[Damage, ...], Field(max_length=200)] = ()
    significance: Text = Field("", description="of what was damaged")
    risks: Text = Field("", description="what threatens it now")

    @model_validator(mode="after")
    def in_order(self) -> Self:
        today = datetime.now(UTC).date()
        days = (self.assessed, self.last_seen_intact, self.first_seen_damaged)
        if any(one is not None and one > today for one in days):
            raise ValueError("a day is to come")
        whole, damaged = self.last_seen_intact, self.first_seen_damaged
        if whole is not None and damaged is not None and whole > damaged:
            raise ValueError("it was intact after it was damaged")
        return self


# -- collections and organisations ---


def collections(database: Database, who: Who) -> list[Collection]:
    """Those that they may change; all of them for whoever makes collections."""
    mine = None if may(who, Action.MAKE_COLLECTION) else reach(who, Action.EDIT_COLLECTION)
    asked = select(Collection).order_by(Collection.created, Collection.id).limit(MOST)
    with database.reading() as session:
        return list(session.scalars(asked if mine is None else asked.where(Collection.id.in_(mine))))


def organisations(database: Database) -> list[Organisation]:
    with database.reading() as session:
        return list(session.scalars(select(Organisation).order_by(Organisation.created).limit(MOST)))


def collection_of(database: Database, who: Who, identifier: str) -> Collection:
    """One that they may change. Raises `NotInArchive`."""
    found = there(database, Collection, identifier)
    if not may(who, Action.MAKE_COLLECTION):
        own(who, Action.EDIT_COLLECTION, identifier)
    return found


def organisation_of(database: Database, identifier: str) -> Organisation:
    """Raises `NotInArchive`."""
    return there(database, Organisation, identifier)


def make_collection(database: Database, who: Who, told: CollectionTold) -> str:
    demand(who, Action.MAKE_COLLECTION)
    return make(database, who, Action.MAKE_COLLECTION.value, Collection(), told)


def make_organisation(database: Database, who: Who, told: OrganisationTold) -> str:
    demand(who, Action.MAKE_COLLECTION)
    return make(database, who, "make organisation", Organisation(), told)


def change_collection(
    database: Database, who: Who, identifier: str, told: CollectionTold, seen_version: int
) -> None:
    row = collection_of(database, who, identifier)
    change(database, who, Action.EDIT_COLLECTION.value, row, told, seen_version)


def change_organisation(
    database: Database, who: Who, identifier: str, told: OrganisationTold, seen_version: int
) -> None:
    demand(who, Action.MAKE_COLLECTION)
    change(database, who, "change organisation", organisation_of(database, identifier), told, seen_version)


# -- condition reports ---


def subject_of(database: Database, who: Who, identifier: str, action: Action) -> Subject:
    """Raises `NotInArchive` if it is not there, or not theirs."""
    found = there(database, Subject, identifier)
    own(who, action, found.collection)
    return found


def reports(database: Database, subject: str) -> list[ConditionReport]:
    """The newest first."""
    asked = select(ConditionReport).where(ConditionReport.subject == subject)
    newest = asked.order_by(ConditionReport.assessed.desc(), ConditionReport.id)
    with database.reading() as session:
        return list(session.scalars(newest.limit(MOST)))


def report_of(
    database: Database, who: Who, identifier: str, action: Action
) -> tuple[ConditionReport, Subject]:
    """Raises `NotInArchive`."""
    found = there(database, ConditionReport, identifier)
    return found, subject_of(database, who, found.subject, action)


def make_report(database: Database, who: Who, subject: str, told: ReportTold) -> str:
    about = subject_of(database, who, subject, Action.REPORT_CONDITION)
    row = ConditionReport(subject=about.id, assessor=who.pseudonym or who.account)
    return make(database, who, Action.REPORT_CONDITION.value, row, told)


def change_report(database: Database, who: Who, identifier: str, told: ReportTold, seen_version: int) -> None:
    row, _ = report_of(database, who, identifier, Action.REPORT_CONDITION)
    change(database, who, Action.REPORT_CONDITION.value, row, told, seen_version)


# -- reading and writing down ---


def there(database: Database, kind: type[H], identifier: str) -> H:
    with database.reading() as session:
        found = session.get(kind, identifier)
    if found is None:
        raise unseen()
    return found


def make(database: Database, who: Who, action: str, row: Heritage, told: Told) -> str:
    with database.writing(who.actor, action) as session:
        fill(session, row, told)
        session.add(row)
        session.flush()
        return row.id


def change(database: Database, who: Who, action: str, seen: Heritage, told: Told, seen_version: int) -> None:
    """Raises `Conflict` if somebody changed it since they looked."""
    with database.writing(who.actor, action) as session:
        row = session.get_one(type(seen), seen.id, with_for_update=True)
        if row.version != seen_version:
            raise Conflict(*MEANWHILE)
        fill(session, row, told)
        if isinstance(row, Collection):  # its title stands with every record
            outdate_collection(session, row.id)


def fill(session: Session, row: Heritage, told: Told) -> None:
    if isinstance(told, CollectionTold):
        for quote in telling(told.titles.values()):
            raise InputError(
                say("The title is public, and tells too much: {quote}", quote=quote), "Choose other words."
            )
        if told.organisation is not None and session.get(Organisation, told.organisation) is None:
            raise InputError("There is no such organisation.", "Choose one of the list.")
    for name in type(told).model_fields:
        value: Any = getattr(told, name)
        if name == "items":
            value = [one.model_dump() for one in value]
        setattr(row, name, value)


def telling(texts: Iterable[str]) -> Iterator[str]:
    """What in public words names an address, a telephone, ... A town is no secret in a title."""
    for text in texts:
        yield from (one.text for one in warnings_in(text) if one.kind != "settlement")
