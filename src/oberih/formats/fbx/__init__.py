"""FBX 7.4 binary (.fbx): what Maya, 3ds Max, Unity, Unreal and most film and game tools open.

Autodesk's format has no public specification and no free library that writes it; what is written here is
what Blender, ufbx and assimp read alike. y up, a unit of 100 cm (``UnitScaleFactor``), so coordinates are
metres. One model with its geometry per part; normals per vertex, texture coordinates and colours per corner
with an index, so that editors weld them. The texture lies inside the file (``Video.Content``); its name is
no path. Geometry becomes FBX's doubles and is compressed piece by piece. Equal models give equal bytes: the
time stamp is fixed.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih import __version__
from oberih.errors import InputError
from oberih.formats.fbx._records import FILE_ID, STAMP, STAMP_TEXT, Id, Records, Value
from oberih.formats.model import Model
from oberih.formats.writing import whole_file
from oberih.geometry import Mesh
from oberih.progress import Progress

__all__ = ["write"]

PIECE = 1 << 17  # rows turned and compressed at a time
QUALITY = 92  # of the JPEG
UV_SET = "UVMap"
GREY, WHITE = (0.8, 0.8, 0.8), (1.0, 1.0, 1.0)

TEMPLATES: dict[str, tuple[str, tuple[tuple[Value, ...], ...]]] = {
    "Model": (
        "FbxNode",
        (
            ("RotationActive", "bool", "", "", 0),
            ("InheritType", "enum", "", "", 0),
            ("ScalingMax", "Vector3D", "Vector", "", 0.0, 0.0, 0.0),
            ("DefaultAttributeIndex", "int", "Integer", "", -1),
            ("Lcl Translation", "Lcl Translation", "", "A", 0.0, 0.0, 0.0),
            ("Lcl Rotation", "Lcl Rotation", "", "A", 0.0, 0.0, 0.0),
            ("Lcl Scaling", "Lcl Scaling", "", "A", 1.0, 1.0, 1.0),
            ("Visibility", "Visibility", "", "A", 1.0),
        ),
    ),
    "Geometry": ("FbxMesh", (("Color", "ColorRGB", "Color", "", *GREY),)),
    "Material": (
        "FbxSurfaceLambert",
        (
            ("ShadingModel", "KString", "", "", "Lambert"),
            ("MultiLayer", "bool", "", "", 0),
            ("EmissiveColor", "Color", "", "A", 0.0, 0.0, 0.0),
            ("EmissiveFactor", "Number", "", "A", 1.0),
            ("AmbientColor", "Color", "", "A", 0.2, 0.2, 0.2),
            ("AmbientFactor", "Number", "", "A", 1.0),
            ("DiffuseColor", "Color", "", "A", *GREY),
            ("DiffuseFactor", "Number", "", "A", 1.0),
            ("TransparentColor", "Color", "", "A", 0.0, 0.0, 0.0),
            ("TransparencyFactor", "Number", "", "A", 0.0),
        ),
    ),
    "Texture": (
        "FbxFileTexture",
        (
            ("Texture alpha", "Number", "", "A", 1.0),
            ("WrapModeU", "enum", "", "", 0),
            ("WrapModeV", "enum", "", "", 0),
            ("UVSet", "KString", "", "", "default"),
            ("UseMaterial", "bool", "", "", 0),
            ("UseMipMap", "bool", "", "", 0),
        ),
    ),
    "Video": (
        "FbxVideo",
        (("ImageSequence", "bool", "", "", 0), ("Path", "KString", "XRefUrl", "", "")),
    ),
}


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the model's parts; the file appears whole or not at all. Raises `InputError`, `OutputError`."""
    if not model.triangles:
        raise InputError(
            "The model has no surface: FBX holds triangles.",
            "Choose a format for points, such as las or e57.",
        )
    with whole_file(path) as target, target.open("wb") as file:
        Document(Records(file), model.parts, progress).write()


class Document:
    """One scene: what stands in it, under which numbers, and what hangs on what."""

    def __init__(self, records: Records, parts: tuple[Mesh, ...], progress: Progress) -> None:
        self.to, self.parts, self.progress = records, parts, progress
        # Parts that share a texture share its image in the file.
        self.images = {id(part.texture): part.texture for part in parts if painted(part)}
        self.links: list[tuple[Value, ...]] = []
        self.last = 1  # the document's own number

    def new(self) -> Id:
        self.last += 1
        return Id(self.last)

    def write(self) -> None:
        to = self.to
        header(to)
        self.definitions()
        with to.node("Objects"):
            textures = {key: self.texture(n, image) for n, (key, image) in enumerate(self.images.items())}
            for n, part in enumerate(self.parts):
                self.part(n, part, textures.get(id(part.texture)) if painted(part) else None)
        with to.node("Connections"):
            for link in self.links:
                to.leaf("C", *link)
        with to.node("Takes"):
            to.leaf("Current", "")
        to.footer()

    def definitions(self) -> None:
        counts = dict.fromkeys(("Model", "Geometry", "Material"), len(self.parts))
        if self.images:
            counts |= dict.fromkeys(("Texture", "Video"), len(self.images))
        to = self.to
        with to.node("Definitions"):
            to.leaf("Version", 100)
            to.leaf("Count", 1 + sum(counts.values()))
            with to.node("ObjectType", "GlobalSettings"):
                to.leaf("Count", 1)
            for kind, count in counts.items():
                template, settings = TEMPLATES[kind]
                with to.node("ObjectType", kind):
                    to.leaf("Count", count)
                    with to.node("PropertyTemplate", template):
                        properties(to, *settings)

    def texture(self, n: int, image: NDArray[np.uint8] | None) -> Id:
        """The image and the texture made of it; returns the number of the texture."""
        assert image is not None
        self.progress.check()
        to, name, video, texture = self.to, numbered(n), self.new(), self.new()
        file = f"{name}.jpg"
        with to.node("Video", video, named(name, "Video"), "Clip"):
            to.leaf("Type", "Clip")
            properties(to, ("Path", "KString", "XRefUrl", "", file))
            to.leaf("UseMipMap", 0)
            to.leaf("Filename", file)
            to.leaf("RelativeFilename", file)
            to.leaf("Content", jpeg(image))
        with to.node("Texture", texture, named(name, "Texture"), ""):
            to.leaf("Type", "TextureVideoClip")
            to.leaf("Version", 202)
            to.leaf("TextureName", named(name, "Texture"))
            properties(
                to,
                ("UVSet", "KString", "", "", UV_SET),
                ("UseMaterial", "bool", "", "", 1),
                ("WrapModeU", "enum", "", "", 0),  # 0: repeats
                ("WrapModeV", "enum", "", "", 0),
            )
            to.leaf("Media", named(name, "Video"))
            to.leaf("FileName", file)
            to.leaf("RelativeFilename", file)
            to.leaf("ModelUVTranslation", 0.0, 0.0)
            to.leaf("ModelUVScaling", 1.0, 1.0)
            to.leaf("Texture_Alpha_Source", "None")
            to.leaf("Cropping", 0, 0, 0, 0)
        self.links.append(("OO", video, texture))
        return texture

    def part(self, n: int, part: Mesh, texture: Id | None) -> None:
        to, name = self.to, numbered(n)
        model, geometry, material = self.new(), self.new(), self.new()
        with to.node("Geometry", geometry, named(name, "Geometry"), "Mesh"):
            self.geometry(part)
        with to.node("Model", model, named(name, "Model"), "Mesh"):
            to.leaf("Version", 232)
            properties(
                to, ("InheritType", "enum", "", "", 1), ("DefaultAttributeIndex", "int", "Integer", "", 0)
            )
            to.leaf("Shading", True)
            to.leaf("Culling", "CullingOff")  # a scan is looked at from both sides
        with to.node("Material", material, named(name, "Material"), ""):
            to.leaf("Version", 102)
            to.leaf("ShadingModel", "lambert")
            to.leaf("MultiLayer", 0)
            # Programs multiply it with the texture or the colours of the vertices.
            colour = GREY if texture is None and part.colours is None else WHITE
            properties(
                to,
                ("DiffuseColor", "Color", "", "A", *colour),
                ("DiffuseFactor", "Number", "", "A", 1.0),
            )
        self.links += [("OO", model, Id(0)), ("OO", geometry, model), ("OO", material, model)]
        if texture is not None:
            self.links.append(("OP", texture, material, "DiffuseColor"))

    def geometry(self, part: Mesh) -> None:
        to, corners = self.to, part.faces.size
        properties(to)
        to.leaf("GeometryVersion", 124)
        to.array("Vertices", "f8", part.vertices.size, self.pieces(part.vertices))
        to.array("PolygonVertexIndex", "i4", corners, (closed(faces) for faces in self.pieces(part.faces)))
        layers = ["LayerElementNormal", "LayerElementMaterial"]
        normals = part.normals if part.normals is not None else part.vertex_normals()
        with layer(to, layers[0], "", "ByVertice", "Direct"):
            to.array("Normals", "f8", normals.size, (unit(piece) for piece in self.pieces(normals)))
        if part.uv is not None:
            uv, index = welded(part.uv)
            with layer(to, "LayerElementUV", UV_SET, "ByPolygonVertex", "IndexToDirect"):
                to.array("UV", "f8", uv.size, (upwards(piece) for piece in self.pieces(uv)))
                to.array("UVIndex", "i4", corners, self.pieces(index))
            layers.append("LayerElementUV")
        if part.colours is not None and not painted(part):  # else a program would multiply the two
            with layer(to, "LayerElementColor", "Color", "ByPolygonVertex", "IndexToDirect"):
                size = len(part.colours) * 4
                to.array("Colors", "f8", size, (opaque(piece) for piece in self.pieces(part.colours)))
                to.array("ColorIndex", "i4", corners, self.pieces(part.faces))
            layers.append("LayerElementColor")
        with layer(to, layers[1], "", "AllSame", "IndexToDirect"):
            to.array("Materials", "i4", 1, [np.zeros(1, np.int32)])
        with to.node("Layer", 0):
            to.leaf("Version", 100)
            for kind in layers:
                with to.node("LayerElement"):
                    to.leaf("Type", kind)
                    to.leaf("TypedIndex", 0)

    def pieces(self, rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
        for start in range(0, len(rows), PIECE):
            self.progress.check()
            yield rows[start : start + PIECE]


def header(to: Records) -> None:
    """Everything before the objects: who wrote it, units and axes, the one document."""
    creator = f"Oberih {__version__}"
    with to.node("FBXHeaderExtension"):
        to.leaf("FBXHeaderVersion", 1003)
        to.leaf("FBXVersion", 7400)
        to.leaf("EncryptionType", 0)
        with to.node("CreationTimeStamp"):
            to.leaf("Version", 1000)
            for name, value in STAMP.items():
                to.leaf(name, value)
        to.leaf("Creator", creator)
        with to.node("SceneInfo", named("GlobalInfo", "SceneInfo"), "UserData"):
            to.leaf("Type", "UserData")
            to.leaf("Version", 100)
            properties(to, *(
                (f"{which}|Application{what}", "KString", "", "", value)
                for which in ("Original", "LastSaved")
                for what, value in (("Vendor", ""), ("Name", "Oberih"), ("Version", __version__))
            ))  # fmt: skip
    to.leaf("FileId", FILE_ID)
    to.leaf("CreationTime", STAMP_TEXT)
    to.leaf("Creator", creator)
    with to.node("GlobalSettings"):
        to.leaf("Version", 1000)
        axes = {"UpAxis": 1, "FrontAxis": 2, "CoordAxis": 0, "OriginalUpAxis": 1}
        turns = [
            (name + end, value) for name, axis in axes.items() for end, value in (("", axis), ("Sign", 1))
        ]
        properties(
            to,
            *((name, "int", "Integer", "", value) for name, value in turns),
            ("UnitScaleFactor", "double", "Number", "", 100.0),  # centimetres in a unit
            ("OriginalUnitScaleFactor", "double", "Number", "", 100.0),
            ("AmbientColor", "ColorRGB", "Color", "", 0.0, 0.0, 0.0),
            ("DefaultCamera", "KString", "", "", "Producer Perspective"),
            ("TimeMode", "enum", "", "", 0),
        )
    with to.node("Documents"):
        to.leaf("Count", 1)
        with to.node("Document", Id(1), "", "Scene"):
            properties(to, ("SourceObject", "object", "", ""), ("ActiveAnimStackName", "KString", "", "", ""))
            to.leaf("RootNode", Id(0))
    to.leaf("References")


def properties(to: Records, *settings: tuple[Value, ...]) -> None:
    """Settings as FBX 7 has them: name, type, label, flags, values."""
    if not settings:
        to.leaf("Properties70")
        return
    with to.node("Properties70"):
        for setting in settings:
            to.leaf("P", *setting)


@contextmanager
def layer(to: Records, kind: str, name: str, mapping: str, reference: str) -> Iterator[None]:
    """A list of values that belong to parts of the surface: ``mapping`` says to which, ``reference`` how."""
    with to.node(kind, 0):
        to.leaf("Version", 101)
        to.leaf("Name", name)
        to.leaf("MappingInformationType", mapping)
        to.leaf("ReferenceInformationType", reference)
        yield


def numbered(n: int) -> str:
    return "model" if n == 0 else f"model-{n + 1}"


def named(name: str, kind: str) -> str:
    return f"{name}\0\x01{kind}"


def painted(part: Mesh) -> bool:
    return part.texture is not None and part.uv is not None


def jpeg(image: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def closed(faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """FBX marks the last corner of a polygon by the complement of its index."""
    corners = faces.astype(np.int32)
    corners[:, 2] = ~corners[:, 2]
    return corners


def unit(normals: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = normals.astype(np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    # A vertex of faces without area gets some direction.
    return np.where(length > 1e-20, wide / np.where(length > 1e-20, length, 1), (0.0, 1.0, 0.0))


def upwards(uv: NDArray[np.float32]) -> NDArray[np.float64]:
    turned = uv.astype(np.float64)
    turned[:, 1] = 1 - turned[:, 1]
    return turned


def opaque(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    wide = np.ones((len(colours), 4))
    wide[:, :3] = colours / 255
    return wide


def welded(uv: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Each different texture coordinate once ``(N, 2)``, as they come, and its index for each corner."""
    rows = np.ascontiguousarray(uv.reshape(-1, 2), np.float32)
    _, first, index = np.unique(rows.view(np.uint64).ravel(), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rows[first[order]], rank[index]
