"""The last look at pictures: only those that are pixels and nothing else go out."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from oberih.errors import InputError
from oberih.products.bare import media_type
from oberih.trust.pictures import encoded

PIXELS = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)


def saved(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind, **options)
    return file.getvalue()


def exif() -> bytes:
    made = Image.Exif()
    made[0x0110] = "a camera"
    return made.tobytes()


def text() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Place", "somewhere")
    return info


def test_what_is_made_from_pixels_is_bare() -> None:
    assert media_type(encoded(PIXELS, "jpeg")) == "image/jpeg"
    assert media_type(encoded(PIXELS, "webp")) == "image/webp"
    assert media_type(encoded(PIXELS, "png")) == "image/png"
    assert media_type(saved("JPEG", progressive=True, restart_marker_rows=1)) == "image/jpeg"
    assert media_type(saved("WEBP", lossless=True)) == "image/webp"


@pytest.mark.parametrize(
    "data",
    [
        saved("JPEG", exif=exif()),
        saved("JPEG", comment=b"by somebody"),
        saved("JPEG", icc_profile=b"x" * 200),
        saved("JPEG") + b"after the end",
        saved("JPEG") + saved("JPEG"),
        saved("JPEG")[:-2],
        saved("JPEG")[:200],
        saved("PNG", exif=exif()),
        saved("PNG", pnginfo=text()),
        saved("PNG", dpi=(300, 300)),
        saved("PNG") + b"after the end",
        saved("PNG")[:-20],
        saved("PNG")[:-12] + struct.pack(">I4s", 4, b"prIv") + b"abcd" + struct.pack(">I", zlib.crc32(b"")),
        saved("WEBP", exif=exif()),
        saved("WEBP", xmp=b"<x:xmpmeta/>"),
        saved("WEBP") + b"after",
        saved("GIF"),
        saved("TIFF"),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"",
        b"\xff\xd8",
        b"RIFF\x04\0\0\0WEBP",
    ],
    ids=range(22),
)
def test_anything_more_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as refusal:
        media_type(data)
    assert refusal.value.advice


def test_a_thumbnail_in_the_first_segment_is_refused() -> None:
    data = saved("JPEG")
    assert data[6:11] == b"JFIF\0"
    head = data[:2] + b"\xff\xe0" + struct.pack(">H", 16 + 3) + data[6:18] + b"\x01\x01" + b"rgb"
    with pytest.raises(InputError):
        media_type(head + data[20:])
