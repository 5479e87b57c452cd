"""All public records at once: lines of JSON, packed as they are read, so that it takes no room.

Nothing is kept ready: what was withdrawn, or made less exact, a moment ago is in no copy of ours. One batch
is packed at a time, however many ask, so that it takes one processor at most, and no thread while it waits.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Annotated, Protocol

from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from oberih.catalogue.public import Extent, Projection, etag, everything, extent

__all__ = ["DUMP", "Manifest", "manifest", "packed", "standing", "unchanged"]

DUMP = "/dump/records.jsonl.gz"
GZIP = 31  # zlib: a header of gzip, with no time in it


class Packer(Protocol):
    """What `zlib.compressobj` makes."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class Manifest(BaseModel):
    """What the dump holds."""

    records: Annotated[int, Field(description="lines")]
    withdrawn: Annotated[int, Field(description="that were public, and are in it no more")]
    changed: Annotated[str, Field(description="day of the last change, UTC; empty: there never was any")]
    url: str
    form: str = "JSON Lines, gzip; each line is a PublicRecord of the API's description, by identifier"
    licence: str = (
        "Each record says in rights.uri under which licence or statement its model and pictures may be used. "
        "A record that was withdrawn has to vanish from your copy: see /oai."
    )


def manifest(projection: Projection, address: str) -> Manifest:
    found = extent(projection)
    return Manifest(
        records=found.records, withdrawn=found.withdrawn, changed=found.last, url=f"{address}{DUMP}"
    )


async def packed(projection: Projection, turn: asyncio.Lock) -> AsyncIterator[bytes]:
    """The dump, piece by piece. ``turn``: whoever has it packs."""
    packer = zlib.compressobj(6, zlib.DEFLATED, GZIP)
    batches = everything(projection)
    more = True
    while more:
        async with turn:
            more, piece = await run_in_threadpool(next_piece, batches, packer)
        if piece:
            yield piece


def next_piece(batches: Iterator[Sequence[str]], packer: Packer) -> tuple[bool, bytes]:
    """Whether more follows, and what is to be sent."""
    batch = next(batches, None)
    if batch is None:
        return False, packer.flush()
    return True, b"".join(packer.compress(f"{one}\n".encode()) for one in batch)


def standing(found: Extent, today: date | None = None) -> dict[str, str]:
    """Headers by which somebody asks again. A day that is not over may still bring changes: it has none."""
    if not found.last or found.last >= (today or datetime.now(UTC).date()).isoformat():
        return {}
    over = datetime.combine(date.fromisoformat(found.last) + timedelta(days=1), time(), UTC)
    tag = etag(f"{found.records} {found.withdrawn} {found.last}".encode())
    return {"ETag": tag, "Last-Modified": format_datetime(over - timedelta(seconds=1), usegmt=True)}


def unchanged(told: dict[str, str], if_none_match: str, if_modified_since: str) -> bool:
    """Whether somebody who asks again has it already."""
    if not told:
        return False
    if if_none_match:
        return told["ETag"] in if_none_match
    try:
        since = parsedate_to_datetime(if_modified_since)
        return since >= parsedate_to_datetime(told["Last-Modified"])
    except (TypeError, ValueError):
        return False
