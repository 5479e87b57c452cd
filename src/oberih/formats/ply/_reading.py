"""Reads PLY: any elements, in text or in binary of either byte order; meshes, strips and clouds.

A row of an element has a fixed length unless it has lists; where all lists are equally long, as in a mesh of
triangles, all rows are taken as one array, else they are walked. Sizes are compared with the file before
anything is made of them.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oberih.formats._lines import Lines
from oberih.formats._numbers import numbers
from oberih.formats._surface import broken
from oberih.i18n import say

__all__ = ["Element", "Header", "Rows", "header_of", "rows_of"]

MAX_HEADER = 1 << 20
KINDS = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4",
    "float32": "f4", "double": "f8", "float64": "f8", "int64": "i8", "uint64": "u8",
}  # fmt: skip
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
STRUCT = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q"}


@dataclass(frozen=True)
class Property:
    name: str
    kind: str  # of its values, as NumPy's without byte order
    counted: str = ""  # kind of a list's length; "" if it is no list


@dataclass
class Element:
    name: str
    count: int
    properties: list[Property] = field(default_factory=list)


@dataclass
class Header:
    order: str  # "" text, "<" or ">"
    elements: list[Element]
    textures: list[str]
    body: int  # where the data begin


@dataclass
class Rows:
    """The values of one element: scalars ``(N,)``; lists as lengths ``(N,)`` and values ``(sum,)``."""

    element: Element
    scalars: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    lists: dict[str, tuple[NDArray[np.int64], NDArray[np.generic]]] = field(default_factory=dict)


def header_of(path: Path) -> Header:
    """Raises `UnreadableModel` if the file does not begin as a PLY does."""
    with path.open("rb") as file:
        start = file.read(MAX_HEADER)
    end = start.find(b"end_header")
    if not start.startswith(b"ply") or end < 0:
        raise broken(path, say("it does not begin as a PLY file does"))
    body = end + len(b"end_header")
    while start[body : body + 1] in (b" ", b"\t"):
        body += 1
    # Where lines end in \r alone, a \n behind it is the first byte of the data.
    body += 2 if start[body : body + 2] == b"\r\n" and b"\n" in start[:end] else 1
    header = Header("?", [], [], body)
    for line in start[:end].decode("utf-8", "replace").splitlines()[1:]:
        words = line.split()
        if not words or words[0] == "obj_info":
            continue
        if words[0] == "comment":
            if len(words) > 2 and words[1].lower() == "texturefile":
                header.textures.append(line.split(None, 2)[2].strip())
            continue
        try:
            declare(header, words)
        except (KeyError, IndexError, ValueError) as error:
            raise broken(path, say("its header has the line {line}", line=line[:100])) from error
    if header.order == "?":
        raise broken(path, say("its header does not say how its numbers are written"))
    return header


def declare(header: Header, words: list[str]) -> None:
    match words[0]:
        case "format":
            header.order = ORDERS[words[1]]
        case "element":
            count = int(words[2])
            if count < 0:
                raise ValueError(count)
            header.elements.append(Element(words[1], count))
        case "property" if words[1] == "list":
            counted = KINDS[words[2]]
            if counted[0] == "f":
                raise ValueError(counted)
            header.elements[-1].properties.append(Property(words[4].lower(), KINDS[words[3]], counted))
        case "property":
            header.elements[-1].properties.append(Property(words[2].lower(), KINDS[words[1]]))
        case _:
            raise KeyError(words[0])


def rows_of(path: Path, header: Header) -> list[Rows]:
    """The values of all elements. Raises `UnreadableModel` if the file is too short for them."""
    if not header.order:
        return in_text(path, header)
    with path.open("rb") as file:
        file.seek(header.body)
        data = np.frombuffer(file.read(), np.uint8)
    place = 0
    found = []
    for element in header.elements:
        rows = Rows(element)
        found.append(rows)
        least = sum(int((one.counted or one.kind)[1]) for one in element.properties)
        if element.count * least > len(data) - place:
            raise too_short(path, element)
        if element.count and element.properties:
            place = alike(path, rows, data, place, header.order)
    return found


def in_text(path: Path, header: Header) -> list[Rows]:
    """A row is a line: what a line has beyond its properties, as some programs write, is left."""
    with path.open("rb") as file:
        file.seek(header.body)
        body = file.read().replace(b"\r", b"\n")
    try:
        values = numbers(body)
    except ValueError as error:
        raise broken(path, say("there are words among its numbers")) from error
    words = Lines(body).words if body else np.zeros(0, np.int32)
    words = words[words > 0].astype(np.int64)
    begins = np.cumsum(words) - words
    line = 0
    found = []
    for element in header.elements:
        rows = Rows(element)
        found.append(rows)
        if not element.properties:
            continue
        if element.count > len(words) - line:
            raise too_short(path, element)
        lines = slice(line, line + element.count)
        at, end = begins[lines].copy(), begins[lines] + words[lines]
        line += element.count
        for one in element.properties:
            if not one.counted:
                if (at >= end).any():
                    raise too_short(path, element)
                rows.scalars[one.name] = values[at]
                at += 1
                continue
            told: NDArray[Any] = np.zeros(len(at))
            if len(values):
                told = values[np.minimum(at, len(values) - 1)]
            lengths = np.where((at < end) & (told >= 0) & (told <= len(values)), told, 0).astype(np.int64)
            at += 1
            if (at + lengths > end).any() and (lengths > 0).any():
                raise too_short(path, element)
            before = np.cumsum(lengths) - lengths
            items = np.repeat(at - before, lengths) + np.arange(lengths.sum())
            rows.lists[one.name] = lengths, values[items]
            at += lengths
    return found


def too_short(path: Path, element: Element) -> Exception:
    return broken(
        path, say("it ends before its {count} rows of {name}", count=element.count, name=element.name[:50])
    )


def sizes(element: Element) -> tuple[list[int], list[int]]:
    """Of each property the bytes of a value, and of the length of a list (0 if it is none)."""
    values = [int(one.kind[1]) for one in element.properties]
    return values, [int(one.counted[1]) if one.counted else 0 for one in element.properties]


def alike(path: Path, rows: Rows, data: NDArray[np.uint8], place: int, order: str) -> int:
    """Take all rows as one array, if their lists are as long as the first one's; returns where they end."""
    element = rows.element
    lengths = lengths_of(path, element, data, place, order, 1)[0]
    kinds: list[tuple[str, str, tuple[int, ...]]] = []
    for number, one in enumerate(element.properties):
        if one.counted:
            kinds.append((f"n{number}", order + one.counted, ()))
        kinds.append((f"v{number}", order + one.kind, (int(lengths[number][0]),) if one.counted else ()))
    row = np.dtype(kinds)
    if element.count * row.itemsize > len(data) - place:
        return walked(path, rows, data, place, order)
    block = np.frombuffer(data, row, element.count, place)
    if not all((block[f"n{number}"] == mine[0]).all() for number, mine in lengths.items()):
        return walked(path, rows, data, place, order)
    for number, one in enumerate(element.properties):
        values = block[f"v{number}"]
        if one.counted:
            mine = np.full(element.count, lengths[number][0], np.int64)
            rows.lists[one.name] = mine, values.reshape(-1)
        else:
            rows.scalars[one.name] = values
    return place + element.count * row.itemsize


def walked(path: Path, rows: Rows, data: NDArray[np.uint8], place: int, order: str) -> int:
    """Take rows of different lengths, one after another; returns where they end."""
    element = rows.element
    size, counted = sizes(element)
    lengths, end = lengths_of(path, element, data, place, order, element.count)
    width = np.full(element.count, sum(v for v, c in zip(size, counted, strict=True) if not c), np.int64)
    for number, mine in lengths.items():
        width += counted[number] + mine * size[number]
    at = place + np.cumsum(width) - width
    for number, one in enumerate(element.properties):
        value = size[number]
        if number not in lengths:
            rows.scalars[one.name] = gathered(data, at, order + one.kind)
            at = at + value
            continue
        mine = lengths[number]
        before = np.cumsum(mine) - mine
        items = np.repeat(at + counted[number] - before * value, mine) + np.arange(mine.sum()) * value
        rows.lists[one.name] = mine, gathered(data, items, order + one.kind)
        at = at + counted[number] + mine * value
    return end


def lengths_of(
    path: Path, element: Element, data: NDArray[np.uint8], place: int, order: str, count: int
) -> tuple[dict[int, NDArray[np.int64]], int]:
    """The lengths of the lists in each of ``count`` rows, and where the last row ends."""
    size, counted = sizes(element)
    steps: list[tuple[int, int, int]] = []  # of a list: its number, the bytes between it and the one before
    between = 0
    for number, (value, counting) in enumerate(zip(size, counted, strict=True)):
        if counting:
            steps.append((number, between, value))
            between = 0
        else:
            between += value
    found: dict[int, list[int]] = {number: [] for number, _, _ in steps}
    readers = [struct.Struct(order + STRUCT[element.properties[number].counted]) for number, _, _ in steps]
    end = len(data)
    plain: Any = data.tobytes() if count > 1 else data
    for _ in range(count if steps else 0):
        for (number, gap, value), reader in zip(steps, readers, strict=True):
            place += gap
            if place + reader.size > end:
                raise too_short(path, element)
            length = reader.unpack_from(plain, place)[0]
            place += reader.size + length * value
            if length < 0 or place > end:
                raise too_short(path, element)
            found[number].append(length)
        place += between
    if place > end:
        raise too_short(path, element)
    return {number: np.array(mine, np.int64) for number, mine in found.items()}, place


def gathered(data: NDArray[np.uint8], at: NDArray[np.int64], kind: str) -> NDArray[np.generic]:
    size = np.dtype(kind).itemsize
    return np.ascontiguousarray(data[at[:, None] + np.arange(size)]).view(kind).reshape(-1)
