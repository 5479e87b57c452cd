"""Photos and a video as phones and programs write them, with the place in every corner of their files."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from attacks.canaries import ECEF, EMAIL, LATITUDE, LONGITUDE, NAME, TAKEN, WORD, sexagesimal

__all__ = ["DRESSES", "dressed", "heic", "movie"]

HEIC = Path(__file__).parents[1] / "capture" / "turned.heic"
TEXT = f"{WORD} {LATITUDE}, {LONGITUDE} {NAME} <{EMAIL}>"
XMP = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r dc:creator="{NAME}" exif:GPSLatitude="51,29.893N"'
    f' exif:GPSLongitude="{LONGITUDE}" Iptc4xmpCore:Location="{WORD}"/></x:xmpmeta>'
).encode()
IPTC = b"".join(
    b"\x1c\x02" + bytes([kind]) + struct.pack(">H", len(one)) + one
    for kind, one in ((80, NAME.encode()), (92, WORD.encode()), (120, TEXT.encode()))
)


def rational(degrees: float) -> tuple[IFDRational, ...]:
    d, m, s = sexagesimal(degrees)
    return IFDRational(d, 1), IFDRational(m, 1), IFDRational(round(s * 10_000), 10_000)


def exif() -> bytes:
    tags = Image.Exif()
    tags[0x010E], tags[0x013B], tags[0x8298] = TEXT, NAME, f"(c) {NAME}"
    tags[0x010F], tags[0x0110], tags[0x0132] = "Canary", "Phone 7", TAKEN
    tags[0x9C9C] = TEXT.encode("utf-16-le")
    tags.get_ifd(0x8769).update({
        0x9003: TAKEN, 0x927C: b"Nikon\0" + TEXT.encode() + struct.pack("<2d", LATITUDE, LONGITUDE),
        0x9286: b"ASCII\0\0\0" + TEXT.encode(), 0xA420: f"{WORD}-id", 0xA430: NAME, 0xA431: f"SN-{WORD}",
    })  # fmt: skip
    tags.get_ifd(0x8825).update({
        1: "N", 2: rational(LATITUDE), 3: "E", 4: rational(LONGITUDE), 5: 0, 6: IFDRational(117, 1), 16: "T",
        17: IFDRational(4321, 100), 27: f"ASCII\0\0\0{WORD}".encode(), 28: WORD.encode(), 29: TAKEN[:10],
    })  # fmt: skip
    return tags.tobytes()


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def plain(image: Image.Image, kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def jpeg(image: Image.Image) -> bytes:
    """EXIF with GPS and a maker's note, XMP, IPTC, a profile, a comment, a thumbnail, bytes after the end."""
    icc = b"\0" * 128 + TEXT.encode()
    data = plain(
        image, "JPEG", quality=92, exif=exif(), xmp=XMP, comment=TEXT.encode(), icc_profile=icc
    )  # fmt: skip
    photoshop = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC
    small = plain(image.resize((160, 120)), "JPEG", exif=exif())
    more = segment(0xED, photoshop) + segment(0xE0, b"JFXX\0\x10" + small[:60_000])
    more += segment(0xEB, b"JP" + TEXT.encode())
    return data[:2] + more + data[2:] + TEXT.encode() + struct.pack(">3d", *ECEF)


def several(image: Image.Image) -> bytes:
    """MPF: a second picture with EXIF of its own, as gain maps and depth maps are."""
    second = image.resize((320, 240))
    second.encoderinfo = {"exif": exif()}  # type: ignore[attr-defined]
    return plain(image, "MPO", save_all=True, append_images=[second], exif=exif())


def png(image: Image.Image) -> bytes:
    info = PngInfo()
    info.add_text("Comment", TEXT)
    info.add_text("Location", TEXT * 4, zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    return plain(image, "PNG", pnginfo=info, exif=exif(), compress_level=1)


def tiff(image: Image.Image) -> bytes:
    tags = ImageFileDirectory_v2()
    tags[270], tags[315], tags[306], tags[700], tags[33723] = TEXT, NAME, TAKEN, XMP, IPTC
    tags[34853] = {1: "N", 2: rational(LATITUDE), 3: "E", 4: rational(LONGITUDE)}
    tags[42113] = TEXT
    tags.tagtype[33922] = 12
    tags[33922] = (0.0, 0.0, 0.0, LONGITUDE, LATITUDE, 0.0)  # GeoTIFF: tie point
    second = image.resize((200, 200))
    return plain(image, "TIFF", tiffinfo=tags, save_all=True, append_images=[second])


def webp(image: Image.Image) -> bytes:
    return plain(image, "WEBP", quality=92, exif=exif(), xmp=XMP)


def avif(image: Image.Image) -> bytes:
    return plain(image, "AVIF", quality=85, speed=10, exif=exif(), xmp=XMP)


def heic() -> bytes:
    """A photo of an iPhone, of something else; the maker in its EXIF item is one letter of the word short."""
    hung = struct.pack(">I", 8 + len(XMP)) + b"uuid" + XMP
    return HEIC.read_bytes().replace(b"Oberih", WORD[:6].encode()) + hung


DRESSES: dict[str, Callable[[Image.Image], bytes]] = {
    "jpg": jpeg, "mpo.jpg": several, "png": png, "tif": tiff, "webp": webp, "avif": avif,
}  # fmt: skip


def dressed(pixels: NDArray[np.uint8], kind: str) -> bytes:
    """A photo file of ``(H, W, 3)`` pixels."""
    return DRESSES[kind](Image.fromarray(pixels))


def box(name: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I", 8 + len(data)) + name + data


def movie() -> bytes:
    """A Live Photo's MOV: where it was taken, a track of places over time, sound with a name in it."""
    place = f"+{LATITUDE:.6f}+{LONGITUDE:.6f}+117.0/".encode()
    told = b"com.apple.quicktime.location.ISO6709"
    keys = box(b"keys", struct.pack(">II", 0, 1), box(b"mdta", told))
    value = box(b"ilst", box(struct.pack(">I", 1), box(b"data", struct.pack(">II", 1, 0), place)))
    meta = box(b"meta", keys, value)
    xyz = box(b"\xa9xyz", struct.pack(">HH", len(place), 0x15C7), place)
    timed = box(b"mdat", struct.pack(">6d", LATITUDE, LONGITUDE, *ECEF, 117.0), XMP, TEXT.encode())
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", meta, box(b"udta", xyz)) + timed
