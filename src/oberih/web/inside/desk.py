"""What every inner route needs: the service, the pages, and who asks."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from oberih.catalogue.access import Action, NotAllowed, Who, Why, demand, may, verdict
from oberih.catalogue.accounts import Gate, Present, Visit, csrf_is_right, who_is, who_of_token
from oberih.catalogue.database import Database
from oberih.errors import InputError, OberihError
from oberih.i18n import say
from oberih.web.pages import Pages
from oberih.web.views import Notice, View, Visitor
from oberih.work.service import Service

__all__ = [
    "MOST_FORM",
    "Asks",
    "Desk",
    "NotLoggedIn",
    "Present",
    "WrongForm",
    "anywhere",
    "asked_path",
    "asks",
    "cookie_name",
    "desk_of",
    "form_of",
    "from_our_own_page",
    "go",
    "no_larger",
    "present",
    "someone",
]

ASKED_BY_PAGES = "/progress"  # how addresses end that open pages ask for by themselves
SAFE = ("GET", "HEAD", "OPTIONS")
SAME_SITE = ("same-origin", "none")  # "none": the person typed the address
CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf"
MOST_FORM, MOST_FIELDS = 5 << 20, 5000  # bytes; a zone may have 4 MiB


LOG_IN = (say("Please log in first."), say("Then you come back to where you were."))
NO_TOKEN = (  # for programs
    say("This is only for those with an account."),
    say("Log in, or send a token of your account: Authorization: Bearer TOKEN"),
)
WRONG_TOKEN = (
    say("The service does not take this token."),
    say("It may have ended, or been taken back. Make a new one on the page of your account."),
)


class NotLoggedIn(OberihError):
    """Only somebody with an account may do this."""

    def __init__(self, message: str = LOG_IN[0], advice: str = LOG_IN[1]) -> None:
        super().__init__(message, advice)


class WrongForm(OberihError):
    """A form that did not come from our own page, or from one of an earlier login."""

    def __init__(self) -> None:
        super().__init__(
            say("This page is too old, or was opened before you logged in."),
            say("Load it again, and send the form once more."),
        )


def cookie_name(name: str, *, secure: bool) -> str:
    """With the prefix that keeps subdomains and plain http from setting it."""
    return f"__Host-{name}" if secure else name


@dataclass(frozen=True)
class Desk:
    """The service as the inner routes use it."""

    service: Service
    gate: Gate
    pages: Pages

    @property
    def secure(self) -> bool:
        return self.gate.url.startswith("https://")

    def visit(self, request: Request) -> Visit:
        return Visit(
            address=self.address(request),
            browser=browser(request.headers.get("User-Agent", "")),
            device=request.cookies.get(cookie_name("device", secure=self.secure), ""),
        )

    def address(self, request: Request) -> str:
        """Of the visitor: the last one in the chain that is none of our own proxies."""
        direct = request.client.host if request.client else ""
        told = ",".join(request.headers.getlist("X-Forwarded-For"))  # some proxies add a line of their own
        chain = [*(one.strip() for one in told.split(",")), direct]
        for one in reversed([part for part in chain if part]):
            if one not in self.service.settings.trusted_proxies:
                return one if valid(one) else direct
        return direct

    def page(
        self, request: Request, view: View, *, asks: Present | None = None, notice: Notice | None = None,
        status: int = 200, csrf: str = "",
    ) -> Response:  # fmt: skip
        """A page that only this visitor may see."""
        visitor = visitor_of(asks) if asks else None
        word = asks.csrf if asks else csrf
        answer = self.pages.response(request, view, visitor=visitor, csrf=word, notice=notice, status=status)
        answer.headers["Cache-Control"] = "no-store"  # the guard sees no page of an error that nobody foresaw
        return answer


def go(path: str) -> Response:
    """To another page of ours, after a form."""
    return RedirectResponse(path, 303)


def valid(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def browser(agent: str) -> str:
    """ "Firefox on Android", as far as one can tell."""
    names = (
        ("Firefox", "Firefox"),
        ("Edg", "Edge"),
        ("OPR", "Opera"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    )
    systems = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
               ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip
    name = next((shown for mark, shown in names if mark in agent), "")
    system = next((shown for mark, shown in systems if mark in agent), "")
    return " on ".join(part for part in (name, system) if part)


def asked_path(request: Request) -> str:
    """The path that was asked for, with its query, as the browser wrote them."""
    path = request.scope.get("raw_path", b"") or quote(request.scope["path"]).encode()
    query = request.scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


def visitor_of(present: Present) -> Visitor:
    return Visitor(present.name, frozenset(one.role for one in present.who.valid()))


def desk_of(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


def present(request: Request, desk: Annotated[Desk, Depends(desk_of)]) -> Present | None:
    """Who is logged in, by the cookie of the session. Read once for each request."""
    if not hasattr(request.state, "present"):
        token = request.cookies.get(cookie_name("session", secure=desk.secure), "")
        alone = request.url.path.endswith(ASKED_BY_PAGES)
        known = who_is(desk.service.database, token, by_itself=alone) if token else None
        request.state.present = known
    found: Present | None = request.state.present
    return found


async def from_our_own_page(request: Request, desk: Annotated[Desk, Depends(desk_of)]) -> None:
    """Whatever a browser sends to change something comes from our own site: browsers say from which one
    (Fetch Metadata, or Origin). Programs with a token are not led by other sites. Raises `WrongForm`.
    """
    if request.method in SAFE or "Authorization" in request.headers:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, *SAME_SITE) or (site is None and origin not in (None, desk.gate.origin)):
        raise WrongForm


async def someone(
    request: Request,
    desk: Annotated[Desk, Depends(desk_of)],
    asks: Annotated[Present | None, Depends(present)],
) -> Who:
    """Who asks: by a token for programs, or by the cookie and, where something changes, its word.

    Raises `NotLoggedIn`, `WrongForm`.
    """
    given = request.headers.get("Authorization", "")
    if given:
        word = given.removeprefix("Bearer ").strip()
        who = await run_in_threadpool(who_of_token, desk.service.database, word)
        if who is None:
            raise NotLoggedIn(*WRONG_TOKEN)
        return who
    if asks is None:
        raise NotLoggedIn(*(NO_TOKEN if request.url.path.startswith("/api/") else LOG_IN))
    if request.method not in SAFE:
        word = request.headers.get(CSRF_HEADER, "") or await word_in_form(request)
        token = request.cookies.get(cookie_name("session", secure=desk.secure), "")
        if not csrf_is_right(token, word):
            raise WrongForm
    return asks.who


async def word_in_form(request: Request) -> str:
    kind = request.headers.get("Content-Type", "")
    if not kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        return ""
    return str((await form_of(request)).get(CSRF_FIELD, ""))


async def form_of(request: Request) -> FormData:
    """What a form holds. It is read once for each request."""
    return await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=MOST_FORM)


def no_larger(most: int) -> Callable[[Request], None]:
    """A dependency: a body of at most ``most`` bytes, and of a length that is told before anything of it is
    read.
    """

    def checked(request: Request) -> None:
        size = request.headers.get("Content-Length", "")
        if request.method not in SAFE and not (size.isdecimal() and int(size) <= most):
            raise InputError("What was sent is too long.", "Send less.")

    return checked


@dataclass(frozen=True)
class Asks:
    """Somebody who asks for something, and may."""

    who: Who
    present: Present | None
    desk: Desk

    @property
    def database(self) -> Database:
        return self.desk.service.database

    def demand(self, action: Action, collection: str | None = None, *, owner: str = "") -> None:
        demand(self.who, action, collection, owner=owner)

    def may(self, action: Action, collection: str | None = None, *, owner: str = "") -> bool:
        return may(self.who, action, collection, owner=owner)

    def page(self, request: Request, view: View, notice: Notice | None = None) -> Response:
        return self.desk.page(request, view, asks=self.present, notice=notice)


def asks(action: Action | None = None) -> Callable[..., Asks]:
    """A dependency: somebody with an account, who may do ``action`` (None: the route asks for itself)."""

    def checked(
        who: Annotated[Who, Depends(someone)], now: Annotated[Present | None, Depends(present)],
        desk: Annotated[Desk, Depends(desk_of)],
    ) -> Asks:  # fmt: skip
        why = anywhere(who, action) if action is not None else None
        if why is not None:
            raise NotAllowed(why)
        return Asks(who, now, desk)

    return checked


def anywhere(who: Who, action: Action) -> Why | None:
    """What keeps them from doing it in any collection, where the least does; None: nothing. The route asks
    again for the collection that it is about.
    """
    places = {None, *(one.collection for one in who.valid())}
    found = {verdict(who, action, place, owner=who.account) for place in places}
    return next(one for one in (None, Why.CONFIRM, Why.SECOND_FACTOR, Why.NO) if one in found)
