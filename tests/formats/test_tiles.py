"""3D Tiles, walked by Cesium's 3d-tiles-tools, their contents read by trimesh and the Khronos validator."""

import json
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from formats.node import Node, node
from oberih.errors import Cancelled, InputError
from oberih.formats.model import Model, z_up
from oberih.formats.registry import format_named
from oberih.formats.tiles import _split, write, writing
from oberih.formats.tiles._crop import cropped
from oberih.geometry import Mesh, PointCloud
from oberih.geometry._bake import distances
from oberih.progress import Progress

__all__ = ["node"]  # the fixture


def globe(n: int = 61) -> Mesh:
    """A bumpy globe that is open at its poles; red grows with longitude, green with latitude."""
    latitude, longitude = np.meshgrid(np.linspace(0.05, 0.95, n), np.linspace(0, 1, n), indexing="ij")
    a, b = latitude * np.pi, longitude * 2 * np.pi
    radius = 2 + 0.1 * np.sin(5 * a) * np.cos(4 * b)
    vertices = np.stack(
        [radius * np.sin(a) * np.cos(b), 1.5 * radius * np.cos(a), -radius * np.sin(a) * np.sin(b)], axis=2
    ).astype(np.float32)
    vertices[:, -1] = vertices[:, 0]
    at = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate([
        np.stack([at, at + n, at + 1], 1), np.stack([at + 1, at + n, at + n + 1], 1)
    ]).astype(np.int32)  # fmt: skip
    uv = np.stack([longitude.ravel(), latitude.ravel()], axis=1).astype(np.float32)[faces]
    row, column = np.mgrid[0:512, 0:512]
    texture = np.stack([column // 2, row // 2, np.full_like(row, 90)], axis=2).astype(np.uint8)
    return Mesh(vertices.reshape(-1, 3), faces, uv=uv, texture=texture)


@pytest.fixture(scope="module", autouse=True)
def small_tiles() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_split, "TRIANGLES", 500)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_tiles: Any) -> Path:
    path = tmp_path_factory.mktemp("tiles") / "out"
    format_named("3dtiles").write(path, Model((globe(),)))
    return path


def tiles_of(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    found = []

    def walk(tile: dict[str, Any], level: int) -> None:
        found.append((level, tile))
        for child in tile.get("children", []):
            walk(child, level + 1)

    walk(json.loads((folder / "tileset.json").read_text())["root"], 0)
    return found


def content(folder: Path, tile: dict[str, Any]) -> trimesh.Trimesh:
    return trimesh.load(folder / tile["content"]["uri"], force="mesh", process=False)


def box(tile: dict[str, Any]) -> NDArray[np.float64]:
    told = np.array(tile["boundingVolume"]["box"])
    half = np.diag(told[3:].reshape(3, 3))
    return np.stack([told[:3] - half, told[:3] + half])


@pytest.mark.reads("3dtiles", "Cesium's 3d-tiles-tools")
def test_cesiums_tools_find_every_tile(folder: Path, node: Node) -> None:
    seen = node("tileset.cjs", folder / "tileset.json")
    assert seen["version"] == "1.1"
    assert len(seen["tiles"]) == len(tiles_of(folder)) > 20
    assert max(tile["level"] for tile in seen["tiles"]) == 2
    assert all(one["bytes"] > 0 for tile in seen["tiles"] for one in tile["contents"])
    assert sum(len(tile["contents"]) for tile in seen["tiles"]) == len(list((folder / "tiles").iterdir()))


@pytest.mark.reads("3dtiles", "Khronos glTF validator")
def test_the_khronos_validator_has_nothing_to_say_of_the_contents(folder: Path, node: Node) -> None:
    told = node("gltf_validate.mjs", *sorted((folder / "tiles").iterdir()))
    assert len(told) > 20
    for path, one in told.items():
        assert (one["errors"], one["warnings"]) == (0, 0), (path, one["messages"])


def test_the_finest_tiles_hold_the_model(folder: Path) -> None:
    mesh = globe()
    leaves = [content(folder, tile) for _, tile in tiles_of(folder) if "children" not in tile]
    assert sum(len(leaf.faces) for leaf in leaves) == len(mesh.faces)
    corners = np.concatenate([np.asarray(leaf.vertices[leaf.faces], np.float32) for leaf in leaves])
    assert np.array_equal(np.unique(corners.reshape(-1, 9), axis=0),
                          np.unique(mesh.vertices[mesh.faces].reshape(-1, 9), axis=0))  # fmt: skip
    bounds = np.array([corners.reshape(-1, 3).min(axis=0), corners.reshape(-1, 3).max(axis=0)])
    assert np.array_equal(bounds, [mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)])


def test_boxes_are_z_up_and_hold_contents_and_children(folder: Path) -> None:
    for _, tile in tiles_of(folder):
        low, high = box(tile)
        seen = z_up(np.asarray(content(folder, tile).vertices))
        assert (seen >= low - 1e-6).all() and (seen <= high + 1e-6).all()
        for child in tile.get("children", []):
            inner = box(child)
            assert (inner >= low - 1e-9).all() and (inner <= high + 1e-9).all()
            assert child["geometricError"] <= tile["geometricError"]
    height = np.diff(box(tiles_of(folder)[0][1]), axis=0)[0]
    assert height[2] == pytest.approx(np.ptp(globe().vertices[:, 1]))  # it stands


def test_errors_are_true(folder: Path) -> None:
    mesh = globe()
    for _, tile in tiles_of(folder):
        seen = content(folder, tile)
        if "children" in tile:
            coarse = Mesh(np.asarray(seen.vertices, np.float32), np.asarray(seen.faces, np.int32))
            low, high = box(tile)
            places = z_up(mesh.vertices)
            mine = ((places >= low) & (places <= high)).all(axis=1)
            middle = np.asarray(seen.triangles_center, np.float32)
            assert distances(mesh, middle).max() <= tile["geometricError"]
            if tile is tiles_of(folder)[0][1]:
                assert distances(coarse, mesh.vertices[mine]).max() <= tile["geometricError"]
        else:
            assert tile["geometricError"] == 0


def rim(meshes: list[trimesh.Trimesh]) -> set[bytes]:
    """Places where edges end that have a face on one side only."""
    places = np.concatenate([np.asarray(mesh.vertices[mesh.faces], np.float32) for mesh in meshes])
    unique, name = np.unique(places.reshape(-1, 3), axis=0, return_inverse=True)
    faces = name.reshape(-1, 3)
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    return {bytes(place) for place in unique[edges[count == 1]].reshape(-1, 3)}


def test_no_cracks_between_levels(folder: Path) -> None:
    tiles = tiles_of(folder)
    mesh = globe()
    poles = rim([trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)])
    second = [content(folder, tile) for level, tile in tiles if level == 1]
    third = [[content(folder, child) for child in tile["children"]] for level, tile in tiles if level == 1]
    # One branch fine, the others coarse: every edge but those around the poles has a face on both sides.
    for fine in range(4):
        assert rim(second[:fine] + third[fine] + second[fine + 1 :]) <= poles


def test_every_level_shows_the_texture(folder: Path) -> None:
    for level, tile in tiles_of(folder):
        seen = content(folder, tile)
        picture = np.asarray(seen.visual.material.baseColorTexture.convert("RGB")).astype(float)
        middle = np.asarray(seen.visual.uv)[seen.faces].mean(axis=1)
        row = ((1 - middle[:, 1]) * picture.shape[0]).astype(int)
        colour = picture[row, (middle[:, 0] * picture.shape[1]).astype(int)]
        place = np.asarray(seen.triangles_center)
        longitude = np.arctan2(-place[:, 2], place[:, 0]) / (2 * np.pi) % 1
        away = np.abs(colour[:, 0] / 256 - longitude)
        away = np.minimum(away, 1 - away)[(longitude > 0.05) & (longitude < 0.95)]
        assert np.percentile(away, 99) < (0.02 if level == 2 else 0.04), level
        assert np.abs(colour[:, 2] - 90).max() < 30


def test_what_is_cropped_shows_the_same_texels() -> None:
    mesh = globe()
    assert mesh.uv is not None and mesh.texture is not None
    some = (mesh.uv[..., 0].max(axis=1) < 0.3) | (mesh.uv.min(axis=(1, 2)) > 0.8)
    part = Mesh(mesh.vertices, mesh.faces[some], uv=mesh.uv[some], texture=mesh.texture)
    small = cropped(part)
    assert small.texture is not None and small.uv is not None
    assert small.texture.size < 0.6 * mesh.texture.size
    for one in (0, 1, 2):
        old = (part.uv[:, one] * 512).astype(int).clip(0, 511)
        new = (small.uv[:, one] * small.texture.shape[1::-1] + 1e-3).astype(int)
        new = np.minimum(new, np.array(small.texture.shape[1::-1]) - 1)
        there = small.texture[new[:, 1], new[:, 0]].astype(int)
        assert np.abs(there - mesh.texture[old[:, 1], old[:, 0]]).max() <= 1


def test_a_texture_that_repeats_is_kept() -> None:
    mesh = globe(9)
    assert mesh.uv is not None
    wide = Mesh(mesh.vertices, mesh.faces, uv=mesh.uv * 3 + np.float32(0.01), texture=mesh.texture)
    assert cropped(wide).texture is mesh.texture


def test_same_model_same_bytes_and_nothing_of_place_or_time(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "again", Model((globe(),), origin=np.array([4e5, 5e6, 100.0])), Progress())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(folder)).read_bytes() == path.read_bytes()
    text = (folder / "tileset.json").read_text()
    assert not re.search("transform|region|copyright|extras|20[0-9][0-9]-", text)


def test_parts_without_texture_and_several(tmp_path: Path) -> None:
    mesh = globe(31)
    bare = Mesh(mesh.vertices + np.float32([9, 0, 0]), mesh.faces)
    write(tmp_path / "two", Model((mesh, bare)), Progress())
    tiles = tiles_of(tmp_path / "two")
    leaves = [tile for _, tile in tiles if "content" in tile and "children" not in tile]
    assert sum(len(content(tmp_path / "two", tile).faces) for tile in leaves) == 2 * len(mesh.faces)
    assert "content" not in tiles[0][1] and tiles[0][1]["refine"] == "REPLACE"


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no surface"):
        write(tmp_path / "a", Model(points=PointCloud(np.zeros((3, 3), np.float32))), Progress())
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        write(tmp_path / "b", Model((globe(),)), Progress(stop=stop))
    assert list(tmp_path.iterdir()) == []


def test_coarser_textures_keep_to_their_size(folder: Path) -> None:
    for _, tile in tiles_of(folder):
        if "children" in tile:
            image = content(folder, tile).visual.material.baseColorTexture
            assert max(image.size) <= writing.TEXTURE
