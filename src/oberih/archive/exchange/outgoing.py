"""Giving objects away: as a bag, or as an RO-Crate. Every byte is verified while it is written."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from oberih import __version__
from oberih.archive.archive import Archive
from oberih.archive.deposit import ABOUT, DESCRIPTION, about_of
from oberih.archive.exchange.bagit import pack_bag, write_bag
from oberih.archive.exchange.ro_crate import CrateFile, CrateInfo, Made, Software, write_crate
from oberih.archive.metadata.description import Description
from oberih.archive.ocfl import OcflObject
from oberih.errors import InputError, OutputError
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["as_bag", "as_crate"]

PACKED = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z"}
FETCHED = 100_000_000  # bytes: files of at least this size are left to be fetched, where an address is given


def as_bag(
    archive: Archive, identifier: str, out: Path, *, fetch: str = "", progress: Progress | None = None
) -> Path:
    """The newest version of an object as a BagIt bag: the new folder, .zip or .tar file ``out``.

    ``fetch``: the address under which the object's files can be had; large ones are then only named.
    """
    new(archive, out)
    if out.suffix.lower() in PACKED - {".zip", ".tar"}:
        raise InputError("A bag is packed as .zip or .tar, or written as a folder.", "Give another name.")
    found, entry = archive.object(identifier), archive.entry(identifier)
    about = about_of(found)
    left = {}
    for path, held in found.inventory.files().items() if fetch else ():
        try:
            size = archive.main.stat(f"{found.key}/{held.path}").size
        except KeyError as error:
            raise found.damaged(path) from error
        if size >= FETCHED and path != ABOUT:
            left[path] = (f"{fetch.rstrip('/')}/{quote(path)}", size, held.digest)
    info = {
        "External-Identifier": found.id,
        "External-Description": str(about.get("title", "")) or found.id,
        "Internal-Sender-Identifier": f"{found.head} {found.digest}",
        "Bag-Software-Agent": f"Oberih {__version__}",
    }
    packed = out.suffix.lower() in (".zip", ".tar")
    with (
        (progress or Progress()).stage("packing", entry.bytes * (1 + packed)) as stage,
        folder_for(out) as bag,
    ):
        write_bag(bag, contents(found, left), info=info, fetch=left, tick=stage.tick)
        if packed:
            pack_bag(bag, out, tick=stage.tick)
    return out


@contextmanager
def folder_for(out: Path) -> Iterator[Path]:
    """Where the bag is written: ``out`` itself, or a folder beside that goes away when it is packed."""
    if out.suffix.lower() not in (".zip", ".tar"):
        yield out
        return
    try:
        beside = tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.stem}-")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(
            say("{path} cannot be written: {why}", path=out, why=why),
            "Choose a folder that you may write to, on a disk with room.",
        ) from error
    with beside as folder:
        yield Path(folder) / out.stem


def contents(
    found: OcflObject, left: dict[str, tuple[str, int, str]]
) -> Iterator[tuple[str, Iterator[bytes]]]:
    for path in found.inventory.files():
        if path not in left:
            yield path, found.stream(path)


def as_crate(archive: Archive, identifier: str, out: Path, *, progress: Progress | None = None) -> Path:
    """The newest version of an object as an RO-Crate in the new folder ``out``."""
    new(archive, out)
    if out.suffix.lower() in PACKED:
        raise InputError("An RO-Crate is written as a folder.", "Give the name of a new folder.")
    found, entry = archive.object(identifier), archive.entry(identifier)
    files = found.inventory.files()
    about = about_of(found)
    description = Description.load(found.read(DESCRIPTION)) if DESCRIPTION in files else None
    rights = description.rights if description else None
    made = []
    if about.get("captures"):
        sources = tuple(str(capture["id"]) for capture in about["captures"])
        results = tuple(path for path in files if path.endswith((".glb", ".ply")))
        made.append(Made("reconstruction", sources, results, (Software("Oberih", __version__),)))
    changed = found.inventory.versions[found.head].created
    info = CrateInfo(
        name=str(about.get("title", "")) or found.id,
        description=next(iter(description.summary.values()), "") if description else "",
        published=changed,
        license=(rights.uri if rights else "Copyright not evaluated"),
        identifier=found.id,
        made=tuple(made),
    )
    with (progress or Progress()).stage("packing", entry.bytes) as stage:
        crate = (CrateFile(path, found.stream(path)) for path in files)
        write_crate(out, crate, info=info, tick=stage.tick)
    return out


def new(archive: Archive, out: Path) -> None:
    """Raise `InputError` if ``out`` is there already, or would lie among the objects."""
    if out.exists():
        raise InputError(say("{path} is there already.", path=out), "Give a new name.")
    for name, given in archive.settings.stores.items():
        if "://" not in (place := archive.place(given)) and out.resolve().is_relative_to(place):
            raise InputError(
                say("{path} is in the folder of the store {name}.", path=out, name=name),
                "What is no object would spoil it. Choose a place elsewhere.",
            )
