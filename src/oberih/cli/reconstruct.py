"""``oberih reconstruct``: photos in, a measured model out."""

import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oberih.cli.progress import JsonLines, face
from oberih.cli.stopping import stoppable
from oberih.errors import OberihError
from oberih.i18n import Language, available, say
from oberih.progress import Progress

if TYPE_CHECKING:
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
            self.fail(f"{value!r} is not PHOTO:X,Y, for example IMG_0001.jpg:1204,833", param, ctx)
        try:
            return Mark(found[1], float(found[2]), float(found[3]))
        except ValueError:
            self.fail(f"{value!r} has a coordinate that is not a number", param, ctx)


class Unexpected(OberihError):
    """A defect of Oberih itself."""

    exit_code = 70  # EX_SOFTWARE of sysexits.h


def reconstruct_command(t: Language) -> click.Command:
    """The command, with help in the language ``t``."""

    @click.command("reconstruct", help=t(HELP))
    @click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
    @click.option(
        "-o", "--out", required=True, metavar="OUT", type=click.Path(path_type=Path),
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
    @click.option(
        "--progress", "progress_kind", type=click.Choice(["auto", "plain", "json"]), default="auto",
        show_default=True,
        help=t("How progress is shown: a live display on a terminal, plain lines, JSON lines."),
    )  # fmt: skip
    @click.option("--lang", type=click.Choice(available()), help=t("Language of messages."))
    def command(
        photos: tuple[Path, ...], out: Path, preset: "Preset",
        distance: float | None, distance_error: float | None,
        point_a: tuple[Any, ...], point_b: tuple[Any, ...],
        progress_kind: str, lang: str | None,  # noqa: ARG001 - read before, see `asked_language`
    ) -> None:  # fmt: skip
        shown = face(progress_kind, t)
        progress = Progress(shown)
        # Heavy libraries load only now, so that --help and mistakes in the command answer at once.
        from oberih.reconstruct import KnownDistance, preset_settings, reconstruct

        if distance is None and (point_a or point_b or distance_error is not None):
            raise click.UsageError("--point-a, --point-b and --distance-error need --distance.")
        scale = None if distance is None else KnownDistance(distance, point_a, point_b, distance_error)
        with stoppable(progress.stop, t):
            try:
                with shown.shown():
                    result = reconstruct(photos, out, preset_settings(preset), progress=progress, scale=scale)
            except (OberihError, click.ClickException):
                raise
            except Exception as error:
                raise unexpected(out) from error
        if isinstance(shown, JsonLines):
            shown.write({"kind": "result", "out": str(out), "report": str(result.report_json)})
        else:
            for line in summary(result, t):
                click.echo(line)

    return command


HELP = """Turn photos of a thing into a measured, textured 3D model.

PHOTOS are files or folders. What is found, how good it is, and which photos were used and why is told
in OUT/report.html. Ctrl-C stops; the same command again goes on from there."""


def unexpected(out: Path) -> Unexpected:
    """The error to show instead of a traceback, which goes into a log."""
    log = out / "work" / "error.log"
    advice = say("This is a defect of Oberih. Please report it with the file {log}.", log=log)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
    except OSError:
        traceback.print_exc(file=sys.stderr)
        advice = say("This is a defect of Oberih. Please report it with the lines above.")
    last = traceback.format_exc().strip().splitlines()[-1]
    return Unexpected(say("Something unexpected went wrong: {error}", error=last), advice)


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
