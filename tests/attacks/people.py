"""People before the real service: `web.visitors.Visitor`, over HTTP."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx

from web.authenticator import Authenticator
from web.visitors import Visitor

__all__ = ["Online", "waited"]

Found = TypeVar("Found")


def waited(ask: Callable[[], Found | None], most_s: float = 120.0) -> Found:
    """What ``ask`` answers as soon as it answers something."""
    until = time.monotonic() + most_s
    while time.monotonic() < until:
        found = ask()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing came in {most_s} s")


class Online(Visitor):
    """Somebody with a browser, who asks a service that runs at ``url``."""

    host = "localhost"  # the name in its passkeys

    def __init__(self, url: str, language: str = "en") -> None:
        self.url, self.name = url, ""
        headers = {"Accept": "text/html", "Accept-Language": language, "User-Agent": "Firefox Android"}
        self.client: Any = httpx.Client(base_url=url, headers=headers, timeout=60)
        self.device = Authenticator(url, self.host)
        self.page = httpx.Response(204)

    def join_with_passkey(self, name: str) -> None:
        self.go("/join")
        assert self.with_passkey("/join/passkey", "create", name=name).status_code == 200, self.text

    def contribute(self, files: Mapping[str, bytes], consents: Sequence[str], **details: Any) -> str:
        """Send files as the page does (tus), and wait until they are looked at. The contribution."""
        self.go("/contribute")
        offered = [
            {"name": name, "size": len(data), "last_modified": 1_781_452_927_000}
            for name, data in files.items()
        ]
        told = {
            "licence": "cc-by-4.0", "consents": list(consents), "language": "en", "terms": "1", **details
        }  # fmt: skip
        begun = self.script(
            "/api/v1/contributions", {"files": offered, "note": told.pop("note", ""), "details": told}
        )
        assert begun.status_code == 201, begun.text
        made = begun.json()
        for one, data in zip(made["files"], files.values(), strict=True):
            self.tus(one["url"], data)
        done = self.script(f"/api/v1/contributions/{made['id']}/complete", {})
        assert done.status_code == 200, done.text
        return str(made["id"])

    def tus(self, url: str, data: bytes) -> None:
        from web.visitors import Forms

        headers = {
            "Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream",
            "X-CSRF-Token": Forms(self.text).csrf, "Origin": self.url, "Sec-Fetch-Site": "same-origin",
        }  # fmt: skip
        answer = self.client.patch(url, content=data, headers=headers)
        assert answer.status_code == 204, answer.text

    def state(self, contribution: str) -> str:
        return str(self.client.get(f"/contributions/{contribution}/progress").json()["seen"]).partition("/")[
            0
        ]
