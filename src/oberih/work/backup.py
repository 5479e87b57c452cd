"""What of a service is in neither its archive nor on its other stores: into a backup, and out of it.

A backup is one file, sealed for the custodians of the archive: accounts, settings, secrets, and the name of
the machine. It can be made while the service runs. What else there is comes back from the archive: the
catalogue and its ledger, the public records and files, what was waiting for a review. What is lost with a
machine is what was arriving on it, or not yet whole; who sent it has no receipt for it, and sends it again.
"""

import hashlib
import logging
import os
import threading
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomli_w

from oberih.archive import Trouble
from oberih.catalogue.access import OPERATOR, Action
from oberih.catalogue.backup import backup_accounts, files_of
from oberih.catalogue.ledger import happened, keep_entries
from oberih.errors import Conflict, OberihError, OutputError
from oberih.i18n import say
from oberih.progress import Progress
from oberih.settings import FILE
from oberih.work.secrets import SECRETS
from oberih.work.service import RECOVERY, Service
from oberih.work.sharing import copied, copied_or_later

__all__ = ["back_up", "keep_last", "put_back", "refuse_used", "write_private"]

log = logging.getLogger("oberih.work")
NODE = "private/node"
PLACES = (FILE, f"private/{SECRETS}", NODE)  # in the folder of a service: nothing else comes out of a backup
LAST_S, TIDY_S = 10.0, 1.0  # to keep what is not kept at the end; for what runs to stop then
KEPT = ("archive", RECOVERY)  # what may be there before something is restored


def back_up(service: Service, out: Path, progress: Progress | None = None) -> tuple[Trouble, ...]:
    """Write a backup into the new file ``out``, and the ledger into the archive, so that they fit together.

    Returns what kept the archive's stores from getting their copies. Raises `OutputError`.
    """
    if out.exists():
        raise OutputError(say("{path} is there already.", path=out), "Give a name that is new.")
    data = backup_accounts(service.database, service.archive.recipients(), files_now(service))
    with service.database.writing(OPERATOR.actor, Action.BACKUP) as session:
        happened(session, "service", hashlib.sha256(data).hexdigest())
    write_private(out, data)
    keep_entries(service.database, service.archive)
    if len(service.archive.settings.stores) < 2:
        return ()
    return tuple(copied(service, progress or Progress()).troubles)


def keep_last(service: Service, most_s: float = LAST_S) -> None:
    """At a clean end: bring the last of the ledger into the archive and to its stores, so that who left stays
    away whatever becomes of this machine. What takes longer than ``most_s`` seconds is left.
    """
    progress = Progress()

    def keep() -> None:
        try:
            if keep_entries(service.database, service.archive):
                copied_or_later(service, progress)
        except OberihError as error:
            log.warning("the last of the ledger was not kept: %s", error.message)

    keeping = threading.Thread(target=keep, name="last", daemon=True)
    keeping.start()
    keeping.join(most_s)
    if keeping.is_alive():
        progress.stop.set()
        keeping.join(TIDY_S)
    if keeping.is_alive():
        log.warning("the last of the ledger was not kept in time")


def files_now(service: Service) -> dict[str, bytes]:
    """The small files of a service, with the secrets that count, wherever they are from."""
    given = {"key": service.secrets.key, "identity": service.secrets.identity}
    files = {f"private/{SECRETS}": tomli_w.dumps(given).encode(), NODE: service.node.encode()}
    settings = service.folder / FILE
    return {**files, FILE: settings.read_bytes()} if settings.exists() else files


def refuse_used(folder: Path) -> None:
    """Raise `Conflict` if a folder holds more than an archive and a custodian's key."""
    there = sorted(path.name for path in folder.iterdir() if path.name not in KEPT) if folder.is_dir() else []
    if there:
        raise Conflict(
            say("{path} is not empty: {names}", path=folder, names=", ".join(there[:5])),
            "Restore into a new folder. To go on after a stop, use: oberih rebuild --data FOLDER",
        )


def put_back(folder: Path, data: bytes, identities: Sequence[str]) -> Mapping[str, bytes]:
    """Write the small files of a backup to where they were, and return them.

    All of the backup is read first: nothing is written if it is not whole. Raises `KeyNeeded`, `Damaged`,
    `InputError` if it is of a newer release, and `Conflict` if other secrets are there.
    """
    files = {path: content for path, content in files_of(data, identities).items() if path in PLACES}
    secrets = folder / "private" / SECRETS
    if secrets.exists() and same_secrets(secrets.read_bytes(), files.get(f"private/{SECRETS}", b"")):
        return files  # it was done before
    if secrets.exists():
        raise Conflict(
            say("{path} holds other secrets than the backup.", path=secrets),
            "Accounts of a backup need its secrets. Restore into a new folder.",
        )
    (folder / "private").mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(files):  # the secrets, by which it is seen to be done, come last
        write_private(folder / path, files[path], replace=True)
    return files


def same_secrets(one: bytes, other: bytes) -> bool:
    try:
        return tomllib.loads(one.decode()) == tomllib.loads(other.decode())
    except ValueError:
        return False


def write_private(path: Path, data: bytes, *, replace: bool = False) -> None:
    """A file that only its owner can read: whole, or not there. Raises `OutputError`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            path.hardlink_to(draft)
    except OSError as error:
        raise OutputError(
            say("{path} cannot be written: {why}", path=path, why=error.strerror or type(error).__name__),
            "Choose a folder that you may write to, on a disk with room.",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
