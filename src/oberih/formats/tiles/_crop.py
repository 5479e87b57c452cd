"""The part of a texture that some faces use, packed anew, texel by texel.

The texture is seen in blocks of 8 texels. Connected blocks that faces touch are cut out as a rectangle, and
the rectangles put on shelves: no colour changes. Textures that repeat are kept whole.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from oberih.geometry import Mesh
from oberih.geometry.simplify import packed

__all__ = ["beside", "cropped"]

BLOCK = 8
MARGIN = 1.5  # texels around a face that bilinear filtering reads, and one


def cropped(mesh: Mesh) -> Mesh:
    """``mesh`` with only the texels that it shows."""
    if mesh.texture is None or mesh.uv is None or not len(mesh.faces):
        return mesh
    height, width = mesh.texture.shape[:2]
    size = np.array([width, height], np.float64)
    uv = mesh.uv - np.floor(mesh.uv.min(axis=1, keepdims=True))  # repeats: move each face to 0..1
    uv = np.where(mesh.uv.min() >= 0 and mesh.uv.max() <= 1, mesh.uv, uv)
    if uv.max() > 1:
        return mesh
    flat = uv * size
    blocks = -(-np.array([width, height]) // BLOCK)
    low = np.clip(np.floor((flat.min(axis=1) - MARGIN) / BLOCK).astype(np.int64), 0, blocks - 1)
    high = np.clip(np.floor((flat.max(axis=1) + MARGIN) / BLOCK).astype(np.int64), 0, blocks - 1) + 1
    label, boxes = regions(low, high, blocks)
    corner, _ = packed(boxes[:, 2:] * BLOCK, shelf_width(boxes[:, 2:] * BLOCK))
    rows = int((corner[:, 1] + boxes[:, 3] * BLOCK).max())
    columns = int((corner[:, 0] + boxes[:, 2] * BLOCK).max())
    if rows * columns >= height * width:
        return mesh
    picture = np.zeros((rows, columns, 3), np.uint8)
    for (x, y, w, h), (left, top) in zip((boxes * BLOCK).tolist(), corner.tolist(), strict=True):
        cut = mesh.texture[y : y + h, x : x + w]
        edge = (0, h - cut.shape[0]), (0, w - cut.shape[1]), (0, 0)  # the last block may reach beyond
        picture[top : top + h, left : left + w] = np.pad(cut, edge, mode="edge")
    region = label[low[:, 1], low[:, 0]] - 1
    moved = flat + (corner - boxes[:, :2] * BLOCK)[region][:, None]
    return replace(mesh, texture=picture, uv=(moved / np.array([columns, rows])).astype(np.float32))


def regions(
    low: NDArray[np.int64], high: NDArray[np.int64], blocks: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Number from 1 of the connected region of each block that faces touch, and boxes ``(N, 4)`` (column,
    row, width, height) in blocks."""
    touched = np.zeros((blocks[1] + 1, blocks[0] + 1), np.int32)
    for y, x, sign in ((low, low, 1), (high, high, 1), (low, high, -1), (high, low, -1)):
        np.add.at(touched, (y[:, 1], x[:, 0]), sign)
    touched = touched.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    label, _ = ndimage.label(touched > 0)
    found = [(s[1].start, s[0].start, s[1].stop - s[1].start, s[0].stop - s[0].start)
             for s in ndimage.find_objects(label)]  # fmt: skip
    return label.astype(np.int32), np.array(found, np.int64)


def shelf_width(boxes: NDArray[np.int64]) -> int:
    return max(int(boxes[:, 0].max()), int(np.ceil(np.sqrt(boxes.prod(axis=1).sum() * 1.1))))


def beside(meshes: list[Mesh]) -> Mesh:
    """One mesh of several, their textures next to each other."""
    count = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    whole = Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + np.int32(at) for mesh, at in zip(meshes, count[:-1], strict=True)]),
        colours=None if any(mesh.colours is None for mesh in meshes)
        else np.concatenate([mesh.colours for mesh in meshes]),
        confidence=None if any(mesh.confidence is None for mesh in meshes)
        else np.concatenate([mesh.confidence for mesh in meshes]),
    )  # fmt: skip
    pictures = [mesh.texture for mesh in meshes if mesh.texture is not None and mesh.uv is not None]
    if len(pictures) < len(meshes):
        return whole
    boxes = np.array([picture.shape[1::-1] for picture in pictures], np.int64)
    corner, _ = packed(boxes, shelf_width(boxes))
    columns, rows = (corner + boxes).max(axis=0).tolist()
    texture = np.zeros((rows, columns, 3), np.uint8)
    uv = []
    for mesh, picture, (left, top), box in zip(meshes, pictures, corner.tolist(), boxes, strict=True):
        texture[top : top + box[1], left : left + box[0]] = picture
        uv.append((mesh.uv * box + (left, top)) / (columns, rows))
    return replace(whole, uv=np.concatenate(uv).astype(np.float32), texture=texture)
