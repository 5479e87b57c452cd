"""What every answer of the web process is sent with, whichever route it comes from.

Routes may say more, or otherwise, for themselves; what they forget is set here, the strict way: nothing runs,
nothing is framed, nothing is kept.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oberih.web.pages import HEADERS

__all__ = ["Guard"]

POLICY = "Content-Security-Policy"
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
LOADED = ("image/", "text/css", "text/javascript", "font/")  # parts of pages: the page's own policy rules
HSTS = "max-age=31536000"


class Guard:
    """Around an application. ``secure``: people reach it by https, and are to do so for a year."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app, self.secure = app, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.fill_in(MutableHeaders(scope=message))
            await send(message)

        await self.app(scope, receive, sent if scope["type"] == "http" else send)

    def fill_in(self, headers: MutableHeaders) -> None:
        headers.setdefault("Cache-Control", "no-store")
        if not headers.get("content-type", "").startswith(LOADED):
            headers.setdefault(POLICY, NOTHING)
        for name, value in HEADERS.items():
            if name != POLICY:
                headers.setdefault(name, value)
        if self.secure:
            headers["Strict-Transport-Security"] = HSTS
            cookies = headers.getlist("set-cookie")
            del headers["set-cookie"]
            for one in cookies:
                headers.append("set-cookie", one if "; Secure" in one else f"{one}; Secure")
