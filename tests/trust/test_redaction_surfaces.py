"""What was found in photos is hidden on the model, at every level of detail; every texel has an exact answer.

A wall of 4 x 3 metres with a face painted on it, and a pillar before it, seen by five cameras. The wall's
atlas is cut into charts that are turned and scattered, so that no detector knows the face in it; its gutters
are full of the face's own pixels.
"""

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drawn import face
from oberih.geometry import Camera, Mesh, PointCloud, View
from oberih.geometry.raster import Rasteriser
from oberih.trust.redaction import HIDDEN, REACH, Hiding, Region, Sighting, find
from synthetic import look_at, value_noise

Picture = NDArray[np.uint8]

WIDE_M, HIGH_M, PX_PER_M = 4.0, 3.0, 200
FACE_M = (1.6, 1.1, 0.48, 0.6)  # left, bottom, width, height on the wall
CHARTS = 8  # a side


@cache
def painting() -> Picture:
    """The wall as it looks from the front, upper row first."""
    size = round(WIDE_M * PX_PER_M), round(HIGH_M * PX_PER_M)
    wall = 128 + 90 * (value_noise(*size, 3) - 0.5)  # calm enough that nothing in it looks like a face
    left, bottom, _, height = FACE_M
    head, mask = face(round(height * PX_PER_M), 1)
    top = round((HIGH_M - bottom - height) * PX_PER_M)
    part = wall[top : top + head.shape[0], round(left * PX_PER_M) :][:, : head.shape[1]]
    part[:] = part * (1 - mask[..., None]) + head * mask[..., None]
    return np.round(wall).astype(np.uint8)


def sampled(picture: Picture, px: NDArray[np.floating]) -> Picture:
    """``(N, 3)`` colours at ``(N, 2)`` pixels, linear between texels. (OpenCV wants a picture of places.)"""
    places = np.zeros((-(-len(px) // 1000) * 1000, 2), np.float32)
    places[: len(px)] = px - 0.5
    grid = places.reshape(-1, 1000, 2)
    return cv2.remap(picture, grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 3)[
        : len(px)
    ]


@dataclass(frozen=True)
class Made:
    wall: Mesh
    pillar: Mesh
    place: NDArray[np.float32]  # (H, W, 2) metres on the wall of each texel; NaN: in no chart


@cache
def made(cells: int = 32, texture_px: int = 1200) -> Made:
    """The wall with ``cells`` faces along its longer side, and a grey pillar before its left part."""
    picture = painting()
    rows = cells * 3 // 4
    x, y = np.meshgrid(np.linspace(0, WIDE_M, cells + 1), np.linspace(0, HIGH_M, rows + 1))
    vertices = np.stack([x.ravel(), np.zeros(x.size), y.ravel()], axis=1).astype(np.float32)
    corner = (np.arange(rows)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    quads = np.stack([corner, corner + 1, corner + cells + 2, corner + cells + 1], axis=1)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    # Charts of faces: blocks of the wall, each turned by a quarter or two, and put elsewhere.
    centre = vertices[faces].mean(axis=1)[:, [0, 2]] / (WIDE_M, HIGH_M)
    block = (centre * CHARTS).astype(int)
    chart = block[:, 0] + block[:, 1] * CHARTS
    rng = np.random.default_rng(4)
    slot, turn = rng.permutation(CHARTS * CHARTS), rng.integers(0, 4, CHARTS * CHARTS)
    local = vertices[faces][..., [0, 2]] / (WIDE_M, HIGH_M) * CHARTS - block[:, None]  # 0..1 in the block
    for quarter in (1, 2, 3):
        here = turn[chart] == quarter
        for _ in range(quarter):
            local[here] = np.stack([1 - local[here][..., 1], local[here][..., 0]], axis=-1)
    gutter = 0.06
    at = np.stack([slot[chart] % CHARTS, slot[chart] // CHARTS], axis=1)[:, None]
    uv = ((at + gutter + local * (1 - 2 * gutter)) / CHARTS).astype(np.float32)
    # Texels, with the place of each; what lies in no chart shows the face, as a careless baker leaves it.
    place = np.full((texture_px, texture_px, 2), np.nan, np.float32)
    flat = np.concatenate([uv * texture_px, np.ones((*uv.shape[:2], 1))], axis=2).reshape(-1, 3)
    sheet = View("", Camera(texture_px, texture_px, 1, 1, 0, 0), look_at((0, 0, 0), (0, 1, 0)))
    sheet = replace(sheet, pose=replace(sheet.pose, R=np.eye(3), t=np.zeros(3)))
    triangles = np.arange(len(flat), dtype=np.int32).reshape(-1, 3)
    drawn = Rasteriser(flat.astype(np.float32), triangles).draw(sheet, weights=True)
    assert drawn.weights is not None
    on = drawn.covered
    place[on] = np.einsum("nk,nkd->nd", drawn.weights[on], vertices[faces[drawn.face[on]]][..., [0, 2]])
    texture = cv2.resize(face(256, 1)[0], (texture_px // CHARTS,) * 2)
    texture = np.tile(texture, (CHARTS, CHARTS, 1))[:texture_px, :texture_px]
    texture = np.pad(
        texture, [(0, texture_px - texture.shape[0]), (0, texture_px - texture.shape[1]), (0, 0)]
    )
    texture[on] = sampled(picture, np.stack([place[on][:, 0], HIGH_M - place[on][:, 1]], axis=1) * PX_PER_M)
    wall = Mesh(vertices, faces, uv=uv, texture=texture)
    colours = picture[
        np.clip((HIGH_M - vertices[:, 2]) * PX_PER_M, 0, len(picture) - 1).astype(int),
        np.clip(vertices[:, 0] * PX_PER_M, 0, picture.shape[1] - 1).astype(int),
    ]
    box = np.array([[0.2, -1, 0], [1.0, -1, 0], [1.0, -1, 3], [0.2, -1, 3]], np.float32)
    pillar = Mesh(box, np.array([[0, 1, 2], [0, 2, 3]], np.int32), colours=np.full((4, 3), 90, np.uint8))
    return Made(replace(wall, colours=colours), pillar, place)


@cache
def views() -> tuple[View, ...]:
    """Four cameras before the wall, and one far to the left, from which the pillar hides the face."""
    camera = Camera(1200, 900, 1100, 1100, 600, 450, k1=-0.05)
    eyes = [(1.0, -4, 1.2), (2.0, -4, 1.5), (3.0, -4, 1.3), (2.2, -3, 2.2), (-0.9, -2.6, 1.4)]
    return tuple(View(f"photo-{n}.jpg", camera, look_at(eye, (1.84, 0, 1.4))) for n, eye in enumerate(eyes))


def seen(view: View) -> Region:
    """Where the face is in a photo."""
    left, bottom, width, height = FACE_M
    inner = (left + 0.15 * width, left + 0.85 * width), (bottom + 0.05 * height, bottom + 0.8 * height)
    corners = np.array([[x, 0, y] for x in inner[0] for y in inner[1]])
    px, _ = view.project(corners)
    low, high = px.min(axis=0), px.max(axis=0)
    return Region("face", *low, *(high - low), 0.9)


def sightings(which: tuple[int, ...] = (0, 1, 2, 3)) -> list[Sighting]:
    return [Sighting(views()[n], seen(views()[n])) for n in which]


def look(mesh: Mesh, eye: tuple[float, float, float] = (1.84, -2, 1.4)) -> Picture:
    """A photo of the textured mesh, with what the sampling of texels between shows."""
    view = View("", Camera(640, 480, 500, 500, 320, 240), look_at(eye, (1.84, 0, 1.4)))
    drawn = Rasteriser(mesh.vertices, mesh.faces).draw(view, weights=True)
    assert drawn.weights is not None and mesh.uv is not None and mesh.texture is not None
    picture = np.full((480, 640, 3), 200, np.uint8)
    on = drawn.covered
    uv = np.einsum("nk,nkd->nd", drawn.weights[on], mesh.uv[drawn.face[on]])
    picture[on] = sampled(mesh.texture, uv * mesh.texture.shape[1::-1])
    return picture


def faces_in(picture: Picture) -> list[Region]:
    """Faces, but for the tiny ones that a detector sees in rough stone now and then."""
    return [one for one in find(picture) if one.height > 40]


def distance(place: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far from the middle of what was found texels lie: 1 at its sides (the larger of the two)."""
    left, bottom, width, height = FACE_M
    middle = np.array([left + 0.5 * width, bottom + 0.425 * height])
    return np.abs((place - middle) / (0.35 * width, 0.375 * height)).max(axis=-1)


def test_the_scene_shows_the_face_before() -> None:
    wall = made().wall
    assert len(faces_in(look(wall))) == 1
    assert wall.texture is not None
    assert max(one.height for one in find(wall.texture)) < 200  # only the gutters': it is cut in pieces


def test_no_texel_keeps_the_face_and_texels_away_from_it_are_untouched() -> None:
    scene = made()
    hidden = Hiding([scene.wall, scene.pillar], sightings()).mesh(scene.wall)
    assert hidden.texture is not None and scene.wall.texture is not None
    on = np.isfinite(scene.place[..., 0])
    far = distance(scene.place)
    inside = on & (far <= 1.05)
    assert inside.sum() > 5000
    # What is left is smooth: where texels of the wall lie near each other, they hardly differ.
    values = hidden.texture[inside].astype(float)
    assert np.abs(values - scene.wall.texture[inside]).mean() > 8
    cell = np.floor(scene.place[inside] / 0.04).astype(int) @ [1000, 1]
    spread = [values[cell == one].std(axis=0).max() for one in np.unique(cell)]
    assert max(spread) < 6
    # Cameras see the face at a slant: a rectangle in the photo is a little more than one on the wall.
    away = on & (far > 1.25 * REACH)
    assert away.sum() > 100_000
    assert np.array_equal(hidden.texture[away], scene.wall.texture[away])
    assert hidden.vertices is scene.wall.vertices and np.array_equal(hidden.faces, scene.wall.faces)


def test_no_detector_finds_the_face_from_any_side_afterwards() -> None:
    scene = made()
    hidden = Hiding([scene.wall, scene.pillar], sightings((1,))).mesh(scene.wall)
    for eye in ((1.84, -2.0, 1.4), (0.6, -2.5, 1.0), (3.4, -2.2, 2.0), (1.84, -1.0, 1.4)):
        assert faces_in(look(hidden, eye)) == []
    assert hidden.texture is not None
    assert faces_in(hidden.texture) == []


def test_gutters_and_hidden_texels_keep_nothing() -> None:
    """They were full of the face; afterwards each shows what a texel nearby shows, or plain grey."""
    scene = made()
    hidden = Hiding([scene.wall], sightings()).mesh(scene.wall)
    assert hidden.texture is not None and scene.wall.texture is not None
    off = np.isnan(scene.place[..., 0])
    changed = (hidden.texture[off] != scene.wall.texture[off]).any(axis=-1)
    assert off.mean() > 0.15 and changed.mean() > 0.98
    kept = {tuple(colour) for colour in hidden.texture[~off].tolist()} | {(128, 128, 128)}
    assert all(tuple(colour) in kept for colour in hidden.texture[off][::97].tolist())


@pytest.mark.parametrize(("cells", "texture_px"), [(16, 600), (8, 300)])
def test_coarser_levels_are_treated_alike(cells: int, texture_px: int) -> None:
    scene = made(cells, texture_px)
    hidden = Hiding([scene.wall, scene.pillar], sightings()).mesh(scene.wall)
    assert len(faces_in(look(scene.wall))) == 1 and faces_in(look(hidden)) == []
    # And a smaller picture of the finest level's texture has nothing of it either.
    finest = Hiding([made().wall], sightings()).mesh(made().wall)
    assert finest.texture is not None
    half = cv2.resize(finest.texture, (texture_px, texture_px), interpolation=cv2.INTER_AREA)
    assert faces_in(look(replace(finest, texture=half))) == []


def test_what_stands_before_the_wall_is_hidden_and_not_the_wall_behind_it() -> None:
    """From the left the pillar covers the face: a sighting there is of something on the pillar."""
    scene = made()
    hiding = Hiding([scene.wall, scene.pillar], sightings((4,)))
    wall, pillar = hiding.mesh(scene.wall), hiding.mesh(scene.pillar)
    assert wall.texture is not None and scene.wall.texture is not None
    on = np.isfinite(scene.place[..., 0])
    assert np.array_equal(wall.texture[on], scene.wall.texture[on])
    spot = hiding.things()[0].centre
    assert spot[1] == pytest.approx(-1, abs=0.02)  # on the pillar's front
    assert pillar.colours is not None and len(pillar.colours) == 4


def test_vertices_and_points_are_covered_too() -> None:
    scene = made(128, 1200)
    mesh = replace(scene.wall, uv=None, texture=None)
    hiding = Hiding([mesh], sightings())
    covered = hiding.mesh(mesh)
    cloud = hiding.cloud(PointCloud(mesh.vertices, colours=mesh.colours))
    assert mesh.colours is not None and covered.colours is not None and cloud.colours is not None
    far = distance(mesh.vertices[:, [0, 2]])
    assert np.array_equal(covered.colours, cloud.colours)
    assert np.array_equal(covered.colours[far > 1.25 * REACH], mesh.colours[far > 1.25 * REACH])
    before, after = (colours.reshape(97, 129, 3).astype(float) for colours in (mesh.colours, covered.colours))
    within = (far < HIDDEN * 0.9).reshape(97, 129)
    detail = [np.abs(one - cv2.blur(one, (3, 3)))[within].mean() for one in (before, after)]
    assert detail[1] < 0.3 * detail[0]


def test_sightings_of_one_face_are_one_thing_for_the_custodian() -> None:
    scene = made()
    other = Region("plate", 200, 300, 80, 30, 0.8)
    plate = Sighting(views()[1], other)
    things = Hiding([scene.wall, scene.pillar], [*sightings(), plate]).things()
    assert [(thing.kind, len(thing.sightings)) for thing in things] == [("face", 4), ("plate", 1)]
    left, bottom, width, height = FACE_M
    middle = (left + width / 2, 0, bottom + 0.425 * height)
    assert np.linalg.norm(things[0].centre - middle) < 0.05 and 0.1 < things[0].radius < 0.4


def test_regions_found_in_a_smaller_copy_of_a_photo_are_scaled() -> None:
    view = views()[0]
    half = seen(view).scaled(0.5, 0.5)
    one = Sighting.of(view, half, (450, 600))
    assert one.region.left == pytest.approx(seen(view).left) and one.region.width == pytest.approx(
        seen(view).width
    )


def test_nothing_found_leaves_the_shown_texels_alone() -> None:
    scene = made()
    same = Hiding([scene.wall], []).mesh(scene.wall)
    on = np.isfinite(scene.place[..., 0])
    assert same.texture is not None and scene.wall.texture is not None
    assert np.array_equal(same.texture[on], scene.wall.texture[on])
    assert not np.array_equal(same.texture, scene.wall.texture)  # the gutters are clean all the same
