"""Is what somebody recorded a thing that is known already? Candidates, and saying so."""

import math
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from oberih.catalogue.access import Action, looking
from oberih.catalogue.tables import Capture, Place, Publication, Subject
from oberih.errors import Conflict, InputError
from oberih.web.inside.desk import Asks, asks, go
from oberih.web.inside.forms import Given, InForm
from oberih.web.inside.office.case import Case, case_of, is_open
from oberih.web.inside.office.common import in_words, number_of, own, query
from oberih.web.inside.office.queue import kind_of
from oberih.web.views import KnownPage, KnownRow
from oberih.work.flow import merge
from oberih.work.flow.projecting import true_place
from oberih.work.flow.reviewing import MEANWHILE

__all__ = ["router"]

router = APIRouter()
Custodian = Annotated[Asks, Depends(asks(Action.REVIEW))]
AROUND_M = 300.0
M_OF_DEGREE = 111_320.0
FIRST = 20  # of those that are near, and of those that were searched for


@router.get("/review/{identifier}/known")
def candidates(request: Request, identifier: str, who: Custodian) -> Response:
    return known_page(request, who, open_case(who, identifier))


@router.post("/review/{identifier}/known")
def same(request: Request, identifier: str, who: Custodian, sent: InForm) -> Response:
    """It is the same thing as the one that was chosen."""
    case = open_case(who, identifier)
    own(who, Action.EDIT, case.collection)
    version = number_of(sent("version"))
    try:
        merge(who.desk.service, identifier, who.who.actor, chosen(sent), seen_version=version)
    except Conflict as error:
        case = open_case(who, identifier)  # with the version that it has now
        return known_page(request, who, case, {"": in_words(error)}, sent, status=409)
    except InputError as error:
        return known_page(request, who, case, {"subject": in_words(error)}, sent)
    return go("/review?done=together")


def chosen(sent: Given) -> str:
    """One of the list, or whatever address or identifier was written."""
    text = sent("other").strip() or sent("subject")
    _, mark, rest = text.partition("ark:/")
    if not mark:
        _, mark, rest = text.partition("/records/")
    return f"ark:/{rest.strip('/')}" if mark else text


def open_case(who: Asks, identifier: str) -> Case:
    case = case_of(who, identifier)
    if case.review is None or not is_open(case.review) or case.subject is None:
        raise Conflict(*MEANWHILE)
    return case


def known_page(
    request: Request, who: Asks, case: Case, errors: dict[str, str] | None = None, sent: Given | None = None,
    *, status: int = 422,
) -> Response:  # fmt: skip
    """``sent``: a form that was not taken; it is shown as it was filled in."""
    given, subject = sent or Given({}), case.subject
    words, chosen = given("q")[:200] or query(request, "q"), given("subject") or query(request, "subject")
    if subject is None:
        raise Conflict(*MEANWHILE)
    service, theirs = who.desk.service, of_the_same(subject)
    with looking(
        service.database, who.who, Action.SEE_PLACE, case.collection, "place", subject.id
    ) as session:
        place = true_place(session, subject.id)
        nearby = list(session.scalars(theirs.where(near(place)).limit(FIRST))) if place else []
        session.expunge_all()
    with service.database.reading() as session:
        found = list(session.scalars(theirs.where(*called(words)).limit(FIRST))) if words else []
        named = list(session.scalars(theirs.where(Subject.id == chosen))) if chosen else []
        close = {one.id for one in nearby}
        rows = {
            one.id: row_of(session, one, near=one.id in close) for one in (*named, *nearby, *found)
        }  # fmt: skip
    page = KnownPage(
        case.id, case.version, subject.title, tuple(rows.values()), words, errors or {}, chosen,
        given("other"),
    )  # fmt: skip
    return who.desk.page(request, page, asks=who.present, status=status if errors else 200)


def of_the_same(subject: Subject) -> Select[Subject]:
    """All other subjects of its collection."""
    return (
        select(Subject)
        .where(
            Subject.collection == subject.collection, Subject.withdrawn.is_(None), Subject.id != subject.id
        )
        .order_by(Subject.changed.desc(), Subject.id)
    )


def near(place: Place) -> ColumnElement[bool]:
    """Recorded, or said to be, in a box of that size around."""
    north = AROUND_M / M_OF_DEGREE
    east = north / max(0.01, math.cos(math.radians(place.latitude_deg)))
    there = select(Place.id).where(
        Place.latitude_deg.between(place.latitude_deg - north, place.latitude_deg + north),
        Place.longitude_deg.between(place.longitude_deg - east, place.longitude_deg + east),
    )
    return or_(Subject.id.in_(there), Subject.id.in_(select(Capture.subject).where(Capture.id.in_(there))))


def called(words: str) -> Iterator[ColumnElement[bool]]:
    """Each word is in the title, however it begins: SQLite knows capitals of English only."""
    for word in words.split()[:8]:
        forms = dict.fromkeys((word, word.lower(), word.capitalize(), word.upper()))
        yield or_(*(Subject.title.contains(one, autoescape=True) for one in forms))


def row_of(session: Session, one: Subject, *, near: bool = False) -> KnownRow:
    photos = session.scalar(select(func.sum(Capture.photos)).where(Capture.subject == one.id)) or 0
    public = session.get(Publication, one.id)
    shown = public is not None and public.visible
    return KnownRow(one.id, one.title, kind_of(one), photos, near=near, public=shown)
