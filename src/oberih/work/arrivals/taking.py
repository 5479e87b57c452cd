"""Appending to a data file: every byte at exactly its place, never two of one place, whoever else tries.

No lock is held while a line is slow: each piece is appended under a lock of its own, and only if the file
ends where the sender thinks it does. So a sender who comes back over a new line goes on at once, and what an
old, half-dead connection still delivers is refused.
"""

import base64
import binascii
import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from oberih.i18n import say
from oberih.work.arrivals.records import Refused, Why
from oberih.work.arrivals.refusals import conflict, gone, no_room, too_many

__all__ = ["ALGORITHMS", "Checksum", "Spool", "Taking", "free_bytes"]

PIECE = 1 << 20  # bytes copied at a time
MOST_CHECKED = 64 << 20  # bytes of a piece with a checksum: it waits beside the file until it is whole
ALGORITHMS = ("sha256", "sha1")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def free_bytes(folder: Path | int) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Taking:
    """An open data file that bytes are appended to, from ``offset`` on.

    Each time something comes, the time stamp of the file ``sign`` of life is renewed.
    """

    def __init__(self, path: Path, *, offset: int, size: int, keep_free: int, sign: Path) -> None:
        """Raises `Refused` if the file is gone, or ends elsewhere than at ``offset``."""
        try:
            self.file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise gone() from None
        self.path, self.offset, self.size = path, offset, size
        self.keep_free, self.sign = keep_free, sign
        self.synced = offset
        try:
            self._must_end_here()
        except BaseException:
            os.close(self.file)
            raise

    def __enter__(self) -> "Taking":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.file)

    @property
    def left(self) -> int:
        """Bytes that are still to come."""
        return self.size - self.offset

    def append(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Write ``pieces`` after what is there. What was written before an error counts as arrived."""
        count = sum(map(len, pieces))
        if count > self.left:
            raise too_many(self.size)
        if count > free_bytes(self.file) - self.keep_free:
            raise no_room()
        fcntl.flock(self.file, fcntl.LOCK_EX)
        try:
            self._must_end_here()
            os.utime(self.sign)
            for piece in pieces:
                left = memoryview(piece)
                while left:
                    done = os.write(self.file, left)
                    self.offset += done
                    left = left[done:]
        except FileNotFoundError:
            raise gone() from None
        except OSError as error:
            if error.errno in FULL:
                raise no_room() from error
            raise
        finally:
            fcntl.flock(self.file, fcntl.LOCK_UN)

    def sync(self) -> int:
        """Return how much has arrived, when that much survives a power cut.

        What could not be brought to the disk is taken back: the system may have forgotten it, and would
        not say so twice.
        """
        try:
            os.fdatasync(self.file)
        except OSError as error:
            fcntl.flock(self.file, fcntl.LOCK_EX)  # given back when the file is closed, which comes next
            os.truncate(self.file, self.synced)
            self.offset = self.synced
            if error.errno in FULL:
                raise no_room() from error
            raise
        if os.fstat(self.file).st_nlink == 0:
            raise gone()
        self.synced = self.offset
        return self.offset

    def _must_end_here(self) -> None:
        found = os.fstat(self.file)
        if found.st_nlink == 0:
            raise gone()
        if found.st_size != self.offset:
            raise conflict(found.st_size, self.offset)


class Checksum:
    """What a piece must hash to: tus' ``Upload-Checksum``, as in "sha256 47DEQpj8HBSa+/TImW+5JCeu...="."""

    def __init__(self, given: str) -> None:
        algorithm, _, digest = given.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise Refused(
                Why.WRONG, say("This checksum is of an unknown kind."), say("Use sha256 or sha1, or none.")
            )
        try:
            self.digest = base64.b64decode(digest, validate=True)
        except binascii.Error:
            self.digest = b""
        self.hash = hashlib.new(algorithm, usedforsecurity=False)
        if len(self.digest) != self.hash.digest_size:
            raise Refused(
                Why.WRONG,
                say("This checksum is not whole."),
                say("Send the name of the kind, a space, and the digest in Base64."),
            )


class Spool:
    """A piece with a checksum, beside the data file until it is all there and proved."""

    def __init__(self, taking: Taking, checksum: Checksum) -> None:
        self.taking, self.checksum = taking, checksum
        self.most = min(MOST_CHECKED, taking.left)
        self.file = nameless(taking.path.parent)
        self.count = 0

    def append(self, pieces: Sequence[bytes]) -> None:
        """Keep ``pieces`` for now."""
        self.count += sum(map(len, pieces))
        if self.count > self.taking.left:
            raise too_many(self.taking.size)
        if self.count > self.most:
            raise Refused(
                Why.TOO_LARGE,
                say("A piece with a checksum has at most {most:.0f} MB.", most=MOST_CHECKED / 1e6),
                say("Send smaller pieces, each with its checksum."),
            )
        if self.count > free_bytes(self.file.fileno()) - self.taking.keep_free:
            raise no_room()
        try:
            for piece in pieces:
                self.checksum.hash.update(piece)
                self.file.write(piece)
            self.file.flush()
        except OSError as error:
            if error.errno in FULL:
                raise no_room() from error
            raise

    def prove(self) -> None:
        """Hand the piece on to the data file. Raises `Refused` if it is not what the checksum says."""
        if self.checksum.hash.digest() != self.checksum.digest:
            raise Refused(
                Why.DAMAGED,
                say("The bytes were damaged on their way: the checksum differs."),
                say("Send this piece again."),
            )
        self.file.seek(0)
        while piece := self.file.read(PIECE):
            self.taking.append([piece])

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()


def nameless(folder: Path) -> IO[bytes]:
    """A new file on the disk of ``folder`` that is gone as soon as nobody has it open, whatever happens."""
    return tempfile.TemporaryFile(dir=folder)
