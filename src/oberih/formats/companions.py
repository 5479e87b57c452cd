"""Which files belong to a 3D file: those beside or below it that it names (textures, materials, buffers)."""

import os
from pathlib import Path
from urllib.parse import quote

__all__ = ["companions"]

TEXTS = (".obj", ".mtl", ".gltf", ".dae", ".usda", ".usd", ".usdc", ".ply", ".x3d")  # these name other files
MOST_FILES = 10_000  # looked at beside and below the file
MOST_BYTES = 256 << 20  # of a file that are searched for names


def companions(path: Path) -> tuple[Path, ...]:
    """Files beside ``path``, or in folders below it, that it names, or that one of those names; sorted.

    A name is looked for as the way from ``path``, as it is or percent-encoded. Links that lead out of the
    folder are left out.
    """
    home = path.parent.resolve()
    around = []
    for folder, _, files in os.walk(path.parent):
        around += [Path(folder, name) for name in files]
        if len(around) > MOST_FILES:  # somebody's downloads: only what lies beside the file
            around = [one for one in path.parent.iterdir() if one.is_file()]
            break
    candidates = [one for one in around if one != path and one.resolve().is_relative_to(home)]
    found: set[Path] = set()
    searched = [path]
    while searched:
        file = searched.pop()
        if not file.name.lower().endswith(TEXTS):
            continue
        text = file.read_bytes()[:MOST_BYTES]
        for one in candidates:
            way = one.relative_to(path.parent).as_posix()
            ways = {way, quote(way), way.replace("/", "\\")}
            names = {name.encode(coding) for name in ways for coding in ("utf-8", "utf-16-le", "utf-16-be")}
            if one not in found and one.is_file() and any(name in text for name in names):
                found.add(one)
                searched.append(one)
    return tuple(sorted(found))
