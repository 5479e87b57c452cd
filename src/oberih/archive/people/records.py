"""A person's data as objects of the archive: sealed to the person's own key, so that it can be withdrawn."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from oberih.archive.archive import Archive, stores_of
from oberih.archive.deposit import deposit_files
from oberih.archive.journal import happened, write_down
from oberih.archive.people import Tombstone, new_person, open_sealed, seal, withdraw
from oberih.archive.stores import Store
from oberih.errors import InputError, NotInArchive, StoreError
from oberih.i18n import say

__all__ = ["PERSON", "add_person", "person_data", "withdraw_person"]

PERSON = "person"  # kind of the object
SEALED = "person.age"


def add_person(archive: Archive, data: Mapping[str, Any]) -> str:
    """A new pseudonym; ``data`` (name, contact, consents) is deposited sealed. Raises `InputError`."""
    if not archive.settings.custodians:
        raise InputError(
            "There is no custodian who could open what is kept of a person.",
            "First name one: oberih custodians add NAME",
        )
    person = new_person(changeable(archive), archive.recipients())
    sealed = seal(person, json.dumps(data, ensure_ascii=False).encode())
    about = {"kind": PERSON, "title": person.pseudonym, "person": person.pseudonym}
    deposit_files(archive, {}, about, {SEALED: sealed}, event="encryption")
    return person.pseudonym


def person_data(archive: Archive, pseudonym: str, identities: Sequence[str]) -> dict[str, Any]:
    """What is kept of a person, for a custodian. Raises `KeyNeeded`, also if the person has withdrawn."""
    for entry in archive.index.objects(PERSON):
        if entry.title == pseudonym:
            sealed = archive.object(entry.id).read(SEALED)
            told: dict[str, Any] = json.loads(open_sealed(changeable(archive), identities, pseudonym, sealed))
            return told
    raise NotInArchive(say("Nobody is known as {pseudonym}.", pseudonym=pseudonym), "Check the spelling.")


def withdraw_person(archive: Archive, pseudonym: str, reason: str) -> Tombstone:
    """Destroy a person's key everywhere; every copy of every object stays valid. Run again to finish."""
    kinds = archive.settings.stores
    every = stores_of(archive)
    untrusted = reachable(archive, [name for name in every if kinds[name].untrusted])
    locked = reachable(archive, [name for name in every if kinds[name].append_only])
    concerned = [entry.id for entry in archive.index.objects(PERSON) if entry.title == pseudonym]
    tombstone = withdraw(
        changeable(archive), pseudonym, reason, locked=locked, untrusted=untrusted, known=bool(concerned)
    )
    opened = {id(store) for store in reachable(archive, every)}
    away = [n for n in stores_of(archive) if id(archive.opened.get(n)) not in opened]
    tombstone = replace(tombstone, unfinished=(*tombstone.unfinished, *away))
    write_down(
        archive, "withdrawal", happened("deletion", concerned, detail="the key was destroyed", note=reason)
    )
    return tombstone


def changeable(archive: Archive) -> list[Store]:
    """Stores that can be reached, are trusted, and where a key can be destroyed: they keep people's keys."""
    return reachable(archive, [n for n in stores_of(archive) if not archive.settings.stores[n].packages])


def reachable(archive: Archive, names: Sequence[str]) -> list[Store]:
    found = []
    for name in names:
        try:
            found.append(archive.store(name))
        except StoreError:
            continue  # `replicate` brings key or tombstone when it is back
    return found
