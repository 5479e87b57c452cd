"""Bringing copies to the other stores: what the policy asks for, resumable, verified where they arrive."""

import json
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from oberih.archive.archive import EVERYWHERE, MAIN, Archive, stores_of
from oberih.archive.configuration import keep_settings
from oberih.archive.holdings import Holding, OcflHolding
from oberih.archive.index import GOOD, LOST, Entry, Replica, instant
from oberih.archive.journal import JOURNAL, happened, write_down
from oberih.archive.ocfl.inventory import number_of
from oberih.archive.ocfl.root import mend_root
from oberih.archive.people import copy_keys, leave_keys, tell_withdrawals
from oberih.archive.people.withdrawals import keep_withdrawals, only_told_by
from oberih.archive.stores import Store, Unreadable
from oberih.errors import Cancelled, Damaged, KeyNeeded, OberihError, StoreError
from oberih.i18n import say
from oberih.progress import Progress, Stage

__all__ = ["Replicated", "Trouble", "kept_as_asked", "none_opened", "replicate", "short_of_policy"]

WHOLE = "all copies there"  # note of the index: with which stores and policy they were
AT_ONCE = 8  # objects: a store far away is waited for most of the time


@dataclass(frozen=True)
class Trouble:
    """What could not be done, and why."""

    store: str
    id: str  # "" if it is about the whole store
    error: OberihError


def none_opened(opened: int, troubles: Sequence[Trouble]) -> None:
    """Raise `KeyNeeded` if that was the trouble, and nothing could be opened."""
    for trouble in troubles if not opened else ():
        if isinstance(trouble.error, KeyNeeded):
            raise trouble.error


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
    short_only: bool = False,
    progress: Progress | None = None,
) -> Replicated:
    """Copy what is missing or old on ``stores`` (all). May be interrupted and run again.

    Without ``objects`` the whole archive is looked at, with people's keys, withdrawals and settings. With
    them, only at these, however large the archive is. ``short_only``: objects with as many copies as are
    asked for are passed over, if all had theirs after stores or policy last changed. A store in trouble does
    not keep the others from getting their copies: see `Replicated.troubles`.
    """
    progress = progress or Progress()
    done = Replicated()
    wanted, stores = set(objects), tuple(stores)
    if not wanted:
        try:
            keep_settings(archive)
        except OberihError as error:  # it keeps nothing else from being copied
            done.troubles.append(Trouble(MAIN, "", error))
    names = [name for name in stores_of(archive, stores) if name != MAIN]
    work = [(name, copy) for name, copy in pending(archive, wanted, short_only=short_only) if name in names]
    if not wanted and archive.settings.custodians:
        try:
            keep_withdrawals(archive)  # then all others are told
        except OberihError as error:
            done.troubles.append(Trouble(MAIN, "", error))
    try:
        with progress.stage("replicating", 2 * sum(copy.entry.bytes for _, copy in work)) as stage:
            for name in names:
                mine = [copy for store, copy in work if store == name]
                serve(archive, name, mine, done, stage, people=not wanted)
    finally:  # also when it was stopped
        journals = told(archive, done)
    for journal in journals:
        entry = archive.entry(journal)
        with progress.stage("replicating", 2 * entry.bytes) as stage:
            for name in (name for name in names if name in archive.targets(journal, JOURNAL)):
                serve(archive, name, [Copy(entry)], Replicated(troubles=done.troubles), stage)
    if not wanted and not stores and not done.troubles:
        archive.index.set_note(WHOLE, policy(archive))
    return done


def serve(
    archive: Archive, name: str, copies: list["Copy"], done: Replicated, stage: Stage, *, people: bool = False
) -> None:
    """Bring one store what it lacks, with ``people`` also their keys and withdrawals."""
    if not copies and not (people and archive.settings.custodians):
        return
    try:
        target = archive.holding(name)
        if isinstance(target, OcflHolding):
            mend_root(target.store)
        if people and archive.settings.custodians:
            serve_people(archive, name, target.store, done)
        bring_all(archive, name, target, copies, done, stage)
    except Cancelled:
        raise
    except OberihError as error:
        done.troubles.append(Trouble(name, "", error))


def serve_people(archive: Archive, name: str, target: Store, done: Replicated) -> None:
    """People's keys go to stores where they can be destroyed, withdrawals to all."""
    given = archive.settings.stores[name]
    try:
        if not given.packages:
            copy_keys(archive.main, target)
            return
        trusted, locked = not given.untrusted, given.append_only
        for pseudonym in tell_withdrawals(archive.main, target, trusted=trusted, locked=locked):
            done.troubles.append(Trouble(name, pseudonym, only_told_by(name, pseudonym)))
        if not locked:
            leave_keys(archive.main, target)
    except Unreadable as error:  # of one person's: it keeps no object from being copied
        done.troubles.append(Trouble(name, "", error))


def told(archive: Archive, done: Replicated) -> list[str]:
    """Write down what was copied; the identifiers of the journals, none if nothing was."""
    events = []
    for name, identifiers in done.copied.items():
        detail = say("to {store}, every byte read back and compared", store=name)
        objects = [one for one in identifiers if archive.index.get(one).kind != JOURNAL]
        events += happened("replication", objects, detail=detail)
    try:
        return write_down(archive, "replication", events)
    except OberihError as error:
        done.troubles.append(Trouble(MAIN, "", error))
        return []


def bring_all(
    archive: Archive, name: str, target: Holding, copies: list["Copy"], done: Replicated, stage: Stage
) -> None:
    """Bring ``entries`` to one store. Raises the `StoreError` that ends it."""
    guard = threading.Lock()

    def one(copy: Copy) -> None:
        entry = copy.entry
        if gone.is_set():
            return
        try:
            target.bring(archive.main, entry.id, stage.tick)
            wrong = target.check(entry.id, full=True, tick=stage.tick, after=copy.had)
            head = entry.head if wrong else target.head(entry.id)  # somebody may have gone on meanwhile
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
        archive.index.put([], [Replica(entry.id, name, head, state, copy.checked or instant())])
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
        for running in [pool.submit(one, copy) for copy in copies]:
            running.result()
    finally:
        gone.set()
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Copy:
    """A copy that is to be made or brought up to date."""

    entry: Entry
    had: int = 0  # the newest version that is there and good: only what follows is read back
    checked: str = ""  # when all that was there was last read


def pending(
    archive: Archive, objects: Collection[str] = (), *, short_only: bool = False
) -> list[tuple[str, Copy]]:
    """Copies (of ``objects``, else of all) that the policy asks for and that are missing or old. (Damaged
    ones are for `verify`.) ``short_only``: see `replicate`.
    """
    if objects:
        looked_at = [archive.index.get(one) for one in sorted(objects)]
    elif short_only and archive.index.note(WHOLE) == policy(archive):
        looked_at = too_few(archive)
    else:
        held: dict[str, list[Replica]] = defaultdict(list)
        for replica in archive.index.all_replicas():
            held[replica.id].append(replica)
        return [one for entry in archive.index.objects() for one in lacks(archive, entry, held[entry.id])]
    return [one for entry in looked_at for one in lacks(archive, entry, archive.index.replicas(entry.id))]


def policy(archive: Archive) -> str:
    """All that `Archive.targets` follows from."""
    given = archive.settings
    threats = [[name, archive.threat(name)] for name in sorted(given.stores)]
    return json.dumps([given.copies, threats, EVERYWHERE])


def too_few(archive: Archive) -> list[Entry]:
    """Objects whose newest version is on fewer stores than the policy asks for. How many these are depends on
    nothing but the kind.
    """
    query = """
        SELECT * FROM objects WHERE
            (SELECT count(*) FROM replicas
                WHERE replicas.id = objects.id AND replicas.head = objects.head AND store <> ?)
            < CASE WHEN kind IN (SELECT value FROM json_each(?)) THEN ? ELSE ? END
        ORDER BY id
    """
    all_of_them, some = (len(archive.targets("", kind)) - 1 for kind in (JOURNAL, ""))
    with archive.index.new() as db:
        found = db.execute(query, (MAIN, json.dumps(EVERYWHERE), all_of_them, some))
        return [Entry(*row) for row in found]


def lacks(archive: Archive, entry: Entry, replicas: Iterable[Replica]) -> Iterator[tuple[str, Copy]]:
    """The stores that are to keep an object and do not, or not its newest version."""
    held = {replica.store: replica for replica in replicas}
    for name in archive.targets(entry.id, entry.kind)[1:]:
        there = held.get(name)
        if there is None or there.head != entry.head:
            good = there if there is not None and there.state == GOOD else None
            yield name, (Copy(entry, number_of(good.head), good.checked) if good else Copy(entry))


def kept_as_asked(archive: Archive, identifier: str) -> bool:
    """Whether every store that is to keep an object has a good copy of its newest version."""
    entry = archive.index.get(identifier)
    good = {
        one.store for one in archive.index.replicas(identifier)
        if one.state == GOOD and one.head == entry.head
    }  # fmt: skip
    return good.issuperset(archive.targets(identifier, entry.kind))


def short_of_policy(archive: Archive) -> int:
    """How many objects have fewer good copies, over different threats, than the policy asks for."""
    good = defaultdict(set)
    heads = {entry.id: entry.head for entry in archive.index.objects()}
    for replica in archive.index.all_replicas():
        if replica.state == GOOD and heads.get(replica.id) == replica.head:
            good[replica.id].add(archive.threat(replica.store))
    return sum(len(good[identifier]) < archive.settings.copies for identifier in heads)
