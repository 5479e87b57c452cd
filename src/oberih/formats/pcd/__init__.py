"""PCD: the point clouds of the Point Cloud Library.

Written is version 0.7 in binary, z up, with packed colours, normals and intensity. Read are the three kinds
of data: text, binary, and binary compressed with LZF. Points of an organised cloud that were not measured
(NaN) are left out. A unit is not told: it is taken as a metre.

Specification: https://pointclouds.org/documentation/tutorials/pcd_file_format.html
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats.las._header import DAMAGED
from oberih.formats.model import Model, near_zero, points_of, y_up, z_up
from oberih.formats.pcd._data import Head, read_head, records
from oberih.formats.writing import whole_file
from oberih.geometry import PointCloud
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["read", "write"]

CHUNK = 500_000  # points
XYZ, NORMALS = ("x", "y", "z"), ("normal_x", "normal_y", "normal_z")


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the points, binary."""
    cloud = points_of(model)
    fields = [*XYZ]
    if cloud.normals is not None:
        fields += NORMALS
    if cloud.colours is not None:
        fields.append("rgb")
    if cloud.intensity is not None:
        fields.append("intensity")
    sizes, kinds, ones = (" ".join([one] * len(fields)) for one in ("4", "F", "1"))
    head = (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\n"
        f"FIELDS {' '.join(fields)}\nSIZE {sizes}\nTYPE {kinds}\nCOUNT {ones}\n"
        f"WIDTH {len(cloud)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(cloud)}\nDATA binary\n"
    )
    with whole_file(path) as part, part.open("wb") as file:
        file.write(head.encode())
        for start in range(0, len(cloud), CHUNK):
            progress.check()
            some = slice(start, start + CHUNK)
            points = z_up(cloud.points[some])
            rows = np.empty((len(points), len(fields)), "<f4")
            rows[:, :3] = points
            if cloud.normals is not None:
                rows[:, 3:6] = z_up(cloud.normals[some])
            if cloud.colours is not None:
                red, green, blue = cloud.colours[some].astype("<u4").T
                rows.view("<u4")[:, fields.index("rgb")] = red << 16 | green << 8 | blue
            if cloud.intensity is not None:
                rows[:, -1] = cloud.intensity[some]
            file.write(rows.tobytes())


def read(path: Path) -> Model:
    """The points of a PCD file."""
    with path.open("rb") as file:
        head = read_head(path, file)
        table = records(path, file, head)
    notes = []
    if not all(name in head.names for name in XYZ):
        raise UnreadableModel(say("{path} has points without coordinates.", path=path.name), DAMAGED)
    xyz = np.stack([first(table, name).astype(np.float64) for name in XYZ], axis=1)
    good = np.isfinite(xyz).all(axis=1) & (np.abs(xyz).max(axis=1, initial=0) < 1e15)
    if not good.all():
        notes.append(say("Points without coordinates were left out: {count}.", count=int((~good).sum())))
        xyz, table = xyz[good], table[good]
    known = {*XYZ, *NORMALS, "rgb", "rgba", "r", "g", "b", "intensity", "_", "curvature"}
    if len(table) < head.points and good.all():
        notes.append(
            say(
                "The header promises {promised} points, {found} are there.",
                promised=head.points,
                found=len(table),
            )
        )
    if set(head.names) - known:
        notes.append(say("Values of the points that go beyond the standard were not taken."))
    clouds, origin = near_zero([y_up(xyz).astype(np.float64, copy=False)])
    normals = None
    if all(name in head.names for name in NORMALS):
        normals = np.stack([first(table, name) for name in NORMALS], axis=1).astype(np.float32)
        normals = y_up(np.nan_to_num(normals, posinf=0, neginf=0))
    cloud = PointCloud(clouds[0], normals, colours(table, head), intensity=intensity(table, head))
    return Model(points=cloud, scale_known=False, origin=origin, notes=tuple(notes))


def first(table: NDArray[np.void], name: str) -> NDArray[Any]:
    """A field; of one that has several values the first."""
    values = table[name]
    return values if values.ndim == 1 else values[:, 0]


def colours(table: NDArray[np.void], head: Head) -> NDArray[np.uint8] | None:
    name = next((name for name in ("rgb", "rgba") if name in head.names), None)
    if name is not None:
        packed = first(table, name)
        if packed.dtype.itemsize == 4:  # a float is a whole number in disguise
            whole = np.ascontiguousarray(packed).view("<u4")
            return np.stack([whole >> 16 & 255, whole >> 8 & 255, whole & 255], axis=1).astype(np.uint8)
    if all(one in head.names for one in "rgb"):
        told = np.stack([first(table, one) for one in "rgb"], axis=1)
        scale = 255 if told.dtype.kind == "f" and told.max(initial=0) <= 1 else 1
        return np.clip(np.nan_to_num(told.astype(np.float64)) * scale, 0, 255).astype(np.uint8)
    return None


def intensity(table: NDArray[np.void], head: Head) -> NDArray[np.float32] | None:
    if "intensity" not in head.names:
        return None
    values = np.nan_to_num(first(table, "intensity").astype(np.float32), posinf=0, neginf=0)
    most = float(values.max(initial=0))
    most = next((top for top in (1.0, 255.0, 4095.0, 65535.0) if most <= top), most)
    return np.clip(values / np.float32(most), 0, 1)
