"""The work: what waits and runs, which machines there are, stopping a job and trying one again.

A job is about a collection: whoever may see jobs there sees it. What cannot be told apart any more is for
those who may see all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.catalogue.access import Action
from oberih.catalogue.tables import Capture, Review, Subject
from oberih.errors import Conflict, InputError
from oberih.i18n import say
from oberih.web.inside.desk import Asks, asks, go
from oberih.web.inside.forms import InForm
from oberih.web.inside.office.common import address, own, query, reach, unseen
from oberih.web.inside.under_way import progress_of
from oberih.web.views import Job, JobsPage, Machine, Paging, Queue
from oberih.work.engine import JobState
from oberih.work.flow import start_again, stop
from oberih.work.service import Service

__all__ = ["router"]

router = APIRouter()
PAGE = 50
KEEPING = "keep"  # of the ledger: every few seconds, and about nothing that anybody recorded
NAMES = {
    "ingest": say("Keeping what arrived"), "model": say("Making a 3D model"),
    "draft": say("Making what would be public"), "publish": say("Publishing"),
    "present": say("Drawing the poster, keeping what was written"),
    "export": say("Exporting records"), "keep": say("Keeping the audit trail in the archive"),
    "copies": say("Copying to the other stores"),
}  # fmt: skip
QUEUES = {
    "ingest": say("what arrives"), "cpu": say("models, without a graphics card"),
    "gpu": say("models, on a graphics card"), "light": say("small tasks"),
}  # fmt: skip
WHEN = {"next": 0, "normal": 5, "last": 9}  # as the form says it -> priority of the engine


@dataclass(frozen=True)
class About:
    """What a job works on."""

    title: str
    collection: str | None  # None: cannot be told


@router.get("/jobs")
def listed(request: Request, who: Annotated[Asks, Depends(asks(Action.SEE_JOBS))]) -> Response:
    service, mine, after = who.desk.service, reach(who, Action.SEE_JOBS), query(request, "after", 500)
    keeping = "yes" if query(request, "keeping") == "yes" else ""
    page = service.engine.jobs(after=after, limit=PAGE, but=() if keeping else (KEEPING,))
    with service.database.reading() as session:
        abouts = {one.key: about(session, one) for one in page.jobs}
    jobs = [
        shown(one, abouts[one.key]) for one in page.jobs
        if mine is None or abouts[one.key].collection in mine
    ]  # fmt: skip
    earlier = address("/jobs", keeping=keeping) if after else ""
    later = address("/jobs", after=page.after, keeping=keeping) if page.after else ""
    # How busy everybody is, and on what machines, is for those who see all.
    everywhere = mine is None
    view = JobsPage(
        queues(service) if everywhere else (), machines(service) if everywhere else (),
        tuple(jobs), everywhere, bool(keeping), Paging(earlier, later),
    )  # fmt: skip
    return who.page(request, view)


@router.post("/jobs/{key}/cancel")
def cancelled(key: str, who: Annotated[Asks, Depends(asks(Action.CANCEL_JOB))]) -> Response:
    theirs(who, key)
    stop(who.desk.service, key, who.who.actor)
    return go("/jobs")


@router.post("/jobs/{key}/priority")
def sooner_or_later(
    key: str, who: Annotated[Asks, Depends(asks(Action.SET_PRIORITY))], sent: InForm
) -> Response:
    """Let a job that waits come before the others, or after them."""
    theirs(who, key, Action.SET_PRIORITY)
    if sent("when") not in WHEN:
        raise InputError("Nobody said when it is to come.", "Choose one of the list.")
    if not who.desk.service.engine.prioritise(key, WHEN[sent("when")]):
        raise Conflict("It does not wait any more.", "Look at the page again.")
    return go("/jobs")


@router.post("/jobs/{key}/again")
def tried_again(key: str, who: Annotated[Asks, Depends(asks(Action.CANCEL_JOB))]) -> Response:
    theirs(who, key)
    start_again(who.desk.service, key, who.who.actor)
    return go("/jobs")


def theirs(who: Asks, key: str, action: Action = Action.CANCEL_JOB) -> None:
    """Raises `NotInArchive` unless it is there, and may be stopped by them."""
    state = who.desk.service.engine.state(key)
    if state is None:
        raise unseen()
    with who.desk.service.database.reading() as session:
        found = about(session, state)
    own(who, action, found.collection)


def about(session: Session, job: JobState) -> About:
    kind, _, rest = job.key.partition(":")
    if kind == "ingest":
        capture = session.scalars(select(Capture).where(Capture.contribution == rest)).one_or_none()
        if capture is not None:
            return About(capture.title, capture.collection)
    if kind in ("draft", "publish"):
        review = session.get(Review, rest.partition(":")[0])
        if review is not None:
            return About(session.get_one(Subject, review.subject).title, review.collection)
    if kind == "model" and job.about and (capture := session.get(Capture, job.about[0])) is not None:
        return About(capture.title, capture.collection)
    return About(NAMES.get(kind, kind), None)


def shown(one: JobState, found: About) -> Job:
    progress = progress_of(one) if one.status == "running" else None
    return Job(
        one.key, found.title, NAMES.get(one.name, one.name), one.status,
        when=when(one.priority), progress=progress,
        since=one.ended_at or one.started_at or one.enqueued_at,
        reason=why(one),
    )  # fmt: skip


def when(priority: int) -> Any:
    return "next" if priority < WHEN["normal"] else "last" if priority > WHEN["normal"] else "normal"


def why(one: JobState) -> str:
    if one.error is not None:
        return one.error.message
    return one.reason


def queues(service: Service) -> tuple[Queue, ...]:
    """Unfinished jobs of each kind, where there are any."""
    counts = service.engine.counts()
    found = (
        Queue(words, counts.get((name, "waiting"), 0), counts.get((name, "running"), 0))
        for name, words in NAMES.items()
    )
    return tuple(one for one in found if one.waiting or one.running)


def machines(service: Service) -> tuple[Machine, ...]:
    return tuple(
        Machine(
            one.name, tuple(QUEUES.get(name, name) for name in names_of(one.queues)), one.running, one.seen,
            one.alive,
        )
        for one in service.engine.machines()
    )  # fmt: skip


def names_of(queues: Sequence[str]) -> Iterator[str]:
    """Queues without the machine that they belong to."""
    return (one.partition("@")[0] for one in queues)
