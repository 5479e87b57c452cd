"""A picture that is pixels and nothing else: no comment, place, maker or second picture.

Pictures that become public are re-made before they come here. This looks again, at the bytes: what is not
needed to show pixels is not let through.

JPEG: ITU-T T.81, JFIF 1.02. PNG: third edition. WebP: RFC 9649.
"""

import struct
from collections.abc import Iterator

from oberih.errors import InputError

__all__ = ["media_type"]

PNG = b"\x89PNG\r\n\x1a\n"
PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"sRGB", b"gAMA")
WEBP_CHUNKS = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH")
JFIF = b"JFIF\0"
EOI, SOS, APP0 = 0xD9, 0xDA, 0xE0
STUFFED = (0x00, *range(0xD0, 0xD8))  # after 0xFF in pixels: a plain byte, or where decoding may begin anew
JPEG_SEGMENTS = (0xC0, 0xC1, 0xC2, 0xC4, SOS, 0xDB, 0xDD, APP0)


class NotBareError(Exception):
    """There is more in it than pixels, or it is no such picture."""


def media_type(data: bytes) -> str:
    """ "image/jpeg", "image/png" or "image/webp". Raises `InputError` if there is more in it than pixels."""
    try:
        if data[:2] == b"\xff\xd8":
            jpeg(data)
            return "image/jpeg"
        if data[:8] == PNG:
            chunks(png(data), PNG_CHUNKS, b"IEND")
            return "image/png"
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            chunks(webp(data), WEBP_CHUNKS, None)
            return "image/webp"
    except (NotBareError, IndexError, struct.error) as error:
        raise refused() from error
    raise refused()


def refused() -> InputError:
    return InputError(
        "A picture for the public holds more than pixels, or is no JPEG, PNG or WebP.",
        "Make it anew from its pixels.",
    )


def chunks(found: Iterator[bytes], known: tuple[bytes, ...], last: bytes | None) -> None:
    names = list(found)
    if not names or set(names) - set(known) or (last and names[-1] != last):
        raise NotBareError


def png(data: bytes) -> Iterator[bytes]:
    at = len(PNG)
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if at > len(data):
            raise NotBareError
        yield name


def webp(data: bytes) -> Iterator[bytes]:
    if struct.unpack_from("<I", data, 4)[0] + 8 != len(data):
        raise NotBareError
    at = 12
    while at < len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        at += 8 + length + length % 2
        if at > len(data):
            raise NotBareError
        yield name


def jpeg(data: bytes) -> None:
    """Only segments that make pixels, no thumbnail, and nothing after the end."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise NotBareError
        kind = data[at + 1]
        if kind == EOI:
            if at + 2 != len(data):
                raise NotBareError
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        segment = data[at + 4 : at + 2 + length]
        if kind not in JPEG_SEGMENTS:
            raise NotBareError
        if kind == APP0 and (segment[:5] != JFIF or len(segment) != 14 or any(segment[12:14])):
            raise NotBareError
        at += 2 + length
        if kind == SOS:
            while data[at] != 0xFF or data[at + 1] in STUFFED:
                at = data.index(b"\xff", at + 1) if b"\xff" in data[at + 1 :] else len(data)
