"""XYZ and PTS: points as lines of text.

Neither has a specification. Written are, z up, for XYZ ``x y z`` with ``r g b`` and ``nx ny nz`` where the
points have them (and no line of names, at which some readers stumble); for PTS the count, then ``x y z
intensity r g b``.

Read is what programs for laser scans write: numbers parted by spaces, tabs, commas or semicolons, with lines
of comment (``#``, ``//``, ``%``), of column names and, in PTS, of the count before each scan. What the
columns mean is in `oberih.formats._columns`. A unit is not told: it is taken as a metre.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats._columns import COLOURS, INTENSITY, NORMALS, Columns, meaning
from oberih.formats._rows import Rows
from oberih.formats.las._header import DAMAGED
from oberih.formats.model import Model, near_zero, points_of, y_up, z_up
from oberih.formats.writing import whole_file
from oberih.geometry import PointCloud
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["read", "read_pts", "write", "write_pts"]

CHUNK = 50_000  # lines written at once
PTS_MOST = 2047  # PTS counts intensity from -2048


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the points as XYZ."""
    cloud = points_of(model)
    columns: list[NDArray[np.generic]] = [z_up(cloud.points)]
    form = " ".join([place_format(cloud.points)] * 3)
    if cloud.colours is not None:
        columns.append(cloud.colours)
        form += " %d %d %d"
    if cloud.normals is not None:
        columns.append(z_up(cloud.normals))
        form += " %.5f %.5f %.5f"
    lines(path, "", form, columns, progress)


def write_pts(path: Path, model: Model, progress: Progress) -> None:
    """Write the points as PTS. Points without intensity get 0, without colours white."""
    cloud = points_of(model)
    none = np.zeros((len(cloud), 1), np.int32)
    columns: list[NDArray[np.generic]] = [z_up(cloud.points), none]
    form = " ".join([place_format(cloud.points)] * 3) + " %d"
    if cloud.intensity is not None:
        strength = np.clip(np.nan_to_num(cloud.intensity), 0, 1)
        columns[1] = np.round(strength * (2 * PTS_MOST + 1) - PTS_MOST - 1).astype(np.int32)[:, None]
    if cloud.colours is not None:
        columns.append(cloud.colours)
        form += " %d %d %d"
    lines(path, f"{len(cloud)}\n", form, columns, progress)


def place_format(points: NDArray[np.float32]) -> str:
    """As many decimals as a float32 of that size has, a ten-thousandth of a millimetre at most."""
    reach = float(np.abs(points).max(initial=1e-9))
    return f"%.{int(np.clip(7 - np.floor(np.log10(reach)), 2, 12))}f" if reach < 1e9 else "%.9g"


def lines(path: Path, head: str, form: str, columns: list[NDArray[np.generic]], progress: Progress) -> None:
    with whole_file(path) as part, part.open("wb") as file:
        file.write(head.encode())
        count = len(columns[0])
        for start in range(0, count, CHUNK):
            progress.check()
            some = [one[start : start + CHUNK] for one in columns]
            values = np.concatenate([one.astype(np.float64) for one in some], axis=1)
            text = "\n".join([form] * len(values)) % tuple(values.ravel().tolist())
            file.write(text.encode() + b"\n")


# -- reading -------------------------------------------------------------------------------------------------


def read(path: Path) -> Model:
    """The points of an XYZ file."""
    return taken(path, pts=False)


def read_pts(path: Path) -> Model:
    """The points of a PTS file, of all scans in it."""
    return taken(path, pts=True)


def taken(path: Path, *, pts: bool) -> Model:
    notes: list[str] = []
    rows = Rows(path)
    columns: Columns | None = None
    places: list[NDArray[np.float64]] = []
    extras: dict[str, list[NDArray[np.float32]]] = {COLOURS: [], NORMALS: [], INTENSITY: []}
    for block in rows:
        if columns is None:
            columns = meaning(block, rows.names, pts=pts)
        good = np.isfinite(block[:, columns.place]).all(axis=1) & (
            np.abs(block[:, columns.place]).max(axis=1) < 1e15
        )
        if not good.all():
            rows.spoilt += int((~good).sum())
            block = block[good]
        places.append(y_up(block[:, columns.place]).astype(np.float64, copy=False))
        for name, at in columns.others.items():
            extras[name].append(block[:, at].astype(np.float32))
    if columns is None or not any(map(len, places)):
        raise UnreadableModel(say("{path} has no lines of coordinates.", path=path.name), DAMAGED)
    notes += told(rows, columns, sum(map(len, places)))
    clouds, origin = near_zero(places)
    del places
    colours, normals, strength = (joined(extras[name]) for name in (COLOURS, NORMALS, INTENSITY))
    cloud = PointCloud(
        np.concatenate(clouds),
        None if normals is None else unit(y_up(normals)),
        None if colours is None else eight_bit(colours),
        intensity=None if strength is None else fraction(strength[:, 0]),
    )
    return Model(points=cloud, scale_known=False, origin=origin, notes=tuple(notes))


def told(rows: Rows, columns: Columns, count: int) -> Iterator[str]:
    if rows.spoilt:
        yield say("Lines that are no points were left out: {count}.", count=rows.spoilt)
    if rows.promised and rows.promised != count:
        yield say(
            "The header promises {promised} points, {found} are there.", promised=rows.promised, found=count
        )
    if columns.ignored:
        yield say("Columns of unknown meaning that were not taken: {count}.", count=columns.ignored)


def joined(pieces: list[NDArray[np.float32]]) -> NDArray[np.float32] | None:
    return np.concatenate(pieces) if pieces else None


def unit(normals: NDArray[np.floating]) -> NDArray[np.float32]:
    normals = np.nan_to_num(normals, posinf=0, neginf=0)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return (normals / np.where(length > 0, length, 1)).astype(np.float32)


def eight_bit(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colours as bytes from 0..1, 0..255 or 0..65535, whichever they are."""
    colours = np.nan_to_num(colours, posinf=0, neginf=0)
    most = float(colours.max(initial=0))
    whole = bool((colours == np.round(colours)).all())
    scale = 255.0 if most <= 1 and not whole else 1.0 if most <= 255 else 255 / 65535
    return np.clip(np.round(colours * scale), 0, 255).astype(np.uint8)


def fraction(values: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Intensity as 0..1 from the ranges that are in use; None if all are the same: not measured."""
    values = np.nan_to_num(values, posinf=0, neginf=0)
    low, most = float(values.min(initial=0)), float(values.max(initial=0))
    if len(values) == 0 or bool((values == values[0]).all()):
        return None
    if low < 0:  # PTS
        if low >= -PTS_MOST - 1 and most <= PTS_MOST:
            low, most = -PTS_MOST - 1.0, float(PTS_MOST)
    else:
        low, most = 0.0, next((top for top in (1.0, 255.0, 4095.0, 65535.0) if most <= top), most)
    return ((values - np.float32(low)) / np.float32(most - low)).astype(np.float32)
