"""Was the camera only turned? Then nothing tells how far away things are.

Between photos from one place, details move as K(f) R K(f)^-1 says, with one f for all pairs. If f is not
known, bundle adjustment finds another one under which the same details have depths, and invents a model;
its angles say nothing then, so this asks the matches themselves. Flat things from several places also
give homographies, but not of this kind: only a shift along a wall looks more and more like a turn the
longer the lens, so f must be one that fits clearly better than a very long lens does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

__all__ = ["Matched", "nearly_all_flat", "only_turned", "some_of"]

FLAT = ("PLANAR", "PANORAMIC", "PLANAR_OR_PANORAMIC")  # kinds of pairs that one homography explains
NEARLY_ALL = 0.9  # of the pairs
INLIERS = 0.8  # of a pair's matches
TOLERANCE = 0.0025  # of the longer side, 0.15 degrees through a usual lens: as good as no parallax
SHORTEST, LONGEST = 0.4, 4.0  # focal lengths, of the start value
STEPS = 16  # from one to the other, before the best is refined
CLEARLY = 1.5  # times as far off with the longest lens
MAX_PAIRS, MAX_MATCHES = 200, 200  # that are looked at; more would tell nothing new

Floats = NDArray[np.floating]
Things = TypeVar("Things", list[tuple[int, int]], Floats)


@dataclass(frozen=True)
class Matched:
    """Matching details of two photos."""

    points: tuple[Floats, Floats]  # (N, 2) each, pixels from the centre of the photo
    focals: tuple[float, float]  # start values, pixels
    sides: tuple[int, int]  # the longer ones, pixels


def nearly_all_flat(kinds: Sequence[str]) -> bool:
    """Whether pairs of these kinds (COLMAP's names) may be mere turns: no other set needs a closer look."""
    return sum(kind in FLAT for kind in kinds) >= max(1, NEARLY_ALL * len(kinds))


def some_of(things: Things, most: int = MAX_PAIRS) -> Things:
    """At most ``most`` of the things, evenly picked."""
    return things[:: max(1, -(-len(things) // most))]


def only_turned(pairs: Sequence[Matched]) -> bool:
    """Whether one focal length (one factor to all start values) makes nearly all ``pairs`` mere turns."""

    def off(log_factor: float) -> float:
        apart = [misfit(pair, float(np.exp(log_factor))) for pair in pairs]
        return float(np.quantile(apart, NEARLY_ALL, method="higher"))

    tried = np.linspace(np.log(SHORTEST), np.log(LONGEST), STEPS)
    found = [off(factor) for factor in tried]
    best = int(np.argmin(found))
    if best in (0, STEPS - 1):
        return False
    around = (float(tried[best - 1]), float(tried[best + 1]))
    least = float(minimize_scalar(off, bounds=around, method="bounded", options={"maxiter": 12}).fun)
    return least < TOLERANCE and found[-1] > CLEARLY * least


def misfit(pair: Matched, factor: float) -> float:
    """How far off, as a share of the longer side, most details are after the best rotation."""
    f, g = (factor * focal for focal in pair.focals)
    here, there = (some_of(points, MAX_MATCHES) for points in pair.points)
    a, b = rays(here, f), rays(there, g)
    good = np.ones(len(a), bool)
    for _ in range(2):  # the second time without matches that are wrong
        U, _, Vt = np.linalg.svd(b[good].T @ a[good])  # Kabsch 1976
        R = U @ np.diag([1, 1, np.linalg.det(U @ Vt)]) @ Vt
        turned = a @ R.T
        with np.errstate(divide="ignore", invalid="ignore"):
            shown = g * turned[:, :2] / turned[:, 2:]
        apart = np.linalg.norm(shown - there, axis=1)
        apart[turned[:, 2] <= 0] = np.inf  # turned out of sight
        most = np.quantile(apart, INLIERS, method="higher")
        good = apart <= most
    return float(most / pair.sides[1])


def rays(points: Floats, focal: float) -> Floats:
    """``(N, 3)`` unit directions of ``(N, 2)`` pixels from the centre."""
    directions = np.column_stack([points, np.full(len(points), focal)])
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)
