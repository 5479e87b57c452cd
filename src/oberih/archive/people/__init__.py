"""People whose data can be withdrawn from an archive where nothing can be deleted.

Objects know a person by a pseudonym. What is personal (name, contact, consents) is sealed to a key of that
person alone, and lies sealed inside the objects, on every copy of them. The key itself, encrypted for the
custodians, lies outside of the objects and only on stores where things can be deleted:

    extensions/oberih-people/keys/person-….age          the person's secret, encrypted for the custodians
    extensions/oberih-people/keys/person-….pub          its public part, and the digest of the file above
    extensions/oberih-people/tombstones/person-….json   withdrawn: when, and why in one word

To withdraw is to destroy the key: every copy of every object stays as valid as it was, and nobody can read
the person's data in any of them any more. The tombstone is written first and wins for ever: whatever store
comes back with a key from before, the key is destroyed there too (`copy_keys`). Whose word on it counts, and
what the journal does, is in `withdrawals`. Stores that keep no keys get the tombstones (`tell_withdrawals`),
those that are not trusted without the reason. From a stranger's archive only what is new to us is taken
(`take_keys`).

Stores that are not trusted get copies of the keys (`leave_keys`), so that everything comes back from one of
them and a custodian's key; but they are never asked for one while another store is there. Their host can keep
what it was told to destroy; it would need a custodian's key to make use of it.

What this cannot reach: a store that keeps old versions of files behind our back (S3 with versioning or
object lock; backups, snapshots of a file system; a host that is not honest), and a custodian who copied the
key. People's keys belong on stores without those. A recipient is only believed from a store that is trusted:
whoever can write there could put a key of their own.
"""

from oberih.archive.people.keys import (
    REASONS,
    Copied,
    Person,
    Tombstone,
    copy_keys,
    leave_keys,
    mend_key,
    new_person,
    open_sealed,
    people,
    recipient_of,
    seal,
    take_keys,
    tell_withdrawals,
    tombstone_of,
    verify_keys,
    withdraw,
)

__all__ = [
    "REASONS",
    "Copied",
    "Person",
    "Tombstone",
    "copy_keys",
    "leave_keys",
    "mend_key",
    "new_person",
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
