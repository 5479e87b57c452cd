"""The catalogue's database: one file of SQLite, or PostgreSQL. The same code path for both.

A transaction that writes is begun by `Database.writing`, which is told who does what: every change of
heritage data in it becomes an entry of the ledger (see `ledger`), and without an actor there is none.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, DateTime, Dialect, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, DataError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.types import JSON, TypeDecorator

from oberih.errors import Conflict, InputError, StoreError

__all__ = ["Base", "Database", "Moment", "engine_of", "now", "open_database", "told"]

BUSY_S = 30  # how long a writer waits for another
DEADLOCK = "40P01"


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond, on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Of every table of the private database."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Moment, dict[str, Any]: JSON, list[Any]: JSON}


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Database:
    """The private database, open."""

    engine: Engine

    @cached_property
    def readers(self) -> sessionmaker[Session]:
        return sessionmaker(self.engine, expire_on_commit=False)

    @cached_property
    def writers(self) -> sessionmaker[Session]:
        return sessionmaker(self.engine.execution_options(writing=True), expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database, and changes nothing."""
        with self.readers() as session, told(), session.begin():
            yield session

    @contextmanager
    def writing(self, actor: str, action: str, note: str = "") -> Iterator[Session]:
        """One transaction in which ``actor`` (pseudonym, or "service") does ``action`` ("publish").

        Raises `Conflict` if somebody else changed the same row meanwhile.
        """
        with self.writers() as session, told(), session.begin():
            session.info.update(actor=actor, action=action, note=note)
            yield session

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def told() -> Iterator[None]:
    """Errors of databases in our words."""
    try:
        yield
    except StaleDataError as error:
        raise Conflict(
            "Somebody else changed this meanwhile.", "Look at it again, and do what is still to be done."
        ) from error
    except DataError as error:  # NUL, numbers that are too large: PostgreSQL minds what SQLite does not
        raise InputError("This cannot be kept as it is.", "Leave out signs that cannot be seen.") from error
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == DEADLOCK:
            raise Conflict(
                "Somebody else changed this at the same moment.", "Do again what is still to be done."
            ) from error
        raise StoreError(
            "The database cannot be reached, or is busy.", "Try again; if it stays so, see to the database."
        ) from error
    except DatabaseError as error:
        if type(error.orig) is not sqlite3.DatabaseError:  # as it is if the file makes no sense
            raise
        raise StoreError(
            "The catalogue is damaged.",
            "Move it away, and make it again from the archive: oberih rebuild --data FOLDER --backup FILE "
            "--key FILE. Without a backup there are no accounts then.",
        ) from error


def engine_of(url: str) -> Engine:
    """An engine for ``postgresql://...``, or ``sqlite:///FILE``.

    Its errors, which are logged, tell no values.
    """
    if not url.startswith("sqlite"):
        psycopg = url.replace("postgresql://", "postgresql+psycopg://", 1)
        return create_engine(psycopg, pool_pre_ping=True, pool_size=10, max_overflow=20, hide_parameters=True)
    connecting = {"timeout": BUSY_S, "check_same_thread": False}
    engine = create_engine(url, connect_args=connecting, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the module would begin transactions of its own, too late
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        # A writer waits for its turn now, rather than fails at its first write.
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def open_database(url: str) -> Database:
    """The private database at ``url``. It has tables once `migrate` has run."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Database(engine_of(url))
