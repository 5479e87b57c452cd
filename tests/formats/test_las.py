"""LAS and LAZ, held against laspy and against files of others."""

import struct
from pathlib import Path

import laspy
import numpy as np
import pytest

from formats.clouds import (
    SUITE,
    Write,
    cloud,
    corners,
    cut_everywhere,
    read_or_refused,
    turned,
    written,
    z_up_corners,
)
from oberih.errors import UnreadableModel
from oberih.formats import las
from oberih.formats.las._crs import of_text
from oberih.formats.model import Model
from oberih.geometry import PointCloud

BOTH = pytest.mark.parametrize(("write", "name"), [(las.write, "a.las"), (las.write_laz, "a.laz")])
FEET = 'PROJCS["a",GEOGCS["b",UNIT["degree",0.0174532925]],UNIT["US survey foot",0.304800609601219]]'

WKT_2 = (
    'PROJCRS["a",BASEGEOGCRS["b",ELLIPSOID["e",6378137,298,LENGTHUNIT["metre",1]]],CS[Cartesian,2],'
    'AXIS["E",east],LENGTHUNIT["foot",0.3048]]'
)


@BOTH
@pytest.mark.reads("las", "laz", "laspy")
def test_laspy_reads_what_is_written(tmp_path: Path, write: Write, name: str) -> None:
    model = cloud()
    told = laspy.read(written(write, tmp_path / name, model))
    assert model.points is not None
    assert told.header.version == "1.4" and told.point_format.id == 7 and len(told.points) == 1000
    assert np.abs(told.xyz - turned(model)).max() <= 0.51e-4
    assert np.abs(np.stack([told.header.mins, told.header.maxs]) - corners(turned(model))).max() <= 0.51e-4
    colours = np.stack([told.red, told.green, told.blue], axis=1)
    assert (colours == model.points.colours.astype(int) * 257).all()  # type: ignore[union-attr]
    assert np.abs(told.intensity / 65535 - model.points.intensity).max() < 1e-5
    assert (told.return_number == 1).all() and (told.number_of_returns == 1).all()
    assert told.header.number_of_points_by_return[0] == 1000 and told.header.global_encoding.wkt


@BOTH
def test_what_is_written_comes_back(tmp_path: Path, write: Write, name: str) -> None:
    model = cloud()
    back = las.read(written(write, tmp_path / name, model))
    assert back.scale_known and back.notes == () and model.points is not None and back.points is not None
    assert np.abs(back.points.points - model.points.points).max() <= 0.51e-4
    assert (back.points.colours == model.points.colours).all()
    assert np.abs(back.points.intensity - model.points.intensity).max() < 1e-5


@BOTH
def test_same_model_same_bytes_and_nothing_else_in_them(tmp_path: Path, write: Write, name: str) -> None:
    one = written(write, tmp_path / name, cloud()).read_bytes()
    two = written(write, tmp_path / f"kyiv-{name}", cloud()).read_bytes()
    assert one == two
    header = laspy.read(tmp_path / name).header
    assert header.system_identifier == header.generating_software == "Oberih"
    assert header.creation_date is None and header.uuid.int == 0 and header.file_source_id == 0
    assert struct.unpack_from("<HH", one, 90) == (0, 0)


def test_small_things_keep_their_precision(tmp_path: Path) -> None:
    points = np.array([[0, 0, 0], [0.012345, 0.02, 0.03]], np.float32)
    back = las.read(written(las.write, tmp_path / "a.las", Model(points=PointCloud(points))))
    assert np.abs(back.points.points - points).max() < 2e-7  # type: ignore[union-attr]


def test_vast_and_empty_clouds_are_written(tmp_path: Path) -> None:
    points = np.array([[0, 0, 0], [1e6, 2e6, 3e6]], np.float32)
    back = las.read(written(las.write, tmp_path / "a.las", Model(points=PointCloud(points))))
    assert np.allclose(back.bounds() + back.origin, [[0, 0, 0], [1e6, 2e6, 3e6]], atol=0.01)
    none = Model(points=PointCloud(np.zeros((0, 3), np.float32)))
    for write, name in ((las.write, "b.las"), (las.write_laz, "b.laz")):
        assert len(laspy.read(written(write, tmp_path / name, none)).points) == 0
        assert len(las.read(tmp_path / name).points) == 0  # type: ignore[arg-type]


def foreign(path: Path, xyz: np.ndarray, text: str = "") -> Path:
    """A file that laspy writes, with a coordinate system of that text."""
    header = laspy.LasHeader(point_format=6, version="1.4")
    header.scales, header.offsets = np.full(3, 1e-7 if text.startswith("GEOGCS") else 1e-4), xyz.min(axis=0)
    if text:
        header.vlrs.append(laspy.vlrs.known.WktCoordinateSystemVlr(text))
    file = laspy.LasData(header)
    file.xyz = xyz
    file.write(path)
    return path


def test_coordinates_far_from_zero_lose_nothing(tmp_path: Path) -> None:
    xyz = np.array([[431234.1234, 5412345.6543, 120.5], [431240.1235, 5412349.6544, 121.75]])
    model = las.read(foreign(tmp_path / "a.las", xyz))
    assert np.abs(z_up_corners(model) - corners(xyz)).max() < 1e-4
    assert np.abs(model.points.points).max() < 10  # type: ignore[union-attr]
    assert not model.scale_known and "does not say its unit" in model.notes[-1]


def test_feet_become_metres(tmp_path: Path) -> None:
    xyz = np.array([[0.0, 0, 0], [100, 200, 10]])
    model = las.read(foreign(tmp_path / "a.las", xyz, FEET))
    assert model.scale_known and "feet" in model.notes[0]
    assert np.allclose(z_up_corners(model), xyz * 0.304800609601219, atol=1e-5)


def test_degrees_become_metres(tmp_path: Path) -> None:
    text = 'GEOGCS["WGS 84",DATUM["d",SPHEROID["s",6378137,298.257223563]],UNIT["degree",0.0174532925]]'
    xyz = np.array([[30.5, 45.0, 100], [30.501, 45.001, 101]])
    model = las.read(foreign(tmp_path / "a.las", xyz, text))
    size = np.diff(z_up_corners(model), axis=0)[0]
    assert model.scale_known and "degrees" in model.notes[0]
    assert np.allclose(size, (78.85, 111.13, 1), atol=0.02)  # of a thousandth of a degree at 45°
    wide = las.read(foreign(tmp_path / "b.las", xyz * (1, 1.1, 1) + np.array([[0, 0, 0], [3, 0, 0]]), text))
    assert not wide.scale_known


@pytest.mark.parametrize(
    ("text", "across", "up"),
    [
        (FEET, 0.304800609601219, None),
        (f'COMPD_CS["c",{FEET},VERT_CS["v",VERT_DATUM["d",2005],UNIT["metre",1]]]', 0.304800609601219, 1),
        (WKT_2, 0.3048, None),
        ('PROJCS["a",UNIT["metre",1e99]]', None, None),
        ('PROJCS["a",UNIT["metre"', None, None),
        ("PROJCS[" * 9000, None, None),
    ],
)  # fmt: skip
def test_units_of_well_known_text(text: str, across: float | None, up: float | None) -> None:
    unit = of_text(text)
    assert (unit.across, unit.up) == (across, up)


@BOTH
def test_cut_files_are_read_or_refused(tmp_path: Path, write: Write, name: str) -> None:
    cut_everywhere(written(write, tmp_path / name, cloud(120)), las.read)


def test_a_cut_file_says_how_much_is_there(tmp_path: Path) -> None:
    path = written(las.write, tmp_path / "a.las", cloud(100))
    path.write_bytes(path.read_bytes()[:-40])
    model = las.read(path)
    assert len(model.points) == 98 and "98" in model.notes[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (96, b"\xff\xff\xff\xff"),  # points begin beyond the file
        (104, b"\x3f"),  # kind of point
        (105, b"\1\0"),  # size of a point
        (131, bytes(8)),  # scale
        (155, struct.pack("<d", float("nan"))),  # offset
        (155, struct.pack("<d", 1e300)),
        (0, b"LASX"),
    ],
)
def test_damaged_headers_are_refused(tmp_path: Path, at: int, value: bytes) -> None:
    path = written(las.write, tmp_path / "a.las", cloud(10))
    data = bytearray(path.read_bytes())
    data[at : at + len(value)] = value
    path.write_bytes(data)
    with pytest.raises(UnreadableModel):
        las.read(path)


@BOTH
def test_giant_counts_cost_nothing(tmp_path: Path, write: Write, name: str) -> None:
    path = written(write, tmp_path / name, cloud(10))
    data = bytearray(path.read_bytes())
    data[247:255] = struct.pack("<Q", 2**62)  # points
    data[100:104] = b"\xff\xff\xff\xff"  # records
    path.write_bytes(data)
    try:
        model = las.read(path)
    except UnreadableModel:
        assert name == "a.laz"
    else:
        assert len(model.points) == 10 and len(model.notes) == 2  # type: ignore[arg-type]


# -- files of others -----------------------------------------------------------------------------------------

FILES = sorted(SUITE.rglob("*.la[sz]")) if SUITE.is_dir() else []
POISON = "garbage_nVariableLength.las"  # laspy reads its four thousand million records


@pytest.mark.skipif(not FILES, reason="../shared/suites is not beside this folder")
def test_files_of_others() -> None:
    """What laspy reads is read with as many points and the same bounding box, in metres."""
    accepted, turned_to_metres = 0, 0
    wrong = []
    for path in FILES:
        model = read_or_refused(path, las.read)
        if path.name == POISON:
            assert model is not None and len(model.points) == 718  # type: ignore[arg-type]
            continue
        try:
            other = laspy.read(path)
        except BaseException as error:  # lazrs panics
            if isinstance(error, KeyboardInterrupt):
                raise
            continue
        accepted += 1
        if model is None or model.points is None or len(model.points) != len(other.points):
            wrong.append(path.name)
            continue
        theirs = corners(other.xyz) if len(other.points) else np.full((2, 3), np.nan)
        notes = " ".join(model.notes)
        if "feet" in notes:
            turned_to_metres += 1
            mine, theirs = np.diff(z_up_corners(model), axis=0), np.diff(theirs, axis=0)
            factor = mine / np.where(theirs == 0, 1, theirs)
            known = [np.isclose(factor, one, rtol=1e-4) for one in (0, 1, 0.3048, 1200 / 3937)]
            right = bool(np.any(known, axis=0).all())
        elif "degrees;" in notes:
            turned_to_metres += 1
            metres = np.diff(z_up_corners(model), axis=0)[0] / 111_000
            right = bool((np.abs(metres[:2] - np.diff(theirs, axis=0)[0, :2]) <= metres[:2] * 0.4).all())
        else:
            right = bool(np.allclose(z_up_corners(model), theirs, atol=1e-3, equal_nan=True))
        wrong += [] if right else [path.name]
    assert accepted >= 60 and turned_to_metres >= 10
    assert wrong == []
