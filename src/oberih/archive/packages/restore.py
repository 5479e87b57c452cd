"""Packages back into an OCFL object, byte for byte.

Nothing in a package is believed: its first files are the inventory, which must be valid and be that of the
object whose folder the package lies in; then only the files that the inventory names are taken, each once
and with its digest; and the version is only committed when the package has ended as it should. So a package
that was altered, or made to do harm, changes nothing.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Protocol

from oberih.archive.crypt import decrypted
from oberih.archive.ocfl import digests
from oberih.archive.ocfl.inventory import number_of
from oberih.archive.ocfl.layout import object_key
from oberih.archive.ocfl.objects import publish, read_at
from oberih.archive.packages import tar as _tar
from oberih.archive.packages.manifest import manifests, package_files, package_prefix, read_manifest
from oberih.archive.packages.snapshot import INVENTORY, LARGEST, Snapshot, parsed_snapshot
from oberih.archive.stores import AlreadyThere, Store, Unreadable
from oberih.errors import Conflict, Damaged, KeyNeeded, NotInArchive, StoreError
from oberih.i18n import say
from oberih.progress import Tick

__all__ = ["Unpacked", "at_most", "unpack", "watched"]


class Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


@dataclass(frozen=True)
class Unpacked:
    """The object that was restored."""

    id: str
    key: str  # on the target
    version: int
    inventory: str  # digest of the newest inventory


@dataclass(frozen=True)
class Candidate:
    """A package file, with its digest and size if a manifest tells them."""

    key: str
    sha512: str | None = None
    size: int | None = None  # bytes


def watched(chunks: Iterable[bytes], digest: Hash, tick: Tick = lambda _: None) -> Iterator[bytes]:
    """``chunks``, while ``digest`` is fed and ``tick`` told of their bytes."""
    for chunk in chunks:
        digest.update(chunk)
        tick(len(chunk))
        yield chunk


def at_most(size: int | None, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """``chunks`` up to the first beyond ``size`` bytes: that there is more shows, and no more is read."""
    read = 0
    for chunk in chunks:
        yield chunk
        read += len(chunk)
        if size is not None and read > size:
            return


def unpack(
    store: Store,
    prefix: str,
    target: Store,
    identities: Sequence[str] = (),
    tick: Tick = lambda _: None,
    *,
    key_of: Callable[[str], str] = object_key,
) -> Unpacked:
    """Restore the object whose packages are under ``prefix`` into the OCFL storage root ``target``.

    Versions that are there already stay as they are; run again to go on after an interruption. A lost or
    damaged manifest does no harm as long as the package itself is good. Raises `NotInArchive`, `KeyNeeded`,
    `Damaged` (the versions before the damaged one are restored) and `Conflict` if the target holds other
    versions of the object.
    """
    every = candidates(store, prefix)
    if not every:
        raise NotInArchive(
            say("There are no packages under {prefix} on {store}.", prefix=prefix, store=store.url)
        )
    last: Snapshot | None = None
    for version in range(1, max(every) + 1):
        failed: Damaged | KeyNeeded | None = None
        for candidate in every.get(version, ()):
            try:
                last = unpack_version(
                    Unpacking(store, candidate, identities, target, key_of, tick), version, last
                )
                break
            except (Damaged, KeyNeeded) as error:
                failed = failed or error
        else:
            raise failed or Damaged(
                say("The package of version {version} is gone from {prefix} on {store}.",
                    version=version, prefix=prefix, store=store.url),
                "Take the copy on another store.",
            )  # fmt: skip
    assert last is not None
    return Unpacked(last.id, key_of(last.id), last.version, last.digest)


def candidates(store: Store, prefix: str) -> dict[int, list[Candidate]]:
    """For each version its packages, that of the manifest first."""
    found = {
        version: [Candidate(key) for key in keys] for version, keys in package_files(store, prefix).items()
    }
    for version, manifest in manifests(store, prefix).items():
        known = found.setdefault(version, [])
        with suppress(Damaged, NotInArchive, Unreadable):
            package = read_manifest(store, manifest)
            good = Candidate(f"{prefix}/{package.file}", package.sha512, package.size)
            found[version] = [good, *(other for other in known if other.key != good.key)]
    return found


@dataclass
class Unpacking:
    """One package that is being unpacked."""

    store: Store
    candidate: Candidate
    identities: Sequence[str]
    target: Store
    key_of: Callable[[str], str]
    tick: Tick

    @property
    def prefix(self) -> str:
        return self.candidate.key.rpartition("/")[0]


def unpack_version(work: Unpacking, version: int, before: Snapshot | None) -> Snapshot:
    """Restore one version; ``before`` is the one before it."""
    digest = hashlib.sha512()
    raw = watched(streamed(work.store, work.candidate), digest)
    plain = decrypted(raw, work.identities) if work.candidate.key.endswith(".age") else raw
    try:
        with closing(plain):  # type: ignore[type-var]
            members = _tar.members(plain)
            snapshot = read_root(members)
            check_place(snapshot, work.prefix, version, before)
            if already_there(work.target, work.key_of(snapshot.id), snapshot):
                return snapshot
            written: list[str] = []
            try:
                take_content(work, snapshot, members, written)
                if work.candidate.sha512 not in (None, digest.hexdigest()):
                    raise _tar.damaged(say("its bytes have changed."))
                work.target.settle(work.key_of(snapshot.id))
            except BaseException as error:
                for key in written:
                    with suppress(StoreError):
                        work.target.delete(key)
                if isinstance(error, AlreadyThere):
                    raise conflict(work.target, snapshot) from error
                raise
    except KeyNeeded:
        # That no key opens it may also be because the part for our key was altered.
        if work.candidate.sha512 is not None:
            whole = hashlib.sha512()
            for _ in watched(streamed(work.store, work.candidate), whole):
                pass
            if whole.hexdigest() != work.candidate.sha512:
                raise _tar.damaged(say("its bytes have changed.")) from None
        raise
    commit(work.target, work.key_of(snapshot.id), snapshot, before)
    return snapshot


def streamed(store: Store, candidate: Candidate) -> Iterator[bytes]:
    try:
        yield from at_most(candidate.size, store.stream(candidate.key))
    except (KeyError, Unreadable) as error:
        raise _tar.damaged(say("it is gone, or cannot be read.")) from error


def read_root(members: Iterator[tuple[str, Iterator[bytes]]]) -> Snapshot:
    """The inventory from the first three files: declaration, inventory, sidecar."""
    files: dict[str, bytes] = {}
    for name, content in members:
        if name in files:
            raise _tar.damaged(say("it holds a file that does not belong there: {name}", name=name[:200]))
        files[name] = b"".join(limited(content, LARGEST))
        if len(files) == 3:
            break
    sidecars = {name: files.get(f"{INVENTORY}.{name}", b"") for name in digests.CONTENT}
    snapshot = parsed_snapshot(files.get(INVENTORY, b""), sidecars)
    if snapshot is None or snapshot.root_files() != files:
        raise _tar.damaged(say("it does not begin with a valid inventory."))
    return snapshot


def check_place(snapshot: Snapshot, prefix: str, version: int, before: Snapshot | None) -> None:
    """A package lies where its object's packages belong, and continues the version before it."""
    if package_prefix(snapshot.id) != prefix or snapshot.version != version:
        raise _tar.damaged(say("it belongs to another object, or to another version."))
    known = {**before.earlier, **before.content} if before is not None else {}
    same = before is None or before.algorithm == snapshot.algorithm
    if snapshot.earlier.keys() != known.keys() or (same and snapshot.earlier != known):
        raise _tar.damaged(say("it does not continue the version before it."))


def already_there(target: Store, key: str, snapshot: Snapshot) -> bool:
    """Whether the target has this version. Raises `Conflict` if it has another one in its place."""
    try:
        there, _ = target.read(f"{key}/{snapshot.folder}/{INVENTORY}")
    except KeyError:
        return False
    if there != snapshot.data:
        raise conflict(target, snapshot)
    try:
        return number_of(read_at(target, key).head) >= snapshot.version  # finishes a commit that was cut off
    except NotInArchive:
        return False


def conflict(target: Store, snapshot: Snapshot) -> Conflict:
    return Conflict(
        say("{store} already holds another version {version} of {id}.",
            store=target.url, version=snapshot.version, id=snapshot.id),
        "Restore into an empty store, and compare the two.",
    )  # fmt: skip


def take_content(
    work: Unpacking, snapshot: Snapshot, members: Iterator[tuple[str, Iterator[bytes]]], written: list[str]
) -> None:
    """Write the files of the version, all of them and no others; note in ``written`` those that are new."""
    small, content = snapshot.version_files(), dict(snapshot.content)
    for name, pieces in members:
        digest = digests.new(snapshot.algorithm)
        if name in small:
            expected = small.pop(name)
            whole = b"".join(limited(pieces, len(expected)))
            if whole != expected:
                raise _tar.damaged(say("{name} has other bytes than its inventory says.", name=name))
        elif name in content:
            expected_digest = content.pop(name)
            key = f"{work.key_of(snapshot.id)}/{name}"
            chunks = watched(pieces, digest, work.tick)
            if has(work.target, key, snapshot.algorithm, expected_digest):
                for _ in chunks:
                    pass
            else:
                work.target.write(key, chunks)
                written.append(key)  # one that was cut short is not left, one that was there not ours
            if digest.hexdigest() != expected_digest:
                raise _tar.damaged(say("{name} has other bytes than its inventory says.", name=name))
        else:
            raise _tar.damaged(say("it holds a file that does not belong there: {name}", name=name[:200]))
    if small or content:
        raise _tar.damaged(say("it lacks the file {name}.", name=min([*small, *content])))


def limited(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """``pieces``, unless they are more than can be right."""
    for piece in pieces:
        size -= len(piece)
        if size < 0:
            raise _tar.damaged(say("a file in it is larger than it may be."))
        yield piece


def has(target: Store, key: str, algorithm: str, expected: str) -> bool:
    """Whether an interrupted run wrote this file whole; if it wrote something else, that is removed."""
    digest = digests.new(algorithm)
    try:
        for chunk in target.stream(key):
            digest.update(chunk)
    except (KeyError, Unreadable):
        pass
    else:
        if digest.hexdigest() == expected:
            return True
    target.delete(key)
    return False


def commit(target: Store, key: str, snapshot: Snapshot, before: Snapshot | None) -> None:
    """Let everybody see the version, whose content is there."""
    intent = f"{key}/{snapshot.folder}/{INVENTORY}"
    try:
        target.create(intent, snapshot.data)
    except AlreadyThere:
        if target.read(intent)[0] != snapshot.data:
            raise conflict(target, snapshot) from None
    publish(target, key, snapshot.data, snapshot.inventory)
    if before is not None and before.inventory.spec != snapshot.inventory.spec:  # OCFL 1.0 became 1.1
        name = f"0=ocfl_object_{snapshot.inventory.spec}"
        with suppress(AlreadyThere):
            target.create(f"{key}/{name}", snapshot.root_files()[name])
        target.delete(f"{key}/0=ocfl_object_{before.inventory.spec}")
