"""One lock for each archive: who changes settings, heals or rebuilds is alone; deposits go side by side.

It is advisory and of this machine (`flock` on a file in the archive's folder); what it does not reach, other
machines on one store, is held together by the conditional writes of the stores.
"""

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oberih.errors import Conflict, OutputError
from oberih.i18n import say

__all__ = ["LOCK", "WAIT_S", "locked"]

LOCK = "oberih.lock"
WAIT_S = 5.0
STEP_S = 0.05
held = threading.local()  # .by: path of the lock file -> whether this thread holds it alone


@contextmanager
def locked(folder: Path, *, exclusive: bool, wait_s: float | None = None, name: str = LOCK) -> Iterator[None]:
    """Hold the lock of the archive in ``folder``. A thread that holds it already goes on under what it has:
    whoever will need it ``exclusive`` asks for that first.

    Raises `Conflict` if another program (or thread) keeps it for longer than ``wait_s`` (`WAIT_S`).
    """
    mine: dict[Path, bool] = held.__dict__.setdefault("by", {})
    path = folder.resolve() / name
    if path in mine:
        if exclusive and not mine[path]:
            raise busy(folder)
        yield
        return
    try:
        file = path.open("a")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(
            say("{path} cannot be written: {why}", path=path, why=why),
            "Choose a folder that you may write to.",
        ) from error
    with file:  # closing it gives the lock back, as does the end of the process
        until = time.monotonic() + (WAIT_S if wait_s is None else wait_s)
        while True:
            try:
                fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise busy(folder) from None
                time.sleep(STEP_S)
        mine[path] = exclusive
        try:
            yield
        finally:
            del mine[path]


def busy(folder: Path) -> Conflict:
    return Conflict(
        say("Another oberih is at work on the archive in {path}.", path=folder),
        "Wait until it is done, then run this again.",
    )
