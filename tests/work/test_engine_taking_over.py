"""Workers die, freeze, are asked to go: their jobs go on, once, and elsewhere. Real processes and signals."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oberih.errors import StoreError
from postgres import fresh_database
from work.yard import Yard, heartbeat_of, lives, until

Made = Callable[..., Yard]
MINUTE = 60.0  # the promise: noticed, and gone on with, within a minute


@pytest.fixture(params=["sqlite", "postgresql"])
def yard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    made: list[Yard] = []

    def make(**settings: Any) -> Yard:
        url = f"sqlite:///{tmp_path}/work.sqlite" if request.param == "sqlite" else fresh_database()
        made.append(Yard(tmp_path, url, **settings))
        return made[-1]

    yield make
    for one in made:
        one.end()


def ran_in(yard: Yard, key: str, what: object) -> list[int]:
    """The processes in which a step began, in order."""
    return [int(line.split()[2]) for line in yard.log(f"{key} ") if line.split()[1] == str(what)]


def freeze(yard: Yard, worker: int) -> None:
    """Stop a process between two writes. In the middle of one it would keep the lock of SQLite's file, which
    nobody can take from it: all who write wait until it goes on (docs/service.md).
    """

    def between_writes() -> bool:
        os.kill(worker, signal.SIGSTOP)
        try:
            with yard.engine.tables.writing():
                return True
        except StoreError:
            os.kill(worker, signal.SIGCONT)
            return False

    until(between_writes)


def in_step_three(yard: Yard) -> int:
    yard.engine.enqueue("six", "six", queue="cpu")
    until(lambda: "3" in yard.did("six"))
    return ran_in(yard, "six", 3)[0]


def test_a_killed_worker_s_job_goes_on_after_its_last_good_step(yard: Made, record_property: Any) -> None:
    here = yard()
    workers = {worker.pid: worker for worker in (here.start(), here.start(), here.start())}
    victim = in_step_three(here)
    workers[victim].kill()
    took = until(lambda: here.did("six").count("3") == 2)
    record_property("taken over after s", took)
    assert took < MINUTE
    here.go()
    here.until("six", "done")
    assert here.did("six") == ["1", "2", "3", "3", "4", "5", "6"]
    one, other = ran_in(here, "six", 3)
    assert one == victim != other in workers
    assert ran_in(here, "six", 6) == [other]


def test_a_worker_whose_machine_died_is_noticed_by_its_silence(yard: Made) -> None:
    """Nobody is left there who could say so."""
    here = yard(lease_s=3.0)
    workers = {worker.pid: worker for worker in (here.start(), here.start())}
    victim = in_step_three(here)
    os.kill(heartbeat_of(workers[victim]), signal.SIGKILL)
    workers[victim].kill()
    took = until(lambda: here.did("six").count("3") == 2)
    assert 1.0 < took < MINUTE
    here.go()
    here.until("six", "done")
    assert here.did("six") == ["1", "2", "3", "3", "4", "5", "6"]


def test_a_frozen_worker_that_comes_back_does_nothing_beside_the_new_owner(yard: Made) -> None:
    here = yard(lease_s=3.0)
    workers = {worker.pid: worker for worker in (here.start(), here.start())}
    here.engine.enqueue("effect", "effect", queue="cpu")
    until(lambda: here.did("effect"))
    frozen = ran_in(here, "effect", "begun")[0]
    freeze(here, frozen)
    until(lambda: here.did("effect").count("begun") == 2)
    os.kill(frozen, signal.SIGCONT)
    here.go()
    here.until("effect", "done")
    until(lambda: len(here.log("effect ")) == 4)
    (owner,) = set(workers) - {frozen}
    assert ran_in(here, "effect", "kept-off") == [frozen]
    assert ran_in(here, "effect", "effect") == [owner]
    workers[owner].terminate()
    workers[owner].wait()
    here.engine.enqueue("plain", "next", queue="cpu")  # and it is a good worker again
    here.until("next", "done")
    assert ran_in(here, "next", 0) == [frozen]


def test_a_busy_worker_is_not_taken_for_a_dead_one(yard: Made) -> None:
    """One call that holds Python's global lock for longer than the lease."""
    here = yard(lease_s=6.0)
    for _ in range(2):
        here.start()
    here.engine.enqueue("hold", "hold", queue="cpu", args={"seconds": 8.0})
    here.until("hold", "done")
    assert here.did("hold") == ["held"]
    assert "is dead" not in here.said()


def test_a_worker_that_is_asked_to_go_gives_its_job_back_at_once(yard: Made) -> None:
    here = yard()
    first = here.start()
    in_step_three(here)
    first.terminate()
    assert first.wait(30) == 0
    assert here.state("six").status == "waiting"
    assert here.state("six").reason.startswith("No machine is there")
    here.start()
    here.go()
    here.until("six", "done")
    assert here.did("six") == ["1", "2", "3", "3", "4", "5", "6"]
    assert "is dead" not in here.said()


def test_a_step_that_does_not_listen_keeps_no_worker_from_going(yard: Made) -> None:
    here = yard(grace_s=0.5)
    first = here.start()
    here.engine.enqueue("deaf", "deaf", queue="cpu")
    until(lambda: here.did("deaf"))
    first.terminate()
    assert first.wait(30) == 0
    here.go()
    second = here.start()
    here.until("deaf", "done")
    assert ran_in(here, "deaf", "deaf") == [first.pid, second.pid]


def test_everything_is_killed_and_started_again(yard: Made) -> None:
    here = yard(lease_s=2.0)
    here.start()
    here.start()
    in_step_three(here)
    here.engine.enqueue("plain", "waits", queue="light")
    for worker in here.workers:
        os.kill(heartbeat_of(worker), signal.SIGKILL)
        worker.kill()
        worker.wait()
    here.go()
    here.start("cpu", "light")
    here.until("six", "done")
    here.until("waits", "done")
    assert here.did("six") == ["1", "2", "3", "3", "4", "5", "6"]


def test_what_a_killed_worker_s_steps_started_dies_too(yard: Made) -> None:
    here = yard()
    worker = here.start()
    here.engine.enqueue("child", "child", queue="cpu")
    until(lambda: here.did("child"))
    child = int(here.log("child")[0].split()[2])
    assert lives(child)
    worker.kill()
    until(lambda: not lives(child))


def test_a_job_that_takes_every_worker_down_is_given_up(yard: Made) -> None:
    here = yard(crashes=2)
    for _ in range(3):
        here.start()
    here.engine.enqueue("crash", "crash", queue="cpu")
    here.until("crash", "failed")
    assert here.did("crash") == ["crash", "crash"]
    error = here.state("crash").error
    assert error is not None and "2 times" in error.message and "memory" in error.advice
