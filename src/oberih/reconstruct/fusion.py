"""Fusion: depth maps that agree become one oriented, coloured cloud.

Every depth is averaged with those of the other views that see the same place, weighted by how well they
agree; one that too few views support is dropped. The cloud takes each place from the view that shows it
in the finest pixels.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.errors import NoSurface
from oberih.geometry import PointCloud, Scene, View
from oberih.geometry.kernels import start_warp
from oberih.progress import Progress
from oberih.reconstruct import _fusion_kernels as kernels
from oberih.reconstruct.depth import DEPTH, working_view
from oberih.reconstruct.depth_maps import (
    DepthMap,
    load_depth_map,
    on_cpu,
    save_depth_map,
    source_table,
    table_on_cpu,
)
from oberih.reconstruct.neighbours import best_neighbours

__all__ = ["FusionSettings", "fuse"]


@dataclass(frozen=True)
class FusionSettings:
    sources: int = 10  # other views that each depth is held against
    max_cost: float = 0.6  # matching cost above which a depth is not believed
    pixels: float = 1.0  # reprojection error at which the trust of an agreement falls to 1/e
    relative: float = 0.002  # the same for the difference of depths, relative to the depth
    max_points: int = 20_000_000  # of the cloud; above, every second point is left out until it fits
    support: float = 1.75  # least sum of trusts; less where fewer than four other views look


def fuse(scene: Scene, depth: Path, folder: Path, settings: FusionSettings, progress: Progress) -> PointCloud:
    """Fuse the maps in ``depth`` (see `depth.estimate_depths`).

    Writes the fused map of view N to ``folder/N.npy`` (`DepthMap`; score = support). Returns the cloud:
    normals towards the cameras, confidence = support scaled to 0..1 (1: four views agree exactly).
    Raises `NoSurface` if the views agree nowhere.
    """
    start_warp()
    count = len(scene.views)
    views = [working_view(view, depth, number)[0] for number, view in enumerate(scene.views)]
    chosen = [best_neighbours(scene, number, settings.sources) for number in range(count)]
    threads = len(os.sched_getaffinity(0))
    with progress.stage("fusion", 2 * count) as stage, ThreadPoolExecutor(threads) as pool:

        def average(number: int) -> None:
            path = folder / f"{number:05d}.npy"
            if not path.exists():
                save_depth_map(path, agreed(views, number, chosen[number], depth / DEPTH, settings))
            stage.tick()

        def collect(number: int) -> PointCloud:
            cloud = claimed(views, number, chosen[number], folder, settings)
            colours = working_view(scene.views[number], depth, number)[1].reshape(-1, 3)
            stage.tick()
            pixels, points, normals, confidence = cloud
            return PointCloud(points, normals, colours[pixels], confidence)

        list(pool.map(average, range(count)))
        parts, every = list[PointCloud](), 1
        for part in pool.map(collect, range(count)):
            parts.append(thinned(part, every))
            while sum(len(p) for p in parts) > settings.max_points:
                parts, every = [thinned(p, 2) for p in parts], 2 * every
    cloud = PointCloud(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.normals for part in parts if part.normals is not None]),
        np.concatenate([part.colours for part in parts if part.colours is not None]),
        np.concatenate([part.confidence for part in parts if part.confidence is not None]),
    )
    if len(cloud) < 1000:
        raise NoSurface(
            "The cameras were found, but their views agree on almost no surface.",
            "Photograph a textured, matt subject with more overlap (each part in three photos or more), "
            "moving sideways between shots; glass, water and blank walls cannot be measured.",
        )
    return cloud


def thinned(cloud: PointCloud, every: int) -> PointCloud:
    """Every ``every``-th point of a cloud."""
    there = {name: array[::every] for name, array in vars(cloud).items() if array is not None}
    return PointCloud(**there)


def agreed(
    views: Sequence[View], number: int, chosen: NDArray[np.int32], depth: Path, settings: FusionSettings
) -> DepthMap:
    """The map of view ``number`` averaged with those of ``chosen`` views; dropped where support is low."""
    mine = load_depth_map(depth / f"{number:05d}.npy")
    if len(chosen) == 0:
        return DepthMap(np.zeros_like(mine.planes), np.zeros_like(mine.score))
    others = [load_depth_map(depth / f"{n:05d}.npy") for n in chosen]
    table = source_table(views[number], [views[n] for n in chosen])
    fused = np.zeros(mine.score.shape, np.float32)
    support, spread = np.zeros_like(fused), np.zeros_like(fused)
    planes = np.concatenate([other.planes.reshape(-1, 3) for other in others])
    costs = np.concatenate([other.score.ravel() for other in others])
    wp.launch(
        kernels.agree, dim=fused.shape, device="cpu",
        inputs=[
            on_cpu(mine.planes, wp.vec3), on_cpu(mine.score), settings.max_cost, table_on_cpu(table),
            on_cpu(planes, wp.vec3), on_cpu(costs), settings.pixels, settings.relative, settings.support,
            on_cpu(fused), on_cpu(support), on_cpu(spread),
        ],
    )  # fmt: skip
    planes = mine.planes.copy()
    planes[..., 1:] *= (fused / np.maximum(planes[..., 0], 1e-12))[..., None]
    planes[..., 0] = fused
    planes[fused == 0] = 0
    return DepthMap(planes, support)


Claimed = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def claimed(
    views: Sequence[View], number: int, chosen: NDArray[np.int32], folder: Path, settings: FusionSettings
) -> Claimed:
    """Pixels of view ``number`` that show their place finest, with points, normals and confidence."""
    view, mine = views[number], load_depth_map(folder / f"{number:05d}.npy")
    w = np.ascontiguousarray(mine.inverse_depth)
    others = [load_depth_map(folder / f"{n:05d}.npy").inverse_depth.ravel() for n in chosen]
    others = others or [np.zeros(1, np.float32)]
    footprints = np.array([1 / views[n].camera.fx for n in chosen], np.float32)
    flags = np.zeros(w.shape, np.uint8)
    wp.launch(
        kernels.claim, dim=w.shape, device="cpu",
        inputs=[
            on_cpu(w), 1 / view.camera.fx, table_on_cpu(source_table(view, [views[n] for n in chosen])),
            on_cpu(np.concatenate(others)), on_cpu(footprints), 2 * settings.relative, on_cpu(flags),
        ],
    )  # fmt: skip
    pixels = np.flatnonzero(flags)
    camera, width = view.camera, w.shape[1]
    x, y = pixels % width + 0.5, pixels // width + 0.5
    h = mine.planes.reshape(-1, 3)[pixels].astype(np.float64)
    z = 1 / h[:, 0]
    ray = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones(len(x))], axis=1)
    # inverse depth m . (x, y, 1) is the plane (K^T m) . X = 1
    nx, ny = h[:, 1] * camera.fx, h[:, 2] * camera.fy
    normals = -np.stack([nx, ny, h[:, 0] - nx * ray[:, 0] - ny * ray[:, 1]], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    points = (ray * z[:, None] - view.pose.t) @ view.pose.R
    confidence = np.minimum(mine.score.ravel()[pixels] / 4, 1)
    return pixels, points.astype(np.float32), (normals @ view.pose.R).astype(np.float32), confidence
