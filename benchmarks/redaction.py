"""How well faces and number plates are found, by size, angle and light, and what is found where none is.

    .venv/bin/python benchmarks/redaction.py [--people FOLDER]

Plates and heads are drawn (`tests/drawn.py`) and put into the heritage photos of ``../shared/data``, which
show none of their own, and which no detector was trained with. False alarms are counted on the same photos as
they are; the faces of statues are among them. ``--people``: photos of people of your own, whose faces are
measured as well: what is found in them at full size is shrunk, turned, blurred and darkened. Writes
``results/redaction.md``.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import harness
from oberih.trust.pictures import decoded
from oberih.trust.redaction import HIDDEN, Region, blurred, find

sys.path.insert(0, str(harness.HOME / "tests"))
from drawn import face, number, placed, plate

Picture = NDArray[np.uint8]
Rng = np.random.Generator

DATA = harness.SHARED / "data"
VIEW = (900, 600)  # pixels of the pieces of photos that something is put into
LOOKS = ("ua", "eu", "yellow", "square")


@dataclass(frozen=True)
class Light:
    """What happens to a picture after something was put into it."""

    blur: float = 0.0  # sigma, times the height of what was put in
    bright: float = 1.0
    noise: float = 3.0  # levels
    quality: int = 88

    def taken(self, picture: Picture, height: float, rng: Rng) -> Picture:
        seen = picture.astype(np.float32)
        if self.blur:
            seen = cv2.GaussianBlur(seen, (0, 0), self.blur * height)
        seen = np.clip(seen * self.bright + rng.normal(0, self.noise, seen.shape), 0, 255).astype(np.uint8)
        _, jpeg = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        return cv2.imdecode(jpeg, cv2.IMREAD_COLOR)


DAY = Light()
Scene = Callable[[Picture, float, float, Rng], tuple[Picture, NDArray[np.floating]]]
"""Puts something of a height, turned by an angle, into a background; the corners of what must be hidden."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=Path, help="a folder with photos of people")
    parser.add_argument("--count", type=int, default=24, help="pictures for each figure")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    backgrounds = list(pieces(rng))
    lines = ["# Faces and number plates found", "", f"On {harness.machine()}.", ""]
    lines += [f"Share of those that would be hidden completely, of {options.count} each.", ""]
    lines += table("plate", drawn_plate, (12, 16, 20, 28, 40, 64, 100), backgrounds, options.count)
    lines += table("drawn face", drawn_head, (12, 16, 20, 28, 40, 80, 160, 320), backgrounds, options.count)
    if options.people:
        heads = list(heads_in(options.people))
        lines += table(
            "real face", real_head(heads), (12, 16, 20, 28, 40, 80, 160), backgrounds, options.count
        )
    lines += false_alarms()
    text = "\n".join(lines) + "\n"
    print(text)
    (harness.RESULTS / "redaction.md").write_text(text)
    return 0


def photos() -> Iterator[Path]:
    for folder in sorted(DATA.iterdir()) if DATA.is_dir() else ():
        found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
        yield from found


def pieces(rng: Rng) -> Iterator[Picture]:
    """Backgrounds: heritage photos, at half their size, cut."""
    paths = [path for path in photos() if not path.parent.name.startswith(("rameses", "niche"))]
    for path in paths[::3] or sys.exit(f"no photos in {DATA}"):
        photo = decoded(path, longest_px=1600)
        y, x = (
            int(rng.integers(0, max(1, have - want)))
            for have, want in zip(photo.shape, VIEW[::-1], strict=False)
        )
        piece = photo[y : y + VIEW[1], x : x + VIEW[0]]
        if piece.shape[:2] == VIEW[::-1]:
            yield np.ascontiguousarray(piece)


def drawn_plate(
    background: Picture, height: float, angle: float, rng: Rng
) -> tuple[Picture, NDArray[np.floating]]:
    look = str(rng.choice(LOOKS, p=(0.5, 0.25, 0.1, 0.15)))
    drawn = plate(number(rng), look=look)
    if look == "square":
        height *= 1.6  # two lines
    width = height * drawn.shape[1] / drawn.shape[0]
    corners = seen_at(width, height, angle, rng.uniform(-10, 10))
    middle = np.array(VIEW) / 2 + rng.uniform(-40, 40, 2)
    corners = corners + middle
    return placed(background, drawn, corners), middle + (corners - middle) * 0.85


def seen_at(width: float, height: float, yaw: float, roll: float) -> NDArray[np.float64]:
    """Corners of a rectangle turned by ``yaw`` about the upright axis and by ``roll`` in the picture."""
    a, b = np.radians([yaw, roll])
    flat = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    depth = 1 + flat[:, :1] * np.sin(a) / (8 * height + width)
    turned = flat * [np.cos(a), 1] / depth
    return turned @ np.array([[np.cos(b), np.sin(b)], [-np.sin(b), np.cos(b)]])


def drawn_head(
    background: Picture, height: float, angle: float, rng: Rng
) -> tuple[Picture, NDArray[np.floating]]:
    """The height is that of the face, of which a head has a third more."""
    head, mask = face(512, int(rng.integers(0, 16)))
    tall = height / 0.72
    corners = seen_at(0.8 * tall, tall, 0, angle) + np.array(VIEW) / 2
    inner = seen_at(0.5 * tall, 0.55 * tall, 0, angle) + np.array(VIEW) / 2
    return placed(background, head, corners, mask), inner


@dataclass(frozen=True)
class Head:
    picture: Picture
    mask: NDArray[np.float32]
    size: tuple[float, float]  # of the face in it, pixels


def heads_in(folder: Path) -> Iterator[Head]:
    """Faces that are found for sure at full size, with what is around them."""
    for path in sorted(folder.iterdir()):
        photo = decoded(path)
        for one in find(photo):
            if one.kind == "face" and one.score > 0.8 and one.height >= 40:
                (x, y), reach = one.centre, one.height
                box = [int(v) for v in (x - reach, y - reach, x + reach, y + reach)]
                if min(box) >= 0 and box[2] <= photo.shape[1] and box[3] <= photo.shape[0]:
                    cut = photo[box[1] : box[3], box[0] : box[2]]
                    side = np.linspace(-1, 1, cut.shape[0])
                    radius = np.hypot(*np.meshgrid(side, side[: cut.shape[1]]))
                    mask = np.clip((1 - radius) * 8, 0, 1).astype(np.float32)
                    yield Head(cut, mask[: cut.shape[0], : cut.shape[1]], (one.width, one.height))


def real_head(heads: Sequence[Head]) -> Scene:
    def scene(
        background: Picture, height: float, angle: float, rng: Rng
    ) -> tuple[Picture, NDArray[np.floating]]:
        usable = [one for one in heads if one.size[1] >= 0.9 * min(height, 120)]
        head = usable[int(rng.integers(len(usable)))]
        side = head.picture.shape[0] * height / head.size[1]
        corners = seen_at(side, side, 0, angle) + np.array(VIEW) / 2
        inner = seen_at(0.7 * height, 0.7 * height, 0, angle) + np.array(VIEW) / 2
        return placed(background, head.picture, corners, head.mask), inner

    return scene


def table(
    name: str, scene: Scene, heights: Sequence[int], backgrounds: Sequence[Picture], count: int
) -> list[str]:
    """Recall by height, and for some heights by angle and light."""
    kind = "plate" if name == "plate" else "face"
    angles = ("seen from the side by", (30, 50, 65)) if kind == "plate" else ("turned by", (20, 45, 90, 180))
    rows: list[tuple[str, float, Light]] = [("by day, from the front", 0, DAY)]
    rows += [(f"{angles[0]} {angle} degrees", angle, DAY) for angle in angles[1]]
    rows += [("out of focus", 0, Light(blur=0.08)), ("dark and noisy", 0, Light(bright=0.25, noise=8))]
    rows += [("compressed hard", 0, Light(quality=40))]
    lines = [f"## {name.capitalize()}s by height in pixels", ""]
    lines += ["| | " + " | ".join(map(str, heights)) + " |", "| --- |" + " ---: |" * len(heights)]
    for words, angle, light in rows:
        cells = []
        for height in heights:
            rng, hidden = np.random.default_rng(height), 0
            for number_ in range(count):
                sign = 1 if number_ % 2 else -1
                background = backgrounds[number_ % len(backgrounds)]
                picture, corners = scene(background, height, sign * angle, rng)
                found = [one for one in find(light.taken(picture, height, rng)) if one.kind == kind]
                hidden += covered(corners, found)
            cells.append(f"{hidden / count:.2f}")
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    return [*lines, ""]


def covered(corners: NDArray[np.floating], found: Sequence[Region]) -> bool:
    """Whether all the corners lie in what is hidden of one region."""
    for one in found:
        half = np.array([one.width, one.height]) * HIDDEN / 2
        if (np.abs(corners - one.centre) <= half).all():
            return True
    return False


def false_alarms() -> list[str]:
    lines = ["## Found in photos of heritage as they are", ""]
    lines += ["CPU-seconds: one thread; reading the file is in a process of its own and not counted.", ""]
    lines += ["| photo | megapixels | faces | plates | CPU-s find | CPU-s hide |", "| --- |" + " ---: |" * 5]
    for path in photos():
        photo = decoded(path)
        began = time.process_time()
        found = find(photo)
        middle = time.process_time()
        blurred(photo, found)
        end = time.process_time()
        counts = [sum(one.kind == kind for one in found) for kind in ("face", "plate")]
        name = path.relative_to(DATA).as_posix()
        size = f"{photo.shape[0] * photo.shape[1] / 1e6:.1f}"
        lines.append(
            f"| {name} | {size} | {counts[0]} | {counts[1]} | {middle - began:.2f} | {end - middle:.2f} |"
        )
        print(lines[-1], flush=True)
    return [*lines, ""]


if __name__ == "__main__":
    sys.exit(main())
