"""Only what faces show is left of a texture: the rest may show what stood beside the thing."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from oberih.geometry import Mesh
from oberih.geometry.simplify import shown_texels

__all__ = ["only_shown"]

GUTTER = 16  # texels around what is shown that continue it, for filters and smaller levels
BAND = 1024  # rows that are worked on at once


def only_shown(mesh: Mesh) -> Mesh:
    """``mesh`` with a texture made of the texels that its faces show: around them their colours go on, and
    further away lies their mean. A texture that nothing shows goes.
    """
    if mesh.texture is None or mesh.uv is None or not len(mesh.faces):
        return replace(mesh, texture=None, uv=None)
    shown = shown_texels(mesh)
    if shown.all():
        return mesh
    picture = mesh.texture
    mean = np.round([float(picture[..., k].mean(where=shown)) for k in range(3)]).astype(np.uint8)
    made = np.empty_like(picture)
    for top in range(0, len(picture), BAND):
        bottom = min(top + BAND, len(picture))
        first, last = max(top - GUTTER, 0), min(bottom + GUTTER, len(picture))
        band = continued(picture[first:last], shown[first:last], mean)
        made[top:bottom] = band[top - first : bottom - first]
    return replace(mesh, texture=made)


def continued(
    picture: NDArray[np.uint8], shown: NDArray[np.bool_], mean: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The shown texels, the nearest one of them up to the gutter's width away, else ``mean``."""
    if not shown.any():
        return np.broadcast_to(mean, picture.shape)
    away, label = cv2.distanceTransformWithLabels(
        (~shown).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((int(label.max()) + 1, 3), np.uint8)
    colours[label[shown]] = picture[shown]
    made: NDArray[np.uint8] = colours[label]
    made[away > GUTTER] = mean
    return made
