"""What all benchmarks share: run the command as anybody would and count everything that it costs."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oberih.reconstruct import paradata

HOME = Path(__file__).parents[1]
SHARED = HOME.parent / "shared"  # photo sets and the scorer, beside the checkout; not part of the project
BUILD = HOME / "build" / "benchmarks"
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Run:
    """A finished command with what it and all its child processes used."""

    code: int
    wall_s: float
    cpu_s: float
    peak_bytes: int  # resident memory of the largest process
    said: str  # the end of what it printed

    @property
    def peak_gib(self) -> float:
        return self.peak_bytes / 2**30


def measured(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end, with its words kept in a log."""
    BUILD.mkdir(parents=True, exist_ok=True)
    log = BUILD / f"log-{os.getpid()}.txt"
    began = time.monotonic()
    with log.open("wb") as out:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
        )
        try:
            _, status, used = os.wait4(child.pid, 0)  # what it used, its own children included
        except BaseException:
            child.terminate()
            child.wait()
            raise
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    said = log.read_text(errors="replace")[-4000:]
    log.unlink()
    return Run(child.returncode, wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, said)


def oberih(photos: Path, out: Path, *options: str, env: Mapping[str, str] | None = None) -> Run:
    """``oberih reconstruct`` on a folder of photos."""
    command = Path(sys.executable).with_name("oberih")
    return measured([command, "reconstruct", photos, "-o", out, "--progress", "plain", *options], env)


def report(out: Path) -> dict[str, Any]:
    return json.loads((out / "report.json").read_bytes())


def stage_costs(out: Path) -> dict[str, float]:
    """CPU-seconds of each stage, in the order of the work."""
    return {stage["name"]: stage["cpu_s"] for stage in report(out)["stages"]}


def machine() -> str:
    """The machine in words, without its name, and how fast it is just now."""
    found = paradata.machine()
    about = f"{found.cores} cores of {found.processor}, Python {platform.python_version()}"
    return f"{about}; the yardstick took {yardstick():.2f} s"


def yardstick() -> float:
    """Seconds by the clock for work that never changes, median of five.

    The same machine is twice as slow when others use it: figures of two runs compare by this.
    """

    def once() -> float:
        began = time.perf_counter()
        told = json.dumps([{"number": n, "words": [f"{n:x}", "stone"] * 4} for n in range(40_000)])
        sorted(json.loads(told), key=lambda one: one["words"][0])
        sum(n * n for n in range(1_000_000))
        return time.perf_counter() - began

    return statistics.median(once() for _ in range(5))


def photos_of(name: str) -> Path:
    """The folder with the photos of a shared set."""
    folder = SHARED / "data" / name
    return folder / "images" if (folder / "images").is_dir() else folder


def need(path: Path) -> Path:
    """The path, or an end with advice."""
    if not path.exists():
        raise SystemExit(
            f"{path} is not there. The photo sets and the scorer are not part of the project (they are not\n"
            "ours to hand on); put them beside the checkout as benchmarks/README.md says."
        )
    return path


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def keep(name: str, record: object, text: str) -> None:
    """Write a result as JSON and Markdown, and print the latter."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / f"{name}.md").write_text(text + "\n")
    print(text)
