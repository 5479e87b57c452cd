"""Collections, organisations and condition reports: what can be said of them, and who writes it down.

The pages of the office and the JSON interface both come here, so that both have the same rules.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from fastapi import Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.catalogue.access import Action, NotAllowed, Why
from oberih.catalogue.tables import Collection, ConditionReport, Heritage, Organisation, Subject
from oberih.errors import Conflict, InputError
from oberih.i18n import say
from oberih.trust.warnings import warnings_in
from oberih.web.inside.desk import Asks, anywhere, asks
from oberih.web.inside.office.common import own, reach, unseen

__all__ = [
    "CollectionTold",
    "Keeper",
    "Maker",
    "OrganisationTold",
    "ReportTold",
    "Told",
    "change",
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


def keeper(who: Annotated[Asks, Depends(asks())]) -> Asks:
    """A dependency: somebody who may change a collection, or make one."""
    found = {anywhere(who.who, action) for action in (Action.EDIT_COLLECTION, Action.MAKE_COLLECTION)}
    if None not in found:
        raise NotAllowed(Why.SECOND_FACTOR if Why.SECOND_FACTOR in found else Why.NO)
    return who


Keeper = Annotated[Asks, Depends(keeper)]
Maker = Annotated[Asks, Depends(asks(Action.MAKE_COLLECTION))]


def collections(session: Session, who: Asks) -> list[Collection]:
    """Those that they may change; all of them for whoever makes collections."""
    mine = None if who.may(Action.MAKE_COLLECTION) else reach(who, Action.EDIT_COLLECTION)
    asked = select(Collection).order_by(Collection.created, Collection.id).limit(MOST)
    return list(session.scalars(asked if mine is None else asked.where(Collection.id.in_(mine))))


def organisations(session: Session) -> list[Organisation]:
    return list(session.scalars(select(Organisation).order_by(Organisation.created).limit(MOST)))


def collection_of(who: Asks, identifier: str) -> Collection:
    """One that they may change. Raises `NotInArchive`."""
    with who.desk.service.database.reading() as session:
        found = session.get(Collection, identifier)
    if found is None:
        raise unseen()
    if not who.may(Action.MAKE_COLLECTION):
        own(who, Action.EDIT_COLLECTION, identifier)
    return found


def organisation_of(who: Asks, identifier: str) -> Organisation:
    with who.desk.service.database.reading() as session:
        found = session.get(Organisation, identifier)
    if found is None:
        raise unseen()
    return found


def make_collection(who: Asks, told: CollectionTold) -> str:
    who.demand(Action.MAKE_COLLECTION)
    return make(who, Action.MAKE_COLLECTION.value, Collection(), told)


def make_organisation(who: Asks, told: OrganisationTold) -> str:
    who.demand(Action.MAKE_COLLECTION)
    return make(who, "make organisation", Organisation(), told)


# -- condition reports ---


def subject_of(who: Asks, identifier: str, action: Action) -> Subject:
    """Raises `NotInArchive` if it is not there, or not theirs."""
    with who.desk.service.database.reading() as session:
        found = session.get(Subject, identifier)
    if found is None:
        raise unseen()
    own(who, action, found.collection)
    return found


def reports(session: Session, subject: str) -> list[ConditionReport]:
    asked = select(ConditionReport).where(ConditionReport.subject == subject)
    newest = asked.order_by(ConditionReport.assessed.desc(), ConditionReport.id)
    return list(session.scalars(newest.limit(MOST)))


def report_of(who: Asks, identifier: str, action: Action) -> tuple[ConditionReport, Subject]:
    with who.desk.service.database.reading() as session:
        found = session.get(ConditionReport, identifier)
    if found is None:
        raise unseen()
    return found, subject_of(who, found.subject, action)


def make_report(who: Asks, subject: Subject, told: ReportTold) -> str:
    row = ConditionReport(subject=subject.id, assessor=who.who.pseudonym or who.who.account)
    return make(who, Action.REPORT_CONDITION.value, row, told)


# -- writing down ---


def make(who: Asks, action: str, row: Heritage, told: Told) -> str:
    with who.desk.service.database.writing(who.who.actor, action) as session:
        fill(session, row, told)
        session.add(row)
        session.flush()
        return row.id


def change(who: Asks, action: str, kind: type[H], identifier: str, told: Told, seen_version: int) -> None:
    """Raises `Conflict` if somebody changed it since they looked."""
    with who.desk.service.database.writing(who.who.actor, action) as session:
        row = session.get_one(kind, identifier, with_for_update=True)
        if row.version != seen_version:
            raise Conflict(*MEANWHILE)
        fill(session, row, told)


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


def telling(texts: Any) -> Iterator[str]:
    """What in public words names an address, a telephone, ... A town is no secret in a title."""
    for text in texts:
        yield from (one.text for one in warnings_in(text) if one.kind != "settlement")
