"""The tables as they are made release by release are those that the classes say, also with rows in them."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, Date, DateTime, MetaData, func, insert, select, text

import oberih.catalogue.accounts.tables
import oberih.catalogue.ledger  # noqa: F401
from oberih.catalogue.database import Base, Database, open_database
from oberih.catalogue.migrations import config, migrate, newest
from oberih.errors import Conflict, StoreError
from postgres import fresh_database


@pytest.fixture
def empty(sort_of_database: str, tmp_path):
    url = fresh_database() if sort_of_database == "postgresql" else f"sqlite:///{tmp_path}/empty.sqlite"
    database = open_database(url)
    yield database
    database.close()


def test_migrations_make_the_tables_of_the_classes(empty: Database) -> None:
    migrate(empty)
    with empty.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == newest()


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "catalogue.sqlite").write_bytes(b"what a fire left of it" * 200)
    database = open_database(f"sqlite:///{tmp_path}/catalogue.sqlite")
    with pytest.raises(StoreError, match="damaged") as caught:
        migrate(database)
    assert "--backup FILE" in caught.value.advice
    with pytest.raises(StoreError, match="damaged"), database.reading() as session:
        session.execute(text("SELECT 1"))
    database.close()


def test_migrating_again_changes_nothing(empty: Database) -> None:
    migrate(empty)
    with empty.writing("somebody", "begin") as session:
        session.execute(text("INSERT INTO attempt (bucket, count, began) VALUES ('b', 1, '2026-01-01')"))
    migrate(empty)
    with empty.reading() as session:
        assert session.execute(text("SELECT count FROM attempt")).scalar() == 1


def test_a_database_of_a_newer_release_is_left_alone(empty: Database) -> None:
    migrate(empty)
    with empty.engine.execution_options(writing=True).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer release"):
        migrate(empty)


def value_of(column: Column[Any], number: int) -> Any:
    """Something that fits a column. Keys are the same everywhere, so that what refers to a row finds it."""
    if isinstance(column.type, DateTime):
        return datetime(2026, 1, number, 12, tzinfo=UTC)
    if isinstance(column.type, Date):
        return date(2026, 1, number)
    kind = getattr(column.type, "python_type", str)
    made: dict[type, Any] = {
        int: number,
        float: number / 4,
        bool: True,
        bytes: b"%d" % number,
        dict: {"en": "x"},
    }
    return made.get(kind, f"row{number}")


def fill(connection: Connection) -> dict[str, int]:
    """Two rows in every table that there is, whatever release made it. Returns how many each has."""
    there = MetaData()
    there.reflect(connection)
    tables = [table for table in there.sorted_tables if table.name != "alembic_version"]
    for table in tables:
        rows = [{one.name: value_of(one, number) for one in table.columns} for number in (1, 2)]
        connection.execute(insert(table), rows)
    return {table.name: 2 for table in tables}


def test_a_database_of_the_first_release_keeps_its_rows(empty: Database) -> None:
    with empty.engine.execution_options(writing=True).begin() as connection:
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0001")
        before = fill(connection)
    assert {"account", "entry", "publication", "api_token"} <= before.keys()
    migrate(empty)
    with empty.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        for name in before.keys() & Base.metadata.tables.keys():
            table = Base.metadata.tables[name]
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 2, name
            for row in connection.execute(select(table)):  # as the classes read them
                assert len(row) == len(table.columns)
