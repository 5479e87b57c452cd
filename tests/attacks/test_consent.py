"""Case 18: what was not, or is no longer, allowed is not public, whoever makes a record anew."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.database import now
from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.tables import Publication, Review, Rights, Subject
from oberih.work.engine import Job
from oberih.work.flow import LICENCES, Decision, decide, project, uncredit
from oberih.work.flow.publishing import expose, reveal
from oberih.work.service import Service
from web.office import captured, in_review
from work.site import site

JOB = Job("a test")
ANSWERS = {"military": "none", "people": "none", "plates": "none"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = site(tmp_path / "data")
    yield made
    made.close()


def passed(service: Service, licence: str = "cc-by-4.0", review: str = "", **more: object) -> tuple[str, str]:
    """The review, and its subject."""
    house = SimpleNamespace(service=service)
    if not review:
        capture = captured(house, credited=True)  # type: ignore[arg-type]
        with service.database.writing("service", "test") as session:
            session.add(Rights(of=capture, kind="licence", uri=LICENCES[licence]))
        review = in_review(house, capture)  # type: ignore[arg-type]
    with service.database.reading() as session:
        row = session.get_one(Review, review)
    told = {"outcome": "passed", "seen_version": row.version, "precision": "exact", "reason": "well known"}
    decision = Decision.model_validate({**told, "checked": ANSWERS, "names_people": True, **more})
    decide(service, review, "custodian", decision)
    return review, row.subject


def shown(service: Service, subject: str) -> PublicRecord | None:
    found = record(service.projection, subject)
    return found if isinstance(found, PublicRecord) else None


def test_making_a_record_anew_does_not_end_an_embargo(service: Service) -> None:
    _, subject = passed(service, embargo_until="2999-01-01")
    assert project(service, subject) == 0
    uncredit(service, subject)
    assert shown(service, subject) is None


def test_files_that_were_given_to_the_archive_only_are_never_public(service: Service) -> None:
    review, subject = passed(service, "archive-only")
    assert expose(JOB, review)
    reveal(JOB, review)
    found = shown(service, subject)
    assert found is not None and found.files == ()
    assert list(service.files.list()) == []


def test_a_name_that_was_given_up_leaves_and_nothing_else_changes(service: Service) -> None:
    review, subject = passed(service)
    assert expose(JOB, review)
    reveal(JOB, review)
    before = shown(service, subject)
    assert before is not None and [one.name for one in before.people] == ["Olha P."]
    with service.database.writing("custodian", "test") as session:  # words that nobody has looked at yet
        session.get_one(Subject, subject).description = {"titles": {"en": "At 5 Mill Lane"}}
        session.get_one(Account, "olha").public_name = "O. of 5 Mill Lane"
    uncredit(service, subject)
    assert shown(service, subject) == before.model_copy(update={"people": ()})


def test_a_newer_version_that_waits_shows_nothing_early(service: Service) -> None:
    review, subject = passed(service)
    expose(JOB, review)
    reveal(JOB, review)
    before = shown(service, subject)
    with service.database.writing("service", "test") as session:
        session.get_one(Publication, subject).published = None  # another one passed, under an embargo
        session.get_one(Subject, subject).embargo_until = now().replace(year=2999)
        session.get_one(Subject, subject).description = {"titles": {"en": "Later"}}
    assert project(service, subject) == 0 and shown(service, subject) == before
