"""What people take back, a copy of their data, and leaving for good."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from keeping import make
from oberih.archive.people.records import add_person, person_data, withdraw_person
from oberih.catalogue.access import OPERATOR, NotAllowed
from oberih.catalogue.accounts import (
    CannotEnter,
    Present,
    add_passkey,
    before_leaving,
    begin_passkey,
    change_profile,
    erase_again,
    find_people,
    leave,
    log_in,
    make_token,
    own_data,
    set_pseudonym,
    who_is,
    who_of_token,
)
from oberih.catalogue.accounts.tables import ACCOUNTS, Account, LoginSession, SecurityEvent
from oberih.catalogue.database import Database, now
from oberih.catalogue.ledger import entries_of
from oberih.catalogue.tables import Capture, Model, Person, Publication, Review, Rights
from oberih.errors import Conflict, KeyNeeded, NotInArchive
from passkey import Device
from people import (
    GATE,
    HOME,
    PASSWORD,
    admin,
    captured,
    collections,
    confirmed_long_ago,
    member,
    present,
    with_app,
)

pytestmark = pytest.mark.usefixtures("quick_hashes")
CC_BY = "https://creativecommons.org/licenses/by/4.0/"


def contributor(database: Database, name: str = "Olha Koval") -> Present:
    """Somebody with all that an account can have, and a credited, published recording."""
    opened, _ = with_app(database, member(database, name=name))
    here, device = present(database, opened), Device()
    key = begin_passkey(database, GATE, here)
    opened = add_passkey(database, GATE, HOME, here, key.token, device.create(key.options), "phone")
    here = present(database, opened)
    make_token(database, here, "script", ["read:records"])
    change_profile(database, here.who, public_name="O. Koval", email="olha@example.org")
    collections(database, "chernihiv")
    captured(database, here.who.account, "chernihiv", "ark:/99999/b1c", credited=True, note="my own street")
    with database.writing(here.who.account, "contribute") as session:
        session.add(Rights(of="ark:/99999/b1c", kind="licence", uri=CC_BY, terms="1"))
        session.add(Rights(id="consent-1", of="ark:/99999/b1c", kind="consent", uri="people", terms="1"))
    with database.writing("person-k", "publish") as session:
        session.add(Model(id="ark:/99999/b1cm", subject="ark:/99999/b1cs", captures=["ark:/99999/b1c"]))
        session.flush()
        review = Review(
            subject="ark:/99999/b1cs",
            collection="chernihiv",
            state="passed",
            model="ark:/99999/b1cm",
            number=1,
        )
        session.add(review)
        session.flush()
        session.add(Publication(id="ark:/99999/b1cs", review=review.id, published=now()))
    return present(database, opened)


def test_a_copy_of_one_s_data_has_everything_but_what_proves_who_one_is(database: Database) -> None:
    here = contributor(database)
    text = json.dumps(own_data(database, here.who), ensure_ascii=False)
    told = json.loads(text)
    assert told["account"]["email"] == "olha@example.org" and told["account"]["name"] == "Olha Koval"
    assert [one["note"] for one in told["capture"]] == ["my own street"]
    assert {one["kind"] for one in told["rights"]} == {"licence", "consent"}
    for kind, least in (
        ("role_grant", 1),
        ("passkey", 1),
        ("api_token", 1),
        ("login_session", 1),
        ("security_event", 5),
    ):
        assert len(told[kind]) >= least
    for secret in ("hash", "sealed", "public_key", "$argon2", "address"):
        assert secret not in text
    other = json.dumps(own_data(database, present(database, member(database, name="stranger")).who))
    assert "Koval" not in other and "b1c" not in other


def test_who_leaves_is_forgotten(database: Database) -> None:
    here = contributor(database)
    login, account = here.login, here.who.account
    with database.writing("service", "add") as session:
        session.add(Person(id="person-olha", credited=True))
    set_pseudonym(database, account, "person-olha")
    assert before_leaving(database, here.who) == "person-olha"
    assert leave(database, here.who) == ("ark:/99999/b1cs",)
    with database.reading() as session:
        kept = [
            repr([getattr(row, column.key) for column in row.__table__.columns])
            for kind in (*ACCOUNTS, LoginSession) if kind is not SecurityEvent
            for row in session.scalars(select(kind))
        ]  # fmt: skip
        assert not [row for row in kept if account in row or "Koval" in row]
        assert session.get_one(Capture, "ark:/99999/b1c").account == account  # an identifier of nobody now
        assert session.get_one(Person, "person-olha").withdrawn is not None
        (entry,) = entries_of(session, "account", account)
        assert (entry.action, entry.data) == ("erase account", None)
        assert {one.what for one in session.scalars(select(SecurityEvent))} >= {"erased"}
    with pytest.raises(CannotEnter):
        log_in(database, GATE, HOME, login, PASSWORD)
    assert find_people(database, OPERATOR).people == ()


def test_what_the_archive_sealed_is_unreadable_then(database: Database, tmp_path: Path) -> None:
    archive, secrets = make(tmp_path / "archive")
    here = contributor(database)
    pseudonym = add_person(archive, {"name": "Olha Koval"})
    set_pseudonym(database, here.who.account, pseudonym)
    assert person_data(archive, pseudonym, [secrets["ada"]]) == {"name": "Olha Koval"}
    known = before_leaving(database, here.who)
    assert known == pseudonym
    withdraw_person(archive, known, "request")
    leave(database, here.who)
    with pytest.raises(KeyNeeded, match="withdrew"):
        person_data(archive, pseudonym, [secrets["ada"]])


def test_nobody_makes_somebody_else_leave_but_an_admin_whom_they_asked(database: Database) -> None:
    here, boss = contributor(database), admin(database)
    stranger = present(database, member(database, name="stranger"))
    for refused in (
        lambda: leave(database, stranger.who, here.who.account),
        lambda: leave(database, confirmed_long_ago(here).who),
        lambda: before_leaving(database, stranger.who, here.who.account),
    ):
        with pytest.raises(NotAllowed):
            refused()
    with pytest.raises(Conflict, match="only admin"):
        leave(database, boss.who)
    assert leave(database, boss.who, here.who.account) == ("ark:/99999/b1cs",)
    with pytest.raises(NotInArchive):
        leave(database, boss.who, here.who.account)


def test_who_left_stays_away_when_a_backup_brings_them_back(database: Database) -> None:
    here = contributor(database)
    tokens = [one["name"] for one in own_data(database, here.who)["api_token"]]
    assert tokens == ["script"] and erase_again(database) == 0
    leave(database, here.who)
    with database.writing("service", "restore") as session:
        session.add(Account(id=here.who.account, name="Olha Koval"))
    assert erase_again(database) == 1
    with database.reading() as session:
        assert session.get(Account, here.who.account) is None
    assert who_is(database, "x") is None and who_of_token(database, "oberih_x") is None
