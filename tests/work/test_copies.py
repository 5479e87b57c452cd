"""What arrived lies among the uploads until every copy that is to be of it is there."""

from pathlib import Path

import pytest

from oberih.archive import MAIN, kept_as_asked
from oberih.archive.index import Index
from oberih.settings import StoreSettings
from oberih.work.arrivals import Limits, Offered, Received, Refused, Uploader
from oberih.work.engine import Job
from oberih.work.flow import received
from oberih.work.flow.ingest import copy, copy_what_waits, look, preserve, release
from oberih.work.flow.working import ask_for_copies
from oberih.work.service import Service
from work.site import brought, photo, site

JOB = Job("a test")


@pytest.fixture
def service(tmp_path: Path):
    """A service whose archive has two more stores, and is to have a copy on each."""
    made = site(tmp_path / "data")
    made.archive.change_settings(lambda table: table.update(copies=3))
    for name in ("second", "third"):
        made.archive.add_store(name, StoreSettings(url=str(tmp_path / name), threat=name))
    yield made
    made.close()


def ingested(service: Service, folder: Path, number: int = 0) -> tuple[Received, str]:
    """A contribution, and its capture after all that its first job does with it."""
    arrived = brought(service, [photo(folder / f"{number}-{n}.jpg", number + n) for n in range(2)])
    capture = received(service, arrived)
    service.engine.cancel(f"ingest:{arrived.contribution.id}")  # the steps are done here
    preserve(JOB, "olha", arrived.contribution.id, capture)
    copy(JOB, capture)
    look(JOB, "olha", arrived.contribution.id, capture)
    release(JOB, "olha", arrived.contribution.id, capture)
    return arrived, capture


def on(service: Service, capture: str) -> set[str]:
    return {one.store for one in service.archive.index.replicas(capture)}


def waiting(service: Service) -> list[str]:
    return [one.contribution.id for one in service.arrivals.all_received()]


def test_what_has_all_its_copies_is_let_go_at_once(service: Service, tmp_path: Path) -> None:
    _, capture = ingested(service, tmp_path)
    assert on(service, capture) == {MAIN, "second", "third"} and waiting(service) == []
    (person,) = service.archive.index.objects("person")  # who it is, sealed
    assert kept_as_asked(service.archive, person.id)


def test_what_lacks_a_copy_waits_among_the_uploads_for_the_store(service: Service, tmp_path: Path) -> None:
    (tmp_path / "third").rename(tmp_path / "away")
    arrived, capture = ingested(service, tmp_path)
    assert on(service, capture) == {MAIN, "second"} and not kept_as_asked(service.archive, capture)
    assert waiting(service) == [arrived.contribution.id]
    kept = [arrived.contribution.path(one).read_bytes() for one in arrived.contribution.files]
    assert kept == [(tmp_path / f"0-{n}.jpg").read_bytes() for n in range(2)]
    for _ in range(2):  # it stays away
        copy_what_waits(JOB)
    assert waiting(service) == [arrived.contribution.id]
    (tmp_path / "away").rename(tmp_path / "third")
    copy_what_waits(JOB)
    assert kept_as_asked(service.archive, capture) and waiting(service) == []


def test_what_waits_for_a_store_keeps_nobody_from_contributing(service: Service, tmp_path: Path) -> None:
    one = Limits(contributions=1)
    (tmp_path / "third").rename(tmp_path / "away")
    before = brought(service, [photo(tmp_path / "before.jpg", 5)])
    with pytest.raises(Refused, match="under way already"):
        service.arrivals.begin(Uploader("olha", one), [Offered("p.jpg", 1)])
    service.arrivals.release("olha", before.contribution.id)
    ingested(service, tmp_path)
    assert len(waiting(service)) == 1
    service.arrivals.begin(Uploader("olha", one), [Offered("p.jpg", 1)])


def test_it_is_tried_now_and_then_and_not_again_and_again(service: Service, tmp_path: Path) -> None:
    (tmp_path / "third").rename(tmp_path / "away")
    ingested(service, tmp_path)
    for _ in range(3):
        ask_for_copies(service)
    found = service.engine.jobs().jobs
    assert [one.name for one in found if one.status == "waiting"] == ["copies"]


def test_of_what_is_ingested_only_this_is_looked_at(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many objects there are: no list of them is read."""
    ingested(service, tmp_path)

    def whole(*_: object) -> None:
        raise AssertionError("the whole archive was looked at")

    arrived = brought(service, [photo(tmp_path / "more.jpg", 9)])
    capture = received(service, arrived)
    preserve(JOB, "olha", arrived.contribution.id, capture)
    monkeypatch.setattr(Index, "objects", whole)
    monkeypatch.setattr(Index, "all_replicas", whole)
    assert copy(JOB, capture) == []
    assert on(service, capture) == {MAIN, "second", "third"}
