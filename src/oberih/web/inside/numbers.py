"""How the service fares, in numbers for Prometheus. No number tells of one person or one place."""

import shutil

from fastapi import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select

from oberih.catalogue.ledger import Entry
from oberih.catalogue.tables import Capture, Review
from oberih.work.service import Service

__all__ = ["numbers"]


def numbers(service: Service) -> Response:
    registry = CollectorRegistry()
    captures = Gauge("oberih_captures", "Captures by state", ["state"], registry=registry)
    reviews = Gauge("oberih_reviews_open", "Reviews that wait", registry=registry)
    waiting = Gauge("oberih_ledger_waiting", "Changes that are not in the archive yet", registry=registry)
    jobs = Gauge("oberih_jobs", "Jobs by queue and state", ["queue", "state"], registry=registry)
    free = Gauge("oberih_free_bytes", "Room on the disk of the data", registry=registry)
    with service.database.reading() as session:
        for state, count in session.execute(select(Capture.state, func.count()).group_by(Capture.state)):
            captures.labels(state).set(count)
        reviews.set(session.scalar(select(func.count()).where(Review.state == "open")) or 0)
        waiting.set(session.scalar(select(func.count()).where(Entry.kept.is_(None))) or 0)
    for (queue, state), count in service.engine.counts().items():
        jobs.labels(queue, state).set(count)
    free.set(shutil.disk_usage(service.folder).free)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
