"""PatchMatch multi-view stereo kernels (NVIDIA Warp: one source for CPU and CUDA).

A hypothesis at pixel (x, y) of the reference view is a plane in inverse depth, ``(w, gx, gy)``:
``1 / z(x + dx, y + dy) = w + gx * dx + gy * dy``. A plane in space is exactly that, whatever its slant,
and the homography it induces into a source view is ``A + b (gx, gy, w)^T``: moving a hypothesis to a
neighbour costs two multiplications and comparing it in a source view one small matrix.

- matching cost: 1 - NCC over a disc of samples, weighted by likeness to the centre pixel and distance
  (bilateral weights, Schoenberger et al. 2016), averaged over the best source views;
- propagation: red-black with the best of several distances in each of four directions (after the
  adaptive checkerboard of Xu & Tao 2019, ACMH);
- geometric consistency: forward-backward reprojection error into the source views' own depths
  (same paper, ACMM).

The inner loop is a native snippet because it is the one place where vector instructions pay: a source
image is stored with the four neighbours of a pixel packed in one 32-bit word, so that one gather
serves a bilinear sample (measured: 21 ns for a 32-sample cost against 106 ns for the same loop in
Warp's Python; see docs/decisions).
"""

# mypy: ignore-errors
# (the kernel language is not Python to a type checker; tests hold it to NumPy)
# ruff: noqa: UP018, RUF046, C901 (Warp makes a variable of `int(0)` and a constant of `0`)

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

wp.set_module_options(
    {
        "enable_backward": False,
        "max_unroll": 1,
        "cpu_compiler_flags": "-march=native -ffp-contract=fast -mreassociate -fno-signed-zeros "
        "-freciprocal-math",
    }
)

SAMPLES = 32  # one or two vector registers; unused ones have weight 0
WORST = 2.0  # cost of what cannot be compared
FLAT = wp.constant(0.4)  # variance, grey levels squared, below which a patch is all rounding and noise
NEARNESS = 0.04  # spatial weight exp(-NEARNESS r^2), r in pixels
LIKENESS = 0.003  # grey weight exp(-LIKENESS d^2), d in grey levels of 255


def sample_offsets() -> NDArray[np.float32]:
    """``(32, 2)`` offsets (dx, dy) in pixels: every second pixel of a disc of radius 6, then (0, 0)."""
    axis = range(-6, 7, 2)
    grid = [(dx, dy) for dy in axis for dx in axis if dx * dx + dy * dy <= 36]
    offsets = np.zeros((SAMPLES, 2), np.float32)
    offsets[: len(grid)] = grid
    return offsets


OFFSETS = sample_offsets()
USED = 29
assert (OFFSETS[USED:] == 0).all() and len(np.unique(OFFSETS[:USED], axis=0)) == USED


def pack_quads(image: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """``(H, W)`` grey image to words: a pixel, its right, lower, lower right neighbours; low byte first."""
    p = np.pad(image, ((0, 1), (0, 1)), mode="edge").astype(np.uint32)
    quads: NDArray[np.uint32] = p[:-1, :-1] | p[:-1, 1:] << 8 | p[1:, :-1] << 16 | p[1:, 1:] << 24
    return quads


def c_array(values: NDArray[np.float32], form: str = ".1f") -> str:
    return "{" + ",".join(f"{int(v) if form == 'd' else v:{form}}" for v in values) + "}"


CORRELATE = f"""
    const float DX[{SAMPLES}] = {c_array(OFFSETS[:, 0])};
    const float DY[{SAMPLES}] = {c_array(OFFSETS[:, 1])};
    const float right = (float)(width - 2), bottom = (float)(height - 2);
    const unsigned* texels = images.data + start;
    float sb = 0.f, sbb = 0.f, sab = 0.f;
    for (int k = 0; k < {SAMPLES}; ++k) {{
        float u = u0 + ux * DX[k] + uy * DY[k], v = v0 + vx * DX[k] + vy * DY[k];
        u = u < 0.f ? 0.f : u; u = u > right ? right : u;
        v = v < 0.f ? 0.f : v; v = v > bottom ? bottom : v;
        int iu = (int)u, iv = (int)v;
        float fu = u - (float)iu, fv = v - (float)iv;
        unsigned q = texels[iv * width + iu];
        float p0 = (float)(int)(q & 255u), p1 = (float)(int)((q >> 8) & 255u);
        float p2 = (float)(int)((q >> 16) & 255u), p3 = (float)(int)(q >> 24);
        float top = p0 + fu * (p1 - p0), low = p2 + fu * (p3 - p2);
        float b = top + fv * (low - top);
        sb += weights.c[k] * b; sbb += weights.c[k] * b * b; sab += centred.c[k] * b;
    }}
    float variance = sbb - sb * sb;
    if (variance < {FLAT}f) return 0.f;
    return sab / wp::sqrt(variance * reference_variance);
"""

Samples = wp.types.vector(length=SAMPLES, dtype=wp.float32)


@wp.func_native(CORRELATE)
def correlate(
    weights: Samples, centred: Samples, reference_variance: float,
    images: wp.array(dtype=wp.uint32), start: int, width: int, height: int,
    u0: float, v0: float, ux: float, uy: float, vx: float, vy: float,
) -> float:  # fmt: skip
    """NCC of the weighted reference samples with the source image under an affine map (index coordinates)."""


@wp.struct
class Source:
    """A source view as the reference view sees it.

    ``x_source ~ A x + b / z`` and back ``x ~ C x_source + d / z_source``, in homogeneous pixels.
    """

    A: wp.mat33
    b: wp.vec3
    C: wp.mat33
    d: wp.vec3
    start: int  # of its texels and inverse depths in the concatenated arrays
    width: int
    height: int


@wp.struct
class Options:
    sources: int
    best: int  # how many of the best sources count: 1, 2 or 3
    geometric: float  # weight of the reprojection error; 0: no depths of the sources yet
    w_min: float
    w_max: float
    step: float  # inverse depth that moves a projection by about a pixel
    jitter: float  # size of random changes, in steps
    far: int  # longest propagation distance, pixels
    tries: int  # random changes per pixel
    seed: int


@wp.func
def source_cost(
    weights: Samples, centred: Samples, variance: float, images: wp.array(dtype=wp.uint32),
    depths: wp.array(dtype=float), s: Source, geometric: float, x: float, y: float, h: wp.vec3,
) -> float:  # fmt: skip
    p = s.A * wp.vec3(x, y, 1.0) + s.b * h[0]
    if p[2] <= 1.0e-6:
        return WORST
    iz = 1.0 / p[2]
    u = p[0] * iz
    v = p[1] * iz
    if u < 1.0 or v < 1.0 or u > float(s.width) - 1.0 or v > float(s.height) - 1.0:
        return WORST
    zx = s.A[2, 0] + s.b[2] * h[1]
    zy = s.A[2, 1] + s.b[2] * h[2]
    ux = (s.A[0, 0] + s.b[0] * h[1] - u * zx) * iz
    uy = (s.A[0, 1] + s.b[0] * h[2] - u * zy) * iz
    vx = (s.A[1, 0] + s.b[1] * h[1] - v * zx) * iz
    vy = (s.A[1, 1] + s.b[1] * h[2] - v * zy) * iz
    area = ux * vy - uy * vx
    if area < 0.05 or area > 20.0:  # seen from behind, edge-on or at a very different scale
        return WORST
    cost = 1.0 - correlate(
        weights, centred, variance, images, s.start, s.width, s.height, u - 0.5, v - 0.5, ux, uy, vx, vy
    )
    if geometric > 0.0:
        error = float(3.0)
        w = depths[s.start + int(v) * s.width + int(u)]
        if w > 0.0:
            back = s.C * wp.vec3(u, v, 1.0) + s.d * w
            if back[2] > 1.0e-6:
                ex = back[0] / back[2] - x
                ey = back[1] / back[2] - y
                error = wp.min(wp.sqrt(ex * ex + ey * ey), 3.0)
        cost += geometric * error
    return cost


@wp.func
def view_cost(
    weights: Samples, centred: Samples, variance: float, images: wp.array(dtype=wp.uint32),
    depths: wp.array(dtype=float), sources: wp.array(dtype=Source), o: Options,
    x: float, y: float, h: wp.vec3,
) -> float:  # fmt: skip
    """Mean cost over the best ``o.best`` of the sources."""
    first = float(WORST)  # the three lowest so far, in order
    second = float(WORST)
    third = float(WORST)
    for i in range(o.sources):
        c = source_cost(weights, centred, variance, images, depths, sources[i], o.geometric, x, y, h)
        rest = wp.max(first, c)
        first = wp.min(first, c)
        c = wp.max(second, rest)
        second = wp.min(second, rest)
        third = wp.min(third, c)
    if o.best >= 3:
        return (first + second + third) / 3.0
    if o.best == 2:
        return 0.5 * (first + second)
    return first


@wp.func_native(
    f"""
    const int DX[{SAMPLES}] = {c_array(OFFSETS[:, 0], "d")};
    const int DY[{SAMPLES}] = {c_array(OFFSETS[:, 1], "d")};
    wp::vec_t<{SAMPLES}, float> values;
    for (int k = 0; k < {SAMPLES}; ++k) {{
        int yy = y + DY[k], xx = x + DX[k];
        yy = yy < 0 ? 0 : yy; yy = yy >= rows ? rows - 1 : yy;
        xx = xx < 0 ? 0 : xx; xx = xx >= columns ? columns - 1 : xx;
        values.c[k] = (float)reference.data[yy * columns + xx];
    }}
    return values;
    """
)
def patch(reference: wp.array2d(dtype=wp.uint8), y: int, x: int, rows: int, columns: int) -> Samples:
    """Grey values of the reference samples around a pixel."""


@wp.func_native(
    f"""
    wp::vec_t<{SAMPLES}, float> weights;
    float total = 0.f;
    for (int k = 0; k < {SAMPLES}; ++k) {{
        int d = (int)(values.c[k] - centre);
        d = d < 0 ? -d : d;
        float w = near.data[k] * alike.data[d];
        weights.c[k] = w; total += w;
    }}
    float scale = 1.f / total;
    for (int k = 0; k < {SAMPLES}; ++k) weights.c[k] *= scale;
    return weights;
    """
)
def weigh(
    values: Samples, centre: float, near: wp.array(dtype=float), alike: wp.array(dtype=float)
) -> Samples:
    """Bilateral weights that sum to one, from tables over the sample number and the grey difference."""


@wp.func
def plausible(h: wp.vec3, o: Options) -> bool:
    slant = 2.0 * o.step * 0.8
    return h[0] > o.w_min and h[0] < o.w_max and wp.abs(h[1]) < slant and wp.abs(h[2]) < slant


@wp.func
def different(h: wp.vec3, other: wp.vec3, o: Options) -> bool:
    """False for planes that would sample the sources within a few hundredths of a pixel of each other."""
    tilt = wp.abs(h[1] - other[1]) + wp.abs(h[2] - other[2])
    return wp.abs(h[0] - other[0]) > 0.03 * o.step or tilt > 0.01 * o.step


@wp.kernel
def sweep(
    reference: wp.array2d(dtype=wp.uint8), images: wp.array(dtype=wp.uint32), depths: wp.array(dtype=float),
    sources: wp.array(dtype=Source), near: wp.array(dtype=float), alike: wp.array(dtype=float),
    o: Options, parity: int, restart: int,
    planes: wp.array2d(dtype=wp.vec3), costs: wp.array2d(dtype=float),
):  # fmt: skip
    """One half sweep: every pixel of one colour tries its neighbours' planes and random changes of its own.

    ``restart``: 1 = only (re)compute the cost of the present plane, 0 = propagate and refine.
    """
    y, half = wp.tid()
    x = half * 2 + (y + parity) % 2
    rows = planes.shape[0]
    columns = planes.shape[1]
    if x >= columns:
        return
    values = patch(reference, y, x, rows, columns)
    weights = weigh(values, float(reference[y, x]), near, alike)
    mean = wp.dot(weights, values)
    centred = wp.cw_mul(weights, values)
    centred = centred - weights * mean
    variance = wp.dot(centred, values)
    if variance < FLAT:
        costs[y, x] = WORST
        return
    px = float(x) + 0.5
    py = float(y) + 0.5
    best = planes[y, x]
    if restart == 1:
        costs[y, x] = view_cost(weights, centred, variance, images, depths, sources, o, px, py, best)
        return
    lowest = costs[y, x]

    for direction in range(4):
        sx = int(0)
        sy = int(0)
        if direction < 2:
            sx = direction * 2 - 1
        else:
            sy = direction * 2 - 5
        # the adjacent pixel, then the cheapest one of those further along
        for reach in range(2):
            nx = int(-1)
            ny = int(-1)
            cheapest = float(WORST)
            first = int(1)
            last = int(1)
            if reach == 1:
                first = 3
                last = o.far
            for distance in range(first, last + 1, 2):
                tx = x + sx * distance
                ty = y + sy * distance
                if tx >= 0 and ty >= 0 and tx < columns and ty < rows:
                    c = costs[ty, tx]
                    if c < cheapest:
                        cheapest = c
                        nx = tx
                        ny = ty
            if nx >= 0:
                h = planes[ny, nx]
                h = wp.vec3(h[0] + h[1] * float(x - nx) + h[2] * float(y - ny), h[1], h[2])
                if plausible(h, o) and different(h, best, o):
                    c = view_cost(weights, centred, variance, images, depths, sources, o, px, py, h)
                    if c < lowest:
                        lowest = c
                        best = h

    state = wp.rand_init(o.seed, y * columns + x)
    jitter = o.jitter
    for i in range(o.tries):
        h = best
        if i % 3 != 1:
            h = wp.vec3(h[0] + o.step * jitter * wp.randf(state, -1.0, 1.0), h[1], h[2])
        if i % 3 != 0:
            tilt = o.step * jitter * 0.15
            h = wp.vec3(
                h[0], h[1] + tilt * wp.randf(state, -1.0, 1.0), h[2] + tilt * wp.randf(state, -1.0, 1.0)
            )
        if plausible(h, o):
            c = view_cost(weights, centred, variance, images, depths, sources, o, px, py, h)
            if c < lowest:
                lowest = c
                best = h
        if i % 3 == 2:
            jitter = jitter * 0.5
    planes[y, x] = best
    costs[y, x] = lowest


def weight_tables() -> tuple[Any, Any]:
    """Spatial weight per sample (0 for unused ones) and likeness per grey difference, for `weigh`."""
    r2 = (OFFSETS.astype(np.float64) ** 2).sum(axis=1)
    near = np.where(np.arange(SAMPLES) < USED, np.exp(-r2 * NEARNESS), 0.0)
    alike = np.exp(-(np.arange(256.0) ** 2) * LIKENESS)
    return tuple(wp.array(t.astype(np.float32), device="cpu") for t in (near, alike))
