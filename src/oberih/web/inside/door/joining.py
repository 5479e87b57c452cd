"""Coming in for the first time, or again after all was lost: by a link, or because anybody may register."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response

from oberih.catalogue.access import EVERYWHERE
from oberih.catalogue.accounts import (
    SHORTEST,
    Invited,
    Opened,
    Present,
    Profile,
    TooManyTries,
    accept_invitation,
    begin_join,
    join_with_passkey,
    join_with_password,
    look_at_link,
    who_is,
)
from oberih.catalogue.accounts.joining import refuse_closed
from oberih.catalogue.accounts.names import LONGEST_LOGIN
from oberih.errors import Conflict, InputError
from oberih.web.inside.desk import Desk, go, present
from oberih.web.inside.door.once import shown_once
from oberih.web.inside.door.places import title_of
from oberih.web.inside.door.threshold import (
    HERE,
    At,
    Mine,
    as_challenge,
    keep,
    let_in,
    own_form,
    stranger_page,
    there,
    wrong,
)
from oberih.web.inside.forms import Given, InForm, InJson
from oberih.web.views import Grant, JoinPage, OncePage

__all__ = ["router"]

router = APIRouter()
Now = Annotated[Present | None, Depends(present)]
strangers = APIRouter(dependencies=[Depends(own_form)])


@router.get("/join")
def join(request: Request, desk: At, now: Now) -> Response:
    if now is not None:
        return go(f"/account?{HERE}=yes")
    return stranger_page(desk, request, join_page(desk, request, ""))


@router.get("/join/{token}")
@router.get("/recover/{token}")
def join_by_link(request: Request, desk: At, now: Now, token: str) -> Response:
    """Whoever is logged in may take up an invitation as who they are."""
    page = join_page(desk, request, token)
    if now is not None and page.kind != "recovery":
        return desk.page(request, replace(page, here=now.name), asks=now)
    return stranger_page(desk, request, page)


@router.post("/join/accept")
def accepted(request: Request, desk: At, me: Mine, given: InForm) -> Response:
    opened = accept_invitation(me.database, desk.gate, desk.visit(request), me.present, given("token"))
    return keep(desk, go("/account"), opened)


@strangers.post("/join")
def joined(request: Request, desk: At, given: InForm) -> Response:
    try:
        opened = join_with_password(
            desk.service.database, desk.gate, desk.visit(request), given("password"),
            profile=profile_of(desk, request, given), token=given("token"),
        )  # fmt: skip
    except (InputError, Conflict, TooManyTries) as error:
        page = join_page(desk, request, given("token"))  # raises if it is the link that is wrong
        errors, status = wrong(error)
        shown = replace(page, name=page.name or given("name")[:200], errors=errors)
        return stranger_page(desk, request, shown, status)
    return let_in(desk, request, go(codes_page(desk, opened, given)), opened)


@strangers.post("/join/passkey/options")
def join_options(request: Request, desk: At, given: InJson) -> Response:
    challenge = begin_join(
        desk.service.database, desk.gate, desk.visit(request), profile=profile_of(desk, request, given),
        token=given("token"),
    )  # fmt: skip
    return as_challenge(challenge)


@strangers.post("/join/passkey")
def joined_with_passkey(request: Request, desk: At, given: InJson) -> Response:
    visit = desk.visit(request)
    opened = join_with_passkey(
        desk.service.database, desk.gate, visit, given("challenge"), given.credential, token=given("token"),
        key_name=visit.browser,
    )  # fmt: skip
    return let_in(desk, request, there(codes_page(desk, opened, given)), opened)


def join_page(desk: Desk, request: Request, token: str) -> JoinPage:
    """Raises `InputError` if the link has ended, or one has to be invited."""
    if not token:
        refuse_closed(desk.gate, token)
        return JoinPage("registration", shortest=SHORTEST, longest=LONGEST_LOGIN)
    link = look_at_link(desk.service.database, desk.gate, desk.visit(request), token)
    given = grants(desk, request, link)
    return JoinPage(
        link.kind, token, given, link.expires, link.name, shortest=SHORTEST, longest=LONGEST_LOGIN
    )


def grants(desk: Desk, request: Request, link: Invited) -> tuple[Grant, ...]:
    place = "" if link.collection in ("", EVERYWHERE) else title_of(desk, request, link.collection)
    return tuple(Grant("", role, place, link.until) for role in link.roles)


def profile_of(desk: Desk, request: Request, given: Given) -> Profile | None:
    """What they say of themselves; None: nothing, as somebody who comes back."""
    spoken = desk.pages.language_for(
        kept=request.cookies.get("language", ""), accepted=request.headers.get("Accept-Language", "")
    )
    name = given("name").strip()
    return Profile(name, login=name, language=spoken.code) if name else None


NEEDS: Mapping[str, Literal["", "more than a password", "more than a passkey"]] = {
    "": "", "password": "more than a password", "passkey": "more than a passkey",
}  # fmt: skip


def codes_page(desk: Desk, opened: Opened, given: Given) -> str:
    after = "/account" if given("token") else "/contribute"
    now = who_is(desk.service.database, opened.token)
    staff = now is not None and now.who.staff
    came = "" if now is None or not staff else "passkey" if now.who.strong else "password"
    page = OncePage("recovery codes", opened.recovery_codes, opened.login, next=after, needs=NEEDS[came])
    return shown_once(desk, opened.account, page)


router.include_router(strangers)
