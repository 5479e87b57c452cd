"""Wavefront OBJ with its materials (MTL) and pictures: the format that every program knows.

Text, y up, no unit; Oberih writes metres. Each part is a group with a material of its own, its texture a JPEG
beside the file. Colours of vertices stand behind the coordinates (``v x y z r g b``), where a part has no
texture: an extension that most programs read.

Specification: Wavefront, Advanced Visualizer, appendix B1 (object files) and the MTL format, 1995.
"""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih import __version__
from oberih.errors import InputError
from oberih.formats._beside import safe_stem
from oberih.formats._numbers import Piece, decimals_for, put_rows
from oberih.formats.model import Model
from oberih.formats.obj._reading import read
from oberih.formats.writing import whole_files
from oberih.geometry import Mesh
from oberih.progress import Progress

__all__ = ["read", "write"]

JPEG_QUALITY = 92
NORMAL_DECIMALS = 5
UV_DECIMALS = 7
COLOUR_DECIMALS = 4


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the parts, ``STEM.mtl``, a JPEG for each texture; raises `InputError` if there are no parts."""
    if not model.triangles:
        raise InputError(
            "The model has no surface: OBJ is for surfaces.", "Export its points as PLY, LAS or E57."
        )
    stem = safe_stem(path)
    many = len(model.parts) > 1
    coloured = any(part.colours is not None and not is_textured(part) for part in model.parts)
    materials = [f"# Oberih {__version__}"]
    with whole_files(path) as folder:
        with (folder / path.name).open("wb") as file:
            file.write(f"# Oberih {__version__}\nmtllib {stem}.mtl\n".encode())
            before = np.zeros(3, np.int64)
            for number, part in enumerate(model.parts):
                name = f"model_{number + 1}" if many else "model"
                materials += ["", f"newmtl {name}", "Kd 1 1 1", "Ks 0 0 0", "d 1", "illum 1"]
                if is_textured(part):
                    image = f"{stem}_{number + 1}.jpg" if many else f"{stem}.jpg"
                    progress.check()
                    picture = Image.fromarray(part.texture)  # type: ignore[arg-type]
                    picture.save(folder / image, "JPEG", quality=JPEG_QUALITY)
                    materials.append(f"map_Kd {image}")
                file.write(f"g {name}\nusemtl {name}\n".encode())
                before += put_part(file, part, before, coloured, progress)
        (folder / f"{stem}.mtl").write_text("\n".join(materials) + "\n", encoding="utf-8")


def is_textured(part: Mesh) -> bool:
    return part.uv is not None and part.texture is not None


def put_part(
    file: BinaryIO, part: Mesh, before: NDArray[np.int64], coloured: bool, progress: Progress
) -> NDArray[np.int64]:
    """Write one part after ``before`` vertices, texture coordinates and normals; returns how many it has.

    ``coloured``: each vertex needs a colour, or Assimp takes it as black.
    """
    vertices, normals, textured = part.vertices, part.normals, is_textured(part)
    shown: NDArray[np.floating] | None = np.ones((len(vertices), 3), np.float32) if coloured else None
    if part.colours is not None and not textured:
        shown = part.colours.astype(np.float32) / 255
    decimals = decimals_for(vertices)

    def vertex_rows(some: slice) -> list[Piece]:
        row = spaced(b"v ", vertices[some], decimals)
        return row if shown is None else [*row, *spaced(b" ", shown[some], COLOUR_DECIMALS)]

    put_rows(file, len(vertices), lambda some: [*vertex_rows(some), b"\n"], progress)
    columns = [part.faces]
    slashes = [b""]
    counts = [len(vertices), 0, 0]
    if textured:
        uv, index = unique_uv(part.uv)  # type: ignore[arg-type]
        decimals_for(uv)  # refuses what is no number
        put_rows(file, len(uv), lambda some: [*spaced(b"vt ", uv[some], UV_DECIMALS), b"\n"], progress)
        columns.append(index)
        slashes.append(b"/")
        counts[1] = len(uv)
    if normals is not None:
        decimals_for(normals)
        put_rows(
            file,
            len(normals),
            lambda some: [*spaced(b"vn ", normals[some], NORMAL_DECIMALS), b"\n"],
            progress,
        )
        columns.append(part.faces)
        slashes.append(b"/" if textured else b"//")
        counts[2] = len(normals)
    firsts = [int(before[0]) + 1]
    firsts += [int(before[1]) + 1] if textured else []
    firsts += [int(before[2]) + 1] if normals is not None else []

    def face_rows(some: slice) -> list[Piece]:
        row: list[Piece] = [b"f"]
        for corner in range(3):
            row.append(b" ")
            for column, slash, first in zip(columns, slashes, firsts, strict=True):
                row += [slash] if slash else []
                row.append((column[some, corner].astype(np.int64) + first, 0))
        return [*row, b"\n"]

    put_rows(file, len(part.faces), face_rows, progress)
    return np.array(counts)


def spaced(before: bytes, values: NDArray[np.floating], decimals: int) -> list[Piece]:
    row: list[Piece] = []
    for column in range(values.shape[1]):
        row += [b" " if column else before, (values[:, column], decimals)]
    return row


def unique_uv(uv: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Texture coordinates without repetition ``(N, 2)``, v upwards, and for each corner its number."""
    words = np.ascontiguousarray(uv.reshape(-1, 2), np.float32).view(np.uint64).ravel()
    order = np.argsort(words, kind="stable")
    new = np.ones(len(order), bool)
    new[1:] = words[order[1:]] != words[order[:-1]]
    index = np.empty(len(order), np.int32)
    index[order] = np.cumsum(new, dtype=np.int32) - 1
    found = uv.reshape(-1, 2)[order[new]]
    return np.stack([found[:, 0], 1 - found[:, 1]], axis=1), index.reshape(-1, 3)
