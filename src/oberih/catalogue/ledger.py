"""The audit trail of heritage data, which is also its truth: who did what to which row, and the new state.

Every change of a `Heritage` row in a transaction of `Database.writing` becomes an entry, in that same
transaction and without anybody having to remember it. `keep_entries` puts entries into the archive, sealed
for the custodians, as objects that go to every store; from them `replay` makes all tables again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Index, Insert, Table, and_, func, insert, or_, select, update
from sqlalchemy import event as events
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import JSON

from oberih.archive import Archive
from oberih.archive.crypt import decrypted, encrypted
from oberih.archive.deposit import deposit_files
from oberih.archive.journal import LEDGER
from oberih.catalogue.database import Base, Database, now
from oberih.catalogue.rows import packed, row_of, state_of, told, unpacked
from oberih.catalogue.tables import HERITAGE, Heritage, new_id
from oberih.errors import Damaged, InputError
from oberih.i18n import say

__all__ = ["Entry", "bring_in", "entries_of", "happened", "keep_entries", "kept_entries", "replay"]

SEALED = "entries.jsonl.gz.age"
AT_ONCE = 10_000  # entries of one object
IN_MEMORY = 100  # entries: those of a review may have a hundred kilobytes


class Entry(Base):
    """One line of the ledger. ``data``: the row after it; none if nothing changed (somebody looked)."""

    __tablename__ = "entry"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)  # of this database only
    id: Mapped[str] = mapped_column(unique=True, default=new_id)
    at: Mapped[datetime] = mapped_column(default=now)
    actor: Mapped[str]
    action: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    kind: Mapped[str]
    of: Mapped[str]  # identifier of the row
    version: Mapped[int] = mapped_column(default=0)
    data: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    kept: Mapped[str | None]  # the object of the archive that holds it
    __table_args__ = (Index("entry_of", "kind", "of", "number"), Index("entry_kept", "kept", "number"))


WRITE_DOWN = insert(Entry)


def happened(session: Session, kind: str, of: str) -> None:
    """Something that changes no row, such as a look at what is sealed."""
    session.connection().execute(WRITE_DOWN, [entry(session, kind, of)])


def entries_of(session: Session, kind: str, of: str) -> Sequence[Entry]:
    """The history of a row, in order."""
    wanted = select(Entry).where(Entry.kind == kind, Entry.of == of).order_by(Entry.number)
    return session.scalars(wanted).all()


def entry(session: Session, kind: str, of: str, version: int = 0, data: Any = None) -> dict[str, Any]:
    who = session.info
    if "actor" not in who:
        raise InputError("Nobody said who makes this change.", "Use Database.writing.")
    return {
        "id": new_id(), "at": now(), "actor": who["actor"], "action": who["action"], "note": who["note"],
        "kind": kind, "of": of, "version": version, "data": data, "kept": None,
    }  # fmt: skip


@events.listens_for(Session, "before_flush")
def refuse(session: Session, *_: object) -> None:
    if gone := [row for row in session.deleted if isinstance(row, Heritage)]:
        raise InputError(say("A {kind} cannot be deleted.", kind=gone[0].kind_of()), "Mark it as withdrawn.")
    for row in session.dirty:
        if isinstance(row, Heritage) and session.is_modified(row):
            row.changed = now()


@events.listens_for(Session, "after_flush")
def audited(session: Session, *_: object) -> None:
    rows = [row for row in session.new if isinstance(row, Heritage)]
    rows += [row for row in session.dirty if isinstance(row, Heritage) and session.is_modified(row)]
    made = [entry(session, row.kind_of(), row.id, row.version, state_of(row)) for row in rows]
    if made:
        session.connection().execute(WRITE_DOWN, made)


def bring_in(session: Session, rows: Iterable[tuple[type[Heritage], Mapping[str, Any]]]) -> None:
    """New rows with their entries, in this order, and without objects: to add and flush these takes twice as
    long, which counts where something arrives. What is not said of a row has its default.
    """
    session.flush()
    connection, entries = session.connection(), []
    for kind, some in groupby(rows, key=itemgetter(0)):
        made = [fresh_row(kind, said) for _, said in some]
        connection.execute(insert_of(kind.metadata_table()), made)
        entries += [
            entry(session, kind.kind_of(), row["id"], row["version"], {name: told(row[name]) for name in row})
            for row in made
        ]
    if entries:
        connection.execute(WRITE_DOWN, entries)


def fresh_row(kind: type[Heritage], said: Mapping[str, Any]) -> dict[str, Any]:
    """All columns of a new row. Raises `ValueError` if it has no such column, or needs another one."""
    columns, needed = defaults_of(kind.metadata_table())
    if wrong := (said.keys() - columns.keys()) | (needed - said.keys()):
        raise ValueError(f"{kind.kind_of()}: {', '.join(sorted(wrong))}")
    return {name: said[name] if name in said else made(None) for name, made in columns.items()}


@cache
def insert_of(table: Table) -> Insert:
    return insert(table)


@cache
def defaults_of(table: Table) -> tuple[dict[str, Callable[[Any], Any]], frozenset[str]]:
    """What makes each column if nobody says it; and those that have to be said."""
    needed = (one.key for one in table.columns if one.default is None and not one.nullable)
    return {one.key: default_of(one.default) for one in table.columns}, frozenset(needed)


def default_of(declared: Any) -> Callable[[Any], Any]:
    if declared is None:
        return lambda _: None
    made: Callable[[Any], Any] = declared.arg if declared.is_callable else lambda _: declared.arg
    return made


def keep_entries(database: Database, archive: Archive) -> int:
    """Put entries that are not in the archive yet there. Returns how many.

    Killed between the two steps, it keeps some entries twice, which `replay` knows by their ids.
    """
    count = 0
    while some := keep_some(database, archive):
        count += some
    return count


def keep_some(database: Database, archive: Archive) -> int:
    """Put the oldest of them there, as one object."""
    wanted = select(Entry).where(Entry.kept.is_(None)).order_by(Entry.number).limit(AT_ONCE)
    numbers: list[int] = []

    def lines(found: Iterable[Entry]) -> Iterator[dict[str, Any]]:
        for one in found:
            numbers.append(one.number)
            yield as_line(one)

    with database.reading() as session:
        found = iter(session.scalars(wanted.execution_options(yield_per=IN_MEMORY)))
        first = next(found, None)
        if first is None:
            return 0
        sealed = b"".join(encrypted(packed(lines(chain([first], found))), archive.recipients()))
    about = {"kind": LEDGER, "title": "catalogue"}
    made = deposit_files(archive, {}, about, {SEALED: sealed}, event="creation")
    with database.writing("service", "keep") as session:
        for at in range(0, len(numbers), 500):
            some = Entry.number.in_(numbers[at : at + 500])
            session.execute(update(Entry).where(some).values(kept=made.id))
    return len(numbers)


def as_line(one: Entry) -> dict[str, Any]:
    told = {
        name: getattr(one, name)
        for name in ("id", "actor", "action", "note", "kind", "of", "version", "data")
    }
    return {"at": one.at.isoformat(), **told}


def kept_entries(archive: Archive, identities: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All entries that the archive holds, with their objects' identifiers. Not to be believed before the last
    one. Raises `KeyNeeded`, `Damaged`.
    """
    for found in sorted(archive.index.objects(LEDGER), key=lambda one: (one.changed, one.id)):
        try:
            for line in unpacked(decrypted(archive.object(found.id).stream(SEALED), identities)):
                yield found.id, line
        except ValueError as error:
            raise Damaged(
                say("Entries of the ledger cannot be read: {id}", id=found.id), "Look at the archive."
            ) from error


def replay(database: Database, entries: Iterable[tuple[str, dict[str, Any]]]) -> int:
    """Make all rows, and the ledger, again from entries of the archive. Returns how many entries were new.

    Of each row the newest version counts, whatever order the entries come in. However many there are, a few
    of them are in memory: they go into the ledger first, and from there into the rows.
    """
    count, coming = 0, iter(entries)
    with database.writers() as session, session.begin():
        connection = session.connection()
        while some := list(islice(coming, IN_MEMORY)):
            count += put_entries(connection, some)
        for kind in HERITAGE:
            put_rows(connection, kind)
    return count


def put_entries(connection: Connection, lines: Iterable[tuple[str, dict[str, Any]]]) -> int:
    """Write down entries that are not known yet; how many these are."""
    told = {line["id"]: (kept, line) for kept, line in lines}
    known = set(connection.scalars(select(Entry.id).where(Entry.id.in_(told))))
    fresh = [
        {**line, "at": datetime.fromisoformat(line["at"]), "kept": kept}
        for identifier, (kept, line) in told.items() if identifier not in known
    ]  # fmt: skip
    if fresh:
        connection.execute(WRITE_DOWN, fresh)
    return len(fresh)


def put_rows(connection: Connection, kind: type[Heritage]) -> None:
    """Bring rows to the newest state that the ledger has of them: as they were, their versions too (which the
    mapped classes would count anew).
    """
    table = kind.metadata_table()
    ranked = (
        select(Entry.number, func.row_number().over(
            partition_by=Entry.of, order_by=(Entry.version.desc(), Entry.at.desc(), Entry.number.desc())
        ).label("rank"))
        .where(Entry.kind == kind.kind_of(), Entry.data.is_not(None))
        .subquery()
    )  # fmt: skip
    newer = (
        select(Entry.of, Entry.data, table.c.version.is_not(None))
        .join(ranked, and_(ranked.c.number == Entry.number, ranked.c.rank == 1))
        .outerjoin(table, table.c.id == Entry.of)
        .where(or_(table.c.version.is_(None), table.c.version < Entry.version))
    )
    found = connection.execute(newer, execution_options={"yield_per": IN_MEMORY})
    for rows in found.partitions():
        fresh: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for identifier, state, there in rows:
            row = row_of(kind, state)
            if there:
                connection.execute(update(table).where(table.c.id == identifier).values(row))
            else:
                fresh.setdefault(tuple(row), []).append(row)  # of each release, whose columns differ
        for some in fresh.values():
            connection.execute(insert(table), some)
