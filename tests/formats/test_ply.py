"""PLY as others read it, and as others write it: text and binary, meshes, strips and clouds."""

import struct
from pathlib import Path

import assimp_py
import numpy as np
import pytest
import trimesh
from PIL import Image

from oberih.errors import UnreadableModel
from oberih.formats import write_ply
from oberih.formats.model import Model
from oberih.formats.ply import read
from oberih.geometry import Mesh
from surfaces import BOTH, COLOURED, PICTURE, POINTS, TEXTURED, corners, written

KINDS = {"char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I", "float": "f"}
KINDS["double"] = "d"
POINT_ROWS = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]


def file(folder: Path, form: str, elements: list, comments: tuple[str, ...] = ()) -> Path:
    """A PLY; each element: its name, its properties (``kind name``, or ``counted kind name``), its rows."""
    lines = ["ply", f"format {form} 1.0", *(f"comment {one}" for one in comments)]
    data = b""
    order = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}[form]
    for name, properties, rows in elements:
        lines.append(f"element {name} {len(rows)}")
        for one in properties:
            lines.append(("property list " if len(one.split()) == 3 else "property ") + one)
        for row in rows:
            text = []
            for one, value in zip(properties, row, strict=True):
                *kinds, _ = one.split()
                values = list(value) if len(kinds) == 2 else [value]
                if order:
                    data += struct.pack(order + KINDS[kinds[0]], len(values)) if len(kinds) == 2 else b""
                    data += struct.pack(f"{order}{len(values)}{KINDS[kinds[-1]]}", *values)
                else:
                    text += [len(values)] if len(kinds) == 2 else []
                    text += values
            data += b"" if order else (" ".join(map(str, text)) + "\n").encode()
    path = folder / "theirs.ply"
    path.write_bytes("\n".join([*lines, "end_header", ""]).encode() + data)
    return path


def vertices(kind: str = "float", rows: list = POINT_ROWS) -> tuple:
    return ("vertex", [f"{kind} {axis}" for axis in "xyz"], rows)


FORMS = pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])


@pytest.mark.parametrize("name", ["ply", "ply-ascii"])
@pytest.mark.reads("ply", "ply-ascii", "trimesh")
@pytest.mark.reads("ply", "ply-ascii", "Assimp")
def test_trimesh_and_assimp_read_what_was_written(tmp_path: Path, name: str) -> None:
    path = written(name, tmp_path)
    back = trimesh.load(path, process=False)
    np.testing.assert_allclose(back.vertices[back.faces], corners(BOTH), atol=1e-8)
    np.testing.assert_array_equal(back.visual.vertex_colors[4:, :3], COLOURED.colours)
    # From the texture, at the corners of the square.
    np.testing.assert_array_equal(back.visual.vertex_colors[:4, :3], PICTURE[[31, 31, 0, 0], [0, 63, 63, 0]])
    np.testing.assert_allclose(back.vertex_normals[:4], TEXTURED.normals, atol=1e-6)
    scene = assimp_py.import_file(str(path), assimp_py.Process_Triangulate)
    assert scene.meshes[0].num_faces == 3
    np.testing.assert_allclose(
        np.asarray(scene.meshes[0].vertices).reshape(-1, 3).min(axis=0), BOTH.bounds()[0], atol=1e-6
    )


@pytest.mark.parametrize("name", ["ply", "ply-ascii"])
def test_meshes_and_points_come_back(tmp_path: Path, name: str) -> None:
    back = read(written(name, tmp_path))
    np.testing.assert_array_equal(corners(back), corners(BOTH))
    assert not back.scale_known and not back.notes
    back = read(written(name, tmp_path, POINTS)).points
    assert back is not None and POINTS.points is not None
    for field in ("points", "normals", "colours", "confidence", "intensity"):
        np.testing.assert_array_equal(getattr(back, field), getattr(POINTS.points, field), err_msg=field)


def test_a_mesh_is_written_byte_for_byte_as_it_always_was(tmp_path: Path) -> None:
    mesh = Mesh(COLOURED.vertices, COLOURED.faces, COLOURED.normals, COLOURED.colours, np.ones(3, np.float32))
    write_ply(tmp_path / "a.ply", mesh)
    header, _, data = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    names = ["float x", "float y", "float z", "float nx", "float ny", "float nz"]
    names += ["uchar red", "uchar green", "uchar blue", "float confidence"]
    assert header.decode().splitlines() == [
        "ply", "format binary_little_endian 1.0", "element vertex 3", *(f"property {one}" for one in names),
        "element face 1", "property list uchar int vertex_indices",
    ]  # fmt: skip
    rows = b"".join(
        struct.pack("<6f3Bf", *mesh.vertices[i], *mesh.normals[i], *mesh.colours[i], 1) for i in range(3)
    )
    assert data == rows + struct.pack("<B3i", 3, 0, 1, 2)


@FORMS
@pytest.mark.parametrize("kind", ["float", "double", "int", "short"])
@pytest.mark.parametrize("counted", ["uchar", "uint"])
def test_polygons_of_different_lengths(tmp_path: Path, form: str, kind: str, counted: str) -> None:
    faces = [([0, 1, 2], 7.5, [1, 2]), ([0, 1, 2, 3], 8.5, []), ([3, 2, 1], 9.5, [5])]
    properties = [f"{counted} int vertex_index", "float quality", "uchar short labels"]
    model = read(file(tmp_path, form, [vertices(kind), ("face", properties, faces)]))
    np.testing.assert_array_equal(model.parts[0].faces, [[0, 1, 2], [0, 1, 2], [0, 2, 3], [3, 2, 1]])
    assert "quality" in model.notes[0] and "labels" in model.notes[0]


@FORMS
def test_strips(tmp_path: Path, form: str) -> None:
    strips = ("tristrips", ["int int vertex_indices"], [([0, 1, 3, 2, -1, 0, 1, 2],)])
    (part,) = read(file(tmp_path, form, [vertices(), strips])).parts
    np.testing.assert_array_equal(part.faces, [[0, 1, 3], [3, 1, 2], [0, 1, 2]])


@FORMS
@pytest.mark.parametrize(
    ("kind", "values"),
    [("uchar", (255, 128, 0)), ("float", (1.0, 0.5, 0.0)), ("ushort", (65535, 32896, 0))],
)
def test_colours_of_any_kind(tmp_path: Path, form: str, kind: str, values: tuple) -> None:
    names = [f"float {axis}" for axis in "xyz"] + [f"{kind} {name}" for name in ("red", "green", "blue")]
    rows = [(*row, *values) for row in POINT_ROWS]
    points = read(file(tmp_path, form, [("vertex", names, rows)])).points
    np.testing.assert_array_equal(points.colours, [[255, 128, 0]] * 4)


@FORMS
@pytest.mark.parametrize("per_face", [True, False])
def test_textures_beside_the_file(tmp_path: Path, form: str, per_face: bool) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "a picture.png")
    flat = [(0, 0), (1, 0), (1, 1), (0, 1)]
    uv = [value for place in (0, 1, 2) for value in flat[place]]
    if per_face:
        elements = [
            vertices(),
            ("face", ["uchar int vertex_indices", "uchar float texcoord"], [([0, 1, 2], uv)]),
        ]
    else:
        rows = [(*row, *place) for row, place in zip(POINT_ROWS, flat, strict=True)]
        names = [f"float {name}" for name in ("x", "y", "z", "s", "t")]
        elements = [("vertex", names, rows), ("face", ["uchar int vertex_indices"], [([0, 1, 2],)])]
    (part,) = read(file(tmp_path, form, elements, ("TextureFile a picture.png",))).parts
    np.testing.assert_array_equal(part.texture, PICTURE)
    np.testing.assert_array_equal(part.uv, [[[0, 1], [1, 1], [1, 0]]])


def test_faces_choose_among_textures(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(PICTURE if name == "a.png" else PICTURE[::-1]).save(tmp_path / name)
    faces = [([0, 1, 2], [0, 0, 1, 0, 1, 1], 0), ([0, 2, 3], [0, 0, 1, 1, 0, 1], 1)]
    properties = ["uchar int vertex_indices", "uchar float texcoord", "int texnumber"]
    path = file(tmp_path, "ascii", [vertices(), ("face", properties, faces)],
                ("TextureFile a.png", "TextureFile b.png"))  # fmt: skip
    one, two = read(path).parts
    np.testing.assert_array_equal(one.texture, PICTURE)
    np.testing.assert_array_equal(two.texture, PICTURE[::-1])


@pytest.mark.parametrize(
    "header",
    [
        "element vertex 99999999999999\nproperty float x\nproperty float y\nproperty float z",
        "element vertex 4\nproperty list uint float x",
        "element vertex -4\nproperty float x",
        "element vertex 1\nproperty quaternion x",
        "property float x",
        "element vertex 1\nproperty list float float x",
        "element junk 999999999999\nelement vertex 3\nproperty float x\nproperty float y",
    ],
)
@pytest.mark.parametrize("form", ["ascii", "binary_little_endian"])
def test_false_headers_are_refused(tmp_path: Path, header: str, form: str) -> None:
    path = tmp_path / "bad.ply"
    path.write_bytes(f"ply\nformat {form} 1.0\n{header}\nend_header\n".encode() + b"\xff" * 100)
    with pytest.raises(UnreadableModel):
        read(path)


@FORMS
def test_points_and_faces_that_are_nowhere(tmp_path: Path, form: str) -> None:
    rows = [*POINT_ROWS, (float("nan"), 0, 0), (float("inf"), 0, 0)]
    assert len(read(file(tmp_path, form, [vertices("float", rows)])).points) == 4
    faces = ("face", ["uchar int vertex_indices"], [([0, 1, 2],), ([0, 1, 4],), ([0, 1, 77],), ([0, -1, 2],)])
    model = read(file(tmp_path, form, [vertices("float", rows), faces]))
    assert model.triangles == 1
    assert len(model.notes) == 3


def test_a_model_of_neither_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="neither"):
        written("ply", tmp_path, Model())
