"""3D Tiles 1.1: a model in parts and levels, so that a viewer loads what it shows.

A folder with ``tileset.json`` and ``tiles/*.glb``. The finest tiles hold exactly the model's triangles and
texels; each coarser one a quarter of its children's. A finer tile replaces a coarser one (REPLACE).
Vertices on the border of a tile are never moved, so neighbours of any two levels meet without a crack. The
geometric error is measured. Boxes are z-up, the contents y-up as glTF wants it; nothing says where on Earth
the model stood.

Specification: https://docs.ogc.org/cs/22-025r4/22-025r4.html (OGC 22-025r4, 3D Tiles 1.1)
"""

from oberih.formats.tiles.writing import write

__all__ = ["write"]
