"""The public process's own role on PostgreSQL: made by the service, and refused if it may do more."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy import URL, make_url

from oberih.catalogue.public import Projection, create, open_projection, query_of, refuse_more, search
from oberih.errors import InputError
from oberih.settings import ServiceSettings
from oberih.work.publicity import admit_public
from oberih.work.secrets import Secrets
from oberih.work.service import Service
from postgres import fresh_database

Made = Callable[[URL, URL], Service]


@pytest.fixture
def url() -> URL:
    """Of an empty database, as its owner: somebody with no other rights on the server."""
    found = make_url(fresh_database())
    owner = f"owner-of-{found.database}"
    run(found, sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(owner)))
    run(found, sql.SQL("ALTER DATABASE {} OWNER TO {}").format(*map(sql.Identifier, (found.database, owner))))
    return found.set(username=owner)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    every: list[Service] = []

    def make(url: URL, public: URL) -> Service:
        settings = ServiceSettings(database_url=text(url), public_database_url=text(public))
        every.append(Service(tmp_path, settings, Secrets("key", "identity"), "here"))
        create(every[-1].projection)
        return every[-1]

    yield make
    for one in every:
        one.close()


def text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def run(url: URL, statement: sql.Composed | str) -> None:
    with psycopg.connect(text(url), autocommit=True) as connection:
        connection.execute(statement)


def reader_of(url: URL) -> URL:
    return url.set(username=f"reader-of-{url.database}", password="it's100%:secret")


def opened(url: URL) -> Projection:
    return open_projection(text(url))


def test_a_service_that_may_makes_the_role_and_lets_it_read(url: URL, made: Made) -> None:
    server = url.set(username="postgres")
    service = made(server, reader_of(url))
    for _ in range(2):  # at every start
        admit_public(service)
    reader = opened(reader_of(url))
    refuse_more(reader)
    assert search(reader, query_of()).count == 0
    reader.close()
    run(server, "CREATE TABLE place (latitude_deg double precision)")
    with psycopg.connect(text(reader_of(url))) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM place")


def test_a_service_that_may_not_says_what_is_to_be_run(url: URL, made: Made) -> None:
    service, role = made(url, reader_of(url)), f"reader-of-{url.database}"
    with pytest.raises(InputError, match="may not make it") as refused:
        admit_public(service)
    assert f'CREATE ROLE "{role}" LOGIN' in refused.value.advice and "secret" not in refused.value.advice
    run(url.set(username="postgres"), sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    admit_public(service)
    reader = opened(reader_of(url))
    assert search(reader, query_of()).count == 0
    reader.close()


def test_the_role_of_the_service_is_not_for_the_public(url: URL, made: Made) -> None:
    with pytest.raises(InputError, match="rights of the whole service"):
        admit_public(made(url, url))
    for one in (url, url.set(username="postgres")):
        run(url, "CREATE TABLE IF NOT EXISTS place (latitude_deg double precision)")
        reader = opened(one)
        with pytest.raises(InputError, match="may do more"):
            refuse_more(reader)
        reader.close()


@pytest.mark.parametrize(
    "more",
    [
        "GRANT SELECT ON place TO {}",
        "GRANT SELECT (latitude_deg) ON place TO PUBLIC",
        "GRANT INSERT ON public_records.withdrawn TO {}",
        "GRANT CREATE ON SCHEMA public TO {}",
        "ALTER ROLE {} CREATEROLE",
        "GRANT pg_read_all_data TO {}",
    ],
)
def test_a_role_that_may_do_more_is_refused(url: URL, made: Made, more: str) -> None:
    server = url.set(username="postgres")
    service = made(server, reader_of(url))
    admit_public(service)
    run(server, "CREATE TABLE place (latitude_deg double precision)")
    run(server, sql.SQL(more).format(sql.Identifier(f"reader-of-{url.database}")))
    reader = opened(reader_of(url))
    with pytest.raises(InputError, match="may do more"):
        refuse_more(reader)
    reader.close()


def test_the_public_process_does_not_start_with_such_a_role(url: URL, made: Made, tmp_path: Path) -> None:
    made(url, reader_of(url))
    run(url, "CREATE TABLE place (latitude_deg double precision)")
    (tmp_path / "files").mkdir()
    alive, ours = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        descriptors = (listening.fileno(), alive)
        given = {
            "OBERIH_LISTENING": str(listening.fileno()), "OBERIH_ALIVE": str(alive),
            "OBERIH_LANGUAGES": "en", "OBERIH_RECORDS": text(url),
        }  # fmt: skip
        if "PYTHONPATH" in os.environ:
            given["PYTHONPATH"] = os.environ["PYTHONPATH"]
        ended = subprocess.run(
            [sys.executable, "-m", "oberih.web.open", tmp_path], env=given, pass_fds=descriptors,
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
    for one in (alive, ours):
        os.close(one)
    assert ended.returncode == InputError.exit_code
    assert "may do more than read public records" in ended.stderr and "Traceback" not in ended.stderr
