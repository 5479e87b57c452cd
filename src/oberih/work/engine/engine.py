"""The face of the engine: settings, and what a web process asks of it."""

import base64
import json
import re
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import sqlalchemy as sa
from dbos import DBOSClient, EnqueueOptions, error

from oberih.errors import InputError
from oberih.work.engine._kept import Kept
from oberih.work.engine._quotas import Quota
from oberih.work.engine._tables import ABOUT, NOTES, STATUS, WORKERS, Tables, away, has_status, now_ms
from oberih.work.engine.states import (
    STATUSES,
    JobState,
    Status,
    moment,
    queues_served,
    read_states,
    state_query,
)

__all__ = ["APPLICATION", "QUEUES", "VERSION", "Engine", "EngineSettings", "Machine", "Page", "Queue"]

Queue = Literal["ingest", "cpu", "gpu", "light"]
QUEUES: tuple[Queue, ...] = ("ingest", "cpu", "gpu", "light")
APPLICATION = "oberih"
VERSION = "1"  # of DBOS's application: never changes
DAY_MS = 86_400_000
LOWEST = 9  # priorities are 0 (urgent) to 9
A_WHILE_S = 1e9


@dataclass(frozen=True)
class EngineSettings:
    """What rules an engine. All processes that share a database have the same quotas."""

    url: str  # sqlite:///FILE or postgresql://...
    schema: str = "work"  # of PostgreSQL
    node: str = "here"  # this machine's name among several
    at_once: Mapping[str, int] = field(  # jobs that one worker runs at the same time, per queue
        default_factory=lambda: {"ingest": 2, "cpu": 1, "gpu": 1, "light": 4}
    )
    altogether: Mapping[str, int] = field(default_factory=dict)  # ... that all workers together run
    running_per_person: int = 2
    waiting_per_person: int = 50
    beat_s: float = 3.0  # a worker says that it lives
    lease_s: float = 20.0  # silent for so long, it is taken for dead
    watch_s: float = 1.0  # progress is written, cancelling noticed
    idle_s: float = 0.5  # an idle worker looks into its queues
    grace_s: float = 20.0  # a step that is asked to stop gets so long
    retry_first_s: float = 30.0
    retry_longest_s: float = 3600.0
    crashes: int = 10  # in one step; power cuts count too, so not too few

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9_]{0,40}", self.schema):
            raise ValueError(f"{self.schema!r} is no name for a schema")
        if not re.fullmatch("[a-z0-9][a-z0-9.-]{0,60}", self.node):
            raise ValueError(f"{self.node!r} is no name for a node")


@dataclass(frozen=True)
class Machine:
    """A worker that lives, or was heard of within the last day."""

    name: str
    queues: tuple[str, ...]
    running: int
    seen: datetime  # by its own clock
    alive: bool


@dataclass(frozen=True)
class Page:
    """Some jobs, newest first, and where the next page begins ("": there is none)."""

    jobs: tuple[JobState, ...]
    after: str


class Engine:
    """The face of the work. Safe to use from several threads."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.tables = Tables(settings.url, settings.schema)
        self.quota = Quota(settings.running_per_person, settings.waiting_per_person)

    def prepare(self) -> None:
        """Make, or bring up to date, the tables of the work. Any process may, at any time."""
        self.tables.prepare()

    @cached_property
    def client(self) -> DBOSClient:
        return DBOSClient(
            system_database_engine=self.tables.engine, dbos_system_schema=self.settings.schema,
            serializer=Kept(), application_name=APPLICATION, lazy=True, retry_connection_errors=False,
        )  # fmt: skip

    def enqueue(
        self, name: str, key: str, *, queue: Queue, node: str = "", priority: int = 5, person: str = "",
        args: Mapping[str, Any] | None = None, about: Iterable[str] = (),
    ) -> bool:  # fmt: skip
        """Put a job into a queue. False if there is one with this key already, in whatever state.

        ``key`` names the job among all of them, for good ("ingest/<upload>"); it is no secret and names
        nobody. ``args`` is JSON. ``person`` (a pseudonym) is whom quotas count; without one there are none.
        ``about``: identifiers of what it works on, by which `jobs` finds it.
        """
        options: EnqueueOptions = {
            "workflow_name": name, "workflow_id": key, "workflow_id_reuse_policy": "reject",
            "queue_name": queue_of(queue, node), "priority": ranked(priority),
            "attributes": {"queue": queue_of(queue, node)},
        }  # fmt: skip
        with self.tables.writing(f"quota {person}" if person else "") as connection:
            place = None
            if person:
                options["authenticated_user"] = person
                place = self.quota.place(connection, person)
            if place is not None:
                options["delay_seconds"] = A_WHILE_S
            try:
                self.client.enqueue_in_transaction(connection, options, **(args or {}))
            except error.DBOSWorkflowIDInUseError:
                connection.rollback()
                return False
            if place is not None:
                mine = STATUS.update().where(STATUS.c.workflow_uuid == key)
                connection.execute(mine.values(delay_until_epoch_ms=place))
            if things := [{"job": key, "thing": one} for one in set(about)]:
                connection.execute(ABOUT.insert(), things)
        return True

    def state(self, key: str) -> JobState | None:
        """What is known of a job."""
        with self.tables.reading() as connection:
            asked = state_query().where(STATUS.c.workflow_uuid == key)
            found = read_states(connection, asked, self.quota, self.settings.lease_s)
        return found[0] if found else None

    def jobs(
        self, *, status: Status | None = None, name: str = "", person: str = "", about: str = "",
        after: str = "", limit: int = 50, but: Collection[str] = (),
    ) -> Page:  # fmt: skip
        """A page of jobs, newest first, without those with a name in ``but``. What comes or ends meanwhile
        neither repeats nor hides others.
        """
        asked = state_query(status)
        if name:
            asked = asked.where(STATUS.c.name == name)
        if but:
            asked = asked.where(STATUS.c.name.not_in(but))
        if person:
            asked = asked.where(STATUS.c.authenticated_user == person)
        if about:
            mine = sa.select(ABOUT.c.job).where(ABOUT.c.thing == about)
            asked = asked.where(STATUS.c.workflow_uuid.in_(mine))
        place = sa.tuple_(STATUS.c.created_at, STATUS.c.workflow_uuid)
        if after:
            asked = asked.where(place < sa.tuple_(*map(sa.literal, read_place(after))))
        newest = asked.order_by(STATUS.c.created_at.desc(), STATUS.c.workflow_uuid.desc())
        with self.tables.reading() as connection:
            found = read_states(connection, newest.limit(limit + 1), self.quota, self.settings.lease_s)
        page = found[:limit]
        more = len(found) > limit and page
        return Page(tuple(page), written_place(page[-1]) if more else "")

    def job_on(self, *things: str) -> JobState | None:
        """The job that works on one of them; if there is none, the last that did."""
        jobs = [job for thing in things for job in self.jobs(about=thing).jobs]
        going = [job for job in jobs if job.going]
        return max(going or jobs, key=lambda job: job.enqueued_at, default=None)

    def counts(self) -> dict[tuple[str, Status], int]:
        """How many unfinished jobs there are of each name and status: for metrics."""
        counted: dict[tuple[str, Status], int] = {}
        asked = sa.select(STATUS.c.name, STATUS.c.status, sa.func.count()).group_by("name", "status")
        with self.tables.reading() as connection:
            for statuses in (("ENQUEUED", "PENDING"), ("DELAYED",)):  # as there are indexes for them
                for name, theirs, count in connection.execute(asked.where(has_status(*statuses))):
                    place: tuple[str, Status] = (name, STATUSES[theirs])
                    counted[place] = counted.get(place, 0) + count
        return counted

    def cancel(self, key: str) -> bool:
        """Cancel a job: at once if it waits, within seconds if it runs. False if it had ended already."""
        with self.tables.reading() as connection:
            mine = STATUS.c.workflow_uuid == key
            going = has_status("ENQUEUED", "PENDING", "DELAYED")
            person = connection.execute(sa.select(STATUS.c.authenticated_user).where(mine, going)).first()
        if person is None:
            return False
        with away():
            self.client.cancel_workflow(key)
        if person[0]:
            self.admit(person[0])
        return True

    def prioritise(self, key: str, priority: int) -> bool:
        """Let a waiting job come sooner (0: next) or later (9). False if it does not wait."""
        with self.tables.writing() as connection:
            mine = (STATUS.c.workflow_uuid == key, has_status("ENQUEUED", "DELAYED"))
            changed = STATUS.update().where(*mine).values(priority=ranked(priority), updated_at=now_ms())
            return connection.execute(changed).rowcount > 0

    def again(self, key: str) -> bool:
        """Let a job that failed or was cancelled go on after its last good step. False if it is neither."""
        state = self.state(key)
        if state is None or state.status not in ("failed", "cancelled"):
            return False
        with away():
            steps = self.client.list_workflow_steps(key)
            failed = [found["function_id"] for found in steps if found["error"] is not None]
            first = min(failed) if failed else max((found["function_id"] for found in steps), default=0) + 1
            try:
                self.client.rewind_workflow(key, start_step=first, queue_name=state.queue)
            except error.DBOSException:
                return False  # somebody else did it just now
        return True

    def workers(self) -> dict[str, int]:
        """How many living workers look into each queue: for metrics and health."""
        with self.tables.reading() as connection:
            return queues_served(connection, self.settings.lease_s)

    def machines(self) -> list[Machine]:
        """Workers, those that live first."""
        lease_ms, now = int(self.settings.lease_s * 1000), now_ms()
        working = sa.select(STATUS.c.executor_id, sa.func.count()).where(has_status("PENDING"))
        asked = sa.select(WORKERS).where(~WORKERS.c.gone, WORKERS.c.beat_at > now - DAY_MS)
        with self.tables.reading() as connection:
            counted = connection.execute(working.group_by(STATUS.c.executor_id))
            running: dict[str, int] = {row[0]: row[1] for row in counted}
            rows = connection.execute(asked.order_by(WORKERS.c.beat_at.desc())).all()
        return [
            Machine(
                row.worker, tuple(row.queues.split(",")), running.get(row.worker, 0), moment(row.beat_at),
                row.beat_at > now - lease_ms,
            )
            for row in rows
        ]  # fmt: skip

    def note(self, name: str, value: str) -> None:
        """Write something down for all machines, once."""
        with self.tables.writing() as connection:
            connection.execute(NOTES.insert().values(name=name, value=value))

    def noted(self, name: str) -> str:
        """What is written down under a name; "" if nothing is."""
        with self.tables.reading() as connection:
            return connection.execute(sa.select(NOTES.c.value).where(NOTES.c.name == name)).scalar() or ""

    def admit(self, person: str, leaving: str = "") -> None:
        """Let a person's next jobs into the queues (see `_quotas`)."""
        with self.tables.writing(f"quota {person}") as connection:
            self.quota.admit(connection, person, leaving)

    def run_worker(
        self, queues: Sequence[Queue], context: object = None, stop: threading.Event | None = None
    ) -> None:
        """Run jobs of these queues, until ``stop`` is set or SIGTERM or SIGINT comes. One per process.

        ``context`` is there for the steps, as `Job.context`. Ends the process itself if a step does not stop
        within ``grace_s``.
        """
        from oberih.work.engine.worker import Worker

        names = [queue_of(queue, self.settings.node) for queue in queues]
        Worker(self, names, context).run(stop or threading.Event())

    def close(self) -> None:
        self.tables.engine.dispose()


def queue_of(queue: str, node: str) -> str:
    """The name that DBOS knows a queue by."""
    if queue not in QUEUES:
        raise ValueError(f"there is no queue {queue}")
    if queue != "ingest":
        return queue
    if not node:
        raise ValueError("a job of the queue ingest needs the node on which its files lie")
    return f"ingest@{node}"


def ranked(priority: int) -> int:
    """DBOS counts from 1."""
    if not 0 <= priority <= LOWEST:
        raise ValueError(f"priority {priority} is not between 0 and {LOWEST}")
    return priority + 1


def written_place(job: JobState) -> str:
    place = json.dumps([int(job.enqueued_at.timestamp() * 1000), job.key])
    return base64.urlsafe_b64encode(place.encode()).decode()


def read_place(after: str) -> tuple[int, str]:
    try:
        created_ms, key = json.loads(base64.urlsafe_b64decode(after.encode()))
        return int(created_ms), str(key)
    except (ValueError, TypeError) as trouble:
        raise InputError("There is no such page of the list.", "Begin at the first page.") from trouble
