"""Showing again who one is, before something dangerous, and back to where one was."""

from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from oberih.catalogue.access import NotAllowed
from oberih.catalogue.accounts import (
    CannotEnter,
    TooManyTries,
    begin_confirm_with_passkey,
    confirm,
    confirm_with_passkey,
)
from oberih.web.inside.desk import Desk
from oberih.web.inside.door.entering import providers
from oberih.web.inside.door.threshold import (
    At,
    InForm,
    InJson,
    Me,
    Mine,
    Next,
    as_challenge,
    go,
    in_json,
    keep,
    own_path,
    there,
    wrong,
)
from oberih.web.views import LoginPage

__all__ = ["confirm_first", "router"]

router = APIRouter()


def confirm_first(request: Request, desk: Desk, error: NotAllowed, *, page: bool) -> Response:
    """What `Why.CONFIRM` is answered with: the way to show who one is, and then back to the page from which
    this was asked for. ``page``: a person asks, not a script.
    """
    asked = request.url
    if request.method not in ("GET", "HEAD") or not page:
        came = urlsplit(request.headers.get("Referer", ""))
        ours = f"{came.scheme}://{came.netloc}" == desk.gate.origin
        path = f"{came.path}?{came.query}".rstrip("?") if ours else "/account"
    else:
        path = f"{asked.path}?{asked.query}".rstrip("?")
    way = f"/confirm?next={quote(own_path(path), safe='/')}"
    if page:
        return go(way)
    spoken = desk.pages.language_for(
        kept=request.cookies.get("language", ""), accepted=request.headers.get("Accept-Language", "")
    )
    told = {"message": spoken(error.message), "advice": spoken(error.advice), "next": way}
    return JSONResponse(told, 403, {"Cache-Control": "no-store"})


@router.get("/confirm")
def ask(request: Request, me: Mine, after: Next = "/account") -> Response:
    return me.page(request, confirm_page(me, own_path(after)))


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
