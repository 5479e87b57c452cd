"""Coordinates hidden wherever a photo's file can hold some: none comes through (privacy.md, 1, 2, 19)."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from oberih.trust.pictures import Format, decoded, encoded, remade
from raw import write_dng

HEIC = Path(__file__).parents[1] / "capture" / "turned.heic"
CANARY = "50.4501N30.5234E"  # what must not come through, as text
DEGREES = (50.0, 27.0, 361 / 12)  # and as EXIF's rational numbers
RATIONALS = struct.pack("<6I", 50, 1, 27, 1, 361, 12)
TEXTS = [CANARY.encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r exif:GPSLatitude="{CANARY}"/></x:xmpmeta>'.encode()
FORMATS: list[Format] = ["jpeg", "webp", "png"]


def picture(seed: int = 1) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize((400, 300))


def exif() -> bytes:
    """Every directory of EXIF, with a maker's note and a thumbnail, all telling of the place."""
    tags = Image.Exif()
    tags[0x010E] = f"Image description {CANARY}"
    tags[0x9C9C] = CANARY.encode("utf-16-le")  # XPComment, as Windows writes it
    tags.get_ifd(0x8769).update(
        {0x927C: b"Nikon\0" + CANARY.encode(), 0x9286: b"ASCII\0\0\0" + CANARY.encode()}
    )
    tags.get_ifd(0x8825).update({
        1: "N", 2: tuple(IFDRational(n, d) for n, d in ((50, 1), (27, 1), (361, 12))),
        3: "E", 4: tuple(IFDRational(n, d) for n, d in ((50, 1), (27, 1), (361, 12))), 27: CANARY.encode(),
    })  # fmt: skip
    return tags.tobytes()


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def jpeg() -> bytes:
    """A JPEG with all that phones and programs put beside the picture."""
    file = io.BytesIO()
    icc = b"\0" * 128 + CANARY.encode()
    picture().save(file, "JPEG", quality=90, exif=exif(), xmp=XMP, comment=CANARY.encode(), icc_profile=icc)
    data = file.getvalue()
    iptc = b"\x1c\x02\x5c" + struct.pack(">H", len(CANARY)) + CANARY.encode()
    photoshop = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    extended = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", len(XMP), 0) + XMP
    more = segment(0xED, photoshop) + segment(0xE1, extended) + segment(0xEB, b"JP" + CANARY.encode())
    return data[:2] + more + data[2:] + b"trailer" + CANARY.encode() + b"\0\0\0\x20ftypmp42" + XMP


def two_pictures() -> bytes:
    """An MPO: a second picture, with its own EXIF, behind the first, as gain maps are."""
    file = io.BytesIO()
    second = picture(2)
    second.encoderinfo = {"exif": exif()}  # type: ignore[attr-defined]
    picture().save(file, "MPO", save_all=True, append_images=[second], exif=exif())
    return file.getvalue() + jpeg()


def png() -> bytes:
    file, info = io.BytesIO(), PngInfo()
    info.add_text("Comment", CANARY)
    info.add_text("Location", CANARY * 4, zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    picture().save(file, "PNG", pnginfo=info, exif=exif())
    hung = CANARY.encode()
    return (
        file.getvalue()
        + struct.pack(">I", len(hung))
        + b"eXIf"
        + hung
        + struct.pack(">I", zlib.crc32(b"eXIf" + hung))
    )


def tiff() -> bytes:
    file, tags = io.BytesIO(), ImageFileDirectory_v2()
    tags[270], tags[315], tags[700] = CANARY, CANARY, XMP
    tags[33723] = b"\x1c\x02\x5c\0\x10" + CANARY.encode()  # IPTC
    tags[34853] = {1: "N", 2: DEGREES, 27: CANARY.encode()}
    tags[42113] = CANARY  # GDAL
    tags.tagtype[33922] = 12
    tags[33922] = (0.0, 0.0, 0.0, 30.5234, 50.4501, 0.0)  # GeoTIFF: tie point
    picture().save(file, "TIFF", tiffinfo=tags, save_all=True, append_images=[picture(2)])
    return file.getvalue()


def webp() -> bytes:
    file = io.BytesIO()
    picture().save(file, "WEBP", quality=90, exif=exif(), xmp=XMP)
    return file.getvalue()


def avif() -> bytes:
    file = io.BytesIO()
    picture().save(file, "AVIF", quality=90, exif=exif(), xmp=XMP)
    return file.getvalue()


def heic() -> bytes:
    """The maker in the EXIF item tells of the place, and so does a box that no decoder knows."""
    hung = struct.pack(">I", 8 + len(XMP)) + b"uuid" + XMP
    return HEIC.read_bytes().replace(b"Oberih", b"50.45N") + hung


MADE: dict[str, Callable[[], bytes]] = {
    "JPEG": jpeg, "MPO": two_pictures, "PNG": png, "TIFF": tiff, "WebP": webp, "AVIF": avif, "HEIC": heic,
}  # fmt: skip


def hidden(data: bytes) -> Iterator[str]:
    """The canaries that are in some bytes, also in what is compressed in a PNG."""
    inflated = b"".join(inflate(data[at + 4 :]) for at in places(data, b"zTXt") + places(data, b"iTXt"))
    for text in [*TEXTS, b"50.45N", RATIONALS, struct.pack(">6I", 50, 1, 27, 1, 361, 12), b"50.4501"]:
        if text in data or text in inflated:
            yield text.decode(errors="replace")


def places(data: bytes, wanted: bytes) -> list[int]:
    return [at for at in range(len(data)) if data.startswith(wanted, at)] if wanted in data else []


def inflate(chunk: bytes) -> bytes:
    at = chunk.find(b"x\x9c")
    return zlib.decompressobj().decompress(chunk[at:]) if at >= 0 else b""


@pytest.mark.parametrize("kind", MADE)
def test_no_canary_comes_through(kind: str, tmp_path: Path) -> None:
    source = MADE[kind]()
    assert list(hidden(source)), "the source hides nothing: this test could not fail"
    path = tmp_path / f"{CANARY}.jpg"  # nor does the name
    path.write_bytes(source)
    for longest_px in (64, 2000):  # a thumbnail, and the whole picture
        pixels = decoded(path, longest_px=longest_px)
        for file_format in FORMATS:
            data = encoded(pixels, file_format)
            assert list(hidden(data)) == []
            assert pieces(data) <= ALLOWED[file_format]
    assert remade(path, longest_px=2000, quality=85) == encoded(pixels)


def test_a_raw_recording_tells_nothing(tmp_path: Path) -> None:
    path = write_dng(tmp_path / "raw.dng", width=400, height=300)
    path.write_bytes(path.read_bytes().replace(b"Oberih\0", b"50.45N\0") + CANARY.encode())
    assert list(hidden(path.read_bytes()))
    data = remade(path, longest_px=300)
    assert list(hidden(data)) == [] and pieces(data) <= ALLOWED["jpeg"]


def test_files_with_the_same_pixels_become_the_same_file() -> None:
    """The strongest form: nothing but pixels decides what is written; not the time of writing either."""
    file = io.BytesIO()
    picture().save(file, "JPEG", quality=90)
    assert remade(jpeg(), longest_px=300) == remade(file.getvalue(), longest_px=300)
    assert remade(png(), longest_px=400, format="png") == encoded(np.asarray(picture()), "png")


# What a file may be made of

ALLOWED = {
    "jpeg": {"SOI", "JFIF", "DQT", "SOF2", "DHT", "SOS", "EOI"},
    "webp": {"VP8 "},
    "png": {"IHDR", "IDAT", "IEND"},
}
JPEG_NAMES = {0xD8: "SOI", 0xDB: "DQT", 0xC2: "SOF2", 0xC4: "DHT", 0xDA: "SOS", 0xD9: "EOI"}


def pieces(data: bytes) -> set[str]:
    """Names of the parts that a picture file consists of, up to its very last byte."""
    if data[:4] == b"RIFF":
        assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
        return set(chunks(data, 12, "<I", name_first=True))
    if data[:4] == b"\x89PNG":
        return set(chunks(data, 8, ">I", name_first=False))
    return set(segments(data))


def chunks(data: bytes, at: int, order: str, *, name_first: bool) -> Iterator[str]:
    while at < len(data):
        first, second = data[at : at + 4], data[at + 4 : at + 8]
        name, length = (first, second) if name_first else (second, first)
        size = struct.unpack(order, length)[0]
        yield name.decode()
        at += 8 + (size + size % 2 if name_first else size + 4)
    assert at == len(data)


def segments(data: bytes) -> Iterator[str]:
    at = 0
    while at < len(data):
        assert data[at] == 0xFF
        marker = data[at + 1]
        if marker == 0xE0:
            assert data[at + 4 : at + 8] == b"JFIF" and data[at + 2 : at + 4] == b"\0\x10"
            yield "JFIF"
        else:
            yield JPEG_NAMES.get(marker, f"{marker:02X}")
        if marker in (0xD8, 0xD9):
            at += 2
            continue
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        while marker == 0xDA and not (data[at] == 0xFF and data[at + 1] not in (0, *range(0xD0, 0xD8))):
            at += 1
