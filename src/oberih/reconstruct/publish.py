"""What leaves the workshop: the files of OUT, the report last."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from oberih import __version__
from oberih.capture import Found, Photo, read_photo
from oberih.errors import UnreadablePhoto
from oberih.reconstruct import paradata
from oberih.reconstruct.figures import Comparison, Fidelity, Figure, PhotoReport, Report, figure
from oberih.reconstruct.output import LODS, SPARSE, Output
from oberih.reconstruct.page import THUMBNAIL_PX, thumbnail, upright
from oberih.reconstruct.remarks import damaged_photos, missing, remarks, skipped_file
from oberih.reconstruct.report import (
    MOST_PAIRS,
    Pair,
    Pictures,
    Plan,
    report_html,
    shown_photos,
)
from oberih.reconstruct.settings import PRESETS, Settings, preset_settings
from oberih.reconstruct.stages import Stages
from oberih.reconstruct.steps import Compared, Finished, Fused, Judged, Posed, Surfaced

__all__ = ["VERSION", "publish"]

VERSION = "2"  # of what is written here
NEWER = ("frames.bin", "rigs.bin")  # parts of a sparse model that Oberih leaves out, see `_mapping.write`


def publish(
    output: Output, stages: Stages, settings: Settings, found: Found, judged: Judged, posed: Posed,
    fused: Fused, surfaced: Surfaced, finished: Finished, compared: Compared, key: str,
) -> Report:  # fmt: skip
    """Put the result of ``key`` together, then let it appear in OUT in place of the one before."""
    output.begin()
    for path, name in parts(posed, fused, surfaced, finished):
        path.stat()  # raises if somebody took it away, which `Output.opened` tells
        output.place(path, name)
    report = assembled(stages, settings, found, judged, posed, finished, compared)
    made = paradata.describe(stages.finished, settings, preset_of(settings), found.photos)
    output.write("paradata.json", made.model_dump_json(indent=1))
    page = report_html(report, pictures(stages, report, found, posed, finished, compared))
    output.write("report.html", page)
    output.write("report.json", report.model_dump_json(indent=1))
    output.publish(key)
    return report


def parts(posed: Posed, fused: Fused, surfaced: Surfaced, finished: Finished) -> Iterator[tuple[Path, str]]:
    """The stages' files that become part of the result, and their names there."""
    sparse, model = posed.stage.folder / "sparse", finished.stage.folder
    for name in SPARSE:
        if name not in NEWER or (sparse / name).is_file():
            yield sparse / name, f"sparse/{name}"
    yield fused.ply, "points.ply"
    yield surfaced.ply, "mesh.ply"
    for path in (model / "model.glb", *sorted(model.glob(LODS)), model / "preview.png"):
        yield path, path.name


def assembled(
    stages: Stages, settings: Settings, found: Found, judged: Judged, posed: Posed, finished: Finished,
    compared: Compared,
) -> Report:  # fmt: skip
    """The report's data."""
    measured = finished.measured
    photos = (*photo_reports(judged, posed, finished, compared), *damaged_photos(found))
    return Report(
        made_by=f"Oberih {__version__}",
        made_at=paradata.now(),
        preset=preset_of(settings),
        complete=not missing(photos),
        remarks=tuple(remarks(photos, measured)),
        photos=photos,
        skipped_files=tuple(skipped_file(other) for other in found.others),
        poses=measured.poses,
        surface=measured.surface,
        error=measured.error,
        scale=measured.scale,
        up=measured.up,
        model_from_sparse=measured.model_from_sparse,
        fidelity=fidelity(compared),
        stages=paradata.stage_reports(stages.finished),
        settings=paradata.plain(settings),
        software=paradata.software(),
    )


def preset_of(settings: Settings) -> str:
    """The name of the preset that ``settings`` are."""
    return next((name for name in PRESETS if preset_settings(name) == settings), "custom")


def photo_reports(
    judged: Judged, posed: Posed, finished: Finished, compared: Compared
) -> Iterator[PhotoReport]:
    numbers = {photo.name: number for number, photo in enumerate(posed.photos)}
    likeness = {one.view: one for one in compared.fidelity.views}
    measured = finished.measured
    for photo, judgement in zip(judged.photos, judged.judgements, strict=True):
        number = numbers.get(photo.name)
        report = PhotoReport(
            name=photo.name,
            sha256=photo.sha256,
            width=photo.width,
            height=photo.height,
            camera=camera(photo),
            orientation=photo.orientation,
            used=number is not None,
            reason=""
            if number is not None
            else judgement.reason or posed.poses.unregistered.get(photo.name, NO_PLACE),
            advice=judgement.advice,
            copy_of="" if judgement.used else judgement.same_as,
            blur_px=known(judgement.blur_px),
            clipped=known(judgement.dark + judgement.bright),
        )
        if number is not None:
            like = likeness.get(photo.name)
            report = report.model_copy(
                update={
                    "rms_px": measured.rms_px[number],
                    "observations": measured.observations[number],
                    "covered": measured.covered[number],
                    "psnr_db": None if like is None else known(like.psnr_gained_db),
                    "ssim": None if like is None else known(like.ssim_gained),
                }
            )
        yield report


NO_PLACE = "Its place could not be found: it shows too little of what the others show."


def camera(photo: Photo) -> str:
    """Maker and model, without saying the maker twice."""
    maker, model = photo.make.strip(), photo.model.strip()
    return model if model.lower().startswith(maker.lower()) else f"{maker} {model}".strip()


def known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def fidelity(compared: Compared) -> Fidelity:
    """The figures of the comparison with the photos."""
    found = compared.fidelity
    over = "mean over the photos; compared where the model is seen, after equalising the exposure"
    without = "mean over some photos that the model was painted without, at a coarser level of detail"

    def told(value: float, unit: str, method: str) -> Figure:
        return figure(known(value), unit, method)

    return Fidelity(
        method="Left the photo, right the model from the same camera, black where there is no surface.",
        psnr=told(found.psnr_gained_db, "dB", over),
        ssim=told(found.ssim_gained, "", over),
        left_out_psnr=told(found.left_out_psnr_db, "dB", without),
        left_out_ssim=told(found.left_out_ssim, "", without),
        left_out=tuple(
            Comparison(
                photo=one.without_photo.view,
                psnr_db=one.without_photo.psnr_gained_db,
                ssim=one.without_photo.ssim_gained,
            )
            for one in found.left_out
            if np.isfinite(one.without_photo.psnr_gained_db)
        ),
    )


def pictures(
    stages: Stages, report: Report, found: Found, posed: Posed, finished: Finished, compared: Compared
) -> Pictures:
    """What the page shows."""
    thumbnails = {}
    numbers = {photo.name: number for number, photo in enumerate(posed.photos)}
    shown = [photo for photo in found.photos if photo.name in shown_photos(report)]
    with stages.progress.stage("report", len(shown)) as stage:
        for photo in shown:
            with suppress(UnreadablePhoto):  # the report says so in words
                small = read_photo(photo.path, max_pixels=4 * THUMBNAIL_PX**2)
                number = numbers.get(photo.name)
                turn = photo.orientation if number is None else as_seen(posed, finished, number)
                thumbnails[photo.name] = thumbnail(small, turn)
            stage.tick()
    to_model = np.array(finished.measured.model_from_sparse)
    centres = np.array([view.pose.centre for view in posed.scene.views])
    directions = np.array([view.pose.direction for view in posed.scene.views])
    plan = Plan(
        centres @ to_model[:3, :3].T + to_model[:3, 3],
        directions @ to_model[:3, :3].T,
        np.array(finished.measured.samples),
    )
    with Image.open(finished.stage.folder / "preview.png") as preview:
        return Pictures(
            np.asarray(preview.convert("RGB")), thumbnails, list(pairs(posed, finished, compared)), plan
        )


def as_seen(posed: Posed, finished: Finished, number: int) -> int:
    """The EXIF orientation that shows a photo upright: by its pose, since cameras often get it wrong."""
    own, up = posed.photos[number].orientation, finished.measured.up
    x, y, _ = posed.scene.views[number].pose.R @ np.array(up.direction)
    if not up.known or own not in (1, 3, 6, 8) or np.hypot(x, y) < 0.5:
        return own
    if abs(y) >= abs(x):
        return 1 if y < 0 else 3
    return 8 if x > 0 else 6


def pairs(posed: Posed, finished: Finished, compared: Compared) -> Iterator[Pair]:
    """A few photos beside the model, spread over the set."""
    views = compared.fidelity.views
    for number in np.unique(np.linspace(0, len(views) - 1, MOST_PAIRS + 2)[1:-1].round().astype(int)):
        name = views[number].picture
        if name is None:
            continue
        with Image.open(compared.stage.folder / name) as strip:  # photo | model | difference
            width = strip.width // 3
            photo, model = (
                np.asarray(strip.crop((i * width, 0, (i + 1) * width, strip.height))) for i in (0, 1)
            )
        orientation = as_seen(posed, finished, number)
        yield Pair(views[number].view, upright(photo, orientation), upright(model, orientation))
