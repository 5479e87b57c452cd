"""What is answered when something goes wrong: a status that tus clients understand, and plain words."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from oberih.errors import InputError, OberihError
from oberih.i18n import ENGLISH, Language, available, language, say
from oberih.work.arrivals import Refused, Why

__all__ = ["TUS_VERSION", "HangingUp", "Route", "refusal", "spoken", "still_sending"]

TUS_VERSION = "1.0.0"
MOST_IGNORED = 64 << 10  # bytes of a body that is not wanted; after a longer one the line is closed
LINGER_S = 2.0

STATUS = {
    Why.WRONG: 400,
    Why.UNKNOWN: 404,
    Why.GONE: 410,
    Why.CONFLICT: 409,
    Why.INCOMPLETE: 409,
    Why.TOO_LARGE: 413,
    Why.NO_ROOM: 507,
    Why.BUSY: 423,
    Why.DAMAGED: 460,  # tus: Checksum Mismatch
    Why.STALLED: 503,  # not 408: clients try again after a 5xx only
}


class Route(APIRoute):
    """A route whose errors are JSON with ``message`` and ``advice``, in the reader's language."""

    not_understood_status = 422

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except RequestValidationError as error:
                return refusal(request, not_understood(error), status=self.not_understood_status)
            except Refused as error:
                return refusal(request, error)
            except ClientDisconnect:
                return Response(status_code=499)  # nobody is there to read it

        return handled


class HangingUp(Response):
    """An answer to somebody who is still sending. Nobody should send 100 MB over a bad line to be told no.

    A connection that is closed while bytes still come is reset, and the answer is lost on its way. So what
    comes for a moment longer is read and thrown away; most senders stop as soon as they read the answer.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while (await receive()).get("more_body"):
                    pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def refusal(request: Request, error: OberihError, status: int = 0) -> Response:
    """The answer to what went wrong."""
    if not status:
        status = 400 if isinstance(error, InputError) else 500
        status = STATUS[error.why] if isinstance(error, Refused) else status
    tongue = spoken(request)
    headers = {"Tus-Resumable": TUS_VERSION, "Cache-Control": "no-store", "Content-Language": tongue.code}
    if status in (423, 503, 507):
        headers["Retry-After"] = "5"
    told = {"message": tongue(error.message), "advice": tongue(error.advice)}
    kind = HangingUp if still_sending(request) else Response
    return kind(json.dumps(told, ensure_ascii=False), status, headers, "application/json")


def still_sending(request: Request) -> bool:
    """Whether the body is too long to be simply thrown away."""
    length = request.headers.get("content-length", "0")
    return "transfer-encoding" in request.headers or not length.isdigit() or int(length) > MOST_IGNORED


def not_understood(error: RequestValidationError) -> InputError:
    """What a wrong body means; it names fields, never values."""
    found = {".".join(str(part)[:40] for part in one["loc"][1:] or one["loc"]) for one in error.errors()}
    places = sorted(place.encode(errors="backslashreplace").decode() for place in found)
    return InputError(
        say("Not understood: {places}", places=", ".join(places[:10])),
        say("Send these as the description of the interface says."),
    )


def spoken(request: Request) -> Language:
    """The language that the visitor has chosen, else the first one of ``Accept-Language`` that there is."""
    wanted = f"{request.cookies.get('language', '')},{request.headers.get('accept-language', '')}"
    for asked in wanted[:200].split(","):
        code = asked.split(";")[0].strip().split("-")[0].lower()
        if code in available():
            return language(code)
    return ENGLISH
