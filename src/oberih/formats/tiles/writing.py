"""Fills the tree from its leaves: each tile is written, then simplified together with its siblings."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oberih import __version__
from oberih.errors import InputError
from oberih.formats.gltf import write_glb
from oberih.formats.model import Model
from oberih.formats.tiles._crop import beside, cropped
from oberih.formats.tiles._split import Node, Plan, planned
from oberih.formats.writing import whole_folder
from oberih.geometry import Mesh
from oberih.geometry.simplify import coarser, farthest, repainted, welded
from oberih.progress import Progress, Stage

__all__ = ["write"]

TEXTURE = 1024  # texels a side of a coarser tile, at most


@dataclass(frozen=True)
class Tile:
    """A tile that is written: what its parent needs of it."""

    mesh: Mesh
    span: NDArray[np.int32]  # (V, 2) first and last face, in the plan's order, that meets at each vertex
    told: dict[str, Any]  # its entry in the tileset
    bounds: NDArray[np.float32]  # (2, 3)

    @property
    def error_m(self) -> float:
        return float(self.told["geometricError"])


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the tileset into the new folder ``path``. Raises `InputError`, `OutputError`, `Cancelled`."""
    parts = [part for part in model.parts if len(part.faces)]
    if not parts:
        raise InputError("The model has no surface: 3D Tiles hold triangles.", ADVICE)
    with whole_folder(path) as folder, progress.stage("tiles", sum(len(p.faces) for p in parts)) as stage:
        (folder / "tiles").mkdir()
        roots = []
        for number, part in enumerate(parts):
            tile = Builder(part, str(number), folder, progress, stage).built()
            roots.append((tile.told, tile.bounds))
        low = np.min([bounds[0] for _, bounds in roots], axis=0)
        high = np.max([bounds[1] for _, bounds in roots], axis=0)
        across = float(np.linalg.norm(high.astype(np.float64) - low))
        root = roots[0][0]
        if len(roots) > 1:
            root = entry(np.stack([low, high]), across, None, [told for told, _ in roots])
        root = {key: root[key] for key in ("boundingVolume", "geometricError")} | {"refine": "REPLACE"} | root
        tileset = {
            "asset": {"version": "1.1", "generator": f"Oberih {__version__}"},
            "geometricError": max(across, root["geometricError"]),  # of showing nothing
            "root": root,
        }
        text = json.dumps(tileset, separators=(",", ":"), allow_nan=False)
        (folder / "tileset.json").write_text(text, "ascii")


ADVICE = "Export the points as LAS, COPC or E57 instead."


class Builder:
    """Writes the tiles of one mesh."""

    def __init__(self, mesh: Mesh, name: str, folder: Path, progress: Progress, stage: Stage) -> None:
        self.mesh, self.folder, self.progress, self.stage = mesh, folder, progress, stage
        self.plan: Plan = planned(mesh, name)
        rank = np.empty(len(mesh.faces), np.int32)
        rank[self.plan.order] = np.arange(len(rank), dtype=np.int32)
        _, place = welded(mesh.vertices)
        spans = np.empty((int(place.max()) + 1, 2), np.int32)
        spans[:, 0], spans[:, 1] = len(rank), -1
        for k in range(3):
            at = place[mesh.faces[:, k]]
            np.minimum.at(spans[:, 0], at, rank)
            np.maximum.at(spans[:, 1], at, rank)
        self.spans = spans[place]

    def built(self) -> Tile:
        return self.tile(self.plan.root)

    def tile(self, node: Node) -> Tile:
        """Write a tile and all below it."""
        self.progress.check()
        return self.coarse(node) if node.children else self.leaf(node)

    def leaf(self, node: Node) -> Tile:
        chosen = np.sort(self.plan.order[node.start : node.stop])
        used, faces = np.unique(self.mesh.faces[chosen], return_inverse=True)
        mesh = cropped(
            replace(
                self.mesh,
                vertices=self.mesh.vertices[used],
                faces=faces.reshape(-1, 3).astype(np.int32),
                normals=None if self.mesh.normals is None else self.mesh.normals[used],
                colours=None if self.mesh.colours is None else self.mesh.colours[used],
                confidence=None if self.mesh.confidence is None else self.mesh.confidence[used],
                uv=None if self.mesh.uv is None else self.mesh.uv[chosen],
            )
        )
        bounds = np.stack([mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)])
        told = self.written(node, mesh, bounds, 0.0, [])
        self.stage.tick(node.stop - node.start)
        return Tile(mesh, self.spans[used], told, bounds)

    def coarse(self, node: Node) -> Tile:
        children = [self.tile(child) for child in node.children]
        whole = beside([child.mesh for child in children])
        span = np.concatenate([child.span for child in children])
        outer = (span[:, 0] < node.start) | (span[:, 1] >= node.stop)
        mesh, used = coarser(whole, len(whole.faces) // 4, progress=self.progress, locked=outer)
        texel = 0.0
        if whole.texture is not None:
            size = int(np.sqrt(whole.texture.shape[0] * whole.texture.shape[1]) / 2)
            mesh = repainted(mesh, whole, min(TEXTURE, max(size, 16)))
            texel = texel_size(mesh)
        error = max(child.error_m for child in children) + farthest(mesh, whole)
        bounds = np.stack([
            np.min([child.bounds[0] for child in children], axis=0),
            np.max([child.bounds[1] for child in children], axis=0),
        ])  # fmt: skip
        told = self.written(node, mesh, bounds, max(error, texel), [child.told for child in children])
        return Tile(mesh, span[used], told, bounds)

    def written(
        self,
        node: Node,
        mesh: Mesh,
        bounds: NDArray[np.float32],
        error_m: float,
        children: list[dict[str, Any]],
    ) -> dict[str, Any]:
        name = f"tiles/{node.name}.glb"
        write_glb(self.folder / name, mesh)
        return entry(bounds, error_m, name, children)


def entry(
    bounds: NDArray[np.float32], error_m: float, content: str | None, children: list[dict[str, Any]]
) -> dict[str, Any]:
    """A tile in tileset.json. The y-up frame ``(x, y, z)`` is there ``(x, -z, y)``."""
    low, high = bounds.astype(np.float64)
    x, y, z = ((low + high) / 2).tolist()
    a, b, c = ((high - low) / 2).tolist()
    told: dict[str, Any] = {
        "boundingVolume": {"box": [x, -z, y, a, 0.0, 0.0, 0.0, c, 0.0, 0.0, 0.0, b]},
        "geometricError": error_m,
    }
    if content is not None:
        told["content"] = {"uri": content}
    if children:
        told["children"] = children
    return told


def texel_size(mesh: Mesh) -> float:
    """How much of the surface a texel covers, in metres: no finer detail can be seen."""
    assert mesh.uv is not None and mesh.texture is not None
    area = np.linalg.norm(mesh.face_normals(), axis=1).sum(dtype=np.float64)
    a, b = mesh.uv[:, 1] - mesh.uv[:, 0], mesh.uv[:, 2] - mesh.uv[:, 0]
    texels = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(dtype=np.float64)
    texels *= mesh.texture.shape[0] * mesh.texture.shape[1]
    return float(np.sqrt(area / texels)) if texels > 0 else 0.0
