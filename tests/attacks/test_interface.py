"""Attacks on the interface: case 16 (what differs betrays), 17 (errors and odd addresses), 18 (roles)."""

import re
import statistics
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, update

from attacks.bisection import DATA, SAID_WHEN
from attacks.canaries import LATITUDE, LONGITUDE, WORD
from attacks.people import Online
from attacks.town import Town
from oberih.catalogue.access import Action, allowed
from oberih.catalogue.accounts import who_again
from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.database import now
from oberih.catalogue.tables import Capture, Review
from web.office import captured, in_review, tail

pytestmark = pytest.mark.xdist_group("attacks")
API = "/api/v1"
NEVER = "99999/b1zzzzzzzzzzzzzz"  # an identifier that nobody ever minted
SEALED = (f"{LATITUDE:.4f}", f"{LONGITUDE:.4f}", "49.84", WORD)


@pytest.fixture(scope="module")
def review(town: Town) -> str:
    """A review that is open: nothing of it is public."""
    return in_review(town, captured(town, title=f"Sealed {WORD}"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sealed(town: Town, review: str) -> str:
    """The subject of it, as an address has it."""
    return str(town.found(Review, review).subject).removeprefix("ark:/")


def told(answer: httpx.Response, *names: str) -> tuple[int, dict[str, str], str]:
    """An answer without what was asked for, the time, and the word of a form."""
    body = answer.text
    for name in names:
        body = body.replace(name, "...")
    headers = {key: value for key, value in answer.headers.items() if key not in ("date", "content-length")}
    return answer.status_code, headers, re.sub(r'(name="csrf" (?:value|content)=)"[^"]+"', r"\1", body)


@pytest.mark.parametrize(
    "path",
    ["/records/{}", "/records/{}?language=uk", f"{API}/records/{{}}", f"{API}/records/{{}}/near",
     "/ark:/{}", "/ark:{}", "/embed/{}", "/oembed?url=https://heritage.example/records/{}",
     *(f"/data/{{}}/{form}" for form in DATA)],
)  # fmt: skip
def test_case_16_what_is_sealed_is_as_unknown_as_what_is_not_there(
    town: Town, sealed: str, path: str
) -> None:
    there, never = (town.ask(path.format(name)) for name in (sealed, NEVER))
    assert told(there, sealed) == told(never, NEVER) and there.status_code == 404


@pytest.mark.parametrize("ask", ["GetRecord&metadataPrefix=oai_dc", "ListMetadataFormats"])
def test_case_16_harvesters_do_not_know_of_it_either(town: Town, sealed: str, ask: str) -> None:
    there, never = (town.ask(f"/oai?verb={ask}&identifier=ark:/{name}") for name in (sealed, NEVER))
    said = SAID_WHEN.sub(b"", there.content).replace(sealed.encode(), b"...")
    assert said == SAID_WHEN.sub(b"", never.content).replace(NEVER.encode(), b"...")
    assert b"idDoesNotExist" in said
    assert sealed.encode() not in town.ask("/oai?verb=ListIdentifiers&metadataPrefix=oai_dc").content


def test_case_16_files_of_drafts_are_not_there_for_everybody(town: Town, sealed: str, review: str) -> None:
    names = sealed.replace("/", "-"), NEVER.replace("/", "-")
    for path in ("/files/{}/v1/poster.webp", "/files/{}", "/files/{}/v1/model.glb"):
        there, never = (town.ask(path.format(name)) for name in names)
        assert told(there, names[0]) == told(never, names[1]) and there.status_code == 404
    assert town.ask(f"/files/{review}/1/poster.webp").status_code == 404


def test_case_16_it_takes_as_long(town: Town, sealed: str) -> None:
    with httpx.Client(base_url=town.served.url) as client:

        def took(name: str) -> float:
            before = time.perf_counter()
            client.get(f"{API}/records/{name}")
            return time.perf_counter() - before

        times = [(took(sealed), took(NEVER)) for _ in range(30)]
    there, never = (statistics.median(column) for column in zip(*times, strict=True))
    assert 0.5 < there / never < 2


def test_case_16_staff_pages_say_the_same_of_what_is_there_and_what_is_not(
    town: Town, review: str, sealed: str
) -> None:
    none = "0" * len(review)
    other = town.person("Of another collection", role="custodian", collection="other")
    for who, status in ((town.contributor, 403), (other, 404)):
        for path in ("/review/{}", "/review/{}/files/poster.webp", "/review/{}/files/model.glb"):
            there, never = (who.client.get(path.format(name)) for name in (review, none))
            assert told(there, review) == told(never, none) and there.status_code == status, path
    names = [name.replace("/", "-") for name in (sealed, NEVER)]
    there, never = (other.client.get(f"/review/{name}") for name in names)
    assert told(there, names[0]) == told(never, names[1])


def test_case_16_contributions_of_others_are_not_there(town: Town) -> None:
    stranger, theirs, none = town.person("A stranger"), town.contributions["wall"], "f" * 32
    ends = ("", "/progress", "/receipt")
    for path in (*(f"/contributions/{{}}{end}" for end in ends), f"{API}/contributions/{{}}"):
        there, never = (stranger.client.get(path.format(name)) for name in (theirs, none))
        assert told(there, theirs) == told(never, none) and there.status_code == 404, path


def test_case_16_endpoints_agree_and_caches_hold_nothing_of_anybody(town: Town) -> None:
    found = {one["id"]: one for one in town.ask(f"{API}/records").json()["records"]}
    for ark in town.records.values():
        path = f"{API}/records/{ark.removeprefix('ark:/')}"
        one = town.ask(path)
        assert one.json() == found[ark]
        again = town.ask(path, headers={"If-None-Match": one.headers["etag"]})
        assert again.status_code == 304 and not again.content
    page = f"/records/{town.records['wall'].removeprefix('ark:/')}"
    plain = town.ask(page, headers={"Accept-Language": "en"})
    assert told(town.custodian.client.get(page)) == told(plain)  # who asks makes no difference
    assert "set-cookie" not in plain.headers
    for path in ("/review", "/contributions", "/account", "/people", "/audit"):
        assert town.custodian.client.get(path).headers["cache-control"] == "no-store", path


ODD = (
    "/records/%00/%00", "/records/..%2f..%2fprivate/x", f"{API}/records/99999/%F0%9F%97%BA", "/.git/config",
    "/files/..%2fpublic.sqlite", "/files//etc/passwd", "/public.sqlite", "/private/catalogue.sqlite",
    f"{API}/records?cursor=AAAA", f"{API}/records?cell=8ffffffffffffff", f"{API}/records?size=-1",
    f"{API}/map?south=nan&west=0&north=1&east=1", f"{API}/map?south=1e400&west=0&north=1&east=1",
    f"{API}/records?filter=place:51", f"{API}/records?filter=latitude:51&sort=distance", f"{API}/feed",
    f"{API}/suggest?text=%00", "/oai?verb=ListRecords", "/sitemap.xml", "/files/public.sqlite",
)  # fmt: skip


@pytest.mark.parametrize("path", ODD)
def test_case_17_errors_say_nothing_of_the_inside(town: Town, path: str) -> None:
    answer = town.ask(path)
    assert answer.status_code in (200, 400, 404, 405, 422)
    said = answer.text.replace(path, "").replace("sqlite", "", "sqlite" in path)
    for word in ("Traceback", "sqlite3", str(town.folder), 'File "', *SEALED):
        assert word not in said


# -- case 18 ---


def sealed_seen(who: Online, town: Town, review: str) -> list[str]:
    """Addresses that tell somebody what is sealed."""
    capture = town.row(Capture, Capture.contribution == town.contributions["wall"])
    theirs = f"contributions/{town.contributions['wall']}"
    paths = (
        f"/review/{review}", f"/review/{review}/files/poster.webp", f"/review/{tail(town.records['wall'])}",
        f"/review/{tail(capture.id)}", "/review", f"/{theirs}", f"/{theirs}/receipt", f"{API}/{theirs}",
        "/audit", "/people", "/jobs", "/zones", "/account/data", "/contributions",
    )  # fmt: skip
    answers = [(path, who.client.get(path)) for path in paths]
    return [
        path for path, answer in answers
        if answer.status_code == 200 and any(word in answer.text for word in SEALED)
    ]  # fmt: skip


@pytest.mark.parametrize("role", ["", "contributor", "coordinator", "partner", "admin"])
def test_case_18_no_other_role_sees_what_is_sealed(town: Town, review: str, role: str) -> None:
    assert f"/review/{review}" in sealed_seen(town.custodian, town, review)  # there is something to see
    who = town.person(f"Some {role or 'body'}", role=role)
    assert sealed_seen(who, town, review) == []


def test_case_18_a_custodian_of_another_collection_sees_nothing_of_this_one(town: Town, review: str) -> None:
    assert sealed_seen(town.person("Elsewhere", role="custodian", collection="other"), town, review) == []


@pytest.mark.parametrize("how", ["taken", "ended", "account closed"])
def test_case_18_access_that_is_revoked_ends_with_the_next_request(town: Town, review: str, how: str) -> None:
    who = town.person(f"Revoked {how}", role="custodian")
    page = f"/review/{review}"
    assert who.client.get(page).status_code == 200 and may_see(town, asked_by(who))
    with town.service.database.writing("service", "revoke") as session:
        if how == "taken":
            session.execute(delete(Grant).where(Grant.account == who.name))
        elif how == "ended":
            ended = now() - timedelta(seconds=1)
            session.execute(update(Grant).where(Grant.account == who.name).values(until=ended))
        else:
            session.get_one(Account, who.name).disabled = now()
    assert who.client.get(page).status_code in (303, 401, 403)
    assert sealed_seen(who, town, review) == []
    assert not may_see(town, asked_by(who))


def asked_by(who: Online) -> dict[str, Any]:
    """What is kept beside work that is done for somebody later (`Who.asked`)."""
    return {"account": who.name, "strong": True, "scopes": None, "token": None}


def may_see(town: Town, asked: dict[str, Any]) -> bool:
    """Whether work that is done later for somebody may see what is sealed."""
    who = who_again(town.service.database, asked)
    wanted = (Action.SEE_PLACE, Action.EXPORT)
    return any(allowed(who, action, "first") for action in wanted)


def test_case_18_work_is_done_with_the_rights_of_who_asked(town: Town) -> None:
    """Whatever a worker is allowed: it asks again, for the person, by what they asked with."""
    asked = asked_by(town.custodian)
    assert may_see(town, asked)
    assert not may_see(town, asked_by(town.contributor))
    assert not may_see(town, {**asked, "strong": False})  # a custodian with a password alone
    assert not may_see(town, {**asked, "scopes": ["read:jobs"]})
    assert not may_see(town, {**asked, "scopes": ["read:places"], "token": "gone"})
    assert not may_see(town, {**asked, "account": "nobody"})
