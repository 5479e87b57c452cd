"""What a 3D file holds, whatever its format: the one thing that readers give and writers take.

Frame: right-handed, y up, in metres, as in glTF. A format with another convention turns on its way in and
out (`z_up`, `y_up`). Coordinates are float32 and small: what lies far from zero (a survey's grid) is moved to
it, and ``origin`` says by how much. A writer never writes ``origin``: it would tell the place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oberih.geometry import Mesh, PointCloud, Scene

__all__ = ["Model", "near_zero", "points_of", "y_up", "z_up"]

FAR_M = 10_000.0  # from here on a float32 is coarser than a millimetre


def nowhere() -> NDArray[np.float64]:
    return np.zeros(3)


@dataclass(frozen=True)
class Model:
    """A model without name, place or person.

    ``parts``: triangle meshes, each with at most one texture; a colour of the whole part is in its
    ``colours`` (repeated) or multiplied into its texture; texture coordinates beyond 0..1 repeat it.
    ``points``: measured points. ``cameras``: where the photos were taken, in the same frame (camera axes
    as COLMAP's: x right, y down, z forward).
    """

    parts: tuple[Mesh, ...] = ()
    points: PointCloud | None = None
    cameras: Scene | None = None
    scale_known: bool = True  # False: a unit is not known to be a metre
    origin: NDArray[np.float64] = field(default_factory=nowhere)  # (3,) of the source's frame, y up, metres
    notes: tuple[str, ...] = ()  # what the file has and Oberih did not take, in plain words

    @property
    def triangles(self) -> int:
        return sum(len(part.faces) for part in self.parts)

    def bounds(self) -> NDArray[np.float64]:
        """``(2, 3)`` lowest and highest corner of parts and points; NaN if there is nothing."""
        clouds = [part.vertices for part in self.parts] + ([self.points.points] if self.points else [])
        clouds = [cloud for cloud in clouds if len(cloud)]
        if not clouds:
            return np.full((2, 3), np.nan)
        low = np.min([cloud.min(axis=0) for cloud in clouds], axis=0)
        high = np.max([cloud.max(axis=0) for cloud in clouds], axis=0)
        return np.stack([low, high]).astype(np.float64)


def z_up(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """``(N, 3)`` points or directions of a y-up frame in the z-up one with the same x: ``(x, -z, y)``."""
    return np.stack([vectors[:, 0], -vectors[:, 2], vectors[:, 1]], axis=1)


def y_up(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """The way back from `z_up`: ``(x, z, -y)``."""
    return np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], axis=1)


def near_zero(
    clouds: Sequence[NDArray[np.float64]],
) -> tuple[list[NDArray[np.float32]], NDArray[np.float64]]:
    """Coordinates as float32, moved together if they lie more than ten kilometres away.

    Returns the clouds and the origin ``(3,)`` (whole metres) that was taken off.
    """
    filled = [cloud for cloud in clouds if len(cloud)]
    origin = np.zeros(3)
    if filled:
        low = np.min([cloud.min(axis=0) for cloud in filled], axis=0)
        high = np.max([cloud.max(axis=0) for cloud in filled], axis=0)
        if np.abs([low, high]).max() > FAR_M:
            origin = np.round((low + high) / 2)
    return [(cloud - origin).astype(np.float32) for cloud in clouds], origin


def points_of(model: Model) -> PointCloud:
    """The measured points; of a model that has none, the vertices with their colours (from the texture, where
    there is one; vertices of no face are left out).
    """
    if model.points is not None and len(model.points):
        return model.points
    clouds = [cloud_of(part) for part in model.parts]
    if not clouds:
        return PointCloud(np.zeros((0, 3), np.float32))
    colours = None
    if any(cloud.colours is not None for cloud in clouds):
        colours = np.concatenate([
            cloud.colours if cloud.colours is not None else np.full((len(cloud), 3), 255, np.uint8)
            for cloud in clouds
        ])  # fmt: skip
    normals = np.concatenate([cloud.normals for cloud in clouds if cloud.normals is not None])
    return PointCloud(np.concatenate([cloud.points for cloud in clouds]), normals, colours)


def cloud_of(part: Mesh) -> PointCloud:
    used = np.unique(part.faces)
    normals = part.normals if part.normals is not None else part.vertex_normals()
    colours = part.colours
    if part.texture is not None and part.uv is not None:
        height, width = part.texture.shape[:2]
        uv = np.zeros((len(part.vertices), 2), np.float32)
        uv[part.faces.ravel()] = part.uv.reshape(-1, 2)  # of one corner of each vertex
        column = np.clip((uv[:, 0] % 1.0001 * width).astype(int), 0, width - 1)
        row = np.clip((uv[:, 1] % 1.0001 * height).astype(int), 0, height - 1)
        colours = part.texture[row, column]
    return PointCloud(part.vertices[used], normals[used], None if colours is None else colours[used])
