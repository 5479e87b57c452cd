"""A worker process of `oberih serve`."""

import os
import sys
from pathlib import Path

from oberih.web.life import end_with
from oberih.work.flow import run_worker
from oberih.work.service import open_service

__all__ = ["main"]


def main(folder: Path) -> None:
    if "OBERIH_ALIVE" in os.environ:
        end_with(int(os.environ.pop("OBERIH_ALIVE")))
    run_worker(open_service(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
