"""Reads Wavefront OBJ as strangers write it: polygons, negative indices, any mixture of ``v/vt/vn``,
continued lines, UTF-16, colours behind coordinates, several materials; what it cannot take it says.

A part is what has one material. The picture of a material is taken as it is, without its colour ``Kd``:
many programs leave a grey there that they do not mean.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oberih.formats._beside import beside, picture
from oberih.formats._lines import Lines, blocks
from oberih.formats._surface import as_triangles, broken, compacted, sound_faces, sound_points
from oberih.formats.model import Model, near_zero
from oberih.formats.obj._materials import Material, materials_of
from oberih.geometry import Mesh, PointCloud
from oberih.i18n import say

__all__ = ["read"]

MAX_MATERIALS = 4096
NONE = -1  # no texture coordinate, no normal
WRONG = -2  # a vertex that cannot be
SKIPPED = (b"#", b"g", b"s", b"o")
UNKNOWN = {
    b"l": "lines", b"p": "points", b"curv": "curves", b"curv2": "curves", b"surf": "surfaces of splines",
}  # fmt: skip


@dataclass
class Taken:
    """What was read so far, block after block."""

    vertices: list[NDArray[np.float64]] = field(default_factory=list)  # (N, 7): x y z and what is behind
    uv: list[NDArray[np.float64]] = field(default_factory=list)  # (N, 2)
    normals: list[NDArray[np.float64]] = field(default_factory=list)  # (N, 3)
    counts: list[NDArray[np.int64]] = field(default_factory=list)  # corners of each face
    corners: list[NDArray[np.int64]] = field(default_factory=list)  # (N, 3): vertex, uv, normal; from 0
    material: list[NDArray[np.int64]] = field(default_factory=list)  # of each face
    so_far: NDArray[np.int64] = field(default_factory=lambda: np.zeros(3, np.int64))
    names: dict[str, int] = field(default_factory=lambda: {"": 0})
    now: int = 0  # the material
    libraries: list[str] = field(default_factory=list)
    others: set[str] = field(default_factory=set)


def read(path: Path) -> Model:
    """What an OBJ file holds: parts by material, or points if it has no faces. Raises `UnreadableModel`."""
    taken = Taken()
    for block in blocks(path):
        take(path, Lines(block), taken)
    notes: list[str] = []
    for what in sorted(taken.others):
        notes.append(say("Not taken from the file: {what}.", what=what))
    vertices = joined(taken.vertices, 7)
    if not len(vertices):
        raise broken(path, say("it has no vertices"))
    counts = np.concatenate(taken.counts) if taken.counts else np.zeros(0, np.int64)
    corners = np.concatenate(taken.corners) if taken.corners else np.zeros((0, 3), np.int64)
    good = sound_faces(path, vertices[:, :3], counts, corners[:, 0], notes)
    if not good.any():
        return cloud(path, vertices, joined(taken.normals, 3), notes)
    if not good.all():
        corners, counts = corners[np.repeat(good, counts)], counts[good]
    material = np.concatenate(taken.material)[good]
    places, owner = as_triangles(counts, corners[:, 0], vertices[:, :3])
    return surface(path, taken, vertices, corners[places], material[owner], notes)


def joined(pieces: list[NDArray[np.float64]], width: int) -> NDArray[np.float64]:
    return np.concatenate(pieces) if pieces else np.zeros((0, width))


# -- lines ---------------------------------------------------------------------------------------------------


def take(path: Path, lines: Lines, taken: Taken) -> None:
    """Take what is in one block."""
    kinds = {word: lines.starting(word) for word in (b"v", b"vt", b"vn", b"f")}
    before = {
        word: taken.so_far[place] + np.cumsum(kinds[word]) for place, word in enumerate((b"v", b"vt", b"vn"))
    }
    for word, kept, width in ((b"v", taken.vertices, 7), (b"vt", taken.uv, 2), (b"vn", taken.normals, 3)):
        which = np.flatnonzero(kinds[word])
        if len(which):
            kept.append(lines.floats(which, len(word), width))
    other = lines.words > 0
    for kind in kinds.values():
        other &= ~kind
    for word in SKIPPED:
        other &= ~lines.starting(word) if word != b"#" else lines.head[0] != ord("#")
    events = [(-1, taken.now)]
    for line in np.flatnonzero(other).tolist():
        command(path, lines.line(line), line, taken, events)
    which = np.flatnonzero(kinds[b"f"])
    if len(which):
        counts, corners = faces(lines, which)
        at = np.repeat(which, counts)
        for column, word in enumerate((b"v", b"vt", b"vn")):
            index = corners[:, column]
            absent = WRONG if column == 0 else NONE
            counted = np.where(index > 0, index - 1, before[word][at] + index)
            corners[:, column] = np.where((index == 0) | (counted < 0), absent, counted)
        taken.counts.append(counts)
        taken.corners.append(corners)
        starts = np.array([line for line, _ in events])
        ids = np.array([number for _, number in events])
        taken.material.append(ids[np.searchsorted(starts, which) - 1])
    taken.now = events[-1][1]
    taken.so_far = np.array([counted[-1] for counted in before.values()])


def command(path: Path, line: bytes, number: int, taken: Taken, events: list[tuple[int, int]]) -> None:
    word, *rest = line.split(None, 1)
    name = rest[0].decode("utf-8", "replace").strip() if rest else ""
    if word == b"usemtl":
        if name not in taken.names and len(taken.names) > MAX_MATERIALS:
            raise broken(path, say("it has more than {count} materials", count=MAX_MATERIALS))
        events.append((number, taken.names.setdefault(name, len(taken.names))))
    elif word == b"mtllib":
        if name and name not in taken.libraries and len(taken.libraries) < 100:
            taken.libraries.append(name)
    elif word in UNKNOWN:
        taken.others.add(UNKNOWN[word])


def faces(lines: Lines, which: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count of corners of each face line, and ``(N, 3)`` indices as written, 0 where there is none."""
    text = lines.within(which, 1)
    lengths = (lines.ends - lines.starts + 1)[which]
    begins = np.cumsum(lengths) - lengths
    if (text == ord("#")).any():  # a remark behind the face
        return one_by_one(lines, which)
    slash = text == ord("/")
    double = slash.copy()
    double[1:] &= slash[:-1]
    double[0] = False
    slashes = np.add.reduceat(slash, begins, dtype=np.int64)
    doubles = np.add.reduceat(double, begins, dtype=np.int64)
    counts = lines.words[which].astype(np.int64) - 1
    # v, v/vt, v//vn or v/vt/vn, the same for all corners of a line; anything else is odd.
    form = np.full(len(which), -1)
    form[slashes == 0] = 0
    form[(slashes == counts) & (doubles == 0) & (counts > 0)] = 1
    form[(slashes == 2 * counts) & (doubles == 0) & (counts > 0)] = 3
    form[(slashes == 2 * counts) & (doubles == counts) & (counts > 0)] = 2
    text[slash] = ord(" ")
    offsets = np.cumsum(counts) - counts
    out = np.zeros((int(counts.sum()), 3), np.int64)
    columns = ([0], [0, 1], [0, 2], [0, 1, 2])
    odd = [np.flatnonzero(form < 0)]
    for kind in range(4):
        mine = np.flatnonzero(form == kind)
        if not len(mine):
            continue
        alike, rest = lines.by_length(counts[mine])
        odd.append(mine[rest])
        for places in (mine[group] for group in alike):
            count, per = int(counts[places[0]]), len(columns[kind])
            if not count:
                continue
            try:
                read = whole_numbers(text, begins, lengths, places).reshape(len(places), count, per)
            except ValueError:
                odd.append(places)
                continue
            rows = (offsets[places][:, None] + np.arange(count)).ravel()
            out[rows[:, None], columns[kind]] = read.reshape(-1, per)
    for place in np.concatenate(odd):
        corners = corners_of(lines.line(which[place]))[: counts[place]]
        out[offsets[place] : offsets[place] + len(corners)] = np.array(corners, np.int64).reshape(-1, 3)
    return counts, out


def whole_numbers(
    text: NDArray[np.uint8], begins: NDArray[np.int64], lengths: NDArray[np.int64], places: NDArray[np.intp]
) -> NDArray[np.int64]:
    if len(places) == len(begins):
        mine = text
    else:
        wanted = np.zeros(len(begins), bool)
        wanted[places] = True
        mine = text[np.repeat(wanted, lengths)]
    return np.fromstring(mine.tobytes(), np.int64, sep=" ")  # type: ignore[no-any-return, unused-ignore]


def one_by_one(lines: Lines, which: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found = [corners_of(lines.line(line).split(b"#")[0]) for line in which]
    counts = np.array([len(corners) for corners in found], np.int64)
    flat = [corner for corners in found for corner in corners]
    return counts, np.array(flat, np.int64).reshape(-1, 3)


def corners_of(line: bytes) -> list[tuple[int, int, int]]:
    """The corners of an odd line; what is no number is 0."""
    corners = []
    for word in line.split()[1:]:
        values = [0, 0, 0]
        for place, digits in enumerate(word.split(b"/")[:3]):
            try:
                values[place] = max(min(int(digits), 1 << 62), -(1 << 62))
            except ValueError:
                values[place] = 0
        corners.append((values[0], values[1], values[2]))
    return corners


# -- shapes --------------------------------------------------------------------------------------------------


def cloud(path: Path, vertices: NDArray[np.float64], normals: NDArray[np.float64], notes: list[str]) -> Model:
    there = sound_points(path, vertices[:, :3], notes)
    (points,), origin = near_zero([vertices[there, :3]])
    turned = unit(normals[there]) if len(normals) == len(vertices) else None
    shape = PointCloud(points, turned, colours_of(vertices[there]))
    return Model((), shape, scale_known=False, origin=origin, notes=tuple(notes))


def surface(
    path: Path,
    taken: Taken,
    vertices: NDArray[np.float64],
    corners: NDArray[np.int64],
    material: NDArray[np.int64],
    notes: list[str],
) -> Model:
    """Parts by material. ``corners``: ``(T, 3, 3)``, of each triangle's corners the vertex, uv, normal."""
    known: dict[str, Material] = {}
    for name in taken.libraries:
        known |= materials_of(path, name, notes)
    names = list(taken.names)
    # Those that the libraries do not have look alike.
    look = np.array([number if name in known else 0 for number, name in enumerate(names)])
    material = look[material]
    used, index = compacted(len(vertices), corners[:, :, 0])
    corners[:, :, 0] = index
    (points,), origin = near_zero([vertices[used, :3]])
    colours = colours_of(vertices[used])
    uv, normals = joined(taken.uv, 2), unit(joined(taken.normals, 3))
    for column, count in ((1, len(uv)), (2, len(normals))):
        corners[:, :, column][corners[:, :, column] >= count] = NONE
    pictures: dict[str, NDArray[np.uint8] | None] = {}
    parts = []
    order = np.argsort(material, kind="stable")
    ids, first = np.unique(material[order], return_index=True)
    for number, mine in zip(ids, np.split(order, first[1:]), strict=True):
        chosen = known.get(names[number], Material())
        texture = picture_of(path, chosen.image, pictures, notes) if len(uv) else None
        parts.append(
            part_of(
                points, colours, uv, normals, corners if len(ids) == 1 else corners[mine], chosen, texture
            )
        )
    return Model(tuple(parts), scale_known=False, origin=origin, notes=tuple(notes))


def part_of(
    points: NDArray[np.float32],
    colours: NDArray[np.uint8] | None,
    uv: NDArray[np.float64],
    normals: NDArray[np.float32],
    corners: NDArray[np.int64],
    material: Material,
    texture: NDArray[np.uint8] | None,
) -> Mesh:
    vertex, faces = compacted(len(points), corners[:, :, 0])
    turned = None
    normal = corners[:, :, 2]
    if len(normals) and (normal >= 0).all():
        one = np.zeros(len(vertex), np.int64)
        one[faces] = normal
        if not (one[faces] == normal).all():  # an edge: a vertex for each of its normals
            both, again = np.unique(corners[:, :, 0] * len(normals) + normal, return_inverse=True)
            vertex, one = np.divmod(both, len(normals))
            faces = again.reshape(-1, 3).astype(np.int32)
        turned = normals[one]
        if not turned.any(axis=1).all():
            turned = None
    shown = None if colours is None else colours[vertex]
    if shown is None and texture is None and material.colour is not None:
        flat = np.rint(np.array(material.colour) * 255).astype(np.uint8)
        shown = np.broadcast_to(flat, (len(vertex), 3)).copy() if (flat < 255).any() else None
    corner_uv = None
    if texture is not None:
        place = corners[:, :, 1]
        corner_uv = np.where((place >= 0)[:, :, None], uv[place], (0.0, 1.0))
        corner_uv = np.nan_to_num(corner_uv, nan=0.0, posinf=0.0, neginf=0.0)
        corner_uv = (corner_uv * (1, -1) + (0, 1)).astype(np.float32)
    return Mesh(points[vertex], faces, turned, shown, uv=corner_uv, texture=texture)


def picture_of(
    path: Path, name: str, pictures: dict[str, NDArray[np.uint8] | None], notes: list[str]
) -> NDArray[np.uint8] | None:
    if not name:
        return None
    if name not in pictures:
        pictures[name] = None
        found = beside(path, name)
        if found is None:
            notes.append(say("Its texture is not there: {name}.", name=name[:200]))
        else:
            try:
                pictures[name] = picture(found)
            except (OSError, ValueError, SyntaxError):
                notes.append(say("Its texture cannot be read: {name}.", name=name[:200]))
    return pictures[name]


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Of length one; zero where there is no direction."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    good = (length > 1e-30) & np.isfinite(length)
    return np.where(good, vectors / np.where(good, length, 1), 0).astype(np.float32)


def colours_of(vertices: NDArray[np.float64]) -> NDArray[np.uint8] | None:
    """``x y z r g b`` or ``x y z r g b a``; None if no vertex has one, white for those that have none."""
    values = vertices[:, 3:6]
    there = np.isfinite(values).all(axis=1)
    if not there.any():
        return None
    scale = 255.0 if values[there].max() <= 1 else 1.0
    out = np.full(values.shape, 255, np.uint8)
    out[there] = np.rint(np.clip(values[there] * scale, 0, 255)).astype(np.uint8)
    return out
