"""PLY (binary little endian): point clouds and meshes with normals, colours and confidence."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oberih.geometry import Mesh, PointCloud

__all__ = ["write_ply"]


def write_ply(path: Path, shape: Mesh | PointCloud) -> None:
    """Write ``shape``; the file appears whole or not at all."""
    points = shape.vertices if isinstance(shape, Mesh) else shape.points
    columns: list[tuple[str, str, NDArray[np.generic]]] = []
    columns += [(name, "float", points[:, i]) for i, name in enumerate("xyz")]
    if shape.normals is not None:
        columns += [(f"n{a}", "float", shape.normals[:, i]) for i, a in enumerate("xyz")]
    if shape.colours is not None:
        names = ("red", "green", "blue")
        columns += [(name, "uchar", shape.colours[:, i]) for i, name in enumerate(names)]
    if shape.confidence is not None:
        columns += [("confidence", "float", shape.confidence)]

    kinds = {"float": "<f4", "uchar": "u1"}
    vertices = np.empty(len(points), [(name, kinds[kind]) for name, kind, _ in columns])
    for name, _, values in columns:
        vertices[name] = values
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}"]
    header += [f"property {kind} {name}" for name, kind, _ in columns]
    faces = None
    if isinstance(shape, Mesh):
        faces = np.empty(len(shape.faces), [("count", "u1"), ("corners", "<i4", 3)])
        faces["count"], faces["corners"] = 3, shape.faces
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(("\n".join([*header, "end_header"]) + "\n").encode())
        file.write(vertices.tobytes())
        if faces is not None:
            file.write(faces.tobytes())
    part.replace(path)
