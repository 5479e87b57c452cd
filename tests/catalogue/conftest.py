"""Empty databases of both kinds, one for each test."""

import pytest

from oberih.catalogue.database import Base, Database, open_database
from people import quick_hashes
from postgres import fresh_database

__all__ = ["database", "other", "quick_hashes", "sort_of_database"]


@pytest.fixture(params=["sqlite", "postgresql"])
def sort_of_database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(sort_of_database: str, tmp_path_factory: pytest.TempPathFactory):
    """An empty private database."""
    yield from made(sort_of_database, tmp_path_factory)


@pytest.fixture
def other(sort_of_database: str, tmp_path_factory: pytest.TempPathFactory):
    """Another one."""
    yield from made(sort_of_database, tmp_path_factory)


def made(kind: str, paths: pytest.TempPathFactory):
    url = f"sqlite:///{paths.mktemp('database')}/catalogue.sqlite" if kind == "sqlite" else fresh_database()
    database: Database = open_database(url)
    Base.metadata.create_all(database.engine)
    yield database
    database.close()
