"""Reading OCFL objects, and bringing to its end a commit that was interrupted.

A commit of version N writes, in this order: content, ``vN/inventory.json`` (created: only one writer can),
its sidecar, for v1 the declaration, the root's ``inventory.json`` (replaced, in one step), its sidecar. Once
``vN/inventory.json`` is there, all content is there too and anybody can do the rest: `publish`. Before,
nobody sees anything of it. So a reader meets the old version or the new one, wherever the writer died.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha512

from oberih.archive.ocfl import digests
from oberih.archive.ocfl.check import LARGEST, SPECS
from oberih.archive.ocfl.inventory import FileEntry, Inventory, number_of, parse
from oberih.archive.ocfl.layout import object_key
from oberih.archive.stores import AlreadyThere, Changed, Store, checked_key, exists
from oberih.errors import Damaged, InputError, NotInArchive, StoreError
from oberih.i18n import say

__all__ = [
    "INVENTORY",
    "SIDECAR",
    "SIDECAR_SIZE",
    "OcflObject",
    "follows",
    "publish",
    "read_at",
    "read_file",
    "read_object",
    "sidecar",
]

INVENTORY = "inventory.json"
SIDECAR = re.compile(rb"([0-9a-fA-F]+)[ \t]+inventory\.json[ \t]*\r?\n?")
SIDECAR_SIZE = 1 << 12  # bytes, at most
TRIES = 20  # that others get ahead of us
SMALL = 256 << 20  # bytes that `OcflObject.read` takes into memory

HEAL = "Restore it from a good copy: `oberih verify --heal`."


@dataclass(frozen=True)
class OcflObject:
    """An object as it was when it was read."""

    store: Store = field(repr=False)
    key: str
    inventory: Inventory = field(repr=False)
    digest: str  # sha512 of the inventory: stands for this version and every byte of it

    @property
    def id(self) -> str:
        return self.inventory.id

    @property
    def head(self) -> str:
        return self.inventory.head

    def stream(self, logical: str, version: str | None = None) -> Iterator[bytes]:
        """The bytes of a file. Raises `Damaged` at the end if they are not those that were deposited."""
        entry = self.entry(logical, version)
        made = digests.new(self.inventory.algorithm)
        try:
            for chunk in self.store.stream(f"{self.key}/{entry.path}"):
                made.update(chunk)
                yield chunk
        except (KeyError, ValueError) as error:
            raise self.damaged(logical) from error
        if made.hexdigest() != entry.digest.lower():
            raise self.damaged(logical)

    def read(self, logical: str, version: str | None = None) -> bytes:
        """All bytes of a small file, verified."""
        entry = self.entry(logical, version)
        try:
            size = self.store.stat(f"{self.key}/{entry.path}").size
        except (KeyError, ValueError) as error:
            raise self.damaged(logical) from error
        parts: list[bytes] = []
        chunks = self.stream(logical, version)
        while size <= SMALL and (chunk := next(chunks, None)) is not None:
            parts.append(chunk)
            size = max(size, sum(map(len, parts)))  # a host may send more than it said
        if size > SMALL:
            raise InputError(
                say("{path} is too large to be read at once.", path=logical), "Copy it out instead."
            )
        return b"".join(parts)

    def entry(self, logical: str, version: str | None = None) -> FileEntry:
        files = self.inventory.files(version)
        if logical not in files:
            raise NotInArchive(
                say("{id} holds no file {path}.", id=self.id, path=logical),
                "`oberih list` shows what is there.",
            )
        return files[logical]

    def damaged(self, logical: str) -> Damaged:
        return Damaged(
            say(
                "{path} of {id} on {url} is not what was deposited.",
                path=logical,
                id=self.id,
                url=self.store.url,
            ),
            HEAL,
        )


def read_object(store: Store, key_or_id: str, *, recover: bool = True) -> OcflObject:
    """The object with an identifier, or at a key. Raises `NotInArchive`, `Damaged`, `StoreError`.

    ``recover``: finish a commit that was interrupted. Without it nothing is written, and such a commit is
    not seen.
    """
    try:
        found = read_at(store, object_key(key_or_id), recover=recover)
    except NotInArchive:
        return read_at(store, key_or_id, recover=recover)
    if found.id != key_or_id:
        raise Damaged(
            say("{url} holds {other} in the place of {id}.", url=store.url, other=found.id, id=key_or_id),
            HEAL,
        )
    return found


def read_at(store: Store, key: str, *, recover: bool = True) -> OcflObject:
    """The object at ``key``."""
    try:
        checked_key(key)
    except ValueError as error:
        raise missing(store, key) from error
    for _ in range(TRIES):
        try:
            data = read_file(store, f"{key}/{INVENTORY}")
        except KeyError as error:
            if recover and roll_forward(store, key, None):
                continue
            raise missing(store, key) from error
        inventory = parsed(store, key, data)
        if not sidecar_fits(store, f"{key}/{INVENTORY}", data, inventory.algorithm):
            # A writer is between the inventory and its sidecar, or died there; or the inventory is damaged.
            if not vouched(store, key, data, inventory):
                raise broken(store, key, "its digest is another")
            if recover:
                with suppress(StoreError):  # it can be read, if not written
                    complete(store, key, data, inventory)
        if recover and roll_forward(store, key, inventory):
            continue
        return OcflObject(store, key, inventory, sha512(data).hexdigest())
    raise restless(store, key)


def restless(store: Store, key: str) -> StoreError:
    return StoreError(
        say("{key} on {url} changes faster than it can be read.", key=key, url=store.url), "Try again."
    )


def missing(store: Store, key: str) -> NotInArchive:
    return NotInArchive(
        say("There is no object {id} on {url}.", id=key, url=store.url), "`oberih list` shows what is there."
    )


def broken(store: Store, key: str, why: str) -> Damaged:
    return Damaged(
        say("The inventory of {key} on {url} is damaged: {why}", key=key, url=store.url, why=why), HEAL
    )


def read_file(store: Store, key: str, limit: int = LARGEST) -> bytes:
    """All bytes of a file that may be anybody's. Raises `KeyError`, and `InputError` beyond the ``limit``."""
    parts, size = [], 0
    for chunk in store.stream(key):
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            raise InputError(
                say("{key} on {url} is larger than {count} bytes.", key=key, url=store.url, count=limit),
                "It was not written by Oberih. Look at it with the program that wrote it.",
            )
    return b"".join(parts)


def parsed(store: Store, key: str, data: bytes) -> Inventory:
    """The inventory; `InputError` if it was written like that, `Damaged` if it became so."""
    try:
        return parse(data)
    except InputError as error:
        if any(sidecar_fits(store, f"{key}/{INVENTORY}", data, algorithm) for algorithm in digests.CONTENT):
            raise
        raise broken(store, key, error.message) from error


def digest_of(data: bytes, algorithm: str) -> str:
    made = digests.new(algorithm)
    made.update(data)
    return made.hexdigest()


def sidecar(data: bytes, algorithm: str) -> bytes:
    """What stands beside an inventory: its digest."""
    return f"{digest_of(data, algorithm)} {INVENTORY}\n".encode()


def sidecar_fits(store: Store, key: str, data: bytes, algorithm: str) -> bool:
    """Whether the sidecar of the inventory ``key`` is there and tells the digest of ``data``."""
    try:
        match = SIDECAR.fullmatch(read_file(store, f"{key}.{algorithm}", SIDECAR_SIZE))
    except (KeyError, InputError):
        return False
    return match is not None and match.group(1).decode().lower() == digest_of(data, algorithm)


def vouched(store: Store, key: str, data: bytes, inventory: Inventory) -> bool:
    """Whether the head version's own inventory is the same as ``data``, and its sidecar fits."""
    copy = f"{key}/{inventory.head}/{INVENTORY}"
    try:
        same = read_file(store, copy) == data
    except (KeyError, InputError):
        return False
    return same and sidecar_fits(store, copy, data, inventory.algorithm)


# -- the second half of a commit -------------------------------------------------------------------------


def roll_forward(store: Store, key: str, inventory: Inventory | None) -> bool:
    """Finish the commit after ``inventory``, if there is one to finish and the store lets us."""
    intent = find_intent(store, key, inventory)
    if intent is None:
        return False
    try:
        publish(store, key, *intent)
    except StoreError:
        return False  # read-only, or gone: the version before is what can be read
    return True


def find_intent(store: Store, key: str, inventory: Inventory | None) -> tuple[bytes, Inventory] | None:
    """The inventory of the version after ``inventory`` if it was written and everything it names is there."""
    try:
        version = inventory.next_version() if inventory else "v1"
        data = read_file(store, f"{key}/{version}/{INVENTORY}")
        new = parse(data)
    except (KeyError, InputError):
        return None
    beside = f"{key}/{version}/{INVENTORY}"
    if exists(store, f"{beside}.{new.algorithm}") and not sidecar_fits(store, beside, data, new.algorithm):
        return None  # damaged
    if new.head != version or (inventory and not follows(new, inventory)):
        return None
    start = len(key) + 1
    there = {stat.key[start:] for stat in store.list(f"{key}/{version}")}
    return (data, new) if there.issuperset(new.added(version)) else None


def follows(new: Inventory, old: Inventory) -> bool:
    """Whether ``new`` tells the same history as ``old``, and goes on from there. Descriptions may differ."""
    if new.id != old.id or not new.versions.keys() >= old.versions.keys():
        return False
    if new.algorithm == old.algorithm:
        return all(states(new, name) == states(old, name) for name in old.versions)
    return all(
        before.keys() == after.keys()
        and all(
            set(old.manifest[digest]) <= set(new.manifest[after[path]]) for path, digest in before.items()
        )
        for before, after in ((logical(old, name), logical(new, name)) for name in old.versions)
    )


def states(inventory: Inventory, version: str) -> dict[str, set[str]]:
    return {digest.lower(): set(paths) for digest, paths in inventory.versions[version].state.items()}


def logical(inventory: Inventory, version: str) -> dict[str, str]:
    return {path: digest for digest, paths in inventory.versions[version].state.items() for path in paths}


def publish(store: Store, key: str, data: bytes, inventory: Inventory) -> None:
    """Let everybody see the version whose content and ``vN/inventory.json`` are there. May be done again."""
    beside = f"{key}/{inventory.head}/{INVENTORY}.{inventory.algorithm}"
    put(store, beside, sidecar(data, inventory.algorithm))
    declaration = f"{key}/0=ocfl_object_{inventory.spec}"
    if number_of(inventory.head) == 1 or not exists(store, declaration):
        put(store, declaration, f"ocfl_object_{inventory.spec}\n".encode())
    advance(store, key, data, inventory)
    complete(store, key, data, inventory)


def complete(store: Store, key: str, data: bytes, inventory: Inventory) -> None:
    """Make what stands beside the root's inventory fit it."""
    for spec in SPECS:
        if spec < inventory.spec:  # another program's object: a later version of it may be of a later OCFL
            store.delete(f"{key}/0=ocfl_object_{spec}")
    fit_sidecar(store, key, data, inventory)


def put(store: Store, key: str, data: bytes) -> None:
    """See to it that a small file that never changes is there."""
    try:
        store.create(key, data)
    except AlreadyThere:
        if store.read(key)[0] != data:
            raise broken(store, key, "it is there with other content") from None


def advance(store: Store, key: str, data: bytes, inventory: Inventory) -> None:
    """Make ``data`` the root's inventory, unless it is there, or a later one. Never backwards."""
    root = f"{key}/{INVENTORY}"
    for _ in range(TRIES):
        with suppress(AlreadyThere, Changed, KeyError):
            try:
                current, tag = store.read(root)
            except KeyError:
                store.create(root, data)
                return
            if current == data:
                return
            there = parsed(store, key, current)
            if number_of(there.head) > number_of(inventory.head):
                return
            if there.head == inventory.head:
                raise broken(store, key, say("{version} is there with other content", version=there.head))
            if there.algorithm != inventory.algorithm:  # until the new one is there, the version's vouches
                store.delete(f"{key}/{INVENTORY}.{there.algorithm}")
            store.replace(root, data, tag)
            return
    raise restless(store, key)


def fit_sidecar(store: Store, key: str, data: bytes, inventory: Inventory) -> None:
    """Make the root's sidecar fit the root's inventory, which is ``data`` or a later one.

    The sidecar is read before the inventory: whoever replaced the inventory after we read it will find that
    the sidecar changed, and look again.
    """
    beside = f"{key}/{INVENTORY}.{inventory.algorithm}"
    for _ in range(TRIES):
        with suppress(AlreadyThere, Changed):
            try:
                there, tag = store.read(beside)
            except KeyError:
                there, tag = b"", ""
            current = read_file(store, f"{key}/{INVENTORY}")
            if current != data and not vouched(store, key, current, parsed(store, key, current)):
                raise broken(store, key, "its digest is another")
            wanted = sidecar(current, inventory.algorithm)
            if there == wanted:
                return
            if tag:
                store.replace(beside, wanted, tag)
            else:
                store.create(beside, wanted)
            return
    raise restless(store, key)
