"""What glTF allows, read by `oberih.formats.gltf.read`: small files with exact truth."""

import io
from pathlib import Path
from typing import Any

import DracoPy
import numpy as np
import pytest
from PIL import Image

from formats.gltf_made import Made
from oberih.errors import UnreadableModel
from oberih.formats.gltf import read

SQUARE = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
TWO = [0, 1, 2, 0, 2, 3]
UV = [[0, 1], [1, 1], [1, 0], [0, 0]]


def corners(path: Path, part: int = 0) -> Any:
    mesh = read(path).parts[part]
    return mesh.vertices[mesh.faces].tolist()


def square(made: Made, **more: Any) -> dict[str, Any]:
    return {"attributes": {"POSITION": made.accessor(SQUARE)}, "indices": made.accessor(TWO, "u2")} | more


def triangle(*numbers: int) -> Any:
    return [[float(x) for x in SQUARE[number]] for number in numbers]


@pytest.mark.parametrize(
    ("mode", "indices", "expected"),
    [
        (4, [0, 1, 2, 0, 2, 3, 1], [(0, 1, 2), (0, 2, 3)]),  # one corner too many
        (5, [0, 1, 3, 2], [(0, 1, 3), (1, 2, 3)]),
        (6, [0, 1, 2, 3], [(1, 2, 0), (2, 3, 0)]),
        (4, None, [(0, 1, 2)]),
        (5, None, [(0, 1, 2), (1, 3, 2)]),
    ],
)
def test_lists_strips_and_fans(mode: int, indices: Any, expected: Any, tmp_path: Path) -> None:
    for dtype in ("u1", "u2", "u4"):
        made = Made()
        primitive = {"attributes": {"POSITION": made.accessor(SQUARE)}, "mode": mode}
        if indices is not None:
            primitive["indices"] = made.accessor(indices, dtype)
        made.mesh(primitive)
        assert corners(made.glb(tmp_path / "a.glb")) == [triangle(*one) for one in expected]
        assert corners(made.gltf(tmp_path / "a.gltf")) == [triangle(*one) for one in expected]


def test_nodes_move_their_meshes_and_mirrors_turn_faces(tmp_path: Path) -> None:
    made = Made()
    normals = made.accessor([[0, 0, 1]] * 4)
    primitive = square(made)
    primitive["attributes"]["NORMAL"] = normals
    made.mesh(primitive, node={"scale": [-2, 1, 1], "translation": [5, 0, 0]})
    half = np.sqrt(0.5)
    made.json["nodes"] += [{"children": [0, 2], "rotation": [half, 0, 0, half]}, {"mesh": 0}]
    model = read(made.glb(tmp_path / "a.glb"))
    (part,) = model.parts
    assert len(part.faces) == 4 and len(part.vertices) == 8
    np.testing.assert_allclose(model.bounds(), [[0, 0, 0], [5, 0, 1]], atol=1e-6)
    a, b, c = (part.vertices[part.faces[:, i]] for i in range(3))
    facing = np.cross(b - a, c - a)
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    np.testing.assert_allclose(facing, [[0, -1, 0]] * 4, atol=1e-6)
    assert part.normals is not None
    np.testing.assert_allclose(part.normals, [[0, -1, 0]] * 8, atol=1e-6)


def test_only_the_default_scene_is_taken(tmp_path: Path) -> None:
    made = Made()
    made.mesh(square(made))
    made.json["nodes"].append({"mesh": 0, "translation": [9, 0, 0]})
    assert read(made.glb(tmp_path / "all.glb")).triangles == 4
    made.json |= {"scenes": [{"nodes": [0]}, {"nodes": [1]}], "scene": 1}
    assert read(made.glb(tmp_path / "one.glb")).bounds()[0].tolist() == [9, 0, 0]


def test_instances(tmp_path: Path) -> None:
    made = Made()
    where = made.accessor([[0, 0, 0], [3, 0, 0], [0, 0, 7]])
    told = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": where}}}
    made.mesh(square(made), node={"extensions": told})
    model = read(made.glb(tmp_path / "a.glb"))
    assert model.triangles == 6 and model.bounds().tolist() == [[0, 0, 0], [4, 1, 7]]


def test_interleaved_sparse_and_quantised_numbers(tmp_path: Path) -> None:
    made = Made()
    rows = np.zeros((4, 16), np.uint8)
    rows[:, :12] = np.array(SQUARE, "<f4").view(np.uint8)
    rows[:, 12:15] = 255
    view = made.view(rows.tobytes(), byteStride=16)
    made.json["accessors"] += [
        {"bufferView": view, "componentType": 5126, "count": 4, "type": "VEC3"},
        {
            "bufferView": view, "byteOffset": 12, "componentType": 5121, "count": 4, "type": "VEC3",
            "normalized": True,
        },
    ]  # fmt: skip
    made.mesh({"attributes": {"POSITION": 0, "COLOR_0": 1}, "indices": made.accessor(TWO, "u1")})
    sparse = {
        "count": 1,
        "indices": {"bufferView": made.view(b"\2"), "componentType": 5121},
        "values": {"bufferView": made.view(np.array([8, 8, 8], "<f4").tobytes())},
    }
    made.json["accessors"].append({"componentType": 5126, "count": 4, "type": "VEC3", "sparse": sparse})
    made.mesh({"attributes": {"POSITION": 3}})
    short = made.accessor(np.array(SQUARE) * -32767, "i2", normalized=True)
    made.mesh({"attributes": {"POSITION": short}}, node={"translation": [0, 0, 5]})
    made.mesh({"attributes": {"POSITION": made.accessor(np.array(SQUARE) * 100, "u1")}})
    found = corners(made.glb(tmp_path / "a.glb"))
    assert found[:2] == [triangle(0, 1, 2), triangle(0, 2, 3)]
    assert found[2] == [[0, 0, 0], [0, 0, 0], [8, 8, 8]]
    assert found[3] == [[0, 0, 5], [-1, 0, 5], [-1, -1, 5]]
    assert found[4] == [[0, 0, 0], [100, 0, 0], [100, 100, 0]]


@pytest.mark.parametrize("dtype", ["f4", "u1", "u2"])
def test_vertex_colours_are_linear_and_tinted_by_the_material(dtype: str, tmp_path: Path) -> None:
    made = Made()
    most = {"f4": 1, "u1": 255, "u2": 65535}[dtype]
    light = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0.2158, 0, 1, 1], [1, 1, 1, 1]])
    colours = made.accessor(np.round(light * most, 4), dtype, normalized=dtype != "f4")
    made.json["materials"] = [{"pbrMetallicRoughness": {"baseColorFactor": [1, 0.2158, 1, 1]}}]
    primitive = square(made, material=0)
    primitive["attributes"]["COLOR_0"] = colours
    made.mesh(primitive)
    (part,) = read(made.glb(tmp_path / "a.glb")).parts
    assert part.colours is not None
    expected = [[255, 0, 0], [0, 128, 0], [128, 0, 255], [255, 128, 255]]
    np.testing.assert_allclose(part.colours.astype(int), expected, atol=1)


def picture(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[0], pixels[:, 2:] = (255, 0, 0), (188, 188, 188)
    Image.fromarray(pixels).save(file, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return file.getvalue()


def with_picture(made: Made, where: dict[str, Any], *, data: bytes | None = None, **material: Any) -> None:
    primitive = square(made, material=0)
    primitive["attributes"]["TEXCOORD_0"] = made.accessor(UV)
    primitive["attributes"]["TEXCOORD_1"] = made.accessor(np.array(UV) * 255, "u1", normalized=True)
    made.mesh(primitive)
    made.json["images"] = [{"bufferView": made.view(data or picture()), "mimeType": "image/png"}]
    made.json["textures"] = [{"source": 0}]
    made.json["materials"] = [
        material or {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0} | where}}
    ]


@pytest.mark.parametrize("where", [{}, {"texCoord": 1}])
def test_pictures_and_their_coordinates(where: dict[str, Any], tmp_path: Path) -> None:
    made = Made()
    with_picture(made, where)
    (part,) = read(made.glb(tmp_path / "a.glb")).parts
    assert part.uv is not None and part.texture is not None
    assert part.texture[:, :, 0].tolist() == [[255, 255, 188, 188], [0, 0, 188, 188]]
    np.testing.assert_allclose(part.uv, np.array(UV, float)[np.array(TWO).reshape(2, 3)], atol=1e-6)


def test_texture_transform_as_the_specification_has_it(tmp_path: Path) -> None:
    """Offset, then rotation against the clock (v counts downwards), then scale."""
    made = Made()
    told = {"offset": [0.5, 0.25], "rotation": np.pi / 2, "scale": [2, 3]}
    with_picture(made, {"extensions": {"KHR_texture_transform": told}})
    (part,) = read(made.glb(tmp_path / "a.glb")).parts
    assert part.uv is not None
    u, v = np.array(UV, float)[np.array(TWO).reshape(2, 3)].transpose(2, 0, 1)
    np.testing.assert_allclose(part.uv, np.stack([3 * v + 0.5, -2 * u + 0.25], axis=2), atol=1e-6)


def test_factors_tint_pictures_and_the_older_materials_have_diffuse_ones(tmp_path: Path) -> None:
    made = Made()
    told = {"diffuseTexture": {"index": 0}, "diffuseFactor": [0.5, 1, 0, 1]}
    with_picture(made, {}, extensions={"KHR_materials_pbrSpecularGlossiness": told})
    (part,) = read(made.glb(tmp_path / "a.glb")).parts
    assert part.texture is not None
    np.testing.assert_allclose(part.texture[0, 2].astype(int), [137, 188, 0], atol=1)


def test_webp_and_what_is_no_picture(tmp_path: Path) -> None:
    made = Made()
    with_picture(made, {}, data=picture("WEBP"))
    made.json["textures"] = [{"extensions": {"EXT_texture_webp": {"source": 0}}}]
    model = read(made.glb(tmp_path / "a.glb"))
    assert model.parts[0].texture is not None and not model.notes
    for data, note in ((b"\xabKTX 20\xbb\r\n\x1a\n----", "KTX2"), (b"nothing", "damaged")):
        made = Made()
        with_picture(made, {}, data=data)
        model = read(made.glb(tmp_path / "a.glb"))
        assert model.parts[0].texture is None and note in " ".join(model.notes)


def test_confidence_and_points(tmp_path: Path) -> None:
    made = Made()
    attributes = {"POSITION": made.accessor(SQUARE), "_CONFIDENCE": made.accessor([0, 0.5, 1, 2])}
    made.mesh(
        {"attributes": attributes, "indices": made.accessor(TWO, "u2")}, {"attributes": attributes, "mode": 0}
    )
    model = read(made.glb(tmp_path / "a.glb"))
    assert model.parts[0].confidence is not None and model.points is not None
    assert model.parts[0].confidence.tolist() == [0, 0.5, 1, 1]
    assert model.points.points.tolist() == SQUARE


def test_draco_of_another_program_with_colours(tmp_path: Path) -> None:
    made = Made()
    data = DracoPy.encode(
        np.array(SQUARE, np.float32), np.array(TWO, np.uint32).reshape(2, 3), preserve_order=True,
        colors=np.array([[255, 0, 0]] * 2 + [[0, 0, 255]] * 2, np.uint8), quantization_bits=11,
    )  # fmt: skip
    ids = {told["attribute_type"]: told["unique_id"] for told in DracoPy.decode(data).attributes}
    made.json["accessors"] = [
        {"componentType": 5126, "count": 4, "type": "VEC3"},
        {"componentType": 5121, "count": 4, "type": "VEC3", "normalized": True},
        {"componentType": 5125, "count": 6, "type": "SCALAR"},
    ]
    told = {"bufferView": made.view(data), "attributes": {"POSITION": ids[0], "COLOR_0": ids[2]}}
    made.mesh({
        "attributes": {"POSITION": 0, "COLOR_0": 1}, "indices": 2,
        "extensions": {"KHR_draco_mesh_compression": told},
    })  # fmt: skip
    (part,) = read(made.glb(tmp_path / "a.glb")).parts
    assert part.vertices[part.faces].tolist() == [triangle(0, 1, 2), triangle(0, 2, 3)]
    assert part.colours is not None and part.colours[0].tolist() == [255, 0, 0]


def test_what_is_left_is_noted(tmp_path: Path) -> None:
    made = Made()
    primitive = square(made)
    made.mesh(primitive, primitive | {"mode": 1}, primitive | {"targets": [{}]})
    made.json |= {"animations": [{}], "skins": [{}], "extensions": {"KHR_materials_variants": {}}}
    notes = " ".join(read(made.glb(tmp_path / "a.glb")).notes)
    for word in ("Lines", "Animations", "Bones", "variants", "Shapes"):
        assert word in notes


def test_a_survey_far_from_zero_comes_near_it(tmp_path: Path) -> None:
    made = Made()
    made.mesh(square(made), node={"translation": [6_000_000.25, 0, 300_000]})
    model = read(made.glb(tmp_path / "a.glb"))
    np.testing.assert_allclose((model.bounds() + model.origin)[0], [6_000_000.25, 0, 300_000], atol=1e-3)


def test_the_unit_that_oberih_wrote_comes_back(tmp_path: Path) -> None:
    made = Made()
    made.mesh(square(made))
    made.json["asset"]["extras"] = {"unit": "unit"}
    assert not read(made.glb(tmp_path / "a.glb")).scale_known


def test_versions_and_extensions_that_cannot_be_read_are_refused_by_name(tmp_path: Path) -> None:
    made = Made()
    made.mesh(square(made))
    for change, word in (
        ({"asset": {"version": "1.0"}}, r"glTF 1\.0"),
        ({"asset": {"version": "2.0", "minVersion": "2.3"}}, r"2\.0"),
        ({"extensionsRequired": ["EXT_meshopt_compression"]}, "EXT_meshopt_compression"),
        ({"extensionsRequired": ["NEW_thing"]}, "NEW_thing"),
    ):
        was, made.json = made.json, made.json | change
        with pytest.raises(UnreadableModel, match=word):
            read(made.glb(tmp_path / "a.glb"))
        made.json = was
