"""Propagation, refinement, geometric consistency and fusion's limits against slow NumPy references.

References project through the world frame, as `View.project` does, and follow what the docstrings say.
Single precision may decide otherwise than double at a threshold or at a pixel's edge, hence the shares.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import warp as wp

from oberih.geometry import View
from oberih.reconstruct import _fusion_kernels as fusion
from oberih.reconstruct import _patchmatch as matching
from oberih.reconstruct.depth import pixel_step
from oberih.reconstruct.depth_maps import on_cpu, source_table
from synthetic import Shot, World, arc, backproject, look_at, take

wp.set_module_options({"enable_backward": False})

WORST = matching.WORST
R2 = (matching.OFFSETS[: matching.USED].astype(float) ** 2).sum(axis=1)


def true_planes(shot: Shot) -> np.ndarray:
    w = np.divide(1, shot.depth, out=np.zeros(shot.depth.shape), where=shot.depth > 0)
    gy, gx = np.gradient(w)
    return np.stack([w, gx, gy], axis=-1)


def grey_of(shot: Shot) -> np.ndarray:
    return np.ascontiguousarray(shot.image[..., 1])


@pytest.fixture(scope="module")
def mixed_shots(world: World) -> list[Shot]:
    """A view and four to match it with: two like it, one larger from behind it, one very near.

    A part of the view and of its left neighbour has no texture.
    """
    left, here, right = arc(3, width=160, height=120, degrees=24)
    behind = arc(3, width=200, height=160, degrees=24, distance_m=5.5)[1]
    near = replace(here, pose=look_at((0.6, -1.2, 1.2), (0.3, 0.3, 0.6)))
    shots = take(world, [here, left, right, behind, near])
    for shot in shots[:2]:
        shot.image[30:70, 20:60] = 90
    return shots


# --- matching ---------------------------------------------------------------------------------------------


def samples(image: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Bilinear grey values at pixel coordinates, clamped so that all four pixels exist."""
    x, y = np.clip(u - 0.5, 0, image.shape[1] - 2), np.clip(v - 0.5, 0, image.shape[0] - 2)
    i, j = x.astype(int), y.astype(int)
    a, b, p = x - i, y - j, image.astype(float)
    return (1 - b) * ((1 - a) * p[j, i] + a * p[j, i + 1]) + b * ((1 - a) * p[j + 1, i] + a * p[j + 1, i + 1])


def patch_in(
    here: View, there: View, row: int, column: int, plane: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Where a source sees the place on the plane at a pixel: pixel and depth; how it moves with the pixel."""
    e = 1e-3
    dx, dy = e * np.array([0, 1, -1, 0, 0]), e * np.array([0, 0, 0, 1, -1])
    around = np.stack([column + 0.5 + dx, row + 0.5 + dy], axis=1)
    px, z = there.project(backproject(here, around, 1 / (plane @ (np.ones(5), dx, dy))))
    return px[0], z[0], np.stack([px[1] - px[2], px[3] - px[4]], axis=1) / (2 * e)


def source_cost(
    here: Shot, there: Shot, row: int, column: int, plane: np.ndarray,
    geometric: float = 0.0, depths: np.ndarray | None = None,
) -> float | None:  # fmt: skip
    """1 - NCC of the patch at a pixel with what its plane shows of a source; None: nothing to compare.

    With ``geometric``, plus that times how far (at most 3 pixels) from the pixel the source's own depth
    lands; 3 where it has none.
    """
    offsets = matching.OFFSETS[: matching.USED].astype(int)
    grey = grey_of(here).astype(float)
    rows, columns = grey.shape
    a = grey[np.clip(row + offsets[:, 1], 0, rows - 1), np.clip(column + offsets[:, 0], 0, columns - 1)]
    weights = np.exp(-matching.NEARNESS * R2 - matching.LIKENESS * (a - grey[row, column]) ** 2)
    weights /= weights.sum()
    a -= weights @ a
    if weights @ (a * a) < 0.4:
        return None
    x, y = column + 0.5, row + 0.5
    (u, v), z, affine = patch_in(here.view, there.view, row, column, plane)
    height, width = there.depth.shape
    if z <= 0 or not (1 <= u <= width - 1 and 1 <= v <= height - 1):
        return WORST
    if not 0.05 <= np.linalg.det(affine) <= 20:  # from behind, edge-on or at a very different scale
        return WORST
    b = samples(grey_of(there), *(np.array([[u], [v]]) + affine @ offsets.T))
    b -= weights @ b
    flat = weights @ (b * b) < 0.4
    cost = 1 - (0 if flat else weights @ (a * b) / np.sqrt((weights @ (a * a)) * (weights @ (b * b))))
    if geometric > 0 and depths is not None:
        error, w = 3.0, depths[int(v), int(u)]
        if w > 0:
            back, depth = here.view.project(backproject(there.view, np.array([[u, v]]), np.array([1 / w])))
            if depth[0] > 0:
                error = min(3.0, float(np.hypot(*(back[0] - (x, y)))))
        cost += geometric * error
    return float(cost)


def view_cost(shots: list[Shot], o: Any, row: int, column: int, plane: np.ndarray, depths: Any) -> float:
    """Mean over the best sources, each at most `WORST`; `WORST` also where the patch is flat."""
    each = [
        source_cost(shots[0], shot, row, column, plane, o.geometric, w)
        for shot, w in zip(shots[1:], depths, strict=True)
    ]
    return float(np.mean(sorted(WORST if c is None else min(c, WORST) for c in each)[: o.best]))


def options(best: int = 1, geometric: float = 0.0, step: float = 1.0, **others: Any) -> Any:
    o = matching.Options()
    o.best, o.geometric, o.step, o.w_max = best, geometric, step, 10.0
    for name, value in others.items():
        setattr(o, name, value)
    return o


def no_depths(shots: list[Shot]) -> list[np.ndarray]:
    return [np.zeros(shot.depth.shape, np.float32) for shot in shots[1:]]


def run_sweep(
    shots: list[Shot], o: Any, planes: np.ndarray, costs: np.ndarray, parity: int, restart: int, depths: Any
) -> None:
    o.sources = len(shots) - 1
    table = source_table(shots[0].view, [shot.view for shot in shots[1:]])
    texels = np.concatenate([matching.pack_quads(grey_of(shot)).ravel() for shot in shots[1:]])
    height, width = costs.shape
    wp.launch(
        matching.sweep, dim=(height, (width + 1) // 2), device="cpu",
        inputs=[on_cpu(grey_of(shots[0])), on_cpu(texels),
                on_cpu(np.concatenate([w.ravel() for w in depths])), on_cpu(table, matching.Source),
                *matching.weight_tables(), o, parity, restart, on_cpu(planes, wp.vec3), on_cpu(costs)],
    )  # fmt: skip


def costs_of(shots: list[Shot], o: Any, planes: np.ndarray, depths: Any = None) -> np.ndarray:
    costs = np.full(planes.shape[:2], 9, np.float32)
    for parity in (0, 1):
        run_sweep(shots, o, planes, costs, parity, 1, depths or no_depths(shots))
    return costs


@pytest.mark.parametrize("best", [1, 2, 3])
def test_the_reprojection_error_into_the_sources_depths_adds_to_the_cost(
    mixed_shots: list[Shot], best: int
) -> None:
    rng = np.random.default_rng(best)
    planes = true_planes(mixed_shots[0])
    planes[..., 0] *= rng.normal(1, 0.02, planes.shape[:2])
    planes = np.where(planes[..., :1] > 0, planes, 0.2).astype(np.float32)
    depths = []
    for shot in mixed_shots[1:]:
        w = true_planes(shot)[..., 0] * rng.choice([1, 0.97, 1.1, 20, 0], shot.depth.shape)
        depths.append(w.astype(np.float32))  # 20: so near that it lies behind the view that asks
    o = options(best, geometric=0.25)
    costs = costs_of(mixed_shots, o, planes, depths)
    pixels = rng.integers(0, costs.shape, (250, 2))
    expected = [view_cost(mixed_shots, o, *p, planes[tuple(p)].astype(float), depths) for p in pixels]
    assert np.mean(np.isclose(costs[tuple(pixels.T)], expected, atol=3e-3)) > 0.98
    assert np.mean(np.array(expected) < WORST) > 0.6


def compared_as_expected(here: Shot, source: Shot, planes: np.ndarray, pixels: np.ndarray) -> float:
    """Holds the kernel's choice of what to compare; returns the share of what is."""
    costs = costs_of([here, source], options(), planes)
    expected = [source_cost(here, source, *p, planes[tuple(p)].astype(float)) for p in pixels]
    compared = np.array([c is not None and c < WORST for c in expected])
    assert np.sum((costs[tuple(pixels.T)] < WORST) != compared) <= 1
    return float(compared.mean())


def test_what_is_edge_on_or_at_another_scale_is_not_compared(mixed_shots: list[Shot]) -> None:
    here, left, _, _, near = mixed_shots
    rng = np.random.default_rng(1)
    for source, limit in (left, 0.05), (near, 20):
        planes = np.where(here.depth > 0, true_planes(here)[..., 0], 0.2)[..., None] * [1.0, 0, 0]
        pixels = rng.integers(0, here.depth.shape, (600, 2))
        for row, column in pixels:  # the area of a pixel is linear in the slope: make it near the limit
            plane = planes[row, column]
            area = [
                np.linalg.det(patch_in(here.view, source.view, row, column, h)[2])
                for h in (plane, plane + np.array([0, 1e-3, 0]))
            ]
            plane[1] = (limit * rng.uniform(0.7, 1.3) - area[0]) / (area[1] - area[0]) * 1e-3
        assert 0.03 < compared_as_expected(here, source, planes.astype(np.float32), pixels) < 0.6


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_on_the_rim_of_the_source_or_outside_is_not_compared(
    world: World, mixed_shots: list[Shot], sign: int
) -> None:
    here = mixed_shots[0]
    pose = replace(here.view.pose, t=here.view.pose.t + np.array([0.05, 0.05, 0]) * sign)
    source = take(world, [replace(here.view, pose=pose)])[0]
    rng = np.random.default_rng(2)
    planes = rng.uniform(0.03, 0.5, (*here.depth.shape, 1)) * [1.0, 0, 0]  # moves by up to four pixels
    pixels = np.argwhere(np.pad(np.zeros((112, 152), bool), 4, constant_values=True))
    assert 0.2 < compared_as_expected(here, source, planes.astype(np.float32), pixels) < 0.8


@wp.kernel
def draw(seed: int, numbers: wp.array2d(dtype=float)):  # type: ignore[valid-type]
    """The numbers that the pixel ``n`` draws in a sweep of this seed."""
    n = wp.tid()
    state = wp.rand_init(seed, n)
    for i in range(numbers.shape[1]):
        numbers[n, i] = wp.randf(state, -1.0, 1.0)


def swept_pixel(
    shots: list[Shot], o: Any, planes: np.ndarray, costs: np.ndarray, row: int, column: int,
    numbers: np.ndarray,
) -> tuple[np.ndarray, float, bool]:  # fmt: skip
    """Plane and cost of a pixel after a half sweep, and whether rounding could decide otherwise."""
    rows, columns = costs.shape
    best, lowest, close = planes[row, column].astype(float), float(costs[row, column]), False
    if source_cost(shots[0], shots[1], row, column, best) is None:  # flat: nothing is known
        return best, WORST, False

    def allowed(h: np.ndarray) -> bool:
        return o.w_min < h[0] < o.w_max and max(abs(h[1:])) < 1.6 * o.step

    def attempt(h: np.ndarray) -> None:
        nonlocal best, lowest, close
        cost = view_cost(shots, o, row, column, h, no_depths(shots))
        close |= abs(cost - lowest) < 0.003
        if cost < lowest:
            best, lowest = h, cost

    for dy, dx in (0, -1), (0, 1), (-1, 0), (1, 0):
        for distances in [1], range(3, o.far + 1, 2):
            line = [(row + dy * d, column + dx * d) for d in distances]
            line = [p for p in line if 0 <= p[0] < rows and 0 <= p[1] < columns and costs[p] < WORST]
            if line:
                p = min(line, key=lambda q: costs[q])
                w, gx, gy = planes[p].astype(float)
                h = np.array([w + gx * (column - p[1]) + gy * (row - p[0]), gx, gy])
                alike = abs(h[0] - best[0]) <= 0.03 * o.step and sum(abs(h - best)[1:]) <= 0.01 * o.step
                if allowed(h) and not alike:
                    attempt(h)
    draws = iter(numbers)
    for i in range(o.tries):  # in turn the depth, the slant and both; then the same by half as much
        size = o.step * o.jitter * 0.5 ** (i // 3)
        h = best.copy()
        if i % 3 in (0, 2):
            h[0] += size * next(draws)
        if i % 3 in (1, 2):
            h[1] += 0.15 * size * next(draws)
            h[2] += 0.15 * size * next(draws)
        if allowed(h):
            attempt(h)
    return best, lowest, close


def jumbled(shots: list[Shot], step: float, rng: np.random.Generator) -> np.ndarray:
    """Planes some of which are right, some nearly, some anything, and some steeper than is allowed."""
    planes = true_planes(shots[0])
    size = planes.shape[:2]
    good = planes[..., :1] > 0
    planes = np.where(good, planes, 0.2)
    planes[..., 0] *= np.where(rng.random(size) < 0.4, 1, rng.uniform(0.95, 1.05, size))
    tilt = step * rng.uniform(-2, 2, (*size, 2))
    planes[..., 1:] += np.where(rng.random((*size, 1)) < 0.6, 0, tilt)
    return planes.astype(np.float32)


@pytest.mark.parametrize(
    ("parity", "scale", "far", "tries"), [(0, 1.0, 7, 0), (1, 1.0, 1, 5), (0, 0.1, 5, 4), (1, 12.0, 6, 1)]
)
def test_a_half_sweep_takes_the_neighbours_planes_and_random_changes_that_cost_less(
    mixed_shots: list[Shot], parity: int, scale: float, far: int, tries: int
) -> None:
    shots = mixed_shots[:3]
    rng = np.random.default_rng(far)
    height, width = size = shots[0].depth.shape
    table = source_table(shots[0].view, [shot.view for shot in shots[1:]])
    step = scale * pixel_step(table, width, height, 0.25)
    planes = jumbled(shots, min(step, 0.01), rng)
    w_min, w_max = np.percentile(1 / shots[0].depth[shots[0].depth > 0], [15, 85])
    o = options(2, step=step, w_min=w_min, w_max=w_max, far=far, tries=tries, jitter=2.0, seed=77)
    costs = rng.uniform(0, 2.2, size).astype(np.float32)
    after, lower = planes.copy(), costs.copy()
    run_sweep(shots, o, after, lower, parity, 0, no_depths(shots))

    turn = np.add.outer(np.arange(height), np.arange(width)) % 2 == parity
    np.testing.assert_array_equal(after[~turn], planes[~turn])
    np.testing.assert_array_equal(lower[~turn], costs[~turn])
    numbers = np.zeros((height * width, 12), np.float32)
    wp.launch(draw, dim=height * width, inputs=[o.seed, on_cpu(numbers)], device="cpu")
    edge = [(0, parity), (height - 1, 1 - parity), (1, 1 - parity), (40, parity), (41, width - 1 - parity)]
    pixels = [*edge, *(p for p in rng.integers(0, size, (700, 2)) if turn[tuple(p)])]
    right, sure, changed = 0, 0, 0
    for row, column in pixels:
        plane, cost, close = swept_pixel(
            shots, o, planes, costs, row, column, numbers[row * width + column].astype(float)
        )
        if not close:
            sure += 1
            changed += not np.array_equal(plane, planes[row, column])
            near = np.abs(after[row, column] - plane) < 1e-4 * step + 1e-6
            right += near.all() and abs(lower[row, column] - cost) < 3e-3
    assert right >= 0.99 * sure and sure > 250 and changed > 30


def test_a_right_plane_spreads_over_its_surface_and_no_cost_ever_rises(mixed_shots: list[Shot]) -> None:
    shots = mixed_shots[:3]
    rng = np.random.default_rng(4)
    truth = true_planes(shots[0])
    size = truth.shape[:2]
    planted = (rng.random(size) < 0.03) & (truth[..., 0] > 0)
    wrong = np.stack([rng.uniform(0.1, 0.5, size), *rng.uniform(-0.001, 0.001, (2, *size))], axis=-1)
    planes = np.where(planted[..., None], truth, wrong).astype(np.float32)
    o = options(1, step=0.005, far=7, tries=3, jitter=1.0)
    costs = costs_of(shots, o, planes)
    for sweep in range(4):
        o.seed = sweep
        for parity in (0, 1):
            before = costs.copy()
            run_sweep(shots, o, planes, costs, parity, 0, no_depths(shots))
            assert (costs <= before).all()
    np.testing.assert_allclose(costs, costs_of(shots, o, planes), atol=1e-4)  # they are those of the planes
    seen = (truth[..., 0] > 0) & (costs < 1)
    near = np.abs(planes[..., 0] - truth[..., 0]) < 0.01 * truth[..., 0]
    assert planted.mean() < 0.03 and seen.mean() > 0.7 and near[seen].mean() > 0.7


# --- fusion -----------------------------------------------------------------------------------------------

PIXELS, RELATIVE, LEAST, MAX_COST = 0.8, 0.04, 1.0, 0.5


def agreement(
    shots: list[Shot], planes: list[np.ndarray], costs: list[np.ndarray], row: int, column: int
) -> tuple[float, float, float]:
    """Fused inverse depth, support and spread of one pixel of the first view; zeros where it is dropped."""
    view, w = shots[0].view, float(planes[0][row, column, 0])
    if w <= 0 or costs[0][row, column] > MAX_COST:
        return 0.0, 0.0, 0.0
    x = np.array([column + 0.5, row + 0.5])
    point = backproject(view, x[None], np.array([1 / w]))
    ray = point[0] - view.pose.centre  # reaches the own depth at 1
    trusts, alongs, looking = [1.0], [1.0], 0
    for shot, others, cost in zip(shots[1:], planes[1:], costs[1:], strict=True):
        px, z = shot.view.project(point)
        u, v = px[0]
        height, width = cost.shape
        if z[0] <= 0 or not (1 < u < width - 1 and 1 < v < height - 1):
            continue
        looking += 1
        pixel = int(v), int(u)
        q = others[pixel].astype(float)
        ws = q[0] + q[1] * (u - pixel[1] - 0.5) + q[2] * (v - pixel[0] - 0.5)
        if q[0] <= 0 or ws <= 0 or cost[pixel] > MAX_COST:
            continue
        # the tangent plane through three of its points, and where the ray meets it
        around = px + np.array([[0, 0], [1, 0], [0, 1]])
        a, b, c = backproject(shot.view, around, 1 / (ws + np.array([0, q[1], q[2]])))
        normal = np.cross(b - a, c - a)
        along = normal @ (a - view.pose.centre) / (normal @ ray)
        back, ahead = view.project(a[None])
        e2 = float(((back[0] - x) ** 2).sum()) / PIXELS**2
        r = max(abs(z[0] * ws - 1), abs(along - 1)) / RELATIVE
        if ahead[0] > 0 and e2 < 4 and r < 2:
            trusts.append(float(np.exp(-e2 - r * r)))
            alongs.append(along)
    if sum(trusts) - 1 < LEAST * min(1, (looking + 1) / 5):
        return 0.0, 0.0, 0.0
    mean = float(np.average(alongs, weights=trusts))
    spread = float(np.sqrt(np.average((np.array(alongs) - mean) ** 2, weights=trusts)))
    return w / mean, sum(trusts) - 1, spread


@pytest.mark.parametrize("looking", [2, 6])
def test_agreement_keeps_to_its_limits_and_says_how_far_the_depths_spread(
    mixed_shots: list[Shot], looking: int
) -> None:
    here, left, right, behind, _ = mixed_shots
    shots = [here, behind, left, right, behind, left, right][: looking + 1]
    rng = np.random.default_rng(6)
    planes, costs = [], []
    for shot in shots:
        h = true_planes(shot)
        h *= rng.normal(1, 0.03, (*h.shape[:2], 1))
        h[..., 1:] += h[..., :1] * rng.normal(0, 1e-3, h[..., 1:].shape)
        planes.append(h.astype(np.float32))
        costs.append(rng.choice([0, 0.25, 0.5, 0.75], h.shape[:2]).astype(np.float32))
    size = here.depth.shape
    fused, support, spread = (np.zeros(size, np.float32) for _ in range(3))
    wp.launch(
        fusion.agree, dim=size, device="cpu",
        inputs=[on_cpu(planes[0], wp.vec3), on_cpu(costs[0]), MAX_COST,
                on_cpu(source_table(here.view, [shot.view for shot in shots[1:]]), matching.Source),
                on_cpu(np.concatenate([p.reshape(-1, 3) for p in planes[1:]]), wp.vec3),
                on_cpu(np.concatenate([c.ravel() for c in costs[1:]])), PIXELS, RELATIVE, LEAST,
                on_cpu(fused), on_cpu(support), on_cpu(spread)],
    )  # fmt: skip
    pixels = rng.integers(0, size, (1200, 2))
    expected = np.array([agreement(shots, planes, costs, *p) for p in pixels])
    found = np.stack([map_[tuple(pixels.T)] for map_ in (fused, support, spread)], axis=1)
    same = np.isclose(found, expected, rtol=1e-4, atol=[1e-5, 1e-3, 3e-4]).all(axis=1)
    assert same.mean() > 0.996 and np.mean(expected[:, 0] > 0) > 0.2
    assert np.mean(costs[0][tuple(pixels.T)] > MAX_COST) > 0.2
