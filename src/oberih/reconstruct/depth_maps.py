"""Depth maps in a folder: what depth estimation, fusion and surface hand to each other.

A map is stored per view so that work resumes where it was and 1,000 views need no more memory than ten.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import warp as wp
from numpy.typing import NDArray

from oberih.geometry import View
from oberih.reconstruct._patchmatch import Source

__all__ = [
    "DepthMap",
    "load_depth_map",
    "on_cpu",
    "save_array",
    "save_depth_map",
    "source_table",
    "table_on_cpu",
]

STORED = np.dtype([("inverse_depth", "<f4"), ("slope", "<f2", 2), ("score", "<f2")])


@dataclass(frozen=True)
class DepthMap:
    """Inverse-depth planes of a view: ``1 / z(x + dx, y + dy) = w + gx dx + gy dy`` around each pixel centre.

    ``score`` is the matching cost (depth estimation: 0 perfect, 2 worst) or the support by other views
    (fusion: about the number of views that agree). ``w`` is 0 where there is no depth.
    """

    planes: NDArray[np.float32]  # (H, W, 3): w, gx, gy; 1 / world unit, per pixel
    score: NDArray[np.float32]  # (H, W)

    @property
    def inverse_depth(self) -> NDArray[np.float32]:
        return self.planes[..., 0]


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write ``array`` as .npy; the file appears whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.save(file, array)
    part.replace(path)


def save_depth_map(path: Path, depth: DepthMap) -> None:
    """10 bytes a pixel: slopes are stored relative to the inverse depth, which half floats hold well."""
    stored = np.empty(depth.score.shape, STORED)
    w = depth.planes[..., 0]
    stored["inverse_depth"] = w
    stored["slope"] = depth.planes[..., 1:] / np.where(w > 0, w, 1)[..., None]
    stored["score"] = depth.score
    save_array(path, stored)


def load_depth_map(path: Path) -> DepthMap:
    stored = np.load(path)
    planes = np.empty((*stored.shape, 3), np.float32)
    planes[..., 0] = stored["inverse_depth"]
    planes[..., 1:] = stored["slope"] * stored["inverse_depth"][..., None]
    return DepthMap(planes, stored["score"].astype(np.float32))


def kernel_dtype() -> np.dtype[Any]:
    return np.dtype(cast(Any, Source).numpy_dtype())


def source_table(view: View, others: Sequence[View]) -> NDArray[Any]:
    """What the kernels know of each source view, as seen from the reference ``view`` (see `Source`)."""
    table: NDArray[Any] = np.zeros(len(others), dtype=kernel_dtype())
    K, start = view.camera.K, 0
    for n, other in enumerate(others):
        R = other.pose.R @ view.pose.R.T
        t = other.pose.t - R @ view.pose.t
        table["A"][n] = other.camera.K @ R @ np.linalg.inv(K)
        table["b"][n] = other.camera.K @ t
        table["C"][n] = K @ R.T @ np.linalg.inv(other.camera.K)
        table["d"][n] = -K @ R.T @ t
        table["start"][n], table["width"][n], table["height"][n] = (
            start,
            other.camera.width,
            other.camera.height,
        )
        start += other.camera.width * other.camera.height
    return table


def on_cpu(array: NDArray[Any], dtype: Any = None) -> Any:
    """A Warp array over the memory of ``array``: what kernels write is there in NumPy."""
    assert array.flags["C_CONTIGUOUS"]
    return wp.array(array, dtype=dtype or Any, device="cpu", copy=False)


def table_on_cpu(table: NDArray[Any]) -> Any:
    """The same of a `source_table`. Warp gets its address only: it compares NumPy's types of structures anew
    each time, and in several threads this once said that equal ones are not.
    """
    made = wp.array(ptr=table.ctypes.data, dtype=Source, shape=table.shape, device="cpu", copy=False)
    made._ref = table  # noqa: SLF001 - as it does itself: the memory lives as long as the array
    return made
