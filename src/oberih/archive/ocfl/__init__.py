"""OCFL 1.1: objects whose every byte and every version is written down, in folders that anybody can read.

Oxford Common File Layout, https://ocfl.io. A storage root (`create_root`) holds objects; an object holds
versions; a version is made with `begin`, read with `read_object`, copied with `copy_object`, checked with
`validate_object`. Works on any `oberih.archive.stores.Store`.
"""

from oberih.archive.findings import Finding
from oberih.archive.ocfl.commit import Added, Commit, begin
from oberih.archive.ocfl.copy import Copied, copy_object, copy_version
from oberih.archive.ocfl.hierarchy import validate_root
from oberih.archive.ocfl.inventory import FileEntry, Inventory, Version, dump, parse
from oberih.archive.ocfl.layout import object_key
from oberih.archive.ocfl.objects import OcflObject, read_object
from oberih.archive.ocfl.root import check_root, create_root, object_keys
from oberih.archive.ocfl.sweep import sweep
from oberih.archive.ocfl.validate import validate_object

__all__ = [
    "Added",
    "Commit",
    "Copied",
    "FileEntry",
    "Finding",
    "Inventory",
    "OcflObject",
    "Version",
    "begin",
    "check_root",
    "copy_object",
    "copy_version",
    "create_root",
    "dump",
    "object_key",
    "object_keys",
    "parse",
    "read_object",
    "sweep",
    "validate_object",
    "validate_root",
]
