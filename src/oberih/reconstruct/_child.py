"""Runs native code in a process of its own, so that an abort in it cannot take the caller down.

The child reads its job from a JSON file and answers with JSON lines on standard output; what it says on
standard error goes into a log. Its standard input stays open for as long as the caller lives: when it
ends, the child ends itself. Each child leads a process group, which is killed as a whole.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import oberih
from oberih.errors import StageFailed
from oberih.i18n import say
from oberih.progress import Progress

POLL_S = 0.2
WAITING = 1000  # messages that nobody has heard yet
LONGEST = 64 << 20  # bytes of one

Message = dict[str, Any]


def run_child(
    module: str, job: Message, job_path: Path, progress: Progress, hear: Callable[[Message], None], *,
    environment: Mapping[str, str] | None = None, broke_off: Callable[[int, Path], StageFailed] | None = None,
) -> Message:  # fmt: skip
    """Run ``python -m module`` on ``job``; ``hear`` gets its messages, the last one ("result") is returned.

    ``environment``: all of the child's. ``broke_off``: what an exit code and a log mean. Raises `Cancelled`
    when ``progress`` asks to stop (the child is killed), `StageFailed` when it dies, or says what is no
    message.
    """
    broke_off = broke_off or died
    job_path.write_text(json.dumps(job))
    log_path = job_path.with_suffix(".log")
    with log_path.open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(job_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            env=child_environment() if environment is None else dict(environment), start_new_session=True,
        )  # fmt: skip
    lines: queue.Queue[bytes | None] = queue.Queue(WAITING)
    reader = threading.Thread(target=read_lines, args=(child, lines), daemon=True)
    reader.start()
    result: Message | None = None
    try:
        while True:
            progress.check()
            try:
                line = lines.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if line is None:
                break
            message = message_of(line)
            if message is None:
                raise broke_off(0, log_path)
            if "result" in message:
                result = message["result"]
            else:
                hear(message)
        code = child.wait()
    finally:
        end(child)
        while reader.is_alive():  # it may wait for room
            with contextlib.suppress(queue.Empty):
                lines.get(timeout=POLL_S)
        close(child)
    if code != 0 or not isinstance(result, dict):
        raise broke_off(code, log_path)
    return result


def message_of(line: bytes) -> Message | None:
    """What a line says; None if that is nothing."""
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(line)
        return told if isinstance(told, dict) else None
    return None


def child_environment() -> dict[str, str]:
    """The environment of a child that imports the same Oberih."""
    source = str(Path(oberih.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([source, *path_of_environment()])}


def path_of_environment() -> list[str]:
    path = os.environ.get("PYTHONPATH", "")
    return path.split(os.pathsep) if path else []


def read_lines(child: "subprocess.Popen[bytes]", lines: "queue.Queue[bytes | None]") -> None:
    assert child.stdout is not None
    while line := child.stdout.readline(LONGEST):
        lines.put(line)
    lines.put(None)


def end(child: "subprocess.Popen[bytes]") -> None:
    """Kill the child with all its processes, if it still runs."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself just now
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def close(child: "subprocess.Popen[bytes]") -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


def died(code: int, log: Path) -> StageFailed:
    last = last_words(log)
    if code == -signal.SIGKILL:
        return StageFailed(
            "The search for camera positions was ended by the system; most likely memory ran out.",
            "Close other programs, use fewer photos or the draft preset, and run the same command again.",
        )
    why = say("signal {number}", number=-code) if code < 0 else say("exit code {number}", number=code)
    return StageFailed(
        say("The search for camera positions broke off ({why}). {last}", why=why, last=last),
        say("Run the same command again; if it stays so, report it with the file {log}.", log=log),
    )


def last_words(log: Path) -> str:
    """The last line of a log, cut to a readable length."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][:300] if lines else ""


# In the child:


def answer(work: Callable[[Message, Callable[[Message], None]], Message]) -> None:
    """Do ``work(job, tell)`` on the job named on the command line, and tell its result.

    Whatever native code prints goes to standard error: standard output belongs to the messages.
    """
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    threading.Thread(target=end_with_caller, daemon=True).start()

    def tell(message: Message) -> None:
        channel.write(json.dumps(message) + "\n")

    tell({"result": work(json.loads(Path(sys.argv[1]).read_text()), tell)})
    channel.flush()


def end_with_caller() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)
