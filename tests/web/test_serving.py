"""The real command: processes that are started, watched and ended together."""

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from oberih.catalogue.ledger import Entry
from oberih.catalogue.tables import Zone
from oberih.progress import Event, Progress
from oberih.web.serving import listen
from oberih.work.service import open_service
from web.served import Served

pytestmark = pytest.mark.xdist_group("serving")  # one service for all of them
WAYS_OUT = (
    "/files/../private/secrets.toml", "/files/%2e%2e/private/secrets.toml", "/files/%00",
    "/files//etc/passwd",
    "/static/../../settings/service.py",
)  # fmt: skip
RING = [[30, 46], [31, 46], [31, 47], [30, 47], [30, 46]]
PUBLIC = ("/", "/search?q=church", "/api/v1/records", "/api/v1/map?south=44&west=22&north=53&east=41", "/api",
          "/oai?verb=Identify", "/feed.atom", "/sitemap.xml", "/dump/records.jsonl.gz")  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("serving") / "data", OBERIH_LEDGER_EVERY_S="3600")
    try:
        assert made.ready(), made.told()
        yield made
    finally:
        made.end()


def test_the_first_start_says_where_it_is_and_who_becomes_admin(served: Served) -> None:
    assert served.said["address"] == served.url
    assert re.fullmatch(rf"{served.url}/join/[\w-]{{40,}}", served.said["first_admin"])
    assert (served.folder / "recovery.key").stat().st_mode & 0o777 == 0o600
    page = httpx.get(served.said["first_admin"], timeout=30)
    assert page.status_code == 200 and "<form" in page.text


@pytest.mark.parametrize("path", PUBLIC)
def test_everybody_sees_what_is_public(served: Served, path: str) -> None:
    assert served.get(path).status_code == 200


def test_harvesters_may_ask_with_a_form(served: Served) -> None:
    answer = httpx.post(f"{served.url}/oai", data={"verb": "Identify"}, timeout=30)
    assert answer.status_code == 200 and f"<baseURL>{served.url}/oai</baseURL>" in answer.text
    assert httpx.post(f"{served.url}/", data={"verb": "Identify"}, timeout=30).status_code == 405


def test_pages_are_in_two_languages(served: Served) -> None:
    assert 'lang="uk"' in served.get("/", **{"Accept-Language": "uk"}).text
    assert 'lang="en"' in served.get("/", **{"Accept-Language": "en"}).text


def test_what_is_not_there_is_said_in_plain_words(served: Served) -> None:
    answer = served.get("/records/99999/nothing", Accept="text/html", **{"Accept-Language": "en"})
    assert answer.status_code == 404 and "Traceback" not in answer.text
    assert served.get("/api/v1/records/99999/nothing").json()["message"]
    assert served.get("/api/v1/records?cursor=%00nonsense").status_code == 422


@pytest.mark.parametrize("path", WAYS_OUT)
def test_no_path_leads_out(served: Served, path: str) -> None:
    with closing(socket.create_connection(("127.0.0.1", served.port), 10)) as line:  # as it is, not tidied
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := line.recv(65536):
            answer += piece
    assert answer.split(b" ")[1] in (b"404", b"400", b"422")
    assert b"identity" not in answer


def test_a_second_service_on_the_same_folder_is_refused(served: Served) -> None:
    command = [sys.executable, "-m", "oberih", "serve", "--data", str(served.folder), "--port", "1"]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (
        second.returncode != 0 and "A service runs on" in second.stderr and "Traceback" not in second.stderr
    )
    assert served.get("/").status_code == 200


def test_who_asks_for_the_head_of_a_page_gets_it(served: Served) -> None:
    for path in ("/", "/api/v1/records"):
        answer = httpx.head(f"{served.url}{path}", timeout=30)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Type"] == served.get(path).headers["Content-Type"]


def test_pages_for_people_with_an_account_ask_to_log_in(served: Served) -> None:
    answer = served.get("/contributions", Accept="text/html")
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/login?next=")
    assert served.get("/api/v1/contributions").status_code == 401
    assert served.get("/metrics").status_code == 401


def test_the_public_process_can_open_nothing_of_ours(served: Served) -> None:
    child = served.child("oberih.web.open")
    status = Path(f"/proc/{child.pid}/status").read_text()
    assert re.search(r"NoNewPrivs:\s+1", status)
    opened = {one.path for one in child.open_files()}
    assert not any("private" in path or "archive" in path for path in opened)
    assert b"AGE-SECRET" not in Path(f"/proc/{child.pid}/environ").read_bytes()


@pytest.mark.parametrize("module", ["oberih.web.open", "oberih.web.inside"])
def test_a_process_that_dies_is_started_again(served: Served, module: str) -> None:
    child = served.child(module)
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    assert served.ready()
    assert served.child(module).pid != child.pid


def test_a_clean_stop_brings_the_ledger_into_the_archive(served: Served) -> None:
    service = open_service(served.folder)
    with service.database.writing("coordinator", "mark zone") as session:
        session.add(Zone(name="front", polygon={"type": "Polygon", "coordinates": [RING]}, reason="mines"))
    served.process.terminate()
    assert served.process.wait(60) == 0, served.told()
    with service.database.reading() as session:
        assert session.query(Entry).where(Entry.kept.is_(None)).count() == 0
    service.close()


def test_all_end_with_the_supervisor(tmp_path: Path) -> None:
    made = Served(tmp_path / "data")
    try:
        assert made.ready(), made.told()
        children = psutil.Process(made.process.pid).children(recursive=True)
        with closing(socket.create_connection(("127.0.0.1", made.port), 10)) as line:
            line.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n"
                         b"Content-Type: application/x-www-form-urlencoded\r\n\r\nname=")  # fmt: skip
            made.get("/healthz")
            web = made.child("oberih.web.inside")
            made.process.kill()
            made.process.wait(10)
            listen("127.0.0.1", made.port, wait_s=4).close()
            assert web.is_running()  # it still answers that
        _, alive = psutil.wait_procs(children, timeout=40)
        assert alive == []
    finally:
        made.process.kill()
        made.process.wait(10)
        made.close()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "oberih", "serve", "--data", str(tmp_path / "data"), "--port",
                   str(taken.getsockname()[1])]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 8 and not (tmp_path / "data").exists()
    assert "cannot listen" in done.stderr and "Traceback" not in done.stderr


def test_a_port_that_becomes_free_is_waited_for() -> None:
    told: list[Event] = []
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        threading.Timer(0.5, taken.close).start()
        listen("127.0.0.1", taken.getsockname()[1], wait_s=20, progress=Progress(told.append)).close()
    assert [one.message.split(".")[0][-8:] for one in told] == ["is taken"]
