"""A worker: runs the jobs of a service, and sees to what is due."""

import logging
import threading
import time
from collections.abc import Sequence

from sqlalchemy import select

from oberih.catalogue.ledger import Entry, keep_entries
from oberih.errors import OberihError
from oberih.work.engine import Job, Queue, step, workflow
from oberih.work.flow import drafting, exporting, ingest, modelling, presenting, publishing  # noqa: F401
from oberih.work.flow.cleaning import clean
from oberih.work.flow.here import here, work_for
from oberih.work.flow.mending import Mender
from oberih.work.service import Service
from oberih.work.sharing import copied_or_later

__all__ = ["queues_for", "run_worker"]

log = logging.getLogger("oberih.work")
DUE_S, CLEAN_S = 60.0, 3600.0
WAITING_S, WHOLE_S = 300, 3600  # between two tries to bring copies to a store that was away


def run_worker(service: Service, queues: Sequence[Queue] = (), stop: threading.Event | None = None) -> None:
    """Run jobs until ``stop`` is set, or the process is to end. What is unfinished goes on elsewhere."""
    work_for(service)
    stop = stop or threading.Event()
    served = queues or queues_for(service)
    chores = threading.Thread(target=see_to_it, args=(service, stop, served), name="chores", daemon=True)
    chores.start()
    try:
        service.engine.run_worker(served, stop)
    finally:
        stop.set()
        chores.join()


def queues_for(service: Service) -> tuple[Queue, ...]:
    """What this machine can do."""
    from oberih.geometry.kernels import has_cuda

    usual: tuple[Queue, ...] = ("ingest", "cpu", "light")
    return (*usual, "gpu") if service.settings.gpu == "auto" and has_cuda() else usual


def see_to_it(service: Service, stop: threading.Event, served: Sequence[Queue]) -> None:
    """Begin what is due. Each job's key has the time in it, so that of several workers one begins it."""
    every = service.settings.ledger_every_s
    mender, looked, cleaned = Mender(service), float("-inf"), float("-inf")
    while not stop.wait(min(every, DUE_S) if looked > 0 else 0.0):
        try:
            if entries_wait(service):
                slot = int(time.time() / every)
                service.engine.enqueue("keep", key=f"keep:{slot}", queue="light")
            if time.monotonic() - looked >= DUE_S:
                looked = time.monotonic()
                mender.look()
                service.arrivals.sweep()
                if "ingest" in served:
                    ask_for_copies(service)
            if time.monotonic() - cleaned >= CLEAN_S:
                cleaned = time.monotonic()
                clean(service)
        except OberihError as error:
            log.warning("what is due has to wait: %s", error.message)
        except Exception:  # a worker that never again does its chores would be worse
            log.exception("what is due was not done")


def ask_for_copies(service: Service) -> None:
    """Of what waits among the uploads of this machine for a store that was away; and, as a store can come
    back when nothing else happens, now and then of all that it knows of.
    """
    waits = next(service.arrivals.all_received(), None) is not None
    if waits or len(service.archive.settings.stores) > 1:
        every = WAITING_S if waits else WHOLE_S
        key = f"copies:{service.node}:{every}:{int(time.time() / every)}"
        service.engine.enqueue("copies", key=key, queue="ingest", node=service.node)


def entries_wait(service: Service) -> bool:
    with service.database.reading() as session:
        return session.scalar(select(Entry.number).where(Entry.kept.is_(None)).limit(1)) is not None


@workflow("keep")
def keep(job: Job) -> None:
    keep_ledger(job)


@step
def keep_ledger(job: Job) -> int:
    """Bring the ledger into the archive, and the archive to its stores."""
    service = here()
    count = keep_entries(service.database, service.archive)
    copied_or_later(service, job.progress)
    return count
