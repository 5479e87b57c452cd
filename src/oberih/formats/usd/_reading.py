"""The meshes and points of a composed USD stage as plain arrays, each array checked before it is used."""

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Usd, UsdGeom, UsdShade

from oberih.errors import UnreadableModel
from oberih.formats._polygons import triangulated
from oberih.formats.model import Model, near_zero, y_up
from oberih.formats.usd._look import Look, Looks, srgb
from oberih.formats.usd._open import ADVICE, Opened
from oberih.geometry import Mesh, PointCloud
from oberih.i18n import say

__all__ = ["model_of"]

MOST_PRIMS = 1_000_000
FARTHEST_M = 1e30  # beyond this a float32 is near its end
TIME = Usd.TimeCode.EarliestTime()
SHOWN = (UsdGeom.Tokens.default_, UsdGeom.Tokens.render)
VERTEX = ("vertex", "varying")


class Found:
    """What was read so far; coordinates in float64 in the frame of the stage."""

    def __init__(self, opened: Opened) -> None:
        self.opened, self.looks = opened, Looks(opened, TIME)
        self.transforms = UsdGeom.XformCache(TIME)
        self.vertices: list[NDArray[np.float64]] = []
        self.parts: list[Mesh] = []  # their vertices come at the end, from the list above
        self.clouds: list[NDArray[np.float64]] = []
        self.points: list[PointCloud] = []
        self.left: dict[str, str] = {}  # notes, each once
        self.broken = 0  # faces

    def bad(self, prim: Usd.Prim, problem: str) -> UnreadableModel:
        text = say(
            "{path} is damaged: {problem}.",
            path=self.opened.path.name,
            problem=say("the mesh {name} has {problem}", name=prim.GetName()[:100], problem=problem),
        )
        return UnreadableModel(text, ADVICE)


def model_of(opened: Opened) -> Model:
    """The model. Raises `UnreadableModel`."""
    stage = opened.stage
    metres = UsdGeom.GetStageMetersPerUnit(stage)
    if not 1e-9 <= metres <= 1e9:  # nor NaN
        raise UnreadableModel(say("{path} has no usable unit.", path=opened.path.name), ADVICE)
    found = Found(opened)
    root = stage.GetDefaultPrim()
    walk(found, root or stage.GetPseudoRoot())
    if root and not found.parts and not found.points:
        walk(found, stage.GetPseudoRoot())
    if not found.parts and not found.points:
        raise UnreadableModel(say("{path} has neither a surface nor points.", path=opened.path.name), ADVICE)
    turned = y_up if UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z else np.asarray
    places = [np.asarray(turned(cloud * metres), np.float64) for cloud in (*found.vertices, *found.clouds)]
    near, origin = near_zero(places)
    parts = [placed(part, near[number], turned) for number, part in enumerate(found.parts)]
    notes = [*opened.notes, *found.left.values()]
    if found.broken:
        notes.append(
            say(
                "{count} face was left out: its corners are no numbers.",
                "{count} faces were left out: their corners are no numbers.",
                count=found.broken,
            )
        )
    if stage.HasAuthoredTimeCodeRange():
        notes.append(say("Animation was not taken: the model is as it is at the beginning."))
    known = UsdGeom.StageHasAuthoredMetersPerUnit(stage)
    points = cloud_of(found, near[len(parts) :], turned)
    return Model(tuple(parts), points, None, known, origin, tuple(dict.fromkeys(notes)))


def placed(part: Mesh, vertices: NDArray[np.float32], turned: object) -> Mesh:
    normals = part.normals
    if normals is not None and turned is y_up:
        normals = y_up(normals).astype(np.float32)
    return Mesh(vertices, part.faces, normals, part.colours, None, part.uv, part.texture)


def cloud_of(found: Found, near: list[NDArray[np.float32]], turned: object) -> PointCloud | None:
    if not near:
        return None
    normals = colours = None
    if all(cloud.normals is not None for cloud in found.points):
        normals = np.concatenate([cloud.normals for cloud in found.points if cloud.normals is not None])
        if turned is y_up:
            normals = y_up(normals).astype(np.float32)
    if any(cloud.colours is not None for cloud in found.points):
        white = (np.full((len(cloud), 3), 255, np.uint8) for cloud in found.points)
        given = (cloud.colours for cloud in found.points)
        colours = np.concatenate([w if c is None else c for c, w in zip(given, white, strict=True)])
    return PointCloud(np.concatenate(near), normals, colours)


def walk(found: Found, root: Usd.Prim) -> None:
    """All that is shown at and below ``root``, also in instances."""
    prims = Usd.PrimRange(root, Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate))
    iterator = iter(prims)
    for number, prim in enumerate(iterator):
        if number > MOST_PRIMS:
            raise UnreadableModel(
                say("{path} has more than {count} objects.", path=found.opened.path.name, count=MOST_PRIMS),
                ADVICE,
            )
        shown = UsdGeom.Imageable(prim)
        if not shown:
            continue
        if shown.GetVisibilityAttr().Get(TIME) == UsdGeom.Tokens.invisible:
            iterator.PruneChildren()
            found.left["hidden"] = say("Hidden objects were not taken.")
        elif prim.IsA(UsdGeom.PointInstancer):
            iterator.PruneChildren()
            found.left["instancer"] = say("Copies strewn over points (PointInstancer) were not taken.")
        elif prim.IsA(UsdGeom.Boundable) and shown.ComputePurpose() not in SHOWN:
            continue
        elif prim.IsA(UsdGeom.Mesh):
            mesh(found, UsdGeom.Mesh(prim))
        elif prim.IsA(UsdGeom.Points):
            points(found, UsdGeom.Points(prim))
        elif prim.IsA(UsdGeom.Gprim):
            found.left["shapes"] = say("Curves, and shapes that are given by a formula, were not taken.")


def transform_of(found: Found, prim: Usd.Prim) -> NDArray[np.float64]:
    matrix: Gf.Matrix4d = found.transforms.GetLocalToWorldTransform(prim)
    plain = np.array(matrix, np.float64)  # for row vectors
    if not np.isfinite(plain).all():
        raise found.bad(prim, say("a transform that is no number"))
    return plain


def vectors(attribute: Usd.Attribute, width: int) -> NDArray[np.float64] | None:
    """The value as ``(N, width)``; None if there is none or it is something else."""
    values = attribute.Get(TIME) if attribute else None
    if values is None:
        return None
    plain = np.asarray(values)
    if plain.ndim != 2 or plain.shape[1] != width or plain.dtype.kind != "f":
        return None
    return plain.astype(np.float64)


def numbers(attribute: Usd.Attribute) -> NDArray[np.int64]:
    values = attribute.Get(TIME) if attribute else None
    plain = np.zeros(0, np.int64) if values is None else np.asarray(values)
    return plain.astype(np.int64) if plain.ndim == 1 and plain.dtype.kind == "i" else np.zeros(0, np.int64)


def mesh(found: Found, shape: UsdGeom.Mesh) -> None:
    prim = shape.GetPrim()
    places = vectors(shape.GetPointsAttr(), 3)
    counts = numbers(shape.GetFaceVertexCountsAttr())
    corners = numbers(shape.GetFaceVertexIndicesAttr())
    if places is None or not len(places) or not len(counts):
        return
    if (counts < 0).any() or counts.sum() != len(corners):
        raise found.bad(
            prim, say("{one} corners where {other} are needed", one=len(corners), other=counts.sum())
        )
    if len(corners) and (corners.min() < 0 or corners.max() >= len(places)):
        raise found.bad(
            prim, say("faces with corners that are not among its {count} points", count=len(places))
        )
    scheme = shape.GetSubdivisionSchemeAttr()
    if scheme.HasAuthoredValue() and scheme.Get(TIME) != UsdGeom.Tokens.none:
        found.left["cage"] = say("A surface to be subdivided was taken as its coarse polygons.")
    matrix = transform_of(found, prim)
    with np.errstate(over="ignore", invalid="ignore"):
        moved = places @ matrix[:3, :3] + matrix[3, :3]
    sound = np.isfinite(moved).all(axis=1) & (np.abs(moved).max(axis=1) < FARTHEST_M)

    holes = numbers(shape.GetHoleIndicesAttr())
    whole = np.logical_and.reduceat(
        np.append(sound[corners], True), np.minimum(np.cumsum(counts) - counts, len(corners))
    )
    whole |= counts < 3  # these give nothing anyway
    found.broken += int((~whole).sum())
    whole[holes[(holes >= 0) & (holes < len(whole))]] = False
    triangles, polygon = triangulated(counts, moved[corners])
    kept = whole[polygon]
    triangles, polygon = triangles[kept], polygon[kept]
    handed = shape.GetOrientationAttr().Get(TIME) == UsdGeom.Tokens.leftHanded
    if handed != (np.linalg.det(matrix[:3, :3]) < 0):
        triangles = triangles[:, [0, 2, 1]]
    normals = turned_normals(found, shape, matrix, corners, counts, len(places))
    for look, chosen in looks_of(found, prim, len(counts)):
        some = np.ones(len(polygon), bool) if chosen is None else chosen[polygon]
        if some.any():
            used = sound.copy()
            if chosen is not None:  # of several materials: each has its own vertices
                used[:] = False
                used[corners[triangles[some]]] = True
            add_part(found, shape, look, moved, normals, corners, triangles[some], polygon[some], used)


def looks_of(found: Found, prim: Usd.Prim, faces: int) -> list[tuple[Look, NDArray[np.bool_] | None]]:
    """Materials and the polygons ``(P,)`` that have them; None: all."""
    subsets = UsdShade.MaterialBindingAPI(prim).GetMaterialBindSubsets()
    own = found.looks.of(prim)
    if not subsets:
        return [(own, None)]
    rest = np.ones(faces, bool)
    looks = []
    for subset in subsets:
        indices = numbers(subset.GetIndicesAttr())
        chosen = np.zeros(faces, bool)
        chosen[indices[(indices >= 0) & (indices < faces)]] = True
        chosen &= rest
        rest &= ~chosen
        looks.append((found.looks.of(subset.GetPrim()), chosen))
    return [*looks, (own, rest)]


def add_part(
    found: Found, shape: UsdGeom.Mesh, look: Look, moved: NDArray[np.float64],
    normals: NDArray[np.float32] | None, corners: NDArray[np.int64], triangles: NDArray[np.int64],
    polygon: NDArray[np.int64], used: NDArray[np.bool_],
) -> None:  # fmt: skip
    """One mesh of one material, with the vertices that are ``used``."""
    faces = corners[triangles]
    uv = texture = colours = None
    if look.texture is not None:
        at = texture_coordinates(shape, look, corners, triangles, polygon)
        if at is None:
            found.left["unlaid"] = say("A texture was left out: the surface has no coordinates for it.")
        else:
            uv, texture = at, look.texture
    elif look.colour is not None:
        colours = np.broadcast_to(look.colour, (len(moved), 3))
    elif look.primvar:
        colours = vertex_colours(shape, look.primvar, corners, polygon, triangles, len(moved))
    kept = np.flatnonzero(used)
    number = np.zeros(len(moved), np.int64)
    number[kept] = np.arange(len(kept))
    faces = number[faces]
    found.vertices.append(moved[kept])
    found.parts.append(
        Mesh(
            np.zeros((0, 3), np.float32),
            faces.astype(np.int32),
            None if normals is None else normals[kept],
            None if colours is None else np.ascontiguousarray(colours[kept]),
            None,
            uv,
            texture,
        )
    )


def turned_normals(
    found: Found, shape: UsdGeom.Mesh, matrix: NDArray[np.float64], corners: NDArray[np.int64],
    counts: NDArray[np.int64], vertices: int,
) -> NDArray[np.float32] | None:  # fmt: skip
    """``(V, 3)`` unit normals in the stage's frame; the mean where corners differ."""
    primvar = UsdGeom.PrimvarsAPI(shape).GetPrimvar("normals")
    if primvar and primvar.HasAuthoredValue():
        values, how = flat(primvar, 3), str(primvar.GetInterpolation())
    else:
        values, how = vectors(shape.GetNormalsAttr(), 3), str(shape.GetNormalsInterpolation())
    if values is None:
        return None
    per_vertex = by_vertex(values, how, corners, counts, vertices)
    if per_vertex is None:
        return None
    determinant = np.linalg.det(matrix[:3, :3])
    if not np.isfinite(per_vertex).all() or abs(determinant) < 1e-300:
        return None
    with np.errstate(all="ignore"):
        turned = per_vertex @ np.linalg.inv(matrix[:3, :3]).T
        length = np.linalg.norm(turned, axis=1, keepdims=True)
        unit = turned / np.where(length > 0, length, 1)
    return unit.astype(np.float32) if np.isfinite(unit).all() else None


def by_vertex(
    values: NDArray[np.float64],
    how: str,
    corners: NDArray[np.int64],
    counts: NDArray[np.int64],
    vertices: int,
) -> NDArray[np.float64] | None:
    """Values of any interpolation per vertex; None if there are not as many as it needs."""
    if how in VERTEX and len(values) == vertices:
        return values
    if how == "constant" and len(values) == 1:
        return np.repeat(values, vertices, axis=0)
    if how == "uniform" and len(values) == len(counts):
        values = np.repeat(values, counts, axis=0)
    elif how != "faceVarying" or len(values) != len(corners):
        return None
    total = np.stack(
        [np.bincount(corners, values[:, axis], vertices) for axis in range(values.shape[1])], axis=1
    )
    return total / np.maximum(np.bincount(corners, minlength=vertices), 1)[:, None]


def flat(primvar: UsdGeom.Primvar, width: int) -> NDArray[np.float64] | None:
    """The values of a primvar with its indices followed; None if there are none or the indices are wrong."""
    values = vectors(primvar.GetAttr(), width)
    if values is None or primvar.GetElementSize() != 1:
        return None
    indices = numbers(primvar.GetIndicesAttr())
    if not primvar.IsIndexed():
        return values
    if not len(values) or (len(indices) and (indices.min() < 0 or indices.max() >= len(values))):
        return None
    return values[indices]


def texture_coordinates(
    shape: UsdGeom.Mesh, look: Look, corners: NDArray[np.int64], triangles: NDArray[np.int64],
    polygon: NDArray[np.int64],
) -> NDArray[np.float32] | None:  # fmt: skip
    """``(T, 3, 2)`` with v downwards."""
    primvars = UsdGeom.PrimvarsAPI(shape)
    names = [look.primvar, "st", "st0", "UVMap", "map1"]
    for primvar in [primvars.FindPrimvarWithInheritance(name) for name in dict.fromkeys(names)]:
        values = flat(primvar, 2) if primvar and primvar.HasValue() else None
        if values is None:
            continue
        how, size = str(primvar.GetInterpolation()), len(values)
        if how == "faceVarying" and size == len(corners):
            st = values[triangles]
        elif how in VERTEX and size > int(corners.max()):
            st = values[corners[triangles]]
        elif how == "uniform" and size > int(polygon.max()):
            st = np.repeat(values[polygon][:, None], 3, axis=1)
        elif how == "constant" and size == 1:
            st = np.broadcast_to(values[0], (len(triangles), 3, 2))
        else:
            continue
        st = st @ look.turn[:2, :2] + look.turn[2, :2]
        st = np.nan_to_num(np.stack([st[..., 0], 1 - st[..., 1]], axis=-1), posinf=0, neginf=0)
        return np.clip(st, -1e6, 1e6).astype(np.float32)
    return None


def vertex_colours(
    shape: UsdGeom.Mesh, name: str, corners: NDArray[np.int64], polygon: NDArray[np.int64],
    triangles: NDArray[np.int64], vertices: int,
) -> NDArray[np.uint8] | None:  # fmt: skip
    primvar = UsdGeom.PrimvarsAPI(shape).FindPrimvarWithInheritance(name)
    if not primvar or not primvar.HasAuthoredValue():
        return None
    values = flat(primvar, 3)
    if values is None:
        values = flat(primvar, 4)
    if values is None:
        return None
    counts = numbers(shape.GetFaceVertexCountsAttr())
    colours = by_vertex(values[:, :3], str(primvar.GetInterpolation()), corners, counts, vertices)
    return None if colours is None else srgb(colours)


def points(found: Found, shape: UsdGeom.Points) -> None:
    prim = shape.GetPrim()
    places = vectors(shape.GetPointsAttr(), 3)
    if places is None or not len(places):
        return
    matrix = transform_of(found, prim)
    with np.errstate(over="ignore", invalid="ignore"):
        moved = places @ matrix[:3, :3] + matrix[3, :3]
    sound = np.isfinite(moved).all(axis=1) & (np.abs(moved).max(axis=1) < FARTHEST_M)
    if not sound.all():
        found.left["points"] = say("Points that are no numbers were left out.")
    none = np.zeros(0, np.int64)
    colours = None
    primvar = UsdGeom.PrimvarsAPI(shape).FindPrimvarWithInheritance("displayColor")
    values = flat(primvar, 3) if primvar and primvar.HasAuthoredValue() else None
    if values is not None:
        colour = by_vertex(values, str(primvar.GetInterpolation()), none, none, len(places))
        colours = None if colour is None else srgb(colour)[sound]
    normals = None
    values = vectors(shape.GetNormalsAttr(), 3)
    if values is not None and len(values) == len(places) and np.isfinite(values).all():
        turned = values @ np.linalg.pinv(matrix[:3, :3]).T
        length = np.linalg.norm(turned, axis=1, keepdims=True)
        normals = (turned / np.where(length > 0, length, 1)).astype(np.float32)[sound]
    found.clouds.append(moved[sound])
    found.points.append(PointCloud(np.zeros((int(sound.sum()), 3), np.float32), normals, colours))
