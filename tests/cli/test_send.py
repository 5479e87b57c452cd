"""A partner sends folders over a line that breaks: everything arrives once, and the receipt says so."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import select

from keeping import folder_with
from oberih.catalogue.accounts import Gate
from oberih.catalogue.accounts.keys import Key, digest, new_token
from oberih.catalogue.accounts.tables import Token
from oberih.catalogue.database import now
from oberih.catalogue.tables import Capture, Rights
from oberih.cli import run
from oberih.web.inside.app import inner_app
from oberih.work.sending import line as lines
from oberih.work.service import Service
from web.phones import BadLine, Weather
from work.site import site

SAID = ("--licence", "cc-by-4.0", "--consent", "own", "--consent", "keep")


class Served:
    """The inner application of a service behind a real port, and bad lines to it."""

    def __init__(self, folder: Path) -> None:
        self.service: Service = site(folder)
        self.loop = asyncio.new_event_loop()
        gate = Gate(Key(self.service.secrets.derived("accounts")), self.service.settings, "http://localhost")
        self.server = uvicorn.Server(
            uvicorn.Config(inner_app(self.service, gate), port=0, log_level="critical", lifespan="off")
        )
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.server.serve(),))
        self.thread.start()
        while not self.server.started:
            threading.Event().wait(0.01)
        self.port: int = self.server.servers[0].sockets[0].getsockname()[1]
        self.token = self.new_token("write:contributions")

    def new_token(self, *scopes: str) -> str:
        token = new_token("oberih_")
        with self.service.database.writing("test", "make token") as session:
            session.add(Token(
                hash=digest(token), account="olha", name="script", scopes=list(scopes), strong=False,
                expires=now() + timedelta(days=1),
            ))  # fmt: skip
        return token

    @contextmanager
    def bad_line(self, **weather: float) -> Iterator[BadLine]:
        line = BadLine([self.port], Weather(**weather), seed=7)
        asyncio.run_coroutine_threadsafe(line.__aenter__(), self.loop).result(10)
        try:
            yield line
        finally:
            asyncio.run_coroutine_threadsafe(line.__aexit__(), self.loop).result(10)

    def captures(self) -> list[Capture]:
        with self.service.database.reading() as session:
            return list(session.scalars(select(Capture).order_by(Capture.created)))

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.loop.close()
        self.service.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("sending") / "data")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, served: Served) -> Path:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("OBERIH_TOKEN", served.token)
    monkeypatch.setattr(lines, "WAIT_S", 0.001)
    monkeypatch.setattr(lines, "SILENCE_S", 1.0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sent(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[list[dict[str, Any]], str]]:
    """Runs the command; gives the JSON lines that are no progress, and what it said of errors."""

    def command(*arguments: object, port: int, code: int = 0) -> tuple[list[dict[str, Any]], str]:
        capsys.readouterr()
        given = ["send", *arguments, "--to", f"http://localhost:{port}", "--progress", "json"]
        ended = run([str(one) for one in given])
        shown = capsys.readouterr()
        assert ended == code, (ended, shown.out, shown.err)
        assert "Traceback" not in shown.err + shown.out
        told = [json.loads(line) for line in shown.out.splitlines()]
        return [one for one in told if one["kind"] in ("delivered", "result")], shown.err

    return command


Sent = Callable[..., tuple[list[dict[str, Any]], str]]


def recordings(folder: Path, seed: int, count: int = 3, size: int = 300_000) -> None:
    folder_with(folder, {f"{seed}-{n}.jpg": bytes([seed, n]) * (size // 2) for n in range(count)})


def test_a_folder_arrives_once_with_a_receipt(served: Served, home: Path, sent: Sent) -> None:
    recordings(home / "church", 1)
    (home / "church" / "notes").mkdir()
    (home / "church" / "notes" / "1-0.jpg").write_bytes(b"the same name in another folder")
    (told, _), _ = sent("church", *SAID, "--title", "Дзвіниця", port=served.port)
    *_, made = served.captures()
    assert (made.title, made.files, made.contribution) == ("Дзвіниця", 4, told["contribution"])
    receipt = json.loads(Path(told["receipt"]).read_text())["receipt"]
    assert receipt["sha256"] == made.receipt and receipt["bytes"] == told["bytes"] == made.bytes
    assert Path(told["receipt"]).parent == home / "church.receipts"
    with served.service.database.reading() as session:
        allowed = session.scalars(select(Rights.uri).where(Rights.of == made.id).order_by(Rights.uri)).all()
    assert allowed == ["https://creativecommons.org/licenses/by/4.0/", "keep", "own"]
    count = len(served.captures())
    (again, _), _ = sent("church", *SAID, port=served.port)
    assert again["before"] and len(served.captures()) == count


def test_a_line_that_is_cut_again_and_again_loses_and_doubles_nothing(
    served: Served, home: Path, sent: Sent
) -> None:
    recordings(home / "fortress", 2, count=6)
    with served.bad_line(cut_bytes=150_000, silent=0) as line:
        (told, _), _ = sent("fortress", *SAID, port=line.port)
        assert line.cuts > 5 and line.carried < 3 * told["bytes"]
    *_, made = served.captures()
    assert (made.files, made.bytes, told["before"]) == (6, 1_800_000, False)


def test_who_was_stopped_goes_on_where_it_was(
    served: Served, home: Path, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings(home / "mill", 3)
    with monkeypatch.context() as patched:
        patched.setattr(lines, "TRIES", 1)
        with served.bad_line(cut_bytes=250_000, silent=0) as line:
            _, said = sent("mill", *SAID, port=line.port, code=10)
    assert "Run the same command again" in said
    (begun,) = served.service.arrivals.contributions("olha")
    assert any(begun.arrived(one) for one in begun.files)
    for path in (home / "mill").iterdir():
        path.touch()  # copied from elsewhere meanwhile: known by what is in it
    (told, _), _ = sent("mill", *SAID, port=served.port)
    assert served.captures()[-1].contribution == told["contribution"] == begun.id
    assert served.captures()[-1].files == 3


def test_a_receipt_that_was_lost_on_its_way_is_fetched(served: Served, home: Path, sent: Sent) -> None:
    recordings(home / "bridge", 4)
    (told, _), _ = sent("bridge", *SAID, port=served.port)
    path, count = Path(told["receipt"]), len(served.captures())
    known = json.loads(path.read_text())
    whole = known.pop("receipt")
    path.write_text(json.dumps(known))
    (again, _), _ = sent("bridge", *SAID, port=served.port)
    assert json.loads(path.read_text())["receipt"] == whole and again["contribution"] == told["contribution"]
    assert len(served.captures()) == count


def test_a_sheet_makes_a_contribution_of_each_row(served: Served, home: Path, sent: Sent) -> None:
    for seed, name in ((5, "bell"), (6, "gate")):
        recordings(home / "museum" / name, seed, count=2)
    (home / "list.csv").write_text(
        "folder,title,kind,rights,place,latitude,longitude\n"
        "bell,Bell of 1754,object,CC0 1.0,under the roof,,\n"
        "gate,Gate,building,,,51.49,31.3\n"
    )
    (first, second, end), _ = sent("museum", "--sheet", "list.csv", *SAID, port=served.port)
    assert end["delivered"] == [{k: v for k, v in one.items() if k != "kind"} for one in (first, second)]
    bell, gate = served.captures()[-2:]
    assert (bell.title, bell.kind, bell.place_in_words) == ("Bell of 1754", "object", "under the roof")
    assert (gate.title, gate.kind) == ("Gate", "building")
    (home / "list.csv").write_text("folder,title,rights\nbell,Bell,mine\ngate,Gate,\n")
    count = len(served.captures())
    _, said = sent("museum", "--sheet", "list.csv", *SAID, port=served.port, code=2)
    assert "Row 2" in said and "licence" in said and len(served.captures()) == count


def test_a_file_that_is_no_more_what_was_received_is_told(served: Served, home: Path, sent: Sent) -> None:
    recordings(home / "icon", 7, count=1)
    (told, _), _ = sent("icon", *SAID, port=served.port)
    known = json.loads(Path(told["receipt"]).read_text())
    known["receipt"]["files"][0]["sha256"] = "0" * 64
    Path(told["receipt"]).write_text(json.dumps(known))
    _, said = sent("icon", *SAID, port=served.port, code=13)
    assert "does not say what was sent" in said


@pytest.mark.parametrize(
    ("token", "arguments", "code", "words"),
    [
        ("", SAID, 2, "There is no token"),
        ("oberih_wrong", SAID, 2, "does not take this token"),
        (None, SAID[:2], 2, "cannot be sent"),
        (None, (*SAID, "--subject", "ark:/99999/nothing"), 2, "not known here"),
    ],
)
def test_mistakes_are_told_in_words(
    served: Served, home: Path, sent: Sent, monkeypatch: pytest.MonkeyPatch, token: str | None,
    arguments: tuple[str, ...], code: int, words: str,
) -> None:  # fmt: skip
    recordings(home / "wrong", 8, count=1, size=100)
    if token is not None:
        monkeypatch.setenv("OBERIH_TOKEN", token)
    _, said = sent("wrong", *arguments, port=served.port, code=code)
    assert words in said and served.token not in said


def test_programs_are_told_of_tokens(served: Served) -> None:
    address = f"http://localhost:{served.port}/api/v1/contributions"
    wrong = httpx.get(address, headers={"Authorization": "Bearer oberih_wrong", "Accept-Language": "en"})
    assert (wrong.status_code, wrong.json()["message"]) == (401, "The service does not take this token.")
    assert "Authorization: Bearer" in httpx.get(address, headers={"Accept-Language": "en"}).json()["advice"]


def test_a_service_that_is_away_is_told_at_once(
    served: Served, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings(home / "wrong", 8, count=1, size=100)
    monkeypatch.setattr(lines, "TRIES", 3)
    with socket.socket() as taken:  # nobody listens there
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert run(["send", "wrong", *SAID, "--to", address, "--progress", "plain"]) == 10
    shown = capsys.readouterr()
    first, *rest = (shown.out + shown.err).splitlines()
    assert first == f"sending: {address} does not answer. It is tried again for some minutes."
    assert not [line for line in rest if "is tried again" in line]


def test_nothing_is_said_to_be_there_before_the_token_was_accepted(
    served: Served, home: Path, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings(home / "well", 10, count=1)
    sent("well", *SAID, port=served.port)
    monkeypatch.setenv("OBERIH_TOKEN", "oberih_of_somebody_else")
    told, said = sent("well", *SAID, port=served.port, code=2)
    assert told == [] and "/account" in said


def test_a_token_of_another_scope_sends_nothing(
    served: Served, home: Path, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings(home / "wrong", 9, count=1, size=100)
    monkeypatch.delenv("OBERIH_TOKEN")
    (home / "token").write_text(served.new_token("read:records") + "\n")
    _, said = sent("wrong", *SAID, "--token-file", "token", port=served.port, code=2)
    assert "may not do this" in said


@pytest.mark.parametrize("url", ["http://heritage.example", "ftp://heritage.example", "https://a@b", "x"])
def test_a_token_goes_over_safe_lines_only(home: Path, capsys: pytest.CaptureFixture[str], url: str) -> None:
    recordings(home / "wrong", 9, count=1, size=100)
    assert run(["send", "wrong", *SAID, "--to", url]) == 2
    assert "https://" in capsys.readouterr().err
