"""The inner application: its routes, what is said when something goes wrong, and whether it is well."""

import json
import logging
import math
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from sqlalchemy import text
from starlette.exceptions import HTTPException

from oberih.catalogue.access import Action, NotAllowed, Why
from oberih.catalogue.accounts import CannotEnter, Gate, TooManyTries
from oberih.catalogue.accounts.keys import network_of
from oberih.errors import Conflict, InputError, NotInArchive, OberihError, StoreError
from oberih.i18n import Verbatim, say
from oberih.web.inside import contributions, door, exports, office, register_api
from oberih.web.inside.desk import (
    Asks,
    Desk,
    NotLoggedIn,
    WrongForm,
    asked_path,
    asks,
    from_our_own_page,
    go,
    present,
)
from oberih.web.inside.front import Front, Straight, public_routes
from oberih.web.inside.guard import Guard
from oberih.web.inside.handing_in import handing_in
from oberih.web.inside.numbers import numbers
from oberih.web.inside.throttle import Throttle, TooFast
from oberih.web.pages import HEADERS, Pages, StaticPages
from oberih.web.serving import socket_of
from oberih.web.uploads import uploads_router
from oberih.web.views import ErrorPage
from oberih.work.arrivals import Received, Uploader
from oberih.work.flow import received, welcome
from oberih.work.service import Service

__all__ = ["inner_app"]

log = logging.getLogger("oberih.web")
API = "/api/v1"
BEGUN = (1.0, 100)  # contributions that one account begins: each second, and at once
STATUS: tuple[tuple[type[OberihError], int], ...] = (
    (NotLoggedIn, 401), (NotAllowed, 403), (WrongForm, 403), (CannotEnter, 403),
    (TooManyTries, 429), (TooFast, 429), (NotInArchive, 404), (Conflict, 409), (InputError, 422),
    (StoreError, 503),
)  # fmt: skip
PLAIN = {404: ("There is nothing here.", "It may have been moved, or it is not yours."),
         405: ("This cannot be done here.", "Go back, and try again from the page.")}  # fmt: skip


def inner_app(service: Service, gate: Gate) -> FastAPI:
    """The application of the web process. ``gate``: the service as people reach it."""
    desk = Desk(service, gate, Pages(service.settings.languages))
    front = Front(socket_of(service), urlsplit(gate.url).netloc, not_too_fast(service, desk))

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await front.close()

    app = FastAPI(
        title="Oberih", summary="Contributing to the archive, and caring for it", version="1", docs_url=None,
        redoc_url=None, openapi_url=None, lifespan=life, redirect_slashes=False,
        dependencies=[Depends(from_our_own_page)],
    )  # fmt: skip
    app.state.desk = desk
    app.add_middleware(Guard, secure=desk.secure)
    app.include_router(
        uploads_router(
            service.arrivals,
            uploader(service),
            lambda arrived: handed_on(service, arrived),
            lambda account, details: welcome(service, account, details),
        ),
        prefix=API,
    )
    app.include_router(exports.router, prefix=API)
    app.include_router(register_api.router, prefix=API)
    for router in (handing_in(), contributions.router, door.router, office.router):
        app.include_router(router)

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz")
    async def healthy() -> Response:
        """200 when requests are answered: the database is there, and the public process too."""
        await run_in_threadpool(ping, service)
        well = await front.healthy()
        return Response(
            "ok\n" if well else "the public pages are away\n", 200 if well else 503, media_type="text/plain"
        )

    @app.get("/metrics")
    def measured(_: Annotated[Asks, Depends(asks(Action.SEE_JOBS))]) -> Response:
        return numbers(service)

    @app.get(f"{API}/partners.json", include_in_schema=False)
    @cache
    def described() -> dict[str, Any]:
        return description(app)

    app.mount("/static", StaticPages())
    inner = [one.path or "{" for one in iter_route_contexts(app.routes)]
    app.include_router(public_routes(front))
    app.router.routes.insert(0, Straight(front, inner))
    tell_errors(app)
    return app


def description(app: FastAPI) -> dict[str, Any]:
    """OpenAPI of what programs reach with a token; what is public describes itself, in openapi.json."""
    ours = [one for one in iter_route_contexts(app.routes) if (one.path or "").startswith(f"{API}/")]
    made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=ours)
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return {**made, "security": [{"token": []}]}


def ping(service: Service) -> None:
    """Ask the database something. Raises `StoreError` if it is away."""
    with service.database.reading() as session:
        session.execute(text("SELECT 1"))


def not_too_fast(service: Service, desk: Desk) -> Callable[[Request], None]:
    """What is public is for everybody: one network that asks for very much has to wait. Files are cheap."""
    per_minute = service.settings.asked_per_minute
    throttle = Throttle(per_minute / 60, per_minute // 2)

    def check(request: Request) -> None:
        if not request.scope["path"].startswith("/files/"):
            throttle.take(network_of(desk.address(request)))

    return check


def uploader(service: Service) -> Any:
    throttle = Throttle(*BEGUN)

    def who_sends(request: Request, who: Annotated[Asks, Depends(asks(Action.CONTRIBUTE))]) -> Uploader:
        if request.method == "POST" and request.url.path == f"{API}/contributions":
            throttle.take(who.who.account)
        return Uploader(who.who.account, service.limits)

    return who_sends


def handed_on(service: Service, arrived: Received) -> None:
    """What has arrived becomes a capture with a job: before its sender gets the receipt."""
    received(service, arrived)


def tell_errors(app: FastAPI) -> None:
    """Errors in plain words: a page for people, JSON for programs. What nobody foresaw gets a number that is
    in the log, and says nothing else. All of them ask who is there, so none is a coroutine: each runs in a
    thread of its own, and keeps nobody else waiting.
    """

    @app.exception_handler(OberihError)
    def told(request: Request, error: OberihError) -> Response:
        status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
        in_person = "Authorization" not in request.headers
        if isinstance(error, NotLoggedIn) and in_person and request.method == "GET" and wants_page(request):
            after = quote(asked_path(request), safe="/")
            return go(f"/login?next={after}")
        if isinstance(error, NotAllowed) and error.why is not Why.NO and in_person:
            return door.confirm_first(request, request.app.state.desk, error, page=wants_page(request))
        answer = refusal(request, status, error.message, error.advice)
        if isinstance(error, TooFast | TooManyTries):
            answer.headers["Retry-After"] = f"{math.ceil(error.wait_s)}"
        return answer

    @app.exception_handler(RequestValidationError)
    def not_understood(request: Request, error: RequestValidationError) -> Response:
        part = ".".join(str(one) for one in error.errors()[0]["loc"][1:]) if error.errors() else ""
        message = say("This is not as it has to be: {part}.", part=Verbatim(part or "?"))
        return refusal(request, 422, message, say("Fill it in again."))

    @app.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> Response:
        message, advice = PLAIN.get(error.status_code, ("This cannot be done.", ""))
        answer = refusal(request, error.status_code, message, advice)
        answer.headers.update(
            {name: value for name, value in (error.headers or {}).items() if name == "Allow"}
        )
        return answer

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        number = secrets.token_hex(4)
        log.error("%s %s", number, type(error).__name__, exc_info=error)
        message = say("Something went wrong here that nobody foresaw (number {number}).", number=number)
        return refusal(
            request, 500, message, say("Try again; if it stays so, tell those who run this service.")
        )


def wants_page(request: Request) -> bool:
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "*/*")


def refusal(request: Request, status: int, message: str, advice: str) -> Response:
    desk: Desk = request.app.state.desk
    if not wants_page(request):
        said = desk.pages.language_for(
            kept=request.cookies.get("language", ""), accepted=request.headers.get("Accept-Language", "")
        )
        body = json.dumps({"message": said(message), "advice": said(advice)}, ensure_ascii=False)
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": HEADERS["X-Content-Type-Options"]}
        return Response(body, status, headers, "application/json")
    now = None
    with suppress(OberihError):  # the database is away, which may be what is told
        now = present(request, desk)
    by_link = request.url.path.startswith(("/join/", "/recover/"))  # maybe one that was used
    view = ErrorPage(status, message, advice, to_login=by_link and now is None)
    return desk.page(request, view, asks=now, status=status)
