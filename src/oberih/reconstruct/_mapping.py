"""In the child: from features to cameras. Matching, mapping, final adjustment.

COLMAP keeps features and matches in a database file; pairs that are there already are not matched again,
so work that was cut short goes on. All random choices are seeded.
"""

import errno
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

from oberih.reconstruct import _refine, _turned
from oberih.reconstruct.pairing import (
    all_pairs,
    bridging_pairs,
    components,
    sequential_pairs,
    similar_pairs,
    vlad,
)

Message = dict[str, Any]
Tell = Callable[[Message], None]

BLOCK = 64  # pairs per call: how often progress is told
LARGEST_FEATURES = 1500  # per photo, for retrieval
REPEATABLE = 200  # photos
MIN_INLIERS = 15  # of a verified pair
SOLID_INLIERS = 30  # that connect two photos for good


def solve(job: Message, tell: Tell) -> Message:
    """Match, map and adjust. Writes ``job["sparse"]`` if cameras were found.

    ``job``: photos (name, features, camera: index, sequence: place in time), cameras (width, height, focal,
    prior), nearby (pairs of indices), database, work, sparse, settings. Photos without features (their
    file is missing) take part in nothing.
    """
    pycolmap.logging.minloglevel = 1
    settings, photos = job["settings"], job["photos"]
    # Sums by several threads come out a little different each time, and a search that branches on them ends
    # elsewhere. What most people have is therefore mapped by one thread, and repeats to the last bit.
    settings["mapping_threads"] = 1 if len(photos) <= REPEATABLE else settings["threads"]
    settings["only_two"] = len(photos) == 2
    pycolmap.set_random_seed(settings["seed"])
    database = Path(job["database"])
    if not (database.exists() and filled(database, len(photos))):
        fill(database, photos, job["cameras"])
    used = match(database, job, tell)
    pairs = verified(database)
    alike = most_alike(database)
    result: Message = {"pairing": used, "pairs": pairs, "most_alike": alike, "models": [], "turned": False}
    tell({"stage": "mapping", "total": len(photos) + 2})
    found, result["mapper"] = reconstructions(database, job, pairs, tell)
    models = [model for model in found if not only_turned(database, job, pairs, model)]
    result["turned"] = len(models) < len(found)
    if not models:
        return result
    result["angle_deg"] = _refine.typical_angle(models[0])
    best, principal_points = _refine.refine(models[0], settings)
    result["models"] = [sorted(i - 1 for i in m.reg_image_ids()) for m in models]
    result["principal_points"] = {str(c - 1): kind for c, kind in principal_points.items()}
    if best.num_points3D() > 0:  # else it was all seen at too small an angle
        result["angle_deg"] = _refine.typical_angle(best)
    colour(best, photos)
    best.tear_down()  # forgets photos without a pose
    for image in best.images.values():
        image.name = photos[image.image_id - 1]["name"]
    write(best, Path(job["sparse"]))
    return result


# Database


def filled(path: Path, photos: int) -> bool:
    """Whether the database can be read and holds all photos: also applies what is left in its journal."""
    try:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return bool(db.execute("SELECT COUNT(*) FROM images").fetchone() == (photos,))
    except sqlite3.OperationalError as error:  # no room, say: the database itself may be sound
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # it has no such table
            return False
        raise
    except sqlite3.DatabaseError:
        return False


def fill(path: Path, photos: Sequence[Message], cameras: Sequence[Message]) -> None:
    """A database with the cameras, photos and features. Image k+1 is photo k."""
    part = path.with_suffix(".part")
    for name in (part.name, path.name):  # of a run that was killed here, with its journal
        for left in path.parent.glob(f"{name}*"):
            left.unlink()
    with pycolmap.Database.open(part) as db:
        made = []
        for number, given in enumerate(cameras, start=1):
            camera = pycolmap.Camera.create_from_model_name(
                number, "SIMPLE_RADIAL", given["focal"], given["width"], given["height"]
            )
            camera.has_prior_focal_length = given["prior"]
            camera.camera_id = db.write_camera(camera, use_camera_id=True)
            rig = pycolmap.Rig()
            rig.add_ref_sensor(camera.sensor_id)
            rig.rig_id = db.write_rig(rig)
            made.append((camera, rig.rig_id))
        for number, photo in enumerate(photos, start=1):
            camera, rig_id = made[photo["camera"]]
            image = pycolmap.Image(name=plain_name(number), camera_id=camera.camera_id, image_id=number)
            image.image_id = db.write_image(image, use_image_id=True)
            frame = pycolmap.Frame()
            frame.rig_id = rig_id
            frame.add_data_id(image.data_id)
            db.write_frame(frame)
            if not Path(photo["features"]).exists():
                continue
            with np.load(photo["features"]) as features:
                db.write_keypoints(number, features["keypoints"])
                kind = pycolmap.FeatureExtractorType.SIFT
                db.write_descriptors(number, pycolmap.FeatureDescriptors(kind, features["descriptors"]))
    # On a full disk the last lines may be in the journal only, without a word from SQLite.
    if not filled(part, len(photos)):
        raise OSError(errno.ENOSPC, "the photos could not be written", str(part))
    part.replace(path)


def plain_name(image_id: int) -> str:
    """What a photo is called in the database: COLMAP's lists of pairs allow no spaces in names."""
    return f"{image_id:06d}"


def verified(path: Path) -> list[tuple[int, int, int, str]]:
    """Pairs of photos that passed geometric verification: indices, inliers, kind of geometry."""
    with pycolmap.Database.open(path) as db:
        ids, geometries = db.read_two_view_geometries()
    found = []
    for pair_id, geometry in zip(ids, geometries, strict=True):
        first, second = pycolmap.pair_id_to_image_pair(pair_id)
        kind = pycolmap.TwoViewGeometryConfiguration(geometry.config).name
        found.append((first - 1, second - 1, len(geometry.inlier_matches), kind))
    return found


def only_turned(path: Path, job: Message, pairs: Sequence[tuple[int, int, int, str]], model: Any) -> bool:
    """Whether the photos of ``model`` were taken from one place, so that its depths are invented."""
    members = {image_id - 1 for image_id in model.reg_image_ids()}
    inside = [pair for pair in pairs if pair[0] in members and pair[1] in members]
    inside = [pair for pair in inside if pair[2] >= SOLID_INLIERS] or inside
    if not _turned.nearly_all_flat([kind for *_, kind in inside]):
        return False
    with pycolmap.Database.open(path) as db:
        return _turned.only_turned(
            [matched(db, job, a, b) for a, b in _turned.some_of([(a, b) for a, b, *_ in inside])]
        )


def matched(db: Any, job: Message, a: int, b: int) -> _turned.Matched:
    """What photos ``a`` < ``b`` have in common."""
    cameras = [job["cameras"][job["photos"][k]["camera"]] for k in (a, b)]
    inliers = db.read_two_view_geometry(a + 1, b + 1).inlier_matches
    points = [
        db.read_keypoints(k + 1)[inliers[:, side], :2] - np.array([camera["width"], camera["height"]]) / 2
        for side, (k, camera) in enumerate(zip((a, b), cameras, strict=True))
    ]
    return _turned.Matched(
        (points[0], points[1]),
        (cameras[0]["focal"], cameras[1]["focal"]),
        (max(cameras[0]["width"], cameras[0]["height"]), max(cameras[1]["width"], cameras[1]["height"])),
    )


def most_alike(path: Path) -> int:
    """Most matching details between two photos, verified or not."""
    with pycolmap.Database.open(path) as db:
        _, counts = db.read_num_matches()
    return max(counts, default=0)


# Matching


def match(database: Path, job: Message, tell: Tell) -> str:
    """Match the pairs that are worth it; how they were chosen."""
    settings, photos = job["settings"], job["photos"]
    there = [k for k, photo in enumerate(photos) if Path(photo["features"]).exists()]
    if len(photos) <= settings["exhaustive_up_to"]:
        match_pairs(database, job, all_pairs(len(photos)), tell)
        return "exhaustive"
    order = sorted(there, key=lambda k: photos[k]["sequence"])
    vectors = vlad([largest_descriptors(photo) for photo in photos], settings["seed"])
    nearby = {(int(a), int(b)) for a, b in job["nearby"]}
    pairs = sequential_pairs(order, settings["overlap"]) | nearby
    pairs |= similar_pairs(vectors, settings["similar"])
    match_pairs(database, job, pairs, tell)
    for _ in range(2):
        solid = [(a, b) for a, b, inliers, _ in verified(database) if inliers >= SOLID_INLIERS]
        groups = components(len(photos), solid)
        more = bridging_pairs(vectors, groups, pairs, settings["overlap"]) - pairs
        if not more:
            break
        match_pairs(database, job, more, tell)
        pairs |= more
    return "sequential, similar and nearby" if nearby else "sequential and similar"


def largest_descriptors(photo: Message) -> Any:
    if not Path(photo["features"]).exists():
        return np.zeros((0, 128), np.uint8)
    with np.load(photo["features"]) as features:
        largest = np.argsort(-features["keypoints"][:, 2], kind="stable")[:LARGEST_FEATURES]
        return features["descriptors"][largest]


def match_pairs(database: Path, job: Message, pairs: set[tuple[int, int]], tell: Tell) -> None:
    """Match ``pairs`` block by block, neighbours in the list together so that features are read once."""
    settings = job["settings"]
    matching = pycolmap.FeatureMatchingOptions()
    matching.use_gpu = False
    matching.num_threads = settings["threads"]
    verification = pycolmap.TwoViewGeometryOptions()
    verification.min_num_inliers = MIN_INLIERS
    verification.ransac.random_seed = settings["seed"]
    listed = Path(job["work"]) / "pairs.txt"
    pairing = pycolmap.ImportedPairingOptions()
    pairing.match_list_path = listed
    ordered = sorted(pairs)
    tell({"stage": "matching", "total": len(ordered)})
    for start in range(0, len(ordered), BLOCK):
        block = ordered[start : start + BLOCK]
        listed.write_text("".join(f"{plain_name(a + 1)} {plain_name(b + 1)}\n" for a, b in block))
        pycolmap.match_image_pairs(database, matching, pairing, verification, device=pycolmap.Device.cpu)
        tell({"tick": len(block)})


# Mapping


def reconstructions(
    database: Path, job: Message, pairs: Sequence[tuple[int, int, int, str]], tell: Tell
) -> tuple[list[Any], str]:
    """All models, the one with most photos first, and the mapper that found it.

    If the mapper that suits the size of the set leaves out photos that look connected, the other one has a
    try; then photos left over are tried again with less strict thresholds.
    """
    settings, count = job["settings"], len(job["photos"])
    work = Path(job["work"])
    solid = [(a, b) for a, b, inliers, _ in pairs if inliers >= SOLID_INLIERS]
    connected = len(components(count, solid)[0])
    order = ["global", "incremental"] if count >= settings["global_from"] else ["incremental", "global"]
    if settings["mapper"] != "auto":
        order = [settings["mapper"]]
    models: list[Any] = []
    mapper = ""
    for name in order:
        if models and size(models[0]) >= 0.9 * connected:
            break
        if not pairs:
            break
        found = MAPPERS[name](database, work, settings, tell)
        if found and (not models or size(found[0]) > size(models[0])):
            models, mapper = found, name
    if models and size(models[0]) < count:
        grown = continued(database, work, settings, models[0])
        if grown is not None and size(grown) > size(models[0]):
            models[0] = grown
    return models, mapper


def size(model: Any) -> int:
    return int(model.num_reg_images())


def largest_first(models: dict[int, Any]) -> list[Any]:
    return sorted(models.values(), key=lambda m: (-m.num_reg_images(), -m.num_points3D()))


def incremental_options(settings: Message) -> Any:
    options = pycolmap.IncrementalPipelineOptions()
    options.min_model_size = 2
    options.extract_colors = False  # see `colour`: COLMAP would read the photos itself
    options.num_threads = settings["mapping_threads"]
    options.random_seed = settings["seed"]
    options.mapper.random_seed = settings["seed"]
    options.triangulation.random_seed = settings["seed"]
    options.triangulation.ignore_two_view_tracks = not settings["only_two"]
    return options


def incremental(database: Path, work: Path, settings: Message, tell: Tell) -> list[Any]:
    out = fresh(work / "incremental")
    models = pycolmap.incremental_mapping(
        database, work, out, incremental_options(settings),
        initial_image_pair_callback=lambda: tell({"tick": 2}), next_image_callback=lambda: tell({"tick": 1}),
    )  # fmt: skip
    return largest_first(models)


def global_(database: Path, work: Path, settings: Message, tell: Tell) -> list[Any]:
    options = pycolmap.GlobalPipelineOptions()
    options.num_threads = settings["mapping_threads"]
    options.random_seed = settings["seed"]
    options.min_model_size = 2
    options.mapper.num_threads = settings["mapping_threads"]
    options.mapper.random_seed = settings["seed"]
    options.mapper.rotation_averaging.random_seed = settings["seed"]
    options.mapper.global_positioning.random_seed = settings["seed"]
    options.mapper.retriangulation.random_seed = settings["seed"]
    models = largest_first(pycolmap.global_mapping(database, work, fresh(work / "global"), options))
    tell({"tick": size(models[0]) if models else 0})
    return models


MAPPERS = {"incremental": incremental, "global": global_}


def continued(database: Path, work: Path, settings: Message, model: Any) -> Any:
    """``model`` grown by photos that see it only weakly; None if that fails."""
    start = fresh(work / "start")
    model.write(start)
    options = incremental_options(settings)
    options.multiple_models = False
    options.mapper.abs_pose_min_num_inliers = 15
    options.mapper.abs_pose_min_inlier_ratio = 0.1
    options.mapper.abs_pose_max_error = 16.0
    options.mapper.max_reg_trials = 5
    models = pycolmap.incremental_mapping(database, work, fresh(work / "grown"), options, input_path=start)
    found = largest_first(models)
    return found[0] if found else None


def fresh(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


# Result


def colour(model: Any, photos: Sequence[Message]) -> None:
    """Give each point the mean colour of the pixels that saw it."""
    colours = {}
    for image_id in model.reg_image_ids():
        with np.load(photos[image_id - 1]["features"]) as features:
            colours[image_id] = features["colours"]
    for point in model.points3D.values():
        seen = [colours[e.image_id][e.point2D_idx] for e in point.track.elements]
        point.color = np.mean(seen, axis=0).round().astype(np.uint8)


def write(model: Any, folder: Path) -> None:
    """Write the model so that the folder appears whole or not at all."""
    part = fresh(folder.with_name(folder.name + ".part"))
    model.write_binary(part)
    for extra in ("rigs.bin", "frames.bin"):  # older readers know three files; these add nothing
        (part / extra).unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)
