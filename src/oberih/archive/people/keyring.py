"""The files that people's keys and tombstones are, on one store, and how they are destroyed."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from oberih.archive.crypt import checked_recipients
from oberih.archive.identifiers import check_character
from oberih.archive.ocfl.mend import set_aside
from oberih.archive.ocfl.objects import read_file
from oberih.archive.stores import NOT_A_FILE, TEMPORARY, AlreadyThere, Changed, Store, Unreadable, exists
from oberih.errors import InputError, StoreError
from oberih.i18n import say

__all__ = [
    "KEYS",
    "LETTERS",
    "PREFIX",
    "REASONS",
    "Tombstone",
    "bury",
    "checked_pseudonym",
    "destroy",
    "destroy_temporary",
    "intact_key",
    "is_pseudonym",
    "key_file",
    "keys_there",
    "parsed_public",
    "parsed_tombstone",
    "public_bytes",
    "public_file",
    "put_key",
    "read_all",
    "tombstone_file",
    "tombstones",
    "whole_tombstone",
]

ROOM = "extensions/oberih-people"
KEYS, TOMBSTONES = f"{ROOM}/keys", f"{ROOM}/tombstones"
PREFIX = "person-"
LETTERS = 13  # 63 bits, see `identifiers`
SCHEMA = "oberih-person/1"
GRACE = timedelta(minutes=10)  # the longest that writing a key may take
LARGEST = 64 << 10  # bytes of a file: ours have a thousand
TRIES = 5  # that others get ahead of us

REASONS = ("request", "guardian", "law", "mistake")  # who or what asked for it; no words of anybody's own


@dataclass(frozen=True)
class Tombstone:
    """The person's data can no longer be read."""

    pseudonym: str
    when: str  # ISO 8601, UTC
    reason: str  # one of REASONS, "" where it is not told
    unfinished: tuple[str, ...] = ()  # stores that could not be reached: there the key may still be


def checked_pseudonym(pseudonym: str) -> str:
    """Raises `InputError` if it is none, or a letter is wrong."""
    name = pseudonym.removeprefix(PREFIX)
    known = PREFIX + name == pseudonym and len(name) == LETTERS + 1
    if not known or check_character(pseudonym[:-1]) != pseudonym[-1]:
        raise InputError(
            say("{pseudonym} is no person's pseudonym.", pseudonym=pseudonym[:100]),
            "It looks like person-gk8t2n5x7wq3m and one letter more; perhaps a letter is wrong or swapped.",
        )
    return pseudonym


# -- files ---


def key_file(pseudonym: str) -> str:
    return f"{KEYS}/{pseudonym}.age"


def public_file(pseudonym: str) -> str:
    return f"{KEYS}/{pseudonym}.pub"


def tombstone_file(pseudonym: str) -> str:
    return f"{TOMBSTONES}/{pseudonym}.json"


def tombstones(store: Store) -> dict[str, int]:
    """Pseudonyms of those who withdrew, and the sizes of their tombstones."""
    found: dict[str, int] = {}
    for stat in store.list(TOMBSTONES):
        name = stat.key.removeprefix(f"{TOMBSTONES}/").partition("/")[0]  # a folder in its place counts too
        pseudonym = name.removesuffix(".json")
        if name != pseudonym and is_pseudonym(pseudonym):
            found[pseudonym] = stat.size
    return found


def keys_there(store: Store) -> dict[str, dict[str, int]]:
    """Pseudonyms of those of whose key there is anything, with the sizes of its files; nothing is read."""
    found: dict[str, dict[str, int]] = {}
    for stat in store.list(KEYS):
        pseudonym, dot, ending = stat.key.removeprefix(f"{KEYS}/").rpartition(".")
        if f"{dot}{ending}" in (".age", ".pub") and is_pseudonym(pseudonym):
            found.setdefault(pseudonym, {})[ending] = stat.size
    return found


def is_pseudonym(text: str) -> bool:
    try:
        return checked_pseudonym(text) == text
    except InputError:
        return False


def put_key(store: Store, pseudonym: str, locked: bytes, public: bytes) -> None:
    """Write a key; the public part last. What is there and damaged is replaced. Raises `StoreError`."""
    put(store, key_file(pseudonym), locked)
    put(store, public_file(pseudonym), public)


def put(store: Store, key: str, data: bytes) -> None:
    """See to it that a small file is there, whatever is in its place."""
    for _ in range(TRIES):
        with suppress(AlreadyThere, Changed):  # somebody else is mending it
            try:
                there, tag = read_or_not(store, key)
            except KeyError:
                with suppress(AlreadyThere):
                    store.create(key, data)
                    return
                make_room(store, key)
                continue
            if there == data:
                return
            if tag == NOT_A_FILE:
                store.delete(key)
            else:
                store.replace(key, data, tag)
                return
    raise in_the_way(store, key)


def make_room(store: Store, key: str) -> None:
    """Remove an empty folder in the place of a file. Raises `Unreadable` for one that holds something."""
    if folder_of(store, key):
        if next(iter(store.list(key)), None) is not None:
            raise in_the_way(store, key)
        store.delete(key)


def folder_of(store: Store, key: str) -> bool:
    """Whether there is a folder in the place of a file."""
    return key in store.folders(key.rpartition("/")[0])


def in_the_way(store: Store, key: str) -> Unreadable:
    return Unreadable(
        say("{key} on {store} cannot be written: something else is in its place.", key=key, store=store.url),
        say("Look what it is, and move it away from there by hand; then run this again."),
    )


def read_or_not(store: Store, key: str) -> tuple[bytes, str]:
    tag = store.stat(key).tag
    try:
        return read_file(store, key, LARGEST), tag
    except (Unreadable, InputError):
        return b"", tag


def intact_key(store: Store, pseudonym: str) -> tuple[bytes, bytes] | None:
    """A person's key on a store, encrypted, and its public part; `None` if one is missing or damaged."""
    try:
        locked = read_file(store, key_file(pseudonym), LARGEST)
        public = read_file(store, public_file(pseudonym), LARGEST)
    except (KeyError, Unreadable, InputError):
        return None
    known = parsed_public(public, pseudonym)
    good = known is not None and known["key_sha512"] == hashlib.sha512(locked).hexdigest()
    return (locked, public) if good else None


def public_bytes(pseudonym: str, recipient: str, locked: bytes) -> bytes:
    digest = hashlib.sha512(locked).hexdigest()
    return as_json({"schema": SCHEMA, "pseudonym": pseudonym, "recipient": recipient, "key_sha512": digest})


def parsed_public(data: bytes, pseudonym: str) -> dict[str, Any] | None:
    try:
        content = json.loads(data)
        checked_recipients([content["recipient"]])  # bech32 has a checksum of its own
        good = content["schema"] == SCHEMA and content["pseudonym"] == pseudonym
        return (
            content if good and content.keys() == {"schema", "pseudonym", "recipient", "key_sha512"} else None
        )
    except (ValueError, TypeError, KeyError, AttributeError, InputError, RecursionError):
        return None


def parsed_tombstone(data: bytes, pseudonym: str) -> Tombstone | None:
    try:
        content = json.loads(data)
        tombstone = Tombstone(pseudonym, content["when"], content["reason"])
        datetime.fromisoformat(tombstone.when)
        return (
            tombstone if data == tombstone_bytes(tombstone) and tombstone.reason in ("", *REASONS) else None
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def whole_tombstone(store: Store, pseudonym: str) -> bool:
    """Whether a tombstone is there and can be read."""
    data = next(read_all([store], tombstone_file(pseudonym)), b"")
    return parsed_tombstone(data, pseudonym) is not None


def tombstone_bytes(tombstone: Tombstone) -> bytes:
    content = {"schema": SCHEMA, **asdict(tombstone)}
    del content["unfinished"]
    return as_json(content)


def as_json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def read_all(stores: Iterable[Store], key: str) -> Iterator[bytes]:
    """The file on each store that has it and can be reached; b"" for one that is there and cannot be read.

    Raises `StoreError` if no store can be reached.
    """
    failed: list[StoreError] = []
    reached = False
    for store in stores:
        try:
            data = read_file(store, key, LARGEST)
        except KeyError:
            reached = True
        except (Unreadable, InputError):
            reached = True
            yield b""
        except StoreError as error:
            failed.append(error)
        else:
            reached = True
            yield data
    if failed and not reached:
        raise failed[0]


# -- tombstones and destruction ---


def bury(store: Store, tombstone: Tombstone, *, locked: bool = False) -> None:
    """Write a tombstone where there is none, or a damaged one; on a store that is ``locked``, where nothing
    can be changed, one that is damaged stays. What is in its place is moved to the quarantine.
    """
    key = tombstone_file(tombstone.pseudonym)
    try:
        store.create(key, tombstone_bytes(tombstone))
        return
    except AlreadyThere:
        if locked:
            if not exists(store, key):
                raise in_the_way(store, key) from None
            return
    with suppress(KeyError):
        there, tag = read_or_not(store, key)
        if tag != NOT_A_FILE:
            if parsed_tombstone(there, tombstone.pseudonym) is None and tombstone.when:
                with suppress(Changed):
                    store.replace(key, tombstone_bytes(tombstone), tag)
            return
    for found in list(store.list(key)) if folder_of(store, key) else ():
        set_aside(store, found.key)
    put(store, key, tombstone_bytes(tombstone))


def destroy(store: Store, pseudonym: str) -> bool:
    """Destroy a person's key on a store. Whether there was one."""
    had = False
    for key in (key_file(pseudonym), public_file(pseudonym)):
        try:
            size = store.stat(key).size
        except KeyError:
            continue
        had = True
        overwrite(store, key, size)
        store.delete(key)
        if exists(store, key):
            raise StoreError(
                say("{key} on {store} could not be destroyed.", key=key, store=store.url),
                "Delete it there by hand, then withdraw again.",
            )
    return had


def destroy_temporary(store: Store) -> None:
    """Destroy what a process left that died while it wrote a key: it may be somebody's who withdraws."""
    before = store.now() - GRACE
    for found in store.list(KEYS):
        if found.key.rpartition("/")[2].startswith(TEMPORARY) and found.modified < before:
            overwrite(store, found.key, found.size)
            store.delete(found.key)


def overwrite(store: Store, key: str, size: int) -> None:
    """Put noise over the bytes on the disk before a file is deleted: deleting only forgets where it is.

    On a folder in the file's own place, as far as the disk allows it (an SSD may keep an old block for a
    while); elsewhere the store is asked to replace it.
    """
    from oberih.archive.stores.folder import FolderStore

    noise = os.urandom(size)
    if isinstance(store, FolderStore):
        with suppress(OSError):  # `delete` says what is wrong
            file = os.open(store.root / key, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.pwrite(file, noise, 0)
                os.fsync(file)
            finally:
                os.close(file)
        return
    with suppress(KeyError, Changed, StoreError):
        store.replace(key, noise, store.stat(key).tag)
