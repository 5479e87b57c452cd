"""Contributing, and what became of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from oberih.archive.ocfl import object_key, read_object
from oberih.archive.reuse import deposited
from oberih.catalogue.access import Action
from oberih.catalogue.ledger import entries_of
from oberih.catalogue.public import PublicRecord, glances, record
from oberih.catalogue.tables import Capture, Model, Publication, Review, Rights, Subject
from oberih.errors import InputError, NotInArchive
from oberih.i18n import from_json, say
from oberih.web.inside.desk import Asks, Desk, Present, asks, go, no_larger
from oberih.web.inside.forms import InForm
from oberih.web.inside.left_out import left_out, newest_model
from oberih.web.inside.office.common import address, query
from oberih.web.inside.office.queue import opens
from oberih.web.inside.steps import steps
from oberih.web.inside.under_way import progress_of
from oberih.web.open.embed import poster_of
from oberih.web.pages import progress as progress_told
from oberih.web.pages import seen
from oberih.web.views import (
    ContributePage,
    Contribution,
    ContributionPage,
    ContributionsPage,
    Paging,
    Progress,
    Receipt,
    ReceivedFile,
)
from oberih.work.arrivals import Refused
from oberih.work.arrivals.taking import free_bytes
from oberih.work.engine import JobState
from oberih.work.flow.ingest import RECEIPT
from oberih.work.flow.withdrawing import cancel, stay_unnamed, withdraw
from oberih.work.offers import LICENCES, TERMS
from oberih.work.service import Service

__all__ = ["contribute_page", "known_thing", "router"]

MOST_BYTES = 64 << 10  # of a form
LARGE_BYTES = 10 << 30  # hardly any contribution is larger
PAGE = 50
LONGEST_REASON = 2000  # letters
router = APIRouter(include_in_schema=False, dependencies=[Depends(no_larger(MOST_BYTES))])
NOTHING: Mapping[str, str] = {}
UNKNOWN = ("There is no such contribution of yours.", "Look at the list of your contributions.")
RUNNING = ("received", "preserved", "waiting", "reconstructing")
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
    limits, arrivals = service.limits, service.arrivals
    room = free_bytes(arrivals.folder) - arrivals.keep_free  # how much that is, is for those who run it
    return ContributePage(
        limits.files, limits.file_bytes, limits.contribution_bytes, service.settings.upload_days, TERMS,
        room="none" if room <= 0 else "little" if room < min(LARGE_BYTES, limits.contribution_bytes) else "",
        api="/api/v1/contributions", values=values, consents=frozenset(consents), errors=told,
        subject=subject if titles else "", of=titles, nameless=now is not None and not now.public_name,
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
    service, after = who.desk.service, query(request, "after")
    with service.database.reading() as session:
        found = session.scalars(page_of(session, who.who.account, after)).all()
        rows = found[:PAGE]
        about = passed(session, rows)
    public = {row.id: row.subject for row in rows if row.state == "published" and row.subject}
    posters = {one.id: poster_of(one) for one in glances(service.projection, set(public.values()))}
    known = [
        Contribution(
            row.contribution or row.id, row.title, "passed" if row.id in about else row.state, row.created,  # type: ignore[arg-type]
            row.files, row.bytes, posters.get(public.get(row.id, "")),
        )
        for row in rows
    ]  # fmt: skip
    coming = [] if after else arriving_of(who)
    later = address("/contributions", after=rows[-1].id) if len(found) > PAGE else ""
    paging = Paging("/contributions" if after else "", later)
    return who.page(request, ContributionsPage((*coming, *known), paging))


def page_of(session: Session, account: str, after: str) -> Select[Capture]:
    """Captures of an account, the newest first, beginning after one of them."""
    asked = select(Capture).where(Capture.account == account)
    last = session.get(Capture, after) if after else None
    if last is not None and last.account == account:
        beside = and_(Capture.created == last.created, Capture.id < last.id)
        asked = asked.where(or_(Capture.created < last.created, beside))
    return asked.order_by(Capture.created.desc(), Capture.id.desc()).limit(PAGE + 1)


def arriving_of(who: Asks) -> list[Contribution]:
    """What is still on its way."""
    service, account = who.desk.service, who.who.account
    coming = service.arrivals.contributions(account)
    with service.database.reading() as session:
        asked = select(Capture.contribution).where(Capture.contribution.in_([one.id for one in coming]))
        there = set(session.scalars(asked))
    return [
        Contribution(
            one.id, title_of(one.details), "arriving", moment(one.created), len(one.files), one.bytes
        )
        for one in coming if one.id not in there
    ]  # fmt: skip


@router.get("/contributions/{contribution}")
def one(request: Request, contribution: str, who: CONTRIBUTOR) -> Response:
    return who.page(request, shown(who, contribution))


@router.get("/contributions/{contribution}/progress")
def progress(request: Request, contribution: str, who: CONTRIBUTOR) -> Response:
    page = shown(who, contribution)
    told = progress_told(seen(page), page.progress, who.desk.pages.spoken(request))
    return Response(json.dumps(told), media_type="application/json")


@router.get("/contributions/{contribution}/receipt")
def receipt(contribution: str, who: CONTRIBUTOR) -> Response:
    row = capture_of(who, contribution)
    told = receipt_of(who.desk.service, row)
    if told is None:
        raise NotInArchive(*UNKNOWN)
    headers = {"Content-Disposition": f'attachment; filename="receipt-{contribution[:12]}.json"'}
    return Response(
        json.dumps(told, ensure_ascii=False, indent=1), headers=headers, media_type="application/json"
    )


@router.post("/contributions/{contribution}/cancel")
def stop(contribution: str, who: CONTRIBUTOR) -> Response:
    row = capture_of(who, contribution)
    who.demand(Action.CANCEL_OWN, row.collection, owner=row.account)
    cancel(who.desk.service, row.id, who.who.actor)
    return go(f"/contributions/{contribution}")


@router.post("/contributions/{contribution}/withdraw")
def take_back(contribution: str, who: CONTRIBUTOR, sent: InForm) -> Response:
    row = capture_of(who, contribution)
    who.demand(Action.WITHDRAW_OWN, row.collection, owner=row.account)
    why = sent("reason").strip()[:LONGEST_REASON]
    withdraw(who.desk.service, row.id, who.who.actor, why, deletion=sent("erase") == "yes")
    return go(f"/contributions/{contribution}")


@router.post("/contributions/{contribution}/unnamed")
def unnamed(contribution: str, who: CONTRIBUTOR) -> Response:
    row = capture_of(who, contribution)
    who.demand(Action.WITHDRAW_OWN, row.collection, owner=row.account)
    stay_unnamed(who.desk.service, row.id, who.who.actor)
    return go(f"/contributions/{contribution}")


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
        model = newest_model(session, row)
    times = {entry.data["state"]: entry.at for entry in reversed(history) if entry.data}
    shown_now = record(service.projection, row.subject) if row.state == "published" and row.subject else None
    told = receipt_of(service, row)
    job = job_of(service, row)
    visible = public is not None and public.visible
    state = "passed" if row.id in about else row.state
    over = row.state == "withdrawn"
    credited = row.credited and not over
    nameless = who.present is not None and not who.present.public_name
    return ContributionPage(
        id=contribution, title=row.title, state=state, created=row.created,  # type: ignore[arg-type]
        licence=next((name for name, uri in LICENCES.items() if uri == licence), "archive-only"),
        steps=steps(state, times, kept=bool(row.digest)),
        progress=progress_of(job) if row.state in RUNNING else None,
        receipt=receipt_shown(told) if told else None, files=row.files, bytes=row.bytes,
        reason=from_json(row.reason) if row.reason else job.reason if job and not over else "",
        advice=from_json(row.advice) if row.advice else "",
        record=address_of(row) if visible and row.state == "published" else "",
        picture=poster_of(shown_now) if isinstance(shown_now, PublicRecord) else None,
        left_out=tuple(left_out(service, model, told)),
        can_cancel=row.state in RUNNING, can_withdraw=not over,
        credited=credited and not nameless, nameless=credited and nameless,
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


def job_of(service: Service, row: Capture) -> JobState | None:
    """The job that works on a capture now."""
    job = service.engine.job_on(row.id)
    return job if job is not None and job.going else None


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
