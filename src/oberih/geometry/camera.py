"""Cameras (intrinsics with lens distortion), poses, and views (a camera at a pose).

The lens model is the Brown-Conrady one that COLMAP calls OPENCV: two radial and two tangential
coefficients. Simpler models are the same with zeros.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["Camera", "Pose", "View"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Intrinsics of one camera, in pixels."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    @property
    def K(self) -> Floats:
        """``(3, 3)`` calibration matrix (without distortion)."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    @property
    def distorted(self) -> bool:
        return any((self.k1, self.k2, self.p1, self.p2))

    def project(self, points: Floats) -> Floats:
        """``(N, 3)`` points in the camera frame to ``(N, 2)`` pixels; not defined where z <= 0."""
        x, y = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
        if self.distorted:
            r2 = x * x + y * y
            radial = 1 + r2 * (self.k1 + r2 * self.k2)
            x, y = (
                x * radial + 2 * self.p1 * x * y + self.p2 * (r2 + 2 * x * x),
                y * radial + 2 * self.p2 * x * y + self.p1 * (r2 + 2 * y * y),
            )
        return np.stack([self.fx * x + self.cx, self.fy * y + self.cy], axis=1)

    def scaled(self, width: int, height: int) -> "Camera":
        """The same camera for an image resampled to ``width`` x ``height`` pixels."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self, width=width, height=height,
            fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy,
        )  # fmt: skip

    def undistorted(self) -> "Camera":
        """The pinhole camera with the same matrix and image size."""
        return replace(self, k1=0.0, k2=0.0, p1=0.0, p2=0.0)


@dataclass(frozen=True)
class Pose:
    """Where a camera stood: ``x_cam = R @ x_world + t``."""

    R: Floats  # (3, 3)
    t: Floats  # (3,)

    @property
    def centre(self) -> Floats:
        """``(3,)`` projection centre in the world."""
        return -self.R.T @ self.t

    @property
    def direction(self) -> Floats:
        """``(3,)`` unit viewing direction in the world."""
        return self.R[2]

    def apply(self, points: Floats) -> Floats:
        """``(N, 3)`` world points into the camera frame."""
        return points @ self.R.T + self.t


@dataclass(frozen=True)
class View:
    """A photo with a known camera and pose. ``name`` is the photo's name in ``sparse/``."""

    name: str
    camera: Camera
    pose: Pose

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """``(N, 3)`` world points to ``(N, 2)`` pixels and ``(N,)`` depths (camera z)."""
        local = self.pose.apply(points)
        return self.camera.project(local), local[:, 2]

    def resized(self, max_size: int) -> "View":
        """The same view, undistorted, with its longer image side at most ``max_size`` pixels."""
        camera = self.camera.undistorted()
        scale = min(1.0, max_size / max(camera.width, camera.height))
        width, height = max(1, round(camera.width * scale)), max(1, round(camera.height * scale))
        return replace(self, camera=camera.scaled(width, height))
