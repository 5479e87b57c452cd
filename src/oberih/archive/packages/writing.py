"""Writing, checking and sweeping packages."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import groupby

from oberih.archive.crypt import encrypted
from oberih.archive.findings import Finding
from oberih.archive.identifiers import random_letters
from oberih.archive.packages import tar as _tar
from oberih.archive.packages.manifest import (
    MANIFEST,
    OBJECTS,
    PACKAGE,
    Package,
    attempt_of,
    last_attempts,
    manifest_bytes,
    manifest_name,
    manifests,
    package_prefix,
    read_manifest,
)
from oberih.archive.packages.restore import watched
from oberih.archive.packages.snapshot import Snapshot, read_snapshot
from oberih.archive.stores import TEMPORARY, AlreadyThere, Store, Unreadable
from oberih.errors import Damaged, NotInArchive, StoreError
from oberih.i18n import say
from oberih.progress import Tick

__all__ = ["sweep_packages", "verify_package", "write_package"]

GRACE = timedelta(days=7)  # the longest that an upload may take


def write_package(
    source: Store,
    object_key: str,
    version: int,
    target: Store,
    recipients: Sequence[str] | None = None,
    tick: Tick = lambda _: None,
    *,
    again: bool = False,
) -> Package:
    """Bring one version of the OCFL object at ``object_key`` to ``target``, encrypted if for recipients.

    Does nothing if it is there already and looks whole; ``again`` writes another attempt in any case, for
    when a full check has found the last one damaged. May be interrupted and repeated. ``tick`` gets bytes.
    Raises `Damaged` if the source is.
    """
    snapshot = read_snapshot(source, object_key, version)
    prefix = package_prefix(snapshot.id)
    there = manifests(target, prefix).get(version)
    if there is not None and not again and not verify_package(target, there):
        return read_manifest(target, there)

    name = f"v{version}.{random_letters(8)}.tar" + (".age" if recipients else "")
    digest = hashlib.sha512()

    def stream() -> Iterator[bytes]:
        plain = packed(source, object_key, snapshot, tick)
        for chunk in encrypted(plain, recipients) if recipients else plain:
            digest.update(chunk)
            yield chunk

    try:
        size = target.write(f"{prefix}/{name}", stream())
        target.settle(prefix)
    except BaseException:
        with suppress(StoreError):  # an append-only store keeps it; nothing refers to it
            target.delete(f"{prefix}/{name}")
        raise
    if recipients:
        package = Package(name, size, digest.hexdigest(), version, encryption="age")
    else:
        package = Package(name, size, digest.hexdigest(), version, id=snapshot.id, inventory=snapshot.digest)
    key = f"{prefix}/{manifest_name(version, attempt_of(there) + 1)}"
    try:
        target.create(key, manifest_bytes(package))
    except AlreadyThere:  # somebody else did the same meanwhile
        with suppress(StoreError):
            target.delete(f"{prefix}/{name}")
        return read_manifest(target, key)
    return package


def packed(source: Store, object_key: str, snapshot: Snapshot, tick: Tick) -> Iterator[bytes]:
    """The tar file of a version: the files in the object's root first, then those in the version's folder."""
    small = snapshot.root_files() | snapshot.version_files()
    content = snapshot.content
    for name in sorted({*small, *content}):
        if name in small:
            yield from _tar.member(name, len(small[name]), [small[name]])
            continue
        key = f"{object_key}/{name}"
        try:
            digest = hashlib.new(snapshot.algorithm)
            chunks = watched(source.stream(key), digest, tick)
            yield from _tar.member(name, source.stat(key).size, chunks)
        except (KeyError, Unreadable) as error:
            raise source_damaged(source, key) from error
        if digest.hexdigest() != content[name]:
            raise source_damaged(source, key)
    yield _tar.END


def source_damaged(store: Store, key: str) -> Damaged:
    return Damaged(
        say("{key} on {store} is not what was deposited.", key=key, store=store.url),
        "Verify and heal that store first, then replicate again.",
    )


def verify_package(
    store: Store, manifest: str, full: bool = False, tick: Tick = lambda _: None
) -> tuple[Finding, ...]:
    """What is wrong with a package, without any key; ``full`` reads every byte (``tick`` gets bytes)."""
    try:
        package = read_manifest(store, manifest)
    except (Damaged, NotInArchive, Unreadable) as error:
        return (Finding("package-manifest", "error", error.message, manifest),)
    key = f"{manifest.rsplit('/', 1)[0]}/{package.file}"
    try:
        size = store.stat(key).size
        if size != package.size:
            message = say("It has {size} bytes, not {expected}.", size=size, expected=package.size)
            return (Finding("package-size", "error", message, key),)
        digest = hashlib.sha512()
        for _ in watched(store.stream(key), digest, tick) if full else ():
            pass
        if full and digest.hexdigest() != package.sha512:
            return (Finding("package-digest", "error", say("Its bytes have changed."), key),)
    except (KeyError, Unreadable):
        return (Finding("package-missing", "error", say("It is gone, or cannot be read."), key),)
    return ()


def sweep_packages(
    store: Store, prefix: str = OBJECTS, grace: timedelta = GRACE, *, remove: bool = True
) -> list[str]:
    """Keys of what interrupted and superseded attempts left, removed where the store lets us.

    What is younger than ``grace`` stays, since somebody may still be writing it; and everything of a version
    stays until there is a whole package of it: a package that lost its manifest may be the only copy.
    """
    before = store.now() - grace
    left = []
    for folder, group in groupby(store.list(prefix), key=lambda found: found.key.rpartition("/")[0]):
        files = {found.key.rpartition("/")[2]: found for found in group}
        versions = {name: int(match[1]) for name in files if (match := either(name))}
        crowded = {version for version, count in Counter(versions.values()).items() if count > 2}
        counts: dict[int, set[str]] = {}  # for each version that is whole, the names that count
        for version, attempt in last_attempts(files).items():
            manifest = f"{folder}/{manifest_name(version, attempt)}"
            if version in crowded and not verify_package(store, manifest):
                counts[version] = {manifest.rpartition("/")[2], read_manifest(store, manifest).file}
        for name, found in files.items():
            superseded = name not in counts.get(versions.get(name, 0), {name})
            if found.modified < before and (superseded or name.startswith(TEMPORARY)):
                left.append(found.key)
    for key in left if remove else ():
        with suppress(StoreError):
            store.delete(key)
    return left


def either(name: str) -> re.Match[str] | None:
    return PACKAGE.fullmatch(name) or MANIFEST.fullmatch(name)
