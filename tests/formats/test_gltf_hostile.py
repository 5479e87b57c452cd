"""glTF files that mean harm, or were harmed: a clear refusal, and nothing is allocated on their word."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from formats.gltf_made import Made
from oberih.errors import UnreadableModel
from oberih.formats import read_model
from oberih.formats.gltf import read

SQUARE = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]


def made() -> Made:
    one = Made()
    one.mesh({
        "attributes": {"POSITION": one.accessor(SQUARE)}, "indices": one.accessor([0, 1, 2, 0, 2, 3], "u2"),
    })  # fmt: skip
    return one


def changed(*place: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        for key in place[:-1]:
            told = told[key]
        told[place[-1]] = value

    return change


BROKEN = {
    "a count beyond its data": changed("accessors", 0, "count", value=10**12),
    "a count beyond reason": changed("accessors", 0, "count", value=10**300),
    "a count of no data": changed(
        "accessors", 0, value={"componentType": 5126, "count": 10**9, "type": "VEC3"}
    ),
    "no count": changed("accessors", 0, "count", value=None),
    "a count below zero": changed("accessors", 0, "count", value=-1),
    "a count of zero": changed("accessors", 0, "count", value=0),
    "an offset below zero": changed("bufferViews", 0, "byteOffset", value=-4),
    "an offset beyond": changed("bufferViews", 0, "byteOffset", value=2**40),
    "a view beyond its buffer": changed("bufferViews", 0, "byteLength", value=2**40),
    "a buffer beyond its file": changed("buffers", value=[{"byteLength": 2**40}]),
    "a stride beyond": changed("bufferViews", 0, "byteStride", value=2**31),
    "an unknown number type": changed("accessors", 0, "componentType", value=5130),
    "an unknown kind": changed("accessors", 0, "type", value="VEC9"),
    "positions in a plane": changed("accessors", 0, "type", value="VEC2"),
    "an accessor that is not there": changed(
        "meshes", 0, "primitives", 0, "attributes", "POSITION", value=77
    ),
    "indices that are real": changed("accessors", 1, "componentType", value=5126),
    "indices of vertices that are not there": changed("accessors", 0, "count", value=2),
    "a node as its own child": changed("nodes", value=[{"mesh": 0}, {"children": [2]}, {"children": [1]}]),
    "a circle in the scene": changed("nodes", 0, "children", value=[0]),
    "a child of two parents": changed("nodes", value=[{"children": [2]}, {"children": [2]}, {"mesh": 0}]),
    "a child that is not there": changed("nodes", 0, "children", value=[5]),
    "a matrix of words": changed("nodes", 0, "matrix", value=["a"] * 16),
    "a matrix too short": changed("nodes", 0, "matrix", value=[1.0] * 15),
    "a scale without end": changed("nodes", 0, "scale", value=[1e308, 1e308, 1e308]),
    "a list for an object": changed("nodes", 0, value=[]),
    "a material that is not there": changed("meshes", 0, "primitives", 0, "material", value=3),
    "an unknown mode": changed("meshes", 0, "primitives", 0, "mode", value=7),
    "a sparse accessor of too much": changed(
        "accessors", 0, "sparse", value={"count": 2**40, "indices": {}, "values": {}}
    ),
    "no asset": changed("asset", value={}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_documents_are_refused(name: str, tmp_path: Path) -> None:
    one = made()
    told = one.finished()
    BROKEN[name](told)
    one.json = told
    if name == "a node as its own child":  # a circle that no scene shows harms nobody
        assert read(one.glb(tmp_path / "a.glb")).triangles == 2
        return
    with pytest.raises(UnreadableModel):
        read(one.glb(tmp_path / "a.glb"))


def test_vertices_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    for bad in (np.nan, np.inf, 3e38):
        one = Made()
        one.mesh({"attributes": {"POSITION": one.accessor([[bad, 0, 0], [1, 0, 0], [0, 1, 0]])}})
        with pytest.raises(UnreadableModel, match="not finite"):
            read(one.glb(tmp_path / "a.glb"))


def test_files_that_break_off_are_refused_wherever_they_do(tmp_path: Path) -> None:
    data = made().glb(tmp_path / "a.glb").read_bytes()
    text = made().gltf(tmp_path / "a.gltf").read_bytes()
    for whole, name in ((data, "cut.glb"), (text, "cut.gltf")):
        for length in range(0, len(whole) - 1, 7):
            (tmp_path / name).write_bytes(whole[:length])
            with pytest.raises(UnreadableModel):
                read(tmp_path / name)


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd", "../secret.bin", "%2e%2e/secret.bin", "..\\secret.bin", "file:///etc/passwd",
        "https://example.org/a.bin", "link.bin", "folder", "", "a\0b", "x" * 5000, "data:nothing",
        "data:;base64,@@@@",
    ],
)  # fmt: skip
def test_a_file_reads_nothing_outside_its_folder(uri: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "folder").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(made().data)
    (home / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(UnreadableModel):
        read(made().gltf(home / "a.gltf", uri))
    one = made()
    one.json["meshes"][0]["primitives"][0] |= {"material": 0}
    one.json["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"] = one.accessor([[0, 0]] * 4)
    one.json |= {
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}], "images": [{"uri": uri}],
    }  # fmt: skip
    try:
        model = read(one.gltf(home / "a.gltf"))
    except UnreadableModel:
        assert uri.startswith("data:")
    else:
        assert model.parts[0].texture is None and len(model.notes) == 1


def test_files_beside_are_read_by_their_encoded_names(tmp_path: Path) -> None:
    (tmp_path / "a b.bin").write_bytes(made().data)
    assert read(made().gltf(tmp_path / "a.gltf", "a%20b.bin")).triangles == 2


def test_a_mesh_shown_beyond_reason_is_refused(tmp_path: Path) -> None:
    one = Made()
    indices = one.accessor(np.zeros(300_000), "u2")
    primitive = {"attributes": {"POSITION": one.accessor(SQUARE)}, "indices": indices}
    one.mesh(primitive)
    where = one.accessor(np.zeros((2500, 3)))
    told = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": where}}}
    one.json["nodes"] = [{"mesh": 0, "extensions": told}]
    with pytest.raises(UnreadableModel, match="more than"):
        read(one.glb(tmp_path / "a.glb"))


def test_deep_nesting_of_nodes_and_of_json(tmp_path: Path) -> None:
    one = made()
    one.json["nodes"] = [{"children": [number + 1]} for number in range(5000)] + [{"mesh": 0}]
    assert read(one.glb(tmp_path / "a.glb")).triangles == 2
    (tmp_path / "deep.gltf").write_text("[" * 100_000)
    with pytest.raises(UnreadableModel, match="JSON"):
        read(tmp_path / "deep.gltf")
    (tmp_path / "nan.gltf").write_text('{"asset": {"version": NaN}}')
    with pytest.raises(UnreadableModel, match="JSON"):
        read(tmp_path / "nan.gltf")


def test_draco_data_that_is_none(tmp_path: Path) -> None:
    one = made()
    view = one.view(b"DRACO\2\2\1\1" + b"\xff" * 60)
    told = {"bufferView": view, "attributes": {"POSITION": 0}}
    one.json["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": told}
    with pytest.raises(UnreadableModel):  # in a process of its own, since the library may die
        read_model(one.glb(tmp_path / "a.glb"))


def test_chunks_that_lie_about_their_length(tmp_path: Path) -> None:
    data = bytearray(made().glb(tmp_path / "a.glb").read_bytes())
    for at, value in ((8, 2**32 - 1), (8, 5), (12, 2**32 - 4), (4, 3), (16, 7)):
        bad = bytearray(data)
        struct.pack_into("<I", bad, at, value)
        (tmp_path / "bad.glb").write_bytes(bad)
        with pytest.raises(UnreadableModel):
            read(tmp_path / "bad.glb")
    (tmp_path / "old.glb").write_bytes(b"glTF" + struct.pack("<III", 1, 20, 0) + json.dumps({}).encode())
    with pytest.raises(UnreadableModel, match=r"glTF 1\.0"):
        read(tmp_path / "old.glb")
