"""Objects and their packages, for tests."""

import os
from pathlib import Path

from oberih.archive.identifiers import mint
from oberih.archive.ocfl import begin, create_root, object_key
from oberih.archive.packages import (
    Package,
    manifests,
    package_prefix,
    read_manifest,
    verify_package,
    write_package,
)
from oberih.archive.stores import Store
from oberih.archive.stores.folder import FolderStore

USER = ("Test", "https://example.org/test")
LONG = "дуже/" + "д" * 120 + ".jpg"  # needs a PAX header


def deposited(source: Store) -> str:
    """An object of three versions: files come, one goes, one changes."""
    identifier = mint()
    versions = [
        {"church.jpg": os.urandom(200_000), LONG: b"x" * 70_000, "empty": b"", "note.txt": b"first"},
        {"note.txt": b"second", "tower.jpg": os.urandom(100_000)},
        {"note.txt": b"third"},
    ]
    base = None
    for files in versions:
        with begin(source, identifier, base=base, message="m", user=USER) as commit:
            if base:
                commit.keep()
                commit.remove("note.txt")
            for path, data in files.items():
                commit.add(path, data)
            base = commit.finish()
    return identifier


def root(path: Path) -> FolderStore:
    store = FolderStore(path, create=True)
    create_root(store)
    return store


def pack(source: Store, identifier: str, target: Store, recipients: list[str] | None = None) -> list[Package]:
    key = object_key(identifier)
    return [write_package(source, key, version, target, recipients) for version in (1, 2, 3)]


def tree(store: Store, prefix: str) -> dict[str, bytes]:
    return {s.key: store.read(s.key)[0] for s in store.list(prefix)}


def only_file(far: FolderStore, identifier: str, version: int = 1) -> Path:
    prefix = package_prefix(identifier)
    return far.root / prefix / read_manifest(far, manifests(far, prefix)[version]).file


def findings(far: FolderStore, identifier: str, version: int = 1, full: bool = True) -> list[str]:
    manifest = manifests(far, package_prefix(identifier))[version]
    return [finding.code for finding in verify_package(far, manifest, full)]
