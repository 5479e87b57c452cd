"""Pictures of a model: as photographed, as clay, its confidence, and a walk around it.

The camera goes where the photographers were: on their arc about the point that they looked at, a little
to the side, as far away as the model needs to fill the picture.

    studio = Studio(textured.mesh, scene)
    write_image(folder / "preview.png", studio.photographic())
    for number, frame in enumerate(studio.walk(24)):
        write_image(folder / f"frame-{number:02d}.jpg", frame)
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from oberih.geometry import Camera, Mesh, Pose, Scene, View
from oberih.geometry.raster import Raster
from oberih.geometry.render import Renderer, interpolated, looking

__all__ = ["Studio", "write_image"]

SUPERSAMPLING = 2
FIELD_DEG = 38.0  # vertical field of view
TURN_DEG, RISE_DEG = 14.0, 5.0  # from the photographers' middle direction
FRAMED = 0.97  # share of the surface that the picture should hold
TOP_GREY, BOTTOM_GREY = 246.0, 205.0


@dataclass(frozen=True)
class Arc:
    """Where the photographers stood, about the point that they looked at."""

    focus: NDArray[np.float64]  # (3,)
    up: NDArray[np.float64]  # (3,) unit
    ahead: NDArray[np.float64]  # (3,) unit, level: from the focus to the middle of the cameras
    side: NDArray[np.float64]  # (3,) unit, level, to the right of ahead seen from the focus
    elevation: float  # radians: median of the cameras above the level through the focus
    half_angle: float  # radians: cameras stood within this angle of ahead; pi: all around

    def direction(self, turn: float, rise: float) -> NDArray[np.float64]:
        """``(3,)`` unit vector from the focus towards the camera."""
        level = math.cos(turn) * self.ahead + math.sin(turn) * self.side
        angle = float(np.clip(self.elevation + rise, -1.2, 1.3))
        return math.cos(angle) * level + math.sin(angle) * self.up


class Studio:
    """Takes pictures of a textured mesh. ``up``: ``(3,)`` world; by default the cameras' own."""

    def __init__(self, mesh: Mesh, scene: Scene, up: NDArray[np.float64] | None = None) -> None:
        self.mesh = mesh
        self.scene = scene
        self.arc = capture_arc(scene, up)
        self._renderer = Renderer(mesh)
        self._face_normals = mesh.face_normals()
        self._face_middles = mesh.vertices[mesh.faces].mean(axis=1)
        self._normals = mesh.normals if mesh.normals is not None else mesh.vertex_normals()
        random = np.random.default_rng(0)
        area = np.linalg.norm(self._face_normals.astype(np.float64), axis=1)
        picked = random.choice(len(area), min(20_000, len(area)), p=area / area.sum())
        self._sample = self._face_middles[picked].astype(np.float64)

    def view(self, width: int = 1200, height: int = 900, turn: float | None = None) -> View:
        """The view of the main picture, or the one at ``turn`` radians along the arc."""
        if turn is not None:
            return self._orbit(width, height, turn, 0.0)
        turn = math.copysign(min(math.radians(TURN_DEG), 0.6 * self.arc.half_angle), 1.0)
        wanted = self._orbit(width, height, turn, math.radians(RISE_DEG))
        # In a room the orbit may end behind a wall: then a photographer's own view is better.
        if self._front(wanted) < 0.35:
            own = self._own_view(width, height)
            if self._front(own) > self._front(wanted):
                return own
        return wanted

    def photographic(self, view: View | None = None) -> NDArray[np.uint8]:
        """``(H, W, 3)`` the model as photographed."""
        view = view or self.view()
        large = enlarged(view, SUPERSAMPLING)
        image, raster = self._renderer.draw(large)
        return composed(image, raster.covered, view)

    def clay(self, view: View | None = None) -> NDArray[np.uint8]:
        """``(H, W, 3)`` the bare shape in soft light."""
        view = view or self.view()
        large = enlarged(view, SUPERSAMPLING)
        raster = self._renderer.rasteriser.draw(large, weights=True)
        shade = self._shade(raster, large)
        return composed(shade[..., None] * np.array([232, 222, 208], np.float32), raster.covered, view)

    def confidence(self, view: View | None = None) -> NDArray[np.uint8]:
        """``(H, W, 3)`` the confidence of the surface, viridis: dark blue 0, yellow 1; grey if unknown."""
        view = view or self.view()
        large = enlarged(view, SUPERSAMPLING)
        raster = self._renderer.rasteriser.draw(large, weights=True)
        shade = 0.35 + 0.65 * self._shade(raster, large)
        colour = np.full((*shade.shape, 3), 150, np.float32)
        if self.mesh.confidence is not None:
            value = interpolated(self.mesh.confidence[:, None], self.mesh, raster)[..., 0]
            index = np.clip(value * 255, 0, 255).astype(np.uint8)
            colour = cv2.applyColorMap(index, cv2.COLORMAP_VIRIDIS)[..., ::-1].astype(np.float32)
        return composed(shade[..., None] * colour, raster.covered, view)

    def walk(self, count: int = 24, width: int = 480, height: int = 360) -> Iterator[NDArray[np.uint8]]:
        """``count`` small pictures that loop: around the model, or along the photographers' arc and back."""
        half = self.arc.half_angle
        for number in range(count):
            phase = 2 * math.pi * number / count
            turn = phase if half >= math.pi else min(half, math.radians(55)) * math.sin(phase)
            yield self.photographic(self.view(width, height, turn))

    def _orbit(self, width: int, height: int, turn: float, rise: float) -> View:
        direction = self.arc.direction(turn, rise)
        focal = height / 2 / math.tan(math.radians(FIELD_DEG) / 2)
        camera = Camera(width, height, focal, focal, width / 2, height / 2)
        R = looking(-direction, self.arc.up)
        local = (self._sample - self.arc.focus) @ R.T
        # Centre what is there, then step back until most of the surface is in the picture.
        low, high = np.quantile(local[:, :2], (0.03, 0.97), axis=0)
        focus = self.arc.focus + ((low + high) / 2 * 0.8) @ R[:2]
        local = (self._sample - focus) @ R.T
        needed = np.maximum(
            np.abs(local[:, 0]) * focal / (0.47 * width), np.abs(local[:, 1]) * focal / (0.47 * height)
        )
        distance = float(np.quantile(needed - local[:, 2], FRAMED))
        return View("preview", camera, Pose(R, -R @ (focus + distance * direction)))

    def _own_view(self, width: int, height: int) -> View:
        """The photographer's view nearest to the middle of all."""
        centres = np.array([view.pose.centre for view in self.scene.views])
        index = int(np.linalg.norm(centres - np.median(centres, axis=0), axis=1).argmin())
        own = self.scene.views[index]
        factor = min(width / own.camera.width, height / own.camera.height)  # all that the photo shows
        focal = own.camera.fx * factor
        return View("preview", Camera(width, height, focal, focal, width / 2, height / 2), own.pose)

    def _front(self, view: View) -> float:
        """Share of the picture that shows the front of a surface."""
        small = view.resized(240)
        rasteriser = self._renderer.rasteriser
        everything, front = rasteriser.draw(small), rasteriser.draw(small, cull=True)
        return float((front.covered & (front.depth <= everything.depth * 1.0001)).mean())

    def _shade(self, raster: Raster, view: View) -> NDArray[np.float32]:
        """``(H, W)`` light 0..1: a sky, a soft lamp at the upper left, and darker hollows."""
        normals = interpolated(self._normals, self.mesh, raster) @ view.pose.R.T.astype(np.float32)
        normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-6)
        # The back is lit like the front. The face decides which it is: on a rough surface seen at a slant the
        # smooth normals of the vertices may point away though the face does not.
        towards = (self._face_normals * (view.pose.centre - self._face_middles)).sum(axis=1) >= 0
        normals *= np.where(towards[raster.face], 1, -1)[..., None]
        up = (view.pose.R @ self.arc.up).astype(np.float32)
        lamp = np.array([-0.45, -0.55, -0.70], np.float32)
        sky = 0.5 + 0.5 * normals @ up
        light = 0.18 + 0.34 * sky + 0.52 * np.clip(normals @ (lamp / np.linalg.norm(lamp)), 0, 1)
        return np.clip(light * hollows(raster, view), 0, 1).astype(np.float32)


def capture_arc(scene: Scene, up: NDArray[np.float64] | None) -> Arc:
    """The photographers' arc about the point nearest to all viewing rays."""
    centres = np.array([view.pose.centre for view in scene.views])
    directions = np.array([view.pose.direction for view in scene.views])
    if up is None:
        up = -np.mean([view.pose.R[1] for view in scene.views], axis=0)
    up = up / max(float(np.linalg.norm(up)), 1e-12)
    middle = np.median(scene.points, axis=0) if len(scene.points) else (centres + directions).mean(axis=0)
    # Least squares over the rays, held to the middle of the points where rays are parallel.
    across = np.eye(3) - directions[:, :, None] * directions[:, None]
    pull = 0.05 * len(centres)
    focus = np.linalg.solve(
        across.sum(axis=0) + pull * np.eye(3),
        np.einsum("nij,nj->i", across, centres) + pull * middle,
    )
    if np.mean(((focus - centres) * directions).sum(axis=1) > 0) < 0.7:
        focus = middle  # cameras look outwards: there is no point that they look at
    away = centres - focus
    height = away @ up
    level = away - height[:, None] * up
    ahead = level.mean(axis=0)
    if np.linalg.norm(ahead) < 1e-9 * max(1.0, float(np.linalg.norm(level))):
        ahead = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.9 else [0.0, 1.0, 0.0])
    ahead = ahead / np.linalg.norm(ahead)
    side = np.cross(up, ahead)
    angles = np.sort(np.arctan2(level @ side, level @ ahead))
    gaps = np.diff(np.r_[angles, angles[0] + 2 * math.pi])
    widest = int(gaps.argmax())
    half = math.pi
    if gaps[widest] > math.radians(70):
        # The arc is what the widest gap leaves; its middle is ahead.
        half = (2 * math.pi - float(gaps[widest])) / 2
        turn = float(angles[widest]) - half
        ahead, side = (
            math.cos(turn) * ahead + math.sin(turn) * side,
            math.cos(turn) * side - math.sin(turn) * ahead,
        )
    elevation = float(np.median(np.arctan2(height, np.linalg.norm(level, axis=1))))
    return Arc(focus, up, ahead, side, elevation, max(half, math.radians(12)))


def enlarged(view: View, times: int) -> View:
    c = view.camera
    return View(view.name, c.scaled(c.width * times, c.height * times), view.pose)


def hollows(raster: Raster, view: View) -> NDArray[np.float32]:
    """``(H, W)`` 0.55..1: darker where the surface lies behind its surroundings (Luft et al. 2006)."""
    covered = raster.covered.astype(np.float32)
    depth = np.where(raster.covered, raster.depth, 0)
    pixel = np.where(raster.covered, raster.depth, 1) / view.camera.fx  # world size of a pixel
    result = np.ones(depth.shape, np.float32)
    for radius in (4, 12, 32):
        size = (2 * radius + 1, 2 * radius + 1)
        weight = cv2.blur(covered, size)
        mean = cv2.blur(depth, size) / np.maximum(weight, 1e-6)
        behind = np.clip((depth - mean) / (pixel * radius), 0, 1)
        result *= 1 - 0.24 * behind
    return np.clip(result, 0.55, 1).astype(np.float32)


def composed(image: NDArray[np.float32], covered: NDArray[np.bool_], view: View) -> NDArray[np.uint8]:
    """Shrink a supersampled picture by area onto a soft grey background."""
    size = (view.camera.width, view.camera.height)
    alpha = cv2.resize(covered.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    colour = cv2.resize(
        np.where(covered[..., None], image, 0).astype(np.float32), size, interpolation=cv2.INTER_AREA
    )
    grey = np.linspace(TOP_GREY, BOTTOM_GREY, size[1], dtype=np.float32)[:, None, None]
    return np.clip(np.rint(colour + (1 - alpha) * grey), 0, 255).astype(np.uint8)


def write_image(path: Path, image: NDArray[np.uint8], quality: int = 85) -> None:
    """Write ``(H, W, 3)`` as PNG or JPEG by the name; the file appears whole or not at all."""
    options = (
        [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 6]
    )
    done, data = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    assert done
    part = path.with_name(path.name + ".part")
    part.write_bytes(data.tobytes())
    part.replace(path)
