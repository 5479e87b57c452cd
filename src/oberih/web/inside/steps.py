"""What happened to a contribution, step by step, and what will."""

from collections.abc import Mapping
from datetime import datetime

from oberih.web.views import Step

__all__ = ["steps"]

DONE_BY = {  # a state in which something is being done, or cannot be -> steps that are done in it
    "received": 1, "preserved": 2, "quarantined": 2, "waiting": 2, "reconstructing": 2, "preserved only": 2,
    "not reconstructable": 2, "failed": 2, "in review": 4, "passed": 5, "published": 6,
}  # fmt: skip
SEEN_IN = {  # a step that is done -> states that only come after it
    "preserved": {"preserved", "quarantined", "waiting", "reconstructing", "preserved only",
                  "not reconstructable", "failed", "in review", "published"},
    "reconstructed": {"in review", "published"}, "described": {"in review", "published"},
    "reviewed": {"published", "refused"}, "published": {"published"},
}  # fmt: skip
STEPS = ("arrived", "preserved", "reconstructed", "described", "reviewed", "published")
AT = {"arrived": "received", "preserved": "preserved", "reconstructed": "in review", "published": "published"}
STOPPED = ("quarantined", "not reconstructable", "failed")
ENDED = ("cancelled", "refused", "withdrawn")


def steps(state: str, times: Mapping[str, datetime], *, kept: bool = False) -> tuple[Step, ...]:
    """What happened to it, and what will. ``times``: when it first came to each state; ``kept``: the archive
    has it.
    """
    if state in ENDED:
        return went_through(state, times, kept=kept)
    done = DONE_BY.get(state, 0)
    made = []
    for number, key in enumerate(STEPS):
        if number < done:
            made.append(Step(key, "done", times.get(AT.get(key, ""))))  # type: ignore[arg-type]
        elif number == done:
            now = "stopped" if state in STOPPED else "skipped" if state == "preserved only" else "now"
            made.append(Step(key, now))  # type: ignore[arg-type]
        else:
            later = state not in (*STOPPED, "preserved only")
            made.append(Step(key, "later" if later else "skipped"))  # type: ignore[arg-type]
    return tuple(made)


def went_through(state: str, times: Mapping[str, datetime], *, kept: bool) -> tuple[Step, ...]:
    """The steps that were done before it ended, and how it ended."""
    done = ["arrived", *(key for key, states in SEEN_IN.items() if states & times.keys())]
    if kept and "preserved" not in done:
        done.insert(1, "preserved")
    ended = Step(state, "ended", times.get(state))  # type: ignore[arg-type]
    return (*(Step(key, "done", times.get(AT.get(key, ""))) for key in done), ended)  # type: ignore[arg-type]
