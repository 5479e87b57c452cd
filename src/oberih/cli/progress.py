"""Faces of progress: a live display on a terminal, plain lines in a log, JSON lines for programs."""

import json
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
)
from rich.text import Text

from oberih.cli.streams import heard
from oberih.i18n import Language
from oberih.progress import Event

__all__ = ["JsonLines", "PlainLines", "Terminal", "face", "json_line"]

PLAIN_EVERY_S = 10.0


def face(kind: str, tongue: Language) -> "Terminal | PlainLines | JsonLines":
    """The face for ``--progress`` ``kind`` (auto, plain, json)."""
    if kind == "json":
        return JsonLines(sys.stdout)
    console = Console(stderr=True, highlight=False)
    if kind == "auto" and console.is_terminal and not console.is_dumb_terminal:
        return Terminal(console, tongue)
    return PlainLines(sys.stderr, tongue)


def duration(seconds: float, tongue: Language) -> str:
    """``seconds`` as a person says it."""
    if seconds < 90:
        return tongue.say("{seconds} s", seconds=max(1, round(seconds)))
    if seconds < 5400:
        return tongue.say("{minutes} min", minutes=round(seconds / 60))
    return tongue.say(
        "{hours} h {minutes} min", hours=int(seconds // 3600), minutes=int(seconds % 3600 // 60)
    )


def json_line(record: dict[str, object]) -> str:
    """``record`` as JSON in one line; what is not UTF-8 in a path stays an escape (``\\udcff``)."""
    return json.dumps(record, ensure_ascii=False).encode(errors="backslashreplace").decode()


class JsonLines:
    """One JSON object per event on standard output."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def __call__(self, event: Event) -> None:
        self.write(asdict(event))

    def write(self, record: dict[str, object]) -> None:
        with heard():
            self.out.write(json_line(record) + "\n")
            self.out.flush()

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()


class PlainLines:
    """A line when a stage begins and ends, and now and then in between."""

    def __init__(self, out: TextIO, tongue: Language) -> None:
        self.out, self.tongue = out, tongue
        self.told = 0.0

    def __call__(self, event: Event) -> None:
        t = self.tongue
        name = t(event.stage)
        if event.kind == "stage":
            self.told = time.monotonic()
            self.line(f"{name} …")
        elif event.kind == "tick" and time.monotonic() - self.told >= PLAIN_EVERY_S and event.total:
            self.told = time.monotonic()
            left = "" if event.left_s is None else ", " + t.say("{time} left", time=duration(event.left_s, t))
            self.line(f"{name}: {event.done / event.total:.0%}{left}")
        elif event.kind == "done":
            self.line(t.say("{stage}: done in {time}", stage=name, time=duration(event.elapsed_s, t)))
        elif event.kind == "reused":
            self.line(t.say("{stage}: already there", stage=name))
        elif event.kind == "note":
            self.line(f"{name}: {t(event.message)}")

    def line(self, text: str) -> None:
        with heard():
            self.out.write(text + "\n")
            self.out.flush()

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()


class TimeLeft(ProgressColumn):
    """The stage's own estimate of the time left; the time it took once it is done."""

    def __init__(self, tongue: Language) -> None:
        super().__init__()
        self.tongue = tongue

    def render(self, task: Task) -> Text:
        t, left = self.tongue, task.fields.get("left_s")
        if task.finished:
            return Text(duration(task.fields.get("elapsed_s", 0.0), t), style="dim")
        return Text("" if left is None else t.say("{time} left", time=duration(left, t)))


class Terminal:
    """A bar per stage, with the time left."""

    def __init__(self, console: Console, tongue: Language) -> None:
        self.tongue = tongue
        self.display = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeLeft(tongue),
            console=console,
        )
        self.tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        name = self.tongue(event.stage)
        if event.kind == "stage":
            self.tasks[event.stage] = self.display.add_task(name, total=event.total or 1)
        elif event.kind == "tick":
            self.display.update(
                self.tasks[event.stage], completed=event.done, left_s=event.left_s, elapsed_s=event.elapsed_s
            )
        elif event.kind == "done":
            total = event.total or 1
            self.display.update(self.tasks[event.stage], completed=total, elapsed_s=event.elapsed_s)
        elif event.kind == "reused":
            self.display.console.print(
                Text.assemble(("✓ ", "green"), self.tongue.say("{stage}: already there", stage=name))
            )
        elif event.kind == "note":
            self.display.console.print(Text(f"{name}: {self.tongue(event.message)}", style="dim"))

    def shown(self) -> AbstractContextManager[object]:
        return self.display
