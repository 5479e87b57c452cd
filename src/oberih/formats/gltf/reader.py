"""glTF 2.0 files, .glb or .gltf, of whoever made them, as a `Model`.

What the default scene shows is taken, each mesh where and as often as it stands. Primitives of one material
become one part; those without a picture become one part with vertex colours. Vertices that are equal in all
that is kept are one again, so that a surface is connected across the seams of its texture. Skins and morphs
are taken at rest. Left out, and noted: lines, animations, variants, pictures other than of colour.

Specification: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats.gltf._accessors import Accessors, as_floats, dtype_of
from oberih.formats.gltf._colour import srgb_of
from oberih.formats.gltf._container import AGAIN, opened
from oberih.formats.gltf._draco import unpacked
from oberih.formats.gltf._materials import CLAMP_TO_EDGE, MIRRORED_REPEAT, WHITE, Look, Looks
from oberih.formats.gltf._nodes import Standing, standing
from oberih.formats.gltf._tree import Broken, Item
from oberih.formats.gltf._vertices import welded
from oberih.formats.model import Model, near_zero
from oberih.geometry import Mesh, PointCloud
from oberih.i18n import say

__all__ = ["read"]

POINTS, LINES, TRIANGLES, STRIP, FAN = 0, (1, 2, 3), 4, 5, 6
MOST_CORNERS = 600_000_000  # of all triangles that are shown
FARTHEST_M = 1e30
Floats = NDArray[np.floating]


def read(path: Path) -> Model:
    """What a .glb or .gltf file holds. Raises `UnreadableModel`."""
    try:
        with np.errstate(all="ignore"):  # what is not finite is looked for
            return Reading(Path(path)).model()
    except Broken as broken:
        raise UnreadableModel(
            say("{path} is damaged: {problem}.", path=Path(path).name, problem=broken.problem), AGAIN
        ) from broken


@dataclass
class Piece:
    """One primitive where it stands, or several joined."""

    positions: NDArray[np.float64]
    faces: NDArray[np.integer] | None  # None: points
    normals: Floats | None = None
    colours: NDArray[np.uint8] | None = None
    confidence: NDArray[np.float32] | None = None
    uv: Floats | None = None  # (N, 2)
    picture: Any = None  # key and factor


@dataclass
class Reading:
    """The reading of one file."""

    path: Path
    packed: dict[int, Any] = field(default_factory=dict)  # what came out of Draco, by its view

    def __post_init__(self) -> None:
        self.container = opened(self.path)
        self.container.check()
        self.root = self.container.root
        self.accessors = Accessors(self.container)
        self.looks = Looks(self.container)

    def model(self) -> Model:
        self.note_what_is_left()
        shown, hidden = standing(self.root, self.accessors)
        if hidden:
            self.looks.note(say("What the file hides was not taken."))
        self.refuse_too_much(shown)
        groups: dict[Any, list[Piece]] = {}
        for one in shown:
            for piece in self.pieces(one):
                kind = (piece.faces is None, piece.normals is None, piece.confidence is None, piece.picture)
                groups.setdefault(kind, []).append(piece)
        joint = [joined(groups.pop(kind)) for kind in list(groups)]
        surfaces = [piece for piece in joint if piece.faces is not None]
        clouds = [piece for piece in joint if piece.faces is None]
        moved, origin = near_zero([piece.positions for piece in surfaces + clouds])
        parts = tuple(
            self.part(piece, vertices)
            for piece, vertices in zip(surfaces, moved[: len(surfaces)], strict=True)
        )
        points = cloud_of(clouds, moved[len(surfaces) :]) if clouds else None
        if not joint:
            self.looks.note(say("The file has no surface and no points."))
        unit = self.root.item("asset").value.get("extras")
        known = not (isinstance(unit, dict) and unit.get("unit") == "unit")  # what Oberih writes
        return Model(parts, points, None, known, origin, tuple(self.looks.notes))

    def note_what_is_left(self) -> None:
        note = self.looks.note
        if self.root.array("animations"):
            note(say("Animations were not taken."))
        if self.root.array("skins"):
            note(say("Bones were not taken: the model stands as it was made."))
        if self.root.extension("KHR_materials_variants") is not None:
            note(say("Of several variants of materials, the first was taken."))

    def refuse_too_much(self, shown: list[Standing]) -> None:
        """Raise `Broken` if all that is shown has more corners than can be meant, before any is made."""
        sizes: dict[int, int] = {}
        for one in shown:
            if one.mesh not in sizes:
                sizes[one.mesh] = sum(map(self.size, self.root.at("meshes", one.mesh).items("primitives")))
        if sum(sizes[one.mesh] for one in shown) > MOST_CORNERS:
            raise Broken(say("it has more than {count} triangles", count=MOST_CORNERS // 3))

    def size(self, primitive: Item) -> int:
        """How many corners a primitive has, as its accessor says; of a strip or fan, three for each."""
        told = primitive.item("attributes")
        number = primitive.index("indices") if primitive.has("indices") else told.index("POSITION")
        count = 0 if number is None else self.accessors.told(number).whole("count")
        return 3 * count if primitive.whole("mode", TRIANGLES) in (STRIP, FAN) else count

    # -- one primitive ---------------------------------------------------------------------------------------

    def pieces(self, one: Standing) -> Iterator[Piece]:
        """The primitives of a mesh, as they stand in the scene."""
        mesh = self.root.at("meshes", one.mesh)
        for primitive in mesh.items("primitives"):
            mode = primitive.whole("mode", TRIANGLES)
            if mode in LINES:
                self.looks.note(say("Lines were not taken."))
            elif mode > FAN:
                raise primitive.wrong("mode")
            elif not primitive.item("attributes").has("POSITION"):
                self.looks.note(say("A mesh without positions was not taken."))
            else:
                if primitive.array("targets"):
                    self.looks.note(say("Shapes that a mesh can change to were not taken."))
                piece = self.piece(primitive, mode, one.moves)
                if piece is not None:
                    yield piece

    def piece(self, primitive: Item, mode: int, moves: NDArray[np.float64]) -> Piece | None:
        told = primitive.item("attributes")
        columns, order = self.columns(primitive, told)
        positions = columns["POSITION"]
        count = len(positions)
        if order is None:
            order = np.arange(count)
        elif len(order) and int(order.max()) >= count:
            raise Broken(say("{place} names vertices that are not there", place=primitive.place))
        faces = None if mode == POINTS else triangles(order, mode)
        used = order if faces is None else faces.ravel()
        if len(used) == 0:
            return None
        kept, number = within(used, count) if faces is not None else (used, used)
        columns = {
            name: column if kept is None else column[kept]
            for name, column in columns.items()
            if len(column) == count or self.uneven(primitive, name)
        }
        world = np.asarray(columns["POSITION"], np.float64) @ moves[:3, :3].T + moves[:3, 3]
        if not bool((np.abs(world) < FARTHEST_M).all()):
            raise Broken(say("{place} has numbers that are not finite", place=primitive.place))
        if faces is not None:
            faces = number.reshape(-1, 3)
            if np.linalg.det(moves[:3, :3]) < 0:  # a mirror turns surfaces inside out
                faces = faces[:, ::-1]
        piece = Piece(world, faces, turned_normals(columns.get("NORMAL"), moves))
        confidence = columns.get("_CONFIDENCE")
        if confidence is not None:
            piece.confidence = np.clip(np.nan_to_num(confidence[:, 0]), 0, 1).astype(np.float32)
        self.colour(piece, self.looks.of(primitive.index("material")), columns)
        return piece

    def uneven(self, primitive: Item, name: str) -> bool:
        raise Broken(say("{place} has attributes of different lengths", place=f"{primitive.place}.{name}"))

    def columns(
        self, primitive: Item, told: Item
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.integer] | None]:
        """The attributes that are taken, as ``(N, K)`` real numbers, and the indices."""
        wanted = {
            name: told.whole(name)
            for name in told.value
            if name in ("POSITION", "NORMAL", "COLOR_0", "_CONFIDENCE") or name.startswith("TEXCOORD_")
        }
        widths = {"POSITION": (3,), "NORMAL": (3,), "COLOR_0": (3, 4), "_CONFIDENCE": (1,)}
        draco = primitive.extension("KHR_draco_mesh_compression")
        if draco is not None:
            columns, order = self.draco(draco, wanted)
            if len(order) > self.size(primitive):  # more than was counted on
                raise Broken(say("{place} cannot be unpacked", place=draco.place))
            return columns, order
        columns = {
            name: self.accessors.floats(number, *widths.get(name, (2,))) for name, number in wanted.items()
        }
        indices = primitive.index("indices")
        return columns, None if indices is None else self.accessors.whole(indices)

    def draco(
        self, draco: Item, wanted: dict[str, int]
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.integer]]:
        view = draco.whole("bufferView")
        if view not in self.packed:
            try:
                self.packed[view] = unpacked(bytes(self.container.view(view)[0]))
            except ValueError as error:
                raise Broken(say("{place} cannot be unpacked", place=draco.place)) from error
        attributes, faces = self.packed[view]
        ids = draco.item("attributes")
        columns = {}
        for name, number in wanted.items():
            if not ids.has(name):
                columns[name] = self.accessors.floats(number)
                continue
            told = self.accessors.told(number)
            found = attributes.get(ids.whole(name))
            if found is None:
                raise Broken(say("{place} cannot be unpacked", place=draco.place))
            found = found.reshape(len(found), -1)
            dtype = dtype_of(told)
            # DracoPy gives whole numbers as wider or real ones; those normalised already are small.
            if dtype.kind != "f" and (found.dtype.kind != "f" or np.abs(found).max(initial=0) > 1):
                found = found.astype(dtype)
            columns[name] = as_floats(found, normalised=told.flag("normalized"))
        return columns, faces.ravel()

    def colour(self, piece: Piece, look: Look, columns: dict[str, NDArray[Any]]) -> None:
        """Give a piece its picture and coordinates, or its vertex colours."""
        light = columns.get("COLOR_0")
        tint = None if light is None else np.nan_to_num(light[:, :3].astype(np.float32))
        factor = look.factor
        if tint is not None and len(tint) and (tint == tint[0]).all():
            factor = tuple(float(a) * min(max(float(b), 0), 1) for a, b in zip(factor, tint[0], strict=True))  # type: ignore[assignment]
            tint = None
        uv = columns.get(f"TEXCOORD_{look.uv}")
        if look.picture is not None and uv is not None and piece.faces is not None and np.isfinite(uv).all():
            if tint is not None:
                self.looks.note(say("Vertex colours that tint a picture were not taken."))
            piece.uv = self.wrapped(look, np.asarray(uv[:, :2], np.float64))
            piece.picture = (look.picture, factor)
            return
        if look.picture is not None:
            self.looks.note(say("A picture without texture coordinates was not taken."))
        if tint is not None:
            piece.colours = srgb_of(tint * np.array(factor, np.float32))
        elif factor != WHITE:
            piece.colours = np.tile(srgb_of(np.array(factor)), (len(piece.positions), 1))

    def wrapped(self, look: Look, uv: NDArray[np.float64]) -> NDArray[np.float32]:
        """Coordinates turned as the material says, and such that repeating the picture is right."""
        if look.turn is not None:
            uv = uv @ look.turn[:2, :2].T + look.turn[:2, 2]
        beyond = bool(len(uv)) and (uv.min() < 0 or uv.max() > 1)
        for axis, wrap in enumerate(look.wraps):
            if beyond and wrap == CLAMP_TO_EDGE:
                uv[:, axis] = np.clip(uv[:, axis], 0, 1)
            elif beyond and wrap == MIRRORED_REPEAT:
                self.looks.note(say("A picture that repeats mirrored repeats plainly."))
        return uv.astype(np.float32)

    def part(self, piece: Piece, vertices: NDArray[np.float32]) -> Mesh:
        assert piece.faces is not None
        normals = None if piece.normals is None else (piece.normals + np.float32(0)).astype(np.float32)
        uv = None if piece.uv is None else piece.uv[piece.faces]
        faces, kept = welded(piece.faces, vertices + np.float32(0), normals, piece.colours, piece.confidence)
        texture = None if piece.picture is None else self.looks.pixels(*piece.picture)
        vertices, normals, colours, confidence = kept
        return Mesh(vertices, faces, normals, colours, confidence, uv, texture)


def triangles(order: NDArray[np.integer], mode: int) -> NDArray[np.integer]:
    """``(F, 3)`` of a list, a strip or a fan; corners that are too few for another triangle are left."""
    if mode == TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    if len(order) < 3:
        return np.zeros((0, 3), np.int64)
    if mode == FAN:
        first = np.broadcast_to(order[:1], len(order) - 2)
        return np.stack([order[1:-1], order[2:], first], axis=1)
    faces = np.stack([order[:-2], order[1:-1], order[2:]], axis=1)
    faces[1::2, 1:] = faces[1::2, :0:-1]
    return faces


def within(used: NDArray[np.integer], count: int) -> tuple[NDArray[np.integer] | None, NDArray[np.integer]]:
    """The vertices that are used, None for all, and ``used`` counted among them."""
    there = np.zeros(count, bool)
    there[used] = True
    if there.all():
        return None, used
    return np.flatnonzero(there), (np.cumsum(there) - 1)[used]


def turned_normals(normals: Floats | None, moves: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Unit normals in the scene: by the cofactors of the matrix, which are there for a flat one too."""
    if normals is None:
        return None
    a, b, c = moves[:3, :3]
    cofactors = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)])
    if np.linalg.det(moves[:3, :3]) < 0:
        cofactors = -cofactors
    turned = np.asarray(normals, np.float64) @ cofactors.T
    if not np.isfinite(turned).all():
        return None
    length = np.linalg.norm(turned, axis=1, keepdims=True)
    return (turned / np.where(length > 0, length, 1)).astype(np.float32)


def joined(pieces: list[Piece]) -> Piece:
    """Pieces of one kind as one."""
    if len(pieces) == 1:
        return pieces[0]
    starts = np.cumsum([0, *(len(piece.positions) for piece in pieces)])
    faces = [
        piece.faces.astype(np.int64) + start
        for piece, start in zip(pieces, starts, strict=False)
        if piece.faces is not None
    ]
    colours = None
    if any(piece.colours is not None for piece in pieces):
        colours = np.concatenate([
            piece.colours if piece.colours is not None else np.full((len(piece.positions), 3), 255, np.uint8)
            for piece in pieces
        ])  # fmt: skip
    return Piece(
        np.concatenate([piece.positions for piece in pieces]),
        np.concatenate(faces) if faces else None,
        together([piece.normals for piece in pieces]),
        colours,
        together([piece.confidence for piece in pieces]),
        together([piece.uv for piece in pieces]),
        pieces[0].picture,
    )


def together(columns: list[Any]) -> Any:
    there = [column for column in columns if column is not None]
    return np.concatenate(there) if len(there) == len(columns) else None


def cloud_of(pieces: list[Piece], moved: list[NDArray[np.float32]]) -> PointCloud:
    """All points; normals and confidence only if all have them."""
    whole = joined(pieces)
    points = np.concatenate(moved)
    normals = None if whole.normals is None else whole.normals.astype(np.float32)
    return PointCloud(points, normals, whole.colours, whole.confidence)
