"""Matches of a camera that only turned, told from those of a flat thing seen from several places."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from oberih.geometry import Camera, Pose, View
from oberih.reconstruct._turned import Matched, nearly_all_flat, only_turned
from synthetic import look_at

NOISE_PX = 0.5  # of each detail, in each direction


def seen(poses: Sequence[Pose], points: NDArray[np.float64], focal: float, start: float) -> list[Matched]:
    """Every pair of views of ``points``, by cameras of 1000 x 750 pixels; ``start`` guesses ``focal``."""
    rng = np.random.default_rng(0)
    camera = Camera(1000, 750, focal, focal, 500, 375)
    pixels, inside = [], []
    for pose in poses:
        projected, depth = View("", camera, pose).project(points)
        inside.append((depth > 0) & (projected > 0).all(axis=1) & (projected < [1000, 750]).all(axis=1))
        pixels.append(projected - [500, 375] + rng.normal(0, NOISE_PX, projected.shape))
    found = []
    for a, b in combinations(range(len(poses)), 2):
        both = inside[a] & inside[b]
        assert both.sum() > 100
        wrong = rng.random(both.sum()) < 0.05
        there = pixels[b][both] + wrong[:, None] * rng.uniform(-50, 50, (both.sum(), 2))
        found.append(Matched((pixels[a][both], there), (start, start), (1000, 1000)))
    return found


def wall(n: int = 4000) -> NDArray[np.float64]:
    return np.random.default_rng(1).uniform((-5, 0, -3), (5, 0, 3), (n, 3))


def room() -> NDArray[np.float64]:
    return np.random.default_rng(1).uniform((-5, 0, -3), (5, 6, 3), (4000, 3))


def turning(n: int) -> list[Pose]:
    return [look_at((0, -5, 0), (x, 0, 0.2 * (i % 2))) for i, x in enumerate(np.linspace(-1, 1, n))]


@pytest.mark.parametrize("start", [600, 1200, 2000])  # thought, for 900
@pytest.mark.parametrize("count", [2, 3, 12])
def test_one_place(count: int, start: float) -> None:
    assert only_turned(seen(turning(count), room(), 900, start))


@pytest.mark.parametrize("count", [2, 3, 12])
@pytest.mark.parametrize("focal", [700, 1200, 2500])
def test_along_a_wall(count: int, focal: float) -> None:
    """Steps to the side look like turns of a camera with a very long lens, but of no other."""
    steps = [look_at((x, -5, 0), (x, 0, 0)) for x in np.linspace(-0.4, 0.4, count)]
    for start in (focal, 1200):
        assert not only_turned(seen(steps, wall(20_000), focal, start))


@pytest.mark.parametrize("count", [2, 3, 12])
def test_around_a_picture(count: int) -> None:
    steps = [look_at((x, -5, 0.1 * i), (0.2 * x, 0, 0)) for i, x in enumerate(np.linspace(-1, 1, count))]
    assert not only_turned(seen(steps, wall(), 900, 1200))


@pytest.mark.parametrize("count", [2, 12])
def test_a_step_in_a_room_is_seen_however_much_the_camera_turns(count: int) -> None:
    steps = [look_at((0.3 * x, -5, 0), (x, 0, 0)) for x in np.linspace(-1, 1, count)]
    assert not only_turned(seen(steps, room(), 900, 1200))


def test_a_camera_that_never_moved_tells_nothing_of_its_lens() -> None:
    """Any focal length fits: that is for others to refuse."""
    assert not only_turned(seen([turning(1)[0]] * 3, room(), 900, 1200))


def test_only_sets_of_flat_pairs_are_looked_at() -> None:
    assert nearly_all_flat(["PLANAR_OR_PANORAMIC"] * 9 + ["CALIBRATED"])
    assert not nearly_all_flat(["PLANAR_OR_PANORAMIC"] * 8 + ["CALIBRATED"] * 2)
    assert not nearly_all_flat([])
