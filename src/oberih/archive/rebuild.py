"""Everything again from what survived: the index from the objects, the objects from any one store.

And the drill that shows that it works before it is needed: restore into a scratch place, compare every byte.
"""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

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
)
from oberih.archive.configuration import recall_settings
from oberih.archive.deposit import readable_text
from oberih.archive.fixity.gather import scratch_root
from oberih.archive.holdings import Holding, OcflHolding, PackageHolding, holding
from oberih.archive.identity import check_identity, identity, mark
from oberih.archive.index import Entry, Index, remove_index
from oberih.archive.journal import JOURNAL, Outcome, happened, write_down
from oberih.archive.lock import LOCK, locked
from oberih.archive.ocfl import check_root, read_object, validate_object
from oberih.archive.ocfl.root import holds_objects, mend_root
from oberih.archive.packages import no_package, package_prefixes, strays
from oberih.archive.packages.manifest import OBJECTS
from oberih.archive.people.withdrawals import people_back
from oberih.archive.reindexing import FAULTS, Rebuilt, index_all, stranger
from oberih.archive.replicate import Trouble, none_opened
from oberih.archive.stores import NOT_A_FILE, Store, Unreadable, open_store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Damaged, InputError, KeyNeeded, NotInArchive, OberihError, StoreError
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["Drilled", "Rebuilt", "drill", "rebuild"]

DRAFT = f".{INDEX}.new"


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
    folder, progress = Path(folder), progress or Progress()
    was_there, new = folder.exists(), not ((folder / rules.FILE).exists() or (folder / MAIN).exists())
    try:
        return rebuilt(folder, source, identities, progress)
    except BaseException:
        if new and not (folder / RESTORING).exists():  # nothing came back
            unmake(folder, keep=was_there)
        raise


def rebuilt(folder: Path, source: str, identities: Sequence[str], progress: Progress) -> Rebuilt:
    started, lost_settings = time.monotonic(), prepare(folder, source)
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
            known = archive.settings.stores  # what a store says of itself does not make it trusted
            if lost_settings or (source and settings_are_new(archive)):
                recall(archive, held.store if source else archive.main, done)
            index_all(archive, done, progress)
            if source:
                # What was withdrawn elsewhere meanwhile, `replicate` destroys.
                told = people_back(archive, name, held, identities, known)
                done.troubles += [Trouble(name, pseudonym, error) for pseudonym, error in told]
            archive.forget_strangers()
            move_aside(folder / INDEX)
            archive.index = archive.index.put_at(folder / INDEX)
        finally:
            remove_index(folder / DRAFT)
        (folder / RESTORING).unlink(missing_ok=True)
        done.seconds = time.monotonic() - started
        detail = say("{count} objects", count=done.indexed) + (
            f", from {readable_text(source)}" if source else ""
        )
        every = [entry.id for entry in archive.index.objects()]
        write_down(archive, "rebuild", happened("recovery", every, detail=detail))
    return done


def unmake(folder: Path, *, keep: bool) -> None:
    """Remove an archive that was just made and holds nothing; with ``keep``, not its folder."""
    with suppress(OSError, OberihError):
        if not (folder / rules.FILE).exists() or holds_objects(open_store(folder / MAIN)):
            return
        shutil.rmtree(folder / MAIN)
        remove_index(folder / INDEX)
        for name in (rules.FILE, LOCK):
            (folder / name).unlink(missing_ok=True)
        if not keep:
            folder.rmdir()


def move_aside(index: Path) -> None:
    """A folder in the place of the index: somebody may still want what is in it."""
    if index.is_dir() and not index.is_symlink():
        index.rename(index.with_name(f"{index.name}.{time.time_ns()}"))


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
    lost = not identity(main) and holds_objects(main)  # the marker; the objects say that it is no other disk
    if given.id and not lost and (identity(main) or not create):
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
        marker.replace(RESTORING, os.fsencode(source), marker.read(RESTORING)[1])
    else:
        marker.create(RESTORING, os.fsencode(source))
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
    if "://" not in source and (Path(source) / rules.FILE).is_file() and (Path(source) / MAIN).is_dir():
        source = str(Path(source) / MAIN)  # an archive: its first store is meant
    given = archive.settings.stores.get(source)
    if given is not None:
        store = archive.store(source) if given.id else archive.open(given)  # which would mark it
        return source, holding(store, given, archive.recipients())
    store = open_store(source)
    try:
        if next(package_prefixes(store), None) is not None:
            return source, PackageHolding(store, (), append_only=True)  # whatever else lies there
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
    if not keys:
        raise NotInArchive(
            say("{store} holds no objects of an archive.", store=held.store.url), "Check the path or the URL."
        )
    with progress.stage("restoring", len(keys)) as stage:
        for key in keys:
            try:
                held.give(key, archive.main, identities)
                done.restored += 1
            except FAULTS as error:
                done.troubles.append(Trouble(name, key, error))
            stage.tick()
    none_opened(done.restored, done.troubles)
    done.troubles += [Trouble(name, key, error) for key, error in unread(held, keys)]


def unread(held: Holding, keys: Sequence[str]) -> Iterator[tuple[str, OberihError]]:
    """What a store has besides the objects at ``keys``, and may be of some: links, strays among packages."""
    packages = isinstance(held, PackageHolding)
    for key in keys if packages else ():
        yield from ((stray, no_package(held.store, stray)) for stray in strays(held.store, key))
    known = set(keys)
    for found in held.store.list(OBJECTS if packages else "") if isinstance(held.store, FolderStore) else ():
        within = known.isdisjoint(accumulate(found.key.split("/"), "{}/{}".format))
        if found.tag == NOT_A_FILE and within and not found.key.startswith("extensions/"):
            yield found.key, linked(held.store, found.key)


def linked(store: Store, key: str) -> Unreadable:
    return Unreadable(
        say("{key} on {store} is a link, or has a name that cannot be read: what is behind it did not come.",
            key=key, store=store.url),
        say("Put the folder itself in its place, then run this again."),
    )  # fmt: skip


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
    if scratch is not None and scratch.exists() and not empty_folder(scratch):
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


def empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


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
