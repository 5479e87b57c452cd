"""The scene of a COLLADA document: nodes, instances and materials, put together to parts.

Nodes may use other nodes, and so a few lines can ask for a billion triangles, or for themselves: what is
put together is counted, and a node within itself is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats._assembly import Assembly, Shape
from oberih.formats._numbers import numbers
from oberih.formats._xml import ADVICE, attribute, real, text_of
from oberih.formats._zipped import Place, taken_picture
from oberih.formats.collada._mesh import Numbers, Primitive, primitives
from oberih.formats.model import Model
from oberih.i18n import say

__all__ = ["scene_of"]

MOST_INSTANCES = 100_000
DEPTH = 200
NUMBERS = {"float_array", "p", "vcount"}
LOOKS = ("lambert", "phong", "blinn", "constant")
# Where x, y and z of a frame go in the one that is y up:
TURNS = {
    "X_UP": np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
    "Y_UP": np.eye(3),
    "Z_UP": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}


@dataclass(frozen=True)
class Look:
    """A material: its colour, or the reference of its texture and the name of the coordinates it wants."""

    colour: tuple[int, int, int] | None = None
    image: str = ""
    coordinates: str = ""


def scene_of(document: Iterable[Element], name: str, place: Place) -> Model:
    """Put a document together whose elements come one by one (as `_xml.elements` gives them)."""
    return Document(document, name, place).model()


class Document:
    """A COLLADA document, its numbers as arrays."""

    def __init__(self, document: Iterable[Element], name: str, place: Place) -> None:
        self.name, self.beside = name, place
        self.numbers: Numbers = {}
        self.named: dict[str, Element] = {}
        self.notes: dict[str, None] = {}
        self.shapes: dict[str, list[Primitive]] = {}
        self.looks: dict[str, Look] = {}
        self.pictures: dict[str, NDArray[np.uint8] | None] = {}
        self.instances = 0
        root = None
        for root in document:
            if root.get("id"):
                self.named.setdefault(root.get("id", ""), root)
            if root.tag in NUMBERS:
                self.numbers[root] = self.array(root)
        if root is None or root.tag != "COLLADA":
            raise UnreadableModel(say("{path} is no COLLADA document.", path=name), ADVICE)
        self.root = root
        self.assembly = Assembly(name)

    def array(self, element: Element) -> NDArray[np.float64] | NDArray[np.int64]:
        """The numbers in an element, whose text is let go."""
        text, element.text = element.text or "", None
        whole = element.tag != "float_array"
        try:
            return numbers(text.encode(), np.int64 if whole else np.float64)  # type: ignore[return-value]
        except ValueError as error:
            raise UnreadableModel(
                say("{path} has something else where numbers belong.", path=self.name), ADVICE
            ) from error

    def model(self) -> Model:
        unit, known = self.unit()
        axis = text_of(self.root.find("asset/up_axis")) or "Y_UP"
        start = np.eye(4)
        start[:3, :3] = TURNS.get(axis, np.eye(3)) * unit
        scene = self.target(self.root.find("scene/instance_visual_scene"))
        if scene is None:
            scene = self.root.find("library_visual_scenes/visual_scene")
        if scene is not None:
            for node in scene.findall("node"):
                self.walk(node, start, ())
        else:  # a document without a scene: all that it has, as it is
            for geometry in self.root.iterfind("library_geometries/geometry"):
                self.place(geometry, start, None)
        for tag, note in (
            ("library_animations", say("Its animations were not taken.")),
            ("library_cameras", say("Its cameras were not taken.")),
            ("library_lights", say("Its lights were not taken.")),
        ):
            if self.root.find(tag + "/*") is not None:
                self.notes[note] = None
        return self.assembly.model(known, self.notes)

    def unit(self) -> tuple[float, bool]:
        """Metres of a unit, and whether the file says so."""
        found = self.root.find("asset/unit")
        if found is None:
            return 1.0, False
        said = real([attribute(found, "meter")], 1)
        if said is None or not 1e-9 < said[0] < 1e9:
            self.notes[say("It does not say what its unit is.")] = None
            return 1.0, False
        return said[0], True

    def target(self, element: Element | None, key: str = "url") -> Element | None:
        """What a reference to an id of this document leads to."""
        if element is None:
            return None
        url = attribute(element, key)
        if not url.startswith("#"):
            if url:
                self.notes[say("What it keeps in other documents was not taken.")] = None
            return None
        return self.named.get(url[1:], self.named.get(unquote(url[1:])))

    # -- nodes ----------------------------------------------------------------------------------------------

    def walk(self, node: Element, above: NDArray[np.float64], way: tuple[Element, ...]) -> None:
        if node in way:
            raise UnreadableModel(say("{path} has a part that contains itself.", path=self.name), ADVICE)
        self.instances += 1
        if self.instances > MOST_INSTANCES or len(way) > DEPTH:
            raise UnreadableModel(say("{path} unpacks to far too much.", path=self.name), ADVICE)
        way = (*way, node)
        here = above @ self.placed(node)
        for child in node:
            if child.tag == "node":
                self.walk(child, here, way)
            elif child.tag == "instance_node":
                inner = self.target(child)
                if inner is not None and inner.tag == "node":
                    self.walk(inner, here, way)
            elif child.tag == "instance_geometry":
                self.place(self.target(child), here, child)
            elif child.tag == "instance_controller":
                self.place_controlled(self.target(child), here, child, 0)

    def place_controlled(
        self, controller: Element | None, here: NDArray[np.float64], instance: Element, depth: int
    ) -> None:
        """A skin or a morph, as it was before its bones or weights move it."""
        for kind in () if controller is None or depth > DEPTH else ("skin", "morph"):
            inner = controller.find(kind)  # type: ignore[union-attr]
            if inner is None:
                continue
            self.notes[say("A surface that bones or weights move was taken in the pose of its bones.")] = None
            matrix = real(text_of(inner.find("bind_shape_matrix")).split(), 16)
            if matrix is not None:
                here = here @ np.reshape(matrix, (4, 4))
            source = self.target(inner, "source")
            if source is not None and source.tag == "controller":
                self.place_controlled(source, here, instance, depth + 1)
            else:
                self.place(source, here, instance)

    def placed(self, node: Element) -> NDArray[np.float64]:
        """``(4, 4)`` of all transforms of a node, in their order."""
        total = np.eye(4)
        for child in node:
            wanted = WIDTH.get(child.tag)
            if wanted is None:
                continue
            values = real((child.text or "").split(), wanted)
            if values is None:
                raise UnreadableModel(
                    say("{path} has something else where numbers belong.", path=self.name), ADVICE
                )
            total = total @ transform(child.tag, np.array(values))
        return total

    # -- surfaces -------------------------------------------------------------------------------------------

    def place(self, geometry: Element | None, here: NDArray[np.float64], instance: Element | None) -> None:
        if geometry is None or geometry.tag != "geometry":
            return
        key = str(id(geometry))
        if key not in self.shapes:
            self.shapes[key] = list(primitives(geometry, self.numbers, self.named, self.name, self.notes))
        bound = self.bound(instance)
        for primitive in self.shapes[key]:
            look, sets = bound.get(primitive.material, (Look(), {}))
            texture = self.texture(look)
            chosen = primitive.coordinates(sets.get(look.coordinates)) if texture is not None else None
            shape = Shape(primitive.positions, primitive.faces, primitive.normals, primitive.colours)
            if texture is not None and chosen is not None:
                self.assembly.add(shape, here, uv=chosen, texture=texture, key=look.image)
            else:
                self.assembly.add(shape, here, colour=look.colour)

    def bound(self, instance: Element | None) -> dict[str, tuple[Look, dict[str, int]]]:
        """Of each material's symbol the look, and the set of texture coordinates by name."""
        found = {}
        for used in instance.iter("instance_material") if instance is not None else ():
            sets = {}
            for one in used.findall("bind_vertex_input"):
                number = attribute(one, "input_set") or "0"
                if number.isascii() and number.isdigit() and len(number) < 6:
                    sets[attribute(one, "semantic")] = int(number)
            found[attribute(used, "symbol")] = (self.look(self.target(used, "target")), sets)
        return found

    def look(self, material: Element | None) -> Look:
        if material is None:
            return Look()
        key = str(id(material))
        if key not in self.looks:
            effect = self.target(material.find("instance_effect"))
            self.looks[key] = self.look_of(effect) if effect is not None else Look()
        return self.looks[key]

    def look_of(self, effect: Element) -> Look:
        profile = effect.find("profile_COMMON")
        for kind in LOOKS if profile is not None else ():
            shading = profile.find(f"technique/{kind}")  # type: ignore[union-attr]
            if shading is None:
                continue
            for part in ("diffuse", "emission"):
                texture = shading.find(f"{part}/texture")
                if texture is not None:
                    image = self.image(effect, attribute(texture, "texture"))
                    if image:
                        return Look(None, image, attribute(texture, "texcoord"))
            colour = real(text_of(shading.find("diffuse/color")).split()[:3], 3)
            if colour is not None and colour != [1, 1, 1]:
                red, green, blue = (round(255 * min(max(value, 0), 1)) for value in colour)
                return Look((red, green, blue))
        return Look()

    def image(self, effect: Element, sampler: str) -> str:
        """The reference of a sampler's picture: by surface (1.4), directly (1.5), or by its id."""
        parameters = {one.get("sid", ""): one for one in effect.iter("newparam")}
        for _ in range(4):  # sampler -> surface -> image
            parameter = parameters.get(sampler)
            if parameter is None:
                break
            direct = self.target(parameter.find("sampler2D/instance_image"))
            if direct is not None:
                return text_of(direct.find("init_from/ref")) or text_of(direct.find("init_from"))
            sampler = text_of(parameter.find("sampler2D/source")) or text_of(
                parameter.find("surface/init_from")
            )
        found = self.named.get(sampler)
        if found is None or found.tag != "image":
            return ""
        return text_of(found.find("init_from/ref")) or text_of(found.find("init_from"))

    def texture(self, look: Look) -> NDArray[np.uint8] | None:
        if not look.image:
            return None
        if look.image not in self.pictures:
            self.pictures[look.image], why = taken_picture(self.beside, look.image)
            if why:
                self.notes[why] = None
        return self.pictures[look.image]


WIDTH = {"matrix": 16, "translate": 3, "scale": 3, "rotate": 4, "lookat": 9, "skew": 7}


def transform(kind: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(4, 4)`` of one transform element."""
    made = np.eye(4)
    if kind == "matrix":
        made = values.reshape(4, 4)
    elif kind == "translate":
        made[:3, 3] = values
    elif kind == "scale":
        made[:3, :3] = np.diag(values)
    elif kind == "rotate":
        made[:3, :3] = turned(values[:3], np.radians(values[3]))
    elif kind == "lookat":
        eye, target, up = values.reshape(3, 3)
        back = unit(eye - target)
        right = unit(np.cross(up, back))
        made[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
        made[:3, 3] = eye
    elif kind == "skew":
        along, across = unit(values[1:4]), unit(values[4:7])
        made[:3, :3] += np.tan(np.radians(values[0])) * np.outer(across, along)
    return made


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector


def turned(axis: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Rodrigues' formula."""
    x, y, z = unit(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
