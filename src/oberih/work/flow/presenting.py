"""How a public model is shown: where a look at it begins, what is said of its places, tours of it.

Custodians write it in the browser, of what everybody can see. It is public by being saved, so all that
software notices in its words is judged before, as with other words (`wording`). Each version is kept in the
ledger, and in the open form of the public record in the object of the model.
"""

import json
from collections.abc import Collection, Iterable
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from oberih.archive.deposit import new_version
from oberih.archive.reuse import deposited
from oberih.catalogue.outdated import outdate
from oberih.catalogue.public import PublicAnnotation, PublicRecord, PublicTour, PublicView, record
from oberih.catalogue.public.records import Ark
from oberih.catalogue.tables import Presentation, Review
from oberih.errors import Conflict, InputError
from oberih.i18n import say
from oberih.work.engine import Job, step, workflow
from oberih.work.flow.here import here
from oberih.work.flow.locking import lock
from oberih.work.flow.noticing import Unjudged, noticed
from oberih.work.flow.posing import draw
from oberih.work.flow.publishing import project
from oberih.work.flow.reviewing import MEANWHILE
from oberih.work.service import Service
from oberih.work.sharing import copied_or_later

__all__ = ["Told", "present"]

UNSEEN = ("It is not public.", "What is said of a model is written when everybody sees the model.")
UNSHOWN = (
    "Where the photos were taken is not shown: not everybody may know exactly where it is.",
    "Leave it out, or decide anew on the page of the review how exactly the place is public.",
)
UNKNOWN = (
    "Nobody knows any more where the photos were taken.",
    "Leave it out. It is kept when a new model is made of the photos.",
)
SILENT = "Write something there, let an annotation stand open, or remove the stop."
FILE = "presentation.json"  # in the object of the model


class Told(BaseModel):
    """What a custodian wrote. Points and views are those of the public model, in millionths of its unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: PublicView | None = Field(
        default=None, description="where to begin, if not where the software chose"
    )
    annotations: Annotated[tuple[PublicAnnotation, ...], Field(max_length=100)] = ()
    tours: Annotated[tuple[PublicTour, ...], Field(max_length=20)] = ()

    before: Ark | None = Field(default=None, description="a record that shows it at an earlier time")
    eyes: bool = Field(default=False, description="whether to show where the photos were taken")

    @model_validator(mode="after")
    def whole(self) -> Self:
        known = [one.id for one in self.annotations]
        tours = [one.id for one in self.tours]
        if len(set(known)) < len(known) or len(set(tours)) < len(tours):
            raise ValueError("two of them have the same name")
        if {stop.annotation for tour in self.tours for stop in tour.stops} - {None, *known}:
            raise ValueError("a tour stops at something that is not there")
        if self.view is not None and self.view.eye == self.view.target:
            raise ValueError("the view has no direction")
        return self


def present(
    service: Service,
    subject: str,
    actor: str,
    told: Told,
    *,
    seen_version: int,
    harmless: Collection[str] = (),
) -> int:
    """Show the public model of ``subject`` as ``told``. ``seen_version``: of the presentation; 0: there was
    none. ``harmless``: `mark_of` the warnings that were judged. Returns the version that it has now.

    Raises `Conflict` if it is not public, or somebody changed it meanwhile; `Unjudged`;
    `InputError` if a stop of a tour says nothing, if the record to compare it with is not public, or if
    where the photos were taken is not known, or not for everybody.
    """
    say_something(told.tours)
    if told.before is not None:
        other = record(service.projection, told.before)
        if not isinstance(other, PublicRecord) or told.before == subject:
            raise InputError("There is no such public record.", "Give the address of another record's page.")
    with service.database.writing(actor, "present") as session:
        public = lock(session, subject)
        if public is None or not public.visible or public.review is None:
            raise Conflict(*UNSEEN)
        if told.eyes and public.precision != "exact":
            raise InputError(*UNSHOWN)
        review = session.get_one(Review, public.review)
        if told.eyes and not review.eyes:
            raise InputError(*UNKNOWN)
        row = session.get(Presentation, review.id)
        if (row.version if row else 0) != seen_version:
            raise Conflict(*MEANWHILE)
        if row is None:
            row = Presentation(id=review.id, subject=subject, judged=[], posters=[])
            session.add(row)
        opening = told.view.model_dump(mode="json") if told.view else None
        if row.opening != opening:
            row.posters = []  # until they are drawn from there, those that software chose
        row.opening = opening
        row.annotations = [one.model_dump(mode="json") for one in told.annotations]
        row.tours = [one.model_dump(mode="json") for one in told.tours]
        row.before, row.eyes = told.before, told.eyes
        row.judged = sorted({*row.judged, *harmless})
        session.flush()
        if left := [one for one in noticed(session, review) if not one["settled"]]:
            raise Unjudged(left)
        outdate(session, subject)
        version = row.version
    project(service, subject)
    service.engine.enqueue(
        "present", key=f"present:{review.id}:{version}", queue="cpu", about=[review.id],
        args={"review": review.id},
    )  # fmt: skip
    return version


def say_something(tours: Iterable[PublicTour]) -> None:
    """Raises `InputError` if a stop has neither words nor an annotation; older versions may have such."""
    for number, tour in enumerate(tours, 1):
        for at, stop in enumerate(tour.stops, 1):
            if stop.annotation is None and not stop.texts:
                wrong = say("Tour {number}, stop {stop}: nothing is said.", number=number, stop=at)
                raise InputError(wrong, SILENT)


@workflow("present")
def draw_and_keep(job: Job, review: str) -> None:
    """After something was written of a public model: draw its poster, keep the words in the archive."""
    if draw(job, review):
        show(job, review)
    keep(job, review)


@step
def show(job: Job, review: str) -> None:
    """Let everybody see what was drawn."""
    service = here()
    with service.database.reading() as session:
        subject = session.get_one(Review, review).subject
    job.check()
    project(service, subject)


@step
def keep(job: Job, review: str) -> None:
    """A new version of the model's object, unless the newest has these words."""
    service = here()
    with service.database.reading() as session:
        row, decided = session.get_one(Presentation, review), session.get_one(Review, review)
    told: dict[str, Any] = {
        "schema": "oberih-presentation/1", "record": row.subject, "version": decided.number,
        "view": row.opening, "annotations": row.annotations, "tours": row.tours, "before": row.before,
        "eyes": row.eyes,
    }  # fmt: skip
    data = (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()
    deposited(service.archive, decided.model)  # another machine may have brought it there
    before = service.archive.object(decided.model)
    if FILE in before.inventory.files() and before.read(FILE) == data:
        return
    job.check()
    new_version(
        service.archive, decided.model, {FILE: data}, message="presentation", event="metadata modification"
    )
    copied_or_later(service, job.progress)
