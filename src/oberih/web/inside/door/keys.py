"""The keys of an account: passkeys, password, codes of an app, recovery codes, tokens for programs."""

from fastapi import APIRouter, Depends, Request, Response

from oberih.catalogue.accounts import (
    CannotEnter,
    CodesStart,
    Opened,
    TooManyTries,
    Visit,
    add_passkey,
    begin_codes,
    begin_passkey,
    change_password,
    codes_begun,
    confirm,
    confirm_codes,
    make_token,
    new_recovery_codes,
    remove_codes,
    remove_passkey,
    revoke_token,
)
from oberih.catalogue.accounts.tables import Password
from oberih.errors import Conflict, InputError, OberihError
from oberih.web.inside.desk import go
from oberih.web.inside.door.account import account_page
from oberih.web.inside.door.once import shown_once
from oberih.web.inside.door.threshold import At, Me, Mine, as_challenge, keep, there, wrong
from oberih.web.inside.forms import InForm, InJson, in_json
from oberih.web.qr import matrix
from oberih.web.views import CodesPage, OncePage

__all__ = ["router"]

router = APIRouter()
LONGEST_NUMBER = 6  # figures


# -- passkeys ---


@router.post("/account/passkeys/options", dependencies=[Depends(in_json)])
def passkey_options(desk: At, me: Mine) -> Response:
    return as_challenge(begin_passkey(me.database, desk.gate, me.present))


@router.post("/account/passkeys")
def passkey_added(request: Request, desk: At, me: Mine, given: InJson) -> Response:
    visit = desk.visit(request)
    name = given("passkey-name").strip() or visit.browser
    opened = add_passkey(
        me.database, desk.gate, visit, me.present, given("challenge"), given.credential, name
    )
    return keep(desk, there("/account"), opened)


@router.post("/account/passkeys/remove")
def passkey_removed(request: Request, me: Mine, given: InForm) -> Response:
    try:
        remove_passkey(me.database, me.present, given("id"))
    except Conflict as error:
        return told(request, me, error)
    return go("/account")


# -- password ---


@router.post("/account/password")
def password_changed(request: Request, desk: At, me: Mine, given: InForm) -> Response:
    """Whoever has a password gives it first."""
    visit = desk.visit(request)
    try:
        me, opened = proved(me, visit, given("password"))
    except (CannotEnter, TooManyTries) as error:
        return told(request, me, error, "password")
    try:
        opened = change_password(me.database, desk.gate, visit, me.present, given("new-password"))
    except InputError as error:
        answer = told(request, me, error, "new-password")
        return keep(desk, answer, opened) if opened else answer
    return keep(desk, go("/account"), opened)


def proved(me: Me, visit: Visit, password: str) -> tuple[Me, Opened | None]:
    """Raises `CannotEnter` if it is not the password of the account, `TooManyTries`."""
    with me.database.reading() as session:
        if session.get(Password, me.who.account) is None:
            return me, None
    try:
        opened = confirm(me.database, me.desk.gate, visit, me.present, password)
    except CannotEnter as error:
        if error.why == "code":  # it was right, and is not enough alone; `change_password` asks for the rest
            return me, None
        raise
    return me.again(opened), opened


# -- codes of an app, and recovery codes ---


@router.get("/account/codes")
def codes(request: Request, desk: At, me: Mine) -> Response:
    start = codes_begun(me.database, desk.gate, me.present) or begin_codes(me.database, desk.gate, me.present)
    return me.page(request, codes_page(start))


@router.post("/account/codes")
def codes_confirmed(request: Request, desk: At, me: Mine, given: InForm) -> Response:
    try:
        opened = confirm_codes(me.database, desk.gate, desk.visit(request), me.present, given("code"))
    except (InputError, TooManyTries) as error:
        start = codes_begun(me.database, desk.gate, me.present)
        if start is None:
            return go("/account/codes")
        errors, status = wrong(error, "code")
        return me.page(request, codes_page(start, errors), status)
    return keep(desk, go("/account"), opened)


@router.post("/account/codes/remove")
def codes_removed(request: Request, me: Mine) -> Response:
    try:
        remove_codes(me.database, me.present)
    except Conflict as error:
        return told(request, me, error)
    return go("/account")


@router.post("/account/recovery-codes")
def recovery_codes(desk: At, me: Mine) -> Response:
    made = new_recovery_codes(me.database, me.present)
    return go(shown_once(desk, me.who.account, OncePage("recovery codes", made, me.present.login)))


# -- tokens ---


@router.post("/account/tokens")
def token_made(request: Request, desk: At, me: Mine, given: InForm) -> Response:
    days = given("days")
    try:
        made = make_token(
            me.database, me.present, given("token-name"), given.all("scope"),
            int(days) if days.isdecimal() and len(days) < LONGEST_NUMBER else 0,
        )  # fmt: skip
    except (InputError, Conflict) as error:
        return told(request, me, error, "token-name")
    page = OncePage("token", (made.token,), expires=made.expires)
    return go(shown_once(desk, me.who.account, page))


@router.post("/account/tokens/remove")
def token_removed(me: Mine, given: InForm) -> Response:
    revoke_token(me.database, me.who, given("id"))
    return go("/account")


# -- what is shown ---


def told(request: Request, me: Me, error: OberihError, field: str = "") -> Response:
    """The account's page, with what is wrong."""
    errors, status = wrong(error, field)
    return me.page(request, account_page(request, me, errors), status)


def codes_page(start: CodesStart, errors: dict[str, str] | None = None) -> CodesPage:
    return CodesPage(start.secret, start.address, matrix(start.address), errors or {})
