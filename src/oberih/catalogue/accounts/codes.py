"""Codes from an authenticator app (TOTP, RFC 6238), and recovery codes for the day when something is lost.

A code of the app works once: the step of time of the last one is kept, and only later ones count. A new app
takes the place of the old one when its first code was right, not before.
"""

import base64
from dataclasses import dataclass, field
from datetime import timedelta

import pyotp
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from oberih.catalogue.access import Action, demand
from oberih.catalogue.accounts.events import note_event
from oberih.catalogue.accounts.gate import Gate, Visit
from oberih.catalogue.accounts.keys import digest, new_code, same, typed_code
from oberih.catalogue.accounts.limits import Bucket, Limit, give_back, slow_down
from oberih.catalogue.accounts.sessions import Opened, Present, confirmed, end_all, session_row
from oberih.catalogue.accounts.tables import Account, Ceremony, Codes, Password, RecoveryCode
from oberih.catalogue.database import Database, now
from oberih.errors import Conflict, InputError

__all__ = [
    "RECOVERY_CODES",
    "CodesStart",
    "begin_codes",
    "codes_begun",
    "confirm_codes",
    "has_codes",
    "is_recovery_code",
    "new_recovery_codes",
    "put_recovery_codes",
    "recovery_codes_left",
    "remove_codes",
    "spend_code",
    "spend_recovery_code",
]

RECOVERY_CODES = 10
TIME = timedelta(minutes=30)  # to set up an app
AROUND = (-1, 0, 1)  # steps of 30 s by which the clocks may differ
SET_UP = Limit(free=20, first_s=60, worst_s=900)


@dataclass(frozen=True)
class CodesStart:
    """What an app is given: the key in base 32, and the same as an otpauth address (for a QR code)."""

    secret: str = field(repr=False)
    address: str = field(repr=False)


def begin_codes(database: Database, gate: Gate, present: Present) -> CodesStart:
    """Begin to set up an app. Raises `NotAllowed` if it is too long ago that they showed who they are."""
    demand(present.who, Action.CHANGE_KEYS)
    secret = pyotp.random_base32()
    sealed = base64.b64encode(gate.key.seal(secret, begun(present))).decode()
    with database.writing(present.who.actor, "set up codes") as session:
        session.execute(delete(Ceremony).where(Ceremony.hash == digest(begun(present))))
        session.add(Ceremony(
            hash=digest(begun(present)), kind="codes", account=present.who.account, data={"sealed": sealed},
            expires=now() + TIME,
        ))  # fmt: skip
    return start_of(secret, gate, present)


def codes_begun(database: Database, gate: Gate, present: Present) -> CodesStart | None:
    """What was begun in this session and can be confirmed still, to be shown again."""
    with database.reading() as session:
        row = session.get(Ceremony, digest(begun(present)))
    if row is None or row.expires <= now():
        return None
    return start_of(gate.key.opened(base64.b64decode(row.data["sealed"]), begun(present)), gate, present)


def start_of(secret: str, gate: Gate, present: Present) -> CodesStart:
    name = present.login or present.name
    return CodesStart(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=gate.title))


def confirm_codes(database: Database, gate: Gate, visit: Visit, present: Present, code: str) -> Opened:
    """The first code of the app: from now on codes are asked for, and all other logins end.

    Raises `InputError` if it is wrong, `Conflict` if nothing was begun, `TooManyTries`.
    """
    demand(present.who, Action.CHANGE_KEYS)
    account, buckets = present.who.account, [Bucket(("codes", present.who.account), SET_UP, clears=True)]
    with database.writing(present.who.actor, "set up codes") as session:
        slow_down(session, gate.key, buckets)
        begun_row = session.get(Ceremony, digest(begun(present)))
    if begun_row is None or begun_row.expires <= now():
        raise Conflict("Setting up codes was not begun, or took too long.", "Begin again.")
    secret = gate.key.opened(base64.b64decode(begun_row.data["sealed"]), begun(present))
    step = right_step(secret, code, after=0)
    if step is None:
        raise InputError(
            "This code is wrong.", "Take the newest one, and see that the phone's clock is right."
        )
    with database.writing(present.who.actor, "set up codes") as session:
        row = session_row(session, present)
        session.execute(delete(Ceremony).where(Ceremony.hash == begun_row.hash))
        kept = session.get(Codes, account) or Codes(account=account)
        kept.sealed, kept.since, kept.step = gate.key.seal(secret, account), now(), step
        session.add(kept)
        end_all(session, account, but=present.session)
        give_back(session, gate.key, buckets)
        note_event(session, "codes set up", account, gate=gate, visit=visit)
        return Opened(account, confirmed(row, strong=True), login=present.login)


def remove_codes(database: Database, present: Present) -> None:
    """Ask for codes no more. Raises `NotAllowed`, and `Conflict` for staff who use a password."""
    demand(present.who, Action.CHANGE_KEYS)
    with database.writing(present.who.actor, "remove codes") as session:
        if present.who.staff and session.get(Password, present.who.account) is not None:
            raise Conflict(
                "Admins and custodians who use a password need codes.",
                "Add a passkey, and remove the password first.",
            )
        session.execute(delete(Codes).where(Codes.account == present.who.account))
        note_event(session, "codes removed", present.who.account)


def has_codes(session: Session, account: str) -> bool:
    return session.get(Codes, account) is not None


def spend_code(session: Session, gate: Gate, account: str, code: str) -> bool:
    """Whether ``code`` is right now and was not used before; then it is used."""
    row = session.get(Codes, account, with_for_update=True)
    if row is None:
        return False
    step = right_step(gate.key.opened(row.sealed, account), code, after=row.step)
    if step is None:
        return False
    row.step = step
    session.flush()
    return True


def right_step(secret: str, code: str, after: int) -> int | None:
    """The step of time of which ``code`` is, if it is one around now and later than ``after``."""
    totp = pyotp.TOTP(secret)
    typed = "".join(code.split())[:10]
    present = totp.timecode(now())
    found = [at for at in (present + offset for offset in AROUND) if same(totp.generate_otp(at), typed)]
    return next((at for at in found if at > after), None)


def begun(present: Present) -> str:
    return f"codes {present.session}"


# -- recovery codes ---


def new_recovery_codes(database: Database, present: Present) -> tuple[str, ...]:
    """Ten new ones, to be shown once; the old ones are worth nothing from now on. Raises `NotAllowed`."""
    demand(present.who, Action.CHANGE_KEYS)
    with database.writing(present.who.actor, "make recovery codes") as session:
        made = put_recovery_codes(session, present.who.account)
        note_event(session, "recovery codes made", present.who.account)
        return made


def put_recovery_codes(session: Session, account: str) -> tuple[str, ...]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.account == account))
    made = tuple(new_code() for _ in range(RECOVERY_CODES))
    session.add_all(RecoveryCode(hash=digest(code), account=account) for code in made)
    return made


def recovery_codes_left(database: Database, account: str) -> int:
    wanted = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.account == account)
    with database.reading() as session:
        return session.scalar(wanted) or 0


def is_recovery_code(session: Session, account: Account, typed: str) -> bool:
    """Whether it is one of the account's that was not used yet."""
    found = session.get(RecoveryCode, digest(typed_code(typed)))
    return found is not None and same(found.account, account.id)


def spend_recovery_code(session: Session, account: Account, typed: str) -> bool:
    """Use a code up. Of two who use it at the same time, one gets False."""
    wanted = (RecoveryCode.hash == digest(typed_code(typed)), RecoveryCode.account == account.id)
    return session.scalar(delete(RecoveryCode).where(*wanted).returning(RecoveryCode.hash)) is not None
