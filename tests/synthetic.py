"""A small ray-caster: textured scenes whose every pixel has an exact answer.

A `World` is a handful of textured rectangles and spheres. Rendering it into a `View` gives a `Shot`:
a photo, and the true depth and normal at the centre of every pixel. From shots come JPEG files that
SIFT can match, exact points on the surface, and a `Scene` as pose estimation would find it.

    world = courtyard()
    shots = take(world, arc(6))
    write_photos(shots, folder)
    scene = sparse_scene(shots)

World frame: metres, z up. Everything is deterministic in its seeds.
"""

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih.geometry import Camera, Mesh, PointCloud, Pose, Scene, View

__all__ = [
    "Rectangle",
    "Shot",
    "Sphere",
    "World",
    "arc",
    "backproject",
    "box",
    "courtyard",
    "look_at",
    "sparse_scene",
    "surface_points",
    "take",
    "value_noise",
    "visible",
    "write_photos",
]

Floats = NDArray[np.floating]

TEXEL_M = 0.004  # size of a texel on every surface
LIGHT = np.array([0.35, -0.65, 0.67])  # direction towards the light, unit
FINEST_M, COARSEST_M = 0.012, 0.8  # noise cells: details of about two pixels up to large blotches


def value_noise(width: int, height: int, seed: int) -> NDArray[np.float32]:
    """``(height, width, 3)`` texture in 0..1: octaves of smoothly interpolated random grids."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    cell = COARSEST_M / TEXEL_M
    while cell * TEXEL_M >= FINEST_M:
        size = (math.ceil(height / cell) + 3, math.ceil(width / cell) + 3, 3)
        grid = rng.standard_normal(size).astype(np.float32)
        grid[..., 1:] = 0.92 * grid[..., :1] + 0.25 * grid[..., 1:]  # mostly light and dark, as stone is
        x = np.arange(width, dtype=np.float32) / np.float32(cell) + 1
        y = np.arange(height, dtype=np.float32) / np.float32(cell) + 1
        total += cv2.remap(grid, *np.meshgrid(x, y), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        cell /= 2
    base = np.array([0.58, 0.5, 0.42], np.float32) + rng.uniform(-0.09, 0.09, 3).astype(np.float32)
    return np.clip(base * (1 + 0.17 * total), 0.02, 0.98)


@dataclass(frozen=True)
class Rectangle:
    """The rectangle ``corner + a * u + b * v``, 0 <= a, b <= 1; its front is where ``u x v`` points."""

    corner: Floats  # (3,)
    u: Floats  # (3,), at a right angle to v
    v: Floats  # (3,)
    seed: int = 0

    @cached_property
    def texture(self) -> NDArray[np.float32]:
        across, along = (max(2, round(float(np.linalg.norm(e)) / TEXEL_M)) for e in (self.u, self.v))
        return value_noise(across, along, self.seed)

    def intersect(self, origin: Floats, directions: Floats) -> Floats:
        """``(N,)`` how many times each of the ``(N, 3)`` directions reaches the surface; inf for a miss."""
        basis = np.linalg.inv(np.stack([self.u, self.v, np.cross(self.u, self.v)], axis=1))
        start = (basis @ (origin - self.corner)).astype(directions.dtype)
        step = basis.astype(directions.dtype) @ directions.T
        with np.errstate(divide="ignore", invalid="ignore"):
            t = -start[2] / step[2]
            a, b = start[0] + t * step[0], start[1] + t * step[1]
            hit = (t > 1e-6) & (a >= 0) & (a <= 1) & (b >= 0) & (b <= 1)
        return np.where(hit, t, directions.dtype.type(np.inf))

    def normals(self, points: Floats) -> Floats:
        normal = np.cross(self.u, self.v)
        return np.broadcast_to(normal / np.linalg.norm(normal), points.shape)

    def texel(self, points: Floats) -> tuple[Floats, Floats]:
        """Column and row of the texture at each of the ``(N, 3)`` points."""
        height, width = self.texture.shape[:2]
        local = points - self.corner
        a, b = local @ (self.u / (self.u @ self.u)), local @ (self.v / (self.v @ self.v))
        return a * width - 0.5, b * height - 0.5

    def mesh(self, step_m: float) -> tuple[Floats, NDArray[np.int32]]:
        rows, columns = (max(1, round(float(np.linalg.norm(e)) / step_m)) for e in (self.v, self.u))
        a, b = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
        vertices = self.corner + a.reshape(-1, 1) * self.u + b.reshape(-1, 1) * self.v
        return vertices, _grid_faces(rows, columns)


@dataclass(frozen=True)
class Sphere:
    centre: Floats  # (3,)
    radius: float
    seed: int = 0

    @cached_property
    def texture(self) -> NDArray[np.float32]:
        half = round(math.pi * self.radius / TEXEL_M)
        return value_noise(2 * half, half, self.seed)

    def intersect(self, origin: Floats, directions: Floats) -> Floats:
        """As `Rectangle.intersect`; only from outside."""
        offset = origin - self.centre
        a = np.einsum("ij,ij->i", directions, directions)
        half_b = directions @ offset.astype(directions.dtype)
        root = half_b * half_b - a * directions.dtype.type(offset @ offset - self.radius**2)
        with np.errstate(invalid="ignore"):
            t = (-half_b - np.sqrt(root)) / a
            return np.where((root > 0) & (t > 1e-6), t, np.inf).astype(directions.dtype)

    def normals(self, points: Floats) -> Floats:
        away = points - self.centre
        return away / np.linalg.norm(away, axis=1, keepdims=True)

    def texel(self, points: Floats) -> tuple[Floats, Floats]:
        """As `Rectangle.texel`; longitude and latitude with the seam at +y, behind for our cameras."""
        height, width = self.texture.shape[:2]
        n = self.normals(points)
        turn = np.arctan2(n[:, 0], -n[:, 1]) / (2 * math.pi) + 0.5
        rise = np.arccos(np.clip(n[:, 2], -1, 1)) / math.pi
        return turn * width - 0.5, rise * height - 0.5

    def mesh(self, step_m: float) -> tuple[Floats, NDArray[np.int32]]:
        rows = max(4, round(math.pi * self.radius / step_m))
        turns, rises = np.linspace(0, 2, 2 * rows + 1), np.linspace(-0.5, 0.5, rows + 1)
        turn, rise = np.meshgrid(turns * math.pi, rises * math.pi)
        unit = np.stack([np.cos(turn) * np.cos(rise), np.sin(turn) * np.cos(rise), np.sin(rise)], -1)
        return self.centre + self.radius * unit.reshape(-1, 3), _grid_faces(rows, 2 * rows)


def _grid_faces(rows: int, columns: int) -> NDArray[np.int32]:
    corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    right, up, both = corner + 1, corner + columns + 1, corner + columns + 2
    halves = np.stack([corner, right, both], 1), np.stack([corner, both, up], 1)
    return np.concatenate(halves).astype(np.int32)


def box(centre: Sequence[float], size: Sequence[float], turn_deg: float, seed: int) -> tuple[Rectangle, ...]:
    """The five upper sides of a box that stands on its lower side, turned about z."""
    angle = math.radians(turn_deg)
    x = np.array([math.cos(angle), math.sin(angle), 0]) * size[0]
    y = np.array([-math.sin(angle), math.cos(angle), 0]) * size[1]
    z = np.array([0, 0, 1.0]) * size[2]
    low = np.asarray(centre, float) - (x + y) / 2
    return (
        Rectangle(low, x, z, seed),
        Rectangle(low + x, y, z, seed + 1),
        Rectangle(low + x + y, -x, z, seed + 2),
        Rectangle(low + y, -y, z, seed + 3),
        Rectangle(low + z, x, y, seed + 4),
    )


@dataclass(frozen=True)
class World:
    """Textured surfaces under one distant light; what no surface covers is a plain sky."""

    surfaces: tuple[Rectangle | Sphere, ...]
    sky: tuple[float, float, float] = (0.72, 0.80, 0.90)

    def cast(self, origin: Floats, directions: Floats) -> tuple[Floats, NDArray[np.int8]]:
        """For ``(N, 3)`` directions: their multiples that reach a surface (inf: none), and which one (-1)."""
        nearest = np.full(len(directions), np.inf, directions.dtype)
        which = np.full(len(directions), -1, np.int8)
        for start in range(0, len(directions), 16384):  # pieces that stay in the processor's cache
            piece = slice(start, start + 16384)
            for index, surface in enumerate(self.surfaces):
                t = surface.intersect(origin, directions[piece])
                closer = t < nearest[piece]
                np.copyto(nearest[piece], t, where=closer)
                which[piece][closer] = index
        return nearest, which

    def colours(self, points: Floats, which: NDArray[np.int8]) -> NDArray[np.float32]:
        """``(N, 3)`` lit colour in 0..1 of ``(N, 3)`` points on the surfaces ``which``; sky for -1."""
        result = np.empty((len(points), 3), np.float32)
        result[:] = self.sky
        for index, surface in enumerate(self.surfaces):
            here = np.flatnonzero(which == index)
            if not len(here):
                continue
            column, row = (a.astype(np.float32) for a in surface.texel(points[here]))
            texels = _sample(surface.texture, column, row)
            lambert = np.clip(surface.normals(points[here]) @ LIGHT, 0, 1)
            result[here] = texels * (0.55 + 0.45 * lambert[:, None])
        return result

    def normals(self, points: Floats, which: NDArray[np.int8]) -> NDArray[np.float32]:
        """``(N, 3)`` outward unit normals; zero for -1."""
        result = np.zeros((len(points), 3), np.float32)
        for index, surface in enumerate(self.surfaces):
            here = which == index
            result[here] = surface.normals(points[here])
        return result

    def distance(self, points: Floats) -> NDArray[np.float64]:
        """``(N,)`` distance of ``(N, 3)`` points to the nearest surface: the error of a reconstruction."""
        best = np.full(len(points), np.inf)
        for surface in self.surfaces:
            if isinstance(surface, Sphere):
                distance = np.abs(np.linalg.norm(points - surface.centre, axis=1) - surface.radius)
            else:
                local = points - surface.corner
                nearest = np.zeros_like(local, dtype=np.float64)
                for edge in (surface.u, surface.v):
                    nearest += np.clip(local @ edge / (edge @ edge), 0, 1)[:, None] * edge
                distance = np.linalg.norm(local - nearest, axis=1)
            best = np.minimum(best, distance)
        return best

    def mesh(self, step_m: float = 0.05) -> Mesh:
        """The true surface as triangles with edges of about ``step_m`` (pieces are not joined)."""
        vertices, faces, first = [], [], 0
        for surface in self.surfaces:
            v, f = surface.mesh(step_m)
            vertices.append(v)
            faces.append(f + first)
            first += len(v)
        mesh = Mesh(np.concatenate(vertices).astype(np.float32), np.concatenate(faces).astype(np.int32))
        which = np.repeat(np.arange(len(vertices)), [len(v) for v in vertices]).astype(np.int8)
        colours = np.rint(self.colours(mesh.vertices.astype(np.float64), which) * 255).astype(np.uint8)
        normals = self.normals(mesh.vertices.astype(np.float64), which)
        return Mesh(mesh.vertices, mesh.faces, normals, colours)


def _sample(texture: NDArray[np.float32], column: Floats, row: Floats) -> NDArray[np.float32]:
    """Bilinear samples ``(N, 3)``; N is folded into rows because OpenCV's maps have a limited length."""
    width = 4096
    padding = -len(column) % width
    maps = (np.pad(a, (0, padding)).reshape(-1, width) for a in (column, row))
    samples = cv2.remap(texture, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return samples.reshape(-1, 3)[: len(column)]


def courtyard(seed: int = 7) -> World:
    """Ground, a leaning wall, a turned box and a sphere: slanted, curved and occluding surfaces."""
    lean = math.radians(8)
    return World(
        (
            Rectangle(np.array([-3.0, -2.6, 0]), np.array([6.0, 0, 0]), np.array([0, 4.2, 0]), seed),
            Rectangle(
                np.array([-2.4, 1.4, 0]),
                np.array([4.8, 0, 0]),
                2.1 * np.array([0, math.sin(lean), math.cos(lean)]),
                seed + 1,
            ),
            Sphere(np.array([-0.75, 0.1, 0.5]), 0.55, seed + 2),
            *box((0.75, 0.1, 0), (0.9, 0.7, 1.0), 28, seed + 3),
        )
    )


def look_at(eye: Sequence[float], target: Sequence[float]) -> Pose:
    """The pose of a level camera at ``eye`` that looks at ``target`` (world, z up)."""
    forward = np.asarray(target, float) - np.asarray(eye, float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])
    return Pose(R, -R @ np.asarray(eye, float))


def arc(
    n: int,
    *,
    width: int = 640,
    height: int = 480,
    focal_px: float | None = None,
    degrees: float = 70,
    distance_m: float = 4.2,
    k1: float = 0.0,
) -> list[View]:
    """``n`` views on an arc of ``degrees`` in front of the courtyard, at two alternating heights."""
    focal = focal_px or 0.95 * max(width, height)
    camera = Camera(width, height, focal, focal, width / 2, height / 2, k1=k1)
    views = []
    for i, angle in enumerate(np.radians(np.linspace(-degrees / 2, degrees / 2, n))):
        eye = (distance_m * math.sin(angle), 0.3 - distance_m * math.cos(angle), (1.5, 1.9)[i % 2])
        views.append(View(f"photo-{i:03d}.jpg", camera, look_at(eye, (0.0, 0.3, 0.6))))
    return views


@dataclass(frozen=True)
class Shot:
    """A rendered view with its truth at the pixel centres."""

    view: View
    image: NDArray[np.uint8]  # (H, W, 3) sRGB
    depth: NDArray[np.float32]  # (H, W) camera z, metres; 0: sky
    normals: NDArray[np.float32]  # (H, W, 3) world, outward unit; 0: sky
    world: World = field(repr=False)


def _rays(view: View, samples: int, dtype: type) -> Floats:
    """``(H * W * samples**2, 3)`` world directions with camera z = 1 (so that their multiples are depths)."""
    c = view.camera
    column = (np.arange(c.width * samples) + 0.5) / samples
    row = (np.arange(c.height * samples) + 0.5) / samples
    xd, yd = np.meshgrid((column - c.cx) / c.fx, (row - c.cy) / c.fy)
    x, y = xd, yd
    for _ in range(20 if c.distorted else 0):  # inverts the lens model by fixed-point iteration
        r2 = x * x + y * y
        radial = 1 + r2 * (c.k1 + r2 * c.k2)
        x, y = (
            (xd - 2 * c.p1 * x * y - c.p2 * (r2 + 2 * x * x)) / radial,
            (yd - 2 * c.p2 * x * y - c.p1 * (r2 + 2 * y * y)) / radial,
        )
    right, down, forward = view.pose.R.astype(dtype)
    x, y = x.astype(dtype)[..., None], y.astype(dtype)[..., None]
    return (x * right + (y * down + forward)).reshape(-1, 3)


def render(
    world: World, view: View, *, gain: float = 1.0, noise: float = 0.004, samples: int = 2, seed: int = 0
) -> Shot:
    """One photo: ``samples`` x ``samples`` rays a pixel, times ``gain`` (exposure), plus sensor ``noise``."""
    height, width, eye = view.camera.height, view.camera.width, view.pose.centre
    directions = _rays(view, samples, np.float32)
    t, which = world.cast(eye, directions)
    points = eye.astype(np.float32) + np.where(which >= 0, t, 0)[:, None] * directions
    fine = world.colours(points, which).reshape(height, samples, width, samples, 3)
    colour = fine.mean(axis=(1, 3)) * np.float32(gain)
    colour += np.random.default_rng(seed).normal(0, noise, colour.shape).astype(np.float32)
    image = np.clip(np.rint(colour * 255), 0, 255).astype(np.uint8)

    directions = _rays(view, 1, np.float64)
    t, which = world.cast(eye, directions)
    depth = np.where(which >= 0, t, 0)
    normals = world.normals(eye + depth[:, None] * directions, which)
    return Shot(
        view, image, depth.reshape(height, width).astype(np.float32), normals.reshape(height, width, 3), world
    )


def take(
    world: World, views: Iterable[View], *, gains: Sequence[float] = (1.0,), noise: float = 0.004
) -> list[Shot]:
    """Render all views; ``gains`` are repeated over them (unequal exposure)."""
    jobs = [(view, gains[i % len(gains)], i) for i, view in enumerate(views)]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda job: render(world, job[0], gain=job[1], noise=noise, seed=job[2]), jobs))


def write_photos(shots: Iterable[Shot], folder: Path, *, exif: bool = True, quality: int = 95) -> list[Path]:
    """Write the shots as JPEG photos, with a made-up camera and its true focal length in EXIF if asked."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i, shot in enumerate(shots):
        camera, tags = shot.view.camera, Image.Exif()
        if exif:
            tags[0x010F], tags[0x0110] = "Oberih", "Ray-caster"  # make, model
            tags[0x0132] = f"2024:05:04 10:{i // 60 % 60:02d}:{i % 60:02d}"
            detail = tags.get_ifd(0x8769)
            equivalent = 36 * camera.fx / max(camera.width, camera.height)
            detail[0x920A] = round(equivalent / 6, 3)  # focal length, mm, on a sensor 6 mm wide
            detail[0xA405] = round(equivalent)  # focal length as on 35 mm film
            detail[0x9003] = tags[0x0132]
        path = folder / shot.view.name
        Image.fromarray(shot.image).save(path, quality=quality, subsampling=0, exif=tags)
        paths.append(path)
    return paths


def backproject(view: View, pixels: Floats, depth: Floats) -> Floats:
    """``(N, 3)`` world points at ``(N, 2)`` image coordinates and ``(N,)`` depths of an undistorted view."""
    c = view.camera
    local = np.stack([(pixels[:, 0] - c.cx) / c.fx, (pixels[:, 1] - c.cy) / c.fy, np.ones(len(pixels))], 1)
    return (local * np.asarray(depth, float)[:, None] - view.pose.t) @ view.pose.R


def visible(shot: Shot, points: Floats, tolerance: float = 0.01) -> NDArray[np.bool_]:
    """Whether the shot sees each of ``(N, 3)`` surface points (depth within ``tolerance``, relative)."""
    pixels, depth = shot.view.project(points)
    column, row = np.floor(pixels).astype(int).T
    inside = (depth > 0) & (column >= 0) & (row >= 0)
    inside &= (column < shot.view.camera.width) & (row < shot.view.camera.height)
    result = np.zeros(len(points), bool)
    seen = shot.depth[row[inside], column[inside]]
    result[inside] = np.abs(seen - depth[inside]) < tolerance * depth[inside]
    return result


def surface_points(shots: Sequence[Shot], n: int, seed: int = 0) -> PointCloud:
    """About ``n`` exact points, with normals and colours, spread over the pixels of undistorted shots."""
    rng, parts = np.random.default_rng(seed), []
    for shot in shots:
        row, column = np.nonzero(shot.depth)
        pick = rng.choice(len(row), min(len(row), math.ceil(n / len(shots))), replace=False)
        row, column = row[pick], column[pick]
        points = backproject(shot.view, np.stack([column, row], 1) + 0.5, shot.depth[row, column])
        parts.append((points.astype(np.float32), shot.normals[row, column], shot.image[row, column]))
    points, normals, colours = (np.concatenate(p) for p in zip(*parts, strict=True))
    return PointCloud(points, normals, colours)


def sparse_scene(shots: Sequence[Shot], n: int = 1500, noise_px: float = 0.0, seed: int = 0) -> Scene:
    """A scene as pose estimation would give it: exact, each point observed by all shots that see it."""
    cloud = surface_points(shots, n, seed)
    points = cloud.points.astype(np.float64)
    seen = np.stack([visible(shot, points) for shot in shots])
    kept = seen.sum(axis=0) >= 2
    points, seen = points[kept], seen[:, kept]
    view, point = np.nonzero(seen)
    pixels = np.empty((len(view), 2))
    for i, shot in enumerate(shots):
        pixels[view == i] = shot.view.project(points[point[view == i]])[0]
    noise = np.random.default_rng(seed + 1).normal(0, noise_px, pixels.shape)
    length = np.bincount(point, minlength=len(points))
    errors = np.bincount(point, np.linalg.norm(noise, axis=1), minlength=len(points)) / length
    assert cloud.colours is not None
    return Scene(
        views=tuple(shot.view for shot in shots),
        points=points,
        colours=cloud.colours[kept],
        errors_px=errors,
        observed_point=point.astype(np.int32),
        observed_view=view.astype(np.int32),
        observed_px=pixels + noise,
    )
