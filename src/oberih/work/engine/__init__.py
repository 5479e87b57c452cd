"""The durable engine on which the walk of a capture is written. DBOS does the work; this is its face here.

A web process makes an `Engine` to put jobs into queues, ask for them and cancel them; it never runs one.
Worker processes, any number, call `Engine.run_worker`. All meet in one database, a file of SQLite or
PostgreSQL, and in nothing else. What a job does is declared with `workflow` and `step` (see `jobs`).

- **Queues**: ``ingest`` (an upload lies on one node, and only workers of that node take its jobs), ``cpu``,
  ``gpu`` (only workers with a graphics card; while there is none, its jobs go to ``cpu``), ``light`` (short
  things). A key is enqueued once. Who waits can be given another priority.
- **Quotas**: of one person's jobs so many are in the queues at a time; the others wait, with that reason.
- **A worker that ends** asked (SIGTERM) gives its jobs back. One that dies, or is frozen, is noticed by the
  others because its `heartbeat` stays the same for ``lease_s``, counted by the observer's own clock: wrong
  clocks, or a database that was away for a while, bury nobody. One of them puts its jobs back into their
  queues (DBOS's own recovery: one UPDATE, so one wins). They go on after their last finished step.
- **A frozen worker that comes back** finds its jobs in other hands: DBOS takes no result from a run whose
  token is not the row's, `Job.still_mine` says so before an effect, and ``Progress.stop`` is set.
- **Long steps** tell through ``Job.progress``; the web reads it, and cancelling sets ``Progress.stop``. A
  computation that holds Python's global lock for minutes is no death, since the heartbeat is a process of its
  own; but it delays cancelling, and on SQLite it may hold up everybody if it begins while another thread of
  the worker writes. Such work belongs into a child process, which dies with the worker.
- **Trouble**: what passes (a store away, a full disk, a database) is tried again, ever more seldom, with the
  reason shown; what is wrong with the material ends the job with message and advice; what nobody foresaw ends
  it with a reference to the log. A job that takes its worker down ``crashes`` times in one step is given up.

**How a workflow may change between releases.** Jobs that an earlier release began go on in the new one: all
releases run as DBOS's application version `VERSION`, which never changes. DBOS replays a job by the order and
names of its steps. So at any time: change what a step does inside; add a workflow; append steps at the end.
To put in, take out or reorder steps in the middle, ask ``if changed("name"):``, which is true for jobs that
have not come so far yet, and keep the old way in the other branch while there are older jobs. Never rename
a workflow or a step; what a step returns must be readable by the code before and after the change.
"""

from oberih.work.engine.engine import QUEUES, Engine, EngineSettings, Machine, Page, Queue
from oberih.work.engine.jobs import Job, Left, changed, step, workflow
from oberih.work.engine.states import JobState, Status

__all__ = [
    "QUEUES", "Engine", "EngineSettings", "Job", "JobState", "Left", "Machine", "Page", "Queue", "Status",
    "changed", "step", "workflow",
]  # fmt: skip
