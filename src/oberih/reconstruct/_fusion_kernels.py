"""Kernels that hold the depth maps of several views against each other (NVIDIA Warp)."""

# mypy: ignore-errors
# (the kernel language is not Python to a type checker; tests hold it to NumPy)
# ruff: noqa: UP018 (Warp makes a variable of `int(0)` and a constant of `0`)

import warp as wp

from oberih.reconstruct._patchmatch import Source

wp.set_module_options({"enable_backward": False, "max_unroll": 1})


@wp.kernel
def agree(
    planes: wp.array2d(dtype=wp.vec3), costs: wp.array2d(dtype=float), max_cost: float,
    sources: wp.array(dtype=Source), source_planes: wp.array(dtype=wp.vec3),
    source_costs: wp.array(dtype=float), max_pixels: float, max_relative: float,
    least: float,
    fused: wp.array2d(dtype=float), support: wp.array2d(dtype=float), spread: wp.array2d(dtype=float),
):  # fmt: skip
    """Average each depth with those of the other views, weighted by how well they agree with it.

    A source view supports a depth by ``exp(-(e / max_pixels)^2 - (r / max_relative)^2)``, where its depth,
    projected back, lands ``e`` pixels away and differs by ``r`` of the depth (a soft form of the check of
    Yan et al. 2020). ``fused`` is the weighted mean inverse depth along the pixel's ray of the tangent
    planes, ``support`` the sum over source views, ``spread`` the weighted standard deviation relative to
    the depth. Depths with less support than ``least`` are dropped; where fewer than four source views
    look at the place, the share ``(views + 1) / 5`` of it is enough.
    """
    y, x = wp.tid()
    h = planes[y, x]
    w = h[0]
    fused[y, x] = 0.0
    support[y, x] = 0.0
    if costs[y, x] > max_cost or w <= 0.0:
        return
    here = wp.vec3(float(x) + 0.5, float(y) + 0.5, 1.0)
    total = float(1.0)
    looking = float(0.0)
    sum_z = float(1.0)  # in units of the own depth
    sum_zz = float(1.0)
    for i in range(sources.shape[0]):
        s = sources[i]
        ray = s.A * here
        p = ray + s.b * w
        if p[2] > 1.0e-6:
            u = p[0] / p[2]
            v = p[1] / p[2]
            if u > 1.0 and v > 1.0 and u < float(s.width) - 1.0 and v < float(s.height) - 1.0:
                looking += 1.0
                iu = int(u)
                iv = int(v)
                k = s.start + iv * s.width + iu
                q = source_planes[k]
                if q[0] > 0.0 and source_costs[k] <= max_cost:
                    ws = q[0] + q[1] * (u - float(iu) - 0.5) + q[2] * (v - float(iv) - 0.5)
                    back = s.C * wp.vec3(u, v, 1.0) + s.d * ws
                    if ws > 0.0 and back[2] > 1.0e-6:
                        ex = back[0] / back[2] - here[0]
                        ey = back[1] / back[2] - here[1]
                        m = wp.vec3(q[1], q[2], ws - q[1] * u - q[2] * v)
                        facing = wp.dot(m, ray)
                        z = float(0.0)
                        if facing != 0.0:
                            z = (1.0 - wp.dot(m, s.b)) / facing * w
                        r = wp.max(wp.abs(p[2] / w * ws - 1.0), wp.abs(z - 1.0)) / max_relative
                        e2 = (ex * ex + ey * ey) / (max_pixels * max_pixels)
                        if e2 < 4.0 and r < 2.0:
                            trust = wp.exp(-e2 - r * r)
                            total += trust
                            sum_z += trust * z
                            sum_zz += trust * z * z
    if total - 1.0 < least * wp.min(1.0, 0.2 * (looking + 1.0)):
        return
    mean = sum_z / total
    fused[y, x] = w / mean
    support[y, x] = total - 1.0
    spread[y, x] = wp.sqrt(wp.max(sum_zz / total - mean * mean, 0.0))


@wp.kernel
def claim(
    fused: wp.array2d(dtype=float), footprint: float, sources: wp.array(dtype=Source),
    source_fused: wp.array(dtype=float), source_footprints: wp.array(dtype=float), max_relative: float,
    mine: wp.array2d(dtype=wp.uint8),
):  # fmt: skip
    """1 where no other view shows the same place in finer pixels (``footprint`` = 1 / focal length)."""
    y, x = wp.tid()
    w = fused[y, x]
    mine[y, x] = wp.uint8(0)
    if w <= 0.0:
        return
    here = wp.vec3(float(x) + 0.5, float(y) + 0.5, 1.0)
    for i in range(sources.shape[0]):
        s = sources[i]
        p = s.A * here + s.b * w
        if p[2] > 1.0e-6:
            u = p[0] / p[2]
            v = p[1] / p[2]
            if u >= 0.0 and v >= 0.0 and u < float(s.width) and v < float(s.height):
                ws = source_fused[s.start + int(v) * s.width + int(u)]
                z = p[2] / w
                if (
                    ws > 0.0
                    and wp.abs(z * ws - 1.0) < max_relative
                    and z * source_footprints[i] < footprint / w
                ):
                    return
    mine[y, x] = wp.uint8(1)
