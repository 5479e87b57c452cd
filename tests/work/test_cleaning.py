"""What has ended is removed, by whoever works: logins, exports, drafts that nobody will look at."""

import os
import time
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import func, select, update

from oberih.catalogue.accounts.tables import SecurityEvent
from oberih.catalogue.database import now
from oberih.catalogue.tables import Publication, Review
from oberih.settings import ServiceSettings
from oberih.work.engine import Job
from oberih.work.flow import working
from oberih.work.flow.cleaning import clean
from oberih.work.flow.drafting import draft
from oberih.work.flow.here import work_for
from oberih.work.flow.publishing import reveal
from oberih.work.flow.reviewing import begins, embargo
from oberih.work.flow.withdrawing import withdraw
from oberih.work.service import Service
from work.site import photo, site
from work.test_flow import in_review, ingested, passed


@pytest.fixture
def service(tmp_path: Path):
    made = site(tmp_path / "data")
    yield made
    made.close()


def aged(service: Service, key: str, days: float) -> None:
    """A draft's file, written so long ago."""
    service.drafts.write(key, iter([b"-"]))
    then = time.time() - days * 86400
    for path in service.private.rglob(Path(key).name):
        os.utime(path, (then, then))


def events(service: Service) -> int:
    with service.database.reading() as session:
        return session.scalar(select(func.count()).select_from(SecurityEvent))


def test_old_security_events_go_when_a_worker_does_its_chores(service: Service) -> None:
    with service.database.writing("service", "test") as session:
        session.add(SecurityEvent(what="login", account="", at=now() - timedelta(days=100)))
        session.add(SecurityEvent(what="login", account="", at=now() - timedelta(days=10)))
    before, stop = events(service), Event()
    work_for(service)

    class Once(Event):
        """Over after one round."""

        def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
            over, _ = stop.is_set(), stop.set()
            return over

    working.see_to_it(service, Once(), ())
    assert events(service) == before - 1


def test_drafts_that_no_review_names_go_and_others_stay(service: Service, tmp_path: Path) -> None:
    review = in_review(service, ingested(service, [photo(tmp_path / "1.jpg", 1)]))
    with service.database.writing("service", "test") as session:
        session.execute(update(Review).where(Review.id == review).values(draft=f"{review}/now"))
    aged(service, f"{review}/now/kept.webp", 9)
    aged(service, f"{review}/before/gone.webp", 9)
    aged(service, f"{review}/coming/young.webp", 0.1)  # somebody makes it at this moment
    aged(service, "exports/1/waits.json", 3)
    aged(service, "exports/1/over.json", 9)
    clean(service)
    left = {Path(stat.key).name for stat in service.drafts.list()}
    assert {"kept.webp", "young.webp", "waits.json"} <= left
    assert not left & {"gone.webp", "over.json"}


def test_a_draft_from_which_public_files_are_made_again_stays(service: Service, tmp_path: Path) -> None:
    """However long the public store is away."""
    review = in_review(service, ingested(service, [photo(tmp_path / "1.jpg", 1)]))
    with service.database.writing("service", "test") as session:
        row = session.get_one(Review, review)
        row.state, row.draft = "passed", f"{review}/again"
        session.add(Publication(id=row.subject, review=review, published=now()))
    aged(service, f"{review}/again/kept.webp", 9)
    clean(service)
    assert "kept.webp" in {Path(stat.key).name for stat in service.drafts.list()}


def test_a_draft_that_came_too_late_is_removed_though_its_worker_was_killed(
    service: Service, tmp_path: Path
) -> None:
    review = in_review(service, ingested(service, [photo(tmp_path / "1.jpg", 1)]))
    service.drafts.write(f"{review}/late/poster.webp", iter([b"-"]))  # and then it was killed
    with service.database.writing("custodian", "test") as session:
        session.get_one(Review, review).state = "refused"
    draft(Job("draft"), review=review)  # it is run again
    assert [stat.key for stat in service.drafts.list(review)] == [f"{review}/1/poster.webp"]


def test_what_becomes_public_leaves_no_drafts_nor_what_a_killed_worker_made_of_them(
    service: Service, tmp_path: Path
) -> None:
    review = in_review(service, ingested(service, [photo(tmp_path / "1.jpg", 1)]))
    service.drafts.write(f"{review}/killed/poster.webp", iter([b"-"]))
    passed(service, review)
    assert list(service.drafts.list()) == []


def test_what_is_taken_back_leaves_no_drafts(service: Service, tmp_path: Path) -> None:
    capture = ingested(service, [photo(tmp_path / "1.jpg", 1)])
    review = in_review(service, capture)
    aged(service, f"{review}/1/early.webp", 9)
    passed(service, review, embargo_until="2999-01-01")
    clean(service)
    assert len(list(service.drafts.list(review))) == 2  # it waits
    withdraw(service, capture, "olha")
    clean(service)
    assert [stat.key for stat in service.drafts.list(review)] == [f"{review}/1/poster.webp"]  # young
    reveal(Job("publish"), review)
    assert list(service.drafts.list(review)) == []


def test_a_new_record_stays_back_as_long_as_the_service_asks() -> None:
    """And longer, if a custodian says so; what was public before does not wait."""
    from types import SimpleNamespace as Row

    asked = ServiceSettings(embargo_days=10)
    new, known = Row(published=None), Row(published=now())
    told = Row(embargo_until=None)
    assert timedelta(days=9) < embargo(asked, new, told) - now() <= timedelta(days=10)
    later = Row(embargo_until=(now() + timedelta(days=30)).date())
    assert embargo(asked, new, later) == begins(later.embargo_until)
    assert embargo(asked, known, told) is None
    assert embargo(ServiceSettings(), new, told) is None
