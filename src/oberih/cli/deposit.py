"""``oberih deposit``, ``list``, ``show``, ``describe``, ``package``: into the archive, and out of it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oberih.cli.progress import JsonLines
from oberih.cli.running import (
    Face,
    PathType,
    archive_option,
    how_told,
    key_option,
    keys,
    tell_result,
    working,
)
from oberih.errors import InputError, OberihError
from oberih.i18n import Language, say

if TYPE_CHECKING:
    from oberih.archive import Deposited
    from oberih.archive.metadata import Description

__all__ = ["commands"]

FORMS = ("json", "premis", "dublin-core", "lido", "edm", "schema-org", "smithsonian")
EXISTING = PathType(path_type=Path)


def commands(t: Language) -> list[click.Command]:
    """The commands, with help in the language ``t``."""
    return [deposit(t), listing(t), show(t), describe(t), package(t)]


def deposit(t: Language) -> click.Command:
    @click.command("deposit", help=t(DEPOSIT))
    @click.argument("paths", nargs=-1, type=EXISTING)
    @archive_option(t)
    @click.option("--title", default="", help=t("What it shows."))
    @click.option(
        "--description",
        "described",
        metavar="FILE",
        type=EXISTING,
        help=t("A description (JSON, see docs/description.schema.json)."),
    )
    @click.option(
        "--person", default="", metavar="PSEUDONYM", help=t("Who recorded it (see `oberih people`).")
    )
    @click.option("--conditions", default="", help=t("Light, weather, what was in the way."))
    @click.option("--bag", is_flag=True, help=t("PATHS are BagIt bags (folders, .zip, .tar)."))
    @click.option(
        "--sheet",
        metavar="FILE",
        type=EXISTING,
        help=t("A CSV file or spreadsheet that describes the files in PATHS, row by row."),
    )
    @click.option(
        "--from-archive",
        metavar="STORE",
        help=t("Take all objects of another archive: the path or the URL of one of its stores."),
    )
    @click.option(
        "--local", is_flag=True, help=t("Copy nothing to other stores now (see `oberih replicate`).")
    )
    @key_option(t)
    @how_told(t)
    def command(
        paths: tuple[Path, ...], folder: Path, title: str, described: Path | None, person: str,
        conditions: str, bag: bool, sheet: Path | None, from_archive: str | None, local: bool,
        key_files: tuple[Path, ...], progress_kind: str,
    ) -> None:  # fmt: skip
        from oberih.archive import deposit_capture, open_archive, replicate
        from oberih.archive.exchange import adopt, deposit_bag, deposit_sheet
        from oberih.archive.rebuild import surviving

        refuse_lost(
            paths,
            {
                "--bag": bag, "--sheet": sheet, "--from-archive": from_archive, "--person": person,
                "--conditions": conditions, "--description": described, "--title": title,
            },
        )  # fmt: skip
        description = read_description(described)
        made: list[Deposited] = []
        lines, troubles, there = [], [], []
        try:
            with working(progress_kind, t, folder / "error.log") as (progress, shown):
                archive, keep = open_archive(folder, create=True), keeper(made, shown)
                if from_archive:
                    _, held = surviving(archive, from_archive)
                    adopted = adopt(archive, held, identities=keys(key_files, t), progress=progress)
                    lines.append(t.say("{count} objects taken over.", count=len(adopted.objects)))
                    troubles += adopted.troubles
                elif bag:
                    for path in paths:
                        keep(deposit_bag(archive, path, title=title, progress=progress))
                elif sheet:
                    if len(paths) != 1:
                        raise click.UsageError(say("--sheet describes one folder."))
                    there = deposit_sheet(archive, paths[0], sheet, progress=progress, tell=keep).there
                    lines += [t.say("Already there: {id}", id=one) for one in there]
                else:
                    keep(
                        deposit_capture(archive, paths, title=title, description=description, person=person,
                                        conditions=conditions, progress=progress)
                    )  # fmt: skip
        finally:  # what was deposited is told, whatever becomes of the rest
            if made:
                tell_receipts(shown, made, t, told=True)
        if not local and len(archive.settings.stores) > 1:
            with working(progress_kind, t, folder / "error.log") as (progress, shown):
                troubles += replicate(archive, progress=progress).troubles
        lines += [t.say("Not done: {what}", what=t(trouble.error.message)) for trouble in troubles]
        records = [record(one) for one in made]
        refused = [trouble.error.message for trouble in troubles]
        tell_result(shown, {"deposited": records, "already_there": there, "not_done": refused}, lines)
        if troubles:
            sys.exit(troubles[0].error.exit_code)

    return command


def refuse_lost(paths: Sequence[Path], given: Mapping[str, object]) -> None:
    """Raise `UsageError` if something was given that the way of depositing has no place for."""
    if not paths and not given["--from-archive"]:
        raise click.UsageError(say("Give the files or folders to deposit."))
    way = next((name for name in KEPT if given[name]), "")
    if not way:
        return
    lost = [name for name, value in given.items() if value and name not in (way, *KEPT[way])]
    if paths and way == "--from-archive":
        lost.append(str(paths[0]))
    if lost:
        raise click.UsageError(
            say("{way} does not go together with {others}.", way=way, others=", ".join(lost))
        )


KEPT = {"--bag": ("--title",), "--sheet": (), "--from-archive": ()}  # what goes together with these

DEPOSIT = """Put recordings into the archive, untouched, before anything else happens to them.

PATHS are files or folders, one capture together. What is said at the end is the receipt: the identifier, and
a digest that stands for every byte. If FOLDER holds no archive yet, a new one is made."""


def record(made: "Deposited") -> dict[str, object]:
    return {"id": made.id, "version": made.version, "inventory_digest": made.digest, "bytes": made.bytes,
            "files": dict(made.files)}  # fmt: skip


def receipt(made: "Deposited", t: Language) -> list[str]:
    return [
        t.say("Deposited: {id} ({version}), {count} files, {size:.1f} MB.",
              id=made.id, version=made.version, count=len(made.files), size=made.bytes / 1e6),
        t.say("Digest (SHA-512 of the inventory): {digest}", digest=made.digest),
    ]  # fmt: skip


def keeper(made: "list[Deposited]", shown: Face) -> "Callable[[Deposited], None]":
    """Adds to ``made``, and tells programs at once: whatever becomes of the rest."""

    def keep(one: "Deposited") -> None:
        made.append(one)
        if isinstance(shown, JsonLines):
            shown.write({"kind": "deposited", **record(one)})

    return keep


def tell_receipts(shown: Face, made: "Sequence[Deposited]", t: Language, *, told: bool = False) -> None:
    """A JSON line each for programs, unless they were ``told``; for people their lines, or how many if they
    are many.
    """
    if isinstance(shown, JsonLines):
        for one in () if told else made:
            shown.write({"kind": "deposited", **record(one)})
        return
    lines = [t.say("{count} captures deposited.", count=len(made))]
    for line in lines if len(made) >= 20 else [line for one in made for line in receipt(one, t)]:
        click.echo(line)


def read_description(path: Path | None) -> "Description | None":
    from oberih.archive.metadata import Description

    if path is None:
        return None
    try:
        return Description.load(path.read_bytes())
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(
            say("{path} cannot be read: {why}", path=path, why=why),
            "Check the spelling of the path, and that you may read what is there.",
        ) from error


def listing(t: Language) -> click.Command:
    @click.command("list", help=t("What is in the archive."))
    @archive_option(t)
    @click.option("--kind", default="", help=t("Only this kind: capture, model, journal."))
    @how_told(t)
    def command(folder: Path, kind: str, progress_kind: str) -> None:
        from oberih.archive import open_archive

        with working(progress_kind, t) as (_, shown):
            archive = open_archive(folder)
            entries = list(archive.index.objects(kind))
        lines = [
            f"{e.id}  {printable(e.kind):8} {e.head:>4} {e.bytes / 1e6:10.1f} MB  {printable(e.title)}"
            for e in entries
        ]
        tell_result(shown, {"objects": [vars(entry) for entry in entries]}, lines or [t("Nothing yet.")])

    return command


def printable(text: str) -> str:
    """One line of a terminal: no control characters, and not endless."""
    shown = "".join(letter if letter.isprintable() else "·" for letter in text[:200])
    return shown + "…" * (len(text) > 200)


def show(t: Language) -> click.Command:
    @click.command("show", help=t("What is known of an object, in a standard's own form."))
    @click.argument("identifier")
    @archive_option(t)
    @click.option(
        "--as", "form", type=click.Choice(FORMS), default="json", show_default=True, help=t("The standard.")
    )
    @click.option(
        "--page", default="", metavar="URL", help=t("The page that shows it (default: the resolver's).")
    )
    @how_told(t)
    def command(identifier: str, folder: Path, form: str, page: str, progress_kind: str) -> None:
        from oberih.archive import open_archive
        from oberih.archive.showing import shown_as

        unreadable: list[OberihError] = []
        with working(progress_kind, t):
            data = shown_as(open_archive(folder), identifier, form, page=page, unreadable=unreadable)
        for error in unreadable:
            click.echo(t.say("Left out: {what}", what=t(error.message)), err=True)
        click.echo(data.decode(), nl=not data.endswith(b"\n"))

    return command


def describe(t: Language) -> click.Command:
    @click.command("describe", help=t("Give an object another description: a new version of it."))
    @click.argument("identifier")
    @click.argument("file", type=EXISTING)
    @archive_option(t)
    @how_told(t)
    def command(identifier: str, file: Path, folder: Path, progress_kind: str) -> None:
        from oberih.archive import describe as describe_object
        from oberih.archive import open_archive

        description = read_description(file)
        assert description is not None
        with working(progress_kind, t, folder / "error.log") as (progress, shown):
            made = describe_object(open_archive(folder), identifier, description, progress=progress)
        tell_result(shown, record(made), receipt(made, t))

    return command


def package(t: Language) -> click.Command:
    @click.command("package", help=t("Give an object to somebody: as a BagIt bag, or as an RO-Crate."))
    @click.argument("identifier")
    @archive_option(t)
    @click.option(
        "-o",
        "--out",
        required=True,
        type=EXISTING,
        metavar="OUT",
        help=t("The new folder, or a new .zip or .tar file for a bag."),
    )
    @click.option("--as", "form", type=click.Choice(["bag", "ro-crate"]), default="bag", show_default=True)
    @click.option(
        "--fetch",
        default="",
        metavar="URL",
        help=t("Leave large files out of the bag, to be fetched from under this address."),
    )
    @how_told(t)
    def command(identifier: str, folder: Path, out: Path, form: str, fetch: str, progress_kind: str) -> None:
        from oberih.archive import open_archive
        from oberih.archive.exchange import as_bag, as_crate

        with working(progress_kind, t, folder / "error.log") as (progress, shown):
            archive = open_archive(folder)
            if form == "bag":
                made = as_bag(archive, identifier, out, fetch=fetch, progress=progress)
            else:
                made = as_crate(archive, identifier, out, progress=progress)
        tell_result(shown, {"out": str(made)}, [t.say("Written: {path}", path=made)])

    return command
