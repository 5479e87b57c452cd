"""How fast a check reads, and how often it writes down what it has read."""

import threading
import time

from oberih.archive.index import Index, Replica
from oberih.progress import Tick

__all__ = ["Pace", "Rows"]

MOST, LATEST_S = 200, 2.0  # copies, seconds: what a check that is killed reads again


class Pace:
    """Holds reading at a rate, from any number of threads."""

    def __init__(self, rate: float | None) -> None:
        self.rate, self.guard, self.free = rate, threading.Lock(), 0.0

    def told(self, tick: Tick) -> Tick:
        """``tick``, but not faster than the rate."""

        def slowly(size: float) -> None:
            self.wait(size)
            tick(size)

        return slowly

    def wait(self, size: float) -> None:
        if self.rate is None:
            return
        with self.guard:
            now = time.monotonic()
            self.free = max(self.free, now) + size / (self.rate * 1e6)
            wait = self.free - now
        time.sleep(max(0.0, wait))


class Rows:
    """Writes into the index what was found of copies, many at once: each transaction takes its time."""

    def __init__(self, index: Index) -> None:
        self.index, self.guard = index, threading.Lock()
        self.waiting: list[Replica] = []
        self.last = time.monotonic()

    def put(self, replica: Replica) -> None:
        with self.guard:
            self.waiting.append(replica)
            if len(self.waiting) >= MOST or time.monotonic() - self.last >= LATEST_S:
                self.write()

    def flush(self) -> None:
        with self.guard:
            self.write()

    def write(self) -> None:
        if self.waiting:
            self.index.put([], self.waiting)
        self.waiting, self.last = [], time.monotonic()
