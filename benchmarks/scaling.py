"""How time grows with the number of photos: a rendered street, 25 to 200 photos, CPU-seconds per stage.

A camera walks along a street of textured walls, sphere and box every few metres, one photo each 30 cm: twice
the photos are twice the street, seen equally well. So everything should grow in proportion, and whatever does
not (pairing, bundle adjustment, sorting) shows. Also: what compiling the kernels costs a first run.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import chart
import harness
from oberih.geometry import Camera, View

sys.path.insert(0, str(harness.HOME / "tests"))
from synthetic import Rectangle, Shot, Sphere, World, box, look_at, render, write_photos

STEP_M, BLOCK_M = 0.3, 3.0


def block(number: int) -> tuple[Rectangle | Sphere, ...]:
    """Three metres of street: ground, wall, and something that stands in front of it."""
    x, seed = number * BLOCK_M, 100 + 10 * number
    ground = Rectangle(np.array([x, -1.6, 0]), np.array([BLOCK_M, 0, 0]), np.array([0, 3.0, 0]), seed)
    wall = Rectangle(np.array([x, 1.4, 0]), np.array([BLOCK_M, 0, 0]), np.array([0, 0, 2.2]), seed + 1)
    if number % 2:
        return ground, wall, Sphere(np.array([x + 1.5, 0.7, 0.5]), 0.45, seed + 2)
    return ground, wall, *box((x + 1.5, 0.7, 0), (0.8, 0.6, 0.9), 25, seed + 2)


def street(folder: Path, photos: int) -> None:
    """Write the photos of the first ``photos`` steps along the street, each rendered once."""
    camera = Camera(640, 480, 600, 600, 320, 240)
    blocks: dict[int, tuple[Rectangle | Sphere, ...]] = {}
    for i in range(photos):
        if (folder / f"photo-{i:03d}.jpg").exists():
            continue
        x = STEP_M * i
        near = range(int(x // BLOCK_M) - 3, int(x // BLOCK_M) + 4)
        blocks = {number: blocks.get(number) or block(number) for number in near}
        eye, aim = (x, -2.4, (1.2, 1.6)[i % 2]), (x + (0.5, -0.5)[i // 2 % 2], 1.4, 0.9)
        world = World(tuple(surface for number in near for surface in blocks[number]))
        shot: Shot = render(world, View(f"photo-{i:03d}.jpg", camera, look_at(eye, aim)), seed=i)
        write_photos([shot], folder)


def compile_cost(photos: Path, preset: str) -> Mapping[str, float]:
    """CPU-seconds and time by the clock that a first run needs beyond a later one."""
    cache, out = harness.BUILD / "kernels", harness.BUILD / "first"
    shutil.rmtree(cache, ignore_errors=True)
    runs = []
    for _ in range(2):
        shutil.rmtree(out, ignore_errors=True)
        runs.append(harness.oberih(photos, out, "--preset", preset, env={"WARP_CACHE_PATH": str(cache)}))
    first, later = runs
    if first.code or later.code:
        raise SystemExit(f"oberih reconstruct failed:\n{first.said}\n{later.said}")
    return {
        "first_cpu_s": first.cpu_s,
        "later_cpu_s": later.cpu_s,
        "compile_cpu_s": first.cpu_s - later.cpu_s,
        "compile_clock_s": first.wall_s - later.wall_s,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--photos", type=int, nargs="+", default=[25, 50, 100, 200])
    parser.add_argument("--resume", action="store_true", help="keep what an earlier call has finished")
    options = parser.parse_args()
    everything = harness.BUILD / "street"
    counts, costs, peaks, used = sorted(options.photos), [], [], []
    street(everything, counts[-1])
    for count in counts:
        photos, out = harness.BUILD / f"street-{count}", harness.BUILD / f"street-{count}-out"
        finished = options.resume and (out / "report.json").exists()
        if not finished:
            for folder in (photos, out):
                shutil.rmtree(folder, ignore_errors=True)
            photos.mkdir()
            for path in sorted(everything.iterdir())[:count]:
                (photos / path.name).hardlink_to(path)
            print(f"{count} photos ...", file=sys.stderr, flush=True)
            run = harness.oberih(photos, out, "--preset", options.preset)
            if run.code:
                raise SystemExit(f"oberih reconstruct failed with {count} photos:\n{run.said}")
        costs.append(harness.stage_costs(out))
        paradata = json.loads((out / "paradata.json").read_bytes())
        peaks.append(max(stage["peak_bytes"] for stage in paradata["stages"]) / 2**30)
        used.append(sum(photo["used"] for photo in harness.report(out)["photos"]))
    compiling = compile_cost(harness.BUILD / f"street-{counts[0]}", options.preset)

    names = list(costs[-1])
    rows = [[name, *(f"{cost.get(name, 0):.1f}" for cost in costs)] for name in names]
    totals = [sum(cost.values()) for cost in costs]
    rows.append(["**all**", *(f"**{total:.0f}**" for total in totals)])
    rows.append(["per photo", *(f"{total / count:.2f}" for total, count in zip(totals, counts, strict=True))])
    rows.append(["photos in the model", *used])
    rows.append(["largest process, GiB", *(f"{peak:.2f}" for peak in peaks)])
    text = "\n\n".join(
        [
            f"# Growth with the number of photos, `{options.preset}`",
            f"A rendered street, 640 x 480; CPU-seconds on {harness.machine()}.",
            harness.table(["stage", *counts], rows),
            "![CPU-seconds against photos](scaling.svg)",
            "A first run compiles the kernels: {compile_cpu_s:.1f} CPU-seconds more than a later one "
            "({compile_clock_s:.1f} s by the clock).".format(**compiling),
        ]
    )
    record = {
        "preset": options.preset,
        "photos": counts,
        "stages_cpu_s": costs,
        "used": used,
        "peak_gib": peaks,
    }
    harness.keep("scaling", record | {"compiling": compiling, "machine": harness.machine()}, text)
    (harness.RESULTS / "scaling.svg").write_text(chart.drawn(counts, costs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
