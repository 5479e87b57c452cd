"""People: finding them, their roles, invitations, the way back in, closing an account."""

from datetime import timedelta
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select

from oberih.catalogue.access import EVERYWHERE, Action
from oberih.catalogue.accounts import (
    close_account,
    find_people,
    give_role,
    invitations,
    invite,
    open_account,
    person,
    recovery_link,
    revoke_link,
    take_role,
)
from oberih.catalogue.accounts.links import LinkMade
from oberih.catalogue.accounts.people import Person
from oberih.catalogue.tables import Collection
from oberih.errors import InputError
from oberih.web.inside.desk import Asks, asks, go
from oberih.web.inside.door.once import shown_once
from oberih.web.inside.door.places import shown_grants, title_of
from oberih.web.inside.forms import Given, InForm
from oberih.web.inside.office.common import address, day_of, end_of, hidden, in_words, query, reach, unseen
from oberih.web.views import Grant, Invitation, OncePage, Option, Paging, PeoplePage, PersonRow

__all__ = ["router"]

router = APIRouter()
Leader = Annotated[Asks, Depends(asks(Action.SEE_PEOPLE))]


@router.get("/people")
def listed(request: Request, who: Leader) -> Response:
    return people_page(request, who)


@router.post("/people/invite")
def invited(request: Request, who: Leader, sent: InForm) -> Response:
    service = who.desk.service
    try:
        made = invite(
            service.database, who.desk.gate, who.who, sent("role"), collection_of(sent), until=ends(sent),
            note=sent("note"),
        )  # fmt: skip
    except InputError as error:
        return people_page(request, who, {"": in_words(error)})
    return once(who, "invitation", "/join", made)


@router.post("/people/invitations/{link}/revoke")
def taken_back(link: str, who: Leader) -> Response:
    with hidden():
        revoke_link(who.desk.service.database, who.who, link)
    return go("/people")


@router.post("/people/{account}/grant")
def given(request: Request, account: str, who: Leader, sent: InForm) -> Response:
    known(who, account)
    try:
        give_role(
            who.desk.service.database, who.desk.gate, who.who, account, sent("role"), collection_of(sent),
            until=ends(sent), why=sent("why"),
        )  # fmt: skip
    except InputError as error:
        return people_page(request, who, {"": in_words(error)})
    return go("/people")


@router.post("/people/{account}/revoke")
def taken(account: str, who: Leader, sent: InForm) -> Response:
    if sent("grant") not in {one.id for one in known(who, account).grants}:
        raise unseen()
    take_role(who.desk.service.database, who.who, sent("grant"))
    return go("/people")


@router.post("/people/{account}/recovery")
def way_back(account: str, who: Leader) -> Response:
    known(who, account)
    return once(who, "recovery link", "/recover", recovery_link(who.desk.service.database, who.who, account))


@router.post("/people/{account}/suspend")
def closed(account: str, who: Leader) -> Response:
    known(who, account)
    close_account(who.desk.service.database, who.who, account)
    return go("/people")


@router.post("/people/{account}/restore")
def opened(account: str, who: Leader) -> Response:
    known(who, account)
    open_account(who.desk.service.database, who.who, account)
    return go("/people")


def people_page(request: Request, who: Asks, errors: dict[str, str] | None = None) -> Response:
    service, mine = who.desk.service, reach(who, Action.SEE_PEOPLE)
    search, after = query(request, "q"), query(request, "after")
    where = query(request, "collection")
    with service.database.reading() as session:
        known_ones = set(session.scalars(select(Collection.id).order_by(Collection.created)))
    mine_there = known_ones if mine is None else mine & known_ones
    if mine is not None and where not in mine_there:
        where = next(iter(sorted(mine_there)), "")
    found = find_people(
        service.database, who.who, search=search, collection=where or None, after=after or None
    )
    waiting = [
        Invitation(
            one.id,
            (Grant("", one.role, place_named(request, who, one.collection)),),
            one.created, one.expires, one.note,
        )
        for one in invitations(service.database, who.who)
    ]  # fmt: skip
    page = PeoplePage(
        tuple(row(request, who, one) for one in found.people), tuple(waiting),
        tuple(Option(one, title_of(who.desk, request, one)) for one in sorted(mine_there)), search,
        Paging(
            address("/people", q=search, collection=where) if after else "",
            address("/people", q=search, collection=where, after=found.after) if found.after else "",
        ),
        errors or {},
    )  # fmt: skip
    return who.desk.page(request, page, asks=who.present, status=422 if errors else 200)


def row(request: Request, who: Asks, one: Person) -> PersonRow:
    grants = shown_grants(who.desk, request, one.grants)
    return PersonRow(
        one.id, one.name, grants, one.created.date(), one.seen, one.disabled is not None, one.login
    )


def place_named(request: Request, who: Asks, collection: str) -> str:
    return "" if collection == EVERYWHERE else title_of(who.desk, request, collection)


def known(who: Asks, account: str) -> Person:
    """Somebody whom they may see. Raises `NotInArchive`."""
    with hidden():
        return person(who.desk.service.database, who.who, account)


def collection_of(sent: Given) -> str:
    return sent("collection") or EVERYWHERE


def ends(sent: Given) -> Any:
    """With the end of the day that was chosen."""
    end = end_of(day_of(sent("until")))
    return end - timedelta(seconds=1) if end else None  # of that day: people read the day


def once(who: Asks, kind: str, path: str, made: LinkMade) -> Response:
    """The link, on a page that is shown this once."""
    link = f"{who.desk.gate.url}{path}/{made.token}"
    page = OncePage(cast("Any", kind), (link,), expires=made.expires, next="/people")
    return go(shown_once(who.desk, who.who.account, page))
