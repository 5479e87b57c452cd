"""The public side's role on PostgreSQL can read public records, and nothing else."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy import make_url

from oberih.catalogue.public import (
    Projection,
    PublicRecord,
    Query,
    create,
    grant_reader,
    load,
    map_view,
    near,
    open_projection,
    record,
    search,
    suggest,
)
from oberih.catalogue.public.maps import Box
from oberih.errors import InputError
from postgres import fresh_database
from public_help import ark, made

PRIVATE = """
CREATE TABLE place (id text, latitude_deg double precision);
INSERT INTO place VALUES ('ark:/99999/b1', 51.4938);
CREATE VIEW places AS SELECT * FROM place;
CREATE SCHEMA accounts;
CREATE TABLE accounts.person (name text, email text);
CREATE SEQUENCE accounts.numbers;
"""


@pytest.fixture
def database() -> str:
    """A database with private tables and public records."""
    url = fresh_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(PRIVATE)
    writer = open_projection(url, read_only=False)
    create(writer)
    load(writer, [made(n) for n in range(20)])
    writer.close()
    return url


@pytest.fixture
def role(database: str) -> str:
    name = f"public {database.split('?', maxsplit=1)[0].rsplit('/', 1)[1]}"  # a name that has to be quoted
    run(database, sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    return name


def run(database: str, *statements: sql.Composed | str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def granted(database: str, role: str) -> str:
    """Grant, and the address by which the role comes in."""
    writer = open_projection(database, read_only=False)
    try:
        grant_reader(writer, role)
    finally:
        writer.close()
    return database.replace("postgres:@", f"{role.replace(' ', '%20')}@")


def test_the_role_can_do_all_that_the_public_does(database: str, role: str) -> None:
    reader: Projection = open_projection(granted(database, role))
    assert search(reader, Query(text="церква", sort="title")).count
    assert record(reader, ark(1)) == made(1)
    assert suggest(reader, "церк")
    assert map_view(reader, Box(south=40, west=20, north=60, east=40), 6).cells
    assert isinstance(near(reader, ark(1)), tuple)
    reader.close()


def test_the_role_can_read_no_other_table_and_change_none(database: str, role: str) -> None:
    address = granted(database, role)
    with psycopg.connect(database) as owner:
        tables = owner.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'v', 'm', 'p', 'S') AND n.nspname NOT IN ('pg_catalog', "
            "'information_schema', 'public_records') AND n.nspname NOT LIKE 'pg_toast%'"
        ).fetchall()
    assert {name for _, name in tables} >= {"place", "places", "person", "numbers"}
    with psycopg.connect(address, autocommit=True) as connection:
        for schema, name in tables:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(
                    sql.SQL("SELECT * FROM {}.{}").format(*map(sql.Identifier, (schema, name)))
                )
        connection.execute("SET default_transaction_read_only = off")
        for statement in (
            "INSERT INTO public_records.withdrawn VALUES ('x', 1, '2026-01')",
            "UPDATE public_records.bodies SET body = ''",
            "DELETE FROM public_records.documents",
            "TRUNCATE public_records.documents",
            "CREATE TABLE public_records.own (a int)",
            "CREATE TABLE public.own (a int)",
            "COPY place TO '/tmp/never'",
            "SELECT pg_read_file('/etc/hostname')",
            "SET ROLE postgres",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)


def test_rights_stay_when_everything_is_made_anew(database: str, role: str) -> None:
    address = granted(database, role)
    writer, reader = open_projection(database, read_only=False), open_projection(address)
    load(writer, [made(n) for n in range(100, 103)])
    assert search(reader, Query()).count == 3
    writer.close()
    reader.close()


def test_a_machine_may_start_while_another_loads_the_records(database: str, role: str) -> None:
    """What is granted already is not changed. The first time, it waits until the other has ended."""
    writer = open_projection(database, read_only=False)
    with ThreadPoolExecutor() as machines:

        def first() -> Iterator[PublicRecord]:
            yield made(200)
            starting.append(machines.submit(granted, database, role))
            with pytest.raises(TimeoutError):
                starting[0].result(1)

        def later() -> Iterator[PublicRecord]:
            yield made(201)
            assert machines.submit(granted, database, role).result(20)

        starting: list[Future[str]] = []
        load(writer, first())
        reader = open_projection(starting[0].result(20))
        load(writer, later())
    assert record(reader, ark(201)) == made(201)
    writer.close()
    reader.close()


@pytest.mark.parametrize(
    "change",
    [
        "REVOKE SELECT ON public_records.state FROM {}",
        "REVOKE USAGE ON SCHEMA public_records FROM {}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public_records REVOKE SELECT ON TABLES FROM {}",
        "GRANT UPDATE ON public_records.state TO {}",
        "GRANT UPDATE (value) ON public_records.state TO {}",
        "GRANT SELECT ON public_records.state TO {} WITH GRANT OPTION",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public_records GRANT INSERT ON TABLES TO {}",
    ],
)
def test_rights_that_somebody_changed_are_set_right(database: str, role: str, change: str) -> None:
    granted(database, role)
    before = rights(database)
    run(database, sql.SQL(change).format(sql.Identifier(role)))
    assert rights(database) != before
    granted(database, role)
    assert rights(database) == before


@pytest.mark.parametrize("owner", ["Oberih", "sa@heritage.example", "a: b"])
def test_the_service_may_have_any_name(database: str, owner: str) -> None:
    name, reader = sql.Identifier(owner), f"reader of {owner}"
    run(
        database,
        sql.SQL("DROP SCHEMA public_records CASCADE"),
        sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(name),
        sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(reader)),
        sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
            sql.Identifier(database.split("?", maxsplit=1)[0].rsplit("/", 1)[1]), name
        ),
    )
    own = make_url(database).set(username=owner).render_as_string(hide_password=False)
    writer = open_projection(own, read_only=False)
    create(writer)
    grant_reader(writer, reader)
    before = rights(database)
    grant_reader(writer, reader)
    assert rights(database) == before
    load(writer, [made(1)])
    writer.close()
    shown = open_projection(make_url(database).set(username=reader).render_as_string(hide_password=False))
    assert record(shown, ark(1)) == made(1)
    shown.close()


def rights(database: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as owner:
        return owner.execute(
            "SELECT attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL "
            "AND attrelid::regclass::text LIKE 'public_records.%' UNION ALL "
            "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'public_records'::regnamespace "
            "UNION ALL SELECT 'schema', nspacl::text FROM pg_namespace WHERE nspname = 'public_records' "
            "UNION ALL SELECT 'default', defaclacl::text FROM pg_default_acl ORDER BY 1, 2"
        ).fetchall()


@pytest.mark.parametrize(
    "more",
    [
        "GRANT SELECT ON place TO {}",
        "GRANT SELECT (email) ON accounts.person TO {}",
        "GRANT CREATE ON SCHEMA public TO {}",
        "GRANT pg_read_all_data TO {}",
        "ALTER ROLE {} SUPERUSER",
        "ALTER ROLE {} CREATEROLE",
    ],
)
def test_a_role_that_may_do_more_is_refused(database: str, role: str, more: str) -> None:
    run(database, sql.SQL(more).format(sql.Identifier(role)))  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        granted(database, role)
    assert "a role of its own" in caught.value.advice


def test_tables_for_everybody_are_noticed(database: str, role: str) -> None:
    run(database, "GRANT SELECT ON place TO PUBLIC")
    with pytest.raises(InputError, match="more than read public records"):
        granted(database, role)


def test_an_unknown_role_is_said_to_be(database: str) -> None:
    with pytest.raises(InputError, match="no database role"):
        granted(database, "nobody; DROP TABLE place")
