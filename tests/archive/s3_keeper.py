"""Runs an S3 server until nobody holds the lock ``FOLDER/users`` any more: s3_keeper.py SERVER FOLDER.

A process of its own, because the tests run in several processes that may end in any order and in any way.
"""

import ctypes
import fcntl
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

IDENTITIES = [
    {
        "name": "tests",
        "credentials": [{"accessKey": "test-key", "secretKey": "test-secret"}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    },
    {
        "name": "reader",
        "credentials": [{"accessKey": "reader-key", "secretKey": "reader-secret"}],
        "actions": ["Read", "List"],
    },
    {
        "name": "public",
        "credentials": [{"accessKey": "public-key", "secretKey": "public-secret"}],
        "actions": ["Read:oberih-public", "List:oberih-public"],
    },
]
PORTS = ("master.port", "volume.port", "filer.port", "s3.port")
ATTEMPTS = 3
READY_S = 60.0


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def start(server: Path, data: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The server and its address; it may not answer yet."""
    data.mkdir()
    (data / "s3.json").write_text(json.dumps({"identities": IDENTITIES}))
    names = [name + kind for name in PORTS for kind in ("", ".grpc")]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    with log.open("ab") as output:
        running = subprocess.Popen(
            [
                *(server, "server", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"),
                *(f"-{name}={port}" for name, port in ports.items()),
                *(
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    "-s3.config=s3.json",
                    "-s3.autoCreateBucket=false",
                ),
                *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock", "-master.telemetry=false"),
                *("-master.electionTimeout=1s", "-master.volumeSizeLimitMB=256"),
                *("-volume.max=1000", "-volume.minFreeSpace=1", "-volume.preStopSeconds=0"),
            ],
            cwd=data,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=end_with_parent,  # noqa: PLW1509 (one thread more, which only waits)
        )
    return running, f"http://127.0.0.1:{ports['s3.port']}"


def end_with_parent() -> None:
    """Linux ends the server when the keeper ends, whatever ends that."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def answers(running: subprocess.Popen[bytes], endpoint: str) -> bool:
    """Whether the server came up."""
    until = time.monotonic() + READY_S
    while running.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(endpoint, timeout=5).close()
        except urllib.error.HTTPError as error:  # "who are you?" is an answer
            error.close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def main(server: Path, folder: Path) -> None:
    parent = threading.Thread(target=wait_for_users, args=(folder,), daemon=True)
    parent.start()
    with tempfile.TemporaryDirectory(prefix="oberih-s3-", ignore_cleanup_errors=True) as data:
        for attempt in range(ATTEMPTS):  # a port may be taken between choosing and using it
            running, endpoint = start(server, Path(data, str(attempt)), folder / "server.log")
            try:
                if not answers(running, endpoint):
                    continue
                new = folder / "running.new"
                new.write_text(json.dumps({"endpoint": endpoint, "pid": running.pid}))
                new.rename(folder / "running.json")
                parent.join()
                break
            finally:
                running.kill()
                running.wait()


def wait_for_users(folder: Path) -> None:
    """Return when nobody uses the server; whoever comes now waits until the keeper has gone."""
    users = (folder / "users").open("w")  # open, hence locked, until this process ends
    fcntl.flock(users, fcntl.LOCK_EX)
    (folder / "running.json").unlink(missing_ok=True)
    globals()["users"] = users


if __name__ == "__main__":
    assert shutil.which(sys.argv[1])
    main(Path(sys.argv[1]), Path(sys.argv[2]))
