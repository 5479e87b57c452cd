"""From photos with known cameras to a surface, held against a scene whose truth is exact."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oberih.errors import Cancelled, NoSurface
from oberih.geometry import Camera, Mesh, PointCloud, Pose, Scene, View
from oberih.progress import Event, Progress
from oberih.reconstruct.depth import DEPTH, DepthSettings, Pass, estimate_depths, resample
from oberih.reconstruct.depth_maps import DepthMap, load_depth_map, save_depth_map
from oberih.reconstruct.fusion import FusionSettings, fuse
from oberih.reconstruct.neighbours import best_neighbours, depth_range
from oberih.reconstruct.rectify import undistort
from oberih.reconstruct.surface import SurfaceSettings, extract_surface, largest_parts
from synthetic import Shot, World

QUICK = DepthSettings(
    max_size=320,
    passes=(Pass(2, sweeps=6, jitter=8.0, tries=6, far=11), Pass(1, sweeps=2, jitter=2.0, tries=4, far=5)),
)


@pytest.fixture(scope="module")
def dense(
    shots: list[Shot], scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, PointCloud, Mesh]:
    folder = tmp_path_factory.mktemp("dense")
    progress = Progress()

    def read(number: int, max_size: int) -> tuple:
        return undistort(scene.views[number], shots[number].image, max_size)

    estimate_depths(scene, read, folder, QUICK, progress)
    (folder / "fused").mkdir()
    cloud = fuse(scene, folder, folder / "fused", FusionSettings(), progress)
    mesh = extract_surface(scene, folder, folder / "fused", SurfaceSettings(), progress)
    return folder, cloud, mesh


def test_depth_is_right_for_most_pixels(dense: tuple[Path, PointCloud, Mesh], shots: list[Shot]) -> None:
    depth = load_depth_map(dense[0] / DEPTH / "00002.npy")
    height, width = depth.score.shape
    rows = ((np.arange(height) + 0.5) * shots[2].depth.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * shots[2].depth.shape[1] / width).astype(int)
    truth = shots[2].depth[rows[:, None], columns[None]]
    error = np.abs(depth.inverse_depth * truth - 1)[truth > 0]
    assert np.median(error) < 0.003
    assert np.mean(error < 0.02) > 0.75


def test_fused_points_lie_on_the_surface(dense: tuple[Path, PointCloud, Mesh], world: World) -> None:
    cloud = dense[1]
    distance = np.abs(world.distance(cloud.points.astype(np.float64)))
    assert len(cloud) > 10_000
    assert np.median(distance) < 0.006
    assert np.mean(distance < 0.03) > 0.95


def test_normals_face_the_cameras(dense: tuple[Path, PointCloud, Mesh], scene: Scene) -> None:
    cloud = dense[1]
    assert cloud.normals is not None
    centre = np.mean([view.pose.centre for view in scene.views], axis=0)
    assert np.mean(np.einsum("ij,ij->i", cloud.normals, centre - cloud.points) > 0) > 0.95
    np.testing.assert_allclose(np.linalg.norm(cloud.normals, axis=1), 1, atol=1e-4)


def test_surface_lies_on_the_truth_and_faces_outwards(
    dense: tuple[Path, PointCloud, Mesh], world: World, scene: Scene
) -> None:
    mesh = dense[2]
    assert mesh.normals is not None and mesh.colours is not None and mesh.confidence is not None
    distance = np.abs(world.distance(mesh.vertices.astype(np.float64)))
    assert np.median(distance) < 0.006
    assert np.mean(distance < 0.04) > 0.95
    centre = np.mean([view.pose.centre for view in scene.views], axis=0)
    assert np.mean(np.einsum("ij,ij->i", mesh.normals, centre - mesh.vertices) > 0) > 0.9
    assert mesh.confidence.min() >= 0 and mesh.confidence.max() <= 1
    assert np.bincount(mesh.faces.ravel(), minlength=len(mesh.vertices)).min() > 0  # no stray vertices


def test_a_small_hole_is_closed_and_a_large_one_is_not(tmp_path: Path) -> None:
    """A plane seen by two cameras, with a hole of 6 and one of 60 pixels in the measurements."""
    camera = Camera(200, 200, 200, 200, 100, 100)
    views = tuple(View(f"{n}", camera, Pose(np.eye(3), np.array([0.05 * n, 0, 0]))) for n in range(2))
    scene = Scene(views, *(np.zeros(s) for s in ((0, 3), (0, 3), 0)), *(np.zeros(0, np.int32),) * 2, np.zeros((0, 2)))  # type: ignore[arg-type]  # fmt: skip  # noqa: E501
    (tmp_path / "fused").mkdir()
    for number in range(2):
        planes = np.zeros((200, 200, 3), np.float32)
        planes[..., 0] = 0.5
        shift = 5 * number  # disparity of the plane at z = 2 for a baseline of 0.05
        planes[40:46, 40 + shift : 46 + shift] = 0
        planes[100:160, 100 + shift : 160 + shift] = 0
        score = np.where(planes[..., 0] > 0, 4, 0).astype(np.float32)
        save_depth_map(tmp_path / "fused" / f"{number:05d}.npy", DepthMap(planes, score))
        np.save(tmp_path / f"image-{number:05d}.npy", np.full((200, 200, 3), 90, np.uint8))
    mesh = extract_surface(scene, tmp_path, tmp_path / "fused", SurfaceSettings(), Progress())
    np.testing.assert_allclose(mesh.vertices[:, 2], 2, atol=5e-3)  # half a voxel

    def covered(row: float, column: float) -> bool:
        x, y = (column - 100) / 100, (row - 100) / 100
        return bool(np.hypot(mesh.vertices[:, 0] - x, mesh.vertices[:, 1] - y).min() < 0.012)

    assert covered(43, 43) and covered(20, 20)
    assert not covered(130, 130)


def test_small_parts_are_dropped() -> None:
    strip = np.array([[i, i + 1, i + 2] for i in range(600)], np.int32)
    faces = np.concatenate([strip, strip[:60] + 700])
    vertices = np.random.default_rng(0).random((800, 3)).astype(np.float32)
    kept, shown = largest_parts(vertices, faces, 0.2)
    assert len(shown) == 600 and len(kept) == 602
    np.testing.assert_array_equal(kept[shown], vertices[strip])


def test_stopped_depth_work_goes_on_where_it_was(scene: Scene, shots: list[Shot], tmp_path: Path) -> None:
    settings = replace(QUICK, max_size=96, passes=QUICK.passes[:1])
    made: list[int] = []

    def read(number: int, max_size: int) -> tuple:
        made.append(number)
        return undistort(scene.views[number], shots[number].image, max_size)

    progress = Progress()

    def stop_early(event: Event) -> None:
        if event.stage == "depth" and event.kind == "tick":
            progress.stop.set()

    progress.listener = stop_early
    with pytest.raises(Cancelled):
        estimate_depths(scene, read, tmp_path, settings, progress)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "pass0").glob("*.npy")}
    assert done and len(made) == len(scene.views)
    estimate_depths(scene, read, tmp_path, settings, Progress())
    assert len(made) == len(scene.views)  # no image was read again
    assert all((tmp_path / DEPTH / path.name).stat().st_mtime_ns == when for path, when in done.items())
    assert len(list((tmp_path / DEPTH).glob("*.npy"))) == len(scene.views)


def test_views_that_agree_nowhere_make_no_surface(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / DEPTH).mkdir()
    (tmp_path / "fused").mkdir()
    rng = np.random.default_rng(0)
    for number in range(len(scene.views)):
        view = scene.views[number].resized(64)
        size = (view.camera.height, view.camera.width)
        planes = np.zeros((*size, 3), np.float32)
        planes[..., 0] = rng.uniform(0.05, 2, size)
        save_depth_map(tmp_path / DEPTH / f"{number:05d}.npy", DepthMap(planes, np.zeros(size, np.float32)))
        np.save(tmp_path / f"image-{number:05d}.npy", np.zeros((*size, 3), np.uint8))
    with pytest.raises(NoSurface, match="agree on almost no surface"):
        fuse(scene, tmp_path, tmp_path / "fused", FusionSettings(), Progress())


def test_scraps_are_no_surface(tmp_path: Path) -> None:
    """Two cameras that measured a patch of a plane: next to nothing of what they show."""
    camera = Camera(200, 200, 200, 200, 100, 100)
    views = tuple(View(f"{n}", camera, Pose(np.eye(3), np.array([0.05 * n, 0, 0]))) for n in range(2))
    scene = Scene(views, *(np.zeros(s) for s in ((0, 3), (0, 3), 0)), *(np.zeros(0, np.int32),) * 2, np.zeros((0, 2)))  # type: ignore[arg-type]  # fmt: skip  # noqa: E501
    (tmp_path / "fused").mkdir()
    for number in range(2):
        planes, shift = np.zeros((200, 200, 3), np.float32), 5 * number
        planes[90:105, 90 + shift : 105 + shift, 0] = 0.5
        score = np.where(planes[..., 0] > 0, 4, 0).astype(np.float32)
        save_depth_map(tmp_path / "fused" / f"{number:05d}.npy", DepthMap(planes, score))
        np.save(tmp_path / f"image-{number:05d}.npy", np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(NoSurface, match="next to nothing") as caught:
        extract_surface(scene, tmp_path, tmp_path / "fused", SurfaceSettings(), Progress())
    assert caught.value.advice


def test_a_view_that_shares_nothing_with_others_adds_nothing(
    shots: list[Shot], scene: Scene, tmp_path: Path
) -> None:
    """A seventh view without a single common point, among six good ones."""
    lonely = replace(scene, views=(*scene.views, scene.views[0]))
    images = [shot.image for shot in shots] + [shots[0].image]
    settings = replace(QUICK, max_size=160)
    estimate_depths(
        lonely, lambda n, size: undistort(lonely.views[n], images[n], size), tmp_path, settings, Progress()
    )
    (tmp_path / "fused").mkdir()
    cloud = fuse(lonely, tmp_path, tmp_path / "fused", FusionSettings(max_points=4000), Progress())
    assert 1000 < len(cloud) <= 4000  # thinned to what was asked for
    assert not load_depth_map(tmp_path / "fused" / "00006.npy").inverse_depth.any()


def test_depth_maps_survive_storage(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    planes = rng.uniform(0.1, 0.3, (4, 5, 3)).astype(np.float32) * np.array([1, 1e-3, 1e-3], np.float32)
    planes[0, 0] = 0
    save_depth_map(tmp_path / "d.npy", DepthMap(planes, np.ones((4, 5), np.float32)))
    back = load_depth_map(tmp_path / "d.npy")
    np.testing.assert_array_equal(back.inverse_depth, planes[..., 0])
    np.testing.assert_allclose(back.planes[..., 1:], planes[..., 1:], rtol=1e-3)


def test_resampling_keeps_the_plane() -> None:
    y, x = np.mgrid[0:20, 0:30] + 0.5
    planes = np.stack([0.2 + 0.001 * x - 0.002 * y, np.full_like(x, 0.001), np.full_like(y, -0.002)], axis=-1)
    double = resample(DepthMap(planes.astype(np.float32), np.zeros((20, 30), np.float32)), 40, 60).planes
    y, x = np.mgrid[0:40, 0:60] + 0.5
    np.testing.assert_allclose(double[..., 0], 0.2 + 0.0005 * x - 0.001 * y, atol=1e-6)
    np.testing.assert_allclose(double[..., 1], 0.0005, atol=1e-9)


def test_neighbours_stand_beside_each_other(scene: Scene) -> None:
    """On an arc of cameras the best partner is one of the next two, and no view is its own neighbour."""
    for number in range(len(scene.views)):
        chosen = best_neighbours(scene, number, 3)
        assert number not in chosen and len(chosen) == 3
        assert abs(int(chosen[0]) - number) <= 2
    near, far = depth_range(scene, 0)
    depths = scene.views[0].project(scene.points[scene.points_of(0)])[1]
    assert near < np.median(depths) < far
