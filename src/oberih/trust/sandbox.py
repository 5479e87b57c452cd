"""Confines this process for good to the files it needs: what it cannot open, it cannot leak.

On Linux the kernel does it (Landlock, see landlock(7)): whatever library or thread asks, a path that was not
allowed cannot be opened, and children cannot open it either. Where the kernel has no Landlock, a hook of the
interpreter refuses what Python code asks for, and what `Sandboxed` says makes plain that this is far less.
`HOLES` are left even so: a process that must not see something is best run as a user who may not either.

Call it first of all, before anything starts a thread (NumPy does when it is imported): Landlock confines the
thread that asks, and those that it starts later.
"""

import contextlib
import gc
import mimetypes
import os
import ssl
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from oberih.errors import InputError, OberihError
from oberih.i18n import say
from oberih.trust import _audit, _landlock

__all__ = ["HOLES", "Sandboxed", "can_confine", "only_files"]

Kind = Literal["landlock", "audit hook"]

HOLES: dict[Kind, tuple[str, ...]] = {
    "landlock": (
        say("That a file exists, its size and its times can be seen (stat), and its mode and owner changed."),
        say("Unix sockets that have a path can be connected to, if their mode lets this user."),
        say("UDP, raw and other sockets than TCP are not limited."),
        say("What descriptors 0 to 2 and those that were passed on have open stays open."),
    ),
    "audit hook": (
        say("Only what Python code asks for is seen: native libraries open what they like."),
        say("SQL can open further database files (ATTACH)."),
        say("A path can be changed after the check; where one relative to a descriptor leads is not known."),
        say("That a file exists, its size and its times can be seen (stat)."),
        say("What descriptors 0 to 2 and those that were passed on have open stays open."),
    ),
}
OLD_KERNEL = (
    (2, say("This kernel's Landlock is old: files cannot be moved between folders.")),
    (3, say("This kernel's Landlock is old: files outside can be cut short (truncate).")),
    (4, say("This kernel's Landlock is old: TCP is not limited.")),
    (5, say("This kernel's Landlock is old: devices that can be opened take any command (ioctl).")),
    (6, say("This kernel's Landlock is old: signals and abstract sockets reach other processes.")),
)
# What the C library and OpenSSL read by themselves. Nothing of it is secret.
SYSTEM_FILES = (
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/usr/lib/locale"),
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols", "/etc/ssl/certs", "/etc/ssl/openssl.cnf"),
    *("/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/crypto-policies"),
    *("/etc/pki/tls/certs", "/etc/pki/tls/openssl.cnf", "/etc/pki/ca-trust"),
    *("/dev/urandom", "/dev/random", "/dev/zero"),
)
DESCRIPTORS = "/dev/fd"  # on Linux a link to /proc/self/fd
SHARED_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")


@dataclass(frozen=True)
class Sandboxed:
    """How this process is confined, and what that leaves open, in plain words."""

    kind: Kind
    version: int  # of Landlock's interface in this kernel; 0 for the audit hook
    tcp: bool  # whether TCP is limited to the ports that were given
    scoped: bool  # whether signals and abstract sockets stay inside
    holes: tuple[str, ...]


def only_files(
    readable: Sequence[Path], writable: Sequence[Path] = (), *, never: Sequence[Path] = (),
    devices: Sequence[Path] = (), connect: Sequence[int] = (), bind: Sequence[int] = (),
    keep_open: Sequence[int] = (),
) -> Sandboxed:  # fmt: skip
    """Confine the calling process, and its children, to these files and folders, for good.

    The interpreter, its packages, shared libraries, certificates, time zones and a few harmless devices stay
    readable; the interpreter alone can be executed. ``never`` are paths that must not be reachable: it is an
    error if what is allowed holds one of them. ``devices`` take any command (ioctl). TCP connects to the
    ports ``connect`` only and listens on ``bind`` only (port 0: any free one). All descriptors are closed but
    0 to 2 and ``keep_open``.

    What is allowed is what is there now: of a file that will be replaced, allow the folder.

    Raises `InputError` for paths that do not exist or contradict ``never``, `OberihError` if there are
    threads already; nothing is confined then.
    """
    if not all(0 <= port <= 65_535 for port in (*connect, *bind)):
        raise InputError("A number is given that is no port of TCP.", "Ports are 0 to 65535.")
    writes = [existing(path) for path in writable]
    reads = [*(existing(path) for path in readable), *system_paths()]
    used = [existing(path) for path in devices]
    forbid(never, reads + writes + used)
    version = _landlock.version()
    if version and _landlock.threads() > 1:
        raise OberihError(
            "This process has threads already, which cannot be confined.",
            "Confine it first, before NumPy or anything else that starts threads is imported.",
        )
    close_others(keep_open)
    writes.append(Path(os.devnull))
    if version:
        _landlock.restrict(version, reads, writes, executables(), used, connect, bind)
        old = tuple(said for since, said in OLD_KERNEL if version < since)
        made = Sandboxed("landlock", version, version >= 4, version >= 6, HOLES["landlock"] + old)
    else:
        _audit.restrict(reads, writes + used, connect, bind)
        made = Sandboxed("audit hook", 0, True, False, HOLES["audit hook"])
    check(never)
    return made


def can_confine() -> bool:
    """Whether the kernel does it: then children of a confined process run, and are confined too."""
    return _landlock.version() > 0


def existing(path: Path) -> Path:
    """``path`` without links. Raises `InputError` if there is nothing, or it is everything."""
    try:
        found = Path(path).resolve(strict=True)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(
            say("{path} cannot be allowed: {why}", path=path, why=why), "Make it first, or leave it out."
        ) from error
    if found == Path(found.anchor):
        raise InputError("The whole file system cannot be allowed.", "Give the folders that are needed.")
    return found


def forbid(never: Iterable[Path], allowed: Iterable[Path]) -> None:
    """Raise `InputError` if what must never be opened is, lies in or holds something that is allowed."""
    allowed = list(allowed)
    for path in never:
        true = Path(path).resolve()
        for one in allowed:
            if true.is_relative_to(one) or one.is_relative_to(true):
                raise InputError(
                    say("{path} must not be reachable, but {allowed} is allowed.", path=path, allowed=one),
                    "Keep them in folders of their own, side by side.",
                )


def system_paths() -> list[Path]:
    """What the interpreter and its libraries read, if it is there."""
    paths = sysconfig.get_paths()
    certificates = ssl.get_default_verify_paths()
    wanted: list[str | os.PathLike[str] | None] = [
        *(paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")),
        Path(__file__).parents[1],  # this package, also where it is installed to be edited
        Path(sys.prefix, "pyvenv.cfg"),
        Path(sys.base_prefix, "lib"),
        *(certificates.openssl_cafile, certificates.openssl_capath, certificates.cafile, certificates.capath),
        *mimetypes.knownfiles,
        *SYSTEM_FILES,
        *SHARED_LIBRARIES,
        *executables(),
    ]
    found = {Path(path).resolve() for path in wanted if path and os.access(path, os.F_OK)}
    return sorted(found - {Path("/")})


def executables() -> list[Path]:
    """The interpreter, and the loader that the kernel runs it with."""
    loaders = [path for folder in ("/lib", "/lib64") for path in Path(folder).glob("ld-*.so*")]
    return sorted({path.resolve() for path in [Path(sys.executable), *loaders]})


def close_others(keep_open: Iterable[int]) -> None:
    """Close every descriptor but the first three and ``keep_open``."""
    gc.collect()  # files that nobody holds any more close themselves, before their numbers are others'
    kept = {0, 1, 2, *keep_open}
    for name in os.listdir(DESCRIPTORS):  # noqa: PTH208 - names only
        if int(name) not in kept:
            with contextlib.suppress(OSError):  # the one that listed them is gone
                os.close(int(name))


def check(never: Iterable[Path]) -> None:
    """Try it: what must not be opened cannot be."""
    for path in [Path("/"), *never]:
        try:
            os.close(os.open(path, os.O_RDONLY))
        except OSError:
            continue
        raise OberihError(
            say("{path} can still be opened although this process is confined.", path=path),
            "Do not go on: report this, with the version of the kernel.",
        )
