"""The recipe: photos in, a measured model out. Every step is a stage that is done once (see `stages`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oberih.capture import Found, find_photos
from oberih.capture.listing import check_given, printable
from oberih.capture.photos import ENDINGS
from oberih.errors import InputError, NoPhotos, UnreadablePhoto
from oberih.geometry.kernels import start_warp
from oberih.i18n import say
from oberih.progress import Progress
from oberih.reconstruct import steps
from oberih.reconstruct.figures import Report
from oberih.reconstruct.output import Output, made_by_oberih
from oberih.reconstruct.publish import VERSION, publish
from oberih.reconstruct.scale import KnownDistance, check_marks
from oberih.reconstruct.settings import Settings
from oberih.reconstruct.stages import Stages, content_hash

__all__ = ["Result", "reconstruct"]

NAMED = 5  # files that an advice names, at most


@dataclass(frozen=True)
class Result:
    """Where everything is, and what was measured. See ``docs/how-it-works.md`` for the files."""

    out: Path
    report: Report

    @property
    def model_glb(self) -> Path:
        """The textured model: y up, metres if the scale is known."""
        return self.out / "model.glb"

    @property
    def mesh_ply(self) -> Path:
        """The surface with colours and confidence, in the frame of `sparse`."""
        return self.out / "mesh.ply"

    @property
    def points_ply(self) -> Path:
        """The dense points, in the frame of `sparse`."""
        return self.out / "points.ply"

    @property
    def sparse(self) -> Path:
        """Cameras and sparse points as COLMAP writes them."""
        return self.out / "sparse"

    @property
    def preview_png(self) -> Path:
        return self.out / "preview.png"

    @property
    def report_html(self) -> Path:
        """The report to read."""
        return self.out / "report.html"

    @property
    def report_json(self) -> Path:
        """The report for programs; `report` is what it holds."""
        return self.out / "report.json"

    @property
    def paradata_json(self) -> Path:
        """How the result came about."""
        return self.out / "paradata.json"


def reconstruct(
    photos: Iterable[Path | str] | Path | str,
    out: Path | str,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
    scale: KnownDistance | None = None,
) -> Result:
    """Make a measured, textured model of what ``photos`` show, in the folder ``out``.

    ``photos`` are files or folders, or a single one; they are only ever read. Work is kept in
    ``out/work``: the same call again goes on where the last one stopped, and redoes only what other photos
    or settings change. ``settings`` are the preset "standard" by default (see `preset_settings`).
    ``progress`` is told what happens and can be asked to stop. ``scale`` gives the model its size; without
    it the scale is unknown.

    Raises `OberihError` (see `oberih.errors`); ``out`` then holds what it held before: no result that looks
    whole, or the whole one of an earlier run.
    """
    progress, settings = progress or Progress(), settings or Settings()
    photos = [photos] if isinstance(photos, Path | str) else list(photos)
    if str(out) == "":
        raise InputError("The path of the result is empty.", "Give a folder for the result with -o.")
    for path in photos:
        check_given(path)  # told before a folder is made
    with Output.opened(Path(out)) as output:
        found = find(photos, output, progress)
        if scale is not None:
            check_marks(scale, found.photos)
        given = [(photo.name, photo.sha256) for photo in found.photos]
        others = [(other.path.name, str(other.reason), other.sha256) for other in found.others]
        key = content_hash([given, others, settings, scale, VERSION, steps.VERSION])
        if not output.holds(key):
            report = make(found, settings, scale, Stages(output.work, progress), output, key)
            return Result(output.out, report)
        progress.reused("report")
        return Result(output.out, Report.model_validate_json((output.out / "report.json").read_bytes()))


def make(
    found: Found, settings: Settings, scale: KnownDistance | None, stages: Stages, output: Output, key: str
) -> Report:
    """The recipe."""
    start_warp()
    judged = steps.judge_photos(stages, found.photos)
    posed = steps.find_poses(stages, judged, settings)
    depth = steps.measure_depth(stages, posed, settings)
    fused = steps.fuse_depth(stages, posed, depth, settings)
    surfaced = steps.find_surface(stages, posed, depth, fused, settings)
    painted = steps.paint_surface(stages, posed, surfaced, settings)
    finished = steps.measure(stages, posed, fused, surfaced, painted, settings, scale)
    compared = steps.compare(stages, posed, painted, settings)
    return publish(output, stages, settings, found, judged, posed, fused, surfaced, finished, compared, key)


def find(photos: Sequence[Path | str], output: Output, progress: Progress) -> Found:
    """The photos that were given, without what this and other runs have made."""
    found = find_photos(photos, ignore=[output.work], progress=progress)
    found = Found(
        tuple(photo for photo in found.photos if not made_by_oberih(photo.path)),
        tuple(other for other in found.others if not made_by_oberih(other.path)),
    )
    if len(found.photos) < 2:
        raise too_few(found)
    return found


def too_few(found: Found) -> NoPhotos | UnreadablePhoto:
    """Why fewer than two photos were found."""
    told = "Take at least 20 photos around the thing, each overlapping the one before by two thirds."
    telling = [
        other
        for other in found.others
        if other.photo or other.advice or other.path.suffix.lower() in ENDINGS  # was given as a photo
    ]
    if found.photos and not telling:
        return NoPhotos("There is only one photo.", told)
    others = telling or found.others
    if not others:
        return NoPhotos("There are no photos.", told)
    other = next((other for other in others if other.advice), others[0])
    name, reason = printable(other.path.name), other.reason
    advice = other.advice or told
    rest = [printable(one.path.name) for one in others if one is not other]
    if rest:
        names = ", ".join(rest[:NAMED]) + (", …" if len(rest) > NAMED else "")
        advice = say("{advice} These cannot be read either: {names}.", advice=advice, names=names)
    return UnreadablePhoto(
        say("Only one photo can be read. {name}: {reason}.", name=name, reason=reason)
        if found.photos
        else say("No photo can be read. {name}: {reason}.", name=name, reason=reason),
        advice,
    )
