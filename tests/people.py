"""People for tests: a service's door, somebody who comes in, and time that passes."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import inspect, select

from oberih.catalogue.access import EVERYWHERE, OPERATOR
from oberih.catalogue.accounts import (
    Gate,
    Key,
    Opened,
    Present,
    Profile,
    Visit,
    begin_codes,
    confirm_codes,
    first_admin_link,
    invite,
    join_with_password,
    passwords,
    who_is,
)
from oberih.catalogue.accounts.tables import ACCOUNTS, Attempt, Ceremony, LoginSession, SecurityEvent
from oberih.catalogue.database import Database
from oberih.catalogue.tables import Capture, Collection, Subject
from oberih.settings import ServiceSettings

__all__ = [
    "GATE",
    "HOME",
    "PASSWORD",
    "admin",
    "app_code",
    "captured",
    "collections",
    "confirmed_long_ago",
    "events",
    "gate",
    "member",
    "present",
    "quick_hashes",
    "time_passes",
    "with_app",
]

PASSWORD = "зелений трактор співає"
HOME = Visit("192.0.2.7", "Firefox on Android")


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords whose hashes cost next to nothing, for tests of something else."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def gate(**settings: Any) -> Gate:
    return Gate(Key(b"k" * 32), ServiceSettings(**settings), "https://heritage.example")


GATE = gate()


def present(database: Database, opened: Opened) -> Present:
    found = who_is(database, opened.token)
    assert found is not None
    return found


def member(
    database: Database, role: str = "contributor", collection: str = EVERYWHERE, name: str = "", **more: Any
) -> Opened:
    """Somebody who was invited to a role and joined with `PASSWORD`."""
    link = invite(database, GATE, OPERATOR, role, collection, **more)
    profile = Profile(name or role, login=name or role)
    return join_with_password(database, GATE, HOME, PASSWORD, profile=profile, token=link.token)


def with_app(database: Database, opened: Opened) -> tuple[Opened, str]:
    """Set up an authenticator app. Returns the new login and the app's key."""
    here = present(database, opened)
    start = begin_codes(database, GATE, here)
    return confirm_codes(database, GATE, HOME, here, app_code(start.secret)), start.secret


def app_code(secret: str, steps: int = 0) -> str:
    totp = pyotp.TOTP(secret)
    return totp.generate_otp(totp.timecode(datetime.now().astimezone()) + steps)


def admin(database: Database, name: str = "ada") -> Present:
    """The first admin, who is a custodian too, with an app."""
    link = first_admin_link(database)
    assert link is not None
    opened = join_with_password(database, GATE, HOME, PASSWORD, profile=Profile(name), token=link.token)
    return present(database, with_app(database, opened)[0])


def collections(database: Database, *names: str) -> None:
    with database.writing("service", "begin") as session:
        session.add_all(Collection(id=name, titles={"en": name}) for name in names)


def captured(
    database: Database, account: str, collection: str, identifier: str = "ark:/99999/b1c", **more: Any
) -> str:
    """A capture that somebody contributed to a collection, of a subject of its own."""
    with database.writing(account, "contribute") as session:
        subject = Subject(id=f"{identifier}s", collection=collection, title="Church", description={})
        session.add(subject)
        session.flush()
        session.add(Capture(
            id=identifier, subject=subject.id, collection=collection, account=account, title="Church", **more
        ))  # fmt: skip
    return identifier


def events(database: Database, account: str = "") -> list[SecurityEvent]:
    """What happened to an account, and to those whom nobody knows."""
    with database.reading() as session:
        return list(session.scalars(select(SecurityEvent).where(SecurityEvent.account == account)))


def time_passes(database: Database, by: timedelta) -> None:
    """Everything that accounts remember happened so much earlier."""
    with database.writers() as session, session.begin():
        for kind in (*ACCOUNTS, LoginSession, Ceremony, Attempt):
            names = [column.key for column in inspect(kind).columns]
            for row in session.scalars(select(kind)):
                for name in names:
                    value = getattr(row, name)
                    if isinstance(value, datetime | date):
                        setattr(row, name, value - by)


def confirmed_long_ago(here: Present) -> Present:
    """The same, half an hour after they last showed who they are."""
    who = replace(here.who, recent_until=datetime.now().astimezone() - timedelta(minutes=20))
    return replace(here, who=who)
