"""LAS and LAZ: measured points as surveyors and national mapping agencies keep them.

Written as LAS 1.4 with points of format 7 (16-bit colours), z up, in metres of a local frame that has no
place. Read are LAS 1.0 to 1.4 and LAZ; feet become metres, degrees become metres around the middle of the
points. The layout is Oberih's own code; LAZ's arithmetic coder is that of lazrs.

Specification: ASPRS LAS 1.4 R15; LAZ: M. Isenburg, LASzip: lossless compression of lidar data, 2013.
"""

import errno
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import lazrs  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats.las._crs import Units, units
from oberih.formats.las._header import (
    DAMAGED,
    POINT_BYTES,
    RGB_AT,
    WAVEFORMS,
    Header,
    frame_vlr,
    gridded,
    header_bytes,
    point_records,
    read_header,
    sound_chunks,
    sound_layers,
    vlr,
)
from oberih.formats.model import Model, near_zero, points_of, y_up, z_up
from oberih.formats.writing import whole_file
from oberih.geometry import PointCloud
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["read", "write", "write_laz"]

CHUNK = 500_000  # points written at once
CHUNK_BYTES = 1 << 25  # read at once
LASZIP = ("laszip encoded", 22204)
FLATTENING, EQUATOR_M = 1 / 298.257223563, 6_378_137.0  # WGS 84
WIDEST_DEGREES = 0.1  # a cloud up to here is flat within a ten-thousandth of its size


def write(path: Path, model: Model, progress: Progress) -> None:
    """Write the points as LAS."""
    cloud = points_of(model)
    grid, scale = gridded(z_up(cloud.points))
    with whole_file(path) as part, part.open("wb") as file:
        file.write(header_bytes(grid, scale, vlrs=[frame_vlr()], compressed=False))
        for piece in pieces(grid, cloud):
            progress.check()
            file.write(piece.tobytes())


def write_laz(path: Path, model: Model, progress: Progress) -> None:
    """Write the points as LAZ."""
    cloud = points_of(model)
    grid, scale = gridded(z_up(cloud.points))
    laz = lazrs.LazVlr.new_for_compression(7, 0, False)
    records = [vlr(*LASZIP, bytes(laz.record_data())), frame_vlr()]
    with whole_file(path) as part, part.open("wb") as file:
        file.write(header_bytes(grid, scale, vlrs=records, compressed=True))
        packer = lazrs.LasZipCompressor(file, laz)
        for piece in pieces(grid, cloud):
            progress.check()
            packer.compress_many(piece.view(np.uint8))
        packer.done()


def pieces(grid: NDArray[np.int32], cloud: PointCloud) -> Iterator[NDArray[np.void]]:
    for start in range(0, len(grid), CHUNK):
        part = slice(start, start + CHUNK)
        yield point_records(
            grid[part],
            None if cloud.colours is None else cloud.colours[part],
            None if cloud.intensity is None else cloud.intensity[part],
        )


# -- reading -------------------------------------------------------------------------------------------------


def read(path: Path) -> Model:
    """The points of a LAS, LAZ or COPC file, with colours and intensity where it has them."""
    with path.open("rb") as file:
        header = read_header(path, file)
        notes = list(header.notes)
        xyz, colours, intensity = [], [], []
        for raw in blocks(path, file, header):
            # Step, then scale, then offset, as the specification has it.
            xyz.append(steps(raw) * header.scale + header.offset)
            intensity.append(raw[:, 12:14].copy().view("<u2")[:, 0])
            if header.point_format in RGB_AT:
                at = RGB_AT[header.point_format]
                colours.append(raw[:, at : at + 6].copy().view("<u2"))
    count = sum(map(len, xyz))
    if count < header.count:
        notes.append(
            say(
                "The header promises {promised} points, {found} are there.",
                promised=header.count,
                found=count,
            )
        )
    if header.point_format in WAVEFORMS:
        notes.append(say("The laser's waveforms were not taken."))
    if header.point_bytes > POINT_BYTES[header.point_format]:
        notes.append(say("Values of the points that go beyond the standard were not taken."))
    known = in_metres(xyz, units(header.records), notes)
    finite = [np.isfinite(one).all() and np.abs(one).max(initial=0) < 1e15 for one in xyz]
    if not all(finite):
        raise UnreadableModel(say("{path} has points at infinity.", path=path.name), DAMAGED)
    clouds, origin = near_zero([y_up(one).astype(np.float64, copy=False) for one in xyz])
    del xyz
    points = np.concatenate(clouds) if clouds else np.zeros((0, 3), np.float32)
    cloud = PointCloud(
        points,
        colours=eight_bit(np.concatenate(colours)) if colours else None,
        intensity=fraction(np.concatenate(intensity)) if intensity else None,
    )
    return Model(points=cloud, scale_known=known, origin=origin, notes=tuple(notes))


def steps(raw: NDArray[np.uint8]) -> NDArray[np.int32]:
    return raw[:, :12].copy().view("<i4")


def blocks(path: Path, file: BinaryIO, header: Header) -> Iterator[NDArray[np.uint8]]:
    """The point records as rows of bytes, some at a time."""
    step = max(1, CHUNK_BYTES // header.point_bytes)
    if header.compressed:
        yield from unpacked(path, file, header, step)
        return
    left = min(header.count, (file.seek(0, 2) - header.data_at) // header.point_bytes)
    file.seek(header.data_at)
    while left > 0:
        data = file.read(min(step, left) * header.point_bytes)
        rows = np.frombuffer(data, np.uint8)[: len(data) // header.point_bytes * header.point_bytes]
        if not len(rows):
            return
        yield rows.reshape(-1, header.point_bytes)
        left -= len(rows) // header.point_bytes


def unpacked(path: Path, file: BinaryIO, header: Header, step: int) -> Iterator[NDArray[np.uint8]]:
    """The same of LAZ. Memory follows what really unpacks, not what the header promises."""
    told = header.records.get(LASZIP, b"")
    if len(told) < 34:
        raise UnreadableModel(
            say("{path} lacks the record that says how to unpack it.", path=path.name), DAMAGED
        )
    kind, items = struct.unpack_from("<H", told)[0], struct.unpack_from("<H", told, 32)[0]
    if len(told) < 34 + 6 * items or kind not in (1, 2, 3):
        raise UnreadableModel(say("{path} is packed in a way that is not known.", path=path.name), DAMAGED)
    parts = [struct.unpack_from("<HH", told, 34 + 6 * i) for i in range(items)]
    if sum(length for _, length in parts) != header.point_bytes:
        raise UnreadableModel(
            say("{path} contradicts itself about the size of a point.", path=path.name), DAMAGED
        )
    if kind == 1:
        raise UnreadableModel(
            say("{path} is packed point by point, as only the very first LAZ programs did.", path=path.name),
            "Open it in a program for laser scans and save it again as LAZ or LAS.",
        )
    wanted = (
        lazrs.SELECTIVE_DECOMPRESS_XY_RETURNS_CHANNEL
        | lazrs.SELECTIVE_DECOMPRESS_Z
        | lazrs.SELECTIVE_DECOMPRESS_INTENSITY
        | lazrs.SELECTIVE_DECOMPRESS_RGB
    )
    left = header.count
    if left and not sound_chunks(file, header, path.stat().st_size):
        raise UnreadableModel(
            say("The packed points of {path} are damaged or cut off.", path=path.name), DAMAGED
        )
    file.seek(header.data_at)
    try:
        table = lazrs.read_chunk_table(file, lazrs.LazVlr(told)) if left else []
        if not sound_layers(file, header, parts, table):
            raise OSError(errno.EIO, "layers")
        file.seek(header.data_at)
        source = lazrs.LasZipDecompressor(file, told, lazrs.DecompressionSelection(wanted)) if left else None
        while left > 0 and source is not None:
            rows = np.zeros((min(step, left), header.point_bytes), np.uint8)
            source.decompress_many(rows.reshape(-1))
            yield rows
            left -= len(rows)
    except BaseException as error:
        # A panic of the Rust library is no Exception.
        if isinstance(error, lazrs.LazrsError | OSError) or type(error).__name__ == "PanicException":
            raise UnreadableModel(
                say("The packed points of {path} are damaged or cut off.", path=path.name), DAMAGED
            ) from error
        raise


def in_metres(xyz: list[NDArray[np.float64]], unit: Units, notes: list[str]) -> bool:
    """Turn coordinates to metres in place; whether the scale is known then."""
    if unit.degrees:
        return flattened(xyz, notes)
    if unit.across is None:
        notes.append(say("The file does not say its unit of length; it is taken as a metre."))
        return False
    up = unit.up or unit.across
    if unit.across != 1 or up != 1:
        for one in xyz:
            one *= (unit.across, unit.across, up)
        notes.append(say("The coordinates were in feet or another unit; they were turned to metres."))
    return True


def flattened(xyz: list[NDArray[np.float64]], notes: list[str]) -> bool:
    """Degrees to metres on the plane that touches the ellipsoid in the middle of the points, in place."""
    filled = [one for one in xyz if len(one)]
    if not filled:
        return False
    low = np.min([one.min(axis=0) for one in filled], axis=0)
    high = np.max([one.max(axis=0) for one in filled], axis=0)
    if not (np.abs([low[1], high[1]]) < 89).all() or (high - low)[:2].max() > WIDEST_DEGREES:
        notes.append(say("Coordinates are degrees over a wide area; they were taken as they are."))
        return False
    middle = (low + high) / 2
    latitude = np.radians(middle[1])
    eccentricity = FLATTENING * (2 - FLATTENING)
    root = np.sqrt(1 - eccentricity * np.sin(latitude) ** 2)
    east = EQUATOR_M / root * np.cos(latitude) * np.pi / 180
    north = EQUATOR_M * (1 - eccentricity) / root**3 * np.pi / 180
    for one in filled:
        one[:, :2] = (one[:, :2] - middle[:2]) * (east, north)
    notes.append(say("Coordinates were degrees; they were turned to metres around the middle of the points."))
    return True


def eight_bit(colours: NDArray[np.uint16]) -> NDArray[np.uint8] | None:
    """Colours as bytes; many programs leave the upper byte empty. None if all are black: not set."""
    most = int(colours.max(initial=0))
    if most == 0:
        return None
    return (colours if most <= 255 else (colours.astype(np.uint32) + 128) // 257).astype(np.uint8)


def fraction(intensity: NDArray[np.uint16]) -> NDArray[np.float32] | None:
    """Intensity as 0..1; some programs use one byte only. None if it is not set."""
    most = int(intensity.max(initial=0))
    if most == 0:
        return None
    return intensity.astype(np.float32) / np.float32(255 if most <= 255 else 65535)
