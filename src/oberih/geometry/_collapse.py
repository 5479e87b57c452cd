"""Edge collapse as one Warp kernel that runs on the CPU.

A *wedge* is what the corners of a vertex with the same texture coordinates share. A vertex collapses onto a
neighbour that is there already (half-edge), so texture coordinates stay exact; each of its wedges must find a
wedge of the neighbour in a face that holds both. From that alone follows that seams collapse along seams and
that corners where three charts meet stay.

The kernel runs on one thread, on a heap with the cheapest collapse of each vertex: greedy order needs it. It
is launched again and again for some thousand steps, so that it can be stopped.
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc,operator,index"
# ruff: noqa: C901, PLR1714, RUF046, SIM102, UP018 -- Warp is not quite Python

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry._quadrics import (
    RING,
    Surface,
    add_faces,
    add_rims,
    distance,
    longest,
    look_around,
    normal,
    rim_edges,
    target,
    turned,
)
from oberih.geometry.kernels import start_warp

__all__ = ["Collapse"]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

STEPS = 50_000  # of one launch
ALIVE, SIZE, STAMP, NEXT = wp.constant(0), wp.constant(1), wp.constant(2), wp.constant(3)
FREE = wp.constant(4)  # 1: tunnels may close, and the surface may come to branch there
NEVER = wp.constant(wp.float64(1e300))
TURN = wp.constant(wp.float64(0.2))  # cosine: no face turns by more in one collapse
SLIVER = wp.constant(wp.float64(0.02))  # no face becomes thinner than this (1: equilateral), unless it was


@wp.func
def closes(s: Surface, v: wp.int32, i: wp.int32, count: wp.int32, stamp: wp.int32):
    """Is the edge to the ring's ``i`` a side of a hole with three sides, that the collapse closes?"""
    if s.ring[i, 1] != 1:
        return False
    q = s.ring[i, 0]
    sides = int(0)
    for n in range(count):
        u = s.ring[n, 0]
        if s.mark[u] == stamp + 1 and s.ring[n, 1] == 1:
            # A neighbour of both: does one face join it to q, and not v?
            joined = int(0)
            start = s.head[q]
            c = int(start)
            around = bool(True)
            while around:
                f = c / 3
                if s.corner[3 * f] >= 0:
                    a = s.vertex[s.corner[3 * f + (c - 3 * f + 1) % 3]]
                    b = s.vertex[s.corner[3 * f + (c - 3 * f + 2) % 3]]
                    if a == u or b == u:
                        joined += 1
                        if a == v or b == v:
                            joined += 2
                c = s.after[c]
                around = c != start
            if joined == 1:
                sides += 1
    return sides == 1


@wp.func
def whole(s: Surface, v: wp.int32, i: wp.int32, count: wp.int32):
    """Is the surface still one after the collapse of ``v`` onto the ring's ``i``? The two share no
    neighbours but those across the faces between them (link condition), and no face turns over.
    """
    q = s.ring[i, 0]
    stamp = s.state[STAMP] + 2
    s.state[STAMP] = stamp
    for n in range(count):
        s.mark[s.ring[n, 0]] = stamp
    common = int(0)
    start = s.head[q]
    c = int(start)
    around = bool(start >= 0)
    while around:
        f = c / 3
        if s.corner[3 * f] >= 0:
            for m in range(1, 3):
                u = s.vertex[s.corner[3 * f + (c - 3 * f + m) % 3]]
                if s.mark[u] == stamp:
                    s.mark[u] = stamp + 1
                    common += 1
        c = s.after[c]
        around = c != start
    if s.state[FREE] == 0 and common != s.ring[i, 1] and not (common == 2 and closes(s, v, i, count, stamp)):
        return False
    start = s.head[v]
    c = int(start)
    around = bool(True)
    while around:
        f = c / 3
        if s.corner[3 * f] >= 0:
            w = s.corner[c]
            a = s.corner[3 * f + (c - 3 * f + 1) % 3]
            b = s.corner[3 * f + (c - 3 * f + 2) % 3]
            if s.vertex[a] != q and s.vertex[b] != q:
                to = target(s, w, i)
                before = normal(s, w, a, b)
                now = normal(s, to, a, b)
                area = wp.length(now)
                size = wp.length(before)
                if wp.dot(before, now) < TURN * area * size or (
                    area <= wp.float64(0.0) and size > wp.float64(0.0)
                ):
                    return False
                thin = area / longest(s, to, a, b)
                if thin < SLIVER and thin * longest(s, w, a, b) < size:
                    return False
                flat = turned(s, w, a, b)
                if flat != wp.float64(0.0) and flat * turned(s, to, a, b) <= wp.float64(0.0):
                    return False
        c = s.after[c]
        around = c != start
    return True


@wp.func
def cheapest(s: Surface, v: wp.int32, count: wp.int32):
    """Number in the ring of the neighbour that ``v`` had best collapse onto (-1: none), and the cost."""
    best = int(-1)
    least = wp.float64(NEVER)
    rims = int(0)
    for i in range(count):
        if s.ring[i, 1] > 2:
            return best, least  # surfaces branch here
        if s.ring[i, 1] == 1:
            rims += 1
    if rims > 2:
        return best, least
    # The wedges of v: one, or two at a seam.
    one = s.ring[0, 2]
    two = int(-1)
    start = s.head[v]
    c = int(start)
    around = bool(True)
    while around:
        w = s.corner[c]
        if s.corner[3 * (c / 3)] >= 0 and w != one:
            if two < 0:
                two = w
            if w != two:
                return best, least  # a corner of charts
        c = s.after[c]
        around = c != start
    for i in range(count):
        fits = bool(rims == 0 or s.ring[i, 1] == 1)
        to = target(s, one, i)
        if to < 0:
            fits = False
        if fits and s.ring[i, 1] == 2 and two < 0 and s.ring[i, 5] != to:
            fits = False  # a seam that ends here begins to run on
        if fits:
            cost = distance(s, one, to) + distance(s, to, to)
            if two >= 0:
                other = target(s, two, i)
                if other < 0:
                    fits = False
                else:
                    cost += distance(s, two, other)
                    if other != to:
                        cost += distance(s, other, other)
            if fits and cost < least:
                if whole(s, v, i, count):
                    least = cost
                    best = i
    return best, least


@wp.func
def push(s: Surface, key: wp.float64, v: wp.int32):
    at = s.state[SIZE]
    s.state[SIZE] = at + 1
    rising = bool(at > 0)
    while rising:
        up = (at - 1) / 2
        if s.key[up] > key:
            s.key[at] = s.key[up]
            s.item[at] = s.item[up]
            at = up
            rising = at > 0
        else:
            rising = False
    s.key[at] = key
    s.item[at] = v
    s.queued[v] = wp.uint8(1)


@wp.func
def pop(s: Surface):
    v = s.item[0]
    size = s.state[SIZE] - 1
    s.state[SIZE] = size
    key = s.key[size]
    last = s.item[size]
    at = int(0)
    sinking = bool(size > 1)
    while sinking:
        down = 2 * at + 1
        if down + 1 < size and s.key[down + 1] < s.key[down]:
            down += 1
        if down < size and s.key[down] < key:
            s.key[at] = s.key[down]
            s.item[at] = s.item[down]
            at = down
        else:
            sinking = False
    s.key[at] = key
    s.item[at] = last
    s.queued[v] = wp.uint8(0)
    return v


@wp.func
def merge(s: Surface, v: wp.int32, i: wp.int32, one: wp.int32):
    """Collapse ``v`` onto the ring's ``i``."""
    q = s.ring[i, 0]
    w = one
    for m in range(2):
        if m == 1:
            w = s.ring[i, 4]
        if m == 0 or (s.ring[i, 1] == 2 and w != one):
            to = target(s, w, i)
            for k in range(21):
                s.quadric[to, k] = s.quadric[to, k] + s.quadric[w, k]
    start = s.head[v]
    c = int(start)
    around = bool(True)
    while around:
        f = c / 3
        if s.corner[3 * f] >= 0:
            a = s.vertex[s.corner[3 * f + (c - 3 * f + 1) % 3]]
            b = s.vertex[s.corner[3 * f + (c - 3 * f + 2) % 3]]
            if a == q or b == q:
                s.corner[3 * f] = -1
                s.state[ALIVE] = s.state[ALIVE] - 1
            else:
                s.corner[c] = target(s, s.corner[c], i)
        c = s.after[c]
        around = c != start
    s.head[v] = -1
    # Two rings become one when each goes on where the other did; corners of faces that are gone leave it.
    there = s.head[q]
    kept = s.after[start]
    s.after[start] = s.after[there]
    s.after[there] = kept
    c = int(there)
    around = bool(True)
    while around:
        following = s.after[c]
        if s.corner[3 * (following / 3)] < 0 and following != there:
            s.after[c] = s.after[following]
        else:
            c = following
            around = c != there
    if s.corner[3 * (there / 3)] < 0:
        s.head[q] = s.after[there]


@wp.kernel
def collapse(s: Surface, triangles: wp.int32, steps: wp.int32):
    """Some steps of the collapse: first each vertex is queued, then the cheapest goes, again and again."""
    step = int(0)
    vertices = s.head.shape[0]
    while step < steps and s.state[NEXT] < vertices:
        v = s.state[NEXT]
        s.state[NEXT] = v + 1
        step += 1
        if s.head[v] >= 0 and s.locked[v] == wp.uint8(0):
            count = look_around(s, v)
            if count > 0:
                best, cost = cheapest(s, v, count)
                if best >= 0:
                    push(s, cost, v)
    while step < steps and s.state[ALIVE] > triangles and s.state[SIZE] > 0:
        step += 1
        key = s.key[0]
        v = pop(s)
        count = look_around(s, v)
        if count > 0:
            best, cost = cheapest(s, v, count)
            if best >= 0 and cost > key * wp.float64(1.0001) + wp.float64(1e-30):
                push(s, cost, v)
            elif best >= 0:
                merge(s, v, best, s.ring[best, 2])
                q = s.ring[best, 0]
                around = look_around(s, q)
                # Neighbours that had no way out may have one now, at no less than this cost.
                for i in range(around):
                    u = s.ring[i, 0]
                    if s.queued[u] == wp.uint8(0) and s.locked[u] == wp.uint8(0):
                        push(s, cost, u)
                if s.queued[q] == wp.uint8(0) and s.locked[q] == wp.uint8(0):
                    push(s, cost, q)


class Collapse:
    """A surface while it becomes coarser. ``faces``: ``(F, 3)`` of wedges.

    ``free``: its tunnels may close; where they do, it branches, and holds until its vertices are parted.
    """

    def __init__(
        self,
        place: NDArray[np.float64],
        vertex: NDArray[np.int32],
        faces: NDArray[np.int32],
        locked: NDArray[np.bool_],
        *,
        free: bool = False,
    ) -> None:
        start_warp()
        count = self._vertices = len(locked)
        self._corner = faces.astype(np.int32).ravel()
        self._state = np.array([len(faces), 0, 0, 0, int(free)], np.int32)
        at = vertex[self._corner]
        order = np.argsort(at, kind="stable").astype(np.int32)
        sizes = np.bincount(at, minlength=count)
        ends = np.cumsum(sizes)
        following = np.empty(len(order), np.int32)
        following[order[:-1]] = order[1:]
        filled = sizes > 0
        following[order[ends[filled] - 1]] = order[(ends - sizes)[filled]]
        head = np.full(count, -1, np.int32)
        head[filled] = order[(ends - sizes)[filled]]
        s = Surface()
        self._kept = {
            "place": (place, wp.float64), "vertex": (vertex, wp.int32), "corner": (self._corner, wp.int32),
            "after": (following, wp.int32), "head": (head, wp.int32),
            "locked": (locked.astype(np.uint8), wp.uint8),
            "quadric": (np.zeros((len(place), 21)), wp.float64),
            "mark": (np.zeros(count, np.int32), wp.int32),
            "key": (np.zeros(count), wp.float64), "item": (np.zeros(count, np.int32), wp.int32),
            "queued": (np.zeros(count, np.uint8), wp.uint8),
            "ring": (np.zeros((RING, 6), np.int32), wp.int32), "state": (self._state, wp.int32),
        }  # fmt: skip
        for name, (array, kind) in self._kept.items():
            setattr(s, name, wp.array(array, dtype=kind, device="cpu", copy=False))
        self._surface = s
        self._launch(add_faces, len(faces))
        self._launch(add_rims, len(rims := rim_edges(faces)), wp.array(rims, dtype=wp.int32, device="cpu"))

    def step(self, triangles: int) -> bool:
        """Some steps towards ``triangles``. False at the end."""
        self._launch(collapse, 1, int(triangles), STEPS)
        queued = self._state[3] == self._vertices
        return not queued or bool(self._state[1] > 0 and self._state[0] > triangles)

    def faces(self) -> NDArray[np.int32]:
        """``(F, 3)`` wedges of the faces that are left."""
        corner = self._corner.reshape(-1, 3)
        return corner[corner[:, 0] >= 0]

    def _launch(self, kernel: Any, dim: int, *inputs: Any) -> None:
        if dim:
            wp.launch(kernel, dim=dim, inputs=[self._surface, *inputs], device="cpu")
