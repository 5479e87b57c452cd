"""Writing, checking and sweeping packages."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
    last_attempt,
    last_attempts,
    manifest_bytes,
    manifest_name,
    manifests,
    package_prefix,
    read_manifest,
)
from oberih.archive.packages.restore import at_most, watched
from oberih.archive.packages.snapshot import Snapshot, read_snapshot
from oberih.archive.stores import TEMPORARY, AlreadyThere, Store, Unreadable
from oberih.errors import Conflict, Damaged, InputError, NotInArchive, StoreError
from oberih.i18n import say
from oberih.progress import Tick

__all__ = ["sweep_packages", "verify_package", "write_package"]

GRACE = timedelta(days=7)  # the longest that an upload may take
TRIES = 5  # at names that something else has


def write_package(
    source: Store,
    object_key: str,
    version: int,
    target: Store,
    recipients: Sequence[str] | None = None,
    tick: Tick = lambda _: None,
    *,
    again: bool = False,
    append_only: bool = False,
    note: Callable[[Package], None] = lambda _: None,
) -> Package:
    """Bring one version of the OCFL object at ``object_key`` to ``target``, encrypted for ``recipients``.

    It is a plain package only if ``recipients`` is `None`. Does nothing if it is there already and looks
    whole; ``again`` writes another attempt in any case, for when the last one is not what it should be. May
    be interrupted and repeated. ``note`` is told of a package before anybody can see it; nothing is deleted
    if the target is ``append_only``. ``tick`` gets bytes. Raises `Damaged` if the source is, `InputError` if
    nobody could open it.
    """
    if recipients is not None and not recipients:
        raise InputError(
            say("{store} keeps encrypted copies, and there is no custodian who could open them.",
                store=target.url),
            "First name a custodian's key: oberih custodians add NAME",
        )  # fmt: skip
    snapshot = read_snapshot(source, object_key, version)
    prefix = package_prefix(snapshot.id)
    there, before = manifests(target, prefix).get(version), last_attempt(target, prefix, version)
    if there is not None and recipients is None:
        refuse_other(target, there, snapshot)
    if there is not None and not again and not verify_package(target, there):
        return read_manifest(target, there)

    name = f"v{version}.{random_letters(8)}.tar" + (".age" if recipients is not None else "")
    digest = hashlib.sha512()

    def stream() -> Iterator[bytes]:
        plain = packed(source, object_key, snapshot, tick)
        for chunk in plain if recipients is None else encrypted(plain, recipients):
            digest.update(chunk)
            yield chunk

    try:
        size = target.write(f"{prefix}/{name}", stream())
        target.settle(prefix)
    except AlreadyThere as error:
        raise Conflict(
            say("{key} on {store} was written by somebody else meanwhile.", key=name, store=target.url),
            "Try again.",
        ) from error
    except BaseException:
        if not append_only:  # which keeps it; nothing refers to it
            with suppress(StoreError):
                target.delete(f"{prefix}/{name}")
        raise
    if recipients is not None:
        package = Package(name, size, digest.hexdigest(), version, encryption="age")
    else:
        package = Package(name, size, digest.hexdigest(), version, id=snapshot.id, inventory=snapshot.digest)
    note(package)
    made = publish(target, prefix, package, before + 1)
    if made != package and not append_only:
        with suppress(StoreError):
            target.delete(f"{prefix}/{name}")
    return made


def publish(target: Store, prefix: str, package: Package, attempt: int) -> Package:
    """Write the manifest of a package, so that it is seen; returns what somebody else wrote meanwhile, if so.

    What is in the manifest's place, and is none, is left there: the next attempt gets another name.
    """
    for number in range(attempt, attempt + TRIES):
        key = f"{prefix}/{manifest_name(package.version, number)}"
        try:
            target.create(key, manifest_bytes(package))
            return package
        except AlreadyThere:
            with suppress(Damaged, NotInArchive, Unreadable):
                return read_manifest(target, key)
    raise Conflict(
        say("No manifest can be written to {prefix} on {store}: other things are in its place.",
            prefix=prefix, store=target.url),
        "Look what lies there, and move it away by hand.",
    )  # fmt: skip


def refuse_other(target: Store, manifest: str, snapshot: Snapshot) -> None:
    """Raises `Conflict` if a plain package is of another history of the object."""
    try:
        package = read_manifest(target, manifest)
    except (Damaged, NotInArchive, Unreadable):
        return
    if package.inventory not in (None, snapshot.digest):
        raise Conflict(
            say("{url} holds another history of {id}.", url=target.url, id=snapshot.id),
            "Nothing was overwritten. Compare the two objects, and remove the wrong one by hand.",
        )


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
        for _ in watched(at_most(package.size, store.stream(key)), digest, tick) if full else ():
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
