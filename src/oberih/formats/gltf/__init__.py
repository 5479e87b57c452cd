"""glTF 2.0, the format of viewers and AR: writers of three kinds of files, and a reader of anybody's."""

from oberih.formats.gltf.reader import read
from oberih.formats.gltf.writers import export_compressed, export_glb, export_gltf, write_glb, write_lods

__all__ = ["export_compressed", "export_glb", "export_gltf", "read", "write_glb", "write_lods"]
