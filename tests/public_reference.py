"""What a search of public records means, in the slowest, plainest Python: the measure of both."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import h3

from oberih.catalogue.public import FIELDS, PublicRecord, Query, Suggestion
from oberih.catalogue.public.asking import asked
from oberih.catalogue.public.collation import sort_key
from oberih.catalogue.public.indexing import facets_of, month_number, quality_of, rank_of, texts_of
from oberih.catalogue.public.maps import Box
from oberih.catalogue.public.words import fold, key, words_of

__all__ = ["Answer", "answer", "cells_shown", "neighbours", "suggestions"]


@dataclass(frozen=True)
class Answer:
    """Everything found, in order, and the counts."""

    ids: list[str]
    count: int
    more: bool
    facets: dict[str, list[tuple[str, int]]]
    counted: int


def rank(record: PublicRecord, secret: str) -> int:
    return rank_of(record.id, month_number(record.published), bytes.fromhex(secret))


@cache
def keys_of(text: str) -> tuple[str, ...]:
    return tuple(key(word) for word in words_of(text))


def has_row(record: PublicRecord, row: tuple[str, ...]) -> bool:
    """Some text of the record has these keys in a row."""
    for text, _ in texts_of(record):
        found = keys_of(text)
        if any(found[first : first + len(row)] == row for first in range(len(found))):
            return True
    return False


def titles_of(record: PublicRecord) -> list[tuple[str, ...]]:
    return [keys_of(text) for text, is_title in texts_of(record) if is_title]


def completions(records: Sequence[PublicRecord], beginning: str, most: int) -> list[str]:
    numbers: Counter[str] = Counter()
    for record in records:
        written = {word for text, _ in texts_of(record) for word in words_of(text)}
        numbers.update(key(word) for word in written if fold(word).startswith(beginning))
    return sorted(numbers, key=lambda one: (-numbers[one], one))[:most]


def matching(records: Sequence[PublicRecord], query: Query) -> list[PublicRecord]:
    said = asked(query.text, unfinished=query.unfinished)
    if said.nothing:
        return []
    rows = list(said.needed)
    endings = {(one,) for one in completions(records, said.beginning, 20)} if said.beginning else set()

    def meets(record: PublicRecord) -> bool:
        for place, row in enumerate(rows):
            choices = {row} | (endings if said.beginning and place == len(rows) - 1 else set())
            if not any(has_row(record, choice) for choice in choices):
                return False
        if any(has_row(record, row) for row in said.excluded):
            return False
        own = {(facet.field, facet.value) for facet in facets_of(record)}
        for name, values in query.filters.items():
            if values and not any((name, value) in own for value in values):
                return False
        return query.cell is None or within(record, query.cell)

    return [record for record in records if meets(record)]


def within(record: PublicRecord, cell: str) -> bool:
    """The record's cell is the cell, or a finer one below it in the index."""
    own = record.place.cell
    if own is None or h3.get_resolution(own) < h3.get_resolution(cell):
        return False
    return h3.cell_to_parent(own, h3.get_resolution(cell)) == cell


def tier(record: PublicRecord, query: Query) -> int:
    said = asked(query.text, unfinished=query.unfinished)
    if not said.needed:
        return 0
    if said.words in titles_of(record):
        return 0
    words = {one for row in said.needed for one in row}
    return 1 if words <= {one for title in titles_of(record) for one in title} else 2


def answer(records: Sequence[PublicRecord], query: Query, secret: str, most: int, values: int) -> Answer:
    found = sorted(matching(records, query), key=lambda record: rank(record, secret))
    narrowed = bool(query.text.strip()) or any(query.filters.values()) or query.cell is not None
    first = found[: limit(query, most)] if narrowed else found
    if query.order == "relevance":
        listed = sorted(found, key=lambda record: (tier(record, query), rank(record, secret)))
    elif query.order == "newest":
        listed = found
    elif query.order == "quality":
        listed = sorted(first, key=lambda record: (quality_of(record), rank(record, secret)))
    else:
        order = query.language
        listed = sorted(first, key=lambda r: (sort_key(r.title(order), order), rank(r, secret)))
    numbers = Counter((facet.field, facet.value) for record in first for facet in facets_of(record))
    facets = {
        name: sorted(
            ((v, n) for (f, v), n in numbers.items() if f == name), key=lambda one: (-one[1], one[0])
        )
        for name in FIELDS
    }
    facets = {name: counts[:values] for name, counts in facets.items()}
    ids = [record.id for record in listed]
    counted = len(first) if narrowed else min(len(found), most)
    return Answer(ids, counted, counted < len(found), facets, len(first))


def limit(query: Query, most: int) -> int:
    """Fewer are counted where words are looked for in a row: `most` stands for both limits in the tests."""
    said = asked(query.text, unfinished=query.unfinished)
    return most // 2 if any(len(row) > 1 for row in (*said.needed, *said.excluded)) else most


def inside(cell: str, box: Box) -> bool:
    lat, lon = h3.cell_to_latlng(cell)
    across = box.west > box.east
    in_width = (lon >= box.west or lon <= box.east) if across else box.west <= lon <= box.east
    return in_width and box.south <= lat <= box.north


def cells_shown(records: Sequence[PublicRecord], box: Box, level: int) -> list[tuple[str, int]]:
    numbers: Counter[str] = Counter()
    for record in records:
        if record.place.cell:
            own = record.place.cell
            numbers[h3.cell_to_parent(own, level) if h3.get_resolution(own) > level else own] += 1
    return sorted((cell, number) for cell, number in numbers.items() if inside(cell, box))


def neighbours(records: Sequence[PublicRecord], identifier: str, secret: str, most: int) -> list[str]:
    cell = next(record.place.cell for record in records if record.id == identifier)
    if cell is None:
        return []
    around = set(h3.grid_disk(cell, 1)) - {cell}
    ordered = []
    for record in records:
        if within(record, cell):
            ordered.append((0, rank(record, secret), record.id))
        elif any(within(record, other) for other in around):
            ordered.append((1, rank(record, secret), record.id))
    return [one for _, _, one in sorted(ordered) if one != identifier][:most]


def suggestions(records: Sequence[PublicRecord], beginning: str, most: int) -> list[Suggestion]:
    words = words_of(beginning)
    if not words or len(fold(words[-1])) < 2 or beginning != beginning.rstrip():
        return []
    numbers: Counter[str] = Counter()
    for record in records:
        numbers.update({word for text, _ in texts_of(record) for word in words_of(text)})
    typed = words[-1] >= "\u0370"
    best: dict[str, tuple[bool, int, str]] = {}
    for word, number in numbers.items():
        if fold(word).startswith(fold(words[-1])):
            rated = ((word >= "\u0370") != typed, -number, word)
            best[key(word)] = min(best.get(key(word), rated), rated)
    return [Suggestion(word, -number) for _, number, word in sorted(best.values())[:most]]
