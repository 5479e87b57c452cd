"""Sends on to the public process what is for everybody, and nothing that says who asks."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from oberih.errors import NotInArchive, StoreError
from oberih.web.inside.desk import asked_path, form_of, no_larger
from oberih.web.inside.lines import Answer, Away, Lines, NotToBeSent
from oberih.web.pages import LANGUAGE

__all__ = ["Front", "Straight", "public_routes"]

ASKED = frozenset((
    b"accept", b"accept-language", b"accept-encoding", b"if-none-match", b"if-modified-since", b"if-range",
    b"range", b"content-type", b"origin",
))  # fmt: skip
ANSWERED = ("content-type", "content-length", "content-encoding", "content-language", "content-range",
            "accept-ranges", "etag", "cache-control", "vary", "location", "content-disposition",
            "content-security-policy", "x-content-type-options", "referrer-policy",
            "cross-origin-opener-policy", "last-modified", "link", "cross-origin-resource-policy",
            "permissions-policy", "access-control-allow-origin", "set-cookie")  # fmt: skip
NOTHING = ("There is nothing here.", "It may have been moved, or it is not yours.")
MOST_HELD = 1 << 20  # bytes of an answer that is not handed on piece by piece
LONGEST_HARVEST = 8 << 10  # bytes of a harvester's form
AWAY = ("The public pages cannot be shown just now.", "Try again in a moment.")


class Front:
    """The way to the public process. ``check`` looks at each request before, and may raise."""

    def __init__(self, path: Path, host: str, check: Callable[[Request], None]) -> None:
        self.lines = Lines(path)
        self.host, self.check = host, check

    async def close(self) -> None:
        self.lines.close()

    async def ask(self, request: Request, target: str = "") -> Response:
        """The public process's answer to a request; ``target``: to another address than it was sent to."""
        self.check(request)
        headers = {b"accept-encoding": b"identity"}
        backwards = reversed(request.headers.raw)  # so that of several lines the first counts
        headers.update((name, value) for name, value in backwards if name in ASKED)
        if LANGUAGE in request.cookies:
            headers[b"Cookie"] = language_cookie(request.cookies[LANGUAGE]).encode("latin-1")
        headers[b"Host"] = self.host.encode("latin-1")
        method = request.method
        if target:
            method = "GET"
            headers.pop(b"content-type", None)
        path = (target or asked_path(request)).encode("latin-1")
        try:
            answer = await self.lines.ask(method, path, list(headers.items()))
        except NotToBeSent as error:
            raise NotInArchive(*NOTHING) from error
        except Away as error:
            raise StoreError(*AWAY) from error
        kept = kept_headers(answer.headers)
        if method == "HEAD" or answer.status in (204, 304):
            answer.close()
            return Response(status_code=answer.status, headers=kept)
        if int(kept.get("content-length", MOST_HELD + 1)) > MOST_HELD:
            return StreamingResponse(while_there(request, answer), answer.status, kept)
        try:
            return Response(await answer.whole(), answer.status, kept)
        except Away as error:
            raise StoreError(*AWAY) from error

    async def healthy(self) -> bool:
        try:
            answer = await self.lines.ask("GET", b"/healthz", [(b"Host", self.host.encode())])
            await answer.whole()
        except Away:
            return False
        return answer.status == 200


async def while_there(request: Request, answer: Answer) -> AsyncIterator[bytes]:
    """What comes, for as long as somebody takes it. To look lets others have their turn, too."""
    async with aclosing(answer.body()) as parts:
        async for part in parts:
            if await request.is_disconnected():
                break
            yield part


def kept_headers(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Those that go on. Of cookies only the language's, if there is no other."""
    found: dict[str, str] = {}
    for name, value in headers:
        known = name.decode("ascii")
        if known in ANSWERED:
            told = value.decode("latin-1")
            found[known] = f"{found[known]}, {told}" if known in found else told
    if not found.get("set-cookie", "").startswith(f"{LANGUAGE}="):
        found.pop("set-cookie", None)
    return found


def language_cookie(value: str) -> str:
    made: SimpleCookie = SimpleCookie()
    try:
        made[LANGUAGE] = value[:20]
    except CookieError:
        return ""
    return made.output(header="").strip()


class Straight(BaseRoute):
    """The way for what no inner route answers, as the first part of its path tells: found before it is
    compared with each of these, which was half of what a public page cost here. ``inner``: their paths.
    """

    def __init__(self, front: Front, inner: Iterable[str]) -> None:
        self.front = front
        self.inner = frozenset(map(first_part, inner))
        if any("{" in one for one in self.inner):
            raise ValueError("An inner route answers paths of any beginning.")

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return Match.NONE, {}
        path = scope["path"]
        found = path.startswith("/") and "\n" not in path and first_part(path) not in self.inner
        return (Match.FULL if found else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        raise NoMatchFound(name, path_params)  # it has none

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        answer = await self.front.ask(request)
        await answer(scope, receive, send)


def first_part(path: str) -> str:
    return path.removeprefix("/").partition("/")[0]


def public_routes(front: Front) -> APIRouter:
    """Everything that no inner route answers."""
    router = APIRouter(include_in_schema=False)

    @router.post("/oai", dependencies=[Depends(no_larger(LONGEST_HARVEST))])
    async def harvested(request: Request) -> Response:
        """OAI-PMH may be asked with a form. It goes on as an address that says the same: no body does."""
        asked = [
            (name, value) for name, value in (await form_of(request)).multi_items() if isinstance(value, str)
        ]
        return await front.ask(request, f"/oai?{urlencode(asked)}")

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def public(request: Request, path: str) -> Response:  # noqa: ARG001
        return await front.ask(request)

    return router
