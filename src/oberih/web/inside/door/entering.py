"""Logging in with a name or a passkey, getting back in with a recovery code, logging out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from oberih.catalogue.accounts import (
    CannotEnter,
    TooManyTries,
    begin_passkey_login,
    log_in,
    log_in_with_passkey,
    log_out,
)
from oberih.i18n import say
from oberih.web.inside.desk import Desk, Present, go, present, someone
from oberih.web.inside.door.threshold import (
    FORM,
    LEFT,
    SESSION,
    At,
    Next,
    as_challenge,
    cookie,
    forget,
    let_in,
    own_form,
    stranger_page,
    there,
    wrong,
)
from oberih.web.inside.forms import InForm, InJson, in_json, own_path
from oberih.web.views import LoginPage, Notice, Provider, RecoverPage

__all__ = ["login_page", "providers", "router"]

router = APIRouter()
strangers = APIRouter(dependencies=[Depends(own_form)])
HAS_LEFT = say("You have left: your name, and all ways to log in, are deleted.")
Now = Annotated[Present | None, Depends(present)]


@router.get("/login")
def login(request: Request, desk: At, now: Now, after: Next = "/") -> Response:
    if now is not None:
        return go(own_path(after))
    notice = Notice(HAS_LEFT) if LEFT in request.query_params else None
    return stranger_page(desk, request, login_page(desk, own_path(after)), notice=notice)


@strangers.post("/login")
def logged_in(request: Request, desk: At, given: InForm) -> Response:
    try:
        opened = log_in(
            desk.service.database, desk.gate, desk.visit(request), given("name"), given("password"),
            code=given("code"),
        )  # fmt: skip
    except (CannotEnter, TooManyTries) as error:
        errors, status = wrong(error)
        page = login_page(desk, given.next, name=given("name"), errors=errors)
        return stranger_page(desk, request, page, status)
    return let_in(desk, request, go(given.next), opened)


@strangers.post("/login/passkey/options", dependencies=[Depends(in_json)])
def login_options(request: Request, desk: At) -> Response:
    return as_challenge(begin_passkey_login(desk.service.database, desk.gate, desk.visit(request)))


@strangers.post("/login/passkey")
def logged_in_with_passkey(request: Request, desk: At, given: InJson) -> Response:
    opened = log_in_with_passkey(
        desk.service.database, desk.gate, desk.visit(request), given("challenge"), given.credential
    )
    return let_in(desk, request, there(given.next), opened)


@router.get("/recover")
def recover(request: Request, desk: At) -> Response:
    return stranger_page(desk, request, RecoverPage())


@strangers.post("/recover")
def recovered(request: Request, desk: At, given: InForm) -> Response:
    try:
        opened = log_in(
            desk.service.database, desk.gate, desk.visit(request), given("name"), given("password"),
            code=given("code"), recovery=given("recovery"),
        )  # fmt: skip
    except (CannotEnter, TooManyTries) as error:
        errors, status = wrong(error)
        return stranger_page(desk, request, RecoverPage(given("name"), errors), status)
    return let_in(desk, request, go("/account"), opened)


@router.post("/logout")
async def logout(request: Request, desk: At, now: Now) -> Response:
    if now is not None:
        await someone(request, desk, now)  # that it is our own form
        await run_in_threadpool(log_out, desk.service.database, cookie(request, desk, SESSION))
    answer = go("/")
    forget(desk, answer, SESSION, FORM)
    return answer


def login_page(desk: Desk, after: str, *, name: str = "", errors: dict[str, str] | None = None) -> LoginPage:
    return LoginPage(
        after, name[:200], providers(desk), desk.service.settings.registration == "open", errors=errors or {}
    )


def providers(desk: Desk) -> tuple[Provider, ...]:
    return tuple(Provider(name, one.title or name) for name, one in desk.service.settings.providers.items())


router.include_router(strangers)
