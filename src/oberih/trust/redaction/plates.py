"""Finds number plates with a small network of our own.

Detectors of plates that can be had in packages fetch their weights when they run, or are under the AGPL, or
know the plates of one country. So ``scripts/train_plates.py`` trains one: about 60,000 weights that tell for
each cell of 4 x 4 pixels how surely it lies on a plate of 9 to 46 pixels in height. It has seen nothing but
drawn plates of many countries, warped and worn, before photos under free licences and drawn clutter; real
cars and real heritage were kept for the test (``benchmarks/redaction.py``).

As with faces there are two looks: what might be a plate is turned level, brought to two sizes, and has to be
one in every grid of pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

from oberih.trust.redaction._tiles import tiles
from oberih.trust.redaction.regions import Region

__all__ = ["find_plates"]

WEIGHTS = "plates.onnx"
CELL_PX = 4
TILE_PX, OVERLAP_PX = 1280, 192
SMALL_PICTURE = 2_000_000  # pixels; up to here it is searched at 1.5 times its size
FIRST = 0.75  # scale to start with: smaller plates than 12 pixels high can be read by nobody
MAYBE = 0.5  # what the first look keeps
LEAST_CELLS = 5
LEAST_PX, MOST_PX = 6, 80  # shorter side at the scale where it was found

SECOND_PX = (20, 28)  # heights at the second look
SHIFTS_PX = ((0, 0), (3, 2))
MARGIN = 1.6, 3.2  # of what is looked at, times the plate's width and height
MOST_FIELD_PX = 320  # across; only the middle of something so long is looked at
INNER = 0.8, 0.7  # share of the plate that has to look like one
SURE = 0.75  # mean of the second look
SAME = 0.4  # of the smaller of two finds lies in the other: they are one plate
MOST = 500


@dataclass(frozen=True)
class Slanted:
    """A rectangle in pixels of the picture, turned by ``angle_deg``; ``width`` is the longer side."""

    x: float
    y: float
    width: float
    height: float
    angle_deg: float
    score: float = 0.0

    def region(self, score: float) -> Region:
        """The upright rectangle around it."""
        corners = cv2.boxPoints(((self.x, self.y), (self.width, self.height), self.angle_deg))
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        return Region("plate", float(left), float(top), float(right - left), float(bottom - top), score)


def find_plates(picture: NDArray[np.uint8]) -> tuple[Region, ...]:
    """Number plates in ``(H, W, 3) uint8`` sRGB pixels, the surest first."""
    net = loaded()
    maybe = sorted(first_look(net, picture), key=lambda one: -one.score)[:MOST]
    looked = ((one, second_look(net, picture, one)) for one in maybe)
    plates = together([one.region(score) for one, score in looked if score > SURE])
    return tuple(sorted(plates, key=lambda plate: -plate.score))


def together(plates: list[Region]) -> list[Region]:
    """Finds that lie on each other are one plate, which is as large as all of them."""
    whole: list[Region] = []
    for one in sorted(plates, key=lambda plate: -plate.width * plate.height):
        for number, other in enumerate(whole):
            if shared(one, other) > SAME:
                left, top = min(one.left, other.left), min(one.top, other.top)
                right = max(one.left + one.width, other.left + other.width)
                bottom = max(one.top + one.height, other.top + other.height)
                score = max(one.score, other.score)
                whole[number] = Region("plate", left, top, right - left, bottom - top, score)
                break
        else:
            whole.append(one)
    return whole


def shared(one: Region, other: Region) -> float:
    """How much of the smaller of two lies in the other."""
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return max(0.0, across) * max(0.0, down) / min(one.width * one.height, other.width * other.height)


def loaded() -> cv2.dnn.Net:
    """The network; not to be shared between threads."""
    weights = files("oberih.trust.redaction").joinpath("weights", WEIGHTS).read_bytes()
    return cv2.dnn.readNetFromONNX(np.frombuffer(weights, np.uint8))


def likeness(net: cv2.dnn.Net, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(H / 4, W / 4)`` how surely each cell lies on a plate; sides are multiples of 32."""
    net.setInput(cv2.dnn.blobFromImage(rgb, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
    quarters = net.forward()[0]  # (4, H / 8, W / 8): the four cells of each block
    _, rows, columns = quarters.shape
    return quarters.reshape(2, 2, rows, columns).transpose(2, 0, 3, 1).reshape(2 * rows, 2 * columns)


def first_look(net: cv2.dnn.Net, picture: NDArray[np.uint8]) -> Iterator[Slanted]:
    """All that might be a plate."""
    first = 1.5 if picture.shape[0] * picture.shape[1] <= SMALL_PICTURE else FIRST
    for tile in tiles(picture, TILE_PX, OVERLAP_PX, first=first, least=256):
        sure = likeness(net, tile.pixels)
        count, label, boxes, _ = cv2.connectedComponentsWithStats((sure > MAYBE).astype(np.uint8))
        for number in range(1, count):
            left, top, width, height, cells = (int(value) for value in boxes[number])
            if cells < LEAST_CELLS:
                continue
            here = label[top : top + height, left : left + width] == number
            score = np.sort(sure[top : top + height, left : left + width][here])[-max(1, cells // 2) :].mean()
            row, column = np.nonzero(here)
            yield from slanted(row + top, column + left, (tile.x, tile.y), tile.scale, float(score))


def slanted(
    row: NDArray[np.int64], column: NDArray[np.int64], start: tuple[int, int], scale: float, score: float
) -> Iterator[Slanted]:
    """The rectangle around cells, unless it is too small or too large for the scale it was found at."""
    corners = np.concatenate([np.stack([column + i, row + j], axis=1) for i in (0, 1) for j in (0, 1)])
    (x, y), (width, height), angle = cv2.minAreaRect((corners * CELL_PX + start).astype(np.float32))
    if width < height:
        width, height, angle = height, width, angle - 90
    if LEAST_PX < height < MOST_PX:
        level = (angle + 90) % 180 - 90
        yield Slanted(x / scale, y / scale, width / scale, height / scale, level, score)


def second_look(net: cv2.dnn.Net, picture: NDArray[np.uint8], one: Slanted) -> float:
    """How surely it is a plate: the mean over what is seen of it level, at two sizes and in two grids."""
    looks = []
    for size in SECOND_PX:
        scale = size / one.height
        across = min(whole(max(one.width * scale * MARGIN[0], 96)), MOST_FIELD_PX)
        down = whole(size * MARGIN[1])
        reach = max(across, down) / scale
        x0, y0 = max(0, int(one.x - reach)), max(0, int(one.y - reach))
        part = picture[y0 : int(one.y + reach) + 1, x0 : int(one.x + reach) + 1]
        x, y = one.x - x0, one.y - y0
        if scale < 1:
            smaller = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
            x, y = x * smaller[0] / part.shape[1], y * smaller[1] / part.shape[0]
            part, rest = cv2.resize(part, smaller, interpolation=cv2.INTER_AREA), 1.0
        else:
            rest = scale
        half = min(one.width * scale / 2, across / 2) * INNER[0], size / 2 * INNER[1]
        left, right = (int((across / 2 + side * half[0]) / CELL_PX) for side in (-1, 1))
        top, bottom = (int((down / 2 + side * half[1]) / CELL_PX) for side in (-1, 1))
        for shift in SHIFTS_PX:
            matrix = cv2.getRotationMatrix2D((x, y), one.angle_deg, rest)
            matrix[:, 2] += (across / 2 + shift[0] - x, down / 2 + shift[1] - y)
            glance = cv2.warpAffine(part, matrix, (across, down), borderMode=cv2.BORDER_REPLICATE)
            looks.append(float(likeness(net, glance)[top : bottom + 1, left : right + 1].mean()))
    return float(np.mean(looks))


def whole(length: float) -> int:
    """The next multiple of 32."""
    return int(-(-length // 32) * 32)
