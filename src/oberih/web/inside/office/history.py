"""What happened so far to what is in review."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from fastapi import Request
from sqlalchemy.orm import Session

from oberih.catalogue.ledger import Entry, entries_of
from oberih.web.inside.desk import Asks
from oberih.web.inside.office.case import Case
from oberih.web.inside.office.whom import in_words_of
from oberih.web.views import Event

__all__ = ["history"]

A_MOMENT = timedelta(seconds=1)


def history(session: Session, request: Request, who: Asks, case: Case) -> tuple[Event, ...]:
    entries = [one for capture in case.captures for one in entries_of(session, "capture", capture.id)]
    if case.review is not None:
        entries += entries_of(session, "review", case.review.id)
    people = in_words_of(request, who, {one.actor for one in entries})
    entries.sort(key=lambda one: (one.at, one.number))
    return tuple(Event(one.at, people[one.actor], one.action, one.note) for one in deeds(entries))


def deeds(entries: Iterable[Entry]) -> Iterator[Entry]:
    """One entry of each deed: it may change several rows, within a moment."""
    last: dict[tuple[str, str, str], datetime] = {}
    for one in entries:
        before = last.get(deed := (one.actor, one.action, one.note))
        if before is None or one.at - before > A_MOMENT:
            yield one
        last[deed] = one.at
