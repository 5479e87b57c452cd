"""What the elements of a PLY file mean: vertices with their properties, faces, strips, textures."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oberih.formats._beside import beside, picture
from oberih.formats._surface import as_triangles, broken, compacted, sound_faces, sound_points
from oberih.formats.model import Model, near_zero
from oberih.formats.ply._reading import Header, Rows, header_of, rows_of
from oberih.geometry import Mesh, PointCloud
from oberih.i18n import say

__all__ = ["read"]

INDICES = ("vertex_indices", "vertex_index", "vertex_indexes")
COLOURS = (
    ("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue"), ("r", "g", "b"),
)  # fmt: skip
COORDINATES = (("s", "t"), ("texture_u", "texture_v"), ("u", "v"))
INTENSITIES = ("intensity", "scalar_intensity", "reflectance", "scalar_reflectance")
QUIET = {
    "x", "y", "z", "nx", "ny", "nz", "confidence", "alpha", "a", "diffuse_alpha", "texnumber", "flags",
    *INDICES, *INTENSITIES, *(name for group in (*COLOURS, *COORDINATES) for name in group),
}  # fmt: skip


def read(path: Path) -> Model:
    """What a PLY file holds: a mesh, or points if it has no faces. Raises `UnreadableModel`."""
    header = header_of(path)
    found = {rows.element.name.lower(): rows for rows in reversed(rows_of(path, header))}
    notes: list[str] = []
    vertex = found.get("vertex")
    if vertex is None or not {"x", "y", "z"} <= set(vertex.scalars) or not vertex.element.count:
        raise broken(path, say("it has no vertices"))
    for name, rows in found.items():
        known = {"vertex": QUIET, "face": {*QUIET, "texcoord"}, "tristrips": QUIET}.get(name)
        if known is None and rows.element.count:
            notes.append(say("Not taken from the file: {what}.", what=name[:50]))
        elif known is not None:
            others = sorted({*rows.scalars, *rows.lists} - known)
            if others:
                notes.append(say("Not taken from the file: {what}.", what=", ".join(others[:20])[:500]))
    vertices = columns(vertex, ("x", "y", "z"), np.float64)
    faces = found.get("face")
    counts, corners = polygons(faces)
    strips = strip_triangles(found.get("tristrips"))
    if not len(strips) and not (counts >= 3).any():
        return cloud(path, vertex, vertices, notes)
    if len(strips):
        if len(counts):
            notes.append(say("Not taken from the file: {what}.", what="face"))
        return mesh(path, header, vertex, None, np.full(len(strips), 3), strips.ravel(), notes)
    return mesh(path, header, vertex, faces, counts, corners, notes)


def columns(rows: Rows, names: tuple[str, ...], kind: type) -> NDArray[Any]:
    out: NDArray[Any] = np.empty((rows.element.count, len(names)), kind)
    for place, name in enumerate(names):
        out[:, place] = rows.scalars[name]
    return out


def polygons(faces: Rows | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    for name in INDICES if faces is not None else ():
        if faces is not None and name in faces.lists:
            counts, corners = faces.lists[name]
            return counts, whole(corners)
    return np.zeros(0, np.int64), np.zeros(0, np.int64)


def whole(values: NDArray[Any]) -> NDArray[np.int64]:
    """As indices; what is none becomes -1."""
    if values.dtype.kind != "f":
        return values.astype(np.int64)
    good = np.abs(values) < 2**53
    return np.where(good, values, -1).astype(np.int64)


def strip_triangles(strips: Rows | None) -> NDArray[np.int64]:
    """Triangles of strips that -1 begins anew; every second one is turned round. Those that only lead from
    one strip to the next are left out.
    """
    if strips is None:
        return np.zeros((0, 3), np.int64)
    counts, corners = polygons(strips)
    if len(corners) < 3:
        return np.zeros((0, 3), np.int64)
    number = np.arange(len(corners))
    begins = np.zeros(len(corners), bool)
    ends = np.cumsum(counts)
    begins[(ends - counts)[counts > 0]] = True
    begins[1:] |= corners[:-1] < 0
    since = number - np.maximum.accumulate(np.where(begins, number, 0))
    # A triangle must not reach over the beginning of a strip.
    whole_strip = since[2:] >= 2
    triples = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1)
    triples[since[2:] % 2 == 1] = triples[since[2:] % 2 == 1][:, [1, 0, 2]]
    a, b, c = triples.T
    return triples[whole_strip & (triples >= 0).all(axis=1) & (a != b) & (b != c) & (a != c)]


# -- what vertices have --------------------------------------------------------------------------------------


def normals_of(rows: Rows) -> NDArray[np.float32] | None:
    if not {"nx", "ny", "nz"} <= set(rows.scalars):
        return None
    vectors = columns(rows, ("nx", "ny", "nz"), np.float64).astype(np.float64)
    vectors = np.where(np.isfinite(vectors), vectors, 0)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (length > 0).any():
        return None
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)


def colours_of(rows: Rows) -> NDArray[np.uint8] | None:
    kinds = {one.name: one.kind for one in rows.element.properties}
    for names in COLOURS:
        if set(names) <= set(rows.scalars):
            if all(kinds[name] == "u1" for name in names):
                values = np.nan_to_num(columns(rows, names, np.float32), nan=0.0)
                return np.clip(values, 0, 255).astype(np.uint8)
            return as_bytes(columns(rows, names, np.float64).astype(np.float64), kinds[names[0]])
    return None


def as_bytes(values: NDArray[np.float64], kind: str) -> NDArray[np.uint8]:
    """Colours of another kind than a byte: 0..1 as fractions; else by how far their kind or they reach."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    largest = values.max(initial=0)
    if kind[0] == "f" and largest <= 1:
        values = values * 255
    elif largest > 255:
        values = values / 257
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def fraction_of(rows: Rows, names: tuple[str, ...]) -> NDArray[np.float32] | None:
    """A property as 0..1."""
    for name in names:
        if name in rows.scalars:
            values = np.nan_to_num(rows.scalars[name].astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
            largest = values.max(initial=0)
            scale = 1 if largest <= 1 else 255 if largest <= 255 else max(65535, largest)
            return np.clip(values / scale, 0, 1).astype(np.float32)
    return None


def chosen(values: NDArray[Any] | None, which: NDArray[Any]) -> NDArray[Any] | None:
    return None if values is None else values[which]


def cloud(path: Path, vertex: Rows, vertices: NDArray[Any], notes: list[str]) -> Model:
    there = sound_points(path, vertices, notes)
    (points,), origin = near_zero([vertices[there]])
    shape = PointCloud(
        points,
        chosen(normals_of(vertex), there),
        chosen(colours_of(vertex), there),
        chosen(fraction_of(vertex, ("confidence",)), there),
        chosen(fraction_of(vertex, INTENSITIES), there),
    )
    return Model((), shape, scale_known=False, origin=origin, notes=tuple(notes))


# -- surfaces ------------------------------------------------------------------------------------------------


def mesh(
    path: Path,
    header: Header,
    vertex: Rows,
    faces: Rows | None,
    counts: NDArray[np.int64],
    corners: NDArray[np.int64],
    notes: list[str],
) -> Model:
    """Parts, one for each texture that faces have."""
    vertices = columns(vertex, ("x", "y", "z"), np.float64)
    good = sound_faces(path, vertices, counts, corners, notes)
    uv = corner_uv(vertex, faces, counts, corners) if header.textures else None
    number = np.zeros(len(counts), np.int64)
    if faces is not None and "texnumber" in faces.scalars and len(header.textures) > 1:
        number = whole(faces.scalars["texnumber"])
        number = np.where((number >= 0) & (number < len(header.textures)), number, 0)
    if not good.all():
        keep = np.repeat(good, counts)
        corners, counts, number = corners[keep], counts[good], number[good]
        uv = None if uv is None else uv[keep]
    places, owner = as_triangles(counts, corners, vertices)
    number = number[owner]
    used, triangles = compacted(len(vertices), corners[places])
    if len(used) < len(vertices):
        notes.append(
            say(
                "{count} vertex that no face uses was left out.",
                "{count} vertices that no face uses were left out.",
                count=len(vertices) - len(used),
            )
        )
    (points,), origin = near_zero([vertices[used]])
    normals, colours = chosen(normals_of(vertex), used), chosen(colours_of(vertex), used)
    confidence = chosen(fraction_of(vertex, ("confidence",)), used)
    uv = None if uv is None else uv[places]
    parts = []
    for one in np.unique(number):
        texture = texture_of(path, header.textures[one], notes) if uv is not None else None
        mine = number == one
        some, own = np.arange(len(points)), triangles
        if not mine.all():
            some, own = compacted(len(points), triangles[mine])
        parts.append(
            Mesh(
                points[some],
                own,
                chosen(normals, some),
                chosen(colours, some),
                chosen(confidence, some),
                None if texture is None or uv is None else uv[mine],
                texture,
            )
        )
    return Model(tuple(parts), scale_known=False, origin=origin, notes=tuple(notes))


def corner_uv(
    vertex: Rows, faces: Rows | None, counts: NDArray[np.int64], corners: NDArray[np.int64]
) -> NDArray[np.float32] | None:
    """``(sum, 2)`` of each corner, v down; of the faces, or else of the vertices."""
    uv: NDArray[Any] | None = None
    if faces is not None and "texcoord" in faces.lists:
        lengths, values = faces.lists["texcoord"]
        if (lengths == 2 * counts).all():
            uv = values.reshape(-1, 2)
    for names in COORDINATES:
        if uv is None and set(names) <= set(vertex.scalars):
            place = np.clip(corners, 0, vertex.element.count - 1)
            uv = columns(vertex, names, np.float64)[place]
    if uv is None:
        return None
    plain = np.nan_to_num(uv.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return np.stack([plain[:, 0], 1 - plain[:, 1]], axis=1).astype(np.float32)


def texture_of(path: Path, name: str, notes: list[str]) -> NDArray[np.uint8] | None:
    found = beside(path, name)
    if found is None:
        notes.append(say("Its texture is not there: {name}.", name=name[:200]))
        return None
    try:
        return picture(found)
    except (OSError, ValueError, SyntaxError):
        notes.append(say("Its texture cannot be read: {name}.", name=name[:200]))
        return None
