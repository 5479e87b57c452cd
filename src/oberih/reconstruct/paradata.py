"""Paradata: how a result came about, so that others can judge and repeat it (London Charter, principle 4).

Software, settings, the inputs' hashes, what each stage took, and the machine: but nothing that says whose
machine it was (no host or user name, no paths).
"""

import dataclasses
import json
import os
import platform
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from pydantic import Field

from oberih import __version__
from oberih.capture import Photo
from oberih.reconstruct.figures import Model, StageReport
from oberih.reconstruct.stages import Stage

__all__ = ["Input", "Machine", "Paradata", "describe", "machine", "now", "plain", "software", "stage_reports"]

LIBRARIES = (
    "numpy", "scipy", "opencv-python-headless", "pillow", "pi-heif", "rawpy", "pycolmap", "warp-lang",
    "fast-simplification", "pydantic", "jinja2",
)  # fmt: skip


class Input(Model):
    """A photo that the result was made from."""

    name: str
    sha256: str
    bytes: int


class Machine(Model):
    processor: str
    cores: int = Field(description="that this process may use")
    memory_bytes: int | None
    system: str
    architecture: str


class Paradata(Model):
    """The contents of ``paradata.json``."""

    schema_version: str = "1"
    made_at: str = Field(description="UTC, ISO 8601, when the result was complete")
    software: dict[str, str]
    preset: str
    settings: dict[str, object]
    inputs: tuple[Input, ...]
    stages: tuple[StageReport, ...] = Field(description="a reused stage shows what it took when it was made")
    wall_s: float
    cpu_s: float = Field(description="of all stages, child processes included")
    peak_bytes: int = Field(description="of the largest process")
    machine: Machine


def software() -> dict[str, str]:
    """Versions of Oberih, Python and the libraries that do the work."""
    versions = {"oberih": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "unknown"
    return versions


def machine() -> Machine:
    """What the work ran on."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        processor = models[0] if models else processor
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = None
    if {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= os.sysconf_names.keys():
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    system = f"{platform.system()} {platform.release()}"
    if hasattr(platform, "freedesktop_os_release"):
        with suppress(OSError, KeyError):  # without /etc/os-release the kernel describes the system
            system = f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {system}"
    return Machine(
        processor=processor, cores=cores, memory_bytes=memory, system=system, architecture=platform.machine()
    )


def stage_reports(stages: Iterable[Stage]) -> tuple[StageReport, ...]:
    return tuple(
        StageReport(
            name=stage.name,
            wall_s=round(stage.cost.wall_s, 3),
            cpu_s=round(stage.cost.cpu_s, 3),
            peak_bytes=stage.cost.peak_bytes,
            reused=stage.reused,
        )
        for stage in stages
    )


def plain(settings: object) -> dict[str, object]:
    """A settings dataclass as plain values."""
    if not dataclasses.is_dataclass(settings) or isinstance(settings, type):
        raise TypeError(f"{type(settings).__name__} is not a settings object")
    values: dict[str, object] = json.loads(json.dumps(dataclasses.asdict(settings)))
    return values


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe(stages: Sequence[Stage], settings: object, preset: str, photos: Iterable[Photo]) -> Paradata:
    """How the result of ``stages`` came about."""
    reports = stage_reports(stages)
    return Paradata(
        made_at=now(),
        software=software(),
        preset=preset,
        settings=plain(settings),
        inputs=tuple(Input(name=p.name, sha256=p.sha256, bytes=p.bytes) for p in photos),
        stages=reports,
        wall_s=round(sum(stage.wall_s for stage in reports), 3),
        cpu_s=round(sum(stage.cpu_s for stage in reports), 3),
        peak_bytes=max((stage.peak_bytes for stage in reports), default=0),
        machine=machine(),
    )
