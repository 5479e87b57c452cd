"""Mending an OCFL object from a good copy, without ever taking back what it holds beyond that copy.

A version is known by its inventory. One that goes on where the good copy ends is newer: nobody told the index
of it yet, and the object's own inventory is restored from it, not from the good copy. One that tells another
history is somebody's work too: then nothing is changed, and a person has to choose.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from oberih.archive.ocfl.check import VERSION
from oberih.archive.ocfl.copy import same_history
from oberih.archive.ocfl.inventory import Inventory, number_of, parse
from oberih.archive.ocfl.objects import (
    INVENTORY,
    OcflObject,
    follows,
    publish,
    read_at,
    read_file,
    read_object,
    sidecar_fits,
)
from oberih.archive.stores import CHUNK, TEMPORARY, AlreadyThere, Store, Unreadable, exists, well_formed
from oberih.errors import Conflict, Damaged, InputError, NotInArchive
from oberih.i18n import say

__all__ = ["QUARANTINE", "digest_at", "mend_object", "set_aside", "temporary"]

QUARANTINE = "extensions/oberih-quarantine"
Tick = Callable[[float], None]


def silent(_: float) -> None:
    pass


def mend_object(source: Store, target: Store, key: str, tick: Tick = silent) -> list[str]:
    """Put what ``source`` holds, known to be good, in the place of what is damaged; returns the keys.

    Raises `Conflict` if the target holds another history, or a newer version that is damaged itself.
    """
    here = sizes(target, key)  # first: what comes later is a writer's, and left alone
    good = read_object(source, key)
    head = number_of(good.head)  # and nothing of a version that somebody began there and did not finish
    wanted = {path: size for path, size in sizes(source, key).items() if version_of(path, key) <= head}
    newest = newest_here(target, good, here)
    last = number_of((newest[1] if newest else good.inventory).head)
    moment = moment_now()
    mended = []
    for path in sorted(here.keys() - wanted.keys()):
        if not beyond(path, here, key, number_of(good.head), last):
            set_aside(target, path, moment)
            mended.append(path)
    root = [path for path in sorted(wanted) if path.startswith(f"{key}/{INVENTORY}")]
    for path in sorted(wanted.keys() - set(root)):
        mended += mend_file(source, target, path, here.get(path), wanted[path], tick)
    # What the inventories vouch for is there; the object's own inventory comes last.
    following = f"{key}/{good.inventory.next_version()}/{INVENTORY}"
    if newest is None and following not in here and exists(target, following):
        return mended + mend_object(source, target, key, tick)  # a writer was quicker
    there = going_with(target, good)
    if there is None and newest is not None:
        mended += roll_on(target, good, *newest, here, moment)
    elif there is None or there.digest == good.digest:  # else what it lacks comes in the way of all copies
        for path in root:
            mended += mend_file(source, target, path, here.get(path), wanted[path], tick)
    target.settle(key)
    return mended


def sizes(store: Store, key: str) -> dict[str, int]:
    return {stat.key: stat.size for stat in store.list(key) if not temporary(stat.key)}


def temporary(path: str) -> bool:
    return path.rpartition("/")[2].startswith(TEMPORARY)


def version_of(path: str, key: str) -> int:
    """The number of the version that a file lies in, 0 if it is in none."""
    folder = path.removeprefix(f"{key}/").split("/")[0]
    return number_of(folder) if VERSION.fullmatch(folder) else 0


def is_inventory(path: str, key: str) -> bool:
    """Whether a file is the inventory of the object, or of a version of it."""
    folder, _, name = path.removeprefix(f"{key}/").rpartition("/")
    return name == INVENTORY and (not folder or VERSION.fullmatch(folder) is not None)


def beyond(path: str, here: Mapping[str, int], key: str, good: int, last: int) -> bool:
    """Whether a file belongs to a newer version than the ``good`` one, or to one that is being written."""
    number = version_of(path, key)
    folder = path.removeprefix(f"{key}/").split("/")[0]
    return good < number <= last or (number == last + 1 and f"{key}/{folder}/{INVENTORY}" not in here)


def newest_here(target: Store, good: OcflObject, here: Mapping[str, int]) -> tuple[bytes, Inventory] | None:
    """The newest version beyond the good copy, if there is one. Raises `Conflict`."""
    key, last = good.key, number_of(good.head)
    newest: tuple[bytes, Inventory] | None = None
    inventories = {path: version_of(path, key) for path in here if is_inventory(path, key)}
    for path, number in sorted(inventories.items(), key=lambda item: item[1]):
        try:
            data = read_file(target, path)
            inventory = parse(data)
        except (KeyError, InputError, Unreadable) as error:
            if number == last + 1:
                raise newer(target, good) from error  # it was committed, and only here
            continue
        beside = f"{path}.{inventory.algorithm}"
        if not fits(target, path, data, inventory.algorithm) and (number <= last or beside in here):
            if number > last:
                raise newer(target, good)
            continue  # damaged, and there is a good one
        if not one_history(inventory, data, good):
            raise Conflict(
                say("{url} holds another history of {id}.", url=target.url, id=good.id),
                "Nothing was overwritten. Compare the two objects, and remove the wrong one by hand.",
            )
        if number_of(inventory.head) > last:
            newest = data, inventory
    return newest


def fits(target: Store, path: str, data: bytes, algorithm: str) -> bool:
    """Whether the sidecar of an inventory is whole, and of ``data``."""
    try:
        return sidecar_fits(target, path, data, algorithm)
    except Unreadable:
        return False


def one_history(inventory: Inventory, data: bytes, good: OcflObject) -> bool:
    """Whether an inventory is of an earlier or a later state of the good copy."""
    number, last = number_of(inventory.head), number_of(good.head)
    if number == last:
        return hashlib.sha512(data).hexdigest() == good.digest
    old, new = (inventory, good.inventory) if number < last else (good.inventory, inventory)
    return follows(new, old) and old.content.keys() <= new.content.keys()


def roll_on(
    target: Store, good: OcflObject, data: bytes, inventory: Inventory, here: Mapping[str, int], moment: str
) -> list[str]:
    """Restore the object's own inventory from that of a newer version."""
    key = good.key
    named = {f"{key}/{path}" for path in inventory.content.keys() - good.inventory.content.keys()}
    if not here.keys() >= named:
        raise newer(target, good)
    names = INVENTORY, f"{INVENTORY}.{inventory.algorithm}"
    root = [f"{key}/{name}" for name in names if f"{key}/{name}" in here]
    for path in root:
        set_aside(target, path, moment)
    publish(target, key, data, inventory)
    return root or [f"{key}/{INVENTORY}"]


def newer(target: Store, good: OcflObject) -> Conflict:
    return Conflict(
        say("{url} holds a newer version of {id} than the good copy.", url=target.url, id=good.id),
        "It is damaged, and was left as it is. Bring back a store that holds the newest version.",
    )


def going_with(target: Store, good: OcflObject) -> OcflObject | None:
    """The object here, if its own inventory and sidecar are whole and of the same history."""
    try:
        there = read_at(target, good.key)
    except (Damaged, NotInArchive, InputError, Unreadable):
        return None
    return there if same_history(there, good) else None


def mend_file(
    source: Store, target: Store, path: str, size: int | None, wanted: int, tick: Tick
) -> list[str]:
    """Put a file in the place of a damaged one; returns its key if it was."""
    if size == wanted and digest_at(target, path, tick) == digest_at(source, path):
        return []
    target.delete(path)
    with suppress(AlreadyThere):  # another healer was quicker
        if wanted > CHUNK or "/content/" in path:
            target.write(path, source.stream(path))
        else:
            target.create(path, b"".join(source.stream(path)))
    return [path]


def moment_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def set_aside(store: Store, path: str, moment: str = "") -> None:
    """A file that belongs to no version: somebody may still want it, but not there."""
    place = f"{QUARANTINE}/{moment or moment_now()}"
    aside = f"{place}/{path}"
    if not well_formed(aside):  # too long
        aside = f"{place}/{hashlib.sha256(path.encode()).hexdigest()}"
    with suppress(KeyError, Unreadable):  # a link, a device: nothing to keep
        store.write(aside, store.stream(path))
        store.settle(aside.rpartition("/")[0])
    store.delete(path)


def digest_at(store: Store, key: str, tick: Tick = silent) -> str:
    """sha512 of a file, "" if it cannot be read."""
    made = hashlib.sha512()
    try:
        for chunk in store.stream(key):
            made.update(chunk)
            tick(len(chunk))
    except (KeyError, Unreadable):
        return ""
    return made.hexdigest()
