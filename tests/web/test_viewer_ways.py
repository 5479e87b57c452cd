"""The viewer for everybody: by keys, by touch, in both languages, without WebGL or scripts, in a frame."""

from collections import Counter

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from oberih.web.pages import STATIC, Pages
from oberih.web.views import frame_line
from web.browser import MODULES, serving
from web.viewer_shown import ASIDE, Sharpened, Shown
from web.viewing import Viewing, opened

pytestmark = pytest.mark.xdist_group("viewer")
AXE = MODULES / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
SMALL = """
[...document.querySelector("oberih-viewer")
    .querySelectorAll("button, a, label:has([type=radio]), [type=text], [type=range]")]
    .filter(one => one.checkVisibility() && !one.classList.contains("unseen"))
    .map(one => [one.getBoundingClientRect(), one.outerHTML.slice(0, 100)])
    .filter(([box]) => box.height < 43.5 || box.width < 43.5).map(([, told]) => told)
"""
NO_WEBGL = """
const given = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind.startsWith("webgl") ? null : given.call(this, kind, ...more);
};
"""
APPLE = """
const { supports } = DOMTokenList.prototype;
DOMTokenList.prototype.supports = function (word) { return word === "ar" || supports.call(this, word); };
"""


def far(viewing: Viewing) -> float:
    view = viewing.get("view")
    return float(np.linalg.norm(np.subtract(view["eye"], view["target"]))) / 1e6


def turn(viewing: Viewing) -> float:
    """Degrees round the model."""
    view = viewing.get("view")
    x, _, z = np.subtract(view["eye"], view["target"])
    return float(np.degrees(np.arctan2(x, z)))


def test_keys_do_all_that_a_mouse_does(box_seen: Viewing) -> None:
    page, home = box_seen.page, box_seen.get("view")
    assert box_seen.canvas.get_attribute("tabindex") == "0"
    box_seen.canvas.focus()
    began, away = turn(box_seen), far(box_seen)
    page.keyboard.press("ArrowRight")
    assert turn(box_seen) == pytest.approx(began + 10, abs=0.1)
    page.keyboard.press("+")
    assert far(box_seen) == pytest.approx(away / 1.25, rel=0.01)
    page.keyboard.press("Shift+ArrowUp")
    assert box_seen.get("view.target")[1] > home["target"][1]
    page.keyboard.press("Home")
    box_seen.rest()
    assert box_seen.get("view") == home
    expect(page.locator("oberih-viewer [role=status]").first).to_contain_text("Seen from the front")
    for _ in range(8):
        if box_seen.tool("Turn").evaluate("one => one === document.activeElement"):
            break
        page.keyboard.press("Tab")  # over the pins
    page.keyboard.press("ArrowRight")
    expect(box_seen.tool("Look")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(box_seen.tool("Measure")).to_have_attribute("aria-expanded", "true")
    box_seen.canvas.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    box_seen.rest()
    page.keyboard.press("Enter")
    expect(page.locator(".viewer-told")).to_contain_text("± 5.7 mm")
    page.keyboard.press("Escape")
    expect(box_seen.tool("Measure")).to_have_attribute("aria-expanded", "false")


def test_fingers_turn_and_bring_nearer(phone_seen: Viewing) -> None:
    began, away = turn(phone_seen), far(phone_seen)
    box = phone_seen.canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    line = phone_seen.page.context.new_cdp_session(phone_seen.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": x + dx, "y": y + dy, "id": n} for n, (dx, dy) in enumerate(points)]
        line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", (0, 0))
    for step in range(1, 9):
        touch("touchMove", (-10 * step, 0))
    touch("touchEnd")
    phone_seen.until(lambda: turn(phone_seen) > began + 15)
    touch("touchStart", (-20, 0), (20, 0))
    for step in range(1, 9):
        touch("touchMove", (-20 - 5 * step, 0), (20 + 5 * step, 0))
    touch("touchEnd")
    phone_seen.until(lambda: far(phone_seen) == pytest.approx(away / 3, rel=0.15))


def test_buttons_do_what_dragging_does(box_seen: Viewing) -> None:
    box_seen.tool("Turn").click()
    began, away = turn(box_seen), far(box_seen)
    box_seen.page.get_by_role("button", name="Turn left").click()
    box_seen.page.get_by_role("button", name="Farther").click()
    assert turn(box_seen) == pytest.approx(began - 10, abs=0.1)
    assert far(box_seen) == pytest.approx(away * 1.25, rel=0.01)


def test_flights_are_only_for_those_who_want_motion(box_seen: Viewing) -> None:
    fly = """(one, view) => new Promise(done => {
        one.goTo(view); setTimeout(() => done(one.state.frames), 1200)
    })"""
    frames = {}
    for wish in ("reduce", "no-preference"):
        box_seen.reset()
        box_seen.page.emulate_media(reduced_motion=wish)  # type: ignore[arg-type]
        before = box_seen.get("state.frames")
        frames[wish] = box_seen.element.evaluate(fly, ASIDE.model_dump(mode="json")) - before
        box_seen.until(lambda: box_seen.get("view.eye") == [*ASIDE.eye])
    box_seen.page.emulate_media(reduced_motion="reduce")
    assert frames["reduce"] <= 3 and frames["reduce"] < frames["no-preference"]  # slow machines fly in few


def test_it_shuts_nobody_out_on_a_phone(phone_seen: Viewing) -> None:
    """WCAG 2.2 AA as far as axe-core can tell, each panel open; 44 px to touch; nothing sticks out."""
    assert wrong_in(phone_seen, RULES) == []
    assert "2,000 м" in described(phone_seen)


def test_it_shuts_nobody_out_in_the_dark(drawing: Browser, shown: Shown) -> None:
    with opened(drawing, shown.record(1), scheme="dark") as viewing:
        assert wrong_in(viewing, ["color-contrast"]) == []
        assert "2.000 m" in described(viewing)


def wrong_in(viewing: Viewing, rules: list[str]) -> list[str]:
    """What is wrong, with each of the panels open."""
    page, wrong = viewing.page, []
    page.evaluate(AXE.read_text().replace("typeof define", "undefined"))
    tools = page.locator("oberih-viewer [role=toolbar] button[aria-controls]")
    assert tools.count() == 5
    for at in range(tools.count()):
        tools.nth(at).click()
        found = page.evaluate("rules => axe.run('oberih-viewer', {runOnly: rules})", rules)
        wrong += [f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in found["violations"]]
        wrong += page.evaluate(SMALL)
        wrong += sideways(page)
    return wrong


def described(viewing: Viewing) -> str:
    """What is said of the model to those who hear the page."""
    told: str = viewing.canvas.evaluate(
        "one => document.getElementById(one.getAttribute('aria-describedby')).textContent"
    )
    return told


def sideways(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"sticks out by {wide} px"] if wide > 0 else []


def test_without_webgl_pictures_turn(drawing: Browser, shown: Shown) -> None:
    context = drawing.new_context(viewport={"width": 500, "height": 700}, locale="en")
    context.add_init_script(NO_WEBGL)
    page = context.new_page()
    page.goto(shown.record(1))
    page.locator("oberih-viewer").scroll_into_view_if_needed()
    slider = page.locator("oberih-viewer input[type=range]")
    expect(slider).to_be_visible()
    expect(page.locator("oberih-viewer")).to_contain_text("This browser shows no 3D.")
    image = page.locator(".viewer-turned")
    first = image.get_attribute("src")
    slider.press("ArrowRight")
    expect(image).not_to_have_attribute("src", first or "")
    expect(image).to_have_attribute("alt", "A box, picture 2 of 4 from all around")
    box = image.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 100, steps=4)
    page.mouse.up()
    expect(image).to_have_attribute("src", first or "")
    assert page.evaluate("document.querySelector('.viewer-turned').naturalWidth") == 160
    context.close()


def test_without_scripts_the_poster_stands(drawing: Browser, shown: Shown) -> None:
    context = drawing.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto(shown.record(1))
    poster = page.get_by_role("img", name="A box").first
    expect(poster).to_be_visible()
    expect(page.get_by_role("button", name="See it in 3D")).to_be_hidden()
    context.close()


def test_whoever_pays_for_each_byte_begins_with_a_button(drawing: Browser, shown: Shown) -> None:
    context = drawing.new_context(locale="en", reduced_motion="reduce")
    context.add_init_script("Object.defineProperty(navigator, 'connection', {value: {saveData: true}})")
    viewing = Viewing(context.new_page())
    loaded: list[str] = []
    viewing.page.on("request", lambda one: loaded.append(one.url))
    viewing.page.goto(shown.record(1), wait_until="networkidle")
    assert not [one for one in loaded if "three" in one or one.endswith((".glb", ".wasm"))]
    viewing.page.get_by_role("button", name="See it in 3D").click()
    viewing.ready()
    expect(viewing.canvas).to_be_focused()
    assert viewing.said == []
    context.close()


def test_one_line_shows_it_on_any_site(drawing: Browser, shown: Shown) -> None:
    line = frame_line(shown.embed(1), "A box")

    def page(_: Request) -> HTMLResponse:
        return HTMLResponse(f"<!doctype html><title>Another site</title>{line}")

    with serving(Starlette(routes=[Route("/", page)])) as elsewhere:
        context = drawing.new_context(reduced_motion="reduce")
        found = context.new_page()
        said: list[str] = []
        found.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
        found.goto(elsewhere.replace("localhost", "127.0.0.1"))
        expect(found.frame_locator("iframe").locator("oberih-viewer.started")).to_be_attached(timeout=20_000)
        for wide, size in ((1000, (640, 480)), (320, (304, 228))):  # in the page's margin of 8
            found.set_viewport_size({"width": wide, "height": 700})
            box = found.locator("iframe").bounding_box()
            assert box is not None and (box["width"], box["height"]) == size
        assert not [one for one in said if "favicon" not in one and "404" not in one]
        context.close()


def test_a_large_model_sharpens_while_one_looks(jug_window: Sharpened, jug_seen: Viewing) -> None:
    """A light level at once, then tiles: in the same place, of the same colours."""
    assert 0 < jug_window.level["triangles"] <= 900
    assert 2500 < jug_seen.drawn()["triangles"] <= 4000
    assert np.abs(jug_seen.picture() - jug_window.picture).mean() < 3
    box = jug_seen.canvas.bounding_box()
    assert box is not None
    found = jug_seen.pick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert found is not None and 0.1 < found[1] < 0.9


def test_pages_allow_no_more_than_they_show(shown: Shown) -> None:
    """Only pages with a viewer name its trusted types; WebAssembly runs in its worker alone."""
    policy = {
        name: httpx.get(address).headers["Content-Security-Policy"]
        for name, address in {
            "home": shown.address, "record": shown.record(1), "embed": shown.embed(1),
            "worker": next(f"{shown.address}/static/{one.name}" for one in STATIC.glob("model.worker-*.js")),
        }.items()
    }  # fmt: skip
    assert "trusted-types 'none'" in policy["home"]
    for name in ("record", "embed"):
        assert "trusted-types oberih-viewer" in policy[name] and "wasm" not in policy[name]
        assert "connect-src 'self';" in policy[name] and "script-src 'self';" in policy[name]
    assert "frame-ancestors 'none'" in policy["record"] and "frame-ancestors *" in policy["embed"]
    assert "'wasm-unsafe-eval'" in policy["worker"] and "default-src 'none'" in policy["worker"]
    assert httpx.get(shown.embed(77)).status_code == 404


@pytest.mark.parametrize(
    ("accepted", "sent"), [("br, gzip", "br"), ("gzip", "gzip"), ("br;q=0", None), ("", None)]
)
def test_scripts_are_sent_packed(shown: Shown, accepted: str, sent: str | None) -> None:
    name = Pages().files.address("src/viewer.ts")
    plain = (STATIC / name.removeprefix("/static/")).read_bytes()
    answer = httpx.get(shown.address + name, headers={"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding") == sent
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert int(answer.headers["Content-Length"]) < len(plain) or sent is None
    assert sent == "br" or answer.content == plain  # httpx unpacks Brotli only with a package that we lack


def test_phones_are_offered_their_own_way_into_the_room(
    drawing: Browser, shown: Shown, phone_seen: Viewing, box_seen: Viewing
) -> None:
    """Quick Look opens by itself only if the link's first child is a picture; Scene Viewer by an intent."""
    link = phone_seen.page.locator("[data-tool=room]")
    address = link.get_attribute("href") or ""
    assert address.startswith("intent://arvr.google.com/scene-viewer/1.2?file=http%3A%2F%2Flocalhost")
    assert "ar.glb" in address and "S.browser_fallback_url=" in address
    with opened(drawing, shown.embed(1), size="phone", script=APPLE) as viewing:
        link = viewing.page.locator("[data-tool=room]")
        expect(link).to_have_text("In your room")
        expect(link).to_have_attribute("rel", "ar")
        assert (link.get_attribute("href") or "").endswith("/ar.usdz")
        assert link.evaluate("one => one.firstElementChild.localName") == "img"
    assert box_seen.page.locator("[data-tool=room]").count() == 0


def test_no_control_is_out_of_sight(drawing: Browser, shown: Shown, phone_seen: Viewing) -> None:
    """Whatever the language: on a phone in rows; on a desk without scrolling to them."""
    width = phone_seen.page.viewport_size["width"]  # type: ignore[index]
    boxes = [one.bounding_box() for one in phone_seen.page.locator(".viewer-bar > *").all()]
    assert len(boxes) >= 6
    for box in boxes:
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
    rows = Counter(round(box["y"]) for box in boxes if box)
    assert max(rows.values()) - min(rows.values()) <= 1, "no button alone in its row"
    for label in phone_seen.page.locator(".viewer-tool span").all():
        assert label.evaluate("one => one.scrollWidth <= one.parentElement.clientWidth")
    context = drawing.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(shown.record(1))
    expect(page.locator("oberih-viewer.started")).to_be_attached(timeout=20_000)
    row = page.get_by_role("toolbar").bounding_box()
    assert row is not None and row["y"] + row["height"] <= 900
    context.close()


def test_on_a_phone_the_model_is_in_sight_while_the_lamp_is_moved(phone_seen: Viewing) -> None:
    phone_seen.page.locator("[data-tool=look]").click()
    phone_seen.check("light", "lamp")
    slider = phone_seen.page.locator("input[name=viewer-rise]")
    slider.scroll_into_view_if_needed()
    model, lamp = phone_seen.canvas.bounding_box(), slider.bounding_box()
    height = phone_seen.page.viewport_size["height"]  # type: ignore[index]
    assert model is not None and lamp is not None
    assert model["y"] >= 0 and model["y"] + model["height"] <= lamp["y"]
    assert lamp["y"] + lamp["height"] < height + 1


def test_it_fills_the_screen_and_comes_back(box_seen: Viewing) -> None:
    button = box_seen.tool("Full screen")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    box = box_seen.element.bounding_box()
    assert box is not None and (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 920, 600)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_what_cannot_be_loaded_leaves_pictures(drawing: Browser, shown: Shown) -> None:
    context = drawing.new_context(locale="en")
    context.route("**/*.glb", lambda route: route.fulfill(status=503))
    page = context.new_page()
    page.goto(shown.embed(1))
    expect(page.locator("oberih-viewer.turning .viewer-turned")).to_be_visible()
    assert page.locator("oberih-viewer canvas, oberih-viewer [role=toolbar]").count() == 0
    context.close()
