"""Triangle meshes and point clouds as plain arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mesh", "PointCloud"]


@dataclass(frozen=True)
class PointCloud:
    """An oriented, coloured point cloud."""

    points: NDArray[np.float32]  # (N, 3)
    normals: NDArray[np.float32] | None = None  # (N, 3), unit
    colours: NDArray[np.uint8] | None = None  # (N, 3), sRGB
    confidence: NDArray[np.float32] | None = None  # (N,), 0..1
    intensity: NDArray[np.float32] | None = None  # (N,), 0..1: how much of a laser's light came back

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh; per-vertex attributes are optional, texture coordinates are per face corner."""

    vertices: NDArray[np.float32]  # (V, 3)
    faces: NDArray[np.int32]  # (F, 3), counter-clockwise seen from outside
    normals: NDArray[np.float32] | None = None  # (V, 3), unit
    colours: NDArray[np.uint8] | None = None  # (V, 3), sRGB
    confidence: NDArray[np.float32] | None = None  # (V,), 0..1
    uv: NDArray[np.float32] | None = None  # (F, 3, 2), 0..1, v down (row 0 of the texture is v = 0)
    texture: NDArray[np.uint8] | None = None  # (H, W, 3), sRGB

    def face_normals(self) -> NDArray[np.float32]:
        """``(F, 3)`` normals whose length is twice the area of the face."""
        a, b, c = (self.vertices[self.faces[:, i]] for i in range(3))
        return np.cross(b - a, c - a)

    def vertex_normals(self) -> NDArray[np.float32]:
        """``(V, 3)`` unit normals, weighted by area; zero for a vertex of no face."""
        weighted = self.face_normals()
        total = np.zeros((len(self.vertices), 3), np.float64)
        for i in range(3):
            for axis in range(3):
                total[:, axis] += np.bincount(self.faces[:, i], weighted[:, axis], minlength=len(total))
        length = np.linalg.norm(total, axis=1, keepdims=True)
        return (total / np.where(length > 0, length, 1)).astype(np.float32)
