"""Similarity transforms between frames."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Similarity"]


@dataclass(frozen=True)
class Similarity:
    """``x' = scale * R @ x + t``."""

    scale: float
    R: NDArray[np.float64]  # (3, 3), a rotation
    t: NDArray[np.float64]  # (3,)

    @classmethod
    def identity(cls) -> "Similarity":
        return cls(1.0, np.eye(3), np.zeros(3))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """``(4, 4)`` homogeneous matrix."""
        m = np.eye(4)
        m[:3, :3] = self.scale * self.R
        m[:3, 3] = self.t
        return m

    def apply(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """``(N, 3)`` points of the source frame into the target frame."""
        return self.scale * (points.astype(np.float64) @ self.R.T) + self.t
