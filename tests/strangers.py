"""A reconstruction that a stranger's photo has taken over: what it does then is said in Python."""

import textwrap
from pathlib import Path

import pytest

from oberih.reconstruct import confined

__all__ = ["taken_over"]

INSTEAD = """
import sys, types
instead = types.ModuleType("oberih.reconstruct.pipeline")
exec({code!r}, vars(instead))
sys.modules[instead.__name__] = instead
"""
RUN = """
import json, os, signal, socket, subprocess, sys, time
from pathlib import Path
def reconstruct(photos, out, settings, progress):
"""


def taken_over(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """From now on, processes that reconstruct do ``code`` instead, once they are confined."""
    run = RUN + textwrap.indent(textwrap.dedent(code), "    ")
    (folder / "sitecustomize.py").write_text(INSTEAD.format(code=run))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(confined, "kernels", lambda: None)
