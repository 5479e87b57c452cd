"""A writer that dies at any instant leaves the old version or the new one."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from oberih.archive.ocfl import begin, copy_object, create_root, object_key, read_object, sweep
from oberih.archive.ocfl.objects import read_at
from oberih.archive.stores import Store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Conflict, NotInArchive, StoreError
from ocfl_help import USER, Breaking, Crash, commit, contents, errors, root_errors

ID = "ark:/99999/fk4crash"
OLD = {"a": b"one" * 100, "b": b"two" * 100}
CHANGES = {"a": b"changed" * 100, "c/d": b"new" * 100, "e": b"two" * 100}
NOW = timedelta(seconds=-10)  # all that is there, whatever the clock of the store


def dying(work: Callable[[Store], object], store: Store) -> Iterator[int]:
    """Let ``work`` die before each of its steps in turn; yields after each death."""
    for after in range(100):
        try:
            work(Breaking(store, after))
        except Crash:
            yield after
        else:
            assert after > 4
            return
    pytest.fail("it never ends")


def version_of(store: Store, identifier: str) -> str:
    try:
        return read_object(store, identifier).head
    except NotInArchive:
        return ""


def test_a_new_object_is_there_or_not(store: Store) -> None:
    create_root(store)
    heads = []
    identifier = f"{ID}0"

    def work(breaking: Store) -> None:
        commit(breaking, identifier, OLD)

    for after in dying(work, store):
        head = version_of(store, identifier)
        heads.append(head)
        if head:
            assert contents(read_object(store, identifier)) == OLD
            assert errors(store, object_key(identifier)) == []
        sweep(store, NOW)
        if not head:
            assert list(store.list(object_key(identifier))) == []
            assert commit(store, identifier, OLD).head == "v1"  # nothing is in the way
        identifier = f"{ID}{after + 1}"
    assert heads == sorted(heads) and set(heads) == {"", "v1"}
    if isinstance(store, FolderStore):
        assert root_errors(store) == []


def test_a_new_version_is_there_or_the_old_one(store: Store) -> None:
    create_root(store)
    heads = []
    number = 0

    def work(breaking: Store) -> None:
        commit(breaking, f"{ID}{number}", CHANGES, bases[-1])

    bases = [commit(store, f"{ID}0", OLD)]
    for _ in dying(work, store):
        identifier = f"{ID}{number}"
        key = object_key(identifier)
        unseen = read_at(store, key, recover=False)  # a reader who may not write
        assert contents(unseen) == (OLD if unseen.head == "v1" else OLD | CHANGES)
        found = read_object(store, identifier)
        heads.append(found.head)
        assert contents(found) == (OLD if found.head == "v1" else OLD | CHANGES)
        sweep(store, NOW)
        assert errors(store, key) == []
        named = set(found.inventory.content)
        assert {s.key[len(key) + 1 :] for s in store.list(key) if "/content/" in s.key} == named
        after = commit(store, identifier, {"later": b"1"}, found)  # nothing is in the way
        assert contents(after) == contents(found) | {"later": b"1"}
        number += 1
        bases.append(commit(store, f"{ID}{number}", OLD))
    assert heads == sorted(heads) and set(heads) == {"v1", "v2"}


def test_opening_after_a_crash_may_crash_too(store: Store) -> None:
    """Recovery itself is cut off before each of its steps."""
    create_root(store)
    for die in range(6, 9):
        identifier = f"{ID}{die}"
        base = commit(store, identifier, OLD)
        with pytest.raises(Crash):
            commit(Breaking(store, die), identifier, CHANGES, base)
        for again in range(6):
            try:
                read_object(Breaking(store, again), identifier)
            except Crash:
                continue
            break
        found = read_object(store, identifier)
        assert found.head == "v2" and contents(found) == OLD | CHANGES
        assert errors(store, found.key) == []


def test_a_copy_goes_on_where_it_was_cut_off(store: Store, tmp_path: Path) -> None:
    source = FolderStore(tmp_path / "source", create=True)
    create_root(source)
    create_root(store)
    made = commit(source, ID, CHANGES, commit(source, ID, OLD))
    seen = []
    for _ in dying(lambda s: copy_object(source, made.key, s), store):
        head = version_of(store, ID)
        seen.append(head)
        if head:
            assert contents(read_object(store, ID)) == contents(made, head)
        sweep(store, NOW)
        if head == "v2":
            for stat in list(store.list(made.key)):
                store.delete(stat.key)
    assert set(seen) >= {"", "v1"}
    copied = copy_object(source, made.key, store)
    assert copied.object.digest == made.digest
    assert errors(store, made.key) == []


def test_leftovers_that_may_still_be_needed_are_left(store: Store) -> None:
    create_root(store)
    with begin(store, ID, message="m", user=USER) as version:
        version.add("a", b"1")
        assert sweep(store, timedelta(hours=1)) == []
        made = version.finish()
    assert sweep(store, NOW) == [] and contents(made) == {"a": b"1"}


def test_a_commit_that_was_swept_away_says_so(store: Store) -> None:
    create_root(store)
    base = commit(store, ID, OLD)
    with begin(store, ID, base=base, message="m", user=USER) as version:
        version.add("x", b"1")
        assert len(sweep(store, NOW)) > 0
        with pytest.raises(StoreError, match="taken away"):
            version.finish()
    assert read_object(store, ID).digest == base.digest


def test_what_is_not_ours_is_never_swept(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "root", create=True)
    create_root(store)
    made = commit(store, ID, OLD)
    foreign = [
        f"{made.key}/v1/content/notes.txt", f"{made.key}/logs/abcdefgh/log.txt", f"{made.key}/v3/content/x/y",
        "extensions/other/v1/content/abcdefgh/x", "aaa/bbb/ccc/other/v1/data/abcdefgh/x",
    ]  # fmt: skip
    for key in foreign:
        store.create(key, b"precious")
    assert sweep(store, NOW) == []
    assert all(store.read(key)[0] == b"precious" for key in foreign)


CHILD = """
import os, sys
from pathlib import Path
from oberih.archive.ocfl import begin, read_object
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Conflict, NotInArchive

def work(root, identifier, files):
    store = FolderStore(root)
    while True:
        try:
            base = read_object(store, identifier)
            number = int(base.head[1:]) + 1
        except NotInArchive:
            base, number = None, 1
        try:
            with begin(store, identifier, base=base, message=str(number), user=("A", "urn:a")) as commit:
                for n in range(files):
                    commit.add(f"{n}.txt", [f"{number} {n}".encode() * 1000] * 3)
                commit.add("same.txt", [b"same"])
                commit.finish()
        except Conflict:
            pass

for line in sys.stdin:
    root, identifier, files = line.split()
    child = os.fork()
    if child == 0:
        work(root, identifier, int(files))
    print(child, flush=True)
    sys.stdin.readline()
    os.kill(child, 9)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


@pytest.fixture
def children() -> Iterator[subprocess.Popen[str]]:
    """A process that starts writers and kills them when it is told."""
    command = [sys.executable, "-c", CHILD]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def told(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin and process.stdout
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_forty_kills_at_random_instants(tmp_path: Path, children: subprocess.Popen[str]) -> None:
    store = FolderStore(tmp_path / "root", create=True)
    create_root(store)
    chance = random.Random(3)
    last = 0
    for kill in range(40):
        identifier = f"{ID}{kill // 10}"
        last = last if kill % 10 else 0
        assert int(told(children, f"{store.root} {identifier} {chance.randrange(1, 6)}"))
        time.sleep(chance.uniform(0.005, 0.1))
        assert told(children, "kill") == "dead"
        try:
            found = read_object(store, identifier)
        except NotInArchive:
            assert last == 0
        else:
            number = int(found.head[1:])
            assert number >= last
            for version in found.inventory.versions:
                for path, data in contents(found, version).items():
                    wanted = b"same" if path == "same.txt" else f"{version[1:]} {path[:-4]}".encode() * 3000
                    assert data == wanted
            last = number
        sweep(store, NOW)
        if last:
            assert errors(store, object_key(identifier)) == []
        else:
            assert list(store.list(object_key(identifier))) == []
    assert last > 0
    assert sweep(store, NOW) == [] and root_errors(store) == []


def test_two_processes_make_one_history(tmp_path: Path, children: subprocess.Popen[str]) -> None:
    store = FolderStore(tmp_path / "root", create=True)
    create_root(store)
    assert int(told(children, f"{store.root} {ID} 2"))
    won = lost = 0
    until = time.monotonic() + 10
    while (won < 5 or lost < 1) and time.monotonic() < until:
        try:
            base = read_object(store, ID)
            commit(store, ID, {f"mine{won}": b"mine"}, base)
            won += 1
        except NotInArchive:
            continue
        except Conflict:
            lost += 1
    assert told(children, "kill") == "dead"
    assert won >= 5
    found = read_object(store, ID)
    messages = [version.message for version in found.inventory.versions.values()]
    assert messages.count("a version") == won
    assert list(found.inventory.versions) == [f"v{n + 1}" for n in range(len(messages))]
    sweep(store, NOW)
    assert errors(store, found.key) == []
