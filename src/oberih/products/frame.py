"""A frame that comes from the shape alone: nothing in it tells where the thing stands, or which way.

Up stays up; the ground is at 0; the middle is at 0; walls, or else the longest axis, lie along x and z, and
the side that is open to the viewer (or else where there is more of it) looks along z. Neither an offset nor
a heading of the source has any part in it. A model whose scale is unknown gets 1 for its largest side, or as
many metres as somebody found it to have, for its own numbers mean nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oberih.formats import Model
from oberih.geometry import Mesh

__all__ = ["Frame", "canonical_frame", "places_of"]

Floats = NDArray[np.float64]

STEEP = 0.5  # of a wall's normal at most is upwards
SQUARE = 0.1  # how much walls must agree on four directions: 1 all of them do, 0 none
OPEN = 0.05  # share of the area that must be left over in one direction: a closed surface has none
LOWEST = 0.005  # share of the vertices that may lie below the ground: strays


@dataclass(frozen=True)
class Frame:
    """``x' = factor * R @ (x - middle) - shift``, all of it float64."""

    middle: Floats  # (3,)
    R: Floats  # (3, 3), about the vertical
    factor: float
    shift: Floats  # (3,)

    def apply(self, points: Floats) -> Floats:
        return (points - self.middle) @ self.R.T * self.factor - self.shift


def places_of(model: Model) -> Floats:
    """``(N, 3)`` vertices of all parts one after the other; of a model without parts, its points."""
    clouds = [part.vertices for part in model.parts]
    if not clouds and model.points is not None:
        clouds = [model.points.points]
    return np.concatenate(clouds).astype(np.float64)


def canonical_frame(model: Model, largest_m: float | None = None) -> Frame:
    """The frame for ``model``, which must have vertices or points. ``largest_m``: the true length of its
    largest side, if its scale is not known of itself.
    """
    places = places_of(model)
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    R = about_the_vertical(-heading(areas(model.parts), places - middle))
    turned = (places - middle) @ R.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    factor = 1.0
    if not model.scale_known:
        factor = (largest_m or 1.0) / (float((high - low).max()) or 1.0)
    ground = float(np.quantile(turned[:, 1], LOWEST))
    shift = np.array([(low[0] + high[0]) / 2, ground, (low[2] + high[2]) / 2])
    return Frame(middle, R, factor, shift * factor)


def areas(parts: Sequence[Mesh]) -> Floats:
    """``(F, 3)`` normals whose length is twice the area, from coordinates near zero."""
    found = [np.zeros((0, 3))]
    for part in parts:
        near = part.vertices.astype(np.float64) - part.vertices[:1]
        a, b, c = (near[part.faces[:, k]] for k in range(3))
        found.append(np.cross(b - a, c - a))
    return np.concatenate(found)


def heading(normals: Floats, places: Floats) -> float:
    """The angle, from z towards x, of the direction that is to become z."""
    across = np.hypot(normals[:, 0], normals[:, 2])
    total = float(across.sum())
    facing = normals[:, 2] + 1j * normals[:, 0]  # |facing| is the length across
    walls = np.abs(normals[:, 1]) < STEEP * np.linalg.norm(normals, axis=1)
    unit = facing[walls] / np.maximum(across[walls], 1e-300)
    four = (across[walls] * unit**4).sum() / max(total, 1e-300)
    flat = places[:, 2] + 1j * places[:, 0]
    flat = flat - flat.mean()
    if abs(four) > SQUARE:
        first = float(np.angle(four)) / 4
        options = [first + turn * np.pi / 2 for turn in range(4)]
    else:  # across the longest axis
        first = float(np.angle((flat**2).sum())) / 2 + np.pi / 2
        options = [first, first + np.pi]
    open_side = facing.sum() / max(total, 1e-300)
    if abs(open_side) > OPEN:
        return max(options, key=lambda angle: (open_side * np.exp(-1j * angle)).real)
    wide = [angle for angle in options if broader(flat * np.exp(-1j * angle))] or options
    return max(wide, key=lambda angle: ((flat * np.exp(-1j * angle)).real ** 3).sum())


def broader(flat: NDArray[np.complex128]) -> bool:
    """Whether it is at least as wide (x, imaginary) as it is deep (z, real)."""
    return bool(np.ptp(flat.imag) >= np.ptp(flat.real))


def about_the_vertical(angle: float) -> Floats:
    """``(3, 3)``: turns by ``angle`` from z towards x."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
