"""A small cloud with everything, and what the tests of point formats share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from oberih.errors import UnreadableModel
from oberih.formats.model import Model, z_up
from oberih.geometry import PointCloud
from oberih.progress import Progress

SUITE = Path(__file__).parents[2] / ".." / "shared" / "suites" / "pointclouds"
Write = Callable[[Path, Model, Progress], None]


def cloud(count: int = 1000, *, bare: bool = False) -> Model:
    """Points on a cylinder of 3 m radius and 4 m height that stands at (1, 2, 3), y up."""
    random = np.random.default_rng(7)
    angle, height = random.uniform(0, 2 * np.pi, count), random.uniform(-2, 2, count)
    normals = np.stack([np.cos(angle), np.zeros(count), np.sin(angle)], axis=1)
    points = (3 * normals + np.stack([np.zeros(count), height, np.zeros(count)], axis=1) + (1, 2, 3)).astype(
        np.float32
    )
    if bare:
        return Model(points=PointCloud(points))
    colours = random.integers(0, 256, (count, 3)).astype(np.uint8)
    colours[0] = 255
    strength = random.uniform(0, 1, count).astype(np.float32)
    return Model(points=PointCloud(points, normals.astype(np.float32), colours, intensity=strength))


def written(write: Write, path: Path, model: Model) -> Path:
    write(path, model, Progress())
    return path


def turned(model: Model) -> np.ndarray:
    """The points as a z-up format has them."""
    assert model.points is not None
    return z_up(model.points.points)


def corners(points: np.ndarray) -> np.ndarray:
    return np.stack([points.min(axis=0), points.max(axis=0)])


def z_up_corners(model: Model) -> np.ndarray:
    """The bounding box in the source's own frame."""
    return corners(z_up(model.bounds() + model.origin))


def cut_everywhere(path: Path, read: Callable[[Path], Model], step: int = 64) -> None:
    """Every beginning of a file is read or refused, and nothing else happens."""
    whole = path.read_bytes()
    part = path.with_name("cut" + "".join(path.suffixes))
    for size in range(0, len(whole), step):
        part.write_bytes(whole[:size])
        model = read_or_refused(part, read)
        assert model is None or (model.points is not None and np.isfinite(model.points.points).all())


def read_or_refused(path: Path, read: Callable[[Path], Model]) -> Model | None:
    """None if the file is refused in plain words."""
    try:
        return read(path)
    except UnreadableModel as error:
        said = error
    assert said.message and said.advice
    return None
