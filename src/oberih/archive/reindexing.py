"""The index again: from the objects in the main store, and what lies on the others."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from oberih.archive.archive import MAIN, Archive, stores_of
from oberih.archive.configuration import CONFIGURATION, SETTINGS
from oberih.archive.deposit import ABOUT, MODEL, ORIGINALS, entry_at, entry_of
from oberih.archive.holdings import Holding, OcflHolding
from oberih.archive.index import LONG_AGO, LOST, UNCHECKED, Entry, Replica
from oberih.archive.ocfl import read_object
from oberih.archive.ocfl.inventory import number_of
from oberih.archive.replicate import Trouble
from oberih.archive.stores import Store, Unreadable
from oberih.errors import Conflict, Damaged, InputError, KeyNeeded, NotInArchive, OberihError
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["FAULTS", "Rebuilt", "index_all", "stranger"]

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
