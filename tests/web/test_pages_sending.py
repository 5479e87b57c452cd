"""The contribute page sends to the real uploads, from a real browser, over lines that break."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI, Request, Response
from playwright.sync_api import Browser, Page, expect

from oberih.web.pages import Pages, StaticPages
from oberih.web.uploads import uploads_router
from oberih.web.views import ContributePage
from oberih.work.arrivals import Arrivals, Limits, Received, Uploader
from web.browser import chromium, serving
from web.page_parts import NEWCOMER
from web.page_work import CONTRIBUTION
from web.phones import BadLine, Weather, digests, photos
from web.upload_server import Told, Witness

WAIT_MS = 240_000  # machines that test are busy


class Service:
    """A page, the uploads, and what arrived."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.folder, self.received = folder, list[Received]()
        self.arrivals = Arrivals(folder / "uploads", keep_free=0)
        self.app = FastAPI()
        pages = Pages()
        limits = limits or Limits()

        async def contribute(request: Request) -> Response:
            view = ContributePage(
                limits.files, limits.file_bytes, limits.contribution_bytes, 7, "1", api="/api/contributions"
            )
            return pages.response(request, view, visitor=NEWCOMER, csrf="c5rf")

        async def contribution(request: Request) -> Response:
            return pages.response(request, CONTRIBUTION, visitor=NEWCOMER, csrf="c5rf")

        self.app.mount("/static", StaticPages())
        self.app.get("/contribute")(contribute)
        self.app.get("/contributions/{id}")(contribution)
        router = uploads_router(self.arrivals, lambda: Uploader("malva", limits), self.received.append)
        self.app.include_router(router, prefix="/api")
        self.witnessed = Witness(self.app, folder / "witness")

    @property
    def digests(self) -> dict[str, str]:
        """Of what the last contribution's receipt says."""
        return {one["name"]: one["sha256"] for one in self.received[-1].receipt.files}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


class Line(BadLine):
    """A line whose weather turns: a page comes over it while it is good."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ports: list[int], weather: Weather, seed: int
    ) -> None:
        super().__init__(ports, weather, seed)
        self.loop = loop

    def turns(self, weather: Weather) -> None:
        self.weather = weather
        self.loop.call_soon_threadsafe(self._reset_all)


@contextmanager
def line_to(address: str, weather: Weather) -> Iterator[tuple["Line", str]]:
    """A line to the service at ``address``, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    run = lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(30)  # noqa: E731
    line = Line(loop, [int(address.rsplit(":", 1)[1])], weather, seed=5)
    run(line.__aenter__())
    try:
        yield line, f"http://localhost:{line.port}"
    finally:
        run(line.__aexit__())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def on_disk(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in files]


def empty(folder: Path) -> None:
    """Wait until the line has carried what was on its way when the browser left."""
    size = -1
    while size != (size := (folder / "witness").stat().st_size):
        time.sleep(0.5)


def fill_in(page: Page, paths: list[str]) -> None:
    page.set_input_files("#files", paths)
    page.fill("#title", "Дерев’яна церква")
    page.select_option("#kind", "building")
    page.fill("#place", "за ставком, друга хата")
    page.check("input[value=cc0-1\\.0]")
    page.check("input[value=own]")
    page.check("input[value=keep]")


def test_photos_get_through_a_line_that_keeps_breaking(browser: Browser, tmp_path: Path) -> None:
    files = photos(seed=3, count=12, size=300_000)
    service = Service(tmp_path)
    with (
        serving(service.witnessed) as address,
        line_to(address, Weather()) as (line, bad),
    ):
        page = browser.new_page(locale="uk")
        page.goto(f"{bad}/contribute")
        line.turns(Weather(cut_bytes=600_000, silent=0))
        fill_in(page, on_disk(tmp_path / "phone", files))
        expect(page.locator("[data-count]")).to_contain_text("12 файлів")
        page.click("[data-send]")
        page.wait_for_url("**/contributions/*", timeout=WAIT_MS)
        page.close()
    assert line.cuts > 3
    assert service.digests == digests(files)
    assert sum(Told.by(tmp_path).again.values()) == 0  # no acknowledged byte came twice
    told = service.received[-1].contribution
    assert told.details == {
        "title": "Дерев’яна церква", "kind": "building", "place": "за ставком, друга хата", "latitude": None,
        "longitude": None, "subject": "", "licence": "cc0-1.0", "consents": ["own", "keep"],
        "terms": "1", "language": "uk",
    }  # fmt: skip


def test_after_a_reload_the_same_files_go_on_where_they_stopped(browser: Browser, tmp_path: Path) -> None:
    files = photos(seed=4, count=4, size=400_000)
    service = Service(tmp_path)
    paths = on_disk(tmp_path / "phone", files)
    stranger = on_disk(tmp_path / "other", {"IMG_0000.jpg": b"something else"})
    with serving(service.witnessed) as address, line_to(address, Weather(rate=150_000)) as (_, slow):
        context = browser.new_context(locale="en")
        page = context.new_page()
        page.goto(f"{slow}/contribute")
        fill_in(page, paths)
        page.click("[data-send]")
        while page.evaluate("document.querySelector('#sent').value") < 0.3:
            page.wait_for_timeout(50)
        expect(page.locator("[data-percent]")).to_be_visible()
        expect(page.locator("[data-pictures] li")).to_have_count(4)
        page.close()  # in the middle
        empty(tmp_path)
        page = context.new_page()
        page.goto(f"{address.replace('localhost', '127.0.0.1')}/contribute")
        expect(page.locator("#unfinished")).to_be_hidden()  # of another address
        page.goto(f"{slow}/contribute")
        expect(page.locator("#unfinished")).to_contain_text("Дерев’яна церква")
        page.set_input_files("[data-again]", stranger + paths[:1])
        expect(page.locator("#unfinished")).to_contain_text("1 of these files does not belong to it.")
        page.set_input_files("[data-again]", paths[1:])
        page.wait_for_url("**/contributions/*", timeout=WAIT_MS)
        page.goto(f"{slow}/contribute")
        expect(page.locator("#unfinished")).to_be_hidden()  # it is finished
        context.close()
    assert service.digests == digests(files)
    assert sum(Told.by(tmp_path).again.values()) == 0
    assert len(service.received) == 1


def test_what_the_server_refuses_does_not_stop_the_others(browser: Browser, tmp_path: Path) -> None:
    """A file is taken away on the server while the others arrive; the page says so, and the rest is safe."""
    files = photos(seed=6, count=3, size=50_000)
    service = Service(tmp_path)
    with serving(service.witnessed) as address:
        page = browser.new_page(locale="en")
        refused = json.dumps({"message": "This file is not welcome.", "advice": "Leave it out."})
        seen = {"first": ""}

        def refuse(route) -> None:  # type: ignore[no-untyped-def]
            seen["first"] = seen["first"] or route.request.url
            if route.request.url == seen["first"]:
                route.fulfill(status=415, body=refused, content_type="application/json")
            else:
                route.continue_()

        page.route("**/files/**", refuse)
        page.goto(f"{address}/contribute")
        fill_in(page, on_disk(tmp_path / "phone", files))
        page.click("[data-send]")
        page.wait_for_url("**/contributions/*", timeout=WAIT_MS)
        page.close()
    assert len(service.digests) == 2
    assert service.digests.items() < digests(files).items()
    assert len(service.received[-1].receipt.missing) == 1


def test_files_that_cannot_be_sent_are_told_before_anything_is_sent(browser: Browser, tmp_path: Path) -> None:
    service = Service(tmp_path, Limits(files=2, file_bytes=100_000, contribution_bytes=150_000))
    with serving(service.witnessed) as address:
        page = browser.new_page(locale="en")
        page.goto(f"{address}/contribute")
        files = {"large.jpg": bytes(100_001), "empty.jpg": b"", "words.txt": b"words", "good.jpg": b"good"}
        page.set_input_files("#files", on_disk(tmp_path / "phone", files))
        told = page.locator("[data-refused]")
        for words in (
            "large.jpg is larger than 100 kB.",
            "empty.jpg is empty.",
            "words.txt is no photo or video.",
        ):
            expect(told).to_contain_text(words)
        expect(page.locator("[data-count]")).to_have_text("1 file, 1 kB")
        expect(page.locator("[data-advice]")).to_contain_text("1 photo is not much")
        page.get_by_label("Remove good.jpg").click()
        expect(page.locator("#chosen")).to_be_hidden()
        page.click("[data-send]")  # nothing is chosen: the browser says so itself
        assert page.evaluate("document.querySelector('#files').validity.valueMissing")
        page.close()
    assert service.received == []


def test_small_pictures_are_made_in_the_browser(browser: Browser, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    picture = cv2.imencode(".jpg", np.full((900, 1200, 3), (40, 160, 90), np.uint8))[1].tobytes()
    service = Service(tmp_path)
    with serving(service.witnessed) as address:
        page = browser.new_page()
        page.goto(f"{address}/contribute")
        page.set_input_files("#files", on_disk(tmp_path / "phone", {f"{n}.jpg": picture for n in range(3)}))
        expect(page.locator("[data-thumbs] img")).to_have_count(3)
        sizes = page.evaluate(
            "[...document.querySelectorAll('[data-thumbs] img')].map(one => one.naturalWidth)"
        )
        assert sizes == [240, 240, 240]
        page.close()


def test_without_a_line_nothing_begins_and_the_page_says_so(browser: Browser, tmp_path: Path) -> None:
    service = Service(tmp_path)
    with serving(service.witnessed) as address:
        context = browser.new_context(locale="en")
        page = context.new_page()
        page.goto(f"{address}/contribute")
        fill_in(page, on_disk(tmp_path / "phone", {"1.jpg": b"photo"}))
        context.set_offline(True)
        page.click("[data-send]")
        expect(page.locator("[data-refused]")).to_contain_text("nothing was sent yet")
        context.set_offline(False)
        page.click("[data-send]")
        page.wait_for_url("**/contributions/*", timeout=WAIT_MS)
        context.close()
    assert len(service.received) == 1
