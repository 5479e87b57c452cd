"""Drawn clutter and photos that hold no number plate, but much that resembles one."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage
import sklearn
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["SIDE", "any_colour", "font", "fonts", "ground", "smooth", "written"]

SIDE = 160  # pixels of an example
FONTS = Path("/usr/share/fonts")
SANS = (
    "dejavusans",
    "liberationsans",
    "liberationmono",
    "roboto",
    "notosans-",
    "notosansmono",
    "notosansdisplay",
)
OTHER_STYLES = ("italic", "oblique", "thin", "light")

Rng = np.random.Generator
Floats = NDArray[np.float32]


@cache
def fonts() -> tuple[str, ...]:
    found = [
        str(path)
        for path in sorted(FONTS.rglob("*.ttf"))
        if any(word in path.name.lower() for word in SANS)
        and not any(word in path.name.lower() for word in OTHER_STYLES)
    ]
    assert found, f"no fonts in {FONTS}: install DejaVu, Liberation, Roboto or Noto"
    return tuple(found)


@cache
def font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


def smooth(grid: NDArray[np.floating], width: int, height: int) -> Floats:
    """``(height, width, 1)`` through a few values."""
    return cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)[..., None]


@cache
def photos() -> tuple[NDArray[np.uint8], ...]:
    folders = Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets" / "images"
    paths = [
        path for folder in folders for path in sorted(folder.glob("*.png")) + sorted(folder.glob("*.jpg"))
    ]
    found = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    return tuple(one for one in found if min(one.shape[:2]) >= SIDE)


def ground(rng: Rng) -> Floats:
    """A piece of a photo, or drawn clutter."""
    if rng.random() < 0.55:
        photo = photos()[rng.integers(len(photos()))]
        side = min(*photo.shape[:2], int(SIDE * np.exp(rng.uniform(np.log(0.5), np.log(3)))))
        y, x = (int(rng.integers(0, length - side + 1)) for length in photo.shape[:2])
        how = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
        piece = cv2.resize(photo[y : y + side, x : x + side], (SIDE, SIDE), interpolation=how)
        piece = piece[:, ::-1] if rng.random() < 0.5 else piece
        piece = piece.transpose(1, 0, 2) if rng.random() < 0.3 else piece
        return np.ascontiguousarray(piece, np.float32)
    picture = clutter(rng)
    if rng.random() < 0.5:
        x, y, right, bottom = (
            int(v) for v in np.r_[rng.uniform(-0.2, 0.8, 2), rng.uniform(0.2, 1, 2)] * SIDE
        )
        x, y = max(x, 0), max(y, 0)
        picture[y : y + bottom, x : x + right] = clutter(rng)[y : y + bottom, x : x + right]
    if rng.random() < 0.5:
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * SIDE
        moved = corners + rng.uniform(-0.25, 0.25, (4, 2)).astype(np.float32) * SIDE
        matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
        picture = cv2.warpPerspective(picture, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
    return picture


def clutter(rng: Rng) -> Floats:
    kinds: list[Callable[[Floats, Rng], Floats]] = [
        stone, bricks, windows, bars, lines_of_text, lines_of_text, shapes, ornament, blank_sign,
    ]  # fmt: skip
    plain = np.ones((SIDE, SIDE, 3), np.float32) * rng.integers(0, 256, 3)
    made = kinds[rng.integers(len(kinds))](plain.astype(np.float32), rng)
    return np.clip(made, 0, 255).astype(np.float32)


def any_colour(rng: Rng) -> tuple[float, float, float]:
    r, g, b = rng.integers(0, 256, 3) if rng.random() < 0.5 else np.full(3, rng.integers(0, 256))
    return float(r), float(g), float(b)


def written(
    picture: Floats, words: str, at: tuple[float, float], size: int, colour: tuple[int, int, int]
) -> Floats:
    """Words on a picture, from a place at half their height."""
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    ImageDraw.Draw(image).text(at, words, colour, font(fonts()[0], size), anchor="lm")
    return np.array(image).astype(np.float32)


def stone(picture: Floats, rng: Rng) -> Floats:  # noqa: ARG001 -- clutter is all made alike
    octaves = (rng.normal(0, 1, (2**n + 1, 2**n + 1, 3)).astype(np.float32) for n in range(1, 7))
    sizes = (
        cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) * rng.uniform(10, 60) for one in octaves
    )
    return np.sum(list(sizes), axis=0) + rng.uniform(60, 200)


def bricks(picture: Floats, rng: Rng) -> Floats:
    high, wide, clay = rng.uniform(6, 30), rng.uniform(14, 70), rng.integers(40, 220, 3)
    for row in range(int(SIDE / high) + 1):
        for column in range(-1, int(SIDE / wide) + 1):
            x, y = column * wide + row % 2 * wide / 2, row * high
            colour = tuple(float(v) for v in clay + rng.normal(0, 14, 3))
            cv2.rectangle(
                picture, (int(x + 1), int(y + 1)), (int(x + wide - 2), int(y + high - 2)), colour, -1
            )
    return picture


def windows(picture: Floats, rng: Rng) -> Floats:
    across, down, glass, frame = rng.uniform(10, 50), rng.uniform(10, 60), any_colour(rng), any_colour(rng)
    for y in np.arange(0, SIDE, down):
        for x in np.arange(0, SIDE, across):
            low, high = (int(x), int(y)), (int(x + 0.6 * across), int(y + 0.7 * down))
            cv2.rectangle(picture, low, high, glass, -1)
            cv2.rectangle(picture, low, high, frame, 1 + int(rng.integers(2)))
            if rng.random() < 0.9:
                cv2.line(picture, (int(x + 0.3 * across), low[1]), (int(x + 0.3 * across), high[1]), frame, 1)
    return picture


def bars(picture: Floats, rng: Rng) -> Floats:
    """Railings, slats, or a strip of them."""
    step, colour = rng.uniform(3, 16), any_colour(rng)
    for x in np.arange(0, SIDE, step):
        end = int(x + rng.uniform(-2, 2))
        cv2.line(picture, (int(x), 0), (end, SIDE), colour, max(1, int(step * rng.uniform(0.2, 0.6))))
    picture = picture.transpose(1, 0, 2).copy() if rng.random() < 0.5 else picture
    return strip(picture, rng) if rng.random() < 0.5 else picture


def strip(picture: Floats, rng: Rng) -> Floats:
    top, height = int(rng.uniform(0.1, 0.8) * SIDE), int(rng.uniform(0.1, 0.4) * SIDE)
    cut = np.ones_like(picture) * np.array(any_colour(rng), np.float32)
    cut[top : top + height] = picture[top : top + height]
    return cut


def lines_of_text(picture: Floats, rng: Rng) -> Floats:
    """Signs and inscriptions, Latin and Cyrillic."""
    image = Image.fromarray(picture.astype(np.uint8))
    pen, typeface = ImageDraw.Draw(image), str(rng.choice(fonts()))
    size, y, letters = (
        int(rng.integers(7, 60)),
        rng.uniform(-20, 20),
        (97, 122) if rng.random() < 0.5 else (0x430, 0x44F),
    )
    colour = tuple(int(v) for v in any_colour(rng))
    while y < SIDE:
        words = ("".join(chr(rng.integers(*letters)) for _ in range(rng.integers(2, 10))) for _ in range(8))
        line = " ".join(words)
        line = line.upper() if rng.random() < 0.3 else line
        pen.text((rng.uniform(-60, 5), y), line, colour, font(typeface, size))
        y += size * rng.uniform(1.1, 1.5)
    return np.array(image).astype(np.float32)


def shapes(picture: Floats, rng: Rng) -> Floats:
    for _ in range(rng.integers(3, 40)):
        (x, y), wide, high = rng.uniform(0, SIDE, 2), rng.uniform(3, SIDE / 2), rng.uniform(3, SIDE / 3)
        line = -1 if rng.random() < 0.7 else 2
        if rng.random() < 0.6:
            cv2.rectangle(picture, (int(x), int(y)), (int(x + wide), int(y + high)), any_colour(rng), line)
        else:
            half = int(wide / 2), int(high / 2)
            cv2.ellipse(
                picture, (int(x), int(y)), half, float(rng.uniform(0, 180)), 0, 360, any_colour(rng), line
            )
    return picture


def ornament(picture: Floats, rng: Rng) -> Floats:
    """A frieze, or a field of the same thing again and again."""
    side = int(rng.integers(8, 40))
    one = np.ones((side, side, 3), np.float32) * np.array(any_colour(rng), np.float32)
    line = -1 if rng.random() < 0.5 else 2
    cv2.circle(one, (side // 2, side // 2), int(side * rng.uniform(0.15, 0.5)), any_colour(rng), line)
    ends = [tuple(int(v) for v in rng.integers(0, side, 2)) for _ in range(2)]
    cv2.line(one, ends[0], ends[1], any_colour(rng), 2)
    field = np.tile(one, (SIDE // side + 1, SIDE // side + 1, 1))[:SIDE, :SIDE]
    if rng.random() < 0.4:
        return field.copy()
    top = int(rng.uniform(0, SIDE - side))
    picture[top : top + side] = field[:side]
    return picture


def blank_sign(picture: Floats, rng: Rng) -> Floats:
    (x, y), wide = rng.uniform(0, 0.6 * SIDE, 2), rng.uniform(20, 100)
    low, high = (int(x), int(y)), (int(x + wide), int(y + wide / rng.uniform(1, 5)))
    cv2.rectangle(picture, low, high, any_colour(rng), -1)
    cv2.rectangle(picture, low, high, any_colour(rng), 2)
    return picture
