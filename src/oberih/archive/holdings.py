"""How a store holds objects: as open OCFL objects, or as packages, one for each version.

Both can be asked the same: what is there, bring it up to date, is it whole, mend it, give it back. A good
copy is always an OCFL object on another store, which is what `bring` and `mend` take from.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from oberih.archive.findings import Finding
from oberih.archive.index import Index
from oberih.archive.ocfl import (
    copy_object,
    digests,
    object_key,
    object_keys,
    read_object,
    sweep,
    validate_object,
)
from oberih.archive.ocfl.inventory import number_of
from oberih.archive.ocfl.mend import mend_object, set_aside, temporary
from oberih.archive.ocfl.objects import INVENTORY
from oberih.archive.packages import (
    Package,
    manifests,
    package_files,
    package_prefix,
    package_prefixes,
    read_manifest,
    sweep_packages,
    unpack,
    verify_package,
    write_package,
)
from oberih.archive.stores import Store, Unreadable
from oberih.errors import Damaged, InputError, NotInArchive
from oberih.i18n import say
from oberih.progress import Tick
from oberih.settings import StoreSettings

__all__ = ["MISSING", "Holding", "Ledger", "OcflHolding", "PackageHolding", "errors_of", "holding"]

MISSING = "missing"  # code of the finding: there is nothing of the object at all
STRICT, MORE_VERSIONS = {"E061", "E063"}, "E046"
EVERY_VERSION = "object.json"  # that we write has this file (see `deposit`)


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

    def check(self, identifier: str, *, full: bool, tick: Tick = silent, after: int = 0) -> list[Finding]:
        """The errors of the copy of an object; ``full`` reads every byte of the versions ``after`` one."""

    def mend(self, source: Store, identifier: str, tick: Tick = silent) -> list[str]:
        """Put what ``source`` holds in the place of everything that is damaged here; returns the keys.

        ``source`` must be known to be good. Raises `Conflict` if another history, or a newer version that
        cannot be kept as it is, is here: then a person has to choose.
        """

    def give(self, key: str, target: Store, identities: Sequence[str] = (), tick: Tick = silent) -> str:
        """Restore the object at ``key`` into the OCFL storage root ``target``; returns its identifier.

        The store, which may be a stranger's, is only read. Raises `Damaged`, `KeyNeeded`.
        """

    def sweep(self, older_than: timedelta) -> list[str]:
        """Remove what interrupted writers left; returns the keys."""


@dataclass(frozen=True)
class Ledger:
    """What we know ourselves of the packages on one store, whoever keeps it."""

    index: Index
    name: str  # of the store

    def note(self, identifier: str, package: Package) -> None:
        given = (package.version, package.file, package.size, package.sha512)
        self.index.note_package(identifier, self.name, *given)

    def ours(self, identifier: str, package: Package, *, trusted: bool) -> bool:
        """Whether we wrote it. Of what was written before the index was made anew, nothing is known: then
        the version counts if the index knows that it is there, or if the store is ``trusted``.
        """
        if package.id not in (None, identifier):
            return False
        if package.inventory is not None and identifier in self.index:
            entry = self.index.get(identifier)
            if entry.head == f"v{package.version}" and entry.digest != package.inventory:
                return False
        written = self.index.packages(identifier, self.name).get(package.version)
        if written is not None:
            return (package.file, package.size, package.sha512) in written
        return trusted or package.version <= self.known(identifier)

    def known(self, identifier: str) -> int:
        """The newest version that the store is known to hold."""
        return max((number_of(r.head) for r in self.index.replicas(identifier) if r.store == self.name),
                   default=0)  # fmt: skip


def holding(
    store: Store, settings: StoreSettings, recipients: Sequence[str], ledger: Ledger | None = None
) -> Holding:
    """What ``store`` holds, and how, by its settings."""
    if settings.packages:
        encrypted_for = tuple(recipients) if settings.untrusted else None
        return PackageHolding(store, encrypted_for, settings.append_only, ledger)
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
        copy_object(source, object_key(identifier), self.store, tick=tick, recover=True)  # both are ours

    def check(self, identifier: str, *, full: bool, tick: Tick = silent, after: int = 0) -> list[Finding]:
        key = object_key(identifier)
        if not self.store_has(key):
            return [Finding(MISSING, "error", say("There is no copy of it here."), key)]
        found = errors_of(self.store, key, full=full and not after, tick=tick)
        return [*found, *changed_files(self.store, key, after, tick)] if full and after else found

    def store_has(self, key: str) -> bool:
        return next(iter(self.store.list(key)), None) is not None

    def mend(self, source: Store, identifier: str, tick: Tick = silent) -> list[str]:
        return mend_object(source, self.store, object_key(identifier), tick)

    def give(self, key: str, target: Store, identities: Sequence[str] = (), tick: Tick = silent) -> str:
        del identities  # nothing is encrypted here
        if object_key(read_object(self.store, key, recover=False).id) != key:
            raise Damaged(
                say("{key} on {store} is not where an object of its name belongs.",
                    key=key, store=self.store.url),
                "Nothing of it was taken.",
            )  # fmt: skip
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


def errors_of(store: Store, key: str, *, full: bool, tick: Tick = silent) -> list[Finding]:
    """What is wrong with the OCFL object at ``key``.

    In what we wrote every changed byte counts, also where OCFL leaves others freedom. Temporary files and the
    next version in the making are somebody's work, or left over from it, and swept later.
    """
    found = validate_object(store, key, full=full, strict=True, tick=tick)
    if {one.code for one in found if one.level == "error"} & STRICT and not ours(store, key):
        found = validate_object(store, key, full=full)
    errors = [one for one in found if one.level == "error" and not temporary(one.path)]
    if any(one.code == MORE_VERSIONS for one in errors):
        making = in_the_making(store, key)
        errors = [one for one in errors if one.code != MORE_VERSIONS or one.path.rpartition("/")[2] != making]
    return errors


def ours(store: Store, key: str) -> bool:
    """Whether Oberih wrote every version; of a damaged object it is taken for granted."""
    try:
        inventory = read_object(store, key, recover=False).inventory
    except (Damaged, NotInArchive, InputError, Unreadable):
        return True
    return all(EVERY_VERSION in inventory.files(version) for version in inventory.versions)


def changed_files(store: Store, key: str, after: int, tick: Tick) -> list[Finding]:
    """Those files that came with the versions ``after`` one and are not what they were."""
    inventory = read_object(store, key, recover=False).inventory
    found = []
    for path, digest in inventory.content.items():
        if number_of(path.split("/")[0]) > after:
            made = digests.new(inventory.algorithm)
            with suppress(KeyError, Unreadable):
                for chunk in store.stream(f"{key}/{path}"):
                    made.update(chunk)
                    tick(len(chunk))
            if made.hexdigest() != digest.lower():
                found.append(Finding("E092", "error", say("Its bytes have changed."), f"{key}/{path}"))
    return found


@dataclass(frozen=True)
class PackageHolding:
    """Packages, for stores that must not read, or that cannot change."""

    store: Store
    recipients: tuple[str, ...] | None  # who opens them; `None` for plain ones
    append_only: bool
    ledger: Ledger | None = None  # without it, what the store says of itself is believed

    def places(self) -> Iterator[str]:
        return package_prefixes(self.store)

    def key(self, identifier: str) -> str:
        return package_prefix(identifier)

    def head(self, identifier: str) -> str:
        versions = list(manifests(self.store, package_prefix(identifier)))
        if self.ledger is not None and self.recipients is not None:
            written = self.ledger.index.packages(identifier, self.ledger.name)
            known = max([self.ledger.known(identifier), *written])
            versions = [version for version in versions if not known or version <= known]
        return f"v{max(versions)}" if versions else ""

    def bring(self, source: Store, identifier: str, tick: Tick = silent) -> None:
        there = manifests(self.store, package_prefix(identifier))
        for version in range(1, number_of(read_object(source, identifier).head) + 1):
            again = version in there and bool(self.other(identifier, there[version]))
            self.write(source, identifier, version, tick, again=again)

    def write(
        self, source: Store, identifier: str, version: int, tick: Tick = silent, *, again: bool
    ) -> Package:
        def note(package: Package) -> None:
            if self.ledger is not None:
                self.ledger.note(identifier, package)

        return write_package(
            source, object_key(identifier), version, self.store, self.recipients, tick,
            again=again, append_only=self.append_only, note=note,
        )  # fmt: skip

    def other(self, identifier: str, manifest: str) -> list[Finding]:
        """What is wrong with a package that may be whole in itself."""
        try:
            package = read_manifest(self.store, manifest)
        except (Damaged, NotInArchive, Unreadable):
            return []  # `verify_package` says so
        if self.recipients is not None and package.encryption is None:
            return [Finding("package-plain", "error", say("It is not encrypted."), manifest)]
        trusted = self.recipients is None
        if self.ledger is not None and not self.ledger.ours(identifier, package, trusted=trusted):
            return [Finding("package-other", "error", say("It is not what was written here."), manifest)]
        return []

    def check(self, identifier: str, *, full: bool, tick: Tick = silent, after: int = 0) -> list[Finding]:
        return [finding for finding, _ in self.damages(identifier, full=full, tick=tick, after=after)]

    def damages(
        self, identifier: str, *, full: bool, tick: Tick, after: int = 0
    ) -> Iterator[tuple[Finding, int]]:
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
            every_byte = full and version > after
            for finding in verify_package(self.store, versions[version], every_byte, tick):
                if finding.level == "error":
                    yield finding, version
            for finding in self.other(identifier, versions[version]):
                yield finding, version

    def mend(self, source: Store, identifier: str, tick: Tick = silent) -> list[str]:
        mended = []
        damaged = {version for _, version in self.damages(identifier, full=True, tick=tick)}
        prefix = package_prefix(identifier)
        for folder in [] if self.append_only else list(self.store.folders(prefix)):  # where files are to be
            for found in list(self.store.list(folder)):
                set_aside(self.store, found.key)
            self.store.delete(folder)
        there = manifests(self.store, prefix)
        newest = number_of(read_object(source, identifier).head)
        for version in range(1, newest + 1):
            if version in damaged or version not in there:
                package = self.write(source, identifier, version, again=True)
                mended.append(f"{prefix}/{package.file}")
        if not self.append_only:
            self.remove_plain(prefix, {version for version in damaged if version <= newest})
        return mended

    def remove_plain(self, prefix: str, versions: set[int]) -> None:
        """Remove from a store that must not read what came to lie open there."""
        for version, keys in package_files(self.store, prefix).items():
            for key in keys if self.recipients is not None and version in versions else ():
                if not key.endswith(".age"):
                    self.store.delete(key)

    def give(self, key: str, target: Store, identities: Sequence[str] = (), tick: Tick = silent) -> str:
        return unpack(self.store, key, target, identities, tick).id

    def sweep(self, older_than: timedelta) -> list[str]:
        return sweep_packages(self.store, grace=older_than) if not self.append_only else []
