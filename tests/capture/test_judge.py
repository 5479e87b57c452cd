"""Judging photos: sharp, exposed, and not twice."""

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from oberih.capture import Judgement, find_photos, judge
from oberih.capture.judge import blur_width
from oberih.errors import NoPhotos, UnusablePhotos
from synthetic import value_noise


def scene(seed: int, width: int = 720, height: int = 540) -> NDArray[np.uint8]:
    """Sharp polygons on a textured ground: edges of all directions and strengths."""
    rng = np.random.default_rng(seed)
    image = (value_noise(width, height, seed) * 255).astype(np.uint8)
    for _ in range(60):
        centre = rng.uniform((0, 0), (width, height))
        points = centre + rng.uniform(-70, 70, (4, 2))
        cv2.fillConvexPoly(image, cv2.convexHull(points.astype(np.int32)), rng.integers(0, 256, 3).tolist())
    return image


def blurred(image: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image


def judged(folder: Path, *images: NDArray[np.uint8]) -> tuple[Judgement, ...]:
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i}.jpg", quality=93)
    return judge(find_photos([folder]).photos)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0, 8.0])
@pytest.mark.parametrize("contrast", [1.0, 0.3])
def test_blur_width_is_the_blur_whatever_the_contrast(sigma: float, contrast: float) -> None:
    sharp = scene(1, 1150, 870)
    grey = cv2.cvtColor(sharp, cv2.COLOR_RGB2GRAY)
    soft = blurred((grey * contrast + 40).astype(np.uint8), sigma)
    assert blur_width(soft) == pytest.approx(sigma, rel=0.3, abs=0.5)


def test_motion_blur_counts_in_its_direction() -> None:
    grey = cv2.cvtColor(scene(2), cv2.COLOR_RGB2GRAY)
    length = 24
    moved = cv2.blur(grey, (length, 1))
    assert blur_width(grey) < 1.5
    assert blur_width(moved) > 0.7 * length / math.sqrt(12)
    assert blur_width(moved.T.copy()) == pytest.approx(blur_width(moved), rel=0.05)


def test_a_flat_image_has_no_edges() -> None:
    assert blur_width(np.full((200, 300), 128, np.uint8)) == math.inf


def test_good_photos_are_used_without_a_word(tmp_path: Path) -> None:
    for j in judged(tmp_path, scene(1), scene(2), scene(3)):
        assert j.used and not j.reason and not j.advice
        assert j.blur_px < 1.5 and j.dark < 0.2 and j.bright < 0.2 and 50 < j.mean < 200


def test_useless_photos_are_left_out_with_the_reason(tmp_path: Path) -> None:
    black = np.zeros((540, 720, 3), np.uint8)
    grey = np.full_like(black, 120)
    found = judged(tmp_path, scene(1), scene(2), blurred(scene(3), 14), black, black + 255, grey)
    assert [j.used for j in found] == [True, True, False, False, False, False]
    reasons = ["too blurred", "almost black", "almost white", "without any detail"]
    assert [j.reason for j in found[2:]] == reasons
    assert all(j.advice for j in found[2:])


def test_poor_photos_are_used_with_a_warning(tmp_path: Path) -> None:
    half = scene(2)
    half[:, :400] = 0
    shade = scene(3)
    shade[:, :400] = 255
    found = judged(tmp_path, scene(1), blurred(scene(4), 3.0), half, shade)
    assert all(j.used for j in found)
    assert "Blurred" in found[1].advice and "black" in found[2].advice and "blown out" in found[3].advice


def test_small_and_large_versions_of_one_scene_are_judged_alike(tmp_path: Path) -> None:
    large = scene(5, 2880, 2160)
    soft = blurred(large, 8)  # 3.2 pixels at a megapixel
    small = cv2.resize(soft, (1440, 1080), interpolation=cv2.INTER_AREA)
    found = judged(tmp_path, soft, scene(6), small[:, ::-1].copy())
    assert found[0].blur_px == pytest.approx(found[2].blur_px, rel=0.1)


def test_the_same_picture_again_is_left_out(tmp_path: Path) -> None:
    """Same bytes, the same stored anew, the same made smaller: the largest stays."""
    image = scene(1)
    Image.fromarray(image).save(tmp_path / "0.jpg", quality=95)
    (tmp_path / "1.jpg").write_bytes((tmp_path / "0.jpg").read_bytes())
    Image.fromarray(image).save(tmp_path / "2.jpg", quality=60)
    Image.fromarray(cv2.resize(image, (480, 360), interpolation=cv2.INTER_AREA)).save(tmp_path / "3.jpg")
    Image.fromarray(scene(2)).save(tmp_path / "4.jpg")
    found = judge(find_photos([tmp_path]).photos)
    assert [j.used for j in found] == [True, False, False, False, True]
    assert {j.same_as for j in found[1:4]} == {"0.jpg"}
    assert "same picture as 0.jpg" in found[1].reason


def test_photos_from_almost_the_same_place_are_kept_and_told(tmp_path: Path) -> None:
    image = scene(1, 740, 560)
    found = judged(tmp_path, image[10:550, 10:730], image[10:550, 12:732], scene(2))
    assert all(j.used for j in found)
    assert found[1].same_as == "0.jpg" and "move" in found[1].advice
    assert not found[0].same_as and not found[2].same_as


def test_too_few(tmp_path: Path) -> None:
    with pytest.raises(NoPhotos, match="no photos"):
        judge([])
    Image.fromarray(scene(1)).save(tmp_path / "0.jpg")
    photos = find_photos([tmp_path]).photos
    with pytest.raises(NoPhotos, match="only one"):
        judge(photos)


def test_sets_that_hold_nothing_to_measure(tmp_path: Path) -> None:
    def refused(name: str, *images: NDArray[np.uint8]) -> UnusablePhotos:
        (tmp_path / name).mkdir()
        with pytest.raises(UnusablePhotos) as caught:
            judged(tmp_path / name, *images)
        assert caught.value.advice
        return caught.value

    assert "blurred" in refused("blur", *(blurred(scene(i), 14) for i in range(3))).message
    assert "same picture" in refused("copies", scene(1), scene(1), scene(1)).message
    black = np.zeros((540, 720, 3), np.uint8)
    dark = refused("dark", black, black, scene(1))
    assert "almost black" in dark.message and ": 0.jpg, 1.jpg." in dark.advice


def test_a_photo_that_breaks_between_finding_and_judging_is_left_out(tmp_path: Path) -> None:
    for i in range(3):
        Image.fromarray(scene(i)).save(tmp_path / f"{i}.jpg")
    photos = find_photos([tmp_path]).photos
    (tmp_path / "1.jpg").write_bytes(b"gone")
    found = judge(photos)
    assert [j.used for j in found] == [True, False, True]
    assert replace(found[1], reason="").name == "1.jpg" and "not a photo" in found[1].reason
