"""Which records have what a condition asks for, in the order of ranks, on either database.

SQLite's FTS5 gives them one by one in that order, so that the first ten thousand of a million cost no more
than of twenty thousand. PostgreSQL's GIN index can only give all of them, in no order. There, a condition
that many records meet is asked of the newest months first (a key of every record, see `indexing`); GIN steps
through a frequent word in the company of a rare one as fast as through the rare one alone. How many months
follows from the planner's estimate, which may be wrong: then all the others are asked too, and the answer is
the same.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Literal, Protocol

from sqlalchemy import Connection, select, text

from oberih.catalogue.public.conditions import (
    All,
    Any,
    Condition,
    Has,
    as_fts5,
    as_tsquery,
    asks_for_a_row,
)
from oberih.catalogue.public.indexing import HASH_BITS
from oberih.catalogue.public.tables import SCHEMA, months

__all__ = ["LAST", "Column", "Index", "Order", "Summary", "index_of"]

LAST = (1 << 62) - 1  # after every rank
SLICES = 16  # of a month, when it is large
LARGE = 16_000
FEW = 3_000  # records that are found at once, without a walk through the months
UNKNOWN = (
    16  # of a narrower condition a sixteenth is looked for first: planners do not know what goes together
)


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
    """A month, or one of ``of`` parts of it."""

    month: int
    share: int
    of: int
    first: int  # rank
    last: int
    size: float  # records, about

    @property
    def is_last(self) -> bool:
        return self.share == self.of - 1


def index_of(connection: Connection, condition: Condition) -> Index:
    """For questions about records that meet ``condition``, or it and more."""
    if connection.dialect.name == "sqlite":
        return OfSqlite(connection)
    return OfPostgres(connection, condition)


@dataclass(frozen=True)
class OfSqlite:
    connection: Connection

    def ranks(self, condition: Condition, after: int, most: int) -> list[int]:
        given = {"query": as_fts5(condition), "after": after, "upto": LAST, "most": most}
        return list(self.connection.execute(text(SQLITE_MET), given).scalars())

    def summary(
        self, condition: Condition, column: Literal["codes", "cell"], upto: int, most: int,
        order: Order | None = None,
    ) -> Summary:  # fmt: skip
        given = {"query": as_fts5(condition), "after": -1, "upto": upto, "most": most}
        ordered, more = ordering(order, "json_group_array(json_array(value, rank))")
        sql = SQLITE_SUMMARY.format(column=column, order=order.column if order else "rank", ordered=ordered)
        row = self.connection.execute(text(sql), given | more).one()
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

    def ranks(self, condition: Condition, after: int, most: int) -> list[int]:
        found: list[int] = []
        query = as_tsquery(condition)
        for window, start in self.windows(condition, after, LAST, most):
            given = {"query": f"{query}{window}", "after": start, "upto": LAST, "most": most - len(found)}
            found += self.connection.execute(text(POSTGRES_RANKS), given).scalars()
            if len(found) >= most:
                break
        return found

    def summary(
        self, condition: Condition, column: Literal["codes", "cell"], upto: int, most: int,
        order: Order | None = None,
    ) -> Summary:  # fmt: skip
        count = floor = 0
        data = b""
        best: list[tuple[str | int, int]] = []
        query = as_tsquery(condition)
        ordered, more = ordering(order, "json_agg(json_build_array(value, rank))")
        sql = POSTGRES_SUMMARY.format(column=column, order=order.column if order else "rank", ordered=ordered)
        for window, start in self.windows(condition, -1, upto, most):
            given = {"query": f"{query}{window}", "after": start, "upto": upto, "most": most - count}
            row = self.connection.execute(text(sql), given | more).one()
            count += row[0]
            floor = row[1] or floor
            data += row[2] or b""
            best += pairs(row[3])
            if count >= most:
                break
        return Summary(count, floor, data, sorted(best)[: order.most] if order else [])

    def windows(self, condition: Condition, after: int, upto: int, most: int) -> Iterator[tuple[str, int]]:
        """What to add to the query, and after which rank, so that together it is answered in order: months
        that are expected to hold enough, and if they do not, all the rest at once. Of that there cannot be
        much: else the months would have held enough. Only where words stand in a row every record with all of
        them has to be opened: there it goes on by months.
        """
        if self.expected <= max(3 * most, FEW):
            yield "", after
            return
        parts = [one for one in self.slices if one.last > after and one.first <= upto]
        step = sum(one.size for one in parts) * most * 1.4 / self.expected
        if condition != self.widest:
            step *= UNKNOWN
        window: list[Slice] = []
        held = 0.0
        for one in parts:
            window.append(one)
            held += one.size
            if held >= step and (one.is_last or one.month == window[0].month):
                yield f" & {in_one_of(window)}", after
                if not asks_for_a_row(condition):
                    yield "", window[-1].last
                    return
                window, held, step = [], 0.0, step * 4
        if window:
            yield f" & {in_one_of(window)}", after

    @cached_property
    def expected(self) -> int:
        """How many records meet the widest condition, about."""
        return self.expected_of(self.widest)

    def expected_of(self, condition: Condition) -> int:
        """About how many records meet a condition. Words in a row often come together, of which the planner
        knows nothing, and every record with all of them has to be opened: there it is the rarest of them.
        """
        if not asks_for_a_row(condition):
            return self.estimate(as_tsquery(condition))
        match condition:
            case Has(keys):
                return min(self.estimate(f"'{key}'") for key in keys)
            case Any(parts):
                return sum(map(self.expected_of, parts))
            case All(parts):
                return min(map(self.expected_of, parts), default=self.estimate(as_tsquery(condition)))

    def estimate(self, query: str) -> int:
        """How many records the planner expects."""
        sql = f"EXPLAIN (FORMAT JSON) SELECT FROM {SCHEMA}.documents WHERE keys @@ CAST(:query AS tsquery)"
        plan = self.connection.execute(text(sql), {"query": query}).scalar_one()
        return int(plan[0]["Plan"]["Plan Rows"])

    @cached_property
    def slices(self) -> list[Slice]:
        """Months in order, or sixteenths of large ones."""
        found = []
        for month, size in self.connection.execute(select(months).order_by(months.c.month)):
            shares = SLICES if size > LARGE else 1
            width = (1 << HASH_BITS) // shares
            for share in range(shares):
                first = (month << HASH_BITS) + share * width
                found.append(Slice(month, share, shares, first, first + width - 1, size / shares))
        return found


def in_one_of(window: Sequence[Slice]) -> str:
    """Keys of these slices; of a whole month its own, since GIN looks at each key for each record."""
    keys: list[str] = []
    for month, shares in groupby(window, key=lambda one: one.month):
        found = list(shares)
        whole = len(found) == found[0].of
        keys += [f"'_m{month}'"] if whole else [f"'_m{month}x{one.share:x}'" for one in found]
    return f"({' | '.join(keys)})"


POSTGRES_MET = f"""
WITH met AS MATERIALIZED (
    SELECT rank, {{column}} AS data, {{order}} AS value FROM {SCHEMA}.documents
    WHERE keys @@ CAST(:query AS tsquery) AND rank > :after AND rank <= :upto
), found AS MATERIALIZED (SELECT * FROM met ORDER BY rank LIMIT :most) SELECT """  # noqa: S608
POSTGRES_RANKS = POSTGRES_MET.format(column="NULL", order="NULL") + "rank FROM found ORDER BY rank"
POSTGRES_SUMMARY = POSTGRES_MET + "count(*), max(rank), string_agg(data, ''::bytea), {ordered} FROM found"


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
