"""Landlock, by its three system calls (landlock(7), linux/landlock.h), for versions 1 to 7 of its interface.

A ruleset says which kinds of access it handles; whatever it handles is refused but for the rules. What a
kernel does not know yet must not be asked of it, so that all depends on the version that it says it has. A
later version is used as 7: new kinds of access stay as they were.
"""

import contextlib
import ctypes
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from enum import IntFlag
from pathlib import Path

from oberih.errors import OberihError
from oberih.i18n import say

# The same numbers on all of Linux's architectures but Alpha, since they are newer than the common table.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
PATH_BENEATH, NET_PORT = 1, 2
PR_SET_NO_NEW_PRIVS = 38
TASKS = Path("/proc/self/task")


class Access(IntFlag):
    """Kinds of access to files and folders."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


READ = Access.READ_FILE | Access.READ_DIR
# No links: others, who may read more, could follow them out of the folder. No devices, no FIFOs.
WRITE = (
    READ | Access.WRITE_FILE | Access.TRUNCATE | Access.MAKE_REG | Access.MAKE_DIR | Access.MAKE_SOCK
    | Access.REMOVE_FILE | Access.REMOVE_DIR | Access.REFER
)  # fmt: skip
DEVICE = Access.READ_FILE | Access.WRITE_FILE | Access.IOCTL_DEV | Access.READ_DIR
OF_FILES = Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV
SINCE = {2: Access.REFER, 3: Access.TRUNCATE, 5: Access.IOCTL_DEV}
TCP_SINCE, SCOPES_SINCE = 4, 6
BIND_TCP, CONNECT_TCP = 1 << 0, 1 << 1
ABSTRACT_SOCKETS, SIGNALS = 1 << 0, 1 << 1


class Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class PathRule(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


class PortRule(ctypes.Structure):
    """struct landlock_net_port_attr."""

    _fields_ = (("access", ctypes.c_uint64), ("port", ctypes.c_uint64))


def version() -> int:
    """Of Landlock's interface in this kernel; 0 if there is none, or it is switched off."""
    if sys.platform != "linux":
        return 0
    return max(system_call(CREATE_RULESET, None, 0, VERSION_FLAG), 0)


def threads() -> int:
    """How many threads this process has, those of native libraries too."""
    return len(list(TASKS.iterdir()))


def handled(version: int) -> Access:
    """The kinds of access to files that a kernel of this version can refuse."""
    later = [kinds for since, kinds in SINCE.items() if version < since]
    every = Access((1 << 16) - 1)
    for kinds in later:
        every &= ~kinds
    return every


def restrict(
    version: int, reads: Iterable[Path], writes: Iterable[Path], executables: Iterable[Path],
    devices: Iterable[Path], connect: Iterable[int], bind: Iterable[int],
) -> None:  # fmt: skip
    """Confine this thread and those it will start. Raises `OberihError`; nothing is confined then."""
    tcp, scopes = version >= TCP_SINCE, version >= SCOPES_SINCE
    ruleset = Ruleset(
        handled(version),
        BIND_TCP | CONNECT_TCP if tcp else 0,
        ABSTRACT_SOCKETS | SIGNALS if scopes else 0,
    )
    size = 24 if scopes else 16 if tcp else 8  # as the structure was in that version
    with closing(expect(system_call(CREATE_RULESET, ctypes.byref(ruleset), size, 0))) as rules:
        kinds = (reads, READ), (writes, WRITE), (executables, READ | Access.EXECUTE), (devices, DEVICE)
        for paths, access in kinds:
            for path in paths:
                allow_path(rules, path, access & handled(version))
        for ports, kind in ((connect, CONNECT_TCP), (bind, BIND_TCP)):
            for port in ports if tcp else ():
                rule = PortRule(kind, port)
                expect(system_call(ADD_RULE, rules, NET_PORT, ctypes.byref(rule), 0))
        libc = ctypes.CDLL(None, use_errno=True)
        expect(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        expect(system_call(RESTRICT_SELF, rules, 0))


def allow_path(rules: int, path: Path, access: Access) -> None:
    with closing(os.open(path, os.O_PATH | os.O_CLOEXEC)) as parent:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            access &= OF_FILES
        rule = PathRule(access, parent)
        expect(system_call(ADD_RULE, rules, PATH_BENEATH, ctypes.byref(rule), 0))


@contextlib.contextmanager
def closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def system_call(number: int, *arguments: object) -> int:
    """The answer of the kernel, or -1 with an errno."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    numbers = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return int(libc.syscall(ctypes.c_long(number), *numbers))


def expect(answer: int) -> int:
    """The answer, unless it is an error."""
    if answer < 0:
        raise OberihError(
            say("The kernel refused to confine this process: {why}", why=os.strerror(ctypes.get_errno())),
            "Do not go on: report this, with the version of the kernel.",
        )
    return answer
