"""E57, held against pye57 and against files of others."""

import struct
from pathlib import Path

import numpy as np
import pye57
import pytest
from pye57 import libe57

from formats.clouds import (
    SUITE,
    cloud,
    corners,
    cut_everywhere,
    read_or_refused,
    turned,
    written,
    z_up_corners,
)
from oberih.errors import UnreadableModel
from oberih.formats import e57
from oberih.formats.model import Model
from oberih.geometry import PointCloud

PAGE = 1024


@pytest.mark.reads("e57", "pye57")
def test_pye57_reads_what_is_written(tmp_path: Path) -> None:
    model = cloud()
    assert model.points is not None
    file = pye57.E57(str(written(e57.write, tmp_path / "a.e57", model)))
    assert file.scan_count == 1 and file.get_header(0).point_count == 1000
    told = file.read_scan(0, intensity=True, colors=True, ignore_missing_fields=True)
    xyz = np.stack([told[f"cartesian{axis}"] for axis in "XYZ"], axis=1)
    assert (xyz.astype(np.float32) == turned(model)).all()
    assert (
        np.stack([told[f"color{name}"] for name in ("Red", "Green", "Blue")], axis=1) == model.points.colours
    ).all()
    assert (told["intensity"] == model.points.intensity).all()
    header = file.get_header(0)
    bounds = [
        [header[f"cartesianBounds/{axis}{end}"].value() for axis in "xyz"] for end in ("Minimum", "Maximum")
    ]
    assert np.allclose(bounds, corners(turned(model)))
    assert {"nor:normalX", "nor:normalY", "nor:normalZ"} <= set(header.point_fields)


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    model = cloud()
    back = e57.read(written(e57.write, tmp_path / "a.e57", model))
    assert back.scale_known and back.notes == () and model.points is not None and back.points is not None
    for name in ("points", "colours", "normals", "intensity"):
        assert (getattr(back.points, name) == getattr(model.points, name)).all(), name
    bare = e57.read(written(e57.write, tmp_path / "b.e57", cloud(10, bare=True))).points
    assert bare is not None and bare.colours is bare.normals is bare.intensity is None


def test_same_model_same_bytes_and_nothing_else_in_them(tmp_path: Path) -> None:
    one = written(e57.write, tmp_path / "a.e57", cloud()).read_bytes()
    assert one == written(e57.write, tmp_path / "kyiv.e57", cloud()).read_bytes()
    other = written(e57.write, tmp_path / "c.e57", cloud(999)).read_bytes()
    xml = xml_of(one)
    assert b"creationDateTime" not in xml and b"AMD64" not in xml and b"pye57" not in xml
    assert xml[xml.index(b"<guid") : xml.index(b"</guid")] not in xml_of(other)


def test_an_empty_cloud(tmp_path: Path) -> None:
    none = Model(points=PointCloud(np.zeros((0, 3), np.float32)))
    assert len(e57.read(written(e57.write, tmp_path / "a.e57", none)).points) == 0  # type: ignore[arg-type]


def xml_of(data: bytes) -> bytes:
    pages = np.frombuffer(data, np.uint8).reshape(-1, PAGE)[:, :-4].tobytes()
    start, length = struct.unpack_from("<QQ", data, 24)
    return pages[start // PAGE * (PAGE - 4) + start % PAGE :][:length]


def scans(path: Path, *given: dict[str, np.ndarray], low: float = 0, high: float = 65535) -> Path:
    """A file of scans, each turned by 90° about z and moved by (100000, 200000, 10)."""
    file = libe57.ImageFile(str(path), "w")
    file.extensionsAdd("", libe57.E57_V1_0_URI)
    root = file.root()
    for name, value in (("formatName", "ASTM E57 3D Imaging Data File"), ("guid", "{0}")):
        root.set(name, libe57.StringNode(file, value))
    for name in ("versionMajor", "versionMinor"):
        root.set(name, libe57.IntegerNode(file, int(name == "versionMajor")))
    vector = libe57.VectorNode(file, True)
    root.set("data3D", vector)
    for columns in given:
        scan = libe57.StructureNode(file)
        vector.append(scan)
        pose = libe57.StructureNode(file)
        scan.set("pose", pose)
        for part, names, values in (
            ("rotation", "wxyz", (0.5**0.5, 0, 0, 0.5**0.5)),
            ("translation", "xyz", (1e5, 2e5, 10)),
        ):
            node = libe57.StructureNode(file)
            pose.set(part, node)
            for name, value in zip(names, values, strict=True):
                node.set(name, libe57.FloatNode(file, value))
        prototype, buffers = libe57.StructureNode(file), libe57.VectorSourceDestBuffer()
        for name, values in columns.items():
            whole = name.endswith(("State", "Red", "Green", "Blue"))
            kind = (
                libe57.IntegerNode(file, int(low), int(low), int(high)) if whole else libe57.FloatNode(file)
            )
            prototype.set(name, kind)
            buffers.append(libe57.SourceDestBuffer(file, name, values, len(values), True, True))
        points = libe57.CompressedVectorNode(file, prototype, libe57.VectorNode(file, True))
        scan.set("points", points)
        writer = points.writer(buffers)
        writer.write(len(next(iter(columns.values()))))
        writer.close()
    file.close()
    return path


def test_scans_are_joined_by_their_poses(tmp_path: Path) -> None:
    flat = {
        f"cartesian{axis}": np.array(values)
        for axis, values in zip("XYZ", ([1.0, 9], [0.5, 9], [0.25, 9]), strict=True)
    }
    state = {"cartesianInvalidState": np.array([0, 2], np.float64)}
    colour = {f"color{name}": np.array([65535, 0], np.float64) for name in ("Red", "Green", "Blue")}
    colour["colorGreen"][0] = 32768
    polar = {"sphericalRange": np.array([2.0]), "sphericalAzimuth": np.array([np.pi / 2]),
             "sphericalElevation": np.array([np.pi / 6])}  # fmt: skip
    model = e57.read(scans(tmp_path / "a.e57", {**flat, **state, **colour}, polar))
    assert model.points is not None and len(model.points) == 2
    expected = np.array([[1e5 - 0.5, 2e5 + 1, 10.25], [1e5 - 3**0.5, 2e5, 11]])
    assert np.abs(z_up_corners(model) - corners(expected)).max() < 1e-6
    assert model.points.colours is not None
    assert model.points.colours.tolist() == [[255, 128, 255], [255, 255, 255]]
    assert model.notes == ("Points that the scanner marked as invalid were left out: 1.",)


@pytest.mark.parametrize("values", [[1e300, 0.0], [float("inf"), 0.0], [float("nan"), 0.0]])
def test_points_at_infinity(tmp_path: Path, values: list[float]) -> None:
    path = scans(tmp_path / "a.e57", {f"cartesian{axis}": np.array(values) for axis in "XYZ"})
    if abs(values[0]) < np.inf:
        with pytest.raises(UnreadableModel):
            e57.read(path)
    else:
        assert len(e57.read(path).points) == 1  # type: ignore[arg-type]


def forged(path: Path, old: bytes, new: bytes) -> None:
    """Change the XML and mend the checksums, so that the change is seen."""
    data = path.read_bytes()
    xml = xml_of(data).replace(old, new, 1)
    start = struct.unpack_from("<Q", data, 24)[0]
    pages = bytearray(np.frombuffer(data, np.uint8).reshape(-1, PAGE)[:, :-4].tobytes())
    at = start // PAGE * (PAGE - 4) + start % PAGE
    pages[at:] = xml
    pages += bytes(-len(pages) % (PAGE - 4))
    pages[16:24] = struct.pack("<Q", len(pages) // (PAGE - 4) * PAGE)
    pages[32:40] = struct.pack("<Q", len(xml))
    out = b""
    for i in range(0, len(pages), PAGE - 4):
        page = bytes(pages[i : i + PAGE - 4])
        out += page + struct.pack(">I", crc32c(page))
    path.write_bytes(out)


def crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<e57Root", b'<!DOCTYPE e [<!ENTITY a "b">]><e57Root'),
        (b'recordCount="10"', b'recordCount="999999999999"'),
        (b'fileOffset="48"', b'fileOffset="99999999"'),
        (b"cartesianX type", b"cartesianQ type"),
        (b"</e57Root>", b""),
    ],
)
def test_forged_files_are_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = written(e57.write, tmp_path / "a.e57", cloud(10))
    forged(path, b"@", b"@")
    assert len(e57.read(path).points) == 10  # type: ignore[arg-type]
    forged(path, old, new)
    with pytest.raises(UnreadableModel):
        e57.read(path)
    assert path.exists()  # pye57's own class deletes what it cannot open


def test_cut_files_are_refused(tmp_path: Path) -> None:
    cut_everywhere(written(e57.write, tmp_path / "a.e57", cloud(100)), e57.read)


# -- files of others -----------------------------------------------------------------------------------------

FILES = sorted(SUITE.rglob("*.e57")) if SUITE.is_dir() else []


def by_pye57(path: Path, folder: Path) -> np.ndarray:
    copy = folder / "copy.e57"
    copy.write_bytes(path.read_bytes())  # it deletes what it cannot open
    file = pye57.E57(str(copy))
    count = file.scan_count if file.root.isDefined("data3D") else 0
    clouds = [np.zeros((0, 3))]
    for number in range(count):
        if file.get_header(number).point_count:
            told = file.read_scan(number, ignore_missing_fields=True)
            clouds.append(np.stack([told[f"cartesian{axis}"] for axis in "XYZ"], axis=1))
    return np.concatenate(clouds)


@pytest.mark.skipif(not FILES, reason="../shared/suites is not beside this folder")
def test_files_of_others(tmp_path: Path) -> None:
    accepted, wrong = 0, []
    for path in FILES:
        try:
            other = by_pye57(path, tmp_path)
        except Exception:  # noqa: BLE001 -- of whatever kind
            other = None
        model = read_or_refused(path, e57.read)
        if other is None:
            continue
        accepted += 1
        if (
            model is None
            or model.points is None
            or len(model.points) != len(other)
            or (len(other) and np.abs(z_up_corners(model) - corners(other)).max() > 1e-4)
        ):
            wrong.append(path.name)
    assert accepted >= 33
    assert wrong == []
