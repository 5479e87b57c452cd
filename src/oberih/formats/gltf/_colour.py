"""Between sRGB, as pictures are kept, and linear light, as glTF gives factors and vertex colours."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["linear_of", "srgb_of"]


def linear_of(srgb: NDArray[np.floating]) -> NDArray[np.float64]:
    """Linear light of sRGB values, both 0..1 (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def srgb_of(linear: NDArray[np.floating]) -> NDArray[np.uint8]:
    """8-bit sRGB of linear light 0..1; what is beyond is cut off, what is no number is black."""
    kept = np.clip(np.nan_to_num(linear, nan=0.0), 0, 1)
    srgb = np.where(kept <= 0.0031308, kept * 12.92, 1.055 * np.maximum(kept, 1e-9) ** (1 / 2.4) - 0.055)
    return np.rint(srgb * 255).astype(np.uint8)
