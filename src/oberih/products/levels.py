"""Levels of detail for the web, from what arrives in a moment to all there is.

    model.small.glb    at most 600 kB: on the screen of a phone after seconds of a bad line
    model.medium.glb   at most 10 MB, with textures that a phone's memory holds
    model.glb          all of it

Triangles are packed by Draco and pictures are WebP: about a sixth of a plain file. A level that would be no
smaller than the next one is left out.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from oberih.formats import Model
from oberih.formats.gltf import export_compressed
from oberih.geometry import PointCloud
from oberih.geometry.simplify import simplified, smaller_texture
from oberih.products.cutting import some_of
from oberih.progress import Progress

__all__ = ["AR", "MEDIUM", "SMALL", "Level", "Limit", "coarser", "finest", "limited"]

QUALITIES = (85, 75, 60)  # of WebP, before anything gets coarser
SHRINK = 0.6  # of triangles and texels, when no quality fits
TRIES = 12
NEARLY = 1.25  # times the texels a side that are no reason for another level


@dataclass(frozen=True)
class Limit:
    """How large a level may be."""

    triangles: int
    points: int
    texture_px: int
    bytes: int = 1 << 62


SMALL = Limit(40_000, 40_000, 1024, 600_000)
MEDIUM = Limit(500_000, 400_000, 4096, 10_000_000)
AR = Limit(150_000, 200_000, 2048)  # what phones put on a table


@dataclass(frozen=True)
class Level:
    """A level that is written."""

    role: Literal["full", "medium", "small"]
    path: Path
    model: Model


def limited(model: Model, limit: Limit, progress: Progress) -> Model:
    """``model`` with at most so many triangles, points and texels a side; its own size if it has fewer."""
    if not model.parts:
        assert model.points is not None
        return replace(model, points=thinned(model.points, limit.points))
    share = limit.triangles / max(model.triangles, 1)
    parts = []
    for part in model.parts:
        progress.check()
        coarse = part
        if share < 1:
            coarse = simplified(part, max(4, round(share * len(part.faces))), progress=progress)
            coarse = replace(coarse, normals=coarse.vertex_normals())
        if len(coarse.faces):
            parts.append(smaller_texture(coarse, limit.texture_px))
    return replace(model, parts=tuple(parts))


def thinned(points: PointCloud, count: int) -> PointCloud:
    """At most ``count`` points, spread over all of them: they are in the order of their places."""
    if len(points) <= count:
        return points
    return some_of(points, np.linspace(0, len(points) - 1, count).astype(np.int64))


def finest(folder: Path, model: Model, progress: Progress) -> Level:
    """Write all of ``model``."""
    level = Level("full", folder / "model.glb", model)
    export_compressed(level.path, model, progress)
    return level


def coarser(
    folder: Path, role: Literal["medium", "small"], finer: Level, model: Model, progress: Progress
) -> Level | None:
    """Write ``model`` as the level below ``finer``; None if that is small enough to stand for it too."""
    limit = MEDIUM if role == "medium" else SMALL
    sides = [max(part.texture.shape[:2]) for part in finer.model.parts if part.texture is not None]
    if finer.path.stat().st_size <= limit.bytes and max(sides, default=0) <= NEARLY * limit.texture_px:
        return None
    path = folder / f"model.{role}.glb"
    return Level(role, path, fitted(path, model, limit, progress))


def fitted(path: Path, model: Model, limit: Limit, progress: Progress) -> Model:
    """Write ``path`` within ``limit``, as fine as that allows; what it shows."""
    for _ in range(TRIES):
        model = limited(model, limit, progress)
        for quality in QUALITIES:
            export_compressed(path, model, progress, quality)
            if path.stat().st_size <= limit.bytes:
                return model
        over = SHRINK * min(1.0, 1.5 * limit.bytes / path.stat().st_size)
        limit = replace(
            limit,
            triangles=max(100, round(min(limit.triangles, model.triangles) * over)),
            points=max(100, round(limit.points * over)),
            texture_px=max(64, round(limit.texture_px * np.sqrt(over))),
        )
    return model
