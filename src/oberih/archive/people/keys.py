"""Making, copying and destroying people's keys."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from oberih.archive.crypt import checked_recipients, decrypted, encrypted, new_identity, recipient_of_identity
from oberih.archive.identifiers import check_character, random_letters
from oberih.archive.people.keyring import (
    LETTERS,
    PREFIX,
    REASONS,
    Tombstone,
    bury,
    checked_pseudonym,
    destroy,
    destroy_temporary,
    intact_key,
    key_file,
    keys_there,
    parsed_public,
    parsed_tombstone,
    public_bytes,
    public_file,
    put_key,
    read_all,
    tombstone_file,
    tombstones,
)
from oberih.archive.stores import Store, Unreadable, exists
from oberih.errors import Damaged, InputError, KeyNeeded, NotInArchive, StoreError
from oberih.i18n import say

__all__ = [
    "REASONS",
    "Copied",
    "Person",
    "Tombstone",
    "copy_keys",
    "leave_keys",
    "mend_key",
    "new_person",
    "new_pseudonym",
    "open_sealed",
    "people",
    "recipient_of",
    "seal",
    "take_keys",
    "tell_withdrawals",
    "tombstone_of",
    "verify_keys",
    "withdraw",
]


@dataclass(frozen=True)
class Person:
    """A person as the archive knows them."""

    pseudonym: str
    recipient: str  # what is for them is sealed to this
    missing: tuple[str, ...] = ()  # stores that could not be reached and do not have the key yet


@dataclass(frozen=True)
class Copied:
    """What `copy_keys` did."""

    copied: tuple[str, ...]  # pseudonyms whose key came to the target
    destroyed: tuple[str, ...]  # pseudonyms whose key was destroyed on either side: withdrawn


def new_person(stores: Sequence[Store], custodians: Sequence[str], pseudonym: str = "") -> Person:
    """A new person whose key is kept on ``stores``, encrypted for the recipients ``custodians``.

    ``pseudonym``: one of `new_pseudonym` that nobody else is making a key for just now. Stores must let
    things be deleted. One that cannot be reached is named in `Person.missing`, and gets the key from
    `copy_keys`. Raises `StoreError` if none can.
    """
    custodians = checked_recipients(custodians)
    secret, recipient = new_identity()
    locked = b"".join(encrypted([secret.encode()], custodians))
    pseudonym = checked_pseudonym(pseudonym) if pseudonym else new_pseudonym(stores)
    failed: dict[str, StoreError] = {}
    for store in stores:
        try:
            put_key(store, pseudonym, locked, public_bytes(pseudonym, recipient, locked))
        except StoreError as error:
            failed[store.url] = error
    if not stores:
        raise InputError("No store was named that could keep the person's key.", "Name one that can delete.")
    if len(failed) == len(stores):
        raise next(iter(failed.values()))
    return Person(pseudonym, recipient, tuple(failed))


def new_pseudonym(stores: Sequence[Store]) -> str:
    """A name that says nothing, and that nobody has."""
    while True:
        name = random_letters(LETTERS)
        pseudonym = f"{PREFIX}{name}{check_character(PREFIX + name)}"
        taken = False
        for store in stores:
            with suppress(StoreError):  # 63 random bits do not need its word
                keys = (key_file(pseudonym), public_file(pseudonym), tombstone_file(pseudonym))
                taken = taken or any(exists(store, key) for key in keys)
        if not taken:
            return pseudonym


def recipient_of(store: Store, pseudonym: str) -> str:
    """The public part of a person's key. Ask only a store that is trusted."""
    checked_pseudonym(pseudonym)
    refuse_withdrawn(tombstone_of([store], pseudonym))
    for data in read_all([store], public_file(pseudonym)):
        if (known := parsed_public(data, pseudonym)) is not None:
            return str(known["recipient"])
    raise unknown(pseudonym)


def seal(person: Person, data: bytes) -> bytes:
    """``data``, for the eyes of those who hold the person's key: to be kept inside of archive objects."""
    return b"".join(encrypted([data], [person.recipient]))


def open_sealed(stores: Sequence[Store], identities: Sequence[str], pseudonym: str, sealed: bytes) -> bytes:
    """What `seal` sealed, for a custodian. Raises `KeyNeeded` if the person has withdrawn."""
    checked_pseudonym(pseudonym)
    refuse_withdrawn(tombstone_of(stores, pseudonym))
    failed: Damaged | KeyNeeded | None = None
    for locked in read_all(stores, key_file(pseudonym)):
        try:
            secret = b"".join(decrypted([locked], identities)).decode()
            return b"".join(decrypted([sealed], [secret]))
        except (Damaged, KeyNeeded) as error:  # another store may have a better key
            failed = failed or error
    raise failed or unknown(pseudonym)


def people(store: Store) -> Iterator[str]:
    """Pseudonyms of those whose key is on a store, in order; those who withdrew are not among them."""
    yield from sorted(keys_there(store).keys() - tombstones(store).keys())


def verify_keys(store: Store) -> Iterator[str]:
    """Pseudonyms whose key on a store is damaged or lost, checked without any key."""
    for pseudonym in people(store):
        if intact_key(store, pseudonym) is None:
            yield pseudonym


# -- withdrawal --------------------------------------------------------------------------------------------


def withdraw(
    stores: Sequence[Store], pseudonym: str, reason: str, *, locked: Sequence[Store] = (),
    untrusted: Sequence[Store] = (), known: bool = False,
) -> Tombstone:  # fmt: skip
    """Make a person's data unreadable for ever: write a tombstone on all stores, then destroy all keys.

    Give all stores: in ``locked`` those where nothing can be deleted, in ``untrusted`` those that are told no
    reason (one may be in both); ``known``: there is such a person, though perhaps no key any more. Stores
    that cannot be reached are named in `Tombstone.unfinished`; run it again to go on. The first tombstone
    keeps its date and reason.
    """
    checked_pseudonym(pseudonym)
    if reason not in REASONS:
        raise InputError(
            say("{reason} is no reason that is known.", reason=reason[:100]),
            say("Give one of these: {reasons}", reasons=", ".join(REASONS)),
        )
    before = tombstone_of([store for store in (*stores, *locked) if store not in untrusted], pseudonym)
    every = [*stores, *locked, *(store for store in untrusted if store not in locked)]
    if before is None and not known and not any(known_on(store, pseudonym) for store in every):
        raise unknown(pseudonym)
    tombstone = before if before is not None and before.when else new_tombstone(pseudonym, reason)
    unfinished: list[str] = []
    for store in every:
        try:
            told = replace(tombstone, reason="") if store in untrusted else tombstone
            bury(store, told, locked=store in locked)
        except StoreError:
            unfinished.append(store.url)
    if before is None and len(unfinished) == len(every):
        raise StoreError(
            "The withdrawal could not be written to any store; nothing was destroyed.",
            "Check that the stores can be reached and written to, then try again.",
        )
    for store in every:
        try:
            destroy(store, pseudonym)
            if store not in locked:
                destroy_temporary(store)
        except StoreError:
            unfinished.append(store.url)
    return replace(tombstone, unfinished=tuple(dict.fromkeys(unfinished)))


def tombstone_of(stores: Sequence[Store], pseudonym: str) -> Tombstone | None:
    """The tombstone of a person if any store that can be reached has one."""
    found: Tombstone | None = None
    for data in read_all(stores, tombstone_file(pseudonym)):
        # It counts even if it is damaged: better a date that is unknown than a key that comes back.
        one = parsed_tombstone(data, pseudonym) or Tombstone(pseudonym, "", REASONS[0])
        if found is None or not found.when or (one.when and one.when < found.when):
            found = one
    return found


def copy_keys(source: Store, target: Store) -> Copied:
    """Bring the keys of all people from one trusted store to another, and all tombstones to both.

    A key of somebody who withdrew is not copied but destroyed wherever it is. Listings are compared, and only
    what differs is read: a key that is damaged and has its size still is found by `verify_keys`. Raises
    `Unreadable` in the end if something that is no file is in the place of one.
    """
    for store in (source, target):
        destroy_temporary(store)
    keys, theirs = keys_there(source), keys_there(target)
    here, there = tombstones(source), tombstones(target)
    gone = here.keys() | there.keys()
    undone = {n for n in gone if here.get(n) != there.get(n) or n in keys or n in theirs}
    destroyed = [pseudonym for pseudonym in sorted(undone) if enforce(source, target, pseudonym)]
    copied: list[str] = []
    failed: Unreadable | None = None
    for pseudonym in sorted(keys.keys() - gone):
        if theirs.get(pseudonym) == keys[pseudonym]:
            continue
        key = intact_key(source, pseudonym)
        if key is not None and intact_key(target, pseudonym) is None:
            copied.append(pseudonym)
            try:
                put_key(target, pseudonym, *key)
            except Unreadable as error:  # something else is in its place: the others come all the same
                copied.remove(pseudonym)
                failed = error
    for pseudonym in list(copied):
        if any(exists(s, tombstone_file(pseudonym)) for s in (source, target)):  # withdrawn while we copied
            enforce(source, target, pseudonym)
            copied.remove(pseudonym)
            destroyed.append(pseudonym)
    if failed is not None:
        raise failed
    return Copied(tuple(copied), tuple(destroyed))


def tell_withdrawals(
    source: Store, target: Store, *, trusted: bool, locked: bool = False
) -> tuple[str, ...]:  # fmt: skip
    """Bring all tombstones from a trusted store to one that keeps no keys; only the bare fact if that is not
    ``trusted``; nothing is changed there if it is ``locked``. A trusted one's tombstones come back the same
    way. Returns the pseudonyms of those whom only a target that is not trusted says to have withdrawn: its
    host could have made it up.
    """
    here, there = tombstones(source), tombstones(target)
    alone = sorted(there.keys() - here.keys())
    for pseudonym in alone if trusted else ():
        bury(source, tombstone_of([target], pseudonym) or new_tombstone(pseudonym, REASONS[0]))
        destroy(source, pseudonym)
    for pseudonym in sorted(here.keys() - there.keys()):
        found = tombstone_of([source], pseudonym)
        if found is not None and found.when:
            bury(target, found if trusted else replace(found, reason=""), locked=locked)
    return () if trusted else tuple(alone)


def leave_keys(source: Store, target: Store) -> tuple[str, ...]:
    """Leave copies of all keys on a store that is not trusted, for the day when nothing else is left.

    Nothing that is there is believed. A key of somebody who withdrew is destroyed. Returns the pseudonyms of
    those whose key came there. Listings are compared, as by `copy_keys`.
    """
    destroy_temporary(target)
    keys, theirs, gone = keys_there(source), keys_there(target), tombstones(source)
    for pseudonym in sorted(theirs.keys() & gone.keys()):
        destroy(target, pseudonym)
    left = []
    for pseudonym in sorted(keys.keys() - gone.keys()):
        if theirs.get(pseudonym) != keys[pseudonym] and mend_key([source], target, pseudonym, trusted=False):
            left.append(pseudonym)
    return tuple(left)


def take_keys(
    source: Store, target: Store, others: Sequence[Store] = (), *, identities: Sequence[str] = (),
    bury_there: bool = True,
) -> tuple[str, ...]:  # fmt: skip
    """Take from a stranger's store, which is only read and not believed, what is new; returns pseudonyms.

    The keys of people whom neither ``target`` nor ``others`` know; not those that one of ``identities``
    opens and that are not what they say. A tombstone only of somebody whose key is on none of them: it
    destroys nothing; and where the source has both, it is the tombstone that counts. Without ``bury_there``,
    tombstones are not taken at all; the keys beside them are not either.
    """
    ours = [target, *others]
    known = {pseudonym for store in ours for pseudonym in keys_there(store)}
    gone = {pseudonym for store in ours for pseudonym in tombstones(store)}
    buried = set(tombstones(source)) - known
    for pseudonym in sorted(buried - gone) if bury_there else ():
        told = tombstone_of([source], pseudonym)
        bury(target, told if told and told.when else new_tombstone(pseudonym, REASONS[0]))
    taken = []
    for pseudonym in sorted(keys_there(source).keys() - known - gone - buried):
        key = intact_key(source, pseudonym)
        if key is not None and not (identities and made_up(pseudonym, *key, identities)):
            put_key(target, pseudonym, *key)
            taken.append(pseudonym)
    return tuple(taken)


def made_up(pseudonym: str, locked: bytes, public: bytes, identities: Sequence[str]) -> bool:
    """Whether what is sealed to the public part of a key would be for somebody else's eyes."""
    known = parsed_public(public, pseudonym)
    try:
        secret = b"".join(decrypted([locked], identities)).decode()
        return known is None or recipient_of_identity(secret) != known["recipient"]
    except KeyNeeded:  # it is for other custodians
        return False
    except (Damaged, InputError, ValueError):
        return True


def mend_key(
    stores: Sequence[Store], target: Store, pseudonym: str, *, trusted: bool = True,
    believed: Sequence[Store] = (),
) -> bool:  # fmt: skip
    """Replace a damaged or lost key by a good one from any of ``stores``, which are trusted. Whether there
    was one; there is none after a withdrawal, which is ``believed`` of others too, and of ``target`` if that
    is ``trusted``. What was written is read back: raises `StoreError` if it is not what was to be there.
    """
    asked = [*stores, *believed, *([target] if trusted else [])]
    if any(exists(store, tombstone_file(pseudonym)) for store in asked):
        return False
    for store in stores:
        key = intact_key(store, pseudonym)
        if key is not None:
            put_key(target, pseudonym, *key)
            if any(exists(one, tombstone_file(pseudonym)) for one in asked):  # meanwhile
                destroy(target, pseudonym)
                return False
            if intact_key(target, pseudonym) != key:
                raise StoreError(
                    say("The key of {id} on {store} is not what was written there.",
                        id=pseudonym, store=target.url),
                    "Check that store: it does not keep what is written to it.",
                )  # fmt: skip
            return True
    return False


def enforce(source: Store, target: Store, pseudonym: str) -> bool:
    """See to it that a withdrawal is known and done on both. Whether there was a key to destroy."""
    tombstone = tombstone_of((source, target), pseudonym)
    if tombstone is None or not tombstone.when:
        tombstone = new_tombstone(pseudonym, REASONS[0])
    had = False
    for store in (source, target):
        bury(store, tombstone)
        had = destroy(store, pseudonym) or had
    return had


def new_tombstone(pseudonym: str, reason: str) -> Tombstone:
    return Tombstone(pseudonym, datetime.now(UTC).replace(microsecond=0).isoformat(), reason)


def refuse_withdrawn(tombstone: Tombstone | None) -> None:
    """Raise `KeyNeeded` if there is one."""
    if tombstone is not None:
        date = tombstone.when[:10] or say("a day that is not known")
        raise KeyNeeded(
            say("{pseudonym} withdrew on {date}; the key is destroyed.",
                pseudonym=tombstone.pseudonym, date=date),
            "The data that was sealed to it cannot be read by anybody any more. This is as it should be.",
        )  # fmt: skip


def known_on(store: Store, pseudonym: str) -> bool:
    with suppress(StoreError):
        return exists(store, key_file(pseudonym)) or exists(store, public_file(pseudonym))
    return True  # it cannot be asked: perhaps


def unknown(pseudonym: str) -> NotInArchive:
    return NotInArchive(
        say("There is no key of {pseudonym} on these stores.", pseudonym=pseudonym),
        "Check the pseudonym, and that all stores are there.",
    )
