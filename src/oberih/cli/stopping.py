"""Ctrl-C and SIGTERM ask once, kindly; the second time they end the process at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from oberih.i18n import Language

__all__ = ["stoppable"]


@contextmanager
def stoppable(stop: threading.Event, tongue: Language) -> Iterator[None]:
    """While this is active, the first SIGINT or SIGTERM sets ``stop``, the second one kills."""

    def asked(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.set()
        words = tongue("Stopping at the next safe point (press Ctrl-C again to end at once) …")
        with suppress(OSError):  # nobody reads it
            os.write(2, f"\n{words}\n".encode())  # not print: the display may hold its lock just now

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
