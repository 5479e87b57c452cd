"""Finding photos: by content, with everything else told by name and reason."""

import contextlib
import hashlib
import math
import os
import random
import struct
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from oberih.capture import Photo, check_unchanged, find_photos, read_photo
from oberih.errors import Cancelled, InputError, UnreadablePhoto
from oberih.progress import Progress
from raw import write_dng

HERE = Path(__file__).parent


def picture(width: int = 320, height: int = 240, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def exif(main: dict[int, object] | None = None, detail: dict[int, object] | None = None) -> Image.Exif:
    tags = Image.Exif()
    for tag, value in (main or {}).items():
        tags[tag] = value
    for tag, value in (detail or {}).items():
        tags.get_ifd(0x8769)[tag] = value
    return tags


def only(path: Path) -> Photo:
    found = find_photos([path])
    assert not found.others, found.others
    return found.photos[0]


def reason(path: Path) -> str:
    found = find_photos([path])
    assert not found.photos
    return found.others[0].reason


def test_every_kind_is_known_by_its_content(tmp_path: Path) -> None:
    kinds = {"JPEG": "image/jpeg", "PNG": "image/png", "TIFF": "image/tiff", "WEBP": "image/webp"}
    for kind, expected in kinds.items():
        path = tmp_path / f"{kind}.txt"  # names mean nothing
        picture().save(path, kind)
        photo = only(path)
        assert (photo.media_type, photo.width, photo.height) == (expected, 320, 240)
        assert photo.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert photo.bytes == path.stat().st_size


def test_heif_turns_itself(tmp_path: Path) -> None:
    """``turned.heic`` has 240 x 200 pixels and the order to turn them by 90 degrees, as phones' files do."""
    photo = only(HERE / "turned.heic")
    assert (photo.width, photo.height, photo.orientation) == (200, 240, 1)
    assert (photo.make, photo.focal_mm) == ("Oberih", 4.2)


def test_raw_is_told_from_tiff(tmp_path: Path) -> None:
    path = write_dng(tmp_path / "raw.tif", width=400, height=300, orientation=6)
    photo = only(path)
    assert photo.media_type == "image/x-adobe-dng"
    assert (photo.width, photo.height, photo.orientation) == (400, 300, 6)
    assert photo.make == "Oberih"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"Dear reader,\n", "a text file"),
        ("Оберіг".encode(), "a text file"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0" * 50, "a video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  \0\0\0\0", "a video"),
        (b"\x1aE\xdf\xa3\1\0\0\0", "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"GIF89a\1\0\1\0", "GIF"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\3\4", "ZIP"),
        (b"\0\1\2\xff\xfe\x80", "unknown kind"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "IMG_0001.jpg"
    path.write_bytes(content)
    assert words in reason(path)


def test_a_damaged_photo_does_not_stop_the_others(tmp_path: Path) -> None:
    for i in range(3):
        picture(seed=i).save(tmp_path / f"{i}.jpg")
    whole = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(whole[: len(whole) // 2])
    found = find_photos([tmp_path])
    assert [photo.name for photo in found.photos] == ["0.jpg", "2.jpg"]
    assert [other.path.name for other in found.others] == ["1.jpg"]
    assert "damaged" in found.others[0].reason
    assert "1.jpg" not in found.others[0].reason  # it is told beside its name
    assert found.others[0].photo and found.others[0].advice


def test_a_damaged_photo_that_still_decodes_is_found(tmp_path: Path) -> None:
    """Its parts would be shifted, and bend every camera that is measured with them."""
    path = tmp_path / "photo.jpg"
    picture().save(path, quality=90)
    whole, dice = path.read_bytes(), random.Random(5)
    found = decoded = 0
    for _ in range(40):
        harmed = bytearray(whole)
        for _ in range(20):
            harmed[dice.randrange(len(whole) // 8, len(whole) - 2)] = dice.randrange(255)
        path.write_bytes(harmed)
        found += not find_photos([path]).photos
        with contextlib.suppress(OSError, SyntaxError), Image.open(path) as image:
            image.load()
            decoded += 1
    assert decoded > 10  # Pillow shows many of them without a word
    assert found >= 38  # the rest decode without a trace: mostly false colours, which move nothing


def test_a_little_padding_before_the_end_of_a_photo_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    picture().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-2] + b"\x00" * 8 + whole[-2:])
    assert find_photos([path]).photos
    path.write_bytes(whole[:-2] + b"\x55" * 800 + whole[-2:])
    assert "lost or in the wrong place" in reason(path)


def test_other_files_are_not_taken_for_photos_and_have_their_own_advice(tmp_path: Path) -> None:
    for name, content in (
        ("a.txt", b"Dear"), ("b.bmp", b"BM" + b"\0" * 60), ("c.jpg", b""), ("d.jpg", b"\0\1\2\xff\xfe\x80"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
    text, graphic, empty, garbage = find_photos([tmp_path]).others
    assert not text.photo and not text.advice
    assert not graphic.photo and "JPEG" in graphic.advice
    assert empty.photo and "again" in empty.advice
    assert garbage.photo and "again" in garbage.advice


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp", "heic", "dng"])
def test_truncated_at_any_place(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"photo.{kind}"
    if kind == "heic":
        path.write_bytes((HERE / "turned.heic").read_bytes())
    elif kind == "dng":
        write_dng(path, width=320, height=240)
    else:
        picture().save(path)
    whole = path.read_bytes()
    for share in (0.01, 0.1, 0.4, 0.7):
        path.write_bytes(whole[: int(len(whole) * share)])
        found = find_photos([path])
        assert not found.photos and found.others[0].reason, share


def test_sizes_that_cannot_be_used(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert "1 x 1 pixels" in reason(tmp_path / "dot.png")
    picture(1600, 400).save(tmp_path / "wide.jpg")
    assert "panorama" in reason(tmp_path / "wide.jpg")
    picture(400, 1600).save(tmp_path / "high.jpg")
    assert "panorama" in reason(tmp_path / "high.jpg")


def test_panoramas_that_say_so(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r GPano:ProjectionType="equirectangular"/></x:xmpmeta>'
    picture(800, 400).save(tmp_path / "sphere.jpg", xmp=xmp)
    assert "360" in reason(tmp_path / "sphere.jpg")
    picture(800, 400).save(tmp_path / "phone.jpg", exif=exif(detail={0xA401: 6}))
    assert "panorama" in reason(tmp_path / "phone.jpg")


def test_a_picture_beyond_the_limit_is_not_decoded(tmp_path: Path) -> None:
    picture().save(tmp_path / "huge.jpg")
    data = (tmp_path / "huge.jpg").read_bytes()
    at = data.index(b"\xff\xc0")
    for side in (16000, 40000):  # 256 and 1,600 megapixels by the header
        (tmp_path / "huge.jpg").write_bytes(data[: at + 5] + struct.pack(">HH", side, side) + data[at + 9 :])
        assert "megapixels" in reason(tmp_path / "huge.jpg")


def test_folders_are_searched_in_counting_order(tmp_path: Path) -> None:
    for name in ("IMG_10.jpg", "IMG_9.jpg", "b/IMG_2.jpg", "b/c/IMG_1.jpg", ".hidden.jpg", ".git/x.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        picture(200, 200).save(tmp_path / name)
    found = find_photos([tmp_path])
    assert [p.path.relative_to(tmp_path).as_posix() for p in found.photos] == [
        "b/c/IMG_1.jpg", "b/IMG_2.jpg", "IMG_9.jpg", "IMG_10.jpg",
    ]  # fmt: skip
    found = find_photos([tmp_path], ignore=[tmp_path / "b"])
    assert [p.name for p in found.photos] == ["IMG_9.jpg", "IMG_10.jpg"]


def test_names_are_the_files_own_unless_two_are_the_same(tmp_path: Path) -> None:
    for name in ("a/IMG_1.jpg", "b/IMG_1.jpg", "b/IMG_2.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(200, 200).save(tmp_path / name)
    found = find_photos([tmp_path / "a", tmp_path / "b", tmp_path / "b" / "IMG_2.jpg"])
    assert [photo.name for photo in found.photos] == ["a/IMG_1.jpg", "b/IMG_1.jpg", "IMG_2.jpg"]


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file or folder"):
        find_photos([tmp_path / "missing"])


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").chmod(0)
    assert "cannot be read" in reason(tmp_path / "a.jpg")


def test_reading_can_be_stopped(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.jpg")
    progress = Progress()
    progress.stop.set()
    with pytest.raises(Cancelled):
        find_photos([tmp_path], progress=progress)


def test_a_photo_that_changes_or_vanishes_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    picture().save(path)
    photo = only(path)
    os.utime(path, (1, 1))
    check_unchanged(photo)  # the same picture
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] + b"\0\xff\xd9")
    with pytest.raises(InputError, match=r"a\.jpg was changed") as caught:
        check_unchanged(photo)
    assert "again" in caught.value.advice
    path.unlink()
    for look in (lambda: check_unchanged(photo), lambda: read_photo(path)):
        with pytest.raises(UnreadablePhoto, match=r"a\.jpg cannot be read") as caught:
            look()
        assert "Put it back" in caught.value.advice
    path.write_text("Dear reader,")
    with pytest.raises(UnreadablePhoto, match="text file") as caught:
        read_photo(path)
    assert caught.value.advice


# Metadata


def focal(tmp_path: Path, size: tuple[int, int], detail: dict[int, object]) -> tuple[float | None, str]:
    path = tmp_path / "a.jpg"
    picture(*size).save(path, exif=exif(detail=detail))
    photo = only(path)
    return photo.focal_px, photo.focal_source


def test_focal_length_from_the_35_mm_equivalent(tmp_path: Path) -> None:
    """A lens of 50 mm on 36 x 24 mm film; the equivalent is by the diagonal on other shapes."""
    focal_px, source = focal(tmp_path, (360, 240), {0xA405: 50, 0x920A: 50.0})
    assert focal_px == pytest.approx(500) and source == "35 mm equivalent"
    focal_px, _ = focal(tmp_path, (400, 300), {0xA405: 50, 0x920A: 25.0})
    assert focal_px == pytest.approx(50 / math.hypot(36, 24) * 500)


def test_focal_length_of_a_resized_and_of_a_cropped_photo(tmp_path: Path) -> None:
    whole = {0xA405: 50, 0x920A: 50.0, 0xA002: 3600, 0xA003: 2400}
    assert focal(tmp_path, (360, 240), whole)[0] == pytest.approx(500)  # resized to a tenth
    assert focal(tmp_path, (240, 360), whole)[0] == pytest.approx(500)  # and turned
    assert focal(tmp_path, (240, 240), whole)[0] == pytest.approx(500)  # and cut at the sides


def test_a_phone_cuts_wide_pictures_out_of_a_4_to_3_sensor(tmp_path: Path) -> None:
    wide, _ = focal(tmp_path, (640, 360), {0xA405: 26, 0x920A: 4.3})
    full, _ = focal(tmp_path, (640, 480), {0xA405: 26, 0x920A: 4.3})
    assert wide == pytest.approx(full)


def test_focal_length_from_the_sensor_s_resolution(tmp_path: Path) -> None:
    """10 mm at 40 pixels per millimetre; the unit is the centimetre."""
    focal_px, source = focal(tmp_path, (400, 300), {0x920A: 10.0, 0xA20E: 400.0, 0xA210: 3})
    assert focal_px == pytest.approx(400) and source == "focal plane resolution"


@pytest.mark.parametrize(
    "detail", [{}, {0xA405: 0}, {0x920A: 4.2}, {0xA405: 60000}, {0x920A: 5.0, 0xA20E: 1.0, 0xA210: 9}]
)
def test_absurd_or_missing_focal_lengths_are_unknown(tmp_path: Path, detail: dict[int, object]) -> None:
    assert focal(tmp_path, (400, 300), detail) == (None, "")


def test_time_and_orientation(tmp_path: Path) -> None:
    tags = exif(
        {0x0112: 8, 0x010F: "Make\0 ", 0x0132: "2020:01:01 00:00:00"}, {0x9003: "2024:02:30 10:00:00"}
    )
    picture().save(tmp_path / "a.jpg", exif=tags)
    photo = only(tmp_path / "a.jpg")
    assert (photo.orientation, photo.make) == (8, "Make")
    assert (photo.width, photo.height) == (320, 240)  # stored order
    assert photo.taken_at == datetime(2020, 1, 1)  # noqa: DTZ001 - the 30th of February is not believed
    tags = exif({0x0112: 77}, {0x9003: "2024:02:29 10:00:01", 0x9291: "25"})
    picture().save(tmp_path / "a.jpg", exif=tags)
    photo = only(tmp_path / "a.jpg")
    assert photo.orientation == 1
    assert photo.taken_at == datetime(2024, 2, 29, 10, 0, 1, 250_000)  # noqa: DTZ001


def test_a_position_is_read_but_never_printed(tmp_path: Path) -> None:
    tags = Image.Exif()
    gps = tags.get_ifd(0x8825)
    gps.update({1: "S", 2: (33.0, 51.0, 24.84), 3: "E", 4: (151.0, 12.0, 55.0), 5: b"\1", 6: 3.5})
    picture().save(tmp_path / "a.jpg", exif=tags)
    photo = only(tmp_path / "a.jpg")
    assert photo.position is not None
    assert photo.position.latitude_deg == pytest.approx(-33.8569)
    assert photo.position.longitude_deg == pytest.approx(151.21528, abs=1e-5)
    assert photo.position.altitude_m == pytest.approx(-3.5)
    for text in (repr(photo), str(photo), repr(photo.position), f"{photo.position}"):
        rest = text.replace(photo.sha256, "").replace(str(photo.path), "")  # they may have any digits
        assert "33" not in rest and "151" not in rest


@pytest.mark.parametrize("latitude", [(0.0, 0.0, 0.0), (95.0, 0.0, 0.0), (IFDRational(0, 0), 0.0, 0.0)])
def test_a_position_that_can_not_be_is_unknown(tmp_path: Path, latitude: tuple[object, ...]) -> None:
    tags = Image.Exif()
    tags.get_ifd(0x8825).update({1: "N", 2: latitude, 3: "E", 4: (0.0, 0.0, 0.0)})
    picture().save(tmp_path / "a.jpg", exif=tags)
    assert only(tmp_path / "a.jpg").position is None


def test_broken_metadata_is_no_reason_to_leave_a_photo_out(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f garbage")
    assert only(tmp_path / "a.jpg").orientation == 1
