"""Deciding: the queue, the page of a review, and what becomes of an answer."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from oberih.catalogue.ledger import Entry
from oberih.catalogue.public import Withdrawn, record
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Capture, Publication, Review, Subject, Zone
from oberih.work.flow.withdrawing import withdraw
from web.office import (
    LATER,
    OTHER,
    PLACE,
    POSTER,
    WHOLE,
    captured,
    house_at,
    in_review,
    person,
    published,
    row,
    tail,
)
from web.visitors import House, Visitor


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = house_at(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def custodian(house: House) -> Visitor:
    return person(house, "custodian", FIRST)


def test_the_queue_shows_what_waits_in_ones_own_collections(house: House, custodian: Visitor) -> None:
    mine, other = in_review(house, captured(house)), in_review(house, captured(house, OTHER))
    aside = captured(house, state="quarantined", title="<b>At the border</b>")
    custodian.go("/review")
    assert f'href="/review/{mine}"' in custodian.text and f"/review/{other}" not in custodian.text
    assert f'href="/review/{tail(aside)}"' in custodian.text
    assert "&lt;b&gt;At the border" in custodian.text and "<b>At" not in custodian.text
    assert custodian.go(f"/review/{mine}").status_code == 200
    for path in (other, f"{other}/files/poster.webp", "0" * 24, "99999-nothing"):
        assert custodian.go(f"/review/{path}").status_code == 404


def test_the_page_shows_both_sides_and_the_look_is_in_the_ledger(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house, place_in_words="behind the <mill>"))
    custodian.go(f"/review/{review}")
    assert custodian.page.status_code == 200, custodian.text
    assert f"{PLACE[0]:.5f}, {PLACE[1]:.5f}" in custodian.text
    assert "behind the &lt;mill&gt;" in custodian.text and 'value="0/0"' in custodian.text
    again = datetime.now(UTC).date() + timedelta(days=house.service.settings.review_days)
    assert re.search(rf'name="due"[^>]*value="{again}"|value="{again}"[^>]*name="due"', custodian.text)
    subject = row(house, Review, review).subject
    with house.service.database.reading() as session:
        looks = session.scalars(select(Entry).where(Entry.action == "see place")).all()
    assert [(one.actor, one.kind, one.of) for one in looks] == [(custodian.name, "place", subject)]


def test_drafts_are_for_custodians_only(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house))
    path = f"/review/{review}/files/poster.webp"
    answer = custodian.go(path)
    assert answer.content == POSTER and answer.headers["Cache-Control"] == "no-store"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert custodian.go(f"/review/{review}/files/../../secrets.toml").status_code == 404
    assert person(house, "coordinator").go(path).status_code == 403
    assert person(house, "custodian", OTHER).go(path).status_code == 404


@pytest.mark.parametrize(
    ("left_out", "marked"),
    [({"reason": ""}, "reason"), ({"check_people": ""}, "check-people"), ({"due": ""}, "due"),
     ({"check_military": "blocking"}, "check-military"), ({"due": "2001-01-01"}, "due")],
)  # fmt: skip
def test_a_decision_that_is_not_whole_is_asked_for_again(
    house: House, custodian: Visitor, left_out: dict[str, str], marked: str
) -> None:
    review = in_review(house, captured(house))
    custodian.go(f"/review/{review}")
    answer = custodian.send(f"/review/{review}", **WHOLE | left_out)
    assert ("Military things: what must not be public" in answer.text) == (marked == "check-military")
    assert ("People: say what you saw" in answer.text) == (marked == "check-people")
    assert answer.status_code == 422 and f'href="#{marked}"' in answer.text
    assert row(house, Review, review).state == "open"


def test_what_passed_becomes_public_and_can_be_taken_out_again(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house))
    subject = published(house, custodian, review)
    assert record(house.service.projection, subject) is not None
    found = row(house, Subject, subject)
    assert (found.precision, found.sensitivity_reviewer) == ("region", custodian.name)
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}/unpublish", reason="somebody asked").status_code == 303
    assert isinstance(record(house.service.projection, subject), Withdrawn)
    assert row(house, Publication, subject).withdrawn is not None
    page = custodian.go(f"/review/{review}").text
    assert "was taken out of public view since" in page and "it passed.</p>" not in page


def test_the_page_of_what_a_contributor_withdrew_says_so(house: House, custodian: Visitor) -> None:
    capture = captured(house)
    review = in_review(house, capture)
    withdraw(house.service, capture, "somebody", "")
    page = custodian.go(f"/review/{review}").text
    assert "A contributor withdrew what this was made of" in page and "This is decided" not in page


def test_two_who_decide_at_once(house: House, custodian: Visitor) -> None:
    review, second = in_review(house, captured(house)), person(house, "custodian")
    for one in (custodian, second):
        one.go(f"/review/{review}")
    said = {**WHOLE, "decision": "refused", "comment": "There is a checkpoint in it."}
    assert custodian.send(f"/review/{review}", **said).status_code == 303
    assert second.send(f"/review/{review}", **WHOLE).status_code == 409
    assert row(house, Review, review).state == "refused"


def test_a_contributor_reads_the_comment_and_never_the_reason(house: House, custodian: Visitor) -> None:
    capture = captured(house)
    review = in_review(house, capture)
    custodian.go(f"/review/{review}")
    custodian.send(f"/review/{review}", decision="refused", reason="a sealed reason", comment="Thank you.")
    assert (row(house, Capture, capture).state, row(house, Capture, capture).reason) == (
        "refused",
        "Thank you.",
    )


def test_answers_are_kept_to_decide_later(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house))
    custodian.go(f"/review/{review}")
    custodian.send(f"/review/{review}", **WHOLE | {"decision": "save", "precision": "10 km"})
    custodian.follow()
    assert re.search(r'value="10 km" checked', custodian.text) and "everybody knows it" in custodian.text
    assert re.search(r'name="check-people" value="hidden" checked', custodian.text)
    assert row(house, Review, review).state == "open"


def test_what_is_blurred_is_corrected_and_made_again_before_it_can_pass(
    house: House, custodian: Visitor
) -> None:
    review = in_review(house, captured(house))
    custodian.go(f"/review/{review}")
    changed = {**WHOLE, "blur": "", "add": "0/0.5000,0.5000,0.1000,0.2000"}
    answer = custodian.send(f"/review/{review}", **changed | {"where": "nowhere"})
    assert answer.status_code == 409 and "Kept. What is blurred was changed" in answer.text
    assert 'href="#where"' in answer.text  # at once, and not when it is made
    found = row(house, Review, review)
    assert found.state == "open" and found.draft == ""
    assert found.corrections["1.jpg"]["added"] == [{"left": 0.5, "top": 0.5, "width": 0.1, "height": 0.2}]
    assert len(found.corrections["1.jpg"]["cleared"]) == 1
    assert [one.name for one in house.service.engine.jobs(name="draft").jobs] == ["draft"]
    assert custodian.go(f"/review/{review}/files/poster.webp").status_code == 404


def test_words_are_changed_and_looked_through_again(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house))
    custodian.go(f"/review/{review}")
    words = {"title_en": "Old <church>", "summary_en": "Call +380 44 123 45 67", "kind": "site"}
    assert custodian.send(f"/review/{review}/words", **words, blur="0/0").status_code == 303, custodian.text
    custodian.follow()
    assert "Old &lt;church&gt;" in custodian.text and "Address, telephone" in custodian.text
    assert custodian.send(f"/review/{review}", **WHOLE).status_code == 422  # nobody has judged it
    settled = row(house, Review, review).warnings[0]["id"]
    custodian.go(f"/review/{review}")
    saved = {**WHOLE, "decision": "save"}
    assert custodian.send(f"/review/{review}", **saved, settled=settled).status_code == 303
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}", **WHOLE).status_code == 422  # judged, and then not any more
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}", **WHOLE, settled=settled).status_code == 303
    custodian.go(f"/review/{in_review(house, captured(house))}")
    assert (
        custodian.send(str(custodian.page.url.path) + "/words", title_en="", kind="site").status_code == 422
    )


def test_what_is_set_aside_is_released_or_kept(house: House, custodian: Visitor) -> None:
    capture, kept = captured(house, state="quarantined"), captured(house, state="quarantined")
    path, (north, east) = f"/review/{tail(capture)}", PLACE
    ring = [[east - 1, north - 1], [east + 1, north - 1], [east, north + 1], [east - 1, north - 1]]
    with house.service.database.writing("coordinator", "mark zone") as session:
        session.add(Zone(name="front", polygon={"type": "Polygon", "coordinates": [ring]}, reason="mines"))
    assert "From a danger zone: front" in custodian.go(path).text
    assert custodian.send(path, decision="passed", reason="").status_code == 422
    custodian.go(path)
    assert custodian.send(path, decision="passed", reason="it was long ago").status_code == 303
    assert row(house, Capture, capture).state == "waiting"
    assert custodian.go(path).status_code == 404
    custodian.go(f"/review/{tail(kept)}")
    assert custodian.send(f"/review/{tail(kept)}", decision="refused", reason="mines").status_code == 303
    assert row(house, Capture, kept).state == "refused"


def test_when_its_day_has_come_the_precision_is_looked_at_again(house: House, custodian: Visitor) -> None:
    subject = published(house, custodian, in_review(house, captured(house)))
    with house.service.database.writing("service", "time passes") as session:
        session.get_one(Subject, subject).sensitivity_due = datetime.now(UTC).date()
    path = f"/review/{tail(subject)}"
    custodian.go("/review")
    assert f'href="{path}"' in custodian.text
    custodian.go(path)
    assert custodian.page.status_code == 200
    said = {"decision": "passed", "precision": "withheld", "reason": "it is in danger now", "due": LATER}
    assert custodian.send(path, **said).status_code == 303, custodian.text
    assert record(house.service.projection, subject).place.precision == "withheld"
    assert f'href="{path}"' not in custodian.go("/review").text
