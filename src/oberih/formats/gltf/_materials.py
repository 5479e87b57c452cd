"""What a glTF material says of colour: one picture or none, and a factor on it.

Of metallic-roughness materials the base colour is taken, of specular-glossiness ones the diffuse colour.
"""

import io
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih.formats._beside import beside, picture
from oberih.formats.gltf._colour import linear_of, srgb_of
from oberih.formats.gltf._container import Container
from oberih.formats.gltf._tree import Item
from oberih.i18n import say

__all__ = ["Look", "Looks"]

CLAMP_TO_EDGE, MIRRORED_REPEAT, REPEAT = 33071, 33648, 10497
WHITE = (1.0, 1.0, 1.0)
KTX2, KTX2_LEFT = b"\xabKTX 20\xbb\r\n\x1a\n", say("A texture is packed as KTX2, which is not read.")
LARGEST_PICTURE_FILE = 1 << 30
Factor = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """How a material colours a surface. ``factor``: linear; ``picture``: its key among the pictures."""

    factor: Factor = WHITE
    picture: Any = None
    uv: int = 0  # which set of texture coordinates
    turn: NDArray[np.float64] | None = None  # (3, 3) of the coordinates
    wraps: tuple[int, int] = (REPEAT, REPEAT)


@dataclass
class Looks:
    """The materials of a file, and the pictures that they use, each decoded once."""

    container: Container
    notes: dict[str, None] = field(default_factory=dict)  # in the order in which they came up
    pictures: dict[Any, NDArray[np.uint8] | None] = field(default_factory=dict)
    tinted: dict[Any, NDArray[np.uint8]] = field(default_factory=dict)

    def of(self, number: int | None) -> Look:
        """The look of a material. Raises `Broken`."""
        if number is None:
            return Look()
        told = self.container.root.at("materials", number)
        self.note_what_is_left(told)
        older = told.extension("KHR_materials_pbrSpecularGlossiness")
        if older is not None:
            base, factors, texture = older, older.numbers("diffuseFactor", 4), "diffuseTexture"
        else:
            base = told.item("pbrMetallicRoughness")
            factors, texture = base.numbers("baseColorFactor", 4), "baseColorTexture"
        red, green, blue = (min(max(one, 0.0), 1.0) for one in (factors or (*WHITE, 1))[:3])
        factor = (red, green, blue)
        if not base.has(texture):
            return Look(factor)
        where = base.item(texture)
        key, wraps = self.texture(where.whole("index"))
        turn, uv = turned(where)
        return Look(factor, key, uv, turn, wraps) if key is not None else Look(factor)

    def texture(self, number: int) -> tuple[Any, tuple[int, int]]:
        """The key of a texture's picture, None if it cannot be had; and how it goes on beyond its borders."""
        told = self.container.root.at("textures", number)
        sampler_number = told.index("sampler")
        root = self.container.root
        sampler = Item({}) if sampler_number is None else root.at("samplers", sampler_number)
        wraps = (sampler.whole("wrapS", REPEAT), sampler.whole("wrapT", REPEAT))
        webp = told.extension("EXT_texture_webp")
        sources = [webp.index("source")] if webp is not None else []
        sources.append(told.index("source"))
        for source in sources:
            key = None if source is None else self.image(source)
            if key is not None:
                return key, wraps
        if told.extension("KHR_texture_basisu") is not None:
            self.note(KTX2_LEFT)
        elif sources == [None]:
            self.note(say("A texture has no picture that can be read."))
        return None, wraps

    def image(self, number: int) -> Any:
        """The key under which an image's pixels are, None if they cannot be read."""
        told = self.container.root.at("images", number)
        name = f"images[{number}]"
        key: Any = told.index("bufferView")
        key = told.text("uri", "") if key is None else key
        if key not in self.pictures:
            self.pictures[key] = None
            data = self.data(key, name)
            if data is not None:
                try:
                    self.pictures[key] = picture(io.BytesIO(data))
                except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
                    self.note(say("The texture {name} was not taken: it is damaged or too large.", name=name))
        return key if self.pictures[key] is not None else None

    def data(self, key: Any, name: str) -> memoryview | None:
        """The bytes of a picture."""
        if isinstance(key, int):
            data = self.container.view(key)[0]
        elif key.startswith("data:"):
            data = self.container.linked(key)
        else:
            name = unquote(key)
            found = None if "://" in name or not name else beside(self.container.path, name)
            if found is None or found.stat().st_size > LARGEST_PICTURE_FILE:
                self.note(
                    say("The texture {name} was not taken: it does not lie with the file.", name=name[-100:])
                )
                return None
            data = memoryview(found.read_bytes())
        if bytes(data[:12]) == KTX2:
            self.note(KTX2_LEFT)
            return None
        return data

    def pixels(self, key: Any, factor: Factor) -> NDArray[np.uint8]:
        """A picture with the factor multiplied into it."""
        found = self.pictures[key]
        assert found is not None
        if factor == WHITE:
            return found
        if (key, factor) not in self.tinted:
            light = linear_of(np.arange(256) / 255)
            table = np.stack([srgb_of(light * one) for one in factor], axis=1)
            self.tinted[key, factor] = np.stack([table[found[:, :, i], i] for i in range(3)], axis=2)
        return self.tinted[key, factor]

    def note_what_is_left(self, told: Item) -> None:
        others = ("normalTexture", "occlusionTexture", "emissiveTexture")
        if any(told.has(one) for one in others) or told.item("pbrMetallicRoughness").has(
            "metallicRoughnessTexture"
        ):
            self.note(say("Pictures of relief, gloss and glow were not taken, only those of colour."))
        if told.text("alphaMode", "OPAQUE") != "OPAQUE":
            self.note(say("What is transparent became opaque."))

    def note(self, text: str) -> None:
        self.notes.setdefault(text)


def turned(where: Item) -> tuple[NDArray[np.float64] | None, int]:
    """KHR_texture_transform as a ``(3, 3)`` matrix, and the set of coordinates."""
    uv = where.whole("texCoord", 0)
    told = where.extension("KHR_texture_transform")
    if told is None:
        return None, uv
    offset, scale = told.numbers("offset", 2) or [0, 0], told.numbers("scale", 2) or [1, 1]
    angle = told.number("rotation", 0)
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.array([
        [cosine * scale[0], sine * scale[1], offset[0]],
        [-sine * scale[0], cosine * scale[1], offset[1]],
        [0, 0, 1],
    ])  # fmt: skip
    return matrix, told.whole("texCoord", uv)
