"""Workers in processes of their own, and the jobs that they run in the tests.

As a program (``yard.py FOLDER SETTINGS QUEUES RELEASE``) it is a worker; `Yard` starts such workers and sees
what they do. Steps write a line each into a file that all share, and wait there for what the test lets go.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oberih.errors import NoOverlap, StoreError
from oberih.i18n import say
from oberih.work.engine import Engine, EngineSettings, Job, JobState, changed, step, workflow

RELEASE = "1"
PATIENCE_S = 120.0  # a busy machine takes its time
QUICK = {  # settings
    "beat_s": 0.25, "lease_s": 15.0, "watch_s": 0.1, "idle_s": 0.1, "grace_s": 10.0, "retry_first_s": 0.2,
}  # fmt: skip


def until(true: Callable[[], Any], patience_s: float = PATIENCE_S) -> float:
    """Wait for something to become true. How long it took, in seconds."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < patience_s, "it never became true"
        time.sleep(0.02)
    return time.monotonic() - began


def write(job: Job, what: object) -> None:
    with (job.context / "log").open("a") as log:
        log.write(f"{job.key} {what} {os.getpid()}\n")


def wait_for(job: Job, name: str) -> None:
    """Until the test lets go, or somebody asks to stop."""
    with job.progress.stage("waiting", 1000) as stage:
        while not (job.context / name).exists():
            stage.tick(0.1)
            time.sleep(0.02)


@step
def numbered(job: Job, number: int) -> int:
    write(job, number)
    if number == 3:
        wait_for(job, "go")
    return number


@workflow("six")
def six(job: Job) -> int:
    return sum(numbered(job, number) for number in range(1, 7))


@step
def effect(job: Job) -> None:
    """Is frozen between its work and its effect. It does not listen to anybody."""
    write(job, "begun")
    until((job.context / "go").exists)
    if job.still_mine():
        write(job, "effect")
    else:
        write(job, "kept-off")


@workflow("effect")
def one_effect(job: Job) -> None:
    effect(job)


@step
def with_child(job: Job) -> None:
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        write(job, f"child {child.pid}")
        with job.progress.stage("depth", 400) as stage:
            stage.note(say("{count} more photo was used.", "{count} more photos were used.", count=5))
            for _ in range(400):
                time.sleep(0.05)
                stage.tick()
    finally:
        child.kill()
        child.wait()


@workflow("child")
def has_child(job: Job) -> None:
    with_child(job)


@step
def hold(job: Job, seconds: float) -> None:
    """Hold Python's global lock so long: a sum is one call."""
    write(job, "held")
    many, took = 1 << 20, 0.0
    while took < seconds:
        began = time.monotonic()
        sum(range(many))
        took, many = time.monotonic() - began, many * 2


@workflow("hold")
def holds(job: Job, seconds: float) -> None:
    hold(job, seconds)


@step
def deaf(job: Job) -> None:
    write(job, "deaf")
    until((job.context / "go").exists, 600)


@workflow("deaf")
def hears_nothing(job: Job) -> None:
    deaf(job)


@step
def moody(job: Job, kind: str, times: int) -> None:
    """Raise an error so many times."""
    write(job, kind)
    if (job.context / "log").read_text().count(f"{job.key} {kind} ") <= times:
        raise TROUBLES[kind]


TROUBLES: dict[str, Exception] = {
    "store": StoreError(say("The store {store} cannot be reached.", store="Lviv"), "Wait."),
    "overlap": NoOverlap(say("Only {count} photo", "Only {count} photos", count=2), "Take more."),
    "unknown": KeyError("Olha's flat"),
    "full": OSError(28, "No space left on device"),
    "network": ConnectionResetError(104, "reset"),
}


@workflow("moody")
def has_moods(job: Job, kind: str, times: int = 999) -> None:
    moody(job, kind, times)


@workflow("plain")
def plain(job: Job) -> None:
    numbered(job, 0)


@workflow("crash")
def crash(job: Job) -> None:
    crashing(job)


@step
def crashing(job: Job) -> None:
    write(job, "crash")
    os.kill(os.getpid(), signal.SIGKILL)


# -- two releases of one workflow ----------------------------------------------------------------------------


@step
def noted(job: Job, what: str) -> str:
    write(job, f"{what}-{RELEASE}")
    if what == "third":
        wait_for(job, f"go-{RELEASE}")
    return what


@workflow("released")
def released(job: Job) -> None:
    noted(job, "first")
    if RELEASE == "2" and changed("put in"):
        noted(job, "put-in")
    noted(job, "second")
    noted(job, "third")
    if RELEASE == "2":
        noted(job, "appended")


if os.environ.get("YARD_NEW_JOBS"):

    @workflow("new")
    def new(job: Job) -> None:
        numbered(job, 0)


class Yard:
    """A database, a folder, and workers."""

    def __init__(self, folder: Path, url: str, **settings: Any) -> None:
        self.folder, self.settings = folder, {**QUICK, "url": url, **settings}
        self.engine = Engine(EngineSettings(**self.settings))
        self.engine.prepare()
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(
        self, *queues: str, release: str = "1", new_jobs: bool = False, **settings: Any
    ) -> subprocess.Popen[bytes]:
        """A worker, as soon as it says that it lives."""
        settings = {**self.settings, **settings}
        command = [
            sys.executable,
            __file__,
            self.folder,
            json.dumps(settings),
            ",".join(queues or ["cpu"]),
            release,
        ]
        environment = {**os.environ, "YARD_NEW_JOBS": "1" if new_jobs else ""}
        with (self.folder / "said").open("ab") as said:
            worker = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        self.workers.append(worker)
        until(lambda: f"worker {settings.get('node', 'here')}-{worker.pid}-" in self.said())
        return worker

    def said(self) -> str:
        """What workers said in their logs."""
        return (self.folder / "said").read_text()

    def log(self, key: str = "") -> list[str]:
        """What steps wrote: "KEY WHAT PID"."""
        with contextlib.suppress(FileNotFoundError):
            return [line for line in (self.folder / "log").read_text().splitlines() if line.startswith(key)]
        return []

    def did(self, key: str) -> list[str]:
        """The same without the processes."""
        return [line.split()[1] for line in self.log(f"{key} ")]

    def go(self, name: str = "go") -> None:
        (self.folder / name).touch()

    def state(self, key: str) -> JobState:
        state = self.engine.state(key)
        assert state is not None
        return state

    def until(self, key: str, status: str) -> float:
        return until(lambda: self.state(key).status == status)

    def end(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
                worker.wait()
        self.engine.close()


def heartbeat_of(worker: subprocess.Popen[bytes]) -> int:
    """The process that says that the worker lives."""
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    (found,) = [int(c) for c in children if b"heartbeat.py" in Path(f"/proc/{c}/cmdline").read_bytes()]
    return found


def lives(pid: int) -> bool:
    try:
        return not re.search(r"\) [ZX] ", Path(f"/proc/{pid}/stat").read_text())
    except OSError:
        return False


def main() -> None:
    global RELEASE
    import logging

    logging.basicConfig(level="INFO")
    folder, settings, queues, RELEASE = sys.argv[1:]
    engine = Engine(EngineSettings(**json.loads(settings)))
    engine.run_worker(queues.split(","), context=Path(folder))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
