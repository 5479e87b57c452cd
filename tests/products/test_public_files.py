"""The folder of public files: what is in it, whole or not there, the same each time, read by others."""

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from formats.node import Node, node
from oberih.errors import Cancelled, InputError, OutputError
from oberih.formats import Model
from oberih.geometry import Mesh
from oberih.products import Box, Choices, Made, make_posters, make_public, read_manifest
from oberih.products.levels import Limit
from oberih.progress import Event, Progress
from oberih.trust.pictures import encoded
from products.chapel import DEPTH, HEIGHT, PAINT, SECRET, WIDTH, chapel, moved

__all__ = ["node"]  # the fixture

PHOTO = np.full((60, 80, 3), 128, np.uint8)


def chosen(**values: Any) -> Choices:
    return Choices.model_validate({"turntable": 3} | values)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("chapel")
    (folder / "photo by somebody.jpg").write_bytes(encoded(PHOTO))
    source = moved(chapel(), (4096, 64, -512))
    return make_public(source, folder / "v1", chosen(), pictures=[folder / "photo by somebody.jpg"])


def pictures_in(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """All pictures that are public, also those in models and packages."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".webp", ".jpg", ".png"):
            yield path.name, np.asarray(Image.open(path).convert("RGB"))
        if path.suffix == ".glb":
            data = path.read_bytes()
            (length,) = struct.unpack_from("<I", data, 12)
            document = json.loads(data[20 : 20 + length])
            for image in document.get("images", ()):
                view = document["bufferViews"][image["bufferView"]]
                begin = 28 + length + view.get("byteOffset", 0)
                with Image.open(io.BytesIO(data[begin : begin + view["byteLength"]])) as picture:
                    yield path.name, np.asarray(picture.convert("RGB"))
        if path.suffix in (".usdz", ".zip"):
            with zipfile.ZipFile(path) as package:
                for name in package.namelist():
                    if name.endswith(".jpg"):
                        with Image.open(io.BytesIO(package.read(name))) as picture:
                            yield f"{path.name}: {name}", np.asarray(picture.convert("RGB"))


def near(picture: np.ndarray, colour: tuple[int, int, int], most: int = 60) -> int:
    """How many pixels are about of that colour."""
    return int((np.abs(picture.astype(int) - colour).sum(axis=2) < most).sum())


def test_the_manifest_tells_all_that_is_there(made: Made) -> None:
    manifest = read_manifest(made.out)
    assert manifest == made.manifest
    there = {path.relative_to(made.out).as_posix() for path in made.out.rglob("*") if path.is_file()}
    assert there == {file.path for file in manifest.files} | {"manifest.json"}
    for file in manifest.files:
        assert (made.out / file.path).stat().st_size == file.bytes
        assert "/" in file.media_type
    assert [file.path for file in manifest.of("poster")] == [
        "poster.webp",
        "poster-800.webp",
        "poster-400.webp",
    ]
    assert [file.path for file in manifest.of("picture")] == ["pictures/001.jpg"]
    assert [file.format for file in manifest.of("download")] == ["glb", "obj", "ply", "stl", "usdz"]
    assert [file.path for file in manifest.of("ar")] == ["ar.glb", "ar.usdz"]
    assert (manifest.scale_known, manifest.unit) == (True, "m")
    np.testing.assert_allclose(manifest.size, (DEPTH, HEIGHT, WIDTH), atol=0.02)


def test_no_time_tells_when_it_was_made(made: Made) -> None:
    paths = [made.out, *made.out.rglob("*")]
    assert {path.stat().st_mtime for path in paths} == {315_532_800}
    for path in made.out.rglob("*"):
        if path.suffix in (".zip", ".usdz"):
            with zipfile.ZipFile(path) as package:
                assert {info.date_time for info in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_file_that_was_changed_is_noticed(made: Made, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes((made.out / "manifest.json").read_bytes())
    with pytest.raises(InputError):
        read_manifest(tmp_path)


@pytest.mark.usefixtures("small_pictures")
def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for name in "ab":
        out = make_public(chapel(), tmp_path / name, chosen()).out
        digests.append([
            (path.relative_to(out).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
            for path in sorted(out.rglob("*"))
            if path.is_file()
        ])  # fmt: skip
    assert digests[0] == digests[1] and len(digests[0]) > 10


def test_other_programs_read_the_models(made: Made, node: Node) -> None:
    names = ("model.glb", "ar.glb", "downloads/model.glb")
    told = node("gltf_validate.mjs", *(made.out / name for name in names))
    assert [(one["errors"], one["warnings"], one["messages"]) for one in told.values()] == [(0, 0, [])] * 3
    measured = node("gltf_measure.mjs", lines="\n".join(str(made.out / name) for name in names))
    for one in measured.values():
        assert one["triangles"] == made.manifest.triangles
        np.testing.assert_allclose(np.subtract(one["high"], one["low"]), made.manifest.size, atol=1e-3)


@pytest.mark.parametrize("name", ["model.ply", "model.stl", "model.glb", "model-obj.zip"])
def test_trimesh_reads_the_downloads(made: Made, name: str, tmp_path: Path) -> None:
    path = made.out / "downloads" / name
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as package:
            assert package.namelist() == ["model.jpg", "model.mtl", "model.obj"]
            package.extractall(tmp_path)
        path = tmp_path / "model.obj"
    mesh = trimesh.load(path, force="mesh")
    assert len(mesh.faces) == made.manifest.triangles
    upright = mesh.extents[[0, 2, 1]] if name.endswith("stl") else mesh.extents
    np.testing.assert_allclose(upright, made.manifest.size, atol=1e-3)


def test_openusd_reads_the_ar_file(made: Made) -> None:
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.Open(str(made.out / "ar.usdz"))
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 1
    box = UsdGeom.BBoxCache(0, ["default"]).ComputeWorldBound(stage.GetPseudoRoot()).GetRange()
    np.testing.assert_allclose(box.GetSize(), made.manifest.size, atol=1e-3)


def test_posters_are_light_and_show_the_model(made: Made) -> None:
    for file, most in zip(made.manifest.of("poster"), (100_000, 60_000, 25_000), strict=True):
        assert file.bytes <= most
        picture = np.asarray(Image.open(made.out / file.path))
        assert file.size_px == (picture.shape[1], picture.shape[0])
        light = picture.min(axis=2) > 190  # the ground behind
        assert 0.1 < (~light).mean() < 0.8
        edge = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
        assert edge.all()  # nothing is cut off
        assert near(picture, PAINT["front"], 90) > 0.02 * light.size  # it is seen from the front
    (social,) = made.manifest.of("social")
    assert social.size_px == (1200, 630) and social.bytes < 150_000


def test_nothing_that_no_face_shows_is_in_any_picture(made: Made) -> None:
    seen = dict(pictures_in(made.out))
    assert len(seen) >= 10
    assert {name: near(picture, SECRET, 200) for name, picture in seen.items()} == dict.fromkeys(seen, 0)
    painted = [name for name, picture in seen.items() if near(picture, PAINT["roof"]) > 100]
    assert {"model.glb", "ar.glb", "ar.usdz: texture.jpg", "model-obj.zip: model.jpg"} <= set(painted)


@pytest.mark.usefixtures("small_pictures")
def test_what_is_cut_away_is_in_no_texture(tmp_path: Path) -> None:
    """The roof is left out: its red is nowhere, at no level of detail."""
    box = Box(centre=(0, 1.9, 0), size=(30, 4, 30))
    made = make_public(chapel(), tmp_path / "v1", chosen(crop=box))
    assert made.manifest.size[1] == pytest.approx(3.9, abs=0.02)
    for name, picture in pictures_in(made.out):
        texture = "model" in name or "ar." in name
        assert near(picture, PAINT["roof"]) <= (0 if texture else 100), name


@pytest.mark.usefixtures("small_pictures")
def test_redaction_comes_first_and_is_in_everything(tmp_path: Path) -> None:
    given: list[Model] = []

    def dark(model: Model) -> Model:
        given.append(model)
        part = model.parts[0]
        assert part.texture is not None
        return Model((Mesh(part.vertices, part.faces, uv=part.uv, texture=np.zeros_like(part.texture)),))

    source = chapel()
    made = make_public(source, tmp_path / "v1", chosen(), redact=dark)
    assert given == [source]  # in the frame that a custodian knows
    for name, picture in pictures_in(made.out):
        if "turntable" not in name and ("model" in name or "ar." in name):
            assert picture.max() < 10, name


@pytest.mark.usefixtures("small_pictures")
def test_a_picture_with_more_than_pixels_stops_all(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "a camera"
    Image.fromarray(PHOTO).save(tmp_path / "photo.jpg", exif=exif)
    with pytest.raises(InputError):
        make_public(chapel(), tmp_path / "v1", chosen(), pictures=[tmp_path / "photo.jpg"])
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


@pytest.mark.usefixtures("small_pictures")
def test_levels_keep_to_their_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oberih.products.levels.MEDIUM", Limit(8_000, 999, 200, 1 << 30))
    monkeypatch.setattr("oberih.products.levels.SMALL", Limit(3_000, 999, 128, 9_000))
    monkeypatch.setattr("oberih.products.levels.NEARLY", 1.0)
    made = make_public(chapel(40), tmp_path / "v1", chosen(downloads=()))
    full, medium, small = (made.manifest.of(role)[0] for role in ("full", "medium", "small"))
    assert full.triangles == made.manifest.triangles == 16_000 and full.texture_px == 256
    assert 6_000 < (medium.triangles or 0) <= 8_000 and medium.texture_px == 200
    assert (small.triangles or 0) <= 3_000 and (small.texture_px or 0) <= 128
    assert small.bytes <= 9_000 < medium.bytes < full.bytes


@pytest.mark.usefixtures("small_pictures")
def test_what_is_too_large_for_one_file_becomes_tiles(tmp_path: Path) -> None:
    made = make_public(chapel(30), tmp_path / "v1", chosen(downloads=(), triangles=2000, texture_px=100))
    (full,) = made.manifest.of("full")
    assert (full.triangles or 0) <= 2000 and full.texture_px == 100
    tiles = made.manifest.of("tiles")
    assert tiles[0].path == "tiles/tileset.json" and len(tiles) > 1
    assert max(near(picture, SECRET, 200) for _, picture in pictures_in(made.out / "tiles")) == 0


@pytest.mark.usefixtures("small_pictures")
def test_the_turntable_goes_round_or_shows_the_side_there_is(tmp_path: Path) -> None:
    round_ = make_public(chapel(), tmp_path / "a", chosen(downloads=(), turntable=8)).manifest
    np.testing.assert_allclose(np.diff(round_.turntable_deg), 45)
    mesh = chapel().parts[0]
    wall = (mesh.vertices[mesh.faces][:, :, 2] > DEPTH / 2 - 0.1).all(axis=1)
    assert mesh.uv is not None
    front = Model((Mesh(mesh.vertices, mesh.faces[wall], uv=mesh.uv[wall], texture=mesh.texture),))
    side = make_public(front, tmp_path / "b", chosen(downloads=(), turntable=8)).manifest
    assert len(side.of("turntable")) == 8
    assert -85 < min(side.turntable_deg) < -30 and 30 < max(side.turntable_deg) < 85


@pytest.mark.usefixtures("small_pictures")
def test_the_poster_can_be_taken_from_elsewhere(tmp_path: Path) -> None:
    made = make_public(chapel(), tmp_path / "v1", chosen(downloads=(), turntable=0))
    model, view = made.out / made.manifest.of("full")[0].path, made.manifest.viewpoint
    before = np.asarray(Image.open(made.out / "poster.webp")).astype(int)

    def taken(eye: tuple[float, float, float]) -> np.ndarray:
        folder = tmp_path / str(eye)
        folder.mkdir()
        files = make_posters(model, folder, view.model_copy(update={"eye": eye}))
        assert [one.role for one in files] == ["poster", "poster", "social"]
        assert files[0].size_px == made.manifest.of("poster")[0].size_px and files[0].path == "poster.webp"
        return np.asarray(Image.open(folder / "poster.webp")).astype(int)

    assert np.abs(taken(view.eye) - before).mean() < 3  # from where it was taken: the same
    assert np.abs(taken((-view.eye[0], view.eye[1], -view.eye[2])) - before).mean() > 8
    taken((view.target[0], 9.0, view.target[2]))  # straight from above


@pytest.mark.usefixtures("small_pictures")
def test_points_become_public_too(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    from oberih.geometry import PointCloud

    xyz = random.uniform(-1, 1, (30_000, 3)).astype(np.float32) * np.float32([3, 1, 2])
    cloud = PointCloud(xyz, colours=np.full((30_000, 3), (150, 60, 40), np.uint8))
    made = make_public(Model(points=cloud), tmp_path / "v1", chosen(points=10_000))
    (full,) = made.manifest.of("full")
    assert full.points == made.manifest.points == 10_000 and not full.triangles
    assert [file.format for file in made.manifest.of("download")] == ["ply", "laz", "e57"]
    assert not made.manifest.of("ar")
    picture = np.asarray(Image.open(made.out / "poster.webp"))
    assert near(picture, (150, 60, 40), 120) > 0.05 * picture.shape[0] * picture.shape[1]


@pytest.mark.usefixtures("small_pictures")
def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def broken(model: Model) -> Model:
        raise InputError("No.", "Not today.")

    with pytest.raises(InputError, match=r"No\."):
        make_public(chapel(), tmp_path / "v1", chosen(), redact=broken)
    with pytest.raises(InputError, match="box"):
        make_public(chapel(), tmp_path / "v1", chosen(crop=Box(centre=(99, 0, 0), size=(1, 1, 1))))
    with pytest.raises(InputError, match="neither"):
        make_public(Model(), tmp_path / "v1", chosen())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small_pictures")
@pytest.mark.parametrize("when", [1, 4, 7])
def test_stopping_leaves_nothing(when: int, tmp_path: Path) -> None:
    progress = Progress()

    def listen(event: Event) -> None:
        if event.kind == "tick" and event.stage == "public files" and event.done >= when:
            progress.stop.set()

    progress.listener = listen
    with pytest.raises(Cancelled):
        make_public(chapel(), tmp_path / "v1", chosen(), progress=progress)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_not_written_over(made: Made) -> None:
    before = read_manifest(made.out)
    with pytest.raises(OutputError):
        make_public(chapel(), made.out, chosen())
    assert read_manifest(made.out) == before


@pytest.mark.usefixtures("small_pictures")
def test_the_custodian_is_told_what_was_left_out(tmp_path: Path) -> None:
    scrap = Mesh(np.array([[5, 0, 0], [5.1, 0, 0], [5, 0.1, 0]], np.float32), np.array([[0, 1, 2]], np.int32))
    made = make_public(Model((*chapel().parts, scrap)), tmp_path / "v1", chosen(downloads=(), turntable=0))
    assert made.remarks == ("1 small piece was left out.",)
    assert made.manifest.turntable_deg == () and "left out" not in (made.out / "manifest.json").read_text()
