"""Pictures of a public model: the poster in several sizes, one for links on other sites, and a turntable for
browsers that show no 3D. All are drawn from the public model: nothing is in them that is not in it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih.geometry import View
from oberih.products.light import SUPERSAMPLING, Ground, finished, lightening
from oberih.products.manifest import Viewpoint
from oberih.products.studio import Stand, Studio
from oberih.progress import Progress
from oberih.trust.pictures import encoded

__all__ = ["Drawn", "Shooting"]

POSTERS = ((1200, 100_000), (800, 60_000), (400, 25_000))  # width in pixels, bytes at most
SOCIAL = (1200, 630, 150_000)  # what sites show beside a link
TURNTABLE = (640, 480, 40_000)
BEST, WORST = 88, 10  # quality


@dataclass(frozen=True)
class Drawn:
    """A picture that is written."""

    role: Literal["poster", "social", "turntable"]
    path: Path
    size: tuple[int, int]


class Shooting:
    """Takes the pictures of a model and writes them into a folder. ``look``: the view of a picture of some
    width and height, from where the poster is taken.
    """

    def __init__(self, studio: Studio, look: Callable[[int, int], View]) -> None:
        self.studio, self.look = studio, look
        self.ground = Ground.under(studio.places())
        poster = self.large(*sized(POSTERS[0][0]))
        self.viewpoint: Viewpoint = studio.viewpoint(poster)
        self.gamma = None
        if studio.lit:
            self.gamma = lightening(studio.seen(replace(poster, camera=poster.camera.scaled(320, 240))))

    def posters(self, folder: Path, progress: Progress) -> Iterator[Drawn]:
        """Write the poster in all its sizes, and what sites show beside a link."""
        poster = self.taken(self.large(*sized(POSTERS[0][0])))
        for width, most in POSTERS:
            name = "poster.webp" if width == POSTERS[0][0] else f"poster-{width}.webp"
            size = sized(width)
            small = Image.fromarray(poster).resize(size, Image.Resampling.LANCZOS)
            (folder / name).write_bytes(within(small, "webp", most))
            yield Drawn("poster", folder / name, size)
        progress.check()
        width, height, most = SOCIAL
        social = Image.fromarray(self.taken(self.large(width, height)))
        (folder / "social.jpg").write_bytes(within(social, "jpeg", most))
        yield Drawn("social", folder / "social.jpg", (width, height))

    def turntable(self, stands: list[Stand], folder: Path, progress: Progress) -> Iterator[Drawn]:
        """Write a picture from each of ``stands``."""
        if not stands:
            return
        (folder / "turntable").mkdir()
        width, height, most = TURNTABLE
        views = self.studio.turning(stands, SUPERSAMPLING * width, SUPERSAMPLING * height)
        for number, view in enumerate(views):
            progress.check()
            path = folder / "turntable" / f"{number:02d}.webp"
            path.write_bytes(within(Image.fromarray(self.taken(view)), "webp", most))
            yield Drawn("turntable", path, (width, height))

    def large(self, width: int, height: int) -> View:
        return self.look(SUPERSAMPLING * width, SUPERSAMPLING * height)

    def taken(self, view: View) -> NDArray[np.uint8]:
        return finished(self.studio.seen(view), view, self.ground, self.gamma)


def sized(width: int) -> tuple[int, int]:
    """Width and height of a poster."""
    return width, width * 3 // 4


def within(picture: Image.Image, kind: Literal["webp", "jpeg"], most: int) -> bytes:
    """The picture at the best quality that ``most`` bytes hold; by halves between best and worst."""
    pixels = np.asarray(picture)
    low, high, found = WORST, BEST, b""
    while low <= high:
        quality = high if not found and high == BEST else (low + high) // 2
        data = encoded(pixels, kind, quality=quality)
        if len(data) <= most:
            found, low = data, quality + 1
        else:
            high = quality - 1
    return found or encoded(pixels, kind, quality=WORST)
