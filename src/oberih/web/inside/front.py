"""Sends on to the public process what is for everybody, and nothing that says who asks."""

from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from oberih.errors import NotInArchive, StoreError
from oberih.web.inside.desk import asked_path, form_of, no_larger
from oberih.web.inside.lines import Away, Lines, NotToBeSent
from oberih.web.pages import LANGUAGE

__all__ = ["Front", "public_routes"]

ASKED = ("accept", "accept-language", "accept-encoding", "if-none-match", "if-modified-since", "range",
         "content-type", "origin")  # fmt: skip
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
    """The way to the public process."""

    def __init__(self, path: Path, host: str) -> None:
        self.lines = Lines(path)
        self.host = host

    async def close(self) -> None:
        self.lines.close()

    async def ask(self, request: Request, target: str = "") -> Response:
        """The public process's answer to a request; ``target``: to another address than it was sent to."""
        headers = {name: request.headers[name] for name in ASKED if name in request.headers}
        headers.setdefault("accept-encoding", "identity")
        if LANGUAGE in request.cookies:
            headers["Cookie"] = language_cookie(request.cookies[LANGUAGE])
        headers["Host"] = self.host
        method = request.method
        if target:
            method = "GET"
            headers.pop("content-type", None)
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]  # as they came
        try:
            answer = await self.lines.ask(method, (target or asked_path(request)).encode("latin-1"), raw)
        except NotToBeSent as error:
            raise NotInArchive(*NOTHING) from error
        except Away as error:
            raise StoreError(*AWAY) from error
        kept = kept_headers(answer.headers)
        if method == "HEAD" or answer.status in (204, 304):
            answer.close()
            return Response(status_code=answer.status, headers=kept)
        if int(kept.get("content-length", MOST_HELD + 1)) > MOST_HELD:
            return StreamingResponse(answer.body(), answer.status, kept)
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
