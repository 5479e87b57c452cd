"""What the tests of products share."""

import pytest

from oberih.products import pictures


@pytest.fixture
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures that are drawn in no time, for tests that look at other things."""
    monkeypatch.setattr(pictures, "POSTERS", ((320, 100_000), (160, 50_000)))
    monkeypatch.setattr(pictures, "SOCIAL", (320, 168, 100_000))
    monkeypatch.setattr(pictures, "TURNTABLE", (160, 120, 40_000))
