"""What custodians do on the page of a review: decide, keep answers, correct, release, take out of view."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from oberih.catalogue.access import Action
from oberih.catalogue.tables import Subject
from oberih.errors import Conflict, InputError
from oberih.i18n import say
from oberih.trust.cells import TruePlace
from oberih.web.inside.desk import Asks, asks, go
from oberih.web.inside.forms import Given, InForm
from oberih.web.inside.office.case import Case, case_of, due_or_visible, has_words, is_open, mode_of, visible
from oberih.web.inside.office.common import in_words, number_of, own, unseen
from oberih.web.inside.office.filled import ANSWERS, Filled, described_by
from oberih.web.inside.office.history import only_made
from oberih.web.inside.office.length import length_changed, length_in, no_length, wrong_length
from oberih.web.inside.office.queue import opens
from oberih.web.inside.office.regions import corrections_of, regions_of
from oberih.web.inside.office.review import At, page
from oberih.web.views import Notice
from oberih.web.views.words import CHECKS
from oberih.work.flow import (
    Decision,
    Kept,
    correct_blur,
    decide,
    give_length,
    keep,
    look_again,
    note_blur,
    refuse,
    release,
    unpublish,
    waiting_corrections,
)
from oberih.work.flow.noticing import Unjudged
from oberih.work.flow.reviewing import MEANWHILE
from oberih.work.flow.wording import change_words

__all__ = ["router"]

router = APIRouter()
Custodian = Annotated[Asks, Depends(asks(Action.REVIEW))]
NO_PLACE = say("Write latitude and longitude in degrees, like 50.45466, 30.5238.")
MADE = (
    say("What would be public has been made: look at it."),
    say("What you filled in stands here. Decide then."),
)
REDONE = say(
    "Kept. What is blurred was changed, so what would be public is being made again: look at it then, and "
    "decide."
)
NO_LENGTH = say("Measure a length on the model first, and write how long it truly is.")
RESIZED = say(
    "Kept. The size was changed, so what would be public is being made again: look at it then, and decide."
)


@router.post("/review/{identifier}")
def decided(request: Request, identifier: str, who: Custodian, sent: InForm) -> Response:
    case, outcome = case_of(who, identifier), sent("decision")
    keeps = outcome in ("save", "size") and mode_of(case) == "review"
    if outcome not in ("passed", "refused") and not keeps:
        raise InputError("Nobody said what to do.", "Go back, and press one of the buttons.")
    typed = sent
    at: At = "size" if outcome == "size" else "decision"
    try:
        sent = caught_up(who, case, typed)
        if sent is not typed and not keeps:
            raise Conflict(*MADE)
        if mode_of(case) == "quarantine":
            return quarantined(request, who, case, sent)
        if mode_of(case) == "again":
            return looked_again(request, who, case, sent)
        if keeps:
            return saved(request, who, case, sent, at=at)
        return reviewed(request, who, case, sent)
    except Unjudged as error:
        return again(request, who, case, sent, {"words": error.message}, at=at, warnings=error.warnings)
    except Conflict as error:
        return again(request, who, case, sent, {"": in_words(error)}, 409, at=at)
    except InputError as error:
        return again(request, who, case, sent, {"": in_words(error)}, at=at)


def reviewed(request: Request, who: Asks, case: Case, sent: Given) -> Response:
    service, outcome = who.desk.service, sent("decision")
    own(who, Action.PUBLISH if outcome == "passed" else Action.REVIEW, case.collection)
    errors = missing(case, sent, outcome)
    resized = outcome == "passed" and length_changed(case, sent)
    if resized and (wrong := wrong_length(case, sent)):
        return again(request, who, case, sent, errors | wrong)
    if resized or (outcome == "passed" and blur_changed(case, sent)):
        keep_all(who, case, sent)
        notice = Notice(RESIZED if resized else REDONE, "warning")
        return again(request, who, case, sent, errors, 409, kept=True, notice=notice)
    if errors:
        return again(request, who, case, sent, errors)
    decision = decision_of(sent, outcome)
    version = keep_words(who, case, sent)
    decide(service, case.id, who.who.actor, decision.model_copy(update={"seen_version": version}))
    return go(f"/review?done={became(who, case, outcome)}")


def became(who: Asks, case: Case, outcome: str) -> str:
    """What was done, as `common.done` says it."""
    if outcome == "refused":
        return "older" if due_or_visible(case) else "refused"
    with who.database.reading() as session:
        subject = session.get_one(Subject, subject_of(case).id)
    return "later" if opens(subject) else "passed"


def caught_up(who: Asks, case: Case, sent: Given) -> Given:
    """The form as its page would have sent it, had what would be public been there: of that it says nothing,
    if it was made since. Raises `Conflict` if somebody changed anything.
    """
    if case.version == version_of(sent):
        return sent
    if case.review is None or not is_open(case.review):
        raise Conflict(*MEANWHILE)
    with who.database.reading() as session:
        if not only_made(session, case.id, version_of(sent)):
            raise Conflict(*MEANWHILE)
    shown = regions_of(case.review)
    blurred = [f"{one.id}/{mark.id}" for one in shown for mark in one.regions if mark.blurred]
    return Given({**sent.fields, "version": f"{case.version}", "blur": blurred, "add": []})


def blur_changed(case: Case, sent: Given) -> bool:
    """Whether what is blurred is not what the public files were made with."""
    if case.review is None or not is_open(case.review):
        return False
    told = corrections_of(case.review, regions_of(case.review), sent.all("blur"), sent.all("add"))
    return told != case.review.corrections or bool(case.review.draft and waiting_corrections(case.review))


def missing(case: Case, sent: Given, outcome: str) -> dict[str, str]:
    """What a decision lacks: field -> what is wrong."""
    errors: dict[str, str] = {}
    if not sent("reason").strip():
        errors["reason"] = say("A decision needs a reason.")
    if outcome == "refused":
        return errors
    for key in CHECKS:
        if sent(f"check-{key}") not in ("none", "hidden", "blocking"):
            errors[f"check-{key}"] = say("{name}: say what you saw.", name=CHECKS[key].label)
        elif sent(f"check-{key}") == "blocking":
            errors[f"check-{key}"] = say(
                "{name}: what must not be public cannot pass.", name=CHECKS[key].label
            )
    return errors | wrong_days(case, sent)


def wrong_days(case: Case, sent: Given) -> dict[str, str]:
    errors: dict[str, str] = {}
    today = datetime.now(UTC).date().isoformat()
    if not is_day(sent("due")) or sent("due") <= today:
        errors["due"] = say("Choose a day to come.")
    if sent("embargo") and not is_day(sent("embargo")):
        errors["embargo"] = say("This is not a day.")
    elif sent("embargo") and sent("embargo") <= today and sent("embargo") != embargo_of(case):
        errors["embargo"] = say("Choose a day to come.")
    try:
        place_in(sent)
    except InputError as error:
        errors["where"] = error.message
    return errors


def embargo_of(case: Case) -> str:
    """The day that a page had filled in, which may be over by the time that it is sent."""
    until = case.subject.embargo_until if case.subject is not None else None
    return f"{until:%Y-%m-%d}" if until else ""


def place_in(sent: Given) -> tuple[float, float] | None:
    """The true place as a custodian corrects it, in degrees; None: it stays. Raises `InputError`."""
    text = sent("where").strip()
    if not text:
        return None
    try:
        latitude, longitude = map(float, re.split(r"\s*[,;]\s*|\s+", text))
        TruePlace(latitude, longitude)
    except (ValueError, InputError):
        raise InputError(NO_PLACE, "") from None
    return latitude, longitude


def is_day(text: str) -> bool:
    try:
        return bool(datetime.strptime(text, "%Y-%m-%d"))  # noqa: DTZ007 - a day
    except ValueError:
        return False


def decision_of(sent: Given, outcome: str) -> Decision:
    """Raises `InputError`."""
    told: dict[str, Any] = {
        "outcome": outcome, "seen_version": version_of(sent), "reason": sent("reason"),
        "comment": sent("comment"), "settled": sent.all("settled"), "names_people": sent("names") == "yes",
    }  # fmt: skip
    if outcome == "passed":
        told |= {
            "precision": sent("precision") or "withheld", "due": sent("due") or None,
            "embargo_until": sent("embargo") or None,
            "checked": {key: sent(f"check-{key}") for key in CHECKS if sent(f"check-{key}")},
        }  # fmt: skip
        if (place := place_in(sent)) is not None:
            told |= {"latitude": place[0], "longitude": place[1], "area_was_wrong": sent("area") == "wrong"}
    try:
        return Decision.model_validate(told)
    except ValidationError as error:
        part = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            say("The decision is not whole: {part}.", part=part or "?"), "Fill in what is marked."
        ) from None


def again(
    request: Request, who: Asks, case: Case, sent: Given, errors: Mapping[str, str], status: int = 422, *,
    at: At = "decision", warnings: Sequence[Mapping[str, Any]] = (), kept: bool = False,
    notice: Notice | None = None,
) -> Response:  # fmt: skip
    """The page once more, as it was filled in. ``kept``: all of that is kept already."""
    filled = None if kept else Filled(sent, warnings)
    return page(
        request, who, case_of(who, case.id), errors=errors, at=at, filled=filled, status=status, notice=notice
    )


def saved(request: Request, who: Asks, case: Case, sent: Given, *, at: At) -> Response:
    """Keep what was answered; what would be public is made anew if its blur or its size was changed."""
    resized = length_changed(case, sent)
    wrong = wrong_length(case, sent)
    if at == "size" and no_length(sent) and not resized:
        wrong = {"length-share": NO_LENGTH}
    if wrong:
        return again(request, who, case, sent, wrong, at=at)
    keep_all(who, case, sent)
    return go(f"/review/{case.id}?done={said_of_length(sent) if resized else 'kept'}")


def said_of_length(sent: Given) -> str:
    return "unsized" if no_length(sent) else "sized"


def keep_all(who: Asks, case: Case, sent: Given, *, make: bool = True) -> None:
    """Keep words, answers, what is blurred, and a length: with ``make`` all is made at once, and a new length
    is so in any case. In that nothing is wrong (`wrong_length`). Raises `Conflict`.
    """
    if case.review is None or not is_open(case.review):
        raise Conflict(*MEANWHILE)
    resized = length_changed(case, sent)
    told = corrections_of(case.review, regions_of(case.review), sent.all("blur"), sent.all("add"))
    changed = told != case.review.corrections
    version = keep_answers(who, case, sent, keep_words(who, case, sent))
    service, actor = who.desk.service, who.who.actor
    if changed or (make and blur_changed(case, sent)):
        own(who, Action.CORRECT_BLUR, case.collection)
        if make and not resized:
            correct_blur(service, case.id, actor, told)
        elif not resized:
            note_blur(service, case.id, actor, told, seen_version=version)
    if resized:
        own(who, Action.EDIT, case.collection)
        give_length(service, case.id, actor, length_in(sent), corrections=told if changed else None)


def keep_answers(who: Asks, case: Case, sent: Given, version: int) -> int:
    """Keep the answers so far. Returns the version that the review has then."""
    answers = {name.removeprefix("check-"): sent(name) for name in ANSWERS if name != "reason"}
    try:
        told = Kept(
            seen_version=version, answers=answers, reason=sent("reason"), settled=tuple(sent.all("settled"))
        )
    except ValidationError:
        raise InputError("What was filled in is too long.", "Write less.") from None
    return keep(who.desk.service, case.id, who.who.actor, told)


def keep_words(who: Asks, case: Case, sent: Given) -> int:
    """Keep titles, summary and kind if they were changed. Returns the version of the case then."""
    seen = version_of(sent)
    if case.subject is None or not has_words(case):
        return seen
    described = described_by(case.subject, sent)
    if described is None:
        return seen
    own(who, Action.EDIT, case.collection)
    if visible(case):
        own(who, Action.PUBLISH, case.collection)
    versions = change_words(
        who.desk.service, case.subject.id, who.who.actor, described,
        seen_version=number_of(sent("words-version")), harmless=sent.all("harmless"),
        seen_reviews={case.review.id: seen} if case.review else {},
    )  # fmt: skip
    return versions.get(case.review.id if case.review else case.subject.id, seen)


def check_words(subject: Subject, sent: Given) -> None:
    """Raise what `keep_words` would: `Conflict`, or `InputError`."""
    if described_by(subject, sent) is not None and number_of(sent("words-version")) != subject.version:
        raise Conflict(*MEANWHILE)


def quarantined(request: Request, who: Asks, case: Case, sent: Given) -> Response:
    """Let a capture from a danger zone go on, or keep it."""
    own(who, Action.RELEASE, case.collection)
    if not sent("reason").strip():
        return again(request, who, case, sent, {"reason": say("A decision needs a reason.")})
    if sent("decision") == "passed":
        release(who.desk.service, case.captures[0].id, who.who.actor, sent("reason")[:5000])
    elif sent("decision") == "refused":
        refuse(who.desk.service, case.captures[0].id, who.who.actor, sent("comment")[:5000],
               reason=sent("reason")[:5000])  # fmt: skip
    return go(f"/review?done={'released' if sent('decision') == 'passed' else 'refused'}")


def looked_again(request: Request, who: Asks, case: Case, sent: Given) -> Response:
    """Say anew how exactly a public place may be known, or take it all out of view."""
    if sent("decision") == "refused":
        return taken_out(request, who, case, sent)
    own(who, Action.SET_SENSITIVITY, case.collection)
    errors = wrong_days(case, sent)
    if not sent("reason").strip():
        errors["reason"] = say("A decision needs a reason.")
    if errors:
        return again(request, who, case, sent, errors)
    decision = decision_of(with_checks(sent), "passed")
    version = keep_words(who, case, sent)
    decision = decision.model_copy(update={"seen_version": version})
    look_again(who.desk.service, subject_of(case).id, who.who.actor, decision)
    return go("/review?done=again")


def with_checks(sent: Given) -> Given:
    """The check list is about files, which stay as they were when it was gone through."""
    return Given({**sent.fields, **{f"check-{key}": "none" for key in CHECKS}})


@router.post("/review/{identifier}/unpublish")
def out_of_view(request: Request, identifier: str, who: Custodian, sent: InForm) -> Response:
    case = case_of(who, identifier)
    try:
        return taken_out(request, who, case, sent, at="out")
    except (Conflict, InputError) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return again(request, who, case, sent, {"": in_words(error)}, status, at="out")


def taken_out(request: Request, who: Asks, case: Case, sent: Given, *, at: At = "decision") -> Response:
    own(who, Action.UNPUBLISH, case.collection)
    if not visible(case):
        raise unseen()
    if not sent("reason").strip():
        field = "why" if at == "out" else "reason"
        return again(request, who, case, sent, {field: say("A decision needs a reason.")}, at=at)
    check_words(subject_of(case), sent)  # before anything is done
    unpublish(who.desk.service, subject_of(case).id, who.who.actor, sent("reason")[:5000])
    keep_words(who, case, sent)  # after it: nobody sees them now
    return go("/review?done=out")


@router.post("/review/{identifier}/words")
def wording(request: Request, identifier: str, who: Custodian, sent: InForm) -> Response:
    """Change titles, summaries and the kind; what else was filled in is kept as well. Of what is public
    already, everybody sees it at once.
    """
    case = case_of(who, identifier)
    own(who, Action.EDIT, case.collection)
    try:
        if not has_words(case):
            raise Conflict(*MEANWHILE)
        if is_open(case.review):
            sent = caught_up(who, case, sent)
            if wrong := wrong_length(case, sent):
                return again(request, who, case, sent, wrong, at="size")
            keep_all(who, case, sent, make=False)
            if length_changed(case, sent):
                return go(f"/review/{case.id}?done={said_of_length(sent)}")
        else:
            keep_words(who, case, sent)
    except Unjudged as error:
        return again(request, who, case, sent, {"": in_words(error)}, at="words", warnings=error.warnings)
    except (Conflict, InputError) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return again(request, who, case, sent, {"": in_words(error)}, status, at="words")
    if mode_of(case) == "again":  # nothing keeps the answers of it
        return again(request, who, case, sent, {}, 200)
    return go(f"/review/{case.id}?done=words#words")


def version_of(sent: Given) -> int:
    return number_of(sent("version"))


def subject_of(case: Case) -> Subject:
    if case.subject is None:
        raise unseen()
    return case.subject
