"""The service on several machines: PostgreSQL, S3, and a data folder for each of them, by settings alone.

Reconstructing is replaced by waiting, what would be public by a picture (see `standin`); all else is real.
"""

import os
import random
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from secrets import token_urlsafe

import httpx
import psutil
import psycopg
import pytest
from sqlalchemy import func, make_url, select

from archive.conftest import S3, s3  # noqa: F401 - a fixture
from oberih.archive import open_archive
from oberih.archive.configuration import keep_settings
from oberih.archive.crypt import new_identity
from oberih.archive.ocfl import object_key, read_object
from oberih.catalogue.ledger import Entry
from oberih.errors import InputError
from oberih.progress import Progress
from oberih.work.engine._tables import STATUS
from oberih.work.publicity import refuse_unsafe
from oberih.work.service import Service, open_service, prepare_service
from oberih.work.sharing import NAME, copied
from postgres import fresh_database
from web.served import free_port
from work.aftermath import aftermath
from work.people import Contribution, People, picture
from work.siege import ENVIRONMENT, HERE
from work.standin import PICTURE
from work.yard import lives, until

pytestmark = pytest.mark.xdist_group("machines")
MINUTE = 60.0
WORKS_S = "8"  # as long as a reconstruction takes


@pytest.fixture(scope="module")
def settings(s3: S3) -> Iterator[dict[str, str]]:  # noqa: F811
    """What all machines are told."""
    url = make_url(fresh_database())
    reader = url.set(username=f"reader_{url.database}", password=token_urlsafe(16))
    s3.open(s3.url("oberih-public", ""), create=True)
    given = {
        "OBERIH_DATABASE_URL": url.render_as_string(hide_password=False),
        "OBERIH_PUBLIC_DATABASE_URL": reader.render_as_string(hide_password=False),
        "OBERIH_ARCHIVE_URL": s3.url(), "OBERIH_DRAFTS_URL": s3.url(),
        "OBERIH_FILES_URL": s3.url("oberih-public"),
        "OBERIH_STORES__MAIN__ACCESS_KEY": s3.access_key, "OBERIH_STORES__MAIN__SECRET_KEY": s3.secret_key,
        "OBERIH_FILES_ACCESS_KEY": s3.access_key, "OBERIH_FILES_SECRET_KEY": s3.secret_key,
        "OBERIH_PUBLIC_FILES_ACCESS_KEY": "public-key", "OBERIH_PUBLIC_FILES_SECRET_KEY": "public-secret",
        "OBERIH_SECRET_KEY": token_urlsafe(32), "OBERIH_IDENTITY": new_identity()[0],
        "OBERIH_DEVELOPMENT": "true",  # keys that anybody could guess
        "OBERIH_WORKERS": "0", "OBERIH_LEASE_S": "5", "OBERIH_LEDGER_EVERY_S": "2", "OBERIH_GPU": "no",
        "STANDIN_S": WORKS_S,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patched:
        for name, value in given.items():
            patched.setenv(name, value)
        yield given


class Machines:
    """Processes on several machines: what each has is its folder and the settings."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: str, *more: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, HERE / "standin.py", command, "--data", self.folder / name, *more],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT},
            )  # fmt: skip
        return self.running[name]

    def told(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text()}" for path in self.folder.glob("*.log"))

    def alive(self) -> bool:
        return self.running["web"].poll() is None

    def all_alive(self) -> bool:
        return all(one.poll() is None for one in self.running.values())

    def end(self) -> None:
        for one in self.running.values():
            one.terminate()
        for one in self.running.values():
            try:
                one.wait(60)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


@pytest.fixture(scope="module")
def machines(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """One for the web, and two that work. All are started at once, and there is nothing yet."""
    made = Machines(tmp_path_factory.mktemp("machines"))
    try:
        made.start("web", "serve", "--port", str(made.port), "--progress", "json")
        for name in ("one", "two"):
            made.start(name, "worker")
        until(lambda: not made.all_alive() or answers(made), 300)
        assert made.all_alive(), made.told()
        yield made
    finally:
        made.end()


def answers(machines: Machines) -> bool:
    try:
        return httpx.get(f"http://localhost:{machines.port}/healthz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def service(machines: Machines) -> Iterator[Service]:
    """As somebody sees it on a machine of their own."""
    made = open_service(machines.folder / "desk")
    prepare_service(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def people(machines: Machines, service: Service) -> People:
    made = People(service, f"http://localhost:{machines.port}", machines.alive)
    made.let_in("olha", "contributor")
    made.let_in("custodian", "custodian")
    return made


def works_on(service: Service, name: str) -> set[int]:
    """The processes that run a job of that name."""
    asked = select(STATUS.c.executor_id).where(STATUS.c.name == name, STATUS.c.status == "PENDING")
    with service.engine.tables.reading() as connection:
        return {int(worker.split("-")[-2]) for worker in connection.execute(asked).scalars()}


def unkept(service: Service) -> int:
    """Changes that are on their way to the archive."""
    with service.database.reading() as session:
        return session.scalar(select(func.count()).where(Entry.kept.is_(None))) or 0


def test_a_contribution_becomes_public_though_a_machine_dies(
    machines: Machines, service: Service, people: People, tmp_path: Path, record_property: pytest.Function
) -> None:
    dice = random.Random(5)
    one = Contribution("a1", "olha", {f"{n}.jpg": picture(dice) for n in range(3)})
    people.bring(one)
    people.until(one, lambda: people.state(one) == "reconstructing")
    (victim,) = works_on(service, "model")
    assert victim in {machines.running[name].pid for name in ("one", "two")}  # not where it arrived
    time.sleep(1)
    for process in psutil.Process(victim).children():  # the heartbeat: nobody is left there to tell
        process.send_signal(signal.SIGKILL)
    os.kill(victim, signal.SIGKILL)
    until(lambda: not lives(victim))
    took = until(lambda: works_on(service, "model") - {victim})
    record_property("taken over after s", took)
    assert 1 < took < MINUTE
    people.decide(one, people.in_review(one))
    people.until(one, lambda: people.state(one) == "published")
    subject = people.capture(one).subject
    answer = httpx.get(f"{people.url}/api/v1/records/{subject.removeprefix('ark:/')}", timeout=30)
    assert answer.json()["titles"] == {"en": "Thing a1"}
    page = httpx.get(f"{people.url}/records/{subject.removeprefix('ark:/')}", timeout=30)
    assert page.status_code == 200 and "Thing a1" in page.text
    (file,) = answer.json()["files"]
    assert httpx.get(f"{people.url}/files/{file['path']}", timeout=30).content == PICTURE
    one.done = True
    until(lambda: not service.engine.counts() and not unkept(service))
    assert people.troubles == []
    assert aftermath(service, [one], tmp_path) == []


def test_the_public_process_has_only_what_is_public(
    machines: Machines, service: Service, settings: dict[str, str]
) -> None:
    children = psutil.Process(machines.running["web"].pid).children()
    public, *_ = [one for one in children if "oberih.web.open" in one.cmdline()]
    given = " ".join([*public.cmdline(), *public.environ().values()])
    private = ("OBERIH_IDENTITY", "OBERIH_SECRET_KEY", "OBERIH_FILES_SECRET_KEY", "OBERIH_DRAFTS_URL",
               "OBERIH_ARCHIVE_URL", "OBERIH_DATABASE_URL")  # fmt: skip
    assert [name for name in private if settings[name] in given] == []
    assert settings["OBERIH_PUBLIC_DATABASE_URL"] in given
    own = {str(machines.folder / "web" / "public"), "/dev"}
    paths = [str(one.readlink()) for one in Path(f"/proc/{public.pid}/fd").iterdir()]
    files = [one for one in paths if one.startswith("/") and not one.startswith(tuple(own))]
    assert [one for one in files if str(machines.folder / "web") in one and not one.endswith(".log")] == []
    with psycopg.connect(settings["OBERIH_PUBLIC_DATABASE_URL"]) as reader:
        assert reader.execute("SELECT count(*) FROM public_records.documents").fetchone()
        for table in ("place", "account", "capture", "entry", "work.workflow_status"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
                reader.execute(f"SELECT * FROM {table}")


def test_those_that_begin_at_the_same_time_have_one_archive(machines: Machines, service: Service) -> None:
    told = [
        (machines.folder / name / "archive" / "oberih.toml").read_text() for name in ("web", "one", "two")
    ]
    assert tomllib.loads(told[0]) == tomllib.loads(told[1]) == tomllib.loads(told[2])
    assert "secret" not in told[0]
    assert len(list((machines.folder).glob("*/recovery.key"))) == 1
    archive = open_archive(service.folder / "archive")
    assert len(list(archive.index.objects("archive"))) == 1  # the object of its settings
    archive.index.close()


def test_what_one_machine_changes_in_the_archive_s_settings_the_others_follow(
    settings: dict[str, str], tmp_path: Path
) -> None:
    one, two = open_service(tmp_path / "one"), open_service(tmp_path / "two")
    for service in (one, two):
        prepare_service(service)
    third = new_identity()[1]
    one.archive.change_settings(lambda table: table["custodians"].update(third=third))
    keep_settings(one.archive)
    assert "third" not in two.archive.settings.custodians
    assert copied(two, Progress()).troubles == []
    assert two.archive.settings.custodians["third"] == third
    assert copied(one, Progress()).troubles == []
    assert one.archive.settings.custodians["third"] == third
    versions = read_object(one.archive.main, object_key(one.engine.noted(NAME))).inventory.versions
    assert len(versions) == 2  # neither wrote back what it had before
    for service in (one, two):
        service.archive.index.close()
        service.close()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OBERIH_PUBLIC_DATABASE_URL", "", "a database role of its own"),
        ("OBERIH_PUBLIC_FILES_ACCESS_KEY", "test-key", "keys of its own"),
        ("OBERIH_PUBLIC_FILES_ACCESS_KEY", "reader-key", "open s3://"),
    ],
)
def test_nothing_is_served_if_the_public_process_had_more(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("OBERIH_PUBLIC_FILES_SECRET_KEY", value.replace("key", "secret"))
    with closing(open_service(machines.folder / "desk")) as service, pytest.raises(InputError, match=words):
        refuse_unsafe(service)


def test_a_machine_with_other_secrets_does_not_join(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBERIH_IDENTITY", new_identity()[0])
    with (
        closing(open_service(machines.folder / "stranger")) as service,
        pytest.raises(InputError, match="another identity"),
    ):
        prepare_service(service)
    monkeypatch.delenv("OBERIH_IDENTITY")
    with (
        closing(open_service(machines.folder / "stranger")) as service,
        pytest.raises(InputError, match="share the secrets"),
    ):
        prepare_service(service)
