"""Copying objects from one storage root to another, byte for byte, so that each copy has the same digests.

A version is copied in the order in which it was made: content first, then its inventory, then the rest (see
`objects`). A copy that was interrupted is taken up again: what has arrived whole is not sent twice.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha512

from oberih.archive.ocfl import digests
from oberih.archive.ocfl.inventory import Inventory, number_of, parse
from oberih.archive.ocfl.objects import (
    INVENTORY,
    OcflObject,
    find_intent,
    follows,
    publish,
    read_at,
    read_file,
    sidecar_fits,
)
from oberih.archive.stores import AlreadyThere, Store, exists
from oberih.errors import Conflict, Damaged, InputError, NotInArchive
from oberih.i18n import say

__all__ = ["Copied", "copy_object", "copy_version"]

Tick = Callable[[float], None]


@dataclass(frozen=True)
class Copied:
    """What was done."""

    object: OcflObject  # on the target
    versions: tuple[str, ...]  # that were missing there
    files: int  # sent
    bytes: int  # sent


def copy_object(
    source: Store, key: str, target: Store, *, threads: int = 2, tick: Tick | None = None,
    recover: bool = False,
) -> Copied:  # fmt: skip
    """Copy the versions of an object that the target has not. ``tick`` is told bytes, sent or found there.

    The source is only read: of a commit that was interrupted after all of it was there, the version is copied
    all the same. ``recover`` finishes it on the source too, which is then to be one of ours.
    Raises `Conflict` if the target holds another history of the same object: it is never overwritten.
    Raises `Damaged` if the source is; nothing of that version can be seen on the target then.
    """
    there = read_at(source, key, recover=recover)
    published = there.head
    while not recover and (intent := find_intent(source, key, there.inventory)):
        there = OcflObject(source, key, intent[1], sha512(intent[0]).hexdigest())
    try:
        had = read_at(target, key)
    except NotInArchive:
        had = None
    if had is not None and not same_history(had, there):
        raise other_history(target, there)
    copied: list[str] = []
    files = size = 0
    for version, data, inventory in missing_versions(there, published, had):
        sent = copy_version(there, version, target, data, inventory, threads=threads, tick=tick)
        copied.append(version)
        files, size = files + len(sent), size + sum(sent)
    return Copied(read_at(target, key), tuple(copied), files, size)


def same_history(a: OcflObject, b: OcflObject) -> bool:
    """Whether one of the two is an earlier state of the other."""
    old, new = sorted((a, b), key=lambda found: number_of(found.head))
    if old.head == new.head:
        return old.digest == new.digest
    return follows(new.inventory, old.inventory) and set(old.inventory.content) <= set(new.inventory.content)


def missing_versions(
    there: OcflObject, published: str, had: OcflObject | None
) -> Iterator[tuple[str, bytes, Inventory]]:
    """The versions that are to be copied: those with an inventory of their own, as ours all have. Those after
    the ``published`` one are there whole, though perhaps without a sidecar.
    """
    store, key = there.store, there.key
    done = number_of(had.head) if had else 0
    for version in there.inventory.versions:
        if number_of(version) <= done:
            continue
        last = version == published
        seen = number_of(version) >= number_of(published)  # their inventories were checked
        path = f"{key}/{INVENTORY}" if last else f"{key}/{version}/{INVENTORY}"
        try:
            data = read_file(store, path)
            inventory = parse(data)
        except KeyError:
            continue  # another program's: what it brought comes with the next version that has one
        except InputError as error:
            raise damaged(store, path) from error
        if not sidecar_fits(store, path, data, inventory.algorithm) and not seen:
            raise damaged(store, path)
        if not follows(there.inventory, inventory) and not seen:
            raise damaged(store, path)
        yield version, data, inventory


def copy_version(
    there: OcflObject,
    version: str,
    target: Store,
    data: bytes,
    inventory: Inventory,
    *,
    threads: int = 2,
    tick: Tick | None = None,
) -> list[int]:
    """Copy one version, whose inventory is ``data``; returns the sizes of the files that were sent."""
    key = there.key
    whole = {name for name in inventory.versions if exists(target, f"{key}/{name}/{INVENTORY}")} - {version}
    wanted = {path: digest for path, digest in inventory.content.items() if path.split("/")[0] not in whole}

    def copy(item: tuple[str, str]) -> int | None:
        path, digest = item
        return copy_file(there.store, target, f"{key}/{path}", inventory.algorithm, digest.lower(), tick)

    pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="copy")
    try:
        sent = [size for size in pool.map(copy, sorted(wanted.items())) if size is not None]
    finally:
        pool.shutdown(cancel_futures=True)
    if wanted:
        target.settle(key)
    intent = f"{key}/{version}/{INVENTORY}"
    try:
        target.create(intent, data)
    except AlreadyThere:
        if read_file(target, intent) != data:
            raise other_history(target, there) from None
    publish(target, key, data, inventory)
    return sent


def copy_file(
    source: Store, target: Store, key: str, algorithm: str, digest: str, tick: Tick | None
) -> int | None:
    """Send a file and verify it on the way; None if it was there. Raises `Damaged` if the source is."""
    try:
        size = source.stat(key).size
    except (KeyError, ValueError) as error:
        raise damaged(source, key) from error
    if there_already(target, key, size, algorithm, digest, tick):
        return None
    try:
        return target.write(key, verified(source, key, algorithm, digest, tick))
    except AlreadyThere:
        # Another copier was quicker, or a broken piece lay there that was just being removed.
        if there_already(target, key, size, algorithm, digest, tick):
            return None
        target.delete(key)  # empty folders
        return target.write(key, verified(source, key, algorithm, digest, tick))


def there_already(target: Store, key: str, size: int, algorithm: str, digest: str, tick: Tick | None) -> bool:
    """Whether the file has arrived whole; a part of it is removed."""
    try:
        if target.stat(key).size == size:
            made = digests.new(algorithm)
            for chunk in target.stream(key):
                made.update(chunk)
            if made.hexdigest() == digest:
                if tick is not None:
                    tick(size)
                return True
    except KeyError:
        return False
    target.delete(key)
    return False


def verified(source: Store, key: str, algorithm: str, digest: str, tick: Tick | None) -> Iterator[bytes]:
    """The pieces of a file. Raises `Damaged` before the end is told if they are not what they should be."""
    made = digests.new(algorithm)
    for chunk in source.stream(key):
        made.update(chunk)
        yield chunk
        if tick is not None:
            tick(len(chunk))
    if made.hexdigest() != digest:
        raise damaged(source, key)


def other_history(target: Store, there: OcflObject) -> Conflict:
    return Conflict(
        say("{url} holds another history of {id}.", url=target.url, id=there.id),
        "Nothing was overwritten. Compare the two objects, and remove the wrong one by hand.",
    )


def damaged(store: Store, key: str) -> Damaged:
    return Damaged(
        say("{key} on {url} is not what was deposited.", key=key, url=store.url),
        "Restore it from a good copy: `oberih verify --heal`.",
    )
