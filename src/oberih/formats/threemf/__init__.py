"""3MF: a model for printers and slicers, with its unit, its colours and its textures in one ZIP file.

Written are the core specification and its Materials and Properties extension: unit metre, z up, one object
per part, together in one. A closed surface is of type "model", any other of type "surface", as the core
specification wants it. Times in the ZIP file are fixed, so that the same model gives the same bytes.

Specification: https://3mf.io/spec/
"""

import io
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih import __version__
from oberih.errors import InputError
from oberih.formats._numbers import Piece, decimals_for, put_rows
from oberih.formats._zipped import Packed
from oberih.formats.model import Model, z_up
from oberih.formats.threemf._build import built
from oberih.formats.writing import whole_file
from oberih.geometry import Mesh
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["read", "write"]

QUALITY = 92  # of the JPEG
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of the ZIP format

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
MATERIAL = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
KIND = "http://schemas.microsoft.com/3dmanufacturing/2013/01"

TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>\
<Default Extension="jpg" ContentType="image/jpeg"/></Types>
"""
ROOT = "3D/3dmodel.model"


def read(path: Path) -> Model:
    """What a .3mf builds. Raises `UnreadableModel`."""
    return built(Packed(path))


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the surface. Faces that use a vertex twice, which 3MF forbids and nobody sees, are left out.

    Raises `InputError` if there is no surface, `OutputError`.
    """
    kept = [(part, whole_faces(part)) for part in model.parts]
    parts = [(part, faces) for part, faces in kept if faces.any()]
    if not parts:
        raise InputError(
            say("The model has no surface: {name} cannot hold it.", name="3MF"),
            "Choose a format for points: oberih formats",
        )
    pictures = {
        number: part.texture
        for number, (part, _) in enumerate(parts)
        if part.texture is not None and part.uv is not None
    }
    with whole_file(path) as target, zipfile.ZipFile(target, "w") as package:
        put(package, "[Content_Types].xml", TYPES.encode())
        put(package, "_rels/.rels", relationships([f"/{ROOT}"], "3dmodel"))
        if pictures:
            names = [f"/{texture_path(number)}" for number in pictures]
            put(package, "3D/_rels/3dmodel.model.rels", relationships(names, "3dtexture"))
        for number, picture in pictures.items():
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "JPEG", quality=QUALITY)
            put(package, texture_path(number), file.getvalue(), packed=False)
            progress.check()
        with package.open(entry(ROOT), "w", force_zip64=True) as document:
            write_model(cast(BinaryIO, document), parts, progress)


def texture_path(number: int) -> str:
    return f"3D/Textures/texture{number}.jpg"


def entry(name: str, packed: bool = True) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, FIRST_DAY)
    made.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    made.create_system = 0  # whatever system this is
    made.external_attr = 0
    return made


def put(package: zipfile.ZipFile, name: str, data: bytes, packed: bool = True) -> None:
    package.writestr(entry(name, packed), data)


def relationships(targets: list[str], kind: str) -> bytes:
    rows = "".join(
        f'<Relationship Target="{target}" Id="rel{number}" Type="{KIND}/{kind}"/>'
        for number, target in enumerate(targets)
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<Relationships xmlns="{RELATIONSHIPS}">{rows}</Relationships>\n'.encode()


def whole_faces(part: Mesh) -> NDArray[np.bool_]:
    """``(F,)`` faces of three vertices."""
    a, b, c = part.faces.T
    return cast(NDArray[np.bool_], (a != b) & (b != c) & (c != a))


def closed(faces: NDArray[np.int32]) -> bool:
    """Whether each edge has exactly two faces, one in each direction."""
    ends = faces.astype(np.int64)
    size = int(ends.max()) + 1
    along = np.concatenate([ends[:, i] * size + ends[:, (i + 1) % 3] for i in range(3)])
    along.sort()
    if (along[1:] == along[:-1]).any():
        return False
    back = (along % size) * size + along // size
    back.sort()
    return np.array_equal(along, back)


def write_model(file: BinaryIO, parts: list[tuple[Mesh, NDArray[np.bool_]]], progress: Progress) -> None:
    file.write(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<model unit="meter" xml:lang="en-US" xmlns="{CORE}" '
        f'xmlns:m="{MATERIAL}">\n<metadata name="Application">Oberih {__version__}</metadata>\n'
        f"<resources>\n".encode()
    )
    objects, solid = [], []
    for number, (part, whole) in enumerate(parts):
        faces = part.faces if whole.all() else part.faces[whole]
        first = 3 * number + 1  # the ids of a part: texture, its coordinates or colours, object
        solid.append(closed(faces))
        write_object(file, number, first, part, whole, faces, solid[-1], progress)
        objects.append(first + 2)
    item = objects[0]
    if len(objects) > 1:
        item = 3 * len(parts) + 1
        inner = "".join(f'<component objectid="{one}"/>' for one in objects)
        kind = "model" if all(solid) else "surface"
        file.write(
            f'<object id="{item}" type="{kind}" name="model"><components>{inner}</components>'
            f"</object>\n".encode()
        )
    file.write(f'</resources>\n<build><item objectid="{item}"/></build>\n</model>\n'.encode())


def write_object(
    file: BinaryIO, number: int, first: int, part: Mesh, whole: NDArray[np.bool_],
    faces: NDArray[np.int32], solid: bool, progress: Progress,
) -> None:  # fmt: skip
    """One part: its properties, its vertices, its triangles."""
    properties = corner_properties(file, number, first, part, whole, faces, progress)
    default = f' pid="{first + 1}" pindex="0"' if properties is not None else ""
    kind = "model" if solid else "surface"
    file.write(f'<object id="{first + 2}" type="{kind}" name="model"{default}><mesh>\n<vertices>\n'.encode())
    decimals = decimals_for(part.vertices)

    def vertices(some: slice) -> list[Piece]:
        xyz = z_up(part.vertices[some])
        return [
            b'<vertex x="', (xyz[:, 0], decimals), b'" y="', (xyz[:, 1], decimals),
            b'" z="', (xyz[:, 2], decimals), b'"/>\n',
        ]  # fmt: skip

    put_rows(file, len(part.vertices), vertices, progress)
    file.write(b"</vertices>\n<triangles>\n")
    group = f'" pid="{first + 1}" p1="'.encode()

    def triangles(some: slice) -> list[Piece]:
        row: list[Piece] = []
        for name, column in zip((b'<triangle v1="', b'" v2="', b'" v3="'), range(3), strict=True):
            row += [name, (faces[some, column], 0)]
        if properties is not None:
            for name, column in zip((group, b'" p2="', b'" p3="'), range(3), strict=True):
                row += [name, (properties[some, column], 0)]
        return [*row, b'"/>\n']

    put_rows(file, len(faces), triangles, progress)
    file.write(b"</triangles>\n</mesh></object>\n")


def corner_properties(
    file: BinaryIO, number: int, first: int, part: Mesh, whole: NDArray[np.bool_],
    faces: NDArray[np.int32], progress: Progress,
) -> NDArray[np.integer] | None:  # fmt: skip
    """Write the texture coordinates or colours; ``(F, 3)`` which of them each corner has, None without."""
    if part.texture is not None and part.uv is not None:
        corners = part.uv if whole.all() else part.uv[whole]
        flat = np.ascontiguousarray(corners.reshape(-1, 2), np.float32)
        distinct, which = np.unique(flat.view(np.uint64).ravel(), return_inverse=True)
        uv = distinct.view(np.float32).reshape(-1, 2)
        decimals = decimals_for(uv)
        name = f"/{texture_path(number)}"
        file.write(
            f'<m:texture2d id="{first}" path="{name}" contenttype="image/jpeg"/>\n'
            f'<m:texture2dgroup id="{first + 1}" texid="{first}">\n'.encode()
        )

        def coordinates(some: slice) -> list[Piece]:
            u, v = uv[some, 0], 1 - uv[some, 1]  # v counts upwards
            return [b'<m:tex2coord u="', (u, decimals), b'" v="', (v, decimals), b'"/>\n']

        put_rows(file, len(uv), coordinates, progress)
        file.write(b"</m:texture2dgroup>\n")
        return which.reshape(-1, 3)
    if part.colours is None:
        return None
    packed = (part.colours.astype(np.uint32) << np.array([16, 8, 0], np.uint32)).sum(axis=1, dtype=np.uint32)
    palette, of_vertex = np.unique(packed, return_inverse=True)
    file.write(f'<m:colorgroup id="{first + 1}">\n'.encode())
    for begin in range(0, len(palette), 1 << 14):
        some = palette[begin : begin + (1 << 14)].tolist()
        file.write("".join(f'<m:color color="#{one:06X}FF"/>\n' for one in some).encode())
    file.write(b"</m:colorgroup>\n")
    return of_vertex[faces]
