"""Making versions of objects, on every kind of store."""

import io
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256, sha512
from pathlib import Path

import pytest

from oberih.archive.ocfl import begin, create_root, object_key, read_object
from oberih.archive.stores import Store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Conflict, Damaged, InputError, NotInArchive, StoreError
from ocfl_help import SUITES, USER, Breaking, Crash, commit, contents, errors, root_errors

ID = "ark:/99999/fk4test"


@pytest.fixture
def root(store: Store) -> Store:
    create_root(store)
    return store


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "root", create=True)
    create_root(store)
    return store


def test_an_object_has_versions_and_each_can_be_read(root: Store) -> None:
    first = commit(root, ID, {"a.txt": b"one", "b/c.txt": b"two"})
    second = commit(root, ID, {"a.txt": b"changed", "d.txt": b"two"}, first)
    found = read_object(root, ID)
    assert (found.id, found.head, found.key, found.digest) == (ID, "v2", object_key(ID), second.digest)
    assert found.digest == sha512(root.read(f"{found.key}/inventory.json")[0]).hexdigest()
    assert contents(found) == {"a.txt": b"changed", "b/c.txt": b"two", "d.txt": b"two"}
    assert contents(found, "v1") == {"a.txt": b"one", "b/c.txt": b"two"}
    assert found.read("a.txt", "v1") == b"one"
    assert read_object(root, found.key).digest == found.digest
    assert errors(root, found.key) == []


def test_content_is_kept_once(root: Store) -> None:
    first = commit(root, ID, {"a": b"same", "b": b"same", "c": b"other"})
    second = commit(root, ID, {"d": b"same", "e": b"new"}, first)
    assert sorted(len(paths) for paths in second.inventory.manifest.values()) == [1, 1, 1]
    assert len([stat for stat in root.list(first.key) if "/content/" in stat.key]) == 3
    assert errors(root, first.key) == []


def test_keep_replace_remove_rename(folder: FolderStore) -> None:
    first = commit(folder, ID, {"a": b"1", "b": b"2", "c/d": b"3"})
    with begin(folder, ID, base=first, message="m", user=USER) as version:
        version.keep()
        version.replace()
        version.keep("a", "c/d")
        version.rename("c/d", "c")
        version.remove("a")
        second = version.finish()
    assert contents(second) == {"c": b"3"}
    with begin(folder, ID, base=second, message="nothing in it", user=USER) as version:
        third = version.finish()
    assert contents(third) == {} and contents(third, "v1") == {"a": b"1", "b": b"2", "c/d": b"3"}
    assert errors(folder, first.key) == [] and root_errors(folder) == []


def test_what_is_added_twice_is_there_as_it_was_added_last(root: Store) -> None:
    with begin(root, ID, message="m", user=USER) as version:
        version.add("a", b"first")
        version.add("a", b"second")
        version.add("b", b"removed again")
        version.remove("b")
        made = version.finish()
    assert contents(made) == {"a": b"second"}
    assert errors(root, made.key) == []


def test_files_are_read_once_and_in_parallel(folder: FolderStore, tmp_path: Path) -> None:
    sources = []
    for n in range(50):
        path = tmp_path / f"{n}.bin"
        path.write_bytes(os.urandom(3) * (n * 10_000))
        sources.append((f"in/{n}.bin", path))
    ticks: list[float] = []
    with begin(folder, ID, message="m", user=USER) as version:
        added = version.add_all(sources, threads=4, sha256=True, tick=ticks.append)
        made = version.finish()
    assert [one.path for one in added] == [path for path, _ in sources]
    for one, (_, path) in zip(added, sources, strict=True):
        data = path.read_bytes()
        assert (one.size, one.sha512, one.sha256) == (
            len(data), sha512(data).hexdigest(), sha256(data).hexdigest(),
        )  # fmt: skip
        assert one.digest == one.sha512
    assert sum(ticks) == sum(one.size for one in added)
    assert errors(folder, made.key) == []


def test_pieces_of_bytes_are_taken_too(folder: FolderStore) -> None:
    with begin(folder, ID, message="m", user=USER) as version:
        assert version.add("a", iter([b"ab", b"", b"c"])).size == 3
        made = version.finish()
    assert made.read("a") == b"abc"


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.", "a\0b", "a/b/c", "folder", "\udcff"]
)
def test_paths_that_cannot_be_are_refused(folder: FolderStore, path: str) -> None:
    with begin(folder, ID, message="m", user=USER) as version:
        version.add("a/b", b"1")
        version.add("folder/x", b"1")
        with pytest.raises(InputError):
            version.add(path, b"2")
    assert list(folder.list(object_key(ID))) == []


@pytest.mark.parametrize(
    "path",
    [
        "й" * 127, "e\u0301/é", "a\nb", "back\\slash", "a%0ab", "spaces and 'quotes' \"\"", "$(rm)", "CON",
        "a" * 300, "/".join(["deep"] * 300), "🏺", ".hidden", "ends.", "trailing ",
    ],
)  # fmt: skip
def test_odd_names_come_back_as_they_were(root: Store, path: str) -> None:
    made = commit(root, ID, {path: b"odd", "a\\nb": b"other"})
    assert read_object(root, ID).read(path) == b"odd"
    assert errors(root, made.key) == []


def test_only_files_that_stay_as_they_are_go_in(folder: FolderStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path, tmp_path / "pipe", tmp_path / "missing", "/dev/zero"):
        with begin(folder, ID, message="m", user=USER) as version, pytest.raises(InputError):
            version.add("a", source)
    growing = tmp_path / "growing"
    growing.write_bytes(b"x" * 10)

    def grow(_: float) -> None:
        with growing.open("ab") as file:
            file.write(b"more")

    with (
        pytest.raises(InputError, match="changed while"),
        begin(folder, ID, message="m", user=USER) as version,
    ):
        version.add("a", growing, tick=grow)


def test_leaving_without_an_end_leaves_nothing(root: Store) -> None:
    before = {stat.key for stat in root.list()}
    with begin(root, ID, message="m", user=USER) as version:
        version.add("a", b"1")
    version = begin(root, ID, message="m", user=USER)
    with pytest.raises(ZeroDivisionError), version:
        version.add("a", [b"1", b"x" * (1 // 0)])
    assert {stat.key for stat in root.list()} == before
    with pytest.raises(NotInArchive):
        read_object(root, ID)


def test_a_source_that_fails_ends_the_commit(folder: FolderStore) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 100
        raise io.UnsupportedOperation

    with pytest.raises(io.UnsupportedOperation), begin(folder, ID, message="m", user=USER) as version:
        version.add_all([("a", b"1"), ("b", broken()), ("c", b"3")], threads=2)
    assert list(folder.list(object_key(ID))) == []


def test_of_two_writers_one_wins_and_the_other_is_told(root: Store) -> None:
    first = commit(root, ID, {"a": b"1"})
    one = begin(root, ID, base=first, message="one", user=USER)
    two = begin(root, ID, base=first, message="two", user=USER)
    with one, two:
        one.add("b", b"one")
        two.add("b", b"two")
        two.finish()
        with pytest.raises(Conflict, match="v2"):
            one.finish()
    found = read_object(root, ID)
    assert contents(found) == {"b": b"two"}
    assert errors(root, found.key) == []
    with pytest.raises(Conflict):  # known before anything is sent
        begin(root, ID, base=first, message="late", user=USER)
    with pytest.raises(Conflict):
        begin(root, ID, message="new", user=USER)


def test_many_writers_at_once_make_one_history(root: Store) -> None:
    commit(root, ID, {"start": b"0"})
    barrier = threading.Barrier(4)

    def write(name: int) -> int:
        barrier.wait()
        won = 0
        while won < 3:
            base = read_object(root, ID)
            try:
                commit(root, ID, {f"{name}-{won}": f"{name}-{won}".encode()}, base)
            except Conflict:
                continue
            won += 1
        return won

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, range(4))) == [3] * 4
    found = read_object(root, ID)
    assert found.head == "v13"
    assert set(contents(found)) == {"start", *(f"{a}-{b}" for a in range(4) for b in range(3))}
    assert errors(root, found.key) == []


def test_damage_is_noticed_when_it_is_read(folder: FolderStore) -> None:
    made = commit(folder, ID, {"a": b"x" * 100, "b": b"y"})
    path = folder.root / made.key / made.inventory.files()["a"].path
    path.write_bytes(b"x" * 99 + b"z")
    with pytest.raises(Damaged):
        list(made.stream("a"))
    with pytest.raises(Damaged):
        made.read("a")
    path.unlink()
    with pytest.raises(Damaged):
        made.read("a")
    assert made.read("b") == b"y"
    with pytest.raises(NotInArchive):
        made.read("c")
    inventory = folder.root / made.key / "inventory.json"
    inventory.write_bytes(inventory.read_bytes().replace(b"a version", b"A version"))
    with pytest.raises(Damaged):
        read_object(folder, ID)


def test_objects_that_are_not_there(root: Store) -> None:
    for name in ("nothing", "../../etc", "", "a//b", "\0"):
        with pytest.raises(NotInArchive):
            read_object(root, name)


def test_an_object_in_the_place_of_another_is_noticed(folder: FolderStore) -> None:
    made = commit(folder, ID, {"a": b"1"})
    other = folder.root / object_key("urn:other")
    other.parent.mkdir(parents=True)
    (folder.root / made.key).rename(other)
    with pytest.raises(Damaged):
        read_object(folder, "urn:other")


def test_an_object_of_another_program_is_continued_in_its_own_way(folder: FolderStore) -> None:
    source = SUITES / "ocfl-fixtures" / "1.0"
    if not source.is_dir():
        pytest.skip("the conformance suites are not here")
    for name in (
        "warn-objects/W001_W004_W005_zero_padded_versions",
        "good-objects/minimal_content_dir_called_stuff",
    ):
        key = f"foreign/{Path(name).name}"
        shutil.copytree(source / name, folder.root / key)
        base = read_object(folder, key)
        made = commit(folder, base.id, {"new.txt": b"new"}, base)
        assert made.inventory.algorithm == base.inventory.algorithm and made.inventory.spec == "1.0"
        assert contents(read_object(folder, key))["new.txt"] == b"new"
        assert errors(folder, key) == []


class ReadOnly(Breaking):
    def step(self) -> None:
        raise StoreError("read-only", "")


def test_a_read_only_store_can_be_read(root: Store) -> None:
    base = commit(root, ID, {"a": b"1"})
    store = ReadOnly(root, 1)
    with pytest.raises(StoreError, match="read-only"):
        commit(store, ID, {"b": b"2"}, base)
    with pytest.raises(Crash):
        commit(Breaking(root, 3), ID, {"b": b"2"}, base)  # dies when the intent is written
    assert contents(read_object(store, ID)) == {"a": b"1"}
    assert contents(read_object(root, ID)) == {"a": b"1", "b": b"2"}
