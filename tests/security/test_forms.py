"""Nothing that changes something can be sent by another site, at no route that the application has."""

import pytest

from oberih.catalogue.accounts.sessions import csrf_of
from security.crowd import Crowd, Person
from security.test_matrix import STRANGERS, ask, routes, table
from web.visitors import URL

SAFE = ("GET", "HEAD", "OPTIONS")
ASKING = "POST /oai"  # of harvesters, who have no page of ours: it changes nothing
CHANGING = [one for one in table() if one.partition(" ")[0] not in SAFE and one != ASKING]
FROM_ELSEWHERE = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "a sister": {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.heritage.example"},
    "an old browser": {"Origin": "https://evil.example"},
    "another port": {"Origin": f"{URL}:8443"},
    "without encryption": {"Origin": URL.replace("https", "http")},
    "nowhere": {"Origin": "null"},
}


@pytest.fixture
def powerful(crowd: Crowd) -> Person:
    """Somebody who may do all of it, in the browser."""
    return crowd.people["everything"]


def refused(crowd: Crowd, who: Person, route: str, headers: dict[str, str]) -> bool:
    method, path = route.split(" ")
    answer = ask(crowd, who, method, path, headers)
    return answer.status_code == 403 and "This page is too old" in answer.text


def test_all_that_changes_something_is_tried(crowd: Crowd) -> None:
    assert {one for one in routes(crowd) if one.partition(" ")[0] not in SAFE} == {ASKING, *CHANGING}


@pytest.mark.parametrize("route", CHANGING)
def test_what_another_site_sends_is_refused(crowd: Crowd, powerful: Person, route: str) -> None:
    for where, headers in FROM_ELSEWHERE.items():
        assert refused(crowd, powerful, route, {"Sec-Fetch-Site": "", **headers}), where


@pytest.mark.parametrize("route", CHANGING)
def test_what_has_not_the_word_of_our_page_is_refused(crowd: Crowd, powerful: Person, route: str) -> None:
    words = ("", "0" * 64, csrf_of(crowd.people["plain"].session))
    if route.partition(" ")[2] in STRANGERS:  # a word that belongs to another browser
        words = ("", "0" * 64, crowd.house.app.state.desk.gate.key.mark("form", "another"))
    for word in words:
        assert refused(crowd, powerful, route, {"X-CSRF-Token": word}), word


def test_nothing_of_that_was_done(crowd: Crowd, powerful: Person) -> None:
    assert powerful.ask("GET", "/account").status_code == 200
    assert crowd.people["plain"].ask("GET", "/account").status_code == 200
