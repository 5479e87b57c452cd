"""Blender as an independent reader. It is under the GPL, so it has an environment of its own beside ours
(`scripts/blender_env.py` makes it) and is only ever run as another program.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

HOME = Path(__file__).parents[1]


def blender_python() -> Path:
    """The Python of Blender's environment; skips the test where there is none."""
    python = Path(os.environ.get("OBERIH_TEST_BLENDER", HOME / ".venv-blender/bin/python"))
    if not python.exists():
        pytest.skip("Blender is not installed: run scripts/blender_env.py")
    return python


def open_in_blender(*paths: Path, importers: Sequence[str] = ("fbx",)) -> list[dict[str, Any]]:
    """What Blender sees in each file, with each importer: see `blender_reads.py`."""
    command = [blender_python(), HOME / "tests/blender_reads.py", ",".join(importers), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("BLENDER ")]
    assert done.returncode == 0 and lines, done.stdout[-2000:] + done.stderr[-4000:]
    answers: list[dict[str, Any]] = json.loads(lines[-1].removeprefix("BLENDER "))
    return answers
