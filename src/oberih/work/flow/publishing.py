"""From a passed review to what the public sees, and back."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from oberih.archive.stores import AlreadyThere
from oberih.catalogue.database import now
from oberih.catalogue.outdated import brought_up, changes, outdate
from oberih.catalogue.public import publish as show
from oberih.catalogue.public import tidy
from oberih.catalogue.public import withdraw as hide
from oberih.catalogue.tables import Publication, Review, Subject
from oberih.errors import StoreError
from oberih.i18n import say
from oberih.settings import ServiceSettings
from oberih.work.engine import Job, step, workflow
from oberih.work.flow.drafting import begin_draft, clear, clear_others, draft_lost, drafted
from oberih.work.flow.here import here
from oberih.work.flow.locking import lock, open_reviews
from oberih.work.flow.modelling import open_review
from oberih.work.flow.posing import draw
from oberih.work.flow.projecting import (
    captures_of,
    folder_of,
    keep_place,
    licence_of,
    month,
    public_record,
    settle_place,
)
from oberih.work.flow.states import ENDED, come_to, told
from oberih.work.service import Service

__all__ = [
    "begin_publish",
    "due",
    "missing_files",
    "old_folders",
    "project",
    "publish",
    "remove",
    "unpublish",
    "warn_reviewers",
]

LATE = timedelta(minutes=15)  # files that were copied, and belong to nothing, are looked for
TAKEN_OUT = say("It was taken out of public view. A custodian looks at it again.")


@workflow("publish")
def publish(job: Job, review: str) -> None:
    if files_lost(job, review):
        draft_lost(job, review)
    expose(job, review)
    draw(job, review)
    reveal(job, review)


@step
def files_lost(job: Job, review: str) -> bool:
    """Whether files that passed the review are neither public nor among the drafts: a machine was lost."""
    service = here()
    with service.database.reading() as session:
        decided = session.get_one(Review, review)
        if not to_be_seen(session, decided):
            return False
    return bool(missing_files(service, decided)) and not drafted(service, decided)


def to_be_seen(session: Session, review: Review) -> bool:
    """Whether what passed a review is public, or is about to be; another one may have overtaken it."""
    public = session.get_one(Publication, review.subject)
    return public.waiting == review.id or (public.visible and public.review == review.id)


@step
def expose(job: Job, review: str) -> None:
    """Copy what was reviewed to the public files, under the number of the version that it becomes."""
    service = here()
    with service.database.writing("service", "publish") as session:
        decided = session.get_one(Review, review)
        if not to_be_seen(session, decided):
            return
        outdate(session, decided.subject, after=LATE)  # should nobody come back to what is begun here
    job.check()
    below = folder_of(decided.subject, decided.number)
    for path in missing_files(service, decided):
        job.check()  # what was missing may be public by now, if somebody else has taken over
        service.files.delete(f"{below}/{path}")  # what somebody left who was killed at it
        with suppress(AlreadyThere):  # somebody else is at it too
            service.files.write(f"{below}/{path}", service.drafts.stream(f"{decided.draft}/{path}"))
    if missing_files(service, decided):
        raise StoreError("Public files did not become what passed the review.", "It is tried again.")


def missing_files(service: Service, review: Review) -> list[str]:
    """Files of what passed a review that are not where the public could fetch them."""
    below = folder_of(review.subject, review.number)
    there = {stat.key: stat.size for stat in service.files.list(below)}
    wanted = review.manifest.get("files", ()) if gives_files(service, review) else ()
    return [one["path"] for one in wanted if there.get(f"{below}/{one['path']}") != one["bytes"]]


def gives_files(service: Service, review: Review) -> bool:
    """Whether everybody may have files of it: not what somebody gave to the archive only."""
    with service.database.reading() as session:
        return licence_of(session, captures_of(session, review)) != "archive-only"


@step
def reveal(job: Job, review: str) -> None:
    """Let the public see it."""
    service = here()
    job.check()
    with service.database.writing("service", "publish") as session:
        decided = session.get_one(Review, review)
        public = lock(session, decided.subject)
        if public is not None and public.waiting == review:
            become_public(session, service.settings, public)
            outdate(session, public.id)
    project(service, decided.subject)
    with service.database.writing("service", "publish") as session:
        lock(session, decided.subject)
        seen = to_be_seen(session, decided)
        for capture in captures_of(session, decided) if seen else ():
            if come_to(capture, "published"):
                capture.advice = None  # the reason is a custodian's word to the contributor
    clear(service, decided.draft)  # seen or taken back, nobody needs it
    clear_others(service, decided)  # what killed processes left


def become_public(session: Session, settings: ServiceSettings, public: Publication) -> None:
    """From now on, everybody sees what passed last."""
    decided = session.get_one(Review, public.waiting)
    captures = captures_of(session, decided)
    public.waiting = None
    if any(one.state in ENDED for one in captures):
        return  # somebody took it back
    subject = session.get_one(Subject, public.id)
    keep_place(session, public.id, [one.id for one in captures])
    public.review = decided.id
    public.published, public.withdrawn = public.published or now(), None
    settle_place(session, settings, public, subject.precision)
    public.named = decided.named if subject.names_people else []


def project(service: Service, subject: str) -> None:
    """Bring what everybody sees of a subject to what the catalogue says: its record, its files, or nothing.

    Whoever is killed here leaves what was said to be `outdated`, and the service finishes it.
    """
    with service.database.writing("service", "publish") as session:
        public = session.get_one(Publication, subject, with_for_update=True)
        seen = changes(session, subject)
        hidden = False
        if public.visible:  # while others wait: what they change, they show after this
            show(service.projection, public_record(session, public))
        elif public.withdrawn is not None:
            hidden = hide(service.projection, subject, month(public.withdrawn))
        old = old_folders(session, public)
    if hidden:
        tidy(service.projection)
    remove(service, old)
    with service.database.writing("service", "publish") as session:
        brought_up(session, seen)


def remove(service: Service, folders: Iterable[str]) -> None:
    """Remove public files."""
    for folder in folders:
        for one in list(service.files.list(folder)):
            service.files.delete(one.key)


def old_folders(session: Session, public: Publication) -> list[str]:
    """Folders of public files that nobody is to fetch any more. Not of versions that come after this."""
    kept = {public.waiting, public.review if public.visible else None}
    passed = select(Review.id, Review.number).where(Review.subject == public.id, Review.number.is_not(None))
    return [folder_of(public.id, number) for review, number in session.execute(passed) if review not in kept]


def unpublish(service: Service, subject: str, actor: str, reason: str) -> None:
    """Take a subject out of everything public, now. What was recorded stays in the archive.

    Whether it becomes public again, or not at all, is decided in a new review. Is the service stopped here,
    it finishes this when it runs again.
    """
    review = None
    with service.database.writing(actor, "unpublish", reason) as session:
        public = lock(session, subject)
        if public is None:
            return
        if passed := public.passed:
            review = review_again(session, session.get_one(Review, passed))
        if public.visible:
            public.withdrawn = now()
        public.waiting = None
        outdate(session, subject)
    project(service, subject)
    if review is not None:
        begin_draft(service, review)


def review_again(session: Session, passed: Review) -> Review | None:
    """A new review of what passed one, unless something newer waits for a look."""
    for capture in captures_of(session, passed):
        if come_to(capture, "in review", back=True):
            capture.reason, capture.advice = told(TAKEN_OUT), None
    if warn_reviewers(session, passed.subject):
        return None
    review = session.get_one(Review, open_review(session, passed.subject, passed.model))
    review.corrections, review.known_length = passed.corrections, passed.known_length
    session.flush()
    return review


def warn_reviewers(session: Session, subject: str) -> int:
    """Whoever looks at an open review has to look again: something else was decided. Returns how many."""
    found = open_reviews(session, subject)
    for review in found:
        flag_modified(review, "warnings")
    return len(found)


def due(service: Service) -> int:
    """Begin to publish what passed its review and whose embargo is over. Returns how many were begun."""
    asked = select(Publication.waiting).join(Subject, Subject.id == Publication.id).where(
        Publication.waiting.is_not(None),
        or_(Subject.embargo_until.is_(None), Subject.embargo_until <= now()),
    )  # fmt: skip
    with service.database.reading() as session:
        waiting = session.scalars(asked).all()
    return sum(begin_publish(service, review) for review in waiting if review)


def begin_publish(service: Service, review: str, *, anew: str = "") -> bool:
    """Let what passed a review be public: once, unless something happened (``anew``). Then there may be more
    to do than to copy files.
    """
    return service.engine.enqueue(
        "publish", key=f"publish:{review}{anew and ':'}{anew}", queue="cpu" if anew else "light",
        about=[review], args={"review": review},
    )  # fmt: skip
