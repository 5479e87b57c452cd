"""``python -m oberih.catalogue.migrations "what changes"`` writes the next revision from the classes."""

import sys
import tempfile

from alembic import command

import oberih.catalogue.accounts.tables
import oberih.catalogue.ledger
import oberih.catalogue.outdated  # noqa: F401 - the tables that there are
from oberih.catalogue.database import open_database
from oberih.catalogue.migrations import config, migrate


def main(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/empty.sqlite")
        migrate(database)
        settings = config()
        with database.engine.execution_options(writing=True).connect() as connection:
            settings.attributes["connection"] = connection
            made = command.revision(settings, message, autogenerate=True, rev_id=next_id(settings))
        database.close()
    print(made)  # noqa: T201 - a tool of developers


def next_id(settings: object) -> str:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    assert isinstance(settings, Config)
    return f"{len(list(ScriptDirectory.from_config(settings).walk_revisions())) + 1:04}"


if __name__ == "__main__":
    main(sys.argv[1])
