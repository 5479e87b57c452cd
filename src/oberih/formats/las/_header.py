"""The layout of LAS files: header, variable length records, point records.

What a file says of itself is checked here against its size before anything is taken on trust: a count of
records can be four thousand million in a file of some kilobytes.

Specification: ASPRS LAS 1.0 to 1.4 (R15), https://github.com/ASPRSorg/LAS
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.i18n import say

HEADER_BYTES = 375  # of LAS 1.4
VLR_BYTES, EVLR_BYTES = 54, 60
MOST_RECORDS = 10_000
POINT_BYTES = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)  # by point format
RGB_AT = {2: 20, 3: 28, 5: 28, 7: 30, 8: 30, 10: 30}  # where a record has its colour
WAVEFORMS = (4, 5, 9, 10)
DAMAGED = "Most likely the file is damaged, or not what its name says. Export it again where it was made."

HEADER = np.dtype([
    ("signature", "S4"), ("source", "<u2"), ("encoding", "<u2"), ("guid", "V16"), ("major", "u1"),
    ("minor", "u1"), ("system", "S32"), ("software", "S32"), ("day", "<u2"), ("year", "<u2"),
    ("header_bytes", "<u2"), ("data_at", "<u4"), ("vlrs", "<u4"), ("point_format", "u1"),
    ("point_bytes", "<u2"), ("count_32", "<u4"), ("by_return_32", "<u4", 5), ("scale", "<f8", 3),
    ("offset", "<f8", 3), ("bounds", "<f8", (3, 2)), ("waveforms_at", "<u8"), ("evlrs_at", "<u8"),
    ("evlrs", "<u4"), ("count", "<u8"), ("by_return", "<u8", 15),
])  # fmt: skip

POINT_7 = np.dtype([
    ("xyz", "<i4", 3), ("intensity", "<u2"), ("returns", "u1"), ("flags", "u1"), ("class", "u1"),
    ("user", "u1"), ("angle", "<i2"), ("source", "<u2"), ("time", "<f8"), ("rgb", "<u2", 3),
])  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What matters of a checked header."""

    point_format: int
    point_bytes: int
    count: int  # of points, as the header says
    data_at: int
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    compressed: bool
    records: dict[tuple[str, int], bytes] = field(default_factory=dict)  # by user and number
    notes: tuple[str, ...] = ()


def read_header(path: Path, file: BinaryIO) -> Header:
    """The header and the records. Raises `UnreadableModel`."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(HEADER_BYTES)
    if head[:4] != b"LASF" or len(head) < 227:
        raise UnreadableModel(say("{path} is not a LAS file.", path=path.name), DAMAGED)
    told = np.frombuffer(head.ljust(HEADER_BYTES, b"\0"), HEADER)[0]
    data_at, point_bytes = int(told["data_at"]), int(told["point_bytes"])
    point_format, packed = int(told["point_format"]) & 0x3F, bool(told["point_format"] & 0xC0)
    if point_format >= len(POINT_BYTES) or point_bytes < POINT_BYTES[point_format]:
        raise UnreadableModel(
            say("{path} has points of an unknown kind ({number}).", path=path.name, number=point_format),
            DAMAGED,
        )
    if not 227 <= data_at <= size:
        raise UnreadableModel(say("{path} is cut off before its points.", path=path.name), DAMAGED)
    scale, offset = told["scale"].astype(np.float64), told["offset"].astype(np.float64)
    if not (np.isfinite(scale).all() and np.isfinite(offset).all() and (scale != 0).all()):
        raise UnreadableModel(say("{path} has no usable scale or offset.", path=path.name), DAMAGED)
    count = int(told["count_32"])
    new = (int(told["major"]), int(told["minor"])) >= (1, 4) and int(told["header_bytes"]) >= HEADER_BYTES
    if new and told["count"]:
        count = int(told["count"])
    records, whole = read_records(file, int(told["header_bytes"]), int(told["vlrs"]), data_at, VLR_BYTES)
    if new and told["evlrs"]:
        more, sound = read_records(file, int(told["evlrs_at"]), int(told["evlrs"]), size, EVLR_BYTES)
        records, whole = {**more, **records}, whole and sound
    notes = () if whole else (say("Some records beside the points are damaged; they were left out."),)
    return Header(point_format, point_bytes, count, data_at, scale, offset, packed, records, notes)


def read_records(
    file: BinaryIO, start: int, count: int, end: int, head: int
) -> tuple[dict[tuple[str, int], bytes], bool]:
    """The variable length records between ``start`` and ``end``, and whether all were sound."""
    records: dict[tuple[str, int], bytes] = {}
    for _ in range(min(count, MOST_RECORDS)):
        if start + head > end:
            return records, False
        file.seek(start)
        _, user, number, length = struct.unpack_from(
            "<H16sHH" if head == VLR_BYTES else "<H16sHQ", file.read(head)
        )
        start += head
        if start + length > end:
            return records, False
        name = user.split(b"\0")[0].decode("ascii", "replace")
        if name in ("laszip encoded", "LASF_Projection", "copc"):
            records.setdefault((name, number), file.read(length))
        start += length
    return records, count <= MOST_RECORDS


# -- writing -------------------------------------------------------------------------------------------------

# A plain frame in metres, of no place: LAS has no other way to say its unit.
LOCAL_FRAME = (
    'LOCAL_CS["local",LOCAL_DATUM["local",0],UNIT["metre",1],'
    'AXIS["x",EAST],AXIS["y",NORTH],AXIS["z",UP]]'
)  # fmt: skip
WKT_BIT = 1 << 4


def vlr(user: str, number: int, data: bytes, text: str = "") -> bytes:
    return struct.pack("<H16sHH32s", 0, user.encode(), number, len(data), text.encode()) + data


def evlr(user: str, number: int, data: bytes, text: str = "") -> bytes:
    return struct.pack("<H16sHQ32s", 0, user.encode(), number, len(data), text.encode()) + data


def frame_vlr() -> bytes:
    return vlr("LASF_Projection", 2112, LOCAL_FRAME.encode() + b"\0")


def header_bytes(
    grid: NDArray[np.int32], scale: float, *, vlrs: list[bytes], compressed: bool, evlrs_at: int = 0
) -> bytes:
    """The header of LAS 1.4 with its records; no date, no project, nothing of a machine."""
    head: Any = np.zeros((), HEADER)
    head["signature"], head["major"], head["minor"] = b"LASF", 1, 4
    head["encoding"] = WKT_BIT
    head["system"] = head["software"] = b"Oberih"
    head["header_bytes"] = HEADER_BYTES
    head["vlrs"], head["data_at"] = len(vlrs), HEADER_BYTES + sum(map(len, vlrs))
    head["point_format"], head["point_bytes"] = 7 | (0x80 if compressed else 0), POINT_7.itemsize
    head["scale"] = scale
    if len(grid):
        head["bounds"] = np.stack([grid.max(axis=0), grid.min(axis=0)], axis=1) * scale
    head["count"] = head["by_return"][0] = len(grid)
    if evlrs_at:
        head["evlrs"], head["evlrs_at"] = 1, evlrs_at
    return bytes(head.tobytes()) + b"".join(vlrs)


def gridded(points: NDArray[np.float32]) -> tuple[NDArray[np.int32], float]:
    """``(N, 3)`` whole steps of ``scale``: a ten-thousandth of a metre, finer for what is small."""
    reach = float(np.abs(points).max()) if len(points) else 1.0
    exponent = np.floor(np.log10(max(reach, 1e-6))) - 5
    scale = 10.0 ** min(-4, exponent)
    while reach / scale > 2**31 - 2:  # hundreds of kilometres: only what has no scale
        scale *= 10
    scale = float(f"{scale:.0e}")
    return np.round(points.astype(np.float64) / scale).astype(np.int32), scale


def point_records(
    grid: NDArray[np.int32], colours: NDArray[np.uint8] | None, intensity: NDArray[np.float32] | None
) -> NDArray[np.void]:
    """Points of format 7; each is the first and only return of its pulse."""
    records = np.zeros(len(grid), POINT_7)
    records["xyz"], records["returns"] = grid, 0x11
    if colours is not None:
        records["rgb"] = colours.astype(np.uint16) * 257
    if intensity is not None:
        records["intensity"] = np.round(np.clip(np.nan_to_num(intensity), 0, 1) * 65535)
    return records


# -- LAZ -----------------------------------------------------------------------------------------------------

POINT_14, RGB_14, RGB_NIR_14, WAVE_14, BYTES_14 = 10, 11, 12, 13, 14  # kinds of items in LAS 1.4
LEAST_CHUNK = 20  # bytes: its first point stands in it as it is


def sound_chunks(file: BinaryIO, header: Header, size: int) -> bool:
    """Whether the table of chunks fits into the file.

    The coder takes memory for it, and for the layers of a chunk, at once, and ends the whole process when
    there is none.
    """
    file.seek(header.data_at)
    told = file.read(8)
    if len(told) < 8:
        return False
    (table_at,) = struct.unpack("<q", told)
    if table_at == -1:  # written in one go: the place stands at the end
        file.seek(size - 8)
        (table_at,) = struct.unpack("<q", file.read(8))
    if not header.data_at + 8 <= table_at <= size - 8:
        return False
    file.seek(table_at + 4)
    (chunks,) = struct.unpack("<I", file.read(4))
    return bool(chunks * LEAST_CHUNK <= size)


def sound_layers(
    file: BinaryIO, header: Header, items: list[tuple[int, int]], table: list[tuple[int, int]]
) -> bool:
    """Whether the layers of each chunk of the new kind fit into it. ``table``: points and bytes of each."""
    if not items or items[0][0] != POINT_14:
        return True
    known = {POINT_14: 9, RGB_14: 1, RGB_NIR_14: 2, WAVE_14: 1}
    count = sum(known.get(kind, length if kind == BYTES_14 else 0) for kind, length in items)
    at = header.data_at + 8
    for points, size in table:
        if not points or not size:
            continue
        file.seek(at + header.point_bytes + 4)
        told = file.read(4 * count)
        if len(told) < 4 * count or sum(struct.unpack(f"<{count}I", told)) > size:
            return False
        at += size
    return True
