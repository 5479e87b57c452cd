"""Manifests of packages: what says that a package is complete, and by what digest it is checked."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from oberih.archive.ocfl.objects import read_file
from oberih.archive.stores import TEMPORARY, Store, Unreadable
from oberih.errors import Damaged, InputError, NotInArchive
from oberih.i18n import say

__all__ = [
    "MANIFEST",
    "OBJECTS",
    "PACKAGE",
    "Package",
    "attempt_of",
    "last_attempt",
    "last_attempts",
    "manifest_bytes",
    "manifest_name",
    "manifests",
    "no_package",
    "package_files",
    "package_prefix",
    "package_prefixes",
    "read_manifest",
    "strays",
]

OBJECTS = "objects"
SCHEMA = "oberih-package/1"
LARGEST_MANIFEST = 64 << 10  # bytes: ours have a thousand
MANIFEST = re.compile(r"v([1-9][0-9]{0,8})(?:\.([2-9]|[1-9][0-9]{1,8}))?\.json")
PACKAGE = re.compile(r"v([1-9][0-9]{0,8})\.[0-9a-z]{8}\.tar(?:\.age)?")


@dataclass(frozen=True)
class Package:
    """What a manifest says of a package."""

    file: str  # its name, beside the manifest
    size: int  # bytes
    sha512: str
    version: int
    encryption: str | None = None  # "age"
    id: str | None = None  # of the object; not if encrypted
    inventory: str | None = None  # digest of the object's inventory; not if encrypted


def package_prefix(identifier: str) -> str:
    """The folder of an object's packages."""
    name = hashlib.sha256(identifier.encode()).hexdigest()
    return f"{OBJECTS}/{name[:2]}/{name}"


def package_prefixes(store: Store) -> Iterator[str]:
    """The folders of all objects' packages, in order."""
    for folder in store.folders(OBJECTS):
        yield from store.folders(folder)


def manifests(store: Store, prefix: str) -> dict[int, str]:
    """For each version under ``prefix``, the key of the manifest that counts: that of the last attempt.

    The newest version is one whose manifest is whole and has its package, or the oldest there is: what says
    that there is a newer one is a stray (see `strays`).
    """
    return counted(store, prefix, [found.key.removeprefix(f"{prefix}/") for found in store.list(prefix)])


def counted(store: Store, prefix: str, names: Collection[str]) -> dict[int, str]:
    last, there = last_attempts(names), set(names)
    found = {version: f"{prefix}/{manifest_name(version, last[version])}" for version in sorted(last)}
    while len(found) > 1 and not complete(store, found[max(found)], there):
        del found[max(found)]
    return found


def complete(store: Store, manifest: str, names: Collection[str]) -> bool:
    """Whether a manifest is whole, and its package is among ``names``."""
    try:
        return read_manifest(store, manifest).file in names
    except (Damaged, NotInArchive, Unreadable):
        return False


def strays(store: Store, prefix: str, known: int = 0) -> list[str]:
    """Keys under ``prefix`` that are no part of a package of ours, whatever they are named. A manifest of a
    version up to the one that is ``known`` is none of them, be it damaged.
    """
    names = [found.key.removeprefix(f"{prefix}/") for found in store.list(prefix)]
    newest = max(known, max(counted(store, prefix, names), default=0))
    return [f"{prefix}/{name}" for name in names if is_stray(name, newest)]


def is_stray(name: str, newest: int) -> bool:
    if name.startswith(TEMPORARY) or PACKAGE.fullmatch(name):  # the one or the other may be on its way
        return False
    manifest = MANIFEST.fullmatch(name)
    return manifest is None or int(manifest[1]) > newest > 0


def no_package(store: Store, key: str) -> Damaged:
    """What `strays` finds."""
    return Damaged(
        say("{key} on {store} is no part of a package of ours.", key=key, store=store.url),
        "The packages beside it are not touched by it. Look what it is, and remove it there by hand.",
    )


def last_attempt(store: Store, prefix: str, version: int) -> int:
    """The number of the last attempt at a version, 0 if there is none; whatever is there of that name."""
    names = [found.key.removeprefix(f"{prefix}/").split("/")[0] for found in store.list(prefix)]
    return last_attempts(names).get(version, 0)


def package_files(store: Store, prefix: str) -> dict[int, list[str]]:
    """For each version under ``prefix``, the keys of its packages, complete or not."""
    files: dict[int, list[str]] = {}
    for found in store.list(prefix):
        match = PACKAGE.fullmatch(found.key.removeprefix(f"{prefix}/"))
        if match:
            files.setdefault(int(match[1]), []).append(found.key)
    return files


def last_attempts(names: Iterable[str]) -> dict[int, int]:
    """For each version that has manifests among ``names``, the number of the last."""
    last: dict[int, int] = {}
    for match in filter(None, map(MANIFEST.fullmatch, names)):
        last[int(match[1])] = max(last.get(int(match[1]), 0), int(match[2] or 1))
    return last


def manifest_name(version: int, attempt: int) -> str:
    return f"v{version}.json" if attempt == 1 else f"v{version}.{attempt}.json"


def attempt_of(key: str | None) -> int:
    match = MANIFEST.fullmatch(key.rsplit("/", 1)[1]) if key else None
    return int(match[2] or 1) if match else 0


def manifest_bytes(package: Package) -> bytes:
    """A manifest holds a digest of itself: not one of its bits can change unseen."""
    content = {
        "schema": SCHEMA,
        **{name: value for name, value in asdict(package).items() if value is not None},
    }
    content["manifest_sha512"] = hashlib.sha512(as_json(content)).hexdigest()
    return as_json(content)


def as_json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_manifest(store: Store, key: str) -> Package:
    """Raises `Damaged`, `NotInArchive`."""
    try:
        package = parsed(read_file(store, key, LARGEST_MANIFEST))
    except KeyError as error:
        raise NotInArchive(say("There is no {key} on {store}.", key=key, store=store.url)) from error
    except InputError:
        package = None
    if package is None or manifest_name(package.version, attempt_of(key)) != key.rsplit("/", 1)[1]:
        raise Damaged(
            say("The manifest {key} on {store} is damaged.", key=key, store=store.url),
            "Replicate the object again: another attempt is written.",
        )
    return package


def parsed(data: bytes) -> Package | None:
    """The manifest of these bytes, if `manifest_bytes` wrote them."""
    try:
        content = json.loads(data)
        package = Package(**{k: v for k, v in content.items() if k not in ("schema", "manifest_sha512")})
        match = PACKAGE.fullmatch(package.file)
        good = manifest_bytes(package) == data and type(package.version) is type(package.size) is int
        return package if good and match is not None and int(match[1]) == package.version else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
