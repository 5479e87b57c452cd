"""FBX: what Blender (its own parser, and its importer built on ufbx), ufbx itself and assimp read of it."""

import io
import json
import re
import struct
import subprocess
import sys
import tracemalloc
from hashlib import sha256
from pathlib import Path
from typing import Any

import assimp_py
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from blender_help import open_in_blender
from oberih.errors import Cancelled, InputError, OutputError
from oberih.formats.fbx import _records as records
from oberih.formats.fbx import write
from oberih.formats.model import Model
from oberih.geometry import Mesh, PointCloud
from oberih.progress import Progress

pytestmark = pytest.mark.xdist_group("fbx")
TESTS = Path(__file__).parents[1]
RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def quarters() -> NDArray[np.uint8]:
    """A picture, higher than wide, of four colours: red and green above blue and yellow."""
    picture = np.zeros((64, 32, 3), np.uint8)
    picture[:32, :16], picture[:32, 16:], picture[32:, :16], picture[32:, 16:] = RED, GREEN, BLUE, YELLOW
    return picture


def quad(**more: Any) -> Mesh:
    """Two triangles in the plane y = -0.25 z + 0.5, of no two sides alike."""
    vertices = np.array([[-1, 0, 2], [3, 0, 2], [3, 1, -2], [-1, 1, -2]], np.float32)
    return Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32), **more)


UV = np.array([[[0, 1], [1, 1], [1, 0]], [[0, 1], [1, 0], [0.25, 0.125]]], np.float32)
COLOURS = np.array([RED, GREEN, BLUE, (128, 64, 1)], np.uint8)


def grid(side: int, **more: Any) -> Mesh:
    y, x = np.mgrid[:side, :side].astype(np.float32) / (side - 1)
    vertices = np.stack([7 * x, np.sin(5 * x) * y, -4 * y], axis=-1).reshape(-1, 3)
    number = np.arange(side * side).reshape(side, side)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    uv = np.stack([x, 1 - y], -1).reshape(-1, 2)
    return Mesh(vertices, faces.astype(np.int32), uv=uv[faces].astype(np.float32), **more)


def moved(mesh: Mesh, by: float) -> Mesh:
    return Mesh(
        mesh.vertices + np.float32(by), mesh.faces, mesh.normals, mesh.colours, None, mesh.uv, mesh.texture
    )


def cases() -> dict[str, Model]:
    picture, other = quarters(), np.full((8, 8, 3), 200, np.uint8)
    painted = quad(uv=UV, texture=picture)
    turned = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [0.6, 0, 0.8]], np.float32)
    return {
        "painted": Model((painted,)),
        "coloured": Model((quad(colours=COLOURS),)),
        "plain": Model((quad(),)),
        "normals": Model((quad(normals=turned),)),
        "several": Model((
            painted, moved(painted, 10), moved(quad(uv=UV, texture=other), 20),
            moved(quad(colours=COLOURS), -5),
        )),
        "repeating": Model((quad(uv=UV * 4 - 1.5, texture=picture),)),
        "both": Model((quad(uv=UV, texture=picture, colours=COLOURS),)),
        "large": Model((grid(300, texture=picture),)),  # 90,000 vertices: more than 16 bits count
        "tiny": Model((moved(quad(), 0),), scale_known=False),
    }  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("fbx")
    made = {name: folder / f"{name}.fbx" for name in cases()}
    for name, model in cases().items():
        write(made[name], model, Progress())
    return made


@pytest.fixture(scope="module")
def by_ufbx(files: dict[str, Path]) -> dict[str, Any]:
    command = [sys.executable, TESTS / "ufbx_reads.py", *files.values()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return dict(zip(files, json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def by_blender(files: dict[str, Path]) -> dict[tuple[str, str], Any]:
    importers = ("fbx", "fbx-ufbx")
    answers = open_in_blender(*files.values(), importers=importers)
    return dict(zip([(name, one) for name in files for one in importers], answers, strict=True))


def corner_uv(part: Mesh) -> NDArray[np.float64]:
    """Of the first corners, counted upwards as FBX does."""
    assert part.uv is not None
    return part.uv.reshape(-1, 2).astype(float) * (1, -1) + (0, 1)


@pytest.mark.parametrize("name", cases())
@pytest.mark.reads("fbx", "ufbx")
def test_ufbx_reads_it(name: str, by_ufbx: dict[str, Any]) -> None:
    model, seen = cases()[name], by_ufbx[name]
    assert (seen["version"], seen["warnings"], seen["unit_m"]) == (7400, [], 1.0)
    assert seen["axes"] == ["POSITIVE_X", "POSITIVE_Y", "POSITIVE_Z"]
    assert [part["name"] for part in seen["parts"]] == ["model", "model-2", "model-3", "model-4"][
        : len(model.parts)
    ]
    for part, found in zip(model.parts, seen["parts"], strict=True):
        assert (found["vertices"], found["triangles"]) == (len(part.vertices), len(part.faces))
        assert np.array_equal(found["bounds"], [part.vertices.min(axis=0), part.vertices.max(axis=0)])
        corners = part.faces.ravel()[:900]
        assert found["corners"] == corners.tolist()
        assert np.array_equal(found["points"], part.vertices[:300])
        normals = part.normals if part.normals is not None else part.vertex_normals()
        assert np.allclose(found["normals"], normals[corners], atol=1e-6)
        painted = part.texture is not None
        if part.uv is not None:
            assert np.array_equal(found["uv"], corner_uv(part)[:900])
        assert found["uv_sets"] == (["UVMap"] if part.uv is not None else [])
        assert (found["texture"] != "") == painted
        if part.colours is not None and not painted:
            assert np.allclose(np.array(found["colours"])[:, :3] * 255, part.colours[corners], atol=1e-9)
            assert np.array(found["colours"])[:, 3].tolist() == [1.0] * len(corners)
        else:
            assert found["colours"] == []
        plain = not painted and part.colours is None
        assert found["diffuse"] == ([0.8] * 3 if plain else [1.0] * 3)


def test_the_texture_is_in_the_file_once_as_a_jpeg(by_ufbx: dict[str, Any]) -> None:
    packed = io.BytesIO()
    Image.fromarray(quarters()).save(packed, "JPEG", quality=92)
    seen = by_ufbx["several"]
    assert [part["texture"] for part in seen["parts"]] == ["model", "model", "model-2", ""]
    assert [texture["relative"] for texture in seen["textures"]] == ["model.jpg", "model-2.jpg"]
    assert seen["textures"][0]["sha256"] == sha256(packed.getvalue()).hexdigest()
    assert {(texture["repeats"], texture["uv_set"]) for texture in seen["textures"]} == {(True, "UVMap")}


def test_equal_texture_coordinates_are_one(by_ufbx: dict[str, Any]) -> None:
    assert by_ufbx["painted"]["parts"][0]["uv_values"] == 4
    assert by_ufbx["large"]["parts"][0]["uv_values"] == 90_000


@pytest.mark.parametrize("importer", ["fbx", "fbx-ufbx"])
@pytest.mark.parametrize("name", cases())
@pytest.mark.reads("fbx", "Blender")
def test_blender_reads_it(name: str, importer: str, by_blender: dict[tuple[str, str], Any]) -> None:
    model, seen = cases()[name], by_blender[name, importer]
    assert (seen["others"], seen["unit_m"]) == ([], 1.0)
    assert len(seen["objects"]) == len(model.parts)
    for part, found in zip(model.parts, seen["objects"], strict=True):
        assert (found["vertices"], found["triangles"]) == (len(part.vertices), len(part.faces))
        # Blender turns the model in float32.
        truth = [part.vertices.min(axis=0), part.vertices.max(axis=0)]
        assert np.allclose(found["bounds"], truth, rtol=1e-6, atol=2e-6)
        corners = part.faces.ravel()[:600]
        assert found["corners"] == corners.tolist()
        assert np.allclose(found["points"], part.vertices[:200], rtol=1e-6, atol=2e-6)
        normals = part.normals if part.normals is not None else part.vertex_normals()
        assert np.allclose(found["normals"], normals[corners], atol=2e-3)  # kept as two 16-bit angles
        assert (found["uv_layers"], found["uv_count"]) == (
            (1, part.faces.size) if part.uv is not None else (0, 0)
        )
        if part.uv is not None:
            assert np.allclose(found["uv"], corner_uv(part)[:600], atol=1e-6)
        if part.texture is not None:
            (image,) = found["images"]
            assert image["size"] == [part.texture.shape[1], part.texture.shape[0]] and image["packed"]
            for place, colour in image["spots"].items():
                across, down = map(float, place.split())
                height, width = part.texture.shape[:2]
                assert (
                    np.abs(np.int64(colour) - part.texture[int(down * height), int(across * width)]).max()
                    <= 4
                )
        else:
            assert found["images"] == []
        if part.colours is not None and part.texture is None:
            assert (found["colour_domain"], found["colour_count"]) == ("CORNER", part.faces.size)
            assert np.allclose(np.array(found["colours"])[:, :3] * 255, part.colours[corners], atol=0.6)
        else:
            assert found["colour_count"] == 0


@pytest.mark.parametrize("name", cases())
@pytest.mark.reads("fbx", "Assimp")
def test_assimp_reads_it(name: str, files: dict[str, Path]) -> None:
    model = cases()[name]
    scene = assimp_py.import_file(str(files[name]), assimp_py.Process_Triangulate)
    assert len(scene.meshes) == len(model.parts)
    for part, mesh in zip(model.parts, scene.meshes, strict=True):
        # assimp has a vertex per corner
        corners = part.faces.ravel()[np.asarray(mesh.indices)] if mesh.num_indices else []
        assert (mesh.num_faces, mesh.num_vertices) == (len(part.faces), part.faces.size)
        assert np.allclose(np.reshape(mesh.vertices, (-1, 3)), part.vertices[corners], atol=1e-6)
        material = scene.materials[mesh.material_index]
        if part.uv is not None:
            uv = np.reshape(mesh.texcoords[0], (-1, mesh.num_uv_components[0]))[:, :2]
            assert np.allclose(uv, corner_uv(part), atol=1e-6)
        assert bool(material["TEXTURES"]) == (part.texture is not None)
        if part.colours is not None and part.texture is None:
            colours = np.reshape(mesh.colors[0], (-1, 4))
            assert np.allclose(colours[:, :3] * 255, part.colours[corners], atol=1e-3)


def test_equal_models_give_equal_bytes_that_tell_nothing(tmp_path: Path) -> None:
    first, second = tmp_path / "secret place.fbx", tmp_path / "б.fbx"
    told = Model(cases()["several"].parts, origin=np.array([123456.0, 7, 8]), notes=("a private note",))
    write(first, told, Progress())
    write(second, cases()["several"], Progress())
    data = first.read_bytes()
    assert data == second.read_bytes()
    for word in ("secret", "private", str(tmp_path), "123456"):
        assert word.encode() not in data.split(b"Content")[0]
    texts = re.findall(rb"[ -~]{5,}", data.split(b"Content")[0])
    assert not [text for text in texts if b"/" in text or b"\\" in text[:-1]]
    assert b"1970-01-01 10:00:00:000" in data
    assert [path.name for path in sorted(tmp_path.iterdir())] == [first.name, second.name]


def test_every_record_ends_where_it_says(files: dict[str, Path]) -> None:
    data = files["several"].read_bytes()
    names: list[str] = []

    def walk(at: int, depth: int) -> int:
        while True:
            end, count, size, name = struct.unpack_from("<IIIB", data, at)
            if end == 0:
                assert data[at : at + 13] == bytes(13)
                return at + 13
            names.append("." * depth + data[at + 13 : at + 13 + name].decode())
            inner = at + 13 + name + size
            assert inner <= end
            if inner < end:
                assert walk(inner, depth + 1) == end
            else:
                assert count > 0  # one without values has the end of a list
            at = end

    end = walk(27, 0)
    top = [name for name in names if not name.startswith(".")]
    assert top == [
        "FBXHeaderExtension", "FileId", "CreationTime", "Creator", "GlobalSettings", "Documents",
        "References", "Definitions", "Objects", "Connections", "Takes",
    ]  # fmt: skip
    assert len(data) % 16 == 0
    footer = data[end:]
    assert footer[:16] == code(**records.STAMP)
    zeros = len(footer) - 16 - 4 - 120 - 16
    assert 5 <= zeros <= 20
    assert footer[16:] == bytes(zeros) + struct.pack("<I", 7400) + bytes(120) + records.FOOTER_END


def code(**stamp: int) -> bytes:
    """What Autodesk's programs expect before the footer, from the time in the header."""
    time = "{Second:02}{Month:02}{Hour:02}{Day:02}00{Year:04}{Minute:02}".format(**stamp).encode()
    text = bytes.fromhex("58aba9f06ca2d83f4d4749a3b4b2e73d")
    for key in (time, bytes.fromhex("e24f7b5fcde4c86ddbd8fbd74058c678"), time):
        last, mixed = 64, []
        for a, b in zip(text, key, strict=True):
            last ^= a ^ b
            mixed.append(last)
        text = bytes(mixed)
    return text


def test_faces_without_area_and_vertices_of_no_face_are_kept(tmp_path: Path) -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9]], np.float32)
    mesh = Mesh(
        vertices, np.array([[0, 1, 2], [1, 1, 2], [0, 0, 0]], np.int32), uv=np.zeros((3, 3, 2), np.float32)
    )
    write(tmp_path / "a.fbx", Model((mesh,)), Progress())
    command = [sys.executable, TESTS / "ufbx_reads.py", tmp_path / "a.fbx"]
    (seen,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    (part,) = seen["parts"]
    assert (part["vertices"], part["triangles"]) == (4, 3)
    assert part["corners"] == mesh.faces.ravel().tolist()
    assert np.allclose(np.linalg.norm(part["normals"], axis=1), 1)


def test_what_has_no_surface_is_refused(tmp_path: Path) -> None:
    points = PointCloud(np.zeros((3, 3), np.float32))
    empty = Mesh(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32))
    for model in (Model(), Model(points=points), Model((empty,))):
        with pytest.raises(InputError, match="no surface"):
            write(tmp_path / "a.fbx", model, Progress())
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_large_for_its_offsets_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "OFFSETS_END", 1 << 18)
    with pytest.raises(InputError, match="4 GB"):
        write(tmp_path / "a.fbx", Model((grid(200),)), Progress())
    assert list(tmp_path.iterdir()) == []


def test_stops_when_asked_and_leaves_nothing(tmp_path: Path) -> None:
    progress = Progress()
    progress.stop.set()
    with pytest.raises(Cancelled):
        write(tmp_path / "a.fbx", Model((quad(),)), progress)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError):
        write(tmp_path / "none" / "a.fbx", Model((quad(),)), Progress())


def test_needs_little_memory(tmp_path: Path) -> None:
    mesh = grid(400, texture=np.zeros((1024, 1024, 3), np.uint8))
    mesh = Mesh(mesh.vertices, mesh.faces, mesh.vertex_normals(), uv=mesh.uv, texture=mesh.texture)
    size = sum(a.nbytes for a in (mesh.vertices, mesh.faces, mesh.normals, mesh.uv, mesh.texture))  # type: ignore[union-attr]
    tracemalloc.start()
    write(tmp_path / "a.fbx", Model((mesh,)), Progress())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * size
