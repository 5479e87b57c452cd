"""Two subjects that are one: what was recorded of the new one becomes more captures of the known one."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.catalogue.database import now
from oberih.catalogue.tables import Capture, ConditionReport, Publication, Review, Subject
from oberih.errors import Conflict, InputError
from oberih.work.flow.locking import lock, open_reviews
from oberih.work.flow.modelling import begin_again, cancel_models
from oberih.work.flow.reviewing import MEANWHILE
from oberih.work.flow.states import ENDED, come_to
from oberih.work.service import Service

__all__ = ["merge"]

UNKNOWN = ("There is no such thing in this collection.", "Choose one of the list.")
PUBLIC = ("This is public by itself.", "Take it out of public view first.")
AGAIN = ("in review", "not reconstructable", "failed", "reconstructing")  # more photos may help, or change it


def merge(service: Service, review: str, actor: str, known: str, *, seen_version: int) -> None:
    """What a review is about is the same thing as ``known``, of the same collection.

    A new model is made of everything that was recorded of it, as after any new capture of a known subject.
    Raises `Conflict`, `InputError`.
    """
    with service.database.writing(actor, "merge", known) as session:
        row = session.get_one(Review, review)
        for subject in sorted((row.subject, known)):
            lock(session, subject)
        if row.state != "open" or row.version != seen_version:
            raise Conflict(*MEANWHILE)
        same, gone = session.get(Subject, known), session.get_one(Subject, row.subject)
        if same is None or same.withdrawn or same.id == gone.id or same.collection != gone.collection:
            raise InputError(*UNKNOWN)
        public = session.get(Publication, gone.id)
        if public is not None and public.passed:
            raise Conflict(*PUBLIC)
        gone.withdrawn = now()
        captures = move(session, gone.id, same.id)
        for one in open_reviews(session, gone.id):
            one.state = "overtaken"
    for capture in captures:
        cancel_models(service, capture)
    if captures:  # perhaps nothing was left of the known
        begin_again(service, captures[0], f"merged-{known.rpartition('/')[2]}")


def move(session: Session, old: str, new: str) -> list[str]:
    """Give all that is of one subject to another. The captures that can become a model of it."""
    rows = session.scalars(select(Capture).where(Capture.subject == old).order_by(Capture.id)).all()
    for row in rows:
        row.subject = new
        if row.state in AGAIN and come_to(row, "waiting", back=True):
            row.reason = row.advice = None
    for report in session.scalars(select(ConditionReport).where(ConditionReport.subject == old)):
        report.subject = new
    return [row.id for row in rows if row.state not in ENDED and row.photos]
