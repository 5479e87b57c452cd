"""Every damage is found, and healed from what is good; where nothing good is left, nothing is changed."""

import os
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from keeping import archive_with, contents, files_of, flip, make, placed, recording, tree, truncate
from oberih.archive import Archive, describe, events_of, heal, open_archive, replicate, verify
from oberih.archive.fixity import check as fixity
from oberih.archive.index import Replica, instant
from oberih.archive.metadata import Description
from oberih.archive.ocfl import begin, create_root, object_key
from oberih.archive.packages import manifests, package_prefix, read_manifest
from oberih.archive.stores.folder import FolderStore
from oberih.errors import (
    Cancelled,
    Conflict,
    Damaged,
    InputError,
    KeyNeeded,
    NotInArchive,
    OutputError,
    StoreError,
)
from oberih.progress import Event, Progress
from ocfl_help import commit, ocfl_py_root

WORDS = Description.make({"titles": {"en": "Church"}})


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two captures, one of them with two versions, on four stores."""
    archive, _ = archive_with(tmp_path, "second", "sealed", "locked")
    first = recording(archive, tmp_path, 1)
    recording(archive, tmp_path, 2)
    describe(archive, first.id, WORDS)
    assert replicate(archive).troubles == []
    return archive


@pytest.fixture
def first(archive: Archive) -> str:
    return next(e.id for e in archive.index.objects("capture") if e.head == "v2")


def one(folder: Path, pattern: str) -> Path:
    return min(folder.rglob(pattern))


def delete(path: Path) -> None:
    path.unlink()


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_bytes(b"x")


def to_folders(path: Path) -> None:
    """In which there is no file."""
    path.unlink()
    (path / "a" / "b").mkdir(parents=True)


def to_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def beside(path: Path) -> None:
    (path.parent / "stranger.txt").write_bytes(b"I was not deposited")


DAMAGES: list[Callable[[Path], None]] = [
    flip,
    truncate,
    delete,
    empty,
    to_folder,
    to_folders,
    to_link,
    beside,
]
IN_OCFL = ["photo-1.jpg", "inventory.json", "inventory.json.sha512", "v1/inventory.json", "v2/inventory.json",
           "v1/inventory.json.sha512", "premis.xml", "description.json", "0=ocfl_object_1.1"]  # fmt: skip
IN_PACKAGES = ["v1", "v2", "v1.json", "v2.json"]
PLACES = [
    *((store, file) for store in ("main", "second") for file in IN_OCFL),
    *((store, file) for store in ("sealed", "locked") for file in IN_PACKAGES),
]


def current(archive: Archive, store: str, identifier: str, file: str) -> Path:
    """A file of an object: in a package store, "v1" is the package and "v1.json" its manifest."""
    folder = placed(archive, store, identifier)
    if store in ("main", "second"):
        return folder / file if "/" in file or "." not in file[-5:] or file[0] in "i0" else one(folder, file)
    far, prefix = archive.store(store), package_prefix(identifier)
    key = manifests(far, prefix)[int(file[1])]  # of the last attempt
    return folder / (key.rpartition("/")[2] if file.endswith("json") else read_manifest(far, key).file)


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_found_and_healed(
    archive: Archive, first: str, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each place after the other."""
    monkeypatch.setattr(fixity, "write_down", lambda *_: "")  # for speed: the journals are tested below
    before = contents(archive, first)
    for store, file in PLACES:
        if damage is beside and store in ("sealed", "locked"):
            continue  # nothing refers to it: no damage
        if damage in (to_folder, to_link) and store == "locked":
            continue  # where nothing can be removed, a person has to
        damage(current(archive, store, first, file))
        done = verify(archive, objects=[first], mend=True)
        assert [d.store for d in done.damages] == [store] == [d.store for d in done.healed], (
            store,
            file,
            done,
        )
        assert done.whole
    archive = open_archive(archive.folder)
    assert contents(archive, first) == before and verify(archive).damages == []
    main, second = (placed(archive, store, first) for store in ("main", "second"))
    assert {p.relative_to(main): d for p, d in tree(main).items()} == {
        p.relative_to(second): d for p, d in tree(second).items()
    }
    assert ocfl_py_root(archive.folder / "main") == "" == ocfl_py_root(archive.folder.parent / "second")


def test_everything_of_an_object_is_gone(archive: Archive, first: str) -> None:
    for store in ("main", "second", "sealed", "locked"):
        for path in files_of(placed(archive, store, first)):
            path.unlink()
            if store != "locked":
                path.mkdir()  # which holds nothing
        done = verify(archive, mend=True)
        assert [(d.store, d.id) for d in done.healed] == [(store, first)] and done.whole


def test_healing_is_written_down(archive: Archive, first: str) -> None:
    flip(one(placed(archive, "second", first), "photo-0.jpg"))
    verify(archive, mend=True)
    failed, healed = [
        e for e in events_of(archive, first) if "second" in e.detail and e.type != "replication"
    ]
    assert (failed.type, failed.outcome) == ("fixity check", "failure") and "E092" in failed.note
    assert (healed.type, healed.outcome) == ("recovery", "success")
    assert {r.state for r in archive.index.replicas(first)} == {"good"}


def test_what_does_not_belong_is_set_aside_not_destroyed(archive: Archive, first: str) -> None:
    (placed(archive, "main", first) / "v1" / "content" / "letter.txt").write_bytes(b"somebody's only copy")
    assert verify(archive, mend=True).whole
    kept = list((archive.folder / "main" / "extensions").rglob("letter.txt"))
    assert [path.read_bytes() for path in kept] == [b"somebody's only copy"]
    assert ocfl_py_root(archive.folder / "main") == ""


def test_each_copy_is_damaged_elsewhere(archive: Archive, first: str) -> None:
    """No copy is whole, and no package can be opened: good files from each make a whole one."""
    before = contents(archive, first)
    main, second = placed(archive, "main", first), placed(archive, "second", first)
    flip(one(main, "photo-0.jpg"))
    delete(one(main, "premis.xml"))
    flip(main / "inventory.json")
    truncate(one(second, "photo-1.jpg"))
    flip(second / "v1" / "inventory.json")
    for store in ("sealed", "locked"):
        for path in files_of(placed(archive, store, first)):
            path.unlink()
    done = verify(archive, mend=True)
    assert done.whole and {d.store for d in done.healed} == {"main", "second", "sealed", "locked"}
    assert contents(archive, first) == before
    assert list(archive.folder.glob(".healing-*")) == []


def test_only_a_package_is_good(archive: Archive, first: str) -> None:
    before = contents(archive, first)
    for store in ("main", "second"):
        for path in files_of(placed(archive, store, first)):
            truncate(path)
    assert verify(archive, mend=True).whole and contents(archive, first) == before


def test_only_an_encrypted_package_is_good(tmp_path: Path) -> None:
    archive, secrets = archive_with(tmp_path, "sealed")
    made = recording(archive, tmp_path)
    replicate(archive)
    flip(one(placed(archive, "main", made.id), "photo-0.jpg"))
    before = tree(placed(archive, "main", made.id))
    done = verify(archive, mend=True)
    assert isinstance(done.lost[0].error, KeyNeeded) and done.healed == []
    assert tree(placed(archive, "main", made.id)) == before
    assert verify(archive, mend=True, identities=[secrets["bohdan"]]).whole


def test_no_good_copy_is_left(archive: Archive, first: str, tmp_path: Path) -> None:
    """The same file is damaged everywhere: said loudly, and not a byte is changed."""
    for store in ("main", "second"):
        flip(one(placed(archive, store, first), "photo-0.jpg"))
    for store in ("sealed", "locked"):
        flip(one(placed(archive, store, first), "v1.*.tar*"))
    folders = [placed(archive, store, first) for store in ("main", "second", "sealed", "locked")]
    before = tree(*folders)
    done = verify(archive, mend=True)
    assert len(done.damages) == 4 and done.healed == [] and not done.whole
    (lost,) = done.lost
    assert isinstance(lost.error, Damaged) and lost.error.exit_code == 13 and lost.id == first
    assert "photo-0.jpg" in lost.error.message and "Nothing was changed" in lost.error.advice
    assert tree(*folders) == before
    assert [e.outcome for e in events_of(archive, first) if e.type == "recovery"] == ["failure"]
    assert {r.state for r in archive.index.replicas(first)} == {"damaged"}
    assert verify(archive, mend=True).lost[0].error.message == lost.error.message  # and again, every time


def test_a_store_that_takes_nothing_keeps_no_other_from_being_healed(
    archive: Archive, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in ("main", "second"):
        flip(one(placed(archive, store, first), "photo-0.jpg"))

    def full(*_: object) -> int:
        raise StoreError("There is no room left.", "Free some room.")

    monkeypatch.setattr(archive.store("main"), "write", full)
    done = verify(archive, objects=[first], mend=True)
    assert [d.store for d in done.healed] == ["second"] and done.lost == []
    assert [(t.store, t.id) for t in done.unhealed] == [("main", first)] and not done.whole


def test_a_store_that_is_away_is_not_damage(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "second").rename(tmp_path / "unplugged")
    done = verify(open_archive(archive.folder))
    assert [t.store for t in done.troubles] == ["second"] and done.damages == [] and not done.whole
    (tmp_path / "unplugged").rename(tmp_path / "second")
    assert verify(open_archive(archive.folder)).whole


def test_one_object_of_somebody_else_put_in_the_place_of_ours(archive: Archive, first: str) -> None:
    """Whole in itself, with inventories and digests that fit: but not what was deposited."""
    store = FolderStore(archive.folder.parent / "forged", create=True)
    create_root(store)
    base = commit(store, first, {"photo-0.jpg": b"another"})
    commit(store, first, {"object.json": b"{}"}, base)
    place = placed(archive, "second", first)
    place.rename(place.with_name("true"))
    (store.root / object_key(first)).rename(place)
    done = verify(archive, stores=["second"], mend=True)
    assert [d.findings[0].code for d in done.damages] == ["other"]
    assert isinstance(done.unhealed[0].error, Conflict) and not done.whole  # a person has to look
    place.rename(place.with_name("forged"))
    place.with_name("true").rename(place)
    assert verify(archive, objects=[first]).damages == []


def test_quick_reads_no_content(archive: Archive, first: str) -> None:
    flip(one(placed(archive, "main", first), "photo-0.jpg"))
    assert verify(archive, full=False).whole
    delete(one(placed(archive, "main", first), "photo-0.jpg"))
    truncate(one(placed(archive, "locked", first), "v1.*.tar"))
    found = verify(archive, full=False)
    assert {d.store for d in found.damages} == {"main", "locked"} and found.bytes == 0


class Counting:
    """Counts the copies that are checked, and stops the run after some."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop_after: int = 10**9) -> None:
        self.progress, self.guard = Progress(), threading.Lock()
        self.checked: list[tuple[str, str]] = []
        true = fixity.check

        def check(holding: Any, entry: Any, *arguments: Any, **named: Any) -> Any:
            found = true(holding, entry, *arguments, **named)
            with self.guard:
                self.checked.append((holding.store.url, entry.id))
                if len(self.checked) >= stop_after:
                    self.progress.stop.set()
            return found

        monkeypatch.setattr(fixity, "check", check)


def test_a_full_run_that_was_stopped_goes_on(
    archive: Archive, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(10, 16):
        recording(archive, tmp_path, seed)
    flip(one(placed(archive, "main", first), "photo-0.jpg"))
    counting = Counting(monkeypatch, stop_after=5)
    with pytest.raises(Cancelled):
        verify(archive, stores=["main"], mend=True, progress=counting.progress)
    monkeypatch.undo()
    early = set(counting.checked)
    assert 5 <= len(early) <= 7
    counting = Counting(monkeypatch)
    done = verify(archive, stores=["main"], mend=True, progress=counting.progress)
    again = early & set(counting.checked)
    damaged_early = {(url, i) for url, i in early if i == first}
    assert again == damaged_early  # damage is never forgotten
    assert done.whole and [d.id for d in done.healed] == [first]
    monkeypatch.undo()
    assert verify(archive, stores=["main"]).checked >= len(early | set(counting.checked))  # from the start


def test_a_run_that_was_stopped_long_ago_is_not_taken_up(archive: Archive) -> None:
    archive.index.set_note("verifying main", instant(datetime.now(UTC) - timedelta(days=200)))
    assert verify(archive, stores=["main"]).checked == len(list(archive.index.objects())) - 1


def test_what_a_stopped_run_found_is_told(
    archive: Archive, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(one(placed(archive, "main", first), "photo-0.jpg"))
    flip(one(placed(archive, "second", first), "photo-0.jpg"))
    counting = Counting(monkeypatch, stop_after=len(list(archive.index.objects())) + 1)
    with pytest.raises(Cancelled):
        verify(archive, progress=counting.progress)
    assert "failure" in [e.outcome for e in events_of(archive, first) if e.type == "fixity check"]


def test_only_what_is_due(archive: Archive, first: str) -> None:
    assert verify(archive, due=True).checked == 0
    before = instant(datetime.now(UTC) - timedelta(days=91))
    archive.index.put([], [Replica(first, "second", "v2", "good", before)])
    done = verify(archive, due=True)
    assert done.checked == 1 and done.good == {"second": [first]}
    assert verify(archive, due=True).checked == 0
    archive.change_settings(lambda table: table.update(verify_every_days=1))
    archive.index.put(
        [], [Replica(first, "main", "v2", "good", instant(datetime.now(UTC) - timedelta(days=2)))]
    )
    assert verify(archive, due=True).good == {"main": [first]}


def test_the_rate_is_kept(archive: Archive, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(fixity.time, "sleep", slept.append)
    done = verify(archive, stores=["main"], rate=0.001)
    assert sum(slept) > 0 and max(slept) > 0.5 * done.bytes / 1000  # as if 1 kB took a second
    slept.clear()
    verify(archive, stores=["main"])
    assert sum(slept) == 0


def test_what_nobody_knows_is_named(archive: Archive, tmp_path: Path) -> None:
    other, _ = make(tmp_path / "other")
    made = recording(other, tmp_path, 9)
    shutil.copytree(placed(other, "main", made.id), placed(archive, "main", made.id))
    theirs = recording(other, tmp_path, 8)
    shutil.copytree(placed(other, "main", theirs.id), placed(archive, "second", theirs.id))
    with begin(archive.main, "urn:other:program", message="m", user=("Other", "urn:x")) as version:
        version.add("file", b"data")
        version.finish()
    done = verify(archive)
    assert not done.whole and set(done.strangers) == {
        ("main", object_key("urn:other:program")), ("second", object_key(theirs.id)),
    }  # fmt: skip
    assert archive.entry(made.id).title == "Recording 9"  # its deposit was cut off: it is taken in


def test_a_new_version_that_the_index_was_not_told_of(
    archive: Archive, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer died between the two."""
    monkeypatch.setattr("oberih.archive.deposit.registered", lambda *_: None)
    describe(archive, first, WORDS)
    monkeypatch.undo()
    assert archive.entry(first).head == "v2" and archive.object(first).head == "v3"
    assert verify(archive, mend=True).whole
    assert archive.entry(first).head == "v3"
    assert first in replicate(archive).copied["locked"]


def test_leftovers_are_swept_when_they_are_old(archive: Archive, first: str) -> None:
    left = placed(archive, "main", first) / "v3" / "content" / "abcd1234" / "photo.jpg"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of a deposit that was killed")
    assert verify(archive, mend=True).swept == [] and left.exists()
    long_ago = datetime.now(UTC).timestamp() - 8 * 86400
    os.utime(left, (long_ago, long_ago))
    (store, key), *_ = verify(archive, mend=True).swept
    assert store == "main" and key.endswith("abcd1234/photo.jpg") and not left.exists()


def test_asking_for_what_is_not_there(archive: Archive, first: str) -> None:
    with pytest.raises(NotInArchive):
        verify(archive, stores=["third"])
    with pytest.raises(InputError, match="mistyped"):
        verify(archive, objects=[first[:-1] + ("0" if first[-1] != "0" else "1")])
    flip(one(placed(archive, "main", first), "photo-0.jpg"))
    assert heal(archive, first).whole and verify(archive).whole


def test_no_room_to_put_a_copy_together(
    archive: Archive, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in ("main", "second"):
        flip(one(placed(archive, store, first), "photo-0.jpg"))

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    done = verify(archive, objects=[first], mend=True)
    assert isinstance(done.lost[0].error, OutputError) and "No space" in done.lost[0].error.message


def test_progress_of_a_check(archive: Archive) -> None:
    events: list[Event] = []
    verify(archive, progress=Progress(events.append))
    stages = [event.stage for event in events if event.kind == "done"]
    assert stages == ["verifying main", "verifying locked", "verifying sealed", "verifying second"]
