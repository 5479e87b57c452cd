"""Codes from an authenticator app."""

from datetime import timedelta
from threading import Barrier, Thread

import pyotp
import pytest

from oberih.catalogue.access import NotAllowed
from oberih.catalogue.accounts import (
    CannotEnter,
    Key,
    TooManyTries,
    begin_codes,
    confirm_codes,
    log_in,
    remove_codes,
    who_is,
)
from oberih.catalogue.accounts.codes import spend_code
from oberih.catalogue.accounts.tables import Codes
from oberih.catalogue.database import Database
from oberih.errors import Conflict, InputError, KeyNeeded
from people import (
    GATE,
    HOME,
    PASSWORD,
    app_code,
    confirmed_long_ago,
    events,
    member,
    present,
    time_passes,
    with_app,
)

pytestmark = pytest.mark.usefixtures("quick_hashes")


def test_an_app_is_given_its_key_and_asked_from_the_first_right_code_on(database: Database) -> None:
    opened = member(database, name="olha")
    here = present(database, opened)
    start = begin_codes(database, GATE, here)
    app = pyotp.parse_uri(start.address)
    assert (app.secret, app.name, app.issuer) == (start.secret, "olha", "Oberih")
    with pytest.raises(InputError):
        confirm_codes(database, GATE, HOME, here, "000000")
    assert log_in(database, GATE, HOME, "olha", PASSWORD)  # not asked for yet
    after = confirm_codes(database, GATE, HOME, here, app.now())
    assert present(database, after).who.strong and who_is(database, opened.token) is None
    with pytest.raises(CannotEnter):
        log_in(database, GATE, HOME, "olha", PASSWORD)


def test_the_key_is_sealed_where_it_lies_to_its_account(database: Database) -> None:
    opened, secret = with_app(database, member(database, name="olha"))
    with database.reading() as session:
        sealed = session.get_one(Codes, opened.account).sealed
    assert secret.encode() not in sealed and GATE.key.opened(sealed, opened.account) == secret
    for key, account in ((Key(b"o" * 32), opened.account), (GATE.key, "somebody else")):
        with pytest.raises(KeyNeeded):
            key.opened(sealed, account)
    with pytest.raises(InputError):
        Key(b"short")
    assert "k" * 32 not in repr(GATE)


def test_a_code_works_once(database: Database) -> None:
    _, secret = with_app(database, member(database, name="olha"))
    code = app_code(secret, 1)
    assert log_in(database, GATE, HOME, "olha", PASSWORD, code=f"{code[:3]} {code[3:]}")
    for spent in (code, app_code(secret), app_code(secret, -1)):  # and none before it does any more
        with pytest.raises(CannotEnter):
            log_in(database, GATE, HOME, "olha", PASSWORD, code=spent)


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_half_a_minute(database: Database, steps: int, right: bool) -> None:
    opened, secret = with_app(database, member(database, name="olha"))
    with database.writing("test", "forget") as session:
        session.get_one(Codes, opened.account).step = 0
    with database.writing("test", "spend") as session:
        assert spend_code(session, GATE, opened.account, app_code(secret, steps)) is right


def test_of_two_who_use_a_code_at_once_one_comes_in(database: Database) -> None:
    _, secret = with_app(database, member(database, name="olha"))
    code, together, outcomes = app_code(secret, 1), Barrier(2), []

    def use() -> None:
        together.wait()
        try:
            outcomes.append(log_in(database, GATE, HOME, "olha", PASSWORD, code=code).account)
        except CannotEnter:
            outcomes.append("")

    threads = [Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2 and outcomes.count("") == 1


def test_a_new_phone_takes_the_place_of_the_old_one_when_it_works(database: Database) -> None:
    opened, old = with_app(database, member(database, name="olha"))
    here = present(database, opened)
    new = begin_codes(database, GATE, here).secret
    assert log_in(database, GATE, HOME, "olha", PASSWORD, code=app_code(old, 1))
    confirm_codes(database, GATE, HOME, here, app_code(new))
    with pytest.raises(CannotEnter):
        log_in(database, GATE, HOME, "olha", PASSWORD, code=app_code(old, 1))
    assert log_in(database, GATE, HOME, "olha", PASSWORD, code=app_code(new, 1))


def test_what_was_not_begun_or_took_too_long_is_not_confirmed(database: Database) -> None:
    here = present(database, member(database, name="olha"))
    with pytest.raises(Conflict):
        confirm_codes(database, GATE, HOME, here, "123456")
    secret = begin_codes(database, GATE, here).secret
    time_passes(database, timedelta(minutes=31))
    with pytest.raises(Conflict):
        confirm_codes(database, GATE, HOME, here, app_code(secret))


def test_setting_up_is_not_guessed(database: Database) -> None:
    here = present(database, member(database, name="olha"))
    begin_codes(database, GATE, here)
    for _ in range(20):
        with pytest.raises(InputError):
            confirm_codes(database, GATE, HOME, here, "guess")
    with pytest.raises(TooManyTries):
        confirm_codes(database, GATE, HOME, here, "guess")


def test_staff_with_a_password_keep_their_app(database: Database) -> None:
    plain = present(database, with_app(database, member(database, name="olha"))[0])
    remove_codes(database, plain)
    assert log_in(database, GATE, HOME, "olha", PASSWORD)
    assert "codes removed" in {one.what for one in events(database, plain.who.account)}
    keeper = present(database, with_app(database, member(database, "custodian", name="kateryna"))[0])
    with pytest.raises(Conflict, match="need codes"):
        remove_codes(database, keeper)


def test_only_who_showed_who_they_are_changes_it(database: Database) -> None:
    here = confirmed_long_ago(present(database, with_app(database, member(database, name="olha"))[0]))
    for change in (
        lambda: begin_codes(database, GATE, here), lambda: remove_codes(database, here),
        lambda: confirm_codes(database, GATE, HOME, here, "123456"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            change()
