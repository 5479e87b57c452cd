"""A confined process opens what it was given and nothing else, whatever way it tries.

Each test confines a child (this very file, run as a program), which then tries to get out.
"""

import contextlib
import ctypes
import json
import mmap
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from oberih.trust import _landlock
from oberih.trust.sandbox import only_files

SECRET = "a true place"
World = dict[str, Any]  # what the child is told: paths, ports, the parent's id


def libc_call(name: str, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    answer = int(getattr(libc, name)(*arguments))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def secret(world: World) -> str:
    return str(world["secret"] + "/secret.txt")


def by_openat(world: World) -> str:
    folder = os.open(world["allowed"], os.O_RDONLY)
    return os.read(os.open("../secret/secret.txt", os.O_RDONLY, dir_fd=folder), 100).decode()


def by_kept_folder(world: World) -> str:
    return os.read(os.open("secret.txt", os.O_RDONLY, dir_fd=world["kept"]), 100).decode()


def by_open_descriptor(world: World) -> str:
    return os.pread(world["descriptor"], 100, 0).decode()


def by_sqlite(world: World) -> Any:
    with sqlite3.connect(world["secret"] + "/secret.sqlite") as database:
        return database.execute("SELECT * FROM places").fetchall()


def by_attach(world: World) -> Any:
    with sqlite3.connect(":memory:") as database:
        database.execute("ATTACH ? AS other", (world["secret"] + "/secret.sqlite",))
        return database.execute("SELECT * FROM other.places").fetchall()


def by_mmap(world: World) -> bytes:
    with Path(secret(world)).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)[:]


def by_libc(world: World) -> int:
    return libc_call("open", secret(world).encode(), os.O_RDONLY)


def by_changed_folder(world: World) -> str:
    os.chdir(world["secret"])
    return Path("secret.txt").read_text()


def by_child(world: World) -> bytes:
    script = f"print(open({secret(world)!r}).read())"
    return subprocess.check_output([sys.executable, "-c", script], stderr=subprocess.DEVNULL)


def by_fork(world: World) -> str:
    child = os.fork()
    if child == 0:
        try:
            Path(secret(world)).read_text()
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        raise PermissionError("the child was refused")
    return SECRET


def by_thread(world: World) -> str:
    read: list[str] = []

    def look() -> None:
        with contextlib.suppress(PermissionError):
            read.append(Path(secret(world)).read_text())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    if not read:
        raise PermissionError("the thread was refused")
    return read[0]


def by_mount(world: World) -> int:
    source, target = world["secret"].encode(), world["writable"].encode()
    return libc_call("mount", source, target, None, ctypes.c_ulong(4096), None)  # MS_BIND


def by_peeking(world: World) -> int:
    word = ctypes.create_string_buffer(8)
    span = (ctypes.c_size_t * 2)(ctypes.addressof(word), 8)
    remote = (ctypes.c_size_t * 2)(world["address"], 8)
    arguments = (
        ctypes.byref(span),
        ctypes.c_ulong(1),
        ctypes.byref(remote),
        ctypes.c_ulong(1),
        ctypes.c_ulong(0),
    )
    return libc_call("process_vm_readv", world["parent"], *arguments)


def by_own_program(world: World) -> int:
    program = world["writable"] + "/true"
    shutil.copyfile(sys.executable, program)
    Path(program).chmod(0o700)
    return subprocess.call([program, "-c", ""])


def by_abstract_socket(world: World) -> None:
    socket.socket(socket.AF_UNIX).connect(b"\0" + world["abstract"].encode())


PYTHON: dict[str, Callable[[World], Any]] = {
    "open": lambda world: Path(secret(world)).read_text(),
    "os.open": lambda world: os.read(os.open(secret(world), os.O_RDONLY), 100),
    "os.open for writing": lambda world: os.open(secret(world), os.O_WRONLY),
    "listing": lambda world: list(Path(world["secret"]).iterdir()),
    "os.scandir": lambda world: list(os.scandir(world["secret"])),
    "the folder above": lambda world: list(Path(world["allowed"], "..").iterdir()),
    "the root": lambda _: list(Path("/").iterdir()),
    "a path through ..": lambda world: Path(world["allowed"] + "/../secret/secret.txt").read_text(),
    "sqlite3": by_sqlite,
    "sqlite3 by URI": lambda world: (
        sqlite3.connect(f"file:{world['secret']}/secret.sqlite?mode=ro", uri=True)
        .execute("SELECT * FROM places")
        .fetchall()
    ),
    "mmap": by_mmap,
    "libc by ctypes": by_libc,
    "a link that points out": lambda world: Path(world["allowed"] + "/link").read_text(),
    "a folder's link that points out": lambda world: Path(world["allowed"] + "/links/secret.txt").read_text(),
    "/proc/self/root": lambda world: Path("/proc/self/root" + secret(world)).read_text(),
    "/proc/self/environ": lambda _: Path("/proc/self/environ").read_bytes(),
    "/proc/PARENT/environ": lambda world: Path(f"/proc/{world['parent']}/environ").read_bytes(),
    "/proc/PARENT/fd": lambda world: Path(f"/proc/{world['parent']}/fd/{world['parents']}").read_text(),
    "/proc/PARENT/cwd": lambda world: list(Path(f"/proc/{world['parent']}/cwd").iterdir()),
    "/etc/passwd": lambda _: Path("/etc/passwd").read_text(),
    "a folder that was changed to": by_changed_folder,
    "an open descriptor": by_open_descriptor,
    "a child": by_child,
    "a forked child": by_fork,
    "a thread": by_thread,
    "a shell": lambda world: subprocess.check_output(["/bin/sh", "-c", f"cat {secret(world)}"]),
    "a program that was written": by_own_program,
    "moving it here": lambda world: Path(secret(world)).rename(world["writable"] + "/moved"),
    "a hard link to it": lambda world: os.link(secret(world), world["writable"] + "/linked"),
    "a soft link": lambda world: Path(world["writable"], "soft").symlink_to(world["secret"]),
    "cutting it short": lambda world: os.truncate(secret(world), 0),
    "deleting it": lambda world: Path(secret(world)).unlink(),
    "a new file there": lambda world: Path(world["secret"], "new").write_text("x"),
    "a new file where it may only read": lambda world: Path(world["allowed"], "new").write_text("x"),
    "changing what it may only read": lambda world: Path(world["allowed"], "page.txt").write_text("x"),
    "deleting what it may only read": lambda world: Path(world["allowed"], "page.txt").unlink(),
    "the parent's signals": lambda world: os.kill(world["parent"], signal.SIGCONT),
    "a TCP port": lambda world: socket.create_connection(("127.0.0.1", world["closed"]), 5),
    "listening on a TCP port": lambda world: socket.create_server(("127.0.0.1", world["free"])),
    "an abstract socket": by_abstract_socket,
}
# What only the kernel can refuse.
NATIVE: dict[str, Callable[[World], Any]] = {
    "SQL's ATTACH": by_attach,
    "openat": by_openat,
    "a folder that was kept open": by_kept_folder,
    "mounting it here": by_mount,
    "the parent's memory": by_peeking,
}


def good_use(world: World) -> dict[str, Any]:
    """What a confined service does all day."""
    import ssl
    import zoneinfo

    import numpy as np

    inside = Path(world["writable"])
    (inside / "folder").mkdir()
    (inside / "made").write_text("made")
    (inside / "made").rename(inside / "renamed")
    shutil.move(inside / "renamed", inside / "folder" / "moved")
    with sqlite3.connect(f"file:{world['allowed']}/public.sqlite?mode=ro", uri=True) as public:
        rows = public.execute("SELECT * FROM records").fetchall()
    with sqlite3.connect(inside / "own.sqlite") as own:
        own.execute("CREATE TABLE t (a)")
    Path(os.devnull).write_text("x")
    socket.create_connection(("127.0.0.1", world["open"]), 5).close()
    socket.create_server(("127.0.0.1", 0)).close()
    return {
        "page": Path(world["allowed"], "page.txt").read_text(),
        "listed": sorted(path.name for path in Path(world["allowed"]).iterdir()),
        "rows": rows,
        "moved": (inside / "folder" / "moved").read_text(),
        "numpy": float(np.ones((50, 50)) @ np.ones(50) @ np.ones(50)),
        "zone": str(zoneinfo.ZoneInfo("Europe/Kyiv")),
        "tls": ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED,
        "random": len(os.urandom(8)),
        "inherited": os.read(world["kept_file"], 4).decode(),
    }


def attempt(tried: Callable[[World], Any], world: World) -> str:
    try:
        tried(world)
    except (OSError, sqlite3.Error, subprocess.SubprocessError) as error:
        return f"refused: {type(error).__name__}"
    return "done"


def child(world: World, kind: str) -> dict[str, Any]:
    """Confine this process, use what is allowed, then try everything else."""
    world["descriptor"] = os.open(secret(world), os.O_RDONLY)
    world["kept"] = os.open(world["secret"], os.O_RDONLY)
    world["kept_file"] = os.open(world["secret"] + "/given.txt", os.O_RDONLY)
    every = {**PYTHON, **NATIVE}
    if kind == "nothing":
        tried = {}
        for name in every.keys() - world["left_out"]:
            Path(secret(world)).write_text(SECRET)
            tried[name] = attempt(every[name], world)
        return tried
    if kind != "landlock":
        _landlock.version = lambda: int(kind)
    sandboxed = only_files(
        [Path(world["allowed"])],
        [Path(world["writable"])],
        never=[Path(world["secret"])],
        connect=[world["open"]],
        bind=[0],
        keep_open=[world["kept"], world["kept_file"]],
    )
    tried = {name: attempt(one, world) for name, one in every.items()}
    return {"sandboxed": asdict(sandboxed), "used": good_use(world), "tried": tried}


@contextlib.contextmanager
def made_world(home: Path) -> Iterator[World]:
    for name in ("allowed", "writable", "secret"):
        (home / name).mkdir()
    (home / "secret" / "secret.txt").write_text(SECRET)
    (home / "secret" / "given.txt").write_text("open")
    (home / "allowed" / "page.txt").write_text("a page")
    (home / "allowed" / "link").symlink_to(home / "secret" / "secret.txt")
    (home / "allowed" / "links").symlink_to(home / "secret")
    for name, table in (("secret/secret.sqlite", "places"), ("allowed/public.sqlite", "records")):
        with contextlib.closing(sqlite3.connect(home / name)) as database:
            database.execute(f"CREATE TABLE {table} AS SELECT 1 AS one")
            database.commit()
    remembered = ctypes.create_string_buffer(SECRET.encode())
    with (
        socket.create_server(("127.0.0.1", 0)) as closed,
        socket.create_server(("127.0.0.1", 0)) as opened,
        socket.socket(socket.AF_UNIX) as abstract,
        (home / "secret" / "secret.txt").open() as file,
    ):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        name = f"oberih-{home}"
        abstract.bind(b"\0" + name.encode())
        abstract.listen()
        yield {
            **{folder: str(home / folder) for folder in ("allowed", "writable", "secret")},
            "parent": os.getpid(),
            "parents": file.fileno(),
            "address": ctypes.addressof(remembered),
            "closed": closed.getsockname()[1],
            "open": opened.getsockname()[1],
            "free": port,
            "abstract": name,
            # mounting would change this machine, and needs rights, as the memory of others may
            "left_out": ["mounting it here", *(["the parent's memory"] if os.geteuid() else [])],
        }


def confined(home: Path, kind: str) -> dict[str, Any]:
    """What a child found that was confined by ``kind``: landlock, its version, 0 for the hook, or nothing."""
    if kind not in ("0", "nothing") and not _landlock.version():
        pytest.skip("this kernel has no Landlock")
    if kind.isdigit() and int(kind) > _landlock.version():
        pytest.skip("this kernel's Landlock is older")
    with made_world(home) as world:
        command = [sys.executable, __file__, kind]
        given = json.dumps(world)
        run = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def by_landlock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return confined(tmp_path_factory.mktemp("landlock"), "landlock")


@pytest.fixture(scope="module")
def by_hook(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return confined(tmp_path_factory.mktemp("hook"), "0")


SINCE = {
    "cutting it short": 3,
    "a TCP port": 4,
    "listening on a TCP port": 4,
    "the parent's signals": 6,
    "an abstract socket": 6,
}


@pytest.mark.parametrize("name", [*PYTHON, *NATIVE])
def test_landlock_refuses(by_landlock: dict[str, Any], name: str) -> None:
    if by_landlock["sandboxed"]["version"] < SINCE.get(name, 1):
        pytest.skip("this kernel's Landlock is too old for it, and says so")
    assert by_landlock["tried"][name].startswith("refused")


@pytest.mark.parametrize("name", PYTHON)
def test_the_hook_refuses(by_hook: dict[str, Any], name: str) -> None:
    assert by_hook["tried"][name].startswith("refused")


def test_without_a_sandbox_all_of_it_works(tmp_path: Path) -> None:
    """So the tests above can fail."""
    tried = confined(tmp_path, "nothing")
    assert len(tried) >= len(PYTHON) + len(NATIVE) - 2
    assert {name: how for name, how in tried.items() if how != "done"} == {}


@pytest.mark.parametrize("version", [1, 3, 4, 5])
def test_an_older_landlock_does_what_it_can_and_says_what_it_cannot(tmp_path: Path, version: int) -> None:
    found = confined(tmp_path, str(version))
    done = {name for name, how in found["tried"].items() if how == "done"}
    assert done == {name for name, since in SINCE.items() if version < since}
    old = [hole for hole in found["sandboxed"]["holes"] if "is old" in hole]
    assert len(old) == sum(version < since for since in (2, 3, 4, 5, 6))
    assert found["used"]["page"] == "a page"
    assert found["sandboxed"]["tcp"] == (version >= 4) and not found["sandboxed"]["scoped"]


@pytest.mark.parametrize("kind", ["by_landlock", "by_hook"])
def test_what_is_allowed_works(kind: str, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(kind)["used"] == {
        "page": "a page",
        "listed": ["link", "links", "page.txt", "public.sqlite"],
        "rows": [[1]],
        "moved": "made",
        "numpy": 2500.0,
        "zone": "Europe/Kyiv",
        "tls": True,
        "random": 8,
        "inherited": "open",
    }


def test_it_says_what_confines_it_and_what_that_leaves_open(
    by_landlock: dict[str, Any], by_hook: dict[str, Any]
) -> None:
    assert by_landlock["sandboxed"]["kind"] == "landlock"
    assert by_landlock["sandboxed"]["version"] == _landlock.version()
    assert any("stat" in hole for hole in by_landlock["sandboxed"]["holes"])
    assert by_hook["sandboxed"]["kind"] == "audit hook" and not by_hook["sandboxed"]["scoped"]
    assert any("native libraries" in hole for hole in by_hook["sandboxed"]["holes"])


if __name__ == "__main__":
    print(json.dumps(child(json.loads(sys.stdin.read()), sys.argv[1])))
