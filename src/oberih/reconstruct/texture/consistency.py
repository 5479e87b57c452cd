"""Do the photos agree? Exposure gains per view, and how far each view is from what the others show.

Gains: photos of one surface differ by exposure and white balance, which is one factor per channel to a
good approximation also in sRGB values. The factors are the robust least-squares answer to "views that
see the same face show the same colour".

Agreement: a passer-by, a parked car or a mis-registered photo shows a face in a colour that the other
photos do not. The consensus of a face is the mode of its candidates' colours (mean shift with a Gaussian
kernel, as Waechter et al. 2014, but begun at the medoid, so that it also holds for few views), and the
disagreement is averaged over the surface before anything is decided, so that one misplaced texel is no
outlier but a person is.
"""

# mypy: disable-error-code="valid-type,no-untyped-def,no-untyped-call,untyped-decorator,misc"
# ruff: noqa: UP018, RUF046 -- float(0.0) declares a variable that a loop in a kernel changes

import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.reconstruct.texture.adjacency import Adjacency
from oberih.reconstruct.texture.observe import Candidates

__all__ = ["disagreement", "smoothed", "view_gains"]

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "max_unroll": 1})

SAMPLED_FACES = 60_000
DARK, BRIGHT = 16.0, 240.0  # sRGB values outside are clipped or all noise
LARGEST_GAIN = 2.5
UNKNOWN = -1.0
NOISE = 9.0  # sRGB steps by which views may differ anyway
NOISE_SHARE = 0.06  # and this share of the colour


def view_gains(candidates: Candidates, views: int) -> NDArray[np.float64]:
    """``(views, 3)`` factors that bring the photos to a common exposure; their geometric mean is 1."""
    chosen = np.flatnonzero((candidates.view >= 0).sum(axis=1) >= 2)
    step = max(1, len(chosen) // SAMPLED_FACES)
    view, colour = candidates.view[chosen[::step]], candidates.colour[chosen[::step]]
    # Pairs of candidates of one face, each in the log domain.
    first, second = np.triu_indices(view.shape[1], 1)
    usable = (view >= 0) & (colour > DARK).all(axis=2) & (colour < BRIGHT).all(axis=2)
    rows, pair = np.nonzero(usable[:, first] & usable[:, second])
    i, j = view[rows, first[pair]], view[rows, second[pair]]
    logs = np.log(np.maximum(colour, 1))
    ratio = logs[rows, second[pair]] - logs[rows, first[pair]]  # = gain_i - gain_j for a true match
    gain = np.zeros((views, 3))
    for channel in range(3):
        residual = ratio[:, channel].astype(np.float64)
        for _ in range(6):
            off = residual - (gain[i, channel] - gain[j, channel])
            weight = 1 / (1 + (off / 0.08) ** 2) ** 2
            # Normal equations of the pairs: a graph Laplacian over the views.
            matrix = np.zeros((views, views))
            np.add.at(matrix, (i, j), -weight)
            matrix += matrix.T
            np.fill_diagonal(matrix, -matrix.sum(axis=1))
            right = np.bincount(i, weight * residual, views) - np.bincount(j, weight * residual, views)
            # A weak pull to 1 fixes the common factor, and unconnected views.
            pull = 1e-3 * max(1.0, matrix.diagonal().mean())
            gain[:, channel] = np.linalg.solve(matrix + pull * np.eye(views), right)
    gain -= gain.mean(axis=0)
    return np.clip(np.exp(gain), 1 / LARGEST_GAIN, LARGEST_GAIN)


def disagreement(
    candidates: Candidates, gains: NDArray[np.float64], adjacency: Adjacency, rounds: int = 6
) -> NDArray[np.float32]:
    """``(F, K)`` distance of each candidate's colour from the face's consensus, in units of the noise.

    Two views cannot tell which of them is wrong: of faces with two candidates the one is taken to
    disagree that does so on neighbouring faces, where more views look. 0 where nothing can be said.
    """
    gained = candidates.colour * gains.astype(np.float32)[candidates.view]
    result = wp.zeros(candidates.view.shape, dtype=wp.float32, device="cpu")
    wp.launch(
        distance_to_mode,
        dim=len(gained),
        inputs=[wp.array(candidates.view, dtype=wp.int32), wp.array(gained, dtype=wp.vec3)],
        outputs=[result],
        device="cpu",
    )
    distance = result.numpy()
    pair = (candidates.view >= 0).sum(axis=1) == 2
    apart = distance[pair]  # for these: of one from the other
    distance[pair] = UNKNOWN
    distance = smoothed(distance, candidates.view, adjacency, rounds)
    distance[pair] = np.minimum(distance[pair], apart)
    return np.maximum(distance, 0)


def smoothed(
    values: NDArray[np.float32], view: NDArray[np.int32], adjacency: Adjacency, rounds: int
) -> NDArray[np.float32]:
    """Average per-view values ``(F, K)`` over neighbouring faces with the same view, ``rounds`` times.

    `UNKNOWN` values do not count and take the average of their neighbours.
    """
    here = wp.array(values, dtype=wp.float32, device="cpu")
    there = wp.empty_like(here)
    views = wp.array(view, dtype=wp.int32, device="cpu")
    neighbours = wp.array(adjacency.neighbours, dtype=wp.int32, device="cpu")
    for _ in range(rounds):
        wp.launch(average, dim=len(view), inputs=[views, neighbours, here], outputs=[there], device="cpu")
        here, there = there, here
    return here.numpy()


@wp.kernel
def distance_to_mode(  # noqa: C901 -- one loop after the other over the slots of a face
    view: wp.array2d(dtype=wp.int32),
    colour: wp.array2d(dtype=wp.vec3),
    distance: wp.array2d(dtype=wp.float32),
):
    i = wp.tid()
    slots = view.shape[1]
    count = int(0)
    for k in range(slots):
        if view[i, k] >= 0:
            count += 1
    if count < 2:
        return
    mode = wp.vec3()
    least = float(1.0e30)
    for k in range(slots):
        if view[i, k] >= 0:
            c = colour[i, k]
            noise = NOISE + NOISE_SHARE * (c[0] + c[1] + c[2]) / 3.0
            total = float(0.0)
            for other in range(slots):
                if view[i, other] >= 0:
                    total += wp.min(wp.length(colour[i, other] - c) / noise, 3.0)
            if total < least:
                least = total
                mode = c
    noise = NOISE + NOISE_SHARE * (mode[0] + mode[1] + mode[2]) / 3.0
    for _ in range(5):
        total_weight = float(0.0)
        mean = wp.vec3(0.0, 0.0, 0.0)
        for k in range(slots):
            if view[i, k] >= 0:
                off = wp.length(colour[i, k] - mode) / noise
                weight = wp.exp(-0.5 * off * off)
                total_weight += weight
                mean += weight * colour[i, k]
        mode = mean / total_weight
    for k in range(slots):
        if view[i, k] >= 0:
            distance[i, k] = wp.length(colour[i, k] - mode) / noise
    if count == 2:
        both = float(0.0)
        for k in range(slots):
            both = wp.max(both, distance[i, k])
        for k in range(slots):
            if view[i, k] >= 0:
                distance[i, k] = both


@wp.kernel
def average(
    view: wp.array2d(dtype=wp.int32),
    neighbours: wp.array2d(dtype=wp.int32),
    values: wp.array2d(dtype=wp.float32),
    result: wp.array2d(dtype=wp.float32),
):
    i = wp.tid()
    for k in range(view.shape[1]):
        v = view[i, k]
        if v >= 0:
            total = float(0.0)
            count = float(0.0)
            if values[i, k] >= 0.0:
                total = values[i, k]
                count = 1.0
            for e in range(3):
                n = neighbours[i, e]
                if n >= 0:
                    for other in range(view.shape[1]):
                        if view[n, other] == v and values[n, other] >= 0.0:
                            total += values[n, other]
                            count += 1.0
            result[i, k] = float(UNKNOWN)
            if count > 0.0:
                result[i, k] = total / count
        else:
            result[i, k] = 0.0
