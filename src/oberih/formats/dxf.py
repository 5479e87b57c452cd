"""DXF (AutoCAD R2000, text): the surface for CAD, as polyface meshes in metres, z up.

Polyface meshes are what AutoCAD, BricsCAD, FreeCAD and Blender all read (MESH entities are not), with the
mesh as one object of shared vertices where 3DFACEs would be a million objects. Their indices have 16 bits,
so that a surface is cut into blocks of neighbouring triangles. Each part has a layer of its own. Colours and
texture are left out: DXF has no place for them. Equal input gives equal bytes: no dates, no names, handles
count up.

Reference: AutoCAD 2000 DXF Reference, Autodesk 1999
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from oberih.errors import InputError
from oberih.formats._numbers import decimals_for, put_rows
from oberih.formats.model import Model, z_up
from oberih.formats.writing import whole_file
from oberih.geometry import Mesh
from oberih.progress import Progress

__all__ = ["write"]

LARGEST = 32_767  # vertices and faces of one polyface mesh
FIRST_HANDLE = 100_000  # a handle is hexadecimal; ours happen to have decimal digits only
HANDLES = 6  # of a face, at most: itself, three vertices, and the ends of its polyface mesh
METRES = 6
MODEL_SPACE, PAPER_SPACE = "1F", "1E"
COLOURS = (7, 1, 3, 5, 2, 4, 6)  # of the layers, from AutoCAD's palette

Tags = list[tuple[int, object]]


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the surface of ``model``. Raises `InputError` if there is none, `OutputError`."""
    parts = [part for part in model.parts if len(part.faces)]
    if not parts:
        raise InputError(
            "The model has no surface: DXF is written for surfaces only.",
            "Export its points as PLY, LAZ or E57.",
        )
    layers = [f"part-{number}" for number in range(1, len(parts) + 1)] if len(parts) > 1 else ["model"]
    corners = np.concatenate([[part.vertices.min(0), part.vertices.max(0)] for part in parts])
    decimals = max(decimals_for(corners), 1)
    low, high = z_up(corners).min(0), z_up(corners).max(0)
    handles = sum(HANDLES * len(part.faces) for part in parts)
    with whole_file(path) as target, target.open("wb") as file:
        file.write(text(header(low, high, FIRST_HANDLE + handles) + tables(layers, low, high) + blocks()))
        file.write(text([(0, "SECTION"), (2, "ENTITIES")]))
        handle = FIRST_HANDLE
        for part, layer in zip(parts, layers, strict=True):
            for faces in pieces(part.faces):
                handle = put_polyface(file, part, faces, layer, handle, decimals, progress)
        file.write(text([(0, "ENDSEC"), *objects(), (0, "EOF")]))


def pieces(faces: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """Runs of faces, each with as few vertices and faces as a polyface mesh may have."""
    first = 0
    while first < len(faces):
        some = faces[first : first + LARGEST]
        while len(np.unique(some)) > LARGEST:
            some = some[: len(some) * 3 // 4]
        yield some
        first += len(some)


def put_polyface(
    file: BinaryIO, part: Mesh, faces: NDArray[np.int32], layer: str, handle: int, decimals: int,
    progress: Progress,
) -> int:  # fmt: skip
    """Write one entity; returns the next free handle."""
    used, corners = np.unique(faces, return_inverse=True)
    corners = corners.reshape(-1, 3) + 1
    places = z_up(part.vertices[used])
    file.write(text([
        (0, "POLYLINE"), (5, handle), (330, MODEL_SPACE), (100, "AcDbEntity"), (8, layer),
        (100, "AcDbPolyFaceMesh"), (66, 1), (10, 0.0), (20, 0.0), (30, 0.0), (70, 64),
        (71, len(used)), (72, len(faces)),
    ]))  # fmt: skip
    entity = f"\n330\n{handle}\n100\nAcDbEntity\n  8\n{layer}\n100\n".encode()
    numbered = np.arange(handle + 1, handle + 1 + len(used))
    put_rows(file, len(used), lambda some: [
        b"  0\nVERTEX\n  5\n", (numbered[some], 0),
        entity + b"AcDbVertex\n100\nAcDbPolyFaceMeshVertex\n 10\n", (places[some, 0], decimals),
        b"\n 20\n", (places[some, 1], decimals), b"\n 30\n", (places[some, 2], decimals), b"\n 70\n192\n",
    ], progress)  # fmt: skip
    faced = np.arange(len(faces)) + handle + 1 + len(used)
    put_rows(file, len(faces), lambda some: [
        b"  0\nVERTEX\n  5\n", (faced[some], 0),
        entity + b"AcDbFaceRecord\n 10\n0.0\n 20\n0.0\n 30\n0.0\n 70\n128\n 71\n", (corners[some, 0], 0),
        b"\n 72\n", (corners[some, 1], 0), b"\n 73\n", (corners[some, 2], 0), b"\n",
    ], progress)  # fmt: skip
    end = handle + 1 + len(used) + len(faces)
    file.write(text([(0, "SEQEND"), (5, end), (330, handle), (100, "AcDbEntity"), (8, layer)]))
    return end + 1


# -- what a file of this version must have around its entities ----------------------------------------------


def text(tags: Tags) -> bytes:
    return "".join(f"{code:3d}\n{value}\n" for code, value in tags).encode("ascii")


def section(name: str, *tags: Tags) -> Tags:
    return [(0, "SECTION"), (2, name), *chain(*tags), (0, "ENDSEC")]


def point(values: NDArray[np.floating]) -> Tags:
    return [(10, float(values[0])), (20, float(values[1])), (30, float(values[2]))]


def header(low: NDArray[np.floating], high: NDArray[np.floating], next_handle: int) -> Tags:
    return section(
        "HEADER",
        [(9, "$ACADVER"), (1, "AC1015"), (9, "$DWGCODEPAGE"), (3, "ANSI_1252")],
        [(9, "$INSBASE"), *point(np.zeros(3)), (9, "$EXTMIN"), *point(low), (9, "$EXTMAX"), *point(high)],
        [(9, "$HANDSEED"), (5, next_handle), (9, "$MEASUREMENT"), (70, 1), (9, "$INSUNITS"), (70, METRES)],
        [(9, "$LUNITS"), (70, 2), (9, "$LUPREC"), (70, 4)],
    )


def table(kind: str, handle: str, *records: Tags) -> Tags:
    head = [(0, "TABLE"), (2, kind), (5, handle), (330, "0"), (100, "AcDbSymbolTable"), (70, len(records))]
    if kind == "DIMSTYLE":
        head.append((100, "AcDbDimStyleTable"))
    return [*head, *chain(*records), (0, "ENDTAB")]


def record(kind: str, handle: str, owner: str, name: str, subclass: str, *more: tuple[int, object]) -> Tags:
    code = 105 if kind == "DIMSTYLE" else 5
    named = [(2, name)]
    if kind != "BLOCK_RECORD":
        named.append((70, "0"))
    return [
        (0, kind), (code, handle), (330, owner),
        (100, "AcDbSymbolTableRecord"), (100, subclass), *named, *more,
    ]  # fmt: skip


def tables(layers: list[str], low: NDArray[np.floating], high: NDArray[np.floating]) -> Tags:
    middle, height = (low + high) / 2, max(float((high - low)[:2].max()), 1e-6) * 1.1
    view: Tags = [
        (10, 0.0), (20, 0.0), (11, 1.0), (21, 1.0), (12, float(middle[0])), (22, float(middle[1])),
        (13, 0.0), (23, 0.0), (14, 1.0), (24, 1.0), (15, 1.0), (25, 1.0), (16, 0.0), (26, 0.0), (36, 1.0),
        (17, 0.0), (27, 0.0), (37, float(middle[2])), (40, height), (41, 1.0), (42, 50.0), (43, 0.0),
        (44, 0.0), (50, 0.0), (51, 0.0), (71, 0), (72, 1000), (73, 1), (74, 3), (75, 0), (76, 0), (77, 0),
        (78, 0),
    ]  # fmt: skip
    line: Tags = [(3, ""), (72, 65), (73, 0), (40, 0.0)]
    style: Tags = [(40, 0.0), (41, 1.0), (50, 0.0), (71, 0), (42, 1.0), (3, "txt"), (4, "")]
    named = [
        record("LAYER", f"{0x100 + number:X}", "2", layer, "AcDbLayerTableRecord",
               (62, COLOURS[number % len(COLOURS)]), (6, "Continuous"), (390, "F"))
        for number, layer in enumerate(layers)
    ]  # fmt: skip
    zero = record("LAYER", "10", "2", "0", "AcDbLayerTableRecord", (62, 7), (6, "Continuous"), (390, "F"))
    lines = [
        record("LTYPE", handle, "5", name, "AcDbLinetypeTableRecord", *line)
        for handle, name in (("14", "ByBlock"), ("15", "ByLayer"), ("16", "Continuous"))
    ]
    spaces = [
        record("BLOCK_RECORD", handle, "1", name, "AcDbBlockTableRecord", (340, "0"))
        for handle, name in ((MODEL_SPACE, "*Model_Space"), (PAPER_SPACE, "*Paper_Space"))
    ]
    return section(
        "TABLES",
        table("VPORT", "8", record("VPORT", "30", "8", "*Active", "AcDbViewportTableRecord", *view)),
        table("LTYPE", "5", *lines),
        table("LAYER", "2", zero, *named),
        table("STYLE", "3", record("STYLE", "11", "3", "Standard", "AcDbTextStyleTableRecord", *style)),
        table("VIEW", "6"),
        table("UCS", "7"),
        table("APPID", "9", record("APPID", "12", "9", "ACAD", "AcDbRegAppTableRecord")),
        table("DIMSTYLE", "A", record("DIMSTYLE", "27", "A", "Standard", "AcDbDimStyleTableRecord")),
        table("BLOCK_RECORD", "1", *spaces),
    )


def blocks() -> Tags:
    tags: Tags = []
    for owner, begin, end, name, paper in (
        (MODEL_SPACE, "20", "21", "*Model_Space", []),
        (PAPER_SPACE, "1B", "1C", "*Paper_Space", [(67, 1)]),
    ):
        entity: Tags = [(330, owner), (100, "AcDbEntity"), *paper, (8, "0")]
        tags += [(0, "BLOCK"), (5, begin), *entity, (100, "AcDbBlockBegin"), (2, name), (70, 0)]
        tags += [*point(np.zeros(3)), (3, name), (1, ""), (0, "ENDBLK"), (5, end), *entity]
        tags += [(100, "AcDbBlockEnd")]
    return section("BLOCKS", tags)


def objects() -> Tags:
    root: Tags = [
        (0, "DICTIONARY"), (5, "C"), (330, "0"), (100, "AcDbDictionary"), (281, 1),
        (3, "ACAD_GROUP"), (350, "D"), (3, "ACAD_PLOTSTYLENAME"), (350, "E"),
        (0, "DICTIONARY"), (5, "D"), (330, "C"), (100, "AcDbDictionary"), (281, 1),
        (0, "ACDBDICTIONARYWDFLT"), (5, "E"), (330, "C"), (100, "AcDbDictionary"), (281, 1),
        (3, "Normal"), (350, "F"), (100, "AcDbDictionaryWithDefault"), (340, "F"),
        (0, "ACDBPLACEHOLDER"), (5, "F"), (330, "E"),
    ]  # fmt: skip
    return section("OBJECTS", root)
