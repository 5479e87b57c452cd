"""Fidelity figures on a scene whose photos are exact, and previews that show it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from oberih.progress import Progress
from oberih.reconstruct.fidelity import FidelitySettings, compare, measure_fidelity, neighbours, spread
from oberih.reconstruct.preview import Studio, capture_arc, write_image
from oberih.reconstruct.texture import TextureSettings, texture_mesh
from synthetic import arc, courtyard, look_at, sparse_scene, take


@pytest.fixture(scope="module")
def shots():
    return take(courtyard(), arc(5, width=320, height=240))


@pytest.fixture(scope="module")
def scene(shots):
    return sparse_scene(shots, 400)


@pytest.fixture(scope="module")
def textured(shots, scene):
    settings = TextureSettings(lods=())
    return texture_mesh(
        courtyard().mesh(0.06), scene, lambda i: (shots[i].view, shots[i].image), settings, Progress()
    )


@pytest.fixture(scope="module")
def fidelity(textured, shots, scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fidelity")
    settings = FidelitySettings(max_px=320, left_out=1, left_out_px=320, picture_px=160)
    result = measure_fidelity(
        textured, scene, lambda i: (shots[i].view, shots[i].image), settings, folder, Progress()
    )
    return result, folder


def test_a_true_model_is_true_to_its_photos(fidelity):
    result, _ = fidelity
    assert len(result.views) == 5
    assert result.psnr_db > 27 and result.ssim > 0.85
    assert result.psnr_gained_db >= result.psnr_db - 1e-6
    assert all(0.4 < view.compared < 1 for view in result.views)
    assert all(np.allclose(view.gain, 1, atol=0.05) for view in result.views)


def test_a_left_out_photo_is_predicted_a_little_less_well(fidelity):
    result, _ = fidelity
    (left,) = result.left_out
    assert left.without_photo.view == "photo-002.jpg"
    assert left.without_photo.ssim < left.with_photo.ssim
    assert result.left_out_psnr_db > 22
    assert left.without_photo.compared == left.with_photo.compared


def test_pictures_show_photo_model_and_difference(fidelity):
    result, folder = fidelity
    names = [view.picture for view in result.views] + [left.without_photo.picture for left in result.left_out]
    for name in names:
        assert cv2.imread(str(folder / name)).shape == (120, 480, 3)


def test_comparison_against_a_known_error():
    random = np.random.default_rng(0)
    photo = random.integers(60, 180, (80, 100, 3)).astype(np.uint8)
    mask = np.ones(photo.shape[:2], bool)
    same = compare("a", photo, photo.astype(np.float32), mask)
    assert same.psnr_db == 99 and same.ssim == pytest.approx(1) and same.compared == 1
    off = compare("a", photo, photo.astype(np.float32) + 10, mask)
    assert off.psnr_db == pytest.approx(20 * np.log10(255 / 10), abs=1e-4)
    darker = compare("a", photo, photo.astype(np.float32) * 0.8, mask)
    assert darker.psnr_gained_db > 60 > darker.psnr_db
    np.testing.assert_allclose(darker.gain, 1.25, rtol=1e-3)


def test_only_the_mask_counts():
    photo = np.full((60, 60, 3), 100, np.uint8)
    image = photo.astype(np.float32)
    image[:, 30:] = 0
    mask = np.zeros((60, 60), bool)
    mask[:, :20] = True
    assert compare("a", photo, image, mask).ssim == pytest.approx(1)
    nothing = compare("a", photo, image, np.zeros((60, 60), bool))
    assert np.isnan(nothing.psnr_db) and nothing.compared == 0


def test_neighbours_share_points_and_left_out_photos_are_spread(scene):
    assert 1 in neighbours(scene, 0) and 0 not in neighbours(scene, 0)
    assert spread(11, 3) == [1, 5, 9]
    assert spread(2, 3) == []
    assert spread(3, 3) == [0, 1, 2]


def test_the_studio_stands_where_the_photographers_were(scene):
    found = capture_arc(scene, np.array([0, 0, 1.0]))
    np.testing.assert_allclose(found.focus, (0, 0.3, 0.6), atol=0.25)
    assert np.degrees(found.half_angle) == pytest.approx(35, abs=4)
    assert found.ahead @ (0, -1, 0) > 0.98
    # Without a given up, the cameras' own is close.
    assert capture_arc(scene, None).up @ (0, 0, 1) > 0.9


def test_photographers_all_around_give_a_full_turn():
    poses = [
        look_at((4 * np.sin(a), 4 * np.cos(a), 1), (0, 0, 0)) for a in np.linspace(0, 2 * np.pi, 12, False)
    ]
    shot = take(courtyard(), arc(2, width=32, height=24))
    scene = sparse_scene(shot, 20)
    scene = replace(scene, views=tuple(replace(scene.views[0], pose=pose) for pose in poses))
    assert capture_arc(scene, np.array([0, 0, 1.0])).half_angle == pytest.approx(np.pi)


def test_previews_show_the_model(textured, scene, tmp_path):
    certain = replace(textured.mesh, confidence=np.ones(len(textured.mesh.vertices), np.float32))
    studio = Studio(certain, scene, np.array([0, 0, 1.0]))
    view = studio.view(200, 150)
    for picture in (studio.photographic(view), studio.clay(view), studio.confidence(view)):
        assert picture.shape == (150, 200, 3)
        # The background is a light grey that gets darker downwards; the model is something else.
        np.testing.assert_allclose(picture[0, 0], 246, atol=2)
        background = np.abs(np.ptp(picture.astype(int), axis=2)) == 0
        assert (~background).mean() > 0.03
    frames = list(studio.walk(4, 80, 60))
    assert len(frames) == 4 and all(f.shape == (60, 80, 3) for f in frames)
    assert not np.array_equal(frames[1], frames[3])
    write_image(tmp_path / "a.png", frames[0])
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], frames[0])
