"""Starts Warp without its greeting, which would land between progress and results."""

import os
import sys
from functools import cache

import warp as wp

__all__ = ["has_cuda", "start_warp"]


@cache
def start_warp() -> None:
    """Initialise Warp quietly. On a machine without CUDA its native part warns of that on standard error,
    whatever its settings: not having a GPU is nothing to be warned of."""
    wp.config.quiet = True
    wp.config.log_level = 30  # warnings; newer versions look at this one
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        wp.init()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def has_cuda() -> bool:
    """Whether kernels can run on a graphics card of this machine."""
    start_warp()
    return bool(wp.is_cuda_available())
