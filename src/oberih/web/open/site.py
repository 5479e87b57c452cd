"""The pages for everybody."""

from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response

from oberih.catalogue.public import (
    Projection,
    query_of,
    record,
    search,
    surrounded,
)
from oberih.web.open.addresses import House, identifier_of, page_of
from oberih.web.open.answers import LIVES, there
from oberih.web.open.around import home_page, map_page, statistics_page, thanks_page
from oberih.web.open.searched import (
    collection_page,
    collections_page,
    gallery_page,
    identifier_searched,
    text_in,
)
from oberih.web.open.shown import record_page
from oberih.web.pages import Pages
from oberih.web.qr import matrix
from oberih.web.views import AboutPage, GuidePage, PrintPage, View

__all__ = ["site", "typed"]

AT_ONCE = 8  # record pages that wait for a server; without one, threads only struggle for the GIL
AROUND = 4  # records of the same part of the map that a page shows


def site(projection: Projection, pages: Pages, house: House) -> APIRouter:
    """Home, search, map, records, collections, and what tells about all of them."""
    made = APIRouter(include_in_schema=False)
    in_turn = partial(run_sync, limiter=CapacityLimiter(1 if projection.on_sqlite else AT_ONCE))

    def page(address: str, view_of: Callable[[Request], View]) -> None:
        def answer(request: Request) -> Response:
            return pages.response(request, view_of(request), knows_visitor=False)

        made.get(address)(answer)

    page("/", lambda _: home_page(projection))
    page("/map", lambda asked: map_page(projection, pages.spoken(asked), asked))
    page("/collections", lambda asked: collections_page(projection, pages.spoken(asked)))
    page("/thanks", lambda asked: thanks_page(projection, pages.spoken(asked)))
    page("/statistics", lambda asked: statistics_page(projection, pages.spoken(asked)))
    page("/about", lambda _: AboutPage(house.contact))
    page("/guide", lambda _: GuidePage())

    @made.get("/search")
    def searched(request: Request) -> Response:
        named = identifier_searched(projection, text_in(request.query_params), house.address)
        if named:
            return Response(status_code=303, headers={"Location": page_of("", named), "Cache-Control": LIVES})
        view = gallery_page(projection, pages.spoken(request), request)
        return pages.response(request, view, knows_visitor=False)

    @made.get("/collections/{identifier}")
    def collection(request: Request, identifier: str) -> Response:
        view = collection_page(projection, pages.spoken(request), request, identifier)
        return pages.response(request, view, knows_visitor=False)

    @made.get("/records/{naan}/{name}")
    async def shown(request: Request, naan: str, name: str) -> Response:
        return await in_turn(answer_with_record, request, naan, name)

    @made.get("/records/{naan}/{name}/print")
    async def printed(request: Request, naan: str, name: str) -> Response:
        return await in_turn(answer_with_sheet, request, naan, name)

    def answer_with_record(request: Request, naan: str, name: str) -> Response:
        if name != name.lower():  # as people type it
            return led(request, page_of("", identifier_of(naan, name.lower())))
        found = surrounded(projection, identifier_of(naan, name), AROUND)
        related = {one.id: one for one in found.related}
        view = record_page(
            there(found.record), house, pages.spoken(request).code, related=related, around=found.around
        )
        return pages.response(request, view, knows_visitor=False)

    def answer_with_sheet(request: Request, naan: str, name: str) -> Response:
        found = there(record(projection, identifier_of(naan, name)))
        view = record_page(found, house, pages.spoken(request).code)
        return pages.response(request, PrintPage(view, matrix(view.address)), knows_visitor=False)

    @made.get("/healthz")
    def healthy() -> Response:
        search(projection, query_of(size=1, facets=False))
        return Response("ok\n", media_type="text/plain")

    return made


def typed() -> APIRouter:
    """Addresses that people make up by hand lead to those that they mean."""
    made = APIRouter(include_in_schema=False)

    @made.get("/records")
    def records(request: Request) -> Response:
        return led(request, "/search")

    @made.get("/records/{naan}/{name}/")
    def with_a_slash(request: Request, naan: str, name: str) -> Response:
        return led(request, page_of("", identifier_of(naan, name.lower())))

    return made


def led(request: Request, path: str) -> Response:
    """To the right address of what was asked for, once and for all."""
    asked = f"?{request.url.query}" if request.url.query else ""
    return Response(status_code=308, headers={"Location": quote(path) + asked, "Cache-Control": LIVES})
