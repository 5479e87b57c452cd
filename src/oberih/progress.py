"""How long work tells what it is doing, and how it is asked to stop.

A stage calls ``Progress.stage(name, total)`` once and the returned ``tick()`` after each unit of work.
``tick`` raises `Cancelled` when somebody asked to stop, so that work ends between two units and what
is already written stays valid. Faces (rich, plain lines, JSON lines) are listeners: functions of `Event`.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from oberih.errors import Cancelled

__all__ = ["Event", "Listener", "Progress", "Tick"]


@dataclass(frozen=True)
class Event:
    """One thing a listener is told. ``kind`` is "stage" (begins), "tick", "done", "reused" or "note"."""

    kind: str
    stage: str
    done: float = 0.0
    total: float = 0.0
    elapsed_s: float = 0.0
    left_s: float | None = None  # None: not known yet
    message: str = ""


Listener = Callable[[Event], None]
Tick = Callable[[float], None]


@dataclass
class Progress:
    """Progress of one piece of work; safe to tick from several threads."""

    listener: Listener = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)
    times_s: dict[str, float] = field(default_factory=dict)  # wall seconds per finished stage
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stage(self, name: str, total: float) -> "Stage":
        """Begin the stage ``name`` of ``total`` units (any unit; weights may be fractions)."""
        return Stage(self, name, total)

    def reused(self, name: str) -> None:
        """Say that the stage's result was already there."""
        self.tell(Event("reused", name))

    def note(self, stage: str, message: str) -> None:
        """Say something a person wants to know while waiting."""
        self.tell(Event("note", stage, message=message))

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked to stop."""
        if self.stop.is_set():
            raise Cancelled("Stopped.", "Run the same command again to go on from here.")

    def tell(self, event: Event) -> None:
        with self._lock:
            self.listener(event)


class Stage:
    """A running stage; use as a context manager and call ``tick(units)``."""

    def __init__(self, progress: Progress, name: str, total: float) -> None:
        self._progress, self.name, self.total = progress, name, total
        self._done = 0.0
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> "Stage":
        self._progress.check()
        self._progress.tell(Event("stage", self.name, 0, self.total))
        return self

    def tick(self, units: float = 1.0) -> None:
        """``units`` more are done."""
        self._progress.check()
        with self._lock:
            self._done = min(self._done + units, self.total)
            done = self._done
        elapsed = time.monotonic() - self._began
        left = elapsed / done * (self.total - done) if done > 0 else None
        self._progress.tell(Event("tick", self.name, done, self.total, elapsed, left))

    def note(self, message: str) -> None:
        self._progress.note(self.name, message)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            elapsed = time.monotonic() - self._began
            self._progress.times_s[self.name] = elapsed
            self._progress.tell(Event("done", self.name, self.total, self.total, elapsed, 0.0))
