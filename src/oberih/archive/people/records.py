"""A person's data as objects of the archive: sealed to the person's own key, so that it can be withdrawn."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from oberih.archive.archive import MAIN, Archive, stores_of
from oberih.archive.deposit import deposit_files
from oberih.archive.journal import happened, write_down
from oberih.archive.people import Person, Tombstone, new_person, open_sealed, recipient_of, seal, withdraw
from oberih.archive.people.keys import new_pseudonym, refuse_withdrawn
from oberih.archive.people.withdrawals import PERSON, WITHDRAWAL, changeable, reachable, withdrawal_of
from oberih.errors import InputError, NotInArchive, OutputError, StoreError
from oberih.i18n import say

__all__ = ["PERSON", "add_person", "changeable", "person_data", "pseudonym_to_come", "withdraw_person"]

SEALED = "person.age"


def pseudonym_to_come(archive: Archive) -> str:
    """A pseudonym for `add_person`, to be written down before anything is sealed under it."""
    return new_pseudonym(changeable(archive))


def add_person(archive: Archive, data: Mapping[str, Any], pseudonym: str = "") -> str:
    """A new pseudonym; ``data`` (name, contact, consents) is deposited sealed. Raises `InputError`.

    With the ``pseudonym`` of a call that stopped half way, its key is used: one withdrawal destroys all of
    it.
    """
    if not archive.settings.custodians:
        raise InputError(
            "There is no custodian who could open what is kept of a person.",
            "First name one: oberih custodians add NAME",
        )
    person = half_made(archive, pseudonym) if pseudonym else None
    if person is None:
        person = new_person(changeable(archive), archive.recipients(), pseudonym)
    sealed = seal(person, json.dumps(data, ensure_ascii=False).encode())
    about = {"kind": PERSON, "title": person.pseudonym, "person": person.pseudonym}
    deposit_files(archive, {}, about, {SEALED: sealed}, event="encryption")
    return person.pseudonym


def half_made(archive: Archive, pseudonym: str) -> Person | None:
    """Somebody whose key is there already. Raises `KeyNeeded` if they have withdrawn."""
    for store in changeable(archive):
        with suppress(NotInArchive, StoreError):  # the main store is the first to get a key
            return Person(pseudonym, recipient_of(store, pseudonym))
    return None


def person_data(archive: Archive, pseudonym: str, identities: Sequence[str]) -> dict[str, Any]:
    """What is kept of a person, for a custodian. Raises `KeyNeeded`, also if the person has withdrawn."""
    for entry in archive.index.objects(PERSON):
        if entry.title == pseudonym:
            sealed = archive.object(entry.id).read(SEALED)
            refuse_withdrawn(withdrawal_of(archive, pseudonym))
            told: dict[str, Any] = json.loads(open_sealed(changeable(archive), identities, pseudonym, sealed))
            return told
    raise NotInArchive(say("Nobody is known as {pseudonym}.", pseudonym=pseudonym), "Check the spelling.")


def withdraw_person(archive: Archive, pseudonym: str, reason: str) -> Tombstone:
    """Destroy a person's key everywhere; every copy of every object stays valid. Run again to finish.

    Raises `OutputError`, `Conflict` if the archive's folder cannot be written to: nothing is touched then.
    `Tombstone.unfinished` has the names of stores that were away, the main one if it could not be written.
    """
    with archive.locked(exclusive=False):
        kinds = archive.settings.stores
        every = stores_of(archive)
        untrusted = reachable(archive, [name for name in every if kinds[name].untrusted])
        locked = reachable(archive, [name for name in every if kinds[name].append_only])
        concerned = [entry.id for entry in archive.index.objects(PERSON) if entry.title == pseudonym]
        tombstone = withdraw(
            changeable(archive), pseudonym, reason, locked=locked, untrusted=untrusted, known=bool(concerned)
        )
        names = {store.url: name for name, store in archive.opened.items()}
        away = [names.get(url, url) for url in tombstone.unfinished]
        opened = {id(store) for store in reachable(archive, every)}
        away += [n for n in every if id(archive.opened.get(n)) not in opened]
        done = happened("deletion", concerned, detail="the key was destroyed", note=reason)
        try:
            write_down(archive, WITHDRAWAL, done)
        except (OutputError, StoreError):
            away.append(MAIN)
        return replace(tombstone, unfinished=tuple(dict.fromkeys(away)))
