"""Surface: a truncated signed distance field over sparse blocks of voxels, and its zero level as a mesh.

Every view adds, to the voxels near what it measured, the distance to the tangent plane that its pixel
sees (after Curless & Levoy 1996; a plane instead of a depth keeps slanted surfaces unbiased). Views that
look through a voxel vote for empty space, which removes floating specks. A light regularisation
(Jacobi steps of a weighted membrane) takes away noise that the measurements do not support; marching
cubes over measured cells only means that nothing unmeasured is invented; voxels in small gaps, with
measured ones on both sides in several directions, are bridged first.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp
import warp.geometry
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from oberih.errors import NoSurface
from oberih.geometry import Mesh, Scene, View
from oberih.geometry.kernels import start_warp
from oberih.geometry.raster import Rasteriser
from oberih.progress import Progress
from oberih.reconstruct import _surface_kernels as kernels
from oberih.reconstruct.depth import working_view
from oberih.reconstruct.depth_maps import DepthMap, load_depth_map, on_cpu
from oberih.reconstruct.holes import close_small_holes

__all__ = ["SurfaceSettings", "extract_surface"]

BITS = 21  # of a coordinate in a packed key
MAX_PLACES = 8_000_000  # pixels looked at to find where the surface is
LEAST_SHOWN = 0.01  # of the photos' pixels, by the whole surface: less is scraps, not a model
LOOKS = 32  # photos that are looked at for that
BATCH = 2048  # blocks per launch: a thread's unit of work


@dataclass(frozen=True)
class SurfaceSettings:
    voxel: float = 1.0  # edge, in pixel footprints at the working size (a low quartile over the cloud)
    truncation: float = 3.0  # voxels
    smoothing: float = 2.0  # weight of the membrane against one well-measured view
    steps: int = 6  # Jacobi steps
    least_weight: float = 0.8  # of the votes for a voxel, in well-measured views
    gap: int = 6  # holes up to about twice this many voxels wide are closed (at most 8)
    rim: int = 24  # holes with at most so many edges are closed on the mesh
    part: float = 0.005  # parts smaller than this share of the largest are dropped
    max_blocks: int = 100_000  # memory bound: the voxel grows until the surface fits


@dataclass(frozen=True)
class Grid:
    """Sparse blocks of 8 x 8 x 8 voxels."""

    origin: NDArray[np.float64]  # (3,)
    size: float  # voxel edge, world units
    blocks: NDArray[np.int32]  # (B, 3), sorted by packed key
    table: NDArray[np.int32]  # (B, 27) index of each neighbour (and itself, 13), -1 where there is none


def extract_surface(
    scene: Scene, depth: Path, fused: Path, settings: SurfaceSettings, progress: Progress
) -> Mesh:
    """The surface through the fused depth maps (``fused/N.npy``), with the images of ``depth`` as colours.

    Vertices carry normal, colour and confidence (0..1: the support of the views that measured there).
    """
    start_warp()
    count = len(scene.views)
    with progress.stage("surface", count * 1.5 + 4) as stage, ThreadPoolExecutor(threads()) as pool:
        views = [working_view(view, depth, number)[0] for number, view in enumerate(scene.views)]
        pixels = sum(view.camera.width * view.camera.height for view in views)
        every = int(np.clip(np.ceil(np.sqrt(pixels / MAX_PLACES)), 2, 6))
        places = [measured_places(view, fused / f"{n:05d}.npy", every) for n, view in enumerate(views)]
        footprint = float(np.percentile(np.concatenate([pixel for _, pixel in places]), 33))
        stage.tick(0.25 * count)
        grid = allocate([points for points, _ in places], footprint * settings.voxel, settings)
        distance = np.zeros((len(grid.blocks), kernels.CELLS), np.float32)
        weight = np.zeros_like(distance)
        field = kernels.Field()
        field.origin, field.size = wp.vec3(*grid.origin), grid.size
        field.truncation = settings.truncation * grid.size
        for number in range(count):
            depth_map = load_depth_map(fused / f"{number:05d}.npy")
            integrate(pool, field, grid, views[number], depth_map, distance, weight)
            stage.tick()
        weight[weight < settings.least_weight] = 0
        np.divide(distance, weight, out=distance, where=weight > 0)
        distance[weight == 0] = 0
        bridge(pool, grid, distance, weight, settings)
        distance = regularise(pool, grid, distance, weight, settings)
        stage.tick(2)
        vertices, faces = zero_level(pool, grid, distance, weight, field.truncation)
        del distance, weight
        vertices, faces = largest_parts(vertices, faces, settings.part)
        if len(faces) == 0:
            raise NoSurface(
                "No connected surface could be made of the points.",
                "Take more photos with more overlap.",
            )
        vertices, faces = close_small_holes(vertices, faces, settings.rim)
        if shown(pool, vertices, faces, views) < LEAST_SHOWN:
            raise NoSurface(
                "The cameras were found, but next to nothing of what the photos show could be measured.",
                "Photograph a textured, matt subject with more overlap (each part in three photos or more), "
                "moving sideways between shots; glass, water and blank walls cannot be measured.",
            )
        stage.tick(2)
        mesh = Mesh(vertices, faces)
        return painted(pool, mesh, scene, depth, fused, 2 * grid.size, lambda: stage.tick(0.25))


def shown(
    pool: ThreadPoolExecutor, vertices: NDArray[np.float32], faces: NDArray[np.int32], views: Sequence[View]
) -> float:
    """Share of the photos' pixels that show the surface: drawn small, into some of them."""
    rasteriser = Rasteriser(vertices, faces)
    some = views[:: -(-len(views) // LOOKS)]
    drawn = pool.map(lambda view: rasteriser.draw(view.resized(160)), some)
    return float(np.mean([raster.covered.mean() for raster in drawn]))


def threads() -> int:
    return len(os.sched_getaffinity(0))


def measured_places(view: View, path: Path, every: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``(N, 3)`` points at every n-th pixel of every n-th row, and ``(N,)`` the size of a pixel there."""
    w = load_depth_map(path).inverse_depth[::every, ::every]
    y, x = np.nonzero(w)
    z, camera = 1 / w[y, x], view.camera
    local = np.stack(
        [(every * x + 0.5 - camera.cx) / camera.fx * z, (every * y + 0.5 - camera.cy) / camera.fy * z, z],
        axis=1,
    )
    points = (local - view.pose.t) @ view.pose.R
    return points.astype(np.float32), (z / np.float32(camera.fx)).astype(np.float32)


def pack(blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(N, 3)`` block coordinates (not negative) as sortable keys."""
    return (blocks[:, 0] << 2 * BITS) | (blocks[:, 1] << BITS) | blocks[:, 2]


def allocate(places: list[NDArray[np.float32]], size: float, settings: SurfaceSettings) -> Grid:
    """Blocks within the truncation of any measured place; the voxel grows until they are few enough."""
    low = np.min([points.min(axis=0) for points in places if len(points)], axis=0).astype(np.float64)
    high = np.max([points.max(axis=0) for points in places if len(points)], axis=0)
    size = max(size, float((high - low).max()) / (1.9 * (1 << BITS)))  # keys must not overflow
    while True:
        edge = 8 * size
        origin = low - 2 * edge
        # a quarter of a block is fine enough to know which blocks the truncation band touches
        cells = np.unique(
            np.concatenate([np.unique(pack(((p - origin) / (edge / 4)).astype(np.int64))) for p in places])
        )
        mask = (1 << BITS) - 1
        corner = np.stack([cells >> 2 * BITS, cells >> BITS & mask, cells & mask], axis=1).astype(np.float64)
        reach = settings.truncation / 8
        keys = []
        for x in (-reach, 0.25 + reach):
            for y in (-reach, 0.25 + reach):
                for z in (-reach, 0.25 + reach):
                    keys.append(np.unique(pack(np.floor(corner / 4 + (x, y, z)).astype(np.int64))))
        found = np.unique(np.concatenate(keys))
        if len(found) <= settings.max_blocks:
            break
        size *= 1.02 * (len(found) / settings.max_blocks) ** 0.5  # blocks grow with area
    blocks = np.stack([found >> 2 * BITS, found >> BITS & mask, found & mask], axis=1)
    table = np.full((len(found), 27), -1, np.int32)
    for n, (dx, dy, dz) in enumerate(np.ndindex(3, 3, 3)):
        wanted = pack(blocks + np.array([dx - 1, dy - 1, dz - 1]))
        at = np.minimum(np.searchsorted(found, wanted), len(found) - 1)
        table[:, n] = np.where(found[at] == wanted, at, -1)
    return Grid(origin, size, blocks.astype(np.int32), table)


def in_batches(pool: ThreadPoolExecutor, count: int, launch: Callable[[int, int], None], batch: int) -> None:
    """``launch(first, size)`` over ``count`` items, batches in parallel."""
    starts = range(0, count, batch)
    list(pool.map(lambda first: launch(first, min(batch, count - first)), starts))


def pinhole(view: View) -> Any:
    camera = kernels.Pinhole()
    camera.R, camera.t = wp.mat33(view.pose.R.ravel()), wp.vec3(*view.pose.t)
    camera.fx, camera.fy = view.camera.fx, view.camera.fy
    camera.cx, camera.cy = view.camera.cx, view.camera.cy
    return camera


def trusts(depth_map: DepthMap, view: View, size: float) -> NDArray[np.float32]:
    """``(H, W)`` weights: support by other views, less for slanted and coarse (far) pixels."""
    planes, support, camera = depth_map.planes, depth_map.score, view.camera
    h, w = support.shape
    x = ((np.arange(w, dtype=np.float32) + 0.5 - camera.cx) / camera.fx)[None]
    y = ((np.arange(h, dtype=np.float32) + 0.5 - camera.cy) / camera.fy)[:, None]
    nx, ny = planes[..., 1] * camera.fx, planes[..., 2] * camera.fy
    nz = planes[..., 0] - nx * x - ny * y
    cosine = planes[..., 0] / np.sqrt((nx * nx + ny * ny + nz * nz) * (x * x + y * y + 1) + 1e-30)
    fineness = np.minimum(size * camera.fx * planes[..., 0], 1.5)
    out: NDArray[np.float32] = np.minimum(support / 2, 2) * cosine * fineness * fineness
    return np.ascontiguousarray(out, np.float32)


def integrate(
    pool: ThreadPoolExecutor, field: Any, grid: Grid, view: View, depth_map: DepthMap,
    distance: NDArray[np.float32], weight: NDArray[np.float32],
) -> None:  # fmt: skip
    """Add the fused ``depth_map`` of ``view`` to the field."""
    trust = trusts(depth_map, view, grid.size)
    centre = grid.origin + grid.size * (8.0 * grid.blocks + 3.5)
    px, z = view.project(centre)
    margin = 7 * grid.size * view.camera.fx / np.maximum(z, 1e-9)
    near = z > 7 * grid.size
    inside = (px[:, 0] > -margin) & (px[:, 0] < view.camera.width + margin)
    inside &= (px[:, 1] > -margin) & (px[:, 1] < view.camera.height + margin)
    visible = np.flatnonzero(near & inside).astype(np.int32)
    fixed = [on_cpu(grid.blocks, wp.vec3i), on_cpu(visible)]
    rest = [pinhole(view), on_cpu(depth_map.planes, wp.vec3), on_cpu(trust), on_cpu(distance), on_cpu(weight)]
    in_batches(
        pool, len(visible),
        lambda first, size: wp.launch(
            kernels.integrate, dim=(size, kernels.CELLS), device="cpu", inputs=[field, *fixed, first, *rest]
        ), BATCH,
    )  # fmt: skip


def bridge(
    pool: ThreadPoolExecutor, grid: Grid, data: NDArray[np.float32], weight: NDArray[np.float32],
    settings: SurfaceSettings,
) -> None:  # fmt: skip
    """Give the unmeasured voxels of small gaps a first value; their weight becomes -1."""
    half = [
        d for d in np.ndindex(3, 3, 3) if d > (1, 1, 1)
    ]  # 13 directions; the other 13 are their opposites
    directions = np.array(half, np.int32) - 1
    mark = np.zeros(weight.shape, np.uint8)
    filled = np.zeros(weight.shape, np.float32)
    fixed = [on_cpu(directions, wp.vec3i), settings.gap, 3]
    arrays = [on_cpu(a) for a in (data, weight, filled, mark)]
    in_batches(
        pool, len(grid.blocks),
        lambda first, size: wp.launch(
            kernels.bridge, dim=(size, kernels.CELLS), device="cpu",
            inputs=[on_cpu(grid.table), first, *fixed, *arrays],
        ), BATCH,
    )  # fmt: skip
    bridged = mark > 0
    data[bridged] = filled[bridged]
    weight[bridged] = -1


def regularise(
    pool: ThreadPoolExecutor, grid: Grid, data: NDArray[np.float32], weight: NDArray[np.float32],
    settings: SurfaceSettings,
) -> NDArray[np.float32]:  # fmt: skip
    """The field that is smooth where it was measured weakly and faithful where it was measured well."""
    before, after = data.copy(), np.empty_like(data)
    table = on_cpu(grid.table)
    for _ in range(settings.steps):
        arrays = [on_cpu(a) for a in (data, weight, before, after)]
        in_batches(
            pool, len(grid.blocks),
            lambda first, size, arrays=arrays: wp.launch(  # type: ignore[misc]
                kernels.smooth, dim=(size, kernels.CELLS), device="cpu",
                inputs=[table, first, settings.smoothing, *arrays],
            ), BATCH,
        )  # fmt: skip
        before, after = after, before
    return before


def zero_level(
    pool: ThreadPoolExecutor, grid: Grid, distance: NDArray[np.float32], weight: NDArray[np.float32],
    truncation: float,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:  # fmt: skip
    """Marching cubes over the cells whose corners were all measured: vertices (world) and faces."""
    flags = np.zeros(distance.shape, np.uint8)
    table, values, weights = on_cpu(grid.table), on_cpu(distance), on_cpu(weight)
    in_batches(
        pool, len(grid.blocks),
        lambda first, size: wp.launch(
            kernels.crossing, dim=(size, kernels.CELLS), device="cpu",
            inputs=[table, values, weights, first, 0.98 * truncation, on_cpu(flags)],
        ), BATCH,
    )  # fmt: skip
    cells = np.flatnonzero(flags).astype(np.int32)
    if len(cells) == 0:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    position, corner_values = np.zeros((len(cells), 3), np.int32), np.zeros((len(cells), 8), np.float32)
    offsets = np.array(wp.geometry.IsoSurfaceMarchingCubes.CUBE_CORNER_OFFSETS, np.int32)
    wp.launch(
        kernels.corners, dim=len(cells), device="cpu",
        inputs=[table, on_cpu(grid.blocks, wp.vec3i), values, on_cpu(cells), on_cpu(offsets, wp.vec3i),
                on_cpu(position, wp.vec3i), on_cpu(corner_values)],
    )  # fmt: skip
    low = position.min(axis=0)  # small numbers keep float precision
    vertices, indices = wp.geometry.sparse_marching_cubes_from_cells(
        position - low, corner_values, cell_width=1.0, threshold=0.0, device="cpu"
    )
    world = grid.origin + grid.size * (vertices.numpy().astype(np.float64) + low)
    faces = indices.numpy().reshape(-1, 3).astype(np.int32)
    return world.astype(np.float32), faces


def largest_parts(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], share: float
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Only the connected parts with at least ``share`` of the faces of the largest; vertices compacted."""
    if len(faces) == 0:
        return vertices, faces
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    graph = coo_matrix((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(len(vertices),) * 2)
    part = connected_components(graph, directed=False)[1][faces[:, 0]]
    size = np.bincount(part)
    kept = faces[size[part] >= max(share * size.max(), 50)]
    used = np.zeros(len(vertices), bool)
    used[kept] = True
    return vertices[used], (np.cumsum(used) - 1).astype(np.int32)[kept]


def painted(
    pool: ThreadPoolExecutor, mesh: Mesh, scene: Scene, depth: Path, fused: Path, tolerance: float,
    tick: Callable[[], None],
) -> Mesh:  # fmt: skip
    """``mesh`` with normals, and colours and confidence from the views that measured each vertex."""
    normals = mesh.vertex_normals()
    count = len(mesh.vertices)
    colour = np.zeros((count, 3), np.float32)
    weight, seen = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for number, full in enumerate(scene.views):
        view, image = working_view(full, depth, number)
        depth_map = load_depth_map(fused / f"{number:05d}.npy")
        inputs = [
            on_cpu(mesh.vertices, wp.vec3), on_cpu(normals, wp.vec3), pinhole(view), tolerance,
            on_cpu(depth_map.planes, wp.vec3), on_cpu(depth_map.score), on_cpu(image),
        ]  # fmt: skip
        outputs = [on_cpu(colour, wp.vec3), on_cpu(weight), on_cpu(seen)]

        def launch(first: int, size: int, inputs: list[Any] = inputs, outputs: list[Any] = outputs) -> None:
            wp.launch(kernels.paint, dim=size, device="cpu", inputs=[*inputs, first, *outputs])

        in_batches(pool, count, launch, 1 << 17)
        tick()
    mean = np.divide(colour, weight[:, None], out=np.full_like(colour, 128), where=weight[:, None] > 0)
    if (weight > 0).any() and (weight == 0).any():  # bridged: the colour of the nearest measured vertex
        nearest = cKDTree(mesh.vertices[weight > 0]).query(mesh.vertices[weight == 0], workers=-1)[1]
        mean[weight == 0] = mean[weight > 0][nearest]
    support = np.divide(weight, seen, out=np.zeros_like(weight), where=seen > 0)
    confidence = np.minimum(support / 4, 1) * np.minimum(seen / 3, 1)
    return Mesh(
        mesh.vertices, mesh.faces, normals, np.clip(np.rint(mean), 0, 255).astype(np.uint8),
        confidence.astype(np.float32),
    )  # fmt: skip
