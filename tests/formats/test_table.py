"""The documentation's table of formats is made from the list of formats and from these tests' marks."""

import importlib.util
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from oberih.errors import InputError
from oberih.formats import FORMATS, Format, Model, format_named, read_model
from oberih.formats.registry import KEEPS
from oberih.geometry import Mesh, PointCloud

HOME = Path(__file__).parents[2]

CORNERS = np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0.5]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
COLOURS = np.array([[200, 10, 10], [10, 200, 10], [10, 10, 200], [90, 90, 90]], np.uint8)
UV = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32)
PICTURE = np.full((16, 16, 3), (40, 90, 160), np.uint8)


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("formats_table", HOME / "scripts" / "formats_table.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_format_that_is_written_is_read_by_somebody_else(page: ModuleType) -> None:
    written = {one.name for one in FORMATS if one.writes}
    assert len(written) >= 22
    assert written == page.readers().keys()


def test_the_documentation_is_up_to_date(page: ModuleType) -> None:
    """Made anew by: .venv/bin/python scripts/formats_table.py"""
    assert (HOME / "docs" / "formats.md").read_text() == page.text(page.readers())


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_the_list_is_true(one: Format, tmp_path: Path) -> None:
    """Its functions are there, and what it says that it keeps comes back."""
    module = import_module(f"oberih.formats.{one.module}")
    assert all(callable(getattr(module, name)) for name in (one.writes, one.reads) if name)
    assert one.writes or one.reads
    assert set(one.keeps) <= set(KEEPS)
    if not (one.writes and one.reads):
        return
    path = tmp_path / f"model{one.extension}"
    if "mesh" in one.keeps:
        textured = Mesh(CORNERS, FACES, uv=UV, texture=PICTURE)
        one.write(path, Model((textured,)))
        back = read_model(path, one.name)
        assert back.triangles == 2
        picture = any(part.texture is not None for part in back.parts)
        assert picture == ("texture" in one.keeps) or one.name == "ply"
        path = path.with_stem("coloured")
        one.write(path, Model((Mesh(CORNERS, FACES, colours=COLOURS),)))
        back = read_model(path, one.name)
        if "colours" in one.keeps:
            found = {
                tuple(c) for part in back.parts if part.colours is not None for c in part.colours.tolist()
            }
            assert all(min(abs(np.subtract(c, f)).max() for f in found) <= 2 for c in COLOURS.tolist())
    else:
        cloud = PointCloud(CORNERS, np.tile(np.float32([0, 0, 1]), (4, 1)), COLOURS)
        one.write(path, Model(points=cloud))
        back = read_model(path, one.name)
        assert back.points is not None and len(back.points) == 4
        assert (back.points.colours is not None) == ("colours" in one.keeps)
        assert (back.points.normals is not None) == ("normals" in one.keeps)
    assert back.scale_known == ("units" in one.keeps)
    np.testing.assert_allclose(back.bounds(), [[0, 0, 0], [2, 1, 0.5]], atol=1e-3)


def test_names() -> None:
    assert format_named("GLB").name == "glb"
    with pytest.raises(InputError, match="no format"):
        format_named("step")
