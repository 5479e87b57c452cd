"""What a 3MF file builds: its objects, put together with their transforms, colours and textures.

Objects consist of others, also in other parts of the package, and so a small file can ask for a billion
triangles, or for itself: what is put together is counted, and an object within itself is refused.
"""

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats._assembly import Assembly, Shape
from oberih.formats._corners import one_index
from oberih.formats._xml import ADVICE, attribute, elements
from oberih.formats._zipped import Packed, Within, plain_path, taken_picture
from oberih.formats.model import Model
from oberih.formats.threemf._parts import Item, ModelPart, Object, Properties, model_part
from oberih.i18n import say

__all__ = ["built"]

MODEL_KIND = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
MOST_INSTANCES = 100_000
DEPTH = 100
Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])

Coloured = tuple[Shape, NDArray[np.float32] | None, str]  # with coordinates and the texture's path


def built(packed: Packed) -> Model:
    """Raises `UnreadableModel`."""
    return Builder(packed).model()


def root_of(packed: Packed) -> str:
    """The path of the model part: as the relationships say, or the only one."""
    if "_rels/.rels" in packed:
        with packed.reading("_rels/.rels") as file:
            for element in elements(file, packed.name):
                if element.tag == "Relationship" and attribute(element, "Type") == MODEL_KIND:
                    target = plain_path(attribute(element, "Target"))
                    if target and target in packed:
                        return target
    found = sorted(name for name in packed.names() if name.lower().endswith(".model"))
    if not found:
        raise UnreadableModel(say("{path} is no 3MF model.", path=packed.name), ADVICE)
    return found[0]


class Builder:
    def __init__(self, packed: Packed) -> None:
        self.packed = packed
        self.parts: dict[str, ModelPart] = {}
        self.shapes: dict[tuple[str, str], list[Coloured]] = {}
        self.pictures: dict[str, NDArray[np.uint8] | None] = {}
        self.notes: dict[str, None] = {}
        self.instances = 0
        self.assembly = Assembly(packed.name)

    def broken(self) -> UnreadableModel:
        return UnreadableModel(
            say("{path} points to corners that it does not have.", path=self.packed.name), ADVICE
        )

    def model(self) -> Model:
        root = root_of(self.packed)
        part = self.part(root)
        start = Y_UP * (*[part.metres] * 3, 1)
        build = part.build
        if not build:
            inner = {(item.part, item.object) for one in part.objects.values() for item in one.components}
            build = [Item(root, one, np.eye(4)) for one in part.objects if (root, one) not in inner]
            if build:
                self.notes[say("It builds nothing; all that it holds was taken.")] = None
        for item in build:
            self.place(item, start, ())
        for one in self.parts.values():
            self.notes |= one.notes
        return self.assembly.model(True, self.notes)

    def part(self, path: str) -> ModelPart:
        plain = plain_path(path)
        if plain is None:
            raise UnreadableModel(
                say("{path} lacks its part {part}.", path=self.packed.name, part=path[:100]), ADVICE
            )
        key = plain.lower()
        if key not in self.parts:
            self.parts[key] = model_part(self.packed, plain)
        return self.parts[key]

    def place(self, item: Item, above: NDArray[np.float64], way: tuple[Object, ...]) -> None:
        part = self.part(item.part)
        here = part.objects.get(item.object)
        if here is None:
            raise UnreadableModel(
                say("{path} lacks its part {part}.", path=self.packed.name, part=item.object[:100]), ADVICE
            )
        if any(here is one for one in way):
            raise UnreadableModel(
                say("{path} has a part that contains itself.", path=self.packed.name), ADVICE
            )
        self.instances += 1
        if self.instances > MOST_INSTANCES or len(way) > DEPTH:
            raise UnreadableModel(say("{path} unpacks to far too much.", path=self.packed.name), ADVICE)
        matrix = above @ item.matrix
        for inner in here.components:
            self.place(inner, matrix, (*way, here))
        key = (item.part.lstrip("/").lower(), item.object)
        if key not in self.shapes:
            self.shapes[key] = self.coloured(part, here)
        for shape, uv, path in self.shapes[key]:
            picture = self.picture(path) if uv is not None else None
            if picture is None:
                self.assembly.add(shape, matrix)
            else:
                self.assembly.add(shape, matrix, uv=uv, texture=picture, key=path)

    def picture(self, path: str) -> NDArray[np.uint8] | None:
        if path not in self.pictures:
            self.pictures[path], why = taken_picture(Within(self.packed, ""), path)
            if why:
                self.notes[why] = None
        return self.pictures[path]

    # -- one object -----------------------------------------------------------------------------------------

    def coloured(self, part: ModelPart, here: Object) -> list[Coloured]:
        """The triangles of an object, one shape for each texture and one for those without."""
        rows = plain(here.triangles, np.int64).reshape(-1, 7)
        if not len(rows):
            return []
        vertices = plain(here.vertices).reshape(-1, 3)
        faces, group, which = rows[:, :3], rows[:, 3].copy(), rows[:, 4:].copy()
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise self.broken()
        names = [*part.groups, here.pid]
        group[group < 0] = len(part.groups)
        which[which[:, 0] < 0] = here.pindex
        colours = np.full((len(faces), 3, 3), 255, np.uint8)
        painted = False
        textured: dict[str, tuple[NDArray[np.bool_], NDArray[np.float32]]] = {}
        for number in np.unique(group).tolist():
            those = group == number
            group_, index = self.resolved(part, names[number], which[those])
            if group_ is None or not len(group_.values):
                continue
            if group_.kind == "colours":
                palette = plain(group_.values).reshape(-1, 3).astype(np.uint8)
                colours[those] = palette[self.inside(index, len(palette))]
                painted = True
            elif group_.kind == "texture":
                uv = plain(group_.values).reshape(-1, 2)
                corner = uv[self.inside(index, len(uv))] * (1, -1) + (0, 1)  # v counts upwards
                path = part.textures.get(group_.texture, "")
                mask, sofar = textured.setdefault(
                    path, (np.zeros(len(faces), bool), np.zeros((len(faces), 3, 2), np.float32))
                )
                mask |= those
                sofar[those] = np.nan_to_num(corner, posinf=0, neginf=0)
        made: list[Coloured] = []
        rest = np.ones(len(faces), bool)
        for path, (mask, uv) in textured.items():
            rest &= ~mask
            made.append((shape_of(vertices, faces[mask]), uv[mask], path))
        if rest.any():
            made.append((shape_of(vertices, faces[rest], colours[rest] if painted else None), None, ""))
        return made

    def resolved(
        self, part: ModelPart, name: str, index: NDArray[np.int64]
    ) -> tuple[Properties | None, NDArray[np.int64]]:
        """The group of that id; of several in one, the first."""
        group = part.properties.get(name)
        if group is not None and group.kind == "multi":
            first = plain(group.values).astype(np.int64)
            inner = part.properties.get(group.pids[0]) if group.pids else None
            if inner is None or inner.kind == "multi" or not len(first):
                return None, index
            return inner, first[self.inside(index, len(first))]
        return group, index

    def inside(self, index: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Properties that a file does not have cost it colours, not its shape."""
        if index.min() < 0 or index.max() >= count:
            self.notes[say("Colours or coordinates that point nowhere were not taken.")] = None
            return np.clip(index, 0, count - 1)
        return index


def plain(values: "array[float] | array[int]", kind: type = np.float64) -> NDArray[Any]:
    return np.frombuffer(values, kind) if len(values) else np.zeros(0, kind)


def shape_of(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], colours: NDArray[np.uint8] | None = None
) -> Shape:
    """A shape of the vertices that its faces use; ``colours (F, 3, 3)`` of corners."""
    if colours is None:
        corners, at, _ = one_index(faces.ravel())
        return Shape(vertices[at], corners.reshape(-1, 3))
    codes = (colours.reshape(-1, 3).astype(np.int64) << (16, 8, 0)).sum(axis=1)
    corners, at, (code,) = one_index(faces.ravel(), codes)
    made = np.stack([code >> 16, code >> 8 & 255, code & 255], axis=1).astype(np.uint8)
    return Shape(vertices[at], corners.reshape(-1, 3), colours=made)
