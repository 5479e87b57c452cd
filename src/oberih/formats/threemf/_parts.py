"""The model parts of a 3MF file, as arrays: what one XML document says, and nothing put together yet.

A million triangles are a million elements; so the text is taken by expat's events, into flat arrays.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats._xml import ADVICE, parsed, real, refuse_document_type
from oberih.formats._zipped import Packed
from oberih.i18n import say

__all__ = ["Item", "ModelPart", "Object", "Properties", "model_part"]

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02 "
MATERIAL = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02 "
PRODUCTION = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06 "
BEAM = "http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02"
SLICE = "http://schemas.microsoft.com/3dmanufacturing/slice/2015/07"
SECURE = "http://schemas.microsoft.com/3dmanufacturing/securecontent/2019/04"
TRIANGLE_SETS = "http://schemas.microsoft.com/3dmanufacturing/trianglesets/2021/07"
KNOWN = {space.strip() for space in (CORE, MATERIAL, PRODUCTION, BEAM, SLICE, TRIANGLE_SETS)}
METRES = {
    "micron": 1e-6, "millimeter": 1e-3, "centimeter": 1e-2, "inch": 0.0254, "foot": 0.3048, "meter": 1.0,
}  # fmt: skip
DEPTH = 50
MOST_ITEMS = 100_000


@dataclass(frozen=True)
class Item:
    """An object put somewhere: a component, or an item of the build."""

    part: str  # path of its model part
    object: str
    matrix: NDArray[np.float64]  # (4, 4), of columns


@dataclass
class Object:
    """A mesh, or components."""

    pid: str = ""
    pindex: int = 0
    vertices: "array[float]" = field(default_factory=lambda: array("d"))  # x y z ...
    # v1 v2 v3 group p1 p2 p3 ...; group: number in `ModelPart.groups`, -1: as the object; p: -1: not said
    triangles: "array[int]" = field(default_factory=lambda: array("q"))
    components: list[Item] = field(default_factory=list)


@dataclass
class Properties:
    """A group of colours, of texture coordinates, or of mixtures of others."""

    kind: str  # "colours", "texture", "multi"
    texture: str = ""
    values: "array[float]" = field(default_factory=lambda: array("d"))  # r g b 0..255, or u v, or first index
    pids: tuple[str, ...] = ()


@dataclass
class ModelPart:
    """One document."""

    metres: float = 1e-3
    objects: dict[str, Object] = field(default_factory=dict)
    properties: dict[str, Properties] = field(default_factory=dict)
    textures: dict[str, str] = field(default_factory=dict)  # path of the picture by id
    groups: list[str] = field(default_factory=list)  # ids of properties that triangles name
    build: list[Item] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)


def model_part(packed: Packed, path: str) -> ModelPart:
    """Read one document of a package. Raises `UnreadableModel`."""
    with packed.reading(path) as file:
        refuse_document_type(file, packed.name)
        reader = Reader(packed.name, path)
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = reader.start
        parser.EndElementHandler = reader.end
        parser.StartNamespaceDeclHandler = reader.namespace
        parsed(parser, file, packed.name)
    if not reader.seen:
        raise UnreadableModel(say("{path} is no 3MF model.", path=packed.name), ADVICE)
    return reader.part


class Reader:
    """The handlers of one parse."""

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path
        self.part = ModelPart()
        self.seen = False
        self.depth = self.items = 0
        self.object = Object()
        self.group = Properties("colours")
        self.numbers: dict[str, int] = {}  # of the groups that triangles name
        self.spaces: dict[str, str] = {}
        core = {
            "model": self.model, "object": self.object_, "vertex": self.vertex, "triangle": self.triangle,
            "component": self.component, "item": self.item, "basematerials": self.colours, "base": self.base,
        }  # fmt: skip
        material = {
            "colorgroup": self.colours, "color": self.colour, "texture2d": self.texture,
            "texture2dgroup": self.coordinates, "tex2coord": self.coordinate,
            "multiproperties": self.several, "multi": self.multi, "compositematerials": self.composite,
        }  # fmt: skip
        self.handlers = {CORE + tag: handler for tag, handler in core.items()}
        self.handlers |= {MATERIAL + tag: handler for tag, handler in material.items()}

    def broken(self) -> UnreadableModel:
        return UnreadableModel(say("{path} has something else where numbers belong.", path=self.name), ADVICE)

    def namespace(self, prefix: str | None, uri: str) -> None:
        self.spaces[prefix or ""] = uri

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEPTH:
            raise UnreadableModel(say("{path} is nested too deeply.", path=self.name), ADVICE)
        handler = self.handlers.get(tag)
        if handler is None:
            if tag.startswith(BEAM) and tag.endswith(" beam"):
                self.part.notes[say("Its lattices of beams were not taken.")] = None
            return
        try:
            handler(attributes)
        except (ValueError, KeyError, OverflowError) as error:
            raise self.broken() from error

    def end(self, _: str) -> None:
        self.depth -= 1

    def model(self, given: Mapping[str, str]) -> None:
        self.seen = True
        unit = given.get("unit", "millimeter").strip().lower()
        if unit not in METRES:
            raise UnreadableModel(
                say(
                    "{path} counts in a unit that 3MF does not have: {unit}.", path=self.name, unit=unit[:50]
                ),
                ADVICE,
            )
        self.part.metres = METRES[unit]
        for prefix in given.get("requiredextensions", "").split():
            space = self.spaces.get(prefix, prefix)
            if space == SECURE:
                raise UnreadableModel(
                    say("{path} is encrypted.", path=self.name), "Save it without a password, and try again."
                )
            if space not in KNOWN:
                self.part.notes[
                    say("It asks for an extension that was not taken: {name}", name=space[:200])
                ] = None

    # -- objects --------------------------------------------------------------------------------------------

    def object_(self, given: Mapping[str, str]) -> None:
        self.object = Object(given.get("pid", ""), index(given.get("pindex"), 0))
        self.part.objects.setdefault(given["id"], self.object)

    def vertex(self, given: Mapping[str, str]) -> None:
        self.object.vertices.extend((float(given["x"]), float(given["y"]), float(given["z"])))

    def triangle(self, given: Mapping[str, str]) -> None:
        row = [int(given["v1"]), int(given["v2"]), int(given["v3"]), -1, -1, -1, -1]
        pid = given.get("pid")
        if pid is not None:
            number = self.numbers.get(pid)
            if number is None:
                number = self.numbers[pid] = len(self.part.groups)
                self.part.groups.append(pid)
            row[3] = number
        if "p1" in given:
            first = row[4] = index(given["p1"])
            row[5] = index(given.get("p2"), first)
            row[6] = index(given.get("p3"), first)
        self.object.triangles.extend(row)

    def placed(self, given: Mapping[str, str]) -> Item:
        self.items += 1
        if self.items > MOST_ITEMS:
            raise UnreadableModel(say("{path} unpacks to far too much.", path=self.name), ADVICE)
        matrix = np.eye(4)
        if given.get("transform", "").strip():
            values = real(given["transform"].split(), 12)
            if values is None:
                raise self.broken()
            matrix[:3] = np.reshape(values, (4, 3)).T
        return Item(given.get(PRODUCTION + "path", self.path), given["objectid"], matrix)

    def component(self, given: Mapping[str, str]) -> None:
        self.object.components.append(self.placed(given))

    def item(self, given: Mapping[str, str]) -> None:
        self.part.build.append(self.placed(given))

    # -- properties -----------------------------------------------------------------------------------------

    def begin(self, given: Mapping[str, str], group: Properties) -> None:
        self.group = group
        self.part.properties.setdefault(given["id"], group)

    def colours(self, given: Mapping[str, str]) -> None:
        self.begin(given, Properties("colours"))

    def base(self, given: Mapping[str, str]) -> None:
        self.group.values.extend(rgb(given.get("displaycolor", "#FFFFFF")))

    def colour(self, given: Mapping[str, str]) -> None:
        self.group.values.extend(rgb(given["color"]))

    def texture(self, given: Mapping[str, str]) -> None:
        self.part.textures.setdefault(given["id"], given.get("path", ""))

    def coordinates(self, given: Mapping[str, str]) -> None:
        self.begin(given, Properties("texture", given.get("texid", "")))

    def coordinate(self, given: Mapping[str, str]) -> None:
        self.group.values.extend((float(given["u"]), float(given["v"])))

    def several(self, given: Mapping[str, str]) -> None:
        self.begin(given, Properties("multi", pids=tuple(given.get("pids", "").split()[:1])))
        self.part.notes[say("Of several properties on one surface, the first was taken.")] = None

    def multi(self, given: Mapping[str, str]) -> None:
        self.group.values.append(index((given.get("pindices", "").split() or ["0"])[0]))

    def composite(self, given: Mapping[str, str]) -> None:
        self.begin(given, Properties("none"))
        self.part.notes[say("Mixtures of materials were not taken.")] = None


def index(text: str | None, otherwise: int = -1) -> int:
    """A number that counts. Raises `ValueError` for what is none."""
    if text is None:
        return otherwise
    if not 0 < len(text) < 12:
        raise ValueError(text)
    return int(text)


def rgb(text: str) -> tuple[int, int, int]:
    """Of ``#RRGGBB`` or ``#RRGGBBAA``. Raises `ValueError`."""
    text = text.strip()
    if len(text) not in (7, 9) or text[0] != "#":
        raise ValueError(text)
    red, green, blue = bytes.fromhex(text[1:7])
    return red, green, blue
