"""The whole recipe on rendered photos: what lands in OUT, what a second run does, how it fails."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from oberih.capture import find_photos
from oberih.errors import (
    Cancelled,
    OutputError,
)
from oberih.formats.colmap import read_scene
from oberih.progress import Event, Progress
from oberih.reconstruct import KnownDistance, Mark, Report, Result, reconstruct
from oberih.reconstruct.output import made_by_oberih
from recipe import FILES, copied, names, quick, stop_in
from synthetic import Shot, World

pytestmark = pytest.mark.xdist_group("pipeline")  # the run below is made once


def test_what_lands_in_out(made: Result) -> None:
    assert {path.name for path in made.out.iterdir() if path.is_file()} >= FILES
    assert (made.out / "mine.txt").read_text() == "Not Oberih's."
    assert not list(made.out.rglob("*.part"))
    views = read_scene(made.sparse).views
    assert sorted(view.name for view in views) == [f"photo-{i:03d}.jpg" for i in range(6)]


def test_report_tells_what_became_of_every_file(made: Result) -> None:
    report = Report.model_validate_json(made.report_json.read_bytes())
    assert report == made.report
    by_name = {photo.name: photo for photo in report.photos}
    assert sum(photo.used for photo in report.photos) == 6
    assert not by_name["same.jpg"].used and "photo-000.jpg" in by_name["same.jpg"].reason
    assert {other.name for other in report.skipped_files} == {"notes.txt", "broken.jpg", "mine.txt"}
    assert not report.complete and report.remarks
    assert not by_name["broken.jpg"].used and "notes.txt" not in by_name
    assert "1 photo could not be used: broken.jpg." in report.remarks  # the copy is not missed
    assert by_name["same.jpg"].copy_of == "photo-000.jpg"
    page = made.report_html.read_text()
    assert "notes.txt" in page and "broken.jpg" in page and "same.jpg" in page


def test_figures_are_measured_or_unknown(made: Result) -> None:
    report = made.report
    assert not report.scale.known and "unknown" in report.scale.method
    assert report.error.drawing_scale.value is None
    assert 0 < report.poses.reprojection_rms.value < 1
    assert report.surface.coverage.seen_by_2.value > 0.7
    assert report.surface.ground_sample_distance.value > 0
    assert report.fidelity is not None and report.fidelity.psnr.value > 18
    assert report.up.known


def test_model_and_mesh_agree_through_the_transform(made: Result) -> None:
    """By an independent reader: mesh.ply in the frame of sparse/, model.glb upright, one 4x4 between them."""
    mesh = trimesh.load(made.mesh_ply, process=False)
    model = trimesh.load(made.model_glb, process=False, force="mesh")
    to_model = np.array(made.report.model_from_sparse)
    moved = np.asarray(mesh.vertices) @ to_model[:3, :3].T + to_model[:3, 3]
    size = np.ptp(moved, axis=0).max()
    low, high = np.percentile(moved, [1, 99], axis=0)
    assert np.abs(np.percentile(model.vertices, [1, 99], axis=0) - [low, high]).max() < 0.03 * size
    assert model.visual.uv is not None
    # Upright: the courtyard is wider than high, its ground is below, the cameras are in front (+z).
    centres = np.array([view.pose.centre for view in read_scene(made.sparse).views])
    centres = centres @ to_model[:3, :3].T + to_model[:3, 3]
    assert centres[:, 2].mean() > high[2]
    assert 0 < centres[:, 1].mean() < 1.5 * high[1]
    scene_points = read_scene(made.sparse).points @ to_model[:3, :3].T + to_model[:3, 3]
    assert (scene_points[:, 1] > -0.1 * size).mean() > 0.95


def to_truth(made: Result, shots: list[Shot]) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation and shift from sparse/ to the true world, by the cameras (Umeyama 1991)."""
    truth = {shot.view.name: shot.view.pose.centre for shot in shots}
    views = read_scene(made.sparse).views
    x = np.array([view.pose.centre for view in views])
    y = np.array([truth[view.name] for view in views])
    u, s, vt = np.linalg.svd((y - y.mean(0)).T @ (x - x.mean(0)))
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    R = u @ sign @ vt
    scale = float((s * np.diag(sign)).sum() / ((x - x.mean(0)) ** 2).sum())
    return scale, R, y.mean(0) - scale * R @ x.mean(0)


def test_the_measured_error_is_honest(made: Result, shots: list[Shot], world: World) -> None:
    """95 % of the vertices of mesh.ply are as near to the true surface as the report says."""
    scale, R, t = to_truth(made, shots)
    mesh = trimesh.load(made.mesh_ply, process=False)
    sample = np.random.default_rng(0).choice(len(mesh.vertices), 20_000)
    off = world.distance(scale * np.asarray(mesh.vertices)[sample] @ R.T + t)
    claimed = scale * made.report.error.total.value
    assert np.percentile(off, 95) < 2 * claimed
    assert claimed < 0.05  # metres, in a courtyard of 6 x 4 m, from 0.3-megapixel photos


def test_up_is_up(made: Result, shots: list[Shot]) -> None:
    _, R, _ = to_truth(made, shots)
    assert np.degrees(np.arccos((R @ made.report.up.direction)[2])) < 3


def test_paradata_tells_no_machine_or_person(made: Result, given: Path) -> None:
    import getpass
    import platform

    told = json.loads(made.paradata_json.read_text())
    assert {stage["name"] for stage in told["stages"]} >= {
        "judge",
        "poses",
        "depth",
        "fusion",
        "surface",
        "texture",
    }
    assert all(stage["cpu_s"] >= 0 and stage["peak_bytes"] > 0 for stage in told["stages"])
    assert told["cpu_s"] == pytest.approx(sum(stage["cpu_s"] for stage in told["stages"]), abs=0.1)
    assert len(told["inputs"]) == 7 and all(len(one["sha256"]) == 64 for one in told["inputs"])
    everything = made.paradata_json.read_text() + made.report_json.read_text() + made.report_html.read_text()
    assert str(given) not in everything
    for name in {platform.node(), getpass.getuser()} - {"root", "localhost", "user", ""}:
        assert f'"{name}"' not in everything


def test_second_run_does_nothing_again(made: Result, given: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.out.rglob("*") if path.is_file()}
    events: list[Event] = []
    again = reconstruct([given], made.out, quick(), progress=Progress(events.append))
    assert names(events, "reused") == ["report"]
    assert again.report == made.report
    after = {path: path.stat().st_mtime_ns for path in made.out.rglob("*") if path.is_file()}
    assert {p for p in after if after[p] != before.get(p)} <= {made.out / "work" / "oberih.lock"}


def test_own_files_are_not_taken_for_photos(made: Result, given: Path) -> None:
    assert "preview.png" not in {photo.name for photo in made.report.photos}


def test_a_known_distance_redoes_only_the_measuring(made: Result, given: Path, tmp_path: Path) -> None:
    out = copied(made, tmp_path)
    scene = read_scene(made.sparse)
    a, b = scene.points[np.argsort(scene.points[:, 0])[[len(scene.points) // 10, -len(scene.points) // 10]]]
    marks = [
        tuple(Mark(view.name, *view.project(point[None])[0][0]) for view in scene.views[1:5])
        for point in (a, b)
    ]
    events: list[Event] = []
    known = KnownDistance(2.5, *marks, error_m=0.002)
    result = reconstruct([given], out, quick(), progress=Progress(events.append), scale=known)
    assert {"poses", "depth", "fusion", "surface", "texture"} <= set(names(events, "reused"))
    assert result.report.scale.known
    assert result.report.scale.factor == pytest.approx(2.5 / np.linalg.norm(a - b), rel=1e-3)
    assert result.report.surface.area.unit == "m²"
    assert np.linalg.det(np.array(result.report.model_from_sparse)[:3, :3]) == pytest.approx(
        result.report.scale.factor**3
    )
    assert "1:" in result.report_html.read_text()


def test_a_missing_file_is_put_back(made: Result, given: Path, tmp_path: Path) -> None:
    out = copied(made, tmp_path)
    (out / "model.glb").unlink()
    events: list[Event] = []
    reconstruct([given], out, quick(), progress=Progress(events.append))
    assert (out / "model.glb").stat().st_size == made.model_glb.stat().st_size
    assert "texture" in names(events, "reused")


def test_one_more_damaged_file_renews_the_report(made: Result, given: Path, tmp_path: Path) -> None:
    out, damaged = copied(made, tmp_path), tmp_path / "late.jpg"
    damaged.write_bytes((given / "photo-002.jpg").read_bytes()[:2000])
    events: list[Event] = []
    result = reconstruct([given, damaged], out, quick(), progress=Progress(events.append))
    assert "late.jpg" in {other.name for other in result.report.skipped_files}
    assert "late.jpg" in result.report_html.read_text()
    assert {"poses", "depth", "texture", "fidelity"} <= set(names(events, "reused"))


def test_names_that_are_not_utf_8(made: Result, given: Path, tmp_path: Path) -> None:
    out = copied(made, tmp_path)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff\xfename.jpg"))
    shutil.copy(given / "photo-000.jpg", odd)
    assert [photo.name for photo in find_photos([odd]).photos] == ["bad%FF%FEname.jpg"]
    odd.write_bytes(odd.read_bytes()[:2000])
    result = reconstruct([given, odd], out, quick())
    assert "bad%FF%FEname.jpg" in {other.name for other in result.report.skipped_files}
    assert "bad%FF%FEname.jpg" in result.report_html.read_text()


@pytest.mark.parametrize(
    "name", ["preview.png", "model.glb", "model.lod1.glb", "sparse/images.bin", "work/x"]
)
def test_files_of_others_are_never_touched(given: Path, tmp_path: Path, name: str) -> None:
    """Oberih was never in this folder."""
    foreign = tmp_path / "out" / name
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_text("Somebody's.")
    with pytest.raises(OutputError, match="did not make") as caught:
        reconstruct([given], tmp_path / "out", quick())
    assert foreign.name in caught.value.message and "another folder" in caught.value.advice
    assert foreign.read_text() == "Somebody's."
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [foreign]


def test_a_result_that_was_changed_is_somebody_s_work(made: Result, given: Path, tmp_path: Path) -> None:
    out = copied(made, tmp_path)
    (out / "model.glb").unlink()
    (out / "model.glb").write_text("Edited.")
    with pytest.raises(OutputError, match=r"did not make.*model\.glb"):
        reconstruct([given], out, quick())
    assert (out / "model.glb").read_text() == "Edited."


def test_a_photo_called_like_a_result_is_a_photo(made: Result, given: Path, tmp_path: Path) -> None:
    """A photo is known as ours by the record of the run, not by its name."""
    out = copied(made, tmp_path)
    assert made_by_oberih(out / "preview.png") and made_by_oberih(out / "work" / "oberih.lock")
    shutil.copy(given / "photo-000.jpg", out / "sparse" / "mine.jpg")
    (out / "preview.png").unlink()
    shutil.copy(given / "photo-000.jpg", out / "preview.png")
    assert not made_by_oberih(out / "preview.png") and not made_by_oberih(out / "sparse" / "mine.jpg")


def test_a_copied_result_is_known_by_its_contents(made: Result, given: Path, tmp_path: Path) -> None:
    out = copied(made, tmp_path)
    for name in FILES:
        os.utime(out / name, (0, 0))
    events: list[Event] = []
    reconstruct(given, str(out), quick(), progress=Progress(events.append))
    assert names(events, "reused") == ["report"]


def test_a_stopped_run_keeps_the_old_result_and_goes_on(made: Result, given: Path, tmp_path: Path) -> None:
    out = copied(made, tmp_path)
    settings = replace(quick(), depth=replace(quick().depth, max_size=200))
    with pytest.raises(Cancelled):
        reconstruct([given], out, settings, progress=stop_in("depth"))
    assert {name: (out / name).read_bytes() for name in FILES} == {
        name: (made.out / name).read_bytes() for name in FILES
    }
    events: list[Event] = []
    again = reconstruct([given], out, settings, progress=Progress(events.append))
    assert again.report != made.report
    assert (out / "mine.txt").is_file() and not (out / "work" / "ready").exists()
    assert set(names(events, "reused")) >= {"judge", "poses"}
    assert {path.name for path in out.iterdir()} >= FILES


def test_a_killed_run_goes_on(made: Result, given: Path, tmp_path: Path) -> None:
    out = copied(made, tmp_path)
    shutil.rmtree(out / "work" / "texture")
    (out / "report.json").unlink()
    script = """
        import os, signal, sys
        import oberih.reconstruct.steps as steps
        from recipe import quick
        from oberih.reconstruct import reconstruct
        steps.texture_mesh = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
        reconstruct([sys.argv[1]], sys.argv[2], quick())
    """
    places = [str(Path(__file__).parent), *(p for p in sys.path if p)]
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), given, out],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)}, check=False,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL
    assert not (out / "report.json").exists()
    events: list[Event] = []
    reconstruct([given], out, quick(), progress=Progress(events.append))
    assert set(names(events, "reused")) >= {"judge", "poses", "depth", "fusion", "surface"}
    assert (out / "report.json").is_file()
