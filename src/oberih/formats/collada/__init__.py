"""COLLADA (.dae): a textured mesh as XML with its texture beside it, as older tools exchange it.

Written is 1.4.1, which everything reads: y up, a unit of a metre, one geometry and one Lambert material per
part. Read are 1.4 and 1.5, and ``.zae`` (both packed into a ZIP file with their pictures).

Specification: https://www.khronos.org/files/collada_spec_1_4.pdf
"""

import posixpath
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih import __version__
from oberih.errors import InputError, UnreadableModel
from oberih.formats._numbers import Piece, decimals_for, put_rows
from oberih.formats._xml import elements, text_of
from oberih.formats._zipped import Folder, Packed, Within, plain_path
from oberih.formats.collada._scene import scene_of
from oberih.formats.model import Model
from oberih.formats.writing import whole_files
from oberih.geometry import Mesh
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["read", "read_zae", "write"]

QUALITY = 92  # of the JPEG
SOME_DAY = "1970-01-01T00:00:00Z"  # the schema demands one; a true one would make each file another

UV_BOUND = '<bind_vertex_input semantic="UV" input_semantic="TEXCOORD" input_set="0"/>'
HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><contributor><authoring_tool>Oberih {__version__}</authoring_tool></contributor>\
<created>{SOME_DAY}</created><modified>{SOME_DAY}</modified><unit name="meter" meter="1"/>\
<up_axis>Y_UP</up_axis></asset>
"""


def read(path: Path) -> Model:
    """What a .dae holds. Raises `UnreadableModel`."""
    with path.open("rb") as file:
        return scene_of(elements(file, path.name), path.name, Folder(path))


def read_zae(path: Path) -> Model:
    """What a .zae holds: the document that its manifest names, or the only one. Raises `UnreadableModel`."""
    packed = Packed(path)
    root = ""
    if "manifest.xml" in packed:
        with packed.reading("manifest.xml") as file:
            for element in elements(file, path.name):
                if element.tag == "dae_root":
                    root = plain_path(text_of(element).removeprefix("./")) or ""
    documents = sorted(name for name in packed.names() if name.lower().endswith(".dae"))
    if root not in packed:
        root = documents[0] if documents else ""
    if root not in packed:
        raise UnreadableModel(
            say("{path} holds no COLLADA document.", path=path.name), "Export it again where it was made."
        )
    with packed.reading(root) as file:
        return scene_of(elements(file, path.name), path.name, Within(packed, posixpath.dirname(root)))


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the surface, and its textures beside it as ``STEM.jpg``, ``STEM-2.jpg``, ...

    Raises `InputError` if there is none, `OutputError`.
    """
    parts = [part for part in model.parts if len(part.faces)]
    if not parts:
        raise InputError(
            say("The model has no surface: {name} cannot hold it.", name="COLLADA"),
            "Choose a format for points: oberih formats",
        )
    pictures = {
        number: part.texture
        for number, part in enumerate(parts)
        if part.texture is not None and part.uv is not None
    }
    names = {number: f"{path.stem}-{number + 1}.jpg" if number else f"{path.stem}.jpg" for number in pictures}
    with whole_files(path) as folder, (folder / path.name).open("wb") as file:
        for number, name in names.items():
            Image.fromarray(pictures[number]).save(folder / name, "JPEG", quality=QUALITY)
            progress.check()
        file.write(HEAD.encode())
        file.write(materials(len(parts), names).encode())
        file.write(b"<library_geometries>\n")
        for number, part in enumerate(parts):
            write_geometry(file, number, part, progress)
        file.write(b"</library_geometries>\n<library_visual_scenes><visual_scene id='scene'>\n")
        for number in range(len(parts)):
            used = UV_BOUND if number in names else ""
            file.write(
                f'<node id="node{number}" name="model"><instance_geometry url="#model{number}">'
                f'<bind_material><technique_common><instance_material symbol="surface" '
                f'target="#material{number}">{used}</instance_material></technique_common></bind_material>'
                f"</instance_geometry></node>\n".encode()
            )
        file.write(b"</visual_scene></library_visual_scenes>\n")
        file.write(b'<scene><instance_visual_scene url="#scene"/></scene>\n</COLLADA>\n')


def materials(count: int, pictures: dict[int, str]) -> str:
    """The libraries of images, effects and materials."""
    images, effects, made = [], [], []
    for number in range(count):
        look, picture = "<color>1 1 1 1</color>", ""
        if number in pictures:
            name = escaped(pictures[number])
            images.append(f'<image id="image{number}"><init_from>{name}</init_from></image>\n')
            picture = (
                f'<newparam sid="surface{number}"><surface type="2D"><init_from>image{number}</init_from>'
                f'</surface></newparam><newparam sid="sampler{number}"><sampler2D><source>surface{number}'
                f"</source></sampler2D></newparam>"
            )
            look = f'<texture texture="sampler{number}" texcoord="UV"/>'
        effects.append(
            f'<effect id="effect{number}"><profile_COMMON>{picture}<technique sid="common"><lambert>'
            f"<diffuse>{look}</diffuse></lambert></technique></profile_COMMON></effect>\n"
        )
        made.append(f'<material id="material{number}"><instance_effect url="#effect{number}"/></material>\n')
    library = f"<library_images>\n{''.join(images)}</library_images>\n" if images else ""
    library += f"<library_effects>\n{''.join(effects)}</library_effects>\n"
    return library + f"<library_materials>\n{''.join(made)}</library_materials>\n"


def escaped(name: str) -> str:
    """A file's name as the URI that COLLADA wants, and as XML."""
    return quote(name)


def write_geometry(file: BinaryIO, number: int, part: Mesh, progress: Progress) -> None:
    normals = part.normals if part.normals is not None else part.vertex_normals()
    mesh = f"model{number}"
    file.write(f'<geometry id="{mesh}" name="model"><mesh>\n'.encode())
    put_source(file, f"{mesh}-positions", "XYZ", part.vertices, progress)
    put_source(file, f"{mesh}-normals", "XYZ", normals, progress)
    inputs = [
        f'<input semantic="VERTEX" source="#{mesh}-vertices" offset="0"/>',
        f'<input semantic="NORMAL" source="#{mesh}-normals" offset="0"/>',
    ]
    corners: NDArray[np.int64] | None = None
    if part.uv is not None and part.texture is not None:
        flat = np.ascontiguousarray(part.uv.reshape(-1, 2), np.float32)
        distinct, corners = np.unique(flat.view(np.uint64).ravel(), return_inverse=True)
        uv = distinct.view(np.float32).reshape(-1, 2)
        put_source(file, f"{mesh}-uv", "ST", np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1), progress)
        inputs.append(f'<input semantic="TEXCOORD" source="#{mesh}-uv" offset="1" set="0"/>')
    elif part.colours is not None:
        put_source(file, f"{mesh}-colours", "RGB", (part.colours / np.float32(255)), progress)
        inputs.append(f'<input semantic="COLOR" source="#{mesh}-colours" offset="0" set="0"/>')
    file.write(
        f'<vertices id="{mesh}-vertices"><input semantic="POSITION" source="#{mesh}-positions"/></vertices>\n'
        f'<triangles count="{len(part.faces)}" material="surface">{"".join(inputs)}<p>'.encode()
    )
    faces = part.faces
    texture = None if corners is None else corners.reshape(-1, 3)

    def pieces(some: slice) -> list[Piece]:
        row: list[Piece] = []
        for corner in range(3):
            row += [(faces[some, corner], 0), b" "]
            if texture is not None:
                row += [(texture[some, corner], 0), b" "]
        return [*row[:-1], b"\n"]

    put_rows(file, len(faces), pieces, progress)
    file.write(b"</p></triangles>\n</mesh></geometry>\n")


def put_source(
    file: BinaryIO, name: str, letters: str, values: NDArray[np.floating], progress: Progress
) -> None:
    """One ``<source>`` of rows of floats."""
    decimals = decimals_for(values)
    count, width = values.shape
    parameters = "".join(f'<param name="{letter}" type="float"/>' for letter in letters)
    file.write(f'<source id="{name}"><float_array id="{name}-array" count="{count * width}">'.encode())

    def pieces(some: slice) -> list[Piece]:
        row: list[Piece] = []
        for column in range(width):
            row += [(values[some, column], decimals), b" "]
        return [*row[:-1], b"\n"]

    put_rows(file, count, pieces, progress)
    file.write(
        f'</float_array><technique_common><accessor source="#{name}-array" count="{count}" stride="{width}">'
        f"{parameters}</accessor></technique_common></source>\n".encode()
    )
