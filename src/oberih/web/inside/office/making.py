"""How far it is with what would be public of a review, while that is not there."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from oberih.catalogue.tables import Capture, Review
from oberih.i18n import say
from oberih.web.inside.office.case import is_open
from oberih.web.inside.office.common import in_words
from oberih.web.inside.under_way import progress_of
from oberih.web.views import Progress
from oberih.work.service import Service

__all__ = ["Making", "making_of"]

STOPPED = say("Those who run the service stopped it.")
ENDED = say("The work on it ended before it was done.")


@dataclass(frozen=True)
class Making:
    """How far it is. ``why``: it failed, or was stopped."""

    state: Literal["", "going", "failed", "stopped"] = ""  # empty: it is there, or is not made any more
    progress: Progress | None = None
    why: str = ""


def making_of(service: Service, review: Review, captures: Iterable[Capture]) -> Making:
    """How far it is with a review of a model of ``captures``: the job that makes that makes the first draft,
    too. Where none is at it, and none has failed, one is begun soon (`oberih.work.flow.mending`).
    """
    if not is_open(review) or review.draft:
        return Making()
    job = service.engine.job_on(review.id, *(one.id for one in captures))
    if job is not None and job.status == "failed":
        return Making("failed", why=in_words(job.error) if job.error else ENDED)
    if job is not None and job.status == "cancelled":
        return Making("stopped", why=STOPPED)
    return Making("going", progress_of(job if job is not None and job.going else None))
