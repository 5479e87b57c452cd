"""Accounts go into a backup and come back, from one kind of database into the other."""

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from oberih.archive.crypt import decrypted, encrypted, new_identity
from oberih.catalogue.access import OPERATOR, Action, allowed
from oberih.catalogue.accounts import (
    CannotEnter,
    add_passkey,
    begin_passkey,
    begin_passkey_login,
    first_admin_link,
    invite,
    join_with_password,
    leave,
    log_in,
    log_in_with_passkey,
    look_at_link,
    make_token,
    who_is,
    who_of_token,
)
from oberih.catalogue.accounts.institutions import put_identity
from oberih.catalogue.accounts.tables import ACCOUNTS
from oberih.catalogue.backup import backup_accounts, restore_accounts
from oberih.catalogue.database import Base, Database, open_database
from oberih.catalogue.ledger import Entry
from oberih.errors import Conflict, Damaged, InputError, KeyNeeded
from passkey import Device
from people import GATE, HOME, PASSWORD, admin, app_code, member, present, with_app
from postgres import fresh_database

pytestmark = pytest.mark.usefixtures("quick_hashes")


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    made = open_database(fresh_database()), open_database(f"sqlite:///{tmp_path}/catalogue.sqlite")
    for database in made:
        Base.metadata.create_all(database.engine)
    yield made
    for database in made:
        database.close()


def everything(database: Database) -> dict[str, list[str]]:
    with database.reading() as session:
        return {
            str(kind.__tablename__): sorted(
                repr({column.key: getattr(row, column.key) for column in inspect(kind).columns})
                for row in session.scalars(select(kind))
            )
            for kind in ACCOUNTS
        }


def filled(database: Database) -> tuple[Device, str, str, str]:
    """People with keys of every kind. Returns a device, an app's key, a token and an invitation."""
    admin(database)
    opened, secret = with_app(database, member(database, name="ольга"))
    here, device = present(database, opened), Device()
    key = begin_passkey(database, GATE, here)
    opened = add_passkey(database, GATE, HOME, here, key.token, device.create(key.options), "phone")
    with database.writing("test", "add") as session:
        put_identity(session, opened.account, "https://museum.example", "7")
    token = make_token(database, present(database, opened), "script", ["write:contributions"]).token
    return device, secret, token, invite(database, GATE, OPERATOR, "partner").token


def test_everything_comes_back_from_postgresql_on_sqlite_and_back(both: tuple[Database, Database]) -> None:
    postgresql, sqlite = both
    device, secret, token, link = filled(postgresql)
    before, (identity, recipient) = everything(postgresql), new_identity()
    data = backup_accounts(postgresql, [recipient])
    assert restore_accounts(sqlite, data, [identity]) == 2
    assert everything(sqlite) == before and all(before[name] for name in before)
    third = open_database(fresh_database())
    Base.metadata.create_all(third.engine)
    restore_accounts(third, backup_accounts(sqlite, [recipient]), [identity])
    assert everything(third) == before
    for database in (sqlite, third):  # and all keys open
        assert log_in(database, GATE, HOME, "ольга", PASSWORD, code=app_code(secret, 1))
        begun = begin_passkey_login(database, GATE, HOME)
        assert log_in_with_passkey(database, GATE, HOME, begun.token, device.get(begun.options))
        who = who_of_token(database, token)
        assert who is not None and allowed(who, Action.CONTRIBUTE)
        assert look_at_link(database, GATE, HOME, link).roles == ("partner",)
    third.close()


def test_logins_do_not_come_back(database: Database, other: Database) -> None:
    opened = member(database, name="olha")
    identity, recipient = new_identity()
    restore_accounts(other, backup_accounts(database, [recipient]), [identity])
    assert who_is(database, opened.token) and who_is(other, opened.token) is None
    assert log_in(other, GATE, HOME, "olha", PASSWORD, recovery=opened.recovery_codes[0])


def test_a_backup_says_nothing_to_others(database: Database) -> None:
    filled(database)
    mine, theirs = new_identity(), new_identity()
    data = backup_accounts(database, [mine[1]])
    assert "ольга".encode() not in data and data.startswith(b"age-encryption.org/v1")
    with pytest.raises(KeyNeeded):
        b"".join(decrypted([data], [theirs[0]]))
    with pytest.raises(InputError):
        backup_accounts(database, [])


def test_any_of_the_custodians_restores_it(database: Database, other: Database) -> None:
    member(database, name="olha")
    first, second = new_identity(), new_identity()
    data = backup_accounts(database, [first[1], second[1]])
    with pytest.raises(KeyNeeded):
        restore_accounts(other, data, [new_identity()[0]])
    assert restore_accounts(other, data, [second[0]]) == 1


def test_accounts_that_are_there_are_not_overwritten(database: Database, other: Database) -> None:
    member(database, name="olha")
    member(other, name="petro")
    identity, recipient = new_identity()
    data, before = backup_accounts(database, [recipient]), everything(other)
    with pytest.raises(Conflict, match="accounts already"):
        restore_accounts(other, data, [identity])
    assert everything(other) == before


def test_a_link_for_a_first_admin_ends_when_there_is_one_again(database: Database, other: Database) -> None:
    admin(database)
    identity, recipient = new_identity()
    link = first_admin_link(other)
    assert link is not None
    restore_accounts(other, backup_accounts(database, [recipient]), [identity])
    with pytest.raises(InputError):
        join_with_password(other, GATE, HOME, PASSWORD, token=link.token)
    assert first_admin_link(other) is None


def test_who_left_after_the_backup_does_not_come_back(database: Database, other: Database) -> None:
    here = present(database, member(database, name="olha"))
    stays = member(database, name="petro")
    identity, recipient = new_identity()
    data = backup_accounts(database, [recipient])
    leave(database, here.who)
    with database.reading() as session, other.writing("service", "replay") as copy:  # the ledger is there
        for entry in session.scalars(select(Entry)):
            copy.add(Entry(actor=entry.actor, action=entry.action, kind=entry.kind, of=entry.of))
    assert restore_accounts(other, data, [identity]) == 1
    with pytest.raises(CannotEnter):
        log_in(other, GATE, HOME, "olha", PASSWORD)
    assert log_in(other, GATE, HOME, stays.login, PASSWORD)


def lines_of(data: bytes, identity: str) -> list[bytes]:
    return zlib.decompress(b"".join(decrypted([data], [identity])), wbits=31).splitlines(keepends=True)


def made_of(lines: list[bytes], recipient: str) -> bytes:
    zipping = zlib.compressobj(wbits=31)
    return b"".join(encrypted([zipping.compress(b"".join(lines)) + zipping.flush()], [recipient]))


def test_what_is_not_whole_restores_nothing(database: Database, other: Database) -> None:
    filled(database)
    identity, recipient = new_identity()
    data = backup_accounts(database, [recipient])
    lines = lines_of(data, identity)
    assert len(lines) > 20
    strange = json.loads(lines[1])
    strange[1]["created"] = "yesterday"
    broken = {
        "cut": data[:-20], "altered": data[:-50] + bytes([data[-50] ^ 1]) + data[-49:], "empty": b"",
        "no end": made_of(lines[:-1], recipient), "a row less": made_of([lines[0], *lines[2:]], recipient),
        "a row twice": made_of([lines[0], lines[1], *lines[1:]], recipient),
        "no head": made_of(lines[1:], recipient),
        "no json": made_of([lines[0], b"x\n", *lines[1:]], recipient),
        "a strange row": made_of([lines[0], json.dumps(strange).encode() + b"\n", *lines[2:]], recipient),
        "something else": b"".join(encrypted([b"hello"], [recipient])),
        "half a line": made_of([*lines, b"{"], recipient), "a list": made_of([b"[]\n"], recipient),
    }  # fmt: skip
    for name, bad in broken.items():
        with pytest.raises((Damaged, KeyNeeded)):
            restore_accounts(other, bad, [identity])
        assert not any(everything(other).values()), name
    assert restore_accounts(other, data, [identity]) == 2


def test_a_column_of_another_release_and_a_newer_one(database: Database, other: Database) -> None:
    member(database, name="olha")
    identity, recipient = new_identity()
    lines = [json.loads(line) for line in lines_of(backup_accounts(database, [recipient]), identity)]
    del lines[1][1]["email"]
    lines[1][1]["shoe_size"] = 38
    lines.insert(1, ["a table that is gone", {"x": 1}])
    lines[-1]["end"]["a table that is gone"] = 1
    newer = [{**lines[0], "version": 2}, *lines[1:]]
    data, late = (
        made_of([json.dumps(one).encode() + b"\n" for one in some], recipient) for some in (lines, newer)
    )
    with pytest.raises(InputError, match="newer release"):
        restore_accounts(other, late, [identity])
    assert restore_accounts(other, data, [identity]) == 1
    assert log_in(other, GATE, HOME, "olha", PASSWORD)


def test_the_backup_is_plain_lines_for_whoever_has_to_read_it_in_fifty_years(database: Database) -> None:
    filled(database)
    identity, recipient = new_identity()
    head, *rows, end = (
        json.loads(line) for line in lines_of(backup_accounts(database, [recipient]), identity)
    )
    assert (head["format"], head["version"]) == ("oberih-backup", 1)
    names = [name for name, _ in rows]
    assert {name: names.count(name) for name in end["end"]} == end["end"]
    (codes, *_) = [row for name, row in rows if name == "codes"]
    assert len(base64.b64decode(codes["sealed"])) > 28
