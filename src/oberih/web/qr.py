"""QR codes, as drawings that pages hold."""

import cv2
import numpy as np

__all__ = ["matrix"]

EDGE = 2  # modules, beside the two that OpenCV leaves: ISO/IEC 18004 asks for four


def matrix(text: str) -> tuple[tuple[bool, ...], ...]:
    """The QR code (ISO/IEC 18004) of ``text``, with the light edge that it needs; True: dark."""
    light = np.pad(cv2.QRCodeEncoder.create().encode(text), EDGE, constant_values=255)
    return tuple(tuple(bool(one == 0) for one in row) for row in light)
