"""E57: the exchange format of terrestrial laser scanners.

Written is one scan in metres, z up, with colours, normals and intensity. What the standard wants unique (the
GUIDs) follows from the points, and there is no date, so that equal models give equal bytes. Read are all
scans, each moved by its pose; points that the scanner marked as invalid are left out. libE57Format is used
through pye57's bindings alone: pye57's own class deletes a file that it cannot open.

Specification: ASTM E2807-11; normals: http://www.libe57.org/E57_NOR_surface_normals.txt
"""

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pye57 import libe57  # type: ignore[import-untyped]

from oberih import __version__
from oberih.errors import UnreadableModel
from oberih.formats.e57 import _checks as _e57
from oberih.formats.las._header import DAMAGED
from oberih.formats.model import Model, near_zero, points_of, y_up, z_up
from oberih.formats.writing import whole_file
from oberih.geometry import PointCloud
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["read", "write"]

CHUNK = 200_000  # points
FAULTS = (libe57.E57Exception, UnicodeDecodeError)  # some of its words on broken files are no UTF-8
NORMALS = "http://www.libe57.org/E57_NOR_surface_normals.txt"
XYZ = ("cartesianX", "cartesianY", "cartesianZ")
RGB = ("colorRed", "colorGreen", "colorBlue")
NXYZ = ("nor:normalX", "nor:normalY", "nor:normalZ")


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the points as one scan."""
    cloud = points_of(model)
    columns = columns_of(cloud)
    with whole_file(path) as part:
        file = libe57.ImageFile(str(part), "w")
        try:
            scan = described(file, cloud, columns, digest(cloud))
            write_points(file, scan, columns, progress)
            file.close()
        except BaseException:
            file.cancel()
            raise


def columns_of(cloud: PointCloud) -> dict[str, NDArray[Any]]:
    """The values of the points by their names in E57."""
    points = z_up(cloud.points)
    columns: dict[str, NDArray[Any]] = {name: points[:, i] for i, name in enumerate(XYZ)}
    if cloud.intensity is not None:
        columns["intensity"] = np.clip(np.nan_to_num(cloud.intensity), 0, 1).astype(np.float32)
    if cloud.colours is not None:
        columns |= {name: cloud.colours[:, i] for i, name in enumerate(RGB)}
    if cloud.normals is not None:
        normals = z_up(cloud.normals).astype(np.float32)
        columns |= {name: normals[:, i] for i, name in enumerate(NXYZ)}
    return columns


def digest(cloud: PointCloud) -> bytes:
    told = hashlib.sha256()
    for values in (cloud.points, cloud.normals, cloud.colours, cloud.intensity):
        told.update(b"-" if values is None else np.ascontiguousarray(values).data)
    return told.digest()


def guid(told: bytes) -> str:
    return f"{{{uuid.UUID(bytes=told, version=5)}}}"


def described(
    file: Any, cloud: PointCloud, columns: dict[str, NDArray[Any]], told: bytes
) -> "libe57.StructureNode":
    """The head of the file and of its scan."""
    file.extensionsAdd("", libe57.E57_V1_0_URI)
    if cloud.normals is not None:
        file.extensionsAdd("nor", NORMALS)
    root, scan = file.root(), libe57.StructureNode(file)
    texts = {
        "formatName": "ASTM E57 3D Imaging Data File",
        "guid": guid(told[:16]),
        "e57LibraryVersion": f"Oberih {__version__}",
    }
    for name, text in texts.items():
        root.set(name, libe57.StringNode(file, text))
    root.set("versionMajor", libe57.IntegerNode(file, libe57.E57_FORMAT_MAJOR))
    root.set("versionMinor", libe57.IntegerNode(file, libe57.E57_FORMAT_MINOR))
    scans = libe57.VectorNode(file, True)
    root.set("data3D", scans)
    root.set("images2D", libe57.VectorNode(file, True))
    scans.append(scan)
    scan.set("guid", libe57.StringNode(file, guid(told[16:])))
    scan.set("name", libe57.StringNode(file, "model"))
    if len(cloud):
        bounds = libe57.StructureNode(file)
        for axis, name in zip("xyz", XYZ, strict=True):
            bounds.set(f"{axis}Minimum", libe57.FloatNode(file, float(columns[name].min())))
            bounds.set(f"{axis}Maximum", libe57.FloatNode(file, float(columns[name].max())))
        scan.set("cartesianBounds", bounds)
    if cloud.intensity is not None:
        limits = libe57.StructureNode(file)
        limits.set("intensityMinimum", libe57.FloatNode(file, 0.0))
        limits.set("intensityMaximum", libe57.FloatNode(file, 1.0))
        scan.set("intensityLimits", limits)
    if cloud.colours is not None:
        limits = libe57.StructureNode(file)
        for name in RGB:
            limits.set(f"{name}Minimum", libe57.IntegerNode(file, 0))
            limits.set(f"{name}Maximum", libe57.IntegerNode(file, 255))
        scan.set("colorLimits", limits)
    return scan


def write_points(file: Any, scan: Any, columns: dict[str, NDArray[Any]], progress: Progress) -> None:
    prototype = libe57.StructureNode(file)
    count = len(columns[XYZ[0]])
    arrays, buffers = {}, libe57.VectorSourceDestBuffer()
    for name, values in columns.items():
        if values.dtype == np.uint8:
            prototype.set(name, libe57.IntegerNode(file, 0, 0, 255))
        else:
            prototype.set(name, libe57.FloatNode(file, 0.0, libe57.FloatPrecision.E57_SINGLE))
        arrays[name] = np.empty(min(CHUNK, max(count, 1)), values.dtype)
        buffers.append(libe57.SourceDestBuffer(file, name, arrays[name], len(arrays[name]), True, True))
    points = libe57.CompressedVectorNode(file, prototype, libe57.VectorNode(file, True))
    scan.set("points", points)
    writer = points.writer(buffers)
    for start in range(0, count, CHUNK):
        progress.check()
        size = min(CHUNK, count - start)
        for name, values in columns.items():
            arrays[name][:size] = values[start : start + size]
        writer.write(size)
    writer.close()


# -- reading -------------------------------------------------------------------------------------------------


def read(path: Path) -> Model:
    """The points of all scans in one frame, with the colours, intensities and normals they have."""
    _e57.check(path)
    try:
        file = libe57.ImageFile(str(path), "r")
    except FAULTS as error:
        raise damaged(path, error) from error
    notes: list[str] = []
    scans: list[_e57.Scan] = []
    try:
        root = file.root()
        for node in children(root, "data3D"):
            scan = _e57.read_scan(path, file, libe57.StructureNode(node), notes)
            if scan is not None:
                scans.append(scan)
        if list(children(root, "images2D")):
            notes.append(say("Photos in the file were not taken."))
    except FAULTS as error:
        raise damaged(path, error) from error
    finally:
        file.close()
    clouds, origin = near_zero([y_up(scan.xyz).astype(np.float64, copy=False) for scan in scans])
    cloud = PointCloud(
        np.concatenate(clouds) if clouds else np.zeros((0, 3), np.float32),
        joined([None if scan.normals is None else y_up(scan.normals) for scan in scans], clouds, 0.0),
        joined([scan.colours for scan in scans], clouds, 255),
        intensity=joined([scan.intensity for scan in scans], clouds, 0.0),
    )
    if not scans:
        notes.append(say("The file holds no points."))
    return Model(points=cloud, origin=origin, notes=tuple(dict.fromkeys(notes)))


def children(root: Any, name: str) -> Iterator[Any]:
    if root.isDefined(name):
        vector = libe57.VectorNode(root.get(name))
        for number in range(vector.childCount()):
            yield vector.get(number)


def joined(
    values: list[NDArray[Any] | None], clouds: list[NDArray[np.float32]], missing: float
) -> NDArray[Any] | None:
    """The values of all scans; ``missing`` stands where a scan has none."""
    known = next((one for one in values if one is not None), None)
    if known is None:
        return None
    filled = [
        np.full((len(cloud), *known.shape[1:]), missing, known.dtype) if one is None else one
        for one, cloud in zip(values, clouds, strict=True)
    ]
    return np.concatenate(filled)


def damaged(path: Path, error: Exception) -> UnreadableModel:
    reason = str(error).split(" (", 1)[0].splitlines()[0][:200]
    return UnreadableModel(say("{path} is damaged: {problem}.", path=path.name, problem=reason), DAMAGED)
