"""Where the kernel cannot confine: a hook in the interpreter that refuses what Python code asks for.

It keeps honest code, and mistakes such as a path out of a folder, inside. It does not hold code that means to
get out: native libraries do not ask it. (PEP 578; the events are in Python's library reference.)
"""

import errno
import os
import sys
import urllib.parse
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
READ_EVENTS = ("os.listdir", "os.scandir", "os.chdir", "os.getxattr", "os.listxattr")
WRITE_EVENTS = (
    *("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown", "os.utime"),
    *("os.setxattr", "os.removexattr", "os.chflags"),
)
# Children are new interpreters, or none: they have no hook.
REFUSED = (
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn"),
    *("os.symlink", "os.killpg", "signal.pthread_kill", "os.fork_exec"),
    *("sqlite3.enable_load_extension", "sqlite3.load_extension"),
    *("ctypes.dlsym", "ctypes.dlsym/handle", "ctypes.call_function"),
)
Check = Callable[[tuple[Any, ...]], None]


def restrict(
    reads: Iterable[Path], writes: Iterable[Path], connect: Collection[int], bind: Collection[int]
) -> None:
    """Refuse, from now on and for good, what lies elsewhere."""
    writable = roots(writes)
    readable = roots(reads) + writable
    checks = checks_of(readable, writable, connect, bind)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        check = checks.get(event)
        if check is not None:
            check(arguments)

    sys.addaudithook(hook)


def roots(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(os.path.realpath(path) for path in paths)


def checks_of(
    readable: tuple[str, ...], writable: tuple[str, ...], connect: Collection[int], bind: Collection[int]
) -> Mapping[str, Check]:
    """What is looked at for each event."""

    def opened(arguments: tuple[Any, ...]) -> None:
        path, _, flags = arguments
        inside(path, writable if (flags or 0) & WRITES else readable)

    def moved(arguments: tuple[Any, ...]) -> None:
        inside(arguments[0], writable)
        inside(arguments[1], writable)

    def signalled(arguments: tuple[Any, ...]) -> None:
        if arguments[0] != os.getpid():
            raise refused()

    def loaded(arguments: tuple[Any, ...]) -> None:
        if arguments[0] is not None:
            raise refused()

    return {
        **dict.fromkeys(READ_EVENTS, lambda arguments: inside(arguments[0], readable)),
        **dict.fromkeys(WRITE_EVENTS, lambda arguments: inside(arguments[0], writable)),
        **dict.fromkeys(REFUSED, refuse),
        **dict.fromkeys(("os.rename", "os.link"), moved),
        **dict.fromkeys(("socket.connect", "socket.sendto", "socket.sendmsg"), lambda a: port_in(a, connect)),
        "socket.bind": lambda arguments: port_in(arguments, bind),
        "open": opened,
        "os.kill": signalled,
        "ctypes.dlopen": loaded,
        "import": lambda arguments: inside(arguments[1], readable) if arguments[1] else None,
        "sqlite3.connect": lambda arguments: inside(database(arguments[0]), readable),
    }


def inside(path: Any, roots: tuple[str, ...]) -> None:
    """Raise `PermissionError` unless ``path`` is, or lies in, one of ``roots``."""
    if isinstance(path, int):
        return  # a descriptor: open already
    true = os.path.realpath(os.fsdecode("." if path is None else path))
    if not any(true == root or true.startswith(root + os.sep) for root in roots):
        raise refused()


def port_in(arguments: tuple[Any, ...], ports: Collection[int]) -> None:
    """Raise `PermissionError` for other ports, and for sockets of Linux's abstract names."""
    address = arguments[1]
    if isinstance(address, tuple):
        if address[1] not in ports:
            raise refused()
    elif address is not None and os.fsencode(address).startswith(b"\0"):
        raise refused()


def database(name: Any) -> Any:
    """The file of a database of SQLite; a descriptor, which is let through, if it has none."""
    text = os.fsdecode(name)
    if text in ("", ":memory:"):
        return -1
    if text.startswith("file:"):
        parts = urllib.parse.urlsplit(text)
        if parts.path in ("", ":memory:") or "mode=memory" in parts.query.split("&"):
            return -1
        return urllib.parse.unquote(parts.path)
    return text


def refuse(arguments: tuple[Any, ...]) -> None:  # noqa: ARG001 - as all checks are called
    raise refused()


def refused() -> PermissionError:
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES))
