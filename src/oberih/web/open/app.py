"""Pages and the JSON interface for everybody. It has the public records, the public files, and nothing else.

Every answer is a function of public values and of what was asked: with an ETag made from the answer itself,
no cookies but the language's, and the same for everybody.
"""

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from oberih.archive.stores import Store
from oberih.catalogue.public import Projection
from oberih.errors import InputError, NotInArchive, OberihError, StoreError
from oberih.i18n import Verbatim, say
from oberih.web.open.addresses import House
from oberih.web.open.answers import MISSING, NoMore, bounds, problem
from oberih.web.open.cells import cells_interface
from oberih.web.open.data import open_data
from oberih.web.open.embed import embedded
from oberih.web.open.files import public_files
from oberih.web.open.interface import API, interface
from oberih.web.open.site import site, typed
from oberih.web.pages import Pages, StaticPages
from oberih.web.views import EmbedErrorPage, ErrorPage

__all__ = ["public_app"]

log = logging.getLogger("oberih.web")
LARGE = ("/files/", "/dump/")  # what is asked for its head has an answer of its own
PROGRAMS = (f"{API}/", "/data/", "/dump/", "/oembed", "/sitemaps/", "/feed.atom")
AWAY = ("The public pages cannot be shown just now.", "Try again in a moment.")


class HeadIsGet:
    """Who asks for the head of a page gets that of the page; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD" and not scope["path"].startswith(LARGE):
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send)


def public_app(
    projection: Projection, files: Store, pages: Pages, *, publisher: str = "", contact: str = ""
) -> FastAPI:
    """The application. ``projection`` and ``files`` are only read. ``publisher``: the institution that is
    responsible for the records; ``contact``: an e-mail address, told to everybody.
    """
    house = House(pages.address, publisher, contact, pages.languages[0].code)
    app = FastAPI(
        title="Oberih", summary="Open records of heritage", version="1", docs_url=None, redoc_url=None,
        openapi_url=f"{API}/openapi.json", redirect_slashes=False,
    )  # fmt: skip
    app.add_middleware(HeadIsGet)
    app.include_router(site(projection, pages, house))  # first, as most ask for pages
    app.include_router(typed())
    app.include_router(interface(projection), prefix=API)
    app.include_router(cells_interface(projection), prefix=API)
    app.include_router(open_data(projection, pages, house))
    app.include_router(embedded(projection, pages))
    app.include_router(public_files(files, projection))
    app.mount("/static", StaticPages())

    @app.exception_handler(OberihError)
    async def told(request: Request, error: OberihError) -> Response:
        if isinstance(error, StoreError):  # it says where the files lie
            log.error("%s", error.message)
            return refusal(request, pages, 503, *AWAY)
        return refusal(request, pages, status_of(error), error.message, error.advice)

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        part = ".".join(str(one) for one in first["loc"][1:])
        message = say("This is not as it has to be: {part}.", part=Verbatim(part or "?"))
        return refusal(request, pages, 422, message, bounds(first))

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        log.error("%s", type(error).__name__, exc_info=error)
        return refusal(request, pages, 500, "Something went wrong here.", "Try again in a moment.")

    @app.exception_handler(404)
    async def missing(request: Request, _: Exception) -> Response:
        return refusal(request, pages, 404, *MISSING)

    @app.exception_handler(405)
    async def not_so(request: Request, _: Exception) -> Response:
        return refusal(request, pages, 405, "This cannot be done here.", "Only look: GET and HEAD.")

    return app


def status_of(error: OberihError) -> int:
    if isinstance(error, InputError):
        return 422
    if isinstance(error, NotInArchive):
        return 410 if isinstance(error, NoMore) else 404
    return 500


def refusal(request: Request, pages: Pages, status: int, message: str, advice: str) -> Response:
    if for_programs(request):
        return problem(request, status, message, advice)
    page = EmbedErrorPage if request.url.path.startswith("/embed/") else ErrorPage
    return pages.response(request, page(status, message, advice), knows_visitor=False, status=status)


def for_programs(request: Request) -> bool:
    """Whether nobody reads the answer as a page."""
    path = request.url.path
    persistent = path.startswith("/ark:") and "text/html" not in request.headers.get("Accept", "")
    return persistent or path.startswith(PROGRAMS)
