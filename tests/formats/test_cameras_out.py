"""Cameras go out as COLMAP and as nerfstudio read them: the same points fall on the same pixels."""

import json
from pathlib import Path

import numpy as np
import pycolmap
import pytest
import trimesh

from oberih.errors import InputError, OutputError
from oberih.formats import Model, format_named, load_model, write_glb, write_ply
from oberih.geometry import Mesh, PointCloud

SCALE, SHIFT = 2.5, np.array([1.0, -2.0, 3.0])
TURN = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float64)  # a rotation


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A folder as `oberih reconstruct` makes it, with photos that are named after a place."""
    folder = tmp_path / "result"
    (folder / "sparse").mkdir(parents=True)
    options = pycolmap.SyntheticDatasetOptions()
    options.num_rigs, options.num_frames_per_rig, options.num_points3D = 2, 3, 50
    options.camera_model_id = pycolmap.CameraModelId.OPENCV
    options.camera_params = [1300.0, 1290.0, 510.0, 390.0, 0.03, -0.01, 0.001, -0.002]
    scene = pycolmap.synthesize_dataset(options)
    for number in scene.reg_image_ids():
        scene.image(number).name = f"Kyiv {number}.JPG"
    scene.write_binary(folder / "sparse")
    triangle = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    write_glb(folder / "model.glb", Mesh(triangle, np.array([[0, 1, 2]], np.int32)))
    write_ply(folder / "points.ply", PointCloud(triangle, colours=np.full((3, 3), 9, np.uint8)))
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = SCALE * TURN, SHIFT
    report = {"scale": {"known": True}, "model_from_sparse": matrix.tolist()}
    (folder / "report.json").write_text(json.dumps(report))
    return folder


def exported(name: str, result: Path, out: Path, **options: bool) -> Path:
    wanted = format_named(name)
    wanted.write(out, load_model(result, wanted, **options))
    return out


@pytest.mark.reads("colmap", "pycolmap")
def test_pycolmap_reads_the_same_scene(result: Path, tmp_path: Path) -> None:
    before = pycolmap.Reconstruction(result / "sparse")
    after = pycolmap.Reconstruction(exported("colmap", result, tmp_path / "colmap"))
    assert after.num_reg_images() == before.num_reg_images() == 6
    assert after.compute_num_observations() == before.compute_num_observations()
    images = sorted((before.image(i) for i in before.reg_image_ids()), key=lambda image: image.name)
    new = sorted((after.image(i) for i in after.reg_image_ids()), key=lambda image: image.name)
    assert [image.name for image in new] == [f"photo-{n:04d}.jpg" for n in range(1, 7)]
    for old, image in zip(images, new, strict=True):
        moved = SCALE * TURN @ old.projection_center() + SHIFT
        np.testing.assert_allclose(image.projection_center(), moved, atol=1e-9)
        np.testing.assert_allclose(image.camera.params, old.camera.params)
    for point in after.points3D.values():
        for element in point.track.elements:
            image = after.image(element.image_id)
            seen = image.points2D[element.point2D_idx]
            np.testing.assert_allclose(image.project_point(point.xyz), seen.xy, atol=1e-6)


@pytest.mark.reads("nerfstudio", "pycolmap's cameras")
def test_a_nerf_s_cameras_see_the_points_where_colmap_s_do(result: Path, tmp_path: Path) -> None:
    told = json.loads((exported("nerfstudio", result, tmp_path / "nerf") / "transforms.json").read_text())
    cloud = trimesh.load(tmp_path / "nerf" / told["ply_file_path"])
    before = pycolmap.Reconstruction(result / "sparse")
    images = sorted((before.image(i) for i in before.reg_image_ids()), key=lambda image: image.name)
    numbers = sorted(before.points3D)
    assert len(told["frames"]) == len(images) and len(cloud.vertices) == len(numbers)
    for image, frame in zip(images, told["frames"], strict=True):
        assert frame["file_path"].startswith("images/photo-") and "Kyiv" not in frame["file_path"]
        to_camera = np.linalg.inv(np.array(frame["transform_matrix"]))
        local = cloud.vertices @ to_camera[:3, :3].T + to_camera[:3, 3]
        assert np.linalg.det(to_camera[:3, :3]) == pytest.approx(1)
        for number, (x, y, z) in zip(numbers, local, strict=True):
            pixel = image.project_point(before.points3D[number].xyz)
            if pixel is None:
                assert z > 0  # behind: OpenGL's cameras look along -z
                continue
            lens = pycolmap.Camera(
                model="OPENCV", width=frame["w"], height=frame["h"],
                params=[frame[k] for k in ("fl_x", "fl_y", "cx", "cy", "k1", "k2", "p1", "p2")],
            )  # fmt: skip
            np.testing.assert_allclose(lens.img_from_cam(np.array([x, -y, -z])), pixel, atol=0.01)


def test_points_come_in_the_frame_of_the_model(result: Path) -> None:
    points = load_model(result, format_named("las")).points
    assert points is not None
    expected = SCALE * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]]) @ TURN.T + SHIFT
    np.testing.assert_allclose(points.points, expected, atol=1e-6)


def test_names_stay_if_asked(result: Path, tmp_path: Path) -> None:
    exported("colmap", result, tmp_path / "colmap", photo_names=True)
    assert pycolmap.Reconstruction(tmp_path / "colmap").find_image_with_name("Kyiv 1.JPG") is not None


def test_what_has_no_cameras(result: Path, tmp_path: Path) -> None:
    for name in ("colmap", "nerfstudio"):
        with pytest.raises(InputError, match="cameras"):
            exported(name, result / "model.glb", tmp_path / "out")
        with pytest.raises(InputError, match="cameras"):
            format_named(name).write(tmp_path / "out", Model())
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_not_overwritten(result: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        exported("colmap", result, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
