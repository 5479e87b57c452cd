"""Pages and the JSON interface for everybody. It has the public records, the public files, and nothing else.

Every answer is a function of public values and of what was asked: with an ETag made from the answer itself,
no cookies but the language's, and the same for everybody.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter
from starlette.types import ASGIApp, Receive, Scope, Send

from oberih.archive.stores import Store
from oberih.catalogue.public import (
    Projection,
    PublicRecord,
    Withdrawn,
    box_of,
    etag,
    map_view,
    near,
    query_of,
    record,
    search,
    suggest,
)
from oberih.errors import InputError, NotInArchive, OberihError, StoreError
from oberih.i18n import say
from oberih.web.open.shown import gallery_page, record_page
from oberih.web.pages import FILES_POLICY, HEADERS, Pages, StaticPages
from oberih.web.views import ErrorPage

__all__ = ["API", "public_app"]

log = logging.getLogger("oberih.web")
API = "/api/v1"
LIVES = "public, max-age=60"
FILES_LIVE = "public, max-age=3600"
ORIGINS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
MISSING = ("There is nothing here.", "It may have been taken out of the archive's public part, or moved.")
AWAY = ("The public pages cannot be shown just now.", "Try again in a moment.")
BODY = TypeAdapter(Any)


class HeadIsGet:
    """Who asks for the head of a page gets that of the page; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD" and not scope["path"].startswith("/files/"):
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send)


def public_app(projection: Projection, files: Store, pages: Pages) -> FastAPI:
    """The application. ``projection`` and ``files`` are only read."""
    app = FastAPI(
        title="Oberih", summary="Open records of heritage", version="1", docs_url=None, redoc_url=None,
        openapi_url=f"{API}/openapi.json", redirect_slashes=False,
    )  # fmt: skip
    app.add_middleware(HeadIsGet)
    app.include_router(interface(projection), prefix=API)
    app.include_router(site(projection, files, pages))
    app.mount("/static", StaticPages())

    @app.exception_handler(OberihError)
    async def told(request: Request, error: OberihError) -> Response:
        if isinstance(error, StoreError):  # it says where the files lie
            log.error("%s", error.message)
            return refusal(request, pages, 503, *AWAY)
        return refusal(request, pages, status_of(error), error.message, error.advice)

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> Response:
        part = ".".join(str(one) for one in error.errors()[0]["loc"][1:]) if error.errors() else ""
        message = say("This is not as it has to be: {part}.", part=part or "?")
        return refusal(request, pages, 422, message, "")

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
        return 404
    return 500


def refusal(request: Request, pages: Pages, status: int, message: str, advice: str) -> Response:
    if request.url.path.startswith(API):
        said = pages.language_for(accepted=request.headers.get("Accept-Language", ""))
        body = json.dumps({"message": said(message), "advice": said(advice)}, ensure_ascii=False)
        return Response(body, status, {**ORIGINS, "X-Content-Type-Options": "nosniff"}, "application/json")
    return pages.response(request, ErrorPage(status, message, advice), knows_visitor=False, status=status)


def tagged(request: Request, body: bytes, media_type: str, lives: str = LIVES) -> Response:
    """An answer with its ETag; nothing but the tag if the asker has it already."""
    tag = etag(body)
    headers = {"ETag": tag, "Cache-Control": lives, "X-Content-Type-Options": "nosniff", **ORIGINS}
    if tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def interface(projection: Projection) -> APIRouter:
    """The JSON interface."""
    api = APIRouter(tags=["records"])

    def answer(request: Request, value: Any) -> Response:
        return tagged(request, BODY.dump_json(value), "application/json")

    @api.get("/records", summary="Search records")
    def records(
        request: Request,
        text: Annotated[str, Query(max_length=500)] = "",
        filter: Annotated[list[str], Query(max_length=60, description="field:value")] = [],  # noqa: A002, B006
        cell: Annotated[str | None, Query(max_length=15)] = None,
        sort: Annotated[str | None, Query(max_length=20)] = None,
        language: Annotated[str, Query(max_length=5)] = "en",
        size: Annotated[int, Query(ge=1, le=100)] = 24,
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
        facets: bool = True,
    ) -> Response:
        asked = query_of(
            text=text, filters=filters_of(filter), cell=cell, sort=sort, language=language, size=size,
            cursor=cursor, facets=facets,
        )  # fmt: skip
        return answer(request, search(projection, asked))

    @api.get("/records/{naan}/{name}", summary="One record")
    def one(request: Request, naan: str, name: str) -> Response:
        found = record(projection, f"ark:/{naan}/{name}")
        if isinstance(found, Withdrawn):
            return Response(BODY.dump_json(found), 410, ORIGINS, "application/json")
        return answer(request, there(found))

    @api.get("/records/{naan}/{name}/near", summary="Records of the same part of the map")
    def neighbours(request: Request, naan: str, name: str) -> Response:
        there(record(projection, f"ark:/{naan}/{name}"))
        return answer(request, near(projection, f"ark:/{naan}/{name}"))

    @api.get("/suggest", summary="Words that begin so")
    def words(request: Request, text: Annotated[str, Query(max_length=200)]) -> Response:
        return answer(request, suggest(projection, text))

    @api.get("/map", summary="Cells of a part of the map")
    def cells(
        request: Request,
        south: float,
        west: float,
        north: float,
        east: float,
        zoom: Annotated[int, Query(ge=0, le=24)] = 6,
        text: Annotated[str, Query(max_length=500)] = "",
        filter: Annotated[list[str], Query(max_length=60)] = [],  # noqa: A002, B006
    ) -> Response:
        box = box_of(south=south, west=west, north=north, east=east)
        return answer(
            request, map_view(projection, box, zoom, query_of(text=text, filters=filters_of(filter)))
        )

    return api


def site(projection: Projection, files: Store, pages: Pages) -> APIRouter:
    """The pages, and the files."""
    made = APIRouter(include_in_schema=False)

    @made.get("/")
    @made.get("/search")
    def gallery(request: Request) -> Response:
        return pages.response(request, gallery_page(projection, pages, request), knows_visitor=False)

    @made.get("/records/{naan}/{name}")
    def shown(request: Request, naan: str, name: str) -> Response:
        found = record(projection, f"ark:/{naan}/{name}")
        if isinstance(found, Withdrawn):
            gone = say("This was public once, and is no more.")
            return pages.response(
                request, ErrorPage(410, gone, "The archive keeps it."), knows_visitor=False, status=410
            )
        return pages.response(request, record_page(there(found)), knows_visitor=False)

    @made.get("/files/{path:path}")
    @made.head("/files/{path:path}")
    def file(request: Request, path: str) -> Response:
        try:
            stat = files.stat(path)
        except (KeyError, ValueError) as error:
            raise NotInArchive(*MISSING) from error
        kind = media_type(path)
        headers = {
            **HEADERS, **ORIGINS, "Cache-Control": FILES_LIVE, "Content-Length": str(stat.size),
            "Content-Disposition": "inline" if kind.startswith(("image/", "model/")) else "attachment",
            "Content-Security-Policy": FILES_POLICY,
        }  # fmt: skip
        if request.method == "HEAD":
            return Response(headers=headers, media_type=kind)
        return StreamingResponse(chunks(files, path), headers=headers, media_type=kind)

    @made.get("/healthz")
    def healthy() -> Response:
        search(projection, query_of(size=1, facets=False))
        return Response("ok\n", media_type="text/plain")

    return made


TYPES: Mapping[str, str] = {
    "glb": "model/gltf-binary", "usdz": "model/vnd.usdz+zip", "jpg": "image/jpeg", "webp": "image/webp",
    "png": "image/png", "json": "application/json", "zip": "application/zip", "stl": "model/stl",
}  # fmt: skip


def media_type(path: str) -> str:
    return TYPES.get(path.rpartition(".")[2], "application/octet-stream")


def chunks(files: Store, path: str) -> Iterator[bytes]:
    yield from files.stream(path)


def there(found: PublicRecord | Withdrawn | None) -> PublicRecord:
    if not isinstance(found, PublicRecord):
        raise NotInArchive(*MISSING)
    return found


def filters_of(given: list[str]) -> dict[str, tuple[str, ...]]:
    """``field:value``, several of one field are alternatives."""
    filters: dict[str, list[str]] = {}
    for one in given:
        field, colon, value = one.partition(":")
        if not colon:
            raise InputError("A filter has a field and a value.", "Write it as field:value.")
        filters.setdefault(field, []).append(value)
    return {field: tuple(values) for field, values in filters.items()}
