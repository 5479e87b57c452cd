"""OFF, the Object File Format of Geomview: vertices and faces as text. y up, no unit; Oberih writes metres.

Of the family (``[ST][C][N][4][n]OFF``) those in three dimensions are read, with normals and colours of their
vertices.

Specification: Geomview manual, "OFF: Object File Format".
"""

import re
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from oberih.errors import InputError, UnreadableModel
from oberih.formats._lines import Lines, blocks
from oberih.formats._numbers import Piece, decimals_for, put_rows
from oberih.formats._surface import as_triangles, broken, compacted, sound_faces, sound_points
from oberih.formats.model import Model, near_zero
from oberih.formats.writing import whole_file
from oberih.geometry import Mesh, PointCloud
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["read", "write"]

KEYWORD = re.compile(rb"(ST)?(C)?(N)?(4)?(n)?OFF")


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write all parts as one surface; raises `InputError` if there are none."""
    if not model.triangles:
        raise InputError(
            "The model has no surface: OFF is for surfaces.", "Export its points as PLY, LAS or E57."
        )
    count = sum(len(part.vertices) for part in model.parts)
    with whole_file(path) as part, part.open("wb") as file:
        file.write(f"OFF\n{count} {model.triangles} 0\n".encode())
        for mesh in model.parts:
            put_vertices(file, mesh, progress)
        before = 0
        for mesh in model.parts:
            put_faces(file, mesh, before, progress)
            before += len(mesh.vertices)


def put_vertices(file: BinaryIO, mesh: Mesh, progress: Progress) -> None:
    values, decimals = mesh.vertices, decimals_for(mesh.vertices)

    def row(some: slice) -> list[Piece]:
        x, y, z = values[some].T
        return [(x, decimals), b" ", (y, decimals), b" ", (z, decimals), b"\n"]

    put_rows(file, len(values), row, progress)


def put_faces(file: BinaryIO, mesh: Mesh, before: int, progress: Progress) -> None:
    def row(some: slice) -> list[Piece]:
        a, b, c = mesh.faces[some].T.astype(np.int64) + before
        return [b"3 ", (a, 0), b" ", (b, 0), b" ", (c, 0), b"\n"]

    put_rows(file, len(mesh.faces), row, progress)


def read(path: Path) -> Model:
    """What an OFF file holds. Raises `UnreadableModel`."""
    text = b"".join(blocks(path))
    if b"#" in text:
        text = re.sub(rb"#[^\n]*", b"", text)
    text = re.sub(rb"\A\s+", b"", text)
    found = KEYWORD.match(text)
    textured, coloured, turned, four, any_dimension = found.groups() if found else (None,) * 5
    rest = text[found.end() :] if found else text
    if re.match(rb"\s*BINARY", rest):
        raise UnreadableModel(
            say("{path} is a binary OFF file; only text is read.", path=path.name),
            "Save it as text, or as PLY, with the program that made it.",
        )
    if four or any_dimension:
        raise UnreadableModel(
            say("{path} is not in three dimensions.", path=path.name), "Give a file of a model in space."
        )
    counts = re.match(rb"\s*(\d{1,18})[ \t]+(\d{1,18})([ \t]+\d+)?[^\n]*\n", rest)
    if counts is None:
        raise broken(path, say("it does not begin as an OFF file does"))
    vertex_count, face_count = int(counts[1]), int(counts[2])
    rest = re.sub(rb"\n\s*\n", b"\n", rest[counts.end() :]).lstrip(b"\n \t")
    count = vertex_count + face_count
    if count > rest.count(b"\n") or not vertex_count:
        raise broken(path, say("it does not have the {count} vertices and faces it names", count=count))
    lines = Lines(rest)
    width = int(lines.words[:vertex_count].max())
    table = lines.floats(np.arange(vertex_count), 0, min(width, 12))
    *corners, lost = polygons(lines, np.arange(vertex_count, vertex_count + face_count))
    notes: list[str] = []
    if lost:
        if not (corners[0] >= 3).any():
            raise broken(path, say("its faces have fewer corners than they say"))
        notes.append(
            say(
                "{count} face was left out: it has fewer corners than it says.",
                "{count} faces were left out: they have fewer corners than they say.",
                count=lost,
            )
        )
    return model_of(
        path, table, (corners[0], corners[1]), (bool(turned), bool(coloured), bool(textured)), notes
    )


def polygons(lines: Lines, which: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Counts ``(N,)`` and corners ``(sum,)`` of the faces, and how many have fewer corners than they name
    (counted as 0); what follows on their lines is left.
    """
    lost = 0
    if not len(which):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), lost
    words = lines.words[which]
    counts = np.zeros(len(which), np.int64)
    rows: list[tuple[NDArray[np.intp], NDArray[np.int64]]] = []
    alike, rest = lines.by_length(words)
    for places in alike:
        read = lines.floats(which[places], 0, int(words[places[0]]))
        values = np.where(np.abs(read) < 2**53, read, -1).astype(np.int64)
        for n in np.unique(values[:, 0]):
            mine = places[values[:, 0] == n]
            if 0 < n < values.shape[1]:
                counts[mine] = n
                rows.append((mine, values[values[:, 0] == n, 1 : n + 1]))
            elif n:
                lost += len(mine)
    for place in rest:
        row = np.nan_to_num(lines.floats(which[[place]], 0, int(words[place]))[0], nan=-1)
        n = int(row[0]) if 0 <= row[0] < len(row) else 0
        lost += n != row[0]
        counts[place] = n
        rows.append((np.array([place]), np.clip(row[None, 1 : n + 1], -1, 2**53).astype(np.int64)))
    begins = np.cumsum(counts) - counts
    corners = np.empty(int(counts.sum()), np.int64)
    for places, part in rows:
        corners[begins[places][:, None] + np.arange(part.shape[1])] = part
    return counts, corners, lost


def model_of(
    path: Path,
    table: NDArray[np.float64],
    faces: tuple[NDArray[np.int64], NDArray[np.int64]],
    has: tuple[bool, bool, bool],
    notes: list[str],
) -> Model:
    """``table``: what stands on the lines of vertices. ``has``: normals, colours, texture coordinates."""
    turned, coloured, textured = has
    behind = 3 + 3 * turned
    normals: NDArray[Any] | None = table[:, 3:6] if turned and table.shape[1] >= 6 else None
    # MeshLab and others write colours under the plain keyword as well.
    colours: NDArray[Any] | None = None
    if table.shape[1] - 2 * textured - behind >= 3:
        colours = table[:, behind : behind + 3]
        colours = colours * (255 if np.nanmax(colours, initial=0) <= 1 else 1)
        colours = np.rint(np.clip(np.nan_to_num(colours, nan=255), 0, 255)).astype(np.uint8)
    if textured:
        notes.append(say("Not taken from the file: {what}.", what=say("texture coordinates")))
    if coloured and colours is None:
        notes.append(say("Not taken from the file: {what}.", what=say("colours")))
    if normals is not None:
        length = np.linalg.norm(np.nan_to_num(normals), axis=1, keepdims=True)
        normals = (np.nan_to_num(normals) / np.where(length > 0, length, 1)).astype(np.float32)
    vertices = table[:, :3]
    counts, corners = faces
    good = sound_faces(path, vertices, counts, corners, notes)
    if not good.any():
        there = sound_points(path, vertices, notes)
        (points,), origin = near_zero([vertices[there]])
        cloud = PointCloud(
            points,
            None if normals is None else normals[there],
            None if colours is None else colours[there],
        )
        return Model((), cloud, scale_known=False, origin=origin, notes=tuple(notes))
    corners, counts = corners[np.repeat(good, counts)], counts[good]
    places, _ = as_triangles(counts, corners, vertices)
    used, triangles = compacted(len(vertices), corners[places])
    (points,), origin = near_zero([vertices[used]])
    part = Mesh(
        points,
        triangles,
        None if normals is None else normals[used],
        None if colours is None else colours[used],
    )
    return Model((part,), scale_known=False, origin=origin, notes=tuple(notes))
