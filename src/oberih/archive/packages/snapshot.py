"""What of an OCFL object belongs to one version: its inventory and the files that came with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from oberih.archive.ocfl import digests
from oberih.archive.ocfl.check import LARGEST
from oberih.archive.ocfl.inventory import Inventory, number_of, parse
from oberih.archive.ocfl.objects import INVENTORY, SIDECAR, digest_of, sidecar
from oberih.archive.stores import Store, Unreadable, checked_key
from oberih.errors import Damaged, InputError, NotInArchive
from oberih.i18n import say

__all__ = ["INVENTORY", "LARGEST", "Snapshot", "parsed_snapshot", "read_snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """An object's inventory as of a version."""

    data: bytes
    inventory: Inventory

    @property
    def id(self) -> str:
        return self.inventory.id

    @property
    def folder(self) -> str:
        """ "v3", or "v0003" where somebody counts so."""
        return self.inventory.head

    @property
    def version(self) -> int:
        return number_of(self.inventory.head)

    @property
    def algorithm(self) -> str:
        return self.inventory.algorithm

    @cached_property
    def digest(self) -> str:
        """Of the inventory: what its sidecar says."""
        return digest_of(self.data, self.algorithm)

    @property
    def sidecar(self) -> bytes:
        return sidecar(self.data, self.algorithm)

    @cached_property
    def content(self) -> dict[str, str]:
        """Content path -> digest, of the files that came with this version."""
        return {path: digest.lower() for path, digest in self.inventory.added(self.folder).items()}

    @cached_property
    def earlier(self) -> dict[str, str]:
        """The same of all versions before."""
        return {p: d.lower() for p, d in self.inventory.content.items() if p not in self.content}

    def root_files(self) -> dict[str, bytes]:
        spec = self.inventory.spec
        return {
            f"0=ocfl_object_{spec}": f"ocfl_object_{spec}\n".encode(),
            INVENTORY: self.data,
            f"{INVENTORY}.{self.algorithm}": self.sidecar,
        }

    def version_files(self) -> dict[str, bytes]:
        inventory = f"{self.folder}/{INVENTORY}"
        return {inventory: self.data, f"{inventory}.{self.algorithm}": self.sidecar}


def parsed_snapshot(data: bytes, sidecars: Mapping[str, bytes]) -> Snapshot | None:
    """The snapshot that an inventory and its sidecar (by algorithm) make; `None` if they are damaged."""
    try:
        inventory = parse(data)
        snapshot = Snapshot(data, inventory)
        said = SIDECAR.fullmatch(sidecars[inventory.algorithm])
        if said is None or said[1].decode().lower() != snapshot.digest:
            return None
        for path in inventory.content:
            checked_key(path)
    except (InputError, KeyError, ValueError):
        return None
    return snapshot


def read_snapshot(store: Store, object_key: str, version: int) -> Snapshot:
    """The object at ``object_key`` as of ``version``. Raises `NotInArchive`, `Damaged`."""
    key = f"{object_key}/{version_folder(store, object_key, version)}/{INVENTORY}"
    sidecars = {}
    snapshot = None
    try:
        if store.stat(key).size <= LARGEST:
            data, _ = store.read(key)
            for algorithm in digests.CONTENT:
                try:
                    sidecars[algorithm], _ = store.read(f"{key}.{algorithm}")
                    break
                except KeyError:
                    continue
            snapshot = parsed_snapshot(data, sidecars)
    except (KeyError, Unreadable):
        pass
    if snapshot is None or snapshot.version != version:
        raise Damaged(
            say("{key} on {store} is missing or damaged.", key=key, store=store.url),
            "Heal that store first. Objects of other programs may lack the file; a package needs it.",
        )
    return snapshot


def version_folder(store: Store, object_key: str, version: int) -> str:
    for folder in store.folders(object_key):
        name = folder.rsplit("/", 1)[1]
        if name[:1] == "v" and name[1:].isdecimal() and name.isascii() and int(name[1:]) == version:
            return name
    raise NotInArchive(
        say("{key} on {store} has no version {version}.", key=object_key, store=store.url, version=version)
    )
