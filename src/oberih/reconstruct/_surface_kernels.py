"""Kernels of the sparse signed distance field (NVIDIA Warp). See `surface` for the method."""

# mypy: ignore-errors
# (the kernel language is not Python to a type checker; tests hold it to NumPy)
# ruff: noqa: UP018, RUF046 (Warp makes a variable of `int(0)` and a constant of `0`)

import warp as wp

wp.set_module_options({"enable_backward": False, "max_unroll": 1})

SIDE = 8  # voxels along an edge of a block
CELLS = SIDE * SIDE * SIDE


@wp.struct
class Field:
    """A sparse grid of blocks. Voxel ijk of block b lies at ``origin + size * (8 b + ijk)``."""

    origin: wp.vec3
    size: float  # voxel edge, world units
    truncation: float  # world units


@wp.struct
class Pinhole:
    R: wp.mat33
    t: wp.vec3
    fx: float
    fy: float
    cx: float
    cy: float


@wp.func
def voxel_position(field: Field, block: wp.vec3i, voxel: int) -> wp.vec3:
    i = voxel / 64
    j = (voxel / 8) % 8
    k = voxel % 8
    return field.origin + field.size * wp.vec3(
        float(block[0] * 8 + i), float(block[1] * 8 + j), float(block[2] * 8 + k)
    )


@wp.kernel
def integrate(
    field: Field, blocks: wp.array(dtype=wp.vec3i), visible: wp.array(dtype=int), first: int,
    camera: Pinhole, planes: wp.array2d(dtype=wp.vec3), weights: wp.array2d(dtype=float),
    distance: wp.array2d(dtype=float), weight: wp.array2d(dtype=float),
):  # fmt: skip
    """Add one view: the distance of each voxel to the tangent plane that its pixel sees, weighted.

    ``planes`` are inverse-depth planes with 0 where nothing was measured. In front of the surface by more
    than the truncation the view votes for empty space; behind it by more it says nothing. Nor does it say
    anything where the plane, continued through the pixel, is not in front of the camera, or is so near along
    the ray that the voxel is far from it only across.
    """
    n, voxel = wp.tid()
    b = visible[first + n]
    p = camera.R * voxel_position(field, blocks[b], voxel) + camera.t
    if p[2] <= 1.0e-6:
        return
    x = p[0] / p[2]
    y = p[1] / p[2]
    u = camera.fx * x + camera.cx
    v = camera.fy * y + camera.cy
    if u < 0.0 or v < 0.0 or u >= float(planes.shape[1]) or v >= float(planes.shape[0]):
        return
    iu = int(u)
    iv = int(v)
    h = planes[iv, iu]
    if h[0] <= 0.0:
        return
    w = h[0] + h[1] * (u - float(iu) - 0.5) + h[2] * (v - float(iv) - 0.5)
    # the plane n . X = 1 in the camera frame
    nx = h[1] * camera.fx
    ny = h[2] * camera.fy
    nz = w - nx * x - ny * y
    length = wp.sqrt(nx * nx + ny * ny + nz * nz)
    d = (1.0 - w * p[2]) / length
    trust = weights[iv, iu]
    if d > field.truncation:
        if 1.0 / w - p[2] < field.truncation:
            return
        d = field.truncation
        trust = trust * 0.5
    if d < -field.truncation:
        return
    if d < 0.0:
        trust = trust * (1.0 + 0.9 * d / field.truncation)
    distance[b, voxel] = distance[b, voxel] + trust * d
    weight[b, voxel] = weight[b, voxel] + trust


@wp.func
def neighbour(
    table: wp.array2d(dtype=int),
    values: wp.array2d(dtype=float),
    b: int,
    i: int,
    j: int,
    k: int,
    missing: float,
) -> float:
    """Value of voxel (i, j, k) relative to block ``b``, each index within -1..8."""
    bi = int(1)
    bj = int(1)
    bk = int(1)
    if i < 0:
        bi = 0
    if i > 7:
        bi = 2
    if j < 0:
        bj = 0
    if j > 7:
        bj = 2
    if k < 0:
        bk = 0
    if k > 7:
        bk = 2
    other = table[b, bi * 9 + bj * 3 + bk]
    if other < 0:
        return missing
    return values[other, (i & 7) * 64 + (j & 7) * 8 + (k & 7)]


@wp.kernel
def smooth(
    table: wp.array2d(dtype=int), first: int, prior: float,
    data: wp.array2d(dtype=float), weight: wp.array2d(dtype=float), before: wp.array2d(dtype=float),
    after: wp.array2d(dtype=float),
):  # fmt: skip
    """One Jacobi step of ``sum w (f - data)^2 + prior sum |grad f|^2`` over measured and bridged voxels."""
    n, voxel = wp.tid()
    b = first + n
    w = weight[b, voxel]
    after[b, voxel] = before[b, voxel]
    if w == 0.0:
        return
    w = wp.max(w, 0.0)
    i = voxel / 64
    j = (voxel / 8) % 8
    k = voxel % 8
    total = w * data[b, voxel]
    mass = w
    for side in range(6):
        di = int(0)
        dj = int(0)
        dk = int(0)
        step = (side % 2) * 2 - 1
        if side < 2:
            di = step
        elif side < 4:
            dj = step
        else:
            dk = step
        wn = neighbour(table, weight, b, i + di, j + dj, k + dk, 0.0)
        if wn != 0.0:
            total += prior * neighbour(table, before, b, i + di, j + dj, k + dk, 0.0)
            mass += prior
    after[b, voxel] = total / mass


@wp.kernel
def bridge(
    table: wp.array2d(dtype=int), first: int, directions: wp.array(dtype=wp.vec3i), reach: int, least: int,
    data: wp.array2d(dtype=float), weight: wp.array2d(dtype=float),
    filled: wp.array2d(dtype=float), mark: wp.array2d(dtype=wp.uint8),
):  # fmt: skip
    """Close small gaps: mark an unmeasured voxel that lies between measured ones along ``least`` directions.

    Both ends must be within ``reach`` voxels (at most 8). ``filled`` gets the mean of the values found,
    weighted by nearness. At the edge of what was recorded there is nothing on the other side: no growth.
    """
    n, voxel = wp.tid()
    b = first + n
    mark[b, voxel] = wp.uint8(0)
    if weight[b, voxel] > 0.0:
        return
    i = voxel / 64
    j = (voxel / 8) % 8
    k = voxel % 8
    found = int(0)
    total = float(0.0)
    mass = float(0.0)
    for d in range(directions.shape[0]):
        o = directions[d]
        ends = int(0)
        value = float(0.0)
        share = float(0.0)
        for side in range(2):
            sign = side * 2 - 1
            r = int(1)
            while r <= reach:
                di = sign * r * o[0]
                dj = sign * r * o[1]
                dk = sign * r * o[2]
                if neighbour(table, weight, b, i + di, j + dj, k + dk, 0.0) > 0.0:
                    f = neighbour(table, data, b, i + di, j + dj, k + dk, 0.0)
                    value += f / float(r)
                    share += 1.0 / float(r)
                    ends += 1
                    r = reach
                r += 1
        if ends == 2:
            found += 1
            total += value
            mass += share
    if found >= least:
        filled[b, voxel] = total / mass
        mark[b, voxel] = wp.uint8(1)


@wp.kernel
def crossing(
    table: wp.array2d(dtype=int), values: wp.array2d(dtype=float), weight: wp.array2d(dtype=float),
    first: int, limit: float, flags: wp.array2d(dtype=wp.uint8),
):  # fmt: skip
    """1 for a cell whose eight corners are measured or bridged and do not have all the same sign."""
    n, voxel = wp.tid()
    b = first + n
    i = voxel / 64
    j = (voxel / 8) % 8
    k = voxel % 8
    flags[b, voxel] = wp.uint8(0)
    inside = int(0)
    for c in range(8):
        if neighbour(table, weight, b, i + c / 4, j + (c / 2) % 2, k + c % 2, 0.0) == 0.0:
            return
        f = neighbour(table, values, b, i + c / 4, j + (c / 2) % 2, k + c % 2, 1.0)
        if wp.abs(f) > limit:  # a jump from empty to hidden space is not a surface
            return
        if f < 0.0:
            inside += 1
    if inside > 0 and inside < 8:
        flags[b, voxel] = wp.uint8(1)


@wp.kernel
def corners(
    table: wp.array2d(dtype=int), blocks: wp.array(dtype=wp.vec3i), values: wp.array2d(dtype=float),
    cells: wp.array(dtype=int), offsets: wp.array(dtype=wp.vec3i),
    position: wp.array(dtype=wp.vec3i), corner_values: wp.array2d(dtype=float),
):  # fmt: skip
    """Grid position and the eight corner values of each cell (``cells``: block * 512 + voxel)."""
    n = wp.tid()
    b = cells[n] / 512
    voxel = cells[n] % 512
    i = voxel / 64
    j = (voxel / 8) % 8
    k = voxel % 8
    base = blocks[b]
    position[n] = wp.vec3i(base[0] * 8 + i, base[1] * 8 + j, base[2] * 8 + k)
    for c in range(8):
        o = offsets[c]
        corner_values[n, c] = neighbour(table, values, b, i + o[0], j + o[1], k + o[2], 0.0)


@wp.kernel
def paint(
    points: wp.array(dtype=wp.vec3), normals: wp.array(dtype=wp.vec3), camera: Pinhole, tolerance: float,
    planes: wp.array2d(dtype=wp.vec3), weights: wp.array2d(dtype=float), image: wp.array3d(dtype=wp.uint8),
    first: int, colour: wp.array(dtype=wp.vec3), weight: wp.array(dtype=float), seen: wp.array(dtype=float),
):  # fmt: skip
    """Add one view's colour and trust to the points that it measured."""
    n = first + wp.tid()
    p = camera.R * points[n] + camera.t
    if p[2] <= 1.0e-6:
        return
    u = camera.fx * p[0] / p[2] + camera.cx
    v = camera.fy * p[1] / p[2] + camera.cy
    if u < 0.0 or v < 0.0 or u >= float(planes.shape[1]) or v >= float(planes.shape[0]):
        return
    iu = int(u)
    iv = int(v)
    w = planes[iv, iu][0]
    if w <= 0.0 or wp.abs(1.0 / w - p[2]) > tolerance:
        return
    cosine = -wp.dot(camera.R * normals[n], wp.normalize(p))
    if cosine <= 0.05:
        return
    trust = weights[iv, iu] * cosine
    c = wp.vec3(float(image[iv, iu, 0]), float(image[iv, iu, 1]), float(image[iv, iu, 2]))
    colour[n] = colour[n] + trust * c
    weight[n] = weight[n] + trust
    seen[n] = seen[n] + 1.0
