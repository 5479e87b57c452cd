"""People with browsers, before the inner application: what they see, and the forms that they send."""

import asyncio
import re
from functools import partialmethod
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import tomli_w
from fastapi import FastAPI

from oberih.catalogue.accounts import Gate, Key, first_admin_link
from oberih.catalogue.database import Base
from oberih.web.inside.app import inner_app
from oberih.work.service import Service, open_service
from web.authenticator import Authenticator

__all__ = ["HOST", "PASSWORD", "URL", "House", "Visitor"]

HOST = "heritage.example"
URL = f"https://{HOST}"
PASSWORD = "kalyna under the old bridge"


class House:
    """A service with its inner application, on an empty database."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        (folder / "oberih.toml").write_text(tomli_w.dumps(settings))
        self.service: Service = open_service(folder)
        Base.metadata.create_all(self.service.database.engine)
        gate = Gate(Key(self.service.secrets.derived("accounts")), self.service.settings, URL)
        self.app: FastAPI = inner_app(self.service, gate)
        self.visitors: list[Visitor] = []

    def visitor(self, language: str = "en") -> "Visitor":
        """Somebody new, from a network of their own."""
        number = len(self.visitors)
        self.visitors.append(Visitor(self.app, language, f"10.0.{number // 250}.{number % 250 + 1}"))
        return self.visitors[-1]

    def close(self) -> None:
        for one in self.visitors:
            one.client.close()
        self.service.close()

    def first_link(self) -> str:
        made = first_admin_link(self.service.database)
        assert made is not None
        return f"/join/{made.token}"


class Forms(HTMLParser):
    """The forms of a page: address -> fields that are filled in already. And its words for scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self.now: dict[str, str] = {}
        self.csrf = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.now = self.found.setdefault(path_of(given.get("action") or given.get("data-finish", "")), {})
        if tag == "button" and "formaction" in given:  # the same fields, sent elsewhere
            self.found[path_of(given["formaction"])] = self.now
        if tag == "input" and given.get("type") == "hidden":
            self.now[given["name"]] = given.get("value", "")
        if tag == "meta" and given.get("name") == "csrf":
            self.csrf = given["content"]


def path_of(address: str) -> str:
    """Without the part of the page that is to be seen then."""
    return address.partition("#")[0]


class Client:
    """Asks an app in this process, one request after the other."""

    def __init__(self, app: FastAPI, headers: dict[str, str], address: str) -> None:
        self.runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, client=(address, 50000))
        self.asked = httpx.AsyncClient(transport=transport, base_url=URL, headers=headers)

    @property
    def cookies(self) -> httpx.Cookies:
        return self.asked.cookies

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.runner.run(self.asked.request(method, path, **more))

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")

    def close(self) -> None:
        self.runner.run(self.asked.aclose())
        self.runner.close()


class Visitor:
    """Somebody with a browser. ``page``: what they see."""

    url, host = URL, HOST

    def __init__(self, app: FastAPI, language: str, address: str) -> None:
        headers = {
            "Accept": "text/html,*/*;q=0.8",
            "Accept-Language": language,
            "User-Agent": "Firefox Android",
        }
        self.client = Client(app, headers, address)
        self.page: httpx.Response = httpx.Response(204)
        self.device = Authenticator(URL, HOST)
        self.name = ""  # to log in with

    @property
    def text(self) -> str:
        return self.page.text

    @property
    def session(self) -> str:
        return self.client.cookies.get("__Host-session", "")

    def go(self, path: str) -> httpx.Response:
        """Open a page, and follow where it leads."""
        self.page = self.client.get(path)
        return self.follow()

    def follow(self) -> httpx.Response:
        while self.page.status_code == 303 and self.page.headers["Location"] != "/":
            before = urlsplit(str(self.page.url))
            referer = f"{self.url}{before.path}" if before.hostname == self.host else ""
            self.page = self.client.get(self.page.headers["Location"], headers={"Referer": referer})
        return self.page

    def send(self, action: str, **fields: Any) -> httpx.Response:
        """Fill in a form of the page, and send it. A field's "_" stands for "-"."""
        filled = Forms(self.text).found[action] | {
            name.replace("_", "-"): one for name, one in fields.items()
        }
        headers = {"Origin": self.url, "Sec-Fetch-Site": "same-origin", "Referer": str(self.page.url)}
        self.page = self.client.post(action, data=filled, headers=headers)
        return self.page

    def script(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """What a script of the page sends."""
        sent = {
            "X-CSRF-Token": Forms(self.text).csrf, "Origin": self.url, "Sec-Fetch-Site": "same-origin",
            "Referer": str(self.page.url), "Accept": "*/*",
        }  # fmt: skip
        return self.client.post(path, json=body, headers=sent | headers)

    def with_passkey(self, finish: str, kind: str, **fields: str) -> httpx.Response:
        """Begin and finish what passkeys.ts does."""
        hidden = {k: v for k, v in Forms(self.text).found.get(finish, {}).items() if k != "csrf"}
        fields = hidden | {name.replace("_", "-"): one for name, one in fields.items()}
        begun = self.script(f"{finish}/options", fields)
        if begun.status_code != 200:
            return begun
        told = begun.json()
        made = self.device.create(told["options"]) if kind == "create" else self.device.get(told["options"])
        return self.script(finish, {**fields, "challenge": told["challenge"], "credential": made})

    def join(self, name: str, password: str = PASSWORD, path: str = "/join") -> list[str]:
        """Join with a password; the recovery codes."""
        self.go(path)
        assert self.send("/join", name=name, password=password).status_code == 303, self.text
        self.follow()
        return codes_of(self.text)

    def log_in(
        self, name: str, password: str = PASSWORD, path: str = "/login", **more: str
    ) -> httpx.Response:
        self.go(path)
        return self.send("/login", name=name, password=password, **more)

    @property
    def login(self) -> str:
        """The name with which to log in, as the page of recovery codes tells it."""
        found = re.search(r"with the name <b>([^<]+)</b>", self.text)
        assert found is not None, self.text
        return found[1]


def codes_of(html: str) -> list[str]:
    return re.findall(r"<li>([a-z0-9]{4}(?:-[a-z0-9]{4}){3})</li>", html)
