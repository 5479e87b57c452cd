"""What a service writes into its logs, as whoever runs it reads them."""

import json
import subprocess
import sys

import pytest

BEGIN = (
    "import logging, threading\n"
    "from oberih.logs import begin_logs\n"
    "begin_logs('web')\n"
    "log = logging.getLogger('oberih.web')\n"
)


def said(program: str) -> list[dict[str, object]]:
    """The lines that a process writes which runs ``program``."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + program], capture_output=True, text=True, check=False
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_says_when_who_and_what() -> None:
    (line,) = said("log.info('job %s begins', 'j-1')")
    assert str(line.pop("at")).endswith("Z")
    assert line == {"level": "info", "process": "web", "from": "oberih.web", "said": "job j-1 begins"}


@pytest.mark.parametrize("personal", [
    "203.0.113.7", "2001:db8:0:0:1::1", "::1", "olha@example.org", "51.4938210", "-0.1276474",
    "/search?q=Ольга", "obt_4f9d2c8e7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e", "postgresql://olha:secret@db/x",
])  # fmt: skip
def test_what_could_tell_of_a_person_is_hidden(personal: str) -> None:
    (line,) = said(f"log.warning('%s came', {personal!r})")
    assert str(line["said"]).endswith(" came")
    for part in ("203", "2001", "olha", "51.49", "0.127", "Ольга", "obt_", "secret"):
        assert part not in str(line["said"])


def test_identifiers_stay_readable() -> None:
    names = "ark:/99999/b1x0k2 5f0c9a1be2d34c5f6a7b8c9d 12:30:11 0.25 oberih/web/app.py"
    (line,) = said(f"log.info('%s', {names!r})")
    assert line["said"] == names


def test_an_unforeseen_error_is_a_place_in_the_program_and_not_its_words() -> None:
    lines = said(
        "def look(name):\n"
        "    try: {}[name]\n"
        "    except KeyError as error: raise RuntimeError(f'nothing of {name}') from error\n"
        "try: look('Olha')\n"
        "except RuntimeError: log.exception('it failed')\n"
    )
    (line,) = lines
    error = line["error"]
    assert isinstance(error, dict)
    assert error["kind"] == "RuntimeError" and error["because of"]["kind"] == "KeyError"
    assert error["in"][-1].endswith(" look")
    assert "Olha" not in json.dumps(line)


def test_other_programs_errors_and_ends_are_lines_too() -> None:
    warned, thread, ended = said(
        "import warnings; warnings.warn('old')\n"
        "one = threading.Thread(target=lambda: 1 / 0); one.start(); one.join()\n"
        "raise SystemError('Olha')\n"
    )
    assert warned["level"] == "warning" and "old" in str(warned["said"])
    assert (thread["level"], ended["level"]) == ("error", "critical")
    assert "Olha" not in json.dumps(ended)
    assert said("logging.getLogger('httpx').info('GET /?q=Olha')") == []
