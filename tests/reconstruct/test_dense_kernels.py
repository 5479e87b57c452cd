"""The kernels of fusion and surface against obvious NumPy versions of themselves."""

import numpy as np
import warp as wp

from oberih.reconstruct import _fusion_kernels as fusion
from oberih.reconstruct import _surface_kernels as surface
from oberih.reconstruct.depth_maps import on_cpu, source_table, table_on_cpu
from synthetic import Shot

PIXELS, RELATIVE, LEAST = 1.0, 0.004, 0.4


def maps(shots: list[Shot], noise: float) -> list[np.ndarray]:
    """Inverse-depth planes of each view, slightly wrong and slightly tilted; 0 for the sky."""
    rng = np.random.default_rng(5)
    found = []
    for shot in shots:
        planes = np.zeros((*shot.depth.shape, 3), np.float32)
        w = np.divide(1, shot.depth, out=np.zeros_like(shot.depth), where=shot.depth > 0)
        planes[..., 0] = w * rng.normal(1, noise, w.shape)
        planes[..., 1:] = w[..., None] * rng.normal(0, 1e-4, (*w.shape, 2))
        found.append(planes)
    return found


def expected_agreement(
    shots: list[Shot], planes: list[np.ndarray], row: int, column: int
) -> tuple[float, float]:
    """Fused inverse depth and support of one pixel of the first view, by projecting in the world frame."""
    view, w = shots[0].view, float(planes[0][row, column, 0])
    if w <= 0:
        return 0.0, 0.0
    x = np.array([column + 0.5, row + 0.5, 1.0])
    ray = np.linalg.inv(view.camera.K) @ x
    point = view.pose.R.T @ (ray / w - view.pose.t)
    weights, depths, looking = [1.0], [1 / w], 0
    for shot, other in zip(shots[1:], planes[1:], strict=True):
        px, z = shot.view.project(point[None])
        (u, v), depth = px[0], z[0]
        if depth <= 0 or not (1 < u < shot.view.camera.width - 1 and 1 < v < shot.view.camera.height - 1):
            continue
        looking += 1
        q = other[int(v), int(u)].astype(np.float64)
        ws = q[0] + q[1] * (u - int(u) - 0.5) + q[2] * (v - int(v) - 0.5)
        if q[0] <= 0 or ws <= 0:
            continue
        R, t, K = shot.view.pose.R, shot.view.pose.t, shot.view.camera.K
        there = R.T @ (np.linalg.inv(K) @ [u, v, 1] / ws - t)
        back, _ = view.project(there[None])
        e2 = float(((back[0] - x[:2]) ** 2).sum()) / PIXELS**2
        normal = R.T @ K.T @ np.array([q[1], q[2], ws - q[1] * u - q[2] * v])  # n . (X - C) = 1
        centre = -R.T @ t
        along = (1 - normal @ (view.pose.centre - centre)) / (normal @ (view.pose.R.T @ ray))
        r = max(abs(depth * ws - 1), abs(along * w - 1)) / RELATIVE
        if e2 < 4 and r < 2:
            weights.append(float(np.exp(-e2 - r * r)))
            depths.append(along)
    if sum(weights) - 1 < LEAST * min(1, 0.2 * (looking + 1)):
        return 0.0, 0.0
    return 1 / float(np.average(depths, weights=weights)), sum(weights) - 1


def test_agreement_is_the_weighted_mean_of_what_others_see(small_shots: list[Shot]) -> None:
    shots = small_shots[:3]
    planes = maps(shots, 0.001)
    table = source_table(shots[0].view, [shot.view for shot in shots[1:]])
    size = shots[0].depth.shape
    fused, support, spread = (np.zeros(size, np.float32) for _ in range(3))
    wp.launch(
        fusion.agree, dim=size, device="cpu",
        inputs=[on_cpu(planes[0], wp.vec3), on_cpu(np.zeros(size, np.float32)), 1.0, table_on_cpu(table),
                on_cpu(np.concatenate([p.reshape(-1, 3) for p in planes[1:]]), wp.vec3),
                on_cpu(np.zeros(2 * size[0] * size[1], np.float32)), PIXELS, RELATIVE, LEAST,
                on_cpu(fused), on_cpu(support), on_cpu(spread)],
    )  # fmt: skip
    right = kept = 0
    for row, column in np.random.default_rng(0).integers(5, np.array(size) - 5, (300, 2)):
        w, s = expected_agreement(shots, planes, row, column)
        same = np.isclose(fused[row, column], w, rtol=1e-4) and np.isclose(support[row, column], s, atol=0.02)
        right += bool(same)
        kept += w > 0
    assert right >= 297 and kept > 100  # single precision decides otherwise at a threshold or a pixel's edge


def test_a_place_is_claimed_by_the_view_with_the_finest_pixels(small_shots: list[Shot]) -> None:
    shots = small_shots[:2]
    w = [np.ascontiguousarray(planes[..., 0]) for planes in maps(shots, 0.001)]
    (first, second), size = (shot.view for shot in shots), w[0].shape
    mine = np.zeros(size, np.uint8)
    wp.launch(
        fusion.claim, dim=size, device="cpu",
        inputs=[on_cpu(w[0]), 1 / first.camera.fx, table_on_cpu(source_table(first, [second])),
                on_cpu(w[1].ravel()), on_cpu(np.array([1 / second.camera.fx], np.float32)), RELATIVE,
                on_cpu(mine)],
    )  # fmt: skip
    right = 0
    for row, column in np.random.default_rng(1).integers(0, np.array(size), (300, 2)):
        here = w[0][row, column]
        claimed = here > 0
        if claimed:
            local = np.linalg.inv(first.camera.K) @ [column + 0.5, row + 0.5, 1] / here
            px, z = second.project((first.pose.R.T @ (local - first.pose.t))[None])
            u, v = px[0]
            if z[0] > 0 and 0 <= u < second.camera.width and 0 <= v < second.camera.height:
                there = w[1][int(v), int(u)]
                same = there > 0 and abs(z[0] * there - 1) < RELATIVE
                claimed = not (same and z[0] / second.camera.fx < 1 / here / first.camera.fx)
        right += mine[row, column] == claimed
    assert right >= 297 and 0 < mine.mean() < 1


def plane_block(size: float) -> tuple[surface.Field, surface.Pinhole, np.ndarray, np.ndarray]:
    """A block of voxels before a camera that sees a tilted plane; planes and weights of its pixels."""
    field, camera = surface.Field(), surface.Pinhole()
    field.origin, field.size, field.truncation = wp.vec3(-0.2, -0.2, 1.8), size, 3 * size
    camera.R, camera.t = wp.mat33(np.eye(3).ravel()), wp.vec3(0.0, 0.0, 0.0)
    camera.fx = camera.fy = 80.0
    camera.cx = camera.cy = 40.0
    y, x = np.mgrid[0:80, 0:80] + 0.5
    slope = np.array([0.001, -0.0005])
    planes = np.stack(
        [
            0.5 + slope[0] * (x - 40) + slope[1] * (y - 40),
            np.full_like(x, slope[0]),
            np.full_like(x, slope[1]),
        ],
        -1,
    ).astype(np.float32)
    return field, camera, planes, np.full((80, 80), 2, np.float32)


def test_voxels_hold_the_distance_to_the_plane_that_was_seen() -> None:
    field, camera, planes, weights = plane_block(0.05)
    distance, weight = np.zeros((1, 512), np.float32), np.zeros((1, 512), np.float32)
    wp.launch(
        surface.integrate, dim=(1, 512), device="cpu",
        inputs=[field, on_cpu(np.zeros((1, 3), np.int32), wp.vec3i), on_cpu(np.zeros(1, np.int32)), 0, camera,
                on_cpu(planes, wp.vec3), on_cpu(weights), on_cpu(distance), on_cpu(weight)],
    )  # fmt: skip
    ijk = np.stack(np.unravel_index(np.arange(512), (8, 8, 8)), axis=1)
    point = np.array([-0.2, -0.2, 1.8]) + 0.05 * ijk
    normal = np.array([0.001 * 80, -0.0005 * 80, 0.5])  # inverse depth at the axis 0.5: the plane n . X = 1
    true = (1 - point @ normal) / np.linalg.norm(normal)
    near = np.abs(true) < 0.14
    assert near.sum() > 100
    np.testing.assert_allclose((distance / np.maximum(weight, 1e-9))[0][near], true[near], atol=1e-4)
    behind = true < -0.16
    assert behind.any() and (weight[0][behind] == 0).all()
    expected = np.where(true < 0, 2 * (1 + 0.9 * true / 0.15), 2)
    np.testing.assert_allclose(weight[0][near], expected[near], rtol=1e-3)


def test_smoothing_crossing_and_bridging_do_what_they_say_in_a_dense_grid() -> None:
    rng = np.random.default_rng(2)
    data = rng.normal(0, 1, (1, 512)).astype(np.float32)
    weight = rng.choice([0, 1, 2], (1, 512), p=[0.3, 0.4, 0.3]).astype(np.float32)
    data[weight == 0] = 0
    table = np.full((1, 27), -1, np.int32)
    table[0, 13] = 0
    after, flags = np.zeros_like(data), np.zeros((1, 512), np.uint8)
    filled, mark = np.zeros_like(data), np.zeros((1, 512), np.uint8)
    directions = np.array([d for d in np.ndindex(3, 3, 3) if d > (1, 1, 1)], np.int32) - 1
    fixed = [on_cpu(data), on_cpu(weight)]
    wp.launch(surface.smooth, dim=(1, 512), device="cpu",
              inputs=[on_cpu(table), 0, 0.5, *fixed, on_cpu(data), on_cpu(after)])  # fmt: skip
    wp.launch(surface.crossing, dim=(1, 512), device="cpu",
              inputs=[on_cpu(table), *fixed, 0, 1.5, on_cpu(flags)])  # fmt: skip
    wp.launch(surface.bridge, dim=(1, 512), device="cpu",
              inputs=[on_cpu(table), 0, on_cpu(directions, wp.vec3i), 2, 3, *fixed, on_cpu(filled), on_cpu(mark)])  # fmt: skip  # noqa: E501
    f, w = data.reshape(8, 8, 8), weight.reshape(8, 8, 8)
    inside = lambda p: all(0 <= i < 8 for i in p)  # noqa: E731
    for p in np.ndindex(8, 8, 8):
        sides = [tuple(np.add(p, s)) for s in [*np.eye(3, dtype=int), *-np.eye(3, dtype=int)]]
        known = [f[q] for q in sides if inside(q) and w[q] > 0]
        smooth = (w[p] * f[p] + 0.5 * sum(known)) / (w[p] + 0.5 * len(known)) if w[p] > 0 else f[p]
        assert np.isclose(after.reshape(8, 8, 8)[p], smooth, atol=1e-5)
        cube = [tuple(np.add(p, c)) for c in np.ndindex(2, 2, 2)]
        good = all(inside(q) and w[q] > 0 and abs(f[q]) <= 1.5 for q in cube)
        crossed = good and 0 < sum(f[q] < 0 for q in cube) < 8
        assert flags.reshape(8, 8, 8)[p] == crossed
        values, shares, found = 0.0, 0.0, 0
        for d in directions if w[p] == 0 else []:
            ends = []
            for sign in (-1, 1):
                steps = [(r, tuple(np.add(p, sign * r * d))) for r in (1, 2)]
                ends += [(r, q) for r, q in steps if inside(q) and w[q] > 0][:1]
            if len(ends) == 2:
                found += 1
                values += sum(f[q] / r for r, q in ends)
                shares += sum(1 / r for r, _ in ends)
        assert mark.reshape(8, 8, 8)[p] == (found >= 3)
        if found >= 3:
            assert np.isclose(filled.reshape(8, 8, 8)[p], values / shares, atol=1e-5)


def test_cells_get_their_place_and_their_corners() -> None:
    values = np.arange(512, dtype=np.float32)[None]
    table = np.full((1, 27), -1, np.int32)
    table[0, 13] = 0
    cells = np.array([0, 73, 200], np.int32)
    offsets = np.array([(i, j, k) for k in (0, 1) for j in (0, 1) for i in (0, 1)], np.int32)
    position, corners = np.zeros((3, 3), np.int32), np.zeros((3, 8), np.float32)
    wp.launch(
        surface.corners, dim=3, device="cpu",
        inputs=[on_cpu(table), on_cpu(np.array([[2, 0, 1]], np.int32), wp.vec3i), on_cpu(values),
                on_cpu(cells), on_cpu(offsets, wp.vec3i), on_cpu(position, wp.vec3i), on_cpu(corners)],
    )  # fmt: skip
    grid = values.reshape(8, 8, 8)
    for n, cell in enumerate(cells):
        at = np.array(np.unravel_index(cell, (8, 8, 8)))
        np.testing.assert_array_equal(position[n], at + np.array([16, 0, 8]))
        assert corners[n].tolist() == [grid[tuple(at + o)] for o in offsets]


def test_points_take_the_colour_that_was_measured_there() -> None:
    _, camera, planes, weights = plane_block(0.05)
    image = np.random.default_rng(4).integers(0, 255, (80, 80, 3)).astype(np.uint8)
    pixels = np.array([[10, 20], [40, 40], [70, 5]])
    z = 1 / planes[pixels[:, 0], pixels[:, 1], 0]
    ray = np.stack([(pixels[:, 1] - 39.5) / 80, (pixels[:, 0] - 39.5) / 80, np.ones(3)], axis=1)
    points = (ray * z[:, None]).astype(np.float32)
    points[2] *= 0.8  # in front of what was measured: not painted
    normals = np.tile(np.array([0, 0, -1], np.float32), (3, 1))
    colour, weight, seen = np.zeros((3, 3), np.float32), np.zeros(3, np.float32), np.zeros(3, np.float32)
    wp.launch(
        surface.paint, dim=3, device="cpu",
        inputs=[on_cpu(points, wp.vec3), on_cpu(normals, wp.vec3), camera, 0.05, on_cpu(planes, wp.vec3),
                on_cpu(weights), on_cpu(image), 0, on_cpu(colour, wp.vec3), on_cpu(weight), on_cpu(seen)],
    )  # fmt: skip
    cosine = 1 / np.linalg.norm(ray, axis=1)
    np.testing.assert_allclose(weight, [2 * cosine[0], 2 * cosine[1], 0], rtol=1e-4)
    np.testing.assert_allclose(colour[:2] / weight[:2, None], image[pixels[:2, 0], pixels[:2, 1]], rtol=1e-4)
    assert seen.tolist() == [1, 1, 0]
