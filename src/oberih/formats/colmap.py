"""COLMAP's binary sparse model (cameras.bin, images.bin, points3D.bin), read and written without COLMAP.

Layout: https://colmap.github.io/format.html (binary variant). Only perspective models that reduce to
the OPENCV one are read; pose estimation makes no others.
"""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from oberih.errors import InputError
from oberih.formats.model import Model
from oberih.formats.writing import whole_folder
from oberih.geometry import Camera, Pose, Scene, View
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["read_scene", "write"]

# model id -> which of its parameters are fx, fy, cx, cy, k1, k2, p1, p2
MODELS = {
    0: (0, 0, 1, 2),  # SIMPLE_PINHOLE
    1: (0, 1, 2, 3),  # PINHOLE
    2: (0, 0, 1, 2, 3),  # SIMPLE_RADIAL
    3: (0, 0, 1, 2, 3, 4),  # RADIAL
    4: (0, 1, 2, 3, 4, 5, 6, 7),  # OPENCV
}

KEYPOINT = np.dtype([("xy", "<f8", 2), ("point", "<i8")])


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
    for _ in range(struct.unpack_from("<Q", data)[0]):
        _, *pose, camera_id = struct.unpack_from("<i7di", data, at)
        end = data.index(b"\0", at + 64)
        name = data[at + 64 : end].decode()
        (count,) = struct.unpack_from("<Q", data, end + 1)
        points = np.frombuffer(data, KEYPOINT, count, end + 9)
        at = end + 9 + count * KEYPOINT.itemsize
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


OPENCV = 4  # fx, fy, cx, cy, k1, k2, p1, p2


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the cameras and their sparse points into the folder ``path``: world y up, in metres."""
    if model.cameras is None:
        raise InputError("The model has no cameras.", "Give the folder that `oberih reconstruct` made.")
    with whole_folder(path) as folder:
        write_scene(folder, model.cameras)


def write_scene(folder: Path, scene: Scene) -> None:
    """The three files. Views with equal intrinsics share a camera; identifiers count from 1."""
    cameras: dict[Camera, int] = {}
    for view in scene.views:
        cameras.setdefault(view.camera, len(cameras) + 1)
    with (folder / "cameras.bin").open("wb") as file:
        file.write(struct.pack("<Q", len(cameras)))
        for camera, number in cameras.items():
            c = camera
            file.write(struct.pack("<iiQQ", number, OPENCV, c.width, c.height))
            file.write(struct.pack("<8d", c.fx, c.fy, c.cx, c.cy, c.k1, c.k2, c.p1, c.p2))
    order = np.lexsort((scene.observed_view, scene.observed_point))  # tracks of points, one after the other
    place = np.zeros(len(order), np.int32)  # of each observation among those of its view
    with (folder / "images.bin").open("wb") as file:
        file.write(struct.pack("<Q", len(scene.views)))
        for number, view in enumerate(scene.views):
            seen = np.flatnonzero(scene.observed_view == number)
            place[seen] = np.arange(len(seen))
            file.write(struct.pack("<i7d", number + 1, *quaternion(view.pose.R), *view.pose.t))
            file.write(struct.pack("<i", cameras[view.camera]) + view.name.encode() + b"\0")
            keypoints = np.empty(len(seen), KEYPOINT)
            keypoints["xy"], keypoints["point"] = scene.observed_px[seen], scene.observed_point[seen] + 1
            file.write(struct.pack("<Q", len(seen)) + keypoints.tobytes())
    starts = np.searchsorted(scene.observed_point[order], np.arange(len(scene.points) + 1))
    track = np.stack([scene.observed_view[order] + 1, place[order]], axis=1).astype("<i4")
    with (folder / "points3D.bin").open("wb") as file:
        file.write(struct.pack("<Q", len(scene.points)))
        for number, (xyz, rgb) in enumerate(zip(scene.points, scene.colours, strict=True)):
            begin, end = starts[number : number + 2]
            error = float(scene.errors_px[number])
            file.write(struct.pack("<Q3d3BdQ", number + 1, *xyz, *rgb.tolist(), error, end - begin))
            file.write(track[begin:end].tobytes())


def quaternion(R: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(3, 3)`` to ``(4,)`` w x y z with w >= 0; the way back from `rotation`."""
    q = Rotation.from_matrix(R).as_quat(canonical=True)
    return q[[3, 0, 1, 2]]
