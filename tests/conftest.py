"""Scenes that many tests look at, rendered once per worker. Nobody writes into them."""

from pathlib import Path

import hypothesis
import pytest

from oberih.geometry import Scene
from synthetic import Shot, World, arc, courtyard, sparse_scene, take, write_photos

# The same examples on every run, and no limit by the clock: machines that test are busy.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is made once for a file is made by one worker: the tests that use it go there together."""
    for item in items:
        made = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009 - pytest names it to nobody
        if item.get_closest_marker("xdist_group") is None and any(one[-1].scope == "module" for one in made):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(scope="session")
def world() -> World:
    """Ground, leaning wall, box and sphere."""
    return courtyard()


@pytest.fixture(scope="session")
def shots(world: World) -> list[Shot]:
    """Six views of 640 x 480 on an arc, with true depth and normals."""
    return take(world, arc(6))


@pytest.fixture(scope="session")
def small_shots(world: World) -> list[Shot]:
    """Five views of 240 x 180 on an arc of 40 degrees: for tests of slow references."""
    return take(world, arc(5, width=240, height=180, degrees=40))


@pytest.fixture(scope="session")
def scene(shots: list[Shot]) -> Scene:
    """What pose estimation would find for `shots`, without error."""
    return sparse_scene(shots)


@pytest.fixture(scope="session")
def small_scene(small_shots: list[Shot]) -> Scene:
    return sparse_scene(small_shots)


@pytest.fixture(scope="session")
def photos(shots: list[Shot], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `shots` as six JPEG photos with a focal length in EXIF."""
    folder = tmp_path_factory.mktemp("photos")
    write_photos(shots, folder)
    return folder
