"""Custodians walk around what would be public, and say how large it truly is."""

import json
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
SIZE = {"length_share": "0.25", "length_m": "2.4", "length_error": "3"}


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
    assert known_length(found) == KnownLength(share=0.25, metres=2.4, error_m=0.003)
    assert found.draft == "" and len(house.service.engine.jobs(name="draft", about=review).jobs) == 1
    custodian.follow()
    assert "made again, in its true size" in custodian.text and ">thanks</textarea>" in custodian.text
    for value in ('value="0.25000"', 'value="2.4"', 'value="3"', 'data-side="9.6"'):
        assert value in custodian.text
    same = {"length_share": "0.25000", "length_m": "2.4", "length_error": "3"}
    assert custodian.send(path, decision="save", **same).status_code == 303
    assert len(house.service.engine.jobs(name="draft", about=review).jobs) == 1  # nothing new
    custodian.follow()
    assert custodian.send(path, decision="save", **dict.fromkeys(SIZE, "")).status_code == 303
    assert known_length(row(house, Review, review)) is None


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
        ({"length_share": "0.001", "length_m": "2"}, "a larger part of the model, from 0.02 to 1.8"),
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
    told = {"length_share": "", "length_m": "", "length_error": ""} | fields
    assert custodian.send(path, decision="size", comment="thanks", **told).status_code == 422
    assert words in custodian.text and ">thanks</textarea>" in custodian.text
    assert all(f'value="{one}"' in custodian.text for one in fields.values())
    custodian.go(path)
    assert custodian.send(f"{path}/words", title_en="Other", **told).status_code == 422
    assert words in custodian.text and not row(house, Review, review).known_length


def test_models_that_know_their_scale_are_not_asked(house: House, custodian: Visitor, review: str) -> None:
    with house.service.database.writing("service", "test") as session:
        session.get_one(Model, session.get_one(Review, review).model).scale_known = True
    assert "Its true size" not in custodian.go(f"/review/{review}").text
    assert custodian.send(f"/review/{review}", decision="save", **SIZE).status_code == 303
    assert not row(house, Review, review).known_length


def test_the_model_is_for_those_who_decide_there(house: House, custodian: Visitor, modelled: str) -> None:
    path = f"/review/{modelled}/model"
    told: dict[str, Any] = json.loads(custodian.go(path).text)
    assert told["id"] == "" and told["scene"]["unit"] == "unit" and told["scene"]["eyes"] == []
    assert {one["role"] for one in told["files"]} <= {"full", "medium", "small", "tiles", "turntable"}
    for one in told["files"]:
        assert custodian.go(f"/review/{modelled}/files/{one['path']}").status_code == 200
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

    scene = json.loads(custodian.go(f"/review/{modelled}/model").text)["scene"]
    with drawing_chromium() as browser, serving(app) as address:
        for size in ("phone", "desk"):
            with opened(browser, f"{address}/review/{modelled}", size=size) as window:
                page = window.page
                expect(page.get_by_role("button", name="Share")).to_have_count(0)  # there is nothing to share
                page.get_by_role("button", name="Measure").click()
                window.look((0.25, 0.3, 2.0), (0.25, 0.25, 0.125))  # beside the panel
                for x in (-0.3, 0.3):
                    page.mouse.click(*window.place((x, 0.25, BOX_M[2] / BOX_M[0] / 2), scene["field_deg"]))
                share = page.get_by_label("On the model")
                expect(share).not_to_have_value("")
                expect(page.locator("[data-measured]")).to_contain_text("of its largest side")
                assert float(share.input_value()) == pytest.approx(0.6, abs=0.02)


def test_what_passed_is_walked_around_where_its_place_is_looked_at_again(
    house: House, custodian: Visitor, modelled: str
) -> None:
    subject = published(house, custodian, modelled)
    for at in (modelled, tail(subject)):
        page = custodian.go(f"/review/{at}").text
        assert "Its true size" not in page  # that is decided
