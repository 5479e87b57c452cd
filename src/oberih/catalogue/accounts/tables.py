"""Accounts, their keys, and what they may do. Nothing of it is heritage: no ledger, no archive; it comes back
from a backup (see `backup`).

Of secrets that somebody else made (passwords) there is an argon2id hash, of those that were made here
(tokens, links, recovery codes: random and long) a SHA-256; those that must be read again (keys of one-time
codes) are sealed to the service's key. All rows of a person go with the account.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from oberih.catalogue.database import Base, now
from oberih.catalogue.tables import new_id

__all__ = [
    "ACCOUNTS",
    "Account",
    "Attempt",
    "Ceremony",
    "Codes",
    "Device",
    "Grant",
    "Identity",
    "Link",
    "LoginSession",
    "Passkey",
    "Password",
    "RecoveryCode",
    "SecurityEvent",
    "Token",
]


def identifier() -> Mapped[str]:
    return mapped_column(String(80), primary_key=True, default=new_id)


def of_account(*, primary_key: bool = False) -> Mapped[str]:
    """Whose it is; gone when the account is."""
    place = ForeignKey("account.id", ondelete="CASCADE")
    return mapped_column(place, primary_key=primary_key, index=not primary_key)


class Account(Base):
    """Somebody who can log in. Only the pseudonym is known to heritage."""

    __tablename__ = "account"
    id: Mapped[str] = identifier()
    name: Mapped[str]  # private: for themselves, and those who manage accounts
    login: Mapped[str | None]  # as it was chosen, mostly with a number
    login_key: Mapped[str | None] = mapped_column(unique=True)  # see `names.skeleton`
    public_name: Mapped[str] = mapped_column(default="")  # under which to be credited; empty: not at all
    name_mark: Mapped[str] = mapped_column(default=new_id)  # of just this public name: it tells no name
    pseudonym: Mapped[str | None] = mapped_column(unique=True)
    language: Mapped[str] = mapped_column(String(20), default="en")
    email: Mapped[str] = mapped_column(default="")  # only to be written to by people
    sought: Mapped[str] = mapped_column(default="")  # what a search looks in
    created: Mapped[datetime] = mapped_column(default=now)
    disabled: Mapped[datetime | None]
    seen: Mapped[date | None]
    __table_args__ = (Index("account_created", "created", "id"),)


class Password(Base):
    """An argon2id hash, with its parameters in it."""

    __tablename__ = "password"
    account: Mapped[str] = of_account(primary_key=True)
    hash: Mapped[str]
    changed: Mapped[datetime] = mapped_column(default=now)


class Codes(Base):
    """The key of an authenticator app (RFC 6238)."""

    __tablename__ = "codes"
    account: Mapped[str] = of_account(primary_key=True)
    sealed: Mapped[bytes]
    since: Mapped[datetime] = mapped_column(default=now)
    step: Mapped[int] = mapped_column(BigInteger, default=0)  # of the last code that was used


class RecoveryCode(Base):
    """One way back in, that works once."""

    __tablename__ = "recovery_code"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = of_account()


class Passkey(Base):
    """A public key of a device (WebAuthn)."""

    __tablename__ = "passkey"
    id: Mapped[str] = identifier()
    account: Mapped[str] = of_account()
    credential: Mapped[str] = mapped_column(String(1400), unique=True)  # base64url
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    transports: Mapped[list[Any]] = mapped_column(default=list)
    name: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    used: Mapped[date | None]


class Identity(Base):
    """Somebody as an institution knows them. Never found by anything but the two together."""

    __tablename__ = "identity"
    id: Mapped[str] = identifier()
    account: Mapped[str] = of_account()
    issuer: Mapped[str]
    subject: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    used: Mapped[date | None]
    __table_args__ = (UniqueConstraint("issuer", "subject"),)


class Device(Base):
    """A browser from which somebody logged in before: strangers who guess do not slow it down."""

    __tablename__ = "device"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = of_account()
    used: Mapped[date]


class LoginSession(Base):
    """A login that lasts."""

    __tablename__ = "login_session"
    id: Mapped[str] = identifier()
    hash: Mapped[str] = mapped_column(String(64), unique=True)  # of the token, which changes with rights
    account: Mapped[str] = of_account()
    way: Mapped[str]  # see `sessions.Way`
    strong: Mapped[bool]  # two factors, or a key that asked who held it
    confirmed: Mapped[datetime]  # when it was last shown that it is them
    browser: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime] = mapped_column(default=now)
    used: Mapped[datetime] = mapped_column(default=now)
    expires: Mapped[datetime] = mapped_column(index=True)


class Ceremony(Base):
    """What was begun in a browser and is to be finished within minutes, once: a passkey, an institution."""

    __tablename__ = "ceremony"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str]
    account: Mapped[str | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    expires: Mapped[datetime] = mapped_column(index=True)


class Link(Base):
    """A link that works once: an invitation, the first admin's, or a way back in."""

    __tablename__ = "link"
    id: Mapped[str] = identifier()
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str]  # see `links.Kind`
    role: Mapped[str] = mapped_column(default="")
    collection: Mapped[str] = mapped_column(default="")
    until: Mapped[datetime | None]  # of the role that it gives
    account: Mapped[str | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))  # to recover
    by: Mapped[str]  # account, or "operator"
    note: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime] = mapped_column(default=now)
    expires: Mapped[datetime] = mapped_column(index=True)


class Grant(Base):
    """A role of somebody in a collection, or in all ("*")."""

    __tablename__ = "role_grant"
    id: Mapped[str] = identifier()
    account: Mapped[str] = of_account()
    role: Mapped[str] = mapped_column(String(20))
    collection: Mapped[str] = mapped_column(String(80))
    by: Mapped[str]
    why: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime] = mapped_column(default=now)
    until: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("account", "role", "collection"),
        Index("grant_role", "role", "collection"),
    )


class Token(Base):
    """A key for programs: part of what its account may, for a time."""

    __tablename__ = "api_token"
    id: Mapped[str] = identifier()
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    account: Mapped[str] = of_account()
    name: Mapped[str]
    scopes: Mapped[list[Any]]
    strong: Mapped[bool]  # as the session that made it
    created: Mapped[datetime] = mapped_column(default=now)
    expires: Mapped[datetime] = mapped_column(index=True)
    used: Mapped[date | None]


class Attempt(Base):
    """How often something was tried lately. Names and addresses are keyed hashes; gone after a day."""

    __tablename__ = "attempt"
    bucket: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)
    began: Mapped[datetime] = mapped_column(default=now, index=True)
    wait_until: Mapped[datetime | None]


class SecurityEvent(Base):
    """What concerns somebody's safety: who, what, when. Kept for 90 days, also when the account is gone."""

    __tablename__ = "security_event"
    id: Mapped[str] = identifier()
    at: Mapped[datetime] = mapped_column(default=now)
    what: Mapped[str]
    account: Mapped[str] = mapped_column(default="")  # whom it concerns; empty: nobody that there is
    by: Mapped[str] = mapped_column(default="")  # who did it, if somebody else
    address: Mapped[str] = mapped_column(default="")  # keyed hash; differs from day to day
    note: Mapped[str] = mapped_column(default="")
    __table_args__ = (Index("event_at", "at", "id"), Index("event_account", "account", "at"))


ACCOUNTS: tuple[type[Base], ...] = (
    Account, Password, Codes, RecoveryCode, Passkey, Identity, Device, Grant, Token, Link, SecurityEvent,
)  # fmt: skip
"""What a backup holds, in an order in which each names only rows of tables before it. Sessions, ceremonies
and attempts end with the machine."""
