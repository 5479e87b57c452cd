"""The steps of the recipe: each runs one stage and gives back what the stage left in its folder.

A stage's function writes files; what comes after reads them, whether they were made now or in an earlier
run. ``VERSION`` of a stage changes when its code makes something else of the same input.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from oberih import __version__
from oberih.capture import Judgement, Photo, check_unchanged, judge
from oberih.formats.gltf import write_lods
from oberih.formats.ply import write_ply
from oberih.geometry import Mesh, Scene, View
from oberih.i18n import from_json, to_json
from oberih.reconstruct.arrays import load, save
from oberih.reconstruct.depth import estimate_depths
from oberih.reconstruct.fidelity import Fidelity, measure_fidelity
from oberih.reconstruct.fusion import fuse
from oberih.reconstruct.measure import Measured, measure_all
from oberih.reconstruct.poses import Poses, estimate_poses, read_poses
from oberih.reconstruct.preview import Studio, write_image
from oberih.reconstruct.rectify import rectified
from oberih.reconstruct.scale import KnownDistance
from oberih.reconstruct.settings import Settings
from oberih.reconstruct.stages import Stage, Stages, write_whole
from oberih.reconstruct.surface import extract_surface
from oberih.reconstruct.texture import Textured, TextureStats, texture_mesh

__all__ = [
    "VERSION",
    "Compared",
    "Finished",
    "Fused",
    "Judged",
    "Painted",
    "Posed",
    "Surfaced",
    "compare",
    "find_poses",
    "find_surface",
    "fuse_depth",
    "judge_photos",
    "measure",
    "measure_depth",
    "paint_surface",
]

VERSION = {
    "judge": 1, "poses": 2, "depth": 3, "fusion": 3, "surface": 4, "texture": 3, "measure": 3, "fidelity": 1,
}  # fmt: skip


def version(name: str) -> str:
    """Which code makes the stage ``name``: what another version of Oberih left is not built upon."""
    return f"{__version__}/{VERSION[name]}"


@dataclass(frozen=True)
class Judged:
    stage: Stage
    photos: tuple[Photo, ...]
    judgements: tuple[Judgement, ...]

    @property
    def used(self) -> tuple[Photo, ...]:
        good = {judgement.name for judgement in self.judgements if judgement.used}
        return tuple(photo for photo in self.photos if photo.name in good)


def judge_photos(stages: Stages, photos: Sequence[Photo]) -> Judged:
    """Which photos are good enough."""

    def make(folder: Path) -> None:
        judged = [asdict(one) | {"reason": to_json(one.reason), "advice": to_json(one.advice)}
                  for one in judge(photos, stages.progress)]  # fmt: skip
        for photo in photos:
            check_unchanged(photo)
        write_whole(folder / "judgements.json", json.dumps(judged, indent=1))

    stage = stages.run(
        "judge",
        make,
        version=version("judge"),
        settings=None,
        inputs=[f"{p.name} {p.sha256}" for p in photos],
    )
    kept = json.loads((stage.folder / "judgements.json").read_text())
    judgements = tuple(
        Judgement(**one | {"reason": from_json(one["reason"]), "advice": from_json(one["advice"])})
        for one in kept
    )
    return Judged(stage, tuple(photos), judgements)


@dataclass(frozen=True)
class Posed:
    stage: Stage
    poses: Poses
    photos: tuple[Photo, ...]  # of the views, in their order

    @property
    def scene(self) -> Scene:
        return self.poses.scene

    def reader(self, max_size: int) -> Callable[[int], tuple[View, NDArray[np.uint8]]]:
        return lambda number: self.read(number, max_size)

    def read(self, number: int, max_size: int) -> tuple[View, NDArray[np.uint8]]:
        """View ``number`` without lens distortion, at most ``max_size`` large, with its image."""
        found = rectified(self.scene.views[number], self.photos[number].path, max_size)
        check_unchanged(self.photos[number])
        return found


def find_poses(stages: Stages, judged: Judged, settings: Settings) -> Posed:
    """Where the photos were taken from."""

    def make(folder: Path) -> None:
        estimate_poses(judged.used, folder, settings.poses, stages.progress)
        for photo in judged.used:
            check_unchanged(photo)

    stage = stages.run(
        "poses", make, version=version("poses"), settings=settings.poses,
        inputs=[judged.stage.key, *(photo.name for photo in judged.used)],
    )  # fmt: skip
    poses = read_poses(stage.folder)
    by_name = {photo.name: photo for photo in judged.photos}
    return Posed(stage, poses, tuple(by_name[view.name] for view in poses.scene.views))


def measure_depth(stages: Stages, posed: Posed, settings: Settings) -> Stage:
    """How far everything is from each camera: a depth map per photo, in the stage's folder."""

    return stages.run(
        "depth",
        lambda folder: estimate_depths(posed.scene, posed.read, folder, settings.depth, stages.progress),
        version=version("depth"), settings=settings.depth, inputs=[posed.stage.key],
    )  # fmt: skip


@dataclass(frozen=True)
class Fused:
    stage: Stage

    @property
    def ply(self) -> Path:
        return self.stage.folder / "points.ply"

    @property
    def count(self) -> int:
        """How many points there are."""
        points: int = json.loads((self.stage.folder / "points.json").read_text())
        return points


def fuse_depth(stages: Stages, posed: Posed, depth: Stage, settings: Settings) -> Fused:
    """One cloud of the points on which several depth maps agree, and depth maps with only these."""

    def make(folder: Path) -> None:
        cloud = fuse(posed.scene, depth.folder, folder, settings.fusion, stages.progress)
        write_ply(folder / "points.ply", cloud)
        write_whole(folder / "points.json", json.dumps(len(cloud)))

    return Fused(
        stages.run("fusion", make, version=version("fusion"), settings=settings.fusion, inputs=[depth.key])
    )


@dataclass(frozen=True)
class Surfaced:
    stage: Stage

    @property
    def ply(self) -> Path:
        return self.stage.folder / "mesh.ply"

    def mesh(self) -> Mesh:
        return load(Mesh, self.stage.folder / "mesh.npz")


def find_surface(stages: Stages, posed: Posed, depth: Stage, fused: Fused, settings: Settings) -> Surfaced:
    """The surface that the cloud lies on."""

    def make(folder: Path) -> None:
        mesh = extract_surface(
            posed.scene, depth.folder, fused.stage.folder, settings.surface, stages.progress
        )
        save(folder / "mesh.npz", mesh)
        write_ply(folder / "mesh.ply", mesh)

    return Surfaced(
        stages.run(
            "surface", make, version=version("surface"), settings=settings.surface, inputs=[fused.stage.key]
        )
    )


@dataclass(frozen=True)
class Painted:
    stage: Stage

    def textured(self) -> Textured:
        folder = self.stage.folder
        told = json.loads((folder / "texture.json").read_text())
        told["gains"] = tuple(tuple(gain) for gain in told["gains"])
        levels = [load(Mesh, path) for path in sorted(folder.glob("level*.npz"))]
        return Textured(levels[0], np.load(folder / "labels.npy"), tuple(levels[1:]), TextureStats(**told))


def paint_surface(stages: Stages, posed: Posed, surfaced: Surfaced, settings: Settings) -> Painted:
    """The surface with a texture from the photos, in several levels of detail."""

    def make(folder: Path) -> None:
        textured = texture_mesh(
            surfaced.mesh(), posed.scene, posed.reader(settings.texture_px), settings.texture, stages.progress
        )
        for number, mesh in enumerate([textured.mesh, *textured.lods]):
            save(folder / f"level{number}.npz", mesh)
        np.save(folder / "labels.npy", textured.labels)
        write_whole(folder / "texture.json", json.dumps(asdict(textured.stats)))

    return Painted(
        stages.run(
            "texture", make, version=version("texture"), settings=[settings.texture, settings.texture_px],
            inputs=[surfaced.stage.key],
        )
    )  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """The model as it is given away, with everything measured on it."""

    stage: Stage
    measured: Measured


def measure(
    stages: Stages, posed: Posed, fused: Fused, surfaced: Surfaced, painted: Painted,
    settings: Settings, known: KnownDistance | None,
) -> Finished:  # fmt: skip
    """Measure the result, and write the model upright and in metres if they are known."""

    def make(folder: Path) -> None:
        textured = painted.textured()
        measured = measure_all(
            posed.scene, posed.photos, surfaced.mesh(), textured.mesh, fused.count, settings.depth.max_size,
            known, posed.poses.parts, stages.progress,
        )  # fmt: skip
        extras = {"unit": measured.scale.unit, "model_from_sparse": measured.model_from_sparse}
        write_lods(
            folder / "model.glb",
            [textured.mesh, *textured.lods],
            np.array(measured.model_from_sparse),
            extras=extras,
        )
        studio = Studio(textured.mesh, posed.scene, np.array(measured.up.direction))
        write_image(folder / "preview.png", studio.photographic())
        write_whole(folder / "measured.json", measured.model_dump_json(indent=1))

    stage = stages.run(
        "measure", make, version=version("measure"), settings=known, inputs=[painted.stage.key]
    )
    return Finished(stage, Measured.model_validate_json((stage.folder / "measured.json").read_bytes()))


@dataclass(frozen=True)
class Compared:
    stage: Stage
    fidelity: Fidelity


def compare(stages: Stages, posed: Posed, painted: Painted, settings: Settings) -> Compared:
    """How true the model is to the photos."""

    def make(folder: Path) -> None:
        fidelity = measure_fidelity(
            painted.textured(), posed.scene, posed.reader(settings.texture_px), settings.fidelity, folder,
            stages.progress,
        )  # fmt: skip
        write_whole(folder / "fidelity.json", json.dumps(asdict(fidelity), indent=1))

    stage = stages.run(
        "fidelity", make, version=version("fidelity"), settings=settings.fidelity, inputs=[painted.stage.key]
    )
    return Compared(stage, FIDELITY.validate_python(json.loads((stage.folder / "fidelity.json").read_text())))


FIDELITY = TypeAdapter(Fidelity)
