"""What concerns somebody's safety, and cleaning up what has ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from oberih.catalogue.access import Action, Who, demand
from oberih.catalogue.accounts.gate import Gate, Visit
from oberih.catalogue.accounts.names import plain
from oberih.catalogue.accounts.tables import (
    Attempt,
    Ceremony,
    Device,
    Link,
    LoginSession,
    SecurityEvent,
    Token,
)
from oberih.catalogue.database import Database, now

__all__ = ["IDLE", "KEPT", "Event", "What", "note_event", "own_events", "security_events", "sweep"]

IDLE = timedelta(days=14)  # a login that is not used ends
KEPT = timedelta(days=90)
LINKS_KEPT = timedelta(days=30)  # after they ended, for those who made them
DEVICES_KEPT = timedelta(days=365)
PAGE = 100

What = Literal[
    "joined", "logged in", "refused", "confirmed", "logged out", "sessions ended",
    "password changed", "password removed", "codes set up", "codes removed", "passkey added",
    "passkey removed", "passkey copied", "institution added", "institution removed", "recovery codes made",
    "recovery code used", "invited", "link revoked", "recovery link made", "recovered", "role given",
    "role taken", "token made", "token revoked", "disabled", "enabled", "login name changed", "erased",
]  # fmt: skip


@dataclass(frozen=True)
class Event:
    at: datetime
    what: str
    account: str
    by: str
    address: str
    note: str
    id: str


def note_event(
    session: Session, what: What, account: str = "", *, gate: Gate | None = None, visit: Visit | None = None,
    by: str = "", note: str = "",
) -> None:  # fmt: skip
    """Write down that something happened. ``note``: never a name or a secret."""
    address = gate.key.address(visit.address) if gate and visit else ""
    session.add(SecurityEvent(what=what, account=account, address=address, by=by, note=plain(note)))


def security_events(
    database: Database,
    who: Who,
    *,
    account: str = "",
    after: tuple[datetime, str] | None = None,
    most: int = PAGE,
) -> Sequence[Event]:
    """The newest first. ``after``: (at, id) of the last one of the page before. Raises `NotAllowed`."""
    demand(who, Action.SEE_SECURITY)
    return listed(database, account, after, most)


def own_events(database: Database, who: Who, most: int = PAGE) -> Sequence[Event]:
    """What happened to one's own account, the newest first."""
    demand(who, Action.SEE_OWN_DATA)
    return listed(database, who.account, None, most)


def listed(
    database: Database, account: str, after: tuple[datetime, str] | None, most: int
) -> Sequence[Event]:
    wanted = select(SecurityEvent).order_by(SecurityEvent.at.desc(), SecurityEvent.id.desc())
    if account:
        wanted = wanted.where(SecurityEvent.account == account)
    if after is not None:
        at, last = after
        earlier = (SecurityEvent.at < at) | ((SecurityEvent.at == at) & (SecurityEvent.id < last))
        wanted = wanted.where(earlier)
    with database.reading() as session:
        found = session.scalars(wanted.limit(max(1, min(most, 1000)))).all()
    return [Event(one.at, one.what, one.account, one.by, one.address, one.note, one.id) for one in found]


def sweep(database: Database, at: datetime | None = None) -> int:
    """Delete what has ended: to be called every hour. Returns how many rows."""
    moment = at or now()
    ended = (
        delete(Attempt).where(
            Attempt.began < moment - timedelta(days=1),
            or_(Attempt.wait_until.is_(None), Attempt.wait_until < moment),
        ),
        delete(Ceremony).where(Ceremony.expires < moment),
        delete(LoginSession).where(or_(LoginSession.expires < moment, LoginSession.used < moment - IDLE)),
        delete(Link).where(Link.expires < moment - LINKS_KEPT),
        delete(Token).where(Token.expires < moment - LINKS_KEPT),
        delete(Device).where(Device.used < (moment - DEVICES_KEPT).date()),
        delete(SecurityEvent).where(SecurityEvent.at < moment - KEPT),
    )
    with database.writing("service", "sweep") as session:
        return sum(session.connection().execute(one).rowcount for one in ended)
