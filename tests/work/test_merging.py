"""Two subjects that are one: their captures become one model, also if a worker was just at the other one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from oberih.catalogue.database import now
from oberih.catalogue.tables import Capture, ConditionReport, Model, Review, Subject
from oberih.errors import Conflict, InputError
from oberih.work.engine import Job
from oberih.work.flow import merge, received
from oberih.work.flow.ingest import look, preserve
from oberih.work.flow.ingest import release as free
from oberih.work.flow.modelling import begin, make, record
from oberih.work.service import Service
from work import standin
from work.site import brought, photo, site

JOB = Job("a test")


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr("oberih.work.flow.modelling.reconstruct", standin.reconstruct)
    monkeypatch.setenv("STANDIN_S", "0")
    made = site(tmp_path / "data")
    yield made
    made.close()


def recorded(service: Service, folder: Path, number: int) -> str:
    """A capture of two photos, in the archive, whose model is to be made."""
    photos = [photo(folder / f"{number}-{n}.jpg", 2 * number + n) for n in range(2)]
    arrived = brought(service, photos, title=f"Thing {number}")
    capture = received(service, arrived)
    preserve(JOB, "olha", arrived.contribution.id, capture)
    look(JOB, "olha", arrived.contribution.id, capture)
    free(JOB, "olha", arrived.contribution.id, capture)
    return capture


def row(service: Service, kind: type, identifier: str):
    with service.database.reading() as session:
        return session.get_one(kind, identifier)


def subject_of(service: Service, capture: str) -> str:
    return row(service, Capture, capture).subject


def modelled(service: Service, *captures: str) -> tuple[str, str]:
    """A model of captures, and its review."""
    model, subject = service.archive.mint(), subject_of(service, captures[0])
    make(JOB, model, subject, list(captures))
    return model, record(JOB, model, subject, list(captures))


def test_what_was_recorded_of_both_becomes_one_model(service: Service, tmp_path: Path) -> None:
    first, second = recorded(service, tmp_path, 1), recorded(service, tmp_path, 2)
    known, gone = subject_of(service, first), subject_of(service, second)
    with service.database.writing("olha", "report condition") as session:
        session.add(ConditionReport(subject=gone, assessed=now().date()))
    _, review = modelled(service, second)
    seen = row(service, Review, review).version
    for wrong in (gone, "ark:/99999/nothing"):
        with pytest.raises(InputError, match="no such thing"):
            merge(service, review, "custodian", wrong, seen_version=seen)
    with pytest.raises(Conflict):
        merge(service, review, "custodian", known, seen_version=seen + 1)
    merge(service, review, "custodian", known, seen_version=seen)
    assert {subject_of(service, one) for one in (first, second)} == {known}
    assert row(service, Subject, gone).withdrawn is not None
    with service.database.reading() as session:
        assert session.scalars(select(ConditionReport.subject)).all() == [known]
    (job,) = service.engine.jobs(about=second, name="model", status="waiting").jobs
    assert sorted(job.about) == sorted([first, second])
    _, together = modelled(service, *sorted([first, second]))
    assert row(service, Review, together).subject == known
    assert {row(service, Capture, one).state for one in (first, second)} == {"in review"}


def test_a_model_that_was_just_being_made_of_it_comes_to_no_review(service: Service, tmp_path: Path) -> None:
    first, second, third = (recorded(service, tmp_path, number) for number in (1, 2, 3))
    known, gone = subject_of(service, first), subject_of(service, second)
    with service.database.writing("service", "test") as session:
        session.get_one(Capture, third).subject = gone
    _, review = modelled(service, second)
    both = sorted([second, third])
    going, late = begin(service, third), service.archive.mint()
    make(JOB, late, gone, both)  # a worker is as far as this when the custodian decides
    merge(service, review, "custodian", known, seen_version=row(service, Review, review).version)
    assert service.engine.state(going).status == "cancelled"
    assert record(JOB, late, gone, both) == ""
    assert row(service, Model, late).subject == gone
    with service.database.reading() as session:
        assert session.scalars(select(Review).where(Review.state == "open")).all() == []
    waiting = service.engine.jobs(about=third, name="model", status="waiting").jobs
    assert [sorted(job.about) for job in waiting] == [sorted([first, second, third])]
