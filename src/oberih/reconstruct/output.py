"""The folder of a result: what lands in it, in which order, and how it never looks whole before it is.

Finished files appear in one step each, ``report.json`` last: a folder without it holds no result. Only
files of the names below are ever replaced or removed; anything else in the folder is left alone.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from oberih.errors import OutputError
from oberih.i18n import say
from oberih.reconstruct.stages import out_of_room, read_json, write_whole

__all__ = ["FILES", "Output", "made_by_oberih"]

FILES = ("model.glb", "mesh.ply", "points.ply", "preview.png", "paradata.json", "report.html", "report.json")
LODS = "model.lod*.glb"
SPARSE = ("cameras.bin", "images.bin", "points3D.bin", "frames.bin", "rigs.bin")
LOCK = "oberih.lock"  # in work/: held by a run, and the sign by which a folder is known as ours
RESULT = "result.json"  # in work/: which inputs and settings the files above are the result of


class Output:
    """The folder ``out``; use `opened` to get one."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.work = out / "work"

    @classmethod
    @contextmanager
    def opened(cls, out: Path) -> Iterator["Output"]:
        """Make the folder if need be, and keep other runs out of it."""
        if out.exists() and not out.is_dir():
            raise OutputError(
                say("{out} is a file, not a folder.", out=out),
                "Choose another folder for the result with -o.",
            )
        with out_of_room(out):
            (out / "work").mkdir(parents=True, exist_ok=True)
            lock = (out / "work" / LOCK).open("a")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise OutputError(
                    say("Another run is working in {out}.", out=out),
                    "Wait until it has ended, or choose another folder with -o.",
                ) from error
            yield cls(out)

    def holds(self, key: str) -> bool:
        """Whether the folder already holds the whole result of ``key``."""
        record = read_json(self.work / RESULT)
        files = record.get("files", {})
        return record.get("key") == key and "report.json" in files and files == self.sizes()

    def clear(self) -> None:
        """Remove the result of another run; ``report.json`` first, so that nothing looks whole meanwhile."""
        with out_of_room(self.out):
            (self.work / RESULT).unlink(missing_ok=True)
            for path in reversed(self.paths()):
                path.unlink()

    def place(self, source: Path, name: str) -> Path:
        """Let a stage's file ``source`` appear as ``name``: a second link if the disk can, else a copy."""
        target = self.out / name
        part = target.with_name(target.name + ".part")
        with out_of_room(self.out):
            target.parent.mkdir(exist_ok=True)
            part.unlink(missing_ok=True)
            try:
                os.link(source, part)
            except OSError:
                shutil.copyfile(source, part)
            part.replace(target)
        return target

    def write(self, name: str, data: str | bytes) -> Path:
        with out_of_room(self.out):
            write_whole(self.out / name, data)
        return self.out / name

    def finish(self, key: str) -> None:
        """Remember that the files here are the result of ``key``."""
        with out_of_room(self.out):
            write_whole(self.work / RESULT, json.dumps({"key": key, "files": self.sizes()}, indent=1))

    def sizes(self) -> dict[str, int]:
        """Sizes of the result's files by their names."""
        return {str(path.relative_to(self.out)): path.stat().st_size for path in self.paths()}

    def paths(self) -> list[Path]:
        """The result's files that are there, ``report.json`` last."""
        found = [self.out / "sparse" / name for name in SPARSE]
        found += [*sorted(self.out.glob(LODS)), *(self.out / name for name in FILES)]
        return [path for path in found if path.is_file()]


def made_by_oberih(path: Path) -> bool:
    """Whether ``path`` is a file of a result, of this run or any other, rather than something given."""
    resolved = path.resolve()
    return any(
        (out / "work" / LOCK).is_file() and own(resolved.relative_to(out).parts) for out in resolved.parents
    )


def own(parts: tuple[str, ...]) -> bool:
    """Whether a file at ``parts``, seen from OUT, is one that runs make."""
    return parts[0] in ("work", "sparse") or (
        len(parts) == 1 and (parts[0] in FILES or PurePath(parts[0]).match(LODS))
    )
