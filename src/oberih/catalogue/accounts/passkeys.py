"""Passkeys (WebAuthn): keys that a device holds, and that work for this address only.

They are discoverable, so nobody has to type a name. Each challenge lies here for ten minutes and is good for
one right answer. Whether the device asked who holds it (finger, face, PIN) is kept with the session; without
that, the rights of staff are withheld.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.exceptions import UnsupportedAlgorithm as UnknownAlgorithm
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    generate_challenge,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from oberih.catalogue.access import Action, demand
from oberih.catalogue.accounts.ceremonies import begin, finish
from oberih.catalogue.accounts.events import note_event
from oberih.catalogue.accounts.gate import Gate, Visit
from oberih.catalogue.accounts.keys import network_of
from oberih.catalogue.accounts.limits import Bucket, Limit, slow_down
from oberih.catalogue.accounts.login import CannotEnter, refuse_last_way
from oberih.catalogue.accounts.names import checked_name
from oberih.catalogue.accounts.sessions import (
    Opened,
    Present,
    confirmed,
    open_session,
    session_row,
)
from oberih.catalogue.accounts.tables import Account, Passkey
from oberih.catalogue.database import Database, now
from oberih.errors import Conflict, InputError
from oberih.i18n import say

__all__ = [
    "Challenge",
    "PasskeyRow",
    "add_passkey",
    "begin_confirm_with_passkey",
    "begin_passkey",
    "begin_passkey_login",
    "confirm_with_passkey",
    "log_in_with_passkey",
    "passkeys_of",
    "put_passkey",
    "registration",
    "remove_passkey",
    "verified_key",
]

MOST = 20  # of one account
TIMEOUT_MS = 300_000  # that the browser waits
ANSWER_LETTERS = 100_000
NOTHING: Mapping[str, Any] = {}  # was begun: no answer is right
BEGINNING = Limit(free=300, first_s=5, worst_s=300, window_s=3600)
WRONG_ANSWERS = (
    WebAuthnException, InvalidSignature, UnknownAlgorithm, ValueError, TypeError, KeyError, IndexError,
    AttributeError, OverflowError, RecursionError,
)  # fmt: skip
"""What the library raises for answers that no browser gives."""


@dataclass(frozen=True)
class Challenge:
    """``options`` (JSON) are for `navigator.credentials`; ``token`` comes back with the answer."""

    token: str = field(repr=False)
    options: str


@dataclass(frozen=True)
class NewKey:
    """A key that a device has made. ``asked``: it asked who held it."""

    credential: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    transports: tuple[str, ...]  # ways by which the device says that it can be reached
    asked: bool


@dataclass(frozen=True)
class PasskeyRow:
    id: str
    name: str
    created: datetime
    used: date | None


# -- a new one ---


def begin_passkey(database: Database, gate: Gate, present: Present) -> Challenge:
    """Begin to add a passkey. Raises `NotAllowed` if it is too long ago that they showed who they are."""
    demand(present.who, Action.CHANGE_KEYS)
    account = present.who.account
    with database.writing(present.who.actor, "add passkey") as session:
        known = session.scalars(select(Passkey).where(Passkey.account == account)).all()
        if len(known) >= MOST:
            raise Conflict(say("You have {count} passkeys already.", count=len(known)), "First remove one.")
        name = present.login or present.name
        options, data = registration(gate, account, name, known=known, staff=present.who.staff)
        return Challenge(begin(session, "passkey", data, account), options)


def add_passkey(
    database: Database, gate: Gate, visit: Visit, present: Present, token: str, answer: str, name: str
) -> Opened:
    """Keep the passkey that the browser made. Returns the session's new token.

    Raises `NotAllowed`, `InputError` if the answer is wrong or too late.
    """
    demand(present.who, Action.CHANGE_KEYS)
    account = present.who.account
    with database.writing(present.who.actor, "add passkey") as session:
        row = session_row(session, present)
        begun = finish(session, "passkey", token)
        data = begun.data if begun is not None and begun.account == account else NOTHING
        key = verified_key(gate, data, answer)
        put_passkey(session, account, key, name)
        note_event(session, "passkey added", account, gate=gate, visit=visit)
        return Opened(account, confirmed(row, strong=key.asked), login=present.login)


def registration(
    gate: Gate, account: str, name: str, *, known: Sequence[Passkey] = (), staff: bool = False
) -> tuple[str, dict[str, Any]]:
    """Options for a browser (JSON), and what to compare its answer with."""
    challenge = generate_challenge()
    options = generate_registration_options(
        rp_id=gate.host, rp_name=gate.title, user_id=account.encode(), user_name=name, user_display_name=name,
        challenge=challenge, timeout=TIMEOUT_MS, exclude_credentials=[descriptor(one) for one in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=verification(staff)
        ),
    )  # fmt: skip
    return options_to_json(options), {"challenge": bytes_to_base64url(challenge), "staff": staff}


def verified_key(gate: Gate, data: Mapping[str, Any], answer: str) -> NewKey:
    """The key in a browser's answer. Raises `InputError`."""
    try:
        credential = parse_registration_credential_json(answer[:ANSWER_LETTERS])
        key = verify_registration_response(
            credential=credential, expected_challenge=base64url_to_bytes(data["challenge"]),
            expected_rp_id=gate.host, expected_origin=gate.origin, require_user_verification=data["staff"],
        )  # fmt: skip
        decoded_public_key_to_cryptography(decode_credential_public_key(key.credential_public_key))
    except WRONG_ANSWERS as error:
        raise InputError("The device's answer is wrong, or came too late.", "Try again.") from error
    ways = tuple(one.value for one in credential.response.transports or ())
    return NewKey(key.credential_id, key.credential_public_key, key.sign_count, ways, key.user_verified)


def put_passkey(session: Session, account: str, key: NewKey, name: str) -> None:
    """Raises `Conflict` if somebody has it already."""
    session.add(Passkey(
        account=account, credential=bytes_to_base64url(key.credential), public_key=key.public_key,
        sign_count=key.sign_count, transports=list(key.transports), name=checked_name(name or say("Passkey")),
    ))  # fmt: skip
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict("This passkey is known already.", "Log in with it.") from error


def passkeys_of(database: Database, account: str) -> Sequence[PasskeyRow]:
    wanted = select(Passkey).where(Passkey.account == account).order_by(Passkey.created, Passkey.id)
    with database.reading() as session:
        return [PasskeyRow(one.id, one.name, one.created, one.used) for one in session.scalars(wanted)]


def remove_passkey(database: Database, present: Present, passkey: str) -> None:
    """Raises `NotAllowed`, and `Conflict` if it is the only way in."""
    demand(present.who, Action.CHANGE_KEYS)
    with database.writing(present.who.actor, "remove passkey") as session:
        mine = (Passkey.id == passkey, Passkey.account == present.who.account)
        if session.scalar(delete(Passkey).where(*mine).returning(Passkey.id)) is None:
            return
        refuse_last_way(session, present.who.account)
        note_event(session, "passkey removed", present.who.account)


# -- coming in with one ---


def begin_passkey_login(database: Database, gate: Gate, visit: Visit) -> Challenge:
    """Begin to log in with any passkey that the device has for this address. Raises `TooManyTries`."""
    with database.writing("service", "log in") as session:
        slow_down(session, gate.key, [Bucket(("passkey", network_of(visit.address)), BEGINNING)])
        options, data = assertion(gate, (), staff=False)
        return Challenge(begin(session, "passkey login", data), options)


def log_in_with_passkey(database: Database, gate: Gate, visit: Visit, token: str, answer: str) -> Opened:
    """Raises `CannotEnter`."""
    with database.writing("service", "log in") as session:
        found = answered(session, gate, visit, "passkey login", token, answer)
        if found is not None and found[0].disabled is None:
            account, seen = found
            return open_session(session, gate, visit, account, "passkey", strong=seen.user_verified)
        note_event(session, "refused", found[0].id if found else "", gate=gate, visit=visit)
    raise CannotEnter("passkey" if found is None else "closed")


def begin_confirm_with_passkey(database: Database, gate: Gate, present: Present) -> Challenge:
    """Begin to show again who one is. Raises `Conflict` if there is no passkey."""
    demand(present.who, Action.CHANGE_ACCOUNT)
    with database.writing(present.who.actor, "confirm") as session:
        known = session.scalars(select(Passkey).where(Passkey.account == present.who.account)).all()
        if not known:
            raise Conflict("You have no passkey.", "Use your password.")
        options, data = assertion(gate, known, staff=present.who.staff)
        return Challenge(begin(session, "passkey confirm", data, present.who.account), options)


def confirm_with_passkey(
    database: Database, gate: Gate, visit: Visit, present: Present, token: str, answer: str
) -> Opened:
    """Returns the session's new token. Raises `CannotEnter`."""
    with database.writing(present.who.actor, "confirm") as session:
        row = session_row(session, present)
        found = answered(session, gate, visit, "passkey confirm", token, answer)
        if found is not None and found[0].id == present.who.account and found[0].disabled is None:
            note_event(session, "confirmed", present.who.account, gate=gate, visit=visit)
            new = confirmed(row, strong=found[1].user_verified)
            return Opened(present.who.account, new, login=present.login)
        note_event(session, "refused", present.who.account, gate=gate, visit=visit)
    raise CannotEnter("passkey")


def assertion(gate: Gate, known: Sequence[Passkey], *, staff: bool) -> tuple[str, dict[str, Any]]:
    """Options for a browser (JSON), and what to compare its answer with."""
    challenge = generate_challenge()
    options = generate_authentication_options(
        rp_id=gate.host, challenge=challenge, timeout=TIMEOUT_MS, user_verification=verification(staff),
        allow_credentials=[descriptor(one) for one in known],
    )  # fmt: skip
    return options_to_json(options), {"challenge": bytes_to_base64url(challenge), "staff": staff}


def answered(
    session: Session, gate: Gate, visit: Visit, kind: str, token: str, answer: str
) -> tuple[Account, VerifiedAuthentication] | None:
    """Whose passkey answered the challenge; None: the answer is wrong."""
    begun = finish(session, kind, token)
    try:
        credential = parse_authentication_credential_json(answer[:ANSWER_LETTERS])
        passkey = session.scalar(
            select(Passkey).where(Passkey.credential == credential.id[:1400]).with_for_update()
        )
        if begun is None or passkey is None or begun.account not in (None, passkey.account):
            return None
        handle = credential.response.user_handle
        if handle is not None and handle != passkey.account.encode():
            return None
        seen = verify_authentication_response(
            credential=credential, expected_challenge=base64url_to_bytes(begun.data["challenge"]),
            expected_rp_id=gate.host, expected_origin=gate.origin,
            credential_public_key=passkey.public_key, credential_current_sign_count=0,
            require_user_verification=begun.data["staff"],
        )  # fmt: skip
    except WRONG_ANSWERS:
        return None
    account = session.get_one(Account, passkey.account)
    counts = seen.new_sign_count > 0 or passkey.sign_count > 0
    if counts and seen.new_sign_count <= passkey.sign_count:
        note_event(session, "passkey copied", account.id, gate=gate, visit=visit, note=passkey.id)
        return None
    passkey.sign_count, passkey.used = seen.new_sign_count, now().date()
    return account, seen


def verification(staff: bool) -> UserVerificationRequirement:
    return UserVerificationRequirement.REQUIRED if staff else UserVerificationRequirement.PREFERRED


def descriptor(one: Passkey) -> PublicKeyCredentialDescriptor:
    kinds = [AuthenticatorTransport(kind) for kind in one.transports]
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential), transports=kinds or None)
