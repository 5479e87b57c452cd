"""Copying objects between storage roots."""

from datetime import timedelta
from pathlib import Path

import pytest

from oberih.archive.ocfl import copy_object, create_root, read_object, sweep
from oberih.archive.stores import Store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Conflict, Damaged, NotInArchive
from ocfl_help import SUITES, commit, contents, errors

ID = "ark:/99999/fk4copy"


@pytest.fixture
def source(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "source", create=True)
    create_root(store)
    commit(store, ID, {"b": b"two", "c": b"3" * 3_000_000}, commit(store, ID, {"a": b"one"}))
    return store


@pytest.fixture
def target(store: Store) -> Store:
    create_root(store)
    return store


def bytes_of(store: Store, key: str) -> dict[str, bytes]:
    return {stat.key: b"".join(store.stream(stat.key)) for stat in store.list(key)}


def test_a_copy_has_the_same_bytes(source: FolderStore, target: Store) -> None:
    there = read_object(source, ID)
    ticks: list[float] = []
    copied = copy_object(source, there.key, target, tick=ticks.append)
    assert copied.versions == ("v1", "v2") and copied.files == 3
    assert copied.bytes == sum(ticks) == 3_000_006
    assert copied.object.digest == there.digest
    assert bytes_of(target, there.key) == bytes_of(source, there.key)
    assert errors(target, there.key) == []
    again = copy_object(source, there.key, target)
    assert again.versions == () and again.files == 0


def test_only_what_is_missing_is_sent(source: FolderStore, target: Store) -> None:
    there = read_object(source, ID)
    copy_object(source, there.key, target)
    newer = commit(source, ID, {"d": b"4"}, there)
    copied = copy_object(source, there.key, target)
    assert (copied.versions, copied.files, copied.bytes) == (("v3",), 1, 1)
    assert bytes_of(target, there.key) == bytes_of(source, there.key)
    assert copy_object(target, newer.key, source).versions == ()  # and back: nothing to do


@pytest.mark.parametrize("sidecar", [True, False])
def test_a_source_is_only_read(source: FolderStore, target: Store, tmp_path: Path, sidecar: bool) -> None:
    """Though somebody was cut off there: what was brought before is copied."""
    there = read_object(source, ID)
    for name in ("inventory.json", "inventory.json.sha512"):
        source.delete(f"{there.key}/{name}")
        source.create(f"{there.key}/{name}", b"".join(source.stream(f"{there.key}/v1/{name}")))
    if not sidecar:
        source.delete(f"{there.key}/v2/inventory.json.sha512")
    before = bytes_of(source, there.key)
    copied = copy_object(source, there.key, target)
    assert bytes_of(source, there.key) == before
    assert copied.versions == ("v1", "v2") and copied.object.digest == there.digest
    assert errors(target, there.key) == []
    assert copy_object(source, there.key, target, recover=True).object.digest == there.digest
    assert read_object(source, ID, recover=False).head == "v2"


def test_what_arrived_whole_is_not_sent_again(source: FolderStore, target: Store) -> None:
    there = read_object(source, ID)
    files = there.inventory.files()
    whole, part, wrong = (f"{there.key}/{files[name].path}" for name in "cab")
    target.write(whole, source.stream(whole))
    target.write(part, [b"on"])
    target.write(wrong, [b"TWO"])
    copied = copy_object(source, there.key, target)
    assert copied.files == 2
    assert bytes_of(target, there.key) == bytes_of(source, there.key)


def test_another_history_is_never_overwritten(source: FolderStore, target: Store) -> None:
    there = read_object(source, ID)
    other = commit(target, ID, {"mine": b"mine"})
    with pytest.raises(Conflict):
        copy_object(source, there.key, target)
    assert contents(read_object(target, ID)) == {"mine": b"mine"}
    with pytest.raises(Conflict):
        copy_object(target, other.key, source)


def test_damage_is_not_copied(source: FolderStore, target: Store) -> None:
    there = read_object(source, ID)
    path = source.root / there.key / there.inventory.files()["c"].path
    path.write_bytes(b"4" + path.read_bytes()[1:])
    with pytest.raises(Damaged):
        copy_object(source, there.key, target)
    found = read_object(target, ID)
    assert found.head == "v1"
    sweep(target, timedelta(0))
    assert errors(target, found.key) == []
    path.unlink()
    with pytest.raises(Damaged):
        copy_object(source, there.key, target)
    with pytest.raises(NotInArchive):
        copy_object(source, "no/such/object", target)


@pytest.mark.parametrize(
    "name",
    [
        "good-objects/spec-ex-full",
        "good-objects/updates_all_actions",
        "warn-objects/W004_versions_diff_digests",
        "warn-objects/W010_no_version_inventory",
        "warn-objects/W011_version_inv_diff_metadata",
    ],
)
def test_objects_of_other_programs_are_copied(tmp_path: Path, target: Store, name: str) -> None:
    if not SUITES.is_dir():
        pytest.skip("the conformance suites are not here")
    folder = (SUITES / "ocfl-fixtures" / "1.1" / name).resolve()
    source = FolderStore(folder.parent)
    copied = copy_object(source, folder.name, target)
    assert contents(copied.object) == contents(read_object(source, folder.name))
    assert errors(target, folder.name) == []
