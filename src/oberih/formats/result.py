"""A model as `oberih export` is given it: a 3D file, or the folder that `oberih reconstruct` made.

Of a folder, only what the format keeps is read: the textured mesh (``model.glb``), the measured points
(``points.ply``) or the cameras (``sparse/``). All come in the frame of ``model.glb``: ``report.json`` says
how.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from oberih.errors import InputError
from oberih.formats.colmap import read_scene
from oberih.formats.model import Model
from oberih.formats.reading import read_model
from oberih.formats.registry import Format
from oberih.geometry import Pose, Scene, Similarity, View
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["cameras_in", "load_model"]


def load_model(
    path: Path, wanted: Format, *, photo_names: bool = False, progress: Progress | None = None
) -> Model:
    """What ``wanted`` keeps of the model in ``path``. Raises `InputError`, `UnreadableModel`.

    The photos of ``cameras`` are called photo-0001 and so on, in the order of their names, since a name may
    tell of a place or a person; ``photo_names`` leaves them as they are.
    """
    path = Path(path)
    if not path.is_dir():
        if "cameras" in wanted.keeps:
            raise no_cameras(path, wanted)
        return read_model(path, progress=progress)
    report = report_of(path)
    known = bool(report.get("scale", {}).get("known", False))
    if "mesh" in wanted.keeps:
        return replace(read_model(path / "model.glb", progress=progress), scale_known=known)
    frame = similarity(report, path)
    cameras = None
    if "cameras" in wanted.keeps:
        cameras = cameras_in(path, photo_names=photo_names)
        if cameras is None:
            raise no_cameras(path, wanted)
    points = None
    if (path / "points.ply").is_file():
        points = read_model(path / "points.ply", progress=progress).points
    if points is None:
        return replace(read_model(path / "model.glb", progress=progress), cameras=cameras, scale_known=known)
    normals = None if points.normals is None else (points.normals @ frame.R.T).astype(np.float32)
    placed = replace(points, points=frame.apply(points.points).astype(np.float32), normals=normals)
    return Model(points=placed, cameras=cameras, scale_known=known)


def cameras_in(folder: Path, *, photo_names: bool = False) -> Scene | None:
    """Where the photos of a result were taken, in the frame of its model; None: it does not say.

    Raises `InputError`.
    """
    if not (folder / "sparse" / "images.bin").is_file():
        return None
    frame = similarity(report_of(folder), folder)
    return moved(read_scene(folder / "sparse"), frame, photo_names=photo_names)


def report_of(folder: Path) -> dict[str, Any]:
    try:
        report = json.loads((folder / "report.json").read_bytes())
    except (OSError, ValueError):
        report = None
    if not isinstance(report, dict) or not (folder / "model.glb").is_file():
        raise InputError(
            say("{path} holds no model.", path=folder),
            "Give a 3D file, or the folder that `oberih reconstruct` or `oberih import` made.",
        )
    return report


def similarity(report: dict[str, Any], folder: Path) -> Similarity:
    """From the frame of ``sparse/`` and ``points.ply`` to that of ``model.glb``."""
    try:
        matrix = np.array(report.get("model_from_sparse", np.eye(4)), np.float64).reshape(4, 4)
        scale = float(np.cbrt(np.linalg.det(matrix[:3, :3])))
        if not np.isfinite(matrix).all() or not scale > 0:
            raise ValueError
    except ValueError as error:
        raise InputError(
            say("{path} cannot be read.", path=folder / "report.json"), "Run `oberih reconstruct` again."
        ) from error
    return Similarity(scale, matrix[:3, :3] / scale, matrix[:3, 3])


def moved(scene: Scene, frame: Similarity, *, photo_names: bool) -> Scene:
    """The scene in another frame: the same pictures, from the same places."""
    views = []
    for number, view in enumerate(sorted(scene.views, key=lambda view: view.name), 1):
        R = view.pose.R @ frame.R.T
        t = frame.scale * view.pose.t - R @ frame.t
        name = view.name if photo_names else f"photo-{number:04d}{Path(view.name).suffix.lower()}"
        views.append(View(name, view.camera, Pose(R, t)))
    return replace(scene, views=tuple(views), points=frame.apply(scene.points))


def no_cameras(path: Path, wanted: Format) -> InputError:
    return InputError(
        say("{path} holds no cameras, and {name} is made of them.", path=path, name=wanted.title),
        "Give the folder that `oberih reconstruct` made.",
    )
