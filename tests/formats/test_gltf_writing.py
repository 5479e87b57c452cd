"""What `oberih.formats.gltf` writes, as the Khronos validator, glTF-Transform and trimesh read it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from formats.node import Node, node  # noqa: F401 -- a fixture
from oberih import __version__
from oberih.errors import InputError
from oberih.formats.gltf import export_compressed, export_glb, export_gltf, read
from oberih.formats.gltf._vertices import split_corners
from oberih.formats.model import Model
from oberih.geometry import Mesh, PointCloud
from oberih.progress import Progress

WRITERS: dict[str, Callable[[Path, Model, Progress], None]] = {
    "model.glb": export_glb, "model.gltf": export_gltf, "small.glb": export_compressed,
}  # fmt: skip
random = np.random.default_rng(4)


def sphere(steps: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces and texture coordinates per corner, with a seam."""
    made = trimesh.creation.uv_sphere(radius=2.5, count=[steps, steps])
    vertices, faces = np.asarray(made.vertices, np.float32), np.asarray(made.faces, np.int32)
    around = np.arctan2(vertices[:, 1], vertices[:, 0]) / (2 * np.pi) + 0.5
    uv = np.stack([around, vertices[:, 2] / 5 + 0.5], axis=1).astype(np.float32)[faces]
    torn = np.ptp(uv[:, :, 0], axis=1) > 0.5
    uv[torn, :, 0] += (uv[torn, :, 0] < 0.5).astype(np.float32)
    return vertices, faces, uv


VERTICES, FACES, UV = sphere()
TEXTURE = np.kron(random.integers(0, 255, (8, 8, 3)), np.ones((16, 16, 1))).astype(np.uint8)
TEXTURED = Mesh(
    VERTICES, FACES, confidence=np.linspace(0, 1, len(VERTICES), dtype=np.float32),
    uv=np.clip(UV, 0, 1), texture=TEXTURE,
)  # fmt: skip
COLOURS = random.integers(0, 256, (len(VERTICES), 3), dtype=np.uint8)
COLOURED = Mesh(VERTICES + np.float32(6), FACES, colours=COLOURS)
PLAIN = Mesh(VERTICES - np.float32(6), FACES)
REPEATING = Mesh(VERTICES * np.float32(0.5), FACES, uv=UV * 3, texture=TEXTURE)
WHOLE = Model((TEXTURED, COLOURED, PLAIN, REPEATING))
POINTS = Model(points=PointCloud(VERTICES, colours=COLOURS, confidence=TEXTURED.confidence))


def content(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    if data[:4] == b"glTF":
        data = data[20 : 20 + int.from_bytes(data[12:16], "little")]
    found: dict[str, Any] = json.loads(data)
    return found


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("model", [WHOLE, POINTS], ids=["surface", "points"])
@pytest.mark.reads("glb", "gltf", "glb-draco", "Khronos glTF validator")
@pytest.mark.reads("glb", "gltf", "glb-draco", "glTF-Transform")
def test_the_khronos_validator_has_nothing_to_say(
    name: str,
    model: Model,
    node: Node,  # noqa: F811
    tmp_path: Path,
) -> None:
    path = tmp_path / name
    WRITERS[name](path, model, Progress())
    (told,) = node("gltf_validate.mjs", path).values()
    assert (told["errors"], told["warnings"], told["messages"]) == (0, 0, [])
    assert told["triangles"] == model.triangles or name == "small.glb"
    (other,) = node("gltf_measure.mjs", lines=str(path)).values()
    assert (other["triangles"], other["points"]) == (model.triangles, len(VERTICES) if model.points else 0)
    np.testing.assert_allclose([other["low"], other["high"]], model.bounds(), atol=1e-3)


@pytest.mark.parametrize("name", WRITERS)
def test_a_name_in_any_script_does(name: str, node: Node, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / f"моя модель 100%{Path(name).suffix}"
    WRITERS[name](path, WHOLE, Progress())
    (told,) = node("gltf_validate.mjs", path).values()
    assert (told["errors"], told["warnings"]) == (0, 0)
    assert read(path).triangles == WHOLE.triangles
    assert "модель" not in json.dumps(content(path)["nodes"])


@pytest.mark.reads("glb", "trimesh")
def test_trimesh_reads_the_parts_with_their_pictures_and_colours(tmp_path: Path) -> None:
    export_glb(tmp_path / "model.glb", WHOLE, Progress())
    textured, coloured, plain, repeating = trimesh.load(
        tmp_path / "model.glb", process=False
    ).geometry.values()
    for back, mesh in zip((textured, coloured, plain, repeating), WHOLE.parts, strict=True):
        np.testing.assert_array_equal(back.vertices[back.faces], mesh.vertices[mesh.faces])
    picture = np.asarray(textured.visual.material.baseColorTexture.convert("RGB"), int)
    assert np.abs(picture - TEXTURE).mean() < 6  # JPEG
    np.testing.assert_allclose(textured.visual.uv[textured.faces] * (1, -1) + (0, 1), TEXTURED.uv, atol=1e-6)
    # glTF's vertex colours are linear; trimesh gives them as they are.
    srgb = COLOURS / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    light = coloured.visual.vertex_attributes["color"]
    np.testing.assert_allclose(light[coloured.faces][:, :, :3] / 65535, linear[FACES], atol=1e-4)


@pytest.mark.parametrize("name", WRITERS)
def test_it_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, Model((TEXTURED, COLOURED)), Progress())
    back = read(tmp_path / name)
    assert back.scale_known and not back.notes
    textured, coloured = back.parts
    step = 0 if name != "small.glb" else 2e-4
    for mesh, was in ((textured, TEXTURED), (coloured, COLOURED)):
        assert len(mesh.faces) == len(was.faces)
        np.testing.assert_allclose(mesh.vertices.min(0), was.vertices.min(0), atol=step)
        np.testing.assert_allclose(mesh.vertices.max(0), was.vertices.max(0), atol=step)
    assert textured.texture is not None and textured.uv is not None and textured.confidence is not None
    assert np.abs(textured.texture.astype(int) - TEXTURE).mean() < 6
    assert coloured.texture is None and coloured.colours is not None
    assert set(map(tuple, coloured.colours)) == set(map(tuple, COLOURS[np.unique(FACES)]))
    if name != "small.glb":  # Draco has an order of its own
        np.testing.assert_array_equal(textured.vertices[textured.faces], TEXTURED.vertices[FACES])
        np.testing.assert_array_equal(textured.uv, TEXTURED.uv)
        np.testing.assert_array_equal(textured.confidence[textured.faces], TEXTURED.confidence[FACES])
        assert len(textured.vertices) == len(np.unique(FACES))  # whole again across the seam


def test_points_come_back_as_they_were(tmp_path: Path) -> None:
    export_glb(tmp_path / "points.glb", POINTS, Progress())
    assert content(tmp_path / "points.glb")["meshes"][0]["primitives"][0]["mode"] == 0
    back = read(tmp_path / "points.glb")
    assert not back.parts and back.points is not None and POINTS.points is not None
    for one in ("points", "colours", "confidence"):
        np.testing.assert_array_equal(getattr(back.points, one), getattr(POINTS.points, one))


@pytest.mark.parametrize("name", WRITERS)
def test_equal_models_give_equal_bytes_that_tell_nothing(name: str, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    far = Model(WHOLE.parts, origin=np.array([300_000.0, 0, 5_500_000]), scale_known=False)
    for folder in folders:
        folder.mkdir()
        WRITERS[name](folder / name, far, Progress())
    files = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert files[0] == files[1]
    told = content(folders[0] / name)
    assert told["asset"] == {
        "version": "2.0", "generator": f"Oberih {__version__}", "extras": {"unit": "unit"},
    }  # fmt: skip
    names = set(re.findall(r'"name": "([^"]*)"', json.dumps(told)))
    assert names == {"model", "photographs"} and "5500000" not in json.dumps(told)
    assert not read(folders[0] / name).scale_known
    assert all(b"Exif" not in data and b"Adobe" not in data for data in files[0].values())


def test_gltf_puts_its_files_beside_it_and_a_picture_only_once(tmp_path: Path) -> None:
    other = Mesh(VERTICES, FACES, uv=TEXTURED.uv, texture=255 - TEXTURE)
    export_gltf(tmp_path / "statue.gltf", Model((TEXTURED, REPEATING, other)), Progress())
    assert {path.name for path in tmp_path.iterdir()} == {
        "statue.gltf", "statue.bin", "statue.jpg", "statue-2.jpg",
    }  # fmt: skip
    told = content(tmp_path / "statue.gltf")
    wraps = [told["samplers"][texture["sampler"]]["wrapS"] for texture in told["textures"]]
    assert [texture["source"] for texture in told["textures"]] == [0, 0, 1]
    assert wraps == [33071, 10497, 33071]  # to the edge, repeating, to the edge


def test_the_small_file_is_small_and_says_what_it_needs(tmp_path: Path) -> None:
    export_glb(tmp_path / "model.glb", Model((TEXTURED,)), Progress())
    export_compressed(tmp_path / "small.glb", Model((TEXTURED,)), Progress())
    assert (tmp_path / "small.glb").stat().st_size * 3 < (tmp_path / "model.glb").stat().st_size
    told = content(tmp_path / "small.glb")
    assert set(told["extensionsRequired"]) == {"KHR_draco_mesh_compression", "EXT_texture_webp"}
    assert set(told["extensionsUsed"]) == {*told["extensionsRequired"], "KHR_materials_unlit"}


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_is_written_of_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no surface"):
        WRITERS[name](tmp_path / name, Model((Mesh(VERTICES, FACES[:0]),)), Progress())
    assert not list(tmp_path.iterdir())


def test_a_surface_of_degenerate_faces_is_written_without_draco(tmp_path: Path) -> None:
    mesh = Mesh(VERTICES, np.zeros((5, 3), np.int32))
    export_compressed(tmp_path / "small.glb", Model((mesh,)), Progress())
    assert read(tmp_path / "small.glb").triangles == 5


def test_corners_become_vertices_in_the_order_of_a_plain_sort() -> None:
    """Which corners share a vertex must not depend on the order of faces; nor may files change."""
    for _ in range(20):
        faces = random.integers(0, 50, (120, 3), dtype=np.int32)
        uv = random.integers(0, 3, (120, 3, 2)).astype(np.float32) / 3
        mesh = Mesh(np.zeros((60, 3), np.float32), faces, uv=uv, texture=TEXTURE)
        vertex, at, out = split_corners(mesh)
        corner = faces.ravel().astype(np.int64)
        both = uv.reshape(-1, 2).view(np.uint64).ravel()
        pairs = sorted(set(zip(corner.tolist(), both.tolist(), strict=True)))
        assert at is not None
        assert list(zip(vertex.tolist(), at.view(np.uint64).ravel().tolist(), strict=True)) == pairs
        number = {pair: place for place, pair in enumerate(pairs)}
        expected = [number[pair] for pair in zip(corner.tolist(), both.tolist(), strict=True)]
        np.testing.assert_array_equal(out.ravel(), expected)
