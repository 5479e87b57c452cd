"""Draco (KHR_draco_mesh_compression): triangles in a tenth of their bytes.

Positions keep 16 bits of the model's largest side (0.2 mm of 10 m), texture coordinates 16, normals 10.
Colours are kept as they are, confidence in 256 steps. What is packed is unpacked at once, since glTF wants
to be told how many vertices come out and between which corners they lie.

Specification: https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_draco_mesh_compression
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Packed", "packed", "unpacked"]

POSITION_BITS, UV_BITS, NORMAL_BITS = 16, 16, 10
EFFORT = 7  # of 0..10
GENERIC = {"_CONFIDENCE": 7, "COLOR_0": 8}
TYPES = {"POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 3}  # Draco's own numbers of kinds of attributes


@dataclass(frozen=True)
class Packed:
    """A primitive: its bytes, the numbers of its attributes in them, and what comes out of them again."""

    data: bytes
    ids: dict[str, int]
    attributes: dict[str, NDArray[Any]]
    faces: NDArray[np.unsignedinteger]


def packed(attributes: dict[str, NDArray[Any]], faces: NDArray[np.unsignedinteger]) -> Packed | None:
    """None if nothing is left of the faces: Draco takes no degenerate ones."""
    import DracoPy

    if "_CONFIDENCE" in attributes:
        steps = np.rint(attributes["_CONFIDENCE"] * 255).astype(np.uint8)
        attributes = attributes | {"_CONFIDENCE": steps}
    uv = attributes.get("TEXCOORD_0")
    generic = {
        GENERIC[name]: array.reshape(len(array), -1) for name, array in attributes.items() if name in GENERIC
    }
    try:
        data = DracoPy.encode(
            attributes["POSITION"],
            faces.astype(np.uint32),
            quantization_bits=POSITION_BITS,
            compression_level=EFFORT,
            normals=attributes["NORMAL"].astype(np.float64),
            normal_quantization_bits=NORMAL_BITS,
            tex_coord=None if uv is None else uv.astype(np.float64),
            tex_coord_quantization_bits=None if uv is None else UV_BITS,
            generic_attributes=generic or None,
        )
        mesh = DracoPy.decode(data)
    except (DracoPy.EncodingFailedException, DracoPy.FileTypeException):
        return None
    if len(mesh.faces) == 0:
        return None
    by_type = {told["attribute_type"]: told for told in mesh.attributes}
    by_id = {told["unique_id"]: told for told in mesh.attributes}
    ids, out = {}, {}
    for name, array in attributes.items():
        told = by_id[GENERIC[name]] if name in GENERIC else by_type[TYPES[name]]
        ids[name] = told["unique_id"]
        out[name] = told["data"].reshape(-1, *array.shape[1:]).astype(array.dtype)
    most = 0xFFFF if len(mesh.points) <= 0xFFFF else 0
    return Packed(data, ids, out, mesh.faces.astype("<u2" if most else "<u4"))


def unpacked(data: bytes) -> tuple[dict[int, NDArray[Any]], NDArray[np.integer]]:
    """The attributes ``(N, K)`` by their numbers, and the faces. Raises `ValueError`."""
    import DracoPy

    try:
        mesh = DracoPy.decode(data)
    except (DracoPy.FileTypeException, RuntimeError) as error:
        raise ValueError(str(error)) from error
    if not hasattr(mesh, "faces"):
        raise ValueError("no faces")
    faces = np.asarray(mesh.faces).reshape(-1, 3)
    return {told["unique_id"]: np.asarray(told["data"]) for told in mesh.attributes}, faces
