"""Which store it is: each has a small file with a random word in it, its marker, which the settings know.

So another disk that was mounted in its place is seen, or none; and one store is never counted as two.
"""

import json
import secrets

from oberih.archive.ocfl import check_root, create_root
from oberih.archive.ocfl.objects import read_file
from oberih.archive.packages import package_prefixes
from oberih.archive.stores import AlreadyThere, Store
from oberih.errors import InputError, NotInArchive, StoreError
from oberih.i18n import say

__all__ = ["MARKERS", "check_identity", "identity", "mark", "taken_up"]

MARKERS = ("extensions/oberih-store/store.json", "oberih-store.json")  # of OCFL storage roots, of packages
SCHEMA = "oberih-store/1"
SMALL = 1 << 12  # bytes


def identity(store: Store) -> str:
    """What the marker of a store says, "" if it has none. Raises `StoreError`, also if it is damaged."""
    for key in MARKERS:
        try:
            told = json.loads(read_file(store, key, SMALL))
        except KeyError:
            continue
        except (ValueError, InputError, RecursionError):
            told = None
        if isinstance(told, dict) and isinstance(told.get("id"), str) and told["id"]:
            return str(told["id"])
        raise StoreError(
            say("{key} on {url} is damaged: which store is this?", key=key, url=store.url),
            "If it is the right one, delete that file and its `id` in oberih.toml: it gets new ones.",
        )
    return ""


def mark(store: Store, *, packages: bool) -> str:
    """Give a store a marker if it has none; returns what it says."""
    found = identity(store)
    if not found:
        told = {"schema": SCHEMA, "id": secrets.token_hex(8)}
        try:
            store.create(MARKERS[packages], (json.dumps(told) + "\n").encode())
        except AlreadyThere:  # somebody was quicker
            return identity(store)
        found = told["id"]
    return found


def check_identity(store: Store, wanted: str) -> None:
    """Raise `StoreError` if the marker of a store is not ``wanted``."""
    if identity(store) != wanted:
        raise StoreError(
            say("{url} is not the store that was here before.", url=store.url),
            "Another disk is mounted there, or none. Nothing was written. If it is the right one, and only "
            "its marker was lost: `oberih rebuild --archive FOLDER` for the first store of an archive (with "
            "--from STORE if objects are lost too); of another store, delete the `id` in oberih.toml.",
        )


def taken_up(store: Store, *, packages: bool) -> str:
    """The marker of a store that somebody wrote into the settings by hand; it gets one if it has none.

    Raises `StoreError` for a store that holds something else than an archive.
    """
    found = identity(store)
    if found:
        return found
    if not packages and next(iter(store.list()), None) is None:
        create_root(store)
    elif not holds_objects(store, packages=packages):
        raise StoreError(
            say("{url} holds something else than an archive.", url=store.url),
            "Another disk is mounted there, or none. A new store is made with `oberih stores add`.",
        )
    return mark(store, packages=packages)


def holds_objects(store: Store, *, packages: bool) -> bool:
    """Whether it keeps objects of that form, or packages are to be kept where nothing is."""
    if packages:
        empty = next(iter(store.list()), None) is None
        return empty or next(package_prefixes(store), None) is not None
    try:
        return bool(check_root(store))
    except NotInArchive:
        return False
