"""The walk of a capture, as durable jobs: received, preserved, modelled, drafted, reviewed, public.

Each module is one stretch of it. Steps find the service that they work for in `here`; whoever calls from
outside (a face) gives it.
"""

from oberih.work.flow.contributing import LICENCES, TERMS, Offer, pick_up, received
from oberih.work.flow.publishing import due, project, unpublish
from oberih.work.flow.reviewing import (
    CHECKS,
    Decision,
    Kept,
    correct_blur,
    decide,
    keep,
    look_again,
    refuse,
    release,
)
from oberih.work.flow.working import run_worker

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
    "keep",
    "look_again",
    "pick_up",
    "project",
    "received",
    "refuse",
    "release",
    "run_worker",
    "unpublish",
]
