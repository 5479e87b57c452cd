"""Sorting more than memory holds: runs in temporary files, merged."""

import heapq
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from typing import IO

from oberih.archive.stores import Stat

__all__ = ["sorted_stats"]

RUN = 100_000  # entries in memory: about 50 MB


def sorted_stats(stats: Iterable[Stat], run: int = RUN) -> Iterator[Stat]:
    """``stats`` in the order of their keys."""
    stats = iter(stats)
    with ExitStack() as files:
        runs: list[Iterator[Stat]] = []
        while True:
            part = sorted(islice(stats, run), key=key_of)
            if len(part) < run:
                break
            file = files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
            for stat in part:
                json.dump([stat.key, stat.size, stat.modified.isoformat(), stat.tag], file)
                file.write("\n")
            file.seek(0)
            runs.append(lines(file))
        yield from heapq.merge(*runs, part, key=key_of)


def key_of(stat: Stat) -> str:
    return stat.key


def lines(file: IO[str]) -> Iterator[Stat]:
    for line in file:
        key, size, modified, tag = json.loads(line)
        yield Stat(key, size, datetime.fromisoformat(modified), tag)
