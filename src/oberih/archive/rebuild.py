"""Everything again from what survived: the index from the objects, the objects from any one store.

And the drill that shows that it works before it is needed: restore into a scratch place, compare every byte.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from oberih import settings as rules
from oberih.archive.archive import INDEX, MAIN, Archive, create_archive, settings_of, stores_of
from oberih.archive.configuration import recall_settings
from oberih.archive.deposit import entry_at
from oberih.archive.gather import scratch_root
from oberih.archive.holdings import Holding, OcflHolding, PackageHolding
from oberih.archive.index import LONG_AGO, LOST, UNCHECKED, Entry, Index, Replica
from oberih.archive.journal import JOURNAL, Outcome, happened, write_down
from oberih.archive.ocfl import check_root, read_object, validate_object
from oberih.archive.people import copy_keys
from oberih.archive.replicate import Trouble
from oberih.archive.stores import Store, Unreadable, open_store
from oberih.errors import Conflict, Damaged, InputError, NotInArchive, OberihError, StoreError
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["Drilled", "Rebuilt", "drill", "rebuild"]

DRAFT = f".{INDEX}.new"
BATCH = 1000
T = TypeVar("T")


@dataclass
class Rebuilt:
    """What a rebuild brought back."""

    archive: Archive
    restored: int = 0  # objects copied into the main store
    indexed: int = 0
    seconds: float = 0.0
    troubles: list[Trouble] = field(default_factory=list)  # objects that could not be restored or read


@dataclass(frozen=True)
class Drilled:
    """What a drill proved."""

    store: str
    objects: int
    files: int
    bytes: int
    seconds: float
    troubles: tuple[Trouble, ...]
    missing: int  # objects that the policy asks for there, and that are not (journals are not counted)


def rebuild(
    folder: Path | str, *, source: str = "", identities: Sequence[str] = (), progress: Progress | None = None
) -> Rebuilt:
    """Make the archive in ``folder`` whole again.

    Without ``source``: a new index from the objects in the main store. With it (the name of a store of this
    archive, or the path or URL of one that survived), everything that the main store has not is first
    restored from there; ``folder`` may then be new. Run again to go on after a stop.
    """
    progress, started = progress or Progress(), time.monotonic()
    archive = at_hand(Path(folder), source)
    done = Rebuilt(archive)
    if source:
        name, held = surviving(archive, source)
        restore_all(archive, name, held, done, identities, progress)
        if len(archive.settings.stores) < 2 and not archive.settings.custodians:  # they were lost
            recall_settings(archive)
    index_all(archive, done, progress)
    put_in_place(archive)
    done.seconds = time.monotonic() - started
    detail = say("{count} objects", count=done.indexed) + (f", from {source}" if source else "")
    write_down(
        archive, "rebuild", happened("recovery", [e.id for e in archive.index.objects()], detail=detail)
    )
    return done


def at_hand(folder: Path, source: str) -> Archive:
    """The archive with an empty index beside its own; a new one if there is none and something to restore
    it from. Until `put_in_place`, an index that was there stays, and where none was, none seems to be.
    """
    if not (folder / rules.FILE).is_file():
        if (folder / MAIN).is_dir() and not source:  # the settings were lost, the objects not
            table = {"stores": {MAIN: {"url": MAIN, "threat": "this machine"}}}
            rules.change(folder / rules.FILE, lambda t: t.update(table))
        elif not source:
            raise NotInArchive(
                say("There is no archive in {path}.", path=folder),
                "Name a store that survived: oberih rebuild --archive FOLDER --from STORE",
            )
        else:
            create_archive(folder)
            remove_index(folder / INDEX)
    settings = settings_of(folder)
    remove_index(folder / DRAFT)
    archive = Archive(folder, settings, Index(folder / DRAFT))
    archive.opened[MAIN] = archive.open(settings.stores[MAIN], create=True)
    return archive


def put_in_place(archive: Archive) -> None:
    """Let the new index be the archive's. The old one goes first: its log would spoil the new one."""
    remove_index(archive.folder / INDEX)
    (archive.folder / DRAFT).replace(archive.folder / INDEX)
    archive.index = Index(archive.folder / INDEX)


def remove_index(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def surviving(archive: Archive, source: str) -> tuple[str, Holding]:
    """The store to restore from, by its name or place; how it holds objects is seen from what is there."""
    store: Store
    if source in archive.settings.stores:
        return source, archive.holding(source)
    store = open_store(source)
    try:
        check_root(store)
    except NotInArchive:
        held: Holding = PackageHolding(store, (), append_only=True)
        if next(held.places(), None) is None:
            raise NotInArchive(
                say("{store} holds no objects of an archive.", store=store.url), "Check the path or the URL."
            ) from None
        return source, held
    return source, OcflHolding(store)


def restore_all(
    archive: Archive, name: str, held: Holding, done: Rebuilt, identities: Sequence[str], progress: Progress
) -> None:
    """Copy every object of a store into the main one."""
    keys = list(held.places())
    with progress.stage("restoring", len(keys)) as stage:
        for key in keys:
            try:
                held.give(key, archive.main, identities)
                done.restored += 1
            except (Damaged, Conflict, InputError, NotInArchive, Unreadable) as error:
                done.troubles.append(Trouble(name, key, error))
            stage.tick()
    copy_keys(held.store, archive.main)


def index_all(archive: Archive, done: Rebuilt, progress: Progress) -> None:
    """Read every object in the main store, and what lies on the others, into the index."""
    with progress.stage("indexing", 0) as stage:
        for batch in batches(entries(archive, done)):
            archive.index.put(batch, [Replica(e.id, MAIN, e.head, UNCHECKED, LONG_AGO) for e in batch])
            done.indexed += len(batch)
            stage.tick(0)
    # Those first that tell of objects which the main store has not.
    for name in sorted(stores_of(archive)[1:], key=lambda name: archive.settings.stores[name].packages):
        try:
            index_store(archive, name, done)
        except OberihError as error:
            done.troubles.append(Trouble(name, "", error))


def index_store(archive: Archive, name: str, done: Rebuilt) -> None:
    """What lies on another store. What only it has is damaged in the main store: `verify` can heal it."""
    held = archive.holding(name)
    known = {held.key(entry.id): entry.id for entry in archive.index.objects()}
    for keys in batches(held.places()):
        entries, replicas = [], []
        for key in keys:
            try:
                if key not in known:
                    entry = only_there(held, key)
                    entries.append(entry)
                    replicas.append(Replica(entry.id, MAIN, entry.head, LOST, LONG_AGO))
                    replicas.append(Replica(entry.id, name, entry.head, UNCHECKED, LONG_AGO))
                else:
                    head = held.head(known[key]) or "v1"
                    replicas.append(Replica(known[key], name, head, UNCHECKED, LONG_AGO))
            except (Damaged, InputError, NotInArchive, Unreadable) as error:
                if key in known:  # it is there, and is to be healed
                    head = archive.index.get(known[key]).head
                    replicas.append(Replica(known[key], name, head, LOST, LONG_AGO))
                done.troubles.append(Trouble(name, "", error))
        archive.index.put(entries, replicas)
        done.indexed += len(entries)


def only_there(held: Holding, key: str) -> Entry:
    """The entry of an object that the main store has not, or not whole."""
    if isinstance(held, OcflHolding):
        return entry_at(held.store, key)
    raise NotInArchive(
        say("{store} holds an object that the main store has not: {key}", store=held.store.url, key=key),
        "Restore it: oberih rebuild --archive FOLDER --from STORE",
    )


def entries(archive: Archive, done: Rebuilt) -> Iterator[Entry]:
    for key in archive.holding(MAIN).places():
        try:
            yield entry_at(archive.main, key)
        except (Damaged, InputError, NotInArchive, Unreadable) as error:
            done.troubles.append(Trouble(MAIN, key, error))


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    running = iter(items)
    while batch := list(islice(running, BATCH)):
        yield batch


def drill(
    archive: Archive,
    name: str,
    *,
    scratch: Path | None = None,
    identities: Sequence[str] = (),
    progress: Progress | None = None,
) -> Drilled:
    """Restore everything from one store into a scratch folder, and compare every byte with its deposit.

    A store that cannot be reached is a trouble like a damaged object. Raises `KeyNeeded`.
    """
    if scratch is not None and scratch.exists() and any(scratch.iterdir()):
        raise InputError(say("{path} is not empty.", path=scratch), "Give an empty or a new folder.")
    progress, started = progress or Progress(), time.monotonic()
    expected: dict[str, Entry] = {}
    seen: set[str] = set()
    objects = files = size = 0
    troubles = []
    try:
        held = archive.holding(name)
        expected = {held.key(e.id): e for e in archive.index.objects() if name in archive.targets(e.id)}
        with (
            scratch_root(scratch or archive.folder, ".drill-") as target,
            progress.stage("restoring", len(expected)) as stage,
        ):
            for key in held.places():
                seen.add(key)
                try:
                    identifier = held.give(key, target, identities)
                    files_of, bytes_of = compared(target, identifier, expected.get(key))
                    objects, files, size = objects + 1, files + files_of, size + bytes_of
                except (Damaged, Conflict, InputError, NotInArchive, Unreadable) as error:
                    troubles.append(Trouble(name, expected[key].id if key in expected else key, error))
                stage.tick()
    except StoreError as error:
        troubles.append(Trouble(name, "", error))
    missing = sum(entry.kind != JOURNAL for key, entry in expected.items() if key not in seen)
    done = Drilled(name, objects, files, size, time.monotonic() - started, tuple(troubles), missing)
    outcome: Outcome = "failure" if troubles or missing else "success"
    note = f"{objects} objects, {files} files, {size} bytes in {done.seconds:.0f} s; {len(troubles)} failed"
    concerned = [entry.id for entry in expected.values()]
    write_down(
        archive, "restore drill",
        happened("validation", concerned, detail=f"restore drill from {name}", outcome=outcome, note=note),
    )  # fmt: skip
    return done


def compared(target: Store, identifier: str, entry: Entry | None) -> tuple[int, int]:
    """Read every byte of a restored object; its files and bytes. Raises `Damaged`."""
    found = read_object(target, identifier)
    wrong = [f for f in validate_object(target, found.key, full=True) if f.level == "error"]
    if wrong:
        raise Damaged(
            say("{id} came back damaged: {why}", id=identifier, why=wrong[0].message),
            "Run `oberih verify --heal`.",
        )
    if entry is not None and found.digest != entry.digest:
        raise Damaged(
            say("{id} came back as {old}, not as {new}.", id=identifier, old=found.head, new=entry.head),
            "Run `oberih replicate`.",
        )
    listed = list(target.list(found.key))
    return len(listed), sum(stat.size for stat in listed)
