"""Logins that last: random tokens of which only the hash is kept.

A token is new at every login and whenever what it may do grows, so that nobody can have planted it. When
somebody else changes the roles of a person, the person's sessions end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from oberih.catalogue.access import NOBODY, RECENT, STAFF, Held, NotAllowed, Role, Who, Why
from oberih.catalogue.accounts.events import IDLE, note_event
from oberih.catalogue.accounts.gate import Gate, Visit
from oberih.catalogue.accounts.keys import digest, new_token, same
from oberih.catalogue.accounts.names import plain
from oberih.catalogue.accounts.tables import Account, Device, Grant, LoginSession, Token
from oberih.catalogue.database import Database, now

__all__ = [
    "Opened",
    "Present",
    "SessionRow",
    "Way",
    "confirmed",
    "csrf_is_right",
    "csrf_of",
    "end_all_sessions",
    "end_other_sessions",
    "end_session",
    "held_by",
    "holder",
    "log_out",
    "open_session",
    "renewed",
    "session_row",
    "sessions_of",
    "who_again",
    "who_in",
    "who_is",
    "who_now",
]

Way = Literal["password", "passkey", "institution", "recovery", "link"]
IDLE_STAFF = timedelta(hours=12)
LONGEST_STAFF = timedelta(days=7)
NOTED_EVERY = timedelta(minutes=5)  # that a session is used
MOST_DEVICES = 20
LONGEST_TOKEN = 200  # letters

Opens = TypeVar("Opens", LoginSession, Token)


@dataclass(frozen=True)
class Opened:
    """A login. ``token`` and ``device`` become cookies (HttpOnly, SameSite=Lax, Secure), of the session and
    of a year; ``device`` is empty if the browser has one already. ``recovery_codes`` are shown once.
    """

    account: str
    token: str = field(repr=False)
    device: str = field(default="", repr=False)
    login: str = ""  # the name to log in with from now on, if there is one
    recovery_codes: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Present:
    """Somebody who is logged in, for one request."""

    who: Who
    session: str
    name: str
    public_name: str
    login: str
    language: str
    way: Way
    csrf: str = field(repr=False)


@dataclass(frozen=True)
class SessionRow:
    """A place where somebody is logged in."""

    id: str
    browser: str
    way: str
    created: datetime
    used: datetime
    this: bool


def open_session(
    session: Session, gate: Gate, visit: Visit, account: Account, way: Way, *, strong: bool
) -> Opened:
    """A new login, in the transaction of `session`."""
    moment, token = now(), new_token()
    lasts = timedelta(days=gate.settings.session_days)
    if any(one.role in STAFF for one in held_by(session, account.id)):
        lasts = min(lasts, LONGEST_STAFF)
    session.add(LoginSession(
        hash=digest(token), account=account.id, way=way, strong=strong, confirmed=moment, created=moment,
        used=moment, expires=moment + lasts, browser=plain(visit.browser),
    ))  # fmt: skip
    account.seen = moment.date()
    note_event(session, "logged in", account.id, gate=gate, visit=visit, note=way)
    return Opened(account.id, token, known_device(session, visit, account.id), account.login or "")


def known_device(session: Session, visit: Visit, account: str) -> str:
    """Remember the browser. Returns its new cookie, or "" if it has one."""
    there = session.get(Device, digest(visit.device)) if visit.device else None
    if there is not None and there.account == account:
        there.used = now().date()
        return ""
    device = new_token()
    known = session.scalars(
        select(Device).where(Device.account == account).order_by(Device.used.desc())
    ).all()
    for old in known[MOST_DEVICES - 1 :]:
        session.delete(old)
    session.add(Device(hash=digest(device), account=account, used=now().date()))
    return device


def who_is(database: Database, token: str, *, by_itself: bool = False) -> Present | None:
    """Who holds the token of a session; None: nobody, it has ended, or they may not come in any more.

    ``by_itself``: an open page asks, and maybe nobody sits before it: that does not keep the session alive.
    """
    found = holder(database, LoginSession, token)
    if found is None:
        return None
    row, account, held = found
    moment = now()
    if row.used + (IDLE_STAFF if any(one.role in STAFF for one in held) else IDLE) <= moment:
        return None
    if row.used + NOTED_EVERY <= moment and not by_itself:
        with database.writing("service", "see") as session:
            session.execute(update(LoginSession).where(LoginSession.id == row.id).values(used=moment))
            session.execute(update(Account).where(Account.id == account.id).values(seen=moment.date()))
    who = made(account, held, strong=row.strong, recent_until=row.confirmed + RECENT)
    return Present(
        who, row.id, account.name, account.public_name, account.login or "", account.language,
        cast("Way", row.way), csrf_of(token),
    )  # fmt: skip


def holder(database: Database, kind: type[Opens], token: str) -> tuple[Opens, Account, list[Held]] | None:
    """What a token opens, a session or what a program may, with whose it is and their roles; None: nothing,
    it has ended, or they may not come in any more.
    """
    if not token or len(token) > LONGEST_TOKEN:
        return None
    wanted = select(kind, Account).join(Account, Account.id == kind.account)
    with database.reading() as session:
        found = session.execute(wanted.where(kind.hash == digest(token))).one_or_none()
        if found is None or not same(found[0].hash, digest(token)):
            return None
        row, account = found
        held = held_by(session, account.id)
    return None if account.disabled is not None or row.expires <= now() else (row, account, held)


def who_now(database: Database, account: str, *, strong: bool = False) -> Who | None:
    """Somebody as they are now; None: there is no such account."""
    with database.reading() as session:
        return who_in(session, account, strong=strong)


WITH_ROLES = (
    select(Account.pseudonym, Account.disabled, Grant.role, Grant.collection, Grant.until)
    .outerjoin(Grant, Grant.account == Account.id)
    .where(Account.id == bindparam("account"))
)


def who_in(session: Session, account: str, *, strong: bool = False) -> Who | None:
    """`who_now`, in a transaction that does more: of roles, what was flushed counts."""
    rows = session.connection().execute(WITH_ROLES, {"account": account}).all()
    if not rows:
        return None
    held = valid(row[2:] for row in rows if row.role)
    return Who(account, rows[0].pseudonym, tuple(held), rows[0].disabled is not None, strong)


def who_again(database: Database, asked: Mapping[str, Any]) -> Who:
    """Who asked for some work (`Who.asked`), as they are now that it is done: with the rights of today, never
    more than they had then. To be asked of `allowed` again, by whatever does the work.
    """
    scopes = None if asked["scopes"] is None else frozenset(asked["scopes"])
    with database.reading() as session:
        account = session.get(Account, asked["account"])
        if account is None or (asked["token"] is not None and not still_valid(session, asked["token"])):
            return NOBODY
        held = held_by(session, account.id)
        return made(account, held, strong=asked["strong"], scopes=scopes, token=asked["token"])


def still_valid(session: Session, token: str) -> bool:
    found = session.get(Token, token)
    return found is not None and now() < found.expires


def made(
    account: Account, held: Sequence[Held], *, strong: bool, recent_until: datetime | None = None,
    scopes: frozenset[str] | None = None, token: str | None = None,
) -> Who:  # fmt: skip
    return Who(
        account.id, account.pseudonym, tuple(held), account.disabled is not None, strong, recent_until,
        scopes, token,
    )  # fmt: skip


def held_by(session: Session, account: str) -> list[Held]:
    """Roles of somebody that have not ended."""
    rows = session.execute(select(Grant.role, Grant.collection, Grant.until).where(Grant.account == account))
    return valid(tuple(row) for row in rows)


def valid(grants: Iterable[Sequence[Any]]) -> list[Held]:
    """Of roles, collections and ends those that have not ended."""
    moment = now()
    found = [Held(cast("Role", role), place, until) for role, place, until in grants]
    return [one for one in found if one.until is None or moment < one.until]


def sessions_of(database: Database, present: Present) -> Sequence[SessionRow]:
    """Where somebody is logged in, the last one first."""
    wanted = (
        select(LoginSession)
        .where(LoginSession.account == present.who.account, LoginSession.expires > now())
        .order_by(LoginSession.used.desc())
    )
    with database.reading() as session:
        return [
            SessionRow(one.id, one.browser, one.way, one.created, one.used, one.id == present.session)
            for one in session.scalars(wanted)
        ]


def end_session(database: Database, present: Present, session_id: str) -> None:
    """End one's own login somewhere. Nothing happens if there is none."""
    mine = delete(LoginSession).where(
        LoginSession.id == session_id, LoginSession.account == present.who.account
    )
    with database.writing(present.who.actor, "end session") as session:
        session.execute(mine)
        note_event(session, "sessions ended", present.who.account)


def end_other_sessions(database: Database, present: Present) -> None:
    """End one's own logins everywhere but here."""
    with database.writing(present.who.actor, "end sessions") as session:
        end_all(session, present.who.account, but=present.session)
        note_event(session, "sessions ended", present.who.account)


def end_all_sessions(database: Database, present: Present) -> None:
    """Log out everywhere, here too; other browsers are strangers again."""
    with database.writing(present.who.actor, "end sessions") as session:
        end_all(session, present.who.account)
        session.execute(delete(Device).where(Device.account == present.who.account))
        note_event(session, "sessions ended", present.who.account)


def log_out(database: Database, token: str) -> None:
    """End the session of a token."""
    with database.writing("service", "log out") as session:
        gone = delete(LoginSession).where(LoginSession.hash == digest(token)).returning(LoginSession.account)
        account = session.scalar(gone)
        if account is not None:
            note_event(session, "logged out", account)


def end_all(session: Session, account: str, but: str = "") -> None:
    session.execute(delete(LoginSession).where(LoginSession.account == account, LoginSession.id != but))


def session_row(session: Session, present: Present) -> LoginSession:
    """The row of a session that is about to change. Raises `NotAllowed` if it has ended meanwhile."""
    found = session.get(LoginSession, present.session, with_for_update=True)
    if found is None or found.account != present.who.account:
        raise NotAllowed(Why.NO)
    return found


def renewed(row: LoginSession, *, strong: bool | None = None) -> str:
    """A new token for a session, whose old one is worth nothing from now on."""
    token = new_token()
    row.hash = digest(token)
    if strong is not None:
        row.strong = strong
    return token


def confirmed(row: LoginSession, *, strong: bool) -> str:
    """They have just shown again that it is them: a new token, good for dangerous things for a while."""
    row.confirmed = now()
    return renewed(row, strong=row.strong or strong)


def csrf_of(token: str) -> str:
    """What every form of a session carries: bound to its token, and of no use to find it."""
    return digest(f"csrf {token}")


def csrf_is_right(token: str, given: str) -> bool:
    return same(csrf_of(token), given)
