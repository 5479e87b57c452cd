"""An OCFL storage root: the folder or bucket that objects lie in."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from oberih.archive.ocfl import layout
from oberih.archive.ocfl.check import SPECS, load
from oberih.archive.stores import AlreadyThere, Store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import InputError, NotInArchive
from oberih.i18n import say

__all__ = ["OBJECT_DECLARATION", "ROOT_DECLARATION", "check_root", "create_root", "object_keys", "our_layout"]

SPEC = "1.1"  # what we write
ROOT_DECLARATION = re.compile(r"0=ocfl_(\d+\.\d+)")
OBJECT_DECLARATION = re.compile(r"0=ocfl_object_(\d+\.\d+)")
LAYOUT = "ocfl_layout.json"
CONFIG = f"extensions/{layout.NAME}/config.json"
SMALL = 1 << 16  # bytes that a file about the root may have

DESCRIPTION = (
    "Hashed truncated n-tuple trees with object ID encapsulating directory: the first nine characters of the "
    "SHA-256 of the object's identifier in three folders, then the identifier, percent-encoded."
)


def create_root(store: Store) -> None:
    """Make an empty store a storage root. Does nothing if it is one. The declaration is written last.

    Raises `InputError` for a store that holds something else, or objects of a version of OCFL or in a layout
    that we do not write.
    """
    try:
        spec = check_root(store)
    except NotInArchive:
        strange = [folder for folder in store.folders() if folder != "extensions"]
        if strange:
            raise InputError(
                say("{url} is not empty, and no OCFL storage root.", url=store.url),
                "Give an empty folder or bucket, or one that holds an archive.",
            ) from None
    else:
        if spec != SPEC or not our_layout(store):
            raise InputError(
                say("{url} holds OCFL objects as another program keeps them.", url=store.url),
                "Take it in with `oberih deposit --from-archive`, and give an empty folder or bucket.",
            )
        return
    described = {"extension": layout.NAME, "description": DESCRIPTION}
    for key, content in (
        (CONFIG, as_json(layout.CONFIG)),
        (LAYOUT, as_json(described)),
        (f"0=ocfl_{SPEC}", f"ocfl_{SPEC}\n"),
    ):
        with suppress(AlreadyThere):
            store.create(key, content.encode())


def as_json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def check_root(store: Store) -> str:
    """The version of OCFL that the storage root declares. Raises `NotInArchive` if it is none."""
    for spec in reversed(SPECS):
        with suppress(KeyError):
            if store.read(f"0=ocfl_{spec}")[0] == f"ocfl_{spec}\n".encode():
                return spec
    raise NotInArchive(
        say("{url} is no OCFL storage root.", url=store.url),
        "Check the address. A new store is made with `oberih stores add`.",
    )


def our_layout(store: Store) -> bool:
    """Whether the root declares the layout that `layout.object_key` knows."""
    try:
        declared = small_json(store, LAYOUT)
    except KeyError:
        return False
    if declared.get("extension") != layout.NAME:
        return False
    try:
        config = small_json(store, CONFIG)
    except KeyError:
        return True
    return layout.CONFIG | config == layout.CONFIG


def small_json(store: Store, key: str) -> dict[str, object]:
    """A JSON object about the root; empty if it is something else."""
    if store.stat(key).size > SMALL:
        return {}
    try:
        value = load(store.read(key)[0])
    except InputError:
        return {}
    return value if isinstance(value, dict) else {}


def object_keys(store: Store) -> Iterator[str]:
    """Keys of all objects, in order. Reads no inventories; finds objects in any layout."""
    if isinstance(store, FolderStore) and our_layout(store):
        yield from declared(store, layout.DEPTH)
        return
    last = ""
    for stat in store.list():
        key, _, name = stat.key.rpartition("/")
        if key and key != last and OBJECT_DECLARATION.fullmatch(name):
            yield key
            last = key


def declared(store: Store, depth: int, prefix: str = "") -> Iterator[str]:
    """Objects at a known depth: opens no folder of theirs."""
    for folder in store.folders(prefix):
        if prefix == "" and folder == "extensions":
            continue
        if depth > 1:
            yield from declared(store, depth - 1, folder)
        elif any(exists(store, f"{folder}/0=ocfl_object_{spec}") for spec in reversed(SPECS)):
            yield folder


def exists(store: Store, key: str) -> bool:
    try:
        store.stat(key)
    except KeyError:
        return False
    return True
