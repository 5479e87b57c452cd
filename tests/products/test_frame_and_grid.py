"""Nothing in public coordinates tells where the source's zero lay, or which way its axes ran."""

import numpy as np
import pytest
from numpy.typing import NDArray

from oberih.formats import Model
from oberih.geometry import Mesh, PointCloud
from oberih.products import grid
from oberih.products.frame import canonical_frame
from oberih.products.grid import rebased, steps_of
from products.chapel import DEPTH, HEIGHT, WIDTH, chapel, moved, turned

STATUE_SIZE_M = 20.0


def places(model: Model) -> NDArray[np.float64]:
    return model.parts[0].vertices.astype(np.float64)


def boulder(count: int = 40_000) -> Model:
    """A bumpy closed surface of 20 m with generic coordinates."""
    random = np.random.default_rng(3)
    turn, height = random.uniform(0, 2 * np.pi, count), random.uniform(-1, 1, count)
    radius = STATUE_SIZE_M / 2 * (1 + 0.1 * np.sin(3 * turn) + 0.05 * np.cos(5 * height))
    level = np.sqrt(1 - height**2)
    xyz = radius[:, None] * np.stack([1.4 * level * np.cos(turn), height, level * np.sin(turn)], axis=1)
    return Model(points=PointCloud(xyz.astype(np.float32)))


def test_the_ground_is_at_zero_and_the_middle_too() -> None:
    low, high = rebased(moved(turned(chapel(16), 33), (120, -40, 77))).model.bounds()
    np.testing.assert_allclose(high - low, (DEPTH, HEIGHT, WIDTH), atol=0.01)  # the longer side runs along x
    np.testing.assert_allclose((low + high)[[0, 2]], 0, atol=0.01)
    assert abs(low[1]) < 0.01


def test_up_stays_up_and_lengths_and_sides_stay() -> None:
    """No mirror, no stretch: distances between vertices are those of the source."""
    source = turned(chapel(4), 70)
    frame = canonical_frame(source)
    assert np.linalg.det(frame.R) == pytest.approx(1) and frame.factor == 1
    np.testing.assert_array_equal(frame.R[1], (0, 1, 0))


def test_any_offset_gives_the_same_bytes() -> None:
    """Offsets that keep all digits of a coordinate leave no trace at all."""
    one = rebased(chapel()).model.parts[0]
    for by in ((8192, 0, 0), (-3.5, 1000.25, 64), (65536, 65536, -65536)):
        other = rebased(moved(chapel(), by)).model.parts[0]
        for name in ("vertices", "faces", "normals", "uv"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), (name, by)


@pytest.mark.parametrize("degrees", [0.0, 3.0, 90.0, 123.4, 180.0, -77.0])
def test_any_heading_gives_the_same_places(degrees: float) -> None:
    source = chapel(6, door_m=1.0)  # the door tells the front from the back
    one, other = rebased(source), rebased(turned(source, degrees))
    a, b = (np.sort(places(made.model).round(2), axis=0) for made in (one, other))
    assert len(a) == len(b)
    np.testing.assert_allclose(a, b, atol=0.011)


def test_a_wall_that_was_seen_from_one_side_looks_at_the_viewer() -> None:
    mesh = chapel().parts[0]
    front = np.abs(mesh.vertices[mesh.faces][:, :, 2] - DEPTH / 2).max(axis=1) < 0.1
    wall = Model((Mesh(mesh.vertices, mesh.faces[front], uv=mesh.uv[front], texture=mesh.texture),))  # type: ignore[index]
    for degrees in (0, 50, 190):
        normals = rebased(turned(wall, degrees)).model.parts[0].face_normals()
        towards = normals.sum(axis=0) / np.linalg.norm(normals.sum(axis=0))
        np.testing.assert_allclose(towards, (0, 0, 1), atol=0.02)


def test_a_model_of_unknown_scale_gets_one_for_its_largest_side() -> None:
    source = chapel()
    for factor in (1.0, 0.013, 700.0):
        part = source.parts[0]
        scaled = Model((Mesh(part.vertices * np.float32(factor), part.faces),), scale_known=False)
        low, high = rebased(scaled).model.bounds()
        assert (high - low).max() == pytest.approx(1, abs=2e-3)
        assert rebased(scaled).model.scale_known is False


def test_coordinates_are_multiples_of_a_step_that_the_size_gives() -> None:
    for offset in (0.0, 5000.0, 9000.0):
        made = rebased(moved(chapel(), (offset, offset, 0.3 * offset)))
        assert made.step == 2.0**-14  # 10 m
        whole = places(made.model) / made.step
        np.testing.assert_array_equal(whole, np.rint(whole))


def strongest(values: NDArray[np.float64], step: float) -> float:
    """How much ``values`` agree on steps of that size: 1 all of them do; about 1/sqrt(N) by chance."""
    return float(np.abs(np.exp(2j * np.pi * values / step).mean()))


@pytest.mark.parametrize("offset_m", [300.0, 1100.0, 9000.0])
def test_steps_of_an_offset_cannot_be_found(offset_m: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attacker knows the very axes and steps: they are gone. Without noise they would show."""
    source = boulder()
    assert source.points is not None
    offset = np.array([offset_m, 0.7 * offset_m, 1.2 * offset_m])
    far = (source.points.points.astype(np.float64) + offset).astype(np.float32)
    model = Model(points=PointCloud(far))
    frame = canonical_frame(model)
    step = float(np.spacing(np.float32(offset_m)))

    def found() -> float:
        made = rebased(model).model.points
        assert made is not None
        back = (made.points.astype(np.float64) + frame.shift) @ frame.R + frame.middle
        # Steps upwards that are finer than the public grid's are not looked for: that grid has them all.
        return max(
            strongest(back[:, axis], step * times)
            for axis in range(3)
            for times in (1, 2)
            if axis != 1 or step * times > rebased(model).step
        )

    chance = 5 / np.sqrt(len(far))
    assert found() < chance
    monkeypatch.setattr(grid, "NOISE", 0.0)
    if offset_m > 5000:  # there the steps are larger than those of the public grid
        assert found() > 10 * chance


def test_three_decimals_of_a_text_cannot_be_found() -> None:
    source = boulder()
    assert source.points is not None
    rounded = np.round(source.points.points.astype(np.float64), 3)
    model = Model(points=PointCloud(rounded.astype(np.float32)))
    frame = canonical_frame(model)
    made = rebased(model).model.points
    assert made is not None
    back = (made.points.astype(np.float64) + frame.shift) @ frame.R + frame.middle
    assert max(strongest(back[:, axis], 0.001) for axis in range(3)) < 5 / np.sqrt(len(rounded))
    assert strongest(rounded[:, 0], 0.001) > 0.99


def test_steps_are_found_where_there_are_some() -> None:
    random = np.random.default_rng(1)
    values = random.uniform(-10, 10, 20_000)
    assert steps_of(values.astype(np.float32).astype(np.float64)) < 1e-6
    assert steps_of(np.round(values, 2).astype(np.float32).astype(np.float64)) == pytest.approx(
        0.01, rel=0.01
    )
    assert steps_of((values + 5000).astype(np.float32).astype(np.float64)) == pytest.approx(2**-11)
    assert steps_of(np.zeros(10)) == 0


def test_steps_that_are_too_coarse_to_hide_are_told() -> None:
    random = np.random.default_rng(1)
    cloud = np.round(random.uniform(0, 10, (20_000, 3)), 1).astype(np.float32)
    assert rebased(Model(points=PointCloud(cloud))).shows_steps
    assert not rebased(boulder()).shows_steps


def test_noise_is_far_below_what_is_measured() -> None:
    source = boulder(5000)
    assert source.points is not None
    frame, made = canonical_frame(source), rebased(source)
    there = frame.apply(source.points.points.astype(np.float64))
    assert made.model.points is not None
    from scipy.spatial import cKDTree

    away = np.asarray(cKDTree(there).query(made.model.points.points)[0])
    assert np.sqrt((away**2).mean()) < STATUE_SIZE_M * 1e-5


def test_the_order_of_vertices_and_faces_tells_nothing() -> None:
    part = chapel().parts[0]
    random = np.random.default_rng(2)
    order = random.permutation(len(part.vertices))
    at = np.argsort(order).astype(np.int32)
    rows = random.permutation(len(part.faces))
    assert part.uv is not None
    shuffled = Mesh(part.vertices[order], at[part.faces[rows]], uv=part.uv[rows], texture=part.texture)
    one, other = (rebased(Model((mesh,))).model.parts[0] for mesh in (part, shuffled))
    # The noise grows from the bytes of the source: places agree within it, connections as they do.
    np.testing.assert_allclose(one.vertices.mean(axis=0), other.vertices.mean(axis=0), atol=1e-3)
    for mesh in (one, other):
        first = mesh.faces[:, 0]
        assert (first == mesh.faces.min(axis=1)).all() and (np.diff(first) >= 0).all()
    assert len(one.faces) == len(other.faces)


def test_vertices_that_no_face_uses_and_faces_without_area_go() -> None:
    part = chapel().parts[0]
    stray = np.concatenate([part.vertices, np.array([[900, 0, 900]], np.float32)])
    faces = np.concatenate([part.faces, np.array([[0, 0, 1]], np.int32)])
    assert part.uv is not None
    uv = np.concatenate([part.uv, part.uv[:1]])
    made = rebased(Model((Mesh(stray, faces, uv=uv, texture=part.texture),))).model.parts[0]
    assert len(made.faces) == len(part.faces)
    assert set(made.faces.ravel()) == set(range(len(made.vertices)))


def test_points_keep_their_colours_and_confidence_and_nothing_else() -> None:
    random = np.random.default_rng(5)
    xyz = random.uniform(0, 3, (500, 3)).astype(np.float32)
    colours = random.integers(0, 255, (500, 3), dtype=np.uint8)
    ones = np.ones(500, np.float32)
    sure = random.random(500, np.float32)
    made = rebased(Model(points=PointCloud(xyz, np.tile(ones[:, None], 3), colours, sure, ones))).model.points
    assert made is not None and made.colours is not None and made.confidence is not None
    assert made.normals is None and made.intensity is None
    np.testing.assert_allclose(np.sort(made.confidence), np.sort(sure), atol=0.5 / 255 + 1e-6)
    assert sorted(map(tuple, made.colours.tolist())) == sorted(map(tuple, colours.tolist()))
