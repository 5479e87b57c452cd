"""Small glTF files put together by hand, for tests of the reader."""

import base64
import copy
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Made"]

TYPES = {"f4": 5126, "u4": 5125, "u2": 5123, "u1": 5121, "i2": 5122, "i1": 5120}
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


class Made:
    """A document under construction. ``json`` may be changed at will before it is written."""

    def __init__(self) -> None:
        self.data = b""
        self.json: dict[str, Any] = {
            "asset": {"version": "2.0"}, "accessors": [], "bufferViews": [], "meshes": [], "nodes": [],
        }  # fmt: skip

    def view(self, data: bytes, **more: Any) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        self.json["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)} | more
        )
        self.data += data
        return len(self.json["bufferViews"]) - 1

    def accessor(self, values: Any, dtype: str = "f4", **more: Any) -> int:
        array = np.asarray(values, "<" + dtype)
        told = {
            "bufferView": self.view(array.tobytes()), "componentType": TYPES[dtype], "count": len(array),
            "type": KINDS[array.shape[1] if array.ndim == 2 else 1],
        }  # fmt: skip
        self.json["accessors"].append(told | more)
        return len(self.json["accessors"]) - 1

    def mesh(self, *primitives: dict[str, Any], node: dict[str, Any] | None = None) -> int:
        """A mesh of primitives and a node that shows it."""
        self.json["meshes"].append({"primitives": list(primitives)})
        self.json["nodes"].append({"mesh": len(self.json["meshes"]) - 1} | (node or {}))
        return len(self.json["meshes"]) - 1

    def finished(self, uri: str | None = None) -> dict[str, Any]:
        told = copy.deepcopy(self.json)
        if self.data and "buffers" not in told:
            told["buffers"] = [{"byteLength": len(self.data)} | ({"uri": uri} if uri is not None else {})]
        return {key: value for key, value in told.items() if value != []}

    def glb(self, path: Path) -> Path:
        text = json.dumps(self.finished()).encode()
        text += b" " * (-len(text) % 4)
        data = self.data + b"\0" * (-len(self.data) % 4)
        path.write_bytes(
            struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data))
            + struct.pack("<I4s", len(text), b"JSON") + text
            + struct.pack("<I4s", len(data), b"BIN\0") + data
        )  # fmt: skip
        return path

    def gltf(self, path: Path, uri: str | None = None) -> Path:
        """With its bytes inside, or in the file that ``uri`` names (which is not written)."""
        inside = "data:application/octet-stream;base64," + base64.b64encode(self.data).decode()
        path.write_text(json.dumps(self.finished(inside if uri is None else uri)))
        return path
