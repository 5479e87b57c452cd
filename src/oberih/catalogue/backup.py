"""Accounts in a backup, with what else is not in the archive: everything else comes back from there.

One age file for the custodians: lines of JSON, compressed. The first says what it is, the last how many rows
there were of each table, and how many files (settings and secrets of the service). Logins that last, what was
begun in a browser, and tries are not in it: after a restore everybody shows again who they are. Keys of
authenticator apps are sealed to the service's own key, which is among the secrets (see `accounts.keys`).
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from oberih.archive.crypt import decrypted, encrypted
from oberih.catalogue.accounts.leaving import erase_again
from oberih.catalogue.accounts.tables import ACCOUNTS, Account, Link
from oberih.catalogue.database import Database, now
from oberih.catalogue.rows import packed, row_of, state_of, unpacked
from oberih.errors import Conflict, Damaged, InputError

__all__ = ["backup_accounts", "files_of", "restore_accounts"]

FORMAT, VERSION = "oberih-backup", 1
FILE = "file"  # what is no row of a table
KINDS = {str(kind.__tablename__): kind for kind in ACCOUNTS}
AT_ONCE = 1000  # rows


def backup_accounts(
    database: Database, recipients: Sequence[str], files: Mapping[str, bytes] | None = None
) -> bytes:
    """All accounts as they are in this moment, and small files, for any of ``recipients`` (age).

    Raises `InputError` if there are none.
    """
    return b"".join(encrypted(packed(lines_of(database, files or {})), recipients))


def files_of(data: bytes, identities: Sequence[str]) -> dict[str, bytes]:
    """The files in a backup, once all of it was read and is whole.

    Raises `KeyNeeded`, `Damaged`, and `InputError` if it is of a newer release.
    """
    with understood():
        return {
            row["path"]: base64.b64decode(row["data"], validate=True)
            for name, row in rows_of(unpacked(decrypted([data], identities))) if name == FILE
        }  # fmt: skip


def restore_accounts(database: Database, data: bytes, identities: Sequence[str]) -> int:
    """Put all accounts of a backup into a database that has none. Returns how many accounts there are now.

    Those that were deleted after the backup was made are deleted again, as far as the ledger is there. Raises
    `Conflict` if there are accounts, `KeyNeeded`, `Damaged`, `InputError`; nothing is restored then.
    """
    rows = rows_of(unpacked(decrypted([data], identities)))
    with understood(), database.writing("service", "restore accounts") as session:
        refuse_accounts(session)
        session.execute(delete(Link))  # a link for the first admin: there is one now
        put_rows(session, rows)
    erase_again(database)
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Account)) or 0


def refuse_accounts(session: Session) -> None:
    if session.scalar(select(func.count()).select_from(Account)):
        raise Conflict(
            "There are accounts already.", "Restore them into a new database, or delete what is there."
        )


@contextmanager
def understood() -> Iterator[None]:
    """What a backup holds that is no backup."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, IntegrityError, StatementError) as error:
        raise damaged() from error


def lines_of(database: Database, files: Mapping[str, bytes]) -> Iterator[Any]:
    """What a backup says, as JSON values."""
    yield {"format": FORMAT, "version": VERSION, "made": now().isoformat()}
    counts = {FILE: len(files), **dict.fromkeys(KINDS, 0)}
    for path, content in files.items():
        yield [FILE, {"path": path, "data": base64.b64encode(content).decode()}]
    with database.reading() as session:
        # One state of the database, also while it changes.
        if session.get_bind().dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        for name, kind in KINDS.items():
            for row in session.scalars(select(kind).execution_options(yield_per=AT_ONCE)):
                counts[name] += 1
                yield [name, state_of(row)]
    yield {"end": counts}


def check_header(header: Any) -> None:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise damaged()
    if header["version"] > VERSION:
        raise InputError("The backup is of a newer release.", "Install that release first.")


def rows_of(lines: Iterator[Any]) -> Iterator[tuple[str, Any]]:
    """Names of tables, and rows, that the lines of a backup hold. Raises `Damaged` if it has no end."""
    check_header(next(lines, None))
    counts: dict[str, int] = {}
    ended: Any = None
    for line in lines:
        if isinstance(line, dict):
            ended = line["end"]
            continue
        name, row = line
        counts[name] = counts.get(name, 0) + 1
        yield name, row
    if ended is None or {name: count for name, count in ended.items() if count} != counts:
        raise damaged()


def put_rows(session: Session, rows: Iterator[tuple[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    last = ""
    for name, row in rows:
        if batch and (name != last or len(batch) == AT_ONCE):
            session.execute(insert(KINDS[last]), batch)
            batch = []
        if name in KINDS:
            batch.append(row_of(KINDS[name], row))
            last = name
    if batch:
        session.execute(insert(KINDS[last]), batch)


def damaged() -> Damaged:
    return Damaged("This is no whole backup.", "Take another one.")
