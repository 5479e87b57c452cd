"""What every upload route needs: the arrivals, who is sending, and what to do with what is finished."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request

from oberih.i18n import say
from oberih.work.arrivals import Arrivals, Received, Refused, Uploader, Why

__all__ = ["AtDesk", "Desk"]

P = ParamSpec("P")
R = TypeVar("R")

WRITERS = 16  # threads that write and sync, of this process
READERS = 2  # threads that hash whole files


@dataclass(frozen=True)
class Desk:
    """Where one account hands in what it brings."""

    arrivals: Arrivals
    handed_on: Callable[[Received], None]
    welcome: Callable[[str, Mapping[str, Any]], None]
    who: Uploader = field(default_factory=lambda: Uploader(""))
    writing: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(WRITERS))
    hashing: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(READERS))
    sending: Counter[str] = field(default_factory=Counter)  # files that arrive just now, by account

    def for_(self, who: Uploader) -> "Desk":
        return replace(self, who=who)

    async def do(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run what waits for the disk in a thread. It is never left half done."""
        return await to_thread.run_sync(lambda: work(*args, **kwargs), limiter=self.writing)

    async def hash(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The same for what takes the processor for long."""
        return await to_thread.run_sync(lambda: work(*args, **kwargs), limiter=self.hashing)

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count a file that arrives. Raises `Refused` if too many of this account do."""
        account = self.who.account
        if self.sending[account] >= self.who.limits.at_once:
            raise Refused(
                Why.BUSY,
                say("Too many files arrive at the same moment."),
                say("Send a few at a time; the others follow."),
            )
        self.sending[account] += 1
        try:
            yield
        finally:
            self.sending[account] -= 1
            if not self.sending[account]:
                del self.sending[account]


def desk(request: Request) -> Desk:
    found = request.state.desk
    assert isinstance(found, Desk)
    return found


AtDesk = Annotated[Desk, Depends(desk)]
