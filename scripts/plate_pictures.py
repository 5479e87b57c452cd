"""Endless drawn pictures of number plates, with what is true of them: what `train_plates.py` learns from.

A plate of some country is drawn, worn, set into something like a car's body, seen at an angle, and put before
a photo or drawn clutter (lettering, bricks, windows, railings, ornaments), which is what else looks like a
plate. Photos come from scikit-image and scikit-learn, all of them free to use; none shows heritage that we
test with.
"""

import string
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from plate_clutter import SIDE, any_colour, font, fonts, ground, smooth, written

__all__ = ["CELL", "SIDE", "Example", "example"]

CELL = 4  # pixels of a cell whose truth is asked for
LEAST_PX, MOST_PX, NARROWEST_PX = 9, 46, 14  # height and width of a plate that has to be known at this scale
FORMS = (  # L: one of the letters that Cyrillic and Latin share, A: any letter, D: a digit
    "LL DDDD LL", "LL DDDD LL", "LLDDDDLL", "L DDD LL DD", "AA DDDDD", "AAA DDD", "DAA DDDD", "AA-DDD-AA",
    "A AA DDDD", "DDDDD LL", "AADD AAA", "AAA DDDD",
)  # fmt: skip

Rng = np.random.Generator
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    picture: NDArray[np.uint8]  # (SIDE, SIDE, 3) RGB
    plate: Floats  # (SIDE / CELL, SIDE / CELL) share of each cell that is plate
    weight: Floats  # the same; 0 where nobody has to know (too small, too large, at its border)


def example(rng: Rng) -> Example:
    picture = ground(rng)
    plate, asked = np.zeros((SIDE, SIDE), np.float32), np.ones((SIDE, SIDE), np.float32)
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        height = float(np.exp(rng.uniform(np.log(7), np.log(64))))
        corners = put(picture, rng, height, rng.uniform(0.1, 0.9, 2) * SIDE)
        sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)  # top, right, bottom, left
        here = cv2.fillConvexPoly(
            np.zeros((SIDE, SIDE), np.uint8), np.round(corners * 16).astype(np.int32), 1, shift=4
        )
        if LEAST_PX <= min(sides[1], sides[3]) <= MOST_PX and min(sides[0], sides[2]) > NARROWEST_PX:
            plate, asked = np.maximum(plate, here), np.maximum(asked, here)
        else:
            asked[cv2.dilate(here, np.ones((5, 5), np.uint8)) > 0] = 0
    size = (SIDE // CELL, SIDE // CELL)
    share, weight = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (plate, asked))
    weight[(share > 0.2) & (share < 0.8)] *= 0.3
    weight[weight <= 0.25] = 0
    return Example(photographed(picture, rng), share, weight)


# -- plates --------------------------------------------------------------------------------------------------


def number(rng: Rng) -> str:
    choices = {"L": "ABCEHIKMOPTX", "A": string.ascii_uppercase, "D": string.digits}
    return "".join(str(rng.choice(list(choices.get(c, c)))) for c in str(rng.choice(FORMS)))


def colours(rng: Rng) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of the plate and of what is written on it: mostly dark on white."""
    look, light, dark = rng.random(), rng.integers(205, 256), rng.integers(0, 50)
    white, black = np.full(3, light) + rng.integers(-8, 9, 3), np.full(3, dark)
    if look < 0.06:
        return white, np.array([*rng.integers(0, 60, 2), rng.integers(90, 160)])
    if look < 0.70:
        return white, black
    if look < 0.90:
        return np.array([rng.integers(215, 256), rng.integers(170, 215), rng.integers(0, 70)]), black
    if look < 0.93:
        return np.full(3, rng.integers(0, 40)), np.full(3, rng.integers(210, 256))
    if look < 0.96:
        return np.array([rng.integers(130, 200), 20, 30]), np.full(3, 240)
    if look < 0.985:
        return np.array([30, 60, rng.integers(120, 200)]), np.full(3, 240)
    return np.array([235, 240, 235]), np.array([20, 130, 60])


def rgb(values: NDArray[np.floating] | NDArray[np.int64]) -> tuple[int, int, int]:
    r, g, b = (int(v) for v in np.clip(values, 0, 255))
    return r, g, b


def plate(rng: Rng) -> NDArray[np.uint8]:
    """RGB, about 112 pixels high, or 200 if it has two lines."""
    two = rng.random() < 0.3
    wide = rng.choice([220, 280, 300, 340]) if two else 360 if rng.random() < 0.08 else 520
    width, height = int(wide * rng.uniform(0.9, 1.05)), int(202 * rng.uniform(0.85, 1.05)) if two else 112
    ground_colour, ink = colours(rng)
    image = Image.new("RGB", (width, height), rgb(ground_colour))
    pen, left = ImageDraw.Draw(image), 0
    if rng.random() < 0.72:
        left = int(width * (rng.uniform(0.1, 0.16) if two else rng.uniform(0.07, 0.095)))
        band(pen, rng, left, height)
    right = width - (int(width * 0.08) if rng.random() < 0.06 else 0)
    pen.rectangle((right, 0, width, height), fill=(0, 60, 150))
    text, typeface = number(rng), str(rng.choice(fonts()))
    lines = [text[: len(text) // 2].strip(), text[len(text) // 2 :].strip()] if two else [text]
    for row, line in enumerate(lines):
        glyphs = lettering(line, typeface, rng)
        size = (
            int((right - left) * rng.uniform(0.78, 0.94)),
            int(height / len(lines) * rng.uniform(0.58, 0.76)),
        )
        at = left + (right - left - size[0]) // 2, int(height / len(lines) * (row + 0.5) - size[1] / 2)
        image.paste(Image.new("RGB", size, rgb(ink)), at, glyphs.resize(size, Image.Resampling.BILINEAR))
    drawn = np.array(image)
    if rng.random() < 0.8:
        line = rgb(ink if rng.random() < 0.7 else ground_colour * 0.6)
        edge = int(rng.integers(2, 6))
        cv2.rectangle(drawn, (edge, edge), (width - edge, height - edge), line, int(rng.integers(1, 5)))
    if rng.random() < 0.5:  # screws
        for x in (0.12, 0.88):
            place = int(width * x), int(height * rng.uniform(0.1, 0.9))
            cv2.circle(drawn, place, int(rng.integers(3, 7)), (60, 60, 60), -1)
    return worn(drawn, rng)


def band(pen: ImageDraw.ImageDraw, rng: Rng, width: int, height: int) -> None:
    """The coloured strip at the left with a country's letters."""
    blue = (0, 80, 190) if rng.random() < 0.4 else rgb(rng.integers([0, 40, 130], [30, 90, 200]))
    pen.rectangle((0, 0, width, height), fill=blue)
    if rng.random() < 0.4:
        inner = width * 0.15, width * 0.85
        pen.rectangle((inner[0], height * 0.12, inner[1], height * 0.28), fill=(0, 90, 200))
        pen.rectangle((inner[0], height * 0.28, inner[1], height * 0.44), fill=(255, 215, 0))
    else:
        for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
            x, y = width / 2 + width * 0.3 * np.cos(angle), height * 0.3 + width * 0.3 * np.sin(angle)
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=(255, 220, 0))
    country = (
        "UA" if rng.random() < 0.4 else "".join(rng.choice(list(string.ascii_uppercase), rng.integers(1, 4)))
    )
    pen.text(
        (width / 2, height * 0.75), country, "white", font(fonts()[0], max(6, int(width * 0.55))), anchor="mm"
    )


def lettering(text: str, typeface: str, rng: Rng) -> Image.Image:
    large = font(typeface, 120)
    x0, y0, x1, y1 = large.getbbox(text)
    glyphs = Image.new("L", (int(x1 - x0) + 2, int(y1 - y0) + 2))
    ImageDraw.Draw(glyphs).text((1 - x0, 1 - y0), text, 255, large)
    if rng.random() < 0.5:
        bold = int(rng.integers(1, 6))
        glyphs = Image.fromarray(cv2.dilate(np.array(glyphs), np.ones((bold, bold), np.uint8)))
    return glyphs


def worn(drawn: NDArray[np.uint8], rng: Rng) -> NDArray[np.uint8]:
    """In uneven light, and dirty."""
    height, width = drawn.shape[:2]
    picture = drawn.astype(np.float32)
    if rng.random() < 0.5:
        picture *= 1 - rng.uniform(0, 0.35) * np.linspace(0, 1, height)[:, None, None]
    if rng.random() < 0.4:
        picture *= 1 - rng.uniform(0, 0.35) * np.linspace(0, 1, width)[None, :, None]
    if rng.random() < 0.3:
        dirt = smooth(rng.uniform(0, 1, (4, 12)), width, height) * rng.uniform(0.1, 0.5)
        picture = picture * (1 - dirt) + np.array([110, 90, 70]) * dirt
    return np.clip(picture, 0, 255).astype(np.uint8)


# -- in the world --------------------------------------------------------------------------------------------


def mounted(drawn: NDArray[np.uint8], rng: Rng) -> tuple[NDArray[np.uint8], Floats]:
    """The plate on something like a car's body, in a frame; and the plate's corners there."""
    height, width = drawn.shape[:2]
    down, across = int(height * rng.uniform(0.25, 1.2)), int(width * rng.uniform(0.08, 0.5))
    size = height + 2 * down, width + 2 * across
    paint = rng.integers(10, 245, 3) if rng.random() < 0.5 else np.full(3, rng.integers(5, 240))
    shade = np.linspace(rng.uniform(0.5, 1.2), rng.uniform(0.5, 1.2), size[0])[:, None, None]
    body = (np.ones((*size, 3)) * paint * shade).astype(np.float32)
    body += smooth(rng.normal(0, 1, (5, 9)), size[1], size[0]) * rng.uniform(0, 25)
    for _ in range(rng.integers(0, 6)):  # edges of sheet metal
        x0, x1, y0 = (int(v) for v in rng.uniform(-0.2, 1.2, 3) * [size[1], size[1], size[0]])
        y1 = y0 + int(rng.normal(0, 8)) if rng.random() < 0.6 else int(rng.uniform(0, size[0]))
        cv2.line(body, (x0, y0), (x1, y1), any_colour(rng), int(rng.integers(2, 14)))
    if rng.random() < 0.35:  # a recess
        edge = int(height * rng.uniform(0.05, 0.4))
        darker = tuple(float(v) for v in paint * rng.uniform(0.2, 0.8))
        low, high = (across - 2 * edge, down - edge), (across + width + 2 * edge, down + height + edge)
        cv2.rectangle(body, low, high, darker, -1)
    if rng.random() < 0.5:  # a dealer's frame
        edge = int(height * rng.uniform(0.03, 0.12))
        foot = int(height * rng.uniform(0.08, 0.22)) if rng.random() < 0.6 else edge
        grey = float(rng.integers(5, 60) if rng.random() < 0.8 else rng.integers(120, 220))
        high = across + width + edge, down + height + foot
        cv2.rectangle(body, (across - edge, down - edge), high, (grey, grey, grey), -1)
        if foot > edge and rng.random() < 0.7:
            words = "".join(rng.choice(list(string.ascii_uppercase + " "), rng.integers(8, 20)))
            at = across + width // 6, down + height + foot // 2 + 2
            body = written(body, words, at, max(6, int(foot * 0.7)), (230, 230, 230))
    body[down : down + height, across : across + width] = drawn
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * [width, height] + [across, down]
    return np.clip(body, 0, 255).astype(np.uint8), corners.astype(np.float32)


def put(picture: Floats, rng: Rng, height: float, at: NDArray[np.floating]) -> Floats:
    """Put a plate of that height into the picture, seen at an angle; its corners."""
    drawn = plate(rng)
    whole = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    front, corners = mounted(drawn, rng) if rng.random() < 0.85 else (drawn, whole * drawn.shape[1::-1])
    shrink = drawn.shape[0] / height
    if shrink > 1.1:
        front = cv2.GaussianBlur(front, (0, 0), 0.42 * shrink)
    outline = whole * front.shape[1::-1]
    flat = np.c_[(outline - corners.mean(axis=0)) / drawn.shape[0], np.zeros(4)]
    yaw, pitch = np.radians([rng.uniform(-62, 62), rng.uniform(-35, 35)])
    roll = np.radians(np.clip(rng.normal(0, 8), -30, 30))
    seen = flat @ (turn(2, roll) @ turn(0, pitch) @ turn(1, yaw)).T
    target = seen[:, :2] / (1 + seen[:, 2:] / rng.uniform(14, 40)) * height + at
    matrix = cv2.getPerspectiveTransform(outline.astype(np.float32), target.astype(np.float32))
    image = cv2.warpPerspective(front, matrix, (SIDE, SIDE)).astype(np.float32)
    share = cv2.warpPerspective(np.ones(front.shape[:2], np.float32), matrix, (SIDE, SIDE))[..., None]
    if rng.random() < 0.7:
        image *= rng.uniform(0.35, 1.05)
    if rng.random() < 0.4:
        image *= 1 + rng.uniform(-0.12, 0.12, 3).astype(np.float32)
    picture[:] = picture * (1 - share) + image * share
    return cv2.perspectiveTransform(corners[None], matrix)[0]


def turn(axis: int, angle: float) -> NDArray[np.float64]:
    matrix, (i, j) = np.eye(3), [(1, 2), (2, 0), (0, 1)][axis]
    matrix[[i, i, j, j], [i, j, i, j]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
    return matrix


def photographed(picture: Floats, rng: Rng) -> NDArray[np.uint8]:
    """Blurred, moved, too dark or too bright, noisy, compressed."""
    if rng.random() < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), max(0.05, rng.uniform(0, 1.1)))
    if rng.random() < 0.15:
        path = np.zeros((5, 5), np.float32)
        cv2.line(path, (0, int(rng.integers(5))), (4, int(rng.integers(5))), 1.0)
        picture = cv2.filter2D(picture, -1, path / path.sum())
    picture = picture * rng.uniform(0.5, 1.25) + rng.uniform(-25, 25)
    picture = 255 * np.clip(picture / 255, 0, 1) ** rng.uniform(0.7, 1.4)
    picture = picture + rng.normal(0, rng.uniform(0, 9), picture.shape)
    taken = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.8:
        _, jpeg = cv2.imencode(".jpg", taken, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 97))])
        taken = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    return taken
