"""The numbers of a glTF file: accessors of every kind, interleaved, normalised or sparse."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oberih.formats.gltf._container import Container
from oberih.formats.gltf._tree import Broken, Item
from oberih.i18n import say

__all__ = ["Accessors", "as_floats", "dtype_of"]

TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
KINDS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
MOST_ZEROS = 1 << 22  # rows of an accessor that has no data


@dataclass
class Accessors:
    """The accessors of a file, each read once. Their methods raise `Broken`, `UnreadableModel`."""

    container: Container
    known: dict[int, NDArray[Any]] = field(default_factory=dict)

    def told(self, number: int) -> Item:
        return self.container.root.at("accessors", number)

    def floats(self, number: int, *widths: int) -> NDArray[np.floating]:
        """``(N, K)`` real numbers; ``widths``: which K may be."""
        told = self.told(number)
        raw = self.raw(number)
        if widths and raw.shape[1] not in widths:
            raise told.wrong("type")
        return as_floats(raw, normalised=told.flag("normalized"))

    def whole(self, number: int) -> NDArray[np.unsignedinteger]:
        """``(N,)`` indices."""
        raw = self.raw(number)
        if raw.shape[1] != 1 or raw.dtype.kind != "u":
            raise self.told(number).wrong("componentType")
        return raw[:, 0]

    def raw(self, number: int) -> NDArray[Any]:
        if number not in self.known:
            self.known[number] = self.read(self.told(number))
        return self.known[number]

    def read(self, told: Item) -> NDArray[Any]:
        kind = told.text("type")
        if kind not in KINDS:
            raise told.wrong("type")
        width, count = KINDS[kind], told.whole("count")
        dtype = dtype_of(told)
        if count == 0:
            raise told.wrong("count")
        view = told.index("bufferView")
        if view is not None:
            values = self.strided(told, view, dtype, count, width)
        elif count <= MOST_ZEROS:
            values = np.zeros((count, width), dtype)
        else:
            raise told.wrong("count")
        return self.mended(told.item("sparse"), values) if told.has("sparse") else values

    def strided(self, told: Item, view: int, dtype: np.dtype[Any], count: int, width: int) -> NDArray[Any]:
        data, stride = self.container.view(view)
        offset, size = told.whole("byteOffset", 0), dtype.itemsize * width
        step = stride or size
        if offset + step * (count - 1) + size > len(data):
            raise Broken(say("{place} lies beyond the end of its data", place=told.place))
        return np.ndarray((count, width), dtype, data, offset, (step, dtype.itemsize))

    def mended(self, sparse: Item, values: NDArray[Any]) -> NDArray[Any]:
        """With the rows that a sparse accessor replaces."""
        count = sparse.whole("count")
        if not 0 < count <= len(values):
            raise sparse.wrong("count")
        where, what = sparse.item("indices"), sparse.item("values")
        rows = self.strided(where, where.whole("bufferView"), dtype_of(where), count, 1)[:, 0]
        if rows.dtype.kind != "u" or int(rows.max()) >= len(values):
            raise sparse.wrong("indices")
        values = values.copy()
        values[rows] = self.strided(what, what.whole("bufferView"), values.dtype, count, values.shape[1])
        return values


def dtype_of(told: Item) -> np.dtype[Any]:
    component = told.whole("componentType")
    if component not in TYPES:
        raise told.wrong("componentType")
    return np.dtype(TYPES[component])


def as_floats(raw: NDArray[Any], *, normalised: bool) -> NDArray[np.floating]:
    """Whole numbers as they are, or normalised: the largest is 1, the smallest -1 or 0."""
    if raw.dtype.kind == "f":
        return raw
    if not normalised:
        return raw.astype(np.float64 if raw.dtype.itemsize > 2 else np.float32)
    return np.maximum(raw.astype(np.float32) / np.iinfo(raw.dtype).max, np.float32(-1))
