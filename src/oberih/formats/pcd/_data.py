"""The head and the three kinds of data of a PCD file, as one table of records."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats._rows import Rows
from oberih.formats.las._header import DAMAGED
from oberih.i18n import say

KINDS = {
    f"{kind}{size}": f"<{code}{size}"
    for kind, code in zip("FIU", "fiu", strict=True)
    for size in (1, 2, 4, 8)
}
del KINDS["F1"], KINDS["F2"]
MOST_FIELDS, LONGEST_HEAD = 100, 1 << 16
MOST_VALUES = 100_000  # of one field: descriptors have hundreds


@dataclass(frozen=True)
class Head:
    names: tuple[str, ...]
    record: np.dtype[np.void]
    points: int
    kind: str  # ascii, binary, binary_compressed
    data_at: int


def read_head(path: Path, file: BinaryIO) -> Head:
    told: dict[str, list[str]] = {}
    start = file.read(LONGEST_HEAD)
    at = 0
    while "DATA" not in told:
        end = start.find(b"\n", at)
        if end < 0:
            raise UnreadableModel(say("{path} is not a PCD file.", path=path.name), DAMAGED)
        words = start[at:end].decode("latin1").split()
        at = end + 1
        if words and not words[0].startswith("#"):
            told[words[0].upper()] = words[1:]
    try:
        names = told.get("FIELDS") or told["COLUMNS"]
        sizes, kinds = told["SIZE"], [kind.upper() for kind in told["TYPE"]]
        counts = [int(count) for count in told.get("COUNT", ["1"] * len(names))]
        area = int(told["WIDTH"][0]) * int(told["HEIGHT"][0]) if "WIDTH" in told and "HEIGHT" in told else 0
        points = int(told["POINTS"][0]) if "POINTS" in told else area
        codes = [KINDS[kind + size] for kind, size in zip(kinds, sizes, strict=True)]
        if (
            not 0 < len(names) <= MOST_FIELDS
            or any(not 0 < count <= MOST_VALUES for count in counts)
            or points < 0
        ):
            raise ValueError("counts")
        taken: list[str] = []
        for number, name in enumerate(names):
            taken.append(name.lower() if name != "_" and name.lower() not in taken else f"_{number}")
        shapes = [(count,) if count > 1 else () for count in counts]
        record = np.dtype(list(zip(taken, codes, shapes, strict=True)))
        kind = told["DATA"][0].lower()
    except (KeyError, ValueError, IndexError) as error:
        raise UnreadableModel(say("The head of {path} is damaged.", path=path.name), DAMAGED) from error
    return Head(tuple(name for name in taken if name[0] != "_"), record, points, kind, at)


def records(path: Path, file: BinaryIO, head: Head) -> NDArray[np.void]:
    """All records that are there."""
    left = file.seek(0, 2) - head.data_at
    if head.kind == "binary":
        file.seek(head.data_at)
        count = min(head.points, left // head.record.itemsize)
        return np.frombuffer(file.read(count * head.record.itemsize), head.record)
    if head.kind == "binary_compressed":
        file.seek(head.data_at)
        return unpacked(path, file.read(), head)
    if head.kind != "ascii":
        raise UnreadableModel(say("The head of {path} is damaged.", path=path.name), DAMAGED)
    return from_text(path, head)


def from_text(path: Path, head: Head) -> NDArray[np.void]:
    pieces = []
    rows = Rows(path, head.data_at)
    for block in rows:
        table = np.zeros(len(block), head.record)
        at = 0
        for name in head.record.names or ():
            field = head.record[name]
            width = int(np.prod(field.shape, dtype=int))
            if at + width > block.shape[1]:
                raise UnreadableModel(
                    say("{path} has fewer columns than its head says.", path=path.name), DAMAGED
                )
            values = block[:, at : at + width]
            if field.base.kind != "f":
                limits = np.iinfo(field.base)
                values = np.clip(np.nan_to_num(values), limits.min, np.nextafter(float(limits.max), 0))
            table[name] = values.reshape(table[name].shape)
            at += width
        pieces.append(table)
    table = np.concatenate(pieces) if pieces else np.zeros(0, head.record)
    return table[: head.points] if head.points else table


def unpacked(path: Path, data: bytes, head: Head) -> NDArray[np.void]:
    """Compressed data hold the fields one after the other."""
    if len(data) < 8:
        raise UnreadableModel(say("{path} is cut off.", path=path.name), DAMAGED)
    small, large = struct.unpack_from("<II", data)
    if small > len(data) - 8 or large != head.points * head.record.itemsize or large > 300 * small + 300:
        raise UnreadableModel(say("{path} contradicts itself about its size.", path=path.name), DAMAGED)
    plain = lzf(data[8 : 8 + small], large)
    if plain is None:
        raise UnreadableModel(
            say("The packed points of {path} are damaged or cut off.", path=path.name), DAMAGED
        )
    table = np.zeros(head.points, head.record)
    at = 0
    for name in head.record.names or ():
        field = head.record[name]
        size = field.itemsize * head.points
        values = np.frombuffer(plain, field.base, size // field.base.itemsize, at)
        table[name] = values.reshape(table[name].shape)
        at += size
    return table


def lzf(data: bytes, size: int) -> bytearray | None:
    """Unpack LZF (M. Lehmann's liblzf); None if the data are not sound.

    A control byte below 32 copies that many bytes and one more; else its upper three bits (7: and the next
    byte) are a length, its lower five and the next byte tell how far back the same bytes stand.
    """
    out = bytearray()
    at, end = 0, len(data)
    try:
        while at < end:
            control = data[at]
            at += 1
            if control < 32:
                out += data[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += data[at]
                at += 1
            back = ((control & 31) << 8) + data[at] + 1
            at += 1
            length += 2
            start = len(out) - back
            if start < 0 or len(out) + length > size:
                return None
            if back >= length:
                out += out[start : start + length]
            else:  # the bytes repeat themselves
                out += (out[start:] * (length // back + 1))[:length]
    except IndexError:
        return None
    return out if len(out) == size else None
