"""Are people's keys whole, on every store that keeps them? And mending those that are not."""

from collections.abc import Iterator

from oberih.archive.archive import MAIN, Archive
from oberih.archive.findings import Finding
from oberih.archive.people.keyring import intact_key, keys_there, tombstones
from oberih.archive.people.keys import mend_key, verify_keys
from oberih.archive.people.records import PERSON, changeable
from oberih.archive.stores import Store
from oberih.errors import Damaged, OberihError, StoreError
from oberih.i18n import say

__all__ = ["check_people", "heal_person"]

LOST_KEY = "person-key"  # code of the finding


def check_people(archive: Archive, name: str) -> list[tuple[str, Finding]]:
    """Pseudonyms of those whose key is damaged or lost on a store, checked without any key.

    That a store other than the main one has not got a key yet is no damage: it waits for `replicate`. On one
    that is not trusted, a key is whole if it is ours.
    """
    given = archive.settings.stores[name]
    if given.append_only:
        return []
    store = archive.store(name)
    bad = set(verify_keys(store)) if not given.untrusted else set(others_than_ours(archive.main, store))
    if name == MAIN:
        everyone = changeable(archive)
        known = {pseudonym for one in everyone for pseudonym in keys_there(one)}
        known |= {entry.title for entry in archive.index.objects(PERSON)}
        gone = {pseudonym for one in everyone for pseudonym in tombstones(one)}
        bad |= known - gone - keys_there(store).keys()
    message = say("The person's key is damaged or lost.")
    return [(pseudonym, Finding(LOST_KEY, "error", message, pseudonym)) for pseudonym in sorted(bad)]


def others_than_ours(main: Store, store: Store) -> Iterator[str]:
    """Pseudonyms of those whose key is not the one that we left there."""
    for pseudonym in keys_there(main).keys() & keys_there(store).keys():
        ours = intact_key(main, pseudonym)
        if ours is not None and intact_key(store, pseudonym) != ours:
            yield pseudonym


def heal_person(archive: Archive, name: str, pseudonym: str) -> OberihError | None:
    """Restore a person's key on a store from any trusted one. Returns what kept it from that."""
    target = archive.store(name)
    others = [store for store in changeable(archive) if store is not target]
    try:
        if mend_key(others, target, pseudonym, trusted=not archive.settings.stores[name].untrusted):
            return None
    except StoreError as error:
        return error
    return Damaged(
        say("No good copy is left of the key of {id}.", id=pseudonym),
        "Bring back a store that has it. If there is none, withdraw: oberih people withdraw",
    )
