"""Cameras of real photos, against surveyed ones where there are any."""

from pathlib import Path

import numpy as np
import pytest

from oberih.capture import find_photos
from oberih.errors import NoOverlap
from oberih.reconstruct.poses import PoseSettings, estimate_poses

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
QUICK = PoseSettings(max_pixels=1_500_000, max_features=4096, upsample_below=0)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real photos are not here"),
]


def test_cameras_of_the_fountain_are_where_the_surveyors_found_them(tmp_path: Path) -> None:
    poses = estimate_poses(find_photos([DATA / "fountain-P11" / "images"]).photos, tmp_path, QUICK)
    assert len(poses.registered) == 11 and not poses.unregistered
    assert [camera.principal_point for camera in poses.cameras] == ["estimated"]
    with np.load(DATA / "fountain-P11" / "ground_truth.npz") as truth:
        surveyed = np.array([truth["c"][int(Path(name).stem)] for name in poses.registered])
    found = np.array([view.pose.centre for view in poses.scene.views])
    a, b = found - found.mean(0), surveyed - surveyed.mean(0)
    U, S, Vt = np.linalg.svd(a.T @ b)
    D = np.diag([1, 1, np.sign(np.linalg.det(U @ Vt))])
    scale = (S * np.diag(D)).sum() / (a**2).sum()
    errors = scale * a @ U @ D @ Vt - b
    assert np.sqrt((errors**2).sum(axis=1).mean()) < 0.0045  # metres; 6.5 mm is the bar


def test_photos_of_different_things_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoOverlap):
        estimate_poses(find_photos([DATA / "unrelated-tourists"]).photos, tmp_path, QUICK)
