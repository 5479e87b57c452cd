"""Says every few seconds that a worker lives. Runs beside the worker, as a small process of its own.

A thread of the worker would fall silent while some computation holds Python's global lock for minutes, and a
busy worker would be taken for a dead one. This process has a lock of its own, and asks the system: is the
worker's process there, and not stopped (SIGSTOP, a debugger)? A pause of the whole machine pauses it too, so
a frozen worker falls silent, and a busy one never does.

Its standard input ends when the worker does, however that happens. Then it kills what the worker's steps
left running (they carry the worker's name in their environment), and tells at once that the worker is gone.

It imports nothing of Oberih: with all that a worker imports it would be as large as one.
"""

import contextlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

__all__ = ["MARK", "READY", "main"]

MARK = "OBERIH_WORKER"  # the variable that a worker's children carry
READY = b"beating\n"
CHANGE = "UPDATE oberih_workers SET beat_at = :at, gone = :gone, queues = :queues WHERE worker = :worker"
ADD = "INSERT INTO oberih_workers (worker, queues, beat_at, gone) VALUES (:worker, :queues, :at, :gone)"
TRIES = 20  # to say that the worker is gone, a second apart


def main() -> None:
    """The process. It is told on standard input, in one line of JSON, for whom it speaks, and where."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are for the worker, which ends this one
    job = json.loads(first_line())
    worker, pid, beat_s = str(job["worker"]), int(job["pid"]), float(job["beat_s"])
    engine = create_engine(job["url"], connect_args=job["connect_args"], pool_pre_ping=True)
    said_ready = False
    while os.getppid() == pid:
        if not stopped(pid) and tell(engine, job, gone=False) and not said_ready:
            said_ready = True
            with contextlib.suppress(BrokenPipeError):  # it does not care any more
                os.write(1, READY)
        if select.select([0], [], [], beat_s)[0] and not os.read(0, 4096):
            break
    kill_marked(worker)
    for _ in range(TRIES):
        if tell(engine, job, gone=True):
            break
        time.sleep(1)


def first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        read = os.read(0, 4096)
        if not read:
            sys.exit(0)  # the worker is gone already
        line += read
    return line


def stopped(pid: int) -> bool:
    """Whether the process exists, but does not run (where the system does not tell: no)."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return told.rpartition(")")[2].split()[0] in "TtZX"


def tell(engine: Engine, job: dict[str, str], *, gone: bool) -> bool:
    """Write the row of the worker. False if the database can't be reached just now."""
    row = {"worker": job["worker"], "queues": job["queues"], "at": int(time.time() * 1000), "gone": gone}
    try:
        with engine.begin() as connection:
            write(connection, row)
    except DBAPIError:
        return False  # the worker meets the same trouble, and tells of it
    return True


def write(connection: Connection, row: dict[str, object]) -> None:
    changed = connection.execute(text(CHANGE), row)
    if not changed.rowcount:
        connection.execute(text(ADD), row)


def kill_marked(worker: str) -> None:
    """Kill every process that was started by the worker's steps."""
    mark = f"{MARK}={worker}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or belongs to somebody else
            if mark in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                os.kill(int(folder.name), signal.SIGKILL)


if __name__ == "__main__":
    main()
