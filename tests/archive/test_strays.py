"""What lies on a store and is none of ours: said, never fatal, and never taken for something of ours."""

import shutil
from pathlib import Path

import pytest

from keeping import archive_with, contents, placed, recording
from oberih.archive import Archive, drill, open_archive, rebuild, replicate, verify
from oberih.archive.archive import RESTORING
from oberih.archive.identity import MARKERS
from oberih.archive.rebuild import surviving
from oberih.errors import KeyNeeded, OberihError, StoreError

Kept = tuple[Archive, dict[str, str], str]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    archive, secrets = archive_with(tmp_path, "second", "sealed", "locked")
    made = recording(archive, tmp_path)
    replicate(archive)
    return archive, secrets, made.id


def made_up(folder: Path, kind: str) -> Path:
    """A manifest of a version that there never was."""
    if kind == "folder":
        (folder / "v2.json").mkdir()
        (folder / "v2.json" / "x").write_bytes(b"x")
        return folder / "v2.json" / "x"
    good = (folder / "v1.json").read_bytes()
    (folder / "v2.json").write_bytes(b"junk" if kind == "junk" else good)
    return folder / "v2.json"


@pytest.mark.parametrize("kind", ["junk", "copy", "folder"])
@pytest.mark.parametrize("store", ["sealed", "locked"])
def test_what_is_no_manifest_is_a_stray(kept: Kept, store: str, kind: str) -> None:
    archive, _, one = kept
    stray = made_up(placed(archive, store, one), kind)
    (damage,) = verify(archive).damages
    assert (damage.store, {f.code for f in damage.findings}) == (store, {"package-unknown"})
    for _ in range(2):
        done = verify(archive, mend=True)
        assert done.lost == []
        if store == "sealed":
            assert done.whole and not stray.exists()  # in the quarantine
        else:
            (trouble,) = done.unhealed
            assert "no part of a package" in trouble.error.message and stray.exists()
    archive.index.close()
    assert archive.holding(store).head(one) == "v1"


@pytest.mark.parametrize("store", ["sealed", "locked"])
def test_a_rebuild_restores_what_is_beside_a_stray_and_says_it(
    kept: Kept, store: str, tmp_path: Path
) -> None:
    archive, secrets, one = kept
    before = contents(archive, one)
    stray = made_up(placed(archive, store, one), "junk")
    (tmp_path / store).rename(tmp_path / "survivor")
    done = rebuild(tmp_path / "new", source=str(tmp_path / "survivor"), identities=[secrets["ada"]])
    assert contents(done.archive, one) == before
    (trouble,) = [t for t in done.troubles if t.id]
    assert trouble.id == stray.relative_to(tmp_path / store).as_posix()


def test_a_new_version_goes_past_a_stray(kept: Kept) -> None:
    archive, secrets, one = kept
    for store in ("sealed", "locked"):
        made_up(placed(archive, store, one), "junk")
    described(archive, one)
    assert replicate(archive).troubles == []
    assert {d.store for d in verify(archive).damages} == set()
    assert (
        drill(archive, "locked").troubles
        == ()
        == drill(archive, "sealed", identities=[secrets["ada"]]).troubles
    )


def described(archive: Archive, identifier: str) -> None:
    from oberih.archive import describe
    from oberih.archive.metadata import Description

    describe(archive, identifier, Description.make({"titles": {"en": "A church"}, "kind": "building"}))


@pytest.mark.parametrize("store", ["sealed", "locked"])
@pytest.mark.parametrize("full", [True, False])
def test_a_folder_in_the_place_of_the_only_manifest(kept: Kept, store: str, full: bool) -> None:
    """Another attempt has another name: it heals where nothing can be removed, too."""
    archive, secrets, one = kept
    manifest = placed(archive, store, one) / "v1.json"
    manifest.unlink()
    manifest.mkdir()
    if full:
        (manifest / "x").write_bytes(b"x")
    done = verify(archive, mend=True)
    assert done.lost == []
    assert drill(archive, store, identities=[secrets["ada"]]).troubles == ()
    again = verify(archive, mend=True)
    if full and store == "locked":
        (trouble,) = again.unhealed
        assert "no part of a package" in trouble.error.message
    else:
        assert done.whole and again.whole and again.damages == []


def test_a_file_where_no_object_is_known(kept: Kept, tmp_path: Path) -> None:
    archive, _, _ = kept
    stray = tmp_path / "locked" / "objects" / "00" / ("00" * 32) / "v1.json.bak"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"x")
    assert verify(archive).strangers == [("locked", stray.relative_to(tmp_path / "locked").as_posix())]


# -- rebuilding ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", ["second", "locked"])
def test_an_object_behind_a_link_is_named(kept: Kept, tmp_path: Path, store: str) -> None:
    archive, _, one = kept
    place = placed(archive, store, one)
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    (tmp_path / store).rename(tmp_path / "survivor")
    for name in {"second", "sealed", "locked"} - {store}:
        shutil.rmtree(tmp_path / name)
    done = rebuild(tmp_path / "new", source=str(tmp_path / "survivor"))
    assert one not in done.archive.index
    (trouble,) = [t for t in done.troubles if t.id]
    assert isinstance(trouble.error, StoreError) and place.name in trouble.id


def test_a_rebuild_that_fails_leaves_nothing(kept: Kept, tmp_path: Path) -> None:
    archive, _, _ = kept
    for source, error in ((tmp_path / "nowhere", OberihError), (tmp_path / "sealed", KeyNeeded)):
        with pytest.raises(error):
            rebuild(tmp_path / "new", source=str(source))
        assert not (tmp_path / "new").exists()
    (tmp_path / "new").mkdir()
    with pytest.raises(KeyNeeded):
        rebuild(tmp_path / "new", source=str(tmp_path / "sealed"))
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(OberihError):
        rebuild(archive.folder, source=str(tmp_path / "nowhere"))
    assert verify(open_archive(archive.folder)).whole  # one that was there stays


def test_an_archive_is_taken_for_its_first_store(kept: Kept, tmp_path: Path) -> None:
    archive, _, one = kept
    assert surviving(archive, str(archive.folder))[1].store.url == str(archive.folder / "main")
    done = rebuild(tmp_path / "new", source=str(archive.folder))
    assert one in done.archive.index and not (tmp_path / "new" / RESTORING).exists()


def test_a_folder_in_the_place_of_the_index_is_moved_aside(kept: Kept) -> None:
    archive, _, one = kept
    archive.index.close()
    for path in archive.folder.glob("index.sqlite*"):
        path.unlink()
    (archive.folder / "index.sqlite").mkdir()
    (archive.folder / "index.sqlite" / "x").write_bytes(b"x")
    assert one in rebuild(archive.folder).archive.index
    (aside,) = archive.folder.glob("index.sqlite.*/x")
    assert aside.read_bytes() == b"x"
    shutil.rmtree(aside.parent)
    assert verify(open_archive(archive.folder)).whole


def test_a_rebuild_gives_the_main_store_its_marker_again(kept: Kept) -> None:
    archive, _, one = kept
    (archive.folder / "main" / MARKERS[0]).unlink()
    with pytest.raises(StoreError, match="not the store"):
        open_archive(archive.folder).store("main")
    assert one in rebuild(archive.folder).archive.index
    assert verify(open_archive(archive.folder)).whole
