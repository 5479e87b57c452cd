"""A stage is done once, goes on after a stop, and is redone when something it depends on changed."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from oberih.errors import Cancelled, OutputError, StageFailed
from oberih.progress import Event, Progress
from oberih.reconstruct.stages import Stages, content_hash


@dataclass(frozen=True)
class Settings:
    detail: int = 1


def write(text: str):
    return lambda folder: (folder / "out.txt").write_text(text)


def run(work: Path, text: str = "a", *, version: str = "1", detail: int = 1, inputs: tuple[str, ...] = ()):
    return Stages(work, Progress()).run(
        "draw", write(text), version=version, settings=Settings(detail), inputs=inputs
    )


def test_a_finished_stage_is_reused(tmp_path: Path) -> None:
    events: list[Event] = []
    assert not run(tmp_path, "first").reused
    stages = Stages(tmp_path, Progress(events.append))
    again = stages.run("draw", write("second"), version="1", settings=Settings(), inputs=())
    assert again.reused
    assert (again.folder / "out.txt").read_text() == "first"
    assert [event.kind for event in events] == ["reused"]
    assert stages.finished == [again]


@pytest.mark.parametrize("change", [{"version": "2"}, {"detail": 2}, {"inputs": ("x",)}])
def test_a_change_redoes_it_from_nothing(tmp_path: Path, change: dict) -> None:
    first = run(tmp_path)
    (first.folder / "left-over").touch()
    second = run(tmp_path, "b", **change)
    assert not second.reused
    assert second.key != first.key
    assert not (second.folder / "left-over").exists()


def test_a_missing_part_redoes_it(tmp_path: Path) -> None:
    (run(tmp_path).folder / "out.txt").unlink()
    assert not run(tmp_path).reused


def test_work_cut_short_is_found_again(tmp_path: Path) -> None:
    stages = Stages(tmp_path, Progress())

    def stopped(folder: Path) -> None:
        (folder / "one.txt").write_text("half")
        raise Cancelled("Stopped.")

    def goes_on(folder: Path) -> None:
        assert (folder / "one.txt").read_text() == "half"
        (folder / "two.txt").write_text("half")

    with pytest.raises(Cancelled):
        stages.run("draw", stopped, version="1", settings=Settings(), inputs=())
    assert not (tmp_path / "draw" / "stage.json").exists()
    stage = stages.run("draw", goes_on, version="1", settings=Settings(), inputs=())
    assert not stage.reused
    assert set(json.loads((stage.folder / "stage.json").read_text())["files"]) == {"one.txt", "two.txt"}
    assert stages.run("draw", goes_on, version="1", settings=Settings(), inputs=()).reused


def test_work_cut_short_with_other_settings_is_thrown_away(tmp_path: Path) -> None:
    def stopped(folder: Path) -> None:
        (folder / "one.txt").write_text("half")
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        Stages(tmp_path, Progress()).run("draw", stopped, version="1", settings=Settings(1), inputs=())
    assert not (run(tmp_path, detail=2).folder / "one.txt").exists()


def test_a_killed_process_leaves_work_to_go_on_from(tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        from pathlib import Path
        from oberih.progress import Progress
        from oberih.reconstruct.stages import Stages
        def make(folder):
            (folder / "one.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        stages = Stages(Path(sys.argv[1]), Progress())
        stages.run("first", lambda folder: (folder / "a").touch(), version="1", settings=None, inputs=())
        stages.run("second", make, version="1", settings=None, inputs=())
    """
    child = subprocess.run([sys.executable, "-c", textwrap.dedent(script), tmp_path], env=os.environ | {
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}, check=False)  # fmt: skip
    assert child.returncode == -signal.SIGKILL
    stages = Stages(tmp_path, Progress())
    assert stages.run("first", write(""), version="1", settings=None, inputs=()).reused
    second = stages.run("second", write("whole"), version="1", settings=None, inputs=())
    assert not second.reused
    assert (second.folder / "one.txt").read_text() == "half"


def test_costs_add_up_over_runs(tmp_path: Path) -> None:
    def burn(folder: Path) -> None:
        sum(range(2_000_000))
        if not (folder / "seen").exists():
            (folder / "seen").touch()
            raise Cancelled("Stopped.")

    stages = Stages(tmp_path, Progress())
    with pytest.raises(Cancelled):
        stages.run("burn", burn, version="1", settings=None, inputs=())
    first = json.loads((tmp_path / "burn" / "begun.json").read_text())["cost"]["cpu_s"]
    stage = stages.run("burn", burn, version="1", settings=None, inputs=())
    assert stage.cost.cpu_s > first > 0
    assert stage.cost.peak_bytes > 1 << 20


@pytest.mark.parametrize(
    ("raised", "expected", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OutputError, "full"),
        (OSError(errno.EROFS, "Read-only file system"), OutputError, "Cannot write"),
        (MemoryError(), StageFailed, "memory"),
    ],
)
def test_no_room_is_told_with_advice(tmp_path: Path, raised: Exception, expected: type, words: str) -> None:
    def make(folder: Path) -> None:
        raise raised

    with pytest.raises(expected, match=words) as caught:
        Stages(tmp_path, Progress()).run("draw", make, version="1", settings=None, inputs=())
    assert caught.value.advice
    assert not (tmp_path / "draw" / "stage.json").exists()


def test_a_stop_asked_for_is_honoured_before_a_stage(tmp_path: Path) -> None:
    progress = Progress()
    progress.stop.set()
    with pytest.raises(Cancelled):
        Stages(tmp_path, progress).run("draw", write(""), version="1", settings=None, inputs=())
    assert not (tmp_path / "draw").exists()


def test_content_hash_tells_values_and_types_apart() -> None:
    @dataclass(frozen=True)
    class Other:
        detail: int = 1

    values = [Settings(), Settings(2), Other(), "a", ["a"], None, 1, {"a": 1}]
    assert len({content_hash(value) for value in values}) == len(values)
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    with pytest.raises(TypeError):
        content_hash(object())
