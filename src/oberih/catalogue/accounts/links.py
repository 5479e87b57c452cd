"""Links that work once: an invitation, the first admin's, and the way back in for who lost everything.

A link is given from hand to hand. Only its hash is kept; it ends when it is used, after its days, or when
whoever made it could not make it any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from oberih.catalogue.access import (
    EVERYWHERE,
    OPERATOR,
    Action,
    NotAllowed,
    Role,
    Who,
    Why,
    allowed,
    demand,
    giving,
    may,
)
from oberih.catalogue.accounts.codes import put_recovery_codes
from oberih.catalogue.accounts.events import note_event
from oberih.catalogue.accounts.gate import Gate, Visit
from oberih.catalogue.accounts.keys import digest, network_of, new_token, same
from oberih.catalogue.accounts.limits import Bucket, Limit, slow_down
from oberih.catalogue.accounts.names import plain, skeleton
from oberih.catalogue.accounts.people import around
from oberih.catalogue.accounts.roles import checked_role, checked_until, place, put_grant, someone
from oberih.catalogue.accounts.sessions import Opened, Present, end_all, held_by, made, renewed, session_row
from oberih.catalogue.accounts.tables import (
    Account,
    Ceremony,
    Codes,
    Device,
    Grant,
    Identity,
    Link,
    Passkey,
    Password,
    RecoveryCode,
    Token,
)
from oberih.catalogue.database import Database, now
from oberih.catalogue.tables import Collection
from oberih.errors import InputError, NotInArchive
from oberih.i18n import say

__all__ = [
    "Invited",
    "Kind",
    "LinkMade",
    "LinkRow",
    "accept_invitation",
    "first_admin_link",
    "grant",
    "invitations",
    "invite",
    "look_at_link",
    "recovery_link",
    "revoke_link",
    "take_link",
    "way_back_in",
    "wipe",
]

Kind = Literal["first admin", "invitation", "recovery"]
FIRST_DAYS, RECOVERY_HOURS = 7, 24
LONGEST_DAYS = 90
FIRST_ROLES: Final[tuple[Role, ...]] = ("admin", "custodian")
LOOKING = Limit(free=60, first_s=10, worst_s=900, window_s=3600)


@dataclass(frozen=True)
class LinkMade:
    """``token`` is shown once; the page it opens is for the web to say."""

    id: str
    token: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True)
class Invited:
    """What a link gives to whoever opens it. ``name``: of whom it lets in again."""

    kind: Kind
    roles: tuple[Role, ...]
    collection: str  # "*": all; "" of a recovery link
    until: datetime | None  # when the role ends
    expires: datetime
    name: str = ""


@dataclass(frozen=True)
class LinkRow:
    """An invitation that nobody took up yet."""

    id: str
    role: Role
    collection: str
    by: str
    note: str
    created: datetime
    expires: datetime


def first_admin_link(database: Database) -> LinkMade | None:
    """A link for the first admin, who is a custodian too; one that was made before is worth nothing from now
    on. None: there is an admin already.
    """
    with database.writing("service", "begin") as session:
        session.execute(delete(Link).where(Link.kind == "first admin"))
        if has_admin(session):
            return None
        return put_link(session, "first admin", timedelta(days=FIRST_DAYS), by=OPERATOR.account)


def way_back_in(database: Database, login: str) -> LinkMade:
    """What `recovery_link` makes, for whoever runs the machine: the only admin may have lost every key.

    Raises `NotInArchive` if nobody logs in with that name.
    """
    with database.writing("service", "make recovery link") as session:
        name = skeleton(login)
        account = session.scalar(select(Account.id).where(Account.login_key == name)) if name else None
        if account is None:
            raise NotInArchive(
                say("Nobody logs in with the name {name}.", name=plain(login)),
                "It stands with the recovery codes, whole, with the number if there is one.",
            )
        return put_recovery(session, account, by=OPERATOR.account)


def has_admin(session: Session) -> bool:
    """Whether there is somebody who can run the service."""
    admins = (
        select(Grant.id)
        .join(Account, Account.id == Grant.account)
        .where(Grant.role == "admin", Grant.collection == EVERYWHERE, Account.disabled.is_(None))
        .where(or_(Grant.until.is_(None), Grant.until > now()))
    )
    return session.scalar(admins.limit(1)) is not None


def invite(
    database: Database, gate: Gate, who: Who, role: str, collection: str = EVERYWHERE, *, days: int = 14,
    until: datetime | None = None, note: str = "",
) -> LinkMade:  # fmt: skip
    """Invite somebody to a role. ``until``: when the role ends. Raises `NotAllowed`, `InputError`."""
    given = checked_role(role)
    demand(who, giving(given), place(collection))
    checked_until(gate, given, until)
    if not 1 <= days <= LONGEST_DAYS:
        raise InputError(
            say("An invitation lasts 1 to {most} days.", most=LONGEST_DAYS), "Choose fewer days."
        )
    with database.writing(who.actor, "invite") as session:
        if collection != EVERYWHERE and session.get(Collection, collection) is None:
            raise NotInArchive("There is no such collection.", "Choose one of the list.")
        note_event(session, "invited", by=who.account, note=f"{given} {collection}")
        return put_link(
            session, "invitation", timedelta(days=days), by=who.account, role=given, collection=collection,
            until=until, note=plain(note),
        )  # fmt: skip


def invitations(database: Database, who: Who) -> Sequence[LinkRow]:
    """Those that nobody took up yet, of roles that one may give; the newest first."""
    wanted = select(Link).where(Link.kind == "invitation", Link.expires > now()).order_by(Link.created.desc())
    with database.reading() as session:
        found = [link_row(one) for one in session.scalars(wanted)]
    return [one for one in found if may_revoke(who, one.by, one.role, one.collection)]


def revoke_link(database: Database, who: Who, link: str) -> None:
    """Nobody can take it up any more. Raises `NotAllowed`."""
    with database.writing(who.actor, "revoke link") as session:
        found = session.get(Link, link)
        if found is None or found.kind != "invitation":
            return
        if not may_revoke(who, found.by, checked_role(found.role), found.collection):
            raise NotAllowed(Why.NO)
        session.delete(found)
        note_event(session, "link revoked", by=who.account, note=f"{found.role} {found.collection}")


def may_revoke(who: Who, by: str, role: Role, collection: str) -> bool:
    return who.owns(by) or may(who, giving(role), place(collection))


def recovery_link(database: Database, who: Who, account: str) -> LinkMade:
    """A way back in for somebody who stands before you, good for a day. Their keys go when it is used.

    An admin may for everybody, a custodian for contributors of their collection. Raises `NotAllowed`.
    """
    with database.writing(who.actor, "make recovery link") as session:
        someone(session, account)
        if not allowed(who, Action.MANAGE_ACCOUNTS):
            only_contributors = select(Grant.role).where(
                Grant.account == account, Grant.role != "contributor"
            )
            if session.scalar(only_contributors.limit(1)) is not None:
                demand(who, Action.MANAGE_ACCOUNTS)
            mine = [one for one in around(session, account) if allowed(who, Action.RECOVER_CONTRIBUTOR, one)]
            if not mine:
                demand(who, Action.RECOVER_CONTRIBUTOR)
        return put_recovery(session, account, by=who.account)


def look_at_link(database: Database, gate: Gate, visit: Visit, token: str) -> Invited:
    """What a link gives; it stays as it is. Raises `InputError` if it has ended, `TooManyTries`."""
    with database.writing("service", "look at link") as session:
        slow_down(session, gate.key, [Bucket(("link", network_of(visit.address)), LOOKING)])
        found = link_of(session, digest(token))
        if found is not None:
            owner = session.get(Account, found.account) if found.account else None
            return invited(found, owner)
    raise no_link()


def accept_invitation(database: Database, gate: Gate, visit: Visit, present: Present, token: str) -> Opened:
    """Take up an invitation as somebody who has an account. Returns the session's new token.

    Raises `InputError` if it has ended, `TooManyTries`.
    """
    demand(present.who, Action.CHANGE_ACCOUNT)
    with database.writing("service", "look at link") as session:
        slow_down(session, gate.key, [Bucket(("link", network_of(visit.address)), LOOKING)])
    with database.writing(present.who.actor, "accept invitation") as session:
        row = session_row(session, present)
        link = take_link(session, digest(token))
        if link.kind == "recovery":
            raise no_link()
        grant(session, gate, link, present.who.account)
        end_all(session, present.who.account, but=present.session)
        return Opened(present.who.account, renewed(row), login=present.login)


# -- for those who join ---


def take_link(session: Session, kept: str) -> Link:
    """Use a link up. ``kept``: the hash of its token. Of two who use it at the same time one gets the error.

    Raises `InputError`.
    """
    found = link_of(session, kept)
    if found is None or session.scalar(delete(Link).where(Link.id == found.id).returning(Link.id)) is None:
        raise no_link()
    session.expunge(found)
    return found


def grant(session: Session, gate: Gate, link: Link, account: str) -> None:
    """Give the roles that a link promised."""
    if link.kind == "first admin":
        for role in FIRST_ROLES:
            put_grant(session, account, role, EVERYWHERE, by=OPERATOR.account)
        return
    role = checked_role(link.role)
    until = checked_until(gate, role, link.until)
    put_grant(session, account, role, link.collection, by=link.by, until=until, why=link.note)


def wipe(session: Session, account: Account) -> tuple[str, ...]:
    """Take away every key that somebody had, and every login. Returns new recovery codes."""
    for kind in (Password, Codes, RecoveryCode, Passkey, Identity, Device, Token, Ceremony):
        session.execute(delete(kind).where(kind.account == account.id))
    end_all(session, account.id)
    note_event(session, "recovered", account.id)
    return put_recovery_codes(session, account.id)


def put_recovery(session: Session, account: str, *, by: str) -> LinkMade:
    """One that was made before is worth nothing from now on."""
    session.execute(delete(Link).where(Link.kind == "recovery", Link.account == account))
    note_event(session, "recovery link made", account, by=by)
    return put_link(session, "recovery", timedelta(hours=RECOVERY_HOURS), by=by, account=account)


def put_link(session: Session, kind: Kind, lasts: timedelta, *, by: str, **more: object) -> LinkMade:
    token = new_token()
    row = Link(kind=kind, hash=digest(token), by=by, expires=now() + lasts, **more)
    session.add(row)
    session.flush()
    return LinkMade(row.id, token, row.expires)


def link_of(session: Session, kept: str) -> Link | None:
    found = session.scalar(select(Link).where(Link.hash == kept))
    if found is None or not same(found.hash, kept) or found.expires <= now():
        return None
    return found if backed(session, found) else None


def backed(session: Session, link: Link) -> bool:
    """Whether whoever made it still could."""
    if link.kind == "first admin":
        return not has_admin(session)
    if link.by == OPERATOR.account:
        return True
    maker = session.get(Account, link.by)
    if maker is None:
        return False
    who = made(maker, held_by(session, maker.id), strong=True)
    if link.kind == "recovery":
        return any(may(who, Action.RECOVER_CONTRIBUTOR, one.collection) for one in who.valid())
    return may(who, giving(checked_role(link.role)), place(link.collection))


def no_link() -> InputError:
    return InputError(
        "This link is used up, has ended, or was never one.",
        "If you have just used it, log in. Or else ask for a new one.",
    )


def invited(found: Link, owner: Account | None) -> Invited:
    roles = {"first admin": FIRST_ROLES, "recovery": ()}.get(found.kind, (cast("Role", found.role),))
    collection = EVERYWHERE if found.kind == "first admin" else found.collection
    return Invited(
        cast("Kind", found.kind), roles, collection, found.until, found.expires, owner.name if owner else ""
    )


def link_row(one: Link) -> LinkRow:
    return LinkRow(one.id, cast("Role", one.role), one.collection, one.by, one.note, one.created, one.expires)
