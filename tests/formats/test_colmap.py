"""COLMAP's binary files are read as pycolmap wrote them."""

from pathlib import Path

import numpy as np
import pycolmap
import pytest

from oberih.errors import InputError
from oberih.formats.colmap import read_scene


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, pycolmap.Reconstruction]:
    options = pycolmap.SyntheticDatasetOptions()
    options.num_rigs, options.num_frames_per_rig, options.num_points3D = 2, 3, 50
    options.camera_model_id = pycolmap.CameraModelId.OPENCV
    options.camera_params = [1300.0, 1290.0, 510.0, 390.0, 0.03, -0.01, 0.001, -0.002]
    model = pycolmap.synthesize_dataset(options)
    model.write_binary(tmp_path)
    return tmp_path, model


def test_views_and_points_are_those_that_pycolmap_wrote(
    written: tuple[Path, pycolmap.Reconstruction],
) -> None:
    folder, model = written
    scene = read_scene(folder)
    images = sorted((model.image(i) for i in model.reg_image_ids()), key=lambda image: image.name)
    assert [view.name for view in scene.views] == [image.name for image in images]
    for view, image in zip(scene.views, images, strict=True):
        np.testing.assert_allclose(view.pose.centre, image.projection_center(), atol=1e-9)
        c, p = view.camera, image.camera
        assert (c.width, c.height) == (p.width, p.height)
        np.testing.assert_allclose([c.fx, c.fy, c.cx, c.cy, c.k1, c.k2, c.p1, c.p2], p.params)
    points = [point.xyz for point in model.points3D.values()]
    np.testing.assert_array_equal(np.sort(scene.points, axis=0), np.sort(points, axis=0))


def test_each_observation_projects_where_it_was_measured(
    written: tuple[Path, pycolmap.Reconstruction],
) -> None:
    scene = read_scene(written[0])
    assert len(scene.observed_point) == written[1].compute_num_observations()
    for number, view in enumerate(scene.views):
        mine = scene.observed_view == number
        pixels, depth = view.project(scene.points[scene.observed_point[mine]])
        assert (depth > 0).all()
        np.testing.assert_allclose(pixels, scene.observed_px[mine], atol=1e-6)


@pytest.mark.parametrize(
    ("model", "params", "expected"),
    [
        ("SIMPLE_PINHOLE", [9, 5, 4], (9, 9, 5, 4, 0, 0)),
        ("PINHOLE", [9, 8, 5, 4], (9, 8, 5, 4, 0, 0)),
        ("SIMPLE_RADIAL", [9, 5, 4, 0.1], (9, 9, 5, 4, 0.1, 0)),
        ("RADIAL", [9, 5, 4, 0.1, 0.2], (9, 9, 5, 4, 0.1, 0.2)),
    ],
)
def test_simpler_lens_models_have_zeros(
    tmp_path: Path, model: str, params: list[float], expected: tuple[float, ...]
) -> None:
    written = pycolmap.Reconstruction()
    camera = pycolmap.Camera(camera_id=1, model=model, width=10, height=8, params=params)
    written.add_camera_with_trivial_rig(camera)
    image = pycolmap.Image(name="a b/ü.jpg", camera_id=1, image_id=1)
    written.add_image_with_trivial_frame(image, pycolmap.Rigid3d())
    written.write_binary(tmp_path)
    scene = read_scene(tmp_path)
    c = scene.views[0].camera
    assert (c.fx, c.fy, c.cx, c.cy, c.k1, c.k2) == expected
    assert scene.views[0].name == "a b/ü.jpg"
    assert len(scene.points) == 0


def test_a_damaged_model_is_refused(written: tuple[Path, pycolmap.Reconstruction]) -> None:
    path = written[0] / "images.bin"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        read_scene(written[0])


def test_a_lens_model_that_is_not_read_is_named(tmp_path: Path) -> None:
    written = pycolmap.Reconstruction()
    camera = pycolmap.Camera(camera_id=1, model="FOV", width=10, height=8, params=[9, 9, 5, 4, 0.5])
    written.add_camera_with_trivial_rig(camera)
    written.write_binary(tmp_path)
    with pytest.raises(InputError, match="camera model"):
        read_scene(tmp_path)
