"""Coming in with a name and a password: what is right, what is refused, and how little a refusal tells."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from oberih.catalogue.access import Action, NotAllowed, Why, allowed
from oberih.catalogue.accounts import (
    CannotEnter,
    Profile,
    TooManyTries,
    Visit,
    begin_join,
    change_password,
    close_account,
    confirm,
    csrf_is_right,
    join_with_passkey,
    join_with_password,
    log_in,
    new_recovery_codes,
    recovery_codes_left,
    who_is,
)
from oberih.catalogue.accounts.limits import count_try
from oberih.catalogue.accounts.login import buckets_of
from oberih.catalogue.accounts.names import skeleton
from oberih.catalogue.accounts.tables import Account, Attempt, RecoveryCode, SecurityEvent
from oberih.catalogue.database import Database
from oberih.errors import InputError
from passkey import Device
from people import (
    GATE,
    HOME,
    PASSWORD,
    admin,
    app_code,
    collections,
    events,
    gate,
    member,
    present,
    time_passes,
    with_app,
)

pytestmark = pytest.mark.usefixtures("quick_hashes")
ELSEWHERE = Visit("198.51.100.20", "somebody else's")


def refusal(database: Database, visit: Visit, *args: str, **more: str) -> CannotEnter:
    with pytest.raises(CannotEnter) as refused:
        log_in(database, GATE, visit, *args, **more)
    return refused.value


def test_who_joined_comes_in_again(database: Database) -> None:
    joined = join_with_password(database, GATE, HOME, PASSWORD, profile=Profile("Olha Koval", login="olha"))
    assert joined.login.startswith("olha-") and len(joined.recovery_codes) == 10
    again = log_in(database, GATE, ELSEWHERE, joined.login.upper(), PASSWORD)
    here = present(database, again)
    assert (here.name, here.way, here.who.account) == ("Olha Koval", "password", joined.account)
    assert again.token != joined.token and csrf_is_right(again.token, here.csrf)
    assert allowed(here.who, Action.CONTRIBUTE, "any") and not allowed(here.who, Action.REVIEW, "any")


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(database: Database) -> None:
    known = member(database, name="olha")
    answers = {
        str(refusal(database, HOME, name, password))
        for name, password in (
            (known.login, "wrong"),
            ("nobody", "wrong"),
            (known.login, ""),
            ("", ""),
            ("\0", "x"),
            ("\ud800", "x"),
        )
    }
    assert len(answers) == 1
    answers = {str(refusal(database, HOME, name, recovery="1111-1111")) for name in (known.login, "nobody")}
    assert len(answers) == 1


def test_nobody_learns_by_joining_which_names_are_taken(database: Database) -> None:
    first, second = (
        join_with_password(database, GATE, HOME, PASSWORD, profile=Profile("Olha")) for _ in range(2)
    )
    assert first.login != second.login
    assert all(one.login[:5] == "Olha-" and one.login[5:].isdigit() for one in (first, second))


def test_who_is_invited_gets_the_name_of_their_wish_once(database: Database) -> None:
    assert member(database, name="olha").login == "olha"
    for alike in ("Olha", "оlhа", "ｏlha", "ol.ha"):
        with pytest.raises(InputError, match=r"Somebody has this name|several alphabets"):
            member(database, name=alike)


def test_guessing_is_slowed_down_and_the_owner_comes_in_all_the_same(database: Database) -> None:
    opened = member(database, name="olha")
    for _ in range(5):
        refusal(database, ELSEWHERE, "olha", "guess")
    with pytest.raises(TooManyTries) as slowed:
        log_in(database, GATE, ELSEWHERE, "olha", PASSWORD)  # even the right one: it is not looked at
    assert 0 < slowed.value.wait_s <= 2
    assert log_in(database, GATE, HOME, "olha", PASSWORD)  # from another network
    at_home = Visit(ELSEWHERE.address, "hers", opened.device)
    assert log_in(database, GATE, at_home, "olha", PASSWORD)  # from the same, with her own browser
    time_passes(database, timedelta(seconds=3))
    refusal(database, ELSEWHERE, "olha", "guess")
    with pytest.raises(TooManyTries) as slowed:
        log_in(database, GATE, ELSEWHERE, "olha", "guess")
    assert 2 < slowed.value.wait_s <= 4


def test_guessing_from_everywhere_at_once_ends_too(database: Database) -> None:
    opened = member(database, name="olha")
    with database.writing("test", "guess") as session:
        for number in range(100):
            network = Visit(f"2001:db8:{number:x}::1")
            assert count_try(session, GATE.key, buckets_of(session, network, "olha", None)) == 0
    with pytest.raises(TooManyTries) as slowed:
        log_in(database, GATE, Visit("2001:db8:ffff::1"), "olha", PASSWORD)
    assert 50 < slowed.value.wait_s <= 60
    assert log_in(database, GATE, Visit("2001:db8:ffff::1", device=opened.device), "olha", PASSWORD)


def test_somebody_else_s_browser_is_no_help(database: Database) -> None:
    member(database, name="olha")
    stranger = member(database, name="stranger")
    for _ in range(5):
        refusal(database, ELSEWHERE, "olha", "guess")
    with pytest.raises(TooManyTries):
        log_in(database, GATE, Visit(ELSEWHERE.address, device=stranger.device), "olha", PASSWORD)


def test_names_that_nobody_has_are_slowed_down_alike(database: Database) -> None:
    for _ in range(5):
        refusal(database, ELSEWHERE, "nobody", "guess")
    with pytest.raises(TooManyTries):
        log_in(database, GATE, ELSEWHERE, "nobody", "guess")


def test_no_name_and_no_address_is_kept_of_those_who_try(database: Database) -> None:
    member(database, name="olha")
    refusal(database, ELSEWHERE, "olha", "guess")
    refusal(database, ELSEWHERE, "typed my password here", "guess")
    with database.reading() as session:
        kept = [(one.bucket,) for one in session.scalars(select(Attempt))]
        kept += [
            (one.what, one.account, one.address, one.note) for one in session.scalars(select(SecurityEvent))
        ]
    text = repr(kept)
    assert len(kept) >= 8 and "refused" in text
    assert not [word for word in ("198.51", "olha", "typed", "guess") if word in text]


def test_who_set_up_an_app_needs_its_code(database: Database) -> None:
    opened, secret = with_app(database, member(database, name="olha"))
    assert refusal(database, HOME, "olha", PASSWORD).why == "code"
    assert refusal(database, HOME, "olha", PASSWORD, code="000000").why == "code"
    assert refusal(database, HOME, "olha", "wrong", code=app_code(secret, 1)).why == "wrong"
    here = present(database, log_in(database, GATE, HOME, "olha", PASSWORD, code=app_code(secret, 1)))
    assert here.who.strong and here.who.account == opened.account


def test_staff_with_a_password_alone_have_no_rights_of_staff(database: Database) -> None:
    collections(database, "chernihiv")
    opened = member(database, "custodian", "chernihiv", name="kateryna")
    here = present(database, log_in(database, GATE, HOME, "kateryna", PASSWORD))
    assert not here.who.strong and not allowed(here.who, Action.PUBLISH, "chernihiv")
    _, secret = with_app(database, opened)
    here = present(database, log_in(database, GATE, HOME, "kateryna", PASSWORD, code=app_code(secret, 1)))
    assert allowed(here.who, Action.PUBLISH, "chernihiv")
    assert not allowed(here.who, Action.PUBLISH, "elsewhere")


def test_a_recovery_code_stands_in_for_a_forgotten_password_once(database: Database) -> None:
    opened = member(database, name="olha")
    code = opened.recovery_codes[3]
    here = present(database, log_in(database, GATE, HOME, "olha", recovery=code.upper().replace("-", " ")))
    assert (here.way, here.who.strong) == ("recovery", False)
    assert recovery_codes_left(database, opened.account) == 9
    assert refusal(database, HOME, "olha", "wrong", recovery=opened.recovery_codes[0]).why == "no way back"
    assert recovery_codes_left(database, opened.account) == 9  # not used up
    assert refusal(database, HOME, "olha", recovery=code).why == "no way back"
    changed = change_password(database, GATE, HOME, here, "another tractor sings")
    assert present(database, changed) and who_is(database, opened.token) is None
    assert refusal(database, HOME, "olha", PASSWORD).why == "wrong"
    assert log_in(database, GATE, HOME, "olha", "another tractor sings")


def test_a_recovery_code_stands_in_for_a_lost_phone_never_for_both(database: Database) -> None:
    opened, secret = with_app(database, member(database, name="olha"))
    codes = new_recovery_codes(database, present(database, opened))
    assert refusal(database, HOME, "olha", recovery=codes[0]).why == "more"
    assert present(database, log_in(database, GATE, HOME, "olha", PASSWORD, recovery=codes[0])).who.strong
    assert present(
        database, log_in(database, GATE, HOME, "olha", code=app_code(secret, 1), recovery=codes[1])
    ).who.strong
    assert recovery_codes_left(database, opened.account) == 8


def test_staff_do_not_come_in_by_a_recovery_code_alone(database: Database) -> None:
    opened = member(database, "custodian", name="kateryna")
    assert refusal(database, HOME, "kateryna", recovery=opened.recovery_codes[0]).why == "more"
    assert log_in(database, GATE, HOME, "kateryna", PASSWORD, recovery=opened.recovery_codes[0])


def test_somebody_else_s_recovery_code_opens_nothing(database: Database) -> None:
    member(database, name="olha")
    stranger = member(database, name="stranger")
    assert refusal(database, HOME, "olha", recovery=stranger.recovery_codes[0]).why == "no way back"
    assert recovery_codes_left(database, stranger.account) == 10


def test_new_recovery_codes_take_the_place_of_the_old(database: Database) -> None:
    opened = member(database, name="olha")
    new = new_recovery_codes(database, present(database, opened))
    assert refusal(database, HOME, "olha", recovery=opened.recovery_codes[0]).why == "no way back"
    assert log_in(database, GATE, HOME, "olha", recovery=new[0])
    with database.reading() as session:
        kept = set(session.scalars(select(RecoveryCode.hash)))
    assert not kept & {*new, *opened.recovery_codes} and len(kept) == 9


def test_a_closed_account_says_so_only_to_its_owner(database: Database) -> None:
    boss, opened = admin(database), member(database, name="olha")
    close_account(database, boss.who, opened.account)
    assert who_is(database, opened.token) is None
    assert refusal(database, HOME, "olha", "wrong").why == "wrong"
    assert refusal(database, HOME, "olha", PASSWORD).why == "closed"
    assert {one.what for one in events(database, opened.account)} >= {"disabled", "refused"}


def test_to_show_again_who_one_is_opens_what_is_dangerous_for_ten_minutes(database: Database) -> None:
    opened = member(database, name="olha")
    time_passes(database, timedelta(minutes=11))
    here = present(database, opened)
    with pytest.raises(NotAllowed) as refused:
        new_recovery_codes(database, here)
    assert refused.value.why is Why.CONFIRM
    with pytest.raises(CannotEnter):
        confirm(database, GATE, HOME, here, "wrong")
    again = confirm(database, GATE, HOME, here, PASSWORD)
    assert again.token != opened.token and who_is(database, opened.token) is None
    assert len(new_recovery_codes(database, present(database, again))) == 10


def test_whoever_finds_a_phone_that_is_logged_in_cannot_guess_on(database: Database) -> None:
    here = present(database, member(database, name="olha"))
    for _ in range(5):
        with pytest.raises(CannotEnter):
            confirm(database, GATE, HOME, here, "guess")
    with pytest.raises(TooManyTries):
        confirm(database, GATE, HOME, here, PASSWORD)


def test_a_common_name_is_never_used_up(database: Database) -> None:
    rows = [
        {"id": f"{number}", "name": "Olha", "login_key": skeleton(f"Olha-{number}")}
        for number in range(1000, 10_000)
    ]
    with database.writing("test", "fill") as session:
        session.execute(insert(Account), rows)
    opened = join_with_password(database, GATE, HOME, PASSWORD, profile=Profile("Olha"))
    assert re.fullmatch("Olha-[1-9][0-9]{8}", opened.login)


def test_where_one_has_to_be_invited_nobody_registers(database: Database) -> None:
    with pytest.raises(InputError, match="by invitation"):
        join_with_password(database, gate(registration="invitation"), HOME, PASSWORD, profile=Profile("Olha"))


@pytest.mark.parametrize(
    ("name", "login"), [("Olha", "Olha-"), ("О. К.", "О. К-"), ("Ян", "Ян-"), ("Я", "person-")]
)
def test_somebody_who_came_with_a_passkey_alone_has_a_name_to_get_back_in_by(
    database: Database, name: str, login: str
) -> None:
    device, begun = Device(), begin_join(database, GATE, HOME, profile=Profile(name))
    opened = join_with_passkey(database, GATE, HOME, begun.token, device.create(begun.options))
    assert opened.login.startswith(login)
    back = log_in(database, GATE, ELSEWHERE, opened.login, recovery=opened.recovery_codes[0])
    assert back.account == opened.account
    change_password(database, GATE, HOME, present(database, opened), PASSWORD)
    assert log_in(database, GATE, ELSEWHERE, opened.login, PASSWORD).account == opened.account


@pytest.mark.parametrize("url", ["https://Heritage.Example/", "https://heritage.example:443"])
def test_a_service_is_known_by_its_address(url: str) -> None:
    assert replace(GATE, url=url).origin == "https://heritage.example"
    assert replace(GATE, url="http://localhost:8080").origin == "http://localhost:8080"
    assert replace(GATE, url="https://оберіг.укр").origin == "https://xn--90aef8am6k.xn--j1amh"
