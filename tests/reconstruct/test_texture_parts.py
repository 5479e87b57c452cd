"""The pieces of texturing, each against something obvious."""

import itertools

import numpy as np
import pytest

from oberih.geometry import Camera, Mesh, Pose, View
from oberih.progress import Progress
from oberih.reconstruct.texture.adjacency import face_adjacency, patches
from oberih.reconstruct.texture.atlas import CELL, lay_out
from oberih.reconstruct.texture.bake import Sheet, fill_gaps, push_pull
from oberih.reconstruct.texture.consistency import disagreement, view_gains
from oberih.reconstruct.texture.labels import propagate
from oberih.reconstruct.texture.levelling import (
    apply_corrections,
    find_seams,
    global_corrections,
    seam_difference,
)
from oberih.reconstruct.texture.lod import simplified
from oberih.reconstruct.texture.observe import CANDIDATES, Candidates, Observer, reduced
from oberih.reconstruct.texture.packing import Outline, pack


def wall(columns=20, rows=10, size=1.0):
    """A flat grid of triangles in the plane z = 0 that looks towards -z; spans columns x rows units."""
    x, y = np.meshgrid(np.arange(columns + 1), np.arange(rows + 1))
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1).astype(np.float32) * size
    corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    right, below = corner + 1, corner + columns + 1
    faces = np.concatenate([np.stack([corner, below, right], 1), np.stack([right, below, below + 1], 1)])
    return Mesh(vertices, faces.astype(np.int32))


def before(distance, x=10.0, y=5.0, name="a.jpg", focal=200.0, width=480, height=320):
    """A view from (x, y, -distance) straight at the wall."""
    camera = Camera(width, height, focal, focal, width / 2, height / 2)
    return View(name, camera, Pose(np.eye(3), -np.array([x, y, -distance])))


# --- adjacency


def test_neighbours_share_the_edge_that_they_say():
    mesh = wall(4, 3)
    adjacency = face_adjacency(mesh.faces)
    for face, edge in itertools.product(range(len(mesh.faces)), range(3)):
        other = adjacency.neighbours[face, edge]
        ends = {mesh.faces[face, edge], mesh.faces[face, (edge + 1) % 3]}
        holders = [f for f in range(len(mesh.faces)) if f != face and ends <= set(mesh.faces[f])]
        assert holders == ([other] if other >= 0 else [])
        if other >= 0:
            back = adjacency.back[face, edge]
            assert {mesh.faces[other, back], mesh.faces[other, (back + 1) % 3]} == ends
            assert adjacency.neighbours[other, back] == face


def test_three_faces_at_one_edge_are_paired_without_a_dangling_end():
    faces = np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]], np.int32)
    adjacency = face_adjacency(faces)
    assert adjacency.neighbours[:, 0].tolist() == [1, 0, -1]


def test_patches_are_connected_and_of_one_label():
    mesh = wall(6, 1)
    middle = mesh.vertices[mesh.faces].mean(axis=1)[:, 0]
    labels = np.select([middle < 2, middle < 4], [7, 3], 7)
    patch = patches(face_adjacency(mesh.faces), labels)
    assert len(np.unique(patch)) == 3
    assert all(len(np.unique(labels[patch == p])) == 1 for p in range(3))


# --- simplification


def ball(rows=60):
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 2 * rows, endpoint=False), np.linspace(0, np.pi, rows))
    points = np.stack([np.sin(v) * np.cos(u), np.sin(v) * np.sin(u), np.cos(v)], -1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(2 * rows), indexing="ij")
    a, b = (i * 2 * rows + j).ravel(), (i * 2 * rows + (j + 1) % (2 * rows)).ravel()
    c, d = a + 2 * rows, b + 2 * rows
    faces = np.r_[np.c_[a, c, b], np.c_[b, c, d]]
    return Mesh(points.astype(np.float32), faces.astype(np.int32), confidence=points[:, 2].astype(np.float32))


def test_a_simplified_ball_is_round_and_sound():
    mesh = simplified(ball(), 1500, Progress())
    assert 1200 < len(mesh.faces) <= 1500
    normals = mesh.face_normals()
    assert np.linalg.norm(normals, axis=1).min() > 0
    middle = mesh.vertices[mesh.faces].mean(axis=1)
    assert ((normals * middle).sum(axis=1) > 0).all()  # all look outwards
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 1).max() < 0.01
    # Confidence comes from the nearest vertex: here it is the height.
    np.testing.assert_allclose(mesh.confidence, mesh.vertices[:, 2], atol=0.06)
    assert set(np.unique(mesh.faces)) == set(range(len(mesh.vertices)))


def test_the_border_of_an_open_surface_stays():
    mesh = simplified(wall(40, 40), 200, Progress())
    area = np.linalg.norm(mesh.face_normals(), axis=1).sum() / 2
    assert area == pytest.approx(1600, rel=0.02)  # corners are cut a little


def test_unsound_faces_go_even_when_there_is_nothing_to_simplify():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0]], np.float32)
    faces = np.array([[0, 1, 2], [1, 2, 0], [0, 1, 3]], np.int32)  # twice the same; no area
    mesh = simplified(Mesh(vertices, faces), 100, Progress())
    assert len(mesh.faces) == 1 and len(mesh.vertices) == 3


# --- observation and agreement


def test_quality_is_the_projected_area_and_the_hidden_is_not_seen():
    mesh = wall()
    screen = wall(4, 10)
    count = len(mesh.vertices)
    both = Mesh(
        np.concatenate([mesh.vertices, screen.vertices - (0, 0, 2)]).astype(np.float32),
        np.concatenate([mesh.faces, screen.faces + count]).astype(np.int32),
    )
    view = before(20.0)
    observer = Observer(both)
    observer.add(3, observer.look(reduced(view, view, np.full((320, 480, 3), 90, np.uint8))))
    seen = observer.candidates()
    middle = mesh.vertices[mesh.faces].mean(axis=1)
    hidden = middle[:, 0] < 3
    # Neither near the screen nor near the outline of the wall, where quality fades.
    clear = (np.abs(middle - (12, 5, 0)) < (6, 3.5, 1)).all(axis=1)
    assert (seen.view[: len(mesh.faces)][hidden] < 0).all()
    quality = seen.quality[: len(mesh.faces)][clear, 0]
    assert (seen.view[: len(mesh.faces)][clear, 0] == 3).all()
    # Half a unit square at distance 20 with 200 px of focal length: 50 px, times the cosine.
    direction = np.array([10, 5, -20.0]) - middle[clear]
    cosine = np.abs(direction[:, 2]) / np.linalg.norm(direction, axis=1)
    np.testing.assert_allclose(quality, 50 * cosine, rtol=1e-3)
    np.testing.assert_allclose(seen.colour[: len(mesh.faces)][clear, 0], 90, atol=1e-3)


def candidates_of(colours, views):
    """Candidates with the colours ``(F, n, 3)`` seen by the views ``(n,)``."""
    faces, n = colours.shape[:2]
    view = np.full((faces, CANDIDATES), -1, np.int32)
    view[:, :n] = views
    colour = np.zeros((faces, CANDIDATES, 3), np.float32)
    colour[:, :n] = colours
    ones = (view >= 0).astype(np.float32)
    return Candidates(view, ones, colour, ones)


def test_gains_are_found_in_spite_of_outliers():
    random = np.random.default_rng(1)
    albedo = random.uniform(60, 150, (400, 1, 3))
    exposure = np.array([0.8, 1.0, 1.3])
    seen = albedo * exposure[:, None] + random.normal(0, 1, (400, 3, 3))
    seen[:80, 1] = random.uniform(30, 200, (80, 3))  # somebody walks by
    gains = view_gains(candidates_of(seen, [0, 1, 2]), 3)
    expected = 1 / exposure / np.exp(np.log(1 / exposure).mean())
    np.testing.assert_allclose(gains, np.tile(expected[:, None], 3), rtol=0.01)


def test_the_odd_view_out_disagrees():
    mesh = wall(10, 10)
    random = np.random.default_rng(2)
    seen = 120 + random.normal(0, 2, (len(mesh.faces), 4, 3))
    seen[:, 2] += (60, -40, 0)
    apart = disagreement(candidates_of(seen, range(4)), np.ones((4, 3)), face_adjacency(mesh.faces))
    assert apart[:, 2].min() > 3 > 0.5 > apart[:, [0, 1, 3]].max()
    # Of two views nobody knows which is wrong.
    two = disagreement(candidates_of(seen[:, 1:3], [1, 2]), np.ones((4, 3)), face_adjacency(mesh.faces))
    assert (two == 0).all()


# --- labels


@pytest.mark.parametrize("seed", range(5))
def test_belief_propagation_is_exact_on_a_strip(seed):
    """The faces of a strip form a chain; there the best labelling can be found by trying all."""
    random = np.random.default_rng(seed)
    mesh = wall(4, 1)
    adjacency = face_adjacency(mesh.faces)
    count = len(mesh.faces)
    view = np.tile(np.arange(3, dtype=np.int32), (count, 1))
    view = random.permuted(view, axis=1)  # slots in any order
    cost = random.random((count, 3)).astype(np.float32)
    seam = np.full((count, 3), 0.35, np.float32)
    label = propagate(adjacency, view, cost, seam)

    def energy(labels):
        data = sum(cost[i, np.flatnonzero(view[i] == v)[0]] for i, v in enumerate(labels))
        return data + 0.35 * sum(labels[i] != labels[j] for i, j in adjacency.pairs)

    best = min(energy(labels) for labels in itertools.product(range(3), repeat=count))
    assert energy(label) == pytest.approx(best, abs=1e-5)


def test_faces_without_a_view_have_no_label_and_no_say():
    mesh = wall(3, 1)
    view = np.tile(np.array([0, 1], np.int32), (6, 1))
    cost = np.tile(np.array([0.2, 0.0], np.float32), (6, 1))
    view[2], cost[2] = -1, 1e6
    label = propagate(face_adjacency(mesh.faces), view, cost, np.ones((6, 3), np.float32))
    assert label.tolist() == [1, 1, -1, 1, 1, 1]


# --- atlas


@pytest.mark.parametrize("columns", [16, 40])
def test_packed_charts_do_not_overlap(columns):
    random = np.random.default_rng(3)
    outlines = []
    for _ in range(120):
        low = random.integers(0, 3, random.integers(1, 12)).astype(np.int32)
        outlines.append(Outline(low, low + random.integers(1, 6, len(low)).astype(np.int32)))
    places, rows = pack(outlines, columns)
    taken = np.zeros((rows, columns), int)
    for (column, row), outline in zip(places, outlines, strict=True):
        for i, (low, high) in enumerate(zip(outline.low, outline.high, strict=True)):
            taken[row + low : row + high, column + i] += 1
    assert taken.max() == 1
    assert taken.mean() > 0.5


def two_views():
    mesh = wall()
    views = [before(20.0, 8.0), before(20.0, 12.0)]
    labels = (mesh.vertices[mesh.faces].mean(axis=1)[:, 0] > 10).astype(np.int32)
    return mesh, face_adjacency(mesh.faces), labels, views


def test_charts_have_the_scale_of_the_photo_and_keep_their_distance():
    mesh, adjacency, labels, views = two_views()
    labels[:3] = -1
    atlas = lay_out(mesh, adjacency, labels, views, 4096)
    assert atlas.scale == 1 and len(atlas.boxes) == 2
    corners = atlas.corners[3]
    edges = np.linalg.norm(corners - corners[[1, 2, 0]], axis=1)
    np.testing.assert_allclose(np.sort(edges), [10, 10, np.sqrt(200)], rtol=1e-4)  # 200 px / 20 units
    taken = np.zeros((atlas.height, atlas.width), int)
    for chart in range(2):
        low = atlas.corners[atlas.chart == chart].min((0, 1)) - 4
        high = atlas.corners[atlas.chart == chart].max((0, 1)) + 4
        assert (low >= -1e-3).all() and (high <= (atlas.width, atlas.height)).all()
        (x0, y0), (x1, y1) = np.ceil(low).astype(int), np.floor(high).astype(int)
        taken[y0:y1, x0:x1] += 1
    for face in range(3):
        x, y = np.floor(atlas.corners[face].min(axis=0)).astype(int)
        taken[y : y + CELL, x : x + CELL] += 1
    assert taken.max() == 1


def test_the_atlas_shrinks_until_it_fits():
    mesh, adjacency, labels, views = two_views()
    atlas = lay_out(mesh, adjacency, labels, views, 128)
    assert max(atlas.width, atlas.height) <= 128 and atlas.scale < 0.9


# --- painting and levelling


def test_texels_are_the_pixels_of_the_photo():
    """Every texel shows its point of the wall: a photo whose colours are its own coordinates tells."""
    mesh, adjacency, labels, views = two_views()
    rows, cols = np.mgrid[:320, :480]
    image = np.stack([cols // 2, rows // 2, np.zeros_like(rows)], -1).astype(np.uint8)
    atlas = lay_out(mesh, adjacency, labels, views, 4096)
    sheet = Sheet(mesh, atlas, face_adjacency(mesh.faces).neighbours >= 0)
    sheet.paint(np.flatnonzero(labels == 0).astype(np.int32), views[0], image, np.ones(3))
    faces = np.flatnonzero(labels == 0)
    middle = mesh.vertices[mesh.faces[faces]].mean(axis=1)
    expected = (views[0].project(middle.astype(float))[0] - 0.5) / 2
    colour = sheet.sample(atlas.corners[faces].mean(axis=1))
    np.testing.assert_allclose(colour[:, :2], expected, atol=0.8)
    column, row = np.floor(atlas.corners[faces].mean(axis=1)).astype(int).T
    assert sheet.filled[row, column].all()


def test_levelling_removes_a_step_between_two_photos():
    mesh, adjacency, labels, views = two_views()
    atlas = lay_out(mesh, adjacency, labels, views, 4096)
    sheet = Sheet(mesh, atlas, face_adjacency(mesh.faces).neighbours >= 0)
    random = np.random.default_rng(5)
    for index, level in enumerate((100, 124)):
        noise = random.normal(0, 2, (320, 480, 3))
        image = np.clip(level + noise, 0, 255).astype(np.uint8)
        sheet.paint(np.flatnonzero(labels == index).astype(np.int32), views[index], image, np.ones(3))
    seams = find_seams(mesh, adjacency, atlas, labels)
    assert len(seams) > 90 and seams.between.all()
    assert seam_difference(sheet, seams) == pytest.approx(24, abs=2)
    corrections = global_corrections(mesh, sheet, seams)
    mean = [corrections[labels == index].mean() for index in range(2)]
    np.testing.assert_allclose(mean, [12, -12], atol=1.5)
    apply_corrections(sheet, seams, corrections)
    assert seam_difference(sheet, seams) < 1.5


def test_push_pull_is_smooth_and_goes_through_what_is_known():
    values, weight = np.zeros((40, 60, 3), np.float32), np.zeros((40, 60), np.float32)
    weight[10, 5], weight[30, 55] = 1, 3
    values[10, 5], values[30, 55] = (10, 20, 30), np.multiply(3, (50, 20, 90))
    image = push_pull(values, weight)
    np.testing.assert_allclose(image[10, 5], (10, 20, 30), atol=1e-3)
    np.testing.assert_allclose(image[30, 55], (50, 20, 90), atol=1e-3)
    assert image[..., 0].min() > 9.9 and image[..., 0].max() < 50.1
    np.testing.assert_allclose(image[..., 1], 20, atol=1e-2)


def test_gaps_take_the_nearest_texel_and_nothing_stays_empty():
    texels, filled = np.zeros((90, 120, 3), np.uint8), np.zeros((90, 120), np.uint8)
    texels[20:40, 20:40], filled[20:40, 20:40] = (200, 100, 50), 1
    texels[60:80, 90:110], filled[60:80, 90:110] = (40, 60, 80), 1
    fill_gaps(texels, filled)
    assert (texels[16:44, 16:44] == (200, 100, 50)).all()
    assert texels.max(axis=2).min() > 30
