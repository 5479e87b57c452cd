"""Showing again who one is, before something dangerous, and back to where one was."""

from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from oberih.catalogue.access import NotAllowed, Why
from oberih.catalogue.accounts import (
    CannotEnter,
    TooManyTries,
    begin_confirm_with_passkey,
    confirm,
    confirm_with_passkey,
    passkeys_of,
)
from oberih.catalogue.accounts.codes import has_codes
from oberih.i18n import say
from oberih.web.inside.desk import Desk, asked_path, go, present
from oberih.web.inside.door.entering import providers
from oberih.web.inside.door.threshold import (
    SECOND_FACTOR,
    At,
    Me,
    Mine,
    Next,
    as_challenge,
    keep,
    there,
    wrong,
)
from oberih.web.inside.forms import InForm, InJson, in_json, own_path
from oberih.web.views import LoginPage, Notice

__all__ = ["confirm_first", "router"]

router = APIRouter()
USE_SECOND = say("A password alone is not enough here. Use your passkey, or give a code from your app too.")


def confirm_first(request: Request, desk: Desk, error: NotAllowed, *, page: bool) -> Response:
    """What `Why.CONFIRM` and `Why.SECOND_FACTOR` are answered with: the way to show who one is, and then back
    to the page from which this was asked for. Whoever has nothing to show it with sets that up first, in
    their account. ``page``: a person asks, not a script.
    """
    if request.method not in ("GET", "HEAD") or not page:
        came, ours = request.headers.get("Referer", ""), f"{desk.gate.origin}/"
        path = f"/{came.removeprefix(ours)}" if came.startswith(ours) else "/account"
    else:
        path = asked_path(request)
    way = f"/confirm?next={quote(own_path(path), safe='/')}"
    if error.why is Why.SECOND_FACTOR and not has_second_factor(request, desk):
        way = f"/account?{SECOND_FACTOR}=yes"
    elif error.why is Why.SECOND_FACTOR:
        way += f"&{SECOND_FACTOR}=yes"
    if page:
        return go(way)
    spoken = desk.pages.language_for(
        kept=request.cookies.get("language", ""), accepted=request.headers.get("Accept-Language", "")
    )
    told = {"message": spoken(error.message), "advice": spoken(error.advice), "next": way}
    return JSONResponse(told, 403)


def has_second_factor(request: Request, desk: Desk) -> bool:
    """Something that, with the password or alone, is enough for the rights of staff."""
    now, database = present(request, desk), desk.service.database
    if now is None:
        return False
    with database.reading() as session:
        return has_codes(session, now.who.account) or bool(passkeys_of(database, now.who.account))


@router.get("/confirm")
def ask(request: Request, me: Mine, after: Next = "/account") -> Response:
    second = Notice(USE_SECOND, "warning") if SECOND_FACTOR in request.query_params else None
    return me.page(request, confirm_page(me, own_path(after)), notice=second)


@router.post("/confirm")
def confirmed(request: Request, desk: At, me: Mine, given: InForm) -> Response:
    try:
        opened = confirm(
            me.database, desk.gate, desk.visit(request), me.present, given("password"), code=given("code")
        )
    except (CannotEnter, TooManyTries) as error:
        errors, status = wrong(error)
        return me.page(request, confirm_page(me, given.next, errors), status)
    return keep(desk, go(given.next), opened)


@router.post("/confirm/passkey/options", dependencies=[Depends(in_json)])
def confirm_options(desk: At, me: Mine) -> Response:
    return as_challenge(begin_confirm_with_passkey(me.database, desk.gate, me.present))


@router.post("/confirm/passkey")
def confirmed_with_passkey(request: Request, desk: At, me: Mine, given: InJson) -> Response:
    opened = confirm_with_passkey(
        me.database, desk.gate, desk.visit(request), me.present, given("challenge"), given.credential
    )
    return keep(desk, there(given.next), opened)


def confirm_page(me: Me, after: str, errors: dict[str, str] | None = None) -> LoginPage:
    return LoginPage(after, providers=providers(me.desk), again=True, errors=errors or {})
