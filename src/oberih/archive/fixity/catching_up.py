"""What the main store holds and the index was not told of: its writer died between the two."""

from dataclasses import replace

from oberih.archive.archive import MAIN, Archive
from oberih.archive.deposit import entry_at
from oberih.archive.index import LONG_AGO, UNCHECKED, Entry, Replica
from oberih.archive.ocfl import read_object
from oberih.archive.ocfl.inventory import number_of
from oberih.archive.stores import Unreadable
from oberih.errors import Damaged, InputError, NotInArchive

__all__ = ["catch_up", "take_in"]


def catch_up(archive: Archive, entry: Entry) -> Entry:
    """Let the index know a newer version in the main store, whose writer died before it could tell it."""
    try:
        found = read_object(archive.main, entry.id)
    except (Damaged, InputError, NotInArchive, Unreadable):
        return entry
    if number_of(found.head) <= number_of(entry.head):
        return entry
    try:
        newer = entry_at(archive.main, found.key)
    except (Damaged, InputError, Unreadable):  # a file of it is damaged: not all can be read
        newer = replace(entry, head=found.head, digest=found.digest, files=len(found.inventory.files()))
    archive.index.put([newer], [Replica(entry.id, MAIN, newer.head, UNCHECKED, LONG_AGO)])
    return newer


def take_in(archive: Archive, key: str) -> bool:
    """Let the index know an object in the main store, if it is one of ours."""
    try:
        entry = entry_at(archive.main, key)
    except (Damaged, InputError, NotInArchive, Unreadable):
        return False
    if entry.kind:
        archive.index.put([entry], [Replica(entry.id, MAIN, entry.head, UNCHECKED, LONG_AGO)])
    return bool(entry.kind)
