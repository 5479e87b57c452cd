"""XYZ and PTS, held against NumPy's and trimesh's readers and against what other programs write."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from formats.clouds import SUITE, cloud, corners, cut_everywhere, turned, written, z_up_corners
from oberih.errors import UnreadableModel
from oberih.formats import xyz
from oberih.formats.model import Model
from oberih.geometry import PointCloud


@pytest.mark.reads("xyz", "pts", "NumPy")
def test_numpy_reads_what_is_written(tmp_path: Path) -> None:
    model = cloud()
    assert model.points is not None
    table = np.loadtxt(written(xyz.write, tmp_path / "a.xyz", model))
    assert table.shape == (1000, 9)
    assert np.abs(table[:, :3] - turned(model)).max() < 1e-6
    assert (table[:, 3:6] == model.points.colours).all()
    pts = np.loadtxt(written(xyz.write_pts, tmp_path / "a.pts", model), skiprows=1)
    assert pts.shape == (1000, 7) and (tmp_path / "a.pts").read_text().startswith("1000\n")
    assert (pts[:, 4:] == model.points.colours).all() and -2048 <= pts[:, 3].min() < pts[:, 3].max() <= 2047


@pytest.mark.reads("xyz", "trimesh")
def test_trimesh_reads_what_is_written(tmp_path: Path) -> None:
    model = cloud(50, bare=True)
    told = trimesh.load(written(xyz.write, tmp_path / "a.xyz", model))
    assert np.allclose(told.vertices, turned(model), atol=1e-6)


@pytest.mark.parametrize(
    ("write", "read", "name"), [(xyz.write, xyz.read, "a.xyz"), (xyz.write_pts, xyz.read_pts, "a.pts")]
)
def test_what_is_written_comes_back_and_is_the_same_each_time(tmp_path: Path, write, read, name: str) -> None:  # type: ignore[no-untyped-def]
    model = cloud()
    path = written(write, tmp_path / name, model)
    back = read(path)
    assert not back.scale_known and back.notes == () and model.points is not None
    assert np.abs(back.points.points - model.points.points).max() < 1e-6
    assert (back.points.colours == model.points.colours).all()
    if read is xyz.read:
        assert np.abs(back.points.normals - model.points.normals).max() < 1e-4
    else:
        assert np.abs(back.points.intensity - model.points.intensity).max() < 1e-3
    assert path.read_bytes() == written(write, tmp_path / f"b-{name}", model).read_bytes()
    bare = read(written(write, path, cloud(20, bare=True))).points
    assert len(bare) == 20 and bare.colours is bare.normals is bare.intensity is None


@pytest.mark.parametrize("size", [1e-4, 1e-2, 1, 1e3, 1e6])
def test_every_size_keeps_its_precision(tmp_path: Path, size: float) -> None:
    points = (cloud(50).points.points * size).astype(np.float32)  # type: ignore[union-attr]
    back = xyz.read(written(xyz.write, tmp_path / "a.xyz", Model(points=PointCloud(points))))
    assert (
        np.abs(z_up_corners(back) - corners(turned(Model(points=PointCloud(points))))).max() < 1e-6 * size * 6
    )


GREY = [[4, 5, 6]] * 2
PLACES = [[1.5, 3.5, -2.5], [2.0, 4.0, -3.0]]


@pytest.mark.parametrize(
    ("text", "colours", "normals", "intensity"),
    [
        ("1.5 2.5 3.5\n2 3 4\n", None, None, None),
        ("1.5\t2.5\t3.5\r\n2\t3\t4", None, None, None),
        ("1.5 2.5 3.5\r2 3 4\r", None, None, None),
        ("\ufeffx;y;z;intensity\n1,5;2,5;3,5;10\n2,0;3,0;4,0;255\n", None, None, [10 / 255, 1]),
        ("1,5 2,5 3,5\n2,0 3,0 4,0\n", None, None, None),
        ("1.5, 2.5, 3.5, 255, 0, 10\n2, 3, 4, 1, 2, 3\n", [[255, 0, 10], [1, 2, 3]], None, None),
        ("//X,Y,Z,R,G,B,Nx,Ny,Nz\n1.5,2.5,3.5,4,5,6,0,0,1\n2,3,4,4,5,6,0,0,1\n", GREY, [[0, 1, 0]] * 2, None),
        ("# a\n1.5 2.5 3.5 0.6 0.8 0 4 5 6\n# b\n2 3 4 0.6 0.8 0 4 5 6\n", GREY, [[0.6, 0, -0.8]] * 2, None),
        ("1.5 2.5 3.5 1 2 3 0.25\n2 3 4 1 2 3 0.5\n", [[1, 2, 3]] * 2, None, [0.25, 0.5]),
        ("1.5 2.5 3.5 1 2 3 255\n2 3 4 1 2 3 255\n", [[1, 2, 3]] * 2, None, None),
        ("1.5 2.5 3.5 0.2 0.4 0.6\n2 3 4 0.2 0.4 0.6\n", [[51, 102, 153]] * 2, None, None),
        ("r g b z y x\n1 2 3 3.5 2.5 1.5\n1 2 3 4 3 2\n", [[1, 2, 3]] * 2, None, None),
        ("1.5 2.5 3.5 65535 0 257\n2 3 4 65535 0 257\n", [[255, 0, 1]] * 2, None, None),
        ("1.50e0 +2.5 3.5E+0\n2 3 4\n", None, None, None),
    ],
)  # fmt: skip
def test_what_other_programs_write(  # type: ignore[no-untyped-def]
    tmp_path: Path, text: str, colours, normals, intensity
) -> None:
    path = tmp_path / "a.xyz"
    path.write_bytes(text.encode())
    points = xyz.read(path).points
    assert points is not None and np.allclose(points.points, PLACES)
    for found, wanted in (
        (points.colours, colours),
        (points.normals, normals),
        (points.intensity, intensity),
    ):
        assert (found is None) == (wanted is None)
        assert wanted is None or np.allclose(found, wanted, atol=1e-6)


def test_pts_of_several_scans(tmp_path: Path) -> None:
    path = tmp_path / "a.pts"
    path.write_text("2\n1 2 3 -2048 4 5 6\n1 2 3 2047 4 5 6\n3\n4 5 6 0 1 1 1\n7 8 9 0 2 2 2\n")
    model = xyz.read_pts(path)
    assert model.points is not None and len(model.points) == 4 and model.points.intensity is not None
    assert model.points.intensity[:2].tolist() == [0, 1] and model.points.colours[3].tolist() == [2, 2, 2]  # type: ignore[index]
    assert model.notes == ("The header promises 5 points, 4 are there.",)


def test_spoilt_lines_are_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_text("1 2 3\nnan 2 3\n1 2\n4 5 6\n7 8 inf\n1.2.3 4 5\n1 2 3e999\n")
    model = xyz.read(path)
    assert len(model.points) == 2  # type: ignore[arg-type]
    assert model.notes == ("Lines that are no points were left out: 5.",)


def test_coordinates_far_from_zero_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_text("431234.123456 5412345.654321 120.5\n431240.123457 5412349.654322 121.75\n")
    model = xyz.read(path)
    assert np.abs(z_up_corners(model) - np.loadtxt(path)).max() < 1e-6


def test_a_file_of_many_chunks(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    table = np.random.default_rng(1).uniform(-10, 10, (400_000, 3))
    lines = "\n".join(["%.6f %.6f %.6f"] * len(table)) % tuple(table.ravel())
    path.write_text("\n# middle\n".join([lines[: len(lines) // 2].rpartition("\n")[0], lines]))
    found = xyz.read(path).points
    assert found is not None and np.abs(turned(Model(points=found))[-len(table) :] - table).max() < 2e-6


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n\n", b"hello\nworld\n", b"\0\1\2\n" * 9, b"1 " * 90_000, b"1 2\n3 4\n",
        b"1" * 9_000_000, b"nan nan nan\n",
    ],
)  # fmt: skip
def test_what_is_no_cloud_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.xyz"
    path.write_bytes(data)
    with pytest.raises(UnreadableModel):
        xyz.read(path)


def test_cut_files_are_read_or_refused(tmp_path: Path) -> None:
    cut_everywhere(written(xyz.write, tmp_path / "a.xyz", cloud(100)), xyz.read)
    cut_everywhere(written(xyz.write_pts, tmp_path / "a.pts", cloud(100)), xyz.read_pts)


@pytest.mark.skipif(not SUITE.is_dir(), reason="../shared/suites is not beside this folder")
def test_files_of_others() -> None:
    files = sorted((SUITE.parent / "models").rglob("*.xyz"))
    for path in files:
        told = trimesh.load(path)
        model = xyz.read(path)
        assert model.points is not None and len(model.points) == len(told.vertices)
        assert np.allclose(z_up_corners(model), told.bounds, atol=1e-5)
        assert (model.points.colours == told.colors[:, :3]).all()
    assert len(files) == 2
