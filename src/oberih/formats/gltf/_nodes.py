"""Where the meshes of a glTF file stand: its tree of nodes, flattened."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oberih.formats.gltf._accessors import Accessors
from oberih.formats.gltf._tree import Broken, Item
from oberih.i18n import say

__all__ = ["Standing", "standing"]

MOST_STANDING = 1_000_000


@dataclass(frozen=True)
class Standing:
    """A mesh at a place; ``moves``: ``(4, 4)``, from the mesh to the scene."""

    mesh: int
    moves: NDArray[np.float64]
    node: Item | None = None


def standing(root: Item, accessors: Accessors) -> tuple[list[Standing], bool]:
    """Every mesh that is shown, as often as it is; and whether nodes were hidden.

    That is the default scene, else all trees; in a file without nodes, every mesh once.
    Raises `Broken` for nodes in a circle or with two parents.
    """
    if not root.array("nodes"):
        return [Standing(number, np.eye(4)) for number in range(len(root.array("meshes")))], False
    todo = [(number, np.eye(4)) for number in roots(root)]
    seen: set[int] = set()
    found: list[Standing] = []
    hidden = False
    while todo:
        number, above = todo.pop()
        if number in seen:
            raise Broken(say("its nodes go round in a circle, or one has two parents"))
        seen.add(number)
        node = root.at("nodes", number)
        visibility = node.extension("KHR_node_visibility")
        if visibility is not None and visibility.value.get("visible") is False:
            hidden = True
            continue
        world = above @ local(node)
        if not np.isfinite(world).all():
            raise node.wrong("matrix")
        mesh = node.index("mesh")
        if mesh is not None:
            found += [Standing(mesh, world @ one, node) for one in instances(node, accessors)]
            if len(found) > MOST_STANDING:
                raise Broken(say("it shows a mesh more than {count} times", count=MOST_STANDING))
        todo += [(child, world) for child in reversed(node.indices("children"))]
    return found, hidden


def roots(root: Item) -> list[int]:
    scene = root.index("scene")
    if scene is not None:
        numbers = root.at("scenes", scene).indices("nodes")
    else:
        children = {child for node in root.items("nodes") for child in node.indices("children")}
        numbers = [number for number in range(len(root.array("nodes"))) if number not in children]
        if not numbers:
            raise Broken(say("its nodes go round in a circle, or one has two parents"))
    return numbers[::-1]


def local(node: Item) -> NDArray[np.float64]:
    """``(4, 4)``: a node's own matrix, or its translation, rotation and scale."""
    matrix = node.numbers("matrix", 16)
    if matrix is not None:
        return np.array(matrix).reshape(4, 4).T
    return composed(
        np.array(node.numbers("translation", 3) or (0, 0, 0), float),
        np.array(node.numbers("rotation", 4) or (0, 0, 0, 1), float),
        np.array(node.numbers("scale", 3) or (1, 1, 1), float),
    )


def composed(
    translation: NDArray[np.float64], rotation: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The matrix of a translation, a quaternion (x, y, z, w) and a scale."""
    length = np.linalg.norm(rotation)
    x, y, z, w = rotation / length if length > 0 else (0.0, 0.0, 0.0, 1.0)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]) * scale  # fmt: skip
    matrix[:3, 3] = translation
    return matrix


def instances(node: Item, accessors: Accessors) -> Iterator[NDArray[np.float64]]:
    """Where a node repeats its mesh (EXT_mesh_gpu_instancing); else once."""
    told = node.extension("EXT_mesh_gpu_instancing")
    if told is None or not told.item("attributes").value:
        yield np.eye(4)
        return
    attributes = told.item("attributes")
    columns = {
        name: np.asarray(accessors.floats(attributes.whole(name), width), float)
        for name, width in (("TRANSLATION", 3), ("ROTATION", 4), ("SCALE", 3))
        if attributes.has(name)
    }
    count = min((len(column) for column in columns.values()), default=1)
    if count > MOST_STANDING:
        raise Broken(say("it shows a mesh more than {count} times", count=MOST_STANDING))
    unmoved = {"TRANSLATION": np.zeros(3), "ROTATION": np.array([0, 0, 0, 1.0]), "SCALE": np.ones(3)}
    for row in range(count):
        yield composed(*(columns[name][row] if name in columns else unmoved[name] for name in unmoved))
