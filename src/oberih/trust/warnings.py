"""What a reviewer is warned of in a text that would be public: what tells where it is, or who recorded it.

A warning is a hint for a person who decides, never a gate: some is missed, and now and then something else is
meant. Titles, summaries, notes, captions and names of files are all read alike.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from oberih.i18n import say
from oberih.trust._prose.addresses import addresses, settlements
from oberih.trust._prose.contacts import CONTACTS, plates
from oberih.trust._prose.coordinates import coordinates
from oberih.trust._prose.finding import Found
from oberih.trust._prose.folding import fold
from oberih.trust._prose.military import military
from oberih.trust._prose.moments import moments
from oberih.trust._prose.names import Names, Word, words_of

__all__ = ["Names", "TextWarning", "WarningKind", "warnings_in"]

WarningKind = Literal[
    "coordinates",
    "address",
    "settlement",
    "person",
    "phone",
    "e-mail",
    "account",
    "number plate",
    "military",
    "moment",
]

MESSAGES: dict[WarningKind, str] = {
    "coordinates": say(
        "This looks like coordinates, a link to a map or a code for a place: it tells where it is."
    ),
    "address": say("This looks like an address: it tells where it is."),
    "settlement": say("This names a settlement or district close by: it narrows down where it is."),
    "person": say("This may be the name of who recorded it, or a part of it."),
    "phone": say("This looks like a telephone number."),
    "e-mail": say("This looks like an e-mail address."),
    "account": say("This looks like somebody's account or page."),
    "number plate": say("This looks like the number plate of a vehicle."),
    "moment": say(
        "This tells the day, the hour or the weather of a recording: with the shadows and the sky of its "
        "pictures, that tells where it was."
    ),
    "military": say("This may tell of soldiers, weapons or defences. Where these are must not be public."),
}
FILE_NAME = re.compile(r"\S{1,255}\.[A-Za-z0-9]{2,5}")
# Who is spoken of after these is a saint or a ruler, not a contributor.
HALLOWED = re.compile(
    r"""(?: свят | апостол | архангел | архистратиг | преподобн | пророк | мучени | великомучени
    | рівноапостольн | богородиц | благовірн | княз | княгин | гетьман | корол | цар | імператор )\w* | св
    | saints? | st | holy | apostle | archangel | prophet | king | queen | prince | tsar | emperor
    | hetman""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class TextWarning:
    """A part of a text that may betray something: ``text`` is what stands from ``start`` to ``end``."""

    kind: WarningKind
    start: int
    end: int
    text: str
    message: str


def warnings_in(
    text: str, *, settlements_near: Names | Iterable[str] = (), people: Names | Iterable[str] = ()
) -> tuple[TextWarning, ...]:
    """All warnings about a text, in its order; where two would overlap, the one of the more telling kind.

    ``settlements_near`` are names of places around the subject, ``people`` those of its contributors; in
    either language, in the nominative: their other forms are found too. Making these takes about a
    millisecond for each name: for many texts, make `Names` (and `Names.of_people`) once.
    """
    near = settlements_near if isinstance(settlements_near, Names) else Names(settlements_near)
    who = people if isinstance(people, Names) else Names.of_people(people)
    folded = fold(text)
    plain = folded.text
    words = list(words_of(plain))
    found: list[tuple[WarningKind, Iterable[Found]]] = [
        ("coordinates", coordinates(plain)),
        *((kind, find(plain)) for kind, find in CONTACTS.items()),
        ("address", addresses(plain)),
        ("number plate", plates(plain)),
        ("person", named(plain, words, who, hallowed=False)),
        ("settlement", named(plain, words, near, hallowed=True)),
        ("settlement", settlements(plain)),
        ("military", military(plain)),
        ("moment", moments(plain)),
    ]
    taken = bytearray(len(plain))
    warnings = []
    for kind, spans in found:
        for first, last in spans:
            if not any(taken[first:last]):
                taken[first:last] = b"\1" * (last - first)
                start, end = folded.span(first, last)
                warnings.append(TextWarning(kind, start, end, text[start:end], MESSAGES[kind]))
    return tuple(sorted(warnings, key=lambda warning: warning.start))


def named(plain: str, words: list[Word], names: Names, *, hallowed: bool) -> Iterator[Found]:
    """Where names stand, with a capital unless nothing has one. ``hallowed``: saints and rulers count too."""
    caseless = plain == plain.lower() or bool(FILE_NAME.fullmatch(plain))
    number = 0
    while number < len(words):
        count = names.at(words, number)
        before = words[number - 1].text if number else ""
        if count and (words[number].capital or caseless) and (hallowed or not HALLOWED.fullmatch(before)):
            yield words[number].start, words[number + count - 1].end
        number += max(count, 1)
