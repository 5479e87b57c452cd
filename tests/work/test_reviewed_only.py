"""Public is what a custodian has looked at: nothing that came, or was made, beside it."""

from pathlib import Path
from threading import Thread

import pytest

from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.public import record
from oberih.catalogue.tables import Capture, Model, Place, Review, Subject
from oberih.errors import InputError
from oberih.work.flow import Decision, decide, look_again, publishing, received
from oberih.work.flow import drafting as drafts
from oberih.work.flow.drafting import Drafted, draft
from oberih.work.flow.modelling import open_review
from oberih.work.flow.publishing import expose, project
from oberih.work.service import Service
from work.site import brought, photo, site
from work.test_flow import JOB, POSTER, in_review, ingested, passed, row


@pytest.fixture
def service(tmp_path: Path):
    made = site(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [photo(tmp_path / f"{number}.jpg", number) for number in range(3)]


def test_the_place_of_a_capture_that_nobody_looked_at_is_not_shown(
    service: Service, photos: list[Path]
) -> None:
    review = in_review(service, ingested(service, photos))
    subject = row(service, Review, review).subject
    passed(service, review, precision="exact")
    assert record(service.projection, subject).place.cell is None
    late = ingested(service, photos[:2], subject=subject, latitude=50.1, longitude=30.2)
    project(service, subject)  # somebody corrects a word, say
    assert record(service.projection, subject).place.cell is None
    again = in_review(service, late)
    passed(service, again, precision="exact")
    assert record(service.projection, subject).place.cell is not None
    assert row(service, Place, subject).latitude_deg == 50.1


def test_refusing_a_newer_model_leaves_what_is_public(service: Service, photos: list[Path]) -> None:
    first = ingested(service, photos)
    passed(service, in_review(service, first))
    subject = row(service, Capture, first).subject
    second = ingested(service, photos[:2], subject=subject)
    with service.database.writing("service", "record model") as session:
        model = Model(id=service.archive.mint(), subject=subject, captures=[first, second], figures={})
        session.add(model)
        session.flush()
        review = open_review(session, subject, model.id)
    version = row(service, Review, review).version
    decide(service, review, "custodian", Decision(outcome="refused", seen_version=version, reason="blurred"))
    assert row(service, Capture, first).state == "published"
    assert row(service, Capture, second).state == "refused"


def test_a_draft_that_comes_late_replaces_nothing(
    service: Service, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The custodian corrected what is blurred, or decided, while it was being made."""
    review = in_review(service, ingested(service, photos))

    def slow(job: object, asked: Review) -> Drafted:
        place = f"{asked.id}/late"
        service.drafts.write(f"{place}/poster.webp", iter([b"less is covered here"]))
        with service.database.writing("custodian", "correct blur") as session:
            session.get_one(Review, review).corrections = {"1.jpg": {"added": []}}
        return Drafted(place, {}, [], [])

    monkeypatch.setattr(drafts, "made_for", slow)
    draft(JOB, review)
    assert row(service, Review, review).draft == f"{review}/1"
    with service.database.writing("custodian", "correct blur") as session:
        session.get_one(Review, review).corrections = {}
    passed(service, review)
    draft(JOB, review)
    assert [stat.key for stat in service.drafts.list(f"{review}/late")] == []
    public = record(service.projection, row(service, Review, review).subject)
    assert service.files.read(public.files[0].path)[0] == POSTER


def test_what_is_shown_late_does_not_undo_a_later_decision(
    service: Service, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A custodian keeps the place back while somebody else's projection is on its way."""
    review = in_review(service, ingested(service, photos, latitude=50.1, longitude=30.2))
    subject = row(service, Review, review).subject
    passed(service, review, precision="exact")
    assert record(service.projection, subject).place.cell is not None
    version = row(service, Subject, subject).version
    kept_back = Decision(outcome="refused", seen_version=version, reason="looters", precision="withheld")
    keeping = Thread(target=look_again, args=(service, subject, "custodian", kept_back))
    shows = publishing.show

    def slow(*given: object) -> None:
        if not keeping.ident:
            keeping.start()
            keeping.join(0.2)
        shows(*given)

    monkeypatch.setattr(publishing, "show", slow)
    project(service, subject)
    keeping.join()
    assert record(service.projection, subject).place.cell is None


def test_half_a_file_is_written_again(service: Service, photos: list[Path]) -> None:
    """Whoever wrote it was killed."""
    review = in_review(service, ingested(service, photos))
    subject = row(service, Review, review).subject
    below = subject.removeprefix("ark:/").replace("/", "-")
    service.files.write(f"{below}/v1/poster.webp", iter([POSTER[:3]]))
    passed(service, review)
    expose(JOB, review)
    assert service.files.read(f"{below}/v1/poster.webp")[0] == POSTER


def test_only_what_somebody_knows_of_can_be_added_to(service: Service, photos: list[Path]) -> None:
    review = in_review(service, ingested(service, photos, title="A secret chapel"))
    subject = row(service, Review, review).subject
    with service.database.writing("service", "begin") as session:
        session.add(Account(id="stranger", name="Stranger"))
        session.flush()
        session.add(Grant(account="stranger", role="contributor", collection="*", by=""))
    theirs = brought(service, photos, account="stranger", subject=subject, title="")
    with pytest.raises(InputError, match="not known here"):
        received(service, theirs)
    assert (
        row(service, Capture, ingested(service, photos, subject=subject, title="")).title == "A secret chapel"
    )
    passed(service, review)
    with service.database.writing("custodian", "edit description") as session:
        session.get_one(Subject, subject).title = "Chapel"
    assert row(service, Capture, received(service, theirs)).title == "Chapel"
