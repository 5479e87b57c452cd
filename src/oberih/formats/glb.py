"""glTF 2.0 binary (.glb): a textured mesh in one file, as viewers, AR and partners read it.

One mesh, one material. The colours are photographs with their light in them, so the material is unlit
(KHR_materials_unlit; metallic 0, roughness 1 for readers that do not know it) and drawn from both sides.
Confidence travels as the custom vertex attribute ``_CONFIDENCE``. glTF is y-up and counts in metres:
the caller's transform brings the mesh there. Equal input gives equal bytes.

Specification: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

import io
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih import __version__
from oberih.geometry import Mesh

__all__ = ["write_glb", "write_lods"]

FLOAT, UNSIGNED_INT, UNSIGNED_SHORT = 5126, 5125, 5123
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
LINEAR, LINEAR_MIPMAP_LINEAR, CLAMP_TO_EDGE = 9729, 9987, 33071
JSON_CHUNK, BIN_CHUNK = 0x4E4F534A, 0x004E4942


def write_lods(
    path: Path, meshes: Sequence[Mesh], transform: NDArray[np.float64] | None = None, **options: Any
) -> list[Path]:
    """Write levels of detail, finest first: ``model.glb``, ``model.lod1.glb``, ``model.lod2.glb``, ...

    Options are those of `write_glb`. Returns the paths.
    """
    paths = [path, *(path.with_suffix(f".lod{n}{path.suffix}") for n in range(1, len(meshes)))]
    for target, mesh in zip(paths, meshes, strict=True):
        write_glb(target, mesh, transform, **options)
    return paths


def write_glb(
    path: Path,
    mesh: Mesh,
    transform: NDArray[np.float64] | None = None,
    *,
    texture: Literal["jpeg", "png"] = "jpeg",
    quality: int = 92,
    confidence: bool = True,
    extras: Mapping[str, Any] | None = None,
) -> None:
    """Write ``mesh``; the file appears whole or not at all.

    ``transform``: ``(4, 4)`` similarity applied to the vertices (and, turned, to the normals).
    ``quality``: of the JPEG, 1..95. ``extras``: put into ``asset.extras`` (must be JSON).
    """
    vertex, uv, faces = split_corners(mesh)
    positions = mesh.vertices.astype(np.float64)
    normals = (mesh.normals if mesh.normals is not None else mesh.vertex_normals()).astype(np.float64)
    if transform is not None:
        positions = positions @ transform[:3, :3].T + transform[:3, 3]
        normals = normals @ transform[:3, :3].T
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    # A normal must have unit length: a vertex of faces without area gets some direction.
    normals = np.where(length > 1e-20, normals / np.where(length > 1e-20, length, 1), (0.0, 1.0, 0.0))

    buffer = Buffer()
    attributes = {
        "POSITION": buffer.add(positions[vertex].astype("<f4"), "VEC3", limits=True),
        "NORMAL": buffer.add(normals[vertex].astype("<f4"), "VEC3"),
    }
    if uv is not None:
        attributes["TEXCOORD_0"] = buffer.add(uv.astype("<f4"), "VEC2")
    if confidence and mesh.confidence is not None:
        attributes["_CONFIDENCE"] = buffer.add(mesh.confidence[vertex].astype("<f4"), "SCALAR")
    indices = buffer.add(faces.ravel(), "SCALAR", target=ELEMENT_ARRAY_BUFFER)

    material: dict[str, Any] = {
        "name": "photographs",
        "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0},
        "doubleSided": True,
    }
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"Oberih {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": path.stem}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": indices, "material": 0}]}],
        "materials": [material],
    }
    if extras:
        document["asset"]["extras"] = dict(extras)
    if uv is not None and mesh.texture is not None:
        image = buffer.view(encoded(mesh.texture, texture, quality))
        material["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
        material["extensions"] = {"KHR_materials_unlit": {}}
        document |= {
            "extensionsUsed": ["KHR_materials_unlit"],
            "textures": [{"sampler": 0, "source": 0}],
            "images": [{"bufferView": image, "mimeType": f"image/{texture}"}],
            "samplers": [
                {
                    "magFilter": LINEAR, "minFilter": LINEAR_MIPMAP_LINEAR,
                    "wrapS": CLAMP_TO_EDGE, "wrapT": CLAMP_TO_EDGE,
                }
            ],
        }  # fmt: skip
    document |= {
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": buffer.length}],
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + buffer.length))
        file.write(struct.pack("<II", len(text), JSON_CHUNK) + text)
        file.write(struct.pack("<II", buffer.length, BIN_CHUNK))
        for piece in buffer.pieces:
            file.write(piece)
    part.replace(path)


def split_corners(
    mesh: Mesh,
) -> tuple[NDArray[np.int64], NDArray[np.float32] | None, NDArray[np.unsignedinteger]]:
    """Corners that share a vertex and its texture coordinates become one glTF vertex.

    Returns the mesh vertex of each, its uv ``(N, 2)`` (None without a texture), and the faces.
    """
    corner = mesh.faces.ravel().astype(np.int64)
    if mesh.uv is None or mesh.texture is None:
        vertex, faces = np.unique(corner, return_inverse=True)
        return vertex, None, compact(faces, len(vertex))
    uv = np.ascontiguousarray(mesh.uv.reshape(-1, 2), np.float32)
    both = uv.view(np.uint64).ravel()
    order = np.lexsort((both, corner))
    new = np.ones(len(order), bool)
    new[1:] = (corner[order[1:]] != corner[order[:-1]]) | (both[order[1:]] != both[order[:-1]])
    faces = np.empty(len(order), np.int64)
    faces[order] = np.cumsum(new) - 1
    first = order[new]
    return corner[first], uv[first], compact(faces, len(first))


def compact(faces: NDArray[np.int64], count: int) -> NDArray[np.unsignedinteger]:
    """``(F, 3)`` little-endian indices, as short as they may be (65535 is not allowed as an index)."""
    return faces.reshape(-1, 3).astype("<u2" if count <= 65535 else "<u4")


def encoded(texture: NDArray[np.uint8], kind: str, quality: int) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(texture)
    if kind == "jpeg":
        image.save(file, "JPEG", quality=quality)
    else:
        image.save(file, "PNG", compress_level=4)
    return file.getvalue()


class Buffer:
    """The binary chunk while it grows: aligned pieces with their views and accessors."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.length = 0

    def view(self, data: bytes, target: int | None = None) -> int:
        """Append ``data``; returns the number of its view."""
        view = {"buffer": 0, "byteOffset": self.length, "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.views.append(view)
        padding = -len(data) % 4
        self.pieces += [data, b"\0" * padding]
        self.length += len(data) + padding
        return len(self.views) - 1

    def add(self, array: NDArray[Any], kind: str, *, target: int = ARRAY_BUFFER, limits: bool = False) -> int:
        """Append an array; returns the number of its accessor."""
        component = {"f4": FLOAT, "u4": UNSIGNED_INT, "u2": UNSIGNED_SHORT}[array.dtype.str[1:]]
        accessor: dict[str, Any] = {
            "bufferView": self.view(np.ascontiguousarray(array).tobytes(), target),
            "componentType": component,
            "count": len(array),
            "type": kind,
        }
        if limits:
            accessor |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1
