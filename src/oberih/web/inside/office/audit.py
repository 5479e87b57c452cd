"""The audit trail: who did what to what, and which fields it changed. Values are never shown here.

Whoever decides in some collections sees what concerns these. An admin sees everything that happened, but not
the reasons that custodians gave: they may tell what is sealed.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Select, or_, select, tuple_
from sqlalchemy.orm import Session

from oberih.catalogue.access import Action
from oberih.catalogue.ledger import Entry
from oberih.catalogue.tables import HERITAGE, Capture, Model, Review, Subject
from oberih.web.inside.desk import Asks, asks
from oberih.web.inside.office.common import address, day_of, end_of, query, reach, start_of
from oberih.web.inside.office.whom import in_words_of
from oberih.web.views import AuditPage, AuditRow, Paging

__all__ = ["router"]

router = APIRouter()
PAGE = 50
FILTERS = ("actor", "of", "kind", "since", "until")
KINDS = tuple(sorted({one.kind_of() for one in HERITAGE} | {"account"}))
ALWAYS = ("version", "changed")  # differ in every entry


@router.get("/audit")
def listed(request: Request, who: Annotated[Asks, Depends(asks(Action.READ_AUDIT))]) -> Response:
    filters = {name: query(request, name) for name in FILTERS}
    mine, before = reach(who, Action.READ_AUDIT), query(request, "before")
    with who.desk.service.database.reading() as session:
        asked = within(filtered(select(Entry), filters), mine)
        last = session.scalar(select(Entry.number).where(Entry.id == before)) if before else None
        if last is not None:
            asked = asked.where(Entry.number < last)
        found = session.scalars(asked.order_by(Entry.number.desc()).limit(PAGE + 1)).all()
        page = found[:PAGE]
        earlier = states_before(session, page)
    notes = mine is not None or who.may(Action.REVIEW)
    people = {one.actor for one in page} | {one.of for one in page if one.kind == "account"}
    words = in_words_of(request, who, {*people, filters["actor"]} - {""})
    rows = tuple(
        AuditRow(
            one.id, one.at, one.actor, one.action, one.kind, one.of, one.version, one.note if notes else "",
            differing(one.data, earlier.get((one.kind, one.of, one.version - 1))),
            all(each.kept is not None for each in same), words[one.actor],
            words[one.of] if one.kind == "account" else "", len(same), same[-1].at,
        )
        for same in in_a_row(page) for one in same[:1]
    )  # fmt: skip
    paging = Paging(
        address("/audit", **filters) if before else "",
        address("/audit", **filters, before=page[-1].id) if len(found) > PAGE else "",
    )
    return who.page(request, AuditPage(rows, filters, KINDS, paging, words.get(filters["actor"], "")))


def in_a_row(page: Sequence[Entry]) -> list[list[Entry]]:
    """Entries of looks that follow one another, the same person's at the same thing, together."""

    def look(one: Entry) -> object:
        return one.id if one.data is not None else (one.actor, one.action, one.kind, one.of, one.note)

    return [list(same) for _, same in groupby(page, key=look)]


def filtered(asked: Select[Any], filters: dict[str, str]) -> Select[Any]:
    for name, column in (("actor", Entry.actor), ("of", Entry.of), ("kind", Entry.kind)):
        if filters[name]:
            asked = asked.where(column == filters[name])
    since, until = start_of(day_of(filters["since"])), end_of(day_of(filters["until"]))
    asked = asked.where(Entry.at >= since) if since else asked
    return asked.where(Entry.at < until) if until else asked


def within(asked: Select[Any], mine: set[str] | None) -> Select[Any]:
    """Entries of what belongs to these collections; places and publications have their subjects' identifiers,
    or their captures'.
    """
    if mine is None:
        return asked
    subjects = select(Subject.id).where(Subject.collection.in_(mine))
    theirs: list[Select[Any]] = [
        subjects,
        select(Capture.id).where(Capture.collection.in_(mine)),
        select(Review.id).where(Review.collection.in_(mine)),
        select(Model.id).where(Model.subject.in_(subjects)),
    ]
    return asked.where(or_(Entry.of.in_(mine), *(Entry.of.in_(one) for one in theirs)))


def states_before(session: Session, page: Sequence[Entry]) -> dict[tuple[str, str, int], Any]:
    """The state of each row before an entry of the page."""
    wanted = [(one.kind, one.of, one.version - 1) for one in page if one.data is not None and one.version > 1]
    if not wanted:
        return {}
    asked = select(Entry).where(tuple_(Entry.kind, Entry.of, Entry.version).in_(wanted))
    return {
        (one.kind, one.of, one.version): one.data
        for one in session.scalars(asked) if one.data is not None
    }  # fmt: skip


def differing(data: Any, earlier: Any) -> tuple[str, ...]:
    if not data or not earlier:
        return ()
    names = sorted(data.keys() | earlier.keys())
    return tuple(one for one in names if one not in ALWAYS and data.get(one) != earlier.get(one))
