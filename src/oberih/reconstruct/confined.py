"""Reconstruction of strangers' photos, in a process that can see nothing but them.

What decodes photos is large, old and written for speed. A photo that makes a decoder do a stranger's will
gets a process that has no secret in its environment, can open no file but the photos and where the result
goes, connect nowhere by TCP, and run nothing but the interpreter (see `oberih.trust.sandbox`; where the
kernel cannot confine, only the environment is empty). If it crashes, nothing else does.

Two ways were weighed: a process that stays and gets one set of photos after the other would be confined to
all of them, and one stranger's photo could change what becomes of the next one's. So it is a new one each
time, which costs its start. Compiled kernels are given to it as copies, which are thrown away with it.
"""

import json
import logging
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import oberih
from oberih import errors
from oberih.errors import OberihError, StageFailed
from oberih.i18n import from_json, say, to_json
from oberih.progress import Event, Progress
from oberih.reconstruct._child import answer, child_environment, run_child
from oberih.trust.sandbox import can_confine, only_files

if TYPE_CHECKING:
    from oberih.reconstruct.settings import Settings

__all__ = ["reconstruct"]

log = logging.getLogger("oberih.reconstruct")

MODULE = "oberih.reconstruct.confined"
PASSED = (  # of the environment; nothing of it is secret
    "PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OBERIH_WORKER",
)  # fmt: skip
SYSTEM = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system")
OF_CARDS = (  # what CUDA reads
    "/proc/self", "/proc/devices", "/proc/modules", "/proc/driver", "/sys/bus", "/sys/class", "/sys/devices",
    "/sys/module", "/usr/local/nvidia", "/usr/local/cuda",
)  # fmt: skip
EVENTS = ("stage", "tick", "done", "reused", "note")
TOLD_S = 0.2  # between two ticks that are told
BROKEN = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
AGAIN = "Tell those who run this service: they can begin it again."


def reconstruct(
    photos: Sequence[Path], out: Path, settings: "Settings | None" = None, *,
    progress: Progress | None = None, never: Sequence[Path] = (),
) -> None:  # fmt: skip
    """What `oberih.reconstruct.reconstruct` does, elsewhere: the folder ``out`` holds the result then.

    ``never``: files and folders that it must not be able to open. A folder "room" beside ``out`` is its own.
    Raises what `oberih.reconstruct.reconstruct` raises, and `StageFailed` if the process broke off.
    """
    from pydantic import TypeAdapter

    from oberih.reconstruct.settings import Settings

    progress, room = progress or Progress(), out.absolute().with_name("room")
    shutil.rmtree(room, ignore_errors=True)  # whatever an earlier run left there
    for folder in (out, room / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    take_kernels(room)
    job = {
        "photos": [str(path.absolute()) for path in photos], "out": str(out.absolute()), "room": str(room),
        "settings": TypeAdapter(Settings).dump_python(settings or Settings(), mode="json"),
        "never": [str(path.absolute()) for path in never],
    }  # fmt: skip
    result = run_child(
        MODULE, job, room / "job.json", progress, lambda told: hear(progress, told),
        environment=environment(room), broke_off=broke_off,
    )  # fmt: skip
    if "error" in result:
        raise error_of(result)
    shutil.rmtree(room, ignore_errors=True)


def environment(room: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED if name in os.environ}
    own = {"HOME": str(room), "TMPDIR": str(room / "tmp"), "WARP_CACHE_PATH": str(room / "kernels")}
    return {**kept, **own, "PYTHONPATH": child_environment()["PYTHONPATH"]}


def take_kernels(room: Path) -> None:
    """Copies of the compiled kernels. What is not there is compiled again, which takes a minute."""
    found, others = kernels(), shutil.ignore_patterns("wp___main__*", "*_p[0-9]*_t[0-9]*")
    if found is not None:
        with suppress(shutil.Error):  # somebody compiles more of them just now
            shutil.copytree(found, room / "kernels" / found.name, ignore=others)


@cache
def kernels() -> Path | None:
    """Where they lie. They are compiled in another process, so that this one need not load what uses them."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "oberih.reconstruct.compiled"], env=child_environment(),
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    last = done.stdout.decode(errors="replace").strip().rpartition("\n")[2]
    if done.returncode == 0 and Path(last).is_dir():
        return Path(last)
    log.warning("kernels could not be compiled beforehand (exit code %s)", done.returncode)
    return None


def hear(progress: Progress, told: dict[str, Any]) -> None:
    """Pass on what the process tells of its progress. It may be in a stranger's hands."""
    try:
        kind, stage, *numbers, left, words = told["event"]
        done, total, elapsed = (float(number) for number in numbers)
        left = None if left is None else float(left)
        if kind not in EVENTS or not all(map(math.isfinite, (done, total, elapsed, left or 0.0))):
            raise ValueError
        event = Event(kind, str(stage)[:100], done, total, elapsed, left, from_json(words))
    except BROKEN as error:
        raise nonsense() from error
    if event.kind == "done":
        progress.times_s[event.stage] = event.elapsed_s
    progress.tell(event)


def error_of(result: dict[str, Any]) -> OberihError:
    """The error that the process met."""
    try:
        kind, message, advice = result["error"]
        known = getattr(errors, kind) if kind in errors.__all__ else OberihError
        made: OberihError = known(from_json(message), from_json(advice))
    except BROKEN:
        return nonsense()
    return made


def nonsense() -> StageFailed:
    return StageFailed("The process that reconstructs said what cannot be understood.", AGAIN)


def broke_off(code: int, _: Path) -> StageFailed:
    """Why the process ended. What it said last may name files and places: it stays where it is."""
    log.warning("a reconstruction broke off with %s", code)
    if code == -signal.SIGKILL:
        return StageFailed("The reconstruction was ended by the system; most likely memory ran out.", AGAIN)
    why = say("signal {number}", number=-code) if code < 0 else say("exit code {number}", number=code)
    return StageFailed(say("The reconstruction broke off ({why}).", why=why), AGAIN)


# In the child:


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if can_confine():
        cards = list(Path("/dev").glob("nvidia*"))
        system = [Path(path) for path in (*SYSTEM, *(OF_CARDS if cards else ()))]
        source = Path(oberih.__file__).parents[1]
        only_files(
            [source, *map(Path, job["photos"]), *(path for path in system if path.exists())],
            [Path(job["out"]), Path(job["room"])], never=[Path(path) for path in job["never"]], devices=cards,
        )  # fmt: skip
    answer(work)


def work(job: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    from pydantic import TypeAdapter

    from oberih.reconstruct.pipeline import reconstruct as run
    from oberih.reconstruct.settings import Settings

    last = float("-inf")

    def listen(event: Event) -> None:
        nonlocal last
        if event.kind != "tick" or time.monotonic() - last >= TOLD_S:
            last = time.monotonic()
            numbers = event.done, event.total, event.elapsed_s, event.left_s
            tell({"event": [event.kind, event.stage, *numbers, to_json(event.message)]})

    settings = TypeAdapter(Settings).validate_python(job["settings"])
    try:
        run([Path(path) for path in job["photos"]], Path(job["out"]), settings, progress=Progress(listen))
    except OberihError as error:
        return {"error": [type(error).__name__, to_json(error.message), to_json(error.advice)]}
    return {}


if __name__ == "__main__":
    main()
