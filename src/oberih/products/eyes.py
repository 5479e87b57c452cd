"""Where the photos of a model were taken, in the frame of its public files.

It tells where somebody stood before the thing, and is in none of these files: whoever decides what becomes
public decides on it by itself. Nothing tells the order in which the photos were taken, or which is which.
"""

import numpy as np

from oberih.geometry import Scene
from oberih.products.frame import Frame
from oberih.products.manifest import Vector

__all__ = ["eyes_of"]

MOST = 500  # of those that are told, spread over all
FINEST = 1 / 1000  # of the largest side: nothing finer is told
NEAREST = 0.05  # of the largest side, from which they look at something


def eyes_of(cameras: Scene, frame: Frame, size: Vector) -> tuple[tuple[Vector, Vector], ...]:
    """From where and to where each photo looks, sorted by place. ``cameras``: in the frame of the model that
    was made public; ``frame``: how that came to its public one, where it has ``size``.
    """
    side = max(size)
    middle = np.array([0.0, size[1] / 2, 0.0])
    grain = side * FINEST if side > 0 else 1.0
    found = set()
    for view in cameras.views:
        eye = frame.apply(view.pose.centre)
        ahead = frame.R @ view.pose.direction
        away = max(float((middle - eye) @ ahead), NEAREST * side)
        found.add((rounded(eye, grain), rounded(eye + away * ahead, grain)))
    whole = sorted(found)
    chosen = np.unique(np.linspace(0, len(whole) - 1, min(len(whole), MOST)).astype(int))
    return tuple(whole[number] for number in chosen)


def rounded(place: np.ndarray, grain: float) -> Vector:
    x, y, z = (round(float(one) / grain) * grain for one in place)
    return x, y, z
