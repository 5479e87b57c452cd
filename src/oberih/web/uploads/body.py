"""Bytes on their way from the line to the file, with little memory for any file and any line."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message

from oberih.errors import OberihError
from oberih.i18n import say
from oberih.web.uploads.desk import Desk
from oberih.work.arrivals import Checksum, Refused, Spool, Taking, Why

__all__ = ["read_into"]

PIECE = 1 << 20  # bytes that are written at once
FLUSH_S = 0.5  # what has come is in the file after so long: a sender who comes back is told the truth
STALL_S = 30.0  # a line that brings less than LEAST bytes in this time is given up
LEAST = 1024


async def read_into(request: Request, desk: Desk, taking: Taking, checksum: Checksum | None) -> int:
    """Append the body of ``request``. Returns how much of the file is there to stay.

    If the line breaks, whatever came over it is kept, unless it waits for a checksum. Raises `Refused`,
    `ClientDisconnect`.
    """
    if checksum is None:
        await pour(request, desk, taking, keep=True)
    else:
        with Spool(taking, checksum) as spool:
            await pour(request, desk, spool, keep=False)
            await desk.do(spool.prove)
    return await desk.do(taking.sync)


async def pour(request: Request, desk: Desk, into: Taking | Spool, *, keep: bool) -> None:
    waiting: list[bytes] = []
    count, last = 0, time.monotonic()
    try:
        async with aclosing(arriving(request)) as pieces:
            async for piece in pieces:
                if piece:
                    waiting.append(piece)
                    count += len(piece)
                if waiting and (count >= PIECE or time.monotonic() - last >= FLUSH_S):
                    now, waiting, count = waiting, [], 0
                    await desk.do(into.append, now)
                    last = time.monotonic()
        if waiting:
            now, waiting = waiting, []
            await desk.do(into.append, now)
    except BaseException:  # the line broke, or the server stops
        if waiting and keep:
            with suppress(OberihError):
                await desk.do(into.append, waiting)
        raise


async def arriving(request: Request) -> AsyncGenerator[bytes, None]:
    """The body of ``request`` as it comes; an empty piece now and then while nothing does."""
    since, count = time.monotonic(), 0
    waiting: asyncio.Task[Message] | None = None
    try:
        while True:
            piece, more = b"", True
            # Not asyncio.timeout: a receive() of some layer between may not survive being cancelled.
            waiting = waiting or asyncio.create_task(receive(request))
            await asyncio.wait({waiting}, timeout=FLUSH_S)
            if waiting.done():
                message, waiting = waiting.result(), None
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                piece, more = message.get("body", b""), message.get("more_body", False)
            count += len(piece)
            if count >= LEAST:
                since, count = time.monotonic(), 0
            elif more and time.monotonic() - since > STALL_S:
                raise Refused(
                    Why.STALLED,
                    say("Nothing has come over this line for {seconds:.0f} seconds.", seconds=STALL_S),
                    say("Connect again; the upload goes on where it stopped."),
                )
            yield piece
            if not more:
                return
    finally:
        if waiting is not None:
            waiting.cancel()


async def receive(request: Request) -> Message:
    return await request.receive()
