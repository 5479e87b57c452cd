"""Words for who searches: those that begin as a word does, and those that may have been meant.

A word may have been meant if it is one slip away (a letter too many, too few, another one, or two that
changed places; Damerau 1964), in the alphabet that it is written in. All slips of a word are looked up at
once, as `words.fold` spells them, so that one made in Cyrillic finds the word in Latin too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from oberih.catalogue.public.asking import query_of
from oberih.catalogue.public.searching import at_a_glance
from oberih.catalogue.public.tables import Projection, forms, now_of
from oberih.catalogue.public.words import STOP_WORDS, WORD, cleared, fold, fold_each, words_of

__all__ = ["Suggestion", "meant", "suggest"]

LATER = "\u0370"  # where the letters of scripts after Latin begin
LATIN, CYRILLIC = "abcdefghijklmnopqrstuvwxyz", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
SHORTEST, LONGEST = 4, 16  # letters of a word in which slips are looked for
MOST_WORDS, MOST_STRANGE = 6, 2  # of a text: each that nobody knows is looked for in a thousand forms


@dataclass(frozen=True)
class Suggestion:
    text: str
    count: int  # records with it


def suggest(projection: Projection, beginning: str, most: int = 10) -> tuple[Suggestion, ...]:
    """Words of public records that begin as ``beginning`` ends, the commonest first: each in
    its commonest form, of the same script if there is one.
    """
    words = words_of(beginning[-200:])
    folded = fold(words[-1]) if words else ""
    if len(folded) < 2 or not beginning[-1:].strip():
        return ()
    own, number, same = forms.c.shown, forms.c.total, alike(words[-1])
    place = func.row_number().over(partition_by=forms.c.key, order_by=(same, number.desc(), own))
    with projection.reading() as connection:
        columns = (own, number, same.label("alike"), place.label("place"))
        ordered = select(*columns).where(beginning_with(folded)).subquery()
        best = select(ordered.c.shown, ordered.c.total).where(ordered.c.place == 1).limit(most)
        rows = connection.execute(best.order_by(ordered.c.alike, ordered.c.total.desc(), ordered.c.shown))
        return tuple(Suggestion(shown, total) for shown, total in rows)


def meant(projection: Projection, text: str) -> str | None:
    """``text`` with the commonest words that may have been meant in the place of those that no record has.
    None: all are known, or there is none for one of them.
    """
    said = dict.fromkeys(word for word in words_of(text) if word not in STOP_WORDS)
    if not 0 < len(said) <= MOST_WORDS:
        return None
    strange = [word for word in said if not is_known(projection, word)]
    if not 0 < len(strange) <= MOST_STRANGE:
        return None
    with projection.reading() as connection:
        turn, question = now_of(connection).turn, ("meant", *strange)
        others = projection.answers.get(turn, question)
        if others is None:
            others = {word: likeliest(connection, word) for word in strange}
            projection.answers.put(turn, question, others)
    if None in others.values():
        return None

    def instead(found: re.Match[str]) -> str:
        other = others.get(found[0].casefold()) or found[0]
        return other.capitalize() if found[0].istitle() else other

    typed = cleared(text)
    changed = WORD.sub(instead, typed)
    return changed if changed != typed else None


def is_known(projection: Projection, word: str) -> bool:
    """Whether a search finds it, in any of its forms."""
    return bool(at_a_glance(projection, query_of(text=word, size=1, facets=False)).records)


def likeliest(connection: Connection, word: str) -> str | None:
    """The commonest word that is one slip away, in the script of ``word`` if it is written in that too."""
    written = word if word >= LATER else fold(word)
    if not SHORTEST <= len(written) <= LONGEST or not fold(word).isalpha():
        return None
    near = fold_each(slips(written, CYRILLIC if word >= LATER else LATIN))
    number = func.sum(forms.c.total).over(partition_by=forms.c.folded)
    found = (
        select(forms.c.shown)
        .where(forms.c.folded.in_(near))
        .order_by(number.desc(), forms.c.folded, alike(word), forms.c.total.desc(), forms.c.shown)
    )
    return connection.execute(found.limit(1)).scalar()


def slips(word: str, letters: str) -> Iterator[str]:
    """All that are one slip away from a word of these letters."""
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        yield from (before + letter + after for letter in letters)
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in letters)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]


def alike(word: str) -> ColumnElement[int]:
    """0 for words of the same script, 1 for others."""
    own = forms.c.shown
    return case(((own >= LATER) if word >= LATER else (own < LATER), 0), else_=1)


def beginning_with(folded: str) -> ColumnElement[bool]:
    return and_(forms.c.folded >= folded, forms.c.folded < folded + "~")
