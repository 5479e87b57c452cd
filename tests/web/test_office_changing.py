"""What a custodian corrects: the true place, the day from which it is public, its words, what it is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from oberih.catalogue.public import PublicRecord, Withdrawn, record
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Capture, Place, Publication, Review, Subject
from oberih.trust.cells import cell_of
from oberih.work.engine import Job
from oberih.work.flow import due
from oberih.work.flow.publishing import expose, reveal
from web.office import LATER, OTHER, PLACE, WHOLE, captured, house_at, in_review, person, published, row, tail
from web.visitors import House, Visitor


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("changing") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def custodian(house: House) -> Visitor:
    return person(house, "custodian", FIRST)


def shown(house: House, subject: str) -> PublicRecord:
    found = record(house.service.projection, subject)
    assert isinstance(found, PublicRecord)
    return found


def reworded(custodian: Visitor, path: str, **words: object) -> int:
    custodian.go(path)
    return custodian.send(f"{path}/words", kind="building", **words).status_code


# -- the place, the day ---


def test_the_true_place_is_corrected_and_stays_sealed(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house))
    subject, path = row(house, Review, review).subject, f"/review/{review}"
    custodian.go(path)
    assert f"Now it is {PLACE[0]:.5f}, {PLACE[1]:.5f}" in custodian.text
    for wrong in ("behind the mill", "50.1", "91, 30", "50.1, 30.2, 7"):
        assert custodian.send(path, **WHOLE, where=wrong).status_code == 422
        assert 'href="#where"' in custodian.text and wrong in custodian.text
    assert custodian.send(path, **WHOLE, where="50.45466, 30.5238").status_code == 303, custodian.text
    place = row(house, Place, subject)
    assert (place.latitude_deg, place.longitude_deg, place.source) == (50.45466, 30.5238, "custodian")


def test_the_place_of_what_is_public_is_corrected_when_it_is_looked_at_again(
    house: House, custodian: Visitor
) -> None:
    subject = published(house, custodian, in_review(house, captured(house)))
    before, path = shown(house, subject).place, f"/review/{tail(subject)}"
    custodian.go(path)
    assert "Not public before" not in custodian.text  # it is public
    said = {"decision": "passed", "precision": "region", "reason": "it was wrong", "due": LATER}
    assert custodian.send(path, **said, where="47.1 31.2").status_code == 303, custodian.text
    assert shown(house, subject).place == before  # who compares the two would learn where it is
    custodian.go(path)
    assert custodian.send(path, **said, where="47.1 31.2", area="wrong").status_code == 303
    after = shown(house, subject).place
    assert (after.precision, after.cell) == ("region", cell_of(47.1, 31.2, "region"))


def test_it_is_said_before_the_decision_if_less_is_shown_than_was_chosen(
    house: House, custodian: Visitor
) -> None:
    """Without a register of sites, a smaller area than a region is shown of nothing."""
    review = in_review(house, captured(house))
    custodian.go(f"/review/{review}")
    choice = custodian.text.split('value="10 km"')[1].split("</label>")[0]
    assert "Here everybody would see less: Region. It is a region at most" in choice
    assert "would see less" not in custodian.text.split('value="exact"')[1].split("</label>")[0]
    chosen = WHOLE | {"precision": "10 km"}
    assert custodian.send(f"/review/{review}", **chosen | {"decision": "save"}).status_code == 303
    assert "Region, though chosen was: About 10 km" in custodian.go(f"/review/{review}").text
    assert custodian.send(f"/review/{review}", **chosen).status_code == 303
    expose(Job("a test"), review)
    reveal(Job("a test"), review)
    found = shown(house, row(house, Review, review).subject).place
    assert (found.precision, found.cell) == ("region", cell_of(*PLACE, "region"))


def test_nothing_is_public_before_its_day(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house))
    tomorrow = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}", **WHOLE, embargo=tomorrow).status_code == 303
    subject, engine = row(house, Review, review).subject, house.service.engine
    assert engine.state(f"publish:{review}") is None
    assert row(house, Publication, subject).published is None
    told = custodian.go(f"/review/{review}").text
    assert "everybody sees at once" not in told and "becomes public with what you change here" in told
    assert "Do not let it become public" in told and "Take it out of public view" not in told
    with house.service.database.writing("service", "time passes") as session:
        session.get_one(Subject, subject).embargo_until = datetime.now(UTC)
    due(house.service)
    assert engine.state(f"publish:{review}").status == "waiting"


# -- the words ---


def test_words_of_what_is_public_are_public_at_once_and_judged_before(
    house: House, custodian: Visitor
) -> None:
    review = in_review(house, captured(house))
    subject = published(house, custodian, review)
    for path in (f"/review/{review}", f"/review/{tail(subject)}"):
        custodian.go(path)
        assert "everybody sees at once" in custodian.text
        told = {"title_en": "Old church", "summary_en": "Call +380 44 123 45 67"}
        assert reworded(custodian, path, **told) == 422
        assert "Call +380" in custodian.text and "+380 44 123 45 67</blockquote>" in custodian.text
        assert 'id="wrong"' in custodian.text.split('id="words"')[1].split("</section>")[0]
        assert shown(house, subject).titles == {"en": "Church"}
        assert row(house, Subject, subject).title == "Church"
    mark = custodian.text.split('name="harmless" value="')[1].split('"')[0]
    # Judged was this number, and no other.
    other = {"title_en": "Old church", "summary_en": "Call +380 44 765 43 21", "harmless": mark}
    assert custodian.send(f"{path}/words", **other).status_code == 422
    assert reworded(custodian, path, **told, harmless=mark) == 200  # what else was filled in stands there
    assert (shown(house, subject).titles, shown(house, subject).summary) == (
        {"en": "Old church"},
        {"en": "Call +380 44 123 45 67"},
    )


@pytest.mark.parametrize("decision", ["passed", "refused"])
def test_words_are_kept_with_a_decision_about_what_is_public(
    house: House, custodian: Visitor, decision: str
) -> None:
    subject = published(house, custodian, in_review(house, captured(house)))
    path = f"/review/{tail(subject)}"
    custodian.go(path)
    said = {"precision": "region", "reason": "looked at", "due": LATER, "title_en": "New title"}
    assert custodian.send(path, decision=decision, **said).status_code == 303, custodian.text
    assert row(house, Subject, subject).title == "New title"
    if decision == "passed":
        assert shown(house, subject).titles == {"en": "New title"}


def test_words_are_kept_when_it_is_taken_out_of_view(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house))
    subject, path = published(house, custodian, review), f"/review/{review}"
    custodian.go(path)
    said = {"title_en": "Of +380 44 123 45 67", "kind": "site"}
    assert custodian.send(f"{path}/unpublish", **said, reason="").status_code == 422
    assert 'value="Of +380 44 123 45 67"' in custodian.text and "What you had written" not in custodian.text
    assert 'href="#why"' in custodian.text.split('id="out"')[1]  # beside the button
    assert (
        custodian.send(f"{path}/unpublish", title_en="", kind="site", reason="asked for").status_code == 422
    )
    assert isinstance(record(house.service.projection, subject), PublicRecord)  # nothing was done
    custodian.go(path)
    assert custodian.send(f"{path}/unpublish", **said, reason="asked for").status_code == 303
    assert isinstance(record(house.service.projection, subject), Withdrawn)
    assert row(house, Subject, subject).title == "Of +380 44 123 45 67"


def test_words_in_a_new_review_do_not_become_public_with_an_older_one(
    house: House, custodian: Visitor
) -> None:
    """While something is public, a custodian changes its words in the review of a newer model; later its
    record is made again, for any other reason."""
    capture = captured(house)
    subject = published(house, custodian, in_review(house, capture))
    second = in_review(house, capture)
    assert reworded(custodian, f"/review/{second}", title_en="House of +380 44 123 45 67") == 422
    path = f"/review/{tail(subject)}"
    custodian.go(path)
    said = {"decision": "passed", "precision": "withheld", "reason": "danger", "due": LATER}
    assert custodian.send(path, **said).status_code == 303
    assert shown(house, subject).titles == {"en": "Church"}


def test_words_of_what_waits_for_its_day_are_judged_too(house: House, custodian: Visitor) -> None:
    capture = captured(house)
    review = in_review(house, capture)
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}", **WHOLE, embargo="2999-01-01").status_code == 303
    second = in_review(house, capture)
    assert reworded(custodian, f"/review/{second}", title_en="House of +380 44 123 45 67") == 422
    assert reworded(custodian, f"/review/{second}", title_en="House") == 303
    subject = row(house, Review, review).subject
    assert (row(house, Subject, subject).title, record(house.service.projection, subject)) == ("House", None)


def test_two_who_change_words_at_once(house: House, custodian: Visitor) -> None:
    review, second = in_review(house, captured(house)), person(house, "custodian")
    for one in (custodian, second):
        one.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}/words", title_en="A").status_code == 303
    assert second.send(f"/review/{review}/words", title_en="B").status_code == 409


# -- what it is ---


def test_a_new_recording_is_put_to_the_known_thing(house: House, custodian: Visitor) -> None:
    known_capture, new_capture = captured(house, title="Млин над річкою"), captured(house, title="Mill")
    subject = published(house, custodian, in_review(house, known_capture))
    review = in_review(house, new_capture)
    path = f"/review/{review}/known"
    custodian.go(f"/review/{review}")
    assert f'href="{path}"' in custodian.text
    custodian.go(path)
    assert f'value="{subject}"' in custodian.text and "recorded close by" in custodian.text
    assert custodian.send(path, subject=subject).status_code == 303, custodian.text
    captures = sorted([known_capture, new_capture])
    assert {row(house, Capture, one).subject for one in captures} == {subject}
    assert row(house, Review, review).state == "overtaken"
    assert row(house, Capture, new_capture).state == "waiting"
    (job,) = house.service.engine.jobs(about=new_capture, name="model").jobs
    assert (job.status, sorted(job.about)) == ("waiting", captures)
    assert shown(house, subject).titles == {"en": "Млин над річкою"}  # until somebody decides
    assert custodian.go(path).status_code == 409


def test_it_is_found_by_its_title_or_its_address(house: House, custodian: Visitor) -> None:
    far = captured(house, title="Дзвіниця святої Анни")
    with house.service.database.writing("service", "test") as session:
        session.get_one(Place, far).latitude_deg = 10.0
    elsewhere = captured(house, OTHER, title="Дзвіниця інша")
    subject, other = row(house, Capture, far).subject, row(house, Capture, elsewhere).subject
    review = in_review(house, captured(house))
    path = f"/review/{review}/known"
    assert subject not in custodian.go(path).text
    custodian.go(f"{path}?q=анни дзвіниця")
    assert f'value="{subject}"' in custodian.text and other not in custodian.text
    for wrong in (other, "ark:/99999/nothing", "", row(house, Review, review).subject):
        assert custodian.send(path, other=wrong).status_code == 422
        assert f'value="{subject}"' in custodian.text and wrong in custodian.text  # as it was typed
    said = f"https://heritage.example/records/{subject.removeprefix('ark:/')}"
    assert custodian.send(path, other=said).status_code == 303
    assert row(house, Capture, far).subject == subject


def test_a_hint_leads_to_the_one_thing_that_it_is_about(house: House, custodian: Visitor) -> None:
    far, elsewhere = captured(house, title="Вежа"), captured(house, OTHER, title="Вежа")
    with house.service.database.writing("service", "test") as session:
        session.get_one(Place, far).latitude_deg = 10.0
    subject, other = row(house, Capture, far).subject or "", row(house, Capture, elsewhere).subject
    review = in_review(house, captured(house))
    custodian.go(f"/review/{review}/known?subject={subject}")
    assert f'value="{subject}" checked' in custodian.text
    assert f'value="{other}"' not in custodian.go(f"/review/{review}/known?subject={other}").text
    custodian.go(f"/review/{review}/known?subject={subject}")
    assert custodian.send(f"/review/{review}/known", subject=subject).status_code == 303


def test_what_is_public_by_itself_is_not_put_to_another(house: House, custodian: Visitor) -> None:
    capture, another = captured(house), row(house, Capture, captured(house)).subject
    published(house, custodian, in_review(house, capture))
    review = in_review(house, capture)
    path = f"/review/{review}/known"
    custodian.go(path)
    assert custodian.send(path, subject=another).status_code == 409
    assert "Take it out of public view first" in custodian.text
