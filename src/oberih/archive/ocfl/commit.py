"""Writing a version of an OCFL object: all of it or nothing, while others may try the same.

Content goes to ``vN/content/<token>/<logical path>`` with a token of this commit alone, so that two writers
never touch each other's bytes. What happens then, `objects` tells.
"""

import os
import re
import secrets
import stat as modes
import string
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256, sha512
from pathlib import Path
from types import TracebackType

from oberih.archive.ocfl import digests
from oberih.archive.ocfl.check import BAD_ELEMENT
from oberih.archive.ocfl.findings import shown
from oberih.archive.ocfl.inventory import Inventory, Version, dump, parse
from oberih.archive.ocfl.layout import object_key
from oberih.archive.ocfl.objects import INVENTORY, OcflObject, publish
from oberih.archive.ocfl.root import SPEC
from oberih.archive.stores import CHUNK, WORST_KEY, AlreadyThere, Store, exists
from oberih.errors import Conflict, InputError, StoreError
from oberih.i18n import say

__all__ = ["TOKEN", "Added", "Commit", "Source", "begin"]

TOKEN = re.compile(r"[a-z0-9]{8}")  # the folder of one commit's content
ODD = re.compile(r"[\x00-\x1f\x7f\\]|%(?=[0-9a-f]{2})")  # not in names on every kind of store
PIECE = 1 << 18  # bytes read at once: they are hashed and written while they are in the processor's cache
LONGEST_NAME = 255  # bytes of a name on nearly every file system

Source = Path | str | bytes | Iterable[bytes]
Tick = Callable[[float], None]


@dataclass(frozen=True)
class Added:
    """A file as it was stored."""

    path: str  # logical
    size: int  # bytes
    sha512: str
    digest: str  # in the object's own algorithm: the sha512, unless another program began the object
    sha256: str | None = None  # where it was asked for


def begin(
    store: Store,
    identifier: str,
    *,
    base: OcflObject | None = None,
    message: str,
    user: tuple[str, str],
    created: datetime | None = None,
) -> "Commit":
    """Begin the version after ``base``, or a new object. Raises `Conflict` if somebody made it already.

    ``user``: a name and a URI. The new version is empty until something is added or kept.
    """
    if base is not None and base.id != identifier:
        raise ValueError(f"{base.id} is no base for {identifier}")
    commit = Commit(store, identifier, base, message, user, created or datetime.now(UTC))
    if exists(store, f"{commit.folder}/{INVENTORY}") or (
        base is None and exists(store, f"{commit.key}/{INVENTORY}")
    ):
        raise commit.conflict()
    return commit


class Commit:
    """A version in the making. A context manager: left without `finish`, it takes away what it wrote."""

    def __init__(
        self,
        store: Store,
        identifier: str,
        base: OcflObject | None,
        message: str,
        user: tuple[str, str],
        created: datetime,
    ) -> None:
        self.store, self.id, self.base = store, identifier, base
        self.message, self.user = message, user
        self.created = created.astimezone(UTC).isoformat().replace("+00:00", "Z")
        self.key = base.key if base else object_key(identifier)
        self.version = base.inventory.next_version() if base else "v1"
        self.algorithm = base.inventory.algorithm if base else digests.CONTENT[0]
        self.folder = f"{self.key}/{self.version}"
        self.token = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
        directory = (base.inventory.content_directory if base else None) or "content"
        self.content = f"{self.version}/{directory}/{self.token}"  # in the object
        # digest in lower case -> as the manifest has it
        self._known = {digest.lower(): digest for digest in base.inventory.manifest} if base else {}
        self._state: dict[str, str] = {}  # logical path -> digest
        self._folders: Counter[str] = Counter()  # folders of logical paths
        self._written: dict[str, tuple[str, int]] = {}  # digest -> content path, size
        self._taken: set[str] = set()  # content paths
        self._guard = threading.Lock()
        self._committed = False

    # -- what the version holds --------------------------------------------------------------------------

    def keep(self, *paths: str) -> None:
        """Take these files of the version before, or all of them."""
        files = self.base.inventory.files() if self.base else {}
        for path in paths or files:
            if path not in files:
                raise InputError(say("The version before has no file {path}.", path=path), "Add it instead.")
            self._place(path, files[path].digest)

    def replace(self) -> None:
        """Begin with an empty version again: what was added or kept so far is not in it."""
        self._state.clear()
        self._folders.clear()

    def remove(self, path: str) -> None:
        """The file is not in this version. Versions before keep it."""
        with self._guard:
            if path not in self._state:
                raise InputError(say("This version has no file {path}.", path=path), "Check the path.")
            del self._state[path]
            self._folders.subtract(parents(path))

    def rename(self, path: str, new: str) -> None:
        """The file has another path in this version."""
        digest = self._state.get(path)
        if new in self._state:
            raise InputError(say("{path} is there already.", path=new), "Choose another name.")
        self.remove(path)
        assert digest is not None
        self._place(new, digest)

    def _place(self, path: str, digest: str) -> None:
        with self._guard:
            self._fits(path)
            if path not in self._state:
                self._folders.update(parents(path))
            self._state[path] = digest

    def _fits(self, path: str) -> None:
        if BAD_ELEMENT.search(path) or not printable(path):
            raise InputError(
                say("{path} is no path for a file in an object.", path=shown(path)), "Rename the file."
            )
        if self._folders[path] > 0 or any(parent in self._state for parent in parents(path)):
            raise InputError(
                say("{path} is a file and a folder at once.", path=path), "Rename one of the two."
            )

    # -- content -----------------------------------------------------------------------------------------

    def add(self, path: str, source: Source, *, sha256: bool = False, tick: Tick | None = None) -> Added:
        """Store a file: read once, hashed and written at the same time. May be called from several threads.

        ``path``: in the object. ``source``: a file, or bytes, or pieces of bytes. ``tick`` is told the bytes.
        """
        content = self._content_path(path)
        hashing = Hashing(self.algorithm, sha256, tick)
        try:
            size = self.store.write(f"{self.key}/{content}", hashing(pieces(source)))
        except AlreadyThere:  # on a disk where A and a are one file
            content = f"{self.content}/{secrets.token_hex(16)}"
            size = self.store.write(f"{self.key}/{content}", hashing(pieces(source)))
        added = hashing.result(path, size)
        digest, superfluous = added.digest, True
        with self._guard:
            if digest not in self._known and digest not in self._written:
                self._written[digest] = content, size
                superfluous = False
        self._place(path, self._known.get(digest, digest))
        if superfluous:
            self.store.delete(f"{self.key}/{content}")
        return added

    def add_all(
        self,
        items: Iterable[tuple[str, Source]],
        threads: int = 1,
        *,
        sha256: bool = False,
        tick: Tick | None = None,
    ) -> list[Added]:
        """Store many files at once, in the order given. The first error ends it."""
        pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="add")
        try:
            running = [
                pool.submit(self.add, path, source, sha256=sha256, tick=tick) for path, source in items
            ]
            return [one.result() for one in running]
        finally:
            pool.shutdown(cancel_futures=True)

    def _content_path(self, path: str) -> str:
        """Where the bytes go: as the logical path says, if every store can have such names."""
        plain = ODD.sub(lambda match: f"%{ord(match.group()):02x}", path)
        content = f"{self.content}/{plain}"
        with self._guard:
            self._fits(path)
            if (
                content in self._taken  # added again
                or max(len(part.encode()) for part in plain.split("/")) > LONGEST_NAME
                or len(f"{self.key}/{content}".encode()) > WORST_KEY
            ):
                content = f"{self.content}/{secrets.token_hex(16)}"
            self._taken.add(content)
        return content

    # -- the end -----------------------------------------------------------------------------------------

    def finish(self) -> OcflObject:
        """Make the version. Raises `Conflict` if somebody else made it first; then nothing of ours stays."""
        self._drop_unused()
        inventory = self._inventory()
        data = dump(inventory)
        parse(data)  # nothing that is not valid leaves this house
        if self._written:
            self.store.settle(self.folder)
            self._check_all_there()
        try:
            self._intend(data)
        except AlreadyThere:
            raise self.conflict() from None
        publish(self.store, self.key, data, inventory)
        return OcflObject(self.store, self.key, inventory, sha512(data).hexdigest())

    def _drop_unused(self) -> None:
        used = set(self._state.values())
        for digest in [digest for digest in self._written if digest not in used]:
            content, _ = self._written.pop(digest)
            self.store.delete(f"{self.key}/{content}")

    def _inventory(self) -> Inventory:
        state: dict[str, tuple[str, ...]] = {}
        for path, digest in sorted(self._state.items()):
            state[digest] = (*state.get(digest, ()), path)
        name, address = self.user
        version = Version(self.created, state, self.message, name, address or None)
        manifest = {digest: (content,) for digest, (content, _) in self._written.items()}
        if self.base is None:
            return Inventory(self.id, self.version, manifest, {self.version: version}, spec=SPEC)
        before = self.base.inventory
        return replace(
            before,
            head=self.version,
            manifest={**before.manifest, **manifest},
            versions={**before.versions, self.version: version},
        )

    def _check_all_there(self) -> None:
        """A sweep may have taken a commit of many days for the leftovers of a dead one."""
        start = len(self.key) + 1
        there = {stat.key[start:]: stat.size for stat in self.store.list(f"{self.key}/{self.content}")}
        for content, size in self._written.values():
            if there.get(content) != size:
                raise StoreError(
                    say("{key} was taken away while the version was written.", key=content),
                    "Try again, and let `oberih` sweep only what is older than your longest deposit.",
                )

    def _intend(self, data: bytes) -> None:
        """From here on the version is made. Raises `AlreadyThere`."""
        intent = f"{self.folder}/{INVENTORY}"
        self._committed = True  # until we know that it is not: nobody may take the content away
        try:
            self.store.create(intent, data)
        except AlreadyThere:
            # A request that was repeated after its answer got lost meets its own file.
            self._committed = self.store.read(intent)[0] == data and bool(self._written)
            if not self._committed:
                raise
        except StoreError:
            with suppress(StoreError):
                self._committed = exists(self.store, intent)
            raise

    def conflict(self) -> Conflict:
        return Conflict(
            say("Somebody else made {version} of {id} first.", version=self.version, id=self.id),
            "Nothing was lost. Look at the new version, and make the change again if it is still wanted.",
        )

    def discard(self) -> None:
        """Take away what this commit wrote."""
        for stat in list(self.store.list(f"{self.key}/{self.content}")):
            self.store.delete(stat.key)

    def __enter__(self) -> "Commit":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._committed:
            return
        if error is None:
            self.discard()
            return
        with suppress(StoreError):  # what brought us here is to be told; a sweep finds the rest
            self.discard()


class Hashing:
    """Hashes pieces while they go by."""

    def __init__(self, algorithm: str, with_sha256: bool, tick: Tick | None) -> None:
        self.sha512, self.tick = sha512(), tick
        self.sha256 = sha256() if with_sha256 or algorithm == "sha256" else None
        self.algorithm, self.with_sha256 = algorithm, with_sha256

    def __call__(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.sha512.update(chunk)
            if self.sha256 is not None:
                self.sha256.update(chunk)
            yield chunk
            if self.tick is not None:
                self.tick(len(chunk))

    def result(self, path: str, size: int) -> Added:
        long = self.sha512.hexdigest()
        short = self.sha256.hexdigest() if self.sha256 is not None else None
        own = short if self.algorithm == "sha256" and short else long
        return Added(path, size, long, own, short if self.with_sha256 else None)


def parents(path: str) -> list[str]:
    """The folders that a path lies in: "a", "a/b" of "a/b/c"."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def printable(path: str) -> bool:
    """Whether ``path`` is Unicode: names on a disk need not be."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def pieces(source: Source) -> Iterator[bytes]:
    """The bytes of a source in pieces. Raises `InputError` for what is no file, or changes meanwhile."""
    if isinstance(source, bytes):
        for start in range(0, len(source), CHUNK):
            yield source[start : start + CHUNK]
    elif isinstance(source, Path | str):
        yield from pieces_of_file(Path(source))
    else:
        yield from source


def pieces_of_file(path: Path) -> Iterator[bytes]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            before = os.fstat(file)
            if not modes.S_ISREG(before.st_mode):
                raise InputError(say("{path} is not a file.", path=path), "Leave it out.")
            left = before.st_size
            while left >= 0 and (chunk := os.read(file, PIECE)):  # one that grows is not read for ever
                left -= len(chunk)
                yield chunk
            after = os.fstat(file)
        finally:
            os.close(file)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(
            say("{path} cannot be read: {why}", path=path, why=why), "Check the file and its permissions."
        ) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError(
            say("{path} was changed while it was read.", path=path),
            "Wait until it is finished, and try again.",
        )
