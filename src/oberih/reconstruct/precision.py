"""How far off may the model be? The error of surface, camera network and scale, each by its own evidence.

*Surface*: sparse points are not made from depth maps, so how far they lie from the surface tells of both.
*Camera network*: the covariance of the bundle adjustment, carried to distances.

The adjustment is linearised where it ended (poses, points, focal length and first radial coefficient of
every camera); the noise is what the residuals show. Seven degrees of freedom (where, which way, how
large) cannot be known from photos and are left out. What counts for a measurement is how uncertain the
*distance* between two points on the thing is, so that is what is given. See Triggs et al., "Bundle
adjustment, a modern synthesis" (2000), section 9.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from oberih.geometry import Camera, Mesh, Scene
from oberih.reconstruct.figures import MeasuredError, Scale, figure, scaled

__all__ = ["distance_error", "drawing_scale", "measure_error", "widest_angles"]

Floats = NDArray[np.float64]

MOST_VIEWS = 250  # beyond it the dense covariance costs too much
MOST_POINTS = 6000
SAMPLE = 400  # points between which distances are looked at
FREE = 7  # similarity
PAPER_MM = 0.3  # what a drawing can show: 0.3 mm on paper, so 15 mm at 1:50, 6 mm at 1:20, 3 mm at 1:10
DRAWING_SCALES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def measure_error(scene: Scene, mesh: Mesh, scale: Scale) -> MeasuredError:
    """How far off a place on the model may be, 95 % of the time, and the drawing scale that allows."""
    factor, unit = scale.factor, scale.unit
    surface = surface_error(scene, mesh)
    network = distance_error(scene, near_surface(scene.points, mesh)[0])
    low, high = np.percentile(mesh.vertices.astype(np.float64), [0.5, 99.5], axis=0)
    extent = float(np.linalg.norm(high - low)) * factor
    by_scale = None if scale.relative_error is None else scale.relative_error * extent
    parts = [scaled(surface, factor), scaled(network, factor), by_scale if scale.known else 0.0]
    total = None if any(part is None for part in parts) else float(np.linalg.norm([p or 0.0 for p in parts]))
    drawing = drawing_scale(total) if scale.known and total is not None else None
    return MeasuredError(
        surface=figure(
            scaled(surface, factor), unit,
            "95 % of the sparse points, not made from depth maps, lie within this of the surface",
        ),
        network=figure(
            scaled(network, factor), unit,
            "95 % error of a distance across the thing, from the covariance of the camera network"
            if network is not None
            else "unknown: too few points, or too many photos for the covariance of the camera network",
        ),
        scale=figure(
            by_scale, unit,
            "95 % error of the scale over the whole size of the thing"
            if scale.known
            else "unknown: no known distance",
        ),
        total=figure(
            total, unit,
            "root of the sum of the squares of its parts"
            if scale.known
            else "root of the sum of the squares of its parts, without that of the scale",
        ),
        drawing_scale=figure(
            drawing, "1:N",
            "0.3 mm on paper at 95 % (15 mm at 1:50, 6 mm at 1:20, 3 mm at 1:10)"
            if scale.known
            else "unknown: the scale is not known",
        ),
    )  # fmt: skip


def drawing_scale(error_m: float) -> float | None:
    """The N of the largest drawing at 1:N that an error of ``error_m`` (95 %) allows; None: there is none."""
    return next((float(n) for n in DRAWING_SCALES if PAPER_MM * n >= error_m * 1000), None)


def near_surface(points: Floats, mesh: Mesh) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which of ``(N, 3)`` points are of the surface, and the vertex nearest to each.

    Points further from any vertex than ten edges are beside the surface (cut away, or in a hole).
    """
    if not len(mesh.faces) or not len(points):
        return np.zeros(len(points), bool), np.zeros(len(points), np.int64)
    far, nearest = (np.asarray(found) for found in cKDTree(mesh.vertices).query(points))
    edges = np.linalg.norm(mesh.vertices[mesh.faces[:, 0]] - mesh.vertices[mesh.faces[:, 1]], axis=1)
    return far <= 10 * float(np.median(edges)), nearest


def surface_error(scene: Scene, mesh: Mesh) -> float | None:
    """95th percentile of the distance of well-seen sparse points from the surface, where there is surface.

    Well seen: by three photos at least, under an angle of 3 degrees or more.
    """
    lengths = np.bincount(scene.observed_point, minlength=len(scene.points))
    points = scene.points[(lengths >= 3) & (widest_angles(scene) >= 3)]
    near, nearest = near_surface(points, mesh)
    if near.sum() < 50:
        return None
    points, nearest = points[near], nearest[near]
    off = np.einsum("ij,ij->i", points - mesh.vertices[nearest], mesh.vertex_normals()[nearest])
    return float(np.percentile(np.abs(off), 95))


def widest_angles(scene: Scene) -> Floats:
    """``(P,)`` widest angle in degrees between two of the rays that meet in a point."""
    centres = np.array([view.pose.centre for view in scene.views])
    rays = centres[scene.observed_view] - scene.points[scene.observed_point]
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    order = np.argsort(scene.observed_point, kind="stable")
    starts = np.searchsorted(scene.observed_point[order], np.arange(len(scene.points) + 1))
    widest = np.zeros(len(scene.points))
    lengths = np.diff(starts)
    for length in np.unique(lengths[lengths >= 2]):  # all points with tracks of the same length at once
        points = np.flatnonzero(lengths == length)
        group = rays[order[starts[points][:, None] + np.arange(length)]]  # (p, length, 3)
        cosines = np.einsum("pik,pjk->pij", group, group).reshape(len(points), -1).min(axis=1)
        widest[points] = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    return widest


def distance_error(
    scene: Scene, among: NDArray[np.bool_] | None = None, pairs: int = 1000, seed: int = 0
) -> float | None:
    """95 % error of the distance between two random points of ``scene``; None if it can't be told.

    ``among``: ``(P,)`` points between which distances count; all of them by default.
    """
    views = len(scene.views)
    if views < 2 or views > MOST_VIEWS:
        return None
    rng = np.random.default_rng(seed)
    points, observed = chosen(scene, rng)
    if len(points) < 20:
        return None
    jc, jp, residuals = linearised(scene, points, observed)
    unknowns = jc.shape[1] + jp.shape[1] - FREE
    freedom = residuals.size - unknowns
    if freedom <= 0:
        return None
    variance = float(np.sum(residuals**2)) / freedom
    # Columns to unit length: the eigenvalues that tell the free directions apart are then comparable.
    unit = np.sqrt(np.asarray(jc.multiply(jc).sum(axis=0)).ravel())
    unit[unit == 0] = 1
    jc = sp.csr_matrix(jc @ sp.diags(1 / unit))
    blocks = np.stack([np.asarray(jp[:, i::3].multiply(jp[:, j::3]).sum(axis=0)).ravel()
                       for i in range(3) for j in range(3)], axis=1).reshape(-1, 3, 3)  # fmt: skip
    inverse = np.linalg.inv(blocks)
    weights = sp.bsr_matrix((inverse, np.arange(len(points)), np.arange(len(points) + 1)))
    cross = sp.csr_matrix(jc.T @ jp)  # (C, 3P)
    reduced = (jc.T @ jc - cross @ weights @ cross.T).toarray()
    values, vectors = np.linalg.eigh(reduced)
    kept = np.arange(len(values)) >= FREE
    kept &= values > 1e-12 * values[-1]
    cameras = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T  # (C, C), per unit variance
    # How the points follow the cameras. What moves, turns or scales all of them alike is not an error.
    counted = np.arange(len(points)) if among is None else np.flatnonzero(among[points])
    if len(counted) < 20:
        return None
    some = np.asarray(rng.choice(counted, min(SAMPLE, len(counted)), replace=False))
    rows = (3 * some[:, None] + np.arange(3)).ravel()
    follow = -sp.csr_matrix(weights @ cross.T)[rows].toarray()  # (3S, C)
    alike, _ = np.linalg.qr(similarity_motions(scene.points[points[some]]))
    follow -= alike @ (alike.T @ follow)
    a, b = rng.integers(0, len(some), (2, pairs))
    between = scene.points[points[some[a]]] - scene.points[points[some[b]]]
    length = np.linalg.norm(between, axis=1)
    apart = length > 0
    a, b, along = a[apart], b[apart], between[apart] / length[apart, None]
    of_point = follow.reshape(len(some), 3, -1)
    by_cameras = np.einsum("pi,pic->pc", along, of_point[a] - of_point[b])
    own = np.einsum("pi,pij,pj->p", along, inverse[some[a]] + inverse[some[b]], along)
    errors = variance * (np.einsum("pc,cd,pd->p", by_cameras, cameras, by_cameras) + own)
    # Some distances are known better than others: 95 % of all of them, each with its own spread.
    drawn = np.abs(rng.standard_normal((100, len(errors)))) * np.sqrt(errors)
    return float(np.percentile(drawn, 95))


def similarity_motions(points: Floats) -> Floats:
    """``(3N, 7)``: how ``(N, 3)`` points move when all are shifted, turned or scaled a little."""
    centred = points - points.mean(axis=0)
    size = np.sqrt(np.mean(centred**2))
    shifts = [np.broadcast_to(axis, points.shape) for axis in np.eye(3)]
    turns = [np.cross(axis, centred / size) for axis in np.eye(3)]
    return np.stack([motion.ravel() for motion in [*shifts, *turns, centred / size]], axis=1)


def chosen(scene: Scene, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Indices of the points that take part (long tracks, not too many), and which observations are theirs."""
    length = np.bincount(scene.observed_point, minlength=len(scene.points))
    points = np.flatnonzero(length >= 3)
    if len(points) > MOST_POINTS:
        points = np.sort(rng.choice(points, MOST_POINTS, replace=False))
    return points, np.isin(scene.observed_point, points)


def linearised(
    scene: Scene, points: NDArray[np.int64], observed: NDArray[np.bool_]
) -> tuple[sp.csr_matrix, sp.csr_matrix, Floats]:
    """Derivatives by cameras ``(2O, C)`` and by points ``(2O, 3P)``, and the ``(O, 2)`` residuals."""
    cameras: dict[Camera, int] = {}
    column = np.searchsorted(points, scene.observed_point[observed])
    view_of = scene.observed_view[observed]
    pixels = scene.observed_px[observed]
    count, views = len(column), len(scene.views)
    by_view = np.zeros((count, 2, 6))
    by_lens = np.zeros((count, 2, 2))
    by_point = np.zeros((count, 2, 3))
    lens_of = np.zeros(count, np.int64)
    residuals = np.zeros((count, 2))
    for number, view in enumerate(scene.views):
        here = np.flatnonzero(view_of == number)
        camera = view.camera
        lens_of[here] = cameras.setdefault(camera, len(cameras))
        local = view.pose.apply(scene.points[points[column[here]]])
        x, y, z = local.T
        residuals[here] = camera.project(local) - pixels[here]
        zero = np.zeros_like(x)
        # The lens bends derivatives by a per cent or so: left out.
        entries = np.stack([camera.fx / z, zero, -camera.fx * x / z**2,
                            zero, camera.fy / z, -camera.fy * y / z**2], axis=1)  # fmt: skip
        pinhole = entries.reshape(-1, 2, 3)
        turn = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], axis=1).reshape(-1, 3, 3)
        by_view[here, :, :3] = pinhole @ turn
        by_view[here, :, 3:] = pinhole
        by_point[here] = pinhole @ view.pose.R
        r2 = (x * x + y * y) / z**2
        slope = np.stack([camera.fx * x / z, camera.fy * y / z], axis=1)
        by_lens[here] = np.stack([slope / camera.fx, slope * r2[:, None]], axis=2)
    rows = np.arange(2 * count).reshape(count, 2, 1)

    def sparse(values: Floats, first: NDArray[np.int64], width: int) -> sp.csr_matrix:
        columns = first[:, None, None] + np.arange(values.shape[2])
        rows_, columns = np.broadcast_arrays(rows, columns)
        return sp.csr_matrix((values.ravel(), (rows_.ravel(), columns.ravel())), (2 * count, width))

    views_part = sparse(by_view, 6 * view_of.astype(np.int64), 6 * views)
    lens_part = sparse(by_lens, 2 * lens_of, 2 * len(cameras))
    points_part = sparse(by_point, 3 * column, 3 * len(points))
    return sp.csr_matrix(sp.hstack([views_part, lens_part])), points_part, residuals
