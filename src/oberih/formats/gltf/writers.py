"""glTF 2.0 files: one binary file (.glb), JSON with bytes and pictures beside it (.gltf), and a small one.

glTF is y-up and counts in metres, as a `Model` does. A model without scale is written all the same, and
``asset.extras.unit`` says so, as it does in what Oberih reconstructs. The small file needs readers that know
Draco and WebP and says that it requires them: fallbacks inside it would make it larger than the plain one.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from oberih.errors import InputError
from oberih.formats.gltf.document import Buffer, Document, Style, document_of
from oberih.formats.model import Model
from oberih.formats.writing import whole_file, whole_files
from oberih.geometry import Mesh
from oberih.progress import Progress

__all__ = ["export_compressed", "export_glb", "export_gltf", "write_glb", "write_lods"]

JSON_CHUNK, BIN_CHUNK = 0x4E4F534A, 0x004E4942
NAME = "model"
NOTHING = "The model has no surface: there is nothing to write."
PLAIN, SMALL = Style(), Style("webp", 85, draco=True)


def export_glb(path: Path, model: Model, progress: Progress) -> None:
    """One .glb with JPEG pictures."""
    progress.check()
    document = document_of(*shown(model), PLAIN)
    with whole_file(path) as file:
        put_glb(file, document.json(NAME, extras_of(model)), document.buffer)


def export_compressed(path: Path, model: Model, progress: Progress, quality: int = SMALL.quality) -> None:
    """One .glb whose triangles are packed by Draco and whose pictures are WebP of that quality, 1..100."""
    progress.check()
    document = document_of(*shown(model), replace(SMALL, quality=quality))
    with whole_file(path) as file:
        put_glb(file, document.json(NAME, extras_of(model)), document.buffer)


def export_gltf(path: Path, model: Model, progress: Progress) -> None:
    """A .gltf, a .bin and the pictures beside it, named like it."""
    progress.check()

    def name(number: int, ending: str) -> str:
        return f"{path.stem}.{ending}" if number == 0 else f"{path.stem}-{number + 1}.{ending}"

    document = document_of(*shown(model), PLAIN, name)
    binary = path.stem + ".bin"
    with whole_files(path) as folder:
        (folder / path.name).write_bytes(as_text(document.json(NAME, extras_of(model), binary)))
        with (folder / binary).open("wb") as file:
            file.writelines(document.buffer.pieces)
        for beside, data in document.pictures.items():
            (folder / beside).write_bytes(data)


def shown(model: Model) -> tuple[list[Mesh], Any]:
    """The parts that have faces, and the points. Raises `InputError` if there are neither."""
    parts = [part for part in model.parts if len(part.faces)]
    points = model.points if model.points is not None and len(model.points) else None
    if not parts and points is None:
        raise InputError(NOTHING, "Choose a model that has a surface or points.")
    return parts, points


def extras_of(model: Model) -> dict[str, Any] | None:
    return None if model.scale_known else {"unit": "unit"}


def write_lods(
    path: Path, meshes: Sequence[Mesh], transform: NDArray[np.float64] | None = None, **options: Any
) -> list[Path]:
    """Write levels of detail, finest first: ``model.glb``, ``model.lod1.glb``, ``model.lod2.glb``, ...

    Options are those of `write_glb`. Returns the paths.
    """
    paths = [path, *(path.with_suffix(f".lod{n}{path.suffix}") for n in range(1, len(meshes)))]
    for target, mesh in zip(paths, meshes, strict=True):
        write_glb(target, mesh, transform, **options)
    return paths


def write_glb(
    path: Path,
    mesh: Mesh,
    transform: NDArray[np.float64] | None = None,
    *,
    texture: Literal["jpeg", "png"] = "jpeg",
    quality: int = 92,
    confidence: bool = True,
    extras: Mapping[str, Any] | None = None,
) -> None:
    """Write one ``mesh``; the file appears whole or not at all.

    ``transform``: ``(4, 4)`` similarity applied to the vertices (and, turned, to the normals).
    ``quality``: of the JPEG, 1..95. ``extras``: put into ``asset.extras`` (must be JSON).
    """
    document = Document(Style(texture, quality, confidence))
    document.add_mesh(mesh, transform)
    with whole_file(path) as file:
        put_glb(file, document.json(path.stem, extras), document.buffer)


def put_glb(path: Path, document: Mapping[str, Any], buffer: Buffer) -> None:
    text = as_text(document)
    text += b" " * (-len(text) % 4)
    with path.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + buffer.length))
        file.write(struct.pack("<II", len(text), JSON_CHUNK) + text)
        file.write(struct.pack("<II", buffer.length, BIN_CHUNK))
        file.writelines(buffer.pieces)


def as_text(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
