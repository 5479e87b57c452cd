"""Contributing, and what became of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.ocfl import object_key, read_object
from oberih.archive.reuse import deposited
from oberih.catalogue.access import Action
from oberih.catalogue.ledger import entries_of
from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.tables import Capture, Model, Publication, Review, Rights, Subject
from oberih.errors import InputError, NotInArchive
from oberih.i18n import from_json, say
from oberih.web.inside.desk import Asks, Desk, Present, asks, no_larger
from oberih.web.inside.door.threshold import InForm
from oberih.web.inside.office.common import query
from oberih.web.inside.office.queue import opens
from oberih.web.pages import progress as progress_told
from oberih.web.views import (
    ContributePage,
    Contribution,
    ContributionPage,
    ContributionsPage,
    Progress,
    Receipt,
    ReceivedFile,
    Step,
)
from oberih.work.arrivals import Refused
from oberih.work.engine import JobState
from oberih.work.flow.ingest import RECEIPT
from oberih.work.flow.withdrawing import cancel, stay_unnamed, withdraw
from oberih.work.offers import LICENCES, TERMS
from oberih.work.service import Service

__all__ = ["contribute_page", "known_thing", "router"]

MOST_BYTES = 64 << 10  # of a form
LONGEST_REASON = 2000  # letters
router = APIRouter(include_in_schema=False, dependencies=[Depends(no_larger(MOST_BYTES))])
NOTHING: Mapping[str, str] = {}
UNKNOWN = ("There is no such contribution of yours.", "Look at the list of your contributions.")
RUNNING = ("received", "preserved", "waiting", "reconstructing")
DONE_BY = {  # a state in which something is being done, or cannot be -> steps that are done in it
    "received": 1, "preserved": 2, "quarantined": 2, "waiting": 2, "reconstructing": 2, "preserved only": 2,
    "not reconstructable": 2, "failed": 2, "in review": 4, "passed": 5, "published": 6,
}  # fmt: skip
SEEN_IN = {  # a step that is done -> states that only come after it
    "preserved": {"preserved", "quarantined", "waiting", "reconstructing", "preserved only",
                  "not reconstructable", "failed", "in review", "published"},
    "reconstructed": {"in review", "published"}, "described": {"in review", "published"},
    "reviewed": {"published", "refused"}, "published": {"published"},
}  # fmt: skip
STEPS = ("arrived", "preserved", "reconstructed", "described", "reviewed", "published")
AT = {"arrived": "received", "preserved": "preserved", "reconstructed": "in review", "published": "published"}
STOPPED = ("quarantined", "not reconstructable", "failed")
ENDED = ("cancelled", "refused", "withdrawn")
CONTRIBUTOR = Annotated[Asks, Depends(asks(Action.SEE_OWN))]


@router.get("/contribute")
def contribute(request: Request, who: Annotated[Asks, Depends(asks(Action.CONTRIBUTE))]) -> Response:
    return who.page(request, contribute_page(who.desk, who.present, query(request, "subject")))


def contribute_page(
    desk: Desk, now: Present | None, subject: str, values: Mapping[str, str] = NOTHING,
    errors: Mapping[str, str] = NOTHING, consents: Iterable[str] = (),
) -> ContributePage:  # fmt: skip
    """The page, with what was filled in before. ``subject``: to what is known already the files are added."""
    service, told = desk.service, dict(errors)
    titles: Mapping[str, str] = {}
    if subject:
        try:
            titles = known_thing(service, now.who.account if now else "", subject)
        except InputError as error:
            told.setdefault("", error.message)
    if "licence" in told:
        told["licence"] = say("Choose what others may do with it.")
    limits = service.limits
    return ContributePage(
        limits.files, limits.file_bytes, limits.contribution_bytes, service.settings.upload_days,
        TERMS, api="/api/v1/contributions", values=values, consents=frozenset(consents), errors=told,
        subject=subject if titles else "", of=titles,
    )  # fmt: skip


def known_thing(service: Service, account: str, subject: str) -> Mapping[str, str]:
    """What a thing is called to which somebody may add: one that is public, or that they recorded before.

    Raises `InputError` if there is none: what others know of is not told.
    """
    found = record(service.projection, subject)
    if isinstance(found, PublicRecord):
        return dict(found.titles)
    with service.database.reading() as session:
        mine = select(Capture).where(Capture.subject == subject, Capture.account == account)
        capture = session.scalars(mine.order_by(Capture.created)).first() if account else None
        thing = session.get(Subject, subject) if capture is not None else None
    if capture is None or thing is None or thing.withdrawn is not None:
        raise InputError(
            "The thing that this is said to show is not known here.", "Leave it out, or choose again."
        )
    return {"": capture.title}


@router.get("/contributions")
def mine(request: Request, who: CONTRIBUTOR) -> Response:
    service = who.desk.service
    with service.database.reading() as session:
        asked = (
            select(Capture)
            .where(Capture.account == who.who.account)
            .order_by(Capture.created.desc())
            .limit(200)
        )
        rows = session.scalars(asked).all()
        about = passed(session, rows)
    arriving = [
        Contribution(
            one.id, title_of(one.details), "arriving", moment(one.created), len(one.files), one.bytes
        )
        for one in service.arrivals.contributions(who.who.account)
        if one.id not in {row.contribution for row in rows}
    ]
    known = [
        Contribution(
            row.contribution or row.id, row.title, "passed" if row.id in about else row.state, row.created,  # type: ignore[arg-type]
            row.files, row.bytes,
        )
        for row in rows
    ]  # fmt: skip
    return who.page(request, ContributionsPage((*arriving, *known)))


@router.get("/contributions/{contribution}")
def one(request: Request, contribution: str, who: CONTRIBUTOR) -> Response:
    return who.page(request, shown(who, contribution))


@router.get("/contributions/{contribution}/progress")
def progress(request: Request, contribution: str, who: CONTRIBUTOR) -> Response:
    pages = who.desk.pages
    spoken = pages.language_for(
        kept=request.cookies.get("language", ""), accepted=request.headers.get("Accept-Language", "")
    )
    told = progress_told(shown(who, contribution), spoken)
    return Response(json.dumps(told), headers={"Cache-Control": "no-store"}, media_type="application/json")


@router.get("/contributions/{contribution}/receipt")
def receipt(contribution: str, who: CONTRIBUTOR) -> Response:
    row = capture_of(who, contribution)
    told = receipt_of(who.desk.service, row)
    if told is None:
        raise NotInArchive(*UNKNOWN)
    headers = {
        "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'attachment; filename="receipt-{contribution[:12]}.json"',
    }  # fmt: skip
    return Response(
        json.dumps(told, ensure_ascii=False, indent=1), headers=headers, media_type="application/json"
    )


@router.post("/contributions/{contribution}/cancel")
def stop(contribution: str, who: CONTRIBUTOR) -> Response:
    row = capture_of(who, contribution)
    who.demand(Action.CANCEL_OWN, row.collection, owner=row.account)
    cancel(who.desk.service, row.id, who.who.actor)
    return who.desk.back(f"/contributions/{contribution}")


@router.post("/contributions/{contribution}/withdraw")
def take_back(contribution: str, who: CONTRIBUTOR, sent: InForm) -> Response:
    row = capture_of(who, contribution)
    who.demand(Action.WITHDRAW_OWN, row.collection, owner=row.account)
    why = sent("reason").strip()[:LONGEST_REASON]
    withdraw(who.desk.service, row.id, who.who.actor, why, deletion=sent("erase") == "yes")
    return who.desk.back(f"/contributions/{contribution}")


@router.post("/contributions/{contribution}/unnamed")
def unnamed(contribution: str, who: CONTRIBUTOR) -> Response:
    row = capture_of(who, contribution)
    who.demand(Action.WITHDRAW_OWN, row.collection, owner=row.account)
    stay_unnamed(who.desk.service, row.id, who.who.actor)
    return who.desk.back(f"/contributions/{contribution}")


def capture_of(who: Asks, contribution: str) -> Capture:
    """A capture of whoever asks. What is somebody else's is as unknown as what is not there."""
    with who.desk.service.database.reading() as session:
        found = session.scalars(select(Capture).where(Capture.contribution == contribution)).one_or_none()
    if found is None or not who.who.owns(found.account):
        raise NotInArchive(*UNKNOWN)
    return found


def shown(who: Asks, contribution: str) -> ContributionPage:
    service = who.desk.service
    try:
        row = capture_of(who, contribution)
    except NotInArchive:
        return arriving(service, who.who.account, contribution)
    with service.database.reading() as session:
        licence = session.scalars(
            select(Rights.uri).where(Rights.of == row.id, Rights.kind == "licence")
        ).first()
        public = session.get(Publication, row.subject) if row.subject else None
        history = entries_of(session, "capture", row.id)
        about = passed(session, [row])
    times = {entry.data["state"]: entry.at for entry in reversed(history) if entry.data}
    told = receipt_of(service, row)
    job = job_of(service, row)
    visible = public is not None and public.visible
    state = "passed" if row.id in about else row.state
    return ContributionPage(
        id=contribution, title=row.title, state=state, created=row.created,  # type: ignore[arg-type]
        licence=next((name for name, uri in LICENCES.items() if uri == licence), "archive-only"),
        steps=steps(state, times, kept=bool(row.digest)),
        progress=progress_of(job) if row.state in RUNNING else None,
        receipt=receipt_shown(told) if told else None, files=row.files, bytes=row.bytes,
        reason=from_json(row.reason) if row.reason else (job.reason if job else ""),
        advice=from_json(row.advice) if row.advice else "",
        record=address_of(row) if visible and row.state == "published" else "",
        can_cancel=row.state in RUNNING, can_withdraw=row.state != "withdrawn",
        credited=row.credited and row.state != "withdrawn",
        subject=row.subject or "", opens=about.get(row.id), unused=tuple(row.unused),
    )  # fmt: skip


def passed(session: Session, rows: Sequence[Capture]) -> dict[str, date | None]:
    """Captures that a custodian let pass and that are about to be public, with the day that they wait for."""
    subjects = {one.subject for one in rows if one.state == "in review"}
    asked = select(Model.captures, Subject).select_from(Publication).where(Publication.id.in_(subjects))
    asked = asked.join(Review, Review.id == Publication.waiting).join(Model, Model.id == Review.model)
    found = session.execute(asked.join(Subject, Subject.id == Publication.id)).all()
    waiting = {capture: opens(subject) for captures, subject in found for capture in captures}
    return {one.id: waiting[one.id] for one in rows if one.state == "in review" and one.id in waiting}


def address_of(row: Capture) -> str:
    return f"/records/{(row.subject or '').removeprefix('ark:/')}"


def arriving(service: Service, account: str, contribution: str) -> ContributionPage:
    try:
        found = service.arrivals.contribution(account, contribution)
    except Refused as error:
        raise NotInArchive(*UNKNOWN) from error
    arrived = sum(found.arrived(one) for one in found.files)
    return ContributionPage(
        id=contribution, title=title_of(found.details), state="arriving", created=moment(found.created),
        licence=str(found.details.get("licence", "archive-only")), steps=steps("arriving", {}),
        progress=Progress(arrived / found.bytes if found.bytes else None), files=len(found.files),
        bytes=found.bytes,
    )  # fmt: skip


def steps(state: str, times: Mapping[str, datetime], *, kept: bool = False) -> tuple[Step, ...]:
    """What happened to it, and what will. ``times``: when it first came to each state; ``kept``: the archive
    has it.
    """
    if state in ENDED:
        return went_through(state, times, kept=kept)
    done = DONE_BY.get(state, 0)
    made = []
    for number, key in enumerate(STEPS):
        if number < done:
            made.append(Step(key, "done", times.get(AT.get(key, ""))))  # type: ignore[arg-type]
        elif number == done:
            now = "stopped" if state in STOPPED else "skipped" if state == "preserved only" else "now"
            made.append(Step(key, now))  # type: ignore[arg-type]
        else:
            later = state not in (*STOPPED, "preserved only")
            made.append(Step(key, "later" if later else "skipped"))  # type: ignore[arg-type]
    return tuple(made)


def went_through(state: str, times: Mapping[str, datetime], *, kept: bool) -> tuple[Step, ...]:
    """The steps that were done before it ended, and how it ended."""
    done = ["arrived", *(key for key, states in SEEN_IN.items() if states & times.keys())]
    if kept and "preserved" not in done:
        done.insert(1, "preserved")
    ended = Step(state, "ended", times.get(state))  # type: ignore[arg-type]
    return (*(Step(key, "done", times.get(AT.get(key, ""))) for key in done), ended)  # type: ignore[arg-type]


def job_of(service: Service, row: Capture) -> JobState | None:
    """The job that works on a capture now."""
    found = service.engine.jobs(about=row.id).jobs
    return next((one for one in found if one.going), None)


def progress_of(job: JobState | None) -> Progress:
    if job is None or not job.total:
        return Progress(None)
    return Progress(job.done / job.total, job.left_s, job.note or job.stage)


def receipt_of(service: Service, row: Capture) -> dict[str, Any] | None:
    """What the contributor was told: from the uploads, or from the archive."""
    with suppress(Refused):  # it is not among the uploads of this machine, or not any more
        kept = service.arrivals.receipt(row.account, row.contribution or "")
        if kept is not None:
            return kept.json()
    if deposited(service.archive, row.id) is None:
        return None
    found = read_object(service.archive.main, object_key(row.id))
    if RECEIPT not in found.inventory.files():
        return None
    told: dict[str, Any] = json.loads(found.read(RECEIPT))
    return told


def receipt_shown(told: dict[str, Any]) -> Receipt:
    files = tuple(ReceivedFile(one["name"], one["size"], one["sha256"]) for one in told["files"])
    return Receipt(told["sha256"], moment(told["received"]), files, tuple(told.get("missing", ())))


def title_of(details: Any) -> str:
    return str(details.get("title") or "…")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
