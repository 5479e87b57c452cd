"""Readers of OBJ, PLY, STL and OFF against the files of others, and against damaged ones."""

from pathlib import Path

import pytest

from oberih.errors import InputError, UnreadableModel
from oberih.formats._lines import blocks
from oberih.formats.model import Model
from oberih.formats.reading import read_model
from oberih.formats.registry import format_named
from surfaces import BOTH, POINTS, SUITES, agrees_with_trimesh, damaged, read_or_refused, written

NAMES = ("obj", "ply", "stl", "off")
FILES = sorted((SUITES / "models").rglob("*")) if SUITES.is_dir() else []
here = pytest.mark.skipif(not FILES, reason="the suites are not here")


@here
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_files_of_others_are_read_as_trimesh_reads_them(name: str) -> None:
    kind = format_named(name)
    told = {
        path.name: agrees_with_trimesh(kind, path) for path in FILES if path.suffix.lower() == kind.extension
    }
    judged = {file: right for file, right in told.items() if right is not None}
    assert len(judged) >= 6
    wrong = sorted(file for file, right in judged.items() if not right)
    assert len(wrong) <= 0.05 * len(judged), wrong


@here
@pytest.mark.parametrize("file", ["trimesh/fuze.obj", "trimesh/multibody.stl", "trimesh/fuze.ply"])
def test_the_same_in_a_child_process(file: str) -> None:
    model = read_model(SUITES / "models" / file)
    assert model.triangles and not model.scale_known


@pytest.mark.parametrize("name", [*NAMES, "ply-ascii"])
@pytest.mark.filterwarnings("error")
def test_damaged_files_are_read_or_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    kind = format_named("ply" if name == "ply-ascii" else name)
    whole = written(name, tmp_path).read_bytes()
    broken = tmp_path / f"broken{kind.extension}"
    results = []
    for data in damaged(whole, 16):
        broken.write_bytes(data)
        results.append(read_or_refused(kind, broken))
    assert any(one is None for one in results)
    for one in results:
        for part in one.parts if one else ():
            assert part.faces.min() >= 0 and part.faces.max() < len(part.vertices)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"empty{format_named(name).extension}"
    for data in (b"", b"\n", b"\0" * 200, b"solid\n", b"\xff\xfe", b"ply\n", b"OFF\n", bytes(range(256)) * 9):
        path.write_bytes(data)
        with pytest.raises(UnreadableModel):
            format_named(name).read(path)


@pytest.mark.parametrize("name", ["obj", "stl", "off"])
def test_a_model_without_surface_cannot_be_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no surface"):
        written(name, tmp_path, POINTS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [*NAMES, "ply-ascii"])
def test_equal_models_give_equal_and_neutral_files(name: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    written(name, one, BOTH)
    written(name, two, Model(BOTH.parts, origin=POINTS.points.points[0].astype(float) * 1e5))
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())
    for path in one.iterdir():
        data = path.read_bytes()
        assert data == (two / path.name).read_bytes()
        assert str(tmp_path).encode() not in data and b"202" not in data


def test_lines_longer_than_a_block_and_cut_by_one(tmp_path: Path) -> None:
    path = tmp_path / "long.obj"
    whole = b"v 1 2 \\\r\n 3\r\n# " + b"x" * 90 + b"\r\nf 1 1 1\r\nv 4 5 6"
    path.write_bytes(whole)
    for size in range(1, 120):
        assert b"".join(blocks(path, size)).split() == whole.replace(b"\\", b"").split()
