"""X3D 4.0 in XML (.x3d): a textured mesh for web pages and museum systems, its texture beside it.

Profile "Interchange": an `IndexedTriangleSet` per part with normals, texture coordinates or colours at its
vertices, and the measured points as a `PointSet`. X3D is y up and counts in metres.

Specification: ISO/IEC 19775-1:2023 and 19776-1, https://www.web3d.org/documents/specifications/19775-1/V4.0/
"""

from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih import __version__
from oberih.errors import InputError
from oberih.formats._beside import safe_stem
from oberih.formats._numbers import Piece, decimals_for, put_rows
from oberih.formats.gltf._vertices import split_corners
from oberih.formats.model import Model
from oberih.formats.writing import whole_files
from oberih.geometry import Mesh, PointCloud
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["write"]

QUALITY = 92  # of the JPEG
HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<X3D profile="Interchange" version="4.0" xmlns:xsd="http://www.w3.org/2001/XMLSchema-instance" \
xsd:noNamespaceSchemaLocation="https://www.web3d.org/specifications/x3d-4.0.xsd">
<head><meta name="generator" content="Oberih {__version__}"/></head>
<Scene>
"""


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write parts and points, and textures beside them as ``STEM.jpg``, ``STEM-2.jpg``, ...

    Raises `InputError` if there is neither, `OutputError`.
    """
    parts = [part for part in model.parts if len(part.faces)]
    points = model.points if model.points is not None and len(model.points) else None
    if not parts and points is None:
        raise InputError(
            say("The model is empty: {name} would show nothing.", name="X3D"),
            "Give a model with a surface or points.",
        )
    with whole_files(path) as folder, (folder / path.name).open("wb") as file:
        file.write(HEAD.encode())
        for number, part in enumerate(parts):
            name = f"{safe_stem(path)}-{number + 1}.jpg" if number else f"{safe_stem(path)}.jpg"
            if part.texture is not None and part.uv is not None:
                Image.fromarray(part.texture).save(folder / name, "JPEG", quality=QUALITY)
                progress.check()
            write_part(file, part, name, progress)
        if points is not None:
            write_points(file, points, progress)
        file.write(b"</Scene>\n</X3D>\n")


def write_part(file: BinaryIO, part: Mesh, picture: str, progress: Progress) -> None:
    vertex, uv, faces = split_corners(part)
    normals = part.normals if part.normals is not None else part.vertex_normals()
    look = ""
    if uv is not None:
        # Readers take the first that they find. Assimp takes the first, cuts at blanks before it looks for
        # quotation marks, and refuses the file if their number does not come out.
        address = quoteattr(f'"{picture} " "{picture}" "{picture}"')
        look = f"<ImageTexture url={address}/>"
    file.write(
        f'<Shape><Appearance><Material diffuseColor="1 1 1"/>{look}</Appearance>\n'
        f'<IndexedTriangleSet solid="false" index="'.encode()
    )

    def triangles(some: slice) -> list[Piece]:
        a, b, c = faces[some].T
        return [(a, 0), b" ", (b, 0), b" ", (c, 0), b"\n"]

    put_rows(file, len(faces), triangles, progress)
    file.write(b'">')
    put_tuples(file, "Coordinate point", part.vertices, vertex, progress)
    put_tuples(file, "Normal vector", normals, vertex, progress)
    if uv is not None:
        upwards = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)
        put_tuples(file, "TextureCoordinate point", upwards, None, progress)
    elif part.colours is not None:
        put_tuples(file, "Color color", part.colours / np.float32(255), vertex, progress)
    file.write(b"</IndexedTriangleSet></Shape>\n")


def write_points(file: BinaryIO, points: PointCloud, progress: Progress) -> None:
    file.write(b"<Shape><PointSet>")
    put_tuples(file, "Coordinate point", points.points, None, progress)
    if points.colours is not None:
        put_tuples(file, "Color color", points.colours / np.float32(255), None, progress)
    file.write(b"</PointSet></Shape>\n")


def put_tuples(
    file: BinaryIO,
    what: str,
    values: NDArray[np.floating],
    chosen: NDArray[np.integer] | None,
    progress: Progress,
) -> None:
    """A node with one field: the rows of ``values``, or those that are ``chosen``."""
    decimals = decimals_for(values)
    if what.startswith("Color"):
        decimals = 4  # enough for 256 shades
    file.write(f'<{what}="'.encode())

    def tuples(some: slice) -> list[Piece]:
        block = values[some] if chosen is None else values[chosen[some]]
        row: list[Piece] = []
        for column in range(block.shape[1]):
            row += [(block[:, column], decimals), b" "]
        return [*row[:-1], b"\n"]

    put_rows(file, len(values) if chosen is None else len(chosen), tuples, progress)
    file.write(b'"/>')
