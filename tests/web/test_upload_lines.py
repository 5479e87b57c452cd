"""Real server processes and sockets: phones on bad lines, silence, stops and kills, hostility."""

import asyncio
import contextlib
import hashlib
import json
import os
import random
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from oberih.web.uploads import body
from web.phones import BadLine, Phone, Weather, digests, photos
from web.upload_server import Client, Server, Told, make_app, serving

TUS = {"X-Account": "olena", "Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as (one,):
        yield one


def one_file(server: Server, size: int) -> tuple[dict[str, Any], str]:
    """A contribution of one file: what was told of it, and the path of the file."""
    with httpx.Client(base_url=server.address, headers=TUS) as client:
        made = client.post("/contributions", json={"files": [{"name": "a", "size": size}]}).json()
    return made, made["files"][0]["url"]


def head(server: Server, path: str) -> httpx.Response:
    return httpx.head(server.address + path, headers=TUS)


def wait_for(server: Server, path: str, offset: int) -> None:
    """Until so much has arrived."""
    until = time.monotonic() + 20
    while (arrived := int(head(server, path).headers["Upload-Offset"])) != offset:
        assert arrived < offset and time.monotonic() < until
        time.sleep(0.01)


def begin_patch(server: Server, path: str, offset: int, length: int, data: bytes) -> socket.socket:
    """A PATCH that announces ``length`` bytes and brings ``data``."""
    line = socket.create_connection(("127.0.0.1", server.port), 10)
    told = {**BYTES, "Host": "x", "Upload-Offset": str(offset), "Content-Length": str(length)}
    headers = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    line.sendall(f"PATCH {path} HTTP/1.1\r\n{headers}\r\n".encode() + data)
    return line


async def send_all(
    ports: Sequence[int], weather: Weather, sets: Sequence[dict[str, bytes]], patience_s: float = 0.5
) -> tuple[list[Phone], list[dict[str, Any]], int]:
    """A phone with a line of its own for each set of files. Returns phones, receipts and how many cuts."""
    cuts = 0

    async def one(number: int, files: dict[str, bytes]) -> tuple[Phone, dict[str, Any]]:
        nonlocal cuts
        async with BadLine(ports, weather, seed=number) as line:
            phone = Phone(line.port, f"phone-{number}", patience_s)
            receipt = await phone.send(files)
            cuts += line.cuts
            return phone, receipt

    done = await asyncio.gather(*(one(number, files) for number, files in enumerate(sets)))
    return [phone for phone, _ in done], [receipt for _, receipt in done], cuts


def check(
    folder: Path, phones: Sequence[Phone], receipts: Sequence[Any], sets: Sequence[Any], stopped: bool = False
) -> None:
    """No byte lost, none doubled, none sent again that was known to have arrived."""
    for receipt, files in zip(receipts, sets, strict=True):
        assert {told["name"]: told["sha256"] for told in receipt["files"]} == digests(files)
    assert sum(phone.again for phone in phones) == 0
    assert stopped or sum(phone.failures for phone in phones) == 0
    told = Told.by(folder)
    assert sum(told.again.values()) == 0
    assert sum(told.acknowledged.values()) == sum(len(data) for files in sets for data in files.values())
    handed_on = {json.loads(line)[0] for line in (folder / "handed-on").read_text().splitlines()}
    assert handed_on == {receipt["contribution"] for receipt in receipts}


def test_eight_phones_on_bad_lines_and_two_servers(tmp_path: Path) -> None:
    sets = [photos(seed, 4, 150_000) for seed in range(8)]
    with serving(tmp_path, 2) as servers:
        ports = [server.port for server in servers]
        weather = Weather(cut_bytes=200_000, silent=0.1)
        phones, receipts, cuts = asyncio.run(send_all(ports, weather, sets))
    assert cuts > 10
    check(tmp_path, phones, receipts, sets)


def test_many_photos_on_a_line_that_drops_all_the_time(tmp_path: Path) -> None:
    """A line of 2 MB/s that drops every 0.4 s: each time about two photos have gone through."""
    sets = [photos(1, 20, 300_000)]
    with serving(tmp_path) as (server,):
        weather = Weather(drop_every_s=0.4, drop_s=0.03, rate=2e6)
        phones, receipts, cuts = asyncio.run(send_all([server.port], weather, sets))
    assert cuts > 3
    check(tmp_path, phones, receipts, sets)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_goes_away_in_the_middle(tmp_path: Path, how: str) -> None:
    sets = [photos(seed, 3, 400_000) for seed in range(4)]
    went_away = 0

    async def unrest(server: Server) -> None:
        nonlocal went_away
        for _ in range(2):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(getattr(server, how))
            await asyncio.to_thread(server.start)
            went_away += 1

    async def run(server: Server) -> Any:
        trouble = asyncio.create_task(unrest(server))
        try:
            return await send_all([server.port], Weather(rate=400_000), sets, patience_s=2)
        finally:
            trouble.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await trouble

    with serving(tmp_path) as (server,):
        phones, receipts, _ = asyncio.run(run(server))
    assert went_away >= 1
    check(tmp_path, phones, receipts, sets, stopped=how == "stop")


def test_who_comes_back_over_a_new_line_goes_on_at_once(server: Server) -> None:
    """The old line is dead, but its end never came: nothing waits for it; what it brings late is refused."""
    data = random.Random(1).randbytes(300_000)
    made, path = one_file(server, len(data))
    with begin_patch(server, path, 0, len(data), data[:100_000]) as old:
        wait_for(server, path, 100_000)
        headers = {**BYTES, "Upload-Offset": "100000"}
        answer = httpx.patch(server.address + path, content=data[100_000:], headers=headers)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(len(data)))
        old.sendall(b"x" * 200_000)
        assert b" 409 " in old.recv(100)
    receipt = httpx.post(server.address + made["url"] + "/complete", headers=TUS).json()
    assert receipt["files"][0]["sha256"] == hashlib.sha256(data).hexdigest()


def test_two_at_the_same_offset(server: Server) -> None:
    data = random.Random(2).randbytes(3_000_000)
    _, path = one_file(server, len(data))

    async def both() -> list[int]:
        async with httpx.AsyncClient(timeout=30) as client:
            headers = {**BYTES, "Upload-Offset": "0"}
            asked = [client.patch(server.address + path, content=data, headers=headers) for _ in range(2)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            return [a.status_code if isinstance(a, httpx.Response) else 0 for a in answers]  # 0: hung up

    assert sorted(asyncio.run(both())) in ([0, 204], [204, 409])
    stored = next((server.folder / "uploads/olena").glob(f"*/{path.rsplit('/', 1)[1]}"))
    assert stored.read_bytes() == data


def test_a_file_is_ended_while_it_arrives(server: Server) -> None:
    _, path = one_file(server, 300_000)
    with begin_patch(server, path, 0, 300_000, b"x" * 100_000) as line:
        time.sleep(0.1)
        assert httpx.delete(server.address + path, headers=TUS).status_code == 204
        line.sendall(b"x" * 200_000)
        assert b" 410 " in line.recv(100)
    assert head(server, path).status_code == 410


def test_lengths_that_lie(server: Server) -> None:
    _, path = one_file(server, 10_000)
    with begin_patch(server, path, 0, 20_000, b"") as line:  # more than was offered
        assert b" 413 " in line.recv(100)
    with begin_patch(server, path, 0, 5000, b"a" * 1000):  # more than comes
        wait_for(server, path, 1000)
    with begin_patch(server, path, 1000, 1000, b"b" * 1000 + b"c" * 500) as line:  # less than comes
        assert b" 204 " in line.recv(1000)
        line.settimeout(5)
        with contextlib.suppress(OSError):
            while line.recv(1000):
                pass
    assert head(server, path).headers["Upload-Offset"] == "2000"


def test_refused_before_anything_is_sent(server: Server) -> None:
    """Who asks first whether a body is welcome (Expect: 100-continue) is told no, and sends nothing."""
    _, path = one_file(server, 10)
    with socket.create_connection(("127.0.0.1", server.port), 10) as line:
        told = {**BYTES, "Host": "x", "Upload-Offset": "5", "Content-Length": "5", "Expect": "100-continue"}
        headers = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        line.sendall(f"PATCH {path} HTTP/1.1\r\n{headers}\r\n".encode())
        assert b"HTTP/1.1 409 " in line.recv(100)


def test_who_is_refused_reads_why_even_if_it_sends_on(server: Server) -> None:
    """Closing at once would reset the connection, and the answer would be lost."""
    _, path = one_file(server, 10)
    with begin_patch(server, path, 0, 50_000_000, b"") as line:
        with contextlib.suppress(OSError):
            for _ in range(20):
                line.sendall(bytes(100_000))
        answer = b"".join(iter(lambda: line.recv(1000), b""))
        assert b" 413 " in answer and b"connection: close" in answer and b"message" in answer


@pytest.mark.parametrize(
    "header",
    [
        "Upload-Metadata: filename " + "A" * (1 << 20),
        *("\r\n".join(f"X-{n}: {'y' * 100}" for n in range(2000)),),
        "Upload-Length: 5\r\nUpload-Length: 6\r\nTransfer-Encoding: chunked\r\nContent-Length: 4",
        "Upload-Length: 5\0",
    ],
    ids=["1 MB of metadata", "2000 headers", "two lengths and two encodings", "zero byte"],
)
def test_headers_that_are_attacks(server: Server, header: str) -> None:
    made, _ = one_file(server, 1)
    with socket.create_connection(("127.0.0.1", server.port), 10) as line:
        told = "".join(f"{name}: {value}\r\n" for name, value in {**TUS, "Host": "x"}.items())
        with contextlib.suppress(OSError):
            line.sendall(f"POST {made['url']}/files HTTP/1.1\r\n{told}{header}\r\n\r\n".encode())
        answer = b""
        with contextlib.suppress(OSError):
            answer = line.recv(100)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
    assert httpx.get(server.address + made["url"], headers=TUS).json()["count"] == 1


def test_memory_stays_small(server: Server) -> None:
    """16 files arrive at once: what waits in memory is bounded for each."""
    before, lines = server.peak_bytes(), []
    made = httpx.post(
        server.address + "/contributions",
        json={"files": [{"name": "a", "size": 40_000_000}] * 16},
        headers=TUS,
    ).json()
    for file in made["files"]:
        lines.append(begin_patch(server, file["url"], 0, 40_000_000, bytes(5_000_000)))
    for file in made["files"]:
        wait_for(server, file["url"], 5_000_000)
    for line in lines:
        line.close()
    assert server.peak_bytes() - before < 16 * 3_000_000


def test_a_line_that_brings_almost_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "STALL_S", 0.3)
    monkeypatch.setattr(body, "FLUSH_S", 0.05)

    async def drops() -> Any:
        yield b"x" * 2000
        while True:
            await asyncio.sleep(0.01)
            yield b"x"

    with Client(make_app(tmp_path), "olena") as phone:
        made = phone.post("/contributions", json={"files": [{"name": "a", "size": 50_000}]}).json()
        path = made["files"][0]["url"]
        answer = phone.patch(path, content=drops(), headers={**BYTES, "Upload-Offset": "0"})
        assert (answer.status_code, answer.headers["Connection"]) == (503, "close")
        arrived = int(phone.head(path, headers=TUS).headers["Upload-Offset"])
    assert 2000 < arrived < 3100  # what came is kept


def test_so_many_at_once(tmp_path: Path) -> None:
    """More files at the same moment than one account may send: the others are told to come again."""
    app: FastAPI = make_app(tmp_path)
    held, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def slow() -> Any:
        yield b"x"
        begun.release()
        await held.wait()
        yield b"x"

    async def run() -> tuple[int, list[int]]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=TUS) as client:
            offered = {"files": [{"name": "a", "size": 2}] * 25}
            made = (await client.post("/contributions", json=offered)).json()
            headers = {**BYTES, "Upload-Offset": "0"}
            urls = [file["url"] for file in made["files"]]
            sending = [
                asyncio.create_task(client.patch(url, content=slow(), headers=headers)) for url in urls[:24]
            ]
            for _ in sending:
                await begun.acquire()
            refused = await client.patch(urls[24], content=b"xx", headers=headers)
            held.set()
            return refused.status_code, [answer.status_code for answer in await asyncio.gather(*sending)]

    assert asyncio.run(asyncio.wait_for(run(), 300)) == (423, [204] * 24)


def test_nobody_else_may_look_into_the_folder(server: Server) -> None:
    one_file(server, 1)
    for folder, _, files in os.walk(server.folder / "uploads"):
        assert Path(folder).stat().st_mode & 0o077 == 0
        assert all((Path(folder) / file).stat().st_mode & 0o077 == 0 for file in files)
