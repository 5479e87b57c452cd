"""Sends on to the public process what is for everybody, and nothing that says who asks."""

from collections.abc import AsyncIterator
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from oberih.errors import NotInArchive, StoreError
from oberih.web.inside.desk import asked_path
from oberih.web.pages import LANGUAGE

__all__ = ["Front", "public_routes"]

ASKED = ("accept", "accept-language", "accept-encoding", "if-none-match", "if-modified-since", "range",
         "content-type", "origin")  # fmt: skip
ANSWERED = ("content-type", "content-length", "content-language", "content-range", "accept-ranges", "etag",
            "cache-control", "vary", "location", "content-disposition", "content-security-policy",
            "x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "last-modified",
            "cross-origin-resource-policy", "permissions-policy", "access-control-allow-origin",
            "set-cookie")  # fmt: skip
NOTHING = ("There is nothing here.", "It may have been moved, or it is not yours.")
AWAY = ("The public pages cannot be shown just now.", "Try again in a moment.")


class Front:
    """The way to the public process."""

    def __init__(self, path: Path, host: str) -> None:
        self.client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                uds=str(path), retries=2, limits=httpx.Limits(max_connections=64)
            ),
            base_url="http://public", timeout=httpx.Timeout(60.0, connect=5.0), follow_redirects=False,
        )  # fmt: skip
        self.host = host

    async def close(self) -> None:
        await self.client.aclose()

    async def ask(self, request: Request) -> Response:
        """The public process's answer to a request."""
        headers = {name: request.headers[name] for name in ASKED if name in request.headers}
        if LANGUAGE in request.cookies:
            headers["Cookie"] = language_cookie(request.cookies[LANGUAGE])
        headers["Host"] = self.host
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]  # as they came
        try:
            address = httpx.URL("http://public").copy_with(raw_path=asked_path(request).encode("latin-1"))
        except httpx.InvalidURL as error:
            raise NotInArchive(*NOTHING) from error
        asked = self.client.build_request(request.method, address, headers=raw)
        try:
            answer = await self.client.send(asked, stream=True)
        except httpx.TransportError as error:
            raise StoreError(*AWAY) from error
        kept = kept_headers(answer.headers)
        if request.method == "HEAD" or answer.status_code in (204, 304):
            await answer.aclose()
            return Response(status_code=answer.status_code, headers=kept)
        return StreamingResponse(body_of(answer), answer.status_code, kept)

    async def healthy(self) -> bool:
        try:
            return (await self.client.get("/healthz", headers={"Host": self.host})).status_code == 200
        except httpx.TransportError:
            return False


def kept_headers(headers: httpx.Headers) -> dict[str, str]:
    found = {name: headers[name] for name in ANSWERED if name in headers}
    if not found.get("set-cookie", "").startswith(f"{LANGUAGE}="):
        found.pop("set-cookie", None)
    return found


async def body_of(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def language_cookie(value: str) -> str:
    made: SimpleCookie = SimpleCookie()
    try:
        made[LANGUAGE] = value[:20]
    except CookieError:
        return ""
    return made.output(header="").strip()


def public_routes(front: Front) -> APIRouter:
    """Everything that no inner route answers."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def public(request: Request, path: str) -> Response:  # noqa: ARG001
        return await front.ask(request)

    return router
