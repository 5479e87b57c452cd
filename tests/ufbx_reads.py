"""Opens FBX files with ufbx and prints as JSON what it sees. A program of its own: ufbx's binding for Python
(0.0.5) counts too few references and crashes when Python frees or visits its objects: none is ever freed.
"""

import ctypes
import gc
import json
import os
import sys
from functools import reduce
from hashlib import sha256
from typing import Any

import numpy as np
import ufbx


def get(thing: Any, names: str) -> Any:
    """``thing.name.name``, each of which is kept for ever."""
    return reduce(lambda found, name: kept(getattr(found, name)), names.split("."), thing)


def kept(thing: Any) -> Any:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    return thing


def items(thing: Any, names: str) -> list[Any]:
    found = get(thing, names)
    return [kept(found[i]) for i in range(len(found))]


def told(path: str) -> dict:
    scene = kept(ufbx.load_file(path))
    return {
        "version": get(scene, "metadata.version"),
        "creator": get(scene, "metadata.creator"),
        "warnings": [get(warning, "description") for warning in items(scene, "metadata.warnings")],
        "unit_m": get(scene, "settings.unit_meters"),
        "axes": [get(scene, f"settings.axes.{axis}.name") for axis in ("right", "up", "front")],
        "names": [get(e, "name") for kind in ("materials", "videos") for e in items(scene, kind)],
        "parts": [part(node) for node in items(scene, "nodes") if get(node, "mesh") is not None],
        "textures": [
            {
                "name": get(texture, "name"),
                "relative": get(texture, "relative_filename"),
                "sha256": sha256(get(texture, "content")).hexdigest(),
                "repeats": get(texture, "wrap_u") == get(texture, "wrap_v") == ufbx.WrapMode.REPEAT,
                "uv_set": get(texture, "uv_set"),
            }
            for texture in items(scene, "textures")
        ],
    }


def part(node: Any) -> dict:
    mesh = get(node, "mesh")
    points = np.array(get(mesh, "vertices"))
    material = items(node, "materials")[0]
    texture = get(material, "fbx.diffuse_color.texture")
    return {
        "name": get(node, "name"),
        "vertices": get(mesh, "num_vertices"),
        "triangles": get(mesh, "num_triangles"),
        "bounds": [points.min(axis=0).tolist(), points.max(axis=0).tolist()],
        "points": points[:300].tolist(),
        "corners": np.array(get(mesh, "vertex_indices"))[:900].tolist(),
        "normals": corners(get(mesh, "vertex_normal")),
        "uv": corners(get(mesh, "vertex_uv")),
        "uv_values": len(np.array(get(mesh, "vertex_uv.values"))) if get(mesh, "vertex_uv.exists") else 0,
        "uv_sets": [get(layer, "name") for layer in items(mesh, "uv_sets")],
        "colours": corners(get(mesh, "vertex_color")),
        "material": get(material, "shading_model_name"),
        "diffuse": [get(material, f"fbx.diffuse_color.value_vec4.{axis}") for axis in "xyz"],
        "texture": get(texture, "name") if texture is not None else "",
    }


def corners(attribute: Any) -> list:
    """Values at the first corners."""
    if not get(attribute, "exists"):
        return []
    return np.array(get(attribute, "values"))[np.array(get(attribute, "indices"))[:900]].tolist()


if __name__ == "__main__":
    gc.disable()
    print(json.dumps([told(path) for path in sys.argv[1:]]), flush=True)
    os._exit(0)
