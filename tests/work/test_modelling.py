"""Models are made of strangers' photos: what happens to these happens to nobody else."""

import json
from pathlib import Path

import pytest

from oberih.catalogue.tables import Capture
from oberih.errors import StageFailed
from oberih.i18n import from_json
from oberih.work.engine import Job
from oberih.work.flow import received
from oberih.work.flow.ingest import copy, look, preserve, release
from oberih.work.flow.modelling import make, model, result_folder
from oberih.work.service import Service
from strangers import taken_over
from work.site import brought, photo, site

JOB = Job("a test")


@pytest.fixture
def service(tmp_path: Path):
    made = site(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def capture(service: Service, tmp_path: Path) -> str:
    """One that waits for a machine."""
    arrived = brought(service, [photo(tmp_path / f"{number}.jpg", number) for number in range(2)])
    made = received(service, arrived)
    preserve(JOB, "olha", arrived.contribution.id, made)
    copy(JOB, made)
    look(JOB, "olha", arrived.contribution.id, made)
    release(JOB, "olha", arrived.contribution.id, made)
    return made


def row(service: Service, capture: str) -> Capture:
    with service.database.reading() as session:
        return session.get_one(Capture, capture)


def test_a_photo_that_breaks_its_decoder_breaks_nothing_else(
    service: Service, capture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_over(monkeypatch, tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    subject = row(service, capture).subject
    with pytest.raises(StageFailed, match="signal 11"):
        model(JOB, subject, [capture])
    found = row(service, capture)
    assert found.state == "failed" and "signal 11" in from_json(found.reason)
    assert found.advice


def test_what_a_photo_takes_over_cannot_open_what_is_private(
    service: Service, capture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        found = {}
        private = "private/secrets.toml", "private/catalogue.sqlite", "recovery.key", "archive/oberih.toml"
        for name in private:
            try:
                found[name] = (photos[0].parents[4] / name).read_bytes().decode(errors="replace")
            except OSError as error:
                found[name] = type(error).__name__
        found["photos"] = sorted(os.listdir(photos[0]))
        (out / "model.glb").write_bytes(b"glTF")
        (out / "paradata.json").write_text("{}")
        (out / "report.json").write_text(json.dumps(found))
    """
    taken_over(monkeypatch, tmp_path, code)
    monkeypatch.setenv("OBERIH_SECRET_KEY", "a-key-that-nobody-knows")
    identifier = service.archive.mint()
    make(JOB, identifier, row(service, capture).subject or "", [capture])
    found = json.loads((result_folder(service, identifier) / "report.json").read_text())
    assert found.pop("photos") == ["0.jpg", "1.jpg"]
    assert set(found.values()) == {"PermissionError"}, found
    assert service.archive.object(identifier).read("model.glb") == b"glTF"
