"""Accounts: what is known of people, finding them, closing and opening an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oberih.catalogue.access import EVERYWHERE, Action, Who, allowed, demand
from oberih.catalogue.accounts.credits import credited_subjects, give_up_name
from oberih.catalogue.accounts.events import note_event
from oberih.catalogue.accounts.names import (
    checked_email,
    checked_login,
    checked_name,
    folded,
    skeleton,
    with_number,
)
from oberih.catalogue.accounts.roles import GrantRow, grant_row, refuse_last_admin, someone
from oberih.catalogue.accounts.sessions import end_all
from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.database import Database, now
from oberih.catalogue.tables import Capture, new_id
from oberih.errors import InputError

__all__ = [
    "People",
    "Person",
    "change_profile",
    "close_account",
    "find_people",
    "login_taken",
    "new_account",
    "open_account",
    "person",
    "set_pseudonym",
    "taken",
]

PAGE = 50
LANGUAGE_LETTERS = 20
FIGURES = (*[4] * 10, *[9] * 10)  # of the numbers that are tried: a name can be a common one


@dataclass(frozen=True)
class Person:
    """An account, as those see it who manage accounts, and the person."""

    id: str
    name: str
    login: str
    public_name: str
    pseudonym: str
    language: str
    email: str
    created: datetime
    seen: date | None
    disabled: datetime | None
    grants: tuple[GrantRow, ...] = ()


@dataclass(frozen=True)
class People:
    """One page of a list. ``after``: to be given for the next page; None: this is the last."""

    people: tuple[Person, ...]
    after: str | None


def person(database: Database, who: Who, account: str) -> Person:
    """Raises `NotAllowed` unless it is oneself, or somebody of a collection whose people one may see;
    `NotInArchive`.
    """
    with database.reading() as session:
        own = account == who.account
        if not own and not any(allowed(who, Action.SEE_PEOPLE, one) for one in around(session, account)):
            demand(who, Action.SEE_PEOPLE)
        contact = own or allowed(who, Action.SEE_CONTACT)
        return shown(someone(session, account), grants_of(session, [account]), contact=contact)


def around(session: Session, account: str) -> set[str]:
    """Collections in which somebody has a role, or for which they recorded."""
    having = session.scalars(select(Grant.collection).where(Grant.account == account))
    recorded = session.scalars(select(Capture.collection).where(Capture.account == account).distinct())
    return ({*having} | {*recorded}) - {EVERYWHERE}


def find_people(
    database: Database, who: Who, *, search: str = "", role: str = "", collection: str | None = None,
    after: str | None = None, most: int = PAGE,
) -> People:  # fmt: skip
    """Accounts, the newest first. ``collection``: only those with a role there, or who recorded for it; who
    leads no more than a collection has to name it. Raises `NotAllowed`.
    """
    demand(who, Action.SEE_PEOPLE, collection)
    wanted = select(Account).order_by(Account.created.desc(), Account.id.desc())
    for word in folded(search).split()[:5]:
        wanted = wanted.where(Account.sought.contains(word, autoescape=True))
    if role or collection is not None:
        having = select(Grant.account).where(or_(Grant.until.is_(None), Grant.until > now()))
        having = having.where(Grant.role == role) if role else having
        having = having.where(Grant.collection == collection) if collection is not None else having
        fits = [Account.id.in_(having)]
        if collection is not None and role in ("", "contributor"):
            recorded = select(Capture.account).where(Capture.collection == collection)
            fits.append(Account.id.in_(recorded))
        wanted = wanted.where(or_(*fits))
    with database.reading() as session:
        last = session.get(Account, after) if after else None
        if last is not None:
            at_once = (Account.created == last.created) & (Account.id < last.id)
            wanted = wanted.where((Account.created < last.created) | at_once)
        size = max(1, min(most, 500))
        found = session.scalars(wanted.limit(size + 1)).all()
        page = found[:size]
        grants = grants_of(session, [one.id for one in page])
    contact = allowed(who, Action.SEE_CONTACT)
    people = tuple(shown(one, grants, contact=contact) for one in page)
    return People(people, page[-1].id if len(found) > size else None)


def grants_of(session: Session, accounts: Sequence[str]) -> Sequence[GrantRow]:
    wanted = select(Grant).where(Grant.account.in_(accounts)).order_by(Grant.created, Grant.id)
    return [grant_row(one) for one in session.scalars(wanted)] if accounts else []


def shown(one: Account, grants: Sequence[GrantRow], *, contact: bool) -> Person:
    mine = tuple(grant for grant in grants if grant.account == one.id)
    return Person(
        one.id, one.name, one.login or "", one.public_name, one.pseudonym or "", one.language,
        one.email if contact else "", one.created, one.seen, one.disabled, mine,
    )  # fmt: skip


def change_profile(
    database: Database, who: Who, *, name: str | None = None, public_name: str | None = None,
    language: str | None = None, email: str | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """Change what is known of oneself; None: it stays. An empty ``public_name``: not to be credited.

    A name that was given up leaves public pages; a new one comes with the next review. Returns the subjects
    of which the public records have to be made again. Raises `InputError`.
    """
    subjects: tuple[str, ...] = ()
    demand(who, Action.CHANGE_ACCOUNT)
    with database.writing(who.actor, Action.CHANGE_ACCOUNT) as session:
        found = someone(session, who.account)
        if name is not None:
            found.name = checked_name(name)
        if public_name is not None:
            before = found.public_name
            found.public_name = checked_name(public_name) if public_name.strip() else ""
            if found.public_name != before:
                subjects = give_up_name(session, found, credited_subjects(session, found.id))
                found.name_mark = new_id()
        if language is not None:
            found.language = checked_language(language)
        if email is not None:
            found.email = checked_email(email)
        found.sought = folded(found.name, found.login or "", found.email)
    return subjects


def close_account(database: Database, who: Who, account: str, why: str = "") -> None:
    """Nobody can come in with it any more, and its tokens are worth nothing. Raises `NotAllowed`, and
    `Conflict` for the last admin.
    """
    demand(who, Action.MANAGE_ACCOUNTS)
    with database.writing(who.actor, "close account") as session:
        found = someone(session, account)
        refuse_last_admin(session, account)
        found.disabled = found.disabled or now()
        end_all(session, account)
        note_event(session, "disabled", account, by=who.account, note=why)


def open_account(database: Database, who: Who, account: str) -> None:
    """Let somebody in again whose account was closed. Raises `NotAllowed`."""
    demand(who, Action.MANAGE_ACCOUNTS)
    with database.writing(who.actor, "open account") as session:
        someone(session, account).disabled = None
        note_event(session, "enabled", account, by=who.account)


def set_pseudonym(database: Database, account: str, pseudonym: str) -> str:
    """Keep the pseudonym that the archive made for somebody. Returns the one that counts: of two who make one
    at the same time, the first.
    """
    with database.writing("service", "set pseudonym") as session:
        session.execute(
            update(Account)
            .where(Account.id == account, Account.pseudonym.is_(None))
            .values(pseudonym=pseudonym)
            .execution_options(synchronize_session=False)
        )
        return someone(session, account).pseudonym or pseudonym


def new_account(
    session: Session, *, name: str, login: str = "", public_name: str = "", language: str = "",
    email: str = "", invited: bool = False, identifier: str = "",
) -> Account:  # fmt: skip
    """An account without any way in yet, but with a login name, which recovery codes need too. Who was
    invited gets exactly the one of their wish; any other has a number, and tells nothing of who else is here.

    Raises `InputError`.
    """
    made = Account(
        id=identifier or new_id(), name=checked_name(name), language=checked_language(language or "en"),
        public_name=checked_name(public_name) if public_name.strip() else "", email=checked_email(email),
    )  # fmt: skip
    session.add(made)
    wish = checked_login(login) if login else likely_login(made.name)
    exact = invited and login != ""
    if exact and taken(session, wish):
        raise login_taken()
    put_login(session, made, wish if exact else free_login(session, wish))
    return made


def likely_login(name: str) -> str:
    """A login name for somebody who wished for none."""
    try:
        return checked_login(name)
    except InputError:
        return "person"


def put_login(session: Session, account: Account, login: str) -> None:
    account.login, account.login_key = login, skeleton(login)
    account.sought = folded(account.name, login, account.email)
    try:
        session.flush()
    except IntegrityError as error:  # somebody took it in this moment
        raise login_taken() from error


def login_taken() -> InputError:
    return InputError(
        "Somebody has this name to log in already, or one that looks like it.", "Choose another one."
    )


def free_login(session: Session, wish: str) -> str:
    for figures in FIGURES:
        login = with_number(wish, figures)
        if not taken(session, login):
            return login
    raise login_taken()


def taken(session: Session, login: str) -> bool:
    return session.scalar(select(Account.id).where(Account.login_key == skeleton(login))) is not None


def checked_language(language: str) -> str:
    if not 2 <= len(language) <= LANGUAGE_LETTERS or not language.replace("-", "").isalnum():
        raise InputError("This is no language.", "Choose one of the list.")
    return language
