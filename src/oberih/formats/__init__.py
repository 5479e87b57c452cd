"""3D formats: one file per format."""

from oberih.formats.colmap import read_scene
from oberih.formats.glb import write_glb, write_lods
from oberih.formats.ply import write_ply

__all__ = ["read_scene", "write_glb", "write_lods", "write_ply"]
