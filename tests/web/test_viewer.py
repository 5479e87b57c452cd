"""The viewer in a real browser that draws in software: what it shows, and that it measures what is true."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, expect

from oberih.catalogue.public import PublicRecord
from web.viewer_models import BOX_M
from web.viewer_shown import ASIDE, TOP, M, Shown
from web.viewing import Viewing, opened

pytestmark = pytest.mark.xdist_group("viewer")


def corners(record: PublicRecord) -> tuple[float, float, float]:
    """Half the width, the height and half the depth of the box as it is shown. Metres."""
    assert record.scene is not None
    width, height, depth = (one / M for one in record.scene.size)
    return width / 2, height, depth / 2


def in_front(viewing: Viewing) -> None:
    viewing.look((0.4, 0.9, 5.0), (0, 0.5, 0))


INSIDE = 0.998  # of a corner: beside the edge the ray would miss


def test_what_is_measured_is_true(box_seen: Viewing, shown: Shown) -> None:
    """A box of 2 x 1 x 0.5 m: distance, height and area within 1 %, and their errors."""
    half, height, depth = corners(shown.box)
    assert sorted((2 * half, height, 2 * depth)) == pytest.approx(sorted(BOX_M), rel=1e-3)
    box_seen.tool("Measure").click()
    told = box_seen.page.locator(".viewer-told")
    expect(told).to_contain_text("Set 2 more points")
    x, low, high = half * INSIDE, height * (1 - INSIDE), height * INSIDE

    def set_points(*points: tuple[float, float]) -> str:
        for across, up in points:
            box_seen.page.mouse.click(*box_seen.place((across, up, depth), shown.field_deg))
        return told.inner_text()

    for view in ((0.6, 0.9, 7.0), (-2.5, 2.5, 5.5)):
        box_seen.look(view, (0.6, 0.5, 0))  # beside the panel
        assert metres(set_points((-x, low), (x, high))) == pytest.approx(np.hypot(2 * half, height), rel=0.01)
        box_seen.page.locator("input[value=height]").check()
        assert metres(set_points((-x, low), (x, high))) == pytest.approx(height, rel=0.01)
        box_seen.page.locator("input[value=area]").check()
        said = set_points((-x, low), (x, low), (x, high), (-x, high))
        assert metres(said) == pytest.approx(2 * half * height, rel=0.01)
        box_seen.page.locator("input[value=distance]").check()
    assert "± 5.7 mm (95 %)" in set_points((-x, low), (x, low))  # 4 mm of each point, of two
    expect(box_seen.page.locator(".viewer-figure")).to_contain_text(" m")
    box_seen.page.get_by_role("button", name="Take back").click()
    expect(told).to_contain_text("Set 1 more point")
    box_seen.page.mouse.click(*box_seen.place((0.6, 1.9 * height, depth), shown.field_deg))
    expect(told).to_have_text("There is no surface here.")


def test_no_more_digits_are_told_than_the_error_leaves(drawing: Browser, shown: Shown) -> None:
    half, height, depth = corners(shown.box)
    with opened(drawing, shown.record(5)) as viewing:
        viewing.tool("Measure").click()
        viewing.look((0.6, 0.9, 7.0), (0.6, 0.5, 0))
        for across in (-half * INSIDE, half * INSIDE):
            viewing.page.mouse.click(*viewing.place((across, height / 2, depth), shown.field_deg))
        assert viewing.page.locator(".viewer-told").inner_text().startswith("2.00 m ± 8.5 cm")


def metres(text: str) -> float:
    """The figure that is told: metres, or square metres."""
    found = re.match(r"([\d.,]+) (m²|m|cm|mm)", text)
    assert found is not None, text
    return float(found[1].replace(",", "")) * {"m": 1, "m²": 1, "cm": 0.01, "mm": 0.001}[found[2]]


def test_of_an_unknown_scale_nothing_is_said_in_metres(jug_seen: Viewing) -> None:
    jug_seen.tool("Measure").click()
    box = jug_seen.canvas.bounding_box()
    assert box is not None
    for share in (0.4, 0.6):
        jug_seen.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * share)
    told = jug_seen.page.locator(".viewer-told")
    expect(told).to_contain_text("of its largest side")
    expect(told).to_contain_text("the true scale is unknown")


def test_a_section_opens_the_model(box_seen: Viewing, shown: Shown) -> None:
    half, height, depth = corners(shown.box)
    in_front(box_seen)
    x, y = box_seen.place((0.3 * half, height / 2, depth), shown.field_deg)
    front = box_seen.pick(x, y)
    assert front is not None and front[2] == pytest.approx(depth, abs=0.001)
    box_seen.tool("Look").click()
    box_seen.check("section", "z")
    behind = box_seen.pick(x, y)
    assert behind is not None and behind[2] == pytest.approx(-depth, abs=0.001)
    slider = box_seen.page.locator("[name=viewer-cut]")
    slider.fill("0")
    assert box_seen.pick(x, y) is None or box_seen.pick(x, y)[2] < -depth + 0.01  # type: ignore[index]
    box_seen.page.get_by_role("button", name="The other side").click()
    found = box_seen.pick(x, y)
    assert found is not None and found[2] == pytest.approx(depth, abs=0.001)
    box_seen.check("section", "")
    assert box_seen.pick(x, y) == pytest.approx(front)


def test_looks_and_light_change_the_picture(box_seen: Viewing) -> None:
    in_front(box_seen)
    box_seen.tool("Look").click()
    painted = box_seen.picture()
    middle = np.s_[painted.shape[0] // 2 - 30 : painted.shape[0] // 2 + 30, 420:480]
    assert box_seen.page.locator("[data-choice=look] input").count() == 3  # it does not know how sure it is
    box_seen.check("look", "clay")
    clay = box_seen.picture()[middle].reshape(-1, 3)
    assert np.ptp(clay.mean(axis=0)) < 25 < np.ptp(painted[middle].reshape(-1, 3).mean(axis=0))
    box_seen.check("look", "wireframe")
    net = box_seen.picture()[middle].reshape(-1, 3)
    assert net.std(axis=0).max() > 2 * clay.std(axis=0).max()
    box_seen.check("look", "clay")
    box_seen.check("light", "lamp")
    raking = box_seen.picture()[middle].mean()
    box_seen.page.locator("[name=viewer-rise]").fill("90")
    facing = box_seen.picture()[middle].mean()
    assert facing > raking + 40
    box_seen.check("light", "photos")
    box_seen.check("look", "texture")
    assert np.abs(box_seen.picture() - painted).mean() < 0.5


def test_points_stand_close_and_say_how_sure_they_are(drawing: Browser, shown: Shown) -> None:
    with opened(drawing, shown.embed(4)) as viewing:
        in_front(viewing)
        before = viewing.picture()
        middle = before[before.shape[0] // 2 - 20 :, 420:480][:40].reshape(-1, 3)
        assert middle.std(axis=0).max() < 3  # of one colour: nothing is seen between them
        x, y = viewing.place((0.3, 0.5, corners(shown.box)[2]), shown.field_deg)
        found = viewing.pick(x, y)
        assert found is not None and found == pytest.approx([0.3, 0.5, 0.25], abs=0.05)
        viewing.tool("Look").click()
        expect(viewing.page.locator(".viewer-scale")).to_be_hidden()
        viewing.check("look", "confidence")
        assert np.abs(viewing.picture() - before).max() > 60
        expect(viewing.page.locator(".viewer-scale")).to_contain_text("Yellow: many photos agree")


def test_surfaces_say_how_sure_they_are(drawing: Browser, shown: Shown) -> None:
    """Yellow above and violet below, as the legend says."""
    with opened(drawing, shown.embed(5)) as viewing:
        in_front(viewing)
        viewing.tool("Look").click()
        viewing.check("look", "confidence")
        seen = viewing.picture()
        rows = [
            viewing.place((0.3, height * BOX_M[1], BOX_M[2] / 2), shown.field_deg)[1]
            for height in (0.05, 0.5, 0.95)
        ]
        top = viewing.canvas.bounding_box()
        assert top is not None
        low, middle, high = (seen[round(row - top["y"]), 500] for row in rows)
        red, green, blue = high
        assert red > 1.5 * blue and green > 1.5 * blue  # yellow
        assert middle[1] > middle[0] + 30 and middle[2] > middle[0] + 30  # blue-green
        assert low[2] > low[1] + 20 and low[0] > low[1] + 10  # violet
        words = viewing.page.locator(".viewer-scale li").all_inner_texts()
        assert [one.split(":")[0] for one in words] == ["Yellow", "Green", "Violet"]


def test_the_places_of_the_photos_are_shown_and_hidden(drawing: Browser, shown: Shown) -> None:
    with opened(drawing, shown.embed(5)) as viewing:
        button = viewing.tool("Cameras: Where the photos were taken")
        expect(button).to_have_attribute("aria-pressed", "false")
        told = viewing.page.locator("#viewer-description")
        expect(told).to_contain_text("shows where 6 photos were taken")
        before, first = viewing.picture(), viewing.get("view")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        viewing.until(lambda: bool(orange(viewing.picture()) > 6 * 20))
        assert viewing.get("view")["eye"][2] > first["eye"][2]  # all of them are in the picture
        button.click()
        expect(button).to_have_attribute("aria-pressed", "false")
        assert orange(viewing.picture()) == orange(before) == 0


def orange(picture: NDArray[np.float64]) -> int:
    """How many pixels have the colour of the marks, on their lit and on their dark sides."""
    red, green, blue = np.moveaxis(picture, 2, 0)
    return int(((red > 100) & (red > 1.35 * green) & (green > 1.5 * blue)).sum())


def test_who_may_not_know_them_is_offered_no_places(box_seen: Viewing) -> None:
    assert box_seen.page.locator("[data-tool=eyes]").count() == 0
    assert "photos were taken" not in (box_seen.page.locator("#viewer-description").text_content() or "")


def test_notes_are_read_in_the_page_s_language(drawing: Browser, shown: Shown) -> None:
    with opened(drawing, shown.record(1), language="uk") as viewing:
        page = viewing.page
        page.locator(".viewer-pin").first.click()
        heading = page.locator(".viewer-notes h2")
        expect(heading).to_have_text("Передня сторона")
        expect(heading).to_be_focused()
        expect(page.locator(".viewer-text")).to_have_text("Розмальована.")
        page.locator(".viewer-notes .row button").nth(1).click()
        expect(heading).to_have_text("The side")  # nobody has translated it
        expect(heading).to_have_attribute("lang", "en")
        viewing.rest()
        assert viewing.get("view") == {"eye": [*ASIDE.eye], "target": [*ASIDE.target]}


def test_a_tour_leads_from_stop_to_stop(box_seen: Viewing) -> None:
    page = box_seen.page
    box_seen.tool("Notes").click()
    page.get_by_role("button", name="All around").click()
    expect(page.locator(".viewer-text")).to_have_text("First the side.")
    expect(page.locator(".viewer-notes")).to_contain_text("Stop 1 of 2")
    box_seen.rest()
    assert box_seen.get("view.eye") == [*ASIDE.eye]
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".viewer-text")).to_have_text("Then from above.")
    box_seen.rest()
    assert box_seen.get("view.eye") == [*TOP.eye]
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_role("button", name="All notes").click()
    expect(page.get_by_role("button", name="The front").last).to_be_visible()


def test_a_link_shows_exactly_what_was_seen(drawing: Browser, shown: Shown, box_seen: Viewing) -> None:
    box_seen.look((1.1, 1.7, 2.3), (0.1, 0.4, 0))
    box_seen.tool("Look").click()
    box_seen.check("look", "clay")
    box_seen.check("light", "lamp")
    box_seen.check("section", "x")
    box_seen.page.locator("[name=viewer-cut]").fill("150")
    box_seen.tool("Share").click()
    link = box_seen.page.get_by_label("Link to exactly this view").input_value()
    line = box_seen.page.get_by_label("For your own page").input_value()
    assert line.startswith(f'<iframe src="{shown.embed(1)}#view=1100000,1700000,2300000,')
    assert link.partition("#")[0] == shown.record(1)
    with opened(drawing, shown.embed(1) + "#" + link.partition("#")[2]) as again:
        assert again.get("view") == box_seen.get("view")
        again.tool("Share").click()
        assert again.page.get_by_label("Link to exactly this view").input_value() == link
        assert np.abs(again.picture() - box_seen.picture()).mean() < 0.5


def test_two_records_are_compared_under_one_camera(jug_seen: Viewing) -> None:
    before = jug_seen.picture()
    jug_seen.tool("Compare").click()
    slider = jug_seen.page.get_by_label("Where one ends and the other begins")
    expect(slider).to_be_visible()
    expect(jug_seen.page.locator(".viewer-side.before")).to_have_text("The box before")
    half = jug_seen.picture()
    middle = half.shape[1] // 2
    assert np.abs(half - before)[:, middle + 4 :].mean() < 3 < np.abs(half - before)[:, : middle - 4].mean()
    slider.fill("0")
    assert np.abs(jug_seen.picture() - before).mean() < 3
    jug_seen.tool("Compare").click()
    expect(slider).to_be_hidden()


def test_others_can_use_the_element(box_seen: Viewing) -> None:
    """The page on which custodians write notes does all of this."""
    note = {"id": "new", "at": [0, 500000, 250000], "titles": {"en": "New"}, "texts": {}, "view": None}
    box_seen.element.evaluate("(one, note) => { one.annotations = [note] }", note)
    expect(box_seen.page.locator(".viewer-pin")).to_have_count(1)
    assert box_seen.get("annotations") == [note]
    box_seen.element.evaluate("(one, view) => one.goTo(view)", TOP.model_dump(mode="json"))
    box_seen.rest()
    assert box_seen.get("view.eye") == [*TOP.eye]
    in_front(box_seen)
    assert box_seen.pick(1, 1) is None
