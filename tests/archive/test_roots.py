"""What lies around the objects: the files of storage roots, an index that was lost, a disk that is full."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keeping import archive_with, contents, flip, make, recording, tree
from oberih.archive import open_archive, rebuild, replicate, verify
from oberih.archive.index import GOOD, UNCHECKED, remove_index
from oberih.archive.ocfl import object_keys
from oberih.archive.ocfl.root import root_damages, root_files
from oberih.archive.people.records import add_person
from oberih.archive.stores import open_store
from oberih.errors import Conflict, InputError, NotInArchive, OutputError
from oberih.settings import StoreSettings
from ocfl_help import ocfl_py_root

FILES = list(root_files())


@pytest.mark.parametrize("key", FILES)
@pytest.mark.parametrize("harm", [Path.unlink, flip])
def test_files_of_a_storage_root_are_checked_and_healed(tmp_path: Path, key: str, harm: Any) -> None:
    archive, _ = archive_with(tmp_path, "second")
    recording(archive, tmp_path)
    replicate(archive)
    for root in (archive.folder / "main", tmp_path / "second"):
        before = (root / key).read_bytes()
        harm(root / key)
        found = verify(archive)
        assert not found.whole and [(d.store, d.findings[0].path) for d in found.damages] == [
            (root.name, key)
        ]
        assert verify(archive, mend=True).whole and verify(archive).whole
        assert (root / key).read_bytes() == before and ocfl_py_root(root) == ""


def test_a_root_that_another_program_made_is_left_alone(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    (tmp_path / "second" / FILES[2]).rename(tmp_path / "second" / "0=ocfl_1.0")
    (tmp_path / "second" / "0=ocfl_1.0").write_text("ocfl_1.0\n")
    assert root_damages(archive.store("second")) == []
    layout = archive.folder / "main" / FILES[1]
    layout.write_text(json.dumps(json.loads(layout.read_text())))  # in other words
    assert root_damages(archive.main) == []
    layout.write_text('{"extension": "0002-flat-direct-storage-layout", "description": "flat"}')
    other = archive.folder / "main" / "flat"
    other.mkdir()
    (other / "0=ocfl_object_1.1").write_text("ocfl_object_1.1\n")
    assert root_damages(archive.main) == []


def test_a_copy_brings_them_too(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    (tmp_path / "second" / FILES[2]).unlink()
    recording(archive, tmp_path)
    assert replicate(archive).troubles == [] and ocfl_py_root(tmp_path / "second") == ""


@pytest.mark.parametrize("lost", [FILES[:1], FILES[1:2], FILES[2:], FILES])
def test_everything_comes_back_from_objects_without_them(tmp_path: Path, lost: list[str]) -> None:
    archive, _ = archive_with(tmp_path, "second")
    made = recording(archive, tmp_path)
    replicate(archive)
    for key in lost:
        (tmp_path / "second" / key).unlink()
        (archive.folder / "main" / key).unlink()
    done = rebuild(tmp_path / "new", source=str(tmp_path / "second"))
    assert done.troubles == [] and not done.no_settings
    assert contents(done.archive, made.id) == contents(archive, made.id)
    for path in [*archive.folder.glob("index.sqlite*"), archive.folder / "oberih.toml"]:
        path.unlink()
    again = rebuild(archive.folder)
    assert contents(again.archive, made.id) and not again.no_settings
    assert ocfl_py_root(archive.folder / "main") == ""


def test_settings_and_people_are_on_every_store(tmp_path: Path) -> None:
    """Whichever store survives."""
    archive, _ = make(tmp_path / "archive", copies=2)
    for n in range(4):
        archive.add_store(f"disk{n}", StoreSettings(url=str(tmp_path / f"disk{n}"), threat="one house"))
    pseudonym = add_person(archive, {"name": "Somebody"})
    made = recording(archive, tmp_path)
    assert replicate(archive).troubles == []
    assert len(archive.targets(made.id, "capture")) == 2
    for n in range(4):
        done = rebuild(tmp_path / f"new{n}", source=str(tmp_path / f"disk{n}"))
        assert not done.no_settings and len(done.archive.settings.stores) == 5
        assert [entry.title for entry in done.archive.index.objects("person")] == [pseudonym]
    assert verify(archive).whole


def test_settings_that_are_nowhere_are_missed(tmp_path: Path) -> None:
    archive, _ = make(tmp_path / "archive")
    recording(archive, tmp_path)
    done = rebuild(tmp_path / "new", source=str(archive.folder / "main"))
    assert done.no_settings and done.restored == 1


@pytest.mark.parametrize("kind", ["empty", "without tables"])
def test_an_index_that_was_emptied_is_lost(tmp_path: Path, kind: str) -> None:
    archive, _ = archive_with(tmp_path, "second")
    made = recording(archive, tmp_path)
    index = archive.folder / "index.sqlite"
    archive.index.close()
    remove_index(index)
    if kind == "empty":
        index.touch()
    else:
        with sqlite3.connect(index) as db:
            db.execute("PRAGMA journal_mode = WAL")
        db.close()
    with pytest.raises(NotInArchive, match="is gone; the objects are there"):
        open_archive(archive.folder)
    assert rebuild(archive.folder).troubles == []
    assert made.id in open_archive(archive.folder).index


def test_an_empty_archive_whose_index_was_emptied_goes_on(tmp_path: Path) -> None:
    archive, _ = make(tmp_path / "archive")
    archive.index.close()
    remove_index(archive.folder / "index.sqlite")
    (archive.folder / "index.sqlite").touch()
    assert list(open_archive(archive.folder).index.objects()) == []


@pytest.mark.parametrize("kind", ["second", "sealed"])
def test_an_older_index_learns_of_copies_that_were_made_since(tmp_path: Path, kind: str) -> None:
    archive, _ = archive_with(tmp_path, kind)
    made = recording(archive, tmp_path)
    archive.index.close()
    shutil.copy(archive.folder / "index.sqlite", tmp_path / "older")
    replicate(archive)
    archive.index.close()
    remove_index(archive.folder / "index.sqlite")
    shutil.copy(tmp_path / "older", archive.folder / "index.sqlite")
    again = open_archive(archive.folder)
    verify(again, full=False)
    states = {replica.store: replica.state for replica in again.index.replicas(made.id)}
    assert states[kind] == UNCHECKED
    verify(again)
    assert {r.state for r in again.index.replicas(made.id)} == {GOOD}


def test_a_disk_that_is_full_is_not_blamed_on_the_index(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path)
    with archive.index.opened() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutputError, match="disk is full") as caught:
        archive.index.set_note("long", "x" * 1_000_000)
    assert "rebuild" not in caught.value.advice


@pytest.mark.parametrize(
    ("name", "kind"), [("READONLY", OutputError), ("CANTOPEN", OutputError), ("IOERR", OutputError),
                       ("BUSY", Conflict), ("CORRUPT", InputError)]
)  # fmt: skip
def test_who_is_to_blame(tmp_path: Path, name: str, kind: type[Exception]) -> None:
    archive, _ = archive_with(tmp_path)
    error = sqlite3.OperationalError("no")
    error.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{name}") | 2 << 8
    told = archive.index.broken(error)
    assert type(told) is kind and ("rebuild" in told.advice) == (name == "CORRUPT")


@pytest.mark.parametrize("open_elsewhere", [False, True])
def test_an_archive_that_may_only_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_elsewhere: bool
) -> None:
    archive, _ = archive_with(tmp_path)
    made = recording(archive, tmp_path)
    if not open_elsewhere:
        archive.index.close()
    before = tree(archive.folder)
    monkeypatch.setattr(os, "access", lambda *_: False)
    again = open_archive(archive.folder)
    assert again.entry(made.id).title == "Recording 0" and contents(again, made.id)
    assert made.id in {entry.id for entry in again.index.objects()}
    with pytest.raises(OutputError, match="only be read"):
        again.index.set_note("any", "thing")
    again.index.close()
    assert tree(archive.folder).keys() == before.keys()


READ = """
import sys
from oberih.archive import open_archive
print(len(list(open_archive(sys.argv[1]).index.objects())))
"""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path)
    recording(archive, tmp_path)
    archive.index.close()
    archive.folder.chmod(0o500)
    try:
        done = subprocess.run(
            [sys.executable, "-c", READ, str(archive.folder)], capture_output=True, check=True
        )
    finally:
        archive.folder.chmod(0o700)
    assert done.stdout.strip() == b"2"


def test_a_place_inside_of_another_store(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    (tmp_path / "link").symlink_to(tmp_path / "second")
    before = tree(tmp_path)
    for place in ("second/inner", "link/inner", "archive/main/inner", "archive", "."):
        with pytest.raises(InputError, match="one in the other"):
            archive.add_store("b", StoreSettings(url=str(tmp_path / place), append_only=place == "archive"))
    assert tree(tmp_path) == before
    archive.add_store("b", StoreSettings(url=str(tmp_path / "second one")))


def test_a_prefix_inside_of_another(tmp_path: Path, s3: Any) -> None:
    archive, _ = archive_with(tmp_path)
    keys = {"access_key": s3.access_key, "secret_key": s3.secret_key}
    archive.add_store("far", StoreSettings.model_validate({"url": s3.url(), **keys}))
    where, _, query = archive.settings.stores["far"].url.partition("?")
    for place, why in (
        (f"{where}/inner", "one in"),
        (where.rpartition("/")[0], "one in"),
        (f"{where}/", "at this"),
    ):
        with pytest.raises(InputError, match=why):
            archive.add_store("b", StoreSettings.model_validate({"url": f"{place}?{query}", **keys}))
    archive.add_store("b", StoreSettings.model_validate({"url": f"{where}two?{query}", **keys}))


def test_keys_of_a_new_store_are_in_the_environment(
    tmp_path: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, _ = archive_with(tmp_path)
    monkeypatch.setenv("OBERIH_STORES__NEW__ACCESS_KEY", s3.access_key)
    monkeypatch.setenv("OBERIH_STORES__NEW__SECRET_KEY", s3.secret_key)
    archive.add_store("new", StoreSettings(url=s3.url(), threat="new"))
    recording(archive, tmp_path)
    assert replicate(open_archive(archive.folder)).troubles == []
    assert s3.secret_key not in (archive.folder / "oberih.toml").read_text()


@pytest.mark.parametrize("kind", ["main", "second", "sealed"])
def test_the_store_of_another_archive(tmp_path: Path, kind: str) -> None:
    theirs, _ = archive_with(tmp_path / "theirs", *{kind} - {"main"})
    recording(theirs, tmp_path)
    replicate(theirs)
    place = theirs.place(theirs.settings.stores[kind])
    archive, _ = make(tmp_path / "archive")
    before = tree(Path(place))
    with pytest.raises(InputError, match="objects of another archive"):
        archive.add_store("b", StoreSettings(url=place, untrusted=kind == "sealed"))
    assert tree(Path(place)) == before and list(archive.settings.stores) == ["main"]


def test_a_store_that_was_once_ours_may_come_back(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    recording(archive, tmp_path)
    replicate(archive)
    given = archive.settings.stores["second"]
    archive.change_settings(lambda table: table["stores"].pop("second"))
    archive.add_store("again", StoreSettings(url=given.url))
    assert verify(archive).whole and len(list(object_keys(open_store(given.url)))) > 1
