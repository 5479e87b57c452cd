"""A full harvest by OAI-PMH of 100,000 records or more, over HTTP from one process: held to a bar.

    python benchmarks/harvest.py [--records 100000] [--kind sqlite postgresql]

The server is the public application (uvicorn, one process); the harvester asks for page after page, as they
do. Bar: 2,000 records a second in oai_dc on SQLite. When the clock has stopped, all is harvested again, and
every answer is held to the schema of the protocol, and the copy to what is in the store, deletions and days
included. Of lido and edm, and of the dump, the speed is told. Stores are kept in build/benchmarks.
"""

import argparse
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from harness import BUILD, HOME, SHARED, keep, machine, table
from oberih.catalogue.public import (
    PublicRecord,
    Withdrawn,
    create,
    extent,
    is_current,
    load,
    open_projection,
    publish,
    withdraw,
)
from search import address, cpu_clock, served
from search_records import records

BAR = 2_000  # records a second
LOADED, LATER = date(2026, 3, 1), date(2026, 3, 9)
CHANGED, GONE = 300, 200  # of the records, on a later day
PREFIXES = {"oai_dc": 0, "lido": 50, "edm": 50}  # pages; 0: all
HEADER = re.compile(rb"<header( status=\"deleted\")?><identifier>([^<]+)</identifier><datestamp>([^<]+)<")
TOKEN = re.compile(rb"<resumptionToken[^>]*>([^<]+)<")
Copy = dict[str, tuple[str, bool]]  # identifier -> day, and whether it is there


def serve(url: str, port: int) -> None:
    """The public side."""
    import uvicorn

    from oberih.archive.stores import open_store
    from oberih.web.open.app import public_app
    from oberih.web.pages import Pages

    files = open_store(BUILD / "no-files", create=True)
    app = public_app(open_projection(url), files, Pages(address="https://heritage.example"))
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


def filled(url: str, count: int) -> Copy:
    """Fill the store if it is not; what is in it."""
    store = open_projection(url, read_only=False)
    create(store)
    graves = [
        Withdrawn(id=f"ark:/99999/b1gone{n:06}", version=1, month="2026-02") for n in range(count // 100)
    ]
    told: Copy = {one.id: (LOADED.isoformat(), False) for one in graves}
    first: list[PublicRecord] = []

    def every() -> Iterator[PublicRecord]:
        for one in records(count):
            told[one.id] = LOADED.isoformat(), True
            if len(first) < CHANGED + GONE:
                first.append(one)
            yield one

    there = is_current(store) and extent(store).records == count - GONE
    if there:
        for _ in every():
            pass
    else:
        load(store, every(), graves, today=LOADED)
    for one in first[:CHANGED]:
        told[one.id] = LATER.isoformat(), True
        if not there:
            publish(store, one.model_copy(update={"version": one.version + 1}), today=LATER)
    for one in first[CHANGED:]:
        told[one.id] = LATER.isoformat(), False
        if not there:
            withdraw(store, one.id, "2026-03", today=LATER)
    store.close()
    return told


@dataclass
class Harvest:
    """What came, and how long it took."""

    copy: Copy = field(default_factory=dict)
    pages: int = 0
    bytes: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0  # of the server and the database

    @property
    def rate(self) -> float:
        return len(self.copy) / self.wall_s


def harvest(
    client: httpx.Client, cpu: Callable[[], float], asked: Mapping[str, str], pages: int = 0,
    look: Callable[[bytes], Any] | None = None,
) -> Harvest:  # fmt: skip
    """Page after page; ``look`` is shown each, while the clock stands."""
    found, given = Harvest(), {"verb": "ListRecords", **asked}
    while True:
        used, began = cpu(), time.perf_counter()
        answer = client.get("/oai", params=given).raise_for_status().content
        for deleted, identifier, day in HEADER.findall(answer):
            found.copy[identifier.decode()] = day.decode(), not deleted
        token = TOKEN.search(answer)
        found.wall_s += time.perf_counter() - began
        found.cpu_s += cpu() - used
        found.pages += 1
        found.bytes += len(answer)
        if look:
            look(answer)
        if token is None or found.pages == pages:
            return found
        given = {"verb": "ListRecords", "resumptionToken": token[1].decode()}


def checker() -> Callable[[bytes], Any] | None:
    """Holds an answer to the schemas; None if they are not here."""
    sys.path.insert(0, str(HOME / "tests"))
    if not (SHARED / "suites" / "xsd").is_dir():
        return None
    from schemas import oai_pmh

    return oai_pmh


def dumped(client: httpx.Client) -> tuple[int, int, float]:
    """Lines and bytes of the dump, and seconds."""
    lines = size = 0
    unpacker = zlib.decompressobj(31)
    began = time.perf_counter()
    with client.stream("GET", "/dump/records.jsonl.gz") as answer:
        for piece in answer.iter_raw():
            size += len(piece)
            lines += unpacker.decompress(piece).count(b"\n")
    return lines, size, time.perf_counter() - began


def measured(kind: str, count: int) -> dict[str, Any]:
    url = address(kind, count, "harvest")
    told = filled(url, count)
    store = open_projection(url)
    try:
        with served(__file__, url, "/healthz") as (server, client):
            cpu = cpu_clock(server, store)
            own = {name: harvest(client, cpu, {"metadataPrefix": name}, n) for name, n in PREFIXES.items()}
            for name, pages in PREFIXES.items():
                whole = harvest(client, cpu, {"metadataPrefix": name}, pages, checker())
                assert pages or whole.copy == own[name].copy == told, name
            days = {"metadataPrefix": "oai_dc", "from": f"{LATER}", "until": f"{LATER}"}
            assert harvest(client, cpu, days).copy == {
                one: what for one, what in told.items() if what[0] == f"{LATER}"
            }
            lines, size, took = dumped(client)
            assert lines == count - GONE
            memory = int(re.findall(r"RssAnon:\s+(\d+)", Path(f"/proc/{server}/status").read_text())[0])
    finally:
        store.close()
    return {
        "kind": kind, "records": count, "MiB": memory / 1024,
        "dump": {"records/s": lines / took, "MB": size / 1e6},
        "formats": {
            name: {"records/s": one.rate, "CPU us/record": one.cpu_s / len(one.copy) * 1e6,
                   "records": len(one.copy), "pages": one.pages, "MB": one.bytes / 1e6}
            for name, one in own.items()
        },
    }  # fmt: skip


def report(results: list[dict[str, Any]]) -> str:
    about = (
        "One harvester over HTTP, one process that serves. All answers fit the schemas; the copy is right."
    )
    head = ["store", "records", "format", "harvested", "records/s", "CPU µs a record", "MB"]
    rows = [
        [one["kind"], f"{one['records']:,}", name, f"{row['records']:,}", f"{row['records/s']:,.0f}",
         f"{row['CPU us/record']:.0f}", f"{row['MB']:.0f}"]
        for one in results for name, row in one["formats"].items()
    ]  # fmt: skip
    rows += [
        [one["kind"], f"{one['records']:,}", "dump (JSON Lines, gzip)", f"{one['records'] - GONE:,}",
         f"{one['dump']['records/s']:,.0f}", "", f"{one['dump']['MB']:.0f}"]
        for one in results
    ]  # fmt: skip
    memory = ", ".join(f"{one['kind']} {one['MiB']:.0f} MiB" for one in results)
    return "\n".join(
        [
            "# Harvest",
            "",
            f"{machine()}. {about} Memory of the server, without the file that it maps: {memory}.",
            "",
            table(head, rows),
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--kind", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.port)
        return 0
    results = [measured(kind, given.records) for kind in given.kind]
    keep("harvest", results, report(results))
    return int(any(one["formats"]["oai_dc"]["records/s"] < BAR for one in results if one["kind"] == "sqlite"))


if __name__ == "__main__":
    sys.exit(main())
