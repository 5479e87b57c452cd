"""The site in a real browser: open to everybody, by keyboard alone, with nothing asked of others."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from web.browser import chromium
from web.site_records import Site, path_of, site_of
from web.test_pages_browser import AXE, RULES, opened, sideways

PAGES = (
    "/",
    "/search?kind=monument",
    "/map",
    path_of(1),
    f"{path_of(1)}/print",
    "/collections",
    "/statistics",
)

IN_SIGHT = """
all => all.find(one => one.getBoundingClientRect().left > 20 && one.getBoundingClientRect().right < 340)
    .parentNode.dataset.cell
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_of(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.mark.parametrize(
    ("size", "scheme", "code"),
    [("phone", "light", "uk"), ("desk", "dark", "en")],  # the others: test_pages_browser
)
def test_every_page_is_open_to_everybody_and_asks_nothing_of_others(
    browser: Browser, site: Site, size: str, scheme: str, code: str
) -> None:
    page, said = opened(browser, size, scheme, code)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.add_init_script(path=AXE)
    wrong = {}
    for path in PAGES:
        page.goto(f"{site.url}{path}")
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        found = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", RULES)
        told = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]
        if told + sideways(page):
            wrong[path] = told + sideways(page)
    assert wrong == {}
    assert [one for one in asked if not one.startswith(f"{site.url}/")] == []
    assert said == []
    page.context.close()


def tab_to(page: Page, selector: str, most: int = 60) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("one => document.activeElement.matches(one)", selector):
            return
    raise AssertionError(f"nobody comes to {selector} by the keyboard")


def test_the_map_by_keyboard_alone(browser: Browser, site: Site) -> None:
    """To the map, closer, to the side, to a cell, and to its records."""
    page, said = opened(browser, "desk", "light", "en")
    page.goto(f"{site.url}/map")
    expect(page.locator(".atlas.live")).to_be_visible()
    status = page.locator("[data-found]")
    expect(status).to_contain_text("records in view")
    tab_to(page, "#atlas svg")
    before = status.text_content()
    page.keyboard.press("+")
    page.keyboard.press("ArrowUp")
    expect(status).not_to_have_text(before or "")
    page.wait_for_url("**/map?*zoom=7")
    tab_to(page, "#atlas a.cell")
    name = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?cell=*")
    expect(page.locator("[role=status]")).to_have_text(f"{name.split()[0]} {name.split()[1]}")
    assert said == []
    page.context.close()


def test_who_does_not_want_the_map_passes_it(browser: Browser, site: Site) -> None:
    page, _ = opened(browser, "desk", "light", "en")
    page.goto(f"{site.url}/map")
    tab_to(page, "a[href='#past-map']")
    page.keyboard.press("Enter")
    tab_to(page, ".regions-list a", most=1)
    page.context.close()


def test_the_map_follows_the_finger(browser: Browser, site: Site) -> None:
    """It moves, and a drag that ends on a cell opens nothing."""
    page, said = opened(browser, "phone", "light", "uk")
    page.goto(f"{site.url}/map")
    page.locator(".map-ways").scroll_into_view_if_needed()
    expect(page.locator("a.cell[data-cell]").first).to_be_attached()
    name = page.locator("a.cell[data-cell] polygon").evaluate_all(IN_SIGHT)
    cell = page.locator(f"a.cell[data-cell='{name}'] polygon")
    held = cell.bounding_box()
    assert held is not None
    x, y = held["x"] + held["width"] / 2, held["y"] + held["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 40, steps=5)
    page.mouse.up()
    for _ in range(50):  # it is drawn anew, and may be away between two looks
        expect(cell).to_be_visible()
        if moved := cell.bounding_box():
            break
    assert moved is not None
    assert (moved["x"] - held["x"], moved["y"] - held["y"]) == pytest.approx((30, 40), abs=1.5)
    assert "/map" in page.url
    assert said == []
    page.context.close()


def test_the_search_by_keyboard_alone(browser: Browser, site: Site) -> None:
    page, _ = opened(browser, "desk", "light", "en")
    page.goto(site.url)
    tab_to(page, "#q")
    page.keyboard.type("млин")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=*")
    tab_to(page, ".facets summary")
    page.keyboard.press("Enter")
    tab_to(page, ".facets .panel a")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_be_visible()
    tab_to(page, ".gallery a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/records/**")
    page.context.close()


def test_a_record_can_be_named_and_printed(browser: Browser, site: Site) -> None:
    context = browser.new_context(locale="en", permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{site.url}{path_of(1)}")
    page.locator("[data-copy=citation]").click()
    expect(page.locator("[data-copy=citation]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#citation").inner_text()
    page.goto(f"{site.url}{path_of(1)}/print")
    sheet = page.pdf(prefer_css_page_size=True)
    assert sheet.count(b"/Type /Page\n") == 1, "one sheet"
    context.close()
