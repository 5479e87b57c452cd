"""A small DNG writer, for tests of reading raw files."""

import struct
from pathlib import Path

import numpy as np

__all__ = ["write_dng"]


def write_dng(
    path: Path, *, width: int, height: int, orientation: int = 1, exposure: float = 0.0, seed: int = 0
) -> Path:
    """An uncompressed 16-bit DNG with an RGGB mosaic: the left half is dark red, the right one grey."""
    rgb = np.zeros((height, width, 3))
    rgb[:, : width // 2] = (0.25, 0.05, 0.05)
    rgb[:, width // 2 :] = 0.2
    mosaic = np.empty((height, width))
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = rgb[row::2, column::2, channel]
    noise = np.random.default_rng(seed).normal(0, 0.002, mosaic.shape)
    strip = (np.clip(mosaic + noise, 0, 1) * 65535).astype("<u2").tobytes()

    one, unit = struct.pack("<II", 1, 1), (10000, 10000)
    matrix = [32404, -15371, -4985, -9693, 18760, 416, 556, -2040, 10572]  # XYZ to linear sRGB, / 10000
    tags: list[tuple[int, int, int, bytes]] = [  # tag, type, count, value
        (254, 4, 1, struct.pack("<I", 0)),
        (256, 4, 1, struct.pack("<I", width)),
        (257, 4, 1, struct.pack("<I", height)),
        (258, 3, 1, struct.pack("<HH", 16, 0)),
        (259, 3, 1, struct.pack("<HH", 1, 0)),
        (262, 3, 1, struct.pack("<HH", 32803, 0)),
        (271, 2, 7, b"Oberih\0"),
        (272, 2, 6, b"Test1\0"),
        (273, 4, 1, b"strip"),
        (274, 3, 1, struct.pack("<HH", orientation, 0)),
        (277, 3, 1, struct.pack("<HH", 1, 0)),
        (278, 4, 1, struct.pack("<I", height)),
        (279, 4, 1, struct.pack("<I", len(strip))),
        (33421, 3, 2, struct.pack("<HH", 2, 2)),
        (33422, 1, 4, bytes([0, 1, 1, 2])),
        (50706, 1, 4, bytes([1, 4, 0, 0])),
        (50708, 2, 6, b"Test1\0"),
        (50717, 4, 1, struct.pack("<I", 65535)),
        (50721, 10, 9, b"".join(struct.pack("<ii", m, unit[1]) for m in matrix)),
        (50728, 5, 3, one * 3),
        (50730, 10, 1, struct.pack("<ii", round(exposure * 100), 100)),
        (50778, 3, 1, struct.pack("<HH", 21, 0)),
    ]
    at = 8 + 2 + 12 * len(tags) + 4
    extra, entries = b"", b""
    for tag, kind, count, value in tags:
        if value == b"strip":
            value = b"STRP"
        elif len(value) > 4:
            extra += b"\0" * (len(extra) % 2)
            offset = at + len(extra)
            extra += value
            value = struct.pack("<I", offset)
        entries += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
    entries = entries.replace(b"STRP", struct.pack("<I", at + len(extra)))
    header = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
    path.write_bytes(header + extra + strip)
    return path
