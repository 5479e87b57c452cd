"""Search in what is public, the same on both databases.

Everything that is counted is counted over at most the first `MOST` records that were found (the newest), and
the answer says so: nobody can make the service work for longer than that takes. Lists by relevance and by
date go on as long as there are records; lists by title or quality are of the first `MOST` found. Where words
are looked for in a row, it is `MOST_IN_A_ROW` instead.

Relevance has three steps: a title is just what was asked for; titles have all the words; all others. Within
each, the newest come first.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    any_,
    bindparam,
    desc,
    func,
    literal,
    select,
    tuple_,
)

from oberih.catalogue.public.asking import Asked, Query, asked
from oberih.catalogue.public.conditions import (
    EVERYTHING,
    All,
    Any,
    Condition,
    Has,
    asks_for_a_row,
    is_possible,
)
from oberih.catalogue.public.cursors import Cursor, cursor_of, written
from oberih.catalogue.public.indexing import FIELDS, Field, cell_token
from oberih.catalogue.public.matching import LAST, Column, Index, Order, Summary, index_of
from oberih.catalogue.public.records import ARK, Glance, PublicRecord, Withdrawn
from oberih.catalogue.public.tables import (
    Now,
    Projection,
    bodies,
    documents,
    forms,
    months,
    now_of,
    terms,
    withdrawn,
)

__all__ = [
    "MOST",
    "FacetCount",
    "Found",
    "Placed",
    "all_facets",
    "at_a_glance",
    "etag",
    "glances",
    "glances_at",
    "grave_at",
    "meaning",
    "placed_at",
    "record",
    "search",
    "shown_at",
]

MOST = 10_000  # records that are counted
MOST_IN_A_ROW = 2_000
MOST_VALUES = 30  # of a facet
COLUMNS: Mapping[tuple[str, str], Column] = {
    ("title", "en"): "title_en", ("title", "uk"): "title_uk", ("quality", "en"): "quality",
    ("quality", "uk"): "quality",
}  # fmt: skip
COMPLETIONS = 20  # words that the beginning of one may stand for
SHOWN = {  # made once, as they are asked for with every page
    form: select(bodies.c.rank, text.label("text")).where(
        bodies.c.rank.in_(bindparam("ranks", expanding=True))
    )
    for form, text in ((PublicRecord, bodies.c.body), (Glance, bodies.c.glance))
}
PLACED = (
    select(documents.c.rank, documents.c.cell, bodies.c.body)
    .select_from(bodies).join(documents, documents.c.rank == bodies.c.rank)
    .where(documents.c.id == bindparam("id"))
)  # fmt: skip


Shown = TypeVar("Shown", PublicRecord, Glance)


@dataclass(frozen=True)
class FacetCount:
    value: str
    labels: Mapping[str, str]  # language -> name; none: the value says it
    count: int


@dataclass(frozen=True)
class Counts:
    """Of a search. ``count`` is exact unless there are ``more``; None: nobody asked."""

    count: int | None = None
    more: bool = False
    facets: Mapping[Field, tuple[FacetCount, ...]] | None = None
    counted: int = 0  # records over which the facets are counted


@dataclass(frozen=True)
class Answer:
    """Where the records of a page are, and what is said of it."""

    ranks: list[int]
    next: str | None
    counts: Counts


@dataclass(frozen=True)
class Found(Generic[Shown]):
    """A page of a search. ``count`` is exact unless there are ``more``; None: nobody asked."""

    records: tuple[Shown, ...]
    next: str | None  # cursor of the next page
    count: int | None = None
    more: bool = False
    facets: Mapping[Field, tuple[FacetCount, ...]] | None = None
    counted: int = 0  # records over which the facets are counted


def search(projection: Projection, query: Query) -> Found[PublicRecord]:
    """A page of what was found. Raises `InputError` if the cursor is none of this query."""
    return searched(projection, query, PublicRecord)


def at_a_glance(projection: Projection, query: Query) -> Found[Glance]:
    """The same, as lists show it."""
    return searched(projection, query, Glance)


def searched(projection: Projection, query: Query, form: type[Shown]) -> Found[Shown]:
    with projection.reading() as connection:
        now = now_of(connection)
        question = query.model_dump_json()
        answer: Answer | None = projection.answers.get(now.turn, question)
        if answer is None:
            answer = answer_to(connection, now, query)
            projection.answers.put(now.turn, question, answer)
        return Found(shown_at(connection, answer.ranks, form), answer.next, **vars(answer.counts))


def answer_to(connection: Connection, now: Now, query: Query) -> Answer:
    said = asked(query.text, unfinished=query.unfinished)
    cursor = cursor_of(now.key, query.cursor, query.fingerprint)
    condition = None if said.nothing else meaning(connection, said, query)
    if condition is None:
        counts = Counts(0, facets=dict.fromkeys(FIELDS, ())) if query.facets else Counts()
        return Answer([], None, counts)
    page, counts = page_of(connection, condition, said, query, cursor)
    following = None
    if len(page) > query.size:
        following = written(now.key, page[query.size - 1], query.fingerprint)
    return Answer([place.rank for place in page[: query.size]], following, counts)


def page_of(
    connection: Connection, condition: Condition, said: Asked, query: Query, cursor: Cursor
) -> tuple[list[Cursor], Counts]:
    """Where the records of a page are, and one more if there is one; and the counts."""
    tiers = [condition]
    if query.order == "relevance" and not said.blank:
        tiers = tiers_of(condition, said)
    column = COLUMNS.get((query.order, query.language))
    if condition == EVERYTHING:
        page = every(connection, column, cursor, query.size + 1)
        return page, all_counted(connection) if query.facets else Counts()
    index = index_of(connection, condition, tiers if column is None else ())
    if column is None:
        page = tiered_page(index, tiers, cursor, query.size + 1)
        return page, counted(connection, index, condition)[0] if query.facets else Counts()
    past = None if cursor.value is None else (cursor.value, cursor.rank)
    order = Order(column, past, query.size + 1)
    answer, summary = counted(connection, index, condition, cursor.floor, order)
    floor = cursor.floor if cursor.floor != LAST else summary.floor if answer.more else LAST
    page = [Cursor(0, rank, value, floor) for value, rank in summary.ordered]
    return page, answer if query.facets else Counts()


def meaning(connection: Connection, said: Asked, query: Query) -> Condition | None:
    """What a record must have to be found; None if none can."""
    completions = completed(connection, said.beginning) if said.beginning else ()
    parts: list[Condition] = [] if said.blank else [said.condition(completions)]
    codes = codes_of(connection, query.filters)
    parts += [Any(tuple(Has((f"_f{code}",)) for code in found)) for found in codes.values()]
    if query.cell:
        parts.append(Has((cell_token(int(query.cell, 16)),)))
    condition = parts[0] if len(parts) == 1 else All(tuple(parts))
    return condition if is_possible(condition) else None


def completed(connection: Connection, beginning: str) -> tuple[str, ...]:
    """Keys of the commonest words that begin so."""
    number = func.sum(forms.c.total)
    found = (
        select(forms.c.key)
        .where(forms.c.folded >= beginning, forms.c.folded < beginning + "~")
        .group_by(forms.c.key)
        .order_by(desc(number), forms.c.key)
        .limit(COMPLETIONS)
    )
    return tuple(connection.execute(found).scalars())


def codes_of(connection: Connection, filters: Mapping[Field, tuple[str, ...]]) -> Mapping[Field, list[int]]:
    """For each field that is filtered by, the codes of those of its values that there are."""
    pairs = [(name, value) for name, values in filters.items() for value in values]
    codes: dict[Field, list[int]] = {name: [] for name, values in filters.items() if values}
    if pairs:
        found = select(terms.c.field, terms.c.id).where(tuple_(terms.c.field, terms.c.value).in_(pairs))
        for name, code in connection.execute(found.order_by(terms.c.id)):
            codes[name].append(code)
    return codes


def tiers_of(condition: Condition, said: Asked) -> list[Condition]:
    """Conditions that part what was found, the most relevant first."""
    if not said.needed:
        return [condition]
    exact, titled = said.as_title, said.in_title
    return [All((condition, exact)), All((condition, titled), (exact,)), All((condition,), (titled,))]


# -- pages ---------------------------------------------------------------------------------------------------


def tiered_page(index: Index, tiers: list[Condition], cursor: Cursor, most: int) -> list[Cursor]:
    """Where the records of a page are: of one tier after another, each by rank."""
    found: list[Cursor] = []
    for tier in range(cursor.tier, len(tiers)):
        after = cursor.rank if tier == cursor.tier else -1
        ranks = index.ranks(tiers[tier], after, most - len(found))
        found += [Cursor(tier, rank) for rank in ranks]
        if len(found) >= most:
            break
    return found


def every(connection: Connection, column: Column | None, cursor: Cursor, most: int) -> list[Cursor]:
    """Where the records of a page of all there are is."""
    rank = documents.c.rank
    if column is None:
        found = select(rank).where(rank > cursor.rank).order_by(rank).limit(most)
        return [Cursor(0, one) for one in connection.execute(found).scalars()]
    value = documents.c[column]
    pairs = select(value, rank).order_by(value, rank).limit(most)
    if cursor.value is not None:
        pairs = pairs.where(tuple_(value, rank) > tuple_(literal(cursor.value), literal(cursor.rank)))
    return [Cursor(0, one, sorted_by) for sorted_by, one in connection.execute(pairs)]


def shown_at(connection: Connection, ranks: list[int], form: type[Shown]) -> tuple[Shown, ...]:
    """What is public at some ranks, whole or at a glance."""
    if not ranks:
        return ()
    found = connection.execute(SHOWN[form], {"ranks": ranks})
    texts = {row.rank: row.text for row in found}
    return tuple(form.model_validate_json(texts[rank]) for rank in ranks)


# -- counts --------------------------------------------------------------------------------------------------


def counted(
    connection: Connection,
    index: Index,
    condition: Condition,
    upto: int = LAST,
    order: Order | None = None,
) -> tuple[Counts, Summary]:
    """The counts, and what they are of."""
    limit = limit_of(condition)
    later = upto != LAST  # there is room for those that came since the first page
    summary = index.summary(condition, "codes", upto, 2 * limit if later else limit, order)
    more = later or are_more(index, condition, summary)
    facets = facets_in(connection, summary.data)
    return Counts(min(summary.count, limit), more, facets, summary.count), summary


def limit_of(condition: Condition) -> int:
    """How many records of those that meet a condition are counted."""
    return MOST_IN_A_ROW if asks_for_a_row(condition) else MOST


def are_more(index: Index, condition: Condition, summary: Summary) -> bool:
    """Whether there are records beyond those that were counted."""
    return summary.count >= limit_of(condition) and bool(index.ranks(condition, summary.floor, 1))


def all_counted(connection: Connection) -> Counts:
    total = int(connection.execute(select(func.coalesce(func.sum(months.c.total), 0))).scalar_one())
    return Counts(min(total, MOST), total > MOST, all_facets(connection), total)


def facets_in(connection: Connection, data: bytes) -> Mapping[Field, tuple[FacetCount, ...]]:
    """The commonest values of each field among records, of which ``data`` has the codes."""
    codes = np.frombuffer(data, "<u4")
    own = codes & 0xFFFFF
    width = int(own.max(initial=0)) + 1
    times = np.bincount((codes >> 20) * width + own, minlength=len(FIELDS) * width).reshape(-1, width)
    numbers: dict[int, int] = {}
    for place, of_field in enumerate(times):
        values = np.flatnonzero(of_field)
        if len(values) > MOST_VALUES:  # with all that are as common as the last: values decide
            least = np.partition(of_field[values], -MOST_VALUES)[-MOST_VALUES]
            values = values[of_field[values] >= least]
        numbers |= {place << 20 | value: of_field[value].item() for value in values.tolist()}
    ids: ColumnElement[bool] = terms.c.id.in_(numbers)
    if connection.dialect.name != "sqlite":  # one parameter: the same statement for any number
        ids = terms.c.id == any_(literal(list(numbers), ARRAY(BigInteger)))
    rows = connection.execute(select(terms.c.id, terms.c.field, terms.c.value, terms.c.labels).where(ids))
    return arranged([(name, value, labels, numbers[code]) for code, name, value, labels in rows])


def all_facets(connection: Connection) -> Mapping[Field, tuple[FacetCount, ...]]:
    by = (terms.c.total.desc(), terms.c.value)
    place = func.row_number().over(partition_by=terms.c.field, order_by=by)
    ordered = select(terms, place.label("place")).subquery()
    best = select(ordered.c.field, ordered.c.value, ordered.c.labels, ordered.c.total)
    rows = connection.execute(best.where(ordered.c.place <= MOST_VALUES))
    return arranged(tuple(row) for row in rows)


@lru_cache(10_000)
def labels_in(text: str) -> Mapping[str, str]:
    found: dict[str, str] = json.loads(text)
    return found


def arranged(rows: Iterable[tuple[str, str, str, int]]) -> Mapping[Field, tuple[FacetCount, ...]]:
    facets: dict[Field, list[FacetCount]] = {name: [] for name in FIELDS}
    for name, value, labels, count in rows:
        facets[name].append(FacetCount(value, labels_in(labels), count))  # type: ignore[index]
    return {
        name: tuple(sorted(found, key=lambda one: (-one.count, one.value))[:MOST_VALUES])
        for name, found in facets.items()
    }


# -- one record, words ---------------------------------------------------------------------------------------


def record(projection: Projection, identifier: str) -> PublicRecord | Withdrawn | None:
    """What is public under an identifier, or that it was; None: nothing is or ever was."""
    with projection.reading() as connection:
        found = placed_at(connection, identifier)
        return grave_at(connection, identifier) if found is None else found.record()


@dataclass(frozen=True)
class Placed:
    """A public record as it is kept, with its place in the order of all, and its cell of the map."""

    rank: int
    cell: bytes | None
    body: str

    def record(self) -> PublicRecord:
        return PublicRecord.model_validate_json(self.body)


def placed_at(connection: Connection, identifier: str) -> Placed | None:
    if not ARK.fullmatch(identifier):
        return None
    row = connection.execute(PLACED, {"id": identifier}).one_or_none()
    return Placed(row.rank, row.cell, row.body) if row else None


def grave_at(connection: Connection, identifier: str) -> Withdrawn | None:
    """That something was public under an identifier, and is not any more."""
    if not ARK.fullmatch(identifier):
        return None
    grave = connection.execute(select(withdrawn).where(withdrawn.c.id == identifier)).mappings().one_or_none()
    return Withdrawn.model_validate(dict(grave)) if grave else None


def glances(projection: Projection, identifiers: Collection[str]) -> tuple[Glance, ...]:
    """Those that are public of some, in the order that is asked for."""
    with projection.reading() as connection:
        return glances_at(connection, identifiers)


def glances_at(connection: Connection, identifiers: Collection[str]) -> tuple[Glance, ...]:
    if not identifiers:
        return ()
    place = select(documents.c.rank).where(documents.c.id.in_(identifiers))
    ranks = list(connection.execute(place).scalars())
    found = {one.id: one for one in shown_at(connection, ranks, Glance)}
    return tuple(found[one] for one in identifiers if one in found)


def etag(body: bytes) -> str:
    """Of an answer, from the answer itself: it tells nothing that the answer does not."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
