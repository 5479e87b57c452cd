"""What people use of a model: its public files.

made = make_public(Path("out"), Path("public/v1"), Choices(crop=box), redact=blurred, pictures=remade)
"""

from oberih.products.choices import Box, Choices
from oberih.products.eyes import eyes_of
from oberih.products.manifest import Manifest, PublicFile, Viewpoint, read_manifest
from oberih.products.posters import make_posters
from oberih.products.web import Made, Redact, make_public

__all__ = [
    "Box",
    "Choices",
    "Made",
    "Manifest",
    "PublicFile",
    "Redact",
    "Viewpoint",
    "eyes_of",
    "make_posters",
    "make_public",
    "read_manifest",
]
