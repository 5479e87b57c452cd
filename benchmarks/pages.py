"""Record pages of the real service, each asked for once, held to bars; and what one costs to send.

    .venv/bin/python benchmarks/pages.py [--small] [--seconds 20]

`oberih serve` runs with its own processes over a store of made-up records, each with a model, its pictures,
files, notes and neighbours on the map. A client asks for one page after the other over kept connections, all
of them different, so that no cache could answer; its CPU is of the same two cores. ``--small``: few
records, 4 seconds. Exit code 1 if a bar is missed.
"""

import argparse
import asyncio
import re
import shutil
import sys
import time
from dataclasses import asdict, dataclass

import httpx
import psutil

import harness
from oberih.catalogue.public import (
    PublicAnnotation,
    PublicFile,
    PublicRecord,
    PublicScene,
    PublicView,
    Quality,
    load,
    open_projection,
)
from search_records import records

sys.path.insert(0, str(harness.HOME / "tests"))
from web.served import Served

PLACE = harness.BUILD / "pages"
PER_SECOND = 200  # pages
MOST_BYTES = 100_000  # HTML, style sheets and the page's own script, as they are sent
LINES = 16  # connections
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


def full(one: PublicRecord) -> PublicRecord:
    """A record as a published one is: with its model, pictures, downloads and notes."""
    below = one.id.removeprefix("ark:/").replace("/", "-") + "/v1"
    made = [(f"poster-{width}.webp", "poster", "image/webp", "", width) for width in (400, 800, 1200)]
    made += [(f"{role}.glb", role, "model/gltf-binary", "glb", 0) for role in ("small", "full")]
    made += [(f"downloads/model.{name}", "download", "application/octet-stream", name, 0)
             for name in ("glb", "usdz", "obj", "ply", "stl", "3mf", "laz", "e57")]  # fmt: skip
    made += [(f"turntable/{n:02}.webp", "turntable", "image/webp", "", 640) for n in range(24)]
    made.append(("social.jpg", "social", "image/jpeg", "", 1200))
    view = PublicView(eye=(2_000_000, 1_500_000, 3_000_000), target=(0, 500_000, 0))
    return one.model_copy(update={
        "files": tuple(
            PublicFile(
                path=f"{below}/{path}", role=role, media_type=kind, format=name or None, bytes=10_000_000,
                sha256=f"{n:064x}", size_px=(width, width * 5 // 8) if width else None,
            )
            for n, (path, role, kind, name, width) in enumerate(made)
        ),
        "scene": PublicScene(unit="m", size=(2_000_000, 1_000_000, 3_000_000), view=view, field_deg=40),
        "quality": Quality(triangles=1_000_000, photos=120, error_um=4_000, size_mm=(2_000, 1_000, 3_000)),
        "annotations": tuple(
            PublicAnnotation(id=f"n{n}", at=(0, 0, 0), titles={"uk": "Тріщина", "en": "A crack"},
                             texts={"uk": "Її ще не було на світлинах 2019 року.", "en": "It is new."})
            for n in range(4)
        ),
    })  # fmt: skip


@dataclass
class Load:
    """What the client saw."""

    answers: int = 0
    wrong: int = 0
    bytes: int = 0
    seconds: float = 0.0
    slowest_ms: float = 0.0  # of 99 in 100
    client_cpu_s: float = 0.0


async def ask(port: int, paths: list[str], until: float) -> Load:
    """One connection after the other path, over `LINES` connections."""
    told, times = Load(), list[float]()
    waiting = iter(paths)

    async def line() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        for path in waiting:
            if time.monotonic() > until:
                break
            began = time.monotonic()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Language: uk\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else await chunked(reader)
            times.append(time.monotonic() - began)
            told.answers += 1
            told.bytes += len(body)
            told.wrong += not (head.startswith(b"HTTP/1.1 200") and path.encode() in body)
        writer.close()

    began, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(line() for _ in range(LINES)))
    told.seconds, told.client_cpu_s = time.monotonic() - began, time.process_time() - cpu
    told.slowest_ms = 1000 * sorted(times)[int(0.99 * len(times))]
    return told


async def chunked(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)


def weighed(served: Served, path: str) -> dict[str, int]:
    """Bytes that a browser gets before the viewer: the page, its style sheets, the scripts of every page."""
    taken = {"Accept-Encoding": "br, gzip", "Accept-Language": "uk"}
    with httpx.Client(base_url=served.url, headers=taken, timeout=30) as browser:

        def sent(address: str) -> int:
            with browser.stream("GET", address) as answer:
                assert answer.status_code == 200, address
                return sum(len(part) for part in answer.iter_raw())

        html = browser.get(path).text
        styles = set(re.findall(r'<link rel="stylesheet" href="(/static/[^"]+)"', html))
        scripts = set(re.findall(r'<script type="module" src="(/static/[^"]+)"', html))
        scripts |= set(re.findall(r'<link rel="modulepreload" href="(/static/[^"]+)"', html))
        own = {one for one in scripts if "/viewer" not in one}
        return {
            "html": sent(path), "css": sum(map(sent, styles)), "script": sum(map(sent, own)),
        }  # fmt: skip


def children(served: Served, module: str) -> list[psutil.Process]:
    """The processes that run a module of ours."""
    every = psutil.Process(served.process.pid).children(recursive=True)
    return [one for one in every if module in one.cmdline()]


def cpu_of(processes: list[psutil.Process]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in processes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    count, seconds = (2_000, 4.0) if given.small else (20_000, given.seconds)
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    served = Served(PLACE / "data")
    try:
        assert served.ready(), served.told()
        store = open_projection(f"sqlite:///{served.folder}/public/public.sqlite", read_only=False)
        known = [full(one) for one in records(count)]
        load(store, known)
        store.close()
        paths = [f"/records/{one.id.removeprefix('ark:/')}" for one in known]
        asyncio.run(ask(served.port, paths[:200], time.monotonic() + 5))  # what is read once is read now
        parts = weighed(served, paths[200])
        working = {name: children(served, name) for name in ("oberih.web.inside", "oberih.web.open")}
        before = {name: cpu_of(found) for name, found in working.items()}
        told = asyncio.run(ask(served.port, paths[201:], time.monotonic() + seconds))
        spent = {name: cpu_of(found) - before[name] for name, found in working.items()}
        memory = [one.memory_info().rss / 2**20 for found in working.values() for one in found]
    finally:
        served.end()
    per_second = told.answers / told.seconds
    held = per_second >= PER_SECOND and not told.wrong and sum(parts.values()) <= MOST_BYTES
    cpu = {**spent, "client": told.client_cpu_s}
    each = {name: f"{1000 * one / told.answers:.2f} ms" for name, one in cpu.items()}
    rows = [
        ("pages, all different", f"{told.answers} of {count} records"),
        ("pages/s", f"{per_second:.0f}"),
        ("wrong answers", told.wrong),
        ("slowest of 99 in 100", f"{told.slowest_ms:.0f} ms"),
        ("CPU of the web process for a page", each["oberih.web.inside"]),
        ("CPU of the public processes for a page", each["oberih.web.open"]),
        ("CPU of the client for a page", each["client"]),
        ("memory of the web and the public processes", " + ".join(f"{one:.0f} MiB" for one in memory)),
        ("a page before its viewer, as sent", f"{sum(parts.values()) / 1000:.1f} kB: " + ", ".join(
            f"{name} {size / 1000:.1f}" for name, size in parts.items())),
    ]  # fmt: skip
    text = (
        f"# Record pages\n\n{harness.machine()}\n\n{harness.table(('what', 'measured'), rows)}\n\n"
        f"Bars: {PER_SECOND} pages/s, none wrong, at most {MOST_BYTES / 1000:.0f} kB before the viewer: "
        + ("all held." if held else "MISSED.")
    )
    record = {**asdict(told), "spent_s": spent, "bytes_of_a_page": parts, "records": count}
    if given.small:
        print(text)
    else:
        harness.keep("pages", record, text)
    sys.exit(not held)


if __name__ == "__main__":
    main()
