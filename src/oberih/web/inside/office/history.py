"""What happened so far to what is in review, and since somebody looked at it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.catalogue.ledger import Entry, entries_of
from oberih.catalogue.tables import Review
from oberih.web.inside.desk import Asks
from oberih.web.inside.office.case import Case
from oberih.web.inside.office.whom import in_words_of
from oberih.web.views import Event

__all__ = ["history", "only_made"]

DRAFT = "draft"  # what the service does (`oberih.work.flow.drafting`)
A_MOMENT = timedelta(seconds=1)


def history(session: Session, request: Request, who: Asks, case: Case) -> tuple[Event, ...]:
    entries = [one for capture in case.captures for one in entries_of(session, "capture", capture.id)]
    if case.review is not None:
        entries += entries_of(session, "review", case.review.id)
    people = in_words_of(request, who, {one.actor for one in entries})
    entries.sort(key=lambda one: (one.at, one.number))
    return tuple(Event(one.at, people[one.actor], one.action, one.note) for one in deeds(entries))


def only_made(session: Session, review: str, seen: int) -> bool:
    """Whether nobody changed a review since its version ``seen``, of which there was nothing to be looked at:
    what would be public was made, and no more.
    """
    asked = select(Entry).where(Entry.kind == Review.kind_of(), Entry.of == review, Entry.version >= seen)
    found = session.scalars(asked.order_by(Entry.version)).all()
    if not found or found[0].version != seen or found[0].data is None or found[0].data["draft"]:
        return False
    return all(one.action == DRAFT for one in found[1:])


def deeds(entries: Iterable[Entry]) -> Iterator[Entry]:
    """One entry of each deed: it may change several rows, within a moment."""
    last: dict[tuple[str, str, str], datetime] = {}
    for one in entries:
        before = last.get(deed := (one.actor, one.action, one.note))
        if before is None or one.at - before > A_MOMENT:
            yield one
        last[deed] = one.at
