"""STL: triangles and nothing else, as 3D printers take them. z up; no unit: Oberih writes metres.

Written in binary. The text form and the binary one are both read, as they are met: a binary file whose header
begins with "solid", one whose count of facets is wrong, a text with several solids. Vertices that are exactly
equal become one, since a STL has no others.

Specification: 3D Systems, Stereolithography Interface Specification, 1989.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oberih import __version__
from oberih.errors import InputError, UnreadableModel
from oberih.formats._lines import Lines, blocks
from oberih.formats._numbers import decimals_for
from oberih.formats._surface import broken, compacted, merged, sound_faces
from oberih.formats.model import Model, near_zero, y_up, z_up
from oberih.formats.writing import whole_file
from oberih.geometry import Mesh
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["read", "write"]

HEADER = 80
CHUNK = 1 << 16  # facets written at a time
FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("colour", "<u2")])
UNTOLD = (0, 0xFFFFFFFF)  # what writers leave that do not come back to fill in the count
MAX_SOLIDS = 1000


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write all parts as one solid, in binary; raises `InputError` if there are none."""
    if not model.triangles:
        raise InputError(
            "The model has no surface: STL is for surfaces.", "Export its points as PLY, LAS or E57."
        )
    if model.triangles >= UNTOLD[1]:
        raise InputError("STL cannot hold so many triangles.", "Export fewer triangles: --triangles N")
    with whole_file(path) as part, part.open("wb") as file:
        file.write(f"Oberih {__version__}; z up, metres".encode().ljust(HEADER))
        file.write(np.array(model.triangles, "<u4").tobytes())
        for mesh in model.parts:
            decimals_for(mesh.vertices)  # refuses what is no number
            vertices = z_up(mesh.vertices)
            for first in range(0, len(mesh.faces), CHUNK):
                corners = vertices[mesh.faces[first : first + CHUNK]]
                facets = np.zeros(len(corners), FACET)
                facets["corners"] = corners
                wide = corners.astype(np.float64)
                normal = np.cross(wide[:, 1] - wide[:, 0], wide[:, 2] - wide[:, 0])
                length = np.linalg.norm(normal, axis=1, keepdims=True)
                facets["normal"] = normal / np.where(length > 0, length, 1)
                file.write(facets.data)
                progress.check()


def read(path: Path) -> Model:
    """What a STL file holds: a part for each solid. Raises `UnreadableModel`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(1024)
    count = int.from_bytes(start[HEADER : HEADER + 4], "little")
    exact = size >= HEADER + 4 and size == HEADER + 4 + count * FACET.itemsize
    notes: list[str] = []
    if is_text(start) and not (exact and count):
        solids = in_text(path)
    else:
        solids = in_binary(path, size, count, notes)
    if not sum(len(solid) for solid in solids):
        raise broken(path, say("it has no triangles"))
    if len(solids) > MAX_SOLIDS:
        notes.append(say("Its {count} solids became one.", count=len(solids)))
        solids = [np.concatenate(solids)]
    return model_of(path, [solid for solid in solids if len(solid)], notes)


def is_text(start: bytes) -> bool:
    for mark in (b"\xff\xfe", b"\xfe\xff"):
        if start.startswith(mark):
            return True
    return re.match(rb"(\xef\xbb\xbf)?\s*solid\b", start, re.IGNORECASE) is not None and b"\0" not in start


def model_of(path: Path, solids: list[NDArray[np.float64]], notes: list[str]) -> Model:
    """``solids``: ``(N, 3)`` corners, z up, three for each triangle."""
    kept: list[NDArray[np.float64]] = []
    for solid in solids:
        corners = np.arange(len(solid))
        try:
            good = sound_faces(path, solid, np.full(len(solid) // 3, 3), corners, notes)
        except UnreadableModel:  # one solid of several may be lost
            if len(solids) == 1:
                raise
            continue
        kept.append(y_up(solid[np.repeat(good, 3)]).astype(np.float64))
    if not kept:
        raise broken(path, say("its coordinates are no numbers"))
    clouds, origin = near_zero(kept)
    parts = []
    for cloud in clouds:
        vertices, number = merged(cloud)
        used, faces = compacted(len(vertices), number.reshape(-1, 3))
        parts.append(Mesh(vertices[used], faces))
    return Model(tuple(parts), scale_known=False, origin=origin, notes=tuple(dict.fromkeys(notes)))


def in_binary(path: Path, size: int, count: int, notes: list[str]) -> list[NDArray[np.float64]]:
    room, rest = divmod(size - HEADER - 4, FACET.itemsize)
    if size < HEADER + 4:
        raise broken(path, say("it is too short for a STL file"))
    if count in UNTOLD and room and not rest:
        notes.append(say("Its count of triangles is wrong: all that it has were taken."))
        count = room
    if count > room:
        raise broken(
            path,
            say("it says that it has {count} triangles, and has room for {room}", count=count, room=room),
        )
    if count < room or rest:
        notes.append(say("What lies behind its {count} triangles was not taken.", count=count))
    facets = np.fromfile(path, FACET, count, offset=HEADER + 4)
    if facets["colour"].any():
        notes.append(say("Not taken from the file: {what}.", what=say("colours of triangles")))
    return [facets["corners"].reshape(-1, 3).astype(np.float64)]


def in_text(path: Path) -> list[NDArray[np.float64]]:
    """The corners of each solid."""
    found: list[list[NDArray[np.float64]]] = [[]]
    for block in blocks(path):
        lines = Lines(in_lines(block))
        # "vertex" and no other word of the format begins with v, "endsolid" and "solid" alone with ends, s.
        a, b, c = lines.head | 0x20  # small letters
        which = np.flatnonzero((a == ord("v")) & (b == ord("e")) & (c == ord("r")))
        borders = np.flatnonzero((a == ord("s")) & (b == ord("o")) & (c == ord("l")))
        values = lines.floats(which, len(b"vertex"), 3) if len(which) else np.zeros((0, 3))
        for piece_number, piece in enumerate(np.split(values, np.searchsorted(which, borders))):
            if piece_number and any(len(one) for one in found[-1]):
                found.append([])
            found[-1].append(piece)
    solids = [np.concatenate(pieces) for pieces in found if pieces]
    for solid in solids:
        if len(solid) % 3:
            raise broken(path, say("a triangle in it does not have three corners"))
    return solids


def in_lines(block: bytes) -> bytes:
    """Each corner on a line of its own, as nearly all writers do anyway."""
    if re.match(rb"[^\n]*\bvertex\b[^\n]*\b(vertex|endloop)\b", block[:4096], re.IGNORECASE):
        block = re.sub(rb"(?i)\s*\b(vertex|endloop|endsolid|solid)\b", rb"\n\1", block)
    return block
