"""Which way is up, and the frame of ``model.glb``: y up, z towards the photographer, standing on the ground.

People hold cameras level far more often than not: the horizontal axes of the photos (after EXIF
orientation) lie in the horizontal plane even when the camera is tilted up at a gable. Walls and floors
then say it more exactly, where there are any: walls are at right angles to up, floors along it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oberih.geometry import Mesh, Scene, Similarity, View
from oberih.reconstruct.figures import Up

__all__ = ["find_up", "model_frame"]

Floats = NDArray[np.float64]

NEARLY_DEG = 20.0  # how far a wall or floor may lean from the cameras' idea of up to be counted
WALL_DEG = 2.0  # ... and from the final one to be called a wall or a floor
ENOUGH = 0.15  # share of the surface that must be walls and floors for them to decide
AGREED_DEG = 25.0  # up is "known" if half of the cameras are held this level at least

# Where the right and the lower edge of the upright photo point in the stored one, by EXIF orientation.
AXES: dict[int, tuple[tuple[int, int], tuple[int, int]]] = {
    1: ((1, 0), (0, 1)),
    2: ((-1, 0), (0, 1)),
    3: ((-1, 0), (0, -1)),
    4: ((1, 0), (0, -1)),
    5: ((0, 1), (1, 0)),
    6: ((0, -1), (1, 0)),
    7: ((0, -1), (-1, 0)),
    8: ((0, 1), (-1, 0)),
}


def find_up(scene: Scene, orientations: Sequence[int], mesh: Mesh | None = None) -> Up:
    """Up in the frame of ``scene``, from how the cameras were held and from walls and floors of ``mesh``."""
    rights = np.array([axis(v, o, 0) for v, o in zip(scene.views, orientations, strict=True)])
    ups = -np.array([axis(v, o, 1) for v, o in zip(scene.views, orientations, strict=True)])
    held = from_cameras(rights, ups)
    lean = np.degrees(np.arcsin(np.clip(np.abs(rights @ held), 0, 1)))
    tilt = np.degrees(np.arccos(np.clip(ups @ held, -1, 1)))
    known = bool(np.median(lean) <= AGREED_DEG and np.median(tilt) <= 75)
    if mesh is not None and known:
        built = from_planes(mesh, held)
        if built is not None:
            direction, spread = built
            return Up(
                direction=as_tuple(direction),
                spread_deg=spread,
                known=True,
                method="walls and floors of the surface, near the way the cameras were held",
            )
    method = "the way the cameras were held (horizontal axes of the photos)"
    if not known:
        method = "unknown: the cameras were held in many ways; their mean is used"
    return Up(direction=as_tuple(held), spread_deg=float(np.median(lean)), known=known, method=method)


def axis(view: View, orientation: int, which: int) -> Floats:
    """``(3,)`` world direction of the right (0) or lower (1) edge of the upright photo."""
    x, y = AXES.get(orientation, AXES[1])[which]
    return np.asarray(view.pose.R.T @ np.array([x, y, 0.0]))


def from_cameras(rights: Floats, ups: Floats) -> Floats:
    """``(3,)`` unit direction at right angles to the photos' ``(N, 3)`` horizontal axes, near their mean up.

    Where all cameras look the same way the horizontal axes leave a freedom (how much all of them tilt);
    a weak pull towards the mean of the photos' up settles it.
    """
    mean = ups.mean(axis=0)
    length = np.linalg.norm(mean)
    if length < 1e-6:
        return np.array([0.0, -1.0, 0.0])
    mean /= length
    weights = np.ones(len(rights))
    up = mean
    for _ in range(10):  # a few cameras held askew do not count (Geman-McClure weights)
        normal = (rights * weights[:, None]).T @ rights / weights.sum() + 0.02 * (
            np.eye(3) - np.outer(mean, mean)
        )
        up = np.linalg.eigh(normal)[1][:, 0]
        up = up if up @ mean > 0 else -up
        weights = 1 / (1 + (rights @ up / np.sin(np.radians(10))) ** 2) ** 2
    return np.asarray(up)


def from_planes(mesh: Mesh, held: Floats) -> tuple[Floats, float] | None:
    """Up from walls and floors, with the median angle of these from it; None if there are too few."""
    normals = mesh.face_normals().astype(np.float64)
    twice = np.linalg.norm(normals, axis=1)
    use = twice > 0
    normals, area = normals[use] / twice[use, None], twice[use]
    if not len(area):
        return None
    up, limit = held, NEARLY_DEG
    for _ in range(12):
        rise = normals @ up
        wall = np.abs(rise) < np.sin(np.radians(limit))
        floor = np.abs(rise) > np.cos(np.radians(limit))
        # Walls: the least of (n . up)^2; floors: the most. One eigenproblem holds both.
        tight = np.sin(np.radians(limit))
        off = np.where(wall, np.abs(rise), np.sqrt(np.clip(1 - rise**2, 0, 1)))
        weight = area * (wall | floor) * np.clip(1 - (off / tight) ** 2, 0, 1) ** 2  # Tukey
        sign = np.where(wall, 1.0, -1.0)
        if weight.sum() <= 0:
            return None
        normal = (normals * (weight * sign)[:, None]).T @ normals / weight.sum()
        normal += 1e-3 * (np.eye(3) - np.outer(held, held))  # parallel walls alone leave a freedom
        up = np.linalg.eigh(normal)[1][:, 0]
        up = up if up @ held > 0 else -up
        limit = max(limit * 0.75, WALL_DEG)
    rise = np.abs(normals @ up)
    lean = np.degrees(np.arcsin(np.clip(np.minimum(rise, np.sqrt(np.clip(1 - rise**2, 0, 1))), 0, 1)))
    good = lean < WALL_DEG
    if area[good].sum() < ENOUGH * area.sum() or up @ held < np.cos(np.radians(NEARLY_DEG)):
        return None
    order = np.argsort(lean[good])
    share = np.cumsum(area[good][order]) / area[good].sum()
    return np.asarray(up), float(lean[good][order][np.searchsorted(share, 0.5)])


def as_tuple(direction: Floats) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in direction)
    return x, y, z


def model_frame(scene: Scene, mesh: Mesh, up: Floats, factor: float) -> Similarity:
    """From the frame of ``scene`` to that of ``model.glb``: y up, z towards the cameras, metres if ``factor``
    gives them; the origin is on the ground, in the middle."""
    y = up / np.linalg.norm(up)
    centre = np.median(mesh.vertices.astype(np.float64), axis=0)
    towards = np.mean([view.pose.centre for view in scene.views], axis=0) - centre
    z = towards - (towards @ y) * y
    if np.linalg.norm(z) < 0.05 * np.linalg.norm(towards):  # photos from straight above: their lower edge
        z = np.mean([view.pose.R[1] for view in scene.views], axis=0)
        z -= (z @ y) * y
    if np.linalg.norm(z) < 1e-9:
        z = np.eye(3)[np.argmin(np.abs(y))]
        z -= (z @ y) * y
    z /= np.linalg.norm(z)
    R = np.stack([np.cross(y, z), y, z])
    turned = factor * (mesh.vertices.astype(np.float64) @ R.T)
    low, high = np.percentile(turned, [0.5, 99.5], axis=0)
    return Similarity(factor, R, -np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2]))
