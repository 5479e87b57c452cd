"""Small steps on files that survive a stop at any moment."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oberih.work.arrivals.refusals import busy

__all__ = ["DRAFT", "locked", "read_json", "sync_folder", "write_atomically"]

DRAFT = ".draft-"  # how a file begins that is not whole yet
WAIT_S = 20.0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, alone among all threads and processes of this machine."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until, pause = time.monotonic() + WAIT_S, 0.001
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise busy() from None
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        yield
    finally:
        os.close(file)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that is there in whole, or not at all, whatever happens; it is durable on return."""
    draft = path.with_name(f"{DRAFT}{secrets.token_hex(8)}")
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(file)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_json(path: Path) -> Any:
    """What the file holds; None if there is none."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def sync_folder(path: Path) -> None:
    """Return when the names in the folder survive a power cut."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
