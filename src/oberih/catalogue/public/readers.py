"""Who reads the public records in PostgreSQL: a role that can do nothing else in their database."""

from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from oberih.catalogue.public.tables import LONGEST_S, SCHEMA, Projection, told
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["grant_reader", "refuse_more"]


def grant_reader(projection: Projection, role: str) -> None:
    """Let ``role`` of PostgreSQL read the public records, now and when they are made anew, and nothing else.

    Rights that are right are not granted again: that would fail while another machine loads the records.
    Raises `InputError` if the role could read anything else, whatever was granted to it before.
    """
    asked = {"role": role, "schema": SCHEMA}
    with projection.reading() as connection:
        if connection.execute(text(POWERS), asked).scalar() is None:
            raise InputError(
                say("There is no database role {role}.", role=role),
                "Create it first, with LOGIN and a password and nothing else.",
            )
        granted = connection.execute(text(GRANTED), asked).scalar()
    if not granted:
        with projection.writing() as connection:
            grant(connection, role)
            refuse_powers(connection, role)
    with told(), projection.engine.begin() as connection:
        settle(connection, role)
        refuse_powers(connection, role)


def grant(connection: Connection, role: str) -> None:
    name = quoted(connection, role)
    for statement in (  # whoever owns the tables may
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM {name}",
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {name}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {SCHEMA} REVOKE ALL ON TABLES FROM {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {SCHEMA} GRANT SELECT ON TABLES TO {name}",
    ):
        connection.execute(text(statement))


def settle(connection: Connection, role: str) -> None:
    """How the role's connections begin, if this service may say so. `postgres_engine` asks for it too."""
    name = quoted(connection, role)
    for setting in ("default_transaction_read_only = on", f"statement_timeout = '{LONGEST_S}s'"):
        with suppress(ProgrammingError), connection.begin_nested():
            connection.execute(text(f"ALTER ROLE {name} SET {setting}"))


def quoted(connection: Connection, role: str) -> str:
    return connection.dialect.identifier_preparer.quote(role).replace(":", r"\:")


def refuse_more(projection: Projection) -> None:
    """Raise `InputError` if whoever opened the public records may do anything else in their database."""
    if not projection.on_sqlite:
        with projection.reading() as connection:
            refuse_powers(connection, str(connection.execute(text("SELECT current_user")).scalar()))


def refuse_powers(connection: Connection, role: str) -> None:
    asked = {"role": role, "schema": SCHEMA}
    powers = connection.execute(text(POWERS), asked).scalar()
    elsewhere: list[Any] = list(connection.execute(text(ELSEWHERE), asked).scalars())
    if powers or elsewhere:
        raise InputError(
            say("The database role {role} may do more than read public records.", role=role),
            "Give the public side a role of its own that is no superuser, is a member of no other role, "
            "and has no rights on other tables.",
        )


POWERS = """
SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
    OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid)
FROM pg_roles r WHERE rolname = :role
"""
# Whether a role was granted just this: to read all public tables, and those that will be made.
GRANTED = """
SELECT has_schema_privilege(r.oid, n.oid, 'USAGE')
    AND ARRAY['SELECT'] = ARRAY(
        SELECT a.privilege_type FROM pg_default_acl d, aclexplode(d.defaclacl) a
        WHERE d.defaclnamespace = n.oid AND d.defaclobjtype = 'r' AND a.grantee = r.oid
            AND d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user))
    AND NOT EXISTS (
        SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v')
            AND ARRAY['SELECT, false'] <> ARRAY(
                SELECT concat(a.privilege_type, ', ', a.is_grantable::text) FROM aclexplode(c.relacl) a
                WHERE a.grantee = r.oid))
    AND NOT EXISTS (
        SELECT FROM pg_class c JOIN pg_attribute o ON o.attrelid = c.oid, aclexplode(o.attacl) a
        WHERE c.relnamespace = n.oid AND a.grantee = r.oid)
FROM pg_roles r, pg_namespace n WHERE r.rolname = :role AND n.nspname = :schema
"""
# Tables outside that a role may read or change, or other schemas in which it may make some.
ELSEWHERE = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname NOT IN (:schema, 'pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg_toast%' AND n.nspname NOT LIKE 'pg_temp%'
    AND (has_table_privilege(:role, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
         OR has_any_column_privilege(:role, c.oid, 'SELECT, INSERT, UPDATE'))
UNION ALL
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname = :schema
    AND has_table_privilege(:role, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
UNION ALL
SELECT n.nspname FROM pg_namespace n
WHERE n.nspname NOT LIKE 'pg_%' AND has_schema_privilege(:role, n.oid, 'CREATE')
"""
