"""The tables of the private database as they grew, release by release (Alembic)."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import text

from oberih.catalogue.database import Database, told
from oberih.errors import Conflict

__all__ = ["migrate", "newest"]

LOCK = 0x6F626572  # of PostgreSQL's advisory locks: several processes may start at the same time


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", "oberih.catalogue:migrations")
    return made


def newest() -> str:
    """The revision that this release needs."""
    return str(ScriptDirectory.from_config(config()).get_current_head())


def migrate(database: Database) -> None:
    """Bring the tables to what this release needs, in one transaction. Does nothing if they are.

    Raises `Conflict` if a newer release has been here, `StoreError` if it is away, or damaged.
    """
    with told(), database.engine.execution_options(writing=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        settings = config()
        settings.attributes["connection"] = connection
        try:
            command.upgrade(settings, "head")
        except CommandError as error:
            raise Conflict(
                "The database was made by a newer release of Oberih.",
                "Run that release, or a newer one; an older one could lose what it does not know.",
            ) from error
