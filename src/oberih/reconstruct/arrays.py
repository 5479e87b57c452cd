"""Value objects made of arrays (meshes, clouds), kept in files between stages."""

import dataclasses
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

__all__ = ["load", "save"]

T = TypeVar("T")


def save(path: Path, value: Any) -> None:
    """Write the arrays of a dataclass to an uncompressed ``.npz``; the file appears whole or not at all."""
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(file, **{name: array for name, array in fields.items() if array is not None})
    part.replace(path)


def load(kind: type[T], path: Path) -> T:
    """The ``kind`` that `save` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return kind(**dict(arrays))
