"""PLY: point clouds and meshes with normals, colours and confidence. y up, no unit; Oberih writes metres.

Written in binary (little endian) or as text. The parts of a model become one mesh; where a part has a texture
and no colours, its vertices take theirs from it, since PLY keeps no picture.

Specification: G. Turk, The PLY Polygon File Format, 1994.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oberih.errors import InputError
from oberih.formats._numbers import Piece, decimals_for, put_rows
from oberih.formats.model import Model
from oberih.formats.ply._model import read
from oberih.formats.writing import whole_file
from oberih.geometry import Mesh, PointCloud
from oberih.progress import Progress

__all__ = ["read", "write", "write_ascii", "write_ply"]

KINDS = {"float": "<f4", "uchar": "u1"}
DECIMALS = 6  # of normals and confidence in a text

Column = tuple[str, str, NDArray[np.generic]]


def write_ply(path: Path, shape: Mesh | PointCloud) -> None:
    """Write ``shape`` in binary; the file appears whole or not at all."""
    columns = columns_of(shape)
    vertices = np.empty(len(columns[0][2]), [(name, KINDS[kind]) for name, kind, _ in columns])
    for name, _, values in columns:
        vertices[name] = values
    faces = None
    if isinstance(shape, Mesh):
        faces = np.empty(len(shape.faces), [("count", "u1"), ("corners", "<i4", 3)])
        faces["count"], faces["corners"] = 3, shape.faces
    with whole_file(path) as part, part.open("wb") as file:
        file.write(header("binary_little_endian", shape, columns))
        file.write(vertices.data)
        if faces is not None:
            file.write(faces.data)


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the surface in binary, or the points of a model that has none."""
    progress.check()
    write_ply(path, shape_of(model))


def write_ascii(path: Path, model: Model, progress: Progress) -> None:
    """The same as `write`, as text."""
    shape = shape_of(model)
    columns = columns_of(shape)
    decimals = {name: DECIMALS if kind == "float" else 0 for name, kind, _ in columns}
    decimals |= dict.fromkeys(
        "xyz", decimals_for(shape.vertices if isinstance(shape, Mesh) else shape.points)
    )
    for _, kind, values in columns:
        if kind == "float":
            decimals_for(values)  # type: ignore[arg-type] # refuses what is no number

    def vertex_rows(some: slice) -> list[Piece]:
        row: list[Piece] = []
        for name, _, values in columns:
            row += [(values[some], decimals[name]), b" "]
        return [*row[:-1], b"\n"]

    with whole_file(path) as part, part.open("wb") as file:
        file.write(header("ascii", shape, columns))
        put_rows(file, len(columns[0][2]), vertex_rows, progress)
        if isinstance(shape, Mesh):
            faces = shape.faces
            put_rows(
                file,
                len(faces),
                lambda some: [
                    b"3 ", (faces[some, 0], 0), b" ", (faces[some, 1], 0), b" ", (faces[some, 2], 0), b"\n",
                ],
                progress,
            )  # fmt: skip


def header(kind: str, shape: Mesh | PointCloud, columns: list[Column]) -> bytes:
    lines = ["ply", f"format {kind} 1.0", f"element vertex {len(columns[0][2])}"]
    lines += [f"property {kind} {name}" for name, kind, _ in columns]
    if isinstance(shape, Mesh):
        lines += [f"element face {len(shape.faces)}", "property list uchar int vertex_indices"]
    return ("\n".join([*lines, "end_header"]) + "\n").encode()


def columns_of(shape: Mesh | PointCloud) -> list[Column]:
    """Name, type and values of the properties of vertices."""
    points = shape.vertices if isinstance(shape, Mesh) else shape.points
    columns: list[Column] = [(name, "float", points[:, i]) for i, name in enumerate("xyz")]
    if shape.normals is not None:
        columns += [(f"n{a}", "float", shape.normals[:, i]) for i, a in enumerate("xyz")]
    if shape.colours is not None:
        names = ("red", "green", "blue")
        columns += [(name, "uchar", shape.colours[:, i]) for i, name in enumerate(names)]
    if shape.confidence is not None:
        columns += [("confidence", "float", shape.confidence)]
    if isinstance(shape, PointCloud) and shape.intensity is not None:
        columns += [("intensity", "float", shape.intensity)]
    return columns


def shape_of(model: Model) -> Mesh | PointCloud:
    """The parts as one mesh; the points, if there are no parts. Raises `InputError` if there is neither."""
    if not model.triangles:
        if model.points is None or not len(model.points):
            raise InputError("The model has neither a surface nor points.", "Give another model.")
        return model.points
    parts = model.parts
    before = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    normals = colours = confidence = None
    if any(part.normals is not None for part in parts):
        normals = np.concatenate([
            part.normals if part.normals is not None else part.vertex_normals() for part in parts
        ])  # fmt: skip
    shown = [colours_at_vertices(part) for part in parts]
    if any(one is not None for one in shown):
        colours = np.concatenate([
            one if one is not None else np.full((len(part.vertices), 3), 255, np.uint8)
            for one, part in zip(shown, parts, strict=True)
        ])  # fmt: skip
    if all(part.confidence is not None for part in parts):
        confidence = np.concatenate([part.confidence for part in parts if part.confidence is not None])
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([
            (part.faces + first).astype(np.int32) for part, first in zip(parts, before, strict=True)
        ]),
        normals,
        colours,
        confidence,
    )  # fmt: skip


def colours_at_vertices(part: Mesh) -> NDArray[np.uint8] | None:
    """Those of the vertices; else those of the texture there, at one of a vertex's corners."""
    if part.colours is not None or part.texture is None or part.uv is None:
        return part.colours
    uv = np.zeros((len(part.vertices), 2), np.float32)
    for corner in range(3):
        uv[part.faces[:, corner]] = part.uv[:, corner]
    height, width = part.texture.shape[:2]
    inside = np.where((uv < 0) | (uv > 1), uv % 1, uv)  # beyond 0..1 it repeats
    column = np.minimum((inside[:, 0] * width).astype(np.int64), width - 1)
    row = np.minimum((inside[:, 1] * height).astype(np.int64), height - 1)
    return part.texture[row, column]
