"""What the public process is given: a database role and keys of its own, which can only read what is public.
If somebody gives it more, the service does not start.
"""

from typing import TYPE_CHECKING

from psycopg import errors, sql
from sqlalchemy import Engine, make_url, text

from oberih.archive.stores import open_store
from oberih.catalogue.public import grant_reader
from oberih.errors import InputError, OberihError
from oberih.i18n import say

if TYPE_CHECKING:
    from oberih.work.service import Service

__all__ = ["admit_public", "refuse_unsafe"]


def admit_public(service: "Service") -> None:
    """See to it that the role of ``public_database_url`` is there, and may read what is public.

    Raises `InputError`: with what has to be run, if this service may not make roles; or if the role may read
    anything else.
    """
    if not service.settings.database_url or not service.settings.public_database_url:
        return
    asked = make_url(service.settings.public_database_url)
    role, engine = asked.username or "", service.projection.engine
    if role == (engine.url.username or ""):
        raise InputError(
            "The public process would have the rights of the whole service.",
            "Give it a role of its own in public_database_url.",
        )
    with engine.connect() as connection:
        there = connection.execute(text("SELECT FROM pg_roles WHERE rolname = :role"), {"role": role}).first()
    if there is None:
        make_role(engine, role, asked.password)
    grant_reader(service.projection, role)


def make_role(engine: Engine, role: str, password: str | None) -> None:
    statement = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role))
    if password is not None:
        statement += sql.SQL(" PASSWORD {}").format(sql.Literal(password))
    with engine.begin() as connection:
        try:
            connection.connection.driver_connection.execute(statement)  # type: ignore[union-attr]
        except errors.InsufficientPrivilege:
            raise InputError(
                say("There is no database role {role}, and this service may not make it.", role=role),
                say("Let somebody who may run: CREATE ROLE {name} LOGIN PASSWORD '...'; with the password of "
                    "public_database_url.", name=engine.dialect.identifier_preparer.quote(role)),
            ) from None  # fmt: skip


def refuse_unsafe(service: "Service") -> None:
    """Raise `InputError` if the public process has no role or keys of its own, or if its keys open what is
    not public.
    """
    given = service.settings
    if given.database_url and not given.public_database_url:
        raise InputError(
            "The public process needs a database role of its own.",
            "Give it in public_database_url: the same database, another name and password. The service makes "
            "the role itself, if it may.",
        )
    if not given.files_url.startswith("s3:"):
        return
    access, secret = given.public_files_access_key, given.public_files_secret_key
    if access is None or secret is None or access == given.files_access_key:
        raise InputError(
            "The public process needs keys of its own for the store of public files.",
            "Give it some that may only read there: public_files_access_key and public_files_secret_key.",
        )
    keys = {"access_key": access.get_secret_value(), "secret_key": secret.get_secret_value()}
    for url in (given.drafts_url, given.archive_url):
        if url.startswith("s3:") and readable(url, **keys):
            raise InputError(
                say("The keys of the public process open {url} too.", url=url.partition("?")[0]),
                "Let them read the bucket of public files, and nothing else.",
            )


def readable(url: str, *, access_key: str, secret_key: str) -> bool:
    """Whether these keys let anybody see what is in a store."""
    try:
        store = open_store(
            f"{url}{'&' if '?' in url else '?'}probe=0", access_key=access_key, secret_key=secret_key
        )
        next(iter(store.list()), None)
    except OberihError:
        return False
    return True
