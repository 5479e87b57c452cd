"""An archive that 0.1.0 made before there was a service (``earlier.tar.xz``): it opens, and can get one.

It holds a person, whose key is kept for the custodian olena, and a capture of two files by that person.
"""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from oberih.catalogue.tables import Capture
from oberih.cli import run
from oberih.work.service import open_service

CAPTURE, PERSON = "ark:/99999/b1wd7mh7srmwp7kq", "person-br6bxprrvfgt9p"
Said = Callable[..., str]


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a command beside the archive; gives what it said."""
    with tarfile.open(Path(__file__).with_name("earlier.tar.xz")) as packed:
        packed.extractall(tmp_path / "data", filter="data")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("OBERIH_ARCHIVE", "archive")
    monkeypatch.chdir(tmp_path / "data")

    def command(*arguments: str) -> str:
        capsys.readouterr()
        ended, shown = run(arguments), capsys.readouterr()
        assert ended == 0, shown.out + shown.err
        return shown.out

    return command


def test_it_is_whole_and_can_be_read(said: Said) -> None:
    assert "0 damaged" in said("verify")
    assert CAPTURE in said("list") and "Bell tower" in said("list")
    assert json.loads(said("people", "show", PERSON, "--key", "olena.key")) == {"name": "Stork"}
    assert said("rebuild", "--key", "olena.key")
    said("package", CAPTURE, "-o", "bag")
    assert sorted(path.name for path in Path("bag/data").rglob("*.jpg")) == ["one.jpg"]


def test_it_can_get_a_service(said: Said) -> None:
    assert "Entries of the ledger: 0" in said("rebuild", "--data", ".", "--key", "olena.key")
    service = open_service(Path())
    with service.database.reading() as session:
        found = session.get_one(Capture, CAPTURE)
        assert (found.title, found.person, found.state) == ("Bell tower", PERSON, "preserved")
    assert sorted(service.archive.settings.custodians) == ["olena", "service"]
    service.close()
