"""The database of the work: DBOS's tables, of which some columns are used here, and four of our own.

DBOS documents its tables for readers (docs.dbos.dev, "System Tables"). What we write to them is only what
DBOS itself writes: a running job goes back to its queue, at once or later (`give_back`), a waiting one gets
another priority or queue.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS
from sqlalchemy.dialects import postgresql, sqlite

from oberih.errors import StoreError

__all__ = [
    "ABOUT", "NOTES", "OUTPUTS", "PROGRESS", "STATUS", "WORKERS", "Tables", "away", "give_back",
    "has_status", "now_ms", "quiet_dbos",
]  # fmt: skip

BUSY_S = 30  # how long a writer of SQLite waits for another
IDLE_S = 20  # PostgreSQL ends a transaction whose process is frozen or away, and frees its locks

THEIRS = sa.MetaData()
STATUS = sa.Table(
    "workflow_status", THEIRS,
    *(sa.Column(name, sa.Text) for name in ("status", "name", "authenticated_user", "executor_id",
                                            "queue_name", "owner_xid")),
    sa.Column("workflow_uuid", sa.Text, primary_key=True),
    *(sa.Column(name, sa.BigInteger) for name in ("created_at", "updated_at", "started_at_epoch_ms",
                                                  "completed_at", "delay_until_epoch_ms",
                                                  "recovery_attempts", "priority")),
    sa.Column("attributes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
)  # fmt: skip
OUTPUTS = sa.Table(
    "workflow_output", THEIRS,
    sa.Column("workflow_uuid", sa.Text, primary_key=True), sa.Column("error", sa.Text),
)  # fmt: skip

OURS = sa.MetaData()
WORKERS = sa.Table(  # written by `heartbeat`
    "oberih_workers", OURS,
    sa.Column("worker", sa.Text, primary_key=True),
    sa.Column("queues", sa.Text, nullable=False),  # names, with a comma between
    sa.Column("beat_at", sa.BigInteger, nullable=False),  # milliseconds, by the worker's clock
    sa.Column("gone", sa.Boolean, nullable=False),
)  # fmt: skip
PROGRESS = sa.Table(
    "oberih_progress", OURS,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("stage", sa.Text, nullable=False, server_default=""),
    sa.Column("done", sa.Float, nullable=False, server_default="0"),
    sa.Column("total", sa.Float, nullable=False, server_default="0"),
    sa.Column("left_s", sa.Float),
    sa.Column("note", sa.Text),  # JSON of oberih.i18n
    sa.Column("reason", sa.Text),  # why it is tried again: JSON of oberih.i18n
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),  # since a step last succeeded
)  # fmt: skip
ABOUT = sa.Table(
    "oberih_about", OURS,
    sa.Column("thing", sa.Text, primary_key=True),
    sa.Column("job", sa.Text, primary_key=True),
)  # fmt: skip
NOTES = sa.Table(  # what all machines have to know
    "oberih_notes", OURS, sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)  # fmt: skip
THINGS = "CREATE INDEX IF NOT EXISTS oberih_about_job ON oberih_about (job)"
PERSON = (  # what quotas and the list of a person's jobs ask for
    "CREATE INDEX IF NOT EXISTS oberih_person ON workflow_status"
    " (authenticated_user, status, delay_until_epoch_ms, priority, created_at)"
    " WHERE authenticated_user IS NOT NULL"
)


def has_status(*names: str) -> sa.ColumnElement[bool]:
    """Jobs with one of DBOS's statuses; written out, since SQLite finds no partial index for a parameter."""
    written: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{name}'") for name in names]
    return STATUS.c.status == written[0] if len(names) == 1 else STATUS.c.status.in_(written)


def now_ms() -> int:
    return int(time.time() * 1000)


@contextmanager
def away() -> Iterator[None]:
    """The database is away, or busy: in our words."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        raise StoreError(
            "The database of the work cannot be reached, or is busy.",
            "Try again; if it stays so, see to the database.",
        ) from error


@dataclass(frozen=True)
class Tables:
    """The open database at ``sqlite:///FILE`` or ``postgresql://...``; ``schema`` is for PostgreSQL."""

    url: str
    schema: str

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    @property
    def sqlalchemy_url(self) -> str:
        return self.url.replace("postgresql://", "postgresql+psycopg://", 1)

    @property
    def connect_args(self) -> dict[str, Any]:
        if self.is_sqlite:
            return {"timeout": BUSY_S}
        options = f"-c idle_in_transaction_session_timeout={IDLE_S}s -c search_path={self.schema}"
        return {"options": options, "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5}

    @cached_property
    def engine(self) -> sa.Engine:
        """The engine that DBOS is given too."""
        options: dict[str, Any] = {"hide_parameters": True, "connect_args": self.connect_args}
        if not self.is_sqlite:
            options |= {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20}
        engine = sa.create_engine(self.sqlalchemy_url, **options)
        if self.is_sqlite:

            @sa.event.listens_for(engine, "connect")
            def connected(connection: Any, _: object) -> None:
                connection.isolation_level = "IMMEDIATE"  # as DBOS expects: who writes waits first
                for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                    connection.execute(f"PRAGMA {pragma}")

        return engine

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with away(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, lock: str = "") -> Iterator[sa.Connection]:
        """One transaction; of those with the same ``lock`` one at a time."""
        with away(), self.engine.connect() as connection, connection.begin():
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            elif lock:
                key = sa.func.hashtextextended(f"{self.schema} {lock}", 0)
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
            yield connection

    def prepare(self) -> None:
        """Make the tables that are not there yet. May be done by any number of processes at once."""
        quiet_dbos()
        if self.is_sqlite:
            Path(self.url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with away():
            self.engine.connect().close()  # a file of SQLite gets its journal mode before DBOS opens it
            DBOS.migrate(self.url, schema=self.schema)
            with self.writing("tables") as connection:
                for table in OURS.sorted_tables:
                    connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
                for index in (PERSON, THINGS):
                    connection.execute(sa.text(index))

    def upsert(self, connection: sa.Connection, job: str, values: dict[str, Any]) -> None:
        """Write the row of a job in `PROGRESS`."""
        insert = sqlite.insert if self.is_sqlite else postgresql.insert
        row = insert(PROGRESS).values(job=job, **values)
        connection.execute(row.on_conflict_do_update(index_elements=["job"], set_=values))


def give_back(connection: sa.Connection, *which: sa.ColumnElement[bool], until_ms: int | None = None) -> int:
    """Let go of running jobs: they go on from their last finished step, from ``until_ms`` on, on any worker.

    Returns how many there were. None of them has crashed.
    """
    done = connection.execute(
        STATUS.update()
        .where(has_status("PENDING"), *which)
        .values(
            status="ENQUEUED" if until_ms is None else "DELAYED",
            delay_until_epoch_ms=until_ms, owner_xid=None, started_at_epoch_ms=None, updated_at=now_ms(),
            recovery_attempts=0,
        )
    )  # fmt: skip
    return done.rowcount


def quiet_dbos() -> None:
    """DBOS logs where everybody does, its warnings only; not how jobs failed, which is kept anyway."""
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.WARNING)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # without any it would print by itself
    logger.addFilter(is_news)


def is_news(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Exception encountered in background workflow")
