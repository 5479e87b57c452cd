"""What every answer is sent with, what errors tell, and what nobody but the person keeps."""

import logging
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oberih.archive.stores import open_store
from oberih.web.inside import contributions
from oberih.web.inside.guard import Guard
from oberih.web.open.app import public_app
from oberih.web.pages import Pages
from public_help import empty_store
from security.crowd import Crowd
from security.test_matrix import ask, table
from web.visitors import Client

SECRET = "/private/where/it/lies"
PUBLIC = {
    "/", "/search", "/records/{naan}/{name}", "/embed/{naan}/{name}", "/files/{path:path}", "/healthz",
    "/static",
    "/api/v1/openapi.json", "/api/v1/records", "/api/v1/records/{naan}/{name}",
    "/api/v1/records/{naan}/{name}/near", "/api/v1/suggest", "/api/v1/map", "/api/v1/map.geojson",
    "/map", "/collections", "/collections/{identifier}", "/thanks", "/statistics", "/about", "/guide",
    "/records/{naan}/{name}/print", "/records", "/records/{naan}/{name}/",
}  # fmt: skip
OPEN_DATA = {
    "/oai", "/ark:/{naan}/{name}", "/ark:{naan}/{name}", "/ark:/{naan}/{name}/", "/ark:{naan}/{name}/",
    "/data/{naan}/{name}/{form}", "/oembed",
    "/dump/manifest.json", "/dump/records.jsonl.gz", "/feed.atom", "/sitemap.xml", "/sitemaps/{part}.xml",
    "/robots.txt", "/api",
}  # fmt: skip
CREDENTIALS = {"Cookie": "__Host-session=x; session=x", "Authorization": "Bearer oberih_x"}


@pytest.mark.parametrize("route", [*table(), "GET /static/none", "GET /login/", "POST /nowhere"])
def test_every_answer_is_guarded(crowd: Crowd, route: str) -> None:
    method, path = route.split(" ")
    who = crowd.people["everything" if zlib.crc32(route.encode()) % 4 else "nobody"]
    answer = ask(crowd, who, method, path)
    if path == "/logout":
        who.come_in()
    told = answer.headers
    policy = told["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy and "data:" not in policy
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["Referrer-Policy"] in ("same-origin", "no-referrer")
    assert told["Cross-Origin-Opener-Policy"] == told["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=(self)" in told["Permissions-Policy"]
    assert told["Strict-Transport-Security"].startswith("max-age=")
    assert told["Cache-Control"] == "no-store"
    assert "server" not in told and "x-powered-by" not in told
    for cookie in told.get_list("set-cookie"):
        assert "; Secure" in cookie and "HttpOnly" in cookie and "SameSite=lax" in cookie, cookie
        assert cookie.startswith(("__Host-", "language=")) and "Domain" not in cookie, cookie
    assert "Traceback" not in answer.text and "site-packages" not in answer.text


def test_without_https_nothing_promises_it() -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        headers = [(b"set-cookie", b"a=b; HttpOnly"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    for secure in (True, False):
        client = Client(Guard(app, secure=secure), {}, "10.0.0.1")  # type: ignore[arg-type]
        told = client.get("/").headers
        assert ("Strict-Transport-Security" in told) == secure
        assert told["Set-Cookie"].endswith("; Secure") == secure
        assert told["Content-Security-Policy"].startswith("default-src 'none'")
        client.close()


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_what_nobody_foresaw_tells_a_number_and_nothing_else(
    crowd: Crowd, accept: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(contributions, "shown", broken)
    who = crowd.people["owner"]
    who.client.asked._transport.raise_app_exceptions = False  # type: ignore[attr-defined]
    with caplog.at_level(logging.CRITICAL):
        answer = who.ask("GET", "/contributions/x", headers={"Accept": accept})
    assert answer.status_code == 500 and "nobody foresaw (number " in answer.text
    assert SECRET not in answer.text and "RuntimeError" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_address_that_is_not_in_order_is_refused_in_words(crowd: Crowd) -> None:
    who = crowd.people["everything"]
    for path in ("/review/%00", "/contributions/%00%ff", "/people?q=%00", "/audit?since=0000-99-99",
                 "/audit?before=%00", "/jobs?after=%00", "/account/once/%F0%9F%98%80", "/review?after=%00",
                 "/join/" + "x" * 5000):  # fmt: skip
        answer = who.ask("GET", path)
        assert 200 <= answer.status_code < 500 and "Traceback" not in answer.text, path


def test_nothing_is_led_to_by_the_host_that_a_request_claims(crowd: Crowd) -> None:
    for host in (
        "evil.example",
        "evil.example:443",
        "evil.example/x?y=",
        "heritage.example@evil.example",
        "[",
    ):
        for who in ("nobody", "owner", "custodian, one factor"):
            for path in ("/contributions", "/review", "/login?next=/x", "/join", "/account/", "/search/"):
                answer = crowd.people[who].ask("GET", path, headers={"Host": host})
                assert answer.status_code < 500
                assert answer.headers.get("Location", "/").startswith("/"), (host, path)
                assert "evil" not in answer.text and "evil" not in str(answer.headers), (host, path)


# -- the public side ---


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("public")
    with empty_store("sqlite", folder) as (_, reader):
        client = Client(
            public_app(reader, open_store(folder / "files", create=True), Pages()), {}, "10.0.0.1"
        )
        yield client
        client.close()


def test_the_public_side_has_these_routes_and_only_looks(everybody: Client) -> None:
    app = everybody.asked._transport.app  # type: ignore[attr-defined]
    found = {one.partition(" ") for one in routes_of(app)}
    assert {path for _, _, path in found} == PUBLIC | OPEN_DATA
    assert {method for method, _, _ in found} <= {"GET", "HEAD"}


def routes_of(app: Any) -> Iterator[str]:
    from fastapi import routing

    for one in routing.iter_route_contexts(app.routes):
        for method in one.methods or ("GET",):
            yield f"{method} {one.path}"


@pytest.mark.parametrize("path", sorted(PUBLIC | OPEN_DATA))
def test_the_public_side_knows_nobody(everybody: Client, path: str) -> None:
    asked = re.sub(r"\{[^}]+\}", "none", path) + ("/none" if path == "/static" else "")
    without, withal = everybody.get(asked), everybody.get(asked, headers=CREDENTIALS)
    assert withal.status_code < 500 and without_time(withal.content) == without_time(without.content)
    assert withal.headers == without.headers and "set-cookie" not in withal.headers
    assert everybody.request("POST", asked).status_code == 405
    assert "Traceback" not in without.text


def without_time(content: bytes) -> bytes:
    """Harvesters are told when they were answered."""
    return re.sub(rb"<responseDate>[^<]+", b"", content)


def test_a_wrong_question_to_the_public_side_is_answered_in_words(everybody: Client) -> None:
    for path in ("/api/v1/records?size=9999999999999", "/api/v1/map?south=x", "/api/v1/suggest",
                 "/api/v1/map?south=nan&west=inf&north=1&east=1", "/api/v1/records?facets=2"):  # fmt: skip
        answer = everybody.get(path)
        assert answer.status_code == 422 and set(answer.json()) == {"message", "advice"}, path
    assert everybody.get("/search/").status_code == 404  # and leads nowhere
    assert everybody.get("/files/" + "ї" * 300).status_code == 404  # no file has so long a name


def test_nobody_learns_where_the_files_lie(tmp_path: Path) -> None:
    with empty_store("sqlite", tmp_path) as (_, reader):
        client = Client(
            public_app(reader, open_store(tmp_path / "files", create=True), Pages()), {}, "1.1.1.1"
        )
        (tmp_path / "files").rename(tmp_path / "gone")
        answer = client.get("/files/1/poster.webp", headers={"Accept-Language": "en"})
        assert answer.status_code == 503 and str(tmp_path) not in answer.text
        assert "cannot be shown just now" in answer.text
        client.close()
