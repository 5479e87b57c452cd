"""What is measured on a reconstruction: cameras, coverage, resolution, holes, error.

Every function returns figures with their method; what cannot be measured is unknown. Lengths are in the
frame of ``sparse/`` times ``factor`` (metres if the scale is known).
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from oberih.capture import Photo
from oberih.geometry import Mesh, Scene, Similarity, View
from oberih.geometry.raster import Rasteriser
from oberih.progress import Progress
from oberih.reconstruct.figures import (
    Coverage,
    Holes,
    MeasuredError,
    Model,
    PosesReport,
    Scale,
    SurfaceReport,
    Up,
    figure,
    scaled,
)
from oberih.reconstruct.precision import measure_error, widest_angles
from oberih.reconstruct.scale import KnownDistance, find_scale, unknown_scale
from oberih.reconstruct.upright import find_up, model_frame

__all__ = [
    "Measured",
    "Visibility",
    "measure_all",
    "measure_poses",
    "measure_surface",
    "reprojection",
    "see",
]

Floats = NDArray[np.float64]

SAMPLES = 20_000  # points on the surface that stand for it
LOOK_PX = 640  # size at which it is drawn to find out who sees what
DRAWN = "of the area, by drawing the surface into every photo"
SAME = 0.01  # a sample is seen if the depth there is its own to 1 %


class Measured(Model):
    """Everything that is measured, as the report tells it."""

    poses: PosesReport
    surface: SurfaceReport
    error: MeasuredError
    scale: Scale
    up: Up
    model_from_sparse: tuple[tuple[float, ...], ...]
    rms_px: tuple[float | None, ...]  # per view
    observations: tuple[int, ...]
    covered: tuple[float, ...]
    samples: tuple[tuple[float, float, float], ...]  # points of the surface, in the frame of model.glb


def measure_all(
    scene: Scene, photos: Sequence[Photo], mesh: Mesh, textured: Mesh | None, points: int, working_px: int,
    known: KnownDistance | None, other_parts: Sequence[Sequence[str]], progress: Progress,
) -> Measured:  # fmt: skip
    """Measure a result: ``photos`` are those of the views of ``scene``, ``mesh`` is the full surface,
    ``textured`` the one that became ``model.glb``, ``points`` the size of the dense cloud."""
    orientations = [photo.orientation for photo in photos]
    by_name = {view.name: photo.orientation for view, photo in zip(scene.views, photos, strict=True)}
    scale = unknown_scale() if known is None else find_scale(known, scene, by_name)
    up = find_up(scene, orientations, mesh)
    to_model = model_frame(scene, mesh, np.array(up.direction), scale.factor)
    visibility = see(scene, mesh, progress)
    errors = reprojection(scene)
    by_view = [errors[scene.observed_view == number] for number in range(len(scene.views))]
    return Measured(
        poses=measure_poses(scene, other_parts),
        surface=measure_surface(scene, mesh, points, visibility, textured, working_px, scale, to_model),
        error=measure_error(scene, mesh, scale),
        scale=scale,
        up=up,
        model_from_sparse=tuple(tuple(row) for row in to_model.matrix.tolist()),
        rms_px=tuple(rms(one) for one in by_view),
        observations=tuple(len(one) for one in by_view),
        covered=tuple(visibility.filled.tolist()),
        samples=tuple(tuple(p) for p in to_model.apply(visibility.points[:4000]).round(4).tolist()),
    )


# ------------------------------------------------------------------------------------------- cameras


def reprojection(scene: Scene) -> Floats:
    """``(O,)`` distance in pixels between each observation and where its point projects."""
    errors = np.zeros(len(scene.observed_px))
    for number, view in enumerate(scene.views):
        here = scene.observed_view == number
        seen, _ = view.project(scene.points[scene.observed_point[here]])
        errors[here] = np.linalg.norm(seen - scene.observed_px[here], axis=1)
    return errors


def measure_poses(scene: Scene, other_parts: Sequence[Sequence[str]] = ()) -> PosesReport:
    """How well the cameras were found."""
    # A photo may see a point twice, where two details were taken for one: it counts once.
    seen = np.unique(np.stack([scene.observed_point, scene.observed_view], axis=1), axis=0)
    lengths = np.bincount(seen[:, 0], minlength=len(scene.points))
    counts = np.bincount(lengths)
    return PosesReport(
        reprojection_rms=figure(
            rms(reprojection(scene)),
            "px",
            "root mean square over all observations, pixels of the original photos",
        ),
        points=len(scene.points),
        observations=len(scene.observed_px),
        track_length=figure(mean(lengths), "", "mean number of photos that see a sparse point"),
        angle=figure(
            median(widest_angles(scene)),
            "°",
            "median over the sparse points of the widest angle between two rays",
        ),
        track_lengths={n: int(c) for n, c in enumerate(counts) if c and n >= 2},
        other_parts=tuple(tuple(part) for part in other_parts),
    )


# ------------------------------------------------------------------------------------------- surface


@dataclass(frozen=True)
class Visibility:
    """Which samples of the surface each view sees."""

    points: NDArray[np.float32]  # (S, 3) samples, spread evenly over the area
    seen: NDArray[np.bool_]  # (V, S)
    depth: NDArray[np.float32]  # (V, S) camera z
    filled: Floats  # (V,) share of the photo's pixels that show the surface


def see(scene: Scene, mesh: Mesh, progress: Progress, seed: int = 0) -> Visibility:
    """Draw the surface into every view and look which of its samples are in sight."""
    points, normals = sampled(mesh, SAMPLES, seed)
    rasteriser = Rasteriser(mesh.vertices, mesh.faces)
    shape = (len(scene.views), len(points))
    seen, depth = np.zeros(shape, bool), np.zeros(shape, np.float32)
    filled = np.zeros(len(scene.views))
    with progress.stage("measure", len(scene.views)) as stage:

        def look(number: int) -> None:
            view = scene.views[number].resized(LOOK_PX)
            drawn = rasteriser.draw(view)
            filled[number] = drawn.covered.mean()
            seen[number], depth[number] = in_sight(view, drawn.depth, points, normals)
            stage.tick()

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(look, range(len(scene.views))))
    return Visibility(points, seen, depth, filled)


def in_sight(
    view: View, surface: NDArray[np.float32], points: NDArray[np.float32], normals: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which of ``(S, 3)`` points are in sight of ``view``, whose depth map is ``surface``; their depths."""
    pixels, depth = view.project(points.astype(np.float64))
    height, width = surface.shape
    front = depth > 0
    pixels[~front] = -1
    column, row = np.floor(pixels).astype(np.int64).T
    front &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
    there = surface[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    towards = np.einsum("ij,ij->i", view.pose.centre - points, normals) > 0
    with np.errstate(invalid="ignore"):
        same = np.abs(there - depth) < SAME * depth
    return front & towards & same, depth.astype(np.float32)


def sampled(mesh: Mesh, count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``count`` random points spread evenly over the area of ``mesh``, with unit normals."""
    rng = np.random.default_rng(seed)
    normals = mesh.face_normals()
    twice = np.linalg.norm(normals, axis=1).astype(np.float64)
    faces = np.searchsorted(np.cumsum(twice), rng.random(count) * twice.sum())
    faces = np.minimum(faces, len(twice) - 1)
    u, v = rng.random((2, count, 1)).astype(np.float32)
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    a, b, c = (mesh.vertices[mesh.faces[faces, i]] for i in range(3))
    unit = normals[faces] / np.maximum(twice[faces], 1e-30)[:, None]
    return (a + u * (b - a) + v * (c - a)).astype(np.float32), unit.astype(np.float32)


def measure_surface(
    scene: Scene, mesh: Mesh, points: int, visibility: Visibility, textured: Mesh | None,
    working_px: int, scale: Scale, to_model: Similarity,
) -> SurfaceReport:  # fmt: skip
    """Size, resolution, coverage, holes and confidence of the surface ``mesh``.

    ``points`` is how many the dense cloud has; ``textured`` (texture coordinates over any copy of the
    surface) gives the size of a texel; ``working_px`` is the image size that depth was measured at.
    """
    factor, unit = scale.factor, scale.unit
    sharpest = pixel_size(scene, visibility, None)
    worked = pixel_size(scene, visibility, working_px)
    times = visibility.seen.sum(axis=0)
    confidence = mesh.confidence if mesh.confidence is not None else np.zeros(0, np.float32)
    low, high = np.percentile(to_model.apply(mesh.vertices), [0.5, 99.5], axis=0)
    width, height, depth = (float(v) for v in high - low)
    return SurfaceReport(
        vertices=len(mesh.vertices),
        triangles=len(mesh.faces),
        model_triangles=None if textured is None else len(textured.faces),
        points=points,
        area=figure(area(mesh) * factor**2, f"{unit}²", "sum over the triangles"),
        size=(width, height, depth),
        ground_sample_distance=figure(
            scaled(sharpest, factor), unit,
            "median over the surface of depth / focal length in the photo that sees it largest",
        ),
        working_sample_distance=figure(
            scaled(worked, factor), unit, "the same for the image size that depth was measured at"
        ),
        texel=figure(
            scaled(texel_size(textured), factor), unit,
            "median over the triangles of the square root of area per texel",
        ),
        coverage=Coverage(
            seen_by_2=figure(mean(times >= 2), "share", DRAWN),
            seen_by_3=figure(mean(times >= 3), "share", DRAWN),
            photos_filled=figure(
                mean(visibility.filled), "share", "of the photos' pixels, mean over the photos"
            ),
        ),
        holes=find_holes(mesh, factor, unit),
        confidence=figure(median(confidence), "", "median over the vertices"),
        confidence_histogram=tuple(int(n) for n in np.histogram(confidence, 10, (0, 1))[0]),
    )  # fmt: skip


def pixel_size(scene: Scene, visibility: Visibility, max_size: int | None) -> float | None:
    """Median over the surface of the smallest pixel that sees a place."""
    best = np.full(len(visibility.points), np.inf)
    for number, view in enumerate(scene.views):
        camera = view.camera if max_size is None else view.resized(max_size).camera
        size = visibility.depth[number] * 2 / (camera.fx + camera.fy)
        best = np.minimum(best, np.where(visibility.seen[number], size, np.inf))
    return median(best[np.isfinite(best)])


def area(mesh: Mesh) -> float:
    return float(doubled_areas(mesh).sum() / 2)


def doubled_areas(mesh: Mesh) -> Floats:
    """``(F,)`` twice the area of each face, however large or small the numbers are."""
    a, b, c = (mesh.vertices[mesh.faces[:, i]].astype(np.float64) for i in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1)


def texel_size(mesh: Mesh | None) -> float | None:
    """Median side of a texel on the surface."""
    if mesh is None or mesh.uv is None or mesh.texture is None:
        return None
    height, width = mesh.texture.shape[:2]
    corners = mesh.uv.astype(np.float64) * [width, height]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    texels = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    surface = doubled_areas(mesh)
    good = (texels > 0) & (surface > 0)
    return median(np.sqrt(surface[good] / texels[good]))


def find_holes(mesh: Mesh, factor: float, unit: str) -> Holes:
    """Loops of edges that have a triangle on one side only.

    An open surface ends somewhere: the longest loop of each connected piece is its rim, the others are
    holes. The area of a hole is that of its outline seen square on.
    """
    start = mesh.faces.ravel()
    end = np.roll(mesh.faces, -1, axis=1).ravel()
    count = len(mesh.vertices)
    low, high = np.minimum(start, end).astype(np.int64), np.maximum(start, end)
    _, first, uses = np.unique(low * count + high, return_index=True, return_counts=True)
    edge = first[uses == 1]
    a, b = start[edge], end[edge]
    ones = np.ones(len(edge))
    loops, loop_of = connected_components(coo_array((ones, (a, b)), (count, count)), directed=False)
    _, piece_of = connected_components(
        coo_array((np.ones(len(start)), (start, end)), (count, count)), directed=False
    )
    p, q = mesh.vertices[a].astype(np.float64), mesh.vertices[b].astype(np.float64)
    origin = mesh.vertices[np.unique(loop_of, return_index=True)[1]][loop_of[a]]  # any point near the loop
    loop = loop_of[a]
    length = np.bincount(loop, np.linalg.norm(q - p, axis=1), loops)
    doubled = np.cross(p - origin, q - origin)
    vector = np.stack([np.bincount(loop, doubled[:, i], loops) for i in range(3)], axis=1)
    areas = np.linalg.norm(vector, axis=1) / 2
    real = np.flatnonzero(length > 0)
    piece = np.zeros(loops, np.int64)
    piece[loop] = piece_of[a]
    longest_first = real[np.lexsort((-length[real], piece[real]))]
    rims = longest_first[np.unique(piece[longest_first], return_index=True)[1]]
    holes = np.setdiff1d(real, rims)
    open_area, whole = float(areas[holes].sum()), area(mesh)
    how = "loops of open edges, without the longest of each connected piece; areas as seen square on"
    return Holes(
        count=len(holes),
        area=figure(open_area * factor**2, f"{unit}²", how),
        share=figure(open_area / (open_area + whole) if whole > 0 else None, "share", how),
        perimeter=figure(float(length[holes].sum()) * factor, unit, how),
        rim=figure(float(length[rims].sum()) * factor, unit, "the longest loop of each connected piece"),
    )


def rms(values: NDArray[np.floating]) -> float | None:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else None


def mean(values: NDArray[np.generic]) -> float | None:
    return float(np.mean(values.astype(np.float64))) if len(values) else None


def median(values: NDArray[np.floating]) -> float | None:
    return float(np.median(values)) if len(values) else None
