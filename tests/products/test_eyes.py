"""Where the photos were taken, as a public model has it: before the thing as they were, and no more."""

from dataclasses import replace

import numpy as np
import pytest

from oberih.formats import Model
from oberih.geometry import Camera, Mesh, Pose, Scene, View
from oberih.products.eyes import MOST, eyes_of
from oberih.products.grid import rebased
from products.chapel import DEPTH, HEIGHT, chapel, moved, turned
from synthetic import look_at

Y_UP = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)  # from y up to z up
CAMERA = Camera(800, 600, 620, 620, 400, 300)


def taken(places: list[tuple[float, float, float]]) -> Scene:
    """Photos that all look at the middle of the chapel; y is up."""
    views = []
    for number, (x, y, z) in enumerate(places):
        pose = look_at((x, -z, y), (0, 0, 2))
        views.append(View(f"IMG_{number}.jpg", CAMERA, Pose(pose.R @ Y_UP, pose.t)))
    nothing = np.zeros(0, np.int32)
    return Scene(
        tuple(views), np.zeros((0, 3)), np.zeros((0, 3), np.uint8), np.zeros(0), nothing, nothing,
        np.zeros((0, 2)),
    )  # fmt: skip


def placed(scene: Scene, degrees: float, by: tuple[float, float, float]) -> Scene:
    """The scene turned and moved as `turned` and `moved` do with a model."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    R = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    views = [
        replace(one, pose=Pose(one.pose.R @ R.T, one.pose.t - one.pose.R @ R.T @ np.array(by)))
        for one in scene.views
    ]
    return replace(scene, views=tuple(views))


def told(model: Model, scene: Scene) -> tuple[object, ...]:
    made = rebased(model)
    low, high = made.model.bounds()
    width, height, depth = (float(one) for one in high - low)
    return eyes_of(scene, made.frame, (width, height, depth))


def open_behind() -> Model:
    """The chapel without the wall behind: it has one side that looks at the viewer."""
    (part,) = chapel(30).parts
    assert part.uv is not None
    stays = ~(part.vertices[part.faces][:, :, 2] < 0.1 - DEPTH / 2).all(axis=1)
    return Model((Mesh(part.vertices, part.faces[stays], uv=part.uv[stays], texture=part.texture),))


ROUND = [(9.0, 1.6, 0.0), (6.0, 1.7, 9.0), (0.0, 1.5, 12.0), (-7.0, 6.0, 7.5)]


def test_they_stand_before_it_as_they_did() -> None:
    """Seen from the model: three metres from its corner are three metres, and they look at its middle."""
    found = np.array(told(chapel(), taken(ROUND)))
    assert len(found) == 4
    away = np.linalg.norm(found[:, 0] - [0, HEIGHT / 2, 0], axis=1)
    wanted = np.linalg.norm(np.array(ROUND) - [0, HEIGHT / 2, 0], axis=1)
    np.testing.assert_allclose(np.sort(away), np.sort(wanted), atol=0.05)
    np.testing.assert_allclose(np.sort(found[:, 0, 1]), [1.5, 1.6, 1.7, 6.0], atol=0.05)
    np.testing.assert_allclose(found[:, 1], np.tile([0, HEIGHT / 2, 0], (4, 1)), atol=0.05)


@pytest.mark.parametrize("degrees", [0, 37, 152])
def test_neither_where_it_stands_nor_which_way_is_in_them(degrees: float) -> None:
    by = (4096.0, 0.0, -512.0)
    here = np.array(told(open_behind(), taken(ROUND)))
    there = np.array(told(moved(turned(open_behind(), degrees), by), placed(taken(ROUND), degrees, by)))
    np.testing.assert_allclose(there, here, atol=0.025)


def test_nothing_tells_their_order() -> None:
    places = [(9.0 + 0.2 * n, 1.6, 3.0 * np.sin(n)) for n in range(20)]
    random = np.random.default_rng(2)
    shuffled = [places[n] for n in random.permutation(20)]
    assert told(chapel(), taken(places)) == told(chapel(), taken(shuffled))


def test_of_very_many_some_are_told_and_all_as_finely_as_one_sees() -> None:
    random = np.random.default_rng(1)
    many = [(float(x) + 8, 1.6, float(z)) for x, z in random.uniform(0, 20, (700, 2))]
    found = np.array(told(chapel(), taken(many)))
    assert len(found) == MOST
    for one in (found, np.array(told(replace(chapel(), scale_known=False), taken(ROUND)))):
        grains = one / side() * 1000  # docs/decisions/0015: a thousandth of the model's size
        np.testing.assert_allclose(grains, np.rint(grains), atol=1e-3)


def side() -> float:
    low, high = rebased(chapel()).model.bounds()
    return float((high - low).max())
