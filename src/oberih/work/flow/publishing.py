"""From a passed review to what the public sees, and back."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.stores import AlreadyThere
from oberih.catalogue.database import now
from oberih.catalogue.public import publish as show
from oberih.catalogue.public import withdraw as hide
from oberih.catalogue.tables import Model, Publication, Review, Subject
from oberih.work.engine import Job, step, workflow
from oberih.work.flow.drafting import clear
from oberih.work.flow.here import here
from oberih.work.flow.projecting import folder_of, month, public_record, sites
from oberih.work.flow.states import moved
from oberih.work.service import Service

__all__ = ["due", "project", "publish", "unpublish"]


@workflow("publish")
def publish(job: Job, review: str) -> None:
    if expose(job, review):
        reveal(job, review)


@step
def expose(job: Job, review: str) -> bool:
    """Copy what was reviewed to the public files, under the number of the version that it becomes."""
    service = here()
    with service.database.reading() as session:
        decided = session.get_one(Review, review)
        public = session.get_one(Publication, decided.subject)
    if public.review != review or public.withdrawn or decided.state != "passed":
        return False  # overtaken
    job.check()
    below = folder_of(public.id, public.number)
    for one in decided.manifest.get("files", ()):
        with suppress(AlreadyThere):  # of this version: the step runs again
            service.files.write(
                f"{below}/{one['path']}", service.drafts.stream(f"{decided.draft}/{one['path']}")
            )
    return True


@step
def reveal(job: Job, review: str) -> None:
    """Let the public see it."""
    service = here()
    job.check()
    with service.database.reading() as session:
        subject = session.get_one(Review, review).subject
    if not project(service, subject, review):
        return
    with service.database.reading() as session:
        decided = session.get_one(Review, review)
        captures = session.get_one(Model, decided.model).captures if decided.model else []
        public = session.get_one(Publication, subject)
    for capture in captures:
        with moved(service, capture, "publish", "published") as (_, row):
            row.advice = None  # the reason is a custodian's word to the contributor
    keep = f"{folder_of(subject, public.number)}/"
    remove_files(service, subject, keep)
    clear(service, decided.draft)


def project(service: Service, subject: str, review: str = "") -> bool:
    """Write the public record of a subject. False if it is not public, or another review decided."""
    with service.database.writing("service", "publish") as session:
        public = session.get_one(Publication, subject, with_for_update=True)
        if public.withdrawn or (review and public.review != review):
            return False
        if public.published is None:
            public.published = now()
        record = public_record(
            session,
            service.settings,
            session.get_one(Subject, subject),
            public,
            sites(session, service.settings),
        )
    show(service.projection, record)
    return True


def unpublish(service: Service, subject: str, actor: str, reason: str) -> None:
    """Take a subject out of everything public, now. What was recorded stays in the archive.

    Run again to finish. The next review of the subject can publish it again.
    """
    with service.database.writing(actor, "unpublish", reason) as session:
        public = session.get_one(Publication, subject, with_for_update=True)
        if public.withdrawn is None:
            public.withdrawn = now()
    hide(service.projection, subject, month(datetime.now(UTC)))
    remove_files(service, subject, keep="")


def remove_files(service: Service, subject: str, keep: str) -> None:
    """Remove public files of a subject but those below ``keep``."""
    below = folder_of(subject, 0).removesuffix("/v0")
    for stat in list(service.files.list(below)):
        if not keep or not stat.key.startswith(keep):
            service.files.delete(stat.key)


def due(service: Service) -> int:
    """Begin to publish what passed its review and whose embargo is over. Returns how many were begun."""
    with service.database.reading() as session:
        waiting = list(passed(session))
    return sum(
        service.engine.enqueue("publish", key=f"publish:{review}", queue="light", args={"review": review})
        for review in waiting
    )


def passed(session: Session) -> Iterator[str]:
    asked = select(Publication, Subject.embargo_until).join(Subject, Subject.id == Publication.id).where(
        Publication.published.is_(None), Publication.withdrawn.is_(None)
    )  # fmt: skip
    for public, embargo in session.execute(asked):
        if embargo is None or embargo <= now():
            yield public.review
