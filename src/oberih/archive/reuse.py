"""What the archive holds already of what is brought: nothing is kept twice for no reason.

What is taken for held must be so: the copy in the main store is not known to be damaged, every file is there
in its whole length, and has the bytes of the one that is brought.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from oberih.archive.archive import MAIN, Archive
from oberih.archive.deposit import (
    ABOUT,
    DESCRIPTION,
    MODEL,
    ORIGINALS,
    PREMIS,
    Deposited,
    about_of,
    digest_of,
    model_files,
    readable,
    registered,
    unreadable,
)
from oberih.archive.holdings import errors_of
from oberih.archive.index import GOOD, LOST, Entry
from oberih.archive.ocfl import OcflObject, object_key, read_object
from oberih.errors import NotInArchive, OberihError
from oberih.progress import Progress

__all__ = ["deposited", "deposited_before", "model_before"]

BESIDES = 3, 6  # files that an object has besides those that were brought: at least, at most
SMALL = 16 << 20  # bytes that these have at most


def deposited(archive: Archive, identifier: str) -> Deposited | None:
    """The receipt of what lies in the main store, though another machine may have put it there.

    None if there is nothing, or only what somebody left who died before it was whole: it is deposited again.
    """
    if not archive.knows(identifier):
        return None
    try:
        made = read_object(archive.main, object_key(identifier))
    except NotInArchive:
        if identifier in archive.index:
            raise  # it was there
        return None
    return registered(archive, made, about_of(made))


def deposited_before(
    archive: Archive, paths: Sequence[Path | str], ignore: Path, *, progress: Progress | None = None
) -> Deposited | None:
    """The newest capture of the same names and bytes, if there is one that is safe."""
    found = readable(paths, [archive.folder, ignore])
    files = {f"{ORIGINALS}/{recording.name}": recording.path for recording in found}

    def brought(held: OcflObject) -> set[str]:
        return {path for path in held.inventory.files() if path.startswith(f"{ORIGINALS}/")}

    return again(archive, "capture", files, brought, progress or Progress()) if files else None


def model_before(
    archive: Archive, folder: Path, captures: Sequence[Deposited], *, besides: Sequence[str] = (),
    progress: Progress | None = None,
) -> Deposited | None:  # fmt: skip
    """The newest model of the same captures and bytes, if there is one that is safe.

    ``besides``: files that may differ, since they say when they were made.
    """
    wanted = {capture.id for capture in captures}

    def brought(held: OcflObject) -> set[str]:
        made_from = about_of(held).get("captures", [])
        if {capture["id"] for capture in made_from} != wanted:
            return set()
        return held.inventory.files().keys() - {ABOUT, PREMIS, MODEL, DESCRIPTION, *besides}

    files = {path: file for path, file in model_files(archive, folder).items() if path not in besides}
    return again(archive, "model", files, brought, progress or Progress(), len(besides))


def again(
    archive: Archive, kind: str, files: Mapping[str, Path], brought: Callable[[OcflObject], set[str]],
    progress: Progress, besides: int = 0,
) -> Deposited | None:  # fmt: skip
    """The newest object of that kind with these files, and up to so many ``besides``, among what somebody
    ``brought`` with it.
    """
    sizes = {path: size_of(file) for path, file in files.items()}
    digests: dict[str, str] = {}
    for entry in candidates(archive, kind, sizes, besides):
        held = safe(archive, entry, sizes, brought)
        if held is None:
            continue
        if not digests:
            with progress.stage("comparing", len(files)) as stage:
                for path, file in files.items():
                    digests[path] = digest_of(file)
                    stage.tick()
        there = {path: one.digest for path, one in held.inventory.files().items()}
        if all(there[path] == digest for path, digest in digests.items()):
            return Deposited(held.id, held.head, held.digest, there, entry.bytes)
    return None


def candidates(archive: Archive, kind: str, sizes: Mapping[str, int], besides: int) -> list[Entry]:
    """Objects that may be the same, by what the index knows, the newest first."""
    size, least, most = sum(sizes.values()), len(sizes) + BESIDES[0], len(sizes) + BESIDES[1] + besides
    found = [
        entry
        for entry in archive.index.objects(kind)
        if least <= entry.files <= most and size <= entry.bytes <= size + SMALL
    ]
    return sorted(found, key=lambda entry: entry.changed, reverse=True)


def safe(
    archive: Archive, entry: Entry, sizes: Mapping[str, int], brought: Callable[[OcflObject], set[str]]
) -> OcflObject | None:
    """The object, if its files have these names and sizes, and nothing is known to be wrong with it."""
    states = [replica.state for replica in archive.index.replicas(entry.id) if replica.store == MAIN]
    if not states or states[0] == LOST:
        return None
    try:
        held = archive.object(entry.id)
        if brought(held) != sizes.keys():
            return None
        files = held.inventory.files()
        there = (held.store.stat(f"{held.key}/{files[path].path}").size == sizes[path] for path in sizes)
        if not all(there) or (states[0] != GOOD and errors_of(held.store, held.key, full=True)):
            return None
    except (OberihError, KeyError, ValueError):
        return None  # it keeps nobody from working: `verify` tells of it
    return held


def size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise unreadable(error) from error
