"""Where all records are asked for at once: by programs, search engines, feed readers."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from oberih.catalogue.public import Projection, extent, listed, newest
from oberih.errors import NotInArchive
from oberih.web.open.addresses import House
from oberih.web.open.answers import MISSING, NOSNIFF, NOT_UNDERSTOOD, ORIGINS, UNCHANGED, tagged
from oberih.web.open.data.dump import DUMP, Manifest, manifest, packed, standing, unchanged
from oberih.web.open.data.feeds import PART, atom, robots, sitemap, sitemap_index
from oberih.web.open.data.links import FEED

__all__ = ["bulk_routes"]

NEWEST = 50  # in the feed
ATOM, GZIP = "application/atom+xml", "application/gzip"
BINARY = {"type": "string", "format": "binary"}


def bulk_routes(projection: Projection, house: House) -> APIRouter:
    """The dump, the feed, sitemaps."""
    made, address = APIRouter(tags=["data"]), house.address
    turn = asyncio.Lock()

    @made.get(
        "/dump/manifest.json", summary="What the dump holds", response_model=Manifest, responses=UNCHANGED
    )
    def contents(request: Request) -> Response:
        return tagged(request, manifest(projection, address).model_dump_json().encode(), "application/json")

    @made.get(
        DUMP, summary="All records: a PublicRecord on each line (JSON Lines, gzip)", response_class=Response,
        responses={200: {"content": {GZIP: {"schema": BINARY}}}, **UNCHANGED},
    )  # fmt: skip
    @made.head(DUMP, include_in_schema=False)
    def dump(request: Request) -> Response:
        told = standing(extent(projection))
        headers = {**ORIGINS, **told, "Cache-Control": "no-cache", **NOSNIFF}
        asked = request.headers.get("If-None-Match", ""), request.headers.get("If-Modified-Since", "")
        if unchanged(told, *asked):
            return Response(status_code=304, headers=headers)
        if request.method == "HEAD":
            return Response(headers=headers, media_type=GZIP)
        return StreamingResponse(packed(projection, turn), headers=headers, media_type=GZIP)

    @made.get(
        FEED, summary="The records that changed last (Atom)", response_class=Response,
        responses={200: {"content": {ATOM: {"schema": {"type": "string"}}}}, **UNCHANGED, **NOT_UNDERSTOOD},
    )  # fmt: skip
    def feed(request: Request, language: Annotated[str, Query(pattern="^([a-z]{2,3})?$")] = "") -> Response:
        body = atom(newest(projection, NEWEST), house, language)
        return tagged(request, body.encode(), ATOM)

    @made.get("/sitemap.xml", include_in_schema=False)
    def sitemaps(request: Request) -> Response:
        parts = -(-extent(projection).records // PART)
        return tagged(request, sitemap_index(parts, address).encode(), "application/xml")

    @made.get("/sitemaps/{part}.xml", include_in_schema=False)
    def one_sitemap(request: Request, part: int) -> Response:
        shown = listed(projection, part - 1, PART) if 0 < part < 10_000 else None
        if part != 0 and not shown:
            raise NotInArchive(*MISSING)
        return tagged(request, sitemap(shown, address).encode(), "application/xml")

    @made.get("/robots.txt", include_in_schema=False)
    def for_robots(request: Request) -> Response:
        return tagged(request, robots(address).encode(), "text/plain")

    return made
