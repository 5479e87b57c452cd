"""3D formats: one file per format, one list of them (`FORMATS`).

wanted = format_named("usdz")
wanted.write(Path("statue.usdz"), load_model(Path("out"), wanted))
stranger = read_model(Path("scan.e57"))
"""

from oberih.formats.colmap import read_scene
from oberih.formats.gltf import write_glb, write_lods
from oberih.formats.model import Model, points_of
from oberih.formats.ply import write_ply
from oberih.formats.reading import Limits, read_model
from oberih.formats.registry import FORMATS, Format, format_named, table
from oberih.formats.result import cameras_in, load_model

__all__ = [
    "FORMATS",
    "Format",
    "Limits",
    "Model",
    "cameras_in",
    "format_named",
    "load_model",
    "points_of",
    "read_model",
    "read_scene",
    "table",
    "write_glb",
    "write_lods",
    "write_ply",
]
