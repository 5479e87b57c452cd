"""The service whose jobs this process runs: jobs know only what can be written down, so they find it here."""

from oberih.errors import StageFailed
from oberih.work.service import Service

__all__ = ["here", "work_for"]

_services: list[Service] = []


def work_for(service: Service) -> None:
    """From now on, this process runs jobs of this service (and of no other)."""
    _services[:] = [service]


def here() -> Service:
    if not _services:
        raise StageFailed("This process runs no jobs.", "Start a worker: oberih worker --data FOLDER")
    return _services[0]
