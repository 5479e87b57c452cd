"""Confidence goes with the surface into every public level of it, in 256 steps; and nowhere without one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from formats.node import Node, node
from oberih.formats import Model, format_named, load_model
from oberih.geometry import Mesh, PointCloud
from oberih.products import Box, Choices, Made, make_public, pictures
from oberih.products.cutting import cropped
from oberih.products.grid import rebased
from oberih.products.levels import Limit
from products.chapel import HEIGHT, chapel

__all__ = ["node"]  # the fixture

STEP = 0.5 / 255
EXACT = STEP + 2e-4  # and what packing and the public grid move a place by
LEVELS = ("full", "medium", "small")


def surer_upwards(steps: int) -> Model:
    """The chapel, of which nobody saw the floor and everybody the roof."""
    (part,) = chapel(steps).parts
    return Model((replace(part, confidence=(part.vertices[:, 1] / HEIGHT).astype(np.float32)),))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "POSTERS", ((160, 50_000),))
        patch.setattr(pictures, "SOCIAL", (160, 84, 50_000))
        patch.setattr("oberih.products.levels.MEDIUM", Limit(5_000, 999, 200, 1 << 30))
        patch.setattr("oberih.products.levels.SMALL", Limit(2_000, 999, 128, 20_000))
        patch.setattr("oberih.products.levels.NEARLY", 1.0)
        choices = Choices(triangles=8_000, turntable=0, downloads=("glb", "ply"))
        return make_public(surer_upwards(30), tmp_path_factory.mktemp("sure") / "v1", choices)


def test_it_comes_back_from_every_level(made: Made) -> None:
    for role in LEVELS:
        (file,) = made.manifest.of(role)
        (part,) = load_model(made.out / file.path, format_named("glb")).parts
        assert part.confidence is not None and np.ptp(part.confidence) > 0.99
        np.testing.assert_allclose(part.confidence, part.vertices[:, 1] / HEIGHT, atol=EXACT)
    assert made.manifest.of("small")[0].bytes <= 20_000


def test_others_read_it_too(made: Made, node: Node) -> None:
    paths = [made.out / made.manifest.of(role)[0].path for role in LEVELS]
    told = node("gltf_validate.mjs", *paths)
    assert [one["messages"] for one in told.values()] == [[]] * 3
    for one in node("gltf_measure.mjs", lines="\n".join(map(str, paths))).values():
        np.testing.assert_allclose(one["sure"], [0, 1], atol=EXACT)
    download = trimesh.load(made.out / "downloads" / "model.glb", force="mesh", process=False)
    sure = download.vertex_attributes["_CONFIDENCE"].ravel()
    np.testing.assert_allclose(sure, download.vertices[:, 1] / HEIGHT, atol=EXACT)


def test_tiles_have_it(made: Made) -> None:
    tiles = [made.out / one.path for one in made.manifest.of("tiles") if one.path.endswith(".glb")]
    parts = [part for path in tiles for part in load_model(path, format_named("glb")).parts]
    assert parts
    for part in parts:
        assert part.confidence is not None
        np.testing.assert_allclose(part.confidence, part.vertices[:, 1] / HEIGHT, atol=EXACT)


def test_phones_are_not_sent_what_they_do_not_show(made: Made) -> None:
    (path,) = (made.out / one.path for one in made.manifest.of("ar") if one.path.endswith(".glb"))
    assert load_model(path, format_named("glb")).parts[0].confidence is None


@pytest.mark.usefixtures("small_pictures")
def test_what_does_not_know_it_says_nothing(tmp_path: Path) -> None:
    made = make_public(chapel(), tmp_path / "v1", Choices(turntable=0, downloads=()))
    for path in made.out.rglob("*.glb"):
        data = path.read_bytes()
        document = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
        assert "_CONFIDENCE" not in document["meshes"][0]["primitives"][0]["attributes"]


def test_where_a_box_cuts_it_is_between_both_ends() -> None:
    cut = cropped(surer_upwards(8), Box(centre=(0, 1.5, 0), size=(30, 2.3, 30)))
    (part,) = cut.parts
    assert part.confidence is not None and part.vertices[:, 1].max() == pytest.approx(2.65)
    np.testing.assert_allclose(part.confidence, part.vertices[:, 1] / HEIGHT, atol=1e-6)


def test_of_what_becomes_one_the_least_sure_counts_whatever_its_order() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    sure = np.array([1, 0.5, 1, 0.2, 1, 0.6], np.float32)
    faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    turned = np.array([3, 4, 5, 0, 1, 2])
    one, other = (
        rebased(Model((Mesh(corners[order], faces, confidence=sure[order]),))).model.parts[0].confidence
        for order in (np.arange(6), turned)
    )
    assert one is not None and other is not None
    np.testing.assert_allclose(np.sort(one), [0.2, 0.6, 1, 1], atol=STEP + 1e-6)
    np.testing.assert_array_equal(np.sort(one), np.sort(other))


def test_points_have_it_at_every_level(tmp_path: Path, small_pictures: None) -> None:
    random = np.random.default_rng(3)
    xyz = random.uniform(-1, 1, (4_000, 3)).astype(np.float32)
    cloud = PointCloud(xyz, confidence=np.clip(xyz[:, 1] / 2 + 0.5, 0, 1))
    made = make_public(Model(points=cloud), tmp_path / "v1", Choices(turntable=0, downloads=("ply",)))
    for path in (made.out / "model.glb", made.out / "downloads" / "model.ply"):
        points = load_model(path, format_named("glb")).points
        assert points is not None and points.confidence is not None
        low = points.points[:, 1].min()
        np.testing.assert_allclose(points.confidence, (points.points[:, 1] - low) / 2, atol=0.02)
