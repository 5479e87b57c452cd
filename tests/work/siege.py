"""A service whose processes are killed again and again while people use it.

The processes are those of `oberih serve`; only the heavy work is replaced (see `standin`). What must be true
afterwards is in `aftermath`.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import tomli_w
from sqlalchemy import select

from oberih.catalogue.tables import Capture
from oberih.work.flow.states import WORKING
from oberih.work.flow.working import entries_wait
from oberih.work.service import open_service, prepare_service
from web.served import free_port
from work.people import PATIENCE_S, Contribution, People, picture

__all__ = ["PEOPLE", "Siege"]

HERE = Path(__file__).parent
PEOPLE = ("olha", "petro", "marta", "ivan")
WEB, WORKER = "oberih.web.inside", "standin.py child"
SETTINGS = {"lease_s": 4, "ledger_every_s": 3, "asked_per_minute": 0, "keep_free_bytes": 0, "gpu": "no"}
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
    "PYTHONPATH": f"{HERE.parent}:{os.environ.get('PYTHONPATH', '')}",
}  # fmt: skip


@dataclass
class Siege:
    """A service under fire. ``dice`` decides what people do, and when whom it hits."""

    folder: Path
    dice: random.Random
    workers: int = 2
    settings: dict[str, Any] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    under_way: Counter[str] = field(default_factory=Counter)  # what was being done when somebody was killed
    brought: list[Contribution] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        (self.folder / "data").mkdir(parents=True)
        given = {**SETTINGS, "workers": self.workers, **self.settings}
        (self.folder / "data" / "oberih.toml").write_text(tomli_w.dumps(given))
        self.service, port = open_service(self.folder / "data"), free_port()
        prepare_service(self.service)
        self.people = People(self.service, f"http://localhost:{port}", lambda: self.process.poll() is None)
        for name in PEOPLE:
            self.people.let_in(name, "contributor")
        self.people.let_in("custodian", "custodian")
        self.log = (self.folder / "log.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, HERE / "standin.py", "serve", "--data", self.folder / "data",
             "--port", str(port), "--progress", "json"],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip

    # -- what befalls them -----------------------------------------------------------------------------------

    def child(self, mark: str) -> list[psutil.Process]:
        found = []
        for one in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if mark in " ".join(one.cmdline()):
                    found.append(one)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return found

    def kill(self) -> None:
        """Kill one process that is at work: the web process, or a worker."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.process.poll() is None:
            web = self.child(WEB) if self.people.asked("custodian", "GET", "/login") is not None else []
            alive = {int(one.name.split("-")[-2]) for one in self.service.engine.machines() if one.alive}
            workers = [one for one in self.child(WORKER) if one.pid in alive]
            targets = [("web", one) for one in web] + [("worker", one) for one in workers]
            if targets:
                what, victim = self.dice.choice(targets)
                self.under_way.update({one.phase for one in self.brought if not one.done})
                victim.send_signal(signal.SIGKILL)
                self.kills[what] += 1
                return
            time.sleep(0.2)
        raise AssertionError("nobody is there to be killed")

    def fire(self, kills: int, pause_s: tuple[float, float]) -> None:
        """Kill so often, at random moments, while everybody goes on; then wait until all is done."""
        people = [threading.Thread(target=self.live, args=(name, self.dice.random())) for name in PEOPLE]
        for one in people:
            one.start()
        try:
            for _ in range(kills):
                time.sleep(self.dice.uniform(*pause_s))
                self.kill()
        finally:
            self.stopping.set()
            for one in people:
                one.join()

    def live(self, account: str, seed: float) -> None:
        """Bring one thing after the other."""
        dice = random.Random(seed)
        try:
            while not self.stopping.is_set():
                wish = dice.choices(("publish", "withdraw", "refuse", "cancel", "stop"), (5, 2, 1, 1, 1))[0]
                files = {f"{n}.jpg": picture(dice) for n in range(3)}
                one = Contribution(f"{dice.getrandbits(64):016x}", account, files, wish=wish)
                self.brought.append(one)
                self.people.see_through(one)
        except Exception as error:  # noqa: BLE001 - it is told at the end
            self.people.troubles.append(f"{account}: {type(error).__name__} {error}")

    def settle(self) -> None:
        """Wait until nothing is left to do, and the ledger is in the archive."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            with self.service.database.reading() as session:
                working = session.scalars(select(Capture.id).where(Capture.state.in_(WORKING))).all()
            if not working and not self.service.engine.counts() and not entries_wait(self.service):
                return
            time.sleep(0.5)
        self.people.troubles.append("it never came to rest")

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(120)
        self.log.close()
