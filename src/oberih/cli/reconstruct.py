"""``oberih reconstruct``: photos in, a measured model out."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oberih.cli.deposit import tell_receipts
from oberih.cli.running import PathType, archive_option, how_told, tell_result, told, working
from oberih.i18n import Language, say

if TYPE_CHECKING:
    from oberih.archive import Deposited
    from oberih.reconstruct import Result
    from oberih.reconstruct.settings import Preset

__all__ = ["reconstruct_command"]

PRESETS = ("draft", "standard", "high")


class MarkType(click.ParamType[Any]):
    """``PHOTO:X,Y`` on the command line."""

    name = "PHOTO:X,Y"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from oberih.reconstruct.scale import Mark

        found = re.fullmatch(r"(.+):\s*([0-9.]+)\s*[,x]\s*([0-9.]+)", str(value))
        if found is None:
            self.fail(
                say("{value} is not PHOTO:X,Y, for example IMG_0001.jpg:1204,833", value=repr(value)),
                param,
                ctx,
            )
        try:
            return Mark(found[1], float(found[2]), float(found[3]))
        except ValueError:
            self.fail(say("{value} has a coordinate that is not a number", value=repr(value)), param, ctx)


def reconstruct_command(t: Language) -> click.Command:
    """The command, with help in the language ``t``."""

    @click.command("reconstruct", help=t(HELP))
    @click.argument("photos", nargs=-1, required=True, type=PathType(path_type=Path))
    @click.option(
        "-o", "--out", required=True, metavar="OUT", type=PathType(path_type=Path),
        help=t("Folder for the result. Run again with the same folder to go on after a stop."),
    )  # fmt: skip
    @click.option(
        "--preset", type=click.Choice(PRESETS), default="standard", show_default=True,
        help=t("How much detail for how much time."),
    )  # fmt: skip
    @click.option(
        "--distance", metavar="METRES", type=click.FloatRange(min=0, min_open=True),
        help=t("A distance measured on the thing itself, between two points that are marked in the photos "
               "with --point-a and --point-b. It gives the model its scale; "
               "without it the scale is unknown."),
    )  # fmt: skip
    @click.option(
        "--distance-error", metavar="METRES", type=click.FloatRange(min=0),
        help=t("How far off the measured distance may be (95 %)."),
    )  # fmt: skip
    @click.option(
        "--point-a", multiple=True, type=MarkType(),
        help=t("Where the first point is in a photo: pixels from the upper left corner, as an image viewer "
               "shows them. Give it at least twice, for different photos."),
    )  # fmt: skip
    @click.option("--point-b", multiple=True, type=MarkType(), help=t("The same for the second point."))
    @archive_option(t, required=False)
    @click.option("--title", default="", help=t("What it shows (for the archive)."))
    @how_told(t)
    def command(
        photos: tuple[Path, ...], out: Path, preset: "Preset", distance: float | None,
        distance_error: float | None, point_a: tuple[Any, ...], point_b: tuple[Any, ...],
        folder: Path | None, title: str, progress_kind: str,
    ) -> None:  # fmt: skip
        # Heavy libraries load only now, so that --help and mistakes in the command answer at once.
        from oberih.reconstruct import KnownDistance, preset_settings, reconstruct

        if distance is None and (point_a or point_b or distance_error is not None):
            raise click.UsageError(say("--point-a, --point-b and --distance-error need --distance."))
        scale = None if distance is None else KnownDistance(distance, point_a, point_b, distance_error)
        kept: list[Deposited] = []
        try:
            with working(progress_kind, t, out / "work" / "error.log") as (progress, shown):
                chosen = preset_settings(preset)
                if folder is None:
                    result = reconstruct(photos, out, chosen, progress=progress, scale=scale)
                    walked = None
                else:
                    from oberih.archive import open_archive
                    from oberih.work import preserve_and_reconstruct

                    archive = open_archive(folder, create=True)
                    walked = preserve_and_reconstruct(
                        archive, photos, out, chosen, progress=progress, scale=scale, title=title,
                        tell=kept.append,
                    )  # fmt: skip
                    result = walked.result
        except BaseException:  # what is safe is told, whatever became of the rest
            if kept:
                tell_receipts(shown, kept, t)
            raise
        record: dict[str, object] = {"out": str(out), "report": str(result.report_json)}
        lines = summary(result, t)
        if walked:
            record |= {"capture": walked.capture.id, "model": walked.model.id,
                       "not_done": [trouble.error.message for trouble in walked.troubles]}  # fmt: skip
            lines += [
                t.say("In the archive: capture {id}", id=walked.capture.id),
                t.say("In the archive: model {id}", id=walked.model.id),
                *told(walked.troubles, t),
            ]
        tell_result(shown, record, lines)
        if walked and walked.troubles:
            sys.exit(walked.troubles[0].error.exit_code)

    return command


HELP = """Turn photos of a thing into a measured, textured 3D model.

PHOTOS are files or folders. What is found, how good it is, and which photos were used and why is told
in OUT/report.html. Ctrl-C stops; the same command again goes on from there."""


def summary(result: "Result", t: Language) -> list[str]:
    """What came out, in a few lines."""
    report, surface = result.report, result.report.surface
    used = sum(photo.used for photo in report.photos)
    lines = [
        t.say("{used} of {count} photo used, {triangles:,d} triangles.",
              "{used} of {count} photos used, {triangles:,d} triangles.",
              used=used, count=len(report.photos), triangles=surface.triangles),
    ]  # fmt: skip
    sample = surface.ground_sample_distance.value
    if not report.scale.known:
        lines.append(t("Scale: unknown. Lengths are in units of the model (see --distance)."))
    elif sample is not None:
        lines.append(
            t.say("Scale: known. A pixel of a photo covers {mm:.2f} mm of the surface.", mm=1000 * sample)
        )
    error = report.error.total.value
    if error is not None and report.scale.known:
        lines.append(t.say("Error: {mm:.1f} mm (95 %).", mm=1000 * error))
    lines += [t(remark) for remark in report.remarks]
    return [*lines, t.say("Report: {path}", path=result.report_html)]
