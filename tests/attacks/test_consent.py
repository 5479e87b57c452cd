"""Case 18: what was not, or is no longer, allowed is not public, whoever makes a record anew."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import update

from oberih.archive.metadata import Description
from oberih.catalogue.access import Who
from oberih.catalogue.accounts import change_profile
from oberih.catalogue.database import now
from oberih.catalogue.outdated import Outdated, outdate
from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.tables import Capture, Publication, Review, Rights, Subject
from oberih.errors import Conflict
from oberih.work.engine import Job
from oberih.work.flow import LICENCES, Decision, decide, due, look_again, project, publishing, unpublish
from oberih.work.flow.mending import Mender
from oberih.work.flow.projecting import captures_of
from oberih.work.flow.publishing import expose, reveal
from oberih.work.flow.recovering import show_all
from oberih.work.flow.withdrawing import stay_unnamed, withdraw
from oberih.work.flow.wording import change_words
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


def public(service: Service, **more: object) -> tuple[str, str]:
    """Something that everybody sees: its subject, and a capture of it."""
    review, subject = passed(service, **more)  # type: ignore[arg-type]
    expose(JOB, review)
    reveal(JOB, review)
    with service.database.reading() as session:
        return subject, captures_of(session, session.get_one(Review, review))[0].id


def later(service: Service, capture: str, **more: object) -> str:
    """A newer model of the same passes, under an embargo. Its review."""
    review = in_review(SimpleNamespace(service=service), capture)  # type: ignore[arg-type]
    return passed(service, review=review, embargo_until="2999-01-01", **more)[0]


def test_making_a_record_anew_does_not_end_an_embargo(service: Service) -> None:
    _, subject = passed(service, embargo_until="2999-01-01")
    project(service, subject)
    assert shown(service, subject) is None


def test_files_that_were_given_to_the_archive_only_are_never_public(service: Service) -> None:
    subject, _ = public(service, licence="archive-only")
    found = shown(service, subject)
    assert found is not None and found.files == ()
    assert list(service.files.list()) == []


def test_a_name_that_was_given_up_leaves_and_a_new_one_waits_for_a_look(service: Service) -> None:
    subject, capture = public(service)
    before = shown(service, subject)
    assert before is not None and [one.name for one in before.people] == ["Olha P."]
    olha = Who("olha", None, ())
    assert change_profile(service.database, olha, public_name="O. of 5 Mill Lane") == (subject,)
    project(service, subject)
    assert shown(service, subject) == before.model_copy(update={"people": ()})
    passed(service, review=in_review(SimpleNamespace(service=service), capture))  # type: ignore[arg-type]
    with service.database.reading() as session:
        waiting = session.get_one(Publication, subject).waiting
    reveal(JOB, waiting or "")
    again = shown(service, subject)
    assert again is not None and [one.name for one in again.people] == ["O. of 5 Mill Lane"]


def test_a_name_leaves_the_one_recording_with_which_it_is_not_wanted(service: Service) -> None:
    subject, capture = public(service)
    stay_unnamed(service, capture, "olha")
    found = shown(service, subject)
    assert found is not None and found.people == ()
    later(service, capture)
    with service.database.reading() as session:
        assert not session.get_one(Capture, capture).credited


def test_a_name_goes_though_the_process_was_killed_before_the_page_was_made_again(service: Service) -> None:
    subject, _ = public(service)
    change_profile(service.database, Who("olha", None, ()), public_name="")
    with service.database.writing("test", "time goes by") as session:
        session.execute(update(Outdated).values(since=now() - timedelta(minutes=2)))
    assert Mender(service).look() == 1
    found = shown(service, subject)
    assert found is not None and found.people == ()


def test_a_newer_version_that_waits_shows_nothing_early(service: Service) -> None:
    """Neither a finer place, nor a name, nor files: whatever else is changed meanwhile."""
    subject, capture = public(service, precision="region", names_people=False)
    before = shown(service, subject)
    review = later(service, capture, latitude=50.0, longitude=30.5)
    described = Description.model_validate({"titles": {"en": "A better title"}}, strict=False)
    with service.database.reading() as session:
        version = session.get_one(Subject, subject).version
    change_words(service, subject, "custodian", described, seen_version=version)
    found = shown(service, subject)
    assert found is not None and before is not None
    assert found == before.model_copy(update={"titles": {"en": "A better title"}, "kind": found.kind})
    with service.database.writing("custodian", "end embargo") as session:
        session.get_one(Subject, subject).embargo_until = now()
    expose(JOB, review)
    reveal(JOB, review)
    found = shown(service, subject)
    assert found is not None and (found.version, found.place.precision) == (2, "exact")


def test_what_a_decision_forbids_holds_at_once(service: Service) -> None:
    subject, capture = public(service)
    found = shown(service, subject)
    assert found is not None and (found.place.precision, len(found.people)) == ("exact", 1)
    later(service, capture, precision="region", names_people=False)
    found = shown(service, subject)
    assert found is not None and found.version == 1
    assert (found.place.precision, found.people) == ("region", ())


def test_while_a_newer_version_waits_the_old_one_can_be_taken_back(service: Service) -> None:
    subject, capture = public(service)
    review = later(service, capture)
    unpublish(service, subject, "custodian", "somebody asked")
    assert shown(service, subject) is None
    with service.database.writing("custodian", "end embargo") as session:
        session.get_one(Subject, subject).embargo_until = now()
    assert due(service) == 0
    expose(JOB, review)
    reveal(JOB, review)
    assert shown(service, subject) is None and list(service.files.list()) == []


def test_what_was_taken_back_meanwhile_never_becomes_public(service: Service) -> None:
    subject, capture = public(service)
    review = later(service, capture)
    withdraw(service, capture, "olha")
    assert shown(service, subject) is None
    reveal(JOB, review)
    assert shown(service, subject) is None


def test_files_that_come_late_do_not_stay(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was taken back while they were copied, and whoever copied them was killed then."""
    review, subject = passed(service)
    with service.database.reading() as session:
        (capture,) = captures_of(session, session.get_one(Review, review))
    missing = publishing.missing_files

    def slow(*given: object) -> list[str]:
        monkeypatch.undo()
        withdraw(service, capture.id, "olha")
        return missing(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(publishing, "missing_files", slow)
    expose(JOB, review)
    with service.database.writing("test", "time goes by") as session:
        session.execute(update(Outdated).values(since=now() - timedelta(minutes=2)))
    Mender(service).look()
    assert list(service.files.list()) == [] and shown(service, subject) is None


def test_who_decides_has_seen_what_others_decided_meanwhile(service: Service) -> None:
    """The page of a newer model is older than somebody else's word that the place is to be kept back."""
    subject, capture = public(service)
    review = in_review(SimpleNamespace(service=service), capture)  # type: ignore[arg-type]
    with service.database.reading() as session:
        seen = session.get_one(Review, review).version
        version = session.get_one(Subject, subject).version
    told = {"outcome": "refused", "seen_version": version, "reason": "looters", "precision": "withheld"}
    look_again(service, subject, "anna", Decision.model_validate(told))
    late = {
        "outcome": "passed",
        "seen_version": seen,
        "precision": "exact",
        "reason": "x",
        "checked": ANSWERS,
    }
    with pytest.raises(Conflict):
        decide(service, review, "borys", Decision.model_validate(late))
    found = shown(service, subject)
    assert found is not None and found.place.cell is None


def test_refusing_a_newer_model_leaves_what_waits(service: Service) -> None:
    review, subject = passed(service, embargo_until="2999-01-01")
    with service.database.reading() as session:
        (capture,) = captures_of(session, session.get_one(Review, review))
    newer = in_review(SimpleNamespace(service=service), capture.id)  # type: ignore[arg-type]
    with service.database.reading() as session:
        version = session.get_one(Review, newer).version
    decide(service, newer, "custodian", Decision(outcome="refused", seen_version=version, reason="blurred"))
    with service.database.writing("custodian", "end embargo") as session:
        session.get_one(Subject, subject).embargo_until = now()
    expose(JOB, review)
    reveal(JOB, review)
    assert shown(service, subject) is not None


def test_a_name_that_was_chosen_after_the_decision_is_not_shown(service: Service) -> None:
    review, subject = passed(service, embargo_until="2999-01-01")
    change_profile(service.database, Who("olha", None, ()), public_name="O. of 5 Mill Lane")
    with service.database.writing("custodian", "end embargo") as session:
        session.get_one(Subject, subject).embargo_until = now()
    reveal(JOB, review)
    found = shown(service, subject)
    assert found is not None and found.people == ()


def test_somebody_killed_while_showing_leaves_nothing_that_is_taken_back_later(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    review, subject = passed(service)
    show = publishing.show

    def killed(*given: object) -> None:
        show(*given)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "show", killed)
    with pytest.raises(KeyboardInterrupt):
        reveal(JOB, review)
    monkeypatch.undo()
    unpublish(service, subject, "custodian", "somebody asked")
    assert shown(service, subject) is None


def test_one_that_cannot_be_shown_keeps_no_other_in_view(service: Service) -> None:
    subject, capture = public(service)
    with service.database.writing("test", "spoil") as session:
        session.get_one(Subject, subject).description = {
            "titles": {"en": "x"},
            "kind": "nonsense",
            "materials": 5,
        }
        outdate(session, subject)
    other, theirs = public(service)
    with service.database.writing("olha", "withdraw") as session:  # and killed then
        session.get_one(Publication, other).withdrawn = now()
        outdate(session, other)
        session.flush()
        session.execute(update(Outdated).values(since=now() - timedelta(minutes=2)))
    Mender(service).look()
    assert shown(service, other) is None and theirs != capture


def test_a_service_that_is_rebuilt_shows_what_was_shown(service: Service) -> None:
    """Not what passed last."""
    subject, capture = public(service, precision="region", names_people=False)
    later(service, capture)
    before = shown(service, subject)
    assert show_all(service) == 1
    again = shown(service, subject)
    assert again == before
