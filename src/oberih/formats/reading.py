"""Reads a stranger's 3D file in a process of its own, with an end to its memory and time.

A file that makes a library crash, loop or swallow all memory costs one child process, and the person gets an
error that says so. The child leaves plain arrays in a folder; nothing it says is run.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

import oberih
from oberih.errors import Cancelled, InputError, UnreadableModel
from oberih.formats.model import Model
from oberih.formats.registry import FORMATS, format_named, formats_of
from oberih.geometry import Camera, Mesh, PointCloud, Pose, Scene, View
from oberih.i18n import from_json, say, to_json
from oberih.progress import Progress

__all__ = ["Limits", "read_model"]

POLL_S = 0.2
TOLD = "told.json"


@dataclass(frozen=True)
class Limits:
    """What reading one file may take."""

    memory_bytes: int = 0  # 0: by the size of the file, see `for_file`
    seconds: int = 0

    def for_file(self, size: int) -> "Limits":
        """Two gigabytes and forty times the file; a minute, and a second for each megabyte."""
        memory = self.memory_bytes or min((2 << 30) + 40 * size, installed_memory())
        return Limits(memory, self.seconds or 60 + size // 1_000_000)


def read_model(
    path: Path, name: str = "", *, limits: Limits | None = None, progress: Progress | None = None
) -> Model:
    """What the file ``path`` holds. ``name``: of its format, if the file's name does not tell.

    Raises `UnreadableModel` with the reason, `InputError` if there is no such file or no such format.
    """
    path, progress = Path(path), progress or Progress()
    if not path.is_file():
        raise InputError(say("There is no file {path}.", path=path), "Check the spelling of the path.")
    names = [format_named(name).name] if name else [one.name for one in formats_of(path)]
    if not names:
        known = ", ".join(sorted({one.extension for one in FORMATS if one.reads}))
        raise InputError(
            say("{path} has no ending of a 3D format that can be imported.", path=path.name),
            say("These can: {names}", names=known),
        )
    folder = Path(tempfile.mkdtemp(prefix="oberih-read-"))
    try:
        run(path, names[0], folder, (limits or Limits()).for_file(path.stat().st_size), progress)
        return taken_in(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(path: Path, name: str, folder: Path, limits: Limits, progress: Progress) -> None:
    """Let the child read. Raises what it says, or how it died."""
    source = str(Path(oberih.__file__).parents[1])
    paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1",
        "TMPDIR": str(folder), "OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1",
    }  # fmt: skip
    job = [str(path.absolute()), name, str(folder), str(limits.memory_bytes), str(limits.seconds)]
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "oberih.formats.reading", *job], env=environment, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    waited = 0.0
    try:
        while waited < 4 * limits.seconds + 10:  # a busy machine may need more than processor seconds
            try:
                child.wait(POLL_S)
                break
            except subprocess.TimeoutExpired:
                waited += POLL_S
                progress.check()
    except Cancelled:
        raise
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    if child.returncode == 0:
        return
    told = folder / TOLD
    if child.returncode == 3 and told.is_file():
        raise UnreadableModel(*(from_json(text) for text in json.loads(told.read_text())))
    raise died(path, child.returncode, limits)


def died(path: Path, code: int, limits: Limits) -> UnreadableModel:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return UnreadableModel(
            say("Reading {path} took longer than {count} seconds.", path=path.name, count=limits.seconds),
            DAMAGED,
        )
    if code == 4:
        size = f"{limits.memory_bytes / 1e9:.1f}"
        return UnreadableModel(
            say("Reading {path} needs more than {size} GB of memory.", path=path.name, size=size), DAMAGED
        )
    return UnreadableModel(say("{path} is damaged: reading it broke off.", path=path.name), DAMAGED)


DAMAGED = "Most likely the file is damaged, or not what its name says. Export it again where it was made."


def installed_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


# -- from and to the child -----------------------------------------------------------------------------------


def left_behind(model: Model, folder: Path) -> None:
    """Write a model as arrays."""
    told: dict[str, Any] = {
        "parts": len(model.parts), "scale_known": model.scale_known, "origin": model.origin.tolist(),
        "notes": [to_json(note) for note in model.notes], "points": model.points is not None, "views": None,
    }  # fmt: skip
    for number, part in enumerate(model.parts):
        save(part, folder, f"part{number}")
    if model.points is not None:
        save(model.points, folder, "points")
    if model.cameras is not None:
        save(model.cameras, folder, "cameras")
        told["views"] = [view_as_plain(view) for view in model.cameras.views]
    (folder / TOLD).write_text(json.dumps(told))


def taken_in(folder: Path) -> Model:
    """The way back."""
    told = json.loads((folder / TOLD).read_text())
    parts = tuple(Mesh(**loaded(folder, f"part{number}")) for number in range(told["parts"]))
    points = PointCloud(**loaded(folder, "points")) if told["points"] else None
    cameras = None
    if told["views"] is not None:
        views = tuple(view_from_plain(view) for view in told["views"])
        cameras = Scene(views, **loaded(folder, "cameras"))
    return Model(
        parts,
        points,
        cameras,
        bool(told["scale_known"]),
        np.array(told["origin"]),
        tuple(from_json(note) for note in told["notes"]),
    )


def save(shape: Mesh | PointCloud | Scene, folder: Path, name: str) -> None:
    for one in fields(shape):
        value = getattr(shape, one.name)
        if isinstance(value, np.ndarray):
            np.save(folder / f"{name}.{one.name}.npy", value, allow_pickle=False)


def loaded(folder: Path, name: str) -> dict[str, Any]:
    found: Iterator[Path] = folder.glob(f"{name}.*.npy")
    return {path.name.split(".")[1]: np.load(path, allow_pickle=False) for path in found}


def view_as_plain(view: View) -> dict[str, Any]:
    camera, pose = view.camera, view.pose
    return {
        "name": view.name,
        "camera": {one.name: plain(getattr(camera, one.name)) for one in fields(camera)},
        "pose": {one.name: plain(getattr(pose, one.name)) for one in fields(pose)},
    }


def view_from_plain(told: dict[str, Any]) -> View:
    camera: dict[str, Any] = told["camera"]
    pose = {key: np.array(value) for key, value in told["pose"].items()}
    return View(name=told["name"], camera=Camera(**camera), pose=Pose(**pose))


def plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def main() -> None:
    """The child: read, leave arrays, and say in the exit code how it went."""
    path, name, folder, memory, seconds = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    try:
        model = format_named(name).read(Path(path))
        left_behind(model, Path(folder))
    except MemoryError:
        os._exit(4)
    except Exception as error:  # noqa: BLE001 -- a library's word on a broken file can be of any kind
        if isinstance(error, InputError):
            said = [error.message, error.advice]
        else:  # what a library says of a broken file
            problem = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            said = [say("{path} is damaged: {problem}.", path=Path(path).name, problem=problem), DAMAGED]
        Path(folder, TOLD).write_text(json.dumps([to_json(text) for text in said]))
        os._exit(3)
    os._exit(0)  # libraries that hang in their own ending cannot hold us


if __name__ == "__main__":
    main()
