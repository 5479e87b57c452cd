"""A small model of two parts with exact truth, for tests of formats of surfaces, and what they share."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from oberih.errors import UnreadableModel
from oberih.formats.model import Model, z_up
from oberih.formats.registry import Format, format_named
from oberih.geometry import Mesh, PointCloud
from oberih.progress import Progress

SUITES = Path(__file__).parents[1] / ".." / "shared" / "suites"

PICTURE = np.zeros((32, 64, 3), np.uint8)
PICTURE[:16, :32] = (200, 40, 90)
PICTURE[:16, 32:] = (30, 180, 60)
PICTURE[16:, :32] = (20, 60, 220)
PICTURE[16:, 32:] = (240, 230, 40)

UP = np.tile(np.array([0, 0, 1], np.float32), (4, 1))
TEXTURED = Mesh(
    vertices=np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]], np.float32),
    faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    normals=UP,
    uv=np.array([[[0, 1], [1, 1], [1, 0]], [[0, 1], [1, 0], [0, 0]]], np.float32),
    texture=PICTURE,
)
COLOURED = Mesh(
    vertices=np.array([[5, -0.125, 3], [6.1, 0, 3], [5, 1, 3.7]], np.float32),
    faces=np.array([[0, 1, 2]], np.int32),
    normals=UP[:3],
    colours=np.array([[255, 0, 0], [0, 255, 7], [1, 2, 255]], np.uint8),
)
BOTH = Model((TEXTURED, COLOURED))
POINTS = Model(
    points=PointCloud(
        np.array([[1, 2, 3], [-4, 5.5, 6], [0.1, 0.2, 0.3]], np.float32),
        UP[:3],
        COLOURED.colours,
        np.array([0, 0.5, 1], np.float32),
        np.array([1, 0.25, 0], np.float32),
    )
)


def written(name: str, folder: Path, model: Model = BOTH, stem: str = "model") -> Path:
    kind = format_named(name)
    path = folder / (stem + kind.extension)
    kind.write(path, model, Progress())
    return path


def corners(model: Model) -> np.ndarray:
    """``(T, 3, 3)`` of all parts."""
    return np.concatenate([part.vertices[part.faces] for part in model.parts])


def read_or_refused(kind: Format, path: Path) -> Model | None:
    """None if the file is refused with a reason; any other ending is a defect."""
    try:
        return kind.read(path)
    except UnreadableModel as error:
        return None if error.message and error.advice else pytest.fail("refused without a reason")


def damaged(data: bytes, step: int = 64) -> list[bytes]:
    """Cut off, and with bytes of other values, at many places."""
    random = np.random.default_rng(1)
    found = [data[:end] for end in range(0, len(data), step)]
    for place in range(0, len(data), step // 2 + 1):
        changed = bytearray(data)
        changed[place] = random.integers(256)
        found.append(bytes(changed))
        changed[place : place + 4] = random.choice([b"\xff\xff\xff\x7f", b"-9 9", b" nan", b"\0\0\0\0"])
        found.append(bytes(changed))
    return found


def agrees_with_trimesh(kind: Format, path: Path) -> bool | None:
    """Whether count of triangles and bounding box are trimesh's; None if trimesh finds nothing there."""
    try:
        found = trimesh.load_scene(path, process=False)
        shapes = [shape for shape in found.geometry.values() if len(shape.vertices)]
        assert shapes
    except Exception:  # noqa: BLE001 -- a library's word on a broken file
        read_or_refused(kind, path)
        return None
    model = read_or_refused(kind, path)
    if model is None:  # of a mesh whose faces are all broken, trimesh keeps the vertices
        faceless = all(isinstance(shape, trimesh.Trimesh) and not len(shape.faces) for shape in shapes)
        return None if faceless else False
    boxes = [
        shape.bounds if shape.bounds is not None else [shape.vertices.min(axis=0), shape.vertices.max(axis=0)]
        for shape in shapes
    ]
    box = np.array([np.min(boxes, axis=0)[0], np.max(boxes, axis=0)[1]])
    mine = model.bounds() + model.origin
    if kind.name == "stl":
        mine = np.sort(z_up(mine), axis=0)
    count = sum(len(getattr(shape, "faces", ())) for shape in shapes)
    return model.triangles == count and bool(np.allclose(mine, box, atol=1e-5 * np.abs(box).max()))
