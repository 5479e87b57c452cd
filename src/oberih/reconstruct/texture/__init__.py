"""A photographic texture for a mesh: which photo paints what, seams levelled, no black patches.

After Waechter, Moehrle & Goesele, "Let There Be Color!" (ECCV 2014), with its own solvers: quality of
every face in every view (`observe`), agreement between the photos (`consistency`), labelling (`labels`),
charts and packing (`atlas`), painting (`bake`), levelling (`levelling`), what no photo sees (`unseen`).
Photos are read twice, one after another, and never kept.
"""

from oberih.reconstruct.texture.lod import simplified
from oberih.reconstruct.texture.recipe import Textured, TextureSettings, TextureStats, texture_mesh

__all__ = ["TextureSettings", "TextureStats", "Textured", "simplified", "texture_mesh"]
