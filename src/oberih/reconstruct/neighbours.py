"""Which views to match each view against.

Two views are good stereo partners when they share many sparse points at a triangulation angle that is
wide enough to measure depth and narrow enough to look alike, and see them at a similar scale.
"""

import numpy as np
from numpy.typing import NDArray

from oberih.geometry import Scene

__all__ = ["best_neighbours", "depth_range"]

ANGLE_DEG, NARROW_DEG, WIDE_DEG = 12.0, 5.0, 16.0  # best triangulation angle, falling off below and above


def best_neighbours(scene: Scene, view: int, count: int) -> NDArray[np.int32]:
    """Up to ``count`` indices of other views, best first."""
    mine = np.unique(scene.points_of(view))
    is_mine = np.zeros(len(scene.points), bool)
    is_mine[mine] = True
    shared = is_mine[scene.observed_point] & (scene.observed_view != view)
    points, others = scene.observed_point[shared], scene.observed_view[shared]
    centres = np.array([v.pose.centre for v in scene.views])
    position = scene.points[points]
    here, there = centres[view] - position, centres[others] - position
    near, far = np.linalg.norm(here, axis=1), np.linalg.norm(there, axis=1)
    cosine = np.einsum("ij,ij->i", here, there) / np.maximum(near * far, 1e-12)
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    spread = np.where(angle < ANGLE_DEG, NARROW_DEG, WIDE_DEG)
    focal = np.array([v.camera.fx / max(v.camera.width, v.camera.height) for v in scene.views])
    scale = (near / focal[view]) / (far / focal[others])
    score = np.exp(-(((angle - ANGLE_DEG) / spread) ** 2) / 2) * np.minimum(scale, 1 / scale)
    total = np.bincount(others, score, minlength=len(scene.views))
    order = np.argsort(-total, kind="stable")[:count]
    return order[total[order] > 0].astype(np.int32)


def depth_range(scene: Scene, view: int) -> tuple[float, float]:
    """Nearest and farthest depth (camera z) worth searching in ``view``."""
    depths = scene.views[view].project(scene.points[scene.points_of(view)])[1]
    depths = depths[depths > 0]
    near, far = np.percentile(depths, [1, 99])
    return float(near) * 0.6, float(far) * 1.8
