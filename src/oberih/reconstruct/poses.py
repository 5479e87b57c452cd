"""Where did the cameras stand? Structure from motion with COLMAP, in child processes.

Features of all photos, pairs that match, then cameras and points (`Poses`). The work is left in the
folder until it is done, so that a run cut short goes on where it was. This module never imports pycolmap:
a native abort ends a child, not the caller.
"""

import dataclasses
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from oberih.capture import Photo
from oberih.errors import NoOverlap, NoPhotos
from oberih.formats.colmap import read_scene
from oberih.geometry import Camera, Scene
from oberih.i18n import from_json, say, to_json
from oberih.progress import Progress, Stage
from oberih.reconstruct._child import run_child
from oberih.reconstruct.pairing import components, nearby_pairs

__all__ = ["FoundCamera", "PoseSettings", "PoseStats", "Poses", "estimate_poses", "read_poses"]

CHILD = "oberih.reconstruct._colmap_child"
VERSION = 1  # of the intermediate files
DEFAULT_FOCAL = 1.2  # of the longer side, where EXIF says nothing: a 43 mm lens on 35 mm film
MIN_POINTS = 40
SOLID_INLIERS = 30  # matching details that connect two photos for good
PIXELS_PER_PROCESS = 6_000_000  # less is not worth another process
MIN_ANGLE_DEG = 1.0  # between the rays of a typical point; less is a camera that only turned

Mapper = Literal["auto", "incremental", "global"]
# The centre of the image; estimated; or estimated for each photo (a lens that moves to hold the image still).
PrincipalPoint = Literal["centred", "estimated", "per photo"]


@dataclass(frozen=True)
class PoseSettings:
    """How cameras are found. Sizes in pixels of a photo."""

    max_pixels: int = 8_000_000  # features are found in at most so many
    upsample_below: int = 3_000_000  # smaller photos are doubled first
    max_features: int = 8192  # per photo, or a little more
    exhaustive_up_to: int = 60  # photos; in larger sets only likely pairs are compared
    overlap: int = 6  # next photos in time, in larger sets
    similar: int = 12  # photos that look most alike, in larger sets
    nearby: int = 6  # nearest photos where the place is known, in larger sets
    mapper: Mapper = "auto"
    global_from: int = 120  # photos; from here the global mapper is tried first
    refine_principal_point: bool = True  # where the photos determine it
    seed: int = 1
    threads: int = 0  # 0: one per core


@dataclass(frozen=True)
class FoundCamera:
    """Intrinsics that were found for the photos of one camera."""

    camera: Camera  # of the first photo, where the principal point moves
    photos: tuple[str, ...]  # names
    focal_source: str  # of the start value: "35 mm equivalent", "focal plane resolution" or "" (a guess)
    principal_point: PrincipalPoint


@dataclass(frozen=True)
class PoseStats:
    """Figures of a finished search."""

    reprojection_rms_px: float
    points: int
    observations: int
    mean_track_length: float
    typical_angle_deg: float  # median over the points of the largest angle between two rays
    mapper: str
    pairing: str
    pairs_verified: int


@dataclass(frozen=True)
class Poses:
    """Cameras and points of the largest part of a set of photos, and what became of the others."""

    scene: Scene
    registered: tuple[str, ...]
    unregistered: dict[str, str]  # name -> reason
    parts: tuple[tuple[str, ...], ...]  # names of other parts that fit together among themselves
    cameras: tuple[FoundCamera, ...]
    stats: PoseStats


def estimate_poses(
    photos: Sequence[Photo],
    folder: Path,
    settings: PoseSettings | None = None,
    progress: Progress | None = None,
) -> Poses:
    """Find the cameras of ``photos``; writes ``folder/sparse`` (COLMAP's binary files) and ``poses.json``.

    Raises `NoOverlap` if the photos do not show one thing from different places, `StageFailed` if a child
    process dies, `Cancelled` on request.
    """
    settings, progress = settings or PoseSettings(), progress or Progress()
    settings = replace(settings, threads=settings.threads or os.cpu_count() or 1)
    if len(photos) < 2:
        raise NoPhotos("At least two photos are needed.", "Take 20, each overlapping the one before.")
    folder.mkdir(parents=True, exist_ok=True)
    start_over_if_changed(folder, photos, settings)
    features = {photo.name: folder / "features" / f"{photo.sha256}.npz" for photo in photos}
    unreadable = find_features(photos, features, folder, settings, progress)
    job = job_for(photos, features, folder, settings)
    result = solve(job, folder, progress)
    if not result["models"]:
        raise no_overlap(result, len(photos))
    poses = collected(photos, folder, job, result, unreadable)
    if poses.stats.typical_angle_deg < MIN_ANGLE_DEG:
        raise only_turned()
    if len(poses.scene.points) < MIN_POINTS:
        raise no_overlap(result, len(photos))
    write_json(folder / "poses.json", summary(poses))
    for name in ("features", "work"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in folder.glob("matches.db*"):
        path.unlink()
    return poses


def read_poses(folder: Path) -> Poses:
    """What `estimate_poses` left in ``folder``."""
    said = json.loads((folder / "poses.json").read_bytes())
    scene = read_scene(folder / "sparse")
    of = {view.name: view.camera for view in scene.views}
    return Poses(
        scene=scene,
        registered=tuple(view.name for view in scene.views),
        unregistered={name: from_json(reason) for name, reason in said["unregistered"].items()},
        parts=tuple(tuple(part) for part in said["parts"]),
        cameras=tuple(
            FoundCamera(of[c["photos"][0]], tuple(c["photos"]), c["focal_source"], c["principal_point"])
            for c in said["cameras"]
        ),
        stats=PoseStats(**said["stats"]),
    )


def summary(poses: Poses) -> dict[str, Any]:
    """What `read_poses` needs beside ``sparse``."""
    return {
        "unregistered": {name: to_json(reason) for name, reason in poses.unregistered.items()},
        "parts": poses.parts,
        "cameras": [
            {k: v for k, v in dataclasses.asdict(camera).items() if k != "camera"} for camera in poses.cameras
        ],
        "stats": dataclasses.asdict(poses.stats),
    }


def write_json(path: Path, value: object) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1))
    part.replace(path)


def start_over_if_changed(folder: Path, photos: Sequence[Photo], settings: PoseSettings) -> None:
    """Remove intermediate files of other photos or settings."""
    facts = [(p.name, p.sha256, p.width, p.height, p.make, p.model, p.focal_px) for p in photos]
    key = hashlib.sha256(json.dumps([VERSION, facts, dataclasses.asdict(settings)]).encode()).hexdigest()
    begun = folder / "work" / "key"
    if begun.is_file() and begun.read_text() == key:
        return
    for name in ("features", "work", "sparse"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in (*folder.glob("matches.*"), folder / "poses.json"):
        path.unlink(missing_ok=True)
    (folder / "features").mkdir()
    (folder / "work").mkdir()
    begun.write_text(key)


def find_features(
    photos: Sequence[Photo], files: dict[str, Path], folder: Path, settings: PoseSettings, progress: Progress
) -> dict[str, str]:
    """Make the feature files that are missing, in as many processes as there are cores.

    Returns the photos that could not be read, with the reason. (The extractor holds Python's lock, so threads
    would not help.)
    """
    wanted = {files[photo.name]: photo for photo in photos if not files[photo.name].exists()}
    todo = [
        {"name": p.name, "path": str(p.path.resolve()), "out": str(out), "width": p.width, "height": p.height}
        for out, p in wanted.items()
    ]
    work_px = sum(min(p.width * p.height, settings.max_pixels) for p in wanted.values())
    workers = min(settings.threads, 1 + work_px // PIXELS_PER_PROCESS, len(todo))
    shares = [todo[k::workers] for k in range(workers)]
    unreadable: dict[str, str] = {}
    with progress.stage("features", len(photos)) as stage:
        if len(photos) > len(todo):
            stage.tick(len(photos) - len(todo))

        def work(number: int) -> None:
            job = {"task": "features", "settings": dataclasses.asdict(settings), "photos": shares[number]}
            path = folder / "work" / f"features-{number}.json"
            result = run_child(CHILD, job, path, progress, lambda message: stage.tick(message["tick"]))
            unreadable.update(result["unreadable"])

        with ThreadPoolExecutor(max(1, len(shares))) as pool:
            for done in [pool.submit(work, number) for number in range(len(shares))]:
                done.result()
    return unreadable


def job_for(
    photos: Sequence[Photo], files: dict[str, Path], folder: Path, settings: PoseSettings
) -> dict[str, Any]:
    """What the child needs to know. Positions stay here: only the pairs they suggest go out."""
    kinds = [(p.make, p.model, p.focal_px and round(p.focal_px, 1), p.width, p.height) for p in photos]
    order = list(dict.fromkeys(kinds))
    cameras = []
    for kind in order:
        _, _, focal_px, width, height = kind
        focal = focal_px or DEFAULT_FOCAL * max(width, height)
        cameras.append({"width": width, "height": height, "focal": focal, "prior": focal_px is not None})
    order_taken = list(range(len(photos)))
    times = [p.taken_at for p in photos if p.taken_at is not None]
    if len(times) == len(photos):  # else names tell the order better than half of the times
        order_taken.sort(key=lambda k: (times[k], k))
    rank = {k: place for place, k in enumerate(order_taken)}
    positions = [(p.position.latitude_deg, p.position.longitude_deg) if p.position else None for p in photos]
    return {
        "task": "solve",
        "settings": dataclasses.asdict(settings),
        "photos": [
            {"name": p.name, "features": str(files[p.name]), "camera": order.index(kind), "sequence": rank[k]}
            for k, (p, kind) in enumerate(zip(photos, kinds, strict=True))
        ],
        "cameras": cameras,
        "nearby": sorted(nearby_pairs(positions, settings.nearby)),
        "database": str(folder / "matches.db"),
        "work": str(folder / "work"),
        "sparse": str(folder / "sparse"),
    }


def solve(job: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Run the child that matches and maps, with its stages shown as ours."""
    running: list[Stage] = []

    def hear(message: dict[str, Any]) -> None:
        if "stage" in message:
            close()
            running.append(progress.stage(message["stage"], message["total"]).__enter__())
        elif "tick" in message and running:
            running[-1].tick(message["tick"])

    def close() -> None:
        if running:
            running.pop().__exit__(None)

    result = run_child(CHILD, job, folder / "work" / "solve.json", progress, hear)
    close()
    return result


def collected(
    photos: Sequence[Photo],
    folder: Path,
    job: dict[str, Any],
    result: dict[str, Any],
    unreadable: dict[str, str],
) -> Poses:
    scene = read_scene(folder / "sparse")
    registered = tuple(view.name for view in scene.views)
    names = [photo.name for photo in photos]
    parts = other_parts(names, set(registered), result)
    camera_of = {photo["name"]: photo["camera"] for photo in job["photos"]}
    view_of = {view.name: view for view in scene.views}
    cameras = []
    for index in sorted({camera_of[name] for name in registered}):
        members = tuple(name for name in registered if camera_of[name] == index)
        source = next(p.focal_source for p in photos if p.name == members[0])
        principal_point = result["principal_points"][str(index)]
        cameras.append(FoundCamera(view_of[members[0]].camera, members, source, principal_point))
    return Poses(
        scene=scene,
        registered=registered,
        unregistered=reasons(names, set(registered), parts, result, unreadable),
        parts=tuple(parts),
        cameras=tuple(cameras),
        stats=PoseStats(
            reprojection_rms_px=reprojection_rms(scene),
            points=len(scene.points),
            observations=len(scene.observed_point),
            mean_track_length=len(scene.observed_point) / max(1, len(scene.points)),
            typical_angle_deg=result["angle_deg"],
            mapper=result["mapper"],
            pairing=result["pairing"],
            pairs_verified=len(result["pairs"]),
        ),
    )


def other_parts(names: Sequence[str], registered: set[str], result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Groups of photos that fit together but not with the largest group: other models, and photos that
    match among themselves although no model came of them."""
    matched = [(a, b) for a, b, inliers, _ in result["pairs"] if inliers >= SOLID_INLIERS]
    joined = [(a, b) for model in result["models"][1:] for a, b in pairwise(model)]
    free = {i for i, name in enumerate(names) if name not in registered}
    groups = components(len(names), [(a, b) for a, b in (*joined, *matched) if a in free and b in free])
    return [tuple(names[i] for i in group) for group in groups if len(group) > 1]


def reprojection_rms(scene: Scene) -> float:
    """Root mean square distance in pixels between measured and projected points."""
    total = 0.0
    for index, view in enumerate(scene.views):
        mine = scene.observed_view == index
        projected, _ = view.project(scene.points[scene.observed_point[mine]])
        total += float(((projected - scene.observed_px[mine]) ** 2).sum())
    return float(np.sqrt(total / max(1, len(scene.observed_px))))


def reasons(
    names: Sequence[str],
    registered: set[str],
    parts: Sequence[tuple[str, ...]],
    result: dict[str, Any],
    unreadable: dict[str, str],
) -> dict[str, str]:
    """Why each photo that has no pose has none."""
    strongest: Counter[int] = Counter()
    for a, b, inliers, _ in result["pairs"]:
        strongest[a], strongest[b] = max(strongest[a], inliers), max(strongest[b], inliers)
    found = {}
    for index, name in enumerate(names):
        if name in registered:
            continue
        if name in unreadable:
            found[name] = unreadable[name]
        elif any(name in part for part in parts):
            found[name] = "belongs to another part, which nothing connects with the largest one"
        elif strongest[index] == 0:
            found[name] = "shows nothing that other photos show"
        else:
            found[name] = say(
                "shares too little with the other photos ({count} matching details with the nearest one)",
                count=strongest[index],
            )
    return found


def no_overlap(result: dict[str, Any], count: int) -> NoOverlap:
    """Nothing fits together: say what was seen and what to do."""
    pairs, most = result["pairs"], result["most_alike"]
    if not pairs:
        said = say("The photos do not show the same thing: no detail of one is found in another.")
        if most:
            said = say(
                "The photos do not show the same thing: at most {count} detail looks alike in two of them, "
                "and that does not fit one thing seen from two places.",
                "The photos do not show the same thing: at most {count} details look alike in two of them, "
                "and those do not fit one thing seen from two places.",
                count=most,
            )
        return NoOverlap(
            said,
            "Photograph one thing from many places, so that each photo shows two thirds of the one before.",
        )
    turned = sum(kind in ("PANORAMIC", "PLANAR_OR_PANORAMIC") for *_, kind in pairs)
    if result["turned"] or turned > len(pairs) / 2:
        return only_turned()
    return NoOverlap(
        say(
            "The photos overlap too little: at most {group} of {count} hang together, with at most {most} "
            "matching details between two of them.",
            group=len(components(count, [(a, b) for a, b, *_ in pairs])[0]),
            count=count,
            most=max(inliers for _, _, inliers, _ in pairs),
        ),
        "Take more photos in between, in small steps: each should show two thirds of the one before.",
    )


def only_turned() -> NoOverlap:
    return NoOverlap(
        "The photos fit together, but they were taken from the same place, with the camera only turned "
        "(or they show one flat picture): nothing tells how far away things are.",
        "Move: take a step to the side between photos, and keep the thing in view.",
    )
