"""Texels that no face shows are nowhere: neither in the texture nor in anything that is made of it."""

import numpy as np
import pytest

from oberih.geometry import Mesh
from oberih.geometry.simplify import shown_texels
from oberih.products.texels import GUTTER, only_shown
from products.chapel import PAINT, SECRET, chapel


def secret(texture: np.ndarray) -> int:
    """How many texels are more like the secret colour than like any paint."""
    colours = np.array([SECRET, *PAINT.values()], int)
    away = np.abs(texture[:, :, None].astype(int) - colours).sum(axis=-1)
    return int((away.argmin(axis=-1) == 0).sum())


def test_hidden_texels_are_cleared_and_shown_ones_stay() -> None:
    mesh = chapel().parts[0]
    made = only_shown(mesh)
    assert mesh.texture is not None and made.texture is not None
    assert secret(mesh.texture) > 10_000
    assert secret(made.texture) == 0
    shown = shown_texels(mesh)
    np.testing.assert_array_equal(made.texture[shown], mesh.texture[shown])
    assert set(map(tuple, mesh.texture[shown])) == set(PAINT.values())


def test_the_nearest_shown_colour_goes_on_around_it() -> None:
    """So that filters and smaller levels mix in nothing else."""
    mesh = chapel().parts[0]
    made = only_shown(mesh)
    assert mesh.texture is not None and made.texture is not None
    shown = shown_texels(mesh)
    column = int(np.flatnonzero(shown.any(axis=0))[-1])  # the rightmost with paint
    row = int(np.flatnonzero(shown[:, column])[20])
    beside = made.texture[row, column : column + GUTTER - 2]
    np.testing.assert_array_equal(beside, np.broadcast_to(made.texture[row, column], beside.shape))
    assert (made.texture[row, column + GUTTER + 4] != made.texture[row, column]).any()  # the mean


def test_bands_of_rows_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = chapel().parts[0]
    whole = only_shown(mesh).texture
    monkeypatch.setattr("oberih.products.texels.BAND", 37)
    np.testing.assert_array_equal(only_shown(mesh).texture, whole)  # type: ignore[arg-type]


def test_a_texture_that_repeats_is_shown_where_faces_repeat_it() -> None:
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    texture = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)

    def shown(uv: list[list[float]]) -> np.ndarray:
        mesh = Mesh(corner, np.array([[0, 1, 2]], np.int32), uv=np.array([uv], np.float32), texture=texture)
        return shown_texels(mesh)

    plain = shown([[0, 0], [0.5, 0], [0, 0.5]])
    assert 150 < plain.sum() < 250
    np.testing.assert_array_equal(shown([[3, -2], [3.5, -2], [3, -1.5]]), plain)
    across = shown([[0.75, 0.75], [1.25, 0.75], [0.75, 1.25]])
    assert across[35, 35] and across[32, 5] and across[5, 32] and not across[20, 20]
    assert shown([[0, 0], [9, 0], [0, 9]]).all()


def test_a_texture_without_faces_goes() -> None:
    mesh = chapel().parts[0]
    bare = Mesh(
        mesh.vertices, np.zeros((0, 3), np.int32), uv=np.zeros((0, 3, 2), np.float32), texture=mesh.texture
    )
    assert only_shown(bare).texture is None
