"""From all captures of a subject to a model of it, which then waits for a custodian's look."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive import Deposited, deposit_model
from oberih.archive.deposit import ORIGINALS
from oberih.archive.reuse import deposited
from oberih.catalogue.tables import Capture, Model, Publication, Review, Subject
from oberih.errors import InputError, NoOverlap, NoSurface, NotInArchive, OberihError
from oberih.i18n import say
from oberih.reconstruct.confined import reconstruct
from oberih.reconstruct.settings import preset_settings
from oberih.work.engine import Job, step, workflow
from oberih.work.flow.comparing import compared, figures_of
from oberih.work.flow.fetching import fetched, forget
from oberih.work.flow.here import here
from oberih.work.flow.locking import open_reviews
from oberih.work.flow.states import ENDED, moved, told
from oberih.work.service import Service
from oberih.work.sharing import copied_or_later

__all__ = ["begin", "begin_again", "cancel_models", "model", "open_review", "result_folder", "usable"]

OF_THE_MATERIAL = (InputError, NoOverlap, NoSurface)  # nothing that trying again would change
UNUSED = (*ENDED, "received", "quarantined", "preserved only")


def begin(service: Service, capture: str, *, anew: str = "") -> str:
    """Let a model be made of the subject of ``capture`` from everything that was recorded of it.

    On a graphics card if one is there. The same captures are not modelled twice, unless something happened
    (``anew``, whose word is in the job's key). Returns the job's key, "" if there is nothing to make one of.
    """
    with service.database.reading() as session:
        row = session.get_one(Capture, capture)
        captures = usable(session, row.subject or "")
    if not captures:
        return ""
    digest = hashlib.sha256(" ".join(captures).encode()).hexdigest()[:32]
    key = f"model:{digest}{anew and ':'}{anew}"
    service.engine.enqueue(
        "model", key=key, queue="gpu" if "gpu" in service.engine.workers() else "cpu", person=row.account,
        about=captures, args={"subject": row.subject, "captures": captures},
    )  # fmt: skip
    return key


def begin_again(service: Service, capture: str, anew: str) -> None:
    """Begin, also if a model of just these captures was made before: since then, something happened."""
    before = service.engine.state(begin(service, capture))
    if before is not None and not before.going:
        begin(service, capture, anew=anew)


def cancel_models(service: Service, capture: str) -> None:
    """Stop making models of a capture."""
    for job in service.engine.jobs(about=capture).jobs:
        if job.name == "model" and job.going:
            service.engine.cancel(job.key)


def usable(session: Session, subject: str) -> list[str]:
    found = select(Capture.id).where(
        Capture.subject == subject, Capture.state.not_in(UNUSED), Capture.photos > 0
    ).order_by(Capture.id)  # fmt: skip
    return list(session.scalars(found))


@workflow("model")
def model(job: Job, subject: str, captures: list[str]) -> None:
    identifier = named(job, captures)
    try:
        make(job, identifier, subject, captures)
    except OF_THE_MATERIAL as error:
        explain(job, captures, error.message, error.advice)
        tidy(job, identifier)
        return
    except OberihError as error:
        fail(job, captures, error.message, error.advice)
        raise
    review = record(job, identifier, subject, captures)
    if review:
        from oberih.work.flow.drafting import draft

        draft(job, review)
    tidy(job, identifier)


@step
def named(job: Job, captures: list[str]) -> str:
    """The identifier of the model to come."""
    return here().archive.mint()


@step
def make(job: Job, identifier: str, subject: str, captures: list[str]) -> None:
    """Reconstruct and deposit, as one step: what is half done lies on this machine only, and goes on here."""
    service = here()
    for capture in captures:
        with moved(service, capture, "reconstruct", "reconstructing"):
            pass
    if deposited(service.archive, identifier) is not None:
        return
    sources = [kept(service, capture) for capture in captures]
    work = service.work_folder(identifier)
    photos = [
        fetched(service, capture, work / "photos" / str(number), ORIGINALS, job.progress)
        for number, capture in enumerate(captures)
    ]
    out = work / "out"
    never = [service.private / "secrets.toml", service.private / "uploads", service.folder / "archive"]
    settings = preset_settings(service.settings.preset)
    reconstruct(photos, out, settings, progress=job.progress, never=never)
    job.check()
    with service.database.reading() as session:
        title = session.get_one(Subject, subject).title
    deposit_model(service.archive, out, sources, title=title, identifier=identifier, progress=job.progress)
    copied_or_later(service, job.progress, [identifier])  # other machines may not know of it


def kept(service: Service, identifier: str) -> Deposited:
    found = deposited(service.archive, identifier)
    if found is None:
        raise NotInArchive(
            say("{id} is not in the archive.", id=identifier), "Look at the archive: oberih verify"
        )
    return found


@step
def record(job: Job, identifier: str, subject: str, captures: list[str]) -> str:
    """Write down the model, and ask for a review unless what is public is better. The review, or "".

    If a capture was taken back meanwhile, or they were found to show a known thing, nobody is to see the
    model: there will be another one.
    """
    service = here()
    report = json.loads((result_folder(service, identifier) / "report.json").read_bytes())
    figures, digest = figures_of(report), kept(service, identifier).digest
    with service.database.writing("service", "record model") as session:
        if session.get(Model, identifier) is None:
            session.add(Model(
                id=identifier, subject=subject, captures=captures, figures=figures, digest=digest,
                scale_known=figures.get("unit") == "m",
            ))  # fmt: skip
            session.flush()
        ended = {one.id for one in captures_of(session, captures) if one.state in ENDED}
        merged = session.get_one(Subject, subject).withdrawn is not None
        public = session.get(Publication, subject)
        reason = ""
        if public is not None and public.passed:
            best = session.get_one(Model, session.get_one(Review, public.passed).model)
            verdict = compared(figures, best.figures)
            if not verdict.better:
                reason = verdict.reason
        review = "" if reason or ended or merged else open_review(session, subject, identifier)
    if ended or merged:
        for capture in sorted(set(captures) - ended):
            begin(service, capture)
        return ""
    for capture in captures:
        with moved(service, capture, "model", "published" if reason else "in review") as (_, row):
            row.reason, row.advice = told(reason), None
    return review


def open_review(session: Session, subject: str, identifier: str) -> str:
    """The review of a model; older ones of the same subject that nobody decided are overtaken by it."""
    for old in open_reviews(session, subject):
        if old.model == identifier:
            return old.id
        old.state = "overtaken"
    collection = session.get_one(Subject, subject).collection
    made = Review(subject=subject, collection=collection, model=identifier)
    session.add(made)
    session.flush()
    return made.id


@step
def explain(job: Job, captures: list[str], reason: str, advice: str) -> None:
    """Say why there is no model. What was recorded is kept all the same."""
    for capture in captures:
        with moved(here(), capture, "explain", "not reconstructable") as (_, row):
            row.reason, row.advice = told(reason), told(advice)


@step
def fail(job: Job, captures: list[str], reason: str, advice: str) -> None:
    for capture in captures:
        with moved(here(), capture, "fail", "failed") as (_, row):
            row.reason, row.advice = told(reason), told(advice)


@step
def tidy(job: Job, identifier: str) -> None:
    forget(here().work_folder(identifier))


def result_folder(service: Service, identifier: str) -> Path:
    """What ``oberih reconstruct`` made, here or fetched from the archive."""
    out = service.work_folder(identifier) / "out"
    if (out / "report.json").is_file():
        return out
    return fetched(service, identifier, service.work_folder(identifier) / "model")


def captures_of(session: Session, identifiers: Sequence[str]) -> list[Capture]:
    return [session.get_one(Capture, identifier) for identifier in identifiers]
