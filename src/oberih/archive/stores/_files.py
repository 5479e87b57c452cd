"""Single steps on open files and folders that `FolderStore` is made of, and what their errors mean."""

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from oberih.archive.stores import CHUNK, NOT_A_FILE, TEMPORARY, Stat, Unreadable
from oberih.errors import StoreError
from oberih.i18n import say

__all__ = ["close_synced", "explained", "fill", "lock", "open_folder", "pieces", "stat_of", "tag_of"]

LOCK_WAIT_S = 60.0
JITTER_NS = 1_000_000  # time stamps go by the tick: files of one tick must still differ
STEPS_NS = (0, 1_000, 1_000_000, 10_000_000, 1_000_000_000, 2_000_000_000)  # grain of time of file systems
FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone stops at the disk's own memory

GONE = (errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN)
FORBIDDEN = (errno.EACCES, errno.EPERM)
BROKEN = (errno.EIO, errno.EBADMSG, getattr(errno, "EUCLEAN", errno.EIO))


def temporary_name() -> str:
    return f"{TEMPORARY}{secrets.token_hex(8)}"


def open_folder(name: str, folder: int) -> int:
    """The folder ``name`` in an open folder. A link to a folder is none (ELOOP)."""
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except NotADirectoryError:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, NOT_A_FILE) from None
        raise


def pieces(file: int) -> Iterator[bytes]:
    """The rest of an open file."""
    while piece := os.read(file, CHUNK):
        yield piece


def write_all(file: int, data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def sync(file: int) -> None:
    """Return when the open file or folder survives a power cut."""
    if FULL_SYNC is not None:
        with suppress(OSError):  # not every file system has it
            fcntl.fcntl(file, FULL_SYNC)
            return
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno != errno.EINVAL:  # folders on some network drives cannot be synced
            raise


def close_synced(file: int) -> None:
    try:
        sync(file)
    finally:
        os.close(file)


def fill(file: int, data: bytes, older_ns: int = 0) -> str:
    """Fill, sync and close a new file. Its time is later than ``older_ns``. Returns its tag."""
    try:
        write_all(file, data)
        began = max(os.fstat(file).st_mtime_ns, older_ns + 1) + secrets.randbelow(JITTER_NS)
        for step in STEPS_NS:
            os.utime(file, ns=(began + step, began + step))
            found = os.fstat(file)
            if found.st_mtime_ns > older_ns:
                break
        sync(file)
        return tag_of(found)
    finally:
        os.close(file)


def lock(file: int) -> None:
    """Take the lock of an open file or folder. Closing it, or the end of the process, gives it back."""
    until = time.monotonic() + LOCK_WAIT_S
    pause = 0.001
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def remove_empty(name: str, folder: int) -> None:
    """Remove the folder ``name`` in ``folder``, and all in it, as far as no file is in them."""
    for _, names, _, opened in os.fwalk(name, topdown=False, dir_fd=folder):
        for inside in names:
            with suppress(OSError):
                os.rmdir(inside, dir_fd=opened)
    with suppress(OSError):
        os.rmdir(name, dir_fd=folder)


def tag_of(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_size:x}" if stat.S_ISREG(found.st_mode) else NOT_A_FILE


def stat_of(key: str, found: os.stat_result) -> Stat:
    size = found.st_size if stat.S_ISREG(found.st_mode) else 0
    return Stat(key, size, datetime.fromtimestamp(found.st_mtime, UTC), tag_of(found))


def explained(error: OSError, url: str, key: str, reading: bool = False) -> StoreError:
    """What a system error means for the store at ``url``; ``reading``: met when the file ``key`` was read."""
    where = f"{url}/{key}" if key else url
    code = error.errno
    if code == errno.ELOOP or (reading and code == errno.ENXIO):  # ENXIO: a socket
        return Unreadable(
            say("{where} is, or lies behind, a link or a device; only plain files are read.", where=where),
            "Nobody follows links in a store. Remove it, then check and repair the archive.",
        )
    if reading and code in (*BROKEN, *FORBIDDEN):
        return Unreadable(
            say("{where} cannot be read: {reason}.", where=where, reason=error.strerror),
            "Check the disk and the permissions of the file; repairing copies it from another store.",
        )
    if code == errno.ENOSPC:
        return StoreError(
            say("There is no room left in {url}.", url=url),
            "Free some room or use a larger disk. What was stored before is whole.",
        )
    if code == errno.EDQUOT:
        return StoreError(
            say("The quota in {url} is used up.", url=url),
            "Ask whoever runs the disk for more room. What was stored before is whole.",
        )
    if code == errno.EFBIG:
        return StoreError(
            say("The file is too large for the file system: {where}", where=where),
            "FAT disks hold files up to 4 GB: format the disk with exFAT or ext4. Users may have limits.",
        )
    if code == errno.EROFS:
        return StoreError(
            say("{url} can only be read.", url=url),
            "Mount the disk for writing, or use the store only for reading.",
        )
    if code in FORBIDDEN:
        return StoreError(
            say("You may not do this in {url}: {where}", url=url, where=where),
            "Give your user permission to read and write the folder and all that is in it.",
        )
    if code == errno.ENAMETOOLONG:
        return StoreError(
            say("The name is too long for {url}: {name}", url=url, name=key), "Shorten the name."
        )
    if code in (errno.EWOULDBLOCK, errno.EAGAIN):
        return StoreError(
            say("Another program has held {where} for a minute.", where=where),
            "Wait until it is finished, or end it, and try again.",
        )
    if code in GONE:
        return StoreError(
            say("{url} went away.", url=url),
            "Attach the disk or mount the network drive again, then repeat the command.",
        )
    if code in BROKEN:
        return StoreError(
            say("The disk reports an error in {where}.", where=where),
            "Copy what is still readable elsewhere, and replace the disk.",
        )
    return StoreError(
        say("{where} cannot be used: {reason}.", where=where, reason=error.strerror or str(error)),
        "Check the disk, the path and its permissions.",
    )
