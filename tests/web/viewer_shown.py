"""A site that the tests of the viewer look at, and the browser in which they do: one of each for all."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser

from oberih.catalogue.public import (
    PublicAnnotation,
    PublicRecord,
    PublicRelation,
    PublicStop,
    PublicTour,
    PublicView,
    Quality,
)
from oberih.formats import Model
from oberih.formats.gltf import export_glb
from oberih.geometry import PointCloud
from oberih.products import Choices, levels, pictures, studio
from oberih.products.levels import SMALL, Limit
from oberih.progress import Progress
from public_help import ark
from web.browser import serving
from web.viewer_models import BOX_M, Site, box, vase
from web.viewing import Viewing, drawing_chromium, opened

__all__ = [
    "ASIDE",
    "TOP",
    "M",
    "Sharpened",
    "Shown",
    "box_seen",
    "box_window",
    "drawing",
    "jug_seen",
    "jug_window",
    "phone_seen",
    "phone_window",
    "shown",
]  # fmt: skip

ANDROID = "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/150.0 Mobile Safari/537.36"
PLAIN = Choices(downloads=(), turntable=4)
M = 1_000_000
ASIDE = PublicView(eye=(3 * M, M, 0), target=(0, M // 2, 0))
TOP = PublicView(eye=(0, 4 * M, M), target=(0, M // 2, 0))
EYES = tuple(
    PublicView(eye=(across * M, M // 2, away * M), target=(0, M // 2, 0))
    for across in (-2, 0, 2) for away in (2, 3)
)  # fmt: skip
"""Six photos, taken from before the box."""
NOTES = (
    PublicAnnotation(
        id="front", at=(0, M // 2, 250_000), titles={"en": "The front", "uk": "Передня сторона"},
        texts={"en": "It is painted.\nBy hand.", "uk": "Розмальована."},
    ),
    PublicAnnotation(id="side", at=(M, M // 2, 0), titles={"en": "The side"}, view=ASIDE),
)  # fmt: skip
TOUR = PublicTour(
    id="round", titles={"en": "All around"},
    stops=(
        PublicStop(view=ASIDE, annotation="side", texts={"en": "First the side."}),
        PublicStop(view=TOP, texts={"en": "Then from above."}),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A site that is served: addresses, and the records on it."""

    address: str
    box: PublicRecord
    field_deg: int

    def record(self, number: int) -> str:
        return f"{self.address}/records/{ark(number).removeprefix('ark:/')}"

    def embed(self, number: int) -> str:
        return f"{self.address}/embed/{ark(number).removeprefix('ark:/')}"


@pytest.fixture(
    scope="module"
)  # not longer: where a driver of browsers runs, neither another nor asyncio can
def drawing() -> Iterator[Browser]:
    with drawing_chromium() as found:
        yield found


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """1: a box of known size with notes; 2: a jug of unknown scale, in tiles, later than 3; 4: a cloud of
    points that say how sure they are; 5: a box that says so, too, surer upwards, with the places of its
    photos.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studio, "TURNS", 8)
        patch.setattr(pictures, "POSTERS", ((320, 100_000), (160, 50_000)))
        patch.setattr(pictures, "SOCIAL", (320, 168, 100_000))
        patch.setattr(pictures, "TURNTABLE", (160, 120, 40_000))
        site = Site(tmp_path_factory.mktemp("viewer"))
        found = site.add(
            box(), 1, PLAIN, titles={"en": "A box", "uk": "Скриня"}, annotations=NOTES, tours=(TOUR,),
            quality=Quality(error_um=4000),
        )  # fmt: skip
        later = (PublicRelation(kind="replaces", id=ark(3)),)
        for number, name in ((3, "The box before"), (4, "Sure points")):
            shutil.copytree(site.folder / "files" / "1", site.folder / "files" / f"{number}")
            made = site.add(None, number, titles={"en": name})
        carrying(site.folder / "files" / made.files_for("full")[0].path)
        (part,) = box().parts
        surer = replace(part, confidence=(part.vertices[:, 1] / BOX_M[1] + 0.5).astype(np.float32))
        site.add(
            Model((surer,)), 5, PLAIN, eyes=EYES, titles={"en": "A sure box", "uk": "Певна скриня"},
            quality=Quality(error_um=60_000),
        )  # fmt: skip
        patch.setattr(levels, "SMALL", Limit(900, 999, 64, 9_000))
        jug, few = replace(vase(4000, 256), scale_known=False), PLAIN.model_copy(update={"triangles": 1500})
        site.add(jug, 2, few, titles={"en": "A jug"}, relations=later)
        patch.setattr(levels, "SMALL", SMALL)
    assert found.scene is not None
    with serving(site.app) as address:
        yield Shown(address, found, found.scene.field_deg)
    site.close()


def carrying(path: Path) -> None:
    """Put a cloud of points there, which say how sure they are."""
    (mesh,) = box(squares=60).parts
    sure = np.linspace(0, 1, len(mesh.vertices), dtype=np.float32)
    places = mesh.vertices + np.array([0, 0.5, 0], np.float32)  # on the ground
    export_glb(path, Model(points=PointCloud(places, None, mesh.colours, sure)), Progress())


@pytest.fixture(scope="module")
def box_window(drawing: Browser, shown: Shown) -> Iterator[Viewing]:
    with opened(drawing, shown.embed(1)) as viewing:
        yield viewing


@dataclass(frozen=True)
class Sharpened:
    """A window whose model came in tiles after its light level; and that, when it stood alone."""

    viewing: Viewing
    level: Mapping[str, Any]
    picture: NDArray[np.float64]


@pytest.fixture(scope="module")
def jug_window(drawing: Browser, shown: Shown) -> Iterator[Sharpened]:
    with opened(drawing, shown.embed(2), hold="**/tileset.json") as viewing:
        viewing.until(lambda: viewing.drawn()["level"] == "small")
        light = viewing.drawn(), viewing.picture()
        viewing.let_go()
        viewing.until(lambda: viewing.drawn()["level"] == "tiles")
        yield Sharpened(viewing, *light)


@pytest.fixture(scope="module")
def phone_window(drawing: Browser, shown: Shown) -> Iterator[Viewing]:
    """A phone in Ukrainian on the page of the box."""
    with opened(drawing, shown.record(1), size="phone", language="uk", user_agent=ANDROID) as viewing:
        yield viewing


@pytest.fixture
def box_seen(box_window: Viewing) -> Iterator[Viewing]:
    """The box in a window that tests use one after the other: to open one costs a second of the processor."""
    yield from used(box_window)


@pytest.fixture
def jug_seen(jug_window: Sharpened) -> Iterator[Viewing]:
    """The jug, in tiles, in the same way."""
    yield from used(jug_window.viewing)


@pytest.fixture
def phone_seen(phone_window: Viewing) -> Iterator[Viewing]:
    """The box on a phone, in the same way."""
    yield from used(phone_window)


def used(viewing: Viewing) -> Iterator[Viewing]:
    viewing.reset()
    yield viewing
    assert viewing.said == []
