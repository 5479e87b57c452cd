"""What the tests of OCFL share: an independent validator, a store that breaks, small commits."""

import warnings
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from oberih.archive.ocfl import OcflObject, begin, validate_object, validate_root
from oberih.archive.stores import Stat, Store
from oberih.archive.stores.folder import FolderStore

SUITES = Path(__file__).parents[1] / ".." / "shared" / "suites"
USER = ("A. Person", "mailto:person@example.org")


def commit(
    store: Store, identifier: str, files: dict[str, bytes], base: OcflObject | None = None
) -> OcflObject:
    """A version that keeps what was there and adds or changes ``files``."""
    with begin(store, identifier, base=base, message="a version", user=USER) as version:
        version.keep()
        for path, data in files.items():
            version.add(path, data)
        return version.finish()


def contents(found: OcflObject, version: str | None = None) -> dict[str, bytes]:
    return {path: b"".join(found.stream(path, version)) for path in found.inventory.files(version)}


def errors(store: Store, key: str = "") -> list[str]:
    """What is wrong with an object, and whether `ocfl-py` thinks the same."""
    found = [f"{f.code} {f.path} {f.message}" for f in validate_object(store, key) if f.level == "error"]
    if isinstance(store, FolderStore):
        theirs = ocfl_py_object(store.root / key)
        assert (theirs == "") == (not found), (theirs, found)
    return found


def root_errors(store: FolderStore) -> list[str]:
    found = [f"{f.code} {f.path} {f.message}" for f in validate_root(store) if f.level == "error"]
    theirs = ocfl_py_root(store.root)
    assert (theirs == "") == (not found), (theirs, found)
    return found


def ocfl_py_object(folder: Path) -> str:
    """What the independent validator has against an object."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ocfl.validator import Validator

        validator = Validator()
        return "" if validator.validate_object(str(folder)) else validator.status_str() or "refused"


def ocfl_py_root(folder: Path) -> str:
    """What the independent validator has against a storage root and the objects in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ocfl.storage_root import StorageRoot

        root = StorageRoot(root=str(folder))
        good = root.validate() and root.good_objects == root.num_objects
        return "" if good else f"refused: {root.errors} {root.log.messages if root.log else ''}"


class Crash(Exception):
    """The process died here."""


class Breaking:
    """A store that dies before its operation number ``after``, or in the middle of a file, and stays dead."""

    def __init__(self, store: Store, after: int) -> None:
        self.store, self.left, self.url = store, after, store.url

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash

    def read(self, key: str) -> tuple[bytes, str]:
        self.alive()
        return self.store.read(key)

    def stream(self, key: str, start: int = 0) -> Iterator[bytes]:
        self.alive()
        return self.store.stream(key, start)

    def stat(self, key: str) -> Stat:
        self.alive()
        return self.store.stat(key)

    def create(self, key: str, data: bytes) -> str:
        self.step()
        return self.store.create(key, data)

    def replace(self, key: str, data: bytes, tag: str) -> str:
        self.step()
        return self.store.replace(key, data, tag)

    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        self.step()
        size = self.store.write(key, chunks)
        if self.left == 0:  # what a killed process leaves: a part of the file
            whole = b"".join(self.store.stream(key))
            self.store.delete(key)
            self.store.write(key, [whole[: len(whole) // 2]])
            raise Crash
        return size

    def settle(self, prefix: str) -> None:
        self.step()
        self.store.settle(prefix)

    def list(self, prefix: str = "") -> Iterator[Stat]:
        self.alive()
        return self.store.list(prefix)

    def folders(self, prefix: str = "") -> Iterator[str]:
        self.alive()
        return self.store.folders(prefix)

    def delete(self, key: str) -> None:
        self.step()
        self.store.delete(key)

    def now(self) -> datetime:
        self.alive()
        return self.store.now()

    def alive(self) -> None:
        if self.left < 0:
            raise Crash
