"""What all pages of the office share: forms, and where somebody may do something."""

from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from fastapi import Request

from oberih.catalogue import access
from oberih.catalogue.access import Action, hidden, unseen
from oberih.errors import InputError, OberihError
from oberih.i18n import say
from oberih.web.inside.desk import Asks
from oberih.web.open.addresses import identifier_of, tail
from oberih.web.views import Notice

__all__ = [
    "address",
    "address_of",
    "ark_of",
    "day_of",
    "done",
    "end_of",
    "hidden",
    "in_words",
    "number_of",
    "own",
    "query",
    "reach",
    "start_of",
    "unseen",
]

LONGEST_NUMBER = 9  # figures
DONE = {
    "kept": say("It is kept. You can decide later."),
    "passed": say("You let it pass. It becomes public as soon as its files are in their place."),
    "later": say("You let it pass. It becomes public when the day has come before which it stays back."),
    "refused": say("It is kept, and not public."),
    "older": say("It is kept, and not public. What passed of the same thing before stays as it is."),
    "again": say("Your decision about its place is written down."),
    "out": say("It is out of public view."),
    "released": say("It goes on its way, and comes to review once there is a model."),
    "answered": say("Your answer is on the contributor's page."),
    "words": say("The words are changed."),
    "sized": say("It is kept. What would be public is made again, in its true size: look at it then."),
    "unsized": say("It is kept. What would be public is made again, without metres: look at it then."),
    "together": say("They are put together. A new model is made of all the photos, and comes to review."),
    "shown": say("It is saved: everybody sees it. Where a look begins elsewhere, its pictures follow soon."),
}
"""Key of the parameter "done" -> what was done."""


def own(who: Asks, action: Action, collection: str | None) -> None:
    """Raises `NotInArchive` unless they may do it there, `NotAllowed` if they have to show more first."""
    access.own(who.who, action, collection)


def reach(who: Asks, action: Action) -> set[str] | None:
    """The collections in which somebody may do something; None: in all."""
    return access.reach(who.who, action)


def number_of(text: str, otherwise: int = -1) -> int:
    """A number of a form, such as a version."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else otherwise


def day_of(text: str) -> date | None:
    """A day of a form; None: left empty. Raises `InputError`."""
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError(say("This is not a day."), say("Write it like 2026-11-21.")) from None


def end_of(day: date | None) -> datetime | None:
    """The moment after a day. Raises `InputError` after the last one that there is."""
    try:
        return start_of(day + timedelta(days=1)) if day else None
    except OverflowError:
        raise InputError(say("This is not a day."), say("Write it like 2026-11-21.")) from None


def start_of(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def query(request: Request, name: str, most: int = 200) -> str:
    return request.query_params.get(name, "").strip()[:most]


def address(path: str, **parameters: str) -> str:
    told = {name: one for name, one in parameters.items() if one}
    return f"{path}?{urlencode(told)}" if told else path


def address_of(identifier: str) -> str:
    """An ARK as one part of a path."""
    return tail(identifier).replace("/", "-")


def ark_of(part: str) -> str:
    """The ARK that one part of a path stands for."""
    naan, _, name = part.partition("-")
    return identifier_of(naan, name)


def done(request: Request) -> Notice | None:
    """What a form before this page did: the parameter "done" of its address says it."""
    words = DONE.get(query(request, "done"))
    return Notice(words) if words else None


def in_words(error: OberihError) -> str:
    """An error as one text, which pages translate."""
    if not error.advice:
        return error.message
    return say("{message} {advice}", message=error.message, advice=error.advice)
