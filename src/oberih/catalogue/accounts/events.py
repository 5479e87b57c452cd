"""What concerns somebody's safety, and cleaning up what has ended."""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, or_
from sqlalchemy.orm import Session

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

__all__ = ["IDLE", "KEPT", "What", "note_event", "sweep"]

IDLE = timedelta(days=14)  # a login that is not used ends
KEPT = timedelta(days=90)
LINKS_KEPT = timedelta(days=30)  # after they ended, for those who made them
DEVICES_KEPT = timedelta(days=365)

What = Literal[
    "joined", "logged in", "refused", "confirmed", "logged out", "sessions ended",
    "password changed", "codes set up", "codes removed", "passkey added",
    "passkey removed", "passkey copied", "recovery codes made",
    "recovery code used", "invited", "link revoked", "recovery link made", "recovered", "role given",
    "role taken", "token made", "token revoked", "disabled", "enabled", "erased",
]  # fmt: skip


def note_event(
    session: Session, what: What, account: str = "", *, gate: Gate | None = None, visit: Visit | None = None,
    by: str = "", note: str = "",
) -> None:  # fmt: skip
    """Write down that something happened. ``note``: never a name or a secret."""
    address = gate.key.address(visit.address) if gate and visit else ""
    session.add(SecurityEvent(what=what, account=account, address=address, by=by, note=plain(note)))


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
