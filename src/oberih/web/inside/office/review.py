"""The page of one decision: what was recorded, what becomes public, what stays sealed."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from oberih.archive.metadata import Description
from oberih.catalogue.access import Action, looking
from oberih.catalogue.tables import Place, Review, Zone
from oberih.i18n import from_json, say
from oberih.trust.cells import CLASSES
from oberih.web.inside.desk import Asks, asks
from oberih.web.inside.door.places import title_of
from oberih.web.inside.office.alike import same_photos
from oberih.web.inside.office.case import (
    Case,
    case_of,
    decided,
    has_words,
    is_open,
    mode_of,
    visible,
    words_public,
)
from oberih.web.inside.office.common import address_of, done, unseen
from oberih.web.inside.office.draft import viewer_of
from oberih.web.inside.office.filled import ANSWERS, Filled, unsent
from oberih.web.inside.office.history import history
from oberih.web.inside.office.length import length_fields
from oberih.web.inside.office.making import Making, making_of
from oberih.web.inside.office.pictures import model_of, pictures_of, poster_of
from oberih.web.inside.office.presented import standpoints
from oberih.web.inside.office.quality import figures, replaces
from oberih.web.inside.office.queue import kind_of, opens
from oberih.web.inside.office.regions import hidden_of, regions_of
from oberih.web.inside.office.seeing import Seen
from oberih.web.inside.office.warned import hints, warned
from oberih.web.inside.office.wordings import reworded, wordings
from oberih.web.pages import progress as progress_told
from oberih.web.views import Beside, Notice, ReviewPage, Warned
from oberih.web.views.words import CHECKS, KINDS
from oberih.work.flow import waiting_corrections
from oberih.work.flow.ingest import zones_now
from oberih.work.flow.projecting import licence_of, month, reviewed_place
from oberih.work.service import Service

__all__ = ["At", "page", "router"]

At = Literal["words", "size", "decision", "out"]
MADE = say("It is made: load the page")
CHANGED = say("Something changed: load the page")
router = APIRouter()


@router.get("/review/{identifier}")
def one(request: Request, identifier: str, who: Annotated[Asks, Depends(asks(Action.REVIEW))]) -> Response:
    return page(request, who, case_of(who, identifier), notice=done(request))


@router.get("/review/{identifier}/progress")
def progress(
    request: Request, identifier: str, who: Annotated[Asks, Depends(asks(Action.REVIEW))]
) -> Response:
    """How far it is with what would be public: nothing that is sealed, so it is no look at that."""
    case, spoken = case_of(who, identifier), who.desk.pages.spoken(request)
    if case.review is None:
        raise unseen()
    making = making_of(who.desk.service, case.review, case.captures)
    news = MADE if is_open(case.review) and not making.state else CHANGED
    told = progress_told(making.state, making.progress, spoken)
    told["news"] = "" if making.state == "going" else spoken(news)
    return Response(json.dumps(told), media_type="application/json")


def page(
    request: Request, who: Asks, case: Case, *, errors: Mapping[str, str] | None = None,
    at: At = "decision", filled: Filled | None = None, status: int = 200, notice: Notice | None = None,
) -> Response:  # fmt: skip
    """The page of a case. ``filled``: a form that was not taken; else it shows what was kept. ``at``: beside
    what the errors are said.
    """
    service, review, subject, shows = who.desk.service, case.review, case.subject, case.shown
    form = filled if review is None or is_open(review) else None
    late = filled if form is None and filled is not None and filled.sent("decision") else None
    chosen = filled.sent("kind") if filled else ""
    of = subject.id if subject else case.captures[0].id
    twice, making = alike(service, case), Making()
    if review is not None:
        making = making_of(service, review, case.captures)
    with looking(service.database, who.who, Action.SEE_PLACE, case.collection, "place", of) as session:
        place = reviewed_place(session, of, [one.id for one in case.captures])
        session.expunge_all()
    with service.database.reading() as session:
        told = given(case, form.answers if form else None, service.settings.review_days)
        shown = Seen.of(session, service.settings, place, case.public, told["precision"])
        view = ReviewPage(
            id=case.id, version=case.version, mode=mode_of(case),
            title=subject.title if subject else case.captures[0].title,
            kind=chosen if chosen in KINDS else kind_of(subject) if subject else "other",
            collection=title_of(who.desk, request, case.collection),
            contributor=", ".join(sorted({one.person for one in case.captures if one.person})),
            received=received_of(case), licence=licence_of(session, case.captures),
            note="\n".join(one.note for one in case.captures if one.note),
            zone=zone_of(session, place) if case.capture else "",
            zone_reason=from_json(case.capture.reason) if case.capture and case.capture.reason else "",
            pictures=tuple(pictures_of(shows, "picture")) if shows else (),
            alike=twice, making=making.progress, unmade=making.why,
            viewer=viewer_of(case), model=poster_of(shows) if shows else None,
            model_address=model_of(shows) if shows else "",
            unused=tuple(name for one in case.captures for name in one.unused),
            figures=figures(case), length=length_fields(session, case, form.sent if form else None),
            replaces=replaces(session, case),
            beside=(*beside(case, place, shown), *standpoints(session, case.shown, shown.precision)),
            cell=shown.cell, precisions=() if case.capture else shown.choices, place_note=shown.note,
            precision=told["precision"],  # type: ignore[arg-type]
            reason=told["reason"], comment=told["comment"], area_wrong=told["area"] == "wrong",
            due=as_day(told["due"]), embargo=as_day(told["embargo"]),
            wants_names=any(one.credited for one in case.captures), names_people=told["names"] == "yes",
            warnings=(*(judged(review, form) if review else ()), *(hints(shows) if review and shows else ())),
            checks={key: told[f"check-{key}"] for key in CHECKS if told.get(f"check-{key}")},
            regions=regions_of(review, form) if review and shows else (),
            hidden_photos=len(hidden_of(review)) if review and is_open(review) else 0,
            blur_waits=review is not None and is_open(review) and waiting_corrections(review),
            wordings=wordings(subject, service.settings.languages, filled) if has_words(case) else (),
            subject=address_of(subject.id) if subject else "",
            words_version=subject.version if subject else 0, words_public=words_public(case),
            words_warnings=reworded(filled),
            true_place=pair(place), corrected=told["where"],
            area_public=case.public is not None and case.public.cell is not None,
            history=history(session, request, who, case),
            decided="" if review is None or is_open(review) else decided(review),
            visible=visible(case), errors=errors or {}, errors_at=at, **after(case),
            unsent=tuple(unsent(late, words=not has_words(case))) if late else (),
        )  # fmt: skip
    return who.desk.page(request, view, asks=who.present, status=status, notice=notice)


def alike(service: Service, case: Case) -> dict[str, str]:
    """What was given with the same photos, while it can be put together with them: identifier -> title."""
    if not is_open(case.review) or case.subject is None:
        return {}
    return {one.id: one.title for one in same_photos(service, case.subject, case.captures)}


def zone_of(session: Session, place: Place | None) -> str:
    """The danger zones around a place that is set aside, as they are marked today."""
    today = datetime.now(UTC).date()
    found = [
        one.name
        for margin, zones in zones_now(session).items() if place is not None
        for one in zones.containing(place.latitude_deg, place.longitude_deg, today, margin)
    ]  # fmt: skip
    names = [row.name for key in found if (row := session.get(Zone, key)) is not None]
    return ", ".join(names) or say("it is not marked any more")


def after(case: Case) -> dict[str, Any]:
    """What became of what was decided: when it becomes public, or why it is not any more, and where to decide
    about its place once more.
    """
    public, review, subject = case.public, case.review, case.subject
    if review is None or is_open(review):
        return {}
    told: dict[str, Any] = {"withdrawn": any(one.state == "withdrawn" for one in case.captures)}
    if public is None or subject is None:
        return told
    if public.waiting == review.id:
        return told | {"opens": opens(subject)}
    again = public.visible and public.review == review.id
    out = review.state == "passed" and not public.visible
    return told | {"out": out, "again": address_of(subject.id) if again else ""}


def received_of(case: Case) -> Any:
    row: Any = case.review or case.capture or case.subject
    return max((one.received for one in case.captures if one.received), default=row.created)


def given(case: Case, answers: Mapping[str, str] | None, review_days: int) -> dict[str, str]:
    """What the fields of the form hold; to be looked at again in ``review_days``, unless somebody said so."""
    subject, today = case.subject, datetime.now(UTC).date()
    told = dict.fromkeys(ANSWERS, "") | {"precision": "withheld"}
    if subject is not None:
        told["precision"], told["names"] = subject.precision, "yes" if subject.names_people else ""
        told["due"] = subject.sensitivity_due.isoformat() if subject.sensitivity_due else ""
        told["embargo"] = f"{day}" if (day := opens(subject)) else ""
        told["reason"] = subject.sensitivity_reason
    if case.review is not None:
        told["reason"] = case.review.reason or told["reason"]
        kept = {str(k): str(v) for k, v in case.review.checked.items()}
        told |= {f"check-{k}" if k in CHECKS else k: v for k, v in kept.items()}
    if told["due"] <= today.isoformat():
        told["due"] = (today + timedelta(days=review_days)).isoformat()
    told |= answers or {}
    if told["precision"] not in CLASSES:
        told["precision"] = "withheld"
    return told


def judged(review: Review, filled: Filled | None) -> Iterator[Warned]:
    """Warnings, settled as they are, or as a form that was not taken has them."""
    for one in review.warnings:
        yield warned(one if filled is None else {**one, "settled": one["id"] in filled.sent.all("settled")})


def as_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def beside(case: Case, place: Place | None, shown: Seen) -> Iterator[Beside]:
    """Field by field: what everybody would see, and what stays sealed."""
    named = Description.model_validate(case.subject.description, strict=False) if case.subject else None
    if named is not None and case.capture is None:
        yield Beside(say("Title"), " / ".join(named.titles.values()), "")
        yield Beside(say("Summary"), "\n".join(named.summary.values()), "")
    words = "; ".join(one.place_in_words for one in case.captures if one.place_in_words)
    exact = pair(place)
    public = shown.precision != "withheld" and case.capture is None
    region = " / ".join(named.place.names.values()) if named and named.place and public else ""
    told = public or (shown.precision != shown.asked and case.capture is None)
    yield Beside(say("Place"), shown.words if told else "", exact)
    yield Beside(say("Address, or how to find it"), region, words)
    times = sorted(one.taken for one in case.captures if one.taken)
    yield Beside(
        say("Recorded"), month(times[0]) if times and case.capture is None else "",
        ", ".join(f"{one:%Y-%m-%d %H:%M:%S}" for one in times),
    )  # fmt: skip
    people = ", ".join(sorted({one.person for one in case.captures if one.person}))
    yield Beside(say("Recorded by"), "", people)


def pair(place: Place | None) -> str:
    return f"{place.latitude_deg:.5f}, {place.longitude_deg:.5f}" if place is not None else ""
