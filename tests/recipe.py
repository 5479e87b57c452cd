"""What tests of the whole recipe share: quick settings, and ways to look at a run and to end it."""

import shutil
from dataclasses import replace
from pathlib import Path

from oberih.progress import Event, Progress
from oberih.reconstruct import Result, Settings, preset_settings

FILES = {"model.glb", "mesh.ply", "points.ply", "preview.png", "paradata.json", "report.html", "report.json"}


def quick() -> Settings:
    """Less than a draft: the photos are small."""
    draft = preset_settings("draft")
    return replace(
        draft,
        depth=replace(draft.depth, max_size=480),
        texture=replace(draft.texture, triangles=40_000, max_size=2048),
        fidelity=replace(draft.fidelity, left_out=1),
    )


def names(events: list[Event], kind: str) -> list[str]:
    return [event.stage for event in events if event.kind == kind]


def copied(made: Result, tmp_path: Path) -> Path:
    shutil.copytree(made.out, tmp_path / "copy")
    return tmp_path / "copy"


def stop_in(stage: str) -> Progress:
    progress = Progress()

    def listen(event: Event) -> None:
        if event.kind == "tick" and event.stage == stage:
            progress.stop.set()

    progress.listener = listen
    return progress
