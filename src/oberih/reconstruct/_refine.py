"""In the child: the last bundle adjustment, with as much of the lens as the photos can tell."""

from typing import Any

import numpy as np
import pycolmap

Message = dict[str, Any]

MAX_DEVIATION = 0.001  # of the image's longer side: a principal point known worse than that stays centred
MAX_SHIFT = 0.06  # of the longer side: further off the centre is no lens, but a crop or a mistake
MAX_MOVE = 0.04  # of the longer side: a lens that holds the image still moves less
MOVING_GAIN = 0.92  # residuals must fall below this share for principal points that move
MIN_MOVING = 80  # points of every photo, for a principal point per photo
MAX_MOVING = 300  # photos; in larger sets the test would take too long, and errors average out
MAX_COVARIANCE = 300  # photos; larger sets determine their cameras anyway
MIN_SEEN = 20  # points, for a pose to be believed
MIN_OBSERVATIONS = 1000  # of one camera, for its second radial coefficient
FILTER_PX, FILTER_DEG = 4.0, 1.5


def refine(model: Any, settings: Message) -> tuple[Any, dict[int, str]]:
    """Adjust everything; the adjusted model and, by camera id, where its principal point is from:
    "centred", "estimated" or "per photo".

    The principal point is set free only where the photos determine it: first all are, then those whose
    standard deviation or shift is too large go back to the centre and stay there. A lens or sensor that
    moves to keep the image steady moves the principal point from photo to photo. Where letting it move,
    with everything else of the lens held, explains the photos much better, each gets its own.
    """
    observations: dict[int, int] = {}
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        observations[image.camera_id] = observations.get(image.camera_id, 0) + image.num_points3D
    for camera_id, camera in model.cameras.items():
        if observations.get(camera_id, 0) >= MIN_OBSERVATIONS:
            f, cx, cy, k = camera.params
            camera.model = pycolmap.CameraModelId.RADIAL
            camera.params = [f, cx, cy, k, 0.0]

    adjust(model, settings, free=set())
    free: set[int] = set()
    wanted = settings["refine_principal_point"] and model.num_reg_images() >= 3
    if wanted:
        free = determined(model, settings, set(observations))
        if free:
            adjust(model, settings, free)
    manager = pycolmap.ObservationManager(model)
    manager.filter_all_points3D(FILTER_PX, FILTER_DEG)
    drop_doubtful(model)
    together = adjust(model, settings, free)
    kinds = {camera_id: "estimated" if camera_id in free else "centred" for camera_id in observations}
    if wanted and model.num_reg_images() <= MAX_MOVING and fewest_points(model) >= MIN_MOVING:
        trial = one_camera_per_photo(model)
        moving = adjust(trial, settings, set(trial.cameras), pinned=True)
        if moving < MOVING_GAIN * together and plausible(trial):
            model, kinds = trial, dict.fromkeys(kinds, "per photo")
    model.update_point_3d_errors()
    return model, kinds


def drop_doubtful(model: Any) -> None:
    """Forget the poses of photos that see next to nothing of the points."""
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        if image.num_points3D < MIN_SEEN and model.num_reg_images() > 2:
            model.deregister_frame(image.frame_id)


def plausible(model: Any) -> bool:
    """Whether a lens that holds the image still can have the principal points of ``model``."""
    for camera in model.cameras.values():
        at, side = camera.principal_point_idxs(), max(camera.width, camera.height)
        shift = np.abs(camera.params[at] - [camera.width / 2, camera.height / 2]).max()
        if shift > MAX_MOVE * side:
            return False
    return True


def bundle(model: Any, settings: Message, free: set[int], *, pinned: bool = False) -> Any:
    """A bundle adjuster in which the cameras ``free`` have a variable principal point.

    COLMAP frees the principal point of all cameras or of none, so the intrinsics of the others are held.
    ``pinned``: the rest of the intrinsics is held for all.
    """
    options = pycolmap.BundleAdjustmentOptions()
    options.print_summary = False
    options.refine_principal_point = bool(free)
    options.refine_focal_length = options.refine_extra_params = not pinned
    options.ceres.use_gpu = False
    options.ceres.solver_options.num_threads = settings["mapping_threads"]
    config = pycolmap.BundleAdjustmentConfig()
    for image_id in model.reg_image_ids():
        config.add_image(image_id)
    if free:
        for camera_id in model.cameras:
            if camera_id not in free:
                config.set_constant_cam_intrinsics(camera_id)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    return pycolmap.create_default_ceres_bundle_adjuster(options, config, model)


def adjust(model: Any, settings: Message, free: set[int], *, pinned: bool = False) -> float:
    """Adjust everything in one or two rounds; root mean square of the residuals in pixels per axis."""
    rounds = [free] if not free or free >= set(model.cameras) else [set(), free]
    return [residual(bundle(model, settings, cameras, pinned=pinned).solve()) for cameras in rounds][-1]


def fewest_points(model: Any) -> int:
    return min(model.image(image_id).num_points3D for image_id in model.reg_image_ids())


def residual(solved: Any) -> float:
    """Root mean square residual after a solution, pixels per axis; 0 if there was nothing to adjust."""
    if solved.num_residuals == 0:
        return 0.0
    return float(np.sqrt(2 * solved.ceres_summary.final_cost / solved.num_residuals))


def one_camera_per_photo(model: Any) -> Any:
    """A copy of ``model`` in which each photo has a camera of its own, with the photo's id."""
    copy = pycolmap.Reconstruction()
    for image_id in sorted(model.reg_image_ids()):
        image = model.image(image_id)
        camera = pycolmap.Camera(image.camera.todict())
        camera.camera_id = image_id
        copy.add_camera_with_trivial_rig(camera)
        single = pycolmap.Image(name=image.name, camera_id=image_id, image_id=image_id)
        single.points2D = pycolmap.Point2DList([pycolmap.Point2D(p.xy) for p in image.points2D])
        copy.add_image_with_trivial_frame(single, image.cam_from_world())
    for _, point in sorted(model.points3D.items()):
        copy.add_point3D(point.xyz, point.track, point.color)
    return copy


def determined(model: Any, settings: Message, cameras: set[int]) -> set[int]:
    """Cameras whose principal point the photos determine. Leaves ``model`` as it was."""
    trial = pycolmap.Reconstruction(model)
    adjuster = bundle(trial, settings, cameras)
    residual_px = residual(adjuster.solve())
    covariance = None
    if model.num_reg_images() <= MAX_COVARIANCE:
        options = pycolmap.BACovarianceOptions()
        options.params = pycolmap.BACovarianceOptionsParams.ALL
        covariance = pycolmap.estimate_ba_covariance(options, trial, adjuster)
        if covariance is None:
            return set()
    good = set()
    for camera_id in cameras:
        camera = trial.cameras[camera_id]
        side, at = max(camera.width, camera.height), camera.principal_point_idxs()
        shift = float(np.abs(camera.params[at] - [camera.width / 2, camera.height / 2]).max())
        deviation = 0.0
        if covariance is not None:
            block = covariance.get_other_params_cov(camera.params)
            if block is None or len(block) != len(camera.params):
                continue
            deviation = residual_px * float(np.sqrt(np.diag(block)[at].max()))
        if deviation <= MAX_DEVIATION * side and shift <= MAX_SHIFT * side:
            good.add(camera_id)
    return good


def typical_angle(model: Any) -> float:
    """Median over the points of the largest angle between two of their rays, degrees."""
    centres = {i: model.image(i).projection_center() for i in model.reg_image_ids()}
    angles = []
    ids = sorted(model.points3D)
    for point_id in ids[:: max(1, len(ids) // 4000)]:
        point = model.points3D[point_id]
        rays = np.array([centres[e.image_id] - point.xyz for e in point.track.elements])
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        angles.append(np.degrees(np.arccos(np.clip((rays @ rays.T).min(), -1, 1))))
    return float(np.median(angles)) if angles else 0.0
