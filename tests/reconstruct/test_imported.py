"""Models from elsewhere that would take without end, or have nothing to show."""

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from oberih.formats import Model
from oberih.geometry import Mesh, PointCloud
from oberih.reconstruct.import_report import NO_AREA
from oberih.reconstruct.imported import import_model, preview
from oberih.reconstruct.measure import area, find_holes

CORNER = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)


def imported(folder: Path, text: str) -> tuple[tuple[str, ...], Path]:
    (folder / "model.obj").write_text(text)
    made = import_model(folder / "model.obj", folder / "out")
    assert (made.out / "preview.png").stat().st_size > 0
    return made.report.remarks, made.out


def in_time(given: Model, seconds: float = 30) -> NDArray[np.uint8]:
    started = time.monotonic()
    picture = preview(given)
    assert time.monotonic() - started < seconds
    assert np.ptp(picture.astype(int)) > 0
    return picture


def test_a_model_without_area_is_imported_and_said_to_have_none(tmp_path: Path) -> None:
    remarks, _ = imported(tmp_path, "v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n")
    assert NO_AREA in remarks


@pytest.mark.parametrize("size", [1e12, 1e-30, 0.0])
def test_numbers_of_any_size_are_imported(tmp_path: Path, size: float) -> None:
    remarks, _ = imported(tmp_path, f"v 0 0 0\nv {size} 0 0\nv 0 {size} 0\nf 1 2 3\n")
    assert (NO_AREA in remarks) == (size == 0)


@pytest.mark.parametrize("count", [1, 1000])
def test_points_at_one_place_are_shown(count: int) -> None:
    in_time(Model(points=PointCloud(np.full((count, 3), 7, np.float32))))


def test_a_face_that_comes_half_a_million_times_is_drawn_once() -> None:
    in_time(Model(parts=(Mesh(CORNER, np.tile(np.array([[0, 1, 2]], np.int32), (500_000, 1))),)))


def test_faces_that_all_lie_before_each_other_are_drawn_as_dots() -> None:
    ring = np.random.default_rng(0).standard_normal((100_000, 3)).astype(np.float32)
    number = np.arange(1, len(ring), dtype=np.int32)  # one vertex is in all of them
    in_time(Model(parts=(Mesh(ring, np.stack([np.zeros_like(number), number, np.roll(number, 1)], axis=1)),)))


@pytest.mark.parametrize("size", [1e30, 1e-30])
def test_a_surface_of_any_size_is_measured_and_shown(size: float) -> None:
    mesh = Mesh(CORNER * np.float32(size), np.array([[0, 1, 2]], np.int32))
    in_time(Model(parts=(mesh,)))
    assert area(mesh) == pytest.approx(size**2 / 2, rel=1e-5)
    assert find_holes(mesh, 1.0, "unit").count == 0
