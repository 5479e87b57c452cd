"""Slowing down those who guess, without locking out those who are guessed at.

Tries are counted before they are judged, in buckets: for each network; for each name and network together;
for each name, of strangers. A browser from which the person came in before has a bucket of its own, so
whoever guesses at somebody's password from elsewhere cannot keep them out. After some free tries, each
further one has to wait twice as long as the one before, up to a limit. Names that nobody has are counted in
the same way.

Buckets are keyed hashes and are forgotten after a day.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from oberih.catalogue.accounts.keys import Key
from oberih.catalogue.accounts.tables import Attempt
from oberih.catalogue.database import now
from oberih.errors import OberihError
from oberih.i18n import say

__all__ = ["Bucket", "Limit", "TooManyTries", "count_try", "give_back", "slow_down"]

DOUBLINGS = 20


@dataclass(frozen=True)
class Limit:
    """``free`` tries within ``window_s``. The next one waits ``first_s``, then twice as long each time, at
    most ``worst_s``.
    """

    free: int
    first_s: float
    worst_s: float
    window_s: float = 24 * 3600


@dataclass(frozen=True)
class Bucket:
    """What is counted together. ``clears``: a success wipes it clean, rather than only takes itself back."""

    name: tuple[str, ...]
    limit: Limit
    clears: bool = False


class TooManyTries(OberihError):
    """To be tried again in ``wait_s`` seconds."""

    def __init__(self, wait_s: float) -> None:
        minutes = max(1, math.ceil(wait_s / 60))
        super().__init__(
            say("There were too many tries."),
            say("Try again in {count} minute.", "Try again in {count} minutes.", count=minutes),
        )
        self.wait_s = wait_s


def slow_down(session: Session, key: Key, buckets: Sequence[Bucket]) -> None:
    """Count one try. Raises `TooManyTries`, which is not counted.

    The transaction has to end well for the try to be counted: raise nothing else in it.
    """
    wait_s = count_try(session, key, buckets)
    if wait_s > 0:
        raise TooManyTries(wait_s)


def count_try(session: Session, key: Key, buckets: Sequence[Bucket]) -> float:
    """Count one try. Returns how many seconds are to be waited first; then it was not counted."""
    moment = now()
    rows = [(locked(session, name), limit) for name, limit in in_order(key, buckets)]
    waits = [(row.wait_until - moment).total_seconds() for row, _ in rows if row.wait_until]
    if any(wait > 0 for wait in waits):
        return max(waits)
    for row, limit in rows:
        if moment - row.began > timedelta(seconds=limit.window_s):
            row.count, row.began = 0, moment
        row.count += 1
        over = row.count - limit.free
        if over >= 0:
            wait = min(limit.worst_s, limit.first_s * 2 ** min(over, DOUBLINGS))
            row.wait_until = moment + timedelta(seconds=wait)
    return 0.0


def give_back(session: Session, key: Key, buckets: Sequence[Bucket]) -> None:
    """It was the right one: it does not count."""
    clears = {key.mark("try", *bucket.name) for bucket in buckets if bucket.clears}
    for name, limit in in_order(key, buckets):
        row = locked(session, name)
        row.count = 0 if name in clears else max(0, row.count - 1)
        if row.count < limit.free:
            row.wait_until = None


def in_order(key: Key, buckets: Sequence[Bucket]) -> list[tuple[str, Limit]]:
    """By name, so that no two transactions wait for each other."""
    return sorted(
        ((key.mark("try", *bucket.name), bucket.limit) for bucket in buckets), key=lambda one: one[0]
    )


def locked(session: Session, name: str) -> Attempt:
    """The row of a bucket, for nobody else until the transaction ends."""
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    session.execute(insert(Attempt).values(bucket=name, count=0, began=now()).on_conflict_do_nothing())
    wanted = select(Attempt).where(Attempt.bucket == name).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).one()
