"""Where the photos were taken: seen only where a custodian wants it and everybody may know where it is."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from oberih.catalogue.ledger import entries_of
from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.tables import Presentation, Review, Subject
from oberih.errors import Conflict, InputError
from oberih.work.engine import Job
from oberih.work.flow import look_again, publishing
from oberih.work.flow.presenting import Told, present
from oberih.work.flow.reviewing import Decision
from oberih.work.service import Service
from work.site import photo, site
from work.test_flow import ANSWERS, in_review, ingested, passed, row

EYES = [{"eye": [1_000, 1_600, 4_000], "target": [0, 800, 0]}]
WANTED = Told(eyes=True)
PLACE = {"latitude": 51.4934, "longitude": 31.2947}


@pytest.fixture
def service(tmp_path: Path):
    made = site(tmp_path / "data")
    yield made
    made.close()


def public(service: Service, tmp_path: Path, precision: str) -> str:
    """A subject that everybody sees, of whose photos it is known where they were taken."""
    review = in_review(service, ingested(service, [photo(tmp_path / "1.jpg", 1)], **PLACE))
    with service.database.writing("service", "draft") as session:
        session.get_one(Review, review).eyes = EYES
    passed(service, review, precision=precision)
    publishing.publish(Job(f"publish:{review}"), review=review)
    return str(row(service, Review, review).subject)


def eyes(service: Service, subject: str) -> list[object]:
    found = record(service.projection, subject)
    assert isinstance(found, PublicRecord) and found.scene is not None
    return [json.loads(one.model_dump_json()) for one in found.scene.eyes]


def test_only_if_a_custodian_wants_it(service: Service, tmp_path: Path) -> None:
    subject = public(service, tmp_path, "exact")
    assert eyes(service, subject) == []
    present(service, subject, "keeper", WANTED, seen_version=0)
    assert eyes(service, subject) == EYES
    present(service, subject, "keeper", Told(), seen_version=1)
    assert eyes(service, subject) == []


@pytest.mark.parametrize("precision", ["withheld", "region", "1 km"])
def test_only_where_everybody_may_know_exactly_where_it_is(
    service: Service, tmp_path: Path, precision: str
) -> None:
    subject = public(service, tmp_path, precision)
    with pytest.raises(InputError, match="not everybody may know"):
        present(service, subject, "keeper", WANTED, seen_version=0)
    assert eyes(service, subject) == []
    with service.database.reading() as session:
        assert EYES[0]["eye"] == session.query(Review).one().eyes[0]["eye"]  # there would have been some


def test_a_narrower_class_takes_them_away_for_good(service: Service, tmp_path: Path) -> None:
    """Whoever finds later that the place may be known says nothing of where people stood."""
    subject = public(service, tmp_path, "exact")
    present(service, subject, "keeper", WANTED, seen_version=0)
    for precision in ("1 km", "withheld", "exact"):
        seen = row(service, Subject, subject).version
        decision = Decision(
            outcome="passed", seen_version=seen, precision=precision, reason="looked again", checked=ANSWERS
        )
        look_again(service, subject, "keeper", decision)
        assert eyes(service, subject) == [], precision
    with service.database.reading() as session:
        (shown,) = session.scalars(select(Presentation)).all()
        said = [one.data["eyes"] for one in entries_of(session, "presentation", shown.id) if one.data]
    assert (shown.eyes, shown.version, sorted(said)) == (False, 2, [False, True])
    with pytest.raises(Conflict):  # a page that stood open since then shows nothing
        present(service, subject, "keeper", WANTED, seen_version=1)
    present(service, subject, "keeper", WANTED, seen_version=2)
    assert eyes(service, subject) == EYES


def test_what_was_made_before_they_were_kept_has_none_to_show(service: Service, tmp_path: Path) -> None:
    subject = public(service, tmp_path, "exact")
    with service.database.writing("service", "test") as session:
        session.query(Review).one().eyes = []
    with pytest.raises(InputError, match="Nobody knows any more"):
        present(service, subject, "keeper", WANTED, seen_version=0)
