"""COPC, held against laspy's and copclib's readers."""

from pathlib import Path

import copclib
import laspy
import numpy as np
import pytest

from formats.clouds import SUITE, cloud, corners, cut_everywhere, turned, written
from oberih.formats import copc
from oberih.formats.model import Model
from oberih.formats.registry import formats_of
from oberih.geometry import PointCloud


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(copc.write, tmp_path_factory.mktemp("copc") / "a.copc.laz", cloud(200_000))


def rows(*columns: np.ndarray) -> np.ndarray:
    table = np.concatenate([np.reshape(one, (len(one), -1)) for one in columns], axis=1)
    return table[np.lexsort(table.T)]


@pytest.mark.reads("copc", "laspy")
def test_laspy_finds_every_point_once(large: Path) -> None:
    model = cloud(200_000)
    assert model.points is not None
    with laspy.CopcReader.open(large) as reader:
        told = reader.query()
        first = reader.query(level=0)
    assert len(told) == 200_000 and 1000 < len(first) < 60_000
    theirs = np.stack([told.x, told.y, told.z], axis=1)
    assert np.abs(corners(theirs) - corners(turned(model))).max() < 1e-4
    ours = np.round(turned(model).astype(np.float64), 4)
    colours = np.stack([told.red, told.green, told.blue], axis=1) // 257
    assert np.abs(rows(np.round(theirs, 4), colours) - rows(ours, model.points.colours)).mean() < 1e-3  # type: ignore[arg-type]
    spread = corners(np.stack([first.x, first.y, first.z], axis=1))
    assert np.abs(spread - corners(turned(model))).max() < 0.2  # the coarsest level shows the whole


@pytest.mark.reads("copc", "copclib")
def test_copclib_finds_the_octree_in_order(large: Path) -> None:
    reader = copclib.FileReader(str(large))
    info, header = reader.copc_config.copc_info, reader.copc_config.las_header
    low = np.array([info.center_x, info.center_y, info.center_z]) - info.halfsize
    assert info.spacing == pytest.approx(2 * info.halfsize / 128)
    ends = np.array([[one.x, one.y, one.z] for one in (header.min, header.max)])
    assert (low <= ends[0] + 1e-9).all() and (low + 2 * info.halfsize >= ends[1] - 1e-9).all()
    nodes = reader.GetAllNodes()
    names = {(node.key.d, node.key.x, node.key.y, node.key.z) for node in nodes}
    assert len(nodes) > 8 and sum(node.point_count for node in nodes) == 200_000
    for node in nodes:
        depth, place = node.key.d, np.array([node.key.x, node.key.y, node.key.z])
        assert depth == 0 or (depth - 1, *(place >> 1).tolist()) in names
        size = 2 * info.halfsize / 2**depth
        found = reader.GetPoints(node)
        inside = np.stack([found.x, found.y, found.z], axis=1) - low - place * size
        assert (inside > -1e-9).all() and (inside < size + 1e-9).all()


def test_same_model_same_bytes(tmp_path: Path) -> None:
    one = written(copc.write, tmp_path / "a.copc.laz", cloud(50_000)).read_bytes()
    assert one == written(copc.write, tmp_path / "b.copc.laz", cloud(50_000)).read_bytes()
    assert laspy.read(tmp_path / "a.copc.laz").header.generating_software == "Oberih"


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    model = cloud(3000)
    back = next(formats_of(Path("a.copc.laz"))).read(written(copc.write, tmp_path / "a.copc.laz", model))
    assert back.scale_known and model.points is not None and back.points is not None
    assert np.abs(np.sort(back.points.points, axis=0) - np.sort(model.points.points, axis=0)).max() < 1e-4
    assert (np.sort(back.points.colours, axis=0) == np.sort(model.points.colours, axis=0)).all()


@pytest.mark.parametrize("count", [1, 2, 40_000])
def test_points_in_one_place(tmp_path: Path, count: int) -> None:
    points = np.ones((count, 3), np.float32)
    path = written(copc.write, tmp_path / "a.copc.laz", Model(points=PointCloud(points)))
    with laspy.CopcReader.open(path) as reader:
        assert len(reader.query()) == count


def test_cut_files_are_read_or_refused(tmp_path: Path) -> None:
    cut_everywhere(written(copc.write, tmp_path / "a.copc.laz", cloud(100)), copc.read)


@pytest.mark.skipif(not SUITE.is_dir(), reason="../shared/suites is not beside this folder")
def test_files_of_others() -> None:
    counts = {path.name: len(copc.read(path).points) for path in SUITE.rglob("*.copc.laz")}  # type: ignore[arg-type]
    assert counts == {
        "simple.copc.laz": 1065, "simple_with_page.copc.laz": 1065,
        "autzen_clip_4326.copc.laz": 28, "autzen_clip_native.copc.laz": 43,
    }  # fmt: skip
