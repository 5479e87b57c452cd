"""What can be asked: a text, filters, an order, a page; and how a text is read.

    Чернігів собор        records with both words, in any of their forms and spellings
    "золоті ворота"       with these words in a row
    собор -Київ           with the first and without the second
    Івано-Франківськ      parts of a word are words
    КВ-1234/5             with numbers among them, in a row
    церкв                 the last word may be unfinished: it stands for the commonest words that begin so

Small words (and, у, the) are left out if there are others. Anything else is text, whatever it looks like.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, ValidationError
from pydantic import Field as Described

from oberih.catalogue.public.conditions import All, Any, Condition, Has
from oberih.catalogue.public.indexing import Field, title_token, whole_title
from oberih.catalogue.public.records import Line, Part
from oberih.catalogue.public.words import STOP_WORDS, fold, key, words_of
from oberih.errors import InputError
from oberih.i18n import Verbatim, say

__all__ = ["LONGEST_CURSOR", "LONGEST_TEXT", "Asked", "Query", "Sort", "asked", "query_of"]

LONGEST_TEXT = 500
LONGEST_CURSOR = 1_000
MOST_WORDS = 24  # after that many, what comes is not read

Sort = Literal["relevance", "newest", "title", "quality"]

# Quotation marks of English, Ukrainian and German; one that is not closed reaches to the end.
PIECE = re.compile(
    r'(?P<minus>(?<!\S)[-−–])?(?:["“”„«»](?P<phrase>[^"“”„«»]*)(?:["“”«»]|$)|(?P<word>[^\s"“”„«»]+))'
)


class Query(Part):
    """A search. Filters: one of the values of each field that is there."""

    model_config = ConfigDict(strict=False)  # it comes from an address, in which all is text

    text: Annotated[str, Described(max_length=LONGEST_TEXT)] = ""
    unfinished: bool = Described(True, description="the last word may be a beginning")
    filters: dict[Field, Annotated[tuple[Line, ...], Described(max_length=20)]] = Described({})
    cell: Annotated[str, Described(pattern=r"^8[0-9a-f]{14}$")] | None = Described(
        None, description="an H3 cell of the map: what it shows"
    )
    sort: Sort | None = Described(None, description="relevance if there is a text, else newest")
    language: Literal["en", "uk"] = Described("en", description="of the reader: order of titles")
    size: Annotated[int, Described(ge=1, le=100)] = 24
    cursor: Annotated[str, Described(max_length=LONGEST_CURSOR)] | None = Described(
        None, description="`Found.next` of the page before"
    )
    facets: bool = Described(True, description="count, and count by facets")

    @property
    def order(self) -> Sort:
        if self.sort is None or self.sort == "relevance":
            return "relevance" if self.text.strip() else "newest"
        return self.sort

    @property
    def fingerprint(self) -> bytes:
        """Of everything that decides what comes in which order."""
        parts = (
            self.text,
            self.unfinished,
            sorted(self.filters.items()),
            self.cell,
            self.order,
            self.language,
        )
        return hashlib.blake2b(repr(parts).encode("utf-8", "replace"), digest_size=8).digest()


def query_of(**given: object) -> Query:
    """A query of what somebody sent. Raises `InputError` that says which part is wrong."""
    try:
        return Query.model_validate(given)
    except ValidationError as error:
        part = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else "text"
        raise InputError(
            say("This cannot be searched for: {part} is not as it has to be.", part=Verbatim(part)),
            say(
                "A text is at most {most} letters; for the rest see the description of the API.",
                most=LONGEST_TEXT,
            ),
        ) from error


@dataclass(frozen=True)
class Asked:
    """A text as it was read."""

    words: tuple[str, ...] = ()  # keys of all words, but for those to exclude
    needed: tuple[tuple[str, ...], ...] = ()  # keys in a row, each of which must be there
    excluded: tuple[tuple[str, ...], ...] = ()
    beginning: str = ""  # `fold` of the last word if it may be unfinished; its key is the last of ``needed``
    blank: bool = False  # there is no text

    @property
    def nothing(self) -> bool:
        """There is a text, but no word in it."""
        return not (self.needed or self.excluded or self.blank)

    def condition(self, completions: tuple[str, ...] = ()) -> All:
        """What a record must have; ``completions``: keys that the last word may stand for."""
        parts: list[Condition] = [Has(keys) for keys in self.needed]
        if self.beginning:
            keys = dict.fromkeys((self.needed[-1][0], *completions))
            parts[-1] = Any(tuple(Has((one,)) for one in keys))
        return All(tuple(parts), tuple(Has(keys) for keys in self.excluded))

    @property
    def in_title(self) -> All:
        """All words that are needed stand in titles, whole."""
        return All(tuple(Has((title_token(one),)) for keys in self.needed for one in keys))

    @property
    def as_title(self) -> Has:
        """A title is just this."""
        return Has((whole_title(self.words),))


def asked(text: str, *, unfinished: bool) -> Asked:
    """How a text is read."""
    needed: list[tuple[tuple[str, ...], bool]] = []  # and whether it is small
    excluded: list[tuple[str, ...]] = []
    beginning = ""
    for found in PIECE.finditer(text):
        words = words_of(found["phrase"] if found["word"] is None else found["word"])
        keys = tuple(map(key, words))
        if not keys or len(needed) + len(excluded) >= MOST_WORDS:
            continue
        beginning = ""
        if found["minus"]:
            excluded.append(keys)
        elif found["phrase"] is not None or (len(keys) > 1 and any(map(str.isdecimal, words))):
            needed.append((keys, False))
        else:
            needed += [((one,), word in STOP_WORDS) for one, word in zip(keys, words, strict=True)]
            if unfinished and found.end() == len(text) and len(fold(words[-1])) > 1:
                beginning = fold(words[-1])
    kept = [keys for keys, small in needed if not small] or [keys for keys, _ in needed]
    if beginning and kept[-1:] != [needed[-1][0]]:
        beginning = ""  # a small word: not what is looked for
    return Asked(
        words=tuple(one for keys, _ in needed for one in keys),
        needed=tuple(dict.fromkeys(kept[::-1]))[::-1],  # the last stays the last
        excluded=tuple(dict.fromkeys(excluded)),
        beginning=beginning,
        blank=not text.strip(),
    )
