"""How the whole recipe fails: bad input, full disks, folders and photos that change meanwhile."""

import errno
import hashlib
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from oberih.errors import (
    Cancelled,
    InputError,
    NoOverlap,
    NoPhotos,
    OberihError,
    OutputError,
    UnreadablePhoto,
    UnusablePhotos,
)
from oberih.progress import Event, Progress
from oberih.reconstruct import KnownDistance, Mark, Result, reconstruct
from recipe import FILES, copied, names, quick, stop_in
from synthetic import Shot, arc, courtyard, take, write_photos

pytestmark = pytest.mark.xdist_group("pipeline")  # the run below is made once


@contextmanager
def nothing_that_looks_whole(out: Path) -> Iterator[None]:
    yield
    assert not out.exists() or not (FILES & {path.name for path in out.iterdir()})


def refused(photos: list[Path], out: Path, kind: type[OberihError], words: str) -> OberihError:
    with nothing_that_looks_whole(out), pytest.raises(kind, match=words) as caught:
        reconstruct(photos, out, quick())
    assert caught.value.advice, "every error says what to do"
    return caught.value


def test_no_photos_and_one_photo(given: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused([tmp_path / "empty"], tmp_path / "out", NoPhotos, "no photos")
    refused([given / "photo-000.jpg"], tmp_path / "out", NoPhotos, "only one photo")
    refused(iter([given / "photo-000.jpg"]), tmp_path / "out", NoPhotos, "only one photo")
    refused([given / "missing"], tmp_path / "out", InputError, "missing")


def test_a_mistyped_path_makes_no_folder(given: Path, tmp_path: Path) -> None:
    refused([given, given / "missing"], tmp_path / "out", InputError, "missing")
    assert not (tmp_path / "out").exists()


def test_marks_are_checked_before_any_work(given: Path, tmp_path: Path) -> None:
    good = (Mark("photo-000.jpg", 10, 10), Mark("photo-001.jpg", 20, 10))
    for bad, words in [
        (Mark("photo-99.jpg", 1, 1), "photo-99.jpg, which is not one"),
        (Mark("photo-002.jpg", 99999, 1), "99999,1 in photo-002.jpg, which is only"),
    ]:
        events: list[Event] = []
        with pytest.raises(InputError, match=words) as caught:
            reconstruct(
                given, tmp_path / "out", quick(), progress=Progress(events.append),
                scale=KnownDistance(1.0, good, (*good, bad)),
            )  # fmt: skip
        assert caught.value.exit_code == 2 and caught.value.advice
        assert set(names(events, "stage")) == {"reading"}


def test_files_that_are_no_photos(given: Path, tmp_path: Path) -> None:
    refused([given / "notes.txt"], tmp_path / "out", UnreadablePhoto, "text file")
    video = tmp_path / "walk.mp4"
    video.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    refused([video, given / "photo-000.jpg"], tmp_path / "out", UnreadablePhoto, "video")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    refused([tmp_path / "dot.png", given / "photo-000.jpg"], tmp_path / "out", UnreadablePhoto, "1 x 1")
    refused([given / "broken.jpg", given / "photo-000.jpg"], tmp_path / "out", UnreadablePhoto, "broken.jpg")
    many = [given / "broken.jpg", tmp_path / "dot.png", given / "photo-000.jpg"]
    error = refused(many, tmp_path / "out", UnreadablePhoto, "dot.png|broken.jpg")
    assert all(name in f"{error.message} {error.advice}" for name in ("dot.png", "broken.jpg"))
    (tmp_path / "text.jpg").write_text("These are words.")
    error = refused(
        [given / "broken.jpg", tmp_path / "text.jpg"], tmp_path / "out", UnreadablePhoto, "broken.jpg"
    )
    assert "text.jpg" in error.advice


def test_duplicates_only(given: Path, tmp_path: Path) -> None:
    refused([given / "photo-000.jpg", given / "same.jpg"], tmp_path / "out", UnusablePhotos, "same picture")


def test_all_blurred(shots: list[Shot], tmp_path: Path) -> None:
    import cv2

    for shot in shots[:3]:
        soft = cv2.GaussianBlur(shot.image, (0, 0), 14)
        Image.fromarray(soft).save(tmp_path / shot.view.name, quality=95)
    refused([tmp_path], tmp_path / "out", UnusablePhotos, "blurred")


def test_photos_of_different_things(shots: list[Shot], tmp_path: Path) -> None:
    other = take(courtyard(seed=500), arc(2, degrees=20))
    one = write_photos(shots[:1], tmp_path / "one")
    two = write_photos(other[:1], tmp_path / "two")
    error = refused([*one, *two], tmp_path / "out", NoOverlap, "photos")
    assert "many places" in error.advice or "in between" in error.advice or "side" in error.advice


def test_a_panorama_and_a_huge_picture(given: Path, tmp_path: Path) -> None:
    Image.effect_noise((1600, 400), 80).convert("RGB").save(tmp_path / "wide.jpg")
    refused([tmp_path / "wide.jpg", given / "photo-000.jpg"], tmp_path / "out", UnreadablePhoto, "panorama")
    # 400 megapixels by its header: refused before it is decoded.
    tiny = (given / "photo-001.jpg").read_bytes()
    at = tiny.index(b"\xff\xc0")
    (tmp_path / "huge.jpg").write_bytes(tiny[: at + 5] + struct.pack(">HH", 20000, 20000) + tiny[at + 9 :])
    refused([tmp_path / "huge.jpg", given / "photo-000.jpg"], tmp_path / "out", UnreadablePhoto, "megapixels")


def test_out_that_can_not_be_written(given: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="file, not a folder"):
        reconstruct([given], tmp_path / "file", quick())
    with pytest.raises(OutputError, match="Cannot write"):
        reconstruct([given], tmp_path / "file" / "out", quick())
    if Path("/proc/self").exists():
        with pytest.raises(OutputError, match="Cannot write to /proc/oberih"):
            reconstruct([given], "/proc/oberih", quick())
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("name", ["a" * 300, "nul\0", ""])
def test_a_name_that_no_folder_can_have(given: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError if name else InputError) as caught:
        reconstruct([given], name and str(tmp_path / name), quick())
    assert caught.value.advice and not list(tmp_path.iterdir())


def test_a_folder_that_may_not_be_looked_at(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Path.stat

    def closed(self: Path, **options: bool) -> os.stat_result:
        if self.is_relative_to(tmp_path / "locked") and self != tmp_path / "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return look(self, **options)

    monkeypatch.setattr(Path, "stat", closed)
    with pytest.raises(OutputError, match="Permission denied"):
        reconstruct([given], tmp_path / "locked" / "out", quick())
    with pytest.raises(InputError, match="Permission denied"):
        reconstruct([tmp_path / "locked" / "x.jpg"], tmp_path / "out", quick())


@pytest.mark.parametrize("lost", [".", "work"])
def test_a_folder_that_is_removed_meanwhile(made: Result, given: Path, tmp_path: Path, lost: str) -> None:
    out = tmp_path / "out"  # as if everything but the last stage was done
    shutil.copytree(made.out / "work", out / "work")
    (out / "work" / "fidelity" / "stage.json").unlink()
    progress = Progress()

    def listen(event: Event) -> None:
        if (event.kind, event.stage) == ("tick", "fidelity"):
            shutil.rmtree(out / lost, ignore_errors=True)

    progress.listener = listen
    with pytest.raises(OutputError, match="removed while Oberih worked") as caught:
        reconstruct([given], out, quick(), progress=progress)
    assert "again" in caught.value.advice
    with pytest.raises(Cancelled):  # the same command is not refused for what is left
        reconstruct([given], out, quick(), progress=stop_in("judging"))


def test_a_result_without_its_cameras_is_not_published(made: Result, given: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(made.out / "work", out / "work")
    (out / "work" / "fidelity" / "stage.json").unlink()
    progress = Progress()

    def listen(event: Event) -> None:
        if (event.kind, event.stage) == ("stage", "fidelity"):
            (out / "work" / "poses" / "sparse" / "images.bin").unlink(missing_ok=True)

    progress.listener = listen
    with nothing_that_looks_whole(out), pytest.raises(OutputError, match="removed while Oberih worked"):
        reconstruct([given], out, quick(), progress=progress)
    reconstruct([given], out, quick())
    assert {path.name for path in (out / "sparse").iterdir()} == {"cameras.bin", "images.bin", "points3D.bin"}


@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [("vanishes", UnreadablePhoto, "cannot be read"), ("changes", InputError, "was changed")],
)
def test_a_photo_that_changes_meanwhile(
    made: Result, given: Path, tmp_path: Path, what: str, kind: type[OberihError], words: str
) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(given, photos, ignore=lambda *_: {"model"})
    settings = replace(quick(), depth=replace(quick().depth, max_size=200))
    out = copied(made, tmp_path)
    progress = Progress()

    def listen(event: Event) -> None:
        if (event.kind, event.stage) == ("stage", "images"):
            (photos / "photo-002.jpg").unlink()
            if what == "changes":
                shutil.copy(photos / "photo-003.jpg", photos / "photo-002.jpg")

    progress.listener = listen
    with pytest.raises(kind, match=f"photo-002.jpg {words}") as caught:
        reconstruct([photos], out, settings, progress=progress)
    assert "again" in caught.value.advice
    assert not (out / "work" / "depth" / "stage.json").exists()


@pytest.mark.parametrize("name", ["judgements.json", "measured.json", "report.html", "report.json"])
def test_a_full_disk(
    made: Result, given: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up while ``name`` is written; with room again, the run goes on."""
    out = copied(made, tmp_path)
    (out / "report.json").unlink()
    if name == "judgements.json":
        shutil.rmtree(out / "work" / "judge")
    if name == "measured.json":
        shutil.rmtree(out / "work" / "measure")
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.name == name + ".part":
            write(self, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="full") as caught:
        reconstruct([given], out, quick())
    assert caught.value.exit_code == 8 and "space" in caught.value.advice
    assert not (out / "report.json").exists()
    monkeypatch.undo()
    assert reconstruct([given], out, quick()).report_json.is_file()


def test_two_runs_in_one_folder(given: Path, made: Result) -> None:
    import fcntl

    with (made.out / "work" / "oberih.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="Another run"):
            reconstruct([given], made.out, quick())


def test_a_folder_of_somebody_s_is_left_alone(given: Path, tmp_path: Path) -> None:
    precious = tmp_path / "out" / "work" / "judge" / "verdict.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("Guilty.")
    refused([given], tmp_path / "out", OutputError, "did not make")
    assert precious.read_text() == "Guilty."


def test_photos_are_never_written_to(given: Path, made: Result) -> None:
    recorded = {one.name: one.sha256 for one in made.report.photos}
    now = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in given.glob("*.jpg")}
    assert {name: now[name] for name in recorded} == recorded
