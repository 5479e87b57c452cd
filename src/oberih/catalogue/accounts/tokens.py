"""Tokens for programs: a part of what their owner may do, for a time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func, select, update

from oberih.catalogue.access import SCOPES, Action, Who, demand
from oberih.catalogue.accounts.events import note_event
from oberih.catalogue.accounts.keys import digest, new_token
from oberih.catalogue.accounts.names import checked_name
from oberih.catalogue.accounts.sessions import Present, holder, made
from oberih.catalogue.accounts.tables import Token
from oberih.catalogue.database import Database, now
from oberih.errors import Conflict, InputError
from oberih.i18n import say

__all__ = ["PREFIX", "TokenMade", "TokenRow", "make_token", "revoke_token", "tokens_of", "who_of_token"]

PREFIX = "oberih_"  # by which scanners find one that was published by mistake
MOST = 20  # of one account
LONGEST_DAYS = 366


@dataclass(frozen=True)
class TokenMade:
    """``token`` is shown once."""

    id: str
    token: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True)
class TokenRow:
    """A token, without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime
    used: date | None


def make_token(
    database: Database, present: Present, name: str, scopes: Collection[str], days: int = 90
) -> TokenMade:
    """Raises `NotAllowed` if it is too long ago that they showed who they are, `InputError`, `Conflict`."""
    demand(present.who, Action.MAKE_TOKEN)
    chosen = sorted(set(scopes))
    if not chosen or not set(chosen) <= set(SCOPES):
        raise InputError("A token needs to be allowed something that there is.", "Choose from the list.")
    if not 1 <= days <= LONGEST_DAYS:
        raise InputError(
            say("A token lasts 1 to {most} days.", most=LONGEST_DAYS), "It can be made anew then."
        )
    token, expires = new_token(PREFIX), now() + timedelta(days=days)
    with database.writing(present.who.actor, Action.MAKE_TOKEN) as session:
        account = present.who.account
        count = session.scalar(select(func.count()).select_from(Token).where(Token.account == account)) or 0
        if count >= MOST:
            raise Conflict(say("You have {count} tokens already.", count=count), "First remove one.")
        row = Token(
            hash=digest(token), account=account, name=checked_name(name), scopes=chosen, expires=expires,
            strong=present.who.strong,
        )  # fmt: skip
        session.add(row)
        note_event(session, "token made", account, note=" ".join(chosen))
        session.flush()
        return TokenMade(row.id, token, expires)


def tokens_of(database: Database, who: Who) -> Sequence[TokenRow]:
    """One's own, the newest first."""
    demand(who, Action.CHANGE_ACCOUNT)
    wanted = select(Token).where(Token.account == who.account).order_by(Token.created.desc(), Token.id)
    with database.reading() as session:
        return [
            TokenRow(one.id, one.name, tuple(one.scopes), one.created, one.expires, one.used)
            for one in session.scalars(wanted)
        ]


def revoke_token(database: Database, who: Who, token: str) -> None:
    """It is worth nothing from now on. ``token``: its identifier; nothing happens if it is not one's own."""
    demand(who, Action.CHANGE_ACCOUNT)
    with database.writing(who.actor, "revoke token") as session:
        session.execute(delete(Token).where(Token.id == token, Token.account == who.account))
        note_event(session, "token revoked", who.account)


def who_of_token(database: Database, token: str) -> Who | None:
    """Who holds a token; None: nobody, it has ended, or its owner may not come in any more."""
    found = holder(database, Token, token) if token.startswith(PREFIX) else None
    if found is None:
        return None
    row, account, held = found
    today = now().date()
    if row.used != today:
        with database.writing("service", "use token") as session:
            session.execute(update(Token).where(Token.id == row.id).values(used=today))
    return made(account, held, strong=row.strong, scopes=frozenset(row.scopes), token=row.id)
