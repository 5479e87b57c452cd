"""Quadric edge collapse in a process of its own: the library keeps its working memory (300 bytes a face)
for as long as its process lives, which would stay with the caller through all later stages."""

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
from numpy.typing import NDArray

from oberih.errors import StageFailed
from oberih.progress import Progress
from oberih.reconstruct._child import POLL_S, child_environment

__all__ = ["collapse"]

AGGRESSIVENESS = 7.0  # of fast-simplification: its default, good quality at moderate speed

Arrays = tuple[NDArray[np.float32], NDArray[np.int32]]


def collapse(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], triangles: int, progress: Progress
) -> Arrays:
    """``(V, 3)`` vertices and ``(F, 3)`` faces of about ``triangles`` triangles (Garland & Heckbert 1997).

    Raises `Cancelled` when ``progress`` asks to stop (the child is killed), `StageFailed` when it dies.
    """
    given = io.BytesIO()
    np.savez(given, vertices=vertices, faces=faces, triangles=triangles)
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "oberih.reconstruct.texture.collapse"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=child_environment(), start_new_session=True,  # Ctrl-C is for the caller, who asks it to stop
    )  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(child.communicate, given.getvalue())
        try:
            while not wait([answer], POLL_S).done:
                progress.check()
        finally:
            child.kill()  # nothing, if it has ended
    if child.returncode != 0:
        progress.check()
        raise StageFailed(
            "The surface could not be simplified: the process that does it ended early.",
            "If memory was short, close other programs or use --preset draft; then run it again.",
        )
    with np.load(io.BytesIO(answer.result()[0]), allow_pickle=False) as made:
        return made["vertices"], made["faces"]


def main() -> None:
    """The child: arrays on standard input, arrays on standard output."""
    import fast_simplification

    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as given:
        moved, faces = fast_simplification.simplify(
            given["vertices"], given["faces"], target_count=int(given["triangles"]), agg=AGGRESSIVENESS
        )
    made = io.BytesIO()
    np.savez(made, vertices=moved.astype(np.float32), faces=faces.astype(np.int32))
    sys.stdout.buffer.write(made.getbuffer())


if __name__ == "__main__":
    main()
