"""Subjects of which what is public is not what the catalogue says any more.

Who changes what is public says so in the same transaction; who has made it public takes back what they found
said before they began. So a process that is killed between leaves a trace, and another one finishes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from oberih.catalogue.database import Base, now
from oberih.catalogue.tables import Publication, Subject, new_id

__all__ = ["brought_up", "changes", "outdate", "outdate_collection", "outdated"]


class Outdated(Base):
    """One change of a subject that the public does not see yet."""

    __tablename__ = "outdated"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    subject: Mapped[str] = mapped_column(index=True)
    since: Mapped[datetime] = mapped_column(default=now, index=True)


def outdate(session: Session, subject: str, *, after: timedelta = timedelta()) -> None:
    """``after``: whoever says so is at it until then, and nobody brings it up before."""
    session.add(Outdated(subject=subject, since=now() + after))


def outdate_collection(session: Session, collection: str) -> None:
    """All of a collection that everybody sees."""
    asked = select(Publication.id).join(Subject, Subject.id == Publication.id)
    found = session.scalars(asked.where(Subject.collection == collection, Publication.visible)).all()
    if found:
        session.execute(insert(Outdated), [{"subject": one} for one in found])


def outdated(session: Session, before: datetime, most: int) -> Sequence[str]:
    """Subjects that have waited since ``before``."""
    return session.scalars(
        select(Outdated.subject).where(Outdated.since < before).distinct().limit(most)
    ).all()


def changes(session: Session, subject: str) -> Sequence[str]:
    """What is said of a subject so far."""
    asked = select(Outdated.id).where(Outdated.subject == subject, Outdated.since <= now())
    return session.scalars(asked).all()


def brought_up(session: Session, seen: Sequence[str]) -> None:
    """These changes (see `changes`) are public now."""
    session.execute(delete(Outdated).where(Outdated.id.in_(seen)))
