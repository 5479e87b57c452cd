"""Child processes: what they say, how they end, and that none is left behind."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

import oberih
from oberih.errors import Cancelled, StageFailed
from oberih.progress import Progress
from oberih.reconstruct._child import run_child

BEGINNING = """
import os, signal, subprocess, sys, time
from oberih.reconstruct._child import answer
def work(job, tell):
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``child(code)`` runs the code as a child's work; it knows ``job`` and ``tell``."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def run(code: str, progress: Progress | None = None, heard: list[Any] | None = None) -> Any:
        name = f"child_{abs(hash(code))}"
        body = textwrap.indent(textwrap.dedent(code), "    ")
        (tmp_path / f"{name}.py").write_text(f"{BEGINNING}{body}\nanswer(work)\n")
        hear = (heard if heard is not None else []).append
        return run_child(name, {"number": 20}, tmp_path / "job.json", progress or Progress(), hear)

    return run


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def ends(pid: int, within_s: float = 10) -> bool:
    end = time.monotonic() + within_s
    while running(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not running(pid)


def test_messages_and_the_result_come_back(child: Any) -> None:
    heard: list[Any] = []
    code = "tell({'tick': 1}); print('noise'); os.system('echo noise'); return {'n': job['number'] + 1}"
    result = child(code, heard=heard)
    assert result == {"n": 21}
    assert heard == [{"tick": 1}]


def test_an_abort_in_native_code_is_an_error_here(child: Any) -> None:
    with pytest.raises(StageFailed, match="signal 6") as caught:
        child("os.abort()")
    assert "again" in caught.value.advice


def test_a_child_without_memory(child: Any) -> None:
    with pytest.raises(StageFailed, match="memory") as caught:
        child("os.kill(os.getpid(), signal.SIGKILL)")
    assert "draft" in caught.value.advice


def test_the_last_words_are_passed_on(child: Any, tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match="no such lens") as caught:
        child("raise RuntimeError('no such lens')")
    assert "job.log" in caught.value.advice
    assert "RuntimeError" in (tmp_path / "job.log").read_text()


def test_an_end_without_a_result_is_an_error(child: Any) -> None:
    with pytest.raises(StageFailed):
        child("os._exit(0)")


def test_stopping_ends_the_child_and_its_children(child: Any) -> None:
    progress, heard = Progress(), []

    class Hears(list[Any]):
        def append(self, message: Any) -> None:
            heard.append(message["pids"])
            progress.stop.set()

    code = "p = subprocess.Popen(['sleep', '60']); tell({'pids': [os.getpid(), p.pid]}); time.sleep(60)"
    began = time.monotonic()
    with pytest.raises(Cancelled):
        child(code, progress, Hears())
    assert time.monotonic() - began < 30
    assert all(ends(pid) for pid in heard[0])


def test_the_child_ends_with_its_caller(tmp_path: Path) -> None:
    waits = f"{BEGINNING}    tell({{'pid': os.getpid()}}); time.sleep(60)\nanswer(work)"
    (tmp_path / "waits.py").write_text(waits)
    caller = f"""
        from pathlib import Path
        from oberih.progress import Progress
        from oberih.reconstruct._child import run_child
        job = Path({str(tmp_path)!r}) / "job.json"
        run_child("waits", {{}}, job, Progress(), lambda m: print(m["pid"], flush=True))
    """
    path = os.pathsep.join([str(Path(oberih.__file__).parents[1]), str(tmp_path)])
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(caller)],
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert running(pid)
        process.send_signal(signal.SIGKILL)
    assert ends(pid)


def test_the_job_is_a_file_that_can_be_looked_at(child: Any, tmp_path: Path) -> None:
    child("return {}")
    assert json.loads((tmp_path / "job.json").read_text()) == {"number": 20}
