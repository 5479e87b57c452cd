"""The smallest service with uploads, as a process of its own that can be stopped and killed.

    python upload_server.py FOLDER PORT [--witness]

Who sends is what the header X-Account says. The witness notes in FOLDER/witness every byte that came in and
every byte that was acknowledged, in their order, also over a kill.
"""

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partialmethod
from pathlib import Path
from typing import Annotated, Any

import httpx
from fastapi import FastAPI, Header, HTTPException

from oberih.web.uploads import uploads_router
from oberih.work.arrivals import Arrivals, Limits, Received, Uploader


def make_app(
    folder: Path, *, limits: Limits | None = None, keep_free: int = 0, idle_s: float = 86400
) -> FastAPI:
    """The service over ``folder``. What is handed on is noted in FOLDER/handed-on."""
    arrivals = Arrivals(folder / "uploads", keep_free=keep_free, idle=timedelta(seconds=idle_s))

    def uploader(x_account: Annotated[str, Header()] = "") -> Uploader:
        if not x_account:
            raise HTTPException(401)
        return Uploader(x_account, limits or Limits())

    def handed_on(received: Received) -> None:
        note(folder / "handed-on", json.dumps([received.contribution.id, received.receipt.sha256]))

    app = FastAPI()
    app.state.arrivals = arrivals
    app.include_router(uploads_router(arrivals, uploader, handed_on))
    return app


class Client:
    """Asks an app in this process, one request after the other, as if there was a network between."""

    def __init__(self, app: FastAPI, account: str) -> None:
        self.app, self.runner = app, asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        self.asked = httpx.AsyncClient(
            transport=transport, base_url="http://phone", headers={"X-Account": account}
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.run(self.asked.aclose())
        self.runner.close()

    @property
    def arrivals(self) -> Arrivals:
        found: Arrivals = self.app.state.arrivals
        return found

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.runner.run(self.asked.request(method, path, **more))

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    patch = partialmethod(request, "PATCH")
    head = partialmethod(request, "HEAD")
    delete = partialmethod(request, "DELETE")
    options = partialmethod(request, "OPTIONS")


def note(path: Path, line: str) -> None:
    """Append a line in one step, so that lines of several processes do not mix."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{line}\n".encode())
    os.close(file)


class Witness:
    """Notes, per file, what came in before the service sees it, what is acknowledged before it goes out."""

    def __init__(self, app: Any, path: Path) -> None:
        self.app, self.path = app, path

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or "/files/" not in scope["path"]:
            await self.app(scope, receive, send)
            return
        file, request = scope["path"].rsplit("/", 1)[1], secrets.token_hex(4)
        at = int(dict(scope["headers"]).get(b"upload-offset", b"0"))
        note(self.path, f"begun {file} {request}")

        async def received() -> Any:
            nonlocal at
            message = await receive()
            if message.get("body"):
                note(self.path, f"came {file} {request} {at} {len(message['body'])}")
                at += len(message["body"])
            return message

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 204):
                offset = dict(message["headers"]).get(b"upload-offset")
                if offset is not None:
                    note(self.path, f"acknowledged {file} {request} {int(offset)}")
            await send(message)

        await self.app(scope, received, sent)


@dataclass(frozen=True)
class Told:
    """What the witnesses saw."""

    came: Counter[str] = field(default_factory=Counter)  # bytes that came in, by file
    acknowledged: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    """Bytes that came in requests which began when they had been acknowledged already. (What was on its way
    over a line that is dead may still come when the next request has long brought the same.)"""

    @classmethod
    def by(cls, folder: Path) -> "Told":
        told, known = cls(), dict[str, int]()
        for line in (folder / "witness").read_text().splitlines():
            what, file, request, *numbers = line.split()
            if what == "begun":
                known[request] = told.acknowledged[file]
            elif what == "came":
                at, count = map(int, numbers)
                told.came[file] += count
                told.again[file] += max(0, min(at + count, known[request]) - at)
            else:
                told.acknowledged[file] = max(told.acknowledged[file], int(numbers[0]))
        return told


class Server:
    """A server process that can be stopped, killed and started again on the same port."""

    def __init__(self, folder: Path, *, witness: bool = True) -> None:
        self.folder, self.port = folder, free_port()
        self.options = ["--witness"] if witness else []
        self.start()

    def start(self) -> None:
        command = [sys.executable, __file__, str(self.folder), str(self.port), *self.options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the server does not start")

    def stop(self) -> int:
        """SIGTERM: it ends what it is at, for two seconds."""
        return self.end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: it ends nothing."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals) -> int:
        assert self.process.stdin is not None
        self.process.send_signal(how)  # does nothing if it has ended already
        status = self.process.wait(30)
        self.process.stdin.close()
        return status

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_s(self) -> float:
        """CPU-seconds so far."""
        parts = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self) -> int:
        """Highest resident memory so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024


@contextmanager
def serving(folder: Path, count: int = 1, *, witness: bool = True) -> Iterator[list[Server]]:
    """``count`` server processes over one folder."""
    servers = [Server(folder, witness=witness) for _ in range(count)]
    try:
        yield servers
    finally:
        for server in servers:
            server.kill()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def get(address: str, account: str) -> Any:
    request = urllib.request.Request(address, headers={"X-Account": account})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def end_with_parent() -> None:
    """Nobody is left to stop this process when its input ends."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    import uvicorn

    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    app = make_app(folder)
    seen = Witness(app, folder / "witness") if "--witness" in sys.argv else app
    threading.Thread(target=end_with_parent, daemon=True).start()
    # At a stop, uvicorn reports every upload that it cuts off as an error.
    uvicorn.run(seen, port=port, log_level="critical", timeout_graceful_shutdown=2, access_log=False)


if __name__ == "__main__":
    main()
