"""How a picture of a model looks: light, the ground's shadow, and what is behind.

A photographic texture has its light in it: it only gets darker in hollows, which gives the eye the depth that
a still picture lacks. What has no texture is lit by a sky and a soft lamp. The ground is warm and light, with
the model's shadow under it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from oberih.geometry import View
from oberih.products.studio import Seen

__all__ = ["SUPERSAMPLING", "Ground", "finished", "lightening"]

Image = NDArray[np.float32]

SUPERSAMPLING = 2
BAND = 80  # rows of a picture that are finished at once
TOP = np.array([247.0, 246.0, 244.0])
HORIZON = np.array([236.0, 233.0, 228.0])
BOTTOM = np.array([221.0, 216.0, 209.0])
BACK = np.array([96.0, 92.0, 88.0], np.float32)  # of surfaces seen from behind
SHADOW = 0.42
MIDDLE = 0.42  # of 0..1, where the median of photographs should lie
RINGS = (0.004, 0.012, 0.032)  # radii, as shares of the picture's height
PAIRS = 6
HOLLOW = 0.36
CLAY = np.array([1.04, 1.0, 0.94], np.float32)  # what has no colours, a little warmer than grey
LAMP = np.array([-0.45, -0.62, -0.64])  # towards it, in the camera's frame (y down)


@dataclass(frozen=True)
class Ground:
    """The shadow that a model throws on the level at 0, seen from above."""

    shade: Image  # (N, N) 0..1
    low: NDArray[np.float64]  # (2,) x and z of its corner
    side: float

    @classmethod
    def under(cls, places: NDArray[np.float64], texels: int = 256) -> "Ground":
        """Of ``(N, 3)`` places on the surface: sharp where it stands, soft where it is high."""
        low, high = places[:, [0, 2]].min(axis=0), places[:, [0, 2]].max(axis=0)
        side = float((high - low).max()) * 2 or 1.0
        corner = (low + high) / 2 - side / 2
        tall = float(np.ptp(places[:, 1])) or 1.0
        total = np.zeros((texels, texels), np.float32)
        for height, blur, strength in ((0.04, 0.012, 0.55), (0.35, 0.035, 0.5), (1.0, 0.09, 0.45)):
            there = places[places[:, 1] <= height * tall]
            at = ((there[:, [0, 2]] - corner) / side * texels).astype(int)
            mask = np.zeros((texels, texels), np.float32)
            mask[at[:, 1], at[:, 0]] = 1
            mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)).astype(np.float32)
            soft = cv2.GaussianBlur(mask, (0, 0), blur * texels).astype(np.float32)
            total = 1 - (1 - total) * (1 - strength * np.clip(soft, 0, 1))
        return cls(total, corner, side)

    def seen(self, view: View, rows: slice) -> Image:
        """``(H, W)`` 0..1 how dark the ground is in some rows of a view, 0 above the horizon."""
        c = view.camera
        x = (np.arange(c.width) + 0.5 - c.cx) / c.fx
        y = (np.arange(rows.start, rows.stop) + 0.5 - c.cy) / c.fy
        rays = np.stack([*np.meshgrid(x, y), np.ones((len(y), len(x)))], axis=2) @ view.pose.R
        eye = view.pose.centre
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.where(rays[..., 1] < 0, -eye[1] / rays[..., 1], np.nan)
        at = eye[[0, 2]] + away[..., None] * rays[..., [0, 2]]
        texel = (at - self.low) / self.side * len(self.shade) - 0.5
        texel = np.nan_to_num(texel, nan=-9.0, posinf=-9.0, neginf=-9.0).clip(-9, 1e6).astype(np.float32)
        dark = cv2.remap(self.shade, texel[..., 0], texel[..., 1], cv2.INTER_LINEAR, borderValue=0)
        return dark.astype(np.float32)


def finished(seen: Seen, large: View, ground: Ground, gamma: float | None) -> NDArray[np.uint8]:
    """``(H, W, 3)``: what the supersampled view ``large`` saw, as a picture.

    ``gamma``: of colours that have their light in them (`lightening`); None: there is no light yet.
    """
    width, height = large.camera.width // SUPERSAMPLING, large.camera.height // SUPERSAMPLING
    light = hollows(seen.depth, large)
    picture = backdrop(width, height)
    small = View(large.name, large.camera.scaled(width, height), large.pose)
    for top in range(0, height, BAND):
        bottom = min(top + BAND, height)
        rows = slice(SUPERSAMPLING * top, SUPERSAMPLING * bottom)
        size = width, bottom - top
        covered = seen.covered[rows].astype(np.float32)
        alpha = cv2.resize(covered, size, interpolation=cv2.INTER_AREA)[..., None]
        shown = lit(seen, rows, gamma) * (light[rows] * covered)[..., None]
        picture[top:bottom] *= 1 - SHADOW * ground.seen(small, slice(top, bottom))[..., None]
        picture[top:bottom] *= 1 - alpha
        picture[top:bottom] += cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def lit(seen: Seen, rows: slice, gamma: float | None) -> Image:
    """``(H, W, 3)`` the colours of some rows in their light."""
    colour = seen.colour[rows].astype(np.float32)
    if gamma is not None:
        colour = (255 * (colour / 255) ** np.float32(gamma)).astype(np.float32)
    elif seen.normal is not None:
        normal = seen.normal[rows]
        sky = 0.5 - 0.5 * normal[..., 1]
        lamp = np.clip(normal @ (LAMP / np.linalg.norm(LAMP)).astype(np.float32), 0, 1)
        colour *= (0.40 + 0.40 * sky + 0.46 * lamp)[..., None] * CLAY
    if seen.back is not None:
        behind = seen.back[rows]
        colour[behind] = 0.35 * colour[behind] + 0.65 * BACK
    return colour


def lightening(seen: Seen) -> float:
    """The gamma that makes photographs that are dark on the whole a little lighter; 1 for others."""
    grey = seen.colour[seen.covered].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    middle = float(np.median(grey)) / 255 if len(grey) else 1.0
    return float(np.clip(np.log(MIDDLE) / np.log(np.clip(middle, 0.02, 0.98)), 0.72, 1.0))


def hollows(depth: Image, view: View) -> Image:
    """``(H, W)`` 0.5..1: darker where the surface lies deeper than what is left and right of it.

    Looked up at half the size, on rings, each place with the one opposite: a slope is no hollow (after
    Mittring 2007, Luft et al. 2006).
    """
    small = np.ascontiguousarray(depth[::2, ::2])
    pixel = 2 * np.where(np.isfinite(small), small, 1) / view.camera.fx  # its size on the surface
    light = np.ones(small.shape, np.float32)
    for part in RINGS:
        radius = max(1.0, part * len(small))
        dark = np.zeros(small.shape, np.float32)
        for turn in range(PAIRS):
            angle = np.pi * (turn + 0.5) / PAIRS
            down, right = round(radius * np.sin(angle)), round(radius * np.cos(angle))
            pair = []
            for sign in (1, -1):
                moved = np.roll(small, (sign * down, sign * right), axis=(0, 1))
                with np.errstate(invalid="ignore"):
                    pair.append(np.nan_to_num((small - moved) / (pixel * radius), nan=0))
            near = np.clip(2 - np.maximum(*pair) / 3, 0, 1)  # what stands far in front is not near by
            dark += near * np.clip(np.clip(pair[0], -1, 1) + np.clip(pair[1], -1, 1), 0, 1)
        light *= 1 - HOLLOW * dark / PAIRS
    light = cv2.GaussianBlur(light, (0, 0), 1.2)
    size = depth.shape[1], depth.shape[0]
    return cv2.resize(np.maximum(light, 0.5), size, interpolation=cv2.INTER_LINEAR).astype(np.float32)


def backdrop(width: int, height: int) -> Image:
    """A light wall that runs into the ground, a little darker towards the corners."""
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    wall = TOP + (HORIZON - TOP) * np.clip(down / 0.62, 0, 1)
    made = wall + (BOTTOM - HORIZON) * np.clip((down - 0.62) / 0.38, 0, 1) ** 1.5
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    corner = 1 - 0.05 * np.clip(x**2 + y**2 - 0.5, 0, 2)
    # Noise of half a step: a gradient of few steps shows bands.
    noise = np.random.default_rng(0).random((height, width, 1), np.float32) - np.float32(0.5)
    return (made.astype(np.float32) * corner[..., None] + noise).astype(np.float32)
