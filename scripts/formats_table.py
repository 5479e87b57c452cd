"""Writes docs/formats.md: what each 3D format keeps, and which reader of others passed what we write.

The readers are those that the tests name (``@pytest.mark.reads("glb", "Khronos glTF validator")``); this runs
those tests first, and writes nothing unless all of them pass.

    .venv/bin/python scripts/formats_table.py
"""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from oberih.formats import FORMATS

__all__ = ["readers", "text"]

HOME = Path(__file__).parents[1]
TESTS = HOME / "tests" / "formats"
PAGE = HOME / "docs" / "formats.md"

HEAD = """# 3D formats

```sh
oberih export out --to usdz -o statue.usdz                         # a folder of oberih reconstruct, or a file
oberih export out --to glb -o small.glb --triangles 50000 --texture 2048
oberih import scan.e57 -o scan                                     # what somebody else made
oberih import scan.obj --unit mm --archive A                       # kept as it came, then read
oberih formats --json
```

Lengths are metres, also in formats that know no unit (OBJ, PLY, STL, OFF, PTS, XYZ, PCD). Where the scale
of a model is unknown, one unit is written as one metre, and the command says so. y is up in GLB, glTF, OBJ,
PLY, OFF, USD, COLLADA, X3D, FBX and COLMAP, z in the others, as each format's users expect. The same model
gives the same bytes. What is written tells nothing of place, person or machine; photos are called photo-0001
and so on, in the order of their names, unless `--photo-names` is given.

What comes from a stranger is read in a process of its own with an end to its memory and time. What a file
has and Oberih does not take is said; broken files are refused with the reason (exit code 15).

"""


def readers() -> dict[str, list[str]]:
    """Format -> those that the tests let read what we write, as their marks say."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(TESTS.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for mark in getattr(node, "decorator_list", []):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.reads":
                    *formats, reader = (ast.literal_eval(argument) for argument in mark.args)
                    for name in formats:
                        found[name].add(reader)
    return {name: sorted(names) for name, names in found.items()}


def text(passed: Mapping[str, list[str]]) -> str:
    """The page."""
    rows = [
        "| format | name | ending | out | in | keeps | read back by |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in FORMATS:
        ending = f"`{one.extension}`" if one.extension else "folder"
        marks = ["yes" if has else "" for has in (one.writes, one.reads)]
        others = ", ".join(passed.get(one.name, []))
        rows.append(
            f"| {one.title} | `{one.name}` | {ending} | {marks[0]} | {marks[1]} "
            f"| {', '.join(one.keeps)} | {others} |"
        )
    return HEAD + "\n".join(rows) + "\n"


def main() -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "reads", "-n", "auto", str(TESTS), "-rs"]
    run = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    print(run.stdout[-2000:])
    if run.returncode or " skipped" in run.stdout.splitlines()[-1]:
        print("Not all readers passed: docs/formats.md stays as it is.", file=sys.stderr)
        return 1
    PAGE.write_text(text(readers()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
