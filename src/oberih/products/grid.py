"""Coordinates on a fresh grid, so that their last digits tell nothing of those they were made from.

Numbers that were once far from zero, or written with three decimals, lie on steps of their own, along axes of
their own: who finds these steps learns the heading of the source and how far from zero it was. So each place
is moved by a little noise, as wide as such steps need to vanish, and rounded to a grid that depends on the
size of the model only. Both lie far below the error of a measured model: a step is 4 to 8 millionths of
its largest side. The noise grows from the coordinates themselves: the same model gives the same bytes, and
who doesn't have the source can't compute it. (Dither: Wannamaker, Lipshitz & Vanderkooy, A Theory of
Nonsubtractive Dither, 2000.)

Vertices and faces are then put in the order of their places (Morton): that of a file tells how it was made.
What goes along are colours and confidence: how well the photos agree at a place tells nothing of where it is.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oberih.formats import Model
from oberih.geometry import Mesh, PointCloud
from oberih.geometry.simplify import welded
from oberih.products.frame import Frame, canonical_frame, places_of

__all__ = ["Rebased", "rebased", "steps_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BITS = 17  # a step is the largest side, rounded down to a power of two, by 2 to the power of this
NOISE = 0.6  # of the steps that are to vanish: of their first harmonic 0.08 % is left
HIDDEN = 1 / 2000  # of the largest side: larger steps are the shape of a thing, or the ruin of it
FEW = 30  # values whose differences tell no steps
MANY = 5000  # places of a model that was measured; one that was drawn may well have round numbers
SOME = 500_000  # values that are looked at for steps
MORTON_BITS = 21


@dataclass(frozen=True)
class Rebased:
    """A model in its public frame."""

    model: Model
    step: float
    shows_steps: bool  # of the source, too large to be hidden
    frame: Frame  # how it came there: of the source, and not for the public


def rebased(model: Model, largest_m: float | None = None) -> Rebased:
    """``model`` in a frame and on a grid of its own: parts, or points if there are none, and no more.

    ``largest_m``: the true length of its largest side, if its scale is not known of itself.
    """
    frame = canonical_frame(model, largest_m)
    scale_known = model.scale_known or largest_m is not None
    places = places_of(model)
    turned = frame.apply(places)
    side = float(np.ptp(turned, axis=0).max()) or 1.0
    step = float(2.0 ** (np.floor(np.log2(side)) - BITS))
    found = [steps_of(values) * frame.factor for values in places.T]
    hidden = [one for one in found if one <= HIDDEN * side]
    coarse = len(hidden) < 3 and len(places) >= MANY
    noise = NOISE * max([step, *hidden])
    whole = gridded(turned, step, noise)
    if not model.parts:
        points = cloud(model, whole, step)
        return Rebased(Model(points=points, scale_known=scale_known), step, coarse, frame)
    parts = []
    ends = np.cumsum([len(part.vertices) for part in model.parts])
    for part, numbers in zip(model.parts, np.split(whole, ends[:-1]), strict=True):
        made = in_order(part, numbers, step)
        if len(made.faces):
            parts.append(made)
    return Rebased(Model(tuple(parts), scale_known=scale_known), step, coarse, frame)


def gridded(turned: Floats, step: float, noise: float) -> Ints:
    """``(N, 3)`` places in whole steps. Those that were one place stay one."""
    source = np.ascontiguousarray(turned, "<f8")
    seed = int.from_bytes(hashlib.blake2b(source.data, digest_size=16).digest(), "little")
    random = np.random.Generator(np.random.Philox(seed))
    first, number = welded(turned.astype(np.float32))
    moved = random.standard_normal((len(first), 3))
    moved *= noise / step
    moved += turned[first] / step
    return np.rint(moved, out=moved).astype(np.int64)[number]


def steps_of(values: Floats) -> float:
    """The steps that float32 ``values`` lie on: those of their binary digits, or larger ones."""
    some = values[:: max(1, len(values) // SOME)]
    some = some[some != 0]
    if not len(some):
        return 0.0
    fraction, exponent = np.frexp(some)
    digits = np.ldexp(fraction, 24).astype(np.int64)
    lowest = (digits & -digits).astype(np.float64)  # the last binary digit that is set
    own = np.quantile(np.ldexp(lowest, exponent - 24), 0.1)
    return max(float(own), regular(np.unique(some)))


def regular(values: Floats) -> float:
    """The steps between sorted ``values`` if nearly all differ by few whole numbers of them; else 0."""
    gaps = np.diff(values)
    gaps = gaps[gaps > 4 * np.spacing(np.float32(np.abs(values).max()))]
    if len(gaps) < FEW:
        return 0.0
    step = float(np.quantile(gaps, 0.02))
    few = gaps[gaps < 4.5 * step] / step
    off = np.abs(few - np.rint(few))
    return step if float((off < 0.1).mean()) > 0.9 and len(few) > len(gaps) / 4 else 0.0


def in_order(part: Mesh, numbers: Ints, step: float) -> Mesh:
    """``part`` at new places, without faces that vanish there and vertices that nothing uses."""
    textured = part.uv is not None and part.texture is not None
    used = np.zeros(len(numbers), bool)
    used[part.faces] = True
    chosen = np.flatnonzero(used)
    order = chosen[np.argsort(morton(numbers[chosen]), kind="stable")]
    sorted_ = numbers[order]
    new = np.ones(len(order), bool)
    new[1:] = (sorted_[1:] != sorted_[:-1]).any(axis=1)
    if part.colours is not None and not textured:
        coloured = part.colours[order]
        new[1:] |= (coloured[1:] != coloured[:-1]).any(axis=1)
    at = np.empty(len(numbers), np.int32)
    at[order] = np.cumsum(new) - 1
    faces = at[part.faces]
    uv = part.uv if textured else None
    # Each face begins at its lowest vertex; faces follow each other by it.
    turn = (faces.argmin(axis=1)[:, None] + np.arange(3)) % 3
    faces = np.take_along_axis(faces, turn, axis=1)
    along = np.lexsort((faces[:, 2], faces[:, 1], faces[:, 0]))
    place = sorted_[new]
    a, b, c = (place[faces[along, k]] for k in range(3))
    along = along[np.cross(b - a, c - a).any(axis=1)]
    faces = faces[along]
    if uv is not None:
        uv = np.take_along_axis(uv[along], turn[along][:, :, None], axis=1)
    left, corners = np.unique(faces, return_inverse=True)
    colours = None if part.colours is None or textured else part.colours[order[new][left]]
    sure = least_sure(part.confidence, order, new)
    made = Mesh(
        (place[left] * step).astype(np.float32), corners.reshape(-1, 3).astype(np.int32),
        colours=colours, confidence=None if sure is None else sure[left], uv=uv,
        texture=part.texture if textured else None,
    )  # fmt: skip
    return replace(made, normals=made.vertex_normals())


def cloud(model: Model, numbers: Ints, step: float) -> PointCloud:
    """The points, each place once, with no more than their colours and confidence."""
    assert model.points is not None
    order = np.argsort(morton(numbers), kind="stable")
    numbers = numbers[order]
    new = np.ones(len(order), bool)
    new[1:] = (numbers[1:] != numbers[:-1]).any(axis=1)
    colours = model.points.colours
    if colours is None and model.points.intensity is not None:
        grey = np.clip(np.rint(model.points.intensity * 255), 0, 255).astype(np.uint8)
        colours = np.repeat(grey[:, None], 3, axis=1)
    return PointCloud(
        (numbers[new] * step).astype(np.float32),
        colours=None if colours is None else colours[order][new],
        confidence=least_sure(model.points.confidence, order, new),
    )


def least_sure(
    confidence: NDArray[np.float32] | None, order: NDArray[np.integer], new: NDArray[np.bool_]
) -> NDArray[np.float32] | None:
    """The least of what becomes one, in 256 steps. ``new``: where in this ``order`` another one begins."""
    if confidence is None or not len(order):
        return None
    least = np.minimum.reduceat(confidence[order], np.flatnonzero(new))
    return (np.rint(np.clip(least, 0, 1) * 255) / 255).astype(np.float32)


def morton(numbers: Ints) -> NDArray[np.uint64]:
    """``(N,)`` keys of ``(N, 3)`` whole places: their bits one after the other, the highest first."""
    low = numbers.min(axis=0) if len(numbers) else 0
    return interleaved([column.astype(np.uint64) for column in (numbers - low).T])


def interleaved(columns: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    key = np.zeros(len(columns[0]), np.uint64)
    for axis, column in enumerate(columns):
        for bit in range(MORTON_BITS):
            key |= ((column >> np.uint64(bit)) & np.uint64(1)) << np.uint64(3 * bit + axis)
    return key
