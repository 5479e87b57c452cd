"""``oberih export``, ``import``, ``formats``: models to other programs, and from them."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oberih.cli.deposit import tell_receipts
from oberih.cli.running import PathType, archive_option, how_told, tell_result, told, working
from oberih.errors import Cancelled, InputError
from oberih.i18n import Language, available, say

if TYPE_CHECKING:
    from oberih.archive import Deposited
    from oberih.formats import Format, Model
    from oberih.progress import Progress
    from oberih.reconstruct.import_report import ImportReport

__all__ = ["commands"]

FILE = PathType(path_type=Path)
MERE = 8  # a part of so few triangles may vanish


def commands(t: Language) -> list[click.Command]:
    """The commands, with help in the language ``t``."""
    return [export(t), importing(t), formats(t)]


def formats(t: Language) -> click.Command:
    @click.command("formats", help=t("List the 3D formats: what each keeps, in and out."))
    @click.option("--json", "as_json", is_flag=True, help=t("As JSON."))
    @click.option(
        "--lang", type=click.Choice(available()), expose_value=False, help=t("Language of messages.")
    )
    def command(as_json: bool) -> None:
        from oberih.formats import table

        rows = table()
        if as_json:
            click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
            return
        head = [t("format"), t("ending"), t("out"), t("in"), t("keeps")]
        lines = [head] + [
            [
                row["name"], row["extension"] or t("folder"), "✓" if row["export"] else "–",
                "✓" if row["import"] else "–", ", ".join(t(one) for one in row["keeps"]),
            ]
            for row in rows
        ]  # fmt: skip
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        for line in lines:
            click.echo(
                "  ".join([cell.ljust(width) for cell, width in zip(line, widths, strict=False)] + line[4:])
            )

    return command


def export(t: Language) -> click.Command:
    @click.command("export", help=t(EXPORT))
    @click.argument("model", type=FILE)
    @click.option(
        "--to", "name", required=True, metavar="FORMAT", help=t("Name of the format (see `oberih formats`).")
    )
    @click.option("-o", "--out", required=True, metavar="FILE", type=FILE,
                  help=t("The file; for 3D Tiles, COLMAP and nerfstudio a new folder."))  # fmt: skip
    @click.option("--triangles", metavar="N", type=click.IntRange(min=4),
                  help=t("Simplify to at most so many triangles."))  # fmt: skip
    @click.option("--texture", metavar="PIXELS", type=click.IntRange(min=16, max=16384),
                  help=t("Make the texture at most so wide and high."))  # fmt: skip
    @click.option("--photo-names", is_flag=True,
                  help=t("Leave the photos their names (they may tell of a place or a person)."))  # fmt: skip
    @how_told(t)
    def command(
        model: Path, name: str, out: Path, triangles: int | None, texture: int | None, photo_names: bool,
        progress_kind: str,
    ) -> None:  # fmt: skip
        from oberih.formats import format_named, load_model

        wanted = format_named(name)
        refuse_same(model, out)
        refuse_other_kind(wanted, out)
        with stopped(say("Nothing was written.")), working(progress_kind, t) as (progress, shown):
            with progress.stage("reading", 1) as stage:
                given = load_model(model, wanted, photo_names=photo_names, progress=progress)
                stage.tick(1)
            given = made_smaller(given, wanted, triangles, texture, progress)
            with progress.stage("exporting", 1):  # no tick at its end: what is written is not stopped
                wanted.write(out, given, progress)
        record: dict[str, object] = {
            "out": str(out), "format": wanted.name, "triangles": given.triangles,
            "scale_known": given.scale_known, "notes": list(given.notes),
        }  # fmt: skip
        lines = [t.say("{out}: {name}", out=out, name=wanted.title), *(t(note) for note in given.notes)]
        if not given.scale_known:
            lines.append(t("Scale unknown: one unit of the model is written as one metre."))
        tell_result(shown, record, lines)

    return command


def refuse_same(model: Path, out: Path) -> None:
    if out.exists() and model.exists() and out.samefile(model):
        raise InputError("The export would take the place of the model itself.", "Give another name with -o.")


def refuse_other_kind(wanted: "Format", out: Path) -> None:
    """``out`` must not be called like a file of another format, in whose programs it would not open."""
    from oberih.formats import FORMATS

    if not wanted.extension:
        if out.exists() and not out.is_dir():
            raise InputError(
                say("{path} is a file, and {name} is written as a folder.", path=out, name=wanted.title),
                "Give an empty or a new folder.",
            )
        return
    name = out.name.lower()
    if name.endswith(wanted.extension) or wanted.extension.endswith(out.suffix.lower()):
        return
    others = [one for one in FORMATS if one.extension and name.endswith(one.extension)]
    if any(one.module != wanted.module for one in others):
        raise InputError(
            say("{path} does not end in {ending}, as {name} does.",
                path=out, ending=wanted.extension, name=wanted.title),
            say("Give -o a name that ends in {ending}.", ending=wanted.extension),
        )  # fmt: skip


@contextmanager
def stopped(advice: str) -> Iterator[None]:
    """What begins anew each time does not go on from where it was stopped: ``advice`` says what to do."""
    try:
        yield
    except Cancelled as error:
        raise Cancelled("Stopped.", advice) from error


def made_smaller(
    given: "Model", wanted: "Format", triangles: int | None, texture: int | None, progress: "Progress"
) -> "Model":
    """The model with at most so many triangles, and textures of at most so many pixels."""
    from oberih.geometry.simplify import simplified, smaller_texture

    if (triangles or texture) and "mesh" not in wanted.keeps:
        raise click.UsageError(say("--triangles and --texture are for formats that keep a surface."))
    parts = []
    if not triangles and not texture:
        return given
    sizes = [len(part.faces) for part in given.parts]
    shares = shared(sizes, triangles) if triangles and triangles < given.triangles else sizes
    with progress.stage("simplifying", max(given.triangles, 1)) as stage:
        for part, share in zip(given.parts, shares, strict=True):
            if share:
                small = simplified(part, share, progress=progress)
                parts.append(smaller_texture(small, texture) if texture else small)
            stage.tick(len(part.faces))
    if triangles:  # closed parts keep four faces or so: the least may go for the others
        total = sum(len(part.faces) for part in parts)
        for part in sorted(parts, key=lambda part: len(part.faces)):
            if total > triangles and len(part.faces) < total and len(part.faces) <= MERE:
                parts = [one for one in parts if one is not part]
                total -= len(part.faces)
    found = replace(given, parts=tuple(parts))
    if triangles and found.triangles > triangles:
        note = say("It could not be simplified below {count:,d} triangles.", count=found.triangles)
        found = replace(found, notes=(*given.notes, note))
    return found


def shared(sizes: list[int], triangles: int) -> list[int]:
    """How many of so many triangles each part gets; the smallest may get none."""
    shares = [triangles * size // max(sum(sizes), 1) for size in sizes]
    for number in sorted(range(len(sizes)), key=lambda one: -sizes[one]):
        if sum(shares) < triangles and shares[number] < sizes[number]:
            shares[number] += 1
    return shares


def importing(t: Language) -> click.Command:
    @click.command("import", help=t(IMPORT))
    @click.argument("file", type=FILE)
    @click.option("-o", "--out", metavar="OUT", type=FILE, help=t("Folder for the model."))
    @click.option(
        "--from",
        "name",
        default="",
        metavar="FORMAT",
        help=t("Name of the format, if the file's name does not tell."),
    )
    @click.option(
        "--unit",
        default="",
        metavar="UNIT",
        help=t("Unit of the numbers, if the file does not say: m, cm, mm, km, ft, in."),
    )
    @archive_option(t, required=False)
    @click.option("--title", default="", help=t("What it shows (for the archive)."))
    @how_told(t)
    def command(
        file: Path,
        out: Path | None,
        name: str,
        unit: str,
        folder: Path | None,
        title: str,
        progress_kind: str,
    ) -> None:
        from oberih.archive import open_archive
        from oberih.formats.companions import companions
        from oberih.reconstruct.imported import import_model
        from oberih.work import preserve_and_import

        if out is None and folder is None:
            raise click.UsageError(say("Give -o OUT, or --archive FOLDER, or both."))
        if not file.is_file():
            raise InputError(say("There is no file {path}.", path=file), "Check the spelling of the path.")
        kept: list[Deposited] = []
        with stopped(say("Run the same command again: it begins anew.")), ExitStack() as stack:
            place = (
                out
                or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oberih-import-"))) / "model"
            )
            try:
                with working(progress_kind, t, out and out / "work" / "error.log") as (progress, shown):
                    walked = None
                    if folder is None:
                        made = import_model(
                            file, place, files=companions(file), name=name, unit=unit, progress=progress
                        )
                    else:
                        archive = open_archive(folder, create=True)
                        walked = preserve_and_import(
                            archive,
                            file,
                            place,
                            name=name,
                            unit=unit,
                            title=title,
                            progress=progress,
                            tell=kept.append,
                        )
                        made = walked.imported
            except BaseException:  # what is safe is told, whatever became of the rest
                if kept:
                    tell_receipts(shown, kept, t)
                raise
        record: dict[str, object] = {"out": str(out) if out else "", "scale_known": made.report.scale.known}
        lines = summary(made.report, out, t)
        if walked:
            record |= {"capture": walked.original.id, "model": walked.model.id,
                       "not_done": [trouble.error.message for trouble in walked.troubles]}  # fmt: skip
            lines += [
                t.say("In the archive: as it came {id}", id=walked.original.id),
                t.say("In the archive: model {id}", id=walked.model.id),
                *told(walked.troubles, t),
            ]
        tell_result(shown, record, lines)
        if walked and walked.troubles:
            sys.exit(walked.troubles[0].error.exit_code)

    return command


def summary(report: "ImportReport", out: Path | None, t: Language) -> list[str]:
    lines = [
        t.say("It has: {what}.", what=", ".join(t(one) for one in report.has)),
        t.say("It lacks: {what}.", what=", ".join(t(one) for one in report.lacks)),
        *(t(remark) for remark in report.remarks),
    ]
    if not report.scale.known:
        lines.append(t("Scale unknown. If you know the unit of the numbers, give it with --unit."))
    if out:
        lines.append(t.say("Report: {path}", path=out / "report.html"))
    return lines


EXPORT = """Write a model in another format.

MODEL is a 3D file, or the folder that `oberih reconstruct` or `oberih import` made (formats of cameras need
the folder). What is written tells nothing of place, person or machine; lengths are metres.
"""

IMPORT = """Take in a 3D model that somebody else made.

It is checked, measured and described in OUT, like a model of `oberih reconstruct`, with the file itself, as
it came, in OUT/originals. With --archive it is deposited before anything reads it.
"""
