"""Versions that went apart, or that are newer than all that is known: healing never takes them back."""

import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha512
from pathlib import Path

import pytest

from keeping import archive_with, flip, placed, recording, tree
from oberih.archive import Archive, describe, events_of, open_archive, replicate, verify
from oberih.archive.fixity import check as fixity
from oberih.archive.fixity.gather import sweep_scratch
from oberih.archive.lock import locked
from oberih.archive.metadata import Description
from oberih.archive.ocfl import mend as mending
from oberih.archive.ocfl import object_key
from oberih.archive.ocfl.objects import OcflObject
from oberih.archive.stores import Store
from oberih.errors import Conflict


def words(title: str) -> Description:
    return Description.make({"titles": {"en": title}})


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """One capture on two OCFL stores."""
    archive, _ = archive_with(tmp_path, "second")
    recording(archive, tmp_path)
    replicate(archive)
    return archive


@pytest.fixture
def capture(archive: Archive) -> str:
    (entry,) = archive.index.objects("capture")
    return entry.id


def forget(archive: Archive, identifier: str) -> None:
    """The writer of v2 died before it told the index."""
    describe(archive, identifier, words("Only here"))
    v1 = archive.store("second").read(f"{object_key(identifier)}/inventory.json")[0]
    with sqlite3.connect(archive.index.path) as db:
        digest = sha512(v1).hexdigest()
        db.execute("UPDATE objects SET head = 'v1', digest = ? WHERE id = ?", (digest, identifier))
        db.execute("UPDATE replicas SET head = 'v1' WHERE id = ? AND store = 'main'", (identifier,))


def set_back(archive: Archive, tmp_path: Path, identifier: str) -> Archive:
    """A newer version was made and copied; then the archive came back as it was yesterday."""
    shutil.copytree(archive.folder, tmp_path / "yesterday")
    describe(archive, identifier, words("The correction"))
    replicate(archive)
    shutil.rmtree(archive.folder)
    (tmp_path / "yesterday").rename(archive.folder)
    return open_archive(archive.folder)


@pytest.mark.parametrize("also", [(), ("inventory.json.sha512",), ("v2/inventory.json.sha512",)])
def test_a_version_that_only_one_store_has_is_rolled_forward(
    archive: Archive, capture: str, also: tuple[str, ...]
) -> None:
    forget(archive, capture)
    main = placed(archive, "main", capture)
    for name in ("inventory.json", *also):
        (flip if name == "inventory.json" else Path.unlink)(main / name)
    done = verify(archive, mend=True)
    assert done.whole and [d.store for d in done.healed] == ["main"]
    assert archive.object(capture).head == archive.entry(capture).head == "v2"
    assert b"Only here" in archive.object(capture).read("description.json")
    assert verify(archive).damages == [] and replicate(archive).copied["second"].count(capture) == 1


@pytest.mark.parametrize("harm", ["description.json", "v2/inventory.json"])
def test_a_newer_version_that_is_damaged_is_left_as_it_is(archive: Archive, capture: str, harm: str) -> None:
    forget(archive, capture)
    main = placed(archive, "main", capture)
    flip(main / "inventory.json")
    next(main.rglob(harm.rpartition("/")[2])).unlink() if "/" not in harm else flip(main / harm)
    before = tree(main)
    done = verify(archive, mend=True)
    assert not done.whole and done.healed == []
    (trouble,) = done.unhealed
    assert isinstance(trouble.error, Conflict) and "newer version" in trouble.error.message
    assert tree(main) == before


def test_an_archive_that_was_set_back_is_noticed(archive: Archive, capture: str, tmp_path: Path) -> None:
    archive = set_back(archive, tmp_path, capture)
    far = placed(archive, "second", capture)
    before = tree(far)
    done = verify(archive, mend=True)
    (damage,) = done.damages
    assert (damage.store, damage.findings[0].code) == ("second", "newer") and not done.whole
    (trouble,) = done.unhealed
    assert isinstance(trouble.error, Conflict)
    assert "oberih rebuild" in trouble.error.advice and "--from second" in trouble.error.advice
    assert tree(far) == before and not verify(archive).whole  # and again, every time


def test_two_histories_are_for_a_person(archive: Archive, capture: str, tmp_path: Path) -> None:
    archive = set_back(archive, tmp_path, capture)
    describe(archive, capture, words("Another"))
    far = placed(archive, "second", capture)
    before = tree(far)
    done = verify(archive, mend=True)
    assert [d.findings[0].code for d in done.damages] == ["other"] and done.healed == []
    assert isinstance(done.unhealed[0].error, Conflict) and tree(far) == before
    flip(next(path for path in far.rglob("photo-1.jpg")))  # and damaged besides
    before = tree(far)
    done = verify(archive, mend=True)
    assert isinstance(done.unhealed[0].error, Conflict) and tree(far) == before
    flip(far / "inventory.json")  # v2/inventory.json still tells of the other history
    before = tree(far)
    done = verify(archive, mend=True)
    assert isinstance(done.unhealed[0].error, Conflict) and tree(far) == before
    assert [e.outcome for e in events_of(archive, capture) if e.type == "recovery"] == ["failure"] * 3
    shutil.move(far, tmp_path / "set aside by hand")
    done = verify(archive, mend=True)
    assert [d.store for d in done.healed] == ["second"]
    assert {store for store, _ in done.strangers} == {"second"}  # the journal of the copy that was forgotten


def test_a_version_that_comes_while_another_is_healed(
    archive: Archive, capture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a writer whom the lock does not reach, on another machine."""
    flip(next(placed(archive, "main", capture).rglob("photo-0.jpg")))
    true, wrote = mending.newest_here, []

    def look(target: Store, good: OcflObject, here: dict[str, int]) -> object:
        if not wrote:
            wrote.append(describe(archive, capture, words("Meanwhile")))
        return true(target, good, here)

    monkeypatch.setattr(mending, "newest_here", look)
    done = verify(archive, objects=[capture], mend=True)
    assert archive.object(capture).head == archive.entry(capture).head == "v2"
    assert done.whole and verify(archive).whole and not list((archive.folder / "main").glob("extensions/*q*"))


def test_what_is_set_aside_keeps_its_path(archive: Archive, capture: str) -> None:
    main = placed(archive, "main", capture)
    for name in ("v1/content/one/letter.txt", "v1/content/two/letter.txt"):
        (main / name).parent.mkdir()
        (main / name).write_bytes(name.encode())
    assert verify(archive, mend=True).whole
    kept = list((archive.folder / "main" / "extensions").rglob("letter.txt"))
    assert (
        {p.read_bytes().decode() for p in kept}
        == {str(p).partition(object_key(capture) + "/")[2] for p in kept}
        == {"v1/content/one/letter.txt", "v1/content/two/letter.txt"}
    )


@pytest.mark.parametrize("name", ["inventory.json.sha512", "v1/inventory.json.sha512"])
def test_in_what_we_wrote_every_byte_counts(archive: Archive, capture: str, name: str) -> None:
    """To OCFL, these say the same."""
    path = placed(archive, "main", capture) / name
    wrote = path.read_bytes()
    path.write_bytes(wrote[:128].upper() + wrote[128:])
    done = verify(archive, mend=True)
    assert done.whole and [d.findings[0].code for d in done.healed] == ["E061"]
    assert path.read_bytes() == wrote


def test_nobody_heals_while_somebody_writes(
    archive: Archive, capture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oberih.archive.lock.WAIT_S", 0.1)
    flip(next(placed(archive, "main", capture).rglob("photo-0.jpg")))
    with ThreadPoolExecutor(1) as other, locked(archive.folder, exclusive=False):
        done = other.submit(verify, archive, mend=True).result()
    assert isinstance(done.unhealed[0].error, Conflict) and not done.whole
    assert verify(archive, mend=True).whole


def test_scratch_folders_of_the_killed_are_swept(archive: Archive, capture: str) -> None:
    old, young, other = (archive.folder / name for name in (".healing-old", ".drill-young", "mine"))
    for folder in (old, young, other):
        (folder / "root").mkdir(parents=True)
    for folder in (old, other):
        os.utime(folder, (0, 0))
    verify(archive, mend=True)
    assert not old.exists() and young.exists() and other.exists() and capture
    sweep_scratch(archive.folder)
    assert young.exists()


def test_many_copies_are_written_down_at_once(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(1, 6):
        recording(archive, tmp_path, seed)
    calls = []
    true = archive.index.put
    monkeypatch.setattr(archive.index, "put", lambda *given: (calls.append(given), true(*given))[1])
    monkeypatch.setattr(fixity, "write_down", lambda *_: [])
    done = verify(archive, stores=["main"])
    assert done.checked >= 6 and len(calls) == 1
