"""Custodians walk around what would be public, and say how large it truly is."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from oberih.catalogue.tables import Model, Review
from oberih.products import Choices, make_public, pictures
from oberih.work.flow.scaling import KnownLength, known_length
from web.browser import serving
from web.office import OTHER, WHOLE, captured, house_at, in_review, person, published, row, tail
from web.viewer_models import BOX_M, box
from web.viewing import drawing_chromium, opened
from web.visitors import HOST, House, Visitor

pytestmark = pytest.mark.xdist_group("viewer")
SIZE = {
    "length_share": "0.25",
    "length_off": "0.001",
    "length_m": "2.4",
    "length_error": "3",
    "length_what": "a door",
}
KEPT = "0.25000|0.001000|2.4|3|a door"
DOOR = KnownLength(share=0.25, share_error=0.001, metres=2.4, error_m=0.003, what="a door")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("size") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def custodian(house: House) -> Visitor:
    return person(house, "custodian")


@pytest.fixture
def review(house: House) -> str:
    return in_review(house, captured(house))


@pytest.fixture
def modelled(house: House, review: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A review of a box, whose size nobody knows yet."""
    monkeypatch.setattr(pictures, "POSTERS", ((320, 100_000),))
    monkeypatch.setattr(pictures, "SOCIAL", (320, 168, 100_000))
    made = make_public(
        replace(box(), scale_known=False), tmp_path / "box", Choices(downloads=(), turntable=0)
    )
    for one in made.manifest.files:
        house.service.drafts.create(f"{review}/2/{one.path}", (made.out / one.path).read_bytes())
    with house.service.database.writing("service", "draft") as session:
        found = session.get_one(Review, review)
        found.draft, found.manifest = f"{review}/2", made.manifest.model_dump(mode="json")
    return review


def test_a_length_is_kept_and_what_would_be_public_is_made_again(
    house: House, custodian: Visitor, review: str
) -> None:
    path = f"/review/{review}"
    assert "Its true size" in custodian.go(path).text
    assert custodian.send(path, decision="size", comment="thanks", **SIZE).status_code == 303
    found = row(house, Review, review)
    assert known_length(found) == DOOR
    assert found.draft == "" and len(house.service.engine.jobs(name="draft", about=review).jobs) == 1
    custodian.follow()
    assert "made again, in its true size" in custodian.text and ">thanks</textarea>" in custodian.text
    for value in ("0.25000", "2.4", "3", "a door", KEPT):
        assert f'value="{value}"' in custodian.text
    same = SIZE | {"length_share": "0,250", "length_m": "2.40"}
    assert custodian.send(path, decision="save", **same).status_code == 303
    assert len(house.service.engine.jobs(name="draft", about=review).jobs) == 1  # nothing new
    custodian.follow()
    assert custodian.send(path, decision="save", **dict.fromkeys(SIZE, "")).status_code == 303
    assert known_length(row(house, Review, review)) is None
    custodian.follow()
    assert "made again, without metres" in custodian.text


def test_nothing_passes_in_a_size_that_nobody_has_looked_at(
    house: House, custodian: Visitor, review: str
) -> None:
    path = f"/review/{review}"
    custodian.go(path)
    assert custodian.send(path, **WHOLE, **SIZE).status_code == 409
    assert "The size was changed" in custodian.text
    assert row(house, Review, review).state == "open" and row(house, Review, review).known_length


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"length_m": "2.4"}, "Measure it on the model, too."),
        ({"length_share": "0.25"}, "Write how long it truly is, in metres."),
        ({"length_share": "0.001", "length_m": "2"}, "too small a part of the model to tell its size"),
        ({"length_share": "5", "length_m": "2"}, "This is longer than the model"),
        ({}, "Measure a length on the model first"),
        ({"length_share": "0.02", "length_m": "900000"}, "Nothing of this size was recorded"),
        ({"length_share": "0.25", "length_m": "a door"}, "This is not a number."),
        ({"length_share": "0.25", "length_m": "nan"}, "Write it in metres, like 2.4."),
        ({"length_share": "0,25", "length_m": "2,4", "length_error": "2400"}, "less than the length itself"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    house: House, custodian: Visitor, review: str, fields: dict[str, str], words: str
) -> None:
    path = f"/review/{review}"
    custodian.go(path)
    told = dict.fromkeys(SIZE, "") | fields
    assert custodian.send(path, decision="size", comment="thanks", **told).status_code == 422
    assert words in custodian.text and ">thanks</textarea>" in custodian.text
    assert all(f'value="{one}"' in custodian.text for one in fields.values())
    custodian.go(path)
    if not fields:
        return
    assert custodian.send(f"{path}/words", title_en="Other", **told).status_code == 422
    assert words in custodian.text and not row(house, Review, review).known_length


def test_another_custodians_length_is_not_lost(house: House, custodian: Visitor, review: str) -> None:
    path, second = f"/review/{review}", person(house, "custodian")
    second.go(path)
    custodian.go(path)
    assert custodian.send(path, decision="size", **SIZE).status_code == 303
    untouched = {"length_kept": "", **dict.fromkeys(SIZE, "")}  # the page that stood open
    assert second.send(path, decision="save", **untouched).status_code == 409
    assert 'value="0.25000"' in second.text  # theirs
    assert second.send(path, decision="save", **SIZE, length_kept=KEPT).status_code == 303
    assert known_length(row(house, Review, review)) == DOOR
    second.go(path)
    other = SIZE | {"length_m": "2.5", "length_kept": ""}  # written on a page from before
    assert second.send(path, decision="size", version="0", **other).status_code == 409
    assert "Somebody else changed this meanwhile: 2.400" in second.text.replace("\u202f", " ")
    assert 'value="2.5"' in second.text and known_length(row(house, Review, review)) == DOOR


def test_a_length_that_is_sent_with_the_words_is_kept_as_well(
    house: House, custodian: Visitor, review: str
) -> None:
    custodian.go(f"/review/{review}")
    answer = custodian.send(f"/review/{review}/words", title_en="Gate", **SIZE)
    assert answer.status_code == 303 and "done=sized" in answer.headers["Location"]
    assert known_length(row(house, Review, review)) == DOOR


def test_models_that_know_their_scale_are_not_asked(house: House, custodian: Visitor, review: str) -> None:
    with house.service.database.writing("service", "test") as session:
        session.get_one(Model, session.get_one(Review, review).model).scale_known = True
    assert "Its true size" not in custodian.go(f"/review/{review}").text
    assert custodian.send(f"/review/{review}", decision="save", **SIZE).status_code == 303
    assert not row(house, Review, review).known_length


def test_the_model_is_for_those_who_decide_there(house: House, custodian: Visitor, modelled: str) -> None:
    path = re.findall(r'src="(/review/[^"]+/model[^"]+)"', custodian.go(f"/review/{modelled}").text)[0]
    files = re.findall(r' files="([^"]+)"', custodian.text)[0]
    told: dict[str, Any] = json.loads(custodian.go(path).text)
    assert told["id"] == "" and told["scene"]["unit"] == "unit" and told["scene"]["eyes"] == []
    assert {one["role"] for one in told["files"]} <= {"full", "medium", "small", "tiles", "turntable"}
    for one in told["files"]:
        assert custodian.go(f"{files}{one['path']}").status_code == 200
    assert custodian.go(f"/review/{modelled}/model/1").status_code == 404
    assert custodian.go(f"/review/{modelled}/files/1/model.glb").status_code == 404  # of one that is gone
    assert person(house, "custodian", OTHER).go(path).status_code == 404
    assert person(house, "contributor").go(path).status_code in (403, 404)
    assert house.visitor().client.get(path).status_code == 303  # to log in


def test_it_is_walked_around_and_measured_before_it_is_public(
    house: House, custodian: Visitor, modelled: str
) -> None:
    """The window asks as the custodian does, whose passkey it does not have."""
    cookie = "; ".join(f"{name}={value}" for name, value in custodian.client.cookies.items())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            kept = [one for one in scope["headers"] if one[0] not in (b"host", b"cookie")]
            scope = scope | {
                "scheme": "https",
                "headers": [*kept, (b"host", HOST.encode()), (b"cookie", cookie.encode())],
            }
        await house.app(scope, receive, send)

    scene = json.loads(custodian.go(f"/review/{modelled}/model/2").text)["scene"]
    with drawing_chromium() as browser, serving(app) as address:
        for size in ("phone", "desk"):
            with opened(browser, f"{address}/review/{modelled}", size=size) as window:
                page = window.page
                expect(page.get_by_role("button", name="Share")).to_have_count(0)  # there is nothing to share
                page.get_by_role("button", name="Measure").click()
                window.look((0.25, 0.3, 2.0), (0.25, 0.25, 0.125))  # beside the panel
                for x in (-0.3, 0.3):
                    page.mouse.click(*window.place((x, 0.25, BOX_M[2] / BOX_M[0] / 2), scene["field_deg"]))
                expect(page.locator("[data-measured]")).to_contain_text("of its largest side")
                share, metres = page.get_by_label("On the model"), page.get_by_label("In truth, in metres")
                expect(share).to_have_value("")  # who only looks how large something is changes nothing
                metres.fill("7")
                page.get_by_role("button", name="Take this length").click()
                assert float(share.input_value()) == pytest.approx(0.6, abs=0.01)
                expect(metres).to_have_value("")  # that was of another length
                expect(metres).to_be_focused()
                assert 0.0005 < float(page.locator("[name=length-off]").input_value()) < 0.05
                page.get_by_role("button", name="Take back").click()
                expect(page.locator("[data-measured]")).to_be_empty()


def test_what_passed_is_walked_around_where_its_place_is_looked_at_again(
    house: House, custodian: Visitor, modelled: str
) -> None:
    subject = published(house, custodian, modelled)
    for at in (modelled, tail(subject)):
        page = custodian.go(f"/review/{at}").text
        assert "Its true size" not in page  # that is decided
