"""What all pages of the office share: forms, and where somebody may do something."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request

from oberih.catalogue.access import EVERYWHERE, Action, NotAllowed, Why
from oberih.errors import InputError, NotInArchive
from oberih.i18n import say
from oberih.web.inside.desk import Asks
from oberih.web.inside.door.threshold import Given

__all__ = [
    "Sent",
    "address",
    "day_of",
    "hidden",
    "not_too_large",
    "own",
    "query",
    "reach",
    "start_of",
    "unseen",
]

MOST_BYTES = 5 << 20  # of a form: a zone may have 4 MiB
MOST_FIELDS = 5000
UNKNOWN = ("There is nothing here.", "It may have been moved, or it is not yours.")


async def not_too_large(request: Request) -> None:
    """Before anything of a form is read."""
    if request.method in ("GET", "HEAD"):
        return
    size = request.headers.get("Content-Length", "")
    if not size.isdecimal() or int(size) > MOST_BYTES:
        raise InputError("What was sent is too long.", "Send less.")


async def in_form(request: Request) -> Given:
    form = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=MOST_BYTES)
    return Given({name: many[0] if len(many := form.getlist(name)) == 1 else many for name in form})


Sent = Annotated[Given, Depends(in_form)]


def unseen() -> NotInArchive:
    """What is not theirs is as unknown as what is not there."""
    return NotInArchive(*UNKNOWN)


def own(who: Asks, action: Action, collection: str | None) -> None:
    """Raises `NotInArchive` unless they may do it there, `NotAllowed` if they have to confirm first."""
    if not who.may(action, collection):
        raise unseen()
    who.demand(action, collection)


def reach(who: Asks, action: Action) -> set[str] | None:
    """The collections in which somebody may do something; None: in all."""
    if who.may(action, None):
        return None
    places = {one.collection for one in who.who.valid()} - {EVERYWHERE}
    return {one for one in places if who.may(action, one)}


@contextmanager
def hidden() -> Iterator[None]:
    """What somebody has no right to is not there, for them."""
    try:
        yield
    except NotAllowed as error:
        if error.why is not Why.NO:
            raise
        raise unseen() from error


def day_of(text: str) -> date | None:
    """A day of a form; None: left empty. Raises `InputError`."""
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError(say("This is not a day."), say("Write it like 2026-11-21.")) from None


def start_of(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def query(request: Request, name: str, most: int = 200) -> str:
    return request.query_params.get(name, "").strip()[:most]


def address(path: str, **parameters: str) -> str:
    told = {name: one for name, one in parameters.items() if one}
    return f"{path}?{urlencode(told)}" if told else path
