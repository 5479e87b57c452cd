"""Cameras found from rendered photos, whose true cameras are known; sets that cannot work are refused."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from oberih.capture import Photo, Position, find_photos
from oberih.errors import Cancelled, NoOverlap, NoPhotos, StageFailed
from oberih.geometry import View
from oberih.i18n import language
from oberih.progress import Event, Progress
from oberih.reconstruct import poses as poses_module
from oberih.reconstruct._mapping import filled
from oberih.reconstruct.poses import Poses, PoseSettings, estimate_poses, read_poses
from synthetic import Rectangle, Shot, World, arc, courtyard, look_at, take, write_photos

QUICK = PoseSettings(max_features=3000, upsample_below=0)


def photos_of(shots: Sequence[Shot], folder: Path) -> tuple[Photo, ...]:
    write_photos(shots, folder)
    return find_photos([folder]).photos


def centre_errors(views: Sequence[View], truth: Sequence[View]) -> NDArray[np.float64]:
    """Distances between camera centres after the best similarity (Umeyama 1991), in units of the truth."""
    by_name = {view.name: view.pose.centre for view in truth}
    a = np.array([view.pose.centre for view in views])
    b = np.array([by_name[view.name] for view in views])
    a0, b0 = a - a.mean(0), b - b.mean(0)
    U, S, Vt = np.linalg.svd(a0.T @ b0)
    D = np.diag([1, 1, np.sign(np.linalg.det(U @ Vt))])
    R = (U @ D @ Vt).T
    scale = (S * np.diag(D)).sum() / (a0**2).sum()
    return np.linalg.norm(scale * a0 @ R.T - b0, axis=1)


@pytest.fixture(scope="module")
def found(shots: list[Shot], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Poses, list[Event]]:
    """Six photos: two JPEG with EXIF, the others without, as PNG of 8 and 16 bits, TIFF and grey."""
    folder = tmp_path_factory.mktemp("mixed photos")
    write_photos(shots[:2], folder)
    kinds = ["п'ять.png", "three bits.png", "b.tif", "grey.jpg"]
    names = {shot.view.name: kind for shot, kind in zip(shots[2:], kinds, strict=True)}
    for shot, kind in zip(shots[2:], kinds, strict=True):
        picture = Image.fromarray(shot.image)
        if kind == "three bits.png":
            cv2.imwrite(str(folder / kind), shot.image[..., ::-1].astype(np.uint16) * 257)
        else:
            (picture.convert("L") if kind.startswith("grey") else picture).save(folder / kind, quality=95)
    events: list[Event] = []
    out = tmp_path_factory.mktemp("stage")
    found = estimate_poses(find_photos([folder]).photos, out, QUICK, Progress(events.append))
    (out / "names.json").write_text(json.dumps(names))
    return out, found, events


def test_all_cameras_are_where_they_were(found: tuple[Path, Poses, list[Event]], shots: list[Shot]) -> None:
    out, poses, _ = found
    names = json.loads((out / "names.json").read_text())
    truth = [replace(shot.view, name=names.get(shot.view.name, shot.view.name)) for shot in shots]
    assert set(poses.registered) == {view.name for view in truth}
    assert not poses.unregistered and not poses.parts
    assert centre_errors(poses.scene.views, truth).max() < 0.02  # of 4.2 m
    for view in poses.scene.views:
        assert view.camera.fx == pytest.approx(shots[0].view.camera.fx, rel=0.01)


def test_points_lie_on_the_surface_and_have_its_colour(
    found: tuple[Path, Poses, list[Event]], shots: list[Shot]
) -> None:
    scene = found[1].scene
    view = next(i for i, v in enumerate(scene.views) if v.name == shots[0].view.name)
    mine = scene.observed_view == view
    column, row = scene.observed_px[mine].astype(int).T
    seen = shots[0].image[row, column].astype(int)
    assert np.median(np.abs(seen - scene.colours[scene.observed_point[mine]])) < 12


def test_figures_and_cameras_are_told(found: tuple[Path, Poses, list[Event]]) -> None:
    poses = found[1]
    stats = poses.stats
    assert 0 < stats.reprojection_rms_px < 1
    assert stats.points == len(poses.scene.points) > 200
    assert stats.mean_track_length == pytest.approx(stats.observations / stats.points)
    assert 10 < stats.typical_angle_deg < 70
    assert (stats.mapper, stats.pairing) == ("incremental", "exhaustive")
    sources = {camera.focal_source: len(camera.photos) for camera in poses.cameras}
    assert sources == {"35 mm equivalent": 2, "": 4}


def test_the_folder_holds_the_result_and_nothing_else(found: tuple[Path, Poses, list[Event]]) -> None:
    out, poses, _ = found
    assert {path.name for path in out.iterdir()} == {"sparse", "poses.json", "names.json"}
    assert {path.name for path in (out / "sparse").iterdir()} == {"cameras.bin", "images.bin", "points3D.bin"}
    again = read_poses(out)
    assert (again.registered, again.stats, again.cameras) == (poses.registered, poses.stats, poses.cameras)


def test_progress_has_three_stages_that_end(found: tuple[Path, Poses, list[Event]]) -> None:
    events = found[2]
    assert [e.stage for e in events if e.kind == "stage"] == ["features", "matching", "mapping"]
    assert [e.stage for e in events if e.kind == "done"] == ["features", "matching", "mapping"]
    ticks = {
        name: [e.done for e in events if e.kind == "tick" and e.stage == name]
        for name in ("features", "mapping")
    }
    assert ticks["features"] == [1, 2, 3, 4, 5, 6]
    assert ticks["mapping"]


def test_the_same_again_to_the_last_bit(shots: list[Shot], tmp_path: Path) -> None:
    photos = photos_of(shots[:4], tmp_path / "photos")
    for name in ("one", "two"):
        estimate_poses(photos, tmp_path / name, QUICK)
    for file in ("cameras.bin", "images.bin", "points3D.bin"):
        one, two = (tmp_path / name / "sparse" / file for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes(), file


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(replace(QUICK, exhaustive_up_to=2, overlap=1, similar=2), id="not exhaustive"),
        pytest.param(replace(QUICK, mapper="global"), id="global"),
        pytest.param(replace(QUICK, max_pixels=150_000), id="reduced"),
    ],
)
def test_other_ways_find_the_same(settings: PoseSettings, shots: list[Shot], tmp_path: Path) -> None:
    photos = photos_of(shots, tmp_path / "photos")
    if settings.overlap == 1:
        here = Position(50.0, 30.0)
        photos = tuple(replace(photo, position=here) for photo in photos)
    poses = estimate_poses(photos, tmp_path / "out", settings)
    assert len(poses.registered) == len(shots)
    assert centre_errors(poses.scene.views, [shot.view for shot in shots]).max() < 0.04
    if settings.overlap == 1:
        assert poses.stats.pairing == "sequential, similar and nearby"
        assert not any(
            "30" in p.read_text() for p in (tmp_path / "out").glob("*.json") if "position" in p.read_text()
        )
    if settings.mapper == "global":
        assert poses.stats.mapper == "global"


def test_two_things_are_two_parts(shots: list[Shot], tmp_path: Path) -> None:
    write_photos(shots[:4], tmp_path / "photos")
    others = take(courtyard(seed=500), arc(2, degrees=20))
    for shot in others:
        Image.fromarray(shot.image).save(tmp_path / "photos" / f"other-{shot.view.name}", quality=95)
    Image.effect_noise((640, 480), 60).save(tmp_path / "photos" / "noise.jpg", quality=95)
    poses = estimate_poses(find_photos([tmp_path / "photos"]).photos, tmp_path / "out", QUICK)
    assert set(poses.registered) == {shot.view.name for shot in shots[:4]}
    assert poses.parts == (tuple(f"other-{shot.view.name}" for shot in others),)
    assert "another part" in poses.unregistered[poses.parts[0][0]]
    assert "shows nothing that other photos show" in poses.unregistered["noise.jpg"]


def test_photos_of_different_things_are_refused(shots: list[Shot], tmp_path: Path) -> None:
    other = take(courtyard(seed=500), arc(1))
    write_photos(shots[:1], tmp_path)
    Image.fromarray(other[0].image).save(tmp_path / "other.jpg", quality=95)
    with pytest.raises(NoOverlap, match="same thing") as caught:
        estimate_poses(find_photos([tmp_path]).photos, tmp_path / "out", QUICK)
    assert "many places" in caught.value.advice
    assert language("uk")(caught.value.message) != caught.value.message
    assert not (tmp_path / "out" / "sparse").exists()


def test_a_camera_that_only_turned_is_refused_with_the_right_advice(tmp_path: Path) -> None:
    first = arc(1)[0]
    eye = first.pose.centre
    views = [
        replace(first, name=f"turned-{i}.jpg", pose=look_at(eye, (x, 0.3, 0.7)))
        for i, x in enumerate((-0.5, 0.0, 0.5))
    ]
    photos = photos_of(take(courtyard(), views), tmp_path / "photos")
    with pytest.raises(NoOverlap, match="same place") as caught:
        estimate_poses(photos, tmp_path / "out", QUICK)
    assert "step to the side" in caught.value.advice


EYE = arc(1)[0].pose.centre


def turned(targets: Sequence[float]) -> list[View]:
    """Views from one place, at the courtyard's left and right."""
    first = arc(1)[0]
    return [
        replace(first, name=f"turned-{i}.jpg", pose=look_at(EYE, (x, 0.3, 0.7 + 0.1 * (i % 2))))
        for i, x in enumerate(targets)
    ]


@pytest.mark.parametrize("exif", [True, False])
@pytest.mark.parametrize("targets", [(-0.4, 0.4), (-1, -0.6, -0.2, 0.2, 0.6, 1)], ids=["two", "six"])
def test_a_panorama_is_refused_whatever_adjustment_makes_of_it(
    targets: Sequence[float], exif: bool, tmp_path: Path
) -> None:
    """Without a focal length in EXIF, a wrong one explains turned photos by depths that nobody measured."""
    write_photos(take(courtyard(), turned(targets)), tmp_path / "photos", exif=exif)
    with pytest.raises(NoOverlap, match="same place"):
        estimate_poses(find_photos([tmp_path / "photos"]).photos, tmp_path / "out", QUICK)
    assert not (tmp_path / "out" / "sparse").exists()


def test_a_panorama_beside_a_smaller_set_is_left_out(shots: list[Shot], tmp_path: Path) -> None:
    panorama = take(courtyard(seed=500), turned(np.linspace(-1, 1, 6)))
    write_photos(shots[:4], tmp_path / "photos", exif=False)
    write_photos(panorama, tmp_path / "photos", exif=False)
    poses = estimate_poses(find_photos([tmp_path / "photos"]).photos, tmp_path / "out", QUICK)
    assert set(poses.registered) == {shot.view.name for shot in shots[:4]}
    assert poses.parts == (tuple(shot.view.name for shot in panorama),)


@pytest.mark.parametrize("exif", [True, False])
def test_a_flat_fresco_from_several_places_is_no_panorama(exif: bool, tmp_path: Path) -> None:
    wall = World((Rectangle(np.array([-3.0, 0, 0]), np.array([6.0, 0, 0]), np.array([0, 0, 3.0]), seed=3),))
    stand = [((-1, -2, 1.2), (-0.6, 0, 1.4)), ((-0.4, -2.3, 1.7), (-0.3, 0, 1.5)),
             ((0.3, -2.1, 1.4), (0.2, 0, 1.6)), ((0.9, -1.9, 1.6), (0.7, 0, 1.4))]  # fmt: skip
    first = arc(1)[0]
    views = [replace(first, name=f"{i}.jpg", pose=look_at(*places)) for i, places in enumerate(stand)]
    write_photos(take(wall, views), tmp_path / "photos", exif=exif)
    poses = estimate_poses(find_photos([tmp_path / "photos"]).photos, tmp_path / "out", QUICK)
    assert len(poses.registered) == 4
    if exif:  # else nothing flat tells the focal length
        assert centre_errors(poses.scene.views, views).max() < 0.05  # of 2 m


def test_two_photos_are_enough(tmp_path: Path) -> None:
    shots = take(courtyard(), arc(2, degrees=12))
    poses = estimate_poses(photos_of(shots, tmp_path / "photos"), tmp_path / "out", QUICK)
    assert len(poses.registered) == 2
    assert 5 < poses.stats.typical_angle_deg < 15


def test_one_photo_is_too_few(shots: list[Shot], tmp_path: Path) -> None:
    with pytest.raises(NoPhotos):
        estimate_poses(photos_of(shots[:1], tmp_path / "photos"), tmp_path / "out")


def test_a_photo_that_is_gone_is_left_out_and_told(shots: list[Shot], tmp_path: Path) -> None:
    photos = photos_of(shots[:5], tmp_path / "photos")
    photos[2].path.unlink()
    poses = estimate_poses(photos, tmp_path / "out", QUICK)
    assert len(poses.registered) == 4
    assert "cannot be read" in poses.unregistered[photos[2].name]


def stop_at(stage: str, progress: Progress) -> None:
    def listen(event: Event) -> None:
        if event.stage == stage and event.kind == "tick":
            progress.stop.set()

    progress.listener = listen


def test_a_stopped_search_goes_on_where_it_was(shots: list[Shot], tmp_path: Path) -> None:
    photos, out = photos_of(shots[:4], tmp_path / "photos"), tmp_path / "out"
    progress = Progress()
    stop_at("matching", progress)
    with pytest.raises(Cancelled):
        estimate_poses(photos, out, QUICK, progress)
    made = {path: path.stat().st_mtime_ns for path in (out / "features").iterdir()}
    assert len(made) == 4 and (out / "matches.db").exists() and not (out / "sparse").exists()
    events: list[Event] = []
    poses = estimate_poses(photos, out, QUICK, Progress(events.append))
    assert len(poses.registered) == 4
    assert [e.done for e in events if e.stage == "features" and e.kind == "tick"] == [4]  # all at once


def test_other_photos_or_settings_start_over(shots: list[Shot], tmp_path: Path) -> None:
    photos, out = photos_of(shots[:4], tmp_path / "photos"), tmp_path / "out"
    progress = Progress()
    stop_at("matching", progress)
    with pytest.raises(Cancelled):
        estimate_poses(photos, out, QUICK, progress)
    poses = estimate_poses(photos[:3], out, replace(QUICK, max_features=2000))
    assert len(poses.registered) == 3


def test_a_child_that_dies_is_an_error_and_the_work_stays(
    shots: list[Shot], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = photos_of(shots[:3], tmp_path / "photos"), tmp_path / "out"
    (tmp_path / "dies.py").write_text("import os; os.abort()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(poses_module, "CHILD", "dies")
    with pytest.raises(StageFailed, match="signal 6"):
        estimate_poses(photos, out, QUICK)
    monkeypatch.undo()
    assert len(estimate_poses(photos, out, QUICK).registered) == 3


def test_nothing_of_a_place_is_written_down(shots: list[Shot], tmp_path: Path) -> None:
    photos = photos_of(shots[:3], tmp_path / "photos")
    photos = tuple(replace(photo, position=Position(48.123456, 37.654321)) for photo in photos)
    progress = Progress()
    stop_at("matching", progress)
    with pytest.raises(Cancelled):
        estimate_poses(photos, tmp_path / "out", replace(QUICK, exhaustive_up_to=2), progress)
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            assert b"48.123" not in path.read_bytes() and b"37.654" not in path.read_bytes(), path


def test_a_database_that_is_not_whole_is_made_again(shots: list[Shot], tmp_path: Path) -> None:
    """What a full disk leaves: tables that were never written, or only some of the photos."""
    photos, out = photos_of(shots[:3], tmp_path / "photos"), tmp_path / "out"
    for harm in ("emptied", "cut", "photo lost"):
        progress = Progress()
        stop_at("matching", progress)
        with pytest.raises(Cancelled):
            estimate_poses(photos, out, QUICK, progress)
        database = out / "matches.db"
        if harm == "photo lost":
            with closing(sqlite3.connect(database)) as db, db:
                db.execute("DELETE FROM images WHERE image_id = 3")
        else:
            database.write_bytes(database.read_bytes()[: 0 if harm == "emptied" else 4096])
        assert len(estimate_poses(photos, out, QUICK).registered) == 3, harm


def test_a_database_left_in_its_journal_is_not_taken_for_whole(tmp_path: Path) -> None:
    path = tmp_path / "matches.part"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE images (image_id)")
        db.executemany("INSERT INTO images VALUES (?)", [(1,), (2,)])
        db.commit()
        shutil.copy(path, tmp_path / "renamed.db")  # as a rename without the journal would leave it
        kept = [shutil.copy(path.with_name(name), tmp_path / f"copy{name[12:]}")
                for name in ("matches.part", "matches.part-wal")]  # fmt: skip
    assert not filled(tmp_path / "renamed.db", 2)
    assert filled(Path(kept[0]), 2) and not filled(Path(kept[0]), 3)
    Path(kept[1]).unlink(missing_ok=True)
    assert filled(Path(kept[0]), 2)  # it is all in the database now
