"""What a USD material looks like: a texture and how it lies on the surface, or one colour.

Taken from UsdPreviewSurface's diffuse colour (its light, where that is black: unlit models are written so),
or from the input of that meaning in another shader. The network is followed back to the shader that reads
a file.

Specification: https://openusd.org/release/spec_usdpreviewsurface.html
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf, Usd, UsdShade

from oberih.formats._zipped import taken_picture
from oberih.formats.usd._open import Opened

__all__ = ["Look", "Looks", "linear", "srgb"]

DIFFUSE = (
    "diffuseColor",
    "emissiveColor",
    "base_color",
    "baseColor",
    "diffuse_texture",
    "diffuse_color_texture",
)
DEEPEST = 16  # shaders one behind the other
LONGEST_NAME = 1_000


@dataclass(frozen=True)
class Look:
    """One of ``texture`` and ``colour``, or neither; ``primvar``: what holds the texture coordinates, or,
    without a texture, the colours.
    """

    texture: NDArray[np.uint8] | None = None
    colour: NDArray[np.uint8] | None = None  # (3,) sRGB
    primvar: str = ""
    # what brings texture coordinates to those of the picture, (3, 3), as row vectors
    turn: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))


def srgb(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Linear colours 0..1 as sRGB bytes (IEC 61966-2-1)."""
    values = np.nan_to_num(np.clip(values, 0, 1))
    curved = np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
    return np.rint(curved * 255).astype(np.uint8)


def linear(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The way back."""
    values = np.arange(256) / 255
    curve = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return curve.astype(np.float32)[colours]


class Looks:
    """The looks of a stage; each material and each picture is read once."""

    def __init__(self, opened: Opened, time: Usd.TimeCode) -> None:
        self.opened, self.time = opened, time
        self.found: dict[Sdf.Path, Look] = {}
        self.pictures: dict[str, NDArray[np.uint8] | None] = {}

    def of(self, prim: Usd.Prim) -> Look:
        """The look of the material that is bound to ``prim``; a plain one if there is none."""
        material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()
        above = prim
        while not material and above:  # bound without the schema for it, as older programs do
            bound = above.GetRelationship("material:binding")
            targets = bound.GetForwardedTargets() if bound else []
            material = UsdShade.Material.Get(prim.GetStage(), targets[0]) if targets else None
            above = above.GetParent()
        if not material:
            return Look(primvar="displayColor")
        where = material.GetPath()
        if where not in self.found:
            self.found[where] = self.read(material)
        return self.found[where]

    def read(self, material: UsdShade.Material) -> Look:
        """The first texture; without any, the first colour that is not black."""
        shaders = (material.ComputeSurfaceSource(context)[0] for context in ("", "mtlx", "mdl"))
        shader = next((shader for shader in shaders if shader), None)
        names = [name for name in DIFFUSE if shader and shader.GetInput(name)]
        looks = [look for name in names if (look := self.input(shader, name, 0)) is not None]
        for look in looks:
            if look.texture is not None:
                return look
        for look in looks:
            if look.colour is None or look.colour.any():
                return look
        return looks[0] if looks else Look(primvar="displayColor")

    def input(self, shader: UsdShade.Shader, name: str, depth: int) -> Look | None:
        """What feeds an input: a file, a constant or a primvar."""
        for attribute in shader.GetInput(name).GetValueProducingAttributes():
            if UsdShade.Utils.GetType(attribute.GetName()) == UsdShade.AttributeType.Output:
                found = self.output(UsdShade.Shader(attribute.GetPrim()), depth + 1)
                if found is not None:
                    return found
                continue
            value = attribute.Get(self.time)
            if isinstance(value, Sdf.AssetPath):
                return self.file(attribute, value)
            if isinstance(value, Gf.Vec3f | Gf.Vec3d | Gf.Vec3h | Gf.Vec4f):
                return Look(colour=srgb(np.array(value, np.float64)[:3]))
        return None

    def output(self, shader: UsdShade.Shader, depth: int) -> Look | None:
        """What a shader gives."""
        if depth > DEEPEST or not shader:
            return None
        kind = str(shader.GetIdAttr().Get() or "")
        if shader.GetInput("file"):
            look = self.input(shader, "file", depth)
            return None if look is None else self.scaled(self.laid(look, shader, "st", depth), shader)
        if kind.startswith("UsdPrimvarReader"):
            return Look(primvar=self.word(shader, "varname"))
        for name in ("in", "in1", "in2", "bg", "fg"):  # of MaterialX
            found = self.input(shader, name, depth) if shader.GetInput(name) else None
            if found is not None and found.texture is not None:
                return found
        return None

    def laid(self, look: Look, shader: UsdShade.Shader, name: str, depth: int) -> Look:
        """With the texture coordinates that feed the input ``name``."""
        if depth > DEEPEST or not shader.GetInput(name):
            return look
        for attribute in shader.GetInput(name).GetValueProducingAttributes():
            source = UsdShade.Shader(attribute.GetPrim())
            kind = str(source.GetIdAttr().Get() or "") if source else ""
            if kind.startswith("UsdPrimvarReader"):
                return replace(look, primvar=self.word(source, "varname"))
            if kind == "UsdTransform2d":
                scale = self.pair(source, "scale", (1.0, 1.0))
                shift = self.pair(source, "translation", (0.0, 0.0))
                angle = np.radians(self.number(source, "rotation"))
                c, s = np.cos(angle), np.sin(angle)
                turn = np.array([
                    [scale[0] * c, scale[0] * s, 0], [-scale[1] * s, scale[1] * c, 0], [*shift, 1],
                ])  # fmt: skip
                if np.isfinite(turn).all():
                    look = replace(look, turn=turn @ look.turn)
                return self.laid(look, source, "in", depth + 1)
        return look

    def scaled(self, look: Look, shader: UsdShade.Shader) -> Look:
        """With the texture multiplied by the shader's ``scale``."""
        given = shader.GetInput("scale").Get(self.time) if shader.GetInput("scale") else None
        if look.texture is None or not isinstance(given, Gf.Vec4f):
            return look
        scale = np.array(given, np.float64)[:3]
        if not np.isfinite(scale).all() or np.allclose(scale, 1):
            return look
        table = srgb(linear(np.arange(256, dtype=np.uint8))[:, None] * scale)
        texture = np.stack([table[:, axis][look.texture[..., axis]] for axis in range(3)], axis=-1)
        return replace(look, texture=texture)

    def file(self, attribute: Usd.Attribute, value: Sdf.AssetPath) -> Look:
        stack = attribute.GetPropertyStack(self.time)
        layer = next((spec.layer for spec in stack if spec.HasDefaultValue()), None)
        place = self.opened.place(value.path, layer)
        if place is None:
            place = value.path or "?"  # leads out: the picture's reader says so
        if place not in self.pictures:
            self.pictures[place], problem = taken_picture(self.opened.beside, place)
            if problem:
                self.opened.notes.append(problem)
        texture = self.pictures[place]
        return Look() if texture is None else Look(texture=texture, primvar="st")

    def word(self, shader: UsdShade.Shader, name: str) -> str:
        found = self.value(shader, name)
        return str(found)[:LONGEST_NAME] if found else "st"

    def pair(self, shader: UsdShade.Shader, name: str, otherwise: tuple[float, float]) -> tuple[float, float]:
        found = self.value(shader, name)
        return (float(found[0]), float(found[1])) if isinstance(found, Gf.Vec2f) else otherwise

    def number(self, shader: UsdShade.Shader, name: str) -> float:
        found = self.value(shader, name)
        return float(found) if isinstance(found, float | int) else 0.0

    def value(self, shader: UsdShade.Shader, name: str) -> object:
        """The constant that feeds an input, also through the interface of the material."""
        given = shader.GetInput(name)
        for attribute in given.GetValueProducingAttributes() if given else ():
            return attribute.Get(self.time)
        return None
