"""``oberih export``, ``import`` and ``formats``, as people and programs use them."""

import json
import os
import pkgutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from oberih.archive import open_archive
from oberih.cli import run
from oberih.formats import FORMATS, Model, format_named, read_model, write_glb
from oberih.geometry import Mesh

Said = Callable[..., str]

# A gable wall, 4 m wide and 3 m high, with a texture of four colours.
WALL = Mesh(
    vertices=np.array([[0, 0, 0], [4, 0, 0], [4, 2, 0], [2, 3, 0], [0, 2, 0]], np.float32),
    faces=np.array([[0, 1, 2], [0, 2, 4], [4, 2, 3]], np.int32),
    uv=np.array(
        [[[0, 1], [1, 1], [1, 0.3]], [[0, 1], [1, 0.3], [0, 0.3]], [[0, 0.3], [1, 0.3], [0.5, 0]]], np.float32
    ),
    texture=np.kron(
        np.array([[[200, 30, 30], [30, 200, 30]], [[30, 30, 200], [200, 200, 30]]], np.uint8),
        np.ones((16, 16, 1), np.uint8),
    ),
)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.chdir(tmp_path)
    write_glb(tmp_path / "wall.glb", WALL, texture="png")
    return tmp_path


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Said:
    """Runs a command; gives all that it said."""

    def command(*arguments: object, code: int = 0) -> str:
        capfd.readouterr()
        ended = run([str(argument) for argument in arguments])
        shown = capfd.readouterr()
        assert ended == code, (arguments, ended, shown.out, shown.err)
        assert "Traceback" not in shown.err + shown.out
        return shown.out + shown.err

    return command


def told(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


@pytest.mark.parametrize(
    "one", [f for f in FORMATS if f.writes and "cameras" not in f.keeps], ids=lambda f: f.name
)
def test_a_model_in_every_format(said: Said, home: Path, one: Any) -> None:
    out = home / f"out{one.extension}"
    said("export", "wall.glb", "--to", one.name, "-o", out)
    assert out.exists()
    assert not [path.name for path in home.iterdir() if path.name.startswith(".")]  # nothing is left behind
    again = home / "again"
    again.mkdir()
    said("export", "wall.glb", "--to", one.name, "-o", again / out.name)
    first = {p.name: p.read_bytes() for p in home.glob("out*") if p.is_file()}
    assert first == {p.name: p.read_bytes() for p in again.glob("out*") if p.is_file()}
    if one.reads:
        size = np.ptp(read_model(out).bounds(), axis=0)
        np.testing.assert_allclose(size, [4, 3, 0], atol=1e-3)  # metres, upright


def test_the_list_of_formats(said: Said) -> None:
    rows = json.loads(said("formats", "--json"))
    assert len([row for row in rows if row["export"]]) >= 22
    assert all({"name", "extension", "export", "import", "keeps"} <= row.keys() for row in rows)
    assert "usdz" in said("formats") and "текстура" in said("formats", "--lang", "uk")


def test_smaller(said: Said, home: Path) -> None:
    ball = trimesh.creation.icosphere(4)
    uv = np.stack(
        [np.arctan2(ball.vertices[:, 1], ball.vertices[:, 0]) / 7 + 0.5, (1 - ball.vertices[:, 2]) / 2], 1
    )
    texture = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    mesh = Mesh(
        ball.vertices.astype(np.float32),
        ball.faces.astype(np.int32),
        uv=uv[ball.faces].astype(np.float32),
        texture=texture,
    )
    write_glb(home / "ball.glb", mesh)
    said("export", "ball.glb", "--to", "glb", "-o", "small.glb", "--triangles", 500, "--texture", 32)
    small = read_model(home / "small.glb")
    assert 100 < small.triangles <= 500
    assert small.parts[0].texture is not None and max(small.parts[0].texture.shape[:2]) <= 32
    assert "surface" in said("export", "ball.glb", "--to", "las", "-o", "x.las", "--triangles", 500, code=2)


def test_an_unknown_scale_is_said(said: Said, home: Path) -> None:
    format_named("obj").write(home / "wall.obj", Model((WALL,)))
    assert "cale unknown" in said("export", "wall.obj", "--to", "usdz", "-o", "wall.usdz")
    assert "cale unknown" not in said("export", "wall.glb", "--to", "usdz", "-o", "wall.usdz")


def test_import_makes_a_folder_like_that_of_reconstruct(said: Said, home: Path) -> None:
    format_named("obj").write(home / "wall.obj", Model((WALL,)))
    shown = said("import", "wall.obj", "-o", "wall")
    assert "3 triangles" in shown and "cale unknown" in shown
    out = home / "wall"
    for name in ("model.glb", "mesh.ply", "preview.png", "report.html", "paradata.json"):
        assert (out / name).is_file()
    for name in ("wall.obj", "wall.mtl", "wall.jpg"):  # as it came, with what it names
        assert (out / "originals" / name).read_bytes() == (home / name).read_bytes()
    report = told(out)
    assert report["surface"]["triangles"] == 3 and report["scale"] == {
        **report["scale"],
        "known": False,
        "unit": "unit",
    }
    assert (
        report["surface"]["area"]["value"] == pytest.approx(10) and report["error"]["total"]["value"] is None
    )
    picture = np.asarray(Image.open(out / "preview.png").convert("RGB")).reshape(-1, 3).astype(int)
    for colour in ([200, 30, 30], [30, 200, 30], [30, 30, 200], [200, 200, 30]):
        assert (np.abs(picture - colour).max(axis=1) < 30).mean() > 0.02
    said("import", "wall.obj", "-o", "wall", "--unit", "mm")  # again, with what was found out
    assert told(out)["scale"]["known"] and told(out)["surface"]["size"][:2] == pytest.approx([0.004, 0.003])
    said("export", "wall", "--to", "stl", "-o", "wall.stl")
    assert trimesh.load(home / "wall.stl").extents == pytest.approx([0.004, 0, 0.003])


def test_points_alone(said: Said, home: Path) -> None:
    (home / "scan.xyz").write_text(
        "".join(f"{x * 0.1} {y * 0.1} 0 {x * 8} {y * 8} 99\n" for x in range(30) for y in range(30))
    )
    assert "900 points" in said("import", "scan.xyz", "-o", "scan", "--unit", "m")
    assert told(home / "scan")["surface"]["points"] == 900 and not (home / "scan/mesh.ply").exists()
    said("export", "scan", "--to", "las", "-o", "scan.las")
    assert len(read_model(home / "scan.las").points or ()) == 900
    assert "no surface" in said("export", "scan", "--to", "stl", "-o", "scan.stl", code=2)


def test_preserved_before_it_is_read(said: Said, home: Path) -> None:
    shown = said("import", "wall.glb", "--archive", "archive", "--title", "A wall")
    archive = open_archive(home / "archive")
    (capture,) = archive.index.objects("capture")
    (model,) = archive.index.objects("model")
    assert capture.id in shown and model.id in shown
    assert archive.object(capture.id).read("originals/wall.glb") == (home / "wall.glb").read_bytes()
    about = json.loads(archive.object(model.id).read("object.json"))
    assert about["captures"][0] == {"id": capture.id, "version": "v1", "digest": capture.digest}
    assert not [path for path in archive.object(model.id).inventory.files() if path.startswith("originals/")]
    said("import", "wall.glb", "--archive", "archive", "--title", "A wall")  # nothing twice
    assert len(list(archive.index.objects("capture"))) == len(list(archive.index.objects("model"))) == 1


def test_what_cannot_be_read_is_kept_all_the_same(said: Said, home: Path) -> None:
    (home / "broken.glb").write_bytes((home / "wall.glb").read_bytes()[:400])
    shown = said("import", "broken.glb", "--archive", "archive", code=15)
    (capture,) = open_archive(home / "archive").index.objects("capture")
    assert capture.id in shown
    said("import", "broken.glb", "-o", "broken", code=15)
    assert not (home / "broken" / "report.json").exists()


@pytest.mark.parametrize("name", ["wall.jpg", "wall.mtl"])
def test_a_file_of_somebody_else_is_not_replaced(said: Said, home: Path, name: str) -> None:
    (home / name).write_text("a photograph")
    assert name in said("export", "wall.glb", "--to", "obj", "-o", "wall.obj", code=8)
    assert (home / name).read_text() == "a photograph" and not (home / "wall.obj").exists()
    (home / name).unlink()
    for _ in range(2):  # again over its own
        said("export", "wall.glb", "--to", "obj", "-o", "wall.obj")


def test_a_name_that_says_another_kind(said: Said, home: Path) -> None:
    (home / "other.glb").write_text("mine")
    assert ".obj" in said("export", "wall.glb", "--to", "obj", "-o", "other.glb", code=2)
    assert (home / "other.glb").read_text() == "mine"
    said("export", "wall.glb", "--to", "copc", "-o", "wall.laz")
    shown = said("export", "wall.glb", "--to", "3dtiles", "-o", "other.glb", code=2)
    assert "other.glb is a file, and 3D Tiles" in shown
    said("export", "wall.glb", "--to", "obj", "-o", "WALL.OBJ")
    said("export", "wall.glb", "--to", "glb-draco", "-o", "small.glb")
    said("export", "wall.glb", "--to", "3dtiles", "-o", "tiles.glb")


@pytest.mark.parametrize(
    ("where", "command", "advice"),
    [
        ("oberih.formats.stl.decimals_for", ["export", "wall.glb", "--to", "stl", "-o", "x.stl"], "Nothing"),
        ("oberih.reconstruct.imported.preview", ["import", "wall.glb", "-o", "x"], "begins anew"),
    ],
)  # fmt: skip
def test_stopped(
    said: Said, home: Path, monkeypatch: pytest.MonkeyPatch, where: str, command: list[str], advice: str
) -> None:
    real = pkgutil.resolve_name(where.replace(".decimals", ":decimals").replace(".preview", ":preview"))

    def struck(*given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return real(*given)

    monkeypatch.setattr(where, struck)
    shown = said(*command, code=130)
    assert "Stopped." in shown and advice in shown and "go on from here" not in shown
    assert not (home / "x.stl").exists()


def test_mistakes(said: Said, home: Path) -> None:
    assert "wall" in said("export", "walls.glb", "--to", "stl", "-o", "x.stl", code=2)
    assert "step" in said("export", "wall.glb", "--to", "step", "-o", "x.step", code=2)
    assert "itself" in said("export", "wall.glb", "--to", "glb", "-o", "wall.glb", code=2)
    assert "cannot be written" in said("export", "wall.glb", "--to", "stl", "-o", "none/x.stl", code=8)
    (home / "notes.txt").write_text("notes")
    assert "ending" in said("import", "notes.txt", "-o", "notes", code=2)
    assert "no model" in said("export", ".", "--to", "stl", "-o", "x.stl", code=2)
    assert "--unit" in said("import", "wall.glb", "-o", "wall", "--unit", "mm", code=2)
    assert "parsec" in said("import", "wall.glb", "-o", "wall", "--unit", "parsec", code=2)


def test_so_many_triangles_are_at_most_so_many_or_it_is_said(said: Said, tmp_path: Path) -> None:
    tetra = trimesh.creation.icosphere(subdivisions=0)
    parts = [tetra.copy().apply_translation([3 * i, 0, 0]) for i in range(3)]
    trimesh.Scene(parts).export(tmp_path / "parts.glb")
    told = json.loads(said("export", "parts.glb", "--to", "glb", "-o", "few.glb", "--triangles", 4,
                           "--progress", "json").splitlines()[-1])  # fmt: skip
    found = read_model(tmp_path / "few.glb").triangles
    assert 1 <= found <= 4 or f"It could not be simplified below {found} triangles." in str(told)


def test_what_cannot_be_made_so_coarse_is_said(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    monkeypatch.setattr("oberih.geometry.simplify.simplified", lambda mesh, *_, **__: mesh)
    trimesh.creation.icosphere(subdivisions=2).export("ball.ply")
    words = said("export", "ball.ply", "--to", "ply", "-o", "few.ply", "--triangles", 4)
    assert "It could not be simplified below 320 triangles." in words
