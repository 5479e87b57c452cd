"""What the queues cost, on SQLite and on PostgreSQL: per job, with two workers, behind 35,000 others.

`.venv/bin/python benchmarks/work.py` writes results/work.md and ends with 1 if a bar is missed. CPU-seconds
are those of the process that enqueues, of the worker with its heartbeat, and of the database server.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from subprocess import Popen

import psutil

from harness import RESULTS, machine, table
from oberih.work.engine import Engine, EngineSettings, Job, step, workflow

BAR_COST_MS, BAR_TWO, BAR_SLOWER, BAR_GROWTH_MB, BAR_TAKE_OVER_S = 50, 1.8, 2.0, 50, 60
EMPTY, SLEEPS, SLEEP_S, BACKLOG, PEOPLE = 500, 60, 0.25, 35_000, 6_000
IDLE_S, SETTLE_S, NAP_S = 20, 3, 5


@step
def nothing(job: Job) -> None:
    pass


@step
def nap(job: Job, seconds: float) -> None:  # noqa: ARG001 - every step has one
    time.sleep(seconds)


@workflow("empty")
def empty(job: Job) -> None:
    nothing(job)


@workflow("sleep")
def sleep(job: Job, seconds: float) -> None:
    nap(job, seconds)


def engine_at(url: str) -> Engine:
    return Engine(EngineSettings(url, at_once={"light": 1}))


class Bench:
    """Measures with one database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = engine_at(url)
        self.engine.prepare()
        self.number = 0
        self.server = server(url)

    def enqueue(
        self, name: str, count: int, person: Callable[[int], str] = lambda _: "", **args: float
    ) -> None:
        for i in range(count):
            self.number += 1
            self.engine.enqueue(name, f"{name}/{self.number}", queue="light", person=person(i), args=args)

    def waiting(self) -> int:
        """How many jobs are not done."""
        return sum(self.engine.counts().values())

    def until(self, condition: Callable[[], bool], pause_s: float = 0.02) -> float:
        began = time.monotonic()
        while not condition():
            time.sleep(pause_s)
        return time.monotonic() - began

    @contextmanager
    def workers(self, count: int) -> Iterator[list[psutil.Process]]:
        """Worker processes that have done something already."""
        processes = [Popen([sys.executable, __file__, "--work", self.url]) for _ in range(count)]
        try:
            self.until(lambda: self.engine.workers()["light"] == count)
            waiting = self.waiting()
            self.enqueue("empty", 20)  # they get their start behind them
            self.until(lambda: self.waiting() <= waiting)
            time.sleep(SETTLE_S)
            yield [psutil.Process(process.pid) for process in processes]
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()

    def cpu_s(self, workers: list[psutil.Process]) -> float:
        every = [process for worker in workers for process in (worker, *worker.children())]
        return sum(map(cpu_of, every)) + time.process_time() + (cpu_of(self.server) if self.server else 0)

    # -- what is measured ------------------------------------------------------------------------------------

    def empty_jobs(self, workers: list[psutil.Process]) -> tuple[float, float]:
        """Milliseconds by the clock and of CPU for an empty job, from enqueueing to done."""
        began, cpu = time.monotonic(), self.cpu_s(workers)
        self.enqueue("empty", EMPTY)
        self.until(lambda: not self.waiting(), 0.1)
        return (time.monotonic() - began) * 1000 / EMPTY, (self.cpu_s(workers) - cpu) * 1000 / EMPTY

    def latencies(self) -> list[float]:
        """Milliseconds from enqueueing to done on an idle worker, sorted."""
        found = []
        for _ in range(20):
            time.sleep(1)
            key = f"latency/{time.monotonic()}"
            self.engine.enqueue("empty", key, queue="light")
            found.append(1000 * self.until(lambda key=key: self.engine.state(key).status == "done", 0.002))
        return sorted(found)

    def idle(self, workers: list[psutil.Process]) -> float:
        """CPU-milliseconds that an idle worker uses in a second."""
        cpu = self.cpu_s(workers)
        time.sleep(IDLE_S)
        return (self.cpu_s(workers) - cpu) * 1000 / IDLE_S

    def sleeping(self, count: int) -> float:
        """Jobs per second that workers do which sleep a quarter of a second each."""
        with self.workers(count):
            self.enqueue("sleep", SLEEPS, seconds=SLEEP_S)
            return SLEEPS / self.until(lambda: not self.waiting())

    def take_over(self) -> float:
        """Seconds from the end of a machine until the job that it had runs on another one."""
        with self.workers(2) as workers:
            self.enqueue("sleep", 1, seconds=NAP_S)
            self.until(lambda: bool(self.running()))
            time.sleep(1)
            victim = next(one for one in workers if one.pid in self.running())
            for process in (*victim.children(), victim):  # the heartbeat too: nobody is left to tell
                process.kill()
            took = self.until(lambda: bool(self.running() - {victim.pid}))
            self.until(lambda: not self.waiting())
            return took

    def running(self) -> set[int]:
        """Processes of the workers that run a job."""
        return {int(one.name.split("-")[-2]) for one in self.engine.machines() if one.running}

    def pages(self) -> list[float]:
        """Milliseconds for each page of 50 jobs, over the first hundred pages, sorted."""
        found, after = [], ""
        for _ in range(100):
            began = time.monotonic()
            after = self.engine.jobs(after=after).after
            found.append((time.monotonic() - began) * 1000)
        return sorted(found)

    def behind(self) -> dict[str, float]:
        """The same with many jobs in the queue, of many people."""
        began, marks = time.monotonic(), []
        for _ in range(BACKLOG // 1000):
            self.enqueue("empty", 1000, lambda i: f"person-{(self.number * 7919 + i) % PEOPLE}")
            marks.append(time.monotonic())
        each = [marks[0] - began, *(b - a for a, b in pairwise(marks))]
        pages = self.pages()
        with self.workers(1) as workers:
            memory = workers[0].memory_info().rss
            waiting = self.waiting()
            began, cpu = time.monotonic(), self.cpu_s(workers)
            self.until(lambda: self.waiting() <= waiting - 2000, 1)
            count = waiting - self.waiting()
            wall, cpu = time.monotonic() - began, self.cpu_s(workers) - cpu
            growth = workers[0].memory_info().rss - memory
        return {
            "enqueue_first": each[0], "enqueue_last": each[-1], "page": median(pages),
            "page_worst": pages[-1],
            "wall": wall * 1000 / count, "cpu": cpu * 1000 / count, "growth_mb": growth / 1e6,
        }  # fmt: skip


def cpu_of(process: psutil.Process) -> float:
    """CPU-seconds so far; of PostgreSQL those of all its processes, the ended ones too."""
    total = 0.0
    for one in (process, *process.children()) if process.name() == "postgres" else (process,):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    if process.name() == "postgres":
        times = process.cpu_times()
        total += times.children_user + times.children_system
    return total


def server(url: str) -> psutil.Process | None:
    folder = url.partition("host=")[2]
    for process in psutil.process_iter(["name", "cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if folder and process.info["name"] == "postgres" and folder in command and "-k" in command:
            return process
    return None


def measured(url: str) -> dict[str, float]:
    bench = Bench(url)
    with bench.workers(1) as workers:
        wall, cpu = bench.empty_jobs(workers)
        latencies = bench.latencies()
        idle = bench.idle(workers)
    one, two = bench.sleeping(1), bench.sleeping(2)
    take_over = bench.take_over()
    return {
        "wall": wall, "cpu": cpu, "latency": median(latencies), "latency_worst": latencies[-1], "idle": idle,
        "one": one, "two": two / one, "take_over": take_over,
        **{f"many_{name}": value for name, value in bench.behind().items()},
    }  # fmt: skip


LINES = {
    "wall": ("an empty job, enqueue to done, by the clock (ms)", BAR_COST_MS),
    "cpu": ("the same, CPU (ms)", BAR_COST_MS),
    "latency": ("enqueue to done on an idle worker, median (ms)", None),
    "latency_worst": ("the same, worst of 20 (ms)", None),
    "idle": ("an idle worker, CPU-ms in a second", None),
    "one": (f"jobs that sleep {SLEEP_S} s: one worker, jobs/s", None),
    "two": ("two workers against one", -BAR_TWO),
    "take_over": ("a machine dies: until its job runs on another one (s)", BAR_TAKE_OVER_S),
    "many_enqueue_first": (f"the first 1,000 of {BACKLOG:,} to enqueue (s)", None),
    "many_enqueue_last": ("the last 1,000 (s)", None),
    "many_page": ("a page of 50 jobs, median of 100 pages (ms)", BAR_COST_MS),
    "many_page_worst": ("the slowest of them (ms)", None),
    "many_wall": (f"an empty job with {BACKLOG:,} in the queue, by the clock (ms)", BAR_COST_MS),
    "many_cpu": ("the same, CPU (ms)", BAR_COST_MS),
    "many_growth_mb": ("growth of the worker's memory over 2,000 jobs (MB)", BAR_GROWTH_MB),
}


def met(value: float, bar: float | None) -> bool:
    """A bar below zero is one that the value has to reach."""
    return bar is None or (value >= -bar if bar < 0 else value <= bar)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--work", metavar="URL", help="be a worker")
    url = asked.parse_args().work
    if url:
        engine_at(url).run_worker(["light"])
        return
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from postgres import fresh_database

    with tempfile.TemporaryDirectory() as folder:
        found = {
            "SQLite": measured(f"sqlite:///{folder}/work.sqlite"),
            "PostgreSQL": measured(fresh_database()),
        }
    slower = {name: f["many_enqueue_last"] / f["many_enqueue_first"] for name, f in found.items()}
    rows = [
        (
            text,
            "" if bar is None else f"{'≥' if bar < 0 else '≤'} {abs(bar):g}",
            *(f"{f[key]:.3g}" for f in found.values()),
        )
        for key, (text, bar) in LINES.items()
    ]
    text = f"# The queues\n\n{machine()}\n\n{table(('what', 'bar', *found), rows)}\n"
    (RESULTS / "work.md").write_text(text)
    print(text)
    good = all(met(f[key], bar) for f in found.values() for key, (_, bar) in LINES.items())
    good &= all(factor <= BAR_SLOWER for factor in slower.values())
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
