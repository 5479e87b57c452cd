"""Figures against scenes whose true answers are known."""

import numpy as np
import pytest

from oberih.errors import InputError
from oberih.geometry import Camera, Mesh, Pose, Scene, Similarity, View
from oberih.progress import Progress
from oberih.reconstruct.measure import (
    find_holes,
    measure_poses,
    measure_surface,
    reprojection,
    see,
    texel_size,
)
from oberih.reconstruct.precision import distance_error, measure_error, surface_error, widest_angles
from oberih.reconstruct.scale import KnownDistance, Mark, find_scale, to_stored, unknown_scale
from oberih.reconstruct.upright import find_up, model_frame
from synthetic import Shot, World, look_at, sparse_scene


def grid(n: int, size: float = 1.0) -> Mesh:
    """A flat square of ``n`` x ``n`` cells in the plane z = 0, facing +z."""
    x, y = np.meshgrid(np.linspace(0, size, n + 1), np.linspace(0, size, n + 1))
    corner = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    right, up, both = corner + 1, corner + n + 1, corner + n + 2
    faces = np.concatenate([np.stack([corner, right, both], 1), np.stack([corner, both, up], 1)])
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1).astype(np.float32)
    return Mesh(vertices, faces.astype(np.int32))


def without_cells(mesh: Mesh, n: int, cells: list[tuple[int, int]]) -> Mesh:
    gone = {row * n + column for row, column in cells}
    keep = [i for i in range(len(mesh.faces)) if i % (n * n) not in gone]
    return Mesh(mesh.vertices, mesh.faces[keep])


def test_reprojection_error_is_the_noise_that_was_put_in(shots: list[Shot]) -> None:
    scene = sparse_scene(shots, 2000, noise_px=0.5)
    poses = measure_poses(scene)
    assert poses.reprojection_rms.value == pytest.approx(0.5 * np.sqrt(2), rel=0.05)
    assert poses.observations == len(scene.observed_px)
    assert poses.track_length.value == pytest.approx(len(scene.observed_px) / len(scene.points))
    assert sum(poses.track_lengths.values()) == len(scene.points)
    assert np.sqrt(np.mean(reprojection(scene) ** 2)) == pytest.approx(poses.reprojection_rms.value)


def test_a_photo_that_sees_a_point_twice_counts_once(scene: Scene) -> None:
    twice = Scene(scene.views, scene.points, scene.colours, scene.errors_px, np.tile(scene.observed_point, 2),
                  np.tile(scene.observed_view, 2), np.tile(scene.observed_px, (2, 1)))  # fmt: skip
    once, poses = measure_poses(scene), measure_poses(twice)
    assert poses.track_lengths == once.track_lengths
    assert poses.track_length == once.track_length


def test_widest_angle(scene: Scene) -> None:
    angles = widest_angles(scene)
    point = int(np.argmax(np.bincount(scene.observed_point)))
    rays = [scene.views[v].pose.centre - scene.points[point]
            for v in scene.observed_view[scene.observed_point == point]]  # fmt: skip
    rays = [ray / np.linalg.norm(ray) for ray in rays]
    truth = max(np.degrees(np.arccos(np.clip(a @ b, -1, 1))) for a in rays for b in rays)
    assert angles[point] == pytest.approx(truth)


def test_a_flat_square_seen_by_three_cameras() -> None:
    camera = Camera(1000, 1000, 1000, 1000, 500, 500)
    # Above the whole square, at a height of 2: a pixel covers 2 mm. One of the three looks elsewhere.
    down = np.diag([1.0, -1.0, -1.0])
    views = []
    for x, name in ((0.5, "a"), (0.5, "b"), (30.0, "c")):
        eye = np.array([x, 0.5, 2.0])
        pose = Pose(down, -down @ eye)
        views.append(View(name, camera, pose))
    nothing = np.zeros(0)
    scene = Scene(tuple(views), np.zeros((0, 3)), np.zeros((0, 3), np.uint8), nothing,
                  np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 2)))  # fmt: skip
    mesh = grid(10)
    visibility = see(scene, mesh, Progress())
    surface = measure_surface(scene, mesh, 5, visibility, None, 500, unknown_scale(), Similarity.identity())
    assert surface.ground_sample_distance.value == pytest.approx(0.002, rel=1e-3)
    assert surface.working_sample_distance.value == pytest.approx(0.004, rel=1e-3)
    assert surface.area.value == pytest.approx(1)
    assert surface.coverage.seen_by_2.value == pytest.approx(1, abs=0.01)
    assert surface.coverage.seen_by_3.value == 0
    assert visibility.filled == pytest.approx([0.25, 0.25, 0], abs=0.005)
    assert surface.texel.value is None
    assert surface.confidence.value is None


def test_a_surface_seen_from_behind_is_not_seen() -> None:
    mesh = grid(4)
    behind = View("a", Camera(100, 100, 100, 100, 50, 50), look_at((0.5, 0.4, -2), (0.5, 0.5, 0)))
    scene = Scene((behind,), np.zeros((0, 3)), np.zeros((0, 3), np.uint8), np.zeros(0),
                  np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 2)))  # fmt: skip
    assert not see(scene, mesh, Progress()).seen.any()


def test_texel_size() -> None:
    mesh = grid(4, 2.0)
    uv = mesh.vertices[mesh.faces][..., :2] / 2
    textured = Mesh(mesh.vertices, mesh.faces, uv=uv, texture=np.zeros((100, 100, 3), np.uint8))
    assert texel_size(textured) == pytest.approx(0.02)


def test_holes_and_rim() -> None:
    n = 10
    whole = find_holes(grid(n), 1.0, "unit")
    assert (whole.count, whole.area.value, whole.rim.value) == (0, 0, pytest.approx(4))
    cells = [(2, 2), (2, 3), (7, 7)]  # a hole of 0.1 x 0.2 and one of 0.1 x 0.1
    holes = find_holes(without_cells(grid(n), n, cells), 2.0, "m")
    assert holes.count == 2
    assert holes.area.value == pytest.approx(0.03 * 4)
    assert holes.perimeter.value == pytest.approx((0.6 + 0.4) * 2)
    assert holes.share.value == pytest.approx(0.03)
    assert holes.rim.value == pytest.approx(8)


def test_error_of_a_surface_that_is_off(shots: list[Shot], world: World) -> None:
    scene = sparse_scene(shots, 3000)
    mesh = world.mesh(0.02)
    assert surface_error(scene, mesh) < 0.003
    off = Mesh(mesh.vertices + 0.02 * mesh.vertex_normals(), mesh.faces)
    assert surface_error(scene, off) == pytest.approx(0.02, abs=0.004)


def test_error_of_distances_is_what_repeated_adjustments_scatter_by(shots: list[Shot]) -> None:
    """The prediction against a bundle adjustment of the same scene, repeated with fresh noise."""
    from scipy.optimize import least_squares

    noise = 0.5
    rng = np.random.default_rng(0)
    truth = sparse_scene(shots[::2], 60)
    views, count = len(truth.views), len(truth.points)
    from scipy.spatial.transform import Rotation

    def errors(x: np.ndarray, px: np.ndarray) -> np.ndarray:
        turns, shifts = x[: 3 * views].reshape(-1, 3), x[3 * views : 6 * views].reshape(-1, 3)
        points, focal, k1 = x[6 * views : -2].reshape(-1, 3), x[-2], x[-1]
        R = Rotation.from_rotvec(turns).as_matrix()[truth.observed_view]
        R = R @ np.array([view.pose.R for view in truth.views])[truth.observed_view]
        local = np.einsum("nij,nj->ni", R, points[truth.observed_point])
        local += (shifts + np.array([view.pose.t for view in truth.views]))[truth.observed_view]
        xy = local[:, :2] / local[:, 2:]
        xy = xy * (1 + k1 * (xy**2).sum(axis=1, keepdims=True))
        c = truth.views[0].camera
        return (c.fx * (1 + focal) * xy + [c.cx, c.cy] - px).ravel()

    begin = np.concatenate([np.zeros(6 * views), truth.points.ravel(), [0, 0]])
    pattern = np.zeros((2 * len(truth.observed_px), len(begin)), np.int8)
    for i, (v, p) in enumerate(zip(truth.observed_view, truth.observed_point, strict=True)):
        rows = slice(2 * i, 2 * i + 2)
        for first in (3 * v, 3 * views + 3 * v, 6 * views + 3 * p):
            pattern[rows, first : first + 3] = 1
        pattern[rows, -2:] = 1
    pairs = rng.integers(0, count, (200, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    lengths = []
    for _ in range(12):
        px = truth.observed_px + rng.normal(0, noise, truth.observed_px.shape)
        found = least_squares(errors, begin, args=(px,), jac_sparsity=pattern, x_scale="jac", max_nfev=25)
        points = found.x[6 * views : -2].reshape(-1, 3)
        points = points * (np.std(truth.points) / np.std(points))  # scale is free
        lengths.append(np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1))
    scatter = np.percentile(np.abs(lengths - np.mean(lengths, axis=0)), 95)
    noisy = sparse_scene(shots[::2], 60, noise_px=noise)
    assert distance_error(noisy) == pytest.approx(scatter, rel=0.4)


def test_error_needs_views_and_points(scene: Scene) -> None:
    one = Scene(scene.views[:1], scene.points, scene.colours, scene.errors_px, np.zeros(0, np.int32),
                np.zeros(0, np.int32), np.zeros((0, 2)))  # fmt: skip
    assert distance_error(one) is None
    error = measure_error(one, grid(3), unknown_scale())
    assert error.total.value is None
    assert error.drawing_scale.value is None


def marks(shots: list[Shot], point: np.ndarray, off: float = 0.0) -> tuple[Mark, ...]:
    return tuple(Mark(shot.view.name, *(shot.view.project(point[None])[0][0] + off)) for shot in shots)


A, B = np.array([-1.0, -1.0, 0.0]), np.array([1.5, -0.5, 0.0])


def test_scale_from_a_known_distance(shots: list[Shot], scene: Scene) -> None:
    metres = 3 * float(np.linalg.norm(A - B))
    known = KnownDistance(metres, marks(shots[:3], A), marks(shots[1:4], B), error_m=0.001 * metres)
    scale = find_scale(known, scene, {})
    assert scale.known
    assert scale.factor == pytest.approx(3)
    assert scale.residual_px == pytest.approx(0, abs=1e-6)
    assert 0.001 < scale.relative_error < 0.01
    drawing = measure_error(sparse_scene(shots, 1500, 0.3), shots[0].world.mesh(0.03), scale)
    assert drawing.total.unit == "m"
    assert 0.3e-3 * drawing.drawing_scale.value >= drawing.total.value


def test_scale_of_marks_in_a_photo_that_is_turned(shots: list[Shot], scene: Scene) -> None:
    """Marks are given as a viewer shows the photo; the file's pixels lie on their side."""
    width, height = shots[0].view.camera.width, shots[0].view.camera.height

    def turned(mark: Mark) -> Mark:  # stored -> upright for orientation 6 (turn clockwise)
        return Mark(mark.photo, height - mark.y, mark.x)

    assert to_stored(height - 20.0, 10.0, width, height, 6) == (10.0, 20.0)
    a, b = (tuple(map(turned, marks(shots[:3], p))) for p in (A, B))
    scale = find_scale(KnownDistance(1.0, a, b), scene, {shot.view.name: 6 for shot in shots})
    assert scale.factor == pytest.approx(1 / np.linalg.norm(A - B))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_of_every_orientation(orientation: int) -> None:
    from oberih.reconstruct.page import upright

    stored = np.arange(6, dtype=np.uint8).reshape(2, 3)
    shown = upright(stored, orientation)
    for row in range(shown.shape[0]):
        for column in range(shown.shape[1]):
            x, y = to_stored(column + 0.5, row + 0.5, 3, 2, orientation)
            assert stored[int(y), int(x)] == shown[row, column]


def test_wrong_marks_are_told(shots: list[Shot], scene: Scene) -> None:
    with pytest.raises(InputError, match="two photos"):
        KnownDistance(1.0, marks(shots[:1], A), marks(shots[:2], B))
    with pytest.raises(InputError, match="known distance"):
        KnownDistance(float("nan"), marks(shots[:2], A), marks(shots[:2], B))
    with pytest.raises(InputError, match="not one of the photos"):
        find_scale(KnownDistance(1.0, (Mark("x.jpg", 1, 1), Mark("y.jpg", 1, 1)), marks(shots, B)), scene, {})
    wrong = (*marks(shots[:2], A), *marks(shots[2:3], A, off=-90))
    with pytest.raises(InputError, match="do not fit"):
        find_scale(KnownDistance(1.0, wrong, marks(shots, B)), scene, {})
    outside = (*marks(shots[:2], A), Mark(shots[2].view.name, 99999, 5))
    with pytest.raises(InputError, match="only 640 x 480"):
        find_scale(KnownDistance(1.0, outside, marks(shots, B)), scene, {})
    with pytest.raises(InputError, match="same place"):
        KnownDistance(1.0, marks(shots, A), marks(shots, A))
    with pytest.raises(InputError, match="same place"):
        find_scale(KnownDistance(1.0, marks(shots[:3], A), marks(shots[1:4], A)), scene, {})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("metres", "error_m"),
    [(1e-300, None), (1e30, None), (-1, None), (float("inf"), None)]
    + [(10, error) for error in (float("nan"), float("inf"), 1e9, 10, -0.1)],
)
def test_distances_that_nothing_has(shots: list[Shot], metres: float, error_m: float | None) -> None:
    with pytest.raises(InputError, match="known distance is") as caught:
        KnownDistance(metres, marks(shots[:2], A), marks(shots[:2], B), error_m)
    assert "metres" in caught.value.advice


@pytest.mark.parametrize("seed", range(20))
def test_marks_anywhere_are_an_error_in_words(shots: list[Shot], scene: Scene, seed: int) -> None:
    rng = np.random.default_rng(seed)
    anywhere = tuple(Mark(shot.view.name, *rng.uniform(0, [640, 480])) for shot in shots[:3])
    with pytest.raises(InputError) as caught:
        find_scale(KnownDistance(1.0, anywhere, marks(shots, B)), scene, {})
    assert "nan" not in caught.value.message


def test_up_from_cameras_and_from_walls(scene: Scene, world: World) -> None:
    held = find_up(scene, [1] * len(scene.views))
    assert held.known
    assert np.degrees(np.arccos(held.direction[2])) < 3
    assert "cameras" in held.method
    built = find_up(scene, [1] * len(scene.views), world.mesh(0.1))
    assert np.degrees(np.arccos(built.direction[2])) < 0.5
    assert "walls" in built.method
    assert built.spread_deg < 1


def test_up_of_photos_taken_upright(shots: list[Shot]) -> None:
    """The camera was turned by a quarter for every photo; EXIF says so."""
    quarter = np.array([[0, 1.0, 0], [-1, 0, 0], [0, 0, 1]])  # stored x is upright y, stored y is minus x
    views = [
        View(s.view.name, s.view.camera, Pose(quarter @ s.view.pose.R, quarter @ s.view.pose.t))
        for s in shots
    ]
    scene = sparse_scene(shots)
    turned = Scene(tuple(views), scene.points, scene.colours, scene.errors_px, scene.observed_point,
                   scene.observed_view, scene.observed_px)  # fmt: skip
    assert np.degrees(np.arccos(find_up(turned, [6] * len(views)).direction[2])) < 3


def test_up_is_unknown_when_cameras_disagree(scene: Scene) -> None:
    up = find_up(scene, [1, 3, 6, 8, 1, 3])
    assert not up.known
    assert "unknown" in up.method


def test_frame_of_the_model(scene: Scene, world: World) -> None:
    mesh = world.mesh(0.1)
    to_model = model_frame(scene, mesh, np.array([0, 0, 1.0]), 2.0)
    vertices = to_model.apply(mesh.vertices)
    cameras = to_model.apply(np.array([view.pose.centre for view in scene.views]))
    assert np.linalg.det(to_model.R) == pytest.approx(1)
    assert np.ptp(vertices[:, 1]) == pytest.approx(2 * np.ptp(mesh.vertices[:, 2]))  # up is y, twice as large
    assert abs(np.percentile(vertices[:, 1], 0.5)) < 1e-6  # stands on the ground
    assert cameras[:, 2].mean() > 0 and abs(cameras[:, 0].mean()) < 1
