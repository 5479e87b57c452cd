"""An OCFL storage root: the folder or bucket that objects lie in."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from oberih.archive.findings import Finding
from oberih.archive.ocfl import layout
from oberih.archive.ocfl.check import SPECS, load
from oberih.archive.stores import AlreadyThere, Changed, Store, Unreadable, exists
from oberih.archive.stores.folder import FolderStore
from oberih.errors import InputError, NotInArchive
from oberih.i18n import say

__all__ = [
    "OBJECT_DECLARATION",
    "ROOT_DECLARATION",
    "check_root",
    "create_root",
    "holds_objects",
    "mend_root",
    "object_keys",
    "our_layout",
    "root_damages",
]

SPEC = "1.1"  # what we write
ROOT_DECLARATION = re.compile(r"0=ocfl_(\d+\.\d+)")
OBJECT_DECLARATION = re.compile(r"0=ocfl_object_(\d+\.\d+)")
LAYOUT = "ocfl_layout.json"
CONFIG = f"extensions/{layout.NAME}/config.json"
DECLARATION = f"0=ocfl_{SPEC}"
CODES = {DECLARATION: "E069", LAYOUT: "E070", CONFIG: "E071"}
PLACE = re.compile(r"([0-9a-f]{3}/){3}[^/]+")  # of an object in our layout
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
    for key, content in root_files().items():
        with suppress(AlreadyThere):
            store.create(key, content)


def root_files() -> dict[str, bytes]:
    """What is in a root of ours besides objects, the declaration last."""
    described = {"extension": layout.NAME, "description": DESCRIPTION}
    return {
        CONFIG: as_json(layout.CONFIG),
        LAYOUT: as_json(described),
        DECLARATION: f"ocfl_{SPEC}\n".encode(),
    }


def as_json(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def root_damages(store: Store) -> list[Finding]:
    """Which files of a root of ours are gone or damaged. None, of a root that another program made."""
    wrong = [key for key, content in root_files().items() if not as_written(store, key, content)]
    if not wrong or others(store):
        return []
    gone = say("A file that says what the storage root is was lost or damaged.")
    return [Finding(CODES[key], "error", gone, key) for key in wrong]


def as_written(store: Store, key: str, content: bytes) -> bool:
    """Whether a file is what we write, or says the same."""
    try:
        if store.stat(key).size > SMALL:
            return False
        there, _ = store.read(key)
        return there == content or (key != DECLARATION and load(there) == load(content))
    except (KeyError, InputError, Unreadable):
        return False


def others(store: Store) -> bool:
    """Whether a root is declared as another version of OCFL, or its objects lie elsewhere than ours."""
    if any(exists(store, f"0=ocfl_{spec}") for spec in SPECS if spec != SPEC):
        return True
    first = next(object_keys(store), None)
    return first is not None and not PLACE.fullmatch(first)


def mend_root(store: Store) -> None:
    """Write what `root_damages` finds anew."""
    for finding in root_damages(store):
        content = root_files()[finding.path]
        try:
            store.create(finding.path, content)
        except AlreadyThere:
            with suppress(Changed, KeyError):
                store.replace(finding.path, content, store.read(finding.path)[1])


def holds_objects(store: Store) -> bool:
    """Whether there is any OCFL object, also where nothing says that it is a storage root."""
    return next(object_keys(store), None) is not None


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
