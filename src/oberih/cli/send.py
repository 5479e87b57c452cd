"""``oberih send``: folders of recordings to a service, by its partners."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oberih.cli.progress import JsonLines
from oberih.cli.running import PathType, how_told, tell_result, working
from oberih.i18n import Language, say

if TYPE_CHECKING:
    from oberih.progress import Progress
    from oberih.work.sending import Parcel

__all__ = ["commands"]

PLACE = PathType(path_type=Path)
LICENCES = ("cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0", "archive-only")
KINDS = ("building", "monument", "statue", "object", "site", "street", "home", "other")


def commands(t: Language) -> list[click.Command]:
    """The commands, with help in the language ``t``."""
    return [send(t)]


def send(t: Language) -> click.Command:
    @click.command("send", help=t(SEND))
    @click.argument("paths", nargs=-1, required=True, type=PLACE)
    @click.option("--to", "url", required=True, metavar="URL", help=t("Address of the service."))
    @click.option(
        "--token-file", type=PLACE, metavar="FILE", help=t("A file with the token, not OBERIH_TOKEN.")
    )
    @click.option(
        "--sheet",
        type=PLACE,
        metavar="FILE",
        help=t("A CSV file or spreadsheet: each row is a contribution, of the files that it names."),
    )
    @click.option("--title", help=t("What it shows."))
    @click.option("--kind", type=click.Choice(KINDS), help=t("What kind of thing it is."))
    @click.option("--place", help=t("Where it is, in words. It is kept sealed."))
    @click.option("--licence", type=click.Choice(LICENCES), help=t("Under which others may use it."))
    @click.option(
        "--consent", "consents", multiple=True, type=click.Choice(["own", "keep", "named"]),
        help=t("own: you may give it; keep: the archive keeps it for good (both are needed); named: you want "
               "to be named."),
    )  # fmt: skip
    @click.option("--language", metavar="CODE", help=t("Of the title, such as uk."))
    @click.option("--collection", metavar="ID", help=t("The collection that it is for."))
    @click.option("--subject", metavar="ARK", help=t("The known thing that it shows."))
    @click.option(
        "--receipts",
        type=PLACE,
        metavar="FOLDER",
        help=t("Where receipts are kept (default: PATH.receipts)."),
    )
    @how_told(t)
    def command(
        paths: tuple[Path, ...], url: str, token_file: Path | None, sheet: Path | None,
        receipts: Path | None, progress_kind: str, **said: Any,
    ) -> None:  # fmt: skip
        from oberih.work.sending import deliver, open_line, read_token

        if sheet is not None and len(paths) != 1:
            raise click.UsageError(say("--sheet describes one folder."))
        details = {name: value for name, value in said.items() if value}
        if "consents" in details:
            details["consents"] = sorted(details["consents"])
        token, records, lines = read_token(os.environ, token_file), [], []
        with working(progress_kind, t) as (progress, shown):
            line = open_line(url, token, language=t.code, progress=progress)
            try:
                line.greet()  # before anything is read, and before anything is said to be there
                for path in paths:
                    for parcel in parcels(path, sheet, details, progress):
                        done = deliver(line, parcel, receipts or beside(path))
                        record = {"contribution": done.contribution, "title": parcel.title,
                                  "files": len(parcel.files), "bytes": parcel.bytes,
                                  "receipt": str(done.path), "before": done.before}  # fmt: skip
                        records.append(record)
                        if isinstance(shown, JsonLines):
                            shown.write({"kind": "delivered", **record})
                        arrived = t.say("Arrived: {title}", title=parcel.title)
                        there = t.say("There already: {title}", title=parcel.title)
                        lines.append(there if done.before else arrived)
            finally:
                line.close()
                if not isinstance(shown, JsonLines):  # what arrived is told, whatever becomes of the rest
                    tell_result(shown, {}, lines)
        if isinstance(shown, JsonLines):
            tell_result(shown, {"delivered": records}, [])
            return
        where = sorted({str(Path(str(one["receipt"])).parent) for one in records})
        click.echo(t.say("Receipts, compared with the files: {count}, in {folders}",
                         count=len(records), folders=", ".join(where)))  # fmt: skip

    return command


SEND = """Send recordings to a service: each PATH (a folder or a file) as one contribution.

The token of your account there (scope write:contributions) is read from OBERIH_TOKEN or a file. Run the same
command again after a break: it goes on where it was, and sends nothing twice."""


def beside(path: Path) -> Path:
    whole = path.resolve()
    return whole.with_name(f"{whole.name}.receipts")


def parcels(
    path: Path, sheet: Path | None, details: Mapping[str, Any], progress: "Progress"
) -> "Sequence[Parcel]":
    from oberih.work.sending import parcel_of, parcels_of_sheet

    if sheet is not None:
        return parcels_of_sheet(path, sheet, details, progress)
    return [parcel_of(path, details, progress)]
