"""What passed: when it becomes public and who is told, its pictures, deciding once more, and its mark."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Capture, Review, Rights, Subject
from oberih.web.views.words import PRECISIONS
from oberih.work.offers import LICENCES
from web.office import POSTER, WHOLE, captured, house_at, in_review, person, published, row, tail
from web.visitors import House, Visitor

PICTURE = re.compile(r'src="(/review/[^"]+)"')
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("decided") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def custodian(house: House) -> Visitor:
    return person(house, "custodian", FIRST)


def given(house: House, title: str = "Church", licence: str = "cc-by-4.0", **more: object) -> str:
    """A review of a capture under a licence."""
    capture = captured(house, title=title, **more)
    with house.service.database.writing("service", "test") as session:
        session.add(Rights(of=capture, kind="licence", uri=LICENCES[licence]))
    return in_review(house, capture)


def after(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


# -- what is said of a decision ---


def test_a_decision_says_what_comes_of_it(house: House, custodian: Visitor) -> None:
    def says(review: str, **said: str) -> str:
        custodian.go(f"/review/{review}")
        assert custodian.send(f"/review/{review}", **WHOLE | said).status_code == 303, custodian.text
        return custodian.follow().text

    assert "as soon as its files are in their place" in says(given(house))
    assert "when the day has come" in says(given(house), embargo=after(40))
    assert "It is kept, and not public.</p>" in says(given(house), decision="refused")
    first = given(house)
    published(house, custodian, first)
    again = in_review(house, captures_of(house, first))
    assert "stays as it is" in says(again, decision="refused")


def captures_of(house: House, review: str) -> str:
    with house.service.database.reading() as session:
        subject = session.get_one(Review, review).subject
        return session.query(Capture).filter_by(subject=subject).one().id


# -- the embargo ---


@pytest.mark.parametrize("days", [-400, -1, 0])
def test_an_embargo_lies_ahead(house: House, custodian: Visitor, days: int) -> None:
    review = given(house)
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}", **WHOLE, embargo=after(days)).status_code == 422
    assert 'href="#embargo">Choose a day to come' in custodian.text
    assert row(house, Review, review).state == "open"


def test_an_embargo_that_is_over_is_not_filled_in_and_holds_nobody_up(
    house: House, custodian: Visitor
) -> None:
    review = given(house)
    with house.service.database.writing("service", "time passes") as session:
        subject = session.get_one(Subject, session.get_one(Review, review).subject)
        subject.embargo_until = datetime.combine(TODAY, datetime.min.time(), UTC)
    text = custodian.go(f"/review/{review}").text
    field = re.search(r'<input[^>]*name="embargo"[^>]*>', text)
    assert field is not None and "value=" not in field[0]
    assert custodian.send(f"/review/{review}", **WHOLE, embargo=after(0)).status_code == 303  # an old page


def test_what_waits_for_its_day_is_told_to_all(house: House, custodian: Visitor) -> None:
    review = given(house, "Wind mill")
    contributor, capture = person(house, "contributor"), ""
    with house.service.database.writing("service", "test") as session:
        subject = session.get_one(Review, review).subject
        found = session.query(Capture).filter_by(subject=subject).one()
        found.account, capture = contributor.name, found.contribution or ""
    path = f"/contributions/{capture}"
    assert "Passed the review" not in contributor.go(path).text
    custodian.go(f"/review/{review}")
    embargo = date.fromisoformat(after(40))
    said = {"embargo": embargo.isoformat(), "comment": "A fine model."}
    assert custodian.send(f"/review/{review}", **WHOLE, **said).status_code == 303
    day = f'It becomes public on <time datetime="{embargo}">'
    text = contributor.go(path).text
    assert "Passed the review" in text and day in text
    assert "<h2>A word from the custodian</h2>\n<p>A fine model." in text and "<h2>Why</h2>" not in text
    assert "Passed the review" in contributor.go("/contributions").text
    assert day in custodian.go(f"/review/{review}").text
    assert f'Public on <time datetime="{embargo}">' in custodian.go("/review?state=passed").text


# -- pictures ---


def pictures(visitor: Visitor, path: str) -> set[str]:
    """Addresses of the pictures of a page, of which each was fetched."""
    found = set(PICTURE.findall(visitor.go(path).text))
    assert all(visitor.go(one).content == POSTER for one in found)
    return {one.rpartition("/files/")[2] for one in found}


def test_pictures_of_what_is_public_are_seen_in_the_office(house: House, custodian: Visitor) -> None:
    review = given(house)
    subject, both = published(house, custodian, review), {"poster.webp", "pictures/001.jpg"}
    assert pictures(custodian, f"/review/{review}") == both
    assert pictures(custodian, f"/review/{tail(subject)}") == both
    assert f"/review/{review}/files/poster.webp" in custodian.go("/review?state=passed").text
    assert pictures(custodian, "/review?state=passed") == {"poster.webp"}
    with house.service.database.writing("service", "time passes") as session:
        session.get_one(Subject, subject).sensitivity_due = TODAY
    assert pictures(custodian, "/review") == {"poster.webp"}


def test_where_there_are_no_files_there_are_no_pictures(house: House, custodian: Visitor) -> None:
    sealed, gone = given(house, licence="archive-only"), given(house)
    for review in (sealed, gone):
        published(house, custodian, review)
    custodian.go(f"/review/{gone}")
    assert custodian.send(f"/review/{gone}/unpublish", reason="somebody asked").status_code == 303
    for review in (sealed, gone):
        assert pictures(custodian, f"/review/{review}") == set()
        assert custodian.go(f"/review/{review}/files/poster.webp").status_code == 404


# -- afterwards ---


def test_its_place_can_be_decided_again_at_any_time(house: House, custodian: Visitor) -> None:
    review = given(house)
    assert "Decide again" not in custodian.go(f"/review/{review}").text
    subject = published(house, custodian, review)
    link = f'href="/review/{tail(subject)}"'
    assert link in custodian.go(f"/review/{review}").text
    custodian.send(f"/review/{review}/unpublish", reason="somebody asked")
    assert link not in custodian.go(f"/review/{review}").text


def test_the_list_says_who_decided_and_what_was_taken_out_of_view(house: House, custodian: Visitor) -> None:
    review = given(house, "Out of view")
    published(house, custodian, review)

    def line() -> str:
        return custodian.go("/review?state=passed").text.split(f'"/review/{review}"')[1].split("</li>")[0]

    assert "decided it." in line() and "has begun" not in line() and "Taken out of view" not in line()
    custodian.go(f"/review/{review}")
    custodian.send(f"/review/{review}/unpublish", reason="somebody asked")
    assert "Taken out of view" in line()


def test_one_deed_is_one_line_of_the_history(house: House, custodian: Visitor) -> None:
    review = given(house)
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}", **WHOLE, comment="Well done.").status_code == 303
    history = custodian.go(f"/review/{review}").text.split('id="history"')[1]
    assert history.count("Let it pass") == 1


def test_an_error_in_words_is_told_beside_them(house: House, custodian: Visitor) -> None:
    review = given(house)
    published(house, custodian, review)
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}/words", title_en="", kind="building").status_code == 422
    words = custodian.text.split('aria-labelledby="words"')[1].split("</section>")[0]
    assert "It needs a title." in words


def test_the_review_names_files_that_could_not_be_used(house: House, custodian: Visitor) -> None:
    text = custodian.go(f"/review/{given(house, unused=['page.jpg'])}").text
    assert "<li>page.jpg</li>" in text


def test_caution_about_exact_places_is_for_custodians(house: House, custodian: Visitor) -> None:
    review = given(house)
    caution = "Only for what everybody knows already."
    assert caution in custodian.go(f"/review/{review}").text
    assert caution not in PRECISIONS["exact"].words  # which everybody reads
