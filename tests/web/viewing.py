"""A browser that draws 3D in software, and what tests of the viewer do in it."""

import io
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

from web.browser import FLAGS, chromium, kept

__all__ = ["DRAWING", "Viewing", "drawing_chromium", "opened"]

DRAWING = (
    *(one for one in FLAGS if one != "--disable-gpu"), "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)  # fmt: skip
SIZES = {"phone": (360, 640), "desk": (920, 600)}
PATIENCE_S = 20.0
OVER = """(one, how) => {
  const over = one.querySelectorAll(".viewer-over, .viewer-compare, .viewer-sheet");
  for (const it of over) it.style.visibility = how;
}"""
RESET = """one => {
  one.removeAttribute("compare");
  one.querySelector("[aria-expanded=true]")?.click();
  globalThis.home ??= [...one.view.eye, ...one.view.target];
  location.hash = `#view=${home}&again=${Math.random()}`;
}"""
M = 1e6


def drawing_chromium() -> AbstractContextManager[Browser]:
    """Chromium without a window, whose WebGL is drawn by SwiftShader."""
    return chromium(DRAWING)


@contextmanager
def opened(
    browser: Browser, address: str, *, size: str = "desk", scheme: str = "light", language: str = "en",
    script: str = "", hold: str = "", **more: Any,
) -> Iterator["Viewing"]:  # fmt: skip
    """A new window at ``address``, in which the model stands. Complaints of its console fail the test.
    ``script`` runs in it before all others; ``hold``: addresses that are answered when `Viewing.let_go` says.
    """
    width, height = SIZES[size]
    phone = size == "phone"
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale=language, has_touch=phone,
        is_mobile=phone, **{"reduced_motion": "reduce", **more},
    )  # fmt: skip
    context.add_init_script(script)
    viewing = Viewing(context.new_page())
    if hold:
        viewing.page.route(hold, lambda route: viewing.held.append(route))
    viewing.page.goto(address)
    viewing.ready()
    yield viewing
    kept(viewing.page, f"{size}-{scheme}/viewer-{urlsplit(address).path[1:].replace('/', '-')}")
    assert not viewing.said, viewing.said
    context.close()


class Viewing:
    """A window with a viewer."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        self.held: list[Route] = []
        page.on(
            "console", lambda one: self.said.append(one.text) if one.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def reset(self) -> None:
        """All as when it was opened: no panel, and the view where it begins."""
        self.element.evaluate(RESET)
        self.rest()

    @property
    def element(self) -> Locator:
        return self.page.locator("oberih-viewer")

    @property
    def canvas(self) -> Locator:
        return self.page.locator("oberih-viewer canvas")

    def ready(self) -> None:
        """Wait for the first picture in 3D, and for all that sharpens it."""
        self.element.scroll_into_view_if_needed()
        expect(self.page.locator("oberih-viewer.started")).to_be_attached(timeout=1000 * PATIENCE_S)

    def let_go(self) -> None:
        for one in self.held:
            one.continue_()

    def get(self, name: str) -> Any:
        """A property of the element."""
        return self.element.evaluate(f"one => one.{name}")

    def until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < end, "it did not come to be"
            self.page.wait_for_timeout(30)

    def look(self, eye: tuple[float, float, float], target: tuple[float, float, float]) -> None:
        """Stand at ``eye`` at once. Metres."""
        view = {"eye": [round(M * one) for one in eye], "target": [round(M * one) for one in target]}
        self.element.evaluate("(one, view) => { one.view = view }", view)
        self.rest()

    def rest(self) -> None:
        """Wait until nothing moves."""
        self.page.wait_for_timeout(30)
        self.until(lambda: bool(self.get("state.resting")))

    def place(self, point: tuple[float, float, float], field_deg: float) -> tuple[float, float]:
        """Where a point of the model stands in the window, computed from the view that the element tells."""
        view = self.get("view")
        eye, target = (np.array(view[one]) / M for one in ("eye", "target"))
        box = self.canvas.bounding_box()
        assert box is not None
        ahead = (target - eye) / np.linalg.norm(target - eye)
        right = np.cross(ahead, [0, 1, 0])
        right /= np.linalg.norm(right)
        away = np.array(point) - eye
        half = math.tan(math.radians(field_deg) / 2) * max(1.0, 4 / 3 / (box["width"] / box["height"]))
        scale = box["height"] / 2 / half / (away @ ahead)
        x = box["x"] + box["width"] / 2 + scale * (away @ right)
        y = box["y"] + box["height"] / 2 - scale * (away @ np.cross(right, ahead))
        return float(x), float(y)

    def pick(self, x: float, y: float) -> NDArray[np.float64] | None:
        """The point of the model there. Metres."""
        found = self.element.evaluate("(one, [x, y]) => one.pick(x, y)", [x, y])
        return None if found is None else np.array(found) / M

    def tool(self, name: str) -> Locator:
        return self.page.get_by_role("toolbar").get_by_role("button", name=name)

    def check(self, group: str, value: str) -> None:
        """Choose one of a group of radio buttons."""
        self.page.locator(f"[data-choice={group}] input[value='{value}']").check()
        self.rest()

    def picture(self) -> NDArray[np.float64]:
        """``(H, W, 3)`` what the canvas shows, without what lies over it."""
        self.rest()
        self.element.evaluate(OVER, "hidden")
        data = self.canvas.screenshot()
        self.element.evaluate(OVER, "")
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float64)

    def drawn(self) -> Mapping[str, Any]:
        state = self.get("state")
        assert isinstance(state, dict)
        return state
