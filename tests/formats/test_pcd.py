"""PCD, held against pypcd4."""

import struct
from pathlib import Path

import numpy as np
import pypcd4
import pytest
from pypcd4 import Encoding

from formats.clouds import cloud, cut_everywhere, turned, written, z_up_corners
from oberih.errors import UnreadableModel
from oberih.formats import pcd
from oberih.formats.pcd._data import lzf


@pytest.mark.reads("pcd", "pypcd4")
def test_pypcd4_reads_what_is_written(tmp_path: Path) -> None:
    model = cloud()
    assert model.points is not None
    told = pypcd4.PointCloud.from_path(written(pcd.write, tmp_path / "a.pcd", model))
    assert told.points == 1000 and told.metadata.version == "0.7"
    assert (told.numpy(("x", "y", "z")) == turned(model)).all()
    assert (pypcd4.PointCloud.decode_rgb(told.pc_data["rgb"]) == model.points.colours).all()
    assert (told.pc_data["intensity"] == model.points.intensity).all()
    assert {"normal_x", "normal_y", "normal_z"} <= set(told.fields)


def test_what_is_written_comes_back_and_is_the_same_each_time(tmp_path: Path) -> None:
    model = cloud()
    path = written(pcd.write, tmp_path / "a.pcd", model)
    back = pcd.read(path)
    assert not back.scale_known and back.notes == () and model.points is not None and back.points is not None
    for name in ("points", "colours", "normals", "intensity"):
        assert np.abs(getattr(back.points, name) - getattr(model.points, name)).max() < 1e-6, name
    assert path.read_bytes() == written(pcd.write, tmp_path / "b.pcd", model).read_bytes()
    bare = pcd.read(written(pcd.write, path, cloud(20, bare=True))).points
    assert bare is not None and bare.colours is bare.normals is bare.intensity is None


@pytest.mark.parametrize("encoding", [Encoding.ASCII, Encoding.BINARY, Encoding.BINARY_COMPRESSED])
def test_every_kind_of_data_is_read(tmp_path: Path, encoding: Encoding) -> None:
    model = cloud(5000)
    assert model.points is not None
    rgb = pypcd4.PointCloud.encode_rgb(model.points.colours)
    table = np.concatenate([turned(model), rgb.reshape(-1, 1)], axis=1)
    pypcd4.PointCloud.from_xyzrgb_points(table).save(tmp_path / "a.pcd", encoding)
    back = pcd.read(tmp_path / "a.pcd").points
    assert back is not None and np.abs(back.points - model.points.points).max() < 1e-5
    assert back.colours is not None
    if encoding is not Encoding.ASCII:  # which writes the packed colour as 0.0000000000
        assert (back.colours == model.points.colours).all()


HEAD = (
    "VERSION .7\nFIELDS x y z rgb\nSIZE 4 4 4 4\nTYPE F F F U\nCOUNT 1 1 1 1\n"
    "WIDTH 2\nHEIGHT 2\nPOINTS 4\nDATA ascii\n"
)


def test_an_organised_cloud(tmp_path: Path) -> None:
    path = tmp_path / "a.pcd"
    path.write_text("# .PCD v.7\n" + HEAD + "1 2 3 16711680\nnan nan nan 0\n4 5 6 65280\nnan nan nan 0\n")
    model = pcd.read(path)
    assert model.points is not None and model.points.points.tolist() == [[1, 3, -2], [4, 6, -5]]
    assert model.points.colours is not None and model.points.colours.tolist() == [[255, 0, 0], [0, 255, 0]]
    assert model.notes == ("Points without coordinates were left out: 2.",)


def test_packed_colours_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.pcd"
    packed = struct.unpack("<f", struct.pack("<I", 0x4080FF))[0]
    path.write_text(
        HEAD.replace("F F F U", "F F F F").replace("2\nPOINTS 4", "1\nPOINTS 2")
        + f"1 2 3 {packed!r}\n4 5 6 0\n"
    )
    model = pcd.read(path)
    assert model.points is not None and model.points.colours is not None
    assert model.points.colours[0].tolist() == [0x40, 0x80, 0xFF]


def test_doubles_far_from_zero_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.pcd"
    xyz = np.array([[431234.123456, 5412345.654321, 120.5], [431240.25, 5412349.5, 121.75]])
    head = (
        HEAD.replace(" rgb", "").replace(" 4 4 4 4", " 8 8 8").replace(" U", "").replace(" 1 1 1 1", " 1 1 1")
    )
    path.write_bytes(head.replace("ascii", "binary").replace("POINTS 4", "POINTS 2").encode() + xyz.tobytes())
    assert np.abs(z_up_corners(pcd.read(path)) - xyz).max() < 1e-6


def test_unpacking_lzf() -> None:
    assert lzf(b"\x02abc", 3) == b"abc"
    assert lzf(b"\x00a\x20\x00", 4) == b"aaaa"  # three bytes from one back: they repeat
    assert lzf(b"\x01ab\xe0\x05\x01", 16) == b"ab" * 8
    for broken in (b"\x20\x00", b"\x00a\x20", b"\x00a\x20\x05", b"\x05a", b"\xe0"):
        assert lzf(broken, 4) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("POINTS 4", "POINTS -4"), ("SIZE 4 4 4 4", "SIZE 4 4 4"), ("SIZE 4 4 4 4", "SIZE 4 4 4 3"),
        ("COUNT 1 1 1 1", "COUNT 1 1 1 999999999"), ("COUNT 1 1 1 1", "COUNT 1 1 1 -1"),
        ("DATA ascii", "DATA zip"),
        ("FIELDS x y z", "FIELDS x y w"), ("FIELDS x y z rgb", "FIELDS"), ("DATA ascii", ""),
        ("DATA ascii", "DATA binary_compressed"), ("COUNT 1 1 1 1", "COUNT 1 1 1 9"),
    ],
)  # fmt: skip
def test_damaged_heads_are_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "a.pcd"
    path.write_text(HEAD.replace(old, new) + "1 2 3 16711680\n" * 4)
    with pytest.raises(UnreadableModel):
        pcd.read(path)


def test_giant_counts_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.pcd"
    path.write_bytes(
        HEAD.replace("POINTS 4", "POINTS 9000000000").replace("ascii", "binary").encode() + bytes(48)
    )
    model = pcd.read(path)
    assert len(model.points) == 3 and "9000000000" in model.notes[0]  # type: ignore[arg-type]
    bomb = HEAD.replace("POINTS 4", "POINTS 250000000").replace("ascii", "binary_compressed").encode()
    path.write_bytes(bomb + struct.pack("<II", 10, 4_000_000_000) + bytes(10))
    with pytest.raises(UnreadableModel):
        pcd.read(path)


def test_cut_files_are_read_or_refused(tmp_path: Path) -> None:
    cut_everywhere(written(pcd.write, tmp_path / "a.pcd", cloud(100)), pcd.read)
