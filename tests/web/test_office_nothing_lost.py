"""Whatever somebody typed on the page of a review is kept, or stands there again."""

from collections.abc import Iterator

import pytest

from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Review, Subject
from web.office import WHOLE, captured, house_at, in_review, made, person, row, unmade
from web.visitors import House, Visitor


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("nothing-lost") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def custodian(house: House) -> Visitor:
    return person(house, "custodian", FIRST)


@pytest.fixture(scope="module")
def second(house: House) -> Visitor:
    return person(house, "custodian", FIRST)


@pytest.fixture
def review(house: House, custodian: Visitor) -> str:
    """One that the custodian looks at."""
    made = in_review(house, captured(house))
    custodian.go(f"/review/{made}")
    return made


def subject_of(house: House, review: str) -> Subject:
    return row(house, Subject, row(house, Review, review).subject)


@pytest.mark.parametrize("decision", ["passed", "save", "refused"])
def test_words_that_were_typed_are_kept_with_the_decision(
    house: House, custodian: Visitor, review: str, decision: str
) -> None:
    said = WHOLE | {
        "decision": decision,
        "title_en": "Old church",
        "summary_en": "Two\r\nlines",
        "kind": "site",
    }
    assert custodian.send(f"/review/{review}", **said).status_code == 303, custodian.text
    found = subject_of(house, review)
    assert (found.title, found.description["summary"], found.description["kind"]) == (
        "Old church", {"en": "Two\nlines"}, "site",
    )  # fmt: skip
    assert row(house, Review, review).state == ("open" if decision == "save" else decision)


def test_words_that_nobody_touched_change_nothing(house: House, custodian: Visitor, review: str) -> None:
    said = WHOLE | {"title_en": "Church", "summary_en": "", "kind": "building"}
    assert custodian.send(f"/review/{review}", **said).status_code == 303, custodian.text
    assert subject_of(house, review).description == {"titles": {"en": "Church"}, "kind": "building"}


def test_words_of_a_decision_that_is_not_whole_stand_there_again(
    house: House, custodian: Visitor, review: str
) -> None:
    said = {"reason": "", "title_en": "Old <church>", "comment": "Thank you!", "where": "50.45466, 30.5238"}
    assert custodian.send(f"/review/{review}", **WHOLE | said).status_code == 422
    for typed in ("Old &lt;church&gt;", "Thank you!", "50.45466, 30.5238"):
        assert typed in custodian.text
    assert subject_of(house, review).title == "Church"
    assert custodian.send(f"/review/{review}", **WHOLE | said | {"reason": "known"}).status_code == 303
    assert subject_of(house, review).title == "Old <church>"


def test_software_looks_through_words_before_they_pass(house: House, custodian: Visitor, review: str) -> None:
    said = WHOLE | {"summary_en": "Call +380 44 123 45 67"}
    assert custodian.send(f"/review/{review}", **said).status_code == 422
    assert "nobody has judged" in custodian.text and "+380 44 123 45 67</blockquote>" in custodian.text
    settled = [one["id"] for one in row(house, Review, review).warnings]
    assert custodian.send(f"/review/{review}", **said, settled=settled).status_code == 303, custodian.text


def test_changing_the_words_keeps_the_answers_too(house: House, custodian: Visitor, review: str) -> None:
    said = {"title_en": "Old church", "precision": "10 km", "reason": "icons", "comment": "Fine", "blur": []}
    assert custodian.send(f"/review/{review}/words", **said).status_code == 303, custodian.text
    custodian.follow()
    assert "icons</textarea>" in custodian.text and "Fine</textarea>" in custodian.text
    kept = row(house, Review, review)
    assert (kept.checked["precision"], kept.state) == ("10 km", "open")
    assert [len(one["cleared"]) for one in kept.corrections.values()] == [1]  # the tick was taken away


def test_what_was_typed_while_somebody_else_changed_it_stands_there_again(
    house: House, custodian: Visitor, second: Visitor, review: str
) -> None:
    path = f"/review/{review}"
    second.go(path)
    assert second.send(f"{path}/words", title_en="Their title", blur="0/0").status_code == 303
    said = {"reason": "my reason", "comment": "my comment", "title_en": "My title", "precision": "10 km"}
    boxes = {"blur": [], "add": "0/0.5000,0.5000,0.2000,0.2000"}
    assert custodian.send(path, **WHOLE | said | boxes).status_code == 409
    assert 'id="wrong"' in custodian.text and f'action="{path}#wrong"' in custodian.text
    for typed in ("my reason", "my comment", ">My title</blockquote>", 'value="Their title"'):
        assert typed in custodian.text
    assert 'value="10 km" checked' in custodian.text
    assert 'value="0/0" data-box' in custodian.text  # not ticked
    assert 'name="add" value="0/0.5,0.5,0.2,0.2" checked' in custodian.text
    assert subject_of(house, review).title == "Their title"
    assert custodian.send(path, **WHOLE | said).status_code == 303, custodian.text  # having looked at it
    assert subject_of(house, review).title == "My title"


def test_what_was_typed_while_it_was_made_is_kept(house: House, custodian: Visitor, review: str) -> None:
    path = f"/review/{unmade(house, review)}"
    with house.service.database.writing("service", "test") as session:
        box = {"left": 0.1, "top": 0.1, "width": 0.2, "height": 0.2}  # was said to be no face, before
        told, found = {"added": [], "cleared": [box]}, session.get_one(Review, review)
        found.corrections = {"1.jpg": told}
        found.found = [{**found.found[0], "made_with": told}]
    custodian.go(path)
    made(house, review)
    said = {"reason": "my reason", "title_en": "My title", "precision": "10 km", "blur": []}
    assert custodian.send(path, **WHOLE | said).status_code == 409
    assert "What would be public has been made: look at it." in custodian.text
    assert "Somebody else" not in custodian.text
    for typed in ("my reason", 'value="My title"', 'value="10 km" checked'):
        assert typed in custodian.text
    assert custodian.send(path, **WHOLE | said).status_code == 303, custodian.text  # having looked at it
    assert row(house, Review, review).state == "passed"


@pytest.mark.parametrize("way", ["", "/words"])
def test_words_and_answers_can_be_kept_when_it_was_made_meanwhile(
    house: House, custodian: Visitor, review: str, way: str
) -> None:
    path = f"/review/{unmade(house, review)}"
    custodian.go(path)
    made(house, review)
    said = {"decision": "save", "reason": "my reason", "title_en": "My title", "blur": []}
    assert custodian.send(f"{path}{way}", **WHOLE | said).status_code == 303, custodian.text
    kept = row(house, Review, review)
    assert (kept.reason, kept.corrections, kept.draft) == ("my reason", {}, f"{review}/1")
    assert subject_of(house, review).title == "My title"


def test_what_somebody_changed_besides_is_a_conflict(
    house: House, custodian: Visitor, second: Visitor, review: str
) -> None:
    path = f"/review/{unmade(house, review)}"
    custodian.go(path)
    second.go(path)
    assert second.send(path, **WHOLE | {"decision": "save"}).status_code == 303
    made(house, review)
    assert custodian.send(path, **WHOLE | {"decision": "save", "blur": []}).status_code == 409
    assert "Somebody else changed this meanwhile." in custodian.text


def test_what_was_typed_while_somebody_else_decided_is_shown(
    house: House, custodian: Visitor, second: Visitor, review: str
) -> None:
    path = f"/review/{review}"
    second.go(path)
    assert second.send(path, **WHOLE | {"decision": "refused"}).status_code == 303
    said = {"reason": "my reason", "comment": "my comment", "title_en": "My title"}
    assert custodian.send(path, **WHOLE | said).status_code == 409
    assert "What you had written" in custodian.text and "it is not public" in custodian.text
    for typed in ("<dd>my reason</dd>", "<dd>my comment</dd>", "<dd>My title</dd>"):
        assert typed in custodian.text
