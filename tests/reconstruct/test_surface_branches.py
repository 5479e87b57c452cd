"""The kernels of the distance field with turned cameras and many blocks, against slow NumPy references.

Single precision may decide otherwise than double at a threshold or at a pixel's edge, hence the shares.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import warp as wp

from oberih.geometry import View
from oberih.reconstruct import _surface_kernels as surface
from oberih.reconstruct.depth_maps import on_cpu
from oberih.reconstruct.surface import pinhole
from synthetic import arc, backproject, look_at


def turned_view() -> View:
    """A camera that is turned about all axes, with unlike focal lengths and an off-centre principal point."""
    view = replace(arc(1, width=60, height=40)[0], pose=look_at((0.4, -1.8, 1.1), (0, 0, 0.2)))
    roll = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    pose = replace(view.pose, R=roll @ view.pose.R, t=roll @ view.pose.t)
    return replace(view, camera=replace(view.camera, fx=14.0, fy=12.0, cx=27.0, cy=22.5), pose=pose)


def test_a_turned_camera_adds_distances_and_votes_for_empty_space() -> None:
    view, size, truncation = turned_view(), 0.06, 0.3
    rng = np.random.default_rng(8)
    planes = rng.normal(0, 0.002, (40, 60, 3))
    planes[..., 0] = rng.uniform(0.3, 1.5, (40, 60))
    rays = np.stack(np.meshgrid((np.arange(60) - 26.5) / 14, (np.arange(40) - 22) / 12), axis=-1)
    facing = planes[..., :1] * rays / (1 + (rays**2).sum(axis=-1, keepdims=True)) / (14, 12)
    planes[..., 1:] += facing  # nearly at right angles to the rays: nearer than along z
    planes[::4, :, 1:] = rng.normal(0, 0.04, (10, 60, 2))  # anyhow
    planes[::3] = (0.02, 0.1, -0.05)  # so far and steep that the horizon runs through the pixel
    planes[..., 0] *= rng.choice([0, 1], (40, 60), p=[0.1, 0.9])
    planes, weights = planes.astype(np.float32), rng.uniform(0.5, 2, (40, 60)).astype(np.float32)
    blocks = np.array([(-1, -3, 2), (1, -1, 0), (0, 1, -1), (0, -8, 1), (2, -3, 0), (0, -1, 0)], np.int32)
    visible, first = np.array([9, 5, 0, 4, 3, 1], np.int32), 1  # batch: all but the first; 2 is left out
    origin = np.array([-0.1, 0.05, 0.0])
    field = surface.Field()
    field.origin, field.size, field.truncation = wp.vec3(*origin), size, truncation
    before = rng.uniform(-1, 1, (2, 6, 512)).astype(np.float32)
    distance, weight = before.copy()
    wp.launch(
        surface.integrate, dim=(5, 512), device="cpu",
        inputs=[field, on_cpu(blocks, wp.vec3i), on_cpu(visible), first, pinhole(view),
                on_cpu(planes, wp.vec3), on_cpu(weights), on_cpu(distance), on_cpu(weight)],
    )  # fmt: skip

    kinds = dict.fromkeys(("near", "behind", "empty", "oblique", "horizon", "hidden"), 0)
    expected = before.astype(float)
    for b in (5, 0, 4, 3, 1):
        for voxel, ijk in enumerate(np.ndindex(8, 8, 8)):
            point = origin + size * (8 * blocks[b] + ijk)
            px, z = view.project(point[None])
            u, v = px[0]
            if z[0] <= 0 or not (0 <= u < 60 and 0 <= v < 40) or planes[int(v), int(u), 0] <= 0:
                continue
            h = planes[int(v), int(u)].astype(float)
            w = h[0] + h[1] * (u - int(u) - 0.5) + h[2] * (v - int(v) - 0.5)
            # inverse depth m . (x, y, 1) in pixels is the plane (K^T m) . X = 1 before the camera
            normal = view.camera.K.T @ np.array([h[1], h[2], w - h[1] * u - h[2] * v])
            d = (1 - normal @ view.pose.apply(point[None])[0]) / np.linalg.norm(normal)
            trust, kind = float(weights[int(v), int(u)]), "near"
            if d > truncation:  # in front by more: a vote for empty space, if it is so in depth as well
                kind = "horizon" if w < 0 else "oblique" if 1 / w - z[0] < truncation else "empty"
                d, trust = truncation, trust / 2 if kind == "empty" else 0
            elif d < -truncation:
                trust, kind = 0, "hidden"
            elif d < 0:
                trust, kind = trust * (1 + 0.9 * d / truncation), "behind"
            kinds[kind] += 1
            expected[:, b, voxel] += trust * d, trust
    assert min(kinds.values()) > 25, kinds
    same = np.isclose([distance, weight], expected, atol=2e-3).all(axis=0)
    assert same.mean() > 0.999


def test_points_are_painted_by_a_turned_camera_that_faces_them() -> None:
    view, tolerance, count, first = turned_view(), 0.1, 1500, 100
    rng = np.random.default_rng(9)
    planes = np.zeros((40, 60, 3), np.float32)
    planes[..., 0] = rng.uniform(0.4, 0.8, (40, 60)) * rng.choice([0, 1], (40, 60), p=[0.1, 0.9])
    weights = rng.uniform(0.5, 2, (40, 60)).astype(np.float32)
    image = rng.integers(0, 256, (40, 60, 3)).astype(np.uint8)
    x, y = rng.uniform(-3, 63, count), rng.uniform(-3, 43, count)
    w = planes[np.clip(y.astype(int), 0, 39), np.clip(x.astype(int), 0, 59), 0]
    z = 1 / np.where(w > 0, w, 0.5) + rng.uniform(-0.15, 0.15, count)
    z[::20] *= -1  # behind the camera
    points = backproject(view, np.stack([x, y], axis=1), z).astype(np.float32)
    normals = view.pose.centre - points  # towards the camera; then turned by nearly a right angle or anyhow
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    across = np.cross(normals, rng.normal(0, 1, (count, 3)))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    grazing = rng.random((count, 1)) < 0.5
    cosines = np.where(grazing, rng.uniform(0, 0.1, (count, 1)), rng.uniform(-1, 1, (count, 1)))
    normals = (cosines * normals + np.sqrt(1 - cosines**2) * across).astype(np.float32)
    before = rng.uniform(0, 1, (5, count)).astype(np.float32)
    colour, weight, seen = np.ascontiguousarray(before[:3].T), before[3].copy(), before[4].copy()
    wp.launch(
        surface.paint, dim=count - first, device="cpu",
        inputs=[on_cpu(points, wp.vec3), on_cpu(normals, wp.vec3), pinhole(view), tolerance,
                on_cpu(planes, wp.vec3), on_cpu(weights), on_cpu(image), first,
                on_cpu(colour, wp.vec3), on_cpu(weight), on_cpu(seen)],
    )  # fmt: skip
    expected, painted = before.T.astype(float), 0
    for n in range(first, count):
        px, depth = view.project(points[n : n + 1].astype(float))
        u, v = px[0]
        if depth[0] > 0 and 0 <= u < 60 and 0 <= v < 40 and planes[int(v), int(u), 0] > 0:
            there = 1 / float(planes[int(v), int(u), 0])
            towards = view.pose.centre - points[n]
            cosine = float(normals[n] @ towards / np.linalg.norm(towards))
            if abs(there - depth[0]) <= tolerance and cosine > 0.05:
                trust = weights[int(v), int(u)] * cosine
                expected[n] += *(trust * image[int(v), int(u)].astype(float)), trust, 1
                painted += 1
    found = np.column_stack([colour, weight, seen])
    assert np.isclose(found, expected, rtol=1e-4, atol=1e-3).all(axis=1).mean() > 0.998
    assert 200 < painted < 1000


class Blocks:
    """27 blocks less three, in no order, and the same voxels as one dense grid with nothing around it."""

    def __init__(self, rng: np.random.Generator) -> None:
        everywhere = np.array(list(np.ndindex(3, 3, 3)))
        self.blocks = np.delete(rng.permutation(everywhere), [4, 11, 20], axis=0).astype(np.int32)
        number = {tuple(block): n for n, block in enumerate(self.blocks.tolist())}
        self.table = np.array(
            [[number.get(tuple(b + d - 1), -1) for d in everywhere] for b in self.blocks], np.int32
        )

    def dense(self, values: np.ndarray) -> np.ndarray:
        """``(B, 512)`` values to ``(40, 40, 40)``: 24 voxels along an edge and a margin of 8, zero."""
        grid = np.zeros((40, 40, 40), values.dtype)
        for (i, j, k), block in zip(8 * self.blocks + 8, values, strict=True):
            grid[i : i + 8, j : j + 8, k : k + 8] = block.reshape(8, 8, 8)
        return grid

    def sparse(self, grid: np.ndarray) -> np.ndarray:
        """The inverse of `dense`."""
        return np.stack(
            [grid[i : i + 8, j : j + 8, k : k + 8].ravel() for i, j, k in (8 * self.blocks + 8).tolist()]
        )

    def launch(self, kernel: Any, before: list[Any], after: list[Any]) -> None:
        """In two batches, as `surface.in_batches` does."""
        for first, count in (0, 10), (10, 14):
            wp.launch(kernel, dim=(count, 512), device="cpu", inputs=[*before, first, *after])


def moved(grid: np.ndarray, by: Any) -> np.ndarray:
    """The grid in which every voxel holds what lies ``by`` further on."""
    return np.roll(grid, [-int(n) for n in by], axis=(0, 1, 2))


def some_blocks(measured: float, seed: int) -> tuple[Blocks, np.ndarray, np.ndarray]:
    """Blocks, values (multiples of 1/8), weights: 0 where nothing was measured, -1 for what was bridged."""
    rng = np.random.default_rng(seed)
    blocks = Blocks(rng)
    share = [1 - measured, measured * 0.4, measured * 0.3, measured * 0.3]
    weight = rng.choice([0, 1, 2, -1], (24, 512), p=share).astype(np.float32)
    data = (rng.integers(-12, 13, (24, 512)) / 8).astype(np.float32)
    data[weight == 0] = 0
    return blocks, data, weight


def test_smoothing_spans_blocks_and_bridged_voxels_have_no_data() -> None:
    blocks, data, weight = some_blocks(0.7, 1)
    before = data + np.random.default_rng(2).normal(0, 0.1, data.shape).astype(np.float32)
    before[weight == 0] = 0.5  # nothing may come from there
    after, prior = np.full_like(data, 9), 0.5
    blocks.launch(surface.smooth, [on_cpu(blocks.table)],
                  [prior, *(on_cpu(a) for a in (data, weight, before, after))])  # fmt: skip
    f, w, now = (blocks.dense(a.astype(float)) for a in (data, weight, before))
    total, mass = np.maximum(w, 0) * f, np.maximum(w, 0)
    for side in [*np.eye(3), *-np.eye(3)]:
        there = moved(w, side) != 0
        total += np.where(there, prior * moved(now, side), 0)
        mass += prior * there
    # bridged with nothing next door: not a number, which no voxel or cell reads, as they all need a neighbour
    expected = np.where(w == 0, now, np.divide(total, mass, out=np.full_like(total, np.nan), where=mass > 0))
    np.testing.assert_allclose(after, blocks.sparse(expected), atol=1e-5)


@pytest.mark.parametrize(("reach", "measured"), [(2, 0.4), (8, 0.1)])
def test_bridges_span_blocks(reach: int, measured: float) -> None:
    blocks, data, weight = some_blocks(measured, reach)
    directions = np.array([d for d in np.ndindex(3, 3, 3) if d > (1, 1, 1)], np.int32) - 1
    filled, mark = np.full_like(data, 9), np.full(data.shape, 9, np.uint8)
    blocks.launch(surface.bridge, [on_cpu(blocks.table)],
                  [on_cpu(directions, wp.vec3i), reach, 3, *(on_cpu(a) for a in (data, weight, filled, mark))])  # fmt: skip  # noqa: E501
    f, w = (blocks.dense(a.astype(float)) for a in (data, weight))
    found, total, mass = np.zeros(f.shape, int), np.zeros_like(f), np.zeros_like(f)
    for direction in directions:
        nearest = np.zeros((2, *f.shape))  # how far away something was measured; 0: nowhere
        value = np.zeros((2, *f.shape))
        for side in (0, 1):
            for r in range(reach, 0, -1):
                there = moved(w, (1, -1)[side] * r * direction) > 0
                nearest[side][there] = r
                value[side][there] = moved(f, (1, -1)[side] * r * direction)[there]
        both = (nearest > 0).all(axis=0)
        found += both
        for side in (0, 1):
            total[both] += (value[side] / np.maximum(nearest[side], 1))[both]
            mass[both] += (1 / np.maximum(nearest[side], 1))[both]
    bridged = blocks.sparse((found >= 3) & (w <= 0))
    np.testing.assert_array_equal(mark, bridged)
    assert 0.05 < bridged.mean() < 0.9
    mean = blocks.sparse(np.divide(total, mass, out=np.zeros_like(f), where=mass > 0))
    np.testing.assert_allclose(filled, np.where(bridged, mean, 9), atol=1e-5)


def test_cells_that_cross_the_surface_span_blocks_and_take_their_corners_along() -> None:
    blocks, data, weight = some_blocks(0.97, 3)
    flags = np.full(data.shape, 9, np.uint8)
    fixed = [on_cpu(a) for a in (blocks.table, data, weight)]
    blocks.launch(surface.crossing, fixed, [1.25, on_cpu(flags)])
    f, w = blocks.dense(data), blocks.dense(weight)
    corners = np.array(list(np.ndindex(2, 2, 2)))
    good = np.all([(moved(w, c) != 0) & (abs(moved(f, c)) <= 1.25) for c in corners], axis=0)
    inside = np.sum([moved(f, c) < 0 for c in corners], axis=0)
    crossed = good & (inside > 0) & (inside < 8)
    np.testing.assert_array_equal(flags, blocks.sparse(crossed))
    assert 0.02 < flags.mean() < 0.9

    cells = np.flatnonzero(flags).astype(np.int32)
    offsets = np.random.default_rng(5).permutation(corners).astype(np.int32)
    position, values = np.zeros((len(cells), 3), np.int32), np.zeros((len(cells), 8), np.float32)
    wp.launch(
        surface.corners, dim=len(cells), device="cpu",
        inputs=[on_cpu(blocks.table), on_cpu(blocks.blocks, wp.vec3i), on_cpu(data), on_cpu(cells),
                on_cpu(offsets, wp.vec3i), on_cpu(position, wp.vec3i), on_cpu(values)],
    )  # fmt: skip
    assert {tuple(p) for p in (position + 8).tolist()} == {tuple(p) for p in np.argwhere(crossed).tolist()}
    np.testing.assert_array_equal(values, [[f[tuple(p + o + 8)] for o in offsets] for p in position])
