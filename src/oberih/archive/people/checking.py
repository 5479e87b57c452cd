"""Are people's keys whole, on every store that keeps them? And mending those that are not."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from oberih.archive.archive import MAIN, Archive
from oberih.archive.findings import Finding
from oberih.archive.people.keyring import bury, destroy, intact_key, is_pseudonym, keys_there, whole_tombstone
from oberih.archive.people.keys import mend_key, verify_keys
from oberih.archive.people.withdrawals import PERSON, changeable, told_again, trusted, withdrawal_of
from oberih.archive.stores import Store
from oberih.errors import Damaged, OberihError, StoreError
from oberih.i18n import say

__all__ = ["check_people", "heal_person"]

LOST_KEY, KEPT_KEY, LOST_TOMBSTONE = "person-key", "person-withdrawn", "person-tombstone"  # of the findings


def check_people(archive: Archive, name: str, gone: Collection[str]) -> list[tuple[str, Finding]]:
    """Pseudonyms of those whose key is damaged or lost on a store, or still there though they are among those
    who are ``gone`` (see `withdrawn`); checked without any key.

    That a store other than the main one has not got a key or a tombstone yet is no damage: it waits for
    `replicate`. On one that is not trusted, a key is whole if it is ours.
    """
    given = archive.settings.stores[name]
    if given.append_only:
        return []
    store = archive.store(name)
    there = keys_there(store).keys()
    bad = set(verify_keys(store)) if not given.untrusted else set(others_than_ours(archive.main, store))
    untold: set[str] = set()
    people = {e.title for e in archive.index.objects(PERSON) if is_pseudonym(e.title)}
    everyone = changeable(archive)
    # Half a key of nobody is what a process left that died while it made one.
    bad = {p for p in bad if p in people or any(intact_key(one, p) for one in everyone)}
    if name == MAIN:
        known = people | {p for one in everyone for p in keys_there(one) if p in people or intact_key(one, p)}
        bad |= known - there
        untold = {pseudonym for pseudonym in gone if not whole_tombstone(store, pseudonym)}
    return [
        *found(bad - set(gone), LOST_KEY, say("The person's key is damaged or lost.")),
        *found(there & set(gone), KEPT_KEY, say("The person withdrew, and the key is still there.")),
        *found(untold - there, LOST_TOMBSTONE, say("What says that the person withdrew is damaged or lost.")),
    ]


def found(people: Iterable[str], code: str, message: str) -> list[tuple[str, Finding]]:
    return [(pseudonym, Finding(code, "error", message, pseudonym)) for pseudonym in sorted(people)]


def others_than_ours(main: Store, store: Store) -> Iterator[str]:
    """Pseudonyms of those whose key is not the one that we left there."""
    for pseudonym in keys_there(main).keys() & keys_there(store).keys():
        ours = intact_key(main, pseudonym)
        if ours is not None and intact_key(store, pseudonym) != ours:
            yield pseudonym


def heal_person(archive: Archive, name: str, pseudonym: str) -> OberihError | None:
    """Restore a person's key on a store from any trusted one, or destroy it there if they withdrew. Returns
    what kept it from that.
    """
    target, untrusted = archive.store(name), archive.settings.stores[name].untrusted
    others = [store for store in changeable(archive) if store is not target]
    try:
        if (tombstone := withdrawal_of(archive, pseudonym)) is not None:
            told = told_again(tombstone, pseudonym)
            destroy(target, pseudonym)
            bury(target, replace(told, reason="") if untrusted else told)
            return None
        if mend_key(others, target, pseudonym, trusted=not untrusted, believed=trusted(archive)):
            return None
    except StoreError as error:
        return error
    return Damaged(
        say("No good copy is left of the key of {id}.", id=pseudonym),
        "Bring back a store that has it. If there is none, withdraw: oberih people withdraw",
    )
