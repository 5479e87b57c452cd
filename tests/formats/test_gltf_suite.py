"""569 glTF files of others, valid, odd and broken: read as glTF-Transform reads them, or refused."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from formats.node import Node, node  # noqa: F401 -- a fixture
from oberih.errors import UnreadableModel
from oberih.formats import Model
from oberih.formats.gltf import read

SUITE = Path(__file__).parents[2] / ".." / "shared" / "suites" / "gltf"
LONG = ("24_gpu_instancing",)  # shows 7.7 million triangles: half a minute

pytestmark = pytest.mark.skipif(not SUITE.is_dir(), reason="the suites are not here")


def shows_nothing(path: Path) -> bool:
    """Does no node show a mesh? Then what glTF-Transform stumbles over does not matter."""
    data = path.read_bytes()
    if data[:4] == b"glTF":
        data = data[20 : 20 + int.from_bytes(data[12:16], "little")]
    told = json.loads(data)
    nodes = told.get("nodes", [])
    return not any("mesh" in one for one in nodes) if nodes else not told.get("meshes")


def same(model: Model, found: dict[str, Any], path: Path) -> bool:
    points = 0 if model.points is None else len(model.points)
    if "error" in found:
        if "KHR_techniques_webgl" in found["error"]:  # a box: only its material is of another time
            return model.triangles == 12 and model.bounds().tolist() == [[-0.5] * 3, [0.5] * 3]
        return shows_nothing(path) and model.triangles == points == 0
    if (model.triangles, points) != (found["triangles"], found["points"]):
        return False
    if model.triangles + points == 0:
        return True
    bounds = model.bounds() + model.origin
    size = max(1.0, float(np.abs(bounds).max()))
    return bool(np.allclose(bounds, [found["low"], found["high"]], rtol=0, atol=1e-5 * size))


def test_files_of_others_are_read_right_or_refused(node: Node) -> None:  # noqa: F811
    with (SUITE / "measured.csv").open() as file:
        valid = {
            SUITE / row["file"]: row["errors"] == "0"
            for row in csv.DictReader(file)
            if not any(part in row["file"] for part in LONG)
        }
    assert len(valid) > 560
    reference = node("gltf_measure.mjs", lines="\n".join(map(str, valid)))
    right, wrong, told, disagree = [], [], [], []
    for path, good in valid.items():
        try:
            model = read(path)
        except UnreadableModel as error:
            told.append(error)
            if good:
                wrong.append(f"{path.name}: {error}")
            continue
        if same(model, reference[str(path)], path):
            right.append(good)
        elif good:
            wrong.append(str(path))
        elif "error" not in reference[str(path)]:
            disagree.append(str(path))
    assert all(error.advice for error in told)
    assert disagree == []  # what both read of a broken file, both read alike
    assert sum(right) >= 0.95 * sum(valid.values()), wrong
    assert all("meshopt" in one or "extension" in one or "has no data" in one for one in wrong), "\n".join(
        wrong
    )
