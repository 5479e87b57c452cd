"""Coming in by an institution, which really runs; and by one that lies."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from institution import Institution, other_key, running
from oberih.catalogue.access import Action, allowed
from oberih.catalogue.accounts import (
    CannotEnter,
    Gate,
    Opened,
    Present,
    begin_institution,
    close_account,
    fetching,
    finish_institution,
    institutions_of,
    invite,
)
from oberih.catalogue.database import Database
from oberih.errors import InputError, NotInArchive, StoreError
from oberih.settings import ProviderSettings
from people import HOME, admin, events, gate, member, present, time_passes

pytestmark = pytest.mark.usefixtures("quick_hashes")


@pytest.fixture
def museum() -> Iterator[Institution]:
    with running() as house:
        yield house


def door(house: Institution, **settings: Any) -> Gate:
    secret = SecretStr(house.client[1])
    known = ProviderSettings(
        issuer=house.issuer, client_id=house.client[0], client_secret=secret, title="Museum"
    )
    return gate(**{"providers": {"museum": known}, "development": True, **settings})


def come(database: Database, house: Institution, here: Gate | None = None, **more: Any) -> Opened:
    here = here or door(house)
    leaving = begin_institution(database, here, HOME, "museum", **more)
    back = house.visit(leaving.url)
    who = more.get("present")
    return finish_institution(database, here, HOME, "museum", leaving.binding, back, present=who)


def test_somebody_comes_in_and_comes_again(database: Database, museum: Institution) -> None:
    first = come(database, museum)
    here = present(database, first)
    assert (here.name, here.way, here.who.strong) == ("Olha Koval", "institution", True)
    assert allowed(here.who, Action.CONTRIBUTE) and len(first.recovery_codes) == 10
    again = come(database, museum)
    assert again.account == first.account and again.recovery_codes == () and again.token != first.token


def test_a_public_client_and_one_that_posts_its_secret(database: Database, museum: Institution) -> None:
    museum.about["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    opened = come(database, museum)
    museum.client = ("oberih", "")
    public = ProviderSettings(issuer=museum.issuer, client_id="oberih")
    assert come(database, museum, door(museum, providers={"museum": public})).account == opened.account


def test_the_same_person_of_another_institution_is_somebody_else(
    database: Database, museum: Institution
) -> None:
    mail = {"email": "olha@museum.example", "email_verified": True}
    museum.person |= mail
    first = come(database, museum)
    with running() as other:
        other.person |= mail
        second = come(database, other)
    assert second.account != first.account
    assert institutions_of(database, first.account)[0].issuer == museum.issuer


def test_where_one_has_to_be_invited_an_invitation_is_needed(database: Database, museum: Institution) -> None:
    closed = door(museum, registration="invitation")
    with pytest.raises(CannotEnter):
        come(database, museum, closed)
    boss = admin(database)
    link = invite(database, closed, boss.who, "custodian")
    here = present(database, come(database, museum, closed, token=link.token))
    assert (here.name, here.public_name) == ("Olha Koval", "")
    assert allowed(here.who, Action.PUBLISH, "any")
    museum.person["sub"] = "8"
    with pytest.raises(InputError, match="used up"):
        come(database, museum, closed, token=link.token)


def test_nobody_shows_with_the_institution_that_they_are_somebody_else(
    database: Database, museum: Institution
) -> None:
    stranger = present(database, member(database, name="stranger"))
    for known in (False, True):
        if known:
            come(database, museum)
        with pytest.raises(CannotEnter):
            come(database, museum, present=stranger)
        assert institutions_of(database, stranger.who.account) == []


def test_to_show_again_who_one_is(database: Database, museum: Institution) -> None:
    opened = come(database, museum)
    time_passes(database, timedelta(minutes=11))
    here = present(database, opened)
    assert not allowed(here.who, Action.CHANGE_KEYS)
    leaving = begin_institution(database, door(museum), HOME, "museum", present=here)
    asked = parse_qs(urlsplit(leaving.url).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    again = come(database, museum, present=here)
    here = present(database, again)
    assert allowed(here.who, Action.CHANGE_KEYS) and again.token != opened.token
    for wrong in ({"auth_time": int(time.time()) - 3600}, {"auth_time": None}, {"sub": "8"}):
        museum.claims = wrong
        with pytest.raises(CannotEnter):
            come(database, museum, present=here)


def test_a_closed_account_stays_closed(database: Database, museum: Institution) -> None:
    boss, opened = admin(database), come(database, museum)
    close_account(database, boss.who, opened.account)
    with pytest.raises(CannotEnter) as refused:
        come(database, museum)
    assert refused.value.why == "closed"
    assert "institution museum" in {one.note for one in events(database)}


def test_it_works_once_in_the_browser_that_began_it(database: Database, museum: Institution) -> None:
    here = door(museum)
    leaving = begin_institution(database, here, HOME, "museum")
    back = museum.visit(leaving.url)
    other = begin_institution(database, here, HOME, "museum")
    tries: list[tuple[str, dict[str, str]]] = [
        (other.binding, back), (leaving.binding, back), (leaving.binding, {}),
        (leaving.binding, {"state": back["state"], "error": "access_denied"}),
    ]  # fmt: skip
    for binding, query in tries:  # the first try uses it up
        with pytest.raises(CannotEnter):
            finish_institution(database, here, HOME, "museum", binding, query)
    late = begin_institution(database, here, HOME, "museum")
    back = museum.visit(late.url)
    time_passes(database, timedelta(minutes=11))
    with pytest.raises(CannotEnter):
        finish_institution(database, here, HOME, "museum", late.binding, back)
    assert "/token" not in museum.asked


def test_an_answer_of_another_institution_is_refused(database: Database, museum: Institution) -> None:
    here = door(museum)
    here = replace(here, settings=here.settings.model_copy(update={
        "providers": {**here.settings.providers, "other": here.settings.providers["museum"]}
    }))  # fmt: skip
    leaving = begin_institution(database, here, HOME, "museum")
    with pytest.raises(CannotEnter):
        finish_institution(database, here, HOME, "other", leaving.binding, museum.visit(leaving.url))
    leaving = begin_institution(database, here, HOME, "museum")
    back = {**museum.visit(leaving.url), "iss": "https://other.example"}
    with pytest.raises(CannotEnter):
        finish_institution(database, here, HOME, "museum", leaving.binding, back)
    with pytest.raises(NotInArchive):
        begin_institution(database, here, HOME, "unknown")


@pytest.mark.parametrize("claims", [
    {"iss": "https://other.example"}, {"aud": "other"}, {"aud": "other", "azp": "oberih"},
    {"aud": ["oberih", "other"], "azp": "other"},
    {"exp": int(time.time()) - 600}, {"exp": None}, {"iat": None}, {"nonce": "other"}, {"nonce": None},
    {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": "x" * 256}, {"nbf": int(time.time()) + 86_400},
])  # fmt: skip
def test_what_is_not_said_for_us_now_is_not_believed(
    database: Database, museum: Institution, claims: Any
) -> None:
    museum.claims = claims
    with pytest.raises(CannotEnter):
        come(database, museum)


@pytest.mark.parametrize(
    "trick", ["another key", "public key as secret", "no signature", "no token", "no key"]
)
def test_what_is_not_signed_by_them_is_not_believed(
    database: Database, museum: Institution, trick: str
) -> None:
    if trick == "another key":
        museum.key = other_key()
    elif trick == "public key as secret":
        museum.key = "public"
    elif trick == "no signature":
        museum.raw["/token"] = b'{"id_token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiI3In0."}'
    elif trick == "no token":
        museum.raw["/token"] = b'{"access_token": "x"}'
    else:
        museum.raw["/keys"] = b'{"keys": "none"}'
    with pytest.raises(CannotEnter):
        come(database, museum)


def test_only_the_server_that_the_admin_named_is_asked(database: Database, museum: Institution) -> None:
    with running() as inside:
        for name in ("token_endpoint", "jwks_uri"):
            museum.about = {name: f"{inside.issuer}/secret"}
            with pytest.raises(InputError, match="another server"):
                come(database, museum)
        museum.about = {}
        for path in ("/.well-known/openid-configuration", "/token", "/keys"):
            museum.redirect = {path: f"{inside.issuer}/secret"}
            with pytest.raises(StoreError):
                come(database, museum)
        museum.redirect = {}
        for url in (
            "file:///etc/passwd",
            "ftp://127.0.0.1/x",
            "//127.0.0.1/x",
            "http://a:b@127.0.0.1",
            "http://[",
        ):
            museum.about = {"jwks_uri": url}
            with pytest.raises(InputError):
                come(database, museum)
        museum.about = {"authorization_endpoint": "javascript:alert(1)"}
        with pytest.raises(InputError):
            begin_institution(database, door(museum), HOME, "museum")
        assert inside.asked == []


def test_without_encryption_only_in_development(database: Database, museum: Institution) -> None:
    with pytest.raises(InputError, match="not asked"):
        come(database, museum, door(museum, development=False))
    assert museum.asked == []


@pytest.mark.parametrize("answer", [
    b"", b"[]", b"no json", b'{"issuer": "https://other.example"}', b"\xff\xfe", b"[" * 100_000,
    b'{"x": "' + b"x" * (1 << 20) + b'"}',
], ids=range(7))  # fmt: skip
def test_a_server_that_answers_nonsense_is_not_usable(
    database: Database, museum: Institution, answer: bytes
) -> None:
    museum.raw["/.well-known/openid-configuration"] = answer
    with pytest.raises(StoreError):
        come(database, museum)


def test_a_server_that_is_away_or_takes_for_ever(
    database: Database, museum: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Institution("http://127.0.0.1:9")
    with pytest.raises(StoreError):
        come(database, gone, door(gone))
    monkeypatch.setattr(fetching, "WHOLE_S", 0.5)
    museum.drip_s = 0.05
    begun = time.monotonic()
    with pytest.raises(StoreError):
        come(database, museum)
    assert time.monotonic() - begun < 5


def test_two_who_are_added_at_once(database: Database, museum: Institution) -> None:
    here: Present = present(database, member(database, name="olha"))
    leaving = begin_institution(database, door(museum), HOME, "museum", present=here)
    back = museum.visit(leaving.url)
    with pytest.raises(CannotEnter):  # by somebody else, or by nobody
        finish_institution(database, door(museum), HOME, "museum", leaving.binding, back, present=None)
