"""Commands for the day after the machine was lost, and for the days before."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from oberih.catalogue.accounts import Profile, Visit, first_admin_link, join_with_password
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.ledger import Entry, keep_entries
from oberih.catalogue.tables import Capture, Zone
from oberih.cli import run
from oberih.web.inside.__main__ import gate_of
from oberih.work import backup as work_backup
from oberih.work.backup import keep_last
from oberih.work.engine import Job
from oberih.work.flow import received
from oberih.work.flow.ingest import preserve
from oberih.work.service import Service, open_service
from work.site import brought, photo, site

RING = [[30, 46], [31, 46], [31, 47], [30, 47], [30, 46]]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = site(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Runs a command; gives the last JSON line: its result, or what went wrong."""

    def command(*arguments: object, code: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        ended = run([*map(str, arguments), "--progress", "json"])
        shown = capsys.readouterr()
        assert ended == code, (arguments, ended, shown.out, shown.err)
        assert "Traceback" not in shown.err + shown.out
        found: dict[str, Any] = json.loads(shown.out.splitlines()[-1])
        return found

    return command


Told = Callable[..., dict[str, Any]]


def in_use(service: Service, folder: Path) -> str:
    """A contribution that is in the archive and that nobody has looked at yet, and a danger zone."""
    arrived = brought(service, [photo(folder / f"{number}.jpg", number) for number in range(2)])
    capture = received(service, arrived)
    preserve(Job("a test"), "olha", arrived.contribution.id, capture)
    with service.database.writing("coordinator", "mark zone") as session:
        session.add(Zone(name="front", polygon={"type": "Polygon", "coordinates": [RING]}, reason="mines"))
    return capture


def only_the_archive(folder: Path) -> None:
    for name in ("private", "public"):
        shutil.rmtree(folder / name)


def test_from_a_backup_to_a_service_that_goes_on(service: Service, home: Path, told: Told) -> None:
    capture = in_use(service, home)
    made = told("backup", "monday.age", "--data", "data")
    assert made["custodians"] == ["recovery", "service"] and made["not_done"] == []
    assert "on the same disk as the service" in made["warning"]
    assert "in the folder of the service" in told("backup", "data/b.age", "--data", "data")["warning"]
    (home / "data" / "b.age").unlink()
    assert told("backup", "monday.age", "--data", "data", code=8)["message"].endswith("is there already.")
    secrets = service.secrets
    service.close()
    shutil.move("data/recovery.key", "recovery.key")
    only_the_archive(home / "data")
    back = told("restore", "monday.age", "--data", "data", "--key", "recovery.key")
    assert (back["accounts"], back["jobs"], back["lost"], back["new_custodian"]) == (1, 1, 0, False)
    assert back["entries"] > 5 and back["not_done"] == []
    again = open_service(home / "data")
    with again.database.reading() as session:
        assert session.get_one(Account, "olha").public_name == "Olha P."
        assert session.get_one(Capture, capture).state == "preserved"
    assert again.secrets == secrets
    (job,) = again.engine.jobs().jobs
    assert (job.name, job.status) == ("ingest", "waiting")
    again.close()
    assert "not empty" in told(
        "restore", "monday.age", "--data", "data", "--key", "recovery.key", code=11
    )["message"]  # fmt: skip


def test_without_a_backup_everything_but_people_comes_back(service: Service, home: Path, told: Told) -> None:
    in_use(service, home)
    keep_entries(service.database, service.archive)
    recipient = service.secrets.recipient
    service.close()
    shutil.move("data/recovery.key", "recovery.key")
    shutil.move("data", "burnt")
    back = told("rebuild", "--data", "data", "--from", "burnt/archive/main", "--key", "recovery.key")
    assert (back["accounts"], back["new_custodian"], back["jobs"]) == (0, True, 1)
    assert back["restored"] > 2
    again = open_service(home / "data")
    with again.database.reading() as session:
        assert [zone.name for zone in session.query(Zone)] == ["front"]
    assert again.archive.settings.custodians["service"] == again.secrets.recipient != recipient
    assert first_admin_link(again.database) is not None
    again.close()
    once_more = told("rebuild", "--data", "data", "--key", "recovery.key")
    assert (once_more["entries"], once_more["new_custodian"]) == (0, False)


def test_what_cannot_be_restored_is_told_in_words(
    service: Service, home: Path, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    told("backup", "good.age", "--data", "data")
    service.close()
    shutil.move("data/recovery.key", "recovery.key")
    shutil.move("data/archive", "archive")
    (home / "new").mkdir()
    shutil.copytree("archive", "new/archive")
    told("custodians", "add", "stranger", "--archive", "archive", "-o", "stranger.key")
    (home / "torn.age").write_bytes((home / "good.age").read_bytes()[:-9])
    for file, key, code, words in (
        ("good.age", "stranger.key", 14, "key"), ("torn.age", "recovery.key", 13, "damaged"),
        ("away.age", "recovery.key", 2, "cannot be read"),
    ):  # fmt: skip
        said = told("restore", file, "--data", "new", "--key", key, code=code)
        assert words in said["message"], said
        assert [path.name for path in (home / "new").iterdir()] == ["archive"]
    (home / "empty").mkdir()
    told("restore", "good.age", "--data", "nowhere", "--from", "empty", "--key", "recovery.key", code=12)
    told("restore", "good.age", "--data", "nowhere", "--from", "away", "--key", "recovery.key", code=10)
    assert not (home / "nowhere").exists()
    said = told("restore", "good.age", "--data", "nowhere", "--key", "recovery.key", code=2)
    assert "no archive" in said["message"] and "--from" in said["advice"]
    assert "no service" in told("backup", "x.age", "--data", "archive", code=2)["message"]
    for wrong in (["rebuild"], ["rebuild", "--archive", "archive", "--backup", "good.age"], ["settings"]):
        assert told(*wrong, code=2)["error"] == "UsageError"


@pytest.mark.parametrize(
    "command", [("backup", "b.age"), ("admin-link",), ("serve", "--port", "1"), ("worker",)]
)
def test_a_damaged_catalogue_is_told_in_the_same_words(
    service: Service, home: Path, told: Told, command: tuple[str, ...]
) -> None:
    service.close()
    for path in (home / "data" / "private").glob("catalogue.sqlite*"):
        path.write_bytes(b"what a fire left of it" * 200)
    said = told(*command, "--data", "data", code=10)
    assert said["message"] == "The catalogue is damaged." and "--backup FILE" in said["advice"]


def test_what_is_advised_for_a_damaged_catalogue_brings_the_accounts_back(
    service: Service, home: Path, told: Told
) -> None:
    told("backup", "monday.age", "--data", "data")
    service.close()
    for path in (home / "data" / "private").glob("catalogue.sqlite*"):
        path.rename(home / path.name)
    back = told("rebuild", "--data", "data", "--backup", "monday.age", "--key", "data/recovery.key")
    assert (back["accounts"], back["not_done"]) == (1, [])


def test_the_operator_lets_the_last_admin_in_again(service: Service, told: Told) -> None:
    first = told("admin-link", "--data", "data", "--port", "8123")["first_admin"]
    assert first.startswith("http://localhost:8123/join/")
    gate, visit = gate_of(service, 8123), Visit("198.51.100.7")
    joined = join_with_password(
        service.database, gate, visit, "three words here", profile=Profile("Ян", login="Ян"),
        token=first.rpartition("/")[2],
    )  # fmt: skip
    said = told("admin-link", "--data", "data", code=11)
    assert "already" in said["message"] and "--for NAME" in said["advice"]
    assert "Nobody" in told("admin-link", "--data", "data", "--for", "olena", code=12)["message"]
    back = told("admin-link", "--data", "data", "--for", joined.login)["recovery"]
    token = back.partition("/recover/")[2]
    again = join_with_password(service.database, gate, visit, "three other words", token=token)
    assert again.account == joined.account


@pytest.mark.parametrize("command", ["admin-link", "worker"])
def test_a_mistyped_folder_becomes_no_service(
    home: Path, told: Told, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    assert "no service in dta" in told(command, "--data", "dta", code=2)["message"]
    assert not (home / "dta").exists()
    monkeypatch.setenv("OBERIH_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/oberih")
    assert "cannot be reached" in told(command, "--data", "dta", code=10)["message"]  # one machine of several


def test_at_a_clean_end_the_ledger_is_in_the_archive(
    service: Service, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_kept() -> int:
        with service.database.reading() as session:
            return session.query(Entry).where(Entry.kept.is_(None)).count()

    in_use(service, home)
    assert not_kept() > 0
    with monkeypatch.context() as patched:  # a store that does not answer keeps nobody from ending
        answered = Event()
        patched.setattr(work_backup, "keep_entries", lambda *_: answered.wait(20))
        patched.setattr(work_backup, "TIDY_S", 0.1)
        keep_last(service, 0.1)
        answered.set()
    assert not_kept() > 0
    keep_last(service)
    assert not_kept() == 0


def test_all_settings_are_listed_with_where_they_came_from(
    service: Service, told: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service.close()
    (service.folder / "oberih.toml").write_text(
        'preset = "draft"\nfiles_secret_key = "velykyi-kamin-pid-mostom"\n'
    )
    monkeypatch.setenv("OBERIH_DATABASE_URL", "postgresql://oberih:k4lyna-bush@db/oberih")
    monkeypatch.setenv("OBERIH_SECRET_KEY", "x" * 40)
    found = told("settings", "--data", "data")["settings"]
    assert found["preset"] == {"value": "draft", "origin": "file"}
    assert "no service" in told("settings", "--data", "dta", code=2)["message"]
    assert found["port" if "port" in found else "workers"]["origin"] == "default"
    assert found["database_url"] == {"value": "postgresql://oberih:***@db/oberih", "origin": "environment"}
    assert found["files_secret_key"] == {"value": "**********", "origin": "file"}
    assert run(["settings", "--data", "data"]) == 0
    shown = capsys.readouterr().out
    assert 'preset = "draft" [oberih.toml]  # of reconstructions' in shown
    assert "k4lyna" not in shown and "velykyi" not in shown and "xxxx" not in shown
