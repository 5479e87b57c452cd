"""Bringing copies to the other stores: what the policy asks for, resumable, verified where they arrive."""

import threading
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from oberih.archive.archive import MAIN, Archive, stores_of
from oberih.archive.configuration import keep_settings
from oberih.archive.holdings import Holding
from oberih.archive.index import GOOD, LOST, Entry, Replica, instant
from oberih.archive.journal import JOURNAL, happened, write_down
from oberih.archive.people import copy_keys
from oberih.archive.stores import Unreadable
from oberih.errors import Cancelled, Damaged, OberihError, StoreError
from oberih.i18n import say
from oberih.progress import Progress, Stage

__all__ = ["Replicated", "Trouble", "replicate", "short_of_policy"]

AT_ONCE = 8  # objects: a store far away is waited for most of the time


@dataclass(frozen=True)
class Trouble:
    """What could not be done, and why."""

    store: str
    id: str  # "" if it is about the whole store
    error: OberihError


@dataclass
class Replicated:
    """What a run did."""

    copied: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # store -> identifiers
    troubles: list[Trouble] = field(default_factory=list)


def replicate(
    archive: Archive,
    *,
    stores: Iterable[str] = (),
    objects: Iterable[str] = (),
    progress: Progress | None = None,
) -> Replicated:
    """Copy what is missing or old on ``stores`` (all). May be interrupted and run again.

    A store in trouble does not keep the others from getting their copies: see `Replicated.troubles`.
    """
    progress = progress or Progress()
    done = Replicated()
    wanted = set(objects)
    if not wanted:
        try:
            keep_settings(archive)
        except OberihError as error:  # it keeps nothing else from being copied
            done.troubles.append(Trouble(MAIN, "", error))
    names = [name for name in stores_of(archive, tuple(stores)) if name != MAIN]
    work = [
        (name, entry)
        for name, entry in pending(archive)
        if name in names and (not wanted or entry.id in wanted)
    ]
    try:
        with progress.stage("replicating", 2 * sum(entry.bytes for _, entry in work)) as stage:
            for name in names:
                mine = [entry for store, entry in work if store == name]
                if mine or archive.settings.custodians:
                    serve(archive, name, mine, done, stage)
    finally:  # also when it was stopped
        journal = told(archive, done) if not wanted else ""
    if journal:
        done.troubles += replicate(archive, stores=names, objects=[journal]).troubles
    return done


def serve(archive: Archive, name: str, entries: list[Entry], done: Replicated, stage: Stage) -> None:
    """Bring one store what it lacks."""
    try:
        target, given = archive.holding(name), archive.settings.stores[name]
        if not given.append_only:
            copy_keys(archive.main, target.store, trusted=not given.untrusted)
        bring_all(archive, name, target, entries, done, stage)
    except Cancelled:
        raise
    except OberihError as error:
        done.troubles.append(Trouble(name, "", error))


def told(archive: Archive, done: Replicated) -> str:
    """Write down what was copied; the identifier of the journal, "" if nothing was."""
    events, journals = [], {entry.id for entry in archive.index.objects(JOURNAL)}
    for name, identifiers in done.copied.items():
        detail = say("to {store}, every byte read back and compared", store=name)
        events += happened("replication", [i for i in identifiers if i not in journals], detail=detail)
    try:
        return write_down(archive, "replication", events)
    except OberihError as error:
        done.troubles.append(Trouble(MAIN, "", error))
        return ""


def bring_all(
    archive: Archive, name: str, target: Holding, entries: list[Entry], done: Replicated, stage: Stage
) -> None:
    """Bring ``entries`` to one store. Raises the `StoreError` that ends it."""
    guard = threading.Lock()

    def one(entry: Entry) -> None:
        if gone.is_set():
            return
        try:
            target.bring(archive.main, entry.id, stage.tick)
            wrong = target.check(entry.id, full=True, tick=stage.tick)
        except Cancelled:
            raise
        except OberihError as error:
            if isinstance(error, StoreError) and not isinstance(error, Unreadable):
                gone.set()
                raise
            with guard:
                done.troubles.append(Trouble(name, entry.id, error))
            return
        state = LOST if wrong else GOOD
        archive.index.put([], [Replica(entry.id, name, entry.head, state, instant())])
        with guard:
            if wrong:
                refused = Damaged(
                    say(
                        "What arrived at {store} is not what was sent: {why}",
                        store=name,
                        why=wrong[0].message,
                    ),
                    "Check that store, then run `oberih verify --heal`.",
                )
                done.troubles.append(Trouble(name, entry.id, refused))
            else:
                done.copied[name].append(entry.id)

    gone = threading.Event()
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="replicate")
    try:
        for running in [pool.submit(one, entry) for entry in entries]:
            running.result()
    finally:
        gone.set()
        pool.shutdown(cancel_futures=True)


def pending(archive: Archive) -> list[tuple[str, Entry]]:
    """Copies that the policy asks for and that are missing or old. (Damaged ones are for `verify`.)"""
    held = {(r.id, r.store): r for r in archive.index.all_replicas()}
    work = []
    for entry in archive.index.objects():
        for name in archive.targets(entry.id)[1:]:
            there = held.get((entry.id, name))
            if there is None or there.head != entry.head:
                work.append((name, entry))
    return work


def short_of_policy(archive: Archive) -> int:
    """How many objects have fewer good copies, over different threats, than the policy asks for."""
    good = defaultdict(set)
    heads = {entry.id: entry.head for entry in archive.index.objects()}
    for replica in archive.index.all_replicas():
        if replica.state == GOOD and heads.get(replica.id) == replica.head:
            good[replica.id].add(archive.threat(replica.store))
    return sum(len(good[identifier]) < archive.settings.copies for identifier in heads)
