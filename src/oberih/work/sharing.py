"""One archive for many machines: its objects in a store that all of them reach, its settings in one object.

Each machine has a folder ``archive`` of its own, with an index of what it has seen, and the settings as they
were when it last looked. Which object of the archive holds these is written down in the database of the work
by the machine that came first. Keys of the store are in the environment (``OBERIH_STORES__MAIN__...``), never
in a file.
"""

import json
import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from oberih import settings as rules
from oberih.archive import Archive, Replicated, create_archive, open_archive, rebuild, replicate
from oberih.archive.archive import MAIN
from oberih.archive.configuration import SETTINGS, keep_settings, newest, recall_settings
from oberih.archive.lock import locked
from oberih.archive.ocfl import object_key, object_keys, read_object
from oberih.archive.reuse import deposited
from oberih.catalogue.database import told as in_our_words
from oberih.errors import Cancelled, Conflict, InputError, OberihError
from oberih.progress import Progress
from oberih.settings import FILE

if TYPE_CHECKING:
    from oberih.work.service import Service

__all__ = ["alone", "copied", "copied_or_later", "join"]

log = logging.getLogger("oberih.work")

NAME = "archive settings"  # of what is written down in the database of the work
THREAT = "the shared store"
WAIT_S, LOOK_S = 120.0, 0.2


@contextmanager
def alone(service: "Service", what: str = "preparing") -> Iterator[None]:
    """Among all processes that share a database, one at a time does ``what``. Nothing of the database is
    locked meanwhile.
    """
    if service.database.engine.dialect.name == "sqlite":
        with locked(service.private, exclusive=True, wait_s=WAIT_S, name=f"{what}.lock"):
            yield
        return
    lock = {"lock": int.from_bytes(sha256(f"oberih {what}".encode()).digest()[:8], signed=True)}
    engine = service.database.engine.execution_options(isolation_level="AUTOCOMMIT")
    # In no transaction: indexes that are made meanwhile wait for those.
    with in_our_words(), engine.connect() as connection:
        until = time.monotonic() + WAIT_S
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), lock):
            if time.monotonic() > until:
                raise Conflict("Another machine of this service is at it, and does not end.", "Try again.")
            time.sleep(LOOK_S)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), lock)


def join(service: "Service", custodians: Callable[[], dict[str, str]]) -> bool:
    """Take part in the shared archive; begin it, with these ``custodians``, if there is none. Whether it is
    new. To be called `alone`.

    Raises `InputError` if this machine has other secrets than the others.
    """
    if service.settings.secret_key is None or service.settings.identity is None:
        raise InputError(
            "Machines that share an archive share the secrets too.",
            "Give all of them the same secret_key and identity (better: in the environment).",
        )
    archive, told = opened(service), service.engine.noted(NAME)
    new = not told and next(object_keys(archive.main), None) is None
    if new:
        archive.change_settings(lambda table: table.update(custodians=custodians()))
        keep_settings(archive)
    elif not told:  # the database is lost, the objects are not
        archive.index.close()
        archive = rebuild(archive.folder).archive
        recall_settings(archive, archive.main)
    if not told:
        found = newest(archive)
        assert found is not None
        service.engine.note(NAME, found.id)
    follow(service, archive)
    if service.secrets.recipient not in archive.settings.custodians.values():
        raise InputError(
            "This machine has another identity than the service whose archive it shares.",
            "Give all machines the same identity.",
        )
    archive.index.close()
    return new


def opened(service: "Service") -> Archive:
    """The archive as this machine sees it; made, empty, if it was never here."""
    folder = service.folder / "archive"
    if (folder / FILE).exists():
        return open_archive(folder)
    main = {"url": service.settings.archive_url, "threat": THREAT}
    return create_archive(folder, stores={MAIN: main})


def copied(service: "Service", progress: Progress, objects: Collection[str] = ()) -> Replicated:
    """Bring the archive's copies (of all that this machine knows of, or of ``objects`` only) to its other
    stores, as the newest settings of it ask.
    """
    if service.settings.archive_url:
        follow(service, service.archive)
    return replicate(service.archive, objects=objects, short_only=True, progress=progress)


def copied_or_later(
    service: "Service", progress: Progress, objects: Collection[str] = ()
) -> tuple[OberihError, ...]:
    """`copied`, as far as that can be done now: what is missing then comes later. Returns why."""
    try:
        return tuple(one.error for one in copied(service, progress, objects).troubles)
    except Cancelled:
        raise
    except OberihError as error:
        log.warning("copies have to wait: %s", error.message)
        return (error,)


def follow(service: "Service", archive: Archive) -> None:
    """Take over what another machine changed in the settings of a shared archive: stores, custodians."""
    identifier = service.engine.noted(NAME)
    if not identifier:
        return
    deposited(archive, identifier)  # now the index knows it
    told = json.loads(read_object(archive.main, object_key(identifier)).read(SETTINGS))
    mine = rules.read(archive.folder / FILE)
    told["stores"] = {**told["stores"], MAIN: mine["stores"][MAIN]}
    if told != mine:
        archive.change_settings(lambda table: replace(table, told))


def replace(table: dict[str, Any], told: dict[str, Any]) -> None:
    table.clear()
    table.update(told)
