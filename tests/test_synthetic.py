"""The scenes that other tests trust are what they say."""

import numpy as np
import pycolmap
import pytest
from numpy.testing import assert_allclose

from oberih.geometry import Scene
from synthetic import Shot, World, arc, backproject, render, sparse_scene, surface_points, visible


def test_depth_is_exact(world: World, small_shots: list[Shot]) -> None:
    for shot in small_shots:
        row, col = np.nonzero(shot.depth)
        points = backproject(shot.view, np.stack([col, row], 1) + 0.5, shot.depth[row, col])
        assert world.distance(points).max() < 1e-5


def test_normals_are_unit_and_face_the_camera(small_shots: list[Shot]) -> None:
    for shot in small_shots:
        row, col = np.nonzero(shot.depth)
        points = backproject(shot.view, np.stack([col, row], 1) + 0.5, shot.depth[row, col])
        normals = shot.normals[row, col]
        assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
        assert (np.einsum("ij,ij->i", normals, shot.view.pose.centre - points) > 0).all()


def test_two_photos_agree_on_the_colour_of_a_point(small_shots: list[Shot]) -> None:
    cloud = surface_points(small_shots[2:3], 3000)
    other = small_shots[3]
    seen = visible(other, cloud.points.astype(float))
    pixels, _ = other.view.project(cloud.points[seen].astype(float))
    col, row = np.floor(pixels).astype(int).T
    difference = other.image[row, col].astype(float) - cloud.colours[seen]
    assert 0.3 < seen.mean() < 1
    assert np.median(np.abs(difference)) < 25  # the pixel next to it, at this size
    assert abs(difference.mean()) < 2


def test_a_distorted_photo_shows_points_where_the_lens_model_says(world: World) -> None:
    plain, bent = (arc(1, width=160, height=120, k1=k1)[0] for k1 in (0.0, -0.15))
    truth, shot = render(world, plain), render(world, bent)
    points = surface_points([truth], 2000).points.astype(float)
    pixels, depth = bent.project(points)
    col, row = np.floor(pixels).astype(int).T
    inside = (col >= 0) & (row >= 0) & (col < 160) & (row < 120)
    relative = shot.depth[row[inside], col[inside]] / depth[inside]
    assert np.median(np.abs(relative - 1)) < 0.003


def test_gain_is_exposure(world: World) -> None:
    view = arc(1, width=80, height=60)[0]
    dark, bright = (render(world, view, gain=gain, noise=0).image.astype(float) for gain in (0.5, 1.0))
    assert_allclose(dark, bright / 2, atol=1)


def test_the_sparse_scene_is_consistent(scene: Scene, shots: list[Shot]) -> None:
    assert len(scene.points) > 1000
    for i, shot in enumerate(shots):
        of_view = scene.observed_view == i
        pixels, _ = shot.view.project(scene.points[scene.observed_point[of_view]])
        assert_allclose(pixels, scene.observed_px[of_view], atol=1e-9)
    assert np.bincount(scene.observed_point).min() >= 2


def test_noise_in_the_sparse_scene_is_told(small_shots: list[Shot]) -> None:
    noisy = sparse_scene(small_shots, 400, noise_px=0.5)
    assert noisy.errors_px.mean() == pytest.approx(0.5 * np.sqrt(np.pi / 2), rel=0.1)


def test_the_true_mesh_lies_on_the_surface(world: World) -> None:
    mesh = world.mesh(0.1)
    assert world.distance(mesh.vertices.astype(float)).max() < 1e-5
    assert mesh.normals is not None
    outward = np.einsum("ij,ij->i", mesh.face_normals(), mesh.normals[mesh.faces[:, 0]])
    assert outward.min() >= 0


def test_colmap_finds_the_cameras(photos, shots: list[Shot], tmp_path) -> None:
    database = tmp_path / "database.db"
    pycolmap.extract_features(database, photos)
    pycolmap.match_exhaustive(database)
    found = pycolmap.incremental_mapping(database, photos, tmp_path / "sparse")[0]
    assert found.num_reg_images() == len(shots)
    true = {shot.view.name: shot.view.pose.centre for shot in shots}
    centres = np.array([image.projection_center() for image in found.images.values()])
    expected = np.array([true[image.name] for image in found.images.values()])
    frame = pycolmap.estimate_sim3d(centres, expected).matrix()
    assert np.abs(centres @ frame[:, :3].T + frame[:, 3] - expected).max() < 0.005  # metres
