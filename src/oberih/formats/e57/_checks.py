"""What an E57 file says of itself, checked before the library sees it; and one scan of it.

The file's XML is read by a parser that follows what a document type declares: none may be there. A scan's
count of points is checked against the file's size: a point that tells anything takes a bit at least.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pye57 import libe57  # type: ignore[import-untyped]

from oberih.errors import UnreadableModel
from oberih.formats.las._header import DAMAGED
from oberih.i18n import say

CHUNK = 500_000
FARTHEST = 1e15
PAGE, CHECKSUM = 1024, 4
LONGEST_XML = 1 << 26
XYZ = ("cartesianX", "cartesianY", "cartesianZ")
POLAR = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
RGB = ("colorRed", "colorGreen", "colorBlue")
NORMALS = "http://www.libe57.org/E57_NOR_surface_normals.txt"
KINDS = {
    libe57.E57_INTEGER: libe57.IntegerNode,
    libe57.E57_FLOAT: libe57.FloatNode,
    libe57.E57_SCALED_INTEGER: libe57.ScaledIntegerNode,
}


@dataclass(frozen=True)
class Scan:
    xyz: NDArray[np.float64]  # z up, moved by the scan's pose
    colours: NDArray[np.uint8] | None
    intensity: NDArray[np.float32] | None
    normals: NDArray[np.float32] | None


def check(path: Path) -> None:
    """The head and the XML of the file. Raises `UnreadableModel`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(48)
        if len(head) < 48 or head[:8] != b"ASTM-E57":
            raise UnreadableModel(say("{path} is not an E57 file.", path=path.name), DAMAGED)
        _, _, length, start, xml_length, page = struct.unpack("<IIQQQQ", head[8:48])
        pages = -(-xml_length // (PAGE - CHECKSUM)) + 1
        if page != PAGE or length > size or start >= size or xml_length > min(size, LONGEST_XML):
            raise UnreadableModel(say("{path} is cut off, or its head is damaged.", path=path.name), DAMAGED)
        file.seek(start // PAGE * PAGE)
        raw = file.read(pages * PAGE)
    raw += bytes(-len(raw) % PAGE)
    text = np.frombuffer(raw, np.uint8).reshape(-1, PAGE)[:, : PAGE - CHECKSUM].tobytes()
    xml = text[start % PAGE :][:xml_length]
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml or b"\0" in xml.rstrip(b"\0"):
        raise UnreadableModel(
            say("{path} declares entities in its XML, which E57 does not need.", path=path.name),
            "It may be made to harm. Export it again where it was made.",
        )


def read_scan(path: Path, file: Any, node: Any, notes: list[str]) -> Scan | None:
    """One scan; None if it has no points."""
    if not node.isDefined("points"):
        return None
    points = libe57.CompressedVectorNode(node.get("points"))
    count = points.childCount()
    if count == 0:
        return None
    if count > 8 * path.stat().st_size:
        raise UnreadableModel(
            say("{path} promises {count} points, more than can be in it.", path=path.name, count=count),
            DAMAGED,
        )
    prototype = libe57.StructureNode(points.prototype())
    fields = {}
    for number in range(prototype.childCount()):
        child = prototype.get(number)
        fields[child.elementName()] = child
    place = XYZ if all(name in fields for name in XYZ) else POLAR
    if not all(name in fields for name in place):
        raise UnreadableModel(say("{path} has a scan without coordinates.", path=path.name), DAMAGED)
    flag = "cartesianInvalidState" if place is XYZ else "sphericalInvalidState"
    nor = normal_fields(file, fields)
    colour = [name for name in RGB if name in fields]
    wanted = [
        *place,
        *nor,
        *(colour if len(colour) == 3 else []),
        *(n for n in ("intensity", flag) if n in fields),
    ]
    values = fetched(file, points, wanted, count)

    good = np.isfinite(values[place[0]]) & np.isfinite(values[place[1]]) & np.isfinite(values[place[2]])
    if flag in values:
        good &= values[flag] == 0  # 1: only the direction is known, 2: nothing
    if not good.all():
        lost = int((~good).sum())
        notes.append(say("Points that the scanner marked as invalid were left out: {count}.", count=lost))
        values = {name: one[good] for name, one in values.items()}
    turn, shift = pose(node)
    xyz = cartesian(place, values) @ turn.T + shift
    if not (np.isfinite(xyz).all() and np.abs(xyz).max(initial=0) < FARTHEST):
        raise UnreadableModel(say("{path} has points at infinity.", path=path.name), DAMAGED)
    colours = None
    if len(colour) == 3:
        told = [eight_bit(values[name], *limits(node, "colorLimits", name, fields[name])) for name in RGB]
        colours = np.stack(told, axis=1)
    intensity = None
    if "intensity" in values:
        low, high = limits(node, "intensityLimits", "intensity", fields["intensity"])
        intensity = fraction(values["intensity"], low, high).astype(np.float32)
    normals = None
    if nor:
        normals = (np.stack([values[name] for name in nor], axis=1) @ turn.T).astype(np.float32)
    return Scan(xyz, colours, intensity, normals)


def normal_fields(file: Any, fields: dict[str, Any]) -> list[str]:
    """Names of the normals, with the prefix that the file gives their extension."""
    for number in range(file.extensionsCount()):
        if file.extensionsUri(number).lower() == NORMALS.lower():
            names = [f"{file.extensionsPrefix(number)}:normal{axis}" for axis in "XYZ"]
            return names if all(name in fields for name in names) else []
    return []


def fetched(file: Any, points: Any, names: list[str], count: int) -> dict[str, NDArray[np.float64]]:
    """The values of ``names``, read in steps, so that memory follows what is really there."""
    step = min(CHUNK, count)
    arrays, buffers = {}, libe57.VectorSourceDestBuffer()
    for name in names:
        arrays[name] = np.empty(step, np.float64)
        buffers.append(libe57.SourceDestBuffer(file, name, arrays[name], step, True, True))
    pieces: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    reader = points.reader(buffers)
    try:
        while got := reader.read():
            for name in names:
                slim = np.float64 if name in (*XYZ, *POLAR) else np.float32
                pieces[name].append(arrays[name][:got].astype(slim))
    finally:
        reader.close()
    return {name: np.concatenate(found) if found else np.zeros(0) for name, found in pieces.items()}


def cartesian(place: tuple[str, ...], values: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    a, b, c = (values[name] for name in place)
    if place is XYZ:
        return np.stack([a, b, c], axis=1)
    flat = a * np.cos(c)
    return np.stack([flat * np.cos(b), flat * np.sin(b), a * np.sin(c)], axis=1)


def pose(node: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation ``(3, 3)`` and translation from the scanner's frame to the file's."""
    turn, shift = np.eye(3), np.zeros(3)
    if not node.isDefined("pose"):
        return turn, shift
    if node.isDefined("pose/rotation"):
        w, x, y, z = (number(node.get(f"pose/rotation/{name}")) for name in "wxyz")
        length = float(np.sqrt(w * w + x * x + y * y + z * z))
        if np.isfinite(length) and length > 1e-9:
            w, x, y, z = w / length, x / length, y / length, z / length
            turn = np.array([
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ])  # fmt: skip
    if node.isDefined("pose/translation"):
        shift = np.array([number(node.get(f"pose/translation/{name}")) for name in "xyz"])
        shift = np.where(np.isfinite(shift), shift, 0)
    return turn, shift


def number(node: Any) -> float:
    """The value of a node of any kind of number."""
    kind = KINDS.get(node.type())
    if kind is None:
        raise UnreadableModel(say("A value in the file is not a number."), DAMAGED)
    exact = kind(node)
    return float(exact.scaledValue() if kind is libe57.ScaledIntegerNode else exact.value())


def limits(node: Any, group: str, name: str, field: Any) -> tuple[float | None, float | None]:
    """Lowest and highest value that a scan says, or that its field can hold; None: not told."""
    if node.isDefined(f"{group}/{name}Minimum") and node.isDefined(f"{group}/{name}Maximum"):
        low, high = (number(node.get(f"{group}/{name}{end}")) for end in ("Minimum", "Maximum"))
    elif field.type() == libe57.E57_INTEGER:
        whole = libe57.IntegerNode(field)
        low, high = float(whole.minimum()), float(whole.maximum())
    elif field.type() == libe57.E57_SCALED_INTEGER:
        scaled = libe57.ScaledIntegerNode(field)
        low, high = float(scaled.scaledMinimum()), float(scaled.scaledMaximum())
    else:
        return None, None
    return (low, high) if high > low and np.isfinite(high - low) and high - low < 2**40 else (None, None)


def fraction(values: NDArray[np.floating], low: float | None, high: float | None) -> NDArray[np.floating]:
    """Values as 0..1, by the limits told, else by their own."""
    if low is None or high is None:
        low, high = 0.0, float(np.nanmax(values, initial=0))
        high = next((top for top in (1.0, 255.0, 4095.0, 65535.0) if high <= top), high)
    return np.clip((np.nan_to_num(values) - low) / (high - low), 0, 1)


def eight_bit(values: NDArray[np.floating], low: float | None, high: float | None) -> NDArray[np.uint8]:
    if low is not None and high is not None and low >= 0 and 1 < high <= 255:
        low, high = 0.0, 255.0  # limits of what is there, not of what can be
    return np.round(fraction(values, low, high) * 255).astype(np.uint8)
