"""Stopped, taken back, or killed half way: what a capture says is what happens to it."""

import os
import shutil
import time
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import select, update

from oberih.archive.ocfl import object_key, read_object
from oberih.catalogue.database import now
from oberih.catalogue.outdated import Outdated
from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.public import publish as show
from oberih.catalogue.tables import Capture, Model, Publication, Review
from oberih.errors import Conflict, NotInArchive
from oberih.i18n import from_json
from oberih.work.flow import Decision, decide, received, start_again, stop, unpublish
from oberih.work.flow import publishing as published
from oberih.work.flow.ingest import look, preserve
from oberih.work.flow.ingest import release as free
from oberih.work.flow.mending import Mender
from oberih.work.flow.modelling import begin
from oberih.work.flow.modelling import record as write_down
from oberih.work.flow.withdrawing import cancel, withdraw
from oberih.work.service import Service
from work.site import brought, photo, site
from work.test_flow import JOB, in_review, ingested, passed, row


@pytest.fixture
def service(tmp_path: Path):
    made = site(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [photo(tmp_path / f"{number}.jpg", number) for number in range(2)]


def capture_of(service: Service, photos: list[Path], **more: object) -> str:
    """One that came in whole."""
    capture = ingested(service, photos, **more)
    done(service, f"ingest:{row(service, Capture, capture).contribution}")
    return capture


def state(service: Service, capture: str) -> str:
    return str(row(service, Capture, capture).state)


def with_job(service: Service, photos: list[Path], **more: object) -> tuple[str, str]:
    """A capture whose model is about to be made, and the job."""
    capture = capture_of(service, photos, **more)
    return capture, begin(service, capture)


def long_ago(service: Service) -> None:
    """Nobody has touched anything for a while."""
    with service.database.writers() as session, session.begin():
        for kind in (Capture, Review):
            session.execute(update(kind).values(changed=now() - timedelta(minutes=5)))


def test_a_job_that_was_stopped_says_so_and_goes_on_when_asked(service: Service, photos: list[Path]) -> None:
    capture, key = with_job(service, photos)
    stop(service, key, "admin")
    assert state(service, capture) == "cancelled"
    assert "can be begun again" in from_json(row(service, Capture, capture).reason)
    with pytest.raises(Conflict):
        stop(service, key, "admin")
    start_again(service, key, "admin")
    assert state(service, capture) == "waiting" and row(service, Capture, capture).reason is None
    assert service.engine.state(key).status == "waiting"
    with pytest.raises(Conflict):
        start_again(service, key, "admin")


def test_what_arrived_is_kept_whoever_wants_to_stop_it(service: Service, photos: list[Path]) -> None:
    arrived = brought(service, photos)
    received(service, arrived)
    with pytest.raises(Conflict, match="cannot be stopped"):
        stop(service, f"ingest:{arrived.contribution.id}", "admin")
    assert service.engine.state(f"ingest:{arrived.contribution.id}").status == "waiting"


def test_one_who_cancels_stops_nobody_else(service: Service, photos: list[Path]) -> None:
    mine, my_job = with_job(service, photos)
    other, other_job = with_job(service, photos)
    cancel(service, mine, "olha")
    assert service.engine.state(my_job).status == "cancelled"
    assert service.engine.state(other_job).status == "waiting" and state(service, other) == "waiting"


def test_what_is_left_of_a_subject_is_modelled_without_what_was_taken_back(
    service: Service, photos: list[Path]
) -> None:
    first = capture_of(service, photos)
    subject = row(service, Capture, first).subject
    second = capture_of(service, photos, subject=subject)
    key = begin(service, first)
    assert set(service.engine.state(key).about) == {first, second}
    withdraw(service, second, "olha")
    assert service.engine.state(key).status == "cancelled"
    (job,) = [one for one in service.engine.jobs(about=first).jobs if one.status == "waiting"]
    assert job.about == (first,)
    with pytest.raises(Conflict):
        cancel(service, second, "olha")


def test_a_model_of_something_that_was_taken_back_meanwhile_is_shown_to_nobody(
    service: Service, photos: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    capture, _ = with_job(service, photos)
    subject, model = row(service, Capture, capture).subject, service.archive.mint()
    withdraw(service, capture, "olha")
    (tmp_path / "report.json").write_text("{}")
    monkeypatch.setattr("oberih.work.flow.modelling.result_folder", lambda *_: tmp_path)
    monkeypatch.setattr("oberih.work.flow.modelling.kept", lambda *_: type("Kept", (), {"digest": "d"}))
    assert write_down(JOB, model, subject, [capture]) == ""
    with service.database.reading() as session:
        assert session.scalars(select(Review)).all() == []


def test_a_review_ends_when_what_it_shows_is_taken_back(service: Service, photos: list[Path]) -> None:
    capture = capture_of(service, photos)
    review = in_review(service, capture)
    withdraw(service, capture, "olha")
    found = row(service, Review, review)
    assert found.state == "overtaken"
    decision = Decision(outcome="refused", seen_version=found.version, reason="late")
    with pytest.raises(Conflict):
        decide(service, review, "custodian", decision)
    assert state(service, capture) == "withdrawn"


def test_taking_back_is_finished_though_the_process_was_killed(
    service: Service, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = capture_of(service, photos)
    passed(service, in_review(service, capture))
    subject = row(service, Capture, capture).subject
    monkeypatch.setattr("oberih.work.flow.withdrawing.project", killed)
    with pytest.raises(KeyboardInterrupt):
        withdraw(service, capture, "olha")
    assert isinstance(record(service.projection, subject), PublicRecord)
    assert Mender(service).look() == 0  # whoever is at it has a while
    with service.database.writing("test", "test") as session:
        session.execute(update(Outdated).values(since=now() - timedelta(minutes=2)))
    assert Mender(service).look() == 1
    assert not isinstance(record(service.projection, subject), PublicRecord)
    assert list(service.files.list()) == []
    assert Mender(service).look() == 0


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_is_taken_out_of_view_while_it_is_published_is_not_shown(
    service: Service, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    review = in_review(service, capture_of(service, photos))
    subject = row(service, Review, review).subject

    hiding = Thread(target=unpublish, args=(service, subject, "custodian", "in the last moment"))

    def meanwhile(*given: object) -> None:
        """Between the decision to publish and the public records."""
        hiding.start()
        hiding.join(0.2)
        assert hiding.is_alive()  # it waits
        show(*given)

    monkeypatch.setattr(published, "show", meanwhile)
    version = row(service, Review, review).version
    answers = {"military": "none", "people": "none", "plates": "none"}
    decide(service, review, "custodian", Decision(
        outcome="passed", seen_version=version, reason="fine", checked=answers,
    ))  # fmt: skip
    published.expose(JOB, review)
    published.reveal(JOB, review)
    hiding.join()
    assert not isinstance(record(service.projection, subject), PublicRecord)
    assert list(service.files.list()) == []


def test_a_capture_at_which_nobody_works_is_begun_again(service: Service, photos: list[Path]) -> None:
    """Whoever was to put the job into the queue was killed just before."""
    arrived = brought(service, photos)
    capture = received(service, arrived)
    preserve(JOB, "olha", arrived.contribution.id, capture)
    look(JOB, "olha", arrived.contribution.id, capture)
    free(JOB, "olha", arrived.contribution.id, capture)
    done(service, f"ingest:{arrived.contribution.id}")
    mender = Mender(service)
    assert mender.look() == 0  # whoever is at it has a while
    long_ago(service)
    assert mender.look() == 1
    assert [job.name for job in service.engine.jobs(about=capture).jobs] == ["model", "ingest"]
    long_ago(service)
    assert mender.look() == 0


def done(service: Service, key: str, status: str = "SUCCESS") -> None:
    """A worker was here."""
    from oberih.work.engine._tables import STATUS

    with service.engine.tables.writing() as connection:
        connection.execute(STATUS.update().where(STATUS.c.workflow_uuid == key).values(status=status))


def test_what_was_half_deposited_is_deposited_again(service: Service, photos: list[Path]) -> None:
    """Whoever did it was killed before the archive could know of it."""
    arrived = brought(service, photos)
    capture = received(service, arrived)
    left = f"{object_key(capture)}/v1/content/abcd1234/originals/0.jpg"
    service.archive.main.write(left, [b"half a photo"])
    preserve(JOB, "olha", arrived.contribution.id, capture)
    kept = read_object(service.archive.main, object_key(capture))
    assert kept.read("originals/0.jpg") == photos[0].read_bytes()
    assert state(service, capture) == "preserved"
    shutil.rmtree(service.folder / "archive" / "main" / object_key(capture))
    with pytest.raises(NotInArchive):  # what was whole, and is lost, is not made again unnoticed
        preserve(JOB, "olha", arrived.contribution.id, capture)


def test_a_capture_whose_job_failed_says_so(service: Service, photos: list[Path]) -> None:
    capture, key = with_job(service, photos)
    done(service, key, "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
    long_ago(service)
    assert Mender(service).look() == 1
    found = row(service, Capture, capture)
    assert found.state == "failed" and "broke down" in from_json(found.reason)
    start_again(service, key, "admin")
    assert state(service, capture) == "waiting"


def test_a_job_that_was_stopped_by_one_who_was_killed_is_told_of(
    service: Service, photos: list[Path]
) -> None:
    capture, key = with_job(service, photos)
    service.engine.cancel(key)
    long_ago(service)
    assert Mender(service).look() == 1
    assert state(service, capture) == "cancelled"


def test_a_review_gets_its_draft_though_the_process_was_killed(service: Service, photos: list[Path]) -> None:
    capture = capture_of(service, photos)
    review = in_review(service, capture)
    with service.database.writing("custodian", "correct blur") as session:
        session.get_one(Review, review).draft = ""
    long_ago(service)
    assert Mender(service).look() == 1
    (job,) = service.engine.jobs(about=review).jobs
    assert (job.name, job.status) == ("draft", "waiting")
    long_ago(service)
    assert Mender(service).look() == 0


def test_long_work_is_for_graphics_cards_if_there_is_one(
    service: Service, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = with_job(service, photos)[1], ""
    assert service.engine.state(first).queue == "cpu"
    monkeypatch.setattr(type(service.engine), "workers", lambda _: {"cpu": 2, "gpu": 1})
    second = with_job(service, photos)[1]
    assert service.engine.state(second).queue == "gpu"


def test_a_public_subject_stays_if_what_is_taken_back_is_not_shown(
    service: Service, photos: list[Path]
) -> None:
    shown = capture_of(service, photos)
    passed(service, in_review(service, shown))
    subject = row(service, Capture, shown).subject
    withdraw(service, capture_of(service, photos, subject=subject), "olha")
    assert isinstance(record(service.projection, subject), PublicRecord)
    withdraw(service, shown, "olha")
    assert not isinstance(record(service.projection, subject), PublicRecord)
    assert row(service, Publication, subject).withdrawn is not None
    seen = row(service, Review, row(service, Publication, subject).review)
    assert row(service, Model, seen.model).captures == [shown]


def test_work_that_went_on_elsewhere_does_not_stay_here(service: Service) -> None:
    for name, age_days in (("old", 8), ("new", 1)):
        file = service.private / "work" / name / "out" / "depth.npy"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"depth")
        for path in (file, *file.parents[:2]):
            os.utime(path, (time.time() - age_days * 86_400,) * 2)
    Mender(service).look()
    assert [path.name for path in (service.private / "work").iterdir()] == ["new"]
