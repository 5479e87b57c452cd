"""Compiles all kernels of the reconstruction, and says where they lie: for processes that keep none.

python -m oberih.reconstruct.compiled
"""

import sys

import warp as wp

from oberih.geometry.kernels import start_warp
from oberih.reconstruct import pipeline  # noqa: F401 - brings the modules in which kernels are

__all__ = ["main"]


def main() -> None:
    start_warp()
    wp.force_load()
    sys.stdout.write(f"{wp.config.kernel_cache_dir}\n")


if __name__ == "__main__":
    main()
