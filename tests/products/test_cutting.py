"""The custodian's box cuts cleanly, and what is cut away is nowhere any more."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from oberih.errors import InputError
from oberih.formats import Model
from oberih.geometry import Mesh, PointCloud
from oberih.products import Box, Choices
from oberih.products.cutting import cropped, without_small_pieces
from products.chapel import chapel


def area(model: Model) -> float:
    return sum(float(np.linalg.norm(part.face_normals(), axis=1).sum()) / 2 for part in model.parts)


def test_a_box_cuts_where_its_walls_run() -> None:
    """A slice of 2.3 m of walls 4 m high, and the roof above it; no vertex lies outside."""
    box = Box(centre=(0, 2, 0), size=(20, 20, 2.3))
    made = cropped(chapel(5), box)
    assert area(made) == pytest.approx(2.3 * (4 + 4 + 6), rel=1e-5)
    low, high = made.bounds()
    np.testing.assert_allclose((low[2], high[2]), (-1.15, 1.15), atol=1e-5)


def test_a_turned_box() -> None:
    roof = Model((Mesh(np.array([[-5, 0, -5], [5, 0, -5], [5, 0, 5], [-5, 0, 5]], np.float32),
                       np.array([[0, 2, 1], [0, 3, 2]], np.int32)),))  # fmt: skip
    box = Box(centre=(1, 0, 1), size=(3, 1, 2), turn_deg=30)
    made = cropped(roof, box)
    assert area(made) == pytest.approx(6, rel=1e-5)
    across = np.array([np.cos(np.radians(30)), 0, -np.sin(np.radians(30))])
    along = (made.parts[0].vertices - np.float32([1, 0, 1])) @ across
    assert np.abs(along).max() == pytest.approx(1.5, rel=1e-4)


def test_what_is_painted_stays_where_it_was() -> None:
    """Texture coordinates on a wall are linear in place: they are so after the cut too."""
    mesh = chapel(6).parts[0]
    made = cropped(Model((mesh,)), Box(centre=(0.3, 1.7, 0.1), size=(4.1, 3.3, 30))).parts[0]
    assert made.uv is not None and mesh.uv is not None

    def fitted(some: Mesh) -> np.ndarray:
        front = (np.abs(some.vertices[some.faces][:, :, 2] - 5) < 1e-3).all(axis=1)
        places = some.vertices[some.faces[front]].reshape(-1, 3).astype(float)
        assert some.uv is not None and len(places) > 50
        A = np.c_[places[:, :2], np.ones(len(places))]
        found, residual, *_ = np.linalg.lstsq(A, some.uv[front].reshape(-1, 2), rcond=None)
        assert residual.max() < 1e-6
        return found

    np.testing.assert_allclose(fitted(made), fitted(mesh), atol=1e-5)


def test_cut_faces_share_their_new_vertices_and_look_the_same_way() -> None:
    made = cropped(chapel(5), Box(centre=(0, 2, 0), size=(20, 3.1, 7.7))).parts[0]
    normals = made.face_normals()
    outward = made.vertices[made.faces].mean(axis=1)
    outward[:, 1] = np.where(np.abs(normals[:, 1]) > 0.1, 1, 0)
    assert ((normals * outward).sum(axis=1) > 0).all()
    edges = np.sort(made.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, times = np.unique(edges, axis=0, return_counts=True)
    ends = made.vertices[edges[times == 1]]
    upright = [(np.abs(ends[:, :, 1] - y) < 1e-5).all(axis=1) for y in (0.45, 3.55)]
    along = [(np.abs(ends[:, :, 2] - z) < 1e-5).all(axis=1) for z in (-3.85, 3.85)]
    assert (times <= 2).all() and np.any(upright + along, axis=0).all()  # no crack inside


def test_colours_are_cut_too() -> None:
    mesh = Mesh(np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]], np.float32), np.array([[0, 1, 2]], np.int32),
                colours=np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8))  # fmt: skip
    made = cropped(Model((mesh,)), Box(centre=(0, 0, 0), size=(4, 20, 20))).parts[0]
    assert made.colours is not None
    np.testing.assert_allclose(made.colours[:, 0], made.vertices[:, 0] * 50, atol=1)


def test_points_outside_go() -> None:
    cloud = PointCloud(np.array([[0, 0, 0], [3, 0, 0], [0, 0.4, 0]], np.float32))
    made = cropped(Model(points=cloud), Box(centre=(0, 0, 0), size=(1, 1, 1))).points
    assert made is not None and len(made) == 2


def test_a_box_that_holds_all_changes_nothing() -> None:
    source = chapel(3)
    made = cropped(source, Box(centre=(0, 0, 0), size=(99, 99, 99)))
    np.testing.assert_array_equal(made.parts[0].vertices, source.parts[0].vertices)


def test_small_pieces_go_whatever_part_they_are_in() -> None:
    scrap = Mesh(np.array([[50, 0, 0], [50.1, 0, 0], [50, 0.1, 0]], np.float32),
                 np.array([[0, 1, 2]], np.int32))  # fmt: skip
    mesh = chapel(4).parts[0]
    made, gone = without_small_pieces(Model((mesh, scrap)), 0.01)
    assert gone == 1 and len(made.parts) == 1 and made.triangles == len(mesh.faces)
    kept, none = without_small_pieces(Model((mesh, scrap)), 0)
    assert none == 0 and len(kept.parts) == 2


def test_points_that_lie_far_from_all_others_go() -> None:
    random = np.random.default_rng(1)
    heap = random.uniform(0, 1, (20_000, 3))
    strays = random.uniform(30, 300, (15, 3))
    cloud = PointCloud(np.concatenate([heap, strays, [[1e12, 0, 0]]]).astype(np.float32))
    made, gone = without_small_pieces(Model(points=cloud), 0.01)
    assert made.points is not None and len(made.points) == 20_000 and gone >= 10


def test_pieces_that_touch_across_parts_are_one() -> None:
    mesh = chapel(4).parts[0]
    assert mesh.uv is not None
    half = np.arange(len(mesh.faces)) % 40 == 0
    one = replace(mesh, faces=mesh.faces[half], uv=mesh.uv[half])
    other = replace(mesh, faces=mesh.faces[~half], uv=mesh.uv[~half])
    _, gone = without_small_pieces(Model((one, other)), 0.1)
    assert gone == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"crop": {"centre": (0, 0, float("nan")), "size": (1, 1, 1)}},
        {"crop": {"centre": (0, 0, 0), "size": (1, 0, 1)}},
        {"smallest_piece": 2},
        {"triangles": 3},
        {"texture_px": 1 << 20},
        {"turntable": -1},
        {"colour": "red"},
    ],
)
def test_choices_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Choices.model_validate(wrong)


@pytest.mark.parametrize("name", ["colmap", "nerfstudio", "3dtiles", "usda", "no such"])
def test_formats_with_cameras_or_that_cannot_be_written_are_no_choice(name: str) -> None:
    with pytest.raises(InputError):
        Choices.model_validate({"downloads": (name,)})
