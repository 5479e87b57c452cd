"""An archive: a folder with its settings, an index, and the stores that keep the objects.

FOLDER/
  oberih.toml     stores, custodians, policy (see `oberih.settings`)
  main/           the first store: OCFL objects, readable without Oberih
  index.sqlite    what lies where; can be rebuilt from any store
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oberih import settings as rules
from oberih.archive.holdings import Holding, holding
from oberih.archive.identifiers import mint, parse
from oberih.archive.index import Entry, Index
from oberih.archive.ocfl import create_root, object_key, object_keys, read_object
from oberih.archive.ocfl.objects import OcflObject
from oberih.archive.stores import Store, open_store
from oberih.errors import InputError, NotInArchive, OutputError, StoreError
from oberih.i18n import say
from oberih.settings import Settings, StoreSettings

__all__ = ["MAIN", "Archive", "create_archive", "open_archive"]

MAIN = "main"  # the store that everything is deposited in first
INDEX = "index.sqlite"


@dataclass
class Archive:
    """An open archive."""

    folder: Path
    settings: Settings
    index: Index
    opened: dict[str, Store] = field(default_factory=dict)

    def store(self, name: str) -> Store:
        """The store of that name, opened once. Raises `NotInArchive`, `StoreError`."""
        if name not in self.opened:
            self.opened[name] = self.open(self.store_settings(name))
        return self.opened[name]

    def store_settings(self, name: str) -> StoreSettings:
        if name not in self.settings.stores:
            raise NotInArchive(
                say("There is no store {name}.", name=name), "`oberih stores` shows those there are."
            )
        return self.settings.stores[name]

    def open(self, given: StoreSettings, *, create: bool = False) -> Store:
        url = self.place(given)
        keys = [key.get_secret_value() if key else None for key in (given.access_key, given.secret_key)]
        store = open_store(url, access_key=keys[0], secret_key=keys[1], create=create)
        if create and not given.packages:
            create_root(store)
        return store

    def place(self, given: StoreSettings) -> str:
        """The URL of a store; that of a folder is its path, and may be relative to the archive."""
        return given.url if "://" in given.url else os.path.realpath(self.folder / given.url)

    def holding(self, name: str) -> Holding:
        """What the store of that name holds. Raises `NotInArchive`, `StoreError`."""
        return holding(self.store(name), self.store_settings(name), self.recipients())

    @property
    def main(self) -> Store:
        return self.store(MAIN)

    def threat(self, name: str) -> str:
        """What the store would die of: its own name if nothing else is said."""
        return self.settings.stores[name].threat or name

    def mint(self) -> str:
        """A new identifier, never used before."""
        return mint(self.settings.naming_authority, taken=self.knows)

    def knows(self, identifier: str) -> bool:
        return identifier in self.index or any(True for _ in self.main.list(object_key(identifier)))

    def object(self, identifier: str) -> OcflObject:
        """The newest version of an object in the main store. Raises `NotInArchive`."""
        return read_object(self.main, self.entry(identifier).id)

    def entry(self, identifier: str) -> Entry:
        """What the index says of an object. Those of other programs have identifiers of other kinds."""
        return self.index.get(identifier if identifier in self.index else parse(identifier))

    def change_settings(self, edit: Callable[[dict[str, Any]], None]) -> None:
        self.settings = rules.change(self.folder / rules.FILE, edit)

    def add_store(self, name: str, given: StoreSettings) -> Store:
        """Begin to keep copies on another store. Nothing is copied yet (see `replicate`)."""
        if name in self.settings.stores:
            raise InputError(say("There is a store {name} already.", name=name), "Choose another name.")
        if given.untrusted and not self.settings.custodians:
            raise InputError(
                "An untrusted store keeps encrypted copies, and there is no custodian who could open them.",
                "First name the custodians' keys: oberih custodians add NAME",
            )
        same = [n for n, known in self.settings.stores.items() if self.place(known) == self.place(given)]
        if same:
            raise InputError(
                say("The store {name} is at this place already.", name=same[0]),
                "Two names for one place would count as two copies. Give another place.",
            )
        table = given.model_dump(exclude_defaults=True, exclude={"access_key", "secret_key"})

        def edit(settings: dict[str, Any]) -> None:
            settings.setdefault("stores", {}).update({name: table})

        rules.check(self.folder / rules.FILE, edit)  # before anything is made
        store = self.open(given, create=True)
        self.change_settings(edit)
        self.opened[name] = store
        return store

    def recipients(self) -> list[str]:
        """age recipients of the custodians."""
        return sorted(self.settings.custodians.values())

    def targets(self, identifier: str) -> list[str]:
        """Names of the stores that are to keep an object, the main one first.

        As many as the policy asks for, each of another threat; which of several equals follows from the
        identifier (rendezvous hashing, Thaler & Ravishankar 1998), so that adding a store moves little.
        """
        return [MAIN, *chosen(identifier, self.settings, self.threat)]


def chosen(identifier: str, settings: Settings, threat: Callable[[str], str]) -> Iterator[str]:
    from hashlib import sha256

    def weight(name: str) -> bytes:
        return sha256(f"{identifier} {name}".encode()).digest()

    threats = {threat(MAIN)}
    for name in sorted((name for name in settings.stores if name != MAIN), key=weight):
        if len(threats) >= settings.copies:
            return
        if threat(name) not in threats:
            threats.add(threat(name))
            yield name


def create_archive(folder: Path | str, **changes: Any) -> Archive:
    """A new, empty archive in ``folder``, which is made if it is not there and must be empty if it is.

    ``changes`` are settings other than the defaults.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(
            say("{path} cannot be used as an archive: {why}", path=folder, why=why),
            "Choose a folder that you may write to.",
        ) from error
    if not empty:
        raise InputError(
            say("{path} is not an archive, and not empty.", path=folder), "Give an empty or a new folder."
        )
    table = {"stores": {MAIN: {"url": MAIN, "threat": "this machine"}}, **changes}
    settings = rules.change(folder / rules.FILE, lambda t: t.update(table))
    archive = Archive(folder, settings, Index(folder / INDEX))
    archive.opened[MAIN] = archive.open(settings.stores[MAIN], create=True)
    return archive


def open_archive(folder: Path | str, *, create: bool = False) -> Archive:
    """The archive in ``folder``. With ``create``, a new one if there is none."""
    folder = Path(folder)
    if not (folder / rules.FILE).is_file():
        if create:
            return create_archive(folder)
        raise NotInArchive(
            say("There is no archive in {path}.", path=folder),
            "`oberih deposit` makes one; `oberih rebuild` restores one from a store that survived.",
        )
    settings = settings_of(folder)
    lost = not (folder / INDEX).exists()
    archive = Archive(folder, settings, Index(folder / INDEX))
    if lost:
        # Whoever made the archive may have died before the main store was there.
        new = len(settings.stores) == 1 and not settings.custodians
        try:
            archive.opened[MAIN] = archive.open(settings.stores[MAIN], create=new)
            empty = next(object_keys(archive.main), None) is None
        except StoreError:
            (folder / INDEX).unlink(missing_ok=True)
            raise
        if not empty:
            (folder / INDEX).unlink(missing_ok=True)
            raise NotInArchive(
                say("The index of {path} is gone; the objects are there.", path=folder),
                say("Make it again: oberih rebuild --archive {path}", path=folder),
            )
    return archive


def settings_of(folder: Path) -> Settings:
    """The settings of the archive in ``folder``."""
    settings = rules.load(folder / rules.FILE)
    if MAIN not in settings.stores:
        raise InputError(
            say("{path} names no store `main`.", path=folder / rules.FILE), "Mend the file, or restore it."
        )
    return settings


def stores_of(archive: Archive, names: Sequence[str] = ()) -> list[str]:
    """The stores named, or all, the main one first. Raises `NotInArchive`."""
    for name in names:
        archive.store_settings(name)
    every = [MAIN, *sorted(set(archive.settings.stores) - {MAIN})]
    return [name for name in every if not names or name in names]
