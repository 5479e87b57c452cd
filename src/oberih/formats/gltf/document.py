"""The glTF document of a model: its JSON and the bytes behind it, before they go into a file.

Each part is one primitive of one mesh. Its colours are photographs with their light in them, so the material
is unlit (KHR_materials_unlit; metallic 0, roughness 1 for readers that do not know it) and drawn from both
sides. Confidence travels as the custom attribute ``_CONFIDENCE``, vertex colours as ``COLOR_0`` (linear, in
16 bits so that every 8-bit sRGB value comes back). Equal input gives equal bytes.

Specification: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih import __version__
from oberih.formats.gltf._colour import linear_of
from oberih.formats.gltf._draco import packed
from oberih.formats.gltf._vertices import split_corners
from oberih.geometry import Mesh, PointCloud

__all__ = ["Buffer", "Document", "Style", "document_of"]

COMPONENTS = {"f4": 5126, "u4": 5125, "u2": 5123, "u1": 5121}
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
LINEAR, LINEAR_MIPMAP_LINEAR, CLAMP_TO_EDGE, REPEAT = 9729, 9987, 33071, 10497
POINTS = 0
LARGEST_WEBP_PX = 16_383
UNLIT, WEBP, DRACO = "KHR_materials_unlit", "EXT_texture_webp", "KHR_draco_mesh_compression"

Raw = bytes | memoryview
Attributes = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Style:
    """How pictures and triangles are packed. ``quality``: of JPEG, 1..95, or WebP, 1..100."""

    texture: Literal["jpeg", "png", "webp"] = "jpeg"
    quality: int = 92
    confidence: bool = True
    draco: bool = False


class Buffer:
    """The binary part while it grows: aligned pieces with their views and accessors."""

    def __init__(self) -> None:
        self.pieces: list[Raw] = []
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.length = 0

    def view(self, data: Raw, target: int | None = None) -> int:
        """Append ``data``; returns the number of its view."""
        view = {"buffer": 0, "byteOffset": self.length, "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.views.append(view)
        padding = -len(data) % 4
        self.pieces += [data, b"\0" * padding]
        self.length += len(data) + padding
        return len(self.views) - 1

    def add(self, name: str, array: NDArray[Any], *, target: int = ARRAY_BUFFER, stored: bool = True) -> int:
        """Append ``(N,)`` or ``(N, K)`` of the attribute ``name``; returns the number of its accessor.

        ``stored``: False if its bytes are elsewhere (Draco).
        """
        accessor: dict[str, Any] = {}
        if stored:
            raw = memoryview(np.ascontiguousarray(array).data).cast("B")
            accessor["bufferView"] = self.view(raw, target)
        accessor |= {
            "componentType": COMPONENTS[array.dtype.str[1:]],
            "count": len(array),
            "type": KINDS[array.shape[1] if array.ndim == 2 else 1],
        }
        if name == "COLOR_0" or (name == "_CONFIDENCE" and array.dtype.kind == "u"):
            accessor["normalized"] = True
        if name == "POSITION":
            accessor |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1


@dataclass
class Document:
    """A glTF document while it is put together. ``beside`` names pictures that are files of their own."""

    style: Style
    beside: Callable[[int, str], str] | None = None
    buffer: Buffer = field(default_factory=Buffer)
    primitives: list[dict[str, Any]] = field(default_factory=list)
    materials: list[dict[str, Any]] = field(default_factory=list)
    textures: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    samplers: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)  # files beside the document
    used: list[str] = field(default_factory=list)
    required: list[str] = field(default_factory=list)
    known: dict[Any, int] = field(default_factory=dict)  # what is there already, by its content

    def add_mesh(self, mesh: Mesh, transform: NDArray[np.float64] | None = None) -> None:
        """One more part, moved by ``transform``: a ``(4, 4)`` similarity."""
        vertex, uv, faces = split_corners(mesh)
        normals = mesh.normals if mesh.normals is not None else mesh.vertex_normals()
        attributes = placed(mesh.vertices, normals, vertex, transform)
        if uv is not None:
            attributes["TEXCOORD_0"] = uv.astype("<f4", copy=False)
        if self.style.confidence and mesh.confidence is not None:
            attributes["_CONFIDENCE"] = mesh.confidence[vertex].astype("<f4")
        coloured = uv is None and mesh.colours is not None
        if coloured and mesh.colours is not None:
            attributes["COLOR_0"] = colour_values(mesh.colours[vertex])
        primitive = self.draco(attributes, faces) if self.style.draco else None
        if primitive is None:
            primitive = {
                "attributes": {name: self.buffer.add(name, array) for name, array in attributes.items()},
                "indices": self.buffer.add("", faces.ravel(), target=ELEMENT_ARRAY_BUFFER),
            }
        texture = None
        if uv is not None and mesh.texture is not None:
            repeats = bool(len(uv)) and bool(uv.min() < 0 or uv.max() > 1)
            texture = self.texture(mesh.texture, REPEAT if repeats else CLAMP_TO_EDGE)
        primitive["material"] = self.material(texture, unlit=coloured or texture is not None)
        self.primitives.append(primitive)

    def add_points(self, cloud: PointCloud) -> None:
        """Points, as a primitive of mode 0."""
        attributes: Attributes = {"POSITION": cloud.points.astype("<f4", copy=False)}
        if cloud.normals is not None:
            attributes["NORMAL"] = unit(cloud.normals.astype(np.float64)).astype("<f4")
        if self.style.confidence and cloud.confidence is not None:
            attributes["_CONFIDENCE"] = cloud.confidence.astype("<f4", copy=False)
        if cloud.colours is not None:
            attributes["COLOR_0"] = colour_values(cloud.colours)
        self.primitives.append({
            "attributes": {name: self.buffer.add(name, array) for name, array in attributes.items()},
            "mode": POINTS,
            "material": self.material(None, unlit=True),
        })  # fmt: skip

    def draco(self, attributes: Attributes, faces: NDArray[np.unsignedinteger]) -> dict[str, Any] | None:
        """The primitive packed by Draco; None where Draco cannot (a surface of degenerate faces)."""
        found = packed(attributes, faces)
        if found is None:
            return None
        self.uses(DRACO, required=True)
        told = {"bufferView": self.buffer.view(found.data), "attributes": found.ids}
        return {
            "attributes": {
                name: self.buffer.add(name, array, stored=False) for name, array in found.attributes.items()
            },
            "indices": self.buffer.add("", found.faces.ravel(), stored=False),
            "extensions": {DRACO: told},
        }

    def material(self, texture: int | None, *, unlit: bool) -> int:
        key = ("material", texture, unlit)
        if key not in self.known:
            material: dict[str, Any] = {
                "name": "photographs",
                "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0},
                "doubleSided": True,
            }
            if texture is not None:
                material["pbrMetallicRoughness"]["baseColorTexture"] = {"index": texture}
            if unlit:
                material["extensions"] = {UNLIT: {}}
                self.uses(UNLIT)
            self.known[key] = len(self.materials)
            self.materials.append(material)
        return self.known[key]

    def texture(self, pixels: NDArray[np.uint8], wrap: int) -> int:
        """The number of the texture of that picture; a picture that is there already is not written again."""
        image, kind = self.image(pixels)
        key = ("texture", image, wrap)
        if key not in self.known:
            if ("sampler", wrap) not in self.known:
                self.known["sampler", wrap] = len(self.samplers)
                self.samplers.append({
                    "magFilter": LINEAR, "minFilter": LINEAR_MIPMAP_LINEAR, "wrapS": wrap, "wrapT": wrap,
                })  # fmt: skip
            texture: dict[str, Any] = {"sampler": self.known["sampler", wrap]}
            if kind == "webp":
                self.uses(WEBP, required=True)
                texture["extensions"] = {WEBP: {"source": image}}
            else:
                texture["source"] = image
            self.known[key] = len(self.textures)
            self.textures.append(texture)
        return self.known[key]

    def image(self, pixels: NDArray[np.uint8]) -> tuple[int, str]:
        kind: str = self.style.texture
        if kind == "webp" and max(pixels.shape[:2]) > LARGEST_WEBP_PX:
            kind = "jpeg"
        digest = hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16).digest()
        key = ("image", pixels.shape, digest)
        if key not in self.known:
            number = self.known[key] = len(self.images)
            data = encoded(pixels, kind, self.style.quality)
            if self.beside is None:
                self.images.append({"bufferView": self.buffer.view(data), "mimeType": f"image/{kind}"})
            else:
                name = self.beside(number, "jpg" if kind == "jpeg" else kind)
                self.pictures[name] = data
                self.images.append({"uri": quote(name), "mimeType": f"image/{kind}"})
        return self.known[key], kind

    def uses(self, extension: str, *, required: bool = False) -> None:
        if extension not in self.used:
            self.used.append(extension)
        if required and extension not in self.required:
            self.required.append(extension)

    def json(self, name: str, extras: Mapping[str, Any] | None = None, uri: str = "") -> dict[str, Any]:
        """All of it; ``name``: of the node, ``uri``: of the file with the bytes, if it is another one."""
        document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": f"Oberih {__version__}"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0, "name": name}],
            "meshes": [{"primitives": self.primitives}],
            "materials": self.materials,
        }
        if extras:
            document["asset"]["extras"] = dict(extras)
        buffer: dict[str, Any] = {"uri": quote(uri)} if uri else {}
        lists = {
            "extensionsUsed": self.used, "extensionsRequired": self.required, "textures": self.textures,
            "images": self.images, "samplers": self.samplers, "accessors": self.buffer.accessors,
            "bufferViews": self.buffer.views, "buffers": [{**buffer, "byteLength": self.buffer.length}],
        }  # fmt: skip
        return document | {key: value for key, value in lists.items() if value}


def document_of(
    parts: Sequence[Mesh],
    points: PointCloud | None,
    style: Style,
    beside: Callable[[int, str], str] | None = None,
) -> Document:
    """The document of ``parts``; of ``points`` only if there are no parts."""
    document = Document(style, beside)
    for part in parts:
        document.add_mesh(part)
    if not parts and points is not None:
        document.add_points(points)
    return document


def placed(
    vertices: NDArray[np.float32], normals: NDArray[np.float32], vertex: NDArray[np.integer],
    transform: NDArray[np.float64] | None,
) -> Attributes:  # fmt: skip
    """Positions and unit normals of glTF's vertices."""
    if transform is None:
        positions: NDArray[Any] = vertices
        turned = unit(normals.astype(np.float64))
    else:
        positions = vertices.astype(np.float64) @ transform[:3, :3].T + transform[:3, 3]
        turned = unit(normals.astype(np.float64) @ transform[:3, :3].T)
    return {
        "POSITION": positions.astype("<f4", copy=False)[vertex],
        "NORMAL": turned.astype("<f4")[vertex],
    }


def unit(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """A normal must have unit length: a vertex of faces without area gets some direction."""
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    there = length > 1e-20
    if there.all():
        return normals / length
    return np.where(there, normals / np.where(there, length, 1), (0.0, 1.0, 0.0))


def colour_values(colours: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """``(N, 4)`` linear and opaque: four values, since rows must start at multiples of four bytes."""
    values = np.full((len(colours), 4), 65535, "<u2")
    values[:, :3] = np.rint(linear_of(np.arange(256) / 255) * 65535).astype("<u2")[colours]
    return values


def encoded(texture: NDArray[np.uint8], kind: str, quality: int) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(texture)
    if kind == "png":
        image.save(file, "PNG", compress_level=4)
    else:
        image.save(file, kind.upper(), quality=quality)
    return file.getvalue()
