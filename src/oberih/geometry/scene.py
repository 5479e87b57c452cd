"""A scene: the views of a reconstruction with the sparse points that tie them together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oberih.geometry.camera import View

__all__ = ["Scene"]


@dataclass(frozen=True)
class Scene:
    """What pose estimation found: views, triangulated points, and which view saw which point where."""

    views: tuple[View, ...]
    points: NDArray[np.float64]  # (P, 3) world
    colours: NDArray[np.uint8]  # (P, 3) sRGB
    errors_px: NDArray[np.float64]  # (P,) mean reprojection error of the track
    observed_point: NDArray[np.int32]  # (O,) index into points
    observed_view: NDArray[np.int32]  # (O,) index into views
    observed_px: NDArray[np.float64]  # (O, 2) measured image coordinates

    def points_of(self, view: int) -> NDArray[np.int32]:
        """Indices of the points that ``view`` observes."""
        return self.observed_point[self.observed_view == view]
