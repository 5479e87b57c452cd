"""`oberih serve` and its worker, in which one thing is replaced: reconstructing.

    OBERIH_PREPARED=FOLDER python worker.py serve --data DATA --port N

The result comes from FOLDER/cloud or FOLDER/wall. All that follows is the real thing; only are its files
smaller than usual, in more formats, and cut into tiles as those of a large model are.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FORMATS = ("glb", "obj", "ply", "stl", "usdz", "fbx", "3mf", "gltf")
FLAG = "--as-worker"


def serve() -> None:
    from oberih.cli import main
    from oberih.web import serving

    serving.WORKER = (__file__, FLAG)
    main()


def work(data: str) -> None:
    from oberih.products import Choices, downloads, web
    from oberih.products import pictures as drawn
    from oberih.web import working
    from oberih.work.flow import modelling

    prepared = Path(os.environ["OBERIH_PREPARED"])

    def reconstruct(photos: Sequence[Path], out: Path, *_: Any, **__: Any) -> None:
        names = [path.name for folder in photos for path in folder.iterdir()]
        kind = "cloud" if any(name.startswith("cloud") for name in names) else "wall"
        shutil.copytree(prepared / kind, out, dirs_exist_ok=True)

    modelling.reconstruct = reconstruct  # type: ignore[assignment]
    downloads.SURFACE_DOWNLOADS = FORMATS  # type: ignore[assignment]
    web.USUAL = Choices.model_validate({"triangles": 300, "turntable": 2})
    drawn.POSTERS, drawn.SOCIAL = ((800, 100_000), (400, 50_000)), (800, 420, 100_000)
    drawn.TURNTABLE = (400, 300, 40_000)
    working.main(data)


if __name__ == "__main__":
    if sys.argv[1] == FLAG:
        work(sys.argv[2])
    else:
        serve()
