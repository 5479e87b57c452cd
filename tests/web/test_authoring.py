"""A custodian writes how a public model is shown, in the browser."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Presentation, Review, Rights
from oberih.errors import InputError
from oberih.products import Choices, pictures
from oberih.web.inside.forms import Given
from oberih.web.inside.office.presenting import told_in
from oberih.web.pages import Pages
from oberih.web.views import PresentationPage, Viewer, Visitor
from oberih.work.engine import Job
from oberih.work.flow.presenting import Told, present
from oberih.work.flow.publishing import expose, reveal
from oberih.work.offers import LICENCES
from web.browser import serving
from web.office import OTHER, WHOLE, captured, house_at, in_review, person, published, row, tail
from web.test_viewer import orange
from web.test_viewer_ways import NO_WEBGL
from web.viewer_models import BOX_M, Site, box
from web.viewing import drawing_chromium, opened
from web.visitors import House
from web.visitors import Visitor as Somebody

pytestmark = pytest.mark.xdist_group("viewer")
VIEW = {"eye": [2_000_000, 1_500_000, 4_000_000], "target": [0, 800_000, 0]}
TOUR = {"id": "round", "titles": {"en": "Around it"}}
DOOR = {"id": "door", "at": [0, 1_000_000, 900_000], "titles": {"uk": "Двері", "en": "The door"}}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = house_at(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def custodian(house: House) -> Somebody:
    return person(house, "custodian")


# -- what is sent -------------------------------------------------------------------------------------------


def given(house: House) -> str:
    """A review of something that everybody may have."""
    capture = captured(house)
    with house.service.database.writing("service", "test") as session:
        session.add(Rights(of=capture, kind="licence", uri=LICENCES["cc-by-4.0"]))
    return in_review(house, capture)


def told(**parts: object) -> str:
    return json.dumps(parts, ensure_ascii=False)


def test_what_is_written_is_public_and_comes_back_to_be_changed(house: House, custodian: Somebody) -> None:
    review = given(house)
    assert "presentation" not in custodian.go(f"/review/{review}").text
    subject = published(house, custodian, review)
    path = f"/review/{tail(subject)}/presentation"
    assert path in custodian.go(f"/review/{review}").text
    assert custodian.go(f"/review/{review}/presentation").status_code == 404
    custodian.go(path)
    assert custodian.send(path, version="0", told=told(view=VIEW, annotations=[DOOR])).status_code == 303
    found = record(house.service.projection, subject)
    assert isinstance(found, PublicRecord) and found.annotations[0].titles["uk"] == "Двері"
    assert "Двері" in custodian.go(path).text and 'name="version" value="1"' in custodian.text
    assert [one.name for one in house.service.engine.jobs(name="present").jobs] == ["present"]


def test_nothing_that_was_written_is_lost(house: House, custodian: Somebody) -> None:
    review = given(house)
    subject = published(house, custodian, review)
    path = f"/review/{tail(subject)}/presentation"
    custodian.go(path)
    call = told(annotations=[{**DOOR, "texts": {"en": "Ask +380 44 123 45 67"}}])
    assert custodian.send(path, version="0", told=call).status_code == 422
    assert "+380 44 123 45 67" in custodian.text and 'name="harmless"' in custodian.text
    assert "Annotation 1, en" in custodian.text
    mark = custodian.text.split('name="harmless" value="')[1].split('"')[0]
    assert custodian.send(path, version="0", told=call, harmless=mark).status_code == 303
    custodian.go(path)
    late = told(annotations=[{**DOOR, "titles": {"en": "A later word"}}])
    for _ in range(2):  # somebody else was first: nothing goes over it by being sent again
        assert custodian.send(path, version="0", told=late).status_code == 409
        assert "A later word" in custodian.text and "Ask +380 44 123 45 67" in custodian.text
    assert custodian.send(path, version="0", told=late, over="1").status_code == 303
    assert "It is saved" in custodian.go(custodian.page.headers["Location"]).text
    for nonsense in ("", "{", "[]", told(annotations=[{**DOOR, "at": [0.5, 1, 2]}]), told(other=1)):
        custodian.go(path)
        assert custodian.send(path, version="2", told=nonsense).status_code == 422
    assert row(house, Presentation, review).annotations[0]["titles"] == {"en": "A later word"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"annotations": [DOOR, {**DOOR, "titles": {}}]}, "Annotation 2: something is missing."),
        ({"annotations": [{**DOOR, "texts": {"uk": "а" * 20_001}}]}, "Annotation 1, uk: this is too long."),
        ({"tours": [{**TOUR, "stops": [{"view": VIEW, "texts": {"en": "b" * 20_001}}]}]},
         "Tour 1, stop 1, en: this is too long."),
        ({"tours": [{**TOUR, "stops": []}]}, "Tour 1: something is missing."),
        ({"before": "nonsense"}, "Before and after: this cannot be used as it is."),
        ({"other": 1}, "What was sent: this cannot be used as it is."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_the_words_of_the_page(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        told_in(Given({"told": told(**wrong)}))
    assert caught.value.message == words


def test_only_who_may_publish_there_writes(house: House, custodian: Somebody) -> None:
    subject = published(house, custodian, given(house))
    path = f"/review/{tail(subject)}/presentation"
    for role, where, status in (
        ("custodian", FIRST, 200),
        ("custodian", OTHER, 404),
        ("contributor", FIRST, 403),
    ):
        somebody = person(house, role, where)
        assert somebody.go(path).status_code == status, (role, where)


def shown_exactly(house: House, custodian: Somebody, eyes: list[dict[str, list[int]]]) -> str:
    """Something of which everybody may know exactly where it is. Where its page for authors is."""
    review = given(house)
    with house.service.database.writing("service", "draft") as session:
        session.get_one(Review, review).eyes = eyes
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}", **WHOLE | {"precision": "exact"}).status_code == 303
    expose(Job("a test"), review)
    reveal(Job("a test"), review)
    return f"/review/{tail(row(house, Review, review).subject)}/presentation"


def test_where_the_photos_were_taken_is_offered_where_it_can_be_shown(
    house: House, custodian: Somebody
) -> None:
    path = shown_exactly(house, custodian, [VIEW])
    assert f"data-marks>[{json.dumps(VIEW)}]" in custodian.go(path).text  # to be seen before it is shown
    never = custodian.go(shown_exactly(house, custodian, [])).text
    assert "Nobody knows any more where they were taken." in never and "data-eyes" not in never
    shielded = custodian.go(f"/review/{tail(published(house, custodian, given(house)))}/presentation").text
    assert "Nobody knows any more" in shielded and "data-eyes" not in shielded
    with house.service.database.writing("service", "test") as session:
        for one in session.query(Review).all():
            one.eyes = [VIEW]
    shielded = custodian.go(str(custodian.page.url.path)).text
    assert "only if everybody may know exactly where it is" in shielded and "data-eyes" not in shielded


def test_what_becomes_public_tells_of_where_the_photos_were_taken(house: House, custodian: Somebody) -> None:
    path = shown_exactly(house, custodian, [VIEW, VIEW])
    review = path.removesuffix("/presentation")

    def beside() -> list[str]:
        line = custodian.go(review).text.split("Where the photos were taken</th>")[1].split("</tr>")[0]
        return re.findall(r"<td[^>]*>(.*?)</td>", line)

    assert beside() == ["nothing", "2 places"]
    custodian.go(path)
    assert custodian.send(path, told=told(eyes=True)).status_code == 303
    assert beside() == ["2 places", "2 places"]


def test_a_page_that_stood_open_does_not_show_again_what_was_taken_away(
    house: House, custodian: Somebody
) -> None:
    path = shown_exactly(house, custodian, [VIEW])
    for wanted in (True, False):
        custodian.go(path)
        assert custodian.send(path, told=told(eyes=wanted, view=VIEW)).status_code == 303
    mine = told(eyes=True, annotations=[DOOR])
    custodian.go(path)
    assert custodian.send(path, version="1", told=mine).status_code == 409
    theirs = custodian.text.split('id="theirs"')[1].split("</dl>")[0]
    assert "Where somebody chose" in theirs and "It is not shown, and yours does not" in theirs
    assert custodian.send(path, told=mine, over="2").status_code == 303
    _, written = custodian.go(path).text.split('aria-label="What is written">')
    kept = Told.model_validate_json(html.unescape(written.partition("</textarea>")[0]))
    assert (kept.annotations[0].id, kept.eyes, kept.view) == ("door", False, None)


def test_saving_over_what_others_wrote_comes_to_an_end(house: House, custodian: Somebody) -> None:
    """Others write, there is something to be judged, others write again: nothing has to be said twice."""
    path = shown_exactly(house, custodian, [VIEW])
    subject = path.split("/")[2].replace("-", "/", 1)

    def others(version: int) -> None:
        them = Told.model_validate_json(told(annotations=[DOOR], view=VIEW if version else None))
        present(house.service, f"ark:/{subject}", "other", them, seen_version=version)

    custodian.go(path)
    others(0)
    call = told(eyes=True, annotations=[{**DOOR, "texts": {"en": "Ask +380 44 123 45 67"}}])
    assert custodian.send(path, told=call).status_code == 409
    assert custodian.send(path, told=call, over="1").status_code == 422
    mark = custodian.text.split('name="harmless" value="')[1].split('"')[0]
    assert '"eyes":false' in html.unescape(custodian.text)  # nobody overlooks it in what comes next
    others(1)
    assert custodian.send(path, told=call, harmless=mark).status_code == 409
    assert custodian.send(path, told=call, over="2").status_code == 303
    found = record(house.service.projection, f"ark:/{subject}")
    assert isinstance(found, PublicRecord) and "+380" in found.annotations[0].texts["en"]
    custodian.go(path)
    late = told(annotations=[{**DOOR, "texts": {"en": "Or +380 44 765 43 21"}}])
    assert custodian.send(path, told=late).status_code == 422
    mark = custodian.text.split('name="harmless" value="')[1].split('"')[0]
    assert custodian.send(path, told=late, harmless=mark).status_code == 303  # the version went along


# -- in the browser -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with drawing_chromium() as found:
        yield found


class Desk:
    """A site with a box, the page on which is written of it, and what was sent."""

    def __init__(self, folder: Path) -> None:
        self.sent: list[Told] = []
        self.told = Told().model_dump_json()
        site = Site(folder)
        self.box = site.add(box(), 1, Choices(downloads=(), turntable=0), titles={"en": "A box"})
        pages = Pages()
        address = f"/api/v1/records/{self.box.id.removeprefix('ark:/')}"

        def page(request: Request) -> Response:
            view = PresentationPage(
                "1", {"en": "A box"}, Viewer(address, {"en": "A box"}), 0, self.told, eyes=(VIEW,)
            )  # fmt: skip
            visitor = Visitor("Olena", frozenset({"custodian"}))
            return pages.response(request, view, visitor=visitor, csrf="c5rf")

        async def write(request: Request) -> Response:
            self.told = parse_qs((await request.body()).decode())["told"][0]
            self.sent.append(Told.model_validate_json(self.told))
            return RedirectResponse("/authoring", 303)

        self.app = Starlette(
            routes=[
                Route("/authoring", page),
                Route("/review/1/presentation", write, methods=["POST"]),
                Mount("/", site.app),
            ]
        )


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_places_tours_and_the_beginning_are_chosen_on_the_model(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    monkeypatch.setattr(pictures, "POSTERS", ((320, 100_000), (160, 50_000)))
    monkeypatch.setattr(pictures, "SOCIAL", (320, 168, 100_000))
    desk = Desk(tmp_path)
    assert desk.box.scene is not None
    with serving(desk.app) as address, opened(browser, f"{address}/authoring", size=size) as window:
        page = window.page
        window.look((1.0, 1.2, 3.0), (0, 0.5, 0.25))
        page.get_by_role("button", name="Add an annotation").click()
        expect(page.locator("[data-said]")).to_have_text("Now press the place on the model.")
        x, y = window.place((0.3, 0.6, BOX_M[2] / 2), desk.box.scene.field_deg)
        window.canvas.scroll_into_view_if_needed()
        x, y = window.place((0.3, 0.6, BOX_M[2] / 2), desk.box.scene.field_deg)
        page.mouse.click(x, y)
        first = page.locator("[data-annotations] > li")
        expect(first).to_have_count(1)
        first.locator("[data-title=en]").fill("A stain")
        first.locator("[data-title=uk]").fill("Пляма")
        expect(page.locator(".viewer-pin")).to_have_count(1)  # it is on the model before anything is saved
        first.get_by_text("What is to be said of it").click()
        page.get_by_role("button", name="Add an annotation").click()
        window.look((1.0, 1.2, 3.0), (0, 40, 0))  # past the model
        window.canvas.click()
        expect(page.locator("[data-said]")).to_contain_text("There is nothing of the model there.")
        window.look((1.0, 1.2, 3.0), (0, 0.5, 0.25))
        page.get_by_role("button", name="A look begins here").click()
        page.get_by_role("button", name="Add a tour").click()
        tour = page.locator("[data-tours] > li")
        tour.locator("[data-title=en]").fill("Around")
        tour.locator("[data-open]").select_option(label="A stain")
        window.look((0, 1.2, 3.0), (0, 0.5, 0.25))
        tour.get_by_role("button", name="Stop here").click()
        expect(page.locator("[data-stops] > li")).to_have_count(2)
        page.locator("[data-stops] > li").last.locator("[data-text=en]").fill("From the front.")
        expect(page.get_by_label("Show it")).not_to_be_checked()  # nobody shows by mistake where people stood
        assert orange(window.picture()) == 0
        page.get_by_label("Show it").check()
        window.until(lambda: orange(window.picture()) > 20)  # as everybody would see them
        expect(first.locator("[data-more]")).to_have_attribute("open", "")  # what was drawn anew is as it was
        with page.expect_navigation():
            page.get_by_role("button", name="Save, for everybody to see").click()
        expect(page.locator("[data-annotations] [data-title=uk]")).to_have_value("Пляма")
    (sent,) = desk.sent
    np.testing.assert_allclose(np.array(sent.annotations[0].at) / 1e6, (0.3, 0.6, BOX_M[2] / 2), atol=0.02)
    assert sent.annotations[0].titles == {"en": "A stain", "uk": "Пляма"}
    assert sent.view is not None and sent.eyes
    np.testing.assert_allclose(np.array(sent.view.eye) / 1e6, (1.0, 1.2, 3.0), atol=0.01)
    assert [one.annotation for one in sent.tours[0].stops] == [sent.annotations[0].id, None]
    np.testing.assert_allclose(np.array(sent.tours[0].stops[1].view.eye) / 1e6, (0, 1.2, 3.0), atol=0.01)


def test_without_3d_nobody_waits_for_the_model_and_no_marks_are_shown_unseen(
    browser: Browser, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    with serving(desk.app) as address:
        context = browser.new_context(locale="en")
        context.add_init_script(NO_WEBGL)
        page = context.new_page()
        page.goto(f"{address}/authoring")
        said = page.locator("[data-said]")
        page.get_by_role("button", name="A look begins here").click()
        expect(said).to_have_text("This browser shows no 3D: places cannot be chosen here.")
        page.get_by_label("Show it").click()
        expect(said).to_contain_text("look at the marks in another one")
        expect(page.get_by_label("Show it")).not_to_be_checked()
        with page.expect_navigation():
            page.get_by_role("button", name="Save, for everybody to see").click()
        context.close()
    assert [one.eyes for one in desk.sent] == [False]
