"""`oberih`, in which heavy work is replaced: files are small, and everything around them is the real thing.

    python standin.py serve --data FOLDER --port N
    python standin.py worker --data FOLDER

Reconstructing takes ``STANDIN_S`` seconds in which nothing is computed, and leaves a model of a few bytes;
what would be public of it is one picture. Faces are looked for in nothing.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from oberih.products.manifest import Manifest, PublicFile, Viewpoint
from oberih.progress import Progress

__all__ = ["PICTURE"]

PICTURE = b"a small picture"
STEP_S = 0.05


def reconstruct(photos: Sequence[Path], out: Path, *_: Any, progress: Progress, **__: Any) -> None:
    """What `oberih.reconstruct.reconstruct` leaves, without its work."""
    names = sorted(path.name for folder in photos for path in folder.iterdir())
    steps = max(1, round(float(os.environ.get("STANDIN_S", "0.2")) / STEP_S))
    with progress.stage("depth", steps) as stage:
        for _ in range(steps):
            time.sleep(STEP_S)
            stage.tick()
    out.mkdir(parents=True, exist_ok=True)
    report = {
        "scale": {"unit": "m"}, "photos": [{"name": name, "used": True} for name in names],
        "surface": {"triangles": 12, "size": [1.0, 2.0, 1.0]}, "error": {"total": {"value": 0.004}},
    }  # fmt: skip
    (out / "model.glb").write_bytes(b"glTF" + "".join(names).encode())
    (out / "paradata.json").write_text("{}")
    (out / "report.json").write_text(json.dumps(report))


def make_public(source: Path, out: Path, **_: Any) -> Any:
    """What `oberih.products.make_public` leaves, without its work."""
    out.mkdir(parents=True)
    (out / "poster.webp").write_bytes(PICTURE)
    file = PublicFile(
        path="poster.webp", role="poster", media_type="image/webp", bytes=len(PICTURE),
        sha256=hashlib.sha256(PICTURE).hexdigest(),
    )  # fmt: skip
    view = Viewpoint(eye=(0, 0, 1), target=(0, 0, 0), field_deg=40)
    manifest = Manifest(
        scale_known=True, unit="m", size=(1, 2, 1), step=1e-3, triangles=12, points=0, viewpoint=view,
        turntable_deg=(), files=(file,),
    )  # fmt: skip
    return SimpleNamespace(manifest=manifest)


def main() -> None:
    from oberih.web import serving
    from oberih.work.flow import drafting, modelling

    modelling.reconstruct = reconstruct  # type: ignore[assignment]
    drafting.make_public = make_public  # type: ignore[assignment]
    drafting.find = lambda _: ()  # type: ignore[assignment]
    if sys.argv[1] == "child":
        from oberih.web.working import main as work

        work(*sys.argv[2:])
        return
    serving.WORKER = (__file__, "child")
    from oberih.cli import main as command

    command()


if __name__ == "__main__":
    main()
