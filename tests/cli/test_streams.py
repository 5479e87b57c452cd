"""Output that is closed, full, or that nobody reads: the program ends in order, with one word or none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WAIT_S = 120  # a busy machine takes its time
DONE = """
    import sys
    from types import SimpleNamespace as Some
    import oberih.cli.reconstruct
    import oberih.reconstruct
    from oberih.cli import main
    def reconstruct(photos, out, settings, *, progress, scale):
        with progress.stage("depth", 1000) as stage:
            for _ in range(1000):
                stage.tick()
        return Some(report_json=out)
    oberih.reconstruct.reconstruct = reconstruct
    oberih.cli.reconstruct.summary = lambda result, t: ["Done."]
    main()
"""


def shell(command: str, tmp_path: Path) -> tuple[int, str]:
    """Exit code and standard error of a command in which ``$O`` is oberih, without the work."""
    script = tmp_path / "started.py"
    script.write_text("\n".join(line[4:] for line in DONE.splitlines()))
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "O": f"{sys.executable} {script}",
        "LC_ALL": "C.UTF-8",
    }
    ended = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True,
        timeout=WAIT_S, check=False,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr and "Exception ignored" not in ended.stderr
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    "command",
    [
        "$O reconstruct p -o x --progress json",
        "$O reconstruct p -o x --progress json 2>&1",
        "$O reconstruct p -o x --progress plain 2>&1",
        "$O reconstruct --help",
        "$O reconstruct --preset best --progress=json",
    ],
)
def test_nobody_reads(tmp_path: Path, command: str) -> None:
    code, told = shell(f"{command} | true; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert code == 141
    assert "defect" not in told and not (tmp_path / "x" / "work" / "error.log").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "command", ["--version", "reconstruct p -o x --progress json", "reconstruct p -o x 2>/dev/null"]
)
def test_no_room_for_what_is_told(tmp_path: Path, command: str) -> None:
    code, told = shell(f"$O {command} >/dev/full", tmp_path)
    assert code == 8
    assert "No space left" in told or "2>" in command


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_matter(tmp_path: Path, closed: str) -> None:
    for command in ("--help", "reconstruct p -o x --progress json", "reconstruct p -o x --progress plain"):
        assert shell(f"$O {command} {closed}", tmp_path)[0] == 0
    assert shell(f"$O reconstruct {closed}", tmp_path)[0] == 2


def test_the_package_is_the_program(tmp_path: Path) -> None:
    module = [sys.executable, "-P", "-m", "oberih", "--version"]
    told = subprocess.run(
        module, capture_output=True, text=True, check=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    ).stdout  # fmt: skip
    assert told.startswith("oberih ")
