"""What was left half done: by a process that was killed between two databases, or by a job that failed.

A decision is one transaction of the catalogue; the job that follows from it is another one, of the work. Here
is found, from time to time, what has the first and lacks the second. All of it may be run at any time, by any
number of workers: whatever is missing is made under the key that it would have had.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from oberih.catalogue.database import now
from oberih.catalogue.outdated import outdated
from oberih.catalogue.public import is_current
from oberih.catalogue.tables import Capture, Model, Review
from oberih.errors import OberihError, StageFailed
from oberih.work.flow.contributing import pick_up
from oberih.work.flow.drafting import begin_draft
from oberih.work.flow.fetching import forget
from oberih.work.flow.modelling import begin_again
from oberih.work.flow.publishing import due, project
from oberih.work.flow.recovering import show_all
from oberih.work.flow.states import ENDED, WORKING, come_to, told
from oberih.work.flow.stopping import say_stopped
from oberih.work.service import Service

__all__ = ["Mender"]

log = logging.getLogger("oberih.work")

QUIET = timedelta(seconds=60)  # whoever is at it may need so long
AT_ONCE = 500  # captures of one look
LEFT_FOR = timedelta(days=7)  # work on this machine that went on elsewhere, or was stopped
LEFT = StageFailed(
    "The work on it ended before it was done.", "Tell those who run this service: they can begin it again."
)


@dataclass
class Mender:
    """Looks at everything in turn, some of it each time."""

    service: Service
    after: str = ""  # the last capture that was looked at

    def look(self) -> int:
        """Returns how much was mended."""
        moment = now()
        if not is_current(self.service.projection):  # new tables, or those of another version of Oberih
            show_all(self.service)
        count = self.show(moment - QUIET) + pick_up(self.service) + due(self.service)
        count += sum(self.settle_capture(one) for one in self.working(moment - QUIET))
        count += sum(begin_draft(self.service, one) for one in self.without_draft(moment - QUIET))
        sweep_work(self.service.private / "work", (moment - LEFT_FOR).timestamp())
        return count

    def working(self, before: datetime) -> Sequence[Capture]:
        """Captures of which it is said that something is done with them."""
        asked = select(Capture).where(
            Capture.state.in_(WORKING), Capture.changed < before, Capture.id > self.after
        )
        with self.service.database.reading() as session:
            found = session.scalars(asked.order_by(Capture.id).limit(AT_ONCE)).all()
        self.after = found[-1].id if len(found) == AT_ONCE else ""
        return found

    def settle_capture(self, capture: Capture) -> bool:
        """Is nobody at it? Begin what is missing, or say why there is nothing to begin."""
        job = self.service.engine.job_on(capture.id)
        if job is None:
            return False  # it has not come in whole: `pick_up`, on the machine where its files are
        if job.going:
            return False
        if job.status == "failed":
            return self.give_up(capture, job.error or LEFT)
        if job.status == "cancelled" and not self.has_ended(job.about):
            say_stopped(self.service, job)
            return True
        if capture.state != "waiting" and job.name != "model":
            return self.give_up(capture, LEFT)
        begin_again(self.service, capture.id, f"after-{capture.version}")
        return True

    def has_ended(self, captures: Sequence[str]) -> bool:
        with self.service.database.reading() as session:
            return any(session.get_one(Capture, one).state in ENDED for one in captures)

    def give_up(self, capture: Capture, why: OberihError) -> bool:
        with self.service.database.writing("service", "fail") as session:
            row = session.get_one(Capture, capture.id, with_for_update=True)
            if row.state in WORKING and come_to(row, "failed", back=True):
                row.reason, row.advice = told(why.message), told(why.advice)
        return True

    def without_draft(self, before: datetime) -> Iterator[Review]:
        """Reviews that wait for what would be public, and nobody makes it."""
        asked = select(Review).where(Review.state == "open", Review.draft == "", Review.changed < before)
        with self.service.database.reading() as session:
            found = session.scalars(asked).all()
            made_of = {one.id: session.get_one(Model, one.model).captures for one in found}
        for review in found:
            jobs = [self.service.engine.job_on(thing) for thing in (review.id, *made_of[review.id])]
            if all(job is None or job.status == "done" for job in jobs):
                yield review

    def show(self, before: datetime) -> int:
        """Bring up what everybody sees, where somebody changed something and got no further."""
        with self.service.database.reading() as session:
            found = outdated(session, before, AT_ONCE)
        for subject in found:
            try:
                project(self.service, subject)
            except Exception:  # one that cannot be shown is no reason to leave others in view
                log.exception("What is public of %s cannot be brought up.", subject)
        return len(found)


def sweep_work(folder: Path, before: float) -> None:
    """Remove folders of work in which nothing has changed since ``before`` (seconds since 1970)."""
    for one in folder.iterdir() if folder.is_dir() else ():
        try:
            newest = max(path.lstat().st_mtime for path in (one, *one.rglob("*")))
        except FileNotFoundError:
            continue  # somebody works there
        if newest < before:
            forget(one)
