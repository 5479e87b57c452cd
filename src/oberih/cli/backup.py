"""``oberih backup``, ``restore``, and ``rebuild --data``: a service on the day after its machine was lost."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oberih.cli.running import (
    PathType,
    data_option,
    how_told,
    key_option,
    keys,
    tell_result,
    told,
    working,
)
from oberih.errors import InputError
from oberih.i18n import Language, say

if TYPE_CHECKING:
    from oberih.work.flow.recovering import Begun, Recovered

__all__ = ["commands", "refuse_no_service", "service_again"]

FILE = PathType(path_type=Path)


def commands(t: Language) -> list[click.Command]:
    """The commands, with help in the language ``t``."""
    return [backup(t), restore(t)]


def backup(t: Language) -> click.Command:
    @click.command("backup", help=t(BACKUP))
    @click.argument("out", type=FILE)
    @data_option(t)
    @how_told(t)
    def command(out: Path, data: Path, progress_kind: str) -> None:
        from oberih.work.backup import back_up
        from oberih.work.service import open_service

        refuse_no_service(data)
        folder = out.absolute().parent
        if not folder.is_dir():
            raise InputError(
                say("There is no folder {path}.", path=folder), "Make it first, or choose another one."
            )
        with working(progress_kind, t) as (progress, shown):
            service = open_service(data)
            troubles = back_up(service, out, progress)
            warning = lost_together(out, data)
            custodians = sorted(service.archive.settings.custodians)
            service.close()
        lines = [
            t.say("Written: {path}", path=out),
            t.say("The key of any custodian opens it: {names}. Keep it on another machine.",
                  names=", ".join(custodians)),
            *([t(warning)] if warning else []),
            *told(troubles, t),
        ]  # fmt: skip
        record = {"out": str(out), "custodians": custodians, "warning": warning,
                  "not_done": [one.error.message for one in troubles]}  # fmt: skip
        tell_result(shown, record, lines)

    return command


BACKUP = """Write what of a service is not in its archive into the new file OUT, sealed for the custodians.

These are the accounts, the settings and the secrets; everything else comes back from the archive. The service
may run meanwhile."""


def lost_together(out: Path, data: Path) -> str:
    """What to say if a backup would be lost with what it is a backup of; empty: it would not."""
    if out.resolve().is_relative_to(data.resolve()):
        return say("{path} lies in the folder of the service: whoever loses one, loses both.", path=out)
    if out.stat().st_dev == data.stat().st_dev:
        return say("{path} lies on the same disk as the service: copy it elsewhere before you rely on it.",
                   path=out)  # fmt: skip
    return ""


def refuse_no_service(data: Path) -> None:
    if not (data / "private").is_dir():
        raise InputError(
            say("There is no service in {path}.", path=data), "Give the folder that `oberih serve` was given."
        )


def restore(t: Language) -> click.Command:
    @click.command("restore", help=t(RESTORE))
    @click.argument("file", type=FILE)
    @data_option(t)
    @click.option(
        "--from", "source", default="", metavar="STORE",
        help=t("The archive's store that survived, if the archive is not in the folder: its path or URL."),
    )  # fmt: skip
    @key_option(t)
    @how_told(t)
    def command(file: Path, data: Path, source: str, key_files: tuple[Path, ...], progress_kind: str) -> None:
        from oberih.work.backup import refuse_used

        refuse_used(data)
        service_again(data, key_files, source, file, progress_kind, t)

    return command


RESTORE = """Make a service again from a backup and its archive, with a custodian's key.

The folder is new, or holds nothing but the archive."""


def service_again(
    data: Path, key_files: Sequence[Path], source: str, backup: Path | None, progress_kind: str, t: Language
) -> None:
    """Rebuild a service, begin its work again, and say what came back."""
    from oberih.work.flow.recovering import begin_again, rebuild_service
    from oberih.work.service import open_service

    content = None if backup is None else read(backup)
    with working(progress_kind, t) as (progress, shown):
        made = rebuild_service(data, keys(key_files, t), source=source, backup=content, progress=progress)
        service = open_service(data)
        begun = begin_again(service)
        service.close()
    tell_result(shown, as_record(made, begun), lines_of(made, begun, data, t))


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            say("{path} cannot be read: {why}", path=path, why=error.strerror or type(error).__name__),
            "Check the spelling of the path, and that you may read what is there.",
        ) from error


def as_record(made: "Recovered", begun: "Begun") -> dict[str, object]:
    troubles = [*(one.error.message for one in made.archive.troubles)]
    return {
        "restored": made.archive.restored, "indexed": made.archive.indexed, "entries": made.catalogue.entries,
        "adopted": made.catalogue.adopted, "accounts": made.accounts, "public": made.public,
        "jobs": begun.jobs, "lost": begun.lost, "new_custodian": made.new_custodian,
        "not_done": troubles + [f"{of}: {error.message}" for of, error in made.catalogue.troubles],
    }  # fmt: skip


def lines_of(made: "Recovered", begun: "Begun", data: Path, t: Language) -> list[str]:
    lines = [
        t.say("{restored} objects restored, {indexed} in the index, {seconds:.1f} s.",
              restored=made.archive.restored, indexed=made.archive.indexed, seconds=made.archive.seconds),
        t.say("Entries of the ledger: {count}; public records: {public}.",
              count=made.catalogue.entries, public=made.public),
    ]  # fmt: skip
    lines.append(t.say("Accounts: {count}.", count=made.accounts))
    if not made.accounts:
        lines.append(t("There are no accounts: they come back from a backup only."))
    if made.new_custodian:
        lines.append(t("The service has a new key, which is a custodian's now in the place of its old one."))
    lines.append(t.say("Jobs that begin when the service is started: {count}.", count=begun.jobs))
    if begun.lost:
        lines.append(
            t.say("Contributions whose files were not in the archive yet: {count}. Their senders are told.",
                  count=begun.lost)
        )  # fmt: skip
    lines += told(made.archive.troubles, t)
    lines += [f"{of}: {t(error.message)}" for of, error in made.catalogue.troubles]
    return [*lines, t.say("Start it: oberih serve --data {path}", path=data)]
