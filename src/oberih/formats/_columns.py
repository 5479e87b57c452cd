"""What the columns of a text of points mean: by their names, where the file gives them, else by their values.

The first three are the place. Of the others, by values in the first lines:

- three of unit length are a normal;
- three whole numbers of 0..255 (or three of 0..65535, or of 0..1) are a colour;
- one before or after such triples is an intensity.

Four columns are a place and an intensity; in PTS the intensity comes before the colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

COLOURS, NORMALS, INTENSITY = "colours", "normals", "intensity"
SAMPLE = 20_000
NAMES = {
    "x": 0, "y": 1, "z": 2, "easting": 0, "northing": 1, "elevation": 2, "height": 2,
    "r": 3, "g": 4, "b": 5, "red": 3, "green": 4, "blue": 5, "rf": 3, "gf": 4, "bf": 5,
    "nx": 6, "ny": 7, "nz": 8, "normal_x": 6, "normal_y": 7, "normal_z": 8, "normalx": 6, "normaly": 7,
    "normalz": 8, "i": 9, "intensity": 9, "reflectance": 9, "scalar_intensity": 9, "amplitude": 9,
}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    place: list[int]
    others: dict[str, list[int]] = field(default_factory=dict)
    ignored: int = 0


def meaning(rows: NDArray[np.float64], names: Sequence[str], *, pts: bool) -> Columns:
    """The meaning of the columns of ``rows`` ``(N, C)``, C at least 3."""
    width = rows.shape[1]
    named = by_name(names) if len(names) == width else None
    if named is not None:
        return named
    sample = rows[:SAMPLE]
    layouts = [range(3, width)]
    rest = width - 3
    if rest % 3 == 1:
        layouts = [range(4, width), range(3, width - 1)]  # an intensity before, or after
        layouts = layouts if pts else layouts[::-1]
    elif rest % 3 == 2:
        layouts = [range(4, width - 1), range(3, width - 2)]
        layouts = layouts if pts else layouts[::-1]
    found = [triples(sample, list(layout)) for layout in layouts]
    # PTS puts the intensity first. Elsewhere what explains more columns is right; if both do, what
    # CloudCompare writes: the intensity (or an opacity, which is the same everywhere) last.
    best = 0 if pts else max(range(len(found)), key=lambda i: (len(found[i]), -i))
    others = found[best]
    if rest % 3:
        others[INTENSITY] = [3 if layouts[best].start == 4 else layouts[best].stop]
    used = 3 + sum(map(len, others.values()))
    return Columns([0, 1, 2], others, width - used)


def by_name(names: Sequence[str]) -> Columns | None:
    at: dict[int, int] = {}
    for column, name in enumerate(names):
        known = NAMES.get(name.strip().strip('"').lower())
        if known is not None:
            at.setdefault(known, column)
    if not {0, 1, 2} <= set(at):
        return None
    groups = {COLOURS: (3, 4, 5), NORMALS: (6, 7, 8), INTENSITY: (9,)}
    others = {name: [at[i] for i in group] for name, group in groups.items() if all(i in at for i in group)}
    used = 3 + sum(map(len, others.values()))
    return Columns([at[0], at[1], at[2]], others, len(names) - used)


def triples(sample: NDArray[np.float64], columns: list[int]) -> dict[str, list[int]]:
    """Normals and colours among ``columns``, which are taken three by three."""
    others: dict[str, list[int]] = {}
    for start in range(0, len(columns) - 2, 3):
        at = columns[start : start + 3]
        values = sample[:, at]
        if NORMALS not in others and is_normal(values):
            others[NORMALS] = at
        elif COLOURS not in others and is_colour(values):
            others[COLOURS] = at
    return others


def is_normal(values: NDArray[np.float64]) -> bool:
    length = np.linalg.norm(values, axis=1)
    unit = np.abs(length - 1) < 0.01
    return bool(unit.any() and (unit | (length == 0)).all() and (values != np.round(values)).any()) or bool(
        unit.any() and (unit | (length == 0)).all() and (values < 0).any()
    )


def is_colour(values: NDArray[np.float64]) -> bool:
    if not np.isfinite(values).all() or values.min() < 0:
        return False
    whole = bool((values == np.round(values)).all())
    return (whole and values.max() <= 65535) or values.max() <= 1
