"""Fills a folder with the public files of a model and remembers each for the manifest."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from oberih.formats import Model, format_named
from oberih.products.bare import media_type
from oberih.products.choices import Choices
from oberih.products.downloads import wanted, write_downloads
from oberih.products.grid import Rebased
from oberih.products.levels import AR, MEDIUM, Limit, coarser, finest, limited
from oberih.products.manifest import Manifest, PublicFile, Role, Viewpoint
from oberih.products.pictures import Shooting
from oberih.products.studio import Studio
from oberih.progress import Progress, Stage

__all__ = ["Publishing", "listed"]

MEDIA = {
    ".glb": "model/gltf-binary", ".usdz": "model/vnd.usdz+zip", ".stl": "model/stl", ".3mf": "model/3mf",
    ".webp": "image/webp", ".jpg": "image/jpeg", ".png": "image/png", ".zip": "application/zip",
    ".json": "application/json",
}  # fmt: skip
ENDINGS = {media: ending for ending, media in MEDIA.items() if media.startswith("image/")}


class Publishing:
    """The folder while it is filled."""

    def __init__(self, folder: Path, choices: Choices, progress: Progress, stage: Stage) -> None:
        self.folder, self.choices, self.progress, self.stage = folder, choices, progress, stage
        self.files: list[PublicFile] = []
        self.viewpoint: Viewpoint | None = None
        self.turntable_deg: tuple[float, ...] = ()

    def model(self, made: Rebased) -> Model:
        """Write all that shows the model; returns the finest level."""
        choices, progress = self.choices, self.progress
        if made.model.triangles > choices.triangles:
            self.tiles(made.model)
        limit = Limit(choices.triangles, choices.points, choices.texture_px)
        model = limited(made.model, limit, progress)
        self.stage.tick(1)
        levels = [finest(self.folder, model, progress)]
        medium = coarser(self.folder, "medium", levels[0], model, progress)
        levels += [medium] if medium else []
        self.stage.tick(1)
        middle = limited(levels[-1].model, MEDIUM, progress)
        self.draw(middle)
        self.stage.tick(3)
        light = limited(middle, AR, progress)
        del middle
        small = coarser(self.folder, "small", levels[-1], light, progress)
        for level in [*levels, *([small] if small else [])]:
            self.add(level.path, level.role, level.model)
        if light.parts:
            self.ar(light)
        self.stage.tick(2)
        for made_file in write_downloads(
            self.folder / "downloads", model, wanted(model, choices.downloads), progress
        ):
            self.add(made_file.path, "download", model, format=made_file.format)
        self.stage.tick(2)
        return model

    def tiles(self, model: Model) -> None:
        """All of a model that is too large for one file."""
        format_named("3dtiles").write(self.folder / "tiles", model, self.progress)
        paths = [path for path in sorted((self.folder / "tiles").rglob("*")) if path.is_file()]
        for path in sorted(paths, key=lambda path: path.name != "tileset.json"):
            self.add(path, "tiles")

    def draw(self, model: Model) -> None:
        studio = Studio(model)
        stand = studio.best()
        stands = studio.around(self.choices.turntable, stand)
        shooting = Shooting(studio, partial(studio.view, stand))
        for drawn in chain(
            shooting.posters(self.folder, self.progress),
            shooting.turntable(stands, self.folder, self.progress),
        ):
            self.add(drawn.path, drawn.role, size_px=drawn.size)
        self.viewpoint = shooting.viewpoint
        self.turntable_deg = tuple(round(math.degrees(one.turn), 1) for one in stands)

    def ar(self, model: Model) -> None:
        """For the two kinds of phones. Theirs are the plain kinds of pictures and triangles."""
        model = replace(model, parts=tuple(replace(part, confidence=None) for part in model.parts))
        for name in ("glb", "usdz"):
            path = self.folder / f"ar.{name}"
            format_named(name).write(path, model, self.progress)
            self.add(path, "ar", model, format=name)

    def pictures(self, given: Sequence[Path]) -> None:
        """Pictures that were re-made already, under names of ours, in the order in which they are given: that
        is for everybody to see, and not to be the one in which they were taken.
        """
        if given:
            (self.folder / "pictures").mkdir()
        for number, picture in enumerate(given, 1):
            data = picture.read_bytes()
            kind = media_type(data)
            path = self.folder / "pictures" / f"{number:03d}{ENDINGS[kind]}"
            path.write_bytes(data)
            with Image.open(path) as image:
                self.add(path, "picture", size_px=image.size)

    def add(self, path: Path, role: Role, model: Model | None = None, **more: Any) -> None:
        """Remember a file that is written."""
        told: dict[str, Any] = {}
        if model is not None:
            sides = [max(part.texture.shape[:2]) for part in model.parts if part.texture is not None]
            told = {
                "triangles": model.triangles or None,
                "points": len(model.points) if model.points is not None else None,
                "texture_px": max(sides, default=None),
            }
        self.files.append(listed(self.folder, path, role, **told, **more))

    def manifest(self, model: Model, step: float) -> Manifest:
        """What lies in the folder now; ``model``: the finest level."""
        assert self.viewpoint is not None
        low, high = model.bounds()
        width, height, depth = (float(np.float32(side)) for side in high - low)
        return Manifest(
            scale_known=model.scale_known, unit="m" if model.scale_known else "unit",
            size=(width, height, depth), step=step, triangles=model.triangles,
            points=0 if model.points is None else len(model.points),
            viewpoint=self.viewpoint, turntable_deg=self.turntable_deg,
            files=tuple(self.files),
        )  # fmt: skip


def listed(folder: Path, path: Path, role: Role, **more: Any) -> PublicFile:
    """What the manifest says of a file that is written."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return PublicFile(
        path=path.relative_to(folder).as_posix(), role=role, sha256=digest, bytes=path.stat().st_size,
        media_type=MEDIA.get(path.suffix, "application/octet-stream"), **more,
    )  # fmt: skip
