"""The last adjustment: how much of a lens do the photos tell?"""

from typing import Any

import numpy as np
import pycolmap
import pytest

from oberih.reconstruct._refine import drop_doubtful, one_camera_per_photo, plausible, refine, typical_angle

SETTINGS = {"refine_principal_point": True, "mapping_threads": 1}
TRUE_CENTRE = (524.0, 371.0)  # of 1024 x 768


def dataset(photos: int = 10, points: int = 300, noise_px: float = 0.3, track: int = -1) -> Any:
    """Photos from all around; the principal point is off the centre, but the model starts with it centred."""
    pycolmap.set_random_seed(5)
    options = pycolmap.SyntheticDatasetOptions()
    options.num_rigs, options.num_frames_per_rig, options.num_points3D = 1, photos, points
    options.track_length = track
    options.num_points2D_without_point3D = 0
    options.camera_params = [1000.0, *TRUE_CENTRE, 0.03]
    model = pycolmap.synthesize_dataset(options)
    rng = np.random.default_rng(0)
    for image in model.images.values():
        for point in image.points2D:
            point.xy = point.xy + rng.normal(0, noise_px, 2)
    centred(model)
    return model


def centred(model: Any) -> None:
    for camera in model.cameras.values():
        camera.params = [1000.0, 512.0, 384.0, 0.0]


def rms(model: Any) -> float:
    model.update_point_3d_errors()
    return float(model.compute_mean_reprojection_error())


def test_a_principal_point_that_the_photos_determine_is_found() -> None:
    model, kinds = refine(dataset(), SETTINGS)
    assert set(kinds.values()) == {"estimated"}
    (camera,) = model.cameras.values()
    assert camera.model == pycolmap.CameraModelId.RADIAL
    np.testing.assert_allclose(camera.params[:3], [1000, *TRUE_CENTRE], atol=1)
    assert rms(model) < 0.6


def test_what_is_not_asked_for_stays_centred() -> None:
    model, kinds = refine(dataset(), {**SETTINGS, "refine_principal_point": False})
    assert set(kinds.values()) == {"centred"}
    (camera,) = model.cameras.values()
    assert tuple(camera.params[1:3]) == (512.0, 384.0)


def test_too_few_observations_leave_it_centred() -> None:
    model, kinds = refine(dataset(photos=3, points=25, noise_px=1.0), SETTINGS)
    assert set(kinds.values()) == {"centred"}
    (camera,) = model.cameras.values()
    assert tuple(camera.params[1:3]) == (512.0, 384.0)


def test_a_lens_that_moves_gets_a_principal_point_per_photo() -> None:
    model = dataset()
    moves = np.random.default_rng(3).normal(0, 12, (11, 2))
    for image_id, image in model.images.items():
        for point in image.points2D:
            point.xy = point.xy + moves[image_id]
    fixed = pycolmap.Reconstruction(model)
    refined, kinds = refine(model, SETTINGS)
    assert set(kinds.values()) == {"per photo"}
    assert len(refined.cameras) == 10
    assert len({tuple(np.round(c.params[[0, 3]], 6)) for c in refined.cameras.values()}) == 1  # one lens
    still, _ = refine(fixed, {**SETTINGS, "refine_principal_point": False})
    assert rms(refined) < 0.9 * rms(still)


def test_a_camera_per_photo_is_the_same_model() -> None:
    model = dataset()
    split = one_camera_per_photo(model)
    assert len(split.cameras) == split.num_reg_images() == model.num_reg_images()
    assert rms(split) == pytest.approx(rms(model))
    assert split.compute_num_observations() == model.compute_num_observations()


def test_a_pose_with_next_to_no_points_is_dropped() -> None:
    model = dataset(photos=5, points=60)
    image = model.image(min(model.reg_image_ids()))
    for index in range(50):
        model.delete_observation(image.image_id, index)
    drop_doubtful(model)
    assert model.num_reg_images() == 4
    assert image.image_id not in model.reg_image_ids()


def test_typical_angle() -> None:
    """Two cameras a metre apart, ten metres away: 5.7 degrees."""
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(camera_id=1, model="SIMPLE_PINHOLE", width=100, height=100, params=[100, 50, 50])
    model.add_camera_with_trivial_rig(camera)
    for number, x in ((1, -0.5), (2, 0.5)):
        image = pycolmap.Image(name=f"{number}.jpg", camera_id=1, image_id=number)
        image.points2D = pycolmap.Point2DList([pycolmap.Point2D((50, 50))])
        pose = pycolmap.Rigid3d(pycolmap.Rotation3d(), [-x, 0, 0])
        model.add_image_with_trivial_frame(image, pose)
    assert typical_angle(model) == 0
    track = pycolmap.Track()
    track.add_element(1, 0)
    track.add_element(2, 0)
    model.add_point3D([0, 0, 10], track, [0, 0, 0])
    assert typical_angle(model) == pytest.approx(5.725, abs=0.01)


def test_no_lens_moves_as_far_as_a_damaged_photo() -> None:
    model = one_camera_per_photo(dataset())
    assert plausible(model)
    model.cameras[1].principal_point_x += 50
    assert not plausible(model)
