"""How a store holds objects: as open OCFL objects, or as packages, one for each version.

Both can be asked the same: what is there, bring it up to date, is it whole, mend it, give it back. A good
copy is always an OCFL object on another store, which is what `bring` and `mend` take from.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from oberih.archive.findings import Finding
from oberih.archive.index import instant
from oberih.archive.ocfl import copy_object, object_key, object_keys, read_object, sweep, validate_object
from oberih.archive.ocfl.copy import same_history
from oberih.archive.ocfl.inventory import number_of
from oberih.archive.ocfl.objects import INVENTORY
from oberih.archive.packages import (
    manifests,
    package_prefix,
    package_prefixes,
    sweep_packages,
    unpack,
    verify_package,
    write_package,
)
from oberih.archive.stores import CHUNK, TEMPORARY, AlreadyThere, Store, Unreadable
from oberih.errors import Damaged, InputError, NotInArchive
from oberih.i18n import say
from oberih.progress import Tick
from oberih.settings import StoreSettings

__all__ = ["MISSING", "Holding", "OcflHolding", "PackageHolding", "errors_of", "holding"]

MISSING = "missing"  # code of the finding: there is nothing of the object at all
NO_INVENTORY, MORE_VERSIONS = "W010", "E046"
EVERY_VERSION = "object.json"  # that we write has this file (see `deposit`)
QUARANTINE = "extensions/oberih-quarantine"


def silent(_: float) -> None:
    pass


class Holding(Protocol):
    """The objects on one store."""

    @property
    def store(self) -> Store: ...

    def places(self) -> Iterator[str]:
        """Where each object lies; nothing is read but names."""

    def key(self, identifier: str) -> str:
        """Where the object lies, or would."""

    def head(self, identifier: str) -> str:
        """The newest version there is of an object, "" if there is none. Raises `Damaged`."""

    def bring(self, source: Store, identifier: str, tick: Tick = silent) -> None:
        """Copy from ``source`` the versions that are not here. May be interrupted and repeated.

        Raises `Damaged` if the source is, `Conflict` if another history of the object is here.
        """

    def check(self, identifier: str, *, full: bool, tick: Tick = silent) -> list[Finding]:
        """The errors of the copy of an object; ``full`` reads every byte."""

    def mend(self, source: Store, identifier: str, tick: Tick = silent) -> list[str]:
        """Put what ``source`` holds in the place of everything that is damaged here; returns the keys.

        ``source`` must be known to be good.
        """

    def give(self, key: str, target: Store, identities: Sequence[str] = (), tick: Tick = silent) -> str:
        """Restore the object at ``key`` into the OCFL storage root ``target``; returns its identifier.

        Raises `Damaged`, `KeyNeeded`.
        """

    def sweep(self, older_than: timedelta) -> list[str]:
        """Remove what interrupted writers left; returns the keys."""


def holding(store: Store, settings: StoreSettings, recipients: Sequence[str]) -> Holding:
    """What ``store`` holds, and how, by its settings."""
    if settings.packages:
        return PackageHolding(store, tuple(recipients) if settings.untrusted else (), settings.append_only)
    return OcflHolding(store)


@dataclass(frozen=True)
class OcflHolding:
    """Open OCFL objects: anybody with an OCFL reader can use them without us."""

    store: Store

    def places(self) -> Iterator[str]:
        return object_keys(self.store)

    def key(self, identifier: str) -> str:
        return object_key(identifier)

    def head(self, identifier: str) -> str:
        try:
            return read_object(self.store, identifier).head
        except NotInArchive:
            return ""

    def bring(self, source: Store, identifier: str, tick: Tick = silent) -> None:
        copy_object(source, object_key(identifier), self.store, tick=tick)

    def check(self, identifier: str, *, full: bool, tick: Tick = silent) -> list[Finding]:
        key = object_key(identifier)
        if not self.store_has(key):
            return [Finding(MISSING, "error", say("There is no copy of it here."), key)]
        return errors_of(self.store, key, full=full, tick=tick)

    def store_has(self, key: str) -> bool:
        return next(iter(self.store.list(key)), None) is not None

    def mend(self, source: Store, identifier: str, tick: Tick = silent) -> list[str]:
        key = object_key(identifier)
        if self.newer(source, key):
            raise Damaged(
                say("{url} holds a newer version of {id} than the good copy.",
                    url=self.store.url, id=identifier),
                "Bring back a store that holds the newest version.",
            )  # fmt: skip
        wanted, here = (
            {stat.key: stat.size for stat in store.list(key) if not temporary(stat.key)}
            for store in (source, self.store)
        )
        mended = []
        following = f"{key}/v{number_of(read_object(source, key).head) + 1}/"
        for path in here.keys() - wanted.keys():
            making = path.startswith(following) and f"{following}{INVENTORY}" not in here
            if not making:  # somebody may be writing the next version
                set_aside(self.store, path)
                mended.append(path)
        # What the inventories vouch for comes first, the object's own inventory last.
        for path in sorted(wanted, key=lambda path: (path.count("/") == key.count("/") + 1, path)):
            if path.startswith(f"{key}/{INVENTORY}") and self.goes_with(source, key):
                continue  # a writer may have moved it on meanwhile
            if here.get(path) == wanted[path] and digest_at(self.store, path, tick) == digest_at(
                source, path
            ):
                continue
            self.store.delete(path)
            self.put(source, path, large=wanted[path] > CHUNK or "/content/" in path)
            mended.append(path)
        self.store.settle(key)
        return mended

    def newer(self, source: Store, key: str) -> bool:
        """Whether the copy here, though damaged, goes on where that on ``source`` ends."""
        good = read_object(source, key)
        try:
            here = read_object(self.store, key)
        except (Damaged, NotInArchive, InputError, Unreadable):
            return False
        return number_of(here.head) > number_of(good.head) and same_history(here, good)

    def goes_with(self, source: Store, key: str) -> bool:
        """Whether the object's own inventory and its sidecar are whole, and of the same history."""
        try:
            return same_history(read_object(self.store, key), read_object(source, key))
        except (Damaged, NotInArchive, InputError, Unreadable):
            return False

    def put(self, source: Store, path: str, *, large: bool) -> None:
        if large:
            self.store.write(path, source.stream(path))
            return
        with suppress(AlreadyThere):
            self.store.create(path, b"".join(source.stream(path)))

    def give(self, key: str, target: Store, identities: Sequence[str] = (), tick: Tick = silent) -> str:
        del identities  # nothing is encrypted here
        copy_object(self.store, key, target, tick=tick)
        return read_object(target, key).id

    def sweep(self, older_than: timedelta) -> list[str]:
        return sweep(self.store, older_than)


def in_the_making(store: Store, key: str) -> str:
    """The version that follows the newest, if nobody has committed it yet."""
    try:
        following = read_object(store, key, recover=False).inventory.next_version()
        store.stat(f"{key}/{following}/{INVENTORY}")
    except KeyError:
        return following
    except (Damaged, NotInArchive, InputError, Unreadable):
        pass
    return ""


def temporary(path: str) -> bool:
    return path.rpartition("/")[2].startswith(TEMPORARY)


def set_aside(store: Store, path: str) -> None:
    """A file that belongs to no version: somebody may still want it, but not there."""
    with suppress(KeyError, Unreadable):  # a link, a device: nothing to keep
        store.write(f"{QUARANTINE}/{instant()}/{path.rpartition('/')[2]}", store.stream(path))
    store.delete(path)


def errors_of(store: Store, key: str, *, full: bool, tick: Tick = silent) -> list[Finding]:
    """What is wrong with the OCFL object at ``key``.

    OCFL only advises that every version has its own inventory. Ours all have, and are lost without. Temporary
    files and the next version in the making are somebody's work, or left over from it, and swept later.
    """
    found = validate_object(store, key, full=full, tick=tick)
    errors = [one for one in found if one.level == "error" and not temporary(one.path)]
    if any(one.code == MORE_VERSIONS for one in errors):
        making = in_the_making(store, key)
        errors = [one for one in errors if one.code != MORE_VERSIONS or one.path.rpartition("/")[2] != making]
    bare = [one for one in found if one.code == NO_INVENTORY]
    if bare and not errors:
        inventory = read_object(store, key, recover=False).inventory
        errors = [one for one in bare if EVERY_VERSION in inventory.files(one.path.rpartition("/")[2])]
    return errors


@dataclass(frozen=True)
class PackageHolding:
    """Packages, encrypted if there are recipients: for stores that must not read, or that cannot change."""

    store: Store
    recipients: tuple[str, ...]
    append_only: bool

    def places(self) -> Iterator[str]:
        return package_prefixes(self.store)

    def key(self, identifier: str) -> str:
        return package_prefix(identifier)

    def head(self, identifier: str) -> str:
        versions = manifests(self.store, package_prefix(identifier))
        return f"v{max(versions)}" if versions else ""

    def bring(self, source: Store, identifier: str, tick: Tick = silent) -> None:
        newest = number_of(read_object(source, identifier).head)
        for version in range(1, newest + 1):
            write_package(source, object_key(identifier), version, self.store, self.recipients or None, tick)

    def check(self, identifier: str, *, full: bool, tick: Tick = silent) -> list[Finding]:
        return [finding for finding, _ in self.damages(identifier, full=full, tick=tick)]

    def damages(self, identifier: str, *, full: bool, tick: Tick) -> Iterator[tuple[Finding, int]]:
        """What is wrong, with the version that it is about."""
        prefix = package_prefix(identifier)
        versions = manifests(self.store, prefix)
        if not versions:
            yield Finding(MISSING, "error", say("There is no copy of it here."), prefix), 0
        before = 0
        for version in sorted(versions):
            if version > before + 1:  # however many: a hostile keeper may have named the next one anything
                gone = say("Version {version} is gone.", version=before + 1)
                yield Finding("package-missing", "error", gone, prefix), before + 1
            before = version
            for finding in verify_package(self.store, versions[version], full, tick):
                if finding.level == "error":
                    yield finding, version

    def mend(self, source: Store, identifier: str, tick: Tick = silent) -> list[str]:
        mended = []
        damaged = {version for _, version in self.damages(identifier, full=True, tick=tick)}
        prefix = package_prefix(identifier)
        for found in [] if self.append_only else list(self.store.list(prefix)):
            if "/" in found.key.removeprefix(f"{prefix}/"):  # a folder where a manifest is to be
                set_aside(self.store, found.key)
        there = manifests(self.store, prefix)
        newest = number_of(read_object(source, identifier).head)
        for version in range(1, newest + 1):
            if version in damaged or version not in there:
                package = write_package(
                    source, object_key(identifier), version, self.store, self.recipients or None, again=True
                )
                mended.append(f"{prefix}/{package.file}")
        return mended

    def give(self, key: str, target: Store, identities: Sequence[str] = (), tick: Tick = silent) -> str:
        return unpack(self.store, key, target, identities, tick).id

    def sweep(self, older_than: timedelta) -> list[str]:
        return sweep_packages(self.store, grace=older_than) if not self.append_only else []


def digest_at(store: Store, key: str, tick: Callable[[float], None] = silent) -> str:
    """sha512 of a file, "" if it cannot be read."""
    made = hashlib.sha512()
    try:
        for chunk in store.stream(key):
            made.update(chunk)
            tick(len(chunk))
    except (KeyError, Unreadable):
        return ""
    return made.hexdigest()
