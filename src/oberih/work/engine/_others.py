"""Which workers are dead? Judged by what changes, not by what any clock says."""

import time
from collections.abc import Callable, Mapping

__all__ = ["Others"]


class Others:
    """What one worker has seen of the others."""

    def __init__(self, lease_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.lease_s, self.clock = lease_s, clock
        self.seen: dict[str, tuple[int | None, float]] = {}  # name: last beat, and since when it is the same
        self.looked = clock()

    def dead(self, beats: Mapping[str, int | None], gone: set[str]) -> list[str]:
        """Those of the workers that said they are gone, or whose beat (None: never any) stayed the same.

        To be asked every few seconds: an observer who was away (frozen, or without the database) begins anew,
        because the others may have been away with it.
        """
        now = self.clock()
        if now - self.looked > self.lease_s / 2:
            self.seen.clear()
        self.looked = now
        for name, beat in beats.items():
            if name not in self.seen or self.seen[name][0] != beat:
                self.seen[name] = (beat, now)
        self.seen = {name: seen for name, seen in self.seen.items() if name in beats}
        return [n for n, (_, since) in self.seen.items() if n in gone or now - since >= self.lease_s]
