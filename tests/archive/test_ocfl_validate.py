"""Checking everybody's objects."""

import json
import os
import random
import re
import shutil
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha512
from pathlib import Path

import pytest

from oberih.archive.findings import Finding
from oberih.archive.ocfl import begin, create_root, validate_object, validate_root
from oberih.archive.stores.folder import FolderStore
from ocfl_help import SUITES, USER, commit, errors

FIXTURES = sorted((SUITES / "ocfl-fixtures").glob("1.?/*-objects/*"))
EXTRA = sorted((SUITES / "ocfl-extra").glob("1.?/*-objects/*"))
ROOTS = sorted((SUITES / "ocfl-extra").glob("1.?/*-storage-roots/*"))

suites = pytest.mark.skipif(not FIXTURES, reason="the conformance suites are not here")


def named(path: Path) -> str:
    return "/".join(path.parts[-3:])


def unpacked(path: Path, into: Path) -> Path:
    """A fixture as it is meant: zips unpacked, the empty folder empty."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(into / path.stem)
        return into / path.stem
    if path.name == "E003_E063_empty":
        (into / path.name).mkdir()
        return into / path.name
    return path


@suites
def test_all_the_fixtures_are_here() -> None:
    assert len(FIXTURES) == 156 and len(EXTRA) > 20 and len(ROOTS) == 9


@pytest.mark.parametrize("path", [*FIXTURES, *EXTRA], ids=named)
def test_fixtures(path: Path, tmp_path: Path) -> None:
    """Every verdict is right, and gives the codes that the name of the fixture gives."""
    kind = path.parent.name
    folder = unpacked(path, tmp_path)
    findings = validate_object(FolderStore(folder))
    codes = {finding.code for finding in findings}
    match = re.match(r"((?:[EW]\d{3}_)*)", path.stem)
    expected = set(match.group(1).split("_")) - {""} if match else set()
    assert any(f.level == "error" for f in findings) == (kind == "bad-objects"), findings
    assert expected <= codes, findings
    if kind == "warn-objects":
        assert codes == expected, findings
    if kind == "good-objects":
        assert codes <= {"W005"}, findings


@pytest.mark.parametrize("path", ROOTS, ids=named)
def test_fixtures_of_roots(path: Path, tmp_path: Path) -> None:
    findings = validate_root(FolderStore(unpacked(path, tmp_path)))
    codes = {finding.code for finding in findings}
    assert any(f.level == "error" for f in findings) == (path.parent.name == "bad-storage-roots"), findings
    assert set(re.findall(r"E\d{3}", path.name)) <= codes
    if path.stem == "simple-bad-root":
        assert codes == {"E003", "E004", "E072", "E073"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good object of two versions."""
    store = FolderStore(tmp_path / "root", create=True)
    create_root(store)
    first = commit(store, "urn:example:1", {"a.txt": b"aaa", "é/b.txt": b"bbb"})
    made = commit(store, "urn:example:1", {"c.txt": b"ccc"}, first)
    assert errors(store, made.key) == []
    return store.root / made.key


def content_of(folder: Path, name: str) -> Path:
    return next(path for path in folder.rglob(name) if path.is_file())


def link(folder: Path) -> None:
    path = content_of(folder, "a.txt")
    path.unlink()
    path.symlink_to("/etc/passwd")


def linked_folder(folder: Path) -> None:
    path = content_of(folder, "a.txt").parent
    path.rename(folder.parent / "elsewhere")
    path.symlink_to(folder.parent / "elsewhere")


def pipe(folder: Path) -> None:
    path = content_of(folder, "a.txt")
    path.unlink()
    os.mkfifo(path)


def linked_inventory(folder: Path) -> None:
    (folder / "inventory.json").rename(folder.parent / "inventory.json")
    (folder / "inventory.json").symlink_to(folder.parent / "inventory.json")


def flip(folder: Path) -> None:
    content_of(folder, "a.txt").write_bytes(b"aab")


def cut(folder: Path) -> None:
    content_of(folder, "b.txt").write_bytes(b"")


def lose(folder: Path) -> None:
    content_of(folder, "b.txt").unlink()


def add(folder: Path) -> None:
    (content_of(folder, "a.txt").parent / "x").write_bytes(b"")


def other_unicode(folder: Path) -> None:
    path = content_of(folder, "b.txt").parent
    path.rename(path.parent / unicodedata.normalize("NFD", path.name))


def not_unicode(folder: Path) -> None:
    (folder / os.fsdecode(b"\xff\xfe")).touch()


def deep(folder: Path) -> None:
    here = os.open(folder / "v1", os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d" * 50, dir_fd=here)
        inner = os.open("d" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def giant(folder: Path) -> None:
    os.truncate(folder / "inventory.json", 1 << 34)


def giant_sidecar(folder: Path) -> None:
    os.truncate(folder / "inventory.json.sha512", 1 << 34)


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Both inventories of the newest version changed, with sidecars that fit."""

    def rewrite(folder: Path) -> None:
        data = change((folder / "inventory.json").read_bytes())
        for place in (folder, folder / "v2"):
            (place / "inventory.json").write_bytes(data)
            (place / "inventory.json.sha512").write_text(f"{sha512(data).hexdigest()} inventory.json\n")

    return rewrite


def twice(data: bytes) -> bytes:
    return data.replace(b'"head": "v2"', b'"head": "v2", "head": "v2"')


def escaping(data: bytes) -> bytes:
    value = json.loads(data)
    digest = next(iter(value["manifest"]))
    value["manifest"][digest] = ["../../../../../etc/passwd"]
    return json.dumps(value).encode()


def nested(data: bytes) -> bytes:
    return b"[" * 200_000


def wrong_types(data: bytes) -> bytes:
    value = json.loads(data)
    value["versions"]["v1"]["state"] = [1]
    value["versions"]["v2"]["user"] = {"name": 1, "address": 2}
    value["manifest"] = [value["manifest"]]
    value["fixity"] = {"md5": [], "sha1": {"x": 1}, "zip": {}}
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (link, {"E090"}), (linked_folder, {"E090", "E092"}), (pipe, {"E090"}), (linked_inventory, {"E090"}),
        (flip, {"E092"}), (cut, {"E092"}), (lose, {"E092"}), (add, {"E023"}),
        (other_unicode, {"E092", "E023"}), (not_unicode, {"E090"}), (deep, {"E090"}),
        (giant, {"E033"}), (giant_sidecar, {"E061"}),
        (rewritten(twice), {"E033"}), (rewritten(escaping), {"E099"}), (rewritten(nested), {"E033"}),
        (rewritten(lambda data: data.replace(b"a.txt", b"\xff.txt")), {"E033"}),
        (rewritten(wrong_types), {"E050", "E054", "E056", "E057", "E106"}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_damage_and_attacks_are_found(folder: Path, harm: Callable[[Path], None], expected: set[str]) -> None:
    harm(folder)
    findings = validate_object(FolderStore(folder))
    assert expected <= {finding.code for finding in findings}, findings
    assert "root:" not in str(findings)
    for finding in findings:
        f"{finding.code} {finding.path} {finding.message}".encode()


def test_a_quick_check_finds_what_can_be_seen_without_reading(folder: Path) -> None:
    store = FolderStore(folder)
    flip(folder)
    assert validate_object(store, full=False) == []
    cut(folder)
    path = content_of(folder, "b.txt").relative_to(folder).as_posix()
    sizes = {path: 3}
    assert [f.code for f in validate_object(store, full=False, sizes=sizes)] == ["E092"]
    lose(folder)
    assert ("E092", path) in [(f.code, f.path) for f in validate_object(store, full=False)]


def test_strictly_every_change_is_found(folder: Path, tmp_path: Path) -> None:
    chance = random.Random(7)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for n in range(150):
        copy = tmp_path / "copy" / str(n)
        shutil.copytree(folder, copy)
        path = copy / chance.choice(files)
        data = bytearray(path.read_bytes())
        change = chance.choice(["flip", "cut", "lose"])
        if change == "flip":
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data[: chance.randrange(len(data))] if change == "cut" else data)
        if change == "lose":
            path.unlink()
        found = validate_object(FolderStore(copy), strict=True)
        assert any(finding.level == "error" for finding in found), (change, path)


def test_of_thousands_of_faults_some_are_told(folder: Path) -> None:
    for n in range(500):
        (folder / f"x{n}").touch()
    findings = validate_object(FolderStore(folder))
    assert len(findings) == 51 and findings[-1] == Finding("E001", "error", "450 more of these.")


def test_a_commit_that_is_going_on_is_no_fault(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "root", create=True)
    create_root(store)
    base = commit(store, "urn:x", {"a": b"1"})
    with begin(store, "urn:x", base=base, message="m", user=USER) as version:
        version.add("b", b"2")
        assert [f.code for f in validate_object(store, base.key)] == ["E046"]
        assert validate_object(store, base.key, grace=timedelta(hours=1)) == []
        assert [f.code for f in validate_object(store, base.key, grace=timedelta(0))] == ["E046"]


def test_progress_tells_every_byte_once(folder: Path) -> None:
    ticks: list[float] = []
    assert validate_object(FolderStore(folder), tick=ticks.append) == []
    assert sum(ticks) == 9


def test_an_object_on_another_store_is_checked_too(folder: Path) -> None:
    """Without folders of its own, as on S3."""
    from ocfl_help import Breaking

    store = Breaking(FolderStore(folder.parent), 10**9)
    assert validate_object(store, folder.name) == []
    shutil.rmtree(folder / "v1")
    assert "E046" in {f.code for f in validate_object(store, folder.name)}
