"""Pages of those who run the service: the work, and the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from oberih.web.views.contributions import Progress
from oberih.web.views.frame import ONE_PAGE, Paging, View

__all__ = ["AuditPage", "AuditRow", "Job", "JobsPage", "Machine", "Queue"]


@dataclass(frozen=True)
class Queue:
    name: str
    waiting: int
    running: int


@dataclass(frozen=True)
class Machine:
    """A worker that takes jobs."""

    name: str
    queues: tuple[str, ...]
    running: int
    seen: datetime
    alive: bool = True


@dataclass(frozen=True)
class Job:
    id: str
    title: str
    queue: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    when: Literal["next", "normal", "last"] = "normal"
    progress: Progress | None = None  # of one that runs
    since: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class JobsPage(View):
    template: ClassVar[str] = "jobs.html.j2"
    queues: tuple[Queue, ...]
    machines: tuple[Machine, ...]
    jobs: tuple[Job, ...]
    everywhere: bool = True  # of all collections; else queues and machines are not shown
    keeping: bool = False  # those that keep the audit trail, too
    paging: Paging = ONE_PAGE


@dataclass(frozen=True)
class AuditRow:
    """One entry of the ledger. ``fields`` names what differs from the state before."""

    id: str
    at: datetime
    actor: str
    action: str
    kind: str
    of: str
    version: int = 0
    note: str = ""
    fields: tuple[str, ...] = ()
    kept: bool = False  # it is in the archive
    who: str = ""  # the actor, in words
    whom: str = ""  # an account that it is about, in words
    times: int = 1  # a look that was repeated: how often
    since: datetime | None = None  # when for the first time


@dataclass(frozen=True)
class AuditPage(View):
    template: ClassVar[str] = "audit.html.j2"
    rows: tuple[AuditRow, ...]
    filters: Mapping[str, str] = field(default_factory=dict)  # "actor", "of", "kind", "since", "until"
    kinds: tuple[str, ...] = ()
    paging: Paging = ONE_PAGE
    only: str = ""  # whose deeds are shown, in words; empty: everybody's
