"""Pages of people and their keys: logging in, joining, recovering, the account, people and roles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar, Literal

from oberih.web.views.frame import ONE_PAGE, Paging, Role, View

__all__ = [
    "AccountPage",
    "CodesPage",
    "Grant",
    "Invitation",
    "JoinPage",
    "LoginPage",
    "OncePage",
    "Option",
    "Passkey",
    "PeoplePage",
    "PersonRow",
    "Provider",
    "RecoverPage",
    "SessionRow",
    "Token",
]

Errors = Mapping[str, str]
"""Name of a form's field -> what is wrong with it; "" -> what is wrong with the whole."""


@dataclass(frozen=True)
class Provider:
    """An institution that says who its people are."""

    name: str  # in the settings, and in /login/with/<name>
    title: str


@dataclass(frozen=True)
class Option:
    """One choice of a list."""

    value: str
    label: str


@dataclass(frozen=True)
class Grant:
    """A role that somebody has, in one collection or in all."""

    id: str
    role: Role
    collection: str = ""  # title; empty: everywhere
    until: datetime | None = None


@dataclass(frozen=True)
class LoginPage(View):
    template: ClassVar[str] = "login.html.j2"
    next: str = "/"  # where to go then; a path of our own
    name: str = ""
    providers: tuple[Provider, ...] = ()
    registration: bool = True  # anybody may register
    again: bool = False  # somebody who is logged in shows once more that it is them; sent to /confirm
    errors: Errors = field(default_factory=dict)


@dataclass(frozen=True)
class JoinPage(View):
    """Coming in by a link, or for the first time. With a link to recover, the person has a name already."""

    template: ClassVar[str] = "join.html.j2"
    kind: Literal["first admin", "invitation", "registration", "recovery"]
    token: str = ""  # of the one-time link
    grants: tuple[Grant, ...] = ()  # what the invitation gives
    expires: datetime | None = None
    name: str = ""
    errors: Errors = field(default_factory=dict)
    shortest: int = field(kw_only=True)  # letters of a password
    longest: int = 64  # letters of a name to log in with
    here: str = ""  # the name of who is logged in already, and may take up the invitation


@dataclass(frozen=True)
class RecoverPage(View):
    """The way back in with a recovery code, which stands in for one thing that was lost."""

    template: ClassVar[str] = "recover.html.j2"
    name: str = ""
    errors: Errors = field(default_factory=dict)


@dataclass(frozen=True)
class CodesPage(View):
    """Setting up one-time codes of an authenticator app."""

    template: ClassVar[str] = "codes.html.j2"
    secret: str  # base 32
    address: str  # otpauth://...
    matrix: tuple[tuple[bool, ...], ...] = ()  # of the QR code of ``address``; True: dark
    errors: Errors = field(default_factory=dict)


@dataclass(frozen=True)
class OncePage(View):
    """Secrets that are shown this once and never again."""

    template: ClassVar[str] = "once.html.j2"
    kind: Literal["recovery codes", "token", "invitation", "recovery link"]
    secrets: tuple[str, ...]
    name: str = ""  # with which to log in from now on
    expires: datetime | None = None
    next: str = "/account"
    needs: Literal["", "more than a password", "more than a passkey"] = ""  # of somebody with their role


@dataclass(frozen=True)
class Passkey:
    id: str
    name: str
    added: date
    used: date | None = None


@dataclass(frozen=True)
class SessionRow:
    """A place where this person is logged in."""

    id: str
    device: str  # "Firefox on Android"
    started: date
    seen: date
    this: bool = False


@dataclass(frozen=True)
class Token:
    """A key for programs."""

    id: str
    name: str
    scopes: tuple[str, ...]
    made: date
    expires: date | None = None
    used: date | None = None
    ends: Literal["", "soon", "over"] = ""  # it expires in the days to come, or has expired


@dataclass(frozen=True)
class AccountPage(View):
    template: ClassVar[str] = "account.html.j2"
    name: str  # only for this person and those who manage accounts
    pseudonym: str  # what heritage records call this person; empty: has none yet
    public_name: str = ""  # under which to be named; empty: not at all
    login: str = ""  # the name that goes with a password, or a recovery code
    grants: tuple[Grant, ...] = ()
    passkeys: tuple[Passkey, ...] = ()
    password: bool = False
    codes: bool = False
    recovery_codes: int = 0  # not used up yet
    institutions: tuple[str, ...] = ()  # that say who this person is
    sessions: tuple[SessionRow, ...] = ()
    tokens: tuple[Token, ...] = ()
    scopes: tuple[str, ...] = ()  # that a new token may have
    staff: bool = False
    errors: Errors = field(default_factory=dict)
    shortest: int = field(kw_only=True)  # letters of a password

    @property
    def one_way(self) -> bool:
        """Whether they would be locked out with the device that holds their passkey."""
        return (
            self.staff and len(self.passkeys) == 1 and not (self.password or self.codes or self.institutions)
        )


@dataclass(frozen=True)
class PersonRow:
    id: str
    name: str
    grants: tuple[Grant, ...]
    joined: date
    seen: date | None = None
    suspended: bool = False
    login: str = ""  # nobody else has it; many may have the name


@dataclass(frozen=True)
class Invitation:
    """An invitation that nobody took up yet."""

    id: str
    grants: tuple[Grant, ...]
    made: datetime
    expires: datetime
    note: str = ""


@dataclass(frozen=True)
class PeoplePage(View):
    template: ClassVar[str] = "people.html.j2"
    people: tuple[PersonRow, ...]
    invitations: tuple[Invitation, ...] = ()
    collections: tuple[Option, ...] = ()
    search: str = ""
    paging: Paging = ONE_PAGE
    errors: Errors = field(default_factory=dict)
