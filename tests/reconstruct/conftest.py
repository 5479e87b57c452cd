"""A whole result, made once per worker. Nobody writes into it."""

import shutil
from pathlib import Path

import pytest

from oberih.reconstruct import Result, reconstruct
from recipe import quick
from synthetic import Shot, write_photos


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory, shots: list[Shot]) -> Path:
    """Six photos, one of them again under another name, a text and a damaged file."""
    folder = tmp_path_factory.mktemp("given")
    paths = write_photos(shots, folder)
    shutil.copy(paths[0], folder / "same.jpg")
    (folder / "notes.txt").write_text("Courtyard, from the gate.")
    (folder / "broken.jpg").write_bytes(paths[1].read_bytes()[:3000])
    return folder


@pytest.fixture(scope="session")
def made(given: Path) -> Result:
    """The result of `given`, made once; OUT lies inside the folder of the photos, beside somebody's file."""
    out = given / "model"
    out.mkdir()
    (out / "mine.txt").write_text("Not Oberih's.")
    return reconstruct([given], out, quick())
