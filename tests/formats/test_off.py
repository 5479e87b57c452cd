"""OFF as others read it, and as others write it."""

from pathlib import Path

import assimp_py
import numpy as np
import pytest
import trimesh

from oberih.errors import UnreadableModel
from oberih.formats.model import Model
from oberih.formats.off import read
from surfaces import BOTH, corners, written

SQUARE = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n"


def from_text(folder: Path, text: str) -> Model:
    path = folder / "theirs.off"
    path.write_text(text)
    return read(path)


@pytest.mark.reads("off", "trimesh")
@pytest.mark.reads("off", "Assimp")
def test_trimesh_and_assimp_read_what_was_written(tmp_path: Path) -> None:
    path = written("off", tmp_path)
    back = trimesh.load(path, process=False)
    np.testing.assert_allclose(back.triangles, corners(BOTH), atol=1e-8)
    scene = assimp_py.import_file(str(path), 0)
    points = np.asarray(scene.meshes[0].vertices).reshape(-1, 3)
    assert scene.meshes[0].num_faces == 3
    np.testing.assert_allclose([points.min(axis=0), points.max(axis=0)], BOTH.bounds(), atol=1e-6)


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    back = read(written("off", tmp_path))
    np.testing.assert_array_equal(corners(back), corners(BOTH))
    assert not back.scale_known and not back.notes


@pytest.mark.parametrize(
    "head", ["OFF\n4 2 5\n", "4 2 0\n", "OFF 4 2 0\n", "# x\nOFF # y\n\n# z\n4 2 0 # u\n", "\n \tOFF4 2\n"]
)
def test_heads_and_remarks(tmp_path: Path, head: str) -> None:
    model = from_text(tmp_path, head + "\n" + SQUARE + "# faces\n\n3 0 1 2\n4 0 1 2 3 255 0 0\n")
    np.testing.assert_array_equal(model.parts[0].faces, [[0, 1, 2], [0, 1, 2], [0, 2, 3]])


@pytest.mark.parametrize(
    ("word", "behind", "normals", "colours"),
    [
        ("COFF", "255 0 128 255", False, True), ("COFF", "1 0 0.5 1", False, True),
        ("NOFF", "0 0 1", True, False), ("CNOFF", "0 0 1 255 0 128 255", True, True),
        ("STOFF", "0.5 0.5", False, False), ("STCNOFF", "0 0 1 255 0 128 255 0.5 0.5", True, True),
        ("OFF", "255 0 128 255", False, True),
    ],
)  # fmt: skip
def test_what_vertices_have(tmp_path: Path, word: str, behind: str, normals: bool, colours: bool) -> None:
    lines = SQUARE.replace("\n", f" {behind}\n")
    (part,) = from_text(tmp_path, f"{word}\n4 1 0\n{lines}3 0 1 2\n").parts
    assert (part.normals is not None) == normals
    assert (part.colours is not None) == colours
    if normals:
        np.testing.assert_array_equal(part.normals, [[0, 0, 1]] * 3)
    if colours:
        np.testing.assert_array_equal(part.colours, [[255, 0, 128]] * 3)


def test_points_alone(tmp_path: Path) -> None:
    model = from_text(tmp_path, "OFF\n4 0 0\n" + SQUARE)
    assert len(model.points) == 4 and not model.parts


@pytest.mark.parametrize(
    "face",
    ["2000000000 0 1 2", "-1 0 1 2", "3 0 1", "x 0 1 2", "4 0 1 2 # 3", "1e300 0 1 2", "9 0 1 2 3 4 5"],
)
def test_faces_with_fewer_corners_than_they_say_are_left_out_with_a_note(tmp_path: Path, face: str) -> None:
    model = from_text(tmp_path, f"OFF\n4 2 0\n{SQUARE}3 0 1 2\n{face}\n")
    assert model.triangles == 1
    (note,) = model.notes
    assert note.startswith("1 face was left out: it has fewer corners")
    with pytest.raises(UnreadableModel, match="fewer corners than they say"):
        from_text(tmp_path, f"OFF\n4 1 0\n{SQUARE}{face}\n")


def test_a_broken_face_among_lines_of_many_lengths(tmp_path: Path) -> None:
    lines = "".join(f"3 0 1 2 {'7 ' * more}\n" for more in range(20) for _ in range(2))
    model = from_text(tmp_path, f"OFF\n4 41 0\n{SQUARE}{lines}99 {'1 ' * 40}\n")
    assert model.triangles == 40 and len(model.notes) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("OFF BINARY\n4 1 0\n" + SQUARE, "binary"),
        ("4OFF\n4 1 0\n" + SQUARE, "three dimensions"),
        ("nOFF\n4\n4 1 0\n" + SQUARE, "three dimensions"),
        ("OFF\n999999999999 1 0\n" + SQUARE, "does not have"),
        ("OFF\n4 1 0\n" + SQUARE + "3 0 1 9\n", "vertices that it does not have"),
        ("OFF\n4 1 0\n" + SQUARE.replace("1", "nan") + "3 0 1 2\n", "no numbers"),
        ("OFF\n4 1 0\n" + SQUARE.replace("1", "1e30") + "3 0 1 2\n", "coordinates are too large"),
        ("OFF\n4 0 0\n" + "1e30 0 0\n" * 4, "coordinates are too large"),
        ("OFF\n", "does not begin"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UnreadableModel, match=reason):
        from_text(tmp_path, text)
