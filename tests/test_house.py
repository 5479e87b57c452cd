"""The rules of the house: who may import whom, how long a file may be, which licences come in."""

import ast
import importlib
import importlib.metadata
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import oberih

HOME = Path(__file__).parents[1]
SOURCE = HOME / "src"

FLOORS = {
    0: {
        "",
        "errors",
        "geometry",
        "i18n",
        "logs",
        "progress",
        "settings",
    },  # "": oberih itself, which only knows its version
    1: {"capture", "formats", "trust"},
    2: {"archive", "products", "reconstruct"},
    3: {"catalogue"},
    4: {"work"},
    5: {"web"},
    6: {"cli"},  # it starts the service
    7: {"__main__"},
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
BESIDE = {("trust", "capture")}  # on one floor, and never the other way: public pictures are made from photos

MIGRATIONS = SOURCE / "oberih/catalogue/migrations"  # its revisions are Alembic's, and run by nobody else
MODULES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
    if path.parent != MIGRATIONS / "versions" and path != MIGRATIONS / "env.py"
)


def room(module: str) -> str:
    """The room that a module of Oberih is in: "oberih.reconstruct.depth" is in "reconstruct"."""
    return (*module.split("."), "")[1]


def source(module: str) -> Path:
    path = SOURCE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports(module: str) -> Iterator[str]:
    """The modules of Oberih that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source(module).read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} uses a relative import"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else str(node.module) for name in inner]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "oberih")


@cache
def tracked() -> list[Path]:
    """All files of the project that are, or would be, under version control."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=HOME, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this copy of the project is not a Git checkout")
    return [HOME / name for name in listed.split("\0") if name and (HOME / name).is_file()]


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module: str) -> None:
    here = room(module)
    assert here in FLOOR, f"{here!r} is no room of the house: give it a floor in DESIGN and here"
    for other in imports(module):
        there = room(other)
        allowed = there == here or FLOOR[there] < FLOOR[here] or FLOOR[there] == FLOOR[here] == 0
        allowed |= (here, there) in BESIDE
        assert allowed, f"{module} (floor {FLOOR[here]}) imports {other} (floor {FLOOR[there]})"


@pytest.mark.parametrize("module", MODULES)
def test_nobody_reaches_into_the_private_parts_of_another_room(module: str) -> None:
    for other in imports(module):
        if room(other) != room(module):
            assert not re.search(r"\._(?!_)", other), f"{module} imports {other}"


@pytest.mark.parametrize("module", MODULES)
def test_public_names_exist(module: str) -> None:
    found = importlib.import_module(module)
    if not re.search(r"\._", module):
        assert hasattr(found, "__all__"), f"{module} does not say what is public"
    names = getattr(found, "__all__", [])
    assert [name for name in names if not hasattr(found, name)] == []


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(ast.parse(source(module).read_text())), f"{module} has no docstring"


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(HOME)): lines
        for path in tracked()
        if path.suffix in {".py", ".js", ".css", ".ts"}
        and path.parent != MIGRATIONS / "versions"
        and (lines := len(path.read_text().splitlines())) > 500
    }
    assert long == {}


def test_no_gpl_in_the_install() -> None:
    strict = re.compile(r"(?<![A-Za-z])A?GPL|GNU (Affero )?General Public", re.IGNORECASE)
    checked = 0
    for line in (HOME / "requirements.txt").read_text().splitlines():
        if not re.match(r"[A-Za-z]", line):
            continue  # a hash or a comment
        requirement = Requirement(line.removesuffix("\\").strip())
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        metadata = importlib.metadata.metadata(requirement.name)
        said = [metadata.get("License-Expression") or metadata.get("License") or ""]
        said = [text for text in said if "\n" not in text]  # whole texts also tell of compilers and tests
        said += [c for c in metadata.get_all("Classifier", []) if c.startswith("License ::")]
        assert not [text for text in said if strict.search(text)], f"{requirement.name}: {said}"
        checked += 1
    assert checked > 10


def test_no_file_names_a_package_registry_or_a_place_on_somebodys_machine() -> None:
    hosts = [("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org")]
    words = [".".join(host) for host in hosts] + [f"/{place}/" for place in ("work", "root")]
    pattern = re.compile("|".join(rf"(?<![$}}.\w]){re.escape(word)}" for word in words))
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a picture
        found = pattern.search(text)
        assert not found, f"{path.relative_to(HOME)} names {found.group()}"  # type: ignore[union-attr]


def test_requirement_files_are_pinned_with_hashes() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (HOME / name).read_text()
        packages = re.findall(r"^[A-Za-z][^\n]*(?:\n    [^\n]*)*", text, re.MULTILINE)
        assert len(packages) > 10
        assert [p.split()[0] for p in packages if "==" not in p or "--hash=sha256:" not in p] == []


def test_documents_name_commands_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (HOME / "Makefile").read_text(), re.MULTILINE))
    for name in ("README.md", "README.uk.md", "CONTRIBUTING.md", "docs/how-it-works.md"):
        named = set(re.findall(r"`make ([a-z]+)|^ *make ([a-z]+)", (HOME / name).read_text(), re.MULTILINE))
        assert {a or b for a, b in named} <= targets, name


def test_links_between_documents_lead_somewhere() -> None:
    for path in tracked():
        if path.suffix != ".md":
            continue
        for link in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
            if not link.startswith(("http", "mailto:")):
                assert (path.parent / link).exists(), f"{path.relative_to(HOME)}: {link}"


def test_the_changelog_knows_this_version() -> None:
    text = (HOME / "CHANGELOG.md").read_text()
    assert f"## [{oberih.__version__}]" in text or "## [Unreleased]" in text


@pytest.mark.xdist_group("house")
def test_tests_of_a_group_are_kept_together(request: pytest.FixtureRequest) -> None:
    """What a group shares is made once, if xdist can tell pytest's tests apart by their group."""
    if request.config.getoption("loadgroup", False):
        assert request.node.nodeid.endswith("@house")
