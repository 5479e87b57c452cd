"""The one list of formats: what each is called, keeps, and where it is read and written.

A format's module is imported when it is used, since some need large libraries.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from oberih.errors import InputError
from oberih.formats.model import Model
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["FORMATS", "KEEPS", "Format", "format_named", "formats_of", "table"]

KEEPS = ("mesh", "texture", "colours", "normals", "points", "units", "cameras")


@dataclass(frozen=True)
class Format:
    """One format. Its module has the functions that ``writes`` and ``reads`` name:
    ``write(path, model, progress)`` and ``read(path) -> Model``.
    """

    name: str
    title: str
    extension: str  # with its dot; "" for a folder
    module: str
    keeps: tuple[str, ...]
    writes: str = ""  # name of the function, "" if it cannot be exported
    reads: str = ""  # the same for import

    def write(self, path: Path, model: Model, progress: Progress | None = None) -> None:
        """Write ``model``; the file or folder appears whole or not at all.

        Raises `InputError` if the model lacks what the format is for (cameras, a surface), `OutputError`.
        """
        if not self.writes:
            raise InputError(say("{name} cannot be exported.", name=self.title), ADVICE)
        getattr(import_module(f"oberih.formats.{self.module}"), self.writes)(
            path, model, progress or Progress()
        )

    def read(self, path: Path) -> Model:
        """What a file holds, read in this process. For a stranger's file take `reading.read_model`.

        Raises `UnreadableModel`, and whatever a library does.
        """
        model: Model = getattr(import_module(f"oberih.formats.{self.module}"), self.reads)(path)
        return model


ADVICE = "The formats: oberih formats"
# What is kept:
SOLID = ("mesh",)
TEXTURED = ("mesh", "texture", "normals")
CLOUD = ("points", "colours", "normals")
UNITS = ("units",)

FORMATS: tuple[Format, ...] = (
    Format(
        "glb", "glTF binary", ".glb", "gltf", (*TEXTURED, "colours", "points", *UNITS), "export_glb", "read"
    ),
    Format("gltf", "glTF", ".gltf", "gltf", (*TEXTURED, "colours", "points", *UNITS), "export_gltf", "read"),
    Format(
        "glb-draco",
        "glTF binary, compressed (Draco, WebP)",
        ".glb",
        "gltf",
        (*TEXTURED, "colours", "points", *UNITS),
        "export_compressed",
    ),
    Format("usdz", "USDZ", ".usdz", "usd", (*TEXTURED, "colours", *UNITS), "write_usdz", "read"),
    Format("usd", "USD", ".usd", "usd", (*TEXTURED, "colours", *UNITS), "write_usd", "read"),
    Format("usdc", "USD, binary", ".usdc", "usd", (*TEXTURED, "colours", "points", *UNITS), "", "read"),
    Format("usda", "USD, text", ".usda", "usd", (*TEXTURED, "colours", "points", *UNITS), "", "read"),
    Format("obj", "Wavefront OBJ", ".obj", "obj", (*TEXTURED, "colours"), "write", "read"),
    Format("ply", "PLY, binary", ".ply", "ply", ("mesh", "points", "colours", "normals"), "write", "read"),
    Format("ply-ascii", "PLY, text", ".ply", "ply", ("mesh", "points", "colours", "normals"), "write_ascii"),
    Format("stl", "STL", ".stl", "stl", SOLID, "write", "read"),
    Format("3mf", "3MF", ".3mf", "threemf", ("mesh", "texture", "colours", *UNITS), "write", "read"),
    Format("dae", "COLLADA", ".dae", "collada", (*TEXTURED, "colours", *UNITS), "write", "read"),
    Format("zae", "COLLADA, zipped", ".zae", "collada", (*TEXTURED, "colours", *UNITS), reads="read_zae"),
    Format("fbx", "FBX 7.4 binary", ".fbx", "fbx", (*TEXTURED, "colours", *UNITS), "write"),
    Format("x3d", "X3D", ".x3d", "x3d", (*TEXTURED, "colours", "points", *UNITS), "write"),
    Format("dxf", "DXF", ".dxf", "dxf", ("mesh", *UNITS), "write"),
    Format("off", "OFF", ".off", "off", SOLID, "write", "read"),
    Format("3dtiles", "3D Tiles 1.1", "", "tiles", (*TEXTURED, *UNITS), "write"),
    Format("las", "LAS", ".las", "las", ("points", "colours", *UNITS), "write", "read"),
    Format("laz", "LAZ", ".laz", "las", ("points", "colours", *UNITS), "write_laz", "read"),
    Format("copc", "COPC", ".copc.laz", "copc", ("points", "colours", *UNITS), "write", "read"),
    Format("e57", "E57", ".e57", "e57", (*CLOUD, *UNITS), "write", "read"),
    Format("pts", "PTS", ".pts", "xyz", ("points", "colours"), "write_pts", "read_pts"),
    Format("xyz", "XYZ", ".xyz", "xyz", CLOUD, "write", "read"),
    Format("pcd", "PCD", ".pcd", "pcd", CLOUD, "write", "read"),
    Format("colmap", "COLMAP", "", "colmap", ("points", "colours", "cameras"), "write"),
    Format(
        "nerfstudio",
        "NeRF (nerfstudio transforms.json)",
        "",
        "nerf",
        ("points", "colours", "cameras"),
        "write",
    ),
)


def format_named(name: str) -> Format:
    """The format of that name, for export. Raises `InputError`."""
    for one in FORMATS:
        if one.name == name.lower():
            return one
    names = ", ".join(one.name for one in FORMATS if one.writes)
    raise InputError(
        say("{name} is no format that is known.", name=name[:100]), say("Give one of: {names}", names=names)
    )


def formats_of(path: Path) -> Iterator[Format]:
    """Those that a file's name may be, and that can be imported."""
    ending = path.name.lower()
    found = [one for one in FORMATS if one.reads and one.extension and ending.endswith(one.extension)]
    seen = set()
    for one in sorted(found, key=lambda one: -len(one.extension)):
        if (one.module, one.reads) not in seen:
            seen.add((one.module, one.reads))
            yield one


def table() -> list[dict[str, Any]]:
    """The list as plain data: name, extension, export, import, keeps."""
    rows = []
    for one in FORMATS:
        told = asdict(one)
        rows.append({
            "name": told["name"], "title": told["title"], "extension": told["extension"],
            "export": bool(told["writes"]), "import": bool(told["reads"]), "keeps": list(told["keeps"]),
        })  # fmt: skip
    return rows
