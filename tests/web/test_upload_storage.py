"""The folder of what is arriving, under kills, full disks and many hands at once."""

import errno
import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from oberih.work import arrivals as room
from oberih.work.arrivals import Arrivals, ArrivingFile, Contribution, Offered, Refused, Uploader, Why

OLENA = Uploader("olena")
DATA = random.Random(5).randbytes(200_000)


@pytest.fixture
def arrivals(tmp_path: Path) -> Arrivals:
    return Arrivals(tmp_path / "uploads", keep_free=0)


def one_file(arrivals: Arrivals, size: int = len(DATA)) -> tuple[Contribution, ArrivingFile]:
    made, (file,) = arrivals.begin(OLENA, [Offered("a.jpg", size)])
    return made, file


def put(arrivals: Arrivals, made: Contribution, file: ArrivingFile, data: bytes, offset: int = 0) -> int:
    with arrivals.taking("olena", made.id, file.id, offset) as taking:
        taking.append([data])
        return taking.sync()


def why(work: Callable[[], object]) -> Why:
    with pytest.raises(Refused) as refused:
        work()
    return refused.value.why


def test_many_hands_put_every_byte_in_its_place_once(arrivals: Arrivals) -> None:
    made, file = one_file(arrivals)

    def sender(seed: int) -> int:
        """Sends pieces from wherever the file ends, as one who came back over a new line."""
        sizes, conflicts = random.Random(seed), 0
        while (offset := arrivals.offset("olena", made.id, file.id)) < len(DATA):
            try:
                put(arrivals, made, file, DATA[offset : offset + sizes.randint(1, 3000)], offset)
            except Refused as refused:
                if refused.why is not Why.CONFLICT:
                    raise
                conflicts += 1
        return conflicts

    with ThreadPoolExecutor(8) as pool:
        conflicts = sum(pool.map(sender, range(8)))
    assert conflicts > 0  # else nothing was tried
    assert made.path(file).read_bytes() == DATA


def test_processes_share_one_folder(arrivals: Arrivals) -> None:
    made, file = one_file(arrivals)
    source = made.folder.parent / "source"
    source.write_bytes(DATA)
    code = (
        "import sys; from pathlib import Path; from oberih.work.arrivals import *\n"
        "arrivals, data = Arrivals(Path(sys.argv[1]), keep_free=0), Path(sys.argv[2]).read_bytes()\n"
        "while (n := arrivals.offset('olena', *sys.argv[3:])) < len(data):\n"
        "    try:\n"
        "        with arrivals.taking('olena', *sys.argv[3:], n) as taking:\n"
        "            taking.append([data[n:n + 777]]); taking.sync()\n"
        "    except Refused: pass\n"
    )
    command = [sys.executable, "-c", code, arrivals.folder, source, made.id, file.id]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert made.path(file).read_bytes() == DATA


def test_what_an_old_line_still_brings_is_refused(arrivals: Arrivals) -> None:
    made, file = one_file(arrivals)
    with arrivals.taking("olena", made.id, file.id, 0) as old:
        old.append([DATA[:1000]])
        put(arrivals, made, file, DATA[1000:5000], 1000)
        assert why(lambda: old.append([DATA[1000:2000]])) is Why.CONFLICT
    assert made.path(file).read_bytes() == DATA[:5000]


def test_a_file_that_is_ended_while_it_arrives_takes_nothing_more(arrivals: Arrivals) -> None:
    for end in (arrivals.drop_file, lambda account, made, _: arrivals.drop(account, made)):
        made, file = one_file(arrivals)
        with arrivals.taking("olena", made.id, file.id, 0) as taking:
            taking.append([DATA[:1000]])
            end("olena", made.id, file.id)
            assert why(lambda: taking.append([DATA[1000:]])) is Why.GONE
            assert why(taking.sync) is Why.GONE  # nor is anything acknowledged


def test_what_is_acknowledged_is_on_the_disk(arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch) -> None:
    made, file = one_file(arrivals)
    synced: list[tuple[int, int]] = []
    real = os.fdatasync

    def noted(opened: int) -> None:
        real(opened)
        synced.append((os.fstat(opened).st_ino, os.fstat(opened).st_size))

    monkeypatch.setattr(os, "fdatasync", noted)
    here = made.path(file).stat().st_ino
    with arrivals.taking("olena", made.id, file.id, 0) as taking:
        taking.append([DATA[:1000], DATA[1000:3000]])
        assert synced == []
        assert taking.sync() == 3000
    assert synced == [(here, 3000)]
    with arrivals.taking("olena", made.id, file.id, 3000) as taking:
        taking.append([DATA[3000:4000]])  # and then a kill
    assert arrivals.offset("olena", made.id, file.id) == 4000
    assert synced[-1] == (here, 4000)


def test_what_cannot_be_brought_to_the_disk_is_taken_back(
    arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, file = one_file(arrivals)
    put(arrivals, made, file, DATA[:1000])

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        with arrivals.taking("olena", made.id, file.id, 1000) as taking:
            taking.append([DATA[1000:2000]])
            with pytest.raises(OSError, match="Input/output"):
                taking.sync()
    assert arrivals.offset("olena", made.id, file.id) == 1000


def test_a_full_disk(arrivals: Arrivals) -> None:
    """A real one would be full for others too: here the system lets this process write files of 50 kB."""
    made, file = one_file(arrivals)
    code = (
        "import sys, resource; from pathlib import Path; from oberih.work.arrivals import *\n"
        "arrivals = Arrivals(Path(sys.argv[1]), keep_free=0)\n"
        "with arrivals.taking('olena', *sys.argv[2:], 0) as taking:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "    try: taking.append([bytes(40_000), bytes(40_000)])\n"
        "    except Refused as refused: print(refused.why.name, taking.offset, taking.sync())\n"
    )
    command = [sys.executable, "-c", code, str(arrivals.folder), made.id, file.id]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["NO_ROOM", "50000", "50000"]
    assert arrivals.offset("olena", made.id, file.id) == 50_000


def test_the_room_that_stays_free_is_kept_while_files_arrive(
    arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, file = one_file(arrivals)
    free = iter([10_000, 100])
    monkeypatch.setattr(room.taking, "free_bytes", lambda _: next(free))
    with arrivals.taking("olena", made.id, file.id, 0) as taking:
        taking.append([DATA[:1000]])
        assert why(lambda: taking.append([DATA[1000:2000]])) is Why.NO_ROOM
    assert arrivals.offset("olena", made.id, file.id) == 1000


def test_a_digest_that_was_torn_is_made_again(arrivals: Arrivals) -> None:
    made, file = one_file(arrivals)
    put(arrivals, made, file, DATA)
    true = hashlib.sha256(DATA).hexdigest()
    assert arrivals.seal("olena", made.id, file.id) == true
    for torn in (b"", bytes(64), true[:40].encode()):
        made.path(file).with_suffix(".sha256").write_bytes(torn)
        assert arrivals.seal("olena", made.id, file.id) == true


def test_a_contribution_that_changes_while_it_is_finished(
    arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is added, and sent, while the others are hashed: the receipt has it, or it is not taken."""
    made, file = one_file(arrivals)
    put(arrivals, made, file, DATA)
    real, done = room.store.digest_of, []

    def meanwhile(path: Path) -> str:
        if not done:
            _, (late,) = arrivals.add(OLENA, made.id, [Offered("late.jpg", 3)])
            put(arrivals, made, late, b"abc")
            done.append(late)
        return real(path)

    monkeypatch.setattr(room.store, "digest_of", meanwhile)
    receipt = arrivals.finish("olena", made.id)
    assert [told["name"] for told in receipt.files] == ["a.jpg", "late.jpg"]


class Killed(BaseException):
    """The process is dead: none of its cleaning up happens either."""


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """From the ``step``-th change of the file system on, nothing of this process reaches it."""
    done: list[str] = []

    def deadly(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step_or_die(*args: Any, **more: Any) -> Any:
            if len(done) >= step:
                raise Killed
            done.append(name)
            return real(*args, **more)

        return step_or_die

    with monkeypatch.context() as patch:
        for name in ("open", "mkdir", "fsync", "fdatasync", "replace", "unlink", "rmdir", "utime", "write"):
            patch.setattr(os, name, deadly(name, getattr(os, name)))
        yield done


@pytest.mark.parametrize("act", ["begin", "add", "finish", "release", "drop_file", "drop"])
def test_killed_at_every_step(arrivals: Arrivals, act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is being done when it dies: all is as before or as after, and can be done again."""
    offered = [Offered("a.jpg", 1000, last_modified=1), Offered("b.jpg", 1000, last_modified=2)]
    for step in range(200):
        made, files = arrivals.begin(OLENA, offered, key=f"key-{step}")
        for file in files:
            put(arrivals, made, file, DATA[:1000])
        if act == "release":
            arrivals.finish("olena", made.id)
        acts: dict[str, Callable[[], object]] = {
            "begin": lambda: arrivals.begin(OLENA, offered, key=f"new-{step}"),  # noqa: B023
            "add": lambda: arrivals.add(OLENA, made.id, [Offered("c.jpg", 5, last_modified=3)]),  # noqa: B023
            "finish": lambda: arrivals.finish("olena", made.id),  # noqa: B023
            "release": lambda: arrivals.release("olena", made.id),  # noqa: B023
            "drop_file": lambda: arrivals.drop_file("olena", made.id, files[0].id),  # noqa: B023
            "drop": lambda: arrivals.drop("olena", made.id),  # noqa: B023
        }
        finished = False
        with killed_at(step, monkeypatch):
            try:
                acts[act]()
                finished = True
            except Killed:
                pass
        if finished:
            assert step > 3  # it did die in the cases before
            break
        try:
            acts[act]()
        except Refused as refused:  # it was dead only after the deed
            if act not in ("drop", "drop_file") or refused.why not in (Why.UNKNOWN, Why.GONE):
                raise
        if act in ("begin", "add", "finish"):
            for file in files:
                assert made.path(file).read_bytes() == DATA[:1000]
            receipt = arrivals.finish("olena", made.id, without_missing=True)
            assert receipt.files[0]["sha256"] == hashlib.sha256(DATA[:1000]).hexdigest()
        arrivals.sweep(2e10)
        for left in arrivals.all_received():
            arrivals.release("olena", left.contribution.id)
    else:
        raise AssertionError("it never came to an end")
    arrivals.sweep(2e10)
    for left in arrivals.all_received():
        arrivals.release("olena", left.contribution.id)
    arrivals.sweep(4e10)
    assert [path.name for path in (arrivals.folder / "olena").iterdir()] == ["lock"]
