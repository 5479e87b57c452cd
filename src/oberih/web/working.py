"""A worker process of `oberih serve`."""

import os
import sys
from pathlib import Path

from oberih.logs import begin_logs
from oberih.web.life import end_with
from oberih.work.engine import QUEUES
from oberih.work.flow import run_worker
from oberih.work.service import open_service

__all__ = ["main"]


def main(folder: str, *queues: str) -> None:
    """Run jobs of the service in ``folder``; all kinds that this machine can do, or those of ``queues``."""
    begin_logs("worker")
    if "OBERIH_ALIVE" in os.environ:
        end_with(int(os.environ.pop("OBERIH_ALIVE")))
    run_worker(open_service(Path(folder)), [queue for queue in QUEUES if queue in queues])


if __name__ == "__main__":
    main(*sys.argv[1:])
