"""Small holes are closed with the right side out; large ones stay."""

import numpy as np

from oberih.geometry import Mesh
from oberih.reconstruct.holes import close_small_holes, rims


def sheet(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A flat grid of ``side`` x ``side`` squares, two triangles each, facing +z."""
    y, x = np.mgrid[0 : side + 1, 0 : side + 1]
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1).astype(np.float32)
    corner = (y[:-1, :-1] * (side + 1) + x[:-1, :-1]).ravel()
    a, b, c, d = corner, corner + 1, corner + side + 2, corner + side + 1
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    return vertices, faces.astype(np.int32)


def without(vertices: np.ndarray, faces: np.ndarray, low: float, high: float) -> np.ndarray:
    """The faces whose middle does not lie in the square ``low..high``."""
    middle = vertices[faces].mean(axis=1)[:, :2]
    return faces[~((middle > low) & (middle < high)).all(axis=1)]


def test_a_missing_square_is_closed_and_faces_the_same_way() -> None:
    vertices, faces = sheet(10)
    holed = without(vertices, faces, 4, 6)
    assert [len(rim) for rim, _ in rims(holed, 20)] == [8]
    points, closed = close_small_holes(vertices, holed, 20)
    normals = Mesh(points, closed).face_normals()
    assert (normals[:, 2] > 0).all()
    assert np.isclose(normals[:, 2].sum() / 2, 100)  # the whole area, once
    assert rims(closed, 20) == []


def test_a_missing_triangle_needs_no_new_vertex() -> None:
    vertices, faces = sheet(6)
    points, closed = close_small_holes(vertices, np.delete(faces, 14, axis=0), 20)
    assert len(points) == len(vertices) and len(closed) == len(faces)
    assert (Mesh(points, closed).face_normals()[:, 2] > 0).all()


def test_a_large_hole_and_the_outline_stay_open() -> None:
    vertices, faces = sheet(20)
    holed = without(vertices, faces, 5, 15)
    points, closed = close_small_holes(vertices, holed, 20)
    assert points is vertices and closed is holed


def test_the_outline_of_a_small_piece_is_no_hole() -> None:
    vertices, faces = sheet(1)
    assert [len(rim) for rim, _ in rims(faces, 20)] == [4]
    assert close_small_holes(vertices, faces, 20)[1] is faces


def test_holes_that_touch_in_a_corner_do_not_confuse_it() -> None:
    vertices, faces = sheet(10)
    holed = without(vertices, without(vertices, faces, 3, 4), 4, 5)
    points, closed = close_small_holes(vertices, holed, 20)
    assert (Mesh(points, closed).face_normals()[:, 2] >= 0).all()
    assert len(closed) >= len(holed)
