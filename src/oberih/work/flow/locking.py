"""One order in which everybody locks the rows of a subject, so that no two wait for each other."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from oberih.catalogue.tables import Capture, Publication, Review, Subject

__all__ = ["lock", "open_reviews"]


def lock(session: Session, subject: str) -> Publication | None:
    """Lock the captures of a subject, its open reviews, itself and its publication, which is returned. What
    was read of them before is read again.
    """
    captures = select(Capture).where(Capture.subject == subject).order_by(Capture.id)
    for asked in (captures, opened(subject)):
        session.scalars(asked.with_for_update(), execution_options={"populate_existing": True}).all()
    session.get(Subject, subject, with_for_update=True)
    return session.get(Publication, subject, with_for_update=True)


def open_reviews(session: Session, subject: str) -> Sequence[Review]:
    """Those that nobody has decided."""
    return session.scalars(opened(subject)).all()


def opened(subject: str) -> Select[Review]:
    return select(Review).where(Review.subject == subject, Review.state == "open").order_by(Review.id)
