"""GLB files as others read them: by trimesh, and byte by byte where trimesh does not look."""

import json
import struct

import numpy as np
import pytest
import trimesh

from oberih import __version__
from oberih.formats.gltf import write_glb, write_lods
from oberih.geometry import Mesh

# A square of two triangles in the plane z = 0, with a texture seam along the diagonal.
SQUARE = Mesh(
    vertices=np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]], np.float32),
    faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    confidence=np.array([0.1, 0.2, 0.3, 0.4], np.float32),
    uv=np.array([[[0, 0], [0.5, 0], [0.5, 0.5]], [[0, 0], [0.9, 0.9], [0, 0.5]]], np.float32),
    texture=np.tile(np.array([200, 40, 90], np.uint8), (16, 32, 1)),
)


def document(path):
    """The JSON part and the binary part."""
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data)) and length % 4 == 0
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def test_trimesh_reads_back_what_was_written(tmp_path):
    path = tmp_path / "model.glb"
    write_glb(path, SQUARE, texture="png")
    (back,) = trimesh.load(path, process=False).geometry.values()
    # Corners 0 shares its uv in both faces and corner 2 does not: five vertices.
    assert len(back.vertices) == 5
    for axis in range(3):
        np.testing.assert_array_equal(
            back.vertices[back.faces][:, axis], SQUARE.vertices[SQUARE.faces][:, axis]
        )
    flipped = SQUARE.uv * (1, -1) + (0, 1)  # trimesh counts v upwards
    np.testing.assert_allclose(back.visual.uv[back.faces], flipped, atol=1e-6)
    np.testing.assert_allclose(back.vertex_normals, np.tile([0, 0, 1], (5, 1)), atol=1e-6)
    np.testing.assert_array_equal(
        np.asarray(back.visual.material.baseColorTexture.convert("RGB")), SQUARE.texture
    )
    confidence = back.vertex_attributes["_CONFIDENCE"].ravel()
    np.testing.assert_allclose(confidence[back.faces], SQUARE.confidence[SQUARE.faces])


def test_the_transform_moves_vertices_and_turns_normals(tmp_path):
    path = tmp_path / "model.glb"
    y_up = np.array([[2.0, 0, 0, 5], [0, 0, 2, 6], [0, -2, 0, 7], [0, 0, 0, 1]])
    write_glb(path, SQUARE, y_up)
    (back,) = trimesh.load(path, process=False).geometry.values()
    expected = SQUARE.vertices @ y_up[:3, :3].T + y_up[:3, 3]
    np.testing.assert_allclose(back.vertices[back.faces], expected[SQUARE.faces], atol=1e-6)
    np.testing.assert_allclose(back.vertex_normals, np.tile([0, 1, 0], (5, 1)), atol=1e-6)


def test_the_document_says_what_it_is(tmp_path):
    path = tmp_path / "model.glb"
    write_glb(path, SQUARE, extras={"scale": "unknown"})
    content, binary = document(path)
    assert content["asset"] == {
        "version": "2.0", "generator": f"Oberih {__version__}", "extras": {"scale": "unknown"},
    }  # fmt: skip
    (material,) = content["materials"]
    assert (
        material["extensions"]
        == {"KHR_materials_unlit": {}}
        == {name: {} for name in content["extensionsUsed"]}
    )
    assert material["pbrMetallicRoughness"]["metallicFactor"] == 0
    assert content["images"][0]["mimeType"] == "image/jpeg"
    assert content["buffers"][0]["byteLength"] == len(binary)
    for view in content["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= len(binary)
    position = content["accessors"][content["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    assert position["min"] == [0, 0, 0] and position["max"] == [2, 1, 0]
    assert "COLOR_0" not in content["meshes"][0]["primitives"][0]["attributes"]


def test_equal_meshes_give_equal_bytes(tmp_path):
    write_glb(tmp_path / "model.glb", SQUARE)
    first = (tmp_path / "model.glb").read_bytes()
    write_glb(tmp_path / "model.glb", SQUARE)
    assert (tmp_path / "model.glb").read_bytes() == first
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("count", [65535, 65538])
def test_indices_are_as_short_as_they_may_be(tmp_path, count):
    random = np.random.default_rng(0)
    mesh = Mesh(random.random((count, 3), np.float32), np.arange(count, dtype=np.int32).reshape(-1, 3))
    write_glb(tmp_path / "model.glb", mesh)
    (back,) = trimesh.load(tmp_path / "model.glb", process=False).geometry.values()
    np.testing.assert_array_equal(back.vertices[back.faces], mesh.vertices[mesh.faces])
    content, _ = document(tmp_path / "model.glb")
    indices = content["accessors"][content["meshes"][0]["primitives"][0]["indices"]]
    assert indices["componentType"] == (5123 if count == 65535 else 5125)


def test_levels_of_detail_are_files_of_their_own(tmp_path):
    paths = write_lods(tmp_path / "model.glb", [SQUARE, SQUARE, SQUARE], quality=50)
    assert [p.name for p in paths] == ["model.glb", "model.lod1.glb", "model.lod2.glb"]
    assert all(p.exists() for p in paths)
