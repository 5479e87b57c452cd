"""Public pictures: made from pixels alone, of every kind of photo, and of nothing that is none."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

import oberih
from oberih.capture import read_photo
from oberih.errors import InputError, UnreadablePhoto
from oberih.trust.pictures import Format, Limits, decoded, encoded, remade, taken_in
from raw import write_dng

HEIC = Path(__file__).parents[1] / "capture" / "turned.heic"
FORMATS: list[Format] = ["jpeg", "webp", "png"]


def scene(width: int = 320, height: int = 240) -> Image.Image:
    """Smooth colours with a red corner at the upper left."""
    rng = np.random.default_rng(3)
    image = Image.fromarray(rng.integers(60, 200, (6, 8, 3), dtype=np.uint8)).resize((width, height), 3)
    image.paste("red", (0, 0, width // 4, height // 4))
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def shown(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def near(one: NDArray[np.uint8], other: NDArray[np.uint8], levels: float = 4) -> bool:
    return one.shape == other.shape and float(np.abs(one.astype(int) - other).mean()) < levels


@pytest.mark.parametrize(
    ("kind", "orientation"),
    [*(("JPEG", n) for n in range(1, 9)), *((kind, 6) for kind in ("PNG", "TIFF", "WEBP", "AVIF"))],
)
def test_every_kind_is_shown_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(scene(), kind, exif=exif.tobytes(), quality=95)
    held = ImageOps.exif_transpose(Image.open(io.BytesIO(saved(scene(), "JPEG", exif=exif, quality=95))))
    assert near(decoded(data), np.asarray(held))


def test_pixels_in_stored_order_are_those_that_cameras_refer_to(tmp_path: Path) -> None:
    exif, path = Image.Exif(), tmp_path / "a.jpg"
    exif[0x0112] = 6
    scene().save(path, quality=95, exif=exif)
    assert np.array_equal(decoded(path, upright=False), read_photo(path))
    assert decoded(path).shape == (320, 240, 3)


def test_heic_turns_itself(tmp_path: Path) -> None:
    assert decoded(HEIC).shape == (240, 200, 3)
    assert shown(remade(HEIC.read_bytes(), longest_px=120)).shape == (120, 100, 3)


def test_a_raw_recording_is_developed_and_turned(tmp_path: Path) -> None:
    path = write_dng(tmp_path / "raw.dng", width=400, height=300, orientation=6)
    assert decoded(path).shape == (400, 300, 3)
    assert shown(remade(path, longest_px=200)).shape == (200, 150, 3)


def test_the_longer_side_is_as_asked_and_never_stretched() -> None:
    data = saved(scene(1001, 333), "PNG")
    for longest, height in ((500, 166), (1001, 333), (4000, 333)):
        pixels = decoded(data, longest_px=longest)
        assert pixels.shape == (height, min(longest, 1001), 3)
        for file_format in FORMATS:
            assert near(shown(encoded(pixels, file_format, quality=95)), pixels)


def test_depths_colours_and_transparency_become_plain_srgb() -> None:
    grey = np.asarray(scene().convert("L"))
    deep = Image.fromarray((grey.astype(np.uint16) << 8) + 77)
    assert near(decoded(saved(deep, "PNG"))[..., 1], grey)
    assert near(decoded(saved(scene().convert("CMYK"), "TIFF")), np.asarray(scene()))
    assert near(decoded(saved(scene().quantize(64), "PNG")), np.asarray(scene()), 12)
    clear = scene().convert("RGBA")
    clear.putalpha(0)
    assert decoded(saved(clear, "PNG")).min() == 255  # what is transparent is not shown


def test_the_embedded_profile_is_applied_and_left_out() -> None:
    """Lab as a source: without its profile the values would be nothing like the colours."""
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    source = ImageCms.profileToProfile(scene(), srgb, lab, outputMode="LAB")
    assert source is not None
    data = saved(source, "TIFF", icc_profile=ImageCms.ImageCmsProfile(lab).tobytes())
    again = remade(data, longest_px=320, format="png")
    assert near(shown(again), np.asarray(scene()), 6)
    assert "icc_profile" not in Image.open(io.BytesIO(again)).info


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "MPO"])
def test_only_the_first_of_several_frames_is_shown(kind: str) -> None:
    others = [Image.new("RGB", (320, 240), colour) for colour in ("black", "green", "blue")]
    data = saved(scene(), kind, save_all=True, append_images=others, quality=95)
    assert Image.open(io.BytesIO(data)).n_frames == 4  # type: ignore[attr-defined]
    assert near(decoded(data), np.asarray(scene()))


# What is refused


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "a text file"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "a text file"),
        (b"GIF89a/*\0\0=1;alert(1)//", "GIF"),
        (b"%PDF-1.7\n\xff\xd8\xff\xe0", "PDF"),
        (b"PK\3\4" + b"\0" * 60, "ZIP"),
        (b"BM" + b"\0" * 60, "BMP"),
        (b"\x00\x00\x01\x00\x01\x00", "unknown kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a text file"),
        (b"", "an empty file"),
    ],
)
def test_what_is_no_photo_is_refused_whatever_its_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "IMG_0001.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadablePhoto, match=words):
        remade(path, longest_px=100)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIC", "DNG"])
def test_a_truncated_photo_is_refused(tmp_path: Path, kind: str) -> None:
    if kind == "DNG":
        whole = write_dng(tmp_path / "raw.dng", width=320, height=240).read_bytes()
    else:
        whole = HEIC.read_bytes() if kind == "HEIC" else saved(scene(), kind)
    for share in (0.02, 0.5):
        with pytest.raises(UnreadablePhoto) as caught:
            decoded(whole[: int(share * len(whole))])
        assert caught.value.advice


def test_a_photo_that_is_also_something_else_is_only_a_photo_afterwards() -> None:
    """A ZIP archive, a page or a video may hang on a photo's end (motion photos do); none is carried over."""
    hung = b"PK\3\4 <script>alert(1)</script> ftypmp42 GPS 50.4501 30.5234"
    data = remade(saved(scene(), "JPEG") + hung, longest_px=200)
    assert b"PK\3\4" not in data and b"script" not in data and b"50.4501" not in data
    assert data.endswith(b"\xff\xd9")


def test_bombs_are_refused_by_what_they_claim_and_by_what_they_take(tmp_path: Path) -> None:
    whole = saved(scene(), "JPEG")
    at = whole.index(b"\xff\xc0")
    with pytest.raises(UnreadablePhoto, match="megapixels"):
        decoded(whole[: at + 5] + b"\x9c\x40\x9c\x40" + whole[at + 9 :])  # 40,000 x 40,000
    flat = saved(Image.new("L", (12_000, 12_000)), "PNG")  # 144 megapixels in 140 kB
    assert len(flat) < 500_000
    with pytest.raises(UnreadablePhoto, match="memory"):
        decoded(flat, longest_px=256, limits=Limits(memory_bytes=400 << 20))
    with pytest.raises(UnreadablePhoto, match="larger than"):
        decoded(whole, limits=Limits(file_bytes=1000))


def test_decoding_that_does_not_end_is_ended(tmp_path: Path) -> None:
    """A second of the processor is not enough for a photo of 200 megapixels."""
    slow = saved(Image.effect_noise((6000, 4000), 90).resize((14_000, 14_000), 0), "JPEG", quality=60)
    with pytest.raises(UnreadablePhoto, match="longer than 1 second"):
        decoded(slow, limits=Limits(seconds=1))


def test_the_decoder_can_open_nothing_but_the_photo(tmp_path: Path) -> None:
    """Were it in a stranger's hands, it would find nothing to read and nowhere to write."""
    (tmp_path / "a.jpg").write_bytes(saved(scene(), "JPEG"))
    (tmp_path / "secret.txt").write_text("place")
    for deed in ("open(path.with_name('secret.txt')).read()", "path.with_name('new.txt').touch()"):
        program = (
            "import sys; import oberih.trust._decoding as child\n"
            f"child.shown = lambda path, longest_px, turned: {deed}\n"
            "child.main()"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "a.jpg"), "0", "1", str(4 << 30), "20"],
            env={"PYTHONPATH": str(Path(oberih.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"},
            check=False,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 1 and "PermissionError" in ran.stderr and not ran.stdout, ran
    assert not (tmp_path / "new.txt").exists()


def test_what_the_decoder_says_is_not_believed_unseen(tmp_path: Path) -> None:
    """Pixels that are not as many as it says, a text that is none: the file is refused, and that is all."""
    for code, told in ((0, b"\xff" * 8 + b"1"), (0, b""), (0, bytes(8)), (3, b"{"), (3, b"[1, 2]"), (1, b"")):
        with pytest.raises(UnreadablePhoto, match=r"a\.jpg is damaged"):
            taken_in(io.BytesIO(told), tmp_path / "a.jpg", code, Limits())


def test_missing_files_and_bad_wishes_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePhoto, match=r"a\.jpg cannot be read"):
        decoded(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="at least one pixel"):
        remade(saved(scene(), "PNG"), longest_px=0)
    for wish in ({"format": "gif"}, {"quality": 100}):
        with pytest.raises(InputError, match="format or quality"):
            encoded(np.zeros((4, 4, 3), np.uint8), **wish)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="pixels a side"):
        encoded(np.zeros((1, 17_000, 3), np.uint8), "webp")
