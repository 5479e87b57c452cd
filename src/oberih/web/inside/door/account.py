"""One's own account: what it shows, the profile, where one is logged in, a copy of one's data, leaving."""

import json
from datetime import datetime, timedelta
from typing import Literal

from fastapi import APIRouter, Request, Response

from oberih.catalogue.access import SCOPES, Who
from oberih.catalogue.accounts import (
    SHORTEST,
    change_profile,
    checked_name,
    end_all_sessions,
    end_other_sessions,
    end_session,
    institutions_of,
    own_data,
    passkeys_of,
    person,
    recovery_codes_left,
    sessions_of,
    tokens_of,
)
from oberih.catalogue.accounts.codes import has_codes
from oberih.catalogue.accounts.tables import Password
from oberih.catalogue.database import now
from oberih.errors import InputError, NotInArchive
from oberih.i18n import say
from oberih.web.inside.desk import anywhere, go
from oberih.web.inside.door.once import take_once
from oberih.web.inside.door.places import shown_grants
from oberih.web.inside.door.threshold import (
    DEVICE,
    HERE,
    LEFT,
    SECOND_FACTOR,
    SESSION,
    At,
    Me,
    Mine,
    forget,
    wrong,
)
from oberih.web.inside.forms import InForm
from oberih.web.views import AccountPage, ErrorPage, Notice, Passkey, SessionRow, Token
from oberih.work.flow import project
from oberih.work.flow.persons import depart

__all__ = ["account_page", "router"]

router = APIRouter()
SOON = timedelta(days=14)
NEEDS_SECOND = say("A password alone is not enough there. Add a passkey here, or set up codes from an app.")
HERE_ALREADY = say("You have an account already: this is it.")


@router.get("/account")
def account(request: Request, me: Mine) -> Response:
    return me.page(request, account_page(request, me), notice=led_here(request))


def led_here(request: Request) -> Notice | None:
    """What brought somebody to their account who wanted to go elsewhere."""
    if SECOND_FACTOR in request.query_params:
        return Notice(NEEDS_SECOND, "warning")
    return Notice(HERE_ALREADY) if HERE in request.query_params else None


@router.get("/account/once/{token}")
def once(request: Request, me: Mine, token: str) -> Response:
    try:
        page = take_once(me, token)
    except NotInArchive as error:
        return me.page(request, ErrorPage(404, error.message, error.advice, to_account=True), 404)
    return me.page(request, page)


@router.post("/account/name")
def rename(request: Request, desk: At, me: Mine, given: InForm) -> Response:
    """A name that was given up leaves public pages at once; a new one comes with the next review."""
    field = "public-name"
    try:
        if given(field).strip():
            checked_name(given(field))
        field = "name"
        subjects = change_profile(me.database, me.who, name=given("name"), public_name=given("public-name"))
    except InputError as error:
        errors, status = wrong(error, field)
        return me.page(request, account_page(request, me, errors), status)
    for subject in subjects:
        project(desk.service, subject)
    return go("/account")


@router.post("/account/sessions/end")
def end(desk: At, me: Mine, given: InForm) -> Response:
    """``id``: of one login; "others"; or "all", this one too."""
    if given("id") == "all":
        end_all_sessions(me.database, me.present)
        answer = go("/login")
        forget(desk, answer, SESSION, DEVICE)
        return answer
    if given("id") == "others":
        end_other_sessions(me.database, me.present)
    else:
        end_session(me.database, me.present, given("id"))
    return go("/account")


@router.get("/account/data")
def data(me: Mine) -> Response:
    told = json.dumps(own_data(me.database, me.who), ensure_ascii=False, indent=1)
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return Response(told, headers=headers, media_type="application/json")


@router.post("/account/leave")
def leave_for_good(desk: At, me: Mine, given: InForm) -> Response:
    """Everything of somebody but what they recorded."""
    if given("sure") != "yes":
        raise InputError("Nothing was deleted.", "Tick the box first if you want to leave.")
    for subject in depart(desk.service, me.who):
        project(desk.service, subject)
    answer = go(f"/login?{LEFT}=yes")
    forget(desk, answer, SESSION, DEVICE)
    return answer


def account_page(request: Request, me: Me, errors: dict[str, str] | None = None) -> AccountPage:
    database, who = me.database, me.who
    about = person(database, who, who.account)
    valid = [one for one in about.grants if one.until is None or now() < one.until]
    with database.reading() as session:
        password = session.get(Password, who.account) is not None
        codes = has_codes(session, who.account)
    titles = {one.issuer: one.title for one in me.desk.service.settings.providers.values()}
    return AccountPage(
        about.name, about.pseudonym, about.public_name, about.login,
        grants=shown_grants(me.desk, request, valid),
        passkeys=tuple(
            Passkey(one.id, one.name, one.created.date(), one.used)
            for one in passkeys_of(database, who.account)
        ),
        staff=who.staff,
        password=password, codes=codes, recovery_codes=recovery_codes_left(database, who.account),
        institutions=tuple(
            titles.get(one.issuer) or one.issuer for one in institutions_of(database, who.account)
        ),
        sessions=tuple(
            SessionRow(one.id, one.browser, one.created.date(), one.used.date(), one.this)
            for one in sessions_of(database, me.present)
        ),
        tokens=tuple(
            Token(
                one.id, one.name, one.scopes, one.created.date(), one.expires.date(), one.used,
                ends_of(one.expires),
            )
            for one in tokens_of(database, who)
        ),
        scopes=scopes_of(who), errors=errors or {}, shortest=SHORTEST,
    )  # fmt: skip


def ends_of(expires: datetime) -> Literal["", "soon", "over"]:
    left = expires - now()
    return "over" if left <= timedelta() else "soon" if left < SOON else ""


def scopes_of(who: Who) -> tuple[str, ...]:
    """What a token of theirs could be used for."""
    return tuple(
        scope for scope, actions in SCOPES.items() if any(anywhere(who, action) is None for action in actions)
    )
