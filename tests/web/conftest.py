"""A service that nobody knows yet, and somebody new who comes by."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from web.viewer_shown import (  # noqa: F401
    box_seen,
    box_window,
    drawing,
    jug_seen,
    jug_window,
    phone_seen,
    phone_window,
    shown,
)
from web.visitors import House, Visitor


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Where strangers come and go."""
    yield from built(tmp_path_factory.mktemp("house"))


@pytest.fixture
def new_house(tmp_path: Path) -> Iterator[House]:
    """Where nobody has been yet."""
    yield from built(tmp_path)


def built(folder: Path) -> Iterator[House]:
    made = House(folder)
    yield made
    made.close()


@pytest.fixture
def visitor(house: House) -> Visitor:
    return house.visitor()
