"""A small archive with copies, and ways to harm them, for tests."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from oberih.archive import Archive, create_archive, deposit_capture
from oberih.archive.crypt import new_identity
from oberih.archive.deposit import Deposited
from oberih.archive.ocfl import object_key
from oberih.archive.packages import package_prefix
from oberih.settings import StoreSettings

__all__ = [
    "archive_with",
    "contents",
    "files_of",
    "flip",
    "folder_with",
    "make",
    "placed",
    "recording",
    "tree",
    "truncate",
]

KINDS = {
    "second": {},  # OCFL, as the main store
    "sealed": {"untrusted": True},  # encrypted packages
    "locked": {"append_only": True},  # packages
}


def make(path: Path, **settings: object) -> tuple[Archive, dict[str, str]]:
    """An empty archive with three custodians; their secrets by name."""
    keys = {name: new_identity() for name in ("ada", "bohdan", "chrystyna")}
    archive = create_archive(
        path, custodians={name: public for name, (_, public) in keys.items()}, **settings
    )
    return archive, {name: secret for name, (secret, _) in keys.items()}


def archive_with(path: Path, *kinds: str, **settings: object) -> tuple[Archive, dict[str, str]]:
    """An archive in ``path/archive`` with stores of ``kinds`` in ``path/<kind>``, to be all used."""
    archive, secrets = make(path / "archive", **{"copies": 1 + len(kinds), **settings})
    for kind in kinds:
        given = {"url": str(path / kind), "threat": kind, **KINDS[kind]}
        archive.add_store(kind, StoreSettings.model_validate(given))
    return archive, secrets


def folder_with(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def recording(archive: Archive, path: Path, seed: int = 0, *, files: int = 3, size: int = 2000) -> Deposited:
    """A capture of some files, always the same for the same ``seed``."""
    folder = folder_with(
        path / f"recording-{seed}",
        {f"photo-{n}.jpg": hashlib.shake_256(b"%d %d" % (seed, n)).digest(size) for n in range(files)},
    )
    return deposit_capture(archive, [folder], title=f"Recording {seed}")


def placed(archive: Archive, store: str, identifier: str) -> Path:
    """The folder of an object on a store that is a folder."""
    given = archive.settings.stores[store]
    key = package_prefix(identifier) if given.packages else object_key(identifier)
    return Path(archive.place(given)) / key


def tree(*folders: Path) -> dict[Path, bytes]:
    """Every file under ``folders``."""
    return {p: p.read_bytes() for folder in folders for p in sorted(folder.rglob("*")) if p.is_file()}


def contents(archive: Archive, identifier: str) -> dict[str, bytes]:
    """Every file of an object's newest version, read from the main store."""
    found = archive.object(identifier)
    return {path: found.read(path) for path in found.inventory.files()}


def flip(path: Path, at: int | None = None) -> None:
    """One bit."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    write(path, bytes(data))


def truncate(path: Path) -> None:
    write(path, path.read_bytes()[: path.stat().st_size // 2])


def write(path: Path, data: bytes) -> None:
    """Change a file as a bad disk does: its times stay."""
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def files_of(folder: Path, ending: str = "") -> Iterable[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name.endswith(ending))
