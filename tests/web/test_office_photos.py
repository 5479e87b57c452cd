"""Faces and plates in photos that are not shown: the model's surface is made of them, too."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from oberih.capture import find_photos
from oberih.catalogue.tables import Review
from oberih.progress import Progress
from oberih.trust.redaction import Region
from oberih.web.inside.office.regions import order
from oberih.work.flow import drafting
from web.office import POSTER, WHOLE, captured, house_at, in_review, person, row
from web.visitors import House, Visitor
from work.site import photo

FACE = {"kind": "face", "left": 0.1, "top": 0.1, "width": 0.2, "height": 0.2}
HIDDEN = 14


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("photos") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def custodian(house: House) -> Visitor:
    return person(house, "custodian")


@pytest.fixture
def review(house: House) -> str:
    """One that has a picture with a face, and many photos with faces that nobody is shown."""
    made = in_review(house, captured(house))
    with house.service.database.writing("service", "draft") as session:
        found = session.get_one(Review, made)
        found.found = [*found.found, *(
            {"photo": f"{n}.jpg", "picture": "", "preview": f"found-{n:04}.jpg", "size_px": [640, 480],
             "regions": [FACE], "made_with": {}} for n in range(HIDDEN)
        )]  # fmt: skip
    for n in range(HIDDEN):
        house.service.drafts.write(f"{made}/1/found-{n:04}.jpg", iter([POSTER]))
    return made


def test_photos_with_findings_are_paged_and_for_custodians_only(
    house: House, custodian: Visitor, review: str
) -> None:
    custodian.go(f"/review/{review}")
    assert f"{HIDDEN} more photos" in custodian.text
    custodian.go(f"/review/{review}/photos")
    assert custodian.text.count("data-picture=") == 12 and "begins=12" in custodian.text
    custodian.go(f"/review/{review}/photos?begins=12")
    assert custodian.text.count("data-picture=") == 2
    answer = custodian.go(f"/review/{review}/found/1")
    assert answer.content == POSTER and answer.headers["Cache-Control"] == "no-store"
    for wrong in ("0", "99", "x", "found-0000.jpg"):  # the first is shown, and no photo of these
        assert custodian.go(f"/review/{review}/found/{wrong}").status_code == 404
    assert person(house, "coordinator").go(f"/review/{review}/found/1").status_code == 403


def test_what_is_cleared_and_added_on_several_pages_is_made_at_once_and_passes_only_then(
    house: House, custodian: Visitor, review: str
) -> None:
    path = f"/review/{review}/photos"
    custodian.go(path)
    keep = [f"{n}/0" for n in range(2, 13)]  # all of the page but the first
    assert custodian.send(path, blur=keep, add="3/0.5,0.5,0.1,0.1", then="next").status_code == 303
    custodian.follow()
    assert custodian.text.count("data-picture=") == 2
    assert custodian.send(path, blur=["13/0"], then="done").status_code == 303
    custodian.follow()
    assert "What is blurred was changed" in custodian.text
    found = row(house, Review, review)
    assert sorted(found.corrections) == ["0.jpg", "13.jpg", "2.jpg"]
    assert [len(found.corrections[name]["cleared"]) for name in ("0.jpg", "2.jpg", "13.jpg")] == [1, 0, 1]
    assert found.corrections["2.jpg"]["added"] == [{"left": 0.5, "top": 0.5, "width": 0.1, "height": 0.1}]
    assert found.draft and not house.service.engine.jobs(name="draft", about=review).jobs
    answer = custodian.send(f"/review/{review}", **WHOLE)
    assert answer.status_code == 409 and row(house, Review, review).state == "open"
    assert row(house, Review, review).draft == ""
    assert len(house.service.engine.jobs(name="draft", about=review).jobs) == 1


def test_two_who_correct_at_once(house: House, custodian: Visitor, review: str) -> None:
    second, path = person(house, "custodian"), f"/review/{review}/photos"
    for one in (custodian, second):
        one.go(path)
    assert custodian.send(path, blur=[], then="done").status_code == 303
    typed = {"blur": ["1/0", "2/0"], "add": "3/0.5,0.5,0.1,0.1"}
    assert second.send(path, **typed, then="done").status_code == 409
    assert second.text.count(" checked") == 3 and 'id="wrong"' in second.text
    assert 'name="add" value="3/0.5,0.5,0.1,0.1" checked' in second.text
    assert second.send(path, **typed, then="done").status_code == 303
    assert row(house, Review, review).corrections["2.jpg"]["added"]


def test_photos_with_findings_get_a_covered_preview_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(26):
        photo(tmp_path / f"{number:02}.jpg", number)
    face = Region("face", 100, 80, 60, 60, 0.9)
    monkeypatch.setattr(drafting, "find", lambda _: (face,))
    corrected = {"01.jpg": {"added": [], "cleared": [{name: FACE[name] for name in list(FACE)[1:]}]}}
    photos = list(find_photos([tmp_path]).photos)
    looked = drafting.looked_at(photos, corrected, tmp_path / "out", Progress())
    shown = [one for one in looked.found if one["picture"]]
    hidden = [one for one in looked.found if one["preview"]]
    assert [path.name for path in looked.pictures] != sorted(path.name for path in looked.pictures)
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in looked.pictures]
    assert hashes == sorted(hashes)  # the numbers of public pictures do not tell which was taken first
    for one in shown:  # and each is still found by its photo
        number = int(one["photo"].partition(".")[0])
        seen = Image.open(looked.pictures[order(one)]).getpixel((5, 5))
        np.testing.assert_allclose(seen, (40 * number % 256, 90, 120), atol=6)
    assert (len(looked.found), len(shown), len(hidden)) == (26, 12, 14)
    assert [one["preview"] for one in hidden] == [path.name for path in looked.previews]
    assert all(one["size_px"] == [320, 240] for one in hidden)
    assert {one["photo"]: one["made_with"] for one in looked.found if one["made_with"]} == corrected
