"""Where people are led who lack something, what becomes of a session, and how much one may try."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select

import oberih
from oberih.catalogue.access import EVERYWHERE, OPERATOR, NotAllowed
from oberih.catalogue.accounts import SHORTEST, invite
from oberih.catalogue.accounts.keys import network_of
from oberih.catalogue.accounts.tables import Grant
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Capture
from oberih.errors import InputError
from oberih.web.inside.throttle import Throttle, TooFast
from oberih.work.flow import received
from security.crowd import Crowd
from web.office import OTHER, captured, house_at
from web.visitors import PASSWORD, URL, Forms, House, Visitor
from work.site import DETAILS, brought, photo

PROXY = "10.9.9.9"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("coming-in") / "data"
    made = house_at(folder, trusted_proxies=[PROXY], asked_per_minute=4)
    yield made
    made.close()


@pytest.fixture
def visitor(house: House) -> Visitor:
    """Somebody who joined with a password, and is at their account."""
    made = house.visitor()
    made.join("Мальва")
    made.name = made.login
    made.go("/account")
    return made


def invited(house: House, role: str) -> str:
    gate = house.app.state.desk.gate
    return f"/join/{invite(house.service.database, gate, OPERATOR, role, FIRST).token}"


def roles(house: House, visitor: Visitor) -> set[tuple[str, str]]:
    from oberih.catalogue.accounts import who_is

    now = who_is(house.service.database, visitor.session)
    assert now is not None
    with house.service.database.reading() as session:
        rows = session.scalars(select(Grant).where(Grant.account == now.who.account)).all()
    return {(one.role, one.collection) for one in rows}


# -- where one is led ---


def test_the_login_leads_back_with_the_whole_address(house: House, visitor: Visitor) -> None:
    stranger = house.visitor()
    address = "/contributions?language=en&q=%D1%97%20%26"
    answer = stranger.client.get(address)
    assert answer.headers["Location"] == f"/login?next={quote(address, safe='/')}"
    stranger.go(address)
    assert stranger.send("/login", name=visitor.name, password=PASSWORD).headers["Location"] == address


def test_staff_with_one_factor_are_led_to_a_second_one(house: House) -> None:
    visitor = house.visitor()
    visitor.join("Ярина", path=invited(house, "custodian"))
    assert visitor.client.get("/review").headers["Location"] == "/account?second-factor=yes"
    assert "A password alone is not enough there." in visitor.go("/review").text
    answer = visitor.with_passkey("/account/passkeys", "create")
    assert answer.status_code == 200, answer.text
    assert visitor.go("/review").status_code == 200 and str(visitor.page.url.path) == "/review"


def test_who_has_a_second_factor_is_led_to_show_it(house: House) -> None:
    visitor = house.visitor()
    visitor.join("Соломія", path=invited(house, "custodian"))
    name = visitor.login
    visitor.go("/account")
    visitor.with_passkey("/account/passkeys", "create")
    visitor.go("/account")
    visitor.send("/logout")
    visitor.log_in(name)
    answer = visitor.client.get("/review?state=passed")
    assert answer.headers["Location"] == "/confirm?next=/review%3Fstate%3Dpassed&second-factor=yes"
    assert "Use your passkey" in visitor.go("/review?state=passed").text
    shown = visitor.with_passkey("/confirm/passkey", "get")
    assert shown.json() == {"next": "/review?state=passed"}
    assert visitor.go("/review?state=passed").status_code == 200


def test_a_script_is_told_of_the_second_factor(house: House) -> None:
    visitor = house.visitor()
    visitor.join("Христина", path=invited(house, "custodian"))
    answer = visitor.client.get("/api/v1/contributions", headers={"Accept": "*/*"})
    assert answer.status_code == 403 and answer.json()["next"] == "/account?second-factor=yes"


def test_an_invitation_is_taken_up_by_who_is_logged_in(house: House, visitor: Visitor) -> None:
    before, link = visitor.session, invited(house, "coordinator")
    assert "You are logged in as Мальва." in visitor.go(link).text
    assert 'name="password"' not in visitor.text
    assert visitor.send("/join/accept").headers["Location"] == "/account"
    assert ("coordinator", FIRST) in roles(house, visitor) and ("contributor", EVERYWHERE) in roles(
        house, visitor
    )
    assert visitor.session != before  # a new token with new rights
    visitor.client.cookies.delete("__Host-session")
    visitor.client.cookies.set("__Host-session", before, domain="heritage.example")
    assert visitor.client.get("/account").status_code == 303
    assert visitor.go(link).status_code == 422  # it worked once


def test_a_link_to_recover_is_not_for_who_is_logged_in_as_somebody(house: House, visitor: Visitor) -> None:
    assert visitor.go("/join").status_code == 200
    assert "You have an account already" in visitor.text
    visitor.page = visitor.client.get("/account")
    word = Forms(visitor.text).csrf
    for token in ("", "none"):
        answer = visitor.client.post(
            "/join/accept", data={"token": token, "csrf": word}, headers={"Origin": URL}
        )
        assert answer.status_code == 422


def test_how_long_a_password_is_says_whoever_checks_it(house: House, visitor: Visitor) -> None:
    stranger = house.visitor()
    for page, field in ((stranger.go("/join").text, "password"), (visitor.text, "new-password")):
        (tag,) = re.findall(rf'<input type="password" id="{field}"[^>]*>', page)
        assert f'minlength="{SHORTEST}"' in tag
        assert f"At least {SHORTEST} characters" in page
    stranger.go("/join")
    words = "жук і рись"  # not one letter more than it takes
    assert len(words) == SHORTEST
    assert stranger.send("/join", name="Рись", password=words).status_code == 303, stranger.text
    stranger = house.visitor()
    stranger.go("/join")
    assert stranger.send("/join", name="Рись", password=words[:-1]).status_code == 422


# -- sessions ---


def test_the_token_is_new_at_login_and_at_each_growth_and_dead_after(house: House, visitor: Visitor) -> None:
    tokens = [visitor.session]
    visitor.go("/confirm")
    visitor.send("/confirm", password=PASSWORD)
    tokens.append(visitor.session)
    visitor.go("/account")
    visitor.with_passkey("/account/passkeys", "create")
    tokens.append(visitor.session)
    visitor.go("/account")
    visitor.send("/logout")
    visitor.log_in(visitor.name)
    tokens.append(visitor.session)
    assert len(set(tokens)) == 4
    for old in tokens[:-1]:
        thief = house.visitor()
        thief.client.cookies.set("__Host-session", old, domain="heritage.example")
        assert thief.client.get("/account").status_code == 303
    assert visitor.client.get("/account").status_code == 200


def test_the_cookie_of_plain_http_is_not_looked_at(house: House, visitor: Visitor) -> None:
    thief = house.visitor()
    thief.client.cookies.set("session", visitor.session, domain="heritage.example")
    assert thief.client.get("/account").status_code == 303


# -- how much one may try ---


@pytest.mark.parametrize("form", ["/login", "/recover"])
def test_guesses_are_slowed_down_with_the_time_to_wait(house: House, form: str) -> None:
    visitor = house.visitor()
    answers = []
    for _ in range(7):
        visitor.go(form)
        answers.append(visitor.send(form, name=f"none{form}", password="wrong", recovery="wrong"))
    assert [one.status_code for one in answers][::6] == [403, 429]


def test_no_header_of_the_visitor_s_own_is_believed_of_where_they_are(house: House) -> None:
    desk = house.app.state.desk

    def address(direct: str, *lines: str) -> str:
        from fastapi import Request

        headers = [(b"x-forwarded-for", one.encode()) for one in lines]
        return str(desk.address(Request({"type": "http", "headers": headers, "client": (direct, 1)})))

    assert address("192.0.2.1", "198.51.100.7") == "192.0.2.1"  # nobody's proxy
    assert address(PROXY, "198.51.100.7") == "198.51.100.7"
    assert address(PROXY, "198.51.100.7, 192.0.2.1") == "192.0.2.1"  # what the visitor wrote is before
    assert address(PROXY, "198.51.100.7", "192.0.2.1") == "192.0.2.1"  # also in a line of its own
    assert address(PROXY, "192.0.2.1", "nonsense") == PROXY
    assert network_of("2001:db8::1") == network_of("2001:db8::2")


def test_many_who_register_from_one_network_have_to_wait(house: House) -> None:
    visitor = house.visitor()
    visitor.go("/join")
    statuses = [visitor.script("/join/passkey/options", {"name": "xenia"}).status_code for _ in range(103)]
    assert statuses[0] == 200 and statuses[-1] == 429


@pytest.mark.parametrize("name", ["x", "olena!", "-olena"])
def test_a_name_to_log_in_with_is_refused_before_there_is_a_passkey(house: House, name: str) -> None:
    visitor = house.visitor()
    visitor.go("/join")
    answer = visitor.script("/join/passkey/options", {"name": name})
    assert answer.status_code == 422 and "name to log in" in answer.json()["message"]


def test_one_network_cannot_ask_the_public_side_for_ever(house: House) -> None:
    greedy, other = house.visitor(), house.visitor()
    answers = [greedy.client.get("/api/v1/records", headers={"Accept": "*/*"}) for _ in range(3)]
    assert answers[0].status_code == 503  # nobody is there in this test: what counts is that it was asked
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1 and "short time" in answers[-1].json()["message"]
    assert other.client.get("/search").status_code == 503
    assert greedy.client.get("/files/x").status_code == 503 and greedy.go("/login").status_code == 200


def test_one_account_cannot_begin_contributions_for_ever(house: House, visitor: Visitor) -> None:
    offered = {"files": [], "key": "one", "details": DETAILS}
    wrong = {**offered, "details": {**DETAILS, "licence": "none"}}
    assert visitor.script("/api/v1/contributions", wrong).status_code == 422  # before a byte is sent
    told = [0]
    while told[-1] != 429 and len(told) < 500:  # slowly asked, some more than 100 are let through
        told.append(visitor.script("/api/v1/contributions", offered).status_code)
    assert set(told[1:-1]) == {201} and told[-1] == 429
    assert visitor.client.get("/api/v1/contributions").status_code == 200


def test_a_bucket_fills_up_again_and_none_is_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    throttle = Throttle(2.0, 3, clock=lambda: now[0])
    for _ in range(3):
        throttle.take("a")
    with pytest.raises(TooFast) as refused:
        throttle.take("a")
    assert refused.value.wait_s == 1
    throttle.take("b")
    now[0] = 0.5
    throttle.take("a")
    with pytest.raises(TooFast):
        throttle.take("a")
    monkeypatch.setattr("oberih.web.inside.throttle.MOST", 2)
    throttle.take("c")
    assert list(throttle.left) == ["a", "c"]
    for _ in range(1000):
        Throttle(0, 0).take("a")


# -- what the service itself asks ---


def test_few_modules_open_connections() -> None:
    """Each of them knows where to: the public process's socket, an institution of the settings, a store."""
    source = Path(oberih.__file__).parent
    clients = {"httpx", "requests", "urllib.request", "urllib3", "http.client", "aiohttp"}
    found = set()
    for path in source.rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if any(one in text for one in clients) else ():
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if clients & set(names):
                found.add(str(path.relative_to(source)))
    assert found <= {
        "web/inside/front.py", "catalogue/accounts/fetching.py", "archive/stores/s3.py",
        "work/sending/line.py",  # what a partner runs, to send to the service that they named
    }  # fmt: skip


def test_of_the_crowd_nobody_gets_more_than_their_own_page(crowd: Crowd) -> None:
    for name, who in crowd.people.items():
        if who.session and not who.kind.disabled:
            assert name in who.ask("GET", "/account").text


def test_who_contributes_to_one_collection_contributes_to_no_other(crowd: Crowd) -> None:
    who, service = crowd.people["contributor"], crowd.service
    files = [photo(crowd.folder / "one.jpg", 1)]

    def kept(account: str, **details: str) -> str:
        capture = received(service, brought(service, files, account=account, **details))
        with service.database.reading() as session:
            return session.get_one(Capture, capture).collection

    assert kept(who.account) == kept(who.account, collection=FIRST) == FIRST
    other = captured(crowd.house, OTHER)
    with service.database.reading() as session:
        theirs = session.get_one(Capture, other).subject or ""
    with pytest.raises(NotAllowed):
        received(service, brought(service, files, account=who.account, collection=OTHER))
    with pytest.raises(InputError, match="not known here"):  # nor is it told that there is such a thing
        received(service, brought(service, files, account=who.account, subject=theirs))
    there = crowd.people["coordinator there"].account
    assert kept(there) == OTHER  # where they may, if they do not say where
    with pytest.raises(NotAllowed):
        received(service, brought(service, files, account=there, collection=FIRST))
