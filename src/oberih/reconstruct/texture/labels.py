"""Which photo paints which face: a labelling that is sharp and has few, well-placed seams.

Energy over the faces: what a face loses when it is not painted by its best view (times its area), plus
a Potts cost for every edge between faces of different labels (times its length). Minimised by loopy
min-sum belief propagation on the candidates of every face; messages are damped, all faces are updated
at once, and the result does not depend on any order. Then patches too small to be worth a chart join the
neighbour that they share the longest border with, and crumbs that cannot are left to be filled in.
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc"

import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry import Mesh
from oberih.reconstruct.texture.adjacency import Adjacency, patches
from oberih.reconstruct.texture.consistency import smoothed
from oberih.reconstruct.texture.observe import Candidates

__all__ = ["choose_views", "preference"]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

OUTLIER = 2.6  # disagreement (in units of the noise) beyond which a view is not used
SEAM = 2.0  # cost of a mean edge between labels, in losses of a mean face
SLOTS = 6  # candidates that the solver considers
HOPELESS = 0.05  # worth below which a candidate is not considered, against the best one's 1
FORBIDDEN = 1.0e6  # cost of an empty slot
ROUNDS = 40
DAMPING = 0.4
SMALL_PX = 400.0  # quality (texture pixels) below which a patch is merged into a neighbour
TINY_PX = 8.0  # and below which it is not worth a chart: crumbs behind edges, seen at a slant


def preference(
    candidates: Candidates, disagreement: NDArray[np.float32], adjacency: Adjacency
) -> NDArray[np.float32]:
    """``(F, K)`` how good each candidate is, 1 for the best view of the face, 0 for one not to be used."""
    taken = candidates.view >= 0
    # Blur shows against the other views of the same face: it costs effective pixels. A view that looks
    # sharper than most gains a little (it may also just be noisy).
    sharp = np.where(taken, candidates.sharpness, np.nan)
    with np.errstate(invalid="ignore"):
        typical = np.nanmedian(np.where(taken.any(1, keepdims=True), sharp, 0), axis=1, keepdims=True)
    relative = np.clip((candidates.sharpness + 0.3) / (typical + 0.3), 0.25, 1.25)
    agreement = 1 / (1 + (disagreement / (0.6 * OUTLIER)) ** 4)
    quality = candidates.quality * relative * agreement
    outlier = disagreement > OUTLIER
    # Where all views disagree with each other (gloss, moving water) the least bad stays.
    least = np.where(taken, disagreement, np.inf).min(axis=1, keepdims=True)
    quality[outlier & (disagreement > least + 0.5) | ~taken] = 0
    best = quality.max(axis=1, keepdims=True)
    value = quality / np.maximum(best, 1e-12)
    value = smoothed(value, candidates.view, adjacency, 3)  # neighbours think alike: fewer, larger patches
    value[quality == 0] = 0
    return value


def choose_views(
    mesh: Mesh, adjacency: Adjacency, candidates: Candidates, value: NDArray[np.float32]
) -> NDArray[np.int32]:
    """``(F,)`` the view that paints each face, -1 where no photo sees it."""
    usable = np.where(value > 0, candidates.view, -1)
    # The solver works on the most promising candidates, best first.
    order = np.argsort(-value, axis=1, kind="stable")[:, :SLOTS]
    best, view = np.take_along_axis(value, order, 1), np.take_along_axis(usable, order, 1)
    view = np.where(best >= HOPELESS, view, -1).astype(np.int32)
    area = np.linalg.norm(mesh.face_normals().astype(np.float64), axis=1)
    share = np.clip(area / max(area.mean(), 1e-30), 0.05, 20).astype(np.float32)
    cost = np.where(view >= 0, (1 - best) * share[:, None], FORBIDDEN).astype(np.float32)
    corners = mesh.vertices[mesh.faces]
    length = np.linalg.norm(corners - corners[:, [1, 2, 0]], axis=2)
    seam = (SEAM * np.clip(length / max(float(length.mean()), 1e-30), 0.1, 5)).astype(np.float32)
    label = propagate(adjacency, view, cost, seam)
    label = merge_small(mesh, adjacency, usable, candidates.quality, label)
    patch = patches(adjacency, label)
    quality = np.where(candidates.view == label[:, None], candidates.quality, 0).max(axis=1)
    return np.where(np.bincount(patch, quality)[patch] < TINY_PX, -1, label).astype(np.int32)


def propagate(
    adjacency: Adjacency, view: NDArray[np.int32], cost: NDArray[np.float32], seam: NDArray[np.float32]
) -> NDArray[np.int32]:
    """Belief propagation: ``(F,)`` labels for candidates ``view (F, K)`` at ``cost (F, K)`` and edges that
    cost ``seam (F, 3)`` between unlike labels."""

    def array(data: NDArray[np.generic], kind: type) -> wp.array:
        return wp.array(data, dtype=kind, device="cpu")

    count, slots = view.shape
    views, costs = array(view, wp.int32), array(cost, wp.float32)
    neighbours, back = array(adjacency.neighbours, wp.int32), array(adjacency.back, wp.int32)
    match = wp.empty((count, 3, slots), dtype=wp.int32, device="cpu")
    wp.launch(match_slots, dim=count, inputs=[views, neighbours], outputs=[match], device="cpu")
    here = wp.zeros((count, 3, slots), dtype=wp.float32, device="cpu")
    there = wp.zeros_like(here)
    belief = wp.zeros((count, slots), dtype=wp.float32, device="cpu")
    for number in range(ROUNDS):
        wp.launch(add_up, dim=count, inputs=[costs, here], outputs=[belief], device="cpu")
        damping = 0.0 if number == 0 else DAMPING
        wp.launch(
            send_messages,
            dim=count,
            inputs=[belief, array(seam, wp.float32), neighbours, back, match, damping, here],
            outputs=[there],
            device="cpu",
        )
        here, there = there, here
    wp.launch(add_up, dim=count, inputs=[costs, here], outputs=[belief], device="cpu")
    beliefs = np.where(view >= 0, belief.numpy(), np.inf)
    # Ties go to the lower view: slots have no meaning.
    least = beliefs.min(axis=1, keepdims=True)
    label = np.where(beliefs <= least, view, np.iinfo(np.int32).max).min(axis=1)
    return np.where((view >= 0).any(axis=1), label, -1).astype(np.int32)


def merge_small(
    mesh: Mesh,
    adjacency: Adjacency,
    view: NDArray[np.int32],
    quality: NDArray[np.float32],
    label: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Relabel patches of less than `SMALL_PX` where a neighbouring label may paint (nearly) all of them."""
    label = label.copy()
    face, edge = adjacency.inner_edges()
    other = adjacency.neighbours[face, edge]
    start, end = mesh.faces[face, edge], mesh.faces[face, (edge + 1) % 3]
    length = np.linalg.norm(mesh.vertices[start] - mesh.vertices[end], axis=1)
    size_px = quality.max(axis=1)
    views = int(view.max(initial=0)) + 1
    for _ in range(6):
        patch = patches(adjacency, label)
        pixels = np.bincount(patch, size_px)
        small = (pixels < SMALL_PX)[patch] & (label >= 0)
        # Borders of small patches, from their side: (patch, label across) -> length.
        crossing = label[face] != label[other]
        inner = np.r_[face[crossing], other[crossing]]
        outer = np.r_[other[crossing], face[crossing]]
        weight = np.r_[length[crossing], length[crossing]]
        ok = small[inner] & (label[outer] >= 0)
        # Of two small neighbours the larger one stays as it is, or they would swap labels for ever.
        ok &= pixels[patch[outer]] > pixels[patch[inner]]
        key = patch[inner[ok]].astype(np.int64) * views + label[outer[ok]]
        keys, where = np.unique(key, return_inverse=True)
        if not len(keys):
            break
        total = np.bincount(where, weight[ok])
        faces_in = np.bincount(patch)
        # How many faces of the patch have the view among their candidates?
        members = np.flatnonzero(small)
        slots = (patch[members].astype(np.int64)[:, None] * views + view[members])[view[members] >= 0]
        able_keys, able = np.unique(slots, return_counts=True)
        at = np.minimum(np.searchsorted(able_keys, keys), len(able_keys) - 1)
        able_count = np.where(able_keys[at] == keys, able[at], 0)
        possible = able_count >= 0.999 * faces_in[keys // views]
        keys, total = keys[possible], total[possible]
        if not len(keys):
            break
        order = np.lexsort((-total, keys // views))
        first = np.unique(keys[order] // views, return_index=True)[1]
        chosen = keys[order][first]
        new = np.full(len(faces_in), -2, np.int64)
        new[chosen // views] = chosen % views
        change = new[patch] >= 0
        label[change] = new[patch][change]
    return label


@wp.kernel
def match_slots(
    view: wp.array2d(dtype=wp.int32),
    neighbours: wp.array2d(dtype=wp.int32),
    match: wp.array3d(dtype=wp.int32),
):
    """``match[face, edge, slot]``: the slot of the same view in the neighbour, -1: it has none."""
    i = wp.tid()
    for e in range(3):
        n = neighbours[i, e]
        for k in range(view.shape[1]):
            match[i, e, k] = -1
            if n >= 0 and view[i, k] >= 0:
                for other in range(view.shape[1]):
                    if view[n, other] == view[i, k]:
                        match[i, e, k] = other


@wp.kernel
def add_up(
    cost: wp.array2d(dtype=wp.float32),
    messages: wp.array3d(dtype=wp.float32),
    belief: wp.array2d(dtype=wp.float32),
):
    i = wp.tid()
    for k in range(cost.shape[1]):
        belief[i, k] = cost[i, k] + messages[i, 0, k] + messages[i, 1, k] + messages[i, 2, k]


@wp.kernel
def send_messages(
    belief: wp.array2d(dtype=wp.float32),
    seam: wp.array2d(dtype=wp.float32),
    neighbours: wp.array2d(dtype=wp.int32),
    back: wp.array2d(dtype=wp.int32),
    match: wp.array3d(dtype=wp.int32),
    damping: wp.float32,
    messages: wp.array3d(dtype=wp.float32),
    result: wp.array3d(dtype=wp.float32),
):
    """Each face collects what its neighbours say: ``messages[face, edge, slot]``, 0 for their favourite."""
    i = wp.tid()
    for e in range(3):
        n = neighbours[i, e]
        if n < 0:
            continue
        toward = back[i, e]
        # The neighbour's belief without what this face told it.
        least = float(FORBIDDEN)
        for k in range(belief.shape[1]):
            least = wp.min(least, belief[n, k] - messages[n, toward, k])
        if least >= FORBIDDEN:
            continue  # no photo sees the neighbour: it has no say
        for k in range(belief.shape[1]):
            said = seam[i, e]
            other = match[i, e, k]
            if other >= 0:
                said = wp.min(said, belief[n, other] - messages[n, toward, other] - least)
            result[i, e, k] = (1.0 - damping) * said + damping * messages[i, e, k]
