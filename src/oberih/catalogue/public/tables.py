"""Where public records lie: one file of SQLite, or the schema ``public_records`` of PostgreSQL.

It holds nothing but what the public may know and what is computed from that, and can be made again at any
time (`load`). The public process opens it read-only: the file with ``mode=ro`` (a rollback journal and no
WAL, so that reading writes nothing), the schema with a role that can read nothing else (`grant_reader`).

``rank`` is a record's place in the one order that everything streams in: newest month first, and within a
month by a keyed hash of the identifier, so that nothing visible tells who uploaded before whom.
"""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from oberih.catalogue.public.remembering import Remembered
from oberih.errors import Conflict, StoreError

__all__ = [
    "FORM",
    "LONGEST_S",
    "SCHEMA",
    "Now",
    "Projection",
    "bodies",
    "cells",
    "changes",
    "create",
    "documents",
    "forms",
    "is_current",
    "months",
    "now_of",
    "open_projection",
    "relations",
    "state",
    "sums",
    "terms",
    "told",
    "withdrawn",
]

SCHEMA = "public_records"
FORM = "4"  # of the tables, keys and codes in them: another one has to be made anew
FILLED = "filled"  # in the state, once all that is public was loaded
BUSY_S = 30  # how long a writer waits for another, and a reader for a writer
RESTED_S = 1.0  # after which a connection may have been cut
LONGEST_S = 10  # that a public query may take

# Compared byte by byte on both databases, whatever the language of the server.
Words = Text().with_variant(Text(collation="C"), "postgresql")
Number = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(schema=SCHEMA)
documents = Table(
    "documents",
    metadata,
    Column("rank", Number, primary_key=True, autoincrement=False),
    Column("id", Words, nullable=False, unique=True),
    Column("title_en", Words, nullable=False),
    Column("title_uk", Words, nullable=False),
    Column("quality", Number, nullable=False),
    Column("cell", LargeBinary),  # H3 index, 8 bytes, big-endian
    Column("codes", LargeBinary, nullable=False),  # `terms.id` of its facets, 4 bytes each, little-endian
    # On SQLite these lie in tables of their own, ``words`` (FTS5) and `bodies`. PostgreSQL puts them aside by
    # itself, both together being long, so that rows stay small enough to be read by thousands.
    Column("keys", TSVECTOR().with_variant(Text, "sqlite")),
    Column("body", Text),
    Column("glance", Text),
    Index("documents_title_en", "title_en", "rank"),
    Index("documents_title_uk", "title_uk", "rank"),
    Index("documents_quality", "quality", "rank"),
)
bodies = Table(  # on PostgreSQL a view of `documents`
    "bodies",
    metadata,
    Column("rank", Number, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),  # `PublicRecord` as JSON
    Column("glance", Text, nullable=False),  # `Glance` as JSON
)
terms = Table(  # values of facets
    "terms",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),  # the field's number << 20 | a number
    Column("field", Words, nullable=False),
    Column("value", Words, nullable=False),
    Column("labels", Text, nullable=False),  # language -> name, JSON
    Column("total", Integer, nullable=False),
    Index("terms_value", "field", "value", unique=True),
)
forms = Table(  # words as they are written
    "forms",
    metadata,
    Column("shown", Words, primary_key=True),
    Column("folded", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("total", Integer, nullable=False),
    Index("forms_folded", "folded"),
)
cells = Table(  # how many records each cell shows at each level of detail of the map
    "cells",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("cell", Number, primary_key=True, autoincrement=False),
    Column("lat", Float(53), nullable=False),  # of the middle of the cell, degrees
    Column("lon", Float(53), nullable=False),
    Column("total", Integer, nullable=False),
    Index("cells_middle", "level", "lat", "lon"),
)
months = Table(
    "months",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False),  # the newer, the smaller
    Column("total", Integer, nullable=False),
)
sums = Table(  # over all records
    "sums",
    metadata,
    Column("of", Words, primary_key=True),  # "amount": photos, triangles; "contributor": by each name
    Column("name", Words, primary_key=True),
    Column("total", Number, nullable=False),
)
relations = Table(
    "relations",
    metadata,
    Column("target", Words, primary_key=True),
    Column("source", Words, primary_key=True),
)
withdrawn = Table(
    "withdrawn",
    metadata,
    Column("id", Words, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("month", Words, nullable=False),
)
changes = Table(  # the day on which what is public of each identifier last changed (docs/decisions/0013)
    "changes",
    metadata,
    Column("id", Words, primary_key=True),
    Column("day", Words, nullable=False),  # YYYY-MM-DD, UTC
    Column("kind", Words),  # None: it was withdrawn, and nothing of it is told any more
    Column("collection", Words),
    Column("edm", Boolean, nullable=False),  # whether Europeana takes records under its rights
    Index("changes_day", "day", "id"),
    Index("changes_kind", "kind", "day", "id"),
    Index("changes_collection", "collection", "day", "id"),
)
state = Table(
    "state",
    metadata,
    Column("name", Words, primary_key=True),
    Column("value", Words, nullable=False),
)

FTS5 = "CREATE VIRTUAL TABLE words USING fts5(keys, columnsize=0, tokenize=\"ascii tokenchars '_'\")"
VIEW = f"CREATE VIEW {SCHEMA}.bodies AS SELECT rank, body, glance FROM {SCHEMA}.documents"  # noqa: S608
GIN = f"CREATE INDEX documents_keys ON {SCHEMA}.documents USING gin (keys) WITH (fastupdate = off)"


@dataclass(frozen=True)
class Projection:
    """The public records, open."""

    engine: Engine
    answers: Remembered = field(default_factory=Remembered, compare=False, repr=False)

    @property
    def on_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the records."""
        with told(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, alone. Raises `Conflict` if the tables are of another form."""
        with told(), self.engine.begin() as connection:
            if not self.on_sqlite:  # on SQLite, BEGIN IMMEDIATE has waited
                connection.execute(select(state.c.value).where(state.c.name == "form").with_for_update())
            if form_of(connection) != FORM:
                raise Conflict(
                    "The public records were written by another version of Oberih.",
                    "Let all machines run the same version: the service makes them anew when it starts.",
                )
            yield connection
            turned = update(state).where(state.c.name == "turn").values(value=secrets.token_hex(8))
            connection.execute(turned)

    def close(self) -> None:
        self.engine.dispose()


@dataclass(frozen=True)
class Now:
    """Of the state that a connection sees."""

    turn: str  # another one after each change: for as long as it stays, so do all answers
    key: bytes  # with which pages are sealed, and records put in order


def now_of(connection: Connection) -> Now:
    wanted = select(state.c.name, state.c.value).where(state.c.name.in_(("turn", "key")))
    found = {row.name: row.value for row in connection.execute(wanted)}
    if len(found) < 2:  # tables of another version
        raise StoreError("The public records are being made anew.", "Try again in a moment.")
    return Now(found["turn"], bytes.fromhex(found["key"]))


@contextmanager
def told() -> Iterator[None]:
    """Errors of databases in our words."""
    try:
        yield
    except OperationalError as error:
        raise StoreError(
            "The public records cannot be reached, or are busy.",
            "Try again in a moment; if it stays so, see to the database.",
        ) from error


def open_projection(url: str, *, read_only: bool = True) -> Projection:
    """The public records at ``sqlite:///FILE`` or ``postgresql://...``. Make them with `create`."""
    if make_url(url).get_backend_name() == "sqlite":
        engine = sqlite_engine(Path(make_url(url).database or ""), read_only=read_only)
        return Projection(engine.execution_options(schema_translate_map={SCHEMA: None}))
    return Projection(postgres_engine(url, read_only=read_only))


def sqlite_engine(path: Path, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        where = f"file:{quote(str(path.absolute()))}?mode={'ro' if read_only else 'rwc'}"
        connection = sqlite3.connect(
            where, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False,
            cached_statements=256,
        )  # fmt: skip
        pragmas = ["cache_size=-65536", "mmap_size=1073741824", "temp_store=MEMORY", "trusted_schema=OFF"]
        if read_only:
            pragmas.append("query_only=ON")
        else:  # what was withdrawn is overwritten
            pragmas += ["journal_mode=DELETE", "synchronous=FULL", "secure_delete=ON"]
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=8, max_overflow=8)

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def postgres_engine(url: str, *, read_only: bool) -> Engine:
    """Sequential scans are off as every query has its index, also when a word is in most of the records; so
    each is planned once. How much there is to find is asked by itself (`matching`).
    """
    psycopg = make_url(url).set(drivername="postgresql+psycopg")
    if not read_only:
        return create_engine(psycopg, pool_pre_ping=True, pool_size=2, max_overflow=8)
    options = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{LONGEST_S}s",
        "jit": "off",
        "enable_seqscan": "off",
        "max_parallel_workers_per_gather": "0",
        "plan_cache_mode": "force_generic_plan",
        "work_mem": "32MB",
    }
    engine = create_engine(
        psycopg,
        pool_size=8,
        max_overflow=8,
        isolation_level="REPEATABLE READ",
        connect_args={"options": " ".join(f"-c {name}={value}" for name, value in options.items())},
    )
    try_after_rest(engine)
    return engine


def try_after_rest(engine: Engine) -> None:
    """Let connections that rested for a while be tried before they are used: each time (``pool_pre_ping``)
    would be a tenth of what a question takes.
    """

    @event.listens_for(engine, "checkin")
    def used(_: object, record: ConnectionPoolEntry) -> None:
        record.info["used"] = monotonic()

    @event.listens_for(engine, "checkout")
    def wanted(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        if monotonic() - record.info.get("used", 0.0) > RESTED_S:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError from error  # the pool makes another one


def create(projection: Projection) -> None:
    """Make the tables if there are none, or those of another version of Oberih. They are empty, and not
    current, until somebody has made one `load` of what is public. Raises `Conflict` if theirs is a newer one.
    """
    with told(), projection.engine.begin() as connection:
        form = form_of(connection)
        if form == FORM:
            return
        if form and int(form) > int(FORM):
            raise Conflict(
                "The public records were written by a newer version of Oberih.",
                "Let all machines run that version.",
            )
        if form:
            remove(connection)
        if not projection.on_sqlite:
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        tables = [table for table in metadata.sorted_tables if projection.on_sqlite or table is not bodies]
        metadata.create_all(connection, tables=tables)
        connection.execute(insert(state), {"name": "key", "value": secrets.token_hex(32)})
        connection.execute(insert(state), {"name": "turn", "value": secrets.token_hex(8)})
        connection.execute(insert(state), {"name": "form", "value": FORM})
        if projection.on_sqlite:
            connection.execute(text(FTS5))
            return
        connection.execute(text(VIEW))
        for kept in ("id", "title_en", "title_uk", "cell", "codes"):  # in the row, whatever else it holds
            connection.execute(text(f"ALTER TABLE {SCHEMA}.documents ALTER {kept} SET STORAGE PLAIN"))
        connection.execute(text(f"ALTER TABLE {SCHEMA}.documents ALTER keys SET STORAGE EXTERNAL"))
        connection.execute(text(f"ALTER TABLE {SCHEMA}.documents ALTER keys SET STATISTICS 1000"))
        connection.execute(text(f"ALTER TABLE {SCHEMA}.documents SET (toast_tuple_target = 128)"))
        connection.execute(text(GIN))


def remove(connection: Connection) -> None:
    """Remove all tables, of whatever version."""
    on_sqlite = connection.dialect.name == "sqlite"
    connection.execute(text(f"DROP {'TABLE words' if on_sqlite else f'VIEW {SCHEMA}.bodies'}"))
    metadata.drop_all(connection, [one for one in metadata.sorted_tables if on_sqlite or one is not bodies])


def is_current(projection: Projection) -> bool:
    """Whether all that is public was loaded, in the form of this version. If not: `create` and `load`."""
    filled = select(state.c.value).where(state.c.name == FILLED)
    with projection.reading() as connection:
        return form_of(connection) == FORM and connection.execute(filled).scalar() is not None


def form_of(connection: Connection) -> str:
    """The form that the tables have; "" if there are none."""
    schema = None if connection.dialect.name == "sqlite" else SCHEMA
    if not inspect(connection).has_table("state", schema=schema):
        return ""
    return str(connection.execute(select(state.c.value).where(state.c.name == "form")).scalar() or "")
