"""Searches every byte of public files for what must not be there: texts and coordinates in all dresses.

    found = search(folder, texts=["canary"], numbers=[4431234.5])    # {"downloads/model.ply": {"canary"}}

Archives are opened, compressed parts of formats are unpacked: ZIP and USDZ, binary USD as text, zlib streams
(FBX, PNG text), pages of E57. A text is looked for in UTF-8 and UTF-16, small and capital, plain and in
base64. A number is looked for as float32 and float64 of either order of bytes, and its whole digits if it has
at least five.
"""

import base64
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["search", "unpacked"]

ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def search(folder: Path, texts: Iterable[str] = (), numbers: Iterable[float] = ()) -> dict[str, set[str]]:
    """What is found, by the file's path; paths and names are searched as well."""
    wanted = {text: needles_of_text(text) for text in texts}
    wanted |= {repr(number): needles_of_number(number) for number in numbers}
    found: dict[str, set[str]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        for data in unpacked(path.read_bytes()):
            haystack = data + b"\0" + name.encode()
            small = haystack.lower()
            for said, needles in wanted.items():
                if any((needle in small) if case else (needle in haystack) for needle, case in needles):
                    found.setdefault(name, set()).add(said)
    return found


def needles_of_text(text: str) -> list[tuple[bytes, bool]]:
    """Bytes to look for, and whether in small letters."""
    needles = [(text.lower().encode(coding), True) for coding in ("utf-8", "utf-16-le", "utf-16-be")]
    for before in range(3):  # base64 of it, however it begins in its group of three
        coded = base64.b64encode(b"\0" * before + text.encode())
        needles.append((coded[before and 4 : -4], False))
    return needles


def needles_of_number(number: float) -> list[tuple[bytes, bool]]:
    needles = [(struct.pack(order + "f", number), False) for order in "<>"]
    # Of float64 all but the last bits: an offset of less than a millimetre hides nothing.
    needles += [(struct.pack("<d", number)[3:], False), (struct.pack(">d", number)[:5], False)]
    digits = str(int(abs(number))).encode()
    return needles + [(digits, False)] * (len(digits) >= 5)


def unpacked(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes, and those that are packed in them."""
    yield data
    if depth > 3:
        return
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            for info in package.infolist():
                yield info.filename.encode() + info.comment + info.extra
                yield from unpacked(package.read(info), depth + 1)
            yield package.comment
    elif data[:8] == b"PXR-USDC":
        yield usd_text(data)
    elif data[:8] == b"ASTM-E57":
        yield b"".join(data[at : at + 1020] for at in range(0, len(data), 1024))
    else:
        for start in ZLIB:
            at = data.find(start)
            while at >= 0:
                yield from inflated(data[at:])
                at = data.find(start, at + 1)


def inflated(data: bytes) -> Iterator[bytes]:
    try:
        made = zlib.decompressobj().decompress(data, 50_000_000)
    except zlib.error:
        return
    if len(made) > 8:
        yield made


def usd_text(data: bytes) -> bytes:
    """All of a layer but its arrays of numbers, which its own bytes hold."""
    import tempfile

    from pxr import Sdf

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "layer.usdc")
        path.write_bytes(data)
        text: str = Sdf.Layer.OpenAsAnonymous(str(path)).ExportToString()
    return text.encode()
