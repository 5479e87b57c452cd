"""Which records have what a condition asks for, in the order of ranks, on either database.

SQLite's FTS5 gives them one by one in that order, so that the first ten thousand of a million cost no more
than of twenty thousand. PostgreSQL's GIN index can only give all of them, in no order. There, a page of what
very many records meet is looked for without it, in the records themselves, one after another. Else a
condition that many meet is asked of the newest months first (keys of every record, see `indexing`); GIN
steps through a frequent word in the company of a rare one as fast as through the rare one alone. How many
records or months follows from the planner's estimate, which may be wrong: then all the others are asked too,
and the answer is the same.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Literal, Protocol

from sqlalchemy import Connection, TextClause, select, text

from oberih.catalogue.public.conditions import (
    All,
    Any,
    Condition,
    Has,
    as_fts5,
    as_tsquery,
    asks_for_a_row,
    keys_of,
)
from oberih.catalogue.public.indexing import HASH_BITS, SHARE_BITS, rank_token
from oberih.catalogue.public.tables import SCHEMA, months

__all__ = ["LAST", "Column", "Index", "Order", "Summary", "index_of"]

LAST = (1 << 62) - 1  # after every rank
SLICES = 16  # of a month, when it is large
LARGE = 16_000
FEW = 3_000  # records that are found at once, without a walk through the months
MOST_OPENED = 1_000  # records that are opened one after another: about as dear as a walk through the months
SPARE = 3  # times as many may be opened as are expected to be enough


Column = Literal["title_en", "title_uk", "quality"]


@dataclass(frozen=True)
class Order:
    """The first ``most`` by a column, and by rank where that is the same, past a value and rank."""

    column: Column
    past: tuple[str | int, int] | None
    most: int


@dataclass(frozen=True)
class Summary:
    """The first records that meet a condition, taken together."""

    count: int
    floor: int  # rank of the last of them
    data: bytes  # a column of all of them, one after another
    ordered: list[tuple[str | int, int]]  # value and rank, of those that an `Order` asked for


class Index(Protocol):
    """What both databases can do."""

    def ranks(self, condition: Condition, after: int, most: int) -> list[int]:
        """The first ``most`` records with a rank larger than ``after``."""

    def summary(
        self, condition: Condition, column: Literal["codes", "cell"], upto: int, most: int,
        order: Order | None = None,
    ) -> Summary:  # fmt: skip
        """Of the first ``most`` records with ranks up to ``upto``."""


@dataclass(frozen=True)
class Slice:
    """A month, or a sixteenth of it."""

    first: int  # rank
    last: int
    size: float  # records, about

    @property
    def ends_a_month(self) -> bool:
        return (self.last + 1) % (1 << HASH_BITS) == 0


def index_of(connection: Connection, condition: Condition, narrower: Sequence[Condition] = ()) -> Index:
    """For questions about records that meet ``condition``, or it and more: mostly these."""
    if connection.dialect.name == "sqlite":
        return OfSqlite(connection)
    return OfPostgres(connection, condition, narrower)


@lru_cache(64)
def prepared(sql: str) -> TextClause:
    """To be asked with: made once, as it is asked with again and again."""
    return text(sql)


@dataclass(frozen=True)
class OfSqlite:
    connection: Connection

    def ranks(self, condition: Condition, after: int, most: int) -> list[int]:
        given = {"query": as_fts5(condition), "after": after, "upto": LAST, "most": most}
        return list(self.connection.execute(prepared(SQLITE_MET), given).scalars())

    def summary(
        self, condition: Condition, column: Literal["codes", "cell"], upto: int, most: int,
        order: Order | None = None,
    ) -> Summary:  # fmt: skip
        given = {"query": as_fts5(condition), "after": -1, "upto": upto, "most": most}
        ordered, more = ordering(order, "json_group_array(json_array(value, rank))")
        sql = SQLITE_SUMMARY.format(column=column, order=order.column if order else "rank", ordered=ordered)
        row = self.connection.execute(prepared(sql), given | more).one()
        return Summary(row[0], row[1] or 0, row[2] or b"", pairs(row[3]))


SQLITE_MET = (
    "SELECT rowid AS rank FROM words WHERE words MATCH :query AND rowid > :after AND rowid <= :upto "
    "ORDER BY rowid LIMIT :most"
)
SQLITE_SUMMARY = f"""
WITH found AS (
    SELECT d.rank AS rank, d.{{column}} AS data, d.{{order}} AS value
    FROM ({SQLITE_MET}) met CROSS JOIN documents d ON d.rank = met.rank
) SELECT count(*), max(rank), CAST(group_concat(data, '') AS BLOB), {{ordered}} FROM found
"""  # noqa: S608 - nothing in any of these comes from outside


@dataclass(frozen=True)
class OfPostgres:
    connection: Connection
    widest: Condition  # of all that will be asked for
    narrower: Sequence[Condition]
    estimates: dict[str, int] = field(default_factory=dict)

    def ranks(self, condition: Condition, after: int, most: int) -> list[int]:
        query = as_tsquery(condition)
        found = self.opened(condition, query, after, most)
        if len(found) == most:
            return found
        found = []

        def ask(window: str, start: int, wanted: int) -> int:
            given = {"query": query, "window": window, "after": start, "upto": LAST, "most": wanted}
            sql = POSTGRES_RANKS.format(column="NULL", order="NULL", within=WITHIN if window else "")
            more = self.connection.execute(prepared(sql), given).scalars().all()
            found.extend(more)
            return len(more)

        self.walk(condition, after, LAST, most, ask)
        return found

    def opened(self, condition: Condition, query: str, after: int, most: int) -> list[int]:
        """What there is among the next records, where so many are expected to meet ``condition`` that a few
        of them will do.
        """
        expected = self.expected_of(condition)
        if expected <= FEW:
            return []
        number = SPARE * most * int(sum(one.size for one in self.slices)) // expected
        if number > MOST_OPENED:
            return []
        given = {"query": query, "after": after, "number": number, "most": most}
        return list(self.connection.execute(prepared(POSTGRES_OPENED), given).scalars())

    def summary(
        self, condition: Condition, column: Literal["codes", "cell"], upto: int, most: int,
        order: Order | None = None,
    ) -> Summary:  # fmt: skip
        parts: list[Summary] = []
        query = as_tsquery(condition)
        ordered, more = ordering(order, "json_agg(json_build_array(value, rank))")
        by = order.column if order else "rank"

        def ask(window: str, start: int, wanted: int) -> int:
            given = {"query": query, "window": window, "after": start, "upto": upto, "most": wanted}
            within = WITHIN if window else ""
            sql = POSTGRES_SUMMARY.format(column=column, order=by, ordered=ordered, within=within)
            row = self.connection.execute(prepared(sql), given | more).one()
            parts.append(Summary(row[0], row[1] or 0, row[2] or b"", pairs(row[3])))
            return parts[-1].count

        self.walk(condition, -1, upto, most, ask)
        best = sorted(pair for one in parts for pair in one.ordered)
        return Summary(
            sum(one.count for one in parts), max(one.floor for one in parts),
            b"".join(one.data for one in parts), best[: order.most] if order else [],
        )  # fmt: skip

    def walk(
        self, condition: Condition, after: int, upto: int, most: int, ask: Callable[[str, int, int], int]
    ) -> None:
        """Ask until there are ``most``, in order: in which slices ("": in all), after which rank, and for how
        many; ``ask`` says how many there were.

        First the months that are expected to hold enough; then, if they nearly did, a few more. If they held
        much less, all the rest at once, of which there cannot be much. Only where words stand in a row every
        record with all of them has to be opened: there it goes on by months.
        """
        expected = self.expected_of(condition)
        if expected <= max(2 * most, FEW):
            ask("", after, most)
            return
        parts = [one for one in self.slices if one.last > after and one.first <= upto]
        wanted = 1.2 * most / expected * sum(one.size for one in parts)
        while parts and most > 0:
            window = first_of(parts, wanted)
            parts = parts[len(window) :]
            found = ask(in_one_of(window, self.slices), after, most)
            most, after = most - found, window[-1].last
            if found < most and not asks_for_a_row(condition):
                if parts:
                    ask("", after, most)
                return
            wanted = sum(one.size for one in window) * min(8, 1.3 * most / max(found, 1))

    @cached_property
    def expected(self) -> int:
        """How many records meet the widest condition, about."""
        return self.expected_alone(self.widest)

    def expected_of(self, condition: Condition) -> int:
        """About how many records meet a condition that is the widest, or it and more: then no more than meet
        either of both, as the planner does not know what goes together.
        """
        others = self.beside(condition)
        if others is None or self.expected <= FEW:
            return self.expected
        all_others = [found for one in self.narrower if (found := self.beside(one)) is not None]
        self.foresee(query for one in (others, *all_others) for query in self.queries(one))
        return min(self.expected, self.expected_alone(others))

    def beside(self, condition: Condition) -> All | None:
        """What it asks for beside the widest condition."""
        if not isinstance(condition, All) or self.widest not in condition.parts:
            return None
        others = tuple(part for part in condition.parts if part != self.widest)
        return All(others) if others else None

    def expected_alone(self, condition: Condition) -> int:
        """About how many records meet a condition. Words in a row often come together, of which the planner
        knows nothing, and every record with all of them has to be opened: there it is the rarest of them.
        """
        self.foresee(self.queries(condition))
        if not asks_for_a_row(self.widest):
            return self.estimates[as_tsquery(condition)]
        match condition:
            case Has(keys):
                return min(self.estimates[f"'{key}'"] for key in keys)
            case Any(parts):
                return sum(map(self.expected_alone, parts))
            case All(()):
                return self.estimates[as_tsquery(condition)]
            case All(parts):
                return min(map(self.expected_alone, parts))

    def queries(self, condition: Condition) -> list[str]:
        """What the planner is asked for it."""
        keys = list(keys_of(condition)) if asks_for_a_row(self.widest) else []
        return [f"'{key}'" for key in keys] or [as_tsquery(condition)]

    def foresee(self, queries: Iterable[str]) -> None:
        """Ask the planner for all of these at once."""
        unknown = [one for one in dict.fromkeys(queries) if one not in self.estimates]
        if unknown:
            each = " UNION ALL ".join(POSTGRES_MEETS.format(number) for number in range(len(unknown)))
            given = {f"query{number}": one for number, one in enumerate(unknown)}
            (told,) = self.connection.execute(prepared(f"EXPLAIN (FORMAT JSON) {each}"), given).scalar_one()
            plans = told["Plan"]["Plans"] if len(unknown) > 1 else [told["Plan"]]
            self.estimates.update(zip(unknown, (int(one["Plan Rows"]) for one in plans), strict=True))

    @cached_property
    def slices(self) -> list[Slice]:
        """Months in order, or sixteenths of large ones."""
        found = []
        for month, size in self.connection.execute(select(months).order_by(months.c.month)):
            shares = SLICES if size > LARGE else 1
            width = (1 << HASH_BITS) // shares
            for share in range(shares):
                first = (month << HASH_BITS) + share * width
                found.append(Slice(first, first + width - 1, size / shares))
        return found


def first_of(parts: Sequence[Slice], wanted: float) -> Sequence[Slice]:
    """As many as hold so many records; whole months, if it is more than one."""
    held, month = 0.0, parts[0].first >> HASH_BITS
    for number, one in enumerate(parts, 1):
        held += one.size
        if held >= wanted and (one.ends_a_month or one.first >> HASH_BITS == month):
            return parts[:number]
    return parts


def in_one_of(window: Sequence[Slice], slices: Sequence[Slice]) -> str:
    """As few keys as all records of ``window``, and no others, have: GIN looks at each key for each record.
    ``slices``: all there are.
    """
    keys: list[str] = []
    left = {one.first for one in window}
    widest = SHARE_BITS[0]
    blocks = range(window[0].first >> widest, (window[-1].first >> widest) + 1)
    around = [one.first for one in slices if one.first >> widest in blocks]
    for bits in SHARE_BITS:
        for _, found in groupby(around, key=lambda first: first >> bits):
            together = list(found)
            if left.issuperset(together):
                keys.append(f"'{rank_token(bits, together[0])}'")
                left.difference_update(together)
    return " | ".join(keys)


# By "rank + 0", which is in no index: only that of the words is to be used. Slices are a condition of their
# own: in one with the words, GIN would try all of it on each record that has any of these words.
POSTGRES_MET = f"""
    SELECT rank, {{column}} AS data, {{order}} AS value FROM {SCHEMA}.documents
    WHERE keys @@ CAST(:query AS tsquery) {{within}} AND rank + 0 > :after AND rank + 0 <= :upto
    ORDER BY rank + 0 LIMIT :most"""  # noqa: S608
WITHIN = "AND keys @@ CAST(:window AS tsquery)"
POSTGRES_RANKS = f"SELECT rank FROM ({POSTGRES_MET}) found"  # noqa: S608
POSTGRES_SUMMARY = f"""
WITH found AS ({POSTGRES_MET})
SELECT count(*), max(rank), string_agg(data, ''::bytea), {{ordered}} FROM found"""  # noqa: S608
POSTGRES_OPENED = f"""
SELECT rank FROM (
    SELECT rank, keys FROM {SCHEMA}.documents WHERE rank > :after ORDER BY rank LIMIT :number
) next WHERE keys @@ CAST(:query AS tsquery) ORDER BY rank LIMIT :most"""  # noqa: S608
POSTGRES_MEETS = f"SELECT FROM {SCHEMA}.documents WHERE keys @@ CAST(:query{{}} AS tsquery)"


def ordering(order: Order | None, aggregate: str) -> tuple[str, dict[str, object]]:
    """SQL for the best of ``found``, as a list in JSON, and what it needs to be given."""
    if order is None:
        return "NULL", {}
    given: dict[str, object] = {"best": order.most}
    past = ""
    if order.past is not None:
        past = "WHERE (value, rank) > (:value, :rank)"
        given |= {"value": order.past[0], "rank": order.past[1]}
    best = f"SELECT value, rank FROM found {past} ORDER BY value, rank LIMIT :best"  # noqa: S608
    return f"(SELECT {aggregate} FROM ({best}) best)", given  # noqa: S608


def pairs(found: str | Sequence[tuple[str | int, int]] | None) -> list[tuple[str | int, int]]:
    """Value and rank of a list in JSON, which one of the drivers has read already."""
    return [(value, rank) for value, rank in (json.loads(found) if isinstance(found, str) else found or ())]
