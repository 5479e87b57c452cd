"""Jobs: durable workflows of steps, as those who write them see it.

    @step
    def poses(job: Job, capture: str) -> str:
        found = estimate_poses(..., progress=job.progress)
        job.check()  # before anything that others see: raises when this job is no longer ours
        return save(found)

    @workflow("reconstruct")
    def reconstruct_capture(job: Job, capture: str) -> None:
        model = surface(job, poses(job, capture))
        ...

A step that has returned is not run again; one that was interrupted is, from its beginning, here or on another
machine: it must come to the same end when parts of it were done before. What goes in and out is JSON.
All effects belong into steps: the code of a workflow between them runs again on every resumption, and must
call the same steps in the same order for the same arguments and results.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from dbos import DBOS, error

from oberih.errors import OberihError
from oberih.progress import Event, Progress
from oberih.work.engine._kept import broken

__all__ = ["WORKFLOWS", "Hold", "Job", "Left", "changed", "step", "workflow"]

P = ParamSpec("P")
R = TypeVar("R")
W = TypeVar("W", bound=Callable[..., Any])

WORKFLOWS: dict[str, Callable[..., Any]] = {}  # by name, as they were declared


class Left(BaseException):
    """This run of a job ends here, the job does not: it was cancelled, or goes on later or elsewhere.

    No `Exception`: neither a step's code nor DBOS shall take it for an outcome.
    """


class Hold(Protocol):
    """What ties a running job to the worker that runs it."""

    def still_mine(self, job: "Job") -> bool: ...

    def put_off(self, job: "Job", error: Exception) -> bool:
        """Put the job back for a later try, if the error is one that passes. Raises nothing."""
        ...


@dataclass(eq=False)
class Job:
    """A job that runs. Without a ``hold`` (``Job("any key")``) its steps are plain functions: for tests."""

    key: str
    name: str = ""
    person: str = ""
    token: str = ""  # of this run: another run of the same job, on whatever worker, has another
    hold: Hold | None = None
    context: Any = None  # what `Engine.run_worker` was given: archive, catalogue, ...
    stop: threading.Event = field(default_factory=threading.Event)
    heard: Event | None = None  # the last that was told of its progress
    note: str = ""
    advanced: bool = False  # this run has done a step

    def __post_init__(self) -> None:
        self.progress = Progress(self.hear, self.stop)

    @property
    def run(self) -> tuple[str, str]:
        return self.key, self.token

    def hear(self, event: Event) -> None:
        if event.kind == "note":
            self.note = event.message
        else:
            if event.kind == "stage":
                self.note = ""
            self.heard = event

    def still_mine(self) -> bool:
        """Whether this run may still act for the job. Asks the database: to be asked before each effect.

        Between the answer and the effect a process can freeze, so effects also need a natural key or a
        conditional write; ``token`` is there for those who can compare it.
        """
        return self.hold is None or (not self.stop.is_set() and self.hold.still_mine(self))

    def check(self) -> None:
        """End this run here (`Left`) unless the job is still ours."""
        if not self.still_mine():
            raise Left

    def judged(self, error: Exception, where: str) -> BaseException:
        """What an error means for the job: `Left`, or an error that a person can read."""
        if self.hold is not None and (self.stop.is_set() or self.hold.put_off(self, error)):
            return Left()
        return error if isinstance(error, OberihError) else broken(error, where)


def workflow(name: str) -> Callable[[W], W]:
    """Declare what jobs of this name do: a function of `Job` and keywords. The name stays for good."""

    def declare(body: W) -> W:
        known = WORKFLOWS.setdefault(name, body)
        if known is not body:
            raise ValueError(f"two workflows are called {name}")
        return body

    return declare


def step(function: Callable[Concatenate[Job, P], R]) -> Callable[Concatenate[Job, P], R]:
    """Declare a step. Its name stays for good: recorded results are found by it."""
    name = function.__name__

    @wraps(function)
    def call(job: Job, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if job.hold is None:
            return function(job, *args, **kwargs)

        def attempt() -> R:
            try:
                job.check()
                result = function(job, *args, **kwargs)
            except Exception as trouble:  # noqa: BLE001 - it is judged
                raise job.judged(trouble, f"{job.name}, step {name}") from None
            job.advanced = True
            return result

        try:
            return DBOS.run_step({"name": name}, attempt)
        except (error.DBOSWorkflowConflictIDError, error.DBOSWorkflowCancelledError) as lost:
            raise Left from lost

    return call


def changed(name: str) -> bool:
    """Whether a running job takes the new way through a workflow that was changed (see `engine`)."""
    return DBOS.patch(name)
