"""Fewer triangles with the texture in its place, by measures that are written down here in plain NumPy."""

import threading

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from oberih.errors import Cancelled
from oberih.geometry import Mesh
from oberih.geometry._bake import baked, distances, owners
from oberih.geometry._charts import packed, unfolded
from oberih.geometry._collapse import Collapse
from oberih.geometry._quadrics import rim_edges
from oberih.geometry.simplify import (
    chart_corners,
    coarser,
    farthest,
    simplified,
    smaller_texture,
    welded,
)
from oberih.progress import Progress


def grid(n: int = 41, *, seam: bool = True, bump: float = 0.1) -> Mesh:
    """A hill over 0..1 x 0..1; its texture shows x in red and z in green. With ``seam`` its left half has the
    right half of the texture, with a gap of 0.1 between the two charts."""
    z, x = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n), indexing="ij")
    y = bump * np.sin(3 * x) * np.sin(4 * z)
    vertices = np.stack([x, y, z], axis=2).reshape(-1, 3).astype(np.float32)
    a = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + n, a + 1], 1), np.stack([a + 1, a + n, a + n + 1], 1)])
    faces = faces.astype(np.int32)
    uv = vertices[faces][..., [0, 2]].copy()
    left = uv[..., 0].mean(axis=1) < 0.5
    columns = (np.arange(440) + 0.5) / 440
    if seam:
        uv[left, :, 0] += 0.6
        uv[..., 0] = np.where(left[:, None], uv[..., 0], uv[..., 0] - 0.5) / 1.1
        at = columns * 1.1
        red = np.where(at < 0.5, at + 0.5, at - 0.6)
        blue = np.where((at > 0.5) & (at < 0.6), 255, 0)  # nobody may see this
    else:
        red, blue = columns, np.zeros(440)
    rows = (np.arange(400) + 0.5) / 400
    texture = np.stack(np.broadcast_arrays(255 * red[None], 255 * rows[:, None], blue[None]), axis=2)
    return Mesh(vertices, faces, uv=uv, texture=np.clip(texture, 0, 255).astype(np.uint8))


def colour_at(mesh: Mesh, face: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nearest texel at places given by barycentric weights."""
    assert mesh.uv is not None and mesh.texture is not None
    height, width = mesh.texture.shape[:2]
    uv = (mesh.uv[face] * weights[..., None]).sum(axis=1)
    column = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    row = np.clip((uv[:, 1] * height).astype(int), 0, height - 1)
    return mesh.texture[row, column].astype(float)


def shown(mesh: Mesh, count: int = 4000) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places all over the surface, and their colours."""
    rng = np.random.default_rng(1)
    face = rng.integers(len(mesh.faces), size=count)
    weights = rng.dirichlet([1, 1, 1], size=count)
    return (mesh.vertices[mesh.faces[face]] * weights[..., None]).sum(axis=1), colour_at(mesh, face, weights)


def assert_sound(mesh: Mesh) -> None:
    assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)
    assert (np.linalg.norm(mesh.face_normals(), axis=1) > 0).all()
    edges = np.sort(mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert np.unique(edges, axis=0, return_counts=True)[1].max() == 2


@pytest.mark.parametrize("triangles", [800, 200])
def test_texture_stays_where_it_was_on_both_sides_of_a_seam(triangles: int) -> None:
    mesh = grid()
    coarse = simplified(mesh, triangles)
    assert 0.9 * triangles <= len(coarse.faces) <= triangles
    assert_sound(coarse)
    assert coarse.texture is mesh.texture  # the same charts
    places, colours = shown(coarse)
    assert colours[:, 2].max() == 0  # no triangle stretches across the gap
    assert np.abs(colours[:, 0] / 255 - places[:, 0]).max() < 0.02
    assert np.abs(colours[:, 1] / 255 - places[:, 2]).max() < 0.02
    assert farthest(coarse, mesh) < 0.01
    # Texture coordinates are some that were there, for the same place.
    old = np.concatenate([mesh.vertices[mesh.faces], mesh.uv], axis=2).reshape(-1, 5)
    new = np.concatenate([coarse.vertices[coarse.faces], coarse.uv], axis=2).reshape(-1, 5)
    assert set(map(bytes, new)) <= set(map(bytes, old))


def test_borders_keep_their_course_and_locked_vertices_their_place() -> None:
    mesh = grid()
    coarse = simplified(mesh, 200)
    assert np.allclose(coarse.vertices.min(axis=0)[[0, 2]], 0) and np.allclose(
        coarse.vertices.max(axis=0)[[0, 2]], 1
    )
    area = np.abs(coarse.face_normals()[:, 1]).sum() / 2
    assert area == pytest.approx(1, abs=1e-5)  # seen from above, nothing is cut off
    locked = mesh.vertices[:, 0] == 0
    held = simplified(mesh, 300, locked=locked)
    assert set(map(bytes, mesh.vertices[locked])) <= set(map(bytes, held.vertices))


def test_vertices_that_are_split_at_seams_do_not_open_the_surface() -> None:
    mesh = grid()
    split = Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(mesh.faces.size).reshape(-1, 3),
                 uv=mesh.uv, texture=mesh.texture)  # fmt: skip
    assert np.array_equal(simplified(split, 300).faces.shape, simplified(mesh, 300).faces.shape)
    assert_sound(simplified(split, 300))


def test_what_is_asked_for_already_is_as_it_was_and_equal_input_gives_equal_output() -> None:
    mesh = grid()
    assert simplified(mesh, len(mesh.faces)) is mesh
    one, two = simplified(mesh, 500), simplified(mesh, 500)
    assert np.array_equal(one.faces, two.faces) and np.array_equal(one.vertices, two.vertices)


def test_colours_of_vertices_are_kept() -> None:
    mesh = grid(seam=False)
    colours = np.arange(len(mesh.vertices) * 3, dtype=np.uint32).astype(np.uint8).reshape(-1, 3)
    bare = Mesh(mesh.vertices, mesh.faces, colours=colours)
    coarse = simplified(bare, 400)
    _, at = cKDTree(bare.vertices).query(coarse.vertices)
    assert coarse.colours is not None and np.array_equal(coarse.colours, colours[at])


def test_it_can_be_stopped() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        simplified(grid(), 100, progress=Progress(stop=stop))


def patched(n: int = 41) -> Mesh:
    """The hill with a chart of its own for each face."""
    mesh = grid(n, seam=False)
    assert mesh.uv is not None and mesh.texture is not None
    side = int(np.ceil(np.sqrt(len(mesh.faces))))
    cell = 8
    row, column = np.divmod(np.arange(len(mesh.faces)), side)
    texture = np.zeros((side * cell, side * cell, 3), np.uint8)
    middle = mesh.uv.mean(axis=1)
    for k in range(2):
        whole = np.zeros(side * side)
        whole[: len(middle)] = middle[:, k] * 255
        texture[..., k] = np.kron(whole.reshape(side, side), np.ones((cell, cell))).astype(np.uint8)
    corner = np.array([[2, 2], [2, 6], [6, 2]])
    uv = (np.stack([column, row], axis=1)[:, None] * cell + corner) / (side * cell)
    return Mesh(mesh.vertices, mesh.faces, uv=uv.astype(np.float32), texture=texture)


def test_a_surface_of_many_charts_gets_a_new_atlas_that_shows_the_same() -> None:
    mesh = patched()
    assert chart_corners(mesh) > 1000
    coarse = simplified(mesh, 300)
    assert len(coarse.faces) <= 300
    assert_sound(coarse)
    assert coarse.uv is not None and coarse.uv.min() >= 0 and coarse.uv.max() <= 1
    places, colours = shown(coarse)
    assert np.abs(colours[:, 0] / 255 - places[:, 0]).max() < 0.05  # the cells are 0.025 wide
    assert np.abs(colours[:, 1] / 255 - places[:, 2]).max() < 0.05


def test_charts_of_an_atlas_do_not_overlap() -> None:
    # A closed, folded surface: a torus seen from every side.
    u, v = np.meshgrid(
        np.linspace(0, 2 * np.pi, 48, endpoint=False),
        np.linspace(0, 2 * np.pi, 24, endpoint=False),
        indexing="ij",
    )
    vertices = np.stack(
        [(2 + np.cos(v)) * np.cos(u), np.sin(v), (2 + np.cos(v)) * np.sin(u)], axis=2
    ).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(48), np.arange(24), indexing="ij")
    at = lambda a, b: ((a % 48) * 24 + b % 24).ravel()  # noqa: E731
    quads = at(i, j), at(i, j + 1), at(i + 1, j + 1), at(i + 1, j)
    faces = np.concatenate([np.stack(quads[:3], 1), np.stack([quads[0], quads[2], quads[3]], 1)]).astype(
        np.int32
    )
    uv, (height, width) = unfolded(vertices.astype(np.float32), faces, 512)
    assert max(height, width) <= 512
    owner, over = owners((uv * [width, height]).astype(np.float32), height, width)
    assert not over.any()
    assert len(np.unique(owner)) - 1 > 0.95 * len(faces)


def test_a_smaller_texture_takes_nothing_from_between_the_charts() -> None:
    mesh = grid()
    small = smaller_texture(mesh, 44)
    assert small.texture is not None and small.texture.shape == (40, 44, 3)
    assert small.texture[..., 2].max() == 0  # blue lies only in the gap
    places, colours = shown(small)
    assert np.abs(colours[:, 0] / 255 - places[:, 0]).max() < 0.03
    assert smaller_texture(mesh, 440) is mesh


def test_shelves_hold_boxes_apart() -> None:
    boxes = np.random.default_rng(0).integers(1, 30, size=(200, 2))
    corner, height = packed(boxes, 128)
    taken = np.zeros((height, 128), int)
    for (x, y), (w, h) in zip(corner, boxes, strict=True):
        assert x + w <= 128
        taken[y : y + h, x : x + w] += 1
    assert taken.max() == 1


# The kernels, against what they are for.


def planes_of(
    place: NDArray[np.float64], faces: NDArray[np.int32], wedge: int, at: NDArray[np.float64]
) -> float:
    """Squared distances in R^5 to faces and rims at a wedge, by least squares."""
    total = 0.0
    for face in faces:
        if wedge in face:
            p, q, r = place[face]
            base = np.stack([q - p, r - p], axis=1)
            rest = at - p - base @ np.linalg.lstsq(base, at - p, rcond=None)[0]
            total += np.linalg.norm(np.cross((q - p)[:3], (r - p)[:3])) / 2 * rest @ rest
    for a, b in rim_edges(faces):
        if wedge in (a, b):
            line = (place[b] - place[a])[:, None]
            rest = at - place[a] - line @ np.linalg.lstsq(line, at - place[a], rcond=None)[0]
            total += 4 * (line[:3] ** 2).sum() * rest @ rest
    return total


def test_quadrics_are_squared_distances() -> None:
    rng = np.random.default_rng(0)
    mesh = grid(4, seam=False)
    place = np.concatenate([mesh.vertices, rng.random((16, 2))], axis=1).astype(np.float64)
    work = Collapse(place, np.arange(16, dtype=np.int32), mesh.faces, np.zeros(16, bool))
    quadric = work._kept["quadric"][0]
    for wedge in (0, 1, 5, 10, 15):
        at = rng.random(5)
        full = np.zeros((5, 5))
        full[np.triu_indices(5)] = quadric[wedge, :15]
        full += np.triu(full, 1).T
        found = at @ full @ at + 2 * quadric[wedge, 15:20] @ at + quadric[wedge, 20]
        assert found == pytest.approx(planes_of(place, mesh.faces, wedge, at), rel=1e-9)


def test_the_collapse_takes_flat_vertices_before_a_ridge() -> None:
    mesh = grid(21, seam=False, bump=0)
    vertices = mesh.vertices.copy()
    vertices[:, 1] = 0.3 - np.abs(vertices[:, 0] - 0.5)  # a roof
    coarse, used = coarser(Mesh(vertices, mesh.faces), 4, progress=Progress())
    assert len(coarse.faces) <= 6
    assert farthest(coarse, Mesh(vertices, mesh.faces)) < 1e-6
    assert np.array_equal(coarse.vertices, vertices[used])


def test_owners_are_the_triangles_at_the_centres_of_texels() -> None:
    rng = np.random.default_rng(0)
    corners = (rng.random((6, 3, 2)) * 24).astype(np.float32)
    owner, over = owners(corners, 20, 24)
    seen = np.full((20, 24), -1)
    for f in range(6):
        for row in range(20):
            for column in range(24):
                base = (corners[f, 1:] - corners[f, 0]).T.astype(float)
                v, w = np.linalg.solve(base, np.array([column + 0.5, row + 0.5]) - corners[f, 0])
                if min(v, w, 1 - v - w) >= 0 and seen[row, column] < 0:
                    seen[row, column] = f
    assert (owner != seen).sum() <= 1  # rounding
    assert over.any()


def test_distances_are_those_to_a_plane() -> None:
    points = np.random.default_rng(0).random((50, 3)).astype(np.float32)
    assert np.allclose(distances(grid(5, bump=0), points), points[:, 1], atol=1e-6)


def test_baking_looks_at_the_side_that_faces_the_same_way() -> None:
    top = grid(5, seam=False, bump=0)
    assert top.uv is not None and top.texture is not None
    # Below it, nearer than the target is to the top, lies another sheet that looks down and is white.
    down = Mesh(top.vertices - np.float32([0, 0.01, 0]), top.faces[:, ::-1])
    uv = np.concatenate([top.uv * [0.5, 1], np.full_like(top.uv, 0.75)]).astype(np.float32)
    texture = np.concatenate([top.texture, np.full_like(top.texture, 255)], axis=1)
    source = Mesh(
        np.concatenate([top.vertices, down.vertices]),
        np.concatenate([top.faces, down.faces + 25]),
        uv=uv,
        texture=texture,
    )
    target = Mesh(top.vertices - np.float32([0, 0.02, 0]), top.faces, uv=top.uv)
    if top.face_normals()[0, 1] < 0:
        pytest.fail("the hill looks down")
    picture = baked(source, target, (50, 55)).astype(float)
    assert np.abs(picture - top.texture[4::8, 4::8]).max() < 6


def test_equal_places_are_one_vertex() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [-0.0, 0, 0]], np.float32)
    first, number = welded(vertices)
    assert len(first) == 2 and number[0] == number[2] != number[1]


def test_small_holes_do_not_hold_the_surface() -> None:
    mesh = grid(41, seam=False)
    middle = np.arange(len(mesh.faces)) % 7 == 0  # every seventh triangle is missing
    holed = Mesh(mesh.vertices, mesh.faces[~middle])
    coarse = simplified(holed, 300)
    assert len(coarse.faces) <= 300
    assert farthest(coarse, holed) < 0.08


def test_surfaces_that_branch_become_as_coarse_as_was_asked_for() -> None:
    # Three walls that meet at one edge, which is in three faces all along.
    mesh = grid(21, seam=False, bump=0)
    walls = [mesh.vertices @ turned.T for turned in (np.eye(3), spun(2.0), spun(4.0))]
    whole = Mesh(
        np.concatenate(walls).astype(np.float32),
        np.concatenate([mesh.faces + i * len(mesh.vertices) for i in range(3)]).astype(np.int32),
    )
    coarse = simplified(whole, 12)
    assert 6 <= len(coarse.faces) <= 12
    assert farthest(coarse, whole) < 1e-5


def spun(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


def test_small_separate_pieces_go_where_they_would_be_too_many() -> None:
    mesh = grid(21, seam=False)
    rng = np.random.default_rng(0)
    dust = (rng.random((300, 1, 3)) + 0.001 * rng.random((300, 3, 3))).astype(np.float32).reshape(-1, 3)
    whole = Mesh(
        np.concatenate([mesh.vertices, dust]),
        np.concatenate([mesh.faces, len(mesh.vertices) + np.arange(900).reshape(-1, 3)]).astype(np.int32),
    )
    coarse = simplified(whole, 100)
    assert 50 <= len(coarse.faces) <= 100
    assert distances(coarse, mesh.vertices).max() < 0.02
