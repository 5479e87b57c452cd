"""Logging in with a name, and showing again who one is.

What shows who somebody is: the password, a code of their app, a recovery code. One is enough for those who
set up no app; two for those who did, and for staff whenever the password is not among them. So a recovery
code stands in for one thing that was lost, never for two. A name that nobody has is answered in the same
words, and after the same work, as a wrong password.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.catalogue.access import STAFF, Action, demand
from oberih.catalogue.accounts.codes import has_codes, is_recovery_code, spend_code, spend_recovery_code
from oberih.catalogue.accounts.events import note_event
from oberih.catalogue.accounts.gate import Gate, Visit
from oberih.catalogue.accounts.keys import digest, network_of
from oberih.catalogue.accounts.limits import Bucket, Limit, give_back, slow_down
from oberih.catalogue.accounts.names import skeleton
from oberih.catalogue.accounts.passwords import checked_password, is_right, normal, outdated, password_hash
from oberih.catalogue.accounts.sessions import (
    Opened,
    Present,
    confirmed,
    end_all,
    held_by,
    open_session,
    renewed,
    session_row,
)
from oberih.catalogue.accounts.tables import Account, Device, Identity, Passkey, Password
from oberih.catalogue.database import Database, now
from oberih.errors import Conflict, OberihError
from oberih.i18n import say

__all__ = [
    "CannotEnter",
    "Reason",
    "change_password",
    "confirm",
    "log_in",
    "put_password",
    "refuse_last_way",
]

NAME_LETTERS = 200  # more are not looked at
PAIR = Limit(free=5, first_s=2, worst_s=900)
STRANGERS = Limit(free=100, first_s=60, worst_s=3600)  # NIST SP 800-63B: at most 100 for an account
NETWORK = Limit(free=100, first_s=10, worst_s=900, window_s=3600)

Reason = Literal["wrong", "no way back", "code", "more", "closed", "passkey", "institution"]

SAYS: Final[Mapping[Reason, tuple[str, str]]] = MappingProxyType({
    "wrong": (
        say("The name, the password or the code is wrong."),
        say(
            "Look at the keyboard's language and at capital letters. If a number was added to your name, it "
            "stands with your recovery codes. If you have such a code: “I can't log in any more”."
        ),
    ),
    "no way back": (
        say("The name, the recovery code or what was given with it is wrong."),
        say(
            "Each code works once. If a number was added to your name, it stands with the codes. If none is "
            "left: ask an admin in person."
        ),
    ),
    "code": (
        say("A code from your app is needed."),
        say(
            "Type the six digits that it shows now; each works once. If you have a recovery code: "
            "“I can't log in any more”."
        ),
    ),
    "more": (
        say("A recovery code alone is not enough for this account."),
        say("Give your password with it, or a code from your app. If you lost both, ask an admin in person."),
    ),
    "passkey": (
        say("This passkey is not known here, or its answer came too late."),
        say("Try again, or come in another way."),
    ),
    "institution": (
        say("The institution did not confirm who you are, or you are not known here."),
        say("Try again. If you are new here, ask for an invitation."),
    ),
    "closed": (say("This account is closed."), say("Ask an admin.")),
})  # fmt: skip


class CannotEnter(OberihError):
    """Somebody cannot come in, for the reason ``why``."""

    def __init__(self, why: Reason) -> None:
        super().__init__(*SAYS[why])
        self.why = why


@dataclass(frozen=True)
class Given:
    """What somebody gave to show who they are. ``right``: of the password; None: none was given."""

    right: bool | None
    code: str
    recovery: str = ""


@dataclass(frozen=True)
class Shown:
    """They are who they say. ``strong``: in two ways."""

    strong: bool
    with_password: bool


def log_in(
    database: Database, gate: Gate, visit: Visit, login: str, password: str = "", *, code: str = "",
    recovery: str = "",
) -> Opened:  # fmt: skip
    """Log in with a name and what shows who one is.

    Raises `CannotEnter`; "code": the password was right, to be given again with a code. `TooManyTries`.
    """
    name = skeleton(login[:NAME_LETTERS])
    with database.writing("service", "log in") as session:
        account = session.scalar(select(Account).where(Account.login_key == name)) if name else None
        buckets = buckets_of(session, visit, name, account)
        slow_down(session, gate.key, buckets)
        kept = session.scalar(
            select(Password.hash).where(Password.account == (account.id if account else ""))
        )
    right = is_right(password, kept) if password or not recovery else None
    newer = password_hash_again(password, kept) if right and kept else None
    with database.writing("service", "log in") as session:
        account = session.get(Account, account.id) if account else None
        outcome = judged(session, gate, account, Given(right, code, recovery))
        if isinstance(outcome, Shown) and account is not None:
            if newer:
                session.get_one(Password, account.id).hash = newer
            give_back(session, gate.key, buckets)
            way: Literal["password", "recovery"] = "password" if outcome.with_password else "recovery"
            return open_session(session, gate, visit, account, way, strong=outcome.strong)
        note_event(session, "refused", account.id if account else "", gate=gate, visit=visit)
    why = outcome if isinstance(outcome, str) else "wrong"
    raise CannotEnter("no way back" if recovery and why == "wrong" else why)


def confirm(
    database: Database, gate: Gate, visit: Visit, present: Present, password: str = "", *, code: str = ""
) -> Opened:
    """Show again who one is, for what is dangerous. Returns the session's new token.

    Raises what `log_in` raises.
    """
    account_id = present.who.account
    buckets = [Bucket(("confirm", account_id), PAIR, clears=True)]
    with database.writing(present.who.actor, "confirm") as session:
        slow_down(session, gate.key, buckets)
        kept = session.scalar(select(Password.hash).where(Password.account == account_id))
    right = is_right(password, kept)
    with database.writing(present.who.actor, "confirm") as session:
        row = session_row(session, present)
        outcome = judged(session, gate, session.get(Account, account_id), Given(right, code))
        if isinstance(outcome, Shown):
            give_back(session, gate.key, buckets)
            note_event(session, "confirmed", account_id, gate=gate, visit=visit)
            return Opened(account_id, confirmed(row, strong=outcome.strong), login=present.login)
        note_event(session, "refused", account_id, gate=gate, visit=visit)
    raise CannotEnter(outcome)


def judged(session: Session, gate: Gate, account: Account | None, given: Given) -> Shown | Reason:
    """Whether what was given is enough; what works once is used up only then."""
    if account is None or given.right is False:
        return "wrong"
    if given.recovery and not is_recovery_code(session, account, given.recovery):
        return "wrong"
    staff = any(one.role in STAFF for one in held_by(session, account.id))
    app = has_codes(session, account.id)
    proofs = (given.right is True) + bool(given.recovery) + bool(given.code and app)
    needed = 2 if app or (staff and given.right is None) else 1
    if proofs < needed:
        return "more" if given.recovery else "code" if given.right else "wrong"
    if given.code and app and not spend_code(session, gate, account.id, given.code):
        return "code" if given.right else "wrong"
    if given.recovery and not spend_recovery_code(session, account, given.recovery):
        return "wrong"
    if account.disabled is not None:
        return "closed"
    if given.recovery:
        note_event(session, "recovery code used", account.id)
    return Shown(strong=proofs >= 2, with_password=given.right is True)


def buckets_of(session: Session, visit: Visit, name: str, account: Account | None) -> Sequence[Bucket]:
    device = session.get(Device, digest(visit.device)) if visit.device else None
    if device is not None and account is not None and device.account == account.id:
        return [Bucket(("login device", device.hash), PAIR, clears=True)]
    network = network_of(visit.address)
    return [
        Bucket(("login pair", name, network), PAIR, clears=True),
        Bucket(("login name", name), STRANGERS),
        Bucket(("login network", network), NETWORK),
    ]


def change_password(database: Database, gate: Gate, visit: Visit, present: Present, password: str) -> Opened:
    """A new password, or the first one; all other logins end. Returns the session's new token.

    Raises `NotAllowed` if it is too long ago that they showed who they are, `InputError` if it is too weak.
    """
    demand(present.who, Action.CHANGE_KEYS)
    made = password_hash(checked_password(password, [present.login, present.name, present.public_name]))
    with database.writing(present.who.actor, "change password") as session:
        row = session_row(session, present)
        put_password(session, present.who.account, made)
        end_all(session, present.who.account, but=present.session)
        note_event(session, "password changed", present.who.account, gate=gate, visit=visit)
        return Opened(present.who.account, renewed(row), login=present.login)


def put_password(session: Session, account: str, made: str) -> None:
    kept = session.get(Password, account) or Password(account=account)
    kept.hash, kept.changed = made, now()
    session.add(kept)


def password_hash_again(password: str, kept: str) -> str | None:
    """A hash with the parameters of today, if the one that is kept has others."""
    return password_hash(normal(password)) if outdated(kept) else None


def refuse_last_way(session: Session, account: str) -> None:
    """Raise `Conflict` if nobody could come in any more."""
    for kind in (Password, Passkey, Identity):
        if session.scalar(select(kind.account).where(kind.account == account).limit(1)) is not None:
            return
    raise Conflict("This is the only way into the account.", "First add another one.")
