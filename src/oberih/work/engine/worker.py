"""A worker process: runs jobs, tells their progress, notices what concerns them, takes over from the dead.

DBOS claims jobs and runs them in threads. Around that, the main thread looks once per ``watch_s``: which of
my jobs are still mine? It writes their progress, and asks those to stop that were cancelled or belong to
somebody else by now. Every ``beat_s`` it looks for workers that fell silent (see `engine`).

This module and `_tables` are the only ones that use parts of DBOS which it does not promise to keep: the
claiming of one queue (its own queues have the same limits on every worker, and poll at a fixed pace), and the
recovery of another worker's jobs (which DBOS does for itself only when it is told to by its paid service).
"""

import contextlib
import json
import logging
import os
import random
import secrets
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import sqlalchemy as sa
from dbos import DBOS
from dbos import Queue as DBOSQueue
from dbos._context import assert_current_dbos_context
from dbos._queue import _INTERNAL_QUEUE_CONSTRUCTION, queue_worker_thread
from dbos._recovery import recover_pending_workflows

from oberih.errors import StageFailed, StoreError
from oberih.i18n import to_json
from oberih.work.engine import heartbeat
from oberih.work.engine._kept import Kept, passing_trouble
from oberih.work.engine._others import Others
from oberih.work.engine._quotas import Quota
from oberih.work.engine._tables import PROGRESS, STATUS, WORKERS, give_back, has_status, now_ms, quiet_dbos
from oberih.work.engine.engine import APPLICATION, VERSION, Engine
from oberih.work.engine.jobs import WORKFLOWS, Job, Left
from oberih.work.engine.states import queues_served

__all__ = ["Worker"]

log = logging.getLogger("oberih.work")

Row = dict[str, Any]
Run = tuple[str, str]  # key and token: jobs that were claimed together have the same token
RUN = sa.tuple_(STATUS.c.workflow_uuid, STATUS.c.owner_xid)
PENDING = has_status("PENDING")
POLL_S = 0.1
QUICK_S = 0.002  # the first pause after something happened; each next one is longer by GROWTH
GROWTH = 1.5
INSTEAD = {"gpu": "cpu"}  # queues that others can do the jobs of, if nobody is there for them
FORGET_S = 3600  # after so long a silence a worker's row is thrown away


class Bell(threading.Event):
    """Set when a queue's thread shall end; until then it shortens the pauses between two looks.

    DBOS looks at a fixed pace. Rung (a job ended, there is room), the thread looks at once and often, then
    ever more seldom, down to that pace: jobs follow each other within milliseconds, and idling costs little.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rung = threading.Event()
        self.pause_s = QUICK_S

    def ring(self) -> None:
        self.pause_s = QUICK_S
        self.rung.set()

    def set(self) -> None:
        super().set()
        self.rung.set()

    def wait(self, timeout: float | None = None) -> bool:
        pause = self.pause_s if timeout is None else min(self.pause_s, timeout)
        self.pause_s = pause * GROWTH
        self.rung.wait(pause)
        self.rung.clear()
        return self.is_set()


class Worker:
    """One worker. Its name is new at each start: what an earlier one left is for everybody."""

    def __init__(self, engine: Engine, queues: Sequence[str], context: object) -> None:
        self.engine, self.settings, self.tables = engine, engine.settings, engine.tables
        self.queues, self.context = queues, context
        self.name = f"{self.settings.node}-{os.getpid()}-{secrets.token_hex(4)}"
        self.bells = [Bell() for _ in queues]
        self.leaving = self.alone = False
        self.running: dict[Run, Job] = {}
        self.written: dict[Run, Row] = {}  # progress that is in the database
        self.steady: set[Run] = set()  # got on since they were claimed
        self.strays: dict[Run, float] = {}  # claimed, but not begun: since when
        self.others = Others(self.settings.lease_s)
        self.looked_at_others = self.swept = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """See `Engine.run_worker`."""
        self.engine.prepare()
        os.environ[heartbeat.MARK] = self.name  # for the children of steps
        with signals(stop):
            pulse = self.begin_heartbeat(stop)
            try:
                if not stop.is_set():
                    dbos = self.launch()
                    log.info("worker %s begins", self.name)
                while not stop.wait(self.settings.watch_s):
                    if pulse.poll() is not None:
                        log.warning("the heartbeat of worker %s ended; another one begins", self.name)
                        pulse = self.begin_heartbeat(stop)
                    self.look(dbos)
            finally:
                if not self.leave():
                    self.end_at_once()
                assert pulse.stdin is not None
                pulse.stdin.close()  # now it says that we are gone
                pulse.wait()
        del os.environ[heartbeat.MARK]
        log.info("worker %s ends", self.name)

    # -- begin and end ---------------------------------------------------------------------------------------

    def begin_heartbeat(self, stop: threading.Event) -> "subprocess.Popen[bytes]":
        """Start the process that says that we live, and wait until it has said so once."""
        environment = {name: value for name, value in os.environ.items() if name != heartbeat.MARK}
        child = subprocess.Popen(
            [sys.executable, "-P", heartbeat.__file__], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert child.stdin is not None and child.stdout is not None
        job = {
            "url": self.tables.sqlalchemy_url, "connect_args": self.tables.connect_args,
            "worker": self.name, "queues": ",".join(self.queues), "pid": os.getpid(),
            "beat_s": self.settings.beat_s,
        }  # fmt: skip
        child.stdin.write(json.dumps(job).encode() + b"\n")  # not an argument: it may hold a password
        child.stdin.flush()
        with child.stdout as answer:
            while not stop.is_set() and not select.select([answer], [], [], POLL_S)[0]:
                pass  # the database is away: it tries again and again
            if not stop.is_set() and answer.readline() != heartbeat.READY:
                raise StageFailed("The worker cannot tell that it lives.", "Its log says more.")
        return child

    def launch(self) -> DBOS:
        quiet_dbos()
        dbos = DBOS(
            config={
                "name": APPLICATION, "application_version": VERSION, "executor_id": self.name,
                "system_database_engine": self.tables.engine, "dbos_system_schema": self.settings.schema,
                "serializer": Kept(), "use_listen_notify": False, "run_migrations": False,
                "log_level": "WARNING",
            }
        )  # fmt: skip
        for name, body in WORKFLOWS.items():
            DBOS.workflow(name=name, max_recovery_attempts=self.settings.crashes - 1)(self.runner(name, body))
        DBOS.listen_queues([])  # our own threads do that
        DBOS.launch()
        for name, bell in zip(self.queues, self.bells, strict=True):
            kind = name.split("@")[0]
            queue = DBOSQueue(
                name, worker_concurrency=self.settings.at_once.get(kind, 1),
                global_concurrency=self.settings.altogether.get(kind),
                polling_interval_sec=self.settings.idle_s, token=_INTERNAL_QUEUE_CONSTRUCTION,
            )  # fmt: skip
            thread = threading.Thread(target=queue_worker_thread, args=(bell, dbos, queue), daemon=True)
            thread.start()
        return dbos

    def leave(self) -> bool:
        """Take no more, ask what runs to stop, give back what stopped. Whether all of it did."""
        for bell in self.bells:
            bell.set()
        self.leaving = True
        until = time.monotonic() + self.settings.grace_s
        while self.running and time.monotonic() < until:
            for job in tuple(self.running.values()):
                job.stop.set()
            time.sleep(POLL_S)
        DBOS.destroy()
        stuck = [key for key, _ in self.running]  # they are others' when this process has ended
        with contextlib.suppress(StoreError), self.tables.writing() as connection:  # they are taken over then
            mine = STATUS.c.executor_id == self.name
            give_back(connection, mine, STATUS.c.workflow_uuid.not_in(stuck))
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("dbos-executor-")]
        for thread in threads:
            thread.join(0 if stuck else POLL_S)
        return not any(thread.is_alive() for thread in threads)

    def end_at_once(self) -> None:
        """End the process with what still runs in it. The heartbeat sees it, and gives the jobs to others."""
        trouble = sys.exc_info()[1]
        log.error("worker %s ends with steps that did not stop", self.name, exc_info=trouble)
        logging.shutdown()
        os._exit(0 if trouble is None else 1)

    # -- a job -----------------------------------------------------------------------------------------------

    def runner(self, name: str, body: Callable[..., Any]) -> Callable[..., Any]:
        """What DBOS runs for a workflow of ours."""

        def run(**arguments: Any) -> Any:
            if self.leaving:
                raise Left
            token = assert_current_dbos_context().owner_xid
            assert token is not None and DBOS.workflow_id is not None
            job = Job(DBOS.workflow_id, name, DBOS.authenticated_user or "", token, self, self.context)
            self.running[job.run] = job
            try:
                result = body(job, **arguments)
                self.ends(job)
                return result
            except Exception as error:  # noqa: BLE001 - it is judged
                verdict = job.judged(error, name)
                if not isinstance(verdict, Left):
                    self.ends(job)
                raise verdict from None
            finally:
                del self.running[job.run]
                for bell in self.bells:
                    bell.ring()

        return run

    def ends(self, job: Job) -> None:
        """The job is about to be over: its person's next one may come in."""
        if job.person:
            with contextlib.suppress(StoreError):  # `sweep` does it later
                self.engine.admit(job.person, leaving=job.key)

    def still_mine(self, job: Job) -> bool:
        with self.tables.reading() as connection:
            return bool(connection.execute(sa.select(sa.literal(1)).where(*mine(job))).scalar())

    def put_off(self, job: Job, error: Exception) -> bool:
        reason = passing_trouble(error)
        if reason is None:
            return False
        with contextlib.suppress(StoreError), self.tables.writing() as connection:
            asked = sa.select(PROGRESS.c.tries).where(PROGRESS.c.job == job.key)
            tries = 0 if job.advanced else connection.execute(asked).scalar() or 0
            pause_s = min(self.settings.retry_first_s * 2 ** min(tries, 20), self.settings.retry_longest_s)
            until_ms = now_ms() + int(pause_s * random.uniform(0.9, 1.1) * 1000)
            if give_back(connection, *mine(job), until_ms=until_ms):
                words = json.dumps(to_json(reason.message), ensure_ascii=False)
                self.tables.upsert(connection, job.key, {"reason": words, "tries": tries + 1})
            log.info("job %s is tried again (%s)", job.name, type(error).__name__)
        return True  # if the database is away, `look` finds the job and gives it back

    # -- looking ---------------------------------------------------------------------------------------------

    def look(self, dbos: DBOS) -> None:
        """What concerns our jobs, and from time to time what concerns the others."""
        try:
            self.look_at_mine()
            if time.monotonic() - self.looked_at_others >= self.settings.beat_s:
                self.looked_at_others = time.monotonic()
                self.look_at_others(dbos)
        except StoreError:
            if not self.alone:
                log.warning("the database of the work is away")
            self.alone = True
            return
        if self.alone:
            log.warning("the database of the work is back")
        self.alone = False

    def look_at_mine(self) -> None:
        here = dict(self.running)  # before the answer, which then knows all of them
        asked = sa.select(STATUS.c.workflow_uuid, STATUS.c.owner_xid)
        with self.tables.reading() as connection:
            found = connection.execute(asked.where(PENDING, STATUS.c.executor_id == self.name))
            owned = {(key, token) for key, token in found}
        for run, job in here.items():
            if run not in owned:
                job.stop.set()  # cancelled, or taken over while we were frozen
        self.write_progress({run: job for run, job in here.items() if run in owned})
        self.give_back_strays(owned - set(here) - set(self.running))

    def write_progress(self, jobs: Mapping[Run, Job]) -> None:
        rows = {run: row for run, job in jobs.items() if (row := progress_row(job))}
        new = {run: row for run, row in rows.items() if row != self.written.get(run)}
        steady = {run for run, job in jobs.items() if job.advanced} - self.steady
        if new or steady:
            with self.tables.writing() as connection:
                for (key, _), row in new.items():
                    self.tables.upsert(connection, key, row)
                if steady:  # only breakdowns in one step count
                    counted = (RUN.in_(steady), STATUS.c.recovery_attempts > 1)
                    connection.execute(STATUS.update().where(*counted).values(recovery_attempts=1))
        self.written = rows
        self.steady = (self.steady | steady) & set(jobs)

    def give_back_strays(self, runs: set[Run]) -> None:
        """Jobs that are claimed, but do not run.

        DBOS knows no such workflow here (this is an older release), or one was put off while the database
        was away.
        """
        now = time.monotonic()
        self.strays = {run: self.strays.get(run, now) for run in runs}
        lost = [run for run, since in self.strays.items() if now - since >= self.settings.lease_s]
        if lost:
            until_ms = now_ms() + int(self.settings.retry_first_s * 1000)
            with self.tables.writing() as connection:
                give_back(connection, RUN.in_(lost), until_ms=until_ms)

    def look_at_others(self, dbos: DBOS) -> None:
        with self.tables.reading() as connection:
            owners = connection.execute(sa.select(STATUS.c.executor_id).where(PENDING).distinct())
            names = {name for name in owners.scalars() if name and name != self.name}
            rows = connection.execute(sa.select(WORKERS.c.worker, WORKERS.c.beat_at, WORKERS.c.gone)).all()
        beats = {row.worker: row.beat_at for row in rows}
        gone = {row.worker for row in rows if row.gone}
        for name in self.others.dead({name: beats.get(name) for name in names}, gone):
            if taken := recover_pending_workflows(dbos, [name]):
                log.warning("worker %s is dead: %d jobs of it go on elsewhere", name, len(taken))
        if time.monotonic() - self.swept >= self.settings.lease_s:
            self.swept = time.monotonic()
            self.sweep(names)

    def sweep(self, needed: set[str]) -> None:
        """What is left to do when somebody died at the wrong moment."""
        with self.tables.writing() as connection:
            old = sa.or_(WORKERS.c.gone, WORKERS.c.beat_at < now_ms() - FORGET_S * 1000)
            connection.execute(WORKERS.delete().where(old, WORKERS.c.worker.not_in(needed)))
            people = Quota.people_waiting(connection)
            served = queues_served(connection, self.settings.lease_s)
            for queue in (queue for queue in INSTEAD if not served[queue]):
                waiting = (has_status("ENQUEUED", "DELAYED"), STATUS.c.queue_name == queue)
                other = INSTEAD[queue]
                moved = {"queue_name": other, "attributes": {"queue": other}, "updated_at": now_ms()}
                connection.execute(STATUS.update().where(*waiting).values(moved))
        for person in people:
            self.engine.admit(person)


def mine(job: Job) -> tuple[sa.ColumnElement[bool], ...]:
    """Its row, if this run still owns it."""
    return (PENDING, STATUS.c.workflow_uuid == job.key, STATUS.c.owner_xid == job.token)


def progress_row(job: Job) -> Row:
    heard = job.heard
    if heard is None and not job.note:
        return {}
    note = json.dumps(to_json(job.note), ensure_ascii=False) if job.note else None
    if heard is None:
        return {"note": note}
    return {
        "stage": heard.stage, "done": heard.done, "total": heard.total, "left_s": heard.left_s, "note": note,
    }  # fmt: skip


@contextmanager
def signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT ask to stop; the second time they kill. Only the main thread can hear them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def asked(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
