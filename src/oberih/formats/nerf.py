"""Cameras as NeRF and Gaussian splatting programs read them: nerfstudio's ``transforms.json``.

World z up, in metres; camera axes as OpenGL's (x right, y up, z back); one entry for each photo with its own
intrinsics in pixels. ``sparse_pc.ply`` holds points to begin from.
Convention: https://docs.nerf.studio/quickstart/data_conventions.html
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from oberih.errors import InputError
from oberih.formats.model import Model, z_up
from oberih.formats.ply import write_ply
from oberih.formats.writing import whole_folder
from oberih.geometry import PointCloud, View
from oberih.progress import Progress

__all__ = ["write"]

POINTS = "sparse_pc.ply"
OPENGL = np.diag([1.0, -1.0, -1.0])  # from COLMAP's camera axes


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the folder ``path``. The photos belong into ``images/`` in it, under the names in the file."""
    if model.cameras is None:
        raise InputError("The model has no cameras.", "Give the folder that `oberih reconstruct` made.")
    scene = model.cameras
    told = {
        "camera_model": "OPENCV",
        "ply_file_path": POINTS,
        "frames": [frame(view) for view in scene.views],
    }
    with whole_folder(path) as folder:
        write_ply(folder / POINTS, PointCloud(z_up(scene.points).astype(np.float32), colours=scene.colours))
        (folder / "transforms.json").write_text(json.dumps(told, indent=1) + "\n")


def frame(view: View) -> dict[str, Any]:
    camera, matrix = view.camera, np.eye(4)
    matrix[:3, :3] = z_up((view.pose.R.T @ OPENGL).T).T  # columns: the camera's axes in the world
    matrix[:3, 3] = z_up(view.pose.centre[None])[0]
    return {
        "file_path": f"images/{view.name}",
        "w": camera.width, "h": camera.height,
        "fl_x": camera.fx, "fl_y": camera.fy, "cx": camera.cx, "cy": camera.cy,
        "k1": camera.k1, "k2": camera.k2, "p1": camera.p1, "p2": camera.p2,
        "transform_matrix": matrix.tolist(),
    }  # fmt: skip
