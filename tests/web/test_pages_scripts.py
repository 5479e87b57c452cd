"""What scripts do on the pages, tried with the mouse, with the keyboard, and with scripts turned off."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from web.browser import chromium, serving
from web.page_samples import PAGES
from web.page_server import make_app


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(make_app()) as found:
        yield found


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A window on a desk in Kyiv, that speaks English. What its console complains about is a failure."""
    context = browser.new_context(
        base_url=address, viewport={"width": 1280, "height": 900}, locale="en", timezone_id="Europe/Kyiv"
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []


def test_the_menu_of_a_phone_opens_and_closes(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/gallery")
    menu = page.get_by_role("navigation", name="Main menu")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(menu.get_by_role("link", name="Contribute")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(menu).to_be_visible()


def test_a_chosen_language_stays(page: Page) -> None:
    page.goto("/record")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("link", name="Українська").click()
    expect(page.locator("html")).to_have_attribute("lang", "uk")
    page.goto("/gallery")
    expect(page.locator("html")).to_have_attribute("lang", "uk")


def test_times_are_shown_in_the_reader_s_zone(page: Page) -> None:
    page.goto("/contribution")
    expect(page.locator("time[data-moment]").first).to_have_text("20 Nov 2026, 18:05")  # 16:05 UTC
    expect(page.locator("time[data-moment]").first).to_have_attribute("datetime", "2026-11-20T16:05:00Z")


def test_progress_is_shown_as_it_comes(page: Page) -> None:
    now = {"seen": "", "share": 0.75, "words": "Is textured", "left": "2 minutes left"}
    page.route("**/contributions/*/progress", lambda route: route.fulfill(json=now))
    page.goto("/contribution")
    now["seen"] = page.get_attribute("#progress", "data-seen") or ""
    expect(page.locator("#progress")).to_contain_text("Is textured", timeout=20_000)
    expect(page.locator("#progress")).to_contain_text("2 minutes left")
    assert page.evaluate("document.querySelector('#progress progress').value") == 0.75
    with page.expect_navigation():
        now["seen"] = "published/..."  # more than numbers changed: the page comes anew


def test_who_fills_in_is_told_when_the_login_ended(browser: Browser, address: str) -> None:
    page = browser.new_page(base_url=address, locale="en")
    page.route("**/review/*/progress", lambda route: route.fulfill(status=401, json={"message": "Log in."}))
    page.goto("/review-making")
    page.get_by_label("Why?").first.fill("typed")
    expect(page.locator("#progress")).to_contain_text("Your login has ended", timeout=20_000)
    expect(page.get_by_label("Why?").first).to_have_value("typed")
    page.close()


def test_who_fills_in_is_told_when_it_is_made_and_loads_the_page_then(page: Page) -> None:
    now = {"seen": "going", "share": 0.5, "words": "Is cut", "left": "", "news": ""}
    page.route("**/review/*/progress", lambda route: route.fulfill(json=now))
    page.goto("/review-making")
    page.get_by_label("Why?").first.fill("typed")
    expect(page.locator("#progress")).to_contain_text("Is cut", timeout=20_000)
    now |= {"seen": "", "news": "It is made: load the page"}
    link = page.get_by_role("status").get_by_role("link", name="It is made: load the page")
    expect(link).to_have_attribute("href", "/review-making", timeout=20_000)
    expect(page.get_by_label("Why?").first).to_have_value("typed")  # nobody loaded anything


def test_boxes_to_blur_are_added_with_the_keyboard(page: Page) -> None:
    page.goto("/review")
    picture = page.locator("[data-picture=a2]")
    picture.get_by_role("button", name="Add a box").click()
    field = picture.locator("input[name=add]")
    expect(field).to_have_value("a2/0.4000,0.4000,0.2000,0.2000")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    expect(field).to_have_value("a2/0.4100,0.4000,0.2000,0.2100")
    for _ in range(70):
        page.keyboard.press("ArrowLeft")
    expect(field).to_have_value("a2/0.0000,0.4000,0.2000,0.2100")  # not out of the picture
    page.keyboard.press("Delete")
    expect(field).to_have_count(0)
    expect(picture.get_by_role("button", name="Add a box")).to_be_focused()


def test_boxes_to_blur_are_drawn_and_found_ones_taken_away_with_the_mouse(page: Page) -> None:
    page.goto("/review")
    picture = page.locator("[data-picture=a1]")
    picture.scroll_into_view_if_needed()
    area = picture.locator("svg:not(.icon)").bounding_box()
    assert area is not None
    at = lambda x, y: (area["x"] + x * area["width"], area["y"] + y * area["height"])  # noqa: E731
    page.mouse.move(*at(0.7, 0.1))
    page.mouse.down()
    page.mouse.move(*at(0.9, 0.3), steps=3)
    page.mouse.up()
    value = picture.locator("input[name=add]").input_value()
    left, top, width, height = map(float, value.removeprefix("a1/").split(","))
    assert (left, top, width, height) == pytest.approx((0.7, 0.1, 0.2, 0.2), abs=0.01)
    face = picture.get_by_label("Face 1")
    expect(face).to_be_checked()
    page.mouse.click(*at(0.24, 0.6))  # on the face
    expect(face).not_to_be_checked()
    page.mouse.click(*at(0.5, 0.45))  # a click beside everything adds nothing
    expect(picture.locator("input[name=add]")).to_have_count(1)
    picture.get_by_role("button", name="Remove", exact=True).click()
    expect(picture.locator("input[name=add]")).to_have_count(0)


def test_pictures_are_enlarged(page: Page) -> None:
    page.goto("/review")
    page.locator("[data-enlarge] a").nth(1).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img")).to_have_attribute("src", f"{page.url.rsplit('/', 1)[0]}/pictures/2.jpg")
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("img")).to_have_attribute("src", f"{page.url.rsplit('/', 1)[0]}/pictures/3.jpg")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_a_zone_is_drawn_and_written(page: Page) -> None:
    page.goto("/zones")
    page.get_by_role("button", name="Draw a zone").click()
    canvas = page.locator("canvas")
    for x, y in ((200, 100), (400, 100), (400, 250), (200, 250)):
        canvas.click(position={"x": x, "y": y})
    corners = page.get_by_label("Corners")
    lines = [tuple(map(float, line.split(", "))) for line in corners.input_value().splitlines()]
    assert len(lines) == 4
    (north, west), (_, east), (south, _), _ = lines
    assert 51.5 < south < north < 52.5 and 28 < west < east < 36
    expect(page.locator("[data-read]")).to_contain_text("4 corners, about")
    page.get_by_role("button", name="Take back a corner").click()
    expect(page.locator("[data-read]")).to_contain_text("3 corners, about")
    corners.fill("51.5, 31.2\n51.6, 31,2,1")
    expect(page.locator("[data-read]")).to_have_text("Line 2 is not latitude and longitude.")
    corners.fill('{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}')
    expect(page.locator("[data-read]")).to_have_text("This GeoJSON holds no polygon.")
    corners.fill('{"type": "Polygon", "coordinates": [[[31, 51], [31.1, 51], [31.1, 51.1], [31, 51]]]}')
    expect(page.locator("[data-read]")).to_have_text("3 corners, about 39 km²")


def test_the_map_moves_with_the_keyboard(page: Page) -> None:
    page.goto("/zones")
    canvas = page.locator("canvas")
    page.wait_for_load_state("networkidle")  # the coasts are there
    canvas.focus()
    before = canvas.screenshot()
    for key in ("ArrowRight", "+", "-", "ArrowLeft"):
        page.keyboard.press(key)
        time.sleep(0.05)
        after = canvas.screenshot()
        assert after != before, key
        before = after


def test_the_lines_of_the_map_through_nought_have_no_sign(page: Page) -> None:
    page.add_init_script("""
        window.written = new Set();
        const paper = CanvasRenderingContext2D.prototype, write = paper.fillText;
        paper.fillText = function (text, ...at) { window.written.add(text); write.call(this, text, ...at); };
    """)
    page.goto("/zones")
    canvas = page.locator("canvas")
    canvas.focus()
    for _ in range(20):  # until the whole world is there
        page.keyboard.press("-")
        page.wait_for_timeout(50)
    written = page.evaluate("[...window.written]")
    assert "0°" in written and "-0°" not in written, written


def test_pages_work_without_scripts(browser: Browser, address: str) -> None:
    """Nothing shows that does nothing; forms are there; uploads say what is missing."""
    context = browser.new_context(base_url=address, java_script_enabled=False, locale="en")
    page = context.new_page()
    for name in PAGES:
        page.goto(f"/{name}")
        expect(page.locator("h1")).to_be_visible()
        for dead in ("[data-go]", "[data-locate]", "[data-copy]", "[data-add]", "[data-draw]", "[data-show]"):
            for one in page.locator(dead).all():
                expect(one).to_be_hidden()
    page.goto("/contribute")
    expect(page.locator("[data-unscripted]")).to_contain_text("Without JavaScript an upload that breaks off")
    form = page.locator("form[enctype='multipart/form-data']")
    expect(form).to_have_attribute("action", "/contribute#wrong")
    expect(form.get_by_role("button", name="Send")).to_be_visible()
    page.goto("/contribution")
    expect(page.locator("#progress")).to_be_visible()
    context.close()
