"""The surface that `_collapse` works on, and its quadrics in position and texture space.

Garland & Heckbert, "Simplifying Surfaces with Color and Texture using Quadric Error Metrics" (1998): a corner
is a point of R^5 (position, and texture coordinates in the same unit), a face a plane in it, and the cost of
a place is its squared distance to all planes that were merged into it.
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc,operator,index"
# ruff: noqa: C901, RUF046, UP018 -- Warp tells a variable from a constant by the call

import numpy as np
import warp as wp
from numpy.typing import NDArray

__all__ = [
    "RING",
    "Surface",
    "add_faces",
    "add_rims",
    "distance",
    "longest",
    "look_around",
    "normal",
    "rim_edges",
    "target",
    "turned",
]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

RING = 48  # a vertex with more neighbours stays
RIM = wp.constant(wp.float64(4.0))  # weight of borders and seams against faces


@wp.struct
class Surface:
    place: wp.array2d(dtype=wp.float64)  # (W, 5) of each wedge
    vertex: wp.array(dtype=wp.int32)  # (W,) of each wedge
    corner: wp.array(dtype=wp.int32)  # (3F,) wedge of each corner, -1 in the first where the face is gone
    after: wp.array(dtype=wp.int32)  # (3F,) next corner at the same vertex, in a ring
    head: wp.array(dtype=wp.int32)  # (V,) some corner of each vertex, -1 where it is gone
    locked: wp.array(dtype=wp.uint8)  # (V,)
    quadric: wp.array2d(dtype=wp.float64)  # (W, 21): upper triangle of A, b, c
    mark: wp.array(dtype=wp.int32)  # (V,) stamps
    key: wp.array(dtype=wp.float64)  # (V,) the heap: cost
    item: wp.array(dtype=wp.int32)  # (V,) and vertex
    queued: wp.array(dtype=wp.uint8)  # (V,) is in the heap
    ring: wp.array2d(dtype=wp.int32)  # (RING, 6): vertex, faces, wedges here and there in the first two
    state: wp.array(dtype=wp.int32)


@wp.kernel
def add_faces(s: Surface):
    """The squared distance to the plane of each face, weighted by its area in space."""
    f = wp.tid()
    p = s.corner[3 * f]
    q = s.corner[3 * f + 1]
    r = s.corner[3 * f + 2]
    n = normal(s, p, q, r)
    area = wp.length(n) * wp.float64(0.5)
    l1 = wp.float64(0.0)
    for k in range(5):
        d = s.place[q, k] - s.place[p, k]
        l1 += d * d
    dot = wp.float64(0.0)
    if l1 > wp.float64(0.0):
        for k in range(5):
            dot += (s.place[q, k] - s.place[p, k]) * (s.place[r, k] - s.place[p, k])
        dot /= l1
    l2 = wp.float64(0.0)
    for k in range(5):
        d = s.place[r, k] - s.place[p, k] - dot * (s.place[q, k] - s.place[p, k])
        l2 += d * d
    if area <= wp.float64(0.0) or l1 <= wp.float64(0.0) or l2 <= wp.float64(0.0):
        return
    c = wp.float64(0.0)
    at = int(0)
    for i in range(5):
        b = wp.float64(0.0)
        for j in range(5):
            a = wp.float64(0.0)
            if i == j:
                a = wp.float64(1.0)
            a -= (s.place[q, i] - s.place[p, i]) * (s.place[q, j] - s.place[p, j]) / l1
            ui = s.place[r, i] - s.place[p, i] - dot * (s.place[q, i] - s.place[p, i])
            uj = s.place[r, j] - s.place[p, j] - dot * (s.place[q, j] - s.place[p, j])
            a -= ui * uj / l2
            b -= a * s.place[p, j]
            if j >= i:
                for m in range(3):
                    wp.atomic_add(s.quadric, s.corner[3 * f + m], at, a * area)
                at += 1
        c -= b * s.place[p, i]
        for m in range(3):
            wp.atomic_add(s.quadric, s.corner[3 * f + m], 15 + i, b * area)
    for m in range(3):
        wp.atomic_add(s.quadric, s.corner[3 * f + m], 20, c * area)


@wp.kernel
def add_rims(s: Surface, rims: wp.array2d(dtype=wp.int32)):
    """The squared distance to the line of each edge of a border or seam, so that their course is kept."""
    e = wp.tid()
    p = rims[e, 0]
    q = rims[e, 1]
    l1 = wp.float64(0.0)
    space = wp.float64(0.0)
    for k in range(5):
        d = s.place[q, k] - s.place[p, k]
        l1 += d * d
        if k < 3:
            space += d * d
    if l1 <= wp.float64(0.0):
        return
    weight = RIM * space
    c = wp.float64(0.0)
    at = int(0)
    for i in range(5):
        b = wp.float64(0.0)
        for j in range(5):
            a = wp.float64(0.0)
            if i == j:
                a = wp.float64(1.0)
            a -= (s.place[q, i] - s.place[p, i]) * (s.place[q, j] - s.place[p, j]) / l1
            b -= a * s.place[p, j]
            if j >= i:
                wp.atomic_add(s.quadric, p, at, a * weight)
                wp.atomic_add(s.quadric, q, at, a * weight)
                at += 1
        c -= b * s.place[p, i]
        wp.atomic_add(s.quadric, p, 15 + i, b * weight)
        wp.atomic_add(s.quadric, q, 15 + i, b * weight)
    wp.atomic_add(s.quadric, p, 20, c * weight)
    wp.atomic_add(s.quadric, q, 20, c * weight)


@wp.func
def distance(s: Surface, w: wp.int32, to: wp.int32):
    """What the quadric of ``w`` says of the place of ``to``."""
    at = int(0)
    total = s.quadric[w, 20]
    for i in range(5):
        x = s.place[to, i]
        total += wp.float64(2.0) * s.quadric[w, 15 + i] * x
        total += s.quadric[w, at] * x * x
        at += 1
        for j in range(i + 1, 5):
            total += wp.float64(2.0) * s.quadric[w, at] * x * s.place[to, j]
            at += 1
    return wp.max(total, wp.float64(0.0))


@wp.func
def normal(s: Surface, p: wp.int32, q: wp.int32, r: wp.int32):
    a = wp.vec3d(s.place[p, 0], s.place[p, 1], s.place[p, 2])
    b = wp.vec3d(s.place[q, 0], s.place[q, 1], s.place[q, 2])
    c = wp.vec3d(s.place[r, 0], s.place[r, 1], s.place[r, 2])
    return wp.cross(b - a, c - a)


@wp.func
def longest(s: Surface, p: wp.int32, q: wp.int32, r: wp.int32):
    """Squared length of the longest side."""
    a = wp.vec3d(s.place[p, 0], s.place[p, 1], s.place[p, 2])
    b = wp.vec3d(s.place[q, 0], s.place[q, 1], s.place[q, 2])
    c = wp.vec3d(s.place[r, 0], s.place[r, 1], s.place[r, 2])
    return wp.max(wp.length_sq(b - a), wp.max(wp.length_sq(c - b), wp.length_sq(a - c)))


@wp.func
def turned(s: Surface, p: wp.int32, q: wp.int32, r: wp.int32):
    """Twice the signed area in the texture."""
    return (s.place[q, 3] - s.place[p, 3]) * (s.place[r, 4] - s.place[p, 4]) - (
        s.place[q, 4] - s.place[p, 4]
    ) * (s.place[r, 3] - s.place[p, 3])


@wp.func
def look_around(s: Surface, v: wp.int32):
    """Fill ``s.ring`` with the neighbours of ``v``; returns their number, -1 if there are too many."""
    count = int(0)
    start = s.head[v]
    c = int(start)
    around = bool(start >= 0)
    while around:
        f = c / 3
        if s.corner[3 * f] >= 0:
            for m in range(1, 3):
                w = s.corner[3 * f + (c - 3 * f + m) % 3]
                u = s.vertex[w]
                at = int(-1)
                for i in range(count):
                    if s.ring[i, 0] == u:
                        at = i
                if at < 0:
                    if count >= RING:
                        return -1
                    at = count
                    count += 1
                    s.ring[at, 0] = u
                    s.ring[at, 1] = 0
                faces = s.ring[at, 1]
                if faces < 2:
                    s.ring[at, 2 + 2 * faces] = s.corner[c]
                    s.ring[at, 3 + 2 * faces] = w
                s.ring[at, 1] = faces + 1
        c = s.after[c]
        around = c != start
    return count


@wp.func
def target(s: Surface, wedge: wp.int32, i: wp.int32):
    """Where ``wedge`` goes when its vertex collapses onto the ring's ``i``: a wedge, or -1."""
    if s.ring[i, 2] == wedge:
        return s.ring[i, 3]
    if s.ring[i, 1] == 2 and s.ring[i, 4] == wedge:
        return s.ring[i, 5]
    return -1


def rim_edges(faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """``(E, 2)`` pairs of wedges with a face on one side only."""
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    key = np.minimum(start, end).astype(np.int64)
    key <<= 32
    key |= np.maximum(start, end)
    key.sort()
    alone = np.ones(len(key), bool)
    again = key[1:] == key[:-1]
    alone[1:] &= ~again
    alone[:-1] &= ~again
    key = key[alone]
    return np.stack([key >> 32, key & 0xFFFFFFFF], axis=1).astype(np.int32)
