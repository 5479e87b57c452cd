"""The walk of a capture, as durable jobs: received, preserved, modelled, drafted, reviewed, public.

Each module is one stretch of it. Steps find the service that they work for in `here`; whoever calls from
outside (a face) gives it.
"""

from oberih.work.flow.contributing import pick_up, received, welcome
from oberih.work.flow.merging import merge
from oberih.work.flow.publishing import due, project, unpublish
from oberih.work.flow.reviewing import (
    CHECKS,
    Decision,
    Kept,
    correct_blur,
    decide,
    give_length,
    keep,
    look_again,
    note_blur,
    refuse,
    release,
    waiting_corrections,
)
from oberih.work.flow.stopping import start_again, stop
from oberih.work.flow.working import run_worker
from oberih.work.offers import LICENCES, TERMS, Offer

__all__ = [
    "CHECKS",
    "LICENCES",
    "TERMS",
    "Decision",
    "Kept",
    "Offer",
    "correct_blur",
    "decide",
    "due",
    "give_length",
    "keep",
    "look_again",
    "merge",
    "note_blur",
    "pick_up",
    "project",
    "received",
    "refuse",
    "release",
    "run_worker",
    "start_again",
    "stop",
    "unpublish",
    "waiting_corrections",
    "welcome",
]
