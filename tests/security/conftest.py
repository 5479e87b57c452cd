"""One house with everybody in it, for all of a process: tests leave it as they found it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from oberih.catalogue.accounts import passwords
from security.crowd import Crowd
from web.office import house_at


@pytest.fixture(scope="module", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Passwords cost next to nothing: here it is about something else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    yield from gathered(tmp_path_factory.mktemp("crowd"))


@pytest.fixture(scope="module")
def restless_crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """Another one, for tests that leave nothing as it was."""
    yield from gathered(tmp_path_factory.mktemp("restless"))


def gathered(folder: Path) -> Iterator[Crowd]:
    made = Crowd(house_at(folder / "data"), folder)
    yield made
    made.close()
