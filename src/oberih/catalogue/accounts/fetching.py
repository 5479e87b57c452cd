"""Asking an institution's server: only the one that an admin named, never where an answer sends us.

Its address may be a private one, since an admin chose it; nobody else chooses any address here. Redirects are
not followed, answers are small and come soon, or not at all. Without encryption only in development.
"""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from oberih.errors import InputError, StoreError
from oberih.i18n import say

__all__ = ["Server"]

ANSWER_BYTES = 1 << 20
PAUSE_S, WHOLE_S = 5.0, 15.0
PORTS = {"https": 443, "http": 80}


class Server:
    """The server of an institution. ``issuer``: its address, as it is in the settings."""

    def __init__(self, issuer: str, *, development: bool = False) -> None:
        self.issuer = issuer
        self.schemes = ("https", "http") if development else ("https",)
        self.origin = self.checked_origin(issuer)

    def get(self, url: str) -> dict[str, Any]:
        """The JSON object at an address of this server. Raises `InputError`, `StoreError`."""
        return self.ask("GET", url)

    def post(
        self, url: str, form: Mapping[str, str], secret: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer to a form. ``secret``: the client's name and secret (RFC 6749, 2.3.1)."""
        auth = httpx.BasicAuth(quote(secret[0], safe=""), quote(secret[1], safe="")) if secret else None
        return self.ask("POST", url, data=dict(form), auth=auth)

    def ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        if self.checked_origin(url) != self.origin:
            raise InputError(
                say(
                    "The institution {issuer} sends us to another server, which is not asked.",
                    issuer=self.issuer,
                ),
                "Look whether its address in the settings is right.",
            )
        ends = time.monotonic() + WHOLE_S
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Oberih"}
        body = bytearray()
        try:
            with (
                httpx.Client(
                    follow_redirects=False, timeout=PAUSE_S, trust_env=False, headers=headers
                ) as client,
                client.stream(method, url, **more) as response,
            ):
                for piece in response.iter_raw():
                    body += piece
                    if len(body) > ANSWER_BYTES or time.monotonic() > ends:
                        raise self.unusable()
            found = json.loads(body) if response.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            raise self.unusable() from error
        if not isinstance(found, dict):
            raise self.unusable()
        return found

    def checked_origin(self, url: str) -> tuple[str, str, int | None]:
        """Scheme, host and port. Raises `InputError` for what is not asked."""
        try:
            parts = urlsplit(url)
            port = parts.port or PORTS.get(parts.scheme)
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in self.schemes or not parts.hostname or parts.username or parts.password:
            raise InputError(
                say("The institution {issuer} has an address that is not asked.", issuer=self.issuer),
                "It has to begin with https://.",
            )
        return parts.scheme, parts.hostname, port

    def unusable(self) -> StoreError:
        return StoreError(
            say("The institution {issuer} cannot be reached, or gives no usable answer.", issuer=self.issuer),
            "Try again later, or come in another way.",
        )
