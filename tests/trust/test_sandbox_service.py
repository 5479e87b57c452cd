"""A confined service: Uvicorn, threads, SQLite and PostgreSQL work; what cannot be confined is refused."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from oberih.errors import InputError, OberihError
from oberih.trust import _landlock, sandbox
from postgres import fresh_database

needs_landlock = pytest.mark.skipif(not _landlock.version(), reason="this kernel has no Landlock")

SERVICE = """
import sqlite3, sys, threading
from pathlib import Path
from oberih.trust.sandbox import only_files

public, private = map(Path, sys.argv[1:])
sandboxed = only_files([public], never=[private], bind=[0])

import uvicorn
from fastapi import FastAPI

app = FastAPI()

@app.get("/page")
def page(name: str) -> str:  # a thread of the pool reads it
    try:
        return (public / name).read_text()
    except PermissionError:
        return "refused in " + threading.current_thread().name

@app.get("/rows")
def rows() -> list:
    with sqlite3.connect(f"file:{public}/public.sqlite?mode=ro", uri=True) as database:
        return database.execute("SELECT * FROM records").fetchall()

server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
thread = threading.Thread(target=server.run, daemon=True)
thread.start()
while not server.started:
    assert thread.is_alive()
port = server.servers[0].sockets[0].getsockname()[1]
# its own port is not among those that it may connect to: another process asks
print(port, flush=True)
thread.join()
"""


@needs_landlock
def test_a_confined_uvicorn_serves_what_is_public(tmp_path: Path) -> None:
    import httpx

    public, private = tmp_path / "public", tmp_path / "private"
    public.mkdir()
    private.mkdir()
    (public / "page.txt").write_text("a page")
    (private / "secret.txt").write_text("a true place")
    with sqlite3.connect(public / "public.sqlite") as database:
        database.execute("CREATE TABLE records AS SELECT 1 AS one")
    database.close()
    command = [sys.executable, "-c", SERVICE, str(public), str(private)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = f"http://127.0.0.1:{int(process.stdout.readline())}"
            paths = ("/page?name=page.txt", "/page?name=../private/secret.txt", "/rows")
            page, outside, rows = (httpx.get(address + path).json() for path in paths)
        finally:
            process.kill()
    assert page == "a page" and rows == [[1]]
    assert outside.startswith("refused in") and "MainThread" not in outside


POSTGRES = """
import sys
from pathlib import Path
from oberih.trust.sandbox import only_files

only_files([Path(sys.argv[1])], connect=[5432])
import psycopg

with psycopg.connect(sys.argv[2]) as connection:
    print(connection.execute("SELECT 6 * 7").fetchone()[0])
"""


@needs_landlock
def test_a_confined_process_reaches_postgresql(tmp_path: Path) -> None:
    command = [sys.executable, "-c", POSTGRES, str(tmp_path), fresh_database()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout.strip() == "42", run.stderr


WAL = """
import sqlite3, sys
from pathlib import Path
from oberih.trust.sandbox import only_files

only_files([Path(sys.argv[1])])
database = sqlite3.connect(f"file:{sys.argv[1]}/public.sqlite?mode=ro", uri=True)
print(database.execute("SELECT count(*) FROM records").fetchone()[0], flush=True)
input()
print(database.execute("SELECT count(*) FROM records").fetchone()[0])
"""


@needs_landlock
def test_a_confined_reader_sees_what_another_process_writes(tmp_path: Path) -> None:
    """Without write-ahead log, which a reader without the right to write cannot always open."""
    database = sqlite3.connect(tmp_path / "public.sqlite")
    database.execute("CREATE TABLE records AS SELECT 1 AS one")
    database.commit()
    command = [sys.executable, "-c", WAL, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == "1\n"
        database.execute("INSERT INTO records VALUES (2)")
        database.commit()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "2\n"
    database.close()


@pytest.fixture
def nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a test below fails, it does not confine the process that tests."""
    monkeypatch.setattr(sandbox, "close_others", lambda _: pytest.fail("it went on to confine this process"))


@pytest.mark.usefixtures("nothing_happens")
def test_what_contradicts_itself_is_refused_and_confines_nothing(tmp_path: Path) -> None:
    public, private = tmp_path / "public", tmp_path / "private"
    (private / "inner").mkdir(parents=True)
    public.mkdir()
    (public / "link").symlink_to(private)
    wrong: list[tuple[Path, dict[str, Any], str]] = [
        (tmp_path / "none", {}, "cannot be allowed"),
        (Path("/"), {}, "whole file system"),
        (tmp_path, {"never": [private]}, "must not be reachable"),
        (private, {"never": [private]}, "must not be reachable"),
        (private / "inner", {"never": [private]}, "must not be reachable"),
        (public / "link", {"never": [private]}, "must not be reachable"),
        (public, {"writable": [private / "inner"], "never": [private]}, "must not be reachable"),
        (public, {"never": [Path(sqlite3.__file__).parent]}, "must not be reachable"),  # among the packages
        (public, {"connect": [70_000]}, "no port"),
        (public, {"bind": [-1]}, "no port"),
    ]
    for readable, others, said in wrong:
        with pytest.raises(InputError, match=said) as caught:
            sandbox.only_files([readable], **others)
        assert caught.value.advice


@needs_landlock
@pytest.mark.usefixtures("nothing_happens")
def test_a_process_that_has_threads_already_is_not_half_confined(tmp_path: Path) -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with pytest.raises(OberihError, match="threads already") as caught:
            sandbox.only_files([tmp_path])
        assert "NumPy" in caught.value.advice
    finally:
        done.set()
        thread.join()
