"""From a passed review to what the public sees, and back."""

from collections.abc import Iterator
from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.stores import AlreadyThere
from oberih.catalogue.database import now
from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.public import publish as show
from oberih.catalogue.public import withdraw as hide
from oberih.catalogue.tables import Capture, Heritage, Model, Place, Publication, Review, Subject
from oberih.errors import StoreError
from oberih.work.engine import Job, step, workflow
from oberih.work.flow.drafting import clear, draft_lost, drafted
from oberih.work.flow.here import here
from oberih.work.flow.projecting import folder_of, licence_of, may_be_named, month, public_record, sites
from oberih.work.flow.states import moved
from oberih.work.service import Service

__all__ = ["due", "missing_files", "project", "publish", "settle", "uncredit", "unpublish"]


@workflow("publish")
def publish(job: Job, review: str) -> None:
    if not waits(job, review) or draft_lost(job, review):
        if expose(job, review):
            reveal(job, review)
    else:
        reword(job, review)


@step
def waits(job: Job, review: str) -> bool:
    """Whether files that passed the review are neither public nor among the drafts: a machine was lost."""
    service = here()
    with service.database.reading() as session:
        decided = session.get_one(Review, review)
        public = session.get_one(Publication, decided.subject)
    if public.review != review or public.withdrawn or decided.state != "passed" or not decided.model:
        return False
    return bool(missing_files(service, public)) and not drafted(service, decided)


@step
def reword(job: Job, review: str) -> None:
    """Show what can be shown without the files, if it was public before."""
    service = here()
    job.check()
    with service.database.reading() as session:
        public = session.get_one(Publication, session.get_one(Review, review).subject)
    if public.published is not None:
        project(service, public.id, review)


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
    for path in missing_files(service, public):
        service.files.delete(f"{below}/{path}")  # what somebody left who was killed at it
        with suppress(AlreadyThere):  # somebody else is at it too
            service.files.write(f"{below}/{path}", service.drafts.stream(f"{decided.draft}/{path}"))
    if missing_files(service, public):
        raise StoreError("Public files did not become what passed the review.", "It is tried again.")
    return True


def missing_files(service: Service, public: Publication) -> list[str]:
    """Files of a public version that are not where the public could fetch them."""
    below = folder_of(public.id, public.number)
    there = {stat.key: stat.size for stat in service.files.list(below)}
    wanted = public.manifest.get("files", ()) if gives_files(service, public) else ()
    return [one["path"] for one in wanted if there.get(f"{below}/{one['path']}") != one["bytes"]]


def gives_files(service: Service, public: Publication) -> bool:
    """Whether everybody may have files of it: not what somebody gave to the archive only."""
    with service.database.reading() as session:
        model = session.get(Model, public.model) if public.model else None
        captures = [session.get_one(Capture, one) for one in (model.captures if model else ())]
        return licence_of(session, captures) != "archive-only"


@step
def reveal(job: Job, review: str) -> None:
    """Let the public see it."""
    service = here()
    job.check()
    with service.database.reading() as session:
        subject = session.get_one(Review, review).subject
    number = project(service, subject, review)
    if not number:
        settle(service, subject)
        return
    with service.database.reading() as session:
        decided = session.get_one(Review, review)
        captures = session.get_one(Model, decided.model).captures if decided.model else []
    for capture in captures:
        with moved(service, capture, "publish", "published") as (_, row):
            row.advice = None  # the reason is a custodian's word to the contributor
    keep = f"{folder_of(subject, number)}/"
    remove_files(service, subject, keep)
    clear(service, decided.draft)
    settle(service, subject)


def project(service: Service, subject: str, review: str = "") -> int:
    """Write the public record of a subject. Returns its version; 0 if it is not public, another review
    decided, or (without ``review``) the version that passed waits for the end of its embargo.
    """
    while True:
        with service.database.reading() as session:
            known = sites(session, service.settings)
        with service.database.writing("service", "publish") as session:
            public = session.get_one(Publication, subject, with_for_update=True)
            if public.withdrawn or (review and public.review != review):
                return 0
            if public.published is None and not review:
                return 0
            if public.published is None:
                public.published = now()
            thing = session.get_one(Subject, subject)
            made = public_record(session, service.settings, thing, public, known)
            session.flush()
            seen = versions(session, subject)
        show(service.projection, made)
        with service.database.reading() as session:
            if versions(session, subject) == seen:
                return made.version  # else what was just shown is out of date already: once more


def versions(session: Session, subject: str) -> list[int]:
    """Of all that decides what is public of a subject."""
    kinds: tuple[type[Heritage], ...] = (Subject, Place, Publication)
    return [row.version if (row := session.get(kind, subject)) else 0 for kind in kinds]


def uncredit(service: Service, subject: str) -> None:
    """Take names off a public record whose owners do not want to be named with it any more. All else stays
    as it is: nobody has looked at what may have changed since.
    """
    shown = record(service.projection, subject)
    if not isinstance(shown, PublicRecord):
        return
    with service.database.reading() as session:
        names = may_be_named(session, session.get_one(Subject, subject))
    kept = tuple(one for one in shown.people if one.role != "contributor" or one.name in names)
    show(service.projection, shown.model_copy(update={"people": kept}))


def unpublish(service: Service, subject: str, actor: str, reason: str) -> None:
    """Take a subject out of everything public, now. What was recorded stays in the archive.

    Is the service stopped here, it finishes this when it runs again. The next review of the subject can
    publish it again.
    """
    with service.database.writing(actor, "unpublish", reason) as session:
        public = session.get_one(Publication, subject, with_for_update=True)
        if public.withdrawn is None:
            public.withdrawn = now()
    settle(service, subject)


def settle(service: Service, subject: str) -> bool:
    """See to it that nothing is public of a subject that was withdrawn, also if it was about to be published
    just then. Returns whether there was.
    """
    with service.database.reading() as session:
        public = session.get(Publication, subject)
    if public is None or public.withdrawn is None:
        return False
    there = hide(service.projection, subject, month(public.withdrawn))
    return bool(remove_files(service, subject, keep="")) or there


def remove_files(service: Service, subject: str, keep: str) -> int:
    """Remove public files of a subject but those below ``keep``. Returns how many there were."""
    below = folder_of(subject, 0).removesuffix("/v0")
    old = [stat.key for stat in service.files.list(below) if not keep or not stat.key.startswith(keep)]
    for key in old:
        service.files.delete(key)
    return len(old)


def due(service: Service) -> int:
    """Begin to publish what passed its review and whose embargo is over. Returns how many were begun."""
    with service.database.reading() as session:
        waiting = list(passed(session))
    return sum(
        service.engine.enqueue(
            "publish", key=f"publish:{review}", queue="light", about=[review], args={"review": review}
        )
        for review in waiting
    )


def passed(session: Session) -> Iterator[str]:
    asked = select(Publication, Subject.embargo_until).join(Subject, Subject.id == Publication.id).where(
        Publication.published.is_(None), Publication.withdrawn.is_(None)
    )  # fmt: skip
    for public, embargo in session.execute(asked):
        if embargo is None or embargo <= now():
            yield public.review
