"""Lines to the public process: HTTP/1.1 over its socket, kept open and used again.

Everything public passes here, so it does no more than that needs: a request without a body goes out, and h11
reads what comes back, so that nothing but a well-formed answer goes on.

    answer = await lines.ask("GET", b"/records/1", [(b"host", b"heritage.example")])
    async for part in answer.body(): ...
"""

import asyncio
import os
import socket
import weakref
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import h11

__all__ = ["Answer", "Away", "Lines", "NotToBeSent"]

MOST = 64  # lines at once; whoever comes then waits
CONNECT_S, ANSWER_S = 5.0, 60.0
PIECE = 1 << 16

Headers = Sequence[tuple[bytes, bytes]]
Told = TypeVar("Told")


class Away(Exception):
    """There is no answer: the process is not there, or something else speaks."""


class Closed(Away):
    """The other side had closed the line before the request came."""


class NotToBeSent(Exception):
    """What was asked for is none of HTTP."""


async def told(asked: Awaitable[Told]) -> Told:
    """What goes wrong with a line, in one word."""
    try:
        return await asked
    except ConnectionError as error:
        raise Closed from error
    except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
        raise Away from error


class Line:
    """One connection. It belongs to no event loop."""

    def __init__(self, made: socket.socket) -> None:
        self.socket = made
        self.state = h11.Connection(h11.CLIENT)

    async def ask(self, request: h11.Request) -> h11.Response:
        sent = (self.state.send(request) or b"") + (self.state.send(h11.EndOfMessage()) or b"")
        async with asyncio.timeout(ANSWER_S):
            await asyncio.get_running_loop().sock_sendall(self.socket, sent)
        while not isinstance(event := await self.event(), h11.Response):
            pass  # "100 Continue" and the like
        return event

    async def event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self.state.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(ANSWER_S):
                data = await asyncio.get_running_loop().sock_recv(self.socket, PIECE)
            if not data and self.state.their_state is h11.SEND_RESPONSE:
                raise Closed
            self.state.receive_data(data)
        if isinstance(event, h11.ConnectionClosed):
            raise Away
        return event  # type: ignore[return-value]

    def again(self) -> bool:
        """Whether it can be used once more."""
        if self.state.our_state is h11.DONE and self.state.their_state is h11.DONE:
            self.state.start_next_cycle()
            return True
        return False

    def close(self) -> None:
        self.socket.close()


@dataclass
class Answer:
    """Its head; the line is given back when the body was read, or with `close`."""

    status: int
    headers: Headers
    lines: "Lines"
    line: Line | None

    async def body(self) -> AsyncGenerator[bytes, None]:
        """Raises `Away` if it breaks off."""
        assert self.line is not None
        try:
            while not isinstance(event := await told(self.line.event()), h11.EndOfMessage):
                if isinstance(event, h11.Data):
                    yield bytes(event.data)
        finally:
            self.close()

    async def whole(self) -> bytes:
        async with aclosing(self.body()) as parts:
            return b"".join([part async for part in parts])

    def close(self) -> None:
        line, self.line = self.line, None
        if line is not None:
            self.lines.back(line)


class Lines:
    """All connections to the socket at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.idle: list[Line] = []
        weakref.finalize(self, hang_up, self.idle)
        self.room = asyncio.Semaphore(MOST)

    async def ask(self, method: str, target: bytes, headers: Headers) -> Answer:
        """Raises `NotToBeSent`, or `Away`."""
        try:
            request = h11.Request(method=method, target=target, headers=list(headers))
        except h11.LocalProtocolError as error:
            raise NotToBeSent from error
        await self.room.acquire()
        try:
            line, answer = await self.first(request)
        except BaseException:
            self.room.release()
            raise
        return Answer(answer.status_code, list(answer.headers), self, line)

    async def first(self, request: h11.Request) -> tuple[Line, h11.Response]:
        """An answer, over a line that was kept, or over a new one if the other side has closed it."""
        while True:
            kept = self.idle.pop() if self.idle else None
            line = await told(self.opened()) if kept is None else kept
            try:
                return line, await told(line.ask(request))
            except BaseException as error:
                line.close()
                if kept is None or not isinstance(error, Closed):
                    raise

    async def opened(self) -> Line:
        here = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:  # its whole path may be longer than a socket's name can be
            made.setblocking(False)
            async with asyncio.timeout(CONNECT_S):
                loop = asyncio.get_running_loop()
                await loop.sock_connect(made, f"/proc/self/fd/{here}/{self.path.name}")
            return Line(made)
        except BaseException:
            made.close()
            raise
        finally:
            os.close(here)

    def back(self, line: Line) -> None:
        """A line whose answer was read, or is not wanted any more."""
        if line.again():
            self.idle.append(line)
        else:
            line.close()
        self.room.release()

    def close(self) -> None:
        hang_up(self.idle)


def hang_up(lines: list[Line]) -> None:
    while lines:
        lines.pop().close()
