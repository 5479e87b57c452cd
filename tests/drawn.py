"""Faces and number plates that are drawn: of nobody, but detectors take them for real ones."""

import string

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["face", "number", "placed", "plate"]

Picture = NDArray[np.uint8]


def face(height: int = 256, seed: int = 0) -> tuple[Picture, NDArray[np.float32]]:
    """A head seen from the front, RGB, and how much each pixel is of it (0..1). About 0.8 as wide as high."""
    rng = np.random.default_rng(seed)
    n = 512
    y, x = np.mgrid[0:n, 0:n].astype(np.float32) / n * 2 - 1
    skin = np.array([[224, 172, 140], [198, 134, 98], [141, 92, 62], [240, 200, 175]][seed % 4], np.float32)
    hair = np.array([[40, 28, 22], [20, 18, 18], [120, 85, 50], [90, 60, 40]][seed // 4 % 4], np.float32)

    def soft(distance: NDArray[np.float32], width: float) -> NDArray[np.float32]:
        return np.clip(0.5 - distance / width, 0, 1)

    def oval(cx: float, cy: float, rx: float, ry: float, width: float = 0.05) -> NDArray[np.float32]:
        radius = np.hypot((x - cx) / rx, (y - cy) / ry)
        return soft((radius - 1) * min(rx, ry), width)

    head, mane = oval(0, 0.08, 0.62, 0.82), oval(0, -0.12, 0.74, 0.84)
    picture = np.broadcast_to(hair, (n, n, 3)) * (0.8 + 0.2 * (1 - y[..., None]) / 2)
    light = 1.08 - 0.35 * (x * 0.5 + 0.2) ** 2 - 0.18 * (x**2 + (y - 0.1) ** 2)
    shaded = skin * light[..., None]
    face_shape = head * soft(-(y + 0.42 + 0.12 * np.cos(x * 3)), 0.06)
    picture = picture * (1 - face_shape[..., None]) + shaded * face_shape[..., None]

    def lay(mask: NDArray[np.float32], colour: NDArray[np.floating] | list[float], opacity: float) -> None:
        nonlocal picture
        a = (mask * opacity)[..., None]
        picture = picture * (1 - a) + np.asarray(colour, np.float32) * a

    jitter = rng.normal(0, 0.012, 6)
    for side in (-1, 1):
        cx = side * (0.27 + jitter[0])
        lay(oval(cx, -0.1, 0.2, 0.13, 0.12), skin * 0.62, 0.75)  # the socket
        lay(oval(cx, -0.07, 0.125, 0.055, 0.03), [236, 232, 228], 0.95)
        lay(oval(cx, -0.07, 0.055, 0.058, 0.03), [60, 42, 30], 1.0)
        lay(oval(cx, -0.07, 0.026, 0.028, 0.02), [8, 8, 8], 1.0)
        lay(oval(cx - 0.02, -0.088, 0.012, 0.012, 0.015), [255, 255, 255], 0.9)
        lay(oval(cx, -0.125, 0.14, 0.016, 0.025), skin * 0.3, 0.8)  # the lid
        lay(oval(cx, -0.25 + jitter[1], 0.18, 0.032, 0.05), hair * 0.8, 0.9)
        lay(oval(side * 0.075, 0.27, 0.035, 0.022, 0.03), skin * 0.4, 0.8)  # a nostril
        lay(oval(side * 0.34, 0.25, 0.17, 0.14, 0.25), [215, 120, 105], 0.18)
    lay(oval(0.06, 0.1, 0.05, 0.2, 0.12), skin * 0.8, 0.5)  # the nose
    lay(oval(-0.015, 0.18, 0.035, 0.1, 0.06), np.minimum(skin * 1.25, 255), 0.5)
    lay(oval(0, 0.27, 0.11, 0.04, 0.08), skin * 0.75, 0.4)
    lay(oval(0, 0.47 + jitter[2], 0.2, 0.055, 0.05), [170, 80, 78], 0.85)
    lay(oval(0, 0.465 + jitter[2], 0.19, 0.012, 0.02), [90, 35, 38], 0.9)
    lay(oval(0, 0.6, 0.12, 0.03, 0.08), skin * 0.7, 0.4)
    body = np.maximum(head, mane * soft(y - 0.35, 0.3))
    size = (round(height * 0.8), height)
    cut = slice(round(n * 0.1), round(n * 0.9))
    shrink = cv2.INTER_AREA if height < n else cv2.INTER_LINEAR
    drawn = cv2.resize(np.clip(picture, 0, 255)[:, cut], size, interpolation=shrink)
    return drawn.astype(np.uint8), cv2.resize(body[:, cut].astype(np.float32), size, interpolation=shrink)


def number(rng: np.random.Generator) -> str:
    """A number as Ukrainian plates have them, sometimes as some of its neighbours'."""
    letters, digits = list("ABCEHIKMOPTX"), list(string.digits)
    forms = ("LL DDDD LL", "LL DDDD LL", "LL DDDDD", "LLL DDD", "DDDD LL-D", "LL-DDD-LL")
    form = str(rng.choice(forms))
    return "".join(str(rng.choice({"L": letters, "D": digits}.get(c, [c]))) for c in form)


def plate(text: str, *, look: str = "ua", height: int = 112) -> Picture:
    """A plate, RGB. ``look``: "ua", "eu", "yellow", or "square" (two lines)."""
    size = (280, 202) if look == "square" else (520, 112)
    image = Image.new("RGB", size, (238, 196, 40) if look == "yellow" else (244, 244, 242))
    pen, ink = ImageDraw.Draw(image), (18, 18, 20)
    band = 44 if look != "square" else 36
    pen.rectangle((0, 0, band, size[1]), fill=(0, 72, 168))
    if look in ("ua", "square"):
        pen.rectangle((10, 14, band - 10, 26), fill=(20, 110, 220))
        pen.rectangle((10, 27, band - 10, 39), fill=(255, 214, 0))
    else:
        for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
            x, y = band / 2 + 12 * np.cos(angle), 34 + 12 * np.sin(angle)
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=(255, 220, 0))
    country = "UA" if look in ("ua", "square") else "PL"
    pen.text((band / 2, size[1] - 22), country, "white", ImageFont.load_default(20), anchor="mm")
    lines = [text] if look != "square" else [text[: len(text) // 2].strip(), text[len(text) // 2 :].strip()]
    for row, line in enumerate(lines):
        font = ImageFont.load_default(120)
        left, top, right, bottom = font.getbbox(line)
        glyphs = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
        ImageDraw.Draw(glyphs).text((2 - left, 2 - top), line, 255, font, stroke_width=2)
        wide = round((size[0] - band) * 0.88)
        high = round(size[1] / len(lines) * 0.66)
        glyphs = glyphs.resize((wide, high))
        at = (band + (size[0] - band - wide) // 2, round(size[1] / len(lines) * (row + 0.17)))
        image.paste(Image.new("RGB", glyphs.size, ink), at, glyphs)
    pen.rectangle((3, 3, size[0] - 4, size[1] - 4), outline=ink, width=3)
    scale = height / size[1]
    return np.asarray(image.resize((max(1, round(size[0] * scale)), height), Image.Resampling.LANCZOS))


def placed(
    background: Picture,
    picture: Picture,
    corners: NDArray[np.floating],
    mask: NDArray[np.float32] | None = None,
) -> Picture:
    """``picture`` in front of ``background``, its corners (clockwise from the upper left) at these pixels."""
    height, width = picture.shape[:2]
    alpha = np.ones((height, width), np.float32) if mask is None else mask
    corners = np.asarray(corners, np.float32)
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    shrink = max(width / max(sides[0], sides[2], 1), height / max(sides[1], sides[3], 1))
    if shrink > 1.2:  # a camera sees means, not single points
        picture = cv2.GaussianBlur(picture, (0, 0), 0.45 * shrink)
        alpha = cv2.GaussianBlur(alpha, (0, 0), 0.45 * shrink) if mask is not None else alpha
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    size = background.shape[1::-1]
    front = cv2.warpPerspective(picture, matrix, size).astype(np.float32)
    share = cv2.warpPerspective(alpha, matrix, size)[..., None]
    return np.clip(background * (1 - share) + front * share + 0.5, 0, 255).astype(np.uint8)
