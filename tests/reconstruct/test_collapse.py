"""Edge collapse in a child process: what it gives, and that it ends when it should."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import oberih
from oberih.errors import Cancelled, StageFailed
from oberih.progress import Progress
from oberih.reconstruct.texture import collapse as module
from oberih.reconstruct.texture.collapse import Arrays, collapse


def terrain(columns: int) -> Arrays:
    """A bumpy grid of ``columns`` x ``columns`` squares."""
    x, y = np.meshgrid(np.arange(columns + 1), np.arange(columns + 1))
    vertices = np.stack([x, y, np.sin(x / 3) * np.cos(y / 5)], -1).reshape(-1, 3).astype(np.float32)
    corner = (np.arange(columns)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    right, below = corner + 1, corner + columns + 1
    faces = np.concatenate([np.stack([corner, right, below], 1), np.stack([right, below + 1, below], 1)])
    return vertices, faces.astype(np.int32)


def children() -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:  # it ended just now
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.add(int(path.parent.name))
    return found


def test_fewer_triangles_from_more_than_a_pipe_holds() -> None:
    vertices, faces = collapse(*terrain(300), 20_000, Progress())
    assert 10_000 < len(faces) < 22_000
    assert np.ptp(vertices, axis=0)[:2] == pytest.approx([300, 300], abs=3)


def test_a_stop_ends_the_child_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before, progress = children(), Progress()
    monkeypatch.setattr(module.subprocess, "Popen", lambda _, **more: POPEN(["sleep", "60"], **more))
    threading.Timer(0.5, progress.stop.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        collapse(*terrain(300), 1000, progress)
    assert time.monotonic() - began < 20
    assert children() == before


POPEN = subprocess.Popen


def test_a_child_that_dies_is_an_error_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.subprocess, "Popen", lambda _, **more: POPEN(["false"], **more))
    with pytest.raises(StageFailed, match="simplified") as caught:
        collapse(*terrain(300), 1000, Progress())
    assert "draft" in caught.value.advice


def test_ctrl_c_reaches_the_caller_only(tmp_path: Path) -> None:
    """A terminal sends it to the whole process group; the caller, not a dead child, then says what to do."""
    script = """
        import os, signal, threading
        from oberih.cli.stopping import stoppable
        from oberih.i18n import ENGLISH
        from oberih.errors import Cancelled
        from oberih.progress import Progress
        from oberih.reconstruct.texture.collapse import collapse
        from test_collapse import terrain
        given, progress = terrain(1200), Progress()
        threading.Timer(0.5, os.killpg, (0, signal.SIGINT)).start()
        try:
            with stoppable(progress.stop, ENGLISH):
                collapse(*given, 1000, progress)
        except Cancelled as error:
            raise SystemExit(error.exit_code)
    """
    path = os.pathsep.join([str(Path(oberih.__file__).parents[1]), str(Path(__file__).parent)])
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], check=False, start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert ended.returncode == 130 == 128 + signal.SIGINT
