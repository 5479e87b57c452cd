"""Coming in for the first time, or again after all was lost: by a link, or because anybody may register.

Account, roles and the first key are made in one transaction with the use of the link: nobody ends up with an
account that they cannot enter.
"""

from dataclasses import asdict, dataclass, replace

from sqlalchemy.orm import Session

from oberih.catalogue.access import EVERYWHERE
from oberih.catalogue.accounts.ceremonies import begin, finish
from oberih.catalogue.accounts.codes import put_recovery_codes
from oberih.catalogue.accounts.events import note_event
from oberih.catalogue.accounts.gate import Gate, Visit
from oberih.catalogue.accounts.keys import digest, network_of
from oberih.catalogue.accounts.limits import Bucket, Limit, slow_down
from oberih.catalogue.accounts.links import grant, link_of, no_link, take_link, wipe
from oberih.catalogue.accounts.login import CannotEnter, put_password
from oberih.catalogue.accounts.names import checked_login, checked_name
from oberih.catalogue.accounts.passkeys import Challenge, put_passkey, registration, verified_key
from oberih.catalogue.accounts.passwords import checked_password, password_hash
from oberih.catalogue.accounts.people import login_taken, new_account, taken
from oberih.catalogue.accounts.roles import put_grant, someone
from oberih.catalogue.accounts.sessions import Opened, Way, open_session
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.database import Database
from oberih.catalogue.tables import new_id
from oberih.errors import InputError

__all__ = ["Profile", "begin_join", "come_in", "hashed", "join_with_passkey", "join_with_password", "opened"]

JOINING = Limit(free=100, first_s=60, worst_s=900)
STAFF_ROLES = ("admin", "custodian", "")  # "": of the first admin


@dataclass(frozen=True)
class Profile:
    """What somebody says of themselves when they join. ``login``: empty: from the name."""

    name: str
    login: str = ""
    public_name: str = ""
    language: str = ""
    email: str = ""


def join_with_password(
    database: Database, gate: Gate, visit: Visit, password: str, *, profile: Profile | None = None,
    token: str = "",
) -> Opened:  # fmt: skip
    """Join with a password; ``token``: of an invitation, of the first admin's link, or of one to recover
    (which needs no profile). `Opened.login` is the name to log in with, which may differ from the wish.

    Raises `InputError`, `TooManyTries`, `CannotEnter`.
    """
    counted(database, gate, visit)
    profile = replace(profile, login=profile.login or profile.name) if profile else None
    about = (profile.login, profile.name) if profile else ()
    made = password_hash(checked_password(password, about))
    with database.writing("service", "join") as session:
        account, codes = come_in(session, gate, visit, profile, hashed(token))
        put_password(session, account.id, made)
        return opened(session, gate, visit, account, codes, "link" if token else "password", strong=False)


def begin_join(
    database: Database, gate: Gate, visit: Visit, *, profile: Profile | None = None, token: str = ""
) -> Challenge:
    """Begin to join with a passkey. Raises `InputError`, `TooManyTries`."""
    counted(database, gate, visit)
    with database.writing("service", "join") as session:
        refuse_closed(gate, token)
        link = link_of(session, hashed(token)) if token else None
        if token and link is None:
            raise no_link()
        if link is not None and link.kind == "recovery":
            account, name = link.account or "", someone(session, link.account or "").name
        else:
            account, name = new_id(), checked_name(profile.name if profile else "")
            refuse_login(session, profile, invited=link is not None)
        staff = link is not None and link.role in STAFF_ROLES
        options, data = registration(gate, account, name, staff=staff)
        more = {"account": account, "profile": asdict(profile) if profile else None}
        return Challenge(begin(session, "join", {**data, **more}), options)


def refuse_login(session: Session, profile: Profile | None, *, invited: bool) -> None:
    """Raise `InputError` for a wish that would be refused: before there is a passkey."""
    if profile is not None and profile.login:
        login = checked_login(profile.login)
        if invited and taken(session, login):
            raise login_taken()


def join_with_passkey(
    database: Database, gate: Gate, visit: Visit, challenge: str, answer: str, *, token: str = "",
    key_name: str = "",
) -> Opened:  # fmt: skip
    """Join with the passkey that the browser made. ``challenge``: `Challenge.token`; ``token``: of the link.

    Raises `InputError`, `CannotEnter`.
    """
    with database.writing("service", "join") as session:
        begun = finish(session, "join", challenge)
        if begun is None:
            raise InputError("This took too long.", "Begin again.")
        key = verified_key(gate, begun.data, answer)
        given = begun.data["profile"]
        profile = Profile(**given) if given else None
        made = begun.data["account"]
        account, codes = come_in(session, gate, visit, profile, hashed(token), identifier=made)
        put_passkey(session, account.id, key, key_name)
        return opened(session, gate, visit, account, codes, "passkey", strong=key.asked)


def come_in(
    session: Session, gate: Gate, visit: Visit, profile: Profile | None, kept: str, *, identifier: str = ""
) -> tuple[Account, tuple[str, ...]]:  # fmt: skip
    """The account, new or found again, with its roles and recovery codes; the key to it comes next.
    ``kept``: the hash of a link's token, or "".
    """
    refuse_closed(gate, kept)
    link = take_link(session, kept) if kept else None
    if link is not None and link.kind == "recovery":
        account = someone(session, link.account or "")
        if identifier not in ("", account.id):
            raise no_link()
        if account.disabled is not None:
            raise CannotEnter("closed")
        return account, wipe(session, account)
    if profile is None:
        raise InputError("A name is needed.", "Any name will do; it need not be your real one.")
    account = new_account(
        session, name=profile.name, login=profile.login,
        public_name=profile.public_name, language=profile.language, email=profile.email,
        invited=link is not None, identifier=identifier,
    )  # fmt: skip
    if link is None:
        put_grant(session, account.id, "contributor", EVERYWHERE, by="service")
    else:
        grant(session, gate, link, account.id)
    note_event(session, "joined", account.id, gate=gate, visit=visit)
    return account, put_recovery_codes(session, account.id)


def opened(
    session: Session, gate: Gate, visit: Visit, account: Account, codes: tuple[str, ...], way: Way, *,
    strong: bool,
) -> Opened:  # fmt: skip
    session.flush()
    return replace(open_session(session, gate, visit, account, way, strong=strong), recovery_codes=codes)


def counted(database: Database, gate: Gate, visit: Visit) -> None:
    with database.writing("service", "join") as session:
        slow_down(session, gate.key, [Bucket(("join", network_of(visit.address)), JOINING)])


def hashed(token: str) -> str:
    return digest(token) if token else ""


def refuse_closed(gate: Gate, token: str) -> None:
    """Raise `InputError` if one has to be invited, and is not."""
    if not token and gate.settings.registration != "open":
        raise InputError("One joins by invitation here.", "Ask an admin or a coordinator for one.")
