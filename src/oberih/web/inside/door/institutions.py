"""Coming in by an institution, or showing again by it who one is (OpenID Connect)."""

from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import APIRouter, Depends, Request, Response

from oberih.catalogue.accounts import CannotEnter, begin_institution, finish_institution
from oberih.web.inside.desk import Present, go, present
from oberih.web.inside.door.entering import login_page
from oberih.web.inside.door.once import shown_once
from oberih.web.inside.door.threshold import (
    At,
    Me,
    Next,
    cookie,
    forget,
    keep,
    let_in,
    put,
    stranger_page,
    wrong,
)
from oberih.web.inside.forms import own_path
from oberih.web.views import LoginPage, OncePage

__all__ = ["router"]

router = APIRouter()
Now = Annotated[Present | None, Depends(present)]
BINDING, AFTER = "institution", "after"
MINUTES_S = 600


@router.get("/login/with/{provider}")
def leave_for(
    request: Request, desk: At, now: Now, provider: str, after: Next = "/", token: str = ""
) -> Response:
    """To the institution. Whoever is logged in already shows again who they are."""
    leaving = begin_institution(
        desk.service.database, desk.gate, desk.visit(request), provider, token=token, present=now
    )
    answer = go(leaving.url)
    put(desk, answer, BINDING, leaving.binding, MINUTES_S)
    put(desk, answer, AFTER, quote(own_path(after), safe=""), MINUTES_S)
    return answer


@router.get("/login/with/{provider}/back")
def back(request: Request, desk: At, now: Now, provider: str) -> Response:
    after = own_path(unquote(cookie(request, desk, AFTER)))
    binding = cookie(request, desk, BINDING)
    try:
        opened = finish_institution(
            desk.service.database, desk.gate, desk.visit(request), provider, binding,
            dict(request.query_params), present=now,
        )  # fmt: skip
    except CannotEnter as error:
        errors, status = wrong(error)
        if now is not None:
            return Me(desk, now).page(request, LoginPage(after, again=True, errors=errors), status)
        return stranger_page(desk, request, login_page(desk, after, errors=errors), status)
    if opened.recovery_codes:
        codes = OncePage("recovery codes", opened.recovery_codes, opened.login, next=after)
        after = shown_once(desk, opened.account, codes)
    answer = go(after)
    forget(desk, answer, BINDING, AFTER)
    return keep(desk, answer, opened) if now is not None else let_in(desk, request, answer, opened)
