"""How much one network, or one account, may ask for in a while: what costs much is not given away for ever.

Counted in the memory of this process: it is about load, not about guessing (see `accounts.limits`).
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from oberih.errors import OberihError
from oberih.i18n import say

__all__ = ["Throttle", "TooFast"]

MOST = 50_000  # names that are remembered; the one that asked longest ago is forgotten first


class TooFast(OberihError):
    """To be asked again in ``wait_s`` seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(
            say("Too much was asked for in a short time."), say("Wait a moment, and go on more slowly.")
        )
        self.wait_s = max(1, math.ceil(wait_s))


@dataclass
class Throttle:
    """A bucket of ``burst`` for each name, which fills up again at ``rate`` per second; 0: no limit."""

    rate: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)  # how much, and when

    def take(self, name: str) -> None:
        """Raises `TooFast` if there is none left."""
        if not self.rate:
            return
        now = self.clock()
        before, at = self.left.pop(name, (float(self.burst), now))
        there = min(self.burst, before + (now - at) * self.rate)
        self.left[name] = (there - 1 if there >= 1 else there, now)
        while len(self.left) > MOST:
            self.left.popitem(last=False)
        if there < 1:
            raise TooFast((1 - there) / self.rate)
