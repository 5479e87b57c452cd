"""How soon a model is seen on a bad line, and whether a very large one stays interactive.

    python benchmarks/viewer.py [--times 3] [--triangles 5000000]

A phone on a line of 1.6 Mbit/s and 150 ms, four times slower than this machine, opens the page of a record:
when is its poster there, and when the first picture in 3D? Then a model of five million triangles is turned
in a window of 1280 x 800, drawn in software: as the viewer shows it, in levels and tiles, and all of it in
one file. Models are made once, below build/. Results: benchmarks/results/viewer.md.
"""

import argparse
import asyncio
import statistics
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import harness

sys.path.pop(0)  # this folder, in which other modules have these names
sys.path.insert(0, str(harness.HOME / "tests"))

from playwright.sync_api import Browser, Page

from oberih.catalogue.public import PublicRecord, publish
from oberih.formats.gltf import export_compressed
from oberih.products import Choices
from oberih.progress import Progress
from public_help import ark
from web.browser import serving
from web.viewer_models import Site, vase
from web.viewing import drawing_chromium

BITS_S, ROUND_TRIP_S = 1.6e6, 0.150
SLOWER = 4
POSTER_S, POSTER_BYTES, PICTURE_S = 3.0, 100_000, 8.0
TIMES_FASTER = 10.0
TURNING_S = 12
SEEN = """
addEventListener("oberih-ready", () => { globalThis.pictured = performance.now() / 1000 }, true);
document.addEventListener("load", (event) => {
  if (event.target.matches?.("oberih-viewer img") && !globalThis.posed)
    event.target.decode().then(() => { globalThis.posed = performance.now() / 1000 });
}, true);
"""
TURN = """async ([seconds]) => {
  const one = document.querySelector("oberih-viewer");
  const { eye, target } = one.view;
  const [x, z] = [eye[0] - target[0], eye[2] - target[2]];
  const began = performance.now(), frames = one.state.frames;
  for (let at = 1; performance.now() - began < 1000 * seconds; at++) {
    const turn = at * 1.2, [c, s] = [Math.cos(turn), Math.sin(turn)];
    const rested = new Promise((done) => one.addEventListener("oberih-view", done, { once: true }));
    one.goTo({ eye: [x * c - z * s + target[0], eye[1], x * s + z * c + target[2]].map(Math.round), target });
    await rested;
  }
  const [drawn, passed] = [one.state.frames - frames, (performance.now() - began) / 1000];
  return { fps: drawn / passed, frames: drawn, passed_s: passed };
}"""


@dataclass(frozen=True)
class Opened:
    """What one visit took, in seconds."""

    poster_s: float
    picture_s: float


class Line:
    """A slow line to a server on this machine: one for all that a browser opens, its workers too, to which
    Chromium's own throttling does not reach. Each connection costs a round trip to open.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.free_at = 0.0  # when the line has carried all that is on it
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()  # Playwright has one of its own
        begun = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self.connected, "localhost", 0), self.loop
        )
        self.server = begun.result()
        self.address = f"http://localhost:{self.server.sockets[0].getsockname()[1]}"

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("localhost", self.port)
        await asyncio.sleep(ROUND_TRIP_S)
        await asyncio.gather(self.carry(reader, back, slow=False), self.carry(there, writer, slow=True))

    async def carry(self, come: asyncio.StreamReader, go: asyncio.StreamWriter, *, slow: bool) -> None:
        with suppress(ConnectionError):
            while data := await come.read(4096):
                now = self.loop.time()
                if slow:
                    self.free_at = max(self.free_at, now) + 8 * len(data) / BITS_S
                    await asyncio.sleep(self.free_at - now)
                self.loop.call_later(ROUND_TRIP_S / 2, self.arrive, go, data)
                if go.is_closing():
                    break
            await asyncio.sleep(ROUND_TRIP_S)
        go.close()

    @staticmethod
    def arrive(go: asyncio.StreamWriter, data: bytes) -> None:
        if not go.is_closing():
            go.write(data)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def end(self) -> None:
        self.server.close()
        carrying = asyncio.all_tasks() - {asyncio.current_task()}
        if carrying:
            await asyncio.wait(carrying, timeout=10)  # what browsers had open is closed already


def visit(browser: Browser, address: str) -> Opened:
    """Open a record on a slow phone with a bad line, with nothing kept from before."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True, has_touch=True
    )
    page = context.new_page()
    page.add_init_script(SEEN)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(address)
    page.locator("oberih-viewer").scroll_into_view_if_needed()
    wait(page, "globalThis.pictured !== undefined", 60)
    result = Opened(page.evaluate("globalThis.posed"), page.evaluate("globalThis.pictured"))
    context.close()
    return result


def turned(browser: Browser, address: str, level: str) -> dict[str, Any]:
    """Turn the model for a while. Frames a second."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(300_000)
    page.goto(address)
    wait(page, f"document.querySelector('oberih-viewer').state?.level === '{level}'", 240)
    page.wait_for_timeout(3000)
    found: dict[str, Any] = page.evaluate(TURN, [TURNING_S])
    context.close()
    return found


def wait(page: Page, condition: str, seconds: float) -> None:
    for _ in range(int(seconds * 10)):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise TimeoutError(condition)


def published(site: Site, triangles: int) -> tuple[PublicRecord, PublicRecord, PublicRecord]:
    """A usual model; a very large one; and all of that in one file."""
    few = Choices.model_validate({"downloads": (), "turntable": 4})
    usual = site.add(vase(400_000, 4096, worn=True), 1, few, titles={"en": "A jug"})
    large = site.add(vase(triangles, 4096), 2, few, titles={"en": "A large jug"})
    path = site.folder / "files" / "3" / "model.glb"
    if not path.exists():
        path.parent.mkdir()
        export_compressed(path, vase(triangles, 4096), Progress())
    (full,) = large.files_for("full")
    file = full.model_copy(
        update={"path": "3/model.glb", "bytes": path.stat().st_size, "triangles": triangles}
    )
    whole = large.model_copy(update={"id": ark(3), "files": (file, *large.files_for("poster"))})
    publish(site.writer, whole)
    return usual, large, whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--triangles", type=int, default=5_000_000)
    options = parser.parse_args()
    site = Site(harness.BUILD / f"viewer-{options.triangles}")
    usual, large, whole = published(site, options.triangles)
    with serving(site.app) as address, drawing_chromium() as browser:
        line = Line(urlsplit(address).port or 80)

        def page(one: PublicRecord, kind: str, origin: str = address) -> str:
            return f"{origin}/{kind}/{one.id.removeprefix('ark:/')}"

        visits = [visit(browser, page(usual, "records", line.address)) for _ in range(options.times)]
        line.close()
        fast = turned(browser, page(large, "embed"), "tiles")
        slow = turned(browser, page(whole, "embed"), "full")
    site.close()
    poster, picture = (
        statistics.median(getattr(one, name) for one in visits) for name in ("poster_s", "picture_s")
    )
    poster_bytes = max(one.bytes for one in usual.files_for("poster"))
    faster = fast["fps"] / slow["fps"]
    levels = [f"{one.role} {one.bytes / 1e6:.2f} MB" for one in usual.files_for("small", "medium", "full")]
    lines = [
        "# The viewer on a bad line, and with a very large model", "",
        f"`python benchmarks/viewer.py`, {harness.machine()}; Chromium in software, {options.times} visits.",
        "", f"| 1.6 Mbit/s, 150 ms, {SLOWER}x slower | s | bar |", "| --- | ---: | ---: |",
        f"| poster ({poster_bytes / 1e3:.0f} kB) | {poster:.2f} | {POSTER_S:.0f} |",
        f"| first picture in 3D | {picture:.2f} | {PICTURE_S:.0f} |", "",
        f"Levels: {', '.join(levels)}.", "",
        f"| {options.triangles:,} triangles, turned | frames/s |", "| --- | ---: |",
        f"| in levels and tiles | {fast['fps']:.1f} |", f"| in one file | {slow['fps']:.2f} |", "",
        f"{faster:.0f} times as many frames (bar: {TIMES_FASTER:.0f}).",
    ]  # fmt: skip
    record = {
        "poster_s": poster, "picture_s": picture, "poster_bytes": poster_bytes,
        "visits": [vars(one) for one in visits], "tiles": fast, "one_file": slow, "times_faster": faster,
    }  # fmt: skip
    harness.keep("viewer", record, "\n".join(lines))
    missed = [
        name for name, met in (
            ("poster", poster <= POSTER_S and poster_bytes <= POSTER_BYTES),
            ("first picture", picture <= PICTURE_S), ("frames", faster >= TIMES_FASTER),
        ) if not met
    ]  # fmt: skip
    print(*(f"missed: {one}" for one in missed), file=sys.stderr, sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
