"""What a custodian is told before something can be decided: it is being made, or was given twice."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from oberih.archive import deposit_capture
from oberih.catalogue.ledger import Entry
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Capture, Model, Review
from oberih.errors import StageFailed
from oberih.work.engine import JobState, Page, Status
from web.office import OTHER, WHOLE, captured, house_at, in_review, made, person, row, unmade
from web.visitors import House, Visitor
from work.site import photo

TWICE = "The very same photos were given more than once"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("making") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def custodian(house: House) -> Visitor:
    return person(house, "custodian", FIRST)


def test_what_is_being_made_cannot_pass_and_says_so(house: House, custodian: Visitor) -> None:
    review = unmade(house, in_review(house, captured(house, title="Half made")))
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
    capture = captured(house, collection, photos=len(numbers), files=len(numbers), **more)
    kept = deposit_capture(house.service.archive, [folder], title="photos", identifier=capture)
    with house.service.database.writing("service", "test") as session:
        found = session.get_one(Capture, capture)
        found.digest, found.bytes = kept.digest, kept.bytes
    return in_review(house, capture)


def capture_of(house: House, review: str) -> str:
    model = row(house, Model, row(house, Review, review).model)
    return str(model.captures[0])


def test_who_decides_learns_that_the_same_photos_were_given_twice(
    house: House, custodian: Visitor, tmp_path: Path
) -> None:
    first = given(house, tmp_path / "a", range(3), title="Old <gate>")
    again = given(house, tmp_path / "a", range(3), title="Gate")
    like = given(house, tmp_path / "b", range(1, 4), title="Wall")
    given(house, tmp_path / "a", range(3), OTHER, title="Of others")
    page = custodian.go(f"/review/{again}").text
    subject = row(house, Review, first).subject
    assert TWICE in page and f'known?subject={quote(subject)}">Old &lt;gate&gt;</a>' in page
    assert TWICE in custodian.go(f"/review/{first}").text
    assert TWICE not in custodian.go(f"/review/{like}").text
    everywhere = person(house, "custodian")  # but put together is only what is in one collection
    assert "Of others" not in everywhere.go(f"/review/{again}").text


def test_those_of_the_nearest_size_are_looked_at(house: House, custodian: Visitor, tmp_path: Path) -> None:
    size = row(house, Capture, capture_of(house, given(house, tmp_path / "d", range(9, 13)))).bytes
    for _ in range(6):
        captured(house, title="Another", photos=4, files=4, bytes=size + 200)
    captured(house, title="Far larger", photos=4, files=4, bytes=size + 500_000)
    assert TWICE in custodian.go(f"/review/{given(house, tmp_path / 'd', range(9, 13))}").text


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


def job(status: Status, hour: int, **more: Any) -> JobState:
    began = NOW + timedelta(hours=hour)
    return JobState(f"{status}:{hour}", "draft", status, "cpu", 5, "", began, began, None, **more)


FAILED = job("failed", 2, error=StageFailed("The disk is full.", "Make room."))
RUNS = job("running", 1, stage="faces and plates")


@pytest.mark.parametrize(
    ("jobs", "said", "in_the_list"),
    [
        ((), "It goes on in a moment.", "Is being made"),
        ((job("done", 1),), "It goes on in a moment.", "Is being made"),
        ((RUNS,), "Faces and number plates are looked for", "Is being made"),
        ((FAILED, RUNS), "Faces and number plates are looked for", "Is being made"),  # of more photos: later
        ((FAILED,), "The disk is full. Make room.", "Was not made"),
        ((job("cancelled", 3), FAILED), "Those who run the service stopped it.", "Stopped"),
    ],
)
def test_whether_it_is_being_made_is_said_truly(
    jobs: tuple[JobState, ...], said: str, in_the_list: str, house: House, custodian: Visitor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    capture = captured(house, title="Half made")
    review = unmade(house, in_review(house, capture))
    engine = house.service.engine
    monkeypatch.setattr(engine, "jobs", lambda **asked: Page(jobs if asked["about"] == capture else (), ""))
    page = custodian.go(f"/review/{review}").text
    assert said in page and 'value="passed" disabled' in page
    assert ("What would be public was not made" in page) == (in_the_list != "Is being made")
    one = re.search(rf'href="/review/{review}".*?</li>', custodian.go("/review").text, re.DOTALL)
    assert one is not None and f">{in_the_list}</span>" in one[0]
    told = custodian.client.get(f"/review/{review}/progress").json()
    assert told["news"] == ("" if told["seen"] == "going" else "Something changed: load the page")


def test_how_far_it_is_is_told_again_and_again_and_is_no_look_at_what_is_sealed(
    house: House, custodian: Visitor
) -> None:
    review = unmade(house, in_review(house, captured(house)))
    page = custodian.go(f"/review/{review}").text
    assert f'data-from="/review/{review}/progress" data-seen="going"' in page
    with house.service.database.reading() as session:
        entries = session.query(Entry).count()
    told = custodian.client.get(f"/review/{review}/progress").json()
    assert told == {
        "seen": "going", "share": None, "words": "It goes on in a moment.", "left": "", "news": "",
    }  # fmt: skip
    with house.service.database.reading() as session:
        assert session.query(Entry).count() == entries
    made(house, review)
    told = custodian.client.get(f"/review/{review}/progress").json()
    assert (told["seen"], told["news"]) == ("", "It is made: load the page")
    elsewhere = in_review(house, captured(house, OTHER))
    assert custodian.client.get(f"/review/{elsewhere}/progress").status_code == 404
