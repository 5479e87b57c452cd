"""The audit trail of heritage data, which is also its truth: who did what to which row, and the new state.

Every change of a `Heritage` row in a transaction of `Database.writing` becomes an entry, in that same
transaction and without anybody having to remember it. `keep_entries` puts entries into the archive, sealed
for the custodians, as objects that go to every store; from them `replay` makes all tables again.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, insert, inspect, select, update
from sqlalchemy import event as events
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import JSON, Date

from oberih.archive import Archive
from oberih.archive.crypt import decrypted, encrypted
from oberih.archive.deposit import deposit_files
from oberih.archive.journal import LEDGER
from oberih.catalogue.database import Base, Database, Moment, now
from oberih.catalogue.tables import HERITAGE, Heritage, new_id
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["Entry", "entries_of", "happened", "keep_entries", "kept_entries", "replay", "state_of"]

SEALED = "entries.jsonl.gz.age"
AT_ONCE = 10_000  # entries of one object
KINDS = {kind.kind_of(): kind for kind in HERITAGE}


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


def happened(session: Session, kind: str, of: str) -> None:
    """Something that changes no row, such as a look at what is sealed."""
    session.connection().execute(insert(Entry), [entry(session, kind, of)])


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
        session.connection().execute(insert(Entry), made)


def state_of(row: Heritage) -> dict[str, Any]:
    """All columns of a row as JSON."""
    told: dict[str, Any] = {}
    for column in inspect(type(row)).columns:
        value = getattr(row, column.key)
        told[column.key] = value.isoformat() if isinstance(value, date) else value
    return told


def row_of(kind: type[Heritage], state: dict[str, Any]) -> dict[str, Any]:
    """Columns of a row from its state. What an older release did not know has its default; what this one
    does not know any more is left out.
    """
    told: dict[str, Any] = {}
    for column in inspect(kind).columns:
        if column.key not in state:
            continue
        value = state[column.key]
        if value is not None and isinstance(column.type, Moment):
            value = datetime.fromisoformat(value)
        elif value is not None and isinstance(column.type, Date):
            value = date.fromisoformat(value)
        told[column.key] = value
    return told


def keep_entries(database: Database, archive: Archive) -> int:
    """Put entries that are not in the archive yet there. Returns how many.

    Killed between the two steps, it keeps some entries twice, which `replay` knows by their ids.
    """
    count = 0
    while True:
        with database.reading() as session:
            wanted = select(Entry).where(Entry.kept.is_(None)).order_by(Entry.number).limit(AT_ONCE)
            found = session.scalars(wanted).all()
        if not found:
            return count
        lines = "".join(json.dumps(as_line(one), ensure_ascii=False) + "\n" for one in found)
        sealed = b"".join(encrypted([gzip.compress(lines.encode(), mtime=0)], archive.recipients()))
        about = {"kind": LEDGER, "title": "catalogue"}
        made = deposit_files(archive, {}, about, {SEALED: sealed}, event="creation")
        numbers = [one.number for one in found]
        with database.writing("service", "keep") as session:
            for at in range(0, len(numbers), 500):
                some = Entry.number.in_(numbers[at : at + 500])
                session.execute(update(Entry).where(some).values(kept=made.id))
        count += len(found)


def as_line(one: Entry) -> dict[str, Any]:
    told = {
        name: getattr(one, name)
        for name in ("id", "actor", "action", "note", "kind", "of", "version", "data")
    }
    return {"at": one.at.isoformat(), **told}


def kept_entries(archive: Archive, identities: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All entries that the archive holds, with their objects' identifiers. Raises `KeyNeeded`, `Damaged`."""
    for found in sorted(archive.index.objects(LEDGER), key=lambda one: (one.changed, one.id)):
        sealed = archive.object(found.id).read(SEALED)
        data = gzip.decompress(b"".join(decrypted([sealed], identities)))
        for line in data.splitlines():
            yield found.id, json.loads(line)


def replay(database: Database, entries: Iterable[tuple[str, dict[str, Any]]]) -> int:
    """Make all rows, and the ledger, again from entries of the archive. Returns how many entries were new.

    Of each row the newest version counts, whatever order the entries come in.
    """
    newest: dict[tuple[str, str], tuple[int, str, dict[str, Any]]] = {}
    count, batch = 0, []
    with database.writers() as session, session.begin():
        known = set(session.scalars(select(Entry.id)))
        for kept, line in entries:
            if line["id"] in known:
                continue
            known.add(line["id"])
            batch.append({**line, "at": datetime.fromisoformat(line["at"]), "kept": kept})
            if line["data"] is not None and line["kind"] in KINDS:
                key = (line["kind"], line["of"])
                if key not in newest or (line["version"], line["at"]) > newest[key][:2]:
                    newest[key] = (line["version"], line["at"], line["data"])
            if len(batch) >= AT_ONCE:
                session.execute(insert(Entry), batch)
                count, batch = count + len(batch), []
        if batch:
            session.execute(insert(Entry), batch)
        put_rows(session, newest)
    return count + len(batch)


def put_rows(session: Session, newest: dict[tuple[str, str], tuple[int, str, dict[str, Any]]]) -> None:
    """Write rows as they were, their versions too (which the mapped classes would count anew)."""
    connection = session.connection()
    for kind in HERITAGE:
        name, table = kind.kind_of(), kind.metadata_table()
        there = dict(connection.execute(select(table.c.id, table.c.version)).all())
        fresh: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for (of, identifier), (version, _, state) in newest.items():
            if of != name:
                continue
            row = row_of(kind, state)
            if identifier not in there:
                fresh.setdefault(tuple(sorted(row)), []).append(row)
            elif version > there[identifier]:
                connection.execute(update(table).where(table.c.id == identifier).values(row))
        for rows in fresh.values():  # of each release, whose columns differ
            connection.execute(insert(table), rows)
