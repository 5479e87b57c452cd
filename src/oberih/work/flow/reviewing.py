"""A custodian's decision: what passes, how exactly its place may be known, and what does not pass."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy.orm import Session

from oberih.catalogue.database import now
from oberih.catalogue.tables import Capture, Model, Place, Publication, Review, Subject
from oberih.errors import Conflict, InputError
from oberih.i18n import say
from oberih.trust.cells import TruePlace
from oberih.work.flow.ingest import next_state
from oberih.work.flow.modelling import begin
from oberih.work.flow.projecting import keep_place
from oberih.work.flow.publishing import due, project
from oberih.work.flow.states import ENDED, come_to, told
from oberih.work.service import Service

__all__ = [
    "CHECKS",
    "MEANWHILE",
    "Decision",
    "Kept",
    "correct_blur",
    "decide",
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
        shown = captures_shown(session, session.get_one(Review, review))
        # First of all: whoever takes one of these back does so before, or when this is written down.
        captures = [session.get_one(Capture, one, with_for_update=True) for one in sorted(shown)]
        row = session.get_one(Review, review, with_for_update=True)
        if row.state != "open" or row.version != decision.seen_version:
            raise Conflict(*MEANWHILE)
        subject = session.get_one(Subject, row.subject)
        row.reviewer, row.reason, row.decided = actor, decision.reason, now()
        row.checked, row.state = {str(k): v for k, v in decision.checked.items()}, decision.outcome
        row.warnings = [
            {**one, "settled": one.get("settled") or one["id"] in decision.settled} for one in row.warnings
        ]
        if decision.outcome == "refused":
            public = captures_public(session, subject.id)
            for capture in captures:
                if capture.id not in public:  # the older model of it stays public
                    set_aside(capture, decision.comment)
        elif decision.comment:
            for capture in captures:
                capture.reason = told(decision.comment)
        if decision.outcome == "passed":
            refuse_unready(row)
            if any(one.state in ENDED for one in captures):
                raise Conflict(*TAKEN_BACK)
            place(session, subject.id, decision)
            keep_place(session, subject.id, [one.id for one in captures])
            subject.precision, subject.names_people = decision.precision, decision.names_people
            subject.sensitivity_reason, subject.sensitivity_reviewer = decision.reason, actor
            subject.sensitivity_due = decision.due
            subject.embargo_until = begins(decision.embargo_until)
            publication(session, row)
    if decision.outcome == "passed":
        due(service)


def captures_shown(session: Session, row: Review) -> list[str]:
    return list(session.get_one(Model, row.model).captures) if row.model else [row.capture or ""]


def captures_public(session: Session, subject: str) -> set[str]:
    """Captures of the model that everybody sees now."""
    public = session.get(Publication, subject)
    if public is None or public.published is None or public.withdrawn or not public.model:
        return set()
    return set(session.get_one(Model, public.model).captures)


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


def keep(service: Service, review: str, actor: str, kept: Kept) -> None:
    """Write down answers, to decide later. Raises `Conflict` as `decide` does."""
    with service.database.writing(actor, "keep answers") as session:
        row = session.get_one(Review, review, with_for_update=True)
        if row.state != "open" or row.version != kept.seen_version:
            raise Conflict(*MEANWHILE)
        row.reviewer, row.reason, row.checked = actor, kept.reason, dict(kept.answers)
        row.warnings = [{**one, "settled": one["id"] in kept.settled} for one in row.warnings]


def look_again(service: Service, subject: str, actor: str, decision: Decision) -> None:
    """Look again at how exactly a public subject may be known (its day has come). Raises `Conflict`."""
    with service.database.writing(actor, "look again", decision.reason) as session:
        row = session.get_one(Subject, subject, with_for_update=True)
        if row.version != decision.seen_version:
            raise Conflict(*MEANWHILE)
        row.precision, row.names_people = decision.precision, decision.names_people
        row.sensitivity_reason, row.sensitivity_reviewer = decision.reason, actor
        row.sensitivity_due = decision.due
        place(session, subject, decision)
        public = session.get(Publication, subject)
        visible = public is not None and public.published is not None and public.withdrawn is None
    if visible:
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


def place(session: Any, subject: str, decision: Decision) -> None:
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
    if decision.area_was_wrong:  # else what is public stays, though the true place lies beside it
        found.public_cell = found.public_precision = found.public_asked = None


def begins(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def publication(session: Any, row: Review) -> None:
    """The version that is to become public: the next number."""
    found = session.get(Publication, row.subject, with_for_update=True)
    if found is None:
        session.add(
            Publication(id=row.subject, model=row.model, review=row.id, manifest=row.manifest, published=None)
        )
        return
    found.number += 1
    found.model, found.review, found.manifest = row.model, row.id, row.manifest
    found.published = found.withdrawn = None


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
        version = row.version + 1
    service.engine.enqueue(
        "draft",
        key=f"draft:{review}:{version}",
        queue="cpu",
        about=[review],
        args={"review": review, "corrections": str(version)},
    )


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
