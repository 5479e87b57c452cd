"""A folder or a file of results appears whole or not at all: it is written beside its place, then renamed."""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from oberih.archive.exchange.safe_paths import shown, unsafe
from oberih.archive.stores import CHUNK
from oberih.errors import InputError, OutputError
from oberih.i18n import say
from oberih.progress import Tick

__all__ = ["Content", "Names", "chunks_of", "new_file", "new_folder", "sync_folder", "write_file"]

Content = Path | Iterable[bytes]  # a file, or its bytes in pieces


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """A folder to fill. It becomes ``place`` at the end of the block, or is removed if the block fails."""
    with beside(place) as work:
        work.mkdir()
        yield work
        for folder, _, _ in os.walk(work):
            sync_folder(Path(folder))


@contextmanager
def new_file(place: Path) -> Iterator[Path]:
    """A path to write a file at. It becomes ``place`` at the end of the block, or is removed."""
    with beside(place) as work:
        yield work
        with work.open("rb") as file:
            os.fsync(file.fileno())


@contextmanager
def beside(place: Path) -> Iterator[Path]:
    if os.path.lexists(place):
        raise OutputError(
            say("{path} is there already.", path=shown(str(place))),
            say("Choose another name, or move what is there away."),
        )
    work = place.absolute().parent / f".{secrets.token_hex(8)}.part"
    try:
        yield work
        work.rename(place)
        sync_folder(work.parent)
    except OSError as error:
        remove(work)
        raise cannot_write(place, error) from error
    except BaseException:
        remove(work)
        raise


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def cannot_write(place: Path, error: OSError) -> InputError | OutputError:
    reason = error.strerror or type(error).__name__
    if error.errno == errno.ENAMETOOLONG:
        name = Path(str(error.filename or place)).name
        return InputError(
            say("The name {name} is too long for this disk.", name=shown(name[:300])),
            say("Give the file a shorter name."),
        )
    return OutputError(
        say("{path} cannot be written: {reason}.", path=shown(str(place)), reason=reason),
        say("Check the free space and the permissions there, then try again. Nothing half-written was left."),
    )


def sync_folder(folder: Path) -> None:
    """Return when the names in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network drives cannot
            os.fsync(handle)
    finally:
        os.close(handle)


def chunks_of(name: str, content: Content) -> Iterator[bytes]:
    """The bytes of ``content``, which is what ``name`` is made of."""
    try:
        if isinstance(content, Path):
            with content.open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        else:
            yield from content
    except OSError as error:
        raise InputError(
            say("{path} cannot be read: {reason}.", path=shown(name), reason=error.strerror or str(error)),
            say("Check that the file is there and that you may read it, then try again."),
        ) from error


def write_file(
    path: Path, content: Iterable[bytes], algorithms: Sequence[str] = (), tick: Tick | None = None
) -> tuple[int, dict[str, str]]:
    """Write a new file, durably, and return its size and its digests, each byte seen once."""
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    size = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for chunk in content:
            file.write(chunk)
            for one in hashes.values():
                one.update(chunk)
            size += len(chunk)
            if tick is not None:
                tick(len(chunk))
        file.flush()
        os.fsync(file.fileno())
    return size, {name: one.hexdigest() for name, one in hashes.items()}


class Names:
    """The names of the files of a new package, each of them safe and no two in each other's way."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, name: str) -> None:
        """Raises `InputError` if a package cannot hold a file ``name`` beside those before."""
        reason = unsafe(name)
        if reason:
            raise InputError(
                say(
                    "{path} cannot be the name of a file in a package: {reason}.",
                    path=shown(name),
                    reason=reason,
                )
            )
        parts = name.split("/")
        above = {"/".join(parts[:n]) for n in range(1, len(parts))}
        if name in self.files or name in self._folders or above & self.files:
            raise InputError(say("Two files of the package have the name {path}.", path=shown(name)))
        self.files.add(name)
        self._folders |= above
