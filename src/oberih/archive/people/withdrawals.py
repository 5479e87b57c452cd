"""Who withdrew, as the whole archive knows it.

A withdrawal is believed from any store that is trusted, one where nothing can be changed too, and from the
archive's own journal (`withdraw_person` writes it; those of other archives are not taken): so one tombstone
that is lost brings no key back. The journal alone destroys no key that the main store has. What only a store
that is not trusted says of a withdrawal is reported, and neither copied nor believed: its host could have
made it up. Nor is a store that the settings do not know.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from oberih.archive.archive import Archive, stores_of
from oberih.archive.holdings import Holding
from oberih.archive.identity import identity
from oberih.archive.journal import EVENTS, JOURNAL
from oberih.archive.metadata.premis import Event, read_premis
from oberih.archive.people.keyring import (
    REASONS,
    Tombstone,
    bury,
    destroy,
    is_pseudonym,
    keys_there,
    tombstones,
)
from oberih.archive.people.keys import mend_key, new_tombstone, take_keys, tombstone_of
from oberih.archive.stores import Store
from oberih.errors import Conflict, OberihError, StoreError
from oberih.i18n import say
from oberih.settings import StoreSettings

__all__ = [
    "PERSON",
    "WITHDRAWAL",
    "changeable",
    "events_of_withdrawal",
    "keep_withdrawals",
    "only_told_by",
    "people_back",
    "reachable",
    "told_again",
    "trusted",
    "withdrawal_of",
    "withdrawn",
]

PERSON = "person"  # kind of the object
WITHDRAWAL = "withdrawal"  # title of the journal


def changeable(archive: Archive) -> list[Store]:
    """Stores that can be reached, are trusted, and where a key can be destroyed: they keep people's keys."""
    return reachable(archive, [n for n in stores_of(archive) if not archive.settings.stores[n].packages])


def trusted(archive: Archive) -> list[Store]:
    """Stores that can be reached, and whose word counts."""
    return reachable(archive, [n for n in stores_of(archive) if not archive.settings.stores[n].untrusted])


def reachable(archive: Archive, names: Sequence[str]) -> list[Store]:
    found = []
    for name in names:
        try:
            found.append(archive.store(name))
        except StoreError:
            continue  # `replicate` brings key or tombstone when it is back
    return found


def withdrawal_of(archive: Archive, pseudonym: str) -> Tombstone | None:
    """The withdrawal of a person, if a trusted store or the journal tells of it."""
    found = tombstone_of(trusted(archive), pseudonym)
    if (found is None or not found.when) and pseudonym not in keys_there(archive.main):
        mine = {entry.id: pseudonym for entry in archive.index.objects(PERSON) if entry.title == pseudonym}
        found = journalled(archive, mine).get(pseudonym, found)
    return found


def withdrawn(archive: Archive) -> set[str]:
    """Pseudonyms of all those of whose withdrawal a trusted store or the journal tells."""
    told: set[str] = set()
    for store in trusted(archive):
        with suppress(StoreError):
            told |= tombstones(store).keys()
    known = told | keys_there(archive.main).keys()
    others = {entry.id: entry.title for entry in archive.index.objects(PERSON) if entry.title not in known}
    others = {identifier: title for identifier, title in others.items() if is_pseudonym(title)}
    return told | journalled(archive, others).keys()


def journalled(archive: Archive, people: dict[str, str]) -> dict[str, Tombstone]:
    """What the journal says of those of ``people`` (identifier of the object -> pseudonym) who withdrew."""
    found: dict[str, Tombstone] = {}
    for entry in archive.index.objects(JOURNAL) if people else ():
        if entry.title != WITHDRAWAL:
            continue
        with suppress(OberihError):  # one that is damaged: the tombstones are there
            for event in events_of_withdrawal(archive.object(entry.id).read(EVENTS)):
                for pseudonym in {people.get(one.identifier, "") for one in event.objects} - {""}:
                    reason = event.note if event.note in REASONS else REASONS[0]
                    told = Tombstone(pseudonym, f"{event.date_time[:19]}+00:00", reason)
                    before = found.get(pseudonym, told)
                    found[pseudonym] = min(told, before, key=lambda one: one.when)
    return found


def events_of_withdrawal(record: bytes) -> Iterator[Event]:
    """The events of a journal by which a key was destroyed."""
    yield from (event for event in read_premis(record).events if event.type == "deletion")


def keep_withdrawals(archive: Archive) -> list[str]:
    """Let the main store know of every withdrawal, from where it goes to all; pseudonyms that were new."""
    main = archive.main
    known, keys, new = tombstones(main), keys_there(main), []
    for pseudonym in sorted(withdrawn(archive)):
        if pseudonym in keys:
            destroy(main, pseudonym)
        if pseudonym not in known:
            bury(main, told_again(withdrawal_of(archive, pseudonym), pseudonym))
            new.append(pseudonym)
    return new


def told_again(tombstone: Tombstone | None, pseudonym: str) -> Tombstone:
    """A tombstone to be written anew; of one that is damaged everywhere, the date is lost."""
    return tombstone if tombstone is not None and tombstone.when else new_tombstone(pseudonym, REASONS[0])


def only_told_by(name: str, pseudonym: str) -> Conflict:
    """What a store that is not trusted says of a withdrawal, and nobody else."""
    return Conflict(
        say("Only {store}, which is not trusted, says that {pseudonym} withdrew.",
            store=name, pseudonym=pseudonym),
        "Nothing was destroyed. If they did, withdraw again: oberih people withdraw PSEUDONYM",
    )  # fmt: skip


def people_back(
    archive: Archive, name: str, held: Holding, identities: Sequence[str], known: Mapping[str, StoreSettings]
) -> Iterator[tuple[str, OberihError]]:  # fmt: skip
    """Take people's keys from the store from which everything came back. First all withdrawals, from
    wherever they are told, so that no key of theirs is taken; then the keys that trusted stores have. Of a
    store that is not trusted, tombstones are not copied, and keys beside them stay there: yields whom it
    alone says to have withdrawn. ``known``: stores of the settings that were there before.
    """
    keep_withdrawals(archive)
    believed, marker = is_trusted(known, held), identity(held.store)
    others = [one for one in changeable(archive) if one is not archive.main and identity(one) != marker]
    there = {pseudonym for one in others for pseudonym in keys_there(one)}
    for pseudonym in sorted(there - keys_there(archive.main).keys() - withdrawn(archive)):
        mend_key(others, archive.main, pseudonym, believed=trusted(archive))
    take_keys(held.store, archive.main, identities=identities, bury_there=believed)
    if not believed:
        for pseudonym in sorted(tombstones(held.store).keys() - tombstones(archive.main).keys()):
            yield pseudonym, only_told_by(name, pseudonym)


def is_trusted(known: Mapping[str, StoreSettings], held: Holding) -> bool:
    """What the settings say of a store, by its marker. One that they do not know is not."""
    marker = identity(held.store)
    for given in known.values():
        if marker and given.id == marker:
            return not given.untrusted
    return False
