"""How FBX 7.4 lays out its tree of records in binary: offsets, typed values, compressed arrays, footer.

There is no free specification; this follows what others measured: https://lo48576.github.io/fbx-book/ and
https://code.blender.org/2013/08/fbx-binary-file-format-specification/. A record begins with the offset of its
end, which is known last, so the file is written in one pass and each offset filled in when its record closes.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from oberih.errors import InputError

VERSION = 7400
HEADER = b"Kaydara FBX Binary  \0\x1a\0" + struct.pack("<I", VERSION)
RECORD = struct.Struct("<III")  # end offset, number of values, bytes of values; then the name with its length
SENTINEL = b"\0" * (RECORD.size + 1)  # ends a list of records
OFFSETS_END = 2**32

# Two codes in the file are computed from its time stamp, and Autodesk's programs compare them. These belong
# to the one stamp that all our files carry: they say nothing of when a file was made.
STAMP = {"Year": 1970, "Month": 1, "Day": 1, "Hour": 10, "Minute": 0, "Second": 0, "Millisecond": 0}
STAMP_TEXT = "1970-01-01 10:00:00:000"
FILE_ID = bytes.fromhex("28b32aebb624ccc2bfc8b02aa92bfcf1")
FOOTER_ID = bytes.fromhex("fabcab09d0c8d466b176fb831cf7267e")
FOOTER_END = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")

ELEMENT = {"f8": b"d", "i4": b"i"}  # an array's NumPy type: its letter in the file
LEVEL = 1  # zlib's fastest: a higher level gains a tenth of the size for several times the time


class Id(int):
    """The number of an object: 64 bits in the file, where a plain int has 32."""


Value = Id | bool | int | float | str | bytes


class Records:
    """An FBX file while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        file.write(HEADER)

    def leaf(self, name: str, *values: Value) -> None:
        """A record that holds values and nothing below it."""
        start = self._begin(name, values)
        if not values:
            self.file.write(SENTINEL)
        self._end(start)

    @contextmanager
    def node(self, name: str, *values: Value) -> Iterator[None]:
        """A record with others below it: those that are written before this closes."""
        start = self._begin(name, values)
        yield
        self.file.write(SENTINEL)
        self._end(start)

    def array(self, name: str, kind: str, count: int, pieces: Iterable[NDArray[Any]]) -> None:
        """A record of one array of ``count`` numbers ("f8", "i4"), compressed piece by piece."""
        file = self.file
        start = self._head(name, 1, 0)
        values = file.tell()
        file.write(ELEMENT[kind] + bytes(12))
        packer = zlib.compressobj(LEVEL)
        for piece in pieces:
            file.write(packer.compress(np.ascontiguousarray(piece, f"<{kind}").data))
            checked(file.tell())
        file.write(packer.flush())
        end = checked(file.tell())
        checked(count * int(kind[1]))
        file.seek(values + 1)
        file.write(struct.pack("<III", count, 1, end - values - 13))
        file.seek(start)
        file.write(RECORD.pack(end, 1, end - values))
        file.seek(end)

    def footer(self) -> None:
        """The end of the list of top-level records, and of the file."""
        self.file.write(SENTINEL + FOOTER_ID)
        self.file.write(bytes(16 - self.file.tell() % 16))
        self.file.write(bytes(4) + struct.pack("<I", VERSION) + bytes(120) + FOOTER_END)

    def _begin(self, name: str, values: tuple[Value, ...]) -> int:
        packed = [piece for value in values for piece in encoded(value)]
        start = self._head(name, len(values), sum(map(len, packed)))
        for piece in packed:
            self.file.write(piece)
        return start

    def _head(self, name: str, count: int, length: int) -> int:
        start = self.file.tell()
        title = name.encode("ascii")
        self.file.write(RECORD.pack(0, count, length) + bytes([len(title)]) + title)
        return start

    def _end(self, start: int) -> None:
        end = checked(self.file.tell())
        self.file.seek(start)
        self.file.write(struct.pack("<I", end))
        self.file.seek(end)


def encoded(value: Value) -> tuple[bytes, ...]:
    match value:
        case Id():
            return (struct.pack("<cq", b"L", value),)
        case bool():
            return (struct.pack("<c?", b"C", value),)
        case int():
            return (struct.pack("<ci", b"I", value),)
        case float():
            return (struct.pack("<cd", b"D", value),)
        case str():
            text = value.encode()
            return (struct.pack("<cI", b"S", len(text)), text)
        case _:
            return (struct.pack("<cI", b"R", len(value)), value)


def checked(offset: int) -> int:
    if offset >= OFFSETS_END:
        raise InputError(
            "The model is too large for FBX 7.4, which ends at 4 GB.",
            "Simplify it first (oberih export --triangles), or choose another format.",
        )
    return offset
