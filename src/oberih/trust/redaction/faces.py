"""Finds faces with YuNet (Wu, Peng and Yu, YuNet: A Tiny Millisecond-level Face Detector, 2023).

Two looks. The first goes over the whole picture at every size and keeps whatever might be a face at all. The
second takes each of these, makes it `SECOND_PX` high, and looks at it upright, mirrored and turned. Ornaments
that resembled a face at one size and in one grid of pixels do not withstand this; faces that lie on their
side, of which the first look was unsure, are sure when they are turned. ``benchmarks/redaction.py`` measures
it.

The weights are those of the OpenCV zoo, under the MIT licence (``weights/``).
"""

from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

from oberih.trust.redaction._tiles import tiles
from oberih.trust.redaction.regions import Region

__all__ = ["find_faces"]

WEIGHTS = "face_detection_yunet_2023mar.onnx"
STRIDES = (8, 16, 32)
OUTPUTS = [f"{name}_{stride}" for name in ("cls", "obj", "bbox", "kps") for stride in STRIDES]

TILE_PX, OVERLAP_PX = 1280, 160  # larger faces are found at a smaller scale
SMALL_PICTURE = 400_000  # pixels; up to here it is also searched at twice its size
LEAST_PX = 9  # high; less is nobody's face
MAYBE = 0.15  # score at which the first look keeps something
SAME = 0.3  # intersection over union of two finds of one face

SECOND_PX = 40  # height of a face at the second look
FIELD_PX = 128  # what it sees around it
TURNS_DEG = (0, -40, 40, -80, 80, 180)
UPRIGHT, TURNED = 0.4, 0.45  # mean score, as it is and mirrored, that makes it a face
UNLIKELY = 0.2  # at one look: no second one is taken
MOST = 1000  # finds of the first look; a picture with more holds a crowd, or noise

Box = NDArray[np.float32]  # (5,): left, top, width, height, score
Boxes = NDArray[np.float32]  # (N, 5)


def find_faces(picture: NDArray[np.uint8]) -> tuple[Region, ...]:
    """Faces in ``(H, W, 3) uint8`` sRGB pixels, the surest first; those of statues too."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    net = loaded()
    sure = [second_look(net, bgr, box) for box in first_look(net, bgr) if box[3] >= LEAST_PX]
    boxes = best_of(np.array([box for box in sure if box is not None], np.float32).reshape(-1, 5))
    faces = (Region("face", *(float(value) for value in box)) for box in boxes)
    return tuple(sorted(faces, key=lambda face: -face.score))


def loaded() -> cv2.dnn.Net:
    """The network; not to be shared between threads."""
    weights = files("oberih.trust.redaction").joinpath("weights", WEIGHTS).read_bytes()
    return cv2.dnn.readNetFromONNX(np.frombuffer(weights, np.uint8))


def first_look(net: cv2.dnn.Net, bgr: NDArray[np.uint8]) -> Boxes:
    """All that might be a face, in pixels of the picture."""
    first = 2.0 if bgr.shape[0] * bgr.shape[1] <= SMALL_PICTURE else 1.0
    found = [np.zeros((0, 5), np.float32)]
    for tile in tiles(bgr, TILE_PX, OVERLAP_PX, first=first):
        boxes = boxes_in(net, tile.pixels, MAYBE)
        boxes[:, :2] += (tile.x, tile.y)
        boxes[:, :4] /= tile.scale
        found.append(boxes)
    return best_of(np.concatenate(found))[:MOST]


def boxes_in(net: cv2.dnn.Net, bgr: NDArray[np.uint8], least: float) -> Boxes:
    """What the network finds in a picture whose sides are multiples of 32."""
    height, width = bgr.shape[:2]
    net.setInput(cv2.dnn.blobFromImage(bgr))
    answers = dict(zip(OUTPUTS, net.forward(OUTPUTS), strict=True))
    found = []
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        sure, there, box = (
            answers[f"{name}_{stride}"].reshape(rows * columns, -1) for name in ("cls", "obj", "bbox")
        )
        score = np.sqrt(np.clip(sure[:, 0], 0, 1) * np.clip(there[:, 0], 0, 1))
        at = np.flatnonzero(score > least)
        size = np.exp(np.minimum(box[at, 2:4], 10)) * stride
        middle = (np.stack([at % columns, at // columns], axis=1) + box[at, :2]) * stride
        found.append(np.c_[middle - size / 2, size, score[at]].astype(np.float32))
    return np.concatenate(found)


def best_of(boxes: Boxes) -> Boxes:
    """One box for each face, the surest."""
    if not len(boxes):
        return boxes
    kept = cv2.dnn.NMSBoxes(boxes[:, :4].tolist(), boxes[:, 4].tolist(), 0.0, SAME)
    return boxes[np.asarray(kept, np.int64).ravel()]


def second_look(net: cv2.dnn.Net, bgr: NDArray[np.uint8], box: Box) -> Box | None:
    """The face in a box, where it is when seen at one size, with a score; none if it is no face then."""
    part, x, y, scale = surroundings(bgr, box)
    best: Box | None = None
    for turn in TURNS_DEG:
        matrix = cv2.getRotationMatrix2D((x, y), turn, scale)
        matrix[:, 2] += FIELD_PX / 2 - np.array([x, y])
        glance = cv2.warpAffine(part, matrix, (FIELD_PX, FIELD_PX), borderMode=cv2.BORDER_REPLICATE)
        face = middle_face(net, glance)
        if face[4] < UNLIKELY:
            continue
        score = (face[4] + middle_face(net, glance[:, ::-1])[4]) / 2
        if score > (TURNED if turn else UPRIGHT) and (best is None or score > best[4]):
            shift = np.linalg.inv(matrix[:, :2]) @ (face[:2] + face[2:4] / 2 - FIELD_PX / 2)
            middle = box[:2] + box[2:4] / 2 + shift * scale * box[3] / SECOND_PX
            size = (face[2:4] if abs(turn) != 80 else face[3:1:-1]) * box[3] / SECOND_PX
            best = np.array([*(middle - size / 2), *size, score], np.float32)
            if not turn:
                break
    return best


def surroundings(bgr: NDArray[np.uint8], box: Box) -> tuple[NDArray[np.uint8], float, float, float]:
    """What lies around a box, not larger than needed; its middle there, and the scale that is left to do."""
    (x, y), scale = box[:2] + box[2:4] / 2, SECOND_PX / max(float(box[3]), 1.0)
    reach = FIELD_PX / scale  # half of the field, and as much again for the corners of what is turned
    x0, y0 = max(0, int(x - reach)), max(0, int(y - reach))
    part = bgr[y0 : int(y + reach) + 1, x0 : int(x + reach) + 1]
    x, y = x - x0, y - y0
    if scale < 1:
        size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
        x, y = x * size[0] / part.shape[1], y * size[1] / part.shape[0]
        part, scale = cv2.resize(part, size, interpolation=cv2.INTER_AREA), 1.0
    return part, float(x), float(y), scale


def middle_face(net: cv2.dnn.Net, glance: NDArray[np.uint8]) -> Box:
    """The surest face of about the size expected in the middle; with score 0 if there is none."""
    boxes = boxes_in(net, np.ascontiguousarray(glance), 0.05)
    away = np.abs(boxes[:, :2] + boxes[:, 2:4] / 2 - FIELD_PX / 2).max(axis=1, initial=0)
    boxes = boxes[(away < 0.4 * SECOND_PX) & (np.abs(np.log(boxes[:, 3] / SECOND_PX)) < np.log(1.8))]
    return boxes[boxes[:, 4].argmax()] if len(boxes) else np.zeros(5, np.float32)
