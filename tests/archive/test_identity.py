"""Stores are known by their markers: not mounted, another in their place, two names for one."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from keeping import archive_with, contents, flip, make, placed, recording, tree
from oberih.archive import Archive, open_archive, rebuild, replicate, short_of_policy, verify
from oberih.archive.identity import MARKERS, identity
from oberih.archive.index import GOOD, Replica
from oberih.archive.people.records import add_person, person_data, withdraw_person
from oberih.archive.stores import Store, open_store
from oberih.errors import InputError, KeyNeeded, NotInArchive, StoreError
from oberih.settings import StoreSettings
from ocfl_help import ocfl_py_root


def without_id(archive: Archive, name: str) -> None:
    """As somebody writes it by hand."""
    archive.change_settings(lambda table: table["stores"][name].pop("id"))


def test_every_store_gets_a_marker_that_the_settings_know(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second", "sealed", "locked")
    known = {name: given.id for name, given in archive.settings.stores.items()}
    assert len(set(known.values())) == 4 and all(known.values())
    for name, marker in known.items():
        assert identity(archive.open(archive.settings.stores[name])) == marker
        assert list(archive.holding(name).places()) == []
    made = recording(archive, tmp_path)
    assert replicate(archive).troubles == [] and verify(archive).whole
    assert ocfl_py_root(tmp_path / "second") == "" and contents(archive, made.id)


@pytest.mark.parametrize("name", ["second", "locked", "sealed"])
def test_a_disk_that_is_not_mounted(tmp_path: Path, name: str) -> None:
    """Its folder is there, and empty: nothing is copied into it, and what it holds is not taken for lost."""
    archive, _ = archive_with(tmp_path, name)
    recording(archive, tmp_path)
    replicate(archive)
    (tmp_path / name).rename(tmp_path / "away")
    (tmp_path / name).mkdir()
    archive = open_archive(archive.folder)
    recording(archive, tmp_path, 1)
    (trouble,) = replicate(archive).troubles
    assert "not the store" in trouble.error.message and "mounted" in trouble.error.advice
    done = verify(archive, mend=True)
    assert not done.whole and done.damages == [] and [t.store for t in done.troubles] == [name]
    assert tree(tmp_path / name) == {}
    (tmp_path / name).rmdir()
    (tmp_path / "away").rename(tmp_path / name)
    assert replicate(archive).troubles == [] and verify(archive).whole


def test_another_disk_in_its_place(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second", "sealed")
    shutil.copytree(tmp_path / "second", tmp_path / "was second")
    shutil.rmtree(tmp_path / "second")
    archive_with(tmp_path / "theirs", "second")
    shutil.copytree(tmp_path / "theirs" / "second", tmp_path / "second")
    before = tree(tmp_path / "second")
    with pytest.raises(StoreError, match="not the store"):
        open_archive(archive.folder).store("second")
    assert tree(tmp_path / "second") == before


def test_the_main_store_is_not_mounted(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    made = recording(archive, tmp_path)
    replicate(archive)
    main = archive.folder / "main"
    main.rename(tmp_path / "away")
    main.mkdir()
    for _ in range(2):
        with pytest.raises(StoreError, match="not the store"):
            rebuild(archive.folder)
        with pytest.raises(StoreError, match="nowhere"):  # nothing is made before the other store is there
            rebuild(archive.folder, source=str(tmp_path / "nowhere"))
        with pytest.raises(StoreError):
            recording(open_archive(archive.folder), tmp_path, 1)
        assert made.id in open_archive(archive.folder).index and tree(main) == {}
    (archive.folder / "index.sqlite").unlink()
    with pytest.raises(StoreError):
        open_archive(archive.folder)
    done = rebuild(archive.folder, source="second")  # this is how a new one is made
    assert contents(done.archive, made.id) and verify(done.archive).whole
    assert open_archive(archive.folder).settings.stores["main"].id == identity(done.archive.main)
    shutil.rmtree(main)
    shutil.copytree(tmp_path / "away", main)
    with pytest.raises(StoreError, match="not the store"):  # the old one is another
        rebuild(archive.folder, source="second")


def test_settings_were_lost_and_the_main_store_is_not_mounted(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    (folder / "main").mkdir(parents=True)
    with pytest.raises(NotInArchive):
        rebuild(folder)
    assert tree(folder) == {}


def test_two_names_for_one_store(tmp_path: Path, s3: Any) -> None:
    archive, _ = make(tmp_path / "archive")
    (tmp_path / "link").symlink_to(archive.folder / "main")
    shutil.copytree(archive.folder / "main", tmp_path / "copy")
    for place in (f"file://{archive.folder}/main", str(tmp_path / "link"), str(tmp_path / "copy")):
        with pytest.raises(InputError, match="at this place"):
            archive.add_store("b", StoreSettings(url=place))
        with pytest.raises(InputError, match="at this place"):
            archive.add_store("b", StoreSettings(url=place, append_only=True))
    archive.add_store("far", StoreSettings(url=s3.url(), access_key=s3.access_key, secret_key=s3.secret_key))
    url = archive.settings.stores["far"].url
    keys = {"access_key": s3.access_key, "secret_key": s3.secret_key}
    with pytest.raises(InputError, match="at this place"):
        archive.add_store("b", StoreSettings.model_validate({"url": f"{url}&region=elsewhere", **keys}))
    archive.change_settings(
        lambda table: table["stores"].update(b={**table["stores"]["main"], "url": str(tmp_path / "copy")})
    )
    with pytest.raises(StoreError, match="at this place"):
        archive.store("b")


@pytest.mark.parametrize("name", ["second", "locked"])
def test_settings_that_were_written_by_hand(tmp_path: Path, name: str) -> None:
    archive, _ = archive_with(tmp_path, name)
    known = archive.settings.stores[name].id
    without_id(archive, name)
    open_archive(archive.folder).store(name)
    assert open_archive(archive.folder).settings.stores[name].id == known  # it had a marker
    shutil.rmtree(tmp_path / name)
    (tmp_path / name).mkdir()
    without_id(archive, name)
    recording(archive, tmp_path)
    assert replicate(open_archive(archive.folder)).troubles == []
    archive = open_archive(archive.folder)
    assert archive.settings.stores[name].id not in ("", known) and verify(archive).whole
    next(tmp_path.glob(f"{name}/**/*store.json")).unlink()
    without_id(archive, name)
    assert verify(open_archive(archive.folder)).whole  # an older archive's: it holds objects as we keep them
    shutil.rmtree(tmp_path / name)
    (tmp_path / name / "photos").mkdir(parents=True)
    (tmp_path / name / "photos" / "mine.jpg").write_bytes(b"something else")
    without_id(archive, name)
    with pytest.raises(StoreError, match="something else"):
        open_archive(archive.folder).store(name)


def test_a_marker_that_is_damaged(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    flip(tmp_path / "second" / MARKERS[0], at=0)
    with pytest.raises(StoreError, match="damaged") as caught:
        open_archive(archive.folder).store("second")
    assert "delete" in caught.value.advice


def test_a_lost_store_is_replaced(tmp_path: Path) -> None:
    """As docs/archive.md tells it: under another name, and under the same."""
    archive, _ = archive_with(tmp_path, "second", copies=2)
    made = recording(archive, tmp_path)
    replicate(archive)
    shutil.rmtree(tmp_path / "second")
    archive.change_settings(lambda table: table["stores"].pop("second"))
    everything = len(list(archive.index.objects()))
    for again in (archive, open_archive(archive.folder)):
        assert short_of_policy(again) == everything
        assert {store for store, *_ in again.index.held()} == {"main"}
    archive.add_store("second", StoreSettings(url=str(tmp_path / "new"), threat="x"))
    assert made.id in replicate(archive).copied["second"] and short_of_policy(archive) == 0
    assert placed(archive, "second", made.id).is_dir()

    text = (archive.folder / "oberih.toml").read_text()  # by hand: another place under the old name
    known = archive.settings.stores["second"].id
    (tmp_path / "newest").mkdir()
    changed = text.replace(f'id = "{known}"', "").replace(str(tmp_path / "new"), str(tmp_path / "newest"))
    (archive.folder / "oberih.toml").write_text(changed)
    archive = open_archive(archive.folder)
    assert short_of_policy(archive) > 1
    assert made.id in replicate(archive).copied["second"] and verify(archive).whole


def test_copies_that_were_checked_in_the_future_are_read_again(tmp_path: Path) -> None:
    archive, _ = make(tmp_path / "archive")
    made = recording(archive, tmp_path)
    archive.index.put([], [Replica(made.id, "main", "v1", GOOD, "2940-01-01T00:00:00.000000Z")])
    flip(next(placed(archive, "main", made.id).rglob("photo-0.jpg")))
    assert not verify(archive).whole


def test_append_only_stores_are_marked_once(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "locked")
    before = tree(tmp_path / "locked")
    for _ in range(2):
        open_archive(archive.folder).store("locked")
    store: Store = open_store(tmp_path / "locked")
    assert tree(tmp_path / "locked") == before and identity(store) == archive.settings.stores["locked"].id


def test_a_marker_of_endless_depth(tmp_path: Path) -> None:
    """Whoever keeps one store cannot stop the others."""
    archive, secrets = archive_with(tmp_path, "second", "sealed")
    stork = add_person(archive, {"name": "Stork"})
    replicate(archive)
    (tmp_path / "sealed/oberih-store.json").write_text("[" * 4000)
    archive = open_archive(archive.folder)
    assert withdraw_person(archive, stork, "request").unfinished == ("sealed",)
    with pytest.raises(KeyNeeded, match="withdrew"):
        person_data(archive, stork, list(secrets.values()))
