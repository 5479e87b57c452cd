"""What lies where: a small SQLite file that makes listing and checking fast.

It is an index and nothing more: whatever it holds can be read from the stores again (see `rebuild`).
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from oberih.errors import InputError, NotInArchive
from oberih.i18n import say

__all__ = ["GOOD", "LONG_AGO", "LOST", "UNCHECKED", "Entry", "Index", "Replica", "instant"]

VERSION = 1
GOOD, LOST, UNCHECKED = "good", "damaged", "unchecked"  # states of a replica
LONG_AGO = "0001-01-01T00:00:00.000000Z"  # when a copy was last read of which that is not known
SCHEMA = """
CREATE TABLE objects (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,      -- capture, model, journal, archive
    head TEXT NOT NULL,      -- newest version, "v2"
    digest TEXT NOT NULL,    -- sha512 of its inventory
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    title TEXT NOT NULL,
    changed TEXT NOT NULL    -- when the newest version was made
) STRICT;
CREATE TABLE replicas (
    id TEXT NOT NULL,
    store TEXT NOT NULL,
    head TEXT NOT NULL,
    state TEXT NOT NULL,     -- good, damaged or unchecked
    checked TEXT NOT NULL,   -- when every byte was last read, or written
    PRIMARY KEY (id, store)
) STRICT, WITHOUT ROWID;
CREATE INDEX by_age ON replicas (store, checked);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

NEWER = """
INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind, head = excluded.head, digest = excluded.digest, files = excluded.files,
    bytes = excluded.bytes, title = excluded.title, changed = excluded.changed
    WHERE CAST(substr(excluded.head, 2) AS INTEGER) >= CAST(substr(objects.head, 2) AS INTEGER)
"""


@dataclass(frozen=True)
class Entry:
    """One object."""

    id: str
    kind: str
    head: str
    digest: str
    files: int
    bytes: int
    title: str
    changed: str


@dataclass(frozen=True)
class Replica:
    """A copy of an object on a store."""

    id: str
    store: str
    head: str
    state: str
    checked: str


def instant(moment: datetime | None = None) -> str:
    """A point in time as UTC text that sorts: 2026-03-01T12:00:00.123456Z."""
    moment = (moment or datetime.now(UTC)).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Index:
    """Safe to use from several threads (one connection each call) and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.opened() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                db.execute("PRAGMA journal_mode = WAL")
                with db:
                    db.execute("BEGIN IMMEDIATE")
                    if db.execute("PRAGMA user_version").fetchone() == (0,):
                        for statement in SCHEMA.split(";"):
                            db.execute(statement)
                        db.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise InputError(
                    say("{path} is the index of another version of Oberih.", path=path),
                    "Delete it and run `oberih rebuild`: all it holds is read from the archive again.",
                )

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        try:
            db = sqlite3.connect(self.path, timeout=60)
        except sqlite3.Error as error:
            raise self.broken(error) from error
        try:
            yield db
        except sqlite3.DatabaseError as error:
            raise self.broken(error) from error
        finally:
            db.close()

    def broken(self, error: sqlite3.Error) -> InputError:
        return InputError(
            say("The index {path} cannot be used: {why}", path=self.path, why=error),
            "If it is damaged, delete it and run `oberih rebuild`: all that it holds comes from the stores.",
        )

    def put(self, entries: Sequence[Entry], replicas: Sequence[Replica] = ()) -> None:
        """Write down objects and copies, over what was known of them; never an older version of an object."""
        with self.opened() as db, db:
            db.executemany(
                NEWER,
                [tuple(vars(entry).values()) for entry in entries],
            )
            db.executemany(
                "INSERT OR REPLACE INTO replicas VALUES (?, ?, ?, ?, ?)",
                [tuple(vars(replica).values()) for replica in replicas],
            )

    def get(self, identifier: str) -> Entry:
        with self.opened() as db:
            row = db.execute("SELECT * FROM objects WHERE id = ?", (identifier,)).fetchone()
        if row is None:
            raise NotInArchive(
                say("There is no object {id} in the archive.", id=identifier),
                "`oberih list` shows what is there.",
            )
        return Entry(*row)

    def __contains__(self, identifier: str) -> bool:
        with self.opened() as db:
            return db.execute("SELECT 1 FROM objects WHERE id = ?", (identifier,)).fetchone() is not None

    def objects(self, kind: str = "") -> Iterator[Entry]:
        """All objects, or those of one kind, by identifier."""
        with self.opened() as db:
            for row in db.execute("SELECT * FROM objects WHERE ? IN ('', kind) ORDER BY id", (kind,)):
                yield Entry(*row)

    def replicas(self, identifier: str) -> list[Replica]:
        with self.opened() as db:
            rows = db.execute("SELECT * FROM replicas WHERE id = ? ORDER BY store", (identifier,)).fetchall()
        return [Replica(*row) for row in rows]

    def all_replicas(self) -> Iterator[Replica]:
        with self.opened() as db:
            for row in db.execute("SELECT * FROM replicas ORDER BY id, store"):
                yield Replica(*row)

    def oldest(self, store: str, before: str) -> list[tuple[Entry, str]]:
        """Objects whose copy on ``store`` was last read before ``before``, the longest ago first.

        Those whose copy is damaged are always among them. With each, the version that the copy is of.
        """
        query = """
            SELECT objects.*, replicas.head FROM replicas JOIN objects USING (id)
            WHERE store = ? AND (checked < ? OR state = 'damaged') ORDER BY checked, id
        """
        with self.opened() as db:
            return [(Entry(*row[:-1]), row[-1]) for row in db.execute(query, (store, before))]

    def held(self) -> list[tuple[str, int, int, int, int]]:
        """For each store: its name, objects, how many of them are damaged or not yet read, and bytes."""
        with self.opened() as db:
            return db.execute(
                "SELECT store, count(*), sum(state = 'damaged'), sum(state = 'unchecked'), sum(bytes) "
                "FROM replicas JOIN objects USING (id) GROUP BY store ORDER BY store"
            ).fetchall()

    def note(self, name: str) -> str:
        """A word kept from one run to the next, or ""."""
        with self.opened() as db:
            row = db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def set_note(self, name: str, value: str) -> None:
        with self.opened() as db, db:
            db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))
