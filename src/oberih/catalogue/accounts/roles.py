"""Giving roles, and taking them away."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from oberih.catalogue.access import EVERYWHERE, ROLES, Role, Who, demand, giving
from oberih.catalogue.accounts.events import note_event
from oberih.catalogue.accounts.gate import Gate
from oberih.catalogue.accounts.names import plain
from oberih.catalogue.accounts.sessions import end_all
from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.database import Database, now
from oberih.catalogue.tables import Collection
from oberih.errors import Conflict, InputError, NotInArchive
from oberih.i18n import say

__all__ = [
    "GrantRow",
    "checked_until",
    "give_role",
    "put_grant",
    "refuse_last_admin",
    "take_role",
]

LONGEST_WHY = 500  # letters


@dataclass(frozen=True)
class GrantRow:
    """A role that somebody has; of those that ended too."""

    id: str
    account: str
    role: Role
    collection: str  # "*": all
    by: str  # account, "operator" or "service"
    why: str
    created: datetime
    until: datetime | None


def give_role(
    database: Database, gate: Gate, who: Who, account: str, role: str, collection: str = EVERYWHERE, *,
    until: datetime | None = None, why: str = "",
) -> str:  # fmt: skip
    """Give a role in a collection, or change until when. Returns the grant's identifier.

    A partner's ends after ``partner_days`` at the latest. The person's sessions end. Raises `NotAllowed`,
    `InputError`, `NotInArchive`.
    """
    given = checked_role(role)
    demand(who, giving(given), place(collection))
    ends = checked_until(gate, given, until)
    with database.writing(who.actor, giving(given).value) as session:
        someone(session, account)
        if collection != EVERYWHERE and session.get(Collection, collection) is None:
            raise NotInArchive("There is no such collection.", "Choose one of the list.")
        grant = put_grant(session, account, given, collection, by=who.account, until=ends, why=why)
        end_all(session, account)
        return grant


def take_role(database: Database, who: Who, grant: str) -> None:
    """Take a role away; the person's sessions end. Nothing happens if it is gone already.

    Raises `NotAllowed`, and `Conflict` for the last admin.
    """
    with database.writing(who.actor, "take role") as session:
        found = session.get(Grant, grant)
        if found is None:
            return
        role = checked_role(found.role)
        demand(who, giving(role), place(found.collection))
        if role == "admin":  # before its own row is locked: all lock the admins' rows in the same order
            refuse_last_admin(session, found.account)
        found = session.get(Grant, grant, with_for_update=True)
        if found is None:
            return
        session.delete(found)
        end_all(session, found.account)
        note = f"{role} {found.collection}"
        note_event(session, "role taken", found.account, by=who.account, note=note)


def grant_row(one: Grant) -> GrantRow:
    role = cast("Role", one.role)
    return GrantRow(one.id, one.account, role, one.collection, one.by, one.why, one.created, one.until)


def put_grant(
    session: Session, account: str, role: Role, collection: str, *, by: str, until: datetime | None = None,
    why: str = "",
) -> str:  # fmt: skip
    wanted = select(Grant).where(Grant.account == account, Grant.role == role, Grant.collection == collection)
    found = session.scalars(wanted.with_for_update()).one_or_none()
    if found is None:
        found = Grant(account=account, role=role, collection=collection)
        session.add(found)
    found.by, found.why, found.until = by, plain(why, LONGEST_WHY), until
    note_event(session, "role given", account, by=by, note=f"{role} {collection}")
    session.flush()
    return found.id


def checked_role(role: str) -> Role:
    if role not in ROLES:
        raise InputError(say("There is no role {role}.", role=role[:40]), "Choose one of the list.")
    return role


def checked_until(gate: Gate, role: Role, until: datetime | None) -> datetime | None:
    """When a role ends that is given now. Raises `InputError`."""
    moment = now()
    if until is not None and until <= moment:
        raise InputError("The role would have ended already.", "Choose a later day.")
    if role != "partner":
        return until
    latest = moment + timedelta(days=gate.settings.partner_days)
    if until is not None and until > latest:
        raise InputError(
            say("A partner's access ends after {days} days at the latest.", days=gate.settings.partner_days),
            "Choose an earlier day; it can be renewed then.",
        )
    return until or latest


def refuse_last_admin(session: Session, account: str) -> None:
    """Raise `Conflict` if nobody but ``account`` could run the service. Two who leave at the same time wait
    for each other here.
    """
    wanted = (
        select(Grant)
        .join(Account, Account.id == Grant.account)
        .where(Grant.role == "admin", Grant.collection == EVERYWHERE, Account.disabled.is_(None))
        .where(or_(Grant.until.is_(None), Grant.until > now()))
        .order_by(Grant.id)
    )
    admins = {one.account for one in session.scalars(wanted.with_for_update(of=Grant))}
    if admins == {account}:
        raise Conflict(
            "This is the only admin; without one nobody could run the service.",
            "First make somebody else an admin.",
        )


def someone(session: Session, account: str) -> Account:
    """Raises `NotInArchive`."""
    found = session.get(Account, account)
    if found is None:
        raise NotInArchive("There is no such account.", "Perhaps its owner has left.")
    return found


def place(collection: str) -> str | None:
    return None if collection == EVERYWHERE else collection
