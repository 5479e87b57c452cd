"""Finding a good copy of an object: whole on a store, in a package, or put together from several copies."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha512
from pathlib import Path

from oberih.archive.archive import Archive, stores_of
from oberih.archive.holdings import OcflHolding, PackageHolding, errors_of
from oberih.archive.index import Entry
from oberih.archive.ocfl import create_root, digests, object_key, read_object
from oberih.archive.ocfl.inventory import Inventory, parse
from oberih.archive.ocfl.mend import digest_at
from oberih.archive.ocfl.objects import INVENTORY, publish
from oberih.archive.stores import Store, Unreadable
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Damaged, InputError, KeyNeeded, OberihError, OutputError, StoreError
from oberih.i18n import say

__all__ = ["IMPORTING", "SCRATCH", "good_copy", "scratch_root", "sweep_scratch"]

HEALING, DRILL, IMPORTING = SCRATCH = ".healing-", ".drill-", ".importing-"  # how their names begin
DAY_S = 86400.0


@contextmanager
def good_copy(archive: Archive, entry: Entry, identities: Sequence[str] = ()) -> Iterator[Store]:
    """A store with a good copy of the newest version of an object; every byte of it has been read.

    It may be a scratch folder that goes away at the end of the block. Raises `Damaged` if there is none, and
    says what is missing; `KeyNeeded` if the only good copies are encrypted.
    """
    reachable: list[OcflHolding | PackageHolding] = []
    for name in stores_of(archive):
        with suppress(StoreError):
            held = archive.holding(name)
            assert isinstance(held, OcflHolding | PackageHolding)
            reachable.append(held)
    folders = [held for held in reachable if isinstance(held, OcflHolding)]
    for held in folders:
        if is_good(held.store, entry):
            yield held.store
            return
    with scratch_root(archive.folder, HEALING) as scratch:
        locked = unpacked(reachable, entry, scratch, identities)
        if not is_good(scratch, entry):
            missing = put_together([held.store for held in folders], entry, scratch)
            if missing and locked:
                raise locked
            if missing or not is_good(scratch, entry):
                raise Damaged(
                    say("No good copy is left of {id} ({title}): {paths}", id=entry.id, title=entry.title,
                        paths=", ".join(missing[:5]) or INVENTORY),
                    "Nothing was changed. Bring back another store or a backup, then try again.",
                )  # fmt: skip
        yield scratch


@contextmanager
def scratch_root(folder: Path, prefix: str) -> Iterator[FolderStore]:
    """An empty storage root in ``folder`` that goes away at the end of the block."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = tempfile.mkdtemp(dir=folder, prefix=prefix)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(
            say("{path} cannot be written: {why}", path=folder, why=why),
            "Choose a folder that you may write to, on a disk with room.",
        ) from error
    used = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks: then its age has to do
            fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
        scratch = FolderStore(str(Path(place) / "root"), create=True)
        create_root(scratch)
        yield scratch
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(used)


def sweep_scratch(folder: Path) -> None:
    """Remove scratch folders in ``folder`` that are older than a day, and that nobody uses any more."""
    for place in folder.iterdir():
        if not place.name.startswith(SCRATCH):
            continue
        with suppress(OSError):
            if time.time() - place.lstat().st_mtime < DAY_S or place.is_symlink() or not place.is_dir():
                continue
            used = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(place, ignore_errors=True)
            finally:
                os.close(used)


def is_good(store: Store, entry: Entry) -> bool:
    """Whether a store holds the newest version, and every byte of it is right."""
    try:
        found = read_object(store, entry.id)
        if found.digest != entry.digest:
            return False
        return not errors_of(store, found.key, full=True)
    except OberihError:
        return False


def unpacked(
    holdings: Sequence[OcflHolding | PackageHolding], entry: Entry, scratch: Store, identities: Sequence[str]
) -> KeyNeeded | None:
    """Unpack what packages give into ``scratch``; returns what kept an encrypted one closed."""
    locked = None
    for held in holdings:
        if isinstance(held, PackageHolding) and not is_good(scratch, entry):
            try:
                held.give(held.key(entry.id), scratch, identities)
            except KeyNeeded as error:
                locked = error
            except OberihError:
                continue  # what could be restored of it is there
    return locked


def put_together(stores: Sequence[Store], entry: Entry, scratch: Store) -> list[str]:
    """Make the object in ``scratch`` from files that are good on any store; returns paths that are nowhere.

    The inventory is the one whose digest the index knows.
    """
    key = object_key(entry.id)
    sources = [scratch, *stores]
    found = inventory_of(sources, entry)
    if found is None:
        return [INVENTORY]
    data, inventory = found
    missing = []
    for digest, paths in inventory.manifest.items():
        for path in paths:
            if not any(carried(store, f"{key}/{path}", digest, inventory, scratch) for store in sources):
                missing.append(path)
    for number in range(1, len(inventory.versions) + 1):
        version = f"v{number}"
        own = data if version == inventory.head else earlier(sources, key, version, inventory)
        if own is None:
            missing.append(f"{version}/{INVENTORY}")
        elif not missing:
            write_new(scratch, f"{key}/{version}/{INVENTORY}", own)
            publish(scratch, key, own, parse(own))
    return missing


def inventory_of(stores: Sequence[Store], entry: Entry) -> tuple[bytes, Inventory] | None:
    key = object_key(entry.id)
    for store in stores:
        for place in (f"{key}/{INVENTORY}", f"{key}/{entry.head}/{INVENTORY}"):
            with suppress(KeyError, Unreadable, InputError):
                data = b"".join(store.stream(place))
                if sha512(data).hexdigest() == entry.digest:
                    return data, parse(data)
    return None


def earlier(stores: Sequence[Store], key: str, version: str, newest: Inventory) -> bytes | None:
    """The inventory of an earlier version: its sidecar vouches for it, and it tells the same history."""
    for store in stores:
        place = f"{key}/{version}/{INVENTORY}"
        with suppress(KeyError, Unreadable, InputError, ValueError):
            data = b"".join(store.stream(place))
            inventory = parse(data)
            beside = b"".join(store.stream(f"{place}.{inventory.algorithm}"))
            made = digests.new(inventory.algorithm)
            made.update(data)
            same = all(newest.versions[name] == told for name, told in inventory.versions.items())
            if beside.split()[:1] == [made.hexdigest().encode()] and inventory.head == version and same:
                return data
    return None


def carried(store: Store, path: str, digest: str, inventory: Inventory, scratch: Store) -> bool:
    """Bring one file to ``scratch`` if it is good on ``store``."""
    made = digests.new(inventory.algorithm)
    try:
        for chunk in store.stream(path):
            made.update(chunk)
    except (KeyError, Unreadable):
        return False
    if made.hexdigest() != digest.lower():
        return False
    if store is not scratch:
        scratch.delete(path)
        scratch.write(path, store.stream(path))
    return True


def write_new(store: Store, path: str, data: bytes) -> None:
    if digest_at(store, path) != sha512(data).hexdigest():
        store.delete(path)
        store.create(path, data)
