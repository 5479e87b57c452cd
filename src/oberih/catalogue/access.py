"""Who may do what: one table of actions and roles. What is not in it is denied.

A role is held in one collection, or in all (`EVERYWHERE`). `allowed` looks at nothing but what it is given;
work that runs later asks again for the person as they are then (see `accounts.who_again`), never for the
worker. `demand` is the same for those who would rather have an error.

Besides the role it takes

- for a thing of one's own: to be its owner,
- for `DANGEROUS` actions: to have proved within the last ten minutes that it is oneself,
- for rights of staff: to have come in with two factors, or with a key that asks who holds it,
- with a token for programs: a scope that covers the action, and never anything dangerous.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from sqlalchemy.orm import Session

from oberih.catalogue.database import Database, now
from oberih.catalogue.ledger import happened
from oberih.errors import NotInArchive, OberihError
from oberih.i18n import say

__all__ = [
    "DANGEROUS",
    "EVERYWHERE",
    "NOBODY",
    "OPERATOR",
    "OWN",
    "RECENT",
    "ROLES",
    "SCOPES",
    "STAFF",
    "TABLE",
    "Action",
    "Held",
    "NotAllowed",
    "Role",
    "Who",
    "Why",
    "allowed",
    "demand",
    "giving",
    "hidden",
    "looking",
    "may",
    "own",
    "reach",
    "unseen",
    "verdict",
]

Role = Literal["contributor", "coordinator", "custodian", "partner", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
STAFF: Final[frozenset[Role]] = frozenset({"custodian", "admin"})
EVERYWHERE: Final = "*"
RECENT: Final = timedelta(minutes=10)


class Action(StrEnum):
    """Everything that somebody can do in the service. Its value is its name in the ledger."""

    # about oneself
    SEE_OWN = "see own contribution"
    WITHDRAW_OWN = "withdraw own contribution"
    CANCEL_OWN = "cancel own job"
    SEE_OWN_DATA = "see own data"
    CHANGE_ACCOUNT = "change own account"
    CHANGE_KEYS = "change own keys"
    MAKE_TOKEN = "make token"  # noqa: S105 - a name
    LEAVE = "leave"
    # recording
    CONTRIBUTE = "contribute"
    SEE_ZONES = "see zones"
    MANAGE_ZONES = "manage zones"
    # deciding
    LIST_QUEUE = "list queue"
    REVIEW = "review"
    RELEASE = "release from quarantine"
    EDIT = "edit description"
    REPORT_CONDITION = "report condition"
    SET_SENSITIVITY = "set sensitivity"
    CORRECT_BLUR = "correct blur"
    PUBLISH = "publish"
    UNPUBLISH = "unpublish"
    WITHDRAW = "withdraw"
    EDIT_COLLECTION = "edit collection"
    # what is sealed, or not public
    SEE_RECORD = "see record"
    SEE_PLACE = "see place"
    EXPORT = "export"
    # people
    SEE_PEOPLE = "see people"
    SEE_CONTACT = "see contact"
    MANAGE_ACCOUNTS = "manage accounts"
    RECOVER_CONTRIBUTOR = "recover contributor"
    GIVE_CONTRIBUTOR = "give role contributor"
    GIVE_COORDINATOR = "give role coordinator"
    GIVE_CUSTODIAN = "give role custodian"
    GIVE_PARTNER = "give role partner"
    GIVE_ADMIN = "give role admin"
    # running the service
    SEE_JOBS = "see jobs"
    CANCEL_JOB = "cancel job"
    SET_PRIORITY = "set priority"
    READ_AUDIT = "read audit"
    MAKE_COLLECTION = "make collection"
    BACKUP = "back up"


def roles(*given: Role) -> frozenset[Role]:
    return frozenset(given)


ANYONE: Final[frozenset[Role] | None] = None  # whoever has an account, also without a role
RECORDERS = roles("contributor", "coordinator", "custodian")
LEADERS = roles("coordinator", "custodian")
CUSTODIANS = roles("custodian")
ADMINS = roles("admin")

TABLE: Final[Mapping[Action, frozenset[Role] | None]] = MappingProxyType({
    Action.SEE_OWN: ANYONE,
    Action.WITHDRAW_OWN: ANYONE,
    Action.CANCEL_OWN: ANYONE,
    Action.SEE_OWN_DATA: ANYONE,
    Action.CHANGE_ACCOUNT: ANYONE,
    Action.CHANGE_KEYS: ANYONE,
    Action.MAKE_TOKEN: ANYONE,
    Action.LEAVE: ANYONE,
    Action.CONTRIBUTE: RECORDERS,
    Action.SEE_ZONES: LEADERS,
    Action.MANAGE_ZONES: LEADERS,
    Action.LIST_QUEUE: CUSTODIANS,
    Action.REVIEW: CUSTODIANS,
    Action.RELEASE: CUSTODIANS,
    Action.EDIT: CUSTODIANS,
    Action.REPORT_CONDITION: CUSTODIANS,
    Action.SET_SENSITIVITY: CUSTODIANS,
    Action.CORRECT_BLUR: CUSTODIANS,
    Action.PUBLISH: CUSTODIANS,
    Action.UNPUBLISH: CUSTODIANS,
    Action.WITHDRAW: CUSTODIANS,
    Action.EDIT_COLLECTION: CUSTODIANS,
    Action.SEE_RECORD: roles("custodian", "partner"),
    Action.SEE_PLACE: roles("custodian", "partner"),
    Action.EXPORT: roles("custodian", "partner"),
    Action.SEE_PEOPLE: roles("coordinator", "custodian", "admin"),
    Action.SEE_CONTACT: ADMINS,
    Action.MANAGE_ACCOUNTS: ADMINS,
    Action.RECOVER_CONTRIBUTOR: roles("custodian", "admin"),
    Action.GIVE_CONTRIBUTOR: roles("coordinator", "custodian", "admin"),
    Action.GIVE_COORDINATOR: roles("custodian", "admin"),
    Action.GIVE_CUSTODIAN: ADMINS,
    Action.GIVE_PARTNER: roles("custodian", "admin"),
    Action.GIVE_ADMIN: ADMINS,
    Action.SEE_JOBS: roles("custodian", "admin"),
    Action.CANCEL_JOB: roles("custodian", "admin"),
    Action.SET_PRIORITY: roles("custodian", "admin"),
    Action.READ_AUDIT: roles("custodian", "admin"),
    Action.MAKE_COLLECTION: ADMINS,
    Action.BACKUP: ADMINS,
})  # fmt: skip
"""The one table. An admin runs the service and sees nothing sealed; who is to do both holds both roles."""

OWN: Final = frozenset({Action.SEE_OWN, Action.WITHDRAW_OWN, Action.CANCEL_OWN})
"""Only the owner may: `allowed` has to be told whose it is."""

DANGEROUS: Final = frozenset({
    Action.CHANGE_KEYS, Action.MAKE_TOKEN, Action.LEAVE, Action.MANAGE_ACCOUNTS, Action.RECOVER_CONTRIBUTOR,
    Action.GIVE_COORDINATOR, Action.GIVE_CUSTODIAN, Action.GIVE_PARTNER, Action.GIVE_ADMIN,
    Action.BACKUP,
})  # fmt: skip

SCOPES: Final[Mapping[str, frozenset[Action]]] = MappingProxyType({
    "read:records": frozenset({Action.SEE_OWN, Action.SEE_RECORD, Action.LIST_QUEUE}),
    "write:contributions": frozenset({Action.CONTRIBUTE, Action.SEE_OWN, Action.CANCEL_OWN}),
    "write:records": frozenset({Action.EDIT, Action.REPORT_CONDITION}),
    "read:originals": frozenset({Action.EXPORT}),
    "read:places": frozenset({Action.SEE_PLACE}),
    "read:jobs": frozenset({Action.SEE_JOBS}),
})  # fmt: skip
"""What a token may be given. Reviewing and publishing is for people."""


@dataclass(frozen=True)
class Held:
    """A role that somebody has."""

    role: Role
    collection: str = EVERYWHERE
    until: datetime | None = None


@dataclass(frozen=True)
class Who:
    """Somebody who asks for something. Made by `accounts`, from a session, a token or an identifier."""

    account: str
    pseudonym: str | None = None
    held: tuple[Held, ...] = ()
    disabled: bool = False
    strong: bool = False  # came in with two factors, or with a key that asked who held it
    recent_until: datetime | None = field(default=None, compare=False)
    scopes: frozenset[str] | None = None  # of the token; None: came in person
    token: str | None = None  # its identifier

    @property
    def actor(self) -> str:
        """The name in the ledger: an identifier that tells nobody's name."""
        return self.account

    @property
    def staff(self) -> bool:
        return any(one.role in STAFF for one in self.valid())

    def asked(self) -> dict[str, Any]:
        """What to keep, as JSON, beside work that is to be done for this person later: see `who_again`."""
        scopes = None if self.scopes is None else sorted(self.scopes)
        return {"account": self.account, "strong": self.strong, "scopes": scopes, "token": self.token}

    def valid(self, at: datetime | None = None) -> Iterator[Held]:
        """Roles that have not ended."""
        moment = at or now()
        return (one for one in self.held if one.until is None or moment < one.until)

    def owns(self, owner: str) -> bool:
        """Whether ``owner`` (pseudonym, or account) is this person."""
        return bool(owner) and owner in (self.pseudonym, self.account)


NOBODY: Final = Who("")
OPERATOR: Final = Who(
    "operator",
    held=tuple(Held(role) for role in ("admin", "custodian")),
    strong=True,
    recent_until=datetime.max.replace(tzinfo=now().tzinfo),
)
"""Whoever can run commands on the machine of the service."""


class Why(Enum):
    """What keeps somebody from it."""

    NO = "no right"
    CONFIRM = "it is too long ago that they proved who they are"
    SECOND_FACTOR = "they came in with one factor only"


class NotAllowed(OberihError):
    """Somebody may not do what they asked for, for the reason ``why``."""

    def __init__(self, why: Why) -> None:
        super().__init__(*SAYS[why])
        self.why = why


SAYS: Final[Mapping[Why, tuple[str, str]]] = MappingProxyType({
    Why.NO: (
        say("You may not do this."), say("Ask an admin or a custodian of the collection for the right."),
    ),
    Why.CONFIRM: (
        say("Please show again that it is you."),
        say("Use your passkey or password once more; then try again."),
    ),
    Why.SECOND_FACTOR: (
        say("A password alone is not enough for this."),
        say("Set up codes from an app, or a passkey, in your account; then log in with it."),
    ),
})  # fmt: skip


def verdict(who: Who, action: Action, collection: str | None = None, *, owner: str = "") -> Why | None:
    """What keeps ``who`` from ``action`` in ``collection`` (None: it concerns the whole service); None:
    nothing. ``owner``: whose it is (account or pseudonym), for what is one's `OWN`.
    """
    if not who.account or who.disabled or action not in TABLE:
        return Why.NO
    if action in OWN and not who.owns(owner):
        return Why.NO
    if who.scopes is not None:
        covered = any(action in SCOPES.get(scope, ()) for scope in who.scopes)
        if not covered or action in DANGEROUS:
            return Why.NO
    weak = False
    needed = TABLE[action]
    if needed is not None:
        places = {EVERYWHERE} if collection is None else {EVERYWHERE, collection}
        fitting = {one.role for one in who.valid() if one.role in needed and one.collection in places}
        if not fitting:
            return Why.NO
        weak = not who.strong and fitting <= STAFF
    if weak:
        return Why.SECOND_FACTOR
    if action in DANGEROUS and not (who.recent_until and now() < who.recent_until):
        return Why.CONFIRM
    return None


def allowed(who: Who, action: Action, collection: str | None = None, *, owner: str = "") -> bool:
    """Whether ``who`` may do it, now. See `verdict`."""
    return verdict(who, action, collection, owner=owner) is None


def may(who: Who, action: Action, collection: str | None = None, *, owner: str = "") -> bool:
    """Whether to offer it: they may, though perhaps they have to show first that it is them."""
    return verdict(who, action, collection, owner=owner) in (None, Why.CONFIRM)


def demand(who: Who, action: Action, collection: str | None = None, *, owner: str = "") -> None:
    """Raises `NotAllowed`."""
    why = verdict(who, action, collection, owner=owner)
    if why is not None:
        raise NotAllowed(why)


@contextmanager
def hidden() -> Iterator[None]:
    """What somebody has no right to is not there, for them."""
    try:
        yield
    except NotAllowed as error:
        if error.why is not Why.NO:
            raise
        raise unseen() from error


def unseen() -> NotInArchive:
    """What is not theirs is as unknown as what is not there."""
    return NotInArchive("There is nothing here.", "It may have been moved, or it is not yours.")


def own(who: Who, action: Action, collection: str | None) -> None:
    """Raises `NotInArchive` unless they may do it there, `NotAllowed` if they have to show more first."""
    with hidden():
        demand(who, action, collection)


def reach(who: Who, action: Action) -> set[str] | None:
    """The collections in which somebody may do something; None: in all."""
    if may(who, action):
        return None
    places = {one.collection for one in who.valid()} - {EVERYWHERE}
    return {one for one in places if may(who, action, one)}


def giving(role: Role) -> Action:
    """To give a role, or to take it away."""
    return Action(f"give role {role}")


@contextmanager
def looking(
    database: Database, who: Who, action: Action, collection: str | None, kind: str, of: str
) -> Iterator[Session]:
    """Use something that is sealed: the right is checked, and the use is in the ledger before anything of it
    can be read. ``kind``, ``of``: of what is looked at ("place", identifier). Inside nothing is changed, and
    nobody has to wait for it, however long it takes. Raises `NotAllowed`.
    """
    demand(who, action, collection)
    with database.writing(who.actor, action.value) as session:
        happened(session, kind, of)
    with database.reading() as session:
        yield session
