"""Files that somebody might send to do harm, and names that they might give them."""

import gzip
import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

__all__ = ["FILES", "HONEST", "NAMES", "SCRIPT"]

SCRIPT = b"<script>alert(document.cookie)</script>"


def honest(number: int = 0) -> bytes:
    """A small photo, with detail."""
    noise = np.random.default_rng(number).integers(0, 256, (240, 320, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=90)
    return file.getvalue()


def commented(jpeg: bytes, comment: bytes) -> bytes:
    """With a comment right at the beginning, where sniffers look."""
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]


def packed(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name.replace("UP", "../../../evil"), data)
    return file.getvalue()


def png(width: int, height: int, *more: tuple[bytes, bytes], pixels: bytes = b"") -> bytes:
    """A PNG that claims to be so large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), *more, (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def tiff(*tags: tuple[int, int, int, int], following: int = 0, more: bytes = b"") -> bytes:
    """A directory of tags (number, type, count, value)."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + struct.pack("<I", following) + more


def sized(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG that claims another size (in its frame header)."""
    at = jpeg.index(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


HONEST = honest(7)
EXIF = tiff(*((1000 + n, 7, 1 << 16, 8) for n in range(5000)), more=b"\0" * (1 << 16))
TEXT = b"a\0\0" + zlib.compress(b"\0" * 50_000_000)
FILES: dict[str, bytes] = {
    "jpeg-and-zip.jpg": honest() + packed(UP=b"out", a=b"b"),
    "gif-and-script.gif": b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)//",
    "pdf-and-jpeg.jpg": commented(honest(1), b"%PDF-1.4\n1 0 obj<</JS(app.alert(1))>>endobj\n"),
    "jpeg-and-pdf.pdf": b"%PDF-1.4\n%" + honest(1),
    "html-in-comment.jpg": commented(honest(2), b"<!doctype html><html><body>" + SCRIPT),
    "html.jpg": b"<!doctype html><html><body>" + SCRIPT,
    "page.html": b"<html>" + SCRIPT,
    "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">' + SCRIPT + b"</svg>",
    "drawing.jpg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>",
    "entities.xml": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "script.js": b"alert(1)",
    "program.jpg": b"\x7fELF" + b"\0" * 60,
    "shell.jpg": b"#!/bin/sh\necho evil\n",
    "bomb.png": png(60_000, 60_000, pixels=b"\0" * 1_000_000),
    "bomb-wide.png": png(2**31 - 1, 1),
    "bomb-none.png": png(0, 0),
    "bomb.jpg": sized(honest(3), 65_500, 65_500),
    "bomb.tif": tiff((256, 4, 1, 2**31), (257, 4, 1, 2**31), (258, 3, 1, 8), (259, 3, 1, 1), (273, 4, 1, 8)),
    "loop.tif": tiff((256, 4, 1, 64), (257, 4, 1, 64), following=8),
    "strips.tif": tiff((256, 4, 1, 64), (257, 4, 1, 64), (273, 4, 2**30, 8), (279, 4, 2**30, 8)),
    "bomb.zip": packed(a=b"\0" * 20_000_000),
    "bomb.gz": gzip.compress(b"\0" * 20_000_000),
    "empty.jpg": b"",
    "one.jpg": b"\xff",
    "mark.jpg": b"\xff\xd8\xff",
    "half.jpg": honest(4)[:3000],
    "huge-exif.png": png(64, 64, (b"eXIf", EXIF), pixels=b"\0" * 64 * 193),
    "huge-text.png": png(64, 64, (b"zTXt", TEXT), pixels=b"\0" * 64 * 193),
    "heif.heic": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + b"\xff" * 200,
    "box.heic": b"\xff\xff\xff\xffftypheic\0\0\0\0heic" + b"\0" * 60,
    "webp.webp": b"RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\xff\xff\xff\xff\xff",
    "raw.dng": tiff((50706, 1, 4, 0x0401), (254, 4, 1, 1), (330, 4, 2**28, 8), (256, 4, 1, 2**31)),
}  # fmt: skip
"""Name -> bytes. The names are what somebody claims; what a file is, its bytes tell."""

NAMES = (
    "../../../../evil.jpg", "..\\..\\evil.jpg", "/etc/cron.d/evil", "C:\\Windows\\evil.jpg", "..", ".", "",
    ".htaccess", "~root", "CON.jpg", "nul", "a\x00.html", "photo.jpg\x00.html", "new\nline.jpg",
    "\x1b[2Jx.jpg", "ev\u202egpj.exe", "\ufeffbom.jpg", "a" * 900 + ".jpg", "ї" * 500 + ".jpg",
    "é.jpg", "é.jpg", "É.JPG", "photo.jpg",
    "PHOTO.jpg", "photo.jpg ", "photo.jpg.", '"><script>alert(1)</script>.jpg', "{{7*7}}.jpg",
    "%2e%2e%2fevil.jpg", "receipt.json", "contribution.json", "lock", "manifest.json", "object.json",
    "index.html", "a:b.jpg", "a|b*.jpg", "\u2028.jpg", "．．／evil.jpg", "🏰.jpg", "-rf", "$(id).jpg",
)  # fmt: skip
