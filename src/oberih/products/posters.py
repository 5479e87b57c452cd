"""The poster of a public model from where somebody chose to look, in place of the one that software chose."""

from functools import partial
from pathlib import Path

from oberih.formats import format_named, load_model
from oberih.products._publishing import listed
from oberih.products.manifest import PublicFile, Viewpoint
from oberih.products.pictures import Shooting
from oberih.products.studio import Studio
from oberih.progress import Progress

__all__ = ["make_posters"]


def make_posters(
    model: Path, out: Path, viewpoint: Viewpoint, progress: Progress | None = None
) -> tuple[PublicFile, ...]:
    """Draw ``model``, a level of detail of the public files, from ``viewpoint`` into the folder ``out``.

    Nothing is in the pictures that is not in the model. Raises `InputError` if the model cannot be read.
    """
    progress = progress or Progress()
    studio = Studio(load_model(model, format_named("glb"), progress=progress))
    shooting = Shooting(studio, partial(studio.view_from, viewpoint))
    return tuple(
        listed(out, drawn.path, drawn.role, size_px=drawn.size) for drawn in shooting.posters(out, progress)
    )
