"""Random questions to the whole service: interfaces by their descriptions, pages and forms by their names.

Whatever is sent: no server error, no trace of one, nothing of it comes back as markup, and no way leads to
another site.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import hypothesis
import requests
import schemathesis
from fastapi import FastAPI, routing
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as conformance
from sqlalchemy import delete, update

import oberih.web
from oberih.catalogue.accounts.tables import Account, Attempt
from oberih.catalogue.tables import Review
from security.crowd import Crowd, Person
from web.office import captured, in_review
from web.visitors import URL, Client

__all__ = ["PageFuzzer", "try_interface", "try_public_pages", "wrong"]

MARK = "<script>alert(1)</script>"
NOTHING: Mapping[str, str] = {}
MEANT = {501, 507}  # oEmbed in XML; there is no room on the disk
VALUES: Sequence[str] = (
    "", " ", "0", "-1", "1", "1e309", "nan", "9" * 20, "9" * 5000, "²", "٣", "2026-11-21", "9999-12-31",
    "0001-01-01", "2026-13-41", "yes", "on", "*", "main", "other", "none", "null", "true", "[]", "{}",
    "passed", "refused", "save", "withheld", "exact", "10 km", "contributor", "custodian", "admin", "partner",
    "read:records", "hidden", "blocking", "0/0", "0/0.1,0.1,0.2,0.2", "0/nan,0,1,1", "0/1,2", "Церква",
    "ї" * 300, "é́" * 50, "\x00", "a\x00b", "\r\nX-Evil: 1", "\u202e\ufeff", "\ud800", "\U0010ffff", "🏰",
    f'">{MARK}', "{{1337*1331}}", "${7*7}", "%s%n", "' OR 1=1 --", "\\", "//evil.example", "https://evil.example/",
    "javascript:alert(1)", "../../../etc/passwd", "..%2f..%2f", "/account", "x" * 5000,
    "50,30\n50,31\n51,31", "500",
    '{"type":"Polygon","coordinates":[[[30,50],[30.1,50],[30.1,50.1],[30,50]]]}',
    '{"type":"Polygon","coordinates":[[[30,50]]]}', "[" * 3000,
)  # fmt: skip
CONFORMANCE = [
    conformance.status_code_conformance, conformance.content_type_conformance,
    conformance.response_headers_conformance, conformance.response_schema_conformance,
]  # fmt: skip
KINDS = ("form", "form", "form", "form", "parts", "json", "text", "broken")


def try_interface(
    client: Client, app: FastAPI, examples: int, seed: int, *, headers: Mapping[str, str] = NOTHING,
    path: Mapping[str, str] = NOTHING, modes: Sequence[GenerationMode] = tuple(GenerationMode),
    conform: bool = False,
) -> Counter[int]:  # fmt: skip
    """Ask what the description of ``app`` allows, and what it does not. ``path``: parameters of paths that
    lead to something; ``conform``: each answer has to be one that the description knows. Returns how often
    each status was the answer.
    """
    schema: Any = schemathesis.openapi.from_dict(app.openapi())
    told: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in modes:
            for fixed in (NOTHING, path) if path and "{" in operation.path else (NOTHING,):
                names = {one for one in fixed if "{" + one + "}" in operation.path}
                strategy = operation.as_strategy(
                    generation_mode=mode,
                    path_parameters={name: fixed[name] for name in names} or None,
                )
                try:
                    ask_all(client, strategy, examples, seed, headers, told, conform=conform)
                except hypothesis.errors.Unsatisfiable:
                    continue  # nothing contradicts the description of this one
    return told


def ask_all(
    client: Client, strategy: Any, examples: int, seed: int, headers: Mapping[str, str], told: Counter[int],
    *, conform: bool = False,
) -> None:  # fmt: skip
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, derandomize=False,
        suppress_health_check=list(hypothesis.HealthCheck), phases=[hypothesis.Phase.generate],
    )  # fmt: skip
    @hypothesis.given(case=strategy)
    def asked(case: Any) -> None:
        made = requests.Request(**case.as_transport_kwargs(base_url=URL, headers=dict(headers))).prepare()
        answer = client.request(made.method, made.url, content=made.body, headers=made.headers)
        told[answer.status_code] += 1
        fault = wrong(answer.status_code, answer.headers, answer.text)
        assert not fault, (fault, case.as_curl_command())
        if conform:
            case.validate_response(answer, checks=CONFORMANCE)

    asked()


def wrong(status: int, headers: Mapping[str, str], text: str) -> str:
    """What must never be answered; "": it is in order."""
    led = headers.get("Location", "/")
    data = headers.get("Content-Type", "").startswith("application/json") and (
        headers.get("X-Content-Type-Options") == "nosniff"
    )
    faults = {
        "a server error": status >= 500 and status not in MEANT,
        "a trace": "Traceback" in text or "site-packages" in text,
        "markup of a stranger": MARK in text and not data,  # in which names are as they were given
        "a template of a stranger": "1779547" in text,
        "a way to another site": not led.startswith("/") or led.startswith(("//", "/\\")),
        "a header of a stranger": "X-Evil" in headers,
        "no policy": "default-src 'none'" not in headers.get("Content-Security-Policy", "default-src 'none'"),
    }
    return next((fault for fault, found in faults.items() if found), "")


class PageFuzzer:
    """Asks pages and sends forms of the inner application, as somebody of a crowd."""

    def __init__(self, crowd: Crowd, seed: int) -> None:
        self.crowd, self.random = crowd, random.Random(seed)
        self.names = sorted(names_in_templates())
        self.routes = sorted(
            (method, one.path)
            for one in routing.iter_route_contexts(crowd.house.app.routes)
            for method in one.methods or ()
            if one.path and not one.path.startswith("/api/")
        )
        self.count = 0

    def ask(self) -> tuple[str, int, str]:
        """One more. Returns what was asked, the status, and what is wrong with the answer."""
        if self.count % 40 == 0:
            self.refresh()
        self.count += 1
        who = self.crowd.people[self.somebody()]
        method, path = self.random.choice(self.routes)
        address = self.address(path)
        more: dict[str, Any] = {"headers": self.headers()}
        if method == "POST":
            more |= self.body(path)
        strangers = path.startswith(("/login", "/join", "/recover")) and path != "/join/accept"
        answer = who.ask(method, address, form_word=strangers and method == "POST", **more)
        if path in ("/logout", "/account/sessions/end", "/login", "/join", "/recover"):
            self.back(who)
        fault = wrong(answer.status_code, answer.headers, answer.text)
        return f"{who.name}: {method} {address} {more}", answer.status_code, fault

    def back(self, who: Person) -> None:
        if not who.kind.scope:
            who.come_in()

    def somebody(self) -> str:
        names = list(self.crowd.people)
        return self.random.choice(names) if self.random.random() < 0.5 else "everything"

    def refresh(self) -> None:
        """Nobody has to wait because of tries, nobody is closed out, and there is a review to decide."""
        with self.crowd.service.database.writing("service", "test") as session:
            session.execute(delete(Attempt))
            open_ones = update(Account).where(Account.id != self.crowd.people["suspended"].account)
            session.execute(open_ones.values(disabled=None))
            open_review = session.get_one(Review, self.crowd.review).state == "open"
        if not open_review:
            self.crowd.review = in_review(self.crowd.house, captured(self.crowd.house))

    def address(self, path: str) -> str:
        """With identifiers of what is there, or of what is not; and a query."""
        crowd, owner = self.crowd, self.crowd.people["owner"].account
        named = {
            "contribution": crowd.contributed[owner], "identifier": crowd.review, "path:path": "poster.webp",
            "zone": crowd.zone, "key": crowd.job, "account": crowd.target, "token": "none",
            "provider": "none", "link": "none", "photo": "0", "draft": "1", **crowd.register,
            "export": crowd.exports[crowd.people["custodian"].account],
        }  # fmt: skip

        def value(match: re.Match[str]) -> str:
            there = self.random.random() < 0.7
            found = named[match[1]] if there else self.value()[:200]
            return quote(found, safe="", errors="replace") or "-"

        query = urlencode([self.pair() for _ in range(self.random.choice((0, 0, 1, 3)))], errors="replace")
        return re.sub(r"\{([^}]+)\}", value, path) + (f"?{query}" if query else "")

    def body(self, path: str) -> dict[str, Any]:
        fields = dict(self.pair() for _ in range(self.random.randrange(12)))
        if self.random.random() < 0.7:
            fields |= self.fitting()
        if path == "/account/leave":
            fields["sure"] = ""  # they are still needed
        kind = self.random.choice(KINDS)
        if kind == "json" or path.endswith(("/options", "/passkey", "/passkeys")):
            told = {**fields, "challenge": self.value(), "credential": self.credential()}
            kind = {"Content-Type": "application/json"}
            return {"content": json.dumps(told), "headers": {**self.headers(), **kind}}
        clean = {name: one.encode(errors="replace").decode() for name, one in fields.items()}
        if kind == "parts":
            return {"files": {name: (None, one) for name, one in clean.items()} or {"a": (None, "b")}}
        if kind == "text":
            return {"content": b"x=1&csrf", "headers": {**self.headers(), "Content-Type": "text/plain"}}
        if kind == "broken":
            types = ("multipart/form-data", "multipart/form-data; boundary=x", "application/json", b"\xff/;;")
            chosen = {"Content-Type": self.random.choice(types)}
            return {"content": self.random.randbytes(60), "headers": {**self.headers(), **chosen}}
        return {"data": clean}

    def fitting(self) -> dict[str, str]:
        """Some fields as our own page would send them."""
        with self.crowd.service.database.reading() as session:
            version = session.get_one(Review, self.crowd.review).version
        told = {
            "decision": "passed", "version": f"{version}", "reason": "looked at", "due": "2030-01-01",
            "precision": "10 km", "role": "contributor", "collection": "main", "grant": self.crowd.grant(),
            "title-en": "Church", "kind": "building", "name": "front", "margin": "500",
            "polygon": "50, 30\n50, 31\n51, 31", "new-password": "kalyna under the old bridge",
            "token-name": "script", "days": "30", "scope": "read:records", "id": "others",
            **{f"check-{one}": "none" for one in ("military", "people", "plates", "place")},
        }  # fmt: skip
        kept = [name for name in told if self.random.random() < 0.8]
        return {name: told[name] for name in kept}

    def credential(self) -> Any:
        parts = {name: self.value() for name in ("id", "rawId", "type")}
        response = {name: self.value() for name in ("clientDataJSON", "attestationObject", "signature")}
        return self.random.choice([None, self.value(), [], {**parts, "response": response}])

    def headers(self) -> dict[str, bytes]:
        odd = {
            "Accept-Language": ("uk", "en;q=x", "*", "ї".encode().decode("latin-1"), "a" * 2000),
            "Accept": ("text/html", "application/json", "*/*", "x"), "Referer": ("//evil", "https://[", "/"),
            "Host": ("evil.example", "a b", "[::", "heritage.example:99999"), "Range": ("bytes=9-1", "x"),
            "X-Forwarded-For": ("::1, x", "999.1.1.1"), "If-None-Match": ("*", '"'),
        }  # fmt: skip
        chosen = [name for name in odd if self.random.random() < 0.1]
        return {name: self.random.choice(odd[name]).encode("latin-1") for name in chosen}

    def pair(self) -> tuple[str, str]:
        name = self.random.choice(self.names) if self.random.random() < 0.9 else self.value()[:50]
        return name.encode(errors="replace").decode(), self.value()

    def value(self) -> str:
        return self.random.choice(VALUES)


def names_in_templates() -> set[str]:
    """Fields of all our forms, and parameters of addresses."""
    templates = Path(oberih.web.__file__).parent / "templates"
    text = "".join(path.read_text() for path in templates.glob("*.j2"))
    found = set(re.findall(r'name="([a-z][a-z-]*)"', text)) | set(re.findall(r'field\("([a-z-]+)"', text))
    more = {
        "after",
        "before",
        "state",
        "q",
        "next",
        "language",
        "collection",
        "recovery",
        "title-uk",
        "check-place",
    }
    return found | more | {"summary-en", "settled", "blur", "add", "scope", "second-factor", "here"}


def try_public_pages(client: Client, count: int, seed: int) -> Counter[int]:
    """Random addresses of the public side."""
    dice, told = random.Random(seed), Counter[int]()
    paths = ("/", "/search", "/records/{}/{}", "/files/{}", "/api/v1/records", "/api/v1/suggest", "/{}/{}",
             "/api/v1/map", "/api/v1/records/{}/{}/near", "/static/{}", "/oai", "/oembed", "/ark:/{}/{}",
             "/ark:{}/{}", "/data/{}/{}/lido.xml", "/data/{}/{}/{}", "/feed.atom", "/sitemaps/{}.xml",
             "/dump/records.jsonl.gz", "/embed/{}/{}")  # fmt: skip
    names = ("q", "after", "sort", "kind", "century", "language", "text", "filter", "cell", "size", "cursor",
             "south", "west", "north", "east", "zoom", "facets", "region", "verb", "metadataPrefix", "from",
             "until", "set", "identifier", "resumptionToken", "url", "maxwidth", "format")  # fmt: skip
    for _ in range(count):
        parts = [quote(dice.choice(VALUES)[:200], safe="", errors="replace") or "-" for _ in range(3)]
        pairs = [(dice.choice(names), dice.choice(VALUES)) for _ in range(dice.randrange(4))]
        address = f"{dice.choice(paths).format(*parts)}?{urlencode(pairs, errors='replace')}"
        answer = client.get(address, headers={"If-None-Match": dice.choice(('"x"', "*", ""))})
        told[answer.status_code] += 1
        fault = wrong(answer.status_code, answer.headers, answer.text)
        assert not fault, (fault, address)
    return told
