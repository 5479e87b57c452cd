"""Dense depth: how far every pixel of every photo is, by PatchMatch multi-view stereo, coarse to fine.

On a coarse version of the photos depths start at random and are found by propagation; each finer level
starts from the one before. The last level makes a second pass that also asks the neighbouring views'
depths (geometric consistency). Views are independent within a pass and run in parallel threads (a Warp
launch releases the GIL); every view's map is a file, so a stopped run goes on with the next view.
"""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry import Scene, View
from oberih.geometry.kernels import start_warp
from oberih.progress import Progress
from oberih.reconstruct import _patchmatch as kernels
from oberih.reconstruct.depth_maps import (
    DepthMap,
    load_depth_map,
    on_cpu,
    save_array,
    save_depth_map,
    source_table,
    table_on_cpu,
)
from oberih.reconstruct.neighbours import best_neighbours, depth_range

DEPTH = "depth"  # the folder of the finished maps
UNCERTAIN = 0.35  # matching cost from which a coarser level is asked
COARSER_BETTER = 0.1  # by how much its cost must be lower

__all__ = ["DEPTH", "DepthSettings", "Pass", "estimate_depths", "working_view"]

Reader = Callable[[int, int], tuple[View, NDArray[np.uint8]]]


@dataclass(frozen=True)
class Pass:
    """One pass over all views at one image size."""

    scale: int  # of the working size: 4 = a quarter
    sweeps: int  # red-black sweeps
    jitter: float  # first random changes, in pixels of motion in a source view
    tries: int  # random changes per pixel and sweep
    far: int  # longest propagation, pixels
    geometric: float = 0.0  # weight of the reprojection error into the sources' depths of the pass before


@dataclass(frozen=True)
class DepthSettings:
    max_size: int = 1536  # longer side of the images, pixels
    sources: int = 4  # views that each view is matched against
    best: int = 2  # how many of them have to match well
    passes: tuple[Pass, ...] = (
        Pass(4, sweeps=6, jitter=8.0, tries=6, far=11),
        Pass(2, sweeps=2, jitter=4.0, tries=4, far=7),
        Pass(1, sweeps=1, jitter=2.0, tries=4, far=5),
        Pass(1, sweeps=1, jitter=1.0, tries=3, far=3, geometric=0.1),
    )


def working_view(view: View, folder: Path, number: int) -> tuple[View, NDArray[np.uint8]]:
    """The pinhole view and image that the depth map of view ``number`` in ``folder`` belongs to."""
    image = np.load(folder / f"image-{number:05d}.npy")
    return view.resized(max(image.shape[:2])), image


def estimate_depths(
    scene: Scene, read: Reader, folder: Path, settings: DepthSettings, progress: Progress
) -> None:
    """Write ``image-N.npy`` (rectified, working size) and ``depth/N.npy`` (`DepthMap`) for each view N.

    ``read(N, max_size)`` gives the pinhole view N and its image. Files that are there are kept.
    """
    start_warp()
    count = len(scene.views)
    threads = len(os.sched_getaffinity(0))
    with progress.stage("images", count) as stage, ThreadPoolExecutor(threads) as pool:

        def prepare(number: int) -> None:
            path = folder / f"image-{number:05d}.npy"
            if not path.exists():
                save_array(path, read(number, settings.max_size)[1])
            stage.tick()

        list(pool.map(prepare, range(count)))

    passes = settings.passes
    work = [1.0 / p.scale**2 * p.sweeps * (4 + p.tries) for p in passes]
    with progress.stage("depth", count * sum(work)) as stage, ThreadPoolExecutor(threads) as pool:
        for number in range(len(passes)):
            done = folder / f"pass{number}.done"
            if done.exists():
                stage.tick(count * work[number])
                continue
            before = folder / f"pass{number - 1}" if number else None
            target = folder / f"pass{number}"
            target.mkdir(exist_ok=True)

            def match(view: int, number: int = number) -> None:
                path = folder / f"pass{number}" / f"{view:05d}.npy"
                if not path.exists():
                    progress.check()
                    before = folder / f"pass{number - 1}" if number else None
                    save_depth_map(path, match_view(scene, view, folder, before, passes[number], settings))
                stage.tick(work[number])

            list(pool.map(match, range(count)))
            if number == len(passes) - 1:
                target.rename(folder / DEPTH)
            done.touch()
            if before is not None:
                shutil.rmtree(before)


def match_view(
    scene: Scene, number: int, folder: Path, before: Path | None, one: Pass, settings: DepthSettings
) -> DepthMap:
    """One pass over view ``number``, starting from the maps in ``before`` (None: from random planes)."""
    view, grey = grey_view(scene, number, folder, one.scale)
    chosen = best_neighbours(scene, number, settings.sources)
    if len(chosen) == 0:  # nothing to compare with: no depth
        return DepthMap(
            np.zeros((*grey.shape, 3), np.float32), np.full(grey.shape, kernels.WORST, np.float32)
        )
    others = [grey_view(scene, int(n), folder, one.scale) for n in chosen]
    height, width = grey.shape
    near, far = depth_range(scene, number)
    w_min, w_max = 1 / far, 1 / near

    table = source_table(view, [other for other, _ in others])
    texels = np.concatenate([kernels.pack_quads(image).ravel() for _, image in others])
    depths = np.zeros(1, np.float32)
    if one.geometric > 0 and before is not None:
        depths = np.concatenate(
            [
                resample(load_depth_map(before / f"{n:05d}.npy"), *image.shape).inverse_depth.ravel()
                for n, (_, image) in zip(chosen, others, strict=True)
            ]
        )
    step = pixel_step(table, width, height, float(np.sqrt(w_min * w_max)))
    if before is None:
        random = np.random.default_rng(number)
        planes = np.empty((height, width, 3), np.float32)
        planes[..., 0] = random.uniform(w_min, w_max, (height, width))
        planes[..., 1:] = random.uniform(-0.3, 0.3, (height, width, 2)) * step
        start = DepthMap(planes, np.full((height, width), kernels.WORST, np.float32))
    else:
        start = resample(load_depth_map(before / f"{number:05d}.npy"), height, width)
    planes, costs = start.planes.copy(), np.full((height, width), kernels.WORST, np.float32)

    options = kernels.Options()
    options.sources, options.best = len(others), min(settings.best, len(others))
    options.geometric = 0.0
    options.w_min, options.w_max, options.step = w_min, w_max, step
    options.jitter, options.far, options.tries = one.jitter, one.far, one.tries
    near_table, alike = kernels.weight_tables()
    fixed = [on_cpu(grey), on_cpu(texels), on_cpu(depths), table_on_cpu(table), near_table, alike]

    def half_sweep(parity: int, restart: int) -> None:
        wp.launch(
            kernels.sweep, dim=(height, (width + 1) // 2), device="cpu",
            inputs=[*fixed, options, parity, restart, on_cpu(planes, wp.vec3), on_cpu(costs)],
        )  # fmt: skip

    half_sweep(0, 1)
    half_sweep(1, 1)
    coarse = np.ones(costs.shape, bool)  # where the plane came from a coarser level
    if one.geometric > 0 and before is not None:
        coarse = start.score < costs - 0.05  # it was not these pixels that gave the score
        options.geometric = one.geometric
        half_sweep(0, 1)
        half_sweep(1, 1)
    for sweep in range(one.sweeps):
        options.seed = number * 64 + sweep + 1
        half_sweep(0, 0)
        half_sweep(1, 0)
        options.jitter *= 0.6
    # Where a fine patch is too flat to tell, the larger patch of the coarser level told more.
    kept = coarse & (costs > np.maximum(start.score + COARSER_BETTER, UNCERTAIN))
    planes[kept], costs[kept] = start.planes[kept], start.score[kept]
    return DepthMap(planes, costs)


def grey_view(scene: Scene, number: int, folder: Path, scale: int) -> tuple[View, NDArray[np.uint8]]:
    """The view at ``1 / scale`` of the working size with its grey image."""
    view, image = working_view(scene.views[number], folder, number)
    grey: Any = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if scale > 1:
        view = view.resized(-(-max(grey.shape) // scale))
        size = (view.camera.width, view.camera.height)
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return view, np.ascontiguousarray(grey)


def resample(depth: DepthMap, height: int, width: int) -> DepthMap:
    """The map at another image size: each pixel takes the plane of the pixel that it lies in."""
    h, w = depth.score.shape
    if (h, w) == (height, width):
        return depth
    sx, sy = w / width, h / height
    x, y = (np.arange(width) + 0.5) * sx, (np.arange(height) + 0.5) * sy
    column, row = x.astype(int), y.astype(int)
    out = depth.planes[row[:, None], column[None]]
    dx, dy = (x - column - 0.5).astype(np.float32)[None], (y - row - 0.5).astype(np.float32)[:, None]
    out[..., 0] += out[..., 1] * dx + out[..., 2] * dy
    out[..., 1] *= sx
    out[..., 2] *= sy
    return DepthMap(out, depth.score[row[:, None], column[None]])


def pixel_step(table: NDArray[Any], width: int, height: int, w: float) -> float:
    """Change of inverse depth (around ``w``) that moves the image centre by a pixel in the median source."""
    centre = np.array([width / 2, height / 2, 1.0])
    steps = []
    for row in table:
        at, moved = row["A"] @ centre + row["b"] * w, row["A"] @ centre + row["b"] * w * 1.001
        motion = np.linalg.norm(moved[:2] / moved[2] - at[:2] / at[2])
        steps.append(w * 0.001 / max(float(motion), 1e-9))
    return float(np.median(steps))
