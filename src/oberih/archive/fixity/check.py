"""Is every byte still what was deposited? Checking, and healing what is not from what is.

A run reads the copies that were not read for longest first, so it can be stopped at any time and goes on
where it was. Healing takes files from any copy that is good: a whole one, a package, or, file by file, from
copies each of which is damaged elsewhere. Where nothing good is left, nothing is changed. Nor is anything
where two histories of an object met, or the main store is the one that went back: that is for a person.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from oberih.archive.archive import MAIN, Archive, stores_of
from oberih.archive.findings import Finding
from oberih.archive.fixity.catching_up import catch_up, take_in
from oberih.archive.fixity.gather import good_copy, sweep_scratch
from oberih.archive.fixity.pace import Pace, Rows
from oberih.archive.fixity.verified import Damage, Verified, events
from oberih.archive.holdings import MISSING, Holding, OcflHolding, PackageHolding, silent
from oberih.archive.index import GOOD, LONG_AGO, LOST, UNCHECKED, Entry, Replica, instant
from oberih.archive.journal import write_down
from oberih.archive.ocfl import read_object
from oberih.archive.ocfl.inventory import number_of
from oberih.archive.ocfl.mend import set_aside
from oberih.archive.ocfl.root import mend_root, root_damages
from oberih.archive.packages import manifests, strays
from oberih.archive.people.checking import check_people, heal_person
from oberih.archive.people.withdrawals import withdrawn
from oberih.archive.replicate import AT_ONCE, Trouble
from oberih.archive.stores import AlreadyThere, Changed, Store, Unreadable
from oberih.archive.stores.folder import FolderStore
from oberih.errors import (
    Cancelled,
    Conflict,
    Damaged,
    InputError,
    NotInArchive,
    OberihError,
    OutputError,
    StoreError,
)
from oberih.i18n import say
from oberih.progress import Progress, Tick

__all__ = ["Damage", "Verified", "heal", "verify"]

THREADS = 2  # on a disk; a store far away is waited for most of the time
LEFT_OVER = timedelta(days=7)  # what nobody finished or touched for so long, nobody will
STRAY = "package-unknown"  # code of the finding: a file that is none of ours
OTHER, NEWER = "other", "newer"  # codes of findings that are for a person to decide


def verify(
    archive: Archive,
    *,
    full: bool = True,
    stores: Iterable[str] = (),
    objects: Iterable[str] = (),
    due: bool = False,
    mend: bool = False,
    identities: Sequence[str] = (),
    rate: float | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Check copies: every byte (``full``), or inventories and what is there.

    ``due``: only what was not read for as many days as the settings say. ``mend``: heal what is damaged;
    ``identities`` open encrypted copies for that. ``rate``: most MB/s to read (default: the settings').
    A full run that was stopped goes on: what it has read already is not read again, unless it was damaged.
    Raises `NotInArchive` if one of ``objects`` is not there.
    """
    progress = progress or Progress()
    started = time.monotonic()
    done, pace = Verified(), Pace(rate or archive.settings.verify_rate)
    wanted = {archive.entry(identifier).id for identifier in objects}
    names = stores_of(archive, tuple(stores))
    try:
        for name in names:
            check_store(archive, name, full, due, wanted, done, pace, progress)
        if mend:
            damaged = defaultdict(list)
            for damage in done.damages:
                damaged[damage.id].append(damage)
            for identifier, damages in sorted(damaged.items()):
                heal_object(archive, identifier, damages, done, identities, progress)
            if full and not wanted and not due:
                sweep(archive, names, done)
        if not wanted:
            verify_roots(archive, names, mend, done)
            verify_people(archive, names, mend, done)
    finally:  # what was found and done is told, also when the run was stopped
        done.seconds = time.monotonic() - started
        try:
            write_down(archive, "fixity", events(done, full=full))
        except (StoreError, InputError, OutputError) as error:
            done.troubles.append(Trouble(MAIN, "", error))
    return done


def verify_roots(archive: Archive, names: Sequence[str], mend: bool, done: Verified) -> None:
    """Check the few files that make stores storage roots. (That a store is away was said before.)"""
    for name in names:
        with suppress(StoreError):
            if archive.store_settings(name).packages or not (found := root_damages(archive.store(name))):
                continue
            done.damages.append(damage := Damage(name, "", tuple(found)))
            if mend:
                mend_root(archive.store(name))
                done.healed.append(damage)


def verify_people(archive: Archive, names: Sequence[str], mend: bool, done: Verified) -> None:
    """Check people's keys, which lie outside of the objects. (That a store is away was said before.)"""
    gone = withdrawn(archive)
    for name in names:
        with suppress(StoreError):
            for pseudonym, finding in check_people(archive, name, gone):
                done.damages.append(damage := Damage(name, pseudonym, (finding,)))
                error = heal_person(archive, name, pseudonym) if mend else None
                if error is not None:
                    (done.lost if isinstance(error, Damaged) else done.unhealed).append(
                        Trouble(name, pseudonym, error)
                    )
                elif mend:
                    done.healed.append(damage)


def sweep(archive: Archive, names: Sequence[str], done: Verified) -> None:
    """Remove what interrupted work left, if nobody is at work."""
    with suppress(Conflict), archive.locked(exclusive=True):
        sweep_scratch(archive.folder)
        for name in names:
            with suppress(StoreError):
                done.swept += [(name, key) for key in archive.holding(name).sweep(LEFT_OVER)]


def check_store(
    archive: Archive, name: str, full: bool, due: bool, wanted: set[str], done: Verified, pace: "Pace",
    progress: Progress,
) -> None:  # fmt: skip
    """Check what is to be checked on one store."""
    everything = not wanted and not due
    try:
        holding = archive.holding(name)
        if everything:
            done.strangers += [(name, key) for key in strangers(archive, name, holding)]
        copies = todo(archive, name, full=full, due=due, wanted=wanted)
        size = sum(entry.bytes for entry, _ in copies)
        with progress.stage(say("verifying {store}", store=name), size) as stage:
            check_all(archive, name, holding, copies, full, done, pace.told(stage.tick))
    except StoreError as error:
        done.troubles.append(Trouble(name, "", error))
        return  # the next run goes on
    if full and everything:
        archive.index.set_note(f"verifying {name}", "")


def todo(
    archive: Archive, name: str, *, full: bool, due: bool, wanted: set[str]
) -> list[tuple[Entry, str]]:  # fmt: skip
    """What is to be checked on a store, the longest not read first, and the version that is to be there."""
    now = datetime.now(UTC)
    long_ago = instant(now - timedelta(days=archive.settings.verify_every_days))
    if due:
        before = long_ago
    elif full and not wanted:
        note = f"verifying {name}"
        began = archive.index.note(note)  # of the run that was stopped
        before = began if began > long_ago else instant(now)
        archive.index.set_note(note, before)
    else:
        before = instant(now + timedelta(days=36500))
    every = archive.index.oldest(name, before)
    return [(entry, head) for entry, head in every if not wanted or entry.id in wanted]


def check_all(
    archive: Archive, name: str, holding: Holding, copies: Sequence[tuple[Entry, str]], full: bool,
    done: Verified, tick: Tick,
) -> None:  # fmt: skip
    """Check copies on one store, and write down when. Raises the `StoreError` that ends it."""
    guard, stop, rows = threading.Lock(), threading.Event(), Rows(archive.index)

    def one(copy: tuple[Entry, str]) -> None:
        entry, head = copy
        if stop.is_set():
            return
        found, newer = check(holding, entry, head, full=full, tick=tick)
        if name == MAIN and (found or newer != head):
            newer = catch_up(archive, entry).head
        elif not found and ahead(newer, entry) and ahead(newer, catch_up(archive, entry)):
            behind = say("The main store is older than this copy ({version}).", version=newer)
            found = (Finding(NEWER, "error", behind, holding.key(entry.id)),)
        if full or found:
            state = LOST if found else GOOD
            rows.put(Replica(entry.id, name, newer, state, instant()))
        others = unknown_files(holding, entry)  # which do the copy no harm
        with guard:
            done.checked += 1
            done.bytes += entry.bytes if full else 0
            if not found:
                done.good.setdefault(name, []).append(entry.id)
            if found or others:
                done.damages.append(Damage(name, entry.id, (*found, *others)))

    threads = THREADS if isinstance(holding.store, FolderStore) else AT_ONCE
    pool = ThreadPoolExecutor(threads, thread_name_prefix="verify")
    try:
        for running in [pool.submit(one, copy) for copy in copies]:
            running.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        rows.flush()


def ahead(head: str, entry: Entry) -> bool:
    """Whether a copy of version ``head`` is newer than what the archive knows."""
    return number_of(head) > number_of(entry.head)


def check(
    holding: Holding, entry: Entry, head: str, *, full: bool, tick: Tick
) -> tuple[tuple[Finding, ...], str]:  # fmt: skip
    """What is wrong with a copy that should be of the version ``head``, and the version that it is of.

    That a copy is older than the newest version is no damage: it is waiting for `replicate`.
    """
    key = holding.key(entry.id)
    try:
        found = tuple(holding.check(entry.id, full=full, tick=tick))
        there = head if found else holding.head(entry.id)
        if not found and (not there or number_of(there) < number_of(head)):
            found = (Finding("old", "error", say("The newest version is not there."), key),)
        if not found and there == entry.head and other_history(holding, entry):
            found = (Finding(OTHER, "error", say("It is not the object that was deposited."), key),)
    except (Damaged, InputError, NotInArchive, Unreadable) as error:
        found = (Finding("unreadable", "error", error.message, key),)
    return found, head if found else there


def unknown_files(holding: Holding, entry: Entry) -> tuple[Finding, ...]:
    """What lies among an object's packages and is none of them. (Of an open object, `check` tells.)"""
    if not isinstance(holding, PackageHolding):
        return ()
    unknown, place = say("It is no part of a package of ours."), holding.key(entry.id)
    with suppress(Unreadable):
        keys = strays(holding.store, place, number_of(entry.head))
        return tuple(Finding(STRAY, "error", unknown, key) for key in keys)
    return ()


def other_history(holding: Holding, entry: Entry) -> bool:
    """Whether a copy that is whole in itself is not what the index knows."""
    return isinstance(holding, OcflHolding) and read_object(holding.store, entry.id).digest != entry.digest


def strangers(archive: Archive, name: str, holding: Holding) -> Iterator[str]:
    """Keys of objects that are on the store, but not in the index.

    An object in the main store whose writer died before it could tell the index is none: it is taken in.
    """
    unknown = list(holding.places())
    # Asked afterwards: what came meanwhile is known by now.
    known = {holding.key(entry.id): entry.id for entry in archive.index.objects()}
    noted = {replica.id for replica in archive.index.all_replicas() if replica.store == name}
    for key in unknown:
        if key in known and known[key] not in noted:  # the index is an older one that was put back
            note_copy(archive, name, holding, known[key])
        if key in known or (name == MAIN and take_in(archive, key)):
            continue
        if isinstance(holding, PackageHolding) and not manifests(holding.store, key):
            yield from strays(holding.store, key)  # but else, a copy that never arrived
            continue
        yield key


def note_copy(archive: Archive, name: str, holding: Holding, identifier: str) -> None:
    """Write down that there is a copy, which nobody has read yet."""
    with suppress(Damaged, InputError, NotInArchive, Unreadable):  # then it is on its way, or `replicate`'s
        if head := holding.head(identifier):
            archive.index.put_new(Replica(identifier, name, head, UNCHECKED, LONG_AGO))


def heal(
    archive: Archive,
    identifier: str,
    done: Verified | None = None,
    identities: Sequence[str] = (),
    progress: Progress | None = None,
) -> Verified:
    """Make the damaged and missing copies that were found of an object good again; first find them, if none
    are given. What became of it is in `Verified.healed`, `Verified.lost` and `Verified.unhealed`.
    """
    if done is None:
        return verify(archive, objects=[identifier], mend=True, identities=identities, progress=progress)
    identifier = archive.entry(identifier).id
    healed = {damage.store for damage in done.healed if damage.id == identifier}
    damages = [damage for damage in done.damages if damage.id == identifier and damage.store not in healed]
    heal_object(archive, identifier, damages, done, identities, progress or Progress())
    return done


def heal_object(
    archive: Archive, identifier: str, damages: Sequence[Damage], done: Verified, identities: Sequence[str],
    progress: Progress,
) -> None:  # fmt: skip
    """Heal the copies of one object; nobody else writes in the archive meanwhile."""
    stores = ", ".join(damage.store for damage in damages)
    try:
        with archive.locked(exclusive=True):
            entry = archive.entry(identifier)
            with progress.stage(say("healing {id}", id=entry.id), entry.bytes) as stage:
                try:
                    with good_copy(archive, entry, identities) as source:
                        for damage in damages:
                            heal_copy(archive, entry, damage, source, done, stage.tick)
                except Cancelled:
                    raise
                except OberihError as error:
                    done.lost.append(Trouble(stores, entry.id, error))
    except Conflict as error:
        done.unhealed.append(Trouble(stores, identifier, error))


def heal_copy(
    archive: Archive, entry: Entry, damage: Damage, source: Store, done: Verified, tick: Tick
) -> None:  # fmt: skip
    """Heal one copy from ``source``, which is good. A store in trouble keeps no other copy from it."""
    codes = {finding.code for finding in damage.findings}
    try:
        holding = archive.holding(damage.store)
        refuse(archive, holding.store.url, damage, codes)
        append_only = archive.store_settings(damage.store).append_only
        unknown = unknown_files(holding, entry)
        for one in unknown if not append_only else ():
            set_aside(holding.store, one.path)
        if codes <= {STRAY}:
            pass
        elif codes - {STRAY} != {MISSING}:
            holding.mend(source, entry.id, tick)
        elif not append_only:
            holding.store.delete(holding.key(entry.id))  # empty folders that would be in the way
        holding.bring(source, entry.id)
        if damage.store == MAIN:
            entry = catch_up(archive, entry)
        wrong, head = check(holding, entry, entry.head, full=True, tick=silent)
        if wrong:
            raise Damaged(
                say("{id} on {store} could not be healed: {why}",
                    id=entry.id, store=damage.store, why=wrong[0].message),
                "Check that store: it does not keep what is written to it.",
            )  # fmt: skip
    except Cancelled:
        raise
    except (AlreadyThere, Changed):
        meanwhile = Conflict(
            say("{key} on {store} was written by somebody else meanwhile.", key=entry.id, store=damage.store),
            "Try again.",
        )
        done.unhealed.append(Trouble(damage.store, entry.id, meanwhile))
        return
    except OberihError as error:
        done.unhealed.append(Trouble(damage.store, entry.id, error))
        return
    archive.index.put([], [Replica(entry.id, damage.store, head, GOOD, instant())])
    for one in unknown if append_only else ():
        done.unhealed.append(Trouble(damage.store, entry.id, cannot_remove(holding.store, one.path)))
    if not (unknown and append_only):
        done.healed.append(damage)


def cannot_remove(store: Store, key: str) -> Conflict:
    return Conflict(
        say("{key} on {store} is no part of a package of ours.", key=key, store=store.url),
        "It does the copies no harm, and nothing can be removed there by Oberih: see what it is.",
    )


def refuse(archive: Archive, url: str, damage: Damage, codes: set[str]) -> None:
    """Raises `Conflict` for what is no damage, but a history that the archive does not know."""
    if OTHER in codes:
        raise Conflict(
            say("{url} holds another history of {id}.", url=url, id=damage.id),
            "Nothing was overwritten. Compare the two objects, and remove the wrong one by hand.",
        )
    if NEWER in codes:
        raise Conflict(
            say("{store} holds a newer version of {id} than the main store, which was set back.",
                store=damage.store, id=damage.id),
            say("Bring it back: oberih rebuild --archive {path} --from {store}",
                path=archive.folder, store=damage.store),
        )  # fmt: skip
