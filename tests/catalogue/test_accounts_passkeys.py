"""Passkeys: joining and coming in with a device, and what a wrong answer gets."""

import json
import random
from datetime import timedelta

import pytest

from oberih.catalogue.access import Action, NotAllowed, allowed
from oberih.catalogue.accounts import (
    CannotEnter,
    Opened,
    Present,
    Profile,
    add_passkey,
    begin_confirm_with_passkey,
    begin_join,
    begin_passkey,
    begin_passkey_login,
    close_account,
    confirm_with_passkey,
    first_admin_link,
    invite,
    join_with_passkey,
    log_in_with_passkey,
    passkeys_of,
    remove_passkey,
    who_is,
)
from oberih.catalogue.database import Database
from oberih.errors import Conflict, InputError
from passkey import Device
from people import GATE, HOME, admin, confirmed_long_ago, events, member, present, time_passes

pytestmark = pytest.mark.usefixtures("quick_hashes")


def joined(database: Database, device: Device, name: str = "Olha") -> Opened:
    begun = begin_join(database, GATE, HOME, profile=Profile(name))
    return join_with_passkey(
        database, GATE, HOME, begun.token, device.create(begun.options), key_name="my phone"
    )


def entered(database: Database, device: Device) -> Present:
    begun = begin_passkey_login(database, GATE, HOME)
    return present(
        database, log_in_with_passkey(database, GATE, HOME, begun.token, device.get(begun.options))
    )


def test_somebody_joins_and_comes_in_without_any_name(database: Database) -> None:
    device = Device()
    opened = joined(database, device)
    assert opened.login.startswith("Olha-") and len(opened.recovery_codes) == 10
    here = entered(database, device)
    assert (here.name, here.way, here.who.strong, here.who.account) == (
        "Olha",
        "passkey",
        True,
        opened.account,
    )
    (key,) = passkeys_of(database, opened.account)
    assert key.name == "my phone" and key.used is not None


def test_the_browser_is_told_nothing_of_who_is_known(database: Database) -> None:
    joined(database, Device())
    options = json.loads(begin_passkey_login(database, GATE, HOME).options)
    assert options["allowCredentials"] == [] and options["rpId"] == "heritage.example"


def test_the_first_admin_joins_with_a_passkey_and_runs_the_service(database: Database) -> None:
    link, device = first_admin_link(database), Device()
    assert link is not None
    begun = begin_join(database, GATE, HOME, profile=Profile("Ada"), token=link.token)
    assert json.loads(begun.options)["authenticatorSelection"]["userVerification"] == "required"
    opened = join_with_passkey(
        database, GATE, HOME, begun.token, device.create(begun.options), token=link.token
    )
    here = present(database, opened)
    assert allowed(here.who, Action.READ_AUDIT) and allowed(here.who, Action.PUBLISH, "any")
    assert first_admin_link(database) is None


def test_an_invited_person_hears_of_a_taken_name_before_there_is_a_passkey(database: Database) -> None:
    boss = admin(database)
    member(database, name="olha")
    link = invite(database, GATE, boss.who, "custodian")
    with pytest.raises(InputError, match="has this name"):
        begin_join(database, GATE, HOME, profile=Profile("Olha", login="olha"), token=link.token)


def test_a_device_that_asks_nobody_is_not_enough_for_staff(database: Database) -> None:
    link, careless = first_admin_link(database), Device(asks=False)
    assert link is not None
    begun = begin_join(database, GATE, HOME, profile=Profile("Ada"), token=link.token)
    with pytest.raises(InputError):
        join_with_passkey(database, GATE, HOME, begun.token, careless.create(begun.options), token=link.token)
    boss = admin(database)
    added = begin_passkey(database, GATE, boss)
    with pytest.raises(InputError):
        add_passkey(database, GATE, HOME, boss, added.token, careless.create(added.options), "old key")
    device = Device()
    opened = add_passkey(database, GATE, HOME, boss, added.token, device.create(added.options), "new key")
    assert allowed(present(database, opened).who, Action.READ_AUDIT)
    device.asks = False
    assert not allowed(entered(database, device).who, Action.READ_AUDIT)
    device.asks = True
    assert allowed(entered(database, device).who, Action.READ_AUDIT)


def test_somebody_has_several_with_names(database: Database) -> None:
    phone, key = Device(), Device(counts=False)
    here = present(database, joined(database, phone))
    begun = begin_passkey(database, GATE, here)
    assert len(json.loads(begun.options)["excludeCredentials"]) == 1
    opened = add_passkey(database, GATE, HOME, here, begun.token, key.create(begun.options), "key ring")
    assert who_is(database, here.who.account) is None
    here = present(database, opened)
    first, second = passkeys_of(database, here.who.account)
    assert [first.name, second.name] == ["my phone", "key ring"]
    assert entered(database, key).who.account == entered(database, phone).who.account
    remove_passkey(database, here, first.id)
    with pytest.raises(CannotEnter):
        entered(database, phone)
    with pytest.raises(Conflict, match="only way"):
        remove_passkey(database, here, second.id)


def test_a_passkey_is_added_and_removed_only_by_who_showed_who_they_are(database: Database) -> None:
    here = confirmed_long_ago(present(database, joined(database, Device())))
    (key,) = passkeys_of(database, here.who.account)
    for change in (
        lambda: begin_passkey(database, GATE, here),
        lambda: remove_passkey(database, here, key.id),
    ):
        with pytest.raises(NotAllowed):
            change()


def test_nobody_changes_the_passkeys_of_somebody_else(database: Database) -> None:
    victim, stranger = joined(database, Device()), present(database, joined(database, Device(), "Petro"))
    (key,) = passkeys_of(database, victim.account)
    remove_passkey(database, stranger, key.id)
    assert passkeys_of(database, victim.account) == [key]
    begun = begin_passkey(database, GATE, present(database, victim))
    with pytest.raises(InputError):
        add_passkey(database, GATE, HOME, stranger, begun.token, Device().create(begun.options), "x")


def test_an_answer_works_once_and_for_minutes(database: Database) -> None:
    device = Device()
    joined(database, device)
    begun = begin_passkey_login(database, GATE, HOME)
    answer = device.get(begun.options)
    assert log_in_with_passkey(database, GATE, HOME, begun.token, answer)
    late = begin_passkey_login(database, GATE, HOME)
    time_passes(database, timedelta(minutes=11))
    for token, given in ((begun.token, answer), (late.token, device.get(late.options)), ("unknown", answer)):
        with pytest.raises(CannotEnter):
            log_in_with_passkey(database, GATE, HOME, token, given)


@pytest.mark.parametrize("changed", [
    {"origin": "https://heritage.example.evil.net"}, {"origin": "http://heritage.example"},
    {"challenge": "AAAA"}, {"type": "webauthn.create"},
])  # fmt: skip
def test_answers_for_others_are_refused(database: Database, changed: dict[str, str]) -> None:
    device = Device()
    joined(database, device)
    begun = begin_passkey_login(database, GATE, HOME)
    with pytest.raises(CannotEnter):
        log_in_with_passkey(database, GATE, HOME, begun.token, device.get(begun.options, **changed))


def test_a_key_that_was_copied_is_noticed(database: Database) -> None:
    device = Device()
    here = present(database, joined(database, device))
    entered(database, device)
    device.count -= 1  # the copy does not know of the last time
    with pytest.raises(CannotEnter):
        entered(database, device)
    assert "passkey copied" in {one.what for one in events(database, here.who.account)}
    device.count += 5
    assert entered(database, device)


def test_nobody_comes_in_with_a_key_under_another_name(database: Database) -> None:
    device, other = Device(), Device()
    joined(database, device)
    stranger = joined(database, other, "Petro")
    (identifier,) = device.keys
    device.keys[identifier] = (device.keys[identifier][0], stranger.account.encode())
    with pytest.raises(CannotEnter):
        entered(database, device)
    (theirs,) = other.keys
    device.keys = {theirs: (device.keys[identifier][0], stranger.account.encode())}  # their name, our key
    with pytest.raises(CannotEnter):
        entered(database, device)


def test_a_closed_account_stays_closed(database: Database) -> None:
    boss, device = admin(database), Device()
    opened = joined(database, device)
    close_account(database, boss.who, opened.account)
    with pytest.raises(CannotEnter) as refused:
        entered(database, device)
    assert refused.value.why == "closed"


def test_to_show_again_who_one_is_takes_one_s_own_key(database: Database) -> None:
    device, other = Device(), Device()
    here = present(database, joined(database, device))
    joined(database, other, "Petro")
    begun = begin_confirm_with_passkey(database, GATE, here)
    assert len(json.loads(begun.options)["allowCredentials"]) == 1
    begun_options = json.dumps({**json.loads(begun.options), "allowCredentials": []})
    with pytest.raises(CannotEnter):
        confirm_with_passkey(database, GATE, HOME, here, begun.token, other.get(begun_options))
    time_passes(database, timedelta(minutes=11))
    begun = begin_confirm_with_passkey(database, GATE, here)
    again = confirm_with_passkey(database, GATE, HOME, here, begun.token, device.get(begun.options))
    assert allowed(present(database, again).who, Action.CHANGE_KEYS)


def test_who_has_none_is_told(database: Database) -> None:
    with pytest.raises(Conflict, match="no passkey"):
        begin_confirm_with_passkey(database, GATE, present(database, member(database)))


def test_a_key_belongs_to_one_account(database: Database) -> None:
    device, thief = Device(), Device()
    joined(database, device)
    begun = begin_join(database, GATE, HOME, profile=Profile("Petro"))
    (known,) = device.keys
    with pytest.raises(Conflict, match="known already"):
        join_with_passkey(database, GATE, HOME, begun.token, thief.create(begun.options, known))
    assert entered(database, device).name == "Olha"


def test_answers_that_no_browser_gives_are_refused_in_our_words(database: Database) -> None:
    device, source, refused = Device(), random.Random(7), 0
    here = present(database, joined(database, device))
    for _ in range(60):
        login, more = begin_passkey_login(database, GATE, HOME), begin_passkey(database, GATE, here)
        answer = broken(device.get(login.options), source)
        with pytest.raises(CannotEnter):
            log_in_with_passkey(database, GATE, HOME, login.token, answer)
        answer = broken(Device().create(more.options), source)
        try:  # of a new key hardly anything is signed: another identifier is as good
            here = present(database, add_passkey(database, GATE, HOME, here, more.token, answer, "x"))
            remove_passkey(database, here, passkeys_of(database, here.who.account)[-1].id)
        except InputError:
            refused += 1
    assert 40 < refused < 60


def broken(answer: str, source: random.Random) -> str:
    """An answer with one thing wrong."""
    told = json.loads(answer)
    kind = source.randrange(5)
    if kind == 0:
        return answer[: source.randrange(len(answer))]
    if kind == 1:
        return source.choice(
            ["", "null", "[]", "{}", '"x"', "[" * 100_000, "\0", '{"id": 1}', '{"id":"\\u0000"}']
        )
    name = source.choice([one for one in told["response"] if one not in ("transports", "userHandle")])
    value = told["response"][name]
    if kind == 2:
        told["response"][name] = source.choice([None, 7, "", "%%%", [], {}, "A" * 50])
    elif kind == 3:
        at = source.randrange(len(value) - 4)
        told["response"][name] = value[:at] + source.choice("ABCDEFGH") * 4 + value[at + 4 :]
        return answer[:9] if told == json.loads(answer) else json.dumps(told)
    else:
        told["response"][name] = value[: source.randrange(len(value) - 8)]
    return json.dumps(told)
