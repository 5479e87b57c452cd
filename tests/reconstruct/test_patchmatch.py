"""The matching kernels against obvious NumPy versions of themselves."""

import numpy as np
import pytest
import warp as wp

from oberih.reconstruct import _patchmatch as kernels
from oberih.reconstruct.depth_maps import on_cpu, source_table
from synthetic import Shot


def inverse(depth: np.ndarray) -> np.ndarray:
    """Inverse depth, 0 for the sky."""
    return np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)


def bilinear(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Grey values at index coordinates, clamped to the image as the kernel does."""
    x, y = np.clip(x, 0, image.shape[1] - 2), np.clip(y, 0, image.shape[0] - 2)
    i, j = x.astype(int), y.astype(int)
    a, b = x - i, y - j
    p = image.astype(np.float64)
    return (1 - b) * ((1 - a) * p[j, i] + a * p[j, i + 1]) + b * ((1 - a) * p[j + 1, i] + a * p[j + 1, i + 1])


def reference_cost(
    grey: np.ndarray, row: int, column: int, plane: np.ndarray, source: np.ndarray, table: np.void
) -> float:
    """1 - bilaterally weighted NCC of one pixel in one source view, straight from the definition."""
    offsets = kernels.OFFSETS[: kernels.USED].astype(int)
    r = np.clip(row + offsets[:, 1], 0, grey.shape[0] - 1)
    c = np.clip(column + offsets[:, 0], 0, grey.shape[1] - 1)
    here = grey[r, c].astype(np.float64)
    near, alike = (t.numpy() for t in kernels.weight_tables())
    weights = near[: kernels.USED] * alike[np.abs(here - grey[row, column]).astype(int)]
    weights /= weights.sum()
    # the homography A + b m^T, m . (x, y, 1) being the inverse depth, to first order around the pixel
    x, y = column + 0.5, row + 0.5
    m = np.array([plane[1], plane[2], plane[0] - plane[1] * x - plane[2] * y])
    H = table["A"] + np.outer(table["b"], m)
    p = H @ (x, y, 1)
    centre = p[:2] / p[2]
    J = (H[:2, :2] - np.outer(centre, H[2, :2])) / p[2]
    u, v = centre[:, None] + J @ offsets.T
    there = bilinear(source, u - 0.5, v - 0.5)
    a, b = here - weights @ here, there - weights @ there
    if weights @ (b * b) < 0.4:  # flat: nothing to compare
        return 1.0
    return 1 - (weights @ (a * b)) / np.sqrt((weights @ (a * a)) * (weights @ (b * b)))


def run_costs(shots: list[Shot], planes: np.ndarray, best: int) -> np.ndarray:
    """Costs of ``planes`` in the first shot's view, by the kernel, matched against the others."""
    grey = [np.ascontiguousarray(shot.image[..., 1]) for shot in shots]
    options = kernels.Options()
    options.sources, options.best, options.geometric = len(shots) - 1, best, 0.0
    options.w_min, options.w_max, options.step = 0.0, 10.0, 1.0
    costs = np.full(planes.shape[:2], 9, np.float32)
    table = source_table(shots[0].view, [shot.view for shot in shots[1:]])
    texels = np.concatenate([kernels.pack_quads(image).ravel() for image in grey[1:]])
    height, width = costs.shape
    for parity in (0, 1):
        wp.launch(
            kernels.sweep, dim=(height, (width + 1) // 2), device="cpu",
            inputs=[on_cpu(grey[0]), on_cpu(texels), on_cpu(np.zeros(1, np.float32)),
                    on_cpu(table, kernels.Source), *kernels.weight_tables(), options, parity, 1,
                    on_cpu(planes, wp.vec3), on_cpu(costs)],
        )  # fmt: skip
    return costs


def test_a_quad_holds_a_pixel_and_its_neighbours() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    quads = kernels.pack_quads(image)
    assert [quads[1, 2] >> shift & 255 for shift in (0, 8, 16, 24)] == [6, 7, 10, 11]
    assert [quads[2, 3] >> shift & 255 for shift in (0, 8, 16, 24)] == [11] * 4  # the border repeats


def test_cost_is_the_weighted_ncc_of_the_definition(small_shots: list[Shot]) -> None:
    pair = small_shots[:2]
    rng = np.random.default_rng(3)
    planes = np.zeros((*pair[0].depth.shape, 3), np.float32)
    planes[..., 0] = inverse(pair[0].depth) * rng.uniform(0.97, 1.03, pair[0].depth.shape)
    planes[..., 1:] = rng.uniform(-2e-4, 2e-4, planes[..., 1:].shape)
    costs = run_costs(pair, planes, best=1)
    table = source_table(pair[0].view, [pair[1].view])[0]
    grey, source = pair[0].image[..., 1], pair[1].image[..., 1]
    compared = 0
    for row, column in rng.integers(20, np.array(costs.shape) - 20, (300, 2)):
        if costs[row, column] < kernels.WORST:
            expected = reference_cost(grey, row, column, planes[row, column], source, table)
            assert costs[row, column] == pytest.approx(expected, abs=2e-3)
            compared += 1
    assert compared > 150


def test_the_best_sources_count(small_shots: list[Shot]) -> None:
    three = small_shots[:3]
    planes = np.zeros((*three[0].depth.shape, 3), np.float32)
    planes[..., 0] = inverse(three[0].depth)
    each = np.stack([run_costs([three[0], other], planes, best=1) for other in three[1:]])
    np.testing.assert_allclose(run_costs(three, planes, best=1), each.min(axis=0), atol=1e-5)
    np.testing.assert_allclose(run_costs(three, planes, best=2), each.mean(axis=0), atol=1e-5)


def test_true_depth_costs_less_than_false_depth(small_shots: list[Shot]) -> None:
    planes = np.zeros((*small_shots[0].depth.shape, 3), np.float32)
    planes[..., 0] = inverse(small_shots[0].depth)
    true = run_costs(small_shots[:4], planes, best=2)
    planes[..., 0] *= 1.03
    false = run_costs(small_shots[:4], planes, best=2)
    seen = (small_shots[0].depth > 0) & (false < 1)
    assert seen.mean() > 0.3 and np.mean(true[seen] < false[seen]) > 0.8
