"""A capture is safe in the archive before anything works on it. The work itself is replaced."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keeping import archive_with, contents, flip, folder_with, placed
from oberih.archive import Archive, Deposited, describe, short_of_policy
from oberih.archive.metadata import Description
from oberih.errors import Cancelled, InputError, NoOverlap
from oberih.progress import Progress
from oberih.work import preserve_and_reconstruct, walk

PHOTOS = {"one.jpg": b"one", "two.jpg": b"two"}
Replace = Callable[[Callable[[], None]], list[Any]]


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Archive, Path]:
    archive, _ = archive_with(tmp_path, "second")
    return archive, folder_with(tmp_path / "photos", PHOTOS)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Replace:
    """Replaces the work by an act and a result; gives what the work was asked."""

    def replace(act: Callable[[], None]) -> list[Any]:
        asked: list[Any] = []

        def reconstruct(photos: Any, out: Path, settings: Any, **named: Any) -> Any:
            asked.append((photos, out, settings, named))
            act()
            report = json.dumps({"surface": {"triangles": 12}}).encode()
            folder_with(Path(out), {"model.glb": b"glTF", "report.json": report, "paradata.json": b"{}",
                                    "work/big.npy": b"not kept"})  # fmt: skip
            return SimpleNamespace(report_json=Path(out) / "report.json")

        monkeypatch.setattr(walk, "reconstruct", reconstruct)
        return asked

    return replace


def captures(archive: Archive) -> list[str]:
    return [entry.id for entry in archive.index.objects("capture")]


def test_the_capture_is_safe_before_the_work_begins(
    kept: tuple[Archive, Path], tmp_path: Path, work: Replace
) -> None:
    archive, photos = kept

    def look() -> None:
        (capture,) = captures(archive)
        assert contents(archive, capture)["originals/one.jpg"] == b"one"
        stores = {r.store for r in archive.index.replicas(capture) if r.state == "good"}
        assert stores == {"main", "second"}  # its copies too

    asked = work(look)
    done = preserve_and_reconstruct(archive, [photos], tmp_path / "out", title="Church")
    assert len(asked) == 1 and asked[0][0] == [photos]
    about = json.loads(archive.object(done.model.id).read("object.json"))
    assert about["captures"] == [{"id": done.capture.id, "version": "v1", "digest": done.capture.digest}]
    assert archive.entry(done.capture.id).title == about["title"] == "Church"
    assert "work/big.npy" not in done.model.files and done.troubles == ()
    assert short_of_policy(archive) == 0


@pytest.mark.parametrize("error", [NoOverlap("No.", "Go around it."), Cancelled("Stopped."), MemoryError()])
def test_work_that_fails_leaves_the_capture_safe(
    kept: tuple[Archive, Path], tmp_path: Path, work: Replace, error: BaseException
) -> None:
    archive, photos = kept

    def fail() -> None:
        raise error

    work(fail)
    with pytest.raises(type(error)):
        preserve_and_reconstruct(archive, [photos], tmp_path / "out")
    (capture,) = captures(archive)
    assert contents(archive, capture)["originals/two.jpg"] == b"two"
    work(lambda: None)
    done = preserve_and_reconstruct(archive, [photos], tmp_path / "out")
    assert done.capture.id == capture and captures(archive) == [capture]  # not deposited twice


def test_the_same_again_is_no_other_model(kept: tuple[Archive, Path], tmp_path: Path, work: Replace) -> None:
    archive, photos = kept
    work(lambda: None)
    first = preserve_and_reconstruct(archive, [photos], tmp_path / "out")
    describe(archive, first.model.id, Description.make({"titles": {"en": "Church"}}))
    again = preserve_and_reconstruct(archive, [photos], tmp_path / "out")
    assert again.model.id == first.model.id and again.model.version == "v2"
    (photos / "three.jpg").write_bytes(b"three")
    other = preserve_and_reconstruct(archive, [photos], tmp_path / "out")
    assert other.model.id != first.model.id and len(list(archive.index.objects("model"))) == 2


def test_receipts_are_given_before_anything_else_can_go_wrong(
    kept: tuple[Archive, Path], tmp_path: Path, work: Replace, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, photos = kept
    work(lambda: None)
    receipts: list[Deposited] = []

    def stopped(*_: object, **__: object) -> None:
        raise Cancelled("Stopped.")

    monkeypatch.setattr(walk, "replicate", stopped)
    with pytest.raises(Cancelled):
        preserve_and_reconstruct(archive, [photos], tmp_path / "out", tell=receipts.append)
    assert [one.id for one in receipts] == captures(archive)


def test_another_photo_is_another_capture(kept: tuple[Archive, Path], tmp_path: Path, work: Replace) -> None:
    archive, photos = kept
    work(lambda: None)
    first = preserve_and_reconstruct(archive, [photos], tmp_path / "out")
    (photos / "three.jpg").write_bytes(b"three")
    second = preserve_and_reconstruct(archive, [photos], tmp_path / "out")
    assert first.capture.id != second.capture.id and len(captures(archive)) == 2


def test_the_result_among_the_photos_is_not_a_recording(kept: tuple[Archive, Path], work: Replace) -> None:
    archive, photos = kept
    work(lambda: None)
    first = preserve_and_reconstruct(archive, [photos], photos / "out")
    second = preserve_and_reconstruct(archive, [photos], photos / "out")
    assert first.capture == second.capture
    assert [p for p in first.capture.files if "out/" in p] == []


def test_a_store_that_is_away_keeps_nobody_from_working(
    kept: tuple[Archive, Path], tmp_path: Path, work: Replace
) -> None:
    archive, photos = kept
    (tmp_path / "second").rename(tmp_path / "unplugged")
    archive.opened.pop("second")
    work(lambda: None)
    done = preserve_and_reconstruct(archive, [photos], tmp_path / "out")
    assert {trouble.store for trouble in done.troubles} == {"second"} and done.model.id


def test_an_old_capture_that_is_damaged_keeps_nobody_from_working(
    kept: tuple[Archive, Path], tmp_path: Path, work: Replace
) -> None:
    archive, photos = kept
    work(lambda: None)
    first = preserve_and_reconstruct(archive, [photos], tmp_path / "out")
    flip(placed(archive, "main", first.capture.id) / "inventory.json")
    second = preserve_and_reconstruct(archive, [photos], tmp_path / "out")
    assert second.capture.id != first.capture.id


def test_nothing_to_work_on(kept: tuple[Archive, Path], tmp_path: Path, work: Replace) -> None:
    archive, _ = kept
    asked = work(lambda: None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        preserve_and_reconstruct(archive, [tmp_path / "empty"], tmp_path / "out")
    progress = Progress()
    progress.stop.set()
    with pytest.raises(Cancelled):
        preserve_and_reconstruct(archive, [kept[1]], tmp_path / "out", progress=progress)
    assert asked == [] and captures(archive) == []
