"""One file per version on stores that are not trusted: checked without a key, unpacked byte for byte."""

import json
import tarfile
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oberih.archive.crypt import decrypted, new_identity
from oberih.archive.identifiers import mint
from oberih.archive.ocfl.commit import begin
from oberih.archive.ocfl.layout import object_key
from oberih.archive.ocfl.objects import read_object
from oberih.archive.ocfl.root import create_root
from oberih.archive.packages import (
    manifests,
    package_prefix,
    package_prefixes,
    sweep_packages,
    unpack,
    verify_package,
    write_package,
)
from oberih.archive.stores import AlreadyThere, Store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Conflict, Damaged, KeyNeeded, NotInArchive, StoreError
from packing import LONG, USER, findings, only_file, pack, root, tree


@pytest.mark.parametrize("locked", [False, True])
def test_an_object_comes_back_byte_for_byte(
    source: FolderStore,
    far: FolderStore,
    thing: str,
    tmp_path: Path,
    keys: list[tuple[str, str]],
    locked: bool,
) -> None:
    pack(source, thing, far, [keys[0][1]] if locked else None)
    assert list(package_prefixes(far)) == [package_prefix(thing)]
    target = root(tmp_path / "new")
    restored = unpack(far, package_prefix(thing), target, [keys[0][0]] if locked else [])
    assert restored.id == thing and restored.version == 3
    assert tree(target, restored.key) == tree(source, object_key(thing))
    assert read_object(target, thing).digest == restored.inventory
    assert unpack(far, package_prefix(thing), target, [keys[0][0]]) == restored  # nothing to do


def test_on_a_folder_and_on_s3(
    store: Store, source: FolderStore, thing: str, tmp_path: Path, keys: list[tuple[str, str]]
) -> None:
    pack(source, thing, store, [keys[0][1]])
    prefix = package_prefix(thing)
    assert list(package_prefixes(store)) == [prefix]
    assert [verify_package(store, key, full=True) for key in manifests(store, prefix).values()] == [()] * 3
    write_package(source, object_key(thing), 1, store, [keys[0][1]], again=True)
    assert len(sweep_packages(store, grace=timedelta(days=-1))) == 2
    target = root(tmp_path / "new")
    unpack(store, prefix, target, [keys[0][0]])
    assert tree(target, object_key(thing)) == tree(source, object_key(thing))


def test_an_object_is_restored_into_s3(source: FolderStore, far: FolderStore, thing: str, s3: Any) -> None:
    pack(source, thing, far)
    target = s3()
    create_root(target)
    assert unpack(far, package_prefix(thing), target) == unpack(far, package_prefix(thing), target)
    assert tree(target, object_key(thing)) == tree(source, object_key(thing))


def test_two_of_three_keys_are_lost(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path, keys: list[tuple[str, str]]
) -> None:
    pack(source, thing, far, [recipient for _, recipient in keys])
    for i, (secret, _) in enumerate(keys):
        target = root(tmp_path / f"new{i}")
        unpack(far, package_prefix(thing), target, [secret])
        assert tree(target, object_key(thing)) == tree(source, object_key(thing))
    with pytest.raises(KeyNeeded):
        unpack(far, package_prefix(thing), root(tmp_path / "none"), [new_identity()[0]])


def test_an_encrypted_package_tells_nothing(
    source: FolderStore, far: FolderStore, thing: str, keys: list[tuple[str, str]]
) -> None:
    pack(source, thing, far, [keys[0][1]])
    told = b"".join(tree(far, "").values()) + " ".join(tree(far, "")).encode()
    for secret in (thing, thing[5:], "church.jpg", "note", read_object(source, thing).digest):
        assert secret.encode() not in told
    manifest = json.loads(far.read(manifests(far, package_prefix(thing))[1])[0])
    assert manifest.keys() == {"schema", "version", "file", "size", "sha512", "encryption", "manifest_sha512"}


def test_a_plain_package_is_a_tar_file_for_anybody(source: FolderStore, far: FolderStore, thing: str) -> None:
    package = pack(source, thing, far)[0]
    assert package.id == thing
    with tarfile.open(only_file(far, thing)) as tar:
        names = tar.getnames()
        assert names == sorted(names) and names[:2] == ["0=ocfl_object_1.1", "inventory.json"]
        assert any(name.endswith(LONG) for name in names)
        assert {(m.uid, m.gid, m.mtime, m.isreg()) for m in tar} == {(0, 0, 0, True)}


def test_the_same_version_gives_the_same_package_anywhere(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path
) -> None:
    other = FolderStore(tmp_path / "other", create=True)
    assert [p.sha512 for p in pack(source, thing, far)] == [p.sha512 for p in pack(source, thing, other)]


def test_what_is_there_is_not_written_again(source: FolderStore, far: FolderStore, thing: str) -> None:
    ticks: list[float] = []
    first = write_package(source, object_key(thing), 1, far, tick=ticks.append)
    assert sum(ticks) == sum(len(d) for k, d in tree(source, object_key(thing) + "/v1/content").items())
    before = tree(far, "")
    assert write_package(source, object_key(thing), 1, far) == first
    assert tree(far, "") == before


# -- damage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locked", [False, True])
def test_every_flipped_bit_and_every_cut_is_found_without_a_key(
    source: FolderStore,
    far: FolderStore,
    thing: str,
    tmp_path: Path,
    keys: list[tuple[str, str]],
    locked: bool,
) -> None:
    pack(source, thing, far, [keys[0][1], keys[1][1]] if locked else None)
    path, identities = only_file(far, thing), [keys[0][0]] if locked else []
    assert findings(far, thing) == findings(far, thing, full=False) == []
    good = path.read_bytes()
    places = [*range(0, 700, 7), *range(700, len(good), len(good) // 60), len(good) - 1]
    target = root(tmp_path / "new")
    for i, place in enumerate(places):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        path.write_bytes(bad)
        assert findings(far, thing) == ["package-digest"], place
        if i % 4 == 0:
            with pytest.raises(Damaged):
                unpack(far, package_prefix(thing), target, identities)
            assert [s.key for s in target.list() if "/v1/" in s.key] == []
    for size in (0, 1, 300, 512, len(good) // 2, len(good) - 1024, len(good) - 1):
        path.write_bytes(good[:size])
        assert findings(far, thing, full=False) == ["package-size"]
        with pytest.raises(Damaged):
            unpack(far, package_prefix(thing), target, identities)
    path.unlink()
    assert findings(far, thing, full=False) == ["package-missing"]
    path.write_bytes(good)
    assert unpack(far, package_prefix(thing), target, identities).version == 3


def test_every_flipped_bit_of_a_manifest_is_found(source: FolderStore, far: FolderStore, thing: str) -> None:
    pack(source, thing, far)
    path = far.root / manifests(far, package_prefix(thing))[1]
    good = path.read_bytes()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        path.write_bytes(bad)
        assert findings(far, thing, full=False) == ["package-manifest"], place
    for size in range(0, len(good), 20):
        path.write_bytes(good[:size])
        assert findings(far, thing, full=False) == ["package-manifest"]


def test_without_its_manifest_a_good_package_still_opens(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path, keys: list[tuple[str, str]]
) -> None:
    pack(source, thing, far, [keys[0][1]])
    for i, manifest in enumerate(manifests(far, package_prefix(thing)).values()):
        (far.root / manifest).unlink() if i else (far.root / manifest).write_bytes(b"{}")
    assert unpack(far, package_prefix(thing), root(tmp_path / "new"), [keys[0][0]]).version == 3


def test_a_damaged_package_is_healed_by_another_attempt(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path, keys: list[tuple[str, str]]
) -> None:
    pack(source, thing, far, [keys[0][1]])
    path = only_file(far, thing, 2)
    path.write_bytes(bytes(len(path.read_bytes())))
    write_package(source, object_key(thing), 2, far, [keys[0][1]], again=True)
    assert manifests(far, package_prefix(thing))[2].endswith("/v2.2.json") and findings(far, thing, 2) == []
    assert path.exists()  # on an append-only store it stays for ever
    assert unpack(far, package_prefix(thing), root(tmp_path / "new"), [keys[0][0]]).version == 3
    swept = sweep_packages(far, grace=timedelta(seconds=-1))
    assert sorted(Path(key).name for key in swept) == sorted([path.name, "v2.json"]) and not path.exists()
    assert unpack(far, package_prefix(thing), root(tmp_path / "again"), [keys[0][0]]).version == 3


def test_a_lost_package_is_written_anew_without_being_asked(
    source: FolderStore, far: FolderStore, thing: str
) -> None:
    pack(source, thing, far)
    only_file(far, thing, 2).unlink()
    write_package(source, object_key(thing), 2, far)
    assert findings(far, thing, 2) == []


def test_a_damaged_source_is_never_packed(source: FolderStore, far: FolderStore, thing: str) -> None:
    church = next(s.key for s in source.list(object_key(thing)) if s.key.endswith("church.jpg"))
    for damage in (lambda p: p.write_bytes(bytes(200_000)), lambda p: p.write_bytes(b"short"), Path.unlink):
        damage(source.root / church)  # type: ignore[operator]
        with pytest.raises(Damaged):
            write_package(source, object_key(thing), 1, far)
        assert list(far.list()) == []
    inventory = source.root / object_key(thing) / "v2/inventory.json"
    inventory.write_bytes(inventory.read_bytes().replace(b"m", b"n", 1))
    with pytest.raises(Damaged):
        write_package(source, object_key(thing), 2, far)
    with pytest.raises(NotInArchive):
        write_package(source, object_key(thing), 9, far)


# -- interruptions -----------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process died: nothing after this runs on the store."""


class Dying(FolderStore):
    """A store whose process dies at its ``after``-th change."""

    def __init__(self, path: Path, after: int) -> None:
        super().__init__(path)
        self.after = after

    def step(self) -> None:
        self.after -= 1
        if self.after < 0:
            raise Killed

    def create(self, key: str, data: bytes) -> str:
        self.step()
        return super().create(key, data)

    def replace(self, key: str, data: bytes, tag: str) -> str:
        self.step()
        return super().replace(key, data, tag)

    def write(self, key: str, chunks: object) -> int:
        self.step()
        size = super().write(key, chunks)  # type: ignore[arg-type]
        self.step()
        return size

    def delete(self, key: str) -> None:
        self.step()
        super().delete(key)


def test_an_upload_that_dies_is_repeated_and_its_leftovers_swept(
    source: FolderStore, far: FolderStore, thing: str
) -> None:
    for after in range(3):
        with pytest.raises(Killed):
            write_package(source, object_key(thing), 1, Dying(far.root, after))
        assert manifests(far, package_prefix(thing)) == {}
    leftovers = [s.key for s in far.list()]
    assert len(leftovers) == 2
    assert sweep_packages(far, grace=timedelta(seconds=-1)) == []  # they might be all that there is
    write_package(source, object_key(thing), 1, far)
    assert sweep_packages(far) == []  # somebody may still be writing them
    assert sweep_packages(far, grace=timedelta(seconds=-1), remove=False) == leftovers
    assert sweep_packages(far, grace=timedelta(seconds=-1)) == leftovers
    assert len(list(far.list())) == 2 and findings(far, thing) == []


@pytest.mark.parametrize("operation", ["write", "create"])
def test_an_upload_that_fails_deletes_nothing_on_an_append_only_store(
    source: FolderStore, far: FolderStore, thing: str, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    def failing(*_: object) -> None:
        raise AlreadyThere

    def forbidden(key: str) -> None:
        raise AssertionError(key)

    write_package(source, object_key(thing), 1, far)
    monkeypatch.setattr(far, operation, failing)
    monkeypatch.setattr(far, "delete", forbidden)
    with pytest.raises((Conflict, NotInArchive)):  # never what the store raises
        write_package(source, object_key(thing), 2, far, append_only=True)


def test_a_restore_beside_another_does_no_harm(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path
) -> None:
    pack(source, thing, far)
    target = root(tmp_path / "new")
    write, done = target.write, []

    def late(key: str, chunks: Iterable[bytes]) -> int:
        if not done:
            done.append(write(key, list(chunks)))
            raise AlreadyThere(key)
        return write(key, chunks)

    target.write = late  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        unpack(far, package_prefix(thing), target)
    assert len([s for s in target.list() if "/content/" in s.key]) == 1  # the other's is left
    assert unpack(far, package_prefix(thing), target).version == 3


def test_unpacking_that_dies_anywhere_goes_on(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path
) -> None:
    for version in (1, 2):
        write_package(source, object_key(thing), version, far)
    whole = root(tmp_path / "whole")
    unpack(far, package_prefix(thing), whole)
    died = 0
    for after in range(100):
        target = root(tmp_path / f"new{after}")
        try:
            unpack(far, package_prefix(thing), Dying(target.root, after))
            break
        except Killed:
            died += 1
        unpack(far, package_prefix(thing), target)
        assert tree(target, "") == tree(whole, "")
    assert died == after > 15


def test_a_store_that_forbids_deleting_is_left_as_it_is(
    source: FolderStore, far: FolderStore, thing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(source, thing, far)
    write_package(source, object_key(thing), 1, far, again=True)

    def forbidden(key: str) -> None:
        raise StoreError("not allowed")

    monkeypatch.setattr(far, "delete", forbidden)
    before = tree(far, "")
    sweep_packages(far, grace=timedelta(seconds=-1))
    assert tree(far, "") == before


def test_a_version_that_is_gone_is_said_and_those_before_it_are_restored(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path
) -> None:
    pack(source, thing, far)
    only_file(far, thing, 2).unlink()
    (far.root / manifests(far, package_prefix(thing))[2]).unlink()
    target = root(tmp_path / "new")
    with pytest.raises(Damaged, match="version 2"):
        unpack(far, package_prefix(thing), target)
    assert read_object(target, thing).head == "v1"
    write_package(source, object_key(thing), 2, far)
    assert unpack(far, package_prefix(thing), target).version == 3


def test_another_object_in_the_place_is_never_overwritten(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path
) -> None:
    pack(source, thing, far)
    target = root(tmp_path / "new")
    with begin(target, thing, message="m", user=USER) as commit:
        commit.add("a", b"a")
        commit.finish()
    before = tree(target, "")
    with pytest.raises(Conflict):
        unpack(far, package_prefix(thing), target)
    assert tree(target, "") == before


def test_unpacking_nothing(far: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(NotInArchive):
        unpack(far, package_prefix(mint()), root(tmp_path / "new"))
    assert list(package_prefixes(far)) == []


def test_the_plain_tar_inside_is_the_same_as_without_encryption(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path, keys: list[tuple[str, str]]
) -> None:
    plain = FolderStore(tmp_path / "plain", create=True)
    pack(source, thing, plain)
    pack(source, thing, far, [keys[0][1]])

    def chunks() -> Iterator[bytes]:
        yield only_file(far, thing).read_bytes()

    assert b"".join(decrypted(chunks(), [keys[0][0]])) == only_file(plain, thing).read_bytes()
