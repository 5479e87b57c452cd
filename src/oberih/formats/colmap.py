"""COLMAP's binary sparse model (cameras.bin, images.bin, points3D.bin), read without COLMAP.

Layout: https://colmap.github.io/format.html (binary variant). Only perspective models that reduce to
the OPENCV one are read; pose estimation makes no others.
"""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oberih.errors import InputError
from oberih.geometry import Camera, Pose, Scene, View
from oberih.i18n import say

__all__ = ["read_scene"]

# model id -> which of its parameters are fx, fy, cx, cy, k1, k2, p1, p2
MODELS = {
    0: (0, 0, 1, 2),  # SIMPLE_PINHOLE
    1: (0, 1, 2, 3),  # PINHOLE
    2: (0, 0, 1, 2, 3),  # SIMPLE_RADIAL
    3: (0, 0, 1, 2, 3, 4),  # RADIAL
    4: (0, 1, 2, 3, 4, 5, 6, 7),  # OPENCV
}


def rotation(q: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(4,)`` unit quaternion w x y z to ``(3, 3)``."""
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def read_cameras(path: Path) -> dict[int, Camera]:
    data, at = path.read_bytes(), 8
    cameras = {}
    for _ in range(struct.unpack_from("<Q", data)[0]):
        camera_id, model, width, height = struct.unpack_from("<iiQQ", data, at)
        if model not in MODELS:
            raise InputError(
                say("{path}: camera model {model} is not one that Oberih reads.", path=path, model=model),
                "Convert the cameras to the OPENCV or PINHOLE model first.",
            )
        count = max(MODELS[model]) + 1
        params = struct.unpack_from(f"<{count}d", data, at + 24)
        cameras[camera_id] = Camera(width, height, *(params[n] for n in MODELS[model]))
        at += 24 + 8 * count
    return cameras


def read_scene(folder: Path) -> Scene:
    """Read the sparse model in ``folder``; views come in the order of their names.

    Raises `InputError` for a model that is damaged or has lenses that are not read.
    """
    try:
        return _read_scene(folder)
    except (struct.error, ValueError, KeyError) as error:
        raise InputError(
            say("The sparse model in {folder} is damaged.", folder=folder), "Remove it and make it again."
        ) from error


def _read_scene(folder: Path) -> Scene:
    cameras = read_cameras(folder / "cameras.bin")
    images = []
    data, at = (folder / "images.bin").read_bytes(), 8
    keypoint = np.dtype([("xy", "<f8", 2), ("point", "<i8")])
    for _ in range(struct.unpack_from("<Q", data)[0]):
        _, *pose, camera_id = struct.unpack_from("<i7di", data, at)
        end = data.index(b"\0", at + 64)
        name = data[at + 64 : end].decode()
        (count,) = struct.unpack_from("<Q", data, end + 1)
        points = np.frombuffer(data, keypoint, count, end + 9)
        at = end + 9 + count * keypoint.itemsize
        seen = points[points["point"] >= 0]
        view = View(name, cameras[camera_id], Pose(rotation(np.array(pose[:4])), np.array(pose[4:])))
        images.append((view, seen))
    images.sort(key=lambda image: image[0].name)

    data, at = (folder / "points3D.bin").read_bytes(), 8
    ids, xyz, rgb, errors = [], [], [], []
    for _ in range(struct.unpack_from("<Q", data)[0]):
        point_id, x, y, z, r, g, b, error, length = struct.unpack_from("<q3d3BdQ", data, at)
        ids.append(point_id)
        xyz.append((x, y, z))
        rgb.append((r, g, b))
        errors.append(error)
        at += 51 + 8 * length
    order = np.argsort(ids)
    sorted_ids = np.asarray(ids, np.int64)[order]
    point, view_of, px = [], [], []
    for number, (_, seen) in enumerate(images):
        point.append(order[np.searchsorted(sorted_ids, seen["point"])])
        view_of.append(np.full(len(seen), number))
        px.append(seen["xy"])
    return Scene(
        views=tuple(view for view, _ in images),
        points=np.asarray(xyz, np.float64).reshape(-1, 3),
        colours=np.asarray(rgb, np.uint8).reshape(-1, 3),
        errors_px=np.asarray(errors, np.float64),
        observed_point=np.concatenate(point).astype(np.int32),
        observed_view=np.concatenate(view_of).astype(np.int32),
        observed_px=np.concatenate(px),
    )
