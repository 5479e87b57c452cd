"""What every kind of store promises. Each test runs on a folder and on a real S3 server."""

import hashlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from oberih.archive.stores import (
    CHUNK,
    TEMPORARY,
    AlreadyThere,
    Changed,
    Store,
    checked_key,
    open_store,
)
from oberih.errors import InputError, StoreError

ROUNDS = 50
ODD_NAMES = [
    "Чаша №1, ІV ст. до н.е..jpg",
    "日本/写真",
    "e\u0301",  # not the same as:
    "\u00e9",
    "with space & +%?#;=@",
    "%41%2F",
    "q\"'<>|*:",
    " leads",
    "trails ",
    "trails.",
    ".hidden",
    "~",
    "CON",
    "0=ocfl_object_1.1",
    "n" * 255,
    "я" * 127 + "n",  # 255 bytes
]
HOSTILE = ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../../b", "a/.", "a/..", "a\0b", "a" * 1025]


def keys(store: Store, prefix: str = "") -> list[str]:
    return [stat.key for stat in store.list(prefix)]


def everything(store: Store, key: str) -> bytes:
    return b"".join(store.stream(key))


def test_a_small_file_is_created_once_read_and_replaced(store: Store) -> None:
    tag = store.create("a/b/inventory.json", b"one")
    assert store.read("a/b/inventory.json") == (b"one", tag)
    with pytest.raises(AlreadyThere):
        store.create("a/b/inventory.json", b"two")
    newer = store.replace("a/b/inventory.json", b"three", tag)
    assert newer != tag
    assert store.read("a/b/inventory.json") == (b"three", newer)
    with pytest.raises(Changed):
        store.replace("a/b/inventory.json", b"four", tag)
    assert store.read("a/b/inventory.json") == (b"three", newer)


def test_what_is_listed_is_what_is_read(store: Store) -> None:
    before = store.now() - timedelta(seconds=2)
    tag = store.create("a/one", b"1")
    store.write("a/many", [b"x" * 1000] * 3)
    store.settle("a")
    one = store.stat("a/one")
    assert (one.key, one.size, one.tag) == ("a/one", 1, tag)
    assert before <= one.modified <= store.now() + timedelta(seconds=2)
    assert list(store.list("a")) == [store.stat("a/many"), one]
    assert store.read("a/many") == (b"x" * 3000, store.stat("a/many").tag)


@pytest.mark.parametrize(
    "data", [b"", b"x", b"0123456789" * 300_001], ids=["empty", "one byte", "some chunks"]
)
def test_a_large_file_is_written_once_and_streamed_from_anywhere(store: Store, data: bytes) -> None:
    pieces = [data[i : i + 700_000] for i in range(0, len(data), 700_000)]
    assert store.write("v1/content/mesh.glb", iter(pieces)) == len(data)
    store.settle("v1")
    assert everything(store, "v1/content/mesh.glb") == data
    assert all(0 < len(piece) <= CHUNK for piece in store.stream("v1/content/mesh.glb"))
    for start in (1, len(data) // 2, len(data), len(data) + 5):
        assert b"".join(store.stream("v1/content/mesh.glb", start)) == data[start:]
    with pytest.raises(AlreadyThere):
        store.write("v1/content/mesh.glb", [b"other"])
    assert everything(store, "v1/content/mesh.glb") == data


@pytest.mark.parametrize("size", [10, 40 << 20], ids=["small", "of several parts"])
@pytest.mark.parametrize("error", [ZeroDivisionError, FileNotFoundError, ValueError])
def test_a_source_that_breaks_leaves_nothing(store: Store, error: type[Exception], size: int) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(size // 10):
            yield b"x" * 10 if size < 100 else b"x" * (10 << 20)
            if size > 100:
                yield b"x" * (30 << 20)
                break
        raise error("the photo went away")

    with pytest.raises(error, match="the photo went away"):
        store.write("photo.jpg", chunks())
    store.settle("")
    assert keys(store) == []


def test_missing_files_are_key_errors_and_missing_folders_are_empty(store: Store) -> None:
    store.create("a/b", b"")
    for key in ("b", "a", "a/c", "x/y/z", "a/b/c"):
        with pytest.raises(KeyError):
            store.read(key)
        with pytest.raises(KeyError):
            store.stat(key)
        with pytest.raises(KeyError):
            list(store.stream(key))
        with pytest.raises(Changed):
            store.replace(key, b"", "some tag")
        store.delete(key)
    assert keys(store, "nowhere") == list(store.folders("nowhere")) == []
    assert keys(store) == ["a/b"]


def test_deleting_frees_the_name(store: Store) -> None:
    tag = store.create("a/b/c", b"first")
    store.create("a/d", b"")
    store.delete("a/b/c")
    assert keys(store) == ["a/d"]
    with pytest.raises(Changed):
        store.replace("a/b/c", b"second", tag)
    store.create("a/b/c", b"third")
    assert everything(store, "a/b/c") == b"third"


def test_folders_and_files_come_in_the_order_of_their_keys(store: Store) -> None:
    # "-" and "." come before "/", "0" after it: a folder's files lie between those of its neighbours.
    found = [
        "v1/c/1",
        "v1/c/2",
        "v1/c-x",
        "v1/c.txt",
        "v1/c0",
        "v1/C",
        "v1/ж",
        "v1/c/z/z",
        "v2/c/1",
        "0=ocfl",
    ]
    for key in found:
        store.create(key, b"")
    assert keys(store) == sorted(found)
    assert keys(store, "v1") == sorted(key for key in found if key.startswith("v1/"))
    assert keys(store, "v1/c") == ["v1/c/1", "v1/c/2", "v1/c/z/z"]
    assert list(store.folders()) == ["v1", "v2"]
    assert list(store.folders("v1")) == ["v1/c"]


def test_more_files_than_a_server_lists_at_once(store: Store) -> None:
    wanted = [f"many/{i % 7}/{i:05}" for i in range(1203)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: store.write(key, [b"x"]), wanted))
    store.settle("many")
    assert keys(store) == sorted(wanted)
    assert len(list(store.folders("many"))) == 7


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names(store: Store, name: str) -> None:
    store.create(name, b"as a file")
    store.write(f"in/{name}/folder", [name.encode()])
    store.settle("in")
    assert keys(store) == sorted([name, f"in/{name}/folder"])
    assert store.read(name)[0] == b"as a file"
    assert everything(store, f"in/{name}/folder") == name.encode()
    assert list(store.folders("in")) == ["in/" + name.split("/", maxsplit=1)[0]]


@pytest.mark.parametrize("name", ["n" * 256, "я" * 128])
def test_names_that_are_too_long_are_refused_before_anything_is_written(store: Store, name: str) -> None:
    def unasked() -> Iterator[bytes]:
        raise AssertionError("read a file that cannot be stored")
        yield b""

    for key in (name, f"new/{name}/x", f"new/{name}"):
        with pytest.raises(StoreError, match="too long"):
            store.write(key, unasked())
        with pytest.raises(StoreError, match="too long"):
            store.create(key, b"")
    assert keys(store) == list(store.folders()) == []


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_keys(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        checked_key(key)
    uses: list[Any] = [store.read, store.stat, store.delete, lambda key: list(store.stream(key))]
    uses += [partial(store.create, data=b""), partial(store.write, chunks=[b""])]
    uses += [partial(store.replace, data=b"", tag="")]
    if key:
        uses += [lambda key: list(store.list(key)), lambda key: list(store.folders(key))]
    for use in uses:
        with pytest.raises(ValueError, match="not a key"):
            use(key)
    assert keys(store) == []


def reopened(store: Store) -> Store:
    """As another process opens it."""
    if store.url.startswith("s3:"):
        return open_store(store.url, access_key="test-key", secret_key="test-secret")
    return open_store(store.url)


def race(store: Store, barrier: Any, me: bytes) -> tuple[list[bool], list[bool]]:
    """For every round: did I create the file? Did I replace the other?"""
    created, replaced = [], []
    for i in range(ROUNDS):
        barrier.wait(60)
        try:
            store.create(f"race/{i}", me * 100)
            created.append(True)
        except AlreadyThere:
            created.append(False)
        barrier.wait(60)
        tag = store.read("race/0")[1]
        barrier.wait(60)
        try:
            store.replace("race/0", me + str(i).encode(), tag)
            replaced.append(True)
        except Changed:
            replaced.append(False)
    return created, replaced


def check_race(results: list[tuple[list[bool], list[bool]]]) -> None:
    for kind in zip(*results, strict=True):
        winners = [sum(one_round) for one_round in zip(*kind, strict=True)]
        assert winners == [1] * ROUNDS


def test_of_racing_threads_exactly_one_wins(store: Store) -> None:
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(race, store, barrier, me) for me in (b"a", b"b")]
        check_race([r.result() for r in running])
    assert keys(store) == sorted(f"race/{i}" for i in range(ROUNDS))


RACER = """
import sys
from oberih.archive.stores import AlreadyThere, Changed, open_store
url, me = sys.argv[1], sys.argv[2].encode()
store = open_store(url, access_key="test-key", secret_key="test-secret") if "://" in url else open_store(url)
print("ready", flush=True)
for line in sys.stdin:
    what, key, tag = line.rstrip("\\n").split("|")
    try:
        store.create(key, me) if what == "create" else store.replace(key, me + tag.encode(), tag)
        print("won", flush=True)
    except (AlreadyThere, Changed):
        print("lost", flush=True)
"""


def test_of_racing_processes_exactly_one_wins(store: Store) -> None:
    tag = store.create("replaced", b"")
    command = [sys.executable, "-c", RACER, store.url]
    with ExitStack() as stack:
        racers = [
            stack.enter_context(
                subprocess.Popen([*command, me], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for me in ("a", "b")
        ]

        def said() -> list[str]:
            return sorted(racer.stdout.readline().strip() for racer in racers if racer.stdout)

        def ask(what: str, key: str, tag: str = "") -> None:
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(f"{what}|{key}|{tag}\n")
                racer.stdin.flush()

        assert said() == ["ready", "ready"]
        for i in range(ROUNDS):
            ask("create", f"created/{i}")
            assert said() == ["lost", "won"]
            ask("replace", "replaced", tag)
            assert said() == ["lost", "won"]
            data, newer = store.read("replaced")
            assert data[1:].decode() == tag
            tag = newer
    assert len(keys(store, "created")) == ROUNDS


WRITER = """
import hashlib, itertools, random, sys
from oberih.archive.stores import open_store
url, first = sys.argv[1], int(sys.argv[2])
store = open_store(url, access_key="test-key", secret_key="test-secret") if "://" in url else open_store(url)
print("ready", flush=True)
tag = store.read("replaced")[1]
for i in itertools.count(first):
    data = random.randbytes(random.choice([10, 300_000]))
    data = hashlib.sha256(data).digest() + data
    store.create(f"created/{i}", data)
    tag = store.replace("replaced", data, tag)
"""


def test_a_killed_writer_leaves_whole_files(store: Store) -> None:
    store.create("replaced", hashlib.sha256().digest())
    for i in range(4):
        command = [sys.executable, "-c", WRITER, store.url, str(i * 100_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(random.uniform(0.02, 0.2))
            writer.kill()
    left = keys(store)
    whole = [key for key in left if not key.rsplit("/", 1)[-1].startswith(TEMPORARY)]
    assert len(left) - len(whole) <= 4
    assert len(whole) > 4
    for key in whole:
        data = everything(store, key)
        assert data[:32] == hashlib.sha256(data[32:]).digest(), key
    data, tag = reopened(store).read("replaced")
    store.replace("replaced", b"no lock is left", tag)


def test_the_clock(store: Store) -> None:
    assert abs(store.now() - datetime.now(UTC)) < timedelta(seconds=60)
    assert keys(store) == []


def test_addresses(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no folder"):
        open_store(tmp_path / "new")
    store = open_store(tmp_path / "new" / "deep", create=True)
    store.create("a", b"1")
    for address in (store.url, (tmp_path / "new" / "deep").as_uri(), tmp_path / "new" / "deep"):
        assert keys(open_store(address)) == ["a"]


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/",
        "gs://bucket",
        "file://elsewhere/a",
        "s3://",
        "s3://b",
        "s3:///prefix",
        "s3://bucket/../x",
        "s3://bucket?endpoint=ftp://host",
        "s3://bucket?endpoint=host",
        "s3://key:TOP-SECRET@bucket/x",
        "s3://bucket?secret_key=TOP-SECRET",
        "s3://bucket?endpoint=http://key:TOP-SECRET@host",
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(InputError) as error:
        open_store(address, access_key="k", secret_key="s")
    assert "TOP-SECRET" not in error.value.message + error.value.advice
