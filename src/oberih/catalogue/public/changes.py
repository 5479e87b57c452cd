"""What of the public records changed when, by days: for those who keep a copy, and ask what is new.

    page = changed(projection, Wanted(since="2026-11-01"), BEGINNING, 200)
    more = changed(projection, Wanted(since="2026-11-01"), page[-1].place, 200)

The order is by day and then by identifier, which is random: nobody learns what changed before what. Something
that changes while somebody reads page after page only moves to a later place, so nothing is passed over;
what changes on the day of the last page itself is found by asking again from that day on.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, func, literal, or_, select, tuple_, union_all

from oberih.catalogue.public.cursors import opened, sealed
from oberih.catalogue.public.records import ARK, PublicRecord
from oberih.catalogue.public.tables import (
    Projection,
    bodies,
    changes,
    documents,
    months,
    now_of,
    terms,
    withdrawn,
)

__all__ = [
    "BEGINNING",
    "Change",
    "Extent",
    "Group",
    "Wanted",
    "change_of",
    "changed",
    "continuation",
    "continued",
    "everything",
    "extent",
    "groups",
    "listed",
    "newest",
    "number_of_changes",
]

Place = tuple[str, str]
"""Day and identifier of a change."""

BEGINNING: Place = ("", "")
BATCH = 500  # records that `everything` has in memory
PURPOSE = b"changes"


@dataclass(frozen=True)
class Change:
    """That something is public as it is since a day, or that it was withdrawn then."""

    id: str
    day: str  # YYYY-MM-DD, UTC
    kind: str | None  # None: it was withdrawn
    collection: str | None
    edm: bool  # whether Europeana takes records under its rights
    record: PublicRecord | None = None  # if it was asked for

    @property
    def place(self) -> Place:
        return self.day, self.id


@dataclass(frozen=True)
class Wanted:
    """Which changes. What was withdrawn is in every group: a tombstone does not say in which it was."""

    since: str = ""  # first day
    until: str = "9999-12-31"  # last day
    field: Literal["", "kind", "collection"] = ""
    value: str = ""  # of that field
    edm: bool = False  # only what Europeana takes

    def conditions(self) -> list[ColumnElement[bool]]:
        within = [changes.c.day >= self.since, changes.c.day <= self.until]
        return [*within, or_(changes.c.kind.is_(None), changes.c.edm)] if self.edm else within

    def parted(self) -> list[list[ColumnElement[bool]]]:
        """Conditions of which each is answered in order by one index."""
        if not self.field:
            return [self.conditions()]
        return [
            [changes.c[self.field] == self.value, *self.conditions()],
            [changes.c.kind.is_(None), *self.conditions()],
        ]


@dataclass(frozen=True)
class Group:
    """Records of one kind, or of one collection."""

    field: str
    value: str
    labels: Mapping[str, str]  # language -> name; none: the value says it


@dataclass(frozen=True)
class Extent:
    """How much there is: records, tombstones, and the first and the last day of a change."""

    records: int
    withdrawn: int
    first: str  # "": nothing ever was public
    last: str


def changed(
    projection: Projection, wanted: Wanted, after: Place, most: int, *, whole: bool = False
) -> list[Change]:
    """The next changes after a place. ``whole``: with the records."""
    places = [
        select(changes).where(*conditions, *past(after)).order_by(changes.c.day, changes.c.id).limit(most)
        for conditions in wanted.parted()
    ]
    both = union_all(*(select(one.subquery()) for one in places)).subquery()
    asked = select(both).order_by(both.c.day, both.c.id).limit(most)
    with projection.reading() as connection:
        return found(connection, asked, whole=whole)


def past(after: Place) -> list[ColumnElement[bool]]:
    if after == BEGINNING:
        return []
    return [tuple_(changes.c.day, changes.c.id) > tuple_(literal(after[0]), literal(after[1]))]


def number_of_changes(projection: Projection, wanted: Wanted) -> int:
    counted = [select(func.count()).select_from(changes).where(*one) for one in wanted.parted()]
    with projection.reading() as connection:
        return sum(connection.execute(one).scalar_one() for one in counted)


def change_of(projection: Projection, identifier: str, *, whole: bool = False) -> Change | None:
    """The last change of one identifier; None: it never was public."""
    if not ARK.fullmatch(identifier):
        return None
    with projection.reading() as connection:
        asked = select(changes).where(changes.c.id == identifier)
        return next(iter(found(connection, asked, whole=whole)), None)


def newest(projection: Projection, most: int) -> list[Change]:
    """The records that changed last."""
    asked = select(changes).where(changes.c.kind.is_not(None))
    last = asked.order_by(changes.c.day.desc(), changes.c.id.desc()).limit(most)
    with projection.reading() as connection:
        return found(connection, last, whole=True)[::-1]


def listed(projection: Projection, part: int, size: int) -> list[Change]:
    """Part number ``part`` of all records, by identifier."""
    asked = select(changes).where(changes.c.kind.is_not(None)).order_by(changes.c.id)
    with projection.reading() as connection:
        return found(connection, asked.limit(size).offset(part * size), whole=False)


def extent(projection: Projection) -> Extent:
    """How much there is."""
    counted = (
        select(func.coalesce(func.sum(months.c.total), 0)),
        select(func.count()).select_from(withdrawn),
    )
    days = select(func.min(changes.c.day)), select(func.max(changes.c.day))
    with projection.reading() as connection:
        records, gone = (int(connection.execute(one).scalar_one()) for one in counted)
        first, last = (str(connection.execute(one).scalar() or "") for one in days)
        return Extent(records, gone, first, last)


def groups(projection: Projection) -> list[Group]:
    """Kinds and collections that there are records of."""
    asked = select(terms.c.field, terms.c.value, terms.c.labels).where(
        terms.c.field.in_(("kind", "collection")), terms.c.total > 0
    )
    with projection.reading() as connection:
        rows = connection.execute(asked.order_by(terms.c.field, terms.c.value)).all()
    return [Group(row.field, row.value, json.loads(row.labels)) for row in rows]


def everything(projection: Projection) -> Iterator[Sequence[str]]:
    """Every record as JSON, by identifier, in batches. Each is read for itself: whoever is slow to take them
    keeps nobody from writing.
    """
    after = ""
    while True:
        asked = (
            select(documents.c.id, bodies.c.body).join(bodies, bodies.c.rank == documents.c.rank)
            .where(documents.c.id > after).order_by(documents.c.id).limit(BATCH)
        )  # fmt: skip
        with projection.reading() as connection:
            rows = connection.execute(asked).all()
        if not rows:
            return
        yield [row.body for row in rows]
        after = rows[-1].id


def continuation(projection: Projection, told: Sequence[str | int]) -> str:
    """Where a list goes on, as text that only we can make: `continued` reads it."""
    with projection.reading() as connection:
        return sealed(now_of(connection).key, json.dumps(told, separators=(",", ":")).encode(), PURPOSE)


def continued(projection: Projection, text: str) -> list[Any] | None:
    """What `continuation` was told; None if it was not it that wrote this."""
    with projection.reading() as connection:
        data = opened(now_of(connection).key, text, PURPOSE)
    return None if data is None else list(json.loads(data))


def found(connection: Connection, asked: Select[Any], *, whole: bool) -> list[Change]:
    """The changes that are asked for; ``whole``: by place, with the records."""
    if whole:
        one = asked.subquery()
        both = one.outerjoin(documents, documents.c.id == one.c.id).outerjoin(
            bodies, bodies.c.rank == documents.c.rank
        )
        asked = select(one, bodies.c.body).select_from(both).order_by(one.c.day, one.c.id)
    return [
        Change(
            row.id, row.day, row.kind, row.collection, bool(row.edm),
            PublicRecord.model_validate_json(row.body) if whole and row.body else None,
        )
        for row in connection.execute(asked)
    ]  # fmt: skip
