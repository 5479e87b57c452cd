"""The kernels of texturing against obvious NumPy versions of themselves."""

import numpy as np
import pytest
import warp as wp
from scipy.ndimage import map_coordinates

from oberih.geometry import Camera, Mesh, Pose, View, render
from oberih.reconstruct.depth_maps import on_cpu
from oberih.reconstruct.texture import bake, consistency, labels, observe
from oberih.reconstruct.texture.adjacency import Adjacency, face_adjacency
from oberih.reconstruct.texture.atlas import CELL, PADDING, Atlas, lay_out, outline

TEXELS = 48  # side of the small textures below


def grid(columns: int, rows: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A crooked sheet of triangles without gaps: ``(V, 2)`` points about one unit apart, and faces."""
    y, x = np.mgrid[: rows + 1, : columns + 1]
    points = np.c_[x.ravel(), y.ravel()] + random.uniform(-0.25, 0.25, (x.size, 2))
    a = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    b, c, d = a + 1, a + columns + 1, a + columns + 2
    return points, np.r_[np.c_[a, c, b], np.c_[b, c, d]].astype(np.int32)


def torn() -> tuple[Adjacency, np.ndarray]:
    """Neighbours in a small mesh with loops, and candidate views ``(F, 4)``: any order, any slot free."""
    random = np.random.default_rng(6)
    adjacency = face_adjacency(grid(4, 3, random)[1])
    view = random.permuted(np.tile(np.arange(6, dtype=np.int32), (len(adjacency.back), 1)), axis=1)[:, :4]
    view[random.random(view.shape) < 0.25] = -1
    view[5] = -1  # no photo sees this face
    return adjacency, np.ascontiguousarray(view)


# --- observation


def as_seen(view: View, glance: observe.Glance, corners: np.ndarray) -> tuple | None:
    """Quality, colour and sharpness of a face with ``corners (3, 3)`` in a view, None: not seen."""
    pixels, z = view.project(corners)
    middle = corners.mean(axis=0)
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    towards = view.pose.centre - middle
    cosine = normal @ towards / np.linalg.norm(normal) / np.linalg.norm(towards)
    if abs(cosine) <= observe.MIN_COSINE:
        return None
    (u, v), (s, t) = pixels[1] - pixels[0], pixels[2] - pixels[0]
    px, depth = view.project(middle[None])
    spots = np.r_[px, 0.8 * pixels + 0.2 * px]  # the middle, and near the corners
    column, row = spots.astype(int).T
    # A pixel and a half of the slope may lie between the face and what was drawn.
    slack = 1.5 * np.tan(np.arccos(abs(cosine))) / view.camera.fx + 1e-3
    in_front = np.r_[depth, 0.8 * z + 0.2 * depth] * (1 - slack) <= glance.depth[row, column]
    if in_front.sum() < 3:
        return None
    quality = abs(u * t - v * s) / 2 * glance.photo.pixel_ratio * abs(cosine) * in_front.mean()
    quality *= 0.02 + 0.98 * glance.border[row, column].min()
    if cosine < 0:
        quality *= observe.BACK
    return quality, glance.photo.colour[row[0], column[0]], glance.photo.sharpness[row[0], column[0]]


def test_the_best_views_of_a_face_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "CANDIDATES", 3)
    random = np.random.default_rng(1)
    corners = random.uniform((-1, -1, 4.5), (1, 1, 5.5), (200, 1, 3)) + random.normal(0, 0.3, (200, 3, 3))
    mesh = Mesh(corners.reshape(-1, 3).astype(np.float32), np.arange(600, dtype=np.int32).reshape(-1, 3))
    camera = Camera(60, 50, 45.0, 45.0, 30.0, 25.0)
    observer = observe.Observer(mesh)
    expected: list[list[tuple]] = [[] for _ in corners]
    for index in range(7):
        angle = 0.1 * (index - 3)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        view = View("", camera, Pose(turn, np.array([-5 * np.sin(angle), 0, 5 - 5 * np.cos(angle)])))
        # What the mesh hides, where its borders are and what the photo shows is made up: all is random.
        shape = (50, 60)
        colour, sharpness = random.uniform(0, 255, (*shape, 3)), random.uniform(0, 9, shape)
        photo = observe.Photo(
            view, view, colour.astype(np.float32), sharpness.astype(np.float32), 1.5 + 0.1 * index
        )
        depth = random.uniform(4, 7, shape).astype(np.float32)
        depth[random.random(shape) < 0.2] = np.inf
        pixels = view.project(corners.reshape(-1, 3))[0]
        inside = ((pixels > 1) & (pixels < (59, 49))).all(axis=1)
        border = np.minimum(random.uniform(0, 3, shape), 1).astype(np.float32)
        glance = observe.Glance(photo, inside, depth, border)
        observer.add(index, glance)
        for face in np.flatnonzero(inside.reshape(-1, 3).all(axis=1)):
            seen = as_seen(view, glance, corners[face])
            if seen is not None:
                expected[face].append((seen[0], index, *seen[1:]))
    found = observer.candidates()
    right = 0
    for face, seen in enumerate(expected):
        seen.sort(key=lambda entry: -entry[0])
        slots = np.argsort(-found.quality[face])
        best = [(*entry,) for entry in seen[:3]] + [(0, -1, 0, 0)] * (3 - len(seen))
        right += all(
            np.isclose(found.quality[face, slot], quality, rtol=1e-3)
            and found.view[face, slot] == view
            and (found.colour[face, slot] == colour).all()
            and found.sharpness[face, slot] == sharpness
            for slot, (quality, view, colour, sharpness) in zip(slots, best, strict=True)
        )
    counts = [len(seen) for seen in expected]
    assert min(counts) < 3 < max(counts)  # slots stay free; candidates are pushed out
    assert right >= 198  # single precision may decide otherwise at a threshold or a pixel's edge


# --- agreement


def test_the_consensus_is_the_mode_of_the_colours() -> None:
    random = np.random.default_rng(2)
    colour = random.uniform(40, 200, (150, 1, 3)) + random.normal(0, 8, (150, 5, 3))
    odd = random.random((150, 5)) < 0.3
    colour[odd] = random.uniform(0, 255, (odd.sum(), 3))
    colour = colour.astype(np.float32)
    view = np.tile(np.arange(5, dtype=np.int32), (150, 1))
    view[random.random(view.shape) < 0.35] = -1
    distance = np.zeros((150, 5), np.float32)
    wp.launch(consistency.distance_to_mode, dim=150, device="cpu",
              inputs=[on_cpu(view), on_cpu(colour, wp.vec3), on_cpu(distance)])  # fmt: skip

    def noise(c: np.ndarray) -> np.ndarray:
        return consistency.NOISE + consistency.NOISE_SHARE * c.mean(axis=-1)

    for face in range(150):
        c = colour[face, view[face] >= 0].astype(np.float64)
        expected = np.zeros(len(c))
        if len(c) >= 2:
            apart = np.linalg.norm(c[:, None] - c, axis=2) / noise(c)[:, None]
            mode = c[np.minimum(apart, 3).sum(axis=1).argmin()]  # the medoid; far is far, however far
            unit = noise(mode)
            for _ in range(5):
                weight = np.exp(-(((c - mode) / unit) ** 2).sum(axis=1) / 2)
                mode = weight @ c / weight.sum()
            expected = np.linalg.norm(c - mode, axis=1) / unit
            if len(c) == 2:  # nobody knows which of the two is wrong
                expected[:] = expected.max()
        np.testing.assert_allclose(distance[face, view[face] >= 0], expected, atol=1e-4)
        assert (distance[face, view[face] < 0] == 0).all()


def test_values_are_averaged_with_those_of_the_same_view_next_door() -> None:
    adjacency, view = torn()
    random = np.random.default_rng(3)
    values = random.random(view.shape).astype(np.float32)
    values[random.random(view.shape) < 0.4] = consistency.UNKNOWN
    known = {(i, view[i, k]): values[i, k] for i, k in zip(*np.nonzero(view >= 0), strict=True)}
    for _ in range(2):
        mean = {}
        for i, v in known:
            around = [known.get((n, v), -1) for n in (i, *adjacency.neighbours[i])]  # nothing is at -1
            around = [value for value in around if value >= 0]
            mean[i, v] = np.mean(around) if around else consistency.UNKNOWN
        known = mean
    result = consistency.smoothed(values, view, adjacency, 2)
    expected = [[known.get((i, v), 0) for v in slots] for i, slots in enumerate(view)]
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert consistency.UNKNOWN in result


# --- labels


def test_slots_of_the_same_view_are_matched() -> None:
    adjacency, view = torn()
    match = np.full((len(view), 3, 4), 9, np.int32)
    wp.launch(labels.match_slots, dim=len(view), device="cpu",
              inputs=[on_cpu(view), on_cpu(adjacency.neighbours), on_cpu(match)])  # fmt: skip
    for i, e, k in np.ndindex(match.shape):
        n = adjacency.neighbours[i, e]
        there = list(view[n]) if n >= 0 and view[i, k] >= 0 else []
        assert match[i, e, k] == (there.index(view[i, k]) if view[i, k] in there else -1)


def test_messages_are_those_of_min_sum_belief_propagation() -> None:
    """Three rounds against the textbook's: what face n tells face i about a label is the least energy of
    n's side of the edge if i took it."""
    adjacency, view = torn()
    count, random = len(view), np.random.default_rng(4)
    cost = np.where(view >= 0, random.random(view.shape), labels.FORBIDDEN).astype(np.float32)
    length = np.linalg.norm(random.random((3 * count, 3)), axis=1)  # of an edge, the same from both sides
    seam = np.zeros((count, 3), np.float32)
    for i, e in np.ndindex(seam.shape):
        n = adjacency.neighbours[i, e]
        seam[i, e] = length[3 * i + e if n < i else 3 * n + adjacency.back[i, e]]
    across = [on_cpu(adjacency.neighbours), on_cpu(adjacency.back)]
    match, belief = np.zeros((count, 3, 4), np.int32), np.zeros((count, 4), np.float32)
    here, there = np.zeros((count, 3, 4), np.float32), np.zeros((count, 3, 4), np.float32)
    wp.launch(labels.match_slots, dim=count, device="cpu",
              inputs=[on_cpu(view), across[0], on_cpu(match)])  # fmt: skip
    said: dict[tuple[int, int, int], float] = {}  # (from, to, label)
    for damping in (0.0, 0.4, 0.4):
        wp.launch(labels.add_up, dim=count, device="cpu",
                  inputs=[on_cpu(cost), on_cpu(here), on_cpu(belief)])  # fmt: skip
        wp.launch(labels.send_messages, dim=count, device="cpu",
                  inputs=[on_cpu(belief), on_cpu(seam), *across, on_cpu(match), damping,
                          on_cpu(here), on_cpu(there)])  # fmt: skip
        here, there = there, here
        new = {}
        for i, e in zip(*np.nonzero(adjacency.neighbours >= 0), strict=True):
            n = int(adjacency.neighbours[i, e])
            energy = {}  # of each label of n, with all that others tell it
            for v, own in zip(view[n], cost[n], strict=True):
                others = (m for m in adjacency.neighbours[n] if m >= 0 and m != i)
                if v >= 0:
                    energy[v] = own + sum(said.get((m, n, v), 0) for m in others)
            for label in (v for v in view[i] if v >= 0 and energy):
                least = min(value + seam[i, e] * (v != label) for v, value in energy.items())
                fresh = least - min(energy.values())
                new[n, i, label] = (1 - damping) * fresh + damping * said.get((n, i, label), 0)
        said = new
        for i, e, k in np.ndindex(here.shape):
            if view[i, k] >= 0:
                told = said.get((int(adjacency.neighbours[i, e]), i, view[i, k]), 0)
                assert here[i, e, k] == pytest.approx(told, abs=1e-5)
    assert len({round(value, 3) for value in said.values()}) > 30


def test_a_belief_is_the_cost_and_all_messages() -> None:
    random = np.random.default_rng(5)
    cost, messages = (random.random(shape).astype(np.float32) for shape in ((7, 4), (7, 3, 4)))
    belief = np.zeros((7, 4), np.float32)
    wp.launch(labels.add_up, dim=7, device="cpu",
              inputs=[on_cpu(cost), on_cpu(messages), on_cpu(belief)])  # fmt: skip
    np.testing.assert_allclose(belief, cost + messages.sum(axis=1), rtol=1e-6)


# --- atlas


def test_an_outline_holds_the_padded_faces_of_its_chart() -> None:
    random = np.random.default_rng(7)
    chart = np.r_[0, 1, 2, random.integers(0, 3, 12)].astype(np.int32)
    local = PADDING + random.uniform(0, 90, (15, 1, 2)) + random.uniform(0, 9, (15, 3, 2))
    local = local.astype(np.float32)
    size = np.array([local[chart == c].max(axis=(0, 1)) + PADDING for c in range(3)], np.float64)
    found = outline(local, chart, size)
    empty = 0
    for c in range(3):
        taken = np.zeros((int(size[c, 0] // CELL) + 1, 40), bool)  # [column, row] of blocks
        for column, row in np.ndindex(taken.shape):
            block = np.array([column, row]) * CELL
            for face in local[chart == c]:
                low, high = face.min(axis=0) - PADDING, face.max(axis=0) + PADDING
                taken[column, row] |= bool((block <= high).all() and (low < block + CELL).all())
        assert len(found[c].low) == len(found[c].high) == len(taken)
        for column, rows in enumerate(taken):
            held = np.flatnonzero(rows)
            ends = (held[0], held[-1] + 1) if len(held) else (0, 1)
            assert (found[c].low[column], found[c].high[column]) == ends
            empty += not len(held)
    assert empty


def test_a_chart_that_ends_at_a_block_stays_out_of_the_next_charts_outline() -> None:
    """Its size is a hair below 64 texels, its corners are rounded to single precision: to 64."""
    local = np.array([[[4, 4], [60, 4], [60, 12]], [[4, 24], [20, 24], [20, 40]]], np.float32)
    first, second = outline(local, np.array([0, 1], np.int32), np.array([[64 - 1e-9, 16], [24, 44]]))
    assert first.low.tolist() == [0] * 16 and first.high.tolist() == [5] * 16
    assert second.low.tolist() == [5] * 7 and second.high.tolist() == [12] * 7


@pytest.mark.parametrize("max_size", [64, 150, 256])
def test_a_chart_wider_than_the_texture_is_made_to_fit(max_size: int) -> None:
    points, faces = grid(8, 4, np.random.default_rng(13))
    mesh = Mesh(np.c_[points, np.zeros(len(points))].astype(np.float32), faces)
    for focal in (22, 30, 47, 100, 305):  # pixels of the photo to a unit of the mesh
        view = View("", Camera(400, 300, focal, focal, 0, 0), Pose(np.eye(3), np.array([1, 1, 1.0])))
        atlas = lay_out(mesh, face_adjacency(faces), np.zeros(len(faces), np.int32), [view], max_size)
        assert max(atlas.width, atlas.height) <= max_size
        assert atlas.corners.min() >= PADDING - 1e-3
        assert (atlas.corners.max(axis=(0, 1)) <= (atlas.width - PADDING, atlas.height - PADDING)).all()


# --- painting


def barycentric(triangle: np.ndarray, points: np.ndarray) -> np.ndarray:
    """``(N, 3)`` weights of the corners ``(3, 2)`` whose sum is the points ``(N, 2)``."""
    return np.linalg.solve(np.c_[triangle, np.ones(3)].T, np.c_[points, np.ones(len(points))].T).T


def heights(triangle: np.ndarray) -> np.ndarray:
    """``(3,)`` how far each corner is from the edge opposite: turns weights into distances from edges."""
    u, v = triangle[1] - triangle[0], triangle[2] - triangle[0]
    opposite = triangle[[2, 0, 1]] - triangle[[1, 2, 0]]
    return abs(u[0] * v[1] - u[1] * v[0]) / np.linalg.norm(opposite, axis=1)


def away(triangle: np.ndarray, points: np.ndarray) -> np.ndarray:
    """``(N,)`` distance of points from a triangle, 0 inside."""
    distances = []
    for a, b in zip(triangle, triangle[[1, 2, 0]], strict=True):
        along = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        distances.append(np.linalg.norm(points - a - along[:, None] * (b - a), axis=1))
    inside = (barycentric(triangle, points) >= 0).all(axis=1)
    return np.where(inside, 0, np.min(distances, axis=0))


def catmull_rom(values: np.ndarray, t: float) -> np.ndarray:
    """Four neighbours ``(4, ...)`` at ``t`` of the way from the second to the third: Hermite's form."""
    before, start, end, after = values
    m0, m1 = (end - before) / 2, (after - start) / 2
    return (
        (2 * t**3 - 3 * t**2 + 1) * start + (t**3 - 2 * t**2 + t) * m0
        + (3 * t**2 - 2 * t**3) * end + (t**3 - t**2) * m1
    )  # fmt: skip


def bicubic(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """Colour at pixel coordinates; the border repeats."""
    column, row = int(np.floor(x - 0.5)), int(np.floor(y - 0.5))
    columns = np.clip(np.arange(column - 1, column + 3), 0, image.shape[1] - 1)
    rows = np.clip(np.arange(row - 1, row + 3), 0, image.shape[0] - 1)
    part = image[np.ix_(rows, columns)].astype(np.float64)
    return catmull_rom(catmull_rom(part, y - 0.5 - row), x - 0.5 - column)


def interpolated(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Bilinear values of ``(H, W)`` at (row, column) indices ``(2, ...)``; the border repeats."""
    return map_coordinates(image.astype(np.float64), at, order=1, mode="nearest")


def texel_centres() -> np.ndarray:
    """``(TEXELS * TEXELS, 2)``"""
    row, column = np.mgrid[:TEXELS, :TEXELS]
    return np.c_[column.ravel(), row.ravel()] + 0.5


def small_sheet(random: np.random.Generator) -> tuple[bake.Sheet, np.ndarray]:
    """A crooked piece of wall, its atlas (turned, not where a photo would put it), and ``continued``."""
    points, faces = grid(3, 6, random)
    depth = random.uniform(3, 6, len(points))
    vertices = np.c_[(points - (1.5, 3)) * depth[:, None] / (2, 6), depth].astype(np.float32)
    turn = np.array([[0.9, 0.35], [-0.35, 0.9]]) * (9, 2.5)  # some faces are thinner than two texels
    corners = (points @ turn.T + (8, 18))[faces].astype(np.float32)
    continued = face_adjacency(faces).neighbours >= 0
    continued &= random.random(continued.shape) < 0.8
    chart = np.zeros(len(faces), np.int32)
    atlas = Atlas(TEXELS, TEXELS, 1.0, corners, chart, np.array([[0, 0, TEXELS, TEXELS]], np.int32))
    return bake.Sheet(Mesh(vertices, faces), atlas, continued), continued


def test_texels_are_looked_up_through_their_place_in_space() -> None:
    random = np.random.default_rng(8)
    sheet, continued = small_sheet(random)
    vertices, faces = sheet.mesh.vertices.astype(np.float64), sheet.mesh.faces
    image = random.integers(0, 256, (40, 60, 3)).astype(np.uint8)
    view = View("", Camera(60, 40, 38.0, 40.0, 29.0, 21.0), Pose(np.eye(3), np.array([0.05, 0.1, 0.2])))
    gain = np.array([1.3, 0.8, 1.0])
    sheet.paint(np.arange(len(faces), dtype=np.int32), view, image, gain)

    centres = texel_centres()
    margin, inset = bake.MARGIN, bake.INSET
    inner: list[list[np.ndarray]] = [[] for _ in centres]  # colours that the faces give to each texel
    outer: list[list[np.ndarray]] = [[] for _ in centres]  # and those beyond whose edge it lies
    due = np.zeros(len(centres), bool)
    for face, triangle in enumerate(sheet.atlas.corners.astype(np.float64)):
        height = heights(triangle)
        distance = barycentric(triangle, centres) * height  # from the three edges, inwards
        due |= away(triangle, centres) <= margin
        for n in np.flatnonzero((distance >= -margin).all(axis=1)):
            inside = (distance[n] >= 0).all()
            moved = distance[n].copy()
            for k in range(3):  # inwards from an edge that is an outline, but not through a thin face
                if not continued[face, (k + 1) % 3]:
                    moved[k] = max(moved[k], min(inset, 0.3 * height[k]))
            weights = moved / height
            place = weights / weights.sum() @ vertices[faces[face]]
            (x, y), _ = (v[0] for v in view.project(place[None]))
            colour = np.clip(bicubic(image, x, y) * gain, 0, 255)
            (inner if inside else outer)[n].append(colour)
    painted = sheet.filled.ravel() > 0
    near = np.array([bool(i or o) for i, o in zip(inner, outer, strict=True)])
    assert painted[due].mean() > 0.995 and near[painted].mean() > 0.995  # rounding at exactly a texel away
    right = compared = 0
    for n in np.flatnonzero(painted & near):
        may = inner[n] or outer[n]  # being inside wins over another's margin
        off = min(np.abs(sheet.texels.reshape(-1, 3)[n] - colour).max() for colour in may)
        # Half a step of rounding; steep noise times the error of a pixel's place in single precision.
        right += off < 0.8
        compared += 1
    assert compared > 400 and right / compared > 0.995
    assert sum(bool(o) and not i for i, o in zip(inner, outer, strict=True)) > 80


def test_what_lies_behind_the_camera_is_not_painted() -> None:
    sheet, _ = small_sheet(np.random.default_rng(8))
    view = View("", Camera(60, 40, 38.0, 40.0, 29.0, 21.0), Pose(np.eye(3), np.array([0, 0, -9.0])))
    faces = np.arange(len(sheet.mesh.faces), dtype=np.int32)
    sheet.paint(faces, view, np.full((40, 60, 3), 90, np.uint8), np.ones(3))
    assert not sheet.filled.any() and not sheet.texels.any()


def test_cells_hold_the_plane_through_the_colours_of_their_corners() -> None:
    random = np.random.default_rng(9)
    sheet, _ = small_sheet(random)
    colours = random.uniform(0, 255, (2, 3, 3)).astype(np.float32)
    places = np.array([[8, 12], [12, 12]])  # left and top
    triangle = np.array([[0.5, 0.5], [CELL - 0.5, 0.5], [0.5, CELL - 0.5]])  # centres of corner texels
    sheet.atlas.corners[[4, 7]] = places[:, None] + triangle
    sheet.paint_plain(np.array([4, 7], np.int32), colours)
    expected = np.zeros((TEXELS, TEXELS, 3))
    for (left, top), (a, b, c) in zip(places, colours.astype(np.float64), strict=True):
        for row, column in np.ndindex(CELL, CELL):
            shade = a + (b - a) * column / (CELL - 1) + (c - a) * row / (CELL - 1)
            expected[top + row, left + column] = np.clip(shade, 0, 255)
    np.testing.assert_allclose(sheet.texels, expected, atol=0.501)  # rounded to whole steps
    assert (sheet.filled[12:16, 8:16] == 1).all() and sheet.filled.sum() == 2 * CELL**2


def test_samples_are_bilinear_over_filled_texels() -> None:
    random = np.random.default_rng(10)
    sheet, _ = small_sheet(random)
    sheet.texels = random.integers(0, 256, sheet.texels.shape).astype(np.uint8)
    sheet.filled = (random.random(sheet.filled.shape) < 0.4).astype(np.uint8)
    points = random.uniform(-0.5, TEXELS + 0.5, (2000, 2)).astype(np.float32)
    found = sheet.sample(points)
    at = points[:, ::-1].T.astype(np.float64) - 0.5
    known = interpolated(sheet.filled, at)
    total = np.stack([interpolated(sheet.texels[..., c] * sheet.filled, at) for c in range(3)], axis=1)
    # Every filled texel has a millionth more, so that one at a corner far away still counts.
    clear = known > 0.05
    np.testing.assert_allclose(found[clear], total[clear] / known[clear, None], atol=0.05)
    assert (found[known == 0] == 0).all() and (known == 0).sum() > 100


def test_corrections_run_linearly_between_the_corners() -> None:
    random = np.random.default_rng(11)
    sheet, _ = small_sheet(random)
    sheet.texels = random.integers(0, 256, sheet.texels.shape).astype(np.uint8)
    corrections = random.uniform(-60, 60, (len(sheet.mesh.faces), 3, 3)).astype(np.float32)
    left, top, local = 5, 9, random.uniform(-20, 20, (30, 36, 3)).astype(np.float32)
    target = np.full_like(sheet.texels, 77)
    chosen = np.flatnonzero(np.arange(len(sheet.mesh.faces)) % 4 > 0).astype(np.int32)
    sheet.correct(chosen, corrections, local, left, top, target)

    centres = texel_centres()
    column, row = centres.astype(int).T
    more = local[np.clip(row - top, 0, 29), np.clip(column - left, 0, 35)]
    inner: list[list[np.ndarray]] = [[] for _ in centres]
    outer: list[list[np.ndarray]] = [[] for _ in centres]
    due = np.zeros(len(centres), bool)
    for face in chosen:
        triangle = sheet.atlas.corners[face].astype(np.float64)
        weights = barycentric(triangle, centres)
        due |= away(triangle, centres) <= bake.MARGIN
        for n in np.flatnonzero((weights * heights(triangle) >= -bake.MARGIN).all(axis=1)):
            held = np.clip(weights[n], 0, 1)  # beyond the edge as on it
            colour = sheet.texels[row[n], column[n]] + held / held.sum() @ corrections[face] + more[n]
            (inner if (weights[n] >= 0).all() else outer)[n].append(np.clip(colour, 0, 255))
    written = (target != 77).any(axis=2).ravel()
    near = np.array([bool(i or o) for i, o in zip(inner, outer, strict=True)])
    assert written[due].mean() > 0.995 and near[written].mean() > 0.995
    right = compared = 0
    for n in np.flatnonzero(written & near):
        off = min(np.abs(target[row[n], column[n]] - colour).max() for colour in inner[n] or outer[n])
        right += off < 0.51  # rounded to whole steps
        compared += 1
    assert compared > 300 and right / compared > 0.995


# --- looking at the result


@pytest.mark.parametrize("repeats", [False, True])
def test_look_ups_are_trilinear(repeats: bool) -> None:
    random = np.random.default_rng(12)
    sizes = [(50, 37), (25, 18), (12, 9)]  # (height, width): halves need not be whole
    levels = [random.integers(0, 256, (*size, 3)).astype(np.uint8) for size in sizes]
    starts = np.cumsum([0] + [level.size for level in levels])[:3]
    shape = np.array([(start, *size) for start, size in zip(starts, sizes, strict=True)], np.int32)
    fine = np.array([0, 0.25, 1, 1.6, 2], np.float32)  # pyramid level of each of five faces
    uv = random.uniform(-0.05, 1.05, (5, 3, 2)).astype(np.float32)
    face = random.integers(-1, 5, (20, 30)).astype(np.int32)
    weights = random.dirichlet(np.ones(3), face.shape).astype(np.float32)
    image = np.full((*face.shape, 3), 7, np.float32)
    wp.launch(
        render.look_up, dim=face.shape, device="cpu",
        inputs=[on_cpu(face), on_cpu(weights, wp.vec3), on_cpu(uv, wp.vec2), on_cpu(fine),
                on_cpu(np.concatenate([level.ravel() for level in levels])), on_cpu(shape),
                repeats, on_cpu(image, wp.vec3)],
    )  # fmt: skip
    at = np.einsum("yxk,yxkc->yxc", weights.astype(np.float64), uv[face])
    at = at - np.floor(at) if repeats else at
    sampled = []
    for (height, width), level in zip(sizes, levels, strict=True):
        place = [at[..., 1] * height - 0.5, at[..., 0] * width - 0.5]
        channels = [interpolated(level[..., c], np.array(place)) for c in range(3)]
        sampled.append(np.stack(channels, axis=-1))
    part = np.clip(1 - np.abs(fine[face] - np.arange(3)[:, None, None]), 0, 1)[..., None]
    expected = np.where(face[..., None] >= 0, (part * sampled).sum(axis=0), 7)
    # Neighbouring texels differ by up to 255: single precision places a point to about 1e-5 texels.
    np.testing.assert_allclose(image, expected, atol=0.02)
