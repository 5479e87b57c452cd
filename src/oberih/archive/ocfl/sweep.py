"""Finding and removing what commits left behind that never came to their end.

Nothing that an inventory names is ever touched, and nothing that is not ours: only temporary files, and
folders of a commit's own (``vN/content/<token>``) that no inventory knows.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import groupby

from oberih.archive.ocfl.check import VERSION
from oberih.archive.ocfl.commit import TOKEN
from oberih.archive.ocfl.inventory import Inventory, number_of
from oberih.archive.ocfl.layout import DEPTH
from oberih.archive.ocfl.objects import INVENTORY, read_at
from oberih.archive.ocfl.root import OBJECT_DECLARATION, our_layout
from oberih.archive.stores import TEMPORARY, Stat, Store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Damaged, InputError, NotInArchive

__all__ = ["sweep"]


def sweep(store: Store, older_than: timedelta) -> list[str]:
    """Finish interrupted commits and remove leftovers that nobody touched for a while; returns their keys.

    ``older_than``, by the store's own clock, must be longer than one file takes to be written.
    """
    before = store.now() - older_than
    removed = []
    for key, stats in by_object(store.list()):
        if key:
            leftovers = of_object(store, key, stats)
        else:
            leftovers = [[stat] for stat in stats if temporary(stat)]
        for group in leftovers:
            if all(stat.modified <= before for stat in group):
                for stat in group:
                    store.delete(stat.key)
                    removed.append(stat.key)
    if isinstance(store, FolderStore) and our_layout(store):
        removed += empty_folders(store)
    return removed


def empty_folders(store: FolderStore) -> list[str]:
    """Remove folders that a writer made and died before it wrote a file into them. Who needs one makes it."""
    removed, folders = [], [""]
    for folder in folders:  # grows as it goes
        folders += store.folders(folder)
    for key in reversed(folders[1:]):
        parts = key.split("/")
        inner = parts[DEPTH:]
        made_by_us = not inner or (VERSION.fullmatch(inner[0]) and inner[1:2] in ([], ["content"]))
        if parts[0] == "extensions" or not made_by_us or any((store.root / key).iterdir()):
            continue
        if len(inner) == 1 and named(store, "/".join(parts[:DEPTH]), inner[0]):
            continue
        with suppress(OSError):  # a writer was quicker
            (store.root / key).rmdir()
            removed.append(key)
    return removed


def named(store: Store, key: str, version: str) -> bool:
    """Whether the object at ``key`` has that version: then even an empty folder is part of it."""
    try:
        return version in read_at(store, key, recover=False).inventory.versions
    except NotInArchive:
        return False
    except (Damaged, InputError):
        return True


def by_object(stats: Iterable[Stat]) -> Iterator[tuple[str, list[Stat]]]:
    """Files by the object they belong to, or would belong to; "" for those of the root."""
    root = ""

    def object_of(stat: Stat) -> str:
        nonlocal root
        folder, _, name = stat.key.rpartition("/")
        if root and stat.key.startswith(root + "/"):
            return root
        if folder and OBJECT_DECLARATION.fullmatch(name):
            root = folder
            return root
        parts = stat.key.split("/")
        return "/".join(parts[:DEPTH]) if len(parts) > DEPTH and parts[0] != "extensions" else ""

    for key, group in groupby(stats, object_of):
        yield key, list(group)


def temporary(stat: Stat) -> bool:
    return stat.key.rpartition("/")[2].startswith(TEMPORARY)


def of_object(store: Store, key: str, stats: list[Stat]) -> list[list[Stat]]:
    """Leftovers in an object, in groups of which all or nothing is removed."""
    leftovers = [[stat] for stat in stats if temporary(stat)]
    inventory: Inventory | None = None
    try:
        inventory = read_at(store, key).inventory
    except NotInArchive:
        pass
    except (Damaged, InputError):
        return leftovers  # it cannot be told what is named and what is not
    referenced = inventory.content if inventory else {}
    directory = (inventory.content_directory if inventory else None) or "content"
    groups: dict[str, list[Stat]] = {}
    for stat in stats:
        parts = stat.key[len(key) + 1 :].split("/")
        if (
            len(parts) > 3
            and VERSION.fullmatch(parts[0])
            and parts[1] == directory
            and TOKEN.fullmatch(parts[2])
            and not temporary(stat)
        ):
            groups.setdefault("/".join(parts[:3]), []).append(stat)
    tokens = {"/".join(path.split("/")[:3]) for path in referenced}
    for folder, group in groups.items():
        version = folder.split("/")[0]
        if folder not in tokens and ours(store, key, version, inventory, referenced):
            leftovers.append(group)
    return leftovers


def ours(
    store: Store, key: str, version: str, inventory: Inventory | None, referenced: Mapping[str, str]
) -> bool:
    """Whether unknown folders in ``version`` are a commit's: not if another program makes such folders."""
    if inventory is not None and number_of(version) <= number_of(inventory.head):
        named = [path for path in referenced if path.startswith(version + "/")]
        return all(TOKEN.fullmatch(path.split("/")[2]) and path.count("/") > 2 for path in named)
    # A version that is not made, and has an inventory: damaged, or not ours to judge.
    try:
        store.stat(f"{key}/{version}/{INVENTORY}")
    except KeyError:
        return True
    return False
