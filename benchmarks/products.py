"""What making the public files of a large model costs: processor time, memory, and the files' sizes.

    python benchmarks/products.py [--triangles 1000000] [--texture 4096] [--times 3]

Each run is a process of its own; the median is told. "memory" is its highest resident memory beyond what the
process had with the model loaded and all libraries warm, as a multiple of the model's own arrays. Results:
benchmarks/results/products.md.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from formats import arrays, highest, model, reset_peak
from harness import keep, machine
from oberih.formats import Model
from oberih.products import Choices, make_public
from oberih.progress import Event, Progress

MOST = 4.0  # times the model's memory
STEPS = ("frame, grid and texels", "largest size", "model.glb and its medium level", "poster and turntable",
         "small level, AR", "downloads")  # fmt: skip


def child(triangles: int, texture: int) -> None:
    """One run in this process."""
    whole = model(triangles, texture)
    given = Model((replace(whole.parts[0], normals=None),))
    kept = arrays(given.parts[0])
    del whole
    marks = [0.0]

    def listen(event: Event) -> None:
        if event.kind == "tick" and event.stage == "public files":
            marks.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        small = Model(model(2000, 64).parts)
        make_public(small, Path(folder, "warm"), Choices.model_validate({"turntable": 1}))
        before = reset_peak()
        wall, marks[0] = time.perf_counter(), time.process_time()
        made = make_public(given, Path(folder, "out"), progress=Progress(listen))
        wall, cpu = time.perf_counter() - wall, time.process_time() - marks[0]
        steps = [end - start for start, end in itertools.pairwise(marks)]
        files = {file.path: file.bytes for file in made.manifest.files if file.role != "turntable"}
        files["turntable/"] = sum(file.bytes for file in made.manifest.of("turntable"))
        told = {"wall": wall, "cpu": cpu, "memory": (highest() - before) / kept, "steps": steps}
        print(json.dumps(told | {"files": files}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--triangles", type=int, default=1_000_000)
    parser.add_argument("--texture", type=int, default=4096)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--child", action="store_true")
    options = parser.parse_args()
    if options.child:
        child(options.triangles, options.texture)
        return 0
    command = [sys.executable, __file__, "--child", "--triangles", str(options.triangles)]
    command += ["--texture", str(options.texture)]
    runs = [
        json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
        )
        for _ in range(options.times)
    ]
    wall, cpu, memory = (statistics.median(run[key] for run in runs) for key in ("wall", "cpu", "memory"))
    steps = [statistics.median(run["steps"][n] for run in runs) for n in range(len(STEPS))]
    lines = [
        f"# Public files of {options.triangles:,} triangles with a texture of {options.texture} pixels", "",
        f"`python benchmarks/products.py`, {machine()}; median of {options.times}.", "",
        f"{cpu:.0f} CPU-seconds ({wall:.0f} s), {memory:.1f} times the model's memory.", "",
        "| step | CPU, s |", "| --- | ---: |",
        *(f"| {name} | {seconds:.1f} |" for name, seconds in zip(STEPS, steps, strict=True)), "",
        "| file | MB |", "| --- | ---: |",
        *(f"| {name} | {size / 1e6:.2f} |" for name, size in runs[0]["files"].items()),
    ]  # fmt: skip
    record = {"cpu_s": cpu, "wall_s": wall, "memory": memory, "files": runs[0]["files"]}
    keep("products", record, "\n".join(lines))
    if memory > MOST:
        print(f"{memory:.1f} times the model's memory", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
