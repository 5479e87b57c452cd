"""Stages: work that is done once, kept in a folder, and done again only when what it depends on changed.

A stage owns ``WORK/<name>/``. Its key is the hash of its inputs' hashes, its settings and the version
of its code. The folder is complete once ``stage.json`` (the key, the files, the costs) is there: it is
written last, in one step. Until then ``begun.json`` holds the key, so that work cut short is found again
by the next run with the same key, and thrown away by a run with another. Keys chain (the key of a stage
is an input of the next), so a change early on redoes everything after it.
"""

import dataclasses
import errno
import hashlib
import json
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oberih.errors import OutputError, StageFailed
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["Cost", "Stage", "Stages", "content_hash", "out_of_room", "write_whole"]

DONE, BEGUN = "stage.json", "begun.json"
UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ENOENT)


@dataclass(frozen=True)
class Cost:
    """What a stage took, over all runs that worked on it. Child processes are counted."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0  # of the largest process, up to the end of the stage

    def __add__(self, other: "Cost") -> "Cost":
        peak = max(self.peak_bytes, other.peak_bytes)
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s, peak)


@dataclass(frozen=True)
class Stage:
    """A finished stage."""

    name: str
    folder: Path
    key: str
    cost: Cost
    reused: bool  # it was already there


@dataclass
class Stages:
    """The stages of one result. ``finished`` lists them in the order in which they were asked for."""

    work: Path
    progress: Progress
    finished: list[Stage] = dataclasses.field(default_factory=list)

    def run(
        self,
        name: str,
        make: Callable[[Path], object],
        *,
        version: str,
        settings: object,
        inputs: Sequence[str],
    ) -> Stage:
        """The stage ``name``, made by ``make(folder)`` unless the same was made before.

        ``version`` says which code made it, ``inputs`` are keys of other stages and hashes of files.
        """
        self.progress.check()
        folder = self.work / name
        key = content_hash([name, version, settings, list(inputs)])
        stage = self._complete(name, folder, key)
        if stage is not None:
            self.progress.reused(name)
        else:
            stage = self._make(name, folder, key, make)
        self.finished.append(stage)
        return stage

    def _complete(self, name: str, folder: Path, key: str) -> Stage | None:
        record = read_json(folder / DONE)
        if record.get("key") != key:
            return None
        for file, size in record["files"].items():
            path = folder / file
            if not path.is_file() or path.stat().st_size != size:
                (folder / DONE).unlink()  # somebody took a part away: make it again
                self._part_from_results(folder, record["files"])
                return None
        return Stage(name, folder, key, Cost(**record["cost"]), reused=True)

    @staticmethod
    def _part_from_results(folder: Path, files: Iterable[str]) -> None:
        """Remove files that are links to those of a published result, lest they are written over there."""
        for file in files:
            path = folder / file
            if path.is_file() and path.stat().st_nlink > 1:
                path.unlink()

    def _make(self, name: str, folder: Path, key: str, make: Callable[[Path], object]) -> Stage:
        begun = read_json(folder / BEGUN)
        with out_of_room(folder):
            if begun.get("key") != key:
                begun = {}
                remove(folder)
                folder.mkdir(parents=True)
                write_whole(folder / BEGUN, json.dumps({"key": key}))
        cost = Cost(**begun.get("cost", {}))
        began = spent()
        try:
            with out_of_room(folder):
                make(folder)
                cost += since(began)
                files = {
                    str(path.relative_to(folder)): path.stat().st_size
                    for path in sorted(folder.rglob("*"))
                    if path.is_file() and path.name not in (DONE, BEGUN)
                }
                record = {"key": key, "files": files, "cost": dataclasses.asdict(cost)}
                write_whole(folder / DONE, json.dumps(record, indent=1))
        except BaseException:
            try:  # so that the next run knows what this one spent; not worth hiding the real error
                total = dataclasses.asdict(cost + since(began))
                write_whole(folder / BEGUN, json.dumps({"key": key, "cost": total}))
            except OSError:
                pass
            raise
        return Stage(name, folder, key, cost, reused=False)


def remove(folder: Path) -> None:
    """Remove a stage's folder; one that no stage made is somebody's and stays."""
    if not folder.exists():
        return
    if not any((folder / name).is_file() for name in (DONE, BEGUN)) and any(folder.iterdir()):
        raise OutputError(
            say("{folder} holds files that Oberih did not make.", folder=folder),
            "Choose another folder for the result with -o.",
        )
    shutil.rmtree(folder)


def content_hash(value: object) -> str:
    """SHA-256 of a value made of dataclasses, sequences, mappings, paths' names and plain values."""

    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return {"": type(item).__name__, **dataclasses.asdict(item)}
        if isinstance(item, Path):
            return str(item)
        raise TypeError(f"{type(item).__name__} has no content hash")

    return hashlib.sha256(json.dumps(value, default=plain, sort_keys=True).encode()).hexdigest()


def write_whole(path: Path, data: str | bytes) -> None:
    """Write a file that appears whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data.encode() if isinstance(data, str) else data)
    part.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty if there is none."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def out_of_room(folder: Path) -> Iterator[None]:
    """Turn the system's errors about disk and memory into ours, with advice."""
    try:
        yield
    except (OSError, StageFailed) as error:
        number = getattr(error, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT) or (number not in UNWRITABLE and full(folder)):
            raise OutputError(
                say("The disk that holds {folder} is full.", folder=folder),
                "Free some space and run the same command again: it goes on from what is already there.",
            ) from error
        if isinstance(error, OSError) and (
            (number in UNWRITABLE and number != errno.ENOENT)
            or Path(str(error.filename)).is_relative_to(folder)
        ):
            raise OutputError(
                say("Cannot write to {folder}: {reason}.", folder=folder, reason=error.strerror or "?"),
                "Choose another folder with -o, one that you may write to.",
            ) from error
        raise
    except MemoryError as error:
        raise StageFailed(
            "There is not enough memory for this step.",
            "Close other programs, or use --preset draft. What is already done is kept.",
        ) from error


def full(folder: Path) -> bool:
    """Whether the disk under ``folder`` has no room left. Libraries that write files of their own
    report a full disk in words of their own, or as a short write, so the disk itself is asked."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return usage.total > 0 and usage.free < 1 << 20  # /proc and the like have no room at all


def spent() -> Cost:
    """What this process and its finished children have used so far."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(time.monotonic(), cpu, max(own.ru_maxrss, children.ru_maxrss) * unit)


def since(began: Cost) -> Cost:
    now = spent()
    return Cost(now.wall_s - began.wall_s, now.cpu_s - began.cpu_s, now.peak_bytes)
