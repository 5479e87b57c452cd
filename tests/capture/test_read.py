"""Pixels: whatever a file holds becomes 8-bit sRGB in stored order."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from oberih.capture import read_photo
from oberih.errors import UnreadablePhoto
from raw import write_dng

HERE = Path(__file__).parent


def quadrants(width: int = 240, height: int = 200) -> NDArray[np.uint8]:
    """Red and green above blue and white."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (200, 30, 30)
    image[: height // 2, width // 2 :] = (30, 180, 30)
    image[height // 2 :, : width // 2] = (30, 30, 200)
    image[height // 2 :, width // 2 :] = (230, 230, 230)
    return image


def corners(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """``(4, 3)`` colours near the corners: upper left, upper right, lower left, lower right."""
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    return np.array([image[20, 20], image[20, -20], image[-20, 20], image[-20, -20]], int)


EXPECTED = corners(quadrants())


@pytest.mark.parametrize("kind", ["png", "tif", "webp", "jpg"])
def test_colours_arrive(tmp_path: Path, kind: str) -> None:
    Image.fromarray(quadrants()).save(tmp_path / f"a.{kind}", quality=95)
    image = read_photo(tmp_path / f"a.{kind}")
    assert image.shape == (200, 240, 3)
    assert np.abs(corners(image) - EXPECTED).max() <= 6


def test_exif_orientation_is_not_applied(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    Image.fromarray(quadrants()).save(tmp_path / "a.jpg", exif=tags, quality=95)
    assert read_photo(tmp_path / "a.jpg").shape == (200, 240, 3)


def test_heif_is_turned_by_its_own_order() -> None:
    """90 degrees clockwise: what was lower left is upper left."""
    image = read_photo(HERE / "turned.heic")
    assert image.shape == (240, 200, 3)
    assert np.abs(corners(image) - EXPECTED[[2, 0, 3, 1]]).max() <= 6


def test_sixteen_bits(tmp_path: Path) -> None:
    wide = quadrants().astype(np.uint16) * 257
    for name in ("a.png", "a.tif"):
        cv2.imwrite(str(tmp_path / name), wide[..., ::-1])
        assert np.abs(corners(read_photo(tmp_path / name)) - EXPECTED).max() <= 1
    grey = np.linspace(0, 65535, 240, dtype=np.uint16)[None].repeat(200, 0)
    for name in ("g.png", "g.tif"):
        cv2.imwrite(str(tmp_path / name), grey)
        image = read_photo(tmp_path / name)
        assert np.abs(image[0, :, 1].astype(int) - np.linspace(0, 255, 240)).max() <= 1


def test_grey_palette_cmyk_lab_and_one_bit(tmp_path: Path) -> None:
    picture = Image.fromarray(quadrants())
    picture.convert("L").save(tmp_path / "l.png")
    grey = corners(read_photo(tmp_path / "l.png"))
    assert (grey == grey[:, :1]).all() and grey[3, 0] == 230
    picture.quantize(16).save(tmp_path / "p.png")
    assert np.abs(corners(read_photo(tmp_path / "p.png")) - EXPECTED).max() <= 4
    picture.convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    assert np.abs(corners(read_photo(tmp_path / "c.jpg")) - EXPECTED).max() <= 8
    picture.convert("1").save(tmp_path / "1.png")
    assert set(np.unique(read_photo(tmp_path / "1.png"))) == {0, 255}
    Image.fromarray(np.float32(quadrants()[..., 0]) / 255).save(tmp_path / "f.tif")
    assert np.abs(corners(read_photo(tmp_path / "f.tif"))[:, 0] - EXPECTED[:, 0]).max() <= 1


def test_what_is_transparent_lies_over_white(tmp_path: Path) -> None:
    picture = Image.fromarray(quadrants()).convert("RGBA")
    alpha = np.zeros((200, 240), np.uint8)
    alpha[:, :120] = 255
    picture.putalpha(Image.fromarray(alpha))
    picture.save(tmp_path / "a.png")
    found = corners(read_photo(tmp_path / "a.png"))
    assert (found[[0, 2]] == EXPECTED[[0, 2]]).all()
    assert (found[[1, 3]] == 255).all()


def test_a_colour_profile_is_applied(tmp_path: Path) -> None:
    """A profile with red and green swapped: what the file calls red is green, to who reads the profile."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, green = lab.index(b"rXYZ"), lab.index(b"gXYZ")
    swapped = bytearray(lab)
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    name = swapped.index(b"s\0R\0G\0B")
    swapped[name : name + 7] = b"n\0o\0n\0e"
    picture = Image.fromarray(quadrants())
    picture.save(tmp_path / "a.png", icc_profile=bytes(swapped))
    found = corners(read_photo(tmp_path / "a.png"))
    assert np.abs(found[0] - [30, 200, 30]).max() <= 4
    assert np.abs(found[3] - EXPECTED[3]).max() <= 4


def test_a_broken_colour_profile_is_passed_over(tmp_path: Path) -> None:
    Image.fromarray(quadrants()).save(tmp_path / "a.png", icc_profile=b"not a profile")
    assert (corners(read_photo(tmp_path / "a.png")) == EXPECTED).all()


def test_raw_files_are_developed(tmp_path: Path) -> None:
    path = write_dng(tmp_path / "a.dng", width=240, height=200, orientation=6)
    image = read_photo(path)
    assert image.shape == (200, 240, 3)  # stored order
    left, right = image[100, 60].astype(int), image[100, 180].astype(int)
    assert left[0] > 2 * left[2] and np.ptp(right) < 12
    brighter = read_photo(write_dng(tmp_path / "b.dng", width=240, height=200, exposure=1.0))
    assert brighter[100, 180, 1] > right[1] + 25


@pytest.mark.parametrize("kind", ["jpg", "png", "dng"])
def test_smaller_versions_keep_their_place(tmp_path: Path, kind: str) -> None:
    """An edge in the middle stays in the middle, however the size is reached."""
    path = tmp_path / f"a.{kind}"
    if kind == "dng":
        write_dng(path, width=1000, height=602)
    else:
        Image.fromarray(quadrants(1001, 603)).save(path, quality=95)
    for pixels in (300_000, 40_000, 9_000):
        image = read_photo(path, pixels)
        height, width = image.shape[:2]
        assert width * height == pytest.approx(pixels, rel=0.02)
        assert width / height == pytest.approx(1001 / 603, rel=0.01)
        red = image[height // 4, :, 1].astype(float)
        edge = np.interp(red.min() / 2 + red.max() / 2, red[width // 2 - 3 : width // 2 + 4],
                         np.arange(width // 2 - 3, width // 2 + 4) + 0.5)  # fmt: skip
        assert edge / width == pytest.approx(500 / 1001 if kind != "dng" else 0.5, abs=0.3 / width)
    assert read_photo(path, 10_000_000).shape[:2] == ((602, 1000) if kind == "dng" else (603, 1001))


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("Not a photo")
    with pytest.raises(UnreadablePhoto, match="text file"):
        read_photo(tmp_path / "a.jpg")
    with pytest.raises(UnreadablePhoto, match=r"missing.jpg cannot be read"):
        read_photo(tmp_path / "missing.jpg")
    Image.fromarray(quadrants()).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-800])
    with pytest.raises(UnreadablePhoto, match="damaged") as caught:
        read_photo(tmp_path / "a.jpg")
    assert caught.value.advice
