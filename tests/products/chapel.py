"""A small chapel, painted, with something painted beside it that no face shows.

    model = chapel(8)

Metres, y up; the door is in the wall towards z. Its texture has the colours of `PAINT` in squares, and
`SECRET` wherever no face looks. Coordinates are multiples of 1/64 m: moving them by whole numbers changes no
digit.
"""

import numpy as np
from numpy.typing import NDArray

from oberih.formats import Model
from oberih.geometry import Mesh

__all__ = ["DEPTH", "HEIGHT", "PAINT", "SECRET", "WIDTH", "chapel", "moved", "turned"]

WIDTH, HEIGHT, DEPTH = 6.0, 4.0, 10.0
SECRET = (255, 0, 255)
PAINT = {
    "front": (196, 160, 120), "back": (150, 130, 110), "left": (170, 146, 120), "right": (120, 108, 96),
    "roof": (156, 84, 60), "door": (60, 52, 44),
}  # fmt: skip
TEXELS = 256
CHART = 80  # texels a side
WALLS = {  # corner, and the two edges: seen from outside, to the right and down
    "front": ((-3, 4, 5), (6, 0, 0), (0, -4, 0)),
    "back": ((3, 4, -5), (-6, 0, 0), (0, -4, 0)),
    "left": ((-3, 4, -5), (0, 0, 10), (0, -4, 0)),
    "right": ((3, 4, 5), (0, 0, -10), (0, -4, 0)),
    "roof": ((-3, 4, -5), (6, 0, 0), (0, 0, 10)),
}


def chapel(steps: int = 8, *, door_m: float = 1 / 64) -> Model:
    """Four walls and a flat roof, each of ``steps`` x ``steps`` squares, the door a little inwards."""
    texture = np.full((TEXELS, TEXELS, 3), SECRET, np.uint8)
    vertices: list[NDArray[np.float64]] = []
    faces, uv = [], []
    along = np.rint(np.linspace(0, 1, steps + 1) * 64) / 64
    down, right = np.meshgrid(along, along, indexing="ij")
    at = (np.arange(steps)[:, None] * (steps + 1) + np.arange(steps)).ravel()
    square = np.concatenate([
        np.stack([at, at + steps + 1, at + 1], axis=1),
        np.stack([at + 1, at + steps + 1, at + steps + 2], axis=1),
    ])  # fmt: skip
    for number, (name, (corner, across, downwards)) in enumerate(WALLS.items()):
        places = (
            np.array(corner) + right[..., None] * np.array(across) + down[..., None] * np.array(downwards)
        )
        left, top = 6 + number % 2 * (CHART + 40), 2 + number // 2 * (CHART + 4)
        texture[top : top + CHART, left : left + CHART] = PAINT[name]
        if name == "front":
            inside = (np.abs(places[..., 0]) < 1.2) & (places[..., 1] < 2.2)
            places[inside, 2] -= door_m
            texture[top + CHART // 2 : top + CHART, left + 28 : left + 52] = PAINT["door"]
        corners = np.stack([left + right * CHART, top + down * CHART], axis=2).reshape(-1, 2) / TEXELS
        faces.append(square + sum(map(len, vertices)))
        uv.append(corners[square])
        vertices.append(places.reshape(-1, 3))
    mesh = Mesh(
        np.concatenate(vertices).astype(np.float32), np.concatenate(faces).astype(np.int32),
        uv=np.concatenate(uv).astype(np.float32), texture=texture,
    )  # fmt: skip
    return Model((mesh,))


def moved(model: Model, by: tuple[float, float, float]) -> Model:
    """The model with ``by`` added to its float32 coordinates."""
    (part,) = model.parts
    places = (part.vertices.astype(np.float64) + by).astype(np.float32)
    return Model((Mesh(places, part.faces, uv=part.uv, texture=part.texture),))


def turned(model: Model, degrees: float) -> Model:
    """The model turned about the vertical."""
    (part,) = model.parts
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    places = (part.vertices.astype(np.float64) @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])).astype(
        np.float32
    )
    return Model((Mesh(places, part.faces, uv=part.uv, texture=part.texture),))
