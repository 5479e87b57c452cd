"""The pages in a real browser: nothing sticks out, nobody is shut out, and scripts do their part."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from web.browser import MODULES, chromium, kept, serving
from web.page_samples import PAGES
from web.page_server import make_app

AXE = MODULES / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
SMALL = """
[...document.querySelectorAll("button, .button, select, textarea, summary, .menu a, .own a, .within a, \
.panel a, input:not([type=hidden], [type=checkbox], [type=radio], [type=file])")]
    .filter(one => one.checkVisibility() && !one.closest("[data-thumbs]"))
    .filter(one => one.getBoundingClientRect().height < 43.5)
    .map(one => one.outerHTML.slice(0, 100))
"""
LENGTHEN = """title => [...document.querySelectorAll("main :is(h1, h3, h3 a, b, tbody th)")]
    .filter(one => !one.querySelector("h3, a")).map(one => { one.textContent = title }).length"""
SIZES = {"phone": (360, 740), "desk": (1280, 900)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(make_app()) as found:
        yield found


def opened(
    browser: Browser, size: str = "phone", scheme: str = "light", language: str = "uk"
) -> tuple[Page, list[str]]:
    """A new window, and whatever its console complains about, such as the policy."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        locale=language,
        timezone_id="Europe/Kyiv",
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return page, said


@pytest.mark.parametrize(("size", "scheme"), [("phone", "light"), ("desk", "dark")])
def test_every_page_is_open_to_everybody_and_fits(
    browser: Browser, address: str, size: str, scheme: str
) -> None:
    """WCAG 2.2 AA as far as axe-core can tell: 0 violations; no scrolling sideways; no outside request. On a
    phone buttons and fields are 44 px high or more; links in running text are as high as the text.
    """
    assert AXE.is_file(), "axe-core is missing: run `npm ci` in frontend/"
    page, said = opened(browser, size, scheme, "uk" if size == "phone" else "en")
    strangers: list[str] = []
    page.on("request", lambda one: strangers.append(one.url))
    page.add_init_script(path=AXE)
    page.route("**/progress", lambda _: None)  # asked for after three seconds; no work is done here
    wrong = {}
    for name in PAGES:
        page.goto(f"{address}/{name}")
        kept(page, f"{size}-{scheme}/{name}")
        told = sideways(page) + (page.evaluate(SMALL) if size == "phone" else [])
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        found = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", RULES)
        told += [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]] + sideways(
            page
        )
        if told:
            wrong[name] = told
    assert wrong == {}
    assert [one for one in strangers if not one.startswith((address, "blob:"))] == []
    assert said == []
    page.context.close()


def sideways(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"sticks out by {wide} px"] if wide > 0 else []


@pytest.mark.parametrize("size", list(SIZES))
def test_a_title_of_one_long_word_fits(browser: Browser, address: str, size: str) -> None:
    page, _ = opened(browser, size)
    wrong = {}
    for name in ("home", "contribute-known", "contribution", "contribution-public", "jobs"):
        page.goto(f"{address}/{name}")
        assert page.evaluate(LENGTHEN, "Щ" * 200) > 0
        if told := sideways(page):
            wrong[name] = told
    assert wrong == {}
    page.context.close()


def test_axe_would_find_what_is_wrong(browser: Browser, address: str) -> None:
    page, _ = opened(browser)
    page.add_init_script(path=AXE)
    page.goto(f"{address}/login")
    page.evaluate("document.querySelector('label[for=name]').remove()")
    page.evaluate("document.querySelector('h1').style.color = '#ccc'")
    found = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", RULES)
    assert {one["id"] for one in found["violations"]} == {"label", "color-contrast"}
    page.context.close()


@pytest.mark.parametrize("scripted", [True, False])
def test_what_was_refused_is_in_view_beside_what_was_pressed(
    browser: Browser, address: str, scripted: bool
) -> None:
    """The page of a review is long: whoever pressed a button at its end sees there what is wrong."""
    context = browser.new_context(viewport={"width": 390, "height": 740}, java_script_enabled=scripted)
    page = context.new_page()
    page.goto(f"{address}/review")
    page.locator("button[value=save]:visible").click()
    wrong = page.locator("#wrong")
    expect(wrong).to_be_in_viewport()
    expect(wrong).to_be_focused()
    expect(page.locator("button[value=save]:visible")).to_be_in_viewport()
    context.close()


def test_dragging_is_offered_where_one_can_drag(browser: Browser, address: str) -> None:
    for size, touch, shown in ((390, True, False), (390, False, False), (1280, False, True)):
        context = browser.new_context(
            viewport={"width": size, "height": 800}, has_touch=touch, is_mobile=touch
        )
        page = context.new_page()
        page.goto(f"{address}/contribute")
        expect(page.locator("[data-scripted]").first).to_be_visible()
        assert page.locator("[data-drag]").is_visible() == shown
        context.close()
