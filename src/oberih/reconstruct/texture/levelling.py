"""No visible seams: colour corrections that make charts agree where they meet.

Global (Lempitsky & Ivanov 2007, as in Waechter et al. 2014): every vertex has one additive correction
per chart it belongs to. They are chosen to cancel the colour differences across seams and to vary slowly
within charts: one sparse least-squares problem, solved by conjugate gradients from a coarse solution.

Local: what difference is left along a seam, both sides move half-way, and that move fades out smoothly
into the charts (a membrane as in Poisson editing, by a push-pull pyramid instead of a linear system).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array, csr_array
from scipy.sparse.linalg import splu

from oberih.geometry import Mesh
from oberih.reconstruct.texture.adjacency import Adjacency
from oberih.reconstruct.texture.atlas import Atlas
from oberih.reconstruct.texture.bake import Sheet, push_pull

__all__ = ["Seams", "apply_corrections", "find_seams", "global_corrections", "seam_difference"]

SMOOTHNESS = 5.0  # weight of "neighbouring vertices of a chart get like corrections"
ANCHOR = 1e-4  # weight of "no correction"
CLUSTER_TEXELS = 48  # of the coarse problem
LARGEST = 60.0  # sRGB steps that a correction may reach
MISMATCH = 48.0  # sRGB steps: a larger difference is not light but two different things
FADE_TEXELS = 28.0  # local corrections fall to 1/e at this distance
STEP_TEXELS = 1.0  # between samples along a seam


@dataclass(frozen=True)
class Seams:
    """Samples along all edges between charts, on both sides at once."""

    corner: NDArray[np.int64]  # (N, 2, 2) [side, end]: flat face corner (3 * face + corner) at each end
    along: NDArray[np.float32]  # (N,) 0 at the first end .. 1 at the second
    texel: NDArray[np.float32]  # (N, 2, 2) [side]: texel coordinates
    chart: NDArray[np.int32]  # (N, 2)
    between: NDArray[np.bool_]  # (N,) between two photos, not a cut within one

    def __len__(self) -> int:
        return len(self.along)


def find_seams(mesh: Mesh, adjacency: Adjacency, atlas: Atlas, labels: NDArray[np.int32]) -> Seams:
    """Sample the seams about once per texel."""
    face, edge = adjacency.inner_edges()
    other, across = adjacency.neighbours[face, edge], adjacency.back[face, edge]
    ok = (atlas.chart[face] != atlas.chart[other]) & (atlas.chart[face] >= 0) & (atlas.chart[other] >= 0)
    face, edge, other, across = face[ok], edge[ok], other[ok].astype(np.int64), across[ok]
    here = np.stack([3 * face + edge, 3 * face + (edge + 1) % 3], axis=1)
    there = np.stack([3 * other + across, 3 * other + (across + 1) % 3], axis=1)
    vertex = mesh.faces.ravel()
    turned = vertex[here[:, 0]] != vertex[there[:, 0]]  # the usual case: neighbours run opposite ways
    there[turned] = there[turned][:, ::-1]
    ends = np.stack([here, there], axis=1)  # (E, side, end)
    texels = atlas.corners.reshape(-1, 2)[ends]  # (E, side, end, 2)
    length = np.linalg.norm(texels[:, :, 1] - texels[:, :, 0], axis=2).max(axis=1)
    count = np.clip(np.ceil(length / STEP_TEXELS), 1, 400).astype(np.int64)
    row = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    along = ((number + 0.5) / count[row]).astype(np.float32)
    t = along[:, None, None]
    texel = (1 - t) * texels[row, :, 0] + t * texels[row, :, 1]
    chart = atlas.chart[np.stack([face, other], axis=1)]
    between = labels[face] != labels[other]
    return Seams(ends[row], along, texel.astype(np.float32), chart[row], between[row])


def seam_colours(sheet: Sheet, seams: Seams) -> NDArray[np.float32]:
    """``(N, 2, 3)`` colours of both sides at the samples."""
    return sheet.sample(seams.texel.reshape(-1, 2)).reshape(-1, 2, 3)


def seam_difference(sheet: Sheet, seams: Seams, factors: NDArray[np.float64] | None = None) -> float:
    """Mean absolute difference across the seams, sRGB steps (0: there are none).

    ``factors (F, 3)`` of the faces multiply their colours first. Cuts within one photo do not count.
    """
    colours = seam_colours(sheet, seams)
    if factors is not None:
        colours *= factors[seams.corner[:, :, 0] // 3].astype(np.float32)
    between = colours[seams.between]
    return float(np.abs(between[:, 0] - between[:, 1]).mean()) if len(between) else 0.0


def global_corrections(mesh: Mesh, sheet: Sheet, seams: Seams) -> NDArray[np.float32]:
    """``(F, 3, 3)`` additive correction at each face corner (zero for unseen faces)."""
    atlas = sheet.atlas
    result = np.zeros((len(mesh.faces) * 3, 3), np.float32)
    if not len(seams):
        return result.reshape(-1, 3, 3)
    seen = np.flatnonzero(np.repeat(atlas.chart, 3) >= 0)
    key = np.repeat(atlas.chart, 3)[seen].astype(np.int64) * len(mesh.vertices) + mesh.faces.ravel()[seen]
    keys, first, compact = np.unique(key, return_index=True, return_inverse=True)
    node = np.full(len(result), -1, np.int64)
    node[seen] = compact
    count = len(keys)

    # Differences across seams, gathered at the vertices.
    colours = seam_colours(sheet, seams)
    difference = np.clip(colours[:, 1] - colours[:, 0], -MISMATCH, MISMATCH).astype(np.float64)
    ends = node[seams.corner]  # (N, side, end)
    one, other = ends[:, 0].T.ravel(), ends[:, 1].T.ravel()
    weight = np.concatenate([1 - seams.along, seams.along]).astype(np.float64)
    pairs, where = np.unique(one * count + other, return_inverse=True)
    total = np.bincount(where, weight)
    sums = [np.bincount(where, weight * np.tile(difference[:, c], 2)) for c in range(3)]
    step = np.stack(sums, axis=1) / np.maximum(total, 1e-9)[:, None]
    one, other = pairs // count, pairs % count
    strength = np.clip(total / max(float(np.median(total)), 1e-9), 0.05, 4)

    inner = node.reshape(-1, 3)[atlas.chart >= 0]
    a, b = inner.ravel(), inner[:, [1, 2, 0]].ravel()
    edges = np.unique(np.minimum(a, b) * count + np.maximum(a, b))
    a, b = edges // count, edges % count
    matrix = laplacian(np.r_[one, a], np.r_[other, b], np.r_[strength, np.full(len(a), SMOOTHNESS)], count)
    right = np.zeros((count, 3))
    for c in range(3):
        # one + g_one = other + g_other: the correction of "one" goes towards the difference.
        right[:, c] = np.bincount(one, strength * step[:, c], count)
        right[:, c] -= np.bincount(other, strength * step[:, c], count)
    cells = np.floor(atlas.corners.reshape(-1, 2)[seen[first]] / CLUSTER_TEXELS).astype(np.int64)
    cell_key = (keys // len(mesh.vertices) << 32) + (cells[:, 1] << 16) + cells[:, 0]
    cluster = np.unique(cell_key, return_inverse=True)[1]
    solution = solve(matrix, right, cluster)
    result[seen] = np.clip(solution, -LARGEST, LARGEST)[compact]
    return result.reshape(-1, 3, 3)


def laplacian(
    i: NDArray[np.int64], j: NDArray[np.int64], weight: NDArray[np.float64], count: int
) -> csr_array:
    """The normal matrix of the weighted differences ``x_i - x_j``, with a weak anchor at 0."""
    diagonal = np.bincount(i, weight, count) + np.bincount(j, weight, count) + ANCHOR
    n = np.arange(count)
    return coo_array(
        (np.r_[-weight, -weight, diagonal], (np.r_[i, j, n], np.r_[j, i, n])), shape=(count, count)
    ).tocsr()


def solve(
    matrix: csr_array, right: NDArray[np.float64], cluster: NDArray[np.int64], rounds: int = 80
) -> NDArray[np.float64]:
    """``matrix @ x = right`` for several right sides: a coarse direct solution on clusters of unknowns,
    then conjugate gradients with Jacobi's preconditioner."""
    count, groups = len(cluster), int(cluster.max()) + 1
    gather = csr_array((np.ones(count), (np.arange(count), cluster)), shape=(count, groups))
    coarse: csc_array = (gather.T @ matrix @ gather).tocsc()
    gathered = np.asarray(gather.T @ right)
    x: NDArray[np.float64] = splu(coarse).solve(gathered)[cluster]
    inverse = 1 / matrix.diagonal()[:, None]
    residual = right - matrix @ x
    limit = 1e-3 * np.linalg.norm(right, axis=0) + 1e-12
    z = inverse * residual
    direction = z.copy()
    rho = (residual * z).sum(axis=0)
    for _ in range(rounds):
        if (np.linalg.norm(residual, axis=0) < limit).all():
            break
        product = matrix @ direction
        alpha = rho / np.maximum((direction * product).sum(axis=0), 1e-30)
        x += alpha * direction
        residual -= alpha * product
        z = inverse * residual
        following = (residual * z).sum(axis=0)
        direction = z + following / np.maximum(rho, 1e-30) * direction
        rho = following
    return x


def apply_corrections(sheet: Sheet, seams: Seams, corrections: NDArray[np.float32]) -> None:
    """Add the global corrections and level what is left along the seams, in place."""
    atlas = sheet.atlas
    flat = corrections.reshape(-1, 3)
    t = seams.along[:, None, None]
    added = (1 - t) * flat[seams.corner[:, :, 0]] + t * flat[seams.corner[:, :, 1]]
    colours = seam_colours(sheet, seams) + added
    half = np.clip(colours[:, 1] - colours[:, 0], -MISMATCH, MISMATCH) / 2
    # Both sides in one list, sorted by chart.
    chart = np.concatenate([seams.chart[:, 0], seams.chart[:, 1]])
    order = np.argsort(chart, kind="stable")
    texel = np.concatenate([seams.texel[:, 0], seams.texel[:, 1]])[order]
    move = np.concatenate([half, -half])[order]
    count = len(atlas.boxes)
    begins = np.searchsorted(chart[order], np.arange(count + 1))
    faces = np.argsort(atlas.chart, kind="stable").astype(np.int32)
    face_begins = np.searchsorted(atlas.chart[faces], np.arange(count + 1))
    target = sheet.texels.copy()
    for number in range(count):
        part = slice(begins[number], begins[number + 1])
        left, top, right, bottom = (int(v) for v in atlas.boxes[number])
        local = membrane(texel[part] - (left, top), move[part], right - left, bottom - top)
        members = faces[face_begins[number] : face_begins[number + 1]]
        sheet.correct(members, corrections, local, left, top, target)
    sheet.texels = target


def membrane(
    texel: NDArray[np.floating], move: NDArray[np.floating], width: int, height: int
) -> NDArray[np.float32]:
    """``(height, width, 3)`` smooth image through the moves ``(N, 3)`` at texels ``(N, 2)``, fading away."""
    if not len(texel) or not move.any():
        return np.zeros((1, 1, 3), np.float32)
    col = np.clip(texel[:, 0].astype(np.int64), 0, width - 1)
    row = np.clip(texel[:, 1].astype(np.int64), 0, height - 1)
    where = row * width + col
    size = width * height
    weight = np.bincount(where, minlength=size).astype(np.float32).reshape(height, width)
    values = np.stack([np.bincount(where, move[:, c], size) for c in range(3)], axis=1)
    away = cv2.distanceTransform((weight == 0).astype(np.uint8), cv2.DIST_L2, 3)
    smooth = push_pull(values.reshape(height, width, 3).astype(np.float32), weight)
    return (smooth * np.exp(-away / FADE_TEXELS)[..., None]).astype(np.float32)
