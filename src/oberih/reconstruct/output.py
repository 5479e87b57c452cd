"""The folder of a result: what lands in it, in which order, and how it never looks whole before it is.

A result is put together in ``work/ready`` and takes the place of the one before in one go, ``report.json``
first away and last there: a folder without it holds no result. ``work/result.json`` records what was put
here. Only files found as recorded are ever replaced or removed; a folder in which something else has the
name of a result's file is refused.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from oberih.errors import Cancelled, OutputError
from oberih.i18n import say
from oberih.reconstruct.stages import out_of_room, read_json, write_whole

__all__ = ["FILES", "SPARSE", "Output", "made_by_oberih"]

FILES = ("model.glb", "mesh.ply", "points.ply", "preview.png", "paradata.json", "report.html", "report.json")
LODS = "model.lod*.glb"
SPARSE = ("cameras.bin", "images.bin", "points3D.bin", "frames.bin", "rigs.bin")
LOCK = "oberih.lock"  # in work/: held by a run, and the sign by which a folder is known as ours
LOG = "error.log"  # in work/: what the command line leaves of a defect, maybe before there is a lock
OTHER_FOLDER = "Choose another folder for the result with -o."
RESULT = "result.json"  # in work/: the key of the result that is there, and which files were put there


class Output:
    """The folder ``out``; use `opened` to get one."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.work = out / "work"
        self.ready = self.work / "ready"
        self.lock: IO[str] | None = None

    @classmethod
    @contextmanager
    def opened(cls, out: Path) -> Iterator["Output"]:
        """Make the folder if need be, and keep other runs out of it."""
        if "\0" in str(out):
            raise OutputError(say("{out} cannot be the name of a folder.", out=out), OTHER_FOLDER)
        output = cls(out)
        with out_of_room(out):
            if out.exists() and not out.is_dir():
                raise OutputError(say("{out} is a file, not a folder.", out=out), OTHER_FOLDER)
            if not (output.work / LOCK).is_file():
                output.refuse_foreign()  # before anything is made here
            output.work.mkdir(parents=True, exist_ok=True)
            lock = (output.work / LOCK).open("a")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise OutputError(
                    say("Another run is working in {out}.", out=out),
                    "Wait until it has ended, or choose another folder with -o.",
                ) from error
            with out_of_room(out):
                output.refuse_foreign()
            output.lock = lock
            try:
                yield output
            except Cancelled:
                raise
            except Exception as error:  # of any kind: this is about where it happened
                output.check_held(error)
                raise

    def check_held(self, error: Exception | None = None) -> None:
        """Raise `OutputError` if somebody took the folder, or something in it, away since it was opened.

        ``error`` is what went wrong, maybe for that reason.
        """
        name = error.filename if isinstance(error, FileNotFoundError) else None
        lost = name is not None and Path(str(name)).is_relative_to(self.out)
        try:
            assert self.lock is not None
            held = os.path.samestat((self.work / LOCK).stat(), os.fstat(self.lock.fileno()))
        except OSError:
            held = False
            if self.work.is_dir():  # what a stage has made there since is ours: the next run must know
                with suppress(OSError):
                    (self.work / LOCK).touch()
        if lost or not held:
            raise OutputError(
                say("{out}, or something in it, was removed while Oberih worked there.", out=self.out),
                "Run the same command again: what was removed is made anew.",
            ) from error

    def refuse_foreign(self) -> None:
        """Stop if something here that Oberih did not make has the name of something that it makes."""
        record = self.record()
        foreign = [path for path in self.paths() if not recorded(path, record.get(self.name(path)))]
        if self.work.is_dir() and not (self.work / LOCK).is_file():
            foreign += [path for path in self.work.iterdir() if path.name != LOG]
        elif not self.work.is_dir() and os.path.lexists(self.work):
            foreign.append(self.work)
        if (self.out / "sparse").exists() and not (self.out / "sparse").is_dir():
            foreign.append(self.out / "sparse")
        if foreign:
            raise OutputError(
                say(
                    "{out} holds files that Oberih did not make, or that were changed since: {name}.",
                    out=self.out, name=self.name(min(foreign)),
                ),
                OTHER_FOLDER,
            )  # fmt: skip

    def holds(self, key: str) -> bool:
        """Whether the folder already holds the whole result of ``key``."""
        record = self.record()
        return (
            read_json(self.work / RESULT).get("key") == key
            and "report.json" in record
            and all(recorded(self.out / name, stamps) for name, stamps in record.items())
        )

    def place(self, source: Path, name: str) -> None:
        """Let a stage's file ``source`` be part of the result as ``name``: a second link, else a copy."""
        target = self.target(name)
        with out_of_room(self.out):
            try:
                os.link(source, target)
            except OSError:
                shutil.copy2(source, target)

    def write(self, name: str, data: str | bytes) -> None:
        """Let ``data`` be part of the result as ``name``."""
        target = self.target(name)
        with out_of_room(self.out):
            write_whole(target, data)

    def target(self, name: str) -> Path:
        """Where the file ``name`` of the next result belongs until all are there."""
        path = self.ready / name
        with out_of_room(self.out):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
        return path

    def begin(self) -> None:
        """Nothing is ready yet."""
        with out_of_room(self.out):
            if self.ready.exists():
                shutil.rmtree(self.ready)

    def publish(self, key: str) -> None:
        """Let what is ready take the place of the result before, as the result of ``key``."""
        self.check_held()
        with out_of_room(self.out):
            before = self.record()
            ready = {
                path.relative_to(self.ready).as_posix(): path
                for path in sorted(self.ready.rglob("*"))
                if path.is_file()
            }
            new = {name: stamp(path) for name, path in ready.items()}
            # Were this cut short, the next run must know the files of both results as its own.
            both = {name: list(stamps) for name, stamps in before.items()}
            for name, one in new.items():
                both.setdefault(name, []).append(one)
            self.keep("", both)
            (self.out / "report.json").unlink(missing_ok=True)
            for name, known in before.items():
                if name not in ready and recorded(self.out / name, known):
                    (self.out / name).unlink()
            for name in sorted(ready, key=lambda name: (name == "report.json", name)):
                move(ready[name], self.out / name)
            self.keep(key, {name: [one] for name, one in new.items()})
            shutil.rmtree(self.ready)

    def keep(self, key: str, files: dict[str, list[dict[str, Any]]]) -> None:
        write_whole(self.work / RESULT, json.dumps({"key": key, "files": files}, indent=1, sort_keys=True))

    def record(self) -> dict[str, list[dict[str, Any]]]:
        """By its name, what each file that Oberih put here may look like."""
        files = read_json(self.work / RESULT).get("files", {})
        return {name: stamps for name, stamps in files.items() if isinstance(stamps, list)}

    def name(self, path: Path) -> str:
        return path.relative_to(self.out).as_posix()

    def paths(self) -> list[Path]:
        """What is there under the names of a result's files."""
        found = [self.out / "sparse" / name for name in SPARSE]
        found += [*sorted(self.out.glob(LODS)), *(self.out / name for name in FILES)]
        return [path for path in found if os.path.lexists(path)]


def stamp(path: Path) -> dict[str, Any]:
    """What a file is known by again."""
    status = path.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": sha256(path)}


def recorded(path: Path, stamps: list[dict[str, Any]] | None) -> bool:
    """Whether the file at ``path`` is one of those with these ``stamps``."""
    if not stamps or path.is_symlink() or not path.is_file():
        return False
    status = path.stat()
    alike = [one for one in stamps if one["bytes"] == status.st_size]
    if any(one["mtime_ns"] == status.st_mtime_ns for one in alike):
        return True
    # The folder may have been copied, which keeps contents but not always times.
    return bool(alike) and sha256(path) in {one["sha256"] for one in alike}


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def move(source: Path, target: Path) -> None:
    """Let ``source`` appear as ``target`` in one step."""
    target.parent.mkdir(exist_ok=True)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(target.name + ".part")  # work/ is a link to another disk
        shutil.copy2(source, part)
        part.replace(target)


def made_by_oberih(path: Path) -> bool:
    """Whether ``path`` is a file of a run, this or any other, rather than something given."""
    resolved = Path(os.path.realpath(path))  # unlike resolve(), not troubled by links in a circle
    for out in resolved.parents:
        if os.path.lexists(out / "work" / LOCK):  # False also where we may not look
            name = resolved.relative_to(out)
            if name.parts[0] == "work" or recorded(resolved, Output(out).record().get(name.as_posix())):
                return True
    return False
