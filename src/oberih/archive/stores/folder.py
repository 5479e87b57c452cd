"""A store in a folder: a local disk, a USB disk, a network drive.

Every key is walked part by part from the root through open folders (``openat``), never following a symbolic
link, so that nothing planted under the root leads a reader or a writer out of it. A link, device, pipe or
socket under the root is no file of ours: `FolderStore.list` shows it, with the tag `NOT_A_FILE`, so that a
validator sees it; reading it raises `Unreadable`; deleting it removes the link, not what it points to. Names
that cannot be keys (not UTF-8, too deep) are shown in the same way.

What holds the promises of `Store`:

* `create` writes a temporary file beside the key, syncs it, and gives it its name with a hard link, which
  fails if the name is taken. On file systems without links: a rename under the folder's lock.
* `replace` compares and renames under an advisory lock (flock) on the folder, which goes with its process.
* A tag is time of modification and size. It takes no reading, so that `list` gives the same tag as `read`,
  and it is sound because `replace` sees to it that the time grows, by however much the file system can show.
* `write` hands each finished file to a few threads that sync it while the next is written; `settle` waits
  for them and syncs the folders.

A process that dies leaves temporary files (their names begin with `TEMPORARY`) and unfinished files of
`write`; `list` shows both. Names that differ only in case or Unicode form are one file on some systems (disks
of Windows and macOS): there `create` and `write` refuse the second.
"""

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from oberih.archive.stores import NOT_A_FILE, AlreadyThere, Changed, Stat, checked_key, well_formed
from oberih.archive.stores._files import (
    close_synced,
    explained,
    fill,
    lock,
    open_folder,
    pieces,
    remove_empty,
    stat_of,
    sync,
    tag_of,
    temporary_name,
    write_all,
)
from oberih.errors import StoreError
from oberih.i18n import say

__all__ = ["FolderStore"]

LOCK = ".oberih-lock"  # in the root, only where folders cannot be locked (NFS)
SYNCERS = 4  # threads
WAITING = 64  # files that wait for them at most: each is an open file
WITHOUT_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)
WITHOUT_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
AGAIN = 20  # times that a folder is made anew because others remove it while it is empty
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderStore:
    """The `Store` in a folder. May be used from several threads and processes."""

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        """``create``: make the folder if it is not there."""
        self.root = Path(path).expanduser().absolute()
        self.url = str(self.root)
        self._guard = threading.Lock()
        self._unsynced: dict[Future[None], str] = {}  # keys of files
        self._unsynced_folders: set[str] = set()
        self._room = threading.Semaphore(WAITING)
        self._syncers = ThreadPoolExecutor(SYNCERS, thread_name_prefix="sync")
        with self._explained():
            if create:
                self._make_root()
            with self._open_root() as root:
                self._longest_name = os.fpathconf(root, "PC_NAME_MAX")

    def _make_root(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError, FileNotFoundError) as error:
            raise StoreError(
                say("{path} is no folder, and none can be made there.", path=self.url),
                "Give a folder, or a place for a new one.",
            ) from error

    def read(self, key: str) -> tuple[bytes, str]:
        with self._explained(key, reading=True), self._open(key) as file:
            return b"".join(pieces(file)), tag_of(os.fstat(file))

    def stream(self, key: str, start: int = 0) -> Iterator[bytes]:
        with self._explained(key, reading=True), self._open(key) as file:
            os.lseek(file, start, os.SEEK_SET)
            yield from pieces(file)

    def stat(self, key: str) -> Stat:
        if any(len(part.encode()) > self._longest_name for part in checked_key(key).split("/")):
            raise KeyError(key)  # nothing can have such a name
        with self._explained(key), self._folder(above(key)) as folder:
            found = os.stat(last(key), dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            raise KeyError(key)
        return stat_of(key, found)

    def create(self, key: str, data: bytes) -> str:
        temporary = temporary_name()
        with self._explained(key), self._new(key, temporary) as (folder, file):
            try:
                tag = fill(file, data)
                self._link(temporary, key, folder)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
            self._sync_folders(above(key), folder)
            return tag

    def replace(self, key: str, data: bytes, tag: str) -> str:
        temporary = temporary_name()
        with self._explained(key, lost=Changed), self._folder(above(key)) as folder, self._locked(folder):
            old = os.stat(last(key), dir_fd=folder, follow_symlinks=False)
            if tag_of(old) != tag or tag == NOT_A_FILE:
                raise Changed(key)
            try:
                file = os.open(temporary, NEW, 0o666, dir_fd=folder)
                tag = fill(file, data, old.st_mtime_ns)
                os.rename(temporary, last(key), src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
                raise
            self._sync_folders(above(key), folder)
            return tag

    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        with self._new(key, last(key)) as (folder, file):
            size = 0
            try:
                for chunk in chunks:  # whose own errors are not the store's
                    with self._explained(key):
                        write_all(file, chunk)
                    size += len(chunk)
            except BaseException:
                os.close(file)
                with suppress(OSError):  # a full disk gets its room back
                    os.unlink(last(key), dir_fd=folder)
                raise
        self._room.acquire()
        with self._guard:
            self._unsynced_folders.add(above(key))
            synced = self._syncers.submit(close_synced, file)
            self._unsynced[synced] = key
        synced.add_done_callback(self._done)
        return size

    def settle(self, prefix: str) -> None:
        inside = prefix + "/" if prefix else ""
        with self._guard:
            waiting = [(f, key) for f, key in self._unsynced.items() if key.startswith(inside)]
        for synced, key in waiting:
            with self._explained(key):
                synced.result()
            # Kept until here if it failed: a file that is not safe must not be settled by asking twice.
        with self._guard:
            folders = [f for f in self._unsynced_folders if f"{f}/".startswith(inside)]
        with self._explained(prefix or None):
            for folder in sorted([*folders, prefix], key=len, reverse=True):
                self._sync_folders(folder)

    def list(self, prefix: str = "") -> Iterator[Stat]:
        for key, found in self._entries(prefix):
            if not well_formed(key):
                shown = key.encode(errors="backslashreplace").decode()
                yield Stat(shown, 0, datetime.fromtimestamp(found.st_mtime, UTC), NOT_A_FILE)
            elif stat.S_ISDIR(found.st_mode):
                yield from self.list(key)
            elif key != LOCK:
                yield stat_of(key, found)

    def folders(self, prefix: str = "") -> Iterator[str]:
        for key, found in self._entries(prefix):
            if stat.S_ISDIR(found.st_mode) and well_formed(key):
                yield key

    def delete(self, key: str) -> None:
        with suppress(KeyError), self._explained(key):
            with self._folder(above(key)) as folder, self._locked(folder):
                try:
                    os.unlink(last(key), dir_fd=folder)
                    self._forget(key)
                except (IsADirectoryError, PermissionError):
                    if stat.S_ISDIR(os.stat(last(key), dir_fd=folder, follow_symlinks=False).st_mode):
                        remove_empty(last(key), folder)  # there is no such file; and now one can be
                        return
                    raise
            self._remove_empty(above(key))

    def now(self) -> datetime:
        """The clock of whoever serves the folder: a network drive's may differ from ours."""
        name = temporary_name()
        with self._open_root() as root:
            try:
                os.close(os.open(name, NEW, 0o666, dir_fd=root))
                seconds = os.stat(name, dir_fd=root, follow_symlinks=False).st_mtime
                os.unlink(name, dir_fd=root)
            except OSError:  # read-only or full
                seconds = time.time()
        return datetime.fromtimestamp(seconds, UTC)

    @contextmanager
    def _open_root(self) -> Iterator[int]:
        try:
            root = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StoreError(
                say("There is no folder {url}.", url=self.url),
                "Check the path; attach the disk or mount the drive that it is on.",
            ) from error
        except OSError as error:
            raise explained(error, self.url, "") from error
        try:
            yield root
        finally:
            os.close(root)

    @contextmanager
    def _folder(self, key: str, make: bool = False) -> Iterator[int]:
        """The folder ``key``, open. ``make``: make it and those above it where missing."""
        with self._open_root() as root:
            folder = os.dup(root)
        try:
            walked = ""
            for part in key.split("/") if key else ():
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=folder)
                        with self._guard:
                            self._unsynced_folders.add(walked)
                inner = open_folder(part, folder)
                os.close(folder)
                folder = inner
                walked = f"{walked}/{part}" if walked else part
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def _new(self, key: str, name: str) -> Iterator[tuple[int, int]]:
        """The folder of ``key``, made if missing, and a new file ``name`` in it for the caller to close."""
        for part in checked_key(key).split("/"):
            if len(part.encode()) > self._longest_name:
                raise StoreError(
                    say("The name is too long for {url}: {name}", url=self.url, name=part),
                    say("Shorten it to at most {bytes} bytes.", bytes=self._longest_name),
                )
        for left in reversed(range(AGAIN)):
            try:
                with self._explained(key), self._folder(above(key), make=True) as opened:
                    file = os.open(name, NEW, 0o666, dir_fd=opened)
                    folder = os.dup(opened)
                break
            except KeyError as error:  # the folder was removed, or something else is in its place
                if not left or isinstance(error.__cause__, NotADirectoryError):
                    raise StoreError(
                        say("No folder can be made for {where}.", where=f"{self.url}/{key}"),
                        "Something else is in its place, or another program keeps removing it.",
                    ) from error
        try:
            yield folder, file
        finally:
            os.close(folder)

    @contextmanager
    def _open(self, key: str) -> Iterator[int]:
        """The file ``key``, open for reading."""
        with self._folder(above(key)) as folder:
            # Without O_NONBLOCK, opening a pipe would wait for its writer.
            file = os.open(
                last(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
            )
        try:
            kind = os.fstat(file).st_mode
            if stat.S_ISDIR(kind):
                raise KeyError(key)
            if not stat.S_ISREG(kind):
                raise OSError(errno.ELOOP, NOT_A_FILE)
            yield file
        finally:
            os.close(file)

    def _link(self, temporary: str, key: str, folder: int) -> None:
        """Give a temporary file its name, if nobody has it."""
        name = last(key)
        try:
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in WITHOUT_LINKS:
                raise
            with self._locked(folder):
                with suppress(FileNotFoundError):
                    os.stat(name, dir_fd=folder, follow_symlinks=False)
                    raise AlreadyThere(key) from None
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    def _entries(self, prefix: str) -> Sequence[tuple[str, os.stat_result]]:
        """What is directly in the folder ``prefix``, if there is one, in the order of the keys under it."""
        found = {}
        with suppress(KeyError), self._explained(prefix or None), self._folder(prefix) as folder:
            for name in os.listdir(folder):  # noqa: PTH208 (of an open folder)
                if not prefix and name == "lost+found":  # the file system's own
                    continue
                with suppress(FileNotFoundError):  # gone meanwhile
                    key = f"{prefix}/{name}" if prefix else name
                    found[key] = os.stat(name, dir_fd=folder, follow_symlinks=False)
        return sorted(found.items(), key=lambda item: item[0] + "/" * stat.S_ISDIR(item[1].st_mode))

    def _remove_empty(self, key: str) -> None:
        while key:
            with self._folder(above(key)) as folder:
                try:
                    os.rmdir(last(key), dir_fd=folder)
                except OSError:
                    return
            key = above(key)

    def _sync_folders(self, key: str, opened: int | None = None) -> None:
        """Sync the folder ``key`` (always, if ``opened`` is given) and those above it that changed."""
        while True:
            with self._guard:
                changed = key in self._unsynced_folders
                self._unsynced_folders.discard(key)
            try:
                if opened is not None:
                    sync(opened)
                elif changed:
                    with suppress(KeyError), self._explained(key or None), self._folder(key) as folder:
                        sync(folder)
            except BaseException:
                with self._guard:
                    self._unsynced_folders.add(key)
                raise
            if not key:
                return
            key, opened = above(key), None

    def _forget(self, key: str) -> None:
        """The file is gone: its folder is to be synced, and if itself it could not be, never mind."""
        with self._guard:
            self._unsynced_folders.add(above(key))
            for synced in [f for f, k in self._unsynced.items() if k == key and f.done()]:
                del self._unsynced[synced]

    def _done(self, synced: Future[None]) -> None:
        self._room.release()
        if synced.exception() is None:
            with self._guard:
                self._unsynced.pop(synced, None)

    @contextmanager
    def _locked(self, folder: int) -> Iterator[None]:
        """Alone among those who ask for the lock of this open folder."""
        try:
            lock(folder)
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                raise
            with self._open_root() as root:
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                file = os.open(LOCK, flags, 0o666, dir_fd=root)
            try:
                lock(file)
                yield
            finally:
                os.close(file)
        else:
            try:
                yield
            finally:
                fcntl.flock(folder, fcntl.LOCK_UN)

    @contextmanager
    def _explained(
        self, key: str | None = None, reading: bool = False, lost: type[Exception] = KeyError
    ) -> Iterator[None]:
        """System errors as `StoreError`, or as ``lost`` if there is no such file or folder."""
        if key is not None:
            checked_key(key)
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise lost(key) from error
        except FileExistsError:
            raise AlreadyThere(key) from None
        except OSError as error:
            raise explained(error, self.url, key or "", reading) from error


def above(key: str) -> str:
    """The folder that ``key`` is in; "" is the root."""
    return key.rpartition("/")[0]


def last(key: str) -> str:
    return key.rpartition("/")[2]
