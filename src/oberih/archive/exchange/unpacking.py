"""Zip and tar files of strangers, unpacked under limits into a folder that is gone afterwards.

Refused: paths that lead out, links, devices, a name twice, encryption, and more than the `Limits` in bytes,
files or ratio, counted while the bytes come, whatever the file says of itself. Nothing is left on failure.
"""

import errno
import gzip
import io
import os
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from oberih.archive.exchange.safe_paths import shown, unsafe
from oberih.archive.stores import CHUNK
from oberih.errors import InputError, OutputError
from oberih.i18n import say
from oberih.progress import Tick

__all__ = ["Limits", "checked_zip", "unpacked"]

SMALL = 64 << 20  # bytes that may come from any ratio: they do no harm
DIRECTORY_PER_ENTRY = 256  # bytes of a zip file's directory that we read per file that we allow
LARGEST_HEADER = 1 << 20  # bytes: what a tar file may say of one file
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others have no bound on what one read gives
DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile, struct.error,
    EOFError, ValueError, NotImplementedError, RuntimeError, OverflowError, LookupError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What a packed file may become."""

    bytes: int = 1 << 40
    files: int = 200_000
    ratio: float = 200.0  # unpacked bytes per packed byte


@contextmanager
def unpacked(
    file: Path, *, within: Path | None = None, limits: Limits | None = None, tick: Tick | None = None
) -> Iterator[Path]:
    """The folder that ``file`` (.zip, .tar or .tar.gz) packs, for as long as the block lasts.

    That is the one folder at its top, or the one there that is a bag, or all of it. It lies in a new folder
    in ``within`` (else where temporary files go). ``tick`` is told the unpacked bytes.
    """
    root = Path(tempfile.mkdtemp(prefix="oberih-unpack-", dir=within))
    try:
        unpack(Path(file), root, limits or Limits(), tick)
        yield top(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def unpack(file: Path, root: Path, limits: Limits, tick: Tick | None) -> None:
    try:
        with file.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            start = source.read(4)
            source.seek(0)
            if start[:2] == b"PK":
                entries = zip_entries(source, file.name, limits, root)
            else:
                entries = tar_entries(source, start, file.name)
            meter = Meter(file.name, size, limits, tick)
            for name, content in entries:
                place(root, name, content, meter)
    except OSError as error:
        raise explained(file, error) from error
    except DAMAGED as error:
        raise damaged(file.name) from error


def damaged(name: str) -> InputError:
    return InputError(
        say("{file} is damaged, or not a .zip, .tar or .tar.gz file.", file=shown(name)),
        say("Ask the sender for a new copy."),
    )


def explained(file: Path, error: OSError) -> InputError | OutputError:
    reason = error.strerror or str(error)
    if isinstance(error, gzip.BadGzipFile):
        return damaged(file.name)
    if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError) and error.filename == str(
        file
    ):
        return InputError(say("{path} cannot be read: {reason}.", path=shown(str(file)), reason=reason))
    if error.errno in (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL):
        return refused(file.name, say("this disk cannot hold one of its names"))
    if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
        return refused(file.name, say("two of its files have the same name"))
    return OutputError(
        say("{file} cannot be unpacked: {reason}.", file=shown(file.name), reason=reason),
        say("Check the free space where temporary files go. Nothing was left there."),
    )


def refused(name: str, reason: str) -> InputError:
    return InputError(
        say("{file} is refused: {reason}.", file=shown(name), reason=reason),
        say("If you trust the sender, ask for the files in a folder, or unpack them yourself."),
    )


@dataclass
class Meter:
    """Counts what comes out, and stops it."""

    name: str
    packed: int  # bytes
    limits: Limits
    tick: Tick | None
    bytes: int = 0
    files: int = 0

    def file(self) -> None:
        self.files += 1
        if self.files > self.limits.files:
            raise refused(self.name, say("it holds more than {count} files", count=self.limits.files))

    def add(self, size: int) -> None:
        self.bytes += size
        check_size(self.name, self.bytes, self.packed, self.limits)
        if self.tick is not None:
            self.tick(size)


def check_size(name: str, size: int, packed: int, limits: Limits) -> None:
    if size > limits.bytes or size > max(SMALL, limits.ratio * packed):
        raise refused(name, say("it unpacks to far more than it is, like a zip bomb"))


Entry = tuple[str, Iterable[bytes] | None]  # None: a folder


def place(root: Path, written: str, content: Iterable[bytes] | None, meter: Meter) -> None:
    """Write one entry. In a new folder without links, a safe path stays inside."""
    meter.file()
    name = written
    while name.startswith("./"):
        name = name[2:]
    if content is None and name.strip("/.") == "" and ".." not in name and not written.startswith("/"):
        return  # the top itself
    reason = unsafe(name.rstrip("/") if content is None else name)
    if reason:
        raise refused(
            meter.name,
            say("the path {path} does not stay inside, {reason}", path=shown(written), reason=reason),
        )
    path = root / name
    if content is None:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for chunk in content:
            meter.add(len(chunk))
            file.write(chunk)


def top(root: Path) -> Path:
    """The folder that was meant."""
    folders = [path for path in root.iterdir() if path.is_dir()]
    if (root / "bagit.txt").is_file():
        return root
    bags = [path for path in folders if (path / "bagit.txt").is_file()]
    if len(bags) == 1:
        return bags[0]
    return folders[0] if len(folders) == len(list(root.iterdir())) == 1 else root


def zip_entries(source: BinaryIO, name: str, limits: Limits, root: Path) -> Iterator[Entry]:
    with checked_zip(source, name, limits) as pack:
        entries = pack.infolist()
        if sum(entry.file_size for entry in entries) > shutil.disk_usage(root).free:
            raise OutputError(
                say("There is not enough space to unpack {file}.", file=shown(name)),
                say("Free some space where temporary files go."),
            )
        for entry in entries:
            mode = entry.external_attr >> 16 if entry.create_system == 3 else 0
            path = zip_name(entry)
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refused(name, say("{path} is a link or a device", path=shown(path)))
            yield path, None if path.endswith("/") else zip_bytes(pack, entry)


def zip_name(entry: zipfile.ZipInfo) -> str:
    """The name of an entry, where old programs did not say that it is UTF-8 or wrote backslashes."""
    name = entry.filename
    if not entry.flag_bits & 0x800 and not name.isascii():
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/") if entry.create_system == 0 else name


def zip_bytes(pack: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with pack.open(entry) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def checked_zip(source: BinaryIO, name: str, limits: Limits) -> zipfile.ZipFile:
    """An open zip file whose directory keeps to the limits; what it promises is what it can give at most."""
    directory = directory_bytes(source)
    if directory > limits.files * DIRECTORY_PER_ENTRY:
        raise refused(name, say("it holds more than {count} files", count=limits.files))
    size = source.seek(0, os.SEEK_END)
    pack = zipfile.ZipFile(source)
    if len(pack.infolist()) > limits.files:
        raise refused(name, say("it holds more than {count} files", count=limits.files))
    check_size(name, sum(entry.file_size for entry in pack.infolist()), size, limits)
    for entry in pack.infolist():
        if entry.flag_bits & 0x1:
            raise refused(name, say("it is encrypted"))
        if entry.compress_type not in METHODS:
            raise refused(name, say("it is packed by a method that is not used here"))
    return pack


def directory_bytes(source: BinaryIO) -> int:
    """How large the directory of a zip file says it is. `zipfile` reads all of it at once."""
    size = source.seek(0, os.SEEK_END)
    source.seek(max(0, size - 65_557 - 76))
    tail = source.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile
    told = int(struct.unpack("<L", tail[at + 12 : at + 16])[0])
    larger = tail.rfind(b"PK\x06\x06", 0, at)
    if larger >= 0 and len(tail) >= larger + 56:
        told = max(
            told if told != 0xFFFFFFFF else 0, int(struct.unpack("<Q", tail[larger + 40 : larger + 48])[0])
        )
    return told


class Sips:
    """A file that is never read in large pieces: a tar file's header may ask for any number of bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def read(self, size: int, /) -> bytes:
        if not 0 <= size <= LARGEST_HEADER:
            raise tarfile.ReadError("a header of absurd size")
        return self.file.read(size)

    def seek(self, place: int, /) -> int:
        return self.file.seek(place)

    def tell(self) -> int:
        return self.file.tell()

    def write(self, _: bytes, /) -> int:
        raise io.UnsupportedOperation

    def close(self) -> None:
        """The file belongs to whoever opened it."""


def tar_entries(source: BinaryIO, start: bytes, name: str) -> Iterator[Entry]:
    plain = cast(BinaryIO, gzip.GzipFile(fileobj=source)) if start[:2] == b"\x1f\x8b" else source
    with tarfile.open(fileobj=Sips(plain), mode="r:") as pack:
        for entry in pack:
            if entry.isdir():
                yield entry.name, None
            elif not entry.isreg() or entry.issparse() or entry.size < 0:
                raise refused(name, say("{path} is a link or a device", path=shown(entry.name)))
            else:
                yield entry.name, tar_bytes(pack, entry)


def tar_bytes(pack: tarfile.TarFile, entry: tarfile.TarInfo) -> Iterator[bytes]:
    file = pack.extractfile(entry)
    assert file is not None
    left = entry.size
    while left:
        chunk = file.read(min(CHUNK, left))
        if not chunk:
            raise EOFError
        left -= len(chunk)
        yield chunk
