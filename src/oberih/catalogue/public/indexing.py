"""What a record is found by: its words as keys, its facets, its cells, its places in the orders.

Everything that a search can ask is a key among the words of the record, so that both databases answer all of
it with their index of words alone. Keys of words are of a-z and 0-9 (`words.key`); others begin with "_":

    _a          every record
    _t<key>     a word of a title
    _e<hash>    a whole title
    _f<code>    a value of a facet (see `facets_of`)
    _c<cell>    a cell of the map that it lies in: its own, and every coarser one
    _g          it has a cell
    _r<bits>x<rank>   its rank without the last bits: 16 months, 4, its own, a fourth, a sixteenth of it
                      (only on PostgreSQL, see `matching`)
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeVar, get_args

import numpy as np
from h3.api import basic_int
from numpy.typing import NDArray

from oberih.catalogue.public.collation import ORDERS, sort_key
from oberih.catalogue.public.records import LEVELS, Glance, PublicPeriod, PublicRecord
from oberih.catalogue.public.words import read, words_of

__all__ = [
    "FIELDS",
    "FINEST_LEVEL",
    "HASH_BITS",
    "LAST_MONTH",
    "SHARE_BITS",
    "Facet",
    "Field",
    "Indexed",
    "ancestor",
    "body_of",
    "cell_token",
    "code_of",
    "facets_of",
    "glance_of",
    "indexed",
    "middle",
    "month_number",
    "rank_of",
    "rank_token",
    "rank_tokens",
    "title_token",
    "whole_title",
]

Field = Literal["kind", "century", "material", "licence", "collection", "region", "language", "available"]
FIELDS: tuple[Field, ...] = get_args(Field)
Cells = TypeVar("Cells", int, NDArray[np.int64])

GAP = "_"  # stands between texts, where a phrase ends
ALL, LOCATED = "_a", "_g"
MOST_WORDS = 5_000  # of a record that count
MOST_TIMES = 200  # that one word of a record counts: PostgreSQL keeps the places of 256
HASH_BITS = 36  # of a rank; the others are its month
SHARE_BITS = tuple(HASH_BITS + more for more in (4, 2, 0, -2, -4))  # that a ``_r`` key leaves out
LAST_MONTH = 12 * 3000
FINEST_LEVEL = 11  # H3 resolution
EARLIEST_CENTURY = -10  # what is older counts as one: "-11"


@dataclass(frozen=True)
class Facet:
    field: Field
    value: str
    labels: Mapping[str, str]  # language -> name; none: the value says it


@dataclass(frozen=True)
class Indexed:
    """A record as the tables need it."""

    month: int  # `month_number`
    words: tuple[str, ...]  # keys in their order, with `GAP` between texts
    marks: tuple[str, ...]  # keys that begin with "_", but for facets
    forms: Mapping[str, tuple[str, str]]  # word as written -> folded, key
    facets: tuple[Facet, ...]
    cells: tuple[tuple[int, int], ...]  # level and cell for all levels of the map
    cell: bytes | None
    titles: Mapping[str, str]  # order -> key
    quality: int  # the smaller, the better
    sums: Mapping[tuple[str, str], int]  # what it adds to those over all records: of what, name -> number


def indexed(record: PublicRecord) -> Indexed:
    keys: list[str] = []
    forms: dict[str, tuple[str, str]] = {}
    marks = {ALL: None}
    for text, is_title in texts_of(record):
        own = []
        for word in words_of(text):
            forms[word] = found = read(word)
            own.append(found[1])
        if is_title and own:
            marks |= dict.fromkeys(map(title_token, own))
            marks[whole_title(own)] = None
        keys += own
        keys.append(GAP)
        if len(keys) > MOST_WORDS:
            break
    keys = not_too_often(keys[:MOST_WORDS])
    cell = int(record.place.cell, 16) if record.place.cell else None
    levels = tuple(levels_of(cell)) if cell else ()
    if cell:
        marks |= dict.fromkeys((LOCATED, *map(cell_token, ancestors(cell))))
    return Indexed(
        month=month_number(record.published),
        words=tuple(keys),
        marks=tuple(marks),
        forms=forms,
        facets=tuple(facets_of(record)),
        cells=levels,
        cell=cell.to_bytes(8) if cell else None,
        titles={order: sort_key(record.title(order), order) for order in ORDERS},
        quality=quality_of(record),
        sums=sums_of(record),
    )


def not_too_often(keys: list[str]) -> list[str]:
    """``keys`` with gaps where one comes too often."""
    if len(keys) <= MOST_TIMES:
        return keys
    times: Counter[str] = Counter()
    for place, found in enumerate(keys):
        times[found] += 1
        if times[found] > MOST_TIMES:
            keys[place] = GAP
    return keys


def texts_of(record: PublicRecord) -> Iterator[tuple[str, bool]]:
    """All texts in which words are looked for, and whether each is a title.

    Whose rights it is, and who is to be named for it, is found only where everybody may know exactly where it
    is: what else is theirs, in open, would lie around what is shielded. (A contributor is in no record of
    something shielded.) Both stand on the page of the record.
    """
    for titles in (record.titles, *record.alternative_titles):
        yield from ((text, True) for text in titles.values())
    labels: list[Mapping[str, str]] = [record.object_type]
    labels += [term.labels for term in (*record.keywords, *record.materials)]
    labels += [period.label for period in record.periods]
    labels.append(record.place.region)
    if record.collection:
        labels.append(record.collection.titles)
    for texts in labels:
        yield from ((text, False) for text in texts.values())
    open_place = record.place.precision == "exact"
    yield from ((one.name, False) for one in record.people if open_place or one.role != "rights holder")
    for period in record.periods:
        yield from ((str(abs(year)), False) for year in (period.earliest, period.latest) if year is not None)
    yield from ((number.value, False) for number in record.identifiers)
    yield from ((text, False) for text in record.summary.values())
    if record.rights and open_place:
        yield from ((text, False) for text in (record.rights.holder, record.rights.credit) if text)
    told = [texts for one in record.annotations for texts in (one.titles, one.texts)]
    told += [one.titles for one in record.tours]
    told += [stop.texts for one in record.tours for stop in one.stops]
    for texts in told:
        yield from ((text, False) for text in texts.values())


def title_token(word: str) -> str:
    return f"_t{word}"


def whole_title(keys: Iterable[str]) -> str:
    return "_e" + hashlib.blake2b(" ".join(keys).encode(), digest_size=8).hexdigest()


def cell_token(cell: int) -> str:
    return f"_c{cell:x}"


def rank_token(bits: int, rank: int) -> str:
    return f"_r{bits}x{rank >> bits:x}"


def rank_tokens(rank: int) -> Iterator[str]:
    yield from (rank_token(bits, rank) for bits in SHARE_BITS)


def facets_of(record: PublicRecord) -> Iterator[Facet]:
    yield Facet("kind", record.kind, {})
    for century in sorted({c for period in record.periods for c in centuries(period)}):
        yield Facet("century", str(century), {})
    materials = {first_of(term.labels).casefold(): term.labels for term in record.materials}
    yield from (Facet("material", value, labels) for value, labels in materials.items())
    if record.rights:
        yield Facet("licence", record.rights.uri, {})
    if record.collection:
        yield Facet("collection", record.collection.id, record.collection.titles)
    if record.place.region:
        yield Facet("region", first_of(record.place.region), record.place.region)
    yield from (Facet("language", language, {}) for language in record.languages)
    if record.files_for(*LEVELS):
        yield Facet("available", "model", {})
    if record.files_for("download"):
        yield Facet("available", "download", {})


def first_of(labels: Mapping[str, str]) -> str:
    """The name that stands for all languages: the English one if there is one."""
    return labels.get("en") or next(iter(labels.values()))


def centuries(period: PublicPeriod) -> Iterator[int]:
    """17 is 1601 to 1700, -5 is 500 to 401 before Christ."""
    years = [year for year in (period.earliest, period.latest) if year is not None]
    if years:
        first, last = (max(century_of(year), EARLIEST_CENTURY - 1) for year in (years[0], years[-1]))
        yield from (century for century in range(first, last + 1) if century)


def century_of(year: int) -> int:
    """The year 0 of astronomers is 1 before Christ."""
    return (year - 1) // 100 + 1 if year > 0 else (year - 1) // 100


def code_of(field: str, number: int) -> int:
    """How a value of a facet is called in `documents.codes` and in ``_f`` keys."""
    return FIELDS.index(field) << 20 | number


def ancestor(cell: Cells, level: int) -> Cells:
    """The cell (or cells) of H3 resolution ``level`` above a finer one, by their indexes."""
    return cell & ~(0xF << 52) | level << 52 | (1 << 3 * (15 - level)) - 1


def ancestors(cell: int) -> Iterator[int]:
    """The cell, and all coarser ones that the map shows."""
    own = cell >> 52 & 0xF
    yield from (ancestor(cell, level) for level in range(min(1, own), own + 1))


def levels_of(cell: int) -> Iterator[tuple[int, int]]:
    """At which level of the map which cell stands for it: never one finer than its own."""
    own = cell >> 52 & 0xF
    yield from ((level, ancestor(cell, min(level, own))) for level in range(1, FINEST_LEVEL + 1))


@lru_cache(65536)
def middle(cell: int) -> tuple[float, float]:
    """Latitude and longitude of the middle of a cell, degrees."""
    lat, lon = basic_int.cell_to_latlng(cell)
    return lat, lon


def quality_of(record: PublicRecord) -> int:
    """Best first: the smaller the measured error; unknown after known; then the more triangles."""
    if not record.files_for(*LEVELS):
        return 1 << 61
    unknown = (1 << 30) - 1
    error = record.quality.error_um if record.quality.error_um is not None else unknown
    most = (1 << 31) - 1
    return min(error, unknown) << 31 | most - min(record.quality.triangles or 0, most)


def sums_of(record: PublicRecord) -> dict[tuple[str, str], int]:
    told = {"photos": record.quality.photos, "triangles": record.quality.triangles}
    found = {("amount", name): number for name, number in told.items() if number}
    return found | {("contributor", one.name): 1 for one in record.people if one.role == "contributor"}


def month_number(month: str) -> int:
    """The newer, the smaller."""
    year, number = map(int, month.split("-"))
    return LAST_MONTH - (12 * year + number - 1)


def rank_of(identifier: str, month: int, key: bytes, attempt: int = 0) -> int:
    """Place in the order of everything; ``attempt``: when another record has it already."""
    digest = hashlib.blake2b(f"{identifier}#{attempt}".encode(), key=key, digest_size=8).digest()
    return month << HASH_BITS | int.from_bytes(digest) >> 64 - HASH_BITS


def body_of(record: PublicRecord) -> str:
    """The same text for the same record."""
    return record.model_dump_json(exclude_defaults=True, warnings="error")


def glance_of(record: PublicRecord) -> str:
    """What a list shows of it, as text."""
    return Glance.of(record).model_dump_json(exclude_defaults=True)
