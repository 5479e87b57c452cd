"""What waits for a custodian: reviews, what is set aside, and what is to be looked at again."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from oberih.catalogue.access import Action
from oberih.catalogue.ledger import entries_of
from oberih.catalogue.tables import Capture, Publication, Review, Rights, Subject
from oberih.errors import InputError
from oberih.i18n import say
from oberih.web.inside.desk import Asks, asks, go
from oberih.web.inside.door.places import title_of
from oberih.web.inside.forms import InForm
from oberih.web.inside.office.common import address, address_of, ark_of, done, own, query, reach, unseen
from oberih.web.inside.office.making import making_of
from oberih.web.inside.office.pictures import poster_of, where
from oberih.web.inside.office.whom import in_words_of
from oberih.web.views import Paging, Picture, ReviewQueuePage, ReviewRow
from oberih.web.views.words import KINDS
from oberih.work.flow.projecting import captures_of
from oberih.work.flow.withdrawing import DELETION, answer_wish
from oberih.work.service import Service

__all__ = ["kind_of", "opens", "router"]

router = APIRouter()
PAGE = 50
SET_ASIDE = say("Danger zone")
FIRST = 200  # of what is set aside, or to be looked at again, at most
STATES = ("open", "passed", "refused")


@router.get("/review")
def queue(request: Request, who: Annotated[Asks, Depends(asks(Action.LIST_QUEUE))]) -> Response:
    state = query(request, "state")
    state = state if state in STATES else "open"
    mine, after = reach(who, Action.LIST_QUEUE), query(request, "after")
    with who.desk.service.database.reading() as session:
        asked = within(select(Review).where(Review.state == state), Review, mine)
        count = session.scalar(select(func.count()).select_from(asked.subquery())) or 0
        found = session.scalars(page_of(session, asked, after, newest=state != "open")).all()
        shown = found[:PAGE]
        rows = [review_row(session, who.desk.service, one) for one in shown]
        if state == "open":
            special = [*set_aside(session, mine), *to_delete(session, mine), *again(session, mine)]
            count += len(special)
            rows = [*special, *rows] if not after else rows
    titles = {key: title_of(who.desk, request, key) for key in {one.collection for one in rows}}
    people = in_words_of(request, who, {one.reviewer for one in rows} - {""})
    rows = [named(one, titles, people) for one in rows]
    later = address("/review", state=state, after=shown[-1].id) if len(found) > PAGE else ""
    earlier = address("/review", state=state) if after else ""
    page = ReviewQueuePage(tuple(rows), state, Paging(earlier, later, count))  # type: ignore[arg-type]
    return who.page(request, page, done(request))


def within(asked: Select[Any], kind: Any, mine: set[str] | None) -> Select[Any]:
    return asked if mine is None else asked.where(kind.collection.in_(mine))


def page_of(session: Session, asked: Select[Any], after: str, *, newest: bool) -> Select[Any]:
    last = session.get(Review, after) if after else None
    if last is not None:
        beyond = Review.created < last.created if newest else Review.created > last.created
        beside = Review.id < last.id if newest else Review.id > last.id
        asked = asked.where(or_(beyond, and_(Review.created == last.created, beside)))
    order = (Review.created.desc(), Review.id.desc()) if newest else (Review.created.asc(), Review.id.asc())
    return asked.order_by(*order).limit(PAGE + 1)


def review_row(session: Session, service: Service, one: Review) -> ReviewRow:
    subject = session.get_one(Subject, one.subject)
    captures = captures_of(session, one)
    public = session.get(Publication, one.subject)
    return ReviewRow(
        one.id, subject.title, one.collection, kind_of(subject), one.created,
        sum(capture.photos for capture in captures),
        warnings=sum(not told.get("settled") for told in one.warnings),
        making=making_of(service, one, captures).state,
        again=one.state == "open" and public is not None and public.review != one.id,
        reviewer=one.reviewer, picture=poster(session, one, public), **became(one, subject, public),
    )  # fmt: skip


def became(one: Review, subject: Subject, public: Publication | None) -> dict[str, Any]:
    """What became of what passed."""
    if one.state != "passed" or public is None:
        return {}
    if public.waiting == one.id:
        return {"opens": opens(subject)}
    return {"out": not public.visible}


def opens(subject: Subject) -> date | None:
    """The day before which nothing of it is public; None: that is over, or there is none."""
    day = subject.embargo_until.date() if subject.embargo_until else None
    return day if day is not None and day > datetime.now(UTC).date() else None


def set_aside(session: Session, mine: set[str] | None) -> list[ReviewRow]:
    """Captures from danger zones, which nobody has released yet."""
    asked = within(select(Capture).where(Capture.state == "quarantined"), Capture, mine)
    return [
        ReviewRow(
            address_of(one.id),
            one.title,
            one.collection,
            one.kind,
            one.received or one.created,
            one.photos,
            zone=SET_ASIDE,
        )
        for one in session.scalars(asked.order_by(Capture.created).limit(FIRST))
    ]


def to_delete(session: Session, mine: set[str] | None) -> list[ReviewRow]:
    """What was taken back by somebody who asks for its files to be deleted, and waits for an answer."""
    asked = within(select(Capture), Capture, mine).join(Rights, Rights.of == Capture.id)
    asked = asked.where(Rights.kind == DELETION, Rights.withdrawn.is_(None)).order_by(Rights.created)
    return [
        ReviewRow(
            address_of(one.id), one.title, one.collection, one.kind, one.received or one.created, one.photos,
            deletion=True, note=why(session, one.id),
        )
        for one in session.scalars(asked.limit(FIRST))
    ]  # fmt: skip


def why(session: Session, capture: str) -> str:
    """The reason of whoever took a capture back."""
    entries = entries_of(session, "capture", capture)
    return next((one.note for one in reversed(entries) if one.action == "withdraw"), "")


@router.post("/review/{capture}/deletion")
def answered(capture: str, who: Annotated[Asks, Depends(asks(Action.REVIEW))], sent: InForm) -> Response:
    """Answer somebody who asked for their files to be deleted."""
    ark = ark_of(capture)
    with who.desk.service.database.reading() as session:
        found = session.get(Capture, ark)
    if found is None:
        raise unseen()
    own(who, Action.WITHDRAW, found.collection)
    if not sent("answer").strip():
        raise InputError("The contributor waits for an answer.", "Write one or two sentences.")
    answer_wish(who.desk.service, ark, who.who.actor, sent("answer").strip()[:5000])
    return go("/review?done=answered")


def again(session: Session, mine: set[str] | None) -> list[ReviewRow]:
    """Public subjects of which the precision is to be looked at again by now."""
    asked = select(Subject, Publication, Review).join(Publication, Publication.id == Subject.id)
    asked = asked.join(Review, Review.id == Publication.review)
    asked = asked if mine is None else asked.where(Subject.collection.in_(mine))
    asked = asked.where(Publication.visible, Subject.sensitivity_due <= datetime.now(UTC).date())
    rows = session.execute(asked.order_by(Subject.sensitivity_due, Subject.id).limit(FIRST))
    return [
        ReviewRow(
            address_of(one.id), one.title, one.collection, kind_of(one), one.changed,
            photos(session, one.id), picture=poster(session, passed, public),
        )
        for one, public, passed in rows
    ]  # fmt: skip


def photos(session: Session, subject: str) -> int:
    return session.scalar(select(func.sum(Capture.photos)).where(Capture.subject == subject)) or 0


def kind_of(subject: Subject) -> str:
    kind = str(subject.description.get("kind", "other"))
    return kind if kind in KINDS else "other"


def poster(session: Session, review: Review, public: Publication | None) -> Picture | None:
    return poster_of(review) if where(session, review, public) else None


def named(row: ReviewRow, titles: dict[str, str], people: dict[str, str]) -> ReviewRow:
    return replace(row, collection=titles[row.collection], reviewer=people.get(row.reviewer, ""))
