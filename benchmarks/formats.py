"""What writing a large model costs in each format: time and memory, beside trimesh for GLB.

    python benchmarks/formats.py [--triangles 1000000] [--texture 4096] [--only glb,usdz]

Each writer runs in a process of its own; "memory" is its highest resident memory beyond what the process had
with the model loaded, as a multiple of the model's own arrays. Results: benchmarks/results/formats.md.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from harness import RESULTS
from oberih.formats import FORMATS, Model, format_named
from oberih.geometry import Camera, Mesh, PointCloud, Pose, Scene, View
from oberih.progress import Progress

MOST = 4.0  # times the model's memory that a writer may take
GLB_RATIO = 1.5  # of trimesh's time


def model(triangles: int, texture: int) -> Model:
    """A sphere with hills and a noisy texture, its points, and a few cameras."""
    rows = max(2, int(np.sqrt(triangles / 4)))
    columns = triangles // (2 * rows)
    v, u = np.meshgrid(np.linspace(0.02, 0.98, rows + 1), np.linspace(0, 1, columns + 1), indexing="ij")
    polar, turn = np.pi * v, 2 * np.pi * u
    radius = 1 + 0.05 * np.sin(9 * turn) * np.sin(7 * polar)
    xyz = np.stack([np.sin(polar) * np.cos(turn), np.cos(polar), np.sin(polar) * np.sin(turn)], axis=2)
    vertices = (radius[..., None] * xyz).reshape(-1, 3).astype(np.float32)
    corner = np.arange((rows + 1) * (columns + 1), dtype=np.int32).reshape(rows + 1, columns + 1)
    a, b, c, d = corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]
    faces = np.stack([a, c, b, a, d, c], axis=2).reshape(-1, 3)
    coordinates = np.stack([u, v], axis=2).reshape(-1, 2).astype(np.float32)
    random = np.random.default_rng(1)
    picture = random.integers(0, 255, (texture // 8, texture // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    mesh = Mesh(vertices, faces, uv=coordinates[faces], texture=picture)
    cloud = PointCloud(vertices, mesh.vertex_normals(), random.integers(0, 255, vertices.shape, np.uint8))
    views = tuple(
        View(
            f"photo-{n:04d}.jpg",
            Camera(4000, 3000, 3000, 3000, 2000, 1500),
            Pose(np.eye(3), np.array([0, 0, n])),
        )
        for n in range(1, 51)
    )
    seen = np.arange(min(10_000, len(vertices)), dtype=np.int32)
    scene = Scene(
        views, vertices[seen].astype(float), cloud.colours[seen], np.ones(len(seen)), seen,
        (seen % 50).astype(np.int32), np.ones((len(seen), 2)),
    )  # fmt: skip
    return Model((mesh,), cloud, scene)


def arrays(shape: object) -> int:
    values = vars(shape).values() if hasattr(shape, "__dict__") else ()
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def reset_peak() -> int:
    """Forget the highest memory so far (Linux); the memory now."""
    Path("/proc/self/clear_refs").write_text("5")
    return (
        int(
            next(
                line for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line
            ).split()[1]
        )
        << 10
    )


def highest() -> int:
    return (
        int(
            next(
                line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line
            ).split()[1]
        )
        << 10
    )


def child(name: str, triangles: int, texture: int) -> None:
    """Write in one format, and tell what it took."""
    given = model(triangles, texture)
    kept = arrays(given.points) + arrays(given.parts[0])
    wanted = None if name == "trimesh" else format_named(name)
    if wanted is None or "mesh" in wanted.keeps:
        given = Model(given.parts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{wanted.extension if wanted else '.glb'}"
        if wanted is None:
            import trimesh
            from PIL import Image

            mesh, flip = given.parts[0], np.float32([1, -1])
            uv = np.zeros((len(mesh.vertices), 2), np.float32)
            uv[mesh.faces.ravel()] = mesh.uv.reshape(-1, 2)
            visual = trimesh.visual.TextureVisuals(uv * flip + [0, 1], image=Image.fromarray(mesh.texture))
            other = trimesh.Trimesh(mesh.vertices, mesh.faces, visual=visual, process=False)
        else:
            wanted.write(path.with_name("small" + path.suffix), model(200, 64), Progress())  # loads libraries
        before = reset_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        if wanted is None:
            other.visual.material.image.format = "JPEG"
            other.export(path)
        else:
            wanted.write(path, given, Progress())
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        files = [path] if path.is_file() else []
        files += [
            one
            for one in Path(folder).rglob("*")
            if one.is_file() and one != path and "small" not in one.name
        ]
        size = sum(one.stat().st_size for one in files)
        print(
            json.dumps({"wall": wall, "cpu": cpu, "memory": highest() - before, "kept": kept, "size": size})
        )


def measured(name: str, options: argparse.Namespace, times: int) -> dict[str, float]:
    """The median of several runs."""
    command = [
        sys.executable,
        __file__,
        "--child",
        name,
        "--triangles",
        str(options.triangles),
        "--texture",
        str(options.texture),
    ]
    runs = [
        json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
        )
        for _ in range(times)
    ]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--triangles", type=int, default=1_000_000)
    parser.add_argument("--texture", type=int, default=4096)
    parser.add_argument("--only", default="")
    parser.add_argument("--child", default="")
    options = parser.parse_args()
    if options.child:
        child(options.child, options.triangles, options.texture)
        return 0
    names = (
        options.only.split(",") if options.only else ["trimesh", *(one.name for one in FORMATS if one.writes)]
    )
    rows, bad = [], []
    for name in names:
        found = measured(name, options, 3 if name in ("glb", "trimesh") else 1)
        ratio = found["memory"] / found["kept"]
        rows.append((name, found, ratio))
        print(
            f"{name:12} {found['wall']:7.2f} s {found['cpu']:7.2f} CPU-s {ratio:5.2f} x memory "
            f"{found['size'] / 1e6:8.1f} MB",
            flush=True,
        )
        if ratio > MOST and name != "trimesh":
            bad.append(f"{name}: {ratio:.1f} times the model's memory")
    times = {name: found["cpu"] for name, found, _ in rows}
    if {"glb", "trimesh"} <= times.keys():
        print(f"GLB: {times['glb'] / times['trimesh']:.2f} of trimesh's time")
        if times["glb"] > GLB_RATIO * times["trimesh"]:
            bad.append("GLB is slower than 1.5 times trimesh")
    if not options.only:
        lines = [
            f"# Writing {options.triangles:,} triangles with a texture of {options.texture} pixels", "",
            "`python benchmarks/formats.py`: one process each; memory beyond that of the loaded model, as a",
            "multiple of the model's arrays. The first row is trimesh writing GLB.", "",
            "| format | time, s | CPU, s | memory | size, MB |", "| --- | ---: | ---: | ---: | ---: |",
        ]  # fmt: skip
        lines += [
            f"| {n} | {f['wall']:.1f} | {f['cpu']:.1f} | {r:.1f} | {f['size'] / 1e6:.1f} |"
            for n, f, r in rows
        ]
        (RESULTS / "formats.md").write_text("\n".join(lines) + "\n")
    for one in bad:
        print(one, file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
