"""What lies where: a small SQLite file that makes listing and checking fast.

It is an index and nothing more: whatever it holds can be read from the stores again (see `rebuild`).
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from oberih.errors import Conflict, InputError, NotInArchive, OberihError, OutputError
from oberih.i18n import say

__all__ = [
    "GOOD",
    "LONG_AGO",
    "LOST",
    "UNCHECKED",
    "Entry",
    "Index",
    "Replica",
    "instant",
    "remove_index",
    "written",
]

VERSION = 2
GOOD, LOST, UNCHECKED = "good", "damaged", "unchecked"  # states of a replica
LONG_AGO = "0001-01-01T00:00:00.000000Z"  # when a copy was last read of which that is not known
TROUBLES = {  # of the disk, not of the index
    sqlite3.SQLITE_FULL: (
        say("the disk is full"),
        say("Make room on the disk, then run this again. Nothing is lost."),
    ),
    sqlite3.SQLITE_READONLY: (
        say("it may only be read"),
        say("Ask for the right to write in the archive's folder; see how its disk is mounted."),
    ),
    sqlite3.SQLITE_CANTOPEN: (
        say("it cannot be opened"),
        say("Ask for the right to read and write in the archive's folder."),
    ),
    sqlite3.SQLITE_IOERR: (
        say("the disk cannot be read or written"),
        say("See that the disk is there, whole and has room, then run this again."),
    ),
}
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
CREATE TABLE packages (      -- that we wrote, to be compared with what their keepers say
    id TEXT NOT NULL,
    store TEXT NOT NULL,
    version INTEGER NOT NULL,
    file TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha512 TEXT NOT NULL,
    PRIMARY KEY (id, store, version, file)
) STRICT, WITHOUT ROWID;
CREATE TABLE journals (      -- which journals tell of an object (one that was read is there with itself)
    id TEXT NOT NULL,
    journal TEXT NOT NULL,
    PRIMARY KEY (id, journal)
) STRICT, WITHOUT ROWID;
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
    try:
        moment = (moment or datetime.now(UTC)).astimezone(UTC)
    except OverflowError:  # somebody else's: the last hours of the calendar
        assert moment is not None
        moment = moment.replace(tzinfo=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Index:
    """Safe to use from several threads (each has a connection of its own) and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mine = threading.local()  # .open: the thread's connection, and the file that it is to
        self.fixed = may_only_be_read(path)
        if path.is_dir():
            raise InputError(
                say("{path} is a folder, and no index.", path=path),
                "Run `oberih rebuild`: it moves the folder aside, and makes the index anew.",
            )
        with self.new(mode="rwc") as db:
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
    def new(self, mode: str = "rw") -> Iterator[sqlite3.Connection]:
        """A connection for reading row by row while others write."""
        with self.explained(), closing(self.connect(mode)) as db:
            yield db

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """The thread's connection."""
        with self.explained():
            yield self.connection()

    def connection(self) -> sqlite3.Connection:
        file = self.file()
        db, known = getattr(self.mine, "open", (None, None))
        if db is None or known != file:  # somebody put another in its place
            self.close()
            db = self.connect()
            self.mine.open = db, file or self.file()
        return db

    def file(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def connect(self, mode: str = "rw") -> sqlite3.Connection:
        db = connected(self.path, mode, fixed=self.fixed)
        db.execute("PRAGMA synchronous = NORMAL")  # a power cut may take the last rows: `verify` sees them
        return db

    def close(self) -> None:
        """Close the thread's connection; it is opened again when it is needed."""
        db, _ = self.mine.__dict__.pop("open", (None, None))
        if db is not None:
            db.close()

    @contextmanager
    def explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self.broken(error) from error

    def put_at(self, path: Path) -> "Index":
        """Let this be the index at ``path``, in one step, also for programs that have the one there open."""
        self.close()
        try:
            there = Index(path) if path.exists() else None
        except InputError:  # it is damaged, or of another version
            there = None
        if there is not None:
            with self.new() as db, there.new() as target:
                db.backup(target)
            remove_index(self.path)
            return there
        remove_index(path)
        with self.new() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.path.replace(path)
        remove_index(self.path)
        return Index(path)

    def broken(self, error: sqlite3.Error) -> OberihError:
        """What went wrong, and whether the index or what it lies on is to blame."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without its details
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return Conflict(
                say("Another oberih is at work on the archive in {path}.", path=self.path.parent),
                "Wait until it is done, then run this again.",
            )
        if code in TROUBLES:
            why, advice = TROUBLES[code]
            return OutputError(say("The index {path} cannot be used: {why}", path=self.path, why=why), advice)
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

    def put_new(self, replica: Replica) -> None:
        """Write down a copy unless something is known of it."""
        with self.opened() as db, db:
            row = tuple(vars(replica).values())
            db.execute("INSERT OR IGNORE INTO replicas VALUES (?, ?, ?, ?, ?)", row)

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
        with self.new() as db:
            for row in db.execute("SELECT * FROM objects WHERE ? IN ('', kind) ORDER BY id", (kind,)):
                yield Entry(*row)

    def replicas(self, identifier: str) -> list[Replica]:
        with self.opened() as db:
            rows = db.execute("SELECT * FROM replicas WHERE id = ? ORDER BY store", (identifier,)).fetchall()
        return [Replica(*row) for row in rows]

    def all_replicas(self) -> Iterator[Replica]:
        with self.new() as db:
            for row in db.execute("SELECT * FROM replicas ORDER BY id, store"):
                yield Replica(*row)

    def oldest(self, store: str, before: str) -> list[tuple[Entry, str]]:
        """Objects whose copy on ``store`` was last read before ``before``, the longest ago first.

        Those whose copy is damaged are always among them, and those that a clock that was wrong says will be
        read one day. With each, the version that the copy is of.
        """
        query = """
            SELECT objects.*, replicas.head FROM replicas JOIN objects USING (id)
            WHERE store = ? AND (checked < ? OR checked > ? OR state = 'damaged') ORDER BY checked, id
        """
        with self.opened() as db:
            return [(Entry(*row[:-1]), row[-1]) for row in db.execute(query, (store, before, instant()))]

    def held(self) -> list[tuple[str, int, int, int, int]]:
        """For each store: its name, objects, how many of them are damaged or not yet read, and bytes."""
        with self.opened() as db:
            return db.execute(
                "SELECT store, count(*), sum(state = 'damaged'), sum(state = 'unchecked'), sum(bytes) "
                "FROM replicas JOIN objects USING (id) GROUP BY store ORDER BY store"
            ).fetchall()

    def note_package(
        self, identifier: str, store: str, version: int, file: str, size: int, sha512: str
    ) -> None:
        """Write down a package that is about to be seen on a store."""
        with self.opened() as db, db:
            db.execute(
                "INSERT OR REPLACE INTO packages VALUES (?, ?, ?, ?, ?, ?)",
                (identifier, store, version, file, size, sha512),
            )

    def packages(self, identifier: str, store: str) -> dict[int, set[tuple[str, int, str]]]:
        """Name, size and SHA-512 of the packages of each version that we wrote to a store."""
        found: dict[int, set[tuple[str, int, str]]] = {}
        query = "SELECT version, file, size, sha512 FROM packages WHERE id = ? AND store = ?"
        with self.opened() as db:
            for version, *package in db.execute(query, (identifier, store)):
                found.setdefault(version, set()).add(tuple(package))
        return found

    def note_journal(self, journal: str, objects: Iterable[str]) -> None:
        """Write down which objects a journal tells of."""
        with self.opened() as db, db:
            db.executemany("INSERT OR IGNORE INTO journals VALUES (?, ?)", [
                (identifier, journal) for identifier in (*objects, journal)
            ])  # fmt: skip

    def journals(self, identifier: str) -> list[str]:
        """Journals that tell of an object, and those of which that is not known yet."""
        query = """
            SELECT journal FROM journals WHERE id = ? UNION
            SELECT id FROM objects WHERE kind = 'journal' AND (id, id) NOT IN journals ORDER BY 1
        """
        with self.opened() as db:
            return [journal for (journal,) in db.execute(query, (identifier,))]

    def note(self, name: str) -> str:
        """A word kept from one run to the next, or ""."""
        with self.opened() as db:
            row = db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def set_note(self, name: str, value: str) -> None:
        with self.opened() as db, db:
            db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))

    def keep_stores(self, stores: Mapping[str, str]) -> None:
        """Forget the copies on stores other than ``stores`` (name -> what its marker says), and on those that
        have another marker now: they are other stores under an old name.
        """
        with self.opened() as db:
            known = dict(db.execute("SELECT substr(name, 7), value FROM notes WHERE name LIKE 'store %'"))
            name, named = "", set(known)
            while row := db.execute("SELECT min(store) FROM replicas WHERE store > ?", (name,)).fetchone():
                name = row[0]
                if name is None:
                    break
                named.add(name)
            others = {n for n in named if n not in stores or known.get(n, stores[n]) != stores[n]}
            marked = {n: marker for n, marker in stores.items() if marker and known.get(n) != marker}
            if not others and not marked:
                return
            with db:
                for n in others:
                    db.execute("DELETE FROM replicas WHERE store = ?", (n,))
                    db.execute("DELETE FROM packages WHERE store = ?", (n,))
                    db.execute("DELETE FROM notes WHERE name IN (?, ?)", (f"store {n}", f"verifying {n}"))
                for n, marker in marked.items():
                    db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (f"store {n}", marker))


def written(path: Path) -> bool:
    """Whether there is an index, be it damaged, and not just an empty file."""
    if not path.exists():
        return False
    try:
        with closing(connected(path, "rw", fixed=may_only_be_read(path))) as db:
            return bool(db.execute("PRAGMA user_version").fetchone() != (0,))
    except sqlite3.Error:
        return True  # whoever opens it is told


def may_only_be_read(path: Path) -> bool:
    return path.exists() and not all(os.access(one, os.W_OK) for one in (path, path.parent))


def connected(path: Path, mode: str, *, fixed: bool) -> sqlite3.Connection:
    if fixed:  # without a log, nobody writes in it: SQLite need not make its own files beside it
        mode = "ro" if path.with_name(f"{path.name}-wal").exists() else "ro&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", timeout=60, uri=True)


def remove_index(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
