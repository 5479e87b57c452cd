"""The real service, as a command that runs."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import httpx
import psutil

__all__ = ["Served"]

START_S = 240.0


def free_port() -> int:
    with closing(socket.socket()) as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


class Served:
    """`oberih serve`, running. ``program``: what runs it; ``settings``: more of its environment."""

    def __init__(self, folder: Path, program: Sequence[str] = ("-m", "oberih"), **settings: str) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://localhost:{self.port}"
        command = [sys.executable, *program, "serve", "--data", str(folder), "--port", str(self.port),
                   "--progress", "json"]  # fmt: skip
        self.log = (folder.parent / "log.txt").open("w+b")
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, "OBERIH_WORKERS": "1", "OBERIH_ASKED_PER_MINUTE": "0", **settings},
        )
        assert self.process.stdout is not None
        self.said = json.loads(self.process.stdout.readline())

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=30)

    def ready(self) -> bool:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            try:
                if self.get("/healthz").status_code == 200:
                    return True
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self.told()
            time.sleep(0.2)
        return False

    def told(self) -> str:
        self.log.seek(0)
        return self.log.read().decode()

    def child(self, module: str) -> psutil.Process:
        """The process that runs a module of ours."""
        for one in psutil.Process(self.process.pid).children(recursive=True):
            if module in " ".join(one.cmdline()):
                return one
        raise AssertionError(module)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.close()

    def close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()
