"""Inventories and where objects lie."""

import json
import time
from datetime import UTC, datetime
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest

from oberih.archive.ocfl import Inventory, Version, create_root, dump, object_key, object_keys, parse
from oberih.archive.stores.folder import FolderStore
from oberih.errors import InputError, NotInArchive
from ocfl_help import SUITES, commit, ocfl_py_root

LONG = "abcdefghij" * 10 + "a"
A, B = (sha512(text).hexdigest() for text in (b"a", b"b"))


def example() -> Inventory:
    return Inventory(
        "urn:example:1",
        "v2",
        {A: ("v1/content/k3j5h6g7/a.txt",), B: ("v2/content/m4n5b6v7/b.txt",)},
        {
            "v1": Version(
                "2026-03-01T12:00:00Z", {A: ("a.txt",)}, "first", "A. Person", "mailto:p@example.org"
            ),
            "v2": Version("2026-03-02T12:00:00+02:00", {A: ("a.txt", "copy/a.txt"), B: ("б.txt",)}),
        },
    )


def document(**changes: Any) -> bytes:
    value = json.loads(dump(example()))
    for path, new in changes.items():
        *inner, last = path.split("__")
        at = value
        for name in inner:
            at = at[name]
        at[last] = new
    return json.dumps(value).encode()


def test_what_is_written_is_read_again_and_is_always_the_same_bytes() -> None:
    data = dump(example())
    assert parse(data) == example()
    assert dump(parse(data)) == data
    assert list(json.loads(data)) == ["id", "type", "digestAlgorithm", "head", "manifest", "versions"]
    assert "б.txt" in data.decode()


def test_files_of_a_version() -> None:
    files = example().files()
    assert set(files) == {"a.txt", "copy/a.txt", "б.txt"}
    assert files["copy/a.txt"].path == "v1/content/k3j5h6g7/a.txt" and files["copy/a.txt"].digest == A
    assert set(example().files("v1")) == {"a.txt"}
    assert example().versions["v2"].created == datetime(2026, 3, 2, 10, tzinfo=UTC)
    with pytest.raises(NotInArchive):
        example().files("v3")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"not JSON",
        b'{"id": "a", "id": "b"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        "\ufeff{}".encode(),
        b'{"id": "\xff"}',
        b'{"id": "\\ud800"}',
        b'{"head": NaN}',
        b'{"head": 1' + b"0" * 5000 + b"}",
        document(versions__v1__state={A: ["../a.txt"]}),
        document(versions__v1__state={A: ["/etc/passwd"]}),
        document(versions__v1__state={A: ["a", "a/b"]}),
        document(versions__v1__state={A: ["a\0b"]}),
        document(versions__v1__state=7),
        document(versions__v1__state={A: 7}),
        document(versions__v1=None),
        document(versions={"v1": {}, "v١": {}}),
        document(manifest={A: ["../../etc/passwd"], B: ["v2/content/b"]}),
        document(manifest={A: ["v1/content/../../x"], B: ["v2/content/b"]}),
        document(manifest={A: [], B: ["v2/content/b"]}),
        document(manifest={A: "v1/content/a", B: ["v2/content/b"]}),
        document(digestAlgorithm="md5"),
        document(digestAlgorithm=["sha512"]),
        document(contentDirectory=".."),
        document(head="v1"),
        document(head=["v2"]),
        document(versions__v1__created="yesterday"),
        document(versions__v1__created="2026-02-30T12:00:00Z"),
        document(type=["https://ocfl.io/1.1/spec/#inventory"]),
        document(fixity={"md5": {"00": ["v1/content/k3j5h6g7/a.txt"]}}),
        document(surprise=1),
    ],
    ids=lambda data: data[:24].decode(errors="replace"),
)  # fmt: skip
def test_broken_and_hostile_inventories_are_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="inventory is not valid"):
        parse(data)


def test_a_large_inventory_is_quick() -> None:
    digests = [sha512(str(n).encode()).hexdigest() for n in range(20_000)]
    manifest = {digest: (f"v1/content/k3j5h6g7/photos/{n:05}.jpg",) for n, digest in enumerate(digests)}
    state = {digest: (f"photos/{n:05}.jpg",) for n, digest in enumerate(digests)}
    large = Inventory(
        "urn:x", "v1", manifest, {"v1": Version("2026-03-01T12:00:00Z", state, "m", "A", "a:b")}
    )
    began = time.process_time()
    assert parse(dump(large)) == large
    assert len(large.files()) == 20_000
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("identifier", "key"),
    [  # of the extension's own text
        ("object-01", "3c0/ff4/240/object-01"),
        ("..hor/rib:le-$id", "487/326/d8c/%2e%2ehor%2frib%3ale-%24id"),
        ("..Hor/rib:lè-$id", "373/529/21a/%2e%2eHor%2frib%3al%c3%a8-%24id"),
        (
            LONG,
            f"5cc/73e/648/{LONG[:100]}-5cc73e648fbcff136510e330871180922ddacf193b68fdeff855683a01464220",
        ),
    ],
)
def test_keys_are_those_of_the_layout_extension(identifier: str, key: str) -> None:
    assert object_key(identifier) == key


def test_a_root_is_made_once_and_lists_its_objects(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "root", create=True)
    create_root(store)
    create_root(store)
    assert list(object_keys(store)) == [] and ocfl_py_root(store.root) == ""
    keys = {commit(store, f"urn:example:{n}", {"a.txt": b"a"}).key for n in range(5)}
    assert list(object_keys(store)) == sorted(keys)
    assert ocfl_py_root(store.root) == ""


def test_what_is_not_ours_to_write_is_not_made_a_root(tmp_path: Path) -> None:
    (tmp_path / "a" / "holiday").mkdir(parents=True)
    with pytest.raises(InputError, match="not empty"):
        create_root(FolderStore(tmp_path / "a"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "0=ocfl_1.0").write_text("ocfl_1.0\n")
    with pytest.raises(InputError, match="another program"):
        create_root(FolderStore(tmp_path / "b"))


@pytest.mark.skipif(not SUITES.is_dir(), reason="the conformance suites are not here")
def test_objects_in_foreign_layouts_are_listed() -> None:
    roots = SUITES / "ocfl-extra" / "1.0" / "good-storage-roots"
    assert len(list(object_keys(FolderStore(roots / "simple-root")))) == 3
    assert list(object_keys(FolderStore(roots / "reg-extension-dir-root"))) == [
        "a47/817/83d/cec/ark%3a123%2fabc"
    ]
