"""The archive's own settings, kept in the archive: they come back with the objects."""

import json
from typing import Any

from oberih import settings as rules
from oberih.archive.archive import MAIN, Archive
from oberih.archive.deposit import ABOUT, deposit_files, new_version
from oberih.archive.ocfl import object_keys, read_object
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
    files = {SETTINGS: wanted, "README.txt": README.encode()}
    before = next(archive.index.objects(CONFIGURATION), None)
    if before is None:
        about = {"kind": CONFIGURATION, "title": "settings"}
        deposit_files(archive, {}, about, files, event="creation")
    elif archive.object(before.id).read(SETTINGS) != wanted:
        new_version(archive, before.id, files, message="settings", event="modification")


def without_secrets(table: dict[str, Any]) -> dict[str, Any]:
    stores = {
        name: {key: value for key, value in store.items() if key not in ("access_key", "secret_key")}
        for name, store in table.get("stores", {}).items()
    }
    return {**table, "stores": stores}


def recall_settings(archive: Archive) -> None:
    """Take stores, custodians and policy from the newest settings in the restored objects, if any."""
    for key in object_keys(archive.main):
        try:
            found = read_object(archive.main, key)
            if SETTINGS not in found.inventory.files():
                continue
            if json.loads(found.read(ABOUT)).get("kind") != CONFIGURATION:
                continue
            table = json.loads(found.read(SETTINGS))
        except (OberihError, ValueError):
            continue
        mine = rules.read(archive.folder / rules.FILE)["stores"][MAIN]
        table["stores"] = {**table.get("stores", {}), MAIN: mine}
        archive.change_settings(lambda t, table=table: t.update(table))  # type: ignore[misc]
        return
