"""Everything again from what survived: the index from the objects, the objects from any one store.

And the drill that shows that it works before it is needed: restore into a scratch place, compare every byte.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from oberih import settings as rules
from oberih.archive.archive import (
    FIRST_STORE,
    INDEX,
    MAIN,
    RESTORING,
    Archive,
    being_made,
    create_archive,
    refuse_half_restored,
    settings_of,
    stores_of,
)
from oberih.archive.configuration import CONFIGURATION, SETTINGS, recall_settings
from oberih.archive.deposit import ABOUT, MODEL, ORIGINALS, entry_at, entry_of
from oberih.archive.fixity.gather import scratch_root
from oberih.archive.holdings import Holding, OcflHolding, PackageHolding, holding
from oberih.archive.identity import check_identity, identity, mark
from oberih.archive.index import LONG_AGO, LOST, UNCHECKED, Entry, Index, Replica, remove_index
from oberih.archive.journal import JOURNAL, Outcome, happened, write_down
from oberih.archive.lock import locked
from oberih.archive.ocfl import check_root, read_object, validate_object
from oberih.archive.ocfl.inventory import number_of
from oberih.archive.ocfl.root import holds_objects, mend_root
from oberih.archive.people import take_keys
from oberih.archive.replicate import Trouble, none_opened
from oberih.archive.stores import Store, Unreadable, open_store
from oberih.errors import Conflict, Damaged, InputError, KeyNeeded, NotInArchive, OberihError, StoreError
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["Drilled", "Rebuilt", "drill", "rebuild"]

DRAFT = f".{INDEX}.new"
BATCH = 1000
T = TypeVar("T")
FAULTS = (Damaged, Conflict, InputError, KeyNeeded, NotInArchive, Unreadable)  # of one object, not of all


@dataclass
class Rebuilt:
    """What a rebuild brought back."""

    archive: Archive
    restored: int = 0  # objects copied into the main store
    indexed: int = 0
    seconds: float = 0.0
    troubles: list[Trouble] = field(default_factory=list)  # objects that could not be restored or read
    stores: list[str] = field(default_factory=list)  # names of those that came back with the settings
    custodians: list[str] = field(default_factory=list)  # who came back with them
    no_settings: bool = False  # they were lost, and are in none of the objects


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
    """Make the archive in ``folder`` whole again. The index that is there stays until the new one is whole.

    Without ``source``: a new index from the objects in the main store. With it (the name of a store of this
    archive, or the path or URL of one that survived), everything that the main store has not is first
    restored from there; ``folder`` may then be new. Run again to go on after a stop.
    """
    folder, progress, started = Path(folder), progress or Progress(), time.monotonic()
    lost_settings = prepare(folder, source)
    with locked(folder, exclusive=True):
        try:
            remove_index(folder / DRAFT)
            archive = Archive(folder, settings_of(folder), Index(folder / DRAFT))
            done = Rebuilt(archive)
            if source:
                name, held = surviving(archive, source)
                open_main(archive, create=True)
                with restoring(folder, place_to_name(archive, source)):
                    restore_all(archive, name, held, done, identities, progress)
            else:
                open_main(archive, create=being_made(archive.settings) and not lost_settings)
            if lost_settings or (source and settings_are_new(archive)):
                recall(archive, held.store if source else archive.main, done)
            index_all(archive, done, progress)
            archive.forget_strangers()
            archive.index = archive.index.put_at(folder / INDEX)
        finally:
            remove_index(folder / DRAFT)
        (folder / RESTORING).unlink(missing_ok=True)
        done.seconds = time.monotonic() - started
        detail = say("{count} objects", count=done.indexed) + (f", from {source}" if source else "")
        every = [entry.id for entry in archive.index.objects()]
        write_down(archive, "rebuild", happened("recovery", every, detail=detail))
    return done


def prepare(folder: Path, source: str) -> bool:
    """See to it that there are settings; whether they had been lost. Raises `NotInArchive`."""
    if (folder / rules.FILE).is_file():
        if not source:
            refuse_half_restored(folder)
        return False
    if (folder / MAIN).is_dir():  # the settings were lost, the objects not
        if not holds_objects(main := open_store(folder / MAIN)):
            check_root(main)
        rules.change(folder / rules.FILE, lambda table: table.update(stores={MAIN: FIRST_STORE}))
        return True
    if not source:
        raise NotInArchive(
            say("There is no archive in {path}.", path=folder),
            "Name a store that survived: oberih rebuild --archive FOLDER --from STORE",
        )
    create_archive(folder).index.close()
    remove_index(folder / INDEX)
    return False


def open_main(archive: Archive, *, create: bool) -> None:
    """Open the main store. With ``create``, another is made where none is."""
    given = archive.settings.stores[MAIN]
    main = archive.open(given, create=create)
    if given.id and (identity(main) or not create):
        check_identity(main, given.id)
    if holds_objects(main):
        mend_root(main)
    check_root(main)
    marker = mark(main, packages=False)
    if marker != given.id:
        archive.change_settings(lambda table: table["stores"][MAIN].update(id=marker))
    archive.opened[MAIN] = main


def settings_are_new(archive: Archive) -> bool:
    return len(archive.settings.stores) < 2 and not archive.settings.custodians


def recall(archive: Archive, source: Store, done: Rebuilt) -> None:
    """Take the settings from the objects that came back."""
    try:
        done.stores, done.custodians = recall_settings(archive, source)
        done.no_settings = not (done.stores or done.custodians)
    except InputError as error:  # of a later version: somebody can still write them anew
        done.troubles.append(Trouble(MAIN, rules.FILE, error))


@contextmanager
def restoring(folder: Path, source: str) -> Iterator[None]:
    """While this goes on, and if it stops, what is there is not all there is; `rebuild` ends it."""
    marker, before = open_store(folder), (folder / RESTORING).exists()
    if before:
        marker.replace(RESTORING, source.encode(), marker.read(RESTORING)[1])
    else:
        marker.create(RESTORING, source.encode())
    try:
        yield
    except KeyNeeded:  # nothing was restored
        if not before:
            marker.delete(RESTORING)
        raise


def place_to_name(archive: Archive, source: str) -> str:
    """How to name a store from wherever one is."""
    known = source in archive.settings.stores or "://" in source
    return source if known else str(Path(source).absolute())


def surviving(archive: Archive, source: str) -> tuple[str, Holding]:
    """The store to restore from, by its name or place; how it holds objects is seen from what is there."""
    store: Store
    given = archive.settings.stores.get(source)
    if given is not None:
        store = archive.store(source) if given.id else archive.open(given)  # which would mark it
        return source, holding(store, given, archive.recipients())
    store = open_store(source)
    try:
        check_root(store)
    except NotInArchive:
        held: Holding = PackageHolding(store, (), append_only=True)
        if next(held.places(), None) is None and holds_objects(store):
            held = OcflHolding(store)  # what says that it is a storage root was lost
        elif next(held.places(), None) is None:
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
            except FAULTS as error:
                done.troubles.append(Trouble(name, key, error))
            stage.tick()
    none_opened(done.restored, done.troubles)
    # What was withdrawn elsewhere meanwhile, `replicate` destroys.
    take_keys(held.store, archive.main, identities=identities)


def index_all(archive: Archive, done: Rebuilt, progress: Progress) -> None:
    """Read every object in the main store, and what lies on the others, into the index."""
    with progress.stage("indexing", 0) as stage:
        for batch in batches(entries(archive, done)):
            replicas = [Replica(entry.id, MAIN, entry.head, state, LONG_AGO) for entry, state in batch]
            archive.index.put([entry for entry, _ in batch], replicas)
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
                    newest = archive.index.get(known[key]).head  # whatever an untrusted store says
                    head = min(held.head(known[key]) or "v1", newest, key=number_of)
                    replicas.append(Replica(known[key], name, head, UNCHECKED, LONG_AGO))
            except (Damaged, InputError, NotInArchive, Unreadable) as error:
                if key in known:  # it is there, and is to be healed
                    head = archive.index.get(known[key]).head
                    replicas.append(Replica(known[key], name, head, LOST, LONG_AGO))
                done.troubles.append(Trouble(name, known.get(key, key), error))
        archive.index.put(entries, replicas)
        done.indexed += len(entries)


def only_there(held: Holding, key: str) -> Entry:
    """The entry of an object that the main store has not, or not whole."""
    if isinstance(held, OcflHolding):
        return entry_at(held.store, key)
    raise stranger(held, key)


def stranger(held: Holding, key: str) -> NotInArchive:
    return NotInArchive(
        say("{store} holds an object that the main store has not: {key}", store=held.store.url, key=key),
        "Restore it: oberih rebuild --archive FOLDER --from STORE",
    )


def entries(archive: Archive, done: Rebuilt) -> Iterator[tuple[Entry, str]]:
    """Every object in the main store, and the state of the copy as far as it is seen."""
    for key in archive.holding(MAIN).places():
        try:
            yield entry_at(archive.main, key), UNCHECKED
            continue
        except FAULTS as error:
            done.troubles.append(Trouble(MAIN, key, error))
        try:
            yield entry_alone(archive.main, key), LOST
        except FAULTS:
            continue  # not even its inventory can be read: perhaps another store tells of it


def entry_alone(store: Store, key: str) -> Entry:
    """What the inventory says of an object of which `object.json` is damaged, and an older one, if any."""
    found = read_object(store, key)
    about: dict[str, object] = {}
    for version in found.inventory.versions:
        with suppress(*FAULTS, ValueError):
            told = json.loads(found.read(ABOUT, version))
            about |= told if isinstance(told, dict) else {}
    return entry_of(found, {"kind": kind_of(found.inventory.files()), **about})


def kind_of(files: Iterable[str]) -> str:
    """What an object is by what it holds."""
    for path in files:
        if path.startswith(f"{ORIGINALS}/"):
            return "capture"
    kinds = {MODEL: "model", SETTINGS: CONFIGURATION}
    return next((kinds[path] for path in files if path in kinds), "unknown")


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
        expected = {
            held.key(e.id): e for e in archive.index.objects() if name in archive.targets(e.id, e.kind)
        }
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
                    if name != MAIN and identifier not in archive.index:
                        troubles.append(Trouble(name, identifier, stranger(held, key)))
                except FAULTS as error:
                    troubles.append(Trouble(name, expected[key].id if key in expected else key, error))
                stage.tick()
    except StoreError as error:
        troubles.append(Trouble(name, "", error))
    none_opened(objects, troubles)
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
