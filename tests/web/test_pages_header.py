"""The head of all pages, at every width: nothing lies over anything, and nothing sticks out."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from web.browser import chromium, serving
from web.page_server import make_app

WIDTHS = (360, 768, 1024, 1280, 1440)
PAGES = ("reviews", "jobs", "contributions", "home")  # a custodian's, an admin's, a contributor's, nobody's
BOXES = """
() => [...document.querySelectorAll("header a, header button")]
    .filter(one => one.checkVisibility())
    .map(one => ({ name: one.innerText.trim(), box: one.getBoundingClientRect().toJSON() }))
"""
LONG = "Володимирівна-Григоренкова з дому над ставком за лісом"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("language", ["en", "uk"])
def test_nothing_in_the_head_overlaps_or_sticks_out(browser: Browser, language: str) -> None:
    wrong = []
    with serving(make_app()) as address:
        page = browser.new_page(locale=language)
        for name in PAGES:
            page.goto(f"{address}/{name}")
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                boxes = page.evaluate(BOXES)
                assert len(boxes) >= 2, (name, width)
                wrong += [(name, width, one, other) for one, other in overlapping(boxes)]
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    wrong.append((name, width, "sticks out", ""))
        page.close()
    assert wrong == []


def overlapping(boxes: list[dict[str, object]]) -> Iterator[tuple[object, object]]:
    for number, one in enumerate(boxes):
        for other in boxes[:number]:
            a, b = one["box"], other["box"]
            across = min(a["right"], b["right"]) - max(a["left"], b["left"])  # type: ignore[index]
            down = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])  # type: ignore[index]
            if across > 0.5 and down > 0.5:
                yield one["name"], other["name"]


def test_a_long_name_is_cut_and_the_strip_moves_on_a_phone(browser: Browser) -> None:
    with serving(make_app()) as address:
        page = browser.new_page(viewport={"width": 360, "height": 740}, locale="uk")
        page.goto(f"{address}/jobs")
        page.evaluate("name => { document.querySelector('.own .cut').textContent = name }", LONG)
        assert page.locator(".own .cut").bounding_box()["width"] < 150  # type: ignore[index]
        leave = page.get_by_role("button", name="Вийти")
        expect(leave).not_to_be_in_viewport()
        leave.focus()
        expect(leave).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.close()
