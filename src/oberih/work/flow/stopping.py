"""Stopping a job that somebody else began, and letting it go on: for those who run the service."""

from oberih.catalogue.tables import Capture
from oberih.errors import Conflict
from oberih.i18n import say
from oberih.work.engine import JobState
from oberih.work.flow.modelling import begin
from oberih.work.flow.states import ENDED, WORKING, come_to, told
from oberih.work.service import Service

__all__ = ["say_stopped", "start_again", "stop"]

STOPPABLE = ("model", "draft")  # what was acknowledged is kept, what was decided is done
STOPPED = say("Those who run the service stopped it. What came is kept, and it can be begun again.")


def stop(service: Service, key: str, actor: str) -> None:
    """Stop a job. Its captures say so, until somebody begins it again (`start_again`).

    Raises `Conflict` if it has ended, or must not be stopped.
    """
    job = job_of(service, key)
    if job.name not in STOPPABLE:
        raise Conflict(
            "This cannot be stopped: what was taken in is kept, and what was decided is done.",
            "Wait until it is done. What is public can be taken out of view then.",
        )
    if not service.engine.cancel(key):
        raise Conflict("It has ended.", "Nothing is to be stopped.")
    say_stopped(service, job, actor)


def say_stopped(service: Service, job: JobState, actor: str = "service") -> None:
    with service.database.writing(actor, "stop job") as session:
        for identifier in job.about if job.name == "model" else ():
            row = session.get_one(Capture, identifier, with_for_update=True)
            if row.state in WORKING and come_to(row, "cancelled", back=True):
                row.reason, row.advice = told(STOPPED), None


def start_again(service: Service, key: str, actor: str) -> None:
    """Let a job that failed or was stopped go on after its last good step. What was taken back meanwhile is
    left out. Raises `Conflict` if it is neither.
    """
    job = job_of(service, key)
    if job.status not in ("failed", "cancelled"):
        raise Conflict("It runs, or is done.", "Nothing is to be tried again.")
    if job.name in ("ingest", "model"):
        left = waiting_again(service, job, actor)
        if not left:
            raise Conflict("All that it was about was taken back.", "Nothing is to be tried again.")
        if len(left) < len(job.about):
            begin(service, left[0], anew=f"rest-of-{len(left)}")
            return
    if not service.engine.again(key):
        raise Conflict("It runs, or is done.", "Nothing is to be tried again.")


def waiting_again(service: Service, job: JobState, actor: str) -> list[str]:
    """Bring the captures of a job back to where it takes them up; those that can be."""
    with service.database.writing(actor, "begin job again") as session:
        rows = [session.get_one(Capture, one, with_for_update=True) for one in job.about]
        for row in rows:
            if row.state in ("failed", "cancelled"):
                come_to(row, "waiting" if job.name == "model" else "received", back=True)
                row.reason = row.advice = None
        return [row.id for row in rows if row.state not in ENDED]


def job_of(service: Service, key: str) -> JobState:
    found = service.engine.state(key)
    if found is None:
        raise Conflict("There is no such job.", "Look at the page again.")
    return found
