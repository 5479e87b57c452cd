"""The tables as they are made release by release are those that the classes say."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import oberih.catalogue.accounts.tables
import oberih.catalogue.ledger  # noqa: F401
from oberih.catalogue.database import Base, Database, open_database
from oberih.catalogue.migrations import migrate, newest
from oberih.errors import Conflict
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
