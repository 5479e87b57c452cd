"""What a web process sees of jobs, and may do to them. One worker for most of it, in a process of its own."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from oberih.errors import InputError, NoOverlap
from oberih.i18n import language, say, to_json
from oberih.work.engine import Job
from oberih.work.engine._others import Others
from postgres import fresh_database
from work.yard import Yard, lives, six, until


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def busy(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """A yard with a worker that all tests share: each has keys of its own."""
    yield from made(kind, tmp_path_factory.mktemp("busy"), "cpu", "light")


@pytest.fixture
def still(kind: str, tmp_path: Path) -> Iterator[Yard]:
    """A yard without any worker yet."""
    yield from made(kind, tmp_path)


def made(kind: str, folder: Path, *queues: str) -> Iterator[Yard]:
    url = f"sqlite:///{folder}/work.sqlite" if kind == "sqlite" else fresh_database()
    yard = Yard(folder, url, running_per_person=2, waiting_per_person=3)
    try:
        if queues:
            yard.start(*queues)
        yield yard
    finally:
        yard.end()


def test_a_key_is_enqueued_once(busy: Yard) -> None:
    assert busy.engine.enqueue("plain", "once", queue="light", priority=3)
    assert not busy.engine.enqueue("plain", "once", queue="cpu", person="ann")
    busy.until("once", "done")
    assert not busy.engine.enqueue("plain", "once", queue="light")
    state = busy.state("once")
    assert (state.name, state.queue, state.priority, state.person) == ("plain", "light", 3, "")
    assert state.started_at is not None and state.ended_at is not None
    assert state.started_at <= state.ended_at
    assert busy.did("once") == ["0"]
    assert busy.engine.state("never") is None


def test_progress_is_seen_and_cancelling_reaches_a_running_step(busy: Yard) -> None:
    busy.engine.enqueue("child", "cancelled", queue="cpu")
    until(lambda: busy.state("cancelled").done > 1)
    state = busy.state("cancelled")
    assert (state.status, state.stage, state.total) == ("running", "depth", 400)
    assert state.left_s is not None and 5 < state.left_s < 400
    assert language("uk")(state.note) == "Використано ще 5 світлин."
    child = int(busy.log("cancelled")[0].split()[2])
    assert busy.engine.cancel("cancelled")
    assert until(lambda: not lives(child)) < 10
    assert busy.state("cancelled").status == "cancelled"
    assert not busy.engine.cancel("cancelled") and not busy.engine.cancel("never")
    busy.engine.enqueue("plain", "after the cancelled", queue="cpu")
    busy.until("after the cancelled", "done")


def test_a_waiting_job_is_cancelled_at_once(still: Yard) -> None:
    still.engine.enqueue("plain", "waits", queue="light")
    assert still.engine.cancel("waits")
    assert still.state("waits").status == "cancelled"
    still.start("light")
    still.engine.enqueue("plain", "marker", queue="light")
    still.until("marker", "done")
    assert still.did("waits") == []


def test_urgent_jobs_come_first_and_equal_ones_in_their_order(still: Yard) -> None:
    for number, priority in enumerate((5, 9, 0, 5, 1)):
        still.engine.enqueue("plain", f"job-{number}", queue="cpu", priority=priority)
    still.start("cpu")
    for number in range(5):
        still.until(f"job-{number}", "done")
    assert [line.split()[0] for line in still.log()] == ["job-2", "job-4", "job-0", "job-3", "job-1"]


def test_a_person_s_jobs_beyond_the_quota_wait_with_a_reason(still: Yard) -> None:
    """Two at work, three at the door, and the others behind those; nobody else waits for them."""
    engine = still.engine
    for number in range(7):
        assert engine.enqueue("six", f"ann-{number}", queue="cpu", person="ann")
    engine.enqueue("plain", "bob", queue="cpu", person="bob")
    assert [engine.state(f"ann-{n}").reason.partition(" for it")[0] for n in (0, 1)] == [
        "No machine is there"
    ] * 2
    behind = [still.state(f"ann-{number}").reason for number in range(2, 7)]
    assert behind[:3] == ["It waits its turn: 2 jobs of one person are worked on at a time."] * 3
    assert behind[3:] == ["It waits behind 3 other jobs of the same person."] * 2

    still.start("cpu", at_once={"cpu": 4})
    still.until("bob", "done")
    assert still.log("ann-") and {line.split()[0] for line in still.log("ann-")} == {"ann-0", "ann-1"}
    engine.cancel("ann-0")
    until(lambda: still.state("ann-2").status == "running")
    assert still.state("ann-5").reason == behind[0] and still.state("ann-6").reason == behind[3]
    still.go()
    for number in range(1, 7):
        still.until(f"ann-{number}", "done")


@pytest.mark.parametrize("kind_of", ["store", "full", "network"])
def test_what_passes_is_tried_again_with_its_reason(busy: Yard, kind_of: str) -> None:
    key = f"passing-{kind_of}"
    busy.engine.enqueue("moody", key, queue="light", args={"kind": kind_of, "times": 2})
    until(lambda: busy.state(key).reason)
    state = busy.state(key)
    assert state.again_at is not None and state.status == "waiting" and state.error is None
    said = {
        "store": "The store Lviv cannot be reached.", "full": "There is no room left on the disk.",
        "network": "The network, or what it leads to, cannot be reached.",
    }  # fmt: skip
    assert state.reason == said[kind_of]
    busy.until(key, "done")
    assert busy.did(key) == [kind_of] * 3


def test_what_is_wrong_with_the_material_ends_the_job_with_advice(busy: Yard) -> None:
    busy.engine.enqueue("moody", "overlap", queue="light", args={"kind": "overlap", "times": 1})
    busy.until("overlap", "failed")
    error = busy.state("overlap").error
    assert isinstance(error, NoOverlap) and error.advice == "Take more."
    assert to_json(error.message) == to_json(say("Only {count} photo", "Only {count} photos", count=2))
    assert busy.did("overlap") == ["overlap"]
    assert busy.engine.again("overlap")  # and a custodian may try once more
    busy.until("overlap", "done")
    assert busy.did("overlap") == ["overlap", "overlap"] and busy.state("overlap").queue == "light"
    assert not busy.engine.again("overlap") and not busy.engine.again("never")


def test_what_nobody_foresaw_ends_the_job_with_a_reference_to_the_log(busy: Yard) -> None:
    busy.engine.enqueue("moody", "unknown", queue="light", args={"kind": "unknown"})
    busy.until("unknown", "failed")
    error = busy.state("unknown").error
    assert error is not None
    reference = error.message.split("reference ")[1][:8]
    (line,) = [line for line in busy.said().splitlines() if reference in line]
    assert "KeyError" in line and "step moody" in line and "yard.py" in line
    assert "Olha" not in busy.said() and "Olha" not in error.message


def test_a_node_s_jobs_run_on_that_node_only(still: Yard) -> None:
    still.start("ingest", node="kyiv")
    for node in ("lviv", "kyiv"):
        still.engine.enqueue("plain", node, queue="ingest", node=node)
    still.until("kyiv", "done")
    state = still.state("lviv")
    assert (state.status, state.queue) == ("waiting", "ingest@lviv")
    assert state.reason.startswith("Its files lie on a machine that is away")
    lviv = still.start("ingest", node="lviv")
    still.until("lviv", "done")
    assert still.log("lviv")[0].endswith(f" {lviv.pid}")


def test_a_job_goes_on_in_the_next_release(still: Yard) -> None:
    """A changed body, a step put in where it was already, and one appended."""
    old = still.start("cpu")
    still.engine.enqueue("released", "old", queue="cpu")
    until(lambda: "third-1" in still.did("old"))
    old.send_signal(signal.SIGKILL)
    still.go("go-2")
    still.start("cpu", release="2")
    still.engine.enqueue("released", "new", queue="cpu")
    still.until("old", "done")
    still.until("new", "done")
    assert still.did("old") == ["first-1", "second-1", "third-1", "third-2", "appended-2"]
    assert still.did("new") == ["first-2", "put-in-2", "second-2", "third-2", "appended-2"]


def test_an_older_release_leaves_jobs_that_it_does_not_know(still: Yard) -> None:
    settings = {"lease_s": 1.0}
    still.start("cpu", **settings)
    still.engine.enqueue("new", "new", queue="cpu")
    until(lambda: still.state("new").status == "running")
    until(lambda: still.state("new").status == "waiting")
    still.workers[0].terminate()
    still.workers[0].wait()
    still.start("cpu", new_jobs=True)
    still.until("new", "done")


def test_jobs_are_listed_page_by_page(still: Yard) -> None:
    for number in range(25):
        person = "ann" if number % 5 == 0 else ""
        still.engine.enqueue("plain", f"job-{number:02}", queue="cpu", person=person)
    still.engine.cancel("job-07")
    seen, after = [], ""
    while True:
        page = still.engine.jobs(after=after, limit=10)
        seen += [job.key for job in page.jobs]
        still.engine.enqueue("plain", f"late-{len(seen)}", queue="cpu")  # newer: on a page before this one
        after = page.after
        if not after:
            break
    keys = [f"job-{number:02}" for number in range(25)]
    assert sorted(key for key in seen if key.startswith("job")) == keys and len(set(seen)) == len(seen)
    assert {job.key for job in still.engine.jobs(person="ann").jobs} == set(keys[::5])
    assert [job.key for job in still.engine.jobs(status="cancelled").jobs] == ["job-07"]
    assert still.engine.jobs(name="six").jobs == ()
    assert still.engine.counts() == {("plain", "waiting"): 27}
    with pytest.raises(InputError):
        still.engine.jobs(after="<script>")


def test_wrong_questions_are_refused(still: Yard) -> None:
    with pytest.raises(ValueError, match="no queue"):
        still.engine.enqueue("plain", "a", queue="fast")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="node"):
        still.engine.enqueue("plain", "a", queue="ingest")
    with pytest.raises(ValueError, match="priority"):
        still.engine.enqueue("plain", "a", queue="cpu", priority=10)


def test_steps_are_plain_functions_without_a_worker(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    assert six(Job("any", context=tmp_path)) == 21


def test_who_was_away_itself_buries_nobody() -> None:
    """Death is what an observer has seen not to change for a lease of its own time."""
    now = [0.0]
    others = Others(10.0, lambda: now[0])

    def dead_at(moment: float, beat: int | None, *gone: str) -> list[str]:
        now[0] = moment
        return others.dead({"w": beat}, set(gone))

    assert [dead_at(t, 7) for t in (1, 4, 7, 10)] == [[]] * 4
    assert dead_at(11, 7) == ["w"]
    assert dead_at(12, 8) == []  # it lives after all
    assert dead_at(15, 8) == []
    assert dead_at(40, 8) == []  # we were away, perhaps it was too
    assert [dead_at(t, 8) for t in (44, 48)] == [[], []]
    assert dead_at(52, 8) == ["w"]
    assert dead_at(53, 9, "w") == ["w"]  # it said so
    assert [dead_at(t, None) for t in (54, 58, 62)] == [[]] * 3  # never any beat, but a job
    assert dead_at(64, None) == ["w"]


def test_jobs_are_found_by_what_they_are_about(still: Yard) -> None:
    still.engine.enqueue("plain", "both", queue="cpu", about=["a church", "a mill", "a mill"])
    still.engine.enqueue("plain", "one", queue="cpu", about=["a mill"])
    assert still.state("both").about == ("a church", "a mill")
    assert [job.key for job in still.engine.jobs(about="a church").jobs] == ["both"]
    assert {job.key for job in still.engine.jobs(about="a mill").jobs} == {"both", "one"}
    assert not still.engine.enqueue("plain", "one", queue="cpu", about=["a church"])
    assert still.state("one").about == ("a mill",)


def test_the_job_on_something_is_the_one_that_goes_on_or_else_the_last(still: Yard) -> None:
    assert still.engine.job_on("a church") is None
    still.engine.enqueue("plain", "first", queue="cpu", about=["a church"])
    still.engine.enqueue("plain", "second", queue="cpu", about=["a church", "a mill"])
    still.engine.cancel("second")
    assert still.engine.job_on("a church").key == "first"
    assert still.engine.job_on("a mill").key == "second"
    assert still.engine.job_on("a mill", "a church").key == "first"
    still.engine.cancel("first")
    assert still.engine.job_on("a church").key == "second"


def test_a_waiting_job_can_be_given_another_priority(still: Yard) -> None:
    for number in range(3):
        still.engine.enqueue("plain", f"job-{number}", queue="cpu")
    assert still.engine.prioritise("job-2", 0)
    assert still.engine.prioritise("job-0", 9)
    assert still.state("job-2").priority == 0
    still.start()
    for number in range(3):
        still.until(f"job-{number}", "done")
    assert [line.split()[0] for line in still.log()] == ["job-2", "job-1", "job-0"]
    assert not still.engine.prioritise("job-2", 5)
    assert still.state("job-2").priority == 0


def test_jobs_for_a_graphics_card_are_done_without_one_if_the_last_is_gone(still: Yard) -> None:
    still.settings |= {"lease_s": 1.0}
    card = still.start("gpu", "cpu")
    assert still.engine.workers()["gpu"] == 1
    still.engine.enqueue("six", "six", queue="gpu")
    until(lambda: "3" in still.did("six"))
    still.engine.enqueue("plain", "waits", queue="gpu")
    card.kill()
    card.wait()
    still.start("cpu")
    still.go()
    still.until("waits", "done")
    still.until("six", "done")
    assert (still.state("six").queue, still.state("waits").queue) == ("cpu", "cpu")
    assert still.did("six") == ["1", "2", "3", "3", "4", "5", "6"]


def test_what_is_noted_is_known_everywhere(still: Yard) -> None:
    assert still.engine.noted("where") == ""
    still.engine.note("where", "here")
    assert still.engine.noted("where") == "here"
