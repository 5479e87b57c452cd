"""What people may take back, a copy of what is known of them, and leaving for good.

Said in plain words, since a right that nobody understands is none. What is personal can go at any time: the
account is deleted, what the archive sealed to the person is made unreadable by destroying its key (see
`archive.people`). A licence such as Creative Commons cannot be taken back by law; a custodian may still agree
to stop showing something.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from oberih.catalogue.access import Action, Who, demand
from oberih.catalogue.accounts.credits import give_up_name
from oberih.catalogue.accounts.events import note_event
from oberih.catalogue.accounts.names import folded
from oberih.catalogue.accounts.roles import refuse_last_admin, someone
from oberih.catalogue.accounts.tables import (
    Account,
    Grant,
    Identity,
    LoginSession,
    Passkey,
    SecurityEvent,
    Token,
)
from oberih.catalogue.database import Base, Database, now
from oberih.catalogue.ledger import Entry, happened
from oberih.catalogue.tables import Capture, Person, Rights

__all__ = [
    "ERASED",
    "before_leaving",
    "erase_again",
    "leave",
    "own_data",
]

ERASED = "erase account"  # of the ledger: it outlives every backup of accounts
SHOWN: Mapping[type[Base], tuple[str, ...]] = {
    Account: (
        "id", "name", "login", "public_name", "pseudonym", "language", "email", "created", "disabled", "seen"
    ),
    Grant: ("role", "collection", "why", "created", "until"),
    Passkey: ("name", "created", "used"),
    Identity: ("issuer", "subject", "created", "used"),
    Token: ("name", "scopes", "created", "expires", "used"),
    LoginSession: ("browser", "way", "created", "used", "expires"),
    SecurityEvent: ("at", "what", "note"),
    Capture: ("id", "subject", "collection", "title", "kind", "note", "state", "created", "files", "bytes",
              "receipt", "devices", "taken", "credited"),
    Rights: ("of", "kind", "uri", "terms", "created", "withdrawn"),
}  # fmt: skip
"""What a copy of somebody's data holds: everything but what only proves who they are."""


def before_leaving(database: Database, who: Who, account: str = "") -> str | None:
    """Whether somebody may leave now, and under which pseudonym the archive seals their data.

    First `archive.people.records.withdraw_person` for that pseudonym, then `leave`: so nothing is forgotten
    if it stops between. Raises `NotAllowed`, and `Conflict` for the last admin.
    """
    target = allowed_to_erase(who, account)
    with database.reading() as session:
        refuse_last_admin(session, target)
        return someone(session, target).pseudonym


def leave(database: Database, who: Who, account: str = "") -> tuple[str, ...]:
    """Delete one's account and every trace of it but the pseudonym; an admin may do it for somebody who asks.

    Returns the subjects whose public records have to be made again. Raises what `before_leaving` raises.
    """
    target = allowed_to_erase(who, account)
    with database.writing(who.actor, ERASED) as session:
        refuse_last_admin(session, target)
        found = someone(session, target)
        subjects = uncredit(session, found)
        known = session.get(Person, found.pseudonym) if found.pseudonym else None
        if known is not None:
            known.credited, known.withdrawn = False, known.withdrawn or now()
        happened(session, "account", target)
        erase(session, target)
        note_event(session, "erased", target, by="" if target == who.account else who.account)
        return subjects


def allowed_to_erase(who: Who, account: str) -> str:
    if account in ("", who.account):
        demand(who, Action.LEAVE)
        return who.account
    demand(who, Action.MANAGE_ACCOUNTS)
    return account


def erase_again(database: Database) -> int:
    """Delete accounts that came back with a backup though their owners had left: the ledger remembers them.

    To be called after accounts, or the ledger, were restored. Returns how many.
    """
    gone = select(Entry.of).where(Entry.kind == "account", Entry.action == ERASED)
    with database.writing("service", "erase again") as session:
        back = session.scalars(select(Account.id).where(Account.id.in_(gone))).all()
        for account in back:
            erase(session, account)
        return len(back)


def erase(session: Session, account: str) -> None:
    """All rows that are of an account go with it (ON DELETE CASCADE)."""
    session.flush()
    session.execute(delete(Account).where(Account.id == account))
    session.expire_all()


def uncredit(session: Session, account: Account) -> tuple[str, ...]:
    account.public_name = ""
    account.sought = folded(account.name, account.login or "", account.email)
    theirs = or_(Capture.account == account.id, Capture.person == (account.pseudonym or account.id))
    asked = select(Capture).where(theirs, Capture.credited.is_(True)).order_by(Capture.id)
    credited = session.scalars(asked.with_for_update()).all()
    for capture in credited:
        capture.credited = False
    return give_up_name(session, account, {one.subject for one in credited if one.subject})


def own(who: Who) -> ColumnElement[bool]:
    """Captures of somebody."""
    return or_(Capture.account == who.account, Capture.person == (who.pseudonym or who.account))


def own_data(database: Database, who: Who) -> dict[str, Any]:
    """A copy of everything that is known of somebody here, as JSON. Raises `NotAllowed`.

    What the archive sealed to them is not in it: a custodian's key opens it.
    """
    demand(who, Action.SEE_OWN_DATA)
    with database.reading() as session:
        told: dict[str, Any] = {"made": now().isoformat(), "account": row(someone(session, who.account))}
        for kind in (Grant, Passkey, Identity, Token, LoginSession, SecurityEvent):
            rows = session.scalars(select(kind).where(kind.account == who.account))
            told[kind.__tablename__] = [row(one) for one in rows]
        captures = session.scalars(select(Capture).where(own(who)).order_by(Capture.created)).all()
        told["capture"] = [row(one) for one in captures]
        theirs = select(Capture.id).where(own(who))
        mine = or_(Rights.of.in_(theirs), Rights.person == (who.pseudonym or who.account))
        told["rights"] = [row(one) for one in session.scalars(select(Rights).where(mine))]
    return told


def row(one: Base) -> dict[str, Any]:
    found = {name: getattr(one, name) for name in SHOWN[type(one)]}
    return {name: as_json(value) for name, value in found.items()}


def as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
