"""Which faces make a tile: a tree of boxes, each cut at its median, twice at a time.

A surface cut twice falls into four parts; so each tile has four children with a quarter of its faces.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oberih.geometry import Mesh

__all__ = ["Node", "Plan", "planned"]

TRIANGLES = 40_000  # of the finest tiles, at most
TEXELS = 1 << 20  # and what they show of a texture
FEWEST = 256  # faces that are not split for their texels


@dataclass
class Node:
    """A tile: the faces ``order[start:stop]`` of the plan."""

    name: str
    start: int
    stop: int
    children: list["Node"] = field(default_factory=list)

    def walk(self) -> Iterator["Node"]:
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Plan:
    """How a mesh is cut."""

    root: Node
    order: NDArray[np.int32]  # (F,) faces, those of a tile next to each other


def planned(mesh: Mesh, name: str) -> Plan:
    """The tree of a mesh; ``name`` is the root's."""
    middle = np.empty((len(mesh.faces), 3), np.float32)
    for k in range(3):
        axis = mesh.vertices[:, k]
        middle[:, k] = axis[mesh.faces[:, 0]] + axis[mesh.faces[:, 1]] + axis[mesh.faces[:, 2]]
    order = np.arange(len(mesh.faces), dtype=np.int32)
    texels = np.zeros(len(mesh.faces), np.float32)
    if mesh.uv is not None and mesh.texture is not None:
        a, b = mesh.uv[:, 1] - mesh.uv[:, 0], mesh.uv[:, 2] - mesh.uv[:, 0]
        size = mesh.texture.shape[0] * mesh.texture.shape[1] / 2
        texels = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) * np.float32(size)

    def cut(start: int, stop: int) -> int:
        part = order[start:stop]
        there = middle[part]
        axis = int(np.argmax(there.max(axis=0) - there.min(axis=0)))
        half = (stop - start) // 2
        order[start:stop] = part[np.argpartition(there[:, axis], half)]
        return start + half

    def grow(node: Node) -> Node:
        count = node.stop - node.start
        shown = float(texels[order[node.start : node.stop]].sum(dtype=np.float64))
        if count > TRIANGLES or (shown > TEXELS and count > FEWEST):
            half = cut(node.start, node.stop)
            ends = [node.start, cut(node.start, half), half, cut(half, node.stop), node.stop]
            for i in range(4):
                node.children.append(grow(Node(f"{node.name}-{i}", ends[i], ends[i + 1])))
        return node

    return Plan(grow(Node(name, 0, len(mesh.faces))), order)
