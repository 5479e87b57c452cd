"""The archive's own settings, kept in the archive: they come back with the objects."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from oberih import settings as rules
from oberih.archive.archive import MAIN, Archive
from oberih.archive.deposit import about_of, deposit_files, new_version
from oberih.archive.identity import identity
from oberih.archive.index import Entry
from oberih.archive.ocfl import object_keys, read_object
from oberih.archive.stores import Store
from oberih.errors import OberihError

__all__ = ["CONFIGURATION", "keep_settings", "recall_settings"]

CONFIGURATION = "archive"  # kind of the object
SETTINGS = "settings.json"

README = """This object holds the settings of the archive it lies in: its stores, and whose keys open what
is encrypted.

The archive is made of OCFL objects (https://ocfl.io). Each has an inventory.json that names every file of
every version with its SHA-512. object.json says what an object is: a capture (recordings as they came, in
originals/), a model that was made from captures, a journal of what happened to objects.
"""


def keep_settings(archive: Archive) -> None:
    """Deposit the settings (never secrets) if they say more than a new archive's, and changed."""
    table = without_secrets(rules.read(archive.folder / rules.FILE))
    if len(table.get("stores", {})) < 2 and not table.get("custodians"):
        return
    wanted = (json.dumps(table, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
    if kept(archive, wanted):
        return
    with archive.locked(exclusive=True):  # else two that do this at once would make two objects
        if kept(archive, wanted):
            return
        files = {SETTINGS: wanted, "README.txt": README.encode()}
        if before := newest(archive):
            new_version(archive, before.id, files, message="settings", event="modification")
        else:
            about = {"kind": CONFIGURATION, "title": "settings"}
            deposit_files(archive, {}, about, files, event="creation")


def kept(archive: Archive, wanted: bytes) -> bool:
    """Whether the settings are kept as ``wanted``."""
    before = newest(archive)
    return before is not None and archive.object(before.id).read(SETTINGS) == wanted


def newest(archive: Archive) -> Entry | None:
    """The object that holds the settings; should there be several, the one that was changed last."""
    found = archive.index.objects(CONFIGURATION)
    return max(found, key=lambda entry: (entry.changed, entry.id), default=None)


def without_secrets(table: dict[str, Any]) -> dict[str, Any]:
    stores = {
        name: {key: value for key, value in store.items() if key not in ("access_key", "secret_key")}
        for name, store in table.get("stores", {}).items()
    }
    return {**table, "stores": stores}


def recall_settings(archive: Archive, source: Store) -> tuple[list[str], list[str]]:
    """Take stores, custodians and policy from the newest settings in the restored objects, if any.

    ``source`` is the store that they came from: the archive's own settings name it, those that were once
    imported from another archive do not. Returns the names of the stores and custodians that came back.
    Raises `InputError` if this version of Oberih does not know the settings.
    """
    marker = identity(source)
    found = [one for one in candidates(archive) if not foreign(one[1], marker)]
    if not found:
        return [], []
    _, table = max(found, key=lambda one: (marker in markers(one[1]), one[0]))
    mine = rules.read(archive.folder / rules.FILE)["stores"][MAIN]
    table["stores"] = {**table["stores"], MAIN: mine}
    archive.change_settings(lambda t: t.update(table))
    return sorted(set(table["stores"]) - {MAIN}), sorted(archive.settings.custodians)


def candidates(archive: Archive) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Settings that can be read, and when they were written down."""
    for key in object_keys(archive.main):
        try:
            found = read_object(archive.main, key)
            if SETTINGS not in found.inventory.files():
                continue
            if about_of(found).get("kind") != CONFIGURATION:
                continue
            table = json.loads(found.read(SETTINGS))
        except (OberihError, ValueError, AttributeError, RecursionError):
            continue
        if isinstance(table, dict) and isinstance(table.setdefault("stores", {}), dict):
            yield found.inventory.versions[found.head].created, table


def markers(table: dict[str, Any]) -> set[str]:
    """What the markers of the stores in some settings say, "" for one that had none yet."""
    return {str(store.get("id", "")) for store in table["stores"].values() if isinstance(store, dict)}


def foreign(table: dict[str, Any], marker: str) -> bool:
    """Whether settings that know all their stores do not know the one with ``marker``."""
    return bool(marker) and not markers(table) & {marker, ""}
