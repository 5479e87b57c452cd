"""The rasteriser against an obvious NumPy one: every pixel against every triangle, in 3D."""

import numpy as np
import pytest

from oberih.geometry import Camera, Pose, View
from oberih.geometry.raster import Rasteriser, rasterise

VIEW = View("a.jpg", Camera(64, 48, 50.0, 52.0, 31.3, 24.7), Pose(np.eye(3), np.zeros(3)))


def reference(vertices, faces, view):
    """Nearest face, depth and weights by intersecting every pixel's ray with every triangle."""
    camera = view.camera
    rows, cols = np.mgrid[: camera.height, : camera.width] + 0.5
    rays = np.stack([(cols - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, np.ones_like(rows)], -1)
    local = view.pose.apply(vertices.astype(np.float64))
    face = np.full(rows.shape, -1)
    depth = np.full(rows.shape, np.inf)
    weights = np.zeros((*rows.shape, 3))
    for index, corners in enumerate(local[faces]):
        if (corners[:, 2] <= 0).any() or abs(np.linalg.det(corners)) < 1e-12:
            continue
        scaled = rays @ np.linalg.inv(corners)  # the ray as a sum of the corners
        total = scaled.sum(-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = (scaled >= 0).all(-1) & (total > 0)
            z = 1 / total
        nearer = inside & (z < depth)
        face[nearer], depth[nearer] = index, z[nearer]
        weights[nearer] = (scaled / total[..., None])[nearer]
    return face, depth, weights


def soup(seed, count=60):
    random = np.random.default_rng(seed)
    centres = np.c_[random.uniform(-3, 3, (count, 2)), random.uniform(3, 8, count)]
    vertices = (centres[:, None] + random.normal(0, 0.6, (count, 3, 3))).reshape(-1, 3)
    return vertices.astype(np.float32), np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_the_reference(seed):
    vertices, faces = soup(seed)
    face, depth, weights = reference(vertices, faces, VIEW)
    raster = rasterise(vertices, faces, VIEW, weights=True)
    # Corners are snapped to 1/256 px: a pixel centre that close to an edge may fall on either side.
    same = raster.face == face
    assert same.mean() > 0.985
    assert (face >= 0).mean() > 0.3
    both = same & (face >= 0)
    steep = np.abs(raster.depth[both] / depth[both] - 1)
    assert np.median(steep) < 1e-4 and np.quantile(steep, 0.99) < 1e-2
    assert np.median(np.abs(raster.weights[both] - weights[both])) < 2e-3
    np.testing.assert_allclose(raster.weights[both].sum(-1), 1, atol=1e-5)
    assert np.isinf(raster.depth[raster.face < 0]).all()


def test_a_closed_surface_has_no_gaps_between_triangles():
    """Every pixel of a finely, irregularly triangulated wall is covered."""
    from scipy.spatial import Delaunay

    random = np.random.default_rng(4)
    xy = np.r_[random.uniform(-8, 8, (4000, 2)), [[-8, -8], [8, -8], [8, 8], [-8, 8]]]
    faces = Delaunay(xy).simplices.astype(np.int32)
    vertices = np.c_[xy, 5 + 0.1 * np.sin(xy[:, 0])].astype(np.float32)
    assert rasterise(vertices, faces, VIEW).covered.all()


def test_weights_are_right_in_perspective():
    """Interpolating the corners with the weights gives back the point that the pixel's ray hits."""
    vertices = np.array([[-4, -3, 2], [5, -4, 20], [0, 6, 4]], np.float32)
    raster = rasterise(vertices, np.array([[0, 1, 2]], np.int32), VIEW, weights=True)
    rows, cols = np.nonzero(raster.covered)
    hit = raster.weights[rows, cols] @ vertices
    pixels, depth = VIEW.project(hit.astype(np.float64))
    np.testing.assert_allclose(depth, raster.depth[rows, cols], rtol=1e-3)
    np.testing.assert_allclose(pixels, np.c_[cols, rows] + 0.5, atol=0.02)


def test_what_is_behind_or_crosses_the_camera_is_dropped():
    vertices = np.array([[0, 0, 5], [1, 0, 5], [0, 1, -1], [0, 0, -5], [1, 0, -5], [0, 1, -5]], np.float32)
    assert not rasterise(vertices, np.array([[0, 1, 2], [3, 4, 5]], np.int32), VIEW).covered.any()


def test_culling_leaves_out_faces_seen_from_behind():
    vertices = np.array([[-1, -1, 4], [1, -1, 4], [0, 1, 4]], np.float32)
    # Counter-clockwise seen from the camera at the origin (x right, y down, z forward).
    towards = np.array([[0, 2, 1]], np.int32)
    assert Rasteriser(vertices, towards).draw(VIEW, cull=True).covered.any()
    assert not Rasteriser(vertices, towards[:, ::-1].copy()).draw(VIEW, cull=True).covered.any()
    normal = np.cross(vertices[2] - vertices[0], vertices[1] - vertices[0])
    assert normal[2] < 0  # it does look at the camera


def test_an_empty_mesh_covers_nothing():
    raster = rasterise(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), VIEW)
    assert not raster.covered.any()
