"""Models for the tests of the viewer, and a public site that shows them.

site = Site(folder)
site.add(box(), 1, titles={"en": "A box"})
with serving(site.app) as address: ...
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oberih.archive.stores import open_store
from oberih.catalogue.public import (
    PublicFile,
    PublicRecord,
    PublicScene,
    PublicView,
    create,
    open_projection,
    publish,
)
from oberih.formats import Model
from oberih.geometry import Mesh
from oberih.products import Choices, Manifest, make_public, read_manifest
from oberih.web.open.app import public_app
from oberih.web.pages import Pages
from public_help import plain

__all__ = ["BOX_M", "Site", "box", "record_of", "vase"]

BOX_M = (2.0, 1.0, 0.5)
"""Width, height and depth."""

Floats = NDArray[np.float64]


def box(size: tuple[float, float, float] = BOX_M, squares: int = 8) -> Model:
    """A painted box: each side of ``squares`` x ``squares`` squares, in a colour of its own."""
    half = np.array(size) / 2
    at = np.linspace(-1, 1, squares + 1)
    u, v = (one.ravel() for one in np.meshgrid(at, at, indexing="ij"))
    corner = np.arange(squares)[:, None] * (squares + 1) + np.arange(squares)
    a, b, c, d = ((corner + step).ravel() for step in (0, squares + 1, squares + 2, 1))
    grid = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    colours = np.array([[186, 120, 84], [92, 128, 116], [206, 178, 120], [120, 96, 84], [150, 150, 140],
                        [84, 104, 140]], np.uint8)  # fmt: skip
    vertices, faces, painted = [], [], []
    for axis in range(3):
        for side in (-1, 1):
            places = np.empty((len(u), 3))
            places[:, axis] = side
            places[:, (axis + 1) % 3], places[:, (axis + 2) % 3] = (u, v) if side > 0 else (v, u)
            faces.append(grid + len(u) * len(vertices))
            painted.append(np.tile(colours[len(vertices)], (len(u), 1)))
            vertices.append(places * half)
    mesh = Mesh(
        np.concatenate(vertices).astype(np.float32), np.concatenate(faces).astype(np.int32),
        colours=np.concatenate(painted),
    )  # fmt: skip
    return Model((mesh,))


def vase(triangles: int = 60_000, texels: int = 1024, *, worn: bool = False) -> Model:
    """A painted jug with carved bands, 0.6 m high. ``worn``: with the grain of old clay, which packs ill."""
    along = max(8, int(np.sqrt(triangles / 3)))
    around = max(12, triangles // (2 * along))
    v, u = np.meshgrid(np.linspace(0, 1, along + 1), np.linspace(0, 1, around + 1), indexing="ij")
    turn = 2 * np.pi * u
    radius = (
        0.09 + 0.13 * np.sin(np.pi * np.clip(v * 1.12, 0, 1)) ** 1.4 + 0.03 * np.clip(v - 0.86, 0, 1) / 0.14
    )
    band = np.exp(-(((v - 0.45) / 0.1) ** 2))
    radius = radius + 0.008 * band * np.sin(12 * turn + 14 * v) + 0.0022 * np.sin(90 * v) * (v > 0.66)
    if worn:
        radius = radius + np.random.default_rng(2).normal(0, 0.0004, radius.shape)
    places = np.stack([radius * np.sin(turn), 0.6 * v, radius * np.cos(turn)], axis=2).reshape(-1, 3)
    at = (np.arange(along)[:, None] * (around + 1) + np.arange(around)).ravel()
    faces = np.concatenate([
        np.stack([at, at + 1, at + around + 2], 1), np.stack([at, at + around + 2, at + around + 1], 1),
    ])  # fmt: skip
    uv = np.stack([u, 1 - v], axis=2).reshape(-1, 2)
    mesh = Mesh(
        places.astype(np.float32), faces.astype(np.int32), uv=uv[faces].astype(np.float32),
        texture=glaze(texels, 26 if worn else 9),
    )  # fmt: skip
    return Model((mesh,))


def glaze(texels: int, speckles: float) -> NDArray[np.uint8]:
    """Clay with painted bands and leaves, speckled as clay is."""
    v, u = np.meshgrid(np.linspace(1, 0, texels), np.linspace(0, 1, texels), indexing="ij")
    colour: Floats = np.tile(np.array([188.0, 150.0, 112.0]), (texels, texels, 1))
    wave = 0.45 + 0.05 * np.sin(24 * np.pi * u)
    for middle, width, paint in (
        (0.2, 0.012, (70, 46, 36)),
        (0.7, 0.02, (70, 46, 36)),
        (0.75, 0.008, (60, 92, 84)),
    ):
        colour[np.abs(v - middle) < width] = paint
    colour[np.abs(v - wave) < 0.012] = (60, 92, 84)
    leaf = ((24 * u) % 1 - 0.5) ** 2 / 0.08 + ((v - 0.55) / 0.028) ** 2 < 1
    colour[leaf] = (158, 70, 48)
    size = min(texels, 1024)
    speckle = np.random.default_rng(1).normal(0, speckles, (size, size, 1))
    speckle = speckle.repeat(texels // size, 0).repeat(texels // size, 1)
    return np.clip(colour + speckle, 0, 255).astype(np.uint8)


def record_of(
    manifest: Manifest, below: str, number: int, eyes: tuple[PublicView, ...] = (), **more: Any
) -> PublicRecord:
    """The public record of what was made, as `oberih.work` makes it; its files lie under ``below``."""

    def micro(point: tuple[float, float, float]) -> tuple[int, int, int]:
        x, y, z = (round(1e6 * one) for one in point)
        return x, y, z

    view = manifest.viewpoint
    files = tuple(
        PublicFile(
            path=f"{below}/{one.path}", media_type=one.media_type, bytes=one.bytes, sha256=one.sha256,
            role=one.role, format=one.format or None, triangles=one.triangles, points=one.points,
            size_px=one.size_px,
        )
        for one in manifest.files if one.role != "tiles" or one.path.endswith("/tileset.json")
    )  # fmt: skip
    scene = PublicScene(
        unit=manifest.unit, size=micro(manifest.size), field_deg=round(view.field_deg),
        view=PublicView(eye=micro(view.eye), target=micro(view.target)), eyes=eyes,
    )  # fmt: skip
    return plain(number, files=files, scene=scene, **more)


class Site:
    """A public site with its files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{folder}/public.sqlite"
        (folder / "public.sqlite").unlink(missing_ok=True)
        self.writer = open_projection(url, read_only=False)
        create(self.writer)
        self.reader = open_projection(url)
        self.app = public_app(self.reader, open_store(folder / "files", create=True), Pages(("en", "uk")))

    def add(
        self, model: Model | None, number: int, choices: Choices | None = None,
        eyes: tuple[PublicView, ...] = (), **more: Any,
    ) -> PublicRecord:  # fmt: skip
        """Make the public files of ``model``, if they are not there, and publish them."""
        out = self.folder / "files" / f"{number}" / "v1"
        if not out.exists():
            assert model is not None
            out.parent.mkdir(parents=True, exist_ok=True)
            make_public(model, out, choices)
        made = record_of(read_manifest(out), f"{number}/v1", number, eyes, **more)
        publish(self.writer, made)
        return made

    def close(self) -> None:
        self.reader.close()
        self.writer.close()
