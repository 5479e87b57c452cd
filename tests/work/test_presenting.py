"""How a public model is shown: written by a custodian, public at once, kept in the archive in versions."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from oberih.archive.deposit import deposit_files
from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.tables import Model, Presentation, Publication, Review
from oberih.errors import Conflict, InputError
from oberih.products import Choices, make_public, pictures
from oberih.work.engine import Job
from oberih.work.flow import publishing, unpublish
from oberih.work.flow.noticing import Unjudged, mark_of
from oberih.work.flow.presenting import FILE, Told, draw_and_keep, present
from oberih.work.service import Service
from products.chapel import chapel
from work.site import photo, site
from work.test_flow import in_review, ingested, passed, row

VIEW = {"eye": [2_000_000, 1_500_000, 4_000_000], "target": [0, 800_000, 0]}
DOOR = {"id": "door", "at": [0, 1_000_000, 900_000], "titles": {"uk": "Двері", "en": "The door"},
        "texts": {"en": "Oak, with the maker's mark."}}  # fmt: skip
ROUND = {"id": "round", "titles": {"en": "Once around"},
         "stops": [{"view": VIEW, "annotation": "door", "texts": {"en": "We begin here."}}]}  # fmt: skip


@pytest.fixture
def service(tmp_path: Path):
    made = site(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def review(service: Service, tmp_path: Path) -> str:
    """Of something with a poster that everybody sees."""
    made = in_review(service, ingested(service, [photo(tmp_path / "1.jpg", 1)]))
    passed(service, made)
    publishing.publish(Job(f"publish:{made}"), review=made)
    return made


def told(**parts: object) -> Told:
    return Told.model_validate_json(json.dumps(parts))


def subject(service: Service, review: str) -> str:
    return str(row(service, Review, review).subject)


def seen(service: Service, review: str) -> PublicRecord:
    found = record(service.projection, subject(service, review))
    assert isinstance(found, PublicRecord)
    return found


def test_what_is_written_is_public_at_once_and_kept_in_versions(service: Service, review: str) -> None:
    thing = subject(service, review)
    assert present(service, thing, "keeper", told(annotations=[DOOR], tours=[ROUND]), seen_version=0) == 1
    shown = seen(service, review)
    assert shown.annotations[0].titles == DOOR["titles"] and shown.tours[0].stops[0].annotation == "door"
    model = with_object(service, review)
    draw_and_keep(Job("present:1"), review=review)
    assert present(service, thing, "keeper", told(view=VIEW, annotations=[DOOR]), seen_version=1) == 2
    draw_and_keep(Job("present:2"), review=review)
    draw_and_keep(Job("present:2"), review=review)  # it was killed, and began again
    kept = service.archive.object(model)
    versions = [name for name in kept.inventory.versions if FILE in kept.inventory.files(name)]
    words = [json.loads(kept.read(FILE, name)) for name in versions]
    assert [len(one["tours"]) for one in words] == [1, 0] and words[1]["view"] == VIEW
    assert seen(service, review).scene.view.eye == tuple(VIEW["eye"]) and seen(service, review).tours == ()


def with_object(service: Service, review: str) -> str:
    """The stand-in for a model in the tests of the flow has no object in the archive: here is one."""
    made = deposit_files(
        service.archive, {}, {"kind": "model", "title": "model"}, {"model.json": b"{}"}, event="creation"
    )
    with service.database.writing("service", "test") as session:
        found = session.get_one(Review, review)
        before = session.get_one(Model, found.model)
        session.add(Model(id=made.id, subject=before.subject, captures=before.captures))
        session.flush()
        found.model = made.id
    return made.id


def test_who_changed_it_first_wins_and_what_is_hidden_is_not_written_of(
    service: Service, review: str
) -> None:
    thing = subject(service, review)
    present(service, thing, "keeper", told(annotations=[DOOR]), seen_version=0)
    with pytest.raises(Conflict, match="meanwhile"):
        present(service, thing, "other", told(), seen_version=0)
    assert len(seen(service, review).annotations) == 1
    unpublish(service, thing, "keeper", "asked for")
    with pytest.raises(Conflict, match="not public"):
        present(service, thing, "keeper", told(), seen_version=1)


def test_words_that_tell_too_much_are_judged_before(service: Service, review: str) -> None:
    thing = subject(service, review)
    call = {**DOOR, "texts": {"en": "Ask +380 44 123 45 67"}}
    with pytest.raises(Unjudged) as refused:
        present(service, thing, "keeper", told(annotations=[call]), seen_version=0)
    assert refused.value.warnings[0]["where"] == "annotation"
    assert seen(service, review).annotations == () and not rows(service)
    harmless = [mark_of(one) for one in refused.value.warnings]
    present(service, thing, "keeper", told(annotations=[call]), seen_version=0, harmless=harmless)
    assert (
        present(
            service,
            thing,
            "keeper",
            told(
                annotations=[
                    call,
                ]
            ),
            seen_version=1,
        )
        == 1  # the same again
    )
    assert "380" in seen(service, review).annotations[0].texts["en"]


def rows(service: Service) -> list[Presentation]:
    with service.database.reading() as session:
        return session.query(Presentation).all()


def test_it_is_compared_with_what_everybody_sees(service: Service, review: str, tmp_path: Path) -> None:
    other = in_review(service, ingested(service, [photo(tmp_path / "2.jpg", 2)]))
    thing, before = subject(service, review), subject(service, other)
    for nobody_sees in (before, thing, "ark:/99999/b1nothing"):
        with pytest.raises(InputError, match="no such public record"):
            present(service, thing, "keeper", told(before=nobody_sees), seen_version=0)
    passed(service, other)
    publishing.publish(Job(f"publish:{other}"), review=other)
    present(service, thing, "keeper", told(before=before), seen_version=0)
    assert [one.id for one in seen(service, review).relations] == [before]
    unpublish(service, before, "keeper", "asked for")
    assert seen(service, review).relations == ()


def test_a_stop_of_a_tour_says_something(service: Service, review: str) -> None:
    silent = {**ROUND, "stops": [*ROUND["stops"], {"view": VIEW}]}
    written, thing = told(annotations=[DOOR], tours=[silent]), subject(service, review)
    with pytest.raises(InputError, match="Tour 1, stop 2: nothing is said"):
        present(service, thing, "keeper", written, seen_version=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"annotations": [DOOR, DOOR]},
        {"tours": [ROUND]},  # it stops at a door that is not there
        {"view": {"eye": [1, 1, 1], "target": [1, 1, 1]}},
        {"annotations": [{**DOOR, "at": [0.5, 0, 0]}]},
        {"annotations": [{**DOOR, "titles": {}}]},
        {"annotations": [{**DOOR, "latitude": 50}]},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        told(**wrong)


def test_the_poster_is_drawn_from_where_a_custodian_looks(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "POSTERS", ((320, 100_000), (160, 50_000)))
    monkeypatch.setattr(pictures, "SOCIAL", (320, 168, 100_000))
    review = in_review(service, ingested(service, [photo(tmp_path / "1.jpg", 1)]))
    made = make_public(chapel(), tmp_path / "v1", Choices(downloads=(), turntable=0))
    with service.database.writing("service", "test") as session:
        found = session.get_one(Review, review)
        found.manifest = made.manifest.model_dump(mode="json")
        for one in made.manifest.files:
            service.drafts.create(f"{review}/2/{one.path}", (made.out / one.path).read_bytes())
        found.draft = f"{review}/2"
    passed(service, review)
    publishing.publish(Job(f"publish:{review}"), review=review)
    before = seen(service, review)
    present(service, before.id, "keeper", told(view=VIEW), seen_version=0)
    assert seen(service, review).files_for("poster") == before.files_for("poster")  # until it is drawn
    with_object(service, review)
    draw_and_keep(Job("present:1"), review=review)
    after = seen(service, review)
    assert [one.size_px for one in after.files_for("poster")] == [(320, 240), (160, 120)]
    for one in after.files_for("poster", "social"):
        assert "/views/" in one.path and service.files.read(one.path)
    assert after.files_for("full") == before.files_for("full") and after.scene.view.eye == tuple(VIEW["eye"])
    lost = after.files_for("poster")[0].path
    service.files.delete(lost)  # with a machine; publishing it again brings it back
    publishing.publish(Job(f"publish:{review}:again"), review=review)
    assert service.files.read(seen(service, review).files_for("poster")[0].path)
    assert row(service, Publication, after.id).visible
