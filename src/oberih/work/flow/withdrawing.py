"""What a contributor takes back, and what nobody can take back.

The archive keeps what was recorded: that was agreed to. What ends is the work on it and what is public of it.
"""

from sqlalchemy import select

from oberih.catalogue.database import now
from oberih.catalogue.tables import Capture, Publication, Rights
from oberih.errors import Conflict
from oberih.work.flow.publishing import unpublish
from oberih.work.flow.states import moved
from oberih.work.service import Service

__all__ = ["cancel", "withdraw"]

RUNNING = ("received", "preserved", "waiting", "reconstructing")


def cancel(service: Service, capture: str, actor: str) -> None:
    """Stop the work on a capture. What has arrived is kept. Raises `Conflict` if nothing is being done."""
    with service.database.reading() as session:
        row = session.get_one(Capture, capture)
    if row.state not in RUNNING:
        raise Conflict("Nothing is being done with it just now.", "Look at the page again.")
    for job in service.engine.jobs(person=row.account, limit=200).jobs:
        if job.status in ("waiting", "running") and job.name == "model":
            service.engine.cancel(job.key)
    with moved(service, capture, "cancel", "cancelled", actor, back=True):
        pass


def withdraw(service: Service, capture: str, actor: str) -> None:
    """Take a contribution back: what is public of it disappears, and nothing new is made of it."""
    with moved(service, capture, "withdraw", "withdrawn", actor, back=True) as (session, row):
        subject = row.subject
        given = select(Rights).where(
            Rights.of == capture, Rights.kind == "consent", Rights.withdrawn.is_(None)
        )
        for one in session.scalars(given):
            one.withdrawn = now()
    with service.database.reading() as session:
        public = session.get(Publication, subject) if subject else None
    if public is not None and public.withdrawn is None and subject:
        unpublish(service, subject, actor, "withdrawn by who recorded it")
