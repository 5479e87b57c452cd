"""Phones on bad lines, simulated at the socket: a line that cuts, resets, goes silent, is slow; and a phone
that sends files over it as tus-js-client does: ask how much has arrived, go on from there, try again.
"""

import asyncio
import hashlib
import json
import random
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

BYTES = "application/offset+octet-stream"
TRY_AGAIN = (409, 423, 500, 503)  # as tus-js-client does
STEP = 16 << 10  # bytes a line carries at a time


@dataclass(frozen=True)
class Weather:
    """How bad a line is. A cut is a reset, an end, or silence: the line seems open, but carries nothing."""

    cut_bytes: float = 0  # bytes between two cuts of one connection, on average; 0: none
    silent: float = 0.2  # share of cuts that are silent
    drop_every_s: float = 0  # all connections drop so often
    drop_s: float = 0.05  # and none can be made for so long
    rate: float = 0  # bytes/s each way; 0: no limit
    delay_s: float = 0


class BadLine:
    """A TCP proxy to one of several ports (each connection to another one) that behaves like ``weather``."""

    def __init__(self, ports: Sequence[int], weather: Weather, seed: int = 0) -> None:
        self.ports, self.weather, self.random = ports, weather, random.Random(seed)
        self.open: set[asyncio.StreamWriter] = set()
        self.cuts, self.carried, self.down = 0, 0, False
        self.tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "BadLine":
        listening = small(socket.socket())
        listening.bind(("127.0.0.1", 0))
        carry: Callable[..., Any] = lambda *ends: self._spawn(self._carry(*ends))  # noqa: E731
        self.server = await asyncio.start_server(carry, sock=listening)
        self.port: int = self.server.sockets[0].getsockname()[1]
        if self.weather.drop_every_s:
            self._spawn(self._drop())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self._reset_all()

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _drop(self) -> None:
        while True:
            await asyncio.sleep(self.weather.drop_every_s)
            self.down = True
            self._reset_all()
            await asyncio.sleep(self.weather.drop_s)
            self.down = False

    def _reset_all(self) -> None:
        for writer in list(self.open):
            self.cuts += 1
            reset(writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            reset(writer)
            return
        try:
            there, back = await connected(self.random.choice(self.ports))
        except OSError:  # the server is away
            reset(writer)
            return
        self.open |= {writer, back}
        mean = self.weather.cut_bytes
        left = [self.random.expovariate(1 / mean) if mean else float("inf")]
        ways = [self._spawn(self._flow(reader, back, left)), self._spawn(self._flow(there, writer, left))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if left[0] <= 0:
            self.cuts += 1
            if self.random.random() < self.weather.silent:
                await asyncio.sleep(2)  # longer than the phone's patience
                reset(writer, back)
            elif self.random.random() < 0.5:
                reset(writer, back)
        else:
            await asyncio.sleep(0.01)  # one side has closed: let the other's last bytes through
        for way in ways:
            way.cancel()
        for end in (writer, back):
            self.open.discard(end)
            end.close()

    async def _flow(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: list[float]
    ) -> None:
        weather = self.weather
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(STEP):
                if weather.delay_s:
                    await asyncio.sleep(weather.delay_s)
                if weather.rate:
                    await asyncio.sleep(len(data) / weather.rate)
                data = data[: max(0, int(left[0]))] if left[0] < len(data) else data
                writer.write(data)
                await writer.drain()
                self.carried += len(data)
                left[0] -= max(len(data), 1)
                if left[0] <= 0:
                    return


def small(end: socket.socket) -> socket.socket:
    """A socket with buffers as small as a phone's: else the system takes megabytes that a cut then loses."""
    end.setblocking(False)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STEP)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STEP)
    return end


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    end = small(socket.socket())
    try:
        await asyncio.get_running_loop().sock_connect(end, ("127.0.0.1", port))
    except BaseException:
        end.close()
        raise
    reader, writer = await asyncio.open_connection(sock=end)
    writer.transport.set_write_buffer_limits(STEP)
    return reader, writer


def reset(*writers: asyncio.StreamWriter) -> None:
    """Close with RST: what was not delivered is lost."""
    for writer in writers:
        found = writer.get_extra_info("socket")
        if found is not None:
            with suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


class Broken(Exception):
    """The line broke before the answer was there."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Phone:
    """Sends files over one line, with one connection at a time, and never gives up."""

    port: int
    account: str
    patience_s: float = 1.0  # so long without an answer, or without getting rid of bytes, and it reconnects
    pause_s: float = 0.02  # before it tries again; doubled each time that nothing has moved
    chunk: int = 0  # most bytes of one PATCH; 0: all
    sent: int = 0  # bytes of files
    again: int = 0  # of them: bytes that it knew to have arrived
    tries: int = 0
    failures: int = 0  # answers 500: the server's fault, unless it was just being stopped
    known: dict[str, int] = field(default_factory=dict)  # what was acknowledged to it, by address
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def send(self, files: Mapping[str, bytes], *, complete: bool = True) -> dict[str, Any]:
        """Send all ``files`` as one contribution. Returns the receipt."""
        offered = [
            {"name": name, "size": len(data), "last_modified": n}
            for n, (name, data) in enumerate(files.items())
        ]
        begun = {
            "files": offered,
            "key": f"{self.account}-{hashlib.sha256(repr(offered).encode()).hexdigest()[:8]}",
        }
        made = (await self.insist("POST", "/contributions", json.dumps(begun).encode())).json()
        for told, data in zip(made["files"], files.values(), strict=True):
            await self.upload(told["url"], data)
        if not complete:
            return made
        receipt = (await self.insist("POST", made["url"] + "/complete")).json()
        self.hang_up()
        return receipt

    async def upload(self, url: str, data: bytes) -> None:
        """tus: PATCH; if that fails HEAD, and PATCH from there."""
        offset, waits = 0, 0
        while True:
            before = offset
            try:
                if offset < len(data) or not data:
                    until = min(len(data), offset + self.chunk) if self.chunk else len(data)
                    self.again += max(0, min(self.known.get(url, 0), until) - offset)
                    headers = {
                        "Upload-Offset": str(offset),
                        "Content-Type": "application/offset+octet-stream",
                    }
                    answer = await self.ask("PATCH", url, headers, memoryview(data)[offset:until])
                    if answer.status != 204:
                        assert answer.status in TRY_AGAIN, (url, answer)
                        raise Broken(answer.status)
                    offset = self.note(url, answer)
                if offset == len(data):
                    return
            except Broken:
                offset = self.note(url, await self.insist("HEAD", url))
                if offset == len(data):
                    return
                waits = 0 if offset > before else waits + 1
                await asyncio.sleep(min(self.pause_s * 2**waits, 0.5))

    def note(self, url: str, answer: Answer) -> int:
        offset = int(answer.headers["upload-offset"])
        assert offset >= self.known.get(url, 0), "what was acknowledged is gone"
        self.known[url] = offset
        return offset

    async def insist(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Ask until there is an answer that is not the server's trouble."""
        for waits in range(200):
            with suppress(Broken):
                answer = await self.ask(
                    method, path, {"Content-Type": "application/json"} if body else {}, body
                )
                if answer.status < 300:
                    return answer
                assert answer.status in TRY_AGAIN, (method, path, answer)
            await asyncio.sleep(min(self.pause_s * 2**waits, 0.5))
        raise AssertionError(f"no way through: {method} {path}")

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | memoryview = b""
    ) -> Answer:
        """One request. Raises `Broken`, after which there is a new connection."""
        self.tries += 1
        try:
            if self.writer is None:
                async with asyncio.timeout(self.patience_s):
                    self.reader, self.writer = await connected(self.port)
            told = {
                "Host": "phone", "X-Account": self.account, "Tus-Resumable": "1.0.0",
                "Content-Length": str(len(body)), **headers,
            }  # fmt: skip
            head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
            self.writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
            answering = asyncio.create_task(self._answer(method))
            try:
                await self._write(body, answering, counted=method == "PATCH")
                async with asyncio.timeout(self.patience_s):
                    answer = await answering
            finally:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self.hang_up()
            raise Broken from error
        self.failures += answer.status == 500
        if answer.headers.get("connection") == "close":
            self.hang_up()
        return answer

    async def _write(
        self, body: bytes | memoryview, answering: "asyncio.Task[Answer]", *, counted: bool
    ) -> None:
        assert self.writer is not None
        for start in range(0, len(body), STEP):
            if answering.done():
                return  # refused: the rest is not wanted
            piece = body[start : start + STEP]
            self.writer.write(piece)
            self.sent += len(piece) if counted else 0
            async with asyncio.timeout(self.patience_s):
                await self.writer.drain()

    async def _answer(self, method: str) -> Answer:
        assert self.reader is not None
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        return Answer(int(head[0].split()[1]), headers, await self.reader.readexactly(length))

    def hang_up(self) -> None:
        if self.writer is not None:
            reset(self.writer)
        self.reader = self.writer = None


def photos(seed: int, count: int, size: int) -> dict[str, bytes]:
    """Files as a phone has them: about ``size`` bytes each, all different."""
    source = random.Random(seed)
    return {
        f"IMG_{n:04}.jpg": source.randbytes(max(1, int(size * source.uniform(0.5, 1.5))))
        for n in range(count)
    }


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
