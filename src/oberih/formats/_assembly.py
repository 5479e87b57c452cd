"""Parts of a model, put together from shapes that stand in it once or many times.

A scene of strangers may hold one surface a thousand times, or the same picture in a thousand materials. What
shares a picture becomes one part, what has none becomes one part (with colours or without), and the number of
triangles is counted before anything is copied.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats.model import Model, near_zero
from oberih.geometry import Mesh
from oberih.i18n import say

__all__ = ["Assembly", "Shape"]

MOST_TRIANGLES = 60_000_000
ADVICE = "Export it again where it was made."


@dataclass(frozen=True)
class Shape:
    """Triangles in a frame of their own."""

    positions: NDArray[np.float64]  # (V, 3)
    faces: NDArray[np.int64]  # (F, 3)
    normals: NDArray[np.float64] | None = None  # (V, 3)
    colours: NDArray[np.uint8] | None = None  # (V, 3)


@dataclass
class Group:
    """What becomes one part."""

    texture: NDArray[np.uint8] | None = None
    positions: list[NDArray[np.float64]] = field(default_factory=list)
    faces: list[NDArray[np.int32]] = field(default_factory=list)
    normals: list[NDArray[np.float32] | None] = field(default_factory=list)
    colours: list[NDArray[np.uint8]] = field(default_factory=list)
    uv: list[NDArray[np.float32]] = field(default_factory=list)
    vertices: int = 0


class Assembly:
    """Shapes so far. ``name``: of the file, for errors."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.groups: dict[str, Group] = {}
        self.triangles = 0

    def add(
        self,
        shape: Shape,
        matrix: NDArray[np.float64],
        *,
        colour: tuple[int, int, int] | None = None,
        uv: NDArray[np.float32] | None = None,
        texture: NDArray[np.uint8] | None = None,
        key: str = "",
    ) -> None:
        """One more shape, brought by ``matrix`` ``(4, 4)`` into the model's frame (y up, metres).

        ``key`` names the texture; ``colour`` is of the whole shape, if it has none at its vertices.
        """
        if not len(shape.faces):
            return
        self.triangles += len(shape.faces)
        if self.triangles > MOST_TRIANGLES:
            raise UnreadableModel(say("{path} unpacks to far too much.", path=self.name), ADVICE)
        with np.errstate(all="ignore"):  # what is no number is found right after
            positions = shape.positions @ matrix[:3, :3].T + matrix[:3, 3]
        if not np.isfinite(positions).all() or np.abs(positions).max(initial=0) > 1e12:
            raise UnreadableModel(
                say("{path} has points that are infinitely far away.", path=self.name), ADVICE
            )
        colours = None
        if uv is None:
            if shape.colours is not None:
                colours = shape.colours
            elif colour is not None:
                colours = np.broadcast_to(np.array(colour, np.uint8), (len(positions), 3))
        if uv is not None:
            group = self.groups.setdefault(f"texture {key}", Group(texture))
            group.uv.append(uv)
        elif colours is not None:
            group = self.groups.setdefault("colours", Group())
            group.colours.append(colours)
        else:
            group = self.groups.setdefault("plain", Group())
        faces = shape.faces
        mirrored = np.linalg.det(matrix[:3, :3]) < 0
        if mirrored:  # or the outside would be inside
            faces = faces[:, ::-1]
            if uv is not None:
                group.uv[-1] = uv[:, ::-1]
        group.positions.append(positions)
        group.faces.append((faces + group.vertices).astype(np.int32))
        group.vertices += len(positions)
        group.normals.append(turned(shape.normals, matrix))

    def model(self, scale_known: bool, notes: Iterable[str] = ()) -> Model:
        """All of it. Raises `UnreadableModel` if there is nothing."""
        if not self.groups:
            raise UnreadableModel(
                say("{path} holds no surface.", path=self.name), "Give a file that has triangles."
            )
        names = sorted(self.groups, key=lambda name: (not name.startswith("texture"), name))
        groups = [self.groups[name] for name in names]
        clouds, origin = near_zero([np.concatenate(group.positions) for group in groups])
        parts = []
        for group, vertices in zip(groups, clouds, strict=True):
            normals = [one for one in group.normals if one is not None]
            parts.append(
                Mesh(
                    vertices,
                    np.concatenate(group.faces),
                    np.concatenate(normals) if len(normals) == len(group.normals) else None,
                    np.concatenate(group.colours) if group.colours else None,
                    uv=np.concatenate(group.uv) if group.uv else None,
                    texture=group.texture,
                )
            )
        return Model(tuple(parts), scale_known=scale_known, origin=origin, notes=tuple(notes))


def turned(normals: NDArray[np.float64] | None, matrix: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Normals turn by the inverse transpose, and stay of unit length."""
    if normals is None or not np.isfinite(normals).all():
        return None
    minors = np.cross(matrix[:3, :3][[1, 2, 0]], matrix[:3, :3][[2, 0, 1]])  # cofactors: no inverse needed
    if np.linalg.det(matrix[:3, :3]) < 0:
        minors = -minors
    made = normals @ minors.T
    length = np.linalg.norm(made, axis=1, keepdims=True)
    return (made / np.where(length > 0, length, 1)).astype(np.float32)
