"""The surfaces of a COLLADA geometry: sources, inputs and the six kinds of primitives.

Each corner has one index per input (position, normal, colour, coordinates), side by side in one long list.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats._corners import one_index
from oberih.formats._polygons import triangulated
from oberih.formats._xml import ADVICE, attribute
from oberih.i18n import say

__all__ = ["Numbers", "Primitive", "primitives"]

Numbers = dict[Element, NDArray[np.float64] | NDArray[np.int64]]
SURFACES = ("triangles", "polylist", "polygons", "tristrips", "trifans")
LINES = ("lines", "linestrips")
MOST_INPUTS = 64


@dataclass(frozen=True)
class Primitive:
    """Triangles of one material."""

    material: str
    positions: NDArray[np.float64]  # (V, 3)
    faces: NDArray[np.int64]  # (F, 3)
    normals: NDArray[np.float64] | None  # (V, 3)
    colours: NDArray[np.uint8] | None  # (V, 3)
    sets: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)  # (F, 3, 2), v down

    def coordinates(self, number: int | None) -> NDArray[np.float32] | None:
        """The texture coordinates of that set, or of the first."""
        if number is not None and number in self.sets:
            return self.sets[number]
        return self.sets[min(self.sets)] if self.sets else None


@dataclass(frozen=True)
class Input:
    """Values that corners point to, and where in a corner's indices."""

    semantic: str
    offset: int
    number: int  # of its set
    values: NDArray[np.float64]  # (N, 1..4)


def primitives(
    geometry: Element, numbers: Numbers, named: Mapping[str, Element], name: str, notes: dict[str, None]
) -> Iterator[Primitive]:
    """All surfaces of a ``<geometry>``. What is not taken goes into ``notes``. Raises `UnreadableModel`."""
    mesh = geometry.find("mesh")
    if mesh is None:
        mesh = geometry.find("convex_mesh")
    if mesh is None:
        notes[say("Its curves and splines were not taken.")] = None
        return
    reader = MeshReader(numbers, named, name, notes)
    for element in mesh:
        if element.tag in LINES:
            notes[say("Its lines were not taken.")] = None
        elif element.tag in SURFACES:
            made = reader.primitive(element)
            if made is not None:
                yield made


@dataclass(frozen=True)
class MeshReader:
    numbers: Numbers
    named: Mapping[str, Element]
    name: str
    notes: dict[str, None]

    def broken(self) -> UnreadableModel:
        return UnreadableModel(say("{path} points to corners that it does not have.", path=self.name), ADVICE)

    def primitive(self, element: Element) -> Primitive | None:
        inputs = list(self.inputs(element))
        position = next((one for one in inputs if one.semantic == "POSITION"), None)
        if position is None or position.values.shape[1] < 3:
            return None  # a set of corners without a place shows nothing
        width = 1 + max(
            [one.offset for one in inputs]
            + [whole(attribute(one, "offset")) for one in element.findall("input")]
        )
        if width > MOST_INPUTS:
            raise self.broken()
        corners = self.corners(element, width, position)
        if not len(corners):
            return None
        usable = [one for one in inputs if points_inside(corners[:, one.offset], one.values)]
        if not any(one is position for one in usable):
            raise self.broken()
        if len(usable) < len(inputs):
            self.notes[say("Normals, colours or coordinates that point nowhere were not taken.")] = None
        normal = next((one for one in usable if one.semantic == "NORMAL" and one.values.shape[1] >= 3), None)
        colour = next((one for one in usable if one.semantic == "COLOR" and one.values.shape[1] >= 3), None)
        kept = [one for one in (normal, colour) if one is not None]
        faces, at, others = one_index(corners[:, position.offset], *(corners[:, one.offset] for one in kept))
        values = [one.values[index][:, :3] for one, index in zip(kept, others, strict=True)]
        sets = {
            one.number: uv_of(one.values[corners[:, one.offset]])
            for one in reversed(usable)
            if one.semantic == "TEXCOORD" and one.values.shape[1] >= 2
        }
        return Primitive(
            attribute(element, "material"),
            position.values[at][:, :3],
            faces.reshape(-1, 3),
            values[0] if normal is not None else None,
            bytes_of(values[-1]) if colour is not None else None,
            sets,
        )

    def inputs(self, element: Element) -> Iterator[Input]:
        for one in element.findall("input"):
            offset, number = whole(attribute(one, "offset")), whole(attribute(one, "set"))
            source = self.target(one)
            if source is None:
                continue
            if source.tag == "vertices":
                for inner in source.findall("input"):
                    values = self.source(self.target(inner))
                    if values is not None:
                        yield Input(
                            attribute(inner, "semantic"), offset, whole(attribute(inner, "set")), values
                        )
            else:
                values = self.source(source)
                if values is not None:
                    yield Input(attribute(one, "semantic"), offset, number, values)

    def target(self, element: Element) -> Element | None:
        url = attribute(element, "source").removeprefix("#")
        return self.named.get(url, self.named.get(unquote(url)))

    def source(self, source: Element | None) -> NDArray[np.float64] | None:
        """``(N, columns)`` of a ``<source>``, by its accessor; what lies beyond its end is not there."""
        accessor = source.find("technique_common/accessor") if source is not None else None
        if source is None or accessor is None:
            return None
        array = self.target(accessor)
        if array is None or array not in self.numbers:
            array = source.find("float_array")
        values = self.numbers.get(array) if array is not None else None
        if values is None or values.dtype != np.float64:
            return None
        parameters = accessor.findall("param")
        columns = [number for number, one in enumerate(parameters) if one.get("name")]
        columns = columns or list(range(len(parameters))) or [0, 1, 2]
        stride = whole(attribute(accessor, "stride") or "1")
        offset = whole(attribute(accessor, "offset"))
        if stride <= max(columns):
            stride = max(columns) + 1
        if stride > MOST_INPUTS:
            raise self.broken()
        values = values[offset:]
        count = min(whole(attribute(accessor, "count")), -(-len(values) // stride))
        if count * stride > len(values):  # a last row may end with its last column
            count -= (count - 1) * stride + max(columns) >= len(values)
            values = np.concatenate([values, np.zeros(max(count * stride - len(values), 0))])
        return values[: count * stride].reshape(count, stride)[:, columns].astype(np.float64)

    def corners(self, element: Element, width: int, position: Input) -> NDArray[np.int64]:
        """``(3 T, width)`` indices of the corners of all triangles."""
        lists = [self.rows(one, width) for one in element.iter("p")]
        lists = [rows for rows in lists if len(rows)]
        if element.find("ph") is not None:
            self.notes[say("Holes in its polygons were closed.")] = None
        if not lists:
            return np.zeros((0, width), np.int64)
        rows = np.concatenate(lists)
        if element.tag == "triangles":
            if len(rows) % 3:
                raise self.broken()
            return rows
        if element.tag == "tristrips":
            return np.concatenate([strip(one) for one in lists])
        if element.tag == "trifans":
            counts = np.array([len(one) for one in lists], np.int64)
            return rows[triangulated(counts)[0].ravel()]
        if element.tag == "polygons":
            counts = np.array([len(one) for one in lists], np.int64)
        else:
            vcount = element.find("vcount")
            counts = np.asarray(self.numbers.get(vcount, ()) if vcount is not None else (), np.int64)
            if not len(counts) or counts.min() < 0 or counts.max() > len(rows) or counts.sum() > len(rows):
                raise self.broken()
            rows = rows[: counts.sum()]
        index = rows[:, position.offset]
        if len(index) and not points_inside(index, position.values):
            raise self.broken()
        return rows[triangulated(counts, position.values[index][:, :3])[0].ravel()]

    def rows(self, element: Element, width: int) -> NDArray[np.int64]:
        values = self.numbers.get(element)
        if values is None or not len(values):
            return np.zeros((0, width), np.int64)
        if len(values) % width or values.dtype != np.int64:
            raise self.broken()
        return values.reshape(-1, width)  # type: ignore[return-value]


def strip(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """A strip turns round at each triangle."""
    count = max(len(rows) - 2, 0)
    first = np.arange(count)
    odd = first % 2
    return rows[np.stack([first + odd, first + 1 - odd, first + 2], axis=1).ravel()]


def points_inside(index: NDArray[np.int64], values: NDArray[np.float64]) -> bool:
    return bool(index.min() >= 0 and index.max() < len(values))


def whole(text: str) -> int:
    """A number that counts; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def uv_of(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """``(F, 3, 2)`` with v downwards; what is no number becomes 0."""
    with np.errstate(over="ignore"):
        uv = np.stack([values[:, 0], 1 - values[:, 1]], axis=1).astype(np.float32)
    return np.nan_to_num(uv, nan=0.0, posinf=0.0, neginf=0.0).reshape(-1, 3, 2)


def bytes_of(colours: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.round(np.clip(np.nan_to_num(colours), 0, 1) * 255).astype(np.uint8)
