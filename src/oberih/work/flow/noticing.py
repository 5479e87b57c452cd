"""What a custodian is warned of in the words that would be public.

All of them are looked through, also tags and the names of who holds the rights: whatever `projecting` shows.
What is sealed of the same subject says what to look for: who recorded it, and how they described the way.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy.orm import Session

from oberih.archive.metadata import Description
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.tables import Capture, Collection, Place, Presentation, Review, Subject
from oberih.errors import InputError
from oberih.trust.warnings import Names, TextWarning, warnings_in
from oberih.work.flow.projecting import captures_of

__all__ = ["Unjudged", "mark_of", "noticed"]

NAME = re.compile(r"(?<!\w)[A-ZА-ЯІЇЄҐ][\w'’ʼ-]{3,}")
# Words that stand with a capital in many addresses, and say nothing.
ORDINARY = """
church cathedral chapel monastery castle house school museum street road square saint near behind
церква собор каплиця монастир замок будинок школа музей вулиця площа провулок район область місто село
біля поруч навпроти святого святої
"""
SAYS_NOTHING = frozenset(ORDINARY.split())


class Unjudged(InputError):
    """``warnings`` in words that would be public at once: nobody has judged them."""

    def __init__(self, warnings: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(
            "There are warnings that nobody has judged.", "Change the words, or say that each is harmless."
        )
        self.warnings = warnings


def noticed(session: Session, review: Review) -> list[dict[str, Any]]:
    """What may tell too much, as `Review.warnings` keeps it. What was judged harmless stays so."""
    subject = session.get_one(Subject, review.subject)
    described = Description.model_validate(subject.description, strict=False)
    captures = captures_of(session, review)
    shown = session.get(Presentation, review.id)
    near, people = Names(places_of(session, subject, captures)), Names.of_people(people_of(session, captures))
    found: list[tuple[str, TextWarning]] = [
        (field, one)
        for field, text in chain(
            texts_of(described, session.get_one(Collection, subject.collection)), story_of(shown)
        )
        for one in warnings_in(text, settlements_near=near, people=people)
    ]
    judged = {mark_of(one) for one in review.warnings if one.get("settled")} | set(
        shown.judged if shown else ()
    )
    told: list[dict[str, Any]] = [
        {"id": f"{field}-{one.kind}-{number}".replace(" ", "-"), "kind": one.kind, "quote": one.text,
         "where": field}
        for number, (field, one) in enumerate(found)
    ]  # fmt: skip
    return [{**one, "settled": mark_of(one) in judged} for one in told]


def mark_of(warning: Mapping[str, Any]) -> str:
    """By which somebody says that just this is harmless, wherever in the words it stands."""
    told = "\0".join(str(warning[name]) for name in ("where", "kind", "quote"))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def texts_of(described: Description, collection: Collection) -> Iterator[tuple[str, str]]:
    """Field and text of everything that is shown of a description."""
    lines: Mapping[str, Sequence[Mapping[str, str] | None]] = {
        "title": [described.titles, *described.alternative_titles],
        "summary": [described.summary],
        "kind": [described.object_type],
        "period": [one.label for one in described.periods],
        "material": [one.labels for one in described.materials],
        "keyword": [one.labels for one in described.subjects],
        "place": [described.place.names if described.place is not None else None],
        "collection": [collection.titles],
    }
    for field, texts in lines.items():
        for labels in texts:
            yield from ((field, text) for text in (labels or {}).values())
    for person in described.people:
        yield "person", person.name or ""
    for number in described.identifiers:
        yield "number", f"{number.value} {number.authority}"
    if described.rights is not None:
        yield "rights", " ".join(filter(None, (described.rights.holder, described.rights.credit)))


def story_of(shown: Presentation | None) -> Iterator[tuple[str, str]]:
    """What is said of places of the model, and on tours."""
    for one in shown.annotations if shown else ():
        yield from (("annotation", text) for part in ("titles", "texts") for text in one[part].values())
    for tour in shown.tours if shown else ():
        yield from (("tour", text) for text in tour["titles"].values())
        yield from (("tour", text) for stop in tour["stops"] for text in stop["texts"].values())


def places_of(session: Session, subject: Subject, captures: Sequence[Capture]) -> Iterator[str]:
    """Names in what is sealed of the place."""
    words = [one.place_in_words for one in captures]
    for identifier in (subject.id, *(one.id for one in captures)):
        place = session.get(Place, identifier)
        words += [str(name) for name in place.names.values()] if place is not None else []
    for text in words:
        yield from (one for one in NAME.findall(text) if one.lower() not in SAYS_NOTHING)


def people_of(session: Session, captures: Sequence[Capture]) -> Iterator[str]:
    """Names of who recorded it."""
    for identifier in {one.account for one in captures if one.account}:
        account = session.get(Account, identifier)
        if account is not None:
            yield from filter(None, (account.name, account.public_name))
