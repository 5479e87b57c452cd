"""What all routes of the door share: cookies, and what tells our own pages from others'.

Forms before a login carry a word that belongs to a cookie of the same browser (OWASP's signed double submit);
forms after it are bound to the session (see `desk.someone`). Besides, what comes from another site is refused
at all routes (see `desk.from_our_own_page`).
"""

import json
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from oberih.catalogue.access import Action, NotAllowed, Who, Why
from oberih.catalogue.accounts import CannotEnter, Challenge, Opened, Present, TooManyTries, log_out, who_is
from oberih.catalogue.accounts.keys import new_token, same
from oberih.catalogue.database import Database
from oberih.errors import OberihError
from oberih.i18n import say
from oberih.web.inside.desk import (
    CSRF_HEADER,
    Asks,
    Desk,
    NotLoggedIn,
    WrongForm,
    asks,
    cookie_name,
    desk_of,
    word_in_form,
)
from oberih.web.views import Notice, View

__all__ = [
    "DEVICE",
    "FORM",
    "HERE",
    "LEFT",
    "MOST_BYTES",
    "SECOND_FACTOR",
    "SESSION",
    "At",
    "Me",
    "Mine",
    "Next",
    "as_challenge",
    "cookie",
    "forget",
    "keep",
    "let_in",
    "own_form",
    "put",
    "stranger_page",
    "there",
    "wrong",
]

SESSION, DEVICE, FORM = "session", "device", "form"
SECOND_FACTOR, HERE = "second-factor", "here"  # parameters of the account's page: what led there
LEFT = "left"  # a parameter of the page to log in: an account is no more
YEAR_S, FORM_S = 365 * 86400, 2 * 3600
MOST_BYTES = 256 << 10  # of a form, or of a passkey's answer

At = Annotated[Desk, Depends(desk_of)]
Next = Annotated[str, Query(alias="next")]
"""Where to go then."""


# -- that it comes from our own page ---


async def own_form(request: Request, desk: At) -> None:
    """A form of somebody who has not come in yet. Raises `WrongForm`."""
    kept = cookie(request, desk, FORM)
    given = request.headers.get(CSRF_HEADER, "") or await word_in_form(request)
    if not kept or not same(form_word(desk, kept), given):
        raise WrongForm


def form_word(desk: Desk, kept: str) -> str:
    return desk.gate.key.mark("form", kept[:200])


def stranger_page(
    desk: Desk, request: Request, view: View, status: int = 200, notice: Notice | None = None
) -> Response:
    """A page with a form for somebody who has not come in yet."""
    kept = cookie(request, desk, FORM) or new_token()
    answer = desk.page(request, view, csrf=form_word(desk, kept), status=status, notice=notice)
    put(desk, answer, FORM, kept, FORM_S)
    return answer


# -- cookies ---


def cookie(request: Request, desk: Desk, name: str) -> str:
    return request.cookies.get(cookie_name(name, secure=desk.secure), "")


def put(desk: Desk, answer: Response, name: str, value: str, age_s: int) -> None:
    answer.set_cookie(
        cookie_name(name, secure=desk.secure), value, max_age=age_s, path="/", httponly=True, samesite="lax",
        secure=desk.secure,
    )  # fmt: skip


def forget(desk: Desk, answer: Response, *names: str) -> None:
    for name in names:
        answer.delete_cookie(
            cookie_name(name, secure=desk.secure), path="/", httponly=True, samesite="lax", secure=desk.secure
        )


def keep(desk: Desk, answer: Response, opened: Opened) -> Response:
    """The session's token, which is always a new one, goes with the answer."""
    put(desk, answer, SESSION, opened.token, desk.service.settings.session_days * 86400)
    if opened.device:
        put(desk, answer, DEVICE, opened.device, YEAR_S)
    return answer


def let_in(desk: Desk, request: Request, answer: Response, opened: Opened) -> Response:
    """Somebody has come in; whoever was logged in here before is not any more."""
    before = cookie(request, desk, SESSION)
    if before:
        log_out(desk.service.database, before)
    forget(desk, answer, FORM)
    return keep(desk, answer, opened)


# -- answers ---


def there(path: str) -> Response:
    """For a script: where to go."""
    return JSONResponse({"next": path})


def as_challenge(challenge: Challenge) -> Response:
    """For a script: what to ask the device."""
    told = {"challenge": challenge.token, "options": json.loads(challenge.options)}
    return JSONResponse(told)


def wrong(error: OberihError, field: str = "") -> tuple[dict[str, str], int]:
    """An error, to be told beside the form: what to say, and the status of the page."""
    status = 429 if isinstance(error, TooManyTries) else 403 if isinstance(error, CannotEnter) else 422
    if isinstance(error, CannotEnter) and error.why == "code":
        field = "code"
    both = say("{message} {advice}", message=error.message, advice=error.advice)
    return {field: both if error.advice else error.message}, status


# -- somebody who has come in ---


@dataclass(frozen=True)
class Me:
    """Somebody at their own account, in person: programs with a token have no business there."""

    desk: Desk
    present: Present

    @property
    def who(self) -> Who:
        return self.present.who

    @property
    def database(self) -> Database:
        return self.desk.service.database

    def page(self, request: Request, view: View, status: int = 200, notice: Notice | None = None) -> Response:
        return self.desk.page(request, view, asks=self.present, status=status, notice=notice)

    def again(self, opened: Opened) -> "Me":
        """The same person, once the session has a new token."""
        found = who_is(self.database, opened.token)
        if found is None:
            raise NotLoggedIn
        return Me(self.desk, found)


def in_person(who: Annotated[Asks, Depends(asks(Action.CHANGE_ACCOUNT))]) -> Me:
    if who.present is None or who.who.token is not None:
        raise NotAllowed(Why.NO)
    return Me(who.desk, who.present)


Mine = Annotated[Me, Depends(in_person)]
