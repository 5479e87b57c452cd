"""One service for all attacks: two recordings that went all the way from phones to the public."""

from collections.abc import Iterator

import pytest

from attacks.canaries import betrayed
from attacks.town import Town


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("town"))
    try:
        made.live()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def public(town: Town) -> dict[str, bytes]:
    """Every public byte: name -> answer with its headers, or file."""
    return {**town.crawled(), **town.stored()}


@pytest.fixture(scope="session")
def leaks(town: Town, public: dict[str, bytes]) -> dict[str, set[str]]:
    """What of all canaries is found in them."""
    return betrayed(public, town.secrets())
