"""What is known of jobs, as the web shows it: state, progress, why one waits, why one failed."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from oberih.errors import OberihError, StageFailed
from oberih.i18n import from_json, say
from oberih.work.engine._kept import read_error
from oberih.work.engine._quotas import BEHIND, TURN, Quota
from oberih.work.engine._tables import ABOUT, OUTPUTS, PROGRESS, STATUS, WORKERS, has_status, now_ms

__all__ = ["STATUSES", "JobState", "Status", "moment", "queues_served", "read_states", "state_query"]

Status = Literal["waiting", "running", "done", "failed", "cancelled"]
STATUSES: dict[str, Status] = {  # DBOS's words in ours
    "ENQUEUED": "waiting",
    "DELAYED": "waiting",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
NOBODY = {
    "ingest": say("Its files lie on a machine that is away at the moment. It begins when that one is back."),
}
NO_WORKER = say("No machine is there for it at the moment. It begins when there is one.")


@dataclass(frozen=True)
class JobState:
    """One job. Texts are English that `oberih.i18n` can say in any language."""

    key: str
    name: str
    status: Status
    queue: str
    priority: int  # 0 (urgent) to 9
    person: str
    enqueued_at: datetime
    started_at: datetime | None  # this run of it
    ended_at: datetime | None
    stage: str = ""  # of the step that runs, or ran last
    done: float = 0.0
    total: float = 0.0
    left_s: float | None = None
    note: str = ""
    reason: str = ""  # why it waits, if that is not just its turn in the queue
    again_at: datetime | None = None  # when it is tried again
    error: OberihError | None = None  # why it failed: message and advice
    about: tuple[str, ...] = ()  # identifiers of what it works on

    @property
    def going(self) -> bool:
        """Whether it has not come to an end."""
        return self.status in ("waiting", "running")


def state_query(status: Status | None = None) -> sa.Select[Any]:
    """Everything that `read_states` reads."""
    asked = sa.select(
        STATUS.c.workflow_uuid, STATUS.c.name, STATUS.c.status, STATUS.c.authenticated_user,
        STATUS.c.attributes, STATUS.c.priority, STATUS.c.created_at, STATUS.c.started_at_epoch_ms,
        STATUS.c.completed_at, STATUS.c.delay_until_epoch_ms, STATUS.c.recovery_attempts, OUTPUTS.c.error,
        PROGRESS.c.stage, PROGRESS.c.done, PROGRESS.c.total, PROGRESS.c.left_s, PROGRESS.c.note,
        PROGRESS.c.reason,
    ).select_from(
        STATUS.outerjoin(PROGRESS, PROGRESS.c.job == STATUS.c.workflow_uuid)
        .outerjoin(OUTPUTS, OUTPUTS.c.workflow_uuid == STATUS.c.workflow_uuid)
    )  # fmt: skip
    if status is None:
        return asked
    if status in ("failed", "cancelled"):  # in the words of DBOS's index
        asked = asked.where(has_status("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"))
    return asked.where(has_status(*(theirs for theirs, ours in STATUSES.items() if ours == status)))


def read_states(
    connection: sa.Connection, asked: sa.Select[Any], quota: Quota, lease_s: float
) -> list[JobState]:
    """The jobs that a query of `state_query` finds."""
    rows = connection.execute(asked).all()
    waiting = any(row.status == "ENQUEUED" for row in rows)
    served = queues_served(connection, lease_s) if waiting else {}
    things = things_of(connection, [row.workflow_uuid for row in rows])
    return [read_state(row, quota, served, things.get(row.workflow_uuid, ())) for row in rows]


def things_of(connection: sa.Connection, jobs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What each job works on."""
    found: dict[str, tuple[str, ...]] = {}
    asked = sa.select(ABOUT.c.job, ABOUT.c.thing).where(ABOUT.c.job.in_(jobs)).order_by(ABOUT.c.thing)
    for job, thing in connection.execute(asked):
        found[job] = (*found.get(job, ()), thing)
    return found


def queues_served(connection: sa.Connection, lease_s: float) -> Counter[str]:
    """How many living workers look into each queue."""
    alive = (~WORKERS.c.gone, WORKERS.c.beat_at > now_ms() - int(lease_s * 1000))
    found: Sequence[str] = connection.execute(sa.select(WORKERS.c.queues).where(*alive)).scalars().all()
    return Counter(queue for queues in found for queue in queues.split(","))


def read_state(row: Any, quota: Quota, served: Mapping[str, int], about: tuple[str, ...]) -> JobState:
    status = STATUSES[row.status]
    queue = row.attributes["queue"]
    reason, again_at = "", None
    if row.status == "ENQUEUED" and queue not in served:
        reason = NOBODY.get(queue.split("@")[0], NO_WORKER)
    elif row.status == "DELAYED":
        reason, again_at = why_delayed(row, quota)
    return JobState(
        key=row.workflow_uuid, name=row.name, status=status, queue=queue, priority=row.priority - 1,
        person=row.authenticated_user or "", enqueued_at=moment(row.created_at),
        started_at=moment(row.started_at_epoch_ms) if row.started_at_epoch_ms else None,
        ended_at=moment(row.completed_at) if row.completed_at else None,
        stage=row.stage or "", done=row.done or 0.0, total=row.total or 0.0, left_s=row.left_s,
        note=from_json(json.loads(row.note)) if row.note else "",
        reason=reason, again_at=again_at, error=why_failed(row) if status == "failed" else None,
        about=about,
    )  # fmt: skip


def why_delayed(row: Any, quota: Quota) -> tuple[str, datetime | None]:
    if row.delay_until_epoch_ms == TURN:
        return say(
            "It waits its turn: {count} job of one person is worked on at a time.",
            "It waits its turn: {count} jobs of one person are worked on at a time.",
            count=quota.running,
        ), None
    if row.delay_until_epoch_ms == BEHIND:
        return say(
            "It waits behind {count} other job of the same person.",
            "It waits behind {count} other jobs of the same person.",
            count=quota.waiting,
        ), None
    return from_json(json.loads(row.reason)) if row.reason else "", moment(row.delay_until_epoch_ms)


def why_failed(row: Any) -> OberihError | None:
    if row.status == "ERROR":
        return read_error(row.error)
    return StageFailed(
        say(
            "The machine that worked on it broke down {count} time in the same place.",
            "The machine that worked on it broke down {count} times in the same place.",
            count=row.recovery_attempts - 1,
        ),
        "Most likely it needs more memory than there is. Tell those who run this service.",
    )


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
