"""How far a job is, as far as that is known.

A job is a row of stages, and tells of each how far it is: nobody knows how long those will take that come
then. So what is shown is the present stage, in words, and no figure that would be a guess: none while it has
just begun, none once all of it is done and the next one has not said anything yet.
"""

from collections.abc import Mapping

from oberih.i18n import say
from oberih.web.views import Progress
from oberih.work.engine import JobState

__all__ = ["progress_of"]

LEAST_SHARE, LEAST_S = 0.03, 10.0  # of a stage that is done, and for which it ran: before, time is a guess
READING = say("The photos are read and looked at")
FINDING = say("What can be recognised is found in each photo, and in the next")
PLACING = say("Where each photo was taken from is worked out")
DISTANCES = say("Distances are measured in every photo")
SURFACE = say("The surface is made")
COLOURS = say("The surface is coloured from the photos")
MEASURING = say("The model is measured")
KEEPING = say("It is put into the archive")
HIDING = say("Faces and number plates are looked for")
SHOWING = say("The pictures and the model for everybody are prepared")
WORDS: Mapping[str, str] = {
    "reading": READING, "judging": READING, "features": FINDING, "matching": FINDING, "mapping": PLACING,
    "images": DISTANCES, "depth": DISTANCES, "fusion": SURFACE, "surface": SURFACE, "texture": COLOURS,
    "measure": MEASURING, "fidelity": MEASURING, "report": MEASURING, "depositing": KEEPING,
    "comparing": KEEPING, "replicating": KEEPING, "fetching": say("The photos are fetched from the archive"),
    "faces and plates": HIDING, "photos for the public": HIDING, "public files": SHOWING,
}  # fmt: skip
"""Stage of a job -> what is done in it, for people who know nothing of photogrammetry."""


def progress_of(job: JobState | None) -> Progress:
    if job is None:
        return Progress(None, words=say("It goes on in a moment."))
    if job.status == "waiting":
        return Progress(None, words=job.reason or say("It waits for a machine that is free."))
    words = job.note or WORDS.get(job.stage) or say("It has begun.")
    if not job.total or job.done >= job.total:
        return Progress(None, words=words, since=job.started_at)
    share = job.done / job.total
    left_s = job.left_s
    if left_s is not None and (share < LEAST_SHARE or left_s * share / (1 - share) < LEAST_S):
        left_s = None
    return Progress(share, left_s, words, job.started_at)
