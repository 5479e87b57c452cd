"""A custodian's decision: what passes, how exactly its place may be known, and what does not pass."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oberih.catalogue.database import now
from oberih.catalogue.outdated import outdate
from oberih.catalogue.tables import Capture, Place, Publication, Review, Subject
from oberih.errors import Conflict, InputError
from oberih.i18n import say
from oberih.settings import ServiceSettings
from oberih.trust.cells import CLASSES, Precision, TruePlace, coarser
from oberih.work.flow.drafting import begin_draft
from oberih.work.flow.ingest import next_state
from oberih.work.flow.locking import lock
from oberih.work.flow.modelling import begin
from oberih.work.flow.projecting import captures_of, keep_place, names_of, settle_place
from oberih.work.flow.publishing import due, project, warn_reviewers
from oberih.work.flow.scaling import KnownLength
from oberih.work.flow.states import ENDED, come_to, told
from oberih.work.service import Service

__all__ = [
    "CHECKS",
    "MEANWHILE",
    "Decision",
    "Kept",
    "correct_blur",
    "decide",
    "give_length",
    "keep",
    "look_again",
    "note_blur",
    "refuse",
    "release",
    "waiting_corrections",
]

CHECKS = ("military", "people", "plates")
NOT_SHOWN = say("A custodian decided not to show it.")
TAKEN_BACK = ("Something that it was made of was taken back meanwhile.", "A new model of the rest comes.")
MEANWHILE = ("Somebody else changed this meanwhile.", "Look at it again, and decide then.")
Text = Annotated[str, StringConstraints(max_length=5000, strip_whitespace=True)]


class Decision(BaseModel):
    """What a custodian decides of one review."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    outcome: Literal["passed", "refused"]
    seen_version: int = Field(description="of the review that was looked at")
    reason: Text = Field("", description="of the sensitivity class, or of the refusal")
    comment: Text = Field("", description="what the contributor reads")
    precision: Literal["withheld", "region", "10 km", "1 km", "exact"] = "withheld"
    due: date | None = Field(None, description="when the class is looked at again")
    embargo_until: date | None = None
    checked: dict[Literal["military", "people", "plates"], Literal["none", "hidden", "blocking"]] = Field(
        default={}, description="item of the check list -> what was found"
    )
    settled: tuple[str, ...] = Field((), max_length=500, description="warnings that were judged harmless")
    names_people: bool = False
    latitude: float | None = Field(None, ge=-90, le=90, description="the true place, corrected")
    longitude: float | None = Field(None, ge=-180, le=180)
    area_was_wrong: bool = Field(False, description="the public area goes with the corrected place")

    @model_validator(mode="after")
    def complete(self) -> Self:
        if not self.reason:
            raise ValueError("a decision has a reason")
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("a place has a latitude and a longitude")
        if self.outcome == "passed" and set(self.checked) != set(CHECKS):
            raise ValueError("every item of the check list has an answer")
        if self.outcome == "passed" and "blocking" in self.checked.values():
            raise ValueError("something in it must not be public")
        return self


def decide(service: Service, review: str, actor: str, decision: Decision) -> None:
    """Write down a decision; what passed is published as soon as its embargo is over.

    Raises `Conflict` if somebody decided, or anything changed, since the custodian looked; `InputError` if
    warnings are open, or what would be public has not been made yet.
    """
    with service.database.writing(actor, f"review: {decision.outcome}", decision.reason) as session:
        row = session.get_one(Review, review)
        # First of all: whoever takes something of it back does so before, or when this is written down.
        lock(session, row.subject)
        captures = captures_of(session, row)
        if row.state != "open" or row.version != decision.seen_version:
            raise Conflict(*MEANWHILE)
        subject = session.get_one(Subject, row.subject)
        row.reviewer, row.reason, row.decided = actor, decision.reason, now()
        row.checked, row.state = {str(k): v for k, v in decision.checked.items()}, decision.outcome
        row.warnings = [{**one, "settled": one["id"] in decision.settled} for one in row.warnings]
        if decision.outcome == "refused":
            passed = captures_passed(session, subject.id)
            for capture in captures:
                if capture.id not in passed:  # the older model of it stays public
                    set_aside(capture, decision.comment)
        else:
            for capture in captures:
                if decision.comment or capture.state == "in review":  # why it was there is over
                    capture.reason, capture.advice = told(decision.comment), None
        if decision.outcome == "passed":
            refuse_unready(row)
            if any(one.state in ENDED for one in captures):
                raise Conflict(*TAKEN_BACK)
            classify(session, subject, actor, decision)
            public = wait(session, row)
            subject.embargo_until = embargo(service.settings, public, decision)
            row.named = names_of(session, captures) if decision.names_people else []
            if public.visible:
                narrow(session, service.settings, public, decision)
    if decision.outcome == "passed":
        if public.visible:
            project(service, subject.id)
        due(service)


def captures_passed(session: Session, subject: str) -> set[str]:
    """Captures of the model that everybody sees now, and of the one that is about to be seen."""
    public = session.get(Publication, subject)
    reviews = {public.waiting, public.review if public.visible else None} if public is not None else set()
    return {
        one.id
        for review in reviews
        if review
        for one in captures_of(session, session.get_one(Review, review))
    }


def set_aside(row: Capture, comment: str) -> None:
    if come_to(row, "refused", back=True):
        row.reason, row.advice = told(comment or NOT_SHOWN), None


def refuse(service: Service, capture: str, actor: str, comment: str, *, reason: str = "") -> None:
    """Keep a capture, and do not show it. The contributor reads ``comment``; ``reason`` is for the ledger."""
    with service.database.writing(actor, "refuse", reason) as session:
        set_aside(session.get_one(Capture, capture, with_for_update=True), comment)


class Kept(BaseModel):
    """What a custodian has answered so far of a review that is not decided."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seen_version: int
    answers: dict[str, Text] = Field({}, max_length=20, description="field of the form -> what is in it")
    reason: Text = ""
    settled: tuple[str, ...] = Field((), max_length=500)


def keep(service: Service, review: str, actor: str, kept: Kept) -> int:
    """Write down answers, to decide later. Returns the version of the review. Raises `Conflict` as `decide`
    does.
    """
    with service.database.writing(actor, "keep answers") as session:
        row = session.get_one(Review, review, with_for_update=True)
        if row.state != "open" or row.version != kept.seen_version:
            raise Conflict(*MEANWHILE)
        row.reviewer, row.reason, row.checked = actor, kept.reason, dict(kept.answers)
        row.warnings = [{**one, "settled": one["id"] in kept.settled} for one in row.warnings]
        session.flush()
        return row.version


def look_again(service: Service, subject: str, actor: str, decision: Decision) -> None:
    """Look again at how exactly a public subject may be known (its day has come). Raises `Conflict`."""
    with service.database.writing(actor, "look again", decision.reason) as session:
        public = lock(session, subject)
        row = session.get_one(Subject, subject)
        if row.version != decision.seen_version:
            raise Conflict(*MEANWHILE)
        classify(session, row, actor, decision)
        warn_reviewers(session, subject)
        if public is not None and public.visible:
            captures = captures_of(session, session.get_one(Review, public.review))
            keep_place(session, subject, [one.id for one in captures])
            settle_place(session, service.settings, public, decision.precision)
            public.named = names_of(session, captures) if decision.names_people else []
            outdate(session, subject)
    if public is not None and public.visible:
        project(service, subject)


def refuse_unready(row: Review) -> None:
    if not row.draft:
        raise InputError("What would be public is not made yet.", "Wait until it is, and look at it.")
    if waiting_corrections(row):
        raise InputError(
            "What is blurred was changed, and is not made yet.", "Let it be made, and look at it."
        )
    if any(not one["settled"] for one in row.warnings):
        raise InputError(
            "There are warnings that nobody has judged.", "Change the words, or say that each is harmless."
        )


def classify(session: Session, subject: Subject, actor: str, decision: Decision) -> None:
    """Write down how exactly a subject may be known, and where it truly is."""
    subject.precision, subject.names_people = decision.precision, decision.names_people
    subject.sensitivity_reason, subject.sensitivity_reviewer = decision.reason, actor
    subject.sensitivity_due = decision.due
    place(session, subject.id, decision)


def place(session: Session, subject: str, decision: Decision) -> None:
    if decision.latitude is None or decision.longitude is None:
        return
    TruePlace(decision.latitude, decision.longitude)
    found = session.get(Place, subject)
    if found is None:
        session.add(
            Place(
                id=subject,
                latitude_deg=decision.latitude,
                longitude_deg=decision.longitude,
                source="custodian",
            )
        )
        return
    found.latitude_deg, found.longitude_deg, found.source = decision.latitude, decision.longitude, "custodian"
    public = session.get(Publication, subject, with_for_update=True)
    if decision.area_was_wrong and public is not None:  # else it stays, though the true place lies beside it
        public.cell = public.asked = None


def embargo(settings: ServiceSettings, public: Publication, decision: Decision) -> datetime | None:
    """Until when what passed stays back: as it was decided, and if it is new, as long as the service asks."""
    until = begins(decision.embargo_until)
    if public.published is None and settings.embargo_days:
        least = now() + timedelta(days=settings.embargo_days)
        return max(until, least) if until else least
    return until


def begins(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def wait(session: Session, row: Review) -> Publication:
    """Let what passed become public as soon as it can: it is the next version."""
    found = session.get(Publication, row.subject, with_for_update=True)
    if found is None:
        found = Publication(id=row.subject)
        session.add(found)
    last = select(func.max(Review.number)).where(Review.subject == row.subject)
    row.number = (session.scalar(last) or 0) + 1
    found.waiting = row.id
    return found


def narrow(session: Session, settings: ServiceSettings, public: Publication, decision: Decision) -> None:
    """What a decision forbids holds at once for what everybody sees already; what it allows, only when what
    it is about becomes public.
    """
    seen: Precision = public.precision or "withheld"  # type: ignore[assignment]
    if public.cell is None or coarser(decision.precision, seen):
        settle_place(session, settings, public, min(decision.precision, seen, key=CLASSES.index))
    if not decision.names_people:
        public.named = []
    outdate(session, public.id)


def waiting_corrections(row: Review) -> bool:
    """Whether what is blurred was corrected since what would be public was made."""
    made_with = {one["photo"]: one["made_with"] for one in row.found if one.get("made_with")}
    return {photo: told for photo, told in row.corrections.items() if any(told.values())} != {
        photo: told for photo, told in made_with.items() if any(told.values())
    }


def note_blur(
    service: Service, review: str, actor: str, corrections: dict[str, Any], *, seen_version: int
) -> None:
    """Keep what is to be blurred more, or less. It is made by `correct_blur`, and nothing passes before."""
    with service.database.writing(actor, "correct blur") as session:
        row = session.get_one(Review, review, with_for_update=True)
        if row.state != "open" or row.version != seen_version:
            raise Conflict(*MEANWHILE)
        row.corrections = corrections


def correct_blur(service: Service, review: str, actor: str, corrections: dict[str, Any]) -> None:
    """Blur something more, or less; what would be public is made again."""
    with service.database.writing(actor, "correct blur") as session:
        row = session.get_one(Review, review, with_for_update=True)
        if row.state != "open":
            raise Conflict("This is decided already.", "Open it again: let a new model be made.")
        row.corrections, row.draft = corrections, ""
    begin_draft(service, row)


def give_length(
    service: Service, review: str, actor: str, known: KnownLength | None, *,
    corrections: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Write down a length, or (None) that none is known; what would be public is made again, with other
    ``corrections`` of what is blurred if there are any.

    Raises `Conflict` if the review is decided.
    """
    note = f"{known.metres:g} m {known.what}".strip() if known else ""
    with service.database.writing(actor, "measure", note) as session:
        row = session.get_one(Review, review, with_for_update=True)
        if row.state != "open":
            raise Conflict("This is decided already.", "Open it again: let a new model be made.")
        row.known_length, row.draft = known.model_dump() if known else {}, ""
        row.metres_per_unit = None  # of the files that are gone
        if corrections is not None:
            row.corrections = corrections
    begin_draft(service, row)


def release(service: Service, capture: str, actor: str, reason: str) -> None:
    """Let a quarantined capture go on its way: a custodian has looked, and it is no danger."""
    with service.database.writing(actor, "release from quarantine", reason) as session:
        row = session.get_one(Capture, capture, with_for_update=True)
        if row.state != "quarantined":
            raise Conflict("It has ended.", "Nothing is to be released.")
        row.state, why, advice = next_state(row.photos, row.videos)
        row.reason, row.advice = told(why), told(advice)
    if row.state == "waiting":
        begin(service, capture)
