"""An archive: a folder with its settings, an index, and the stores that keep the objects.

FOLDER/
  oberih.toml     stores, custodians, policy (see `oberih.settings`)
  main/           the first store: OCFL objects, readable without Oberih
  index.sqlite    what lies where; can be rebuilt from any store
  oberih.lock     see `lock`
"""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from oberih import settings as rules
from oberih.archive.holdings import Holding, Ledger, holding
from oberih.archive.identifiers import mint, parse
from oberih.archive.identity import check_identity, identity, mark, taken_up
from oberih.archive.index import Entry, Index, remove_index, written
from oberih.archive.lock import LOCK, locked
from oberih.archive.ocfl import create_root, object_key, object_keys, read_object
from oberih.archive.ocfl.objects import OcflObject
from oberih.archive.stores import Store, open_store
from oberih.archive.stores.nesting import refuse_nested
from oberih.errors import Conflict, InputError, NotInArchive, OberihError, OutputError, StoreError
from oberih.i18n import say
from oberih.settings import Settings, StoreSettings

__all__ = ["MAIN", "Archive", "create_archive", "open_archive"]

MAIN = "main"  # the store that everything is deposited in first
INDEX = "index.sqlite"
RESTORING = "restoring.txt"  # is there while everything comes back from another store, which it names
EVERYWHERE = ("archive", "person", "journal", "ledger")  # settings, people, what happened, the catalogue
FIRST_STORE = {"url": MAIN, "threat": "this machine"}


@dataclass
class Archive:
    """An open archive."""

    folder: Path
    settings: Settings
    index: Index
    opened: dict[str, Store] = field(default_factory=dict)

    def store(self, name: str) -> Store:
        """The store of that name, opened once. Raises `NotInArchive`; `StoreError`, also if what is there is
        not that store.
        """
        if name not in self.opened:
            given = self.store_settings(name)
            store = self.open(given)
            if given.id:
                check_identity(store, given.id)
                self.refuse_twin(given.id, name, StoreError)
            else:
                self.take_up(name, given, store)
            self.opened[name] = store
        return self.opened[name]

    def take_up(self, name: str, given: StoreSettings, store: Store) -> None:
        """Begin to use a store that somebody wrote into the settings by hand."""
        found = taken_up(store, packages=given.packages)
        self.refuse_twin(found, name, StoreError)
        if name in rules.read(self.folder / rules.FILE).get("stores", {}):  # not only in the environment
            self.change_settings(lambda table: table["stores"][name].update(id=found))

    def refuse_twin(self, found: str, name: str, error: type[OberihError]) -> None:
        """Raise ``error`` if the store with the marker ``found`` has another name than ``name`` already."""
        for other, known in self.settings.stores.items():
            if found and other != name and known.id == found:
                raise error(
                    say("The store {name} is at this place already.", name=other),
                    "Two names for one place would count as two copies. Give another place.",
                )

    def refuse_unknown(self, held: Holding) -> None:
        """Raise `InputError` if a store that is to be ours holds objects that are not."""
        known: set[str] | None = None
        for key in held.places():
            known = known or {held.key(entry.id) for entry in self.index.objects()}
            if key not in known:
                raise InputError(
                    say("{url} holds objects of another archive: {key}", url=held.store.url, key=key),
                    "Give an empty place. What is there is restored with `oberih rebuild --from`, or taken "
                    "in with `oberih deposit --from-archive`.",
                )

    def store_settings(self, name: str) -> StoreSettings:
        if name not in self.settings.stores:
            raise NotInArchive(
                say("There is no store {name}.", name=name), "`oberih stores` shows those there are."
            )
        return self.settings.stores[name]

    def locked(self, *, exclusive: bool) -> AbstractContextManager[None]:
        """Hold the archive's lock (see `lock`): alone, or with others who only add objects."""
        if not exclusive:
            self.store(MAIN)  # taking it up may change the settings, for which one has to be alone
        return locked(self.folder, exclusive=exclusive)

    def open(self, given: StoreSettings, *, create: bool = False) -> Store:
        """What is at the place of a store, whichever store it is."""
        return open_given(self.folder, given, create=create)

    def place(self, given: StoreSettings) -> str:
        """The URL of a store; that of a folder is its path, and may be relative to the archive."""
        return place_of(self.folder, given)

    def holding(self, name: str) -> Holding:
        """What the store of that name holds. Raises `NotInArchive`, `StoreError`."""
        ledger = Ledger(self.index, name)
        return holding(self.store(name), self.store_settings(name), self.recipients(), ledger)

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
        with locked(self.folder, exclusive=True):
            before, self.settings = self.settings, rules.change(self.folder / rules.FILE, edit)
        for name in list(self.opened):
            new, old = self.settings.stores.get(name), before.stores.get(name)
            if new is None or old is None or (old.id and new != old):
                del self.opened[name]
        self.forget_strangers()

    def forget_strangers(self) -> None:
        """Let the index forget copies on stores that are none of ours any more."""
        self.index.keep_stores({name: given.id for name, given in self.settings.stores.items()})

    def add_store(self, name: str, given: StoreSettings) -> Store:
        """Begin to keep copies on another store. Nothing is copied yet (see `replicate`)."""
        with locked(self.folder, exclusive=True):  # of two who add the same place, one is told
            self.settings = settings_of(self.folder)
            return self._add_store(name, given)

    def _add_store(self, name: str, given: StoreSettings) -> Store:
        if name in self.settings.stores:
            raise InputError(say("There is a store {name} already.", name=name), "Choose another name.")
        if given.url.encode(errors="backslashreplace") != given.url.encode(errors="replace"):
            raise InputError(
                "The name of the folder is no text that can be read (UTF-8).",
                "Rename it, or make a link to it with another name.",
            )
        if given.untrusted and not self.settings.custodians:
            raise InputError(
                "An untrusted store keeps encrypted copies, and there is no custodian who could open them.",
                "First name the custodians' keys: oberih custodians add NAME",
            )
        table = given.model_dump(exclude_defaults=True, exclude={"access_key", "secret_key"})

        def edit(settings: dict[str, Any]) -> None:
            settings.setdefault("stores", {}).update({name: table})

        found = rules.check(self.folder / rules.FILE, edit).stores[name]  # before anything is made
        keys = {key: getattr(given, key) or getattr(found, key) for key in ("access_key", "secret_key")}
        given = given.model_copy(update=keys)  # of the environment
        for other, known in self.settings.stores.items():
            refuse_nested(self.place(given), other, self.place(known))
        store = self.open(given, create=True)
        self.refuse_twin(identity(store), name, InputError)
        self.refuse_unknown(holding(store, given, self.recipients()))
        table["id"] = mark(store, packages=given.packages)
        self.change_settings(edit)
        self.opened[name] = store
        return store

    def recipients(self) -> list[str]:
        """age recipients of the custodians."""
        return sorted(self.settings.custodians.values())

    def targets(self, identifier: str, kind: str = "") -> list[str]:
        """Names of the stores that are to keep an object, the main one first. All keep what is small and
        without which any one of them would not bring everything back (`EVERYWHERE`); others
        as many as the policy asks for, each of another threat. Which of several equals follows from the
        identifier (rendezvous hashing, Thaler & Ravishankar 1998), so that adding a store moves little.
        """
        if kind in EVERYWHERE:
            return stores_of(self)
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
        empty = all(path.name == LOCK or path.name.startswith(rules.DRAFT) for path in folder.iterdir())
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
    with locked(folder, exclusive=True):
        if (folder / rules.FILE).exists():
            raise Conflict(
                say("Somebody else made an archive in {path} just now.", path=folder), "Try again."
            )
        table = {"stores": {MAIN: FIRST_STORE}, **changes}
        return finished(folder, rules.change(folder / rules.FILE, lambda t: t.update(table)))


def finished(folder: Path, settings: Settings) -> Archive:
    """Bring the making of an archive to its end. The settings are there; the index, which comes last, says
    that the rest is too.
    """
    store = open_given(folder, settings.stores[MAIN], create=True)
    found = mark(store, packages=False)
    settings = rules.change(folder / rules.FILE, lambda table: table["stores"][MAIN].update(id=found))
    return with_index(folder, settings, store)


def with_index(folder: Path, settings: Settings, main: Store) -> Archive:
    remove_index(folder / INDEX)  # the log of one that is gone would spoil the new one
    archive = Archive(folder, settings, Index(folder / INDEX), {MAIN: main})
    archive.forget_strangers()
    return archive


def indexed(folder: Path, settings: Settings) -> Archive:
    archive = Archive(folder, settings, Index(folder / INDEX))
    archive.forget_strangers()
    return archive


def being_made(settings: Settings) -> bool:
    """Whether whoever made the archive may have died before its main store was there."""
    return len(settings.stores) == 1 and not settings.stores[MAIN].id


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
    if written(folder / INDEX):
        return indexed(folder, settings)
    refuse_half_restored(folder)
    given = settings.stores[MAIN]
    with locked(folder, exclusive=True):
        if written(folder / INDEX):  # somebody else did meanwhile
            return indexed(folder, settings_of(folder))
        main = open_given(folder, given, create=being_made(settings))
        if given.id:
            check_identity(main, given.id)
        if next(object_keys(main), None) is not None:
            raise NotInArchive(
                say("The index of {path} is gone; the objects are there.", path=folder),
                say("Make it again: oberih rebuild --archive {path}", path=folder),
            )
        return with_index(folder, settings, main) if given.id else finished(folder, settings)


def refuse_half_restored(folder: Path) -> None:
    """Raise `NotInArchive` if restoring from another store began and did not come to its end."""
    try:
        source = (folder / RESTORING).read_text(encoding="utf-8", errors="backslashreplace").strip()
    except FileNotFoundError:
        return
    raise NotInArchive(
        say("{path} is not restored to its end yet.", path=folder),
        say("Go on: oberih rebuild --archive {path} --from {source} (or from another store).",
            path=shlex.quote(str(folder)), source=shlex.quote(source)),
    )  # fmt: skip


def open_given(folder: Path, given: StoreSettings, *, create: bool = False) -> Store:
    keys = [key.get_secret_value() if key else None for key in (given.access_key, given.secret_key)]
    store = open_store(place_of(folder, given), access_key=keys[0], secret_key=keys[1], create=create)
    if create and not given.packages:
        create_root(store)
    return store


def place_of(folder: Path, given: StoreSettings) -> str:
    parts = urlsplit(given.url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return os.path.realpath(unquote(parts.path))
    return given.url if "://" in given.url else os.path.realpath(folder / given.url)


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
