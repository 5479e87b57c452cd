"""What a custodian is told before something can be decided: it is being made, or was given twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oberih.archive import deposit_capture
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Capture, Review
from oberih.errors import StageFailed
from oberih.work.engine import JobState, Page
from web.office import OTHER, WHOLE, captured, house_at, in_review, person, row
from web.visitors import House, Visitor
from work.site import photo

TWICE = "The very same photos were given before"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("making") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def custodian(house: House) -> Visitor:
    return person(house, "custodian", FIRST)


def test_what_is_being_made_cannot_pass_and_says_so(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house, title="Half made"))
    with house.service.database.writing("service", "test") as session:
        session.get_one(Review, review).draft = ""
    assert "Is being made" in custodian.go("/review").text
    page = custodian.go(f"/review/{review}").text
    assert "What would be public is being made" in page
    assert 'value="passed" disabled' in page and 'value="refused" disabled' not in page
    assert custodian.send(f"/review/{review}", **WHOLE | {"blur": ""}).status_code == 422
    assert "What would be public is not made yet." in custodian.text
    assert custodian.send(f"/review/{review}", decision="save", reason="later").status_code == 303
    assert "It is kept. You can decide later." in custodian.go(custodian.page.headers["Location"]).text
    assert "Is being made" not in custodian.go(f"/review/{in_review(house, captured(house))}").text


def given(house: House, folder: Path, numbers: range, collection: str = FIRST, **more: object) -> str:
    """A review of something with photos that lie in the archive."""
    folder.mkdir(exist_ok=True)
    for number in numbers:
        photo(folder / f"{number}.png", number)
    capture = captured(house, collection, files=len(numbers), **more)
    kept = deposit_capture(house.service.archive, [folder], title="photos", identifier=capture)
    with house.service.database.writing("service", "test") as session:
        found = session.get_one(Capture, capture)
        found.digest, found.bytes = kept.digest, kept.bytes
    return in_review(house, capture)


def test_who_decides_learns_that_the_same_photos_were_given_before(
    house: House, custodian: Visitor, tmp_path: Path
) -> None:
    first = given(house, tmp_path / "a", range(3), title="Old <gate>")
    again = given(house, tmp_path / "a", range(3), title="Gate")
    like = given(house, tmp_path / "b", range(1, 4), title="Wall")
    hidden = given(house, tmp_path / "a", range(3), OTHER, title="Sealed elsewhere")
    page = custodian.go(f"/review/{again}").text
    assert TWICE in page and "Old &lt;gate&gt;" in page and "known?q=Old%20%3Cgate%3E" in page
    assert "Sealed elsewhere" not in page  # they decide nothing there
    assert TWICE in custodian.go(f"/review/{first}").text
    assert TWICE not in custodian.go(f"/review/{like}").text
    everywhere = person(house, "custodian")
    assert "Sealed elsewhere" in everywhere.go(f"/review/{again}").text
    assert TWICE in everywhere.go(f"/review/{hidden}").text


def test_who_gave_them_learns_nothing_of_the_others(house: House, tmp_path: Path) -> None:
    review = given(house, tmp_path / "c", range(5, 8), title="Another's door")
    contributor = person(house, "contributor")
    given(house, tmp_path / "c", range(5, 8), title="My door")
    mine = row(house, Review, review)
    with house.service.database.writing("service", "test") as session:
        found = session.query(Capture).filter_by(title="My door").one()
        found.account = contributor.name
    page = contributor.go(f"/contributions/{found.contribution}").text
    assert "My door" in page and "Another" not in page and mine.id not in page


def test_what_could_not_be_made_says_why(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    custodian, capture = person(house, "custodian"), captured(house, title="Broken")
    review = in_review(house, capture)
    with house.service.database.writing("service", "test") as session:
        session.get_one(Review, review).draft = ""
    engine, now = house.service.engine, datetime(2026, 11, 21, tzinfo=UTC)
    failed = JobState("draft:1", "draft", "failed", "cpu", 5, "", now, now, now,
                      error=StageFailed("The disk is full.", "Make room."))  # fmt: skip
    monkeypatch.setattr(
        engine, "jobs", lambda **asked: Page((failed,) if asked["about"] == capture else (), "")
    )
    page = custodian.go(f"/review/{review}").text
    assert "What would be public could not be made" in page and "The disk is full. Make room." in page
    assert 'value="passed" disabled' in page
