"""Uploads over bad lines, with servers that are killed, held to bars; and what arriving costs.

    .venv/bin/python benchmarks/uploads.py [--small]

Phones and lines are simulated at the socket by tests/web/phones.py, the service is real processes over one
folder. Every receipt is compared with the hashes of what was sent; witnesses in the servers see every byte
that comes in and every offset that is acknowledged. ``--small``: a tenth of everything. Exit code 1 if a bar
is missed.
"""

import argparse
import asyncio
import http.client
import json
import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness

sys.path.insert(0, str(harness.HOME / "tests"))
from web.phones import BadLine, Phone, Weather, digests, photos
from web.upload_server import Server, Told, serving

PLACE = harness.BUILD / "uploads"
MOST_CPU = 5.0  # CPU-seconds per GB: one core takes 200 MB/s, whatever else the machine does
BYTES = {"X-Account": "phone", "Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


@dataclass
class Sent:
    """What phones sent in one scene, and what they and the witnesses know of it."""

    files: int = 0
    bytes: int = 0
    wrong: int = 0  # files whose digest in the receipt is another
    cuts: int = 0
    requests: int = 0
    again: int = 0  # bytes that a phone sent though it knew that they had arrived
    seconds: float = 0
    came: int = 0  # bytes that reached a server
    came_again: int = 0  # of them: bytes that had been acknowledged before
    stops: int = 0
    kills: int = 0

    @property
    def good(self) -> bool:
        return self.files > 0 and self.wrong == self.again == self.came_again == 0

    def row(self, name: str) -> list[object]:
        extra = (self.came - self.bytes) / self.bytes
        return [
            name, self.files, f"{self.bytes / 1e6:.0f} MB", self.cuts, f"{self.stops} + {self.kills}",
            self.wrong, self.again + self.came_again, f"{extra:.1%}", f"{self.seconds:.0f} s",
        ]  # fmt: skip


def fresh(name: str) -> Path:
    path = PLACE / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


async def one_phone(
    number: int,
    ports: list[int],
    weather: Weather,
    count: int,
    size: int,
    sent: Sent,
    more: Callable[[], bool],
) -> None:
    """Send sets of photos, at least one, and go on as long as there is to be ``more``."""
    rounds = 0
    while rounds == 0 or more():
        files = photos(1000 * number + rounds, count, size)
        async with BadLine(ports, weather, seed=1000 * number + rounds) as line:
            # Nothing is deposited here, and one account may only have so much that is not.
            phone = Phone(line.port, f"phone-{number}-{rounds}", patience_s=3)
            receipt = await phone.send(files)
            sent.cuts += line.cuts
        true = digests(files)
        sent.wrong += sum(true[told["name"]] != told["sha256"] for told in receipt["files"])
        sent.wrong += len(files) - len(receipt["files"])
        sent.files, sent.bytes = sent.files + len(files), sent.bytes + sum(map(len, files.values()))
        sent.requests, sent.again = sent.requests + phone.tries, sent.again + phone.again
        rounds += 1


async def unrest(servers: list[Server], sent: Sent, seed: int) -> None:
    """Kill, or stop, one of the servers at random moments, and start it again."""
    chance = random.Random(seed)
    while True:
        await asyncio.sleep(chance.uniform(0.05, 1))
        server = chance.choice(servers)
        if chance.random() < 0.7:
            await asyncio.to_thread(server.kill)
            sent.kills += 1
        else:
            await asyncio.to_thread(server.stop)
            sent.stops += 1
        await asyncio.to_thread(server.start)


def scene(
    name: str, weather: Weather, *, phones: int, count: int, size: int, servers: int = 2, kills: int = 0
) -> Sent:
    """``phones`` that send ``count`` photos each, over and over until the servers were killed so often."""
    folder, sent = fresh(name), Sent()

    async def run(running: list[Server]) -> None:
        ports = [server.port for server in running]
        trouble = asyncio.create_task(unrest(running, sent, 7)) if kills else None
        more: Callable[[], bool] = lambda: sent.kills + sent.stops < kills  # noqa: E731
        work = [one_phone(n, ports, weather, count, size, sent, more) for n in range(phones)]
        await asyncio.gather(*work)
        if trouble is not None:
            trouble.cancel()
            with suppress(asyncio.CancelledError):
                await trouble

    began = time.monotonic()
    with serving(folder, servers) as running:
        asyncio.run(run(running))
    sent.seconds = time.monotonic() - began
    told = Told.by(folder)
    sent.came, sent.came_again = sum(told.came.values()), sum(told.again.values())
    shutil.rmtree(folder)
    print(f"{name}: {sent}", file=sys.stderr, flush=True)
    return sent


def arrive(folder: Path, count: int, size: int) -> tuple[float, float, float]:
    """MB/s acknowledged over loopback, CPU-seconds per GB of the server with hashing, its memory in MiB."""
    data = memoryview(os.urandom(min(size, 64 << 20)) * (size // min(size, 64 << 20)))
    with serving(folder, 1, witness=False) as (server,):
        line = http.client.HTTPConnection("127.0.0.1", server.port)

        def ask(method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            said = answer.read()
            assert answer.status < 300, said
            return json.loads(said) if said else None

        offered = json.dumps({"files": [{"name": str(n), "size": len(data)} for n in range(count)]})
        as_json = {**BYTES, "Content-Type": "application/json"}
        made = ask("POST", "/contributions", offered, as_json)
        cpu, began = server.cpu_s(), time.monotonic()
        for file in made["files"]:
            ask("PATCH", file["url"], data, {**BYTES, "Upload-Offset": "0"})
        seconds = time.monotonic() - began
        ask("POST", made["url"] + "/complete", "{}", as_json)
        total = count * len(data)
        return total / 1e6 / seconds, (server.cpu_s() - cpu) / total * 1e9, server.peak_bytes() / 2**20


def disk_speed(folder: Path, size: int) -> float:
    """MB/s that the disk takes with one fsync at the end: uploads cannot be faster."""
    data = os.urandom(8 << 20)
    os.sync()
    began = time.monotonic()
    with (folder / "plain").open("wb") as file:
        for _ in range(size // len(data)):
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    seconds = time.monotonic() - began
    (folder / "plain").unlink()
    return size / 1e6 / seconds


def costs(scale: float) -> tuple[list[list[object]], bool]:
    rows: list[list[object]] = []
    good = True
    memory = Path("/dev/shm")
    for place, name in ((fresh("speed"), "disk"), (memory / "oberih-uploads", "memory")):
        if not place.parent.is_dir():
            continue
        for count, size in ((1, int(scale * 16) * 64 << 20), (int(100 * scale), 5 << 20)):
            speeds = []
            for _ in range(3):
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir(parents=True)
                plain = disk_speed(place, count * size)
                speeds.append((*arrive(place, count, size), plain))
            shutil.rmtree(place, ignore_errors=True)
            speed, cpu, peak, plain = (statistics.median(column) for column in zip(*speeds, strict=True))
            what = f"{count} x {size >> 20} MiB, {name}"
            rows.append([what, f"{speed:.0f}", f"{plain:.0f}", f"{cpu:.2f}", f"{peak:.0f}"])
            good = good and cpu <= MOST_CPU
    return rows, good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of everything")
    scale = 0.1 if parser.parse_args().small else 1.0
    scenes = {
        "64 phones, connections cut every 400 kB": scene(
            "cut", Weather(cut_bytes=400_000, silent=0.05),
            phones=64, count=max(1, int(10 * scale)), size=400_000,
        ),
        "64 phones, servers killed": scene(
            "killed", Weather(cut_bytes=1_000_000, rate=40_000),
            phones=64, count=3, size=100_000, kills=int(200 * scale),
        ),
        # A fortieth of the time: 250 kB/s that drop every 20 s are 10 MB/s that drop every 0.5 s.
        "300 photos of 3.5 MB, the line drops every 20 s (time / 40)": scene(
            "drops", Weather(drop_every_s=0.5, drop_s=0.05, rate=10e6),
            phones=1, count=int(300 * scale), size=3_500_000, servers=1,
        ),
    }  # fmt: skip
    rows, fast = costs(scale)
    good = all(sent.good for sent in scenes.values()) and fast
    head = ["scene", "files", "sent", "cuts", "stops + kills", "wrong files", "acknowledged bytes sent again",
            "bytes that came beyond the files", "time"]  # fmt: skip
    text = "\n\n".join([
        f"# Uploads\n\n{harness.machine()}",
        harness.table(head, [sent.row(name) for name, sent in scenes.items()]),
        harness.table(["arriving over loopback", "MB/s acknowledged", "MB/s of a plain write with fsync",
                       "CPU-seconds per GB, with SHA-256", "memory of the server, MiB"], rows),
        f"Bars: 0 wrong files, 0 acknowledged bytes sent again, {MOST_CPU:.0f} CPU-seconds per GB "
        "(so that one core takes 200 MB/s where the disk is not the limit): "
        + ("all held." if good else "MISSED."),
    ])  # fmt: skip
    record = {"scenes": {name: vars(sent) for name, sent in scenes.items()}, "arriving": rows, "good": good}
    harness.keep("uploads", record, text)
    shutil.rmtree(PLACE, ignore_errors=True)
    sys.exit(not good)


if __name__ == "__main__":
    main()
