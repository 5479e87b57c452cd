"""`texture_mesh`: the steps of texturing, in order."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from oberih.errors import NoSurface
from oberih.geometry import Mesh, Scene, View
from oberih.geometry.kernels import start_warp
from oberih.progress import Progress, Stage
from oberih.reconstruct.texture.adjacency import Adjacency, face_adjacency
from oberih.reconstruct.texture.atlas import Atlas, lay_out
from oberih.reconstruct.texture.bake import Sheet, fill_gaps
from oberih.reconstruct.texture.consistency import disagreement, view_gains
from oberih.reconstruct.texture.labels import choose_views, preference
from oberih.reconstruct.texture.levelling import (
    apply_corrections,
    find_seams,
    global_corrections,
    seam_difference,
)
from oberih.reconstruct.texture.lod import simplified
from oberih.reconstruct.texture.observe import Glance, Observer, reduced
from oberih.reconstruct.texture.unseen import paint_unseen

T = TypeVar("T")

__all__ = ["Read", "TextureSettings", "TextureStats", "Textured", "texture_mesh"]

Read = Callable[[int], tuple[View, NDArray[np.uint8]]]
"""Gives a view by number: pinhole, with its undistorted ``(H, W, 3)`` sRGB image."""


@dataclass(frozen=True)
class TextureSettings:
    """How large and how detailed."""

    triangles: int = 500_000  # of the textured mesh, at most
    max_size: int = 8192  # texels along a side of the texture, at most
    lods: tuple[float, ...] = (0.25, 0.06)  # shares of the triangles in the coarser levels
    gains: bool = True  # equalise exposure between photos first
    threads: int = 2  # photos prepared at once


@dataclass(frozen=True)
class TextureStats:
    """What came out, for the report. Colour differences are mean absolute ones in sRGB steps (0..255)."""

    width: int
    height: int
    texels_per_unit: float  # median over the seen surface: texels along one unit of the scene
    scale: float  # texels per photo pixel
    charts: int
    unseen_share: float  # of the area
    seam_before: float  # across the seams, as photographed
    seam_gained: float  # after exposure gains
    seam_after: float  # after levelling
    gains: tuple[tuple[float, float, float], ...]  # per view, R G B
    outlier_share: float  # of the face-view pairs, not used because the photo disagrees with the others


@dataclass(frozen=True)
class Textured:
    """A textured mesh with coarser levels of detail (each with its own texture)."""

    mesh: Mesh
    labels: NDArray[np.int32]  # (F,) index of the view that paints the face, -1: no photo sees it
    lods: tuple[Mesh, ...]
    stats: TextureStats


@dataclass
class Level:
    """One level of detail on its way."""

    mesh: Mesh
    observer: Observer
    adjacency: Adjacency
    labels: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    continued: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 3), bool))  # see Sheet
    outlier_share: float = 0.0


def texture_mesh(
    mesh: Mesh, scene: Scene, read: Read, settings: TextureSettings, progress: Progress
) -> Textured:
    """Simplify ``mesh`` and paint it from the photos of ``scene``; ``read(i)`` gives view ``i``."""
    if not len(mesh.faces):
        raise NoSurface("There is no surface to paint.", "Look at the earlier stages' results.")
    start_warp()
    count = len(scene.views)
    units = 2 * count + 3 * (1 + sum(settings.lods)) + 1
    with progress.stage("texture", units) as stage:
        levels = start_levels(mesh, settings, progress)
        stage.tick()
        views = observe(levels, scene, read, settings, stage)
        gains = label(levels, count, settings, stage)
        atlases = [
            lay_out(level.mesh, level.adjacency, level.labels, views, size, scale)
            for level, size, scale in zip(levels, *sizes(settings), strict=True)
        ]
        sheets = [
            Sheet(level.mesh, atlas, level.continued) for level, atlas in zip(levels, atlases, strict=True)
        ]
        paint(levels, sheets, read, gains, settings, stage)
        finished, differences = [], []
        for level, sheet in zip(levels, sheets, strict=True):
            differences.append(finish(level, sheet, gains))
            finished.append(replace(level.mesh, uv=sheet.atlas.uv, texture=sheet.texels))
            stage.tick(2 * len(level.mesh.faces) / len(levels[0].mesh.faces))
    stats = statistics(levels[0], atlases[0], gains, differences[0])
    return Textured(finished[0], levels[0].labels, tuple(finished[1:]), stats)


def start_levels(mesh: Mesh, settings: TextureSettings, progress: Progress) -> list[Level]:
    """Simplify: each level from the one before."""
    levels = []
    triangles = min(settings.triangles, len(mesh.faces))
    for share in (1.0, *settings.lods):
        mesh = simplified(mesh, max(4, round(triangles * share)), progress)
        levels.append(Level(mesh, Observer(mesh), face_adjacency(mesh.faces)))
    return levels


def sizes(settings: TextureSettings) -> tuple[list[int], list[float]]:
    """Largest texture side and texels per photo pixel of each level: half as fine per step."""
    steps = range(len(settings.lods) + 1)
    return [max(256, settings.max_size >> n) for n in steps], [0.5**n for n in steps]


def observe(
    levels: list[Level], scene: Scene, read: Read, settings: TextureSettings, stage: Stage
) -> list[View]:
    """Show every photo to every level. Returns the pinhole views."""

    def look(index: int) -> tuple[View, list[Glance]]:
        view, image = read(index)
        photo = reduced(scene.views[index], view, image)
        return view, [level.observer.look(photo) for level in levels]

    views = []
    for index, (view, glances) in enumerate(in_order(look, len(scene.views), settings.threads)):
        for level, glance in zip(levels, glances, strict=True):
            level.observer.add(index, glance)
        views.append(view)
        stage.tick()
    return views


def label(levels: list[Level], count: int, settings: TextureSettings, stage: Stage) -> NDArray[np.float64]:
    """Choose the view of every face of every level; returns the gains ``(views, 3)``."""
    gains = np.ones((count, 3))
    for number, level in enumerate(levels):
        candidates = level.observer.candidates()
        if number == 0 and settings.gains:
            gains = view_gains(candidates, count)
        apart = disagreement(candidates, gains, level.adjacency)
        value = preference(candidates, apart, level.adjacency)
        level.labels = choose_views(level.mesh, level.adjacency, candidates, value)
        level.continued = seen_across(level, np.where(value > 0, candidates.view, -1))
        taken = candidates.view >= 0
        level.outlier_share = float((taken & (value == 0)).sum() / max(1, taken.sum()))
        del level.observer
        stage.tick(len(level.mesh.faces) / len(levels[0].mesh.faces))
    return gains


def seen_across(level: Level, usable: NDArray[np.int32]) -> NDArray[np.bool_]:
    """``(F, 3)``: the face's own view is among the ``usable (F, K)`` ones of the face across each edge."""
    across = level.adjacency.neighbours
    result = np.zeros(across.shape, bool)
    for edge in range(3):
        result[:, edge] = (usable[across[:, edge]] == level.labels[:, None]).any(axis=1)
    return result & (across >= 0)


def paint(
    levels: list[Level],
    sheets: list[Sheet],
    read: Read,
    gains: NDArray[np.float64],
    settings: TextureSettings,
    stage: Stage,
) -> None:
    """Second pass over the photos: paint what each was chosen for."""
    numbers = range(len(gains))
    members = [[np.flatnonzero(level.labels == i).astype(np.int32) for i in numbers] for level in levels]

    def one(index: int) -> None:
        if not any(len(faces[index]) for faces in members):
            return
        view, image = read(index)
        for sheet, faces in zip(sheets, members, strict=True):
            sheet.paint(faces[index], view, image, gains[index])

    # Charts of different views share no texel: threads do not meet.
    for _ in in_order(one, len(gains), settings.threads):
        stage.tick()


def finish(level: Level, sheet: Sheet, gains: NDArray[np.float64]) -> tuple[float, float, float]:
    """Level the seams and fill the rest; the seams' differences as photographed, after gains, at the end."""
    seams = find_seams(level.mesh, level.adjacency, sheet.atlas, level.labels)
    undo = 1 / np.vstack([gains, np.ones(3)])[level.labels]  # (F, 3); -1, unseen, finds the ones
    before = seam_difference(sheet, seams, undo)
    gained = seam_difference(sheet, seams)
    apply_corrections(sheet, seams, global_corrections(level.mesh, sheet, seams))
    after = seam_difference(sheet, seams)
    paint_unseen(level.mesh, sheet)
    fill_gaps(sheet.texels, sheet.filled)
    return before, gained, after


def statistics(
    level: Level, atlas: Atlas, gains: NDArray[np.float64], differences: tuple[float, float, float]
) -> TextureStats:
    area = np.linalg.norm(level.mesh.face_normals().astype(np.float64), axis=1)  # twice the area
    a, b, c = (atlas.corners[:, i].astype(np.float64) for i in range(3))
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    texels = np.abs(ux * vy - uy * vx)
    seen = (atlas.chart >= 0) & (area > 0)
    density = np.sqrt(texels[seen] / area[seen])
    order = np.argsort(density)
    cumulative = np.cumsum(area[seen][order])
    median = density[order][np.searchsorted(cumulative, cumulative[-1] / 2)] if seen.any() else 0.0
    return TextureStats(
        width=atlas.width,
        height=atlas.height,
        texels_per_unit=float(median),
        scale=atlas.scale,
        charts=len(atlas.boxes),
        unseen_share=float(area[~seen].sum() / max(area.sum(), 1e-30)),
        seam_before=differences[0],
        seam_gained=differences[1],
        seam_after=differences[2],
        gains=tuple((float(r), float(g), float(b)) for r, g, b in gains),
        outlier_share=level.outlier_share,
    )


def in_order(work: Callable[[int], T], count: int, threads: int) -> Iterator[T]:
    """``work(0), work(1), ...`` in order, ``threads`` of them at a time, never far ahead."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: list[Future[T]] = []
        for index in range(count):
            waiting.append(pool.submit(work, index))
            if len(waiting) >= threads:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
