"""`make soak`: random scenes with random damage, for as long as asked. Nothing may break.

Each round renders a new scene, takes a random number of photos of it, perhaps damages or adds some files, and
runs the command. Either it ends well, with a whole result that is close to the true surface, or it ends with
one of the documented codes and a message with advice; never with a traceback, never with a half result.
"""

import argparse
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import trimesh

import harness
from oberih.formats.colmap import read_scene

sys.path.insert(0, str(harness.HOME / "tests"))
from synthetic import Shot, arc, courtyard, take, write_photos

DOCUMENTED = {0, 3, 4, 5, 6, 7}  # what photos alone can lead to: see docs/errors.md
NEAR_M = 0.1  # half of the measured points must be nearer than this to the true surface, 4 m away


def cut(path: Path, dice: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: dice.randrange(len(data))])


def scramble(path: Path, dice: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(20):
        data[dice.randrange(len(data))] = dice.randrange(256)
    path.write_bytes(data)


def empty(path: Path, _: random.Random) -> None:
    path.write_bytes(b"")


def text(path: Path, dice: random.Random) -> None:
    path.write_text("not a photo " * dice.randrange(100))


def twin(path: Path, _: random.Random) -> None:
    shutil.copy(path, path.with_name("twin-" + path.name))


DAMAGE: tuple[Callable[[Path, random.Random], None], ...] = (cut, scramble, empty, text, twin)


def distance_to_truth(out: Path, shots: list[Shot]) -> float:
    """Median distance, metres, of the measured points to the true surface, aligned by the cameras."""
    true = {shot.view.name: shot.view.pose for shot in shots}
    pairs = [(view.pose, true[view.name.removeprefix("twin-")]) for view in read_scene(out / "sparse").views]
    # Directions give the rotation, since two cameras, or some in a row, leave it open otherwise.
    U, _, Vt = np.linalg.svd(sum(there.R.T @ here.R for here, there in pairs))
    rotation = U @ Vt
    here = np.array([found.centre for found, _ in pairs])
    there = np.array([known.centre for _, known in pairs])
    scale = np.linalg.norm(there - there.mean(0)) / np.linalg.norm(here - here.mean(0))
    points = np.asarray(trimesh.load(out / "points.ply").vertices)
    points = points[np.random.default_rng(0).choice(len(points), min(len(points), 20_000), replace=False)]
    placed = scale * (points - here.mean(0)) @ rotation.T + there.mean(0)
    return float(np.median(shots[0].world.distance(placed)))


def attempt(seed: int, folder: Path) -> str:
    """One round; returns what went wrong, or nothing."""
    dice = random.Random(seed)
    shutil.rmtree(folder, ignore_errors=True)
    n, gains, exif = dice.randint(1, 9), [dice.uniform(0.7, 1.3) for _ in range(5)], dice.random() < 0.5
    views = arc(n, width=dice.choice([480, 640]), degrees=dice.uniform(15, 100))
    shots = take(courtyard(seed), views, gains=gains, noise=dice.uniform(0, 0.02))
    paths = write_photos(shots, folder / "photos", exif=exif, quality=dice.randint(60, 98))
    harm = [(dice.choice(DAMAGE), path) for path in paths if dice.random() < 0.15]
    for damage, path in harm:
        damage(path, dice)
    told = ", ".join(damage.__name__ for damage, _ in harm) or "whole"
    print(f"seed {seed}: {n} photos{'' if exif else ' without EXIF'}, {told} ...", end=" ", flush=True)
    run = harness.oberih(folder / "photos", folder / "out", "--preset", "draft")
    print(f"code {run.code}, {run.cpu_s:.0f} CPU-s", end="", flush=True)
    if run.code not in DOCUMENTED or "Traceback" in run.said:
        return f"exit code {run.code}:\n{run.said}"
    if run.code:
        return "" if "What to do" in run.said else f"no advice:\n{run.said}"
    error = distance_to_truth(folder / "out", shots)
    used = sum(photo["used"] for photo in harness.report(folder / "out")["photos"])
    print(f", {used} used, {1000 * error:.1f} mm", end="")
    # Two or three photos, or an unknown lens, may leave the shape open.
    determined = exif and used >= 4
    return f"the points are {error:.3f} m from the true surface" if determined and error > NEAR_M else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="first seed (default: from the clock)")
    options = parser.parse_args()
    ends = time.monotonic() + 60 * options.minutes
    seed = options.seed if options.seed is not None else int(time.time()) % 1_000_000
    failures = rounds = 0
    while rounds == 0 or time.monotonic() < ends:
        wrong = attempt(seed, harness.BUILD / "soak")
        print("" if not wrong else f"\nFAILED (repeat with --seed {seed}): {wrong}")
        failures += bool(wrong)
        rounds += 1
        seed += 1
    print(f"{rounds} rounds, {failures} failures.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
