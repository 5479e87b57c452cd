"""Texturing a scene whose true colours are known: the courtyard of `synthetic`."""

import numpy as np
import pytest

from oberih.errors import NoSurface
from oberih.geometry import Mesh
from oberih.geometry.render import Renderer
from oberih.progress import Progress
from oberih.reconstruct.texture import TextureSettings, texture_mesh
from synthetic import arc, courtyard, render, sparse_scene, take

SETTINGS = TextureSettings(max_size=2048, lods=(0.25,))


def textured(shots, mesh, settings=SETTINGS):
    scene = sparse_scene(shots, 200)
    return texture_mesh(mesh, scene, lambda i: (shots[i].view, shots[i].image), settings, Progress())


@pytest.fixture(scope="module")
def world():
    return courtyard()


@pytest.fixture(scope="module")
def mesh(world):
    return world.mesh(0.05)


@pytest.fixture(scope="module")
def plain(world, mesh):
    return textured(take(world, arc(5, width=480, height=360)), mesh)


def seen_psnr(result, world, view, gain=1.0):
    """PSNR of the painted surface in a view that no photo was taken from."""
    truth = render(world, view, gain=gain, noise=0).image.astype(float)
    image, raster = Renderer(result.mesh).draw(view)
    seen = raster.covered & (result.labels[raster.face] >= 0)
    assert seen.mean() > 0.5
    error = ((image - truth)[seen] ** 2).mean()
    return 10 * np.log10(255**2 / error)


def test_a_new_view_of_the_model_looks_like_the_thing(world, plain):
    view = arc(4, width=480, height=360)[1]
    assert seen_psnr(plain, world, view) > 28


def test_the_result_is_whole(plain):
    mesh, stats = plain.mesh, plain.stats
    assert mesh.uv.shape == (len(mesh.faces), 3, 2) and len(plain.labels) == len(mesh.faces)
    assert mesh.uv.min() >= 0 and mesh.uv.max() <= 1
    assert mesh.texture.shape == (stats.height, stats.width, 3)
    assert max(stats.height, stats.width) <= SETTINGS.max_size
    assert stats.scale == 1.0 and stats.charts > 3
    # A pixel at 4.2 m distance is about 4.2 / 456 m wide: 109 texels per metre seen from the front.
    assert 40 < stats.texels_per_unit < 130
    assert 0 < stats.unseen_share < 0.5  # the backs of box and sphere
    # Nothing is black, neither unseen faces nor the space between charts (a few dark texels are true).
    assert (mesh.texture.max(axis=2) < 6).mean() < 1e-3


def test_levels_of_detail_are_coarser_in_triangles_and_texels(plain):
    (coarse,) = plain.lods
    assert len(coarse.faces) < 0.3 * len(plain.mesh.faces)
    assert coarse.texture.size < 0.5 * plain.mesh.texture.size
    assert coarse.normals is not None


def test_equal_input_gives_an_equal_result(world):
    shots = take(world, arc(3, width=160, height=120))
    one, other = (textured(shots, world.mesh(0.2), TextureSettings(lods=())) for _ in range(2))
    np.testing.assert_array_equal(one.mesh.texture, other.mesh.texture)
    np.testing.assert_array_equal(one.mesh.uv, other.mesh.uv)


def test_unequal_exposure_is_levelled(world, mesh):
    exposure = (0.75, 1.0, 1.2)
    shots = take(world, arc(6, width=480, height=360), gains=exposure)
    result = textured(shots, mesh, TextureSettings(lods=()))
    expected = 1 / np.array(exposure * 2)
    expected /= np.exp(np.log(expected).mean())
    np.testing.assert_allclose(np.array(result.stats.gains).mean(axis=1), expected, rtol=0.03)
    # What is left after gains is detail that the photos resolve differently.
    assert result.stats.seam_before > 1.5 * result.stats.seam_gained
    assert result.stats.seam_gained > 2 * result.stats.seam_after
    assert result.stats.seam_after < 3
    common = np.exp(np.log(exposure).mean())
    assert seen_psnr(result, world, arc(4, width=480, height=360)[1], common) > 26


def test_a_passer_by_is_not_painted(world, mesh):
    """One photo shows somebody in magenta on the ground before the box; the others see the ground."""
    shots = take(world, arc(5, width=480, height=360))
    shots[2].image[235:345, 150:300] = (255, 0, 255)
    result = textured(shots, mesh, TextureSettings(lods=()))
    red, green, blue = (result.mesh.texture[..., c].astype(int) for c in range(3))
    painted = np.minimum(red, blue) - green > 120
    assert painted.mean() < 0.001
    assert result.stats.outlier_share > 0.01


def test_a_texture_that_is_too_small_gets_coarser_texels(world, mesh):
    shots = take(world, arc(5, width=480, height=360))
    result = textured(shots, mesh, TextureSettings(max_size=512, lods=()))
    assert max(result.mesh.texture.shape) <= 512
    assert 0.2 < result.stats.scale < 1


def test_what_no_photo_sees_continues_what_is_around_it(plain):
    """Unseen faces have about the colours of seen ones."""
    mesh, unseen = plain.mesh, plain.labels < 0
    height, width = mesh.texture.shape[:2]
    column, row = (mesh.uv.mean(axis=1) * (width, height)).astype(int).T
    colour = mesh.texture[row, column].astype(float)
    np.testing.assert_allclose(colour[unseen].mean(axis=0), colour[~unseen].mean(axis=0), atol=15)
    assert (colour[unseen].max(axis=1) > 20).mean() > 0.99


def test_nothing_to_paint_is_said():
    empty = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    with pytest.raises(NoSurface):
        texture_mesh(empty, None, None, SETTINGS, Progress())


def test_a_surface_that_no_photo_sees_is_plain_grey(world):
    shots = take(world, arc(2, width=64, height=48))
    far = world.mesh(0.5)
    far = Mesh(far.vertices + np.float32(1000), far.faces)
    result = textured(shots, far, TextureSettings(lods=()))
    assert (result.labels == -1).all() and result.stats.unseen_share == 1
    assert (result.mesh.texture == 128).all()
    assert result.stats.charts == 0 and result.stats.texels_per_unit == 0


def test_one_photo_paints_what_it_sees(world):
    (shot,) = take(world, arc(1, width=160, height=120))
    result = textured([shot, shot], world.mesh(0.2), TextureSettings(lods=()))
    image, raster = Renderer(result.mesh).draw(shot.view)
    seen = raster.covered & (result.labels[raster.face] >= 0)
    assert np.abs(image - shot.image)[seen].mean() < 8
