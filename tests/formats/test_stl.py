"""STL as others read it, and as others write it."""

from pathlib import Path

import assimp_py
import numpy as np
import pytest
import trimesh

from oberih.errors import UnreadableModel
from oberih.formats.model import y_up, z_up
from oberih.formats.stl import FACET, read
from surfaces import BOTH, corners, written

FACETS = np.zeros(2, FACET)
FACETS["corners"] = [[[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 0, 0], [1, 1, 0], [-0.0, 1, 0]]]
TEXT = """solid {name}
facet normal 0 0 1
outer loop
vertex 0 0 0
  vertex 1 0 0
VERTEX 1e0 1 0
endloop
endfacet
endsolid {name}
"""


def binary(folder: Path, *, head: bytes = b"", count: int = 2, after: bytes = b"") -> Path:
    path = folder / "theirs.stl"
    path.write_bytes(head.ljust(80) + count.to_bytes(4, "little") + FACETS.tobytes() + after)
    return path


@pytest.mark.reads("stl", "trimesh")
@pytest.mark.reads("stl", "Assimp")
def test_trimesh_and_assimp_read_metres_with_z_up(tmp_path: Path) -> None:
    path = written("stl", tmp_path)
    assert not path.read_bytes().startswith(b"solid")
    back = trimesh.load(path, process=False)
    expected = z_up(corners(BOTH).reshape(-1, 3)).reshape(-1, 3, 3)
    np.testing.assert_array_equal(back.triangles, expected)
    np.testing.assert_allclose(back.face_normals, [[0, -1, 0]] * 2 + [back.face_normals[2]], atol=1e-6)
    scene = assimp_py.import_file(str(path), 0)
    points = np.asarray(scene.meshes[0].vertices).reshape(-1, 3)
    np.testing.assert_allclose(points.max(axis=0), expected.reshape(-1, 3).max(axis=0))


def test_what_was_written_comes_back_with_equal_vertices_as_one(tmp_path: Path) -> None:
    back = read(written("stl", tmp_path))
    np.testing.assert_array_equal(corners(back), corners(BOTH))
    assert len(back.parts[0].vertices) == 7 and not back.scale_known and not back.notes


@pytest.mark.parametrize("head", [b"", b"solid of some program", b"\0" * 80])
def test_binary_whatever_its_header(tmp_path: Path, head: bytes) -> None:
    (part,) = read(binary(tmp_path, head=head)).parts
    assert len(part.vertices) == 4
    np.testing.assert_array_equal(part.faces, [[0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(
        part.vertices, y_up(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32))
    )


@pytest.mark.parametrize(
    ("count", "after", "triangles"), [(2, b"more", 2), (1, b"", 1), (0, b"", 2), (0xFFFFFFFF, b"", 2)]
)
def test_wrong_counts_are_taken_with_a_note(tmp_path: Path, count: int, after: bytes, triangles: int) -> None:
    model = read(binary(tmp_path, count=count, after=after))
    assert model.triangles == triangles and len(model.notes) == 1


def test_a_count_beyond_all_and_one_facet_of_nothing_gives_a_note(tmp_path: Path) -> None:
    path = tmp_path / "giant.stl"
    path.write_bytes(bytes(80) + b"\xff" * 4 + bytes(50))
    assert read(path).notes == ("Its count of triangles is wrong: all that it has were taken.",)


def test_fewer_facets_than_it_says_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableModel, match="3 triangles, and has room for 2"):
        read(binary(tmp_path, count=3))


def test_colours_are_not_taken_and_that_is_said(tmp_path: Path) -> None:
    path = binary(tmp_path)
    data = bytearray(path.read_bytes())
    data[84 + 48] = 31
    path.write_bytes(bytes(data))
    assert "colours" in read(path).notes[0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", " "])
def test_a_text_of_several_solids(tmp_path: Path, end: str) -> None:
    path = tmp_path / "theirs.stl"
    text = TEXT.format(name="A vertex of mine") if end != " " else TEXT.format(name="a")
    path.write_bytes(("  " + text + "\n" + TEXT.format(name="b").upper()).replace("\n", end).encode())
    model = read(path)
    assert model.triangles == 2
    assert len(model.parts) == 2
    np.testing.assert_array_equal(model.parts[0].vertices, [[0, 0, 0], [1, 0, 0], [1, 0, -1]])


def test_a_triangle_without_its_third_corner_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.stl"
    path.write_text(TEXT.replace("VERTEX 1e0 1 0\n", ""))
    with pytest.raises(UnreadableModel, match="three corners"):
        read(path)


def test_triangles_that_are_nowhere_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "theirs.stl"
    path.write_text(TEXT + TEXT.replace("1e0", "nan"))
    model = read(path)
    assert model.triangles == 1
